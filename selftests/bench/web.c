// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Bars about a whole server: the web server of the demo and the same one on epoll,
 * under the load of wrk.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../demo/usage.h"
#include "bench.h"

#define CONNECTIONS	"-c64"

#define TRACING		"/sys/kernel/tracing/events/raw_syscalls/sys_enter"
/* One count for each thread. */
#define COUNT_CALLS	"hist:keys=common_pid:size=1024"

/* What a load comes to, per request but for the rate. */
enum metric {
	RATE,
	MEDIAN,
	PERCENTILE_99,
	SWITCHES,
	CPU,
	CALLS,
};

/* The server listens when it is connected to. */
static void await_server(const char *port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int tries, fd, refused = 1;

	for (tries = 0; refused && tries < 200; tries++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		need(fd >= 0, "socket");
		refused = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
		close(fd);
		if (refused)
			usleep(20000);
	}
	need(!refused, "the web server does not listen");
}

/* Of wrk's output: the number behind a word, which may have a unit of time. */
static double number_after(const char *text, const char *word)
{
	const char *found = strstr(text, word);
	char unit[8] = "";
	double value;

	if (!found || sscanf(found + strlen(word), " %lf%7[a-z]", &value, unit) < 1)
		die("wrk does not say \"%s\":\n%s", word, text);
	if (!strcmp(unit, "us"))
		return value * 1e3;
	if (!strcmp(unit, "ms"))
		return value * 1e6;
	if (!strcmp(unit, "s"))
		return value * 1e9;
	return value;
}

static double requests_of(const char *text)
{
	const char *found = strstr(text, " requests in ");

	if (!found)
		die("wrk does not say how many requests there were:\n%s", text);
	while (found > text && found[-1] >= '0' && found[-1] <= '9')
		found--;
	return atof(found);
}

static void trigger(const char *text)
{
	FILE *file = fopen(TRACING "/trigger", "w");

	need(file, TRACING "/trigger");
	need(fputs(text, file) >= 0, TRACING);
	need(!fclose(file), TRACING "/trigger");
}

/* How many system calls the threads of a process have made since they are counted. */
static double calls_of(pid_t pid)
{
	char path[64], line[256];
	unsigned long long hits;
	double sum = 0;
	FILE *file;
	int task;

	file = fopen(TRACING "/hist", "r");
	need(file, TRACING "/hist");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "{ common_pid: %d } hitcount: %llu", &task,
			   &hits) != 2)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, task);
		if (!access(path, F_OK))
			sum += hits;
	}
	fclose(file);
	return sum;
}

static void run_load(const struct side *side, int threads, bool count_calls,
		     double *value)
{
	const char *port = next_tcp_port();
	char count[16], url[64], text[4096];
	char *server_args[] = { (char *)side->web_server, (char *)port, count,
				NULL };
	char *wrk_args[] = { "wrk", "-t1", CONNECTIONS,
			     clock_counts() ? "-d1s" : "-d2s", "--latency", url,
			     NULL };
	struct usage before, after;
	double requests;
	pid_t server;

	snprintf(count, sizeof(count), "%d", threads);
	snprintf(url, sizeof(url), "http://127.0.0.1:%s/", port);
	server = start_server(server_args);
	await_server(port);
	if (count_calls)
		trigger(COUNT_CALLS);
	need(!usage_of(server, &before), "the web server is gone");
	run_program(wrk_args, text, sizeof(text));
	need(!usage_of(server, &after), "the web server is gone");
	if (strstr(text, "Non-2xx") || strstr(text, "Socket errors"))
		die("%s made errors:\n%s", side->web_server, text);

	requests = requests_of(text);
	value[RATE] = number_after(text, "Requests/sec:");
	value[MEDIAN] = number_after(text, " 50%");
	value[PERCENTILE_99] = number_after(text, " 99%");
	value[SWITCHES] = (after.switches - before.switches) / requests;
	value[CPU] = (after.ns - before.ns) / requests;
	if (count_calls) {
		value[CALLS] = calls_of(server) / requests;
		trigger("!" COUNT_CALLS);
	}
	stop_server(server);
}

static void make_load(const struct side *side, int threads, double *value)
{
	run_load(side, threads, false, value);
}

static double metric(const struct side *side, int threads, enum metric which)
{
	static struct shared loads = { .make = make_load };

	return shared_value(&loads, side, threads, which);
}

static double rate(const struct side *side, int threads)
{
	return metric(side, threads, RATE);
}

static double median(const struct side *side, int threads)
{
	return metric(side, threads, MEDIAN);
}

static double percentile_99(const struct side *side, int threads)
{
	return metric(side, threads, PERCENTILE_99);
}

static double switches(const struct side *side, int threads)
{
	return metric(side, threads, SWITCHES);
}

static double cpu(const struct side *side, int threads)
{
	return metric(side, threads, CPU);
}

static double all_time(const struct side *side, int threads)
{
	return 1e9 / metric(side, threads, RATE);
}

/* To count takes time, so this load is for nothing else. */
static double calls(const struct side *side, int threads)
{
	double value[CALLS + 1];

	run_load(side, threads, true, value);
	return value[CALLS];
}

static const char *no_wrk(void)
{
	return have_program("wrk") ? NULL : "needs wrk: apt-get install wrk";
}

static const char *no_wrk_or_tracing(void)
{
	return access(TRACING "/trigger", W_OK) ?
	       "needs root, and tracefs in /sys/kernel/tracing" : no_wrk();
}

#define WITH_WRK	.missing = no_wrk

const struct bar web_bars[] = {
	{ "web-all", "web", "HTTP, 1 thread: a request, wrk included",
	  all_time, THREADED(1), WITH_WRK },
	{ "web-cpu", "web", "and the server's share",
	  cpu, THREADED(1), WITH_WRK },
	{ "web-rate", "threads", "HTTP, 4 threads: requests/s",
	  rate, THREADED(4), .unit = UNIT_PER_SECOND, .larger_is_better = true,
	  WITH_WRK },
	{ "web-50", "threads", "median latency",
	  median, THREADED(4), WITH_WRK },
	{ "web-99", "threads", "latency, 99 %",
	  percentile_99, THREADED(4), WITH_WRK },
	{ "web-switches", "threads", "context switches per request",
	  switches, THREADED(4), .unit = UNIT_COUNT, WITH_WRK },
	{ "web-time", "threads", "processor time per request",
	  cpu, THREADED(4), WITH_WRK },
	{ "web-calls", "threads", "system calls per request",
	  calls, THREADED(4), .unit = UNIT_COUNT, .missing = no_wrk_or_tracing },
	{ 0 }
};
