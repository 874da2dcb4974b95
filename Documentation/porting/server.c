// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
//
// upcase: answers what it gets in capitals.  A server as many on Windows are: written for
// Visual Studio, with wide characters, and unchanged here.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <tchar.h>
#include "log.h"
#pragma comment(lib, "ws2_32.lib")
#pragma comment(lib, "mswsock.lib")

enum Doing { ACCEPTING, RECEIVING, SENDING };

typedef struct Connection {
	OVERLAPPED overlapped;
	enum Doing doing;
	SOCKET socket;
	WSABUF buffer;
	char data[4096];
} Connection;

static HANDLE port;
static SOCKET listener;
static volatile long connections;
static volatile LONG64 bytesAnswered;
static LPFN_ACCEPTEX acceptEx;
static HANDLE stop, stopped;

static BOOL AcceptNext(void)
{
	Connection *c = (Connection *)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(*c));
	DWORD bytes;

	if (!c)
		return FALSE;
	c->doing = ACCEPTING;
	c->socket = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	if (!acceptEx(listener, c->socket, c->data, 0, sizeof(SOCKADDR_IN) + 16,
		      sizeof(SOCKADDR_IN) + 16, &bytes, &c->overlapped) &&
	    WSAGetLastError() != ERROR_IO_PENDING) {
		LogLine(TEXT("AcceptEx: %d\n"), WSAGetLastError());
		closesocket(c->socket);
		HeapFree(GetProcessHeap(), 0, c);
		return FALSE;
	}
	return TRUE;
}

static void Drop(Connection *c)
{
	closesocket(c->socket);
	HeapFree(GetProcessHeap(), 0, c);
	InterlockedDecrement(&connections);
}

static BOOL Receive(Connection *c)
{
	DWORD flags = 0;

	c->doing = RECEIVING;
	c->buffer.buf = c->data;
	c->buffer.len = sizeof(c->data);
	return !WSARecv(c->socket, &c->buffer, 1, NULL, &flags, &c->overlapped, NULL) ||
	       WSAGetLastError() == WSA_IO_PENDING;
}

static BOOL Send(Connection *c, DWORD bytes)
{
	c->doing = SENDING;
	c->buffer.len = bytes;
	for (DWORD i = 0; i < bytes; i++)
		c->data[i] = (char)toupper((unsigned char)c->data[i]);
	InterlockedExchangeAdd64(&bytesAnswered, bytes);
	return !WSASend(c->socket, &c->buffer, 1, NULL, 0, &c->overlapped, NULL) ||
	       WSAGetLastError() == WSA_IO_PENDING;
}

static DWORD WINAPI Worker(LPVOID unused)
{
	UNREFERENCED_PARAMETER(unused);
	for (;;) {
		OVERLAPPED *overlapped = NULL;
		ULONG_PTR key;
		DWORD bytes;
		BOOL ok = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);
		Connection *c;

		if (!overlapped)
			return 0;
		c = CONTAINING_RECORD(overlapped, Connection, overlapped);
		if (c->doing == ACCEPTING) {
			if (!ok) {
				closesocket(c->socket);
				HeapFree(GetProcessHeap(), 0, c);
				continue;
			}
			InterlockedIncrement(&connections);
			AcceptNext();
			setsockopt(c->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
				   (char *)&listener, sizeof(listener));
			CreateIoCompletionPort((HANDLE)c->socket, port, 0, 0);
			if (!Receive(c))
				Drop(c);
		} else if (!ok || !bytes) {
			Drop(c);
		} else if (c->doing == RECEIVING ? !Send(c, bytes) : !Receive(c)) {
			Drop(c);
		}
	}
}

static BOOL WINAPI OnConsole(DWORD event)
{
	LogLine(TEXT("control event %lu\n"), event);
	SetEvent(stop);
	WaitForSingleObject(stopped, 5000);
	return TRUE;
}

static BOOL Listen(u_short number)
{
	SOCKADDR_IN address = { 0 };
	GUID guid = WSAID_ACCEPTEX;
	DWORD bytes;
	BOOL yes = TRUE;

	listener = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	address.sin_family = AF_INET;
	address.sin_port = htons(number);
	address.sin_addr.S_un.S_addr = htonl(INADDR_ANY);
	setsockopt(listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char *)&yes, sizeof(yes));
	return !bind(listener, (SOCKADDR *)&address, sizeof(address)) &&
	       !listen(listener, SOMAXCONN) &&
	       CreateIoCompletionPort((HANDLE)listener, port, 0, 0) &&
	       !WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid),
			 &acceptEx, sizeof(acceptEx), &bytes, NULL, NULL);
}

int _tmain(int argc, TCHAR *argv[])
{
	HANDLE threads[64];
	SYSTEM_INFO system;
	WSADATA data;
	DWORD i;

	LogOpen();
	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	if (!port || !Listen((u_short)(argc > 1 ? _ttoi(argv[1]) : 7007))) {
		LogLine(TEXT("cannot listen: error %lu\n"), GetLastError());
		return 1;
	}
	stop = CreateEvent(NULL, TRUE, FALSE, NULL);
	stopped = CreateEvent(NULL, TRUE, FALSE, NULL);
	SetConsoleCtrlHandler(OnConsole, TRUE);
	GetSystemInfo(&system);
	for (i = 0; i < system.dwNumberOfProcessors && i < 64; i++)
		threads[i] = CreateThread(NULL, 0, Worker, NULL, 0, NULL);
	for (i = 0; i < 16; i++)
		AcceptNext();
	LogLine(TEXT("%lu threads\n"), system.dwNumberOfProcessors);
	WaitForSingleObject(stop, INFINITE);
	LogLine(TEXT("%ld connections, %I64d bytes\n"), connections, bytesAnswered);
	for (i = 0; i < system.dwNumberOfProcessors && i < 64; i++)
		PostQueuedCompletionStatus(port, 0, 0, NULL);
	WaitForMultipleObjects(system.dwNumberOfProcessors, threads, TRUE, INFINITE);
	closesocket(listener);
	CloseHandle(port);
	WSACleanup();
	SetEvent(stopped);
	return 0;
}
