// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A packet that wakes a thread is handed to that thread: nobody else gets it, though
 * the thread has not run yet, unless it dies or its memory is bad.
 *
 * The threads here are on one processor, and those that wait run only when nobody
 * else wants to, while the test runs before all others.  So what is done right behind a
 * post is done before the thread runs that was woken.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/operation.h"
#include "lib/port.h"
#include "lib/random.h"
#include "lib/task.h"

#define KEY	0x4a4d

FIXTURE(handed) {
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_WAITS(handed);

static int stay_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* The thread, or process, runs only if the processor has nothing else to do. */
static int give_way(int tid)
{
	struct sched_param none = { 0 };

	return sched_setscheduler(tid, SCHED_IDLE, &none);
}

/* A busy machine may otherwise give those that wait a turn; without a right to it it may. */
static void run_first(void)
{
	struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &param);
}

FIXTURE_SETUP(handed)
{
	int fd[2];

	run_first();

	ASSERT_EQ(0, stay_on_one_processor());
	self->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 8);
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(handed)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define START(w)							\
	do {								\
		START_WAITER(w);					\
		ASSERT_EQ(0, give_way((w)->tid));			\
	} while (0)

#define EXPECT_GOT(w, want_key, want_mask)				\
	do {								\
		ASSERT_EQ(0, waiter_join(w, 2 * COMES));		\
		EXPECT_EQ(0, (w)->code);				\
		EXPECT_EQ(want_key, (w)->packet.key);			\
		EXPECT_EQ(want_mask, (w)->packet.mask);			\
	} while (0)

#define POST(n)								\
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, n, KEY, NULL))

/*
 * Wine asserts this of Windows.
 *
 * spec 12.14
 */
TEST_F(handed, packet_is_for_whom_it_woke)
{
	struct waiter first = WAITER(INFINITE), last = WAITER(INFINITE);

	START(&first);
	START(&last);
	POST(3);
	POST(4);
	POST(5);
	EXPECT_PACKETS_NOW(self->port, { KEY, 5 });
	EXPECT_GOT(&last, KEY, 3);
	EXPECT_GOT(&first, KEY, 4);
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(handed, packet_of_another_is_not_seen)
{
	struct waiter w = WAITER(INFINITE);

	START(&w);
	POST(3);
	EXPECT_FALSE(fd_sees(port_fd(self->port), 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(self->port, 0));
	EXPECT_NOTHING_NOW(self->port);
	POST(4);
	EXPECT_TRUE(fd_sees(port_fd(self->port), 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(self->port, 0));
	EXPECT_GOT(&w, KEY, 3);
	EXPECT_PACKETS_NOW(self->port, { KEY, 4 });
	EXPECT_EQ(0, port_told(self->port, "packets"));
}

/* One that begins to wait meanwhile is not there for what woke somebody else. */
TEST_F(handed, packet_of_another_is_not_waited_for)
{
	struct waiter w = WAITER(INFINITE), other = WAITER(INFINITE);

	START(&w);
	POST(3);
	EXPECT_NOTHING_NOW(self->port);
	ASSERT_EQ(0, waiter_start(&other));
	EXPECT_GOT(&w, KEY, 3);
	POST(4);
	EXPECT_GOT(&other, KEY, 4);
}

TEST_F(handed, readiness_is_for_whom_it_woke)
{
	struct waiter w = WAITER(INFINITE);

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL | T_ONESHOT));
	START(&w);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_FALSE(fd_sees(port_fd(self->port), 0));
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_GOT(&w, KEY, EV_IN);
	EXPECT_NOTHING_NOW(self->port);
}

/* A LEVEL packet is never stale; the thread goes on to wait. */
TEST_F(handed, what_is_no_longer_ready_is_not_reported)
{
	struct waiter w = WAITER(INFINITE);
	char c;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	START(&w);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	ASSERT_EQ(1, sock_recv(self->fd, &c, 1));
	ASSERT_TRUE(waiter_blocked(&w));
	POST(7);
	EXPECT_GOT(&w, KEY, 7);
}

TEST_F(handed, disable_takes_it_back)
{
	struct waiter w = WAITER(INFINITE);
	const UINT8 trigger[] = { T_LEVEL, T_EDGE };
	size_t i;
	char c;

	for (i = 0; i < ARRAY_SIZE(trigger); i++) {
		EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, trigger[i]));
		START(&w);
		ASSERT_EQ(1, sock_send(self->peer, "x", 1));
		EXPECT_EQ(0, disable(self->port, self->fd));
		EXPECT_EQ(0, port_told(self->port, "packets"));
		ASSERT_TRUE(waiter_blocked(&w));
		POST(7);
		EXPECT_GOT(&w, KEY, 7);
		ASSERT_EQ(1, sock_recv(self->fd, &c, 1));
	}
}

TEST_F(handed, remove_packet_is_all_that_is_left_of_it)
{
	struct waiter w = WAITER(INFINITE);

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	START(&w);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_GOT(&w, KEY, EV_REMOVE);
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(handed, packet_goes_with_the_socket)
{
	struct waiter w = WAITER(INFINITE);

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	START(&w);
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	fd_close(self->fd);
	self->fd = -1;
	ASSERT_TRUE(waiter_blocked(&w));
	POST(7);
	EXPECT_GOT(&w, KEY, 7);
}

/* ------------------------------------------------------- more than one packet */

/* A thread that takes several packets, into memory that can be taken away. */
struct taker {
	HANDLE port;
	OVERLAPPED_ENTRY *entries;
	ULONG count;
	pthread_t thread;
	int tid;
	ULONG n;
	DWORD code;
};

static void *take(void *arg)
{
	struct taker *t = arg;

	__atomic_store_n(&t->tid, thread_id(), __ATOMIC_RELEASE);
	if (!GetQueuedCompletionStatusEx(t->port, t->entries, t->count, &t->n,
					 2 * COMES, FALSE))
		t->code = GetLastError();
	return NULL;
}

#define START_TAKER(t, room, others)					\
	do {								\
		(t)->port = self->port;					\
		(t)->count = room;					\
		(t)->entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE,	\
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\
		ASSERT_NE(MAP_FAILED, (void *)(t)->entries);		\
		ASSERT_EQ(0, pthread_create(&(t)->thread, NULL, take, t));\
		ASSERT_TRUE(port_becomes(self->port, "waiters", others + 1, COMES)); \
		ASSERT_TRUE(task_blocked(0, (t)->tid, COMES));		\
		ASSERT_EQ(0, give_way((t)->tid));			\
	} while (0)

TEST_F(handed, what_woke_a_thread_comes_first_and_then_what_lies_behind)
{
	struct taker t = { 0 };
	DWORD i;

	START_TAKER(&t, 8, 0);
	for (i = 3; i < 6; i++)
		POST(i);
	ASSERT_EQ(0, pthread_join(t.thread, NULL));
	EXPECT_EQ(0, t.code);
	ASSERT_EQ(3, t.n);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(3 + i, t.entries[i].dwNumberOfBytesTransferred);
}

TEST_F(handed, room_for_many_is_not_for_what_woke_another)
{
	struct waiter first = WAITER(INFINITE);
	struct taker last = { 0 };
	DWORD i;

	START(&first);
	START_TAKER(&last, 8, 1);
	for (i = 3; i < 6; i++)
		POST(i);
	EXPECT_GOT(&first, KEY, 4);
	ASSERT_EQ(0, pthread_join(last.thread, NULL));
	ASSERT_EQ(2, last.n);
	EXPECT_EQ(3, last.entries[0].dwNumberOfBytesTransferred);
	EXPECT_EQ(5, last.entries[1].dwNumberOfBytesTransferred);
}

/* ----------------------------------------------- who cannot take what it was handed */

TEST_F(handed, bad_memory_hands_it_to_the_next)
{
	struct waiter first = WAITER(INFINITE);
	struct taker last = { 0 };

	START(&first);
	START_TAKER(&last, 1, 1);
	ASSERT_EQ(0, mprotect(last.entries, 4096, PROT_NONE));
	POST(3);
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_GOT(&first, KEY, 3);
	ASSERT_EQ(0, pthread_join(last.thread, NULL));
	EXPECT_EQ(ERROR_NOACCESS, last.code);
}

/* In its old place: before what lay behind it. */
TEST_F(handed, bad_memory_puts_it_back)
{
	struct taker t = { 0 };

	START_TAKER(&t, 1, 0);
	ASSERT_EQ(0, mprotect(t.entries, 4096, PROT_NONE));
	POST(3);
	POST(4);
	ASSERT_EQ(0, pthread_join(t.thread, NULL));
	EXPECT_EQ(ERROR_NOACCESS, t.code);
	EXPECT_PACKETS_NOW(self->port, { KEY, 3 }, { KEY, 4 });
}

static void wait_for_ever(void *arg)
{
	OVERLAPPED_ENTRY entry;
	ULONG n;

	GetQueuedCompletionStatusEx(*(HANDLE *)arg, &entry, 1, &n, INFINITE, FALSE);
	for (;;)
		sleep_ms(1000);
}

#define START_PROCESS(pid, run)						\
	do {								\
		(pid) = process_start(run, &self->port);		\
		ASSERT_LT(0, pid);					\
		ASSERT_TRUE(port_becomes(self->port, "waiters", 1, COMES)); \
		ASSERT_TRUE(task_blocked(pid, pid, COMES));		\
		ASSERT_EQ(0, give_way(pid));				\
	} while (0)

TEST_F(handed, packet_of_a_dead_thread_is_put_back)
{
	int pid;

	START_PROCESS(pid, wait_for_ever);
	POST(3);
	POST(4);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_PACKETS_NOW(self->port, { KEY, 4 });
	EXPECT_PACKETS(self->port, { KEY, 3 });
}

TEST_F(handed, packet_of_a_dead_thread_goes_to_the_next)
{
	struct waiter w = WAITER(INFINITE);
	int pid;

	START_PROCESS(pid, wait_for_ever);
	POST(3);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(0, waiter_start(&w));
	EXPECT_GOT(&w, KEY, 3);
}

static void wait_once(void *arg)
{
	HANDLE *port = arg;
	OVERLAPPED_ENTRY entry;
	ULONG n = 0;

	GetQueuedCompletionStatusEx(*port, &entry, 1, &n, INFINITE, FALSE);
	_exit(n);
}

/* It has no business there any more. */
TEST_F(handed, packet_of_a_port_that_becomes_a_home_is_its_new_owners)
{
	struct overlapped o;
	char data[8];
	int pid;

	START_PROCESS(pid, wait_once);
	POST(3);
	ASSERT_EQ(1, operation_receive(port_fd(self->port), self->fd, &o, data, sizeof(data)));
	EXPECT_PACKETS(self->port, { KEY, 3 });
	EXPECT_EQ(0, child_status(pid, COMES));
}

/* A signal that does not kill comes second. */
TEST_F(handed, signal_does_not_give_it_away)
{
	struct waiter w = WAITER(INFINITE);

	ASSERT_EQ(0, count_signals(0));
	START(&w);
	POST(3);
	ASSERT_EQ(0, signal_task(w.tid));
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_GOT(&w, KEY, 3);
}

/* --------------------------------------------------------------- all at once */

#define RUN_MS		(250 * patience())
#define NEVER		(10 * 1000 * MS)
#define MS		1000000LL

enum {
	LOGS = 64, TAKERS = 6, POSTERS = 2, CALLS = 8192, ROOM = 4096, MOST = 8,
	IDS = 1 << 17,
	SOCKET_KEY = IDS,
};

/*
 * What a process has taken.  Each call writes where nothing has been written, and its
 * number where there was 0, so that a process that is killed leaves no doubt.
 */
struct log {
	unsigned int received[CALLS];
	struct sockiocp_packet_entry entry[ROOM];
	/* Found wrong by the process itself. */
	unsigned int bad;
};

struct race {
	struct log *log;
	struct log *own;
	HANDLE port;
	int fd;
	int peer;
	int64_t end;
	unsigned int next_id;
	unsigned int posted;
	unsigned int removed;
	unsigned char seen[IDS];
	unsigned int removes_seen;
	unsigned int strange;
};

static struct race *race;

static int process_call(int port, struct sockiocp_packet_entry *to, unsigned int room,
			unsigned int *received, unsigned long long timeout_ns)
{
	struct sockiocp_process p = {
		.entries = (uintptr_t)to,
		.received = (uintptr_t)received,
		.timeout_ns = timeout_ns,
		.entry_count = room,
		.handle = port,
	};

	return ioctl(port, SOCKIOCP_PROCESS, &p) ? -errno : 0;
}

/* Another thread of a process that takes packets: its memory comes and goes. */
static void *disturb(void *arg)
{
	struct random dice = random_start((uintptr_t)arg);
	struct log *own = race->own;

	for (;;) {
		mprotect(own->entry, sizeof(own->entry), PROT_NONE);
		sched_yield();
		mprotect(own->entry, sizeof(own->entry), PROT_READ | PROT_WRITE);
		if (random_below(&dice, 4) == 0)
			kill(getpid(), SIGUSR1);
		sleep_ms(random_below(&dice, 3));
	}
	return NULL;
}

static void take_all_the_time(void *arg)
{
	const unsigned long long timeouts[] = { 0, MS / 10, MS, NEVER, NEVER, NEVER };
	struct random dice = random_start((uintptr_t)arg);
	unsigned int call, room, pos = 0;
	struct log *own = race->own = &race->log[(uintptr_t)arg];
	pthread_t thread;
	int ret;

	count_signals(0);
	pthread_create(&thread, NULL, disturb, arg);
	for (call = 0; call < CALLS && pos + MOST < ROOM; call++) {
		room = 1 + random_below(&dice, MOST);
		ret = process_call(port_fd(race->port), &own->entry[pos], room,
				   &own->received[call],
				   timeouts[random_below(&dice, ARRAY_SIZE(timeouts))]);
		if (ret && ret != -EINTR && ret != -ETIME && ret != -EFAULT)
			own->bad++;
		pos += own->received[call];
	}
	for (;;)
		sleep_ms(1000);
}

static void *post_all_the_time(void *arg)
{
	struct random dice = random_start((uintptr_t)arg);
	unsigned int n, id;

	while (now_ms() < race->end) {
		for (n = 1 + random_below(&dice, 6); n; n--) {
			id = __atomic_fetch_add(&race->next_id, 1, __ATOMIC_RELAXED);
			if (id >= IDS ||
			    !PostQueuedCompletionStatus(race->port, 0, id, NULL))
				return NULL;
			__atomic_fetch_add(&race->posted, 1, __ATOMIC_RELAXED);
		}
		if (random_below(&dice, 4))
			sched_yield();
		else
			sleep_ms(1);
	}
	return NULL;
}

static void *change_socket_all_the_time(void *arg)
{
	struct random dice = random_start(1);
	char c;

	(void)arg;
	while (now_ms() < race->end) {
		enable(race->port, race->fd, SOCKET_KEY, EV_IN,
		       (random_below(&dice, 2) ? T_LEVEL : T_EDGE) |
		       (random_below(&dice, 2) ? T_ONESHOT : T_PERSISTENT));
		sock_send(race->peer, "x", 1);
		switch (random_below(&dice, 4)) {
		case 0:
			disable(race->port, race->fd);
			break;
		case 1:
			if (!deregister(race->port, race->fd))
				race->removed++;
			break;
		case 2:
			fd_sees(port_fd(race->port), 0);
			break;
		}
		port_configure(port_fd(race->port), 1 + random_below(&dice, 8));
		sock_recv(race->fd, &c, 1);
	}
	return NULL;
}

static void count_packet(struct race *r, const struct sockiocp_packet_entry *entry)
{
	if (entry->completion_key < IDS && !entry->bytes_transferred)
		r->seen[entry->completion_key]++;
	else if (entry->completion_key == SOCKET_KEY &&
		 entry->bytes_transferred == EV_REMOVE)
		r->removes_seen++;
	else if (entry->completion_key != SOCKET_KEY ||
		 entry->bytes_transferred & ~EV_IN)
		r->strange++;
}

static void count_log(struct race *r, struct log *log)
{
	unsigned int call, i, pos = 0;

	for (call = 0; call < CALLS; call++) {
		for (i = 0; i < log->received[call]; i++)
			count_packet(r, &log->entry[pos++]);
	}
	r->strange += log->bad;
}

/* What is left comes to us; a LEVEL packet would come for ever. */
static void count_rest(struct race *r)
{
	struct sockiocp_packet_entry entry[MOST];
	unsigned int n, i;

	if (!deregister(r->port, r->fd))
		r->removed++;
	for (;;) {
		n = 0;
		if (process_call(port_fd(r->port), entry, MOST, &n, 0))
			return;
		for (i = 0; i < n; i++)
			count_packet(r, &entry[i]);
	}
}

/*
 * Threads post, processes take what is posted, and are killed, interrupted, deprived
 * of their memory, or come too late: each packet comes exactly once.
 */
TEST(each_packet_comes_once_whatever_becomes_of_whom_it_was_handed_to)
{
	int pid[TAKERS], fd[2], victim = 0, logs = 0, i;
	unsigned int lost = 0, doubled = 0, id;
	pthread_t thread[POSTERS + 1];
	struct race *r;

	r = race = shared_memory(sizeof(*r));
	ASSERT_NE(NULL, r);
	r->log = shared_memory(LOGS * sizeof(*r->log));
	ASSERT_NE(NULL, r->log);
	r->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 2);
	ASSERT_NE(NULL, r->port);
	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd));
	r->fd = fd[0];
	r->peer = fd[1];
	r->end = now_ms() + RUN_MS;
	for (i = 0; i < TAKERS; i++) {
		pid[i] = process_start(take_all_the_time, (void *)(uintptr_t)logs++);
		ASSERT_LT(0, pid[i]);
	}
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, post_all_the_time,
					    (void *)(uintptr_t)i));
	ASSERT_EQ(0, pthread_create(&thread[POSTERS], NULL, change_socket_all_the_time,
				    NULL));
	while (now_ms() < r->end) {
		if (logs < LOGS) {
			process_kill(pid[victim]);
			pid[victim] = process_start(take_all_the_time,
						    (void *)(uintptr_t)logs++);
			ASSERT_LT(0, pid[victim]);
			victim = (victim + 1) % TAKERS;
		}
		sleep_ms(RUN_MS / LOGS);
	}
	for (i = 0; i <= POSTERS; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	for (i = 0; i < TAKERS; i++)
		process_kill(pid[i]);
	count_rest(r);
	for (i = 0; i < logs; i++)
		count_log(r, &r->log[i]);
	for (id = 0; id < r->posted; id++) {
		lost += !r->seen[id];
		doubled += r->seen[id] > 1;
	}
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, doubled);
	EXPECT_EQ(0, r->strange);
	EXPECT_EQ(r->removed, r->removes_seen);
	EXPECT_LT(100, r->posted);
	EXPECT_EQ(0, port_told(r->port, "packets"));
	EXPECT_EQ(0, port_told(r->port, "waiters"));
	EXPECT_TRUE(CloseHandle(r->port));
	printf("# %u packets, %u REMOVEs, %d processes\n", r->posted, r->removed, logs);
}

TEST_HARNESS_MAIN
