// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A hundred thousand sockets in one port: registered by one call, notified,
 * removed by one call, each exactly once.  On kernels that look at each access to
 * memory, where this takes minutes, it is a tenth of that.
 * And a call of a million entries, in which its process is killed.
 */
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"
#include "lib/task.h"

#define COUNT		(patience() < 10 ? 100000 : 10000)
/* What a socket and its registration take, generously. */
#define COST_KB		6

#define REGISTRATIONS	"max_user_registrations"

FIXTURE(scale) {
	HANDLE port;
	int *fd;
	SOCK_NOTIFY_REGISTRATION *reg;
	OVERLAPPED_ENTRY *got;
	unsigned char *seen;
	long long limit;
	/* What the user held before. */
	__u64 before;
	/* What there is too little of, if that is so. */
	const char *lacks;
};

static __u64 user_registrations(HANDLE port)
{
	struct sockiocp_info info;

	return ioctl(port_fd(port), SOCKIOCP_INFO, &info) ? ~0ULL :
	       info.user_registrations;
}

FIXTURE_SETUP(scale)
{
	int i;

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	self->before = user_registrations(self->port);
	self->limit = param_get(REGISTRATIONS);
	if (mem_available_kb() < (long long)COUNT * COST_KB)
		self->lacks = "memory";
	else if (raise_nofile(COUNT + 100))
		self->lacks = "descriptors";
	else if (self->limit < COUNT + 100 &&
		 param_set(REGISTRATIONS, COUNT + 100))
		self->lacks = "registrations";
	if (self->lacks)
		return;

	self->fd = calloc(COUNT, sizeof(*self->fd));
	self->reg = calloc(COUNT, sizeof(*self->reg));
	self->got = calloc(COUNT + 1, sizeof(*self->got));
	self->seen = calloc(COUNT, 1);
	ASSERT_TRUE(self->fd && self->reg && self->got && self->seen);
	for (i = 0; i < COUNT; i++) {
		self->fd[i] = any_socket(FAM_UNIX, TYPE_DGRAM, 0);
		if (self->fd[i] < 0) {
			self->lacks = "sockets";
			return;
		}
	}
}

FIXTURE_TEARDOWN(scale)
{
	if (!self->lacks) {
		EXPECT_EQ(0, param_set(REGISTRATIONS, self->limit));
	}
	EXPECT_TRUE(CloseHandle(self->port));
}

/* One call with all sockets; every entry has to succeed. */
static int apply_all(FIXTURE_DATA(scale) *self, UINT16 filter, UINT8 op,
		     UINT8 trigger)
{
	int i;

	for (i = 0; i < COUNT; i++)
		self->reg[i] = entry(self->fd[i], i, filter, op, trigger);
	if (ProcessSocketNotifications(self->port, COUNT, self->reg, 0, 0, NULL,
				       NULL))
		return -1;
	for (i = 0; i < COUNT; i++)
		if (self->reg[i].registrationResult)
			return i;
	return COUNT;
}

/* Harvest until nothing is left; how many had this mask, each key once. */
static int harvest_all(FIXTURE_DATA(scale) *self, DWORD mask)
{
	UINT32 received, i;
	int total = 0;

	memset(self->seen, 0, COUNT);
	while (!ProcessSocketNotifications(self->port, 0, NULL, 0, COUNT + 1,
					   self->got, &received)) {
		for (i = 0; i < received; i++) {
			ULONG_PTR key = self->got[i].lpCompletionKey;

			if (self->got[i].dwNumberOfBytesTransferred != mask ||
			    key >= COUNT || self->seen[key]++)
				return -1;
		}
		total += received;
	}
	return total;
}

TEST_F_TIMEOUT(scale, very_many_sockets_in_one_port, 110)
{
	HANDLE other;
	int i;

	if (self->lacks)
		SKIP(return, "not enough %s", self->lacks);

	EXPECT_EQ(COUNT, apply_all(self, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT));
	EXPECT_EQ(COUNT, port_told(self->port, "registrations"));
	EXPECT_EQ(COUNT, harvest_all(self, EV_OUT));

	EXPECT_EQ(COUNT, apply_all(self, EV_IN, OP_ENABLE, T_LEVEL | T_ONESHOT));
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd[COUNT / 2], 0, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS_NOW(self->port, { COUNT / 2, EV_OUT });

	EXPECT_EQ(COUNT, apply_all(self, 0, OP_REMOVE, 0));
	EXPECT_EQ(0, port_told(self->port, "registrations"));
	EXPECT_EQ(COUNT, harvest_all(self, EV_REMOVE));
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_EQ(self->before, user_registrations(self->port));

	/* A port may be closed with its sockets live; half of them are. */
	other = port_open();
	ASSERT_NE(NULL, other);
	EXPECT_EQ(COUNT, apply_all(self, EV_OUT, OP_ENABLE, T_LEVEL));
	for (i = 0; i < COUNT; i += 2)
		fd_close(self->fd[i]);
	EXPECT_TRUE(CloseHandle(self->port));
	self->port = other;
	EXPECT_EQ(self->before, user_registrations(other));
	EXPECT_EQ(0, enable(other, self->fd[1], 1, EV_OUT, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(other, { 1, EV_OUT });
}

/* ---------------------------------------------------------- killed in a long call */

enum { A_MILLION = 1 << 20 };

struct long_call {
	HANDLE port;
	int fd;
	/* In memory that both processes share. */
	SOCK_NOTIFY_REGISTRATION *reg;
};

static void call_for_long(void *arg)
{
	struct long_call *c = arg;

	ProcessSocketNotifications(c->port, A_MILLION, c->reg, 0, 0, NULL, NULL);
}

static int first_is_done(const struct long_call *c)
{
	int64_t end = now_ms() + COMES;

	while (*(volatile DWORD *)&c->reg[0].registrationResult)
		if (now_ms() >= end)
			return 0;
	return 1;
}

TEST(who_is_killed_in_a_long_call_ends_at_once)
{
	struct long_call c = { .port = port_open() };
	int64_t start, whole, killed;
	int pid, i;

	ASSERT_NE(NULL, c.port);
	c.fd = any_socket(FAM_UNIX, TYPE_DGRAM, 0);
	c.reg = shared_memory(A_MILLION * sizeof(*c.reg));
	ASSERT_NE(NULL, c.reg);
	for (i = 0; i < A_MILLION; i++)
		c.reg[i] = entry(c.fd, 0, EV_IN, OP_ENABLE, T_LEVEL);
	start = now_ms();
	ASSERT_EQ(0, child_status(process_start(call_for_long, &c), 50 * COMES));
	whole = now_ms() - start;
	ASSERT_EQ(0, c.reg[A_MILLION - 1].registrationResult);

	c.reg[0].registrationResult = c.reg[A_MILLION - 1].registrationResult = POISON32;
	pid = process_start(call_for_long, &c);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(first_is_done(&c));
	start = now_ms();
	EXPECT_EQ(0, process_kill(pid));
	killed = now_ms() - start;
	TH_LOG("%lld ms, killed in %lld ms", (long long)whole, (long long)killed);
	EXPECT_EQ(POISON32, c.reg[A_MILLION - 1].registrationResult);
	EXPECT_GT(whole / 4, killed);
	/* What was done is done, and no more. */
	EXPECT_EQ(1, port_told(c.port, "registrations"));
	EXPECT_EQ(0, deregister(c.port, c.fd));
	EXPECT_PACKETS_NOW(c.port, { 0, EV_REMOVE });
	EXPECT_TRUE(CloseHandle(c.port));
}

TEST_HARNESS_MAIN
