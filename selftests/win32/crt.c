// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Microsoft's C library, and text of windows.h, in pure Win32.
 */
#ifndef __MINGW32__
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <windows.h>
#include <crtdbg.h>
#include <tchar.h>
/* Otherwise it forbids the names that have no size. */
#define STRSAFE_NO_DEPRECATE
#include <strsafe.h>

#include "tap.h"

#define PROGRAM "crt"

static int handled;

static void handler(const wchar_t *expression, const wchar_t *function, const wchar_t *file,
		    unsigned int line, uintptr_t reserved)
{
	(void)expression, (void)function, (void)file, (void)line, (void)reserved;
	handled++;
}

#define EXPECT_TEXT(expected, got)	EXPECT(!strcmp(expected, got))
#define EXPECT_WIDE(expected, got)	EXPECT(!wcscmp(expected, got))

/* A call with an invalid parameter: what it returns, and errno; the handler is told. */
#define EXPECT_INVALID(result, err, call)			\
	do {							\
		errno = 0;					\
		handled = 0;					\
		EXPECT_EQ(result, call);			\
		EXPECT_EQ(err, errno);				\
		EXPECT_EQ(1, handled);				\
	} while (0)

/* One that fails, or not, and the handler is not told. */
#define EXPECT_QUIET(result, call)				\
	do {							\
		handled = 0;					\
		EXPECT_EQ(result, call);			\
		EXPECT_EQ(0, handled);				\
	} while (0)

static void handler_is_the_one_that_was_set(void)
{
	EXPECT(_set_invalid_parameter_handler(NULL) == handler);
	EXPECT(!_set_invalid_parameter_handler(handler));
}

static void strings_are_copied_if_they_fit(void)
{
	char to[6] = "old";
	wchar_t wide[6] = L"old";

	EXPECT_QUIET(0, strcpy_s(to, sizeof(to), "12345"));
	EXPECT_TEXT("12345", to);
	EXPECT_INVALID(ERANGE, ERANGE, strcpy_s(to, sizeof(to), "123456"));
	EXPECT_TEXT("", to);
	EXPECT_INVALID(EINVAL, EINVAL, strcpy_s(NULL, 6, "1"));
	EXPECT_INVALID(EINVAL, EINVAL, strcpy_s(to, 0, "1"));
	to[0] = 'x';
	EXPECT_INVALID(EINVAL, EINVAL, strcpy_s(to, sizeof(to), NULL));
	EXPECT_EQ(0, to[0]);
	EXPECT_QUIET(0, strcpy_s(to, 1, ""));

	EXPECT_QUIET(0, wcscpy_s(wide, 6, L"12345"));
	EXPECT_WIDE(L"12345", wide);
	EXPECT_INVALID(ERANGE, ERANGE, wcscpy_s(wide, 6, L"123456"));
	EXPECT_EQ(0, wide[0]);
	/* More characters than memory has bytes. */
	EXPECT_INVALID(ERANGE, ERANGE, wmemmove_s(wide, 6, L"x", (size_t)-1 / sizeof(*wide) + 1));
}

static void strings_are_copied_in_part(void)
{
	char to[6] = "old";

	EXPECT_QUIET(0, strncpy_s(to, sizeof(to), "123456789", 3));
	EXPECT_TEXT("123", to);
	EXPECT_QUIET(0, strncpy_s(to, sizeof(to), "123", 100));
	EXPECT_TEXT("123", to);
	EXPECT_QUIET(STRUNCATE, strncpy_s(to, sizeof(to), "123456789", _TRUNCATE));
	EXPECT_TEXT("12345", to);
	EXPECT_QUIET(0, strncpy_s(to, sizeof(to), "12345", _TRUNCATE));
	EXPECT_QUIET(0, strncpy_s(NULL, 0, "1", 0));
	to[0] = 'x';
	EXPECT_QUIET(0, strncpy_s(to, sizeof(to), "1", 0));
	EXPECT_TEXT("", to);
}

static void strings_are_appended(void)
{
	char to[6] = "12";
	wchar_t wide[6] = L"12";

	EXPECT_QUIET(0, strcat_s(to, sizeof(to), "345"));
	EXPECT_TEXT("12345", to);
	EXPECT_INVALID(ERANGE, ERANGE, strcat_s(to, sizeof(to), "6"));
	EXPECT_TEXT("", to);
	strcpy(to, "12");
	EXPECT_QUIET(0, strncat_s(to, sizeof(to), "345678", 2));
	EXPECT_TEXT("1234", to);
	EXPECT_QUIET(STRUNCATE, strncat_s(to, sizeof(to), "5678", _TRUNCATE));
	EXPECT_TEXT("12345", to);
	EXPECT_QUIET(0, strncat_s(to, sizeof(to), "6", 0));
	EXPECT_TEXT("12345", to);
	EXPECT_INVALID(ERANGE, ERANGE, strncat_s(to, sizeof(to), "678", 2));
	EXPECT_TEXT("", to);

	EXPECT_QUIET(0, wcscat_s(wide, 6, L"34"));
	EXPECT_WIDE(L"1234", wide);
	EXPECT_QUIET(STRUNCATE, wcsncat_s(wide, 6, L"5678", _TRUNCATE));
	EXPECT_WIDE(L"12345", wide);
}

static void memory_is_copied_if_it_fits(void)
{
	char to[4] = "abc";

	EXPECT_QUIET(0, memcpy_s(to, 4, "xyz", 3));
	EXPECT_TEXT("xyz", to);
	EXPECT_QUIET(0, memcpy_s(NULL, 0, NULL, 0));
	EXPECT_INVALID(EINVAL, EINVAL, memcpy_s(NULL, 4, "x", 1));
	EXPECT_INVALID(ERANGE, ERANGE, memcpy_s(to, 4, "12345", 5));
	EXPECT_EQ(0, to[0] | to[1] | to[2] | to[3]);
	strcpy(to, "abc");
	EXPECT_INVALID(EINVAL, EINVAL, memcpy_s(to, 4, NULL, 1));
	EXPECT_EQ(0, to[0] | to[1] | to[2] | to[3]);
	strcpy(to, "abc");
	EXPECT_QUIET(0, memmove_s(to + 1, 3, to, 2));
	EXPECT_TEXT("aab", to);
	EXPECT_INVALID(ERANGE, ERANGE, memmove_s(to, 2, "123", 3));
	EXPECT_TEXT("aab", to);
}

static void words_are_taken_one_by_one(void)
{
	char text[] = ",one,,two", *context = NULL;
	wchar_t wide[] = L"one two", *wide_context = NULL;

	EXPECT_TEXT("one", strtok_s(text, ",", &context));
	EXPECT_TEXT("two", strtok_s(NULL, ",", &context));
	EXPECT(!strtok_s(NULL, ",", &context));
	EXPECT_INVALID(NULL, EINVAL, strtok_s(text, NULL, &context));
	EXPECT_WIDE(L"one", wcstok_s(wide, L" ", &wide_context));
	EXPECT_WIDE(L"two", wcstok_s(NULL, L" ", &wide_context));
	EXPECT(!wcstok_s(NULL, L" ", &wide_context));
	EXPECT(!wcstok_s(NULL, L" ", &wide_context));
	EXPECT_EQ(3, strnlen_s("abc", 5));
	EXPECT_EQ(2, strnlen_s("abc", 2));
	EXPECT_EQ(0, strnlen_s(NULL, 5));
	EXPECT_EQ(0, wcsnlen_s(NULL, 5));
}

static void case_is_ignored_and_changed(void)
{
	char text[] = "aBc1", *copy;
	wchar_t wide[] = L"aBc1", *wide_copy;

	EXPECT_EQ(0, _stricmp("ABc", "abC"));
	EXPECT(_stricmp("abc", "abd") < 0);
	EXPECT(_stricmp("b", "A") > 0);
	/* '_' is less than a small letter. */
	EXPECT(_stricmp("_", "A") < 0);
	EXPECT_EQ(0, _strnicmp("ABCx", "abcy", 3));
	EXPECT_EQ(0, _memicmp("AB\0x", "ab\0X", 4));
	EXPECT(_memicmp("AB\0x", "ab\0Y", 4) < 0);
	EXPECT_EQ(0, _wcsicmp(L"ABc", L"abC"));
	EXPECT_EQ(0, _wcsnicmp(L"ABCx", L"abcy", 3));
	EXPECT_TEXT("ABC1", _strupr(text));
	EXPECT_TEXT("abc1", _strlwr(text));
	EXPECT_WIDE(L"ABC1", _wcsupr(wide));
	EXPECT_WIDE(L"abc1", _wcslwr(wide));
	EXPECT_EQ(0, _strupr_s(text, sizeof(text)));
	EXPECT_TEXT("ABC1", text);
	copy = _strdup("copy");
	EXPECT_TEXT("copy", copy);
	free(copy);
	EXPECT(!_strdup(NULL));
	wide_copy = _wcsdup(L"copy");
	EXPECT_WIDE(L"copy", wide_copy);
	free(wide_copy);
}

static void compared_with_nothing_is_an_error(void)
{
	EXPECT_INVALID(_NLSCMPERROR, EINVAL, _stricmp(NULL, "a"));
}

static void numbers_become_text(void)
{
	char to[70];

	EXPECT_EQ(0, _itoa_s(-255, to, sizeof(to), 10));
	EXPECT_TEXT("-255", to);
	EXPECT_EQ(0, _itoa_s(-1, to, sizeof(to), 16));
	EXPECT_TEXT("ffffffff", to);
	EXPECT_EQ(0, _itoa_s(-2147483647 - 1, to, 12, 10));
	EXPECT_TEXT("-2147483648", to);
	EXPECT_INVALID(ERANGE, ERANGE, _itoa_s(12345, to, 5, 10));
	EXPECT_TEXT("", to);
	EXPECT_INVALID(EINVAL, EINVAL, _itoa_s(1, to, sizeof(to), 1));
	EXPECT_INVALID(EINVAL, EINVAL, _itoa_s(1, to, sizeof(to), 37));
	EXPECT_INVALID(EINVAL, EINVAL, _itoa_s(1, NULL, 5, 10));
	EXPECT_EQ(0, _ui64toa_s(~0ull, to, sizeof(to), 2));
	EXPECT_EQ(64, strlen(to));
	EXPECT_EQ(0, _i64toa_s(-1, to, sizeof(to), 36));
	EXPECT_TEXT("3w5e11264sgsf", to);
	EXPECT_EQ(0, _ultoa_s(4294967295u, to, sizeof(to), 10));
	EXPECT_TEXT("4294967295", to);
	EXPECT_TEXT("77", _itoa(63, to, 8));
	EXPECT_TEXT("-9000000000", _i64toa(-9000000000ll, to, 10));
	EXPECT_EQ(-9000000000ll, _atoi64(" -9000000000x"));
	EXPECT_EQ(0xffll, _strtoi64("ff", NULL, 16));
	EXPECT_EQ(~0ull, _strtoui64("18446744073709551615", NULL, 10));
	EXPECT_EQ(-12, _wtoi(L"-12x"));
}

static void text_is_formatted_as_on_windows(void)
{
	char to[100];
	wchar_t wide[100];

	EXPECT_EQ(10, sprintf_s(to, sizeof(to), "%s %S %ls", "abc", L"de", L"fgh"));
	EXPECT_TEXT("abc de fgh", to);
	EXPECT_EQ(13, swprintf_s(wide, 100, L"%s %S %hs %ls", L"abc", "de", "fgh", L"ij"));
	EXPECT_WIDE(L"abc de fgh ij", wide);
	EXPECT_EQ(7, sprintf_s(to, sizeof(to), "%c%C %hc%lc|%%", 'a', L'b', 'c', L'd'));
	EXPECT_TEXT("ab cd|%", to);
	EXPECT_EQ(5, swprintf_s(wide, 100, L"%c%C %hc%lc", L'a', 'b', 'c', L'd'));
	EXPECT_WIDE(L"ab cd", wide);
	sprintf_s(to, sizeof(to), "%I64d %I64u %I32d %lu %lld %Id %zu", -9000000000ll, ~0ull, -1,
		  (ULONG)4294967295u, 1ll, (INT_PTR)-2, (size_t)3);
	EXPECT_TEXT("-9000000000 18446744073709551615 -1 4294967295 1 -2 3", to);
	sprintf_s(to, sizeof(to), "%p", (void *)(ULONG_PTR)0xabc);
	EXPECT_TEXT("0000000000000ABC", to);
	sprintf_s(to, sizeof(to), "[%5d|%-5d|%05d|%+d|%#x|%.3d|%*d|%-*d]", 42, 42, 42, 42, 42, 42,
		  4, 42, 4, 42);
	EXPECT_TEXT("[   42|42   |00042|+42|0x2a|042|  42|42  ]", to);
	sprintf_s(to, sizeof(to), "[%5s|%-5s|%.2s|%*.*s|%*d]", "abc", "abc", "abc", 4, 1, "abc",
		  -4, 42);
	EXPECT_TEXT("[  abc|abc  |ab|   a|42  ]", to);
	sprintf_s(to, sizeof(to), "%.2f %g %d %hd", 1.5, 0.25, -1, 65537);
	EXPECT_TEXT("1.50 0.25 -1 1", to);
	swprintf_s(wide, 100, L"[%5s|%-5s|%.2S|%08X]", L"abc", L"abc", "abc", 0xbeef);
	EXPECT_WIDE(L"[  abc|abc  |ab|0000BEEF]", wide);
	sprintf_s(to, sizeof(to), "%s %S", (char *)NULL, (wchar_t *)NULL);
	EXPECT_TEXT("(null) (null)", to);
	swprintf_s(wide, 100, L"%s %S", (wchar_t *)NULL, (char *)NULL);
	EXPECT_WIDE(L"(null) (null)", wide);
}

static void hh_is_a_byte(void)
{
	char to[10];

	sprintf_s(to, sizeof(to), "%hhu", 257);
	EXPECT_TEXT("1", to);
}

static void what_does_not_fit_is_not_printed(void)
{
	/* Wine writes behind the sixth. */
	char to[20] = "old";
	wchar_t wide[20] = L"old";

	EXPECT_QUIET(5, sprintf_s(to, 6, "%d", 12345));
	EXPECT_TEXT("12345", to);
	EXPECT_INVALID(-1, ERANGE, sprintf_s(to, 6, "%d", 123456));
	EXPECT_TEXT("", to);
	EXPECT_INVALID(-1, EINVAL, sprintf_s(NULL, 5, "a"));
	EXPECT_INVALID(-1, EINVAL, sprintf_s(to, 0, "a"));
	EXPECT_INVALID(-1, EINVAL, sprintf_s(to, 6, NULL));
	EXPECT_INVALID(-1, ERANGE, swprintf_s(wide, 6, L"%d", 123456));
	EXPECT_EQ(0, wide[0]);
}

static void what_does_not_fit_is_cut(void)
{
	char to[6];
	wchar_t wide[6];

	EXPECT_QUIET(-1, _snprintf_s(to, sizeof(to), _TRUNCATE, "%d", 1234567));
	EXPECT_TEXT("12345", to);
	EXPECT_QUIET(5, _snprintf_s(to, sizeof(to), _TRUNCATE, "%d", 12345));
	EXPECT_QUIET(-1, _snprintf_s(to, sizeof(to), 3, "%d", 12345));
	EXPECT_TEXT("123", to);
	EXPECT_QUIET(3, _snprintf_s(to, sizeof(to), 3, "%d", 123));
	EXPECT_TEXT("123", to);
	EXPECT_QUIET(-1, _snwprintf_s(wide, 6, _TRUNCATE, L"%s", L"1234567"));
	EXPECT_WIDE(L"12345", wide);
}

static void old_ones_leave_the_end_away(void)
{
	char to[6] = "xxxxx";
	wchar_t wide[6] = L"xxxxx";

	EXPECT_EQ(3, _snprintf(to, 3, "%d", 123));
	EXPECT_TEXT("123xx", to);
	EXPECT_EQ(-1, _snprintf(to, 3, "%d", 4567));
	EXPECT_TEXT("456xx", to);
	EXPECT_EQ(2, _snprintf(to, 3, "%d", 89));
	EXPECT_TEXT("89", to);
	EXPECT_EQ(-1, _snwprintf(wide, 3, L"%s", L"4567"));
	EXPECT_WIDE(L"456xx", wide);
	EXPECT_EQ(5, _scprintf("%s", "12345"));
	EXPECT_EQ(5, _scwprintf(L"%s", L"12345"));
}

static int with_list(char *to, size_t size, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsprintf_s(to, size, format, arguments);
	va_end(arguments);
	if (n >= 0) {
		va_start(arguments, format);
		n += _vscprintf(format, arguments);
		va_end(arguments);
	}
	return n;
}

static void arguments_may_be_a_list(void)
{
	char to[20];

	EXPECT_EQ(10, with_list(to, sizeof(to), "%d %s", 12, "ab"));
	EXPECT_TEXT("12 ab", to);
}

static void streams_take_wide_and_narrow_text(void)
{
	static const char expected[] = "a b\nc d\n12 e f\ng\nh!\n";
	FILE *file = tmpfile();
	char text[100] = "";
	size_t i, n;

	ASSERT(file);
	EXPECT_EQ(4, fprintf_s(file, "%s %S\n", "a", L"b"));
	EXPECT_EQ(4, fwprintf_s(file, L"%s %S\n", L"c", "d"));
	EXPECT_EQ(7, fwprintf(file, L"%I64d %s %hs\n", 12ll, L"e", "f"));
	EXPECT_EQ(0, fputws(L"g\n", file) < 0);
	EXPECT_EQ(2, fprintf(file, "h!"));
	EXPECT_EQ(L'\n', fputwc(L'\n', file));
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	/* Windows has carriage returns in text. */
	for (i = 0; i < n; )
		if (text[i] == '\r')
			memmove(text + i, text + i + 1, n-- - i);
		else
			i++;
	text[n] = 0;
	EXPECT_TEXT(expected, text);
	fclose(file);
	EXPECT_EQ(5, wprintf(L"# %s\n", L"ab"));
	EXPECT_EQ(5, wprintf_s(L"# %S\n", "ab"));
	EXPECT_EQ(5, printf_s("# %S\n", L"ab"));
	EXPECT_INVALID(-1, EINVAL, printf_s(NULL));
}

static void text_is_read_if_it_fits(void)
{
	char word[4] = "old", letters[3] = "xy", set[4];
	int number = 0, other;
	long long large = 0;

	EXPECT_EQ(3, sscanf_s("12 abc 9000000000", "%d %s %I64d", &number, word, 4u, &large));
	EXPECT_EQ(12, number);
	EXPECT_TEXT("abc", word);
	EXPECT_EQ(9000000000ll, large);
	EXPECT_EQ(2, sscanf_s("pq12", "%2c%d", letters, 3u, &number));
	EXPECT_TEXT("pq", letters);
	EXPECT_EQ(1, sscanf_s("z", "%c", letters, 1u));
	EXPECT_EQ('z', letters[0]);
	EXPECT_EQ(1, sscanf_s("abx", "%3[a-c]", set, 4u));
	EXPECT_TEXT("ab", set);
	EXPECT_EQ(2, sscanf_s("7 x 8", "%*d %s %d", word, 4u, &number));
	EXPECT_TEXT("x", word);
	EXPECT_EQ(8, number);
	/* It ends at what does not fit. */
	EXPECT_EQ(1, sscanf_s("5 abcd 6", "%d %s %d", &number, word, 4u, &other));
	EXPECT_EQ(5, number);
	EXPECT_TEXT("", word);
	EXPECT_EQ(EOF, sscanf_s("", "%d", &number));
}

static void files_are_opened(void)
{
	FILE *file = stdout;

	EXPECT_EQ(ENOENT, fopen_s(&file, "no such file", "r"));
	EXPECT(!file);
	EXPECT_INVALID(EINVAL, EINVAL, fopen_s(NULL, "x", "r"));
	EXPECT_INVALID(EINVAL, EINVAL, fopen_s(&file, NULL, "r"));
	EXPECT_INVALID(EINVAL, EINVAL, fopen_s(&file, "x", NULL));
	EXPECT_EQ(ENOENT, _wfopen_s(&file, L"no such file", L"r"));
	EXPECT(!_wfopen(L"no such file", L"r"));
}

static int backwards(void *context, const void *one, const void *other)
{
	++*(int *)context;
	return *(const int *)other - *(const int *)one;
}

static void sorting_has_a_context(void)
{
	int numbers[] = { 2, 3, 1 }, calls = 0;

	qsort_s(numbers, 3, sizeof(numbers[0]), backwards, &calls);
	EXPECT_EQ(3, numbers[0]);
	EXPECT_EQ(2, numbers[1]);
	EXPECT_EQ(1, numbers[2]);
	EXPECT(calls > 0);
}

static void times_become_parts_and_text(void)
{
	time_t when = 86400, before = -1;
	char text[26];
	struct tm tm;

	EXPECT_EQ(0, gmtime_s(&tm, &when));
	EXPECT_EQ(2, tm.tm_mday);
	EXPECT_EQ(70, tm.tm_year);
	EXPECT_EQ(0, asctime_s(text, sizeof(text), &tm));
	EXPECT_TEXT("Fri Jan  2 00:00:00 1970\n", text);
	EXPECT_INVALID(EINVAL, EINVAL, asctime_s(text, 25, &tm));
	EXPECT_EQ(0, localtime_s(&tm, &when));
	EXPECT_EQ(0, ctime_s(text, sizeof(text), &when));
	EXPECT_EQ(EINVAL, gmtime_s(&tm, &before));
	EXPECT_EQ(-1, tm.tm_year);
}

static void environment_is_read(void)
{
	char text[4096];
	size_t needed = 1;

	EXPECT_EQ(0, getenv_s(&needed, text, sizeof(text), "SOCKIOCP_NOT_SET"));
	EXPECT_EQ(0, needed);
	EXPECT_EQ(0, getenv_s(&needed, NULL, 0, "PATH"));
	if (needed > 1) {
		EXPECT_EQ(0, getenv_s(&needed, text, sizeof(text), "PATH"));
		EXPECT_EQ(needed, strlen(text) + 1);
		EXPECT_QUIET(ERANGE, getenv_s(&needed, text, 1, "PATH"));
		EXPECT_EQ(0, text[0]);
	}
}

static void memory_is_aligned(void)
{
	size_t alignment;
	char *memory;

	for (alignment = 1; alignment <= 4096; alignment *= 2) {
		memory = _aligned_malloc(100, alignment);
		ASSERT(memory);
		EXPECT_EQ(0, (ULONG_PTR)memory % alignment);
		memcpy(memory, "text", 5);
		memory = _aligned_realloc(memory, 100000, alignment);
		ASSERT(memory);
		EXPECT_EQ(0, (ULONG_PTR)memory % alignment);
		EXPECT_TEXT("text", memory);
		memory = _aligned_realloc(memory, 5, alignment);
		ASSERT(memory);
		EXPECT_TEXT("text", memory);
		EXPECT(!_aligned_realloc(memory, 0, alignment));
	}
	_aligned_free(NULL);
	memory = _aligned_realloc(NULL, 16, 64);
	EXPECT(memory);
	_aligned_free(memory);
}

/* UTF-8 becomes wide characters, as L"" has them, and comes back. */
static void text_becomes_wide_and_narrow(void)
{
	static const char narrow[] = "a\xc3\xa4\xe2\x82\xac";
	static const wchar_t wide[] = L"a\u00e4\u20ac";
	wchar_t to[10];
	char back[10];

	EXPECT_EQ(4, MultiByteToWideChar(CP_UTF8, 0, narrow, -1, NULL, 0));
	EXPECT_EQ(4, MultiByteToWideChar(CP_UTF8, 0, narrow, -1, to, 4));
	EXPECT_WIDE(wide, to);
	to[3] = L'x';
	EXPECT_EQ(3, MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, narrow, 6, to, 10));
	EXPECT_EQ(L'x', to[3]);
	EXPECT_EQ(7, WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL));
	EXPECT_EQ(7, WideCharToMultiByte(CP_UTF8, 0, wide, -1, back, 7, NULL, NULL));
	EXPECT_TEXT(narrow, back);
	EXPECT_EQ(3, WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, 2, back, 10, NULL,
					 NULL));
	/* What is not in the first 65536 is one character, or two on Windows. */
	EXPECT_EQ(wcslen(L"\U0001f600"),
		  MultiByteToWideChar(CP_UTF8, 0, "\xf0\x9f\x98\x80", 4, to, 10));
	EXPECT_EQ(4, WideCharToMultiByte(CP_UTF8, 0, L"\U0001f600", -1, back, 10, NULL, NULL) - 1);
	EXPECT_TEXT("\xf0\x9f\x98\x80", back);
	EXPECT_EQ(2, MultiByteToWideChar(CP_ACP, MB_PRECOMPOSED, "a", -1, to, 10));
	EXPECT_EQ(2, WideCharToMultiByte(CP_ACP, 0, L"a", -1, back, 10, NULL, NULL));
}

static void what_is_not_text_is_replaced_or_refused(void)
{
	wchar_t to[10];
	char back[10];

	EXPECT_EQ(4, MultiByteToWideChar(CP_UTF8, 0, "a\xff" "b", -1, to, 10));
	EXPECT_WIDE(L"a\ufffd" L"b", to);
	EXPECT_ERROR(ERROR_NO_UNICODE_TRANSLATION,
		     MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "a\xff", -1, to, 10));
	/* Too long, a surrogate, cut off. */
	EXPECT_ERROR(ERROR_NO_UNICODE_TRANSLATION,
		     MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xc0\x80", 2, to, 10));
	EXPECT_ERROR(ERROR_NO_UNICODE_TRANSLATION,
		     MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xed\xa0\x80", 3, to, 10));
	EXPECT_ERROR(ERROR_NO_UNICODE_TRANSLATION,
		     MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xe2\x82", 2, to, 10));
	to[0] = 0xd800;
	to[1] = L'a';
	to[2] = 0;
	EXPECT_EQ(5, WideCharToMultiByte(CP_UTF8, 0, to, -1, back, 10, NULL, NULL));
	EXPECT_TEXT("\xef\xbf\xbd" "a", back);
	EXPECT_ERROR(ERROR_NO_UNICODE_TRANSLATION,
		     WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, to, -1, back, 10, NULL,
					 NULL));
}

static void conversions_are_refused(void)
{
	wchar_t to[10];
	char back[10];

	EXPECT_ERROR(ERROR_INSUFFICIENT_BUFFER,
		     MultiByteToWideChar(CP_UTF8, 0, "abc", -1, to, 3));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, MultiByteToWideChar(CP_UTF8, 0, "abc", 0, to, 3));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, MultiByteToWideChar(CP_UTF8, 0, NULL, -1, to, 3));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, MultiByteToWideChar(CP_UTF8, 0, "abc", -1, NULL, 3));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, MultiByteToWideChar(CP_UTF8, 0, "abc", -1, to, -1));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, MultiByteToWideChar(4711, 0, "abc", -1, to, 10));
	EXPECT_ERROR(ERROR_INVALID_FLAGS, MultiByteToWideChar(CP_UTF8, 0x1000, "abc", -1, to, 10));
	EXPECT_ERROR(ERROR_INSUFFICIENT_BUFFER,
		     WideCharToMultiByte(CP_UTF8, 0, L"abc", -1, back, 3, NULL, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     WideCharToMultiByte(CP_UTF8, 0, L"abc", 0, back, 3, NULL, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     WideCharToMultiByte(CP_UTF8, 0, NULL, -1, back, 3, NULL, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     WideCharToMultiByte(CP_UTF8, 0, L"abc", -1, NULL, 3, NULL, NULL));
	EXPECT_ERROR(ERROR_INVALID_FLAGS,
		     WideCharToMultiByte(CP_UTF8, 0x1000, L"abc", -1, back, 10, NULL, NULL));
}

static void handler_is_told_of_each_invalid_parameter(void)
{
	FILE *file = stdout;
	time_t when = 86400;
	char to[6] = "old";

	EXPECT_INVALID(EINVAL, EINVAL, fopen_s(&file, NULL, "r"));
	EXPECT(!file);
	EXPECT_INVALID(ERANGE, ERANGE, strncpy_s(to, sizeof(to), "123456789", 6));
	EXPECT_TEXT("", to);
	memset(to, 'x', sizeof(to));
	EXPECT_INVALID(EINVAL, EINVAL, strcat_s(to, sizeof(to), "1"));
	EXPECT_EQ(0, to[0]);
	memset(to, 'x', sizeof(to));
	EXPECT_INVALID(EINVAL, EINVAL, _strlwr_s(to, 6));
	EXPECT_EQ(0, to[0]);
	EXPECT_INVALID(_NLSCMPERROR, EINVAL, _wcsicmp(L"a", NULL));
	EXPECT_INVALID(-1, ERANGE, _snprintf_s(to, sizeof(to), 6, "%d", 1234567));
	EXPECT_TEXT("", to);
	EXPECT_INVALID(EINVAL, EINVAL, gmtime_s(NULL, &when));
	EXPECT_INVALID(NULL, EINVAL, _aligned_malloc(16, 3));
	EXPECT_INVALID(NULL, EINVAL, _aligned_malloc(16, 0));
	EXPECT_INVALID(NULL, EINVAL, _aligned_malloc(0, 16));
}

static void utf8_has_no_default_character(void)
{
	char back[10];
	BOOL used;

	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     WideCharToMultiByte(CP_UTF8, 0, L"abc", -1, back, 10, "?", NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     WideCharToMultiByte(CP_UTF8, 0, L"abc", -1, back, 10, NULL, &used));
}

static void flags_of_other_pages_are_not_for_utf8(void)
{
	wchar_t to[10];

	EXPECT_ERROR(ERROR_INVALID_FLAGS,
		     MultiByteToWideChar(CP_UTF8, MB_PRECOMPOSED, "abc", -1, to, 10));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     MultiByteToWideChar(CP_UTF8, 0, (char *)to, 4, to, 10));
}

static void wide_and_narrow_as_c_does_it(void)
{
	size_t n = 0;
	wchar_t wide[4];
	char narrow[4];

	EXPECT_EQ(0, mbstowcs_s(&n, wide, 4, "abc", _TRUNCATE));
	EXPECT_EQ(4, n);
	EXPECT_WIDE(L"abc", wide);
	EXPECT_EQ(STRUNCATE, mbstowcs_s(&n, wide, 4, "abcd", _TRUNCATE));
	EXPECT_WIDE(L"abc", wide);
	EXPECT_INVALID(ERANGE, ERANGE, mbstowcs_s(&n, wide, 4, "abcd", 4));
	EXPECT_EQ(0, wide[0]);
	EXPECT_EQ(0, mbstowcs_s(&n, wide, 4, "abcd", 2));
	EXPECT_WIDE(L"ab", wide);
	EXPECT_EQ(0, mbstowcs_s(&n, NULL, 0, "abcd", 0));
	EXPECT_EQ(5, n);
	EXPECT_EQ(0, wcstombs_s(&n, narrow, 4, L"abc", _TRUNCATE));
	EXPECT_EQ(4, n);
	EXPECT_TEXT("abc", narrow);
	EXPECT_EQ(STRUNCATE, wcstombs_s(&n, narrow, 4, L"abcd", _TRUNCATE));
	EXPECT_TEXT("abc", narrow);
	EXPECT_EQ(0, wcstombs_s(&n, NULL, 0, L"abcd", 0));
	EXPECT_EQ(5, n);
}

static void lstr_takes_null(void)
{
	char to[10] = "";
	wchar_t wide[10] = L"";

	EXPECT_EQ(3, lstrlenA("abc"));
	EXPECT_EQ(0, lstrlenA(NULL));
	EXPECT_EQ(3, lstrlenW(L"abc"));
	EXPECT(lstrcpyA(to, "abc") == to);
	EXPECT(lstrcatA(to, "de") == to);
	EXPECT_TEXT("abcde", to);
	EXPECT(!lstrcpyA(to, NULL) && !lstrcatA(NULL, "a"));
	EXPECT(lstrcpynA(to, "123456", 4) == to);
	EXPECT_TEXT("123", to);
	EXPECT(lstrcpynA(to, "12", 4) == to);
	EXPECT_TEXT("12", to);
	EXPECT(lstrcpynA(to, "x", 0) == to);
	EXPECT_TEXT("12", to);
	EXPECT(!lstrcpynA(to, NULL, 4));
	EXPECT(lstrcpynW(lstrcpyW(wide, L"ab"), L"123", 3) == wide);
	EXPECT_WIDE(L"12", lstrcatW(wide, L""));
}

static void lstr_compares_words(void)
{
	EXPECT_EQ(0, lstrcmpA("abc", "abc"));
	EXPECT_EQ(-1, lstrcmpA("abc", "ABC"));
	EXPECT_EQ(-1, lstrcmpA("abc", "ABD"));
	EXPECT_EQ(1, lstrcmpA("b", "A"));
	EXPECT_EQ(0, lstrcmpiA("abc", "ABC"));
	EXPECT_EQ(-1, lstrcmpA("ab", "abc"));
	EXPECT_EQ(-1, lstrcmpA(NULL, "a"));
	EXPECT_EQ(1, lstrcmpA("a", NULL));
	EXPECT_EQ(0, lstrcmpiA(NULL, NULL));
	EXPECT_EQ(-1, lstrcmpW(L"abc", L"ABC"));
	EXPECT_EQ(0, lstrcmpiW(L"abc", L"ABC"));
}

static void strsafe_says_what_fits(void)
{
	char to[6] = "old";
	wchar_t wide[6];
	size_t length = 7;

	EXPECT_EQ(S_OK, StringCchCopyA(to, 6, "12345"));
	EXPECT_TEXT("12345", to);
	EXPECT_EQ(STRSAFE_E_INSUFFICIENT_BUFFER, StringCchCopyA(to, 6, "abcdefg"));
	EXPECT_TEXT("abcde", to);
	EXPECT_EQ(STRSAFE_E_INVALID_PARAMETER, StringCchCopyA(to, 0, "a"));
	EXPECT_EQ(STRSAFE_E_INVALID_PARAMETER, StringCchCopyA(to, STRSAFE_MAX_CCH + 1ull, "a"));
	EXPECT_EQ(S_OK, StringCchCopyNA(to, 6, "12345", 2));
	EXPECT_EQ(S_OK, StringCchCatA(to, 6, "34"));
	EXPECT_TEXT("1234", to);
	EXPECT_EQ(STRSAFE_E_INSUFFICIENT_BUFFER, StringCchCatA(to, 6, "56"));
	EXPECT_TEXT("12345", to);
	EXPECT_EQ(STRSAFE_E_INVALID_PARAMETER, StringCchCatA(to, 5, "6"));
	EXPECT_EQ(S_OK, StringCchLengthA(to, 6, &length));
	EXPECT_EQ(5, length);
	EXPECT_EQ(STRSAFE_E_INVALID_PARAMETER, StringCchLengthA(to, 5, &length));
	EXPECT_EQ(0, length);
	EXPECT_EQ(STRSAFE_E_INVALID_PARAMETER, StringCchLengthA(NULL, 5, &length));
	EXPECT_EQ(S_OK, StringCchPrintfA(to, 6, "%s-%d", "ab", 12));
	EXPECT_TEXT("ab-12", to);
	EXPECT_EQ(STRSAFE_E_INSUFFICIENT_BUFFER, StringCchPrintfA(to, 6, "%d", 1234567));
	EXPECT_TEXT("12345", to);
	EXPECT_EQ(STRSAFE_E_INSUFFICIENT_BUFFER, StringCchPrintfA(to, 6, "%d", 123456));
	EXPECT_TEXT("12345", to);
	EXPECT_EQ(S_OK, StringCchPrintfW(wide, 6, L"%s", L"12345"));
	EXPECT_WIDE(L"12345", wide);
	EXPECT_EQ(S_OK, StringCbCopyW(wide, sizeof(wide), L"abcde"));
	EXPECT_EQ(STRSAFE_E_INSUFFICIENT_BUFFER, StringCbCatW(wide, sizeof(wide), L"f"));
	EXPECT_WIDE(L"abcde", wide);
	EXPECT_EQ(S_OK, StringCbLengthW(wide, sizeof(wide), &length));
	EXPECT_EQ(5 * sizeof(wchar_t), length);
	EXPECT_EQ(S_OK, StringCbPrintfA(to, sizeof(to), "%d", 1));
}

static void tchar_names_are_there(void)
{
	TCHAR text[10];

	EXPECT_EQ(0, _tcscpy_s(text, 10, _T("aB")));
	EXPECT_EQ(4, _stprintf_s(text + 2, 8, _T("%s%d"), _T("cd"), 12));
	EXPECT_EQ(0, _tcsicmp(text, _T("ABCD12")));
	EXPECT_EQ(6, _tcslen(text));
	EXPECT_EQ(12, _ttoi(_T("12")));
}

static void nobody_debugs_this(void)
{
	OutputDebugStringA("not to be seen");
	OutputDebugStringW(L"not to be seen");
	EXPECT(!IsDebuggerPresent());
	_ASSERT(1);
	_ASSERTE(1);
}

#ifndef __MINGW32__
static void debug_break(void)
{
	DebugBreak();
}

static void end_well(int number)
{
	(void)number;
	_exit(0);
}

static void fail_fast(void)
{
	signal(SIGABRT, end_well);
	/* Not into the log. */
	close(2);
	RaiseFailFastException(NULL, NULL, 0);
}

static int signal_that_ends(void (*function)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		function();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void what_is_broken_ends(void)
{
	fflush(stdout);
	EXPECT_EQ(SIGTRAP, signal_that_ends(debug_break));
	EXPECT_EQ(SIGABRT, signal_that_ends(fail_fast));
}

/* Windows ends the process here. */
static void without_a_handler_it_returns(void)
{
	char to[2];

	_set_invalid_parameter_handler(NULL);
	EXPECT_EQ(ERANGE, strcpy_s(to, 2, "12"));
	_set_invalid_parameter_handler(handler);
}

/* mingw-w64's import library has no such function. */
static void environment_is_copied(void)
{
	char text[4096], *copy = text;
	size_t needed = 1;

	EXPECT_EQ(0, _dupenv_s(&copy, &needed, "SOCKIOCP_NOT_SET"));
	EXPECT(!copy);
	EXPECT_EQ(0, needed);
	EXPECT_EQ(0, _dupenv_s(&copy, &needed, "PATH"));
	EXPECT_EQ(needed, copy ? strlen(copy) + 1 : 0);
	free(copy);
	EXPECT_INVALID(EINVAL, EINVAL, _dupenv_s(NULL, NULL, "PATH"));
}

/* Windows' code page may not have it, ours always has. */
static void all_characters_are_printed(void)
{
	wchar_t wide[10];
	char to[10];

	EXPECT_EQ(4, sprintf_s(to, sizeof(to), "%S", L"a\u20ac"));
	EXPECT_TEXT("a\xe2\x82\xac", to);
	EXPECT_EQ(2, swprintf_s(wide, 10, L"%S", "a\xe2\x82\xac"));
	EXPECT_WIDE(L"a\u20ac", wide);
}
#endif

int main(void)
{
	_set_invalid_parameter_handler(handler);
	RUN(handler_is_the_one_that_was_set);
	RUN(strings_are_copied_if_they_fit);
	RUN(strings_are_copied_in_part);
	RUN(strings_are_appended);
	RUN(memory_is_copied_if_it_fits);
	RUN(words_are_taken_one_by_one);
	RUN(case_is_ignored_and_changed);
	RUN(compared_with_nothing_is_an_error);
	RUN(numbers_become_text);
	RUN(text_is_formatted_as_on_windows);
	RUN(hh_is_a_byte);
	RUN(what_does_not_fit_is_not_printed);
	RUN(what_does_not_fit_is_cut);
	RUN(old_ones_leave_the_end_away);
	RUN(arguments_may_be_a_list);
	RUN(streams_take_wide_and_narrow_text);
	RUN(text_is_read_if_it_fits);
	RUN(files_are_opened);
	RUN(sorting_has_a_context);
	RUN(times_become_parts_and_text);
	RUN(environment_is_read);
	RUN(memory_is_aligned);
	RUN(text_becomes_wide_and_narrow);
	RUN(what_is_not_text_is_replaced_or_refused);
	RUN(conversions_are_refused);
	RUN(handler_is_told_of_each_invalid_parameter);
	RUN(utf8_has_no_default_character);
	RUN(flags_of_other_pages_are_not_for_utf8);
	RUN(wide_and_narrow_as_c_does_it);
	RUN(lstr_takes_null);
	RUN(lstr_compares_words);
	RUN(strsafe_says_what_fits);
	RUN(tchar_names_are_there);
	RUN(nobody_debugs_this);
#ifndef __MINGW32__
	RUN(what_is_broken_ends);
	RUN(without_a_handler_it_returns);
	RUN(environment_is_copied);
	RUN(all_characters_are_printed);
#endif
	return tap_end();
}
