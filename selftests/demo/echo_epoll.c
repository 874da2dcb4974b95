// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The server of echo_port.c on epoll, for comparison: threads on one epoll file,
 * each of which takes a batch of sockets at a time, one-shot, so that no two
 * serve the same one, and re-arms each of them when it has been answered.
 *
 * Usage: echo_epoll PORT THREADS
 *
 * It ends when it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH		16

static int epfd, listener;

static void fail(const char *what)
{
	fprintf(stderr, "echo_epoll: ");
	perror(what);
	exit(1);
}

static void arm(int op, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
		.data.fd = fd,
	};

	if (epoll_ctl(epfd, op, fd, &event))
		fail("epoll_ctl");
}

/* Whether the connection goes on. */
static int echo(int fd)
{
	char data[512];
	ssize_t len = recv(fd, data, sizeof(data), 0);

	if (len < 0 && errno == EAGAIN)
		return 1;
	if (len > 0 && send(fd, data, len, MSG_NOSIGNAL) == len)
		return 1;
	close(fd);
	return 0;
}

static void *serve(void *arg)
{
	struct epoll_event event[BATCH];
	int i, n, fd;

	for (;;) {
		n = epoll_wait(epfd, event, BATCH, -1);
		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (i = 0; i < n; i++) {
			fd = event[i].data.fd;
			if (fd != listener) {
				if (echo(fd))
					arm(EPOLL_CTL_MOD, fd);
				continue;
			}
			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			if (fd >= 0)
				arm(EPOLL_CTL_ADD, fd);
			arm(EPOLL_CTL_MOD, listener);
		}
	}
	return arg;
}

static void listen_on(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* What is accepted is without Nagle's delay, too. */
	if (listener < 0 ||
	    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, SOMAXCONN))
		fail("cannot listen");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i, count;

	count = argc == 3 ? atoi(argv[2]) : 0;
	if (count < 1) {
		fprintf(stderr, "Usage: echo_epoll PORT THREADS\n");
		return 2;
	}
	epfd = epoll_create1(0);
	if (epfd < 0)
		fail("epoll_create1");
	listen_on(atoi(argv[1]));
	arm(EPOLL_CTL_ADD, listener);
	for (i = 0; i < count; i++) {
		if (pthread_create(&thread, NULL, serve, NULL))
			fail("pthread_create");
	}
	return pthread_join(thread, NULL);
}
