// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Wrong arguments of SOCKIOCP_SUBMIT, CANCEL and CLOSE_SOCKET: an error, and nothing has
 * happened.  And memory that is bad: no byte of a stream is lost, and no packet.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0xa46

FIXTURE(arguments) {
	int port;
	int home;
	int fd[2];
	struct overlapped o;
	struct sockiocp_buffer buffer;
	char data[16];
	/* A page that is there, and one that is not. */
	char *page;
};

FIXTURE_SETUP(arguments)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
	self->page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	ASSERT_EQ(0, munmap(self->page + 4096, 4096));
}

FIXTURE_TEARDOWN(arguments)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

#define GOOD_ARGS()							\
	operation_with_buffer(self->fd[0], &self->o, SOCKIOCP_SUBMIT_RECEIVE, &self->buffer,	\
			      self->data, sizeof(self->data))

/* With one field set otherwise the call fails, nothing pends and nothing was written. */
#define EXPECT_BAD(error, operation_, field, value)			\
	do {								\
		struct sockiocp_submit args_ = GOOD_ARGS();		\
		args_.operation = operation_;				\
		if (operation_ > SOCKIOCP_SUBMIT_SEND)			\
			args_.buffer_count = args_.buffers = 0;		\
		args_.field = value;					\
		EXPECT_EQ(error, operation_submit(self->home, &args_)) { \
			TH_LOG("operation %u with %s", (unsigned int)operation_, #field);	\
		}							\
		EXPECT_PENDS(&self->o);					\
		EXPECT_OPERATIONS(self->home, 0);			\
	} while (0)

TEST_F(arguments, of_submit_that_are_invalid)
{
	unsigned int op;

	for (op = SOCKIOCP_SUBMIT_RECEIVE; op <= SOCKIOCP_SUBMIT_RESULT; op++) {
		EXPECT_BAD(-EINVAL, op, flags, SOCKIOCP_SUBMIT_ALL_FLAGS + 1);
		EXPECT_BAD(-EINVAL, op, flags, 0x80000000);
		EXPECT_BAD(-EINVAL, op, result, 1);
		EXPECT_BAD(-EINVAL, op, message_flags, 0x80000000);
		EXPECT_BAD(-EINVAL, op, message_flags, MSG_DONTWAIT);
		EXPECT_BAD(-EINVAL, op, message_flags, MSG_ERRQUEUE);
		EXPECT_BAD(-EINVAL, op, message_flags, MSG_CMSG_CLOEXEC);
		/* Without the flag. */
		EXPECT_BAD(-EINVAL, op, event, 1);
		EXPECT_BAD(-EBADF, op, socket, 54321);
		EXPECT_BAD(-EBADF, op, socket, ~0ULL);
		EXPECT_BAD(-EBADF, op, socket, (1ULL << 32) + self->fd[0]);
		EXPECT_BAD(-ENOTSOCK, op, socket, self->port);
		if (op != SOCKIOCP_SUBMIT_RESULT)
			EXPECT_BAD(-EINVAL, op, status, 1);
		if (op != SOCKIOCP_SUBMIT_POLL_IN && op != SOCKIOCP_SUBMIT_POLL_OUT)
			EXPECT_BAD(-EINVAL, op, flags, SOCKIOCP_SUBMIT_FIRST);
		EXPECT_BAD(-EINVAL, op, flags, SOCKIOCP_SUBMIT_TO_HOME | SOCKIOCP_SUBMIT_NO_PACKET);
		if (op > SOCKIOCP_SUBMIT_SEND) {
			EXPECT_BAD(-EINVAL, op, buffers, (uintptr_t)&self->buffer);
			EXPECT_BAD(-EINVAL, op, name_length, 1);
			EXPECT_BAD(-EINVAL, op, buffer_count, 1);
			EXPECT_BAD(-EINVAL, op, name, (uintptr_t)self->data);
			EXPECT_BAD(-EINVAL, op, message_flags, MSG_PEEK);
		} else {
			EXPECT_BAD(-EINVAL, op, buffer_count, 0);
			EXPECT_BAD(-EINVAL, op, buffer_count, 1025);
			EXPECT_BAD(-EINVAL, op, buffer_count, ~0U);
			EXPECT_BAD(-EFAULT, op, buffers, 64);
			EXPECT_BAD(-EFAULT, op, buffers, ~0ULL - 7);
			EXPECT_BAD(-EFAULT, op, buffers, (uintptr_t)self->page + 4090);
		}
	}
	for (op = SOCKIOCP_SUBMIT_RESULT + 1; op < SOCKIOCP_SUBMIT_RESULT + 4; op++)
		EXPECT_BAD(-EINVAL, op, operation, op);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_RECEIVE, operation, ~0U);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_NEXT, flags, SOCKIOCP_SUBMIT_TO_HOME);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_NEXT, flags, SOCKIOCP_SUBMIT_NO_PACKET);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_NEXT, flags, SOCKIOCP_SUBMIT_EVENT);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_RECEIVE, message_flags, MSG_OOB);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_SEND, message_flags, MSG_PEEK);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_SEND, message_flags, MSG_FASTOPEN);
	EXPECT_BAD(-EINVAL, SOCKIOCP_SUBMIT_SEND, message_flags, MSG_ZEROCOPY);
}

TEST_F(arguments, event_that_is_none)
{
	struct sockiocp_submit args = GOOD_ARGS();

	args.flags = SOCKIOCP_SUBMIT_EVENT;
	args.event = 54321;
	EXPECT_EQ(-EBADF, operation_submit(self->home, &args));
	args.event = ~0U;
	EXPECT_EQ(-EBADF, operation_submit(self->home, &args));
	args.event = self->fd[0];
	EXPECT_EQ(-EBADF, operation_submit(self->home, &args));
	EXPECT_OPERATIONS(self->home, 0);
}

TEST_F(arguments, buffers_that_are_too_long)
{
	struct sockiocp_buffer buffer[3] = {
		{ .length = 0x7fffffff, .address = 4096 },
		{ .length = 0x7fffffff, .address = 4096 },
	};
	struct sockiocp_submit args = GOOD_ARGS();

	args.buffers = (uintptr_t)buffer;
	args.buffer_count = 2;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	args.buffer_count = 1;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	buffer[0].length = 16;
	buffer[1].length = ~0U;
	args.buffer_count = 2;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	/* The kernel's memory. */
	buffer[1] = (struct sockiocp_buffer) { .length = 8, .address = 0xffff888000000000ULL };
	EXPECT_EQ(-EFAULT, operation_submit(self->home, &args));
	buffer[1] = (struct sockiocp_buffer) { .length = 64, .address = 0x7fffffffffe0ULL };
	EXPECT_EQ(-EFAULT, operation_submit(self->home, &args));
	EXPECT_OPERATIONS(self->home, 0);
	EXPECT_PENDS(&self->o);
}

TEST_F(arguments, name_that_is_too_long)
{
	struct sockiocp_submit args = GOOD_ARGS();

	args.operation = SOCKIOCP_SUBMIT_SEND;
	args.name = (uintptr_t)self->page;
	args.name_length = 129;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	args.name_length = ~0ULL;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	args.name_length = (1ULL << 32) + 16;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	args.name_length = 16;
	args.name = (uintptr_t)self->page + 4090;
	EXPECT_EQ(-EFAULT, operation_submit(self->home, &args));
	EXPECT_OPERATIONS(self->home, 0);
}

TEST_F(arguments, structure_that_is_bad)
{
	struct sockiocp_submit *args = (void *)(self->page + 4096 - sizeof(*args));
	int fd = any_socket(FAM_NETLINK, TYPE_RAW, 0);

	*args = GOOD_ARGS();
	EXPECT_EQ(-EFAULT, device_call(self->home, SOCKIOCP_SUBMIT, (char *)args + 4));
	EXPECT_EQ(-EFAULT, device_call(self->home, SOCKIOCP_SUBMIT, NULL));
	/* That cannot be written: nothing has happened. */
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, device_call(self->home, SOCKIOCP_SUBMIT, args));
	EXPECT_PENDS(&self->o);
	EXPECT_NO_PACKET(self->port);
	ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, operation_submit(self->home, args));
	EXPECT_EQ(3, args->bytes);
	EXPECT_EQ(0, args->message_flags);
	/* Shorter than the first version. */
	EXPECT_EQ(-EINVAL, device_call(self->home, _IOWR(SOCKIOCP_IOC_MAGIC, 0x07, char[72]),
				       args));
	args->socket = fd;
	EXPECT_EQ(-EOPNOTSUPP, operation_submit(self->home, args));
	fd_close(fd);
}

TEST_F(arguments, of_cancel_that_are_invalid)
{
	struct sockiocp_cancel args = { .socket = self->fd[0] };
	struct sockiocp_submit good = GOOD_ARGS();

	ASSERT_EQ(1, operation_submit(self->home, &good));
	args.flags = 2;
	EXPECT_EQ(-EINVAL, device_call(self->home, SOCKIOCP_CANCEL, &args));
	args.flags = 0;
	args.socket = 54321;
	EXPECT_EQ(-EBADF, device_call(self->home, SOCKIOCP_CANCEL, &args));
	args.socket = (1ULL << 32) + self->fd[0];
	EXPECT_EQ(-EBADF, device_call(self->home, SOCKIOCP_CANCEL, &args));
	args.socket = self->home;
	EXPECT_EQ(-ENOTSOCK, device_call(self->home, SOCKIOCP_CANCEL, &args));
	EXPECT_EQ(-EFAULT, device_call(self->home, SOCKIOCP_CANCEL, NULL));
	EXPECT_EQ(-EINVAL, device_call(self->home, _IOWR(SOCKIOCP_IOC_MAGIC, 0x0a, char[16]),
				       &args));
	/* It could not be told how many. */
	args.socket = self->fd[0];
	*(struct sockiocp_cancel *)(void *)self->page = args;
	ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, device_call(self->home, SOCKIOCP_CANCEL, self->page));
	EXPECT_PENDS(&self->o);
	EXPECT_OPERATIONS(self->home, 1);
}

/* A socket that is not overlapped. */
TEST_F(arguments, synchronous_socket_is_refused)
{
	struct sockiocp_submit args = GOOD_ARGS();

	ASSERT_EQ(0, operation_set_modes(self->home, self->fd[0], SOCKIOCP_MODE_SYNCHRONOUS));
	EXPECT_EQ(-ENOTBLK, operation_submit(self->home, &args));
	EXPECT_OPERATIONS(self->home, 0);
}

/* ------------------------------------------------------------- another process */

struct child {
	int home;
	int port;
	int fd;
	int submitted;
	int harvested;
	int again;
};

static void submit_in_child(void *arg)
{
	struct child *child = arg;
	struct sockiocp_packet_entry got;
	struct overlapped o;
	char data[8];

	child->submitted = operation_receive(child->home, child->fd, &o, data, sizeof(data));
	child->harvested = operation_harvest(child->home, &got, 1, 0);
	child->again = operation_receive(device_open(), child->fd, &o, data, sizeof(data));
}

TEST_F(arguments, home_port_is_one_process_own)
{
	struct child *child = shared_memory(sizeof(*child));
	struct sockiocp_submit args = GOOD_ARGS();

	ASSERT_NE(NULL, child);
	ASSERT_EQ(1, operation_submit(self->home, &args));
	*child = (struct child) { .home = self->home, .fd = self->fd[1] };
	EXPECT_EQ(0, child_status(process_start(submit_in_child, child), COMES));
	EXPECT_EQ(-EXDEV, child->submitted);
	EXPECT_EQ(-EXDEV, child->harvested);
	EXPECT_EQ(1, child->again);
	EXPECT_OPERATIONS(self->home, 1);
}

/* A call that fails makes no port a home port. */
TEST_F(arguments, bad_call_leaves_a_port_to_others)
{
	struct child *child = shared_memory(sizeof(*child));
	struct sockiocp_submit args = GOOD_ARGS();

	ASSERT_NE(NULL, child);
	args.flags = SOCKIOCP_SUBMIT_ALL_FLAGS + 1;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	args.flags = 0;
	args.socket = 54321;
	EXPECT_EQ(-EBADF, operation_submit(self->home, &args));
	args = GOOD_ARGS();
	args.buffers = 8;
	EXPECT_EQ(-EFAULT, operation_submit(self->home, &args));
	args = GOOD_ARGS();
	args.flags = SOCKIOCP_SUBMIT_EVENT;
	args.event = 54321;
	EXPECT_EQ(-EBADF, operation_submit(self->home, &args));
	*child = (struct child) { .home = self->home, .fd = self->fd[1] };
	EXPECT_EQ(0, child_status(process_start(submit_in_child, child), COMES));
	EXPECT_EQ(1, child->submitted);
	EXPECT_EQ(-ETIME, child->harvested);
}

static void wait_in_child(void *arg)
{
	struct child *child = arg;
	struct sockiocp_packet_entry got;

	child->submitted = 1;
	child->harvested = operation_harvest(child->home, &got, 1, COMES);
}

/* Whoever waits there already is told, when there is something for the new owner. */
TEST_F(arguments, home_port_sends_away_who_waits_there)
{
	struct child *child = shared_memory(sizeof(*child));
	struct sockiocp_submit args;
	int pid;

	ASSERT_NE(NULL, child);
	*child = (struct child) { .home = self->home };
	pid = process_start(wait_in_child, child);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(task_sleeps(pid, pid, COMES));
	/* Not associated: its packet is the home port's. */
	args = operation_with_buffer(self->fd[1], &self->o, SOCKIOCP_SUBMIT_RECEIVE,
				     &self->buffer, self->data, sizeof(self->data));
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[0], "abc");
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(-EXDEV, child->harvested);
	EXPECT_PENDS(&self->o);
	EXPECT_PACKET(self->home, 0, &self->o, 0, 3);
}

/* What another process takes off a port goes to the home port of its own. */
TEST_F(arguments, another_process_harvests_without_carrying_out)
{
	struct child *child = shared_memory(sizeof(*child));
	struct sockiocp_submit args = GOOD_ARGS();
	int pid;

	ASSERT_NE(NULL, child);
	*child = (struct child) { .home = self->port };
	pid = process_start(wait_in_child, child);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(task_sleeps(pid, pid, COMES));
	ASSERT_EQ(1, operation_submit(self->home, &args));
	ASSERT_EQ(0, home_thread_start(self->home));
	EXPECT_SENT(self->fd[1], "abc");
	/* It waits at the port, and gets the packet, of which it has nothing. */
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(1, child->harvested);
	EXPECT_EQ(0, self->o.state);
	EXPECT_EQ(3, self->o.bytes);
	EXPECT_EQ('a', self->data[0]);
}

/* ------------------------------------------------------------------- bad memory */

/* The packet tells, and what was not received is there still. */
TEST_F(arguments, buffer_that_goes_bad_while_it_pends)
{
	struct sockiocp_submit args;
	char data[8] = "";

	ASSERT_EQ(0, home_thread_start(self->home));
	args = operation_with_buffer(self->fd[0], &self->o, SOCKIOCP_SUBMIT_RECEIVE,
				     &self->buffer, self->page, 4096);
	ASSERT_EQ(1, operation_submit(self->home, &args));
	ASSERT_EQ(0, munmap(self->page, 4096));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_FAULT, 0);
	EXPECT_EQ(3, sock_recv(self->fd[0], data, sizeof(data)));
}

/* What fits before the bad part is received; the rest stays. */
TEST_F(arguments, buffer_that_is_bad_further_on)
{
	char data[32] = "", sent[] = "0123456789abcdef";
	struct sockiocp_submit args;

	ASSERT_EQ(0, home_thread_start(self->home));
	args = operation_with_buffer(self->fd[0], &self->o, SOCKIOCP_SUBMIT_RECEIVE,
				     &self->buffer, self->page + 4086, 16);
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], sent);
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_FAULT, 0);
	EXPECT_EQ(16, sock_recv(self->fd[0], data, sizeof(data)));
	EXPECT_STREQ(sent, data);
}

/* It is the program's loss; the packet comes, and the data is where it belongs. */
TEST_F(arguments, overlapped_that_cannot_be_written)
{
	struct sockiocp_packet_entry got = { 0 };
	struct sockiocp_submit args = GOOD_ARGS();

	ASSERT_EQ(0, home_thread_start(self->home));
	args.overlapped = (uintptr_t)self->page + 4096;
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_EQ(1, operation_harvest(self->port, &got, 1, COMES));
	EXPECT_EQ(3, got.bytes_transferred);
	EXPECT_EQ('a', self->data[0]);
	/* Half of it. */
	args.overlapped = (uintptr_t)self->page + 4088;
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_EQ(1, operation_harvest(self->port, &got, 1, COMES));
	/* The kernel's. */
	args.overlapped = 0xffff888000000000ULL;
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_EQ(1, operation_harvest(self->port, &got, 1, COMES));
	EXPECT_EQ(3, got.bytes_transferred);
}

/* It was carried out, and the packet could not be handed over: it stays. */
TEST_F(arguments, array_of_the_harvester_that_is_bad)
{
	struct sockiocp_packet_entry *bad = (void *)(self->page + 4096);
	struct sockiocp_submit args = GOOD_ARGS();
	struct sockiocp_process p;
	__u32 received = 0;
	int i;

	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES_FOR(&self->o, self->fd[0], 3);
	for (i = 0; i < 3; i++) {
		/* The first is good, so that it begins. */
		p = device_process(self->port, NULL, 0, bad - 1, 2, &received, 0);
		p.entries = (uintptr_t)bad;
		p.entry_count = 1;
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
	}
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 3);
	EXPECT_EQ('a', self->data[0]);
	EXPECT_NO_PACKET(self->port);
}

struct vanishing {
	struct blocked blocked;
	__u32 received;
};

/* The memory goes while the thread waits, and was looked at. */
TEST_F(arguments, array_that_goes_bad_while_somebody_waits)
{
	struct vanishing v = { .blocked.port = self->port };
	struct sockiocp_submit args = GOOD_ARGS();

	ASSERT_EQ(0, home_thread_start(self->home));
	v.blocked.p = device_process(self->port, NULL, 0, self->page, 1, &v.received,
				     SOCKIOCP_INFINITE);
	ASSERT_EQ(1, blocked_start(&v.blocked));
	ASSERT_EQ(1, operation_submit(self->home, &args));
	ASSERT_EQ(0, munmap(self->page, 4096));
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_EQ(0, pthread_join(v.blocked.thread, NULL));
	EXPECT_EQ(-EFAULT, v.blocked.ret);
	EXPECT_EQ(0, self->o.state);
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 3);
	EXPECT_NO_PACKET(self->port);
}

/* The room for the address is bad: the datagram is told of, with an error. */
TEST_F(arguments, name_of_a_sender_that_cannot_be_written)
{
	struct sockiocp_submit args = GOOD_ARGS();
	__u32 *length = (void *)(self->page + 4096);
	int fd[2];

	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	ASSERT_EQ(0, operation_associate(self->port, fd[0], KEY));
	args.socket = fd[0];
	args.name = (uintptr_t)self->data;
	args.name_length = (uintptr_t)length;
	ASSERT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_FAULT, 0);
	/* It was not received. */
	EXPECT_EQ(3, sock_recv(fd[0], self->data, sizeof(self->data)));
	fd_close(fd[0]);
	fd_close(fd[1]);
}

TEST_HARNESS_MAIN
