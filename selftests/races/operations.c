// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations that are submitted, carried out, cancelled and ended by closing, all at the same
 * time, by threads of one process; while another process harvests the same port, and others
 * are killed.  Whatever comes first:
 *
 *   each OVERLAPPED completes once, and its packet says the same,
 *   nothing is written to it, or to its buffer, after its packet,
 *   each byte of a stream arrives once, and in the order of the calls.
 *
 * Uses no library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/operation.h"
#include "lib/random.h"
#include "lib/sock.h"
#include "lib/task.h"

#define MILLISECONDS	2500

enum {
	WORKERS = 2,
	CHAOS = 2,
	HARVESTERS = 2,
	OPERATIONS = 512,
	/* Of one round of a worker. */
	STEPS = 60,
	RECEIVES = STEPS,
	LONGEST = 256,
	/* Sockets that come and go, with numbers that nobody else gets. */
	SLOTS = 4,
	FIRST_SLOT = 500,
	STREAM = 1 << 20,
	POISON = 0xa5,
};

enum at {
	IS_FREE,
	IS_TAKEN,
	FLIES,
};

/* What a worker has heard of one of its receives. */
struct heard {
	unsigned int bytes;
	char data[LONGEST];
};

struct operation {
	struct overlapped o;
	char data[LONGEST];
	int at;
	/* Whose; -1 for those of nobody in particular. */
	int worker;
	int is_receive;
	unsigned int number;
};

/* All processes see this at the same address. */
static struct model {
	struct operation operation[OPERATIONS];
	struct heard heard[WORKERS][RECEIVES];
	int flying[WORKERS];
	int sends_failed[WORKERS];
	int all_flying;
	int stop;
	int stop_harvest;
	/* The first thing that was wrong. */
	int bad_line;
	long long bad_value;
	/* How often. */
	int completed;
	int cancelled;
	int ended;
	int rounds;
	int foreign;
	int killed;
} *m;

static int port, home;
static char stream[STREAM];

static int add(int *value, int n)
{
	return __atomic_add_fetch(value, n, __ATOMIC_ACQ_REL);
}

static int get(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

#define CHECK(condition, value)						\
	do {								\
		int zero_ = 0;						\
		if (!(condition) &&					\
		    __atomic_compare_exchange_n(&m->bad_line, &zero_, __LINE__, 0,	\
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))	\
			m->bad_value = value;				\
	} while (0)

/* ------------------------------------------------------------------ operations */

static int is_poisoned(const struct operation *op)
{
	const unsigned char *o = (const void *)&op->o, *data = (const void *)op->data;
	size_t i;

	for (i = 0; i < sizeof(op->o); i++) {
		if (o[i] != POISON)
			return 0;
	}
	for (i = 0; i < sizeof(op->data); i++) {
		if (data[i] != POISON)
			return 0;
	}
	return 1;
}

static void poison(struct operation *op)
{
	memset(&op->o, POISON, sizeof(op->o));
	memset(op->data, POISON, sizeof(op->data));
}

static struct operation *take(struct random *dice)
{
	unsigned int first = random_below(dice, OPERATIONS), i;

	for (i = 0; i < OPERATIONS; i++) {
		struct operation *op = &m->operation[(first + i) % OPERATIONS];
		int is_free = IS_FREE;

		if (__atomic_compare_exchange_n(&op->at, &is_free, IS_TAKEN, 0, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED)) {
			CHECK(is_poisoned(op), op - m->operation);
			return op;
		}
	}
	return NULL;
}

static void put(struct operation *op)
{
	poison(op);
	__atomic_store_n(&op->at, IS_FREE, __ATOMIC_RELEASE);
}

/* Its packet has come; the poison shows who writes to it later. */
static void complete(const struct sockiocp_packet_entry *packet)
{
	uintptr_t at = packet->overlapped - (uintptr_t)m->operation;
	struct operation *op = &m->operation[at / sizeof(*op)];
	struct heard *heard;
	int worker;

	/* One of a process that is gone. */
	if (!packet->overlapped)
		return;
	if (at >= sizeof(m->operation) || (uintptr_t)op != packet->overlapped) {
		CHECK(0, packet->overlapped);
		return;
	}
	CHECK(get(&op->at) == FLIES, op - m->operation);
	CHECK(op->o.state == packet->internal, packet->internal);
	CHECK(op->o.bytes == packet->bytes_transferred, packet->bytes_transferred);
	CHECK(packet->reserved == 0, packet->reserved);
	worker = op->worker;
	if (worker >= 0 && op->is_receive) {
		heard = &m->heard[worker][op->number];
		heard->bytes = op->o.bytes;
		CHECK(heard->bytes <= LONGEST, heard->bytes);
		memcpy(heard->data, op->data, LONGEST);
		CHECK(!op->o.state || op->o.state == STATUS_IS_CANCELLED, op->o.state);
	} else if (worker >= 0) {
		CHECK(op->o.state == 0, op->o.state);
	}
	add(op->o.state == STATUS_IS_CANCELLED ? &m->cancelled :
	    op->o.state ? &m->ended : &m->completed, 1);
	put(op);
	if (worker >= 0)
		add(&m->flying[worker], -1);
	add(&m->all_flying, -1);
}

static int harvest(int timeout_ms)
{
	struct sockiocp_packet_entry got[8];
	int i, n = operation_harvest(port, got, 8, timeout_ms);

	for (i = 0; i < n; i++)
		complete(&got[i]);
	return n;
}

static void *harvest_always(void *unused)
{
	int n;

	while (!get(&m->stop_harvest)) {
		n = harvest(20);
		CHECK(n > 0 || n == -ETIME || n == -EINTR, n);
	}
	return unused;
}

/* Of another process: it finds operations, and passes them on. */
static void harvest_in_process(void *unused)
{
	int n;

	(void)unused;
	while (!get(&m->stop_harvest)) {
		n = harvest(1);
		if (n > 0)
			add(&m->foreign, n);
	}
}

/* Returns whether it was submitted. */
static int submit(struct random *dice, int fd, int worker, unsigned int number,
		  const void *send, size_t len)
{
	struct operation *op = take(dice);
	int ret;

	if (!op)
		return 0;
	op->worker = worker;
	op->is_receive = !send;
	op->number = number;
	__atomic_store_n(&op->at, FLIES, __ATOMIC_RELEASE);
	add(&m->all_flying, 1);
	if (worker >= 0)
		add(&m->flying[worker], 1);
	ret = send ? operation_send(home, fd, &op->o, send, len) :
		     operation_receive(home, fd, &op->o, op->data, len);
	/* From here on it may be somebody else's. */
	if (ret >= 0)
		return 1;
	CHECK(worker < 0, ret);
	put(op);
	if (worker >= 0)
		add(&m->flying[worker], -1);
	add(&m->all_flying, -1);
	return 0;
}

/* --------------------------------------------------- streams that must be right */

static int close_socket(int fd)
{
	return device_call(home, SOCKIOCP_CLOSE_SOCKET, (void *)(intptr_t)fd);
}

static int settles(const int *value)
{
	int64_t end = now_ms() + 3 * COMES;

	while (get(value) && now_ms() < end)
		usleep(200);
	return !get(value);
}

/* What receives have taken, in their order, and then what was left. */
static void check_stream(int worker, unsigned int receives, size_t sent, int fd)
{
	static char left[WORKERS][STREAM];
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < receives; i++) {
		struct heard *heard = &m->heard[worker][i];

		CHECK(!memcmp(heard->data, stream + at, heard->bytes), i);
		at += heard->bytes;
	}
	CHECK(at <= sent, at);
	CHECK(receive_all(fd, left[worker], sent - at, 3 * COMES) == (long)(sent - at), sent - at);
	CHECK(!memcmp(left[worker], stream + at, sent - at), at);
}

static void one_round(int worker, struct random *dice)
{
	unsigned int receives = 0, step;
	size_t sent = 0, len;
	int fd[2], i;

	CHECK(!tcp_pair(FAM_INET, fd, random_below(dice, 2) ? 4096 : 0), 0);
	for (i = 0; i < 2; i++)
		CHECK(!operation_associate(port, fd[i], 1), i);
	for (step = 0; step < STEPS; step++) {
		switch (random_below(dice, 8)) {
		case 0 ... 2:
			memset(&m->heard[worker][receives], 0, sizeof(struct heard));
			receives += submit(dice, fd[1], worker, receives, NULL,
					   random_size(dice, LONGEST));
			break;
		case 3 ... 5:
			len = random_size(dice, random_below(dice, 4) ? 300 : 15000);
			if (submit(dice, fd[0], worker, 0, stream + sent, len))
				sent += len;
			break;
		case 6:
			operation_cancel(home, fd[1], NULL, random_below(dice, 2));
			break;
		case 7:
			operation_cancel(home, fd[1], &m->operation[random_below(dice, OPERATIONS)].o,
					 0);
			break;
		}
		if (!random_below(dice, 10))
			usleep(random_below(dice, 300));
	}
	/* Receives end; sends go on while the rest is read. */
	operation_cancel(home, fd[1], NULL, 0);
	for (i = 0; i < 3 * COMES && get(&m->flying[worker]); i++) {
		int64_t end = now_ms() + 3 * COMES;
		int receiving = 1;

		/* Those that were being carried out. */
		while (receiving && now_ms() < end) {
			unsigned int n;

			receiving = 0;
			for (n = 0; n < OPERATIONS; n++) {
				struct operation *op = &m->operation[n];

				receiving |= get(&op->at) == FLIES && op->worker == worker &&
					     op->is_receive;
			}
			usleep(100);
		}
		CHECK(!receiving, receives);
		break;
	}
	check_stream(worker, receives, sent, fd[1]);
	CHECK(settles(&m->flying[worker]), get(&m->flying[worker]));
	for (i = 0; i < 2; i++)
		CHECK(!close_socket(fd[i]), i);
	add(&m->rounds, 1);
}

static void *work(void *arg)
{
	int worker = (intptr_t)arg;
	struct random dice = random_start(random_seed(worker));

	while (!get(&m->stop) && !get(&m->bad_line))
		one_round(worker, &dice);
	return NULL;
}

/* ------------------------------------------------- sockets that go at any moment */

static int slot(struct random *dice)
{
	return FIRST_SLOT + random_below(dice, 2 * SLOTS);
}

/* Over what is there, perhaps. */
static void fill_slots(struct random *dice)
{
	int first = FIRST_SLOT + 2 * random_below(dice, SLOTS), fd[2], i;

	if (tcp_pair(FAM_INET, fd, random_below(dice, 2) ? 4096 : 0))
		return;
	for (i = 0; i < 2; i++) {
		operation_associate(port, fd[i], 2);
		fd_dup_to(fd[i], first + i);
		fd_close(fd[i]);
	}
}

static void *chaos(void *arg)
{
	struct random dice = random_start(random_seed(100 + (intptr_t)arg));
	int i;

	while (!get(&m->stop) && !get(&m->bad_line)) {
		switch (random_below(&dice, 40)) {
		case 0:
			fill_slots(&dice);
			break;
		case 1:
			close_socket(slot(&dice));
			break;
		case 2:
			fd_close(slot(&dice));
			break;
		case 3:
			sock_shutdown(slot(&dice), "rwb"[random_below(&dice, 3)]);
			break;
		case 4:
			fd_dup_to(slot(&dice), slot(&dice));
			break;
		case 5 ... 8:
			operation_cancel(home, slot(&dice), NULL, random_below(&dice, 2));
			break;
		case 9 ... 20:
			submit(&dice, slot(&dice), -1, 0, stream, random_size(&dice, 40000));
			break;
		default:
			submit(&dice, slot(&dice), -1, 0, NULL, random_below(&dice, LONGEST));
			break;
		}
		if (!random_below(&dice, 20))
			usleep(random_below(&dice, 200));
	}
	for (i = 0; i < 2 * SLOTS; i++)
		close_socket(FIRST_SLOT + i);
	return NULL;
}

/* ------------------------------------------------------ processes that are killed */

static struct {
	int fd[2];
	int home;
	int *ready;
} victim;

static void submit_until_killed(void *unused)
{
	static struct {
		struct overlapped o;
		char data[64];
	} mine[64];
	struct sockiocp_packet_entry got[8];
	unsigned int i;

	(void)unused;
	for (i = 0;; i++) {
		struct sockiocp_buffer buffer;
		struct sockiocp_submit args;

		args = operation_with_buffer(victim.fd[i & 1], &mine[i % 64].o, i >> 1 & 1, &buffer,
					     mine[i % 64].data, 64);
		/* For the port of all these are nobody's. */
		if (i % 3)
			args.flags = SOCKIOCP_SUBMIT_TO_HOME;
		else
			args.overlapped = 0;
		operation_submit(victim.home, &args);
		if (!(i % 16))
			operation_harvest(victim.home, got, 8, 0);
		if (i == 64)
			__atomic_store_n(victim.ready, 1, __ATOMIC_RELEASE);
	}
}

static void kill_one(struct random *dice)
{
	int64_t end = now_ms() + 3 * COMES;
	int pid, i;

	victim.home = device_open();
	__atomic_store_n(victim.ready, 0, __ATOMIC_RELEASE);
	if (tcp_pair(FAM_INET, victim.fd, 4096))
		return;
	for (i = 0; i < 2; i++)
		operation_associate(port, victim.fd[i], 3);
	pid = process_start(submit_until_killed, NULL);
	while (!get(victim.ready) && now_ms() < end)
		usleep(500);
	usleep(random_below(dice, 2000));
	process_kill(pid);
	/* All that it had is this process' too. */
	end = now_ms() + 3 * COMES;
	while (fdinfo_value(victim.home, "operations") && now_ms() < end)
		sleep_ms(5);
	CHECK(!fdinfo_value(victim.home, "operations"), fdinfo_value(victim.home, "operations"));
	for (i = 0; i < 2; i++)
		fd_close(victim.fd[i]);
	fd_close(victim.home);
	add(&m->killed, 1);
}

static void *kill_processes(void *unused)
{
	struct random dice = random_start(random_seed(200));

	while (!get(&m->stop) && !get(&m->bad_line))
		kill_one(&dice);
	return unused;
}

/* ---------------------------------------------------------------------------- */

TEST(each_completes_once)
{
	pthread_t harvester[HARVESTERS], worker[WORKERS], chaotic[CHAOS], killer;
	intptr_t i;
	int pid;

	m = shared_memory(sizeof(*m));
	victim.ready = shared_memory(sizeof(int));
	ASSERT_NE(NULL, m);
	ASSERT_NE(NULL, victim.ready);
	for (i = 0; i < OPERATIONS; i++)
		poison(&m->operation[i]);
	pattern_fill(stream, sizeof(stream), 0);
	port = device_open();
	home = device_open();
	ASSERT_LE(0, port);
	ASSERT_LE(0, home);
	ASSERT_EQ(0, home_thread_start(home));
	/* The first operation makes it the home port of this process. */
	pid = process_start(harvest_in_process, NULL);
	ASSERT_LT(0, pid);
	for (i = 0; i < HARVESTERS; i++)
		ASSERT_EQ(0, pthread_create(&harvester[i], NULL, harvest_always, NULL));
	for (i = 0; i < WORKERS; i++)
		ASSERT_EQ(0, pthread_create(&worker[i], NULL, work, (void *)i));
	for (i = 0; i < CHAOS; i++)
		ASSERT_EQ(0, pthread_create(&chaotic[i], NULL, chaos, (void *)i));
	ASSERT_EQ(0, pthread_create(&killer, NULL, kill_processes, NULL));

	sleep_ms(MILLISECONDS);
	__atomic_store_n(&m->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < WORKERS; i++)
		pthread_join(worker[i], NULL);
	for (i = 0; i < CHAOS; i++)
		pthread_join(chaotic[i], NULL);
	pthread_join(killer, NULL);
	/* One chaotic thread may have filled what the other one had closed. */
	for (i = 0; i < 2 * SLOTS; i++)
		close_socket(FIRST_SLOT + i);
	EXPECT_TRUE(settles(&m->all_flying)) {
		TH_LOG("%d operations have not ended", m->all_flying);
	}
	__atomic_store_n(&m->stop_harvest, 1, __ATOMIC_RELEASE);
	for (i = 0; i < HARVESTERS; i++)
		pthread_join(harvester[i], NULL);
	EXPECT_EQ(0, child_status(pid, COMES));
	for (i = 0; i < OPERATIONS; i++) {
		EXPECT_EQ(IS_FREE, m->operation[i].at);
		EXPECT_TRUE(m->operation[i].at != IS_FREE || is_poisoned(&m->operation[i]));
	}
	EXPECT_EQ(0, fdinfo_value(home, "operations"));
	EXPECT_EQ(0, m->bad_line) {
		TH_LOG("line %d: %lld", m->bad_line, m->bad_value);
	}
	TH_LOG("%d completed, %d cancelled, %d ended; %d rounds, %d by others, %d killed",
	       m->completed, m->cancelled, m->ended, m->rounds, m->foreign, m->killed);
	EXPECT_LT(0, m->completed);
	EXPECT_LT(0, m->cancelled);
	EXPECT_LT(0, m->ended);
	EXPECT_LT(0, m->rounds);
	EXPECT_LT(0, m->foreign);
	EXPECT_LT(0, m->killed);
	fd_close(home);
	fd_close(port);
}

TEST_HARNESS_MAIN
