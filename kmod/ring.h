/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * A port's ring, as whoever takes from the queue sees it.  The rest is in ring.c.
 */
#ifndef _SOCKIOCP_RING_H
#define _SOCKIOCP_RING_H

#include "mirror.h"

void sockiocp_ring_open(struct sockiocp_port *port);
void sockiocp_ring_shut(struct sockiocp_port *port);
int sockiocp_ring_make_room(struct sockiocp_port *port, struct list_head *room);
void sockiocp_ring_free_room(struct sockiocp_port *port, struct list_head *room);
bool sockiocp_ring_may_open(struct sockiocp_port *port);
void sockiocp_ring_begin(struct sockiocp_port *port, struct list_head *room);
void sockiocp_ring_end(struct sockiocp_port *port, struct list_head *room);
struct sockiocp_posted *sockiocp_ring_lend(struct sockiocp_port *port);
void sockiocp_ring_allow(bool allowed);
bool sockiocp_ring_get_room_back(struct sockiocp_port *port, struct sockiocp_posted *posted);

/**
 * sockiocp_ring_settle - what is in the ring stands in the queue from here on
 * @port: the port, locked
 *
 * Whoever takes from the front of the queue, puts something back there, or wants to know whether
 * there is anything, does this first.
 */
static __always_inline void sockiocp_ring_settle(struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	if (unlikely(port->ring.open))
		sockiocp_ring_shut(port);
}

/**
 * sockiocp_ring_queue_again - back to the queue with what was taken, and not delivered
 * @port: the port, locked
 * @packets: in their old order; not to be used as a list any more
 *
 * What is put into a ring after that is younger, and what was there before stands behind.
 */
static inline void sockiocp_ring_queue_again(struct sockiocp_port *port,
					     struct list_head *packets)
{
	sockiocp_ring_settle(port);
	sockiocp_port_queue_again(port, packets);
	sockiocp_mirror_look(port);
}

/**
 * sockiocp_ring_is_there - may there be packets that are not in the queue?
 * @port: the port, which need not be locked
 *
 * If not, whatever was in a ring before is seen in the queue from here on.
 */
static __always_inline bool sockiocp_ring_is_there(struct sockiocp_port *port)
{
	/* Pairs with sockiocp_ring_end(). */
	return unlikely(smp_load_acquire(&port->ring.memory));
}

/**
 * sockiocp_ring_reopen - a call has not waited, and has taken something
 * @port: the port
 */
static __always_inline void sockiocp_ring_reopen(struct sockiocp_port *port)
{
	if (sockiocp_ring_is_there(port) && sockiocp_seems_empty(&port->queue))
		sockiocp_mirror_say_empty(port);
}

/**
 * sockiocp_ring_take_back - a packet is nobody's any more: is it room for the ring's?
 * @port: its port
 * @posted: the packet, which is charged
 */
static __always_inline bool sockiocp_ring_take_back(struct sockiocp_port *port,
						    struct sockiocp_posted *posted)
{
	return sockiocp_ring_is_there(port) &&
	       READ_ONCE(port->ring.nr_room) < SOCKIOCP_RING_SLOTS &&
	       sockiocp_ring_get_room_back(port, posted);
}

#endif /* _SOCKIOCP_RING_H */
