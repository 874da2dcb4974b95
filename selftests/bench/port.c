// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocp's side: a completion port, through the Win32 functions.
 */
#include <winsock2.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

#include "../lib/genl.h"
#include "bench.h"

struct port {
	HANDLE handle;
	const int *fds;
	int n;
	SOCK_NOTIFY_REGISTRATION *registration;
	OVERLAPPED_ENTRY *entry;
};

static void check(bool good, const char *what, DWORD error)
{
	if (!good)
		die("%s: error %u", what, (unsigned int)error);
}

static HANDLE create(void)
{
	HANDLE handle;
	char why[256] = "";

	handle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	if (!handle) {
		FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_MAX_WIDTH_MASK,
			       NULL, GetLastError(), 0, why, sizeof(why), NULL);
		die("CreateIoCompletionPort: %s", why);
	}
	return handle;
}

static int port_create(void)
{
	return (int)(INT_PTR)create();
}

static void *port_open(const int *fds, int n)
{
	struct port *port = zalloc(sizeof(*port));
	int most = n > MAX_EVENTS ? n : MAX_EVENTS;

	port->handle = create();
	port->fds = fds;
	port->n = n;
	port->registration = zalloc(most * sizeof(*port->registration));
	port->entry = zalloc(most * sizeof(*port->entry));
	return port;
}

static void set(SOCK_NOTIFY_REGISTRATION *registration, SOCKET socket,
		UINT8 operation, UINT8 trigger)
{
	registration->socket = socket;
	registration->completionKey = (PVOID)socket;
	registration->eventFilter = SOCK_NOTIFY_REGISTER_EVENT_IN;
	registration->operation = operation;
	registration->triggerFlags = trigger;
}

static void check_results(const struct port *port, int n)
{
	DWORD error;
	int i;

	for (i = 0; i < n; i++) {
		error = port->registration[i].registrationResult;
		if (error == WSAENOBUFS)
			die("over the limit of the module: raise max_user_registrations in /sys/module/sockiocp/parameters");
		check(error == ERROR_SUCCESS, "registration", error);
	}
}

/* Applies the first @n registrations and takes @want packets. */
static void process(struct port *port, int n, int want)
{
	UINT32 received = 0;
	DWORD error;

	error = ProcessSocketNotifications(port->handle, n, port->registration, 0,
					   want, want ? port->entry : NULL,
					   want ? &received : NULL);
	check(error == ERROR_SUCCESS, "ProcessSocketNotifications", error);
	if (received != (UINT32)want)
		die("%u packets instead of %d", received, want);
	check_results(port, n);
}

static void add(struct port *port, UINT8 trigger)
{
	int i;

	for (i = 0; i < port->n; i++)
		set(&port->registration[i], port->fds[i],
		    SOCK_NOTIFY_OP_ENABLE, trigger);
	process(port, port->n, 0);
}

static void port_add(void *ctx)
{
	add(ctx, SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_PERSISTENT);
}

static void port_add_oneshot(void *ctx)
{
	add(ctx, SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_ONESHOT);
}

/* A socket may be closed when its REMOVE packet has come. */
static void port_remove(void *ctx)
{
	struct port *port = ctx;
	int i;

	for (i = 0; i < port->n; i++)
		set(&port->registration[i], port->fds[i], SOCK_NOTIFY_OP_REMOVE,
		    0);
	process(port, port->n, port->n);
}

/* What a program has that uses both: the socket's operations are this port's, too. */
static void associated_add(void *ctx)
{
	struct port *port = ctx;
	int i;

	for (i = 0; i < port->n; i++)
		check(CreateIoCompletionPort((HANDLE)(SOCKET)port->fds[i], port->handle,
					     port->fds[i], 0) == port->handle,
		      "CreateIoCompletionPort", GetLastError());
	port_add(port);
}

static int port_harvest(void *ctx, int max)
{
	struct port *port = ctx;
	UINT32 received;
	DWORD error;

	error = ProcessSocketNotifications(port->handle, 0, NULL, 0, max,
					   port->entry, &received);
	check(error == ERROR_SUCCESS || error == WAIT_TIMEOUT,
	      "ProcessSocketNotifications", error);
	return received;
}

static int port_event_fd(void *ctx, int i)
{
	struct port *port = ctx;

	return port->entry[i].lpCompletionKey;
}

static void set_again(struct port *port, int k)
{
	int i;

	for (i = 0; i < k; i++)
		set(&port->registration[i], port->entry[i].lpCompletionKey,
		    SOCK_NOTIFY_OP_ENABLE,
		    SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_ONESHOT);
}

static void port_arm(void *ctx, int k)
{
	set_again(ctx, k);
	process(ctx, k, 0);
}

static int port_arm_and_harvest(void *ctx, int k)
{
	struct port *port = ctx;
	UINT32 received = 0;
	DWORD error;

	set_again(port, k);
	error = ProcessSocketNotifications(port->handle, k, k ? port->registration : NULL, 0,
					   MAX_EVENTS, port->entry, &received);
	check(error == ERROR_SUCCESS || error == WAIT_TIMEOUT,
	      "ProcessSocketNotifications", error);
	check_results(port, k);
	return received;
}

static void port_close_socket(int fd)
{
	check(!closesocket(fd), "closesocket", WSAGetLastError());
}

static void port_cycle(void *ctx, int k)
{
	set_again(ctx, k);
	process(ctx, k, k);
}

static void port_cycle_begin(void *ctx, int k)
{
	port_add_oneshot(ctx);
	if (port_harvest(ctx, k) != k)
		die("the port does not see that %d sockets are readable", k);
}

static void port_post(void *ctx, int writer)
{
	struct port *port = ctx;

	check(PostQueuedCompletionStatus(port->handle, 1, writer, NULL),
	      "PostQueuedCompletionStatus", GetLastError());
}

static int port_take(void *ctx)
{
	struct port *port = ctx;
	OVERLAPPED *overlapped;
	ULONG_PTR key;
	DWORD bytes;

	check(GetQueuedCompletionStatus(port->handle, &bytes, &key, &overlapped,
					INFINITE),
	      "GetQueuedCompletionStatus", GetLastError());
	return bytes;
}

static int port_take_many(void *ctx)
{
	struct port *port = ctx;
	ULONG received;

	check(GetQueuedCompletionStatusEx(port->handle, port->entry, MAX_EVENTS,
					  &received, INFINITE, FALSE),
	      "GetQueuedCompletionStatusEx", GetLastError());
	return received;
}

static int port_held(void *ctx)
{
	struct port *port = ctx;
	char path[64], line[128];
	int held = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 (int)(INT_PTR)port->handle);
	file = fopen(path, "re");
	need(file, path);
	while (held < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "registrations: %d", &held);
	fclose(file);
	need(held >= 0, path);
	return held;
}

/* In all ports: there is no other. */
static int port_look(void *ctx)
{
	struct genl genl;
	int messages = 0, more;

	(void)ctx;
	need(!genl_open(&genl), "genl_open");
	need(!genl_ask(&genl, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, 0, NULL, 0), "genl_ask");
	while ((more = genl_next(&genl)) == 1)
		messages++;
	if (more)
		die("%s", genl.said);
	genl_close(&genl);
	return messages;
}

static void port_close(void *ctx)
{
	struct port *port = ctx;

	check(CloseHandle(port->handle), "CloseHandle", GetLastError());
}

static void port_free(void *ctx)
{
	struct port *port = ctx;

	free(port->registration);
	free(port->entry);
	free(port);
}

const struct side port_side = {
	.name = "sockiocp",
	.echo_server = "echo_port",
	.web_server = "httpd",
	.create = port_create,
	.open = port_open,
	.add = port_add,
	.add_oneshot = port_add_oneshot,
	.remove = port_remove,
	.harvest = port_harvest,
	.event_fd = port_event_fd,
	.arm = port_arm,
	.arm_and_harvest = port_arm_and_harvest,
	.cycle_begin = port_cycle_begin,
	.cycle = port_cycle,
	.post = port_post,
	.take = port_take,
	.take_many = port_take_many,
	.close_socket = port_close_socket,
	.held = port_held,
	.look = port_look,
	.close = port_close,
	.free = port_free,
};

const struct side associated_side = {
	.name = "sockiocp, associated",
	.open = port_open,
	.add = associated_add,
	.harvest = port_harvest,
	.close = port_close,
	.free = port_free,
};
