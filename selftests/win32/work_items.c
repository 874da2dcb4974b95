// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The thread pool of the process, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "work_items"
#define ITEMS	2000
#define SLEEPERS	12

static HANDLE done, go_on;
static LONG left;
static LONG volatile ran[ITEMS];

static void open_events(LONG count)
{
	done = CreateEventA(NULL, FALSE, FALSE, NULL);
	go_on = CreateEventA(NULL, TRUE, FALSE, NULL);
	left = count;
}

static void close_events(void)
{
	EXPECT(CloseHandle(done));
	EXPECT(CloseHandle(go_on));
}

static void one_less(void)
{
	if (InterlockedDecrement(&left) == 0)
		SetEvent(done);
}

static DWORD WINAPI count_one(LPVOID context)
{
	InterlockedIncrement((LONG volatile *)context);
	one_less();
	return 0;
}

static void each_item_runs_once(void)
{
	int i;

	open_events(ITEMS);
	for (i = 0; i < ITEMS; i++)
		ASSERT(QueueUserWorkItem(count_one, (LPVOID)&ran[i], WT_EXECUTEDEFAULT));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(done, COMES));
	for (i = 0; i < ITEMS; i++)
		EXPECT_EQ(1, ran[i]);
	close_events();
}

static DWORD WINAPI tell_thread(LPVOID context)
{
	*(DWORD *)context = GetCurrentThreadId();
	one_less();
	return 0;
}

static void item_runs_in_another_thread(void)
{
	DWORD thread = 0;

	open_events(1);
	ASSERT(QueueUserWorkItem(tell_thread, &thread, WT_EXECUTEDEFAULT));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(done, COMES));
	EXPECT(thread && thread != GetCurrentThreadId());
	close_events();
}

/* Only when all of them sleep at the same time do they go on. */
static DWORD WINAPI meet(LPVOID context)
{
	one_less();
	WaitForSingleObject(go_on, COMES);
	InterlockedIncrement((LONG volatile *)context);
	return 0;
}

static void items_that_wait_do_not_hold_up_others(void)
{
	static LONG volatile met;
	int i;

	open_events(SLEEPERS);
	for (i = 0; i < SLEEPERS; i++)
		ASSERT(QueueUserWorkItem(meet, (LPVOID)&met, WT_EXECUTELONGFUNCTION));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(done, COMES));
	EXPECT_EQ(0, met);
	EXPECT(SetEvent(go_on));
	for (i = 0; i < COMES && met < SLEEPERS; i++)
		Sleep(1);
	EXPECT_EQ(SLEEPERS, met);
	close_events();
}

static DWORD WINAPI queue_the_next(LPVOID context)
{
	LONG more = InterlockedDecrement(&left);

	if (more)
		EXPECT(QueueUserWorkItem(queue_the_next, context, WT_EXECUTEDEFAULT));
	else
		SetEvent(done);
	return 0;
}

static void items_queue_items(void)
{
	open_events(500);
	ASSERT(QueueUserWorkItem(queue_the_next, NULL, WT_EXECUTEDEFAULT));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(done, COMES));
	EXPECT_EQ(0, left);
	close_events();
}

static void no_function_is_refused(void)
{
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, QueueUserWorkItem(NULL, NULL, WT_EXECUTEDEFAULT));
}

int main(void)
{
	RUN(each_item_runs_once);
	RUN(item_runs_in_another_thread);
	RUN(items_that_wait_do_not_hold_up_others);
	RUN(items_queue_items);
	RUN_UNLESS_WINE(no_function_is_refused, "Wine calls it");
	return tap_end();
}
