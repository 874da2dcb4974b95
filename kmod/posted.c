// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The memory of posted packets.  Each is charged to the account of its port.
 */
#include "posted.h"

#include <linux/err.h>
#include <linux/slab.h>

static struct kmem_cache *posted_cache;

/**
 * sockiocp_posted_free - let go of a packet, and charge it no longer
 * @port: the port that it was made for
 * @posted: the packet
 *
 * One is kept for the next that is posted.  It stays charged to the control group that
 * allocated it, even if a process of another one uses it next.  KASAN, which remembers who
 * has freed what, sees all of them freed.
 */
void sockiocp_posted_free(struct sockiocp_port *port, struct sockiocp_posted *posted)
{
	atomic_long_dec(&port->account->packets);
	if (sockiocp_goes(SOCKIOCP_SPARE_MEMORY) && !IS_ENABLED(CONFIG_KASAN) &&
	    !READ_ONCE(port->spare) && !cmpxchg(&port->spare, NULL, posted))
		return;
	kmem_cache_free(posted_cache, posted);
}

/**
 * sockiocp_posted_make - get memory for a packet, and charge it
 * @port: the port
 *
 * Return: the packet; -ENOBUFS if its user may have no more, which nobody was told; -ENOMEM.
 */
struct sockiocp_posted *sockiocp_posted_make(struct sockiocp_port *port)
{
	struct sockiocp_account *account = port->account;
	struct sockiocp_posted *posted;

	if (!sockiocp_account_charge(account, &account->packets, 1, SOCKIOCP_MAX_PACKETS))
		return ERR_PTR(-ENOBUFS);
	if (READ_ONCE(port->spare)) {
		posted = xchg(&port->spare, NULL);
		if (likely(posted))
			return posted;
	}
	posted = kmem_cache_alloc(posted_cache, GFP_KERNEL | __GFP_NOWARN);
	if (posted)
		return posted;
	atomic_long_dec(&account->packets);
	return ERR_PTR(-ENOMEM);
}

/**
 * sockiocp_posted_forget - the port ends: nothing is posted, or taken, any more
 * @port: the port
 */
void sockiocp_posted_forget(struct sockiocp_port *port)
{
	if (port->spare)
		kmem_cache_free(posted_cache, port->spare);
	port->spare = NULL;
}

/* What a constructor is good for, registration_construct() says. */
static void posted_construct(void *memory)
{
	struct sockiocp_posted *posted = memory;

	/* Before it is queued it is looked at by who traces. */
	posted->packet.seq = SOCKIOCP_SEQ_POSTED;
}

int __init sockiocp_posted_init(void)
{
	posted_cache = kmem_cache_create("sockiocp_packet", sizeof(struct sockiocp_posted),
					 0, SLAB_ACCOUNT, posted_construct);
	return posted_cache ? 0 : -ENOMEM;
}

void sockiocp_posted_exit(void)
{
	kmem_cache_destroy(posted_cache);
}
