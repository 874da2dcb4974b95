// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a process is started with, and what it runs on, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "environment"

static void variables_are_set_and_read(void)
{
	WCHAR wide[8];
	char text[8];

	EXPECT_ERROR(ERROR_ENVVAR_NOT_FOUND, GetEnvironmentVariableA("SOCKIOCP_TEST", text, 8));
	EXPECT(SetEnvironmentVariableA("SOCKIOCP_TEST", NULL));
	EXPECT(SetEnvironmentVariableA("SOCKIOCP_TEST", "hello"));
	EXPECT_EQ(5, GetEnvironmentVariableA("SOCKIOCP_TEST", text, 8));
	EXPECT_EQ(0, strcmp(text, "hello"));
	EXPECT_EQ(5, GetEnvironmentVariableA("Sockiocp_Test", text, 6));
	text[0] = 'x';
	EXPECT_EQ(6, GetEnvironmentVariableA("SOCKIOCP_TEST", text, 5));
	EXPECT_EQ(6, GetEnvironmentVariableA("SOCKIOCP_TEST", NULL, 0));
	EXPECT_EQ(5, GetEnvironmentVariableW(L"SOCKIOCP_TEST", wide, 8));
	EXPECT_EQ(0, wcscmp(wide, L"hello"));
	EXPECT_EQ(6, GetEnvironmentVariableW(L"SOCKIOCP_TEST", wide, 5));
	EXPECT(SetEnvironmentVariableW(L"SOCKIOCP_TEST", L""));
	SetLastError(0xdead);
	EXPECT_EQ(0, GetEnvironmentVariableA("SOCKIOCP_TEST", text, 8));
	EXPECT_EQ(0xdead, GetLastError());
	EXPECT_EQ(1, GetEnvironmentVariableA("SOCKIOCP_TEST", NULL, 0));
	EXPECT(SetEnvironmentVariableA("SOCKIOCP_TEST", NULL));
	EXPECT_ERROR(ERROR_ENVVAR_NOT_FOUND, GetEnvironmentVariableW(L"SOCKIOCP_TEST", wide, 8));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SetEnvironmentVariableA("A=B", "hello"));
}

static void command_line_begins_with_the_program(void)
{
	LPSTR line = GetCommandLineA();
	LPWSTR wide = GetCommandLineW();

	ASSERT(line && wide);
	EXPECT(strstr(line, "environment"));
	EXPECT(wcsstr(wide, L"environment"));
	EXPECT_EQ(line, GetCommandLineA());
}

static void machine_has_a_name(void)
{
	char name[MAX_COMPUTERNAME_LENGTH + 1];
	WCHAR wide[MAX_COMPUTERNAME_LENGTH + 1];
	DWORD size = sizeof(name), length, i;

	ASSERT(GetComputerNameA(name, &size));
	length = size;
	EXPECT(length > 0);
	EXPECT_EQ(length, strlen(name));
	for (i = 0; i < length; i++)
		EXPECT(name[i] < 'a' || name[i] > 'z');
	size = MAX_COMPUTERNAME_LENGTH + 1;
	EXPECT(GetComputerNameW(wide, &size));
	EXPECT_EQ(length, size);
	EXPECT_EQ(name[0], wide[0]);
	size = length;
	EXPECT_ERROR(ERROR_BUFFER_OVERFLOW, GetComputerNameA(name, &size));
	EXPECT_EQ(length + 1, size);
}

static void system_has_a_version(void)
{
	OSVERSIONINFOEXW wide = { .dwOSVersionInfoSize = sizeof(wide) };
	OSVERSIONINFOA plain = { .dwOSVersionInfoSize = sizeof(plain) };

	ASSERT(GetVersionExA(&plain));
	ASSERT(GetVersionExW((LPOSVERSIONINFOW)&wide));
	EXPECT_EQ(sizeof(wide), wide.dwOSVersionInfoSize);
	EXPECT_EQ(plain.dwMajorVersion, wide.dwMajorVersion);
	EXPECT_EQ(plain.dwBuildNumber, wide.dwBuildNumber);
	EXPECT_EQ(VER_PLATFORM_WIN32_NT, wide.dwPlatformId);
	EXPECT(wide.dwMajorVersion >= 6);
	plain.dwOSVersionInfoSize = 7;
	EXPECT_ERROR(ERROR_INSUFFICIENT_BUFFER, GetVersionExA(&plain));
	wide.dwOSVersionInfoSize = 7;
	EXPECT(!GetVersionExW((LPOSVERSIONINFOW)&wide));
}

static void error_mode_is_kept(void)
{
	UINT before = SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);

	EXPECT_EQ(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX, GetErrorMode());
	EXPECT_EQ(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX,
		  SetErrorMode(SEM_NOOPENFILEERRORBOX));
	EXPECT_EQ(SEM_NOOPENFILEERRORBOX, SetErrorMode(before));
}

int main(void)
{
	RUN(variables_are_set_and_read);
	RUN(command_line_begins_with_the_program);
	RUN(machine_has_a_name);
	RUN(system_has_a_version);
	RUN(error_mode_is_kept);
	return tap_end();
}
