// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about very many: a million sockets in one port, thousands of ports.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define PORTS		10000

/* How long after the beginning of registering the process is killed. */
#define KILL_AFTER_US	100000

/* What is to be known of them; all of it in one go, as it takes long. */
enum life {
	ADD,
	/* The same, for another bar. */
	ADD_OWN,
	MEMORY,
	REMOVE,
	CLOSE,
};

static void live(const struct side *side, int n, double *value)
{
	void *ctx = side->open(sockets(n), n);
	double before = slab_bytes();
	uint64_t start;

	settle();
	start = now();
	side->add(ctx);
	value[ADD] = value[ADD_OWN] = now() - start;
	value[MEMORY] = slab_bytes() - before;
	settle();
	start = now();
	side->remove(ctx);
	value[REMOVE] = now() - start;
	settle();
	side->add(ctx);
	settle();
	start = now();
	side->close(ctx);
	value[CLOSE] = now() - start;
	side->free(ctx);
	settle();
}

static double of_life(const struct side *side, int n, enum life which)
{
	static struct shared lives = { .make = live };

	return shared_value(&lives, side, n, which) / n;
}

static double million_added(const struct side *side, int n)
{
	return of_life(side, n, ADD);
}

static double own_added(const struct side *side, int n)
{
	return n == MILLION ? of_life(side, n, ADD_OWN) : register_all(side, n);
}

static double million_memory(const struct side *side, int n)
{
	return of_life(side, n, MEMORY);
}

static double million_removed(const struct side *side, int n)
{
	return of_life(side, n, REMOVE);
}

static double million_closed(const struct side *side, int n)
{
	return of_life(side, n, CLOSE);
}

/*
 * From SIGKILL in the middle of registering to the end of the process, in which all
 * that was registered goes.
 */
static double killed(const struct side *side, int n)
{
	volatile int *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const int *fds = sockets(n);
	uint64_t start;
	double took;
	pid_t pid;
	void *ctx;

	need(done != MAP_FAILED, "mmap");
	*done = 0;
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid) {
		ctx = side->open(fds, n);
		*done = 1;
		side->add(ctx);
		*done = 2;
		pause();
	}
	while (!*done)
		usleep(1000);
	usleep(KILL_AFTER_US);
	if (*done != 1)
		die("%s: registered before it could be killed", side->name);
	start = now();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	took = now() - start;
	if (*done != 1)
		die("%s: cannot be killed while it registers", side->name);
	munmap((void *)done, sizeof(*done));
	return took / 1e6;
}

/* Many queues at once, empty: making one, or closing it. */
static double many(const struct side *side, int n, bool count_closing)
{
	int *fd = zalloc(n * sizeof(*fd));
	uint64_t start, middle;
	double cost;
	int i;

	settle();
	start = now();
	for (i = 0; i < n; i++)
		fd[i] = side->create();
	cost = now() - start;
	settle();
	middle = now();
	for (i = 0; i < n; i++)
		close(fd[i]);
	if (count_closing)
		cost = now() - middle;
	settle();
	free(fd);
	return cost / n;
}

static double many_opened(const struct side *side, int n)
{
	return many(side, n, false);
}

static double many_closed(const struct side *side, int n)
{
	return many(side, n, true);
}

static double many_memory(const struct side *side, int n)
{
	int *fd = zalloc(n * sizeof(*fd));
	double before;
	int i;

	settle();
	before = slab_bytes();
	for (i = 0; i < n; i++)
		fd[i] = side->create();
	before = slab_bytes() - before;
	for (i = 0; i < n; i++)
		close(fd[i]);
	settle();
	free(fd);
	return before / n;
}

const struct bar scale_bars[] = {
	{ "P13", "scale", "register 1000000 in one port, each",
	  million_added, BOTH(MILLION), .gate = 0.50, .goal = 0.35 },
	{ "P13-own", "scale", "the same, against own of 1000",
	  own_added, OURS(MILLION), .peers = { { &port_side, 1000 } },
	  .gate = 1.5, .goal = 1.2 },
	{ "P13-remove", "scale", "remove 1000000, with their packets, each",
	  million_removed, BOTH(MILLION) },
	{ "P13-close", "scale", "close with 1000000, each",
	  million_closed, BOTH(MILLION) },
	{ "P13-memory", "scale", "kernel memory of each of 1000000",
	  million_memory, BOTH(MILLION), .unit = UNIT_BYTES },
	{ "P13-kill", "scale", "SIGKILL while registering to the end, 10^6",
	  killed, BOTH(MILLION) },
	{ "ports-open", "scale", "open 10000 ports, each",
	  many_opened, UNSHARED(PORTS) },
	{ "ports-close", "scale", "close 10000 ports, each",
	  many_closed, UNSHARED(PORTS) },
	{ "ports-memory", "scale", "kernel memory of each of 10000 ports",
	  many_memory, UNSHARED(PORTS), .unit = UNIT_BYTES },
	{ 0 }
};
