/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The queue of a port, and the place of a registration's packet: what must cost no
 * call.  The rest is in packet.c.
 */
#ifndef _SOCKIOCP_PACKET_H
#define _SOCKIOCP_PACKET_H

#include "histogram.h"
#include "mirror.h"
#include "sockiocp.h"
#include "trace.h"

/*
 * list_add_tail() without what CONFIG_DEBUG_LIST looks for, which is a seventh of what an
 * event costs that wakes nobody: a node that is linked already, and neighbours that are not
 * what they were.  Kernels that look for mistakes do look.  The queue only changes under its
 * port's lock; and nothing is linked twice:
 *
 *   a registration	is only queued if its place was SOCKIOCP_IDLE
 *   a posted packet	is new, or was the port's spare one, which was harvested
 *   an operation	is runnable or done only once, under the lock of its wait queue, and
 *			was taken from the queue by list_del_init() before it comes there again
 */
static inline void sockiocp_queue_link(struct list_head *node, struct list_head *queue)
{
	struct list_head *last = queue->prev;

	if (IS_ENABLED(CONFIG_PROVE_LOCKING)) {
		list_add_tail(node, queue);
		return;
	}
	node->next = queue;
	node->prev = last;
	queue->prev = node;
	/* Looked at without the lock, by sockiocp_seems_empty(). */
	WRITE_ONCE(last->next, node);
}

/**
 * sockiocp_queue_add - put a packet behind all others
 * @port: the port, locked
 * @packet: a packet that stands nowhere
 * @kind: SOCKIOCP_SEQ_POSTED, SOCKIOCP_SEQ_OPERATION, or 0 for a registration's
 *
 * The caller's call will harvest, and pass on what it leaves.
 */
static __always_inline void sockiocp_queue_add(struct sockiocp_port *port,
					       struct sockiocp_packet *packet, u64 kind)
{
	lockdep_assert_held(&port->lock);

	/* First: what follows needs none of its registers. */
	if (trace_sockiocp_queue_enabled())
		sockiocp_trace_queue(port, packet);
	sockiocp_histogram_queue(port);
	packet->seq = port->next_seq | kind;
	port->next_seq += SOCKIOCP_SEQ_STEP;
	sockiocp_queue_link(&packet->node, &port->queue);
	port->nr_packets++;
	sockiocp_mirror_fill(port);
}

/**
 * sockiocp_queue_add_and_wake - put a packet behind all others, and wake a thread for it
 * @port: the port, locked
 * @packet: a packet that stands nowhere
 * @kind: as for sockiocp_queue_add()
 */
static __always_inline void sockiocp_queue_add_and_wake(struct sockiocp_port *port,
							struct sockiocp_packet *packet, u64 kind)
{
	sockiocp_queue_add(port, packet, kind);
	if (!list_empty(&port->waiters))
		sockiocp_waiting_release(port, SOCKIOCP_WAKE_QUEUED);
}

/**
 * sockiocp_queue_remove - take a packet back
 * @port: the port, locked
 * @packet: a packet in the queue, or handed to a waiter
 */
static inline void sockiocp_queue_remove(struct sockiocp_port *port,
					 struct sockiocp_packet *packet)
{
	lockdep_assert_held(&port->lock);

	sockiocp_histogram_remove(port, packet);
	list_del_init(&packet->node);
	port->nr_packets--;
}

static inline bool sockiocp_packet_is_posted(const struct sockiocp_packet *packet)
{
	return packet->seq & SOCKIOCP_SEQ_POSTED;
}

static inline bool sockiocp_packet_is_operation(const struct sockiocp_packet *packet)
{
	return packet->seq & SOCKIOCP_SEQ_OPERATION;
}

static inline struct sockiocp_operation *
sockiocp_packet_operation(struct sockiocp_packet *packet)
{
	return container_of(packet, struct sockiocp_operation, packet);
}

static inline struct sockiocp_posted *sockiocp_packet_posted(struct sockiocp_packet *packet)
{
	return container_of(packet, struct sockiocp_posted, packet);
}

/* An operation that is not done leaves the queue, for a thread's hands or for good. */
static inline void sockiocp_queue_remove_undone(struct sockiocp_port *port,
						struct sockiocp_packet *packet)
{
	sockiocp_queue_remove(port, packet);
	WRITE_ONCE(port->nr_undone, port->nr_undone - 1);
}

/* If nobody comes for what stands in the queue, and is not done, it goes on (late.c). */
static inline void sockiocp_queue_note_late_after(struct sockiocp_port *port,
						  unsigned long delay)
{
	lockdep_assert_held(&port->lock);

	if (likely(!port->nr_undone) || list_empty(&port->queue) || port->ended ||
	    delayed_work_pending(&port->late))
		return;
	port->late_seq = list_first_entry(&port->queue, struct sockiocp_packet, node)->seq;
	queue_delayed_work(sockiocp_wq, &port->late, delay);
}

static inline void sockiocp_queue_note_late(struct sockiocp_port *port)
{
	sockiocp_queue_note_late_after(port, SOCKIOCP_LATE);
}

/*
 * Returns whether the caller has to link it into the queue: once.  If it is taken, the
 * task that has taken it will.
 */
static inline bool sockiocp_packet_mark_queued(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->hook.port->lock);

	if (reg->place == SOCKIOCP_IDLE) {
		WRITE_ONCE(reg->place, SOCKIOCP_QUEUED);
		return true;
	}
	if (reg->place == SOCKIOCP_TAKEN)
		WRITE_ONCE(reg->place, SOCKIOCP_TAKEN_AGAIN);
	if (trace_sockiocp_coalesce_enabled())
		sockiocp_trace_coalesce(reg);
	return false;
}

/* @port is its port.  Inline, for the sake of the wake-ups. */
static __always_inline void sockiocp_packet_queue(struct sockiocp_port *port,
						  struct sockiocp_registration *reg)
{
	if (sockiocp_packet_mark_queued(reg))
		sockiocp_queue_add_and_wake(port, &reg->packet, 0);
}

/*
 * Queue a registration without having read its socket.  A call that harvests
 * reads each socket of a packet anyway, and drops what is not ready: so one
 * reading serves to arm and to verify.
 */
static inline void sockiocp_packet_queue_unread(struct sockiocp_registration *reg)
{
	if (sockiocp_packet_mark_queued(reg))
		sockiocp_queue_add(reg->hook.port, &reg->packet, 0);
}

/* Take the notification of a registration back, wherever it is. */
static inline void sockiocp_packet_unqueue(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->hook.port->lock);

	if (reg->place == SOCKIOCP_QUEUED) {
		sockiocp_queue_remove(reg->hook.port, &reg->packet);
		WRITE_ONCE(reg->place, SOCKIOCP_IDLE);
	} else if (reg->place == SOCKIOCP_TAKEN_AGAIN) {
		WRITE_ONCE(reg->place, SOCKIOCP_TAKEN);
	}
}

static inline bool sockiocp_packet_will_be_read(const struct sockiocp_registration *reg)
{
	u8 place = READ_ONCE(reg->place);

	return place == SOCKIOCP_QUEUED || place == SOCKIOCP_TAKEN_AGAIN;
}

/* Is it in the hands of a call? */
static inline bool sockiocp_packet_is_taken(const struct sockiocp_registration *reg)
{
	u8 place = READ_ONCE(reg->place);

	return place == SOCKIOCP_TAKEN || place == SOCKIOCP_TAKEN_AGAIN;
}

/**
 * sockiocp_packet_begin_look - what a registration is about to be looked at for
 * @reg: a registration that nobody has taken, under its port's lock
 * @terms: where its terms go
 *
 * Only one task can have taken it at a time, so that one flag is enough to tell that task
 * what is history.  Of several that only look, before they take it, one may miss it.
 */
static inline void sockiocp_packet_begin_look(struct sockiocp_registration *reg,
					      struct sockiocp_terms *terms)
{
	lockdep_assert_held(&reg->hook.port->lock);

	*terms = reg->terms;
	WRITE_ONCE(reg->history, false);
}

/**
 * sockiocp_packet_take - mark the packet of a registration as taken
 * @reg: a live registration whose packet is taken off the queue, under its port's lock
 * @taken: where the packet's copy of its terms goes
 */
static inline void sockiocp_packet_take(struct sockiocp_registration *reg,
					struct sockiocp_terms *taken)
{
	sockiocp_packet_begin_look(reg, taken);
	reg->terms.edges = 0;
	WRITE_ONCE(reg->place, SOCKIOCP_TAKEN);
}

/**
 * sockiocp_packet_settle - what was taken is in nobody's hands any more
 * @reg: its registration, under its port's lock
 * @again: it is queued again: the caller links it
 */
static inline void sockiocp_packet_settle(struct sockiocp_registration *reg, bool again)
{
	lockdep_assert_held(&reg->hook.port->lock);

	WRITE_ONCE(reg->place, again ? SOCKIOCP_QUEUED : SOCKIOCP_IDLE);
}

#endif /* _SOCKIOCP_PACKET_H */
