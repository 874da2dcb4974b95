// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Mutexes, in pure Win32: who owns one, and what becomes of it when the owner ends.
 */
#include <windows.h>

#include "threads.h"

#define PROGRAM "mutexes"

/* A thread that takes one, and gives it back when it is told to, if so. */
struct owner {
	HANDLE mutex, has_it, may_go;
	BOOL keeps;
	DWORD result;
};

static DWORD WINAPI own(LPVOID argument)
{
	struct owner *owner = argument;

	owner->result = WaitForSingleObject(owner->mutex, COMES);
	SetEvent(owner->has_it);
	WaitForSingleObject(owner->may_go, COMES);
	return owner->keeps || ReleaseMutex(owner->mutex);
}

static HANDLE start_owner(struct owner *owner, HANDLE mutex, BOOL keeps)
{
	HANDLE thread;

	owner->mutex = mutex;
	owner->keeps = keeps;
	owner->has_it = CreateEventA(NULL, FALSE, FALSE, NULL);
	owner->may_go = CreateEventA(NULL, FALSE, FALSE, NULL);
	thread = start(own, owner);
	EXPECT(thread && owner->has_it && owner->may_go);
	return thread;
}

static void end_owner(struct owner *owner, HANDLE thread)
{
	EXPECT(SetEvent(owner->may_go));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(owner->has_it));
	EXPECT(CloseHandle(owner->may_go));
}

static DWORD WINAPI look(LPVOID mutex)
{
	DWORD result = WaitForSingleObject(mutex, 0);

	if (result != WAIT_TIMEOUT)
		ReleaseMutex(mutex);
	return result;
}

/* What another thread is told that does not wait for it. */
static DWORD others_see(HANDLE mutex)
{
	HANDLE thread = start(look, mutex);
	DWORD result = 77;

	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &result));
	EXPECT(CloseHandle(thread));
	return result;
}

static void owner_may_have_it_again(void)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);
	int i;

	ASSERT(mutex);
	EXPECT_EQ(WAIT_OBJECT_0, others_see(mutex));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(mutex, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(WAIT_TIMEOUT, others_see(mutex));
		EXPECT(ReleaseMutex(mutex));
	}
	EXPECT_EQ(WAIT_OBJECT_0, others_see(mutex));
	EXPECT(CloseHandle(mutex));
}

static void maker_may_own_it_from_the_beginning(void)
{
	HANDLE mutex = CreateMutexW(NULL, TRUE, NULL);

	ASSERT(mutex);
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT_EQ(WAIT_TIMEOUT, others_see(mutex));
	EXPECT(ReleaseMutex(mutex));
	EXPECT_EQ(WAIT_OBJECT_0, others_see(mutex));
	EXPECT(CloseHandle(mutex));
	mutex = CreateMutexExA(NULL, NULL, CREATE_MUTEX_INITIAL_OWNER, SYNCHRONIZE);
	ASSERT(mutex);
	EXPECT_EQ(WAIT_TIMEOUT, others_see(mutex));
	EXPECT(ReleaseMutex(mutex));
	EXPECT(CloseHandle(mutex));
}

static void only_its_owner_releases_it(void)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL), thread;
	struct owner owner;

	EXPECT_ERROR(ERROR_NOT_OWNER, ReleaseMutex(mutex));
	thread = start_owner(&owner, mutex, FALSE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(owner.has_it, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(mutex, 0));
	EXPECT_ERROR(ERROR_NOT_OWNER, ReleaseMutex(mutex));
	end_owner(&owner, thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(mutex, 0));
	EXPECT(ReleaseMutex(mutex));
	EXPECT_ERROR(ERROR_NOT_OWNER, ReleaseMutex(mutex));
	EXPECT(CloseHandle(mutex));
}

static void what_is_no_mutex_is_an_invalid_handle(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);

	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseMutex(NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseMutex(event));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetEvent(mutex));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseSemaphore(mutex, 1, NULL));
	EXPECT(CloseHandle(event));
	EXPECT(CloseHandle(mutex));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseMutex(mutex));
	SetLastError(0);
	EXPECT_EQ(WAIT_FAILED, WaitForSingleObject(mutex, 0));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CloseHandle(mutex));
}

static void next_one_is_told_that_its_owner_has_ended(void)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL), thread;
	struct owner owner;

	thread = start_owner(&owner, mutex, TRUE);
	end_owner(&owner, thread);
	EXPECT_EQ(WAIT_OBJECT_0, owner.result);
	EXPECT_EQ(WAIT_ABANDONED, WaitForSingleObject(mutex, 0));
	/* It is this thread's, and told once. */
	EXPECT_EQ(WAIT_TIMEOUT, others_see(mutex));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(mutex, 0));
	EXPECT(ReleaseMutex(mutex));
	EXPECT(ReleaseMutex(mutex));
	EXPECT_EQ(WAIT_OBJECT_0, others_see(mutex));
	EXPECT(CloseHandle(mutex));
}

static void who_waits_is_told_that_its_owner_has_ended(void)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL), thread[2];
	struct owner first, second;

	thread[0] = start_owner(&first, mutex, TRUE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(first.has_it, COMES));
	thread[1] = start_owner(&second, mutex, FALSE);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(second.has_it, STAYS));
	end_owner(&first, thread[0]);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(second.has_it, COMES));
	EXPECT_EQ(WAIT_ABANDONED, second.result);
	end_owner(&second, thread[1]);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(mutex, 0));
	EXPECT(ReleaseMutex(mutex));
	EXPECT(CloseHandle(mutex));
}

static void one_of_several_is_told_to_be_abandoned(void)
{
	HANDLE handle[2], thread;
	struct owner owner;

	handle[0] = CreateEventA(NULL, FALSE, FALSE, NULL);
	handle[1] = CreateMutexA(NULL, FALSE, NULL);
	thread = start_owner(&owner, handle[1], TRUE);
	end_owner(&owner, thread);
	EXPECT_EQ(WAIT_ABANDONED_0 + 1, WaitForMultipleObjects(2, handle, FALSE, 0));
	EXPECT(ReleaseMutex(handle[1]));
	thread = start_owner(&owner, handle[1], TRUE);
	end_owner(&owner, thread);
	EXPECT(SetEvent(handle[0]));
	EXPECT_EQ(WAIT_ABANDONED_0, WaitForMultipleObjects(2, handle, TRUE, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(handle[0], 0));
	EXPECT(ReleaseMutex(handle[1]));
	EXPECT(CloseHandle(handle[0]));
	EXPECT(CloseHandle(handle[1]));
}

static void wait_for_all_takes_none_before_all_are_there(void)
{
	HANDLE handle[3], thread;
	struct owner owner;

	handle[0] = CreateMutexA(NULL, FALSE, NULL);
	handle[1] = CreateEventA(NULL, FALSE, TRUE, NULL);
	handle[2] = CreateMutexA(NULL, FALSE, NULL);
	thread = start_owner(&owner, handle[2], FALSE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(owner.has_it, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, TRUE, STAYS));
	EXPECT_EQ(WAIT_OBJECT_0, others_see(handle[0]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(handle[1], 0));
	end_owner(&owner, thread);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(3, handle, TRUE, STAYS));
	EXPECT_EQ(WAIT_OBJECT_0, others_see(handle[0]));
	EXPECT_EQ(WAIT_OBJECT_0, others_see(handle[2]));
	EXPECT(SetEvent(handle[1]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(3, handle, TRUE, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, others_see(handle[0]));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(handle[1], 0));
	EXPECT_EQ(WAIT_TIMEOUT, others_see(handle[2]));
	EXPECT(ReleaseMutex(handle[0]) && ReleaseMutex(handle[2]));
	EXPECT(CloseHandle(handle[0]) && CloseHandle(handle[1]) && CloseHandle(handle[2]));
}

struct waiter {
	HANDLE *handle;
	DWORD count;
	BOOL all;
};

static DWORD WINAPI wait_and_release(LPVOID argument)
{
	struct waiter *waiter = argument;
	DWORD result, i;

	result = WaitForMultipleObjects(waiter->count, waiter->handle, waiter->all, COMES);
	for (i = 0; i < waiter->count; i++)
		if (waiter->all || result == WAIT_OBJECT_0 + i)
			ReleaseMutex(waiter->handle[i]);
	return result;
}

/* A sleeping wait for all, of mutexes alone and with an event and a thread beside them. */
static void wait_for_all_sleeps_until_the_last_is_there(void)
{
	HANDLE handle[4], thread[2];
	struct owner owner;
	struct waiter waiter = { handle, 2, TRUE };
	DWORD count, code;

	handle[0] = CreateMutexA(NULL, FALSE, NULL);
	handle[1] = CreateMutexA(NULL, FALSE, NULL);
	handle[2] = CreateEventA(NULL, TRUE, TRUE, NULL);
	handle[3] = start(look, handle[0]);
	for (count = 2; count <= 4; count++) {
		thread[0] = start_owner(&owner, handle[1], FALSE);
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(owner.has_it, COMES));
		waiter.count = count;
		thread[1] = start(wait_and_release, &waiter);
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread[1], STAYS));
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(handle[0], 0));
		end_owner(&owner, thread[0]);
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread[1], STAYS));
		EXPECT(ReleaseMutex(handle[0]));
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread[1], COMES));
		EXPECT(GetExitCodeThread(thread[1], &code));
		EXPECT_EQ(WAIT_OBJECT_0, code);
		EXPECT(CloseHandle(thread[1]));
	}
	EXPECT(CloseHandle(handle[0]) && CloseHandle(handle[1]) && CloseHandle(handle[2]) &&
	       CloseHandle(handle[3]));
}

static void mutex_beside_an_event_ends_a_wait_for_any(void)
{
	HANDLE handle[2], thread[2];
	struct owner owner;
	struct waiter waiter = { handle, 2, FALSE };
	DWORD code;

	handle[0] = CreateEventA(NULL, FALSE, FALSE, NULL);
	handle[1] = CreateMutexA(NULL, FALSE, NULL);
	thread[0] = start_owner(&owner, handle[1], FALSE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(owner.has_it, COMES));
	thread[1] = start(wait_and_release, &waiter);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread[1], STAYS));
	end_owner(&owner, thread[0]);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread[1], COMES));
	EXPECT(GetExitCodeThread(thread[1], &code));
	EXPECT_EQ(WAIT_OBJECT_0 + 1, code);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(handle[1], 0));
	EXPECT(ReleaseMutex(handle[1]));
	EXPECT(CloseHandle(thread[1]) && CloseHandle(handle[0]) && CloseHandle(handle[1]));
}

static HANDLE contended;
static volatile LONG inside, order[4], next_in_order;

static DWORD WINAPI note_order(LPVOID number)
{
	DWORD result = WaitForSingleObject(contended, COMES);

	order[next_in_order++] = (LONG)(LONG_PTR)number;
	ReleaseMutex(contended);
	return result;
}

static void who_waits_longest_gets_it_first(void)
{
	HANDLE thread[4];
	LONG_PTR i;

	contended = CreateMutexA(NULL, TRUE, NULL);
	next_in_order = 0;
	for (i = 0; i < 4; i++) {
		thread[i] = start(note_order, (LPVOID)i);
		Sleep(STAYS / 2);
	}
	EXPECT(ReleaseMutex(contended));
	/* Who comes later comes behind them. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(contended, COMES));
	EXPECT_EQ(4, next_in_order);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i, order[i]);
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread[i], COMES));
		EXPECT(CloseHandle(thread[i]));
	}
	EXPECT(ReleaseMutex(contended));
	EXPECT(CloseHandle(contended));
}

static DWORD WINAPI count_up(LPVOID counter)
{
	int i;

	for (i = 0; i < 2000; i++) {
		if (WaitForSingleObject(contended, COMES) != WAIT_OBJECT_0 || inside++)
			return 1;
		++*(volatile LONG *)counter;
		if (--inside || !ReleaseMutex(contended))
			return 2;
	}
	return 0;
}

static void one_at_a_time_is_inside(void)
{
	HANDLE thread[4];
	LONG counter = 0;
	DWORD code, i;

	contended = CreateMutexA(NULL, FALSE, NULL);
	for (i = 0; i < 4; i++)
		thread[i] = start(count_up, &counter);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(4, thread, TRUE, 4 * COMES));
	for (i = 0; i < 4; i++) {
		EXPECT(GetExitCodeThread(thread[i], &code));
		EXPECT_EQ(0, code);
		EXPECT(CloseHandle(thread[i]));
	}
	EXPECT_EQ(8000, counter);
	EXPECT(CloseHandle(contended));
}

static HANDLE fork_of[5];
static LONG meals;

static DWORD WINAPI dine(LPVOID seat)
{
	int left = (int)(LONG_PTR)seat, i;
	HANDLE both[2] = { fork_of[left], fork_of[(left + 1) % 5] };

	for (i = 0; i < 500; i++) {
		if (WaitForMultipleObjects(2, both, TRUE, 2 * COMES) != WAIT_OBJECT_0)
			return 1;
		InterlockedIncrement(&meals);
		if (!ReleaseMutex(both[0]) || !ReleaseMutex(both[1]))
			return 2;
	}
	return 0;
}

static void philosophers_dine(void)
{
	HANDLE thread[5];
	LONG_PTR i;
	DWORD code;

	meals = 0;
	for (i = 0; i < 5; i++)
		fork_of[i] = CreateMutexA(NULL, FALSE, NULL);
	for (i = 0; i < 5; i++)
		thread[i] = start(dine, (LPVOID)i);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(5, thread, TRUE, 4 * COMES));
	EXPECT_EQ(2500, meals);
	for (i = 0; i < 5; i++) {
		EXPECT(GetExitCodeThread(thread[i], &code));
		EXPECT_EQ(0, code);
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(fork_of[i], 0));
		EXPECT(CloseHandle(fork_of[i]));
		EXPECT(CloseHandle(thread[i]));
	}
}

static void name_is_of_one_mutex(void)
{
	HANDLE first = CreateMutexA(NULL, TRUE, "sockiocp mutexes one"), second, other;
	char longer[MAX_PATH + 1];

	ASSERT(first);
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	second = CreateMutexW(NULL, TRUE, L"sockiocp mutexes one");
	EXPECT_EQ(ERROR_ALREADY_EXISTS, GetLastError());
	ASSERT(second);
	EXPECT(second != first);
	/* It was not made, so it has been taken once. */
	EXPECT_EQ(WAIT_TIMEOUT, others_see(second));
	EXPECT(ReleaseMutex(second));
	EXPECT_ERROR(ERROR_NOT_OWNER, ReleaseMutex(first));
	other = CreateMutexA(NULL, FALSE, "sockiocp mutexes two");
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT(CloseHandle(other));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CreateSemaphoreA(NULL, 1, 1, "sockiocp mutexes one"));
	EXPECT(CloseHandle(first));
	first = CreateMutexA(NULL, FALSE, "sockiocp mutexes one");
	EXPECT_EQ(ERROR_ALREADY_EXISTS, GetLastError());
	EXPECT(CloseHandle(first));
	EXPECT(CloseHandle(second));
	first = CreateMutexA(NULL, FALSE, "sockiocp mutexes one");
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT(CloseHandle(first));
	/* Without a name each is a new one. */
	first = CreateMutexA(NULL, FALSE, "");
	second = CreateMutexA(NULL, FALSE, "");
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT(CloseHandle(first) && CloseHandle(second));
	FillMemory(longer, MAX_PATH, 'x');
	longer[MAX_PATH] = 0;
	EXPECT_ERROR(ERROR_FILENAME_EXCED_RANGE, CreateMutexA(NULL, FALSE, longer));
}

static void same_one_twice_is_for_any_only(void)
{
	HANDLE handle[2];

	handle[0] = CreateMutexA(NULL, FALSE, NULL);
	handle[1] = handle[0];
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(2, handle, FALSE, 0));
	SetLastError(0);
	EXPECT_EQ(WAIT_FAILED, WaitForMultipleObjects(2, handle, TRUE, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT(ReleaseMutex(handle[0]));
	EXPECT(CloseHandle(handle[0]));
}

static LONG nr_called;

static void NTAPI count_call(ULONG_PTR value)
{
	(void)value;
	nr_called++;
}

static DWORD WINAPI wait_alertably(LPVOID mutex)
{
	return WaitForSingleObjectEx(mutex, COMES, TRUE);
}

static void function_ends_an_alertable_wait(void)
{
	HANDLE mutex = CreateMutexA(NULL, TRUE, NULL);
	HANDLE thread = start(wait_alertably, mutex);
	DWORD code = 77;

	nr_called = 0;
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	EXPECT(QueueUserAPC(count_call, thread, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(WAIT_IO_COMPLETION, code);
	EXPECT_EQ(1, nr_called);
	EXPECT(ReleaseMutex(mutex));
	/* It was not given to that thread. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(mutex, 0));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(mutex));
}

static void time_out_is_not_early(void)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL), thread;
	struct owner owner;
	ULONGLONG began;

	thread = start_owner(&owner, mutex, FALSE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(owner.has_it, COMES));
	began = milliseconds();
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(mutex, 100));
	/* That clock goes in steps of up to 16 ms. */
	EXPECT(milliseconds() - began >= 100 - 16);
	end_owner(&owner, thread);
	EXPECT(CloseHandle(mutex));
}

int main(void)
{
	RUN(owner_may_have_it_again);
	RUN(maker_may_own_it_from_the_beginning);
	RUN(only_its_owner_releases_it);
	RUN(what_is_no_mutex_is_an_invalid_handle);
	RUN(next_one_is_told_that_its_owner_has_ended);
	RUN(who_waits_is_told_that_its_owner_has_ended);
	RUN(one_of_several_is_told_to_be_abandoned);
	RUN(wait_for_all_takes_none_before_all_are_there);
	RUN(wait_for_all_sleeps_until_the_last_is_there);
	RUN(mutex_beside_an_event_ends_a_wait_for_any);
	RUN(who_waits_longest_gets_it_first);
	RUN(one_at_a_time_is_inside);
	RUN(philosophers_dine);
	RUN(name_is_of_one_mutex);
	RUN(same_one_twice_is_for_any_only);
	RUN(function_ends_an_alertable_wait);
	RUN(time_out_is_not_early);
	return tap_end();
}
