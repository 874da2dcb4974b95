// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Modules: what programs ask for functions by name, to learn whether they are there.
 *
 * There are those of Windows whose functions this library has, and the program.  Nothing is
 * ever loaded.  lib/list-functions makes the list of functions, of the headers and of what
 * the library exports; what only says that it is not supported is not in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base.h"

#pragma GCC visibility push(default)
#include <mswsock.h>
#include <winternl.h>
#pragma GCC visibility pop

/* As a number for the name of a function; Windows' limit. */
#define LAST_ORDINAL	0xffff

/* A module's handle is the address of its name. */
static const char *const modules[] = { "kernel32", "ws2_32", "mswsock", "ntdll" };
static const char program[] = "";

struct function {
	const char *module, *name;
	void (*address)(void);
};

#define EXPORT(module, name)	{ module, #name, (void (*)(void))(name) },
static const struct function functions[] = {
#include "exports.h"
};

static HMODULE handle_of(const char *const *module)
{
	return (HMODULE)(uintptr_t)module;
}

/* Returns NULL for what is not the handle of a module of Windows. */
static const char *const *module_of(HMODULE handle)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(modules); i++)
		if (handle == handle_of(&modules[i]))
			return &modules[i];
	return NULL;
}

static HMODULE find_module(const char *name)
{
	size_t length, i;
	const char *p;

	for (p = name; *p; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	length = strlen(name);
	if (length > 4 && !strcasecmp(name + length - 4, ".dll"))
		length -= 4;
	for (i = 0; i < ARRAY_LEN(modules); i++)
		if (strlen(modules[i]) == length && !strncasecmp(name, modules[i], length))
			return handle_of(&modules[i]);
	SetLastError(ERROR_MOD_NOT_FOUND);
	return NULL;
}

/**
 * LoadLibraryA - a module of Windows
 * @lpLibFileName: "kernel32", "ws2_32", "mswsock" or "ntdll", in any case, with or without
 *	".dll", and with or without a path
 *
 * Return: its handle, which need not be given to FreeLibrary(); NULL for others, which are
 * dlopen(3)'s, and GetLastError() says ERROR_MOD_NOT_FOUND, or for NULL
 * ERROR_INVALID_PARAMETER.
 *
 * Windows: "LoadLibraryA function (libloaderapi.h)".
 */
HMODULE WINAPI LoadLibraryA(LPCSTR lpLibFileName)
{
	if (lpLibFileName)
		return find_module(lpLibFileName);
	sockiocp_fail(EINVAL);
	return NULL;
}

/**
 * LoadLibraryW - the same, in wide characters
 * @lpLibFileName: as for LoadLibraryA()
 *
 * Return: as LoadLibraryA().
 *
 * Windows: "LoadLibraryW function (libloaderapi.h)".
 */
HMODULE WINAPI LoadLibraryW(LPCWSTR lpLibFileName)
{
	char *name = lpLibFileName ? sockiocp_to_utf8(lpLibFileName) : NULL;
	HMODULE module;

	if (lpLibFileName && !name) {
		sockiocp_fail(ENOMEM);
		return NULL;
	}
	module = LoadLibraryA(name);
	free(name);
	return module;
}

/**
 * LoadLibraryExA - the same
 * @lpLibFileName: as for LoadLibraryA()
 * @hFile: NULL
 * @dwFlags: where to look for it, which is ignored
 *
 * Return: as LoadLibraryA().
 *
 * Windows: "LoadLibraryExA function (libloaderapi.h)".
 */
HMODULE WINAPI LoadLibraryExA(LPCSTR lpLibFileName, HANDLE hFile, DWORD dwFlags)
{
	(void)hFile;
	(void)dwFlags;
	return LoadLibraryA(lpLibFileName);
}

/**
 * LoadLibraryExW - the same, in wide characters
 * @lpLibFileName: as for LoadLibraryA()
 * @hFile: NULL
 * @dwFlags: ignored
 *
 * Return: as LoadLibraryA().
 *
 * Windows: "LoadLibraryExW function (libloaderapi.h)".
 */
HMODULE WINAPI LoadLibraryExW(LPCWSTR lpLibFileName, HANDLE hFile, DWORD dwFlags)
{
	(void)hFile;
	(void)dwFlags;
	return LoadLibraryW(lpLibFileName);
}

/**
 * GetModuleHandleA - a module that is there
 * @lpModuleName: as for LoadLibraryA(); NULL for the program
 *
 * Return: as LoadLibraryA(); for NULL a handle of the program, which has no functions.
 *
 * Windows: "GetModuleHandleA function (libloaderapi.h)".
 */
HMODULE WINAPI GetModuleHandleA(LPCSTR lpModuleName)
{
	return lpModuleName ? find_module(lpModuleName) : (HMODULE)(uintptr_t)program;
}

/**
 * GetModuleHandleW - the same, in wide characters
 * @lpModuleName: as for GetModuleHandleA()
 *
 * Return: as GetModuleHandleA().
 *
 * Windows: "GetModuleHandleW function (libloaderapi.h)".
 */
HMODULE WINAPI GetModuleHandleW(LPCWSTR lpModuleName)
{
	return lpModuleName ? LoadLibraryW(lpModuleName) : GetModuleHandleA(NULL);
}

/**
 * GetProcAddress - a function by its name
 * @hModule: a handle of LoadLibrary() or GetModuleHandle()
 * @lpProcName: the name; a number is not supported
 *
 * Return: the function; NULL if it fails, and GetLastError() says why:
 *   ERROR_PROC_NOT_FOUND	no such function in this module
 *   ERROR_INVALID_ORDINAL	a number
 *   ERROR_MOD_NOT_FOUND	not a module's handle
 *
 * Windows: "GetProcAddress function (libloaderapi.h)".
 */
FARPROC WINAPI GetProcAddress(HMODULE hModule, LPCSTR lpProcName)
{
	const char *const *module = module_of(hModule);
	DWORD error = ERROR_PROC_NOT_FOUND;
	size_t i;

	if (!module && hModule && hModule != GetModuleHandleA(NULL))
		error = ERROR_MOD_NOT_FOUND;
	else if ((uintptr_t)lpProcName <= LAST_ORDINAL)
		error = ERROR_INVALID_ORDINAL;
	else
		for (i = 0; module && i < ARRAY_LEN(functions); i++)
			if (!strcmp(functions[i].module, *module) &&
			    !strcmp(functions[i].name, lpProcName))
				return (FARPROC)functions[i].address;
	SetLastError(error);
	return NULL;
}

/**
 * FreeLibrary - say that a module is not needed any more
 * @hLibModule: its handle, which stays good
 *
 * Return: nonzero; FALSE for what is no handle of a module, and GetLastError() says
 * ERROR_MOD_NOT_FOUND.
 *
 * Windows: "FreeLibrary function (libloaderapi.h)".
 */
BOOL WINAPI FreeLibrary(HMODULE hLibModule)
{
	if (module_of(hLibModule) || hLibModule == GetModuleHandleA(NULL))
		return TRUE;
	SetLastError(ERROR_MOD_NOT_FOUND);
	return FALSE;
}

/* Returns the file of the program, which the caller frees; NULL, and says why. */
static char *program_name(HMODULE module)
{
	char name[PATH_MAX];
	ssize_t length;

	if (module && module != GetModuleHandleA(NULL)) {
		SetLastError(ERROR_MOD_NOT_FOUND);
		return NULL;
	}
	length = readlink("/proc/self/exe", name, sizeof(name) - 1);
	if (length < 0) {
		sockiocp_fail(errno);
		return NULL;
	}
	return strndup(name, (size_t)length);
}

/**
 * GetModuleFileNameA - the file of the program
 * @hModule: NULL, or GetModuleHandle(NULL)
 * @lpFilename: receives its name
 * @nSize: the size of that
 *
 * Return: the length of the name; @nSize if it was cut to that, with its 0, and
 * GetLastError() says ERROR_INSUFFICIENT_BUFFER; 0 if it fails, and GetLastError() says
 *   ERROR_MOD_NOT_FOUND	another module, which has no file
 *
 * Windows: "GetModuleFileNameA function (libloaderapi.h)".
 */
DWORD WINAPI GetModuleFileNameA(HMODULE hModule, LPSTR lpFilename, DWORD nSize)
{
	char *name = program_name(hModule);
	DWORD length = name ? (DWORD)strlen(name) : 0;

	SetLastError(name ? ERROR_SUCCESS : GetLastError());
	if (name && length >= nSize) {
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		length = nSize;
	}
	if (name && nSize)
		snprintf(lpFilename, nSize, "%s", name);
	free(name);
	return length;
}

/**
 * GetModuleFileNameW - the same, in wide characters
 * @hModule: as for GetModuleFileNameA()
 * @lpFilename: receives the name
 * @nSize: the size of that, in characters
 *
 * Return: as GetModuleFileNameA().
 *
 * Windows: "GetModuleFileNameW function (libloaderapi.h)".
 */
DWORD WINAPI GetModuleFileNameW(HMODULE hModule, LPWSTR lpFilename, DWORD nSize)
{
	char *name = program_name(hModule);
	const char *from = name, *end = name ? name + strlen(name) : name;
	DWORD length = 0;
	bool valid;

	if (!name)
		return 0;
	SetLastError(ERROR_SUCCESS);
	while (from != end && length + 1 < nSize)
		lpFilename[length++] = (WCHAR)sockiocp_utf8_get(&from, end, &valid);
	if (nSize)
		lpFilename[length] = 0;
	if (from != end) {
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		length = nSize;
	}
	free(name);
	return length;
}
