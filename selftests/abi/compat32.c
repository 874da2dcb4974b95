// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A 32-bit program speaks to the device: the structures, the commands and their
 * meaning are those of a 64-bit one.  Built with -m32, alone: no library, and
 * nothing of lib/.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#define KEY		0xfedcba9876543210ULL
#define POISON32	0xccccccccU

FIXTURE(compat32) {
	int port;
	int fd[2];
};

FIXTURE_SETUP(compat32)
{
	self->port = open("/dev/sockiocp", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, self->fd));
}

FIXTURE_TEARDOWN(compat32)
{
	close(self->fd[0]);
	close(self->fd[1]);
	close(self->port);
}

static int call(int port, unsigned long cmd, const void *arg)
{
	return ioctl(port, cmd, arg) < 0 ? -errno : 0;
}

#define ADDRESS(pointer)	((uintptr_t)(pointer))

TEST_F(compat32, program_is_a_32_bit_one)
{
	EXPECT_EQ(4, sizeof(void *));
}

TEST_F(compat32, info_is_the_same)
{
	struct sockiocp_info info;

	memset(&info, 0xcc, sizeof(info));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(SOCKIOCP_ABI_VERSION, info.abi_version);
	EXPECT_EQ(0, info.reserved);
	EXPECT_EQ(SOCKIOCP_FEATURE_DEADLINE | SOCKIOCP_FEATURE_ASSOCIATION |
		  SOCKIOCP_FEATURE_OPERATIONS,
		  info.features & ~(__u64)(SOCKIOCP_FEATURE_DUPLICATE | SOCKIOCP_FEATURE_MIRROR));
	EXPECT_STREQ(SOCKIOCP_VERSION, info.version);
	EXPECT_LE(100000, info.max_batch);
	EXPECT_LT(0, info.max_user_registrations);
}

TEST_F(compat32, configure_is_the_same)
{
	struct sockiocp_config config = { .concurrency = 9 };
	struct sockiocp_info info;

	ASSERT_EQ(0, call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(9, info.concurrency);
}

TEST_F(compat32, registration_and_harvest_are_the_same)
{
	struct sockiocp_registration_entry reg[2] = {
		{
			.socket = self->fd[0],
			.completion_key = KEY,
			.event_filter = SOCKIOCP_REGISTER_ALL,
			.operation = SOCKIOCP_OP_ENABLE,
			.trigger_flags = SOCKIOCP_TRIGGER_LEVEL |
					 SOCKIOCP_TRIGGER_ONESHOT,
			.registration_result = POISON32,
		},
		{
			/* Not a descriptor, whatever its low half says. */
			.socket = 1ULL << 32 | self->fd[0],
			.operation = SOCKIOCP_OP_REMOVE,
			.registration_result = POISON32,
		},
	};
	struct sockiocp_packet_entry got[2];
	__u32 received = POISON32;
	struct sockiocp_process p = {
		.registrations = ADDRESS(reg),
		.registration_count = 2,
		.entries = ADDRESS(got),
		.entry_count = 2,
		.received = ADDRESS(&received),
		.handle = self->port,
	};

	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	memset(got, 0xcc, sizeof(got));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(SOCKIOCP_RESULT_SUCCESS, reg[0].registration_result);
	EXPECT_EQ(SOCKIOCP_RESULT_NOT_SOCKET, reg[1].registration_result);
	EXPECT_EQ(1, received);
	EXPECT_EQ(KEY, got[0].completion_key);
	EXPECT_EQ(0, got[0].overlapped);
	EXPECT_EQ(0, got[0].internal);
	EXPECT_EQ(SOCKIOCP_EVENT_IN | SOCKIOCP_EVENT_OUT,
		  got[0].bytes_transferred);
	EXPECT_EQ(0, got[0].reserved);
	EXPECT_EQ(POISON32, got[1].bytes_transferred);
}

TEST_F(compat32, posted_packet_is_the_same)
{
	struct sockiocp_post post = {
		.completion_key = KEY,
		.overlapped = ~KEY,
		.internal = KEY << 1,
		.bytes_transferred = 0x89abcdef,
	};
	struct sockiocp_packet_entry got;
	__u32 received = POISON32;
	struct sockiocp_process p = {
		.entries = ADDRESS(&got),
		.entry_count = 1,
		.received = ADDRESS(&received),
		.timeout_ns = SOCKIOCP_INFINITE,
		.handle = self->port,
	};

	memset(&got, 0xcc, sizeof(got));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_POST, &post));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, received);
	EXPECT_EQ(post.completion_key, got.completion_key);
	EXPECT_EQ(post.overlapped, got.overlapped);
	EXPECT_EQ(post.internal, got.internal);
	EXPECT_EQ(post.bytes_transferred, got.bytes_transferred);
	EXPECT_EQ(0, got.reserved);
}

TEST_F(compat32, time_out_is_the_same)
{
	struct sockiocp_packet_entry got;
	__u32 received = POISON32;
	struct sockiocp_process p = {
		.entries = ADDRESS(&got),
		.entry_count = 1,
		.received = ADDRESS(&received),
		.timeout_ns = 30000000,
		.handle = self->port,
	};
	struct timespec from, to;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &from);
	/* Without an error and a packet, it has to be made again. */
	do
		ret = call(self->port, SOCKIOCP_PROCESS, &p);
	while (!ret && !received);
	EXPECT_EQ(-ETIME, ret);
	clock_gettime(CLOCK_MONOTONIC, &to);
	EXPECT_EQ(0, received);
	EXPECT_LE(30000000LL, (to.tv_sec - from.tv_sec) * 1000000000LL +
			      to.tv_nsec - from.tv_nsec);
}

/* All 64 bits of an address count. */
TEST_F(compat32, address_above_4_gigabytes_is_efault)
{
	struct sockiocp_registration_entry reg = {
		.socket = self->fd[0],
		.event_filter = SOCKIOCP_REGISTER_OUT,
		.operation = SOCKIOCP_OP_ENABLE,
		.trigger_flags = SOCKIOCP_TRIGGER_LEVEL,
		.registration_result = POISON32,
	};
	struct sockiocp_packet_entry got;
	__u32 received = POISON32;
	struct sockiocp_process p = {
		.registrations = 1ULL << 32 | ADDRESS(&reg),
		.registration_count = 1,
		.handle = self->port,
	};

	EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
	p = (struct sockiocp_process) {
		.registrations = ADDRESS(&reg),
		.registration_count = 1,
		.entries = 1ULL << 32 | ADDRESS(&got),
		.entry_count = 1,
		.received = ADDRESS(&received),
		.handle = self->port,
	};
	EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_EQ(POISON32, received);
}

TEST_F(compat32, close_is_the_same)
{
	struct sockiocp_post post = { .completion_key = KEY };

	EXPECT_EQ(0, call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(-ESHUTDOWN, call(self->port, SOCKIOCP_POST, &post));
}

/* A receive pends, is carried out by a harvest, and gives its packet; another is cancelled. */
TEST_F(compat32, operations_are_the_same)
{
	__u64 overlapped[2] = { 0x103, 0 };
	char data[8] = "";
	struct sockiocp_buffer buffer = { .length = 8, .address = ADDRESS(data) };
	struct sockiocp_submit submit = {
		.socket = self->fd[0],
		.overlapped = ADDRESS(overlapped),
		.buffers = ADDRESS(&buffer),
		.buffer_count = 1,
		.operation = SOCKIOCP_SUBMIT_RECEIVE,
		.cookie = KEY,
	};
	struct sockiocp_cancel cancel = { .socket = self->fd[0] };
	struct sockiocp_packet_entry got;
	__u32 received = POISON32;
	struct sockiocp_batch batch = {
		.process = {
			.entries = ADDRESS(&got),
			.entry_count = 1,
			.received = ADDRESS(&received),
			.timeout_ns = SOCKIOCP_INFINITE,
			.handle = self->port,
		},
		.operations = ADDRESS(&submit),
		.operation_count = 1,
		.operation_size = sizeof(submit),
		.home = self->port,
	};

	ASSERT_EQ(1, ioctl(self->port, SOCKIOCP_SUBMIT, &submit));
	ASSERT_EQ(4, send(self->fd[1], "four", 4, 0));
	/* It submits the second, which pends behind the first. */
	ASSERT_EQ(0, call(self->port, SOCKIOCP_BATCH, &batch));
	EXPECT_EQ(1, submit.result);
	EXPECT_EQ(1, received);
	EXPECT_EQ(KEY, got.completion_key);
	EXPECT_EQ(ADDRESS(overlapped), got.overlapped);
	EXPECT_EQ(4, got.bytes_transferred);
	EXPECT_EQ(0, overlapped[0]);
	EXPECT_EQ(4, overlapped[1]);
	EXPECT_EQ(0, memcmp(data, "four", 4));

	ASSERT_EQ(0, call(self->port, SOCKIOCP_CANCEL, &cancel));
	EXPECT_EQ(1, cancel.cancelled);
	ASSERT_EQ(0, call(self->port, SOCKIOCP_BATCH, &batch));
	EXPECT_EQ(0xc0000120, got.internal);
	EXPECT_EQ(0, ioctl(self->port, SOCKIOCP_CLOSE_SOCKET, self->fd[1]));
	EXPECT_EQ(-1, close(self->fd[1]));
	self->fd[1] = -1;
}

TEST_HARNESS_MAIN
