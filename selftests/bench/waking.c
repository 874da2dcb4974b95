// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about who makes events, on sockets and without.
 */
#include <fcntl.h>
#include <unistd.h>

#include "bench.h"

#define TIMES	100

/* What it costs to send to each of these sockets, with what is hooked to them. */
static double send_to_all(const struct side *side, const struct ends *ends)
{
	void *ctx = NULL;
	uint64_t start;
	double cost = 0;
	int i, n = ends->n;

	if (side) {
		ctx = side->open(ends->fds, n);
		side->add(ctx);
	}
	settle();
	for (i = 0; i < TIMES; i++) {
		start = now();
		ends_fill(ends);
		cost += now() - start;

		/* All of it is taken, so that the next one is an event again. */
		if (side && side->harvest(ctx, MAX_EVENTS) != n)
			die("%s misses events", side->name);
		ends_drain(ends);
		if (side && side->harvest(ctx, MAX_EVENTS) != 0)
			die("%s sees events that are not there", side->name);
	}
	if (side) {
		side->close(ctx);
		side->free(ctx);
	}
	return cost / TIMES / n;
}

/* A socket that was associated with a port stays so: each round has its own. */
static double hook_of_kind(const struct side *side, enum kind kind, int n)
{
	struct ends *ends = ends_open(kind, n);
	double without, with;

	/* Windows and buffers grow at first. */
	send_to_all(NULL, ends);
	without = send_to_all(NULL, ends);
	with = send_to_all(side, ends);
	ends_close(ends, false);
	return with - without;
}

static double hook(const struct side *side, int n)
{
	return hook_of_kind(side, KIND_UDP, n);
}

static double hook_tcp(const struct side *side, int n)
{
	return hook_of_kind(side, KIND_TCP, n);
}

static double hook_unix(const struct side *side, int n)
{
	return hook_of_kind(side, KIND_UNIX, n);
}

static double post_and_take(const struct side *side, int n)
{
	void *ctx = side->open(NULL, n);
	uint64_t start;
	double cost;
	int i;

	settle();
	/* A ring is made when the same has been done for a while. */
	for (i = 0; i < TIMES; i++) {
		side->post(ctx, 0);
		side->take(ctx);
	}
	start = now();
	for (i = 0; i < TIMES; i++) {
		side->post(ctx, 0);
		if (side->take(ctx) != 1)
			die("%s: not what was posted", side->name);
	}
	cost = now() - start;

	side->close(ctx);
	side->free(ctx);
	return cost / TIMES;
}

static void set_rings(const char *value)
{
	int fd = open("/sys/module/sockiocp/parameters/rings", O_WRONLY | O_CLOEXEC);

	need(fd >= 0 && write(fd, value, 1) == 1, "parameters/rings");
	close(fd);
}

/* As if somebody waited, or there were more threads than may run. */
static double post_and_take_by_calls(const struct side *side, int n)
{
	double cost;

	set_rings("N");
	cost = post_and_take(side, n);
	set_rings("Y");
	return cost;
}

/* Who looks and finds nothing. */
static double look_in_vain(const struct side *side, int n)
{
	void *ctx = side->open(NULL, n);
	uint64_t start;
	double cost;
	int i;

	settle();
	side->take_many(ctx);
	start = now();
	for (i = 0; i < TIMES; i++) {
		if (side->take_many(ctx))
			die("%s: something was set", side->name);
	}
	cost = now() - start;

	side->close(ctx);
	side->free(ctx);
	return cost / TIMES;
}

/* Who waits for all of them, which are there. */
static double take_all(const struct side *side, int n)
{
	void *ctx = side->open(NULL, n);
	uint64_t start;
	double cost = 0;
	int i, j;

	settle();
	for (i = 0; i < TIMES; i++) {
		for (j = 0; j < n; j++)
			side->post(ctx, j);
		start = now();
		if (!side->take_many(ctx))
			die("%s: something was not set", side->name);
		/* The first time is for warming up. */
		if (i)
			cost += now() - start;
	}
	side->close(ctx);
	side->free(ctx);
	return cost / (TIMES - 1);
}

const struct bar waking_bars[] = {
	{ "P8", "count", "what being registered adds to a send",
	  hook, .ours = { &port_side, 64 }, .peers = { { &epoll_side, 64 } },
	  .gate = 0.75, .goal = 0.65, .fds = 64 },
	{ "P8-tcp", "count", "the same, TCP",
	  hook_tcp, .ours = { &port_side, 64 }, .peers = { { &epoll_side, 64 } },
	  .gate = 0.85, .goal = 0.75, .fds = 129 },
	{ "P8-unix", "count", "the same, AF_UNIX",
	  hook_unix, .ours = { &port_side, 64 }, .peers = { { &epoll_side, 64 } },
	  .gate = 0.85, .goal = 0.75, .fds = 128 },
	{ "P8-associated", "count", "P8, associated as well",
	  hook, .ours = { &associated_side, 64 }, .peers = { { &epoll_side, 64 } },
	  .fds = 64 },
	{ "P9", "count", "post a packet and take it",
	  post_and_take, .ours = { &port_side, 1 },
	  .peers = { { &eventfd_level_side, 1 }, { &eventfd_edge_side, 1 } },
	  .gate = 0.15, .goal = 0.11 },
	{ "P9-calls", "count", "the same by calls, as where somebody waits",
	  post_and_take_by_calls, .ours = { &port_side, 1 },
	  .peers = { { &eventfd_level_side, 1 }, { &eventfd_edge_side, 1 } },
	  .gate = 0.77, .goal = 0.65 },
	{ "W1", "count", "set an event and wait for it",
	  post_and_take, .ours = { &event_side, 1 }, .peers = { { &eventfd_poll_side, 1 } },
	  .gate = 1.00, .goal = 1.00 },
	{ "W1-manual", "count", "the same with one that stays set",
	  post_and_take, .ours = { &event_manual_side, 1 },
	  .peers = { { &eventfd_poll_side, 1 } }, .gate = 1.00, .goal = 1.00 },
	{ "W2", "count", "look at 64 events, none of which is set",
	  look_in_vain, .ours = { &event_side, 64 }, .peers = { { &eventfd_poll_side, 64 } },
	  .gate = 2.00, .goal = 1.25, .fds = 2 * 64 },
	{ "W3", "count", "wait for all of 64 events that are set",
	  take_all, .ours = { &event_all_side, 64 }, .peers = { { &eventfd_all_side, 64 } },
	  .gate = 1.25, .goal = 1.05, .fds = 2 * 64 },
	{ "W3-semaphores", "count", "wait for all of 64 semaphores that can be had",
	  take_all, .ours = { &semaphore_side, 64 },
	  .peers = { { &libc_semaphore_side, 64 } }, .gate = 10.00, .goal = 5.00 },
	{ "W4", "count", "take a mutex and give it back",
	  post_and_take, .ours = { &mutex_side, 1 }, .peers = { { &libc_mutex_side, 1 } },
	  .gate = 2.00, .goal = 1.00 },
	{ 0 }
};
