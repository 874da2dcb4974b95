// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Asynchronous procedure calls in pure Win32: functions that a thread calls while it waits
 * alertably.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "calls"

static ULONG_PTR called[8];
static LONG nr_called;

static void NTAPI note(ULONG_PTR value)
{
	called[nr_called++ % 8] = value;
}

static void NTAPI queue_another(ULONG_PTR value)
{
	note(value);
	QueueUserAPC(note, GetCurrentThread(), value + 1);
}

static void sleep_calls_them_in_their_order(void)
{
	nr_called = 0;
	ASSERT(QueueUserAPC(note, GetCurrentThread(), 1));
	ASSERT(QueueUserAPC(note, GetCurrentThread(), 2));
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(0, SleepEx(0, FALSE));
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(INFINITE, TRUE));
	ASSERT_EQ(2, nr_called);
	EXPECT_EQ(1, called[0]);
	EXPECT_EQ(2, called[1]);
	EXPECT_EQ(0, SleepEx(0, TRUE));
}

static void what_is_queued_meanwhile_is_called_too(void)
{
	nr_called = 0;
	ASSERT(QueueUserAPC(queue_another, GetCurrentThread(), 5));
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(0, TRUE));
	ASSERT_EQ(2, nr_called);
	EXPECT_EQ(6, called[1]);
}

static void harvest_that_is_alertable_calls_them(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	OVERLAPPED_ENTRY entry;
	ULONG n = 77;

	nr_called = 0;
	ASSERT(port);
	ASSERT(QueueUserAPC(note, GetCurrentThread(), 7));
	EXPECT_ERROR(WAIT_TIMEOUT,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, 0, FALSE));
	EXPECT_EQ(0, nr_called);
	EXPECT_ERROR(WAIT_IO_COMPLETION,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, INFINITE, TRUE));
	EXPECT_EQ(1, nr_called);
	EXPECT(CloseHandle(port));
}

static DWORD WINAPI sleep_alertably(LPVOID argument)
{
	InterlockedExchange((volatile LONG *)argument, 1);
	return SleepEx(COMES, TRUE);
}

static void thread_that_sleeps_is_woken(void)
{
	volatile LONG at_it = 0;
	HANDLE thread;
	DWORD code = 77;

	nr_called = 0;
	thread = CreateThread(NULL, 0, sleep_alertably, (void *)&at_it, 0, NULL);
	ASSERT(thread);
	while (!at_it)
		Sleep(1);
	Sleep(STAYS);
	EXPECT(QueueUserAPC(note, thread, 9));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(WAIT_IO_COMPLETION, code);
	EXPECT_EQ(1, nr_called);
	EXPECT(CloseHandle(thread));
}

static DWORD WINAPI do_nothing(LPVOID argument)
{
	(void)argument;
	return 0;
}

static void thread_that_has_ended_takes_none(void)
{
	HANDLE thread = CreateThread(NULL, 0, do_nothing, NULL, 0, NULL);

	ASSERT(thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_ERROR(ERROR_GEN_FAILURE, QueueUserAPC(note, thread, 1));
	EXPECT(CloseHandle(thread));
}

static void what_is_no_thread_is_an_invalid_handle(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);

	ASSERT(port);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, QueueUserAPC(note, port, 1));
	EXPECT(CloseHandle(port));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, QueueUserAPC(note, NULL, 1));
}

int main(void)
{
	RUN(sleep_calls_them_in_their_order);
	RUN(what_is_queued_meanwhile_is_called_too);
	RUN(harvest_that_is_alertable_calls_them);
	RUN(thread_that_sleeps_is_woken);
	RUN(thread_that_has_ended_takes_none);
	RUN(what_is_no_thread_is_an_invalid_handle);
	return tap_end();
}
