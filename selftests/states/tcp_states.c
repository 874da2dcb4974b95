// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the states of a TCP socket mean: every state of the table, its mask in full,
 * over IPv4 and IPv6.  What TCP has in common with every stream, and EDGE:
 * stream_states.c.
 */
#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/look.h"
#include "lib/task.h"

/* Under LEVEL it does not matter what has just risen. */
#define EXPECT_MASK(look, mask)		EXPECT_STATE(look, mask, 0)

FIXTURE(tcp) {
	struct look look;
	/* The one that is looked at, and its peer. */
	int fd;
	int peer;
	int family;
};

FIXTURE_VARIANT(tcp) {
	int family;
	enum way way;
};

FIXTURE_VARIANT_ADD(tcp, v4_anew) { FAM_INET, LOOK_ANEW };
FIXTURE_VARIANT_ADD(tcp, v4_stays) { FAM_INET, LOOK_STAYS };
FIXTURE_VARIANT_ADD(tcp, v6_anew) { FAM_INET6, LOOK_ANEW };
FIXTURE_VARIANT_ADD(tcp, v6_stays) { FAM_INET6, LOOK_STAYS };

FIXTURE_SETUP(tcp)
{
	self->family = variant->family;
	self->look.way = variant->way;
	self->fd = -1;
	self->peer = -1;
}

FIXTURE_TEARDOWN(tcp)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->look.port));
}

#define CONNECTED_WITH(filter, bufsize)					\
	do {								\
		int pair[2];						\
									\
		ASSERT_EQ(0, tcp_pair(self->family, pair, bufsize));	\
		self->fd = pair[0];					\
		self->peer = pair[1];					\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));\
	} while (0)

#define CONNECTED(filter)	CONNECTED_WITH(filter, 0)

/* spec 14.19 */
TEST_F(tcp, fresh_socket_is_nothing)
{
	self->fd = any_socket(self->family, TYPE_STREAM, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, 0);
}

TEST_F(tcp, connecting_is_nothing)
{
	int port, listener, i, fd[3];

	/* A backlog that is full lets the SYN go unanswered. */
	listener = tcp_listen(self->family, 0, &port);
	ASSERT_LE(0, listener);
	for (i = 0; i < 3; i++) {
		fd[i] = tcp_connect(self->family, port);
		ASSERT_LE(0, fd[i]);
		if (!sock_becomes(fd[i], SEE_OUT, COMES_NOT * patience()))
			break;
	}
	ASSERT_GT(3, i);
	self->fd = fd[i];
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, 0);
	EXPECT_EQ(0, sock_sees(self->fd));
	while (i--)
		fd_close(fd[i]);
	fd_close(listener);
}

/* spec 14.20 */
TEST_F(tcp, refused_connection_is_error_and_hangup)
{
	int port = tcp_refused_port(self->family);

	ASSERT_LT(0, port);
	self->fd = tcp_connect(self->family, port);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP);
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP);
}

/* spec 14.20 */
TEST_F(tcp, refused_connection_is_an_error_whatever_the_filter)
{
	int port = tcp_refused_port(self->family);
	UINT16 filter;

	ASSERT_LT(0, port);
	self->fd = tcp_connect(self->family, port);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	for (filter = EV_NONE; filter <= EV_ALL; filter++) {
		if (self->look.port) {
			ASSERT_TRUE(CloseHandle(self->look.port));
		}
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));
		EXPECT_MASK(&self->look, EV_ERR | (filter & EV_HANGUP));
	}
}

TEST_F(tcp, idle_connection_is_writable)
{
	CONNECTED(EV_ALL);
	EXPECT_MASK(&self->look, EV_OUT);
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, accepted_connection_is_writable)
{
	int pair[2];

	ASSERT_EQ(0, tcp_pair(self->family, pair, 0));
	self->fd = pair[1];
	self->peer = pair[0];
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, idle_connection_is_silent_without_out_in_the_filter)
{
	CONNECTED(EV_IN | EV_HANGUP);
	EXPECT_MASK(&self->look, 0);
}

TEST_F(tcp, data_is_readable_until_drained)
{
	char data[8];

	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_queued(self->fd, 4, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(3, sock_recv(self->fd, data, 3));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(1, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_EQ(2, sock_send(self->peer, "on", 2));
	ASSERT_TRUE(sock_queued(self->fd, 2, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
}

TEST_F(tcp, data_alone_is_reported_as_in_alone)
{
	CONNECTED(EV_IN);
	EXPECT_MASK(&self->look, 0);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_queued(self->fd, 4, COMES));
	EXPECT_MASK(&self->look, EV_IN);
}

TEST_F(tcp, out_of_band_byte_is_nothing)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(1, sock_send_oob(self->peer, '!'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_PRI, COMES));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, data_behind_an_out_of_band_byte_is_readable)
{
	char data[8];

	CONNECTED(EV_ALL);
	ASSERT_EQ(1, sock_send_oob(self->peer, '!'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_PRI, COMES));
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, data_before_an_out_of_band_byte_is_readable)
{
	char data[8];

	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_EQ(1, sock_send_oob(self->peer, '!'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_PRI, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, end_of_stream_behind_an_out_of_band_byte_is_hangup)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(1, sock_send_oob(self->peer, '!'));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP | SEE_PRI, COMES));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

/* spec 14.21 */
TEST_F(tcp, end_of_stream_is_hangup_and_not_readable)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

/* spec 14.21 */
TEST_F(tcp, close_by_the_peer_is_hangup_and_not_readable)
{
	CONNECTED(EV_ALL);
	fd_close(self->peer);
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

/* spec 14.21 */
TEST_F(tcp, end_of_stream_does_not_wake_who_asked_for_in)
{
	CONNECTED(EV_IN);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, 0);
}

TEST_F(tcp, end_of_stream_behind_data_is_both)
{
	char data[8];

	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT | EV_HANGUP);
	ASSERT_EQ(2, sock_recv(self->fd, data, 2));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT | EV_HANGUP);
	ASSERT_EQ(2, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_OUT | EV_HANGUP);
}

TEST_F(tcp, hangup_stays_after_the_end_was_read)
{
	char c;

	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(tcp, half_closed_connection_still_carries_data_the_other_way)
{
	char data[8];

	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
	ASSERT_EQ(4, sock_send(self->fd, "data", 4));
	ASSERT_TRUE(sock_queued(self->peer, 4, COMES));
	ASSERT_EQ(4, sock_recv(self->peer, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(tcp, both_ends_shut_down_is_hangup)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_HUP, COMES));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(tcp, shutdown_of_receiving_by_the_peer_is_nothing_new)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'r'));
	EXPECT_MASK(&self->look, EV_OUT);
}

/* spec 14.22 */
TEST_F(tcp, reset_is_error_and_hangup)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
}

/* spec 14.22 */
TEST_F(tcp, reset_is_error_without_hangup_in_the_filter)
{
	CONNECTED(EV_IN | EV_OUT);
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
}

/* spec 14.22 */
TEST_F(tcp, reset_is_error_whatever_the_filter)
{
	CONNECTED(EV_NONE);
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_ERR);
}

TEST_F(tcp, reset_stays_after_the_error_was_read)
{
	char c;

	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
	ASSERT_GT(0, sock_recv(self->fd, &c, 1));
	EXPECT_EQ(0, sock_error(self->fd));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
}

TEST_F(tcp, reset_discards_data_that_was_not_read)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_queued(self->fd, 4, COMES));
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
}

TEST_F(tcp, full_send_buffer_is_not_writable_until_the_peer_reads)
{
	CONNECTED_WITH(EV_ALL, 8192);
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_LT(0, sock_fill(self->fd));
	EXPECT_MASK(&self->look, 0);
	EXPECT_MASK(&self->look, 0);
	ASSERT_LT(0, sock_drain_until(self->peer, self->fd, SEE_OUT));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, full_send_buffer_is_still_readable)
{
	CONNECTED_WITH(EV_ALL, 8192);
	ASSERT_LT(0, sock_fill(self->fd));
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_queued(self->fd, 4, COMES));
	EXPECT_MASK(&self->look, EV_IN);
}

/* spec 14.23 */
TEST_F(tcp, local_shutdown_of_sending_is_nothing)
{
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, 0);
}

/* spec 14.23 */
TEST_F(tcp, local_shutdown_of_receiving_is_nothing)
{
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'r'));
	EXPECT_MASK(&self->look, 0);
}

/* spec 14.23 */
TEST_F(tcp, local_shutdown_of_both_is_nothing)
{
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'b'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, 0);
}

/* spec 14.23 */
TEST_F(tcp, local_shutdown_leaves_out_as_it_was)
{
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'r'));
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, local_shutdown_does_not_hide_the_peers_end)
{
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'r'));
	EXPECT_MASK(&self->look, 0);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_MASK(&self->look, EV_HANGUP);
}

TEST_F(tcp, data_after_local_shutdown_of_sending_is_readable)
{
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_queued(self->fd, 4, COMES));
	EXPECT_MASK(&self->look, EV_IN);
}

/* spec 14.24 */
TEST_F(tcp, listener_is_readable_while_a_connection_is_pending)
{
	int port, child;

	self->fd = tcp_listen(self->family, 4, &port);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, 0);

	self->peer = tcp_connect(self->family, port);
	ASSERT_LE(0, self->peer);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_MASK(&self->look, EV_IN);
	EXPECT_MASK(&self->look, EV_IN);

	child = tcp_accept(self->fd);
	ASSERT_LE(0, child);
	EXPECT_MASK(&self->look, 0);
	fd_close(child);
	EXPECT_MASK(&self->look, 0);
}

/* spec 14.24 */
TEST_F(tcp, listener_stays_readable_until_the_backlog_is_empty)
{
	int port, child, second;

	self->fd = tcp_listen(self->family, 4, &port);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	self->peer = tcp_connect(self->family, port);
	second = tcp_connect(self->family, port);
	ASSERT_LE(0, self->peer);
	ASSERT_LE(0, second);
	ASSERT_TRUE(sock_becomes(self->peer, SEE_OUT, COMES));
	ASSERT_TRUE(sock_becomes(second, SEE_OUT, COMES));

	child = tcp_accept(self->fd);
	ASSERT_LE(0, child);
	fd_close(child);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_MASK(&self->look, EV_IN);
	child = tcp_accept(self->fd);
	ASSERT_LE(0, child);
	fd_close(child);
	EXPECT_MASK(&self->look, 0);
	fd_close(second);
}

/* Registered before it is connected, as programs do that register at once. */
TEST_F(tcp, socket_registered_before_connect_becomes_writable)
{
	int port, listener;

	listener = tcp_listen(self->family, 4, &port);
	ASSERT_LE(0, listener);
	self->fd = any_socket(self->family, TYPE_STREAM, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, 0);
	ASSERT_EQ(0, kind_connect(self->family == FAM_INET6 ? KIND_TCP6 : KIND_TCP4,
				  self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_OUT, COMES));
	EXPECT_MASK(&self->look, EV_OUT);
	fd_close(listener);
}

/* The state between is "connecting": no packet may come from it. */
TEST_F(tcp, socket_registered_before_it_is_refused_is_error_and_hangup)
{
	int port = tcp_refused_port(self->family);

	ASSERT_LT(0, port);
	self->fd = any_socket(self->family, TYPE_STREAM, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, 0);
	ASSERT_EQ(0, kind_connect(self->family == FAM_INET6 ? KIND_TCP6 : KIND_TCP4,
				  self->fd, port));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP);
	if (self->look.way == LOOK_STAYS) {
		EXPECT_LT(0, sock_error(self->fd));
		EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP);
	}
}

/* Windows has no error queue: see also udp_states.c. */
TEST_F(tcp, message_in_the_error_queue_is_nothing)
{
	CONNECTED(EV_ALL);
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_EQ(0, tcp_timestamps(self->fd));
	ASSERT_EQ(1, sock_send(self->fd, "x", 1));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_MASK(&self->look, EV_OUT);
	EXPECT_EQ(0, sock_error(self->fd));
	EXPECT_MASK(&self->look, EV_OUT);
}

/* Who accepts it need not wait for a handshake that brought data already. */
TEST_F(tcp, data_of_fast_open_is_readable_before_the_handshake_is_done)
{
	int port, listener;
	char data[8];

	ASSERT_EQ(0, network_of_its_own());
	ASSERT_EQ(0, tcp_allow_fast_open());
	listener = tcp_listen(self->family, 4, &port);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, sock_fast_open(listener));
	self->peer = tcp_fast_open(self->family, port, "data", 4);
	ASSERT_LE(0, self->peer);
	self->fd = tcp_accept(listener);
	ASSERT_LE(0, self->fd);
	fd_close(listener);

	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_OUT);
	EXPECT_EQ(0, sock_sees(self->peer));

	ASSERT_EQ(0, sock_hears(self->peer));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_OUT, 2 * COMES));
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_EQ(2, sock_send(self->peer, "on", 2));
	ASSERT_TRUE(sock_queued(self->fd, 2, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_OUT);
}

/* An ICMP error that the connection lives on with, for those who ask for them. */
#define UNREACHABLE()							\
	do {								\
		ASSERT_EQ(0, ip_recverr(self->fd, self->family));	\
		ASSERT_EQ(0, tcp_unreachable(self->fd, self->family));	\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));	\
	} while (0)

TEST_F(tcp, icmp_error_holds_until_so_error_reads_it)
{
	CONNECTED(EV_ALL);
	EXPECT_MASK(&self->look, EV_OUT);
	UNREACHABLE();
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_MASK(&self->look, EV_OUT);
	/* And may come again. */
	UNREACHABLE();
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, icmp_error_holds_until_recv_reports_it)
{
	char data[8];

	CONNECTED(EV_ALL);
	UNREACHABLE();
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_queued(self->fd, 4, COMES));
	EXPECT_MASK(&self->look, EV_IN | EV_ERR | EV_OUT);
	/* The data come first. */
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
	EXPECT_GT(0, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_MASK(&self->look, EV_OUT);
}

TEST_F(tcp, icmp_error_does_not_hide_the_end)
{
	CONNECTED(EV_ALL);
	UNREACHABLE();
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(tcp, reset_behind_an_icmp_error_is_error_and_hangup)
{
	CONNECTED(EV_ALL);
	UNREACHABLE();
	EXPECT_MASK(&self->look, EV_ERR | EV_OUT);
	EXPECT_LT(0, sock_error(self->fd));
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR | SEE_HUP, COMES));
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_MASK(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
}

/* Each of them is an edge: none of them stays. */
TEST_F(tcp, icmp_error_is_an_edge_each_time)
{
	HANDLE port = port_open();
	int pair[2], i;
	char data[8];

	self->look.port = port;
	ASSERT_EQ(0, tcp_pair(self->family, pair, 0));
	self->fd = pair[0];
	self->peer = pair[1];
	EXPECT_EQ(0, enable(port, self->fd, 1, EV_ALL, T_EDGE));
	for (i = 0; i < 2; i++) {
		UNREACHABLE();
		EXPECT_PACKETS(port, { 1, EV_ERR });
		EXPECT_NOTHING(port);
		/* It is there still, but has not risen again. */
		ASSERT_EQ(4, sock_send(self->peer, "data", 4));
		EXPECT_PACKETS(port, { 1, EV_IN });
		ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
		EXPECT_LT(0, sock_error(self->fd));
	}
	ASSERT_EQ(0, sock_reset(self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_PACKETS(port, { 1, EV_ERR | EV_HANGUP });
}

/* Windows has no such socket; it is to be like a new one. */
#define CONNECT_AGAIN()							\
	do {								\
		int port, listener = tcp_listen(self->family, 4, &port);\
									\
		ASSERT_LE(0, listener);					\
		ASSERT_EQ(0, kind_connect(self->family == FAM_INET6 ?	\
					  KIND_TCP6 : KIND_TCP4,	\
					  self->fd, port));		\
		fd_close(self->peer);					\
		self->peer = tcp_accept(listener);			\
		ASSERT_LE(0, self->peer);				\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_OUT, COMES));	\
		fd_close(listener);					\
	} while (0)

TEST_F(tcp, second_connection_has_no_past)
{
	CONNECTED(EV_ALL);
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_EQ(0, tcp_disconnect(self->fd));
	CONNECT_AGAIN();
	EXPECT_MASK(&self->look, EV_OUT);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_MASK(&self->look, EV_HANGUP | EV_OUT);
}

/* A one-shot registration that has fired notes the end of the first one. */
TEST_F(tcp, second_connection_has_no_past_that_was_seen)
{
	HANDLE port = port_open();
	int pair[2];

	self->look.port = port;
	ASSERT_EQ(0, tcp_pair(self->family, pair, 0));
	self->fd = pair[0];
	self->peer = pair[1];
	EXPECT_EQ(0, enable(port, self->fd, 1, EV_ALL, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(port, { 1, EV_OUT });
	ASSERT_EQ(0, tcp_disconnect(self->fd));
	/* The error of the one that was cut off. */
	EXPECT_EQ(0, enable(port, self->fd, 1, EV_ALL, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(port, { 1, EV_ERR });
	CONNECT_AGAIN();
	EXPECT_EQ(0, enable(port, self->fd, 1, EV_ALL, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(port, { 1, EV_OUT });
}

TEST_HARNESS_MAIN
