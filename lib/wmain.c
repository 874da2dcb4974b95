// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The beginning of a program that has a wmain() and no main().
 *
 * It is an archive of its own, libsockiocp_wmain.a: the linker takes it in only where
 * nobody else has a main().  So it calls what the library exports, and nothing else.
 */
#include <windows.h>
#include <stdio.h>

int wmain(int argc, WCHAR **argv);

/* Arguments are in UTF-8; what is not becomes U+FFFD, as file names do. */
static WCHAR *wide(const char *text)
{
	int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
	WCHAR *copy = malloc((size_t)length * sizeof(*copy));

	if (copy && MultiByteToWideChar(CP_UTF8, 0, text, -1, copy, length))
		return copy;
	fprintf(stderr, "no memory for the arguments of wmain()\n");
	abort();
}

int main(int argc, char **argv)
{
	WCHAR **arguments = calloc((size_t)argc + 1, sizeof(*arguments));
	int i;

	if (!arguments)
		abort();
	for (i = 0; i < argc; i++)
		arguments[i] = wide(argv[i]);
	return wmain(argc, arguments);
}
