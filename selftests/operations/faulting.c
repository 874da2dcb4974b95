// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An operation whose memory is long in coming: its buffer, its OVERLAPPED, or where a name
 * goes (userfaultfd(2)).  The thread that carries it out waits for that, and nobody else but
 * those behind it in its direction of its socket; and nothing is lost.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0xfa17

enum where {
	BUFFER,
	RESULT,
	NAME,
};

/* What the processes of a test share. */
struct shared {
	int submitted;
	int waits;
};

/* A thread that takes one packet. */
struct taker {
	int port;
	struct sockiocp_packet_entry got;
	int ret;
	pthread_t thread;
};

FIXTURE(faulting) {
	int port;
	int home;
	/* The second pair is a bystander. */
	int fd[2], other[2];
	struct block block;
	struct taker taker;
	struct shared *shared;
	int missing;
};

FIXTURE_VARIANT(faulting) {
	enum where where;
};

FIXTURE_VARIANT_ADD(faulting, buffer) { .where = BUFFER, };
FIXTURE_VARIANT_ADD(faulting, overlapped) { .where = RESULT, };
FIXTURE_VARIANT_ADD(faulting, name) { .where = NAME, };

FIXTURE_SETUP(faulting)
{
	int error;

	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, variant->where == NAME ? udp_pair(FAM_INET, self->fd) :
					      tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->other, 0));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
	ASSERT_EQ(0, operation_associate(self->port, self->other[0], KEY + 1));
	self->shared = shared_memory(sizeof(*self->shared));
	ASSERT_NE(NULL, self->shared);
	self->taker.port = self->port;
	error = block_init(&self->block, BLOCK_FAULT_IN_KERNEL);
	if (error == -EPERM || error == -ENOSYS)
		self->missing = 1;
	else
		ASSERT_EQ(0, error);
}

FIXTURE_TEARDOWN(faulting)
{
	int i;

	for (i = 0; i < 2; i++) {
		fd_close(self->fd[i]);
		fd_close(self->other[i]);
	}
	fd_close(self->port);
	fd_close(self->home);
}

#define NEEDS_USERFAULTFD()						\
	do {								\
		if (self->missing)					\
			SKIP(return, "no userfaultfd here");		\
	} while (0)

/* A receive; what is missing of it is at @missing.  The rest is here. */
static struct {
	struct overlapped o;
	char data[8];
	struct sockaddr_storage name;
	__u32 name_length;
} mine;

static int submit(int home, int fd, enum where where, void *missing, __u32 flags)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;

	memset(&mine, 0, sizeof(mine));
	mine.name_length = sizeof(mine.name);
	args = operation_with_buffer(fd, &mine.o, SOCKIOCP_SUBMIT_RECEIVE, &buffer,
				     where == BUFFER ? missing : mine.data, 8);
	args.flags = flags;
	if (where == RESULT)
		args.overlapped = (uintptr_t)missing;
	if (where == NAME) {
		args.name = (uintptr_t)missing;
		args.name_length = (uintptr_t)&mine.name_length;
	}
	return operation_submit(home, &args);
}

static void *take(void *arg)
{
	struct taker *taker = arg;

	taker->ret = operation_harvest(taker->port, &taker->got, 1, 10 * COMES);
	return NULL;
}

static int somebody_waits(int port)
{
	int64_t end = now_ms() + COMES;

	while (fdinfo_value(port, "waiters") != 1 && now_ms() < end)
		sleep_ms(1);
	return fdinfo_value(port, "waiters") == 1;
}

/* A thread carries it out, and waits for the memory.  What is late then goes home. */
#define CARRY_OUT()							\
	do {								\
		ASSERT_EQ(1, submit(self->home, self->fd[0], variant->where,	\
				    self->block.memory, 0));		\
		ASSERT_EQ(0, pthread_create(&self->taker.thread, NULL, take,	\
					    &self->taker));		\
		ASSERT_TRUE(somebody_waits(self->port));		\
		EXPECT_SENT(self->fd[1], "abc");			\
		ASSERT_TRUE(block_is_reached(&self->block, COMES));	\
		ASSERT_EQ(0, home_thread_start(self->home));		\
	} while (0)

/* The memory comes: there is one packet, which says that it was carried out. */
#define EXPECT_CARRIED_OUT()						\
	do {								\
		const struct overlapped *o_ = variant->where == RESULT ?	\
			(void *)self->block.memory : &mine.o;		\
		ASSERT_EQ(0, block_end(&self->block));			\
		ASSERT_EQ(0, pthread_join(self->taker.thread, NULL));	\
		EXPECT_EQ(1, self->taker.ret);				\
		EXPECT_EQ(KEY, self->taker.got.completion_key);		\
		EXPECT_EQ((uintptr_t)o_, self->taker.got.overlapped);	\
		EXPECT_EQ(0, self->taker.got.internal);			\
		EXPECT_EQ(3, self->taker.got.bytes_transferred);	\
		EXPECT_EQ(0, o_->state);				\
		EXPECT_EQ(3, o_->bytes);				\
		EXPECT_EQ(0, memcmp(variant->where == BUFFER ? self->block.memory :	\
				    mine.data, "abc", 3));		\
		EXPECT_NO_PACKET(self->port);				\
		EXPECT_OPERATIONS(self->home, 0);			\
	} while (0)

/* ---------------------------------------------------------------------- */

static void work_in_another_process(void *unused)
{
	int port = device_open(), home = device_open(), fd[2];
	struct sockiocp_packet_entry got;
	struct overlapped o;
	char data[8];

	(void)unused;
	/* What nobody has come for in 10 ms goes home. */
	if (home_thread_start(home) || tcp_pair(FAM_INET, fd, 0) ||
	    operation_associate(port, fd[0], KEY) ||
	    operation_receive(home, fd[0], &o, data, 8) != 1 || sock_send(fd[1], "abc", 3) != 3 ||
	    operation_harvest(port, &got, 1, COMES) != 1)
		_exit(1);
}

TEST_F(faulting, holds_up_no_bystander)
{
	struct overlapped o, send;
	char data[8];

	NEEDS_USERFAULTFD();
	CARRY_OUT();
	/* Another socket, by another thread, at the same port. */
	ASSERT_EQ(1, operation_receive(self->home, self->other[0], &o, data, 8));
	EXPECT_SENT(self->other[1], "defg");
	EXPECT_PACKET(self->port, KEY + 1, &o, 0, 4);
	EXPECT_EQ(0, child_status(process_start(work_in_another_process, NULL), COMES));
	/* The other direction; but TCP has its lock while it copies. */
	if (variant->where != BUFFER) {
		EXPECT_EQ(0, operation_send(self->home, self->fd[0], &send, "hij", 3));
		EXPECT_PACKET(self->port, KEY, &send, 0, 3);
	}
	EXPECT_CARRIED_OUT();
}

/* Nobody waits for it, and it is not torn. */
TEST_F(faulting, is_cancelled_without_waiting)
{
	NEEDS_USERFAULTFD();
	CARRY_OUT();
	EXPECT_EQ(variant->where == RESULT ? 0 : 1,
		  operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_EQ(0, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_CARRIED_OUT();
}

TEST_F(faulting, is_closed_without_waiting)
{
	NEEDS_USERFAULTFD();
	CARRY_OUT();
	EXPECT_EQ(0, device_call(self->home, SOCKIOCP_CLOSE_SOCKET,
				 (void *)(intptr_t)self->fd[0]));
	self->fd[0] = -1;
	EXPECT_CARRIED_OUT();
	EXPECT_EQ(0, fdinfo_value(self->port, "packets"));
	if (variant->where != NAME)
		EXPECT_TRUE(sock_becomes(self->fd[1], SEE_RDHUP, COMES));
}

/* Those behind it have their turn when it is done, in their order. */
TEST_F(faulting, is_followed_by_the_next)
{
	struct overlapped o;
	char data[8] = "";

	NEEDS_USERFAULTFD();
	CARRY_OUT();
	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, 8));
	ASSERT_EQ(0, block_end(&self->block));
	ASSERT_EQ(0, pthread_join(self->taker.thread, NULL));
	EXPECT_EQ(1, self->taker.ret);
	EXPECT_EQ(3, self->taker.got.bytes_transferred);
	EXPECT_SENT(self->fd[1], "defg");
	EXPECT_PACKET(self->port, KEY, &o, 0, 4);
	EXPECT_EQ(0, memcmp(data, "defg", 4));
}

/* ---------------------------------------------------------------------- */

static struct {
	struct shared *shared;
	enum where where;
	int home;
	int fd;
} job;

static void wait_for_memory(void *unused)
{
	struct taker taker = { .port = job.home };
	struct block block;

	(void)unused;
	if (block_init(&block, BLOCK_FAULT_IN_KERNEL) ||
	    submit(job.home, job.fd, job.where, block.memory, SOCKIOCP_SUBMIT_TO_HOME) != 1 ||
	    pthread_create(&taker.thread, NULL, take, &taker))
		_exit(1);
	__atomic_store_n(&job.shared->submitted, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&job.shared->waits, block_is_reached(&block, COMES), __ATOMIC_RELEASE);
	process_rest();
}

static int becomes(const int *value, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (!__atomic_load_n(value, __ATOMIC_ACQUIRE) && now_ms() < end)
		sleep_ms(1);
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

/* It ends at once, and the operations of others go on, of the same socket, too. */
TEST_F(faulting, process_can_be_killed)
{
	struct sockiocp_packet_entry got;
	char data[8] = "";
	struct overlapped o;
	int pid;

	NEEDS_USERFAULTFD();
	job.shared = self->shared;
	job.where = variant->where;
	job.home = device_open();
	job.fd = self->fd[0];
	/* What nobody has come for in a while goes there. */
	ASSERT_EQ(0, home_thread_start(self->home));
	pid = process_start(wait_for_memory, NULL);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(becomes(&self->shared->submitted, COMES));
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_TRUE(becomes(&self->shared->waits, COMES));
	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, 8));
	EXPECT_EQ(0, process_kill(pid));
	EXPECT_EQ(0, fdinfo_value(job.home, "operations"));
	/* What it had taken is gone with it; what it had not is there. */
	EXPECT_SENT(self->fd[1], "def");
	ASSERT_EQ(1, operation_harvest(self->port, &got, 1, COMES));
	EXPECT_EQ((uintptr_t)&o, got.overlapped);
	EXPECT_EQ(0, o.state);
	EXPECT_LE(3, o.bytes);
	EXPECT_TRUE(!memcmp(data, "abc", 3) || !memcmp(data, "def", 3));
	fd_close(job.home);
}

TEST_HARNESS_MAIN
