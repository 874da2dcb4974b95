// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Functions by name, in pure Win32.
 */
#include <winsock2.h>
#include <windows.h>

#include "tap.h"

#define PROGRAM "modules"

typedef DWORD (WINAPI *get_number)(void);
typedef u_short (WSAAPI *swap_bytes)(u_short value);
typedef int (WSAAPI *get_error)(void);

static void functions_are_found_by_name(void)
{
	HMODULE kernel = GetModuleHandleA("kernel32.dll"), sockets = LoadLibraryW(L"WS2_32.DLL");
	union {
		FARPROC function;
		get_number number;
		swap_bytes swap;
		get_error error;
	} found;

	ASSERT(kernel && sockets);
	EXPECT_EQ(kernel, GetModuleHandleW(L"KERNEL32"));
	EXPECT_EQ(kernel, LoadLibraryA("kernel32"));
	found.function = GetProcAddress(kernel, "GetCurrentThreadId");
	ASSERT(found.function);
	EXPECT_EQ(GetCurrentThreadId(), found.number());
	found.function = GetProcAddress(sockets, "WSAGetLastError");
	ASSERT(found.function);
	SetLastError(77);
	EXPECT_EQ(77, found.error());
	found.function = GetProcAddress(sockets, "htons");
	ASSERT(found.function);
	EXPECT_EQ(htons(0x1234), found.swap(0x1234));
	EXPECT(GetProcAddress(sockets, "socket"));
	EXPECT(GetProcAddress(sockets, "getaddrinfo"));
	EXPECT(GetProcAddress(kernel, "GetQueuedCompletionStatusEx"));
	EXPECT(GetProcAddress(GetModuleHandleA("ntdll"), "RtlFirstEntrySList"));
	EXPECT(LoadLibraryExA("mswsock.dll", NULL, 0));
	EXPECT(FreeLibrary(sockets));
	EXPECT(FreeLibrary(kernel));
}

static void what_is_not_there_is_said(void)
{
	HMODULE kernel = GetModuleHandleA("kernel32");

	EXPECT_ERROR(ERROR_PROC_NOT_FOUND, GetProcAddress(kernel, "NoSuchFunction"));
	EXPECT_ERROR(ERROR_PROC_NOT_FOUND, GetProcAddress(kernel, "getcurrentthreadid"));
	EXPECT_ERROR(ERROR_PROC_NOT_FOUND, GetProcAddress(kernel, "WSASend"));
	EXPECT_ERROR(ERROR_MOD_NOT_FOUND, LoadLibraryA("no-such-module.dll"));
	EXPECT_ERROR(ERROR_MOD_NOT_FOUND, LoadLibraryW(L"no-such-module"));
	EXPECT_ERROR(ERROR_MOD_NOT_FOUND, GetModuleHandleA("no-such-module.dll"));
	EXPECT_ERROR(ERROR_MOD_NOT_FOUND, GetModuleHandleW(L"kernel32.dl"));
	EXPECT_ERROR(ERROR_MOD_NOT_FOUND, FreeLibrary((HMODULE)(ULONG_PTR)0x1230));
	EXPECT_ERROR(ERROR_MOD_NOT_FOUND,
		     GetProcAddress((HMODULE)(ULONG_PTR)0x1230, "GetLastError"));
}

static void program_has_a_file(void)
{
	HMODULE program = GetModuleHandleA(NULL);
	WCHAR wide[1000], shorter[4];
	char name[1000];
	DWORD length, i;

	ASSERT(program);
	EXPECT_EQ(program, GetModuleHandleW(NULL));
	length = GetModuleFileNameA(NULL, name, sizeof(name));
	ASSERT(length > 3);
	EXPECT_EQ(length, strlen(name));
	EXPECT_EQ(length, GetModuleFileNameA(program, name, sizeof(name)));
	EXPECT(strstr(name, "modules"));
	EXPECT_EQ(length, GetModuleFileNameW(NULL, wide, 1000));
	for (i = 0; i <= length; i++)
		EXPECT_EQ(name[i], wide[i]);
	memset(name, 'x', sizeof(name));
	SetLastError(0xdead);
	EXPECT_EQ(4, GetModuleFileNameA(NULL, name, 4));
	EXPECT_EQ(ERROR_INSUFFICIENT_BUFFER, GetLastError());
	EXPECT_EQ(0, name[3]);
	EXPECT_EQ('x', name[4]);
	EXPECT_EQ(4, GetModuleFileNameW(NULL, shorter, 4));
	EXPECT_EQ(ERROR_INSUFFICIENT_BUFFER, GetLastError());
	EXPECT_EQ(0, shorter[3]);
}

static void statuses_are_translated(void)
{
	ULONG (NTAPI *translate)(LONG status);

	translate = (ULONG (NTAPI *)(LONG))(ULONG_PTR)
		GetProcAddress(GetModuleHandleA("ntdll.dll"), "RtlNtStatusToDosError");
	ASSERT(translate);
	EXPECT_EQ(0, translate(0));
	EXPECT_EQ(ERROR_IO_PENDING, translate(0x103));
	EXPECT_EQ(ERROR_OPERATION_ABORTED, translate((LONG)0xc0000120));
	EXPECT_EQ(ERROR_NETNAME_DELETED, translate((LONG)0xc000020d));
	EXPECT_EQ(ERROR_CONNECTION_REFUSED, translate((LONG)0xc0000236));
	/* As libuv makes one of an error. */
	EXPECT_EQ(WSAENOTSOCK, translate((LONG)(0x80070000 | WSAENOTSOCK)));
	EXPECT_EQ(ERROR_MR_MID_NOT_FOUND, translate((LONG)0xcfffffff));
}

int main(void)
{
	RUN(functions_are_found_by_name);
	RUN(what_is_not_there_is_said);
	RUN(program_has_a_file);
	RUN(statuses_are_translated);
	return tap_end();
}
