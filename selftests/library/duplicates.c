// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * WSADuplicateSocket(): sockets for other processes.  What the kernel promises of them is
 * in lifetime/duplicating.c.
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

#define USER	54323

/* Each test is a process of its own, which has begun to use Winsock. */
static void __attribute__((constructor)) start_winsock(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
}

/* ------------------------------------------------- a process that gets a socket */

enum command { NOTHING, GET_W, GET_A, SEND, RECEIVE, CLOSE, BECOME };

struct receiver {
	int pid;
	enum command command;
	union {
		WSAPROTOCOL_INFOW wide;
		WSAPROTOCOL_INFOA narrow;
	} info;
	int result;
	int error;
	SOCKET s;
};

static int got(struct receiver *r, SOCKET s)
{
	r->s = s;
	return s == INVALID_SOCKET ? SOCKET_ERROR : 0;
}

static int carry_out(struct receiver *r)
{
	char c;

	switch (r->command) {
	case GET_W:
		return got(r, WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
					 FROM_PROTOCOL_INFO, &r->info.wide, 0,
					 WSA_FLAG_OVERLAPPED));
	case GET_A:
		return got(r, WSASocketA(AF_INET, SOCK_STREAM, IPPROTO_TCP, &r->info.narrow,
					 0, WSA_FLAG_OVERLAPPED));
	case SEND:
		return send(r->s, "x", 1, 0);
	case RECEIVE:
		return recv(r->s, &c, 1, 0);
	case CLOSE:
		return closesocket(r->s);
	case BECOME:
		return syscall(SYS_setresuid, USER, USER, USER);
	default:
		return SOCKET_ERROR;
	}
}

/* It has no descriptor of what its parent opens later. */
static void receive(void *arg)
{
	struct receiver *r = arg;

	for (;;) {
		while (!__atomic_load_n(&r->command, __ATOMIC_ACQUIRE))
			sleep_ms(1);
		WSASetLastError(0);
		r->result = carry_out(r);
		r->error = WSAGetLastError();
		__atomic_store_n(&r->command, NOTHING, __ATOMIC_RELEASE);
	}
}

static struct receiver *receiver_start(void)
{
	struct receiver *r = shared_memory(sizeof(*r));

	if (r)
		r->pid = process_start(receive, r);
	return r;
}

/* What the call returns, or its error, as a negative number. */
static int order(struct receiver *r, enum command command)
{
	int64_t end = now_ms() + 2 * COMES;

	__atomic_store_n(&r->command, command, __ATOMIC_RELEASE);
	while (__atomic_load_n(&r->command, __ATOMIC_ACQUIRE)) {
		if (now_ms() >= end)
			return -WSAETIMEDOUT;
		sleep_ms(1);
	}
	return r->result == SOCKET_ERROR ? -r->error : r->result;
}

/* ----------------------------------------------------------------- the fixture */

FIXTURE(duplicates) {
	struct receiver *receiver;
	/* A TCP connection, of which the receiver has nothing. */
	SOCKET s;
	SOCKET peer;
	WSAPROTOCOL_INFOW *wide;
	WSAPROTOCOL_INFOA *narrow;
};

FIXTURE_SETUP(duplicates)
{
	int pair[2];

	self->receiver = receiver_start();
	ASSERT_NE(NULL, self->receiver);
	self->wide = &self->receiver->info.wide;
	self->narrow = &self->receiver->info.narrow;
	ASSERT_EQ(0, tcp_pair(FAM_INET, pair, 0));
	self->s = pair[0];
	self->peer = pair[1];
	if (WSADuplicateSocketW(self->s, GetCurrentProcessId(), self->wide) &&
	    WSAGetLastError() == WSAEOPNOTSUPP)
		SKIP(_exit(255), "this kernel lets no module give a process a descriptor");
}

FIXTURE_TEARDOWN(duplicates)
{
	closesocket(self->s);
	closesocket(self->peer);
	process_kill(self->receiver->pid);
}

#define EXPECT_DUPLICATE(s)						\
	EXPECT_EQ(0, WSADuplicateSocketW(s, self->receiver->pid, self->wide))

#define EXPECT_WSA(error, call)						\
	do {								\
		WSASetLastError(0);					\
		EXPECT_EQ(SOCKET_ERROR, call);				\
		EXPECT_EQ(error, WSAGetLastError());			\
	} while (0)

#define EXPECT_COMES(s)							\
	do {								\
		char c_;						\
		EXPECT_TRUE(sock_becomes((int)(s), SEE_IN, COMES));	\
		EXPECT_EQ(1, recv(s, &c_, 1, 0));			\
	} while (0)

#define EXPECT_FIN(s)	EXPECT_TRUE(sock_becomes((int)(s), SEE_RDHUP, COMES))

/* ------------------------------------------------------------- what is promised */

/* spec 15.16 */
TEST_F(duplicates, socket_is_the_same_in_the_other_process)
{
	EXPECT_DUPLICATE(self->s);
	EXPECT_EQ(0, order(self->receiver, GET_W));
	EXPECT_EQ(1, order(self->receiver, SEND));
	EXPECT_COMES(self->peer);
	EXPECT_EQ(0, closesocket(self->s));
	self->s = INVALID_SOCKET;
	EXPECT_EQ(1, order(self->receiver, SEND));
	EXPECT_COMES(self->peer);
	EXPECT_FALSE(sock_becomes((int)self->peer, SEE_RDHUP, COMES_NOT));
	EXPECT_EQ(0, order(self->receiver, CLOSE));
	EXPECT_FIN(self->peer);
}

TEST_F(duplicates, both_spellings_do_it)
{
	EXPECT_EQ(0, WSADuplicateSocketA(self->s, self->receiver->pid, self->narrow));
	EXPECT_STREQ("TCP/IP", self->narrow->szProtocol);
	EXPECT_EQ(0, order(self->receiver, GET_A));
	EXPECT_EQ(1, order(self->receiver, SEND));
	EXPECT_COMES(self->peer);
}

TEST_F(duplicates, description_is_that_of_the_socket)
{
	WSAPROTOCOL_INFOW same;
	int size = sizeof(same);

	EXPECT_DUPLICATE(self->s);
	ASSERT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&same, &size));
	EXPECT_EQ(AF_INET, self->wide->iAddressFamily);
	EXPECT_EQ(SOCK_STREAM, self->wide->iSocketType);
	EXPECT_EQ(IPPROTO_TCP, self->wide->iProtocol);
	/* All but what names the socket. */
	same.ProviderId = self->wide->ProviderId;
	same.dwProviderReserved = self->wide->dwProviderReserved;
	EXPECT_EQ(0, memcmp(&same, self->wide, sizeof(same)));
}

TEST_F(duplicates, process_may_be_the_same_one)
{
	SOCKET other;

	EXPECT_EQ(0, WSADuplicateSocketW(self->s, GetCurrentProcessId(), self->wide));
	other = WSASocketW(0, 0, 0, self->wide, 0, 0);
	ASSERT_NE(INVALID_SOCKET, other);
	EXPECT_NE(self->s, other);
	EXPECT_EQ(1, send(other, "x", 1, 0));
	EXPECT_COMES(self->peer);
	EXPECT_EQ(0, closesocket(other));
}

TEST_F(duplicates, description_is_used_once)
{
	EXPECT_DUPLICATE(self->s);
	EXPECT_EQ(0, order(self->receiver, GET_W));
	EXPECT_EQ(-WSAEINVAL, order(self->receiver, GET_W));
}

TEST_F(duplicates, description_is_for_one_process)
{
	EXPECT_DUPLICATE(self->s);
	WSASetLastError(0);
	EXPECT_EQ(INVALID_SOCKET, WSASocketW(0, 0, 0, self->wide, 0, 0));
	EXPECT_EQ(WSAEINVAL, WSAGetLastError());
	EXPECT_EQ(0, order(self->receiver, GET_W));
}

TEST_F(duplicates, description_keeps_nothing_open)
{
	EXPECT_DUPLICATE(self->s);
	EXPECT_EQ(0, closesocket(self->s));
	self->s = INVALID_SOCKET;
	EXPECT_FIN(self->peer);
	EXPECT_EQ(-WSAEINVAL, order(self->receiver, GET_W));
}

TEST_F(duplicates, message_that_is_cut_is_an_error_there_too)
{
	int pair[2];

	ASSERT_EQ(0, udp_pair(FAM_INET, pair));
	EXPECT_DUPLICATE(pair[0]);
	EXPECT_EQ(0, order(self->receiver, GET_W));
	EXPECT_EQ(2, send(pair[1], "xy", 2, 0));
	EXPECT_TRUE(sock_becomes(pair[0], SEE_IN, COMES));
	EXPECT_EQ(-WSAEMSGSIZE, order(self->receiver, RECEIVE));
}

/* spec 15.17 */
TEST_F(duplicates, process_of_another_user_is_refused)
{
	if (geteuid())
		SKIP(return, "only root can be several users");
	EXPECT_DUPLICATE(self->s);
	EXPECT_EQ(0, order(self->receiver, BECOME));
	EXPECT_EQ(-WSAEINVAL, order(self->receiver, GET_W));
	EXPECT_WSA(WSAEACCES, WSADuplicateSocketW(self->s, self->receiver->pid, self->wide));
}

TEST_F(duplicates, what_cannot_be_duplicated_is_said)
{
	const int pid = self->receiver->pid;
	int pipe[2];

	ASSERT_EQ(0, fd_pipe(pipe));
	EXPECT_WSA(WSAENOTSOCK, WSADuplicateSocketW(INVALID_SOCKET, pid, self->wide));
	EXPECT_WSA(WSAENOTSOCK, WSADuplicateSocketA(pipe[0], pid, self->narrow));
	EXPECT_WSA(WSAEFAULT, WSADuplicateSocketW(self->s, pid, NULL));
	EXPECT_WSA(WSAEFAULT, WSADuplicateSocketA(self->s, pid, NULL));
	EXPECT_WSA(WSAEINVAL, WSADuplicateSocketW(self->s, 0, self->wide));
	EXPECT_WSA(WSAEINVAL, WSADuplicateSocketW(self->s, 0x7fffffff, self->wide));

	EXPECT_DUPLICATE(self->s);
	WSASetLastError(0);
	EXPECT_EQ(INVALID_SOCKET, WSASocketW(0, 0, 0, self->wide, 0, WSA_FLAG_REGISTERED_IO));
	EXPECT_EQ(WSAEOPNOTSUPP, WSAGetLastError());
	ASSERT_EQ(0, WSACleanup());
	EXPECT_WSA(WSANOTINITIALISED, WSADuplicateSocketW(self->s, pid, self->wide));
}

TEST_HARNESS_MAIN
