// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about threads: writers into one queue, and echo servers, which are programs
 * of selftests/demo that run as they are.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/*
 * Writers
 */
#define POSTS	20000

struct writer {
	const struct side *side;
	void *ctx;
	int number;
	pthread_barrier_t *start;
	pthread_t thread;
};

static void *write_events(void *arg)
{
	struct writer *writer = arg;
	int i;

	pthread_barrier_wait(writer->start);
	for (i = 0; i < POSTS; i++)
		writer->side->post(writer->ctx, writer->number);
	return NULL;
}

/* Events per second, from the first that is made to the last that is taken. */
static double writers(const struct side *side, int n)
{
	struct writer *writer = zalloc(n * sizeof(*writer));
	void *ctx = side->open(NULL, n);
	pthread_barrier_t start;
	long taken = 0;
	uint64_t began;
	double took;
	int i;

	pthread_barrier_init(&start, NULL, n + 1);
	for (i = 0; i < n; i++) {
		writer[i] = (struct writer){ side, ctx, i, &start, 0 };
		need(!pthread_create(&writer[i].thread, NULL, write_events,
				     &writer[i]), "pthread_create");
	}
	settle();
	pthread_barrier_wait(&start);
	began = now();
	while (taken < (long)n * POSTS)
		taken += side->take_many(ctx);
	took = now() - began;

	for (i = 0; i < n; i++)
		pthread_join(writer[i].thread, NULL);
	pthread_barrier_destroy(&start);
	side->close(ctx);
	side->free(ctx);
	free(writer);
	return taken / (took / 1e9);
}

static double writers_time(const struct side *side, int n)
{
	return 1e9 / writers(side, n);
}

/*
 * Echo servers
 */
#define CONNECTIONS	"64"

struct echo {
	double per_second;
	double switches;
};

/* Lets one thread ask for a while what a server's threads answer. */
static struct echo echo(const struct side *side, int threads)
{
	const char *port = next_tcp_port();
	char count[16], process[16], text[256];
	char *server_args[] = { (char *)side->echo_server, (char *)port, count,
				/* As many run as there are processors. */
				side == &port_side ? "0" : NULL, NULL };
	char *load_args[] = { "echo_load", (char *)port, CONNECTIONS,
			      clock_counts() ? "50" : "1000", process, NULL };
	struct echo echo;
	pid_t server;

	snprintf(count, sizeof(count), "%d", threads);
	server = start_server(server_args);
	snprintf(process, sizeof(process), "%d", server);
	run_program(load_args, text, sizeof(text));
	stop_server(server);
	if (sscanf(text, "%lf %lf", &echo.per_second, &echo.switches) != 2)
		die("what does echo_load say? %s", text);
	return echo;
}

double echo_rate(const struct side *side, int threads)
{
	return echo(side, threads).per_second;
}

static double echo_switches(const struct side *side, int threads)
{
	return echo(side, threads).switches;
}

/* Of everybody's: client, server, and what runs in between. */
static double echo_time(const struct side *side, int threads)
{
	return 1e9 / echo(side, threads).per_second;
}

const struct bar running_bars[] = {
	{ "P10-all", "count", "the same, two processes, client included",
	  echo_time, THREADED(1) },
	{ "P11-rate", "threads", "TCP echo, 8 threads: requests/s",
	  echo_rate, THREADED(8), .gate = 1.30, .goal = 1.50,
	  .unit = UNIT_PER_SECOND, .larger_is_better = true },
	{ "P11-switches", "threads", "and context switches per request",
	  echo_switches, THREADED(8), .gate = 0.30, .goal = 0.20,
	  .unit = UNIT_COUNT },
	{ "P11-64", "threads", "TCP echo, 64 threads: requests/s",
	  echo_rate, THREADED(64),
	  .unit = UNIT_PER_SECOND, .larger_is_better = true },
	{ "P14-work", "count", "8 writers, one processor: an event",
	  writers_time, .ours = { &port_side, 8 },
	  .peers = { { &eventfd_level_side, 8 }, { &eventfd_edge_side, 8 } },
	  .anywhere = true },
	{ "P14", "threads", "8 writers into one queue: events/s",
	  writers, .ours = { &port_side, 8 },
	  .peers = { { &eventfd_level_side, 8 }, { &eventfd_edge_side, 8 } },
	  .gate = 1.3, .goal = 2.0, .unit = UNIT_PER_SECOND,
	  .larger_is_better = true, .anywhere = true },
	{ 0 }
};
