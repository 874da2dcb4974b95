// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Condition variables, in pure Win32.
 */
#include <windows.h>

#include <string.h>

#include "threads.h"

#define PROGRAM "conditions"
#define THREADS	4
#define ITEMS	20000
#define ROOM	3
#define ROUNDS	1000

/* What threads wait for, under either lock. */
static struct {
	CRITICAL_SECTION section;
	SRWLOCK srw;
	CONDITION_VARIABLE changed, other;
	int asleep, go, gone, readers;
} the;

static void start_all(HANDLE thread[THREADS], LPTHREAD_START_ROUTINE routine)
{
	int i;

	for (i = 0; i < THREADS; i++)
		thread[i] = start(routine, NULL);
}

static void end_all(HANDLE thread[THREADS])
{
	int i;

	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(0, end_within(thread[i], 4 * COMES));
}

static void begin(void)
{
	ZeroMemory(&the, sizeof(the));
	InitializeCriticalSection(&the.section);
	InitializeSRWLock(&the.srw);
	InitializeConditionVariable(&the.changed);
	InitializeConditionVariable(&the.other);
}

/* Sleeps until there is a go for it, and takes that. */
static DWORD WINAPI sleep_in_section(LPVOID unused)
{
	DWORD failed = 0;

	(void)unused;
	EnterCriticalSection(&the.section);
	the.asleep++;
	while (!the.go && !failed)
		failed = !SleepConditionVariableCS(&the.changed, &the.section, COMES);
	the.go--;
	the.gone++;
	LeaveCriticalSection(&the.section);
	return failed;
}

static void wait_until_asleep(int count)
{
	int asleep;

	do {
		Sleep(1);
		EnterCriticalSection(&the.section);
		asleep = the.asleep;
		LeaveCriticalSection(&the.section);
	} while (asleep < count);
}

static void let_go(int count)
{
	EnterCriticalSection(&the.section);
	the.go += count;
	LeaveCriticalSection(&the.section);
}

static int gone(void)
{
	int count;

	EnterCriticalSection(&the.section);
	count = the.gone;
	LeaveCriticalSection(&the.section);
	return count;
}

static void it_is_a_pointer_and_begins_with_zeros(void)
{
	static const CONDITION_VARIABLE zeros;
	CONDITION_VARIABLE made = CONDITION_VARIABLE_INIT;

	EXPECT_EQ(sizeof(PVOID), sizeof(CONDITION_VARIABLE));
	EXPECT(!memcmp(&made, &zeros, sizeof(made)));
	FillMemory(&made, sizeof(made), 0xa5);
	InitializeConditionVariable(&made);
	EXPECT(!memcmp(&made, &zeros, sizeof(made)));
	/* Nobody sleeps, and nothing is kept for who comes later. */
	WakeConditionVariable(&made);
	WakeAllConditionVariable(&made);
	begin();
	EnterCriticalSection(&the.section);
	EXPECT_ERROR(ERROR_TIMEOUT, SleepConditionVariableCS(&made, &the.section, 5));
	LeaveCriticalSection(&the.section);
	DeleteCriticalSection(&the.section);
}

static void each_wake_up_is_for_one(void)
{
	HANDLE thread[THREADS];
	int i;

	begin();
	start_all(thread, sleep_in_section);
	wait_until_asleep(THREADS);
	/* Who returns without a go sleeps again. */
	let_go(THREADS);
	for (i = 0; i < THREADS; i++) {
		ULONGLONG until = milliseconds() + COMES;

		EXPECT(gone() >= i);
		WakeConditionVariable(&the.changed);
		while (gone() <= i && milliseconds() < until)
			Sleep(1);
		EXPECT(gone() > i);
	}
	end_all(thread);
	DeleteCriticalSection(&the.section);
}

static void all_are_woken(void)
{
	ULONGLONG began = milliseconds();
	HANDLE thread[THREADS];

	begin();
	start_all(thread, sleep_in_section);
	wait_until_asleep(THREADS);
	let_go(THREADS);
	WakeAllConditionVariable(&the.changed);
	end_all(thread);
	EXPECT_EQ(THREADS, the.gone);
	EXPECT(milliseconds() - began < COMES);
	DeleteCriticalSection(&the.section);
}

static void wake_up_of_another_one_does_not_count(void)
{
	HANDLE thread;

	begin();
	thread = start(sleep_in_section, NULL);
	wait_until_asleep(1);
	let_go(1);
	WakeAllConditionVariable(&the.other);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	WakeConditionVariable(&the.changed);
	EXPECT_EQ(0, end_within(thread, 4 * COMES));
	DeleteCriticalSection(&the.section);
}

static DWORD WINAPI take_section(LPVOID unused)
{
	(void)unused;
	EnterCriticalSection(&the.section);
	the.gone++;
	LeaveCriticalSection(&the.section);
	return 0;
}

/* Meanwhile another thread has the lock, and afterwards it is this thread's again. */
static void sleep_that_ends_is_a_time_out(void)
{
	ULONGLONG began;
	HANDLE thread;

	begin();
	EnterCriticalSection(&the.section);
	thread = start(take_section, NULL);
	began = milliseconds();
	EXPECT_ERROR(ERROR_TIMEOUT, SleepConditionVariableCS(&the.changed, &the.section, STAYS));
	EXPECT(milliseconds() - began >= STAYS - 16);
	EXPECT_EQ(0, end_within(thread, 4 * COMES));
	EXPECT_EQ(1, the.gone);
	thread = start(take_section, NULL);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS / 4));
	LeaveCriticalSection(&the.section);
	EXPECT_EQ(0, end_within(thread, 4 * COMES));
	/* One of no time, too. */
	EnterCriticalSection(&the.section);
	EXPECT_ERROR(ERROR_TIMEOUT, SleepConditionVariableCS(&the.changed, &the.section, 0));
	LeaveCriticalSection(&the.section);
	DeleteCriticalSection(&the.section);
}

static void time_out_of_a_lock_is_one_too(void)
{
	begin();
	AcquireSRWLockExclusive(&the.srw);
	EXPECT_ERROR(ERROR_TIMEOUT, SleepConditionVariableSRW(&the.changed, &the.srw, 5, 0));
	ReleaseSRWLockExclusive(&the.srw);
	AcquireSRWLockShared(&the.srw);
	EXPECT_ERROR(ERROR_TIMEOUT,
		     SleepConditionVariableSRW(&the.changed, &the.srw, 5,
					       CONDITION_VARIABLE_LOCKMODE_SHARED));
	ReleaseSRWLockShared(&the.srw);
	/* Nobody holds it. */
	AcquireSRWLockExclusive(&the.srw);
	ReleaseSRWLockExclusive(&the.srw);
	DeleteCriticalSection(&the.section);
}

/* Readers stay together until the last of them is there. */
static DWORD WINAPI read_with_others(LPVOID unused)
{
	DWORD failed = 0;

	(void)unused;
	AcquireSRWLockShared(&the.srw);
	EnterCriticalSection(&the.section);
	the.asleep++;
	LeaveCriticalSection(&the.section);
	while (!the.go && !failed)
		failed = !SleepConditionVariableSRW(&the.changed, &the.srw, COMES,
						    CONDITION_VARIABLE_LOCKMODE_SHARED);
	EnterCriticalSection(&the.section);
	the.readers++;
	LeaveCriticalSection(&the.section);
	while (!failed) {
		int readers;

		EnterCriticalSection(&the.section);
		readers = the.readers;
		LeaveCriticalSection(&the.section);
		if (readers == THREADS)
			break;
		Sleep(1);
	}
	ReleaseSRWLockShared(&the.srw);
	return failed;
}

static void lock_is_shared_again(void)
{
	HANDLE thread[THREADS];

	begin();
	start_all(thread, read_with_others);
	wait_until_asleep(THREADS);
	AcquireSRWLockExclusive(&the.srw);
	the.go = 1;
	ReleaseSRWLockExclusive(&the.srw);
	WakeAllConditionVariable(&the.changed);
	end_all(thread);
	DeleteCriticalSection(&the.section);
}

/* It waits for the section, which the other thread gives back to sleep. */
static DWORD WINAPI wake_each_time(LPVOID ready)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		WaitForSingleObject((HANDLE)ready, COMES);
		EnterCriticalSection(&the.section);
		the.go++;
		LeaveCriticalSection(&the.section);
		WakeConditionVariable(&the.changed);
	}
	return 0;
}

static void who_comes_between_giving_back_and_sleeping_is_heard(void)
{
	HANDLE ready = CreateEventA(NULL, FALSE, FALSE, NULL), thread;
	int i, failed = 0;

	begin();
	thread = start(wake_each_time, ready);
	for (i = 0; i < ROUNDS; i++) {
		EnterCriticalSection(&the.section);
		SetEvent(ready);
		if (i % 2)
			Sleep(1);
		while (the.go == i && !failed)
			failed = !SleepConditionVariableCS(&the.changed, &the.section, COMES);
		LeaveCriticalSection(&the.section);
		ASSERT(!failed);
	}
	EXPECT_EQ(0, end_within(thread, 4 * COMES));
	EXPECT(CloseHandle(ready));
	DeleteCriticalSection(&the.section);
}

/* Items go through a queue with little room: a wake-up that is lost stops it. */
static struct {
	CRITICAL_SECTION section;
	SRWLOCK srw;
	CONDITION_VARIABLE not_empty, not_full;
	int is_srw, count, put, taken;
} queue;

static void lock_queue(void)
{
	if (queue.is_srw)
		AcquireSRWLockExclusive(&queue.srw);
	else
		EnterCriticalSection(&queue.section);
}

static void unlock_queue(void)
{
	if (queue.is_srw)
		ReleaseSRWLockExclusive(&queue.srw);
	else
		LeaveCriticalSection(&queue.section);
}

static BOOL sleep_at_queue(PCONDITION_VARIABLE variable)
{
	return queue.is_srw ?
		SleepConditionVariableSRW(variable, &queue.srw, COMES, 0) :
		SleepConditionVariableCS(variable, &queue.section, COMES);
}

static DWORD WINAPI put_items(LPVOID unused)
{
	(void)unused;
	for (;;) {
		lock_queue();
		while (queue.count == ROOM && queue.put < ITEMS)
			if (!sleep_at_queue(&queue.not_full))
				return 1;
		if (queue.put == ITEMS)
			break;
		queue.put++;
		queue.count++;
		unlock_queue();
		WakeConditionVariable(&queue.not_empty);
	}
	unlock_queue();
	WakeAllConditionVariable(&queue.not_full);
	return 0;
}

static DWORD WINAPI take_items(LPVOID unused)
{
	(void)unused;
	for (;;) {
		lock_queue();
		while (!queue.count && queue.taken < ITEMS)
			if (!sleep_at_queue(&queue.not_empty))
				return 1;
		if (queue.taken == ITEMS)
			break;
		queue.count--;
		queue.taken++;
		WakeConditionVariable(&queue.not_full);
		unlock_queue();
	}
	unlock_queue();
	WakeAllConditionVariable(&queue.not_empty);
	return 0;
}

static void pass_items(int is_srw)
{
	HANDLE thread[2 * THREADS];
	int i;

	ZeroMemory(&queue, sizeof(queue));
	InitializeCriticalSection(&queue.section);
	InitializeSRWLock(&queue.srw);
	queue.is_srw = is_srw;
	for (i = 0; i < 2 * THREADS; i++)
		thread[i] = start(i % 2 ? put_items : take_items, NULL);
	for (i = 0; i < 2 * THREADS; i++)
		EXPECT_EQ(0, end_within(thread[i], 4 * COMES));
	EXPECT_EQ(ITEMS, queue.taken);
	EXPECT_EQ(0, queue.count);
	DeleteCriticalSection(&queue.section);
}

static void no_wake_up_is_lost_in_a_section(void)
{
	pass_items(0);
}

static void no_wake_up_is_lost_with_a_lock(void)
{
	pass_items(1);
}

/* The variable is somebody's memory that is freed, and is something else then. */
static void who_is_woken_does_not_touch_it(void)
{
	CONDITION_VARIABLE pattern;
	HANDLE thread[THREADS];
	int i;

	memset(&pattern, 0xa5, sizeof(pattern));
	for (i = 0; i < 20; i++) {
		begin();
		start_all(thread, sleep_in_section);
		wait_until_asleep(THREADS);
		EnterCriticalSection(&the.section);
		the.go = THREADS;
		WakeAllConditionVariable(&the.changed);
		the.changed = pattern;
		LeaveCriticalSection(&the.section);
		end_all(thread);
		EXPECT(!memcmp(&the.changed, &pattern, sizeof(pattern)));
	}
}

int main(void)
{
	RUN(it_is_a_pointer_and_begins_with_zeros);
	RUN(each_wake_up_is_for_one);
	RUN(all_are_woken);
	RUN(wake_up_of_another_one_does_not_count);
	RUN(sleep_that_ends_is_a_time_out);
	RUN(time_out_of_a_lock_is_one_too);
	RUN(lock_is_shared_again);
	RUN(who_comes_between_giving_back_and_sleeping_is_heard);
	RUN(no_wake_up_is_lost_in_a_section);
	RUN(no_wake_up_is_lost_with_a_lock);
	RUN(who_is_woken_does_not_touch_it);
	return tap_end();
}
