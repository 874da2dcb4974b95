// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations that are submitted, carried out, cancelled and ended by closing, all at the same
 * time, by threads of one process; while another process harvests the same port, and others
 * are killed, or run another program.  Meanwhile sockets are duplicated over each other, sent
 * away in messages (SCM_RIGHTS) and received, and have descriptors in processes that are
 * forked; and ports are closed that sockets are associated with.  Whatever comes first:
 *
 *   each OVERLAPPED completes once, and its packet says the same; if its port is closed there
 *   may be no packet, and it completes all the same,
 *   nothing is written to it, or to its buffer, after its packet,
 *   each byte of a stream arrives once, and in the order of the calls.
 *
 * Uses no library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
	/* More, used once each: their packet may never come. */
	LOSABLE = 4096,
	/* Of one round of a worker. */
	STEPS = 60,
	RECEIVES = STEPS,
	LONGEST = 256,
	/* Sockets that come and go, with numbers that nobody else gets. */
	SLOTS = 4,
	FIRST_SLOT = 500,
	/* The same of the port that is closed, and its own number. */
	FIRST_LOSABLE_SLOT = 600,
	LOSABLE_PORT = 700,
	STREAM = 1 << 20,
	POISON = 0xa5,
};

enum at {
	IS_FREE,
	IS_TAKEN,
	FLIES,
	/* It is not used again. */
	IS_OVER,
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
	struct operation operation[OPERATIONS + LOSABLE];
	struct heard heard[WORKERS][RECEIVES];
	int flying[WORKERS];
	int sends_failed[WORKERS];
	int all_flying;
	int losable;
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
	int sent_away;
	int came_back;
	int forked;
	int ports_closed;
	int lost;
} *m;

static int port, home;

/* Where sockets come and go, and the port that these are associated with. */
static struct place {
	int port;
	int first_slot;
	/* What is sent away is in here. */
	int channel[2];
	int is_losable;
} places[2];
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

static struct operation *take_losable(void)
{
	int n = add(&m->losable, 1) - 1;

	return n < LOSABLE ? &m->operation[OPERATIONS + n] : NULL;
}

static int is_losable(const struct operation *op)
{
	return op >= m->operation + OPERATIONS;
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
	__atomic_store_n(&op->at, is_losable(op) ? IS_OVER : IS_FREE, __ATOMIC_RELEASE);
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
	if (!is_losable(op))
		add(&m->all_flying, -1);
}

static int harvest_port(int fd, int timeout_ms)
{
	struct sockiocp_packet_entry got[8];
	int i, n = operation_harvest(fd, got, 8, timeout_ms);

	for (i = 0; i < n; i++)
		complete(&got[i]);
	return n;
}

static int harvest(int timeout_ms)
{
	return harvest_port(port, timeout_ms);
}

/* There may be no such port at the moment. */
static void *harvest_losable(void *unused)
{
	while (!get(&m->stop_harvest)) {
		if (harvest_port(LOSABLE_PORT, 5) < 0)
			usleep(100);
	}
	return unused;
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
static int submit_one(struct operation *op, int fd, int worker, unsigned int number,
		      const void *send, size_t len)
{
	int ret;

	if (!op)
		return 0;
	op->worker = worker;
	op->is_receive = !send;
	op->number = number;
	__atomic_store_n(&op->at, FLIES, __ATOMIC_RELEASE);
	if (!is_losable(op))
		add(&m->all_flying, 1);
	if (worker >= 0)
		add(&m->flying[worker], 1);
	ret = send ? operation_send(home, fd, &op->o, send, len) :
		     operation_receive(home, fd, &op->o, op->data, len);
	/* From here on it may be somebody else's. */
	if (ret >= 0)
		return 1;
	CHECK(worker < 0, ret);
	CHECK(op->o.state == STATUS_IS_PENDING && op->o.bytes == NO_BYTES, op->o.state);
	if (!is_losable(op))
		add(&m->all_flying, -1);
	put(op);
	if (worker >= 0)
		add(&m->flying[worker], -1);
	return 0;
}

static int submit(struct random *dice, int fd, int worker, unsigned int number,
		  const void *send, size_t len)
{
	return submit_one(take(dice), fd, worker, number, send, len);
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

static int slot(const struct place *at, struct random *dice)
{
	return at->first_slot + random_below(dice, 2 * SLOTS);
}

/* Over what is there, perhaps. */
static void fill_slots(const struct place *at, struct random *dice)
{
	int first = at->first_slot + 2 * random_below(dice, SLOTS), fd[2], i;

	if (random_below(dice, 3) ? tcp_pair(FAM_INET, fd, random_below(dice, 2) ? 4096 : 0) :
				    unix_pair(TYPE_STREAM, fd))
		return;
	for (i = 0; i < 2; i++) {
		operation_associate(at->port, fd[i], 2);
		fd_dup_to(fd[i], first + i);
		fd_close(fd[i]);
	}
}

/* Through the channel, or through another socket: whoever receives there gets the byte. */
static void send_away(const struct place *at, struct random *dice)
{
	int fd = slot(at, dice);
	int through = random_below(dice, 4) ? at->channel[0] : slot(at, dice);

	if (send_fd(through, fd))
		return;
	add(&m->sent_away, 1);
	/* Then it is in flight, and nowhere else. */
	if (random_below(dice, 2))
		fd_close(fd);
}

static void take_back(const struct place *at, struct random *dice)
{
	int fd = recv_fd(at->channel[1], 0);

	if (fd < 0)
		return;
	fd_dup_to(fd, slot(at, dice));
	fd_close(fd);
	add(&m->came_back, 1);
}

static void submit_at(const struct place *at, struct random *dice, const void *send, size_t len)
{
	submit_one(at->is_losable ? take_losable() : take(dice), slot(at, dice), -1, 0, send, len);
}

/* What a process may do to another one's sockets. */
static void change_descriptors(const struct place *at, struct random *dice)
{
	switch (random_below(dice, 6)) {
	case 0:
		close_socket(slot(at, dice));
		break;
	case 1:
		fd_close(slot(at, dice));
		break;
	case 2:
		sock_shutdown(slot(at, dice), "rwb"[random_below(dice, 3)]);
		break;
	case 3:
		fd_dup_to(slot(at, dice), slot(at, dice));
		break;
	case 4:
		send_away(at, dice);
		break;
	case 5:
		take_back(at, dice);
		break;
	}
}

static void *chaos(void *arg)
{
	struct random dice = random_start(random_seed(100 + (intptr_t)arg));

	while (!get(&m->stop) && !get(&m->bad_line)) {
		const struct place *at = &places[random_below(&dice, 2)];

		switch (random_below(&dice, 40)) {
		case 0:
			fill_slots(at, &dice);
			break;
		case 1 ... 5:
			change_descriptors(at, &dice);
			break;
		case 6 ... 8:
			operation_cancel(home, slot(at, &dice), NULL, random_below(&dice, 2));
			break;
		case 9 ... 20:
			submit_at(at, &dice, stream, random_size(&dice, 40000));
			break;
		default:
			submit_at(at, &dice, NULL, random_below(&dice, LONGEST));
			break;
		}
		if (!random_below(&dice, 20))
			usleep(random_below(&dice, 200));
	}
	return NULL;
}

/* What is left: in descriptors, and in flight, perhaps in messages to each other. */
static void empty_place(const struct place *at)
{
	int i, fd[2];

	for (i = 0; i < 2; i++)
		fd_close(at->channel[i]);
	for (i = 0; i < 2 * SLOTS; i++)
		close_socket(at->first_slot + i);
	/* Whoever closes one of AF_UNIX looks for those. */
	CHECK(!unix_pair(TYPE_DGRAM, fd), 0);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

/* ---------------------------------------------------- ports that go at any moment */

static void *close_ports(void *unused)
{
	struct random dice = random_start(random_seed(300));
	int fd;

	while (!get(&m->stop) && !get(&m->bad_line)) {
		fd = device_open();
		CHECK(fd >= 0, fd);
		/* That closes the one before, if it is there still. */
		fd_dup_to(fd, LOSABLE_PORT);
		fd_close(fd);
		usleep(random_below(&dice, 6000));
		if (random_below(&dice, 2))
			device_call(LOSABLE_PORT, SOCKIOCP_CLOSE, NULL);
		if (random_below(&dice, 2))
			fd_close(LOSABLE_PORT);
		add(&m->ports_closed, 1);
	}
	fd_close(LOSABLE_PORT);
	return unused;
}

/* Their state says that they have ended, with a packet or without. */
static int losable_end(void)
{
	int64_t end = now_ms() + 3 * COMES;
	struct operation *op = m->operation + OPERATIONS;

	while (op < m->operation + OPERATIONS + LOSABLE) {
		if (get(&op->at) != FLIES ||
		    __atomic_load_n(&op->o.state, __ATOMIC_ACQUIRE) != STATUS_IS_PENDING)
			op++;
		else if (now_ms() >= end)
			return 0;
		else
			usleep(500);
	}
	return 1;
}

/* Nobody harvests any more: their memory is this program's again. */
static void forget_losable(void)
{
	struct operation *op = m->operation + OPERATIONS;

	for (; op < m->operation + OPERATIONS + LOSABLE; op++) {
		if (op->at == FLIES) {
			m->lost++;
			put(op);
		}
	}
}

/* ------------------------------- processes that are killed, forked, or run a program */

/* Other programs, for run_again(). */
#define RESTS	"OPERATIONS_RESTS"
#define ENDS	"OPERATIONS_ENDS"

static __attribute__((constructor)) void be_another_program(void)
{
	if (getenv(ENDS))
		_exit(0);
	if (getenv(RESTS))
		process_rest();
}

static struct {
	int fd[2];
	int home;
	/* And whether it is to run another program. */
	int *ready, *may_exec;
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
		if (get(victim.may_exec))
			run_again(RESTS);
	}
}

static int operations_of_victim_end(void)
{
	int64_t end = now_ms() + 3 * COMES;

	while (fdinfo_value(victim.home, "operations") && now_ms() < end)
		sleep_ms(5);
	return !fdinfo_value(victim.home, "operations");
}

static void kill_one(struct random *dice, int execs)
{
	int64_t end = now_ms() + 3 * COMES;
	int pid, i;

	victim.home = device_open();
	__atomic_store_n(victim.ready, 0, __ATOMIC_RELEASE);
	__atomic_store_n(victim.may_exec, 0, __ATOMIC_RELEASE);
	if (tcp_pair(FAM_INET, victim.fd, 4096))
		return;
	for (i = 0; i < 2; i++)
		operation_associate(port, victim.fd[i], 3);
	pid = process_start(submit_until_killed, NULL);
	while (!get(victim.ready) && now_ms() < end)
		usleep(500);
	usleep(random_below(dice, 2000));
	/* All that it had is this process' too; and after exec it is noticed later. */
	if (!execs)
		process_kill(pid);
	__atomic_store_n(victim.may_exec, 1, __ATOMIC_RELEASE);
	CHECK(operations_of_victim_end(), execs);
	if (execs)
		process_kill(pid);
	for (i = 0; i < 2; i++)
		fd_close(victim.fd[i]);
	fd_close(victim.home);
	add(&m->killed, 1);
}

/* A process that has all that this one has, and none of its operations. */
static void meddle(void *arg)
{
	struct random dice = random_start((uintptr_t)arg);
	struct overlapped mine;
	char data[16];
	int i, ret;

	for (i = 0; i < 30; i++) {
		const struct place *at = &places[random_below(&dice, 2)];

		change_descriptors(at, &dice);
		harvest_port(at->port, 0);
		ret = operation_cancel(home, slot(at, &dice), NULL, 0);
		CHECK(ret <= 0, ret);
		ret = operation_receive(home, slot(at, &dice), &mine, data, sizeof(data));
		CHECK(ret < 0, ret);
		if (!random_below(&dice, 4))
			usleep(random_below(&dice, 200));
	}
	/* These are closed by exec, and the others by the end. */
	for (i = 0; i < 2 * SLOTS; i++)
		fcntl(slot(&places[i & 1], &dice), F_SETFD, FD_CLOEXEC);
	if (random_below(&dice, 2))
		run_again(ENDS);
}

static void fork_one(struct random *dice)
{
	int pid = process_start(meddle, (void *)(uintptr_t)random_next(dice));

	CHECK(pid > 0, pid);
	CHECK(!child_status(pid, 3 * COMES), pid);
	add(&m->forked, 1);
}

static void *kill_processes(void *unused)
{
	struct random dice = random_start(random_seed(200));

	while (!get(&m->stop) && !get(&m->bad_line))
		kill_one(&dice, !random_below(&dice, 8));
	return unused;
}

static void *fork_processes(void *unused)
{
	struct random dice = random_start(random_seed(400));

	while (!get(&m->stop) && !get(&m->bad_line))
		fork_one(&dice);
	return unused;
}

/* ---------------------------------------------------------------------------- */

static int set_up(void)
{
	int i;

	m = shared_memory(sizeof(*m));
	victim.ready = shared_memory(2 * sizeof(int));
	if (!m || !victim.ready)
		return -1;
	victim.may_exec = victim.ready + 1;
	for (i = 0; i < OPERATIONS + LOSABLE; i++)
		poison(&m->operation[i]);
	pattern_fill(stream, sizeof(stream), 0);
	port = device_open();
	home = device_open();
	places[0] = (struct place) { .port = port, .first_slot = FIRST_SLOT };
	places[1] = (struct place) { .port = LOSABLE_PORT, .first_slot = FIRST_LOSABLE_SLOT,
				     .is_losable = 1 };
	return port < 0 || home < 0 ? -1 : 0;
}

static struct {
	pthread_t thread[16];
	int count;
} actors, harvesters;

#define START_ALL(who, run, number)					\
	do {								\
		intptr_t i_;						\
		for (i_ = 0; i_ < (number); i_++)			\
			ASSERT_EQ(0, pthread_create(&(who).thread[(who).count++],	\
						    NULL, run, (void *)i_));	\
	} while (0)

#define JOIN_ALL(who)							\
	do {								\
		while ((who).count)					\
			pthread_join((who).thread[--(who).count], NULL);	\
	} while (0)

/* Nothing is under way any more, and nothing was written since. */
static int memory_is_as_it_was_left(void)
{
	const struct operation *op = m->operation;

	for (; op < m->operation + OPERATIONS + LOSABLE; op++) {
		if ((op->at != IS_FREE && op->at != IS_OVER) || !is_poisoned(op))
			return 0;
	}
	return 1;
}

/* A slow machine does the rare things once in some seconds. */
static int some_have_not_come(void)
{
	const int *rare[] = { &m->killed, &m->sent_away, &m->came_back, &m->forked,
			      &m->ports_closed, &m->lost };
	unsigned int i, missing = 0;

	for (i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		missing += !__atomic_load_n(rare[i], __ATOMIC_RELAXED);
	return missing > 0;
}

TEST(each_completes_once)
{
	int i, pid;

	ASSERT_EQ(0, set_up());
	ASSERT_EQ(0, home_thread_start(home));
	/* The first operation makes it the home port of this process. */
	pid = process_start(harvest_in_process, NULL);
	ASSERT_LT(0, pid);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, places[i].channel));
	START_ALL(harvesters, harvest_always, HARVESTERS);
	START_ALL(harvesters, harvest_losable, 1);
	START_ALL(actors, work, WORKERS);
	START_ALL(actors, chaos, CHAOS);
	START_ALL(actors, kill_processes, 1);
	START_ALL(actors, fork_processes, 1);
	START_ALL(actors, close_ports, 1);

	sleep_ms(MILLISECONDS);
	for (i = 0; i < 10 && some_have_not_come(); i++)
		sleep_ms(MILLISECONDS);
	__atomic_store_n(&m->stop, 1, __ATOMIC_RELEASE);
	JOIN_ALL(actors);
	for (i = 0; i < 2; i++)
		empty_place(&places[i]);
	EXPECT_TRUE(settles(&m->all_flying)) {
		TH_LOG("%d operations have not ended", m->all_flying);
	}
	EXPECT_TRUE(losable_end());
	__atomic_store_n(&m->stop_harvest, 1, __ATOMIC_RELEASE);
	JOIN_ALL(harvesters);
	EXPECT_EQ(0, child_status(pid, COMES));
	forget_losable();
	EXPECT_EQ(0, fdinfo_value(home, "operations"));
	fd_close(home);
	fd_close(port);
	EXPECT_TRUE(memory_is_as_it_was_left());
	EXPECT_EQ(0, m->bad_line) {
		TH_LOG("line %d: %lld", m->bad_line, m->bad_value);
	}
	TH_LOG("%d completed, %d cancelled, %d ended; %d rounds, %d by others, %d killed",
	       m->completed, m->cancelled, m->ended, m->rounds, m->foreign, m->killed);
	TH_LOG("%d sent away, %d came back, %d forked; %d ports closed, %d of %d packets lost",
	       m->sent_away, m->came_back, m->forked, m->ports_closed, m->lost,
	       m->losable < LOSABLE ? m->losable : LOSABLE);
	EXPECT_LT(0, m->completed);
	EXPECT_LT(0, m->cancelled);
	EXPECT_LT(0, m->ended);
	EXPECT_LT(0, m->rounds);
	EXPECT_LT(0, m->foreign);
	EXPECT_LT(0, m->killed);
	EXPECT_LT(0, m->sent_away);
	EXPECT_LT(0, m->came_back);
	EXPECT_LT(0, m->forked);
	EXPECT_LT(0, m->ports_closed);
	EXPECT_LT(0, m->lost);
}

TEST_HARNESS_MAIN
