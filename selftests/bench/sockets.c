// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The sockets that both sides work on: UDP, the first few of which are connected
 * to themselves, so that what is sent on one makes the same one readable.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

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

/* Such sockets for somebody who closes them, and frees the array. */
int *sockets_of_ones_own(int n)
{
	int *own = zalloc(n * sizeof(*own));
	int i;

	for (i = 0; i < n; i++) {
		own[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		need(own[i] >= 0, "socket");
		connect_to_itself(own[i]);
	}
	return own;
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

int sockets_open(void)
{
	return count;
}

void socket_send(int fd)
{
	need(send(fd, "x", 1, 0) == 1, "send");
}

void socket_recv(int fd)
{
	char c;

	need(recv(fd, &c, 1, 0) == 1, "recv");
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
