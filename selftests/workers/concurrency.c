// SPDX-License-Identifier: GPL-2.0
/*
 * The concurrency value: no more threads of a port run than it says, unless some
 * that had blocked go on; and a thread that blocks, wherever in the kernel, lets
 * another one run.
 *
 * Each test runs in both of the ways that the module has to learn that a thread
 * blocks.  Which one it is is decided when a thread asks a port for the first
 * time.
 */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "lib/crew.h"
#include "lib/module.h"
#include "lib/random.h"

#define MS		1000000LL
/* For what must come, on a slow machine that is busy. */
#define SOON		(2 * COMES)

/* What the threads of all processes of a test share. */
struct stage {
	struct tally tally;
	struct job job[64];
	/* The other process' first worker waits; its number. */
	int ready;
	/* How many of its descriptors of the port the other process is to close, and has. */
	int close;
	int closed;
};

static struct stage *stage;
static struct crew crew;

/* How it was before the tests. */
static int sampling;
/* Whether the kernel can tell that a thread blocks. */
static int tells;

/* Other programs: one computes until it is killed, one ends at once. */
#define COMPUTES	"CONCURRENCY_COMPUTES"
#define ENDS		"CONCURRENCY_ENDS"

static __attribute__((constructor)) void look_around(void)
{
	if (getenv(ENDS))
		_exit(0);
	if (getenv(COMPUTES)) {
		for (;;)
			;
	}
	sampling = param_is_on("sample");
	tells = kernel_exports("preempt_notifier_register");
}

static __attribute__((destructor)) void restore_sampling(void)
{
	if (sampling >= 0)
		param_set("sample", sampling);
}

/* How the threads of a test are watched; why they cannot be, or NULL. */
static const char *watch_by(int sample)
{
	if (!sample && !tells)
		return "this kernel has no preempt notifiers";
	if (param_set("sample", sample) && sample != sampling)
		return "the parameter \"sample\" cannot be set";
	return NULL;
}

static struct job *new_job(int i)
{
	struct job *job = &stage->job[i];

	job->tally = &stage->tally;
	return job;
}

static int running(void)
{
	return __atomic_load_n(&stage->tally.running, __ATOMIC_SEQ_CST);
}

static int most(void)
{
	return __atomic_load_n(&stage->tally.most, __ATOMIC_SEQ_CST);
}

static HANDLE port_with(DWORD concurrency)
{
	return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, concurrency);
}

/* A port for one thread, and threads that are watched in this way. */
static HANDLE begin(struct __test_metadata *_metadata, int sample)
{
	const char *missing = watch_by(sample);
	HANDLE port;

	if (missing)
		SKIP(_exit(255), "%s", missing);
	stage = shared_memory(sizeof(*stage));
	ASSERT_NE(NULL, stage);
	port = port_with(1);
	ASSERT_NE(NULL, port);
	return port;
}

/* Whoever still serves the port is told that there is none any more. */
static void end(struct __test_metadata *_metadata, HANDLE port)
{
	if (port) {
		EXPECT_TRUE(CloseHandle(port));
	}
	EXPECT_TRUE(crew_join(&crew, ERROR_ABANDONED_WAIT_0));
}

FIXTURE(concurrency) {
	HANDLE port;
};

FIXTURE_VARIANT(concurrency) {
	int sample;
};

FIXTURE_VARIANT_ADD(concurrency, told) { .sample = 0, };
FIXTURE_VARIANT_ADD(concurrency, sampled) { .sample = 1, };

FIXTURE_SETUP(concurrency)
{
	self->port = begin(_metadata, variant->sample);
}

FIXTURE_TEARDOWN(concurrency)
{
	end(_metadata, self->port);
}

#define START(count)							\
	do {								\
		ASSERT_EQ(0, crew_start(&crew, self->port, count));	\
		ASSERT_TRUE(crew_ask_all(&crew));			\
	} while (0)

#define POST(job)	ASSERT_TRUE(job_post(self->port, job))
#define EXPECT_RUNS(job) EXPECT_TRUE(job_gets(job, JOB_RUNS, SOON))
#define ASSERT_RUNS(job) ASSERT_TRUE(job_gets(job, JOB_RUNS, SOON))
#define EXPECT_QUEUED(job) EXPECT_FALSE(job_gets(job, JOB_RUNS, COMES_NOT))
#define EXPECT_DONE(job) EXPECT_TRUE(job_gets(job, JOB_DONE, SOON))

/* All threads wait, so that nobody runs. */
#define EXPECT_REST(port)						\
	do {								\
		EXPECT_TRUE(crew_waits(&crew, SOON));			\
		EXPECT_EQ(0, port_told(port, "active"));			\
		EXPECT_EQ(0, port_told(port, "packets"));			\
	} while (0)

/* Some have exited, and the others wait.  Sampled threads are looked at once a second. */
#define EXPECT_LEFT(port, count)					\
	do {								\
		EXPECT_TRUE(crew_waits(&crew, SOON));			\
		EXPECT_TRUE(port_becomes(port, "workers", count, SOON));	\
		EXPECT_TRUE(port_becomes(port, "active", 0, SOON));		\
	} while (0)

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

FIXTURE(disturbed) {
	HANDLE port;
};

FIXTURE_VARIANT(disturbed) {
	int sample;
	void (*disturb)(HANDLE port);
};

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

FIXTURE_SETUP(disturbed)
{
	self->port = begin(_metadata, variant->sample);
}

FIXTURE_TEARDOWN(disturbed)
{
	end(_metadata, self->port);
}

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

/* ----------------------------------------------------------------- blocking */

FIXTURE(blocking) {
	HANDLE port;
};

FIXTURE_VARIANT(blocking) {
	int sample;
	enum block_in in;
};

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

FIXTURE_SETUP(blocking)
{
	self->port = begin(_metadata, variant->sample);
}

FIXTURE_TEARDOWN(blocking)
{
	end(_metadata, self->port);
}

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
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	a->exits = 1;
	ASSERT_TRUE(job_unblock(a));
	job_finish(a);
	EXPECT_DONE(a);
}

/* Only this thread: its tracer is another process. */
TEST_F(concurrency, thread_that_is_traced_and_stopped_lets_another_run)
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

/* ----------------------------------------------------- threads come and go */

/* spec 8.6 */
TEST_F(concurrency, thread_that_exits_lets_another_run)
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
TEST_F(concurrency, module_stays_while_a_thread_lives_that_was_a_worker)
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
TEST_F(concurrency, thread_that_asks_another_port_leaves_the_first)
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
TEST_F(concurrency, port_is_closed_while_threads_run)
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
		EXPECT_REST(self->port);
		EXPECT_TRUE(crew_waits(&late, SOON));
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

/* --------------------------------------------------------------- processes */

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
TEST_F(concurrency, threads_of_all_processes_count)
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

TEST_F(concurrency, process_that_is_stopped_lets_another_run)
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

TEST_F(concurrency, process_that_is_killed_lets_another_run)
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

FIXTURE(closing) {
	HANDLE port;
};

FIXTURE_VARIANT(closing) {
	int sample;
	enum closing how;
};

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

FIXTURE_SETUP(closing)
{
	self->port = begin(_metadata, variant->sample);
}

FIXTURE_TEARDOWN(closing)
{
	end(_metadata, self->port);
}

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
TEST_F(concurrency, waiter_whose_process_closes_the_port_holds_no_slot)
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
TEST_F(concurrency, many_descriptors_are_closed_without_a_search_for_each)
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
TEST_F(concurrency, module_is_let_go_by_the_thread_that_closes)
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

/* ------------------------------------------------------------------- stress */

#define STRESS_MS	1500
#define TOKENS		3

/* Packets that threads hand on to each other, in one port or in two. */
struct ring {
	HANDLE port[2];
	int ports;
	int stop;
	int handled;
	int retired;
	int bad;
	int held[TOKENS];
};

static struct ring ring;

static int add(int *value, int n)
{
	return __atomic_add_fetch(value, n, __ATOMIC_SEQ_CST);
}

/* Something a thread may do with a packet: mostly short, often blocking. */
static void be_busy(struct random *dice)
{
	int64_t end;

	switch (random_below(dice, 4)) {
	case 0:
		end = now_ns() + random_below(dice, 200) * 1000;
		while (now_ns() < end)
			;
		break;
	case 1:
		sleep_ms(random_below(dice, 3));
		break;
	case 2:
		sched_yield();
		break;
	}
}

static void *pass_tokens(void *arg)
{
	struct random dice = random_start((uintptr_t)arg);
	int home = (uintptr_t)arg % ring.ports;
	OVERLAPPED *overlapped;
	ULONG_PTR token;
	DWORD bytes;
	int at;

	for (;;) {
		/* In two ports half of the threads wander. */
		at = home;
		if (ring.ports > 1 && (uintptr_t)arg >= CREW_MAX / 2 &&
		    !__atomic_load_n(&ring.stop, __ATOMIC_ACQUIRE))
			at = random_below(&dice, 2);
		if (!GetQueuedCompletionStatus(ring.port[at], &bytes, &token,
					       &overlapped,
					       at == home ? INFINITE :
							    random_below(&dice, 20))) {
			if (GetLastError() == ERROR_ABANDONED_WAIT_0)
				return NULL;
			if (GetLastError() != WAIT_TIMEOUT)
				add(&ring.bad, 1);
			continue;
		}
		if (token >= TOKENS || add(&ring.held[token], 1) != 1) {
			add(&ring.bad, 1);
			continue;
		}
		add(&ring.handled, 1);
		be_busy(&dice);
		add(&ring.held[token], -1);
		if (__atomic_load_n(&ring.stop, __ATOMIC_ACQUIRE))
			add(&ring.retired, 1);
		else if (!PostQueuedCompletionStatus(ring.port[random_below(&dice, ring.ports)],
						     0, token, NULL))
			add(&ring.bad, 1);
	}
}

/* Is the number of threads that run one that can be? */
static int active_is_possible(void)
{
	int i, good = 1;

	for (i = 0; i < ring.ports; i++) {
		long long active = port_told(ring.port[i], "active");

		good &= active >= 0 && active <= CREW_MAX;
	}
	return good;
}

/* Do all threads wait at home? */
static int ring_rests(void)
{
	int i, each = CREW_MAX / ring.ports, good = 1;

	for (i = 0; i < ring.ports; i++)
		good &= port_told(ring.port[i], "waiters") == each &&
			port_told(ring.port[i], "workers") == each &&
			port_told(ring.port[i], "active") == 0;
	return good;
}

static void run_ring(struct __test_metadata *_metadata, int ports)
{
	pthread_t thread[CREW_MAX];
	int64_t end, moved;
	int i, handled = 0;

	memset(&ring, 0, sizeof(ring));
	ring.ports = ports;
	for (i = 0; i < ports; i++) {
		ring.port[i] = port_with(1 + i);
		ASSERT_NE(NULL, ring.port[i]);
	}
	for (i = 0; i < CREW_MAX; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, pass_tokens,
					    (void *)(uintptr_t)i));
	for (i = 0; i < TOKENS; i++)
		ASSERT_TRUE(PostQueuedCompletionStatus(ring.port[0], 0, i, NULL));

	/* A thread that is not woken would stop all of them in the end. */
	end = now_ms() + STRESS_MS;
	moved = now_ms();
	while (now_ms() < end) {
		if (add(&ring.handled, 0) != handled) {
			handled = add(&ring.handled, 0);
			moved = now_ms();
		}
		ASSERT_GT(moved + SOON, now_ms());
		EXPECT_TRUE(active_is_possible());
		sleep_ms(5);
	}
	__atomic_store_n(&ring.stop, 1, __ATOMIC_RELEASE);
	end = now_ms() + SOON;
	while (add(&ring.retired, 0) < TOKENS && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(TOKENS, ring.retired);
	EXPECT_EQ(0, ring.bad);
	EXPECT_LT(20, ring.handled);
	TH_LOG("%d packets handed on", ring.handled);

	/* Those who are out come home. */
	while (!ring_rests() && now_ms() < end)
		sleep_ms(1);
	EXPECT_TRUE(ring_rests());
	for (i = 0; i < ports; i++)
		EXPECT_EQ(0, port_told(ring.port[i], "packets"));
	for (i = 0; i < ports; i++)
		EXPECT_TRUE(CloseHandle(ring.port[i]));
	for (i = 0; i < CREW_MAX; i++)
		EXPECT_EQ(0, pthread_join(thread[i], NULL));
}

/* spec 8.6 */
TEST_F(concurrency, packets_go_round_among_threads_that_block)
{
	run_ring(_metadata, 1);
}

/* spec 8.6 */
TEST_F(concurrency, packets_go_round_among_threads_that_change_ports)
{
	run_ring(_metadata, 2);
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
TEST_F(concurrency, threads_come_and_go)
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
TEST_F(concurrency, threads_that_exited_are_let_go_though_nobody_asks)
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

TEST_F(concurrency, threads_of_others_do_not_slow_down_the_first_call)
{
	int64_t before = first_call_takes(self->port), after;
	int pid = process_start(be_many, NULL);
	int64_t end = now_ms() + 10 * SOON;

	ASSERT_LT(0, pid);
	while (!add(&stage->closed, 0)) {
		ASSERT_GT(end, now_ms());
		sleep_ms(1);
	}
	after = first_call_takes(self->port);
	TH_LOG("%lld ns, then %lld ns", (long long)before, (long long)after);
	EXPECT_GT(3 * before, after);
	EXPECT_EQ(0, process_kill(pid));
}

/* Threads ask a descriptor that comes and goes. */
struct revolving {
	int fd;
	int stop;
	int asked;
	int refused;
};

static void *ask_what_comes_and_goes(void *arg)
{
	struct revolving *door = arg;
	struct random dice = random_start(thread_id());
	OVERLAPPED_ENTRY got;
	ULONG removed;

	while (!__atomic_load_n(&door->stop, __ATOMIC_ACQUIRE)) {
		if (GetQueuedCompletionStatusEx((HANDLE)(intptr_t)door->fd, &got, 1, &removed,
						random_below(&dice, 3), FALSE) ||
		    GetLastError() == WAIT_TIMEOUT)
			add(&door->asked, 1);
		else
			add(&door->refused, 1);
		be_busy(&dice);
	}
	return NULL;
}

/* The only descriptor of the process is sent to itself, closed and received again. */
TEST_F(concurrency, descriptor_comes_and_goes_while_threads_ask)
{
	int64_t end = now_ms() + 500, rounds;
	struct revolving door = { .fd = port_fd(self->port) };
	pthread_t thread[4];
	int i, pair[2];

	ASSERT_EQ(0, unix_pair(TYPE_STREAM, pair));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, ask_what_comes_and_goes,
					    &door));
	for (rounds = 0; now_ms() < end; rounds++) {
		ASSERT_EQ(0, send_fd(pair[0], door.fd));
		ASSERT_EQ(0, fd_close(door.fd));
		ASSERT_EQ(door.fd, recv_fd(pair[1], SOON));
		ASSERT_TRUE(PostQueuedCompletionStatus(self->port, 0, 1, NULL));
		if (rounds % 4 == 0)
			sleep_ms(1);
	}
	__atomic_store_n(&door.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	TH_LOG("%d rounds, %d asked, %d were refused", (int)rounds, door.asked, door.refused);
	EXPECT_LT(0, door.asked);
	EXPECT_LT(0, door.refused);
	EXPECT_LEFT(self->port, 0);
	fd_close(pair[0]);
	fd_close(pair[1]);
}

/* Its threads ask the port while one of them becomes another program. */
static void ask_and_exec(void *arg)
{
	struct revolving door = { .fd = port_fd(arg) };
	OVERLAPPED_ENTRY got;
	pthread_t thread;
	ULONG removed;

	pthread_create(&thread, NULL, ask_what_comes_and_goes, &door);
	GetQueuedCompletionStatusEx(arg, &got, 1, &removed, 0, FALSE);
	while (!add(&door.asked, 0))
		;
	run_again(ENDS);
}

TEST_F(concurrency, processes_exec_and_exit_while_others_ask)
{
	int64_t end = now_ms() + 500;
	struct job *job = new_job(0);
	int pid[4], i, times = 0;

	job_finish(job);
	START(4);
	while (now_ms() < end) {
		for (i = 0; i < 4; i++) {
			pid[i] = process_start(ask_and_exec, self->port);
			ASSERT_LT(0, pid[i]);
		}
		for (i = 0; i < 4; i++) {
			POST(job);
			if (i % 2) {
				EXPECT_EQ(0, process_kill(pid[i]));
			} else {
				EXPECT_EQ(0, child_status(pid[i], SOON));
			}
		}
		times++;
	}
	TH_LOG("%d times", times);
	EXPECT_LEFT(self->port, 4);
}

/* Ports for one thread to move on from while another closes them. */
struct relay {
	HANDLE port[2];
	int round;
	int closed;
	int stop;
};

static void *close_behind(void *arg)
{
	struct relay *relay = arg;
	int round = 0, now;

	while (!__atomic_load_n(&relay->stop, __ATOMIC_ACQUIRE)) {
		now = __atomic_load_n(&relay->round, __ATOMIC_ACQUIRE);
		if (now == round)
			continue;
		CloseHandle(relay->port[0]);
		round = now;
		__atomic_store_n(&relay->closed, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The thread leaves a port for another one while the first is closed. */
TEST_F(concurrency, port_is_closed_while_its_thread_moves_on)
{
	int64_t end = now_ms() + 500;
	struct relay relay = { .port = { NULL, self->port } };
	OVERLAPPED_ENTRY got;
	pthread_t thread;
	ULONG removed;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, close_behind, &relay));
	for (i = 1; now_ms() < end; i++) {
		relay.port[0] = port_with(1);
		ASSERT_NE(NULL, relay.port[0]);
		EXPECT_FALSE(GetQueuedCompletionStatusEx(relay.port[0], &got, 1,
							 &removed, 0, FALSE));
		EXPECT_EQ(1, port_told(relay.port[0], "workers"));
		__atomic_store_n(&relay.round, i, __ATOMIC_RELEASE);
		EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &got, 1,
							 &removed, 0, FALSE));
		while (__atomic_load_n(&relay.closed, __ATOMIC_ACQUIRE) != i)
			;
	}
	__atomic_store_n(&relay.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_HARNESS_MAIN
