// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Semaphores, in pure Win32: their counts, and who is released.
 */
#include <windows.h>

#include "threads.h"

#define PROGRAM "semaphores"

static void as_many_waits_end_as_it_counts(void)
{
	HANDLE semaphore = CreateSemaphoreA(NULL, 2, 3, NULL);
	LONG before = 77;

	ASSERT(semaphore);
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(semaphore, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(semaphore, INFINITE));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(semaphore, 0));
	EXPECT(ReleaseSemaphore(semaphore, 1, &before));
	EXPECT_EQ(0, before);
	EXPECT(ReleaseSemaphore(semaphore, 2, &before));
	EXPECT_EQ(1, before);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(semaphore, 0));
	EXPECT(ReleaseSemaphore(semaphore, 1, NULL));
	EXPECT(CloseHandle(semaphore));
}

static void count_has_a_maximum(void)
{
	HANDLE semaphore = CreateSemaphoreW(NULL, 1, 3, NULL);
	LONG before = 77;

	EXPECT_ERROR(ERROR_TOO_MANY_POSTS, ReleaseSemaphore(semaphore, 3, &before));
	EXPECT_ERROR(ERROR_TOO_MANY_POSTS, ReleaseSemaphore(semaphore, 0x7fffffff, &before));
	EXPECT_EQ(77, before);
	EXPECT(ReleaseSemaphore(semaphore, 2, &before));
	EXPECT_EQ(1, before);
	EXPECT_ERROR(ERROR_TOO_MANY_POSTS, ReleaseSemaphore(semaphore, 1, NULL));
	EXPECT(CloseHandle(semaphore));
	semaphore = CreateSemaphoreExA(NULL, 0, 0x7fffffff, NULL, 0, SEMAPHORE_ALL_ACCESS);
	EXPECT(ReleaseSemaphore(semaphore, 0x7fffffff, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(semaphore, 0));
	EXPECT(ReleaseSemaphore(semaphore, 1, &before));
	EXPECT_EQ(0x7ffffffe, before);
	EXPECT(CloseHandle(semaphore));
}

static void counts_are_checked(void)
{
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 1, NULL);

	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateSemaphoreA(NULL, 0, 0, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateSemaphoreA(NULL, -1, 1, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateSemaphoreA(NULL, 2, 1, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateSemaphoreA(NULL, 0, -1, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, ReleaseSemaphore(semaphore, 0, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseSemaphore(NULL, 1, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseMutex(semaphore));
	EXPECT(CloseHandle(semaphore));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReleaseSemaphore(semaphore, 1, NULL));
}

static void name_is_of_one_semaphore(void)
{
	HANDLE first = CreateSemaphoreA(NULL, 1, 5, "sockiocp semaphores one"), second;
	LONG before = 77;

	ASSERT(first);
	second = CreateSemaphoreA(NULL, 3, 3, "sockiocp semaphores one");
	EXPECT_EQ(ERROR_ALREADY_EXISTS, GetLastError());
	ASSERT(second);
	EXPECT(ReleaseSemaphore(second, 4, &before));
	EXPECT_EQ(1, before);
	EXPECT_ERROR(ERROR_TOO_MANY_POSTS, ReleaseSemaphore(first, 1, &before));
	EXPECT(CloseHandle(first));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(second, 0));
	EXPECT(CloseHandle(second));
}

static LONG nr_released;

static DWORD WINAPI wait_for_it(LPVOID semaphore)
{
	DWORD result = WaitForSingleObject(semaphore, COMES);

	InterlockedIncrement(&nr_released);
	return result;
}

static void each_that_is_added_releases_one(void)
{
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 10, NULL), thread[4];
	LONG before = 77;
	DWORD i;

	nr_released = 0;
	for (i = 0; i < 4; i++)
		thread[i] = start(wait_for_it, semaphore);
	Sleep(STAYS);
	EXPECT(ReleaseSemaphore(semaphore, 3, &before));
	EXPECT_EQ(0, before);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(4, thread, TRUE, STAYS));
	EXPECT_EQ(3, nr_released);
	EXPECT(ReleaseSemaphore(semaphore, 2, &before));
	EXPECT_EQ(0, before);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(4, thread, TRUE, COMES));
	EXPECT(ReleaseSemaphore(semaphore, 1, &before));
	EXPECT_EQ(1, before);
	for (i = 0; i < 4; i++)
		EXPECT(CloseHandle(thread[i]));
	EXPECT(CloseHandle(semaphore));
}

static void wait_goes_on_though_the_handle_is_closed(void)
{
	HANDLE first = CreateSemaphoreA(NULL, 0, 1, "sockiocp semaphores two"), second, thread;

	second = CreateSemaphoreA(NULL, 0, 1, "sockiocp semaphores two");
	thread = start(wait_for_it, first);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	EXPECT(CloseHandle(first));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	EXPECT(ReleaseSemaphore(second, 1, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(second));
}

/* What moves between two semaphores and an event, and must not become more or less. */
static HANDLE moved[3];

static DWORD WINAPI move_all(LPVOID times)
{
	LONG_PTR i;

	for (i = 0; i < (LONG_PTR)times; i++) {
		if (WaitForMultipleObjects(3, moved, TRUE, 2 * COMES) != WAIT_OBJECT_0)
			return 1;
		if (!ReleaseSemaphore(moved[0], 1, NULL) || !SetEvent(moved[1]) ||
		    !ReleaseSemaphore(moved[2], 1, NULL))
			return 2;
	}
	return 0;
}

static DWORD WINAPI move_any(LPVOID times)
{
	LONG_PTR i;

	for (i = 0; i < (LONG_PTR)times; i++) {
		DWORD n = WaitForMultipleObjects(3, moved, FALSE, 2 * COMES);

		if (n > 2)
			return 1;
		if (!(n == 1 ? SetEvent(moved[1]) : ReleaseSemaphore(moved[n], 1, NULL)))
			return 2;
	}
	return 0;
}

static void nothing_is_lost_between_waits_for_any_and_for_all(void)
{
	HANDLE thread[4];
	DWORD code, i;

	moved[0] = CreateSemaphoreA(NULL, 1, 1, NULL);
	moved[1] = CreateEventA(NULL, FALSE, TRUE, NULL);
	moved[2] = CreateSemaphoreA(NULL, 1, 1, NULL);
	for (i = 0; i < 4; i++)
		thread[i] = start(i % 2 ? move_all : move_any, (LPVOID)(LONG_PTR)500);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(4, thread, TRUE, 4 * COMES));
	for (i = 0; i < 4; i++) {
		code = 77;
		EXPECT(GetExitCodeThread(thread[i], &code));
		EXPECT_EQ(0, code);
		EXPECT(CloseHandle(thread[i]));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(moved[i], 0));
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(moved[i], 0));
		EXPECT(CloseHandle(moved[i]));
	}
}

int main(void)
{
	RUN(as_many_waits_end_as_it_counts);
	RUN(count_has_a_maximum);
	RUN(counts_are_checked);
	RUN(name_is_of_one_semaphore);
	RUN(each_that_is_added_releases_one);
	RUN(wait_goes_on_though_the_handle_is_closed);
	RUN(nothing_is_lost_between_waits_for_any_and_for_all);
	return tap_end();
}
