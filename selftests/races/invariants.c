// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Several threads at once, on the same sockets and ports, and what has to hold
 * whatever the order in which things happen:
 *
 *   - a harvest has no two notifications of one socket, and no key twice
 *   - each REMOVE that succeeded gives one REMOVE packet; a harvest that begins
 *     after another one has returned it finds no more of that registration
 *   - a harvest that begins after the socket was closed finds no notification
 *   - a one-shot registration delivers at most once per ENABLE
 *   - each posted packet is harvested once
 *   - once all is quiet, nothing that should have been reported is missing
 *
 * What order two things had is known only if one ended before the other began.
 * So there is a clock, advanced by everybody, and a call has two times.
 *
 * SEED=number repeats the random numbers, if not the order of the threads.
 */
#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/random.h"

#define PORTS		2
#define SLOTS		8
#define THREADS		4
#define MILLISECONDS	2500

/* Keys and posted packets; after so many of either, calls without new ones. */
#define KEYS_MAX	(1U << 19)
#define POSTS_MAX	(1U << 18)

#define BATCH_MAX	3
#define ENTRIES_MAX	32
/* More than can be queued when all is quiet. */
#define ALL_MAX		(POSTS_MAX / 4)

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define add(p, v)	__atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)
#define swap(p, v)	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

/* What is known of a registration's key. */
struct key {
	uint8_t slot;
	uint8_t port;
	/* Times: its REMOVE packet was returned, its socket was closed. */
	uint32_t removed, closed;
};

static struct key keys[KEYS_MAX];
static uint8_t posts[POSTS_MAX];
static uint32_t nr_keys, nr_posts;
static uint32_t the_clock = 1;
static unsigned long removes_done[PORTS], removes_seen[PORTS];
static unsigned long nr_packets, nr_calls;
static const char *violation;
static int stop;

static HANDLE port[PORTS];
static int fds[SLOTS][2];

static void violated(const char *what)
{
	if (!load(&violation))
		store(&violation, what);
	store(&stop, 1);
}

static uint32_t tick(void)
{
	return add(&the_clock, 1);
}

static ULONG_PTR new_key(int slot, int where)
{
	uint32_t key = add(&nr_keys, 1);

	if (key >= KEYS_MAX) {
		store(&stop, 1);
		key = KEYS_MAX - 1;
	}
	keys[key].slot = slot;
	keys[key].port = where;
	return key;
}

/* ------------------------------------------------- what a harvest has to be */

static void check_posted(int where, const OVERLAPPED_ENTRY *got)
{
	uintptr_t id = (uintptr_t)got->lpOverlapped;

	if (id >= POSTS_MAX || got->lpCompletionKey != id * 3 + where ||
	    got->dwNumberOfBytesTransferred != (DWORD)~id)
		violated("a posted packet has changed, or is another port's");
	else if (add(&posts[id], 1) != 1)
		violated("a posted packet was harvested twice");
}

static void check_remove(int where, struct key *key, uint32_t after)
{
	add(&removes_seen[where], 1);
	if (swap(&key->removed, after))
		violated("two REMOVE packets for one registration");
}

static void check_notification(struct key *key, uint32_t before)
{
	uint32_t removed = load(&key->removed), closed = load(&key->closed);

	if (removed && removed < before)
		violated("a notification after REMOVE");
	if (closed && closed < before)
		violated("a notification of a closed socket");
}

/* @before and @after are the times of the call. */
static void check_harvest(int where, const OVERLAPPED_ENTRY *got, unsigned int nr,
			  uint32_t before, uint32_t after)
{
	unsigned int i, j;

	add(&nr_packets, nr);
	for (i = 0; i < nr; i++) {
		ULONG_PTR id = got[i].lpCompletionKey;
		DWORD mask = got[i].dwNumberOfBytesTransferred;

		if (got[i].lpOverlapped) {
			check_posted(where, &got[i]);
			continue;
		}
		if (!id || id >= KEYS_MAX || id > load(&nr_keys) ||
		    keys[id].port != where || !mask || got[i].Internal) {
			violated("a packet with a key that this port does not have");
			continue;
		}
		if (mask & EV_REMOVE && mask != EV_REMOVE)
			violated("REMOVE is not alone in its packet");
		for (j = 0; j < i && nr <= ENTRIES_MAX; j++) {
			if (got[j].lpOverlapped)
				continue;
			if (got[j].lpCompletionKey == id)
				violated("a key twice in one harvest");
			if (!((got[j].dwNumberOfBytesTransferred | mask) & EV_REMOVE) &&
			    keys[got[j].lpCompletionKey].slot == keys[id].slot &&
			    keys[id].slot < SLOTS)
				violated("a socket twice in one harvest");
		}
		if (mask == EV_REMOVE)
			check_remove(where, &keys[id], after);
		else
			check_notification(&keys[id], before);
	}
}

/* Registrations and a harvest; returns how many packets came. */
static unsigned int call(int where, SOCK_NOTIFY_REGISTRATION *reg, unsigned int count,
			 OVERLAPPED_ENTRY *got, unsigned int max, DWORD timeout_ms)
{
	UINT32 received = 0;
	unsigned int i;
	uint32_t before = tick();
	DWORD ret;

	ret = ProcessSocketNotifications(port[where], count, count ? reg : NULL,
					 max ? timeout_ms : 0, max, max ? got : NULL,
					 max ? &received : NULL);
	add(&nr_calls, 1);
	if (ret && ret != WAIT_TIMEOUT)
		violated("a call failed");
	for (i = 0; i < count; i++) {
		DWORD result = reg[i].registrationResult;

		if (reg[i].operation == OP_REMOVE && !result)
			add(&removes_done[where], 1);
		if (result && result != ERROR_INVALID_PARAMETER &&
		    result != ERROR_NOT_FOUND)
			violated("a registration failed");
	}
	if (received)
		check_harvest(where, got, received, before, tick());
	return received;
}

/* All that is queued, in one harvest: nobody else does anything now. */
static unsigned int harvest_all(int where, OVERLAPPED_ENTRY *got)
{
	return call(where, NULL, 0, got, ALL_MAX, 0);
}

/* ------------------------------------------------------------- the threads */

struct thread {
	pthread_t thread;
	struct random r;
	int number;
};

static int any(struct thread *t, unsigned int n)
{
	return random_below(&t->r, n);
}

static int any_trigger(struct thread *t)
{
	static const int triggers[] = {
		T_LEVEL, T_LEVEL | T_ONESHOT, T_EDGE, T_EDGE | T_ONESHOT,
	};

	return triggers[any(t, ARRAY_SIZE(triggers))];
}

static void post(struct thread *t)
{
	uint32_t id = add(&nr_posts, 1);
	int where = any(t, PORTS);

	if (id >= POSTS_MAX - 1) {
		store(&stop, 1);
		store(&nr_posts, POSTS_MAX - 1);
		return;
	}
	if (!PostQueuedCompletionStatus(port[where], ~id, (ULONG_PTR)id * 3 + where,
					(void *)(uintptr_t)id))
		violated("posting failed");
}

static void send_or_receive(struct thread *t)
{
	char data[200] = "";
	int *fd = fds[any(t, SLOTS)], from = any(t, 2);

	switch (any(t, 4)) {
	case 0:
		sock_send(fd[from], data, random_size(&t->r, sizeof(data)));
		break;
	case 1:
		sock_recv(fd[from], data, random_size(&t->r, sizeof(data)));
		break;
	default:
		sock_drain(fd[from]);
		break;
	}
}

static unsigned int chaos_entries(struct thread *t, int where,
				  SOCK_NOTIFY_REGISTRATION *reg)
{
	unsigned int i, nr = 1 + any(t, BATCH_MAX);

	for (i = 0; i < nr; i++) {
		int slot = any(t, SLOTS), what = any(t, 10);

		reg[i] = entry(fds[slot][0], new_key(slot, where), any(t, 8),
			       what < 6 ? OP_ENABLE : what < 7 ? OP_DISABLE : OP_REMOVE,
			       any_trigger(t));
	}
	return nr;
}

static void *chaos(void *arg)
{
	SOCK_NOTIFY_REGISTRATION reg[BATCH_MAX];
	OVERLAPPED_ENTRY got[ENTRIES_MAX];
	struct thread *t = arg;

	while (!load(&stop)) {
		unsigned int what = any(t, 100), nr = 0;
		int where = any(t, PORTS);

		if (what < 40) {
			nr = chaos_entries(t, where, reg);
			call(where, reg, nr, got, any(t, 2) ? 1 + any(t, ENTRIES_MAX) : 0,
			     any(t, 4) ? 0 : any(t, 3));
		} else if (what < 65) {
			call(where, NULL, 0, got, 1 + any(t, ENTRIES_MAX),
			     any(t, 4) ? 0 : any(t, 3));
		} else if (what < 90) {
			send_or_receive(t);
		} else if (what < 97) {
			post(t);
		} else {
			fd_sees(port_fd(port[where]), 0);
		}
	}
	return NULL;
}

/* Each has sockets of its own, and closes them with and without REMOVE. */
static void *churn(void *arg)
{
	SOCK_NOTIFY_REGISTRATION reg[2];
	OVERLAPPED_ENTRY got[ENTRIES_MAX];
	struct thread *t = arg;

	while (!load(&stop)) {
		int fd[2], where = any(t, PORTS);
		ULONG_PTR key = new_key(SLOTS, where);
		unsigned int nr = 1;

		if (any(t, 2) ? unix_pair(any(t, 2) ? TYPE_STREAM : TYPE_DGRAM, fd) :
				udp_pair(FAM_INET, fd)) {
			violated("no socket could be made");
			break;
		}
		reg[0] = entry(fd[0], key, EV_ALL, OP_ENABLE, any_trigger(t));
		if (any(t, 2))
			sock_send(fd[1], "x", 1);
		if (!any(t, 3))
			reg[nr++] = entry(fd[0], 0, 0, OP_REMOVE, 0);
		call(where, reg, nr, got, any(t, 2) ? 1 + any(t, 4) : 0, 0);
		sock_send(fd[1], "x", 1);
		if (any(t, 2))
			call(where, NULL, 0, got, 1 + any(t, 4), 0);
		if (any(t, 2))
			fd_close(fd[1]);
		else
			nr = 0;
		fd_close(fd[0]);
		store(&keys[key].closed, tick());
		if (!nr)
			fd_close(fd[1]);
		call(where, NULL, 0, got, ENTRIES_MAX, any(t, 8) ? 0 : 1);
	}
	return NULL;
}

static const char *run_threads(void *(*function)(void *), uint64_t seed, int ms)
{
	struct thread t[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		t[i] = (struct thread) {
			.r = random_start(seed + i),
			.number = i,
		};
		if (pthread_create(&t[i].thread, NULL, function, &t[i]))
			return "no thread could be made";
	}
	for (; ms > 0 && !load(&stop); ms -= 10)
		sleep_ms(10);
	store(&stop, 1);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i].thread, NULL);
	printf("# SEED=%llu: %lu calls, %lu packets, %u keys, %u posts, %lu and %lu REMOVEs\n",
	       (unsigned long long)seed, nr_calls, nr_packets, nr_keys, nr_posts,
	       removes_done[0], removes_done[1]);
	return violation ? violation : "";
}

/* After all: what is still queued, and then everything has been accounted for. */
static const char *accounts(void)
{
	OVERLAPPED_ENTRY *got = calloc(ALL_MAX, sizeof(*got));
	unsigned int i;
	int where, slot;

	for (where = 0; where < PORTS; where++) {
		harvest_all(where, got);
		for (slot = 0; slot < SLOTS; slot++) {
			SOCK_NOTIFY_REGISTRATION reg =
				entry(fds[slot][0], 0, 0, OP_REMOVE, 0);

			if (fds[slot][0])
				call(where, &reg, 1, NULL, 0, 0);
		}
		/* Only REMOVE packets are left, and after them nothing. */
		for (i = harvest_all(where, got); i-- > 0; )
			if (got[i].dwNumberOfBytesTransferred != EV_REMOVE)
				violated("a notification after the last REMOVE");
		if (harvest_all(where, got))
			violated("a packet of nothing");
		if (removes_done[where] != removes_seen[where])
			violated("not as many REMOVE packets as REMOVEs");
		if (port_told(port[where], "packets"))
			violated("packets are counted that are not there");
	}
	for (i = 1; i <= nr_posts && i < POSTS_MAX - 1; i++)
		if (posts[i] != 1)
			violated("a posted packet is lost");
	free(got);
	return violation ? violation : "";
}

FIXTURE(invariants) {
	uint64_t seed;
};

static int slot_pair(int slot)
{
	switch (slot % 5) {
	case 0:
		return tcp_pair(FAM_INET, fds[slot], 0);
	case 1:
		return tcp_pair(FAM_INET6, fds[slot], 0);
	case 2:
		return udp_pair(slot % 2 ? FAM_INET6 : FAM_INET, fds[slot]);
	case 3:
		return unix_pair(TYPE_STREAM, fds[slot]);
	}
	return unix_pair(TYPE_DGRAM, fds[slot]);
}

static int slot_is_stream(int slot)
{
	return slot % 5 != 2 && slot % 5 != 4;
}

FIXTURE_SETUP(invariants)
{
	int i;

	self->seed = random_seed(5);
	for (i = 0; i < PORTS; i++) {
		port[i] = port_open();
		ASSERT_NE(NULL, port[i]);
	}
}

FIXTURE_TEARDOWN(invariants)
{
	int i;

	for (i = 0; i < PORTS; i++)
		EXPECT_TRUE(CloseHandle(port[i]));
}

TEST_F_TIMEOUT(invariants, hold_on_shared_sockets_and_ports, 60)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, slot_pair(i));
	ASSERT_STREQ("", run_threads(chaos, self->seed, MILLISECONDS));
	EXPECT_STREQ("", accounts());
}

TEST_F_TIMEOUT(invariants, hold_while_sockets_come_and_go, 60)
{
	ASSERT_STREQ("", run_threads(churn, self->seed, MILLISECONDS));
	EXPECT_STREQ("", accounts());
}

/* ------------------------------------------ registrations whose state is known */

/* The lock is for what is known; the socket's data moves without it. */
static struct {
	pthread_mutex_t lock;
	enum { ABSENT, DISABLED, ENABLED } state;
	int filter;
} known[SLOTS];

static void *known_states(void *arg)
{
	OVERLAPPED_ENTRY got[ENTRIES_MAX];
	struct thread *t = arg;

	while (!load(&stop)) {
		int slot = any(t, SLOTS), what = any(t, 12), harvests = any(t, 2);
		SOCK_NOTIFY_REGISTRATION reg;

		if (what > 7) {
			send_or_receive(t);
			continue;
		}
		if (what > 5) {
			call(0, NULL, 0, got, 1 + any(t, ENTRIES_MAX), any(t, 3));
			continue;
		}
		pthread_mutex_lock(&known[slot].lock);
		reg = entry(fds[slot][0], new_key(slot, 0), any(t, 8),
			    what < 4 ? OP_ENABLE : what < 5 ? OP_DISABLE : OP_REMOVE,
			    T_LEVEL);
		if (reg.operation == OP_REMOVE) {
			known[slot].state = ABSENT;
		} else {
			known[slot].state = what < 4 ? ENABLED : DISABLED;
			known[slot].filter = reg.eventFilter;
		}
		call(0, &reg, 1, got, harvests ? 1 + any(t, ENTRIES_MAX) : 0, 0);
		pthread_mutex_unlock(&known[slot].lock);
	}
	return NULL;
}

/* LEVEL and PERSISTENT: all that are enabled and ready are there, no others. */
TEST_F_TIMEOUT(invariants, nothing_is_lost_when_registrations_change, 60)
{
	OVERLAPPED_ENTRY got[ENTRIES_MAX];
	unsigned int nr;
	int i, j, sees;

	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(0, slot_pair(i));
		pthread_mutex_init(&known[i].lock, NULL);
	}
	ASSERT_STREQ("", run_threads(known_states, self->seed, MILLISECONDS));

	/* What is under way in the loopback arrives. */
	sleep_ms(300 * patience());
	nr = call(0, NULL, 0, got, ENTRIES_MAX, 0);
	nr = call(0, NULL, 0, got, ENTRIES_MAX, 0);
	EXPECT_EQ(NULL, violation);
	for (i = 0; i < SLOTS; i++) {
		int mask = 0;

		for (j = 0; j < (int)nr; j++)
			if (keys[got[j].lpCompletionKey].slot == i)
				mask |= got[j].dwNumberOfBytesTransferred;
		sees = sock_sees(fds[i][0]);
		sees = (sees & SEE_IN ? EV_IN : 0) | (sees & SEE_OUT ? EV_OUT : 0);
		EXPECT_EQ(known[i].state == ENABLED ? known[i].filter & sees : 0, mask) {
			TH_LOG("slot %d, state %d, filter %#x", i, known[i].state,
			       known[i].filter);
		}
	}
	EXPECT_STREQ("", accounts());
}

/* ------------------------------------------------------- a server's patterns */

FIXTURE(server) {
	uint64_t seed;
};

FIXTURE_VARIANT(server) {
	int trigger;
};

FIXTURE_VARIANT_ADD(server, level_oneshot) { .trigger = T_LEVEL | T_ONESHOT, };
FIXTURE_VARIANT_ADD(server, level_persistent) { .trigger = T_LEVEL | T_PERSISTENT, };
FIXTURE_VARIANT_ADD(server, edge_oneshot) { .trigger = T_EDGE | T_ONESHOT, };
FIXTURE_VARIANT_ADD(server, edge_persistent) { .trigger = T_EDGE | T_PERSISTENT, };

static struct {
	/* ONESHOT: from a packet until ENABLE, of one thread. */
	int owned;
	unsigned long sent, received;
} served[SLOTS];
static int server_trigger, feeding;

FIXTURE_SETUP(server)
{
	int i;

	self->seed = random_seed(6);
	server_trigger = variant->trigger;
	port[0] = port_open();
	ASSERT_NE(NULL, port[0]);
	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(0, slot_pair(i));
		ASSERT_EQ(0, enable(port[0], fds[i][0], new_key(i, 0), EV_IN,
				    variant->trigger));
	}
}

FIXTURE_TEARDOWN(server)
{
	EXPECT_TRUE(CloseHandle(port[0]));
}

static void serve(struct thread *t, int slot, int all)
{
	/* Of a datagram the rest would be lost. */
	int part = !all && slot_is_stream(slot);
	char data[4096];
	long n;

	do {
		n = sock_recv(fds[slot][0], data, part ?
			      random_size(&t->r, sizeof(data)) : sizeof(data));
		if (n > 0)
			add(&served[slot].received, n);
	} while (all && n > 0);
}

static void *server_thread(void *arg)
{
	SOCK_NOTIFY_REGISTRATION reg[BATCH_MAX];
	OVERLAPPED_ENTRY got[BATCH_MAX];
	unsigned int i, nr, count = 0;
	struct thread *t = arg;

	for (;;) {
		nr = call(0, reg, count, got, BATCH_MAX, 100);
		count = 0;
		if (!nr && (load(&stop) || !load(&feeding)))
			return NULL;
		for (i = 0; i < nr; i++) {
			int slot = keys[got[i].lpCompletionKey].slot;

			if (got[i].dwNumberOfBytesTransferred != EV_IN)
				violated("a mask that was not asked for");
			if (!(server_trigger & T_ONESHOT)) {
				serve(t, slot, server_trigger & T_EDGE);
				continue;
			}
			if (swap(&served[slot].owned, 1))
				violated("one ENABLE gave two packets");
			/* Time for somebody else to get one. */
			if (!any(t, 8))
				sleep_ms(1);
			if (server_trigger & T_LEVEL)
				serve(t, slot, any(t, 2));
			store(&served[slot].owned, 0);
			reg[count] = entry(fds[slot][0], 0, EV_IN, OP_ENABLE,
					   server_trigger);
			if (server_trigger & T_LEVEL) {
				count++;
				continue;
			}
			/* An edge that rises before ENABLE is none: enable, then read. */
			call(0, reg, 1, NULL, 0, 0);
			serve(t, slot, 1);
		}
	}
}

static int all_is_received(void)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		if (load(&served[i].received) != served[i].sent)
			return 0;
	return 1;
}

TEST_F_TIMEOUT(server, everything_sent_is_received, 60)
{
	struct random r = random_start(self->seed);
	struct thread t[THREADS];
	char data[600] = "";
	int64_t end;
	int i;

	feeding = 1;
	for (i = 0; i < THREADS; i++) {
		t[i] = (struct thread) { .r = random_start(self->seed + i) };
		ASSERT_EQ(0, pthread_create(&t[i].thread, NULL, server_thread, &t[i]));
	}
	for (end = now_ms() + MILLISECONDS / 2; now_ms() < end && !load(&stop); ) {
		int slot = random_below(&r, SLOTS);
		unsigned int size = random_size(&r, sizeof(data));

		/* Few enough that nothing is dropped. */
		if (served[slot].sent - load(&served[slot].received) < 2000 &&
		    sock_send(fds[slot][1], data, size) == (long)size)
			served[slot].sent += size;
		if (!random_below(&r, 50))
			sleep_ms(1);
	}
	for (end = now_ms() + COMES; !all_is_received() && now_ms() < end; )
		sleep_ms(1);
	store(&feeding, 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i].thread, NULL);
	TH_LOG("SEED=%llu: %lu calls, %lu packets", (unsigned long long)self->seed,
	       nr_calls, nr_packets);
	EXPECT_EQ(NULL, violation) {
		TH_LOG("%s", violation);
	}
	for (i = 0; i < SLOTS; i++) {
		EXPECT_LT(0, served[i].sent);
		EXPECT_EQ(served[i].sent, served[i].received);
	}
}

TEST_HARNESS_MAIN
