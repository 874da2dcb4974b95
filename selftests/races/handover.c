// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets that are offered and fetched while they are closed, by several threads at once,
 * and by processes that are killed: whatever comes first, one gets the socket or nobody
 * does, and the FIN is sent when the last one closes it.
 *
 * Uses no library.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/random.h"
#include "lib/sock.h"
#include "lib/task.h"

#define MILLISECONDS	1500
#define FETCHERS	2

FIXTURE(handover) {
	int port;
	int fd;
	int peer;
};

FIXTURE_SETUP(handover)
{
	struct sockiocp_info info;

	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	if (!(info.features & SOCKIOCP_FEATURE_DUPLICATE))
		SKIP(_exit(255), "this kernel lets no module give a process a descriptor");
}

FIXTURE_TEARDOWN(handover)
{
	fd_close(self->port);
}

static int offer(int port, int fd, int pid, __u8 *token)
{
	struct sockiocp_offer args = { .socket = fd, .process = pid };
	int ret = device_call(port, SOCKIOCP_OFFER, &args);

	memcpy(token, args.token, sizeof(args.token));
	return ret;
}

static int fetch(int port, const __u8 *token)
{
	struct sockiocp_fetch args = { .flags = 0 };
	int ret;

	memcpy(args.token, token, sizeof(args.token));
	ret = ioctl(port, SOCKIOCP_FETCH, &args);
	return ret < 0 ? -errno : ret;
}

/* For up to 100 us, and asleep for what was given away. */
static void hesitate(struct random *dice, int64_t handicap_ns)
{
	struct timespec handicap = { .tv_nsec = handicap_ns };
	int64_t end;

	if (handicap_ns > 0)
		nanosleep(&handicap, NULL);
	end = now_ns() + random_below(dice, 100) * 1000;
	while (now_ns() < end)
		;
}

/* --------------------------------------------------------- threads of one process */

/*
 * Who wins begins later the next time, so that both win on every machine: how long a
 * thread needs to get going depends on the kernel and on what else runs.
 */
#define HANDICAP_NS	20000

static struct {
	pthread_barrier_t barrier;
	int stop;
	int64_t fetchers_handicap_ns;	/* negative: the closer's */
	int port;
	int fd;
	__u8 token[SOCKIOCP_TOKEN_SIZE];
	int result[FETCHERS];
} round;

static void *fetch_again_and_again(void *arg)
{
	struct random dice = random_start((uintptr_t)arg);

	for (;;) {
		pthread_barrier_wait(&round.barrier);
		if (round.stop)
			return NULL;
		hesitate(&dice, round.fetchers_handicap_ns);
		round.result[(uintptr_t)arg] = fetch(round.port, round.token);
		pthread_barrier_wait(&round.barrier);
	}
}

/* Which descriptor was got; -ESTALE: none, the socket was closed; else what is wrong. */
static int outcome(void)
{
	int i, got = -ENOENT;

	for (i = 0; i < FETCHERS; i++) {
		if (round.result[i] == -ENOENT)
			continue;
		if (got != -ENOENT)
			return -EEXIST;
		got = round.result[i];
	}
	return got;
}

TEST_F(handover, one_gets_the_socket_or_nobody_does)
{
	struct random dice = random_start(FETCHERS);
	int64_t end = now_ms() + MILLISECONDS;
	int fetched = 0, closed = 0;
	pthread_t thread[FETCHERS];
	uintptr_t i;
	int got, pair[2];
	char c;

	round.port = self->port;
	ASSERT_EQ(0, pthread_barrier_init(&round.barrier, NULL, FETCHERS + 1));
	for (i = 0; i < FETCHERS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, fetch_again_and_again,
					    (void *)i));
	while (now_ms() < end) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, pair, 0));
		ASSERT_EQ(0, offer(self->port, pair[0], getpid(), round.token));
		pthread_barrier_wait(&round.barrier);
		hesitate(&dice, -round.fetchers_handicap_ns);
		ASSERT_EQ(0, fd_close(pair[0]));
		pthread_barrier_wait(&round.barrier);

		got = outcome();
		if (got >= 0) {
			ASSERT_EQ(1, sock_send(got, "x", 1));
			ASSERT_TRUE(sock_becomes(pair[1], SEE_IN, COMES));
			ASSERT_EQ(1, sock_recv(pair[1], &c, 1));
			ASSERT_EQ(0, fd_close(got));
			fetched++;
			round.fetchers_handicap_ns += HANDICAP_NS;
		} else {
			ASSERT_EQ(-ESTALE, got);
			closed++;
			round.fetchers_handicap_ns -= HANDICAP_NS;
		}
		ASSERT_TRUE(sock_becomes(pair[1], SEE_RDHUP, COMES));
		ASSERT_EQ(0, fd_close(pair[1]));
	}
	round.stop = 1;
	pthread_barrier_wait(&round.barrier);
	for (i = 0; i < FETCHERS; i++)
		pthread_join(thread[i], NULL);
	TH_LOG("%d were fetched, %d were closed before", fetched, closed);
	EXPECT_LT(0, fetched);
	EXPECT_LT(0, closed);
}

/* ------------------------------------------------------ processes that are killed */

struct victim {
	__u8 token[SOCKIOCP_TOKEN_SIZE];
	int fetches;
};

static void fetch_until_killed(void *arg)
{
	struct victim *victim = arg;
	int port = device_open();

	for (;;) {
		fd_close(fetch(port, victim->token));
		__atomic_fetch_add(&victim->fetches, 1, __ATOMIC_RELAXED);
	}
}

TEST_F(handover, killed_process_keeps_nothing_open)
{
	struct victim *victim = shared_memory(sizeof(*victim));
	struct random dice = random_start(7);
	int64_t end = now_ms() + MILLISECONDS;
	int i, pid, pair[2], fetches;

	ASSERT_NE(NULL, victim);
	while (now_ms() < end) {
		pid = process_start(fetch_until_killed, victim);
		ASSERT_LT(0, pid);
		fetches = __atomic_load_n(&victim->fetches, __ATOMIC_RELAXED);
		while (__atomic_load_n(&victim->fetches, __ATOMIC_RELAXED) == fetches)
			sleep_ms(1);
		ASSERT_EQ(0, tcp_pair(FAM_INET, pair, 0));
		for (i = 0; i < 8; i++)
			ASSERT_EQ(0, offer(self->port, pair[0], pid, victim->token));
		hesitate(&dice, 0);
		process_kill(pid);
		ASSERT_EQ(-ESRCH, offer(self->port, pair[0], pid, victim->token));
		ASSERT_EQ(0, fd_close(pair[0]));
		ASSERT_TRUE(sock_becomes(pair[1], SEE_RDHUP, COMES));
		ASSERT_EQ(0, fd_close(pair[1]));
	}
}

TEST_HARNESS_MAIN
