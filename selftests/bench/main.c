// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The benchmark: what work on sockets costs with sockiocp, and what the same costs
 * with epoll and io_uring, in the same process and on the same sockets.  What the
 * bars are, and what the numbers cannot say, is in Documentation/performance.rst.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <linux/sockiocp.h>

#include "bench.h"

/* Of the program itself, and a port, a ring, ... */
#define FEW_FDS		64

/*
 * Once an operation has pended the library has a thread, and then each system call counts
 * references to its descriptor: the bars that do so come last of those in one guest.
 */
static const struct bar *const all_bars[] = {
	registering_bars, harvesting_bars, waking_bars, echoing_bars,
	operating_bars, running_bars, web_bars, scale_bars, looking_bars,
	curve_bars,
};

static const struct argp_option options[] = {
	{ "instructions", 'i', NULL, 0,
	  "the clock counts instructions (QEMU's -icount shift=0)", 0 },
	{ "rounds", 'r', "N", 0, "how often each bar is measured", 0 },
	{ "json", 'j', "FILE", 0, "write all rounds into FILE", 0 },
	{ "list", 'l', NULL, 0, "list the bars, and measure nothing", 0 },
	{ "show", 's', NULL, 0,
	  "the arguments are files of --json, perhaps of several boots, to be shown as one table", 0 },
	{ "points", 'p', "CURVE", 0,
	  "as --show, but the points of one curve, as a table for gnuplot", 0 },
	{ "gates", 'g', "FILE", 0,
	  "fail if a ratio is worse than FILE says", 0 },
	{ 0 }
};

const char *argp_program_version = "bench (sockiocp " SOCKIOCP_VERSION ")";

static const char doc[] =
	"Measures what sockets cost with sockiocp, and with epoll and io_uring."
	"\v"
	"A BAR is a name (P1-64), the first part of some (P1; =P3 is P3 and no "
	"other), or a group: count, "
	"plain, fresh, fresh-many, web, scale, scale-preempt, threads, curves or thread-curves.  Without one it is count.\n\n"
	"Each line of the table: the work, the median of what it costs ours and the "
	"best peer, the ratio, what it must not exceed (gate) and what is aimed at "
	"(goal).  On real hardware the costs are in ns, with their range.\n\n"
	"Needs the module, and for some bars many descriptors (ulimit -n).";

static struct {
	bool list;
	bool show;
	int rounds;
	const char *json;
	const char *gates;
	const char *curve;
	char **args;
} arguments;

static char *default_args[] = { "count", NULL };

static bool is_wanted(const struct bar *bar)
{
	char **arg;
	size_t len;

	for (arg = arguments.args; *arg; arg++) {
		len = strlen(*arg);
		if (!strcmp(bar->group, *arg))
			return true;
		if (**arg == '=') {
			if (!strcmp(bar->id, *arg + 1))
				return true;
			continue;
		}
		if (!strncmp(bar->id, *arg, len) &&
		    (!bar->id[len] || bar->id[len] == '-'))
			return true;
	}
	return false;
}

static bool is_known(const char *arg)
{
	char *one[] = { (char *)arg, NULL }, **args = arguments.args;
	const struct bar *bar;
	bool known = false;
	size_t i;

	arguments.args = one;
	for (i = 0; i < sizeof(all_bars) / sizeof(*all_bars); i++) {
		for (bar = all_bars[i]; bar->id; bar++)
			known |= is_wanted(bar);
	}
	arguments.args = args;
	return known;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'i':
		clock_set_counting();
		break;
	case 'r':
		arguments.rounds = atoi(arg);
		if (arguments.rounds < 1)
			argp_error(state, "how many rounds?");
		break;
	case 'j':
		arguments.json = arg;
		break;
	case 'l':
		arguments.list = true;
		break;
	case 's':
		arguments.show = true;
		break;
	case 'p':
		arguments.show = true;
		arguments.curve = arg;
		break;
	case 'g':
		arguments.gates = arg;
		break;
	case ARGP_KEY_ARGS:
		arguments.args = state->argv + state->next;
		break;
	case ARGP_KEY_END:
		if (!arguments.args)
			arguments.args = default_args;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Sockets that are open already stay open. */
static int fds_of(const struct bar *bar)
{
	int n = sockets_open();

	return (n > bar->sockets ? n : bar->sockets) + bar->fds + FEW_FDS;
}

/* So many descriptors are to be had; what root has to allow, root allows itself. */
static bool have_fds(unsigned int n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= n)
		return true;
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n;
	return !setrlimit(RLIMIT_NOFILE, &limit);
}

static const char *unit_name(enum unit unit)
{
	switch (unit) {
	case UNIT_BYTES:
		return "bytes";
	case UNIT_PER_SECOND:
		return "per second";
	case UNIT_COUNT:
		return "count";
	default:
		return "";
	}
}

static cpu_set_t all_processors;

/* One thread is measured on one processor. */
static void choose_processors(bool anywhere)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), anywhere ? &all_processors : &one);
}

static json_t *describe(const struct bar *bar)
{
	return json_pack("{s:s, s:s, s:s, s:f, s:f, s:b}", "id", bar->id,
			 "work", bar->work, "unit", unit_name(bar->unit),
			 "gate", bar->gate, "goal", bar->goal,
			 "larger_is_better", bar->larger_is_better);
}

/* Why a bar cannot be measured here, or NULL. */
static const char *obstacle(const struct bar *bar)
{
	static char text[80];

	if (bar->missing && bar->missing())
		return bar->missing();
	if (have_fds(fds_of(bar)))
		return NULL;
	snprintf(text, sizeof(text), "needs %d descriptors: ulimit -n",
		 fds_of(bar));
	return text;
}

static void run_bar(const struct bar *bar, json_t *report)
{
	json_t *result = describe(bar);
	const char *why = obstacle(bar);

	choose_processors(bar->anywhere);
	if (why)
		json_object_set_new(result, "skipped", json_string(why));
	else
		json_object_update_new(result, measure(bar, arguments.rounds));
	report_add(report, result);
	report_progress(report, result);
}

static void for_each_wanted(void (*run)(const struct bar *bar, json_t *report),
			    json_t *report)
{
	const struct bar *bar;
	size_t i;

	for (i = 0; i < sizeof(all_bars) / sizeof(*all_bars); i++) {
		for (bar = all_bars[i]; bar->id; bar++) {
			if (is_wanted(bar))
				run(bar, report);
		}
	}
}

static void list_bar(const struct bar *bar, json_t *report)
{
	(void)report;
	printf("%-14s %-13s %s\n", bar->id, bar->group, bar->work);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[BAR...]", doc, NULL, NULL, NULL
	};
	json_t *report;
	char **arg;

	arguments.rounds = 5;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);

	if (arguments.show) {
		report = report_merge(arguments.args);
		if (arguments.curve)
			report_points(report, arguments.curve);
		else
			report_print(report);
	} else {
		for (arg = arguments.args; *arg; arg++) {
			if (!is_known(*arg))
				die("there is no bar %s; see: bench --list", *arg);
		}
		report = report_new();
		if (arguments.list) {
			for_each_wanted(list_bar, NULL);
			return 0;
		}
		sched_getaffinity(0, sizeof(all_processors), &all_processors);
		for_each_wanted(run_bar, report);
	}
	if (arguments.json)
		report_write(report, arguments.json);
	if (arguments.gates && !report_check(report, arguments.gates))
		return 1;
	return 0;
}
