// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A stream means the same whatever carries it: the rows of the table that all
 * kinds have, for each kind, under LEVEL and under EDGE.  Where a kind differs
 * the test says so.  More of TCP is in tcp_states.c; what only one kind has,
 * in the file named for it.
 */
#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/look.h"

/* What comes in brings news of room, which is no edge but may be reported as one. */
static UINT16 loose_bits(enum kind kind)
{
	switch (kind) {
	case KIND_MPTCP4:
	case KIND_MPTCP6:
	case KIND_VSOCK:
	case KIND_VSOCK_SEQPACKET:
		return EV_OUT;
	default:
		return 0;
	}
}

static int is_vsock(enum kind kind)
{
	return kind == KIND_VSOCK || kind == KIND_VSOCK_SEQPACKET;
}

#define KINDS_WITHOUT_TLS(fixture)					\
	WAY(fixture, tcp4, KIND_TCP4, edge, LOOK_EDGE)			\
	WAY(fixture, tcp6, KIND_TCP6, edge, LOOK_EDGE)			\
	WAYS(fixture, mptcp4, KIND_MPTCP4)				\
	WAYS(fixture, mptcp6, KIND_MPTCP6)				\
	WAYS(fixture, local, KIND_UNIX)					\
	WAYS(fixture, vsock, KIND_VSOCK)				\
	WAYS(fixture, seqpacket, KIND_VSOCK_SEQPACKET)

#define WAYS(fixture, name, kind)					\
	WAY(fixture, name, kind, anew, LOOK_ANEW)			\
	WAY(fixture, name, kind, stays, LOOK_STAYS)			\
	WAY(fixture, name, kind, edge, LOOK_EDGE)

#define WAY(fixture, name, kind, way_name, way)				\
	FIXTURE_VARIANT_ADD(fixture, name##_##way_name) { kind, way };

#define NEEDS_KIND()							\
	do {								\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
	} while (0)

/* Before it is connected: TLS comes later. */
FIXTURE(unconnected) {
	struct look look;
	const char *missing;
	int fd;
	int peer;
};

FIXTURE_VARIANT(unconnected) {
	enum kind kind;
	enum way way;
};

KINDS_WITHOUT_TLS(unconnected)

FIXTURE_SETUP(unconnected)
{
	self->missing = kind_missing(variant->kind);
	self->look.way = variant->way;
	self->look.loose = 0;
	self->fd = kind_socket(variant->kind);
	self->peer = -1;
}

FIXTURE_TEARDOWN(unconnected)
{
	fd_close(self->fd);
	fd_close(self->peer);
	if (self->look.port)
		EXPECT_TRUE(CloseHandle(self->look.port));
}

TEST_F(unconnected, fresh_socket_is_nothing)
{
	NEEDS_KIND();
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, 0, 0);
}

TEST_F(unconnected, shutdown_of_a_fresh_socket_is_nothing)
{
	NEEDS_KIND();
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	sock_shutdown(self->fd, 'b');
	EXPECT_STATE(&self->look, 0, 0);
}

/* AF_UNIX says it in connect(), and the socket is as it was. */
TEST_F(unconnected, refused_connection_is_error_and_hangup)
{
	DWORD mask = variant->kind == KIND_UNIX ? 0 : EV_ERR | EV_HANGUP;
	int port = kind_refused_port(variant->kind);

	NEEDS_KIND();
	ASSERT_LT(0, port);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, 0, 0);
	ASSERT_EQ(0, kind_connect(variant->kind, self->fd, port));
	if (mask) {
		ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	}
	EXPECT_STATE(&self->look, mask, mask);
	EXPECT_STILL(&self->look, mask);
}

TEST_F(unconnected, refused_connection_is_an_error_whatever_the_filter)
{
	DWORD mask = variant->kind == KIND_UNIX ? 0 : EV_ERR;
	int port = kind_refused_port(variant->kind);

	NEEDS_KIND();
	ASSERT_LT(0, port);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_NONE));
	ASSERT_EQ(0, kind_connect(variant->kind, self->fd, port));
	if (mask) {
		ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	}
	EXPECT_STATE(&self->look, mask, mask);
}

/* AF_UNIX: connect() has made it when it returns, and wakes nobody. */
TEST_F(unconnected, connection_that_is_made_becomes_writable)
{
	int is_unix = variant->kind == KIND_UNIX;
	int port, listener;

	NEEDS_KIND();
	listener = kind_listen(variant->kind, &port, 0);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, 0, 0);
	ASSERT_EQ(0, kind_connect(variant->kind, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_OUT, COMES));
	if (is_unix && variant->way != LOOK_ANEW) {
		EXPECT_NOTHING(self->look.port);
		ASSERT_EQ(4, sock_send(self->peer, "data", 4));
		EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN | EV_OUT);
	} else {
		EXPECT_STATE(&self->look, EV_OUT, EV_OUT);
	}
	fd_close(listener);
}

TEST_F(unconnected, listener_is_readable_while_a_connection_is_pending)
{
	int i, port, child;

	NEEDS_KIND();
	fd_close(self->fd);
	self->fd = kind_listen(variant->kind, &port, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, 0, 0);
	for (i = 0; i < 2; i++) {
		fd_close(self->peer);
		self->peer = kind_socket(variant->kind);
		ASSERT_LE(0, self->peer);
		ASSERT_EQ(0, kind_connect(variant->kind, self->peer, port));
		ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
		EXPECT_STATE(&self->look, EV_IN, EV_IN);
		EXPECT_STILL(&self->look, EV_IN);
		child = tcp_accept(self->fd);
		ASSERT_LE(0, child);
		EXPECT_STILL(&self->look, 0);
		fd_close(child);
	}
}

TEST_F(unconnected, accepted_connection_is_a_stream_like_any)
{
	int pair[2];

	NEEDS_KIND();
	fd_close(self->fd);
	ASSERT_EQ(0, kind_pair(variant->kind, pair, 0));
	self->fd = pair[1];
	self->peer = pair[0];
	self->look.loose = loose_bits(variant->kind);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT | EV_HANGUP, EV_HANGUP);
}

FIXTURE(stream) {
	struct look look;
	const char *missing;
	/* The one that is looked at, and its peer. */
	int fd;
	int peer;
};

FIXTURE_VARIANT(stream) {
	enum kind kind;
	enum way way;
};

KINDS_WITHOUT_TLS(stream)
WAYS(stream, tls4, KIND_TLS4)
WAYS(stream, tls6, KIND_TLS6)

FIXTURE_SETUP(stream)
{
	self->missing = kind_missing(variant->kind);
	self->look.way = variant->way;
	self->look.loose = loose_bits(variant->kind);
	self->fd = -1;
	self->peer = -1;
}

FIXTURE_TEARDOWN(stream)
{
	fd_close(self->fd);
	fd_close(self->peer);
	if (self->look.port)
		EXPECT_TRUE(CloseHandle(self->look.port));
}

#define CONNECTED_WITH(filter, bufsize)					\
	do {								\
		int pair[2];						\
									\
		ASSERT_EQ(0, kind_pair(variant->kind, pair, bufsize));	\
		self->fd = pair[0];					\
		self->peer = pair[1];					\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));\
	} while (0)

#define CONNECTED(filter)	CONNECTED_WITH(filter, 0)

/* Small ones fill soon, but a TLS record must fit. */
static int small_buffer(enum kind kind)
{
	switch (kind) {
	case KIND_VSOCK:
	case KIND_VSOCK_SEQPACKET:
		return 0;
	case KIND_TLS4:
	case KIND_TLS6:
		return 262144;
	default:
		return 32768;
	}
}

/* Before that MPTCP does not trust a connection enough to reset all of it. */
#define CARRIES_DATA()							\
	do {								\
		char data[8];						\
									\
		ASSERT_EQ(4, sock_send(self->fd, "data", 4));		\
		ASSERT_TRUE(sock_becomes(self->peer, SEE_IN, COMES));	\
		ASSERT_EQ(4, sock_recv(self->peer, data, sizeof(data)));\
	} while (0)

#define RESET_BY_PEER()							\
	do {								\
		ASSERT_EQ(0, kind_reset(variant->kind, self->peer));			\
		self->peer = -1;					\
	} while (0)

TEST_F(stream, idle_connection_is_writable)
{
	NEEDS_KIND();
	CONNECTED(EV_ALL);
	EXPECT_STATE(&self->look, EV_OUT, 0);
	EXPECT_STILL(&self->look, EV_OUT);
}

/* A message comes as a whole; MPTCP may report as an edge what a read left. */
static int may_be_read_in_parts(enum kind kind, enum way way)
{
	switch (kind) {
	case KIND_VSOCK_SEQPACKET:
		return 0;
	case KIND_MPTCP4:
	case KIND_MPTCP6:
		return way != LOOK_EDGE;
	default:
		return 1;
	}
}

TEST_F(stream, data_is_readable_until_drained)
{
	char data[8];

	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
	if (!may_be_read_in_parts(variant->kind, variant->way)) {
		ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	} else {
		ASSERT_EQ(3, sock_recv(self->fd, data, 3));
		EXPECT_STILL(&self->look, EV_IN | EV_OUT);
		ASSERT_EQ(1, sock_recv(self->fd, data, sizeof(data)));
	}
	EXPECT_STILL(&self->look, EV_OUT);
	ASSERT_EQ(2, sock_send(self->peer, "on", 2));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
}

TEST_F(stream, end_is_hangup_and_not_readable)
{
	char c;

	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP);
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(stream, end_does_not_wake_who_asked_for_in)
{
	NEEDS_KIND();
	CONNECTED(EV_IN);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, 0, 0);
}

TEST_F(stream, end_behind_data_is_both)
{
	char data[8];

	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN | SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_HANGUP | EV_OUT, EV_IN | EV_HANGUP);
	if (may_be_read_in_parts(variant->kind, variant->way)) {
		ASSERT_EQ(2, sock_recv(self->fd, data, 2));
		EXPECT_STILL(&self->look, EV_IN | EV_HANGUP | EV_OUT);
	}
	ASSERT_LT(0, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(stream, close_by_the_peer_is_hangup_and_not_readable)
{
	char c;

	NEEDS_KIND();
	CONNECTED(EV_ALL);
	CLOSE_PEER();
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP);
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(stream, close_by_the_peer_behind_data_is_both)
{
	char data[8];

	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	CLOSE_PEER();
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN | SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_HANGUP | EV_OUT, EV_IN | EV_HANGUP);
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

/* AF_UNIX calls it a reset; a vsock peer just ends. */
TEST_F(stream, close_by_the_peer_with_our_data_unread_is_an_error)
{
	DWORD error = is_vsock(variant->kind) ? 0 : EV_ERR;

	NEEDS_KIND();
	/* What the peer throws away leaves room. */
	self->look.loose = EV_OUT;
	CONNECTED(EV_ALL);
	ASSERT_EQ(4, sock_send(self->fd, "data", 4));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_IN, COMES));
	CLOSE_PEER();
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP | (error ? SEE_ERR : 0), COMES));
	EXPECT_STATE(&self->look, error | EV_HANGUP | EV_OUT, error | EV_HANGUP);
	EXPECT_STILL(&self->look, error | EV_HANGUP | EV_OUT);
}

TEST_F(stream, half_closed_stream_still_carries_data_the_other_way)
{
	char data[8];

	NEEDS_KIND();
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_HANGUP, EV_HANGUP);
	ASSERT_EQ(4, sock_send(self->fd, "data", 4));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_IN, COMES));
	ASSERT_EQ(4, sock_recv(self->peer, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_HANGUP);
}

TEST_F(stream, both_ends_shut_down_is_hangup)
{
	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP);
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(stream, shutdown_of_receiving_by_the_peer_is_nothing)
{
	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'r'));
	sleep_ms(COMES_NOT);
	EXPECT_STATE(&self->look, EV_OUT, 0);
}

/* AF_UNIX and vsock have no reset: the peer has ended. */
TEST_F(stream, reset_is_error_and_hangup)
{
	DWORD error = is_vsock(variant->kind) || variant->kind == KIND_UNIX ?
		0 : EV_ERR;
	char c;

	NEEDS_KIND();
	/* What the peer has read leaves room. */
	self->look.loose = EV_OUT;
	CONNECTED(EV_ALL);
	CARRIES_DATA();
	RESET_BY_PEER();
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP | (error ? SEE_ERR : 0), COMES));
	EXPECT_STATE(&self->look, error | EV_HANGUP | EV_OUT, error | EV_HANGUP);
	EXPECT_STILL(&self->look, error | EV_HANGUP | EV_OUT);
	/* A registration remembers an error that it has seen. */
	if (variant->way != LOOK_ANEW) {
		EXPECT_GE(0, sock_recv(self->fd, &c, 1));
		EXPECT_EQ(0, sock_error(self->fd));
		EXPECT_STILL(&self->look, error | EV_HANGUP | EV_OUT);
	}
}

TEST_F(stream, reset_is_error_whatever_the_filter)
{
	DWORD error = is_vsock(variant->kind) || variant->kind == KIND_UNIX ?
		0 : EV_ERR;

	NEEDS_KIND();
	CONNECTED(EV_NONE);
	CARRIES_DATA();
	RESET_BY_PEER();
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP | (error ? SEE_ERR : 0), COMES));
	EXPECT_STATE(&self->look, error, error);
}

TEST_F(stream, full_stream_is_not_writable_until_the_peer_reads)
{
	int i;

	NEEDS_KIND();
	self->look.loose = 0;
	CONNECTED_WITH(EV_OUT, small_buffer(variant->kind));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_LT(0, sock_fill(self->fd));
	/* What was sent while it was being filled may have made room meanwhile. */
	for (i = 0; i < 50; i++) {
		if (!*packets_differ(self->look.port, COMES_NOT, NULL, 0) &&
		    !sock_becomes(self->fd, SEE_OUT, 0))
			break;
		ASSERT_LE(0, sock_fill(self->fd));
	}
	EXPECT_STATE(&self->look, 0, 0);
	EXPECT_STILL(&self->look, 0);
	ASSERT_LT(0, sock_drain_until(self->peer, self->fd, SEE_OUT));
	EXPECT_STATE(&self->look, EV_OUT, EV_OUT);
}

TEST_F(stream, full_stream_is_still_readable)
{
	NEEDS_KIND();
	CONNECTED_WITH(EV_IN, small_buffer(variant->kind));
	ASSERT_LT(0, sock_fill(self->fd));
	EXPECT_STATE(&self->look, 0, 0);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN, EV_IN);
}

TEST_F(stream, local_shutdown_of_sending_is_nothing)
{
	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
}

/*
 * spec 3.23
 * AF_UNIX keeps the same state for it as for the end that the peer made.
 */
TEST_F(stream, local_shutdown_of_receiving_is_nothing)
{
	DWORD hangup = variant->kind == KIND_UNIX ? EV_HANGUP : 0;

	NEEDS_KIND();
	CONNECTED(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'r'));
	EXPECT_STATE(&self->look, hangup | EV_OUT, hangup);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	sleep_ms(COMES_NOT);
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP & ~hangup);
}

/* A vsock peer answers it by ending the connection. */
TEST_F(stream, local_shutdown_of_both_is_nothing)
{
	DWORD hangup = variant->kind == KIND_UNIX || is_vsock(variant->kind) ?
		EV_HANGUP : 0;

	NEEDS_KIND();
	CONNECTED(EV_IN | EV_HANGUP);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'b'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	sleep_ms(COMES_NOT);
	EXPECT_STATE(&self->look, hangup, hangup);
}

TEST_HARNESS_MAIN
