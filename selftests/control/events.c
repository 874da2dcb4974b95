// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Events by netlink: which there are, who hears of them, and that nobody is held up by them
 * or can make many.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/genl.h"
#include "lib/module.h"
#include "lib/sock.h"
#include "lib/task.h"

#define USER	54321
#define CREATED	SOCKIOCP_CMD_PORT_CREATED
#define CLOSED	SOCKIOCP_CMD_PORT_CLOSED
#define REFUSED	SOCKIOCP_CMD_USER_REFUSED

FIXTURE(events) {
	struct genl genl;
	long long packets;
};

FIXTURE_SETUP(events)
{
	ASSERT_EQ(0, genl_open(&self->genl));
	self->packets = param_get("max_user_packets");
}

FIXTURE_TEARDOWN(events)
{
	if (!geteuid())
		EXPECT_EQ(0, param_set("max_user_packets", self->packets));
	genl_close(&self->genl);
}

#define NEEDS_ROOT()							\
	do {								\
		if (geteuid())						\
			SKIP(return, "only root may listen, and be others");\
	} while (0)

/* Whether that is heard of that port; what else comes is passed over. */
static int hears(struct genl *g, int cmd, unsigned int id, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int ret;

	do {
		ret = genl_event(g, timeout_ms);
		if (ret < 0)
			return ret;
		if (ret == cmd && genl_number(g, SOCKIOCP_A_PORT_ID) == id)
			return 1;
	} while (now_ms() < end);
	return 0;
}

/* --------------------------------------------------------------------------- ports */

TEST_F(events, port_that_comes_and_goes_is_told_of)
{
	struct genl *g = &self->genl;
	int port, other;
	unsigned int id;

	NEEDS_ROOT();
	ASSERT_EQ(0, genl_join(g, "ports"));
	port = device_open();
	id = fdinfo_value(port, "id");
	ASSERT_EQ(1, hears(g, CREATED, id, COMES));
	EXPECT_EQ(0, genl_number(g, SOCKIOCP_A_PORT_UID));
	EXPECT_EQ(getpid(), genl_number(g, SOCKIOCP_A_PORT_PID));
	EXPECT_STREQ("events", genl_string(g, SOCKIOCP_A_PORT_COMM));

	/* It is closed with its last descriptor. */
	other = fd_dup(port);
	close(port);
	EXPECT_EQ(0, hears(g, CLOSED, id, COMES_NOT));
	close(other);
	ASSERT_EQ(1, hears(g, CLOSED, id, COMES));
	EXPECT_EQ(0, genl_number(g, SOCKIOCP_A_PORT_UID));
	EXPECT_EQ(getpid(), genl_number(g, SOCKIOCP_A_PORT_PID));
	EXPECT_STREQ("events", genl_string(g, SOCKIOCP_A_PORT_COMM));
	EXPECT_EQ(0, genl_event(g, COMES_NOT));
}

static void open_as_user(void *arg)
{
	(void)arg;
	_exit(setresuid(USER, USER, USER) || device_open() < 0);
}

TEST_F(events, who_is_the_user_of_a_port_is_told)
{
	NEEDS_ROOT();
	ASSERT_EQ(0, genl_join(&self->genl, "ports"));
	ASSERT_EQ(0, child_status(process_start(open_as_user, NULL), COMES));
	EXPECT_EQ(CREATED, genl_event(&self->genl, COMES));
	EXPECT_EQ(USER, genl_number(&self->genl, SOCKIOCP_A_PORT_UID));
	EXPECT_EQ(CLOSED, genl_event(&self->genl, COMES));
	EXPECT_EQ(USER, genl_number(&self->genl, SOCKIOCP_A_PORT_UID));
}

struct other {
	int sock;
	unsigned int roots, own;
};

/* It hears of its own port, without the numbers of the machine, and of no other. */
static void listen_in_another_network(void *arg)
{
	struct other *other = arg;
	struct genl g;
	int port;

	if (network_of_its_own())
		_exit(100);
	if (genl_open(&g) || genl_join(&g, "ports") || genl_join(&g, "limits"))
		_exit(1);
	port = device_open();
	other->own = fdinfo_value(port, "id");
	if (hears(&g, CREATED, other->own, COMES) != 1)
		_exit(2);
	if (genl_has(&g, SOCKIOCP_A_PORT_PID) || !genl_has(&g, SOCKIOCP_A_PORT_UID) ||
	    strcmp(genl_string(&g, SOCKIOCP_A_PORT_COMM), "events"))
		_exit(3);
	if (send_fd(other->sock, port))
		_exit(4);
	close(port);
	if (genl_event(&g, A_WHILE))
		_exit(5);
	_exit(0);
}

TEST_F(events, network_namespace_hears_of_its_own_ports)
{
	struct other *other = shared_memory(sizeof(*other));
	struct genl *g = &self->genl;
	int pair[2], port, pid;
	long long networks;

	NEEDS_ROOT();
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, pair));
	networks = network_namespaces();
	other->sock = pair[1];
	ASSERT_EQ(0, genl_join(g, "ports"));
	pid = process_start(listen_in_another_network, other);
	port = recv_fd(pair[0], COMES);
	ASSERT_LE(0, port) {
		TH_LOG("child: %d", child_status(pid, COMES));
	}
	/* This one hears of all. */
	EXPECT_EQ(1, hears(g, CREATED, other->own, COMES));
	EXPECT_NE(0, genl_number(g, SOCKIOCP_A_PORT_PID));
	close(device_open());
	EXPECT_EQ(0, child_status(pid, COMES));
	/* Its network goes, and the port is closed later. */
	if (networks > 0)
		EXPECT_TRUE(network_namespaces_end(networks));
	EXPECT_EQ(0, hears(g, CLOSED, other->own, COMES_NOT));
	close(port);
	EXPECT_EQ(1, hears(g, CLOSED, other->own, COMES));
}

/* ------------------------------------------------------------------ who may not hear */

static int join_both(void)
{
	struct genl g;
	int ret;

	if (genl_open(&g))
		return 100;
	ret = genl_join(&g, "ports");
	return ret == genl_join(&g, "limits") ? -ret : 101;
}

static void join_as_user(void *arg)
{
	(void)arg;
	_exit(setresuid(USER, USER, USER) ? 102 : join_both());
}

/* All capabilities, but not in the network namespace of the machine. */
static void join_as_root_of_a_namespace(void *arg)
{
	(void)arg;
	_exit(setresuid(USER, USER, USER) || unshare(CLONE_NEWUSER) ? 102 : join_both());
}

static void join_in_own_network(void *arg)
{
	(void)arg;
	_exit(setresuid(USER, USER, USER) || unshare(CLONE_NEWUSER | CLONE_NEWNET) ? 102 :
	      join_both());
}

TEST_F(events, who_has_no_rights_in_the_network_does_not_hear)
{
	NEEDS_ROOT();
	EXPECT_EQ(EPERM, child_status(process_start(join_as_user, NULL), COMES));
	EXPECT_EQ(EPERM, child_status(process_start(join_as_root_of_a_namespace, NULL), COMES));
	EXPECT_EQ(0, child_status(process_start(join_in_own_network, NULL), COMES));
}

/* -------------------------------------------------------------------------- limits */

/* A port of that user. */
static int port_of(unsigned int uid)
{
	int port;

	if (setresuid(uid, -1, -1))
		return -errno;
	port = device_open();
	return setresuid(0, -1, -1) ? -errno : port;
}

TEST_F(events, user_who_is_refused_much_is_told_of_once_a_second)
{
	struct genl *g = &self->genl;
	long long count = 0, refused = 0;
	int64_t began = now_ms(), end;
	int port, events = 0, ret;

	NEEDS_ROOT();
	port = port_of(USER);
	ASSERT_LE(0, port);
	ASSERT_EQ(0, genl_join(g, "limits"));
	ASSERT_EQ(0, param_set("max_user_packets", 0));
	for (end = now_ms() + 2500; now_ms() < end; refused++)
		ASSERT_EQ(-ENOBUFS, device_post(port, 1));
	while (count < refused && (ret = genl_event(g, COMES)) == REFUSED) {
		EXPECT_EQ(USER, genl_number(g, SOCKIOCP_A_REFUSED_UID));
		EXPECT_EQ(SOCKIOCP_LIMIT_PACKETS, genl_number(g, SOCKIOCP_A_REFUSED_LIMITS));
		EXPECT_LT(0, genl_number(g, SOCKIOCP_A_REFUSED_COUNT));
		count += genl_number(g, SOCKIOCP_A_REFUSED_COUNT);
		events++;
	}
	/* None is lost, and none counts twice. */
	EXPECT_EQ(refused, count);
	EXPECT_LE(1, events);
	EXPECT_GE((now_ms() - began) / 1000 + 1, events);
	EXPECT_EQ(0, genl_event(g, 1500));
	close(port);
}

/* What it is refused, and that it is gone before that is told. */
TEST_F(events, different_limits_are_one_event)
{
	struct genl *g = &self->genl;
	long long registrations = param_get("max_user_registrations");
	int port, fd, number;

	NEEDS_ROOT();
	port = port_of(USER);
	ASSERT_EQ(0, genl_join(g, "limits"));
	fd = udp_bound(FAM_INET, &number);
	ASSERT_EQ(0, param_set("max_user_packets", 0));
	EXPECT_EQ(-ENOBUFS, device_post(port, 1));
	ASSERT_EQ(0, param_set("max_user_registrations", 0));
	EXPECT_EQ(SOCKIOCP_RESULT_LIMIT, device_apply(port, fd, 1, SOCKIOCP_REGISTER_IN,
						      SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_LEVEL));
	EXPECT_EQ(0, param_set("max_user_registrations", registrations));
	close(port);
	ASSERT_EQ(REFUSED, genl_event(g, COMES));
	EXPECT_EQ(USER, genl_number(g, SOCKIOCP_A_REFUSED_UID));
	EXPECT_EQ(2, genl_number(g, SOCKIOCP_A_REFUSED_COUNT));
	EXPECT_EQ(SOCKIOCP_LIMIT_PACKETS | SOCKIOCP_LIMIT_REGISTRATIONS,
		  genl_number(g, SOCKIOCP_A_REFUSED_LIMITS));
}

TEST_F(events, users_beyond_the_64th_are_told_of_together)
{
	enum { USERS = 70 };
	struct genl *g = &self->genl;
	int port[USERS], i, seen[USERS] = { 0 }, together = 0, single = 0;
	long long uid;

	NEEDS_ROOT();
	for (i = 0; i < USERS; i++) {
		port[i] = port_of(USER + i);
		ASSERT_LE(0, port[i]);
	}
	ASSERT_EQ(0, genl_join(g, "limits"));
	ASSERT_EQ(0, param_set("max_user_packets", 0));
	for (i = 0; i < USERS; i++)
		EXPECT_EQ(-ENOBUFS, device_post(port[i], 1));
	while (single + together < USERS && genl_event(g, COMES) == REFUSED) {
		uid = genl_number(g, SOCKIOCP_A_REFUSED_UID);
		if (!genl_has(g, SOCKIOCP_A_REFUSED_UID)) {
			together += genl_number(g, SOCKIOCP_A_REFUSED_COUNT);
			continue;
		}
		ASSERT_LE(USER, uid);
		ASSERT_GT(USER + USERS, uid);
		EXPECT_EQ(0, seen[uid - USER]++);
		EXPECT_EQ(1, genl_number(g, SOCKIOCP_A_REFUSED_COUNT));
		single++;
	}
	/* Unless a slow machine took more than one second for it. */
	EXPECT_EQ(USERS, single + together);
	EXPECT_LE(64, single);
	for (i = 0; i < USERS; i++)
		close(port[i]);
}

TEST_F(events, what_was_refused_when_nobody_listened_is_not_told)
{
	int port;

	NEEDS_ROOT();
	port = port_of(USER);
	ASSERT_EQ(0, param_set("max_user_packets", 0));
	EXPECT_EQ(-ENOBUFS, device_post(port, 1));
	ASSERT_EQ(0, genl_join(&self->genl, "limits"));
	EXPECT_EQ(0, genl_event(&self->genl, 1500));
	close(port);
}

/* ------------------------------------------------------------------ a bad listener */

TEST_F(events, who_does_not_read_holds_up_nobody_and_hears_how_much_was_lost)
{
	enum { COUNT = 2000 };
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);
	struct genl *g = &self->genl;
	int room = 4096, i, port, ret, heard = 0, lost = 0;

	NEEDS_ROOT();
	ASSERT_EQ(0, setsockopt(g->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	ASSERT_EQ(0, genl_join(g, "ports"));
	for (i = 0; i < COUNT; i++) {
		port = device_open();
		ASSERT_LE(0, port);
		close(port);
	}
	while ((ret = genl_event(g, COMES_NOT))) {
		lost += ret == -ENOBUFS;
		heard += ret > 0;
	}
	EXPECT_EQ(1, lost);
	EXPECT_LT(0, heard);
	ASSERT_EQ(0, getsockopt(g->fd, SOL_SOCKET, SO_MEMINFO, info, &size));
	EXPECT_EQ(2 * COUNT, heard + info[SK_MEMINFO_DROPS]);
	/* And from here on it hears again. */
	port = device_open();
	EXPECT_EQ(1, hears(g, CREATED, fdinfo_value(port, "id"), COMES));
	close(port);
}

/* Only EXPECT_*: whatever happens, the module is there for the next test. */
TEST_F(events, module_goes_whoever_listens)
{
	struct genl *g = &self->genl, other;
	int i, ret = -1, port;

	if (module_missing())
		SKIP(return, "%s", module_missing());
	port = port_of(USER);
	EXPECT_EQ(0, genl_join(g, "ports"));
	EXPECT_EQ(0, genl_join(g, "limits"));
	EXPECT_EQ(0, param_set("max_user_packets", 0));
	/* What is to be told in a second is not told any more. */
	EXPECT_EQ(-ENOBUFS, device_post(port, 1));
	close(port);
	EXPECT_EQ(0, processors_off());
	for (i = 0; i < 500 && ret; i++) {
		ret = module_unload();
		usleep(10000);
	}
	EXPECT_EQ(0, ret);
	while (genl_event(g, COMES_NOT) > 0)
		;
	/* The time comes for what was to be told, while there is no module. */
	sleep_ms(1500);
	EXPECT_EQ(0, module_load());
	EXPECT_EQ(0, processors_on());
	self->packets = param_get("max_user_packets");
	port = device_open();
	/* The groups of the new one are others. */
	EXPECT_EQ(0, genl_event(g, COMES_NOT));
	close(port);
	EXPECT_EQ(0, genl_open(&other));
	EXPECT_EQ(0, genl_join(&other, "ports"));
	port = device_open();
	EXPECT_EQ(1, hears(&other, CREATED, fdinfo_value(port, "id"), COMES));
	close(port);
	genl_close(&other);
}

TEST_HARNESS_MAIN
