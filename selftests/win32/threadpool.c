// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Work objects and timers of the thread pool, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "threadpool"
#define CALLS	200
/* More than the pool has threads. */
#define TOO_MANY	600
/* In units of 100 ns. */
#define PER_MS	10000

/* What a function is told, and does. */
struct call {
	HANDLE began, go_on;
	LONG volatile count, ended;
	DWORD thread;
	PVOID object;
};

static void open_call(struct call *call)
{
	ZeroMemory(call, sizeof(*call));
	call->began = CreateSemaphoreA(NULL, 0, 2 * TOO_MANY, NULL);
	call->go_on = CreateEventA(NULL, TRUE, FALSE, NULL);
}

static void close_call(struct call *call)
{
	EXPECT(CloseHandle(call->began));
	EXPECT(CloseHandle(call->go_on));
}

static int comes(struct call *call)
{
	return WaitForSingleObject(call->began, COMES) == WAIT_OBJECT_0;
}

static void note(struct call *call, PTP_CALLBACK_INSTANCE instance, PVOID object)
{
	EXPECT(instance != NULL);
	call->object = object;
	call->thread = GetCurrentThreadId();
	InterlockedIncrement(&call->count);
	ReleaseSemaphore(call->began, 1, NULL);
}

static void CALLBACK simple(PTP_CALLBACK_INSTANCE instance, PVOID context)
{
	note((struct call *)context, instance, NULL);
}

static void CALLBACK work_once(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_WORK work)
{
	struct call *call = (struct call *)context;

	note(call, instance, work);
	InterlockedIncrement(&call->ended);
}

static void CALLBACK work_and_stay(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_WORK work)
{
	struct call *call = (struct call *)context;

	note(call, instance, work);
	WaitForSingleObject(call->go_on, COMES);
	InterlockedIncrement(&call->ended);
}

static void CALLBACK timer_function(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_TIMER timer)
{
	note((struct call *)context, instance, timer);
}

static FILETIME units(LONGLONG count)
{
	FILETIME time;

	time.dwLowDateTime = (DWORD)count;
	time.dwHighDateTime = (DWORD)(count >> 32);
	return time;
}

static FILETIME in_ms(LONGLONG ms)
{
	return units(-ms * PER_MS);
}

static void simple_callback_is_called(void)
{
	static struct call call;
	int i;

	open_call(&call);
	for (i = 0; i < CALLS; i++)
		ASSERT(TrySubmitThreadpoolCallback(simple, &call, NULL));
	for (i = 0; i < CALLS; i++)
		ASSERT(comes(&call));
	EXPECT_EQ(CALLS, call.count);
	EXPECT(call.thread != GetCurrentThreadId());
	close_call(&call);
}

static void work_is_done_as_often_as_it_is_submitted(void)
{
	static struct call call;
	PTP_WORK work;
	int i;

	open_call(&call);
	work = CreateThreadpoolWork(work_once, &call, NULL);
	ASSERT(work);
	for (i = 0; i < CALLS; i++)
		SubmitThreadpoolWork(work);
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	EXPECT_EQ(CALLS, call.ended);
	EXPECT_EQ(work, call.object);
	/* There is nothing to wait for. */
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	CloseThreadpoolWork(work);
	close_call(&call);
}

static DWORD WINAPI let_go(LPVOID event)
{
	Sleep(20);
	return SetEvent((HANDLE)event);
}

static void work_that_has_not_begun_is_cancelled(void)
{
	static struct call call;
	HANDLE thread;
	PTP_WORK work;
	LONG count;
	int i;

	open_call(&call);
	work = CreateThreadpoolWork(work_and_stay, &call, NULL);
	ASSERT(work);
	thread = CreateThread(NULL, 0, let_go, call.go_on, CREATE_SUSPENDED, NULL);
	for (i = 0; i < TOO_MANY; i++)
		SubmitThreadpoolWork(work);
	ResumeThread(thread);
	WaitForThreadpoolWorkCallbacks(work, TRUE);
	count = call.count;
	EXPECT(count < TOO_MANY);
	EXPECT_EQ(count, call.ended);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_EQ(count, call.count);
	/* What is submitted now is done. */
	SubmitThreadpoolWork(work);
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	EXPECT_EQ(count + 1, call.ended);
	CloseThreadpoolWork(work);
	EXPECT(CloseHandle(thread));
	close_call(&call);
}

static void closed_work_is_done(void)
{
	static struct call call;
	PTP_WORK work;
	int i;

	open_call(&call);
	work = CreateThreadpoolWork(work_once, &call, NULL);
	ASSERT(work);
	for (i = 0; i < 5; i++)
		SubmitThreadpoolWork(work);
	CloseThreadpoolWork(work);
	for (i = 0; i < 5; i++)
		ASSERT(comes(&call));
	while (call.ended < 5)
		Sleep(1);
	close_call(&call);
}

static void CALLBACK submit_again(PTP_CALLBACK_INSTANCE instance, PVOID context, PTP_WORK work)
{
	struct call *call = (struct call *)context;

	note(call, instance, work);
	if (call->count < CALLS)
		SubmitThreadpoolWork(work);
	else
		CloseThreadpoolWork(work);
}

static void function_submits_and_closes_its_work(void)
{
	static struct call call;
	PTP_WORK work;
	int i;

	open_call(&call);
	work = CreateThreadpoolWork(submit_again, &call, NULL);
	ASSERT(work);
	SubmitThreadpoolWork(work);
	for (i = 0; i < CALLS; i++)
		ASSERT(comes(&call));
	EXPECT_EQ(CALLS, call.count);
	close_call(&call);
}

static void timer_is_due_once(void)
{
	ULONGLONG began = GetTickCount64();
	static struct call call;
	FILETIME due = in_ms(40);
	PTP_TIMER timer;

	open_call(&call);
	timer = CreateThreadpoolTimer(timer_function, &call, NULL);
	ASSERT(timer);
	EXPECT(!IsThreadpoolTimerSet(timer));
	SetThreadpoolTimer(timer, &due, 0, 0);
	EXPECT(IsThreadpoolTimerSet(timer));
	ASSERT(comes(&call));
	/* The clock goes in steps of up to 16 ms. */
	EXPECT(GetTickCount64() - began >= 40 - 16);
	EXPECT_EQ(timer, call.object);
	EXPECT(IsThreadpoolTimerSet(timer));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(call.began, STAYS / 4));
	SetThreadpoolTimer(timer, NULL, 0, 0);
	EXPECT(!IsThreadpoolTimerSet(timer));
	CloseThreadpoolTimer(timer);
	close_call(&call);
}

static void timer_is_due_again_and_again(void)
{
	static struct call call;
	FILETIME due = in_ms(5);
	PTP_TIMER timer;
	LONG count;
	int i;

	open_call(&call);
	timer = CreateThreadpoolTimer(timer_function, &call, NULL);
	ASSERT(timer);
	SetThreadpoolTimer(timer, &due, 5, 0);
	for (i = 0; i < 4; i++)
		ASSERT(comes(&call));
	SetThreadpoolTimer(timer, NULL, 0, 0);
	WaitForThreadpoolTimerCallbacks(timer, TRUE);
	count = call.count;
	Sleep(20);
	EXPECT_EQ(count, call.count);
	CloseThreadpoolTimer(timer);
	close_call(&call);
}

static void timer_is_set_by_the_clock_or_at_once(void)
{
	static struct call call;
	FILETIME due;
	ULARGE_INTEGER now;
	PTP_TIMER timer;

	open_call(&call);
	timer = CreateThreadpoolTimer(timer_function, &call, NULL);
	ASSERT(timer);
	GetSystemTimeAsFileTime(&due);
	now.LowPart = due.dwLowDateTime;
	now.HighPart = due.dwHighDateTime;
	due = units((LONGLONG)now.QuadPart + 20 * PER_MS);
	SetThreadpoolTimer(timer, &due, 0, 0);
	EXPECT_EQ(0, call.count);
	ASSERT(comes(&call));
	/* What is over, and 0, are due at once. */
	due = units((LONGLONG)now.QuadPart);
	SetThreadpoolTimer(timer, &due, 0, 0);
	ASSERT(comes(&call));
	due = units(0);
	SetThreadpoolTimer(timer, &due, 0, 0);
	WaitForThreadpoolTimerCallbacks(timer, FALSE);
	ASSERT(comes(&call));
	EXPECT_EQ(3, call.count);
	CloseThreadpoolTimer(timer);
	close_call(&call);
}

static void timers_are_due_in_their_order(void)
{
	const LONGLONG ms[3] = { 100, 3600 * 1000, 5 };
	ULONGLONG began = GetTickCount64();
	static struct call call[3];
	PTP_TIMER timer[3];
	FILETIME due;
	int i;

	for (i = 0; i < 3; i++) {
		open_call(&call[i]);
		timer[i] = CreateThreadpoolTimer(timer_function, &call[i], NULL);
		ASSERT(timer[i]);
		due = in_ms(ms[i]);
		SetThreadpoolTimer(timer[i], &due, 0, 0);
	}
	ASSERT(comes(&call[2]));
	/* The clock goes in steps of up to 16 ms, and the machine may have stood still. */
	EXPECT(!call[0].count || GetTickCount64() - began >= 100 - 16);
	ASSERT(comes(&call[0]));
	EXPECT_EQ(0, call[1].count);
	/* What is set anew is due then only. */
	due = in_ms(5);
	SetThreadpoolTimer(timer[1], &due, 0, 0);
	ASSERT(comes(&call[1]));
	for (i = 0; i < 3; i++) {
		CloseThreadpoolTimer(timer[i]);
		close_call(&call[i]);
	}
}

/* What is closed is never due. */
static void timer_may_be_closed_while_it_is_set(void)
{
	static struct call call;
	FILETIME due = in_ms(5);
	PTP_TIMER timer;
	int i;

	open_call(&call);
	for (i = 0; i < 20; i++) {
		timer = CreateThreadpoolTimer(timer_function, &call, NULL);
		ASSERT(timer);
		SetThreadpoolTimer(timer, &due, 5, 0);
		SetThreadpoolTimer(timer, NULL, 0, 0);
		WaitForThreadpoolTimerCallbacks(timer, TRUE);
		due = in_ms(3600 * 1000);
		SetThreadpoolTimer(timer, &due, 0, 0);
		CloseThreadpoolTimer(timer);
		due = in_ms(5);
	}
	EXPECT(call.count < 20);
	close_call(&call);
}

static void environment_may_be_given(void)
{
	TP_CALLBACK_ENVIRON environment;
	static struct call call;
	PTP_WORK work;

	open_call(&call);
	InitializeThreadpoolEnvironment(&environment);
	SetThreadpoolCallbackRunsLong(&environment);
	ASSERT(TrySubmitThreadpoolCallback(simple, &call, &environment));
	ASSERT(comes(&call));
	work = CreateThreadpoolWork(work_once, &call, &environment);
	ASSERT(work);
	SubmitThreadpoolWork(work);
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	EXPECT_EQ(2, call.count);
	CloseThreadpoolWork(work);
	DestroyThreadpoolEnvironment(&environment);
	close_call(&call);
}

static void what_is_no_function_is_refused(void)
{
	TP_CALLBACK_ENVIRON environment;

	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TrySubmitThreadpoolCallback(NULL, NULL, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateThreadpoolWork(NULL, NULL, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateThreadpoolTimer(NULL, NULL, NULL));
	InitializeThreadpoolEnvironment(&environment);
	environment.Version = 9999;
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateThreadpoolWork(work_once, NULL, &environment));
}

int main(void)
{
	RUN(simple_callback_is_called);
	RUN(work_is_done_as_often_as_it_is_submitted);
	RUN(work_that_has_not_begun_is_cancelled);
	RUN(closed_work_is_done);
	RUN(function_submits_and_closes_its_work);
	RUN(timer_is_due_once);
	RUN(timer_is_due_again_and_again);
	RUN(timer_is_set_by_the_clock_or_at_once);
	RUN(timers_are_due_in_their_order);
	RUN(timer_may_be_closed_while_it_is_set);
	RUN(environment_may_be_given);
	RUN_UNLESS_WINE(what_is_no_function_is_refused, "Wine calls it");
	return tap_end();
}
