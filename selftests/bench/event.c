// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Win32's events, which threads wait for, and the eventfds and poll(2) that they are made
 * of, without a library.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <windows.h>

#include "bench.h"

struct events {
	int count;
	HANDLE handle[MAXIMUM_WAIT_OBJECTS];
	struct pollfd poll[MAXIMUM_WAIT_OBJECTS];
};

static void *open_events(int n, BOOL manual)
{
	struct events *ctx = zalloc(sizeof(*ctx));
	int i;

	ctx->count = n;
	for (i = 0; i < n; i++) {
		ctx->handle[i] = CreateEventA(NULL, manual, FALSE, NULL);
		if (!ctx->handle[i])
			die("CreateEvent: error %u", (unsigned int)GetLastError());
	}
	return ctx;
}

static void *open_auto(const int *fds, int n)
{
	(void)fds;
	return open_events(n, FALSE);
}

static void *open_manual(const int *fds, int n)
{
	(void)fds;
	return open_events(n, TRUE);
}

static void event_post(void *arg, int writer)
{
	struct events *ctx = arg;

	if (!SetEvent(ctx->handle[writer]))
		die("SetEvent: error %u", (unsigned int)GetLastError());
}

static int event_take(void *arg)
{
	struct events *ctx = arg;

	return WaitForSingleObject(ctx->handle[0], INFINITE) == WAIT_OBJECT_0;
}

static int event_take_any(void *arg)
{
	struct events *ctx = arg;
	DWORD result = WaitForMultipleObjects(ctx->count, ctx->handle, FALSE, 0);

	if (result == WAIT_FAILED)
		die("WaitForMultipleObjects: error %u", (unsigned int)GetLastError());
	return result != WAIT_TIMEOUT;
}

static int event_take_all(void *arg)
{
	struct events *ctx = arg;

	return WaitForMultipleObjects(ctx->count, ctx->handle, TRUE, INFINITE) == WAIT_OBJECT_0;
}

static void event_close(void *arg)
{
	struct events *ctx = arg;
	int i;

	for (i = 0; i < ctx->count; i++)
		CloseHandle(ctx->handle[i]);
}

static void *open_plain(const int *fds, int n)
{
	struct events *ctx = zalloc(sizeof(*ctx));
	int i;

	(void)fds;
	ctx->count = n;
	for (i = 0; i < n; i++) {
		ctx->poll[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ctx->poll[i].events = POLLIN;
		need(ctx->poll[i].fd >= 0, "eventfd");
	}
	return ctx;
}

static void plain_post(void *arg, int writer)
{
	struct events *ctx = arg;
	uint64_t one = 1;

	need(write(ctx->poll[writer].fd, &one, sizeof(one)) == sizeof(one), "write");
}

static int plain_take(void *arg)
{
	struct events *ctx = arg;

	return poll(ctx->poll, 1, -1);
}

static int plain_take_any(void *arg)
{
	struct events *ctx = arg;
	int n = poll(ctx->poll, ctx->count, 0);

	need(n >= 0, "poll");
	return n;
}

static int plain_take_all(void *arg)
{
	struct events *ctx = arg;
	uint64_t value;
	int i;

	need(poll(ctx->poll, ctx->count, -1) == ctx->count, "poll");
	for (i = 0; i < ctx->count; i++)
		need(read(ctx->poll[i].fd, &value, sizeof(value)) == sizeof(value), "read");
	return 1;
}

static void plain_close(void *arg)
{
	struct events *ctx = arg;
	int i;

	for (i = 0; i < ctx->count; i++)
		close(ctx->poll[i].fd);
}

const struct side event_side = {
	.name = "event",
	.open = open_auto,
	.post = event_post,
	.take = event_take,
	.take_many = event_take_any,
	.close = event_close,
	.free = free,
};

const struct side event_manual_side = {
	.name = "manual-reset event",
	.open = open_manual,
	.post = event_post,
	.take = event_take,
	.take_many = event_take_any,
	.close = event_close,
	.free = free,
};

const struct side event_all_side = {
	.name = "events",
	.open = open_auto,
	.post = event_post,
	.take_many = event_take_all,
	.close = event_close,
	.free = free,
};

const struct side eventfd_all_side = {
	.name = "eventfds, poll and read",
	.open = open_plain,
	.post = plain_post,
	.take_many = plain_take_all,
	.close = plain_close,
	.free = free,
};

const struct side eventfd_poll_side = {
	.name = "eventfd and poll",
	.open = open_plain,
	.post = plain_post,
	.take = plain_take,
	.take_many = plain_take_any,
	.close = plain_close,
	.free = free,
};
