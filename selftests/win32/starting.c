// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that start suspended, threads that close their own handle, and what they are
 * called, in pure Win32.
 */
#include <windows.h>
#include <errno.h>
#include <process.h>

#include "tap.h"

#define PROGRAM "starting"

static LONG nr_run, nr_called;

static DWORD WINAPI run(LPVOID argument)
{
	/* How often a function was called before this. */
	DWORD called = (DWORD)nr_called;

	(void)argument;
	InterlockedIncrement(&nr_run);
	return called;
}

static void NTAPI call(ULONG_PTR value)
{
	(void)value;
	InterlockedIncrement(&nr_called);
}

static void suspended_thread_waits_to_be_resumed(void)
{
	DWORD code = 77, id = 0;
	HANDLE thread;

	nr_run = nr_called = 0;
	thread = CreateThread(NULL, 0, run, NULL, CREATE_SUSPENDED, &id);
	ASSERT(thread);
	EXPECT_EQ(id, GetThreadId(thread));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	EXPECT_EQ(0, nr_run);
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(STILL_ACTIVE, code);
	EXPECT_EQ(1, ResumeThread(thread));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_EQ(1, nr_run);
	EXPECT_EQ(id, GetThreadId(thread));
	EXPECT(CloseHandle(thread));
}

static void what_was_queued_before_is_called_first(void)
{
	DWORD code = 77;
	HANDLE thread;

	nr_called = 0;
	thread = (HANDLE)_beginthreadex(NULL, 0, (_beginthreadex_proc_type)(void *)run, NULL,
					CREATE_SUSPENDED, NULL);
	ASSERT(thread);
	EXPECT(QueueUserAPC(call, thread, 0));
	EXPECT(QueueUserAPC(call, thread, 0));
	Sleep(10);
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(1, ResumeThread(thread));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(2, code);
	EXPECT(CloseHandle(thread));
}

static DWORD WINAPI wait_for_it(LPVOID argument)
{
	return WaitForSingleObject(argument, COMES);
}

static void thread_that_runs_is_not_resumed(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL), thread;

	thread = CreateThread(NULL, 0, wait_for_it, event, 0, NULL);
	ASSERT(event && thread);
	EXPECT_EQ(0, ResumeThread(thread));
	EXPECT_EQ(0, ResumeThread(GetCurrentThread()));
	EXPECT(SetEvent(event));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	SetLastError(0xdead);
	EXPECT_EQ((DWORD)-1, ResumeThread(event));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT(CloseHandle(event));
	SetLastError(0xdead);
	EXPECT_EQ((DWORD)-1, ResumeThread(NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetThreadId(NULL));
}

static HANDLE go_on, done;
static DWORD its_id;

static void __cdecl run_alone(void *argument)
{
	WaitForSingleObject(go_on, COMES);
	its_id = argument ? GetCurrentThreadId() : 0;
	SetEvent(done);
	if (argument)
		_endthread();
}

static void thread_closes_its_own_handle(void)
{
	HANDLE thread, copy;
	ULONG_PTR started;
	int i;

	go_on = CreateEventA(NULL, FALSE, FALSE, NULL);
	done = CreateEventA(NULL, FALSE, FALSE, NULL);
	/* By _endthread(), and by returning. */
	for (i = 0; i < 2; i++) {
		started = _beginthread(run_alone, 0, i ? NULL : &i);
		ASSERT(started != (ULONG_PTR)-1);
		thread = copy = (HANDLE)started;
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, 0));
		EXPECT(SetEvent(go_on));
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(done, COMES));
		/* Nothing else is opened meanwhile. */
		Sleep(STAYS);
		EXPECT_ERROR(ERROR_INVALID_HANDLE, GetThreadId(copy));
	}
	EXPECT(CloseHandle(go_on));
	EXPECT(CloseHandle(done));
}

static void process_has_a_number(void)
{
	DWORD own = GetCurrentProcessId();

	EXPECT(own > 0);
	EXPECT_EQ(own, GetCurrentProcessId());
	EXPECT_EQ((HANDLE)(LONG_PTR)-1, GetCurrentProcess());
	EXPECT_EQ(GetCurrentThreadId(), GetThreadId(GetCurrentThread()));
	EXPECT(GetCurrentProcessorNumber() < 4096);
	SwitchToThread();
}

static void priority_goes_down(void)
{
	HANDLE thread = CreateThread(NULL, 0, run, NULL, CREATE_SUSPENDED, NULL);

	ASSERT(thread);
	EXPECT_EQ(THREAD_PRIORITY_NORMAL, GetThreadPriority(thread));
	EXPECT_EQ(THREAD_PRIORITY_NORMAL, GetThreadPriority(GetCurrentThread()));
	EXPECT(SetThreadPriority(thread, THREAD_PRIORITY_BELOW_NORMAL));
	EXPECT_EQ(THREAD_PRIORITY_BELOW_NORMAL, GetThreadPriority(thread));
	EXPECT(SetThreadPriority(thread, THREAD_PRIORITY_IDLE));
	EXPECT_EQ(THREAD_PRIORITY_IDLE, GetThreadPriority(thread));
	EXPECT_EQ(THREAD_PRIORITY_NORMAL, GetThreadPriority(GetCurrentThread()));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SetThreadPriority(thread, 99));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetThreadPriority(NULL, THREAD_PRIORITY_LOWEST));
	SetLastError(0xdead);
	EXPECT_EQ(THREAD_PRIORITY_ERROR_RETURN, GetThreadPriority(NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_EQ(1, ResumeThread(thread));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
}

int main(void)
{
	RUN(suspended_thread_waits_to_be_resumed);
	RUN(what_was_queued_before_is_called_first);
	RUN(thread_that_runs_is_not_resumed);
	RUN(thread_closes_its_own_handle);
	RUN(process_has_a_number);
	RUN(priority_goes_down);
	return tap_end();
}
