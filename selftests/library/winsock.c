// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Winsock's calls where a program of Windows expects something else than libc does.
 * Registrations and packets have their own tests; text and addresses: addresses.c.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

/* Each test is a process of its own, which has begun to use Winsock. */
static void __attribute__((constructor)) start_winsock(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
}

/* More than the buffers of both ends hold. */
#define MUCH	(8 << 20)

static void set_blocking(int fd, int blocking)
{
	u_long nonblocking = !blocking;

	ioctlsocket((SOCKET)fd, FIONBIO, &nonblocking);
}

/* A connection; its first end blocks. */
FIXTURE(stream) {
	int fd[2];
	char *data;
};

FIXTURE_VARIANT(stream) {
	int unix_domain;
	/* The program has datagram sockets too, so recv() looks for what is cut. */
	int beside_datagrams;
};

FIXTURE_VARIANT_ADD(stream, tcp) { .unix_domain = 0, };
FIXTURE_VARIANT_ADD(stream, unix_domain) { .unix_domain = 1, };
FIXTURE_VARIANT_ADD(stream, tcp_beside_datagrams) { .beside_datagrams = 1, };

FIXTURE_SETUP(stream)
{
	ASSERT_EQ(0, variant->unix_domain ? unix_pair(TYPE_STREAM, self->fd) :
					    tcp_pair(FAM_INET, self->fd, 0));
	set_blocking(self->fd[0], 1);
	if (variant->beside_datagrams) {
		ASSERT_EQ(0, closesocket(socket(AF_INET, SOCK_DGRAM, 0)));
	}
	self->data = calloc(1, MUCH);
	ASSERT_NE(NULL, self->data);
}

FIXTURE_TEARDOWN(stream)
{
	free(self->data);
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
}

/* A thread that makes one call on the first end. */
struct call {
	int fd;
	char *data;
	int len;
	int flags;
	int receives;

	int tid;
	int result;
	int error;
	HANDLE thread;
};

static DWORD WINAPI make_call(LPVOID arg)
{
	struct call *call = arg;
	SOCKET s = (SOCKET)call->fd;

	__atomic_store_n(&call->tid, thread_id(), __ATOMIC_RELEASE);
	WSASetLastError(0);
	if (call->receives)
		call->result = recv(s, call->data, call->len, call->flags);
	else
		call->result = send(s, call->data, call->len, call->flags);
	call->error = WSAGetLastError();
	return 0;
}

/* Starts the call; returns whether it blocks. */
static int call_blocks(struct call *call)
{
	call->thread = CreateThread(NULL, 0, make_call, call, 0, NULL);
	if (!call->thread)
		return 0;
	while (!__atomic_load_n(&call->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return task_sleeps(0, call->tid, COMES);
}

static int call_ends(struct call *call)
{
	return WaitForSingleObject(call->thread, COMES) == WAIT_OBJECT_0 &&
	       CloseHandle(call->thread);
}

/* Has a signal handler run in the thread while the call was under way? */
static int interrupt(struct call *call)
{
	int before = signals_counted();
	int64_t end = now_ms() + COMES;

	signal_task(call->tid);
	while (signals_counted() == before && now_ms() < end)
		sleep_ms(1);
	return signals_counted() > before && task_sleeps(0, call->tid, COMES);
}

TEST_F(stream, blocking_send_sends_all_though_a_signal_comes)
{
	struct call call = { .fd = self->fd[0], .data = self->data, .len = MUCH };
	int64_t end;
	long got = 0;

	ASSERT_EQ(0, count_signals(1));
	ASSERT_TRUE(call_blocks(&call));
	ASSERT_TRUE(interrupt(&call));
	for (end = now_ms() + 4 * COMES; got < MUCH && now_ms() < end; sleep_ms(1))
		got += sock_drain(self->fd[1]);
	EXPECT_EQ(MUCH, got);
	ASSERT_TRUE(call_ends(&call));
	EXPECT_EQ(MUCH, call.result);
}

TEST_F(stream, blocking_send_fails_when_the_peer_goes_in_the_middle)
{
	struct call call = { .fd = self->fd[0], .data = self->data, .len = MUCH };

	ASSERT_EQ(0, count_signals(1));
	ASSERT_TRUE(call_blocks(&call));
	ASSERT_TRUE(interrupt(&call));
	fd_close(self->fd[1]);
	ASSERT_TRUE(call_ends(&call));
	EXPECT_EQ(SOCKET_ERROR, call.result);
	EXPECT_EQ(WSAECONNRESET, call.error);
}

TEST_F(stream, send_that_times_out_says_how_much_went)
{
	SOCKET s = (SOCKET)self->fd[0];
	int first, sent;
	DWORD ms = 50;

	ASSERT_EQ(0, setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, (char *)&ms, sizeof(ms)));
	first = send(s, self->data, MUCH, 0);
	EXPECT_LT(0, first);
	EXPECT_GT(MUCH, first);
	/* TCP finds some room more. */
	do {
		sent = send(s, self->data, MUCH, 0);
	} while (sent > 0);
	EXPECT_EQ(SOCKET_ERROR, sent);
	EXPECT_EQ(WSAETIMEDOUT, WSAGetLastError());
}

TEST_F(stream, non_blocking_send_takes_what_there_is_room_for)
{
	int sent;

	set_blocking(self->fd[0], 0);
	sent = send((SOCKET)self->fd[0], self->data, MUCH, 0);
	EXPECT_LT(0, sent);
	EXPECT_GT(MUCH, sent);
}

/* Four of eight bytes have come, and a signal. */
#define WAIT_FOR_THE_REST(c)						\
	do {								\
		*(c) = (struct call) {					\
			.fd = self->fd[0], .data = self->data, .len = 8,\
			.flags = MSG_WAITALL, .receives = 1,		\
		};							\
		ASSERT_EQ(0, count_signals(1));				\
		ASSERT_EQ(4, sock_send(self->fd[1], "abcd", 4));	\
		ASSERT_TRUE(call_blocks(c));				\
		ASSERT_TRUE(interrupt(c));				\
	} while (0)

TEST_F(stream, waitall_waits_for_all_though_a_signal_comes)
{
	struct call call;

	WAIT_FOR_THE_REST(&call);
	ASSERT_EQ(4, sock_send(self->fd[1], "efgh", 4));
	ASSERT_TRUE(call_ends(&call));
	EXPECT_EQ(8, call.result);
	EXPECT_STREQ("abcdefgh", self->data);
}

TEST_F(stream, waitall_ends_where_the_stream_ends)
{
	struct call call;

	WAIT_FOR_THE_REST(&call);
	ASSERT_EQ(0, sock_shutdown(self->fd[1], 'w'));
	ASSERT_TRUE(call_ends(&call));
	EXPECT_EQ(4, call.result);
	EXPECT_EQ(0, recv((SOCKET)self->fd[0], self->data, 8, MSG_WAITALL));
}

TEST_F(stream, waitall_ends_with_its_time_out)
{
	SOCKET s = (SOCKET)self->fd[0];
	DWORD ms = 50;

	ASSERT_EQ(0, setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof(ms)));
	ASSERT_EQ(4, sock_send(self->fd[1], "abcd", 4));
	EXPECT_EQ(4, recv(s, self->data, 8, MSG_WAITALL | MSG_PEEK));
	EXPECT_EQ(4, recvfrom(s, self->data, 8, MSG_WAITALL, NULL, NULL));
	EXPECT_STREQ("abcd", self->data);
	EXPECT_EQ(SOCKET_ERROR, recv(s, self->data, 8, MSG_WAITALL));
	EXPECT_EQ(WSAETIMEDOUT, WSAGetLastError());
}

/* A datagram socket of Winsock's that is connected to itself. */
static SOCKET to_itself(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	SOCKET s = socket(AF_INET, SOCK_DGRAM, 0);
	int len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s == INVALID_SOCKET || bind(s, (struct sockaddr *)&addr, len) ||
	    getsockname(s, (struct sockaddr *)&addr, &len) ||
	    connect(s, (struct sockaddr *)&addr, len))
		return INVALID_SOCKET;
	return s;
}

TEST(recv_says_that_a_datagram_did_not_fit)
{
	SOCKET s = to_itself();
	char data[4] = "";

	ASSERT_NE(INVALID_SOCKET, s);
	ASSERT_EQ(4, send(s, "abcd", 4, 0));
	EXPECT_EQ(SOCKET_ERROR, recv(s, data, 2, MSG_PEEK));
	EXPECT_EQ(WSAEMSGSIZE, WSAGetLastError());
	memset(data, 0, sizeof(data));
	WSASetLastError(0);
	EXPECT_EQ(SOCKET_ERROR, recv(s, data, 2, 0));
	EXPECT_EQ(WSAEMSGSIZE, WSAGetLastError());
	EXPECT_STREQ("ab", data);

	ASSERT_EQ(2, send(s, "ef", 2, 0));
	EXPECT_EQ(2, recv(s, data, 2, 0));
	EXPECT_STREQ("ef", data);
	ASSERT_EQ(0, send(s, "", 0, 0));
	EXPECT_EQ(0, recv(s, data, 2, 0));
	EXPECT_EQ(0, closesocket(s));
}

TEST(waitall_waits_for_one_datagram)
{
	char data[8] = "";
	int fd[2];

	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	set_blocking(fd[0], 1);
	ASSERT_EQ(4, sock_send(fd[1], "abcd", 4));
	EXPECT_EQ(4, recv((SOCKET)fd[0], data, sizeof(data), MSG_WAITALL));
	ASSERT_EQ(4, sock_send(fd[1], "efgh", 4));
	EXPECT_EQ(4, recvfrom((SOCKET)fd[0], data, sizeof(data), MSG_WAITALL, NULL,
			      NULL));
	EXPECT_STREQ("efgh", data);
}

/* Here <stdlib.h> came first, with a u_long of libc's that has 64 bits. */
TEST(u_long_has_32_bits)
{
	struct {
		u_long n;
		char after[4];
	} pending = { ~0u, "abc" };
	SOCKET s = to_itself();

	EXPECT_EQ(4, sizeof(u_long));
	ASSERT_NE(INVALID_SOCKET, s);
	ASSERT_EQ(3, send(s, "xyz", 3, 0));
	ASSERT_EQ(0, ioctlsocket(s, FIONREAD, &pending.n));
	EXPECT_EQ(3, pending.n);
	EXPECT_STREQ("abc", pending.after);
	EXPECT_EQ(0, closesocket(s));
}

/* What looks whether a number is a socket's before it does anything. */
static int select_finds(int fd)
{
	struct timeval now = { 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET((SOCKET)fd, &set);
	return select(0, &set, NULL, NULL, &now) == SOCKET_ERROR ? WSAGetLastError() : 0;
}

static int poll_finds(int fd)
{
	WSAPOLLFD entry = { .fd = (SOCKET)fd, .events = POLLRDNORM };

	WSAPoll(&entry, 1, 0);
	return entry.revents & POLLNVAL ? WSAENOTSOCK : 0;
}

static int closesocket_finds(int fd)
{
	return closesocket((SOCKET)fd) ? WSAGetLastError() : 0;
}

/* Also for who may not make the call that the library asks by. */
FIXTURE(asking) {};

FIXTURE_VARIANT(asking) {
	int error;
};

FIXTURE_VARIANT_ADD(asking, as_ever) { .error = 0, };
FIXTURE_VARIANT_ADD(asking, refused_with_eperm) { .error = EPERM, };
FIXTURE_VARIANT_ADD(asking, refused_with_enosys) { .error = ENOSYS, };

FIXTURE_SETUP(asking)
{
	if (variant->error)
		ASSERT_EQ(0, forbid_sendmmsg(variant->error));
}

FIXTURE_TEARDOWN(asking)
{
}

TEST_F(asking, what_is_no_socket_is_none_and_stays_open)
{
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL), port = port_open();
	int fd[] = {
		fd_open("/proc/self/exe", 1), fd_open("/dev/null", 0), fd_epoll(),
		port_fd(event), port_fd(port), 0, 0,
	};
	unsigned int i;

	ASSERT_EQ(0, fd_pipe(fd + 5));
	for (i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		ASSERT_LE(0, fd[i]);
		EXPECT_EQ(WSAENOTSOCK, select_finds(fd[i])) {
			TH_LOG("the %uth", i);
		}
		EXPECT_EQ(WSAENOTSOCK, poll_finds(fd[i]));
		EXPECT_EQ(WSAENOTSOCK, closesocket_finds(fd[i]));
		EXPECT_EQ(0, fd_close(fd[i]));
		EXPECT_EQ(WSAENOTSOCK, closesocket_finds(fd[i]));
	}
	EXPECT_EQ(WSAENOTSOCK, closesocket_finds(-1));
}

/* Each protocol is asked in its own way; not all of them are in each kernel. */
TEST_F(asking, socket_of_any_protocol_is_one)
{
	static const int of[][3] = {
		{ FAM_INET, TYPE_STREAM, 0 }, { FAM_INET, TYPE_DGRAM, 0 },
		{ FAM_INET, TYPE_RAW, 1 }, { FAM_INET, TYPE_STREAM, 262 },
		{ FAM_INET6, TYPE_STREAM, 0 }, { FAM_INET6, TYPE_DGRAM, 0 },
		{ FAM_INET6, TYPE_RAW, 58 }, { FAM_INET6, TYPE_STREAM, 262 },
		{ FAM_UNIX, TYPE_STREAM, 0 }, { FAM_UNIX, TYPE_DGRAM, 0 },
		{ FAM_UNIX, TYPE_SEQPACKET, 0 }, { FAM_NETLINK, TYPE_RAW, 0 },
		{ FAM_PACKET, TYPE_RAW, 0 }, { FAM_VSOCK, TYPE_STREAM, 0 },
		{ FAM_VSOCK, TYPE_SEQPACKET, 0 }, { FAM_SMC, TYPE_STREAM, 0 },
	};
	unsigned int i, nr = 0;
	int fd;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		fd = any_socket(of[i][0], of[i][1], of[i][2]);
		if (fd < 0)
			continue;
		EXPECT_EQ(0, select_finds(fd)) {
			TH_LOG("family %d, type %d, protocol %d", of[i][0], of[i][1], of[i][2]);
		}
		EXPECT_EQ(0, poll_finds(fd));
		EXPECT_EQ(0, closesocket_finds(fd));
		EXPECT_GT(0, fd_close(fd));
		nr++;
	}
	EXPECT_LE(6, nr);
}

FIXTURE(listener) {
	SOCKET s;
	int port;
};

FIXTURE_SETUP(listener)
{
	self->s = (SOCKET)tcp_listen(FAM_INET, 1, &self->port);
	ASSERT_LE(0, (int)self->s);
	set_blocking((int)self->s, 1);
}

FIXTURE_TEARDOWN(listener)
{
	EXPECT_EQ(0, closesocket(self->s));
}

static DWORD WINAPI connect_late(LPVOID port)
{
	sleep_ms(200);
	return (DWORD)tcp_connect(FAM_INET, (int)(intptr_t)port);
}

/* The time-out is one of recv(). */
TEST_F(listener, accept_waits_though_there_is_a_time_out)
{
	HANDLE thread;
	SOCKET accepted;
	DWORD ms = 20;

	ASSERT_EQ(0, setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms,
				sizeof(ms)));
	thread = CreateThread(NULL, 0, connect_late, (LPVOID)(intptr_t)self->port, 0,
			      NULL);
	ASSERT_NE(NULL, thread);
	accepted = accept(self->s, NULL, NULL);
	EXPECT_NE(INVALID_SOCKET, accepted);
	EXPECT_EQ(0, closesocket(accepted));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_TRUE(CloseHandle(thread));

	set_blocking((int)self->s, 0);
	EXPECT_EQ(INVALID_SOCKET, accept(self->s, NULL, NULL));
	EXPECT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
}

TEST_F(listener, accept_needs_room_for_an_address_to_have_a_size)
{
	struct sockaddr_in addr;
	int fd, len = sizeof(addr);
	SOCKET accepted;

	fd = tcp_connect(FAM_INET, self->port);
	ASSERT_LE(0, fd);
	WSASetLastError(0);
	EXPECT_EQ(INVALID_SOCKET, accept(self->s, (struct sockaddr *)&addr, NULL));
	EXPECT_EQ(WSAEFAULT, WSAGetLastError());

	/* The connection still waits. */
	accepted = accept(self->s, (struct sockaddr *)&addr, &len);
	EXPECT_EQ(sizeof(addr), len);
	EXPECT_EQ(AF_INET, addr.sin_family);
	EXPECT_EQ(0, closesocket(accepted));
	fd_close(fd);
}

/* -------------------------------------------------- closing what is waited for */

static SOCKET closed_by_handler;

static void close_it(int number)
{
	(void)number;
	closesocket(closed_by_handler);
}

TEST_F(listener, signal_handler_may_close_what_its_thread_waits_for)
{
	struct itimerval soon = { .it_value.tv_usec = 10000 };

	closed_by_handler = self->s;
	signal(SIGALRM, close_it);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	EXPECT_EQ(INVALID_SOCKET, accept(self->s, NULL, NULL));
	EXPECT_EQ(WSAEINTR, WSAGetLastError());
	self->s = socket(AF_INET, SOCK_STREAM, 0);
}

static DWORD WINAPI accept_until_closed(void *s)
{
	SOCKET accepted = accept((SOCKET)s, NULL, NULL);

	return accepted == INVALID_SOCKET ? (DWORD)WSAGetLastError() : 0;
}

/* Returns whether a thread's accept() ends when the socket is closed. */
static int closing_ends_accept(SOCKET s)
{
	HANDLE thread = CreateThread(NULL, 0, accept_until_closed, (void *)s, 0, NULL);
	DWORD code = 0;

	Sleep(10);
	return !closesocket(s) && WaitForSingleObject(thread, COMES) == WAIT_OBJECT_0 &&
	       GetExitCodeThread(thread, &code) && code == WSAEINTR;
}

/* Of the threads that wait for it only the parent has any. */
TEST_F(listener, forked_process_closes_what_its_parent_waits_for)
{
	HANDLE thread = CreateThread(NULL, 0, accept_until_closed, (void *)self->s, 0, NULL);
	struct sockaddr_in anywhere = { .sin_family = AF_INET };
	SOCKET other = socket(AF_INET, SOCK_STREAM, 0);
	DWORD code = 0;
	int status;
	pid_t pid;

	ASSERT_NE(NULL, thread);
	ASSERT_EQ(0, bind(other, (struct sockaddr *)&anywhere, sizeof(anywhere)));
	ASSERT_EQ(0, listen(other, 1));
	Sleep(10);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(closesocket(self->s) || !closing_ends_accept(other));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);

	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, 0));
	EXPECT_EQ(0, closesocket(self->s));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_TRUE(GetExitCodeThread(thread, &code));
	EXPECT_EQ(WSAEINTR, code);
	EXPECT_TRUE(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(other));
	self->s = socket(AF_INET, SOCK_STREAM, 0);
}

TEST_HARNESS_MAIN
