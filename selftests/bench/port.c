// SPDX-License-Identifier: GPL-2.0
/*
 * sockiocp's side: a completion port, through the Win32 functions.
 */
#include <winsock2.h>
#include <windows.h>

#include <stdlib.h>

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

static void *port_open(const int *fds, int n)
{
	struct port *port = zalloc(sizeof(*port));
	int most = n > MAX_EVENTS ? n : MAX_EVENTS;

	port->handle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	if (!port->handle && GetLastError() == ERROR_FILE_NOT_FOUND)
		die("the module is not loaded; as root, run: make insmod");
	check(port->handle, "CreateIoCompletionPort", GetLastError());
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

/* Applies the first @n registrations and takes @want packets. */
static void process(struct port *port, int n, int want)
{
	UINT32 received = 0;
	DWORD error;
	int i;

	error = ProcessSocketNotifications(port->handle, n, port->registration, 0,
					   want, want ? port->entry : NULL,
					   want ? &received : NULL);
	check(error == ERROR_SUCCESS, "ProcessSocketNotifications", error);
	if (received != (UINT32)want)
		die("%u packets instead of %d", received, want);
	for (i = 0; i < n; i++) {
		error = port->registration[i].registrationResult;
		if (error == WSAENOBUFS)
			die("over the limit of the module: raise max_user_registrations in /sys/module/sockiocp/parameters");
		check(error == ERROR_SUCCESS, "registration", error);
	}
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

static void port_cycle(void *ctx, int k)
{
	struct port *port = ctx;
	int i;

	for (i = 0; i < k; i++)
		set(&port->registration[i], port->entry[i].lpCompletionKey,
		    SOCK_NOTIFY_OP_ENABLE,
		    SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_ONESHOT);
	process(port, k, k);
}

static void port_cycle_begin(void *ctx, int k)
{
	struct port *port = ctx;

	add(port, SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_ONESHOT);
	if (port_harvest(port, k) != k)
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
	.open = port_open,
	.add = port_add,
	.remove = port_remove,
	.harvest = port_harvest,
	.cycle_begin = port_cycle_begin,
	.cycle = port_cycle,
	.post = port_post,
	.take = port_take,
	.close = port_close,
	.free = port_free,
};
