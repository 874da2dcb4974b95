// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * SOCKIOCP_BATCH: operations, registrations and packets in one call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0xba7c
#define PAIRS	3

FIXTURE(batch) {
	int port;
	int home;
	int fd[PAIRS][2];
	char data[PAIRS][16];
	struct overlapped o[PAIRS];
	struct sockiocp_buffer buffers[PAIRS];
	struct sockiocp_submit submits[PAIRS];
	struct sockiocp_packet_entry got[2 * PAIRS];
	__u32 received;
	struct sockiocp_batch args;
};

/* A receive on each pair; and time to wait for a packet. */
FIXTURE_SETUP(batch)
{
	int i;

	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	for (i = 0; i < PAIRS; i++) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd[i], 0));
		ASSERT_EQ(0, operation_associate(self->port, self->fd[i][0], KEY + i));
		self->submits[i] = operation_with_buffer(self->fd[i][0], &self->o[i],
							 SOCKIOCP_SUBMIT_RECEIVE,
							 &self->buffers[i], self->data[i],
							 sizeof(self->data[i]));
	}
	self->args = (struct sockiocp_batch) {
		.process = device_process(self->port, NULL, 0, self->got, 2 * PAIRS,
					  &self->received, COMES * 1000000LL),
		.operations = (uintptr_t)self->submits,
		.operation_count = PAIRS,
		.operation_size = sizeof(self->submits[0]),
		.home = self->home,
	};
}

FIXTURE_TEARDOWN(batch)
{
	int i;

	for (i = 0; i < PAIRS; i++) {
		fd_close(self->fd[i][0]);
		fd_close(self->fd[i][1]);
	}
	fd_close(self->home);
	fd_close(self->port);
}

TEST_F(batch, submits_and_harvests_in_one_call)
{
	ASSERT_EQ(3, sock_send(self->fd[1][1], "two", 3));
	ASSERT_TRUE(sock_becomes(self->fd[1][0], SEE_IN, COMES));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(1, self->submits[0].result);
	EXPECT_EQ(0, self->submits[1].result);
	EXPECT_EQ(3, self->submits[1].bytes);
	EXPECT_EQ(1, self->submits[2].result);
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(KEY + 1, self->got[0].completion_key);
	EXPECT_EQ((uintptr_t)&self->o[1], self->got[0].overlapped);
	EXPECT_EQ(3, self->got[0].bytes_transferred);
	EXPECT_EQ(0, memcmp(self->data[1], "two", 3));
	EXPECT_EQ(0, self->args.operation_count);
	EXPECT_EQ((uintptr_t)(self->submits + PAIRS), self->args.operations);
	EXPECT_OPERATIONS(self->home, 2);
}

TEST_F(batch, one_that_fails_keeps_no_other_from_being_submitted)
{
	self->submits[0].socket = 12345;
	self->submits[1].operation = 77;
	self->args.process.timeout_ns = 0;
	EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(-EBADF, self->submits[0].result);
	EXPECT_EQ(-EINVAL, self->submits[1].result);
	EXPECT_EQ(1, self->submits[2].result);
	EXPECT_EQ(0, self->args.operation_count);
	EXPECT_OPERATIONS(self->home, 1);
}

/* There may be no packet that tells of one that is over, so the call does not wait. */
TEST_F(batch, call_waits_only_if_all_pend)
{
	ASSERT_EQ(0, operation_set_modes(self->port, self->fd[1][0], SOCKIOCP_MODE_SKIP_PACKET));
	ASSERT_EQ(3, sock_send(self->fd[1][1], "two", 3));
	ASSERT_TRUE(sock_becomes(self->fd[1][0], SEE_IN, COMES));
	self->args.process.timeout_ns = SOCKIOCP_INFINITE;
	EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(0, self->args.process.timeout_ns);
	EXPECT_EQ(0, self->received);
	EXPECT_EQ(1, self->submits[0].result);
	EXPECT_EQ(0, self->submits[1].result);
	EXPECT_OPERATIONS(self->home, 2);
	/* One that fails. */
	self->submits[0].socket = 12345;
	self->submits[0].result = 0;
	self->args.operations = (uintptr_t)self->submits;
	self->args.operation_count = 1;
	self->args.process.timeout_ns = SOCKIOCP_INFINITE;
	EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(-EBADF, self->submits[0].result);
}

/* It is the call that fails, before it waits. */
TEST_F(batch, home_port_of_another_process_is_refused)
{
	int pid;

	self->args.process.timeout_ns = 0;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-device_call(self->port, SOCKIOCP_BATCH, &self->args));
	ASSERT_EQ(ETIME, child_status(pid, COMES));
	self->args.process.timeout_ns = SOCKIOCP_INFINITE;
	EXPECT_EQ(-EXDEV, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(PAIRS, self->args.operation_count);
	/* The same if it is the port of the packets. */
	self->args.home = self->port;
	EXPECT_EQ(-EXDEV, device_call(self->home, SOCKIOCP_BATCH, &self->args));
	EXPECT_OPERATIONS(self->port, 0);
}

static void nothing(int signal)
{
	(void)signal;
}

/*
 * TCP does not read past an urgent byte while there is a signal, of which no wake-up tells:
 * SIGURG comes while the call goes on.
 */
TEST_F(batch, signal_of_an_urgent_byte_delays_a_receive_only)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = thread_id() };
	int from = self->fd[0][1], to = self->fd[0][0], i;

	ASSERT_NE(SIG_ERR, signal(SIGURG, nothing));
	ASSERT_EQ(0, fcntl(to, F_SETOWN_EX, &owner));
	for (i = 0; i < 2; i++) {
		self->data[i][0] = '!' + i;
		self->submits[i] = operation_with_buffer(from, &self->o[i],
							 SOCKIOCP_SUBMIT_SEND,
							 &self->buffers[i], self->data[i], 1);
	}
	self->submits[0].message_flags = MSG_OOB;
	self->submits[2] = operation_with_buffer(to, &self->o[2], SOCKIOCP_SUBMIT_RECEIVE,
						 &self->buffers[2], self->data[2], 16);
	self->args.process.entry_count = 1;
	device_call(self->port, SOCKIOCP_BATCH, &self->args);
	EXPECT_EQ(0, self->args.operation_count);
	EXPECT_EQ(0, self->submits[1].result);
	EXPECT_EQ(1, self->submits[2].result);
	EXPECT_PACKET(self->port, KEY, &self->o[2], 0, 1);
	EXPECT_EQ('"', self->data[2][0]);
}

/* A time-out, and the same call again: what was submitted is not submitted twice. */
TEST_F(batch, call_made_again_submits_none_twice)
{
	int i;

	self->args.process.timeout_ns = 1000000;
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_OPERATIONS(self->home, PAIRS);
}

TEST_F(batch, bad_argument_submits_nothing)
{
	struct sockiocp_batch args;

	args = self->args;
	args.reserved = 1;
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_BATCH, &args));
	args = self->args;
	args.operation_size--;
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_BATCH, &args));
	args.operation_size = 4097;
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_BATCH, &args));
	args = self->args;
	args.operation_count = ~0U;
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_BATCH, &args));
	args = self->args;
	args.process.flags = 1;
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_BATCH, &args));
	args = self->args;
	args.process.entries = 16;
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_BATCH, &args));
	args = self->args;
	args.home = self->fd[0][0];
	EXPECT_EQ(-EBADF, device_call(self->port, SOCKIOCP_BATCH, &args));
	args.home = 12345;
	EXPECT_EQ(-EBADF, device_call(self->port, SOCKIOCP_BATCH, &args));
	EXPECT_OPERATIONS(self->home, 0);
	EXPECT_EQ(PAIRS, args.operation_count);
}

/* The structure of a later version of the ABI, which sets in one of them what is not known yet. */
TEST_F(batch, operations_may_be_longer_than_is_known)
{
	struct longer {
		struct sockiocp_submit args;
		__u64 later[2];
	} longer[3] = {
		{ .args = self->submits[0] },
		{ .args = self->submits[1], .later = { 0, 1 } },
		{ .args = self->submits[2] },
	};

	self->args.operations = (uintptr_t)longer;
	self->args.operation_size = sizeof(longer[0]);
	self->args.operation_count = 3;
	self->args.process.timeout_ns = 1000000;
	EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(0, self->args.operation_count);
	EXPECT_EQ((uintptr_t)(longer + 3), self->args.operations);
	EXPECT_EQ(1, longer[0].args.result);
	EXPECT_EQ(-E2BIG, longer[1].args.result);
	EXPECT_EQ(1, longer[2].args.result);
	EXPECT_OPERATIONS(self->home, 2);
}

/* The home port does not matter to who submits nothing. */
TEST_F(batch, without_operations_it_is_a_harvest)
{
	self->args.operation_count = 0;
	self->args.home = 0;
	self->args.process.timeout_ns = 0;
	EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_BATCH, &self->args));
}

/* What cannot be read is where it ends, and the structure says so. */
TEST_F(batch, operation_that_cannot_be_read_ends_it)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockiocp_submit *last;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, munmap(memory + page, page));
	last = (struct sockiocp_submit *)(memory + page) - 1;
	*last = self->submits[0];
	self->args.operations = (uintptr_t)last;
	self->args.operation_count = 2;
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_BATCH, &self->args));
	EXPECT_EQ(1, last->result);
	EXPECT_EQ(1, self->args.operation_count);
	EXPECT_EQ((uintptr_t)(last + 1), self->args.operations);
	EXPECT_OPERATIONS(self->home, 1);
	munmap(memory, page);
}

TEST_HARNESS_MAIN
