// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * SockiocpProcess(): overlapped operations, registrations and packets in one call.  What the
 * kernel does of it: operations/batch.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

#include <mswsock.h>
#include <ntstatus.h>
#include <sockiocp.h>

#define KEY	0xba7c
#define PAIRS	3
/* As many as pend in a direction of a socket, and some. */
#define MANY	1030
#define MAX	1024

struct receive {
	OVERLAPPED overlapped;
	WSABUF buffer;
	char data[32];
};

FIXTURE(batches) {
	HANDLE port;
	int fd[PAIRS][2];
	struct receive receive[PAIRS];
	SOCKIOCP_OPERATION op[PAIRS];
	OVERLAPPED_ENTRY got[2 * PAIRS];
	UINT32 received;
};

static void __attribute__((constructor)) start_winsock(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
}

static SOCKIOCP_OPERATION receive_args(int fd, struct receive *receive)
{
	SOCKIOCP_OPERATION op = {
		.socket = (SOCKET)fd,
		.overlapped = &receive->overlapped,
		.buffers = &receive->buffer,
		.bufferCount = 1,
		.operation = SOCKIOCP_RECEIVE,
		.bytesTransferred = POISON32,
		.operationResult = POISON32,
	};

	memset(receive, 0, sizeof(*receive));
	receive->buffer.buf = receive->data;
	receive->buffer.len = sizeof(receive->data);
	return op;
}

static SOCKIOCP_OPERATION send_args(int fd, struct receive *send, const char *text)
{
	SOCKIOCP_OPERATION op = receive_args(fd, send);

	op.operation = SOCKIOCP_SEND;
	strcpy(send->data, text);
	send->buffer.len = (ULONG)strlen(text);
	return op;
}

static ULONG state(const struct receive *receive)
{
	return (ULONG)__atomic_load_n(&receive->overlapped.Internal, __ATOMIC_ACQUIRE);
}

static int ends(const struct receive *receive)
{
	int64_t until = now_ms() + COMES;

	while (state(receive) == STATUS_PENDING && now_ms() < until)
		sleep_ms(1);
	return state(receive) != STATUS_PENDING;
}

/* Three sockets of a port, and a receive of each, ready to be started. */
FIXTURE_SETUP(batches)
{
	int i;

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	for (i = 0; i < PAIRS; i++) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd[i], 0));
		ASSERT_EQ(self->port, CreateIoCompletionPort((HANDLE)(intptr_t)self->fd[i][0],
							     self->port, KEY + i, 0));
		self->op[i] = receive_args(self->fd[i][0], &self->receive[i]);
	}
	self->received = POISON32;
}

FIXTURE_TEARDOWN(batches)
{
	int i;

	for (i = 0; i < PAIRS; i++) {
		closesocket((SOCKET)self->fd[i][0]);
		closesocket((SOCKET)self->fd[i][1]);
	}
	CloseHandle(self->port);
}

#define PROCESS(count, ms)							\
	SockiocpProcess(self->port, count, self->op, 0, NULL, ms, 2 * PAIRS,	\
			self->got, &self->received)
#define HARVEST(count)								\
	SockiocpProcess(self->port, 0, NULL, 0, NULL, (DWORD)COMES, count,	\
			self->got, &self->received)

TEST_F(batches, submits_and_harvests_in_one_call)
{
	ASSERT_EQ(3, send((SOCKET)self->fd[1][1], "two", 3, 0));
	ASSERT_TRUE(sock_becomes(self->fd[1][0], SEE_IN, COMES));
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(PAIRS, INFINITE));
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_EQ(POISON32, self->op[0].bytesTransferred);
	EXPECT_EQ(0, self->op[1].operationResult);
	EXPECT_EQ(3, self->op[1].bytesTransferred);
	EXPECT_EQ(WSA_IO_PENDING, self->op[2].operationResult);
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(KEY + 1, self->got[0].lpCompletionKey);
	EXPECT_EQ(&self->receive[1].overlapped, self->got[0].lpOverlapped);
	EXPECT_EQ(3, self->got[0].dwNumberOfBytesTransferred);
	EXPECT_EQ(0, memcmp(self->receive[1].data, "two", 3));
	EXPECT_EQ(STATUS_PENDING, state(&self->receive[0]));
}

TEST_F(batches, what_pends_is_waited_for)
{
	int64_t start = now_ms();

	EXPECT_EQ(WAIT_TIMEOUT, PROCESS(PAIRS, COMES_NOT));
	EXPECT_LE(COMES_NOT, now_ms() - start);
	EXPECT_EQ(0, self->received);
	EXPECT_EQ(WSA_IO_PENDING, self->op[2].operationResult);
	ASSERT_EQ(1, send((SOCKET)self->fd[2][1], "x", 1, 0));
	EXPECT_EQ(ERROR_SUCCESS, HARVEST(1));
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(KEY + 2, self->got[0].lpCompletionKey);
}

TEST_F(batches, sends_have_their_packets)
{
	char data[8];

	self->op[0] = send_args(self->fd[0][0], &self->receive[0], "one");
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(1, INFINITE));
	EXPECT_EQ(0, self->op[0].operationResult);
	EXPECT_EQ(3, self->op[0].bytesTransferred);
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(&self->receive[0].overlapped, self->got[0].lpOverlapped);
	EXPECT_EQ(3, recv((SOCKET)self->fd[0][1], data, sizeof(data), 0));
}

/* Nothing but the result says that it is over: so the call does not wait. */
TEST_F(batches, what_is_over_without_a_packet_is_told_at_once)
{
	EXPECT_TRUE(SetFileCompletionNotificationModes((HANDLE)(intptr_t)self->fd[1][0],
						       FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	self->op[1] = send_args(self->fd[1][0], &self->receive[1], "x");
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(PAIRS, INFINITE));
	EXPECT_EQ(0, self->received);
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_EQ(0, self->op[1].operationResult);
	EXPECT_EQ(1, self->op[1].bytesTransferred);
	EXPECT_EQ(0, state(&self->receive[1]));
	EXPECT_EQ(WSA_IO_PENDING, self->op[2].operationResult);
}

/* Each is what the function says; the others are started, and the call does not wait. */
TEST_F(batches, each_operation_has_its_own_error)
{
	static char data[8];
	WSABUF large[2] = { { 0x7fffffff, data }, { 0x7fffffff, data } };
	struct receive more[8];
	SOCKIOCP_OPERATION op[] = {
		receive_args(12345, &more[0]),
		receive_args(self->fd[0][0], &more[1]),
		receive_args(self->fd[0][0], &more[2]),
		receive_args(self->fd[0][0], &more[3]),
		receive_args(self->fd[0][0], &more[4]),
		receive_args(self->fd[0][0], &more[5]),
		receive_args(self->fd[0][0], &more[6]),
		receive_args(self->fd[0][0], &more[7]),
		receive_args(port_fd(self->port), &self->receive[1]),
		receive_args(self->fd[0][0], &self->receive[0]),
	};
	const unsigned int n = sizeof(op) / sizeof(op[0]);

	op[1].overlapped = NULL;
	op[2].operation = 77;
	op[3].bufferCount = 0;
	op[4].buffers = NULL;
	op[5].buffers = large;
	op[5].bufferCount = 2;
	op[6].reserved = 1;
	op[7].bufferCount = ~0U;
	EXPECT_EQ(ERROR_SUCCESS, SockiocpProcess(self->port, n, op, 0, NULL, INFINITE, 1,
						 self->got, &self->received));
	EXPECT_EQ(0, self->received);
	EXPECT_EQ(WSAENOTSOCK, op[0].operationResult);
	EXPECT_EQ(WSAEINVAL, op[1].operationResult);
	EXPECT_EQ(WSAEINVAL, op[2].operationResult);
	EXPECT_EQ(WSAEINVAL, op[3].operationResult);
	EXPECT_EQ(WSAEFAULT, op[4].operationResult);
	EXPECT_EQ(WSAEINVAL, op[5].operationResult);
	EXPECT_EQ(WSAEINVAL, op[6].operationResult);
	EXPECT_EQ(WSAEINVAL, op[7].operationResult);
	EXPECT_EQ(WSAENOTSOCK, op[8].operationResult);
	EXPECT_EQ(WSA_IO_PENDING, op[9].operationResult);
	ASSERT_EQ(1, send((SOCKET)self->fd[0][1], "x", 1, 0));
	EXPECT_EQ(ERROR_SUCCESS, HARVEST(1));
	EXPECT_EQ(&self->receive[0].overlapped, self->got[0].lpOverlapped);
}

/* Memory that is not there, a reset connection, a socket that is to wait. */
TEST_F(batches, errors_of_sockets_are_those_of_the_functions)
{
	SOCKET waits = WSASocketA(AF_INET, SOCK_DGRAM, 0, NULL, 0, 0);
	struct linger reset = { 1, 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	ASSERT_NE(INVALID_SOCKET, waits);
	self->op[0].buffers = &(WSABUF){ 8, (char *)16 };
	ASSERT_EQ(3, send((SOCKET)self->fd[0][1], "abc", 3, 0));
	ASSERT_TRUE(sock_becomes(self->fd[0][0], SEE_IN, COMES));
	EXPECT_EQ(0, setsockopt((SOCKET)self->fd[1][1], SOL_SOCKET, SO_LINGER,
				(char *)&reset, sizeof(reset)));
	EXPECT_EQ(0, closesocket((SOCKET)self->fd[1][1]));
	ASSERT_TRUE(sock_becomes(self->fd[1][0], SEE_ERR, COMES));
	self->op[2] = send_args((int)waits, &self->receive[2], "x");
	self->op[2].name = (struct sockaddr *)&to;
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(PAIRS, INFINITE));
	EXPECT_EQ(WSAEFAULT, self->op[0].operationResult);
	EXPECT_EQ(WSAECONNRESET, self->op[1].operationResult);
	/* A name of no length. */
	EXPECT_EQ(WSAEFAULT, self->op[2].operationResult);
	self->op[2].nameLength = &(INT){ sizeof(to) };
	EXPECT_EQ(ERROR_SUCCESS, SockiocpProcess(self->port, 1, &self->op[2], 0, NULL, INFINITE,
						 1, self->got, &self->received));
	EXPECT_EQ(WSAEOPNOTSUPP, self->op[2].operationResult);
	EXPECT_EQ(0, self->received);
	/* Nothing that came was lost. */
	EXPECT_EQ(3, recv((SOCKET)self->fd[0][0], self->receive[0].data, 32, 0));
	EXPECT_EQ(0, closesocket(waits));
}

/* The whole call: nothing is started, and no result written. */
TEST_F(batches, bad_argument_starts_nothing)
{
	OVERLAPPED_ENTRY *got = self->got;
	UINT32 *received = &self->received;
	HANDLE port = self->port, other = (HANDLE)(intptr_t)self->fd[0][1];
	int i;

	EXPECT_EQ(WSAEINVAL, SockiocpProcess(port, 0, self->op, 0, NULL, 0, 1, got, received));
	EXPECT_EQ(WSAEINVAL, SockiocpProcess(port, 1, NULL, 0, NULL, 0, 1, got, received));
	EXPECT_EQ(WSAEINVAL, SockiocpProcess(port, ~0U, self->op, 0, NULL, 0, 1, got, received));
	EXPECT_EQ(WSAEINVAL, SockiocpProcess(port, PAIRS, self->op, 1, NULL, 0, 1, got,
					     received));
	EXPECT_EQ(WSAEINVAL, SockiocpProcess(port, PAIRS, self->op, 0, NULL, 1, 0, NULL, NULL));
	EXPECT_EQ(WSAEINVAL, SockiocpProcess(port, PAIRS, self->op, 0, NULL, 0, ~0U, got,
					     received));
	EXPECT_EQ(WSAEFAULT, SockiocpProcess(port, PAIRS, self->op, 0, NULL, 0, 1,
					     (OVERLAPPED_ENTRY *)16, received));
	EXPECT_EQ(WSAEFAULT, GetLastError());
	EXPECT_EQ(ERROR_INVALID_HANDLE, SockiocpProcess(other, PAIRS, self->op, 0, NULL, 0, 1,
							got, received));
	EXPECT_EQ(ERROR_INVALID_HANDLE, SockiocpProcess(NULL, PAIRS, self->op, 0, NULL, 0, 1,
							got, received));
	for (i = 0; i < PAIRS; i++) {
		EXPECT_EQ(POISON32, self->op[i].operationResult);
		EXPECT_FALSE(CancelIoEx((HANDLE)(intptr_t)self->fd[i][0], NULL));
		EXPECT_EQ(ERROR_NOT_FOUND, GetLastError());
	}
}

TEST_F(batches, sockets_are_registered_in_the_same_call)
{
	SOCK_NOTIFY_REGISTRATION reg = entry(self->fd[1][0], 77, EV_IN, OP_ENABLE,
					     T_LEVEL | T_ONESHOT);

	ASSERT_EQ(1, send((SOCKET)self->fd[1][1], "x", 1, 0));
	ASSERT_TRUE(sock_becomes(self->fd[1][0], SEE_IN, COMES));
	EXPECT_EQ(ERROR_SUCCESS, SockiocpProcess(self->port, 1, self->op, 1, &reg, INFINITE, 2,
						 self->got, &self->received));
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_EQ(ERROR_SUCCESS, reg.registrationResult);
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(77, self->got[0].lpCompletionKey);
	EXPECT_EQ(EV_IN, SocketNotificationRetrieveEvents(&self->got[0]));
}

TEST_F(batches, event_is_set_and_its_low_bit_keeps_the_packet_away)
{
	HANDLE event[2] = { CreateEventA(NULL, TRUE, TRUE, NULL),
			    CreateEventA(NULL, TRUE, TRUE, NULL) };

	self->receive[0].overlapped.hEvent = event[0];
	self->receive[1].overlapped.hEvent = (HANDLE)((uintptr_t)event[1] | 1);
	/* No event at all. */
	self->receive[2].overlapped.hEvent = self->port;
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(PAIRS, INFINITE));
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_EQ(WSA_IO_PENDING, self->op[1].operationResult);
	EXPECT_EQ(ERROR_INVALID_HANDLE, self->op[2].operationResult);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event[0], 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event[1], 0));
	ASSERT_EQ(1, send((SOCKET)self->fd[0][1], "x", 1, 0));
	ASSERT_EQ(2, send((SOCKET)self->fd[1][1], "yz", 2, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event[0], (DWORD)COMES));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event[1], (DWORD)COMES));
	EXPECT_EQ(ERROR_SUCCESS, HARVEST(2));
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(&self->receive[0].overlapped, self->got[0].lpOverlapped);
	EXPECT_EQ(2, self->receive[1].overlapped.InternalHigh);
	CloseHandle(event[0]);
	CloseHandle(event[1]);
}

/* Its packet says that there is a connection: the library accepts it before it returns. */
TEST_F(batches, accepted_connection_is_there_when_its_packet_comes)
{
	SOCKET listener = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0);
	SOCKET client = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	OVERLAPPED accept = { 0 };
	int size = sizeof(name);
	char buffer[64];
	DWORD bytes;

	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&name, size));
	ASSERT_EQ(0, listen(listener, 5));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&name, &size));
	ASSERT_EQ(self->port, CreateIoCompletionPort((HANDLE)listener, self->port, 99, 0));
	EXPECT_FALSE(AcceptEx(listener, s, buffer, 0, 32, 32, &bytes, &accept));
	EXPECT_EQ(WSA_IO_PENDING, WSAGetLastError());
	ASSERT_EQ(0, connect(client, (struct sockaddr *)&name, size));
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(PAIRS, (DWORD)COMES));
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(99, self->got[0].lpCompletionKey);
	EXPECT_EQ(&accept, self->got[0].lpOverlapped);
	EXPECT_EQ(0, self->got[0].Internal);
	EXPECT_EQ(0, accept.Internal);
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(1, recv(s, buffer, 1, 0));
	closesocket(client);
	closesocket(s);
	closesocket(listener);
}

TEST_F(batches, datagrams_have_their_senders_and_their_ends)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from[2] = { 0 };
	SOCKET s[2] = { socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0) };
	INT length[2] = { sizeof(from[0]), sizeof(from[1]) }, to_length = sizeof(name);
	int size = sizeof(name), i;

	for (i = 0; i < 2; i++) {
		name.sin_port = 0;
		ASSERT_EQ(0, bind(s[i], (struct sockaddr *)&name, sizeof(name)));
	}
	ASSERT_EQ(0, getsockname(s[0], (struct sockaddr *)&name, &size));
	ASSERT_EQ(self->port, CreateIoCompletionPort((HANDLE)s[0], self->port, 5, 0));
	self->op[0] = send_args((int)s[1], &self->receive[0], "datagram");
	self->op[0].name = (struct sockaddr *)&name;
	self->op[0].nameLength = &to_length;
	/* It is there by now, and too long. */
	for (i = 1; i < 3; i++) {
		self->op[i] = receive_args((int)s[0], &self->receive[i]);
		self->op[i].name = (struct sockaddr *)&from[i - 1];
		self->op[i].nameLength = &length[i - 1];
		self->receive[i].buffer.len = 4;
	}
	EXPECT_EQ(ERROR_SUCCESS, PROCESS(PAIRS, (DWORD)COMES));
	EXPECT_EQ(0, self->op[0].operationResult);
	EXPECT_EQ(8, self->op[0].bytesTransferred);
	EXPECT_EQ(WSAEMSGSIZE, self->op[1].operationResult);
	EXPECT_EQ(4, self->op[1].bytesTransferred);
	EXPECT_EQ(MSG_PARTIAL, self->op[1].flags);
	EXPECT_EQ(sizeof(name), length[0]);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), from[0].sin_addr.s_addr);
	EXPECT_EQ(1, self->received);
	EXPECT_EQ(&self->receive[1].overlapped, self->got[0].lpOverlapped);
	EXPECT_EQ((ULONG)STATUS_BUFFER_OVERFLOW, (ULONG)self->got[0].Internal);
	EXPECT_EQ(WSA_IO_PENDING, self->op[2].operationResult);
	EXPECT_EQ(0, from[1].sin_family);
	EXPECT_EQ(2, sendto(s[1], "hi", 2, 0, (struct sockaddr *)&name, sizeof(name)));
	EXPECT_EQ(ERROR_SUCCESS, HARVEST(1));
	EXPECT_EQ(AF_INET, from[1].sin_family);
	EXPECT_EQ(sizeof(name), length[1]);
	closesocket(s[0]);
	closesocket(s[1]);
}

/* In their order, and over the limit of a socket those that come first. */
TEST_F(batches, many_are_started_in_order)
{
	static struct receive receive[MANY];
	static SOCKIOCP_OPERATION op[MANY];
	static OVERLAPPED_ENTRY got[MANY];
	unsigned int i, n, wrong = 0;

	for (i = 0; i < MANY; i++) {
		op[i] = receive_args(self->fd[0][0], &receive[i]);
		receive[i].buffer.len = 1;
	}
	EXPECT_EQ(ERROR_SUCCESS, SockiocpProcess(self->port, MANY, op, 0, NULL, INFINITE, MANY,
						 got, &self->received));
	EXPECT_EQ(0, self->received);
	for (i = 0; i < MANY; i++)
		wrong += op[i].operationResult !=
			 (DWORD)(i < MAX ? WSA_IO_PENDING : WSAENOBUFS);
	EXPECT_EQ(0, wrong);
	ASSERT_EQ(4, send((SOCKET)self->fd[0][1], "abcd", 4, 0));
	for (i = 0; i < 4; i += n) {
		EXPECT_EQ(ERROR_SUCCESS, SockiocpProcess(self->port, 0, NULL, 0, NULL,
							 (DWORD)COMES, 4, got, &n));
		ASSERT_LT(0, n);
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ("abcd"[i], receive[i].data[0]);
	EXPECT_EQ(STATUS_PENDING, state(&receive[4]));
}

/* ------------------------------------------------------------------- the home port */

/* What a new process submits is its own; 0 if so. */
static int child_submits(HANDLE port, SOCKIOCP_OPERATION *op, struct receive *receive)
{
	OVERLAPPED_ENTRY got;
	UINT32 received;

	receive->overlapped.Internal = 0;
	if (SockiocpProcess(port, 1, op, 0, NULL, 0, 1, &got, &received) != WAIT_TIMEOUT)
		return 1;
	if (op->operationResult != WSA_IO_PENDING)
		return 2;
	if (!CancelIoEx((HANDLE)op->socket, NULL))
		return 3;
	if (!ends(receive) || state(receive) != (ULONG)STATUS_CANCELLED)
		return 4;
	return SockiocpProcess(port, 0, NULL, 0, NULL, (DWORD)COMES, 1, &got, &received) ? 5 : 0;
}

TEST_F(batches, child_submits_by_a_home_port_of_its_own)
{
	int pid, how;

	EXPECT_EQ(WAIT_TIMEOUT, PROCESS(1, 0));
	for (how = 0; how < 2; how++) {
		/* The second way is one that the C library does not hear of. */
		pid = how ? (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(child_submits(self->port, &self->op[1], &self->receive[1]));
		EXPECT_EQ(0, child_status(pid, COMES));
	}
	EXPECT_EQ(STATUS_PENDING, state(&self->receive[0]));
}

TEST_F(batches, home_port_that_the_program_has_closed_is_made_anew)
{
	int fd;

	EXPECT_EQ(WAIT_TIMEOUT, PROCESS(1, 0));
	for (fd = 128; fd < 256; fd++)
		fd_close(fd);
	EXPECT_EQ(WAIT_TIMEOUT, SockiocpProcess(self->port, 1, &self->op[1], 0, NULL, 10, 1,
						self->got, &self->received));
	EXPECT_EQ(WSA_IO_PENDING, self->op[1].operationResult);
	EXPECT_TRUE(CancelIoEx((HANDLE)self->op[1].socket, NULL));
}

/* ------------------------------------------------------- what others have to know */

static void *process_in_a_thread(void *arg)
{
	struct {
		HANDLE port;
		SOCKIOCP_OPERATION *op;
	} *args = arg;
	OVERLAPPED_ENTRY got;
	UINT32 received;

	return (void *)(intptr_t)SockiocpProcess(args->port, 1, args->op, 0, NULL, 0, 1, &got,
						 &received);
}

TEST_F(batches, operation_with_an_event_ends_with_its_thread)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	struct {
		HANDLE port;
		SOCKIOCP_OPERATION *op;
	} args = { self->port, self->op };
	pthread_t thread;
	void *code;

	self->receive[0].overlapped.hEvent = event;
	ASSERT_EQ(0, pthread_create(&thread, NULL, process_in_a_thread, &args));
	ASSERT_EQ(0, pthread_join(thread, &code));
	EXPECT_EQ(WAIT_TIMEOUT, (intptr_t)code);
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_TRUE(ends(&self->receive[0]));
	EXPECT_EQ((ULONG)STATUS_CANCELLED, state(&self->receive[0]));
	CloseHandle(event);
}

TEST_F(batches, stream_ends_behind_a_send_that_pends)
{
	static char large[8 << 20], got[65536];
	long long total = 0;
	int n;

	self->op[0] = send_args(self->fd[0][0], &self->receive[0], "");
	self->receive[0].buffer.buf = large;
	self->receive[0].buffer.len = sizeof(large);
	EXPECT_EQ(WAIT_TIMEOUT, PROCESS(1, 0));
	EXPECT_EQ(WSA_IO_PENDING, self->op[0].operationResult);
	EXPECT_EQ(0, shutdown((SOCKET)self->fd[0][0], SD_SEND));
	do {
		ASSERT_TRUE(sock_becomes(self->fd[0][1], SEE_IN, COMES));
		n = recv((SOCKET)self->fd[0][1], got, sizeof(got), 0);
		total += n;
	} while (n > 0);
	EXPECT_EQ(0, n);
	EXPECT_EQ((long long)sizeof(large), total);
}

TEST_HARNESS_MAIN
