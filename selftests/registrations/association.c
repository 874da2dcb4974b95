// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets that CreateIoCompletionPort() associates with a port: once, until they
 * are closed, in whichever process, and without any effect on registrations.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/port.h"
#include "lib/task.h"

#define KEY	0x2718

FIXTURE(association) {
	HANDLE port;
	/* A TCP connection. */
	int fd[2];
};

FIXTURE_SETUP(association)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
}

FIXTURE_TEARDOWN(association)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

static HANDLE handle(int fd)
{
	return (HANDLE)(intptr_t)fd;
}

static int lowest_free(int like)
{
	int fd = fd_dup(like);

	fd_close(fd);
	return fd;
}

/* 0, or the error; ~0 if the result is neither NULL nor the port. */
static DWORD associate(int fd, HANDLE port)
{
	HANDLE ret;

	SetLastError(POISON32);
	ret = CreateIoCompletionPort(handle(fd), port, KEY, 0);
	if (!ret)
		return GetLastError();
	return ret == port ? 0 : ~0U;
}

#define EXPECT_ASSOCIATES(fd, port)	EXPECT_EQ(0, associate(fd, port))
#define EXPECT_REFUSED(fd, port)					\
	EXPECT_EQ(ERROR_INVALID_PARAMETER, associate(fd, port))

/* spec 8.8 */
TEST_F(association, gives_the_same_port)
{
	EXPECT_EQ(self->port, CreateIoCompletionPort(handle(self->fd[0]),
						     self->port, KEY, 3));
	EXPECT_NOTHING(self->port);
	EXPECT_ASSOCIATES(self->fd[1], self->port);
}

/* spec 8.8 */
TEST_F(association, every_kind_of_socket_is_associated)
{
	const struct {
		int family, type;
	} kind[] = {
		{ FAM_INET, TYPE_STREAM }, { FAM_INET6, TYPE_STREAM },
		{ FAM_INET, TYPE_DGRAM }, { FAM_INET6, TYPE_DGRAM },
		{ FAM_UNIX, TYPE_STREAM }, { FAM_UNIX, TYPE_DGRAM },
		/* Not one that can be registered. */
		{ FAM_NETLINK, TYPE_RAW },
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		fd = any_socket(kind[i].family, kind[i].type, 0);
		ASSERT_LE(0, fd);
		EXPECT_ASSOCIATES(fd, self->port);
		EXPECT_REFUSED(fd, self->port);
		fd_close(fd);
	}
}

/* spec 8.8 */
TEST_F(association, without_a_port_creates_one)
{
	HANDLE port = CreateIoCompletionPort(handle(self->fd[0]), NULL, KEY, 2);

	ASSERT_NE(NULL, port);
	EXPECT_NE(self->port, port);
	EXPECT_EQ(1, fd_is_cloexec(port_fd(port)));
	EXPECT_EQ(2, port_told(port, "concurrency"));
	EXPECT_TRUE(PostQueuedCompletionStatus(port, 1, KEY, NULL));
	EXPECT_PACKETS(port, { KEY, 1 });
	EXPECT_REFUSED(self->fd[0], self->port);
	EXPECT_TRUE(CloseHandle(port));
}

/* spec 8.9 */
TEST_F(association, is_made_once)
{
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_REFUSED(self->fd[0], self->port);
	EXPECT_REFUSED(self->fd[0], other);
	EXPECT_TRUE(CloseHandle(other));
}

/* spec 8.9 */
TEST_F(association, is_not_ended_by_closing_the_port)
{
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	EXPECT_ASSOCIATES(self->fd[0], other);
	EXPECT_TRUE(CloseHandle(other));
	EXPECT_REFUSED(self->fd[0], self->port);
}

/* spec 8.9 */
TEST_F(association, ends_when_the_socket_is_closed)
{
	int by_close, fd;

	for (by_close = 0; by_close < 2; by_close++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, fd);
		EXPECT_ASSOCIATES(fd, self->port);
		EXPECT_EQ(0, by_close ? fd_close(fd) : closesocket((SOCKET)fd));
		/* A new socket, and the old one's number. */
		ASSERT_EQ(fd, any_socket(FAM_INET, TYPE_DGRAM, 0));
		EXPECT_ASSOCIATES(fd, self->port);
		fd_close(fd);
	}
}

/* spec 8.9 */
TEST_F(association, ends_when_the_number_becomes_another_socket)
{
	int fd = any_socket(FAM_INET, TYPE_DGRAM, 0);

	ASSERT_LE(0, fd);
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	ASSERT_EQ(self->fd[0], fd_dup_to(fd, self->fd[0]));
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_REFUSED(fd, self->port);
	fd_close(fd);
}

/* spec 8.9 */
TEST_F(association, belongs_to_all_duplicates)
{
	int fd = fd_dup(self->fd[0]);

	ASSERT_LE(0, fd);
	EXPECT_ASSOCIATES(fd, self->port);
	EXPECT_REFUSED(self->fd[0], self->port);
	EXPECT_EQ(0, closesocket((SOCKET)fd));
	EXPECT_REFUSED(self->fd[0], self->port);
}

/* spec 8.9 */
TEST_F(association, belongs_to_all_processes)
{
	int pid;

	EXPECT_ASSOCIATES(self->fd[0], self->port);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int known = associate(self->fd[0], self->port) ==
			    ERROR_INVALID_PARAMETER;

		_exit(known && !associate(self->fd[1], self->port) ? 0 : 1);
	}
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_REFUSED(self->fd[1], self->port);
}

/* spec 8.9 */
TEST_F(association, survives_being_sent_to_another_descriptor)
{
	int channel[2], fd;

	ASSERT_EQ(0, unix_pair(TYPE_STREAM, channel));
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	ASSERT_EQ(0, send_fd(channel[0], self->fd[0]));
	fd_close(self->fd[0]);
	fd = recv_fd(channel[1], COMES);
	ASSERT_LE(0, fd);
	self->fd[0] = fd;
	EXPECT_REFUSED(self->fd[0], self->port);
	fd_close(channel[0]);
	fd_close(channel[1]);
}

TEST_F(association, is_not_inherited_by_accepted_sockets)
{
	int port, fd, child, listener = tcp_listen(FAM_INET, 4, &port);

	ASSERT_LE(0, listener);
	EXPECT_ASSOCIATES(listener, self->port);
	fd = tcp_connect(FAM_INET, port);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(sock_becomes(listener, SEE_IN, COMES));
	child = tcp_accept(listener);
	ASSERT_LE(0, child);
	EXPECT_ASSOCIATES(child, self->port);
	fd_close(child);
	fd_close(fd);
	fd_close(listener);
}

/* A program may have its signals. */
TEST_F(association, leaves_the_signal_of_the_socket_alone)
{
	EXPECT_EQ(0, fcntl(self->fd[0], F_GETSIG));
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_EQ(0, fcntl(self->fd[0], F_GETSIG));
	EXPECT_EQ(0, fcntl(self->fd[1], F_SETSIG, SIGIO));
	EXPECT_ASSOCIATES(self->fd[1], self->port);
	EXPECT_EQ(SIGIO, fcntl(self->fd[1], F_GETSIG));
}

/* It keeps neither: the peer sees the end at once, and so does the port. */
TEST_F(association, keeps_no_socket_open)
{
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_EQ(1, port_told(self->port, "endpoints"));
	EXPECT_EQ(0, fd_close(self->fd[0]));
	self->fd[0] = any_socket(FAM_INET, TYPE_DGRAM, 0);
	EXPECT_TRUE(sock_becomes(self->fd[1], SEE_RDHUP, COMES));
	/* Whoever comes looks for those that are closed. */
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_EQ(1, port_told(self->port, "endpoints"));
}

TEST_F(association, modes_are_of_the_socket)
{
	const UCHAR skip = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS;
	int fd = fd_dup(self->fd[0]), i;

	ASSERT_LE(0, fd);
	/* Before and after, through any descriptor, again and again. */
	EXPECT_TRUE(SetFileCompletionNotificationModes(handle(fd), skip));
	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_EQ(1, port_told(self->port, "endpoints"));
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(SetFileCompletionNotificationModes(handle(fd), i));
	EXPECT_REFUSED(fd, self->port);
	fd_close(fd);

	SetLastError(POISON32);
	EXPECT_FALSE(SetFileCompletionNotificationModes(handle(self->fd[0]), 4));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_FALSE(SetFileCompletionNotificationModes(self->port, skip));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_FALSE(SetFileCompletionNotificationModes(handle(fd), skip));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
}

/* As daemons do: whatever the library had open. */
TEST_F(association, modes_are_set_after_all_was_closed)
{
	int fd, free;

	/* The fixture's stand below. */
	ASSERT_EQ(60, fd_dup_to(self->fd[0], 60));
	ASSERT_EQ(61, fd_dup_to(self->fd[1], 61));
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	self->fd[0] = 60;
	self->fd[1] = 61;
	free = lowest_free(self->fd[0]);
	EXPECT_TRUE(SetFileCompletionNotificationModes(handle(self->fd[0]), 1));
	for (fd = free; fd < free + 20; fd++)
		fd_close(fd);
	EXPECT_TRUE(SetFileCompletionNotificationModes(handle(self->fd[1]), 1));
	/* And when another file has the number. */
	for (fd = free; fd < free + 20; fd++)
		fd_dup_to(self->fd[1], fd);
	EXPECT_TRUE(SetFileCompletionNotificationModes(handle(self->fd[0]), 2));
	for (fd = free; fd < free + 20; fd++)
		fd_close(fd);
}

/* More than are looked at in one go; every third is registered only. */
TEST_F(association, closing_the_port_ends_the_registrations_beside)
{
	enum { COUNT = 200 };
	int fd[COUNT], i;
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	for (i = 0; i < COUNT; i++) {
		fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, fd[i]);
		if (i % 3)
			ASSERT_EQ(0, associate(fd[i], other));
		if (i % 3 != 1)
			ASSERT_EQ(0, enable(other, fd[i], i, EV_IN, T_LEVEL));
	}
	EXPECT_EQ(133, port_told(other, "endpoints"));
	EXPECT_EQ(133, port_told(other, "registrations"));
	EXPECT_TRUE(CloseHandle(other));
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ(0, enable(self->port, fd[i], i, EV_IN, T_LEVEL));
		EXPECT_EQ(i % 3 ? ERROR_INVALID_PARAMETER : 0, associate(fd[i], self->port));
		fd_close(fd[i]);
	}
}

/* The kernel's memory for objects of the size of a port. */
static long long objects_like_ports(void)
{
	const char *const cache[] = { "kmalloc-512", "kmalloc-cg-512",
				      "kmalloc-1k", "kmalloc-cg-1k" };
	long long sum = 0, n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cache); i++) {
		n = slab_objects(cache[i]);
		sum += n > 0 ? n : 0;
	}
	return sum;
}

/* Nobody is charged for them, so there must not be any. */
TEST_F(association, port_that_its_last_socket_has_left_is_gone)
{
	enum { COUNT = 2000 };
	struct sockiocp_modes modes = { .modes = SOCKIOCP_MODE_ALL };
	long long before;
	int i, fd, port;

	before = objects_like_ports();
	if (!before)
		SKIP(return, "only root sees how many objects the kernel has");
	for (i = 0; i < COUNT; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		port = device_open();
		ASSERT_LE(0, port);
		modes.socket = fd;
		ASSERT_EQ(0, device_call(port, SOCKIOCP_SET_MODES, &modes));
		fd_close(port);
		ASSERT_EQ(0, associate(fd, self->port));
		fd_close(fd);
	}
	EXPECT_GT(before + COUNT / 4, objects_like_ports());
}

static void *close_thread(void *arg)
{
	fd_close(*(int *)arg);
	return NULL;
}

/* The modes were set by a port that is closed while another one gets the socket. */
TEST_F(association, is_moved_while_its_first_port_ends)
{
	struct sockiocp_modes modes = { .modes = SOCKIOCP_MODE_ALL };
	pthread_t thread;
	int i, fd, first;

	for (i = 0; i < 300; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		first = device_open();
		ASSERT_LE(0, fd);
		ASSERT_LE(0, first);
		modes.socket = fd;
		ASSERT_EQ(0, device_call(first, SOCKIOCP_SET_MODES, &modes));
		ASSERT_EQ(0, pthread_create(&thread, NULL, close_thread, &first));
		ASSERT_EQ(0, associate(fd, self->port));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(ERROR_INVALID_PARAMETER, associate(fd, self->port));
		fd_close(fd);
	}
	EXPECT_GE(3, port_told(self->port, "endpoints"));
}

static void *associate_thread(void *arg)
{
	FIXTURE_DATA(association) *self = arg;

	return (void *)(intptr_t)associate(self->fd[0], self->port);
}

TEST_F(association, of_several_threads_one_succeeds)
{
	enum { THREADS = 4, TIMES = 200 };
	pthread_t thread[THREADS];
	int i, n, succeeded;
	void *ret;

	for (n = 0; n < TIMES; n++) {
		fd_close(self->fd[0]);
		self->fd[0] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, self->fd[0]);
		succeeded = 0;
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    associate_thread, self));
		for (i = 0; i < THREADS; i++) {
			ASSERT_EQ(0, pthread_join(thread[i], &ret));
			if (ret) {
				EXPECT_EQ(ERROR_INVALID_PARAMETER,
					  (DWORD)(intptr_t)ret);
			} else {
				succeeded++;
			}
		}
		ASSERT_EQ(1, succeeded);
	}
}

/* spec 12.12 */
TEST_F(association, and_registration_are_independent)
{
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	/* Registered with one port, associated with another; and in either order. */
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT, T_LEVEL));
	EXPECT_ASSOCIATES(self->fd[0], other);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_NOTHING_NOW(other);
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_REFUSED(self->fd[0], other);

	EXPECT_ASSOCIATES(self->fd[1], other);
	EXPECT_EQ(0, enable(self->port, self->fd[1], KEY + 1, EV_OUT, T_LEVEL));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
	EXPECT_TRUE(CloseHandle(other));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
}

/* spec 8.10 */
TEST_F(association, handle_that_is_not_open_is_invalid)
{
	HANDLE bad[] = {
		NULL, handle(lowest_free(self->fd[0])), handle(-2),
		(HANDLE)((1ULL << 32) | (uintptr_t)self->fd[0]),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		SetLastError(POISON32);
		EXPECT_EQ(NULL, CreateIoCompletionPort(bad[i], self->port, KEY, 0));
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
		SetLastError(POISON32);
		EXPECT_EQ(NULL, CreateIoCompletionPort(bad[i], NULL, KEY, 0));
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	}
}

/* spec 8.10 */
TEST_F(association, handle_that_is_no_socket_is_an_invalid_parameter)
{
	int bad[] = {
		port_fd(self->port), port_fd(port_open()),
		fd_open("/dev/null", 0), fd_epoll(),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_LE(0, bad[i]);
		EXPECT_REFUSED(bad[i], self->port);
		EXPECT_REFUSED(bad[i], NULL);
	}
	for (i = 1; i < ARRAY_SIZE(bad); i++)
		fd_close(bad[i]);
}

/* spec 8.10 */
TEST_F(association, file_is_not_supported)
{
	int fd = fd_open("/init", 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(ERROR_NOT_SUPPORTED, associate(fd, self->port));
	EXPECT_EQ(ERROR_NOT_SUPPORTED, associate(fd, NULL));
	EXPECT_FALSE(SetFileCompletionNotificationModes(handle(fd), 1));
	EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
	fd_close(fd);
}

/* spec 8.10 */
TEST_F(association, port_that_is_none_is_an_invalid_handle)
{
	HANDLE bad[] = {
		INVALID_HANDLE_VALUE, handle(lowest_free(self->fd[0])),
		handle(self->fd[1]), handle(self->fd[0]),
		(HANDLE)((1ULL << 32) | (uintptr_t)self->port),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		SetLastError(POISON32);
		EXPECT_EQ(NULL, CreateIoCompletionPort(handle(self->fd[0]), bad[i],
						       KEY, 0));
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	}
	/* None of that has associated it. */
	EXPECT_ASSOCIATES(self->fd[0], self->port);
}

/* spec 8.10 */
TEST_F(association, that_fails_leaves_no_port_behind)
{
	int free = lowest_free(self->fd[0]);

	EXPECT_ASSOCIATES(self->fd[0], self->port);
	EXPECT_REFUSED(self->fd[0], NULL);
	EXPECT_EQ(free, lowest_free(self->fd[0]));
}

TEST_HARNESS_MAIN
