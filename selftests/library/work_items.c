// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The thread pool of the process, as far as it takes more than Win32 to see it: its threads,
 * its descriptor, and a process that was forked.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define SLEEPERS	8
#define ITEMS		300
/* Above this the library keeps its descriptors. */
#define OWN_FDS		128

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = -2;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static DWORD WINAPI set_event(LPVOID event)
{
	return SetEvent(event);
}

/* Returns whether an item runs. */
static bool item_runs(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	bool runs = QueueUserWorkItem(set_event, event, 0) &&
		    WaitForSingleObject(event, COMES) == WAIT_OBJECT_0;

	CloseHandle(event);
	return runs;
}

static int volatile order[ITEMS], ordered, all_taken;

/* Uses up one of the threads that may run at a time. */
static DWORD WINAPI spin(LPVOID unused)
{
	(void)unused;
	while (!all_taken)
		YieldProcessor();
	return 0;
}

/* No other item runs, so nothing is to be locked. */
static DWORD WINAPI note_order(LPVOID number)
{
	order[ordered] = (int)(intptr_t)number;
	if (++ordered == ITEMS)
		all_taken = true;
	return 0;
}

static DWORD WINAPI wait_for(LPVOID event)
{
	return WaitForSingleObject(event, COMES);
}

/* Has the process's first thread ended?  It is there until the others have. */
static bool first_thread_has_ended(void)
{
	char state = 0;
	FILE *file = fopen("/proc/self/stat", "r");

	if (file) {
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(file);
	}
	return state == 'Z';
}

/*
 * The thread that has forked has returned from its function, or is about to.  It is to end:
 * it would take packets, and nobody has counted it.
 */
static DWORD WINAPI look_after_the_first(LPVOID unused)
{
	int i;

	(void)unused;
	for (i = 0; i < COMES && !first_thread_has_ended(); i++)
		usleep(1000);
	if (i == COMES)
		_exit(4);
	for (i = 0; i < 100; i++) {
		if (!item_runs())
			_exit(3);
	}
	_exit(0);
}

TEST(forked_process_has_a_pool_of_its_own)
{
	int before, status, fds;
	pid_t child;

	before = entries("/proc/self/fd");
	sleep_once();
	ASSERT_TRUE(item_runs());
	/* And the pool's port.  The child has neither. */
	fds = entries("/proc/self/fd");
	EXPECT_EQ(before + 2, fds);
	child = fork();
	if (!child)
		_exit(entries("/proc/self/fd") != before ? 1 : item_runs() ? 0 : 2);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(item_runs());
}

/* The thread that has forked is the child's only one, and none of its pool's. */
static DWORD WINAPI fork_and_go_on(LPVOID ended)
{
	pid_t child = fork();
	int status = -1;

	if (!child) {
		if (!item_runs())
			_exit(2);
		QueueUserWorkItem(look_after_the_first, NULL, 0);
		return 0;
	}
	waitpid(child, &status, 0);
	*(int *)ended = status;
	return 0;
}

TEST(function_that_forks_is_none_of_the_childs_pool)
{
	int volatile ended = -1;
	int i;

	ASSERT_TRUE(QueueUserWorkItem(fork_and_go_on, (LPVOID)&ended, 0));
	for (i = 0; i < COMES && ended == -1; i++)
		usleep(1000);
	EXPECT_EQ(0, ended);
	EXPECT_TRUE(item_runs());
}

static void CALLBACK do_work(PTP_CALLBACK_INSTANCE instance, PVOID event, PTP_WORK work)
{
	(void)instance;
	(void)work;
	WaitForSingleObject((HANDLE)event, COMES);
}

static int volatile due_times;

static void CALLBACK be_due(PTP_CALLBACK_INSTANCE instance, PVOID unused, PTP_TIMER timer)
{
	(void)instance;
	(void)unused;
	(void)timer;
	__atomic_fetch_add(&due_times, 1, __ATOMIC_SEQ_CST);
}

/* What the parent has submitted and set is no business of the child's, who can do so, too. */
static int use_in_child(PTP_WORK work, PTP_TIMER timer)
{
	FILETIME at_once = { 0, 0 };

	WaitForThreadpoolWorkCallbacks(work, FALSE);
	if (IsThreadpoolTimerSet(timer))
		return 1;
	due_times = 0;
	SetThreadpoolTimer(timer, &at_once, 0, 0);
	WaitForThreadpoolTimerCallbacks(timer, FALSE);
	if (due_times != 1)
		return 2;
	SubmitThreadpoolWork(work);
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	CloseThreadpoolWork(work);
	CloseThreadpoolTimer(timer);
	return 0;
}

TEST(work_and_timers_are_the_parents)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	PTP_TIMER timer = CreateThreadpoolTimer(be_due, NULL, NULL);
	PTP_WORK work = CreateThreadpoolWork(do_work, event, NULL);
	FILETIME in_hours = { 0x7fffffff, 0xfffffff0 };
	pid_t child;
	int status;

	ASSERT_TRUE(timer && work);
	SetThreadpoolTimer(timer, &in_hours, 0, 0);
	SubmitThreadpoolWork(work);
	child = fork();
	if (!child) {
		/* It is one for both. */
		SetEvent(event);
		_exit(use_in_child(work, timer));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(IsThreadpoolTimerSet(timer));
	EXPECT_TRUE(SetEvent(event));
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	CloseThreadpoolWork(work);
	CloseThreadpoolTimer(timer);
	EXPECT_TRUE(CloseHandle(event));
}

static void CALLBACK be_told(PTP_CALLBACK_INSTANCE instance, PVOID count, PTP_WAIT wait,
			     TP_WAIT_RESULT result)
{
	(void)instance;
	(void)wait;
	(void)result;
	__atomic_fetch_add((int *)count, 1, __ATOMIC_SEQ_CST);
}

static bool is_told(const int volatile *count, int times)
{
	int i;

	for (i = 0; i < COMES && *count < times; i++)
		Sleep(1);
	return *count == times;
}

/* Windows raises an exception. */
TEST(what_cannot_be_waited_for_is_said)
{
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);
	int volatile count = 0;
	PTP_WAIT wait = CreateThreadpoolWait(be_told, (PVOID)&count, NULL);

	ASSERT_NE(NULL, wait);
	SetLastError(0);
	SetThreadpoolWait(wait, mutex, NULL);
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(mutex, 0));
	SetThreadpoolWait(wait, (HANDLE)1000, NULL);
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	WaitForThreadpoolWaitCallbacks(wait, FALSE);
	EXPECT_EQ(0, count);
	CloseThreadpoolWait(wait);
	EXPECT_TRUE(CloseHandle(mutex));
}

static int wait_in_child(PTP_WAIT wait, const int volatile *count)
{
	HANDLE event = CreateEventA(NULL, FALSE, TRUE, NULL);

	WaitForThreadpoolWaitCallbacks(wait, FALSE);
	if (*count)
		return 1;
	SetThreadpoolWait(wait, event, NULL);
	if (!is_told(count, 1))
		return 2;
	CloseThreadpoolWait(wait);
	return 0;
}

TEST(set_waits_are_the_parents)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	int volatile count = 0;
	PTP_WAIT wait = CreateThreadpoolWait(be_told, (PVOID)&count, NULL);
	pid_t child;
	int status;

	ASSERT_NE(NULL, wait);
	SetThreadpoolWait(wait, event, NULL);
	child = fork();
	if (!child)
		_exit(wait_in_child(wait, &count));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, count);
	EXPECT_TRUE(SetEvent(event));
	EXPECT_TRUE(is_told(&count, 1));
	CloseThreadpoolWait(wait);
	EXPECT_TRUE(CloseHandle(event));
}

/*
 * Of the threads that may run at a time all but one spin.  There are threads enough, so that
 * none sleeps before it calls its function, to start one more.
 */
TEST(items_are_taken_in_their_order)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	long i, spinners = sysconf(_SC_NPROCESSORS_ONLN) - 1;

	for (i = 0; i < spinners + 2; i++)
		ASSERT_TRUE(QueueUserWorkItem(wait_for, event, 0));
	ASSERT_TRUE(item_runs());
	SetEvent(event);
	ASSERT_TRUE(item_runs());
	for (i = 0; i < spinners; i++)
		ASSERT_TRUE(QueueUserWorkItem(spin, NULL, 0));
	for (i = 0; i < ITEMS; i++)
		ASSERT_TRUE(QueueUserWorkItem(note_order, (LPVOID)(intptr_t)i, 0));
	for (i = 0; i < COMES && !all_taken; i++)
		usleep(1000);
	all_taken = true;
	ASSERT_EQ(ITEMS, ordered);
	for (i = 0; i < ITEMS; i++)
		EXPECT_EQ(i, order[i]);
	EXPECT_TRUE(CloseHandle(event));
}

TEST(threads_of_the_pool_end_when_idle)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	int i;

	for (i = 0; i < SLEEPERS; i++)
		ASSERT_TRUE(QueueUserWorkItem(wait_for, event, 0));
	EXPECT_TRUE(item_runs());
	EXPECT_LT(SLEEPERS, entries("/proc/self/task"));
	EXPECT_TRUE(SetEvent(event));
	for (i = 0; i < COMES && entries("/proc/self/task") > 2; i += 10)
		usleep(10000);
	/* The last one stays. */
	EXPECT_EQ(2, entries("/proc/self/task"));
	EXPECT_TRUE(item_runs());
	EXPECT_TRUE(CloseHandle(event));
}

TEST(pool_that_was_closed_is_made_again)
{
	int fd, closed = 0;

	sleep_once();
	ASSERT_TRUE(item_runs());
	for (fd = OWN_FDS; fd < OWN_FDS + 8; fd++)
		closed += !close(fd);
	/* What wakes this thread, and the pool's port. */
	EXPECT_EQ(2, closed);
	EXPECT_TRUE(item_runs());
	EXPECT_TRUE(item_runs());
}

TEST_HARNESS_MAIN
