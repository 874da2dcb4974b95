// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Winsock's connect() where Linux' says something else: after a connection that
 * failed, where a backlog is full, and when a signal comes.
 */
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"

/* Each test is a process of its own, which has begun to use Winsock. */
static void __attribute__((constructor)) start_winsock(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
}

/* What <sys/un.h> has, which cannot be included beside <winsock2.h>. */
struct unix_address {
	unsigned short family;
	char path[108];
};

static void set_blocking(SOCKET s, int blocking)
{
	u_long nonblocking = !blocking;

	ioctlsocket(s, FIONBIO, &nonblocking);
}

/* 0, or the error. */
static int error_of_connect(SOCKET s, const void *addr, int len)
{
	WSASetLastError(0);
	return connect(s, addr, len) ? WSAGetLastError() : 0;
}

static int connect_to(SOCKET s, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_port = htons(port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return error_of_connect(s, &addr, sizeof(addr));
}

static int so_error(SOCKET s)
{
	int error = -1, len = sizeof(error);

	getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &len);
	return error;
}

FIXTURE(again) {
	SOCKET s;
	int listener;
	int port;
	int refused;
};

FIXTURE_VARIANT(again) {
	/* Does the program read the error, or its own recv() report it? */
	int reads;
	int receives;
};

FIXTURE_VARIANT_ADD(again, unread) { .reads = 0, };
FIXTURE_VARIANT_ADD(again, read) { .reads = 1, };
FIXTURE_VARIANT_ADD(again, received) { .receives = 1, };

FIXTURE_SETUP(again)
{
	self->refused = tcp_refused_port(FAM_INET);
	ASSERT_LT(0, self->refused);
	self->listener = tcp_listen(FAM_INET, 4, &self->port);
	ASSERT_LE(0, self->listener);
	self->s = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_NE(INVALID_SOCKET, self->s);
	set_blocking(self->s, 0);
}

FIXTURE_TEARDOWN(again)
{
	EXPECT_EQ(0, closesocket(self->s));
	fd_close(self->listener);
}

/* A connection that is refused in the background. */
#define GET_REFUSED()							\
	do {								\
		char c;							\
		EXPECT_EQ(WSAEWOULDBLOCK, connect_to(self->s, self->refused)); \
		ASSERT_TRUE(sock_becomes((int)self->s, SEE_HUP, COMES)); \
		if (variant->reads)					\
			EXPECT_EQ(WSAECONNREFUSED, so_error(self->s));	\
		if (variant->receives) {				\
			EXPECT_EQ(SOCKET_ERROR, recv(self->s, &c, 1, 0)); \
			EXPECT_EQ(WSAECONNREFUSED, WSAGetLastError());	\
		}							\
	} while (0)

TEST_F(again, connect_after_a_refusal_is_a_new_attempt)
{
	int i;

	for (i = 0; i < 3; i++)
		GET_REFUSED();
	EXPECT_EQ(WSAEWOULDBLOCK, connect_to(self->s, self->port));
	ASSERT_TRUE(sock_becomes((int)self->s, SEE_OUT, COMES));
	EXPECT_EQ(0, so_error(self->s));
	EXPECT_EQ(WSAEISCONN, connect_to(self->s, self->port));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
}

TEST_F(again, blocking_connect_after_a_refusal_is_a_new_attempt)
{
	GET_REFUSED();
	set_blocking(self->s, 1);
	EXPECT_EQ(0, connect_to(self->s, self->port));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
}

TEST_F(again, blocking_connect_that_is_refused_says_so_each_time)
{
	set_blocking(self->s, 1);
	EXPECT_EQ(WSAECONNREFUSED, connect_to(self->s, self->refused));
	EXPECT_EQ(WSAECONNREFUSED, connect_to(self->s, self->refused));
	EXPECT_EQ(0, connect_to(self->s, self->port));
	EXPECT_EQ(WSAEISCONN, connect_to(self->s, self->port));
}

/* The port says OUT of the new connection, whichever packet came before. */
TEST_F(again, new_attempt_is_reported_by_a_port)
{
	HANDLE port = port_open();

	ASSERT_NE(NULL, port);
	GET_REFUSED();
	EXPECT_EQ(WSAEWOULDBLOCK, connect_to(self->s, self->port));
	EXPECT_EQ(0, enable(port, (int)self->s, 1, EV_ALL, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(port, { 1, EV_OUT });
	EXPECT_TRUE(CloseHandle(port));
}

/* A listener of AF_UNIX with room for one connection. */
FIXTURE(backlog) {
	struct unix_address addr;
	SOCKET listener;
	SOCKET s;
};

FIXTURE_SETUP(backlog)
{
	self->addr = (struct unix_address) { .family = AF_UNIX };
	snprintf(self->addr.path + 1, 64, "sockiocp-connecting-%d", thread_id());
	self->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_EQ(0, bind(self->listener, (void *)&self->addr, sizeof(self->addr)));
	ASSERT_EQ(0, listen(self->listener, 1));
	self->s = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_NE(INVALID_SOCKET, self->s);
	set_blocking(self->s, 0);
}

FIXTURE_TEARDOWN(backlog)
{
	EXPECT_EQ(0, closesocket(self->s));
	EXPECT_EQ(0, closesocket(self->listener));
}

static int connect_unix(SOCKET s, const struct unix_address *addr)
{
	return error_of_connect(s, addr, sizeof(*addr));
}

/* Connects sockets until one has no room; they stay connected. */
static int fill_backlog(const struct unix_address *addr)
{
	SOCKET s;
	int i, error = 0;

	for (i = 0; i < 10 && !error; i++) {
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		set_blocking(s, 0);
		error = connect_unix(s, addr);
	}
	closesocket(s);
	return error;
}

TEST_F(backlog, full_one_refuses_who_does_not_wait)
{
	SOCKET accepted;

	EXPECT_EQ(WSAECONNREFUSED, fill_backlog(&self->addr));
	EXPECT_EQ(WSAECONNREFUSED, connect_unix(self->s, &self->addr));
	accepted = accept(self->listener, NULL, NULL);
	EXPECT_NE(INVALID_SOCKET, accepted);
	EXPECT_EQ(0, closesocket(accepted));
	EXPECT_EQ(0, connect_unix(self->s, &self->addr));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
}

TEST_F(backlog, full_one_times_out_for_who_waits_with_a_time_out)
{
	DWORD ms = 20;

	EXPECT_EQ(WSAECONNREFUSED, fill_backlog(&self->addr));
	set_blocking(self->s, 1);
	ASSERT_EQ(0, setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, (char *)&ms,
				sizeof(ms)));
	EXPECT_EQ(WSAETIMEDOUT, connect_unix(self->s, &self->addr));
}

struct call {
	SOCKET s;
	const struct unix_address *addr;
	int tid;
	int error;
};

static DWORD WINAPI make_call(LPVOID arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->tid, thread_id(), __ATOMIC_RELEASE);
	call->error = connect_unix(call->s, call->addr);
	return 0;
}

/* Linux gives such a connection up: nothing goes on in the background. */
TEST_F(backlog, blocking_connect_goes_on_though_a_signal_comes)
{
	struct call call = { .s = self->s, .addr = &self->addr };
	int64_t end = now_ms() + COMES;
	SOCKET accepted;
	HANDLE thread;

	EXPECT_EQ(WSAECONNREFUSED, fill_backlog(&self->addr));
	set_blocking(self->s, 1);
	ASSERT_EQ(0, count_signals(0));
	thread = CreateThread(NULL, 0, make_call, &call, 0, NULL);
	ASSERT_NE(NULL, thread);
	while (!__atomic_load_n(&call.tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	ASSERT_TRUE(task_sleeps(0, call.tid, COMES));
	ASSERT_EQ(0, signal_task(call.tid));
	while (!signals_counted() && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(1, signals_counted());
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, COMES_NOT));

	accepted = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, closesocket(accepted));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_TRUE(CloseHandle(thread));
	EXPECT_EQ(0, call.error);
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
}

TEST_HARNESS_MAIN
