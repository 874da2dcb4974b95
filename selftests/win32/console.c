// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Standard handles and the console's functions, in pure Win32, as far as they can be asked
 * without a console.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "console"

static void standard_handles_stay_the_same(void)
{
	HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE), event;

	EXPECT(out && out != INVALID_HANDLE_VALUE);
	EXPECT_EQ(out, GetStdHandle(STD_OUTPUT_HANDLE));
	event = CreateEventA(NULL, FALSE, FALSE, NULL);
	EXPECT(SetStdHandle(STD_ERROR_HANDLE, event));
	EXPECT_EQ(event, GetStdHandle(STD_ERROR_HANDLE));
	EXPECT(SetStdHandle(STD_ERROR_HANDLE, NULL));
	EXPECT_EQ(NULL, GetStdHandle(STD_ERROR_HANDLE));
	EXPECT(CloseHandle(event));
}

static void other_numbers_are_refused(void)
{
	SetLastError(0xdead);
	EXPECT_EQ(INVALID_HANDLE_VALUE, GetStdHandle(0));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0xdead);
	EXPECT_EQ(INVALID_HANDLE_VALUE, GetStdHandle((DWORD)-13));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetStdHandle(77, NULL));
}

static void what_is_no_console_is_an_invalid_handle(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	DWORD n;

	ASSERT(event);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetConsoleMode(event, &n));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetConsoleMode(event, 0));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, WriteConsoleA(event, "x", 1, &n, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, WriteConsoleW(event, L"x", 1, &n, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReadConsoleA(event, &n, 1, &n, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReadConsoleW(event, &n, 1, &n, NULL));
	EXPECT(CloseHandle(event));
}

static BOOL WINAPI handle_it(DWORD event)
{
	(void)event;
	return TRUE;
}

static void functions_are_added_and_taken_away(void)
{
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SetConsoleCtrlHandler(handle_it, FALSE));
	EXPECT(SetConsoleCtrlHandler(handle_it, TRUE));
	EXPECT(SetConsoleCtrlHandler(handle_it, TRUE));
	EXPECT(SetConsoleCtrlHandler(handle_it, FALSE));
	EXPECT(SetConsoleCtrlHandler(handle_it, FALSE));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SetConsoleCtrlHandler(handle_it, FALSE));
	EXPECT(SetConsoleCtrlHandler(NULL, TRUE));
	EXPECT(SetConsoleCtrlHandler(NULL, FALSE));
}

int main(void)
{
	RUN(standard_handles_stay_the_same);
	RUN(other_numbers_are_refused);
	RUN(what_is_no_console_is_an_invalid_handle);
	RUN(functions_are_added_and_taken_away);
	return tap_end();
}
