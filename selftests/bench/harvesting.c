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
static double cycle(const struct side *side, const int *fds, int k)
{
	void *ctx = side->open(fds, k);
	uint64_t start;
	double cost;
	int i;

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
	return cost / TIMES / k;
}

double oneshot_cycle(const struct side *side, int k)
{
	const int *fds = sockets(k);
	double cost;

	sockets_fill(k);
	cost = cycle(side, fds, k);
	sockets_drain(k);
	return cost;
}

static double cycle_of_kind(const struct side *side, enum kind kind, int k)
{
	struct ends *ends = ends_open(kind, k);
	double cost;

	ends_fill(ends);
	cost = cycle(side, ends->fds, k);
	ends_close(ends, false);
	return cost;
}

static double cycle_tcp(const struct side *side, int k)
{
	return cycle_of_kind(side, KIND_TCP, k);
}

static double cycle_unix(const struct side *side, int k)
{
	return cycle_of_kind(side, KIND_UNIX, k);
}

static double harvest(const struct side *side, int n, int ready)
{
	void *ctx = side->open(sockets(n), n);
	uint64_t start;
	double cost;
	int i, got = 0;

	side->add(ctx);
	sockets_fill(ready);
	/* Our library makes no system call if it looks in vain again and again. */
	for (i = 0; !ready && i < TIMES; i++)
		side->harvest(ctx, MAX_EVENTS);
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

/* Of ends that each round makes for itself. */
#define OWN_ENDS(count)	PAIR(count), .fds = 2 * (count) + 1
#define URING(count)	.peers = { { &uring_plain_side, count },	\
				   { &uring_coop_side, count },		\
				   { &uring_defer_side, count } }

const struct bar harvesting_bars[] = {
	{ "P3", "count", "re-arm 64 one-shot and harvest them, each",
	  oneshot_cycle, BOTH(64), .gate = 0.44, .goal = 0.38 },
	{ "P3-tcp", "count", "the same, TCP",
	  cycle_tcp, OWN_ENDS(64), .gate = 0.47, .goal = 0.38 },
	{ "P3-unix", "count", "the same, AF_UNIX",
	  cycle_unix, OWN_ENDS(64), .gate = 0.49, .goal = 0.38 },
	{ "P3-uring", "count", "the same against io_uring, batched",
	  oneshot_cycle, OURS(64), URING(64), .gate = 0.58, .goal = 0.50 },
	{ "P4", "count", "re-arm 8 one-shot and harvest them, each",
	  oneshot_cycle, BOTH(8), .gate = 0.50, .goal = 0.45 },
	{ "P4-tcp", "count", "the same, TCP",
	  cycle_tcp, OWN_ENDS(8), .gate = 0.53, .goal = 0.45 },
	{ "P4-unix", "count", "the same, AF_UNIX",
	  cycle_unix, OWN_ENDS(8), .gate = 0.56, .goal = 0.45 },
	{ "P5", "count", "re-arm 1 one-shot and harvest it",
	  oneshot_cycle, BOTH(1), .gate = 1.03, .goal = 0.95 },
	{ "P5-tcp", "count", "the same, TCP",
	  cycle_tcp, OWN_ENDS(1), .gate = 1.03, .goal = 0.95 },
	{ "P5-unix", "count", "the same, AF_UNIX",
	  cycle_unix, OWN_ENDS(1), .gate = 1.03, .goal = 0.95 },
	{ "P5-plain", "plain", "P5 without TOMOYO",
	  oneshot_cycle, BOTH(1), .gate = 0.95, .goal = 0.87 },
	{ "P5-tcp-plain", "plain", "P5-tcp without TOMOYO",
	  cycle_tcp, OWN_ENDS(1), .gate = 0.95, .goal = 0.87 },
	{ "P5-unix-plain", "plain", "P5-unix without TOMOYO",
	  cycle_unix, OWN_ENDS(1), .gate = 0.95, .goal = 0.87 },
	{ "P6-1000", "count", "harvest 64 ready of 1000, level, each",
	  harvest_64, BOTH(1000), .gate = 0.83, .goal = 0.70 },
	{ "P6", "count", "harvest 64 ready of 10000, level, each",
	  harvest_64, BOTH(10000), .gate = 0.83, .goal = 0.70 },
	{ "P6-100000", "count", "harvest 64 ready of 100000, level, each",
	  harvest_64, BOTH(100000), .gate = 0.83, .goal = 0.70 },
	{ "P6-flat", "count", "of 100000, against own of 1000",
	  harvest_64, OURS(100000), .peers = { { &port_side, 1000 } },
	  .gate = 1.05, .goal = 1.05 },
	{ "P7", "count", "harvest when nothing is ready",
	  harvest_nothing, BOTH(1000), .gate = 0.40, .goal = 0.20 },
	{ 0 }
};
