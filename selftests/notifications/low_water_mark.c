// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * SO_RCVLOWAT says how many bytes it takes for a TCP socket to be readable, for
 * LEVEL too.  For EDGE: level_edge.c.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x577

TEST(level_needs_as_many_bytes_as_the_low_water_mark_says)
{
	HANDLE port = port_open();
	char data[8];
	int fd[2];

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, sock_lowat(fd[0], 4));
	ASSERT_EQ(3, sock_send(fd[1], "abc", 3));
	ASSERT_TRUE(sock_queued(fd[0], 3, COMES));
	EXPECT_EQ(0, enable(port, fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_PACKETS(port, { KEY, EV_OUT });
	ASSERT_EQ(3, sock_send(fd[1], "def", 3));
	ASSERT_TRUE(sock_queued(fd[0], 6, COMES));
	EXPECT_PACKETS(port, { KEY, EV_IN | EV_OUT });
	ASSERT_EQ(3, sock_recv(fd[0], data, 3));
	EXPECT_PACKETS(port, { KEY, EV_OUT });
	fd_close(fd[0]);
	fd_close(fd[1]);
	EXPECT_TRUE(CloseHandle(port));
}

TEST_HARNESS_MAIN
