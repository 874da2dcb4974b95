// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl stats and top: how much ports deliver, and how fast.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sockiocpctl.h"

/* -------------------------------------------------------------------------- stats */

static json_t *find_port(const json_t *objects, json_int_t id)
{
	json_t *object;
	size_t i;

	if (objects)
		json_array_foreach(objects, i, object)
			if (json_integer_value(json_object_get(object, "id")) == id)
				return object;
	return NULL;
}

/* What was delivered since: of a port that was not there before, all. */
static void add_rates(json_t *objects, const json_t *before, double seconds)
{
	json_t *object, *was;
	json_int_t now;
	size_t i;

	json_array_foreach(objects, i, object) {
		was = find_port(before, json_integer_value(json_object_get(object, "id")));
		now = json_integer_value(json_object_get(object, "delivered"));
		if (was)
			now -= json_integer_value(json_object_get(was, "delivered"));
		json_object_set_new(object, "delivered-per-second", json_real(now / seconds));
	}
}

double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

void pause_for(double seconds)
{
	struct timespec left = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int show_stats(const struct options *options, json_t *objects)
{
	static const struct column columns[] = {
		{ "id", "PORT", 0 },
		{ "pid", "PID", 0 },
		{ "registrations", "REGS", 0 },
		{ "queued", "QUEUED", 0 },
		{ "packets", "PACKETS", 0 },
		{ "waiters", "WAIT", 0 },
		{ "active", "RUN", 0 },
		{ "delivered", "DELIVERED", 0 },
		{ "delivered-per-second", "PER SECOND", 0 },
		{ "comm", "COMMAND", 1 },
		{ NULL, NULL, 0 },
	};
	int ret = show(options, json_incref(objects), columns);

	/* Who reads a pipe wants to see each look at once. */
	return fflush(stdout) ? FAILED : ret;
}

int stats(const struct options *options, int argc, char **argv)
{
	json_t *objects, *before;
	double began, then;
	long looks = 0;

	if (argc)
		return complain("stats has no arguments", argv[0]);
	before = ask(TOPIC_PORTS, 0);
	if (!before)
		return FAILED;
	if (!options->interval) {
		int ret = show_stats(options, before);

		json_decref(before);
		return ret;
	}
	then = seconds_now();
	do {
		pause_for(options->interval);
		objects = ask(TOPIC_PORTS, 0);
		if (!objects)
			break;
		began = then;
		then = seconds_now();
		add_rates(objects, before, then - began);
		json_decref(before);
		before = objects;
		if (show_stats(options, objects))
			break;
	} while (!options->looks || ++looks < options->looks);
	json_decref(before);
	return options->looks && looks == options->looks ? 0 : FAILED;
}

/* ---------------------------------------------------------------------------- top */

/*
 * What the eye looks for: packets that nobody has taken since the last look are waiting for
 * a thread that does not come.
 */
static const char *pace_of(const json_t *object)
{
	if (json_real_value(json_object_get(object, "delivered-per-second")) > 0)
		return "busy";
	return json_integer_value(json_object_get(object, "packets")) ? "STALLED" : "idle";
}

/* The busiest first, then those with most in the queue. */
static int compare_ports(const void *one, const void *other)
{
	const json_t *a = *(json_t *const *)one, *b = *(json_t *const *)other;
	double rate = json_real_value(json_object_get(a, "delivered-per-second")) -
		      json_real_value(json_object_get(b, "delivered-per-second"));
	json_int_t queued = json_integer_value(json_object_get(a, "packets")) -
			    json_integer_value(json_object_get(b, "packets"));

	if (rate)
		return rate > 0 ? -1 : 1;
	if (queued)
		return queued > 0 ? -1 : 1;
	return json_integer_value(json_object_get(a, "id")) <
	       json_integer_value(json_object_get(b, "id")) ? -1 : 1;
}

/* NULL if there is no memory. */
static json_t *sorted(json_t *objects)
{
	size_t count = json_array_size(objects), i;
	json_t **ports = calloc(count + 1, sizeof(*ports)), *list = json_array();

	for (i = 0; ports && i < count; i++) {
		ports[i] = json_array_get(objects, i);
		json_object_set_new(ports[i], "pace", json_string(pace_of(ports[i])));
	}
	if (ports)
		qsort(ports, count, sizeof(*ports), compare_ports);
	for (i = 0; ports && i < count; i++)
		json_array_append(list, ports[i]);
	free(ports);
	return list;
}

/* How many lines fit, below the first one and the head; all if this is no screen. */
static size_t room(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row > 3)
		return size.ws_row - 3;
	return 20;
}

static void show_screen(const json_t *list, int is_screen)
{
	static const struct column columns[] = {
		{ "id", "PORT", 0 },
		{ "pid", "PID", 0 },
		{ "uid", "UID", 0 },
		{ "delivered-per-second", "PER SECOND", 0 },
		{ "packets", "PACKETS", 0 },
		{ "registrations", "REGS", 0 },
		{ "disabled", "DISABLED", 0 },
		{ "operations", "OPS", 0 },
		{ "waiters", "WAIT", 0 },
		{ "active", "RUN", 0 },
		{ "concurrency", "MAY", 0 },
		{ "pace", "STATE", 1 },
		{ "comm", "COMMAND", 1 },
		{ NULL, NULL, 0 },
	};
	json_t *shown = json_copy((json_t *)list), *object;
	size_t i, stalled = 0, count = json_array_size(list);
	double rate = 0;

	json_array_foreach(list, i, object) {
		rate += json_real_value(json_object_get(object, "delivered-per-second"));
		stalled += *json_string_value(json_object_get(object, "pace")) == 'S';
	}
	while (is_screen && json_array_size(shown) > room())
		json_array_remove(shown, json_array_size(shown) - 1);
	/* Home, and clear: the screen does not flicker as it would the other way round. */
	if (is_screen)
		printf("\033[H\033[J");
	printf("%zu ports, %.1f packets per second, %zu stalled%s\n", count, rate, stalled,
	       is_screen ? "; q quits" : "");
	show_table(shown, columns);
	if (!is_screen)
		putchar('\n');
	json_decref(shown);
}

static struct termios terminal_before;
static volatile sig_atomic_t is_told_to_end;

static void take_signal(int number)
{
	(void)number;
	is_told_to_end = 1;
}

/* Keys come one by one, Ctrl-C too; whoever ends us otherwise shall leave a sane terminal. */
static int begin_screen(void)
{
	const struct sigaction action = { .sa_handler = take_signal };
	struct termios now;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &terminal_before))
		return 0;
	now = terminal_before;
	now.c_lflag &= ~(ICANON | ECHO | ISIG);
	now.c_cc[VMIN] = 0;
	now.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &now))
		return 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	printf("\033[?1049h");
	return 1;
}

static void end_screen(void)
{
	printf("\033[?1049l");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
}

/* Whether somebody wants to leave before that time is over: q, Ctrl-C, or no terminal. */
static int is_over(double seconds)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	double end = seconds_now() + seconds;
	char key;

	while ((seconds = end - seconds_now()) > 0) {
		if (is_told_to_end)
			return 1;
		/* A day at a time is enough. */
		if (poll(&keys, 1, seconds < 86400 ? (int)(seconds * 1000) + 1 : 86400000) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3)
			return 1;
	}
	return 0;
}

static int look_again(const struct options *options, json_t **before, double *then,
		      int is_screen)
{
	json_t *objects = ask(TOPIC_PORTS, 0), *list;
	double began = *then;

	if (!objects)
		return FAILED;
	*then = seconds_now();
	add_rates(objects, *before, *then - began);
	json_decref(*before);
	*before = objects;
	list = sorted(objects);
	if (options->json)
		show_json(list, options->pretty);
	else
		show_screen(list, is_screen);
	json_decref(list);
	return fflush(stdout) ? FAILED : 0;
}

int top(const struct options *options, int argc, char **argv)
{
	double interval = options->interval ? options->interval : 1, then;
	int is_screen, ret = 0, is_left = 0;
	json_t *before;
	long looks = 0;

	if (argc)
		return complain("top has no arguments", argv[0]);
	before = ask(TOPIC_PORTS, 0);
	if (!before)
		return FAILED;
	is_screen = !options->json && !options->looks && begin_screen();
	then = seconds_now();
	while (!ret && !is_left && (!options->looks || looks++ < options->looks)) {
		if (is_screen)
			is_left = is_over(looks++ ? interval : 0.2);
		else
			pause_for(interval);
		if (!is_left)
			ret = look_again(options, &before, &then, is_screen);
	}
	if (is_screen)
		end_screen();
	json_decref(before);
	return ret;
}
