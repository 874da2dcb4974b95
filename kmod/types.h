/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The structures that the files of the module share.  Who owns what, and which lock guards
 * which field, is told in the banner of main.c.
 */
#ifndef _SOCKIOCP_TYPES_H
#define _SOCKIOCP_TYPES_H

#include "reading.h"

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sockiocp.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* What is only there to be fast.  Tests build the module without (selftests/vm/test, SHORT_WAYS). */
enum sockiocp_short_way {
	/* What is armed is taken at once, not through the queue. */
	SOCKIOCP_ONE_PASS	= BIT(0),
	/* One posted packet is taken by itself. */
	SOCKIOCP_ONE_POSTED	= BIT(1),
	/* The memory of a posted packet is kept. */
	SOCKIOCP_SPARE_MEMORY	= BIT(2),
	SOCKIOCP_MIRRORS	= BIT(3),
	SOCKIOCP_RINGS		= BIT(4),
};

/* Those that are there. */
#ifndef SOCKIOCP_SHORT_WAYS
#define SOCKIOCP_SHORT_WAYS	~0
#endif
#define sockiocp_goes(way)	(SOCKIOCP_SHORT_WAYS & (way))

/* What a user may hold only so many of. */
enum sockiocp_limit {
	SOCKIOCP_MAX_REGISTRATIONS,
	SOCKIOCP_MAX_OPERATIONS,
	SOCKIOCP_MAX_PACKETS,
	SOCKIOCP_MAX_OFFERS,
	SOCKIOCP_NR_LIMITS,
};

/**
 * struct sockiocp_account - what one user holds, in all ports together
 * @uid: the user
 * @users: ports that charge this account, whose memory is there, and offers; and one more
 *	as long as the user has limits of its own
 * @limits: these limits, or SOCKIOCP_LIMIT_OF_ALL
 * @registrations: registrations that exist
 * @endpoints: endpoints that exist
 * @packets: posted packets that are queued
 * @operations: operations that exist
 * @offers: sockets that are offered to processes
 * @refusals: how often its user was told that it holds as many as it may
 * @offer_ring: these offers
 * @reaper_node: in the reaper's list of users, while @reaper_ports is not empty
 * @reaper_ports: those ports that the reaper looks at
 * @nr_reaper_ports: how many these are
 */
struct sockiocp_account {
	unsigned long uid;
	unsigned int users;
	unsigned long limits[SOCKIOCP_NR_LIMITS];
	atomic_long_t registrations;
	atomic_long_t endpoints;
	atomic_long_t packets;
	atomic_long_t operations;
	atomic_long_t offers;
	atomic_long_t refusals;
	struct list_head offer_ring;
	struct list_head reaper_node;
	struct list_head reaper_ports;
	unsigned int nr_reaper_ports;
};

/**
 * struct sockiocp_packet - what stands in a port's queue
 * @node: in the queue, in the list of a waiter, or in that of a harvest
 * @seq: when it was queued; a harvest takes nothing younger than itself.  The
 *	lowest bits are SOCKIOCP_SEQ_POSTED in a &struct sockiocp_posted,
 *	SOCKIOCP_SEQ_OPERATION in a &struct sockiocp_operation, and 0 in a registration:
 *	a notification, or its REMOVE packet
 */
struct sockiocp_packet {
	struct list_head node;
	u64 seq;
};

#define SOCKIOCP_SEQ_POSTED	1ULL
#define SOCKIOCP_SEQ_OPERATION	2ULL
#define SOCKIOCP_SEQ_KIND	3ULL
#define SOCKIOCP_SEQ_STEP	4ULL

/**
 * struct sockiocp_posted - a packet of the user's own
 * @packet: its place in the queue
 * @entry: what the harvester gets
 */
struct sockiocp_posted {
	struct sockiocp_packet packet;
	struct sockiocp_packet_entry entry;
};

/* Why a thread that waits is woken: something for it is there. */
enum sockiocp_wake {
	/* A packet was queued, and a slot is free. */
	SOCKIOCP_WAKE_QUEUED,
	/* A packet was there, and another worker has given its slot up, or lent it. */
	SOCKIOCP_WAKE_SLOT,
	/* Another thread has left a packet. */
	SOCKIOCP_WAKE_LEFT,
	/* There are more slots: by SOCKIOCP_CONFIGURE, or one more processor. */
	SOCKIOCP_WAKE_CONCURRENCY,
	/* No packet: the port, or a descriptor of it, was closed. */
	SOCKIOCP_WAKE_CLOSED,
};

/* Of what a user has as many as it may. */
enum sockiocp_refused {
	SOCKIOCP_REFUSED_REGISTRATION,
	SOCKIOCP_REFUSED_ENDPOINT,
	SOCKIOCP_REFUSED_OPERATION,
	SOCKIOCP_REFUSED_PACKET,
	SOCKIOCP_REFUSED_OFFER,
};

/* What a worker has to do with the slots of its port. */
enum sockiocp_slot {
	/* It holds none: it waits for a packet, or its association has ended. */
	SOCKIOCP_SLOT_NONE,
	/* It holds one since it was woken, and may be on its way to sleep still. */
	SOCKIOCP_SLOT_WOKEN,
	/* It holds one. */
	SOCKIOCP_SLOT_HELD,
	/* It holds one, but is blocked: the slot is free until it goes on. */
	SOCKIOCP_SLOT_LENT,
};

/**
 * struct sockiocp_worker - a thread that is associated with a port
 * @node: in the list of the port that it pins
 * @port: the port that it is associated with; NULL if that has ended
 * @pinned: the port whose memory this pins: @port, or the last one; NULL between
 *	two ports, and in a cursor of sockiocp_association_look_at_all()
 * @files: the thread's table of descriptors, which is its process
 * @task: the thread; pinned only if it is sampled
 * @pid: its number, a reference
 * @slot: &enum sockiocp_slot
 * @sampled: nobody tells of this thread
 * @hash: in the table of sampled workers, by thread
 * @rcu: frees a sampled worker
 * @notifier: tells that it blocks and goes on
 * @died: the thread has exited
 * @free: ends the worker, where that may sleep
 */
struct sockiocp_worker {
	struct list_head node;
	struct sockiocp_port *port;
	struct sockiocp_port *pinned;
	fl_owner_t files;
	struct task_struct *task;
	struct pid *pid;
	unsigned int slot;
	bool sampled;
	struct hlist_node hash;
	struct rcu_head rcu;
#ifdef CONFIG_PREEMPT_NOTIFIERS
	struct preempt_notifier notifier;
	struct irq_work died;
	struct work_struct free;
#endif
};

/**
 * struct sockiocp_hook - what stands on a socket's wait queue and in a port's ring
 * @wait: on the socket's wait queue; its function says whether it is that of a
 *	registration or of an endpoint, and its private pointer is the socket, whose inode
 *	is pinned, its file not
 * @port_node: in the port's ring
 * @port: the port
 * @key: what packets carry
 * @refs: one for being live, or having a REMOVE packet queued; one for each task that
 *	works on it, and for each operation of an endpoint
 * @interest: the EPOLL* bits of wake-ups that matter; those for an error, or a change of
 *	state, always do
 * @kind: &enum sockiocp_kind
 * @state: &enum sockiocp_state
 *
 * One without a socket is a mark in a ring: how far somebody has come who goes through it.
 */
struct sockiocp_hook {
	wait_queue_entry_t wait;
	struct list_head port_node;
	struct sockiocp_port *port;
	u64 key;
	refcount_t refs;
	u16 interest;
	u8 kind;
	u8 state;
};

/**
 * struct sockiocp_mirrored - where a port says whether its queue is empty (mirror.c)
 * @word: a word in a page of a process
 * @empty: what it is while nothing is queued
 * @page: the page, which is pinned
 * @mm: whose memory it is; a reference to the structure, not to the memory
 * @address: where the word is for that process
 */
struct sockiocp_mirrored {
	u64 *word;
	u64 empty;
	struct page *page;
	struct mm_struct *mm;
	u64 address;
};

/**
 * struct sockiocp_ringed - what a program has posted to itself (ring.c)
 * @memory: the ring, which begins with the word of the mirror; NULL if there is none
 * @open: there may be packets in it
 * @head: how far it was emptied when it was shut last
 * @seq: &struct sockiocp_packet.seq of the first packet that is found in it
 * @room: memory for these
 * @nr_room: for how many
 */
struct sockiocp_ringed {
	struct sockiocp_ring *memory;
	bool open;
	u64 head;
	u64 seq;
	struct list_head room;
	unsigned int nr_room;
};

/**
 * struct sockiocp_port - one open file of /dev/sockiocp
 * @lock: guards all that follows up to @active, and what the banner says of
 *	registrations
 * @queue: packets, oldest first
 * @next_seq: &struct sockiocp_packet.seq of the next packet to be queued
 * @nr_packets: packets in @queue and handed to waiters
 * @delivered: packets that were harvested, ever
 * @waiters: threads that wait for a packet, the youngest first
 * @nr_waiters: how many these are
 * @was_posted: a packet was posted since a harvest has found that not only one is queued;
 *	read without @lock, and reset without
 * @mirror: of the queue, if its word is not NULL, which is looked at without @lock, too
 * @ring: of the program; whether there is one is looked at without @lock, too
 * @hooks: registrations and endpoints in the order of their coming, as a ring, and among
 *	them the marks of those who go through it
 * @nr_hooks: how many these are
 * @nr_endpoints: how many of them are endpoints
 * @counted: how many registrations were armed, queued and disabled when view.c counted last
 * @counted_until: ktime_get_ns() up to which that is told, if there are many
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
 * @spare: a posted packet that is in nobody's use, or NULL
 * @last_fd: where a descriptor of the port was found last, in whose table ever
 * @slot_freed: releases waiters when a worker has blocked
 * @sampler: the same, where nobody tells that a worker has blocked
 * @poll_wait: who polls the file
 * @poll_work: wakes them if there are many
 * @account: whom registrations and posted packets are charged to
 * @id: its number in the directory
 * @creator: the process that has opened it, a reference
 * @comm: what that was called
 * @network: the number of the network namespace in which it was (directory.c)
 * @reaper_node: in the account's list for the reaper, while there are
 *	registrations, and perhaps a little longer
 * @operations: of this home port: those that are not done, as a ring
 * @nr_operations: how many these are
 * @nr_undone: operations in the queue, or handed to waiters, that are not done
 * @late: looks for those that nobody takes
 * @late_seq: what was first in the queue at its last look
 * @ended: its file is gone: nothing is queued any more
 * @home_of: whose home port this is, a reference; NULL before its first operation
 * @home_exec_id: which of the programs of that process, counted by exec
 * @home_node: in the list of home ports
 * @told_ready: its process was told that something is ready, and others may wait for it
 * @reaper_mark: how far the reaper has come in @hooks
 * @walking: held by who walks through @operations
 * @histogram: what is counted, or NULL; stays once it is there
 */
struct sockiocp_port {
	spinlock_t lock;
	struct list_head queue;
	u64 next_seq;
	u64 delivered;
	unsigned int nr_packets;
	struct list_head waiters;
	unsigned int nr_waiters;
	bool was_posted;
	struct sockiocp_mirrored mirror;
	struct sockiocp_ringed ring;
	struct list_head hooks;
	unsigned int nr_hooks;
	unsigned int nr_endpoints;
	unsigned int counted[3];
	u64 counted_until;
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
	struct sockiocp_posted *spare;
	struct irq_work slot_freed;
	struct delayed_work sampler;
	wait_queue_head_t poll_wait;
	struct work_struct poll_work;
	struct sockiocp_account *account;
	u32 id;
	struct pid *creator;
	char comm[TASK_COMM_LEN];
	u64 network;
	struct list_head reaper_node;
	struct list_head operations;
	unsigned int nr_operations;
	unsigned int nr_undone;
	struct delayed_work late;
	u64 late_seq;
	bool ended;
	struct pid *home_of;
	u64 home_exec_id;
	struct list_head home_node;
	bool told_ready;
	struct sockiocp_hook reaper_mark;
	struct mutex walking;
	struct sockiocp_histogram *histogram;
};

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
	 * Off the queue, or past it: a harvest, a call that arms it, or a poll of the port
	 * looks at the socket,
	 * and has the reference for being live if the registration ends now.
	 */
	SOCKIOCP_TAKEN,
	/* As above, and to be queued again: something happened since. */
	SOCKIOCP_TAKEN_AGAIN,
};

/**
 * struct sockiocp_terms - what a registration reports
 * @life: counts the connections, and attempts at one, that are over: whoever read the
 *	socket before remembers nothing of it.  It takes hours to come round; if one
 *	harvest is held up between its look and its end for just as long, EDGE of this
 *	registration is wrong by a bit, and nothing else is
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
 * @hook: its places; no wake-up interests it while it is disabled
 * @packet: the notification, or the REMOVE packet
 * @rcv_nxt: TCP, EDGE: how far the stream had come at the last IN wake-up
 * @enabled: between ENABLE and DISABLE, or the delivery of a ONESHOT
 * @place: &enum sockiocp_place of @packet
 * @history: it was disabled, and perhaps enabled again, or has ended, since
 *	somebody last looked: whoever has its packet has taken what is history now
 * @seen: EDGE: bits that stay once they are there, as last read, so that what is new
 *	is an edge; and SOCKIOCP_FAILED.  All of it of the connection that there is, see
 *	sockiocp_trigger_note_turn()
 * @terms: &struct sockiocp_terms
 */
struct sockiocp_registration {
	struct sockiocp_hook hook;
	struct sockiocp_packet packet;
	u32 rcv_nxt;
	bool enabled;
	u8 place;
	bool history;
	u8 seen;
	struct sockiocp_terms terms;
};

/* The most operations of a socket in each direction: a walk is short enough for a lock. */
#define SOCKIOCP_MAX_PENDING	1024

/**
 * struct sockiocp_direction - the receives, or the sends, of a socket
 * @operations: that have not ended, in their order
 * @nr: how many these are, and how many have ended and are not done
 * @again: the socket was woken while the first one was being carried out
 * @nr_told: how many have ended, and a thread is telling their process: those behind them wait
 * @held: in jiffies, an odd number near it, when a POLL_IN or POLL_OUT has told its process,
 *	which has not said SOCKIOCP_SUBMIT_NEXT yet; or 0
 */
struct sockiocp_direction {
	struct list_head operations;
	u16 nr;
	u16 nr_told;
	bool again;
	unsigned long held;
};

/**
 * struct sockiocp_endpoint - a socket as an end of overlapped I/O
 * @hook: its places; its port is the one it is associated with, or else the one by which
 *	it was made
 * @associated: CreateIoCompletionPort() was called for it
 * @modes: SOCKIOCP_MODE_* bits
 * @failure: how a stream has ended, a negative errno, or 0: Linux says it once
 * @directions: receives and what is like them; sends
 * @finished: operations that have ended and are not done: a thread of their process has to
 *	write their results
 */
struct sockiocp_endpoint {
	struct sockiocp_hook hook;
	bool associated;
	u8 modes;
	s16 failure;
	struct sockiocp_direction directions[2];
	struct list_head finished;
};

/* Where an operation is. */
enum sockiocp_phase {
	/* It waits for its socket, or for those before it. */
	SOCKIOCP_PENDING,
	/* In a queue, to be carried out; or a thread has just taken it for that. */
	SOCKIOCP_RUNNABLE,
	/* A thread is carrying it out. */
	SOCKIOCP_RUNNING,
	/* It has ended, and is in a queue, or in the hands of a thread. */
	SOCKIOCP_FINISHED,
	/* Its process knows; what is left is a packet. */
	SOCKIOCP_DONE,
};

/**
 * struct sockiocp_operation - what a process wants to be done to a socket
 * @packet: in the queue of a port, or handed to a waiter
 * @node: among those of its direction, or the finished ones; empty when it is done
 * @home_node: in the ring of its home port, while it is among those of its socket, and
 *	not dropped
 * @endpoint: its socket's; a reference, until it is done
 * @home: the port by which it was submitted; a reference
 * @queue: the port in whose queue it is, if it is in one and not done
 * @cred: whose rights it has; a reference, until it is done
 * @event: what is signalled when it is; a reference until then, or NULL
 * @entry: what its packet carries, when it is done
 * @cookie: &struct sockiocp_submit
 * @name: of a receive: where the sender's address goes, or 0
 * @name_length: of a receive: the address of its length; of a send: the length of @to
 * @to: of a send: the receiver's address, memory of its own, or NULL
 * @buffers: what is to be filled or sent: @some, or memory of its own
 * @some: room for what most have
 * @buffer_count: how many these are
 * @length: how many bytes these are
 * @progress: how many of them were moved
 * @message_flags: MSG_*
 * @thread: number of the thread that has submitted it
 * @fd: the descriptor that it was submitted by
 * @error: how it has ended, 0 or a negative errno
 * @charged: as how many it is charged to the account of its home port
 * @operation: one of SOCKIOCP_SUBMIT_*
 * @flags: SOCKIOCP_SUBMIT_* flags
 * @phase: &enum sockiocp_phase
 * @cancelled: it is being carried out, and ends with @error if it cannot be done at once
 * @dropped: its process is gone: whoever has it frees it
 * @holds: those behind it wait until it is done
 */
struct sockiocp_operation {
	struct sockiocp_packet packet;
	struct list_head node;
	struct list_head home_node;
	struct sockiocp_endpoint *endpoint;
	struct sockiocp_port *home;
	struct sockiocp_port *queue;
	const struct cred *cred;
	struct eventfd_ctx *event;
	struct sockiocp_packet_entry entry;
	u64 cookie;
	u64 name;
	u64 name_length;
	struct sockaddr *to;
	struct iovec *buffers;
	struct iovec some[2];
	u32 buffer_count;
	u32 length;
	u32 progress;
	u32 message_flags;
	pid_t thread;
	u32 fd;
	s16 error;
	u16 charged;
	u8 operation;
	u8 flags;
	u8 phase;
	bool cancelled;
	bool dropped;
	bool holds;
};

/**
 * struct sockiocp_delivery - a packet on its way from the queue to the user
 * @packet: the packet
 * @is_notification: of a registration; anything else goes out as it is
 * @ended: the registration ended meanwhile, and its reference is the harvest's
 * @taken: &struct sockiocp_registration.terms when it was taken
 * @now: what the socket is like, or SOCKIOCP_GONE, or SOCKIOCP_BUSY
 * @events: what the packet carries, SOCKIOCP_EVENT_* bits; 0 if it does not go out
 */
struct sockiocp_delivery {
	struct sockiocp_packet *packet;
	bool is_notification;
	bool ended;
	struct sockiocp_terms taken;
	sockiocp_reading now;
	u32 events;
};

static inline struct sockiocp_registration *
sockiocp_packet_registration(struct sockiocp_packet *packet)
{
	return container_of(packet, struct sockiocp_registration, packet);
}

static inline struct socket *sockiocp_hook_socket(const struct sockiocp_hook *hook)
{
	return hook->wait.private;
}

static inline struct socket *
sockiocp_registration_socket(const struct sockiocp_registration *reg)
{
	return sockiocp_hook_socket(&reg->hook);
}

/* Of &struct sockiocp_registration.seen, which has the lowest eight bits of a reading. */
static inline sockiocp_reading
sockiocp_registration_seen(const struct sockiocp_registration *reg)
{
	return (__force sockiocp_reading)READ_ONCE(reg->seen);
}

static inline bool sockiocp_registration_is_edge(const struct sockiocp_registration *reg)
{
	return READ_ONCE(reg->terms.trigger) & SOCKIOCP_TRIGGER_EDGE;
}

static inline bool sockiocp_registration_is_stream(const struct sockiocp_registration *reg)
{
	return reg->hook.kind < SOCKIOCP_UDP;
}

#endif /* _SOCKIOCP_TYPES_H */
