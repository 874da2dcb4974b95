// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The concurrency value: no more threads of a port run than it says, unless some that had
 * blocked go on; and who is woken.
 *
 * Who blocks: blocking.c.  Who exits, or closes the port: leaving.c.  All at once: pool.c.
 */
#include <pthread.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "lib/module.h"
#include "lib/stage.h"

FIXTURE_VARIANT(concurrency) {
	int sample;
};

FIXTURE_ON_STAGE(concurrency)

FIXTURE_VARIANT_ADD(concurrency, told) { .sample = 0, };
FIXTURE_VARIANT_ADD(concurrency, sampled) { .sample = 1, };

/* --------------------------------------------------------- how many may run */

/* spec 8.6, 14.28 */
TEST_F(concurrency, one_runs_at_a_time)
{
	int i;

	START(8);
	for (i = 0; i < 64; i++) {
		new_job(i)->spin_ns = MS;
		job_finish(&stage->job[i]);
		POST(&stage->job[i]);
	}
	for (i = 0; i < 64; i++)
		EXPECT_DONE(&stage->job[i]);
	EXPECT_EQ(1, most());
	EXPECT_REST(self->port);
}

/* spec 8.6, 14.28 */
TEST_F(concurrency, as_many_run_as_the_value_says)
{
	const DWORD value[] = { 1, 2, 3, 7, 0 };
	int i, j, limit;

	for (i = 0; i < (int)ARRAY_SIZE(value); i++) {
		limit = value[i] ? (int)value[i] : processors();
		if (limit > 7)
			limit = 7;
		EXPECT_TRUE(CloseHandle(self->port));
		self->port = port_with(value[i]);
		ASSERT_NE(NULL, self->port);
		EXPECT_EQ(value[i] ? (int)value[i] : processors(),
			  port_told(self->port, "concurrency"));
		memset(stage, 0, sizeof(*stage));
		START(8);
		for (j = 0; j <= limit; j++)
			POST(new_job(j));
		for (j = 0; j < limit; j++)
			ASSERT_RUNS(&stage->job[j]);
		EXPECT_QUEUED(&stage->job[limit]);
		EXPECT_EQ(limit, port_told(self->port, "active"));
		job_finish(&stage->job[0]);
		EXPECT_RUNS(&stage->job[limit]);
		for (j = 0; j <= limit; j++)
			job_finish(&stage->job[j]);
		EXPECT_EQ(limit, most());
		EXPECT_REST(self->port);
		EXPECT_TRUE(CloseHandle(self->port));
		self->port = NULL;
		ASSERT_TRUE(crew_join(&crew, ERROR_ABANDONED_WAIT_0));
		self->port = port_with(1);
		ASSERT_NE(NULL, self->port);
	}
}

/* spec 8.6 */
TEST_F(concurrency, two_at_most_run_while_none_blocks)
{
	int i;

	ASSERT_EQ(0, port_configure(port_fd(self->port), 2));
	START(8);
	for (i = 0; i < 64; i++) {
		new_job(i)->spin_ns = MS;
		/* Two meet, so that there is something to limit. */
		if (i > 1)
			job_finish(&stage->job[i]);
		POST(&stage->job[i]);
	}
	ASSERT_RUNS(&stage->job[0]);
	ASSERT_RUNS(&stage->job[1]);
	job_finish(&stage->job[0]);
	job_finish(&stage->job[1]);
	for (i = 0; i < 64; i++)
		EXPECT_DONE(&stage->job[i]);
	EXPECT_EQ(2, most());
	EXPECT_REST(self->port);
}

/* More threads spin than there are processors, but nobody blocks. */
TEST_F(concurrency, thread_that_is_preempted_runs)
{
	static struct crew hogs;
	HANDLE other = port_with(8);
	struct job *a = new_job(0);
	int i;

	ASSERT_NE(NULL, other);
	START(3);
	ASSERT_EQ(0, crew_start(&hogs, other, 4));
	ASSERT_TRUE(crew_ask_all(&hogs));
	for (i = 2; i < 6; i++)
		ASSERT_TRUE(job_post(other, new_job(i)));
	for (i = 2; i < 6; i++)
		ASSERT_RUNS(&stage->job[i]);
	POST(a);
	ASSERT_RUNS(a);
	POST(new_job(1));
	EXPECT_FALSE(job_gets(&stage->job[1], JOB_RUNS, 4 * COMES_NOT));
	job_finish(a);
	EXPECT_RUNS(&stage->job[1]);
	job_finish(&stage->job[1]);
	for (i = 2; i < 6; i++)
		job_finish(&stage->job[i]);
	EXPECT_REST(self->port);
	EXPECT_TRUE(crew_waits(&hogs, SOON));
	EXPECT_TRUE(CloseHandle(other));
	EXPECT_TRUE(crew_join(&hogs, ERROR_ABANDONED_WAIT_0));
}

/* spec 8.6 */
TEST_F(concurrency, higher_value_releases_who_waits)
{
	int i;

	START(8);
	for (i = 0; i < 4; i++)
		POST(new_job(i));
	ASSERT_RUNS(&stage->job[0]);
	EXPECT_QUEUED(&stage->job[1]);
	ASSERT_EQ(0, port_configure(port_fd(self->port), 2));
	EXPECT_RUNS(&stage->job[1]);
	EXPECT_QUEUED(&stage->job[2]);
	ASSERT_EQ(0, port_configure(port_fd(self->port), 8));
	EXPECT_RUNS(&stage->job[2]);
	EXPECT_RUNS(&stage->job[3]);

	/* And a lower one holds from the next packet on. */
	ASSERT_EQ(0, port_configure(port_fd(self->port), 3));
	POST(new_job(4));
	EXPECT_QUEUED(&stage->job[4]);
	job_finish(&stage->job[0]);
	EXPECT_QUEUED(&stage->job[4]);
	job_finish(&stage->job[1]);
	EXPECT_RUNS(&stage->job[4]);
	for (i = 0; i < 5; i++)
		job_finish(&stage->job[i]);
	EXPECT_REST(self->port);
}

/* Larger than any signed number. */
TEST_F(concurrency, largest_value_lets_all_run)
{
	int i;

	START(3);
	ASSERT_EQ(0, port_configure(port_fd(self->port), 0xffffffff));
	EXPECT_EQ(0xffffffff, port_told(self->port, "concurrency"));
	for (i = 0; i < 3; i++)
		POST(new_job(i));
	for (i = 0; i < 3; i++)
		EXPECT_RUNS(&stage->job[i]);
	for (i = 0; i < 3; i++)
		job_finish(&stage->job[i]);
	EXPECT_REST(self->port);
}

/* spec 12.13 */
TEST_F(concurrency, harvest_that_does_not_wait_takes_what_is_queued)
{
	struct waiter w = { .port = self->port, .timeout = 0 };
	struct job *a = new_job(0);
	enum how how;

	START(3);
	POST(a);
	ASSERT_RUNS(a);
	for (how = BY_PSN; how < BY_ALL; how++) {
		struct job *b = new_job(1 + how);

		POST(b);
		EXPECT_QUEUED(b);
		w.how = how;
		ASSERT_EQ(0, waiter_start(&w));
		ASSERT_EQ(0, waiter_join(&w, SOON));
		EXPECT_EQ(0, w.code);
		EXPECT_EQ((ULONG_PTR)b, w.packet.key);
	}
	job_finish(a);
	EXPECT_DONE(a);
	EXPECT_TRUE(crew_waits(&crew, SOON));
}

/* Who has no slot when it asks waits, though there is something to take. */
TEST_F(concurrency, harvest_that_waits_has_to)
{
	struct waiter w = { .port = self->port, .timeout = INFINITE };
	struct job *a = new_job(0), *b = new_job(1);

	START(3);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	for (w.how = BY_PSN; w.how < BY_ALL; w.how++) {
		START_WAITER(&w);
		EXPECT_EQ(ETIMEDOUT, waiter_join(&w, COMES_NOT));
		EXPECT_EQ(JOB_QUEUED, b->at);
		EXPECT_EQ(1, port_told(self->port, "packets"));
		/* It sleeps until it is woken. */
		EXPECT_EQ(3, port_told(self->port, "waiters"));

		/* It is the last that waits, so it is the first to be woken. */
		ASSERT_EQ(0, port_configure(port_fd(self->port), 2));
		ASSERT_EQ(0, waiter_join(&w, SOON));
		EXPECT_EQ(0, w.code);
		EXPECT_EQ((ULONG_PTR)b, w.packet.key);
		ASSERT_EQ(0, port_configure(port_fd(self->port), 1));
		POST(b);
	}
	job_finish(b);
	job_finish(a);
	EXPECT_DONE(b);
	EXPECT_TRUE(crew_waits(&crew, SOON));
}

static void ignore_signal(int signal)
{
	(void)signal;
}

/* What makes a thread that waits look again, though there is nothing for it. */
static void disturb_by_signal(HANDLE port)
{
	const struct sigaction action = { .sa_handler = ignore_signal };
	int i;

	(void)port;
	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < crew.count; i++)
		pthread_kill(crew.member[i].thread, SIGUSR1);
}

static void disturb_by_close(HANDLE port)
{
	close(dup(port_fd(port)));
}

FIXTURE_VARIANT(disturbed) {
	int sample;
	void (*disturb)(HANDLE port);
};

FIXTURE_ON_STAGE(disturbed)

FIXTURE_VARIANT_ADD(disturbed, told_by_signal) {
	.sample = 0, .disturb = disturb_by_signal,
};
FIXTURE_VARIANT_ADD(disturbed, sampled_by_signal) {
	.sample = 1, .disturb = disturb_by_signal,
};
FIXTURE_VARIANT_ADD(disturbed, told_by_close) {
	.sample = 0, .disturb = disturb_by_close,
};
FIXTURE_VARIANT_ADD(disturbed, sampled_by_close) {
	.sample = 1, .disturb = disturb_by_close,
};

/* spec 8.6 */
TEST_F(disturbed, waiter_takes_no_packet)
{
	struct job *a = new_job(0), *b = new_job(1);
	int i;

	START(4);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	for (i = 0; i < 20; i++) {
		variant->disturb(self->port);
		EXPECT_FALSE(job_gets(b, JOB_RUNS, COMES_NOT / 10));
	}
	EXPECT_TRUE(port_becomes(self->port, "waiters", 3, SOON));
	EXPECT_EQ(1, port_told(self->port, "packets"));
	EXPECT_EQ(1, port_told(self->port, "active"));
	job_finish(a);
	EXPECT_RUNS(b);
	job_finish(b);
	EXPECT_REST(self->port);
}

/* And while nobody runs, it is in nobody's way. */
TEST_F(disturbed, waiters_get_all_packets)
{
	int i;

	START(4);
	for (i = 0; i < 64; i++) {
		job_finish(new_job(i));
		POST(&stage->job[i]);
		variant->disturb(self->port);
	}
	for (i = 0; i < 64; i++)
		EXPECT_DONE(&stage->job[i]);
	EXPECT_EQ(1, most());
	EXPECT_REST(self->port);
}

/* spec 8.7 */
TEST_F(concurrency, port_is_closed_while_packets_are_queued)
{
	struct job *a = new_job(0), *b = new_job(1);
	HANDLE port = self->port;
	int i;

	START(4);
	POST(a);
	ASSERT_RUNS(a);
	POST(b);
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(crew.member[i].thread, NULL));
		EXPECT_EQ(ERROR_ABANDONED_WAIT_0, crew.member[i].code);
	}
	EXPECT_EQ(JOB_QUEUED, b->at);
	job_finish(a);
	EXPECT_DONE(a);
	ASSERT_EQ(0, pthread_join(crew.member[3].thread, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, crew.member[3].code);
	crew.count = 0;
}

/* spec 8.6 */
TEST_F(concurrency, pool_that_grows_stays_within_the_value)
{
	static struct crew late;
	int value, i, jobs;

	for (value = 2; value <= 4; value++) {
		memset(stage, 0, sizeof(*stage));
		ASSERT_EQ(0, port_configure(port_fd(self->port), value));
		/* With this thread as many as may run. */
		START(value - 1);
		for (i = 0; i < value - 1; i++)
			POST(new_job(i));
		for (i = 0; i < value - 1; i++)
			ASSERT_RUNS(&stage->job[i]);

		ASSERT_EQ(0, crew_start(&late, self->port, value + 1));
		ASSERT_TRUE(crew_ask_all(&late));
		for (jobs = 2 * value, i = value - 1; i < jobs; i++)
			POST(new_job(i));
		EXPECT_RUNS(&stage->job[value - 1]);
		EXPECT_QUEUED(&stage->job[value]);
		EXPECT_EQ(value, port_told(self->port, "active"));
		for (i = 0; i < jobs; i++)
			job_finish(&stage->job[i]);
		for (i = 0; i < jobs; i++)
			EXPECT_DONE(&stage->job[i]);
		EXPECT_EQ(value, most());
		EXPECT_TRUE(crew_waits(&late, SOON));
		EXPECT_REST(self->port);
		EXPECT_TRUE(CloseHandle(self->port));
		EXPECT_TRUE(crew_join(&late, ERROR_ABANDONED_WAIT_0));
		EXPECT_TRUE(crew_join(&crew, ERROR_ABANDONED_WAIT_0));
		self->port = port_with(1);
		ASSERT_NE(NULL, self->port);
	}
}

/* A port that may use all processors has one slot more. */
TEST_F(concurrency, processor_that_comes_online_releases_who_waits)
{
	struct job *a = new_job(0), *b = new_job(1), *c = new_job(2);
	int i;

	if (processors() < 2 || processors_off())
		SKIP(return, "no processor can be turned off here");
	EXPECT_TRUE(CloseHandle(self->port));
	self->port = port_with(0);
	EXPECT_EQ(1, port_told(self->port, "concurrency"));
	EXPECT_EQ(0, crew_start(&crew, self->port, 3));
	EXPECT_TRUE(crew_ask_all(&crew));
	EXPECT_TRUE(job_post(self->port, a));
	EXPECT_RUNS(a);
	EXPECT_TRUE(job_post(self->port, b));
	EXPECT_QUEUED(b);
	EXPECT_EQ(0, processors_on());
	EXPECT_RUNS(b);
	if (processors() == 2) {
		EXPECT_TRUE(job_post(self->port, c));
		EXPECT_QUEUED(c);
	}
	for (i = 0; i < 3; i++)
		job_finish(&stage->job[i]);
	EXPECT_REST(self->port);
}

/* --------------------------------------------------------------- who is woken */

/* spec 8.5, 14.26 */
TEST_F(concurrency, last_worker_to_wait_is_the_first_to_be_woken)
{
	struct job *job;
	int i;

	START(4);
	for (i = 0; i < 4; i++) {
		job = new_job(i);
		ASSERT_EQ(0, block_init(&job->block, BLOCK_FUTEX));
		POST(job);
		ASSERT_TRUE(job_block(job));
		EXPECT_EQ(3 - i, job->member);
	}

	/* In another order than they began. */
	for (i = 0; i < 4; i++) {
		job = &stage->job[(i + 2) % 4];
		ASSERT_TRUE(job_unblock(job));
		job_finish(job);
		EXPECT_TRUE(task_blocked(0, job->tid, SOON));
	}
	for (i = 0; i < 4; i++) {
		job = new_job(4 + i);
		ASSERT_EQ(0, block_init(&job->block, BLOCK_FUTEX));
		POST(job);
		ASSERT_TRUE(job_block(job));
		EXPECT_EQ(stage->job[(3 - i + 2) % 4].member, job->member);
	}
	for (i = 4; i < 8; i++) {
		ASSERT_TRUE(job_unblock(&stage->job[i]));
		job_finish(&stage->job[i]);
	}
	EXPECT_REST(self->port);
}

/* How often each thread has blocked; -1 if that cannot be known. */
static int blocks_of_all(long long *blocks)
{
	int i;

	for (i = 0; i < crew.count; i++) {
		blocks[i] = task_blocks(crew.member[i].tid);
		if (blocks[i] < 0)
			return -1;
	}
	return 0;
}

/* A packet of one's own, or a socket's. */
static int send_packet(HANDLE port, const int *fd, struct job *job)
{
	if (fd)
		return !enable(port, fd[0], (ULONG_PTR)job, EV_IN,
			       T_LEVEL | T_ONESHOT) &&
		       sock_send(fd[1], "x", 1) == 1;
	return job_post(port, job);
}

TEST_F(concurrency, one_packet_wakes_one_thread)
{
	long long before[CREW_MAX], after[CREW_MAX];
	int i, j, fd[20][2], woken;

	ASSERT_EQ(0, port_configure(port_fd(self->port), 8));
	START(8);
	EXPECT_EQ(8, port_told(self->port, "workers"));
	for (i = 0; i < 20; i++) {
		struct job *job = new_job(i);

		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd[i]));
		job_finish(job);
		ASSERT_EQ(0, blocks_of_all(before));
		ASSERT_TRUE(send_packet(self->port, i % 2 ? fd[i] : NULL, job));
		EXPECT_DONE(job);
		EXPECT_REST(self->port);
		ASSERT_EQ(0, blocks_of_all(after));
		for (j = woken = 0; j < 8; j++)
			woken += after[j] != before[j];
		EXPECT_EQ(1, woken);
	}
	for (i = 0; i < 20; i++) {
		fd_close(fd[i][0]);
		fd_close(fd[i][1]);
	}
}

STAGE_HARNESS_MAIN
