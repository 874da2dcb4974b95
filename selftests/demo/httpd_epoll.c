// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The web server of httpd.c on epoll, for comparison: threads on one epoll file,
 * each of which takes a batch of sockets at a time.  They are level-triggered and
 * one-shot, so that no two threads serve the same one, and each is re-armed when it
 * has been served, by one system call.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

#define BATCH		32
#define ACCEPT_BATCH	32
#define MAX_THREADS	64

struct connection {
	int fd;
	HTTP http;
};

/* What one thread counts; others read it. */
struct counters {
	atomic_llong calls;
	atomic_llong packets;
	atomic_llong requests;
	atomic_llong accepted;
	atomic_llong ended;
	atomic_llong rearms;
	atomic_llong resets;
	atomic_llong errors;
};

static struct counters counters[MAX_THREADS];
static int thread_count;

static int epfd;
/* Events carry the address of a connection, or of one of these. */
static int listener, quit_event;

static void fail(const char *what)
{
	fprintf(stderr, "httpd_epoll: ");
	perror(what);
	exit(1);
}

static void count(atomic_llong *counter, long long number)
{
	atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

#define SUM(counter) ({							\
	long long sum = 0;						\
									\
	for (int i = 0; i < thread_count; i++)				\
		sum += counters[i].counter;				\
	sum;								\
})

void PrintStats(char *text, size_t size)
{
	snprintf(text, size,
		 "threads=%d\ncalls=%lld\npackets=%lld\nrequests=%lld\n"
		 "connections=%lld\nended=%lld\nrearms=%lld\nresets=%lld\n"
		 "errors=%lld\n",
		 thread_count, SUM(calls), SUM(packets), SUM(requests),
		 SUM(accepted), SUM(ended), SUM(rearms), SUM(resets),
		 SUM(errors));
}

static void control(int op, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	if (epoll_ctl(epfd, op, fd, &event))
		fail("epoll_ctl");
}

static void rearm(struct counters *own, int fd, uint32_t events, void *data)
{
	control(EPOLL_CTL_MOD, fd, events | EPOLLONESHOT, data);
	count(&own->rearms, 1);
}

/* All threads see this event, which nobody takes away. */
static void tell_all_to_leave(void)
{
	if (eventfd_write(quit_event, 1))
		fail("eventfd");
}

/* To close the only descriptor takes it out of the epoll, too. */
static void end(struct counters *own, struct connection *connection)
{
	close(connection->fd);
	free(connection);
	count(&own->ended, 1);
}

/* Reads once: what is left brings another event.  Is the connection still alive? */
static bool receive(struct counters *own, struct connection *connection)
{
	HTTP *http = &connection->http;
	size_t room = INPUT_SIZE - 1 - http->inputLength;
	ssize_t len;

	if (!room)
		return true;
	len = recv(connection->fd, http->input + http->inputLength, room, 0);
	if (len > 0)
		http->inputLength += len;
	if (len > 0 || (len < 0 && errno == EAGAIN))
		return true;
	count(&own->resets, len < 0);
	return false;
}

/* Sends what can be sent.  Is the connection still alive? */
static bool transmit(struct counters *own, struct connection *connection)
{
	HTTP *http = &connection->http;
	ssize_t len;

	while (http->outputSent < http->outputLength) {
		len = send(connection->fd, http->output + http->outputSent,
			   http->outputLength - http->outputSent, MSG_NOSIGNAL);
		if (len < 0) {
			if (errno == EAGAIN)
				return true;
			count(&own->resets, 1);
			return false;
		}
		http->outputSent += len;
	}
	http->outputSent = 0;
	http->outputLength = 0;
	return true;
}

static void serve(struct counters *own, struct connection *connection,
		  uint32_t events)
{
	HTTP *http = &connection->http;
	bool alive = true, quit = false;

	if (events & ~EPOLLOUT)
		alive = receive(own, connection);

	/* A response that could not be sent stops the ones behind it. */
	while (alive) {
		alive = transmit(own, connection);
		if (!alive || http->outputLength)
			break;
		count(&own->requests, AnswerRequests(http, &quit));
		if (!http->outputLength)
			break;
	}
	if (quit)
		tell_all_to_leave();

	if (alive && http->outputLength)
		rearm(own, connection->fd, EPOLLOUT, connection);
	else if (alive && !http->closing)
		rearm(own, connection->fd, EPOLLIN | EPOLLRDHUP, connection);
	else
		end(own, connection);
}

static void accept_connections(struct counters *own)
{
	struct connection *connection;
	int i, fd;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0)
			break;
		connection = calloc(1, sizeof(*connection));
		if (!connection) {
			close(fd);
			count(&own->errors, 1);
			break;
		}
		connection->fd = fd;
		control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
			connection);
		count(&own->accepted, 1);
	}
	if (i < ACCEPT_BATCH && fd < 0 && errno != EAGAIN &&
	    errno != ECONNABORTED)
		fail("accept4");
	rearm(own, listener, EPOLLIN, &listener);
}

static void *work(void *arg)
{
	struct epoll_event event[BATCH];
	struct counters *own = arg;
	bool leave = false;
	int i, n;

	while (!leave) {
		n = epoll_wait(epfd, event, BATCH, -1);
		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		count(&own->calls, 1);
		for (i = 0; i < n; i++) {
			if (event[i].data.ptr == &quit_event) {
				leave = true;
				continue;
			}
			count(&own->packets, 1);
			if (event[i].data.ptr == &listener)
				accept_connections(own);
			else
				serve(own, event[i].data.ptr, event[i].events);
		}
	}
	return NULL;
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
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, SOMAXCONN))
		fail("cannot listen");
}

int main(int argc, char **argv)
{
	pthread_t thread[MAX_THREADS];
	int i;

	thread_count = argc == 3 ? atoi(argv[2]) : 0;
	if (thread_count < 1 || thread_count > MAX_THREADS) {
		fprintf(stderr, "Usage: httpd_epoll PORT THREADS\n"
			"THREADS: 1 to %d\n", MAX_THREADS);
		return 2;
	}
	epfd = epoll_create1(EPOLL_CLOEXEC);
	quit_event = eventfd(0, EFD_CLOEXEC);
	if (epfd < 0 || quit_event < 0)
		fail("epoll_create1, eventfd");
	listen_on(atoi(argv[1]));
	control(EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLONESHOT, &listener);
	control(EPOLL_CTL_ADD, quit_event, EPOLLIN, &quit_event);
	for (i = 0; i < thread_count; i++) {
		if (pthread_create(&thread[i], NULL, work, &counters[i]))
			fail("pthread_create");
	}
	for (i = 0; i < thread_count; i++)
		pthread_join(thread[i], NULL);
	return SUM(errors) != 0;
}
