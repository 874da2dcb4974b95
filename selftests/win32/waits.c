// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads, locks, and waiting for handles, in pure Win32.
 */
#include <errno.h>
#include <process.h>
#include <windows.h>

#include "tap.h"

#define PROGRAM "waits"

static DWORD WINAPI return_it(LPVOID argument)
{
	return (DWORD)(ULONG_PTR)argument;
}

static DWORD WINAPI wait_for_it(LPVOID argument)
{
	return WaitForSingleObject(argument, COMES);
}

static DWORD WINAPI sleep_and_exit(LPVOID argument)
{
	Sleep(STAYS);
	ExitThread((DWORD)(ULONG_PTR)argument);
}

static HANDLE start(LPTHREAD_START_ROUTINE routine, ULONG_PTR argument)
{
	return CreateThread(NULL, 0, routine, (LPVOID)argument, 0, NULL);
}

static void thread_returns_its_code(void)
{
	HANDLE thread = start(return_it, 4711);
	DWORD code = 77;

	ASSERT(thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(4711, code);
	/* It stays so. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, 0));
	EXPECT(CloseHandle(thread));
}

static void thread_that_runs_is_still_active(void)
{
	HANDLE thread = start(sleep_and_exit, 12);
	DWORD code = 77;

	ASSERT(thread);
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(STILL_ACTIVE, code);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(12, code);
	EXPECT(CloseHandle(thread));
}

static void thread_goes_on_when_its_handle_is_closed(void)
{
	HANDLE slow = start(sleep_and_exit, 1), watcher;

	ASSERT(slow);
	watcher = start(wait_for_it, (ULONG_PTR)slow);
	ASSERT(watcher);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(watcher, COMES));
	EXPECT(CloseHandle(watcher));
	EXPECT(CloseHandle(slow));
	EXPECT(CloseHandle(start(return_it, 0)));
}

static void number_of_a_thread_is_its_own(void)
{
	DWORD id = 0;
	HANDLE thread = CreateThread(NULL, 0, return_it, NULL, 0, &id);

	ASSERT(thread);
	EXPECT(id);
	EXPECT(id != GetCurrentThreadId());
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
}

static void any_of_several_ends_a_wait(void)
{
	HANDLE handle[3] = { NULL, NULL, NULL };
	int i;

	handle[0] = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	handle[1] = start(sleep_and_exit, 0);
	handle[2] = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	for (i = 0; i < 3; i++)
		ASSERT(handle[i]);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, FALSE, 0));
	EXPECT_EQ(WAIT_OBJECT_0 + 1, WaitForMultipleObjects(3, handle, FALSE, COMES));
	EXPECT(PostQueuedCompletionStatus(handle[0], 0, 0, NULL));
	/* The first of those that are signaled. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(3, handle, FALSE, COMES));
	for (i = 0; i < 3; i++)
		EXPECT(CloseHandle(handle[i]));
}

static void all_of_several_end_a_wait(void)
{
	HANDLE handle[2] = { start(return_it, 0), start(sleep_and_exit, 0) };

	ASSERT(handle[0] && handle[1]);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(2, handle, TRUE, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(2, handle, TRUE, COMES));
	EXPECT(CloseHandle(handle[0]));
	EXPECT(CloseHandle(handle[1]));
}

static void number_of_handles_is_checked(void)
{
	HANDLE handle[65];
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	int i;

	ASSERT(port);
	for (i = 0; i < 65; i++)
		handle[i] = port;
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(65, handle, FALSE, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(0, handle, FALSE, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(64, handle, FALSE, 0));
	EXPECT(CloseHandle(port));
}

static void closed_handle_is_invalid(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);

	ASSERT(port);
	EXPECT(CloseHandle(port));
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForSingleObject(port, 0));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(1, &port, FALSE, 0));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
}

static void sleep_is_not_early(void)
{
	ULONGLONG began = milliseconds();

	Sleep(100);
	/* That clock goes in steps of up to 16 ms. */
	EXPECT(milliseconds() - began >= 100 - 16);
}

/* What is counted under a lock comes out right. */
enum { THREADS = 4, ROUNDS = 10000 };

static CRITICAL_SECTION section;
static SRWLOCK lock = SRWLOCK_INIT;
static LONG counted[3];

static DWORD WINAPI count(LPVOID argument)
{
	int i;

	(void)argument;
	for (i = 0; i < ROUNDS; i++) {
		EnterCriticalSection(&section);
		EnterCriticalSection(&section);
		counted[0]++;
		LeaveCriticalSection(&section);
		LeaveCriticalSection(&section);
		AcquireSRWLockExclusive(&lock);
		counted[1]++;
		ReleaseSRWLockExclusive(&lock);
		InterlockedIncrement(&counted[2]);
	}
	return 0;
}

static DWORD WINAPI take_twice_alone(LPVOID taken)
{
	AcquireSRWLockExclusive(taken);
	AcquireSRWLockExclusive(taken);
	return 0;
}

static DWORD WINAPI take_alone_and_shared(LPVOID taken)
{
	AcquireSRWLockExclusive(taken);
	AcquireSRWLockShared(taken);
	return 0;
}

/* They do so for ever, and their locks are theirs. */
static void who_takes_a_lock_twice_waits_for_itself(void)
{
	static SRWLOCK taken[2] = { SRWLOCK_INIT, SRWLOCK_INIT };

	HANDLE twice = start(take_twice_alone, (ULONG_PTR)&taken[0]);
	HANDLE shared = start(take_alone_and_shared, (ULONG_PTR)&taken[1]);

	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(twice, 50));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(shared, 50));
}

static void locks_exclude(void)
{
	HANDLE thread[THREADS];
	int i;

	InitializeCriticalSection(&section);
	for (i = 0; i < THREADS; i++) {
		thread[i] = start(count, 0);
		ASSERT(thread[i]);
	}
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(THREADS, thread, TRUE, INFINITE));
	for (i = 0; i < THREADS; i++)
		EXPECT(CloseHandle(thread[i]));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(THREADS * ROUNDS, counted[i]);
	DeleteCriticalSection(&section);
}

static unsigned __stdcall end_with_it(void *argument)
{
	_endthreadex(*(unsigned *)argument);
	return 99;
}

static unsigned __stdcall return_the_number(void *argument)
{
	(void)argument;
	return GetCurrentThreadId();
}

static void c_library_starts_threads(void)
{
	unsigned number = 0, wanted = 42;
	DWORD code;
	HANDLE thread;

	thread = (HANDLE)_beginthreadex(NULL, 0, return_the_number, NULL, 0, &number);
	ASSERT(thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT(number != 0);
	EXPECT_EQ(number, code);
	EXPECT(CloseHandle(thread));

	thread = (HANDLE)_beginthreadex(NULL, 0, end_with_it, &wanted, 0, NULL);
	ASSERT(thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(42, code);
	EXPECT(CloseHandle(thread));

	errno = 0;
	EXPECT_EQ(0, _beginthreadex(NULL, 0, NULL, NULL, 0, NULL));
	EXPECT_EQ(EINVAL, errno);
}

int main(void)
{
	RUN(thread_returns_its_code);
	RUN(thread_that_runs_is_still_active);
	RUN(thread_goes_on_when_its_handle_is_closed);
	RUN(number_of_a_thread_is_its_own);
	RUN(any_of_several_ends_a_wait);
	RUN(all_of_several_end_a_wait);
	RUN(number_of_handles_is_checked);
	RUN(closed_handle_is_invalid);
	RUN(sleep_is_not_early);
	RUN(locks_exclude);
	RUN(who_takes_a_lock_twice_waits_for_itself);
	RUN(c_library_starts_threads);
	return tap_end();
}
