// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A socket that was selected is looked at by a thread of the library's: what the kernel tells
 * that thread and nobody else, the program still hears.
 */
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"

/* The peer of the socket that is looked at, which resets it at that moment; or none. */
static volatile SOCKET peer = INVALID_SOCKET;

/* Another thread of the program's takes what is there; then nothing of the library's is used. */
static void reset_by_peer(int fd)
{
	char c;

	syscall(SYS_recvfrom, fd, &c, 1, 0, NULL, NULL);
	sock_reset((int)peer);
	peer = INVALID_SOCKET;
	sock_becomes(fd, SEE_ERR, COMES);
}

/* libc's recv(2), as the library calls it. */
ssize_t kernels_recv(int fd, void *buf, size_t len, int flags) __asm__("recv");

ssize_t kernels_recv(int fd, void *buf, size_t len, int flags)
{
	if (peer != INVALID_SOCKET && flags & MSG_PEEK)
		reset_by_peer(fd);
	return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
}

static int error_of_recv(SOCKET s)
{
	char c;

	return recv(s, &c, 1, 0) < 0 ? WSAGetLastError() : 0;
}

TEST(reset_that_comes_at_that_moment_is_told)
{
	WSANETWORKEVENTS events;
	WSAEVENT event;
	int pair[2], first;
	WSADATA data;

	ASSERT_EQ(0, WSAStartup(WINSOCK_VERSION, &data));
	event = WSACreateEvent();
	ASSERT_EQ(0, tcp_pair(FAM_INET, pair, 0));
	ASSERT_EQ(0, WSAEventSelect((SOCKET)pair[0], event, FD_READ | FD_CLOSE));
	peer = (SOCKET)pair[1];
	ASSERT_EQ(1, send(peer, "a", 1, 0));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0, WSAEnumNetworkEvents((SOCKET)pair[0], event, &events));
	EXPECT_EQ(FD_CLOSE, events.lNetworkEvents);
	EXPECT_EQ(WSAECONNRESET, events.iErrorCode[FD_CLOSE_BIT]);
	EXPECT_EQ(WSAECONNRESET, error_of_recv((SOCKET)pair[0]));
	EXPECT_EQ(WSAECONNRESET, error_of_recv((SOCKET)pair[0]));
	first = pair[0];
	EXPECT_EQ(0, closesocket((SOCKET)pair[0]));
	/* The next one of that number has no past, whoever has made it. */
	ASSERT_EQ(0, tcp_pair(FAM_INET, pair, 0));
	ASSERT_TRUE(first == pair[0] || first == pair[1]);
	EXPECT_EQ(0, close(pair[first == pair[0]]));
	EXPECT_EQ(0, error_of_recv((SOCKET)first));
	EXPECT_EQ(0, closesocket((SOCKET)first));
	EXPECT_TRUE(WSACloseEvent(event));
}

TEST_HARNESS_MAIN
