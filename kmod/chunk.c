// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Packets in the hands of a call that leave them otherwise than to the user: put back to
 * where they were taken from, or dropped.
 */
#include "chunk.h"
#include "registration.h"

#include <linux/slab.h>

/*
 * The registration has ended, or was disabled and perhaps enabled again: what was
 * taken is history, and only what has happened since counts.
 *
 * Returns whether it has to be queued again.
 */
bool sockiocp_chunk_settle_history(struct sockiocp_chunk *chunk, struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	lockdep_assert_held(&chunk->port->lock);

	if (reg->hook.state != SOCKIOCP_DEAD)
		return reg->place == SOCKIOCP_TAKEN_AGAIN;
	d->ended = true;
	chunk->drops = true;
	return false;
}

/*
 * What was taken at once stands nowhere; but sockiocp_harvest_has_packet() may look whether
 * one is the first in the queue that it has seen there before.
 */
static void chunk_link(struct sockiocp_chunk *chunk)
{
	struct list_head *last = &chunk->packets;
	unsigned int i;

	lockdep_assert_held(&chunk->port->lock);

	for (i = 0; i < chunk->nr; i++) {
		struct list_head *node = &chunk->deliveries[i].packet->node;

		last->next = node;
		node->prev = last;
		last = node;
	}
	last->next = &chunk->packets;
	chunk->packets.prev = last;
}

/* Nothing was handed over: back to the front, in the old order. */
void sockiocp_chunk_put_back(struct sockiocp_chunk *chunk)
{
	struct sockiocp_port *port = chunk->port;
	struct sockiocp_delivery *d;

	spin_lock_irq(&port->lock);
	if (chunk->at_once)
		chunk_link(chunk);
	for (d = chunk->deliveries; d < chunk->deliveries + chunk->nr; d++) {
		struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
		bool again = !d->is_notification || sockiocp_chunk_settle(chunk, d, false);

		if (d->is_notification)
			sockiocp_packet_settle(reg, again);
		if (again) {
			port->nr_packets++;
			continue;
		}
		sockiocp_histogram_remove(port, d->packet);
		list_del(&d->packet->node);
	}
	if (chunk->settled)
		port->delivered -= chunk->nr;
	sockiocp_ring_queue_again(port, &chunk->packets);
	spin_unlock_irq(&port->lock);
}

/* Drop the packets that were handed over, and registrations that have ended. */
void sockiocp_chunk_drop(struct sockiocp_chunk *chunk, bool handed_over)
{
	struct sockiocp_memories freed __uninitialized;
	struct sockiocp_delivery *d;

	freed.nr = 0;

	for (d = chunk->deliveries; d < chunk->deliveries + chunk->nr; d++) {
		if (d->is_notification ? !d->ended : !handed_over)
			continue;
		if (sockiocp_packet_is_posted(d->packet))
			sockiocp_packet_free(chunk->port, sockiocp_packet_posted(d->packet));
		else if (sockiocp_packet_is_operation(d->packet))
			sockiocp_operation_free(sockiocp_packet_operation(d->packet));
		else
			sockiocp_registration_put_many(sockiocp_packet_registration(d->packet), &freed);
	}
	sockiocp_registration_free_memories(&freed);
}

/* What sockiocp_chunk_give_back() does if there is something. */
void sockiocp_chunk_return(struct sockiocp_chunk *chunk)
{
	sockiocp_chunk_put_back(chunk);
	if (chunk->drops)
		sockiocp_chunk_drop(chunk, false);
	chunk->drops = false;
	chunk->at_once = false;
	chunk->nr = 0;
}
