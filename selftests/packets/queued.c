// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A packet that stands in the queue: what is merged into it, what takes it back,
 * and who is woken for it.
 */
#include <pthread.h>
#include <sched.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x3141

FIXTURE(queued) {
	HANDLE port;
	/* The one that is registered, and its peer: a stream with small buffers. */
	int fd;
	int peer;
};

FIXTURE_SETUP(queued)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 8192));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(queued)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define ARRIVE(bytes)							\
	do {								\
		static const char data[64];				\
		ASSERT_EQ(bytes, sock_send(self->peer, data, bytes));	\
		ASSERT_TRUE(sock_queued(self->fd, bytes, COMES));	\
	} while (0)

/* spec 12.5 */
TEST_F(queued, edge_that_rises_later_is_merged)
{
	ASSERT_LT(0, sock_fill(self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT, T_EDGE));
	EXPECT_NOTHING(self->port);
	ARRIVE(4);
	ASSERT_LT(0, sock_drain_until(self->peer, self->fd, SEE_OUT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	EXPECT_NOTHING(self->port);
}

/* spec 5.6 */
TEST_F(queued, remove_packet_goes_to_the_end)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT, T_LEVEL));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_PACKETS_NOW(self->port, { 2, 1 }, { KEY, EV_REMOVE });
}

struct takers {
	HANDLE port;
	int taken;
	int may_end;
};

/* It neither blocks nor ends until it may: either would wake the next thread, too. */
static void *take_one_and_stay(void *arg)
{
	struct takers *takers = arg;
	OVERLAPPED_ENTRY got;
	ULONG n;

	if (GetQueuedCompletionStatusEx(takers->port, &got, 1, &n, INFINITE, FALSE) &&
	    got.lpCompletionKey == KEY && got.dwNumberOfBytesTransferred == EV_IN)
		__atomic_add_fetch(&takers->taken, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&takers->may_end, __ATOMIC_RELAXED))
		sched_yield();
	return NULL;
}

/*
 * With more slots than threads, so that nothing but the queue decides: what a
 * harvest leaves there wakes the next thread.
 */
TEST_F(queued, packet_that_is_left_wakes_the_next_thread)
{
	struct takers takers = { .taken = 0 };
	pthread_t thread[3];
	int64_t end;
	int i;

	takers.port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 64);
	ASSERT_NE(NULL, takers.port);
	EXPECT_EQ(0, enable(takers.port, self->fd, KEY, EV_IN, T_LEVEL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, take_one_and_stay, &takers));
	ASSERT_TRUE(port_becomes(takers.port, "waiters", 3, 2 * COMES));
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	end = now_ms() + 2 * COMES;
	while (__atomic_load_n(&takers.taken, __ATOMIC_RELAXED) < 3 && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(3, __atomic_load_n(&takers.taken, __ATOMIC_RELAXED));
	__atomic_store_n(&takers.may_end, 1, __ATOMIC_RELAXED);
	EXPECT_TRUE(CloseHandle(takers.port));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(thread[i], NULL));
}

TEST_HARNESS_MAIN
