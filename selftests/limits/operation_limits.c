// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * How many operations a user, and a socket, may have; and whose memory they are.
 *
 * Each test lowers a limit for the whole machine and opens its ports as a user of its own, so
 * that what others hold does not matter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/cgroup.h"
#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0x117
#define USER	54322
#define LIMIT	"max_user_operations"
#define MAX	1024

FIXTURE(operation_limits) {
	int port;
	int home;
	int fd[2];
	long long limit;
};

/* Without root's rights there is no port, and NEEDS_ROOT() skips the test. */
FIXTURE_SETUP(operation_limits)
{
	self->port = -1;
	if (geteuid())
		return;
	self->limit = param_get(LIMIT);
	ASSERT_LT(0, self->limit);
	ASSERT_EQ(0, setresuid(USER, -1, -1));
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, small_pair(self->fd));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
}

FIXTURE_TEARDOWN(operation_limits)
{
	if (self->port < 0)
		return;
	EXPECT_EQ(0, param_set(LIMIT, self->limit));
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

#define NEEDS_ROOT()							\
	do {								\
		if (self->port < 0)					\
			SKIP(return, "only root can change the limits");\
	} while (0)

static char data[64];

TEST_F(operation_limits, operation_over_the_limit_is_refused)
{
	struct overlapped o[6];
	int i;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(LIMIT, 4));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(i < 4 ? 1 : -ENOBUFS,
			  operation_receive(self->home, self->fd[0], &o[i], data, 8));
	EXPECT_PENDS(&o[4]);
	EXPECT_OPERATIONS(self->home, 4);
	/* Also what would complete at once. */
	EXPECT_EQ(-ENOBUFS, operation_send(self->home, self->fd[0], &o[4], data, 8));
	/* Those that are there go on; one counts as long as its packet is queued. */
	EXPECT_SENT(self->fd[1], "abcdefgh");
	EXPECT_PACKET(self->port, KEY, &o[0], 0, 8);
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[0], data, 8));
	EXPECT_EQ(-ENOBUFS, operation_receive(self->home, self->fd[0], &o[4], data, 8));
	EXPECT_EQ(4, operation_cancel(self->home, self->fd[0], NULL, 0));
	o[4] = o[0];
	EXPECT_ALL_END(self->port, o, 4, STATUS_IS_CANCELLED, 0);
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[0], data, 8));
}

/* Another home port of the same user counts too; another user's does not. */
TEST_F(operation_limits, counts_all_of_a_user)
{
	struct overlapped o[3];
	int home;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(LIMIT, 1));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[0], data, 8));
	home = device_open();
	EXPECT_EQ(-ENOBUFS, operation_receive(home, self->fd[0], &o[1], data, 8));
	fd_close(home);
	ASSERT_EQ(0, setresuid(USER + 1, -1, -1));
	home = device_open();
	EXPECT_EQ(1, operation_receive(home, self->fd[0], &o[1], data, 8));
	fd_close(home);
	/* What was dropped counts no more. */
	home = device_open();
	EXPECT_EQ(1, operation_receive(home, self->fd[0], &o[1], data, 8));
	fd_close(home);
}

/* What is beside an operation is memory as well. */
TEST_F(operation_limits, many_buffers_count_for_more)
{
	static struct sockiocp_buffer buffer[1024];
	struct sockiocp_submit args;
	struct overlapped o[2];
	int i, n;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(LIMIT, 100));
	for (i = 0; i < 1024; i++)
		buffer[i] = (struct sockiocp_buffer) { .length = 1, .address = (uintptr_t)data };
	for (n = 0; n < 2; n++) {
		args = operation_args(self->fd[0], &o[n], SOCKIOCP_SUBMIT_RECEIVE);
		args.buffers = (uintptr_t)buffer;
		args.buffer_count = 1024;
		EXPECT_EQ(n ? -ENOBUFS : 1, operation_submit(self->home, &args));
	}
	args.buffer_count = 2;
	args.overlapped = (uintptr_t)&o[1];
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_EQ(2, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_ALL_END(self->port, o, 2, STATUS_IS_CANCELLED, 0);
	EXPECT_OPERATIONS(self->home, 0);
	/* All of it was given back. */
	args.buffer_count = 1024;
	o[1].state = STATUS_IS_PENDING;
	EXPECT_EQ(1, operation_submit(self->home, &args));
}

TEST_F(operation_limits, socket_has_so_many_in_each_direction)
{
	static struct overlapped o[2 * MAX], one_more;
	static char much[1 << 20];
	int i;

	NEEDS_ROOT();
	for (i = 0; i < MAX; i++) {
		ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o[i], data, 8));
		ASSERT_EQ(1, operation_send(self->home, self->fd[0], &o[MAX + i], much,
					    sizeof(much)));
	}
	EXPECT_EQ(-ENOBUFS, operation_receive(self->home, self->fd[0], &one_more, data, 8));
	EXPECT_PENDS(&one_more);
	EXPECT_EQ(-ENOBUFS, operation_send(self->home, self->fd[0], &one_more, much, 1));
	EXPECT_EQ(-ENOBUFS, operation_simple(self->home, self->fd[0], &one_more,
					     SOCKIOCP_SUBMIT_POLL_IN, 0, 0));
	EXPECT_PENDS(&one_more);
	EXPECT_OPERATIONS(self->home, 2 * MAX);
	EXPECT_EQ(2 * MAX, operation_cancel(self->home, self->fd[0], NULL,
					    SOCKIOCP_CANCEL_OF_THREAD));
	EXPECT_ALL_END(self->port, o, 2 * MAX, STATUS_IS_CANCELLED, 0);
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &one_more, data, 8));
}

/* One that is refused takes no data along. */
TEST_F(operation_limits, refusal_loses_nothing)
{
	struct overlapped o;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(LIMIT, 0));
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	EXPECT_EQ(-ENOBUFS, operation_receive(self->home, self->fd[0], &o, data, 8));
	EXPECT_PENDS(&o);
	EXPECT_EQ(3, sock_recv(self->fd[0], data, 8));
}

/* ------------------------------------------------------------------- memory */

/* A kernel may count 32 pages late on each processor: so many that this does not matter. */
#define SOCKETS	4

struct pays {
	struct cgroup group;
	int ready;
	int submitted;
	int error;
	int fd[SOCKETS][2];
	int home;
};

static void submit_many(void *arg)
{
	static struct overlapped o;
	struct pays *pays = arg;
	int ret = 1;

	if (cgroup_enter(&pays->group))
		_exit(2);
	while (pays->submitted < SOCKETS * MAX && ret == 1) {
		ret = operation_receive(pays->home, pays->fd[pays->submitted / MAX][0], &o,
					data, 8);
		pays->submitted += ret == 1;
	}
	pays->error = ret;
	pays->ready = 1;
	process_rest();
}

/* It is charged to the control group of who submits, and given back when that is killed. */
TEST(operations_are_memory_of_the_control_group)
{
	const char *missing = cgroup_missing();
	struct pays *pays = shared_memory(sizeof(*pays));
	const long long bytes = SOCKETS * MAX * 100;
	long long most;
	int pid, i;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_NE(NULL, pays);
	ASSERT_EQ(0, cgroup_create(&pays->group, "operations"));
	for (i = 0; i < SOCKETS; i++)
		ASSERT_EQ(0, tcp_pair(FAM_INET, pays->fd[i], 0));
	pays->home = device_open();
	pid = process_start(submit_many, pays);
	ASSERT_LT(0, pid);
	for (i = 0; i < COMES && !*(volatile int *)&pays->ready; i++)
		sleep_ms(1);
	EXPECT_EQ(SOCKETS * MAX, pays->submitted);
	EXPECT_TRUE(cgroup_slab_reaches(&pays->group, bytes));
	most = cgroup_slab_in_the_end(&pays->group);
	TH_LOG("%lld bytes each", most / (SOCKETS * MAX));
	process_kill(pid);
	EXPECT_TRUE(cgroup_slab_falls_to(&pays->group, most - bytes)) {
		TH_LOG("%lld bytes are left", cgroup_slab(&pays->group));
	}
	EXPECT_OPERATIONS(pays->home, 0);
	EXPECT_EQ(0, cgroup_remove(&pays->group));
	for (i = 0; i < SOCKETS; i++) {
		fd_close(pays->fd[i][0]);
		fd_close(pays->fd[i][1]);
	}
	fd_close(pays->home);
}

TEST_HARNESS_MAIN
