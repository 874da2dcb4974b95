// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Who pays for the kernel's memory: the control group of the process that makes a
 * call, wherever the port or the socket is from.  And what happens when that group
 * has no more: the call fails, or its process is killed, nothing is lost, and all
 * of it is given back.
 *
 * Each test has two groups.  The test itself is in one of them, opens ports and
 * makes sockets; a child in the other one uses them.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/cgroup.h"
#include "lib/port.h"
#include "lib/task.h"

enum {
	REGISTRATIONS = 10000,
	PACKETS_POSTED = 20000,
	PORTS = 2000,
	/* What each takes at least, in bytes, without what the slab adds. */
	REGISTRATION_SIZE = 100,
	PACKET_SIZE = 48,
	PORT_SIZE = 256,
	/* How much a group may have that is not asked about: paths, tables... */
	OTHER = 400000,
	/* How much a group may have where it shall run out. */
	LITTLE = 1500000,
	FAILURES = 3,
	BATCH = 4,
};

#define USER_REGISTRATIONS	"max_user_registrations"

/* What the child has done; in memory that both share. */
struct done {
	/* Registrations, or packets, that there are now. */
	long succeeded;
	/* The sockets that were refused, in their order. */
	int failed[FAILURES + BATCH];
	int failures;
	/* Refused in some other way than for lack of memory. */
	int other_failures;
};

FIXTURE(memory) {
	const char *missing;
	struct cgroup opener, user;
	HANDLE port;
	int *fd;
	struct done *done;
	/* To pass the port to the child. */
	int channel[2];
	/* What was there before. */
	struct sockiocp_info before;
	long long opener_slab, user_slab, limit;
};

#define NEEDS_GROUPS()							\
	do {								\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
	} while (0)

static int info(HANDLE port, struct sockiocp_info *info)
{
	return ioctl(port_fd(port), SOCKIOCP_INFO, info);
}

FIXTURE_SETUP(memory)
{
	self->missing = cgroup_missing();
	if (self->missing)
		return;
	self->done = shared_memory(sizeof(*self->done));
	ASSERT_NE(NULL, self->done);
	self->limit = param_get(USER_REGISTRATIONS);
	ASSERT_EQ(0, param_set(USER_REGISTRATIONS, 2 * REGISTRATIONS));
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, self->channel));
	ASSERT_EQ(0, cgroup_create(&self->opener, "opener"));
	ASSERT_EQ(0, cgroup_create(&self->user, "user"));
	ASSERT_EQ(0, cgroup_enter(&self->opener));
}

FIXTURE_TEARDOWN(memory)
{
	if (self->missing)
		return;
	EXPECT_EQ(0, cgroup_leave());
	EXPECT_EQ(0, cgroup_remove(&self->opener));
	EXPECT_EQ(0, cgroup_remove(&self->user));
	EXPECT_EQ(0, param_set(USER_REGISTRATIONS, self->limit));
}

static int make_sockets(FIXTURE_DATA(memory) *self)
{
	int i;

	self->fd = calloc(REGISTRATIONS, sizeof(*self->fd));
	if (!self->fd || raise_nofile(REGISTRATIONS + 100))
		return -1;
	for (i = 0; i < REGISTRATIONS; i++) {
		self->fd[i] = any_socket(FAM_UNIX, TYPE_DGRAM, 0);
		if (self->fd[i] < 0)
			return self->fd[i];
	}
	return 0;
}

/* A child in the other group, which gets the port that is opened here. */
static int start_user(FIXTURE_DATA(memory) *self,
		      void (*use)(FIXTURE_DATA(memory) *self))
{
	int pid = fork();

	if (!pid) {
		if (cgroup_enter(&self->user))
			_exit(100);
		self->port = (HANDLE)(intptr_t)recv_fd(self->channel[1], COMES);
		if ((intptr_t)self->port < 0)
			_exit(101);
		use(self);
		_exit(0);
	}
	self->port = port_open();
	if (!self->port || info(self->port, &self->before))
		return -1;
	/* The child has entered its group when the port is its own. */
	self->opener_slab = cgroup_slab(&self->opener);
	self->user_slab = cgroup_slab(&self->user);
	return send_fd(self->channel[0], port_fd(self->port)) ? -1 : pid;
}

#define USER_ENDS(pid, status)						\
	ASSERT_EQ(status, child_status(pid, 100 * COMES))

/* The child's group has paid at least so much, and ours has not. */
#define EXPECT_USER_PAID(self, bytes)					\
	do {								\
		EXPECT_TRUE(cgroup_slab_reaches(&(self)->user, bytes)) {\
			TH_LOG("%lld bytes, not %lld",			\
			       cgroup_slab(&(self)->user), (long long)(bytes));\
		}							\
		EXPECT_GE((self)->opener_slab + OTHER,			\
			  cgroup_slab(&(self)->opener));		\
	} while (0)

#define EXPECT_GIVEN_BACK(self)						\
	do {								\
		struct sockiocp_info now_;				\
		EXPECT_TRUE(cgroup_slab_falls_to(&(self)->user,		\
						 (self)->user_slab + OTHER)) {\
			TH_LOG("%lld bytes are left",			\
			       cgroup_slab(&(self)->user));		\
		}							\
		ASSERT_EQ(0, info((self)->port, &now_));		\
		EXPECT_EQ((self)->before.user_registrations,		\
			  now_.user_registrations);			\
		EXPECT_EQ((self)->before.user_packets, now_.user_packets);\
	} while (0)

/* ------------------------------------------------------------------ who pays */

static DWORD register_one(FIXTURE_DATA(memory) *self, int i)
{
	return enable(self->port, self->fd[i], i, EV_IN, T_LEVEL);
}

static void register_all(FIXTURE_DATA(memory) *self)
{
	int i;

	for (i = 0; i < REGISTRATIONS; i++)
		if (register_one(self, i))
			_exit(1);
}

TEST_F_TIMEOUT(memory, registrations_are_paid_by_who_registers, 250)
{
	int pid, i;

	NEEDS_GROUPS();
	ASSERT_EQ(0, make_sockets(self));
	pid = start_user(self, register_all);
	ASSERT_LT(0, pid);
	USER_ENDS(pid, 0);
	EXPECT_EQ(REGISTRATIONS, port_told(self->port, "registrations"));
	EXPECT_USER_PAID(self, REGISTRATIONS * REGISTRATION_SIZE);

	/* Whoever removes them, it is given back to who has paid. */
	for (i = 0; i < REGISTRATIONS; i++) {
		ASSERT_EQ(0, deregister(self->port, self->fd[i]));
		EXPECT_PACKETS_NOW(self->port, { i, EV_REMOVE });
	}
	EXPECT_GIVEN_BACK(self);
}

static void post_all(FIXTURE_DATA(memory) *self)
{
	int i;

	for (i = 0; i < PACKETS_POSTED; i++)
		if (!PostQueuedCompletionStatus(self->port, 0, i, NULL))
			_exit(1);
}

/* Everything that is queued, the keys one after the other; how many. */
static long take_all_posted(HANDLE port)
{
	OVERLAPPED_ENTRY got[HARVEST_MAX];
	UINT32 received, i;
	long n = 0;

	while (!ProcessSocketNotifications(port, 0, NULL, 0, HARVEST_MAX, got, &received)) {
		for (i = 0; i < received; i++)
			if (got[i].lpCompletionKey != (ULONG_PTR)n++)
				return -1;
	}
	return n;
}

TEST_F_TIMEOUT(memory, packets_are_paid_by_who_posts, 250)
{
	int pid;

	NEEDS_GROUPS();
	pid = start_user(self, post_all);
	ASSERT_LT(0, pid);
	USER_ENDS(pid, 0);
	EXPECT_USER_PAID(self, PACKETS_POSTED * PACKET_SIZE);
	EXPECT_EQ(PACKETS_POSTED, take_all_posted(self->port));
	EXPECT_GIVEN_BACK(self);
}

static long long slab_of_files(struct __test_metadata *_metadata, const char *path)
{
	struct cgroup group;
	long long slab;
	int *fd = calloc(PORTS, sizeof(*fd)), i;

	ASSERT_NE(NULL, fd);
	ASSERT_EQ(0, cgroup_create(&group, "files"));
	ASSERT_EQ(0, cgroup_enter(&group));
	for (i = 0; i < PORTS; i++) {
		fd[i] = fd_open(path, 0);
		ASSERT_LE(0, fd[i]);
	}
	slab = cgroup_slab_in_the_end(&group);
	for (i = 0; i < PORTS; i++)
		fd_close(fd[i]);
	ASSERT_EQ(0, cgroup_leave());
	ASSERT_EQ(0, cgroup_remove(&group));
	free(fd);
	return slab;
}

TEST_F_TIMEOUT(memory, ports_are_paid_by_who_opens, 250)
{
	long long ports, files;

	NEEDS_GROUPS();
	ASSERT_EQ(0, raise_nofile(PORTS + 100));
	/* The tables of descriptors grow once. */
	slab_of_files(_metadata, "/dev/null");
	files = slab_of_files(_metadata, "/dev/null");
	ports = slab_of_files(_metadata, "/dev/sockiocp");
	EXPECT_LE(files + PORTS * PORT_SIZE, ports);
}

/* -------------------------------------------------------- when there is no more */

/*
 * From here on the child has little, and is not killed for it.  It must not touch
 * memory that it has not touched before: the kernel would try for ever.
 */
static void become_poor(FIXTURE_DATA(memory) *self)
{
	if (have_all_memory() || never_killed_for_memory() ||
	    cgroup_limit(&self->user, cgroup_value(&self->user, "memory.current") + LITTLE))
		_exit(102);
}

static void refused(struct done *done, int i, DWORD result)
{
	done->failed[done->failures++] = i;
	done->other_failures += result != ERROR_NOT_ENOUGH_MEMORY;
}

/* Each failure writes a page into the kernel's log: there are only some. */
static void register_until_there_is_no_more(FIXTURE_DATA(memory) *self)
{
	SOCK_NOTIFY_REGISTRATION reg[BATCH];
	struct done *done = self->done;
	DWORD result;
	int i, n;

	become_poor(self);
	for (i = 0; i < REGISTRATIONS - BATCH && done->failures < FAILURES; i++) {
		result = register_one(self, i);
		if (result)
			refused(done, i, result);
		else
			done->succeeded++;
	}
	/* In a batch, each for itself; what is there already is not concerned. */
	reg[0] = entry(self->fd[0], 0, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT);
	for (n = 1; n < BATCH; n++)
		reg[n] = entry(self->fd[i + n], i + n, EV_IN, OP_ENABLE, T_LEVEL);
	if (ProcessSocketNotifications(self->port, BATCH, reg, 0, 0, NULL, NULL) ||
	    reg[0].registrationResult)
		_exit(1);
	for (n = 1; n < BATCH; n++) {
		if (reg[n].registrationResult)
			refused(done, i + n, reg[n].registrationResult);
		else
			done->succeeded++;
	}
}

TEST_F_TIMEOUT(memory, registration_without_memory_is_refused_and_nothing_is_lost, 250)
{
	struct done *done;
	int pid, i;

	NEEDS_GROUPS();
	done = self->done;
	ASSERT_EQ(0, make_sockets(self));
	pid = start_user(self, register_until_there_is_no_more);
	ASSERT_LT(0, pid);
	USER_ENDS(pid, 0);
	EXPECT_LE(FAILURES, done->failures);
	EXPECT_EQ(0, done->other_failures);
	EXPECT_LT(1000, done->succeeded);
	EXPECT_EQ(done->succeeded,
		  port_told(self->port, "registrations"));
	EXPECT_PACKETS_NOW(self->port, { 0, EV_OUT });

	/* The opener has memory. */
	for (i = 0; i < done->failures; i++)
		EXPECT_EQ(0, register_one(self, done->failed[i]));
	EXPECT_TRUE(CloseHandle(self->port));
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	EXPECT_GIVEN_BACK(self);
}

static void post_until_there_is_no_more(FIXTURE_DATA(memory) *self)
{
	struct done *done = self->done;

	become_poor(self);
	while (done->failures < FAILURES && done->succeeded < PACKETS_POSTED) {
		if (PostQueuedCompletionStatus(self->port, 0, done->succeeded, NULL))
			done->succeeded++;
		else
			refused(done, 0, GetLastError());
	}
}

TEST_F_TIMEOUT(memory, post_without_memory_is_refused_and_nothing_is_lost, 250)
{
	struct done *done;
	int pid;

	NEEDS_GROUPS();
	done = self->done;
	pid = start_user(self, post_until_there_is_no_more);
	ASSERT_LT(0, pid);
	USER_ENDS(pid, 0);
	EXPECT_EQ(FAILURES, done->failures);
	EXPECT_EQ(0, done->other_failures);
	EXPECT_LT(1000, done->succeeded);
	EXPECT_EQ(done->succeeded, take_all_posted(self->port));
	EXPECT_GIVEN_BACK(self);
}

static void post_until_killed(FIXTURE_DATA(memory) *self)
{
	if (cgroup_limit(&self->user,
			 cgroup_value(&self->user, "memory.current") + LITTLE))
		_exit(102);
	while (PostQueuedCompletionStatus(self->port, 0, self->done->succeeded, NULL))
		self->done->succeeded++;
}

/* As for any memory of the kernel's: it is the group's own process that goes. */
TEST_F_TIMEOUT(memory, who_takes_too_much_is_killed_and_its_packets_stay, 250)
{
	struct done *done;
	long left;
	int pid;

	NEEDS_GROUPS();
	done = self->done;
	pid = start_user(self, post_until_killed);
	ASSERT_LT(0, pid);
	USER_ENDS(pid, 256 + SIGKILL);
	EXPECT_LE(1, cgroup_stat(&self->user, "memory.events", "oom_kill"));
	EXPECT_LT(1000, done->succeeded);
	/* It may have been killed before it could count the last one. */
	left = take_all_posted(self->port);
	EXPECT_LE(done->succeeded, left);
	EXPECT_GE(done->succeeded + 1, left);
	EXPECT_GIVEN_BACK(self);
}

TEST_HARNESS_MAIN
