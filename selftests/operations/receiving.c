// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Receives of streams: SOCKIOCP_SUBMIT_RECEIVE.  They pend until something is there, fill
 * their buffers in the order of the calls, and have one packet each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/kinds.h"

#define KEY	0xbeef

FIXTURE(receiving) {
	int port;
	int home;
	int fd[2];
};

FIXTURE_SETUP(receiving)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
}

FIXTURE_TEARDOWN(receiving)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

TEST_F(receiving, pends_until_there_is_data)
{
	struct overlapped o;
	char data[64];
	int i;

	for (i = 0; i < 3; i++) {
		memset(data, 0, sizeof(data));
		EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
		EXPECT_OPERATIONS(self->home, 1);
		EXPECT_NO_PACKET(self->port);
		EXPECT_PENDS(&o);
		EXPECT_SENT(self->fd[1], "hello");
		EXPECT_PACKET(self->port, KEY, &o, 0, 5);
		EXPECT_STREQ("hello", data);
		EXPECT_OPERATIONS(self->home, 0);
		EXPECT_NO_PACKET(self->port);
	}
}

TEST_F(receiving, completes_at_once_with_a_packet)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[64] = "";

	EXPECT_SENT(self->fd[1], "world");
	ASSERT_ARRIVES(self->fd[0], 5);
	args = operation_with_buffer(self->fd[0], &o, SOCKIOCP_SUBMIT_RECEIVE, &buffer, data,
				     sizeof(data));
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_EQ(5, args.bytes);
	EXPECT_EQ(0, o.state);
	EXPECT_EQ(5, o.bytes);
	EXPECT_STREQ("world", data);
	EXPECT_PACKET(self->port, KEY, &o, 0, 5);
	EXPECT_NO_PACKET(self->port);
}

TEST_F(receiving, completes_at_once_without_a_packet_if_told_to_skip_it)
{
	char data[64] = "";
	struct overlapped o;

	ASSERT_EQ(0, operation_set_modes(self->home, self->fd[0], SOCKIOCP_MODE_SKIP_PACKET));
	EXPECT_SENT(self->fd[1], "world");
	ASSERT_ARRIVES(self->fd[0], 5);
	EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_EQ(0, o.state);
	EXPECT_EQ(5, o.bytes);
	EXPECT_NO_PACKET(self->port);
	/* What pends has one all the same. */
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "again");
	EXPECT_PACKET(self->port, KEY, &o, 0, 5);
}

TEST_F(receiving, fills_buffers_in_the_order_of_the_calls)
{
	enum { COUNT = 100 };
	struct overlapped o[COUNT];
	struct sockiocp_packet_entry got[COUNT];
	char data[COUNT][16], sent[COUNT * 16];
	int i, n = 0, ret;

	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o[i], data[i], 16));
	EXPECT_OPERATIONS(self->home, COUNT);
	pattern_fill(sent, sizeof(sent), 0);
	ASSERT_EQ((long)sizeof(sent), sock_send(self->fd[1], sent, sizeof(sent)));
	while (n < COUNT) {
		ret = operation_harvest(self->port, got + n, COUNT - n, COMES);
		ASSERT_LT(0, ret);
		n += ret;
	}
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ((uintptr_t)&o[i], got[i].overlapped);
		EXPECT_EQ(16, got[i].bytes_transferred);
		EXPECT_EQ(-1, pattern_differs(data[i], 16, i * 16));
	}
	EXPECT_NO_PACKET(self->port);
}

/* One that is cut short is followed by what came later. */
TEST_F(receiving, takes_what_is_there)
{
	char data[2][16] = { "" };
	struct overlapped o[2];

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[0], data[0], 16));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[1], data[1], 16));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o[0], 0, 3);
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "def");
	EXPECT_PACKET(self->port, KEY, &o[1], 0, 3);
	EXPECT_STREQ("abc", data[0]);
	EXPECT_STREQ("def", data[1]);
}

TEST_F(receiving, fills_all_buffers_of_one)
{
	enum { COUNT = 1024 };
	static struct sockiocp_buffer buffer[COUNT];
	static char data[COUNT][3];
	struct sockiocp_submit args;
	struct overlapped o;
	char sent[COUNT * 3 - 1];
	int i;

	for (i = 0; i < COUNT; i++)
		buffer[i] = (struct sockiocp_buffer) {
			.length = i % 2 ? 3 : 2, .address = (uintptr_t)data[i],
		};
	args = operation_args(self->fd[0], &o, SOCKIOCP_SUBMIT_RECEIVE);
	args.buffers = (uintptr_t)buffer;
	args.buffer_count = COUNT;
	EXPECT_EQ(1, operation_submit(self->home, &args));
	/* They were copied. */
	memset(buffer, 0xff, sizeof(buffer));
	pattern_fill(sent, COUNT / 2 * 5, 0);
	ASSERT_EQ(COUNT / 2 * 5, sock_send(self->fd[1], sent, COUNT / 2 * 5));
	ASSERT_ARRIVES_FOR(&o, self->fd[0], COUNT / 2 * 5);
	EXPECT_PACKET(self->port, KEY, &o, 0, COUNT / 2 * 5);
	for (i = 0; i < COUNT; i += 2) {
		EXPECT_EQ(-1, pattern_differs(data[i], 2, i / 2 * 5));
		EXPECT_EQ(0, data[i][2]);
		EXPECT_EQ(-1, pattern_differs(data[i + 1], 3, i / 2 * 5 + 2));
	}
}

/* A question: it takes nothing. */
TEST_F(receiving, of_nothing_asks_whether_there_is_something)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, NULL, 0));
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "x");
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
	EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, NULL, 0));
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
	EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_PACKET(self->port, KEY, &o, 0, 1);
	EXPECT_STREQ("x", data);
}

static int submit_with_flags(int home, int fd, struct overlapped *o, void *data, size_t len,
			     unsigned int message_flags)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;

	args = operation_with_buffer(fd, o, SOCKIOCP_SUBMIT_RECEIVE, &buffer, data, len);
	args.message_flags = message_flags;
	return operation_submit(home, &args);
}

TEST_F(receiving, with_peek_takes_nothing)
{
	char data[8] = "";
	struct overlapped o;

	EXPECT_EQ(1, submit_with_flags(self->home, self->fd[0], &o, data, 8, MSG_PEEK));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	EXPECT_STREQ("abc", data);
	memset(data, 0, sizeof(data));
	EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_STREQ("abc", data);
}

TEST_F(receiving, with_waitall_waits_for_all)
{
	char data[8] = "";
	struct overlapped o;

	EXPECT_EQ(1, submit_with_flags(self->home, self->fd[0], &o, data, 6, MSG_WAITALL));
	EXPECT_SENT(self->fd[1], "ab");
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "cd");
	EXPECT_NO_PACKET(self->port);
	EXPECT_EQ(STATUS_IS_PENDING, o.state);
	EXPECT_SENT(self->fd[1], "efgh");
	EXPECT_PACKET(self->port, KEY, &o, 0, 6);
	EXPECT_STREQ("abcdef", data);
	/* Or for the end. */
	memset(data, 0, sizeof(data));
	EXPECT_EQ(1, submit_with_flags(self->home, self->fd[0], &o, data, 6, MSG_WAITALL));
	EXPECT_EQ(0, sock_shutdown(self->fd[1], 'w'));
	EXPECT_PACKET(self->port, KEY, &o, 0, 2);
	EXPECT_STREQ("gh", data);
}

/*
 * A call moves so many bytes and returns, so that the program hears of them: not if it would say
 * then that there is nothing, and a packet is there.
 */
TEST_F(receiving, of_much_leaves_nobody_without_a_packet_that_is_there)
{
	enum { MUCH = 1 << 20, ENOUGH = 700 << 10 };
	static char data[MUCH], sent[ENOUGH];
	struct sockiocp_packet_entry got;
	struct overlapped o;
	int fd[2], size = 4 * MUCH, round;

	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, unix_pair(TYPE_STREAM, fd));
		if (setsockopt(fd[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			SKIP(return, "only root can have so large a buffer");
		ASSERT_EQ(0, operation_associate(self->port, fd[0], KEY));
		ASSERT_EQ(1, submit_with_flags(self->home, fd[0], &o, data, MUCH, MSG_WAITALL));
		ASSERT_EQ(ENOUGH, sock_send(fd[1], sent, ENOUGH));
		ASSERT_EQ(0, device_post(self->port, KEY + 1));
		EXPECT_EQ(1, operation_harvest(self->port, &got, 1, 0));
		EXPECT_EQ(KEY + 1, got.completion_key);
		fd_close(fd[1]);
		EXPECT_PACKET(self->port, KEY, &o, 0, ENOUGH);
		fd_close(fd[0]);
	}
}

/* The same bytes again are not more of them. */
TEST_F(receiving, with_peek_and_waitall_is_refused)
{
	char data[8] = "";
	struct overlapped o;

	EXPECT_SENT(self->fd[1], "ab");
	ASSERT_ARRIVES(self->fd[0], 2);
	EXPECT_EQ(-EOPNOTSUPP, submit_with_flags(self->home, self->fd[0], &o, data, 8,
						 MSG_PEEK | MSG_WAITALL));
	EXPECT_NO_PACKET(self->port);
	EXPECT_EQ(STATUS_IS_PENDING, o.state);
}

TEST_F(receiving, tells_the_end_each_time)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_EQ(0, sock_shutdown(self->fd[1], 'w'));
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
	EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
}

TEST_F(receiving, tells_a_reset_each_time)
{
	struct overlapped o[2];
	char data[8] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[0], data, sizeof(data)));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[1], data, sizeof(data)));
	EXPECT_EQ(0, sock_reset(self->fd[1]));
	self->fd[1] = -1;
	EXPECT_PACKET(self->port, KEY, &o[0], STATUS_IS_RESET, 0);
	EXPECT_PACKET(self->port, KEY, &o[1], STATUS_IS_RESET, 0);
	EXPECT_EQ(-ECONNRESET, operation_receive(self->home, self->fd[0], &o[0], data,
						 sizeof(data)));
	EXPECT_NO_PACKET(self->port);
	EXPECT_EQ(STATUS_IS_PENDING, o[0].state);
}

/* Whoever was told of it, by whatever call. */
TEST_F(receiving, tells_a_reset_that_another_call_was_told_of)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(0, sock_reset(self->fd[1]));
	self->fd[1] = -1;
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_HUP, COMES));
	ASSERT_EQ(-1, recv(self->fd[0], data, sizeof(data), 0));
	ASSERT_EQ(ECONNRESET, errno);
	ASSERT_EQ(0, recv(self->fd[0], data, sizeof(data), 0));
	EXPECT_EQ(-ECONNRESET, operation_receive(self->home, self->fd[0], &o, data,
						 sizeof(data)));
}

/* Both have ended it in peace. */
TEST_F(receiving, tells_no_reset_where_both_have_ended_the_stream)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_HUP, COMES));
	EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
}

/* What waits for all takes what is there, and Linux tells it of the reset: the next one, too. */
TEST_F(receiving, with_waitall_keeps_no_reset_to_itself)
{
	struct overlapped o;
	char data[8] = "";
	int i;

	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	EXPECT_EQ(0, sock_reset(self->fd[1]));
	self->fd[1] = -1;
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_HUP, COMES));
	EXPECT_EQ(0, submit_with_flags(self->home, self->fd[0], &o, data, 8, MSG_WAITALL));
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-ECONNRESET, operation_receive(self->home, self->fd[0], &o, data,
							 sizeof(data)));
}

/* What it has is not lost. */
TEST_F(receiving, with_waitall_gives_what_it_has_when_it_is_cancelled)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(1, submit_with_flags(self->home, self->fd[0], &o, data, 8, MSG_WAITALL));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_NO_PACKET(self->port);
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], NULL, 0));
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	EXPECT_STREQ("abc", data);
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "def");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	EXPECT_STREQ("def", data);
}

/* A local shutdown is not the peer's: its data comes still. */
TEST_F(receiving, goes_on_after_a_local_shutdown)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_EQ(0, sock_shutdown(self->fd[0], 'r'));
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

/* A new one is refused, also if there is something to be received. */
TEST_F(receiving, is_refused_after_a_local_shutdown)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(0, sock_shutdown(self->fd[0], 'r'));
	EXPECT_EQ(-EPIPE, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	EXPECT_EQ(-EPIPE, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_PENDS(&o);
	EXPECT_OPERATIONS(self->home, 0);
	EXPECT_NO_PACKET(self->port);
}

TEST_F(receiving, with_waitall_goes_on_after_a_local_shutdown)
{
	char data[8] = "";
	struct overlapped o;

	EXPECT_EQ(1, submit_with_flags(self->home, self->fd[0], &o, data, 6, MSG_WAITALL));
	EXPECT_EQ(0, sock_shutdown(self->fd[0], 'r'));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "def");
	EXPECT_PACKET(self->port, KEY, &o, 0, 6);
	EXPECT_STREQ("abcdef", data);
}

TEST_F(receiving, of_a_socket_that_is_not_connected_fails)
{
	int fd = any_socket(FAM_INET, TYPE_STREAM, 0);
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(-ENOTCONN, operation_receive(self->home, fd, &o, data, sizeof(data)));
	EXPECT_OPERATIONS(self->home, 0);
	fd_close(fd);
}

/* As the kernel wakes nobody before, though it would fit. */
TEST_F(receiving, waits_for_the_low_water_mark)
{
	struct overlapped o;
	char data[8] = "";
	int mark = 8;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	EXPECT_SENT(self->fd[1], "abcd");
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, 4));
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "efgh");
	EXPECT_PACKET(self->port, KEY, &o, 0, 4);
	EXPECT_STREQ("abcd", data);
}

/* Of any number of bytes, and whatever carries the stream. */
TEST_F(receiving, of_no_bytes_fails_without_a_connection_too)
{
	static const struct {
		int family, protocol, error;
	} kinds[] = {
		{ FAM_INET, 0, -ENOTCONN },
		{ FAM_INET6, 0, -ENOTCONN },
		{ FAM_INET, IPPROTO_MPTCP, -ENOTCONN },
		{ AF_VSOCK, 0, -ENOTCONN },
		{ FAM_UNIX, 0, -EINVAL },
	};
	struct overlapped o;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		fd = any_socket(kinds[i].family, TYPE_STREAM, kinds[i].protocol);
		if (fd < 0)
			continue;
		TH_LOG("family %d, protocol %d", kinds[i].family, kinds[i].protocol);
		EXPECT_EQ(kinds[i].error, operation_receive(self->home, fd, &o, "", 1));
		EXPECT_EQ(kinds[i].error, operation_receive(self->home, fd, &o, "", 0));
		if (kinds[i].family == FAM_INET || kinds[i].family == FAM_INET6) {
			EXPECT_EQ(0, listen(fd, 1));
			EXPECT_EQ(-ENOTCONN, operation_receive(self->home, fd, &o, "", 0));
		}
		fd_close(fd);
	}
	EXPECT_OPERATIONS(self->home, 0);
}

/* One that goes on connecting, since the listener's backlog is full. */
struct connecting {
	int listener;
	int in_front;
	int fd;
	int peer;
};

static int connecting_begin(struct connecting *c, int protocol)
{
	struct sockaddr_in addr = { .sin_family = FAM_INET };
	socklen_t length = sizeof(addr);
	int port;

	memset(c, 0xff, sizeof(*c));
	c->listener = tcp_listen(FAM_INET, 0, &port);
	if (c->listener < 0 || getsockname(c->listener, (struct sockaddr *)&addr, &length))
		return 0;
	c->in_front = tcp_connect(FAM_INET, port);
	c->fd = socket(FAM_INET, SOCK_STREAM | SOCK_NONBLOCK, protocol);
	return c->in_front >= 0 && connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) &&
	       errno == EINPROGRESS;
}

/* The next try, after a second, succeeds when there is room. */
static int connecting_goes_on(struct connecting *c)
{
	struct pollfd room = { .fd = c->listener, .events = POLLIN };
	struct sockaddr_in mine, theirs;
	socklen_t length = sizeof(mine);
	int64_t end = now_ms() + 4 * COMES;

	if (getsockname(c->fd, (struct sockaddr *)&mine, &length))
		return 0;
	while (now_ms() < end) {
		if (poll(&room, 1, 100) != 1)
			continue;
		length = sizeof(theirs);
		c->peer = accept(c->listener, (struct sockaddr *)&theirs, &length);
		if (c->peer >= 0 && theirs.sin_port == mine.sin_port)
			return 1;
		fd_close(c->peer);
	}
	return 0;
}

static void connecting_close(struct connecting *c)
{
	fd_close(c->in_front);
	fd_close(c->listener);
	fd_close(c->peer);
	fd_close(c->fd);
}

static long times_slept(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? -1 : usage.ru_nvcsw;
}

/* It is not tried again and again until then. */
TEST_F(receiving, waits_for_the_connection)
{
	static const int protocols[] = { 0, IPPROTO_MPTCP };
	struct sockiocp_packet_entry got;
	struct pollfd ready = { .fd = self->port, .events = POLLIN };
	struct connecting c;
	struct overlapped o;
	long slept;
	size_t i;

	for (i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		char data[8] = "";

		if (!connecting_begin(&c, protocols[i]))
			SKIP(return, "protocol %d is missing", protocols[i]);
		EXPECT_EQ(0, operation_associate(self->port, c.fd, KEY));
		EXPECT_EQ(1, operation_receive(self->home, c.fd, &o, data, sizeof(data)));
		slept = times_slept();
		EXPECT_EQ(-ETIME, operation_harvest(self->port, &got, 1, A_WHILE));
		EXPECT_GT(10, times_slept() - slept);
		EXPECT_EQ(0, poll(&ready, 1, 0));
		EXPECT_PENDS(&o);
		EXPECT_TRUE(connecting_goes_on(&c));
		EXPECT_SENT(c.peer, "hello");
		EXPECT_PACKET(self->port, KEY, &o, 0, 5);
		EXPECT_STREQ("hello", data);
		connecting_close(&c);
	}
}

/* A connection that fails is the end of it, and so is one that is given up. */
TEST_F(receiving, ends_with_what_it_waits_for)
{
	struct connecting c;
	struct overlapped o;
	char data[8];

	ASSERT_TRUE(connecting_begin(&c, 0));
	EXPECT_EQ(0, operation_associate(self->port, c.fd, KEY));
	EXPECT_EQ(1, operation_receive(self->home, c.fd, &o, data, sizeof(data)));
	EXPECT_EQ(0, tcp_disconnect(c.fd));
	EXPECT_EQ(1, operation_ends(self->port, &o, COMES));
	connecting_close(&c);
	EXPECT_OPERATIONS(self->home, 0);
}

/* What is associated later has the packet. */
TEST_F(receiving, looks_for_the_port_when_it_completes)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[1], &o, data, sizeof(data)));
	EXPECT_EQ(0, operation_associate(self->port, self->fd[1], KEY + 1));
	EXPECT_SENT(self->fd[0], "abc");
	EXPECT_PACKET(self->port, KEY + 1, &o, 0, 3);
}

/* Without a port it comes to the home port, with its cookie. */
TEST_F(receiving, without_a_port_comes_home)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	int home = device_open();
	struct overlapped o;
	char data[8] = "";

	args = operation_with_buffer(self->fd[1], &o, SOCKIOCP_SUBMIT_RECEIVE, &buffer, data, 8);
	args.cookie = 0x77;
	EXPECT_EQ(1, operation_submit(home, &args));
	EXPECT_NO_PACKET(home);
	EXPECT_SENT(self->fd[0], "abc");
	EXPECT_PACKET(home, 0x77, &o, 0, 3);
	EXPECT_NO_PACKET(self->port);
	/* At once: the caller knows. */
	EXPECT_SENT(self->fd[0], "abc");
	ASSERT_ARRIVES(self->fd[1], 3);
	EXPECT_EQ(0, operation_receive(home, self->fd[1], &o, data, sizeof(data)));
	EXPECT_NO_PACKET(home);
	fd_close(home);
}

/* Nobody harvests the port that the socket is associated with: the home port's thread does. */
TEST_F(receiving, is_carried_out_at_home_if_nobody_comes)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_TRUE(operation_ends(self->home, &o, COMES));
	EXPECT_EQ(3, o.bytes);
	EXPECT_STREQ("abc", data);
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

/* A registration beside it tells of what the operation has left only. */
TEST_F(receiving, takes_data_before_a_registration_tells_of_it)
{
	struct sockiocp_packet_entry got[4];
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(0, device_apply(self->port, self->fd[0], 7, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_LEVEL));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	EXPECT_NO_PACKET(self->port);
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "0123456789");
	ASSERT_ARRIVES_FOR(&o, self->fd[0], 10);
	EXPECT_EQ(2, operation_harvest(self->port, got, 4, COMES));
	EXPECT_EQ(KEY, got[0].completion_key);
	EXPECT_EQ(7, got[1].completion_key);
}

/* Though it was there before anybody knew that there would be operations. */
TEST_F(receiving, takes_data_before_an_older_registration_tells_of_it)
{
	struct overlapped o;
	char data[8] = "";

	EXPECT_EQ(0, device_apply(self->port, self->fd[1], 7, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_LEVEL));
	EXPECT_EQ(0, operation_associate(self->port, self->fd[1], KEY));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[1], &o, data, sizeof(data)));
	EXPECT_SENT(self->fd[0], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	EXPECT_NO_PACKET(self->port);
}

TEST_HARNESS_MAIN
