// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The web server of httpd.c with overlapped calls only: AcceptEx(), WSARecv(), WSASend().
 *
 * Several threads share one completion port.  A connection has one operation under way, so the
 * thread that takes its packet is the only one that may touch it, and nothing here needs a
 * lock.  What succeeds at once has no packet (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS): the thread
 * goes on with it.
 *
 * Not a server for strangers, as httpd.c.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>
#include <ws2tcpip.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define MAX_THREADS	MAXIMUM_WAIT_OBJECTS

/* The packets that a thread takes at a time, and the connections that are waited for. */
#define BATCH		32
#define ACCEPTS		64

#define ADDRESS_ROOM	(sizeof(SOCKADDR_STORAGE) + 16)

#define EXIT_KEY	((ULONG_PTR)-1)
#define LISTENER_KEY	((ULONG_PTR)-2)

typedef enum STATE { Accepting, Receiving, Sending } STATE;

typedef struct CONNECTION {
	OVERLAPPED overlapped;
	STATE state;
	SOCKET socket;
	char addresses[2 * ADDRESS_ROOM];
	HTTP http;
} CONNECTION;

static HANDLE completionPort;
static SOCKET listener = INVALID_SOCKET;
static volatile LONG64 calls, packets, requests, accepted, ended, resets, errors;
static DWORD threadCount;

void PrintStats(char *text, size_t size)
{
	snprintf(text, size,
		 "threads=%u\ncalls=%lld\npackets=%lld\nrequests=%lld\n"
		 "connections=%lld\nended=%lld\nresets=%lld\nerrors=%lld\n",
		 (unsigned int)threadCount, calls, packets, requests, accepted, ended, resets,
		 errors);
}

static void Count(volatile LONG64 *counter, LONG64 number)
{
	InterlockedExchangeAdd64(counter, number);
}

static void Fail(const char *what, DWORD code)
{
	fprintf(stderr, "httpd_overlapped: %s: error %u\n", what, (unsigned int)code);
	Count(&errors, 1);
}

/* Tells one thread to leave.  It tells the next one. */
static void PostExit(void)
{
	PostQueuedCompletionStatus(completionPort, 0, EXIT_KEY, NULL);
}

static void End(CONNECTION *connection)
{
	closesocket(connection->socket);
	free(connection);
	Count(&ended, 1);
}

/* Waits for one more connection.  That it pends is what there is to expect. */
static BOOL StartAccept(void)
{
	CONNECTION *connection = calloc(1, sizeof(*connection));
	HANDLE file;
	DWORD bytes;

	if (!connection)
		return FALSE;
	connection->state = Accepting;
	connection->socket = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	file = (HANDLE)connection->socket;
	if (connection->socket != INVALID_SOCKET &&
	    CreateIoCompletionPort(file, completionPort, 0, 0) &&
	    SetFileCompletionNotificationModes(file, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) &&
	    (AcceptEx(listener, connection->socket, connection->addresses, 0, ADDRESS_ROOM,
		      ADDRESS_ROOM, &bytes, &connection->overlapped) ||
	     WSAGetLastError() == WSA_IO_PENDING))
		return TRUE;
	Fail("cannot accept", GetLastError());
	if (connection->socket != INVALID_SOCKET)
		closesocket(connection->socket);
	free(connection);
	return FALSE;
}

/* Starts the next operation.  Returns TRUE if it is over, with its number of bytes. */
static BOOL Start(CONNECTION *connection, DWORD *bytes)
{
	HTTP *http = &connection->http;
	WSABUF buffer;
	DWORD flags = 0;
	int result;

	ZeroMemory(&connection->overlapped, sizeof(connection->overlapped));
	if (http->outputLength) {
		connection->state = Sending;
		buffer.buf = http->output + http->outputSent;
		buffer.len = (ULONG)(http->outputLength - http->outputSent);
		result = WSASend(connection->socket, &buffer, 1, bytes, 0,
				 &connection->overlapped, NULL);
	} else {
		connection->state = Receiving;
		buffer.buf = http->input + http->inputLength;
		buffer.len = (ULONG)(INPUT_SIZE - 1 - http->inputLength);
		result = WSARecv(connection->socket, &buffer, 1, bytes, &flags,
				 &connection->overlapped, NULL);
	}
	if (!result)
		return TRUE;
	if (WSAGetLastError() != WSA_IO_PENDING) {
		Count(&resets, 1);
		End(connection);
	}
	return FALSE;
}

/* What was transferred is part of the connection.  Returns FALSE if that is over. */
static BOOL Take(CONNECTION *connection, DWORD bytes)
{
	HTTP *http = &connection->http;
	BOOL noDelay = TRUE;

	switch (connection->state) {
	case Accepting:
		Count(&accepted, 1);
		setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, (char *)&noDelay,
			   sizeof(noDelay));
		StartAccept();
		return TRUE;
	case Receiving:
		http->inputLength += bytes;
		return bytes != 0;
	default:
		http->outputSent = 0;
		http->outputLength = 0;
		return TRUE;
	}
}

/* An operation is over: goes on until one pends, or the connection has ended. */
static void Serve(CONNECTION *connection, DWORD bytes)
{
	HTTP *http = &connection->http;
	bool quit = false;
	BOOL alive;

	do {
		alive = Take(connection, bytes);
		if (alive)
			Count(&requests, AnswerRequests(http, &quit));
		if (!alive || (http->closing && !http->outputLength)) {
			End(connection);
			break;
		}
	} while (Start(connection, &bytes));
	/* Its answer is on its way. */
	if (quit)
		PostExit();
}

static DWORD WINAPI WorkerThread(LPVOID parameter)
{
	OVERLAPPED_ENTRY entries[BATCH];
	CONNECTION *connection;
	BOOL leave = FALSE;
	ULONG received, i;

	(void)parameter;
	while (!leave) {
		if (!GetQueuedCompletionStatusEx(completionPort, entries, BATCH, &received,
						 INFINITE, FALSE)) {
			Fail("GetQueuedCompletionStatusEx", GetLastError());
			break;
		}
		Count(&calls, 1);
		Count(&packets, received);
		for (i = 0; i < received; i++) {
			connection = (CONNECTION *)entries[i].lpOverlapped;
			if (entries[i].lpCompletionKey == EXIT_KEY) {
				leave = TRUE;
			} else if ((LONG)connection->overlapped.Internal < 0) {
				/* An NTSTATUS that says failure. */
				Count(&resets, 1);
				End(connection);
			} else {
				Serve(connection, entries[i].dwNumberOfBytesTransferred);
			}
		}
	}
	if (leave)
		PostExit();
	return 0;
}

static BOOL StartListening(USHORT port)
{
	struct sockaddr_in address;
	int i;

	completionPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	if (!completionPort) {
		Fail("CreateIoCompletionPort", GetLastError());
		return FALSE;
	}
	ZeroMemory(&address, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (listener == INVALID_SOCKET ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, SOMAXCONN)) {
		Fail("cannot listen", (DWORD)WSAGetLastError());
		return FALSE;
	}
	if (!CreateIoCompletionPort((HANDLE)listener, completionPort, LISTENER_KEY, 0)) {
		Fail("the listener cannot be associated", GetLastError());
		return FALSE;
	}
	for (i = 0; i < ACCEPTS; i++)
		if (!StartAccept())
			return FALSE;
	return TRUE;
}

/* Runs the threads until all of them have left. */
static void RunWorkers(void)
{
	HANDLE threads[MAX_THREADS];
	DWORD i;

	for (i = 0; i < threadCount; i++) {
		threads[i] = CreateThread(NULL, 0, WorkerThread, NULL, 0, NULL);
		if (!threads[i]) {
			Fail("CreateThread", GetLastError());
			break;
		}
	}
	if (i)
		WaitForMultipleObjects(i, threads, TRUE, INFINITE);
	while (i--)
		CloseHandle(threads[i]);
}

int main(int argc, char **argv)
{
	WSADATA data;
	int port;

	port = argc == 3 ? atoi(argv[1]) : 0;
	threadCount = argc == 3 ? (DWORD)atoi(argv[2]) : 0;
	if (port < 1 || port > 65535 || threadCount < 1 || threadCount > MAX_THREADS) {
		fprintf(stderr, "Usage: httpd_overlapped PORT THREADS\n"
			"THREADS: 1 to %d\n", MAX_THREADS);
		return 2;
	}
	if (WSAStartup(WINSOCK_VERSION, &data))
		return 1;
	if (StartListening((USHORT)port))
		RunWorkers();
	/* The system closes the connections that are still there. */
	WSACleanup();
	return errors != 0;
}
