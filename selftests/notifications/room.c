// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Room to write is reported again also to a program that never saw send() fail:
 * asking for OUT makes the protocol tell when there is room.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x2718

FIXTURE(room) {
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_VARIANT(room) {
	int family;
};

FIXTURE_VARIANT_ADD(room, v4) { .family = FAM_INET, };
FIXTURE_VARIANT_ADD(room, v6) { .family = FAM_INET6, };

FIXTURE_SETUP(room)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(variant->family, fd, 8192));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(room)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

/* spec 3.14 */
TEST_F(room, comes_back_though_no_send_failed)
{
	static const char data[256];
	OVERLAPPED_ENTRY got;
	UINT32 received;
	DWORD ret;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT, T_LEVEL));
	while (!(ret = ProcessSocketNotifications(self->port, 0, NULL, 0, 1, &got,
						  &received)))
		ASSERT_EQ(sizeof(data), sock_send(self->fd, data, sizeof(data)));
	ASSERT_EQ(WAIT_TIMEOUT, ret);

	/* Nobody but the port looks at the socket. */
	while (sock_drain(self->peer) > 0)
		sleep_ms(COMES_NOT);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
}

TEST_HARNESS_MAIN
