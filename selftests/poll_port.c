// SPDX-License-Identifier: GPL-2.0
/*
 * The port as a file of Linux: poll() and epoll say that a packet is there, and
 * fdinfo shows how many.
 */
#include "kselftest_harness.h"

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

TEST_HARNESS_MAIN
