/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What the files of the module share.  Who owns what, and which lock guards
 * which field, is told in the banner comment of main.c.
 */
#ifndef _SOCKIOCP_H
#define _SOCKIOCP_H

#include "compat.h"

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sockiocp.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* The most registrations, or packets, that one call may name. */
#define SOCKIOCP_MAX_BATCH	(1U << 24)

/* How many of them are handled at a time: what fits on the stack. */
#define SOCKIOCP_CHUNK		32

/* What is done later, where it may sleep; there while anything else of the module is. */
extern struct workqueue_struct *sockiocp_wq;

/*
 * Between two readings, without a lock, of what others change at any time.  Tests of
 * races may build the module so that it stays here for a while, some of the times
 * (selftests/vm/test, WIDE); otherwise this is nothing.
 */
#ifdef SOCKIOCP_WIDEN_RACES
#include <linux/delay.h>

static inline void sockiocp_race_window(void)
{
	static unsigned int times;

	/* More or less every other time. */
	if (data_race(times++) % 2)
		udelay(100);
}
#else
static inline void sockiocp_race_window(void)
{
}
#endif

/* ---------------------------------------------------------------- account */

/**
 * struct sockiocp_account - what one user holds, in all ports together
 * @uid: the user
 * @users: ports that charge this account, whose memory is there
 * @registrations: registrations that exist
 * @packets: posted packets that are queued
 * @reaper_node: in the reaper's list of users, while @reaper_ports is not empty
 * @reaper_ports: those ports that the reaper looks at
 * @nr_reaper_ports: how many these are
 */
struct sockiocp_account {
	unsigned long uid;
	unsigned int users;
	atomic_long_t registrations;
	atomic_long_t packets;
	struct list_head reaper_node;
	struct list_head reaper_ports;
	unsigned int nr_reaper_ports;
};

extern unsigned long sockiocp_max_user_registrations;
extern unsigned long sockiocp_max_user_packets;

void sockiocp_account_init(void);
struct sockiocp_account *sockiocp_account_get(void);
void sockiocp_account_put(struct sockiocp_account *account);
bool sockiocp_account_charge(atomic_long_t *count, const unsigned long *limit);

/* ----------------------------------------------------------------- packet */

/**
 * struct sockiocp_packet - what stands in a port's queue
 * @node: in the queue, in the list of a waiter, or in that of a harvest
 * @seq: when it was queued; a harvest takes nothing younger than itself.  The
 *	lowest bit is SOCKIOCP_SEQ_POSTED in a &struct sockiocp_posted, and 0 in
 *	a registration: a notification, or its REMOVE packet
 */
struct sockiocp_packet {
	struct list_head node;
	u64 seq;
};

#define SOCKIOCP_SEQ_POSTED	1ULL
#define SOCKIOCP_SEQ_STEP	2ULL

/**
 * struct sockiocp_posted - a packet of the user's own
 * @packet: its place in the queue
 * @entry: what the harvester gets
 */
struct sockiocp_posted {
	struct sockiocp_packet packet;
	struct sockiocp_packet_entry entry;
};

/* ------------------------------------------------------------------- port */

/**
 * struct sockiocp_port - one open file of /dev/sockiocp
 * @lock: guards all that follows up to @active, and what the banner says of
 *	registrations
 * @queue: packets, oldest first
 * @next_seq: &struct sockiocp_packet.seq of the next packet to be queued
 * @nr_packets: packets in @queue and handed to waiters
 * @waiters: threads that wait for a packet, the youngest first
 * @nr_waiters: how many these are
 * @registrations: the registrations, as a ring: a reaper looks at the first
 *	and moves it to the end
 * @nr_registrations: how many these are
 * @concurrency: as configured; 0 stands for the number of processors
 * @closed: by SOCKIOCP_CLOSE
 * @workers: threads that are associated with the port, or have been and pin it still
 * @nr_workers: how many are associated
 * @had_worker: one was, at some time
 * @nr_sampled: how many in @workers only @sampler knows about
 * @sample_soon: @sampler will come at the next tick, since somebody waits for a slot
 * @nobody_of: a process that has ended, or its address: nobody of it waits, or is
 *	associated; or NULL
 * @active: slots in use: workers that run
 * @refs: one for the file, one for each worker, and one for each that looks at the port
 *	without either: the reaper, a sweep, a processor that comes online
 * @last_fd: where a descriptor of the port was found last, in whose table ever
 * @slot_freed: releases waiters when a worker has blocked
 * @sampler: the same, where nobody tells that a worker has blocked
 * @poll_wait: who polls the file
 * @poll_work: wakes them if there are many
 * @account: whom registrations and posted packets are charged to
 * @all_ports: in the list of all ports, for when a processor comes online
 * @reaper_node: in the account's list for the reaper, while there are
 *	registrations, and perhaps a little longer
 */
struct sockiocp_port {
	spinlock_t lock;
	struct list_head queue;
	u64 next_seq;
	unsigned int nr_packets;
	struct list_head waiters;
	unsigned int nr_waiters;
	struct list_head registrations;
	unsigned int nr_registrations;
	unsigned int concurrency;
	bool closed;
	struct list_head workers;
	unsigned int nr_workers;
	bool had_worker;
	unsigned int nr_sampled;
	bool sample_soon;
	fl_owner_t nobody_of;

	atomic_t active;
	refcount_t refs;
	unsigned int last_fd;
	struct irq_work slot_freed;
	struct delayed_work sampler;
	wait_queue_head_t poll_wait;
	struct work_struct poll_work;
	struct sockiocp_account *account;
	struct list_head all_ports;
	struct list_head reaper_node;
};

struct sockiocp_port *sockiocp_port_create(void);
void sockiocp_port_destroy(struct sockiocp_port *port);
void sockiocp_port_get(struct sockiocp_port *port);
void sockiocp_port_put(struct sockiocp_port *port);
long sockiocp_port_process(struct file *file, struct sockiocp_process __user *uargs,
			   size_t usize, struct sockiocp_process *args);
long sockiocp_port_post(struct sockiocp_port *port, const struct sockiocp_post *args);
void sockiocp_port_configure(struct sockiocp_port *port,
			     const struct sockiocp_config *config);
unsigned int sockiocp_port_concurrency(struct sockiocp_port *port);
void sockiocp_port_close(struct sockiocp_port *port);
bool sockiocp_port_is_open_here(struct file *file, unsigned int fd);
void sockiocp_port_closed_in(struct file *file, fl_owner_t files);
bool sockiocp_port_has_packet(struct sockiocp_port *port);
void sockiocp_port_show(struct sockiocp_port *port, struct seq_file *m);

/*
 * Is a list of a port's empty?  Looked at without the lock, so that it may be wrong
 * at once: for those who are told, or look again under the lock, if it matters.
 */
static inline bool sockiocp_seems_empty(const struct list_head *list)
{
	/* An old answer is as good. */
	return data_race(list_empty_careful(list));
}

/**
 * sockiocp_port_has_somebody_of - a thread begins to wait, or its association begins
 * @port: the port, locked
 * @files: its process
 */
static inline void sockiocp_port_has_somebody_of(struct sockiocp_port *port, fl_owner_t files)
{
	lockdep_assert_held(&port->lock);

	if (unlikely(port->nobody_of == files))
		port->nobody_of = NULL;
}

void sockiocp_port_unqueue(struct sockiocp_port *port, struct sockiocp_packet *packet);
void sockiocp_port_release_waiters(struct sockiocp_port *port);

/**
 * sockiocp_port_queue_quietly - put a packet behind all others
 * @port: the port, locked
 * @packet: a packet that stands nowhere
 *
 * The caller's call will harvest, and pass on what it leaves.
 */
static inline void sockiocp_port_queue_quietly(struct sockiocp_port *port,
					       struct sockiocp_packet *packet)
{
	lockdep_assert_held(&port->lock);

	packet->seq = port->next_seq | (packet->seq & SOCKIOCP_SEQ_POSTED);
	port->next_seq += SOCKIOCP_SEQ_STEP;
	list_add_tail(&packet->node, &port->queue);
	port->nr_packets++;
}

/**
 * sockiocp_port_queue - put a packet behind all others, and wake a thread for it
 * @port: the port, locked
 * @packet: a packet that stands nowhere
 */
static inline void sockiocp_port_queue(struct sockiocp_port *port,
				       struct sockiocp_packet *packet)
{
	sockiocp_port_queue_quietly(port, packet);
	if (!list_empty(&port->waiters))
		sockiocp_port_release_waiters(port);
}

void sockiocp_port_wake_first_pollers(struct sockiocp_port *port);

/**
 * sockiocp_port_wake_pollers - tell those who poll the file of a packet
 * @port: the port, not locked
 */
static inline void sockiocp_port_wake_pollers(struct sockiocp_port *port)
{
	if (wq_has_sleeper(&port->poll_wait))
		sockiocp_port_wake_first_pollers(port);
}

int sockiocp_packet_init(void);
void sockiocp_packet_exit(void);

/* ----------------------------------------------------------------- worker */

struct sockiocp_worker;

struct sockiocp_worker *sockiocp_worker_enter(struct file *file, unsigned int fd);
bool sockiocp_worker_may_harvest(struct sockiocp_worker *worker);
void sockiocp_worker_begin_wait(struct sockiocp_worker *worker);
void sockiocp_worker_end_wait(struct sockiocp_worker *worker);
void sockiocp_worker_take_slot(struct sockiocp_worker *worker);
bool sockiocp_worker_slot_is_free(struct sockiocp_port *port);
void sockiocp_worker_sampler(struct work_struct *work);
void sockiocp_worker_leave_process(struct sockiocp_port *port, fl_owner_t files);
void sockiocp_worker_add_port(struct sockiocp_port *port);
void sockiocp_worker_forget(struct sockiocp_port *port);

int sockiocp_worker_init(void);
void sockiocp_worker_exit(void);

/* ------------------------------------------------------------ registration */

enum sockiocp_state {
	/* On its socket's wait queue and in its port's ring. */
	SOCKIOCP_LIVE,
	/* Taken off both by REMOVE; its REMOVE packet is queued. */
	SOCKIOCP_REMOVED,
	/* Taken off both because the socket or the port was closed. */
	SOCKIOCP_DEAD,
};

/* Where a registration's packet is. */
enum sockiocp_place {
	/* Nowhere. */
	SOCKIOCP_IDLE,
	/*
	 * In the queue, or handed to a waiter that has not come for it yet; a REMOVE packet
	 * stays so until it is gone.
	 */
	SOCKIOCP_QUEUED,
	/*
	 * Off the queue: a harvest, or a poll of the port, looks at the socket,
	 * and has the reference for being live if the registration ends now.
	 */
	SOCKIOCP_TAKEN,
	/* As above, and to be queued again: something happened since. */
	SOCKIOCP_TAKEN_AGAIN,
};

/* What a socket is, as far as its readiness goes: streams first. */
enum sockiocp_kind {
	SOCKIOCP_TCP,
	SOCKIOCP_MPTCP,
	SOCKIOCP_VSOCK,
	SOCKIOCP_UNIX_STREAM,
	SOCKIOCP_UDP,
	SOCKIOCP_UNIX_DGRAM,
};

/*
 * Beside the SOCKIOCP_EVENT_* bits a reading of a socket's state may have these,
 * which no user sees.
 */
/* A stream that is, or was, connected. */
#define SOCKIOCP_CONNECTED	0x08
/* In sockiocp_registration.seen: nothing has been read yet. */
#define SOCKIOCP_UNSEEN		0x10
/*
 * A stream has failed, and stays so.  An error without this is one that the stream
 * lives on with, until it is read.  In sockiocp_registration.seen: of the connection
 * that the stream has, not of an attempt at one.
 */
#define SOCKIOCP_FAILED		0x20
#define SOCKIOCP_BROKEN		(SOCKIOCP_EVENT_ERR | SOCKIOCP_EVENT_HANGUP | SOCKIOCP_FAILED)
/* The socket is closed. */
#define SOCKIOCP_GONE		0x100
/* The socket cannot be looked at before somebody lets go of one of its locks. */
#define SOCKIOCP_BUSY		0x200

/* What a wake-up for an error, or a change of state, means to a stream's connection. */
enum sockiocp_turn {
	SOCKIOCP_GOES_ON,
	/* It has failed: that stays. */
	SOCKIOCP_HAS_FAILED,
	/* The attempt to connect has failed, once more perhaps. */
	SOCKIOCP_WAS_IN_VAIN,
	/* The same, and that was before: by now connect() has told it. */
	SOCKIOCP_IS_TOLD,
	/* It was disconnected: the next one has no past. */
	SOCKIOCP_IS_NEW,
	/* An attempt to connect has succeeded: what was before it is over. */
	SOCKIOCP_IS_MADE,
};

/**
 * struct sockiocp_terms - what a registration reports
 * @life: counts the connections, and attempts at one, that are over: whoever read the
 *	socket before remembers nothing of it
 * @filter: SOCKIOCP_REGISTER_* bits
 * @trigger: SOCKIOCP_TRIGGER_* bits
 * @edges: EDGE: bits that rose and have not been delivered
 *
 * When a packet is taken off the queue it takes a copy along, with the edges.  Whoever
 * changes the registration from then on comes after that packet.
 */
struct sockiocp_terms {
	u32 life;
	u8 filter;
	u8 trigger;
	u8 edges;
} __aligned(8);

/**
 * struct sockiocp_registration - one socket in one port
 * @wait: on the socket's wait queue; its function identifies it as ours, and its
 *	private pointer is the socket, whose inode is pinned, its file not
 * @packet: the notification, or the REMOVE packet
 * @port_node: in the port's ring
 * @port: the port
 * @key: what packets carry
 * @refs: one for being live or having a REMOVE packet queued, one for each
 *	task that works on it
 * @rcv_nxt: TCP, EDGE: how far the stream had come at the last IN wake-up
 * @interest: the EPOLL* bits of wake-ups that matter; 0 while disabled.  Those for
 *	an error, or a change of state, always do
 * @kind: &enum sockiocp_kind
 * @state: &enum sockiocp_state
 * @enabled: between ENABLE and DISABLE, or the delivery of a ONESHOT
 * @place: &enum sockiocp_place of @packet
 * @history: it was disabled, and perhaps enabled again, or has ended, since
 *	somebody last looked: whoever has its packet has taken what is history now
 * @seen: EDGE: bits that stay once they are there, as last read, so that what is new
 *	is an edge; and SOCKIOCP_FAILED.  All of it of the connection that there is, see
 *	note_turn()
 * @terms: &struct sockiocp_terms
 */
struct sockiocp_registration {
	wait_queue_entry_t wait;
	struct sockiocp_packet packet;
	struct list_head port_node;
	struct sockiocp_port *port;
	u64 key;
	refcount_t refs;
	u32 rcv_nxt;
	u16 interest;
	u8 kind;
	u8 state;
	bool enabled;
	u8 place;
	bool history;
	u8 seen;
	struct sockiocp_terms terms;
};

int sockiocp_registration_apply(struct sockiocp_port *port,
				const struct sockiocp_process *args);
static inline struct sockiocp_registration *
sockiocp_packet_registration(struct sockiocp_packet *packet)
{
	return container_of(packet, struct sockiocp_registration, packet);
}

/*
 * Has the last reference to the socket's file been dropped?  Exact when it says
 * yes.  It may say no for a moment after: the file's memory may serve another
 * file already (SLAB_TYPESAFE_BY_RCU), but then sock->file has been cleared, and
 * whoever looks again sees that.
 *
 * The caller is in a read-side critical section of RCU.
 */
static inline bool
sockiocp_registration_is_closed(const struct sockiocp_registration *reg)
{
	const struct socket *socket = reg->wait.private;
	struct file *file = READ_ONCE(socket->file);

	return !file || !file_count(file);
}

struct sockiocp_delivery;

void sockiocp_registration_verify(struct sockiocp_delivery *deliveries, unsigned int nr);
u32 sockiocp_registration_look(struct sockiocp_registration *reg,
			       const struct sockiocp_terms *taken, u32 *now);
void sockiocp_registration_untake(struct sockiocp_registration *reg,
				  const struct sockiocp_terms *taken);
bool sockiocp_registration_looked_at(const struct sockiocp_delivery *d);
void sockiocp_registration_kill(struct sockiocp_registration *reg);
void sockiocp_registration_free(struct sockiocp_registration *reg);

/* Sleeps when it was the last reference: the socket's inode goes with it. */
static inline void sockiocp_registration_put(struct sockiocp_registration *reg)
{
	if (refcount_dec_and_test(&reg->refs))
		sockiocp_registration_free(reg);
}

/**
 * sockiocp_registration_begin_look - what a registration is about to be looked at for
 * @reg: a registration that nobody has taken, under its port's lock
 * @terms: where its terms go
 *
 * Only one can have taken it at a time, so that one flag is enough to tell him what is
 * history.  Of those who only look before they take it, one may miss it then.
 */
static inline void sockiocp_registration_begin_look(struct sockiocp_registration *reg,
						    struct sockiocp_terms *terms)
{
	*terms = reg->terms;
	WRITE_ONCE(reg->history, false);
}

/**
 * sockiocp_registration_take - mark the packet of a registration as taken
 * @reg: a live registration whose packet is taken off the queue, under its port's lock
 * @taken: where the packet's copy of its terms goes
 */
static inline void sockiocp_registration_take(struct sockiocp_registration *reg,
					      struct sockiocp_terms *taken)
{
	sockiocp_registration_begin_look(reg, taken);
	reg->terms.edges = 0;
	WRITE_ONCE(reg->place, SOCKIOCP_TAKEN);
}

int sockiocp_registration_init(void);
void sockiocp_registration_exit(void);

/**
 * struct sockiocp_delivery - a packet on its way from the queue to the user
 * @packet: the packet
 * @is_notification: of a registration; anything else goes out as it is
 * @ended: the registration ended meanwhile, and its reference is the harvest's
 * @taken: &struct sockiocp_registration.terms when it was taken
 * @now: what the socket is like: SOCKIOCP_EVENT_* bits and SOCKIOCP_CONNECTED, or
 *	SOCKIOCP_GONE, or SOCKIOCP_BUSY
 * @events: what the packet carries, SOCKIOCP_EVENT_* bits; 0 if it does not go out
 */
struct sockiocp_delivery {
	struct sockiocp_packet *packet;
	bool is_notification;
	bool ended;
	struct sockiocp_terms taken;
	u32 now;
	u32 events;
};

/* ----------------------------------------------------------------- reaper */

void sockiocp_reaper_watch(struct sockiocp_port *port);
void sockiocp_reaper_forget(struct sockiocp_port *port);
void sockiocp_reaper_pass(struct sockiocp_port *port, unsigned int created);
bool sockiocp_reaper_sweep(struct sockiocp_account *account);
void sockiocp_reaper_exit(void);

/* --------------------------------------------------------------- readiness */

/* Does a look take a lock that others sleep with? */
static inline bool sockiocp_readiness_sleeps(enum sockiocp_kind kind)
{
	return kind == SOCKIOCP_MPTCP || kind == SOCKIOCP_VSOCK;
}

int sockiocp_readiness_kind(struct socket *socket);
u32 sockiocp_readiness_read(struct socket *socket, struct file *file,
			    enum sockiocp_kind kind, u8 filter);
enum sockiocp_turn sockiocp_readiness_turn(const struct socket *socket,
					   enum sockiocp_kind kind, bool error);

u32 sockiocp_readiness_tcp_position(struct socket *socket);
bool sockiocp_readiness_tcp_in_edge(struct socket *socket, u32 *rcv_nxt);

/**
 * sockiocp_readiness_position - where a TCP stream stands
 * @socket: the socket, which the caller keeps from being released
 * @kind: what it is
 *
 * The caller holds the lock of its wait queue: if a connection ends meanwhile, the
 * wake-up for that comes later (SOCKIOCP_IS_NEW).
 *
 * Return: the start value of *rcv_nxt for sockiocp_readiness_in_edge(); 0 if there is no
 *	connection, and none that has ended, and for all but TCP.
 */
static inline u32 sockiocp_readiness_position(struct socket *socket, enum sockiocp_kind kind)
{
	return kind == SOCKIOCP_TCP ? sockiocp_readiness_tcp_position(socket) : 0;
}

/**
 * sockiocp_readiness_in_edge - does an IN wake-up mean that IN has just risen?
 * @socket: the socket whose wait queue is being woken
 * @kind: what it is
 * @rcv_nxt: TCP: how far the stream had come at the wake-up before; updated
 *
 * The wake-ups of all but TCP run without a lock that would keep data from being read
 * meanwhile: any of them may be an edge.
 *
 * Return: false only if IN held before.
 */
static inline bool sockiocp_readiness_in_edge(struct socket *socket, enum sockiocp_kind kind,
					      u32 *rcv_nxt)
{
	return kind != SOCKIOCP_TCP || sockiocp_readiness_tcp_in_edge(socket, rcv_nxt);
}

#endif /* _SOCKIOCP_H */
