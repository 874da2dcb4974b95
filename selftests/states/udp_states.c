// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the states of a UDP socket mean: each row of the table, under LEVEL and
 * under EDGE, over IPv4 and IPv6.
 */
#include <fcntl.h>

#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/look.h"

FIXTURE(udp_socket) {
	struct look look;
	/* The one that is looked at, and its peer; they are connected. */
	int fd;
	int peer;
};

FIXTURE_VARIANT(udp_socket) {
	int family;
	enum way way;
};

FIXTURE_VARIANT_ADD(udp_socket, v4_anew) { FAM_INET, LOOK_ANEW };
FIXTURE_VARIANT_ADD(udp_socket, v4_stays) { FAM_INET, LOOK_STAYS };
FIXTURE_VARIANT_ADD(udp_socket, v4_edge) { FAM_INET, LOOK_EDGE };
FIXTURE_VARIANT_ADD(udp_socket, v6_anew) { FAM_INET6, LOOK_ANEW };
FIXTURE_VARIANT_ADD(udp_socket, v6_stays) { FAM_INET6, LOOK_STAYS };
FIXTURE_VARIANT_ADD(udp_socket, v6_edge) { FAM_INET6, LOOK_EDGE };

FIXTURE_SETUP(udp_socket)
{
	int pair[2];

	self->look.way = variant->way;
	ASSERT_EQ(0, udp_pair(variant->family, pair));
	self->fd = pair[0];
	self->peer = pair[1];
}

FIXTURE_TEARDOWN(udp_socket)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->look.port));
}

#define ARRIVE(len)							\
	do {								\
		ASSERT_EQ(len, sock_send(self->peer, "datagram", len));	\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));	\
	} while (0)

/* The port that it is connected to is closed: what is sent there comes back. */
#define REFUSE()							\
	do {								\
		ASSERT_EQ(1, sock_send(self->fd, "x", 1));		\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));	\
	} while (0)

TEST_F(udp_socket, unbound_socket_is_writable)
{
	fd_close(self->fd);
	self->fd = any_socket(variant->family, TYPE_DGRAM, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	EXPECT_STILL(&self->look, EV_OUT);
}

TEST_F(udp_socket, datagram_is_readable_until_read)
{
	char data[8];

	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ARRIVE(1);
	ARRIVE(2);
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(1, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(2, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_OUT);
	ARRIVE(1);
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
}

TEST_F(udp_socket, empty_datagram_is_readable)
{
	char c;

	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_IN));
	EXPECT_STATE(&self->look, 0, 0);
	ARRIVE(0);
	EXPECT_STATE(&self->look, EV_IN, EV_IN);
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, 0);
}

TEST_F(udp_socket, icmp_error_holds_until_so_error_reads_it)
{
	/* What has been sent leaves room, which EDGE may report again. */
	self->look.loose = EV_OUT;
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	CLOSE_PEER();
	REFUSE();
	EXPECT_STATE(&self->look, EV_ERR | EV_OUT, EV_ERR);
	EXPECT_STILL(&self->look, EV_ERR | EV_OUT);
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_STILL(&self->look, EV_OUT);
}

TEST_F(udp_socket, icmp_error_holds_until_recv_reports_it_and_may_come_again)
{
	char c;
	int i;

	self->look.loose = EV_OUT;
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	CLOSE_PEER();
	for (i = 0; i < 3; i++) {
		REFUSE();
		EXPECT_STATE(&self->look, EV_ERR | EV_OUT, EV_ERR);
		EXPECT_GT(0, sock_recv(self->fd, &c, 1));
		EXPECT_STILL(&self->look, EV_OUT);
	}
}

TEST_F(udp_socket, icmp_error_is_reported_whatever_the_filter)
{
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_NONE));
	EXPECT_STATE(&self->look, 0, 0);
	CLOSE_PEER();
	REFUSE();
	EXPECT_STATE(&self->look, EV_ERR, EV_ERR);
}

/* A datagram is there when the error comes, and when somebody has read that. */
#define EXPECT_DATAGRAM_BEHIND_ERROR()					\
	do {								\
		self->look.loose = EV_OUT;				\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));\
		ARRIVE(1);						\
		CLOSE_PEER();						\
		REFUSE();						\
		EXPECT_STATE(&self->look, EV_IN | EV_ERR | EV_OUT, EV_IN | EV_ERR); \
		EXPECT_LT(0, sock_error(self->fd));			\
		EXPECT_STILL(&self->look, EV_IN | EV_OUT);		\
	} while (0)

TEST_F(udp_socket, icmp_error_does_not_hide_a_datagram)
{
	char c;

	EXPECT_DATAGRAM_BEHIND_ERROR();
	ASSERT_EQ(1, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, EV_OUT);
}

/* Of data in a blocking socket the protocol has to say whether its checksum is good. */
TEST_F(udp_socket, icmp_error_does_not_hide_a_datagram_of_a_blocking_socket)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_DATAGRAM_BEHIND_ERROR();
}

TEST_F(udp_socket, icmp_error_is_nothing_to_a_socket_that_is_not_connected)
{
	int fd, port;

	fd = udp_bound(variant->family, &port);
	ASSERT_LE(0, fd);
	fd_close(fd);
	fd_close(self->fd);
	self->fd = any_socket(variant->family, TYPE_DGRAM, 0);
	ASSERT_LE(0, self->fd);
	self->look.loose = EV_OUT;
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	ASSERT_EQ(1, udp_sendto(self->fd, variant->family, port));
	sleep_ms(COMES_NOT);
	EXPECT_STATE(&self->look, EV_OUT, 0);
}

/* Windows has no error queue: what stays there is for those who know of it. */
TEST_F(udp_socket, message_in_the_error_queue_is_nothing)
{
	char c;

	ASSERT_EQ(0, ip_recverr(self->fd, variant->family));
	self->look.loose = EV_OUT;
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	CLOSE_PEER();
	REFUSE();
	EXPECT_STATE(&self->look, EV_ERR | EV_OUT, EV_ERR);
	EXPECT_GT(0, sock_recv(self->fd, &c, 1));
	EXPECT_TRUE(sock_sees(self->fd) & SEE_ERR);
	EXPECT_STILL(&self->look, EV_OUT);
}

/* On the loopback only a datagram that is still being put together waits. */
TEST_F(udp_socket, full_send_buffer_is_not_writable_until_it_was_sent)
{
	ASSERT_EQ(0, udp_sndbuf(self->fd, 16384));
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_EQ(30000, udp_send_more(self->fd, 30000));
	ASSERT_FALSE(sock_sees(self->fd) & SEE_OUT);
	EXPECT_STATE(&self->look, 0, 0);
	ARRIVE(1);
	EXPECT_STATE(&self->look, EV_IN, EV_IN);
	ASSERT_EQ(0, sock_send(self->fd, "", 0));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_OUT, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_OUT);
}

TEST_F(udp_socket, local_shutdown_is_nothing)
{
	char how[] = { 'r', 'w', 'b' };
	size_t i;

	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	for (i = 0; i < sizeof(how); i++) {
		ASSERT_EQ(0, sock_shutdown(self->fd, how[i]));
		EXPECT_STILL(&self->look, EV_OUT);
	}
}

TEST_F(udp_socket, datagram_after_local_shutdown_is_readable)
{
	char c;

	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_IN | EV_HANGUP));
	ASSERT_EQ(0, sock_shutdown(self->fd, 'r'));
	EXPECT_STATE(&self->look, 0, 0);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_STATE(&self->look, EV_IN, EV_IN);
	ASSERT_EQ(1, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, 0);
}

TEST_F(udp_socket, peer_that_closes_is_nothing)
{
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	CLOSE_PEER();
	EXPECT_STATE(&self->look, EV_OUT, 0);
}

TEST_HARNESS_MAIN
