// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * printf() and its relatives: those that end in _s, those of wide characters, and
 * _snprintf().  What the formats mean: format.c.
 *
 * Output to a stream is bytes, UTF-8 if they come from wide characters: a stream of
 * libc's would take either kind of call and refuse the other from then on.
 *
 * For an invalid parameter see invalid.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <wchar.h>

#include "base.h"

static int print(FILE *stream, const void *format, bool wide, va_list arguments)
{
	struct sockiocp_sink sink = { .grows = true };
	int result = -1;

	if (!stream || !format) {
		sockiocp_invalid(EINVAL);
		return -1;
	}
	if (sockiocp_format(&sink, format, wide, arguments)) {
		if (sink.length >= sink.size)
			errno = ENOMEM;
		else if (fwrite(sink.to, 1, sink.length, stream) == sink.length)
			result = (int)sink.count;
	}
	free(sink.to);
	return result;
}

/*
 * Formats into an array of @size, of which @count and a 0 may be written, as many as fit
 * if @truncates.  Returns the length, or -1.
 */
static int print_secure(void *to, size_t size, size_t count, bool truncates,
			const void *format, bool wide, va_list arguments)
{
	struct sockiocp_sink sink = { .wide = wide, .to = to, .size = size };
	size_t end;
	bool good;

	if (!count && !to && !size)
		return 0;
	if (!to || !size || !format) {
		sockiocp_invalid(EINVAL);
		return -1;
	}
	good = sockiocp_format(&sink, format, wide, arguments);
	end = sink.length < count ? sink.length : count;
	if (end >= size && truncates)
		end = size - 1;
	if (good && end < size) {
		if (wide)
			((wchar_t *)to)[end] = 0;
		else
			((char *)to)[end] = 0;
		return end == sink.length ? (int)end : -1;
	}
	if (wide)
		*(wchar_t *)to = 0;
	else
		*(char *)to = 0;
	if (good)
		sockiocp_invalid(ERANGE);
	return -1;
}

/* The old ones: no 0 if there is no room for it. */
static int print_old(void *to, size_t size, const void *format, bool wide, va_list arguments)
{
	struct sockiocp_sink sink = { .wide = wide, .to = to, .size = to ? size : 0 };

	if (!format || (!to && size)) {
		sockiocp_invalid(EINVAL);
		return -1;
	}
	if (!sockiocp_format(&sink, format, wide, arguments))
		return -1;
	if (!to)
		return (int)sink.length;
	return sink.length <= size ? (int)sink.length : -1;
}

/* What C says: a 0 is always there, and what does not fit is an error. */
static int print_wide(wchar_t *to, size_t size, const wchar_t *format, va_list arguments)
{
	struct sockiocp_sink sink = { .wide = true, .to = to, .size = size };

	if (!to || !size || !format) {
		sockiocp_invalid(EINVAL);
		return -1;
	}
	if (sockiocp_format(&sink, format, true, arguments) && sink.length < size)
		return (int)sink.length;
	to[size - 1] = 0;
	return -1;
}

#define WITH_ARGUMENTS(call)			\
	do {					\
		va_list arguments;		\
		int result;			\
						\
		va_start(arguments, format);	\
		result = call;			\
		va_end(arguments);		\
		return result;			\
	} while (0)

int vfprintf_s(FILE *stream, const char *format, va_list arguments)
{
	return print(stream, format, false, arguments);
}

int vprintf_s(const char *format, va_list arguments)
{
	return print(stdout, format, false, arguments);
}

int fprintf_s(FILE *stream, const char *format, ...)
{
	WITH_ARGUMENTS(print(stream, format, false, arguments));
}

int printf_s(const char *format, ...)
{
	WITH_ARGUMENTS(print(stdout, format, false, arguments));
}

int vsprintf_s(char *buffer, size_t size, const char *format, va_list arguments)
{
	return print_secure(buffer, size, SIZE_MAX, false, format, false, arguments);
}

int sprintf_s(char *buffer, size_t size, const char *format, ...)
{
	WITH_ARGUMENTS(print_secure(buffer, size, SIZE_MAX, false, format, false, arguments));
}

int _vsnprintf_s(char *buffer, size_t size, size_t count, const char *format,
		 va_list arguments)
{
	return print_secure(buffer, size, count, count == _TRUNCATE, format, false,
			    arguments);
}

int _snprintf_s(char *buffer, size_t size, size_t count, const char *format, ...)
{
	WITH_ARGUMENTS(_vsnprintf_s(buffer, size, count, format, arguments));
}

int _vsnprintf(char *buffer, size_t size, const char *format, va_list arguments)
{
	return print_old(buffer, size, format, false, arguments);
}

int _snprintf(char *buffer, size_t size, const char *format, ...)
{
	WITH_ARGUMENTS(print_old(buffer, size, format, false, arguments));
}

int _vscprintf(const char *format, va_list arguments)
{
	return print_old(NULL, 0, format, false, arguments);
}

int _scprintf(const char *format, ...)
{
	WITH_ARGUMENTS(print_old(NULL, 0, format, false, arguments));
}

int vfwprintf_s(FILE *stream, const wchar_t *format, va_list arguments)
{
	return print(stream, format, true, arguments);
}

int vwprintf_s(const wchar_t *format, va_list arguments)
{
	return print(stdout, format, true, arguments);
}

int fwprintf_s(FILE *stream, const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print(stream, format, true, arguments));
}

int wprintf_s(const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print(stdout, format, true, arguments));
}

int vswprintf_s(wchar_t *buffer, size_t size, const wchar_t *format, va_list arguments)
{
	return print_secure(buffer, size, SIZE_MAX, false, format, true, arguments);
}

int swprintf_s(wchar_t *buffer, size_t size, const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print_secure(buffer, size, SIZE_MAX, false, format, true, arguments));
}

int _vsnwprintf_s(wchar_t *buffer, size_t size, size_t count, const wchar_t *format,
		  va_list arguments)
{
	return print_secure(buffer, size, count, count == _TRUNCATE, format, true, arguments);
}

int _snwprintf_s(wchar_t *buffer, size_t size, size_t count, const wchar_t *format, ...)
{
	WITH_ARGUMENTS(_vsnwprintf_s(buffer, size, count, format, arguments));
}

int _vsnwprintf(wchar_t *buffer, size_t size, const wchar_t *format, va_list arguments)
{
	return print_old(buffer, size, format, true, arguments);
}

int _snwprintf(wchar_t *buffer, size_t size, const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print_old(buffer, size, format, true, arguments));
}

int _vscwprintf(const wchar_t *format, va_list arguments)
{
	return print_old(NULL, 0, format, true, arguments);
}

int _scwprintf(const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print_old(NULL, 0, format, true, arguments));
}

/* These have libc's names in programs, and Windows' meaning (<sockiocp_crt.h>). */
int sockiocp_vfwprintf(FILE *stream, const wchar_t *format, va_list arguments)
{
	return print(stream, format, true, arguments);
}

int sockiocp_vwprintf(const wchar_t *format, va_list arguments)
{
	return print(stdout, format, true, arguments);
}

int sockiocp_fwprintf(FILE *stream, const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print(stream, format, true, arguments));
}

int sockiocp_wprintf(const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print(stdout, format, true, arguments));
}

int sockiocp_vswprintf(wchar_t *buffer, size_t size, const wchar_t *format, va_list arguments)
{
	return print_wide(buffer, size, format, arguments);
}

int sockiocp_swprintf(wchar_t *buffer, size_t size, const wchar_t *format, ...)
{
	WITH_ARGUMENTS(print_wide(buffer, size, format, arguments));
}

/* What writes wide characters to a stream, for the same reason: as bytes. */
wint_t sockiocp_fputwc(wchar_t character, FILE *stream)
{
	const wchar_t *from = &character;
	char bytes[UTF8_MAX];
	bool valid;
	size_t n = sockiocp_utf8_put(bytes, sockiocp_wide_get(&from, from + 1, &valid));

	return fwrite(bytes, 1, n, stream) == n ? (wint_t)character : WEOF;
}

wint_t sockiocp_putwchar(wchar_t character)
{
	return sockiocp_fputwc(character, stdout);
}

int sockiocp_fputws(const wchar_t *text, FILE *stream)
{
	return sockiocp_fwprintf(stream, L"%s", text) < 0 ? -1 : 0;
}

int _putws(const wchar_t *text)
{
	return sockiocp_fwprintf(stdout, L"%s\n", text) < 0 ? -1 : 0;
}
