// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The sockets that both sides work on: UDP, the first few of which are connected
 * to themselves, so that what is sent on one makes the same one readable.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
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
