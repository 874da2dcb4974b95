// SPDX-License-Identifier: GPL-2.0
/*
 * Bars about registrations that come and go.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static double register_all(const struct side *side, int n)
{
	void *ctx = side->open(sockets(n), n);
	uint64_t start;
	double cost;

	settle();
	start = now();
	side->add(ctx);
	cost = now() - start;

	side->close(ctx);
	side->free(ctx);
	return cost / n;
}

static double remove_all(const struct side *side, int n)
{
	void *ctx = side->open(sockets(n), n);
	uint64_t start;
	double cost;

	side->add(ctx);
	settle();
	start = now();
	side->remove(ctx);
	cost = now() - start;

	side->close(ctx);
	side->free(ctx);
	return cost / n;
}

static double close_with_all(const struct side *side, int n)
{
	void *ctx = side->open(sockets(n), n);
	uint64_t start;
	double cost;

	side->add(ctx);
	settle();
	start = now();
	side->close(ctx);
	cost = now() - start;

	side->free(ctx);
	return cost / n;
}

static double slab_bytes(void)
{
	unsigned long kb = 0;
	char line[128];
	FILE *file;

	file = fopen("/proc/meminfo", "re");
	need(file, "/proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Slab: %lu kB", &kb) == 1)
			break;
	}
	fclose(file);
	return kb * 1024.0;
}

/* What the slab caches have grown by, whatever is in it. */
static double memory_of_all(const struct side *side, int n)
{
	void *ctx = side->open(sockets(n), n);
	double before, after;

	settle();
	before = slab_bytes();
	side->add(ctx);
	settle();
	after = slab_bytes();

	side->close(ctx);
	side->free(ctx);
	return (after - before) / n;
}

#define OURS(count)	.ours = { &port_side, count }, .fds = count
#define EPOLL(count)	.peers = { { &epoll_side, count } }
#define BOTH(count)	OURS(count), EPOLL(count)

const struct bar registering_bars[] = {
	{ "P1-64", "count", "register 64 sockets, each",
	  register_all, BOTH(64), .gate = 0.45, .goal = 0.33 },
	{ "P1-2048", "count", "register 2048 sockets, each",
	  register_all, BOTH(2048), .gate = 0.45, .goal = 0.33 },
	{ "P1-65536", "count", "register 65536 sockets, each",
	  register_all, BOTH(65536), .gate = 0.45, .goal = 0.33 },
	{ "P2-64", "count", "remove 64, with their packets, each",
	  remove_all, BOTH(64), .gate = 0.60, .goal = 0.45 },
	{ "P2-2048", "count", "remove 2048, with their packets, each",
	  remove_all, BOTH(2048), .gate = 0.60, .goal = 0.45 },
	{ "P2-65536", "count", "remove 65536, with their packets, each",
	  remove_all, BOTH(65536), .gate = 0.60, .goal = 0.45 },
	{ "P12", "count", "kernel memory of a registration (of 65536)",
	  memory_of_all, BOTH(65536), .gate = 0.65, .goal = 0.50,
	  .unit = UNIT_BYTES },
	{ "P15-64", "count", "close with 64 registered, each",
	  close_with_all, BOTH(64), .gate = 0.60, .goal = 0.40 },
	{ "P15-65536", "count", "close with 65536 registered, each",
	  close_with_all, BOTH(65536), .gate = 0.60, .goal = 0.40 },
	{ 0 }
};
