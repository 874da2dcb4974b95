// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The sockets that both sides work on: UDP, the first few of which are connected
 * to themselves, so that what is sent on one makes the same one readable.  And ends of other
 * kinds, with the sockets that make them readable.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static int *fds;
static int count;

static void connect_to_itself(int fd)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	need(!bind(fd, (struct sockaddr *)&addr, len), "bind");
	need(!getsockname(fd, (struct sockaddr *)&addr, &len), "getsockname");
	need(!connect(fd, (struct sockaddr *)&addr, len), "connect");
}

/* The first @n sockets; they are made when they are asked for, and stay. */
const int *sockets(int n)
{
	if (n <= count)
		return fds;

	fds = realloc(fds, n * sizeof(*fds));
	need(fds, "realloc");
	for (; count < n; count++) {
		fds[count] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		need(fds[count] >= 0, "socket");
		if (count < MAX_EVENTS)
			connect_to_itself(fds[count]);
	}
	/* What making them has left to be done is not to be measured. */
	settle();
	return fds;
}

/* A TCP socket that listens, and where. */
int socket_listen(struct sockaddr_in *addr)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(*addr);

	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	need(listener >= 0, "socket");
	need(!bind(listener, (struct sockaddr *)addr, len), "bind");
	need(!listen(listener, 128), "listen");
	need(!getsockname(listener, (struct sockaddr *)addr, &len), "getsockname");
	return listener;
}

/* Without Nagle's delay. */
int socket_connect(const struct sockaddr_in *addr)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	need(fd >= 0, "socket");
	need(!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void open_udp(struct ends *ends, int i)
{
	ends->fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	need(ends->fds[i] >= 0, "socket");
	connect_to_itself(ends->fds[i]);
	ends->others[i] = ends->fds[i];
}

static void open_tcp(struct ends *ends, int i, int listener, const struct sockaddr_in *addr)
{
	int on = 1;

	ends->others[i] = socket_connect(addr);
	ends->fds[i] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	need(ends->fds[i] >= 0, "accept4");
	setsockopt(ends->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void open_unix(struct ends *ends, int i)
{
	int pair[2];

	need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), "socketpair");
	ends->fds[i] = pair[0];
	ends->others[i] = pair[1];
}

/* For somebody who gives them back to ends_close(). */
struct ends *ends_open(enum kind kind, int n)
{
	struct ends *ends = zalloc(sizeof(*ends));
	struct sockaddr_in addr;
	int i, listener = kind == KIND_TCP ? socket_listen(&addr) : -1;

	ends->n = n;
	ends->fds = zalloc(n * sizeof(int));
	ends->others = zalloc(n * sizeof(int));
	for (i = 0; i < n; i++) {
		if (kind == KIND_UDP)
			open_udp(ends, i);
		else if (kind == KIND_TCP)
			open_tcp(ends, i, listener, &addr);
		else
			open_unix(ends, i);
	}
	if (listener >= 0)
		close(listener);
	return ends;
}

/* A side on whose sockets operations pend has closed those. */
void ends_close(struct ends *ends, bool are_closed)
{
	int i;

	for (i = 0; i < ends->n; i++) {
		if (!are_closed)
			close(ends->fds[i]);
		if (ends->others[i] != ends->fds[i])
			close(ends->others[i]);
	}
	free(ends->fds);
	free(ends->others);
	free(ends);
}

/* Makes all of them readable. */
void ends_fill(const struct ends *ends)
{
	int i;

	for (i = 0; i < ends->n; i++)
		socket_send(ends->others[i]);
}

void ends_drain(const struct ends *ends)
{
	int i;

	for (i = 0; i < ends->n; i++)
		socket_recv(ends->fds[i]);
}

int sockets_open(void)
{
	return count;
}

void socket_send(int fd)
{
	need(send(fd, "x", 1, 0) == 1, "send");
}

void socket_recv_all(int fd, void *data, size_t size)
{
	int in_vain = 0;
	ssize_t len;

	while ((len = recv(fd, data, size, 0)) < 0 && errno == EAGAIN && in_vain++ < 1000)
		sched_yield();
	need(len == (ssize_t)size, "recv");
}

void socket_recv(int fd)
{
	char c;

	socket_recv_all(fd, &c, 1);
}

/* Makes the first @n readable. */
void sockets_fill(int n)
{
	int i;

	for (i = 0; i < n; i++)
		socket_send(fds[i]);
}

void sockets_drain(int n)
{
	int i;

	for (i = 0; i < n; i++)
		socket_recv(fds[i]);
}
