// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the generic netlink family tells of ports, registrations, workers, users and
 * limits, and to whom.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/genl.h"
#include "lib/sock.h"
#include "lib/task.h"

#define IN	SOCKIOCP_REGISTER_IN
#define ENABLE	SOCKIOCP_OP_ENABLE
#define LEVEL	SOCKIOCP_TRIGGER_LEVEL
#define USER	54321
#define REGISTRATIONS	"max_user_registrations"

#define PORT_ID		SOCKIOCP_A_PORT_ID
#define OF_PORT		SOCKIOCP_A_REGISTRATION_PORT

FIXTURE(control) {
	struct genl genl;
	int port;
	unsigned int id;
	int fd[2];
};

FIXTURE_SETUP(control)
{
	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, genl_open(&self->genl));
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	self->id = fdinfo_value(self->port, "id");
}

FIXTURE_TEARDOWN(control)
{
	genl_close(&self->genl);
	close(self->port);
}

/* Asks for one thing; 1 if there is an answer, or the error. */
static int get(struct genl *g, int cmd, int type, uint32_t value)
{
	int ret = genl_ask_u32(g, cmd, 0, type, value);

	return ret ? ret : genl_next(g);
}

/* How many messages of a dump have this number in this attribute; or an error. */
static int count(struct genl *g, int cmd, int type, long long value)
{
	int ret = genl_ask(g, cmd, NLM_F_DUMP, 0, NULL, 0), n = 0;

	while (!ret && (ret = genl_next(g)) == 1) {
		n += genl_number(g, type) == value;
		ret = 0;
	}
	return ret ? ret : n;
}

#define COUNT_PORT(g, id) count(g, SOCKIOCP_CMD_PORT_GET, PORT_ID, id)

static unsigned int inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* ------------------------------------------------------------------- what is told */

#define MANY		3000
#define FOR_MS		200

/* How often that port is told of in that time. */
static int answers(struct genl *g, unsigned int id)
{
	int64_t end = now_ms() + FOR_MS;
	int n = 0;

	while (now_ms() < end && get(g, SOCKIOCP_CMD_PORT_GET, PORT_ID, id) == 1)
		n++;
	return n;
}

/* Nobody waits for long who waits for netlink's lock while somebody asks in a loop. */
TEST_F(control, port_with_many_registrations_is_told_of_as_fast)
{
	struct rlimit limit = { MANY + 100, MANY + 100 };
	struct genl *g = &self->genl;
	int small = device_open(), few, i, fd;
	int64_t counted, end;

	if (geteuid())
		SKIP(return, "only root can have so many sockets");
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < MANY; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, device_apply(self->port, fd, i, IN, ENABLE, LEVEL));
	}
	/* The first time it is counted, and then not for 100 times as long. */
	counted = now_ms();
	ASSERT_EQ(1, get(g, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id));
	counted = now_ms() - counted;
	few = answers(g, fdinfo_value(small, "id"));
	EXPECT_LT(few, 4 * answers(g, self->id));
	EXPECT_EQ(MANY, genl_number(g, SOCKIOCP_A_PORT_ARMED));
	/* It is counted again, though, before long. */
	ASSERT_EQ(0, device_apply(self->port, fd, i, IN, SOCKIOCP_OP_DISABLE, LEVEL));
	end = now_ms() + COMES + 2 * 100 * counted;
	while (get(g, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id) == 1 &&
	       genl_number(g, SOCKIOCP_A_PORT_ARMED) == MANY && now_ms() < end)
		;
	EXPECT_EQ(MANY - 1, genl_number(g, SOCKIOCP_A_PORT_ARMED));
	EXPECT_EQ(1, genl_number(g, SOCKIOCP_A_PORT_DISABLED));
	close(small);
}

TEST_F(control, port_is_told_of_as_in_fdinfo)
{
	static const struct {
		const char *name;
		int type;
	} values[] = {
		{ "registrations", SOCKIOCP_A_PORT_REGISTRATIONS },
		{ "armed", SOCKIOCP_A_PORT_ARMED },
		{ "queued", SOCKIOCP_A_PORT_QUEUED },
		{ "disabled", SOCKIOCP_A_PORT_DISABLED },
		{ "endpoints", SOCKIOCP_A_PORT_ENDPOINTS },
		{ "operations", SOCKIOCP_A_PORT_OPERATIONS },
		{ "packets", SOCKIOCP_A_PORT_PACKETS },
		{ "delivered", SOCKIOCP_A_PORT_DELIVERED },
		{ "waiters", SOCKIOCP_A_PORT_WAITERS },
		{ "workers", SOCKIOCP_A_PORT_WORKERS },
		{ "active", SOCKIOCP_A_PORT_ACTIVE },
		{ "concurrency", SOCKIOCP_A_PORT_CONCURRENCY },
	};
	struct genl *g = &self->genl;
	char name[32] = "";
	__u64 key;
	size_t i;

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, device_apply(self->port, self->fd[1], 2, IN, ENABLE, LEVEL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, device_post(self->port, i));
	ASSERT_EQ(1, device_harvest(self->port, 0, &key, 1));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));

	ASSERT_EQ(1, get(g, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id)) {
		TH_LOG("%s", g->said);
	}
	EXPECT_EQ(self->id, genl_number(g, PORT_ID));
	EXPECT_EQ(getuid(), genl_number(g, SOCKIOCP_A_PORT_UID));
	EXPECT_EQ(getpid(), genl_number(g, SOCKIOCP_A_PORT_PID));
	pthread_getname_np(pthread_self(), name, sizeof(name));
	EXPECT_STREQ(name, genl_string(g, SOCKIOCP_A_PORT_COMM));
	EXPECT_FALSE(genl_has(g, SOCKIOCP_A_PORT_CLOSED));
	for (i = 0; i < sizeof(values) / sizeof(*values); i++)
		EXPECT_EQ(fdinfo_value(self->port, values[i].name),
			  genl_number(g, values[i].type)) {
			TH_LOG("attribute %d", values[i].type);
		}
	EXPECT_EQ(2, genl_number(g, SOCKIOCP_A_PORT_REGISTRATIONS));
	EXPECT_EQ(1, genl_number(g, SOCKIOCP_A_PORT_ARMED));
	EXPECT_EQ(1, genl_number(g, SOCKIOCP_A_PORT_DELIVERED));

	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	ASSERT_EQ(1, get(g, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id));
	EXPECT_TRUE(genl_has(g, SOCKIOCP_A_PORT_CLOSED));
}

TEST_F(control, dump_has_each_port_once_and_in_order)
{
	enum { COUNT = 500 };
	struct genl *g = &self->genl;
	unsigned int id[COUNT];
	long long last = 0;
	int fd[COUNT], i, found = 0, ret;

	ASSERT_EQ(0, raise_nofile(COUNT + 100));
	for (i = 0; i < COUNT; i++) {
		fd[i] = device_open();
		ASSERT_LE(0, fd[i]);
		id[i] = fdinfo_value(fd[i], "id");
	}
	ASSERT_EQ(0, genl_ask(g, SOCKIOCP_CMD_PORT_GET, NLM_F_DUMP, 0, NULL, 0));
	while ((ret = genl_next(g)) == 1) {
		ASSERT_LT(last, genl_number(g, PORT_ID));
		last = genl_number(g, PORT_ID);
		if (found < COUNT && id[found] == last)
			found++;
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(COUNT, found);
	for (i = 0; i < COUNT; i++)
		close(fd[i]);
	EXPECT_EQ(0, COUNT_PORT(g, id[0]));
	EXPECT_EQ(1, COUNT_PORT(g, self->id));
}

/* Others may open ports faster than they are told of. */
TEST_F(control, dump_ends_at_the_newest_port_that_was_there)
{
	enum { COUNT = 500 };
	struct genl *g = &self->genl;
	int fd[2 * COUNT], i, ret, told = 0;
	long long newest;

	ASSERT_EQ(0, raise_nofile(2 * COUNT + 100));
	for (i = 0; i < COUNT; i++)
		fd[i] = device_open();
	newest = fdinfo_value(fd[COUNT - 1], "id");
	ASSERT_EQ(0, genl_ask(g, SOCKIOCP_CMD_PORT_GET, NLM_F_DUMP, 0, NULL, 0));
	while ((ret = genl_next(g)) == 1) {
		EXPECT_GE(newest, genl_number(g, PORT_ID));
		if (!told++)
			for (i = COUNT; i < 2 * COUNT; i++)
				fd[i] = device_open();
	}
	EXPECT_EQ(0, ret);
	EXPECT_LE(COUNT, told);
	for (i = 0; i < 2 * COUNT; i++)
		fd_close(fd[i]);
}

static int in_addr_is(const struct genl *g, int type, const void *want, int size)
{
	const struct nlattr *attr = g->attrs[type];

	return attr && attr->nla_len == NLA_HDRLEN + size &&
	       !memcmp((const char *)attr + NLA_HDRLEN, want, size);
}

TEST_F(control, registration_is_told_of_with_its_addresses)
{
	struct sockaddr_in local, remote;
	socklen_t size = sizeof(local);
	struct genl *g = &self->genl;

	ASSERT_EQ(0, getsockname(self->fd[0], (struct sockaddr *)&local, &size));
	ASSERT_EQ(0, getpeername(self->fd[0], (struct sockaddr *)&remote, &size));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));

	ASSERT_EQ(0, genl_ask_u32(g, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT,
				  self->id));
	ASSERT_EQ(1, genl_next(g));
	EXPECT_EQ(self->id, genl_number(g, OF_PORT));
	EXPECT_EQ(inode_of(self->fd[0]), genl_number(g, SOCKIOCP_A_REGISTRATION_INODE));
	EXPECT_EQ(IN, genl_number(g, SOCKIOCP_A_REGISTRATION_FILTER));
	EXPECT_EQ(LEVEL, LEVEL & genl_number(g, SOCKIOCP_A_REGISTRATION_TRIGGER));
	EXPECT_EQ(SOCKIOCP_STATE_ARMED, genl_number(g, SOCKIOCP_A_REGISTRATION_STATE));
	EXPECT_FALSE(genl_has(g, SOCKIOCP_A_REGISTRATION_CLOSED));
	EXPECT_EQ(AF_INET, genl_number(g, SOCKIOCP_A_REGISTRATION_FAMILY));
	EXPECT_EQ(SOCK_STREAM, genl_number(g, SOCKIOCP_A_REGISTRATION_TYPE));
	EXPECT_EQ(IPPROTO_TCP, genl_number(g, SOCKIOCP_A_REGISTRATION_PROTOCOL));
	EXPECT_TRUE(in_addr_is(g, SOCKIOCP_A_REGISTRATION_LOCAL_ADDRESS, &local.sin_addr, 4));
	EXPECT_TRUE(in_addr_is(g, SOCKIOCP_A_REGISTRATION_REMOTE_ADDRESS, &remote.sin_addr, 4));
	EXPECT_EQ(ntohs(local.sin_port), genl_number(g, SOCKIOCP_A_REGISTRATION_LOCAL_PORT));
	EXPECT_EQ(ntohs(remote.sin_port), genl_number(g, SOCKIOCP_A_REGISTRATION_REMOTE_PORT));
	EXPECT_EQ(0, genl_next(g));
}

TEST_F(control, registrations_of_all_kinds_are_told_of)
{
	struct genl *g = &self->genl;
	int unix_fd[2], udp6, port, n = 0, closed = 0;
	struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

	ASSERT_EQ(0, unix_pair(TYPE_STREAM, unix_fd));
	udp6 = udp_bound(FAM_INET6, &port);
	ASSERT_LE(0, udp6);
	ASSERT_EQ(0, device_apply(self->port, unix_fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, device_apply(self->port, udp6, 2, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 3, IN, ENABLE, LEVEL));
	fd_close(self->fd[0]);
	ASSERT_EQ(0, genl_ask_u32(g, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT,
				  self->id));
	while (genl_next(g) == 1) {
		n++;
		switch (genl_number(g, SOCKIOCP_A_REGISTRATION_FAMILY)) {
		case AF_UNIX:
			EXPECT_FALSE(genl_has(g, SOCKIOCP_A_REGISTRATION_LOCAL_ADDRESS));
			break;
		case AF_INET6:
			EXPECT_TRUE(in_addr_is(g, SOCKIOCP_A_REGISTRATION_LOCAL_ADDRESS,
					       &loopback, 16));
			EXPECT_EQ(port, genl_number(g, SOCKIOCP_A_REGISTRATION_LOCAL_PORT));
			break;
		default:
			closed += genl_has(g, SOCKIOCP_A_REGISTRATION_CLOSED);
		}
	}
	/* The closed one may have been found meanwhile. */
	EXPECT_EQ(2 + closed, n);
	EXPECT_LE(closed, 1);
}

struct runner {
	struct blocked blocked;
	struct block block;
	int port, tid, goes_on;
};

static void *take_one_and_block(void *arg)
{
	struct runner *r = arg;
	__u64 key;

	device_harvest(r->port, UINT64_MAX, &key, 1);
	__atomic_store_n(&r->tid, thread_id(), __ATOMIC_RELEASE);
	block_here(&r->block);
	return NULL;
}

/* The state of a thread, as the family tells it; or an error. */
static int state_of(struct genl *g, unsigned int id, int tid)
{
	int ret = genl_ask_u32(g, SOCKIOCP_CMD_WORKER_GET, NLM_F_DUMP, SOCKIOCP_A_WORKER_PORT, id);
	int state = -ESRCH;

	while (!ret && (ret = genl_next(g)) == 1) {
		if (genl_number(g, SOCKIOCP_A_WORKER_TID) == tid &&
		    genl_number(g, SOCKIOCP_A_WORKER_PID) == getpid() &&
		    genl_number(g, SOCKIOCP_A_WORKER_PORT) == (long long)id)
			state = genl_number(g, SOCKIOCP_A_WORKER_STATE);
		ret = 0;
	}
	return ret ? ret : state;
}

TEST_F(control, workers_wait_run_and_block)
{
	struct blocked waiting = { .port = self->port };
	struct runner r = { .port = self->port };
	struct genl *g = &self->genl;
	struct sockiocp_packet_entry got;
	__u32 received;
	pthread_t thread;
	int64_t end;
	__u64 key;

	ASSERT_EQ(0, port_configure(self->port, 8));
	EXPECT_EQ(-ESRCH, state_of(g, self->id, thread_id()));
	EXPECT_EQ(-ETIME, device_harvest(self->port, 0, &key, 1));
	EXPECT_EQ(SOCKIOCP_WORKER_RUNNING, state_of(g, self->id, thread_id()));

	ASSERT_EQ(0, block_init(&r.block, BLOCK_PIPE));
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_one_and_block, &r));
	while (!__atomic_load_n(&r.tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	ASSERT_TRUE(task_sleeps(0, r.tid, COMES));
	EXPECT_EQ(SOCKIOCP_WORKER_BLOCKED, state_of(g, self->id, r.tid));

	waiting.p = device_process(self->port, NULL, 0, &got, 1, &received, UINT64_MAX);
	ASSERT_EQ(1, blocked_start(&waiting));
	EXPECT_EQ(SOCKIOCP_WORKER_WAITING, state_of(g, self->id, waiting.tid));

	ASSERT_EQ(0, block_end(&r.block));
	ASSERT_EQ(0, device_post(self->port, 2));
	pthread_join(thread, NULL);
	pthread_join(waiting.thread, NULL);
	/* A thread that has exited is noticed a moment later. */
	for (end = now_ms() + COMES; state_of(g, self->id, r.tid) >= 0 && now_ms() < end;)
		sleep_ms(1);
	EXPECT_EQ(-ESRCH, state_of(g, self->id, r.tid));
}

TEST_F(control, user_and_limits_are_told_of)
{
	struct genl *g = &self->genl;
	long long before, after;

	ASSERT_EQ(0, genl_ask(g, SOCKIOCP_CMD_LIMITS_GET, 0, 0, NULL, 0));
	ASSERT_EQ(1, genl_next(g));
	EXPECT_EQ(param_get("max_user_registrations"),
		  genl_number(g, SOCKIOCP_A_LIMITS_REGISTRATIONS));
	EXPECT_EQ(param_get("max_user_operations"),
		  genl_number(g, SOCKIOCP_A_LIMITS_OPERATIONS));
	EXPECT_EQ(param_get("max_user_packets"), genl_number(g, SOCKIOCP_A_LIMITS_PACKETS));
	EXPECT_EQ(param_get("max_user_offers"), genl_number(g, SOCKIOCP_A_LIMITS_OFFERS));

	ASSERT_EQ(1, count(g, SOCKIOCP_CMD_USER_GET, SOCKIOCP_A_USER_UID, getuid()));
	ASSERT_EQ(0, genl_ask(g, SOCKIOCP_CMD_USER_GET, NLM_F_DUMP, 0, NULL, 0));
	while (genl_next(g) == 1 && genl_number(g, SOCKIOCP_A_USER_UID) != getuid())
		;
	before = genl_number(g, SOCKIOCP_A_USER_PACKETS);
	while (genl_next(g) == 1)
		;
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(0, genl_ask(g, SOCKIOCP_CMD_USER_GET, NLM_F_DUMP, 0, NULL, 0));
	while (genl_next(g) == 1 && genl_number(g, SOCKIOCP_A_USER_UID) != getuid())
		;
	after = genl_number(g, SOCKIOCP_A_USER_PACKETS);
	EXPECT_EQ(before + 1, after);
}

/* ----------------------------------------------------------------------- bad input */

#define EXPECT_REFUSED(error, cmd, flags, type, data, length)		\
	do {								\
		ASSERT_EQ(0, genl_ask(&self->genl, cmd, flags, type, data, length));\
		EXPECT_EQ(error, genl_next(&self->genl)) {		\
			TH_LOG("command %d, attribute %d of %d bytes: %s", cmd, type,	\
			       (int)(length), self->genl.said);		\
		}							\
		EXPECT_NE(0, self->genl.said[0]) {			\
			TH_LOG("command %d, attribute %d: not a word", cmd, type);	\
		}							\
	} while (0)

TEST_F(control, what_is_wrong_is_refused_and_named)
{
	static const int dumps[] = { SOCKIOCP_CMD_PORT_GET, SOCKIOCP_CMD_REGISTRATION_GET,
				     SOCKIOCP_CMD_WORKER_GET, SOCKIOCP_CMD_USER_GET };
	__u32 zero = 0, none = 0x7fffffff;
	__u64 much = self->id;
	size_t i;
	int type;

	for (i = 0; i < 4; i++)
		for (type = 2; type < 32; type++)
			EXPECT_REFUSED(-EINVAL, dumps[i], NLM_F_DUMP, type, &self->id, 4);
	EXPECT_REFUSED(-EINVAL, SOCKIOCP_CMD_USER_GET, NLM_F_DUMP, 1, &self->id, 4);
	EXPECT_REFUSED(-EINVAL, SOCKIOCP_CMD_LIMITS_GET, 0, 1, &self->id, 4);
	EXPECT_REFUSED(-EINVAL, SOCKIOCP_CMD_PORT_GET, 0, 2, &self->id, 4);
	for (i = 0; i < 3; i++) {
		int flags = i ? NLM_F_DUMP : 0;

		EXPECT_REFUSED(-ERANGE, dumps[i], flags, 1, &zero, 4);
		EXPECT_REFUSED(-EINVAL, dumps[i], flags, 1, &much, 3);
		EXPECT_REFUSED(-EINVAL, dumps[i], flags, 1 | NLA_F_NESTED, &self->id, 4);
	}
	EXPECT_REFUSED(-ENOENT, SOCKIOCP_CMD_PORT_GET, 0, 1, &none, 4);
	EXPECT_EQ(NLMSG_HDRLEN + 4, self->genl.offset);
	ASSERT_EQ(0, genl_ask(&self->genl, SOCKIOCP_CMD_PORT_GET, 0, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, genl_next(&self->genl));
	ASSERT_EQ(0, genl_ask(&self->genl, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, 1, &none, 4));
	EXPECT_EQ(-ENOENT, genl_next(&self->genl));

	/* What is not there at all. */
	ASSERT_EQ(0, genl_ask(&self->genl, SOCKIOCP_CMD_MAX + 1, 0, 0, NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, genl_next(&self->genl));
	ASSERT_EQ(0, genl_ask(&self->genl, SOCKIOCP_CMD_USER_GET, 0, 0, NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, genl_next(&self->genl));
	ASSERT_EQ(0, genl_ask(&self->genl, SOCKIOCP_CMD_LIMITS_GET, NLM_F_DUMP, 0, NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, genl_next(&self->genl));

	/* Nothing of all this is left in the way. */
	EXPECT_EQ(1, get(&self->genl, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id));
}

/* Not the next one in its place. */
TEST_F(control, closed_port_is_not_there)
{
	int closed = device_open(), next = device_open();
	unsigned int id = fdinfo_value(closed, "id");

	ASSERT_LE(0, next);
	ASSERT_EQ(1, get(&self->genl, SOCKIOCP_CMD_PORT_GET, PORT_ID, id));
	close(closed);
	EXPECT_EQ(-ENOENT, get(&self->genl, SOCKIOCP_CMD_PORT_GET, PORT_ID, id));
	EXPECT_EQ(-ENOENT, count(&self->genl, SOCKIOCP_CMD_REGISTRATION_GET, OF_PORT, id) ?:
		  genl_ask_u32(&self->genl, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT,
			       id) ?: genl_next(&self->genl));
	close(next);
}

/* ----------------------------------------------------------------- who sees what */

struct other {
	unsigned int roots, own, other_network;
	int fd;
};

static void look_as_user(void *arg)
{
	struct other *other = arg;
	struct genl g;
	int port;

	/* Its own fdinfo is to be read still. */
	if (setresuid(USER, USER, USER) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		_exit(100);
	port = device_open();
	if (port < 0 || genl_open(&g))
		_exit(1);
	if (COUNT_PORT(&g, fdinfo_value(port, "id")) != 1)
		_exit(2);
	if (COUNT_PORT(&g, other->roots))
		_exit(3);
	if (get(&g, SOCKIOCP_CMD_PORT_GET, PORT_ID, other->roots) != -ENOENT)
		_exit(4);
	if (genl_ask_u32(&g, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT, other->roots) ||
	    genl_next(&g) != -ENOENT)
		_exit(5);
	if (count(&g, SOCKIOCP_CMD_REGISTRATION_GET, OF_PORT, other->roots) ||
	    count(&g, SOCKIOCP_CMD_WORKER_GET, SOCKIOCP_A_WORKER_PORT, other->roots))
		_exit(6);
	if (count(&g, SOCKIOCP_CMD_USER_GET, SOCKIOCP_A_USER_UID, USER) != 1 ||
	    count(&g, SOCKIOCP_CMD_USER_GET, SOCKIOCP_A_USER_UID, 0))
		_exit(7);
	_exit(0);
}

TEST_F(control, user_without_rights_sees_own_ports_only)
{
	struct other other = { .roots = self->id };
	__u64 key;

	if (geteuid())
		SKIP(return, "only root can become somebody else");
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	EXPECT_EQ(-ETIME, device_harvest(self->port, 0, &key, 1));
	EXPECT_EQ(0, child_status(process_start(look_as_user, &other), COMES));
}

static void look_from_network(void *arg)
{
	struct other *other = arg;
	unsigned int id;
	struct genl g;
	int port;

	if (network_of_its_own())
		_exit(100);
	port = device_open();
	if (port < 0 || genl_open(&g))
		_exit(1);
	id = fdinfo_value(port, "id");
	if (COUNT_PORT(&g, id) != 1 || get(&g, SOCKIOCP_CMD_PORT_GET, PORT_ID, id) != 1)
		_exit(2);
	if (COUNT_PORT(&g, other->roots) ||
	    get(&g, SOCKIOCP_CMD_PORT_GET, PORT_ID, other->roots) != -ENOENT)
		_exit(3);
	/* A socket of the first network, in a port of this one: no addresses. */
	if (device_apply(port, other->fd, 1, IN, ENABLE, LEVEL))
		_exit(4);
	if (genl_ask_u32(&g, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT, id) ||
	    genl_next(&g) != 1)
		_exit(5);
	if (genl_number(&g, SOCKIOCP_A_REGISTRATION_FAMILY) != AF_INET ||
	    genl_has(&g, SOCKIOCP_A_REGISTRATION_LOCAL_ADDRESS) ||
	    genl_has(&g, SOCKIOCP_A_REGISTRATION_REMOTE_PORT))
		_exit(6);
	/* Users are the machine's. */
	genl_close(&g);
	if (genl_open(&g) || count(&g, SOCKIOCP_CMD_USER_GET, SOCKIOCP_A_USER_UID, USER))
		_exit(7);
	__atomic_store_n(&other->other_network, id, __ATOMIC_RELEASE);
	process_rest();
}

/* Somebody with more rights may be had to send on it: the answer is for who has it. */
TEST_F(control, socket_of_another_user_tells_nothing)
{
	struct genl g;

	if (geteuid())
		SKIP(return, "only root can become somebody else");
	ASSERT_EQ(1, get(&self->genl, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id));
	ASSERT_EQ(0, setresuid(USER, USER, 0));
	EXPECT_EQ(0, genl_open(&g));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(-ENOENT, get(&g, SOCKIOCP_CMD_PORT_GET, PORT_ID, self->id));
	EXPECT_EQ(0, COUNT_PORT(&g, self->id));
	EXPECT_EQ(0, count(&g, SOCKIOCP_CMD_USER_GET, SOCKIOCP_A_USER_UID, 0));
	genl_close(&g);
}

TEST_F(control, network_namespace_has_its_own_ports)
{
	struct other *other = shared_memory(sizeof(*other));
	int pid;

	if (geteuid())
		SKIP(return, "only root can make network namespaces");
	other->roots = self->id;
	other->fd = self->fd[0];
	pid = process_start(look_from_network, other);
	while (!__atomic_load_n(&other->other_network, __ATOMIC_ACQUIRE)) {
		int64_t end = now_ms() + COMES;

		ASSERT_LT(now_ms(), end);
		sleep_ms(10);
		if (kill(pid, 0))
			break;
	}
	ASSERT_NE(0, other->other_network) {
		TH_LOG("child: %d", child_status(pid, COMES));
	}
	/* The administrator of the machine sees all. */
	EXPECT_EQ(1, COUNT_PORT(&self->genl, other->other_network));
	EXPECT_EQ(0, process_kill(pid));
}

/* ----------------------------------------------------------------------- long dumps */

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

TEST_F(control, registrations_that_stay_are_told_of_once_whatever_happens_meanwhile)
{
	enum { COUNT = 3000 };
	static unsigned int inode[COUNT];
	struct genl *g = &self->genl;
	int64_t end = now_ms() + 1000;
	int fd, i, found, ret;
	pthread_t thread;

	ASSERT_EQ(0, raise_nofile(COUNT + 1000));
	for (i = 0; i < COUNT; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_LE(0, fd);
		inode[i] = inode_of(fd);
		ASSERT_EQ(0, device_apply(self->port, fd, i, IN, ENABLE, LEVEL));
	}
	stop = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &self->port));
	do {
		found = 0;
		ASSERT_EQ(0, genl_ask_u32(g, SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT,
					  self->id));
		while ((ret = genl_next(g)) == 1)
			found += found < COUNT &&
				 genl_number(g, SOCKIOCP_A_REGISTRATION_INODE) == inode[found];
		EXPECT_EQ(0, ret);
		EXPECT_EQ(COUNT, found);
	} while (now_ms() < end);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* The port can be closed, and used, in the middle of a dump that nobody goes on with. */
/* Each is a mark in the ring of the port. */
TEST_F(control, readers_that_stop_do_not_hide_what_is_closed)
{
	enum { READERS = 4000, COUNT = 300 };
	struct genl *g = calloc(READERS, sizeof(*g));
	int fd[COUNT], i, other = any_socket(FAM_INET, TYPE_DGRAM, 0);
	long long limit = param_get(REGISTRATIONS);

	if (geteuid())
		SKIP(return, "only root can set a limit");
	ASSERT_NE(NULL, g);
	ASSERT_EQ(0, raise_nofile(READERS + COUNT + 100));
	for (i = 0; i < COUNT; i++) {
		fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, device_apply(self->port, fd[i], i, IN, ENABLE, LEVEL));
	}
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, genl_open(&g[i]));
		ASSERT_EQ(0, genl_ask_u32(&g[i], SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP,
					  OF_PORT, self->id));
	}
	ASSERT_EQ(0, param_set(REGISTRATIONS, COUNT));
	/* Each looks for what is closed: so the next one begins somewhere among the marks. */
	for (i = 0; i < 8; i++)
		EXPECT_NE(0, device_apply(self->port, other, 1, IN, ENABLE, LEVEL));
	for (i = 0; i < COUNT; i++)
		fd_close(fd[i]);
	EXPECT_EQ(0, device_apply(self->port, other, 1, IN, ENABLE, LEVEL));
	EXPECT_EQ(0, param_set(REGISTRATIONS, limit));
	for (i = 0; i < READERS; i++)
		genl_close(&g[i]);
	free(g);
	fd_close(other);
}

TEST_F(control, reader_that_stops_holds_up_nobody)
{
	enum { COUNT = 2000, READERS = 20 };
	static struct genl g[READERS];
	int fd, i;
	__u64 key;

	ASSERT_EQ(0, raise_nofile(COUNT + 1000));
	for (i = 0; i < COUNT; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, device_apply(self->port, fd, i, IN, ENABLE, LEVEL));
	}
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, genl_open(&g[i]));
		ASSERT_EQ(0, genl_ask_u32(&g[i], SOCKIOCP_CMD_REGISTRATION_GET, NLM_F_DUMP, OF_PORT,
					  self->id));
		ASSERT_EQ(1, genl_next(&g[i]));
	}
	/* Its closed sockets are found as before. */
	ASSERT_EQ(0, fd_close_range(fd - 1000, fd));
	for (i = 0; i < 1000; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, device_apply(self->port, fd, i, IN, ENABLE, LEVEL));
	}
	EXPECT_GE(2100, fdinfo_value(self->port, "registrations"));
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(1, device_harvest(self->port, 0, &key, 1));
	close(self->port);
	EXPECT_EQ(0, COUNT_PORT(&self->genl, self->id));
	/* One goes on, and finds nothing any more; the others never do. */
	while (genl_next(&g[0]) == 1)
		;
	EXPECT_EQ(0, g[0].said[0]);
	for (i = 0; i < READERS / 2; i++)
		genl_close(&g[i]);
	self->port = device_open();
}

TEST_HARNESS_MAIN
