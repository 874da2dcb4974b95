// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Events, and waiting for them, in pure Win32.
 */
#include <windows.h>

#include "threads.h"

#define PROGRAM "events"

static DWORD WINAPI wait_for_it(LPVOID argument)
{
	return WaitForSingleObject(argument, COMES);
}

static DWORD WINAPI do_nothing(LPVOID argument)
{
	(void)argument;
	return 0;
}

static HANDLE auto_event(BOOL set)
{
	return CreateEventA(NULL, FALSE, set, NULL);
}

static HANDLE manual_event(BOOL set)
{
	return CreateEventW(NULL, TRUE, set, NULL);
}

static void manual_one_stays_set(void)
{
	HANDLE event = manual_event(FALSE);

	ASSERT(event);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(SetEvent(event));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, INFINITE));
	EXPECT(SetEvent(event));
	EXPECT(ResetEvent(event));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(ResetEvent(event));
	EXPECT(CloseHandle(event));
}

static void one_that_resets_itself_ends_one_wait(void)
{
	HANDLE event = auto_event(FALSE);

	ASSERT(event);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 10));
	EXPECT(SetEvent(event));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, INFINITE));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	/* However often it is set. */
	EXPECT(SetEvent(event));
	EXPECT(SetEvent(event));
	EXPECT(SetEvent(event));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(SetEvent(event));
	EXPECT(ResetEvent(event));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(CloseHandle(event));
}

static void can_be_set_from_the_beginning(void)
{
	HANDLE itself = auto_event(TRUE), manual = manual_event(TRUE);
	HANDLE both = CreateEventExA(NULL, NULL, CREATE_EVENT_MANUAL_RESET |
				     CREATE_EVENT_INITIAL_SET, EVENT_ALL_ACCESS);
	HANDLE neither = CreateEventExW(NULL, NULL, 0, EVENT_MODIFY_STATE | SYNCHRONIZE);

	ASSERT(itself && manual && both && neither);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(itself, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(itself, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(manual, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(manual, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(both, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(both, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(neither, 0));
	EXPECT(CloseHandle(itself));
	EXPECT(CloseHandle(manual));
	EXPECT(CloseHandle(both));
	EXPECT(CloseHandle(neither));
}

static void handle_is_an_even_number(void)
{
	HANDLE handle[10];
	int i;

	for (i = 0; i < 10; i++) {
		handle[i] = auto_event(FALSE);
		EXPECT((ULONG_PTR)handle[i] > 2);
		EXPECT_EQ(0, (ULONG_PTR)handle[i] & 1);
	}
	for (i = 0; i < 10; i++)
		EXPECT(CloseHandle(handle[i]));
}

static void what_is_no_event_is_an_invalid_handle(void)
{
	HANDLE event = auto_event(FALSE), port, thread;

	ASSERT(event);
	EXPECT(CloseHandle(event));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetEvent(event));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ResetEvent(event));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetEvent(NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ResetEvent(NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CloseHandle(event));
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForSingleObject(event, 0));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForSingleObject(NULL, INFINITE));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());

	thread = start(do_nothing, NULL);
	ASSERT(thread);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetEvent(thread));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ResetEvent(thread));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	ASSERT(port);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetEvent(port));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ResetEvent(port));
	EXPECT(CloseHandle(port));
}

static void event_is_no_port_and_no_thread(void)
{
	HANDLE event = auto_event(TRUE);
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD n;

	ASSERT(event);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, PostQueuedCompletionStatus(event, 0, 0, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE,
		     GetQueuedCompletionStatus(event, &n, &key, &overlapped, 0));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetExitCodeThread(event, &n));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	EXPECT(CloseHandle(event));
}

static void name_that_is_too_long_is_refused(void)
{
	char name[MAX_PATH + 1];
	HANDLE event;
	int i;

	for (i = 0; i < MAX_PATH; i++)
		name[i] = 'n';
	name[i] = 0;
	EXPECT_ERROR(ERROR_FILENAME_EXCED_RANGE, CreateEventA(NULL, FALSE, FALSE, name));
	/* This is none. */
	event = CreateEventA(NULL, FALSE, FALSE, "");
	EXPECT(event);
	EXPECT(CloseHandle(event));
}

static void first_of_several_is_taken_alone(void)
{
	HANDLE handle[3] = { auto_event(FALSE), auto_event(TRUE), auto_event(TRUE) };
	int i;

	EXPECT_EQ(WAIT_OBJECT_0 + 1, WaitForMultipleObjects(3, handle, FALSE, INFINITE));
	EXPECT_EQ(WAIT_OBJECT_0 + 2, WaitForMultipleObjects(3, handle, FALSE, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, FALSE, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, FALSE, 10));
	EXPECT(SetEvent(handle[0]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(3, handle, FALSE, COMES));
	for (i = 0; i < 3; i++)
		EXPECT(CloseHandle(handle[i]));
}

static void all_are_taken_or_none(void)
{
	HANDLE handle[3] = { auto_event(TRUE), manual_event(TRUE), auto_event(FALSE) };
	int i;

	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, TRUE, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, TRUE, 10));
	EXPECT(SetEvent(handle[2]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(3, handle, TRUE, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(handle[0], 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(handle[1], 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(handle[2], 0));
	for (i = 0; i < 3; i++)
		EXPECT(CloseHandle(handle[i]));
}

static HANDLE pair[2];

static DWORD WINAPI set_them_in_turn(LPVOID argument)
{
	(void)argument;
	Sleep(STAYS);
	SetEvent(pair[0]);
	Sleep(STAYS);
	SetEvent(pair[1]);
	return 0;
}

static void wait_for_all_sleeps_until_the_last_is_set(void)
{
	HANDLE thread;

	pair[0] = auto_event(FALSE);
	pair[1] = manual_event(FALSE);
	thread = start(set_them_in_turn, NULL);
	ASSERT(thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(2, pair, TRUE, INFINITE));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(pair[0], 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(pair[0]));
	EXPECT(CloseHandle(pair[1]));
}

static void same_handle_twice_is_for_any_only(void)
{
	HANDLE handle[2];

	handle[0] = handle[1] = auto_event(TRUE);
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(2, handle, TRUE, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(2, handle, FALSE, 0));
	EXPECT(CloseHandle(handle[0]));
}

static void number_of_handles_is_checked(void)
{
	HANDLE handle[65];
	int i;

	for (i = 0; i < 65; i++) {
		handle[i] = auto_event(FALSE);
		ASSERT(handle[i]);
	}
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(65, handle, FALSE, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjectsEx(0, handle, FALSE, 0, TRUE));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(64, handle, FALSE, 10));
	EXPECT(SetEvent(handle[63]));
	EXPECT_EQ(WAIT_OBJECT_0 + 63, WaitForMultipleObjects(64, handle, FALSE, INFINITE));
	for (i = 0; i < 65; i++)
		EXPECT(SetEvent(handle[i]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(64, handle, TRUE, INFINITE));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(64, handle, FALSE, 0));
	for (i = 0; i < 65; i++)
		EXPECT(CloseHandle(handle[i]));
}

static void one_closed_handle_of_several_fails(void)
{
	HANDLE handle[2] = { auto_event(TRUE), auto_event(TRUE) };

	EXPECT(CloseHandle(handle[1]));
	SetLastError(0xdead);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(2, handle, FALSE, INFINITE));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	/* Nothing was taken. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(handle[0], 0));
	EXPECT(CloseHandle(handle[0]));
}

/* Starts threads that wait for an event, and gives them the time to. */
static void start_waiting(HANDLE *thread, int count, HANDLE event)
{
	int i;

	for (i = 0; i < count; i++)
		thread[i] = start(wait_for_it, event);
	Sleep(STAYS);
}

static void end_waiting(HANDLE *thread, int count)
{
	DWORD code;
	int i;

	for (i = 0; i < count; i++) {
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread[i], 2 * COMES));
		code = 77;
		EXPECT(GetExitCodeThread(thread[i], &code));
		EXPECT_EQ(WAIT_OBJECT_0, code);
		EXPECT(CloseHandle(thread[i]));
	}
}

static void each_setting_releases_one_that_waits(void)
{
	HANDLE event = auto_event(FALSE), thread[4];
	int round, i;

	ASSERT(event);
	for (round = 0; round < 5; round++) {
		start_waiting(thread, 4, event);
		for (i = 0; i < 4; i++)
			EXPECT(SetEvent(event));
		end_waiting(thread, 4);
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	}
	EXPECT(CloseHandle(event));
}

static void one_setting_too_many_stays(void)
{
	HANDLE event = auto_event(FALSE), thread[2];
	int i;

	ASSERT(event);
	start_waiting(thread, 2, event);
	for (i = 0; i < 5; i++)
		EXPECT(SetEvent(event));
	end_waiting(thread, 2);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(CloseHandle(event));
}

static void manual_one_releases_all_that_wait(void)
{
	HANDLE event = manual_event(FALSE), thread[4];

	ASSERT(event);
	start_waiting(thread, 4, event);
	EXPECT(SetEvent(event));
	end_waiting(thread, 4);
	EXPECT(CloseHandle(event));
}

static HANDLE ping, pong;
enum { ROUNDS = 2000 };

static DWORD WINAPI answer(LPVOID argument)
{
	DWORD *answered = argument;

	while (*answered < ROUNDS && WaitForSingleObject(ping, COMES) == WAIT_OBJECT_0) {
		++*answered;
		SetEvent(pong);
	}
	return 0;
}

static void two_threads_hand_over_to_each_other(void)
{
	DWORD answered = 0, i;
	HANDLE thread;

	ping = auto_event(FALSE);
	pong = auto_event(FALSE);
	thread = start(answer, &answered);
	ASSERT(thread);
	for (i = 0; i < ROUNDS; i++) {
		EXPECT(SetEvent(ping));
		ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(pong, COMES));
	}
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_EQ(ROUNDS, answered);
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(ping));
	EXPECT(CloseHandle(pong));
}

static DWORD WINAPI wait_a_little(LPVOID argument)
{
	return WaitForSingleObject(argument, 5 * STAYS);
}

static void wait_goes_on_though_the_handle_is_closed(void)
{
	HANDLE event = auto_event(FALSE), thread;
	DWORD code = 77;

	ASSERT(event);
	thread = start(wait_a_little, event);
	ASSERT(thread);
	Sleep(STAYS);
	EXPECT(CloseHandle(event));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(WAIT_TIMEOUT, code);
	EXPECT(CloseHandle(thread));
}

static void event_beside_a_thread_and_a_port(void)
{
	HANDLE handle[3];
	int i;

	handle[0] = auto_event(FALSE);
	handle[1] = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	handle[2] = start(wait_a_little, handle[0]);
	for (i = 0; i < 3; i++)
		ASSERT(handle[i]);
	EXPECT_EQ(WAIT_OBJECT_0 + 2, WaitForMultipleObjects(3, handle, FALSE, COMES));
	EXPECT(PostQueuedCompletionStatus(handle[1], 0, 0, NULL));
	EXPECT_EQ(WAIT_OBJECT_0 + 1, WaitForMultipleObjects(3, handle, FALSE, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, TRUE, 10));
	EXPECT(SetEvent(handle[0]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(3, handle, FALSE, COMES));
	EXPECT(SetEvent(handle[0]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(3, handle, TRUE, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(handle[0], 0));
	for (i = 0; i < 3; i++)
		EXPECT(CloseHandle(handle[i]));
}

static LONG nr_called;

static void NTAPI count_it(ULONG_PTR value)
{
	(void)value;
	nr_called++;
}

static void alertable_wait_calls_functions_unless_it_is_over(void)
{
	HANDLE handle[2] = { auto_event(TRUE), auto_event(FALSE) };

	nr_called = 0;
	ASSERT(QueueUserAPC(count_it, GetCurrentThread(), 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObjectEx(handle[0], INFINITE, TRUE));
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObjectEx(handle[0], 0, FALSE));
	EXPECT_EQ(0, nr_called);
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForSingleObjectEx(handle[0], INFINITE, TRUE));
	EXPECT_EQ(1, nr_called);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObjectEx(handle[0], 0, TRUE));
	ASSERT(QueueUserAPC(count_it, GetCurrentThread(), 0));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForSingleObjectEx(handle[0], 0, TRUE));
	EXPECT_EQ(2, nr_called);
	ASSERT(QueueUserAPC(count_it, GetCurrentThread(), 0));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForMultipleObjectsEx(2, handle, FALSE, INFINITE,
							       TRUE));
	EXPECT_EQ(3, nr_called);
	ASSERT(QueueUserAPC(count_it, GetCurrentThread(), 0));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForMultipleObjectsEx(2, handle, TRUE, INFINITE,
							       TRUE));
	EXPECT_EQ(4, nr_called);
	EXPECT(CloseHandle(handle[0]));
	EXPECT(CloseHandle(handle[1]));
}

static HANDLE never;

static DWORD WINAPI wait_alertably(LPVOID argument)
{
	HANDLE handle[2];

	handle[0] = never;
	handle[1] = argument;
	return WaitForMultipleObjectsEx(argument ? 2 : 1, handle, FALSE, COMES, TRUE);
}

static void function_wakes_a_thread_that_waits(void)
{
	HANDLE thread, other;
	DWORD code;
	int i;

	never = manual_event(FALSE);
	other = start(wait_for_it, never);
	ASSERT(never && other);
	nr_called = 0;
	/* For an event, and for a thread beside it. */
	for (i = 0; i < 2; i++) {
		thread = start(wait_alertably, i ? other : NULL);
		ASSERT(thread);
		Sleep(STAYS);
		EXPECT(QueueUserAPC(count_it, thread, 0));
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
		code = 77;
		EXPECT(GetExitCodeThread(thread, &code));
		EXPECT_EQ(WAIT_IO_COMPLETION, code);
		EXPECT_EQ(i + 1, nr_called);
		EXPECT(CloseHandle(thread));
	}
	EXPECT(SetEvent(never));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, COMES));
	EXPECT(CloseHandle(other));
	EXPECT(CloseHandle(never));
}

static void time_out_is_not_early(void)
{
	HANDLE handle[2] = { auto_event(FALSE), manual_event(FALSE) };
	ULONGLONG began = milliseconds();

	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjectsEx(2, handle, FALSE, 100, TRUE));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(handle[0], 100));
	/* That clock goes in steps of up to 16 ms. */
	EXPECT(milliseconds() - began >= 200 - 16);
	EXPECT(CloseHandle(handle[0]));
	EXPECT(CloseHandle(handle[1]));
}

int main(void)
{
	RUN(manual_one_stays_set);
	RUN(one_that_resets_itself_ends_one_wait);
	RUN(can_be_set_from_the_beginning);
	RUN(handle_is_an_even_number);
	RUN(what_is_no_event_is_an_invalid_handle);
	RUN(event_is_no_port_and_no_thread);
	RUN(name_that_is_too_long_is_refused);
	RUN(first_of_several_is_taken_alone);
	RUN(all_are_taken_or_none);
	RUN(wait_for_all_sleeps_until_the_last_is_set);
	RUN(same_handle_twice_is_for_any_only);
	RUN(number_of_handles_is_checked);
	RUN(one_closed_handle_of_several_fails);
	RUN(each_setting_releases_one_that_waits);
	RUN(one_setting_too_many_stays);
	RUN(manual_one_releases_all_that_wait);
	RUN(two_threads_hand_over_to_each_other);
	RUN(wait_goes_on_though_the_handle_is_closed);
	RUN(event_beside_a_thread_and_a_port);
	RUN(alertable_wait_calls_functions_unless_it_is_over);
	RUN(function_wakes_a_thread_that_waits);
	RUN(time_out_is_not_early);
	return tap_end();
}
