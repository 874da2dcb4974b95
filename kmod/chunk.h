/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Packets in the hands of a call, on their way from the queue to the user: what must cost
 * no call.  The rest is in chunk.c.
 */
#ifndef _SOCKIOCP_CHUNK_H
#define _SOCKIOCP_CHUNK_H

#include "ring.h"
#include "trigger.h"

/**
 * struct sockiocp_chunk - packets in the hands of a call
 * @port: the port
 * @packets: the packets, in their order; those taken at once are not linked
 * @deliveries: what is known of each; there is room for SOCKIOCP_CHUNK
 * @nr: how many there are
 * @room: as many registrations more may be taken as they are armed
 * @at_once: they were taken so
 * @end_seq: packets as young as this one, or younger, are left for the next harvest: so are
 *	those that this one has queued again
 * @counted: as how many packets the histograms have this call
 * @settled: none of it is a notification: nothing has to be settled, and it counts as
 *	delivered
 * @drops: something of it has to be dropped
 * @busy: a socket could not be looked at; its packet is queued still
 */
struct sockiocp_chunk {
	struct sockiocp_port *port;
	struct list_head packets;
	struct sockiocp_delivery *deliveries;
	unsigned int nr;
	unsigned int room;
	u64 end_seq;
	u16 counted;
	bool at_once;
	bool settled;
	bool drops;
	bool busy;
};

void sockiocp_chunk_put_back(struct sockiocp_chunk *chunk);
void sockiocp_chunk_drop(struct sockiocp_chunk *chunk, bool handed_over);
void sockiocp_chunk_return(struct sockiocp_chunk *chunk);
bool sockiocp_chunk_settle_history(struct sockiocp_chunk *chunk, struct sockiocp_delivery *d);

static inline void sockiocp_chunk_begin(struct sockiocp_chunk *chunk, struct sockiocp_port *port,
					struct sockiocp_delivery *deliveries)
{
	chunk->port = port;
	chunk->deliveries = deliveries;
	chunk->nr = 0;
	chunk->at_once = false;
	chunk->busy = false;
}

/**
 * sockiocp_chunk_add - a packet is taken
 * @chunk: in whose hands it comes
 * @d: its place there
 * @packet: the packet, which the caller moves, or links later; its port is locked
 */
static __always_inline void sockiocp_chunk_add(struct sockiocp_chunk *chunk,
					       struct sockiocp_delivery *d,
					       struct sockiocp_packet *packet)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(packet);

	lockdep_assert_held(&chunk->port->lock);

	d->packet = packet;
	d->is_notification = !(packet->seq & SOCKIOCP_SEQ_KIND) &&
			     reg->hook.state != SOCKIOCP_REMOVED;
	if (d->is_notification) {
		sockiocp_packet_take(reg, &d->taken);
		d->ended = false;
		chunk->settled = false;
	} else {
		d->events = SOCKIOCP_EVENT_REMOVE;
		chunk->drops = true;
	}
}

/**
 * sockiocp_chunk_take_at_once - take a registration that is being armed, past the queue
 * @chunk: in whose hands it comes
 * @reg: the registration, of LEVEL, under the locks of its socket's wait queue and of its port
 *
 * It is the one that would be taken next if it were queued: it stands nowhere, and nothing
 * else does.  It gets the number that it would have in the queue, and can be put back there.
 *
 * Who looks at sockets that sleep would have others wait who harvest: not here.
 *
 * Return: its delivery, for sockiocp_trigger_verify_held(); NULL if it has to be queued.
 */
static __always_inline struct sockiocp_delivery *
sockiocp_chunk_take_at_once(struct sockiocp_chunk *chunk, struct sockiocp_registration *reg)
{
	struct sockiocp_port *port = chunk->port;
	struct sockiocp_delivery *d;

	lockdep_assert_held(&port->lock);

	if (!chunk->room || reg->place != SOCKIOCP_IDLE ||
	    sockiocp_readiness_sleeps(reg->hook.kind))
		return NULL;
	sockiocp_ring_settle(port);
	if (!list_empty(&port->queue))
		return NULL;
	chunk->room--;
	d = &chunk->deliveries[chunk->nr++];
	d->packet = &reg->packet;
	d->is_notification = true;
	d->ended = false;
	reg->packet.seq = port->next_seq;
	port->next_seq += SOCKIOCP_SEQ_STEP;
	sockiocp_packet_take(reg, &d->taken);
	return d;
}

/**
 * sockiocp_chunk_settle - a notification leaves the hands of a call
 * @chunk: in whose hands it was
 * @d: its delivery, under the port's lock
 * @handed_over: whether the user has it
 *
 * Return: whether it has to be queued again.
 */
static __always_inline bool sockiocp_chunk_settle(struct sockiocp_chunk *chunk,
						  struct sockiocp_delivery *d, bool handed_over)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	lockdep_assert_held(&chunk->port->lock);

	if (unlikely(reg->history))
		return sockiocp_chunk_settle_history(chunk, d);
	if (unlikely(d->now & SOCKIOCP_GONE))
		return false;
	if (!handed_over || unlikely(d->now & SOCKIOCP_BUSY)) {
		sockiocp_trigger_give_back(reg, &d->taken);
		chunk->busy |= handed_over;
		return true;
	}
	if (sockiocp_trigger_delivered(d))
		return true;
	return reg->place == SOCKIOCP_TAKEN_AGAIN && reg->enabled;
}

/**
 * sockiocp_chunk_give_back - what was taken at once goes to the queue after all
 * @chunk: in whose hands it is; it takes nothing more at once
 *
 * To the front: it is older than all that stands there, but for what others have put back
 * meanwhile.  The caller tells others of what is in the queue.
 */
static inline void sockiocp_chunk_give_back(struct sockiocp_chunk *chunk)
{
	chunk->room = 0;
	if (unlikely(chunk->nr))
		sockiocp_chunk_return(chunk);
}

#endif /* _SOCKIOCP_CHUNK_H */
