/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What a Windows program finds beside I/O: a layer over libc, one file for each family.
 * Ports, sockets and events (in the directory above) know nothing of it.
 */
#ifndef _SOCKIOCP_BASE_H
#define _SOCKIOCP_BASE_H

#include <stdbool.h>
#include <stddef.h>

#include "../internal.h"

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

#endif /* _SOCKIOCP_BASE_H */
