// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What "something to read" means where the kernel does TLS: a whole record that
 * recv() can take something from, under LEVEL and under EDGE.  What TLS has in
 * common with every stream: stream_states.c.
 *
 * The peer is a plain TCP socket, so that it can send records as it likes.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "lib/kinds.h"
#include "lib/look.h"

FIXTURE(tls) {
	struct look look;
	const char *missing;
	int fd;
	int peer;
	/* A record with "data" in it. */
	char record[128];
	int len;
};

FIXTURE_VARIANT(tls) {
	int family;
	enum way way;
};

FIXTURE_VARIANT_ADD(tls, v4_anew) { FAM_INET, LOOK_ANEW };
FIXTURE_VARIANT_ADD(tls, v4_stays) { FAM_INET, LOOK_STAYS };
FIXTURE_VARIANT_ADD(tls, v4_edge) { FAM_INET, LOOK_EDGE };
FIXTURE_VARIANT_ADD(tls, v6_anew) { FAM_INET6, LOOK_ANEW };
FIXTURE_VARIANT_ADD(tls, v6_stays) { FAM_INET6, LOOK_STAYS };
FIXTURE_VARIANT_ADD(tls, v6_edge) { FAM_INET6, LOOK_EDGE };

FIXTURE_SETUP(tls)
{
	int pair[2];

	self->look.way = variant->way;
	self->missing = kind_missing(KIND_TLS4);
	if (self->missing)
		return;
	ASSERT_EQ(0, tcp_pair(variant->family, pair, 0));
	self->fd = pair[0];
	self->peer = pair[1];
	self->len = tls_record(0, TLS_DATA, "data", 4, self->record,
			       sizeof(self->record));
	ASSERT_LT(4, self->len);
}

FIXTURE_TEARDOWN(tls)
{
	if (self->missing)
		return;
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->look.port));
}

#define NEEDS_TLS()							\
	do {								\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
	} while (0)

#define BEGIN(filter)							\
	do {								\
		NEEDS_TLS();						\
		ASSERT_EQ(0, tls_receive(self->fd));			\
		ASSERT_EQ(0, look_begin(&self->look, self->fd, filter));\
	} while (0)

#define SEND(bytes, n)	ASSERT_EQ(n, sock_send(self->peer, bytes, n))

TEST_F(tls, part_of_a_record_is_nothing)
{
	int i;

	BEGIN(EV_ALL);
	EXPECT_STATE(&self->look, EV_OUT, 0);
	/* Not even its header; then all but its end. */
	SEND(self->record, 3);
	ASSERT_TRUE(sock_queued(self->fd, 3, COMES));
	EXPECT_STILL(&self->look, EV_OUT);
	SEND(self->record + 3, self->len - 4);
	ASSERT_TRUE(sock_queued(self->fd, self->len - 1, COMES));
	EXPECT_STILL(&self->look, EV_OUT);

	i = self->len - 1;
	SEND(self->record + i, 1);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
}

TEST_F(tls, end_behind_part_of_a_record_is_hangup)
{
	char c;

	BEGIN(EV_ALL);
	SEND(self->record, self->len - 1);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP);
	ASSERT_EQ(0, sock_recv(self->fd, &c, 1));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

/* What is left of a record is nowhere in the stream any more. */
TEST_F(tls, record_is_readable_until_all_of_it_was_read)
{
	char data[8];
	int i;

	BEGIN(EV_ALL);
	SEND(self->record, self->len);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	for (i = 0; i < 4; i++) {
		EXPECT_STILL(&self->look, EV_IN | EV_OUT);
		ASSERT_EQ(1, sock_recv(self->fd, data, 1));
	}
	EXPECT_STILL(&self->look, EV_OUT);
}

TEST_F(tls, rest_of_a_record_is_readable_behind_the_end_of_the_stream)
{
	char data[8];

	BEGIN(EV_ALL);
	SEND(self->record, self->len);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN | SEE_RDHUP, COMES));
	ASSERT_EQ(1, sock_recv(self->fd, data, 1));
	EXPECT_STATE(&self->look, EV_IN | EV_HANGUP | EV_OUT, EV_IN | EV_HANGUP);
	ASSERT_EQ(3, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(tls, second_record_keeps_the_stream_readable)
{
	char data[8], second[128];
	int len;

	BEGIN(EV_ALL);
	len = tls_record(1, TLS_DATA, "more", 4, second, sizeof(second));
	ASSERT_LT(4, len);
	SEND(self->record, self->len);
	SEND(second, len);
	ASSERT_TRUE(sock_queued(self->fd, self->len + len, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(4, sock_recv(self->fd, data, 4));
	/* The second one comes to the fore: EDGE may report that. */
	if (variant->way == LOOK_EDGE) {
		ASSERT_EQ(4, sock_recv(self->fd, data, 4));
		return;
	}
	EXPECT_STILL(&self->look, EV_IN | EV_OUT);
	ASSERT_EQ(4, sock_recv(self->fd, data, 4));
	EXPECT_STILL(&self->look, EV_OUT);
}

/* recv() says EIO; recvmsg() with room for its type gets it. */
TEST_F(tls, record_of_another_type_is_readable)
{
	static const char close_notify[] = { 1, 0 };
	char alert[128];
	int len;

	BEGIN(EV_ALL);
	len = tls_record(0, TLS_ALERT, close_notify, 2, alert, sizeof(alert));
	ASSERT_LT(2, len);
	SEND(alert, len);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN | SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_HANGUP | EV_OUT, EV_IN | EV_HANGUP);
	ASSERT_EQ(TLS_ALERT, tls_recv_type(self->fd));
	EXPECT_STILL(&self->look, EV_HANGUP | EV_OUT);
}

TEST_F(tls, broken_record_is_an_error_once_recv_has_met_it)
{
	char data[8];

	BEGIN(EV_HANGUP | EV_OUT);
	self->record[self->len - 1] ^= 1;
	SEND(self->record, self->len);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	ASSERT_GT(0, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STATE(&self->look, EV_ERR | EV_HANGUP | EV_OUT, EV_ERR | EV_HANGUP);
	EXPECT_STILL(&self->look, EV_ERR | EV_HANGUP | EV_OUT);
}

/* A server may register first and hand the keys to the kernel later. */
TEST_F(tls, socket_may_be_registered_before_it_speaks_tls)
{
	char data[8];

	NEEDS_TLS();
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	SEND("plain", 5);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(5, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_OUT);

	ASSERT_EQ(0, tls_receive(self->fd));
	EXPECT_STILL(&self->look, EV_OUT);
	SEND(self->record, self->len);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(4, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_OUT);
}

TEST_F(tls, stream_with_tls_for_sending_only_is_read_as_tcp)
{
	char data[8];

	NEEDS_TLS();
	ASSERT_EQ(0, tls_send(self->fd));
	ASSERT_EQ(0, look_begin(&self->look, self->fd, EV_ALL));
	EXPECT_STATE(&self->look, EV_OUT, 0);
	SEND("plain", 5);
	ASSERT_TRUE(sock_becomes(self->fd, SEE_IN, COMES));
	EXPECT_STATE(&self->look, EV_IN | EV_OUT, EV_IN);
	ASSERT_EQ(5, sock_recv(self->fd, data, sizeof(data)));
	EXPECT_STILL(&self->look, EV_OUT);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_STATE(&self->look, EV_HANGUP | EV_OUT, EV_HANGUP);
}

TEST_HARNESS_MAIN
