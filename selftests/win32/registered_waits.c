// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Functions that the thread pool calls when a handle is signalled, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "registered_waits"
/* More than two wait threads can wait for. */
#define MANY	150
#define TIMES	200

/* What a function is told, and does. */
struct call {
	HANDLE began, go_on;
	LONG volatile count, timed_out;
	DWORD thread;
};

static HANDLE new_event(void)
{
	return CreateEventA(NULL, FALSE, FALSE, NULL);
}

static void note_call(struct call *call, BOOLEAN timed_out)
{
	call->thread = GetCurrentThreadId();
	if (timed_out)
		InterlockedIncrement(&call->timed_out);
	InterlockedIncrement(&call->count);
	SetEvent(call->began);
}

static void CALLBACK count(PVOID context, BOOLEAN timed_out)
{
	note_call((struct call *)context, timed_out);
}

static void CALLBACK count_and_stay(PVOID context, BOOLEAN timed_out)
{
	struct call *call = (struct call *)context;

	note_call(call, timed_out);
	WaitForSingleObject(call->go_on, COMES);
	InterlockedIncrement(&call->count);
}

static void open_call(struct call *call)
{
	ZeroMemory(call, sizeof(*call));
	call->began = new_event();
	call->go_on = new_event();
}

static void close_call(struct call *call)
{
	EXPECT(CloseHandle(call->began));
	EXPECT(CloseHandle(call->go_on));
}

static int comes(HANDLE event)
{
	return WaitForSingleObject(event, COMES) == WAIT_OBJECT_0;
}

static int is_set(HANDLE handle)
{
	return WaitForSingleObject(handle, 0) == WAIT_OBJECT_0;
}

/* Ends a wait and all its calls. */
static int unregister(HANDLE wait)
{
	return UnregisterWaitEx(wait, INVALID_HANDLE_VALUE);
}

static void each_signal_is_a_call(void)
{
	HANDLE event = new_event(), wait = NULL;
	static struct call call;
	int i;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, INFINITE, 0));
	EXPECT(wait != NULL);
	for (i = 1; i <= TIMES; i++) {
		EXPECT(SetEvent(event));
		ASSERT(comes(call.began));
		EXPECT_EQ(i, call.count);
	}
	EXPECT_EQ(0, call.timed_out);
	EXPECT(call.thread != GetCurrentThreadId());
	EXPECT(!is_set(event));
	EXPECT(unregister(wait));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void one_call_is_the_only_one(void)
{
	HANDLE event = new_event(), wait;
	static struct call call;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, INFINITE,
					   WT_EXECUTEONLYONCE));
	EXPECT(SetEvent(event));
	ASSERT(comes(call.began));
	EXPECT(SetEvent(event));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(call.began, STAYS / 4));
	EXPECT(is_set(event));
	EXPECT_EQ(1, call.count);
	EXPECT(unregister(wait));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void time_out_is_told(void)
{
	HANDLE event = new_event(), wait;
	ULONGLONG began;
	static struct call call;

	open_call(&call);
	began = milliseconds();
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, 40, WT_EXECUTEONLYONCE));
	ASSERT(comes(call.began));
	/* The clock goes in steps of up to 16 ms. */
	EXPECT(milliseconds() - began >= 40 - 16);
	EXPECT_EQ(1, call.timed_out);
	EXPECT(unregister(wait));

	/* What is over at once; and once only. */
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, 0, WT_EXECUTEONLYONCE));
	ASSERT(comes(call.began));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(call.began, STAYS / 4));
	EXPECT_EQ(2, call.count);
	EXPECT_EQ(2, call.timed_out);
	EXPECT(unregister(wait));

	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void what_is_signalled_is_no_time_out(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, TRUE, NULL), wait;
	static struct call call;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, 0, WT_EXECUTEONLYONCE));
	ASSERT(comes(call.began));
	EXPECT_EQ(0, call.timed_out);
	EXPECT(unregister(wait));
	EXPECT(!is_set(event));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void time_out_is_told_again_and_again(void)
{
	HANDLE event = new_event(), wait;
	static struct call call;
	int i;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, 5, 0));
	for (i = 0; i < 3; i++)
		EXPECT(comes(call.began));
	EXPECT(unregister(wait));
	EXPECT_EQ(call.count, call.timed_out);
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void unregistered_wait_takes_no_signal(void)
{
	HANDLE event = new_event(), wait;
	static struct call call;
	int i;

	open_call(&call);
	for (i = 0; i < 20; i++) {
		ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, INFINITE, 0));
		/* So that its thread waits; and may take the signal, if it waits still. */
		Sleep(1);
		EXPECT(unregister(wait));
		EXPECT(SetEvent(event));
		Sleep(1);
		ASSERT(is_set(event));
	}
	EXPECT_EQ(0, call.count);
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static DWORD WINAPI let_go(LPVOID event)
{
	Sleep(20);
	return SetEvent(event);
}

static void unregistering_waits_for_the_call(void)
{
	HANDLE event = new_event(), wait, thread;
	static struct call call;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count_and_stay, &call, INFINITE, 0));
	EXPECT(SetEvent(event));
	ASSERT(comes(call.began));
	thread = CreateThread(NULL, 0, let_go, call.go_on, 0, NULL);
	EXPECT(unregister(wait));
	EXPECT_EQ(2, call.count);
	ASSERT(comes(thread));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void event_tells_that_the_call_is_over(void)
{
	HANDLE event = new_event(), over = new_event(), wait;
	static struct call call;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count_and_stay, &call, INFINITE, 0));
	EXPECT(SetEvent(event));
	ASSERT(comes(call.began));
	EXPECT_ERROR(ERROR_IO_PENDING, UnregisterWaitEx(wait, over));
	EXPECT(!is_set(over));
	EXPECT(SetEvent(call.go_on));
	ASSERT(comes(over));
	EXPECT_EQ(2, call.count);

	ASSERT(RegisterWaitForSingleObject(&wait, event, count_and_stay, &call, INFINITE,
					   WT_EXECUTEONLYONCE));
	EXPECT(SetEvent(event));
	ASSERT(comes(call.began));
	EXPECT_ERROR(ERROR_IO_PENDING, UnregisterWait(wait));
	EXPECT(SetEvent(call.go_on));
	while (call.count != 4)
		Sleep(1);
	EXPECT(CloseHandle(over));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void event_is_set_if_there_is_no_call(void)
{
	HANDLE event = new_event(), over = new_event(), wait;
	static struct call call;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, INFINITE, 0));
	EXPECT(UnregisterWaitEx(wait, over));
	EXPECT(comes(over));
	EXPECT(CloseHandle(over));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static HANDLE own_wait, own_wait_is_known;

static void CALLBACK unregister_itself(PVOID context, BOOLEAN timed_out)
{
	WaitForSingleObject(own_wait_is_known, COMES);
	EXPECT_ERROR(ERROR_IO_PENDING, UnregisterWait(own_wait));
	note_call((struct call *)context, timed_out);
}

static void function_unregisters_its_own_wait(void)
{
	ULONG flags[] = { WT_EXECUTEDEFAULT, WT_EXECUTEONLYONCE, WT_EXECUTEINWAITTHREAD };
	HANDLE event = new_event();
	static struct call call;
	int i;

	own_wait_is_known = CreateEventA(NULL, TRUE, FALSE, NULL);
	open_call(&call);
	for (i = 0; i < 3; i++) {
		ResetEvent(own_wait_is_known);
		EXPECT(SetEvent(event));
		ASSERT(RegisterWaitForSingleObject(&own_wait, event, unregister_itself, &call,
						   INFINITE, flags[i]));
		EXPECT(SetEvent(own_wait_is_known));
		ASSERT(comes(call.began));
		/* It is nobody's any more. */
		EXPECT(SetEvent(event));
		ASSERT(is_set(event));
	}
	EXPECT_EQ(3, call.count);
	EXPECT(CloseHandle(own_wait_is_known));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static DWORD WINAPI return_at_once(LPVOID unused)
{
	(void)unused;
	return 0;
}

static HANDLE mutex;

static void CALLBACK release_mutex(PVOID context, BOOLEAN timed_out)
{
	EXPECT(ReleaseMutex(mutex));
	note_call((struct call *)context, timed_out);
}

static void all_kinds_of_handles_are_waited_for(void)
{
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 5, NULL), thread, wait;
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	LARGE_INTEGER due = { .QuadPart = -10000 };
	static struct call call;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, semaphore, count, &call, INFINITE, 0));
	EXPECT(ReleaseSemaphore(semaphore, 5, NULL));
	while (call.count < 5)
		ASSERT(comes(call.began));
	EXPECT(unregister(wait));
	EXPECT(!is_set(semaphore));

	ASSERT(RegisterWaitForSingleObject(&wait, timer, count, &call, INFINITE, 0));
	EXPECT(SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE));
	while (call.count < 6)
		ASSERT(comes(call.began));
	EXPECT(unregister(wait));

	thread = CreateThread(NULL, 0, return_at_once, NULL, CREATE_SUSPENDED, NULL);
	ASSERT(RegisterWaitForSingleObject(&wait, thread, count, &call, INFINITE,
					   WT_EXECUTEONLYONCE));
	EXPECT_EQ(1, ResumeThread(thread));
	while (call.count < 7)
		ASSERT(comes(call.began));
	EXPECT(unregister(wait));

	mutex = CreateMutexA(NULL, TRUE, NULL);
	ASSERT(RegisterWaitForSingleObject(&wait, mutex, release_mutex, &call, INFINITE,
					   WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD));
	EXPECT_EQ(7, call.count);
	EXPECT(ReleaseMutex(mutex));
	ASSERT(comes(call.began));
	EXPECT(unregister(wait));
	EXPECT(is_set(mutex));
	EXPECT(CloseHandle(mutex));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(timer));
	EXPECT(CloseHandle(semaphore));
	close_call(&call);
}

static void wait_thread_calls_if_it_is_to(void)
{
	HANDLE event[2] = { new_event(), new_event() }, wait[2];
	static struct call call[2];
	int i;

	for (i = 0; i < 2; i++) {
		open_call(&call[i]);
		ASSERT(RegisterWaitForSingleObject(&wait[i], event[i], count, &call[i],
						   INFINITE, WT_EXECUTEINWAITTHREAD));
	}
	for (i = 0; i < 2; i++) {
		EXPECT(SetEvent(event[i]));
		ASSERT(comes(call[i].began));
	}
	EXPECT(call[0].thread != GetCurrentThreadId());
	EXPECT_EQ(call[0].thread, call[1].thread);
	for (i = 0; i < 2; i++) {
		EXPECT(unregister(wait[i]));
		EXPECT(CloseHandle(event[i]));
		close_call(&call[i]);
	}
}

/* The next call need not wait for the one before. */
static void calls_do_not_wait_for_each_other(void)
{
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 5, NULL), wait;
	static struct call call;
	int i;

	open_call(&call);
	ASSERT(RegisterWaitForSingleObject(&wait, semaphore, count_and_stay, &call, INFINITE,
					   WT_EXECUTELONGFUNCTION));
	for (i = 0; i < 3; i++) {
		EXPECT(ReleaseSemaphore(semaphore, 1, NULL));
		ASSERT(comes(call.began));
	}
	EXPECT_EQ(3, call.count);
	for (i = 0; i < 3; i++) {
		EXPECT(SetEvent(call.go_on));
		while (call.count != 4 + i)
			Sleep(1);
	}
	EXPECT(unregister(wait));
	EXPECT_EQ(6, call.count);
	EXPECT(CloseHandle(semaphore));
	close_call(&call);
}

static void there_can_be_many(void)
{
	static HANDLE event[MANY], wait[MANY];
	static struct call call[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		event[i] = new_event();
		ZeroMemory(&call[i], sizeof(call[i]));
		call[i].began = new_event();
		ASSERT(RegisterWaitForSingleObject(&wait[i], event[i], count, &call[i],
						   INFINITE, 0));
	}
	for (i = MANY - 1; i >= 0; i--)
		EXPECT(SetEvent(event[i]));
	for (i = 0; i < MANY; i++)
		ASSERT(comes(call[i].began));
	for (i = 0; i < MANY; i++) {
		EXPECT(unregister(wait[i]));
		EXPECT_EQ(1, call[i].count);
		EXPECT(CloseHandle(event[i]));
		EXPECT(CloseHandle(call[i].began));
	}
}

/* Also where the first one that is looked at has always been signalled. */
static void handle_that_stays_signalled_does_not_hold_up_others(void)
{
	HANDLE set = CreateEventA(NULL, TRUE, TRUE, NULL), event = new_event(), wait[2];
	ULONG flags[] = { WT_EXECUTEDEFAULT, WT_EXECUTEINWAITTHREAD };
	static struct call call[2];
	int i, j;

	for (i = 0; i < 2; i++) {
		open_call(&call[0]);
		open_call(&call[1]);
		ASSERT(RegisterWaitForSingleObject(&wait[0], event, count, &call[0], INFINITE,
						   flags[i]));
		ASSERT(RegisterWaitForSingleObject(&wait[1], set, count, &call[1], INFINITE,
						   flags[i]));
		ASSERT(comes(call[1].began));
		for (j = 0; j < 10; j++) {
			EXPECT(SetEvent(event));
			ASSERT(comes(call[0].began));
		}
		EXPECT(unregister(wait[1]));
		EXPECT(unregister(wait[0]));
		EXPECT(call[1].count > 0);
		close_call(&call[0]);
		close_call(&call[1]);
	}
	EXPECT(CloseHandle(event));
	EXPECT(CloseHandle(set));
}

static void what_is_no_wait_handle_is_refused(void)
{
	HANDLE event = new_event(), wait;
	static struct call call;

	open_call(&call);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, UnregisterWait(NULL));
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, INFINITE, 0));
	EXPECT(unregister(wait));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, UnregisterWait(wait));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, UnregisterWait(event));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

static void what_is_no_handle_is_refused(void)
{
	HANDLE event = new_event(), wait;
	static struct call call;

	open_call(&call);
	EXPECT_ERROR(ERROR_INVALID_HANDLE,
		     RegisterWaitForSingleObject(&wait, NULL, count, &call, INFINITE, 0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     RegisterWaitForSingleObject(&wait, event, NULL, &call, INFINITE, 0));
	ASSERT(RegisterWaitForSingleObject(&wait, event, count, &call, INFINITE, 0));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, UnregisterWaitEx(wait, (HANDLE)(ULONG_PTR)0x7ffffff0));
	/* So it is registered still. */
	EXPECT(unregister(wait));
	EXPECT(CloseHandle(event));
	close_call(&call);
}

int main(void)
{
	RUN(each_signal_is_a_call);
	RUN(one_call_is_the_only_one);
	RUN(time_out_is_told);
	RUN(what_is_signalled_is_no_time_out);
	RUN(time_out_is_told_again_and_again);
	RUN(unregistered_wait_takes_no_signal);
	RUN(unregistering_waits_for_the_call);
	RUN(event_tells_that_the_call_is_over);
	RUN(event_is_set_if_there_is_no_call);
	RUN(function_unregisters_its_own_wait);
	RUN(all_kinds_of_handles_are_waited_for);
	RUN(wait_thread_calls_if_it_is_to);
	RUN(calls_do_not_wait_for_each_other);
	RUN(there_can_be_many);
	RUN(handle_that_stays_signalled_does_not_hold_up_others);
	RUN_UNLESS_WINE(what_is_no_wait_handle_is_refused, "Wine dies of it");
	RUN_UNLESS_WINE(what_is_no_handle_is_refused, "Wine looks at nothing, and dies of it");
	return tap_end();
}
