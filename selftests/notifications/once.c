// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What stays once it is there has one edge: EDGE does not report it again when
 * something else rises later.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x1414

FIXTURE(once) {
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_VARIANT(once) {
	int family;
};

FIXTURE_VARIANT_ADD(once, tcp) { .family = FAM_INET, };
FIXTURE_VARIANT_ADD(once, unix_stream) { .family = FAM_UNIX, };

FIXTURE_SETUP(once)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	if (variant->family == FAM_UNIX) {
		ASSERT_EQ(0, unix_pair(TYPE_STREAM, fd));
	} else {
		ASSERT_EQ(0, tcp_pair(variant->family, fd, 8192));
	}
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(once)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define EXPECT_ROOM_AGAIN()						\
	do {								\
		ASSERT_LT(0, sock_fill(self->fd));			\
		EXPECT_NOTHING(self->port);				\
		ASSERT_LT(0, sock_drain_until(self->peer, self->fd, SEE_OUT));\
		EXPECT_PACKETS(self->port, { KEY, EV_OUT });		\
		EXPECT_NOTHING(self->port);				\
	} while (0)

/* spec 4.2.3 */
TEST_F(once, hangup_does_not_come_again_with_out)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_ROOM_AGAIN();
}

/* spec 4.2.3 */
TEST_F(once, hangup_that_was_there_does_not_come_with_out)
{
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);
	EXPECT_ROOM_AGAIN();
}

TEST_HARNESS_MAIN
