/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What a Windows program finds beside I/O: a layer over libc, one file for each family.
 * Ports, sockets and events (in the directory above) know nothing of it.
 */
#ifndef _SOCKIOCP_BASE_H
#define _SOCKIOCP_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "../internal.h"

/* invalid.c */
errno_t sockiocp_invalid(errno_t err);

/* utf8.c */
#define UTF8_MAX	4
#define REPLACEMENT	0xfffdu

unsigned int sockiocp_utf8_get(const char **text, const char *end, bool *valid);
unsigned int sockiocp_wide_get(const wchar_t **text, const wchar_t *end, bool *valid);
unsigned int sockiocp_utf8_put(char *to, unsigned int character);
char *sockiocp_to_utf8(const wchar_t *text);

/* file.c */
struct stat;

DWORD sockiocp_file_error(int err);
int sockiocp_file_stat(HANDLE file, struct stat *st);

/* format.c */

/* Where characters go: into an array, which grows if it is to. */
struct sockiocp_sink {
	/* Of wchar_t; else of char, in UTF-8. */
	bool wide, grows;
	void *to;
	/* How many fit, how many there are (or would be), how many the format has made. */
	size_t size, length, count;
};

bool sockiocp_format(struct sockiocp_sink *sink, const void *format, bool wide_format,
		     va_list arguments);

#endif /* _SOCKIOCP_BASE_H */
