// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Limits are set by netlink: those that are named, to what a limit can be, and by whom it
 * behooves.  They are the module's parameters.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/genl.h"
#include "lib/sock.h"
#include "lib/task.h"

#define USER	54321
#define SET	SOCKIOCP_CMD_LIMITS_SET

/* By their attribute. */
static const char * const names[] = {
	[SOCKIOCP_A_LIMITS_REGISTRATIONS] = "max_user_registrations",
	[SOCKIOCP_A_LIMITS_OPERATIONS] = "max_user_operations",
	[SOCKIOCP_A_LIMITS_PACKETS] = "max_user_packets",
	[SOCKIOCP_A_LIMITS_OFFERS] = "max_user_offers",
};

#define FIRST	SOCKIOCP_A_LIMITS_REGISTRATIONS
#define LAST	SOCKIOCP_A_LIMITS_OFFERS

FIXTURE(limits) {
	struct genl genl;
	long long before[LAST + 1];
};

FIXTURE_SETUP(limits)
{
	int i;

	ASSERT_EQ(0, genl_open(&self->genl));
	for (i = FIRST; i <= LAST; i++)
		self->before[i] = param_get(names[i]);
}

FIXTURE_TEARDOWN(limits)
{
	int i;

	for (i = FIRST; !geteuid() && i <= LAST; i++)
		EXPECT_EQ(0, param_set(names[i], self->before[i]));
	genl_close(&self->genl);
}

#define NEEDS_ROOT()							\
	do {								\
		if (geteuid())						\
			SKIP(return, "only root can change the limits");\
	} while (0)

/* One limit, with an answer in any case. */
static int set(struct genl *g, int type, uint64_t value)
{
	int ret = genl_ask(g, SET, NLM_F_ACK, type, &value, sizeof(value));

	return ret ? ret : genl_next(g);
}

#define EXPECT_AS_BEFORE()						\
	do {								\
		int i_;							\
									\
		for (i_ = FIRST; i_ <= LAST; i_++)			\
			EXPECT_EQ(self->before[i_], param_get(names[i_]));\
	} while (0)

TEST_F(limits, each_is_the_parameter_of_its_name)
{
	int i, other;

	NEEDS_ROOT();
	for (i = FIRST; i <= LAST; i++) {
		EXPECT_EQ(0, set(&self->genl, i, 1000 + i));
		for (other = FIRST; other <= LAST; other++)
			EXPECT_EQ(other <= i ? 1000 + other : self->before[other],
				  param_get(names[other]));
	}
	/* And the other way round. */
	EXPECT_EQ(0, param_set(names[FIRST], 77));
	ASSERT_EQ(0, genl_ask(&self->genl, SOCKIOCP_CMD_LIMITS_GET, 0, 0, NULL, 0));
	ASSERT_EQ(1, genl_next(&self->genl));
	EXPECT_EQ(77, genl_number(&self->genl, FIRST));
}

TEST_F(limits, several_are_set_by_one_request)
{
	char attrs[64];
	uint64_t value[] = { 11, 0 };
	size_t length;

	NEEDS_ROOT();
	length = genl_put(attrs, SOCKIOCP_A_LIMITS_OFFERS, &value[0], 8);
	length += genl_put(attrs + length, SOCKIOCP_A_LIMITS_PACKETS, &value[1], 8);
	ASSERT_EQ(0, genl_ask_all(&self->genl, SET, NLM_F_ACK, attrs, length));
	EXPECT_EQ(0, genl_next(&self->genl));
	EXPECT_EQ(11, param_get("max_user_offers"));
	EXPECT_EQ(0, param_get("max_user_packets"));
	EXPECT_EQ(self->before[FIRST], param_get(names[FIRST]));
}

TEST_F(limits, limit_that_is_set_is_in_force)
{
	int port = device_open();

	NEEDS_ROOT();
	ASSERT_LE(0, port);
	EXPECT_EQ(0, device_post(port, 1));
	EXPECT_EQ(0, set(&self->genl, SOCKIOCP_A_LIMITS_PACKETS, 0));
	EXPECT_EQ(-ENOBUFS, device_post(port, 2));
	EXPECT_EQ(1, fdinfo_value(port, "packets"));
	EXPECT_EQ(0, set(&self->genl, SOCKIOCP_A_LIMITS_PACKETS, INT64_MAX));
	EXPECT_EQ(0, device_post(port, 3));
	close(port);
}

/* The second attribute is wrong: the first is not set. */
TEST_F(limits, what_is_wrong_is_refused_and_named_and_sets_nothing)
{
	uint64_t good = 1, high = 1ULL << 63;
	char attrs[64];
	size_t length;
	int type;

	NEEDS_ROOT();
	for (type = FIRST; type <= LAST; type++) {
		length = genl_put(attrs, type == FIRST ? LAST : FIRST, &good, 8);
		length += genl_put(attrs + length, type, &high, 8);
		ASSERT_EQ(0, genl_ask_all(&self->genl, SET, NLM_F_ACK, attrs, length));
		EXPECT_EQ(-ERANGE, genl_next(&self->genl));
		EXPECT_NE(0, self->genl.said[0]);
		/* Behind both headers, and the attribute before it. */
		EXPECT_EQ(NLMSG_HDRLEN + 4 + NLA_HDRLEN + 8, self->genl.offset);
		EXPECT_AS_BEFORE();

		ASSERT_EQ(0, genl_ask(&self->genl, SET, NLM_F_ACK, type, &good, 4));
		EXPECT_EQ(-EINVAL, genl_next(&self->genl));
		EXPECT_NE(0, self->genl.said[0]);
	}
	for (type = LAST + 1; type < 32; type++) {
		EXPECT_EQ(-EINVAL, set(&self->genl, type, 1));
		EXPECT_NE(0, self->genl.said[0]);
	}
	ASSERT_EQ(0, genl_ask(&self->genl, SET, NLM_F_ACK, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, genl_next(&self->genl));
	EXPECT_STREQ("no limit is named", self->genl.said);
	ASSERT_EQ(0, genl_ask(&self->genl, SET, NLM_F_DUMP, 0, NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, genl_next(&self->genl));
	EXPECT_AS_BEFORE();
}

/* ---------------------------------------------------------------- limits of one user */

/* What is told of a user; -1: nothing is. */
static long long told_of(struct genl *g, uint32_t uid, int type)
{
	long long value = -1;

	if (genl_ask(g, SOCKIOCP_CMD_USER_GET, NLM_F_DUMP, 0, NULL, 0))
		return -2;
	while (genl_next(g) == 1)
		if (genl_number(g, SOCKIOCP_A_USER_UID) == uid)
			value = genl_number(g, type);
	return value;
}

static int open_as(uid_t uid)
{
	int port;

	if (setresuid(uid, -1, -1))
		return -1;
	port = device_open();
	return setresuid(0, -1, -1) ? -1 : port;
}

#define PACKETS		SOCKIOCP_A_LIMITS_PACKETS
#define MAX_PACKETS	SOCKIOCP_A_USER_MAX_PACKETS
#define MAX_OFFERS	SOCKIOCP_A_USER_MAX_OFFERS

TEST_F(limits, of_a_user_hold_for_that_user_alone)
{
	struct genl *g = &self->genl;
	int port, other;

	NEEDS_ROOT();
	port = open_as(USER);
	other = open_as(USER + 1);
	ASSERT_LE(0, port);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, genl_set_own_limit(g, USER, PACKETS, 1));
	EXPECT_EQ(1, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(self->before[PACKETS], told_of(g, USER + 1, MAX_PACKETS));
	EXPECT_AS_BEFORE();
	EXPECT_EQ(0, device_post(port, 1));
	EXPECT_EQ(-ENOBUFS, device_post(port, 2));
	EXPECT_EQ(0, device_post(other, 1));
	EXPECT_EQ(0, device_post(other, 2));
	/* They may be higher than those of all, too. */
	EXPECT_EQ(0, set(g, PACKETS, 0));
	EXPECT_EQ(0, genl_set_own_limit(g, USER, PACKETS, 2));
	EXPECT_EQ(0, device_post(port, 2));
	EXPECT_EQ(-ENOBUFS, device_post(port, 3));
	EXPECT_EQ(-ENOBUFS, device_post(other, 3));
	/* What is not named stays. */
	EXPECT_EQ(0, genl_set_own_limit(g, USER, SOCKIOCP_A_LIMITS_OFFERS, 7));
	EXPECT_EQ(2, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(7, told_of(g, USER, MAX_OFFERS));
	/* And without any of its own those of all are its. */
	EXPECT_EQ(0, genl_set_own_limit(g, USER, 0, 0));
	EXPECT_EQ(0, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(self->before[SOCKIOCP_A_LIMITS_OFFERS], told_of(g, USER, MAX_OFFERS));
	EXPECT_EQ(-ENOBUFS, device_post(port, 3));
	EXPECT_EQ(0, set(g, PACKETS, self->before[PACKETS]));
	EXPECT_EQ(0, device_post(port, 3));
	close(port);
	close(other);
}

TEST_F(limits, of_a_user_need_no_port)
{
	struct genl *g = &self->genl;
	int i, port;

	NEEDS_ROOT();
	EXPECT_EQ(-1, told_of(g, USER, MAX_PACKETS));
	/* None are taken away from who has none. */
	EXPECT_EQ(0, genl_set_own_limit(g, USER, 0, 0));
	EXPECT_EQ(-1, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(0, genl_set_own_limit(g, USER, PACKETS, 1));
	EXPECT_EQ(1, told_of(g, USER, MAX_PACKETS));
	for (i = 0; i < 3; i++) {
		port = open_as(USER);
		EXPECT_EQ(0, device_post(port, 1));
		EXPECT_EQ(-ENOBUFS, device_post(port, 2));
		close(port);
	}
	EXPECT_EQ(1, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(0, genl_set_own_limit(g, USER, PACKETS, 0));
	EXPECT_EQ(0, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(0, genl_set_own_limit(g, USER, 0, 0));
	EXPECT_EQ(-1, told_of(g, USER, MAX_PACKETS));
	EXPECT_EQ(-1, told_of(g, USER, MAX_PACKETS));
}

TEST_F(limits, nobody_has_the_last_number)
{
	NEEDS_ROOT();
	EXPECT_EQ(-ERANGE, genl_set_own_limit(&self->genl, UINT32_MAX, PACKETS, 1));
	EXPECT_NE(0, self->genl.said[0]);
	EXPECT_EQ(0, genl_set_own_limit(&self->genl, UINT32_MAX - 1, PACKETS, 1));
	EXPECT_EQ(1, told_of(&self->genl, UINT32_MAX - 1, MAX_PACKETS));
	EXPECT_EQ(0, genl_set_own_limit(&self->genl, UINT32_MAX - 1, 0, 0));
	EXPECT_EQ(-1, told_of(&self->genl, UINT32_MAX - 1, MAX_PACKETS));
}

/* A user's account comes and goes with ports and with limits, in any order. */
static void open_and_close(void *arg)
{
	int *is_over = arg, port, failed = 0;

	if (setresuid(USER, USER, USER))
		_exit(100);
	while (!__atomic_load_n(is_over, __ATOMIC_RELAXED)) {
		port = device_open();
		failed |= port < 0 || device_post(port, 1);
		close(port);
	}
	_exit(failed);
}

TEST_F(limits, of_a_user_change_while_ports_come_and_go)
{
	int *is_over = shared_memory(sizeof(*is_over));
	int64_t end = now_ms() + 300;
	int child[2], i;

	NEEDS_ROOT();
	for (i = 0; i < 2; i++)
		child[i] = process_start(open_and_close, is_over);
	while (now_ms() < end) {
		EXPECT_EQ(0, genl_set_own_limit(&self->genl, USER, PACKETS, 1000));
		EXPECT_EQ(0, genl_set_own_limit(&self->genl, USER, 0, 0));
	}
	__atomic_store_n(is_over, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, child_status(child[i], COMES));
	EXPECT_EQ(-1, told_of(&self->genl, USER, MAX_PACKETS));
}

/* ---------------------------------------------------------------------- who may not */

static void set_as_user(void *arg)
{
	struct genl g;

	(void)arg;
	_exit(setresuid(USER, USER, USER) || genl_open(&g) ? 100 : -set(&g, FIRST, 1));
}

/* Root of a user namespace has all capabilities, but there. */
static void set_as_root_of_a_namespace(void *arg)
{
	struct genl g;

	(void)arg;
	if (setresuid(USER, USER, USER) || unshare(CLONE_NEWUSER))
		_exit(100);
	_exit(genl_open(&g) ? 101 : -set(&g, FIRST, 1));
}

/* As a container may be: all capabilities of the machine, and a network of its own. */
static void set_from_another_network(void *arg)
{
	struct genl g;
	int ret;

	(void)arg;
	if (network_of_its_own() || genl_open(&g))
		_exit(100);
	ret = set(&g, FIRST, 1);
	_exit(strcmp(g.said, "limits are set from the first network namespace") ? 101 : -ret);
}

/* The capability is gone from who sends, though its socket was opened with it. */
static void set_without(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	struct genl g;

	if (genl_open(&g) || syscall(SYS_capget, &header, caps))
		_exit(100);
	caps[0].effective &= ~(1U << capability);
	_exit(syscall(SYS_capset, &header, caps) ? 101 : -set(&g, FIRST, 1));
}

static void set_without_rights_to_the_network(void *arg)
{
	(void)arg;
	set_without(CAP_NET_ADMIN);
}

/* As a container may be that shares the network of the machine. */
static void set_without_rights_to_resources(void *arg)
{
	(void)arg;
	set_without(CAP_SYS_RESOURCE);
}

TEST_F(limits, only_the_machines_administrator_sets_them)
{
	static void (*const who[])(void *) = {
		set_as_user, set_as_root_of_a_namespace, set_from_another_network,
		set_without_rights_to_the_network, set_without_rights_to_resources,
	};
	size_t i;

	NEEDS_ROOT();
	for (i = 0; i < sizeof(who) / sizeof(*who); i++) {
		EXPECT_EQ(EPERM, child_status(process_start(who[i], NULL), COMES)) {
			TH_LOG("case %zu", i);
		}
		EXPECT_AS_BEFORE();
	}
}

TEST_HARNESS_MAIN
