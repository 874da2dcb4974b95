// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Where AF_VSOCK differs from other streams, under LEVEL and under EDGE.  What it
 * has in common with them: stream_states.c.
 */
#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/look.h"

FIXTURE(vsock) {
	struct look look;
	const char *missing;
	int fd;
	int peer;
};

FIXTURE_VARIANT(vsock) {
	enum kind kind;
	enum way way;
};

FIXTURE_VARIANT_ADD(vsock, stream_anew) { KIND_VSOCK, LOOK_ANEW };
FIXTURE_VARIANT_ADD(vsock, stream_stays) { KIND_VSOCK, LOOK_STAYS };
FIXTURE_VARIANT_ADD(vsock, stream_edge) { KIND_VSOCK, LOOK_EDGE };
FIXTURE_VARIANT_ADD(vsock, seqpacket_anew) { KIND_VSOCK_SEQPACKET, LOOK_ANEW };
FIXTURE_VARIANT_ADD(vsock, seqpacket_stays) { KIND_VSOCK_SEQPACKET, LOOK_STAYS };
FIXTURE_VARIANT_ADD(vsock, seqpacket_edge) { KIND_VSOCK_SEQPACKET, LOOK_EDGE };

FIXTURE_SETUP(vsock)
{
	int pair[2];

	self->missing = kind_missing(variant->kind);
	if (self->missing)
		return;
	self->look.way = variant->way;
	/* Each packet of the peer's says how much room it has. */
	self->look.loose = EV_OUT;
	ASSERT_EQ(0, kind_pair(variant->kind, pair, 0));
	self->fd = pair[0];
	self->peer = pair[1];
}

FIXTURE_TEARDOWN(vsock)
{
	if (self->missing)
		return;
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->look.port));
}

#define BEGIN(filter)							\
	do {								\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));\
	} while (0)

/* recv() says "end" from then on, whatever waits. */
TEST_F(vsock, local_shutdown_of_receiving_hides_what_was_not_read)
{
	char c;

	BEGIN(EV_ALL);
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'r'));
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, EV_OUT);
}

TEST_F(vsock, local_shutdown_of_both_makes_the_peer_end_the_stream)
{
	BEGIN(EV_ALL);
	ASSERT_EQ(0, sock_shutdown(self->fd, 'b'));
	ASSERT_TRUE(sock_becomes(self->peer, SEE_RDHUP, COMES));
	sleep_ms(COMES_NOT);
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP);
}

/* A sender that ran out of room leaves the first part of a message behind. */
TEST_F(vsock, part_of_a_message_is_nothing)
{
	static char message[200000];
	int is_message = variant->kind == KIND_VSOCK_SEQPACKET;

	BEGIN(EV_ALL);
	ASSERT_EQ(sizeof(message), sock_send(self->peer, message, sizeof(message)));
	sock_send(self->peer, message, sizeof(message));
	sleep_ms(COMES_NOT);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_LT(0, sock_recv(self->fd, message, sizeof(message)));
	ASSERT_TRUE(sock_sees(self->fd) & SEE_IN);
	EXPECT_STILL(&self->look, is_message ? EV_OUT : EV_IN | EV_OUT);
}

TEST_HARNESS_MAIN
