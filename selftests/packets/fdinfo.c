// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What /proc/PID/fdinfo/FD tells of a port: its number, totals, and a line for each of the
 * first registrations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/sock.h"

#define IN	SOCKIOCP_REGISTER_IN
#define OUT	SOCKIOCP_REGISTER_OUT
#define ENABLE	SOCKIOCP_OP_ENABLE
#define DISABLE	SOCKIOCP_OP_DISABLE
#define LEVEL	SOCKIOCP_TRIGGER_LEVEL
#define ONESHOT	(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)

/* For how many registrations there is a line. */
#define LINES	128

FIXTURE(fdinfo) {
	int port;
	int fd[2];
	char text[64 * 1024];
};

FIXTURE_SETUP(fdinfo)
{
	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
}

FIXTURE_TEARDOWN(fdinfo)
{
	close(self->port);
}

static void read_fdinfo(int port, char *text, size_t size)
{
	char path[64];
	size_t length = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", port);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while ((got = read(fd, text + length, size - 1 - length)) > 0)
		length += got;
	text[length] = 0;
	close(fd);
}

static int count_lines(const char *text, const char *with)
{
	int n = 0;

	while ((text = strstr(text, with))) {
		n++;
		text++;
	}
	return n;
}

#define TOLD(name) fdinfo_value(self->port, name)

#define EXPECT_STATES(want_armed, want_queued, want_disabled)		\
	do {								\
		EXPECT_EQ((want_armed) + (want_queued) + (want_disabled),\
			  TOLD("registrations"));			\
		EXPECT_EQ(want_armed, TOLD("armed"));			\
		EXPECT_EQ(want_queued, TOLD("queued"));			\
		EXPECT_EQ(want_disabled, TOLD("disabled"));		\
	} while (0)

TEST_F(fdinfo, ports_have_numbers_of_their_own)
{
	int other = device_open();
	long long id = TOLD("id");

	ASSERT_LE(0, other);
	EXPECT_LT(0, id);
	EXPECT_NE(id, fdinfo_value(other, "id"));
	close(other);

	/* A number is not given again at once. */
	other = device_open();
	EXPECT_LT(id + 1, fdinfo_value(other, "id"));
	close(other);
}

TEST_F(fdinfo, states_are_counted)
{
	__u64 key;

	EXPECT_STATES(0, 0, 0);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, ONESHOT));
	EXPECT_STATES(1, 0, 0);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	EXPECT_STATES(0, 1, 0);
	ASSERT_EQ(1, device_harvest(self->port, 0, &key, 1));
	EXPECT_STATES(0, 0, 1);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, ONESHOT));
	EXPECT_STATES(0, 1, 0);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, 0, DISABLE, 0));
	EXPECT_STATES(0, 0, 1);
}

TEST_F(fdinfo, packets_that_were_delivered_are_counted_for_good)
{
	__u64 key[8];
	int i;

	EXPECT_EQ(0, TOLD("delivered"));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, device_post(self->port, i));
	EXPECT_EQ(3, TOLD("packets"));
	EXPECT_EQ(0, TOLD("delivered"));
	ASSERT_EQ(2, device_harvest(self->port, 0, key, 2));
	EXPECT_EQ(1, TOLD("packets"));
	EXPECT_EQ(2, TOLD("delivered"));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));

	/* What has gone stale is not delivered; what holds still is, each time. */
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	EXPECT_EQ(5, TOLD("delivered"));
	ASSERT_EQ(1, sock_drain(self->fd[0]));
	EXPECT_EQ(-ETIME, device_harvest(self->port, 0, key, 8));
	EXPECT_EQ(5, TOLD("delivered"));
}

TEST_F(fdinfo, registration_has_a_line)
{
	char want[128];
	struct stat st;

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0xabc, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, fstat(self->fd[0], &st));
	snprintf(want, sizeof(want),
		 "\nsocket:\tino:%lu kind:tcp key:abc filter:1 trigger:4 state:armed\n",
		 (unsigned long)st.st_ino);
	read_fdinfo(self->port, self->text, sizeof(self->text));
	EXPECT_NE(NULL, strstr(self->text, want)) {
		TH_LOG("%s", self->text);
	}
	EXPECT_EQ(0, strncmp(self->text, "pos:", 4));
}

/* In the order of their coming, whatever the search for closed sockets has looked at. */
TEST_F(fdinfo, lines_are_of_the_first_registrations_in_their_order)
{
	enum { COUNT = LINES + 100 };
	static int fd[COUNT];
	const char *line;
	char want[64];
	int i;

	ASSERT_EQ(0, raise_nofile(COUNT + 100));
	for (i = 0; i < COUNT; i++) {
		fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, device_apply(self->port, fd[i], i, IN, ENABLE, LEVEL));
	}
	read_fdinfo(self->port, self->text, sizeof(self->text));
	EXPECT_EQ(COUNT, TOLD("registrations"));
	EXPECT_EQ(COUNT, TOLD("armed"));
	EXPECT_EQ(LINES, count_lines(self->text, "\nsocket:"));
	line = self->text;
	for (i = 0; i < LINES; i++) {
		snprintf(want, sizeof(want), " kind:udp key:%x ", i);
		line = strstr(line, want);
		ASSERT_NE(NULL, line) {
			TH_LOG("registration %d", i);
		}
	}
}

static int stop;

static void *come_and_go(void *arg)
{
	int port = *(int *)arg, fd[200], i;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (i = 0; i < 200; i++) {
			fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
			device_apply(port, fd[i], i, IN, ENABLE, LEVEL);
		}
		for (i = 0; i < 200; i++)
			close(fd[i]);
	}
	return NULL;
}

/* The first ones stay, and are told of, while others come, go and are looked for. */
TEST_F(fdinfo, those_that_stay_are_told_of_while_others_come_and_go)
{
	int64_t end = now_ms() + 1000;
	pthread_t thread[2];
	int i, fd;

	ASSERT_EQ(0, raise_nofile(1000));
	for (i = 0; i < 100; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, device_apply(self->port, fd, 0x50000 + i, IN, ENABLE, LEVEL));
	}
	stop = 0;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, come_and_go, &self->port));
	do {
		read_fdinfo(self->port, self->text, sizeof(self->text));
		EXPECT_EQ(100, count_lines(self->text, " key:500"));
		EXPECT_LE(100, TOLD("armed"));
	} while (now_ms() < end);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
}

TEST_HARNESS_MAIN
