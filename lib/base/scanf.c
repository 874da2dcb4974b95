// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * scanf_s(), fscanf_s() and sscanf_s(): behind the address of each array for %s, %c and %[
 * stands how large it is (an unsigned int).
 *
 * The format goes to libc with an m for such a conversion, so that libc makes the array;
 * it is copied if it fits.  What does not fit leaves an empty string and is not counted,
 * nor is what follows, as on Windows; but numbers that follow have been read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

enum { MOST = 16 };

/* One conversion that stores something. */
struct target {
	void *to;
	/* Of the array, in bytes; 0 for what is no array. */
	unsigned int size;
	/* Of %c; 0 for a string. */
	size_t count;
};

struct scan {
	struct target targets[MOST];
	int count;
	/* What libc stores into, and is told to. */
	void *made[MOST];
	void *arguments[MOST];
	char *format;
};

/* To be handed on, which an array cannot be. */
struct arguments {
	va_list list;
};

/* Passes over the set of %[. */
static const char *skip_set(const char *from)
{
	if (*from == '^')
		from++;
	if (*from == ']')
		from++;
	while (*from && *from != ']')
		from++;
	return *from ? from + 1 : from;
}

/* Translates one conversion, behind its percent sign.  Returns NULL if it cannot. */
static const char *translate(struct scan *scan, const char *from, char **to,
			     struct arguments *arguments)
{
	struct target *target = &scan->targets[scan->count];
	const char *begin = from, *type;
	bool stores = true, array;
	size_t width = 0;

	if (*from == '*') {
		stores = false;
		from++;
	}
	width = strtoul(from, (char **)&from, 10);
	memcpy(*to, begin, (size_t)(from - begin));
	*to += from - begin;

	/* Windows' long has 32 bits, and I64 what libc calls ll. */
	if (!strncmp(from, "I64", 3)) {
		from += 3;
		*to = stpcpy(*to, "ll");
	} else if (!strncmp(from, "ll", 2) || !strncmp(from, "hh", 2)) {
		*to = mempcpy(*to, from, 2);
		from += 2;
	} else if (*from == 'l' && strchr("diouxX", from[1])) {
		from++;
	} else if (*from && strchr("hlLjzt", *from)) {
		*(*to)++ = *from++;
	}
	type = from;
	array = *type && strchr("sc[", *type);
	/* Wide arrays are not read here. */
	if (!*type || !strchr("diouxXeEfgGaApnsc[", *type) || (array && from[-1] == 'l'))
		return NULL;
	from = *type == '[' ? skip_set(from + 1) : from + 1;
	if (stores && array)
		*(*to)++ = 'm';
	*to = mempcpy(*to, type, (size_t)(from - type));
	if (!stores)
		return from;

	if (scan->count == MOST)
		return NULL;
	target->to = va_arg(arguments->list, void *);
	target->size = array ? va_arg(arguments->list, unsigned int) : 0;
	if (*type == 'c')
		target->count = width ? width : 1;
	scan->arguments[scan->count] = array ? (void *)&scan->made[scan->count] : target->to;
	scan->count++;
	return from;
}

static bool prepare(struct scan *scan, const char *from, struct arguments *arguments)
{
	char *to;

	memset(scan, 0, sizeof(*scan));
	/* One percent sign becomes four characters at most. */
	scan->format = malloc(3 * strlen(from) + 1);
	if (!scan->format)
		return false;
	for (to = scan->format; *from; ) {
		*to++ = *from;
		if (*from++ != '%')
			continue;
		if (*from == '%') {
			*to++ = *from++;
			continue;
		}
		from = translate(scan, from, &to, arguments);
		if (!from) {
			sockiocp_invalid(EINVAL);
			return false;
		}
	}
	*to = 0;
	return true;
}

/* Copies the arrays that were read.  Returns how many conversions there are then. */
static int finish(struct scan *scan, int result)
{
	bool fits = true;
	int i;

	for (i = 0; i < scan->count; i++) {
		struct target *target = &scan->targets[i];
		size_t length;

		if (!scan->made[i])
			continue;
		/* libc puts no 0 behind characters. */
		length = target->count ? target->count : strlen(scan->made[i]) + 1;
		if (fits && length <= target->size) {
			memcpy(target->to, scan->made[i], length);
		} else if (fits) {
			fits = false;
			if (target->size)
				*(char *)target->to = 0;
			errno = ENOMEM;
			result = i;
		}
		free(scan->made[i]);
	}
	free(scan->format);
	return result;
}

#define ALL(a)	a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], \
	a[12], a[13], a[14], a[15]

static int scan_text(const char *text, FILE *stream, const char *format,
		     struct arguments *arguments)
{
	struct scan scan;
	int result = EOF;

	if ((!text && !stream) || !format) {
		sockiocp_invalid(EINVAL);
		return EOF;
	}
	if (!prepare(&scan, format, arguments)) {
		free(scan.format);
		return EOF;
	}
	if (text)
		result = sscanf(text, scan.format, ALL(scan.arguments));
	else
		result = fscanf(stream, scan.format, ALL(scan.arguments));
	return finish(&scan, result);
}

int sscanf_s(const char *text, const char *format, ...)
{
	struct arguments arguments;
	int result;

	va_start(arguments.list, format);
	result = scan_text(text, NULL, format, &arguments);
	va_end(arguments.list);
	return result;
}

int fscanf_s(FILE *stream, const char *format, ...)
{
	struct arguments arguments;
	int result;

	va_start(arguments.list, format);
	result = scan_text(NULL, stream, format, &arguments);
	va_end(arguments.list);
	return result;
}

int scanf_s(const char *format, ...)
{
	struct arguments arguments;
	int result;

	va_start(arguments.list, format);
	result = scan_text(NULL, stdin, format, &arguments);
	va_end(arguments.list);
	return result;
}
