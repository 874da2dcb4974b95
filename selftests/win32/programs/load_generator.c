// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A load generator: so many connections at once, each made by ConnectEx (which sends the
 * request too), and ended by DisconnectEx when the answer is there, to be used for the next
 * one if TF_REUSE_SOCKET allows that, or else replaced.  What it generates load for here is an
 * echo server with AcceptEx on the same completion port.
 *
 *	load_generator [CONNECTIONS [REQUESTS]]
 */
#include <winsock2.h>
#include <mswsock.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_SIZE	512
#define MAX_CONNECTIONS	64
#define ACCEPTS		8
#define THREADS		3
#define ADDRESS_SIZE	(sizeof(struct sockaddr_in) + 16)

typedef enum _ACTION { Connect, SendRest, ReceiveAnswer, WaitForEnd, Disconnect,
		       Accept, ServerReceive, ServerSend } ACTION;

typedef struct _OPERATION {
	OVERLAPPED Overlapped;
	ACTION Action;
	SOCKET Socket;
	DWORD Done, Number;
	LARGE_INTEGER Began;
	char Request[MESSAGE_SIZE];
	char Data[MESSAGE_SIZE + 2 * ADDRESS_SIZE];
} OPERATION;

static HANDLE Port, Finished;
static SOCKET Listener;
static struct sockaddr_in Address;
static LPFN_ACCEPTEX pAcceptEx;
static LPFN_CONNECTEX pConnectEx;
static LPFN_DISCONNECTEX pDisconnectEx;
static OPERATION Clients[MAX_CONNECTIONS], Servers[ACCEPTS];
static LONG Connections = 8, Requests = 120;
static volatile LONG Started, Succeeded, Failed, Wrong, Reused, Replaced, Running, Served;
static volatile LONGLONG TotalTicks, MostTicks;
static volatile LONG Stopping;

static SOCKET NewSocket(BOOL Client)
{
	SOCKET s = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	struct sockaddr_in any = { 0 };

	any.sin_family = AF_INET;
	if (s == INVALID_SOCKET || !CreateIoCompletionPort((HANDLE)s, Port, 0, 0) ||
	    (Client && bind(s, (struct sockaddr *)&any, sizeof(any)) == SOCKET_ERROR)) {
		fprintf(stderr, "no socket: %d\n", WSAGetLastError());
		exit(1);
	}
	return s;
}

static BOOL Pending(BOOL result)
{
	return result || WSAGetLastError() == ERROR_IO_PENDING;
}

static BOOL Transfer(OPERATION *op, ACTION action, char *data, DWORD size)
{
	WSABUF buffer = { size, data };
	DWORD flags = 0;
	int result;

	op->Action = action;
	memset(&op->Overlapped, 0, sizeof(op->Overlapped));
	if (action == SendRest || action == ServerSend)
		result = WSASend(op->Socket, &buffer, 1, NULL, 0, &op->Overlapped, NULL);
	else
		result = WSARecv(op->Socket, &buffer, 1, NULL, &flags, &op->Overlapped, NULL);
	return Pending(result == 0);
}

/* ---- Load ---- */

static void StartRequest(OPERATION *op)
{
	DWORD i;

	for (;;) {
		op->Number = (DWORD)InterlockedIncrement(&Started);
		if (op->Number > (DWORD)Requests) {
			closesocket(op->Socket);
			if (InterlockedDecrement(&Running) == 0)
				SetEvent(Finished);
			return;
		}
		for (i = 0; i < MESSAGE_SIZE; i++)
			op->Request[i] = (char)(i + op->Number * 7);
		op->Done = 0;
		op->Action = Connect;
		memset(&op->Overlapped, 0, sizeof(op->Overlapped));
		QueryPerformanceCounter(&op->Began);
		if (Pending(pConnectEx(op->Socket, (struct sockaddr *)&Address, sizeof(Address),
				       op->Request, MESSAGE_SIZE, NULL, &op->Overlapped)))
			return;
		printf("# ConnectEx: %d\n", WSAGetLastError());
		InterlockedIncrement(&Failed);
		closesocket(op->Socket);
		op->Socket = NewSocket(TRUE);
	}
}

static void Replace(OPERATION *op)
{
	closesocket(op->Socket);
	op->Socket = NewSocket(TRUE);
	InterlockedIncrement(&Replaced);
	StartRequest(op);
}

static void EndConnection(OPERATION *op)
{
	op->Action = Disconnect;
	memset(&op->Overlapped, 0, sizeof(op->Overlapped));
	if (!Pending(pDisconnectEx(op->Socket, &op->Overlapped, TF_REUSE_SOCKET, 0)))
		Replace(op);
}

static void CountRequest(OPERATION *op)
{
	LARGE_INTEGER now;
	LONGLONG ticks, most;

	if (memcmp(op->Request, op->Data, MESSAGE_SIZE) != 0)
		InterlockedIncrement(&Wrong);
	InterlockedIncrement(&Succeeded);
	QueryPerformanceCounter(&now);
	ticks = now.QuadPart - op->Began.QuadPart;
	InterlockedExchangeAdd64(&TotalTicks, ticks);
	do {
		most = MostTicks;
	} while (ticks > most && InterlockedCompareExchange64(&MostTicks, ticks, most) != most);
}

/* Returns FALSE if the connection has failed. */
static BOOL ClientStep(OPERATION *op, DWORD bytes)
{
	switch (op->Action) {
	case Connect:
		setsockopt(op->Socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
		/* fall through */
	case SendRest:
		op->Done += bytes;
		if (op->Done < MESSAGE_SIZE)
			return Transfer(op, SendRest, op->Request + op->Done,
					MESSAGE_SIZE - op->Done);
		op->Done = 0;
		return Transfer(op, ReceiveAnswer, op->Data, MESSAGE_SIZE);
	case ReceiveAnswer:
		op->Done += bytes;
		if (bytes == 0)
			return FALSE;
		if (op->Done < MESSAGE_SIZE)
			return Transfer(op, ReceiveAnswer, op->Data + op->Done,
					MESSAGE_SIZE - op->Done);
		CountRequest(op);
		/* The server ends first, and has the TIME_WAIT. */
		return Transfer(op, WaitForEnd, op->Data, 1);
	case WaitForEnd:
		if (bytes != 0)
			InterlockedIncrement(&Wrong);
		EndConnection(op);
		return TRUE;
	default:
		InterlockedIncrement(&Reused);
		StartRequest(op);
		return TRUE;
	}
}

/* ---- The server ---- */

static void StartAccept(OPERATION *op)
{
	DWORD bytes;

	if (Stopping)
		return;
	op->Socket = NewSocket(FALSE);
	op->Action = Accept;
	op->Done = 0;
	memset(&op->Overlapped, 0, sizeof(op->Overlapped));
	if (!Pending(pAcceptEx(Listener, op->Socket, op->Data, MESSAGE_SIZE, ADDRESS_SIZE,
			       ADDRESS_SIZE, &bytes, &op->Overlapped))) {
		if (!Stopping)
			printf("# AcceptEx: %d\n", WSAGetLastError());
		closesocket(op->Socket);
	}
}

static BOOL ServerStep(OPERATION *op, DWORD bytes)
{
	if (op->Action == ServerSend) {
		InterlockedIncrement(&Served);
		shutdown(op->Socket, SD_SEND);
		return FALSE;
	}
	if (op->Action == Accept)
		setsockopt(op->Socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&Listener,
			   sizeof(Listener));
	if (bytes == 0)
		return FALSE;
	op->Done += bytes;
	if (op->Done < MESSAGE_SIZE)
		return Transfer(op, ServerReceive, op->Data + op->Done, MESSAGE_SIZE - op->Done);
	return Transfer(op, ServerSend, op->Data, MESSAGE_SIZE);
}

static DWORD WINAPI Worker(LPVOID unused)
{
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD bytes;

	(void)unused;
	for (;;) {
		BOOL ok = GetQueuedCompletionStatus(Port, &bytes, &key, &overlapped, INFINITE);
		OPERATION *op;

		if (overlapped == NULL)
			return 0;
		op = CONTAINING_RECORD(overlapped, OPERATION, Overlapped);
		if (op->Action >= Accept) {
			if (!ok || !ServerStep(op, bytes)) {
				closesocket(op->Socket);
				StartAccept(op);
			}
			continue;
		}
		if (!ok && op->Action == Disconnect) {
			Replace(op);
		} else if (!ok || !ClientStep(op, bytes)) {
			printf("# request %d: action %d, error %d\n", (int)op->Number,
			       (int)op->Action, (int)GetLastError());
			InterlockedIncrement(&Failed);
			Replace(op);
		}
	}
}

static BOOL Initialize(void)
{
	GUID acceptEx = WSAID_ACCEPTEX, connectEx = WSAID_CONNECTEX;
	GUID disconnectEx = WSAID_DISCONNECTEX;
	int length = sizeof(Address);
	DWORD n;

	Port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	Finished = CreateEventW(NULL, TRUE, FALSE, NULL);
	Listener = NewSocket(FALSE);
	Address.sin_family = AF_INET;
	Address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind(Listener, (struct sockaddr *)&Address, sizeof(Address)) == 0 &&
	       getsockname(Listener, (struct sockaddr *)&Address, &length) == 0 &&
	       listen(Listener, SOMAXCONN) == 0 &&
	       WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &acceptEx, sizeof(GUID),
			&pAcceptEx, sizeof(pAcceptEx), &n, NULL, NULL) == 0 &&
	       WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &connectEx, sizeof(GUID),
			&pConnectEx, sizeof(pConnectEx), &n, NULL, NULL) == 0 &&
	       WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &disconnectEx,
			sizeof(GUID), &pDisconnectEx, sizeof(pDisconnectEx), &n, NULL,
			NULL) == 0;
}

static void Report(double seconds)
{
	LARGE_INTEGER frequency;
	double ms;

	QueryPerformanceFrequency(&frequency);
	ms = 1000.0 / (double)frequency.QuadPart;
	printf("# %d requests, %d failed, %d wrong, in %.3f s\n", (int)Succeeded, (int)Failed,
	       (int)Wrong, seconds);
	printf("# mean %.2f ms, most %.2f ms; sockets: %d used again, %d replaced\n",
	       (double)TotalTicks * ms / (Succeeded ? Succeeded : 1), (double)MostTicks * ms,
	       (int)Reused, (int)Replaced);
}

int main(int argc, char *argv[])
{
	HANDLE threads[THREADS];
	LARGE_INTEGER frequency, begin, end;
	BOOL good;
	WSADATA wsaData;
	int i;

	if (argc > 1)
		Connections = min(atoi(argv[1]), MAX_CONNECTIONS);
	if (argc > 2)
		Requests = atoi(argv[2]);
	if (WSAStartup(MAKEWORD(2, 2), &wsaData) != 0 || !Initialize())
		return 1;
	for (i = 0; i < ACCEPTS; i++)
		StartAccept(&Servers[i]);
	for (i = 0; i < THREADS; i++)
		threads[i] = CreateThread(NULL, 0, Worker, NULL, 0, NULL);
	QueryPerformanceFrequency(&frequency);
	QueryPerformanceCounter(&begin);
	Running = Connections;
	for (i = 0; i < Connections; i++) {
		Clients[i].Socket = NewSocket(TRUE);
		StartRequest(&Clients[i]);
	}
	good = WaitForSingleObject(Finished, 60000) == WAIT_OBJECT_0;
	QueryPerformanceCounter(&end);
	InterlockedExchange(&Stopping, 1);
	closesocket(Listener);
	for (i = 0; i < THREADS; i++)
		PostQueuedCompletionStatus(Port, 0, 0, NULL);
	if (WaitForMultipleObjects(THREADS, threads, TRUE, 5000) != WAIT_OBJECT_0)
		good = FALSE;
	Report((double)(end.QuadPart - begin.QuadPart) / (double)frequency.QuadPart);
	good = good && Succeeded == Requests && Served == Requests && !Failed && !Wrong &&
	       Reused + Replaced == Requests;
	CloseHandle(Finished);
	CloseHandle(Port);
	WSACleanup();
	printf("%s 1 load_generator.all_are_answered\n1..1\n", good ? "ok" : "not ok");
	return !good;
}
