// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Winsock's options read back as they were set, and addresses have to fit; a length
 * that does not suffice is WSAEFAULT and stays as it is.
 */
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#include <ws2tcpip.h>

/* Each test is a process of its own, which has begun to use Winsock. */
static void __attribute__((constructor)) start_winsock(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
}

#define EXPECT_FAILS(code, call)					\
	do {								\
		WSASetLastError(0);					\
		EXPECT_EQ(SOCKET_ERROR, call);				\
		EXPECT_EQ(code, WSAGetLastError());			\
	} while (0)

static int set(SOCKET s, int level, int name, DWORD value)
{
	return setsockopt(s, level, name, (char *)&value, sizeof(value));
}

/* The value of an option; POISON32 if it cannot be read. */
static DWORD get(SOCKET s, int level, int name)
{
	DWORD value = POISON32;
	int len = sizeof(value);

	return getsockopt(s, level, name, (char *)&value, &len) || len != 4 ?
		POISON32 : value;
}

FIXTURE(option) {
	SOCKET s;
};

FIXTURE_VARIANT(option) {
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(option, tcp) { FAM_INET, TYPE_STREAM };
FIXTURE_VARIANT_ADD(option, tcp6) { FAM_INET6, TYPE_STREAM };
FIXTURE_VARIANT_ADD(option, udp) { FAM_INET, TYPE_DGRAM };
FIXTURE_VARIANT_ADD(option, unix_stream) { FAM_UNIX, TYPE_STREAM };

FIXTURE_SETUP(option)
{
	self->s = socket(variant->family, variant->type, 0);
	ASSERT_NE(INVALID_SOCKET, self->s);
}

FIXTURE_TEARDOWN(option)
{
	EXPECT_EQ(0, closesocket(self->s));
}

static const int buffers[] = { SO_RCVBUF, SO_SNDBUF };

TEST_F(option, size_of_a_buffer_reads_back)
{
	const DWORD size[] = { 4096, 8192, 65536, 65535, 100000 };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(buffers); i++) {
		for (n = 0; n < ARRAY_SIZE(size); n++) {
			EXPECT_EQ(0, set(self->s, SOL_SOCKET, buffers[i], size[n]));
			EXPECT_EQ(size[n], get(self->s, SOL_SOCKET, buffers[i]));
		}
	}
}

/* Also that of a buffer whose size was never set. */
TEST_F(option, size_of_a_buffer_that_is_set_to_what_was_read_stays)
{
	size_t i, n;
	DWORD size;

	for (i = 0; i < ARRAY_SIZE(buffers); i++) {
		size = get(self->s, SOL_SOCKET, buffers[i]);
		EXPECT_LT(1024, size);
		for (n = 0; n < 3; n++) {
			EXPECT_EQ(0, set(self->s, SOL_SOCKET, buffers[i], size));
			EXPECT_EQ(size, get(self->s, SOL_SOCKET, buffers[i]));
		}
	}
}

static DWORD sysctl(const char *name)
{
	char path[64], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return (DWORD)atoi(text);
}

TEST_F(option, size_of_a_buffer_has_a_limit)
{
	EXPECT_EQ(0, set(self->s, SOL_SOCKET, SO_RCVBUF, 0x10000000));
	EXPECT_EQ(sysctl("core/rmem_max"), get(self->s, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(0, set(self->s, SOL_SOCKET, SO_SNDBUF, 0xffffffff));
	EXPECT_EQ(sysctl("core/wmem_max"), get(self->s, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(0, set(self->s, SOL_SOCKET, SO_SNDBUF, 0));
	EXPECT_GT(4096, get(self->s, SOL_SOCKET, SO_SNDBUF));
}

/* Linux makes whole jiffies of it, of at most 10 ms. */
TEST_F(option, time_out_reads_back_and_never_as_none)
{
	const DWORD ms[] = { 1, 1000, 1003, 0x7fffffff, 0xfffffffe, 0xffffffff };
	const int name[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	DWORD got;
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(name); i++) {
		EXPECT_EQ(0, get(self->s, SOL_SOCKET, name[i]));
		for (n = 0; n < ARRAY_SIZE(ms); n++) {
			EXPECT_EQ(0, set(self->s, SOL_SOCKET, name[i], ms[n]));
			got = get(self->s, SOL_SOCKET, name[i]);
			EXPECT_LE(ms[n], got);
			EXPECT_GE(10, got - ms[n]);
		}
		EXPECT_EQ(0, set(self->s, SOL_SOCKET, name[i], 0));
		EXPECT_EQ(0, get(self->s, SOL_SOCKET, name[i]));
	}
}

TEST_F(option, switch_reads_back)
{
	const int name[] = {
		SO_REUSEADDR, SO_EXCLUSIVEADDRUSE, SO_KEEPALIVE, SO_BROADCAST,
		SO_OOBINLINE, SO_DONTROUTE, SO_DONTLINGER,
	};
	size_t i;
	DWORD on;

	for (i = 0; i < ARRAY_SIZE(name); i++) {
		for (on = 0; on < 3; on++) {
			/* AF_UNIX has no use for some, and takes them all the same. */
			EXPECT_EQ(0, set(self->s, SOL_SOCKET, name[i], on % 2));
			EXPECT_EQ(on % 2, get(self->s, SOL_SOCKET, name[i]));
		}
	}
}

TEST_F(option, linger_reads_back)
{
	LINGER linger = { 1, 30 }, got = { 0, 0 };
	int len = sizeof(got);

	EXPECT_EQ(0, setsockopt(self->s, SOL_SOCKET, SO_LINGER, (char *)&linger,
				sizeof(linger)));
	EXPECT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_LINGER, (char *)&got, &len));
	EXPECT_EQ(sizeof(got), len);
	EXPECT_EQ(1, got.l_onoff);
	EXPECT_EQ(30, got.l_linger);
	EXPECT_EQ(0, set(self->s, SOL_SOCKET, SO_DONTLINGER, 1));
	EXPECT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_LINGER, (char *)&got, &len));
	EXPECT_EQ(0, got.l_onoff);
}

TEST_F(option, length_that_does_not_suffice_is_bad_and_stays)
{
	const int name[] = {
		SO_RCVBUF, SO_SNDBUF, SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER,
		SO_DONTLINGER, SO_ERROR, SO_EXCLUSIVEADDRUSE,
	};
	const int bad[] = { 3, 0, -1 };
	char value[4] = "abc";
	size_t i, n;
	int len;

	for (i = 0; i < ARRAY_SIZE(name); i++) {
		for (n = 0; n < ARRAY_SIZE(bad); n++) {
			len = bad[n];
			EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, name[i],
							   value, &len));
			EXPECT_EQ(bad[n], len);
			EXPECT_STREQ("abc", value);
		}
		EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, name[i], value,
						   0));
		EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, name[i], value,
						   -1));
	}
	len = -1;
	EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, SO_TYPE, value, &len));
	EXPECT_EQ(-1, len);
	EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, value, 0));
	EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, value, -1));
}

TEST(tcp_options_read_back)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);

	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(0, set(s, IPPROTO_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(1, get(s, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(0, set(s, IPPROTO_TCP, TCP_KEEPIDLE, 77));
	EXPECT_EQ(77, get(s, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(0, set(s, IPPROTO_TCP, TCP_KEEPINTVL, 7));
	EXPECT_EQ(7, get(s, IPPROTO_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(0, set(s, IPPROTO_TCP, TCP_KEEPCNT, 3));
	EXPECT_EQ(3, get(s, IPPROTO_TCP, TCP_KEEPCNT));
	EXPECT_EQ(0, set(s, IPPROTO_IP, IP_TTL, 9));
	EXPECT_EQ(9, get(s, IPPROTO_IP, IP_TTL));
	EXPECT_EQ(0, closesocket(s));
}

/* Room for an address, and what must not be written to. */
struct room {
	struct sockaddr_storage name;
	int len;
};

static struct room room_of(int len)
{
	struct room room = { .len = len };

	memset(&room.name, POISON_BYTE, sizeof(room.name));
	return room;
}

static const int too_short[] = { 0, 1, 2, 15, -1 };

TEST(address_that_does_not_fit_is_an_error)
{
	struct room room;
	int fd[2];
	size_t i;

	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	for (i = 0; i < ARRAY_SIZE(too_short); i++) {
		room = room_of(too_short[i]);
		EXPECT_FAILS(WSAEFAULT, getpeername((SOCKET)fd[0],
				(struct sockaddr *)&room.name, &room.len));
		EXPECT_EQ(too_short[i], room.len);
		EXPECT_FAILS(WSAEFAULT, getsockname((SOCKET)fd[0],
				(struct sockaddr *)&room.name, &room.len));
		EXPECT_EQ(too_short[i], room.len);
	}
	room = room_of(16);
	EXPECT_EQ(0, getpeername((SOCKET)fd[0], (struct sockaddr *)&room.name, &room.len));
	EXPECT_EQ(16, room.len);
	room = room_of(sizeof(room.name));
	EXPECT_EQ(0, getsockname((SOCKET)fd[0], (struct sockaddr *)&room.name, &room.len));
	EXPECT_EQ(16, room.len);
	EXPECT_FAILS(WSAEFAULT, getpeername((SOCKET)fd[0], NULL, NULL));
	fd_close(fd[0]);
	fd_close(fd[1]);
	EXPECT_FAILS(WSAENOTSOCK, getpeername((SOCKET)fd[0], NULL, NULL));
}

/* What is wrong first is said first. */
TEST(length_of_an_address_matters_only_if_there_is_one)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	struct room room = room_of(0);

	EXPECT_FAILS(WSAENOTCONN, getpeername(s, (struct sockaddr *)&room.name, &room.len));
	EXPECT_EQ(0, room.len);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_FAILS(WSAENOTSOCK, getpeername(s, (struct sockaddr *)&room.name, &room.len));
	EXPECT_EQ(0, room.len);
}

TEST(accept_with_an_address_that_does_not_fit_keeps_the_connection)
{
	const int family[] = { FAM_INET, FAM_INET6 };
	const int size[] = { 16, 28 };
	int i, port, fd;
	struct room room;
	SOCKET l, s;
	size_t n;

	for (i = 0; i < 2; i++) {
		l = (SOCKET)tcp_listen(family[i], 1, &port);
		fd = tcp_connect(family[i], port);
		ASSERT_LE(0, fd);
		ASSERT_TRUE(sock_becomes((int)l, SEE_IN, COMES));
		for (n = 0; n < ARRAY_SIZE(too_short) + 1; n++) {
			room = room_of(n < ARRAY_SIZE(too_short) ? too_short[n] :
								   size[i] - 1);
			WSASetLastError(0);
			s = accept(l, (struct sockaddr *)&room.name, &room.len);
			EXPECT_EQ(INVALID_SOCKET, s);
			EXPECT_EQ(WSAEFAULT, WSAGetLastError());
			EXPECT_TRUE(room.len < size[i]);
		}
		room = room_of(size[i]);
		s = accept(l, (struct sockaddr *)&room.name, &room.len);
		EXPECT_NE(INVALID_SOCKET, s);
		EXPECT_EQ(size[i], room.len);
		EXPECT_EQ(0, closesocket(s));
		EXPECT_EQ(0, closesocket(l));
		fd_close(fd);
	}
}

TEST(recvfrom_with_an_address_that_does_not_fit_fails)
{
	struct room room;
	int fd[2];
	size_t i;
	char c;

	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	for (i = 0; i < ARRAY_SIZE(too_short); i++) {
		ASSERT_EQ(1, sock_send(fd[1], "x", 1));
		room = room_of(too_short[i]);
		EXPECT_FAILS(WSAEFAULT, recvfrom((SOCKET)fd[0], &c, 1, 0,
				(struct sockaddr *)&room.name, &room.len));
		EXPECT_EQ(too_short[i], room.len);
		sock_drain(fd[0]);
	}
	ASSERT_EQ(1, sock_send(fd[1], "x", 1));
	room = room_of(16);
	EXPECT_EQ(1, recvfrom((SOCKET)fd[0], &c, 1, 0, (struct sockaddr *)&room.name,
			      &room.len));
	EXPECT_EQ(16, room.len);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

TEST(ioctlsocket_is_for_sockets)
{
	const long cmd[] = { FIONBIO, FIONREAD, SIOCATMARK };
	u_long value = 1;
	int pipe[2];
	size_t i;

	ASSERT_EQ(0, fd_pipe(pipe));
	for (i = 0; i < ARRAY_SIZE(cmd); i++)
		EXPECT_FAILS(WSAENOTSOCK, ioctlsocket((SOCKET)pipe[0], cmd[i], &value));
	EXPECT_FAILS(WSAENOTSOCK, ioctlsocket(INVALID_SOCKET, FIONBIO, &value));
	fd_close(pipe[0]);
	fd_close(pipe[1]);
}

/* On Linux one that waits is more than none, and the next client is dropped. */
TEST(backlog_of_0_is_one_of_1)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	SOCKET l = socket(AF_INET, SOCK_STREAM, 0);
	int len = sizeof(addr), fd[2], i;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, bind(l, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, listen(l, 0));
	ASSERT_EQ(0, getsockname(l, (struct sockaddr *)&addr, &len));
	for (i = 0; i < 2; i++) {
		fd[i] = tcp_connect(FAM_INET, ntohs(addr.sin_port));
		ASSERT_LE(0, fd[i]);
		EXPECT_TRUE(sock_becomes(fd[i], SEE_OUT, COMES));
	}
	for (i = 0; i < 2; i++)
		fd_close(fd[i]);
	EXPECT_EQ(0, closesocket(l));
}

TEST_HARNESS_MAIN
