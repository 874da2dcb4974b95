// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl histograms: how many packets calls bring, and how long packets were queued.
 *
 * The kernel counts by powers of two: element 0 is for 0, 1 for 1, 2 for 2 and 3, 3 for 4 to
 * 7 and so on, and the last one for all that is more.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sockiocpctl.h"

#define SWITCH	"/sys/module/sockiocp/parameters/histograms"

/* How long the longest bar is. */
#define BAR	40

static int is_switched_on(void)
{
	FILE *file = fopen(SWITCH, "re");
	int c = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return c == 'Y';
}

/* What stands in an element, as "4 to 7 us". */
static void print_range(size_t element, int is_last, const char *unit)
{
	uint64_t from = element ? 1ULL << (element - 1) : 0, to = element ? 2 * from - 1 : 0;
	char text[64];

	if (is_last)
		snprintf(text, sizeof(text), "%" PRIu64 " or more%s", from, unit);
	else if (from == to)
		snprintf(text, sizeof(text), "%" PRIu64 "%s", from, unit);
	else
		snprintf(text, sizeof(text), "%" PRIu64 " to %" PRIu64 "%s", from, to, unit);
	printf("%22s", text);
}

/* From the first element that is not 0 to the last one. */
static void print_histogram(const json_t *counts, const char *head, const char *unit)
{
	size_t i, first = json_array_size(counts), end = 0;
	json_int_t most = 0, count;
	json_t *element;
	int n;

	json_array_foreach(counts, i, element) {
		count = json_integer_value(element);
		if (!count)
			continue;
		if (first > i)
			first = i;
		end = i + 1;
		if (most < count)
			most = count;
	}
	puts(head);
	for (i = first; i < end; i++) {
		count = json_integer_value(json_array_get(counts, i));
		print_range(i, i + 1 == json_array_size(counts), unit);
		printf("%12" JSON_INTEGER_FORMAT "%s", count, count ? "  " : "");
		/* What is there is seen. */
		for (n = 0; n < (count * BAR + most - 1) / (most ? most : 1); n++)
			putchar('#');
		putchar('\n');
	}
}

static void print_port(const json_t *port)
{
	printf("port %" JSON_INTEGER_FORMAT " of ", json_integer_value(json_object_get(port, "id")));
	show_name(json_string_value(json_object_get(port, "comm")));
	if (json_object_get(port, "pid"))
		printf(" (%" JSON_INTEGER_FORMAT ")",
		       json_integer_value(json_object_get(port, "pid")));
	if (!json_object_get(port, "batches")) {
		printf(": nothing was delivered since counting began\n");
		return;
	}
	putchar('\n');
	print_histogram(json_object_get(port, "batches"), "     packets of a call       calls", "");
	print_histogram(json_object_get(port, "waits"), "     time in the queue     packets", " us");
}

/* What programs read has the ports' numbers and the counts; null where there are none. */
static json_t *only_counts(const json_t *ports)
{
	static const char *const keys[] = { "id", "pid", "comm", "batches", "waits" };
	json_t *list = json_array(), *port, *object, *value;
	size_t i, key;

	json_array_foreach(ports, i, port) {
		object = json_object();
		for (key = 0; key < sizeof(keys) / sizeof(*keys); key++) {
			value = json_object_get(port, keys[key]);
			json_object_set_new(object, keys[key], value ? json_incref(value) : json_null());
		}
		json_array_append_new(list, object);
	}
	return list;
}

int histograms(const struct options *options, int argc, char **argv)
{
	json_t *ports, *object;
	uint32_t port;
	size_t i;

	if (parse_port(argc, argv, &port) < 0)
		return WRONG;
	ports = ask(TOPIC_PORTS, port);
	if (!ports)
		return FAILED;
	if (options->json) {
		object = only_counts(ports);
		show_json(object, options->pretty);
		json_decref(object);
	} else if (is_switched_on()) {
		json_array_foreach(ports, i, object)
			print_port(object);
	}
	json_decref(ports);
	if (is_switched_on())
		return 0;
	fprintf(stderr, "sockiocpctl: nothing is counted; as root: echo 1 > " SWITCH "\n");
	return FAILED;
}
