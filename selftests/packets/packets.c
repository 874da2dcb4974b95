// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Packets: what is posted comes back as it was, in its order, together with
 * notifications, through each of the functions that harvest; what the REMOVE
 * packet promises; what closesocket() does; nobody starves.
 *
 * Waiting for packets: waiting.c.
 */
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"

#define KEY	0xabc
#define OV(n)	((LPOVERLAPPED)(uintptr_t)(n))

FIXTURE(packets) {
	HANDLE port;
	/* Datagram sockets: always OUT, and IN when the peer sends. */
	int fd[2];
};

FIXTURE_SETUP(packets)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
}

FIXTURE_TEARDOWN(packets)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define POST(bytes, key, overlapped)					\
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, bytes, key,	\
					       overlapped))

TEST(port_handle_is_a_descriptor_that_is_not_inherited_by_exec)
{
	HANDLE port = port_open();

	ASSERT_NE(NULL, port);
	ASSERT_NE(INVALID_HANDLE_VALUE, port);
	EXPECT_EQ(1, fd_is_cloexec(port_fd(port)));
	EXPECT_TRUE(CloseHandle(port));
	EXPECT_GT(0, fd_is_cloexec(port_fd(port)));
	SetLastError(POISON32);
	EXPECT_FALSE(CloseHandle(port));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
}

TEST(port_handle_is_never_null)
{
	HANDLE port;

	/* The lowest descriptor that is free would be 0. */
	fd_close(0);
	port = port_open();
	EXPECT_NE(NULL, port);
	EXPECT_LT(0, port_fd(port));
	EXPECT_NOTHING(port);
	EXPECT_TRUE(CloseHandle(port));
}

TEST(new_port_with_another_port_given_is_refused)
{
	HANDLE port = port_open();

	ASSERT_NE(NULL, port);
	SetLastError(POISON32);
	EXPECT_EQ(NULL, CreateIoCompletionPort(INVALID_HANDLE_VALUE, port, 0, 0));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	EXPECT_NOTHING(port);
	EXPECT_TRUE(CloseHandle(port));
}

/* spec 14.28 */
TEST(number_of_concurrent_threads_is_stored)
{
	const DWORD number[] = { 1, 3, 64, 0 };
	struct sockiocp_info info;
	HANDLE port;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(number); i++) {
		port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0,
					      number[i]);
		ASSERT_NE(NULL, port);
		memset(&info, POISON_BYTE, sizeof(info));
		ASSERT_EQ(0, ioctl(port_fd(port), SOCKIOCP_INFO, &info));
		EXPECT_EQ(number[i] ? number[i] :
			  (DWORD)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);
		EXPECT_TRUE(CloseHandle(port));
	}
}

TEST_F(packets, posted_packet_comes_back_as_it_was)
{
	POST(0, 0, NULL);
	EXPECT_PACKETS_NOW(self->port, { 0, 0, NULL, 0 });
	POST(0xffffffff, (ULONG_PTR)-1, OV(-1));
	EXPECT_PACKETS_NOW(self->port, { (ULONG_PTR)-1, 0xffffffff, OV(-1), 0 });
	/* Never looked at: an address that is not there. */
	POST(7, 1ULL << 40, OV(16));
	EXPECT_PACKETS_NOW(self->port, { 1ULL << 40, 7, OV(16), 0 });
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, posted_packets_are_first_in_first_out)
{
	int i;

	for (i = 0; i < 8; i++)
		POST(i, i + 100, OV(i));
	EXPECT_PACKETS_NOW(self->port,
			   { 100, 0, OV(0) }, { 101, 1, OV(1) },
			   { 102, 2, OV(2) }, { 103, 3, OV(3) },
			   { 104, 4, OV(4) }, { 105, 5, OV(5) },
			   { 106, 6, OV(6) }, { 107, 7, OV(7) });
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, many_posted_packets_keep_their_order_over_many_harvests)
{
	enum { COUNT = 2000, BATCH = 33 };
	OVERLAPPED_ENTRY got[BATCH];
	UINT32 received, i, next = 0;

	for (i = 0; i < COUNT; i++)
		POST(i, i, NULL);
	while (next < COUNT) {
		ASSERT_EQ(0, ProcessSocketNotifications(self->port, 0, NULL, 0,
							BATCH, got, &received));
		ASSERT_EQ(COUNT - next < BATCH ? COUNT - next : BATCH, received);
		for (i = 0; i < received; i++)
			ASSERT_EQ(next++, got[i].dwNumberOfBytesTransferred);
	}
	EXPECT_NOTHING(self->port);
}

/* spec 14.18 */
TEST_F(packets, posted_packets_and_notifications_are_one_queue)
{
	POST(1, 1, NULL);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	POST(2, 2, NULL);
	EXPECT_EQ(0, enable(self->port, self->fd[1], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	POST(3, 3, NULL);
	EXPECT_PACKETS_NOW(self->port, { 1, 1 }, { KEY, EV_OUT }, { 2, 2 },
			   { KEY + 1, EV_OUT }, { 3, 3 });
	EXPECT_NOTHING(self->port);
}

/* spec 14.18 */
TEST_F(packets, remove_packet_stands_in_the_same_queue)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_NONE, T_LEVEL));
	POST(1, 1, NULL);
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	POST(2, 2, NULL);
	EXPECT_PACKETS_NOW(self->port, { 1, 1 }, { KEY, EV_REMOVE }, { 2, 2 });
}

TEST_F(packets, harvest_takes_no_more_than_there_is_room_for)
{
	OVERLAPPED_ENTRY got[4];
	UINT32 received = POISON32;
	int i;

	for (i = 0; i < 5; i++)
		POST(i, 0, NULL);
	memset(got, POISON_BYTE, sizeof(got));
	EXPECT_EQ(0, ProcessSocketNotifications(self->port, 0, NULL, 0, 3, got,
						&received));
	EXPECT_EQ(3, received);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(i, got[i].dwNumberOfBytesTransferred);
	EXPECT_EQ(POISON64, got[3].lpCompletionKey);
	EXPECT_EQ(POISON32, got[3].dwNumberOfBytesTransferred);
	EXPECT_PACKETS_NOW(self->port, { 0, 3 }, { 0, 4 });
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, no_socket_appears_twice_in_a_harvest)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT, T_LEVEL));
	EXPECT_EQ(0, enable(self->port, self->fd[1], KEY + 1, EV_OUT, T_LEVEL));
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_OUT }, { KEY + 1, EV_OUT });
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_OUT }, { KEY + 1, EV_OUT });
}

static void harvest_one(struct __test_metadata *_metadata, HANDLE port,
			ULONG_PTR key, DWORD mask)
{
	OVERLAPPED_ENTRY got;
	UINT32 received;

	memset(&got, POISON_BYTE, sizeof(got));
	ASSERT_EQ(0, ProcessSocketNotifications(port, 0, NULL, 0, 1, &got,
						&received));
	ASSERT_EQ(1, received);
	EXPECT_EQ(key, got.lpCompletionKey);
	EXPECT_EQ(mask, got.dwNumberOfBytesTransferred);
}

TEST_F(packets, level_packet_that_refires_goes_behind_all_others)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT, T_LEVEL));
	POST(1, 1, NULL);
	EXPECT_EQ(0, enable(self->port, self->fd[1], KEY + 1, EV_OUT, T_LEVEL));
	POST(2, 2, NULL);
	harvest_one(_metadata, self->port, KEY, EV_OUT);
	harvest_one(_metadata, self->port, 1, 1);
	harvest_one(_metadata, self->port, KEY + 1, EV_OUT);
	POST(3, 3, NULL);
	harvest_one(_metadata, self->port, 2, 2);
	harvest_one(_metadata, self->port, KEY, EV_OUT);
	harvest_one(_metadata, self->port, KEY + 1, EV_OUT);
	harvest_one(_metadata, self->port, 3, 3);
	harvest_one(_metadata, self->port, KEY, EV_OUT);
	harvest_one(_metadata, self->port, KEY + 1, EV_OUT);
}

TEST_F(packets, reposting_what_is_harvested_does_not_starve_a_notification)
{
	OVERLAPPED_ENTRY got;
	UINT32 received;
	int i;

	POST(1, 1, NULL);
	POST(2, 2, NULL);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_NONE, T_LEVEL));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ProcessSocketNotifications(self->port, 0, NULL, 0, 1,
							&got, &received));
		if (got.lpCompletionKey == KEY)
			break;
		POST(got.dwNumberOfBytesTransferred, got.lpCompletionKey,
		     got.lpOverlapped);
	}
	EXPECT_EQ(2, i);
	EXPECT_EQ(EV_REMOVE, got.dwNumberOfBytesTransferred);
}

TEST_F(packets, remove_packet_comes_alone)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_REMOVE });
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, nothing_comes_after_the_remove_packet)
{
	int i;

	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, enable(self->port, self->fd[0], KEY + i, EV_ALL,
				    i % 2 ? T_LEVEL : T_EDGE));
		ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		EXPECT_EQ(0, deregister(self->port, self->fd[0]));
		ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		ASSERT_PACKETS(self->port, { KEY + i, EV_REMOVE });
		ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		EXPECT_NOTHING_NOW(self->port);
	}
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, remove_packet_outlives_its_socket)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_EQ(0, closesocket((SOCKET)self->fd[0]));
	self->fd[0] = -1;
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_REMOVE });
	EXPECT_NOTHING(self->port);
}

/* spec 14.11 */
TEST_F(packets, closesocket_gives_no_remove_packet)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_EQ(0, closesocket((SOCKET)self->fd[0]));
	self->fd[0] = -1;
	EXPECT_NOTHING(self->port);
}

/* spec 14.11 */
TEST_F(packets, closesocket_leaves_nothing_registered)
{
	int fd;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_EQ(0, closesocket((SOCKET)self->fd[0]));
	fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
	ASSERT_EQ(self->fd[0], fd);
	EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, fd));
	/* The new socket of that number has its own key. */
	EXPECT_EQ(0, enable(self->port, fd, KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, close_gives_no_remove_packet)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	fd_close(self->fd[0]);
	self->fd[0] = -1;
	EXPECT_NOTHING(self->port);
}

/* spec 14.25 */
TEST_F(packets, gqcs_gives_a_notification_with_a_null_overlapped)
{
	LPOVERLAPPED overlapped = OV(POISON64);
	ULONG_PTR key = POISON64;
	DWORD bytes = POISON32;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_TRUE(GetQueuedCompletionStatus(self->port, &bytes, &key,
					      &overlapped, 0));
	EXPECT_EQ(EV_OUT, bytes);
	EXPECT_EQ(KEY, key);
	EXPECT_EQ(NULL, overlapped);
}

/* spec 14.25 */
TEST_F(packets, gqcs_gives_a_posted_packet)
{
	LPOVERLAPPED overlapped = OV(POISON64);
	ULONG_PTR key = POISON64;
	DWORD bytes = POISON32;

	POST(5, 6, OV(0x70));
	EXPECT_TRUE(GetQueuedCompletionStatus(self->port, &bytes, &key,
					      &overlapped, 0));
	EXPECT_EQ(5, bytes);
	EXPECT_EQ(6, key);
	EXPECT_EQ(OV(0x70), overlapped);

	POST(0, 0, NULL);
	EXPECT_TRUE(GetQueuedCompletionStatus(self->port, &bytes, &key,
					      &overlapped, INFINITE));
	EXPECT_EQ(0, bytes);
	EXPECT_EQ(0, key);
	EXPECT_EQ(NULL, overlapped);
}

TEST_F(packets, gqcs_takes_one_packet)
{
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD bytes;

	POST(1, 1, NULL);
	POST(2, 2, NULL);
	EXPECT_TRUE(GetQueuedCompletionStatus(self->port, &bytes, &key,
					      &overlapped, 0));
	EXPECT_EQ(1, bytes);
	EXPECT_PACKETS_NOW(self->port, { 2, 2 });
}

TEST_F(packets, gqcs_time_out_stores_a_null_overlapped_and_nothing_else)
{
	LPOVERLAPPED overlapped = OV(POISON64);
	ULONG_PTR key = POISON64;
	DWORD bytes = POISON32;

	SetLastError(POISON32);
	EXPECT_FALSE(GetQueuedCompletionStatus(self->port, &bytes, &key,
					       &overlapped, 0));
	EXPECT_EQ(WAIT_TIMEOUT, GetLastError());
	EXPECT_EQ(POISON32, bytes);
	EXPECT_EQ(POISON64, key);
	EXPECT_EQ(NULL, overlapped);
}

TEST_F(packets, gqcs_on_a_bad_handle_stores_a_null_overlapped)
{
	HANDLE bad[] = {
		INVALID_HANDLE_VALUE, NULL, (HANDLE)(intptr_t)self->fd[0],
		(HANDLE)(((intptr_t)1 << 32) | (intptr_t)self->port),
	};
	size_t i;

	POST(1, 1, NULL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		LPOVERLAPPED overlapped = OV(POISON64);
		ULONG_PTR key = POISON64;
		DWORD bytes = POISON32;

		SetLastError(POISON32);
		EXPECT_FALSE(GetQueuedCompletionStatus(bad[i], &bytes, &key,
						       &overlapped, INFINITE));
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
		EXPECT_EQ(POISON32, bytes);
		EXPECT_EQ(POISON64, key);
		EXPECT_EQ(NULL, overlapped);
	}
	EXPECT_PACKETS_NOW(self->port, { 1, 1 });
}

TEST_F(packets, gqcsex_gives_what_psn_gives)
{
	OVERLAPPED_ENTRY got[4];
	ULONG removed = POISON32;

	POST(1, 2, OV(3));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	memset(got, POISON_BYTE, sizeof(got));
	EXPECT_TRUE(GetQueuedCompletionStatusEx(self->port, got, 4, &removed, 0,
						FALSE));
	EXPECT_EQ(2, removed);
	EXPECT_EQ(2, got[0].lpCompletionKey);
	EXPECT_EQ(OV(3), got[0].lpOverlapped);
	EXPECT_EQ(0, got[0].Internal);
	EXPECT_EQ(1, got[0].dwNumberOfBytesTransferred);
	EXPECT_EQ(KEY, got[1].lpCompletionKey);
	EXPECT_EQ(NULL, got[1].lpOverlapped);
	EXPECT_EQ(0, got[1].Internal);
	EXPECT_EQ(EV_OUT, got[1].dwNumberOfBytesTransferred);
	EXPECT_EQ(EV_OUT, SocketNotificationRetrieveEvents(&got[1]));
	EXPECT_EQ(POISON64, got[2].lpCompletionKey);
}

TEST_F(packets, gqcsex_returns_true_for_a_failed_operation)
{
	struct sockiocp_post post = { .overlapped = 0x50, .internal = 0xc0000120 };
	OVERLAPPED_ENTRY got;
	ULONG removed;

	ASSERT_EQ(0, ioctl(port_fd(self->port), SOCKIOCP_POST, &post));
	EXPECT_TRUE(GetQueuedCompletionStatusEx(self->port, &got, 1, &removed, 0,
						FALSE));
	EXPECT_EQ(0xc0000120, got.Internal);
}

TEST_F(packets, gqcsex_time_out_stores_a_count_of_0)
{
	OVERLAPPED_ENTRY got, poison;
	ULONG removed = POISON32;

	memset(&poison, POISON_BYTE, sizeof(poison));
	memset(&got, POISON_BYTE, sizeof(got));
	SetLastError(POISON32);
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &got, 1, &removed, 0,
						 FALSE));
	EXPECT_EQ(WAIT_TIMEOUT, GetLastError());
	EXPECT_EQ(0, removed);
	EXPECT_EQ(0, memcmp(&poison, &got, sizeof(got)));
}

TEST_F(packets, gqcsex_without_room_is_refused)
{
	OVERLAPPED_ENTRY got;
	ULONG removed = POISON32;

	POST(1, 1, NULL);
	SetLastError(POISON32);
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &got, 0, &removed, 0,
						 FALSE));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	SetLastError(POISON32);
	EXPECT_FALSE(GetQueuedCompletionStatusEx(INVALID_HANDLE_VALUE, &got, 1,
						 &removed, 0, FALSE));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_PACKETS_NOW(self->port, { 1, 1 });
}

TEST_F(packets, post_to_a_bad_handle_fails)
{
	HANDLE bad[] = {
		INVALID_HANDLE_VALUE, NULL, (HANDLE)(intptr_t)self->fd[0],
		(HANDLE)(((intptr_t)1 << 32) | (intptr_t)self->port),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		SetLastError(POISON32);
		EXPECT_FALSE(PostQueuedCompletionStatus(bad[i], 0, 0, NULL));
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	}
	EXPECT_NOTHING(self->port);
}

TEST_F(packets, notifications_come_from_the_winsock_functions_too)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int len = sizeof(addr);
	u_long on = 1;
	char c = 0;
	SOCKET a, b;
	WSADATA data;

	ASSERT_EQ(0, WSAStartup(WINSOCK_VERSION, &data));
	a = socket(AF_INET, SOCK_DGRAM, 0);
	b = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_NE(INVALID_SOCKET, a);
	ASSERT_NE(INVALID_SOCKET, b);
	ASSERT_EQ(0, ioctlsocket(a, FIONBIO, &on));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, bind(a, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, getsockname(a, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(0, enable(self->port, (int)a, KEY, EV_IN, T_LEVEL));
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(1, sendto(b, "x", 1, 0, (struct sockaddr *)&addr, len));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	EXPECT_EQ(1, recv(a, &c, 1, 0));
	EXPECT_EQ('x', c);
	EXPECT_EQ(SOCKET_ERROR, recv(a, &c, 1, 0));
	EXPECT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, closesocket(a));
	EXPECT_EQ(0, closesocket(b));
	EXPECT_EQ(SOCKET_ERROR, closesocket(b));
	EXPECT_EQ(WSAENOTSOCK, WSAGetLastError());
	EXPECT_EQ(0, WSACleanup());
}

TEST_HARNESS_MAIN
