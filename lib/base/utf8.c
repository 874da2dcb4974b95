// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Characters of 8 and of 32 bits.  The first are UTF-8, whatever the locale: libc's own
 * functions do that only after setlocale(), which is the program's to call.
 */
#include <stdlib.h>
#include <wchar.h>

#include "base.h"

/*
 * Takes the next character of UTF-8 from @text, which is not @end.  What is none becomes
 * one REPLACEMENT, as long as its beginning could be one, and @valid false.
 */
unsigned int sockiocp_utf8_get(const char **text, const char *end, bool *valid)
{
	const unsigned char *p = (const unsigned char *)*text;
	unsigned int c = *p++, low = 0x80, high = 0xbf, more;

	if (c < 0x80)
		more = 0;
	else if (c >= 0xc2 && c <= 0xdf)
		more = 1;
	else if (c >= 0xe0 && c <= 0xef)
		more = 2;
	else if (c >= 0xf0 && c <= 0xf4)
		more = 3;
	else
		goto bad;

	/* Longer than need be, surrogates, and what is above the last character. */
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	if (more)
		c &= 0x3f >> more;
	while (more--) {
		if (p == (const unsigned char *)end || *p < low || *p > high)
			goto bad;
		c = c << 6 | (*p++ & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*text = (const char *)p;
	return c;

bad:
	*text = (const char *)p;
	*valid = false;
	return REPLACEMENT;
}

/*
 * Takes the next character from @text, which is not @end.  Two surrogates are one, as a
 * program may have made them for Windows' 16 bits.
 */
unsigned int sockiocp_wide_get(const wchar_t **text, const wchar_t *end, bool *valid)
{
	unsigned int c = (unsigned int)*(*text)++, next;

	if (c >= 0xd800 && c <= 0xdbff && *text != end) {
		next = (unsigned int)**text;
		if (next >= 0xdc00 && next <= 0xdfff) {
			++*text;
			return 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
		}
	}
	if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) {
		*valid = false;
		return REPLACEMENT;
	}
	return c;
}

/* Writes a character, and returns of how many bytes, UTF8_MAX at most. */
unsigned int sockiocp_utf8_put(char *to, unsigned int c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Returns a text in UTF-8, which the caller frees, or NULL. */
char *sockiocp_to_utf8(const wchar_t *text)
{
	const wchar_t *end = text + wcslen(text);
	size_t length = (size_t)(end - text);
	char *utf8 = malloc(length * UTF8_MAX + 1);
	bool valid;
	char *to;

	if (!utf8)
		return NULL;
	for (to = utf8; text != end; )
		to += sockiocp_utf8_put(to, sockiocp_wide_get(&text, end, &valid));
	*to = 0;
	return utf8;
}
