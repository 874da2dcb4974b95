// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A socket whose lock somebody holds: a send() that waits for the memory it sends.
 * Where a look at the socket takes the lock, a harvest goes on without it, and its
 * packet comes when the lock is free.
 */
#include <pthread.h>

#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/port.h"
#include "lib/task.h"

#define KEY	0x4e1d

FIXTURE(held) {
	const char *missing;
	struct block block;
	HANDLE port;
	int fd;
	int peer;
	pthread_t thread;
	int tid;
	long sent;
};

FIXTURE_VARIANT(held) {
	enum kind kind;
};

FIXTURE_VARIANT_ADD(held, mptcp) { KIND_MPTCP4 };
FIXTURE_VARIANT_ADD(held, vsock) { KIND_VSOCK };

FIXTURE_SETUP(held)
{
	int pair[2], error;

	self->missing = kind_missing(variant->kind);
	if (self->missing)
		return;
	error = block_init(&self->block, BLOCK_FAULT_IN_KERNEL);
	if (error == -EPERM || error == -ENOSYS) {
		self->missing = "no userfaultfd here";
		return;
	}
	ASSERT_EQ(0, error);
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, kind_pair(variant->kind, pair, 0));
	self->fd = pair[0];
	self->peer = pair[1];
}

FIXTURE_TEARDOWN(held)
{
	if (self->missing)
		return;
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

static void *hold(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	__atomic_store_n(&self->tid, thread_id(), __ATOMIC_RELEASE);
	self->sent = sock_send(self->fd, self->block.memory, 100);
	return NULL;
}

#define HOLD()								\
	do {								\
		ASSERT_EQ(0, pthread_create(&self->thread, NULL, hold, self));\
		while (!__atomic_load_n(&self->tid, __ATOMIC_ACQUIRE))	\
			sleep_ms(1);					\
		ASSERT_TRUE(task_rests(0, self->tid, COMES));		\
	} while (0)

#define LET_GO()							\
	do {								\
		ASSERT_EQ(0, block_end(&self->block));			\
		ASSERT_EQ(0, pthread_join(self->thread, NULL));		\
		EXPECT_EQ(100, self->sent);				\
	} while (0)

#define NEEDS_ALL()							\
	do {								\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
	} while (0)

/* The end of the stream is what makes MPTCP take the lock. */
#define END()								\
	do {								\
		ASSERT_EQ(1, sock_send(self->peer, "x", 1));		\
		ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));		\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_IN | SEE_RDHUP, COMES));\
	} while (0)

TEST_F(held, harvest_goes_on_without_it)
{
	NEEDS_ALL();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP, T_LEVEL));
	END();
	HOLD();
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_NOTHING(self->port);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
	EXPECT_PACKETS(self->port, { 2, 1 });
	LET_GO();
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_HANGUP });
}

/*
 * Whoever waits looks at the socket again and again, until another thread has its slot:
 * then it sleeps, and is woken for the packet.
 */
TEST_F(held, thread_that_lost_its_slot_to_another_waits)
{
	struct waiter w = { .port = self->port, .timeout = INFINITE, .how = BY_PSN };
	int64_t end;

	NEEDS_ALL();
	ASSERT_EQ(0, port_configure(port_fd(self->port), 1));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP,
			    T_LEVEL | T_ONESHOT));
	END();
	HOLD();
	ASSERT_EQ(0, waiter_start(&w));
	EXPECT_EQ(ETIMEDOUT, waiter_join(&w, COMES_NOT));
	/* From now on this thread has it, as long as it does not block. */
	EXPECT_NOTHING_NOW(self->port);
	for (end = now_ns() + 100000000; now_ns() < end; )
		continue;
	EXPECT_EQ(1, port_told(self->port, "waiters"));
	LET_GO();
	EXPECT_EQ(0, waiter_join(&w, COMES));
	EXPECT_EQ(KEY, w.packet.key);
}

TEST_F(held, enabling_it_goes_on)
{
	NEEDS_ALL();
	END();
	HOLD();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP,
			    T_LEVEL | T_ONESHOT));
	EXPECT_NOTHING(self->port);
	LET_GO();
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

/* What comes between ENABLE and the first look at it has risen. */
TEST_F(held, edge_that_could_not_look_loses_no_end)
{
	NEEDS_ALL();
	HOLD();
	/* They tell of room with all that comes in. */
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP, T_EDGE));
	LET_GO();
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST_F(held, edge_that_could_not_look_loses_no_reset)
{
	NEEDS_ALL();
	/* AF_VSOCK's reset is an end, as above. */
	if (variant->kind == KIND_VSOCK)
		return;
	HOLD();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_HANGUP, T_EDGE));
	LET_GO();
	ASSERT_EQ(0, kind_reset(variant->kind, self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR | SEE_RDHUP, COMES));
	EXPECT_PACKETS(self->port, { KEY, EV_ERR | EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST_HARNESS_MAIN
