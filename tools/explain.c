// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl explain PORT: why does this port not make progress?
 *
 * What is wrong lasts: so it looks again and again for a second, as long as there is
 * anything that would be wrong if it stayed so, and tells what was there each time.  A port
 * that works has packets in its queue and registrations that are to be enabled again, but
 * not the same ones all the time.
 *
 * The kernel tells of ports, threads and users; what is in a socket, and where a thread
 * sleeps, comes from /proc of the process (sockets.c), for whom may read it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* How often, and with how many seconds in between. */
#define LOOKS		20
#define INTERVAL	0.05

/* How many sockets or threads are shown. */
#define SHOWN		8

struct inquiry {
	uint32_t port;
	/* The port as it is now, and what users hold, now and at first. */
	json_t *now;
	json_t *user, *user_before;
	double began, seconds;
	json_int_t delivered;
	/* Whether packets were there all the time, and none was delivered. */
	int is_stalled;
	/* Disabled, and can be read; cannot be sent. */
	struct suspects forgotten, unsent;
	json_t *findings;
};

static json_int_t number_in(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *s_of(json_int_t number)
{
	return number == 1 ? "" : "s";
}

/* ----------------------------------------------------------------------- looking */

/* The only object of an answer, or that of a user; NULL if it is not there. */
static json_t *take_object(json_t *objects, json_int_t uid)
{
	json_t *object = NULL, *one;
	size_t i;

	if (!objects)
		return NULL;
	json_array_foreach(objects, i, one)
		if (uid < 0 || number_in(one, "uid") == uid)
			object = json_incref(one);
	json_decref(objects);
	return object;
}

/* In which process to look for sockets: a worker's, or whose port it is. */
static json_int_t process_of(const struct inquiry *q)
{
	json_t *workers = ask(TOPIC_WORKERS, q->port), *worker;
	json_int_t pid = number_in(q->now, "pid");
	size_t i;

	if (workers)
		json_array_foreach(workers, i, worker)
			if (number_in(worker, "pid"))
				pid = number_in(worker, "pid");
	json_decref(workers);
	return pid;
}

/* Disabled registrations that would report data. */
static void find_forgotten(const struct inquiry *q, json_int_t pid, struct suspects *found)
{
	json_t *regs = ask(TOPIC_REGISTRATIONS, q->port), *reg, *event;
	struct suspect *one;
	const char *state;
	size_t i, j;

	if (!regs)
		return;
	json_array_foreach(regs, i, reg) {
		state = json_string_value(json_object_get(reg, "state"));
		if (!state || strcmp(state, "disabled"))
			continue;
		one = suspect(found, number_in(reg, "inode"));
		if (!one)
			continue;
		json_array_foreach(json_object_get(reg, "filter"), j, event) {
			one->wants_data |= !strcmp(json_string_value(event), "in");
			one->wants_end |= !strcmp(json_string_value(event), "hangup");
		}
	}
	json_decref(regs);
	keep_readable(found, pid);
}

/* Sockets of the process whose peers take nothing. */
static void find_unsent(json_int_t pid, struct suspects *found)
{
	suspect_all_of(found, pid);
	keep_unsent(found, pid);
}

/* One look; 0, or FAILED. */
static int look(struct inquiry *q, int is_first)
{
	struct suspects forgotten = { NULL, 0 }, unsent = { NULL, 0 };
	json_int_t pid;

	json_decref(q->now);
	q->now = take_object(ask(TOPIC_PORTS, q->port), -1);
	if (!q->now)
		return FAILED;
	if (is_first) {
		q->delivered = number_in(q->now, "delivered");
		q->is_stalled = 1;
	}
	q->seconds = seconds_now() - q->began;
	q->is_stalled &= number_in(q->now, "packets") &&
			 number_in(q->now, "delivered") == q->delivered;
	pid = process_of(q);
	if (number_in(q->now, "disabled") && (is_first || q->forgotten.count))
		find_forgotten(q, pid, &forgotten);
	if ((number_in(q->now, "operations") || number_in(q->now, "endpoints")) &&
	    (is_first || q->unsent.count))
		find_unsent(pid, &unsent);
	keep_both(&q->forgotten, &forgotten, is_first);
	keep_both(&q->unsent, &unsent, is_first);
	return 0;
}

static int is_suspicious(const struct inquiry *q)
{
	return q->is_stalled || q->forgotten.count || q->unsent.count;
}

/* Until nothing is suspicious, but twice, to see what is delivered meanwhile. */
static int look_for_a_while(struct inquiry *q)
{
	int i, ret;

	q->began = seconds_now();
	ret = look(q, 1);
	if (ret)
		return ret;
	q->user_before = take_object(ask(TOPIC_USERS, 0), number_in(q->now, "uid"));
	for (i = 1; !ret && i < LOOKS && is_suspicious(q); i++) {
		pause_for(INTERVAL);
		ret = look(q, 0);
	}
	if (!ret && i == 1) {
		pause_for(10 * INTERVAL);
		ret = look(q, 0);
	}
	q->user = take_object(ask(TOPIC_USERS, 0), number_in(q->now, "uid"));
	return ret;
}

/* ---------------------------------------------------------------------- findings */

__attribute__((format(printf, 1, 0)))
static json_t *text(const char *format, va_list list)
{
	char line[256], *c;

	vsnprintf(line, sizeof(line), format, list);
	/* Names of programs are in it, which may be of any bytes. */
	for (c = line; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	return json_string(line);
}

__attribute__((format(printf, 3, 4)))
static json_t *find(struct inquiry *q, const char *reason, const char *format, ...)
{
	json_t *finding = json_pack("{s:s,s:n,s:[]}", "reason", reason, "what", "evidence");
	va_list list;

	va_start(list, format);
	json_object_set_new(finding, "what", text(format, list));
	va_end(list);
	json_array_append_new(q->findings, finding);
	return finding;
}

__attribute__((format(printf, 2, 3)))
static void prove(json_t *finding, const char *format, ...)
{
	json_t *evidence = json_object_get(finding, "evidence");
	va_list list;

	va_start(list, format);
	json_array_append_new(evidence, text(format, list));
	va_end(list);
}

static void prove_by_sockets(json_t *finding, const struct suspects *s)
{
	size_t i;

	for (i = 0; i < s->count && i < SHOWN; i++)
		prove(finding, "socket %lu, %s: %s", s->list[i].inode, s->list[i].addresses,
		      s->list[i].what);
	if (s->count > SHOWN)
		prove(finding, "and %zu more", s->count - SHOWN);
}

static int is_in_state(const json_t *worker, const char *state)
{
	const char *is = json_string_value(json_object_get(worker, "state"));

	return is && !strcmp(is, state);
}

/* Each thread that is in that state, and where it is. */
static void prove_by_threads(json_t *finding, const json_t *workers, const char *state)
{
	const json_t *worker;
	size_t i, shown = 0;
	char where[128];

	json_array_foreach(workers, i, worker) {
		if (!is_in_state(worker, state))
			continue;
		if (shown++ == SHOWN) {
			prove(finding, "and more");
			return;
		}
		where_is(number_in(worker, "pid"), number_in(worker, "tid"), where, sizeof(where));
		prove(finding, "%s, thread %d: %s",
		      json_string_value(json_object_get(worker, "comm")) ?: "?",
		      (int)number_in(worker, "tid"), where);
	}
}

static size_t count_threads(const json_t *workers, const char *state)
{
	const json_t *worker;
	size_t i, n = 0;

	json_array_foreach(workers, i, worker)
		n += is_in_state(worker, state);
	return n;
}

/* Packets are there, and nobody takes them; there may be two reasons for it. */
static void explain_queue(struct inquiry *q)
{
	long long packets = number_in(q->now, "packets"), waiters = number_in(q->now, "waiters");
	long long may = number_in(q->now, "concurrency");
	json_t *workers = ask(TOPIC_WORKERS, q->port), *finding;
	size_t running = count_threads(workers, "running");
	size_t blocked = count_threads(workers, "blocked");
	int no_slot = (long long)running >= may;
	const char *are = packets == 1 ? " is" : "s are";

	if (!json_array_size(workers)) {
		find(q, "nobody", "%lld packet%s queued, and no thread asks for packets: none is "
		     "associated with it", packets, are);
	} else if (no_slot) {
		finding = find(q, "slots", "%lld packet%s queued, and as many threads run as may "
			       "(%lld); waiting: %lld", packets, are, may, waiters);
		prove_by_threads(finding, workers, "running");
	} else if (waiters) {
		find(q, "mistake", "%lld packet%s queued, and %lld threads wait and may run, which "
		     "is a mistake of the module: please report it", packets, are, waiters);
	} else if (!blocked) {
		finding = find(q, "busy", "%lld packet%s queued, and nobody waits; threads that "
			       "run: %zu", packets, are, running);
		prove_by_threads(finding, workers, "running");
	}
	if (blocked && !waiters) {
		finding = find(q, "blocked", "%lld packet%s queued, and nobody waits; threads "
			       "that are blocked: %zu, that run: %zu", packets, are, blocked,
			       running);
		prove_by_threads(finding, workers, "blocked");
		if (!no_slot)
			prove_by_threads(finding, workers, "running");
	}
	json_decref(workers);
}

/* What the user holds who has opened it, in this port and all others. */
static void explain_limits(struct inquiry *q)
{
	json_int_t refusals = number_in(q->user, "refusals");
	json_int_t more = refusals - number_in(q->user_before, "refusals");
	json_t *finding = NULL;
	const char *const *key;

	if (!q->user || !refusals)
		return;
	for (key = limit_keys; *key; key++) {
		if (number_in(q->user, *key) < limit_of(q->user, *key))
			continue;
		if (!finding)
			finding = find(q, "limit", "user %lld is at a limit, and was refused more "
				       "%lld time%s", (long long)number_in(q->user, "uid"),
				       (long long)refusals, s_of(refusals));
		prove(finding, "he holds %lld of %lld %s", (long long)number_in(q->user, *key),
		      (long long)limit_of(q->user, *key), *key);
	}
	if (!finding && more > 0)
		find(q, "limit", "user %lld is refused more again and again: %lld time%s just now",
		     (long long)number_in(q->user, "uid"), (long long)more, s_of(more));
}

static void explain_all(struct inquiry *q)
{
	json_int_t operations = number_in(q->now, "operations");
	json_t *finding;

	if (json_is_true(json_object_get(q->now, "closed")))
		find(q, "closed", "it was closed: nobody gets packets from it any more, but "
		     "somebody has a descriptor of it still");
	else if (q->is_stalled)
		explain_queue(q);
	if (q->forgotten.count) {
		finding = find(q, "forgotten", "%zu registration%s delivered or disabled, and not "
			       "enabled again, while there is something to read",
			       q->forgotten.count, q->forgotten.count == 1 ? " was" : "s were");
		prove_by_sockets(finding, &q->forgotten);
	}
	if (q->unsent.count) {
		/* They need not be those of the operations, which are not told of one by one. */
		finding = find(q, "peer", "%zu socket%s of its process %s something to send that "
			       "the peer does not take, while %lld operation%s", q->unsent.count,
			       s_of(q->unsent.count), q->unsent.count == 1 ? "has" : "have",
			       (long long)operations, operations == 1 ? " pends" : "s pend");
		prove_by_sockets(finding, &q->unsent);
	}
	explain_limits(q);
}

/* ------------------------------------------------------------------- what is told */

static void show_calm(const struct inquiry *q)
{
	json_int_t delivered = number_in(q->now, "delivered") - q->delivered;
	json_int_t armed = number_in(q->now, "armed"), disabled = number_in(q->now, "disabled");
	json_int_t operations = number_in(q->now, "operations");

	if (delivered) {
		printf("nothing to explain: it delivered %lld packet%s in %.1f seconds\n",
		       (long long)delivered, s_of(delivered), q->seconds);
		return;
	}
	printf("nothing to explain: it waits for %lld socket%s", (long long)armed, s_of(armed));
	if (operations)
		printf(", and for the peers of %lld operation%s, which are silent",
		       (long long)operations, s_of(operations));
	if (disabled)
		printf("; %lld more %s disabled", (long long)disabled,
		       disabled == 1 ? "is" : "are");
	putchar('\n');
}

static void show_findings(const struct inquiry *q)
{
	int bold = has_colour();
	json_t *finding, *evidence;
	size_t i, j;

	printf("Port %u: ", q->port);
	if (!json_array_size(q->findings))
		show_calm(q);
	json_array_foreach(q->findings, i, finding) {
		printf("%s%s%s%s\n", i ? "And: " : "", bold ? "\033[1m" : "",
		       json_string_value(json_object_get(finding, "what")),
		       bold ? "\033[0m" : "");
		json_array_foreach(json_object_get(finding, "evidence"), j, evidence)
			printf("    %s\n", json_string_value(evidence));
	}
}

static void show_object(const struct options *options, const struct inquiry *q)
{
	json_t *object = json_pack("{s:i,s:I,s:f,s:O}", "port", (int)q->port, "delivered",
				   number_in(q->now, "delivered") - q->delivered, "seconds",
				   q->seconds, "findings", q->findings);

	show_json(object, options->pretty);
	json_decref(object);
}

int explain(const struct options *options, int argc, char **argv)
{
	struct inquiry q = { .findings = json_array() };
	int ret;

	ret = parse_port(argc, argv, &q.port);
	if (ret < 0)
		return WRONG;
	if (!ret)
		return complain("explain which port?", NULL);
	ret = look_for_a_while(&q);
	if (!ret) {
		explain_all(&q);
		if (options->json)
			show_object(options, &q);
		else
			show_findings(&q);
		ret = json_array_size(q.findings) ? FAILED : 0;
	}
	json_decref(q.now);
	json_decref(q.user);
	json_decref(q.user_before);
	json_decref(q.findings);
	free(q.forgotten.list);
	free(q.unsent.list);
	return ret;
}
