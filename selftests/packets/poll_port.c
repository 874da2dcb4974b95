// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The port as a file of Linux: poll() and epoll say that a packet is there, and
 * fdinfo shows how many.
 */
#define _GNU_SOURCE
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/port.h"

#define KEY	0x99

FIXTURE(poll_port) {
	HANDLE port;
	/* The port's descriptor. */
	int pfd;
	int fd[2];
};

FIXTURE_SETUP(poll_port)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	self->pfd = port_fd(self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
}

FIXTURE_TEARDOWN(poll_port)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define EXPECT_READABLE()	EXPECT_EQ(SEE_IN, fd_sees(self->pfd, COMES))
#define EXPECT_NOT_READABLE()	EXPECT_EQ(0, fd_sees(self->pfd, COMES_NOT))

TEST_F(poll_port, readable_exactly_while_a_posted_packet_is_there)
{
	EXPECT_NOT_READABLE();
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	EXPECT_READABLE();
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 2, KEY, NULL));
	EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, 1 }, { KEY, 2 });
	EXPECT_NOT_READABLE();
}

TEST_F(poll_port, readable_exactly_while_a_level_condition_holds)
{
	char c;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_NOT_READABLE();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	EXPECT_READABLE();
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	EXPECT_NOT_READABLE();
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(poll_port, not_readable_when_a_level_packet_went_stale)
{
	char c;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_READABLE();
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	EXPECT_NOT_READABLE();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	EXPECT_NOT_READABLE();
}

TEST_F(poll_port, not_readable_when_the_socket_of_a_packet_was_closed)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT, T_LEVEL));
	EXPECT_READABLE();
	fd_close(self->fd[0]);
	self->fd[0] = -1;
	EXPECT_NOT_READABLE();
}

/*
 * To look at these takes a lock that others sleep with, and who polls may hold one that
 * everybody needs: so only a harvest looks, and finds that there is nothing.
 */
TEST_F(poll_port, asking_does_not_look_where_it_could_sleep)
{
	static const enum kind kinds[] = { KIND_MPTCP4, KIND_VSOCK };
	int pair[2];
	unsigned int i;
	char c;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kind_missing(kinds[i]))
			continue;
		ASSERT_EQ(0, kind_pair(kinds[i], pair, 0));
		EXPECT_EQ(0, enable(self->port, pair[0], KEY, EV_IN, T_LEVEL));
		EXPECT_NOT_READABLE();
		ASSERT_EQ(1, sock_send(pair[1], "x", 1));
		EXPECT_READABLE();
		ASSERT_EQ(1, sock_recv(pair[0], &c, 1));
		EXPECT_READABLE();
		EXPECT_NOTHING_NOW(self->port);
		EXPECT_NOT_READABLE();
		fd_close(pair[0]);
		fd_close(pair[1]);
	}
}

TEST_F(poll_port, asking_does_not_take_the_packet)
{
	int i;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_EDGE));
	EXPECT_NOT_READABLE();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	for (i = 0; i < 5; i++)
		EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	EXPECT_NOT_READABLE();
}

TEST_F(poll_port, asking_does_not_take_the_edge_of_a_stream)
{
	int tcp[2], i;

	ASSERT_EQ(0, tcp_pair(FAM_INET, tcp, 0));
	EXPECT_EQ(0, enable(self->port, tcp[0], KEY, EV_ALL, T_EDGE));
	EXPECT_NOT_READABLE();
	ASSERT_EQ(0, sock_shutdown(tcp[1], 'w'));
	for (i = 0; i < 5; i++)
		EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_HANGUP });
	EXPECT_NOT_READABLE();
	fd_close(tcp[0]);
	fd_close(tcp[1]);
}

TEST_F(poll_port, asking_keeps_the_order_of_the_packets)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
	EXPECT_EQ(0, enable(self->port, self->fd[1], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_READABLE();
	EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_OUT }, { 2, 1 },
			   { KEY + 1, EV_OUT });
}

TEST_F(poll_port, remove_packet_makes_it_readable)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_NONE, T_LEVEL));
	EXPECT_NOT_READABLE();
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_READABLE();
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_REMOVE });
	EXPECT_NOT_READABLE();
}

struct poller {
	int fd;
	int epoll;
	int seen;
};

static void *poll_once(void *arg)
{
	struct poller *p = arg;

	p->seen = p->epoll ? epoll_sees(p->fd, COMES) : fd_sees(p->fd, COMES);
	return NULL;
}

TEST_F(poll_port, packet_wakes_who_polls)
{
	struct poller p = { .fd = self->pfd };
	pthread_t thread;
	int i;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_once, &p));
		sleep_ms(50);
		if (i) {
			EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2,
							       NULL));
		} else {
			ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		}
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(SEE_IN, p.seen);
		if (i) {
			EXPECT_PACKETS_NOW(self->port, { 2, 1 });
		} else {
			EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
		}
	}
}

TEST_F(poll_port, nests_in_epoll)
{
	int epfd = fd_epoll();
	char c;

	ASSERT_LE(0, epfd);
	ASSERT_EQ(0, epoll_watch(epfd, self->pfd, 0));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_EQ(1, epoll_sees(epfd, COMES));
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	EXPECT_EQ(1, epoll_sees(epfd, COMES));
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
	EXPECT_EQ(1, epoll_sees(epfd, COMES));
	EXPECT_PACKETS_NOW(self->port, { 2, 1 });
	EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
	fd_close(epfd);
}

TEST_F(poll_port, nests_in_edge_triggered_epoll)
{
	int epfd = fd_epoll();
	int i;

	ASSERT_LE(0, epfd);
	ASSERT_EQ(0, epoll_watch(epfd, self->pfd, 1));
	EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(PostQueuedCompletionStatus(self->port, i, KEY, NULL));
		EXPECT_EQ(1, epoll_sees(epfd, COMES));
		EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
		EXPECT_PACKETS_NOW(self->port, { KEY, (DWORD)i });
	}
	fd_close(epfd);
}

TEST_F(poll_port, packet_wakes_who_waits_in_epoll)
{
	struct poller p = { .fd = fd_epoll(), .epoll = 1 };
	pthread_t thread;

	ASSERT_LE(0, p.fd);
	ASSERT_EQ(0, epoll_watch(p.fd, self->pfd, 0));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_once, &p));
	sleep_ms(50);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, p.seen);
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
	fd_close(p.fd);
}

/*
 * Who polls by aio is gone when it is told, and its memory is free.  Who polls last is
 * told first, so that is seen here where freed memory is poisoned, if not before.
 */
TEST_F(poll_port, packet_wakes_who_polls_behind_one_that_is_gone_by_that)
{
	struct iocb poll = {
		.aio_fildes = self->pfd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_buf = EPOLLIN,
	}, *polls = &poll;
	struct timespec comes = { .tv_sec = COMES / 1000 };
	aio_context_t aio = 0;
	struct io_event event;
	int epfd = fd_epoll(), i;

	if (syscall(SYS_io_setup, 1, &aio))
		SKIP(return, "no aio here");
	ASSERT_EQ(0, epoll_watch(epfd, self->pfd, 0));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL | T_ONESHOT));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(1, syscall(SYS_io_submit, aio, 1, &polls));
		if (i) {
			EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
		} else {
			ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		}
		ASSERT_EQ(1, syscall(SYS_io_getevents, aio, 1, 1, &event, &comes));
		EXPECT_EQ(EPOLLIN, event.res & EPOLLIN);
		EXPECT_EQ(1, epoll_sees(epfd, COMES));
		if (i) {
			EXPECT_PACKETS_NOW(self->port, { 2, 1 });
		} else {
			EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
		}
		EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
	}
	EXPECT_EQ(0, syscall(SYS_io_destroy, aio));
	fd_close(epfd);
}

TEST_F(poll_port, closing_a_port_that_epoll_watches_takes_it_out)
{
	int epfd = fd_epoll();

	ASSERT_LE(0, epfd);
	ASSERT_EQ(0, epoll_watch(epfd, self->pfd, 0));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	EXPECT_EQ(1, epoll_sees(epfd, COMES));
	EXPECT_TRUE(CloseHandle(self->port));
	EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
	fd_close(epfd);
	self->port = port_open();
}

#define EXPECT_TOTALS(registrations, packets)				\
	do {								\
		EXPECT_EQ(registrations,				\
			  fdinfo_value(self->pfd, "registrations"));	\
		EXPECT_EQ(packets, fdinfo_value(self->pfd, "packets"));	\
	} while (0)

TEST_F(poll_port, fdinfo_shows_totals)
{
	EXPECT_TOTALS(0, 0);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	EXPECT_TOTALS(0, 1);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_TOTALS(1, 1);
	EXPECT_EQ(0, enable(self->port, self->fd[1], KEY, EV_OUT, T_LEVEL));
	EXPECT_TOTALS(2, 2);
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_TOTALS(1, 3);
	EXPECT_EQ(0, disable(self->port, self->fd[1]));
	EXPECT_TOTALS(1, 2);
	EXPECT_PACKETS_NOW(self->port, { KEY, 1 }, { KEY, EV_REMOVE });
	EXPECT_TOTALS(1, 0);
	EXPECT_EQ(0, deregister(self->port, self->fd[1]));
	EXPECT_TOTALS(0, 1);
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_REMOVE });
	EXPECT_TOTALS(0, 0);
}

/* ----------------------------------------------------------------- very many of them */

/* Each duplicate of a descriptor is one more who waits for its file. */
static int watch_often(int epfd, int fd, int nr)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int i;

	if (raise_nofile(nr + 100))
		return -EMFILE;
	for (i = 0; i < nr; i++) {
		ev.data.u32 = i;
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, dup(fd), &ev))
			return -errno;
	}
	return 0;
}

/* How many of them are told? */
static int told(int epfd, int nr)
{
	struct epoll_event ev[64];
	int64_t end = now_ms() + COMES;
	char *seen = calloc(nr, 1);
	int n = 0, i, got;

	while (seen && n < nr && now_ms() < end) {
		got = epoll_wait(epfd, ev, 64, 100);
		for (i = 0; i < got; i++)
			n += !seen[ev[i].data.u32]++;
	}
	free(seen);
	return n;
}

TEST_F(poll_port, packet_is_told_to_all_who_poll_however_many)
{
	enum { MANY = 300 };
	int epfd = fd_epoll(), i;

	ASSERT_EQ(0, watch_often(epfd, self->pfd, MANY));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL | T_ONESHOT));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, epoll_sees(epfd, COMES_NOT));
		if (i) {
			EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
		} else {
			ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		}
		EXPECT_EQ(MANY, told(epfd, MANY));
		if (i) {
			EXPECT_PACKETS_NOW(self->port, { 2, 1 });
		} else {
			EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN });
		}
	}
	fd_close(epfd);
}

enum { TRIES = 21, VERY_MANY = 10000 };

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * The least that it takes to arm a socket, and to send to it, which queues its packet.  What
 * is done each time is in that, too, and a processor that was away is not.
 */
static int how_long(HANDLE port, const int *fd, int64_t *enabling, int64_t *sending)
{
	int64_t e[TRIES], s[TRIES], start;
	char c;
	int i;

	for (i = 0; i < TRIES; i++) {
		start = now_ns();
		if (enable(port, fd[0], KEY, EV_IN, T_LEVEL | T_ONESHOT))
			return -1;
		e[i] = now_ns() - start;
		start = now_ns();
		if (sock_send(fd[1], "x", 1) != 1)
			return -1;
		s[i] = now_ns() - start;
		if (*packets_differ(port, COMES, PACKETS({ KEY, EV_IN })) ||
		    sock_recv(fd[0], &c, 1) != 1)
			return -1;
	}
	qsort(e, TRIES, sizeof(*e), compare);
	qsort(s, TRIES, sizeof(*s), compare);
	*enabling = e[0];
	*sending = s[0];
	printf("# ENABLE %lld us, send %lld us\n", (long long)*enabling / 1000,
	       (long long)*sending / 1000);
	return 0;
}

/* Who sends to a registered socket does not wake them all, with interrupts off. */
TEST_F(poll_port, those_who_poll_do_not_hold_up_a_wakeup_however_many)
{
	int64_t enabling, sending, alone;
	int epfd = fd_epoll();

	ASSERT_EQ(0, how_long(self->port, self->fd, &enabling, &alone));
	ASSERT_EQ(0, watch_often(epfd, self->pfd, VERY_MANY));
	ASSERT_EQ(0, how_long(self->port, self->fd, &enabling, &sending));
	EXPECT_GT(10 * alone, sending);
	fd_close(epfd);
}

/* Nor are those who wait for a socket looked through for its registration. */
TEST_F(poll_port, others_who_wait_for_a_socket_do_not_hold_up_its_arming_however_many)
{
	int64_t enabling, sending, alone;
	int epfd = fd_epoll(), major, minor;
	struct utsname name;

	ASSERT_EQ(0, uname(&name));
	ASSERT_EQ(2, sscanf(name.release, "%d.%d", &major, &minor));
	if (major == 5 && minor < 11)
		SKIP(return, "this kernel has no order in wait queues");
	ASSERT_EQ(0, how_long(self->port, self->fd, &alone, &sending));
	ASSERT_EQ(0, watch_often(epfd, self->fd[0], VERY_MANY));
	ASSERT_EQ(0, how_long(self->port, self->fd, &enabling, &sending));
	EXPECT_GT(10 * alone, enabling);
	fd_close(epfd);
}

TEST_HARNESS_MAIN
