// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Histograms: packets per call, and times in the queue; and who listens is told of packets
 * that were queued for too long.  What sockiocpctl makes of that is for tool.c and monitor.c.
 *
 * To switch them on or off patches the module's code, which does not go well under QEMU with
 * several processors (lib/module.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/genl.h"
#include "lib/module.h"
#include "lib/operation.h"
#include "lib/sock.h"
#include "lib/task.h"

#define IN	SOCKIOCP_REGISTER_IN
#define ENABLE	SOCKIOCP_OP_ENABLE
#define LEVEL	SOCKIOCP_TRIGGER_LEVEL
#define ONCE	(LEVEL | SOCKIOCP_TRIGGER_ONESHOT)
#define LATE	SOCKIOCP_CMD_PACKET_LATE
#define BATCHES	SOCKIOCP_A_PORT_BATCHES
#define WAITS	SOCKIOCP_A_PORT_WAITS
#define BUCKETS	32

FIXTURE(histogram) {
	int is_root;
	struct genl genl;
	int port;
	unsigned int id;
	int fd[2];
	uint64_t batches[BUCKETS], waits[BUCKETS];
	int nr_batches, nr_waits;
};

FIXTURE_SETUP(histogram)
{
	self->is_root = !geteuid();
	if (!self->is_root)
		return;
	ASSERT_EQ(0, processors_off());
	ASSERT_EQ(0, genl_open(&self->genl));
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	self->port = device_open();
	ASSERT_LE(0, self->port);
	self->id = fdinfo_value(self->port, "id");
}

FIXTURE_TEARDOWN(histogram)
{
	if (!self->is_root)
		return;
	EXPECT_EQ(0, param_set("histograms", 0));
	EXPECT_EQ(0, param_set("late_packet_ms", 0));
	EXPECT_EQ(0, processors_on());
	genl_close(&self->genl);
	close(self->port);
}

#define NEEDS_ROOT()							\
	do {								\
		if (!self->is_root)					\
			SKIP(return, "only root may switch them on");	\
	} while (0)

static int copy(const struct nlattr *attr, uint64_t *to)
{
	size_t size = attr ? attr->nla_len - NLA_HDRLEN : 0;

	memset(to, 0, BUCKETS * sizeof(*to));
	if (size > BUCKETS * sizeof(*to))
		return -1;
	memcpy(to, (const char *)attr + NLA_HDRLEN, size);
	return size / sizeof(*to);
}

/* Whether the port has histograms; they are in @self then. */
static int look(FIXTURE_DATA(histogram) *self)
{
	struct genl *g = &self->genl;

	if (genl_ask_u32(g, SOCKIOCP_CMD_PORT_GET, 0, SOCKIOCP_A_PORT_ID, self->id) ||
	    genl_next(g) != 1)
		return -1;
	if (!genl_has(g, BATCHES) || !genl_has(g, WAITS))
		return genl_has(g, BATCHES) || genl_has(g, WAITS) ? -1 : 0;
	self->nr_batches = copy(g->attrs[BATCHES], self->batches);
	self->nr_waits = copy(g->attrs[WAITS], self->waits);
	return 1;
}

static uint64_t sum(const uint64_t *counts)
{
	uint64_t all = 0;
	int i;

	for (i = 0; i < BUCKETS; i++)
		all += counts[i];
	return all;
}

static int bucket_of(uint64_t value)
{
	return value ? 64 - __builtin_clzll(value) : 0;
}

/* Packets that are posted and taken, by one call; how many came. */
static int post_and_take(int port, int nr)
{
	struct sockiocp_packet_entry got[100];
	int i;

	for (i = 0; i < nr; i++)
		if (device_post(port, i))
			return -1;
	return operation_harvest(port, got, 100, 0);
}

/* What is counted begins with the first call that brings a packet. */
#define BEGIN(port)							\
	do {								\
		ASSERT_EQ(0, param_set("histograms", 1));		\
		ASSERT_EQ(1, post_and_take(port, 1));			\
	} while (0)

#define EXPECT_WAITS(n)							\
	do {								\
		EXPECT_EQ(1, look(self));				\
		EXPECT_EQ(n, sum(self->waits));				\
	} while (0)

/* --------------------------------------------------------------------- on and off */

TEST_F(histogram, nothing_is_counted_unless_it_is_wanted)
{
	NEEDS_ROOT();
	EXPECT_EQ(0, param_is_on("histograms"));
	ASSERT_EQ(3, post_and_take(self->port, 3));
	EXPECT_EQ(0, look(self));
	ASSERT_EQ(0, param_set("histograms", 1));
	EXPECT_EQ(0, look(self));
	ASSERT_EQ(3, post_and_take(self->port, 3));
	EXPECT_EQ(1, look(self));
	EXPECT_EQ(1, sum(self->batches));
	EXPECT_EQ(17, self->nr_batches);
	EXPECT_EQ(26, self->nr_waits);
	ASSERT_EQ(0, param_set("histograms", 0));
	EXPECT_EQ(0, look(self));
	ASSERT_EQ(3, post_and_take(self->port, 3));
	/* What was counted is still there. */
	ASSERT_EQ(0, param_set("histograms", 1));
	EXPECT_EQ(1, look(self));
	EXPECT_EQ(1, sum(self->batches));
}

/* The sample leaves while nobody looks. */
TEST_F(histogram, switching_off_does_not_end_the_samples)
{
	__u64 key[8];

	NEEDS_ROOT();
	BEGIN(self->port);
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(0, param_set("histograms", 0));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	ASSERT_EQ(0, param_set("histograms", 1));
	ASSERT_EQ(1, post_and_take(self->port, 1));
	EXPECT_WAITS(1);
}

struct traffic {
	int port;
	int is_over;
	long long taken;
};

static void *work(void *arg)
{
	struct traffic *t = arg;
	__u64 key[8];
	int n;

	while (!__atomic_load_n(&t->is_over, __ATOMIC_RELAXED)) {
		for (n = 0; n < 3; n++)
			device_post(t->port, n);
		n = device_harvest(t->port, 1000000, key, 8);
		if (n > 0)
			__atomic_add_fetch(&t->taken, n, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(histogram, they_are_switched_while_threads_work)
{
	struct traffic traffic = { .port = self->port };
	pthread_t thread[4];
	struct sockiocp_packet_entry got[100];
	uint64_t before;
	int i;

	NEEDS_ROOT();
	ASSERT_EQ(0, port_configure(self->port, 4));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, work, &traffic));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, param_set("histograms", !(i % 2)));
		sleep_ms(10);
	}
	ASSERT_EQ(0, param_set("histograms", 1));
	sleep_ms(50);
	__atomic_store_n(&traffic.is_over, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	EXPECT_LT(0, traffic.taken);
	while (operation_harvest(self->port, got, 100, 0) > 0)
		;
	EXPECT_EQ(1, look(self));
	EXPECT_LT(0, sum(self->batches));
	EXPECT_GE(traffic.taken, sum(self->batches));
	/* None is stuck. */
	before = sum(self->waits);
	EXPECT_LT(0, before);
	ASSERT_EQ(1, post_and_take(self->port, 1));
	EXPECT_WAITS(before + 1);
}

/* ------------------------------------------------------------------------- values */

TEST_F(histogram, calls_are_counted_by_how_much_they_bring)
{
	static const int sizes[] = { 1, 5, 5, 40, 70, 8 };
	size_t i;

	NEEDS_ROOT();
	ASSERT_EQ(0, param_set("histograms", 1));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		ASSERT_EQ(sizes[i], post_and_take(self->port, sizes[i]));
	/* One that brings nothing does not count. */
	ASSERT_GE(0, post_and_take(self->port, 0));
	ASSERT_EQ(1, look(self));
	EXPECT_EQ(1, self->batches[1]);
	EXPECT_EQ(2, self->batches[bucket_of(5)]);
	EXPECT_EQ(1, self->batches[bucket_of(8)]);
	EXPECT_EQ(1, self->batches[bucket_of(40)]);
	EXPECT_EQ(1, self->batches[bucket_of(70)]);
	EXPECT_EQ(6, sum(self->batches));
}

/* What was counted since: one packet, between these times. */
#define EXPECT_WAITED(least_ms, began)					\
	do {								\
		int at_, most_ = bucket_of((now_ms() - (began) + 1) * 1000);	\
		EXPECT_EQ(1, look(self));				\
		EXPECT_EQ(1, sum(self->waits));				\
		for (at_ = 0; at_ < BUCKETS && !self->waits[at_]; at_++)	\
			;						\
		EXPECT_LE(bucket_of((least_ms) * 1000), at_);		\
		EXPECT_GE(most_, at_);					\
	} while (0)

TEST_F(histogram, posted_packet_is_counted_by_how_long_it_waited)
{
	__u64 key[8];
	int64_t began;

	NEEDS_ROOT();
	BEGIN(self->port);
	began = now_ms();
	ASSERT_EQ(0, device_post(self->port, 1));
	sleep_ms(50);
	/* Not the sample. */
	ASSERT_EQ(0, device_post(self->port, 2));
	ASSERT_EQ(2, device_harvest(self->port, 0, key, 8));
	EXPECT_WAITED(50, began);
}

TEST_F(histogram, notification_is_counted_by_how_long_it_waited)
{
	__u64 key[8];
	int64_t began;

	NEEDS_ROOT();
	BEGIN(self->port);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	began = now_ms();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	sleep_ms(50);
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	EXPECT_WAITED(50, began);
	/* It is queued again, and was not looked at since: no sample. */
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	EXPECT_WAITED(50, began);
}

TEST_F(histogram, operation_is_counted_by_how_long_it_waited)
{
	struct overlapped o = PENDING_OVERLAPPED;
	struct sockiocp_packet_entry got[2];
	int64_t began;
	char data[8];

	NEEDS_ROOT();
	BEGIN(self->port);
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], 1));
	ASSERT_EQ(1, operation_receive(self->port, self->fd[0], &o, data, sizeof(data)));
	began = now_ms();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	sleep_ms(50);
	ASSERT_EQ(1, operation_harvest(self->port, got, 2, COMES));
	EXPECT_WAITED(50, began);
}

TEST_F(histogram, packet_that_wakes_a_thread_is_counted)
{
	struct sockiocp_packet_entry got[2];
	__u32 received = 0;
	struct blocked b = {
		.port = self->port,
		.p = device_process(self->port, NULL, 0, got, 2, &received, UINT64_MAX),
	};

	NEEDS_ROOT();
	BEGIN(self->port);
	ASSERT_EQ(1, blocked_start(&b));
	ASSERT_EQ(0, device_post(self->port, 1));
	pthread_join(b.thread, NULL);
	EXPECT_EQ(1, received);
	EXPECT_WAITS(1);
	EXPECT_EQ(2, self->batches[1]);
}

/* ---------------------------------------------------------- packets that are not taken */

/* The next one is the sample, and it is no time in the queue. */
TEST_F(histogram, packet_that_is_taken_back_does_not_stop_sampling)
{
	NEEDS_ROOT();
	BEGIN(self->port);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, 0, SOCKIOCP_OP_DISABLE, 0));
	EXPECT_WAITS(0);
	ASSERT_EQ(1, post_and_take(self->port, 1));
	EXPECT_WAITS(1);
}

struct taker {
	struct block block;
	int port, tid;
	pthread_t thread;
	int result;
};

static void *take_into_block(void *arg)
{
	struct taker *t = arg;
	__u32 received = 0;
	struct sockiocp_process p = device_process(t->port, NULL, 0, (void *)t->block.memory, 1,
						   &received, UINT64_MAX);

	__atomic_store_n(&t->tid, thread_id(), __ATOMIC_RELEASE);
	t->result = device_wait(t->port, &p);
	return NULL;
}

static int becomes(int port, const char *name, long long value)
{
	int64_t end = now_ms() + COMES;

	while (fdinfo_value(port, name) != value && now_ms() < end)
		sleep_ms(1);
	return fdinfo_value(port, name) == value;
}

/* It cannot be handed over, and its registration is disabled meanwhile: nobody gets it. */
TEST_F(histogram, packet_that_is_lost_on_its_way_does_not_stop_sampling)
{
	struct taker t = { .port = self->port };
	int error;

	NEEDS_ROOT();
	error = block_init(&t.block, BLOCK_FAULT_IN_KERNEL);
	if (error == -EPERM || error == -ENOSYS)
		SKIP(return, "no userfaultfd here");
	ASSERT_EQ(0, error);
	ASSERT_EQ(0, block_end(&t.block));
	BEGIN(self->port);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, take_into_block, &t));
	ASSERT_TRUE(becomes(self->port, "waiters", 1));
	ASSERT_EQ(0, block_again(&t.block));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(becomes(self->port, "waiters", 0));
	ASSERT_TRUE(becomes(self->port, "packets", 0));
	ASSERT_TRUE(task_rests(0, t.tid, COMES));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, 0, SOCKIOCP_OP_DISABLE, 0));
	ASSERT_EQ(0, block_fail(&t.block));
	pthread_join(t.thread, NULL);
	EXPECT_EQ(-EFAULT, t.result);
	EXPECT_WAITS(0);
	ASSERT_EQ(1, post_and_take(self->port, 1));
	EXPECT_WAITS(1);
}

TEST_F(histogram, stale_packet_is_not_counted)
{
	__u64 key[8];
	char data[8];

	NEEDS_ROOT();
	BEGIN(self->port);
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	ASSERT_EQ(1, read(self->fd[0], data, sizeof(data)));
	EXPECT_GE(0, device_harvest(self->port, 0, key, 8));
	EXPECT_WAITS(0);
	ASSERT_EQ(1, post_and_take(self->port, 1));
	EXPECT_WAITS(1);
	EXPECT_EQ(2, sum(self->batches));
}

/* --------------------------------------------------------------------------- late */

/* The next event about the port that is of this kind, in time. */
static int hears(FIXTURE_DATA(histogram) *self, int cmd, int type, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int ret;

	do {
		ret = genl_event(&self->genl, timeout_ms);
		if (ret < 0)
			return ret;
		if (ret == cmd && genl_number(&self->genl, type) == self->id)
			return 1;
	} while (now_ms() < end);
	return 0;
}

#define HEARS_LATE(timeout_ms) hears(self, LATE, SOCKIOCP_A_LATE_PORT, timeout_ms)

static int wait_in_queue(int port, int ms)
{
	__u64 key[8];

	if (device_post(port, 1))
		return -1;
	sleep_ms(ms);
	return device_harvest(port, 0, key, 8);
}

TEST_F(histogram, late_packets_are_told_of)
{
	NEEDS_ROOT();
	ASSERT_EQ(0, genl_join(&self->genl, "ports"));
	/* Long for a busy machine, too. */
	ASSERT_EQ(0, param_set("late_packet_ms", 1000));
	ASSERT_EQ(1, post_and_take(self->port, 1));
	ASSERT_EQ(1, wait_in_queue(self->port, 50));
	EXPECT_EQ(0, HEARS_LATE(1100));
	ASSERT_EQ(0, param_set("late_packet_ms", 40));
	ASSERT_EQ(1, wait_in_queue(self->port, 50));
	ASSERT_EQ(1, HEARS_LATE(COMES));
	EXPECT_EQ(1, genl_number(&self->genl, SOCKIOCP_A_LATE_COUNT));
	EXPECT_LE(50, genl_number(&self->genl, SOCKIOCP_A_LATE_LONGEST));
	EXPECT_GE(COMES, genl_number(&self->genl, SOCKIOCP_A_LATE_LONGEST));
	ASSERT_EQ(0, param_set("late_packet_ms", 0));
	ASSERT_EQ(1, wait_in_queue(self->port, 50));
	EXPECT_EQ(0, HEARS_LATE(1100));
}

/* And the longest of them is told. */
TEST_F(histogram, late_packets_are_told_of_once_a_second)
{
	enum { COUNT = 20 };
	int told = 0, events = 0, i;
	long long longest = 0;
	int64_t began;

	NEEDS_ROOT();
	ASSERT_EQ(0, genl_join(&self->genl, "ports"));
	ASSERT_EQ(0, param_set("late_packet_ms", 5));
	ASSERT_EQ(1, post_and_take(self->port, 1));
	began = now_ms();
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(1, wait_in_queue(self->port, i == 1 ? 100 : 6));
	while (told < COUNT && HEARS_LATE(COMES) == 1) {
		told += genl_number(&self->genl, SOCKIOCP_A_LATE_COUNT);
		if (longest < genl_number(&self->genl, SOCKIOCP_A_LATE_LONGEST))
			longest = genl_number(&self->genl, SOCKIOCP_A_LATE_LONGEST);
		events++;
	}
	EXPECT_EQ(COUNT, told);
	EXPECT_LE(100, longest);
	EXPECT_GE((now_ms() - began) / 1000 + 1, events);
	EXPECT_EQ(0, HEARS_LATE(1100));
}

TEST_F(histogram, late_packet_is_told_of_before_its_port_is_gone)
{
	NEEDS_ROOT();
	ASSERT_EQ(0, genl_join(&self->genl, "ports"));
	ASSERT_EQ(0, param_set("late_packet_ms", 20));
	ASSERT_EQ(1, post_and_take(self->port, 1));
	ASSERT_EQ(1, wait_in_queue(self->port, 30));
	close(self->port);
	ASSERT_EQ(1, HEARS_LATE(COMES));
	EXPECT_EQ(1, hears(self, SOCKIOCP_CMD_PORT_CLOSED, SOCKIOCP_A_PORT_ID, COMES));
	self->port = -1;
}

TEST_HARNESS_MAIN
