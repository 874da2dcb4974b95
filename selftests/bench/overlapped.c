// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocp's side of operations: an echo server of overlapped calls, each connection of
 * which has a receive that pends and is answered by a send, with calls of their own or in
 * batches; receives that only pend; and AcceptEx.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>
#include <sockiocp.h>

#include <stdlib.h>

#include "bench.h"

struct connection {
	OVERLAPPED receive;
	OVERLAPPED send;
	SOCKET socket;
	WSABUF buffer;
	CHAR data[REQUEST];
};

struct server {
	HANDLE port;
	int n;
	struct connection *connections;
	OVERLAPPED_ENTRY *entries;
	/* Of a server that does all in batches. */
	SOCKIOCP_OPERATION *operations;
	/* Each round has a packet of the receive and, without the skip mode, of the send. */
	int packets;
};

static void check(bool good, const char *what)
{
	if (!good)
		die("%s: error %u", what, (unsigned int)GetLastError());
}

/* Nothing is there yet. */
static void receive(SOCKET socket, WSABUF *buffer, OVERLAPPED *overlapped)
{
	DWORD flags = 0;

	*overlapped = (OVERLAPPED){ 0 };
	check(WSARecv(socket, buffer, 1, NULL, &flags, overlapped, NULL) &&
	      WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

static void answer(struct connection *c)
{
	DWORD sent;

	c->send = (OVERLAPPED){ 0 };
	check(!WSASend(c->socket, &c->buffer, 1, &sent, 0, &c->send, NULL) && sent == REQUEST,
	      "WSASend");
}

static HANDLE open_port(void)
{
	HANDLE port;
	WSADATA data;

	check(!WSAStartup(MAKEWORD(2, 2), &data), "WSAStartup");
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	check(port, "CreateIoCompletionPort");
	return port;
}

static void associate(SOCKET socket, HANDLE port, void *key)
{
	check(CreateIoCompletionPort((HANDLE)socket, port, (ULONG_PTR)key, 0) == port,
	      "CreateIoCompletionPort");
}

static void *open_server(const int *fds, int n, bool skips)
{
	struct server *server = zalloc(sizeof(*server));
	struct connection *c;
	int i;

	server->n = n;
	server->packets = skips ? n : 2 * n;
	server->connections = zalloc(n * sizeof(*server->connections));
	server->entries = zalloc(2 * n * sizeof(*server->entries));
	server->operations = zalloc(2 * n * sizeof(*server->operations));
	server->port = open_port();
	for (i = 0; i < n; i++) {
		c = &server->connections[i];
		c->socket = fds[i];
		c->buffer = (WSABUF){ REQUEST, c->data };
		associate(c->socket, server->port, c);
		if (skips)
			check(SetFileCompletionNotificationModes(
				(HANDLE)c->socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS),
			      "SetFileCompletionNotificationModes");
		receive(c->socket, &c->buffer, &c->receive);
	}
	return server;
}

static void *server_open(const int *fds, int n)
{
	return open_server(fds, n, false);
}

static void *skipping_open(const int *fds, int n)
{
	return open_server(fds, n, true);
}

static struct connection *connection_of(const OVERLAPPED_ENTRY *entry)
{
	if (entry->dwNumberOfBytesTransferred != REQUEST)
		die("%u bytes", (unsigned int)entry->dwNumberOfBytesTransferred);
	return (struct connection *)entry->lpCompletionKey;
}

static void server_serve(void *ctx)
{
	struct server *server = ctx;
	int left = server->packets;
	struct connection *c;
	ULONG i, count;

	while (left > 0) {
		check(GetQueuedCompletionStatusEx(server->port, server->entries, 2 * server->n,
						  &count, INFINITE, FALSE),
		      "GetQueuedCompletionStatusEx");
		for (i = 0; i < count; i++) {
			c = connection_of(&server->entries[i]);
			if (server->entries[i].lpOverlapped == &c->send)
				continue;
			answer(c);
			receive(c->socket, &c->buffer, &c->receive);
		}
		left -= (int)count;
	}
}

static void operate(SOCKIOCP_OPERATION *operation, struct connection *c, DWORD what,
		    OVERLAPPED *overlapped)
{
	*overlapped = (OVERLAPPED){ 0 };
	*operation = (SOCKIOCP_OPERATION){
		.socket = c->socket,
		.overlapped = overlapped,
		.buffers = &c->buffer,
		.bufferCount = 1,
		.operation = what,
	};
}

/* One call starts what answers the packets that were taken, and takes those that are there. */
static void batch_serve(void *ctx)
{
	struct server *server = ctx;
	int i, left = server->packets;
	UINT32 count = 0, started = 0;
	struct connection *c;
	DWORD error;

	do {
		error = SockiocpProcess(server->port, started, started ? server->operations : NULL,
					0, NULL, left ? INFINITE : 0, left,
					left ? server->entries : NULL,
					left ? &count : NULL);
		if (error && error != WAIT_TIMEOUT)
			die("SockiocpProcess: error %u", (unsigned int)error);
		for (i = 0; i < (int)started; i += 2) {
			if (server->operations[i].operationResult ||
			    server->operations[i + 1].operationResult != WSA_IO_PENDING)
				die("an operation did not do as it should");
		}
		started = 0;
		for (i = 0; left && i < (int)count; i++) {
			c = connection_of(&server->entries[i]);
			operate(&server->operations[started++], c, SOCKIOCP_SEND, &c->send);
			operate(&server->operations[started++], c, SOCKIOCP_RECEIVE, &c->receive);
		}
		left -= left ? (int)count : 0;
	} while (started);
}

/* What has ended with its socket is over when its packet is taken. */
static void take_all(HANDLE port, int left)
{
	OVERLAPPED_ENTRY entries[MAX_EVENTS];
	ULONG count;

	for (; left > 0; left -= (int)count)
		check(GetQueuedCompletionStatusEx(port, entries, MAX_EVENTS, &count, INFINITE,
						  FALSE),
		      "GetQueuedCompletionStatusEx");
}

static void server_close(void *ctx)
{
	struct server *server = ctx;
	int i;

	for (i = 0; i < server->n; i++)
		check(!closesocket(server->connections[i].socket), "closesocket");
	take_all(server->port, server->n);
	CloseHandle(server->port);
	WSACleanup();
}

static void server_free(void *ctx)
{
	struct server *server = ctx;

	free(server->connections);
	free(server->entries);
	free(server->operations);
	free(server);
}

#define SERVER_SIDE(words, open_it, serve_it) {				\
	.name = words,							\
	.open = open_it,						\
	.serve = serve_it,						\
	.close = server_close,						\
	.free = server_free,						\
}

const struct side overlapped_side =
	SERVER_SIDE("sockiocp, overlapped", server_open, server_serve);
const struct side overlapped_skip_side =
	SERVER_SIDE("sockiocp, overlapped", skipping_open, server_serve);
const struct side overlapped_batch_side =
	SERVER_SIDE("sockiocp, overlapped", skipping_open, batch_serve);

/* Receives that pend on sockets which have had some before. */
#define PENDING_SOCKETS	64

struct pending {
	HANDLE port;
	int n;
	struct ends *ends;
	OVERLAPPED *overlapped;
	WSABUF buffer;
	CHAR data[REQUEST];
};

static void *pending_open(const int *fds, int n)
{
	struct pending *pending = zalloc(sizeof(*pending));
	OVERLAPPED first;
	int i;

	(void)fds;
	pending->n = n;
	pending->ends = ends_open(KIND_UDP, PENDING_SOCKETS);
	pending->overlapped = zalloc(n * sizeof(*pending->overlapped));
	pending->buffer = (WSABUF){ REQUEST, pending->data };
	pending->port = open_port();
	for (i = 0; i < PENDING_SOCKETS; i++) {
		associate(pending->ends->fds[i], pending->port, NULL);
		receive(pending->ends->fds[i], &pending->buffer, &first);
		check(CancelIoEx((HANDLE)(SOCKET)pending->ends->fds[i], &first), "CancelIoEx");
		take_all(pending->port, 1);
	}
	return pending;
}

static void pending_add(void *ctx)
{
	struct pending *pending = ctx;
	int i;

	for (i = 0; i < pending->n; i++)
		receive(pending->ends->fds[i % PENDING_SOCKETS], &pending->buffer,
			&pending->overlapped[i]);
}

static void pending_close(void *ctx)
{
	struct pending *pending = ctx;
	int i;

	for (i = 0; i < PENDING_SOCKETS; i++)
		check(!closesocket(pending->ends->fds[i]), "closesocket");
	take_all(pending->port, pending->n);
	CloseHandle(pending->port);
	WSACleanup();
}

static void pending_free(void *ctx)
{
	struct pending *pending = ctx;

	ends_close(pending->ends, true);
	free(pending->overlapped);
	free(pending);
}

const struct side pending_side = {
	.name = "sockiocp",
	.open = pending_open,
	.add = pending_add,
	.close = pending_close,
	.free = pending_free,
};

/* Connections that are accepted, and have a receive that pends. */
struct acceptor {
	HANDLE port;
	SOCKET listener;
	SOCKET next;
	OVERLAPPED overlapped;
	CHAR addresses[2 * (sizeof(SOCKADDR_IN) + 16)];
	/* Of all of them: one at a time is there. */
	SOCKET socket;
	OVERLAPPED receive;
	WSABUF buffer;
	CHAR data[REQUEST];
};

static void accept_next(struct acceptor *acceptor)
{
	DWORD bytes;

	acceptor->next = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
				    WSA_FLAG_OVERLAPPED);
	check(acceptor->next != INVALID_SOCKET, "WSASocket");
	acceptor->overlapped = (OVERLAPPED){ 0 };
	check(!AcceptEx(acceptor->listener, acceptor->next, acceptor->addresses, 0,
			sizeof(acceptor->addresses) / 2, sizeof(acceptor->addresses) / 2, &bytes,
			&acceptor->overlapped) &&
	      WSAGetLastError() == WSA_IO_PENDING, "AcceptEx");
}

static struct acceptor *open_acceptor(int listener)
{
	struct acceptor *acceptor = zalloc(sizeof(*acceptor));

	acceptor->listener = listener;
	acceptor->socket = INVALID_SOCKET;
	acceptor->buffer = (WSABUF){ REQUEST, acceptor->data };
	acceptor->port = open_port();
	return acceptor;
}

static void *acceptex_open(const int *fds, int n)
{
	struct acceptor *acceptor = open_acceptor(*fds);

	(void)n;
	associate(acceptor->listener, acceptor->port, NULL);
	accept_next(acceptor);
	return acceptor;
}

static void *accept4_open(const int *fds, int n)
{
	(void)n;
	return open_acceptor(*fds);
}

static void begin_to_receive(struct acceptor *acceptor, SOCKET socket)
{
	acceptor->socket = socket;
	associate(socket, acceptor->port, acceptor);
	receive(socket, &acceptor->buffer, &acceptor->receive);
}

static void acceptex_accept(void *ctx)
{
	struct acceptor *acceptor = ctx;
	OVERLAPPED *got;
	ULONG_PTR key;
	DWORD bytes;

	check(GetQueuedCompletionStatus(acceptor->port, &bytes, &key, &got, INFINITE) &&
	      got == &acceptor->overlapped, "GetQueuedCompletionStatus");
	check(!setsockopt(acceptor->next, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
			  (char *)&acceptor->listener, sizeof(acceptor->listener)),
	      "SO_UPDATE_ACCEPT_CONTEXT");
	begin_to_receive(acceptor, acceptor->next);
	accept_next(acceptor);
}

static void accept4_accept(void *ctx)
{
	struct acceptor *acceptor = ctx;
	SOCKET socket = accept(acceptor->listener, NULL, NULL);

	check(socket != INVALID_SOCKET, "accept");
	begin_to_receive(acceptor, socket);
}

/* The one that was accepted is closed, and what pended on it is taken. */
static void acceptor_remove(void *ctx)
{
	struct acceptor *acceptor = ctx;

	check(!closesocket(acceptor->socket), "closesocket");
	take_all(acceptor->port, 1);
}

static void acceptor_close(void *ctx)
{
	struct acceptor *acceptor = ctx;

	check(!closesocket(acceptor->listener), "closesocket");
	if (acceptor->next) {
		check(!closesocket(acceptor->next), "closesocket");
		take_all(acceptor->port, 1);
	}
	CloseHandle(acceptor->port);
	WSACleanup();
}

#define ACCEPTING_SIDE(words, open_it, accept_it) {			\
	.name = words,							\
	.open = open_it,						\
	.accept = accept_it,						\
	.remove = acceptor_remove,					\
	.close = acceptor_close,					\
	.free = free,							\
}

const struct side acceptex_side =
	ACCEPTING_SIDE("sockiocp, AcceptEx", acceptex_open, acceptex_accept);
const struct side accept4_side =
	ACCEPTING_SIDE("sockiocp, accept", accept4_open, accept4_accept);
