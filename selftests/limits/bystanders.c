// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a user at the limit does is no matter of others: they open their ports, and other
 * devices, as fast as without him.
 *
 * Who measures has a real-time priority, and so has who opens ports for the user at the
 * limit: what is measured is to wait for a lock, and not for a processor.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

#define USER		54400
#define REGISTRATIONS	"max_user_registrations"

enum { HELD = 4096, EXTRA = 64, TRIES = 100, ATTEMPTS = 5 };

/* ------------------------------------------------------------ the user at the limit */

struct crowd {
	unsigned int threads;
	/* In memory that both processes share: calls that were refused, ports opened. */
	struct {
		unsigned int refused;
		unsigned int opened;
		unsigned int failed;
	} *count;
	HANDLE port;
	int fd[EXTRA];
	unsigned int next;
};

static int become(int user)
{
	return setresuid(user, -1, -1) ? -errno : 0;
}

static int run_before_others(void)
{
	const struct sched_param param = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &param) ? -errno : 0;
}

static void *ask_for_more(void *arg)
{
	struct crowd *c = arg;
	int fd = c->fd[__atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED) % EXTRA];

	for (;;) {
		if (enable(c->port, fd, 0, EV_IN, T_LEVEL) != WSAENOBUFS)
			__atomic_fetch_add(&c->count->failed, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&c->count->refused, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *open_ports(void *arg)
{
	struct crowd *c = arg;
	int fd;

	if (run_before_others())
		_exit(2);
	for (;;) {
		fd = open("/dev/sockiocp", O_RDWR | O_CLOEXEC);
		if (fd < 0 || close(fd))
			_exit(3);
		__atomic_fetch_add(&c->count->opened, 1, __ATOMIC_RELAXED);
		usleep(1000);
	}
	return NULL;
}

static int hold_all(struct crowd *c)
{
	SOCK_NOTIFY_REGISTRATION *reg = calloc(HELD, sizeof(*reg));
	int i;

	if (!reg || raise_nofile(HELD + EXTRA + 100))
		return -ENOMEM;
	for (i = 0; i < HELD; i++)
		reg[i] = entry(any_socket(FAM_UNIX, TYPE_DGRAM, 0), i, EV_IN, OP_ENABLE,
			       T_LEVEL);
	if (ProcessSocketNotifications(c->port, HELD, reg, 0, 0, NULL, NULL))
		return -EIO;
	return -(int)reg[HELD - 1].registrationResult;
}

static void be_at_the_limit(void *arg)
{
	struct crowd *c = arg;
	pthread_attr_t small;
	pthread_t thread;
	unsigned int i;

	if (become(USER))
		_exit(1);
	c->port = port_open();
	if (!c->port || hold_all(c))
		_exit(1);
	for (i = 0; i < EXTRA; i++)
		c->fd[i] = any_socket(FAM_UNIX, TYPE_DGRAM, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 16);
	if (pthread_create(&thread, &small, open_ports, c))
		_exit(1);
	for (i = 0; i < c->threads; i++)
		if (pthread_create(&thread, &small, ask_for_more, c))
			_exit(1);
	pause();
}

/* -------------------------------------------------------------------- who measures */

struct times {
	int64_t ns[TRIES];
};

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t median(struct times *t)
{
	qsort(t->ns, TRIES, sizeof(*t->ns), compare);
	return t->ns[TRIES / 2];
}

static int64_t worst(struct times *t)
{
	qsort(t->ns, TRIES, sizeof(*t->ns), compare);
	return t->ns[TRIES - 1];
}

static int time_both(const char *name, struct times *opening, struct times *closing, int i)
{
	int64_t start = now_ns();
	int fd = open(name, O_RDONLY | O_CLOEXEC), ret;

	opening->ns[i] = now_ns() - start;
	if (fd < 0)
		return -errno;
	start = now_ns();
	ret = close(fd);
	closing->ns[i] = now_ns() - start;
	return ret;
}

/* A misc device that is not ours, or NULL. */
static const char *other_device(void)
{
	static const char * const names[] = {
		"/dev/vga_arbiter", "/dev/hpet", "/dev/udmabuf", "/dev/loop-control",
		"/dev/cpu_dma_latency",
	};
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		fd = open(names[i], O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			close(fd);
			return names[i];
		}
	}
	return NULL;
}

enum { ZERO, DEVICE, FIRST_PORT, SAME_USER, NR_OPENED, CLOSING = NR_OPENED, NR_KINDS = 8 };
static const char * const kind_names[NR_KINDS] = {
	"/dev/zero", "another device", "the first port of another user",
	"another port of the same user", "closing /dev/zero", "closing another device",
	"closing the first port of another user", "closing another port of the same user",
};

/* One after the other, so that what else the machine does concerns all. */
static int measure(const char *device, struct times *t)
{
	static int others = USER;
	int i;

	for (i = 0; i < TRIES; i++) {
		if (time_both("/dev/zero", &t[ZERO], &t[CLOSING + ZERO], i) ||
		    (device && time_both(device, &t[DEVICE], &t[CLOSING + DEVICE], i)) ||
		    become(++others) ||
		    time_both("/dev/sockiocp", &t[FIRST_PORT], &t[CLOSING + FIRST_PORT], i) ||
		    become(USER) ||
		    time_both("/dev/sockiocp", &t[SAME_USER], &t[CLOSING + SAME_USER], i) ||
		    become(0))
			return -EIO;
		usleep(1000);
	}
	return 0;
}

/*
 * At most ten times as long as /dev/zero takes, at worst and in the middle?  What was so
 * once need not be so again.
 */
static int all_are_quick(struct times *t, int *quick)
{
	int kind, nr = 0;

	for (kind = 0; kind < NR_KINDS; kind++) {
		if (median(&t[kind]) <= 10 * median(&t[ZERO]) &&
		    worst(&t[kind]) <= 10 * worst(&t[ZERO]))
			quick[kind] = 1;
		nr += quick[kind];
		printf("# %s: median %lld us, worst %lld us\n", kind_names[kind],
		       (long long)median(&t[kind]) / 1000, (long long)worst(&t[kind]) / 1000);
	}
	return nr == NR_KINDS;
}

FIXTURE(bystanders) {
	struct crowd crowd;
	struct times *times;
	const char *device;
	long long limit;
	int pid;
};

FIXTURE_VARIANT(bystanders) {
	unsigned int threads;
};

FIXTURE_VARIANT_ADD(bystanders, few) { .threads = 3 };
FIXTURE_VARIANT_ADD(bystanders, many) { .threads = 300 };

FIXTURE_SETUP(bystanders)
{
	if (geteuid())
		SKIP(return, "only root can change the limits");
	self->device = other_device();
	self->times = calloc(NR_KINDS, sizeof(*self->times));
	self->crowd.threads = variant->threads;
	self->crowd.count = shared_memory(sizeof(*self->crowd.count));
	ASSERT_TRUE(self->times && self->crowd.count);
	self->limit = param_get(REGISTRATIONS);
	ASSERT_LT(0, self->limit);
	ASSERT_EQ(0, param_set(REGISTRATIONS, HELD));
	self->pid = process_start(be_at_the_limit, &self->crowd);
	ASSERT_LT(0, self->pid);
}

FIXTURE_TEARDOWN(bystanders)
{
	if (!self->pid)
		return;
	EXPECT_EQ(0, process_kill(self->pid));
	EXPECT_EQ(0, param_set(REGISTRATIONS, self->limit));
}

static int reaches(const unsigned int *count, unsigned int n)
{
	int64_t end = now_ms() + 5 * COMES;

	while (__atomic_load_n(count, __ATOMIC_RELAXED) < n) {
		if (now_ms() > end)
			return 0;
		sleep_ms(10);
	}
	return 1;
}

/*
 * A machine that stands still is slow at anything, and one turn is enough to tell from
 * that: to wait for others' searches is slow each time.
 */
TEST_F(bystanders, are_not_held_up_by_threads_at_the_limit)
{
	int quick[NR_KINDS] = { 0 }, i, all = 0;

	if (run_before_others())
		SKIP(return, "no real-time priorities here");
	if (!self->device)
		TH_LOG("there is no other misc device here: ports only");
	ASSERT_TRUE(reaches(&self->crowd.count->refused, 3));
	ASSERT_TRUE(reaches(&self->crowd.count->opened, 3));
	for (i = 0; i < ATTEMPTS && !all; i++) {
		ASSERT_EQ(0, measure(self->device, self->times));
		all = all_are_quick(self->times, quick);
	}
	EXPECT_TRUE(all);
	EXPECT_EQ(0, self->crowd.count->failed);
	TH_LOG("%u calls refused, %u ports opened", self->crowd.count->refused,
	       self->crowd.count->opened);
}

TEST_HARNESS_MAIN
