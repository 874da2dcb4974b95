// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about registrations that come and go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

double register_all(const struct side *side, int n)
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

double remove_all(const struct side *side, int n)
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

double close_with_all(const struct side *side, int n)
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

double slab_bytes(void)
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

/* What the slab caches have grown by for each that is added, whatever is in it. */
double memory_of_added(const struct side *side, void *ctx, int n)
{
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

double memory_of_all(const struct side *side, int n)
{
	return memory_of_added(side, side->open(sockets(n), n), n);
}

/* What closing sockets takes that nobody has registered. */
static double close_alone(int n)
{
	double cost = 0;
	uint64_t start;
	int i, fds[n];

	for (i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		need(fds[i] >= 0, "socket");
	}
	start = now();
	for (i = 0; i < n; i++)
		close(fds[i]);
	cost = now() - start;
	return cost / n;
}

/*
 * Sockets come, are registered and are closed without a word, over and over in one
 * port: what closed ones leave behind is given back meanwhile, and part of it.
 */
#define GENERATIONS	50

static double live(const struct side *side, int n, bool as_programs_do)
{
	int *fds = zalloc(n * sizeof(*fds));
	void *ctx = side->open(fds, n);
	double cost = 0;
	uint64_t start;
	int i, j;

	settle();
	for (i = 0; i < GENERATIONS; i++) {
		for (j = 0; j < n; j++) {
			fds[j] = socket(AF_INET, SOCK_DGRAM, 0);
			need(fds[j] >= 0, "socket");
		}
		start = now();
		side->add(ctx);
		for (j = 0; j < n; j++) {
			if (as_programs_do && side->close_socket)
				side->close_socket(fds[j]);
			else
				close(fds[j]);
		}
		cost += now() - start;
	}
	/* A promise of the port, without which it would be no comparison. */
	if (side->held && side->held(ctx) > 4 * n)
		die("%s holds %d registrations of closed sockets", side->name,
		    side->held(ctx));
	side->close(ctx);
	side->free(ctx);
	free(fds);
	return cost / GENERATIONS / n;
}

static double lifetime(const struct side *side, int n)
{
	return live(side, n, false);
}

static double lifetime_closesocket(const struct side *side, int n)
{
	return live(side, n, true);
}

/* The same without what closing a socket takes anyhow. */
static double lifetime_added(const struct side *side, int n)
{
	double alone = 0;
	int i;

	for (i = 0; i < GENERATIONS; i++)
		alone += close_alone(n);
	return lifetime(side, n) - alone / GENERATIONS;
}

const struct bar registering_bars[] = {
	{ "P1-64", "count", "register 64 sockets, each",
	  register_all, BOTH(64), .gate = 0.40, .goal = 0.33 },
	{ "P1-2048", "count", "register 2048 sockets, each",
	  register_all, BOTH(2048), .gate = 0.40, .goal = 0.33 },
	{ "P1-65536", "count", "register 65536 sockets, each",
	  register_all, BOTH(65536), .gate = 0.40, .goal = 0.33 },
	{ "P1-2048-fresh", "fresh", "P1-2048, the first work of a guest",
	  register_all, BOTH(2048), .gate = 0.40, .goal = 0.33 },
	{ "P1-65536-fresh", "fresh-many", "P1-65536, the first work of a guest",
	  register_all, BOTH(65536), .gate = 0.40, .goal = 0.33 },
	{ "P2-64", "count", "remove 64, with their packets, each",
	  remove_all, BOTH(64), .gate = 0.47, .goal = 0.40 },
	{ "P2-2048", "count", "remove 2048, with their packets, each",
	  remove_all, BOTH(2048), .gate = 0.47, .goal = 0.40 },
	{ "P2-65536", "count", "remove 65536, with their packets, each",
	  remove_all, BOTH(65536), .gate = 0.47, .goal = 0.40 },
	{ "P12", "count", "kernel memory of a registration (of 65536)",
	  memory_of_all, BOTH(65536), .gate = 0.62, .goal = 0.50,
	  .unit = UNIT_BYTES },
	{ "P15-64", "count", "close with 64 registered, each",
	  close_with_all, BOTH(64), .gate = 0.50, .goal = 0.40 },
	{ "P15-65536", "count", "close with 65536 registered, each",
	  close_with_all, BOTH(65536), .gate = 0.50, .goal = 0.40 },
	{ "P16", "count", "register 64 and close the sockets, each",
	  lifetime, UNSHARED(64), .gate = 0.74, .goal = 0.60 },
	{ "P16-win32", "count", "the same with closesocket()",
	  lifetime_closesocket, UNSHARED(64), .gate = 0.75, .goal = 0.60 },
	{ "P16-added", "count", "P16 less what closing takes anyhow",
	  lifetime_added, UNSHARED(64) },
	{ 0 }
};
