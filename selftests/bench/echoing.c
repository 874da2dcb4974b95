// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about one-shot sockets that are armed first and become readable then, as
 * those of a server do.  Client and server are one thread, so that nothing but the
 * work is measured.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/socket.h>

#include "bench.h"

#define TIMES	50

static void send_all(const int *fd, int n)
{
	static const char request[REQUEST];
	int i;

	for (i = 0; i < n; i++)
		need(send(fd[i], request, REQUEST, MSG_NOSIGNAL) == REQUEST,
		     "send");
}

static void recv_all(const int *fd, int n)
{
	char data[REQUEST];
	int i;

	for (i = 0; i < n; i++)
		socket_recv_all(fd[i], data, REQUEST);
}

/* What the server does about the sockets of the events that it has taken. */
static void answer(const struct side *side, void *ctx, int n)
{
	char data[512];
	ssize_t len;
	int i, fd;

	for (i = 0; i < n; i++) {
		fd = side->event_fd(ctx, i);
		len = recv(fd, data, sizeof(data), 0);
		need(len == REQUEST, "recv of what was told of");
		need(send(fd, data, len, MSG_NOSIGNAL) == len, "send");
	}
}

static void wait_for_request(const struct side *side, int *in_vain)
{
	if (++*in_vain == 1000)
		die("%s misses requests", side->name);
	sched_yield();
}

/*
 * Takes and answers all requests.  Those that softirqd delivers may come a moment later.
 * Sockets are armed again when they have been answered, in a call of its own.
 */
static void answer_all_separately(const struct side *side, void *ctx, int left)
{
	int n, in_vain = 0;

	while (left) {
		n = side->harvest(ctx, MAX_EVENTS);
		if (n <= 0) {
			wait_for_request(side, &in_vain);
			continue;
		}
		answer(side, ctx, n);
		side->arm(ctx, n);
		left -= n;
	}
}

/*
 * The same as a busy server does it: the sockets of the last @to_arm events are armed right
 * before it asks for more, which have come meanwhile.  Returns how many are to be armed.
 */
static int answer_all(const struct side *side, void *ctx, int left, int to_arm)
{
	int in_vain = 0;

	while (left) {
		to_arm = side->arm_and_harvest(ctx, to_arm);
		if (!to_arm)
			wait_for_request(side, &in_vain);
		answer(side, ctx, to_arm);
		left -= to_arm;
	}
	return to_arm;
}

/* Adds up what sending the requests takes, and what answering them does. */
static void serve(const struct side *side, void *ctx, const struct ends *ends,
		  int times, bool separately, double *sending, double *answering)
{
	uint64_t begin, sent;
	int i, to_arm = 0;

	*sending = *answering = 0;
	for (i = 0; i < times; i++) {
		begin = now();
		send_all(ends->others, ends->n);
		sent = now();
		if (side->serve)
			side->serve(ctx);
		else if (separately)
			answer_all_separately(side, ctx, ends->n);
		else
			to_arm = answer_all(side, ctx, ends->n, to_arm);
		*answering += now() - sent;
		*sending += sent - begin;
		recv_all(ends->others, ends->n);
	}
	if (to_arm)
		side->arm(ctx, to_arm);
}

/* What sending takes when nobody is told of it. */
static double sending_alone(const struct ends *ends, int times)
{
	double took = 0;
	uint64_t begin;
	int i;

	for (i = 0; i < times; i++) {
		begin = now();
		send_all(ends->others, ends->n);
		took += now() - begin;
		recv_all(ends->fds, ends->n);
		send_all(ends->fds, ends->n);
		recv_all(ends->others, ends->n);
	}
	return took;
}

/*
 * A request of a TCP echo server: taking the event, reading, answering, re-arming (or what
 * became of an operation, a send and a receive that pends), and what the wake-up adds to the
 * request's arrival.  What the client does is not counted.
 */
static double request(const struct side *side, int n, bool separately)
{
	struct ends *ends = ends_open(KIND_TCP, n);
	double alone, sending, answering;
	void *ctx;

	/* Congestion windows and buffers grow at first. */
	sending_alone(ends, TIMES);
	settle();
	alone = sending_alone(ends, TIMES);

	ctx = side->open(ends->fds, n);
	if (!side->serve)
		side->add_oneshot(ctx);
	serve(side, ctx, ends, 2, separately, &sending, &answering);
	settle();
	serve(side, ctx, ends, TIMES, separately, &sending, &answering);
	side->close(ctx);
	side->free(ctx);
	ends_close(ends, side->serve);
	return (sending - alone + answering) / TIMES / n;
}

static double echo_request(const struct side *side, int n)
{
	return request(side, n, false);
}

static double echo_request_separately(const struct side *side, int n)
{
	return request(side, n, true);
}

static void datagrams(const int *fd, int n)
{
	int i;

	for (i = 0; i < n; i++)
		socket_send(fd[i]);
	for (i = 0; i < n; i++)
		socket_recv(fd[i]);
}

/* A datagram that arrives at a socket that was armed for it, from arming to taking. */
static double arrival(const struct side *side, int n)
{
	const int *fd = sockets(n);
	double alone, armed;
	uint64_t begin;
	void *ctx;
	int i, j;

	datagrams(fd, n);
	settle();
	begin = now();
	for (i = 0; i < TIMES; i++)
		datagrams(fd, n);
	alone = now() - begin;

	ctx = side->open(fd, n);
	side->add_oneshot(ctx);
	begin = now();
	for (i = 0; i < TIMES; i++) {
		for (j = 0; j < n; j++)
			socket_send(fd[j]);
		if (side->harvest(ctx, MAX_EVENTS) != n)
			die("%s misses datagrams", side->name);
		for (j = 0; j < n; j++)
			socket_recv(fd[j]);
		side->arm(ctx, n);
	}
	armed = now() - begin;
	side->close(ctx);
	side->free(ctx);
	return (armed - alone) / TIMES / n;
}

#define WITH_OTHER_ENDS(count)	BOTH(count), .fds = 2 * count

const struct bar echoing_bars[] = {
	{ "P4-arrive", "count", "arm 8, data comes, harvest 8, each",
	  arrival, WITH_OTHER_ENDS(8) },
	{ "P3-arrive", "count", "arm 64, data comes, harvest 64, each",
	  arrival, WITH_OTHER_ENDS(64) },
	{ "P10", "count", "TCP echo, 64 connections, 1 thread: each",
	  echo_request, WITH_OTHER_ENDS(64), .gate = 0.95, .goal = 0.92 },
	{ "P10-separate", "count", "the same, armed in calls of their own",
	  echo_request_separately, WITH_OTHER_ENDS(64) },
	{ "O1", "count", "the same by operations, each its own call",
	  echo_request, .ours = { &overlapped_skip_side, 64 },
	  .peers = { { &uring_echo_plain_side, 64 }, { &uring_echo_coop_side, 64 },
		     { &uring_echo_defer_side, 64 } },
	  .gate = 0.97, .goal = 0.92, .fds = 128 },
	{ "O2", "count", "the same against epoll, with packets of sends",
	  echo_request_separately, .ours = { &overlapped_side, 64 },
	  .peers = { { &epoll_side, 64 } },
	  .gate = 1.14, .goal = 1.05, .fds = 128 },
	{ "O2-skip", "count", "the same, sends without packets",
	  echo_request_separately, .ours = { &overlapped_skip_side, 64 },
	  .peers = { { &epoll_side, 64 } },
	  .gate = 1.14, .goal = 1.00, .fds = 128 },
	{ "O3", "count", "the same by operations in batches",
	  echo_request, .ours = { &overlapped_batch_side, 64 },
	  .peers = { { &uring_batch_plain_side, 64 }, { &uring_batch_coop_side, 64 },
		     { &uring_batch_defer_side, 64 } },
	  .gate = 0.99, .goal = 0.90, .fds = 128 },
	{ "O4", "count", "the same against epoll, 1 connection",
	  echo_request_separately, .ours = { &overlapped_skip_side, 1 },
	  .peers = { { &epoll_side, 1 } },
	  .gate = 1.10, .goal = 1.00, .fds = 2 },
	{ 0 }
};
