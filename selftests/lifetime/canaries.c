// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Lifetimes, as a server has them: a connection has a context, which the key of its
 * registration points to.  The context goes when the REMOVE packet is there, and no
 * packet may name it after that.
 *
 * Some threads connect, register, send and end; others harvest, all from one port,
 * and REMOVE and close, while the data and the FIN are still on their way.  A context
 * that went is filled with other bytes and never used again, so a packet that names
 * it later is noticed.
 *
 * Two threads may hold packets of one PERSISTENT registration at the same time.  So
 * its context goes when each thread has asked for packets again.  That of a ONESHOT
 * registration goes at once: whoever has its packet is the only one that does.
 */
#include <pthread.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/random.h"

#define CYCLES		1300
#define MAKERS		2
#define SERVERS		4
/* Connections of one maker that are not removed yet. */
#define AHEAD		16
#define BATCH		8

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define add(p, v)	__atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)
#define swap(p, v)	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

#define ALIVE		0x600dc0deU
#define GONE		0xdd

struct context {
	uint32_t canary;
	/* -1: closed. */
	int fd;
	/* Somebody has taken it upon himself to REMOVE it. */
	uint32_t removing;
	/* Whose turn it is to make another one. */
	uint32_t maker;
};

/* What outlives a context. */
struct grave {
	/* How many REMOVE packets came. */
	uint32_t removes;
	/* When the first of them had come, and to whom; 0: it has not. */
	uint32_t since;
	int by;
};

static struct context contexts[CYCLES];
static struct grave graves[CYCLES];
static uint32_t nr_made, in_use[MAKERS], makers_left;
static uint32_t the_clock = 1;
static int64_t last_packet_ms;
/* When each thread's harvest began. */
static uint32_t began[SERVERS];
static unsigned long nr_packets, nr_behind;
static const char *violation;
static uint64_t seed;
static HANDLE port;
static int trigger;

static void violated(const char *what)
{
	if (!load(&violation))
		store(&violation, what);
}

/* ----------------------------------------------------------------- connections */

/* Data and an end, which the other threads meet wherever they are. */
static void send_and_end(int fd, struct random *r)
{
	unsigned int i, n = random_below(r, 3);

	for (i = 0; i < n; i++)
		sock_send(fd, "data", 4);
	switch (random_below(r, 4)) {
	case 0:
		sock_reset(fd);
		return;
	case 1:
		sock_shutdown(fd, 'w');
		sock_send(fd, "none", 4);
		break;
	}
	fd_close(fd);
}

static struct context *new_context(int maker, int fd)
{
	uint32_t number = add(&nr_made, 1) - 1;
	struct context *c = &contexts[number];

	if (number >= CYCLES)
		return NULL;
	*c = (struct context) { .canary = ALIVE, .fd = fd, .maker = maker };
	add(&in_use[maker], 1);
	return c;
}

static void *make(void *arg)
{
	int maker = (uintptr_t)arg, number, listener;
	struct random r = random_start(seed + maker);

	listener = tcp_listen(maker ? FAM_INET6 : FAM_INET, 1, &number);
	while (!load(&violation)) {
		int peer, fd;
		struct context *c;

		if (load(&in_use[maker]) >= AHEAD) {
			sleep_ms(1);
			continue;
		}
		peer = tcp_connect(maker ? FAM_INET6 : FAM_INET, number);
		fd = tcp_accept(listener);
		if (peer < 0 || fd < 0) {
			violated("no connection could be made");
			break;
		}
		c = new_context(maker, fd);
		if (!c) {
			fd_close(fd);
			fd_close(peer);
			break;
		}
		if (random_below(&r, 2))
			sock_send(peer, "first", 5);
		if (enable(port, fd, (ULONG_PTR)c, EV_IN | EV_HANGUP, trigger))
			violated("a registration failed");
		send_and_end(peer, &r);
	}
	fd_close(listener);
	add(&makers_left, -1);
	return NULL;
}

/* ------------------------------------------------------------------ harvesting */

struct server {
	pthread_t thread;
	struct random r;
	int number;
	/* For the next call. */
	SOCK_NOTIFY_REGISTRATION reg[BATCH];
	unsigned int nr_reg;
	/* Those whose REMOVE packet came to this thread, and who still have bytes. */
	struct context *dying[CYCLES];
	unsigned int nr_dying;
};

static struct server servers[SERVERS];

/* Is no harvest under way that began before that time? */
static int all_began_after(uint32_t since)
{
	int i;

	for (i = 0; i < SERVERS; i++)
		if (load(&began[i]) < since)
			return 0;
	return 1;
}

/* Oldest first. */
static void bury(struct server *s)
{
	unsigned int n = 0;

	while (n < s->nr_dying &&
	       (trigger & T_ONESHOT ||
		all_began_after(graves[s->dying[n] - contexts].since)))
		memset(s->dying[n++], GONE, sizeof(struct context));
	s->nr_dying -= n;
	memmove(s->dying, s->dying + n, s->nr_dying * sizeof(s->dying[0]));
}

static void on_remove(struct server *s, struct context *c, struct grave *grave)
{
	if (add(&grave->removes, 1) != 1) {
		violated("a second REMOVE packet");
		return;
	}
	grave->by = s->number;
	store(&grave->since, add(&the_clock, 1));
	if (c->fd >= 0)
		fd_close(c->fd);
	add(&in_use[c->maker], -1);
	s->dying[s->nr_dying++] = c;
	/* Whoever had a packet of it has asked again. */
	if (trigger & T_ONESHOT)
		bury(s);
}

/* The next harvest's call has it removed, or one of its own. */
static void begin_remove(struct server *s, struct context *c)
{
	int fd = c->fd;

	if (random_below(&s->r, 2)) {
		s->reg[s->nr_reg++] = entry(fd, 0, 0, OP_REMOVE, 0);
		return;
	}
	/* Closed before the packet came: it comes all the same. */
	c->fd = -1;
	if (deregister(port, fd))
		violated("a REMOVE failed");
	fd_close(fd);
}

static void on_notification(struct server *s, struct context *c)
{
	char data[3];

	/* Armed again it has another packet: the end is there, or comes. */
	if (trigger == (T_LEVEL | T_ONESHOT) && random_below(&s->r, 3)) {
		if (random_below(&s->r, 2))
			sock_recv(c->fd, data, sizeof(data));
		s->reg[s->nr_reg++] = entry(c->fd, 0, EV_IN | EV_HANGUP,
					    OP_ENABLE, trigger);
		return;
	}
	if (!swap(&c->removing, 1))
		begin_remove(s, c);
	else if (trigger & T_ONESHOT)
		violated("a ONESHOT packet after REMOVE was asked for");
}

/* Had the REMOVE packet come for certain when this thread's harvest had this one? */
static int is_late(const struct server *s, const struct grave *grave, uint32_t since)
{
	return since && (trigger & T_ONESHOT || since < began[s->number] ||
			 grave->by == s->number);
}

static void on_packet(struct server *s, const OVERLAPPED_ENTRY *got)
{
	struct context *c = (struct context *)got->lpCompletionKey;
	struct grave *grave;
	uint32_t since;

	if (c < contexts || c >= contexts + CYCLES) {
		violated("a key that nobody has");
		return;
	}
	grave = &graves[c - contexts];
	since = load(&grave->since);
	add(&nr_packets, 1);
	if (got->dwNumberOfBytesTransferred == EV_REMOVE)
		on_remove(s, c, grave);
	else if (is_late(s, grave, since))
		violated("a notification after the REMOVE packet");
	else if (load(&c->canary) != ALIVE)
		violated("a packet names a context that is gone");
	else if (since)
		add(&nr_behind, 1);
	else
		on_notification(s, c);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	OVERLAPPED_ENTRY got[BATCH];
	UINT32 received, i;
	DWORD ret;

	while (!load(&violation)) {
		SOCK_NOTIFY_REGISTRATION reg[BATCH];
		unsigned int nr = s->nr_reg;

		memcpy(reg, s->reg, sizeof(reg));
		s->nr_reg = 0;
		store(&began[s->number], add(&the_clock, 1));
		bury(s);
		received = 0;
		ret = ProcessSocketNotifications(port, nr, nr ? reg : NULL, 50, BATCH,
						 got, &received);
		if (ret && ret != WAIT_TIMEOUT)
			violated("a call failed");
		for (i = 0; i < nr; i++)
			if (reg[i].registrationResult)
				violated("a registration failed");
		for (i = 0; i < received; i++)
			on_packet(s, &got[i]);
		if (received)
			store(&last_packet_ms, now_ms());
		else if (!load(&makers_left))
			break;
		else if (now_ms() - load(&last_packet_ms) > 2 * COMES)
			violated("no packet comes any more");
	}
	/* Nothing is held up by a thread that asks no more. */
	store(&began[s->number], UINT32_MAX);
	return NULL;
}

/* ---------------------------------------------------------------------- the test */

FIXTURE(canaries) {
};

FIXTURE_VARIANT(canaries) {
	int trigger;
};

FIXTURE_VARIANT_ADD(canaries, level_oneshot) { .trigger = T_LEVEL | T_ONESHOT, };
FIXTURE_VARIANT_ADD(canaries, edge_oneshot) { .trigger = T_EDGE | T_ONESHOT, };
FIXTURE_VARIANT_ADD(canaries, level_persistent) { .trigger = T_LEVEL, };
FIXTURE_VARIANT_ADD(canaries, edge_persistent) { .trigger = T_EDGE, };

FIXTURE_SETUP(canaries)
{
	seed = random_seed(7);
	trigger = variant->trigger;
	port = port_open();
	ASSERT_NE(NULL, port);
}

FIXTURE_TEARDOWN(canaries)
{
	EXPECT_TRUE(CloseHandle(port));
}

/* spec 5.5, 14.29 */
TEST_F_TIMEOUT(canaries, no_packet_comes_after_the_remove_packet, 150)
{
	int64_t start = now_ms();
	pthread_t maker[MAKERS];
	int i;

	last_packet_ms = start;
	makers_left = MAKERS;
	for (i = 0; i < SERVERS; i++) {
		servers[i].number = i;
		servers[i].r = random_start(seed + MAKERS + i);
		ASSERT_EQ(0, pthread_create(&servers[i].thread, NULL, serve,
					    &servers[i]));
	}
	for (i = 0; i < MAKERS; i++)
		ASSERT_EQ(0, pthread_create(&maker[i], NULL, make,
					    (void *)(uintptr_t)i));
	for (i = 0; i < MAKERS; i++)
		ASSERT_EQ(0, pthread_join(maker[i], NULL));
	for (i = 0; i < SERVERS; i++)
		ASSERT_EQ(0, pthread_join(servers[i].thread, NULL));
	TH_LOG("SEED=%llu: %lu packets, %lu behind REMOVE, %lld ms",
	       (unsigned long long)seed, nr_packets, nr_behind,
	       (long long)(now_ms() - start));
	ASSERT_EQ(NULL, violation) {
		TH_LOG("%s", violation);
	}
	EXPECT_NOTHING_NOW(port);
	for (i = 0; i < CYCLES; i++)
		ASSERT_EQ(1, graves[i].removes);
	EXPECT_EQ(0, port_told(port, "packets"));
	EXPECT_EQ(0, port_told(port, "registrations"));
}

TEST_HARNESS_MAIN
