// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Who leaves a port holds none of its slots: threads that exit or ask another port, and
 * processes that close it, exec or end.  What they held of the module is given back.
 */
#include <limits.h>
#include <pthread.h>

#include "kselftest_harness.h"

#include "lib/stage.h"

FIXTURE_VARIANT(leaving) {
	int sample;
};

FIXTURE_ON_STAGE(leaving)

FIXTURE_VARIANT_ADD(leaving, told) { .sample = 0, };
FIXTURE_VARIANT_ADD(leaving, sampled) { .sample = 1, };

/* ----------------------------------------------------- threads come and go */

/* spec 8.6 */
TEST_F(leaving, thread_that_exits_lets_another_run)
{
	struct job *a = new_job(0), *b = new_job(1);

	a->exits = 1;
	START(3);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	EXPECT_QUEUED(b);
	EXPECT_EQ(3, port_told(self->port, "workers"));
	job_finish(a);
	EXPECT_RUNS(b);
	job_finish(b);
	EXPECT_LEFT(self->port, 2);
}

static int module_users_become(int users)
{
	int64_t end = now_ms() + SOON;

	while (module_users() != users) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

/* The scheduler calls the module for it; who is sampled is not called for. */
TEST_F(leaving, module_stays_while_a_thread_lives_that_was_a_worker)
{
	int each = variant->sample ? 0 : 1;
	struct job *a = new_job(0);

	/* Threads of the test before may not be quite gone. */
	if (!module_users_become(1))
		SKIP(return, "somebody else uses the module");
	a->exits = 1;
	START(3);
	EXPECT_EQ(1 + 3 * each, module_users());
	POST(a);
	job_finish(a);
	EXPECT_DONE(a);
	EXPECT_TRUE(module_users_become(1 + 2 * each));
}

/* spec 8.6 */
TEST_F(leaving, thread_that_asks_another_port_leaves_the_first)
{
	struct job *a = new_job(0), *b = new_job(1), *c = new_job(2);
	HANDLE other = port_with(1);

	ASSERT_NE(NULL, other);
	a->next = other;
	c->next = self->port;
	START(3);
	EXPECT_EQ(3, port_told(self->port, "workers"));
	EXPECT_EQ(0, port_told(other, "workers"));
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	EXPECT_QUEUED(b);
	job_finish(a);
	EXPECT_RUNS(b);
	EXPECT_TRUE(port_becomes(other, "waiters", 1, SOON));
	EXPECT_EQ(2, port_told(self->port, "workers"));
	EXPECT_EQ(1, port_told(other, "workers"));
	EXPECT_EQ(1, port_told(self->port, "active"));
	EXPECT_EQ(0, port_told(other, "active"));

	/* It is the other port's now, and comes back. */
	ASSERT_TRUE(job_post(other, c));
	ASSERT_RUNS(c);
	EXPECT_EQ(a->member, c->member);
	EXPECT_EQ(1, port_told(other, "active"));
	job_finish(c);
	EXPECT_TRUE(port_becomes(self->port, "workers", 3, SOON));
	EXPECT_EQ(0, port_told(other, "workers"));
	EXPECT_EQ(0, port_told(other, "active"));
	job_finish(b);
	EXPECT_REST(self->port);
	EXPECT_TRUE(CloseHandle(other));
}

/* spec 8.7 */
TEST_F(leaving, port_is_closed_while_threads_run)
{
	struct job *a = new_job(0);
	HANDLE port = self->port;

	START(3);
	POST(a);
	ASSERT_RUNS(a);
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	/* It asks a port that is gone for more. */
	job_finish(a);
	EXPECT_DONE(a);
	ASSERT_EQ(0, pthread_join(crew.member[2].thread, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, crew.member[2].code);
	crew.count = 2;
}

static void *ask_once(void *arg)
{
	struct waiter w = { .port = arg };

	w.how = BY_GQCS;
	if (!waiter_start(&w))
		waiter_join(&w, SOON);
	return NULL;
}

/* Whoever is a worker is taken off the port's list when it exits. */
TEST_F(leaving, threads_come_and_go)
{
	struct waiter w = { .port = self->port, .timeout = INFINITE };
	int64_t end = now_ms() + 500;
	pthread_t thread[CREW_MAX];
	int i;

	while (now_ms() < end) {
		for (i = 0; i < CREW_MAX; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, ask_once,
						    self->port));
		for (i = 0; i < CREW_MAX; i++)
			ASSERT_EQ(0, pthread_join(thread[i], NULL));
	}
	EXPECT_LEFT(self->port, 0);

	/* None of them is in the way of another one. */
	START_WAITER(&w);
	EXPECT_TRUE(port_becomes(self->port, "workers", 1, SOON));
	ASSERT_TRUE(PostQueuedCompletionStatus(self->port, 0, 0, NULL));
	ASSERT_EQ(0, waiter_join(&w, SOON));
}

/* Nor has another one to come, or a packet: what a dead thread pins comes back. */
TEST_F(leaving, threads_that_exited_are_let_go_though_nobody_asks)
{
	struct job *a = new_job(0);
	int i;

	a->exits = 1;
	job_finish(a);
	START(1);
	for (i = 0; i < 50; i++)
		ask_once(self->port);
	EXPECT_TRUE(port_becomes(self->port, "workers", 1, SOON));

	/* One that was seen alive. */
	POST(a);
	EXPECT_DONE(a);
	EXPECT_TRUE(port_becomes(self->port, "workers", 0, SOON));
}

enum { OTHERS = 1000, FIRST_CALLS = 21 };

static void *ask_and_rest(void *arg)
{
	OVERLAPPED_ENTRY got;
	ULONG removed;

	GetQueuedCompletionStatusEx(arg, &got, 1, &removed, 0, FALSE);
	add(&stage->ready, 1);
	process_rest();
	return NULL;
}

/* They have been workers of a port that is closed. */
static void be_many(void *arg)
{
	HANDLE port = port_with(1);
	pthread_attr_t small;
	pthread_t thread;
	int i;

	(void)arg;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (i = 0; i < OTHERS; i++) {
		if (pthread_create(&thread, &small, ask_and_rest, port))
			_exit(1);
	}
	while (add(&stage->ready, 0) < OTHERS)
		sleep_ms(1);
	CloseHandle(port);
	add(&stage->closed, 1);
	process_rest();
}

static void *first_call(void *arg)
{
	int64_t *elapsed = arg;
	OVERLAPPED_ENTRY got;
	ULONG removed;

	*elapsed = now_ns();
	GetQueuedCompletionStatusEx((HANDLE)(uintptr_t)elapsed[1], &got, 1, &removed, 0, FALSE);
	*elapsed = now_ns() - *elapsed;
	return NULL;
}

/* The fastest of some, as nothing makes it faster than it is. */
static int64_t first_call_takes(HANDLE port)
{
	int64_t arg[2] = { 0, (uintptr_t)port }, best = INT64_MAX;
	pthread_t thread;
	int i;

	for (i = 0; i < FIRST_CALLS; i++) {
		if (pthread_create(&thread, NULL, first_call, arg))
			return -1;
		pthread_join(thread, NULL);
		if (arg[0] < best)
			best = arg[0];
	}
	return best;
}

TEST_F(leaving, threads_of_others_do_not_slow_down_the_first_call)
{
	int64_t before = first_call_takes(self->port), after;
	int pid = process_start(be_many, NULL);
	int64_t end = now_ms() + 10 * SOON;
	int tries = 20;

	ASSERT_LT(0, pid);
	while (!add(&stage->closed, 0)) {
		ASSERT_GT(end, now_ms());
		sleep_ms(1);
	}
	/* The sampler works between calls, and what the processor remembers goes with that. */
	do
		after = first_call_takes(self->port);
	while (after >= 3 * before && --tries);
	TH_LOG("%lld ns, then %lld ns", (long long)before, (long long)after);
	EXPECT_GT(3 * before, after);
	EXPECT_EQ(0, process_kill(pid));
}

/* ------------------------------------------- processes that close the port */

/* The ways in which a process closes its last descriptor of a port. */
enum closing {
	CLOSE_BY_ITS_THREAD,
	CLOSE_BY_ANOTHER_THREAD,
	CLOSE_BY_DUP2,
	CLOSE_BY_CLOSE_RANGE,
	CLOSE_BY_EXEC,
	/* It shares its table with us until then. */
	CLOSE_BY_EXEC_OF_ONE,
	CLOSE_BY_EXIT,
};

FIXTURE_VARIANT(closing) {
	int sample;
	enum closing how;
};

FIXTURE_ON_STAGE(closing)

#define CLOSING_VARIANT(name, way)					\
	FIXTURE_VARIANT_ADD(closing, told_##name)			\
		{ .sample = 0, .how = way, };				\
	FIXTURE_VARIANT_ADD(closing, sampled_##name)			\
		{ .sample = 1, .how = way, };

CLOSING_VARIANT(by_its_thread, CLOSE_BY_ITS_THREAD)
CLOSING_VARIANT(by_another_thread, CLOSE_BY_ANOTHER_THREAD)
CLOSING_VARIANT(by_dup2, CLOSE_BY_DUP2)
CLOSING_VARIANT(by_close_range, CLOSE_BY_CLOSE_RANGE)
CLOSING_VARIANT(by_exec, CLOSE_BY_EXEC)
CLOSING_VARIANT(by_exec_of_one, CLOSE_BY_EXEC_OF_ONE)
CLOSING_VARIANT(by_exit, CLOSE_BY_EXIT)

struct closer {
	HANDLE port;
	enum closing how;
	int copy;
};

static void await(const int *count, int value)
{
	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < value)
		;
}

/* Closes both descriptors, each when the test says so. */
static void *close_both(void *arg)
{
	const struct closer *closer = arg;
	int fd = port_fd(closer->port);

	await(&stage->close, 1);
	fd_close(closer->copy);
	__atomic_store_n(&stage->closed, 1, __ATOMIC_RELEASE);
	await(&stage->close, 2);
	switch (closer->how) {
	case CLOSE_BY_ITS_THREAD:
	case CLOSE_BY_ANOTHER_THREAD:
		fd_close(fd);
		break;
	case CLOSE_BY_DUP2:
		fd_dup_to(STDERR_FILENO, fd);
		break;
	case CLOSE_BY_CLOSE_RANGE:
		fd_close_range(fd, INT_MAX);
		break;
	case CLOSE_BY_EXEC:
	case CLOSE_BY_EXEC_OF_ONE:
		run_again(COMPUTES);
		break;
	case CLOSE_BY_EXIT:
		_exit(0);
	}
	__atomic_store_n(&stage->closed, 2, __ATOMIC_RELEASE);
	return NULL;
}

/* Takes a packet and computes; meanwhile the port is closed. */
static void take_one_and_compute(void *arg)
{
	struct closer *closer = arg;
	OVERLAPPED_ENTRY got;
	pthread_t thread;
	ULONG removed;
	struct job *job;

	closer->copy = fd_dup(port_fd(closer->port));
	__atomic_store_n(&stage->ready, thread_id(), __ATOMIC_RELEASE);
	if (!GetQueuedCompletionStatusEx(closer->port, &got, 1, &removed, INFINITE, FALSE))
		return;
	job = (struct job *)got.lpCompletionKey;
	__atomic_store_n(&job->at, JOB_RUNS, __ATOMIC_RELEASE);
	if (closer->how == CLOSE_BY_ANOTHER_THREAD)
		pthread_create(&thread, NULL, close_both, closer);
	else
		close_both(closer);
	for (;;)
		;
}

static int start_computing(struct closer *closer)
{
	int shares = closer->how == CLOSE_BY_EXEC_OF_ONE;
	int pid = (shares ? process_start_sharing : process_start)(take_one_and_compute,
								   closer);

	if (pid > 0) {
		await(&stage->ready, 1);
		if (!task_blocked(pid, stage->ready, SOON))
			return -1;
	}
	return pid;
}

/* spec 12.15 */
TEST_F(closing, process_that_closed_the_port_holds_no_slot)
{
	struct closer closer = { .port = self->port, .how = variant->how };
	int each = variant->sample ? 0 : 1, alone = module_users_become(1);
	struct job *a = new_job(0), *b = new_job(1), *c = new_job(2);
	int pid, stays;

	START(2);
	/* It is the last to wait. */
	pid = start_computing(&closer);
	ASSERT_LT(0, pid);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	EXPECT_QUEUED(b);
	EXPECT_EQ(3, port_told(self->port, "workers"));

	/* It has another one. */
	__atomic_store_n(&stage->close, 1, __ATOMIC_RELEASE);
	await(&stage->closed, 1);
	EXPECT_QUEUED(b);
	EXPECT_EQ(3, port_told(self->port, "workers"));

	__atomic_store_n(&stage->close, 2, __ATOMIC_RELEASE);
	EXPECT_RUNS(b);
	POST(c);
	EXPECT_QUEUED(c);
	EXPECT_EQ(2, port_told(self->port, "workers"));
	EXPECT_EQ(1, port_told(self->port, "active"));
	/* What only its thread can do it has not done yet. */
	stays = variant->how == CLOSE_BY_ANOTHER_THREAD;
	if (alone) {
		EXPECT_TRUE(module_users_become(1 + (2 + stays) * each));
	}
	EXPECT_EQ(0, process_kill(pid));
	job_finish(b);
	EXPECT_RUNS(c);
	job_finish(c);
	EXPECT_DONE(c);
	EXPECT_REST(self->port);
	if (alone) {
		EXPECT_TRUE(module_users_become(1 + 2 * each));
	}
}

static void *wait_and_compute(void *port)
{
	OVERLAPPED_ENTRY got;
	ULONG removed;

	__atomic_store_n(&stage->ready, thread_id(), __ATOMIC_RELEASE);
	GetQueuedCompletionStatusEx(port, &got, 1, &removed, INFINITE, FALSE);
	__atomic_store_n(&stage->closed, 1, __ATOMIC_RELEASE);
	/* Which never comes. */
	await(&stage->close, 2);
	return NULL;
}

static void close_while_a_thread_waits(void *port)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_and_compute, port);
	await(&stage->close, 1);
	fd_close(port_fd(port));
	process_rest();
}

/* spec 12.15 */
TEST_F(leaving, waiter_whose_process_closes_the_port_holds_no_slot)
{
	int pid = process_start(close_while_a_thread_waits, self->port);

	ASSERT_LT(0, pid);
	await(&stage->ready, 1);
	EXPECT_TRUE(task_blocked(pid, stage->ready, SOON));
	EXPECT_EQ(1, port_told(self->port, "workers"));
	__atomic_store_n(&stage->close, 1, __ATOMIC_RELEASE);
	await(&stage->closed, 1);
	/* The thread may be faster than the one that closes. */
	EXPECT_TRUE(port_becomes(self->port, "workers", 0, SOON));
	EXPECT_TRUE(port_becomes(self->port, "active", 0, SOON));
	EXPECT_EQ(0, process_kill(pid));
}

enum { DESCRIPTORS = 20000 };

/* How long it takes to close so many descriptors of a file, from the lowest on; in ns. */
static int64_t close_takes(int fd)
{
	int first = fd_dup(fd), last = first, i;
	int64_t begin;

	for (i = 1; i < DESCRIPTORS; i++)
		last = fd_dup(fd);
	if (last < 0)
		return -1;
	begin = now_ns();
	fd_close_range(first, last);
	return now_ns() - begin;
}

/* Each time the process is asked for another one, of which the last is the highest. */
TEST_F(leaving, many_descriptors_are_closed_without_a_search_for_each)
{
	int other = fd_open("/dev/zero", 0), fd = port_fd(self->port), high;
	int64_t usual, takes;
	int i;

	if (raise_nofile(DESCRIPTORS + 100))
		SKIP(return, "no permission for so many descriptors");
	ASSERT_LE(0, other);
	high = fd_dup_to(fd, DESCRIPTORS + 50);
	ASSERT_LT(0, high);
	ASSERT_EQ(0, fd_close(fd));
	self->port = (HANDLE)(intptr_t)high;
	START(1);
	usual = close_takes(other);
	ASSERT_LT(0, usual);
	/* The machine may have stood still. */
	for (i = 0, takes = INT64_MAX; i < 3 && takes >= 20 * usual; i++)
		takes = close_takes(high);
	ASSERT_LT(0, takes);
	TH_LOG("%lld us, and of another file %lld us", (long long)takes / 1000,
	       (long long)usual / 1000);
	EXPECT_GT(20 * usual, takes);
	EXPECT_EQ(1, port_told(self->port, "workers"));
	fd_close(other);
}

/* A thread that has asked a port holds the module for as long as it is one of its. */
TEST_F(leaving, module_is_let_go_by_the_thread_that_closes)
{
	HANDLE port = self->port;
	OVERLAPPED_ENTRY got;
	ULONG removed;

	if (!module_users_become(1))
		SKIP(return, "somebody else uses the module");
	EXPECT_FALSE(GetQueuedCompletionStatusEx(port, &got, 1, &removed, 0, FALSE));
	EXPECT_EQ(1, port_told(port, "workers"));
	EXPECT_EQ(variant->sample ? 1 : 2, module_users());
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	EXPECT_EQ(0, module_users());
}

STAGE_HARNESS_MAIN
