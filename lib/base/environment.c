// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a process is started with: variables, the command line; and what the machine is
 * called.
 */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base.h"
#include "../posix.h"

static BOOL fail_with(DWORD error)
{
	SetLastError(error);
	return FALSE;
}

/* Returns a text in wide characters, which the caller frees, or NULL. */
static WCHAR *widen(const char *text)
{
	int size = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
	WCHAR *wide = size > 0 ? malloc((size_t)size * sizeof(*wide)) : NULL;

	if (wide)
		MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, size);
	return wide;
}

/* Windows does not tell upper case from lower case; Linux' own name comes first. */
static const char *find_variable(const char *name)
{
	const char *value = getenv(name);
	size_t length = strlen(name), i;

	for (i = 0; !value && length && environ && environ[i]; i++)
		if (!strncasecmp(environ[i], name, length) && environ[i][length] == '=')
			value = environ[i] + length + 1;
	return value;
}

/**
 * GetEnvironmentVariableA - the value of a variable
 * @lpName: its name; if there is none, one that differs in upper and lower case is found
 * @lpBuffer: receives the value
 * @nSize: the size of that
 *
 * Return: the length of the value, which may be 0; the size that it needs, with its 0, if there
 * is not so much room; 0 if there is no such variable, and GetLastError() says
 * ERROR_ENVVAR_NOT_FOUND.
 *
 * Windows: "GetEnvironmentVariableA function".
 */
DWORD WINAPI GetEnvironmentVariableA(LPCSTR lpName, LPSTR lpBuffer, DWORD nSize)
{
	const char *value = lpName ? find_variable(lpName) : NULL;
	size_t length;

	if (!value)
		return (DWORD)fail_with(ERROR_ENVVAR_NOT_FOUND);
	length = strlen(value);
	if (length >= nSize)
		return (DWORD)length + 1;
	memcpy(lpBuffer, value, length + 1);
	return (DWORD)length;
}

/**
 * GetEnvironmentVariableW - the same, in wide characters
 * @lpName: as for GetEnvironmentVariableA()
 * @lpBuffer: receives the value
 * @nSize: the size of that, in characters
 *
 * Return: as GetEnvironmentVariableA(), or ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "GetEnvironmentVariableW function".
 */
DWORD WINAPI GetEnvironmentVariableW(LPCWSTR lpName, LPWSTR lpBuffer, DWORD nSize)
{
	char *name = lpName ? sockiocp_to_utf8(lpName) : NULL;
	const char *value = name ? find_variable(name) : NULL;
	WCHAR *wide = value ? widen(value) : NULL;
	size_t length;

	free(name);
	if (!wide)
		return (DWORD)fail_with(value || (lpName && !name) ? ERROR_NOT_ENOUGH_MEMORY :
								      ERROR_ENVVAR_NOT_FOUND);
	length = wcslen(wide);
	if (length < nSize)
		wmemcpy(lpBuffer, wide, length + 1);
	free(wide);
	return (DWORD)(length < nSize ? length : length + 1);
}

/**
 * SetEnvironmentVariableA - set a variable
 * @lpName: its name, which has no "="
 * @lpValue: the value; NULL for the variable not to be there
 *
 * As setenv(3): not while other threads look at variables.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	a bad name
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "SetEnvironmentVariableA function".
 */
BOOL WINAPI SetEnvironmentVariableA(LPCSTR lpName, LPCSTR lpValue)
{
	if (!lpName || !*lpName || strchr(lpName, '='))
		return sockiocp_fail(EINVAL);
	if (lpValue ? setenv(lpName, lpValue, 1) : unsetenv(lpName))
		return sockiocp_fail(errno);
	return TRUE;
}

/**
 * SetEnvironmentVariableW - the same, in wide characters
 * @lpName: as for SetEnvironmentVariableA()
 * @lpValue: as for SetEnvironmentVariableA()
 *
 * Return: as SetEnvironmentVariableA().
 *
 * Windows: "SetEnvironmentVariableW function".
 */
BOOL WINAPI SetEnvironmentVariableW(LPCWSTR lpName, LPCWSTR lpValue)
{
	char *name = lpName ? sockiocp_to_utf8(lpName) : NULL;
	char *value = lpValue ? sockiocp_to_utf8(lpValue) : NULL;
	BOOL done;

	if ((lpName && !name) || (lpValue && !value))
		done = sockiocp_fail(ENOMEM);
	else
		done = SetEnvironmentVariableA(name, value);
	free(name);
	free(value);
	return done;
}

static char *command_line;
static WCHAR *wide_command_line;

/* Writes an argument as Microsoft's C library takes it apart. */
static void put_argument(FILE *to, const char *argument)
{
	size_t backslashes = 0;

	if (*argument && !strpbrk(argument, " \t\n\v\"")) {
		fputs(argument, to);
		return;
	}
	fputc('"', to);
	for (; *argument; argument++) {
		if (*argument == '"') {
			/* Each backslash before it, and it itself, needs one. */
			for (backslashes++; backslashes; backslashes--)
				fputc('\\', to);
		} else {
			backslashes = *argument == '\\' ? backslashes + 1 : 0;
		}
		fputc(*argument, to);
	}
	while (backslashes--)
		fputc('\\', to);
	fputc('"', to);
}

static void make_command_line(void)
{
	FILE *from = fopen("/proc/self/cmdline", "re");
	char *argument = NULL, *text = NULL;
	size_t size = 0, room;
	FILE *to = open_memstream(&text, &room);
	bool first = true;

	while (from && to && getdelim(&argument, &size, 0, from) > 0) {
		if (!first)
			fputc(' ', to);
		first = false;
		put_argument(to, argument);
	}
	free(argument);
	if (from)
		fclose(from);
	if (to && !fclose(to))
		command_line = text;
	wide_command_line = command_line ? widen(command_line) : NULL;
}

static void need_command_line(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_command_line);
}

/**
 * GetCommandLineA - the arguments of the program, and its name, in one text
 *
 * Return: the text, of which CommandLineToArgvW() and Microsoft's C library would make the
 * same arguments; NULL if there is no memory, or no /proc.
 *
 * Windows: "GetCommandLineA function (processenv.h)".
 */
LPSTR WINAPI GetCommandLineA(void)
{
	need_command_line();
	return command_line;
}

/**
 * GetCommandLineW - the same, in wide characters
 *
 * Return: as GetCommandLineA().
 *
 * Windows: "GetCommandLineW function (processenv.h)".
 */
LPWSTR WINAPI GetCommandLineW(void)
{
	need_command_line();
	return wide_command_line;
}

/* The name that NetBIOS would have: in capitals, without the domain, 15 characters at most. */
static DWORD computer_name(char name[MAX_COMPUTERNAME_LENGTH + 1])
{
	char host[HOST_NAME_MAX + 1] = "";
	DWORD length;

	libc_gethostname(host, sizeof(host));
	for (length = 0; length < MAX_COMPUTERNAME_LENGTH; length++) {
		if (!host[length] || host[length] == '.')
			break;
		name[length] = (char)toupper((unsigned char)host[length]);
	}
	name[length] = 0;
	return length;
}

/**
 * GetComputerNameA - what the machine is called
 * @lpBuffer: receives the first part of the host's name, in capitals
 * @nSize: the size of that; receives the length of the name
 *
 * Return: nonzero; FALSE if there is not enough room, for which MAX_COMPUTERNAME_LENGTH + 1 is
 * enough: GetLastError() says ERROR_BUFFER_OVERFLOW, and @nSize receives the size.
 *
 * Windows: "GetComputerNameA function (winbase.h)".
 */
BOOL WINAPI GetComputerNameA(LPSTR lpBuffer, LPDWORD nSize)
{
	char name[MAX_COMPUTERNAME_LENGTH + 1];
	DWORD length = computer_name(name);

	if (*nSize <= length) {
		*nSize = length + 1;
		return fail_with(ERROR_BUFFER_OVERFLOW);
	}
	memcpy(lpBuffer, name, length + 1);
	*nSize = length;
	return TRUE;
}

/**
 * GetComputerNameW - the same, in wide characters
 * @lpBuffer: as for GetComputerNameA()
 * @nSize: as for GetComputerNameA()
 *
 * Return: as GetComputerNameA().
 *
 * Windows: "GetComputerNameW function (winbase.h)".
 */
BOOL WINAPI GetComputerNameW(LPWSTR lpBuffer, LPDWORD nSize)
{
	char name[MAX_COMPUTERNAME_LENGTH + 1];
	DWORD size = *nSize < sizeof(name) ? *nSize : sizeof(name);
	DWORD i;

	*nSize = size;
	if (!GetComputerNameA(name, nSize))
		return FALSE;
	/* A host's name is of ASCII. */
	for (i = 0; i <= *nSize; i++)
		lpBuffer[i] = (unsigned char)name[i];
	return TRUE;
}
