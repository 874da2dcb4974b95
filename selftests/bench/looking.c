// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The bar about who looks from outside at very many registrations: for how long that holds
 * up the server.
 *
 * The server is a thread of the highest priority, in a kernel that lets it run as soon as no
 * spinlock is held and interrupts are on (preempt=full), and there is one processor: what it
 * waits for is such a section, or a lock that it needs itself.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* How often the server is due. */
#define PERIOD_NS	200000

static void set_priority(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	need(!sched_setscheduler(0, policy, &param), "sched_setscheduler");
}

static void sleep_until(uint64_t time)
{
	struct timespec ts = {
		.tv_sec = time / 1000000000, .tv_nsec = time % 1000000000,
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* From when a harvest is due to its end, at most, until the other one is done. */
static double longest_harvest(const struct side *side, void *ctx, const volatile int *done)
{
	uint64_t due = now(), took, longest = 0;

	while (!*done) {
		due += PERIOD_NS;
		sleep_until(due);
		if (side->harvest(ctx, 1) != 1)
			die("%s misses an event", side->name);
		took = now() - due;
		if (took > longest)
			longest = took;
		/* What was missed meanwhile is not made up for. */
		due += took / PERIOD_NS * PERIOD_NS;
	}
	return longest;
}

/* Somebody looks, in a process of its own.  Its end is not a part of it. */
static double longest_harvest_meanwhile(const struct side *side, void *ctx, int n)
{
	volatile int *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double longest;
	pid_t pid;

	need(told != MAP_FAILED, "mmap");
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid) {
		*told = side->look(ctx);
		pause();
	}
	set_priority(SCHED_FIFO, 1);
	longest = longest_harvest(side, ctx, told);
	set_priority(SCHED_OTHER, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (*told != n)
		die("%s: %d are told of, and not %d", side->name, *told, n);
	munmap((void *)told, sizeof(*told));
	return longest;
}

static double held_up(const struct side *side, int n)
{
	const int *fds = sockets(n);
	void *ctx = side->open(fds, n);
	double longest;

	side->add(ctx);
	socket_send(fds[0]);
	settle();
	longest = longest_harvest_meanwhile(side, ctx, n);
	socket_recv(fds[0]);
	side->close(ctx);
	side->free(ctx);
	return longest;
}

const struct bar looking_bars[] = {
	{ "P13-look", "scale-preempt", "harvest while 1000000 are told, at most",
	  held_up, BOTH(MILLION) },
	{ 0 }
};
