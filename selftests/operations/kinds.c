// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations on sockets of every kind: streams of all protocols behave like those of TCP, and
 * datagrams keep their bounds and their names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/kinds.h"

#define KEY	0x41d5
/* More than AF_VSOCK has room for. */
#define MUCH	(1 << 20)

FIXTURE(stream) {
	int port;
	int home;
	int fd[2];
	char *data;
	char *got;
};

FIXTURE_VARIANT(stream) {
	enum kind kind;
	/* Messages: they are received only. */
	int messages;
};

#define STREAM_VARIANT(name, kind_, messages_)				\
	FIXTURE_VARIANT_ADD(stream, name) {				\
		.kind = kind_, .messages = messages_,			\
	}

STREAM_VARIANT(tcp6, KIND_TCP6, 0);
STREAM_VARIANT(mptcp4, KIND_MPTCP4, 0);
STREAM_VARIANT(mptcp6, KIND_MPTCP6, 0);
STREAM_VARIANT(tls4, KIND_TLS4, 0);
STREAM_VARIANT(tls6, KIND_TLS6, 0);
STREAM_VARIANT(unix_, KIND_UNIX, 0);
STREAM_VARIANT(vsock, KIND_VSOCK, 0);
STREAM_VARIANT(vsock_seqpacket, KIND_VSOCK_SEQPACKET, 1);

FIXTURE_SETUP(stream)
{
	const char *missing = kind_missing(variant->kind);

	if (missing)
		SKIP(_exit(255), "%s", missing);
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, kind_pair(variant->kind, self->fd, 4096));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
	self->data = malloc(2 * MUCH);
	self->got = malloc(2 * MUCH);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->got);
	pattern_fill(self->data, 2 * MUCH, 0);
}

FIXTURE_TEARDOWN(stream)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

TEST_F(stream, receives)
{
	struct overlapped o;
	char data[16] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "hello");
	EXPECT_PACKET(self->port, KEY, &o, 0, 5);
	EXPECT_STREQ("hello", data);
	EXPECT_SENT(self->fd[1], "world");
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	EXPECT_LE(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_PACKET(self->port, KEY, &o, 0, 5);
	EXPECT_STREQ("world", data);
}

TEST_F(stream, asks_without_taking)
{
	struct overlapped o;
	char data[16] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, NULL, 0));
	EXPECT_SENT(self->fd[1], "hello");
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
	EXPECT_LE(0, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	EXPECT_PACKET(self->port, KEY, &o, 0, 5);
}

TEST_F(stream, sees_the_end)
{
	struct overlapped o;
	char data[16] = "";

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	fd_close(self->fd[1]);
	self->fd[1] = -1;
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
}

static struct reader reader;

#define START_READER(socket, memory, bytes)				\
	do {								\
		reader = (struct reader) { .fd = socket, .to = memory,	\
					   .want = bytes, .timeout_ms = 2 * COMES };	\
		ASSERT_EQ(0, reader_start(&reader));			\
	} while (0)

TEST_F(stream, sends_more_than_fits)
{
	/* 7.2's MPTCP sends 32 KiB a second to a reader who was late. */
	size_t size = variant->kind == KIND_MPTCP4 || variant->kind == KIND_MPTCP6 ?
		      80 << 10 : MUCH;
	struct overlapped o[2];

	if (variant->messages)
		SKIP(return, "one message is not sent in parts");
	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o[0], self->data, size));
	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o[1], self->data + size, size));
	EXPECT_PENDS(&o[0]);
	START_READER(self->fd[1], self->got, 2 * size);
	EXPECT_PACKET(self->port, KEY, &o[0], 0, size);
	EXPECT_PACKET(self->port, KEY, &o[1], 0, size);
	EXPECT_READ_ALL(&reader);
}

/* Each as a whole and in its order, also those that had to wait. */
TEST_F(stream, sends_many_in_their_order)
{
	enum { SIZE = 3000, MAX = 1000 };
	static struct overlapped o[MAX];
	struct sockiocp_packet_entry got[16];
	int i, n = 0, ret = 0, count, packets = 0;
	int64_t end;

	if (variant->messages) {
		/* Linux would send a part of one, and then all of it. */
		EXPECT_EQ(-EOPNOTSUPP, operation_send(self->home, self->fd[0], &o[0],
						      self->data, SIZE));
		return;
	}
	for (count = 0; count < MAX && n < 5; count++) {
		ret = operation_send(self->home, self->fd[0], &o[count],
				     self->data + count % 64 * SIZE, SIZE);
		ASSERT_LE(0, ret);
		n += ret;
	}
	TH_LOG("%d, %d of them pend", count, n);
	for (i = 0; i < count; i++) {
		ASSERT_TRUE(sock_becomes(self->fd[1], SEE_IN, COMES));
		ASSERT_EQ(SIZE, receive_all(self->fd[1], self->got, SIZE, COMES)) {
			TH_LOG("%d of %d", i, count);
		}
		ASSERT_EQ(-1, pattern_differs(self->got, SIZE, i % 64 * SIZE));
		ret = operation_harvest(self->port, got, 16, 0);
		packets += ret > 0 ? ret : 0;
	}
	end = now_ms() + COMES;
	while (packets < count && now_ms() < end) {
		ret = operation_harvest(self->port, got, 16, 100);
		packets += ret > 0 ? ret : 0;
	}
	EXPECT_EQ(count, packets);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(0, o[i].state);
		EXPECT_EQ(SIZE, o[i].bytes);
	}
}

TEST_F(stream, ends_with_its_socket)
{
	struct overlapped o[2];
	char data[16];

	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[0], data, sizeof(data)));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &o[1], data, sizeof(data)));
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], &o[1], 0));
	EXPECT_PACKET(self->port, KEY, &o[1], STATUS_IS_CANCELLED, 0);
	EXPECT_EQ(0, device_call(self->home, SOCKIOCP_CLOSE_SOCKET,
				 (void *)(intptr_t)self->fd[0]));
	self->fd[0] = -1;
	EXPECT_PACKET(self->port, KEY, &o[0], STATUS_IS_ABORTED, 0);
}

TEST_F(stream, waits_for_all)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[16] = "";

	args = operation_with_buffer(self->fd[0], &o, SOCKIOCP_SUBMIT_RECEIVE, &buffer, data, 8);
	args.message_flags = MSG_WAITALL;
	if (variant->messages) {
		EXPECT_EQ(-EOPNOTSUPP, operation_submit(self->home, &args));
		return;
	}
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "defghi");
	EXPECT_PACKET(self->port, KEY, &o, 0, 8);
	EXPECT_STREQ("abcdefgh", data);
}

/* ------------------------------------------------------------------- datagrams */

FIXTURE(datagram) {
	int port;
	int home;
	int fd[2];
	struct overlapped o;
	char data[16];
};

FIXTURE_VARIANT(datagram) {
	int family;
};

FIXTURE_VARIANT_ADD(datagram, udp4) { .family = FAM_INET, };
FIXTURE_VARIANT_ADD(datagram, udp6) { .family = FAM_INET6, };
FIXTURE_VARIANT_ADD(datagram, unix_) { .family = FAM_UNIX, };

FIXTURE_SETUP(datagram)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, variant->family == FAM_UNIX ? unix_pair(TYPE_DGRAM, self->fd) :
						   udp_pair(variant->family, self->fd));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
}

FIXTURE_TEARDOWN(datagram)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

#define RECEIVE(length)							\
	operation_receive(self->home, self->fd[0], &self->o, self->data, length)

TEST_F(datagram, receives_one_at_a_time)
{
	struct overlapped second;
	char data[16] = "";

	EXPECT_EQ(1, RECEIVE(16));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &second, data, 16));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_SENT(self->fd[1], "defgh");
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 3);
	EXPECT_PACKET(self->port, KEY, &second, 0, 5);
	EXPECT_STREQ("abc", self->data);
	EXPECT_STREQ("defgh", data);
}

TEST_F(datagram, receives_an_empty_one)
{
	EXPECT_EQ(1, RECEIVE(16));
	EXPECT_EQ(0, sock_send(self->fd[1], "", 0));
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 0);
}

TEST_F(datagram, tells_that_one_was_too_long)
{
	EXPECT_EQ(1, RECEIVE(3));
	EXPECT_SENT(self->fd[1], "abcdef");
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_OVERFLOW, 3);
	EXPECT_STREQ("abc", self->data);
	/* At once: a completion, with a packet. */
	EXPECT_SENT(self->fd[1], "ghijkl");
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	EXPECT_EQ(-EMSGSIZE, RECEIVE(3));
	EXPECT_EQ(STATUS_IS_OVERFLOW, self->o.state);
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_OVERFLOW, 3);
	EXPECT_STREQ("ghi", self->data);
	EXPECT_NO_PACKET(self->port);
}

/* Other than of a stream. */
TEST_F(datagram, receives_into_nothing)
{
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &self->o, NULL, 0));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_OVERFLOW, 0);
	EXPECT_EQ(1, RECEIVE(16));
	EXPECT_PENDS(&self->o);
}

TEST_F(datagram, does_not_wait_for_all)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;

	args = operation_with_buffer(self->fd[0], &self->o, SOCKIOCP_SUBMIT_RECEIVE, &buffer,
				     self->data, 16);
	args.message_flags = MSG_WAITALL;
	EXPECT_EQ(-EOPNOTSUPP, operation_submit(self->home, &args));
}

TEST_F(datagram, sends)
{
	char data[16] = "";

	EXPECT_EQ(0, operation_send(self->home, self->fd[0], &self->o, "abc", 3));
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 3);
	ASSERT_TRUE(sock_becomes(self->fd[1], SEE_IN, COMES));
	EXPECT_EQ(3, sock_recv(self->fd[1], data, sizeof(data)));
	EXPECT_STREQ("abc", data);
}

TEST_F(datagram, says_who_has_sent)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct sockaddr_storage from = { 0 };
	__u32 length = sizeof(from);

	args = operation_with_buffer(self->fd[0], &self->o, SOCKIOCP_SUBMIT_RECEIVE, &buffer,
				     self->data, 16);
	args.name = (uintptr_t)&from;
	args.name_length = (uintptr_t)&length;
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_EQ(sizeof(from), length);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 3);
	if (variant->family != FAM_UNIX) {
		EXPECT_EQ(variant->family, from.ss_family);
		EXPECT_EQ(variant->family == FAM_INET ? sizeof(struct sockaddr_in) :
							sizeof(struct sockaddr_in6), length);
	}
	/* No more than there is room for. */
	memset(&from, 0xee, sizeof(from));
	length = 2;
	args = operation_with_buffer(self->fd[0], &self->o, SOCKIOCP_SUBMIT_RECEIVE, &buffer,
				     self->data, 16);
	args.name = (uintptr_t)&from;
	args.name_length = (uintptr_t)&length;
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &self->o, 0, 3);
	EXPECT_EQ(0xee, ((unsigned char *)&from)[2]);
}

TEST_F(datagram, sends_to_a_name)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct sockaddr_storage to = { 0 };
	socklen_t length = sizeof(to);
	char data[16] = "";
	int fd = any_socket(variant->family, TYPE_DGRAM, 0);

	ASSERT_EQ(0, getsockname(self->fd[1], (void *)&to, &length));
	if (variant->family == FAM_UNIX)
		length = sizeof(struct sockaddr_un);
	args = operation_with_buffer(fd, &self->o, SOCKIOCP_SUBMIT_SEND, &buffer, "abc", 3);
	args.name = (uintptr_t)&to;
	args.name_length = length;
	if (variant->family == FAM_UNIX) {
		EXPECT_EQ(-EOPNOTSUPP, operation_submit(self->home, &args));
		fd_close(fd);
		return;
	}
	EXPECT_EQ(0, operation_submit(self->home, &args));
	/* A name that is cut off is none. */
	args.name_length = 4;
	EXPECT_EQ(-EINVAL, operation_submit(self->home, &args));
	/* Connected to fd[0] alone, it does not hear of others. */
	EXPECT_FALSE(sock_becomes(self->fd[1], SEE_IN, COMES_NOT));
	(void)data;
	fd_close(fd);
}

TEST_F(datagram, hears_that_nobody_is_there)
{
	if (variant->family == FAM_UNIX)
		SKIP(return, "AF_UNIX tells it in another way");
	EXPECT_EQ(1, RECEIVE(16));
	fd_close(self->fd[1]);
	self->fd[1] = -1;
	EXPECT_EQ(3, sock_send(self->fd[0], "abc", 3));
	EXPECT_PACKET(self->port, KEY, &self->o, STATUS_IS_UNREACHABLE, 0);
	/* It lives on. */
	EXPECT_EQ(1, RECEIVE(16));
}

/* The receiver's queue is full: they wait, and come in their order. */
TEST(datagrams_wait_for_room)
{
	enum { MAX = 600 };
	int port = device_open(), home = device_open(), fd[2];
	struct sockiocp_packet_entry got[MAX];
	static struct overlapped o[MAX];
	int i, n = 0, ret, packets = 0;
	short numbers[MAX], number;

	ASSERT_EQ(0, home_thread_start(home));
	fd[0] = any_socket(FAM_UNIX, TYPE_DGRAM, 0);
	fd[1] = unix_dgram_bound("operations-kinds");
	ASSERT_LE(0, fd[1]);
	ASSERT_EQ(0, unix_dgram_connect(fd[0], "operations-kinds"));
	ASSERT_EQ(0, operation_associate(port, fd[0], KEY));
	for (i = 0; i < MAX; i++) {
		numbers[i] = i;
		ret = operation_send(home, fd[0], &o[i], &numbers[i], sizeof(number));
		ASSERT_LE(0, ret);
		n += ret;
	}
	TH_LOG("%d of %d pend", n, MAX);
	EXPECT_LT(0, n);
	for (i = 0; i < MAX; i++) {
		ASSERT_TRUE(sock_becomes(fd[1], SEE_IN, COMES)) {
			TH_LOG("after %d datagrams", i);
		}
		ASSERT_EQ(2, sock_recv(fd[1], &number, sizeof(number)));
		ASSERT_EQ(i, number);
		ret = operation_harvest(port, got, MAX, 0);
		packets += ret > 0 ? ret : 0;
	}
	while (packets < MAX && (ret = operation_harvest(port, got, MAX, COMES)) > 0)
		packets += ret;
	EXPECT_EQ(MAX, packets);
}

/* ------------------------------------------------------------------- all others */

TEST(others_are_refused)
{
	const struct {
		int family, type, protocol;
	} other[] = {
		{ FAM_NETLINK, TYPE_RAW, 0 },
		{ FAM_INET, TYPE_RAW, IPPROTO_ICMP },
		{ FAM_PACKET, TYPE_RAW, 0 },
		{ FAM_UNIX, TYPE_SEQPACKET, 0 },
		{ FAM_SMC, TYPE_STREAM, 0 },
	};
	int home = device_open();
	struct overlapped o;
	char data[8];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(other) / sizeof(*other); i++) {
		fd = any_socket(other[i].family, other[i].type, other[i].protocol);
		if (fd < 0)
			continue;
		EXPECT_EQ(-EOPNOTSUPP, operation_receive(home, fd, &o, data, sizeof(data))) {
			TH_LOG("family %d", other[i].family);
		}
		EXPECT_EQ(-EOPNOTSUPP, operation_simple(home, fd, &o, SOCKIOCP_SUBMIT_NEXT, 0, 0));
		EXPECT_EQ(0, operation_cancel(home, fd, NULL, 0));
		fd_close(fd);
	}
	EXPECT_OPERATIONS(home, 0);
	fd_close(home);
}

/* Descriptors that come with a message are not taken. */
TEST(descriptors_in_a_message_are_dropped)
{
	int port = device_open(), home = device_open(), fd[2], sent[2];
	struct overlapped o;
	char data[8] = "";

	ASSERT_EQ(0, home_thread_start(home));
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, fd));
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, sent));
	ASSERT_EQ(0, operation_associate(port, fd[0], KEY));
	ASSERT_EQ(1, operation_receive(home, fd[0], &o, data, sizeof(data)));
	ASSERT_EQ(0, send_fd(fd[1], sent[0]));
	EXPECT_PACKET(port, KEY, &o, 0, 1);
	fd_close(sent[0]);
	/* The last descriptor: its peer sees the end. */
	EXPECT_TRUE(sock_becomes(sent[1], SEE_HUP, COMES));
	/* The lowest number that is free is its. */
	EXPECT_EQ(sent[0], fd_dup(0));
}

/* ----------------------------------------------------------------------- rights */

#define ANOTHER_USER	12345

struct harvester {
	int port;
	struct sockiocp_packet_entry got;
	int result;
};

/* Of this thread alone: the C library would change those of all. */
static void *harvest_as_another_user(void *arg)
{
	struct harvester *harvester = arg;

	if (syscall(SYS_setresuid, ANOTHER_USER, -1, -1))
		harvester->result = -errno;
	else
		harvester->result = operation_harvest(harvester->port, &harvester->got, 1, COMES);
	return NULL;
}

/* Who has sent it, as AF_UNIX tells; -1 if it does not. */
static int receive_with_user(int fd)
{
	char data[64], control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec buffer = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr message = {
		.msg_iov = &buffer, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct ucred from;

	if (recvmsg(fd, &message, 0) < 0 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&from, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(from));
	return from.uid;
}

/* A send is carried out by a thread that is another user by then. */
TEST(is_done_with_the_rights_of_who_has_submitted)
{
	struct harvester harvester = { .port = device_open() };
	int home = device_open(), fd[2], on = 1, ret, n = 0;
	static struct overlapped o[1000];
	pthread_t thread;

	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd));
	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	ASSERT_EQ(0, operation_set_modes(harvester.port, fd[0], SOCKIOCP_MODE_SKIP_PACKET));
	ASSERT_EQ(0, operation_associate(harvester.port, fd[0], KEY));
	do {
		ret = operation_send(home, fd[0], &o[n], "x", 1);
		ASSERT_LE(0, ret);
	} while (++n < 1000 && !ret);
	ASSERT_EQ(1, ret);
	ASSERT_EQ(0, pthread_create(&thread, NULL, harvest_as_another_user, &harvester));
	while (fdinfo_value(harvester.port, "waiters") != 1)
		sleep_ms(1);
	while (--n)
		ASSERT_EQ((int)getuid(), receive_with_user(fd[1]));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(1, harvester.result);
	EXPECT_EQ(1, harvester.got.bytes_transferred);
	EXPECT_EQ((int)getuid(), receive_with_user(fd[1]));
}

/* That of AF_UNIX can wait for others, so that a packet tells of it. */
TEST(datagram_that_is_too_long_is_not_sent)
{
	static const char large[1 << 20];
	int port = device_open(), home = device_open(), fd[2];
	struct overlapped o[2];
	char c;

	/* What nobody takes for a while goes there. */
	ASSERT_EQ(0, home_thread_start(home));
	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd));
	ASSERT_EQ(0, operation_associate(port, fd[0], KEY));
	EXPECT_EQ(-EMSGSIZE, operation_send(home, fd[0], &o[0], large, sizeof(large)));
	EXPECT_PENDS(&o[0]);
	EXPECT_NO_PACKET(port);
	while (sock_send(fd[0], "x", 1) == 1)
		;
	ASSERT_EQ(1, operation_send(home, fd[0], &o[0], "y", 1));
	ASSERT_EQ(1, operation_send(home, fd[0], &o[1], large, sizeof(large)));
	while (sock_recv(fd[1], &c, 1) == 1)
		;
	EXPECT_PACKET(port, KEY, &o[0], 0, 1);
	EXPECT_PACKET(port, KEY, &o[1], STATUS_IS_TOO_LONG, 0);
	/* It may have come among the others. */
	if (c != 'y')
		EXPECT_EQ(1, sock_recv(fd[1], &c, 1));
	EXPECT_EQ('y', c);
	EXPECT_EQ(-EAGAIN, sock_recv(fd[1], &c, 1));
	fd_close(fd[0]);
	fd_close(fd[1]);
	fd_close(home);
	fd_close(port);
}

TEST_HARNESS_MAIN
