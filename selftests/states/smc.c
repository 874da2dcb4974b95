// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * AF_SMC, which lends its file a TCP socket and releases that by itself, when all
 * others leave it to the end of the file.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY		0x5c
#define NOT_SUPPORTED	WSAEOPNOTSUPP

FIXTURE(smc) {
	HANDLE port;
	int fd;
};

FIXTURE_SETUP(smc)
{
	self->fd = any_socket(FAM_SMC, TYPE_STREAM, 0);
	if (self->fd < 0)
		return;
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(smc)
{
	if (self->fd < 0)
		return;
	fd_close(self->fd);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define NEEDS_SMC()							\
	do {								\
		if (self->fd < 0)					\
			SKIP(return, "this kernel has no AF_SMC");	\
	} while (0)

TEST_F(smc, socket_is_refused)
{
	NEEDS_SMC();
	EXPECT_EQ(NOT_SUPPORTED, enable(self->port, self->fd, KEY, EV_ALL, T_LEVEL));
}

TEST_F(smc, socket_that_falls_back_to_tcp_is_refused)
{
	NEEDS_SMC();
	ASSERT_EQ(0, sock_fast_open(self->fd));
	EXPECT_EQ(NOT_SUPPORTED, enable(self->port, self->fd, KEY, EV_ALL, T_LEVEL));
	EXPECT_EQ(NOT_SUPPORTED, disable(self->port, self->fd));
	EXPECT_EQ(NOT_SUPPORTED, deregister(self->port, self->fd));
	EXPECT_EQ(0, port_told(self->port, "registrations"));
}

/* Some kernels would move what stands on its wait queue, when it falls back. */
TEST_F(smc, socket_is_not_associated)
{
	NEEDS_SMC();
	EXPECT_EQ(NULL, CreateIoCompletionPort((HANDLE)(intptr_t)self->fd, self->port, KEY, 0));
	EXPECT_FALSE(SetFileCompletionNotificationModes((HANDLE)(intptr_t)self->fd, 1));
	ASSERT_EQ(0, sock_fast_open(self->fd));
	EXPECT_EQ(NULL, CreateIoCompletionPort((HANDLE)(intptr_t)self->fd, self->port, KEY, 0));
	EXPECT_EQ(0, port_told(self->port, "endpoints"));
}

TEST_HARNESS_MAIN
