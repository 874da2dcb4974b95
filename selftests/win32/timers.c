// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waitable timers in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "timers"

/* In units of 100 ns. */
#define UNITS_PER_MS	10000LL

static BOOL set_with(HANDLE timer, LONGLONG ms, LONG period, PTIMERAPCROUTINE routine,
		     void *argument)
{
	LARGE_INTEGER due;

	due.QuadPart = -ms * UNITS_PER_MS;
	return SetWaitableTimer(timer, &due, period, routine, argument, FALSE);
}

static BOOL set(HANDLE timer, LONGLONG ms, LONG period)
{
	return set_with(timer, ms, period, NULL, NULL);
}

static void one_that_resets_itself_ends_one_wait(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	ULONGLONG began;

	ASSERT(timer);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, 0));
	began = milliseconds();
	EXPECT(set(timer, 100, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	EXPECT(milliseconds() - began >= 100 - 16);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, STAYS));
	EXPECT(CloseHandle(timer));
}

static void manual_one_stays_signalled_until_it_is_set(void)
{
	HANDLE timer = CreateWaitableTimerW(NULL, TRUE, NULL);

	ASSERT(timer);
	EXPECT(set(timer, 0, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, 0));
	EXPECT(set(timer, 10 * COMES, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, 0));
	EXPECT(CloseHandle(timer));
}

static void flags_make_both_kinds(void)
{
	HANDLE manual = CreateWaitableTimerExA(NULL, NULL, CREATE_WAITABLE_TIMER_MANUAL_RESET,
					       TIMER_ALL_ACCESS);
	HANDLE itself = CreateWaitableTimerExW(NULL, NULL, 0, TIMER_ALL_ACCESS);

	ASSERT(manual && itself);
	EXPECT(set(manual, 0, 0));
	EXPECT(set(itself, 0, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(manual, COMES));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(manual, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(itself, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(itself, 0));
	EXPECT(CloseHandle(manual));
	EXPECT(CloseHandle(itself));
}

static void period_signals_again(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	int i;

	ASSERT(timer);
	EXPECT(set(timer, 10, 20));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	EXPECT(CancelWaitableTimer(timer));
	/* What was due before that may be there. */
	WaitForSingleObject(timer, 0);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, STAYS));
	EXPECT(CloseHandle(timer));
}

static void cancelling_leaves_the_state(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, TRUE, NULL);

	ASSERT(timer);
	EXPECT(set(timer, 0, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	EXPECT(CancelWaitableTimer(timer));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, 0));
	EXPECT(set(timer, 50, 0));
	EXPECT(CancelWaitableTimer(timer));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, STAYS));
	EXPECT(CloseHandle(timer));
}

static void time_of_the_day_is_a_time(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	ULONGLONG began;
	LARGE_INTEGER due;
	FILETIME now;

	ASSERT(timer);
	/* In 1601. */
	due.QuadPart = 1;
	EXPECT(SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	GetSystemTimeAsFileTime(&now);
	due.u.LowPart = now.dwLowDateTime;
	due.u.HighPart = (LONG)now.dwHighDateTime;
	due.QuadPart += 200 * UNITS_PER_MS;
	began = milliseconds();
	EXPECT(SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(timer, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	EXPECT(milliseconds() - began >= 200 - 32);
	EXPECT(CloseHandle(timer));
}

static void what_is_no_timer_is_an_invalid_handle(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);

	ASSERT(event && timer);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, set(event, 0, 0));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CancelWaitableTimer(event));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetEvent(timer));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ResetEvent(timer));
	EXPECT(CloseHandle(timer));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, set(timer, 0, 0));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CancelWaitableTimer(timer));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CancelWaitableTimer(NULL));
	EXPECT(CloseHandle(event));
}

static void negative_period_is_refused(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);

	ASSERT(timer);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, set(timer, 0, -1));
	EXPECT(CloseHandle(timer));
}

static LONG nr_called;
static void *called_with;
static ULONGLONG called_at;

static VOID CALLBACK note(LPVOID argument, DWORD low, DWORD high)
{
	nr_called++;
	called_with = argument;
	called_at = low | (ULONGLONG)high << 32;
}

static void function_is_called_in_an_alertable_wait_only(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);

	ASSERT(timer && event);
	nr_called = 0;
	EXPECT(set_with(timer, 20, 0, note, &timer));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, STAYS));
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForSingleObjectEx(event, INFINITE, TRUE));
	EXPECT_EQ(1, nr_called);
	EXPECT(called_with == &timer);
	/* It is signalled all the same. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, 0));
	EXPECT_EQ(0, SleepEx(STAYS, TRUE));
	EXPECT_EQ(1, nr_called);
	EXPECT(CloseHandle(timer));
	EXPECT(CloseHandle(event));
}

static ULONGLONG time_now(void)
{
	FILETIME now;

	GetSystemTimeAsFileTime(&now);
	return now.dwLowDateTime | (ULONGLONG)now.dwHighDateTime << 32;
}

static void function_is_told_when_it_was_due(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	ULONGLONG began = time_now();

	ASSERT(timer);
	nr_called = 0;
	EXPECT(set_with(timer, 50, 0, note, NULL));
	Sleep(2 * STAYS);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(INFINITE, TRUE));
	EXPECT_EQ(1, nr_called);
	EXPECT(called_at >= began + 25 * UNITS_PER_MS);
	EXPECT(called_at <= time_now() - STAYS * UNITS_PER_MS);
	EXPECT(CloseHandle(timer));
}

static void function_wakes_every_kind_of_alertable_wait(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	HANDLE event[2] = { CreateEventA(NULL, FALSE, FALSE, NULL),
			    CreateEventA(NULL, FALSE, FALSE, NULL) };
	OVERLAPPED_ENTRY entry;
	ULONG n;

	ASSERT(timer && event[0] && event[1]);
	nr_called = 0;
	EXPECT(set_with(timer, 50, 0, note, NULL));
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(INFINITE, TRUE));
	EXPECT(set_with(timer, 50, 0, note, NULL));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForSingleObjectEx(event[0], COMES, TRUE));
	EXPECT(set_with(timer, 50, 0, note, NULL));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForMultipleObjectsEx(2, event, FALSE, COMES, TRUE));
	EXPECT(set_with(timer, 50, 0, note, NULL));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForMultipleObjectsEx(2, event, TRUE, INFINITE,
							       TRUE));
	EXPECT_EQ(4, nr_called);
	ASSERT(port);
	EXPECT(set_with(timer, 50, 0, note, NULL));
	EXPECT_ERROR(WAIT_IO_COMPLETION,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, COMES, TRUE));
	EXPECT(set_with(timer, 50, 0, note, NULL));
	EXPECT_ERROR(WAIT_IO_COMPLETION,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, INFINITE, TRUE));
	EXPECT_EQ(6, nr_called);
	EXPECT_ERROR(WAIT_TIMEOUT,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, 10, TRUE));
	EXPECT(CloseHandle(port));
	EXPECT(CloseHandle(timer));
	EXPECT(CloseHandle(event[0]));
	EXPECT(CloseHandle(event[1]));
}

static void function_of_a_period_is_called_again(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	int i, before;

	ASSERT(timer);
	nr_called = 0;
	EXPECT(set_with(timer, 20, 20, note, NULL));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(INFINITE, TRUE));
	EXPECT(nr_called >= 3);
	/* Not as often as it was due; but it may become due again meanwhile. */
	before = nr_called;
	Sleep(40 * 20);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(0, TRUE));
	EXPECT(nr_called > before && nr_called - before < 20);
	EXPECT(CloseHandle(timer));
}

static void function_is_not_called_after_cancelling(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);

	ASSERT(timer);
	nr_called = 0;
	EXPECT(set_with(timer, 0, 0, note, NULL));
	Sleep(STAYS);
	EXPECT(CancelWaitableTimer(timer));
	EXPECT_EQ(0, SleepEx(0, TRUE));
	EXPECT(set_with(timer, 0, 0, note, NULL));
	Sleep(STAYS);
	EXPECT(set(timer, 10 * COMES, 0));
	EXPECT_EQ(0, SleepEx(0, TRUE));
	EXPECT(set_with(timer, STAYS, 0, note, NULL));
	EXPECT(CloseHandle(timer));
	EXPECT_EQ(0, SleepEx(2 * STAYS, TRUE));
	EXPECT_EQ(0, nr_called);
}

static DWORD WINAPI sleep_alertably(LPVOID argument)
{
	(void)argument;
	return SleepEx(2 * STAYS, TRUE);
}

static void function_is_for_the_thread_that_has_set_the_timer(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL), thread;
	DWORD code = 77;

	ASSERT(timer);
	nr_called = 0;
	EXPECT(set_with(timer, 10, 0, note, NULL));
	thread = CreateThread(NULL, 0, sleep_alertably, NULL, 0, NULL);
	ASSERT(thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(0, code);
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(0, TRUE));
	EXPECT_EQ(1, nr_called);
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(timer));
}

int main(void)
{
	RUN(one_that_resets_itself_ends_one_wait);
	RUN(manual_one_stays_signalled_until_it_is_set);
	RUN(flags_make_both_kinds);
	RUN(period_signals_again);
	RUN(cancelling_leaves_the_state);
	RUN(time_of_the_day_is_a_time);
	RUN(what_is_no_timer_is_an_invalid_handle);
	RUN(negative_period_is_refused);
	RUN(function_is_called_in_an_alertable_wait_only);
	RUN(function_is_told_when_it_was_due);
	RUN(function_wakes_every_kind_of_alertable_wait);
	RUN(function_of_a_period_is_called_again);
	RUN(function_is_not_called_after_cancelling);
	RUN(function_is_for_the_thread_that_has_set_the_timer);
	return tap_end();
}
