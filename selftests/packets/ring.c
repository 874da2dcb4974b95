// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The ring of a port, SOCKIOCP_SET_MIRROR with SOCKIOCP_MIRROR_RING: packets that a program has
 * put into its own memory are packets of the port: none is lost, all come in the order in which
 * they were put there or queued, to whomever takes them, and nobody waits beside them.
 *
 * Uses no library.  What that makes of it: library/posting.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/random.h"
#include "lib/sock.h"
#include "lib/task.h"

#define BITS		(SOCKIOCP_MIRROR_FILLED | SOCKIOCP_MIRROR_ENDED)
#define STEP		4
#define SLOTS		SOCKIOCP_RING_SLOTS
#define FIRST		(STEP * 1000ULL)
#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
#define FOR_EVER	SOCKIOCP_INFINITE
/* So many go out at once. */
#define AT_ONCE		32

/* ------------------------------------------------------- a program's side of it */

/* Whether it could be put there: nobody else does so meanwhile. */
static int ring_put(struct sockiocp_ring *ring, __u64 key)
{
	__u64 tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	struct sockiocp_packet_entry *slot = &ring->entries[tail / STEP % SLOTS];

	if (tail & BITS || tail - __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) >= STEP * SLOTS)
		return 0;
	*slot = (struct sockiocp_packet_entry) { .completion_key = key, .overlapped = ~key };
	return __atomic_compare_exchange_n(&ring->tail, &tail, tail + STEP, 0, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* The same beside others; as the library does, the kernel is asked if that fails. */
static int ring_put_or_post(struct sockiocp_ring *ring, int port, __u64 key)
{
	int put;

	if (__atomic_exchange_n(&ring->lock, 1, __ATOMIC_ACQUIRE))
		return device_post(port, key);
	put = ring_put(ring, key);
	__atomic_store_n(&ring->lock, 0, __ATOMIC_RELEASE);
	return put ? 0 : device_post(port, key);
}

/* 1 with a packet; 0 if the ring is open and empty; -1 if the kernel has to be asked. */
static int ring_take(struct sockiocp_ring *ring, __u64 *key)
{
	__u64 head, tail;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	if (tail & BITS)
		return -1;
	if (tail == head)
		return 0;
	*key = ring->entries[head / STEP % SLOTS].completion_key;
	return __atomic_compare_exchange_n(&ring->head, &head, head + STEP, 0, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST) ? 1 : -1;
}

/* Takes one also while the ring is shut, as long as the kernel has not. */
static int ring_snatch(struct sockiocp_ring *ring)
{
	__u64 head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	__u64 tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) & ~(__u64)BITS;

	return tail != head && __atomic_compare_exchange_n(&ring->head, &head, head + STEP, 0,
							   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int ring_is_open(struct sockiocp_ring *ring)
{
	return !(__atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) & BITS);
}

static int ring_set(int port, struct sockiocp_ring *ring)
{
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)ring,
		.empty = FIRST,
		.handle = port,
		.flags = SOCKIOCP_MIRROR_RING,
	};

	return device_call(port, SOCKIOCP_SET_MIRROR, &mirror);
}

static long long user_packets(int port)
{
	struct sockiocp_info info = { 0 };

	return device_call(port, SOCKIOCP_INFO, &info) ? -1 : (long long)info.user_packets;
}

static int look(int port)
{
	__u64 key;

	return device_harvest(port, 0, &key, 1);
}

/* Does a thread that looks in vain open it, when others have gone? */
static int ring_opens(int port, struct sockiocp_ring *ring)
{
	int64_t end = now_ms() + COMES;

	while (look(port) == -ETIME && !ring_is_open(ring) && now_ms() < end)
		sleep_ms(1);
	return ring_is_open(ring);
}

FIXTURE(ring) {
	int port;
	struct sockiocp_ring *ring;
	int fd[2];
};

FIXTURE_SETUP(ring)
{
	int ret;

	self->port = device_open();
	ASSERT_LE(0, self->port);
	self->ring = shared_memory(PAGE);
	ASSERT_NE(NULL, self->ring);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
	ret = ring_set(self->port, self->ring);
	if (ret == -EOPNOTSUPP && goes_not("rings"))
		SKIP(_exit(255), "the module was built without rings");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(ring)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	munmap(self->ring, PAGE);
}

/* This many packets, from this key on, come by the kernel. */
#define EXPECT_KEYS(port, first, n)						\
	do {									\
		__u64 got_[8];							\
		int i_, j_, n_;							\
										\
		for (i_ = 0; i_ < (n); i_ += n_) {				\
			n_ = device_harvest(port, 0, got_, (n) - i_ < 8 ? (n) - i_ : 8);	\
			ASSERT_LT(0, n_);					\
			for (j_ = 0; j_ < n_; j_++)				\
				ASSERT_EQ((__u64)(first) + i_ + j_, got_[j_]);	\
		}								\
	} while (0)

#define PUT(first, n)								\
	do {									\
		int i_;								\
										\
		for (i_ = 0; i_ < (n); i_++)					\
			ASSERT_EQ(1, ring_put(self->ring, (first) + i_));	\
	} while (0)

/* ----------------------------------------------------------------- the packets */

TEST_F(ring, packets_come_from_the_kernel_as_they_were)
{
	struct sockiocp_packet_entry got = { 0 }, *slot = &self->ring->entries[FIRST / STEP % SLOTS];
	__u32 received = 0;
	struct sockiocp_process p = device_process(self->port, NULL, 0, &got, 1, &received, 0);

	*slot = (struct sockiocp_packet_entry) {
		.completion_key = 1, .overlapped = 2, .internal = 3, .bytes_transferred = 4,
		.reserved = 5,
	};
	__atomic_store_n(&self->ring->tail, FIRST + STEP, __ATOMIC_RELEASE);
	ASSERT_EQ(0, device_wait(self->port, &p));
	EXPECT_EQ(1, received);
	EXPECT_EQ(1, got.completion_key);
	EXPECT_EQ(2, got.overlapped);
	EXPECT_EQ(3, got.internal);
	EXPECT_EQ(4, got.bytes_transferred);
	/* It is the kernel's. */
	EXPECT_EQ(0, got.reserved);
}

TEST_F(ring, is_older_than_what_is_queued)
{
	PUT(1, 3);
	ASSERT_EQ(0, device_post(self->port, 4));
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_EQ(0, ring_put(self->ring, 5));
	ASSERT_EQ(0, device_post(self->port, 5));
	EXPECT_KEYS(self->port, 1, 5);
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_TRUE(ring_is_open(self->ring));
}

TEST_F(ring, is_older_than_what_a_socket_queues)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 3, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE,
				  SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT));
	PUT(1, 2);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_KEYS(self->port, 1, 3);
}

/* A socket that is ready when it is armed goes past the queue, but not past the ring. */
TEST_F(ring, is_older_than_what_is_armed_in_the_call)
{
	struct sockiocp_registration_entry reg =
		device_entry(self->fd[0], 2, SOCKIOCP_REGISTER_IN, SOCKIOCP_OP_ENABLE,
			     SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT);
	struct sockiocp_packet_entry got[4];
	__u32 received = 0;
	struct sockiocp_process p = device_process(self->port, &reg, 1, got, 4, &received, 0);
	int i;

	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	/* The first time it is new. */
	for (i = 0; i < 3; i++) {
		PUT(1, 1);
		ASSERT_EQ(0, device_wait(self->port, &p));
		ASSERT_EQ(2, received);
		EXPECT_EQ(1, got[0].completion_key);
		EXPECT_EQ(2, got[1].completion_key);
	}
}

TEST_F(ring, all_of_it_comes_however_often_it_is_filled)
{
	unsigned int times;

	for (times = 0; times < 5; times++) {
		PUT(times * SLOTS, SLOTS);
		EXPECT_EQ(0, ring_put(self->ring, 1));
		EXPECT_KEYS(self->port, times * SLOTS, SLOTS);
		EXPECT_TRUE(ring_is_open(self->ring));
	}
}

/* Half of it goes out, the rest cannot be written to a page that is not there. */
TEST_F(ring, what_is_put_back_comes_again)
{
	struct sockiocp_packet_entry *missing;
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	__u32 received = 0;
	struct sockiocp_process p;

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, munmap(pages + PAGE, PAGE));
	missing = (void *)(pages + PAGE);
	p = device_process(self->port, NULL, 0, missing - AT_ONCE, 2 * AT_ONCE, &received, 0);
	PUT(1, AT_ONCE + 8);
	ASSERT_EQ(0, device_wait(self->port, &p));
	EXPECT_EQ(AT_ONCE, received);
	EXPECT_EQ(1, (missing - AT_ONCE)->completion_key);
	EXPECT_KEYS(self->port, 1 + AT_ONCE, 8);
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_TRUE(ring_is_open(self->ring));
	munmap(pages, PAGE);
}

/*
 * A random sequence of all that puts packets in and takes them out, and a model, which is a
 * queue: keys are numbers in the order in which they come.
 */
#define KEY_OF_SOCKET	(~0ULL)

struct model {
	int port;
	struct sockiocp_ring *ring;
	int fd[2];
	struct random random;
	/* The next that will be put in, and that has to come. */
	__u64 next, want;
	/* Which of these is the socket's; 0 if none is. */
	__u64 of_socket;
	unsigned int put, taken;
};

/* Returns NULL if these are the ones that have to come. */
static const char *model_takes(struct model *m, const __u64 *keys, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		history_add("%llu comes, %llu should, the socket's is %llu", keys[i], m->want,
			    m->of_socket);
		if (keys[i] != (m->want == m->of_socket ? KEY_OF_SOCKET : m->want))
			return "not in order";
		if (m->want == m->of_socket && sock_drain(m->fd[0]) != 1)
			return "the datagram is not there";
		if (m->want == m->of_socket)
			m->of_socket = 0;
		m->want++;
	}
	return NULL;
}

static const char *model_socket(struct model *m)
{
	if (m->of_socket)
		return NULL;
	if (device_apply(m->port, m->fd[0], KEY_OF_SOCKET, SOCKIOCP_REGISTER_IN, SOCKIOCP_OP_ENABLE,
			 SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT))
		return "it could not be registered";
	if (sock_send(m->fd[1], "x", 1) != 1 || !loopback_settle())
		return "it cannot send";
	m->of_socket = m->next++;
	history_add("socket");
	return NULL;
}

static const char *model_step(struct model *m)
{
	struct pollfd poll_port = { .fd = m->port, .events = POLLIN };
	__u64 keys[8];
	int n;

	switch (random_below(&m->random, 10)) {
	case 0: case 1: case 2: case 3:
		n = ring_put(m->ring, m->next);
		history_add("put %d", n);
		m->next += n;
		m->put += n;
		return NULL;
	case 4:
		return device_post(m->port, m->next++) ? "it cannot post" : NULL;
	case 5: case 6:
		n = ring_take(m->ring, keys);
		if (!n && m->want != m->next)
			return "the ring is open, and empty";
		m->taken += n > 0;
		return model_takes(m, keys, n);
	case 7: case 8:
		n = device_harvest(m->port, 0, keys, 1 + random_below(&m->random, 8));
		if ((n == -ETIME) != (m->want == m->next) || (n < 0 && n != -ETIME))
			return "not as many as there are";
		return model_takes(m, keys, n);
	}
	if (random_below(&m->random, 2))
		return model_socket(m);
	return poll(&poll_port, 1, 0) == (m->want != m->next) ? NULL : "poll() is wrong";
}

TEST_F(ring, order_is_that_of_a_queue)
{
	struct model m = {
		.port = self->port, .ring = self->ring, .fd = { self->fd[0], self->fd[1] },
		.random = random_start(random_seed(0)), .next = 1, .want = 1,
	};
	const char *wrong = NULL;
	unsigned int steps;

	ASSERT_EQ(0, one_processor());
	ASSERT_EQ(0, loopback_open());
	for (steps = 0; steps < 10000 && !wrong; steps++)
		wrong = model_step(&m);
	if (wrong)
		history_print();
	ASSERT_EQ(NULL, wrong) { TH_LOG("step %u: %s", steps, wrong); }
	/* Both ways were gone. */
	EXPECT_LT(steps / 50, m.taken);
	EXPECT_LT(steps / 20, m.put);
}

/* ------------------------------------------------------------------ who waits */

TEST_F(ring, is_shut_while_a_thread_waits)
{
	struct sockiocp_packet_entry got;
	__u32 received = 0;
	struct blocked b = {
		.port = self->port,
		.p = device_process(self->port, NULL, 0, &got, 1, &received, FOR_EVER),
	};

	ASSERT_EQ(1, blocked_start(&b));
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_FALSE(ring_is_open(self->ring));
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(0, b.ret);
	EXPECT_TRUE(ring_opens(self->port, self->ring));
}

/* Another thread looks, which is then associated, too: is the ring shut as long as it is? */
static void *look_and_see(void *arg)
{
	struct ring_of { int port; struct sockiocp_ring *ring; } *of = arg;

	return (void *)(intptr_t)(look(of->port) != -ETIME || ring_is_open(of->ring));
}

static int other_thread_looks(int port, struct sockiocp_ring *ring)
{
	struct { int port; struct sockiocp_ring *ring; } of = { port, ring };
	pthread_t thread;
	void *wrong;

	if (pthread_create(&thread, NULL, look_and_see, &of) || pthread_join(thread, &wrong))
		return -EAGAIN;
	return (int)(intptr_t)wrong;
}

/* It would have had to wait for a slot. */
TEST_F(ring, is_shut_if_more_threads_are_associated_than_may_run)
{
	ASSERT_EQ(-ETIME, look(self->port));
	ASSERT_EQ(0, port_configure(self->port, 1));
	ASSERT_EQ(-ETIME, look(self->port));
	EXPECT_TRUE(ring_is_open(self->ring));
	EXPECT_EQ(0, other_thread_looks(self->port, self->ring));
	/* That has ended. */
	EXPECT_TRUE(ring_opens(self->port, self->ring));
}

struct newcomer {
	int port;
	struct sockiocp_ring *ring;
	int ret, has_looked, may_end;
};

static void *look_for_a_moment(void *arg)
{
	struct newcomer *n = arg;
	__u64 key;

	/* The time is over before it would sleep. */
	n->ret = device_harvest(n->port, 1, &key, 1);
	__atomic_store_n(&n->has_looked, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&n->may_end, __ATOMIC_ACQUIRE))
		sched_yield();
	return NULL;
}

/* The other one is associated from then on, and could take what the slot is not free for. */
TEST_F(ring, is_shut_when_a_thread_comes_that_may_not_run)
{
	struct newcomer n = { .port = self->port, .ring = self->ring };
	pthread_t thread;

	ASSERT_EQ(0, port_configure(self->port, 1));
	ASSERT_EQ(-ETIME, look(self->port));
	ASSERT_TRUE(ring_is_open(self->ring));
	ASSERT_EQ(0, pthread_create(&thread, NULL, look_for_a_moment, &n));
	/* Without a call that blocks: this thread runs. */
	while (!__atomic_load_n(&n.has_looked, __ATOMIC_ACQUIRE))
		;
	EXPECT_EQ(-ETIME, n.ret);
	EXPECT_FALSE(ring_is_open(self->ring));
	__atomic_store_n(&n.may_end, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

TEST_F(ring, what_is_in_it_when_fewer_may_run_is_queued)
{
	PUT(1, 2);
	ASSERT_EQ(0, port_configure(self->port, 1));
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_KEYS(self->port, 1, 2);
}

TEST_F(ring, is_shut_while_somebody_polls)
{
	int epoll = fd_epoll();

	ASSERT_LE(0, epoll);
	PUT(1, 1);
	ASSERT_EQ(0, epoll_watch(epoll, self->port, 0));
	EXPECT_EQ(1, epoll_sees(epoll, COMES));
	EXPECT_KEYS(self->port, 1, 1);
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_EQ(0, epoll_sees(epoll, 0));
	ASSERT_EQ(0, device_post(self->port, 2));
	EXPECT_EQ(1, epoll_sees(epoll, 0));
	EXPECT_KEYS(self->port, 2, 1);
	fd_close(epoll);
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_TRUE(ring_is_open(self->ring));
}

/* ------------------------------------------------- in the hands of another thread */

struct taker {
	int port, count;
	struct block block;
	int ret;
	pthread_t thread;
};

static void *take(void *arg)
{
	struct taker *taker = arg;
	__u32 received = 0;
	struct sockiocp_process p = device_process(taker->port, NULL, 0, taker->block.memory,
						   taker->count, &received, FOR_EVER);

	taker->ret = device_wait(taker->port, &p);
	return NULL;
}

/* It has one packet in its hands, the ring is open, and another is put there. */
static void taken_away(struct __test_metadata *_metadata, FIXTURE_DATA(ring) *self, int fails)
{
	struct taker taker = { .port = self->port, .count = 1 };
	int64_t end = now_ms() + COMES;

	NEED_FAULTS(&taker.block);
	ASSERT_EQ(0, block_end(&taker.block));
	/* Both may run. */
	ASSERT_EQ(0, port_configure(self->port, 2));
	ASSERT_EQ(0, pthread_create(&taker.thread, NULL, take, &taker));
	while (fdinfo_value(self->port, "waiters") != 1 && now_ms() < end)
		sleep_ms(1);
	ASSERT_EQ(1, fdinfo_value(self->port, "waiters"));
	ASSERT_EQ(0, block_again(&taker.block));
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_TRUE(block_is_reached(&taker.block, COMES));
	ASSERT_EQ(-ETIME, look(self->port));
	PUT(2, 2);
	ASSERT_EQ(0, fails ? block_fail(&taker.block) : block_end(&taker.block));
	ASSERT_EQ(0, pthread_join(taker.thread, NULL));
	EXPECT_EQ(fails ? -EFAULT : 0, taker.ret);
	EXPECT_KEYS(self->port, fails ? 1 : 2, fails ? 3 : 2);
	EXPECT_EQ(-ETIME, look(self->port));
}

TEST_F(ring, what_another_thread_puts_back_is_older)
{
	taken_away(_metadata, self, 1);
}

TEST_F(ring, what_another_thread_has_taken_is_no_matter)
{
	taken_away(_metadata, self, 0);
}

/* It gets as many as go out at once, and has as many more in its hands, which it can't write. */
static void *take_twice(void *arg)
{
	struct taker *taker = arg;
	struct sockiocp_packet_entry *missing = (void *)taker->block.memory;
	__u32 received = 0;
	struct sockiocp_process p = device_process(taker->port, NULL, 0, missing - AT_ONCE,
						   2 * AT_ONCE, &received, 0);

	taker->ret = device_wait(taker->port, &p);
	taker->count = (int)received;
	return NULL;
}

TEST_F(ring, what_several_threads_put_back_is_older)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
	enum { TAKERS = 3 };
	struct taker taker[TAKERS];
	int turn, i, n;

	ASSERT_EQ(0, port_configure(self->port, TAKERS + 1));
	for (turn = 0; turn < 3; turn++) {
		for (i = 0; i < TAKERS; i++) {
			for (n = 1; n <= 2 * AT_ONCE; n++)
				ASSERT_EQ(0, device_post(self->port, 100 * i + n));
			taker[i] = (struct taker) { .port = self->port };
			NEED_FAULTS(&taker[i].block);
			ASSERT_EQ(0, pthread_create(&taker[i].thread, NULL, take_twice, &taker[i]));
			ASSERT_TRUE(block_is_reached(&taker[i].block, COMES));
		}
		ASSERT_TRUE(ring_opens(self->port, self->ring));
		PUT(1000, 2);
		for (i = 0; i < TAKERS; i++) {
			n = orders[turn][i];
			ASSERT_EQ(0, block_fail(&taker[n].block));
			ASSERT_EQ(0, pthread_join(taker[n].thread, NULL));
			EXPECT_EQ(0, taker[n].ret);
			EXPECT_EQ(AT_ONCE, taker[n].count);
		}
		for (i = 0; i < TAKERS; i++)
			EXPECT_KEYS(self->port, 100 * i + AT_ONCE + 1, AT_ONCE);
		EXPECT_KEYS(self->port, 1000, 2);
	}
}

/* -------------------------------------------------------------------- the end */

TEST_F(ring, what_is_in_it_is_queued_when_a_descriptor_is_closed)
{
	int other = fd_dup(self->port);

	ASSERT_LE(0, other);
	PUT(1, 5);
	fd_close(other);
	EXPECT_EQ(SOCKIOCP_MIRROR_ENDED, self->ring->tail & SOCKIOCP_MIRROR_ENDED);
	EXPECT_EQ(0, ring_put(self->ring, 6));
	EXPECT_EQ(-1, ring_take(self->ring, &(__u64){ 0 }));
	EXPECT_KEYS(self->port, 1, 5);
	EXPECT_EQ(0, user_packets(self->port));
	/* And it can have another one. */
	ASSERT_EQ(0, ring_set(self->port, self->ring));
	PUT(1, 1);
	EXPECT_KEYS(self->port, 1, 1);
}

struct sharer {
	int port, sock;
};

/* A process that has a ring, puts packets there, says so, and does not come to its end. */
static void put_and_rest(void *arg)
{
	struct sharer *sharer = arg;
	struct sockiocp_ring *ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	__u64 key;

	if (ring == MAP_FAILED || ring_set(sharer->port, ring))
		_exit(1);
	for (key = 1; key <= 7; key++)
		if (ring_put(ring, key) != 1)
			_exit(2);
	sock_send(sharer->sock, "x", 1);
	process_rest();
}

TEST_F(ring, what_a_process_that_is_killed_has_put_is_there)
{
	struct sharer sharer = { .port = device_open(), .sock = self->fd[1] };
	int child;
	char c;

	ASSERT_LE(0, sharer.port);
	child = process_start(put_and_rest, &sharer);
	ASSERT_LT(0, child);
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	/* It is there for others, too, while that lives. */
	EXPECT_KEYS(sharer.port, 1, 3);
	ASSERT_EQ(0, process_kill(child));
	EXPECT_KEYS(sharer.port, 4, 4);
	EXPECT_EQ(-ETIME, look(sharer.port));
	EXPECT_EQ(0, user_packets(sharer.port));
	fd_close(sharer.port);
}

/* ------------------------------------------------------------ accounts, arguments */

TEST_F(ring, room_for_it_is_charged)
{
	EXPECT_EQ(SLOTS, user_packets(self->port));
	PUT(1, 2);
	EXPECT_EQ(2, fdinfo_value(self->port, "packets"));
	EXPECT_EQ(SLOTS, user_packets(self->port));
	EXPECT_KEYS(self->port, 1, 2);
	EXPECT_EQ(SLOTS, user_packets(self->port));
	EXPECT_EQ(2, fdinfo_value(self->port, "delivered"));
}

TEST_F(ring, what_the_program_takes_counts_as_delivered)
{
	__u64 key;

	PUT(1, 3);
	ASSERT_EQ(1, ring_take(self->ring, &key));
	ASSERT_EQ(1, ring_take(self->ring, &key));
	EXPECT_EQ(1, fdinfo_value(self->port, "packets"));
	EXPECT_EQ(2, fdinfo_value(self->port, "delivered"));
}

/* With it a user may post as many as without. */
TEST_F(ring, limit_is_the_same)
{
	long long limit = param_get("max_user_packets");
	int i, posted = 0;

	ASSERT_LT(0, limit);
	if (param_set("max_user_packets", SLOTS + 10))
		SKIP(return, "root's to set");
	PUT(1, 3);
	for (i = 0; i < SLOTS + 20; i++)
		posted += !device_post(self->port, 4 + i);
	EXPECT_EQ(SLOTS + 10, posted + 3);
	EXPECT_EQ(SLOTS + 10, user_packets(self->port));
	EXPECT_KEYS(self->port, 1, SLOTS + 10);
	EXPECT_EQ(SLOTS, user_packets(self->port));
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_TRUE(ring_is_open(self->ring));
	EXPECT_EQ(0, param_set("max_user_packets", limit));
}

TEST_F(ring, beyond_the_limit_there_is_none)
{
	long long limit = param_get("max_user_packets");
	struct sockiocp_ring *ring = shared_memory(PAGE);
	int other = device_open();

	ASSERT_NE(NULL, ring);
	if (param_set("max_user_packets", 8 * SLOTS - 1))
		SKIP(return, "root's to set");
	EXPECT_EQ(-ENOBUFS, ring_set(other, ring));
	EXPECT_EQ(SLOTS, user_packets(other));
	EXPECT_EQ(0, param_set("max_user_packets", limit));
	EXPECT_EQ(0, ring_set(other, ring));
	fd_close(other);
	EXPECT_EQ(SLOTS, user_packets(self->port));
	munmap(ring, PAGE);
}

TEST_F(ring, wants_good_arguments)
{
	struct sockiocp_ring *two = shared_memory(2 * PAGE);
	struct sockiocp_mirror unknown = {
		.word = (uintptr_t)two, .empty = FIRST, .flags = 2,
	};
	int other = device_open();

	ASSERT_NE(NULL, two);
	unknown.handle = other;
	EXPECT_EQ(-EINVAL, device_call(other, SOCKIOCP_SET_MIRROR, &unknown));
	EXPECT_EQ(-EINVAL, ring_set(other, (void *)((char *)two + PAGE - sizeof(*two) + 8)));
	EXPECT_EQ(0, ring_set(other, (void *)((char *)two + PAGE - sizeof(*two))));
	fd_close(other);
	munmap(two, 2 * PAGE);
}

TEST_F(ring, is_told_to_who_asks_for_a_mirror)
{
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)self->ring + 512, .empty = 16, .handle = self->port,
	};

	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_SET_MIRROR, &mirror));
	EXPECT_EQ((uintptr_t)self->ring, mirror.word);
	EXPECT_EQ(FIRST, mirror.empty);
	EXPECT_EQ(SOCKIOCP_MIRROR_RING, mirror.flags);
}

TEST_F(ring, takes_the_place_of_a_mirror)
{
	struct sockiocp_ring *ring = shared_memory(PAGE);
	int other = device_open();
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)ring, .empty = 16, .handle = other,
	};

	ASSERT_NE(NULL, ring);
	ASSERT_EQ(0, device_call(other, SOCKIOCP_SET_MIRROR, &mirror));
	ASSERT_EQ(0, ring_set(other, (void *)((char *)ring + 512)));
	EXPECT_EQ(16 | SOCKIOCP_MIRROR_ENDED, ring->tail);
	EXPECT_EQ(-ETIME, look(other));
	EXPECT_TRUE(ring_is_open((void *)((char *)ring + 512)));
	fd_close(other);
	munmap(ring, PAGE);
}

TEST_F(ring, is_not_made_while_others_wait)
{
	struct sockiocp_packet_entry got;
	int other = device_open();
	__u32 received = 0;
	struct blocked b = {
		.port = other,
		.p = device_process(other, NULL, 0, &got, 1, &received, FOR_EVER),
	};
	struct sockiocp_ring *ring = shared_memory(PAGE);

	ASSERT_NE(NULL, ring);
	ASSERT_EQ(1, blocked_start(&b));
	EXPECT_EQ(-EAGAIN, ring_set(other, ring));
	ASSERT_EQ(0, device_post(other, 1));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(0, ring_set(other, ring));
	fd_close(other);
	munmap(ring, PAGE);
}

/* By a parameter of the module's, from the one value to the other, and back. */
static void shut_by(struct __test_metadata *_metadata, FIXTURE_DATA(ring) *self,
		    const char *name, int shuts)
{
	PUT(1, 3);
	if (param_set(name, shuts))
		SKIP(return, "root's to set");
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_KEYS(self->port, 1, 3);
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_FALSE(ring_is_open(self->ring));
	EXPECT_EQ(0, param_set(name, !shuts));
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_TRUE(ring_is_open(self->ring));
}

TEST_F(ring, is_shut_when_there_are_to_be_none)
{
	shut_by(_metadata, self, "rings", 0);
}

/* Who switches them on sees what comes from then on, whether or not the program calls. */
TEST_F(ring, is_shut_when_packets_are_to_be_counted)
{
	shut_by(_metadata, self, "histograms", 1);
	shut_by(_metadata, self, "late_packet_ms", 1);
}

/* --------------------------------------------------------------------- attacks */

/* Whatever is written there: no more comes at once than there are slots, and all goes on. */
TEST_F(ring, rubbish_is_nobody_elses_matter)
{
	struct random r = random_start(random_seed(0));
	__u64 *words = (__u64 *)self->ring, keys[8];
	int i, n, looks;

	for (i = 0; i < 1500; i++) {
		for (n = 0; n < 2; n++) {
			__u64 value = random_next(&r) >> random_below(&r, 64);

			__atomic_store_n(&words[random_below(&r, 2)],
					 random_below(&r, 4) ? value & ~3ULL : value,
					 __ATOMIC_SEQ_CST);
		}
		for (looks = 0; looks < SLOTS; looks++)
			if (device_harvest(self->port, 0, keys, 8) == -ETIME)
				break;
		ASSERT_GT(SLOTS, looks);
		EXPECT_EQ(SLOTS, user_packets(self->port));
	}
	ASSERT_EQ(0, device_post(self->port, 77));
	do
		n = device_harvest(self->port, 0, keys, 1);
	while (n == 1 && keys[0] != 77);
	EXPECT_EQ(77, keys[0]);
}

/* ----------------------------------------------------------------------- races */

#define POSTERS		3
#define EACH		2500

struct crowd {
	int port;
	struct sockiocp_ring *ring;
	pthread_t thread[POSTERS];
	int number;
	/* What was seen last of each. */
	int last[POSTERS];
	int wrong;
	int stop;
};

static void *post_many(void *arg)
{
	struct crowd *crowd = arg;
	int number = __atomic_fetch_add(&crowd->number, 1, __ATOMIC_RELAXED), i;

	for (i = 1; i <= EACH; i++)
		if (ring_put_or_post(crowd->ring, crowd->port, (__u64)number << 32 | i))
			break;
	return NULL;
}

/* Shuts it, and has it opened, again and again. */
static void *disturb(void *arg)
{
	struct crowd *crowd = arg;
	struct pollfd poll_port = { .fd = crowd->port, .events = POLLIN };

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED)) {
		poll(&poll_port, 1, 0);
		port_configure(crowd->port, 0);
		sched_yield();
	}
	return NULL;
}

/*
 * One thread takes all, now from the ring, now by a call that waits: none is lost, each of the
 * others' packets are in their order, and it never sleeps beside a packet.
 */
TEST_F(ring, nothing_is_lost_among_threads)
{
	struct crowd crowd = { .port = self->port, .ring = self->ring };
	unsigned int got = 0, waited = 0;
	pthread_t disturber;
	__u64 key;
	int i, n;

	ASSERT_EQ(0, pthread_create(&disturber, NULL, disturb, &crowd));
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&crowd.thread[i], NULL, post_many, &crowd));
	while (got < POSTERS * EACH) {
		n = got % 3 ? ring_take(self->ring, &key) : -1;
		if (n < 1) {
			n = device_harvest(self->port, n ? COMES * 1000000ULL : 0, &key, 1);
			waited++;
		}
		if (n == -ETIME && got % 3)
			continue;
		ASSERT_EQ(1, n) { TH_LOG("after %u", got); }
		i = key >> 32;
		ASSERT_GT(POSTERS, i);
		ASSERT_EQ(crowd.last[i] + 1, (int)(key & 0xffffffff));
		crowd.last[i]++;
		got++;
	}
	crowd.stop = 1;
	for (i = 0; i < POSTERS; i++)
		pthread_join(crowd.thread[i], NULL);
	pthread_join(disturber, NULL);
	EXPECT_EQ(-ETIME, look(self->port));
	EXPECT_EQ(0, fdinfo_value(self->port, "packets"));
}

struct round {
	int port;
	struct sockiocp_ring *ring;
	/* Which it is, and how many have come to its end. */
	int number, ended;
	int stop, taken;
};

/* All begin it at once, if they have processors: nobody sleeps. */
static void round_begin(struct round *round)
{
	round->taken = 0;
	__atomic_store_n(&round->ended, 0, __ATOMIC_RELAXED);
	__atomic_fetch_add(&round->number, 1, __ATOMIC_SEQ_CST);
}

/* Returns whether it is over in time. */
static int round_ends(struct round *round, int threads)
{
	int64_t end = now_ms() + COMES;

	while (__atomic_load_n(&round->ended, __ATOMIC_ACQUIRE) < threads && now_ms() < end)
		sched_yield();
	return __atomic_load_n(&round->ended, __ATOMIC_ACQUIRE) == threads;
}

/* Returns whether there is one. */
static int round_comes(struct round *round, int *number)
{
	while (__atomic_load_n(&round->number, __ATOMIC_ACQUIRE) == *number)
		sched_yield();
	++*number;
	return !round->stop;
}

static void spin_ns(unsigned int ns)
{
	int64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

static void round_is_over(struct round *round)
{
	__atomic_fetch_add(&round->ended, 1, __ATOMIC_RELEASE);
}

static void *take_in_rounds(void *arg)
{
	struct round *round = arg;
	int i, number = 0;

	while (round_comes(round, &number)) {
		for (i = 0; i < 4 * SLOTS; i++)
			round->taken += ring_snatch(round->ring);
		round_is_over(round);
	}
	return NULL;
}

/* The kernel empties it while the program takes from it. */
TEST_F(ring, each_packet_is_taken_by_one_or_the_other)
{
	struct round round = { .port = self->port, .ring = self->ring };
	int i, n, by_kernel;
	pthread_t thread;
	__u64 keys[8];

	ASSERT_EQ(0, port_configure(self->port, 8));
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_in_rounds, &round));
	ASSERT_TRUE(ring_opens(self->port, self->ring));
	for (i = 0; i < 300; i++) {
		by_kernel = 0;
		PUT(1, SLOTS);
		round_begin(&round);
		while ((n = device_harvest(self->port, 0, keys, 8)) > 0)
			by_kernel += n;
		ASSERT_TRUE(round_ends(&round, 1));
		ASSERT_EQ(SLOTS, by_kernel + round.taken);
		ASSERT_TRUE(ring_opens(self->port, self->ring));
	}
	round.stop = 1;
	round_begin(&round);
	pthread_join(thread, NULL);
}

static void *wait_in_rounds(void *arg)
{
	struct round *round = arg;
	int number = 0;
	__u64 key;

	while (round_comes(round, &number)) {
		round->taken = device_harvest(round->port, FOR_EVER, &key, 1);
		round_is_over(round);
	}
	return NULL;
}

static void *open_in_rounds(void *arg)
{
	struct random r = random_start(random_seed(1));
	struct round *round = arg;
	int number = 0;
	__u64 key;

	while (round_comes(round, &number)) {
		spin_ns(random_below(&r, 100000));
		/* What it gets itself is for the other one. */
		if (device_harvest(round->port, 0, &key, 1) == 1)
			ring_put_or_post(round->ring, round->port, key);
		round_is_over(round);
	}
	return NULL;
}

/* One thread begins to wait while another one's look opens the ring, and a third one posts. */
TEST_F(ring, nobody_sleeps_beside_a_packet)
{
	struct round round = { .port = self->port, .ring = self->ring };
	struct random r = random_start(random_seed(0));
	pthread_t waiter, opener;
	int i;

	ASSERT_EQ(0, port_configure(self->port, 8));
	ASSERT_EQ(0, pthread_create(&waiter, NULL, wait_in_rounds, &round));
	ASSERT_EQ(0, pthread_create(&opener, NULL, open_in_rounds, &round));
	for (i = 0; i < 250; i++) {
		round_begin(&round);
		/* It takes the other ones as long to come there. */
		spin_ns(random_below(&r, 150000));
		ASSERT_EQ(0, ring_put_or_post(self->ring, self->port, 1 + i));
		ASSERT_TRUE(round_ends(&round, 2)) {
			TH_LOG("in round %d", i);
		}
		ASSERT_EQ(1, round.taken);
		ASSERT_TRUE(ring_opens(self->port, self->ring));
	}
	round.stop = 1;
	round_begin(&round);
	pthread_join(waiter, NULL);
	pthread_join(opener, NULL);
}

/* Several take: each packet comes once, whoever gets it. */
static void *take_many(void *arg)
{
	struct crowd *crowd = arg;
	__u64 keys[4];
	int i, n;

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED)) {
		n = ring_take(crowd->ring, keys);
		if (n < 1)
			n = device_harvest(crowd->port, 1000000, keys, 4);
		for (i = 0; i < n; i++)
			__atomic_fetch_add(&crowd->last[keys[i] >> 32], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(ring, each_packet_comes_once_to_several)
{
	struct crowd crowd = { .port = self->port, .ring = self->ring };
	pthread_t takers[2], disturber;
	int64_t end;
	int i;

	ASSERT_EQ(0, port_configure(self->port, 8));
	ASSERT_EQ(0, pthread_create(&disturber, NULL, disturb, &crowd));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&takers[i], NULL, take_many, &crowd));
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&crowd.thread[i], NULL, post_many, &crowd));
	for (i = 0; i < POSTERS; i++)
		pthread_join(crowd.thread[i], NULL);
	end = now_ms() + COMES;
	for (i = 0; i < POSTERS; i++)
		while (__atomic_load_n(&crowd.last[i], __ATOMIC_RELAXED) < EACH && now_ms() < end)
			sleep_ms(1);
	crowd.stop = 1;
	for (i = 0; i < 2; i++)
		pthread_join(takers[i], NULL);
	pthread_join(disturber, NULL);
	for (i = 0; i < POSTERS; i++)
		EXPECT_EQ(EACH, crowd.last[i]);
	EXPECT_EQ(0, fdinfo_value(self->port, "packets"));
}

/* It ends, and begins anew, under those who put and take. */
static void *end_and_begin(void *arg)
{
	struct crowd *crowd = arg;
	__u64 first = FIRST;
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)crowd->ring, .handle = crowd->port,
		.flags = SOCKIOCP_MIRROR_RING,
	};

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED)) {
		fd_close(fd_dup(crowd->port));
		/* Nobody who puts anything there thinks that it is the old one. */
		first += 1ULL << 20;
		mirror.empty = first;
		if (__atomic_exchange_n(&crowd->ring->lock, 1, __ATOMIC_ACQUIRE))
			continue;
		device_call(crowd->port, SOCKIOCP_SET_MIRROR, &mirror);
		__atomic_store_n(&crowd->ring->lock, 0, __ATOMIC_RELEASE);
		sched_yield();
	}
	return NULL;
}

TEST_F(ring, nothing_is_lost_when_it_ends)
{
	struct crowd crowd = { .port = self->port, .ring = self->ring };
	unsigned int got = 0;
	pthread_t ender;
	__u64 key;
	int i, n;

	ASSERT_EQ(0, port_configure(self->port, 8));
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&crowd.thread[i], NULL, post_many, &crowd));
	ASSERT_EQ(0, pthread_create(&ender, NULL, end_and_begin, &crowd));
	while (got < POSTERS * EACH) {
		n = ring_take(self->ring, &key);
		if (n < 1)
			n = device_harvest(self->port, COMES * 1000000ULL, &key, 1);
		ASSERT_EQ(1, n) { TH_LOG("after %u", got); }
		crowd.last[key >> 32]++;
		got++;
	}
	crowd.stop = 1;
	for (i = 0; i < POSTERS; i++)
		pthread_join(crowd.thread[i], NULL);
	pthread_join(ender, NULL);
	for (i = 0; i < POSTERS; i++)
		EXPECT_EQ(EACH, crowd.last[i]);
}

static void end_it(void *arg)
{
	int port = (int)(intptr_t)arg;

	for (;;) {
		fd_close(fd_dup(port));
		sched_yield();
	}
}

/* It ends by the hand of another process, while this one looks for what it has put there. */
TEST_F(ring, look_finds_what_was_put_there_before)
{
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)self->ring, .empty = FIRST, .handle = self->port,
		.flags = SOCKIOCP_MIRROR_RING,
	};
	int64_t end = now_ms() + 500;
	int child[2], i, puts = 0;
	__u64 key;

	for (i = 0; i < 2; i++)
		child[i] = process_start(end_it, (void *)(intptr_t)self->port);
	while (now_ms() < end) {
		mirror.empty += 1 << 20;
		device_call(self->port, SOCKIOCP_SET_MIRROR, &mirror);
		if (ring_put(self->ring, 5) != 1)
			continue;
		puts++;
		ASSERT_EQ(1, device_harvest(self->port, 0, &key, 1)) {
			TH_LOG("after %d", puts);
		}
	}
	for (i = 0; i < 2; i++)
		process_kill(child[i]);
	EXPECT_LT(0, puts);
}

static void *set_other_mirror(void *arg)
{
	struct round *round = arg;
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)round->ring + 2560, .empty = 16, .handle = round->port,
	};

	while (!__atomic_load_n(&round->stop, __ATOMIC_RELAXED)) {
		device_call(round->port, SOCKIOCP_SET_MIRROR, &mirror);
		fd_close(fd_dup(round->port));
	}
	return NULL;
}

/* Another thread sets a mirror without a ring, and ends it, again and again. */
TEST_F(ring, errors_are_those_that_are_documented)
{
	struct round round = { .port = self->port, .ring = self->ring };
	int64_t end = now_ms() + 300;
	pthread_t thread;
	int ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, set_other_mirror, &round));
	while (now_ms() < end) {
		ret = ring_set(self->port, self->ring);
		ASSERT_TRUE(!ret || ret == -EAGAIN) {
			TH_LOG("it is %d", ret);
		}
		fd_close(fd_dup(self->port));
	}
	round.stop = 1;
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
