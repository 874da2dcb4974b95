// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the documentation says of Linux' sockets that a program of Windows would not
 * expect, and that is left as it is.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x1234

FIXTURE(quirk) {
	HANDLE port;
	int fd[2];
};

FIXTURE_SETUP(quirk)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	self->fd[0] = -1;
	self->fd[1] = -1;
}

FIXTURE_TEARDOWN(quirk)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

TEST_F(quirk, low_water_mark_of_udp_is_ignored)
{
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
	ASSERT_EQ(0, sock_lowat(self->fd[0], 4));
	ASSERT_EQ(1, sock_send(self->fd[1], "a", 1));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(quirk, low_water_mark_of_af_unix_is_ignored)
{
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, self->fd));
	ASSERT_EQ(0, sock_lowat(self->fd[0], 4));
	ASSERT_EQ(1, sock_send(self->fd[1], "a", 1));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

TEST_F(quirk, shutdown_of_a_listener_is_nothing)
{
	int port;

	self->fd[0] = tcp_listen(FAM_INET, 1, &port);
	ASSERT_LE(0, self->fd[0]);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(0, sock_shutdown(self->fd[0], 'r'));
	EXPECT_NOTHING(self->port);
	/* It does not listen any more. */
	self->fd[1] = tcp_connect(FAM_INET, port);
	EXPECT_NOTHING(self->port);
}

/* Unlike one of TCP; and recv() discards it. */
TEST_F(quirk, out_of_band_byte_of_af_unix_is_in)
{
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	if (sock_send_oob(self->fd[1], 'x') < 0)
		SKIP(return, "AF_UNIX has none here");
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_EQ(0, sock_drain(self->fd[0]));
	EXPECT_NOTHING(self->port);
}

TEST_HARNESS_MAIN
