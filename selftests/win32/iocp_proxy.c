// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A TCP proxy on a completion port: ConnectEx to the server, then each direction on its own,
 * without packets for what succeeds at once, and an end that is passed on.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdlib.h>

#include "drive.h"

#define PROGRAM	"iocp_proxy"
#define WORKERS	3
#define BATCH	16

typedef struct _PAIR PAIR;
typedef enum { Connecting, Receiving, Sending } STATE;

/* One direction: it receives, sends all of that, and receives again. */
typedef struct {
	OVERLAPPED Overlapped;
	STATE State;
	PAIR *Pair;
	SOCKET From, To;
	WSABUF Buffer;
	CHAR Data[16 * 1024];
} CHANNEL;

struct _PAIR {
	LONG References;
	SOCKET Client, Server;
	CHANNEL Up, Down;
};

static HANDLE Port, Workers[WORKERS], Acceptor, AllGone;
static SOCKET Listener;
static LPFN_CONNECTEX Connect;
static SOCKADDR_IN Upstream;
/* One is the acceptor's. */
static LONG Pairs = 1;

static void CountDown(void)
{
	if (InterlockedDecrement(&Pairs) == 0)
		SetEvent(AllGone);
}

static void Release(PAIR *Pair)
{
	if (InterlockedDecrement(&Pair->References))
		return;
	closesocket(Pair->Client);
	closesocket(Pair->Server);
	free(Pair);
	CountDown();
}

/* Both directions end: what is started later fails, and what pends is cancelled. */
static void BreakOff(PAIR *Pair)
{
	shutdown(Pair->Client, SD_BOTH);
	shutdown(Pair->Server, SD_BOTH);
	CancelIoEx((HANDLE)Pair->Client, NULL);
	CancelIoEx((HANDLE)Pair->Server, NULL);
}

/* Starts the next operation; whether it has succeeded, pends, or has failed. */
static DWORD Start(CHANNEL *Channel, STATE State, DWORD *Bytes)
{
	DWORD Flags = 0;
	int Result;

	ZeroMemory(&Channel->Overlapped, sizeof(Channel->Overlapped));
	Channel->State = State;
	Channel->Buffer.buf = Channel->Data;
	Channel->Buffer.len = State == Sending ? *Bytes : sizeof(Channel->Data);
	if (State == Sending)
		Result = WSASend(Channel->To, &Channel->Buffer, 1, Bytes, 0,
				 &Channel->Overlapped, NULL);
	else
		Result = WSARecv(Channel->From, &Channel->Buffer, 1, Bytes, &Flags,
				 &Channel->Overlapped, NULL);
	return Result ? WSAGetLastError() : ERROR_SUCCESS;
}

/* Goes on until an operation pends: from then on another thread may have the channel. */
static void Relay(CHANNEL *Channel, DWORD Bytes)
{
	PAIR *Pair = Channel->Pair;
	DWORD Error;

	do {
		if (Channel->State == Receiving && Bytes == 0) {
			shutdown(Channel->To, SD_SEND);
			Release(Pair);
			return;
		}
		Error = Start(Channel, Channel->State == Receiving ? Sending : Receiving, &Bytes);
	} while (Error == ERROR_SUCCESS);
	if (Error == WSA_IO_PENDING)
		return;
	BreakOff(Pair);
	Release(Pair);
}

static void Connected(PAIR *Pair)
{
	if (setsockopt(Pair->Server, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0)) {
		Release(Pair);
		return;
	}
	/* Either direction may have ended before this returns. */
	InterlockedIncrement(&Pair->References);
	Pair->Down.State = Sending;
	Relay(&Pair->Down, 0);
	Pair->Up.State = Sending;
	Relay(&Pair->Up, 0);
}

static void Ended(CHANNEL *Channel, BOOL Success, DWORD Bytes)
{
	if (!Success) {
		BreakOff(Channel->Pair);
		Release(Channel->Pair);
	} else if (Channel->State == Connecting) {
		Connected(Channel->Pair);
	} else {
		Relay(Channel, Bytes);
	}
}

static DWORD WINAPI Worker(LPVOID Context)
{
	OVERLAPPED_ENTRY Entries[BATCH];
	ULONG Count, i;

	(void)Context;
	while (GetQueuedCompletionStatusEx(Port, Entries, BATCH, &Count, INFINITE, FALSE)) {
		for (i = 0; i < Count; i++) {
			LPOVERLAPPED Overlapped = Entries[i].lpOverlapped;

			if (!Overlapped) {
				/* The end, for the next worker too. */
				PostQueuedCompletionStatus(Port, 0, 0, NULL);
				return 0;
			}
			Ended(CONTAINING_RECORD(Overlapped, CHANNEL, Overlapped),
			      (LONG)Overlapped->Internal >= 0,
			      Entries[i].dwNumberOfBytesTransferred);
		}
	}
	return GetLastError();
}

static BOOL Prepare(SOCKET Socket)
{
	return CreateIoCompletionPort((HANDLE)Socket, Port, 0, 0) &&
	       SetFileCompletionNotificationModes((HANDLE)Socket,
						  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
						  FILE_SKIP_SET_EVENT_ON_HANDLE);
}

static void StartPair(SOCKET Client)
{
	PAIR *Pair = (PAIR *)calloc(1, sizeof(PAIR));
	SOCKADDR_IN Any;

	InterlockedIncrement(&Pairs);
	Pair->References = 1;
	Pair->Client = Client;
	Pair->Server = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
				  WSA_FLAG_OVERLAPPED);
	Pair->Up.Pair = Pair->Down.Pair = Pair;
	Pair->Up.From = Pair->Down.To = Pair->Client;
	Pair->Up.To = Pair->Down.From = Pair->Server;
	Pair->Up.State = Connecting;
	ZeroMemory(&Any, sizeof(Any));
	Any.sin_family = AF_INET;
	if (bind(Pair->Server, (SOCKADDR *)&Any, sizeof(Any)) || !Prepare(Pair->Server) ||
	    !Prepare(Pair->Client) ||
	    (!Connect(Pair->Server, (SOCKADDR *)&Upstream, sizeof(Upstream), NULL, 0, NULL,
		      &Pair->Up.Overlapped) && WSAGetLastError() != ERROR_IO_PENDING))
		Release(Pair);
}

static DWORD WINAPI AcceptAll(LPVOID Context)
{
	SOCKET Client;

	(void)Context;
	while ((Client = accept(Listener, NULL, NULL)) != INVALID_SOCKET) {
		/* The last client says that there will be no more. */
		if (Pairs == 0)
			return (DWORD)closesocket(Client);
		StartPair(Client);
	}
	return 1;
}

static BOOL StartProxy(SOCKADDR_IN *Address)
{
	int Size = sizeof(*Address), i;
	GUID Id = WSAID_CONNECTEX;
	DWORD Bytes;

	Port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	AllGone = CreateEventW(NULL, TRUE, FALSE, NULL);
	Listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	ZeroMemory(Address, sizeof(*Address));
	Address->sin_family = AF_INET;
	Address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!Port || !AllGone || bind(Listener, (SOCKADDR *)Address, sizeof(*Address)) ||
	    getsockname(Listener, (SOCKADDR *)Address, &Size) || listen(Listener, SOMAXCONN) ||
	    WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &Id, sizeof(Id), &Connect,
		     sizeof(Connect), &Bytes, NULL, NULL))
		return FALSE;
	for (i = 0; i < WORKERS; i++)
		Workers[i] = CreateThread(NULL, 0, Worker, NULL, 0, NULL);
	Acceptor = CreateThread(NULL, 0, AcceptAll, NULL, 0, NULL);
	return TRUE;
}

static struct sockaddr_in proxy;

/* Ends when all connections have ended; whether they did. */
static BOOL StopProxy(void)
{
	SOCKET last = tcp();
	BOOL gone;
	int i;

	CountDown();
	gone = WaitForSingleObject(AllGone, COMES) == WAIT_OBJECT_0;
	connect_to(last, &proxy);
	WaitForSingleObject(Acceptor, COMES);
	closesocket(last);
	PostQueuedCompletionStatus(Port, 0, 0, NULL);
	WaitForMultipleObjects(WORKERS, Workers, TRUE, COMES);
	for (i = 0; i < WORKERS; i++)
		CloseHandle(Workers[i]);
	CloseHandle(Acceptor);
	closesocket(Listener);
	CloseHandle(AllGone);
	CloseHandle(Port);
	return gone;
}

static SOCKET upstream_listener;

/* The server behind it: it sends back all that comes, each byte plus 1. */
static DWORD WINAPI serve_one(LPVOID arg)
{
	SOCKET s = (SOCKET)arg;
	char data[8192];
	int n, i;

	while ((n = recv(s, data, sizeof(data), 0)) > 0) {
		for (i = 0; i < n; i++)
			data[i]++;
		if (send(s, data, n, 0) != n)
			break;
	}
	return (DWORD)closesocket(s);
}

static DWORD WINAPI serve(LPVOID arg)
{
	SOCKET s;

	(void)arg;
	while ((s = accept(upstream_listener, NULL, NULL)) != INVALID_SOCKET)
		CloseHandle(CreateThread(NULL, 0, serve_one, (LPVOID)s, 0, NULL));
	return 0;
}

#define LARGE	(1024 * 1024)
#define CLIENTS	16
#define SMALL	(60 * 1000)

static unsigned long long hash_of_answer(const char *data, DWORD size)
{
	unsigned long long hash = HASH_OF_NOTHING;

	while (size--) {
		char c = (char)(*data++ + 1);

		hash = hash_of(hash, &c, 1);
	}
	return hash;
}

static void all_goes_to_the_server_and_back(void)
{
	static char data[LARGE];
	static struct exchange e = { .server = &proxy, .request = data, .size = LARGE };

	fill(data, LARGE, 1);
	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT_EQ(LARGE, e.received);
	EXPECT(hash_of_answer(data, LARGE) == e.hash);
}

static void each_client_has_its_own_connection(void)
{
	static char data[CLIENTS][SMALL];
	static struct exchange e[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++) {
		fill(data[i], SMALL, (DWORD)i);
		e[i].server = &proxy;
		e[i].request = data[i];
		e[i].size = SMALL - (DWORD)i;
	}
	EXPECT_EQ(0, run_exchanges(e, CLIENTS));
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(e[i].size, e[i].received);
		EXPECT(hash_of_answer(data[i], e[i].size) == e[i].hash);
	}
}

static void clients_that_break_off_do_no_harm(void)
{
	static struct exchange e = { .server = &proxy, .request = "HAL", .size = 3 };
	int i;

	for (i = 0; i < 10; i++)
		connect_and_reset(&proxy, i % 2 ? "" : "some text");
	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT_EQ(3, e.received);
	EXPECT(!memcmp(e.answer, "IBM", 3));
}

static void server_that_is_not_there_ends_the_connection(void)
{
	SOCKET gone = tcp(), s = tcp();
	SOCKADDR_IN keep = Upstream;
	char c;

	ASSERT(bind_anywhere(gone, &Upstream));
	EXPECT_EQ(0, connect_to(s, &proxy));
	EXPECT(recv(s, &c, 1, 0) <= 0);
	Upstream = keep;
	EXPECT_EQ(0, closesocket(gone));
	EXPECT_EQ(0, closesocket(s));
}

static void nothing_is_left(void)
{
	EXPECT(StopProxy());
	EXPECT_EQ(0, Pairs);
}

int main(void)
{
	WSADATA Data;
	HANDLE thread;

	if (WSAStartup(MAKEWORD(2, 2), &Data))
		return 2;
	upstream_listener = tcp();
	if (!bind_anywhere(upstream_listener, &Upstream) || listen(upstream_listener, SOMAXCONN))
		return 2;
	thread = CreateThread(NULL, 0, serve, NULL, 0, NULL);
	if (!thread || !StartProxy(&proxy))
		return 2;
	RUN(all_goes_to_the_server_and_back);
	RUN(each_client_has_its_own_connection);
	RUN(clients_that_break_off_do_no_harm);
	RUN(server_that_is_not_there_ends_the_connection);
	RUN(nothing_is_left);
	return tap_end();
}
