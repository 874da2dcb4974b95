/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Functions of Microsoft's C library that libc has not.  <windows.h> declares them, as
 * libc's own headers are left as they are.
 *
 * A program that is compiled as one of Windows' (with _WIN32) gets Windows' wprintf() and
 * the like too: %s is a wide string there, and a stream takes wide and narrow text.
 */
#ifndef _SOCKIOCP_CRT_H
#define _SOCKIOCP_CRT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#ifdef __cplusplus
/* Before the macros below, as these headers undefine them. */
#include <cstdio>
#include <cwchar>
#endif

#include "windef.h"

typedef int errno_t;
typedef size_t rsize_t;

#define _TRUNCATE	((size_t)-1)
#define STRUNCATE	80
#define _NLSCMPERROR	2147483647

#ifndef _countof
#define _countof(array)	(sizeof(array) / sizeof((array)[0]))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Invalid parameters.  Without a handler, functions just say what is wrong. */
typedef void (__cdecl *_invalid_parameter_handler)(const wchar_t *expression,
						   const wchar_t *function,
						   const wchar_t *file, unsigned int line,
						   uintptr_t reserved);

_invalid_parameter_handler __cdecl
_set_invalid_parameter_handler(_invalid_parameter_handler pNew);
_invalid_parameter_handler __cdecl _get_invalid_parameter_handler(void);

/* Strings and memory */
errno_t __cdecl strcpy_s(char *to, size_t size, const char *from);
errno_t __cdecl strncpy_s(char *to, size_t size, const char *from, size_t count);
errno_t __cdecl strcat_s(char *to, size_t size, const char *from);
errno_t __cdecl strncat_s(char *to, size_t size, const char *from, size_t count);
errno_t __cdecl wcscpy_s(wchar_t *to, size_t size, const wchar_t *from);
errno_t __cdecl wcsncpy_s(wchar_t *to, size_t size, const wchar_t *from, size_t count);
errno_t __cdecl wcscat_s(wchar_t *to, size_t size, const wchar_t *from);
errno_t __cdecl wcsncat_s(wchar_t *to, size_t size, const wchar_t *from, size_t count);
size_t __cdecl strnlen_s(const char *text, size_t size);
size_t __cdecl wcsnlen_s(const wchar_t *text, size_t size);
char *__cdecl strtok_s(char *text, const char *delimiters, char **context);
wchar_t *__cdecl wcstok_s(wchar_t *text, const wchar_t *delimiters, wchar_t **context);
errno_t __cdecl memcpy_s(void *to, size_t size, const void *from, size_t count);
errno_t __cdecl memmove_s(void *to, size_t size, const void *from, size_t count);
errno_t __cdecl wmemcpy_s(wchar_t *to, size_t size, const wchar_t *from, size_t count);
errno_t __cdecl wmemmove_s(wchar_t *to, size_t size, const wchar_t *from, size_t count);
errno_t __cdecl strerror_s(char *to, size_t size, int number);
errno_t __cdecl mbstowcs_s(size_t *made, wchar_t *to, size_t size, const char *from,
			   size_t count);
errno_t __cdecl wcstombs_s(size_t *made, char *to, size_t size, const wchar_t *from,
			   size_t count);
int __cdecl _stricmp(const char *one, const char *other);
int __cdecl _strnicmp(const char *one, const char *other, size_t count);
int __cdecl _wcsicmp(const wchar_t *one, const wchar_t *other);
int __cdecl _wcsnicmp(const wchar_t *one, const wchar_t *other, size_t count);
int __cdecl _memicmp(const void *one, const void *other, size_t count);
char *__cdecl _strdup(const char *text);
wchar_t *__cdecl _wcsdup(const wchar_t *text);
char *__cdecl _strlwr(char *text);
char *__cdecl _strupr(char *text);
wchar_t *__cdecl _wcslwr(wchar_t *text);
wchar_t *__cdecl _wcsupr(wchar_t *text);
errno_t __cdecl _strlwr_s(char *text, size_t size);
errno_t __cdecl _strupr_s(char *text, size_t size);
errno_t __cdecl _wcslwr_s(wchar_t *text, size_t size);
errno_t __cdecl _wcsupr_s(wchar_t *text, size_t size);

/* Numbers.  A long of Windows has 32 bits. */
errno_t __cdecl _itoa_s(int value, char *to, size_t size, int radix);
errno_t __cdecl _ltoa_s(LONG value, char *to, size_t size, int radix);
errno_t __cdecl _ultoa_s(ULONG value, char *to, size_t size, int radix);
errno_t __cdecl _i64toa_s(long long value, char *to, size_t size, int radix);
errno_t __cdecl _ui64toa_s(unsigned long long value, char *to, size_t size, int radix);
char *__cdecl _itoa(int value, char *to, int radix);
char *__cdecl _ltoa(LONG value, char *to, int radix);
char *__cdecl _ultoa(ULONG value, char *to, int radix);
char *__cdecl _i64toa(long long value, char *to, int radix);
char *__cdecl _ui64toa(unsigned long long value, char *to, int radix);
long long __cdecl _atoi64(const char *text);
long long __cdecl _strtoi64(const char *text, char **end, int radix);
unsigned long long __cdecl _strtoui64(const char *text, char **end, int radix);
int __cdecl _wtoi(const wchar_t *text);
long long __cdecl _wtoi64(const wchar_t *text);
errno_t __cdecl rand_s(unsigned int *value);

/* Memory, sorting, the environment, times */
void *__cdecl _aligned_malloc(size_t size, size_t alignment);
void *__cdecl _aligned_realloc(void *memory, size_t size, size_t alignment);
void __cdecl _aligned_free(void *memory);
void __cdecl qsort_s(void *base, size_t count, size_t size,
		     int (__cdecl *compare)(void *context, const void *one, const void *other),
		     void *context);
errno_t __cdecl getenv_s(size_t *needed, char *to, size_t size, const char *name);
errno_t __cdecl _dupenv_s(char **to, size_t *size, const char *name);
errno_t __cdecl localtime_s(struct tm *to, const time_t *from);
errno_t __cdecl gmtime_s(struct tm *to, const time_t *from);
errno_t __cdecl asctime_s(char *to, size_t size, const struct tm *from);
errno_t __cdecl ctime_s(char *to, size_t size, const time_t *from);

/* Streams */
errno_t __cdecl fopen_s(FILE **file, const char *name, const char *mode);
errno_t __cdecl freopen_s(FILE **file, const char *name, const char *mode, FILE *stream);
FILE *__cdecl _wfopen(const wchar_t *name, const wchar_t *mode);
errno_t __cdecl _wfopen_s(FILE **file, const wchar_t *name, const wchar_t *mode);
int __cdecl _putws(const wchar_t *text);

int __cdecl printf_s(const char *format, ...);
int __cdecl fprintf_s(FILE *stream, const char *format, ...);
int __cdecl vprintf_s(const char *format, va_list arguments);
int __cdecl vfprintf_s(FILE *stream, const char *format, va_list arguments);
int __cdecl wprintf_s(const wchar_t *format, ...);
int __cdecl fwprintf_s(FILE *stream, const wchar_t *format, ...);
int __cdecl vwprintf_s(const wchar_t *format, va_list arguments);
int __cdecl vfwprintf_s(FILE *stream, const wchar_t *format, va_list arguments);

/* Into arrays */
int __cdecl sprintf_s(char *to, size_t size, const char *format, ...);
int __cdecl vsprintf_s(char *to, size_t size, const char *format, va_list arguments);
int __cdecl swprintf_s(wchar_t *to, size_t size, const wchar_t *format, ...);
int __cdecl vswprintf_s(wchar_t *to, size_t size, const wchar_t *format, va_list arguments);
int __cdecl _snprintf_s(char *to, size_t size, size_t count, const char *format, ...);
int __cdecl _vsnprintf_s(char *to, size_t size, size_t count, const char *format,
			 va_list arguments);
int __cdecl _snwprintf_s(wchar_t *to, size_t size, size_t count, const wchar_t *format, ...);
int __cdecl _vsnwprintf_s(wchar_t *to, size_t size, size_t count, const wchar_t *format,
			  va_list arguments);
int __cdecl _snprintf(char *to, size_t size, const char *format, ...);
int __cdecl _vsnprintf(char *to, size_t size, const char *format, va_list arguments);
int __cdecl _snwprintf(wchar_t *to, size_t size, const wchar_t *format, ...);
int __cdecl _vsnwprintf(wchar_t *to, size_t size, const wchar_t *format, va_list arguments);
int __cdecl _scprintf(const char *format, ...);
int __cdecl _vscprintf(const char *format, va_list arguments);
int __cdecl _scwprintf(const wchar_t *format, ...);
int __cdecl _vscwprintf(const wchar_t *format, va_list arguments);

/* Behind an array's address stands how many characters it has, an unsigned int. */
int __cdecl scanf_s(const char *format, ...);
int __cdecl fscanf_s(FILE *stream, const char *format, ...);
int __cdecl sscanf_s(const char *text, const char *format, ...);

int sockiocp_wprintf(const wchar_t *format, ...);
int sockiocp_fwprintf(FILE *stream, const wchar_t *format, ...);
int sockiocp_vwprintf(const wchar_t *format, va_list arguments);
int sockiocp_vfwprintf(FILE *stream, const wchar_t *format, va_list arguments);
int sockiocp_swprintf(wchar_t *to, size_t size, const wchar_t *format, ...);
int sockiocp_vswprintf(wchar_t *to, size_t size, const wchar_t *format, va_list arguments);
int sockiocp_fputws(const wchar_t *text, FILE *stream);
wint_t sockiocp_fputwc(wchar_t character, FILE *stream);
wint_t sockiocp_putwchar(wchar_t character);

#ifdef __cplusplus
/* Where a program with wide arguments begins: C++ would have another symbol for it. */
int wmain(int argc, wchar_t **argv);
}
#endif

#ifdef _WIN32
#ifdef __cplusplus
namespace std {
using ::sockiocp_wprintf;
using ::sockiocp_fwprintf;
using ::sockiocp_vwprintf;
using ::sockiocp_vfwprintf;
using ::sockiocp_swprintf;
using ::sockiocp_vswprintf;
using ::sockiocp_fputws;
using ::sockiocp_fputwc;
using ::sockiocp_putwchar;
}
#endif
#define wprintf		sockiocp_wprintf
#define fwprintf	sockiocp_fwprintf
#define vwprintf	sockiocp_vwprintf
#define vfwprintf	sockiocp_vfwprintf
#define swprintf	sockiocp_swprintf
#define vswprintf	sockiocp_vswprintf
#define fputws		sockiocp_fputws
#define fputwc		sockiocp_fputwc
#define putwc		sockiocp_fputwc
#define putwchar	sockiocp_putwchar
#endif

/* An array says itself how large it is. */
#ifdef __cplusplus
extern "C++" {
#define __SOCKIOCP_ARRAY_2(name, type) \
	template <size_t size> \
	inline errno_t name(type (&to)[size], const type *from) \
	{ \
		return name(to, size, from); \
	}
#define __SOCKIOCP_ARRAY_3(name, type) \
	template <size_t size> \
	inline errno_t name(type (&to)[size], const type *from, size_t count) \
	{ \
		return name(to, size, from, count); \
	}
#define __SOCKIOCP_ARRAY_PRINT(name, vname, type) \
	template <size_t size> \
	inline int name(type (&to)[size], const type *format, ...) \
	{ \
		va_list arguments; \
		va_start(arguments, format); \
		int result = vname(to, size, format, arguments); \
		va_end(arguments); \
		return result; \
	} \
	template <size_t size> \
	inline int vname(type (&to)[size], const type *format, va_list arguments) \
	{ \
		return vname(to, size, format, arguments); \
	}
#define __SOCKIOCP_ARRAY_PRINT_COUNT(name, vname, type) \
	template <size_t size> \
	inline int name(type (&to)[size], size_t count, const type *format, ...) \
	{ \
		va_list arguments; \
		va_start(arguments, format); \
		int result = vname(to, size, count, format, arguments); \
		va_end(arguments); \
		return result; \
	}
__SOCKIOCP_ARRAY_2(strcpy_s, char)
__SOCKIOCP_ARRAY_2(strcat_s, char)
__SOCKIOCP_ARRAY_2(wcscpy_s, wchar_t)
__SOCKIOCP_ARRAY_2(wcscat_s, wchar_t)
__SOCKIOCP_ARRAY_3(strncpy_s, char)
__SOCKIOCP_ARRAY_3(strncat_s, char)
__SOCKIOCP_ARRAY_3(wcsncpy_s, wchar_t)
__SOCKIOCP_ARRAY_3(wcsncat_s, wchar_t)
__SOCKIOCP_ARRAY_PRINT(sprintf_s, vsprintf_s, char)
__SOCKIOCP_ARRAY_PRINT(swprintf_s, vswprintf_s, wchar_t)
__SOCKIOCP_ARRAY_PRINT_COUNT(_snprintf_s, _vsnprintf_s, char)
__SOCKIOCP_ARRAY_PRINT_COUNT(_snwprintf_s, _vsnwprintf_s, wchar_t)
template <size_t size>
inline errno_t _itoa_s(int value, char (&to)[size], int radix)
{
	return _itoa_s(value, to, size, radix);
}
template <size_t size>
inline errno_t strerror_s(char (&to)[size], int number)
{
	return strerror_s(to, size, number);
}
}
#endif

#endif /* _SOCKIOCP_CRT_H */
