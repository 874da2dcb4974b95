// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the states of an AF_UNIX datagram socket mean, under LEVEL and under EDGE.
 * AF_UNIX streams: stream_states.c.
 */
#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/look.h"

FIXTURE(unix_dgram) {
	struct look look;
	/* The one that is looked at, and its peer. */
	int fd;
	int peer;
};

FIXTURE_VARIANT(unix_dgram) {
	enum way way;
};

FIXTURE_VARIANT_ADD(unix_dgram, anew) { LOOK_ANEW };
FIXTURE_VARIANT_ADD(unix_dgram, stays) { LOOK_STAYS };
FIXTURE_VARIANT_ADD(unix_dgram, edge) { LOOK_EDGE };

FIXTURE_SETUP(unix_dgram)
{
	self->look.way = variant->way;
	self->fd = -1;
	self->peer = -1;
}

FIXTURE_TEARDOWN(unix_dgram)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->look.port));
}

#define PAIR(filter)							\
	do {								\
		int pair[2];						\
									\
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, pair));		\
		self->fd = pair[0];					\
		self->peer = pair[1];					\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));\
	} while (0)

/* The peer is a server that knows nothing of us; its queue is a short one. */
#define CLIENT(filter)							\
	do {								\
		self->peer = unix_dgram_bound("sockiocp-dgram");	\
		ASSERT_LE(0, self->peer);				\
		self->fd = any_socket(FAM_UNIX, TYPE_DGRAM, 0);		\
		ASSERT_LE(0, self->fd);					\
		ASSERT_EQ(0, unix_dgram_connect(self->fd,		\
						"sockiocp-dgram"));	\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));\
	} while (0)

/* Small datagrams, so that the queue is full long before the send buffer. */
#define FILL_QUEUE_OF_PEER()						\
	do {								\
		while (sock_send(self->fd, "x", 1) == 1)		\
			;						\
		ASSERT_FALSE(sock_sees(self->fd) & SEE_OUT);		\
	} while (0)

TEST_F(unix_dgram, socket_without_a_peer_is_writable)
{
	self->fd = any_socket(FAM_UNIX, TYPE_DGRAM, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
}

TEST_F(unix_dgram, datagram_is_readable_until_read)
{
	char data[8];

	PAIR(EV_ALL);
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	ASSERT_EQ(2, sock_send(self->peer, "yz", 2));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(1, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(2, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_OUT);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
}

TEST_F(unix_dgram, empty_datagram_is_readable)
{
	char c;

	PAIR(EV_IN);
	EXPECT_STATE(&self->look, 0, 0);
	ASSERT_EQ(0, sock_send(self->peer, "", 0));
	EXPECT_STATE(&self->look, EV_IN, EV_IN);
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, 0);
}

TEST_F(unix_dgram, full_send_buffer_is_not_writable_until_the_peer_reads)
{
	PAIR(EV_ALL);
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_LT(0, sock_fill(self->fd));
	EXPECT_STATE(&self->look, 0, 0);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_STATE(&self->look, EV_IN, EV_IN);
	ASSERT_LT(0, sock_drain_until(self->peer, self->fd, SEE_OUT));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_OUT);
}

TEST_F(unix_dgram, full_queue_of_the_peer_is_not_writable_until_it_reads)
{
	int i;

	CLIENT(EV_ALL);
	EXPECT_STATE(&self->look, EV_OUT, 0);
	for (i = 0; i < 3; i++) {
		FILL_QUEUE_OF_PEER();
		EXPECT_STATE(&self->look, 0, 0);
		ASSERT_LT(0, sock_drain(self->peer));
		EXPECT_STATE(&self->look, EV_OUT, EV_OUT);
	}
}

TEST_F(unix_dgram, full_queue_of_a_peer_that_closes_is_writable)
{
	CLIENT(EV_ALL);
	FILL_QUEUE_OF_PEER();
	EXPECT_STATE(&self->look, 0, 0);
	CLOSE_PEER();
	EXPECT_STATE(&self->look, EV_OUT, EV_OUT);
	EXPECT_GT(0, sock_send(self->fd, "x", 1));
}

TEST_F(unix_dgram, peer_that_closes_is_nothing)
{
	/* It wakes those who might have waited for room. */
	self->look.loose = EV_OUT;
	PAIR(EV_ALL);
	CLOSE_PEER();
	EXPECT_STATE(&self->look, EV_OUT, 0);
	EXPECT_GT(0, sock_send(self->fd, "x", 1));
	EXPECT_STILL(&self->look, EV_OUT);
}

TEST_F(unix_dgram, datagram_of_a_peer_that_closed_is_readable)
{
	char c;

	PAIR(EV_ALL);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	CLOSE_PEER();
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(1, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, EV_OUT);
}

/* The kernel calls that a reset; on a datagram socket it can be read away. */
TEST_F(unix_dgram, peer_that_leaves_us_without_reading_all_is_an_error)
{
	int other = unix_dgram_bound("sockiocp-other");

	ASSERT_LE(0, other);
	/* What the peer throws away leaves room. */
	self->look.loose = EV_OUT;
	PAIR(EV_ALL);
	ASSERT_EQ(1, sock_send(self->fd, "x", 1));
	ASSERT_EQ(0, unix_dgram_connect(self->peer, "sockiocp-other"));
	EXPECT_STATE(&self->look, EV_ERR | EV_OUT, EV_ERR);
	EXPECT_STILL(&self->look, EV_ERR | EV_OUT);
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_STILL(&self->look, EV_OUT);
	fd_close(other);
}

TEST_F(unix_dgram, shutdown_by_either_is_nothing)
{
	char how[] = { 'r', 'w', 'b' };
	size_t i;

	PAIR(EV_ALL);
	EXPECT_STATE(&self->look, EV_OUT, 0);
	for (i = 0; i < sizeof(how); i++) {
		ASSERT_EQ(0, sock_shutdown(self->peer, how[i]));
		EXPECT_STILL(&self->look, EV_OUT);
	}
	for (i = 0; i < sizeof(how); i++) {
		ASSERT_EQ(0, sock_shutdown(self->fd, how[i]));
		EXPECT_STILL(&self->look, EV_OUT);
	}
}

TEST_HARNESS_MAIN
