// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped operations: the home port, by which the library submits them, and its thread.
 * What a Windows program sees of them: win32/overlapped_*.c.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

#include <linux/sockiocp.h>
#include <sockiocp.h>

/* The library's own port is above the program's descriptors. */
#define HOME_FD		128

static void __attribute__((constructor)) start_winsock(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
}

struct op {
	OVERLAPPED overlapped;
	WSABUF buffer;
	char data[32];
	DWORD bytes, flags;
};

/* Returns what WSARecv() says: 0, or the error. */
static int receive(int fd, struct op *op)
{
	memset(op, 0, sizeof(*op));
	op->buffer.buf = op->data;
	op->buffer.len = sizeof(op->data);
	return WSARecv((SOCKET)fd, &op->buffer, 1, &op->bytes, &op->flags, &op->overlapped,
		       NULL) ? WSAGetLastError() : 0;
}

static ULONG state(const struct op *op)
{
	return (ULONG)__atomic_load_n(&op->overlapped.Internal, __ATOMIC_ACQUIRE);
}

static int ends(const struct op *op)
{
	int64_t until = now_ms() + COMES;

	while (state(op) == STATUS_PENDING && now_ms() < until)
		sleep_ms(1);
	return state(op) != STATUS_PENDING;
}

/* How many descriptors of ports there are, and the highest of them. */
static int ports(int *highest)
{
	char path[64], to[64];
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	ssize_t length;
	int n = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%.20s", entry->d_name);
		length = readlink(path, to, sizeof(to) - 1);
		if (length < 0)
			continue;
		to[length] = 0;
		if (strcmp(to, "/dev/sockiocp"))
			continue;
		n++;
		if (highest)
			*highest = atoi(entry->d_name);
	}
	closedir(dir);
	return n;
}

TEST(first_operation_makes_one_port_out_of_the_way)
{
	struct op op[2];
	int fd[2], home = 0;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	EXPECT_EQ(0, ports(NULL));
	ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op[0]));
	ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op[1]));
	EXPECT_EQ(1, ports(&home));
	EXPECT_LE(HOME_FD, home);
	EXPECT_EQ(1, fd_is_cloexec(home));
	EXPECT_EQ(0, closesocket(fd[0]));
	EXPECT_TRUE(ends(&op[0]));
	EXPECT_TRUE(ends(&op[1]));
}

static void *receive_in_a_thread(void *arg)
{
	int *fd = arg;
	static struct op op[8];

	return (void *)(intptr_t)receive(fd[0], &op[fd[1] % 8]);
}

TEST(threads_that_come_first_together_make_one_port)
{
	pthread_t thread[8];
	void *result;
	int fd[8][2];
	int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, tcp_pair(FAM_INET, fd[i], 0));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, receive_in_a_thread, fd[i]));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, pthread_join(thread[i], &result));
		EXPECT_EQ(WSA_IO_PENDING, (intptr_t)result);
	}
	EXPECT_EQ(1, ports(NULL));
}

TEST(port_that_the_program_has_closed_is_made_anew)
{
	struct op op;
	int fd[2], home, i;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, ports(&home));
		ASSERT_EQ(0, fd_close(home));
		ASSERT_EQ(0, ports(NULL));
		ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op));
		EXPECT_EQ(1, ports(NULL));
		EXPECT_EQ(3, send((SOCKET)fd[1], "abc", 3, 0));
		EXPECT_TRUE(ends(&op));
		EXPECT_EQ(0, state(&op));
		EXPECT_EQ(0, memcmp(op.data, "abc", 3));
	}
	ASSERT_EQ(1, ports(&home));
	ASSERT_EQ(0, fd_close(home));
	/* Another file has the number. */
	ASSERT_EQ(home, fd_dup_to(fd[1], home));
	EXPECT_FALSE(CancelIoEx((HANDLE)(intptr_t)fd[0], NULL));
	ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op));
	ASSERT_EQ(0, fd_close(home));
	EXPECT_EQ(0, closesocket(fd[0]));
	EXPECT_TRUE(ends(&op));
}

/* A program that was forked receives what it asks for; 0 if so. */
static int child_receives(const int fd[2])
{
	struct op op;

	if (receive(fd[0], &op) != WSA_IO_PENDING)
		return 1;
	if (ports(NULL) < 1)
		return 2;
	if (send((SOCKET)fd[1], "child", 5, 0) != 5)
		return 3;
	if (!ends(&op) || state(&op) || memcmp(op.data, "child", 5))
		return 4;
	if (receive(fd[0], &op) != WSA_IO_PENDING)
		return 5;
	if (!CancelIoEx((HANDLE)(intptr_t)fd[0], NULL))
		return 6;
	return ends(&op) && state(&op) == 0xc0000120 ? 0 : 7;
}

TEST(child_has_operations_of_its_own)
{
	struct op op;
	int fd[2], mine[2], pid;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, tcp_pair(FAM_INET, mine, 0));
	ASSERT_EQ(WSA_IO_PENDING, receive(mine[0], &op));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(ports(NULL) ? 10 : child_receives(fd));
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(STATUS_PENDING, state(&op));
	EXPECT_EQ(3, send((SOCKET)mine[1], "abc", 3, 0));
	EXPECT_TRUE(ends(&op));
	EXPECT_EQ(0, memcmp(op.data, "abc", 3));
	EXPECT_EQ(1, ports(NULL));
}

/* The C library has not heard of it. */
TEST(child_of_a_plain_clone_has_operations_of_its_own)
{
	struct op op;
	int fd[2], mine[2], pid;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, tcp_pair(FAM_INET, mine, 0));
	ASSERT_EQ(WSA_IO_PENDING, receive(mine[0], &op));
	pid = (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(child_receives(fd));
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(3, send((SOCKET)mine[1], "abc", 3, 0));
	EXPECT_TRUE(ends(&op));
	EXPECT_EQ(0, memcmp(op.data, "abc", 3));
}

/* Another process harvests the port: the data goes to who has asked for it all the same. */
TEST(data_comes_to_the_parent_though_its_child_harvests)
{
	HANDLE port = port_open();
	LPOVERLAPPED overlapped;
	struct op op;
	int fd[2], pid;
	ULONG_PTR key;
	DWORD bytes;

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(port, CreateIoCompletionPort((HANDLE)(intptr_t)fd[0], port, 7, 0));
	ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		BOOL got = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped,
						     (DWORD)COMES);

		_exit(!got || bytes != 3 || key != 7 || overlapped != &op.overlapped ||
		      !memcmp(op.data, "abc", 3));
	}
	EXPECT_TRUE(task_sleeps(pid, pid, COMES));
	EXPECT_EQ(3, send((SOCKET)fd[1], "abc", 3, 0));
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(0, state(&op));
	EXPECT_EQ(3, op.overlapped.InternalHigh);
	EXPECT_EQ(0, memcmp(op.data, "abc", 3));
}

/* A command succeeds in the call. */
TEST(command_has_a_packet_unless_the_mode_of_the_socket_says_no)
{
	HANDLE port = port_open(), none = (HANDLE)(intptr_t)1;
	OVERLAPPED overlapped = { .hEvent = none }, *got;
	DWORD bytes, available;
	ULONG_PTR key;
	int fd[2];

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(port, CreateIoCompletionPort((HANDLE)(intptr_t)fd[0], port, 7, 0));
	/* hEvent is nothing but its low bit. */
	EXPECT_EQ(0, WSAIoctl((SOCKET)fd[0], FIONREAD, NULL, 0, &available, sizeof(available),
			      &bytes, &overlapped, NULL));
	EXPECT_FALSE(GetQueuedCompletionStatus(port, &bytes, &key, &got, COMES_NOT));
	overlapped.hEvent = NULL;
	EXPECT_EQ(0, WSAIoctl((SOCKET)fd[0], FIONREAD, NULL, 0, &available, sizeof(available),
			      &bytes, &overlapped, NULL));
	EXPECT_EQ(0, overlapped.Internal);
	EXPECT_TRUE(GetQueuedCompletionStatus(port, &bytes, &key, &got, (DWORD)COMES));
	EXPECT_EQ(&overlapped, got);
	EXPECT_TRUE(SetFileCompletionNotificationModes((HANDLE)(intptr_t)fd[0],
						FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	EXPECT_EQ(0, WSAIoctl((SOCKET)fd[0], FIONREAD, NULL, 0, &available, sizeof(available),
			      &bytes, &overlapped, NULL));
	EXPECT_FALSE(GetQueuedCompletionStatus(port, &bytes, &key, &got, COMES_NOT));
	EXPECT_EQ(NULL, got);
}

static int refuse(unsigned int call, int with)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)with),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 6, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* A module that is older says so. */
TEST(module_without_operations_is_said_to_be_so)
{
	struct op op;
	SOCKET s;
	int fd[2];

	ASSERT_EQ(0, refuse(SOCKIOCP_SUBMIT, ENOTTY));
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	EXPECT_EQ(WSAEOPNOTSUPP, receive(fd[0], &op));
	EXPECT_FALSE(CancelIoEx((HANDLE)(intptr_t)fd[0], NULL));
	EXPECT_EQ(ERROR_NOT_FOUND, GetLastError());
	EXPECT_TRUE(CancelIo((HANDLE)(intptr_t)fd[0]));
	s = WSASocketA(AF_INET, SOCK_STREAM, 0, NULL, 0, 0);
	EXPECT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(fd[0]));
	EXPECT_EQ(0, closesocket(fd[1]));
}

/* All calls from this number on, as if the module had never heard of them. */
static int refuse_from(unsigned int nr, int with)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SOCKIOCP_IOC_MAGIC << 8 | nr, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SOCKIOCP_IOC_MAGIC << 8 | 0xff, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)with),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 8, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* This library on the first module there was: notifications, packets of one's own. */
TEST(first_module_has_notifications_and_says_what_it_has_not)
{
	SOCKIOCP_OPERATION operation = { .operation = SOCKIOCP_RECEIVE };
	OVERLAPPED_ENTRY got = { 0 };
	WSAPROTOCOL_INFOW info;
	UINT32 received;
	struct op op;
	HANDLE port;
	int fd[2];

	ASSERT_EQ(0, refuse_from(_IOC_NR(SOCKIOCP_ASSOCIATE), ENOTTY));
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	EXPECT_EQ(WSAEOPNOTSUPP, receive(fd[0], &op));
	EXPECT_EQ(NULL, CreateIoCompletionPort((HANDLE)(intptr_t)fd[0], port, 1, 0));
	EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
	EXPECT_FALSE(SetFileCompletionNotificationModes((HANDLE)(intptr_t)fd[0],
							FILE_SKIP_SET_EVENT_ON_HANDLE));
	EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
	EXPECT_EQ(SOCKET_ERROR, WSADuplicateSocketW(fd[0], GetCurrentProcessId(), &info));
	EXPECT_EQ(WSAEOPNOTSUPP, WSAGetLastError());
	operation.socket = fd[0];
	operation.overlapped = &op.overlapped;
	operation.buffers = &op.buffer;
	operation.bufferCount = 1;
	EXPECT_EQ(WSAEOPNOTSUPP, SockiocpProcess(port, 1, &operation, 0, NULL, 0, 1, &got,
						 &received));
	/* And the rest goes on as ever. */
	EXPECT_EQ(0, enable(port, fd[0], 7, EV_IN, T_LEVEL | T_ONESHOT));
	EXPECT_EQ(1, send((SOCKET)fd[1], "x", 1, 0));
	EXPECT_PACKETS(port, { 7, EV_IN });
	EXPECT_TRUE(PostQueuedCompletionStatus(port, 1, 2, NULL));
	EXPECT_PACKETS(port, { 2, 1 });
	EXPECT_EQ(0, closesocket(fd[0]));
	EXPECT_EQ(0, closesocket(fd[1]));
	EXPECT_TRUE(CloseHandle(port));
}

/* One that can neither close sockets nor cancel. */
TEST(socket_is_closed_without_the_call_for_that_too)
{
	struct op op;
	int fd[2];
	char c;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(WSA_IO_PENDING, receive(fd[0], &op));
	EXPECT_EQ(1, send((SOCKET)fd[1], "x", 1, 0));
	EXPECT_TRUE(ends(&op));
	ASSERT_EQ(0, refuse(SOCKIOCP_CLOSE_SOCKET, ENOTTY));
	EXPECT_EQ(0, closesocket(fd[0]));
	EXPECT_EQ(SOCKET_ERROR, closesocket(fd[0]));
	EXPECT_EQ(WSAENOTSOCK, WSAGetLastError());
	EXPECT_EQ(0, recv((SOCKET)fd[1], &c, 1, 0));
}

/* --------------------------------------------------------- the end of a stream */

#define LARGE	(8 << 20)

/* A send that pends, and shutdown() behind it. */
static int send_and_shut_down(int fd, struct op *op, int how)
{
	char *large = calloc(1, LARGE);

	if (!large)
		return -1;
	memset(op, 0, sizeof(*op));
	op->buffer.buf = large;
	op->buffer.len = LARGE;
	if (!WSASend((SOCKET)fd, &op->buffer, 1, NULL, 0, &op->overlapped, NULL) ||
	    WSAGetLastError() != WSA_IO_PENDING)
		return -1;
	return shutdown((SOCKET)fd, how);
}

/* Reads to the end of a stream.  Returns how much came, or -1. */
static long long read_to_the_end(int fd)
{
	static char data[65536];
	long long total = 0;
	int got;

	do {
		if (!sock_becomes(fd, SEE_IN, COMES))
			return -1;
		got = recv((SOCKET)fd, data, sizeof(data), 0);
		if (got < 0)
			return -1;
		total += got;
	} while (got);
	return total;
}

TEST(nothing_is_sent_behind_the_end)
{
	struct op op;
	int fd[2];

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, send_and_shut_down(fd[0], &op, SD_SEND));
	EXPECT_EQ(SOCKET_ERROR, send((SOCKET)fd[0], "late", 4, 0));
	EXPECT_EQ(WSAESHUTDOWN, WSAGetLastError());
	EXPECT_EQ(SOCKET_ERROR, sendto((SOCKET)fd[0], "late", 4, 0, NULL, 0));
	EXPECT_EQ(WSAESHUTDOWN, WSAGetLastError());
	/* Once more is no error. */
	EXPECT_EQ(0, shutdown((SOCKET)fd[0], SD_SEND));
	EXPECT_EQ(LARGE, read_to_the_end(fd[1]));
	EXPECT_TRUE(ends(&op));
	EXPECT_EQ(0, state(&op));
}

TEST(both_directions_end_and_what_pends_is_sent)
{
	struct op op, received;
	int fd[2];

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, send_and_shut_down(fd[0], &op, SD_BOTH));
	EXPECT_EQ(WSAESHUTDOWN, receive(fd[0], &received));
	EXPECT_EQ(LARGE, read_to_the_end(fd[1]));
	EXPECT_TRUE(ends(&op));
	EXPECT_EQ(0, state(&op));
}

TEST(end_of_a_stream_comes_though_what_pends_is_cancelled)
{
	struct op op;
	int fd[2];

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, send_and_shut_down(fd[0], &op, SD_SEND));
	EXPECT_TRUE(CancelIoEx((HANDLE)(intptr_t)fd[0], NULL));
	EXPECT_TRUE(ends(&op));
	EXPECT_EQ(0xc0000120, state(&op));
	EXPECT_LT(0, read_to_the_end(fd[1]));
}

TEST(socket_that_waits_for_its_end_can_be_closed)
{
	struct op op;
	int fd[2], other[2];
	char c;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	ASSERT_EQ(0, send_and_shut_down(fd[0], &op, SD_SEND));
	EXPECT_EQ(0, closesocket((SOCKET)fd[0]));
	EXPECT_TRUE(ends(&op));
	EXPECT_EQ(0xc0000241, state(&op));
	/* The number is another socket's, which nobody ends. */
	ASSERT_EQ(0, tcp_pair(FAM_INET, other, 0));
	sleep_ms(COMES_NOT);
	EXPECT_EQ(1, send((SOCKET)other[0], "x", 1, 0));
	EXPECT_EQ(1, recv((SOCKET)other[1], &c, 1, 0));
	EXPECT_EQ(1, send((SOCKET)other[1], "y", 1, 0));
	EXPECT_EQ(1, recv((SOCKET)other[0], &c, 1, 0));
}

/* ----------------------------------------------------------- completion routines */

static int routines;

static void CALLBACK count(DWORD error, DWORD bytes, LPOVERLAPPED overlapped, DWORD flags)
{
	(void)error;
	(void)bytes;
	(void)overlapped;
	(void)flags;
	__atomic_add_fetch(&routines, 1, __ATOMIC_SEQ_CST);
}

struct starter {
	int fd;
	struct op op;
	int error;
};

static void *start_with_a_routine(void *arg)
{
	struct starter *starter = arg;
	struct op *op = &starter->op;

	memset(op, 0, sizeof(*op));
	op->buffer.buf = op->data;
	op->buffer.len = sizeof(op->data);
	starter->error = WSARecv((SOCKET)starter->fd, &op->buffer, 1, NULL, &op->flags,
				 &op->overlapped, count) ? WSAGetLastError() : 0;
	return NULL;
}

/* A thread that this library has not started. */
TEST(routine_of_a_thread_that_has_ended_is_not_called)
{
	struct starter starter;
	pthread_t thread;
	int fd[2];

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	starter.fd = fd[0];
	ASSERT_EQ(0, pthread_create(&thread, NULL, start_with_a_routine, &starter));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(WSA_IO_PENDING, starter.error);
	EXPECT_TRUE(ends(&starter.op));
	EXPECT_EQ(0xc0000120, state(&starter.op));
	EXPECT_EQ(0, SleepEx(COMES_NOT, TRUE));
	EXPECT_EQ(0, routines);
	/* The main thread still has its own. */
	start_with_a_routine(&starter);
	EXPECT_EQ(WSA_IO_PENDING, starter.error);
	EXPECT_EQ(1, send((SOCKET)fd[1], "x", 1, 0));
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx((DWORD)COMES, TRUE));
	EXPECT_EQ(1, routines);
}

/* Of the parent, queued but not called. */
TEST(child_calls_no_routine_of_its_parent)
{
	struct starter starter;
	int fd[2], pid;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	starter.fd = fd[0];
	start_with_a_routine(&starter);
	ASSERT_EQ(WSA_IO_PENDING, starter.error);
	EXPECT_EQ(1, send((SOCKET)fd[1], "x", 1, 0));
	EXPECT_TRUE(ends(&starter.op));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(SleepEx(COMES_NOT, TRUE) != 0 || routines);
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx((DWORD)COMES, TRUE));
	EXPECT_EQ(1, routines);
}

TEST_HARNESS_MAIN
