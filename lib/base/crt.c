// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The functions of Microsoft's C library on files, the environment, times and numbers
 * that libc has not, or has under another name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <wchar.h>

#include "base.h"

/* Files */

errno_t fopen_s(FILE **file, const char *name, const char *mode)
{
	if (!file)
		return sockiocp_invalid(EINVAL);
	*file = NULL;
	if (!name || !mode)
		return sockiocp_invalid(EINVAL);
	*file = fopen(name, mode);
	return *file ? 0 : errno;
}

errno_t freopen_s(FILE **file, const char *name, const char *mode, FILE *stream)
{
	if (!file)
		return sockiocp_invalid(EINVAL);
	*file = NULL;
	if (!mode || !stream)
		return sockiocp_invalid(EINVAL);
	/* As it is called on Windows. */
	if (name && !_stricmp(name, "NUL"))
		name = "/dev/null";
	*file = freopen(name, mode, stream);
	return *file ? 0 : errno;
}

FILE *_wfopen(const wchar_t *name, const wchar_t *mode)
{
	char *narrow_name, *narrow_mode;
	FILE *file = NULL;

	if (!name || !mode) {
		sockiocp_invalid(EINVAL);
		return NULL;
	}
	narrow_name = sockiocp_to_utf8(name);
	narrow_mode = sockiocp_to_utf8(mode);
	if (narrow_name && narrow_mode)
		file = fopen(narrow_name, narrow_mode);
	free(narrow_name);
	free(narrow_mode);
	return file;
}

errno_t _wfopen_s(FILE **file, const wchar_t *name, const wchar_t *mode)
{
	if (!file)
		return sockiocp_invalid(EINVAL);
	*file = _wfopen(name, mode);
	return *file ? 0 : errno;
}

/* The environment */

errno_t getenv_s(size_t *needed, char *to, size_t size, const char *name)
{
	const char *value;

	if (!needed || !name || (!to && size)) {
		if (needed)
			*needed = 0;
		return sockiocp_invalid(EINVAL);
	}
	if (to && size)
		*to = 0;
	value = getenv(name);
	*needed = value ? strlen(value) + 1 : 0;
	if (!value || !to || !size)
		return 0;
	/* Not an invalid parameter: who is told how much is needed asks again. */
	if (*needed > size)
		return ERANGE;
	memcpy(to, value, *needed);
	return 0;
}

errno_t _dupenv_s(char **to, size_t *size, const char *name)
{
	const char *value;

	if (!to || !name)
		return sockiocp_invalid(EINVAL);
	*to = NULL;
	if (size)
		*size = 0;
	value = getenv(name);
	if (!value)
		return 0;
	*to = strdup(value);
	if (!*to)
		return sockiocp_invalid(ENOMEM);
	if (size)
		*size = strlen(value) + 1;
	return 0;
}

/* Times */

static errno_t convert_time(struct tm *to, const time_t *from,
			    struct tm *(*convert)(const time_t *, struct tm *))
{
	if (!to || !from || *from < 0) {
		if (to)
			memset(to, 0xff, sizeof(*to));
		return sockiocp_invalid(EINVAL);
	}
	return convert(from, to) ? 0 : sockiocp_invalid(EINVAL);
}

errno_t localtime_s(struct tm *to, const time_t *from)
{
	return convert_time(to, from, localtime_r);
}

errno_t gmtime_s(struct tm *to, const time_t *from)
{
	return convert_time(to, from, gmtime_r);
}

/* It has 26 characters, the 0 among them. */
errno_t asctime_s(char *to, size_t size, const struct tm *from)
{
	char text[64];

	if (!to || !size)
		return sockiocp_invalid(EINVAL);
	*to = 0;
	if (!from || size < 26 || !asctime_r(from, text))
		return sockiocp_invalid(EINVAL);
	return strcpy_s(to, size, text);
}

errno_t ctime_s(char *to, size_t size, const time_t *from)
{
	struct tm tm;

	if (!to || !size)
		return sockiocp_invalid(EINVAL);
	*to = 0;
	if (!from)
		return sockiocp_invalid(EINVAL);
	return localtime_s(&tm, from) ? EINVAL : asctime_s(to, size, &tm);
}

/* Numbers */

errno_t rand_s(unsigned int *value)
{
	if (!value)
		return sockiocp_invalid(EINVAL);
	return getrandom(value, sizeof(*value), 0) == sizeof(*value) ? 0 : sockiocp_invalid(ENOMEM);
}

static errno_t to_digits(unsigned long long value, bool negative, char *to, size_t size,
			 int radix)
{
	char digits[66], *first = digits + sizeof(digits) - 1;

	if (!to || !size)
		return sockiocp_invalid(EINVAL);
	*to = 0;
	if (radix < 2 || radix > 36)
		return sockiocp_invalid(EINVAL);
	*first = 0;
	do {
		*--first = "0123456789abcdefghijklmnopqrstuvwxyz"[value % (unsigned int)radix];
		value /= (unsigned int)radix;
	} while (value);
	if (negative)
		*--first = '-';
	return strcpy_s(to, size, first);
}

errno_t _i64toa_s(long long value, char *to, size_t size, int radix)
{
	bool negative = value < 0 && radix == 10;

	return to_digits(negative ? -(unsigned long long)value : (unsigned long long)value,
			 negative, to, size, radix);
}

errno_t _ui64toa_s(unsigned long long value, char *to, size_t size, int radix)
{
	return to_digits(value, false, to, size, radix);
}

errno_t _itoa_s(int value, char *to, size_t size, int radix)
{
	bool negative = value < 0 && radix == 10;

	return to_digits(negative ? -(unsigned int)value : (unsigned int)value, negative, to,
			 size, radix);
}

/* A long of Windows, of 32 bits. */
errno_t _ltoa_s(LONG value, char *to, size_t size, int radix)
{
	return _itoa_s(value, to, size, radix);
}

errno_t _ultoa_s(ULONG value, char *to, size_t size, int radix)
{
	return to_digits(value, false, to, size, radix);
}

/* Those without a size have room for the longest, by contract. */
#define UNBOUNDED	((size_t)-1)

char *_i64toa(long long value, char *to, int radix)
{
	return _i64toa_s(value, to, UNBOUNDED, radix) ? NULL : to;
}

char *_ui64toa(unsigned long long value, char *to, int radix)
{
	return _ui64toa_s(value, to, UNBOUNDED, radix) ? NULL : to;
}

char *_itoa(int value, char *to, int radix)
{
	return _itoa_s(value, to, UNBOUNDED, radix) ? NULL : to;
}

char *_ltoa(LONG value, char *to, int radix)
{
	return _itoa(value, to, radix);
}

char *_ultoa(ULONG value, char *to, int radix)
{
	return _ui64toa(value, to, radix);
}

long long _atoi64(const char *text)
{
	return strtoll(text, NULL, 10);
}

long long _strtoi64(const char *text, char **end, int radix)
{
	return strtoll(text, end, radix);
}

unsigned long long _strtoui64(const char *text, char **end, int radix)
{
	return strtoull(text, end, radix);
}

int _wtoi(const wchar_t *text)
{
	return (int)wcstol(text, NULL, 10);
}

long long _wtoi64(const wchar_t *text)
{
	return wcstoll(text, NULL, 10);
}

/* Sorting: libc's function takes its arguments in another order. */

struct order {
	int (*compare)(void *context, const void *one, const void *other);
	void *context;
};

static int compare(const void *one, const void *other, void *argument)
{
	struct order *order = argument;

	return order->compare(order->context, one, other);
}

void qsort_s(void *base, size_t count, size_t size,
	     int (*function)(void *context, const void *one, const void *other), void *context)
{
	struct order order = { .compare = function, .context = context };

	if ((!base && count) || !size || !function) {
		sockiocp_invalid(EINVAL);
		return;
	}
	qsort_r(base, count, size, compare, &order);
}
