// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations that end before they are carried out: they are cancelled, or their socket or
 * one of the ports is closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0xe4d
/* How long until a socket is found closed that was closed by close(2). */
#define FOUND	(5000 * patience())

FIXTURE(ending) {
	int port;
	int home;
	int fd[2];
	char data[64];
};

FIXTURE_SETUP(ending)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, small_pair(self->fd));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
}

FIXTURE_TEARDOWN(ending)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

#define RECEIVE(o)							\
	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], o, self->data,	\
				       sizeof(self->data)))

static int close_socket(int home, int fd)
{
	return device_call(home, SOCKIOCP_CLOSE_SOCKET, (void *)(intptr_t)fd);
}

/* ------------------------------------------------------------------- cancel */

TEST_F(ending, cancel_of_nothing_finds_nothing)
{
	EXPECT_EQ(0, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_EQ(0, operation_cancel(self->home, self->fd[1], NULL, 0));
	EXPECT_NO_PACKET(self->port);
}

TEST_F(ending, cancel_of_all_ends_all)
{
	static char much[1 << 20];
	struct overlapped o[3];

	RECEIVE(&o[0]);
	RECEIVE(&o[1]);
	ASSERT_EQ(1, operation_send(self->home, self->fd[0], &o[2], much, sizeof(much)));
	EXPECT_EQ(3, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_ALL_END(self->port, o, 3, STATUS_IS_CANCELLED, 0);
	EXPECT_EQ(0, operation_cancel(self->home, self->fd[0], NULL, 0));
	/* The next ones are as if nothing had been. */
	RECEIVE(&o[0]);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o[0], 0, 3);
}

/* It gives way after each then, since those who poll are woken. */
TEST_F(ending, cancel_of_all_ends_all_of_a_port_that_is_polled)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct overlapped o[3];
	int i, epoll = epoll_create1(0);

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->port, &event));
	for (i = 0; i < 3; i++)
		RECEIVE(&o[i]);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(3, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, COMES));
	EXPECT_ALL_END(self->port, o, 3, STATUS_IS_CANCELLED, 0);
	fd_close(epoll);
}

TEST_F(ending, cancel_by_address_ends_that_one)
{
	struct overlapped o[4];

	RECEIVE(&o[0]);
	RECEIVE(&o[1]);
	RECEIVE(&o[2]);
	EXPECT_EQ(0, operation_cancel(self->home, self->fd[0], &o[3], 0));
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], &o[1], 0));
	EXPECT_PACKET(self->port, KEY, &o[1], STATUS_IS_CANCELLED, 0);
	EXPECT_PENDS(&o[0]);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o[0], 0, 3);
	/* The first one. */
	RECEIVE(&o[0]);
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], &o[2], 0));
	EXPECT_PACKET(self->port, KEY, &o[2], STATUS_IS_CANCELLED, 0);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o[0], 0, 3);
	EXPECT_NO_PACKET(self->port);
}

/* As many as there may be, in both directions; and each is counted once. */
TEST_F(ending, cancel_of_many_counts_each_once)
{
	enum { COUNT = 1024 };
	static struct overlapped o[2 * COUNT];
	static char much[1 << 20];
	int i;

	for (i = 0; i < COUNT; i++) {
		RECEIVE(&o[i]);
		ASSERT_EQ(1, operation_send(self->home, self->fd[0], &o[COUNT + i], much,
					    sizeof(much)));
	}
	EXPECT_EQ(2 * COUNT, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_ALL_END(self->port, o, 2 * COUNT, STATUS_IS_CANCELLED, 0);
	EXPECT_OPERATIONS(self->home, 0);
}

static struct receiver {
	int home;
	int fd;
	void *data;
	struct overlapped o;
	int submitted;
	int cancelled;
} other;

static void *submit_in_thread(void *unused)
{
	other.submitted = operation_receive(other.home, other.fd, &other.o, other.data, 8);
	other.cancelled = operation_cancel(other.home, other.fd, NULL,
					   SOCKIOCP_CANCEL_OF_THREAD);
	if (unused)
		other.submitted = operation_receive(other.home, other.fd, &other.o, other.data,
						    8);
	return NULL;
}

static int submit_by_a_thread(int home, int fd, void *data, int again)
{
	pthread_t thread;

	other = (struct receiver) { .home = home, .fd = fd, .data = data };
	if (pthread_create(&thread, NULL, submit_in_thread, again ? &other : NULL))
		return -1;
	pthread_join(thread, NULL);
	return other.submitted;
}

TEST_F(ending, cancel_of_a_thread_ends_its_own)
{
	struct overlapped o;

	RECEIVE(&o);
	EXPECT_EQ(1, submit_by_a_thread(self->home, self->fd[0], self->data, 1));
	EXPECT_EQ(1, other.cancelled);
	EXPECT_PENDS(&o);
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], NULL,
				      SOCKIOCP_CANCEL_OF_THREAD));
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_EQ(0, operation_cancel(self->home, self->fd[0], NULL, 0));
}

/* spec: the thread's end is not the operation's. */
TEST_F(ending, thread_that_exits_leaves_its_operations)
{
	EXPECT_EQ(1, submit_by_a_thread(self->home, self->fd[0], self->data, 1));
	EXPECT_PACKET(self->port, KEY, &other.o, STATUS_IS_CANCELLED, 0);
}

/* ---------------------------------------------------------- the end of a thread */

#define OF_THREAD	SOCKIOCP_SUBMIT_OF_THREAD
#define AT_EACH		700
/* Each with one. */
#define OTHERS		200

/* What a thread has submitted, and what it was told of its end. */
static struct {
	int home, fd[2], event;
	int submitted, cancelled, left;
	struct overlapped o[2 * AT_EACH + OTHERS], stays[2];
	int others[OTHERS];
	char data[8];
} thread_of;

static void submit_of_thread(int fd, struct overlapped *o, __u32 flags)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args = operation_with_buffer(fd, o, SOCKIOCP_SUBMIT_RECEIVE,
							    &buffer, thread_of.data, 8);

	args.flags = flags;
	if (flags & SOCKIOCP_SUBMIT_EVENT)
		args.event = thread_of.event;
	thread_of.submitted += operation_submit(thread_of.home, &args) == 1;
}

/* Those of the associated socket have an event; the others have no port. */
static void *submit_and_end(void *unused)
{
	int i;

	submit_of_thread(thread_of.fd[0], &thread_of.stays[0], OF_THREAD);
	submit_of_thread(thread_of.fd[1], &thread_of.stays[1], 0);
	for (i = 0; i < AT_EACH; i++) {
		submit_of_thread(thread_of.fd[0], &thread_of.o[i],
				 OF_THREAD | SOCKIOCP_SUBMIT_EVENT);
		submit_of_thread(thread_of.fd[1], &thread_of.o[AT_EACH + i], OF_THREAD);
	}
	for (i = 0; i < OTHERS; i++)
		submit_of_thread(thread_of.others[i], &thread_of.o[2 * AT_EACH + i], OF_THREAD);
	thread_of.cancelled = operation_cancel(thread_of.home, 0, NULL,
					       SOCKIOCP_CANCEL_END_OF_THREAD);
	thread_of.left = operation_cancel(thread_of.home, 0, NULL,
					  SOCKIOCP_CANCEL_END_OF_THREAD);
	return unused;
}

TEST_F(ending, end_of_a_thread_ends_all_that_have_no_port_or_an_event)
{
	struct overlapped mine;
	pthread_t thread;
	int i, number, wrong = 0;

	thread_of.home = self->home;
	thread_of.fd[0] = self->fd[0];
	thread_of.fd[1] = self->fd[1];
	thread_of.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, thread_of.event);
	for (i = 0; i < OTHERS; i++) {
		thread_of.others[i] = udp_bound(FAM_INET, &number);
		ASSERT_LE(0, thread_of.others[i]);
	}
	RECEIVE(&mine);
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_and_end, NULL));
	pthread_join(thread, NULL);
	EXPECT_EQ(2 + 2 * AT_EACH + OTHERS, thread_of.submitted);
	EXPECT_EQ(2 * AT_EACH + OTHERS, thread_of.cancelled);
	EXPECT_EQ(0, thread_of.left);
	EXPECT_PENDS(&mine);
	EXPECT_PENDS(&thread_of.stays[0]);
	EXPECT_PENDS(&thread_of.stays[1]);
	for (i = 0; i < 2 * AT_EACH + OTHERS; i++)
		wrong += operation_ends(self->port, &thread_of.o[i], COMES) != 1 ||
			 thread_of.o[i].state != STATUS_IS_CANCELLED;
	EXPECT_EQ(0, wrong);
	EXPECT_OPERATIONS(self->home, 3);
	EXPECT_EQ(0, operation_cancel(self->home, 0, NULL, SOCKIOCP_CANCEL_END_OF_THREAD));
	for (i = 0; i < OTHERS; i++)
		fd_close(thread_of.others[i]);
	fd_close(thread_of.event);
}

static void end_thread_of_another_process(void *arg)
{
	int *result = arg;

	result[1] = operation_cancel(result[0], 0, NULL, SOCKIOCP_CANCEL_END_OF_THREAD);
}

TEST_F(ending, end_of_a_thread_is_for_all_sockets_by_ones_own_home_port)
{
	const __u32 both = SOCKIOCP_CANCEL_END_OF_THREAD | SOCKIOCP_CANCEL_OF_THREAD;
	int *result = shared_memory(2 * sizeof(*result));
	struct overlapped o;

	ASSERT_NE(NULL, result);
	EXPECT_EQ(-EINVAL, operation_cancel(self->home, self->fd[0], NULL,
					    SOCKIOCP_CANCEL_END_OF_THREAD));
	EXPECT_EQ(-EINVAL, operation_cancel(self->home, 0, &o, SOCKIOCP_CANCEL_END_OF_THREAD));
	EXPECT_EQ(-EINVAL, operation_cancel(self->home, self->fd[0], NULL, both));
	/* One that is nobody's home. */
	EXPECT_EQ(0, operation_cancel(self->port, 0, NULL, SOCKIOCP_CANCEL_END_OF_THREAD));
	RECEIVE(&o);
	result[0] = self->home;
	EXPECT_EQ(0, child_status(process_start(end_thread_of_another_process, result), COMES));
	EXPECT_EQ(-EXDEV, result[1]);
	EXPECT_PENDS(&o);
}

struct child {
	int home;
	int fd;
	int cancelled;
};

/* Submits, and does not come for what it has submitted. */
static void receive_and_rest(void *arg)
{
	struct child *child = arg;
	static struct overlapped o;
	static char data[8];
	int home = device_open();

	__atomic_store_n(&child->home, operation_receive(home, child->fd, &o, data,
							 sizeof(data)), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

TEST_F(ending, operations_of_another_process_keep_those_behind_waiting)
{
	struct child *child = shared_memory(sizeof(*child));
	struct overlapped o;
	int64_t until = now_ms() + COMES;
	int pid;

	ASSERT_NE(NULL, child);
	child->fd = self->fd[0];
	pid = process_start(receive_and_rest, child);
	while (!__atomic_load_n(&child->home, __ATOMIC_SEQ_CST) && now_ms() < until)
		sleep_ms(1);
	ASSERT_EQ(1, child->home);
	RECEIVE(&o);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o);
	process_kill(pid);
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

static void cancel_in_child(void *arg)
{
	struct child *child = arg;
	int port = device_open();

	child->cancelled = operation_cancel(port, child->fd, NULL, 0) +
			   operation_cancel(child->home, child->fd, NULL, 0);
}

TEST_F(ending, cancel_finds_nothing_of_another_process)
{
	struct child *child = shared_memory(sizeof(*child));
	struct overlapped o;

	ASSERT_NE(NULL, child);
	RECEIVE(&o);
	*child = (struct child) { .home = self->home, .fd = self->fd[0], .cancelled = -1 };
	EXPECT_EQ(0, child_status(process_start(cancel_in_child, child), COMES));
	EXPECT_EQ(0, child->cancelled);
	EXPECT_PENDS(&o);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

/* ---------------------------------------------------------- the socket is closed */

TEST_F(ending, close_of_the_socket_ends_all)
{
	static char much[1 << 20];
	struct overlapped o[3];

	RECEIVE(&o[0]);
	RECEIVE(&o[1]);
	ASSERT_EQ(1, operation_send(self->home, self->fd[0], &o[2], much, sizeof(much)));
	EXPECT_EQ(0, close_socket(self->home, self->fd[0]));
	EXPECT_ALL_END(self->port, o, 3, STATUS_IS_ABORTED, 0);
	EXPECT_EQ(-EBADF, close_socket(self->home, self->fd[0]));
	self->fd[0] = -1;
	EXPECT_OPERATIONS(self->home, 0);
	EXPECT_EQ(0, fdinfo_value(self->port, "endpoints"));
	/* And it was closed: the peer sees that. */
	EXPECT_TRUE(sock_becomes(self->fd[1], SEE_IN, COMES));
}

TEST_F(ending, close_of_many_ends_all)
{
	enum { COUNT = 1000 };
	static struct overlapped o[COUNT];
	int i;

	for (i = 0; i < COUNT; i++)
		RECEIVE(&o[i]);
	EXPECT_EQ(0, close_socket(self->home, self->fd[0]));
	self->fd[0] = -1;
	EXPECT_ALL_END(self->port, o, COUNT, STATUS_IS_ABORTED, 0);
}

/* Nobody harvests what is before it, and it is not found later: the close has ended it. */
TEST_F(ending, close_of_many_ends_what_another_home_port_has_behind_them)
{
	enum { COUNT = 1000 };
	int i, fd, number, first = device_open(), other = device_open();
	struct sockiocp_packet_entry got = { 0 };
	static struct overlapped o[COUNT];
	struct overlapped last;

	fd = udp_bound(FAM_INET, &number);
	ASSERT_LE(0, fd);
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(1, operation_receive(first, fd, &o[i], self->data, 8));
	ASSERT_EQ(1, operation_receive(other, fd, &last, self->data, 8));
	EXPECT_EQ(0, close_socket(self->home, fd));
	EXPECT_EQ(1, operation_harvest(other, &got, 1, 0));
	EXPECT_EQ((uintptr_t)&last, got.overlapped);
	EXPECT_EQ(STATUS_IS_CANCELLED, last.state);
	EXPECT_ALL_END(first, o, COUNT, STATUS_IS_CANCELLED, 0);
	fd_close(first);
	fd_close(other);
}

TEST_F(ending, close_of_a_datagram_socket_cancels)
{
	struct overlapped o;
	int fd[2];

	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	ASSERT_EQ(0, operation_associate(self->port, fd[0], KEY));
	ASSERT_EQ(1, operation_receive(self->home, fd[0], &o, self->data, 8));
	EXPECT_EQ(0, close_socket(self->home, fd[0]));
	EXPECT_PACKET(self->port, KEY, &o, STATUS_IS_CANCELLED, 0);
	fd_close(fd[1]);
}

TEST_F(ending, close_of_a_duplicate_ends_nothing)
{
	int dup = fd_dup(self->fd[0]);
	struct overlapped o;

	ASSERT_LE(0, dup);
	RECEIVE(&o);
	EXPECT_EQ(0, close_socket(self->home, self->fd[0]));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o);
	self->fd[0] = dup;
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	RECEIVE(&o);
	EXPECT_EQ(0, close_socket(self->home, dup));
	EXPECT_PACKET(self->port, KEY, &o, STATUS_IS_ABORTED, 0);
	self->fd[0] = -1;
}

TEST_F(ending, close_of_what_is_no_socket_closes_nothing)
{
	EXPECT_EQ(-ENOTSOCK, close_socket(self->home, self->port));
	EXPECT_EQ(0, fdinfo_value(self->port, "packets"));
	EXPECT_EQ(-EBADF, close_socket(self->home, 12345));
	EXPECT_EQ(-EBADF, close_socket(self->home, -1));
}

/* A receive that waits for all, and stops in the middle of what is there. */
struct stopped {
	struct block block;
	struct sockiocp_submit args;
	struct sockiocp_buffer buffer;
	struct overlapped o;
	int home;
	int ret;
};

static void *submit_stopped(void *arg)
{
	struct stopped *stopped = arg;

	stopped->ret = operation_submit(stopped->home, &stopped->args);
	return NULL;
}

/* Whoever carries one out has the last reference then, and the socket ends with that. */
static int close_stopped(struct stopped *stopped)
{
	int ret = close_socket(stopped->home, stopped->args.socket);

	return ret ?: block_end(&stopped->block);
}

#define STOPPED(stopped)						\
	do {								\
		int error_ = block_init(&(stopped)->block, BLOCK_FAULT_IN_KERNEL);	\
		if (error_ == -EPERM || error_ == -ENOSYS)		\
			SKIP(return, "no userfaultfd here");		\
		ASSERT_EQ(0, error_);					\
		(stopped)->home = self->home;				\
		(stopped)->args = operation_with_buffer(self->fd[0], &(stopped)->o,	\
							SOCKIOCP_SUBMIT_RECEIVE,	\
							&(stopped)->buffer,	\
							(stopped)->block.memory, 8);	\
		(stopped)->args.message_flags = MSG_WAITALL;		\
	} while (0)

/* Long before the reaper comes by, every two seconds. */
#define AT_ONCE	1000

TEST_F(ending, close_while_one_is_submitted_ends_it)
{
	struct sockiocp_packet_entry got;
	struct stopped stopped;
	pthread_t thread;

	STOPPED(&stopped);
	EXPECT_SENT(self->fd[1], "ab");
	ASSERT_ARRIVES(self->fd[0], 2);
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_stopped, &stopped));
	ASSERT_TRUE(block_is_reached(&stopped.block, COMES));
	EXPECT_EQ(0, close_stopped(&stopped));
	self->fd[0] = -1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, stopped.ret);
	/* At once: at the latest when a thread that stood still has been overtaken by another. */
	EXPECT_EQ(1, operation_harvest(self->port, &got, 1, AT_ONCE));
	EXPECT_EQ(STATUS_IS_ABORTED, stopped.o.state);
}

static void *harvest_stopped(void *arg)
{
	struct stopped *stopped = arg;
	struct sockiocp_packet_entry got;

	stopped->ret = operation_harvest(stopped->home, &got, 1, 0);
	return NULL;
}

TEST_F(ending, close_while_one_is_carried_out_ends_it)
{
	struct sockiocp_packet_entry got;
	struct stopped stopped;
	pthread_t thread;

	STOPPED(&stopped);
	stopped.args.flags = SOCKIOCP_SUBMIT_TO_HOME;
	stopped.home = device_open();
	ASSERT_LE(0, stopped.home);
	ASSERT_EQ(1, operation_submit(stopped.home, &stopped.args));
	EXPECT_SENT(self->fd[1], "ab");
	ASSERT_EQ(SEE_IN, fd_sees(stopped.home, COMES));
	ASSERT_EQ(0, pthread_create(&thread, NULL, harvest_stopped, &stopped));
	ASSERT_TRUE(block_is_reached(&stopped.block, COMES));
	EXPECT_EQ(0, close_stopped(&stopped));
	self->fd[0] = -1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ETIME, stopped.ret);
	/* At once. */
	EXPECT_EQ(1, operation_harvest(stopped.home, &got, 1, 0));
	EXPECT_EQ(STATUS_IS_ABORTED, stopped.o.state);
	fd_close(stopped.home);
}

TEST_F(ending, plain_close_is_found)
{
	struct sockiocp_packet_entry got;
	struct overlapped o;
	int64_t start;

	RECEIVE(&o);
	EXPECT_EQ(0, fd_close(self->fd[0]));
	self->fd[0] = -1;
	start = now_ms();
	EXPECT_EQ(1, operation_harvest(self->port, &got, 1, FOUND));
	TH_LOG("found after %d ms", (int)(now_ms() - start));
	EXPECT_EQ((uintptr_t)&o, got.overlapped);
	EXPECT_EQ(STATUS_IS_ABORTED, o.state);
	EXPECT_OPERATIONS(self->home, 0);
}

/* It takes a moment of everybody's time for each that the whole machine is idle. */
TEST_F(ending, plain_close_is_found_each_time)
{
	struct sockiocp_packet_entry got;
	struct overlapped o;
	int i, fd[2];
	int64_t start;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
		ASSERT_EQ(0, operation_associate(self->port, fd[0], KEY));
		ASSERT_EQ(1, operation_receive(self->home, fd[0], &o, self->data, 8));
		EXPECT_EQ(0, fd_close(fd[0]));
		start = now_ms();
		EXPECT_EQ(1, operation_harvest(self->port, &got, 1, FOUND));
		TH_LOG("found after %d ms", (int)(now_ms() - start));
		EXPECT_EQ(STATUS_IS_ABORTED, o.state);
		fd_close(fd[1]);
	}
}

/* ------------------------------------------------------------- a port is closed */

/* The operation goes on; there is nowhere for its packet. */
TEST_F(ending, of_the_port_leaves_operations_that_pend)
{
	struct overlapped o[2];

	RECEIVE(&o[0]);
	RECEIVE(&o[1]);
	EXPECT_EQ(0, fd_close(self->port));
	self->port = -1;
	EXPECT_PENDS(&o[0]);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_TRUE(operation_ends(self->home, &o[0], COMES));
	EXPECT_EQ(0, o[0].state);
	EXPECT_EQ(3, o[0].bytes);
	EXPECT_PENDS(&o[1]);
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_TRUE(operation_ends(self->home, &o[1], COMES));
	EXPECT_EQ(STATUS_IS_CANCELLED, o[1].state);
}

/* What stands in the queue of the port, to be carried out, goes home. */
TEST_F(ending, of_the_port_sends_home_what_is_queued)
{
	struct overlapped o;

	RECEIVE(&o);
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES_FOR(&o, self->fd[0], 3);
	EXPECT_EQ(0, fd_close(self->port));
	self->port = -1;
	EXPECT_TRUE(operation_ends(self->home, &o, COMES));
	EXPECT_EQ(3, o.bytes);
	EXPECT_OPERATIONS(self->home, 0);
}

/* Closed for all, while somebody has a descriptor still. */
TEST_F(ending, of_the_port_for_all_leaves_nothing_in_it)
{
	struct overlapped o[3];

	RECEIVE(&o[0]);
	RECEIVE(&o[1]);
	RECEIVE(&o[2]);
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES_FOR(&o[0], self->fd[0], 3);
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_TRUE(operation_ends(self->home, &o[0], COMES));
	EXPECT_EQ(3, o[0].bytes);
	EXPECT_SENT(self->fd[1], "abcd");
	EXPECT_TRUE(operation_ends(self->home, &o[1], COMES));
	EXPECT_EQ(4, o[1].bytes);
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_TRUE(operation_ends(self->home, &o[2], COMES));
	EXPECT_EQ(STATUS_IS_CANCELLED, o[2].state);
	EXPECT_OPERATIONS(self->home, 0);
}

/* Nothing of the program's is touched any more, and nothing is received. */
TEST_F(ending, of_the_home_port_drops_operations)
{
	/* Without a thread. */
	int i, home = device_open();
	struct overlapped o[3];

	ASSERT_LE(0, home);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, operation_receive(home, self->fd[0], &o[i], self->data, 8));
	/* The first one is in the queue. */
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	EXPECT_EQ(0, fd_close(home));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o[0]);
	EXPECT_PENDS(&o[1]);
	EXPECT_EQ(3, sock_recv(self->fd[0], self->data, 8));
	/* Another one goes on. */
	RECEIVE(&o[2]);
	EXPECT_SENT(self->fd[1], "abcd");
	EXPECT_PACKET(self->port, KEY, &o[2], 0, 4);
	EXPECT_NO_PACKET(self->port);
}

/* Those of others go on. */
TEST_F(ending, of_the_home_port_wakes_the_next_of_another)
{
	int home = device_open();
	struct overlapped o[2];

	ASSERT_LE(0, home);
	ASSERT_EQ(1, operation_receive(home, self->fd[0], &o[0], self->data, 8));
	RECEIVE(&o[1]);
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	EXPECT_EQ(0, fd_close(home));
	EXPECT_PACKET(self->port, KEY, &o[1], 0, 3);
	EXPECT_PENDS(&o[0]);
}

/* What is done has a packet, whoever submitted it and is gone. */
TEST_F(ending, of_the_home_port_keeps_what_is_done)
{
	struct overlapped o;

	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	ASSERT_EQ(0, operation_receive(self->home, self->fd[0], &o, self->data, 8));
	EXPECT_EQ(0, fd_close(self->home));
	self->home = -1;
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

TEST_F(ending, of_all_at_once_leaves_nothing)
{
	static struct overlapped o[100];
	int i;

	for (i = 0; i < 100; i++)
		RECEIVE(&o[i]);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_EQ(0, fd_close(self->fd[0]));
	EXPECT_EQ(0, fd_close(self->home));
	EXPECT_EQ(0, fd_close(self->port));
	self->fd[0] = self->home = self->port = -1;
	sleep_ms(COMES_NOT);
	/* The module may have found the socket closed before the home port was. */
	for (i = 0; i < 100; i++)
		EXPECT_TRUE(o[i].state == STATUS_IS_PENDING || o[i].state == STATUS_IS_ABORTED);
	if (!geteuid())
		EXPECT_EQ(0, slab_objects("sockiocp_operation"));
}

TEST_HARNESS_MAIN
