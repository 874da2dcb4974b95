// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An HTTP/1.1 server on a completion port: the first request comes with its connection, later
 * ones on the same connection, several at once too, and who is idle for too long is cancelled.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#include "drive.h"

#define PROGRAM		"iocp_http_server"
#define WORKERS		4
#define ACCEPTS		8
#define ADDRESS_ROOM	(sizeof(SOCKADDR_IN) + 16)
#define REQUEST_ROOM	2048
#define IDLE		300	/* ms */
#define LARGE		(300 * 1000)

typedef enum { Accepting, Receiving, Sending } STATE;

typedef struct _CONNECTION {
	OVERLAPPED Overlapped;
	struct _CONNECTION *Next, **Link;
	volatile STATE State;
	volatile LONGLONG Since;
	SOCKET Socket;
	BOOL KeepAlive;
	DWORD Received;
	CHAR Request[REQUEST_ROOM + 2 * ADDRESS_ROOM];
	CHAR Head[128];
	WSABUF Answer[2];
} CONNECTION;

static HANDLE Port, Workers[WORKERS], Janitor, Stopping, AllGone;
static SOCKET Listener;
static LPFN_ACCEPTEX Accept;
static LPFN_GETACCEPTEXSOCKADDRS GetAddresses;
static CHAR Large[LARGE];
static LONG Count, Idlers, Strangers;
/* All connections, and their lock: a socket in the list is open. */
static CONNECTION *All;
static CRITICAL_SECTION Lock;

static void StartAccept(void);

static void Close(CONNECTION *Connection)
{
	EnterCriticalSection(&Lock);
	*Connection->Link = Connection->Next;
	if (Connection->Next)
		Connection->Next->Link = Connection->Link;
	closesocket(Connection->Socket);
	LeaveCriticalSection(&Lock);
	free(Connection);
	if (InterlockedDecrement(&Count) == 0)
		SetEvent(AllGone);
}

static void Start(CONNECTION *Connection, STATE State)
{
	WSABUF Buffer;
	DWORD Flags = 0;
	int Result;

	ZeroMemory(&Connection->Overlapped, sizeof(Connection->Overlapped));
	Connection->Since = (LONGLONG)GetTickCount64();
	Connection->State = State;
	Buffer.buf = Connection->Request + Connection->Received;
	Buffer.len = REQUEST_ROOM - Connection->Received;
	if (State == Sending)
		Result = WSASend(Connection->Socket, Connection->Answer, 2, NULL, 0,
				 &Connection->Overlapped, NULL);
	else
		Result = WSARecv(Connection->Socket, &Buffer, 1, NULL, &Flags,
				 &Connection->Overlapped, NULL);
	if (Result && WSAGetLastError() != WSA_IO_PENDING)
		Close(Connection);
}

static void Answer(CONNECTION *Connection, const char *Status, const char *Body, DWORD Length)
{
	Connection->Answer[0].buf = Connection->Head;
	Connection->Answer[0].len =
		(ULONG)snprintf(Connection->Head, sizeof(Connection->Head),
				"HTTP/1.1 %s\r\nContent-Length: %lu\r\n%s\r\n", Status,
				(unsigned long)Length,
				Connection->KeepAlive ? "" : "Connection: close\r\n");
	Connection->Answer[1].buf = (CHAR *)Body;
	Connection->Answer[1].len = Length;
	Start(Connection, Sending);
}

/* A request ends with an empty line; what is behind it is the next one. */
static void HandleRequests(CONNECTION *Connection)
{
	CHAR Line[REQUEST_ROOM + 1];
	DWORD Length;
	CHAR *End;

	memcpy(Line, Connection->Request, Connection->Received);
	Line[Connection->Received] = 0;
	End = strstr(Line, "\r\n\r\n");
	if (!End) {
		if (Connection->Received == REQUEST_ROOM)
			Close(Connection);
		else
			Start(Connection, Receiving);
		return;
	}
	*End = 0;
	Length = (DWORD)(End + 4 - Line);
	Connection->Received -= Length;
	memmove(Connection->Request, Connection->Request + Length, Connection->Received);
	Connection->KeepAlive = !strstr(Line, "Connection: close");
	if (strncmp(Line, "GET ", 4)) {
		Connection->KeepAlive = FALSE;
		Answer(Connection, "405 Method Not Allowed", "", 0);
	} else if (!strncmp(Line + 4, "/ ", 2)) {
		Answer(Connection, "200 OK", "hello\n", 6);
	} else if (!strncmp(Line + 4, "/large ", 7)) {
		Answer(Connection, "200 OK", Large, LARGE);
	} else {
		Answer(Connection, "404 Not Found", "nothing\n", 8);
	}
}

static void Accepted(CONNECTION *Connection)
{
	SOCKADDR *Local, *Remote;
	INT LocalSize, RemoteSize;

	StartAccept();
	GetAddresses(Connection->Request, REQUEST_ROOM, ADDRESS_ROOM, ADDRESS_ROOM, &Local,
		     &LocalSize, &Remote, &RemoteSize);
	if (((SOCKADDR_IN *)Remote)->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		InterlockedIncrement(&Strangers);
	if (setsockopt(Connection->Socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
		       (char *)&Listener, sizeof(Listener)) ||
	    !CreateIoCompletionPort((HANDLE)Connection->Socket, Port, 0, 0))
		Close(Connection);
	else
		HandleRequests(Connection);
}

static void StartAccept(void)
{
	CONNECTION *Connection = (CONNECTION *)calloc(1, sizeof(CONNECTION));
	DWORD Bytes;

	if (!Connection)
		return;
	InterlockedIncrement(&Count);
	Connection->State = Accepting;
	Connection->Socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
					WSA_FLAG_OVERLAPPED);
	EnterCriticalSection(&Lock);
	Connection->Link = &All;
	Connection->Next = All;
	if (All)
		All->Link = &Connection->Next;
	All = Connection;
	LeaveCriticalSection(&Lock);
	if (!Accept(Listener, Connection->Socket, Connection->Request, REQUEST_ROOM,
		    ADDRESS_ROOM, ADDRESS_ROOM, &Bytes, &Connection->Overlapped) &&
	    WSAGetLastError() != WSA_IO_PENDING)
		Close(Connection);
}

static void Ended(CONNECTION *Connection, BOOL Success, DWORD Bytes)
{
	if (!Success || (Bytes == 0 && Connection->State == Receiving)) {
		/* A client that has gone before it was accepted. */
		if (Connection->State == Accepting &&
		    WaitForSingleObject(Stopping, 0) == WAIT_TIMEOUT)
			StartAccept();
		Close(Connection);
		return;
	}
	if (Connection->State == Sending) {
		if (Connection->KeepAlive)
			HandleRequests(Connection);
		else
			Close(Connection);
		return;
	}
	Connection->Received += Bytes;
	if (Connection->State == Receiving)
		HandleRequests(Connection);
	else
		Accepted(Connection);
}

static DWORD WINAPI Worker(LPVOID Context)
{
	(void)Context;
	for (;;) {
		LPOVERLAPPED Overlapped;
		ULONG_PTR Key;
		DWORD Bytes;
		BOOL Success = GetQueuedCompletionStatus(Port, &Bytes, &Key, &Overlapped,
							 INFINITE);

		if (!Overlapped)
			return 0;
		Ended(CONTAINING_RECORD(Overlapped, CONNECTION, Overlapped), Success, Bytes);
	}
}

/* Cancels who keeps a connection and asks nothing. */
static DWORD WINAPI LookForIdlers(LPVOID Context)
{
	(void)Context;
	while (WaitForSingleObject(Stopping, IDLE / 4) == WAIT_TIMEOUT) {
		LONGLONG Now = (LONGLONG)GetTickCount64();
		CONNECTION *Connection;

		EnterCriticalSection(&Lock);
		for (Connection = All; Connection; Connection = Connection->Next) {
			if (Connection->State == Receiving && Now - Connection->Since > IDLE &&
			    CancelIoEx((HANDLE)Connection->Socket, &Connection->Overlapped))
				InterlockedIncrement(&Idlers);
		}
		LeaveCriticalSection(&Lock);
	}
	return 0;
}

static BOOL GetFunction(GUID Id, void *Function, DWORD Size)
{
	DWORD Bytes;

	return !WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &Id, sizeof(Id), Function,
			 Size, &Bytes, NULL, NULL);
}

static BOOL StartServer(SOCKADDR_IN *Address)
{
	int Size = sizeof(*Address), i;

	InitializeCriticalSection(&Lock);
	Port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	AllGone = CreateEventW(NULL, TRUE, FALSE, NULL);
	Stopping = CreateEventW(NULL, TRUE, FALSE, NULL);
	Listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	ZeroMemory(Address, sizeof(*Address));
	Address->sin_family = AF_INET;
	Address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!Port || !AllGone || !Stopping ||
	    bind(Listener, (SOCKADDR *)Address, sizeof(*Address)) ||
	    getsockname(Listener, (SOCKADDR *)Address, &Size) || listen(Listener, SOMAXCONN) ||
	    !GetFunction((GUID)WSAID_ACCEPTEX, &Accept, sizeof(Accept)) ||
	    !GetFunction((GUID)WSAID_GETACCEPTEXSOCKADDRS, &GetAddresses, sizeof(GetAddresses)) ||
	    !CreateIoCompletionPort((HANDLE)Listener, Port, 0, 0))
		return FALSE;
	Janitor = CreateThread(NULL, 0, LookForIdlers, NULL, 0, NULL);
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

	SetEvent(Stopping);
	WaitForSingleObject(Janitor, COMES);
	CloseHandle(Janitor);
	closesocket(Listener);
	Gone = WaitForSingleObject(AllGone, COMES) == WAIT_OBJECT_0;
	for (i = 0; i < WORKERS; i++)
		PostQueuedCompletionStatus(Port, 0, 0, NULL);
	WaitForMultipleObjects(WORKERS, Workers, TRUE, COMES);
	for (i = 0; i < WORKERS; i++)
		CloseHandle(Workers[i]);
	CloseHandle(Port);
	CloseHandle(AllGone);
	CloseHandle(Stopping);
	return Gone;
}

static struct sockaddr_in server;

static unsigned long long add_answer(unsigned long long hash, const char *status,
				     const char *body, DWORD length, int last)
{
	char head[128];

	sprintf(head, "HTTP/1.1 %s\r\nContent-Length: %lu\r\n%s\r\n", status,
		(unsigned long)length, last ? "Connection: close\r\n" : "");
	return hash_of(hash_of(hash, head, (DWORD)strlen(head)), body, length);
}

static const char one_request[] =
	"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
static const char several_requests[] =
	"GET / HTTP/1.1\r\n\r\nGET /large HTTP/1.1\r\nHost: here\r\n\r\n"
	"GET /nowhere HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n";

static void page_comes(void)
{
	static struct exchange e = { .server = &server, .request = one_request,
				     .size = sizeof(one_request) - 1 };

	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT(add_answer(HASH_OF_NOTHING, "200 OK", "hello\n", 6, 1) == e.hash);
}

static unsigned long long several_answers(void)
{
	unsigned long long hash = HASH_OF_NOTHING;

	hash = add_answer(hash, "200 OK", "hello\n", 6, 0);
	hash = add_answer(hash, "200 OK", Large, LARGE, 0);
	hash = add_answer(hash, "404 Not Found", "nothing\n", 8, 0);
	return add_answer(hash, "200 OK", "hello\n", 6, 1);
}

static void answers_come_in_the_order_of_requests(void)
{
	static struct exchange e[16];
	unsigned long long hash = several_answers();
	int i;

	for (i = 0; i < 16; i++) {
		e[i].server = &server;
		e[i].request = several_requests;
		e[i].size = sizeof(several_requests) - 1;
	}
	EXPECT_EQ(0, run_exchanges(e, 16));
	for (i = 0; i < 16; i++)
		EXPECT(hash == e[i].hash);
}

static void request_may_come_in_pieces(void)
{
	SOCKET s = tcp();
	char text[256];
	int i, n, size = 0;

	ASSERT_EQ(0, connect_to(s, &server));
	for (i = 0; i < (int)sizeof(one_request) - 1; i += 10) {
		n = (int)sizeof(one_request) - 1 - i;
		EXPECT(send(s, one_request + i, n < 10 ? n : 10, 0) > 0);
		Sleep(1);
	}
	while ((n = recv(s, text + size, (int)sizeof(text) - size, 0)) > 0)
		size += n;
	EXPECT(add_answer(HASH_OF_NOTHING, "200 OK", "hello\n", 6, 1) ==
	       hash_of(HASH_OF_NOTHING, text, (DWORD)size));
	EXPECT_EQ(0, closesocket(s));
}

static void other_methods_are_refused(void)
{
	static struct exchange e = { .server = &server, .request = "PUT / HTTP/1.1\r\n\r\n",
				     .size = 18 };

	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT(!memcmp(e.answer, "HTTP/1.1 405", 12));
}

static void who_is_idle_is_let_go(void)
{
	SOCKET s = tcp();
	char text[64];
	int n = 0;

	ASSERT_EQ(0, connect_to(s, &server));
	EXPECT(send(s, "GET / HTTP/1.1\r\n\r\n", 18, 0) == 18);
	while (recv(s, text, sizeof(text), 0) > 0)
		n++;
	EXPECT(n > 0);
	EXPECT(Idlers > 0);
	EXPECT_EQ(0, closesocket(s));
}

static void clients_that_break_off_do_no_harm(void)
{
	int i;

	for (i = 0; i < 30; i++)
		connect_and_reset(&server, i % 3 ? i % 3 == 1 ? "GET /" : several_requests : "");
	page_comes();
}

static void nothing_is_left(void)
{
	EXPECT(StopServer());
	EXPECT_EQ(0, Count);
	EXPECT_EQ(NULL, All);
	EXPECT_EQ(0, Strangers);
}

int main(void)
{
	WSADATA Data;

	fill(Large, LARGE, 3);
	if (WSAStartup(MAKEWORD(2, 2), &Data) || !StartServer(&server))
		return 2;
	RUN(page_comes);
	RUN(answers_come_in_the_order_of_requests);
	RUN(request_may_come_in_pieces);
	RUN(other_methods_are_refused);
	RUN(who_is_idle_is_let_go);
	RUN(clients_that_break_off_do_no_harm);
	RUN(nothing_is_left);
	WSACleanup();
	return tap_end();
}
