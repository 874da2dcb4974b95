// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An echo server of overlapped calls: each connection has a receive that pends, and is
 * answered by a send, both with calls of their own.
 */
#include <winsock2.h>
#include <windows.h>

#include <stdlib.h>

#include "bench.h"

#define REQUEST	64

struct connection {
	OVERLAPPED receive;
	OVERLAPPED send;
	SOCKET socket;
	WSABUF buffer;
	CHAR data[REQUEST];
};

struct overlapped {
	HANDLE port;
	int n;
	bool skips;
	struct connection *connections;
	OVERLAPPED_ENTRY *entries;
};

static void check(bool good, const char *what)
{
	if (!good)
		die("%s: error %u", what, (unsigned int)GetLastError());
}

/* Nothing is there yet. */
static void receive(struct connection *c)
{
	DWORD flags = 0;

	c->receive = (OVERLAPPED){ 0 };
	check(WSARecv(c->socket, &c->buffer, 1, NULL, &flags, &c->receive, NULL) &&
	      WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

static void answer(struct connection *c)
{
	DWORD sent;

	c->send = (OVERLAPPED){ 0 };
	check(!WSASend(c->socket, &c->buffer, 1, &sent, 0, &c->send, NULL) && sent == REQUEST,
	      "WSASend");
}

/**
 * overlapped_open - begin to serve
 * @fds: the sockets, of which nothing has come yet
 * @n: how many
 * @skips: a send that succeeds at once has no packet
 */
void *overlapped_open(const int *fds, int n, bool skips)
{
	struct overlapped *server = zalloc(sizeof(*server));
	struct connection *c;
	WSADATA data;
	int i;

	check(!WSAStartup(MAKEWORD(2, 2), &data), "WSAStartup");
	server->n = n;
	server->skips = skips;
	server->connections = zalloc(n * sizeof(*server->connections));
	server->entries = zalloc(2 * n * sizeof(*server->entries));
	server->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	check(server->port, "CreateIoCompletionPort");
	for (i = 0; i < n; i++) {
		c = &server->connections[i];
		c->socket = fds[i];
		c->buffer = (WSABUF){ REQUEST, c->data };
		check(CreateIoCompletionPort((HANDLE)c->socket, server->port, (ULONG_PTR)c, 0) ==
		      server->port, "CreateIoCompletionPort");
		if (skips)
			check(SetFileCompletionNotificationModes(
				(HANDLE)c->socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS),
			      "SetFileCompletionNotificationModes");
		receive(c);
	}
	return server;
}

/* Answers one request of each connection. */
void overlapped_serve(void *ctx)
{
	struct overlapped *server = ctx;
	int left = server->skips ? server->n : 2 * server->n;
	struct connection *c;
	ULONG i, count;

	while (left > 0) {
		check(GetQueuedCompletionStatusEx(server->port, server->entries, 2 * server->n,
						  &count, INFINITE, FALSE),
		      "GetQueuedCompletionStatusEx");
		for (i = 0; i < count; i++) {
			c = (struct connection *)server->entries[i].lpCompletionKey;
			if (server->entries[i].dwNumberOfBytesTransferred != REQUEST)
				die("%u bytes", (unsigned int)server->entries[i].dwNumberOfBytesTransferred);
			if (server->entries[i].lpOverlapped == &c->send)
				continue;
			answer(c);
			receive(c);
		}
		left -= (int)count;
	}
}

/* The receives go with their sockets, which are the caller's: it closes them first. */
void overlapped_close(void *ctx)
{
	struct overlapped *server = ctx;
	ULONG count;
	int left;

	for (left = server->n; left > 0; left -= (int)count)
		check(GetQueuedCompletionStatusEx(server->port, server->entries, server->n,
						  &count, INFINITE, FALSE),
		      "GetQueuedCompletionStatusEx");
	CloseHandle(server->port);
	free(server->connections);
	free(server->entries);
	free(server);
	WSACleanup();
}

/* closesocket(), so that what pends ends at once. */
void overlapped_close_socket(int fd)
{
	check(!closesocket(fd), "closesocket");
}
