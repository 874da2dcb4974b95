// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A thread carries an operation out, and is slow: the memory that is written is somebody
 * else's to bring (userfaultfd(2)).  Packets of a direction still come in the order of the
 * calls, and others go on meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0x7e11

FIXTURE(telling) {
	int port;
	int home;
	int fd[2];
	int other[2];
	int event;
	struct block memory;
	/* The OVERLAPPED that cannot be written yet. */
	struct overlapped *slow;
};

FIXTURE_SETUP(telling)
{
	int ret = block_init(&self->memory, BLOCK_FAULT_IN_KERNEL);

	if (ret == -EPERM)
		SKIP(return, "only root can catch page faults of the kernel");
	ASSERT_EQ(0, ret);
	self->slow = (void *)self->memory.memory;
	self->port = device_open();
	self->home = device_open();
	self->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_LE(0, self->event);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->other, 0));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
	ASSERT_EQ(0, operation_associate(self->port, self->other[0], KEY));
}

FIXTURE_TEARDOWN(telling)
{
	int i;

	for (i = 0; i < 2; i++) {
		fd_close(self->fd[i]);
		fd_close(self->other[i]);
	}
	fd_close(self->event);
	fd_close(self->port);
	fd_close(self->home);
}

/* A receive of one byte that the thread of the home port carries out, for the event's sake. */
static int receive_at_home(int home, int fd, int event, struct overlapped *slow, char *data)
{
	struct sockiocp_buffer buffer;
	struct overlapped o;
	struct sockiocp_submit args = operation_with_buffer(fd, &o, SOCKIOCP_SUBMIT_RECEIVE,
							    &buffer, data, 1);

	args.overlapped = (uintptr_t)slow;
	args.event = event;
	args.flags = SOCKIOCP_SUBMIT_EVENT;
	return operation_submit(home, &args);
}

TEST_F(telling, next_one_waits_for_the_packet_of_the_one_before)
{
	struct overlapped o;
	char data[2] = "";

	ASSERT_EQ(1, receive_at_home(self->home, self->fd[0], self->event, self->slow, &data[0]));
	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o, &data[1], 1));
	EXPECT_SENT(self->fd[1], "ab");
	/* This thread waits for the second one, which it could carry out. */
	EXPECT_NO_PACKET(self->port);
	ASSERT_TRUE(block_is_reached(&self->memory, COMES));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o);
	ASSERT_EQ(0, block_end(&self->memory));
	EXPECT_PACKET(self->port, KEY, self->slow, 0, 1);
	EXPECT_PACKET(self->port, KEY, &o, 0, 1);
	EXPECT_EQ('a', data[0]);
	EXPECT_EQ('b', data[1]);
	EXPECT_NO_PACKET(self->port);
}

TEST_F(telling, new_one_waits_for_the_packet_of_the_one_before)
{
	struct overlapped o;
	char data[2] = "";

	ASSERT_EQ(1, receive_at_home(self->home, self->fd[0], self->event, self->slow, &data[0]));
	EXPECT_SENT(self->fd[1], "ab");
	ASSERT_TRUE(block_is_reached(&self->memory, COMES));
	/* It could be done at once. */
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, &data[1], 1));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o);
	ASSERT_EQ(0, block_end(&self->memory));
	EXPECT_PACKET(self->port, KEY, self->slow, 0, 1);
	EXPECT_PACKET(self->port, KEY, &o, 0, 1);
	EXPECT_EQ('a', data[0]);
	EXPECT_EQ('b', data[1]);
	EXPECT_NO_PACKET(self->port);
}

TEST_F(telling, others_go_on_meanwhile)
{
	struct overlapped o, send, more;
	char data[2] = "";

	ASSERT_EQ(1, receive_at_home(self->home, self->fd[0], self->event, self->slow, &data[0]));
	EXPECT_SENT(self->fd[1], "a");
	ASSERT_TRUE(block_is_reached(&self->memory, COMES));
	/* Of another socket, and of the other direction. */
	EXPECT_EQ(1, operation_receive(self->home, self->other[0], &o, &data[1], 1));
	EXPECT_SENT(self->other[1], "b");
	EXPECT_PACKET(self->port, KEY, &o, 0, 1);
	EXPECT_EQ(0, operation_send(self->home, self->fd[0], &send, "x", 1));
	EXPECT_PACKET(self->port, KEY, &send, 0, 1);
	/* What waits behind it can be cancelled; it has ended itself. */
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &more, &data[1], 1));
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_PACKET(self->port, KEY, &more, STATUS_IS_CANCELLED, 0);
	EXPECT_EQ(0, device_call(self->home, SOCKIOCP_CLOSE_SOCKET,
				 (void *)(intptr_t)self->fd[0]));
	self->fd[0] = -1;
	ASSERT_EQ(0, block_end(&self->memory));
	EXPECT_PACKET(self->port, KEY, self->slow, 0, 1);
	EXPECT_NO_PACKET(self->port);
	EXPECT_OPERATIONS(self->home, 0);
}

TEST_F(telling, memory_that_goes_bad_holds_nobody_up)
{
	struct sockiocp_packet_entry got = { 0 };
	struct overlapped o;
	char data[2] = "";

	ASSERT_EQ(1, receive_at_home(self->home, self->fd[0], self->event, self->slow, &data[0]));
	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o, &data[1], 1));
	EXPECT_SENT(self->fd[1], "ab");
	ASSERT_TRUE(block_is_reached(&self->memory, COMES));
	ASSERT_EQ(0, block_fail(&self->memory));
	EXPECT_EQ(1, operation_harvest(self->port, &got, 1, COMES));
	EXPECT_EQ((uintptr_t)self->slow, got.overlapped);
	EXPECT_PACKET(self->port, KEY, &o, 0, 1);
}

/* Both are stuck, and nobody will help them. */
static struct {
	int *fd;
	int *other;
	int port;
	int home;
	int event;
	int *stuck;
} job;

static void get_stuck(void *unused)
{
	struct block memory, buffer;
	struct overlapped o;
	char data;

	(void)unused;
	if (block_init(&memory, BLOCK_FAULT_IN_KERNEL) || block_init(&buffer, BLOCK_FAULT_IN_KERNEL))
		_exit(1);
	home_thread_start(job.home);
	home_thread_start(job.home);
	receive_at_home(job.home, job.fd[0], job.event, (void *)memory.memory, &data);
	receive_at_home(job.home, job.other[0], job.event, &o, buffer.memory);
	sock_send(job.fd[1], "ab", 2);
	sock_send(job.other[1], "ab", 2);
	if (!block_is_reached(&memory, COMES) || !block_is_reached(&buffer, COMES))
		_exit(2);
	__atomic_store_n(job.stuck, 1, __ATOMIC_RELEASE);
	pause();
}

/* The packet of this operation, perhaps behind some of the process that is gone. */
static int packet_of(int port, const struct overlapped *o, struct sockiocp_packet_entry *got)
{
	int ret;

	do
		ret = operation_harvest(port, got, 1, COMES);
	while (ret == 1 && got->overlapped != (uintptr_t)o);
	return ret;
}

/* What it had received is lost with it, and nothing else is. */
TEST(killed_process_is_gone_though_its_memory_is_slow)
{
	int fd[2], other[2], home, pid, i, event = eventfd(0, EFD_CLOEXEC);
	int port = device_open(), own = device_open();
	struct sockiocp_packet_entry got;
	struct overlapped o[2];
	char data[2] = "";
	int64_t end;

	ASSERT_EQ(0, home_thread_start(own));
	home = device_open();
	job.stuck = shared_memory(sizeof(int));
	ASSERT_NE(NULL, job.stuck);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, tcp_pair(FAM_INET, other, 0));
	ASSERT_EQ(0, operation_associate(port, fd[0], KEY));
	ASSERT_EQ(0, operation_associate(port, other[0], KEY));
	job.fd = fd;
	job.other = other;
	job.home = home;
	job.event = event;
	pid = process_start(get_stuck, NULL);
	ASSERT_LT(0, pid);
	end = now_ms() + 3 * COMES;
	while (!__atomic_load_n(job.stuck, __ATOMIC_ACQUIRE) && now_ms() < end)
		sleep_ms(5);
	ASSERT_EQ(1, __atomic_load_n(job.stuck, __ATOMIC_ACQUIRE));
	/* Behind those that are stuck. */
	EXPECT_EQ(1, operation_receive(own, fd[0], &o[0], &data[0], 1));
	EXPECT_EQ(1, operation_cancel(own, fd[0], &o[0], 0));
	EXPECT_PACKET(port, KEY, &o[0], STATUS_IS_CANCELLED, 0);
	EXPECT_EQ(1, operation_receive(own, fd[0], &o[0], &data[0], 1));
	EXPECT_EQ(0, process_kill(pid));
	EXPECT_EQ(1, packet_of(port, &o[0], &got));
	EXPECT_EQ(0, o[0].state);
	EXPECT_EQ('b', data[0]);
	for (i = 0; i < 100 && fdinfo_value(home, "operations"); i++)
		sleep_ms(10 * patience());
	EXPECT_OPERATIONS(home, 0);
	EXPECT_LE(0, operation_receive(own, other[0], &o[1], &data[1], 1));
	EXPECT_EQ(1, packet_of(port, &o[1], &got));
	EXPECT_EQ(0, o[1].state);
	EXPECT_NO_PACKET(port);
	for (i = 0; i < 2; i++) {
		fd_close(fd[i]);
		fd_close(other[i]);
	}
	fd_close(event);
	fd_close(own);
	fd_close(home);
	fd_close(port);
}

TEST_HARNESS_MAIN
