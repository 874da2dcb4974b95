// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Packets: what stands in a port's queue, and where a registration's packet is.
 *
 * Together with packet.h, which has what must cost no call, this is the only place that
 * changes &struct sockiocp_registration.place.
 */
#include "packet.h"
#include "ring.h"

#include <linux/slab.h>

static struct kmem_cache *posted_cache;

/*
 * One is kept for the next that is posted.  It stays charged to the control group that
 * allocated it, even if a process of another one uses it next.  KASAN, which remembers who
 * has freed what, sees all of them freed.
 */
void sockiocp_packet_free(struct sockiocp_port *port, struct sockiocp_posted *posted)
{
	if (sockiocp_ring_take_back(port, posted))
		return;
	atomic_long_dec(&port->account->packets);
	if (SOCKIOCP_SHORT_WAYS && !IS_ENABLED(CONFIG_KASAN) && !READ_ONCE(port->spare) &&
	    !cmpxchg(&port->spare, NULL, posted))
		return;
	kmem_cache_free(posted_cache, posted);
}

struct sockiocp_posted *sockiocp_packet_alloc(struct sockiocp_port *port)
{
	struct sockiocp_posted *posted = NULL;

	if (READ_ONCE(port->spare))
		posted = xchg(&port->spare, NULL);
	return posted ? posted : kmem_cache_alloc(posted_cache, GFP_KERNEL | __GFP_NOWARN);
}

/* The port ends: nothing is posted, or taken, any more. */
void sockiocp_packet_free_spare(struct sockiocp_port *port)
{
	if (port->spare)
		kmem_cache_free(posted_cache, port->spare);
	port->spare = NULL;
}

static __always_inline void packet_queue_posted(struct sockiocp_port *port,
						struct sockiocp_posted *posted)
{
	sockiocp_queue_add_and_wake(port, &posted->packet, SOCKIOCP_SEQ_POSTED);
	WRITE_ONCE(port->was_posted, true);
}

/* Memory that is charged. */
static __always_inline struct sockiocp_posted *packet_get(struct sockiocp_port *port)
{
	struct sockiocp_account *account = port->account;
	struct sockiocp_posted *posted;

	if (unlikely(!sockiocp_account_charge(account, &account->packets, 1,
					      SOCKIOCP_MAX_PACKETS))) {
		posted = sockiocp_ring_lend(port);
		return posted ? posted :
			ERR_PTR(sockiocp_account_refuse(account, SOCKIOCP_REFUSED_PACKET));
	}
	posted = sockiocp_packet_alloc(port);
	if (likely(posted))
		return posted;
	atomic_long_dec(&account->packets);
	return ERR_PTR(-ENOMEM);
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
	posted = packet_get(port);
	if (IS_ERR(posted))
		return PTR_ERR(posted);
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
		packet_queue_posted(port, posted);
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

	/* Before it is queued it is looked at by who traces. */
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
