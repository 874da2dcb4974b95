// SPDX-License-Identifier: GPL-2.0
/*
 * What a local shutdown() means for AF_UNIX sockets.  For TCP and UDP it is
 * nothing at all: socket_states.c.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x5d

FIXTURE(local_shutdown) {
	HANDLE port;
	int fd[2];
};

FIXTURE_SETUP(local_shutdown)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(local_shutdown)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

/* The kernel keeps the same state for it as for the peer's end of sending. */
/* spec 3.23 */
TEST_F(local_shutdown, of_receiving_on_a_stream_is_hangup)
{
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	ASSERT_EQ(0, sock_shutdown(self->fd[0], 'r'));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT | EV_HANGUP });
}

/* spec 3.23 */
TEST_F(local_shutdown, of_sending_on_a_stream_is_nothing)
{
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN | EV_HANGUP,
			    T_LEVEL));
	ASSERT_EQ(0, sock_shutdown(self->fd[0], 'w'));
	EXPECT_NOTHING(self->port);
}

/* spec 3.24 */
TEST_F(local_shutdown, of_a_datagram_socket_is_nothing)
{
	char c;

	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_EQ(0, sock_shutdown(self->fd[0], 'r'));
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
}

TEST_HARNESS_MAIN
