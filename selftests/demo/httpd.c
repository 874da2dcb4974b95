// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A web server, written against <winsock2.h> and <windows.h> alone.  What it says
 * is in http.c, which httpd_epoll.c, the same server on epoll, says too.
 *
 * Several threads share one completion port.  Each of them runs the same loop
 * around ProcessSocketNotifications(): one call re-arms the sockets of the batch
 * that the thread has just served, and brings the next batch.
 *
 * Who owns a connection: registrations are LEVEL and ONESHOT, so the thread that
 * takes a packet of a socket is the only one that may touch its connection,
 * until its own call re-arms the socket.  Nothing here needs a lock.  Connections
 * end in the order that Windows asks for: REMOVE, wait for the packet that says
 * so, then closesocket(), then free().
 *
 * Not a server for strangers: it listens on 127.0.0.1, and no time-out ends a
 * connection that is silent.
 */
#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#ifdef _MSC_VER
#pragma comment(lib, "ws2_32.lib")
#endif

#define DEFAULT_PORT	8080
#define DEFAULT_THREADS	4
#define MAX_THREADS	MAXIMUM_WAIT_OBJECTS

/* The packets that a thread takes, and the connections it accepts, at a time. */
#define BATCH		32
#define ACCEPT_BATCH	32

#define IN_OR_HANGUP \
	(SOCK_NOTIFY_REGISTER_EVENT_IN | SOCK_NOTIFY_REGISTER_EVENT_HANGUP)

/* Completion keys are pointers to connections, but for these two. */
#define EXIT_KEY	((ULONG_PTR)-1)
#define LISTENER_KEY	((ULONG_PTR)-2)

typedef struct CONNECTION {
	SOCKET socket;
	HTTP http;
} CONNECTION;

/* What one thread counts.  Others read it, hence the interlocked operations. */
typedef struct COUNTERS {
	/* Calls of ProcessSocketNotifications; each brings a batch of packets. */
	LONG64 calls;
	LONG64 packets;
	LONG64 requests;
	/* Connections that were accepted, and those that have ended. */
	LONG64 accepted;
	LONG64 ended;
	/* ENABLE operations on sockets that were enabled before. */
	LONG64 rearms;
	/* Connections that the peer reset. */
	LONG64 resets;
	/* What the server could not do. */
	LONG64 errors;
} COUNTERS;

typedef struct WORKER {
	HANDLE thread;
	COUNTERS counters;
	/* What to submit with the next call. */
	UINT32 registrationCount;
	SOCK_NOTIFY_REGISTRATION registrations[BATCH + ACCEPT_BATCH];
} WORKER;

static HANDLE completionPort;
static SOCKET listener = INVALID_SOCKET;
static DWORD threadCount = DEFAULT_THREADS;
static WORKER *workers;

static void Count(LONG64 *counter, LONG64 number)
{
	InterlockedExchangeAdd64(counter, number);
}

static LONG64 Sum(size_t offset)
{
	LONG64 sum = 0;
	DWORD i;

	for (i = 0; i < threadCount; i++) {
		char *counters = (char *)&workers[i].counters;

		sum += InterlockedExchangeAdd64((LONG64 *)(counters + offset),
						0);
	}
	return sum;
}

#define SUM(counter)	Sum(offsetof(COUNTERS, counter))

void PrintStats(char *text, size_t size)
{
	snprintf(text, size,
		 "threads=%u\ncalls=%lld\npackets=%lld\nrequests=%lld\n"
		 "connections=%lld\nended=%lld\nrearms=%lld\nresets=%lld\n"
		 "errors=%lld\n",
		 (unsigned int)threadCount, SUM(calls), SUM(packets),
		 SUM(requests), SUM(accepted), SUM(ended), SUM(rearms),
		 SUM(resets), SUM(errors));
}

static void PrintError(const char *what, DWORD code)
{
	char text[256];

	if (!FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM |
			    FORMAT_MESSAGE_IGNORE_INSERTS, NULL, code, 0, text,
			    sizeof(text), NULL))
		strcpy(text, "\r\n");
	fprintf(stderr, "httpd: %s: error %u: %s", what, (unsigned int)code,
		text);
}

/* Tells one thread to leave.  It tells the next one. */
static void PostExit(void)
{
	if (!PostQueuedCompletionStatus(completionPort, 0, EXIT_KEY, NULL))
		PrintError("cannot stop", GetLastError());
}

/* An error after which the server cannot go on. */
static void Fail(WORKER *worker, const char *what, DWORD code)
{
	PrintError(what, code);
	Count(&worker->counters.errors, 1);
	PostExit();
}

/*
 * Connections
 */

static void FreeConnection(WORKER *worker, CONNECTION *connection)
{
	closesocket(connection->socket);
	free(connection);
	Count(&worker->counters.ended, 1);
}

/* Puts one operation into the thread's next call. */
static void Register(WORKER *worker, SOCKET socket, ULONG_PTR key,
		     UINT16 events, UINT8 operation)
{
	SOCK_NOTIFY_REGISTRATION *registration;

	registration = &worker->registrations[worker->registrationCount++];
	ZeroMemory(registration, sizeof(*registration));
	registration->socket = socket;
	registration->completionKey = (PVOID)key;
	registration->eventFilter = events;
	registration->operation = operation;
	registration->triggerFlags = SOCK_NOTIFY_TRIGGER_LEVEL |
				     SOCK_NOTIFY_TRIGGER_ONESHOT;
}

static void Rearm(WORKER *worker, SOCKET socket, ULONG_PTR key, UINT16 events)
{
	Register(worker, socket, key, events, SOCK_NOTIFY_OP_ENABLE);
	Count(&worker->counters.rearms, 1);
}

/* Begins to end a connection; the packet of the removal ends it. */
static void Remove(WORKER *worker, CONNECTION *connection)
{
	Register(worker, connection->socket, (ULONG_PTR)connection, 0,
		 SOCK_NOTIFY_OP_REMOVE);
}

/*
 * Reads once, which is enough: the registration is level-triggered, so what is
 * left brings another packet.  Returns FALSE if the connection is over.
 */
static BOOL Receive(WORKER *worker, CONNECTION *connection)
{
	HTTP *http = &connection->http;
	size_t room = INPUT_SIZE - 1 - http->inputLength;
	int received;

	if (!room)
		return TRUE;
	received = recv(connection->socket,
			http->input + http->inputLength, (int)room,
			0);
	if (received > 0) {
		http->inputLength += (size_t)received;
		return TRUE;
	}
	if (received == 0)
		return FALSE;
	if (WSAGetLastError() == WSAEWOULDBLOCK)
		return TRUE;
	Count(&worker->counters.resets, 1);
	return FALSE;
}

/* Sends what can be sent.  Returns FALSE if the connection is over. */
static BOOL Send(WORKER *worker, CONNECTION *connection)
{
	HTTP *http = &connection->http;
	int sent;

	while (http->outputSent < http->outputLength) {
		sent = send(connection->socket,
			    http->output + http->outputSent,
			    (int)(http->outputLength -
				  http->outputSent), 0);
		if (sent == SOCKET_ERROR) {
			if (WSAGetLastError() == WSAEWOULDBLOCK)
				return TRUE;
			Count(&worker->counters.resets, 1);
			return FALSE;
		}
		http->outputSent += (size_t)sent;
	}
	http->outputSent = 0;
	http->outputLength = 0;
	return TRUE;
}

/* Does what a packet of a connection calls for, and registers what is next. */
static void ServeConnection(WORKER *worker, CONNECTION *connection,
			    UINT32 events)
{
	HTTP *http = &connection->http;
	bool quit = false;
	BOOL alive = TRUE;

	if (events & SOCK_NOTIFY_EVENT_REMOVE) {
		FreeConnection(worker, connection);
		return;
	}

	if (events & (SOCK_NOTIFY_EVENT_IN | SOCK_NOTIFY_EVENT_HANGUP |
		      SOCK_NOTIFY_EVENT_ERR))
		alive = Receive(worker, connection);

	/* A response that could not be sent stops the ones behind it. */
	while (alive) {
		alive = Send(worker, connection);
		if (!alive || http->outputLength)
			break;
		Count(&worker->counters.requests,
		      AnswerRequests(http, &quit));
		if (!http->outputLength)
			break;
	}
	if (quit)
		PostExit();

	if (alive && http->outputLength)
		/* No HANGUP: it would hold all the time, and we wait for OUT. */
		Rearm(worker, connection->socket, (ULONG_PTR)connection,
		      SOCK_NOTIFY_REGISTER_EVENT_OUT);
	else if (alive && !http->closing)
		Rearm(worker, connection->socket, (ULONG_PTR)connection,
		      IN_OR_HANGUP);
	else
		Remove(worker, connection);
}

/*
 * Threads
 */

/* Accepts what waits, up to a limit: the others bring another packet. */
static void AcceptConnections(WORKER *worker)
{
	SOCKET accepted = INVALID_SOCKET;
	CONNECTION *connection;
	int i;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		/* Non-blocking, and without Nagle's delay, as the listener is. */
		accepted = accept(listener, NULL, NULL);
		if (accepted == INVALID_SOCKET)
			break;

		connection = calloc(1, sizeof(*connection));
		if (!connection) {
			closesocket(accepted);
			Count(&worker->counters.errors, 1);
			break;
		}
		connection->socket = accepted;
		Register(worker, accepted, (ULONG_PTR)connection, IN_OR_HANGUP,
			 SOCK_NOTIFY_OP_ENABLE);
		Count(&worker->counters.accepted, 1);
	}

	if (accepted == INVALID_SOCKET) {
		switch (WSAGetLastError()) {
		case WSAEWOULDBLOCK:
		case WSAECONNRESET:
			break;
		case WSAEMFILE:
		case WSAENOBUFS:
			/* Until some connection ends, there is no hurry. */
			Count(&worker->counters.errors, 1);
			Sleep(10);
			break;
		default:
			Fail(worker, "accept", (DWORD)WSAGetLastError());
			return;
		}
	}
	Rearm(worker, listener, LISTENER_KEY, SOCK_NOTIFY_REGISTER_EVENT_IN);
}

/*
 * Looks at what became of the registrations.  If one failed, the socket is not
 * registered or is disabled, so the connection still is this thread's, and no
 * packet will come for it.
 */
static void CheckRegistrations(WORKER *worker)
{
	SOCK_NOTIFY_REGISTRATION *registration;
	UINT32 i;

	for (i = 0; i < worker->registrationCount; i++) {
		registration = &worker->registrations[i];
		if (registration->registrationResult == ERROR_SUCCESS)
			continue;
		if ((ULONG_PTR)registration->completionKey == LISTENER_KEY) {
			Fail(worker, "the listener cannot be registered",
			     registration->registrationResult);
			continue;
		}
		PrintError("a connection cannot be registered",
			   registration->registrationResult);
		Count(&worker->counters.errors, 1);
		FreeConnection(worker, registration->completionKey);
	}
	worker->registrationCount = 0;
}

static DWORD WINAPI WorkerThread(LPVOID parameter)
{
	WORKER *worker = parameter;
	OVERLAPPED_ENTRY entries[BATCH];
	BOOL leave = FALSE;
	UINT32 received, i;
	DWORD error;

	while (!leave) {
		error = ProcessSocketNotifications(completionPort,
						   worker->registrationCount,
						   worker->registrationCount ?
						   worker->registrations : NULL,
						   INFINITE, BATCH, entries,
						   &received);
		if (error != ERROR_SUCCESS) {
			Fail(worker, "ProcessSocketNotifications", error);
			break;
		}
		Count(&worker->counters.calls, 1);
		Count(&worker->counters.packets, received);
		CheckRegistrations(worker);

		for (i = 0; i < received; i++) {
			ULONG_PTR key = entries[i].lpCompletionKey;
			UINT32 events =
				SocketNotificationRetrieveEvents(&entries[i]);

			if (key == EXIT_KEY)
				leave = TRUE;
			else if (key == LISTENER_KEY)
				AcceptConnections(worker);
			else
				ServeConnection(worker, (CONNECTION *)key,
						events);
		}
	}
	if (leave)
		PostExit();
	return 0;
}

/* Creates the port and the listener, and registers one with the other. */
static BOOL StartListening(USHORT port)
{
	SOCK_NOTIFY_REGISTRATION registration;
	struct sockaddr_in address;
	u_long nonBlocking = 1;
	BOOL noDelay = TRUE;
	DWORD error;

	completionPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0,
						0);
	if (!completionPort) {
		PrintError("CreateIoCompletionPort", GetLastError());
		return FALSE;
	}

	ZeroMemory(&address, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (listener == INVALID_SOCKET ||
	    ioctlsocket(listener, FIONBIO, &nonBlocking) ||
	    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY,
		       (const char *)&noDelay, sizeof(noDelay)) ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, SOMAXCONN)) {
		PrintError("cannot listen", (DWORD)WSAGetLastError());
		return FALSE;
	}

	ZeroMemory(&registration, sizeof(registration));
	registration.socket = listener;
	registration.completionKey = (PVOID)LISTENER_KEY;
	registration.eventFilter = SOCK_NOTIFY_REGISTER_EVENT_IN;
	registration.operation = SOCK_NOTIFY_OP_ENABLE;
	registration.triggerFlags = SOCK_NOTIFY_TRIGGER_LEVEL |
				    SOCK_NOTIFY_TRIGGER_ONESHOT;
	error = ProcessSocketNotifications(completionPort, 1, &registration, 0,
					   0, NULL, NULL);
	if (error == ERROR_SUCCESS)
		error = registration.registrationResult;
	if (error != ERROR_SUCCESS) {
		PrintError("the listener cannot be registered", error);
		return FALSE;
	}
	return TRUE;
}

/* Runs the threads until all of them have left. */
static BOOL RunWorkers(void)
{
	HANDLE threads[MAX_THREADS];
	DWORD i, started = 0;

	workers = calloc(threadCount, sizeof(*workers));
	if (!workers) {
		PrintError("calloc", ERROR_NOT_ENOUGH_MEMORY);
		return FALSE;
	}
	for (i = 0; i < threadCount; i++) {
		threads[i] = CreateThread(NULL, 0, WorkerThread, &workers[i], 0,
					  NULL);
		if (!threads[i]) {
			Fail(&workers[i], "CreateThread", GetLastError());
			break;
		}
		started++;
	}
	if (started)
		WaitForMultipleObjects(started, threads, TRUE, INFINITE);
	for (i = 0; i < started; i++)
		CloseHandle(threads[i]);
	return SUM(errors) == 0;
}

/* Reads a number from 1 to @most.  Returns FALSE if @text is not one. */
static BOOL ReadNumber(const char *text, unsigned long most,
		       unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && *number >= 1 &&
	       *number <= most;
}

int main(int argc, char **argv)
{
	unsigned long port = DEFAULT_PORT, threads = DEFAULT_THREADS;
	BOOL good = FALSE;
	WSADATA data;
	int error;

	if (argc > 3 || (argc > 1 && !ReadNumber(argv[1], 65535, &port)) ||
	    (argc > 2 && !ReadNumber(argv[2], MAX_THREADS, &threads))) {
		fprintf(stderr, "Usage: httpd [port [threads]]\n"
			"port: 1 to 65535, default %d; "
			"threads: 1 to %d, default %d\n",
			DEFAULT_PORT, MAX_THREADS, DEFAULT_THREADS);
		return 2;
	}
	threadCount = (DWORD)threads;

	error = WSAStartup(WINSOCK_VERSION, &data);
	if (error) {
		PrintError("WSAStartup", (DWORD)error);
		return 1;
	}
	if (StartListening((USHORT)port)) {
		printf("httpd: http://127.0.0.1:%lu/, %lu threads\n", port,
		       threads);
		fflush(stdout);
		good = RunWorkers();
	}

	/* The system closes the connections that are still there. */
	if (listener != INVALID_SOCKET)
		closesocket(listener);
	if (completionPort)
		CloseHandle(completionPort);
	WSACleanup();
	return good ? 0 : 1;
}
