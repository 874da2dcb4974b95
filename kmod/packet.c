// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Packets: what stands in a port's queue, and where a registration's packet is.
 *
 * Together with packet.h, which has what must cost no call, this is the only place that
 * changes &struct sockiocp_registration.place.
 */
#include "packet.h"

#include <linux/slab.h>

static struct kmem_cache *posted_cache;

void sockiocp_packet_free(struct sockiocp_port *port, struct sockiocp_posted *posted)
{
	atomic_long_dec(&port->account->packets);
	kmem_cache_free(posted_cache, posted);
}

/**
 * sockiocp_packet_post - SOCKIOCP_POST
 * @port: the port
 * @args: the packet
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_packet_post(struct sockiocp_port *port, const struct sockiocp_post *args)
{
	struct sockiocp_posted *posted;
	long error = 0;

	if (args->flags)
		return -EINVAL;
	if (!sockiocp_account_charge(port->account, &port->account->packets, 1,
				     SOCKIOCP_MAX_PACKETS))
		return sockiocp_account_refuse(port->account, SOCKIOCP_REFUSED_PACKET);
	posted = kmem_cache_alloc(posted_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!posted) {
		atomic_long_dec(&port->account->packets);
		return -ENOMEM;
	}
	posted->entry = (struct sockiocp_packet_entry) {
		.completion_key = args->completion_key,
		.overlapped = args->overlapped,
		.internal = args->internal,
		.bytes_transferred = args->bytes_transferred,
	};
	if (trace_sockiocp_post_enabled())
		sockiocp_trace_post(port, &posted->packet);

	spin_lock_irq(&port->lock);
	if (port->closed)
		error = -ESHUTDOWN;
	else
		sockiocp_queue_add_and_wake(port, &posted->packet);
	spin_unlock_irq(&port->lock);
	if (error)
		sockiocp_packet_free(port, posted);
	else
		sockiocp_pollers_wake(port);
	return error;
}

/* What a constructor is good for, registration_construct() says. */
static void packet_construct(void *memory)
{
	struct sockiocp_posted *posted = memory;

	/* Queueing it leaves that bit alone. */
	posted->packet.seq = SOCKIOCP_SEQ_POSTED;
}

int __init sockiocp_packet_init(void)
{
	posted_cache = kmem_cache_create("sockiocp_packet", sizeof(struct sockiocp_posted),
					 0, SLAB_ACCOUNT, packet_construct);
	return posted_cache ? 0 : -ENOMEM;
}

void sockiocp_packet_exit(void)
{
	kmem_cache_destroy(posted_cache);
}
