// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A packet that a harvest has taken off the queue is older than what is done to its
 * registration while it is on its way to the user.  Here it is on its way for as long
 * as the memory that it goes to is missing.
 */
#include <pthread.h>

#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/port.h"
#include "lib/task.h"

#define KEY	0x7a4e

/* A thread that takes one packet. */
struct taker {
	struct block block;
	HANDLE port;
	pthread_t thread;
	int tid;
	DWORD code;
	DWORD mask;
	/* Of one that takes more: it has its slot, may go on, has so many. */
	int runs;
	int may_go_on;
	ULONG count;
};

FIXTURE(taken) {
	struct taker taker;
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_SETUP(taken)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, fd));
	self->fd = fd[0];
	self->peer = fd[1];
	self->taker.port = self->port;
	NEED_FAULTS(&self->taker.block);
	ASSERT_EQ(0, block_end(&self->taker.block));
}

FIXTURE_TEARDOWN(taken)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

static void *take(void *arg)
{
	struct taker *taker = arg;
	OVERLAPPED_ENTRY *entry = (void *)taker->block.memory;
	ULONG n;

	__atomic_store_n(&taker->tid, thread_id(), __ATOMIC_RELEASE);
	if (!GetQueuedCompletionStatusEx(taker->port, entry, 1, &n, INFINITE, FALSE))
		taker->code = GetLastError();
	else
		taker->mask = entry->dwNumberOfBytesTransferred;
	return NULL;
}

/* A thread waits; its memory goes; a packet comes and is taken. */
#define TAKE_ONE()							\
	do {								\
		struct taker *t = &self->taker;				\
									\
		ASSERT_EQ(0, pthread_create(&t->thread, NULL, take, t));\
		ASSERT_TRUE(port_becomes(self->port, "waiters", 1, COMES));	\
		ASSERT_EQ(0, block_again(&t->block));			\
		ASSERT_EQ(1, sock_send(self->peer, "x", 1));		\
		ASSERT_TRUE(port_becomes(self->port, "waiters", 0, COMES));	\
		ASSERT_TRUE(port_becomes(self->port, "packets", 0, COMES));	\
		ASSERT_TRUE(task_rests(0, t->tid, COMES));		\
	} while (0)

#define EXPECT_TAKEN(what)						\
	do {								\
		ASSERT_EQ(0, block_end(&self->taker.block));		\
		ASSERT_EQ(0, pthread_join(self->taker.thread, NULL));	\
		EXPECT_EQ(0, self->taker.code);				\
		EXPECT_EQ(what, self->taker.mask);			\
	} while (0)

#define EXPECT_NOT_TAKEN()						\
	do {								\
		ASSERT_EQ(0, block_fail(&self->taker.block));		\
		ASSERT_EQ(0, pthread_join(self->taker.thread, NULL));	\
		EXPECT_EQ(ERROR_NOACCESS, self->taker.code);		\
	} while (0)

TEST_F(taken, goes_out_as_it_was_asked_for)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL | T_ONESHOT));
	TAKE_ONE();
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_TAKEN(EV_IN);
	EXPECT_NOTHING(self->port);
}

TEST_F(taken, does_not_disarm_what_was_enabled_since)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT, T_LEVEL | T_ONESHOT));
	EXPECT_TAKEN(EV_IN);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_NOTHING(self->port);
}

TEST_F(taken, does_not_disarm_what_asks_for_more_since)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL | T_ONESHOT));
	TAKE_ONE();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_TAKEN(EV_IN);
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	EXPECT_NOTHING(self->port);
}

TEST_F(taken, does_not_disarm_what_was_disabled_and_enabled_since)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL | T_ONESHOT));
	TAKE_ONE();
	EXPECT_EQ(0, disable(self->port, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL | T_ONESHOT));
	EXPECT_TAKEN(EV_IN);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(taken, is_no_edge_of_what_was_enabled_since)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_TAKEN(EV_IN);
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(taken, and_not_copied_is_an_edge_of_what_was_enabled_since)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_NOT_TAKEN();
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

/* What has risen since it was taken is not forgotten with it. */
TEST_F(taken, and_not_copied_leaves_the_edges_of_what_was_enabled_since)
{
	ASSERT_LT(0, sock_fill(self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT, T_EDGE));
	ASSERT_LT(0, sock_drain(self->peer));
	EXPECT_NOT_TAKEN();
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	EXPECT_NOTHING(self->port);
}

/* What held when EDGE began, and was not asked for before, has no edge. */
TEST_F(taken, and_not_copied_is_no_edge_of_what_it_was_not_asked_for)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP, T_EDGE));
	EXPECT_NOT_TAKEN();
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(taken, and_not_copied_is_there_again)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE | T_ONESHOT));
	TAKE_ONE();
	EXPECT_NOT_TAKEN();
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(taken, and_disabled_since_goes_out_and_is_forgotten)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	EXPECT_EQ(0, disable(self->port, self->fd));
	EXPECT_TAKEN(EV_IN);
	EXPECT_NOTHING(self->port);
}

/* What was read of a connection is not remembered of the next one. */
TEST_F(taken, is_no_past_of_a_connection_that_was_made_since)
{
	int port, listener = tcp_listen(FAM_INET, 4, &port), fd[2];

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	fd_close(self->fd);
	fd_close(self->peer);
	self->fd = fd[0];
	self->peer = fd[1];
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT, T_EDGE));
	TAKE_ONE();
	ASSERT_EQ(0, tcp_disconnect(self->fd));
	ASSERT_EQ(0, kind_connect_wait(KIND_TCP4, self->fd, port));
	EXPECT_TAKEN(EV_IN);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	fd_close(listener);
}

TEST_F(taken, and_removed_since_goes_out_before_the_remove_packet)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	TAKE_ONE();
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_TAKEN(EV_IN);
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
}

/*
 * A counter of what was disabled would have come round, were it one of 16 bits; one of
 * 32 does in some minutes, which is too long for a test, and so there is none.
 */
TEST_F(taken, and_disabled_very_often_and_removed_since_goes_out_before_the_remove_packet)
{
	enum { OFTEN = 65536 };
	SOCK_NOTIFY_REGISTRATION *reg = calloc(OFTEN, sizeof(*reg));
	int i;

	ASSERT_NE(NULL, reg);
	for (i = 0; i < OFTEN - 1; i++)
		reg[i] = entry(self->fd, 0, 0, OP_DISABLE, 0);
	reg[i] = entry(self->fd, 0, 0, OP_REMOVE, 0);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL | T_ONESHOT));
	TAKE_ONE();
	EXPECT_EQ(0, ProcessSocketNotifications(self->port, OFTEN, reg, 0, 0, NULL, NULL));
	EXPECT_EQ(0, reg[i].registrationResult);
	EXPECT_TAKEN(EV_IN);
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_NOTHING(self->port);
	free(reg);
}

/* -------------------------------------------------------------- several chunks */

enum {
	/* So many are taken, and copied, at a time. */
	CHUNK = 32,
	ALL = 2 * CHUNK,
};

/* The first chunk of its memory is there, the next one is not. */
static void *take_all(void *arg)
{
	struct taker *taker = arg;
	OVERLAPPED_ENTRY *entry = (OVERLAPPED_ENTRY *)taker->block.memory - CHUNK;

	if (!GetQueuedCompletionStatusEx(taker->port, entry, 1, &taker->count, INFINITE, FALSE))
		taker->code = GetLastError();
	__atomic_store_n(&taker->runs, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&taker->may_go_on, __ATOMIC_ACQUIRE))
		;
	if (!GetQueuedCompletionStatusEx(taker->port, entry, ALL, &taker->count, INFINITE,
					 FALSE))
		taker->code = GetLastError();
	return NULL;
}

/* Only one thread at a time may run, and from now on that is this one. */
static int taker_start(struct taker *taker)
{
	int64_t end = now_ms() + COMES;

	if (pthread_create(&taker->thread, NULL, take_all, taker) ||
	    !PostQueuedCompletionStatus(taker->port, 0, 0, NULL))
		return -1;
	while (!__atomic_load_n(&taker->runs, __ATOMIC_ACQUIRE)) {
		if (now_ms() > end)
			return -1;
		sleep_ms(1);
	}
	return taker->code ? -1 : 0;
}

/* It goes on, has copied the first chunk, and sleeps with the next. */
static int taker_blocks(struct taker *taker)
{
	__atomic_store_n(&taker->may_go_on, 1, __ATOMIC_RELEASE);
	return block_is_reached(&taker->block, COMES);
}

/* Each has room to send, and its number as its key. */
static int enable_all(HANDLE port, int (*fd)[2])
{
	int i;

	for (i = 0; i < ALL; i++) {
		if (unix_pair(TYPE_STREAM, fd[i]) ||
		    enable(port, fd[i][0], i, EV_OUT, T_LEVEL))
			return -1;
	}
	return 0;
}

FIXTURE(chunks) {
	struct taker taker;
	HANDLE port;
	int fd[ALL][2];
};

FIXTURE_SETUP(chunks)
{
	int error;

	self->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	ASSERT_NE(NULL, self->port);
	self->taker.port = self->port;
	error = block_init(&self->taker.block, BLOCK_FAULT_IN_KERNEL);
	if (error == -EPERM || error == -ENOSYS)
		SKIP(return, "no userfaultfd here");
	ASSERT_EQ(0, error);
	ASSERT_EQ(0, taker_start(&self->taker));
}

FIXTURE_TEARDOWN(chunks)
{
	int i;

	if (self->taker.runs) {
		__atomic_store_n(&self->taker.may_go_on, 1, __ATOMIC_RELEASE);
		EXPECT_EQ(0, block_end(&self->taker.block));
		EXPECT_EQ(0, pthread_join(self->taker.thread, NULL));
		EXPECT_EQ(0, self->taker.code);
		EXPECT_EQ(ALL, self->taker.count);
	}
	for (i = 0; i < ALL; i++) {
		fd_close(self->fd[i][0]);
		fd_close(self->fd[i][1]);
	}
	EXPECT_TRUE(CloseHandle(self->port));
}

TEST_F(chunks, what_has_been_copied_is_for_others_while_the_next_is_on_its_way)
{
	struct packet copied[CHUNK] = { 0 };
	int i;

	for (i = 0; i < CHUNK; i++)
		copied[i] = (struct packet){ i, EV_OUT };
	ASSERT_EQ(0, enable_all(self->port, self->fd));
	ASSERT_TRUE(taker_blocks(&self->taker));
	EXPECT_EQ(SEE_IN, fd_sees(port_fd(self->port), COMES));
	for (i = 0; i < 2; i++)
		EXPECT_STREQ("", packets_differ(self->port, 0, copied, CHUNK));
}

TEST_F(chunks, who_waits_is_told_of_what_has_been_copied_while_the_next_is_on_its_way)
{
	struct waiter w = { .port = self->port, .how = BY_GQCS, .timeout = INFINITE };

	START_WAITER(&w);
	ASSERT_EQ(0, enable_all(self->port, self->fd));
	EXPECT_EQ(ALL, port_told(self->port, "packets"));
	EXPECT_EQ(1, port_told(self->port, "waiters"));
	ASSERT_TRUE(taker_blocks(&self->taker));
	ASSERT_EQ(0, waiter_join(&w, COMES));
	EXPECT_EQ(0, w.code);
	EXPECT_EQ(0, w.packet.key);
	EXPECT_EQ(EV_OUT, w.packet.mask);
}

TEST_HARNESS_MAIN
