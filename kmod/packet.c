// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Packets: what stands in a port's queue, and where a registration's packet is.
 *
 * Together with packet.h, which has what must cost no call, this is the only place that
 * changes &struct sockiocp_registration.place.
 */
#include "packet.h"
#include "posted.h"
#include "ring.h"

#include <linux/err.h>

/**
 * sockiocp_packet_free - a posted packet has gone out, or ends
 * @port: its port, which is not locked
 * @posted: the packet, which is nobody's any more
 */
void sockiocp_packet_free(struct sockiocp_port *port, struct sockiocp_posted *posted)
{
	if (!sockiocp_ring_take_back(port, posted))
		sockiocp_posted_free(port, posted);
}

static __always_inline void packet_queue_posted(struct sockiocp_port *port,
						struct sockiocp_posted *posted)
{
	sockiocp_queue_add_and_wake(port, &posted->packet, SOCKIOCP_SEQ_POSTED);
	WRITE_ONCE(port->was_posted, true);
}

/* Memory for one, or why there is none. */
static __always_inline struct sockiocp_posted *packet_get(struct sockiocp_port *port)
{
	struct sockiocp_posted *posted = sockiocp_posted_make(port);

	if (!IS_ERR(posted) || PTR_ERR(posted) != -ENOBUFS)
		return posted;
	posted = sockiocp_ring_lend(port);
	return posted ? posted :
		ERR_PTR(sockiocp_account_refuse(port->account, SOCKIOCP_REFUSED_PACKET));
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
