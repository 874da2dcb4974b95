// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that register, harvest, remove, close and post at the same time, on
 * the same sockets and ports, for about two seconds each: what must be counted
 * exactly is counted exactly, what must not come does not come.  Some have no
 * memory for it, others are in network namespaces that end, and all the while
 * somebody wants to unload the module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/cgroup.h"
#include "lib/module.h"
#include "lib/port.h"
#include "lib/random.h"
#include "lib/task.h"

#define RUN_MS		1500
#define THREADS		4

/* What all tests of this program did while something else did something. */
static long *raced;

__attribute__((constructor)) static void raced_begin(void)
{
	raced = shared_memory(sizeof(*raced));
}

/* Tests are processes of their own, which end another way. */
__attribute__((destructor)) static void raced_end(void)
{
	printf("# %ld operations raced\n", *raced);
}

static void add_raced(long n)
{
	__atomic_add_fetch(raced, n, __ATOMIC_RELAXED);
}

static int running(int64_t end)
{
	return now_ms() < end;
}

/* ------------------------------------- everything at once, on shared sockets */

enum { SOCKETS = 8, PORTS = 2 };

struct shared {
	HANDLE port[PORTS];
	/* One of them is unload_module()'s. */
	pthread_t thread[THREADS + 1];
	/* Pairs; the slots change under the feet of the threads. */
	int fd[SOCKETS][2];
	int64_t end;
	/* REMOVEs that succeeded, and REMOVE packets. */
	long removed;
	long remove_packets;
	long posted;
	long post_packets;
	/* There was no memory; only if there is little of it. */
	long refused;
	long bad_results;
	long bad_packets;
	/* Attempts to unload the module, and those that did not fail as they should. */
	long unloads;
	long bad_unloads;
};

#define POST_KEY	0xf000

static void count(long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void check_result(struct shared *s, UINT8 op, DWORD result)
{
	switch (result) {
	case 0:
		if (op == OP_REMOVE)
			count(&s->removed);
		return;
	/* The other port has it; not registered; closed by another thread. */
	case ERROR_INVALID_PARAMETER:
	case ERROR_NOT_FOUND:
	case WSAENOTSOCK:
		return;
	case ERROR_NOT_ENOUGH_MEMORY:
		count(&s->refused);
		return;
	default:
		count(&s->bad_results);
	}
}

static void post(struct shared *s, HANDLE port)
{
	if (PostQueuedCompletionStatus(port, 1, POST_KEY, NULL))
		count(&s->posted);
	else
		check_result(s, OP_NONE, GetLastError());
}

static void check_packet(struct shared *s, const OVERLAPPED_ENTRY *got)
{
	DWORD mask = got->dwNumberOfBytesTransferred;

	if (got->lpCompletionKey == POST_KEY) {
		count(mask == 1 ? &s->post_packets : &s->bad_packets);
		return;
	}
	if (got->lpCompletionKey >= SOCKETS || got->lpOverlapped ||
	    got->Internal || !mask)
		count(&s->bad_packets);
	else if (mask == EV_REMOVE)
		count(&s->remove_packets);
	else if (mask & ~(EV_ALL | EV_ERR))
		count(&s->bad_packets);
}

static void drain_port(struct shared *s, HANDLE port, DWORD timeout_ms)
{
	OVERLAPPED_ENTRY got[16];
	UINT32 received, i;

	if (ProcessSocketNotifications(port, 0, NULL, timeout_ms, 16, got,
				       &received))
		return;
	for (i = 0; i < received; i++)
		check_packet(s, &got[i]);
}

static void replace_pair(struct shared *s, int i)
{
	int fd[2];

	if (unix_pair(TYPE_STREAM, fd))
		return;
	/* The numbers stay, the sockets behind them are closed. */
	fd_dup_to(fd[0], s->fd[i][0]);
	fd_dup_to(fd[1], s->fd[i][1]);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

static void *do_everything(void *arg)
{
	static unsigned int seeds;
	static const UINT8 trigger[] = {
		T_LEVEL, T_LEVEL | T_ONESHOT, T_EDGE, T_EDGE | T_ONESHOT,
	};
	static const UINT8 op[] = { OP_ENABLE, OP_ENABLE, OP_DISABLE, OP_REMOVE };
	struct random dice = random_start(__atomic_add_fetch(&seeds, 1, __ATOMIC_RELAXED));
	struct shared *s = arg;
	char data[64];
	long n_done;
	int dup;

	for (n_done = 0; running(s->end); n_done++) {
		HANDLE port = s->port[random_below(&dice, PORTS)];
		int i = random_below(&dice, SOCKETS);
		SOCK_NOTIFY_REGISTRATION reg[3];
		OVERLAPPED_ENTRY got[4];
		UINT32 received = 0, n;

		switch (random_below(&dice, 8)) {
		case 0:
		case 1:
		case 2:
			for (n = 0; n < 3; n++) {
				int k = random_below(&dice, SOCKETS);

				reg[n] = entry(s->fd[k][random_below(&dice, 2)], k,
					       random_below(&dice, 8),
					       op[random_below(&dice, 4)],
					       trigger[random_below(&dice, 4)]);
			}
			n = random_below(&dice, 3);
			if (!ProcessSocketNotifications(port, 3, reg, n, 4, got,
							&received))
				for (n = 0; n < received; n++)
					check_packet(s, &got[n]);
			for (n = 0; n < 3; n++)
				check_result(s, reg[n].operation,
					     reg[n].registrationResult);
			break;
		case 3:
			sock_send(s->fd[i][random_below(&dice, 2)], "data", 4);
			break;
		case 4:
			sock_recv(s->fd[i][random_below(&dice, 2)], data, sizeof(data));
			break;
		case 5:
			drain_port(s, port, 1);
			break;
		case 6:
			post(s, port);
			break;
		case 7:
			if (random_below(&dice, 4)) {
				dup = fd_dup(s->fd[i][0]);
				fd_close(dup);
			} else {
				replace_pair(s, i);
			}
			break;
		}
	}
	add_raced(n_done);
	return NULL;
}

/* The ports are open: nobody but root may try, and root has to be refused. */
static void *unload_module(void *arg)
{
	struct shared *s = arg;
	const int want = geteuid() ? -EPERM : -EWOULDBLOCK;

	while (running(s->end)) {
		if (module_unload() != want)
			s->bad_unloads++;
		s->unloads++;
		sched_yield();
	}
	add_raced(s->unloads);
	return NULL;
}

static void begin_everything(struct __test_metadata *_metadata, struct shared *s)
{
	int i;

	for (i = 0; i < PORTS; i++) {
		s->port[i] = port_open();
		ASSERT_NE(NULL, s->port[i]);
	}
	for (i = 0; i < SOCKETS; i++)
		ASSERT_EQ(0, unix_pair(TYPE_STREAM, s->fd[i]));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&s->thread[i], NULL, do_everything, s));
	ASSERT_EQ(0, pthread_create(&s->thread[THREADS], NULL, unload_module, s));
}

static void end_everything(struct __test_metadata *_metadata, struct shared *s)
{
	int i;

	for (i = 0; i <= THREADS; i++)
		ASSERT_EQ(0, pthread_join(s->thread[i], NULL));

	/* Nothing more is to come but what is queued. */
	for (i = 0; i < SOCKETS; i++) {
		fd_close(s->fd[i][0]);
		fd_close(s->fd[i][1]);
	}
	for (i = 0; i < PORTS; i++) {
		while (port_told(s->port[i], "packets") > 0)
			drain_port(s, s->port[i], 0);
		EXPECT_NOTHING(s->port[i]);
		EXPECT_TRUE(CloseHandle(s->port[i]));
	}
	EXPECT_LT(10, s->removed);
	EXPECT_EQ(s->removed, s->remove_packets);
	EXPECT_EQ(s->posted, s->post_packets);
	EXPECT_EQ(0, s->bad_results);
	EXPECT_EQ(0, s->bad_packets);
	EXPECT_LT(0, s->unloads);
	EXPECT_EQ(0, s->bad_unloads);
}

TEST(every_remove_gives_one_packet_whatever_happens_at_the_same_time)
{
	struct shared s = { .end = now_ms() + RUN_MS };

	begin_everything(_metadata, &s);
	end_everything(_metadata, &s);
	EXPECT_EQ(0, s.refused);
}

/* ------------------------------------- the same, while memory runs out for it */

static void *post_all_the_time(void *arg)
{
	struct shared *s = arg;
	long n;

	for (n = 0; running(s->end); n++)
		post(s, s->port[0]);
	add_raced(n);
	return NULL;
}

TEST(nothing_is_lost_when_memory_runs_out_in_the_middle)
{
	/* Each failure is a page in the kernel's log. */
	enum { LITTLE = 300000, FAILURES = 30, POSTERS = 2 };
	struct shared s = { .end = INT64_MAX };
	int64_t start = now_ms();
	const char *missing = cgroup_missing();
	struct cgroup group;
	pthread_t poster[POSTERS];
	int i;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, cgroup_create(&group, "stress"));
	ASSERT_EQ(0, never_killed_for_memory());
	/* With stacks of threads: there will be none for them. */
	ASSERT_EQ(0, have_all_memory());
	begin_everything(_metadata, &s);
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&poster[i], NULL, post_all_the_time, &s));
	EXPECT_EQ(0, cgroup_enter(&group));
	EXPECT_EQ(0, cgroup_limit(&group,
				  cgroup_value(&group, "memory.current") + LITTLE));
	/* For some time, or until it has happened often; but until it has happened. */
	while (running(start + (s.refused ? 4 * RUN_MS : 10 * COMES)) &&
	       __atomic_load_n(&s.refused, __ATOMIC_RELAXED) < FAILURES)
		sleep_ms(1);
	EXPECT_EQ(0, cgroup_limit(&group, -1));
	__atomic_store_n(&s.end, 0, __ATOMIC_RELAXED);
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_join(poster[i], NULL));
	end_everything(_metadata, &s);
	TH_LOG("%ld times no memory", s.refused);
	EXPECT_LT(0, s.refused);
	EXPECT_EQ(0, cgroup_leave());
	EXPECT_EQ(0, cgroup_remove(&group));
}

/* ----------------------------------------- one-shot: a token is never doubled */

struct tokens {
	HANDLE port;
	int fd[SOCKETS][2];
	int64_t end;
	/* Who has received the packet of a socket and not armed it again. */
	int owner[SOCKETS];
	long rounds;
	long doubled;
	long failed;
};

static void *take_and_rearm(void *arg)
{
	struct tokens *t = arg;
	SOCK_NOTIFY_REGISTRATION reg;
	OVERLAPPED_ENTRY got;
	UINT32 received, count = 0;
	long calls;
	DWORD ret;

	for (calls = 0; running(t->end); calls++) {
		ret = ProcessSocketNotifications(t->port, count,
						 count ? &reg : NULL, 20, 1,
						 &got, &received);
		if (count && reg.registrationResult)
			__atomic_add_fetch(&t->failed, 1, __ATOMIC_RELAXED);
		count = 0;
		if (ret == WAIT_TIMEOUT)
			continue;
		if (ret || got.lpCompletionKey >= SOCKETS) {
			__atomic_add_fetch(&t->failed, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (__atomic_exchange_n(&t->owner[got.lpCompletionKey], 1,
					__ATOMIC_ACQ_REL))
			__atomic_add_fetch(&t->doubled, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&t->rounds, 1, __ATOMIC_RELAXED);
		reg = entry(t->fd[got.lpCompletionKey][0], 0, EV_IN | EV_OUT,
			    OP_ENABLE, T_LEVEL | T_ONESHOT);
		count = 1;
		__atomic_store_n(&t->owner[got.lpCompletionKey], 0,
				 __ATOMIC_RELEASE);
	}
	if (count)
		apply(t->port, reg.socket, 0, EV_IN | EV_OUT, OP_ENABLE,
		      T_LEVEL | T_ONESHOT);
	add_raced(calls);
	return NULL;
}

static void *wake_all(void *arg)
{
	struct tokens *t = arg;
	char data[64];
	int i;

	while (running(t->end)) {
		for (i = 0; i < SOCKETS; i++)
			sock_send(t->fd[i][1], "x", 1);
		for (i = 0; i < SOCKETS; i++)
			sock_recv(t->fd[i][0], data, sizeof(data));
	}
	return NULL;
}

TEST(oneshot_packet_has_one_receiver_until_it_is_armed_again)
{
	struct tokens t = { .end = now_ms() + RUN_MS };
	OVERLAPPED_ENTRY got[SOCKETS + 1];
	pthread_t thread[THREADS];
	UINT32 received, i;

	t.port = port_open();
	ASSERT_NE(NULL, t.port);
	for (i = 0; i < SOCKETS; i++) {
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, t.fd[i]));
		EXPECT_EQ(0, enable(t.port, t.fd[i][0], i, EV_IN | EV_OUT,
				    T_LEVEL | T_ONESHOT));
	}
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL,
					    i ? take_and_rearm : wake_all, &t));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	EXPECT_LT(SOCKETS, t.rounds);
	EXPECT_EQ(0, t.doubled);
	EXPECT_EQ(0, t.failed);

	/* All are armed and writable: none got lost. */
	EXPECT_EQ(0, ProcessSocketNotifications(t.port, 0, NULL, COMES,
						SOCKETS + 1, got, &received));
	EXPECT_EQ(SOCKETS, received);
	EXPECT_NOTHING(t.port);
	EXPECT_TRUE(CloseHandle(t.port));
}

/* --------------- one-shot: disabled while another thread has its packet, and armed */

struct fresh {
	HANDLE port;
	int64_t end;
	/* IN packets, and those that came though none was asked for. */
	long ins;
	long doubled;
	long failed;
};

static DWORD take_mask(struct fresh *f, DWORD timeout_ms)
{
	OVERLAPPED_ENTRY got;
	UINT32 received;
	DWORD ret;

	ret = ProcessSocketNotifications(f->port, 0, NULL, timeout_ms, 1, &got, &received);
	if (ret && ret != WAIT_TIMEOUT)
		count(&f->failed);
	return ret ? 0 : got.dwNumberOfBytesTransferred;
}

static void *take_twice(void *arg)
{
	struct fresh *f = arg;

	while (running(f->end)) {
		if (!(take_mask(f, 20) & EV_IN))
			continue;
		/* It is not read yet: so it would show. */
		if (take_mask(f, 0))
			count(&f->doubled);
		count(&f->ins);
	}
	return NULL;
}

static int has_come(const struct fresh *f, long ins)
{
	int64_t end = now_ms() + COMES;

	while (__atomic_load_n(&f->ins, __ATOMIC_RELAXED) < ins) {
		if (!running(end))
			return 0;
		sched_yield();
	}
	return 1;
}

TEST(oneshot_that_is_armed_anew_is_reported_once_whoever_has_its_old_packet)
{
	enum { ROUNDS = 50 };
	struct fresh f = { .port = port_open(), .end = INT64_MAX };
	struct random dice = random_start(1);
	pthread_t thread;
	long round;
	char data[8];
	int fd[2];

	ASSERT_NE(NULL, f.port);
	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_twice, &f));
	for (round = 1; round <= ROUNDS; round++) {
		unsigned int n = random_below(&dice, 256);

		/* The old packet is for OUT: what comes later is not for it to say. */
		EXPECT_EQ(0, enable(f.port, fd[0], 0, EV_IN | EV_OUT, T_LEVEL | T_ONESHOT));
		/* Until it is taken, mostly, and perhaps looked at. */
		while (n-- && port_told(f.port, "packets"))
			;
		EXPECT_EQ(0, disable(f.port, fd[0]));
		EXPECT_EQ(0, enable(f.port, fd[0], 0, EV_IN, T_LEVEL | T_ONESHOT));
		EXPECT_EQ(1, sock_send(fd[1], "x", 1));
		if (!has_come(&f, round))
			break;
		EXPECT_EQ(1, sock_recv(fd[0], data, sizeof(data)));
	}
	EXPECT_EQ(ROUNDS, f.ins);
	EXPECT_EQ(0, f.doubled);
	EXPECT_EQ(0, f.failed);
	__atomic_store_n(&f.end, 0, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(CloseHandle(f.port));
	fd_close(fd[0]);
	fd_close(fd[1]);
}

/* --------------------------------- a long harvest, and a socket woken meanwhile */

struct woken {
	int fd[2];
	int stop;
};

static void *wake_and_read(void *arg)
{
	struct woken *w = arg;
	char data[8];

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		sock_send(w->fd[1], "x", 1);
		sock_recv(w->fd[0], data, sizeof(data));
		sock_send(w->fd[1], "x", 1);
		sock_peek(w->fd[0], data, sizeof(data));
	}
	return NULL;
}

TEST(socket_appears_once_in_a_harvest_though_it_is_woken_meanwhile)
{
	enum { COUNT = 500 };
	static OVERLAPPED_ENTRY got[2 * COUNT];
	int64_t end = now_ms() + RUN_MS / 2;
	struct woken w = { .stop = 0 };
	HANDLE port = port_open();
	UINT32 received, i, of_socket, seen = 0;
	pthread_t thread;

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, w.fd));
	ASSERT_EQ(0, enable(port, w.fd[0], 1, EV_IN, T_EDGE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake_and_read, &w));
	while (running(end)) {
		for (i = 0; i < COUNT; i++)
			ASSERT_TRUE(PostQueuedCompletionStatus(port, 0, 2, NULL));
		ASSERT_EQ(0, ProcessSocketNotifications(port, 0, NULL, COMES,
							2 * COUNT, got,
							&received));
		for (i = 0, of_socket = 0; i < received; i++)
			of_socket += got[i].lpCompletionKey == 1;
		ASSERT_GE(1, of_socket);
		ASSERT_EQ(COUNT + of_socket, received);
		seen += of_socket;
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	add_raced(seen);
	EXPECT_LT(0, seen);
	EXPECT_TRUE(CloseHandle(port));
}

/* ------------------------------- a socket that cannot be looked at for a moment */

struct changed {
	int fd[2];
	int64_t end;
};

/* That holds the lock of its inode, which a harvest only tries to get. */
static void *change_mode(void *arg)
{
	struct changed *c = arg;
	long n;

	for (n = 0; running(c->end); n++)
		fchmod(c->fd[0], n & 1 ? 0600 : 0700);
	add_raced(n);
	return NULL;
}

TEST(socket_whose_inode_is_being_changed_is_reported_all_the_same)
{
	struct changed c = { .end = now_ms() + RUN_MS };
	HANDLE port = port_open();
	pthread_t thread[2];
	int i;

	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, unix_pair(TYPE_DGRAM, c.fd));
	ASSERT_EQ(1, sock_send(c.fd[1], "x", 1));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, change_mode, &c));
	for (i = 0; i < 100 || running(c.end); i++) {
		ASSERT_EQ(0, enable(port, c.fd[0], i, EV_IN, T_LEVEL | T_ONESHOT));
		/* The key is that of the first time. */
		ASSERT_PACKETS(port, { 0, EV_IN });
	}
	add_raced(i);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	EXPECT_TRUE(CloseHandle(port));
}

/* ------------------------------------------------ edges: none is ever lost */

#define GAME_OVER	1

struct pingpong {
	HANDLE port;
	int fd[2];
};

static void *reply_at_each_edge(void *arg)
{
	struct pingpong *p = arg;
	OVERLAPPED_ENTRY got;
	UINT32 received;
	char data[64];

	while (!ProcessSocketNotifications(p->port, 0, NULL, INFINITE, 1, &got,
					   &received) &&
	       got.lpCompletionKey != GAME_OVER) {
		/* Read until it would block, then answer: the next is an edge. */
		while (sock_recv(p->fd[0], data, sizeof(data)) > 0)
			;
		if (sock_send(p->fd[0], "y", 1) != 1)
			break;
	}
	return NULL;
}

static void play(struct __test_metadata *_metadata, struct pingpong *p)
{
	int64_t end = now_ms() + RUN_MS / 3;
	pthread_t thread;
	char data[64];
	int rounds;

	p->port = port_open();
	ASSERT_NE(NULL, p->port);
	ASSERT_EQ(0, enable(p->port, p->fd[0], 0, EV_IN, T_EDGE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, reply_at_each_edge, p));
	for (rounds = 0; rounds < 10 || running(end); rounds++) {
		ASSERT_EQ(1, sock_send(p->fd[1], "x", 1));
		ASSERT_TRUE(sock_becomes(p->fd[1], SEE_IN, COMES)) {
			TH_LOG("lost in round %d", rounds);
		}
		ASSERT_EQ(1, sock_recv(p->fd[1], data, sizeof(data)));
	}
	EXPECT_TRUE(PostQueuedCompletionStatus(p->port, 0, GAME_OVER, NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	add_raced(rounds);
	EXPECT_TRUE(CloseHandle(p->port));
	fd_close(p->fd[0]);
	fd_close(p->fd[1]);
}

TEST(edge_is_not_lost_between_threads)
{
	struct pingpong tcp = { 0 }, udp = { 0 }, local = { 0 };

	ASSERT_EQ(0, tcp_pair(FAM_INET, tcp.fd, 0));
	play(_metadata, &tcp);
	ASSERT_EQ(0, udp_pair(FAM_INET, udp.fd));
	play(_metadata, &udp);
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, local.fd));
	play(_metadata, &local);
}

/* ------------------------------------- ports that come and go under threads */

struct churn {
	int fd[SOCKETS][2];
	int64_t end;
	long ports;
	long bad;
};

/*
 * In one thread only, so that the number of a port that is closed is not given
 * to another one while its waiter is still on the way in.
 */
static void *open_use_close(void *arg)
{
	struct churn *c = arg;
	struct waiter w = { .timeout = INFINITE, .how = BY_GQCS };
	SOCK_NOTIFY_REGISTRATION reg[SOCKETS];
	int i;

	while (running(c->end)) {
		w.port = port_open();
		if (!w.port)
			return NULL;
		for (i = 0; i < SOCKETS; i++)
			reg[i] = entry(c->fd[i][0], i, EV_IN, OP_ENABLE,
				       i % 2 ? T_LEVEL : T_EDGE);
		if (ProcessSocketNotifications(w.port, SOCKETS, reg, 0, 0, NULL,
					       NULL))
			__atomic_add_fetch(&c->bad, 1, __ATOMIC_RELAXED);
		for (i = 0; i < SOCKETS; i++)
			if (reg[i].registrationResult &&
			    reg[i].registrationResult != ERROR_INVALID_PARAMETER)
				__atomic_add_fetch(&c->bad, 1, __ATOMIC_RELAXED);
		if (waiter_start(&w))
			return NULL;
		sock_send(c->fd[0][1], "x", 1);
		CloseHandle(w.port);
		if (waiter_join(&w, 2 * COMES) ||
		    (w.code && w.code != ERROR_ABANDONED_WAIT_0 &&
		     w.code != ERROR_INVALID_HANDLE))
			__atomic_add_fetch(&c->bad, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->ports, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *write_and_read(void *arg)
{
	struct churn *c = arg;
	char data[64];
	int i;

	while (running(c->end)) {
		for (i = 0; i < SOCKETS; i++)
			sock_send(c->fd[i][1], "x", 1);
		for (i = 0; i < SOCKETS; i++)
			sock_recv(c->fd[i][0], data, sizeof(data));
	}
	return NULL;
}

TEST(ports_can_be_closed_at_any_time)
{
	struct churn c = { .end = now_ms() + RUN_MS };
	HANDLE port = port_open();
	pthread_t thread[3];
	int i;

	ASSERT_NE(NULL, port);
	for (i = 0; i < SOCKETS; i++)
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, c.fd[i]));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL,
					    i ? write_and_read : open_use_close,
					    &c));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	add_raced(c.ports);
	EXPECT_LT(0, c.ports);
	EXPECT_EQ(0, c.bad);

	/* All sockets are free now. */
	for (i = 0; i < SOCKETS; i++) {
		sock_drain(c.fd[i][0]);
		EXPECT_EQ(0, enable(port, c.fd[i][0], i, EV_OUT,
				    T_LEVEL | T_ONESHOT));
		EXPECT_PACKETS(port, { (ULONG_PTR)i, EV_OUT });
	}
	EXPECT_TRUE(CloseHandle(port));
}

/* ------------------------ network namespaces that end while sockets are watched */

/* Of each namespace; those with an even number get something to read. */
enum { SPACE_SOCKETS = 4, SPACES_MAX = 2000, SPACE_MAKERS = 2 };

struct spaces {
	HANDLE port;
	/* Of those who make them, and then of the one who harvests. */
	int64_t end;
	int64_t end_of_harvest;
	/* Network namespaces so far, which give the sockets their keys. */
	long made;
	/* Whose port and sockets these are have to agree on each socket. */
	struct {
		char notified;
		char has_left;
		char asked_to_leave;
	} socket[SPACES_MAX * SPACE_SOCKETS];
	/* What went wrong first. */
	const char *violation;
};

static int violated(struct spaces *s, const char *what)
{
	if (!s->violation)
		s->violation = what;
	return -1;
}

static int register_in_space(struct spaces *s, long space, int fd[SPACE_SOCKETS])
{
	SOCK_NOTIFY_REGISTRATION reg[SPACE_SOCKETS];
	int i;

	for (i = 0; i < SPACE_SOCKETS; i++)
		reg[i] = entry(fd[i], space * SPACE_SOCKETS + i, EV_IN, OP_ENABLE,
			       i & 2 ? T_EDGE | T_ONESHOT : T_LEVEL | T_ONESHOT);
	if (ProcessSocketNotifications(s->port, SPACE_SOCKETS, reg, 0, 0, NULL, NULL))
		return -1;
	for (i = 0; i < SPACE_SOCKETS; i++)
		if (reg[i].registrationResult)
			return -1;
	return 0;
}

/*
 * A process with a network of its own, which goes with its last socket: with this
 * process, or with what it has passed on.
 */
static void live_in_space(struct spaces *s, long space, int channel)
{
	int fd[SPACE_SOCKETS], i;

	if (network_of_its_own() || udp_pair(FAM_INET, fd) ||
	    tcp_pair(FAM_INET, fd + 2, 0))
		_exit(1);
	if (register_in_space(s, space, fd))
		_exit(2);
	for (i = 0; i < SPACE_SOCKETS; i += 2)
		if (sock_send(fd[i + 1], "x", 1) != 1)
			_exit(3);
	for (i = 0; i < space % 3; i++)
		if (send_fd(channel, fd[2 * i]))
			_exit(4);
	_exit(0);
}

static int is_notified(struct spaces *s, long key)
{
	int64_t end = now_ms() + COMES;

	while (!__atomic_load_n(&s->socket[key].notified, __ATOMIC_RELAXED)) {
		if (!running(end))
			return 0;
		sleep_ms(1);
	}
	return 1;
}

/* Its process is gone, the socket works; its namespace goes with it. */
static int end_passed_on(struct spaces *s, long key, int fd)
{
	int ret = 0;
	char c;

	if (!is_notified(s, key))
		return violated(s, "no packet says that there is something to read");
	if (sock_recv(fd, &c, 1) != 1)
		return violated(s, "there is nothing to read");
	switch (key / SPACE_SOCKETS % 4) {
	case 0:
		s->socket[key].asked_to_leave = 1;
		ret = deregister(s->port, fd);
		break;
	case 1:
		ret = disable(s->port, fd);
		break;
	}
	fd_close(fd);
	return ret ? violated(s, "a registration cannot be changed") : 0;
}

static int pass_through_space(struct spaces *s, int channel[2])
{
	long space = __atomic_fetch_add(&s->made, 1, __ATOMIC_RELAXED), i;
	int fd[2] = { -1, -1 }, pid, ret = 0;

	if (space >= SPACES_MAX) {
		__atomic_fetch_sub(&s->made, 1, __ATOMIC_RELAXED);
		return 1;
	}
	pid = fork();
	if (!pid)
		live_in_space(s, space, channel[1]);
	if (child_status(pid, 10 * COMES))
		return violated(s, "a process fails in its namespace");
	for (i = 0; i < space % 3; i++) {
		fd[i] = recv_fd(channel[0], COMES);
		if (fd[i] < 0)
			return violated(s, "a socket was not passed on");
	}
	for (i = 0; i < space % 3; i++)
		ret |= end_passed_on(s, space * SPACE_SOCKETS + 2 * i, fd[i]);
	return ret;
}

static void *make_spaces(void *arg)
{
	struct spaces *s = arg;
	int channel[2], ret = 0, n;

	if (unix_pair(TYPE_STREAM, channel))
		return NULL;
	/* Some, however slow the kernel is. */
	for (n = 0; (running(s->end) || n < 2) && !ret; n++)
		ret = pass_through_space(s, channel);
	fd_close(channel[0]);
	fd_close(channel[1]);
	return NULL;
}

static void on_packet_of_a_space(struct spaces *s, const OVERLAPPED_ENTRY *got)
{
	ULONG_PTR key = got->lpCompletionKey;
	char *seen;

	if (key >= SPACES_MAX * SPACE_SOCKETS) {
		violated(s, "a key that nobody has");
		return;
	}
	seen = got->dwNumberOfBytesTransferred == EV_REMOVE ?
		&s->socket[key].has_left : &s->socket[key].notified;
	if (__atomic_exchange_n(seen, 1, __ATOMIC_RELAXED))
		violated(s, "a packet comes twice");
	if (got->dwNumberOfBytesTransferred & ~(EV_IN | EV_ERR | EV_REMOVE))
		violated(s, "a packet says what was not asked for");
}

static void harvest_spaces(struct spaces *s, DWORD timeout_ms)
{
	OVERLAPPED_ENTRY got[16];
	UINT32 received, i;

	if (ProcessSocketNotifications(s->port, 0, NULL, timeout_ms, 16, got, &received))
		return;
	for (i = 0; i < received; i++)
		on_packet_of_a_space(s, &got[i]);
}

static void *harvest_all_spaces(void *arg)
{
	struct spaces *s = arg;

	while (running(s->end_of_harvest))
		harvest_spaces(s, 20);
	return NULL;
}

static int registrations_end(HANDLE port, __u64 want)
{
	int64_t end = now_ms() + 10 * COMES;
	struct sockiocp_info info;

	while (running(end)) {
		if (ioctl(port_fd(port), SOCKIOCP_INFO, &info))
			return 0;
		if (info.user_registrations == want)
			return 1;
		sleep_ms(20);
	}
	return 0;
}

TEST(network_namespaces_end_while_their_sockets_are_registered)
{
	static struct spaces s;
	pthread_t maker[SPACE_MAKERS], harvester;
	struct sockiocp_info before;
	long spaces, i;

	if (geteuid())
		SKIP(return, "only root can make network namespaces");
	s.port = port_open();
	s.end = now_ms() + RUN_MS;
	s.end_of_harvest = INT64_MAX;
	ASSERT_NE(NULL, s.port);
	ASSERT_EQ(0, ioctl(port_fd(s.port), SOCKIOCP_INFO, &before));
	spaces = network_namespaces();
	ASSERT_EQ(0, pthread_create(&harvester, NULL, harvest_all_spaces, &s));
	for (i = 0; i < SPACE_MAKERS; i++)
		ASSERT_EQ(0, pthread_create(&maker[i], NULL, make_spaces, &s));
	for (i = 0; i < SPACE_MAKERS; i++)
		ASSERT_EQ(0, pthread_join(maker[i], NULL));
	__atomic_store_n(&s.end_of_harvest, 0, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(harvester, NULL));
	harvest_spaces(&s, 0);

	add_raced(s.made * SPACE_SOCKETS);
	EXPECT_LT(3, s.made);
	EXPECT_EQ(NULL, s.violation) {
		TH_LOG("%s", s.violation);
	}
	for (i = 0; i < s.made * SPACE_SOCKETS; i++)
		EXPECT_EQ(s.socket[i].asked_to_leave, s.socket[i].has_left);
	/* Nothing of ours keeps a namespace, nor a closed socket for long. */
	TH_LOG("%ld network namespaces", s.made);
	EXPECT_TRUE(network_namespaces_end(spaces)) {
		TH_LOG("%lld are left, and before there were %ld",
		       network_namespaces(), spaces);
	}
	EXPECT_TRUE(registrations_end(s.port, before.user_registrations));
	EXPECT_TRUE(CloseHandle(s.port));
}

TEST_HARNESS_MAIN
