// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Calls in which something fails: each access to user memory in turn and, where
 * the kernel can be told to, each allocation.  Afterwards there is a clear error or
 * success, and the port is compared in full: nothing has changed, or what the
 * results say has, and no packet is lost, doubled or out of order.
 *
 * A sweep makes the first, second, third... thing of a call fail, until one call
 * gets through.  Each call finds a new port, in the same state.  See
 * lib/faults.h for what can be made to fail.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/faults.h"
#include "lib/sock.h"

#define MS		1000000ULL
#define POISON_BYTE	0xcc

#define ONESHOT		(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)
#define CHUNK		32
#define USER		54321

/* How many sockets there are in a call. */
enum {
	ONE = 1,
	FEW = 64,
	SOME = 200,
	MANY = 1000,
};

/* Which pages of the memory are whose: an array begins in the first of them. */
enum {
	ARGS_AT = 0,
	REGS_AT = 3,
	RECEIVED_AT = 12,
	GOT_AT = 14,
	GOT_END = 24,
};

struct world {
	struct faults faults;
	/* Datagram sockets; the first of each pair has something to read. */
	int fd[MANY][2];
	unsigned int sockets;
	struct sockiocp_info before;
	/* Held open: what is charged to the user is read from it. */
	int account;

	/* Of one call. */
	int port;
	unsigned int n;
	/* The arrays begin so many bytes before the end of a page: see sweep_all(). */
	unsigned int cut, got_cut;
	unsigned int info_size;
	long long workers;
	enum fault how;
	struct sockiocp_process *args;
	struct sockiocp_registration_entry *reg;
	struct sockiocp_packet_entry *got;
	__u32 *received;

	unsigned int injected[FAULTS];
	char text[256];
};

/* What differs from what should be, or "". */
#define DIFFERS(w, ...)							\
	(snprintf((w)->text, sizeof((w)->text), __VA_ARGS__), (w)->text)

/* ------------------------------------------------------------------ calls */

/* What lies in the image, where the kernel will find it. */
static void *in_memory(struct world *w, const void *image)
{
	return w->faults.memory + ((const char *)image - w->faults.image);
}

/* Room in the image, so many bytes of which are in the first page. */
static void *place(struct world *w, unsigned int first_page, unsigned int cut)
{
	return w->faults.image + (first_page + 1) * w->faults.page - cut;
}

static void registration(struct world *w, unsigned int i, __u8 op, __u8 trigger)
{
	w->reg[i] = (struct sockiocp_registration_entry) {
		.socket = w->fd[i][0],
		.completion_key = i,
		.event_filter = SOCKIOCP_REGISTER_IN,
		.operation = op,
		.trigger_flags = trigger,
		.registration_result = POISON32,
	};
}

/* SOCKIOCP_PROCESS with so many of each, in the memory that fails. */
static void write_arguments(struct world *w, unsigned int regs, unsigned int got,
			    __u64 timeout_ns)
{
	*w->args = (struct sockiocp_process) {
		.registrations = regs ? (uintptr_t)in_memory(w, w->reg) : 0,
		.registration_count = regs,
		.entries = got ? (uintptr_t)in_memory(w, w->got) : 0,
		.entry_count = got,
		.received = got ? (uintptr_t)in_memory(w, w->received) : 0,
		.timeout_ns = timeout_ns,
		.handle = w->port,
	};
	*w->received = POISON32;
}

static int process(struct world *w)
{
	return device_call(w->port, SOCKIOCP_PROCESS, in_memory(w, w->args));
}

/* The same without any fault, for preparations. */
static int apply_all(struct world *w, __u8 op, __u8 trigger)
{
	struct sockiocp_process p;
	unsigned int i;

	for (i = 0; i < w->n; i++)
		registration(w, i, op, trigger);
	p = (struct sockiocp_process) {
		.registrations = (uintptr_t)w->reg,
		.registration_count = w->n,
		.handle = w->port,
	};
	return device_call(w->port, SOCKIOCP_PROCESS, &p);
}

static int post(struct world *w, __u64 key)
{
	return device_post(w->port, key);
}

/* -------------------------------------------------------------- comparisons */

static long long held(struct world *w, const char *what)
{
	return fdinfo_value(w->port, what);
}

/* The key and the mask of a packet, in one number. */
#define PACKET(key, mask)	((__u64)(key) << 8 | (mask))

/* Everything that is queued; negative errno. */
static int drain(struct world *w, __u64 *packet, unsigned int max)
{
	static struct sockiocp_packet_entry got[MANY + 1];
	struct sockiocp_process p = {
		.entries = (uintptr_t)got,
		.entry_count = max + 1,
		.handle = w->port,
	};
	__u32 received, i;
	int ret;

	p.received = (uintptr_t)&received;
	ret = device_call(w->port, SOCKIOCP_PROCESS, &p);
	if (ret)
		return ret == -ETIME ? 0 : ret;
	for (i = 0; i < received; i++)
		packet[i] = PACKET(got[i].completion_key, got[i].bytes_transferred);
	return received;
}

/* Exactly these, in this order, and then nothing. */
static const char *queue_differs(struct world *w, const __u64 *want, int n)
{
	static __u64 packet[MANY + 1];
	int ret, i;

	ret = drain(w, packet, MANY);
	if (ret != n)
		return DIFFERS(w, "%d packets are queued and not %d", ret, n);
	for (i = 0; i < n; i++)
		if (packet[i] != want[i])
			return DIFFERS(w, "packet %d is %#llx and not %#llx", i,
				       packet[i], want[i]);
	ret = drain(w, packet, MANY);
	if (ret)
		return DIFFERS(w, "%d packets came twice", ret);
	return "";
}

/* How many results were written: the first ones, each of them success. */
static int results_written(struct world *w)
{
	unsigned int i, n;

	for (n = 0; n < w->n && !w->reg[n].registration_result; n++)
		;
	for (i = n; i < w->n; i++)
		if (w->reg[i].registration_result != POISON32)
			return -1;
	return n;
}

/*
 * So many entries were applied, in order, as whole chunks: as many as have a
 * result, or up to a chunk more.  A call that has found its memory bad when it
 * first looked at it has applied none.
 */
static const char *batch_differs(struct world *w, int ret, unsigned int applied)
{
	int results = results_written(w);

	if (ret == -EFAULT) {
		if (w->faults.first && (applied || results))
			return DIFFERS(w, "a bad argument, and %u applied, %d results",
				       applied, results);
		if (results < 0 || applied < (unsigned int)results ||
		    applied > (unsigned int)results + CHUNK ||
		    (applied % CHUNK && applied != w->n))
			return DIFFERS(w, "%u applied, %d results", applied, results);
		return "";
	}
	if (applied != w->n || results != (int)w->n)
		return DIFFERS(w, "returned %d, %u applied, %d results", ret, applied,
			       results);
	return "";
}

static int is_clear(struct world *w, int ret)
{
	return !ret || ret == -EFAULT || (w->how == FAULT_IN_KERNEL && ret == -ENOMEM);
}

/* ---------------------------------------------------------------- the sweep */

/*
 * A kind of call.  The port is new when it is prepared, and closed after it was
 * looked at.
 */
struct scenario {
	int (*prepare)(struct world *w);
	/* The call; 0 or a negative errno. */
	int (*act)(struct world *w);
	const char *(*differs)(struct world *w, int ret);
	/* The call is made by a thread that has made none before. */
	int by_new_thread;
	/* Somebody else would be hit by a fault in the kernel. */
	int memory_only;
};

struct attempt {
	struct world *world;
	const struct scenario *scenario;
	int nth;
	int ret;
	/* No fault could be had; a negative errno. */
	int error;
};

static void *attempt(void *arg)
{
	struct attempt *a = arg;
	struct world *w = a->world;

	a->error = faults_arm(&w->faults, w->how, a->nth);
	if (a->error)
		return NULL;
	a->ret = a->scenario->act(w);
	if (faults_disarm(&w->faults))
		w->injected[w->how]++;
	return NULL;
}

static void lay_out(struct world *w)
{
	memset(w->faults.image, POISON_BYTE, FAULT_PAGES * w->faults.page);
	w->args = place(w, ARGS_AT, w->cut / 8 * 8);
	w->reg = place(w, REGS_AT, w->cut);
	w->got = place(w, GOT_AT, w->got_cut);
	w->received = place(w, RECEIVED_AT, sizeof(*w->received));
}

static const char *account_differs(struct world *w)
{
	struct sockiocp_info now;

	if (device_call(w->account, SOCKIOCP_INFO, &now))
		return DIFFERS(w, "the account cannot be read");
	if (now.user_registrations != w->before.user_registrations ||
	    now.user_packets != w->before.user_packets)
		return DIFFERS(w, "%llu registrations and %llu packets stay charged",
			       now.user_registrations - w->before.user_registrations,
			       now.user_packets - w->before.user_packets);
	return "";
}

/* One call with the n-th thing failing.  "" unless something is wrong. */
static const char *try_fault(struct world *w, const struct scenario *s, int nth)
{
	struct attempt a = { .world = w, .scenario = s, .nth = nth };
	const char *text;
	pthread_t thread;

	lay_out(w);
	w->port = device_open();
	if (w->port < 0 || (s->prepare && s->prepare(w)))
		return DIFFERS(w, "cannot be prepared");
	if (!s->by_new_thread)
		attempt(&a);
	else if (pthread_create(&thread, NULL, attempt, &a) ||
		 pthread_join(thread, NULL))
		return DIFFERS(w, "no thread");
	if (a.error)
		return DIFFERS(w, "no fault to be had: %d", a.error);
	text = s->differs(w, a.ret);
	fd_close(w->port);
	return *text ? text : account_differs(w);
}

static const char *fault_name(enum fault how)
{
	static const char *const name[] = {
		[FAULT_NO_ACCESS] = "no access",
		[FAULT_READ_ONLY] = "read-only",
		[FAULT_IN_KERNEL] = "in the kernel",
	};

	return name[how];
}

/* Making many takes its time. */
static int make_sockets(struct world *w, unsigned int n)
{
	for (; w->sockets < n; w->sockets++)
		if (unix_pair(TYPE_DGRAM, w->fd[w->sockets]) ||
		    sock_send(w->fd[w->sockets][1], "x", 1) != 1)
			return -1;
	return 0;
}

/* A sweep with so many sockets; large ones go on in larger steps after a while. */
static const char *sweep(struct world *w, const struct scenario *s)
{
	static char where[384];
	int nth = 1, step = 1;
	const char *text;

	do {
		text = try_fault(w, s, nth);
		if (*text) {
			snprintf(where, sizeof(where),
				 "%s, fault %d, %u sockets, cut %u: %s",
				 fault_name(w->how), nth, w->n, w->cut, text);
			return where;
		}
		if (w->n > FEW && nth > 8)
			step = 17;
		nth += step;
	} while (w->faults.injected);
	return "";
}

/*
 * All of it: by all faults that there are, with arrays that are cut everywhere, but
 * never within a field, which would need two pages at a time.
 */
static const char *sweep_all(struct world *w, const struct scenario *s,
			     unsigned int size)
{
	static const struct {
		unsigned int n, cut, got_cut;
	} where[] = {
		{ 1, 8, 8 }, { 1, 16, 16 }, { 1, 20, 28 }, { 1, 24, 24 }, { 1, 40, 32 },
		{ FEW, 8, 1016 }, { FEW, 768, 1024 }, { FEW, 1520, 1040 },
		{ SOME, 768, 1024 },
		{ MANY, 768, 1024 },
	};
	const char *text = "";
	unsigned int i;

	if (make_sockets(w, size))
		return "no sockets";

	for (w->how = 0; w->how < FAULTS && !*text; w->how++) {
		if (fault_missing(w->how) ||
		    (w->how == FAULT_IN_KERNEL && s->memory_only))
			continue;
		for (i = 0; i < ARRAY_SIZE(where) && where[i].n <= size && !*text; i++) {
			/* What the kernel allocates does not depend on the cut. */
			if (w->how == FAULT_IN_KERNEL && i &&
			    where[i].n == where[i - 1].n)
				continue;
			w->n = where[i].n;
			w->cut = where[i].cut;
			w->got_cut = where[i].got_cut;
			text = sweep(w, s);
		}
	}
	printf("# %u faults injected: no access %u, read-only %u, in the kernel %u\n",
	       w->injected[0] + w->injected[1] + w->injected[2],
	       w->injected[FAULT_NO_ACCESS], w->injected[FAULT_READ_ONLY],
	       w->injected[FAULT_IN_KERNEL]);
	if (fault_missing(FAULT_IN_KERNEL))
		printf("# none in the kernel: %s\n", fault_missing(FAULT_IN_KERNEL));
	fflush(stdout);
	return text;
}

/* -------------------------------------------------------------- registering */

static int prepare_register(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->n; i++)
		registration(w, i, SOCKIOCP_OP_ENABLE, ONESHOT);
	write_arguments(w, w->n, 0, 0);
	return 0;
}

/* The entry that there was no memory for, taken for a success; or -1. */
static int forgive_memory(struct world *w)
{
	unsigned int i;

	if (w->how != FAULT_IN_KERNEL || !w->faults.injected)
		return -1;
	for (i = 0; i < w->n; i++) {
		if (w->reg[i].registration_result != SOCKIOCP_RESULT_NO_MEMORY)
			continue;
		w->reg[i].registration_result = 0;
		return i;
	}
	return -1;
}

static const char *register_differs(struct world *w, int ret)
{
	static __u64 want[MANY];
	int failed = forgive_memory(w), applied = held(w, "registrations") + (failed >= 0);
	const char *text;
	int i, n = 0;

	text = batch_differs(w, ret, applied);
	if (*text)
		return text;
	for (i = 0; i < applied; i++)
		if (i != failed)
			want[n++] = PACKET(i, SOCKIOCP_EVENT_IN);
	return queue_differs(w, want, n);
}

static const struct scenario registering = {
	.prepare = prepare_register,
	.act = process,
	.differs = register_differs,
};

static int prepare_rearm(struct world *w)
{
	static __u64 packet[MANY + 1];

	if (apply_all(w, SOCKIOCP_OP_ENABLE, ONESHOT) ||
	    drain(w, packet, MANY) != (int)w->n)
		return -1;
	return prepare_register(w);
}

static const char *rearm_differs(struct world *w, int ret)
{
	static __u64 want[MANY];
	int armed = held(w, "packets"), i;
	const char *text;

	if (held(w, "registrations") != w->n)
		return DIFFERS(w, "%lld registrations", held(w, "registrations"));
	text = batch_differs(w, ret, armed);
	if (*text)
		return text;
	for (i = 0; i < armed; i++)
		want[i] = PACKET(i, SOCKIOCP_EVENT_IN);
	return queue_differs(w, want, armed);
}

static const struct scenario rearming = {
	.prepare = prepare_rearm,
	.act = process,
	.differs = rearm_differs,
};

static int prepare_remove(struct world *w)
{
	unsigned int i;

	if (apply_all(w, SOCKIOCP_OP_ENABLE, ONESHOT))
		return -1;
	for (i = 0; i < w->n; i++)
		registration(w, i, SOCKIOCP_OP_REMOVE, 0);
	write_arguments(w, w->n, 0, 0);
	return 0;
}

/* What was not removed was queued before. */
static const char *remove_differs(struct world *w, int ret)
{
	static __u64 want[MANY];
	int removed = w->n - held(w, "registrations"), n = 0;
	const char *text;
	unsigned int i;

	text = batch_differs(w, ret, removed);
	if (*text)
		return text;
	for (i = removed; i < w->n; i++)
		want[n++] = PACKET(i, SOCKIOCP_EVENT_IN);
	for (i = 0; i < (unsigned int)removed; i++)
		want[n++] = PACKET(i, SOCKIOCP_EVENT_REMOVE);
	return queue_differs(w, want, n);
}

static const struct scenario removing = {
	.prepare = prepare_remove,
	.act = process,
	.differs = remove_differs,
};

/* -------------------------------------------------------------- harvesting */

static int apply_one(struct world *w, unsigned int i, __u8 op)
{
	struct sockiocp_process p = {
		.registrations = (uintptr_t)&w->reg[i],
		.registration_count = 1,
		.handle = w->port,
	};

	registration(w, i, op, ONESHOT);
	return device_call(w->port, SOCKIOCP_PROCESS, &p);
}

/* Every kind of packet by turns. */
static int prepare_harvest(struct world *w)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < w->n; i++) {
		if (i % 3 == 1) {
			ret |= post(w, i);
			continue;
		}
		ret |= apply_one(w, i, SOCKIOCP_OP_ENABLE);
		if (i % 3 == 2)
			ret |= apply_one(w, i, SOCKIOCP_OP_REMOVE);
	}
	write_arguments(w, 0, w->n, 0);
	return ret;
}

static __u64 packet_of_every_kind(unsigned int i)
{
	static const __u32 mask[] = { SOCKIOCP_EVENT_IN, 0, SOCKIOCP_EVENT_REMOVE };

	return PACKET(i, mask[i % 3]);
}

static __u64 packet_in(unsigned int i)
{
	return PACKET(i, SOCKIOCP_EVENT_IN);
}

/*
 * The first packets were handed over, as many as the call says; the rest is
 * queued.  Behind the chunk that failed nothing was written.
 */
static const char *harvest_differs(struct world *w, int ret,
				   __u64 (*packet)(unsigned int i))
{
	static __u64 want[MANY];
	const char *end = w->faults.image + GOT_END * w->faults.page;
	unsigned int received = ret ? 0 : *w->received, i;
	const char *byte;

	if (ret && ret != -EFAULT)
		return DIFFERS(w, "returned %d", ret);
	if (received > w->n || (!ret && !received) ||
	    (!w->faults.injected && received != w->n))
		return DIFFERS(w, "returned %d with %u packets", ret, received);
	for (i = 0; i < received; i++) {
		__u64 got = PACKET(w->got[i].completion_key,
				   w->got[i].bytes_transferred);

		if (got != packet(i) || w->got[i].reserved)
			return DIFFERS(w, "packet %u handed over is %#llx", i, got);
	}
	byte = (const char *)(w->got + (received == w->n ? received : received + CHUNK));
	for (; byte < end; byte++)
		if (*byte != (char)POISON_BYTE)
			return DIFFERS(w, "written far behind packet %u", received);
	for (i = received; i < w->n; i++)
		want[i] = packet(i);
	return queue_differs(w, want + received, w->n - received);
}

static const char *harvest_of_every_kind_differs(struct world *w, int ret)
{
	return harvest_differs(w, ret, packet_of_every_kind);
}

static const struct scenario harvesting = {
	.prepare = prepare_harvest,
	.act = process,
	.differs = harvest_of_every_kind_differs,
};

static int prepare_edges(struct world *w)
{
	unsigned int i;
	char c;

	if (apply_all(w, SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_EDGE))
		return -1;
	for (i = 0; i < w->n; i++)
		if (sock_send(w->fd[i][1], "x", 1) != 1 ||
		    sock_recv(w->fd[i][0], &c, 1) != 1)
			return -1;
	write_arguments(w, 0, w->n, 0);
	return 0;
}

static const char *harvest_of_edges_differs(struct world *w, int ret)
{
	return harvest_differs(w, ret, packet_in);
}

static const struct scenario harvesting_edges = {
	.prepare = prepare_edges,
	.act = process,
	.differs = harvest_of_edges_differs,
};

static int prepare_levels(struct world *w)
{
	if (apply_all(w, SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_LEVEL))
		return -1;
	write_arguments(w, 0, w->n, 0);
	return 0;
}

/* They stay, whatever has been handed over; the first ones come last then. */
static const char *levels_differ(struct world *w, int ret)
{
	static __u64 packet[MANY + 1];
	unsigned int received = ret ? 0 : *w->received, i, round;
	int n;

	if ((ret && ret != -EFAULT) || received > w->n || (!ret && !received))
		return DIFFERS(w, "returned %d with %u packets", ret, received);
	for (round = 0; round < 2; round++) {
		n = drain(w, packet, MANY);
		if (n != (int)w->n)
			return DIFFERS(w, "%d packets in round %u", n, round);
		for (i = 0; i < w->n; i++)
			if (packet[i] != packet_in((i + received) % w->n))
				return DIFFERS(w, "packet %u is %#llx after %u", i,
					       packet[i], received);
	}
	return "";
}

static const struct scenario harvesting_levels = {
	.prepare = prepare_levels,
	.act = process,
	.differs = levels_differ,
};

static int prepare_both(struct world *w)
{
	prepare_register(w);
	write_arguments(w, w->n, w->n, 0);
	return 0;
}

/* Either the batch was not finished, or the harvest has begun. */
static const char *both_differ(struct world *w, int ret)
{
	static __u64 want[MANY];
	int failed = forgive_memory(w), applied = held(w, "registrations") + (failed >= 0);
	const char *text;
	int i;

	text = batch_differs(w, ret, applied);
	if (*text)
		return text;
	if (failed >= 0) {
		/* Nothing else fails then. */
		w->faults.injected = 0;
		if (ret != (w->n > 1 ? 0 : -ETIME) || *w->received != w->n - 1)
			return DIFFERS(w, "returned %d with %u packets", ret,
				       *w->received);
		return queue_differs(w, want, 0);
	}
	if (applied == (int)w->n)
		return harvest_differs(w, ret, packet_in);
	for (i = 0; i < applied; i++)
		want[i] = packet_in(i);
	return queue_differs(w, want, applied);
}

static const struct scenario registering_and_harvesting = {
	.prepare = prepare_both,
	.act = process,
	.differs = both_differ,
};

/* ----------------------------------------------------------------- waiting */

/* The other sockets of the pairs have nothing to read. */
static int prepare_timeout(struct world *w)
{
	unsigned int i;

	prepare_register(w);
	for (i = 0; i < w->n; i++)
		w->reg[i].socket = w->fd[i][1];
	write_arguments(w, w->n, w->n, MS);
	return 0;
}

/* Without an error and a packet, a call has to be made again. */
static int to_be_made_again(struct world *w, int ret)
{
	__u32 received = 0;

	if (!ret)
		faults_read(&w->faults, w->received, &received, sizeof(received));
	return !ret && !received;
}

static int times_were_changed(const struct world *w, __u64 timeout)
{
	return w->args->timeout_ns != timeout || w->args->deadline_ns;
}

static const char *timeout_differs(struct world *w, int ret)
{
	int failed = forgive_memory(w), applied = held(w, "registrations") + (failed >= 0);
	const char *text;

	if (ret == -ETIME && *w->received)
		return DIFFERS(w, "timed out with %u packets", *w->received);
	/* Then for what is left of the time. */
	if (!to_be_made_again(w, ret) && times_were_changed(w, MS))
		return DIFFERS(w, "the time-out was changed");
	text = batch_differs(w, ret, applied);
	return *text ? text : queue_differs(w, NULL, 0);
}

static const struct scenario timing_out = {
	.prepare = prepare_timeout,
	.act = process,
	.differs = timeout_differs,
};

/* Somebody who acts when the call waits, or has come back. */
static struct helper {
	struct world *world;
	int (*act)(struct world *w);
	pthread_t thread;
	int tid;
	int back;
} helper;

static void *help(void *arg)
{
	struct helper *h = arg;

	while (!__atomic_load_n(&h->back, __ATOMIC_ACQUIRE) &&
	       !task_blocked(0, h->tid, 0))
		sleep_ms(1);
	h->act(h->world);
	return NULL;
}

static int start_helper(struct world *w, int (*act)(struct world *w))
{
	helper = (struct helper) {
		.world = w,
		.act = act,
		.tid = thread_id(),
	};
	return pthread_create(&helper.thread, NULL, help, &helper);
}

static int call_with_helper(struct world *w)
{
	int ret = process(w);

	__atomic_store_n(&helper.back, 1, __ATOMIC_RELEASE);
	return ret;
}

static int post_late(struct world *w)
{
	return post(w, 0x1a7e);
}

static int wait_for_late_packet(struct world *w)
{
	int ret;

	do
		ret = process(w);
	while (to_be_made_again(w, ret));
	__atomic_store_n(&helper.back, 1, __ATOMIC_RELEASE);
	return ret;
}

static int prepare_late_packet(struct world *w)
{
	write_arguments(w, 0, 1, SOCKIOCP_INFINITE);
	return start_helper(w, post_late);
}

static const char *late_packet_differs(struct world *w, int ret)
{
	const __u64 want = PACKET(0x1a7e, 0);

	pthread_join(helper.thread, NULL);
	if (ret == -EFAULT)
		return queue_differs(w, &want, 1);
	if (ret || *w->received != 1 || w->got->completion_key != 0x1a7e)
		return DIFFERS(w, "returned %d with %u packets", ret, *w->received);
	return queue_differs(w, NULL, 0);
}

static const struct scenario waiting = {
	.prepare = prepare_late_packet,
	.act = wait_for_late_packet,
	.differs = late_packet_differs,
};

static int interrupt(struct world *w)
{
	(void)w;
	return __atomic_load_n(&helper.back, __ATOMIC_ACQUIRE) ? 0 :
		signal_task(helper.tid);
}

static int prepare_signal(struct world *w)
{
	count_signals(0);
	write_arguments(w, 0, 1, 60000 * MS);
	return start_helper(w, interrupt);
}

static const char *signal_differs(struct world *w, int ret)
{
	__u64 left = w->args->timeout_ns;

	pthread_join(helper.thread, NULL);
	if ((ret != -EINTR && ret != -EFAULT && !to_be_made_again(w, ret)) ||
	    left > 60000 * MS || left < 30000 * MS)
		return DIFFERS(w, "returned %d, %llu ns left", ret, left);
	if (ret == -EFAULT && times_were_changed(w, 60000 * MS))
		return DIFFERS(w, "failed, and changed the time-out");
	if (ret == -EINTR && *w->received)
		return DIFFERS(w, "interrupted with %u packets", *w->received);
	return queue_differs(w, NULL, 0);
}

static const struct scenario being_interrupted = {
	.prepare = prepare_signal,
	.act = call_with_helper,
	.differs = signal_differs,
	/* The frame of the handler cannot be copied, and the program is killed. */
	.memory_only = 1,
};

/* A thread that has not been here before becomes a worker of the port. */
static int prepare_worker(struct world *w)
{
	struct sockiocp_config config = { .concurrency = 1 };

	write_arguments(w, 0, 1, SOCKIOCP_INFINITE);
	return device_call(w->port, SOCKIOCP_CONFIGURE, &config) | post(w, 0);
}

/* It is one until its thread exits. */
static int act_worker(struct world *w)
{
	int ret = process(w);

	w->workers = held(w, "workers");
	return ret;
}

static __u64 packet_posted(unsigned int i)
{
	return PACKET(i, 0);
}

static const char *worker_differs(struct world *w, int ret)
{
	/* A page of the caller's may be what cannot be had; a worker has to be done without. */
	if (w->how == FAULT_IN_KERNEL && ret && ret != -EFAULT)
		return DIFFERS(w, "returned %d", ret);
	if (!w->faults.injected && w->workers != 1)
		return DIFFERS(w, "%lld workers", w->workers);
	return harvest_differs(w, ret, packet_posted);
}

static const struct scenario working = {
	.prepare = prepare_worker,
	.act = act_worker,
	.differs = worker_differs,
	.by_new_thread = 1,
};

/* ------------------------------------------------------------ the other calls */

static int prepare_post(struct world *w)
{
	struct sockiocp_post *packet = (void *)w->args;

	/* Larger than the kernel knows, to go by the general routine's way. */
	memset(packet, 0, sizeof(*packet) + 8);
	packet->completion_key = 0xabc;
	return 0;
}

static int act_post(struct world *w)
{
	return device_call(w->port, SOCKIOCP_POST, in_memory(w, w->args));
}

static int act_larger_post(struct world *w)
{
	return device_call(w->port, _IOC(_IOC_WRITE, SOCKIOCP_IOC_MAGIC, 3,
					 sizeof(struct sockiocp_post) + 8),
			   in_memory(w, w->args));
}

static const char *post_differs(struct world *w, int ret)
{
	const __u64 want = PACKET(0xabc, 0);

	if (!is_clear(w, ret))
		return DIFFERS(w, "returned %d", ret);
	return queue_differs(w, &want, !ret);
}

static const struct scenario posting = {
	.prepare = prepare_post,
	.act = act_post,
	.differs = post_differs,
};
static const struct scenario posting_larger = {
	.prepare = prepare_post,
	.act = act_larger_post,
	.differs = post_differs,
};

static int prepare_configure(struct world *w)
{
	struct sockiocp_config *config = (void *)w->args;

	*config = (struct sockiocp_config) { .concurrency = 7 };
	return 0;
}

static int act_configure(struct world *w)
{
	return device_call(w->port, SOCKIOCP_CONFIGURE, in_memory(w, w->args));
}

static const char *configure_differs(struct world *w, int ret)
{
	long long want = ret ? sysconf(_SC_NPROCESSORS_ONLN) : 7;

	if (!is_clear(w, ret) || held(w, "concurrency") != want)
		return DIFFERS(w, "returned %d, concurrency %lld", ret,
			       held(w, "concurrency"));
	return queue_differs(w, NULL, 0);
}

static const struct scenario configuring = {
	.prepare = prepare_configure,
	.act = act_configure,
	.differs = configure_differs,
};

static int act_info(struct world *w)
{
	return device_call(w->port, _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 0, w->info_size),
			   in_memory(w, w->args));
}

static const char *info_differs(struct world *w, int ret)
{
	const struct sockiocp_info *info = (void *)w->args;
	const char *byte = (char *)info, *end = byte + w->info_size;

	if (!is_clear(w, ret))
		return DIFFERS(w, "returned %d", ret);
	if (!ret && (info->abi_version != SOCKIOCP_ABI_VERSION ||
		     info->concurrency != held(w, "concurrency")))
		return DIFFERS(w, "version %u, concurrency %u", info->abi_version,
			       info->concurrency);
	for (byte += sizeof(*info); byte < end; byte++)
		if (!ret && *byte)
			return DIFFERS(w, "what is not known is not 0");
	if (*end != (char)POISON_BYTE)
		return DIFFERS(w, "written behind the structure");
	return queue_differs(w, NULL, 0);
}

static const struct scenario informing = {
	.act = act_info,
	.differs = info_differs,
};

/* What a port is asked without an ioctl.  A packet is there. */
static int prepare_packet(struct world *w)
{
	return post(w, 0);
}

static int act_open(struct world *w)
{
	int fd = device_open();

	(void)w;
	return fd < 0 ? -errno : fd_close(fd);
}

/* The first port of a user comes with an account. */
static int prepare_user(struct world *w)
{
	return post(w, 0) | setresuid(USER, -1, -1);
}

static int act_poll(struct world *w)
{
	struct pollfd *pfd = (void *)in_memory(w, w->args);
	int ret = poll(pfd, 1, -1);

	return ret < 0 ? -errno : ret - 1;
}

static int prepare_poll(struct world *w)
{
	struct pollfd *pfd = (void *)w->args;

	*pfd = (struct pollfd) { .fd = w->port, .events = POLLIN };
	return post(w, 0);
}

static int act_epoll(struct world *w)
{
	int epoll = fd_epoll(), ret;

	if (epoll < 0)
		return epoll;
	ret = epoll_watch(epoll, w->port, 0);
	if (!ret)
		ret = epoll_sees(epoll, 1000) == 1 ? 0 : -EFAULT;
	fd_close(epoll);
	return ret;
}

static int act_fdinfo(struct world *w)
{
	char path[64], text[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w->port);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	n = n < 0 ? -errno : n;
	close(fd);
	if (n <= 0)
		return n ? n : -EPROTO;
	text[n] = 0;
	return strstr(text, "packets:\t1\n") ? 0 : -EPROTO;
}

static int act_close(struct world *w)
{
	return fd_close(w->port);
}

static const char *packet_differs(struct world *w, int ret)
{
	const __u64 want = PACKET(0, 0);

	if (!is_clear(w, ret))
		return DIFFERS(w, "returned %d", ret);
	return queue_differs(w, &want, 1);
}

static const char *user_differs(struct world *w, int ret)
{
	if (setresuid(geteuid(), -1, -1))
		return DIFFERS(w, "the user cannot be changed back");
	return packet_differs(w, ret);
}

/* The account, which is looked at afterwards, says all. */
static const char *closed_differs(struct world *w, int ret)
{
	return ret ? DIFFERS(w, "close() returned %d", ret) : "";
}

static const struct scenario opening = {
	.prepare = prepare_packet,
	.act = act_open,
	.differs = packet_differs,
};
static const struct scenario opening_as_a_user = {
	.prepare = prepare_user,
	.act = act_open,
	.differs = user_differs,
};
static const struct scenario polling = {
	.prepare = prepare_poll,
	.act = act_poll,
	.differs = packet_differs,
};
static const struct scenario watching = {
	.prepare = prepare_packet,
	.act = act_epoll,
	.differs = packet_differs,
};
static const struct scenario showing = {
	.prepare = prepare_packet,
	.act = act_fdinfo,
	.differs = packet_differs,
};
static const struct scenario closing = {
	.prepare = prepare_harvest,
	.act = act_close,
	.differs = closed_differs,
};

/* ------------------------------------------------------------------- tests */

FIXTURE(faults) {
	struct world *world;
};

FIXTURE_SETUP(faults)
{
	static struct world world;
	int ret;

	self->world = &world;
	ASSERT_EQ(0, raise_nofile(2 * MANY + 100));
	ret = faults_open(&world.faults);
	if (ret == -EPERM)
		SKIP(return, "only root can catch page faults of the kernel");
	ASSERT_EQ(0, ret);
	world.account = device_open();
	ASSERT_LE(0, world.account);
	ASSERT_EQ(0, device_call(world.account, SOCKIOCP_INFO, &world.before));
}

FIXTURE_TEARDOWN(faults)
{
}

/* With arguments in memory that fails. */
#define SWEEPS(name, scenario, size)					\
	TEST_F_TIMEOUT(faults, name, 300)				\
	{								\
		EXPECT_STREQ("", sweep_all(self->world, &(scenario), size));\
		EXPECT_LT(0, self->world->injected[FAULT_NO_ACCESS]);	\
		EXPECT_LT(0, self->world->injected[FAULT_READ_ONLY]);	\
	}

/* With nothing that could fail but what the kernel allocates. */
#define SWEEPS_ALLOCATIONS(name, scenario)				\
	TEST_F_TIMEOUT(faults, name, 300)				\
	{								\
		EXPECT_STREQ("", sweep_all(self->world, &(scenario), ONE));\
		if (!fault_missing(FAULT_IN_KERNEL))			\
			EXPECT_LT(0, self->world->injected[FAULT_IN_KERNEL]);\
	}

SWEEPS(registering_is_done_as_far_as_the_results_say, registering, MANY)
SWEEPS(rearming_is_done_as_far_as_the_results_say, rearming, FEW)
SWEEPS(removing_is_done_as_far_as_the_results_say, removing, FEW)
SWEEPS(harvest_loses_no_packet, harvesting, SOME)
SWEEPS(harvest_loses_no_edge, harvesting_edges, FEW)
SWEEPS(harvest_loses_no_level, harvesting_levels, FEW)
SWEEPS(registering_and_harvesting_loses_nothing, registering_and_harvesting, SOME)
SWEEPS(time_out_leaves_what_was_registered, timing_out, FEW)
SWEEPS(packet_that_was_waited_for_is_not_lost, waiting, ONE)
SWEEPS(interrupted_wait_leaves_what_was_there, being_interrupted, ONE)
SWEEPS(first_harvest_of_a_thread_loses_no_packet, working, ONE)
SWEEPS(post_queues_one_packet_or_none, posting, ONE)
SWEEPS(post_of_a_newer_caller_queues_one_packet_or_none, posting_larger, ONE)
SWEEPS(configure_stores_it_or_not, configuring, ONE)
SWEEPS(poll_takes_nothing, polling, ONE)

TEST_F_TIMEOUT(faults, info_is_whole_or_refused, 300)
{
	const unsigned int size[] = { 28, 56, 100, 5000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		self->world->info_size = size[i];
		EXPECT_STREQ("", sweep_all(self->world, &informing, ONE));
	}
	EXPECT_LT(0, self->world->injected[FAULT_NO_ACCESS]);
}

SWEEPS_ALLOCATIONS(open_gives_a_port_or_none, opening)
SWEEPS_ALLOCATIONS(first_open_of_a_user_gives_a_port_or_none, opening_as_a_user)
SWEEPS_ALLOCATIONS(epoll_takes_nothing, watching)
SWEEPS_ALLOCATIONS(fdinfo_takes_nothing, showing)

TEST_F_TIMEOUT(faults, close_gives_back_everything, 300)
{
	EXPECT_STREQ("", sweep_all(self->world, &closing, FEW));
}

TEST_HARNESS_MAIN
