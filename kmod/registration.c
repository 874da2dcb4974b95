// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Registrations: a socket in a port.  How one is made and ends, and what happens when
 * its socket is woken.
 */
#include "hook.h"
#include "registration.h"
#include "trigger.h"

#include <linux/fs.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/sock.h>

static struct kmem_cache *registration_cache;

/* -------------------------------------------------------------- the wake-up */

static __always_inline int registration_report(struct sockiocp_registration *reg,
					       __poll_t events, bool is_turn)
{
	struct sockiocp_port *port = reg->hook.port;
	bool queue = false;

	/* The waker has interrupts off, where that matters. */
	spin_lock(&port->lock);
	if (is_turn && sockiocp_registration_is_stream(reg))
		sockiocp_trigger_note_turn(reg, events);
	if (reg->enabled) {
		bool is_edge = sockiocp_registration_is_edge(reg);
		u8 edges = is_edge ? sockiocp_trigger_wake_edges(reg, events) : 0;

		reg->terms.edges |= edges;
		queue = !is_edge || edges || !events;
		if (queue)
			sockiocp_packet_queue(port, reg);
	}
	spin_unlock(&port->lock);
	if (queue)
		sockiocp_pollers_wake(port);
	return 0;
}

/* EDGE: wake-ups that matter, or did a moment ago.  Apart, so that others are cheap. */
static noinline
int registration_report_edge(struct sockiocp_registration *reg, __poll_t events)
{
	return registration_report(reg, events, false);
}

/*
 * LEVEL, whose packet stands nowhere, or is taken: most wake-ups that matter come by here.
 * The trigger only changes under the lock of the wait queue, which is held.
 */
static noinline int registration_report_level(struct sockiocp_registration *reg)
{
	struct sockiocp_port *port = reg->hook.port;

	spin_lock(&port->lock);
	if (unlikely(!reg->enabled)) {
		spin_unlock(&port->lock);
		return 0;
	}
	sockiocp_packet_queue(port, reg);
	spin_unlock(&port->lock);
	sockiocp_pollers_wake(port);
	return 0;
}

/* For an error, or a change of state: whether or not the registration is enabled. */
static noinline
int registration_report_turn(struct sockiocp_registration *reg, __poll_t events)
{
	return registration_report(reg, events, true);
}

/*
 * Called by the socket's wake-ups, under the lock of its wait queue, in any
 * context, also while it is being closed.
 *
 * Nothing is lost by looking at interest and place without the port's lock.
 * The waker has changed the socket before, and a full barrier stands between, in
 * skwq_has_sleeper() mostly.  A task that sets interest, or takes a packet off the
 * queue, reads the socket afterwards, behind a full barrier of its own
 * (sockiocp_trigger_change_terms(), sockiocp_trigger_verify()).  So either the new value
 * is seen here, or the change of the socket is seen there.
 */
int sockiocp_registration_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct sockiocp_registration *reg =
		container_of(wait, struct sockiocp_registration, hook.wait);
	__poll_t events = key_to_poll(key);
	u16 interest = READ_ONCE(reg->hook.interest);

	if (unlikely(!events || events & EPOLLERR))
		return registration_report_turn(reg, events);
	if (!(events & (__force __poll_t)interest))
		return 0;
	/* The trigger only changes under the lock that is held here. */
	if (sockiocp_registration_is_edge(reg))
		return registration_report_edge(reg, events);
	if (!sockiocp_packet_will_be_read(reg))
		return registration_report_level(reg);
	if (trace_sockiocp_coalesce_enabled())
		sockiocp_trace_coalesce(reg);
	return 0;
}

/* ------------------------------------------------------ its beginning and its end */

/* Memory for one registration, if need be for some more.  NULL if there is none. */
static struct sockiocp_registration *registration_alloc(struct sockiocp_memories *spare,
							unsigned int wanted)
{
	wanted = min(wanted, SOCKIOCP_CHUNK);
	/* All or nothing; how many these are it says on some kernels, yes or no on others. */
	if (!spare->nr && wanted > 1 &&
	    kmem_cache_alloc_bulk(registration_cache, GFP_KERNEL | __GFP_NOWARN, wanted,
				  spare->all))
		spare->nr = wanted;
	if (spare->nr)
		return spare->all[--spare->nr];
	return kmem_cache_alloc(registration_cache, GFP_KERNEL | __GFP_NOWARN);
}

/* What sockiocp_registration_free_memories() does if there is some. */
void sockiocp_registration_free_bulk(struct sockiocp_memories *memories)
{
	kmem_cache_free_bulk(registration_cache, memories->nr, memories->all);
	memories->nr = 0;
}

/**
 * sockiocp_registration_create - make a registration
 * @port: the port
 * @socket: the socket, which the caller keeps from being released
 * @key: what its packets carry
 * @spare: where memory is taken from, if there is some
 * @wanted: how many registrations the caller seems to make; so much memory may be got at once
 * @result: receives the registration, which is in neither the socket's wait queue nor the
 *	port's ring yet, and the caller's
 *
 * Return: a SOCKIOCP_RESULT_* code.
 */
u32 sockiocp_registration_create(struct sockiocp_port *port, struct socket *socket, u64 key,
				 struct sockiocp_memories *spare, unsigned int wanted,
				 struct sockiocp_registration **result)
{
	int kind = sockiocp_readiness_kind(socket);
	struct sockiocp_registration *reg;

	if (kind < 0)
		return SOCKIOCP_RESULT_NOT_SUPPORTED;
	if (!sockiocp_account_charge(port->account, &port->account->registrations, 1,
				     SOCKIOCP_MAX_REGISTRATIONS))
		return SOCKIOCP_RESULT_LIMIT;
	reg = registration_alloc(spare, wanted);
	if (!reg) {
		atomic_long_dec(&port->account->registrations);
		return SOCKIOCP_RESULT_NO_MEMORY;
	}
	/* registration_construct() has set the rest; the links are set by linking. */
	reg->hook.wait.private = socket;
	reg->packet.seq = 0;
	reg->hook.port = port;
	reg->hook.key = key;
	refcount_set(&reg->hook.refs, 1);
	reg->rcv_nxt = 0;
	reg->hook.interest = 0;
	reg->hook.kind = kind;
	reg->hook.state = SOCKIOCP_LIVE;
	reg->enabled = false;
	reg->place = SOCKIOCP_IDLE;
	reg->history = false;
	reg->seen = (__force u8)SOCKIOCP_UNSEEN;
	reg->terms = (struct sockiocp_terms) { 0 };
	ihold(SOCK_INODE(socket));
	*result = reg;
	return SOCKIOCP_RESULT_SUCCESS;
}

/* The last reference was given back; the memory is the caller's. */
void sockiocp_registration_end(struct sockiocp_registration *reg)
{
	atomic_long_dec(&reg->hook.port->account->registrations);
	iput(SOCK_INODE(sockiocp_registration_socket(reg)));
}

/**
 * sockiocp_registration_free - the last reference was given back
 * @reg: the registration
 */
void sockiocp_registration_free(struct sockiocp_registration *reg)
{
	sockiocp_registration_end(reg);
	kmem_cache_free(registration_cache, reg);
}

/*
 * Take a registration off its socket and its port, once, whoever comes first.
 * From here on no wake-up reaches it: they run under the lock held here.
 *
 * Returns whether the reference for being live is the caller's now.  It is not if
 * somebody else was first, if a REMOVE packet was asked for, which has it then, or
 * if the registration's packet is taken: then it is the taker's.
 */
bool sockiocp_registration_unhook(struct sockiocp_registration *reg, enum sockiocp_state state)
{
	struct sockiocp_port *port = reg->hook.port;
	bool is_ours;

	lockdep_assert_held(&sockiocp_registration_socket(reg)->wq.wait.lock);

	if (reg->hook.state != SOCKIOCP_LIVE)
		return false;
	spin_lock(&port->lock);
	sockiocp_hook_remove(&reg->hook);
	sockiocp_trigger_set_enabled(reg, false);
	sockiocp_packet_unqueue(reg);
	reg->hook.state = state;
	trace_sockiocp_remove(reg, state);
	if (state == SOCKIOCP_REMOVED)
		sockiocp_packet_queue(port, reg);
	is_ours = state == SOCKIOCP_DEAD && reg->place == SOCKIOCP_IDLE;
	spin_unlock(&port->lock);
	return is_ours;
}

/**
 * sockiocp_registration_kill - end a registration without a packet
 * @reg: a registration that the caller has a reference to; it may have ended
 *	already
 */
void sockiocp_registration_kill(struct sockiocp_registration *reg)
{
	bool is_ours;

	spin_lock_irq(&sockiocp_registration_socket(reg)->wq.wait.lock);
	is_ours = sockiocp_registration_unhook(reg, SOCKIOCP_DEAD);
	spin_unlock_irq(&sockiocp_registration_socket(reg)->wq.wait.lock);
	if (is_ours)
		sockiocp_registration_put(reg);
}

/*
 * What is the same in all registrations, also while they are free.  A kernel with
 * INIT_ON_ALLOC clears the memory of those caches that have no constructor, each time.
 */
static void registration_construct(void *memory)
{
	struct sockiocp_registration *reg = memory;

	init_waitqueue_func_entry(&reg->hook.wait, sockiocp_registration_wake);
	reg->hook.wait.flags |= WQ_FLAG_PRIORITY;
}

int __init sockiocp_registration_init(void)
{
	/*
	 * Two cache lines: it is what each socket costs.  A cache with a constructor
	 * adds a pointer.
	 */
	BUILD_BUG_ON(sizeof(struct sockiocp_registration) + sizeof(void *) > 128);

	registration_cache = kmem_cache_create("sockiocp_registration",
					       sizeof(struct sockiocp_registration),
					       0, SLAB_ACCOUNT, registration_construct);
	return registration_cache ? 0 : -ENOMEM;
}

void sockiocp_registration_exit(void)
{
	kmem_cache_destroy(registration_cache);
}
