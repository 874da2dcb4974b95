// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about operations that pend, beside echoing.c's.
 */
#include <netinet/in.h>
#include <unistd.h>

#include "bench.h"

#define TIMES	50

/* A side that is but a size has nothing to open. */
static double memory_of_pending(const struct side *side, int n)
{
	return side->open ? memory_of_added(side, side->open(NULL, n), n) : n;
}

/* Not somebody, but a size. */
static const struct side bytes_side = { .name = "256 bytes" };

/*
 * A connection that is there is accepted, and gets a receive that pends; if that takes
 * a socket and a call beforehand, those for the next one are counted.  What the client
 * does is not.
 */
static double accept_one(const struct side *side, int n)
{
	struct sockaddr_in addr;
	int client, i, listener = socket_listen(&addr);
	void *ctx = side->open(&listener, n);
	uint64_t start;
	double cost = 0;

	settle();
	for (i = 0; i <= TIMES; i++) {
		client = socket_connect(&addr);
		start = now();
		side->accept(ctx);
		/* The first time is for warming up. */
		if (i)
			cost += now() - start;
		side->remove(ctx);
		close(client);
	}
	side->close(ctx);
	side->free(ctx);
	return cost / TIMES;
}

const struct bar operating_bars[] = {
	{ "O5", "count", "kernel memory of a receive that pends (of 32768)",
	  memory_of_pending, .ours = { &pending_side, 32768 },
	  .peers = { { &bytes_side, 256 } }, .gate = 1.00, .goal = 0.75,
	  .unit = UNIT_BYTES, .fds = 64 },
	{ "O6", "count", "AcceptEx and a receive",
	  accept_one, .ours = { &acceptex_side, 1 }, .peers = { { &accept4_side, 1 } },
	  .fds = 4 },
	{ 0 }
};
