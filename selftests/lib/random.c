// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Random numbers, a memory and a calm network for the tests: see random.h.
 */
#define _GNU_SOURCE
#include <linux/sockios.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "random.h"
#include "sock.h"

#define HISTORY		120
#define LINE		120

static char history[HISTORY][LINE];
static unsigned int history_len;

static int probe[2] = { -1, -1 };

uint64_t random_seed(unsigned int n)
{
	const char *given = getenv("SEED");

	if (given && *given)
		return strtoull(given, NULL, 0);
	/* Short enough to be typed. */
	return (uint64_t)now_ns() / 1000 % 100000000 * 10 + n % 10;
}

unsigned int random_runs(unsigned int n)
{
	const char *seed = getenv("SEED"), *runs = getenv("RUNS");

	if (seed && *seed)
		return 1;
	return runs && *runs ? strtoul(runs, NULL, 0) : n;
}

struct random random_start(uint64_t seed)
{
	return (struct random){ .state = seed };
}

/* splitmix64 */
uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

unsigned int random_below(struct random *r, unsigned int n)
{
	return random_next(r) % n;
}

unsigned int random_size(struct random *r, unsigned int max)
{
	unsigned int limit = random_below(r, 3) ? max < 8 ? max : 8 : max;

	return 1 + random_below(r, limit);
}

void history_clear(void)
{
	history_len = 0;
}

void history_add(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(history[history_len++ % HISTORY], LINE, format, args);
	va_end(args);
}

void history_print(void)
{
	unsigned int i = history_len > HISTORY ? history_len - HISTORY : 0;

	for (; i < history_len; i++)
		printf("#   %6u %s\n", i, history[i % HISTORY]);
	fflush(stdout);
}

/* Of those that the thread may use the first one. */
int one_processor(void)
{
	cpu_set_t may, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(may), &may))
		return -1;
	for (cpu = 0; cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &may); cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

int loopback_open(void)
{
	return udp_pair(FAM_INET, probe);
}

static int probe_arrives(int from, int to)
{
	int64_t end = now_ms() + COMES;
	char c = 0;

	if (sock_send(from, &c, 1) != 1)
		return 0;
	while (sock_recv(to, &c, 1) != 1) {
		if (now_ms() >= end)
			return 0;
		sched_yield();
	}
	return 1;
}

/* There and back: what was sent has been answered too. */
int loopback_settle(void)
{
	return probe_arrives(probe[0], probe[1]) &&
	       probe_arrives(probe[1], probe[0]);
}

int tcp_acknowledged(int fd, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int n;

	for (;;) {
		n = -1;
		if (!ioctl(fd, SIOCOUTQ, &n) && !n)
			return 1;
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
}
