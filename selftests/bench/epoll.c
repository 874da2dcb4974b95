// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * epoll's side.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

struct epoll {
	int fd;
	const int *fds;
	int n;
	struct epoll_event *event;
};

static int epoll_create_fd(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	need(fd >= 0, "epoll_create1");
	return fd;
}

static void *epoll_open(const int *fds, int n)
{
	struct epoll *epoll = zalloc(sizeof(*epoll));

	epoll->fd = epoll_create_fd();
	epoll->fds = fds;
	epoll->n = n;
	epoll->event = zalloc(MAX_EVENTS * sizeof(*epoll->event));
	return epoll;
}

static void add(struct epoll *epoll, uint32_t events)
{
	struct epoll_event event;
	int i;

	for (i = 0; i < epoll->n; i++) {
		event.events = events;
		event.data.fd = epoll->fds[i];
		need(!epoll_ctl(epoll->fd, EPOLL_CTL_ADD, epoll->fds[i], &event),
		     "epoll_ctl (if no space is left: /proc/sys/fs/epoll/max_user_watches)");
	}
}

static void epoll_add(void *ctx)
{
	add(ctx, EPOLLIN);
}

static void epoll_add_oneshot(void *ctx)
{
	add(ctx, EPOLLIN | EPOLLONESHOT);
}

static void epoll_remove(void *ctx)
{
	struct epoll *epoll = ctx;
	int i;

	for (i = 0; i < epoll->n; i++)
		need(!epoll_ctl(epoll->fd, EPOLL_CTL_DEL, epoll->fds[i], NULL),
		     "epoll_ctl");
}

static int epoll_harvest(void *ctx, int max)
{
	struct epoll *epoll = ctx;
	int n = epoll_wait(epoll->fd, epoll->event, max, 0);

	need(n >= 0, "epoll_wait");
	return n;
}

static void harvest_exactly(struct epoll *epoll, int k)
{
	int n = epoll_harvest(epoll, k);

	if (n != k)
		die("%d events instead of %d", n, k);
}

static void epoll_cycle_begin(void *ctx, int k)
{
	epoll_add_oneshot(ctx);
	harvest_exactly(ctx, k);
}

static int epoll_event_fd(void *ctx, int i)
{
	struct epoll *epoll = ctx;

	return epoll->event[i].data.fd;
}

static void epoll_arm(void *ctx, int k)
{
	struct epoll *epoll = ctx;
	struct epoll_event event;
	int i, fd;

	for (i = 0; i < k; i++) {
		fd = epoll->event[i].data.fd;
		event.events = EPOLLIN | EPOLLONESHOT;
		event.data.fd = fd;
		need(!epoll_ctl(epoll->fd, EPOLL_CTL_MOD, fd, &event),
		     "epoll_ctl");
	}
}

static int epoll_arm_and_harvest(void *ctx, int k)
{
	epoll_arm(ctx, k);
	return epoll_harvest(ctx, MAX_EVENTS);
}

static void epoll_cycle(void *ctx, int k)
{
	epoll_arm(ctx, k);
	harvest_exactly(ctx, k);
}

/* A line for each, that begins with the number of its descriptor. */
static int epoll_look(void *ctx)
{
	struct epoll *epoll = ctx;
	int lines = 0;
	char text[512];
	FILE *file;

	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", epoll->fd);
	file = fopen(text, "re");
	need(file, text);
	while (fgets(text, sizeof(text), file))
		lines += !strncmp(text, "tfd:", strlen("tfd:"));
	fclose(file);
	return lines;
}

static void epoll_close(void *ctx)
{
	struct epoll *epoll = ctx;

	need(!close(epoll->fd), "close");
}

static void epoll_free(void *ctx)
{
	struct epoll *epoll = ctx;

	free(epoll->event);
	free(epoll);
}

const struct side epoll_side = {
	.name = "epoll",
	.echo_server = "echo_epoll",
	.web_server = "httpd_epoll",
	.create = epoll_create_fd,
	.open = epoll_open,
	.add = epoll_add,
	.add_oneshot = epoll_add_oneshot,
	.remove = epoll_remove,
	.harvest = epoll_harvest,
	.event_fd = epoll_event_fd,
	.arm = epoll_arm,
	.arm_and_harvest = epoll_arm_and_harvest,
	.cycle_begin = epoll_cycle_begin,
	.cycle = epoll_cycle,
	.look = epoll_look,
	.close = epoll_close,
	.free = epoll_free,
};
