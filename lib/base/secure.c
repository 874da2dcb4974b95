// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The functions of Microsoft's C library on strings and memory.  Those that end in _s are
 * told how large an array is, and leave an empty string if something does not fit.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base.h"

/* Copies @length characters behind the first @at, if they and a 0 fit. */
#define COPY(to, size, at, from, length, truncates)			\
	do {								\
		size_t room = (size) - (at);				\
		size_t n = (length);					\
									\
		if (n < room) {						\
			memcpy((to) + (at), from, n * sizeof(*(to)));	\
			(to)[(at) + n] = 0;				\
			return 0;					\
		}							\
		if (truncates) {					\
			memcpy((to) + (at), from, (room - 1) * sizeof(*(to))); \
			(to)[(size) - 1] = 0;				\
			return STRUNCATE;				\
		}							\
		*(to) = 0;						\
		return sockiocp_invalid(ERANGE);					\
	} while (0)

/* What is wrong whatever the length is. */
#define CHECK(to, size, from)						\
	do {								\
		if (!(to) || !(size))					\
			return sockiocp_invalid(EINVAL);				\
		if (!(from)) {						\
			*(to) = 0;					\
			return sockiocp_invalid(EINVAL);				\
		}							\
	} while (0)

/* There has to be a string to append to. */
#define CHECK_END(to, size, at)						\
	do {								\
		if ((at) == (size)) {					\
			*(to) = 0;					\
			return sockiocp_invalid(EINVAL);				\
		}							\
	} while (0)

errno_t strcpy_s(char *to, size_t size, const char *from)
{
	CHECK(to, size, from);
	COPY(to, size, 0, from, strlen(from), false);
}

errno_t strncpy_s(char *to, size_t size, const char *from, size_t count)
{
	if (!count && !to && !size)
		return 0;
	if (!count && to && size) {
		*to = 0;
		return 0;
	}
	CHECK(to, size, from);
	COPY(to, size, 0, from, strnlen(from, count), count == _TRUNCATE);
}

errno_t strcat_s(char *to, size_t size, const char *from)
{
	size_t at = to ? strnlen(to, size) : 0;

	CHECK(to, size, from);
	CHECK_END(to, size, at);
	COPY(to, size, at, from, strlen(from), false);
}

errno_t strncat_s(char *to, size_t size, const char *from, size_t count)
{
	size_t at = to ? strnlen(to, size) : 0;

	if (!count && !to && !size)
		return 0;
	/* Of nothing nothing is asked. */
	CHECK(to, size, from || !count);
	CHECK_END(to, size, at);
	if (!count)
		return 0;
	COPY(to, size, at, from, strnlen(from, count), count == _TRUNCATE);
}

errno_t wcscpy_s(wchar_t *to, size_t size, const wchar_t *from)
{
	CHECK(to, size, from);
	COPY(to, size, 0, from, wcslen(from), false);
}

errno_t wcsncpy_s(wchar_t *to, size_t size, const wchar_t *from, size_t count)
{
	if (!count && !to && !size)
		return 0;
	if (!count && to && size) {
		*to = 0;
		return 0;
	}
	CHECK(to, size, from);
	COPY(to, size, 0, from, wcsnlen(from, count), count == _TRUNCATE);
}

errno_t wcscat_s(wchar_t *to, size_t size, const wchar_t *from)
{
	size_t at = to ? wcsnlen(to, size) : 0;

	CHECK(to, size, from);
	CHECK_END(to, size, at);
	COPY(to, size, at, from, wcslen(from), false);
}

errno_t wcsncat_s(wchar_t *to, size_t size, const wchar_t *from, size_t count)
{
	size_t at = to ? wcsnlen(to, size) : 0;

	if (!count && !to && !size)
		return 0;
	/* Of nothing nothing is asked. */
	CHECK(to, size, from || !count);
	CHECK_END(to, size, at);
	if (!count)
		return 0;
	COPY(to, size, at, from, wcsnlen(from, count), count == _TRUNCATE);
}

size_t strnlen_s(const char *text, size_t size)
{
	return text ? strnlen(text, size) : 0;
}

size_t wcsnlen_s(const wchar_t *text, size_t size)
{
	return text ? wcsnlen(text, size) : 0;
}

char *strtok_s(char *text, const char *delimiters, char **context)
{
	if (!delimiters || !context || (!text && !*context)) {
		sockiocp_invalid(EINVAL);
		return NULL;
	}
	return strtok_r(text, delimiters, context);
}

wchar_t *wcstok_s(wchar_t *text, const wchar_t *delimiters, wchar_t **context)
{
	static wchar_t nothing[1];

	if (!delimiters || !context || (!text && !*context)) {
		sockiocp_invalid(EINVAL);
		return NULL;
	}
	text = wcstok(text, delimiters, context);
	/* With the last word libc's has no context any more, and who has none is refused. */
	if (!*context)
		*context = nothing;
	return text;
}

errno_t memcpy_s(void *to, size_t size, const void *from, size_t count)
{
	if (!count)
		return 0;
	if (!to)
		return sockiocp_invalid(EINVAL);
	if (!from || size < count) {
		memset(to, 0, size);
		return sockiocp_invalid(from ? ERANGE : EINVAL);
	}
	memcpy(to, from, count);
	return 0;
}

errno_t memmove_s(void *to, size_t size, const void *from, size_t count)
{
	if (!count)
		return 0;
	if (!to || !from)
		return sockiocp_invalid(EINVAL);
	if (size < count)
		return sockiocp_invalid(ERANGE);
	memmove(to, from, count);
	return 0;
}

/* So many characters in bytes; what no memory has stays that. */
static size_t wide(size_t count)
{
	return count > SIZE_MAX / sizeof(wchar_t) ? SIZE_MAX : count * sizeof(wchar_t);
}

errno_t wmemcpy_s(wchar_t *to, size_t size, const wchar_t *from, size_t count)
{
	return memcpy_s(to, wide(size), from, wide(count));
}

errno_t wmemmove_s(wchar_t *to, size_t size, const wchar_t *from, size_t count)
{
	return memmove_s(to, wide(size), from, wide(count));
}

errno_t strerror_s(char *to, size_t size, int number)
{
	char text[256];

	if (!to || !size)
		return sockiocp_invalid(EINVAL);
	strncpy_s(to, size, strerror_r(number, text, sizeof(text)), _TRUNCATE);
	return 0;
}

/* Both at once for char and wchar_t: what changes letters, where they stand. */
#define CHANGE(name, type, length, change)				\
	type *_##name(type *text)					\
	{								\
		type *at;						\
									\
		if (!text) {						\
			sockiocp_invalid(EINVAL);			\
			return NULL;					\
		}							\
		for (at = text; *at; at++)				\
			*at = (type)change;				\
		return text;						\
	}								\
									\
	errno_t _##name##_s(type *text, size_t size)			\
	{								\
		if (!text || !size)					\
			return sockiocp_invalid(EINVAL);		\
		if (length(text, size) == size) {			\
			*text = 0;					\
			return sockiocp_invalid(EINVAL);		\
		}							\
		_##name(text);						\
		return 0;						\
	}

CHANGE(strlwr, char, strnlen, tolower((unsigned char)*at))
CHANGE(strupr, char, strnlen, toupper((unsigned char)*at))
CHANGE(wcslwr, wchar_t, wcsnlen, towlower((wint_t)*at))
CHANGE(wcsupr, wchar_t, wcsnlen, towupper((wint_t)*at))

static bool comparable(const void *one, const void *other)
{
	if (one && other)
		return true;
	sockiocp_invalid(EINVAL);
	return false;
}

int _stricmp(const char *one, const char *other)
{
	return comparable(one, other) ? strcasecmp(one, other) : _NLSCMPERROR;
}

int _strnicmp(const char *one, const char *other, size_t count)
{
	return comparable(one, other) ? strncasecmp(one, other, count) : _NLSCMPERROR;
}

int _wcsicmp(const wchar_t *one, const wchar_t *other)
{
	return comparable(one, other) ? wcscasecmp(one, other) : _NLSCMPERROR;
}

int _wcsnicmp(const wchar_t *one, const wchar_t *other, size_t count)
{
	return comparable(one, other) ? wcsncasecmp(one, other, count) : _NLSCMPERROR;
}

int _memicmp(const void *one, const void *other, size_t count)
{
	const unsigned char *a = one, *b = other;
	int difference = 0;

	if (count && !comparable(one, other))
		return _NLSCMPERROR;
	while (!difference && count--)
		difference = tolower(*a++) - tolower(*b++);
	return difference;
}

char *_strdup(const char *text)
{
	return text ? strdup(text) : NULL;
}

wchar_t *_wcsdup(const wchar_t *text)
{
	return text ? wcsdup(text) : NULL;
}
