// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A packet that stands in the queue: what is merged into it, what takes it back,
 * and who is woken for it.
 */
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

/*
 * With more slots than threads, so that nothing but the queue decides: what a
 * harvest leaves there wakes the next thread.
 */
TEST_F(queued, packet_that_is_left_wakes_the_next_thread)
{
	struct stay stay = { .there = 0 };
	struct waiter w[3];
	HANDLE port;
	int i;

	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 64);
	ASSERT_NE(NULL, port);
	EXPECT_EQ(0, enable(port, self->fd, KEY, EV_IN, T_LEVEL));
	for (i = 0; i < 3; i++) {
		w[i] = (struct waiter) { .port = port, .timeout = INFINITE, .stay = &stay };
		START_WAITER(&w[i]);
	}
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	EXPECT_TRUE(stay_over(&stay, 3, 2 * COMES));
	EXPECT_TRUE(CloseHandle(port));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, waiter_join(&w[i], COMES));
		EXPECT_EQ(0, w[i].code);
		EXPECT_EQ(KEY, w[i].packet.key);
		EXPECT_EQ(EV_IN, w[i].packet.mask);
	}
}

TEST_HARNESS_MAIN
