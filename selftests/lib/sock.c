// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets for the tests: made, moved into a state, and asked by poll(2) whether
 * they are there yet.  POSIX only: see sock.h.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sock.h"

_Static_assert(FAM_UNIX == AF_UNIX, "AF_UNIX");
_Static_assert(FAM_INET == AF_INET, "AF_INET");
_Static_assert(FAM_INET6 == AF_INET6, "AF_INET6");
_Static_assert(FAM_NETLINK == AF_NETLINK, "AF_NETLINK");
_Static_assert(FAM_PACKET == AF_PACKET, "AF_PACKET");
_Static_assert((int)TYPE_STREAM == (int)SOCK_STREAM, "SOCK_STREAM");
_Static_assert((int)TYPE_DGRAM == (int)SOCK_DGRAM, "SOCK_DGRAM");
_Static_assert((int)TYPE_RAW == (int)SOCK_RAW, "SOCK_RAW");
_Static_assert((int)TYPE_SEQPACKET == (int)SOCK_SEQPACKET, "SOCK_SEQPACKET");

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static socklen_t loopback(union address *addr, int family, int port)
{
	memset(addr, 0, sizeof(*addr));
	addr->any.sa_family = family;
	if (family == AF_INET6) {
		addr->v6.sin6_addr = in6addr_loopback;
		addr->v6.sin6_port = htons(port);
		return sizeof(addr->v6);
	}
	addr->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr->v4.sin_port = htons(port);
	return sizeof(addr->v4);
}

/* An abstract name: nothing is left behind in a file system. */
static socklen_t unix_name(union address *addr, const char *name)
{
	size_t len = strlen(name);

	memset(addr, 0, sizeof(*addr));
	addr->un.sun_family = AF_UNIX;
	memcpy(addr->un.sun_path + 1, name, len);
	return offsetof(struct sockaddr_un, sun_path) + 1 + len;
}

static int bound_port(int fd, int family)
{
	union address addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.any, &len))
		return -errno;
	return ntohs(family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
}

int any_socket(int family, int type, int protocol)
{
	return result(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC,
			     protocol));
}

static int bind_loopback(int fd, int family, int *port)
{
	union address addr;
	socklen_t len = loopback(&addr, family, 0);

	if (bind(fd, &addr.any, len))
		return -errno;
	*port = bound_port(fd, family);
	return *port < 0 ? *port : 0;
}

static int listen_sized(int family, int backlog, int *port, int bufsize)
{
	int fd = any_socket(family, SOCK_STREAM, 0);
	int ret;

	if (fd < 0)
		return fd;
	if (bufsize)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bufsize, sizeof(bufsize));
	ret = bind_loopback(fd, family, port);
	if (!ret)
		ret = result(listen(fd, backlog));
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int tcp_listen(int family, int backlog, int *port)
{
	return listen_sized(family, backlog, port, 0);
}

static int connect_sized(int family, int port, int bufsize)
{
	int fd = any_socket(family, SOCK_STREAM, 0);
	union address addr;
	socklen_t len = loopback(&addr, family, port);
	int one = 1;

	if (fd < 0)
		return fd;
	if (bufsize) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bufsize, sizeof(bufsize));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bufsize, sizeof(bufsize));
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, &addr.any, len) && errno != EINPROGRESS &&
	    errno != ECONNREFUSED) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Begin to connect; the outcome is for the caller to wait for. */
int tcp_connect(int family, int port)
{
	return connect_sized(family, port, 0);
}

int tcp_accept(int listener)
{
	int one = 1;
	int fd;

	if (!sock_becomes(listener, SEE_IN, COMES))
		return -ETIMEDOUT;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/*
 * A port nobody listens on, nor comes to while this process runs: its socket stays bound.
 * Otherwise somebody who connects to it may be given it for his own end, and is then
 * connected to himself.
 */
int tcp_refused_port(int family)
{
	int port, ret;
	int fd = any_socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return fd;
	ret = bind_loopback(fd, family, &port);
	if (ret) {
		close(fd);
		return ret;
	}
	return port;
}

/* fd[0] connected, fd[1] accepted; bufsize 0 leaves the buffers as they are. */
int tcp_pair(int family, int fd[2], int bufsize)
{
	int port;
	int listener = listen_sized(family, 1, &port, bufsize);

	if (listener < 0)
		return listener;
	fd[0] = connect_sized(family, port, bufsize);
	fd[1] = fd[0] < 0 ? fd[0] : tcp_accept(listener);
	close(listener);
	if (fd[1] < 0)
		return fd[1];
	return sock_becomes(fd[0], SEE_OUT, COMES) &&
	       sock_becomes(fd[1], SEE_OUT, COMES) ? 0 : -ETIMEDOUT;
}

int udp_bound(int family, int *port)
{
	int fd = any_socket(family, SOCK_DGRAM, 0);
	int ret;

	if (fd < 0)
		return fd;
	ret = bind_loopback(fd, family, port);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int udp_connect(int fd, int family, int port)
{
	union address addr;
	socklen_t len = loopback(&addr, family, port);

	return result(connect(fd, &addr.any, len));
}

int udp_pair(int family, int fd[2])
{
	int port[2], ret;

	fd[0] = udp_bound(family, &port[0]);
	fd[1] = udp_bound(family, &port[1]);
	if (fd[0] < 0 || fd[1] < 0)
		return fd[0] < 0 ? fd[0] : fd[1];
	ret = udp_connect(fd[0], family, port[1]);
	return ret ? ret : udp_connect(fd[1], family, port[0]);
}

int unix_pair(int type, int fd[2])
{
	return result(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC,
				 0, fd));
}

int unix_listen(const char *name)
{
	int fd = any_socket(AF_UNIX, SOCK_STREAM, 0);
	union address addr;
	socklen_t len = unix_name(&addr, name);

	if (fd < 0)
		return fd;
	if (bind(fd, &addr.any, len) || listen(fd, 4)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int unix_connect(const char *name)
{
	int fd = any_socket(AF_UNIX, SOCK_STREAM, 0);
	union address addr;
	socklen_t len = unix_name(&addr, name);

	if (fd < 0)
		return fd;
	if (connect(fd, &addr.any, len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

long sock_send(int fd, const void *data, size_t len)
{
	return result(send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT));
}

long sock_send_oob(int fd, char c)
{
	return result(send(fd, &c, 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT));
}

long sock_recv(int fd, void *data, size_t len)
{
	return result(recv(fd, data, len, MSG_DONTWAIT));
}

long sock_peek(int fd, void *data, size_t len)
{
	return result(recv(fd, data, len, MSG_DONTWAIT | MSG_PEEK));
}

/* Bytes that were sent and not acknowledged; 0 where sockets do not tell. */
static int in_flight(int fd)
{
	int queued, unsent;

	return ioctl(fd, SIOCOUTQ, &queued) || ioctl(fd, SIOCOUTQNSD, &unsent) ? 0 :
	       queued - unsent;
}

/*
 * Send until nothing more is taken.  The kernel may find room again when the
 * first data is acknowledged, so "full" is what stays full for a while with nothing
 * under way.  (What a full peer has dropped is under way until it reads.)
 */
long sock_fill(int fd)
{
	static const char data[16384];
	int64_t end = now_ms() + A_WHILE;
	long total = 0;
	long n;

	do {
		while ((n = sock_send(fd, data, sizeof(data))) > 0)
			total += n;
		if (n != -EAGAIN)
			return n;
	} while (sock_becomes(fd, SEE_OUT, 50) || (in_flight(fd) && now_ms() < end));
	return total;
}

/* Receive until the socket would block or is at its end. */
long sock_drain(int fd)
{
	char data[16384];
	long total = 0;
	long n;

	while ((n = sock_recv(fd, data, sizeof(data))) > 0)
		total += n;
	return n && n != -EAGAIN ? n : total;
}

/* Receive until the writer at the other end is seen as wanted. */
long sock_drain_until(int fd, int writer, int see)
{
	int64_t end = now_ms() + COMES;
	long total = 0;
	long n;

	do {
		n = sock_drain(fd);
		if (n < 0)
			return n;
		total += n;
		if (sock_becomes(writer, see, 1) && !sock_drain(fd))
			return total;
	} while (now_ms() < end);
	return -ETIMEDOUT;
}

/* The pending error, which is cleared. */
int sock_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return err;
}

int sock_shutdown(int fd, char which)
{
	int how = which == 'r' ? SHUT_RD : which == 'w' ? SHUT_WR : SHUT_RDWR;

	return result(shutdown(fd, how));
}

/* Close so that the peer gets a RST. */
int sock_reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return result(close(fd));
}

int sock_lowat(int fd, int bytes)
{
	return result(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes,
				 sizeof(bytes)));
}

int sock_fast_open(int fd)
{
	const int on = 1;

	return result(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &on, sizeof(on)));
}

int sock_linger(int fd, int seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
				 sizeof(linger)));
}

static int see(short revents)
{
	return (revents & POLLIN ? SEE_IN : 0) |
	       (revents & POLLPRI ? SEE_PRI : 0) |
	       (revents & POLLOUT ? SEE_OUT : 0) |
	       (revents & POLLERR ? SEE_ERR : 0) |
	       (revents & POLLHUP ? SEE_HUP : 0) |
	       (revents & POLLRDHUP ? SEE_RDHUP : 0);
}

static int poll_once(int fd, int timeout_ms)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP,
	};

	poll(&pfd, 1, timeout_ms);
	return see(pfd.revents);
}

int sock_sees(int fd)
{
	return poll_once(fd, 0);
}

/* Does poll(2) say all of these within the time? */
int sock_becomes(int fd, int want, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	for (;;) {
		if ((poll_once(fd, 0) & want) == want)
			return 1;
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
}

/* Are there exactly so many bytes to read within the time? */
int sock_queued(int fd, int bytes, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int n;

	for (;;) {
		n = -1;
		if (!ioctl(fd, FIONREAD, &n) && n == bytes)
			return 1;
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
}
