// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a user may hold: the limits on registrations and on posted packets, what
 * counts towards them, and how a program is told.
 *
 * Each test lowers a limit for the whole machine and opens its ports as a user
 * of its own, so that what others hold does not matter.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"
#include "lib/task.h"

#define KEY	0x11
#define USER	54321

#define REGISTRATIONS	"max_user_registrations"
#define PACKETS_LIMIT	"max_user_packets"

FIXTURE(limits) {
	HANDLE port;
	long long registrations;
	long long packets;
};

static int become(int user)
{
	return setresuid(user, -1, -1) ? -errno : 0;
}

/* Without root's rights there is no port, and NEEDS_ROOT() skips the test. */
FIXTURE_SETUP(limits)
{
	if (geteuid())
		return;
	self->registrations = param_get(REGISTRATIONS);
	self->packets = param_get(PACKETS_LIMIT);
	ASSERT_LT(0, self->registrations);
	ASSERT_LT(0, self->packets);
	ASSERT_EQ(0, become(USER));
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, raise_nofile(1000));
}

FIXTURE_TEARDOWN(limits)
{
	if (!self->port)
		return;
	EXPECT_EQ(0, param_set(REGISTRATIONS, self->registrations));
	EXPECT_EQ(0, param_set(PACKETS_LIMIT, self->packets));
	EXPECT_TRUE(CloseHandle(self->port));
}

#define NEEDS_ROOT()							\
	do {								\
		if (!self->port)					\
			SKIP(return, "only root can change the limits");\
	} while (0)

#define EXPECT_USES(port, want_registrations, want_packets)		\
	do {								\
		struct sockiocp_info info_;				\
		ASSERT_EQ(0, ioctl(port_fd(port), SOCKIOCP_INFO, &info_));\
		EXPECT_EQ(want_registrations, info_.user_registrations);\
		EXPECT_EQ(want_packets, info_.user_packets);		\
	} while (0)

static int register_new(HANDLE port, ULONG_PTR key, DWORD *result)
{
	int fd = any_socket(FAM_INET, TYPE_DGRAM, 0);

	*result = enable(port, fd, key, EV_IN, T_LEVEL);
	return fd;
}

TEST_F(limits, registration_over_the_limit_is_refused)
{
	int fd[6], i;
	DWORD result;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 4));
	for (i = 0; i < 6; i++) {
		fd[i] = register_new(self->port, i, &result);
		EXPECT_EQ(i < 4 ? 0 : WSAENOBUFS, result) {
			TH_LOG("registration %d", i);
		}
	}
	EXPECT_USES(self->port, 4, 0);

	/* The ones that are there go on working. */
	EXPECT_EQ(0, enable(self->port, fd[0], 0, EV_OUT, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { 0, EV_OUT });
	EXPECT_EQ(WSAENOBUFS, disable(self->port, fd[5]));
	EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, fd[5]));

	/* What is given back can be had again. */
	EXPECT_EQ(0, deregister(self->port, fd[0]));
	EXPECT_PACKETS(self->port, { 0, EV_REMOVE });
	EXPECT_USES(self->port, 3, 0);
	EXPECT_EQ(0, enable(self->port, fd[5], 5, EV_OUT, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { 5, EV_OUT });
	EXPECT_USES(self->port, 4, 0);
}

TEST_F(limits, refusal_is_of_the_entries_over_the_limit_only)
{
	SOCK_NOTIFY_REGISTRATION reg[5];
	int i;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 2));
	for (i = 0; i < 4; i++)
		reg[i] = entry(any_socket(FAM_INET, TYPE_DGRAM, 0), i, EV_OUT,
			       OP_ENABLE, T_LEVEL | T_ONESHOT);
	/* Not a new one. */
	reg[4] = reg[1];
	EXPECT_CALL(self->port, reg, 5, 0, { 0, EV_OUT }, { 1, EV_OUT });
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(0, reg[1].registrationResult);
	EXPECT_EQ(WSAENOBUFS, reg[2].registrationResult);
	EXPECT_EQ(WSAENOBUFS, reg[3].registrationResult);
	EXPECT_EQ(0, reg[4].registrationResult);
	EXPECT_NOTHING(self->port);
}

TEST_F(limits, association_over_the_limit_is_refused)
{
	int fd[6], i;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 4));
	for (i = 0; i < 6; i++) {
		fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, fd[i]);
		SetLastError(0);
		EXPECT_EQ(i < 4 ? self->port : NULL,
			  CreateIoCompletionPort((HANDLE)(intptr_t)fd[i], self->port, 0, 0));
		EXPECT_EQ(i < 4 ? 0 : ERROR_NO_SYSTEM_RESOURCES, GetLastError());
	}
	EXPECT_EQ(4, port_told(self->port, "endpoints"));
	EXPECT_USES(self->port, 0, 0);

	/* One whose modes were set counts already, and once. */
	fd_close(fd[0]);
	fd[0] = any_socket(FAM_INET, TYPE_DGRAM, 0);
	ASSERT_TRUE(SetFileCompletionNotificationModes((HANDLE)(intptr_t)fd[0], 1));
	EXPECT_FALSE(SetFileCompletionNotificationModes((HANDLE)(intptr_t)fd[5], 1));
	EXPECT_EQ(ERROR_NO_SYSTEM_RESOURCES, GetLastError());
	EXPECT_EQ(self->port,
		  CreateIoCompletionPort((HANDLE)(intptr_t)fd[0], self->port, 0, 0));

	/* Closed sockets do not count. */
	fd_close(fd[1]);
	EXPECT_EQ(self->port,
		  CreateIoCompletionPort((HANDLE)(intptr_t)fd[5], self->port, 0, 0));
	EXPECT_EQ(4, port_told(self->port, "endpoints"));
}

TEST_F(limits, closed_sockets_do_not_count)
{
	enum { COUNT = 40 };
	int fd[COUNT], i;
	DWORD result;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, COUNT));
	for (i = 0; i < COUNT; i++) {
		fd[i] = register_new(self->port, i, &result);
		ASSERT_EQ(0, result);
	}
	for (i = 0; i < COUNT; i += 2)
		fd_close(fd[i]);
	for (i = 0; i < COUNT; i += 2) {
		fd[i] = register_new(self->port, i, &result);
		ASSERT_EQ(0, result) {
			TH_LOG("socket %d", i);
		}
	}
	EXPECT_USES(self->port, COUNT, 0);
	register_new(self->port, COUNT, &result);
	EXPECT_EQ(WSAENOBUFS, result);
}

TEST_F(limits, closed_sockets_of_another_port_do_not_count)
{
	HANDLE other = port_open();
	int fd[4], i;
	DWORD result;

	NEEDS_ROOT();
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, param_set(REGISTRATIONS, 5));
	register_new(self->port, KEY, &result);
	ASSERT_EQ(0, result);
	for (i = 0; i < 4; i++) {
		fd[i] = register_new(other, i, &result);
		ASSERT_EQ(0, result);
	}
	EXPECT_USES(self->port, 5, 0);
	register_new(self->port, KEY, &result);
	EXPECT_EQ(WSAENOBUFS, result);
	fd_close(fd[3]);
	register_new(self->port, KEY, &result);
	EXPECT_EQ(0, result);
	EXPECT_TRUE(CloseHandle(other));
	EXPECT_USES(self->port, 2, 0);
}

/* With room to spare, closed sockets are found in passing. */
TEST_F(limits, closed_sockets_are_given_back_by_later_registrations)
{
	struct sockiocp_info info;
	DWORD result;
	int i;

	NEEDS_ROOT();
	for (i = 0; i < 500; i++) {
		fd_close(register_new(self->port, i, &result));
		ASSERT_EQ(0, result);
	}
	ASSERT_EQ(0, ioctl(port_fd(self->port), SOCKIOCP_INFO, &info));
	EXPECT_GE(10, info.user_registrations);
}

TEST_F(limits, remove_packet_in_the_queue_still_counts)
{
	DWORD result;
	int fd;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 1));
	fd = register_new(self->port, KEY, &result);
	ASSERT_EQ(0, result);
	EXPECT_EQ(0, deregister(self->port, fd));
	EXPECT_USES(self->port, 1, 0);
	EXPECT_EQ(WSAENOBUFS, enable(self->port, fd, KEY, EV_IN, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_USES(self->port, 0, 0);
	EXPECT_EQ(0, enable(self->port, fd, KEY, EV_IN, T_LEVEL));
}

TEST_F(limits, closing_a_port_gives_back_all_it_held)
{
	HANDLE other = port_open();
	DWORD result;
	int i;

	NEEDS_ROOT();
	ASSERT_NE(NULL, other);
	for (i = 0; i < 10; i++) {
		register_new(other, i, &result);
		ASSERT_EQ(0, result);
		ASSERT_TRUE(PostQueuedCompletionStatus(other, 0, 0, NULL));
	}
	EXPECT_USES(self->port, 10, 10);
	EXPECT_TRUE(CloseHandle(other));
	EXPECT_USES(self->port, 0, 0);
}

TEST_F(limits, packet_over_the_limit_is_refused)
{
	int i;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(PACKETS_LIMIT, 3));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(PostQueuedCompletionStatus(self->port, i, KEY, NULL));
	for (i = 3; i < 5; i++) {
		SetLastError(POISON32);
		EXPECT_FALSE(PostQueuedCompletionStatus(self->port, i, KEY, NULL));
		EXPECT_EQ(ERROR_NO_SYSTEM_RESOURCES, GetLastError());
	}
	EXPECT_USES(self->port, 0, 3);
	EXPECT_PACKETS_NOW(self->port, { KEY, 0 }, { KEY, 1 }, { KEY, 2 });
	EXPECT_USES(self->port, 0, 0);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 9, KEY, NULL));
	EXPECT_PACKETS_NOW(self->port, { KEY, 9 });
}

TEST_F(limits, limit_of_packets_does_not_touch_notifications)
{
	DWORD result;
	int fd;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(PACKETS_LIMIT, 1));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
	fd = register_new(self->port, KEY, &result);
	EXPECT_EQ(0, result);
	EXPECT_EQ(0, deregister(self->port, fd));
	EXPECT_PACKETS_NOW(self->port, { 2, 1 }, { KEY, EV_REMOVE });
}

TEST_F(limits, limit_holds_for_all_ports_of_a_user_together)
{
	HANDLE other = port_open();
	DWORD result;

	NEEDS_ROOT();
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, param_set(REGISTRATIONS, 2));
	ASSERT_EQ(0, param_set(PACKETS_LIMIT, 2));
	register_new(self->port, 1, &result);
	EXPECT_EQ(0, result);
	register_new(other, 2, &result);
	EXPECT_EQ(0, result);
	register_new(self->port, 3, &result);
	EXPECT_EQ(WSAENOBUFS, result);
	register_new(other, 3, &result);
	EXPECT_EQ(WSAENOBUFS, result);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 0, 0, NULL));
	EXPECT_TRUE(PostQueuedCompletionStatus(other, 0, 0, NULL));
	EXPECT_FALSE(PostQueuedCompletionStatus(self->port, 0, 0, NULL));
	EXPECT_FALSE(PostQueuedCompletionStatus(other, 0, 0, NULL));
	EXPECT_USES(other, 2, 2);
	EXPECT_TRUE(CloseHandle(other));
	EXPECT_USES(self->port, 1, 1);
}

TEST_F(limits, users_do_not_share_a_limit)
{
	HANDLE other;
	DWORD result;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 1));
	register_new(self->port, 1, &result);
	EXPECT_EQ(0, result);
	ASSERT_EQ(0, become(USER + 1));
	other = port_open();
	ASSERT_NE(NULL, other);
	EXPECT_USES(other, 0, 0);
	register_new(other, 2, &result);
	EXPECT_EQ(0, result);

	/* A port counts for who opened it, whoever uses it. */
	register_new(self->port, 3, &result);
	EXPECT_EQ(WSAENOBUFS, result);
	EXPECT_TRUE(CloseHandle(other));
}

/* The sockets live in the test, whatever becomes of the child. */
struct family {
	HANDLE port, childs;
	int fd[3], channel[2];
};

static void use_up_limit(void *arg)
{
	struct family *f = arg;

	f->childs = port_open();
	if (!f->childs || enable(f->port, f->fd[0], KEY, EV_IN, T_LEVEL) ||
	    enable(f->childs, f->fd[1], KEY, EV_IN, T_LEVEL))
		_exit(1);
	if (enable(f->port, f->fd[2], KEY, EV_IN, T_LEVEL) != WSAENOBUFS ||
	    enable(f->childs, f->fd[2], KEY, EV_IN, T_LEVEL) != WSAENOBUFS)
		_exit(2);
	if (send_fd(f->channel[0], port_fd(f->childs)))
		_exit(3);
}

TEST_F(limits, fork_and_passing_on_make_no_new_account)
{
	struct family f = { .port = self->port };
	DWORD result;
	int i;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 2));
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, f.channel));
	for (i = 0; i < 3; i++)
		f.fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
	ASSERT_EQ(0, child_status(process_start(use_up_limit, &f), COMES));

	f.childs = (HANDLE)(intptr_t)recv_fd(f.channel[1], COMES);
	ASSERT_LT(0, (intptr_t)f.childs);
	EXPECT_USES(self->port, 2, 0);
	register_new(self->port, KEY, &result);
	EXPECT_EQ(WSAENOBUFS, result);
	register_new(f.childs, KEY, &result);
	EXPECT_EQ(WSAENOBUFS, result);
	EXPECT_TRUE(CloseHandle(f.childs));
	EXPECT_USES(self->port, 1, 0);
}

static void use_up_limit_in_user_namespace(void *arg)
{
	if (unshare(CLONE_NEWUSER))
		_exit(100);
	use_up_limit(arg);
}

TEST_F(limits, user_namespace_makes_no_new_account)
{
	struct family f = { .port = self->port };
	int i, status;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set(REGISTRATIONS, 2));
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, f.channel));
	for (i = 0; i < 3; i++)
		f.fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
	status = child_status(process_start(use_up_limit_in_user_namespace, &f), COMES);
	if (status == 100)
		SKIP(return, "no user namespaces here");
	ASSERT_EQ(0, status);
	EXPECT_USES(self->port, 2, 0);
}

TEST_HARNESS_MAIN
