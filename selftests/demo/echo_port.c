// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An echo server: threads on one completion port, against <winsock2.h> and
 * <windows.h> alone.  echo_epoll.c is the same server on epoll; echo_load.c asks
 * them and counts.
 *
 * Each call re-arms the sockets that the thread has answered and takes the next
 * ones.  How many of the threads run at once is the port's concurrency value.
 *
 * Usage: echo_port PORT THREADS CONCURRENCY
 *
 * It ends when it is killed.
 */
#include <winsock2.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

#define BATCH		16
#define MAX_THREADS	MAXIMUM_WAIT_OBJECTS

/* Completion keys are sockets; the listener's is the only one it knows. */
static HANDLE completionPort;
static SOCKET listener;

static void Fail(const char *what)
{
	fprintf(stderr, "echo_port: %s: error %u\n", what,
		(unsigned int)GetLastError());
	exit(1);
}

static void Arm(SOCK_NOTIFY_REGISTRATION *registration, SOCKET socket)
{
	ZeroMemory(registration, sizeof(*registration));
	registration->socket = socket;
	registration->completionKey = (PVOID)socket;
	registration->eventFilter = SOCK_NOTIFY_REGISTER_EVENT_IN |
				    SOCK_NOTIFY_REGISTER_EVENT_HANGUP;
	registration->operation = SOCK_NOTIFY_OP_ENABLE;
	registration->triggerFlags = SOCK_NOTIFY_TRIGGER_LEVEL |
				     SOCK_NOTIFY_TRIGGER_ONESHOT;
}

/* Returns whether the connection goes on. */
static BOOL Echo(SOCKET socket)
{
	char data[512];
	int length = recv(socket, data, sizeof(data), 0);

	if (length == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK)
		return TRUE;
	if (length > 0 && send(socket, data, length, 0) == length)
		return TRUE;
	closesocket(socket);
	return FALSE;
}

static DWORD WINAPI Serve(LPVOID parameter)
{
	/* For each packet its socket, and perhaps one that was accepted. */
	SOCK_NOTIFY_REGISTRATION registrations[2 * BATCH];
	OVERLAPPED_ENTRY entries[BATCH];
	UINT32 armed = 0, received, i;
	SOCKET socket, accepted;

	(void)parameter;
	for (;;) {
		if (ProcessSocketNotifications(completionPort, armed,
					       armed ? registrations : NULL,
					       INFINITE, BATCH, entries,
					       &received))
			Fail("ProcessSocketNotifications");
		armed = 0;
		for (i = 0; i < received; i++) {
			socket = (SOCKET)entries[i].lpCompletionKey;
			if (socket != listener) {
				if (Echo(socket))
					Arm(&registrations[armed++], socket);
				continue;
			}
			accepted = accept(listener, NULL, NULL);
			if (accepted != INVALID_SOCKET)
				Arm(&registrations[armed++], accepted);
			Arm(&registrations[armed++], listener);
		}
	}
	return 0;
}

static void Listen(USHORT port)
{
	struct sockaddr_in address;
	u_long nonBlocking = 1;
	BOOL noDelay = TRUE;

	ZeroMemory(&address, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	/* What is accepted is non-blocking, and without Nagle's delay, too. */
	if (listener == INVALID_SOCKET ||
	    ioctlsocket(listener, FIONBIO, &nonBlocking) ||
	    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY,
		       (const char *)&noDelay, sizeof(noDelay)) ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, SOMAXCONN))
		Fail("cannot listen");
}

int main(int argc, char **argv)
{
	SOCK_NOTIFY_REGISTRATION registration;
	HANDLE threads[MAX_THREADS];
	DWORD count, i;
	WSADATA data;

	count = argc == 4 ? (DWORD)strtoul(argv[2], NULL, 10) : 0;
	if (count < 1 || count > MAX_THREADS) {
		fprintf(stderr, "Usage: echo_port PORT THREADS CONCURRENCY\n");
		return 2;
	}
	if (WSAStartup(WINSOCK_VERSION, &data))
		return 1;
	completionPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0,
						(DWORD)strtoul(argv[3], NULL, 10));
	if (!completionPort)
		Fail("CreateIoCompletionPort");
	Listen((USHORT)strtoul(argv[1], NULL, 10));
	Arm(&registration, listener);
	if (ProcessSocketNotifications(completionPort, 1, &registration, 0, 0,
				       NULL, NULL) ||
	    registration.registrationResult != ERROR_SUCCESS)
		Fail("the listener cannot be registered");
	for (i = 0; i < count; i++) {
		threads[i] = CreateThread(NULL, 0, Serve, NULL, 0, NULL);
		if (!threads[i])
			Fail("CreateThread");
	}
	WaitForMultipleObjects(count, threads, TRUE, INFINITE);
	return 0;
}
