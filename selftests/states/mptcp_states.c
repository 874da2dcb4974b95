// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * MPTCP where only one side speaks it: the kernel falls back to TCP, and the
 * states mean the same, under LEVEL and under EDGE.  What MPTCP has in common with
 * every stream: stream_states.c.
 */
#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/look.h"
#include "lib/task.h"

FIXTURE(mptcp) {
	struct look look;
	const char *missing;
	int fd;
	int peer;
};

FIXTURE_VARIANT(mptcp) {
	enum kind mptcp;
	enum kind tcp;
	enum way way;
};

FIXTURE_VARIANT_ADD(mptcp, v4_anew) { KIND_MPTCP4, KIND_TCP4, LOOK_ANEW };
FIXTURE_VARIANT_ADD(mptcp, v4_stays) { KIND_MPTCP4, KIND_TCP4, LOOK_STAYS };
FIXTURE_VARIANT_ADD(mptcp, v4_edge) { KIND_MPTCP4, KIND_TCP4, LOOK_EDGE };
FIXTURE_VARIANT_ADD(mptcp, v6_anew) { KIND_MPTCP6, KIND_TCP6, LOOK_ANEW };
FIXTURE_VARIANT_ADD(mptcp, v6_stays) { KIND_MPTCP6, KIND_TCP6, LOOK_STAYS };
FIXTURE_VARIANT_ADD(mptcp, v6_edge) { KIND_MPTCP6, KIND_TCP6, LOOK_EDGE };

FIXTURE_SETUP(mptcp)
{
	self->missing = kind_missing(variant->mptcp);
	self->look.way = variant->way;
	self->fd = -1;
	self->peer = -1;
}

FIXTURE_TEARDOWN(mptcp)
{
	if (self->missing)
		return;
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->look.port));
}

/* One end connects, the other one listens; which of them is looked at. */
#define CONNECT(connecting, connecting_kind, accepted, listening_kind)	\
	do {								\
		int port, listener;					\
									\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
		listener = kind_listen(listening_kind, &port, 0);	\
		ASSERT_LE(0, listener);					\
		connecting = kind_socket(connecting_kind);		\
		ASSERT_LE(0, connecting);				\
		ASSERT_EQ(0, kind_connect(connecting_kind, connecting,	\
					  port));			\
		accepted = tcp_accept(listener);			\
		ASSERT_LE(0, accepted);					\
		fd_close(listener);					\
		ASSERT_TRUE(sock_becomes(connecting, SEE_OUT, COMES));	\
	} while (0)

#define TO_A_TCP_SERVER()						\
	CONNECT(self->fd, variant->mptcp, self->peer, variant->tcp)
#define FROM_A_TCP_CLIENT()						\
	CONNECT(self->peer, variant->tcp, self->fd, variant->mptcp)

#define EXPECT_DATA_AND_END()						\
	do {								\
		char data[8];						\
									\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));\
		EXPECT_STATE(&self->look, EV_OUT, 0);			\
		ASSERT_EQ(4, sock_send(self->peer, "data", 4));		\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));	\
		EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);	\
		ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));		\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));	\
		EXPECT_STATE(&self->look, EV_IN | EV_OUT | EV_HANGUP,	\
			     EV_HANGUP);				\
		ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));	\
		EXPECT_STILL(&self->look, EV_OUT | EV_HANGUP);		\
		ASSERT_EQ(0, sock_recv(self->fd, data, sizeof(data)));	\
		EXPECT_STILL(&self->look, EV_OUT | EV_HANGUP);		\
	} while (0)

TEST_F(mptcp, connection_to_a_tcp_server_is_a_stream)
{
	TO_A_TCP_SERVER();
	EXPECT_DATA_AND_END();
}

TEST_F(mptcp, connection_from_a_tcp_client_is_a_stream)
{
	FROM_A_TCP_CLIENT();
	EXPECT_DATA_AND_END();
}

#define EXPECT_RESET()							\
	do {								\
		DWORD broken = EV_ERR | EV_HANGUP;			\
									\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));\
		EXPECT_STATE(&self->look, EV_OUT, 0);			\
		ASSERT_EQ(0, sock_reset(self->peer));			\
		self->peer = -1;					\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));	\
		EXPECT_STATE(&self->look, broken | EV_OUT, broken);	\
		EXPECT_STILL(&self->look, broken | EV_OUT);		\
	} while (0)

TEST_F(mptcp, reset_by_a_tcp_server_is_error_and_hangup)
{
	TO_A_TCP_SERVER();
	EXPECT_RESET();
}

TEST_F(mptcp, reset_by_a_tcp_client_is_error_and_hangup)
{
	FROM_A_TCP_CLIENT();
	EXPECT_RESET();
}

/* What comes without a word of MPTCP is accepted as TCP, Fast Open's too. */
TEST_F(mptcp, data_of_fast_open_is_readable_before_the_handshake_is_done)
{
	int family = variant->tcp == KIND_TCP4 ? FAM_INET : FAM_INET6;
	int port, listener;
	char data[8];

	if (self->missing)
		SKIP(return, "%s", self->missing);
	ASSERT_EQ(0, network_of_its_own());
	ASSERT_EQ(0, tcp_allow_fast_open());
	listener = kind_listen(variant->mptcp, &port, 0);
	ASSERT_LE(0, listener);
	if (sock_fast_open(listener)) {
		self->missing = "MPTCP has no Fast Open before Linux 6.2";
		SKIP(return, "%s", self->missing);
	}
	self->peer = tcp_fast_open(family, port, "data", 4);
	ASSERT_LE(0, self->peer);
	self->fd = tcp_accept(listener);
	ASSERT_LE(0, self->fd);
	fd_close(listener);

	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, 0);
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	EXPECT_EQ(0, sock_sees(self->peer));
	ASSERT_EQ(0, sock_hears(self->peer));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_OUT, 2 * COMES));
	ASSERT_EQ(2, sock_send(self->peer, "on", 2));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
}

/* No difference is left between this and a connection that was given up. */
TEST_F(mptcp, failed_connection_is_broken_once_the_error_was_read)
{
	int port;

	if (self->missing)
		SKIP(return, "%s", self->missing);
	port = kind_refused_port(variant->mptcp);
	ASSERT_LT(0, port);
	self->fd = kind_socket(variant->mptcp);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	ASSERT_EQ(0, kind_connect(variant->mptcp, self->fd, port));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	EXPECT_STATE(&self->look, EV_ERR | EV_HANGUP, EV_ERR | EV_HANGUP);
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_STILL(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
}

TEST_HARNESS_MAIN
