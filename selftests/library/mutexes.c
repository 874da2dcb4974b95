// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Mutexes and semaphores, as far as it takes more than Win32 to see it: what they cost, and
 * threads and processes that Win32 has not made.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"

/* As many handles of them as there can be. */
#define HANDLES	(1 << 18)

static int first_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

TEST(mutexes_and_semaphores_cost_no_descriptor)
{
	int before = first_free();
	HANDLE mutex = CreateMutexA(NULL, TRUE, NULL);
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 1, NULL);

	ASSERT_NE(NULL, mutex);
	ASSERT_NE(NULL, semaphore);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(semaphore, 10));
	EXPECT_EQ(before, first_free());
	/* No descriptor is meant by these. */
	EXPECT_EQ(-1, fcntl((int)(intptr_t)mutex, F_GETFD));
	EXPECT_TRUE(CloseHandle(mutex));
	EXPECT_TRUE(CloseHandle(semaphore));
}

TEST(there_can_be_so_many_handles)
{
	HANDLE *handle = calloc(HANDLES, sizeof(*handle));
	int i;

	ASSERT_NE(NULL, handle);
	for (i = 0; i < HANDLES; i++) {
		handle[i] = CreateSemaphoreA(NULL, 1, 1, NULL);
		ASSERT_NE(NULL, handle[i]);
	}
	EXPECT_EQ(NULL, CreateMutexA(NULL, FALSE, NULL));
	EXPECT_EQ(ERROR_NO_SYSTEM_RESOURCES, GetLastError());
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(handle[HANDLES - 1], 0));
	EXPECT_TRUE(CloseHandle(handle[77]));
	handle[77] = CreateMutexA(NULL, FALSE, NULL);
	EXPECT_NE(NULL, handle[77]);
	for (i = 0; i < HANDLES; i++)
		ASSERT_TRUE(CloseHandle(handle[i]));
	free(handle);
}

/* Without a descriptor to be woken by, a wait for more than these looks now and then. */
TEST(wait_beside_an_event_needs_no_descriptor)
{
	HANDLE handle[2] = { CreateSemaphoreA(NULL, 0, 1, NULL),
			     CreateEventA(NULL, FALSE, FALSE, NULL) };
	struct rlimit limit;

	ASSERT_NE(NULL, handle[0]);
	ASSERT_NE(NULL, handle[1]);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)first_free();
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(2, handle, FALSE, 10));
	EXPECT_TRUE(ReleaseSemaphore(handle[0], 1, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(2, handle, FALSE, COMES));
}

static void *own_and_end(void *mutex)
{
	return (void *)(uintptr_t)WaitForSingleObject(mutex, COMES);
}

TEST(thread_of_another_making_abandons_its_mutexes)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);
	pthread_t thread;
	void *result;

	ASSERT_NE(NULL, mutex);
	ASSERT_EQ(0, pthread_create(&thread, NULL, own_and_end, mutex));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(WAIT_OBJECT_0, (uintptr_t)result);
	EXPECT_EQ(WAIT_ABANDONED, WaitForSingleObject(mutex, 0));
	EXPECT_TRUE(ReleaseMutex(mutex));
	EXPECT_TRUE(CloseHandle(mutex));
}

struct owner {
	HANDLE mutex, has_it, may_go;
};

static DWORD WINAPI own(LPVOID arg)
{
	struct owner *owner = arg;

	WaitForSingleObject(owner->mutex, COMES);
	SetEvent(owner->has_it);
	WaitForSingleObject(owner->may_go, COMES);
	return ReleaseMutex(owner->mutex);
}

static int child_is_right(HANDLE mine, HANDLE theirs, HANDLE semaphore)
{
	if (WaitForSingleObject(mine, 0) != WAIT_OBJECT_0 || !ReleaseMutex(mine) ||
	    !ReleaseMutex(mine) || ReleaseMutex(mine))
		return 1;
	/* Its owner is no thread of this process. */
	if (WaitForSingleObject(theirs, 0) != WAIT_ABANDONED || !ReleaseMutex(theirs))
		return 2;
	if (WaitForSingleObject(semaphore, 0) != WAIT_OBJECT_0 ||
	    WaitForSingleObject(semaphore, 0) != WAIT_TIMEOUT)
		return 3;
	return 0;
}

TEST(forked_process_has_its_own_in_the_same_state)
{
	HANDLE mine = CreateMutexA(NULL, TRUE, NULL), semaphore, thread;
	struct owner owner = { .mutex = CreateMutexA(NULL, FALSE, NULL) };
	DWORD code;
	int status;
	pid_t pid;

	semaphore = CreateSemaphoreA(NULL, 1, 1, NULL);
	owner.has_it = CreateEventA(NULL, FALSE, FALSE, NULL);
	owner.may_go = CreateEventA(NULL, FALSE, FALSE, NULL);
	thread = CreateThread(NULL, 0, own, &owner, 0, NULL);
	ASSERT_NE(NULL, thread);
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(owner.has_it, COMES));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(child_is_right(mine, owner.mutex, semaphore));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Nothing of that is seen here. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(semaphore, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(owner.mutex, 0));
	EXPECT_TRUE(ReleaseMutex(mine));
	EXPECT_TRUE(SetEvent(owner.may_go));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_TRUE(GetExitCodeThread(thread, &code));
	EXPECT_EQ(TRUE, code);
}

TEST_HARNESS_MAIN
