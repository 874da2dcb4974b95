// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What stands for a posted packet where there are none: each writer has an eventfd,
 * and all of them are in one epoll, level-triggered or edge-triggered.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

struct eventfds {
	int epfd;
	int writers;
	int *fd;
	struct epoll_event *event;
};

static void *open_eventfds(int writers, uint32_t events)
{
	struct eventfds *ctx = zalloc(sizeof(*ctx));
	struct epoll_event event = { .events = events };
	int i;

	ctx->epfd = epoll_create1(EPOLL_CLOEXEC);
	need(ctx->epfd >= 0, "epoll_create1");
	ctx->writers = writers;
	ctx->fd = zalloc(writers * sizeof(*ctx->fd));
	ctx->event = zalloc(writers * sizeof(*ctx->event));
	for (i = 0; i < writers; i++) {
		ctx->fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		need(ctx->fd[i] >= 0, "eventfd");
		event.data.fd = ctx->fd[i];
		need(!epoll_ctl(ctx->epfd, EPOLL_CTL_ADD, ctx->fd[i], &event),
		     "epoll_ctl");
	}
	return ctx;
}

static void *open_level(const int *fds, int writers)
{
	(void)fds;
	return open_eventfds(writers, EPOLLIN);
}

static void *open_edge(const int *fds, int writers)
{
	(void)fds;
	return open_eventfds(writers, EPOLLIN | EPOLLET);
}

static void eventfd_post(void *arg, int writer)
{
	struct eventfds *ctx = arg;
	uint64_t one = 1;

	need(write(ctx->fd[writer], &one, sizeof(one)) == sizeof(one), "write");
}

static int eventfd_take(void *arg)
{
	struct eventfds *ctx = arg;
	int i, n, sum = 0;
	uint64_t value;

	n = epoll_wait(ctx->epfd, ctx->event, ctx->writers, -1);
	need(n >= 0, "epoll_wait");
	for (i = 0; i < n; i++) {
		need(read(ctx->event[i].data.fd, &value, sizeof(value)) ==
		     sizeof(value), "read");
		sum += value;
	}
	return sum;
}

static void eventfd_close(void *arg)
{
	struct eventfds *ctx = arg;
	int i;

	for (i = 0; i < ctx->writers; i++)
		close(ctx->fd[i]);
	close(ctx->epfd);
}

static void eventfd_free(void *arg)
{
	struct eventfds *ctx = arg;

	free(ctx->fd);
	free(ctx->event);
	free(ctx);
}

const struct side eventfd_level_side = {
	.name = "eventfd in epoll",
	.open = open_level,
	.post = eventfd_post,
	.take = eventfd_take,
	.take_many = eventfd_take,
	.close = eventfd_close,
	.free = eventfd_free,
};

const struct side eventfd_edge_side = {
	.name = "eventfd in epoll, ET",
	.open = open_edge,
	.post = eventfd_post,
	.take = eventfd_take,
	.take_many = eventfd_take,
	.close = eventfd_close,
	.free = eventfd_free,
};
