/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Threads of a test.  Behind tap.h. */
#ifndef SELFTESTS_WIN32_THREADS_H
#define SELFTESTS_WIN32_THREADS_H

#include <windows.h>

#include "tap.h"

static __inline HANDLE start(LPTHREAD_START_ROUTINE routine, LPVOID argument)
{
	return CreateThread(NULL, 0, routine, argument, 0, NULL);
}

/* Waits for a thread so many ms, and returns its exit code. */
static __inline DWORD end_within(HANDLE thread, DWORD ms)
{
	DWORD code = 0xdead;

	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, ms));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT(CloseHandle(thread));
	return code;
}

static __inline DWORD end(HANDLE thread)
{
	return end_within(thread, COMES);
}

#endif /* SELFTESTS_WIN32_THREADS_H */
