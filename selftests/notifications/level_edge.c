// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * When a notification comes: level and edge, one-shot and persistent, enabled
 * and disabled, and what happens to a packet that is still in the queue.
 *
 * All on connected TCP sockets, where edges are exact, unless a test is named
 * for another kind.  Which masks the states of a socket give: the *_states.c.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x1234

FIXTURE(level_edge) {
	HANDLE port;
	/* The one that is registered, and its peer. */
	int fd;
	int peer;
};

FIXTURE_SETUP(level_edge)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(level_edge)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

/* Bytes sent by the peer, and there to be read when this returns. */
#define ARRIVE(bytes, queued)						\
	do {								\
		static const char data[64];				\
		ASSERT_EQ(bytes, sock_send(self->peer, data, bytes));	\
		ASSERT_TRUE(sock_queued(self->fd, queued, COMES));	\
	} while (0)

#define READ(bytes)							\
	do {								\
		char data[64];						\
		ASSERT_EQ(bytes, sock_recv(self->fd, data, bytes));	\
	} while (0)

/* spec 14.1 */
TEST_F(level_edge, level_oneshot_reports_data_that_is_there_already)
{
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, level_reports_data_that_comes_later)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_NOTHING(self->port);
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

/* spec 14.2 */
TEST_F(level_edge, edge_ignores_data_that_is_there_already)
{
	UINT8 persistence[] = { 0, T_PERSISTENT, T_ONESHOT };
	size_t i;

	ARRIVE(3, 3);
	for (i = 0; i < ARRAY_SIZE(persistence); i++) {
		EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL,
				    T_EDGE | persistence[i]));
		EXPECT_NOTHING(self->port);
	}
}

TEST_F(level_edge, edge_reports_a_rise)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_NOTHING(self->port);
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_reports_what_rose_and_not_what_held)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

/* spec 14.3 */
TEST_F(level_edge, edge_reports_two_arrivals_without_a_read_once)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(1, 1);
	ARRIVE(1, 2);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

/* spec 14.3 */
TEST_F(level_edge, edge_reports_an_arrival_after_the_harvest_only_when_drained)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	ARRIVE(1, 2);
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 3);
	EXPECT_NOTHING(self->port);
}

/* spec 14.4 */
TEST_F(level_edge, edge_ignores_data_before_drain)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(8, 8);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });

	READ(5);
	ARRIVE(1, 4);
	EXPECT_NOTHING(self->port);

	READ(4);
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_is_not_reset_by_a_peek)
{
	char data[8];

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	ASSERT_EQ(3, sock_peek(self->fd, data, sizeof(data)));
	ARRIVE(1, 4);
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_reports_each_of_many_rises_exactly_once)
{
	int i;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	for (i = 0; i < 50; i++) {
		ARRIVE(2, 2);
		ASSERT_PACKETS(self->port, { KEY, EV_IN });
		READ(1);
		ARRIVE(1, 2);
		EXPECT_NOTHING_NOW(self->port);
		READ(2);
	}
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_reports_data_behind_an_out_of_band_byte)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ASSERT_EQ(1, sock_send_oob(self->peer, '!'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_PRI, COMES));
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_comes_when_the_low_water_mark_is_reached)
{
	ASSERT_EQ(0, sock_lowat(self->fd, 4));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(3, 3);
	EXPECT_NOTHING(self->port);
	ARRIVE(3, 6);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	READ(1);
	ARRIVE(1, 6);
	EXPECT_NOTHING(self->port);
	READ(5);
	ARRIVE(3, 4);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, bit_added_to_an_edge_filter_has_no_edge_if_it_holds)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_HANGUP, T_EDGE));
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);
	READ(3);
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_of_data_that_was_read_before_the_harvest_is_dropped)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(3, 3);
	READ(3);
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, two_edges_before_a_harvest_are_one_packet)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(3, 3);
	READ(3);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

/* spec 14.5 */
TEST_F(level_edge, level_persistent_reports_until_drained)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_PERSISTENT));
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	READ(1);
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	READ(2);
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(level_edge, level_packet_in_the_queue_is_never_stale)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	ARRIVE(3, 3);
	READ(3);
	EXPECT_NOTHING(self->port);

	/* Nothing was delivered, so the one shot is still to come. */
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, level_packet_says_what_holds_when_it_is_harvested)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL,
			    T_LEVEL | T_ONESHOT));
	ARRIVE(3, 3);
	READ(3);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_NOTHING(self->port);
}

/* spec 14.6 */
TEST_F(level_edge, oneshot_is_shared_by_all_directions)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	ARRIVE(3, 3);
	EXPECT_NOTHING(self->port);

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, oneshot_is_disabled_and_not_removed)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, self->fd));
}

TEST_F(level_edge, level_oneshot_fires_at_once_when_armed_again)
{
	int i;

	ARRIVE(3, 3);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
				    T_LEVEL | T_ONESHOT));
		EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
		EXPECT_NOTHING_NOW(self->port);
	}
	READ(3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, level_oneshot_fires_in_the_call_that_arms_it)
{
	SOCK_NOTIFY_REGISTRATION reg;
	int i;

	ARRIVE(3, 3);
	for (i = 0; i < 3; i++) {
		reg = entry(self->fd, KEY, EV_IN, OP_ENABLE, T_LEVEL | T_ONESHOT);
		EXPECT_CALL(self->port, &reg, 1, 0, { KEY, EV_IN });
		EXPECT_EQ(0, reg.registrationResult);
	}
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_oneshot_waits_for_a_rise_when_armed_again)
{
	UINT8 trigger = T_EDGE | T_ONESHOT;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, trigger));
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });

	/* Fired: a rise goes by unseen. */
	READ(3);
	ARRIVE(1, 1);
	EXPECT_NOTHING(self->port);

	/* Armed while the condition holds: not a rise. */
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, trigger));
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 2);
	EXPECT_NOTHING(self->port);

	READ(2);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

/* spec 14.7 */
TEST_F(level_edge, enable_changes_the_filter_of_a_live_registration)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT,
			    T_LEVEL | T_PERSISTENT));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_PERSISTENT));
	EXPECT_NOTHING(self->port);
	ARRIVE(3, 3);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT,
			    T_LEVEL | T_PERSISTENT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_HANGUP,
			    T_LEVEL | T_PERSISTENT));
	EXPECT_NOTHING(self->port);
}

/* spec 14.7 */
TEST_F(level_edge, enable_changes_the_trigger_of_a_live_registration)
{
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_EDGE | T_PERSISTENT));
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_PERSISTENT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_EDGE | T_ONESHOT));
	EXPECT_NOTHING(self->port);
	READ(3);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, narrowed_filter_holds_for_a_packet_in_the_queue)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL,
			    T_LEVEL | T_PERSISTENT));
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_PERSISTENT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(level_edge, level_alone_means_persistent)
{
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
}

TEST_F(level_edge, edge_alone_means_persistent)
{
	int i;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	for (i = 0; i < 3; i++) {
		ARRIVE(3, 3);
		EXPECT_PACKETS(self->port, { KEY, EV_IN });
		READ(3);
	}
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, disabled_level_is_silent_and_looks_when_enabled)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	EXPECT_EQ(0, disable(self->port, self->fd));
	ARRIVE(3, 3);
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(level_edge, disabled_edge_forgets_what_rose)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_EQ(0, disable(self->port, self->fd));
	ARRIVE(3, 3);
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 4);
	EXPECT_NOTHING(self->port);
	READ(4);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_that_was_in_the_queue_is_forgotten_by_disable)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	ARRIVE(3, 3);
	EXPECT_EQ(0, disable(self->port, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_that_rose_and_was_drained_while_disabled_is_armed)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_EQ(0, disable(self->port, self->fd));
	ARRIVE(3, 3);
	READ(3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_NOTHING(self->port);
	ARRIVE(1, 1);
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(level_edge, disable_takes_a_level_packet_out_of_the_queue)
{
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_LEVEL));
	EXPECT_EQ(0, disable(self->port, self->fd));
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, event_none_is_accepted_and_silent)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_NONE, T_LEVEL));
	ARRIVE(3, 3);
	EXPECT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
}

TEST_F(level_edge, event_none_still_reports_an_error)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_NONE,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(0, sock_reset(self->peer));
	EXPECT_PACKETS(self->port, { KEY, EV_ERR });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, events_of_one_socket_are_merged_while_queued)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP,
			    T_EDGE));
	ARRIVE(3, 3);
	EXPECT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, enabling_twice_gives_one_packet)
{
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, enabling_again_does_not_lose_an_edge_in_the_queue)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ARRIVE(3, 3);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_reports_the_end_of_a_stream_once)
{
	char c;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_NOTHING(self->port);
}

TEST_F(level_edge, edge_reports_a_reset_once)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_EQ(0, sock_reset(self->peer));
	EXPECT_PACKETS(self->port, { KEY, EV_ERR | EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST(edge_reports_room_in_the_send_buffer_once)
{
	HANDLE port = port_open();
	int fd[2];

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 8192));
	EXPECT_EQ(0, enable(port, fd[0], KEY, EV_OUT, T_EDGE));
	EXPECT_NOTHING(port);
	ASSERT_LT(0, sock_fill(fd[0]));
	EXPECT_NOTHING(port);
	ASSERT_LT(0, sock_drain_until(fd[1], fd[0], SEE_OUT));
	EXPECT_PACKETS(port, { KEY, EV_OUT });
	EXPECT_NOTHING(port);
}

TEST(edge_reports_that_a_connection_is_made)
{
	struct sockaddr_in addr = { .sin_family = FAM_INET };
	HANDLE port = port_open();
	int tcp, listener;
	SOCKET s;

	ASSERT_NE(NULL, port);
	listener = tcp_listen(FAM_INET, 4, &tcp);
	ASSERT_LE(0, listener);
	s = (SOCKET)any_socket(FAM_INET, TYPE_STREAM, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(0, enable(port, (int)s, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(port);

	addr.sin_port = htons(tcp);
	addr.sin_addr.s_addr = htonl(0x7f000001);
	if (connect(s, (struct sockaddr *)&addr, sizeof(addr))) {
		ASSERT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
	}
	EXPECT_PACKETS(port, { KEY, EV_OUT });
	EXPECT_NOTHING(port);
}

FIXTURE(datagram_edge) {
	HANDLE port;
	int fd[2];
};

FIXTURE_VARIANT(datagram_edge) {
	int family;
};

FIXTURE_VARIANT_ADD(datagram_edge, udp4) { .family = FAM_INET, };
FIXTURE_VARIANT_ADD(datagram_edge, udp6) { .family = FAM_INET6, };
FIXTURE_VARIANT_ADD(datagram_edge, unix_dgram) { .family = FAM_UNIX, };

FIXTURE_SETUP(datagram_edge)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	if (variant->family == FAM_UNIX) {
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, self->fd));
	} else {
		ASSERT_EQ(0, udp_pair(variant->family, self->fd));
	}
}

FIXTURE_TEARDOWN(datagram_edge)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

/* spec 14.2 */
TEST_F(datagram_edge, edge_ignores_a_datagram_that_is_there_already)
{
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL,
			    T_EDGE | T_ONESHOT));
	EXPECT_NOTHING(self->port);
}

/*
 * More than one packet for a rise is allowed here (a further datagram may give
 * one), fewer are not, and there is none without a datagram.
 */
TEST_F(datagram_edge, edge_never_loses_a_rise)
{
	char c;
	int i;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_EDGE));
	EXPECT_NOTHING(self->port);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		ASSERT_PACKETS(self->port, { KEY, EV_IN });
		ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
		ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
		EXPECT_NOTHING_NOW(self->port);
	}
	EXPECT_NOTHING(self->port);
}

/* spec 14.5 */
TEST_F(datagram_edge, level_persistent_reports_until_drained)
{
	char c;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_EQ(1, sock_send(self->fd[1], "y", 1));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	EXPECT_NOTHING(self->port);
}

TEST_HARNESS_MAIN
