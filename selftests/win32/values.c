// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Values of threads that somebody is told of when they end, in pure Win32.
 */
#include <windows.h>

#include "threads.h"

#define PROGRAM "values"
#define THREADS	4
#define VALUE(n)	((PVOID)(ULONG_PTR)(n))

static DWORD one = FLS_OUT_OF_INDEXES, other = FLS_OUT_OF_INDEXES;
/* How often the functions were called, and of what the sum is that they were given. */
static LONG volatile count, sum, left;
static DWORD caller;

static void WINAPI note(PVOID value)
{
	caller = GetCurrentThreadId();
	InterlockedExchangeAdd(&sum, (LONG)(ULONG_PTR)value);
	InterlockedIncrement(&count);
}

static void begin(void)
{
	count = 0;
	sum = 0;
	left = 0;
	one = FlsAlloc(note);
	EXPECT(one != FLS_OUT_OF_INDEXES);
}

static DWORD WINAPI set_value(LPVOID value)
{
	if (FlsGetValue(one))
		return 1;
	if (!FlsSetValue(one, value) || FlsGetValue(one) != value)
		return 2;
	Sleep(5);
	return FlsGetValue(one) == value && !count ? 0 : 3;
}

static DWORD WINAPI set_value_and_exit(LPVOID value)
{
	FlsSetValue(one, value);
	ExitThread(7);
}

/* Who waits for a thread comes after its function. */
static void value_is_told_when_its_thread_ends(void)
{
	HANDLE thread;
	DWORD id;

	begin();
	EXPECT(FlsSetValue(one, VALUE(100)));
	thread = CreateThread(NULL, 0, set_value, VALUE(3), 0, &id);
	EXPECT_EQ(0, end(thread));
	EXPECT_EQ(1, count);
	EXPECT_EQ(3, sum);
	EXPECT_EQ(id, caller);
	EXPECT_EQ(7, end(start(set_value_and_exit, VALUE(4))));
	EXPECT_EQ(2, count);
	EXPECT_EQ(7, sum);
	EXPECT_EQ(VALUE(100), FlsGetValue(one));
	EXPECT(FlsFree(one));
}

static DWORD WINAPI set_no_value(LPVOID value)
{
	FlsSetValue(one, value);
	FlsSetValue(one, NULL);
	return 0;
}

static void null_is_not_told(void)
{
	begin();
	EXPECT_EQ(0, end(start(set_no_value, VALUE(1))));
	EXPECT(FlsSetValue(one, NULL));
	EXPECT(FlsFree(one));
	EXPECT_EQ(0, count);
}

struct thread {
	HANDLE is_set, go_on;
	int value;
};

static DWORD WINAPI set_and_stay(LPVOID argument)
{
	struct thread *thread = (struct thread *)argument;

	FlsSetValue(one, VALUE(thread->value));
	ReleaseSemaphore(thread->is_set, 1, NULL);
	WaitForSingleObject(thread->go_on, COMES);
	return FlsGetValue(one) != NULL;
}

static void values_of_all_threads_are_told_by_who_frees_the_index(void)
{
	HANDLE is_set = CreateSemaphoreA(NULL, 0, THREADS, NULL), thread[THREADS];
	HANDLE go_on = CreateEventA(NULL, TRUE, FALSE, NULL);
	struct thread what[THREADS];
	int i;

	begin();
	for (i = 0; i < THREADS; i++) {
		what[i].is_set = is_set;
		what[i].go_on = go_on;
		what[i].value = 1 << i;
		thread[i] = start(set_and_stay, &what[i]);
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(is_set, COMES));
	}
	EXPECT(FlsSetValue(one, VALUE(1 << THREADS)));
	EXPECT_EQ(0, count);
	EXPECT(FlsFree(one));
	EXPECT_EQ(THREADS + 1, count);
	EXPECT_EQ((1 << (THREADS + 1)) - 1, sum);
	EXPECT_EQ(GetCurrentThreadId(), caller);
	/* They do not have them any more, and are not told of again. */
	EXPECT(SetEvent(go_on));
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(0, end(thread[i]));
	EXPECT_EQ(THREADS + 1, count);
	EXPECT(CloseHandle(is_set));
	EXPECT(CloseHandle(go_on));
}

static void freed_index_begins_with_null(void)
{
	int i;

	for (i = 0; i < 300; i++) {
		begin();
		EXPECT_EQ(NULL, FlsGetValue(one));
		EXPECT(FlsSetValue(one, VALUE(1)));
		ASSERT(FlsFree(one));
		ASSERT_EQ(1, count);
	}
}

static void WINAPI set_the_other(PVOID value)
{
	note(value);
	FlsSetValue(other, VALUE(40));
}

static DWORD WINAPI set_the_lower(LPVOID unused)
{
	(void)unused;
	return !FlsSetValue(one < other ? one : other, VALUE(2));
}

/* A function that has a value of a higher index leaves it to that one's function. */
static void function_may_set_a_value(void)
{
	DWORD lower;

	begin();
	other = FlsAlloc(note);
	lower = one < other ? one : other;
	other = one < other ? other : one;
	EXPECT(FlsFree(lower));
	one = FlsAlloc(set_the_other);
	if (one > other) {
		/* Windows need not give the lowest. */
		EXPECT(FlsFree(one));
		EXPECT(FlsFree(other));
		return;
	}
	EXPECT_EQ(0, end(start(set_the_lower, NULL)));
	EXPECT_EQ(2, count);
	EXPECT_EQ(42, sum);
	EXPECT(FlsFree(one));
	EXPECT(FlsFree(other));
	EXPECT_EQ(2, count);
}

static HANDLE began;

static void WINAPI take_long(PVOID value)
{
	(void)value;
	SetEvent(began);
	Sleep(STAYS);
	InterlockedIncrement(&left);
}

static DWORD WINAPI set_other(LPVOID value)
{
	return !FlsSetValue(other, value);
}

/* Whoever unloads the function afterwards takes nobody's code away. */
static void index_is_free_when_its_function_has_returned(void)
{
	HANDLE thread;

	left = 0;
	began = CreateEventA(NULL, FALSE, FALSE, NULL);
	other = FlsAlloc(take_long);
	thread = start(set_other, VALUE(1));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(began, COMES));
	EXPECT(FlsFree(other));
	EXPECT_EQ(1, left);
	EXPECT_EQ(0, end(thread));
	EXPECT_EQ(1, left);
	EXPECT(CloseHandle(began));
}

static void WINAPI free_own_index(PVOID value)
{
	note(value);
	if (!FlsFree(one))
		InterlockedIncrement(&left);
}

static DWORD WINAPI set_one(LPVOID value)
{
	return !FlsSetValue(one, value);
}

static void function_may_free_its_index(void)
{
	begin();
	EXPECT(FlsFree(one));
	one = FlsAlloc(free_own_index);
	EXPECT_EQ(0, end(start(set_one, VALUE(5))));
	EXPECT_EQ(1, count);
	EXPECT_EQ(0, left);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsFree(one));
}

static void what_cannot_be_an_index_is_refused(void)
{
	begin();
	EXPECT(one != 0);
	EXPECT(FlsFree(one));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsFree(one));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsFree(0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsFree(FLS_OUT_OF_INDEXES));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsGetValue(0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsSetValue(0, VALUE(1)));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsGetValue(FLS_OUT_OF_INDEXES));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FlsSetValue(FLS_OUT_OF_INDEXES, VALUE(1)));
	EXPECT_EQ(0, count);
}

/* Windows has had 128 and has 4080. */
static void there_are_a_hundred_and_an_end(void)
{
	static DWORD index[5000];
	int i, n = 0;

	while (n < 5000 && (index[n] = FlsAlloc(NULL)) != FLS_OUT_OF_INDEXES)
		n++;
	EXPECT_EQ(ERROR_NOT_ENOUGH_MEMORY, GetLastError());
	EXPECT(n >= 100 && n < 5000);
	for (i = 0; i < n; i++)
		ASSERT(FlsFree(index[i]));
	begin();
	EXPECT(FlsFree(one));
}

int main(void)
{
	RUN(value_is_told_when_its_thread_ends);
	RUN(null_is_not_told);
	RUN(values_of_all_threads_are_told_by_who_frees_the_index);
	RUN(freed_index_begins_with_null);
	RUN(function_may_set_a_value);
	RUN(index_is_free_when_its_function_has_returned);
	RUN_UNLESS_WINE(function_may_free_its_index, "Wine waits for itself");
	RUN(what_cannot_be_an_index_is_refused);
	RUN(there_are_a_hundred_and_an_end);
	return tap_end();
}
