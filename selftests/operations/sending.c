// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sends of streams: SOCKIOCP_SUBMIT_SEND.  They complete with all their bytes or with an
 * error, and the bytes of two of them follow each other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "kselftest_harness.h"

#include "lib/expect.h"

#define KEY	0x5e4d
#define MUCH	(1 << 18)

FIXTURE(sending) {
	int port;
	int home;
	/* With small buffers. */
	int fd[2];
	char *data;
	char *got;
};

FIXTURE_SETUP(sending)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(0, small_pair(self->fd));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
	self->data = malloc(2 * MUCH);
	self->got = malloc(2 * MUCH);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->got);
	pattern_fill(self->data, 2 * MUCH, 0);
}

FIXTURE_TEARDOWN(sending)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
	free(self->data);
	free(self->got);
}

/* ----------------------------------------------- who receives what is sent */

static struct reader reader;

#define START_READER(socket, memory, bytes)				\
	do {								\
		reader = (struct reader) { .fd = socket, .to = memory,	\
					   .want = bytes, .timeout_ms = COMES };	\
		ASSERT_EQ(0, reader_start(&reader));			\
	} while (0)

/* ---------------------------------------------------------------------- */

TEST_F(sending, what_fits_completes_at_once)
{
	struct overlapped o;

	EXPECT_EQ(0, operation_send(self->home, self->fd[0], &o, self->data, 100));
	EXPECT_EQ(0, o.state);
	EXPECT_EQ(100, o.bytes);
	EXPECT_PACKET(self->port, KEY, &o, 0, 100);
	EXPECT_EQ(100, receive_all(self->fd[1], self->got, 100, COMES));
	EXPECT_EQ(-1, pattern_differs(self->got, 100, 0));
	EXPECT_NO_PACKET(self->port);
}

TEST_F(sending, of_nothing_completes)
{
	struct overlapped o;

	EXPECT_EQ(0, operation_send(self->home, self->fd[0], &o, NULL, 0));
	EXPECT_PACKET(self->port, KEY, &o, 0, 0);
}

TEST_F(sending, more_than_fits_pends_until_all_is_sent)
{
	struct overlapped o;

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o, self->data, MUCH));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o);
	START_READER(self->fd[1], self->got, MUCH);
	EXPECT_PACKET(self->port, KEY, &o, 0, MUCH);
	EXPECT_READ_ALL(&reader);
	EXPECT_NO_PACKET(self->port);
	EXPECT_OPERATIONS(self->home, 0);
}

TEST_F(sending, of_two_does_not_mix_them)
{
	struct overlapped o[2];

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o[0], self->data, MUCH));
	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o[1], self->data + MUCH, MUCH));
	START_READER(self->fd[1], self->got, 2 * MUCH);
	EXPECT_PACKET(self->port, KEY, &o[0], 0, MUCH);
	EXPECT_PACKET(self->port, KEY, &o[1], 0, MUCH);
	EXPECT_READ_ALL(&reader);
}

/* Though it would fit, it is not sent before those that pend. */
TEST_F(sending, of_a_little_waits_for_much)
{
	enum { COUNT = 50 };
	struct overlapped much, little[COUNT];
	int i;

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &much, self->data, MUCH));
	for (i = 0; i < COUNT; i++)
		EXPECT_EQ(1, operation_send(self->home, self->fd[0], &little[i],
					    self->data + MUCH + i * 10, 10));
	START_READER(self->fd[1], self->got, MUCH + COUNT * 10);
	EXPECT_PACKET(self->port, KEY, &much, 0, MUCH);
	for (i = 0; i < COUNT; i++)
		EXPECT_PACKET(self->port, KEY, &little[i], 0, 10);
	EXPECT_READ_ALL(&reader);
}

TEST_F(sending, gathers_all_buffers_of_one)
{
	enum { COUNT = 1024, EACH = MUCH / COUNT };
	static struct sockiocp_buffer buffer[COUNT];
	struct sockiocp_submit args;
	struct overlapped o;
	int i;

	for (i = 0; i < COUNT; i++)
		buffer[i] = (struct sockiocp_buffer) {
			.length = EACH, .address = (uintptr_t)self->data + i * EACH,
		};
	args = operation_args(self->fd[0], &o, SOCKIOCP_SUBMIT_SEND);
	args.buffers = (uintptr_t)buffer;
	args.buffer_count = COUNT;
	EXPECT_EQ(1, operation_submit(self->home, &args));
	memset(buffer, 0xff, sizeof(buffer));
	START_READER(self->fd[1], self->got, MUCH);
	EXPECT_PACKET(self->port, KEY, &o, 0, MUCH);
	EXPECT_READ_ALL(&reader);
}

/* The thread of the home port sends, if nobody harvests the port. */
TEST_F(sending, goes_on_while_nobody_harvests)
{
	struct overlapped o;

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o, self->data, MUCH));
	START_READER(self->fd[1], self->got, MUCH);
	EXPECT_TRUE(operation_ends(self->home, &o, COMES));
	EXPECT_READ_ALL(&reader);
	EXPECT_PACKET(self->port, KEY, &o, 0, MUCH);
}

TEST_F(sending, fails_when_the_peer_resets)
{
	struct overlapped o[2];

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o[0], self->data, MUCH));
	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o[1], self->data, MUCH));
	EXPECT_EQ(0, sock_reset(self->fd[1]));
	self->fd[1] = -1;
	EXPECT_PACKET(self->port, KEY, &o[0], STATUS_IS_RESET, 0);
	EXPECT_PACKET(self->port, KEY, &o[1], STATUS_IS_RESET, 0);
	EXPECT_EQ(-ECONNRESET, operation_send(self->home, self->fd[0], &o[0], self->data, 1));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o[0]);
}

TEST_F(sending, fails_after_a_local_shutdown)
{
	struct overlapped o;

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &o, self->data, MUCH));
	EXPECT_EQ(0, sock_shutdown(self->fd[0], 'w'));
	EXPECT_PACKET(self->port, KEY, &o, STATUS_IS_SHUT, 0);
	EXPECT_EQ(-EPIPE, operation_send(self->home, self->fd[0], &o, self->data, 1));
}

/* The connection is over, in good order: no reset, and nobody has aborted it. */
TEST_F(sending, fails_as_shut_down_when_both_sides_are)
{
	struct overlapped o;
	char data[8];
	int i;

	EXPECT_EQ(0, sock_shutdown(self->fd[1], 'w'));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_RDHUP, COMES));
	EXPECT_EQ(0, sock_shutdown(self->fd[0], 'w'));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_HUP, COMES));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EPIPE, operation_send(self->home, self->fd[0], &o, self->data, 1));
		EXPECT_EQ(0, operation_receive(self->home, self->fd[0], &o, data, 8));
		EXPECT_PACKET(self->port, KEY, &o, 0, 0);
	}
}

TEST_F(sending, to_nobody_fails)
{
	int fd = any_socket(FAM_INET, TYPE_STREAM, 0);
	struct overlapped o;

	EXPECT_EQ(-ENOTCONN, operation_send(self->home, fd, &o, self->data, 1));
	EXPECT_OPERATIONS(self->home, 0);
	fd_close(fd);
}

/* Receives and sends do not wait for each other. */
TEST_F(sending, does_not_hold_receives_up)
{
	struct overlapped send, receive;
	char data[8] = "";

	EXPECT_EQ(1, operation_send(self->home, self->fd[0], &send, self->data, MUCH));
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &receive, data, sizeof(data)));
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &receive, 0, 3);
	EXPECT_PENDS(&send);
	EXPECT_EQ(1, operation_receive(self->home, self->fd[0], &receive, data, sizeof(data)));
	START_READER(self->fd[1], self->got, MUCH);
	EXPECT_PACKET(self->port, KEY, &send, 0, MUCH);
	EXPECT_PENDS(&receive);
	EXPECT_READ_ALL(&reader);
}

/* Data in memory that does not exist: what was before it is sent, and the send fails. */
TEST_F(sending, of_bad_memory_fails)
{
	struct overlapped o;

	EXPECT_EQ(-EFAULT, operation_send(self->home, self->fd[0], &o, (void *)64, 100));
	EXPECT_NO_PACKET(self->port);
	EXPECT_PENDS(&o);
	EXPECT_EQ(0, operation_send(self->home, self->fd[0], &o, self->data, 10));
	EXPECT_EQ(10, receive_all(self->fd[1], self->got, 10, COMES));
	EXPECT_EQ(-1, pattern_differs(self->got, 10, 0));
}

TEST_HARNESS_MAIN
