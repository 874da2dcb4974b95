// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about one-shot sockets that are armed first and become readable then, as
 * those of a server do.  Client and server are one thread, so that nothing but the
 * work is measured.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define TIMES	50

struct echo {
	int n;
	int *client;
	int *server;
};

/* Both ends of @n TCP connections. */
static void open_echo(struct echo *echo, int n)
{
	struct sockaddr_in addr;
	int i, on = 1, listener = socket_listen(&addr);

	echo->n = n;
	echo->client = zalloc(n * sizeof(int));
	echo->server = zalloc(n * sizeof(int));
	for (i = 0; i < n; i++) {
		echo->client[i] = socket_connect(&addr);
		echo->server[i] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		need(echo->server[i] >= 0, "accept4");
		setsockopt(echo->server[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	close(listener);
}

/* A side on whose sockets operations pend has closed those. */
static void close_echo(struct echo *echo, bool server_too)
{
	int i;

	for (i = 0; i < echo->n; i++) {
		close(echo->client[i]);
		if (server_too)
			close(echo->server[i]);
	}
	free(echo->client);
	free(echo->server);
}

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
		need(recv(fd[i], data, REQUEST, 0) == REQUEST, "recv");
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
		need(len == REQUEST, "recv");
		need(send(fd, data, len, MSG_NOSIGNAL) == len, "send");
	}
}

/* Takes and answers all requests.  Those that softirqd delivers may come a moment later. */
static void answer_all(const struct side *side, void *ctx, int left)
{
	int n, in_vain = 0;

	while (left) {
		n = side->harvest(ctx, MAX_EVENTS);
		if (n <= 0) {
			if (++in_vain == 1000)
				die("%s misses requests", side->name);
			sched_yield();
			continue;
		}
		answer(side, ctx, n);
		side->arm(ctx, n);
		left -= n;
	}
}

/* Adds up what sending the requests takes, and what answering them does. */
static void serve(const struct side *side, void *ctx, const struct echo *echo,
		  int times, double *sending, double *answering)
{
	uint64_t begin, sent;
	int i;

	*sending = *answering = 0;
	for (i = 0; i < times; i++) {
		begin = now();
		send_all(echo->client, echo->n);
		sent = now();
		if (side->serve)
			side->serve(ctx);
		else
			answer_all(side, ctx, echo->n);
		*answering += now() - sent;
		*sending += sent - begin;
		recv_all(echo->client, echo->n);
	}
}

/* What sending takes when nobody is told of it. */
static double sending_alone(const struct echo *echo, int times)
{
	double took = 0;
	uint64_t begin;
	int i;

	for (i = 0; i < times; i++) {
		begin = now();
		send_all(echo->client, echo->n);
		took += now() - begin;
		recv_all(echo->server, echo->n);
		send_all(echo->server, echo->n);
		recv_all(echo->client, echo->n);
	}
	return took;
}

/*
 * A request of a TCP echo server: taking the event, reading, answering, re-arming (or
 * what became of an operation, a send and a receive that pends), and what the wake-up adds to the request's arrival.  What the client does is not
 * counted.
 */
static double echo_request(const struct side *side, int n)
{
	double alone, sending, answering;
	struct echo echo;
	void *ctx;

	open_echo(&echo, n);
	/* Congestion windows and buffers grow at first. */
	sending_alone(&echo, TIMES);
	settle();
	alone = sending_alone(&echo, TIMES);

	ctx = side->open(echo.server, n);
	if (!side->serve)
		side->add_oneshot(ctx);
	serve(side, ctx, &echo, 2, &sending, &answering);
	settle();
	serve(side, ctx, &echo, TIMES, &sending, &answering);
	side->close(ctx);
	side->free(ctx);
	close_echo(&echo, !side->serve);
	return (sending - alone + answering) / TIMES / n;
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
	  echo_request, WITH_OTHER_ENDS(64), .gate = 0.95, .goal = 0.90 },
	{ "O1", "count", "the same by operations, each its own call",
	  echo_request, .ours = { &overlapped_skip_side, 64 },
	  .peers = { { &uring_echo_plain_side, 64 }, { &uring_echo_coop_side, 64 },
		     { &uring_echo_defer_side, 64 } },
	  .gate = 0.97, .goal = 0.92, .fds = 128 },
	{ "O2", "count", "the same against epoll, with packets of sends",
	  echo_request, .ours = { &overlapped_side, 64 }, .peers = { { &epoll_side, 64 } },
	  .gate = 1.14, .goal = 1.05, .fds = 128 },
	{ "O2-skip", "count", "the same, sends without packets",
	  echo_request, .ours = { &overlapped_skip_side, 64 }, .peers = { { &epoll_side, 64 } },
	  .gate = 1.14, .goal = 1.00, .fds = 128 },
	{ "O3", "count", "the same by operations in batches",
	  echo_request, .ours = { &overlapped_batch_side, 64 },
	  .peers = { { &uring_batch_plain_side, 64 }, { &uring_batch_coop_side, 64 },
		     { &uring_batch_defer_side, 64 } },
	  .gate = 0.99, .goal = 0.90, .fds = 128 },
	{ "O4", "count", "the same against epoll, 1 connection",
	  echo_request, .ours = { &overlapped_skip_side, 1 }, .peers = { { &epoll_side, 1 } },
	  .gate = 1.10, .goal = 1.00, .fds = 2 },
	{ 0 }
};
