// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What was measured: as JSON, as tables, and against the gates.
 *
 * A report is an object with "unit" ("instructions" or "ns"), "kernel" and
 * "bars", an array.  Of each bar it has what struct bar says, "ours" and "peers"
 * with all rounds and their "median", and "ratio".  The report of several boots
 * has the median of each, and of the ratio all in "ratios".
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static double real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread {
	double min, median, max;
};

static struct spread spread_of(const json_t *numbers)
{
	size_t i, n = json_array_size(numbers);
	struct spread spread = { NAN, NAN, NAN };
	double *value;

	if (!n)
		return spread;
	value = zalloc(n * sizeof(*value));
	for (i = 0; i < n; i++)
		value[i] = json_number_value(json_array_get(numbers, i));
	qsort(value, n, sizeof(*value), compare);
	spread.min = value[0];
	spread.max = value[n - 1];
	spread.median = n % 2 ? value[n / 2] :
				(value[n / 2 - 1] + value[n / 2]) / 2;
	free(value);
	return spread;
}

json_t *report_new(void)
{
	struct utsname name;

	uname(&name);
	return json_pack("{s:s, s:s, s:[]}",
			 "unit", clock_counts() ? "instructions" : "ns",
			 "kernel", name.release, "bars");
}

/* The one to be compared with: the best. */
static json_t *best_peer(const json_t *result)
{
	bool larger = json_is_true(json_object_get(result, "larger_is_better"));
	json_t *peer, *best = NULL;
	size_t i;

	json_array_foreach(json_object_get(result, "peers"), i, peer) {
		if (!best || (real(peer, "median") < real(best, "median")) != larger)
			best = peer;
	}
	return best;
}

static void add_median(json_t *entrant)
{
	struct spread spread = spread_of(json_object_get(entrant, "rounds"));

	json_object_set_new(entrant, "median", json_real(spread.median));
	json_object_set_new(entrant, "min", json_real(spread.min));
	json_object_set_new(entrant, "max", json_real(spread.max));
}

/* "goal", "holds" or "misses": of a ratio. */
static const char *verdict(const json_t *result, double ratio)
{
	bool larger = json_is_true(json_object_get(result, "larger_is_better"));
	double gate = real(result, "gate"), goal = real(result, "goal");

	if (gate == 0)
		return "";
	if (larger ? ratio >= goal : ratio <= goal)
		return "goal";
	if (larger ? ratio >= gate : ratio <= gate)
		return "holds";
	return "misses";
}

void report_add(json_t *report, json_t *result)
{
	json_t *ours = json_object_get(result, "ours");
	json_t *peer;
	size_t i;

	json_array_append_new(json_object_get(report, "bars"), result);
	if (!ours)
		return;
	add_median(ours);
	json_array_foreach(json_object_get(result, "peers"), i, peer)
		add_median(peer);
	peer = best_peer(result);
	if (peer)
		json_object_set_new(result, "ratio",
				    json_real(real(ours, "median") /
					      real(peer, "median")));
}

void report_write(const json_t *report, const char *path)
{
	FILE *file = fopen(path, "we");

	need(file, path);
	if (json_dumpf(report, file, JSON_INDENT(1) | JSON_REAL_PRECISION(8)) ||
	    fputc('\n', file) == EOF || fclose(file))
		die("cannot write %s", path);
}

/*
 * One report of several: of each bar that is in all of them.
 */
static json_t *same_bar(const json_t *report, const char *id)
{
	json_t *bar;
	size_t i;

	json_array_foreach(json_object_get(report, "bars"), i, bar) {
		if (!strcmp(text(bar, "id"), id))
			return bar;
	}
	return NULL;
}

/* Adds the rounds of another boot's entrant, and counts anew. */
static void merge_entrant(json_t *into, const json_t *from)
{
	json_array_extend(json_object_get(into, "rounds"),
			  json_object_get(from, "rounds"));
	add_median(into);
}

static void merge_bar(json_t *into, const json_t *from)
{
	json_t *peer, *peers = json_object_get(from, "peers");
	size_t i;

	if (!json_object_get(into, "ours") || !peers)
		return;
	merge_entrant(json_object_get(into, "ours"),
		      json_object_get(from, "ours"));
	json_array_foreach(json_object_get(into, "peers"), i, peer)
		merge_entrant(peer, json_array_get(peers, i));
	json_array_append_new(json_object_get(into, "ratios"),
			      json_real(real(from, "ratio")));
	json_object_set_new(into, "ratio",
			    json_real(spread_of(json_object_get(into, "ratios")).median));
}

static void merge(json_t *into, const json_t *from)
{
	json_t *bar, *other;
	size_t i;

	json_array_foreach(json_object_get(from, "bars"), i, bar) {
		other = same_bar(into, text(bar, "id"));
		if (other) {
			merge_bar(other, bar);
			continue;
		}
		json_object_set_new(bar, "ratios",
				    json_pack("[f]", real(bar, "ratio")));
		json_object_set_new(bar, "unit_of_time",
				    json_string(text(from, "unit")));
		json_array_append(json_object_get(into, "bars"), bar);
	}
}

json_t *report_merge(char *const *paths)
{
	json_t *report, *merged = NULL;
	json_error_t error;

	for (; *paths; paths++) {
		report = json_load_file(*paths, 0, &error);
		if (!report)
			die("%s: %s", *paths, error.text);
		if (!merged)
			merged = json_pack("{s:s, s:s, s:[]}",
					   "unit", text(report, "unit"),
					   "kernel", text(report, "kernel"),
					   "bars");
		merge(merged, report);
		json_decref(report);
	}
	return merged;
}

/*
 * Tables
 */

static const char *number(char *out, size_t size, double value)
{
	if (fabs(value) >= 1e6)
		snprintf(out, size, "%.4gM", value / 1e6);
	else
		snprintf(out, size, "%.*f", fabs(value) < 10 ? 2 : 0, value);
	return out;
}

/* A cost; on real hardware with its range. */
static void print_cost(const json_t *entrant, bool range)
{
	char median[32], min[32], max[32], cell[100];

	number(median, sizeof(median), real(entrant, "median"));
	if (!range) {
		printf(" %9s", median);
		return;
	}
	snprintf(cell, sizeof(cell), "%s (%s..%s)", median,
		 number(min, sizeof(min), real(entrant, "min")),
		 number(max, sizeof(max), real(entrant, "max")));
	printf(" %24s", cell);
}

static bool is_range(const json_t *report)
{
	return strcmp(text(report, "unit"), "instructions") != 0;
}

static void print_heading(const json_t *report)
{
	int width = is_range(report) ? 24 : 9;

	printf("%-14s %-42s %*s %*s  %-20s %6s %5s %5s  %s\n", "bar", "work",
	       width, "ours", width, "peer", "", "ratio", "gate", "goal",
	       "verdict");
}

static const char *unit_of(const json_t *report, const json_t *result)
{
	const char *unit = text(result, "unit");

	if (*unit)
		return unit;
	unit = text(result, "unit_of_time");
	return *unit ? unit : text(report, "unit");
}

static void print_result(const json_t *report, const json_t *result)
{
	struct spread spread = spread_of(json_object_get(result, "ratios"));
	const char *skipped = text(result, "skipped");
	json_t *peer = best_peer(result);
	bool range = is_range(report);

	printf("%-14s %-42s", text(result, "id"), text(result, "work"));
	if (*skipped) {
		printf(" skipped: %s\n", skipped);
		return;
	}
	print_cost(json_object_get(result, "ours"), range);
	print_cost(peer, range);
	printf("  %-20s %6.3f", text(peer, "name"), real(result, "ratio"));
	if (real(result, "gate") != 0)
		printf(" %5.2f %5.2f  %s", real(result, "gate"),
		       real(result, "goal"),
		       verdict(result, real(result, "ratio")));
	if (json_array_size(json_object_get(result, "ratios")) > 1)
		printf(" (%.3f..%.3f)", spread.min, spread.max);
	if (strcmp(unit_of(report, result), text(report, "unit")))
		printf(" [%s]", unit_of(report, result));
	printf("\n");
}

/* A line of the table as soon as it is known; the first brings the heading. */
void report_progress(const json_t *report, const json_t *result)
{
	static bool begun;

	if (!begun)
		print_heading(report);
	begun = true;
	print_result(report, result);
	fflush(stdout);
}

void report_print(const json_t *report)
{
	json_t *result;
	size_t i;

	printf("Linux %s, %s\n", text(report, "kernel"), text(report, "unit"));
	json_array_foreach(json_object_get(report, "bars"), i, result)
		report_progress(report, result);
}

static void print_point(const json_t *result, bool heading)
{
	json_t *peer, *ours = json_object_get(result, "ours");
	size_t i;

	if (heading)
		printf("n\t\"%s\"", text(ours, "name"));
	else
		printf("%.0f\t%.1f", real(ours, "n"), real(ours, "median"));
	json_array_foreach(json_object_get(result, "peers"), i, peer) {
		if (heading)
			printf("\t\"%s\"", text(peer, "name"));
		else
			printf("\t%.1f", real(peer, "median"));
	}
	printf("\n");
}

/* A column for each who took part. */
void report_points(const json_t *report, const char *curve)
{
	size_t i, len = strlen(curve);
	json_t *result;
	bool begun = false;

	json_array_foreach(json_object_get(report, "bars"), i, result) {
		if (strncmp(text(result, "id"), curve, len) ||
		    text(result, "id")[len] != '-')
			continue;
		if (!begun)
			print_point(result, true);
		begun = true;
		print_point(result, false);
	}
}

/*
 * Gates: a file of lines "BAR RATIO", the worst that is tolerated.
 */
static bool gate_holds(const json_t *report, const char *id, double bound)
{
	json_t *result = same_bar(report, id);
	double ratio;
	bool larger;

	if (!result || !json_object_get(result, "ratio")) {
		printf("not ok - %s was not measured\n", id);
		return false;
	}
	ratio = real(result, "ratio");
	larger = json_is_true(json_object_get(result, "larger_is_better"));
	if (larger ? ratio >= bound : ratio <= bound) {
		printf("ok - %s is %.3f, the gate %.3f\n", id, ratio, bound);
		return true;
	}
	printf("not ok - %s is %.3f, which is %s than the gate, %.3f\n", id,
	       ratio, larger ? "less" : "more", bound);
	return false;
}

bool report_check(const json_t *report, const char *gates)
{
	FILE *file = fopen(gates, "re");
	char line[256], id[64];
	bool good = true;
	double bound;

	need(file, gates);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "%63s %lf", id, &bound) != 2)
			die("%s: what is this? %s", gates, line);
		good &= gate_holds(report, id, bound);
	}
	fclose(file);
	return good;
}
