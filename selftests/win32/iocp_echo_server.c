// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An echo server on a completion port: AcceptEx, WSARecv, WSASend, and threads that take
 * packets.  Each connection has one operation under way, so that it needs no lock.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdlib.h>

#include "drive.h"

#define PROGRAM		"iocp_echo_server"
#define WORKERS		4
#define ACCEPTS		8
#define ADDRESS_ROOM	(sizeof(SOCKADDR_STORAGE) + 16)

typedef enum { OpAccept, OpReceive, OpSend } OPERATION;

typedef struct {
	OVERLAPPED Overlapped;
	OPERATION Operation;
	SOCKET Socket;
	WSABUF Buffer;
	CHAR Data[4096];
} CONNECTION;

static HANDLE Port, Workers[WORKERS], AllGone;
static SOCKET Listener;
static LPFN_ACCEPTEX Accept;
static LONG Connections, Served;
static volatile BOOL Stopping;

static void Close(CONNECTION *Connection)
{
	closesocket(Connection->Socket);
	free(Connection);
	if (InterlockedDecrement(&Connections) == 0)
		SetEvent(AllGone);
}

/* Whatever is started has a packet, unless it fails at once. */
static BOOL Started(int Result)
{
	return Result == 0 || WSAGetLastError() == WSA_IO_PENDING;
}

static void StartReceive(CONNECTION *Connection)
{
	DWORD Flags = 0;

	ZeroMemory(&Connection->Overlapped, sizeof(Connection->Overlapped));
	Connection->Operation = OpReceive;
	Connection->Buffer.buf = Connection->Data;
	Connection->Buffer.len = sizeof(Connection->Data);
	if (!Started(WSARecv(Connection->Socket, &Connection->Buffer, 1, NULL, &Flags,
			     &Connection->Overlapped, NULL)))
		Close(Connection);
}

static void StartSend(CONNECTION *Connection, DWORD Bytes)
{
	ZeroMemory(&Connection->Overlapped, sizeof(Connection->Overlapped));
	Connection->Operation = OpSend;
	Connection->Buffer.len = Bytes;
	if (!Started(WSASend(Connection->Socket, &Connection->Buffer, 1, NULL, 0,
			     &Connection->Overlapped, NULL)))
		Close(Connection);
}

static void StartAccept(void)
{
	CONNECTION *Connection = (CONNECTION *)calloc(1, sizeof(CONNECTION));
	DWORD Bytes;

	if (!Connection)
		return;
	InterlockedIncrement(&Connections);
	Connection->Operation = OpAccept;
	Connection->Socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
					WSA_FLAG_OVERLAPPED);
	if (!Accept(Listener, Connection->Socket, Connection->Data, 0, ADDRESS_ROOM,
		    ADDRESS_ROOM, &Bytes, &Connection->Overlapped) &&
	    WSAGetLastError() != WSA_IO_PENDING)
		Close(Connection);
}

static void Accepted(CONNECTION *Connection)
{
	StartAccept();
	InterlockedIncrement(&Served);
	if (setsockopt(Connection->Socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
		       (char *)&Listener, sizeof(Listener)) ||
	    !CreateIoCompletionPort((HANDLE)Connection->Socket, Port, 0, 0))
		Close(Connection);
	else
		StartReceive(Connection);
}

static DWORD WINAPI Worker(LPVOID Context)
{
	(void)Context;
	for (;;) {
		LPOVERLAPPED Overlapped;
		CONNECTION *Connection;
		ULONG_PTR Key;
		DWORD Bytes;
		BOOL Success = GetQueuedCompletionStatus(Port, &Bytes, &Key, &Overlapped,
							 INFINITE);

		if (!Overlapped)
			return 0;
		Connection = CONTAINING_RECORD(Overlapped, CONNECTION, Overlapped);
		if (!Success) {
			/* A client that has gone before it was accepted. */
			if (Connection->Operation == OpAccept && !Stopping)
				StartAccept();
			Close(Connection);
		} else if (Connection->Operation == OpAccept) {
			Accepted(Connection);
		} else if (Connection->Operation == OpSend) {
			StartReceive(Connection);
		} else if (Bytes == 0) {
			Close(Connection);
		} else {
			StartSend(Connection, Bytes);
		}
	}
}

static BOOL StartServer(SOCKADDR_IN *Address)
{
	int Size = sizeof(*Address), i;
	GUID Id = WSAID_ACCEPTEX;
	DWORD Bytes;

	Port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	AllGone = CreateEventW(NULL, TRUE, FALSE, NULL);
	Listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	ZeroMemory(Address, sizeof(*Address));
	Address->sin_family = AF_INET;
	Address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!Port || !AllGone || bind(Listener, (SOCKADDR *)Address, sizeof(*Address)) ||
	    getsockname(Listener, (SOCKADDR *)Address, &Size) || listen(Listener, SOMAXCONN) ||
	    WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &Id, sizeof(Id), &Accept,
		     sizeof(Accept), &Bytes, NULL, NULL) ||
	    !CreateIoCompletionPort((HANDLE)Listener, Port, 0, 0))
		return FALSE;
	for (i = 0; i < WORKERS; i++)
		Workers[i] = CreateThread(NULL, 0, Worker, NULL, 0, NULL);
	for (i = 0; i < ACCEPTS; i++)
		StartAccept();
	return TRUE;
}

/* The clients have gone; what is left are accepts, which end with the listener. */
static BOOL StopServer(void)
{
	BOOL Gone;
	int i;

	Stopping = TRUE;
	closesocket(Listener);
	Gone = WaitForSingleObject(AllGone, COMES) == WAIT_OBJECT_0;
	for (i = 0; i < WORKERS; i++)
		PostQueuedCompletionStatus(Port, 0, 0, NULL);
	WaitForMultipleObjects(WORKERS, Workers, TRUE, COMES);
	for (i = 0; i < WORKERS; i++)
		CloseHandle(Workers[i]);
	CloseHandle(Port);
	CloseHandle(AllGone);
	return Gone;
}

static struct sockaddr_in server;

#define LARGE	(1024 * 1024)
#define CLIENTS	24
#define SMALL	(40 * 1000)

static void what_is_sent_comes_back(void)
{
	static char data[LARGE];
	static struct exchange e = { .server = &server, .request = data, .size = LARGE };

	fill(data, LARGE, 1);
	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT_EQ(LARGE, e.received);
	EXPECT(hash_of(HASH_OF_NOTHING, data, LARGE) == e.hash);
}

static void each_client_gets_its_own(void)
{
	static char data[CLIENTS][SMALL];
	static struct exchange e[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++) {
		fill(data[i], SMALL, (DWORD)i);
		e[i].server = &server;
		e[i].request = data[i];
		e[i].size = SMALL - (DWORD)i;
	}
	EXPECT_EQ(0, run_exchanges(e, CLIENTS));
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(e[i].size, e[i].received);
		EXPECT(hash_of(HASH_OF_NOTHING, data[i], e[i].size) == e[i].hash);
	}
	EXPECT_EQ(1 + CLIENTS, Served);
}

static void clients_that_break_off_do_no_harm(void)
{
	static struct exchange e = { .server = &server, .request = "hello", .size = 5 };
	int i;

	for (i = 0; i < 10; i++)
		connect_and_reset(&server, i % 2 ? "" : "some text");
	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT_EQ(5, e.received);
}

static void nothing_is_left(void)
{
	EXPECT(StopServer());
	EXPECT_EQ(0, Connections);
}

int main(void)
{
	WSADATA Data;

	if (WSAStartup(MAKEWORD(2, 2), &Data) || !StartServer(&server))
		return 2;
	RUN(what_is_sent_comes_back);
	RUN(each_client_gets_its_own);
	RUN(clients_that_break_off_do_no_harm);
	RUN(nothing_is_left);
	WSACleanup();
	return tap_end();
}
