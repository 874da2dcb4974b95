// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What happens once, and what each thread has for itself, in pure Win32.
 */
#include <windows.h>

#include "threads.h"

#define PROGRAM "once"

static DWORD tls;

static DWORD WINAPI have_a_value_of_its_own(LPVOID argument)
{
	SetLastError(0xdead);
	if (TlsGetValue(tls) || GetLastError())
		return 1;
	if (!TlsSetValue(tls, argument) || TlsGetValue(tls) != argument)
		return 2;
	Sleep(10);
	return TlsGetValue(tls) == argument ? 0 : 3;
}

static void each_thread_has_its_own_value(void)
{
	HANDLE thread[4];
	char it[5];
	int i;

	tls = TlsAlloc();
	ASSERT(tls != TLS_OUT_OF_INDEXES);
	EXPECT(TlsSetValue(tls, &it[4]));
	for (i = 0; i < 4; i++)
		thread[i] = start(have_a_value_of_its_own, &it[i]);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, end(thread[i]));
	EXPECT_EQ(&it[4], TlsGetValue(tls));
	EXPECT(TlsFree(tls));
}

static void value_that_was_read_clears_the_last_error(void)
{
	DWORD mine = TlsAlloc();
	int it;

	ASSERT(mine != TLS_OUT_OF_INDEXES);
	SetLastError(0xdead);
	EXPECT_EQ(NULL, TlsGetValue(mine));
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	SetLastError(0xdead);
	EXPECT(TlsSetValue(mine, &it));
	EXPECT_EQ(0xdead, GetLastError());
	EXPECT_EQ(&it, TlsGetValue(mine));
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT(TlsFree(mine));
}

static void numbers_are_checked(void)
{
	DWORD mine = TlsAlloc();

	EXPECT(TlsFree(mine));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsFree(mine));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsFree(1088));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsFree(TLS_OUT_OF_INDEXES));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsGetValue(1088));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsGetValue(TLS_OUT_OF_INDEXES));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsSetValue(1088, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, TlsSetValue(TLS_OUT_OF_INDEXES, NULL));
}

static void there_are_a_thousand_and_no_more(void)
{
	static DWORD all[2000];
	static char taken[2000];
	int count, i;

	for (count = 0; count < 2000; count++) {
		all[count] = TlsAlloc();
		if (all[count] == TLS_OUT_OF_INDEXES)
			break;
		EXPECT(all[count] < 1088 && !taken[all[count]]++);
		EXPECT(TlsSetValue(all[count], &taken[count]));
	}
	EXPECT_EQ(ERROR_NO_MORE_ITEMS, GetLastError());
	/* Some are the C library's. */
	EXPECT(count > 1000 && count <= 1088);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(&taken[i], TlsGetValue(all[i]));
		EXPECT(TlsFree(all[i]));
	}
}

static HANDLE begun, go_on;

static DWORD WINAPI keep_a_value(LPVOID argument)
{
	if (!TlsSetValue(tls, argument))
		return 1;
	SetEvent(begun);
	WaitForSingleObject(go_on, COMES);
	return TlsGetValue(tls) ? 2 : 0;
}

static void number_that_is_used_again_begins_with_null_everywhere(void)
{
	HANDLE thread;
	DWORD first;

	begun = CreateEventA(NULL, FALSE, FALSE, NULL);
	go_on = CreateEventA(NULL, FALSE, FALSE, NULL);
	tls = first = TlsAlloc();
	ASSERT(tls != TLS_OUT_OF_INDEXES && begun && go_on);
	EXPECT(TlsSetValue(tls, &first));
	thread = start(keep_a_value, &first);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(begun, COMES));
	EXPECT(TlsFree(tls));
	tls = TlsAlloc();
	EXPECT_EQ(first, tls);
	EXPECT_EQ(NULL, TlsGetValue(tls));
	EXPECT(SetEvent(go_on));
	EXPECT_EQ(0, end(thread));
	EXPECT(TlsFree(tls));
	EXPECT(CloseHandle(begun));
	EXPECT(CloseHandle(go_on));
}

static INIT_ONCE once;
static LONG nr_called;
static int fails;

static BOOL CALLBACK initialise(PINIT_ONCE once_again, PVOID parameter, PVOID *context)
{
	EXPECT_EQ(&once, once_again);
	Sleep(STAYS);
	InterlockedIncrement(&nr_called);
	SetLastError(0xbeef);
	if (fails)
		return FALSE;
	*context = parameter;
	return TRUE;
}

static DWORD WINAPI do_it_once(LPVOID argument)
{
	LPVOID context = NULL;

	return InitOnceExecuteOnce(&once, initialise, argument, &context) &&
	       context == argument && nr_called == 1;
}

static void function_is_called_once_and_all_wait_for_it(void)
{
	static const INIT_ONCE fresh = INIT_ONCE_STATIC_INIT;
	HANDLE thread[4];
	int it[4], i;

	once = fresh;
	nr_called = fails = 0;
	for (i = 0; i < 4; i++)
		thread[i] = start(do_it_once, it);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(TRUE, end(thread[i]));
	EXPECT_EQ(1, nr_called);
	EXPECT(InitOnceExecuteOnce(&once, initialise, NULL, NULL));
	EXPECT_EQ(1, nr_called);
}

static void function_that_failed_is_called_again(void)
{
	LPVOID context = &context;
	int it[4];

	InitOnceInitialize(&once);
	nr_called = 0;
	fails = 1;
	EXPECT_ERROR(0xbeef, InitOnceExecuteOnce(&once, initialise, it, &context));
	EXPECT_ERROR(0xbeef, InitOnceExecuteOnce(&once, initialise, it, &context));
	EXPECT_EQ(2, nr_called);
	fails = 0;
	EXPECT(InitOnceExecuteOnce(&once, initialise, it, &context));
	EXPECT_EQ(it, context);
	EXPECT_EQ(3, nr_called);
}

static void in_two_steps(void)
{
	BOOL pending = 77;
	LPVOID context = NULL;
	int it[4];

	InitOnceInitialize(&once);
	EXPECT_ERROR(ERROR_GEN_FAILURE,
		     InitOnceBeginInitialize(&once, INIT_ONCE_CHECK_ONLY, &pending, &context));
	EXPECT(InitOnceBeginInitialize(&once, 0, &pending, &context));
	EXPECT_EQ(TRUE, pending);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     InitOnceBeginInitialize(&once, INIT_ONCE_ASYNC, &pending, &context));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, InitOnceComplete(&once, 0, (char *)it + 1));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     InitOnceComplete(&once, INIT_ONCE_INIT_FAILED, it));
	/* Not this time. */
	EXPECT(InitOnceComplete(&once, INIT_ONCE_INIT_FAILED, NULL));
	EXPECT(InitOnceBeginInitialize(&once, 0, &pending, &context));
	EXPECT_EQ(TRUE, pending);
	EXPECT(InitOnceComplete(&once, 0, it));
	EXPECT_ERROR(ERROR_GEN_FAILURE, InitOnceComplete(&once, 0, it));
	EXPECT(InitOnceBeginInitialize(&once, 0, &pending, &context));
	EXPECT_EQ(FALSE, pending);
	EXPECT_EQ(it, context);
	context = NULL;
	pending = 77;
	EXPECT(InitOnceBeginInitialize(&once, INIT_ONCE_CHECK_ONLY, &pending, &context));
	EXPECT_EQ(FALSE, pending);
	EXPECT_EQ(it, context);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     InitOnceBeginInitialize(&once, INIT_ONCE_CHECK_ONLY | INIT_ONCE_ASYNC,
					     &pending, &context));
}

static void of_many_the_first_that_completes_wins(void)
{
	BOOL pending = 77;
	LPVOID context;
	int it[8];

	InitOnceInitialize(&once);
	EXPECT(InitOnceBeginInitialize(&once, INIT_ONCE_ASYNC, &pending, &context));
	EXPECT_EQ(TRUE, pending);
	EXPECT(InitOnceBeginInitialize(&once, INIT_ONCE_ASYNC, &pending, &context));
	EXPECT_EQ(TRUE, pending);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     InitOnceBeginInitialize(&once, 0, &pending, &context));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, InitOnceComplete(&once, 0, it));
	EXPECT(InitOnceComplete(&once, INIT_ONCE_ASYNC, it));
	EXPECT_ERROR(ERROR_GEN_FAILURE, InitOnceComplete(&once, INIT_ONCE_ASYNC, &it[4]));
	EXPECT(InitOnceBeginInitialize(&once, INIT_ONCE_ASYNC, &pending, &context));
	EXPECT_EQ(FALSE, pending);
	EXPECT_EQ(it, context);
}

int main(void)
{
	RUN(each_thread_has_its_own_value);
	RUN(value_that_was_read_clears_the_last_error);
	RUN(numbers_are_checked);
	RUN(there_are_a_thousand_and_no_more);
	RUN(number_that_is_used_again_begins_with_null_everywhere);
	RUN(function_is_called_once_and_all_wait_for_it);
	RUN(function_that_failed_is_called_again);
	RUN(in_two_steps);
	RUN(of_many_the_first_that_completes_wins);
	return tap_end();
}
