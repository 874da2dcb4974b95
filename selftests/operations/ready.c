// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the library builds on: operations that only wait (POLL_IN, POLL_OUT), results that it
 * tells itself (RESULT), events, and where packets go.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"

#define KEY	0x4ead
#define COOKIE	0xc00c1e0000000001ULL

FIXTURE(ready) {
	int port;
	int home;
	int listener;
	int number;
	int fd[2];
};

FIXTURE_SETUP(ready)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	self->listener = tcp_listen(FAM_INET, 64, &self->number);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, operation_associate(self->port, self->listener, KEY));
	ASSERT_EQ(0, small_pair(self->fd));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
}

FIXTURE_TEARDOWN(ready)
{
	fd_close(self->listener);
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

static int poll_in(int home, int fd, struct overlapped *o, __u32 flags)
{
	return operation_simple(home, fd, o, SOCKIOCP_SUBMIT_POLL_IN, COOKIE, flags);
}

static int next(int home, int fd)
{
	struct overlapped unused;

	return operation_simple(home, fd, &unused, SOCKIOCP_SUBMIT_NEXT, 0, 0);
}

/*
 * What is not harvested within 10 ms goes home, and is found ready there: so a thread
 * harvests the home port and gives here what it finds.
 */
static int found[2];

static void *harvest_home(void *arg)
{
	int home = (intptr_t)arg, n;
	struct sockiocp_packet_entry got;

	while ((n = operation_harvest(home, &got, 1, COMES)) == 1 || n == -ETIME) {
		if (n == 1 && write(found[1], &got, sizeof(got)) != sizeof(got))
			break;
	}
	return NULL;
}

static int keep_home(int home)
{
	pthread_t thread;

	if (pipe2(found, O_NONBLOCK | O_CLOEXEC))
		return -errno;
	return -pthread_create(&thread, NULL, harvest_home, (void *)(intptr_t)home) ?:
	       -pthread_detach(thread);
}

/* At the port, or at home. */
static int take_ready(int port, struct sockiocp_packet_entry *got, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int n;

	do {
		n = operation_harvest(port, got, 1, 10);
		if (n == -ETIME && found[0] &&
		    read(found[0], got, sizeof(*got)) == sizeof(*got))
			n = 1;
	} while (n == -ETIME && now_ms() < end);
	return n;
}

/* One packet that tells that this one is ready: the OVERLAPPED is the caller's to write. */
#define EXPECT_READY(port, key, o)					\
	do {								\
		struct sockiocp_packet_entry got_ = { 0 };		\
		EXPECT_EQ(1, take_ready(port, &got_, COMES));			\
		EXPECT_TRUE(got_.completion_key == (key) || got_.completion_key == COOKIE);	\
		EXPECT_EQ((uintptr_t)(o), got_.overlapped);		\
		EXPECT_EQ(COOKIE, got_.internal);			\
		EXPECT_EQ(SOCKIOCP_PACKET_READY, got_.reserved);	\
		EXPECT_PENDS(o);					\
	} while (0)

#define ASSERT_CONNECTS(fd)						\
	do {								\
		fd = tcp_connect(FAM_INET, self->number);		\
		ASSERT_LE(0, fd);					\
		ASSERT_TRUE(sock_becomes(fd, SEE_OUT, COMES));		\
	} while (0)

TEST_F(ready, poll_in_waits_for_a_connection)
{
	struct overlapped o;
	int fd, accepted;

	ASSERT_EQ(0, keep_home(self->home));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o, 0));
	EXPECT_NO_PACKET(self->port);
	ASSERT_CONNECTS(fd);
	EXPECT_READY(self->port, KEY, &o);
	EXPECT_OPERATIONS(self->home, 0);
	accepted = tcp_accept(self->listener);
	EXPECT_LE(0, accepted);
	EXPECT_EQ(0, next(self->home, self->listener));
	EXPECT_NO_PACKET(self->port);
	fd_close(accepted);
	fd_close(fd);
}

TEST_F(ready, poll_in_is_ready_if_one_waits)
{
	struct overlapped o;
	int fd;

	ASSERT_EQ(0, keep_home(self->home));
	ASSERT_CONNECTS(fd);
	ASSERT_TRUE(sock_becomes(self->listener, SEE_IN, COMES));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o, 0));
	EXPECT_READY(self->port, KEY, &o);
	fd_close(fd);
}

TEST_F(ready, second_poll_waits_for_next)
{
	struct overlapped o[2];
	int fd[2], accepted;

	ASSERT_EQ(0, keep_home(self->home));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[0], 0));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[1], 0));
	ASSERT_CONNECTS(fd[0]);
	EXPECT_READY(self->port, KEY, &o[0]);
	accepted = tcp_accept(self->listener);
	EXPECT_EQ(0, next(self->home, self->listener));
	EXPECT_NO_PACKET(self->port);
	ASSERT_CONNECTS(fd[1]);
	EXPECT_READY(self->port, KEY, &o[1]);
	fd_close(accepted);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

/* It is told of a connection of its own, and ends. */
static int be_told_elsewhere(void)
{
	struct sockiocp_packet_entry got;
	int home = device_open(), number, fd;
	int listener = tcp_listen(FAM_INET, 8, &number);
	struct overlapped o;

	if (home < 0 || poll_in(home, listener, &o, SOCKIOCP_SUBMIT_TO_HOME) != 1)
		return 1;
	fd = tcp_connect(FAM_INET, number);
	return fd < 0 || operation_harvest(home, &got, 1, COMES) != 1;
}

/*
 * Behind a process that was told and has ended the module looks for those that it holds, half
 * a second later.  It finds this one, too, that has been held for less.
 */
#define LOOKS_AFTER	500

static int64_t end_of_one_that_was_told(void)
{
	int pid = fork();

	if (!pid)
		_exit(be_told_elsewhere());
	return pid > 0 && !child_status(pid, COMES) ? now_ms() : -1;
}

TEST_F(ready, second_poll_waits_whatever_others_do)
{
	struct sockiocp_packet_entry got;
	int fd, accepted, early, tries = 5;
	struct overlapped o[2];
	int64_t ended, held;

	ASSERT_EQ(0, keep_home(self->home));
	do {
		EXPECT_EQ(1, poll_in(self->home, self->listener, &o[0], 0));
		EXPECT_EQ(1, poll_in(self->home, self->listener, &o[1], 0));
		ended = end_of_one_that_was_told();
		ASSERT_LT(0, ended);
		sleep_ms(LOOKS_AFTER - 100);
		held = now_ms();
		ASSERT_CONNECTS(fd);
		EXPECT_READY(self->port, KEY, &o[0]);
		early = 0;
		while (!early && now_ms() < ended + LOOKS_AFTER + 100)
			early = take_ready(self->port, &got, COMES_NOT) == 1;
		held = now_ms() - held;
		EXPECT_EQ(0, next(self->home, self->listener));
		if (!early)
			EXPECT_READY(self->port, KEY, &o[1]);
		accepted = tcp_accept(self->listener);
		fd_close(accepted);
		fd_close(fd);
		EXPECT_EQ(0, next(self->home, self->listener));
		/* If the machine stood still it has been held for long, and this shows nothing. */
	} while (held >= LOOKS_AFTER && --tries);
	EXPECT_FALSE(early);
}

/*
 * A POLL_OUT was told of for long when the module looks.  It lets what is behind it go on, and
 * not what waits for a POLL_IN that was told just now.
 */
TEST_F(ready, hold_of_one_direction_is_not_that_of_the_other)
{
	struct sockiocp_packet_entry got;
	struct overlapped out, in[2];
	int64_t ended, sent;
	int told = 0;

	ASSERT_EQ(0, keep_home(self->home));
	EXPECT_EQ(1, operation_simple(self->home, self->fd[0], &out,
				      SOCKIOCP_SUBMIT_POLL_OUT, COOKIE, 0));
	EXPECT_READY(self->port, KEY, &out);
	EXPECT_EQ(1, poll_in(self->home, self->fd[0], &in[0], 0));
	EXPECT_EQ(1, poll_in(self->home, self->fd[0], &in[1], 0));
	ended = end_of_one_that_was_told();
	ASSERT_LT(0, ended);
	sleep_ms(LOOKS_AFTER - 150);
	sent = now_ms();
	EXPECT_SENT(self->fd[1], "a");
	while (now_ms() < ended + LOOKS_AFTER + 100) {
		if (take_ready(self->port, &got, COMES_NOT) != 1)
			continue;
		/* If the machine stood still that one was held for long, too. */
		EXPECT_TRUE(got.overlapped != (uintptr_t)&in[1] ||
			    now_ms() - sent > LOOKS_AFTER);
		told += got.overlapped == (uintptr_t)&in[0];
	}
	EXPECT_EQ(1, told);
}

/* Two connections, before the first one has been accepted. */
TEST_F(ready, next_makes_the_second_ready)
{
	struct overlapped o[2];
	int fd[2], accepted;

	ASSERT_EQ(0, keep_home(self->home));
	ASSERT_CONNECTS(fd[0]);
	ASSERT_CONNECTS(fd[1]);
	ASSERT_TRUE(sock_becomes(self->listener, SEE_IN, COMES));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[0], 0));
	EXPECT_READY(self->port, KEY, &o[0]);
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[1], 0));
	EXPECT_READY(self->port, KEY, &o[1]);
	/* Somebody else has taken it: it goes before others. */
	accepted = tcp_accept(self->listener);
	fd_close(accepted);
	accepted = tcp_accept(self->listener);
	fd_close(accepted);
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[1], 0));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[0], SOCKIOCP_SUBMIT_FIRST));
	fd_close(fd[0]);
	ASSERT_CONNECTS(fd[0]);
	EXPECT_READY(self->port, KEY, &o[0]);
	/* It waits for this, or for who looks every two seconds. */
	EXPECT_EQ(0, next(self->home, self->listener));
	EXPECT_READY(self->port, KEY, &o[1]);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

/* One that is cancelled is an ordinary completion. */
TEST_F(ready, poll_that_is_cancelled_is_written_by_the_kernel)
{
	struct overlapped o[2];
	int fd;

	ASSERT_EQ(0, keep_home(self->home));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[0], 0));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o[1], 0));
	EXPECT_EQ(1, operation_cancel(self->home, self->listener, &o[0], 0));
	EXPECT_PACKET(self->port, KEY, &o[0], STATUS_IS_CANCELLED, 0);
	ASSERT_CONNECTS(fd);
	EXPECT_READY(self->port, KEY, &o[1]);
	fd_close(fd);
}

TEST_F(ready, close_of_a_listener_cancels)
{
	struct overlapped o;

	ASSERT_EQ(0, keep_home(self->home));
	EXPECT_EQ(1, poll_in(self->home, self->listener, &o, 0));
	EXPECT_EQ(0, device_call(self->home, SOCKIOCP_CLOSE_SOCKET,
				 (void *)(intptr_t)self->listener));
	self->listener = -1;
	EXPECT_PACKET(self->port, KEY, &o, STATUS_IS_CANCELLED, 0);
}

/* It is told of where the packet is found, with the key there. */
TEST_F(ready, at_home_has_its_cookie_for_a_key)
{
	struct overlapped o;
	int fd;

	EXPECT_EQ(1, poll_in(self->home, self->listener, &o, SOCKIOCP_SUBMIT_TO_HOME));
	ASSERT_CONNECTS(fd);
	EXPECT_READY(self->home, COOKIE, &o);
	EXPECT_NO_PACKET(self->port);
	fd_close(fd);
}

TEST_F(ready, poll_out_waits_for_a_connection)
{
	int fd = any_socket(FAM_INET, TYPE_STREAM, 0);
	int connected;
	struct overlapped o;

	ASSERT_EQ(0, keep_home(self->home));
	ASSERT_LE(0, fd);
	fd_close(fd);
	fd = tcp_connect(FAM_INET, self->number);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, operation_associate(self->port, fd, KEY));
	EXPECT_EQ(1, operation_simple(self->home, fd, &o, SOCKIOCP_SUBMIT_POLL_OUT, COOKIE, 0));
	EXPECT_READY(self->port, KEY, &o);
	EXPECT_EQ(0, sock_error(fd));
	connected = tcp_accept(self->listener);
	fd_close(connected);
	fd_close(fd);
}

TEST_F(ready, poll_out_tells_of_a_refusal)
{
	int fd = tcp_connect(FAM_INET, tcp_refused_port(FAM_INET));
	struct overlapped o;

	ASSERT_EQ(0, keep_home(self->home));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, operation_associate(self->port, fd, KEY));
	EXPECT_EQ(1, operation_simple(self->home, fd, &o, SOCKIOCP_SUBMIT_POLL_OUT, COOKIE, 0));
	EXPECT_READY(self->port, KEY, &o);
	EXPECT_EQ(ECONNREFUSED, sock_error(fd));
	fd_close(fd);
}

/* ---------------------------------------------------------------------- RESULT */

static struct sockiocp_submit result_args(int fd, struct overlapped *o, __u32 status,
					  __u32 bytes)
{
	struct sockiocp_submit args = operation_args(fd, o, SOCKIOCP_SUBMIT_RESULT);

	args.status = status;
	args.bytes = bytes;
	return args;
}

TEST_F(ready, result_completes_as_it_says)
{
	struct sockiocp_submit args;
	struct overlapped o;

	/* The mode does not matter. */
	ASSERT_EQ(0, operation_set_modes(self->home, self->fd[0], SOCKIOCP_MODE_SKIP_PACKET));
	args = result_args(self->fd[0], &o, 0, 77);
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_PACKET(self->port, KEY, &o, 0, 77);
	args = result_args(self->fd[0], &o, STATUS_IS_RESET, 0);
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_PACKET(self->port, KEY, &o, STATUS_IS_RESET, 0);
	EXPECT_OPERATIONS(self->home, 0);
	EXPECT_NO_PACKET(self->port);
	/* On one that is not associated nobody hears of it, but for the OVERLAPPED. */
	args = result_args(self->fd[1], &o, 0, 5);
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_EQ(0, o.state);
	EXPECT_EQ(5, o.bytes);
	EXPECT_NO_PACKET(self->home);
}

/* ---------------------------------------------------------------------- events */

static int is_signalled(int event, int timeout_ms)
{
	struct pollfd p = { .fd = event, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static struct sockiocp_submit receive_args(int fd, struct overlapped *o,
					   struct sockiocp_buffer *buffer, void *data,
					   __u32 flags, int event)
{
	struct sockiocp_submit args = operation_with_buffer(fd, o, SOCKIOCP_SUBMIT_RECEIVE,
							    buffer, data, 8);

	args.flags = flags;
	args.event = event;
	args.cookie = COOKIE;
	return args;
}

TEST_F(ready, event_is_signalled_and_a_packet_comes)
{
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";
	uint64_t count;

	ASSERT_LE(0, event);
	ASSERT_EQ(0, home_thread_start(self->home));
	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_EVENT, event);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_FALSE(is_signalled(event, COMES_NOT));
	EXPECT_SENT(self->fd[1], "abc");
	/* Nobody harvests the port: the home port's thread does it. */
	EXPECT_TRUE(is_signalled(event, COMES));
	EXPECT_EQ(0, o.state);
	EXPECT_EQ(3, o.bytes);
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	EXPECT_EQ(8, read(event, &count, 8));
	EXPECT_EQ(1, count);
	/* At once, too. */
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_EVENT, event);
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_TRUE(is_signalled(event, 0));
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
	close(event);
}

TEST_F(ready, event_without_a_packet)
{
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";

	ASSERT_LE(0, event);
	ASSERT_EQ(0, home_thread_start(self->home));
	args = receive_args(self->fd[0], &o, &buffer, data,
			    SOCKIOCP_SUBMIT_EVENT | SOCKIOCP_SUBMIT_NO_PACKET, event);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	/* It is the operation's from now on. */
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_TRUE(is_signalled(event, COMES));
	EXPECT_EQ(3, o.bytes);
	EXPECT_NO_PACKET(self->port);
	EXPECT_OPERATIONS(self->home, 0);
	close(event);
}

TEST_F(ready, event_that_was_closed_does_no_harm)
{
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";

	ASSERT_EQ(0, home_thread_start(self->home));
	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_EVENT, event);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	close(event);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

/* Not associated: the event, and no packet. */
TEST_F(ready, event_of_an_unassociated_socket)
{
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct sockiocp_packet_entry got;
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";

	args = receive_args(self->fd[1], &o, &buffer, data, SOCKIOCP_SUBMIT_EVENT, event);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[0], "abc");
	EXPECT_EQ(-ETIME, operation_harvest(self->home, &got, 1, A_WHILE));
	EXPECT_TRUE(is_signalled(event, 0));
	EXPECT_EQ(3, o.bytes);
	/* With TO_HOME both. */
	args = receive_args(self->fd[1], &o, &buffer, data,
			    SOCKIOCP_SUBMIT_EVENT | SOCKIOCP_SUBMIT_TO_HOME, event);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[0], "abc");
	EXPECT_PACKET(self->home, COOKIE, &o, 0, 3);
	close(event);
}

TEST_F(ready, cancel_signals_the_event)
{
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";

	ASSERT_EQ(0, home_thread_start(self->home));
	args = receive_args(self->fd[0], &o, &buffer, data,
			    SOCKIOCP_SUBMIT_EVENT | SOCKIOCP_SUBMIT_NO_PACKET, event);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_EQ(1, operation_cancel(self->home, self->fd[0], &o, 0));
	EXPECT_TRUE(is_signalled(event, COMES));
	EXPECT_EQ(STATUS_IS_CANCELLED, o.state);
	EXPECT_EQ(0, o.bytes);
	close(event);
}

/* ------------------------------------------------------------ where packets go */

TEST_F(ready, packet_goes_home_if_it_shall)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";

	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_TO_HOME, 0);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->home, COOKIE, &o, 0, 3);
	EXPECT_NO_PACKET(self->port);
	/* Who submits it knows, if it completes at once. */
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_TO_HOME, 0);
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_NO_PACKET(self->home);
	EXPECT_NO_PACKET(self->port);
}

TEST_F(ready, no_packet_if_it_shall_not_be)
{
	struct sockiocp_packet_entry got;
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args;
	struct overlapped o;
	char data[8] = "";

	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_NO_PACKET, 0);
	EXPECT_EQ(1, operation_submit(self->home, &args));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_EQ(-ETIME, operation_harvest(self->home, &got, 1, A_WHILE));
	EXPECT_EQ(3, o.bytes);
	EXPECT_NO_PACKET(self->port);
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	args = receive_args(self->fd[0], &o, &buffer, data, SOCKIOCP_SUBMIT_NO_PACKET, 0);
	EXPECT_EQ(0, operation_submit(self->home, &args));
	EXPECT_NO_PACKET(self->port);
}

TEST_HARNESS_MAIN
