// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about events that are waited for.
 */
#include "bench.h"

/* So often is each thing done in a round. */
#define TIMES	100

/*
 * Sockets that stay readable all the time are armed for one event, which comes at
 * once, over and over: k of them in a call, or in as many calls as it takes.
 */
double oneshot_cycle(const struct side *side, int k)
{
	void *ctx = side->open(sockets(k), k);
	uint64_t start;
	double cost;
	int i;

	sockets_fill(k);
	side->cycle_begin(ctx, k);
	/* The first one meets cold caches, and slabs that are empty. */
	side->cycle(ctx, k);
	settle();
	start = now();
	for (i = 0; i < TIMES; i++)
		side->cycle(ctx, k);
	cost = now() - start;

	side->close(ctx);
	side->free(ctx);
	sockets_drain(k);
	return cost / TIMES / k;
}

static double harvest(const struct side *side, int n, int ready)
{
	void *ctx = side->open(sockets(n), n);
	uint64_t start;
	double cost;
	int i, got = 0;

	side->add(ctx);
	sockets_fill(ready);
	if (side->harvest(ctx, MAX_EVENTS) != ready)
		die("%s does not see %d readable sockets", side->name, ready);
	settle();
	start = now();
	for (i = 0; i < TIMES; i++)
		got += side->harvest(ctx, MAX_EVENTS);
	cost = now() - start;

	if (got != ready * TIMES)
		die("%s: %d events instead of %d", side->name, got,
		    ready * TIMES);
	side->close(ctx);
	side->free(ctx);
	sockets_drain(ready);
	return cost / TIMES / (ready ? ready : 1);
}

static double harvest_64(const struct side *side, int n)
{
	return harvest(side, n, 64);
}

static double harvest_nothing(const struct side *side, int n)
{
	return harvest(side, n, 0);
}

double harvest_all(const struct side *side, int k)
{
	return harvest(side, k, k);
}

#define URING(count)	.peers = { { &uring_plain_side, count },	\
				   { &uring_coop_side, count },		\
				   { &uring_defer_side, count } }

const struct bar harvesting_bars[] = {
	{ "P3", "count", "re-arm 64 one-shot and harvest them, each",
	  oneshot_cycle, BOTH(64), .gate = 0.48, .goal = 0.36 },
	{ "P3-uring", "count", "the same against io_uring, batched",
	  oneshot_cycle, OURS(64), URING(64), .gate = 0.78, .goal = 0.60 },
	{ "P4", "count", "re-arm 8 one-shot and harvest them, each",
	  oneshot_cycle, BOTH(8), .gate = 0.60, .goal = 0.48 },
	{ "P5", "count", "re-arm 1 one-shot and harvest it",
	  oneshot_cycle, BOTH(1), .gate = 1.00, .goal = 0.85 },
	{ "P6-1000", "count", "harvest 64 ready of 1000, level, each",
	  harvest_64, BOTH(1000), .gate = 0.85, .goal = 0.60 },
	{ "P6", "count", "harvest 64 ready of 10000, level, each",
	  harvest_64, BOTH(10000), .gate = 0.85, .goal = 0.60 },
	{ "P6-100000", "count", "harvest 64 ready of 100000, level, each",
	  harvest_64, BOTH(100000), .gate = 0.85, .goal = 0.60 },
	{ "P6-flat", "count", "of 100000, against own of 1000",
	  harvest_64, OURS(100000), .peers = { { &port_side, 1000 } },
	  .gate = 1.05, .goal = 1.05 },
	{ "P7", "count", "harvest when nothing is ready",
	  harvest_nothing, BOTH(1000), .gate = 1.30, .goal = 1.00 },
	{ 0 }
};
