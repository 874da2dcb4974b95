// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What all the rest stands on: the clock, errors, memory.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static bool counting;

void clock_set_counting(void)
{
	counting = true;
}

bool clock_counts(void)
{
	return counting;
}

/* Under QEMU's -icount, one of these nanoseconds is one instruction. */
uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * What was freed comes back after a grace period of RCU: whoever is measured next
 * should not pay for it.  (Sleep costs nothing under -icount.)
 */
void settle(void)
{
	usleep(200000);
}

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

void need(bool holds, const char *what)
{
	if (!holds)
		die("%s: %s", what, strerror(errno));
}

/* Memory that is there: each page has been touched. */
void *zalloc(uint64_t size)
{
	void *memory = malloc(size);

	need(memory, "malloc");
	return memset(memory, 0, size);
}
