// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A server with a pool of threads on a completion port.  Each connection has several reads
 * under way at once; a sequence number and a critical section in the connection put back in
 * order what the threads take out of the port in any order.  The service is ROT13, and the
 * self-test compares all that comes back.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READS_PER_CONNECTION	3
#define READ_SIZE		1024
#define CLIENTS			5
#define BYTES_PER_CLIENT	(64 * 1024)

typedef struct CONNECTION CONNECTION;

typedef struct BUFFER {
	OVERLAPPED Overlapped;
	BOOL Writing;
	ULONG Sequence;
	DWORD Length;
	struct BUFFER *Next;
	CHAR Data[READ_SIZE];
} BUFFER;

struct CONNECTION {
	CRITICAL_SECTION Lock;
	SOCKET Socket;
	ULONG NextRead;		/* the number that the next read gets */
	ULONG NextToSend;	/* the number that is to be answered next */
	BUFFER *Early;		/* what came before its turn */
	LONG Outstanding;
	BOOL Ended;
	CONNECTION *NextConnection;
};

static HANDLE CompletionPort;
static SOCKET Listener;
static SOCKADDR_IN ServerAddress;
static LONG OutOfOrder, Connections;

/* These are called with the connection's lock held. */
static BOOL PostRead(CONNECTION *conn, BUFFER *buffer)
{
	WSABUF wsabuf = { READ_SIZE, buffer->Data };
	DWORD flags = 0;

	ZeroMemory(&buffer->Overlapped, sizeof(OVERLAPPED));
	buffer->Writing = FALSE;
	buffer->Sequence = conn->NextRead;
	if (WSARecv(conn->Socket, &wsabuf, 1, NULL, &flags, &buffer->Overlapped, NULL) != 0 &&
	    WSAGetLastError() != ERROR_IO_PENDING)
		return FALSE;
	conn->NextRead++;
	conn->Outstanding++;
	return TRUE;
}

static BOOL PostWrite(CONNECTION *conn, BUFFER *buffer)
{
	WSABUF wsabuf = { buffer->Length, buffer->Data };

	ZeroMemory(&buffer->Overlapped, sizeof(OVERLAPPED));
	buffer->Writing = TRUE;
	if (WSASend(conn->Socket, &wsabuf, 1, NULL, 0, &buffer->Overlapped, NULL) != 0 &&
	    WSAGetLastError() != ERROR_IO_PENDING)
		return FALSE;
	conn->Outstanding++;
	return TRUE;
}

static void Rot13(CHAR *data, DWORD length)
{
	DWORD i;

	for (i = 0; i < length; i++) {
		if (data[i] >= 'a' && data[i] <= 'z')
			data[i] = (CHAR)('a' + (data[i] - 'a' + 13) % 26);
	}
}

static void Answer(CONNECTION *conn, BUFFER *buffer)
{
	if (buffer->Length == 0) {
		if (!conn->Ended)
			shutdown(conn->Socket, SD_SEND);
		conn->Ended = TRUE;
		free(buffer);
		return;
	}
	Rot13(buffer->Data, buffer->Length);
	if (!PostWrite(conn, buffer))
		free(buffer);
}

static void OnRead(CONNECTION *conn, BUFFER *buffer, DWORD length)
{
	BUFFER **p;

	buffer->Length = length;
	if (buffer->Sequence != conn->NextToSend) {
		InterlockedIncrement(&OutOfOrder);
		buffer->Next = conn->Early;
		conn->Early = buffer;
		return;
	}
	conn->NextToSend++;
	Answer(conn, buffer);
	/* Perhaps the next one is there already. */
	for (p = &conn->Early; *p != NULL;) {
		BUFFER *early = *p;

		if (early->Sequence == conn->NextToSend) {
			*p = early->Next;
			conn->NextToSend++;
			Answer(conn, early);
			p = &conn->Early;
		} else {
			p = &early->Next;
		}
	}
}

static void FreeConnection(CONNECTION *conn)
{
	BUFFER *early;

	while ((early = conn->Early) != NULL) {
		conn->Early = early->Next;
		free(early);
	}
	closesocket(conn->Socket);
	DeleteCriticalSection(&conn->Lock);
	free(conn);
	InterlockedDecrement(&Connections);
}

static DWORD WINAPI PoolThread(LPVOID lpParameter)
{
	(void)lpParameter;
	while (TRUE) {
		CONNECTION *conn = NULL;
		OVERLAPPED *overlapped = NULL;
		DWORD transferred = 0;
		BUFFER *buffer;
		BOOL success, last;

		success = GetQueuedCompletionStatus(CompletionPort, &transferred,
						    (PULONG_PTR)&conn, &overlapped, INFINITE);
		if (conn == NULL)
			break;
		buffer = CONTAINING_RECORD(overlapped, BUFFER, Overlapped);
		EnterCriticalSection(&conn->Lock);
		if (buffer->Writing) {
			if (!success || conn->Ended || !PostRead(conn, buffer))
				free(buffer);
		} else {
			OnRead(conn, buffer, success ? transferred : 0);
		}
		last = --conn->Outstanding == 0;
		LeaveCriticalSection(&conn->Lock);
		if (last)
			FreeConnection(conn);
	}
	return 0;
}

static DWORD WINAPI AcceptThread(LPVOID lpParameter)
{
	SOCKET s;
	int i;

	(void)lpParameter;
	while ((s = accept(Listener, NULL, NULL)) != INVALID_SOCKET) {
		CONNECTION *conn = (CONNECTION *)calloc(1, sizeof(CONNECTION));
		BOOL none;

		conn->Socket = s;
		InitializeCriticalSectionAndSpinCount(&conn->Lock, 1000);
		InterlockedIncrement(&Connections);
		CreateIoCompletionPort((HANDLE)s, CompletionPort, (ULONG_PTR)conn, 0);
		EnterCriticalSection(&conn->Lock);
		for (i = 0; i < READS_PER_CONNECTION; i++) {
			BUFFER *buffer = (BUFFER *)calloc(1, sizeof(BUFFER));

			if (!PostRead(conn, buffer))
				free(buffer);
		}
		none = conn->Outstanding == 0;
		LeaveCriticalSection(&conn->Lock);
		if (none)
			FreeConnection(conn);
	}
	return 0;
}

/* ---- The self-test ---- */

static CHAR Letter(int client, DWORD i)
{
	return (CHAR)('a' + (i * 11 + i / 1000 + (DWORD)client) % 26);
}

static DWORD WINAPI Sender(LPVOID lpParameter)
{
	SOCKET s = ((SOCKET *)lpParameter)[0];
	int client = (int)((SOCKET *)lpParameter)[1];
	DWORD i = 0, size = 1;
	CHAR data[5000];

	while (i < BYTES_PER_CLIENT) {
		DWORD n;

		size = size * 5 % 4999 + 1;
		for (n = 0; n < size && i < BYTES_PER_CLIENT; n++, i++)
			data[n] = Letter(client, i);
		if (send(s, data, (int)n, 0) != (int)n)
			return 1;
	}
	shutdown(s, SD_SEND);
	return 0;
}

static DWORD WINAPI Client(LPVOID lpParameter)
{
	SOCKET context[2] = { socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), (SOCKET)lpParameter };
	HANDLE sender;
	CHAR data[4096];
	DWORD got = 0;
	int n, i;

	if (connect(context[0], (LPSOCKADDR)&ServerAddress, sizeof(ServerAddress)) != 0)
		return 1;
	sender = CreateThread(NULL, 0, Sender, context, 0, NULL);
	while ((n = recv(context[0], data, sizeof(data), 0)) > 0) {
		for (i = 0; i < n; i++, got++) {
			CHAR expected = Letter((int)context[1], got);

			Rot13(&expected, 1);
			if (data[i] != expected) {
				printf("# byte %u is wrong\n", (unsigned)got);
				return 2;
			}
		}
	}
	WaitForSingleObject(sender, INFINITE);
	CloseHandle(sender);
	closesocket(context[0]);
	return got == BYTES_PER_CLIENT ? 0 : 3;
}

static int SelfTest(void)
{
	HANDLE clients[CLIENTS];
	int failures = 0, i;

	for (i = 0; i < CLIENTS; i++)
		clients[i] = CreateThread(NULL, 0, Client, (LPVOID)(ULONG_PTR)i, 0, NULL);
	for (i = 0; i < CLIENTS; i++) {
		DWORD code = 99;

		WaitForSingleObject(clients[i], 30000);
		GetExitCodeThread(clients[i], &code);
		if (code != 0) {
			printf("# client %d: %d\n", i, (int)code);
			failures++;
		}
		CloseHandle(clients[i]);
	}
	for (i = 0; i < 5000 && Connections != 0; i++)
		Sleep(1);
	if (Connections != 0) {
		printf("# %d connections are left\n", (int)Connections);
		failures++;
	}
	printf("# %d reads were taken out of order\n", (int)OutOfOrder);
	return failures;
}

int main(void)
{
	HANDLE threads[MAXIMUM_WAIT_OBJECTS];
	int length = sizeof(ServerAddress), failures;
	DWORD count, i;
	SYSTEM_INFO info;
	WSADATA wsaData;

	if (WSAStartup(MAKEWORD(2, 2), &wsaData) != 0)
		return 1;
	GetSystemInfo(&info);
	count = min(info.dwNumberOfProcessors * 2, MAXIMUM_WAIT_OBJECTS - 1);
	CompletionPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0,
						info.dwNumberOfProcessors);
	Listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	ServerAddress.sin_family = AF_INET;
	ServerAddress.sin_addr.S_un.S_addr = htonl(INADDR_LOOPBACK);
	if (CompletionPort == NULL ||
	    bind(Listener, (LPSOCKADDR)&ServerAddress, sizeof(ServerAddress)) != 0 ||
	    listen(Listener, 5) != 0 ||
	    getsockname(Listener, (LPSOCKADDR)&ServerAddress, &length) != 0)
		return 1;
	for (i = 0; i < count; i++)
		threads[i] = CreateThread(NULL, 0, PoolThread, NULL, 0, NULL);
	threads[count] = CreateThread(NULL, 0, AcceptThread, NULL, 0, NULL);
	failures = SelfTest();
	closesocket(Listener);
	for (i = 0; i < count; i++)
		PostQueuedCompletionStatus(CompletionPort, 0, 0, NULL);
	if (WaitForMultipleObjects(count + 1, threads, TRUE, 5000) == WAIT_TIMEOUT) {
		printf("# threads go on\n");
		failures++;
	}
	CloseHandle(CompletionPort);
	WSACleanup();
	printf("%s 1 pool_server.bytes_stay_in_order\n1..1\n", failures ? "not ok" : "ok");
	return failures != 0;
}
