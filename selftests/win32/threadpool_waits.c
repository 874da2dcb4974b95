// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Objects of the thread pool that wait for a handle, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "threadpool_waits"
#define ROUNDS	200
#define MANY	100
/* In units of 100 ns. */
#define PER_MS	10000

/* What the function is told, and does. */
struct call {
	HANDLE began, go_on, event;
	PTP_WAIT wait;
	LONG volatile count, time_outs, ended;
	DWORD thread;
};

static void open_call(struct call *call, PTP_WAIT_CALLBACK function)
{
	ZeroMemory(call, sizeof(*call));
	call->began = CreateSemaphoreA(NULL, 0, 10000, NULL);
	call->go_on = CreateEventA(NULL, TRUE, FALSE, NULL);
	call->event = CreateEventA(NULL, FALSE, FALSE, NULL);
	call->wait = CreateThreadpoolWait(function, call, NULL);
	EXPECT(call->wait != NULL);
}

static void close_call(struct call *call)
{
	SetThreadpoolWait(call->wait, NULL, NULL);
	WaitForThreadpoolWaitCallbacks(call->wait, FALSE);
	CloseThreadpoolWait(call->wait);
	EXPECT(CloseHandle(call->began));
	EXPECT(CloseHandle(call->go_on));
	EXPECT(CloseHandle(call->event));
}

static int comes(struct call *call)
{
	return WaitForSingleObject(call->began, COMES) == WAIT_OBJECT_0;
}

static int stays_away(struct call *call)
{
	return WaitForSingleObject(call->began, STAYS) == WAIT_TIMEOUT;
}

static FILETIME units(LONGLONG count)
{
	FILETIME time;

	time.dwLowDateTime = (DWORD)count;
	time.dwHighDateTime = (DWORD)(count >> 32);
	return time;
}

static void set(struct call *call)
{
	SetThreadpoolWait(call->wait, call->event, NULL);
}

static void note(struct call *call, PTP_WAIT wait, TP_WAIT_RESULT result)
{
	EXPECT_EQ(call->wait, wait);
	EXPECT(result == WAIT_OBJECT_0 || result == WAIT_TIMEOUT);
	call->thread = GetCurrentThreadId();
	InterlockedExchangeAdd(&call->time_outs, result == WAIT_TIMEOUT);
	InterlockedIncrement(&call->count);
	ReleaseSemaphore(call->began, 1, NULL);
}

static void CALLBACK once(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_WAIT wait,
			  TP_WAIT_RESULT result)
{
	EXPECT(instance != NULL);
	note((struct call *)context, wait, result);
}

static void CALLBACK and_again(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_WAIT wait,
			       TP_WAIT_RESULT result)
{
	struct call *call = (struct call *)context;

	(void)instance;
	set(call);
	note(call, wait, result);
}

static void CALLBACK and_stay(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_WAIT wait,
			      TP_WAIT_RESULT result)
{
	struct call *call = (struct call *)context;

	(void)instance;
	note(call, wait, result);
	WaitForSingleObject(call->go_on, COMES);
	InterlockedIncrement(&call->ended);
}

static void signal_is_one_call(void)
{
	static struct call call;

	open_call(&call, once);
	set(&call);
	EXPECT(stays_away(&call));
	EXPECT(SetEvent(call.event));
	ASSERT(comes(&call));
	EXPECT(call.thread != GetCurrentThreadId());
	EXPECT_EQ(0, call.time_outs);
	/* The wait has reset it, and is over. */
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(call.event, 0));
	EXPECT(SetEvent(call.event));
	EXPECT(stays_away(&call));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(call.event, 0));
	/* What is signalled already is a call at once. */
	EXPECT(SetEvent(call.event));
	set(&call);
	ASSERT(comes(&call));
	EXPECT_EQ(2, call.count);
	close_call(&call);
}

static void function_sets_it_again(void)
{
	static struct call call;
	int i;

	open_call(&call, and_again);
	set(&call);
	for (i = 0; i < ROUNDS; i++) {
		EXPECT(SetEvent(call.event));
		ASSERT(comes(&call));
	}
	EXPECT_EQ(ROUNDS, call.count);
	EXPECT_EQ(0, call.time_outs);
	close_call(&call);
}

static void time_that_is_over_is_told(void)
{
	FILETIME time = units(-40 * PER_MS);
	static struct call call;
	ULARGE_INTEGER now;
	ULONGLONG began;

	open_call(&call, once);
	began = milliseconds();
	SetThreadpoolWait(call.wait, call.event, &time);
	ASSERT(comes(&call));
	EXPECT(milliseconds() - began >= 40 - 16);
	EXPECT_EQ(1, call.time_outs);
	EXPECT(stays_away(&call));
	/* By the clock; and at once. */
	GetSystemTimeAsFileTime(&time);
	now.LowPart = time.dwLowDateTime;
	now.HighPart = time.dwHighDateTime;
	time = units((LONGLONG)now.QuadPart + 20 * PER_MS);
	SetThreadpoolWait(call.wait, call.event, &time);
	ASSERT(comes(&call));
	time = units(0);
	SetThreadpoolWait(call.wait, call.event, &time);
	ASSERT(comes(&call));
	EXPECT_EQ(3, call.time_outs);
	/* Sooner than the time. */
	time = units(-3600LL * 1000 * PER_MS);
	SetThreadpoolWait(call.wait, call.event, &time);
	EXPECT(SetEvent(call.event));
	ASSERT(comes(&call));
	EXPECT_EQ(3, call.time_outs);
	close_call(&call);
}

/* Nobody takes the signal then. */
static void wait_that_is_taken_back_takes_no_signal(void)
{
	static struct call call;
	int i;

	open_call(&call, once);
	for (i = 0; i < ROUNDS; i++) {
		set(&call);
		if (i % 2)
			Sleep(1);
		SetThreadpoolWait(call.wait, NULL, NULL);
		EXPECT(SetEvent(call.event));
		ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(call.event, 0));
	}
	WaitForThreadpoolWaitCallbacks(call.wait, FALSE);
	EXPECT_EQ(0, call.count);
	close_call(&call);
}

static void last_handle_is_the_one(void)
{
	HANDLE other = CreateEventA(NULL, FALSE, FALSE, NULL);
	static struct call call;

	open_call(&call, once);
	SetThreadpoolWait(call.wait, other, NULL);
	set(&call);
	EXPECT(SetEvent(other));
	EXPECT(stays_away(&call));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	EXPECT(SetEvent(call.event));
	ASSERT(comes(&call));
	close_call(&call);
	EXPECT(CloseHandle(other));
}

static DWORD WINAPI let_go(LPVOID event)
{
	Sleep(20);
	return SetEvent((HANDLE)event);
}

static void waiting_for_it_is_until_its_function_has_returned(void)
{
	static struct call call;
	HANDLE thread;

	open_call(&call, and_stay);
	/* Set, and not signalled: there is nothing to wait for. */
	set(&call);
	WaitForThreadpoolWaitCallbacks(call.wait, FALSE);
	EXPECT(SetEvent(call.event));
	ASSERT(comes(&call));
	thread = CreateThread(NULL, 0, let_go, call.go_on, 0, NULL);
	WaitForThreadpoolWaitCallbacks(call.wait, TRUE);
	EXPECT_EQ(1, call.ended);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	close_call(&call);
}

/* All kinds of handles, and more than one thread waits for. */
static void there_can_be_many_of_them(void)
{
	static struct call call[MANY];
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, MANY, NULL);
	int i;

	for (i = 0; i < MANY; i++) {
		open_call(&call[i], once);
		SetThreadpoolWait(call[i].wait, i % 2 ? semaphore : call[i].event, NULL);
	}
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, call[i].count);
	EXPECT(ReleaseSemaphore(semaphore, MANY / 2, NULL));
	for (i = 0; i < MANY; i += 2)
		EXPECT(SetEvent(call[i].event));
	for (i = 0; i < MANY; i++)
		EXPECT(comes(&call[i]));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(semaphore, 0));
	for (i = 0; i < MANY; i++)
		close_call(&call[i]);
	EXPECT(CloseHandle(semaphore));
}

static void wait_may_be_closed_while_it_is_set(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	static struct call call;
	int i;

	open_call(&call, once);
	for (i = 0; i < ROUNDS; i++) {
		PTP_WAIT wait = CreateThreadpoolWait(once, &call, NULL);

		ASSERT(wait);
		SetThreadpoolWait(wait, event, NULL);
		CloseThreadpoolWait(wait);
	}
	EXPECT(SetEvent(event));
	EXPECT(stays_away(&call));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	close_call(&call);
	EXPECT(CloseHandle(event));
}

static void wait_without_a_function_is_refused(void)
{
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateThreadpoolWait(NULL, NULL, NULL));
}

int main(void)
{
	RUN(signal_is_one_call);
	RUN(function_sets_it_again);
	RUN(time_that_is_over_is_told);
	RUN(wait_that_is_taken_back_takes_no_signal);
	RUN(last_handle_is_the_one);
	RUN(waiting_for_it_is_until_its_function_has_returned);
	RUN(there_can_be_many_of_them);
	RUN(wait_may_be_closed_while_it_is_set);
	RUN_UNLESS_WINE(wait_without_a_function_is_refused, "Wine calls it");
	return tap_end();
}
