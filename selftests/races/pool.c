// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that serve a port while whatever can change does: they block and go on, ask
 * other ports, and their ports, descriptors and processes come and go.
 */
#include <pthread.h>
#include <sched.h>

#include "kselftest_harness.h"

#include "lib/random.h"
#include "lib/stage.h"

FIXTURE_VARIANT(pool) {
	int sample;
};

FIXTURE_ON_STAGE(pool)

FIXTURE_VARIANT_ADD(pool, told) { .sample = 0, };
FIXTURE_VARIANT_ADD(pool, sampled) { .sample = 1, };

#define STRESS_MS	1500
#define TOKENS		3

/* Packets that threads hand on to each other, in one port or in two. */
struct ring {
	HANDLE port[2];
	int ports;
	int stop;
	int handled;
	int retired;
	int bad;
	int held[TOKENS];
	/* Threads that ask their home, for as long as it takes. */
	int home;
};

static struct ring ring;

/* Something a thread may do with a packet: mostly short, often blocking. */
static void be_busy(struct random *dice)
{
	int64_t end;

	switch (random_below(dice, 4)) {
	case 0:
		end = now_ns() + random_below(dice, 200) * 1000;
		while (now_ns() < end)
			;
		break;
	case 1:
		sleep_ms(random_below(dice, 3));
		break;
	case 2:
		sched_yield();
		break;
	}
}

static void *pass_tokens(void *arg)
{
	struct random dice = random_start((uintptr_t)arg);
	int home = (uintptr_t)arg % ring.ports;
	OVERLAPPED *overlapped;
	ULONG_PTR token;
	DWORD bytes;
	int at, got;

	for (;;) {
		/* In two ports half of the threads wander. */
		at = home;
		if (ring.ports > 1 && (uintptr_t)arg >= CREW_MAX / 2 &&
		    !__atomic_load_n(&ring.stop, __ATOMIC_ACQUIRE))
			at = random_below(&dice, 2);
		add(&ring.home, at == home);
		got = GetQueuedCompletionStatus(ring.port[at], &bytes, &token, &overlapped,
						at == home ? INFINITE :
							     random_below(&dice, 20));
		add(&ring.home, -(at == home));
		if (!got) {
			if (GetLastError() == WAIT_TIMEOUT)
				continue;
			if (GetLastError() != ERROR_ABANDONED_WAIT_0)
				add(&ring.bad, 1);
			return NULL;
		}
		if (token >= TOKENS || add(&ring.held[token], 1) != 1) {
			add(&ring.bad, 1);
			continue;
		}
		add(&ring.handled, 1);
		be_busy(&dice);
		add(&ring.held[token], -1);
		if (__atomic_load_n(&ring.stop, __ATOMIC_ACQUIRE))
			add(&ring.retired, 1);
		else if (!PostQueuedCompletionStatus(ring.port[random_below(&dice, ring.ports)],
						     0, token, NULL))
			add(&ring.bad, 1);
	}
}

/* Is the number of threads that run one that can be? */
static int active_is_possible(void)
{
	int i, good = 1;

	for (i = 0; i < ring.ports; i++) {
		long long active = port_told(ring.port[i], "active");

		good &= active >= 0 && active <= CREW_MAX;
	}
	return good;
}

/*
 * Do all threads wait at home, so that none moves before a port is closed?  As many may
 * wait in each port while two are out, each at the other's home.
 */
static int ring_rests(void)
{
	int i, each = CREW_MAX / ring.ports, good = add(&ring.home, 0) == CREW_MAX;

	for (i = 0; i < ring.ports; i++)
		good &= port_told(ring.port[i], "waiters") == each &&
			port_told(ring.port[i], "workers") == each &&
			port_told(ring.port[i], "active") == 0;
	return good;
}

static void run_ring(struct __test_metadata *_metadata, int ports)
{
	pthread_t thread[CREW_MAX];
	int64_t end, moved;
	int i, handled = 0;

	memset(&ring, 0, sizeof(ring));
	ring.ports = ports;
	for (i = 0; i < ports; i++) {
		ring.port[i] = port_with(1 + i);
		ASSERT_NE(NULL, ring.port[i]);
	}
	for (i = 0; i < CREW_MAX; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, pass_tokens,
					    (void *)(uintptr_t)i));
	for (i = 0; i < TOKENS; i++)
		ASSERT_TRUE(PostQueuedCompletionStatus(ring.port[0], 0, i, NULL));

	/* A thread that is not woken would stop all of them in the end. */
	end = now_ms() + STRESS_MS;
	moved = now_ms();
	while (now_ms() < end) {
		if (add(&ring.handled, 0) != handled) {
			handled = add(&ring.handled, 0);
			moved = now_ms();
		}
		ASSERT_GT(moved + SOON, now_ms());
		EXPECT_TRUE(active_is_possible());
		sleep_ms(5);
	}
	__atomic_store_n(&ring.stop, 1, __ATOMIC_RELEASE);
	end = now_ms() + SOON;
	while (add(&ring.retired, 0) < TOKENS && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(TOKENS, ring.retired);
	EXPECT_EQ(0, ring.bad);
	EXPECT_LT(20, ring.handled);
	TH_LOG("%d packets handed on", ring.handled);

	/* Those who are out come home. */
	while (!ring_rests() && now_ms() < end)
		sleep_ms(1);
	EXPECT_TRUE(ring_rests());
	for (i = 0; i < ports; i++)
		EXPECT_EQ(0, port_told(ring.port[i], "packets"));
	for (i = 0; i < ports; i++)
		EXPECT_TRUE(CloseHandle(ring.port[i]));
	for (i = 0; i < CREW_MAX; i++)
		EXPECT_EQ(0, pthread_join(thread[i], NULL));
	EXPECT_EQ(0, ring.bad);
}

/* spec 8.6 */
TEST_F(pool, packets_go_round_among_threads_that_block)
{
	run_ring(_metadata, 1);
}

/* spec 8.6 */
TEST_F(pool, packets_go_round_among_threads_that_change_ports)
{
	run_ring(_metadata, 2);
}

/* Threads ask a descriptor that comes and goes. */
struct revolving {
	int fd;
	int stop;
	int asked;
	int refused;
};

static void *ask_what_comes_and_goes(void *arg)
{
	struct revolving *door = arg;
	struct random dice = random_start(thread_id());
	OVERLAPPED_ENTRY got;
	ULONG removed;

	while (!__atomic_load_n(&door->stop, __ATOMIC_ACQUIRE)) {
		if (GetQueuedCompletionStatusEx((HANDLE)(intptr_t)door->fd, &got, 1, &removed,
						random_below(&dice, 3), FALSE) ||
		    GetLastError() == WAIT_TIMEOUT)
			add(&door->asked, 1);
		else
			add(&door->refused, 1);
		be_busy(&dice);
	}
	return NULL;
}

/* The only descriptor of the process is sent to itself, closed and received again. */
TEST_F(pool, descriptor_comes_and_goes_while_threads_ask)
{
	int64_t end = now_ms() + 500, rounds;
	struct revolving door = { .fd = port_fd(self->port) };
	pthread_t thread[4];
	int i, pair[2];

	ASSERT_EQ(0, unix_pair(TYPE_STREAM, pair));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, ask_what_comes_and_goes,
					    &door));
	for (rounds = 0; now_ms() < end; rounds++) {
		ASSERT_EQ(0, send_fd(pair[0], door.fd));
		ASSERT_EQ(0, fd_close(door.fd));
		ASSERT_EQ(door.fd, recv_fd(pair[1], SOON));
		ASSERT_TRUE(PostQueuedCompletionStatus(self->port, 0, 1, NULL));
		if (rounds % 4 == 0)
			sleep_ms(1);
	}
	__atomic_store_n(&door.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	TH_LOG("%d rounds, %d asked, %d were refused", (int)rounds, door.asked, door.refused);
	EXPECT_LT(0, door.asked);
	EXPECT_LT(0, door.refused);
	EXPECT_LEFT(self->port, 0);
	fd_close(pair[0]);
	fd_close(pair[1]);
}

/* Its threads ask the port while one of them becomes another program. */
static void ask_and_exec(void *arg)
{
	struct revolving door = { .fd = port_fd(arg) };
	OVERLAPPED_ENTRY got;
	pthread_t thread;
	ULONG removed;

	pthread_create(&thread, NULL, ask_what_comes_and_goes, &door);
	GetQueuedCompletionStatusEx(arg, &got, 1, &removed, 0, FALSE);
	while (!add(&door.asked, 0))
		;
	run_again(ENDS);
}

TEST_F(pool, processes_exec_and_exit_while_others_ask)
{
	int64_t end = now_ms() + 500;
	struct job *job = new_job(0);
	int pid[4], i, times = 0;

	job_finish(job);
	START(4);
	while (now_ms() < end) {
		for (i = 0; i < 4; i++) {
			pid[i] = process_start(ask_and_exec, self->port);
			ASSERT_LT(0, pid[i]);
		}
		for (i = 0; i < 4; i++) {
			POST(job);
			if (i % 2) {
				EXPECT_EQ(0, process_kill(pid[i]));
			} else {
				EXPECT_EQ(0, child_status(pid[i], SOON));
			}
		}
		times++;
	}
	TH_LOG("%d times", times);
	EXPECT_LEFT(self->port, 4);
}

/* Ports for one thread to move on from while another closes them. */
struct relay {
	HANDLE port[2];
	int round;
	int closed;
	int stop;
};

static void *close_behind(void *arg)
{
	struct relay *relay = arg;
	int round = 0, now;

	while (!__atomic_load_n(&relay->stop, __ATOMIC_ACQUIRE)) {
		now = __atomic_load_n(&relay->round, __ATOMIC_ACQUIRE);
		if (now == round)
			continue;
		CloseHandle(relay->port[0]);
		round = now;
		__atomic_store_n(&relay->closed, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The thread leaves a port for another one while the first is closed. */
TEST_F(pool, port_is_closed_while_its_thread_moves_on)
{
	int64_t end = now_ms() + 500;
	struct relay relay = { .port = { NULL, self->port } };
	OVERLAPPED_ENTRY got;
	pthread_t thread;
	ULONG removed;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, close_behind, &relay));
	for (i = 1; now_ms() < end; i++) {
		relay.port[0] = port_with(1);
		ASSERT_NE(NULL, relay.port[0]);
		EXPECT_FALSE(GetQueuedCompletionStatusEx(relay.port[0], &got, 1,
							 &removed, 0, FALSE));
		EXPECT_EQ(1, port_told(relay.port[0], "workers"));
		__atomic_store_n(&relay.round, i, __ATOMIC_RELEASE);
		EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &got, 1,
							 &removed, 0, FALSE));
		while (__atomic_load_n(&relay.closed, __ATOMIC_ACQUIRE) != i)
			;
	}
	__atomic_store_n(&relay.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

STAGE_HARNESS_MAIN
