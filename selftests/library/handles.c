// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Handles: what they cost, which ones are refused, and waiting for them while they
 * are closed.  What waits for packets: waiting.c.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"

/* The numbers of what libc's headers of Debian 12 may not know. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif

static HANDLE handle(int fd)
{
	return (HANDLE)(intptr_t)fd;
}

static int descriptors(void)
{
	int n = -1;
	DIR *dir;

	sleep_once();
	dir = opendir("/proc/self/fd");
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	/* ".", ".." and the directory itself. */
	return n - 2;
}

/* A thread that runs until it is told to end. */
struct thread {
	HANDLE handle;
	int may_end;
	int *ended;
};

static DWORD WINAPI run(LPVOID arg)
{
	struct thread *thread = arg;
	int *ended = thread->ended;

	while (!__atomic_load_n(&thread->may_end, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	if (ended)
		__atomic_add_fetch(ended, 1, __ATOMIC_ACQ_REL);
	return 5;
}

static int start(struct thread *thread)
{
	thread->may_end = 0;
	thread->handle = CreateThread(NULL, 0, run, thread, 0, NULL);
	return thread->handle ? 0 : -1;
}

static void end(struct thread *thread)
{
	__atomic_store_n(&thread->may_end, 1, __ATOMIC_RELEASE);
}

TEST(running_thread_costs_one_descriptor_and_none_without_a_handle)
{
	enum { THREADS = 10 };
	int before = descriptors(), ended = 0, i;
	struct thread thread[THREADS];
	DWORD code;

	for (i = 0; i < THREADS; i++) {
		thread[i].ended = &ended;
		ASSERT_EQ(0, start(&thread[i]));
		EXPECT_EQ(1, fd_is_cloexec((int)(intptr_t)thread[i].handle));
	}
	EXPECT_EQ(before + THREADS, descriptors());
	for (i = 0; i < THREADS / 2; i++)
		EXPECT_TRUE(CloseHandle(thread[i].handle));
	EXPECT_EQ(before + THREADS / 2, descriptors());
	for (i = 0; i < THREADS; i++)
		end(&thread[i]);
	for (i = THREADS / 2; i < THREADS; i++) {
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread[i].handle, COMES));
		EXPECT_TRUE(GetExitCodeThread(thread[i].handle, &code));
		EXPECT_EQ(5, code);
	}
	EXPECT_EQ(before + THREADS / 2, descriptors());
	for (i = THREADS / 2; i < THREADS; i++)
		EXPECT_TRUE(CloseHandle(thread[i].handle));
	EXPECT_EQ(before, descriptors());
	/* Those without a handle end like the others. */
	for (i = 0; i < COMES && __atomic_load_n(&ended, __ATOMIC_ACQUIRE) < THREADS; i++)
		sleep_ms(1);
	EXPECT_EQ(THREADS, ended);
}

/* Leaves a process this number of descriptors more. */
static int leave_descriptors(int n)
{
	int top = fcntl(0, F_DUPFD, 0), fd;
	struct rlimit limit;

	close(top);
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -1;
	limit.rlim_cur = top + n;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return -1;
	/* Holes below have been filled by nobody. */
	for (fd = 0; fd < n; fd++)
		if (fcntl(top + fd, F_GETFD) >= 0)
			return -1;
	return 0;
}

TEST(no_descriptor_is_needed_to_wait_for_threads)
{
	struct thread thread = { .ended = NULL };

	ASSERT_EQ(0, start(&thread));
	ASSERT_EQ(0, leave_descriptors(0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread.handle, 20));
	SetLastError(0);
	EXPECT_EQ(NULL, CreateThread(NULL, 0, run, &thread, 0, NULL));
	EXPECT_EQ(ERROR_TOO_MANY_OPEN_FILES, GetLastError());
	end(&thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread.handle, COMES));
	EXPECT_TRUE(CloseHandle(thread.handle));
}

/* An event's number is even: the last descriptor that is left may be of no use. */
TEST(last_descriptor_may_be_too_odd_for_an_event)
{
	int odd = fcntl(0, F_DUPFD, 0);

	if (odd % 2 == 0)
		odd = fcntl(0, F_DUPFD, odd);
	ASSERT_EQ(1, odd % 2);
	close(odd);
	ASSERT_EQ(0, leave_descriptors(1));
	SetLastError(0);
	EXPECT_EQ(NULL, CreateEventA(NULL, FALSE, FALSE, NULL));
	EXPECT_EQ(ERROR_TOO_MANY_OPEN_FILES, GetLastError());
	/* And it is given back. */
	EXPECT_EQ(odd, fcntl(0, F_DUPFD, 0));
}

/* The low bit of an event's handle means nothing, whatever the library has made meanwhile. */
#define EXPECT_ANSWERS_WITH_LOW_BIT(event)				\
	do {								\
		ASSERT_TRUE(SetEvent(event));				\
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(		\
			handle((int)(intptr_t)(event) | 1), 0));	\
	} while (0)

/* Descriptors that are made next get the numbers behind this one. */
static HANDLE event_of_the_lowest_number(void)
{
	int fd = fcntl(0, F_DUPFD, 3);

	while (fd % 2)
		fd = fcntl(0, F_DUPFD, fd);
	close(fd);
	return CreateEventA(NULL, FALSE, FALSE, NULL);
}

static void *wait_for_both(void *arg)
{
	return (void *)(intptr_t)WaitForMultipleObjects(2, arg, FALSE, 2 * COMES);
}

TEST(low_bit_of_an_event_is_not_taken_for_what_the_library_makes)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	const DWORD ms = 1;
	WSADATA data;
	HANDLE event, both[2];
	pthread_t thread;
	void *result;
	fd_set set;
	SOCKET fd;
	char byte;

	ASSERT_EQ(0, WSAStartup(MAKEWORD(2, 2), &data));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_NE(INVALID_SOCKET, fd);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&any, sizeof(any)));
	both[0] = CreateMutexA(NULL, TRUE, NULL);
	both[1] = CreateEventA(NULL, FALSE, FALSE, NULL);
	event = event_of_the_lowest_number();
	ASSERT_NE(NULL, event);
	EXPECT_ANSWERS_WITH_LOW_BIT(event);
	/* A select() that sleeps. */
	FD_ZERO(&set);
	FD_SET(fd, &set);
	EXPECT_EQ(0, select(0, &set, NULL, NULL, &(struct timeval){ .tv_usec = 1000 }));
	EXPECT_ANSWERS_WITH_LOW_BIT(event);
	/* A call that waits. */
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, (const char *)&ms, sizeof(ms)));
	EXPECT_EQ(SOCKET_ERROR, recv(fd, &byte, 1, 0));
	EXPECT_ANSWERS_WITH_LOW_BIT(event);
	/* A wait for a mutex and something else, while it waits. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_both, both));
	sleep_ms(COMES_NOT);
	EXPECT_ANSWERS_WITH_LOW_BIT(event);
	ASSERT_TRUE(SetEvent(both[1]));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(WAIT_OBJECT_0 + 1, (DWORD)(intptr_t)result);
	closesocket(fd);
	WSACleanup();
}

/* More than 65,536 is nothing unusual for a server. */
TEST(event_of_a_high_number_is_known_without_asking)
{
	struct rlimit limit = { 70100, 70100 };
	HANDLE event;
	int fd;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		SKIP(return, "a process may not have 70,000 descriptors here");
	for (fd = 0; fd >= 0 && fd < 70000;)
		fd = fcntl(0, F_DUPFD, 0);
	ASSERT_LE(70000, fd);
	event = CreateEventA(NULL, FALSE, TRUE, NULL);
	ASSERT_LT(70000, (int)(intptr_t)event);
	/* Without /proc nothing can be asked. */
	ASSERT_EQ(0, chroot("/dev"));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	EXPECT_TRUE(CloseHandle(event));
}

TEST(duplicate_of_a_threads_handle_is_one)
{
	struct thread thread = { .ended = NULL };
	DWORD code = 0;
	HANDLE dup;

	ASSERT_EQ(0, start(&thread));
	dup = handle(fd_dup((int)(intptr_t)thread.handle));
	EXPECT_TRUE(CloseHandle(thread.handle));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(dup, 20));
	EXPECT_TRUE(GetExitCodeThread(dup, &code));
	EXPECT_EQ(STILL_ACTIVE, code);
	end(&thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(dup, COMES));
	EXPECT_TRUE(GetExitCodeThread(dup, &code));
	EXPECT_EQ(5, code);
	EXPECT_TRUE(CloseHandle(dup));
}

/* What a forked process is told of this one's threads; 0 if that is right. */
static int look_from_a_fork(HANDLE running, HANDLE ended)
{
	if (WaitForSingleObject(ended, INFINITE) != WAIT_OBJECT_0)
		return 1;
	if (WaitForSingleObject(running, INFINITE) != WAIT_FAILED ||
	    GetLastError() != ERROR_GEN_FAILURE)
		return 2;
	return 0;
}

TEST(thread_of_another_process_is_not_waited_for)
{
	struct thread running = { .ended = NULL }, ended = { .ended = NULL };
	int pid;

	ASSERT_EQ(0, start(&running));
	ASSERT_EQ(0, start(&ended));
	end(&ended);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(ended.handle, COMES));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(look_from_a_fork(running.handle, ended.handle));
	EXPECT_EQ(0, child_status(pid, COMES));
	end(&running);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(running.handle, COMES));
}

static int memory_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	/* As long as what a thread has. */
	return ftruncate(fd, 24) ? -1 : fd;
}

/* Descriptors of all kinds, or -1 where the kernel has none. */
static int other_kind(int i)
{
	int fd[2];

	switch (i) {
	case 0: return fd_epoll();
	case 1: return eventfd(0, EFD_CLOEXEC);
	case 2: return (int)syscall(SYS_pidfd_open, getpid(), 0);
	case 3: return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	case 4: return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	case 5: return fd_open("/dev/hpet", 0);
	case 6: return fd_open("/dev/null", 0);
	case 7: return fd_open("/proc/self/maps", 0);
	case 8: return fd_open("/", 0);
	case 9: return fd_open("/", 1);
	case 10: return any_socket(FAM_INET, TYPE_STREAM, 0);
	case 11: return any_socket(FAM_UNIX, TYPE_DGRAM, 0);
	case 12: return fd_pipe(fd) ? -1 : fd_close(fd[1]) ? -1 : fd[0];
	case 13: return memory_file();
	default: return -2;
	}
}

#define EXPECT_BAD_HANDLE(failed)					\
	do {								\
		SetLastError(POISON32);					\
		EXPECT_TRUE(failed) TH_LOG("kind %d", i);		\
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError()) TH_LOG("kind %d", i); \
	} while (0)

static void no_call(ULONG_PTR data)
{
	(void)data;
}

/* spec 8.10 */
TEST(descriptor_of_another_kind_is_an_invalid_handle)
{
	SOCK_NOTIFY_REGISTRATION reg = { .socket = 0 };
	int i, fd, s = any_socket(FAM_INET, TYPE_STREAM, 0);
	ULONG removed = POISON32;
	OVERLAPPED_ENTRY entry;
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD n;

	for (i = 0; (fd = other_kind(i)) != -2; i++) {
		if (fd < 0)
			continue;
		EXPECT_BAD_HANDLE(!PostQueuedCompletionStatus(handle(fd), 0, 0, NULL));
		EXPECT_BAD_HANDLE(!GetQueuedCompletionStatus(handle(fd), &n, &key,
							     &overlapped, 0));
		EXPECT_BAD_HANDLE(!GetQueuedCompletionStatusEx(handle(fd), &entry, 1,
							       &removed, 0, FALSE));
		EXPECT_BAD_HANDLE(!GetQueuedCompletionStatusEx(handle(fd), &entry, 1,
							       &removed, 1, TRUE));
		EXPECT_BAD_HANDLE(ProcessSocketNotifications(handle(fd), 1, &reg, 0, 0,
						NULL, NULL) == ERROR_INVALID_HANDLE);
		EXPECT_BAD_HANDLE(ProcessSocketNotifications(handle(fd), 0, NULL, 0, 1,
				&entry, (UINT32 *)&removed) == ERROR_INVALID_HANDLE);
		EXPECT_BAD_HANDLE(!CreateIoCompletionPort(handle(s), handle(fd), 0, 0));
		EXPECT_BAD_HANDLE(WaitForSingleObject(handle(fd), 0) == WAIT_FAILED);
		EXPECT_BAD_HANDLE(!GetExitCodeThread(handle(fd), &n));
		EXPECT_BAD_HANDLE(!QueueUserAPC(no_call, handle(fd), 0));
		fd_close(fd);
	}
	EXPECT_EQ(POISON32, removed);
	fd_close(s);
}

/* spec 8.10 */
TEST(port_and_thread_are_told_apart)
{
	struct thread thread = { .ended = NULL };
	HANDLE port = port_open();
	DWORD n;

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, start(&thread));
	SetLastError(0);
	EXPECT_FALSE(PostQueuedCompletionStatus(thread.handle, 0, 0, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0);
	EXPECT_FALSE(GetExitCodeThread(port, &n));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	end(&thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread.handle, COMES));
	EXPECT_TRUE(CloseHandle(thread.handle));
	EXPECT_TRUE(CloseHandle(port));
}

/* A thread that waits for handles. */
struct waiting {
	HANDLE handle[3];
	DWORD count;
	BOOL all;
	DWORD timeout;

	int tid;
	DWORD result;
	HANDLE thread;
};

static DWORD WINAPI wait_for_handles(LPVOID arg)
{
	struct waiting *w = arg;

	__atomic_store_n(&w->tid, thread_id(), __ATOMIC_RELEASE);
	w->result = WaitForMultipleObjects(w->count, w->handle, w->all, w->timeout);
	return 0;
}

static int begins_to_wait(struct waiting *w)
{
	w->tid = 0;
	w->thread = CreateThread(NULL, 0, wait_for_handles, w, 0, NULL);
	while (w->thread && !__atomic_load_n(&w->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return w->thread != NULL;
}

static int waits(struct waiting *w)
{
	return begins_to_wait(w) && task_sleeps(0, w->tid, COMES);
}

static int comes_back(struct waiting *w)
{
	return WaitForSingleObject(w->thread, COMES) == WAIT_OBJECT_0 &&
	       CloseHandle(w->thread);
}

/* Its number is another port's at once. */
TEST(wait_for_a_port_ends_when_it_is_closed)
{
	struct waiting w = { .count = 1, .timeout = INFINITE };
	int before = descriptors();

	w.handle[0] = port_open();
	ASSERT_NE(NULL, w.handle[0]);
	ASSERT_TRUE(waits(&w));
	EXPECT_TRUE(CloseHandle(w.handle[0]));
	EXPECT_EQ(w.handle[0], port_open());
	ASSERT_TRUE(comes_back(&w));
	EXPECT_EQ(WAIT_ABANDONED_0, w.result);
	EXPECT_TRUE(CloseHandle(w.handle[0]));
	EXPECT_EQ(before, descriptors());
}

TEST(wait_without_a_descriptor_left_ends_when_the_port_is_closed)
{
	struct waiting w = { .count = 1, .timeout = INFINITE };

	w.handle[0] = port_open();
	ASSERT_NE(NULL, w.handle[0]);
	/* For the handle of the thread: whether it sleeps cannot be asked then. */
	ASSERT_EQ(0, leave_descriptors(1));
	ASSERT_TRUE(begins_to_wait(&w));
	sleep_ms(COMES_NOT);
	EXPECT_TRUE(CloseHandle(w.handle[0]));
	ASSERT_TRUE(comes_back(&w));
	EXPECT_EQ(WAIT_ABANDONED_0, w.result);
}

TEST(wait_for_ports_and_threads_ends_with_either)
{
	struct waiting w = { .count = 3, .timeout = INFINITE };
	struct thread thread[2] = { { .ended = NULL }, { .ended = NULL } };
	int i, before = descriptors();

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, start(&thread[0]));
		ASSERT_EQ(0, start(&thread[1]));
		w.handle[0] = thread[0].handle;
		w.handle[1] = port_open();
		w.handle[2] = thread[1].handle;
		w.all = i == 4;
		ASSERT_TRUE(waits(&w));
		switch (i) {
		case 0:
			end(&thread[1]);
			ASSERT_TRUE(comes_back(&w));
			EXPECT_EQ(WAIT_OBJECT_0 + 2, w.result);
			break;
		case 1:
			PostQueuedCompletionStatus(w.handle[1], 0, 0, NULL);
			ASSERT_TRUE(comes_back(&w));
			EXPECT_EQ(WAIT_OBJECT_0 + 1, w.result);
			break;
		case 2:
			EXPECT_TRUE(CloseHandle(w.handle[1]));
			ASSERT_TRUE(comes_back(&w));
			EXPECT_EQ(WAIT_ABANDONED_0 + 1, w.result);
			break;
		case 3:
			/* A handle that is closed does not end the wait for the thread. */
			EXPECT_TRUE(CloseHandle(thread[0].handle));
			sleep_ms(COMES_NOT);
			EXPECT_TRUE(task_sleeps(0, w.tid, COMES));
			end(&thread[0]);
			ASSERT_TRUE(comes_back(&w));
			EXPECT_EQ(WAIT_OBJECT_0, w.result);
			break;
		case 4:
			end(&thread[0]);
			PostQueuedCompletionStatus(w.handle[1], 0, 0, NULL);
			sleep_ms(COMES_NOT);
			EXPECT_TRUE(task_sleeps(0, w.tid, COMES));
			end(&thread[1]);
			ASSERT_TRUE(comes_back(&w));
			EXPECT_EQ(WAIT_OBJECT_0, w.result);
			break;
		}
		end(&thread[0]);
		end(&thread[1]);
		if (i != 2)
			CloseHandle(w.handle[1]);
		if (i != 3) {
			WaitForSingleObject(thread[0].handle, COMES);
			CloseHandle(thread[0].handle);
		}
		WaitForSingleObject(thread[1].handle, COMES);
		CloseHandle(thread[1].handle);
	}
	EXPECT_EQ(before, descriptors());
}

TEST(wait_for_handles_times_out_though_signals_come)
{
	struct thread thread = { .ended = NULL };
	struct waiting w = { .count = 1, .timeout = A_WHILE / 3 };
	int64_t began;
	int i, n;

	ASSERT_EQ(0, count_signals(0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, start(&thread));
		w.count = i + 1;
		w.handle[0] = thread.handle;
		w.handle[1] = port_open();
		began = now_ms();
		ASSERT_TRUE(waits(&w));
		for (n = 0; n < 5; n++, sleep_ms(5))
			signal_task(w.tid);
		ASSERT_TRUE(comes_back(&w));
		EXPECT_EQ(WAIT_TIMEOUT, w.result);
		EXPECT_LE(began + A_WHILE / 3, now_ms());
		end(&thread);
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread.handle, COMES));
		EXPECT_TRUE(CloseHandle(thread.handle));
		EXPECT_TRUE(CloseHandle(w.handle[1]));
	}
	EXPECT_LT(0, signals_counted());
}

/* Threads that end just when somebody begins to wait: none is overlooked. */
TEST(end_of_a_thread_is_never_overlooked)
{
	struct thread thread = { .ended = NULL };
	HANDLE handles[2];
	int i;

	handles[1] = port_open();
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, start(&thread));
		handles[0] = thread.handle;
		end(&thread);
		ASSERT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(1 + i % 2, handles,
								FALSE, 5 * COMES));
		ASSERT_TRUE(CloseHandle(thread.handle));
	}
	EXPECT_TRUE(CloseHandle(handles[1]));
}

static void *wait_for_ever(void *handle)
{
	WaitForSingleObject(handle, INFINITE);
	return NULL;
}

TEST(thread_that_is_cancelled_while_it_waits_leaves_nothing)
{
	HANDLE port = port_open();
	int before = descriptors();
	pthread_t thread;
	int64_t end;

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_ever, port));
	/* For the wait. */
	for (end = now_ms() + COMES; descriptors() == before && now_ms() < end;)
		sleep_ms(1);
	ASSERT_EQ(before + 1, descriptors());
	ASSERT_EQ(0, pthread_cancel(thread));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(before, descriptors());
	EXPECT_TRUE(CloseHandle(port));
}

struct harvester {
	HANDLE port;
	int tid;
	ULONG removed;
	DWORD error;
};

static DWORD WINAPI harvest(LPVOID arg)
{
	struct harvester *h = arg;
	OVERLAPPED_ENTRY entry;

	__atomic_store_n(&h->tid, thread_id(), __ATOMIC_RELEASE);
	h->error = GetQueuedCompletionStatusEx(h->port, &entry, 1, &h->removed, INFINITE,
					       FALSE) ? 0 : GetLastError();
	return 0;
}

TEST(count_is_0_where_a_wait_was_abandoned)
{
	struct harvester h = { .port = port_open(), .removed = POISON32 };
	HANDLE thread;

	ASSERT_NE(NULL, h.port);
	thread = CreateThread(NULL, 0, harvest, &h, 0, NULL);
	ASSERT_NE(NULL, thread);
	while (!__atomic_load_n(&h.tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	ASSERT_TRUE(task_sleeps(0, h.tid, COMES));
	EXPECT_TRUE(CloseHandle(h.port));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, h.error);
	EXPECT_EQ(0, h.removed);
	EXPECT_TRUE(CloseHandle(thread));
}

/* asio has calls of these that a program need not come to. */
TEST(what_is_there_to_be_named_only_fails)
{
	HANDLE port = port_open();

	ASSERT_NE(NULL, port);
	EXPECT_FALSE(TerminateThread(GetCurrentThread(), 0));
	EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
	EXPECT_TRUE(CloseHandle(port));
}

TEST(what_has_nothing_under_way_is_not_cancelled)
{
	HANDLE port = port_open();

	ASSERT_NE(NULL, port);
	EXPECT_TRUE(CancelIo(port));
	EXPECT_FALSE(CancelIoEx(port, NULL));
	EXPECT_EQ(ERROR_NOT_FOUND, GetLastError());
	EXPECT_TRUE(CloseHandle(port));
	EXPECT_FALSE(CancelIo(port));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_FALSE(CancelIoEx(port, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
}

TEST_HARNESS_MAIN
