// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A thread that does not run lets another one run: it blocks, wherever in the kernel, is
 * stopped or killed, in whichever process.  When it goes on it counts again.
 */
#include <pthread.h>
#include <semaphore.h>

#include "kselftest_harness.h"

#include "lib/stage.h"

FIXTURE_VARIANT(blocking) {
	int sample;
	enum block_in in;
};

FIXTURE_ON_STAGE(blocking)

#define BLOCK_VARIANT(name, where)					\
	FIXTURE_VARIANT_ADD(blocking, told_##name)			\
		{ .sample = 0, .in = where, };				\
	FIXTURE_VARIANT_ADD(blocking, sampled_##name)			\
		{ .sample = 1, .in = where, };

BLOCK_VARIANT(futex, BLOCK_FUTEX)
BLOCK_VARIANT(pipe, BLOCK_PIPE)
BLOCK_VARIANT(sleep, BLOCK_SLEEP)
BLOCK_VARIANT(fault, BLOCK_FAULT)
BLOCK_VARIANT(fault_in_kernel, BLOCK_FAULT_IN_KERNEL)

#define BLOCK_INIT(job)							\
	do {								\
		int error = block_init(&(job)->block, variant->in);	\
									\
		if (error == -EPERM || error == -ENOSYS)		\
			SKIP(return, "no userfaultfd here");		\
		ASSERT_EQ(0, error);					\
	} while (0)

/* spec 8.6, 12.13 */
TEST_F(blocking, thread_that_blocks_lets_another_run)
{
	struct job *a = new_job(0), *b = new_job(1), *c = new_job(2);

	BLOCK_INIT(a);
	BLOCK_INIT(b);
	START(4);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	POST(c);
	EXPECT_QUEUED(b);

	/* No packet comes: the block alone does it. */
	ASSERT_TRUE(job_block(a));
	EXPECT_RUNS(b);
	EXPECT_QUEUED(c);
	ASSERT_TRUE(job_block(b));
	EXPECT_RUNS(c);
	EXPECT_EQ(1, running());
	EXPECT_EQ(1, most());

	ASSERT_TRUE(job_unblock(a));
	ASSERT_TRUE(job_unblock(b));
	EXPECT_EQ(3, running());
	job_finish(a);
	job_finish(b);
	job_finish(c);
	EXPECT_REST(self->port);
}

/* spec 12.13 */
TEST_F(blocking, packet_that_comes_while_the_thread_blocks_wakes_another)
{
	struct job *a = new_job(0), *b = new_job(1);

	BLOCK_INIT(a);
	START(4);
	POST(a);
	ASSERT_TRUE(job_block(a));
	if (!variant->sample) {
		EXPECT_TRUE(port_becomes(self->port, "active", 0, SOON));
	}
	POST(b);
	EXPECT_RUNS(b);
	ASSERT_TRUE(job_unblock(a));
	job_finish(a);
	job_finish(b);
	EXPECT_REST(self->port);
}

/* It is new, and has not waited for a packet yet. */
TEST_F(blocking, thread_that_found_its_packet_waiting_lets_another_run)
{
	struct job *a = new_job(0), *b = new_job(1);

	BLOCK_INIT(a);
	POST(a);
	ASSERT_EQ(0, crew_start(&crew, self->port, 2));
	/* Not crew_ask(): it would expect the thread to wait. */
	sem_post(&crew.member[0].may_ask);
	ASSERT_TRUE(job_block(a));
	ASSERT_TRUE(crew_ask(&crew, 1));
	POST(b);
	EXPECT_RUNS(b);
	ASSERT_TRUE(job_unblock(a));
	job_finish(a);
	job_finish(b);
	EXPECT_REST(self->port);
}

/* spec 8.6 */
TEST_F(blocking, thread_that_goes_on_counts_again)
{
	struct job *a = new_job(0), *b = new_job(1), *c = new_job(2);

	BLOCK_INIT(a);
	START(4);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	ASSERT_TRUE(job_block(a));
	ASSERT_RUNS(b);
	ASSERT_TRUE(job_unblock(a));

	/* Two run where one may: whoever asks for a packet now has to wait. */
	EXPECT_EQ(2, running());
	POST(c);
	EXPECT_QUEUED(c);
	EXPECT_TRUE(port_becomes(self->port, "active", 2, SOON));
	job_finish(b);
	EXPECT_DONE(b);
	EXPECT_QUEUED(c);
	EXPECT_EQ(1, running());
	job_finish(a);
	EXPECT_RUNS(c);
	EXPECT_EQ(1, running());
	job_finish(c);
	EXPECT_REST(self->port);
}

/* The thread wakes up in a port that is gone. */
TEST_F(blocking, port_is_closed_while_a_thread_blocks)
{
	struct job *a = new_job(0), *b = new_job(1);
	HANDLE port = self->port;

	BLOCK_INIT(a);
	START(4);
	POST(a);
	ASSERT_TRUE(job_block(a));
	POST(b);
	ASSERT_RUNS(b);
	job_finish(b);
	EXPECT_DONE(b);
	/* The thread is back: later it would be told that there is no such port. */
	ASSERT_TRUE(port_becomes(port, "waiters", 3, SOON));
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	a->exits = 1;
	ASSERT_TRUE(job_unblock(a));
	job_finish(a);
	EXPECT_DONE(a);
}

/* ------------------------------------------------ stopped, or elsewhere */

FIXTURE_VARIANT(stopped) {
	int sample;
};

FIXTURE_ON_STAGE(stopped)

FIXTURE_VARIANT_ADD(stopped, told) { .sample = 0, };
FIXTURE_VARIANT_ADD(stopped, sampled) { .sample = 1, };

/* Only this thread: its tracer is another process. */
TEST_F(stopped, thread_that_is_traced_and_stopped_lets_another_run)
{
	struct job *a = new_job(0), *b = new_job(1);
	int tracer;

	START(3);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	EXPECT_QUEUED(b);
	tracer = tracer_start(a->tid);
	if (tracer == -EPERM)
		SKIP(return, "no thread may be traced here");
	ASSERT_LT(0, tracer);
	EXPECT_RUNS(b);
	ASSERT_EQ(0, tracer_end(tracer));
	job_finish(a);
	EXPECT_DONE(a);
	job_finish(b);
	EXPECT_REST(self->port);
}

/* Another process that has the port, and one thread that waits. */
static void serve_elsewhere(void *arg)
{
	if (crew_start(&crew, (HANDLE)arg, 1) || !crew_ask_all(&crew))
		return;
	__atomic_store_n(&stage->ready, crew.member[0].tid, __ATOMIC_RELEASE);
	process_rest();
}

static int start_elsewhere(HANDLE port)
{
	int pid = process_start(serve_elsewhere, port);
	int64_t end = now_ms() + SOON;

	while (pid > 0 && !__atomic_load_n(&stage->ready, __ATOMIC_ACQUIRE)) {
		if (now_ms() >= end) {
			process_kill(pid);
			return -1;
		}
		sleep_ms(1);
	}
	return pid;
}

/*
 * Two threads of ours wait, and one of another process runs job 0: it was the
 * last to wait.
 */
#define START_TWO_PROCESSES(pid)					\
	do {								\
		START(2);						\
		pid = start_elsewhere(self->port);			\
		ASSERT_LT(0, pid);					\
		EXPECT_EQ(3, port_told(self->port, "workers"));		\
		POST(new_job(0));					\
		ASSERT_RUNS(&stage->job[0]);				\
		ASSERT_EQ(stage->ready, stage->job[0].tid);		\
	} while (0)

/* spec 8.6 */
TEST_F(stopped, threads_of_all_processes_count)
{
	struct job *a = &stage->job[0], *b = new_job(1), *c = new_job(2);
	int pid;

	START_TWO_PROCESSES(pid);
	POST(b);
	POST(c);
	EXPECT_QUEUED(b);
	EXPECT_EQ(1, port_told(self->port, "active"));
	job_finish(a);
	EXPECT_RUNS(b);
	EXPECT_QUEUED(c);
	job_finish(b);
	EXPECT_RUNS(c);
	job_finish(c);
	EXPECT_DONE(c);
	EXPECT_EQ(1, most());
	EXPECT_EQ(0, process_kill(pid));
	EXPECT_LEFT(self->port, 2);
}

TEST_F(stopped, process_that_is_stopped_lets_another_run)
{
	struct job *a = &stage->job[0], *b = new_job(1), *c = new_job(2);
	int pid;

	START_TWO_PROCESSES(pid);
	POST(b);
	EXPECT_QUEUED(b);
	ASSERT_EQ(0, process_stop(pid));
	EXPECT_RUNS(b);

	/* Its thread goes on; then two run, and who asks has to wait. */
	ASSERT_EQ(0, process_continue(pid));
	job_finish(a);
	EXPECT_DONE(a);
	POST(c);
	EXPECT_QUEUED(c);
	job_finish(b);
	EXPECT_RUNS(c);
	job_finish(c);
	EXPECT_DONE(c);
	EXPECT_EQ(0, process_kill(pid));
	EXPECT_LEFT(self->port, 2);
}

TEST_F(stopped, process_that_is_killed_lets_another_run)
{
	struct job *b = new_job(1);
	int pid;

	START_TWO_PROCESSES(pid);
	POST(b);
	EXPECT_QUEUED(b);
	ASSERT_EQ(0, process_kill(pid));
	EXPECT_RUNS(b);
	job_finish(b);
	EXPECT_LEFT(self->port, 2);
}

STAGE_HARNESS_MAIN
