// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What GetQueuedCompletionStatus() and GetQueuedCompletionStatusEx() can come to,
 * to the last code: what they return, what they store, and what they do not.
 * And how closing ends what is under way.
 */
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"

#define KEY	0x3141
#define OV(n)	((LPOVERLAPPED)(uintptr_t)(n))

FIXTURE(outcomes) {
	HANDLE port;
	/* Datagram sockets: always OUT. */
	int fd[2];
};

FIXTURE_SETUP(outcomes)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
}

FIXTURE_TEARDOWN(outcomes)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	if (self->port) {
		EXPECT_TRUE(CloseHandle(self->port));
	}
}

/* All that a call of GetQueuedCompletionStatus() can change. */
struct outcome {
	BOOL ret;
	DWORD error;
	DWORD bytes;
	ULONG_PTR key;
	LPOVERLAPPED overlapped;
};

static struct outcome gqcs(HANDLE port, DWORD timeout)
{
	struct outcome o = {
		.bytes = POISON32,
		.key = POISON64,
		.overlapped = OV(POISON64),
	};

	SetLastError(POISON32);
	o.ret = GetQueuedCompletionStatus(port, &o.bytes, &o.key, &o.overlapped,
					  timeout);
	o.error = GetLastError();
	return o;
}

#define EXPECT_OUTCOME(o, want_ret, want_error, want_bytes, want_key,	\
		       want_overlapped)					\
	do {								\
		struct outcome got_ = o;				\
									\
		EXPECT_EQ(want_ret, got_.ret);				\
		EXPECT_EQ(want_error, got_.error);			\
		EXPECT_EQ(want_bytes, got_.bytes);			\
		EXPECT_EQ(want_key, got_.key);				\
		EXPECT_EQ(want_overlapped, got_.overlapped);		\
	} while (0)
#define EXPECT_NO_PACKET(o, error)					\
	EXPECT_OUTCOME(o, FALSE, error, POISON32, POISON64, NULL)

static int post(HANDLE port, __u64 overlapped, __u64 status)
{
	struct sockiocp_post post = {
		.completion_key = KEY,
		.overlapped = overlapped,
		.internal = status,
		.bytes_transferred = 9,
	};

	return ioctl(port_fd(port), SOCKIOCP_POST, &post);
}

/* spec 8.3 */
TEST_F(outcomes, success_leaves_the_last_error)
{
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 9, KEY, OV(0x70)));
	EXPECT_OUTCOME(gqcs(self->port, 0), TRUE, POISON32, 9, KEY, OV(0x70));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 9, KEY, NULL));
	EXPECT_OUTCOME(gqcs(self->port, 0), TRUE, POISON32, 9, KEY, NULL);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_OUTCOME(gqcs(self->port, COMES), TRUE, POISON32, EV_OUT, KEY, NULL);
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_OUTCOME(gqcs(self->port, 0), TRUE, POISON32, EV_REMOVE, KEY, NULL);
}

/* spec 8.3 */
TEST_F(outcomes, failed_operation_has_the_code_of_its_status)
{
	const struct {
		DWORD status, error;
	} failure[] = {
		{ 0x80000005, ERROR_MORE_DATA },
		{ 0xc0000001, ERROR_GEN_FAILURE },
		{ 0xc0000005, ERROR_NOACCESS },
		{ 0xc0000008, ERROR_INVALID_HANDLE },
		{ 0xc000000d, ERROR_INVALID_PARAMETER },
		{ 0xc0000011, ERROR_HANDLE_EOF },
		{ 0xc0000017, ERROR_NOT_ENOUGH_MEMORY },
		{ 0xc0000022, ERROR_ACCESS_DENIED },
		{ 0xc0000023, ERROR_INSUFFICIENT_BUFFER },
		{ 0xc000009a, ERROR_NO_SYSTEM_RESOURCES },
		{ 0xc00000b5, ERROR_SEM_TIMEOUT },
		{ 0xc00000bb, ERROR_NOT_SUPPORTED },
		{ 0xc0000120, ERROR_OPERATION_ABORTED },
		{ 0xc000013b, ERROR_NETNAME_DELETED },
		{ 0xc000013c, ERROR_NETNAME_DELETED },
		{ 0xc000014b, ERROR_BROKEN_PIPE },
		{ 0xc000020c, ERROR_NETNAME_DELETED },
		{ 0xc000020d, ERROR_NETNAME_DELETED },
		{ 0xc0000236, ERROR_CONNECTION_REFUSED },
		{ 0xc000023c, ERROR_NETWORK_UNREACHABLE },
		{ 0xc000023d, ERROR_HOST_UNREACHABLE },
		{ 0xc000023f, ERROR_PORT_UNREACHABLE },
		{ 0xc0000241, ERROR_CONNECTION_ABORTED },
		/* A Win32 code in a status of its own. */
		{ 0xc0070000 | ERROR_CANCELLED, ERROR_CANCELLED },
		/* None of these: what Windows says where it has no code. */
		{ 0xc0001234, ERROR_MR_MID_NOT_FOUND },
		{ 0xffffffff, ERROR_MR_MID_NOT_FOUND },
		{ 0x80000000, ERROR_MR_MID_NOT_FOUND },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(failure); i++) {
		ASSERT_EQ(0, post(self->port, 0x50, failure[i].status));
		EXPECT_OUTCOME(gqcs(self->port, 0), FALSE, failure[i].error, 9, KEY,
			       OV(0x50));
	}
	EXPECT_NO_PACKET(gqcs(self->port, 0), WAIT_TIMEOUT);
}

/* spec 8.3 */
TEST_F(outcomes, status_that_is_no_error_is_a_success)
{
	/* STATUS_TIMEOUT, STATUS_PENDING, an informational one; 32 bits count. */
	const __u64 status[] = { 0x102, 0x103, 0x40000000, 0x7fffffff,
				 0xc000012000000000ULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(status); i++) {
		ASSERT_EQ(0, post(self->port, 0x50, status[i]));
		EXPECT_OUTCOME(gqcs(self->port, 0), TRUE, POISON32, 9, KEY,
			       OV(0x50));
	}
}

/* spec 8.3 */
TEST_F(outcomes, time_out_stores_no_packet)
{
	EXPECT_NO_PACKET(gqcs(self->port, 0), WAIT_TIMEOUT);
	EXPECT_NO_PACKET(gqcs(self->port, 20), WAIT_TIMEOUT);
}

/* spec 8.3 */
TEST_F(outcomes, bad_handle_stores_no_packet)
{
	HANDLE bad[] = {
		NULL, INVALID_HANDLE_VALUE, (HANDLE)(intptr_t)self->fd[0],
		(HANDLE)(intptr_t)1000000,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_NO_PACKET(gqcs(bad[i], INFINITE), ERROR_INVALID_HANDLE);
}

/* spec 8.3, 8.7 */
TEST_F(outcomes, port_closed_before_the_call_is_a_bad_handle)
{
	HANDLE port = self->port;

	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	EXPECT_NO_PACKET(gqcs(port, INFINITE), ERROR_INVALID_HANDLE);
}

/* spec 8.3 */
TEST_F(outcomes, null_pointers_are_refused_and_take_no_packet)
{
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD bytes;

	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 9, KEY, NULL));
	SetLastError(POISON32);
	EXPECT_FALSE(GetQueuedCompletionStatus(self->port, NULL, &key,
					       &overlapped, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_FALSE(GetQueuedCompletionStatus(self->port, &bytes, NULL,
					       &overlapped, 0));
	EXPECT_FALSE(GetQueuedCompletionStatus(self->port, &bytes, &key, NULL,
					       0));
	EXPECT_PACKETS_NOW(self->port, { KEY, 9 });
}

/* spec 8.4 */
TEST_F(outcomes, ex_returns_failed_operations_with_their_status)
{
	OVERLAPPED_ENTRY got[3];
	ULONG removed = POISON32;

	ASSERT_EQ(0, post(self->port, 0x50, 0xc000020d));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 9, KEY, NULL));
	memset(got, POISON_BYTE, sizeof(got));
	SetLastError(POISON32);
	EXPECT_TRUE(GetQueuedCompletionStatusEx(self->port, got, 3, &removed, 0,
						FALSE));
	EXPECT_EQ(POISON32, GetLastError());
	EXPECT_EQ(2, removed);
	EXPECT_EQ(0xc000020d, got[0].Internal);
	EXPECT_EQ(OV(0x50), got[0].lpOverlapped);
	EXPECT_EQ(0, got[1].Internal);
	EXPECT_EQ(POISON64, got[2].lpCompletionKey);
}

/* spec 8.4 */
TEST_F(outcomes, ex_says_why_there_is_no_packet)
{
	OVERLAPPED_ENTRY got;
	const struct {
		HANDLE port;
		LPOVERLAPPED_ENTRY entries;
		ULONG count;
		DWORD error;
	} call[] = {
		{ self->port, &got, 1, WAIT_TIMEOUT },
		{ self->port, &got, 0, ERROR_INVALID_PARAMETER },
		{ self->port, &got, 0xffffffff, ERROR_INVALID_PARAMETER },
		{ self->port, NULL, 1, ERROR_NOACCESS },
		{ self->port, (void *)16, 1, ERROR_NOACCESS },
		{ NULL, &got, 1, ERROR_INVALID_HANDLE },
		{ (HANDLE)(intptr_t)self->fd[0], &got, 1, ERROR_INVALID_HANDLE },
	};
	ULONG removed;
	size_t i, alertable;

	SetLastError(POISON32);
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, NULL, 0, NULL, 0,
						 FALSE));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());

	for (alertable = 0; alertable < 2; alertable++) {
		for (i = 0; i < ARRAY_SIZE(call); i++) {
			removed = POISON32;
			SetLastError(POISON32);
			EXPECT_FALSE(GetQueuedCompletionStatusEx(
				call[i].port, call[i].entries, call[i].count,
				&removed, 0, alertable));
			EXPECT_EQ(call[i].error, GetLastError());
			EXPECT_EQ(i ? POISON32 : 0, removed);
		}
	}
}

/* spec 8.2 */
TEST_F(outcomes, posting_succeeds_or_says_why_not)
{
	SetLastError(POISON32);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 9, KEY, NULL));
	EXPECT_EQ(POISON32, GetLastError());
	EXPECT_PACKETS_NOW(self->port, { KEY, 9 });
	EXPECT_FALSE(PostQueuedCompletionStatus((HANDLE)(intptr_t)self->fd[0], 9,
						KEY, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
}

/* However the socket is closed; the packet that was queued may come out. */
/* spec 7.1 */
TEST_F(outcomes, closing_a_socket_by_any_path_is_silent)
{
	enum { BY_CLOSESOCKET, BY_CLOSEHANDLE, BY_CLOSE, BY_DUP2, PATHS };
	OVERLAPPED_ENTRY got;
	ULONG removed;
	int path, fd;

	for (path = 0; path < PATHS; path++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, enable(self->port, fd, KEY, EV_OUT, T_LEVEL));
		switch (path) {
		case BY_CLOSESOCKET:
			EXPECT_EQ(0, closesocket((SOCKET)fd));
			break;
		case BY_CLOSEHANDLE:
			EXPECT_TRUE(CloseHandle((HANDLE)(intptr_t)fd));
			break;
		case BY_CLOSE:
			EXPECT_EQ(0, fd_close(fd));
			break;
		case BY_DUP2:
			EXPECT_EQ(fd, fd_dup_to(self->fd[1], fd));
			break;
		}
		if (GetQueuedCompletionStatusEx(self->port, &got, 1, &removed, 0,
						FALSE)) {
			EXPECT_EQ(KEY, got.lpCompletionKey);
			EXPECT_EQ(EV_OUT, got.dwNumberOfBytesTransferred);
		}
		EXPECT_NOTHING(self->port);
		/* The number, if it is a socket again, is registered nowhere. */
		if (path != BY_DUP2) {
			ASSERT_EQ(fd, any_socket(FAM_INET, TYPE_DGRAM, 0));
		}
		EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, fd));
		fd_close(fd);
	}
}

/* spec 7.4, 8.7 */
TEST_F(outcomes, closing_a_port_ends_waits_and_registrations)
{
	struct waiter w[BY_ALL];
	HANDLE port = self->port;
	int i;

	EXPECT_EQ(0, enable(port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_EQ(0, enable(port, self->fd[1], KEY, EV_IN, T_LEVEL | T_ONESHOT));
	for (i = 0; i < BY_ALL; i++) {
		w[i] = (struct waiter) {
			.port = port, .how = i, .timeout = INFINITE,
		};
		START_WAITER(&w[i]);
	}
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	for (i = 0; i < BY_ALL; i++) {
		ASSERT_EQ(0, waiter_join(&w[i], COMES));
		EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w[i].code);
	}
	EXPECT_EQ(NULL, w[BY_GQCS].packet.overlapped);

	/* The sockets go on, and may go elsewhere. */
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, enable(self->port, self->fd[i], KEY + i, EV_OUT,
				    T_LEVEL | T_ONESHOT));
		EXPECT_PACKETS(self->port, { KEY + i, EV_OUT });
	}
}

TEST_HARNESS_MAIN
