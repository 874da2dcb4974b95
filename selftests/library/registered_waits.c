// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is Linux' in the registered waits of RegisterWaitForSingleObject(): their threads,
 * descriptors that are closed, and a process that was forked.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "kselftest_harness.h"

#include "lib/port.h"

/* Above this the library keeps its descriptors. */
#define OWN_FDS		128

static HANDLE called;

static void CALLBACK tell(PVOID context, BOOLEAN timed_out)
{
	(void)context;
	(void)timed_out;
	SetEvent(called);
}

static bool is_called(void)
{
	return WaitForSingleObject(called, COMES) == WAIT_OBJECT_0;
}

/* Returns whether a wait that is registered now is one. */
static bool wait_works(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), wait;
	bool works = RegisterWaitForSingleObject(&wait, event, tell, NULL, INFINITE, 0) &&
		     SetEvent(event) && is_called() &&
		     UnregisterWaitEx(wait, INVALID_HANDLE_VALUE);

	CloseHandle(event);
	return works;
}

FIXTURE(waits)
{
	HANDLE event, wait;
};

FIXTURE_SETUP(waits)
{
	called = CreateEventA(NULL, FALSE, FALSE, NULL);
	self->event = CreateEventA(NULL, FALSE, FALSE, NULL);
	ASSERT_TRUE(RegisterWaitForSingleObject(&self->wait, self->event, tell, NULL, INFINITE,
						0));
	ASSERT_TRUE(SetEvent(self->event));
	ASSERT_TRUE(is_called());
}

FIXTURE_TEARDOWN(waits)
{
}

TEST_F(waits, are_the_parents)
{
	pid_t forked = fork();
	int status;

	if (!forked) {
		/* The other one is both processes'. */
		called = CreateEventA(NULL, FALSE, FALSE, NULL);
		if (!UnregisterWaitEx(self->wait, INVALID_HANDLE_VALUE))
			_exit(1);
		if (!wait_works())
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(forked, waitpid(forked, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(UnregisterWaitEx(self->wait, INVALID_HANDLE_VALUE));
}

static pid_t volatile child;

static void CALLBACK fork_and_return(PVOID wait, BOOLEAN timed_out)
{
	(void)timed_out;
	child = fork();
	if (child) {
		SetEvent(called);
		return;
	}
	called = CreateEventA(NULL, FALSE, FALSE, NULL);
	/* It is inside the function still. */
	if (!UnregisterWait(*(HANDLE *)wait) && GetLastError() == ERROR_IO_PENDING &&
	    wait_works())
		return;
	_exit(1);
}

TEST_F(waits, function_that_forks_is_no_wait_thread_of_the_child)
{
	ULONG flags[] = { WT_EXECUTEDEFAULT, WT_EXECUTEINWAITTHREAD };
	static HANDLE volatile wait;
	int status, i;

	for (i = 0; i < 2; i++) {
		HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);

		ASSERT_TRUE(RegisterWaitForSingleObject((PHANDLE)&wait, event, fork_and_return,
							(PVOID)&wait, INFINITE, flags[i]));
		SetEvent(event);
		ASSERT_TRUE(is_called());
		/* The thread returns, and others of the child's stay: the wait thread, the pool's. */
		usleep(20000);
		EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
		CloseHandle(event);
	}
}

TEST_F(waits, go_on_when_a_handle_is_closed)
{
	struct sockiocp_info info;
	int fd, closed = 0;

	/* The pool's port, which is made again. */
	for (fd = OWN_FDS; fd < OWN_FDS + 8; fd++)
		closed += !ioctl(fd, SOCKIOCP_INFO, &info) && !close(fd);
	EXPECT_EQ(1, closed);
	EXPECT_TRUE(wait_works());
	/* One that the others' thread waits for, too. */
	EXPECT_TRUE(CloseHandle(self->event));
	EXPECT_TRUE(wait_works());
	EXPECT_TRUE(wait_works());
	EXPECT_TRUE(UnregisterWaitEx(self->wait, INVALID_HANDLE_VALUE));
}

static void CALLBACK end_the_thread(PVOID context, BOOLEAN timed_out)
{
	tell(context, timed_out);
	ExitThread(0);
}

TEST_F(waits, go_on_when_a_function_ends_the_thread)
{
	ULONG flags[] = { WT_EXECUTEDEFAULT, WT_EXECUTEINWAITTHREAD };
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), wait;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(RegisterWaitForSingleObject(&wait, event, end_the_thread, NULL,
							INFINITE, flags[i]));
		SetEvent(event);
		EXPECT_TRUE(is_called());
		SetEvent(event);
		EXPECT_TRUE(is_called());
		EXPECT_TRUE(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
		SetEvent(self->event);
		EXPECT_TRUE(is_called());
	}
	EXPECT_TRUE(UnregisterWaitEx(self->wait, INVALID_HANDLE_VALUE));
	CloseHandle(event);
}

/* Whether threads take their time to close something, and whether one does. */
static atomic_bool slowly, closing;

/* libc's close(2), as the library calls it. */
int kernels_close(int fd) __asm__("close");

int kernels_close(int fd)
{
	if (atomic_load(&slowly) && gettid() != getpid()) {
		atomic_store(&closing, true);
		sleep_ms(100);
	}
	return (int)syscall(SYS_close, fd);
}

static bool can_fork(void)
{
	pid_t forked = fork();
	int status = -1;

	if (!forked)
		_exit(0);
	return forked > 0 && waitpid(forked, &status, 0) == forked && !status;
}

/* Who waits for a thread hears of all handles that are closed. */
static DWORD WINAPI wait_for_a_thread(LPVOID thread)
{
	return WaitForSingleObject(thread, 60000);
}

/* Of two, when one has nothing to wait for any more. */
TEST_F(waits, process_forks_while_a_wait_thread_ends)
{
	HANDLE first = CreateThread(NULL, 0, wait_for_a_thread, self->event, 0, NULL);
	HANDLE second = CreateThread(NULL, 0, wait_for_a_thread, first, 0, NULL);
	HANDLE waits[MAXIMUM_WAIT_OBJECTS];
	int64_t end = now_ms() + 1500;
	int i;

	ASSERT_NE(NULL, second);
	for (i = 0; i < MAXIMUM_WAIT_OBJECTS; i++)
		ASSERT_TRUE(RegisterWaitForSingleObject(&waits[i], self->event, tell, NULL,
							INFINITE, 0));
	atomic_store(&slowly, true);
	for (i = 0; i < MAXIMUM_WAIT_OBJECTS; i++)
		EXPECT_TRUE(UnregisterWait(waits[i]) || GetLastError() == ERROR_IO_PENDING);
	do {
		if (atomic_exchange(&closing, false))
			ASSERT_TRUE(can_fork());
		sleep_ms(1);
	} while (now_ms() < end);
	atomic_store(&slowly, false);
	EXPECT_TRUE(wait_works());
}

TEST_HARNESS_MAIN
