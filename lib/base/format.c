// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What printf() makes of its arguments, with Windows' rules: %s of a wide format is a wide
 * string, and %S the other kind; l says that a number is Windows' long, of 32 bits; I64
 * and I32 say how many bits; %p has sixteen digits and %n is refused.  What remains of a
 * number is libc's work.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base.h"

enum length { NORMAL, CHAR_INT, SHORT_INT, LONG_INT, QUAD, LONG_FLOAT, SIZE_INT, POINTER_INT, WIDE };

/* One conversion: %[flags][width][.precision][length]type */
struct conversion {
	char flags[6];
	int width;
	/* -1 if there is none. */
	int precision;
	enum length length;
	char type;
};

/* To be handed on, which an array cannot be. */
struct arguments {
	va_list list;
};

static void put_unit(struct sockiocp_sink *sink, unsigned int unit)
{
	size_t width = sink->wide ? sizeof(wchar_t) : 1;

	if (sink->grows && sink->length == sink->size) {
		size_t size = sink->size ? 2 * sink->size : 256;
		void *to = realloc(sink->to, size * width);

		if (to) {
			sink->to = to;
			sink->size = size;
		}
	}
	if (sink->length < sink->size) {
		if (sink->wide)
			((wchar_t *)sink->to)[sink->length] = (wchar_t)unit;
		else
			((char *)sink->to)[sink->length] = (char)unit;
	}
	sink->length++;
}

/* A character of a wide text; in an array of wchar_t it stays what it is. */
static void put_wide(struct sockiocp_sink *sink, const wchar_t **text, const wchar_t *end)
{
	char bytes[UTF8_MAX];
	unsigned int i, n;
	bool valid;

	if (sink->wide) {
		put_unit(sink, (unsigned int)*(*text)++);
		sink->count++;
		return;
	}
	n = sockiocp_utf8_put(bytes, sockiocp_wide_get(text, end, &valid));
	for (i = 0; i < n; i++)
		put_unit(sink, (unsigned char)bytes[i]);
	sink->count++;
}

/* A character of a narrow text, or a byte if it is to stay one. */
static void put_narrow(struct sockiocp_sink *sink, const char **text, const char *end)
{
	bool valid;

	if (sink->wide)
		put_unit(sink, sockiocp_utf8_get(text, end, &valid));
	else
		put_unit(sink, (unsigned char)*(*text)++);
	sink->count++;
}

static void pad(struct sockiocp_sink *sink, const struct conversion *c, size_t length)
{
	size_t width = c->width > 0 ? (size_t)c->width : 0;

	for (; length < width; length++) {
		put_unit(sink, ' ');
		sink->count++;
	}
}

static size_t shorter(size_t length, const struct conversion *c)
{
	return c->precision >= 0 && (size_t)c->precision < length ?
		(size_t)c->precision : length;
}

static void put_wide_string(struct sockiocp_sink *sink, const struct conversion *c,
			    const wchar_t *text, size_t length)
{
	const wchar_t *end = text + length;
	bool left = strchr(c->flags, '-');

	if (!left)
		pad(sink, c, length);
	while (text != end)
		put_wide(sink, &text, end);
	if (left)
		pad(sink, c, length);
}

static void put_narrow_string(struct sockiocp_sink *sink, const struct conversion *c,
			      const char *text, size_t length)
{
	const char *end = text + length;
	bool left = strchr(c->flags, '-');

	if (!left)
		pad(sink, c, length);
	while (text != end)
		put_narrow(sink, &text, end);
	if (left)
		pad(sink, c, length);
}

static void put_string(struct sockiocp_sink *sink, const struct conversion *c, bool wide,
		       struct arguments *arguments)
{
	const void *text = va_arg(arguments->list, const void *);

	if (!text) {
		put_narrow_string(sink, c, "(null)", shorter(6, c));
	} else if (wide) {
		size_t most = c->precision >= 0 ? (size_t)c->precision : SIZE_MAX;

		put_wide_string(sink, c, text, wcsnlen(text, most));
	} else {
		size_t most = c->precision >= 0 ? (size_t)c->precision : SIZE_MAX;

		put_narrow_string(sink, c, text, strnlen(text, most));
	}
}

static void put_character(struct sockiocp_sink *sink, const struct conversion *c, bool wide,
			  struct arguments *arguments)
{
	int value = va_arg(arguments->list, int);
	wchar_t wide_text = (wchar_t)value;
	char text = (char)value;

	if (wide)
		put_wide_string(sink, c, &wide_text, 1);
	else
		put_narrow_string(sink, c, &text, 1);
}

/* Takes an integer of Windows' size. */
static long long integer(const struct conversion *c, struct arguments *arguments)
{
	bool is_signed = c->type == 'd' || c->type == 'i';
	int value;

	if (c->length == QUAD || c->length == SIZE_INT || c->length == POINTER_INT)
		return va_arg(arguments->list, long long);
	value = va_arg(arguments->list, int);
	if (c->length == CHAR_INT)
		return is_signed ? (signed char)value : (unsigned char)value;
	if (c->length == SHORT_INT)
		return is_signed ? (short)value : (unsigned short)value;
	return is_signed ? value : (long long)(unsigned int)value;
}

/* libc's printf() of one number. */
static int print_number(char *to, size_t size, const struct conversion *c, long long value,
			long double real)
{
	bool is_real = strchr("aAeEfFgG", c->type);
	char spec[32];

	snprintf(spec, sizeof(spec), "%%%s*.*%s%c", c->flags, is_real ? "L" : "ll", c->type);
	if (is_real)
		return snprintf(to, size, spec, c->width, c->precision, real);
	return snprintf(to, size, spec, c->width, c->precision, value);
}

static bool put_number(struct sockiocp_sink *sink, struct conversion *c,
		       struct arguments *arguments)
{
	char small[128], *text = small;
	const char *from;
	long double real = 0;
	long long value = 0;
	int length;

	if (c->type == 'p') {
		value = (long long)(uintptr_t)va_arg(arguments->list, void *);
		c->type = 'X';
		c->precision = 2 * sizeof(void *);
	} else if (!strchr("aAeEfFgG", c->type)) {
		value = integer(c, arguments);
	} else if (c->length == LONG_FLOAT) {
		real = va_arg(arguments->list, long double);
	} else {
		real = va_arg(arguments->list, double);
	}

	length = print_number(small, sizeof(small), c, value, real);
	if (length >= (int)sizeof(small)) {
		text = malloc((size_t)length + 1);
		if (text)
			length = print_number(text, (size_t)length + 1, c, value, real);
	}
	if (length < 0 || !text)
		return false;
	for (from = text; from != text + length; )
		put_narrow(sink, &from, text + length);
	if (text != small)
		free(text);
	return true;
}

static bool put_conversion(struct sockiocp_sink *sink, struct conversion *c, bool wide_format,
			   struct arguments *arguments)
{
	bool wide = wide_format;

	switch (c->type) {
	case 'C':
	case 'S':
		wide = !wide;
		/* fall through */
	case 'c':
	case 's':
		if (c->length == SHORT_INT || c->length == CHAR_INT)
			wide = false;
		else if (c->length == LONG_INT || c->length == WIDE)
			wide = true;
		if (c->type == 'c' || c->type == 'C')
			put_character(sink, c, wide, arguments);
		else
			put_string(sink, c, wide, arguments);
		return true;
	case 'd':
	case 'i':
	case 'o':
	case 'u':
	case 'x':
	case 'X':
	case 'p':
	case 'a':
	case 'A':
	case 'e':
	case 'E':
	case 'f':
	case 'F':
	case 'g':
	case 'G':
		return put_number(sink, c, arguments);
	default:
		sockiocp_invalid(EINVAL);
		return false;
	}
}

/* A format, of either kind. */
struct format {
	const void *text;
	bool wide;
	size_t at;
};

static unsigned int look_at(const struct format *format)
{
	if (format->wide)
		return (unsigned int)((const wchar_t *)format->text)[format->at];
	return ((const unsigned char *)format->text)[format->at];
}

static bool skip(struct format *format, const char *what)
{
	size_t i;

	for (i = 0; what[i]; i++) {
		if (look_at(format) != (unsigned char)what[i]) {
			format->at -= i;
			return false;
		}
		format->at++;
	}
	return true;
}

static int parse_number(struct format *format, struct arguments *arguments)
{
	int number = 0;

	if (skip(format, "*"))
		return va_arg(arguments->list, int);
	for (; look_at(format) >= '0' && look_at(format) <= '9'; format->at++)
		if (number < 100000)
			number = number * 10 + (int)(look_at(format) - '0');
	return number;
}

static enum length parse_length(struct format *format)
{
	static const struct {
		const char *text;
		enum length length;
	} lengths[] = {
		{ "hh", CHAR_INT }, { "h", SHORT_INT }, { "ll", QUAD }, { "l", LONG_INT },
		{ "I64", QUAD }, { "I32", NORMAL }, { "I", POINTER_INT }, { "L", LONG_FLOAT },
		{ "j", QUAD }, { "z", SIZE_INT }, { "t", POINTER_INT }, { "w", WIDE },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(lengths); i++)
		if (skip(format, lengths[i].text))
			return lengths[i].length;
	return NORMAL;
}

/* Reads what stands behind a percent sign. */
static void parse(struct conversion *c, struct format *format, struct arguments *arguments)
{
	unsigned int unit;
	size_t n = 0;

	memset(c, 0, sizeof(*c));
	for (;; format->at++) {
		unit = look_at(format);
		if (!unit || unit > 127 || !strchr("-+ #0", (int)unit))
			break;
		if (n < sizeof(c->flags) - 1 && !strchr(c->flags, (int)unit))
			c->flags[n++] = (char)unit;
	}
	c->width = parse_number(format, arguments);
	if (c->width < 0) {
		c->width = -c->width;
		if (!strchr(c->flags, '-') && n < sizeof(c->flags) - 1)
			c->flags[n++] = '-';
	}
	c->precision = skip(format, ".") ? parse_number(format, arguments) : -1;
	c->length = parse_length(format);
	unit = look_at(format);
	c->type = unit < 128 ? (char)unit : 0;
	if (unit)
		format->at++;
}

static bool put_all(struct sockiocp_sink *sink, struct format *format,
		    struct arguments *arguments)
{
	struct conversion c;

	while (look_at(format)) {
		if (!skip(format, "%")) {
			/* Two surrogates may be one character, hence the end. */
			if (format->wide) {
				const wchar_t *at = (const wchar_t *)format->text + format->at;
				const wchar_t *from = at;

				put_wide(sink, &at, at + (at[1] ? 2 : 1));
				format->at += (size_t)(at - from);
			} else {
				put_unit(sink, look_at(format));
				sink->count++;
				format->at++;
			}
			continue;
		}
		if (skip(format, "%")) {
			put_unit(sink, '%');
			sink->count++;
			continue;
		}
		parse(&c, format, arguments);
		if (!put_conversion(sink, &c, format->wide, arguments))
			return false;
	}
	return true;
}

/*
 * Formats into @sink, and puts a 0 behind that, which is not counted.  Returns false, with
 * errno set, for a format that has no meaning.
 */
bool sockiocp_format(struct sockiocp_sink *sink, const void *format, bool wide_format,
		     va_list list)
{
	struct format from = { .text = format, .wide = wide_format };
	struct arguments arguments;
	bool good;

	va_copy(arguments.list, list);
	good = put_all(sink, &from, &arguments);
	va_end(arguments.list);
	put_unit(sink, 0);
	sink->length--;
	return good;
}
