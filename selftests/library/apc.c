// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Functions that QueueUserAPC() has a thread call: in alertable waits only, which
 * they end, in their order, and in no other thread.
 */
#include <limits.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x1414
#define MS	1000000LL
#define LATE_MS	(1500 * patience())

static struct {
	int calls;
	int tid[64];
	ULONG_PTR data[64];
} called;

static void NTAPI note(ULONG_PTR data)
{
	called.tid[called.calls % 64] = thread_id();
	called.data[called.calls % 64] = data;
	__atomic_add_fetch(&called.calls, 1, __ATOMIC_RELEASE);
}

static int calls(void)
{
	return __atomic_load_n(&called.calls, __ATOMIC_ACQUIRE);
}

/* What an alertable thread does, once or until it is told to stop. */
enum sleeper {
	BY_SLEEPEX,
	BY_PORT,
	/* Waits that are not alertable: they must not end. */
	BY_SLEEP,
	BY_PORT_NOT_ALERTABLE,
};

struct worker {
	HANDLE port;
	enum sleeper how;
	DWORD timeout;
	int until_calls;

	DWORD code;
	ULONG removed;
	OVERLAPPED_ENTRY got;
	int64_t elapsed_ns;
	int tid;
	int woken;
	HANDLE handle;
};

static void wait_once(struct worker *w)
{
	switch (w->how) {
	case BY_SLEEPEX:
		w->code = SleepEx(w->timeout, TRUE);
		return;
	case BY_SLEEP:
		w->code = SleepEx(w->timeout, FALSE);
		return;
	case BY_PORT:
	case BY_PORT_NOT_ALERTABLE:
		w->removed = POISON32;
		SetLastError(0);
		w->code = 0;
		if (!GetQueuedCompletionStatusEx(w->port, &w->got, 1, &w->removed,
						 w->timeout, w->how == BY_PORT))
			w->code = GetLastError();
	}
}

static DWORD WINAPI work(void *arg)
{
	struct worker *w = arg;
	int64_t start = now_ns();

	__atomic_store_n(&w->tid, thread_id(), __ATOMIC_RELEASE);
	do {
		wait_once(w);
		if (w->code == WAIT_IO_COMPLETION)
			w->woken++;
	} while (calls() < __atomic_load_n(&w->until_calls, __ATOMIC_ACQUIRE));
	w->elapsed_ns = now_ns() - start;
	return 0;
}

static int worker_start(struct worker *w)
{
	w->handle = CreateThread(NULL, 0, work, w, 0, NULL);
	return w->handle ? 0 : -1;
}

/* Has the thread slept in the kernel for some time? */
static int worker_sleeps(struct worker *w)
{
	while (!__atomic_load_n(&w->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	if (w->how == BY_PORT || w->how == BY_PORT_NOT_ALERTABLE)
		return task_blocked(0, w->tid, COMES);
	sleep_ms(50);
	return 1;
}

#define START(w)							\
	do {								\
		ASSERT_EQ(0, worker_start(w));				\
		ASSERT_TRUE(worker_sleeps(w));				\
	} while (0)

#define JOIN(w)								\
	do {								\
		ASSERT_EQ(WAIT_OBJECT_0,				\
			  WaitForSingleObject((w)->handle, COMES + LATE_MS)); \
		EXPECT_TRUE(CloseHandle((w)->handle));			\
	} while (0)

#define QUEUE(handle, data)	EXPECT_NE(0, QueueUserAPC(note, handle, data))

FIXTURE(apc) {
	HANDLE port;
};

FIXTURE_VARIANT(apc) {
	enum sleeper how;
};

FIXTURE_VARIANT_ADD(apc, sleepex) { .how = BY_SLEEPEX, };
FIXTURE_VARIANT_ADD(apc, gqcsex) { .how = BY_PORT, };

FIXTURE_SETUP(apc)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(apc)
{
	if (self->port) {
		EXPECT_TRUE(CloseHandle(self->port));
	}
}

#define WORKER(ms)	{ .port = self->port, .how = variant->how, .timeout = ms }
/* What a wait that just ran out says. */
#define RAN_OUT		(variant->how == BY_PORT ? WAIT_TIMEOUT : 0)

/* spec 8.11 */
TEST_F(apc, ends_the_alertable_wait_of_another_thread)
{
	struct worker w = WORKER(INFINITE);

	START(&w);
	QUEUE(w.handle, 7);
	JOIN(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	EXPECT_EQ(1, calls());
	EXPECT_EQ(7, called.data[0]);
	EXPECT_EQ(w.tid, called.tid[0]);
	if (variant->how == BY_PORT) {
		EXPECT_EQ(0, w.removed);
	}
}

/* spec 8.11 */
TEST_F(apc, that_is_queued_before_the_wait_is_called_at_once)
{
	struct worker w = WORKER(INFINITE);
	int i;

	for (i = 0; i < 3; i++)
		QUEUE(GetCurrentThread(), i);
	EXPECT_EQ(0, calls());
	wait_once(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	ASSERT_EQ(3, calls());
	for (i = 0; i < 3; i++)
		EXPECT_EQ(i, called.data[i]);
	w.timeout = 0;
	wait_once(&w);
	EXPECT_EQ(RAN_OUT, w.code);
	EXPECT_EQ(3, calls());
}

/* spec 8.11 */
TEST_F(apc, is_called_by_a_wait_with_a_time_out_of_0)
{
	struct worker w = WORKER(0);

	QUEUE(GetCurrentThread(), 1);
	wait_once(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	EXPECT_EQ(1, calls());
}

/* spec 8.11 */
TEST_F(apc, is_not_called_by_waits_that_are_not_alertable)
{
	struct worker w = WORKER(100);

	w.how = variant->how == BY_PORT ? BY_PORT_NOT_ALERTABLE : BY_SLEEP;
	ASSERT_EQ(0, worker_start(&w));
	QUEUE(w.handle, 1);
	JOIN(&w);
	EXPECT_EQ(RAN_OUT, w.code);
	EXPECT_LE(100 * MS, w.elapsed_ns);

	QUEUE(GetCurrentThread(), 2);
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(self->port, 10));
	EXPECT_EQ(0, calls());
}

static void NTAPI queue_another(ULONG_PTR data)
{
	note(data);
	if (data)
		QueueUserAPC(queue_another, GetCurrentThread(), data - 1);
}

TEST_F(apc, that_is_queued_by_one_is_called_in_the_same_wait)
{
	struct worker w = WORKER(INFINITE);

	EXPECT_NE(0, QueueUserAPC(queue_another, GetCurrentThread(), 4));
	wait_once(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	EXPECT_EQ(5, calls());
}

TEST_F(apc, alertable_wait_without_one_is_never_early)
{
	struct worker w = WORKER(60);

	ASSERT_EQ(0, worker_start(&w));
	JOIN(&w);
	EXPECT_EQ(RAN_OUT, w.code);
	EXPECT_LE(60 * MS, w.elapsed_ns);
	EXPECT_GT((60 + LATE_MS) * MS, w.elapsed_ns);
	EXPECT_EQ(0, calls());
}

/* A program's own signals neither end the wait nor prolong it. */
TEST_F(apc, signals_do_not_end_an_alertable_wait)
{
	struct worker w = WORKER(A_WHILE);

	ASSERT_EQ(0, count_signals(0));
	START(&w);
	while (!signal_task(w.tid))
		sleep_ms(10);
	JOIN(&w);
	EXPECT_EQ(RAN_OUT, w.code);
	EXPECT_LE(A_WHILE * MS, w.elapsed_ns);
	EXPECT_GT((A_WHILE + LATE_MS) * MS, w.elapsed_ns);
	EXPECT_LT(0, signals_counted());
}

/*
 * The thread waits without an end, so one that is queued while it is on its way
 * into the kernel, and lost, ends this test.
 */
TEST_F(apc, none_is_lost_on_the_way_into_a_wait)
{
	struct worker w = WORKER(INFINITE);
	int64_t end = now_ms() + 4000, lost;
	int i, n;

	w.until_calls = INT_MAX;
	ASSERT_EQ(0, worker_start(&w));
	for (i = 0; now_ms() < end; i++) {
		/* So many instructions after it was seen to run. */
		for (n = 0; n < i % 1000; n++)
			__asm__ volatile("");
		ASSERT_NE(0, QueueUserAPC(note, w.handle, i));
		lost = now_ms() + 4 * COMES;
		while (calls() <= i)
			ASSERT_LT(now_ms(), lost);
	}
	__atomic_store_n(&w.until_calls, 0, __ATOMIC_RELEASE);
	/* Not called if the thread has seen that it may end. */
	QueueUserAPC(note, w.handle, i);
	JOIN(&w);
	EXPECT_LE(i, calls());
	/* One that is queued while the one before returns shares its wait. */
	EXPECT_LT(0, w.woken);
	EXPECT_GE(i + 1, w.woken);
}

TEST_F(apc, several_threads_call_their_own)
{
	enum { THREADS = 4 };
	struct worker w[THREADS] = {
		WORKER(INFINITE), WORKER(INFINITE), WORKER(INFINITE),
		WORKER(INFINITE),
	};
	int i;

	for (i = 0; i < THREADS; i++)
		START(&w[i]);
	for (i = 0; i < THREADS; i++) {
		QUEUE(w[i].handle, i);
		JOIN(&w[i]);
		EXPECT_EQ(WAIT_IO_COMPLETION, w[i].code);
		ASSERT_EQ(i + 1, calls());
		EXPECT_EQ(i, called.data[i]);
		EXPECT_EQ(w[i].tid, called.tid[i]);
	}
}

/* spec 8.11 */
TEST(apc_is_not_called_while_there_are_packets)
{
	struct worker w = { .port = port_open(), .how = BY_PORT };

	ASSERT_NE(NULL, w.port);
	wait_once(&w);
	EXPECT_EQ(WAIT_TIMEOUT, w.code);
	w.timeout = INFINITE;
	EXPECT_TRUE(PostQueuedCompletionStatus(w.port, 1, KEY, NULL));
	QUEUE(GetCurrentThread(), 5);
	wait_once(&w);
	EXPECT_EQ(0, w.code);
	EXPECT_EQ(1, w.removed);
	EXPECT_EQ(KEY, w.got.lpCompletionKey);
	EXPECT_EQ(0, calls());
	wait_once(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	EXPECT_EQ(1, calls());
	EXPECT_TRUE(CloseHandle(w.port));
}

/* spec 8.11 */
TEST(apc_goes_before_a_packet_unless_the_thread_has_asked_this_port)
{
	struct worker w = { .port = port_open(), .how = BY_PORT, .timeout = INFINITE };
	HANDLE first = w.port, other = port_open();
	int i;

	ASSERT_NE(NULL, w.port);
	ASSERT_NE(NULL, other);
	EXPECT_TRUE(PostQueuedCompletionStatus(first, 1, KEY, NULL));
	/* Nor is that a way to be associated. */
	for (i = 0; i < 2; i++) {
		QUEUE(GetCurrentThread(), i);
		wait_once(&w);
		EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
		EXPECT_EQ(0, w.removed);
		EXPECT_EQ(i + 1, calls());
	}
	wait_once(&w);
	EXPECT_EQ(0, w.code);
	EXPECT_EQ(KEY, w.got.lpCompletionKey);

	/* The last port that was asked counts, whoever asks. */
	EXPECT_TRUE(PostQueuedCompletionStatus(first, 1, KEY, NULL));
	EXPECT_NOTHING_NOW(other);
	QUEUE(GetCurrentThread(), 3);
	wait_once(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	EXPECT_EQ(3, calls());
	EXPECT_PACKETS(first, { .key = KEY, .mask = 1 });
	EXPECT_TRUE(PostQueuedCompletionStatus(first, 1, KEY, NULL));
	QUEUE(GetCurrentThread(), 4);
	wait_once(&w);
	EXPECT_EQ(0, w.code);
	EXPECT_EQ(3, calls());

	/* A port that was closed is another one than the next with its number. */
	EXPECT_TRUE(CloseHandle(first));
	w.port = port_open();
	EXPECT_EQ(first, w.port);
	EXPECT_TRUE(PostQueuedCompletionStatus(w.port, 1, KEY, NULL));
	wait_once(&w);
	EXPECT_EQ(WAIT_IO_COMPLETION, w.code);
	EXPECT_EQ(4, calls());
	EXPECT_TRUE(CloseHandle(w.port));
	EXPECT_TRUE(CloseHandle(other));
}

TEST(apc_is_not_called_if_the_port_is_bad)
{
	struct worker w = { .port = NULL, .how = BY_PORT };

	QUEUE(GetCurrentThread(), 5);
	wait_once(&w);
	EXPECT_EQ(ERROR_INVALID_HANDLE, w.code);
	EXPECT_EQ(0, calls());
}

TEST(packet_ends_an_alertable_wait)
{
	struct worker w = { .port = port_open(), .how = BY_PORT };

	ASSERT_NE(NULL, w.port);
	w.timeout = INFINITE;
	START(&w);
	EXPECT_TRUE(PostQueuedCompletionStatus(w.port, 1, KEY, NULL));
	JOIN(&w);
	EXPECT_EQ(0, w.code);
	EXPECT_EQ(KEY, w.got.lpCompletionKey);
	EXPECT_TRUE(CloseHandle(w.port));
}

TEST(close_handle_abandons_an_alertable_wait)
{
	struct worker w = { .port = port_open(), .how = BY_PORT };

	ASSERT_NE(NULL, w.port);
	w.timeout = INFINITE;
	START(&w);
	EXPECT_TRUE(CloseHandle(w.port));
	JOIN(&w);
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w.code);
}

/* A duplicate is the same thread; a number that was reused is another one. */
TEST(thread_is_known_by_its_handle_and_not_by_the_number)
{
	struct worker w = { .how = BY_SLEEPEX, .timeout = INFINITE };
	struct worker other = { .how = BY_SLEEPEX, .timeout = INFINITE };
	int dup;

	START(&w);
	dup = fd_dup((int)(intptr_t)w.handle);
	ASSERT_LE(0, dup);
	fd_close((int)(intptr_t)w.handle);
	ASSERT_EQ(0, worker_start(&other));
	ASSERT_EQ(w.handle, other.handle);
	ASSERT_TRUE(worker_sleeps(&other));

	w.handle = (HANDLE)(intptr_t)dup;
	QUEUE(w.handle, 1);
	JOIN(&w);
	EXPECT_EQ(1, calls());
	EXPECT_EQ(w.tid, called.tid[0]);
	QUEUE(other.handle, 2);
	JOIN(&other);
	EXPECT_EQ(2, calls());
	EXPECT_EQ(other.tid, called.tid[1]);
}

#define EXPECT_NOT_QUEUED(error, function, handle)			\
	do {								\
		SetLastError(POISON32);					\
		EXPECT_EQ(0, QueueUserAPC(function, handle, 0));	\
		EXPECT_EQ(error, GetLastError());			\
	} while (0)

TEST(apc_needs_a_thread)
{
	struct worker w = { .how = BY_SLEEP };
	HANDLE port = port_open();
	int pipe[2];

	EXPECT_NOT_QUEUED(ERROR_INVALID_HANDLE, note, NULL);
	EXPECT_NOT_QUEUED(ERROR_INVALID_HANDLE, note, INVALID_HANDLE_VALUE);
	EXPECT_NOT_QUEUED(ERROR_INVALID_HANDLE, note, port);
	EXPECT_NOT_QUEUED(ERROR_INVALID_PARAMETER, NULL, GetCurrentThread());
	ASSERT_EQ(0, fd_pipe(pipe));
	EXPECT_NOT_QUEUED(ERROR_INVALID_HANDLE, note, (HANDLE)(intptr_t)pipe[0]);

	ASSERT_EQ(0, worker_start(&w));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(w.handle, COMES));
	EXPECT_NOT_QUEUED(ERROR_GEN_FAILURE, note, w.handle);
	EXPECT_TRUE(CloseHandle(w.handle));
	EXPECT_NOT_QUEUED(ERROR_INVALID_HANDLE, note, w.handle);
	EXPECT_TRUE(CloseHandle(port));
}

TEST(forked_process_has_one_thread_and_its_own_calls)
{
	struct worker w = { .how = BY_SLEEPEX, .timeout = INFINITE };
	int pid;

	START(&w);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (QueueUserAPC(note, w.handle, 0) ||
		    GetLastError() != ERROR_GEN_FAILURE)
			_exit(1);
		if (!QueueUserAPC(note, GetCurrentThread(), 0) ||
		    SleepEx(INFINITE, TRUE) != WAIT_IO_COMPLETION)
			_exit(2);
		_exit(calls() == 1 ? 0 : 3);
	}
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(0, calls());
	QUEUE(w.handle, 1);
	JOIN(&w);
	EXPECT_EQ(1, calls());
}

/* What a process sees that was forked by this thread: 0 if all is as it should be. */
static int look_after_fork(HANDLE own)
{
	if (SleepEx(0, TRUE) || calls())
		return 1;
	if (own && !QueueUserAPC(note, own, 0))
		return 2;
	if (!QueueUserAPC(note, GetCurrentThread(), 0))
		return 3;
	if (SleepEx(INFINITE, TRUE) != WAIT_IO_COMPLETION)
		return 4;
	return calls() == (own ? 2 : 1) ? 0 : 5;
}

/* Forks, and returns 0 if the calls that were queued are made by the parent only. */
static int fork_with_calls_queued(HANDLE own)
{
	int pid, status;

	QueueUserAPC(note, GetCurrentThread(), 1);
	QueueUserAPC(note, GetCurrentThread(), 2);
	pid = fork();
	if (!pid)
		_exit(look_after_fork(own));
	status = pid < 0 ? pid : child_status(pid, COMES);
	if (status)
		return status;
	return SleepEx(0, TRUE) == WAIT_IO_COMPLETION && calls() == 2 ? 0 : 6;
}

/* In a test of its own: no thread was made here. */
TEST(calls_of_the_first_thread_stay_in_its_process)
{
	EXPECT_EQ(0, fork_with_calls_queued(NULL));
}

static DWORD WINAPI fork_in_thread(LPVOID arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&w->handle, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	w->code = fork_with_calls_queued(w->handle);
	return 0;
}

TEST(forked_thread_keeps_its_handle_and_no_calls)
{
	struct worker w = { .code = 1 };
	HANDLE handle;

	handle = CreateThread(NULL, 0, fork_in_thread, &w, 0, NULL);
	ASSERT_NE(NULL, handle);
	__atomic_store_n(&w.handle, handle, __ATOMIC_RELEASE);
	JOIN(&w);
	EXPECT_EQ(0, w.code);
}

/* Closing a handle first, so that the end of the thread has nobody to tell. */
TEST(thread_may_end_after_its_handle_was_closed)
{
	struct worker w = { .how = BY_SLEEP, .timeout = 50 };
	int64_t end = now_ms() + COMES;

	ASSERT_EQ(0, worker_start(&w));
	EXPECT_TRUE(CloseHandle(w.handle));
	while (!__atomic_load_n(&w.elapsed_ns, __ATOMIC_ACQUIRE)) {
		ASSERT_LT(now_ms(), end);
		sleep_ms(1);
	}
	sleep_ms(50);
}

/* A forked process has the handle too. */
TEST(end_of_a_thread_is_seen_though_a_process_was_forked)
{
	struct worker w = { .how = BY_SLEEPEX, .timeout = INFINITE };
	int pid;

	START(&w);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		sleep_ms(3 * COMES);
		_exit(0);
	}
	QUEUE(w.handle, 1);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(w.handle, COMES));
	EXPECT_TRUE(CloseHandle(w.handle));
	kill(pid, SIGKILL);
	EXPECT_EQ(256 + SIGKILL, child_status(pid, COMES));
}

TEST_HARNESS_MAIN
