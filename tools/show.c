// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * How sockiocpctl shows things: as a table, as lines for scripts, or as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sockiocpctl.h"

#define CELL	64

static void cell_of_array(const json_t *value, char *cell)
{
	const json_t *part;
	size_t i;

	*cell = 0;
	json_array_foreach(value, i, part)
		snprintf(cell + strlen(cell), CELL - strlen(cell), "%s%s", i ? "," : "",
			 json_string_value(part));
	if (!*cell)
		strcpy(cell, "-");
}

/* What is not there is a dash. */
static void cell_of(const json_t *object, const char *key, char *cell)
{
	const json_t *value = json_object_get(object, key);
	char *c;

	if (json_is_integer(value))
		snprintf(cell, CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(cell, CELL, "%.1f", json_real_value(value));
	else if (json_is_string(value))
		snprintf(cell, CELL, "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(cell, CELL, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		cell_of_array(value, cell);
	else
		strcpy(cell, "-");
	/* A name may have anything in it: it must not move the cursor of a terminal. */
	for (c = cell; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static int width_of(const json_t *objects, const struct column *column)
{
	int width = strlen(column->head), length;
	const json_t *object;
	char cell[CELL];
	size_t i;

	json_array_foreach(objects, i, object) {
		cell_of(object, column->key, cell);
		length = strlen(cell);
		if (length > width)
			width = length;
	}
	return width;
}

static void show_cell(const struct column *column, int width, const char *text, int is_last)
{
	if (!column->is_text)
		printf("%*s", width, text);
	else if (is_last)
		printf("%s", text);
	else
		printf("%-*s", width, text);
	if (!is_last)
		printf("  ");
}

/* A name may have anything in it: it must not move the cursor of a terminal. */
void show_name(const char *name)
{
	for (; name && *name; name++)
		putchar((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

/* The head stands out on a terminal, unless NO_COLOR is set (no-color.org). */
int has_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return (!no || !*no) && isatty(STDOUT_FILENO);
}

void show_table(const json_t *objects, const struct column *columns)
{
	const struct column *column;
	int width[32], bold = has_colour();
	const json_t *object;
	char cell[CELL];
	size_t i;

	for (column = columns; column->key; column++)
		width[column - columns] = width_of(objects, column);
	if (bold)
		printf("\033[1m");
	for (column = columns; column->key; column++)
		show_cell(column, width[column - columns], column->head, !column[1].key);
	if (bold)
		printf("\033[0m");
	putchar('\n');
	json_array_foreach(objects, i, object) {
		for (column = columns; column->key; column++) {
			cell_of(object, column->key, cell);
			show_cell(column, width[column - columns], cell, !column[1].key);
		}
		putchar('\n');
	}
}

void show_line(const json_t *object, const char *what, const char *const *keys)
{
	char cell[CELL];
	size_t key;

	printf("%s", what);
	for (key = 0; keys[key]; key++) {
		cell_of(object, keys[key], cell);
		printf("\t%s", cell);
	}
	putchar('\n');
}

void show_json(const json_t *value, int pretty)
{
	json_dumpf(value, stdout, JSON_PRESERVE_ORDER | (pretty ? JSON_INDENT(2) : JSON_COMPACT));
	putchar('\n');
}
