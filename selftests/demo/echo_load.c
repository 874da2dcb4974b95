// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Load for an echo server, from one thread: on each connection one request at a
 * time, the next one as soon as the answer is there.  Says what that came to, and
 * what the server's threads did meanwhile, as its /proc tells:
 *
 *   requests per second, its context switches per request, its CPU time per
 *   request in microseconds
 *

 * Before that, a fifth of the time is for warming up.
 *
 * Usage: echo_load PORT CONNECTIONS MILLISECONDS PROCESS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "usage.h"

#define BATCH		64

static const char request[64] = "a request";

static void fail(const char *what)
{
	fprintf(stderr, "echo_load: ");
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The server may still be about to listen. */
static int connect_to(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int tries, fd, on = 1;

	for (tries = 0; tries < 100; tries++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			fail("socket");
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			return fd;
		}
		close(fd);
		usleep(20000);
	}
	fail("connect");
	return -1;
}

static void ask(int fd)
{
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		fail("send");
}

/* How many requests are answered within the time. */
static long long load(int epfd, int64_t ns)
{
	struct epoll_event event[BATCH];
	int64_t end = now_ns() + ns;
	long long answers = 0;
	char data[sizeof(request)];
	int i, n;

	while (now_ns() < end) {
		n = epoll_wait(epfd, event, BATCH, 2000);
		if (n <= 0)
			fail(n ? "epoll_wait" : "no answer");
		for (i = 0; i < n; i++) {
			/* So short an answer comes in one piece. */
			if (recv(event[i].data.fd, data, sizeof(data), 0) !=
			    sizeof(data))
				fail("recv");
			ask(event[i].data.fd);
		}
		answers += n;
	}
	return answers;
}

int main(int argc, char **argv)
{
	struct usage before, after;
	long long answers;
	int epfd, i, fd;
	int64_t start, ns;
	double took;

	if (argc != 5) {
		fprintf(stderr,
			"Usage: echo_load PORT CONNECTIONS MILLISECONDS PROCESS\n");
		return 2;
	}
	epfd = epoll_create1(0);
	if (epfd < 0)
		fail("epoll_create1");
	for (i = 0; i < atoi(argv[2]); i++) {
		struct epoll_event event = { .events = EPOLLIN };

		event.data.fd = fd = connect_to(atoi(argv[1]));
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
			fail("epoll_ctl");
		ask(fd);
	}
	ns = atoll(argv[3]) * 1000000LL;
	load(epfd, ns / 5);
	if (usage_of(atoi(argv[4]), &before))
		fail("no such process");
	start = now_ns();
	answers = load(epfd, ns);
	took = (now_ns() - start) / 1e9;
	if (usage_of(atoi(argv[4]), &after))
		fail("no such process");
	printf("%.1f %.4f %.3f\n", answers / took,
	       (double)(after.switches - before.switches) / answers,
	       (after.ns - before.ns) / 1e3 / answers);
	return 0;
}
