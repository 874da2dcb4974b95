// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is refused because its user holds as many as it may is counted, once each: for who
 * asks by netlink which of his programs goes short.
 *
 * Each test lowers a limit for the whole machine and opens its ports as a user of its own, so
 * that what others hold does not matter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/genl.h"
#include "lib/operation.h"
#include "lib/sock.h"

#define USER		54323
#define IN		SOCKIOCP_REGISTER_IN
#define ENABLE		SOCKIOCP_OP_ENABLE
#define LEVEL		SOCKIOCP_TRIGGER_LEVEL
#define BUFFERS		1024

static const char * const limits[] = {
	"max_user_registrations", "max_user_operations", "max_user_packets", "max_user_offers",
};

enum { REGISTRATIONS, OPERATIONS, PACKETS, OFFERS, NR_LIMITS };

FIXTURE(refusals) {
	struct genl genl;
	long long limit[NR_LIMITS];
	/* Root's, and the user's. */
	int other;
	int port;
	int fd[3];
	/* As many as were counted when somebody looked. */
	long long seen;
};

/* How many of the user's, or an error. */
static long long refusals(struct genl *g)
{
	int ret = genl_ask(g, SOCKIOCP_CMD_USER_GET, NLM_F_DUMP, 0, NULL, 0);
	long long number = -ENOENT;

	while (!ret && (ret = genl_next(g)) == 1) {
		if (genl_number(g, SOCKIOCP_A_USER_UID) == USER)
			number = genl_number(g, SOCKIOCP_A_USER_REFUSALS);
		ret = 0;
	}
	return ret ? ret : number;
}

/* Without root's rights there is no port, and NEEDS_ROOT() skips the test. */
FIXTURE_SETUP(refusals)
{
	int i, number;

	self->port = -1;
	if (geteuid())
		return;
	for (i = 0; i < NR_LIMITS; i++)
		self->limit[i] = param_get(limits[i]);
	self->other = device_open();
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, setresuid(USER, -1, -1));
	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, genl_open(&self->genl));
	for (i = 0; i < 3; i++)
		self->fd[i] = udp_bound(FAM_INET, &number);
	/* The ports of the test before may be there still, and with them its user. */
	self->seen = refusals(&self->genl);
	ASSERT_LE(0, self->seen);
}

FIXTURE_TEARDOWN(refusals)
{
	int i;

	if (self->port < 0)
		return;
	for (i = 0; i < NR_LIMITS; i++)
		EXPECT_EQ(0, param_set(limits[i], self->limit[i]));
	genl_close(&self->genl);
	for (i = 0; i < 3; i++)
		fd_close(self->fd[i]);
	close(self->port);
	close(self->other);
}

#define NEEDS_ROOT()							\
	do {								\
		if (self->port < 0)					\
			SKIP(return, "only root can change the limits");\
	} while (0)

#define LIMIT(which, value) ASSERT_EQ(0, param_set(limits[which], value))

/* So many since the last look. */
#define EXPECT_REFUSALS(nr)						\
	do {								\
		long long now_ = refusals(&self->genl);			\
		EXPECT_EQ(nr, now_ - self->seen);			\
		self->seen = now_;					\
	} while (0)

static int enable(int port, int fd)
{
	return device_apply(port, fd, 1, IN, ENABLE, LEVEL);
}

TEST_F(refusals, each_registration_counts_once)
{
	struct sockiocp_registration_entry reg[3];
	struct sockiocp_process p;
	int i;

	NEEDS_ROOT();
	LIMIT(REGISTRATIONS, 1);
	EXPECT_EQ(0, enable(self->port, self->fd[0]));
	EXPECT_REFUSALS(0);
	EXPECT_EQ(SOCKIOCP_RESULT_LIMIT, enable(self->port, self->fd[1]));
	EXPECT_REFUSALS(1);
	/* In a batch closed sockets are looked for once; each is refused all the same. */
	for (i = 0; i < 3; i++)
		reg[i] = device_entry(self->fd[i], 1, IN, ENABLE, LEVEL);
	p = device_process(self->port, reg, 3, NULL, 0, NULL, 0);
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(0, reg[0].registration_result);
	EXPECT_EQ(SOCKIOCP_RESULT_LIMIT, reg[2].registration_result);
	EXPECT_REFUSALS(2);
	/* What is refused for another reason is no matter of limits. */
	EXPECT_EQ(SOCKIOCP_RESULT_INVALID, device_apply(self->port, self->fd[1], 1, 0x80,
							ENABLE, LEVEL));
	EXPECT_REFUSALS(0);
}

TEST_F(refusals, what_is_had_at_the_second_attempt_does_not_count)
{
	NEEDS_ROOT();
	LIMIT(REGISTRATIONS, 1);
	EXPECT_EQ(0, enable(self->port, self->fd[0]));
	EXPECT_EQ(0, operation_associate(self->port, self->fd[0], 1));
	fd_close(self->fd[0]);
	/* At the limit, but for one whose socket is closed. */
	EXPECT_EQ(0, enable(self->port, self->fd[1]));
	EXPECT_EQ(0, operation_associate(self->port, self->fd[1], 1));
	EXPECT_REFUSALS(0);
}

TEST_F(refusals, each_association_counts_once)
{
	struct overlapped o;
	char byte;

	NEEDS_ROOT();
	/* Its endpoint is root's, until it is associated. */
	ASSERT_EQ(1, operation_receive(self->other, self->fd[2], &o, &byte, 1));
	LIMIT(REGISTRATIONS, 0);
	EXPECT_EQ(-ENOBUFS, operation_associate(self->port, self->fd[0], 1));
	EXPECT_REFUSALS(1);
	EXPECT_EQ(-ENOBUFS, operation_set_modes(self->port, self->fd[0], 0));
	EXPECT_REFUSALS(1);
	EXPECT_EQ(-ENOBUFS, operation_receive(self->port, self->fd[0], &o, &byte, 1));
	EXPECT_REFUSALS(1);
	EXPECT_EQ(-ENOBUFS, operation_associate(self->port, self->fd[2], 1));
	EXPECT_REFUSALS(1);
}

TEST_F(refusals, each_operation_counts_once)
{
	static struct sockiocp_buffer buffers[BUFFERS];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct sockiocp_submit args;
	struct overlapped o;
	char byte = 0;

	NEEDS_ROOT();
	LIMIT(OPERATIONS, 0);
	EXPECT_EQ(-ENOBUFS, operation_receive(self->port, self->fd[0], &o, &byte, 1));
	EXPECT_REFUSALS(1);
	/* There is room for it, and not for what belongs to it. */
	LIMIT(OPERATIONS, 1);
	args = operation_args(self->fd[0], &o, SOCKIOCP_SUBMIT_RECEIVE);
	args.buffers = (uintptr_t)buffers;
	args.buffer_count = BUFFERS;
	EXPECT_EQ(-ENOBUFS, operation_submit(self->port, &args));
	EXPECT_REFUSALS(1);
	args = operation_with_buffer(self->fd[0], &o, SOCKIOCP_SUBMIT_SEND, buffers, &byte, 1);
	args.name = (uintptr_t)&to;
	args.name_length = sizeof(to);
	EXPECT_EQ(-ENOBUFS, operation_submit(self->port, &args));
	EXPECT_REFUSALS(1);
}

TEST_F(refusals, each_packet_counts_once)
{
	NEEDS_ROOT();
	LIMIT(PACKETS, 1);
	EXPECT_EQ(0, device_post(self->port, 1));
	EXPECT_REFUSALS(0);
	EXPECT_EQ(-ENOBUFS, device_post(self->port, 2));
	EXPECT_EQ(-ENOBUFS, device_post(self->port, 3));
	EXPECT_REFUSALS(2);
}

TEST_F(refusals, each_offer_counts_once)
{
	struct sockiocp_offer offer = { .socket = self->fd[0], .process = getpid() };

	NEEDS_ROOT();
	LIMIT(OFFERS, 0);
	if (device_call(self->port, SOCKIOCP_OFFER, &offer) == -ENOTTY)
		SKIP(return, "this kernel lets no module give a process a descriptor");
	EXPECT_REFUSALS(1);
}

TEST_F(refusals, they_are_those_of_their_user)
{
	NEEDS_ROOT();
	LIMIT(PACKETS, 0);
	EXPECT_EQ(-ENOBUFS, device_post(self->other, 1));
	EXPECT_REFUSALS(0);
}

TEST_HARNESS_MAIN
