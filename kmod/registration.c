// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations: how a socket comes to, changes in and leaves a port, and what
 * happens when it is woken.  What the queue does is port.c's matter.
 */
#include "sockiocp.h"

#include <linux/eventpoll.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/sock.h>

/* How many registrations a new one looks at, to find closed sockets. */
#define REAP_LOOKS		2
/* How many the reaper looks at, and how often, when nobody calls. */
#define REAPER_LOOKS		4096
#define REAPER_INTERVAL		(2 * HZ)

#define IN_WAKE			(EPOLLIN | EPOLLRDNORM)
#define OUT_WAKE		(EPOLLOUT | EPOLLWRNORM)

static struct kmem_cache *registration_cache;

/* ------------------------------------------------------------- predicates */

static bool is_edge(const struct sockiocp_registration *reg)
{
	return reg->trigger & SOCKIOCP_TRIGGER_EDGE;
}

static bool is_stream(const struct sockiocp_registration *reg)
{
	return reg->kind != SOCKIOCP_UDP && reg->kind != SOCKIOCP_UNIX_DGRAM;
}

/*
 * Has the last reference to the socket's file been dropped?  Exact when it says
 * yes.  It may say no for a moment after: the file's memory may serve another
 * file already (SLAB_TYPESAFE_BY_RCU), but then sock->file has been cleared, and
 * whoever looks again sees that.
 */
static bool socket_is_closed(const struct socket *socket)
{
	struct file *file;
	bool closed;

	rcu_read_lock();
	file = READ_ONCE(socket->file);
	closed = !file || !file_count(file);
	rcu_read_unlock();
	return closed;
}

/* -------------------------------------------------------------- the wake-up */

/* The wake-ups that matter to a filter; ERR always does, a key of 0 too. */
static u16 filter_interest(u8 filter)
{
	u16 interest = (__force u16)(EPOLLERR | EPOLLHUP);

	if (filter & SOCKIOCP_REGISTER_IN)
		interest |= (__force u16)IN_WAKE;
	if (filter & SOCKIOCP_REGISTER_OUT)
		interest |= (__force u16)OUT_WAKE;
	return interest;
}

static void set_enabled(struct sockiocp_registration *reg, bool enabled)
{
	lockdep_assert_held(&reg->port->lock);

	if (!enabled || !reg->enabled) {
		reg->session++;
		reg->edges = 0;
	}
	reg->enabled = enabled;
	/* Read without a lock by sockiocp_wake(). */
	WRITE_ONCE(reg->interest, enabled ? filter_interest(reg->filter) : 0);
}

static void queue_registration(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->port->lock);

	if (reg->queued)
		return;
	WRITE_ONCE(reg->queued, true);
	sockiocp_port_queue(reg->port, &reg->packet);
}

/*
 * Queue a registration without having read its socket.  A call that harvests
 * reads each socket of a packet anyway, and drops what is not ready: so one
 * reading serves to arm and to verify.
 */
static void queue_unread(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->port->lock);

	if (reg->queued)
		return;
	WRITE_ONCE(reg->queued, true);
	sockiocp_port_queue_quietly(reg->port, &reg->packet);
}

static void unqueue_registration(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->port->lock);

	if (!reg->queued)
		return;
	sockiocp_port_unqueue(reg->port, &reg->packet);
	WRITE_ONCE(reg->queued, false);
}

/*
 * Which bits does a wake-up let rise?  HANGUP, and OUT for a new connection,
 * come with a key of 0 and are found by comparing states at the harvest.
 */
static u8 wake_edges(struct sockiocp_registration *reg, __poll_t key)
{
	u8 edges = 0;

	if (key & IN_WAKE && reg->filter & SOCKIOCP_REGISTER_IN &&
	    sockiocp_readiness_in_edge(reg->socket, reg->kind, &reg->rcv_nxt))
		edges |= SOCKIOCP_EVENT_IN;
	if (key & OUT_WAKE && reg->filter & SOCKIOCP_REGISTER_OUT)
		edges |= SOCKIOCP_EVENT_OUT;
	if (key & EPOLLERR)
		edges |= SOCKIOCP_EVENT_ERR;
	return edges;
}

/*
 * Called by the socket's wake-ups, under the lock of its wait queue, in any
 * context, also while it is being closed.
 *
 * Nothing is lost by looking at interest and queued without the port's lock.
 * The waker has changed the socket before, and a full barrier stands between:
 * skwq_has_sleeper() or wq_has_sleeper().  Who sets interest, or clears queued,
 * reads the socket afterwards, behind a full barrier of its own (set_interest(),
 * verify() in port.c).  So either the new value is seen here, or the change of
 * the socket is seen there.
 */
static int sockiocp_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct sockiocp_registration *reg =
		container_of(wait, struct sockiocp_registration, wait);
	struct sockiocp_port *port = reg->port;
	__poll_t events = key_to_poll(key);
	u16 interest = READ_ONCE(reg->interest);
	unsigned long flags;
	bool queue = false;

	if (!interest || (events && !(events & (__force __poll_t)interest)))
		return 0;
	/* The trigger only changes under the lock that is held here. */
	if (!is_edge(reg) && READ_ONCE(reg->queued) && !(events & EPOLLERR))
		return 0;

	spin_lock_irqsave(&port->lock, flags);
	if (reg->enabled) {
		u8 edges = is_edge(reg) ? wake_edges(reg, events) : 0;

		reg->edges |= edges;
		/* SO_ERROR may clear it before anybody looks. */
		if (events & EPOLLERR && is_stream(reg) && !is_edge(reg))
			reg->seen |= SOCKIOCP_FAILED;
		queue = !is_edge(reg) || edges || !events;
		if (queue)
			queue_registration(reg);
	}
	spin_unlock_irqrestore(&port->lock, flags);
	if (queue)
		sockiocp_port_wake_pollers(port);
	return 0;
}

/* ---------------------------------------------------- references and the end */

/**
 * sockiocp_registration_put - give back a reference
 * @reg: the registration
 *
 * Sleeps when it was the last one: the inode goes with it.
 */
void sockiocp_registration_put(struct sockiocp_registration *reg)
{
	if (!refcount_dec_and_test(&reg->refs))
		return;
	atomic_long_dec(&reg->port->account->registrations);
	iput(SOCK_INODE(reg->socket));
	kmem_cache_free(registration_cache, reg);
}

/*
 * Take a registration off its socket and its port, once, whoever comes first.
 * From here on no wake-up reaches it: they run under the lock held here.
 *
 * Returns whether this was the one; if so, the reference for being live is the
 * caller's, or the queue's if a REMOVE packet was asked for.
 */
static bool unhook(struct sockiocp_registration *reg, enum sockiocp_state state)
{
	struct sockiocp_port *port = reg->port;

	lockdep_assert_held(&reg->socket->wq.wait.lock);

	if (reg->state != SOCKIOCP_LIVE)
		return false;
	__remove_wait_queue(&reg->socket->wq.wait, &reg->wait);

	spin_lock(&port->lock);
	set_enabled(reg, false);
	unqueue_registration(reg);
	list_del(&reg->port_node);
	WRITE_ONCE(port->nr_registrations, port->nr_registrations - 1);
	reg->state = state;
	if (state == SOCKIOCP_REMOVED)
		queue_registration(reg);
	spin_unlock(&port->lock);
	return true;
}

/**
 * sockiocp_registration_kill - end a registration without a packet
 * @reg: a registration that the caller has a reference to; it may have ended
 *	already
 */
void sockiocp_registration_kill(struct sockiocp_registration *reg)
{
	bool was_live;

	spin_lock_irq(&reg->socket->wq.wait.lock);
	was_live = unhook(reg, SOCKIOCP_DEAD);
	spin_unlock_irq(&reg->socket->wq.wait.lock);
	if (was_live)
		sockiocp_registration_put(reg);
}

/**
 * sockiocp_registration_reap - look for closed sockets, and end their registrations
 * @port: the port
 * @looks: how many registrations to look at, in turn
 *
 * Ends early for a fatal signal.
 */
void sockiocp_registration_reap(struct sockiocp_port *port, unsigned int looks)
{
	struct sockiocp_registration *reg;

	while (looks--) {
		spin_lock_irq(&port->lock);
		reg = list_first_entry_or_null(&port->registrations,
					       struct sockiocp_registration, port_node);
		if (!reg) {
			spin_unlock_irq(&port->lock);
			return;
		}
		list_move_tail(&reg->port_node, &port->registrations);
		if (likely(!socket_is_closed(reg->socket)))
			reg = NULL;
		else
			refcount_inc(&reg->refs);
		spin_unlock_irq(&port->lock);

		if (reg) {
			sockiocp_registration_kill(reg);
			sockiocp_registration_put(reg);
		}
		if (!(looks % SOCKIOCP_CHUNK)) {
			if (fatal_signal_pending(current))
				return;
			cond_resched();
		}
	}
}

/* The memory of closed sockets comes back even if nobody calls any more. */
void sockiocp_registration_reaper(struct work_struct *work)
{
	struct sockiocp_port *port =
		container_of(to_delayed_work(work), struct sockiocp_port, reaper);
	unsigned int nr = READ_ONCE(port->nr_registrations);

	sockiocp_registration_reap(port, min(nr, REAPER_LOOKS));
	if (READ_ONCE(port->nr_registrations))
		queue_delayed_work(system_unbound_wq, &port->reaper, REAPER_INTERVAL);
}

/* ----------------------------------------------------------------- readings */

/**
 * sockiocp_registration_read - read the state of a registered socket
 * @reg: a registration that the caller has a reference to
 *
 * There is no reference to the file, so that the last close() sends its FIN at
 * once.  What keeps the socket from being released meanwhile is the lock of its
 * inode: __sock_release() takes it, calls ->release and clears sock->sk under
 * it, and the file is freed only after that.  So while it is held shared and
 * sock->sk is there, sock->ops and sock->file are too.
 *
 * The lock is only tried: a close() may hold it for as long as SO_LINGER says.
 *
 * Return: SOCKIOCP_EVENT_* bits and SOCKIOCP_CONNECTED, or SOCKIOCP_GONE, or
 * SOCKIOCP_BUSY.
 */
u32 sockiocp_registration_read(struct sockiocp_registration *reg)
{
	struct socket *socket = reg->socket;
	struct inode *inode = SOCK_INODE(socket);
	u32 now = SOCKIOCP_GONE;

	if (unlikely(!inode_trylock_shared(inode)))
		return socket_is_closed(socket) ? SOCKIOCP_GONE : SOCKIOCP_BUSY;
	if (likely(socket->sk))
		now = sockiocp_readiness_read(socket, socket->file, reg->kind,
					      READ_ONCE(reg->filter));
	inode_unlock_shared(inode);
	return now;
}

/**
 * sockiocp_registration_events - what a packet of a registration carries now
 * @reg: the registration, under its port's lock
 * @now: what sockiocp_registration_read() said
 * @edges: EDGE: what rose since the last packet
 *
 * Return: SOCKIOCP_EVENT_* bits; 0 if there is nothing to report.
 */
u32 sockiocp_registration_events(struct sockiocp_registration *reg, u32 now, u8 edges)
{
	const u8 staying = SOCKIOCP_EVENT_HANGUP | SOCKIOCP_EVENT_ERR | SOCKIOCP_CONNECTED;
	u32 allowed = reg->filter | SOCKIOCP_EVENT_ERR;
	u8 news;

	lockdep_assert_held(&reg->port->lock);

	if (!reg->enabled)
		return 0;

	if (!is_stream(reg))
		return now & allowed & (is_edge(reg) ? edges : ~0);

	/* What failed before this connection was made is over. */
	if (now & SOCKIOCP_CONNECTED & ~reg->seen)
		reg->seen &= ~(SOCKIOCP_EVENT_ERR | SOCKIOCP_FAILED);
	/* SO_ERROR clears an error in the socket; here it stays. */
	if (reg->seen & SOCKIOCP_FAILED)
		now |= SOCKIOCP_EVENT_ERR;
	/* The first reading of all is where edges start from. */
	news = reg->seen & SOCKIOCP_UNSEEN ? 0 : now & ~reg->seen & staying;
	/* Added, not assigned: another harvest may have read it later. */
	reg->seen = (reg->seen | now) & staying;
	if (now & SOCKIOCP_EVENT_ERR)
		reg->seen |= SOCKIOCP_FAILED;
	if (!is_edge(reg))
		return now & allowed;

	/* What stays has no edge but its first. */
	edges &= ~staying;
	edges |= news & (SOCKIOCP_EVENT_HANGUP | SOCKIOCP_EVENT_ERR);
	if (news & SOCKIOCP_CONNECTED)
		edges |= SOCKIOCP_EVENT_OUT;
	return now & allowed & edges;
}

/**
 * sockiocp_registration_has_events - would a packet carry anything now?
 * @reg: the registration, under its port's lock
 * @now: what sockiocp_registration_read() said
 * @edges: EDGE: what rose since the last packet
 *
 * Only looks: it is the harvest's to report.
 */
bool sockiocp_registration_has_events(struct sockiocp_registration *reg, u32 now, u8 edges)
{
	u8 seen = reg->seen;
	bool has;

	if (now & SOCKIOCP_GONE)
		return false;
	has = now & SOCKIOCP_BUSY || sockiocp_registration_events(reg, now, edges);
	reg->seen = seen;
	return has;
}

/**
 * sockiocp_registration_delivered - a packet of this registration goes out
 * @reg: the registration, under its port's lock
 */
void sockiocp_registration_delivered(struct sockiocp_registration *reg)
{
	if (reg->trigger & SOCKIOCP_TRIGGER_ONESHOT)
		set_enabled(reg, false);
}

/**
 * sockiocp_registration_undeliver - the packet could not be handed over after all
 * @reg: the registration, under its port's lock
 * @events: what it carried
 * @session: &struct sockiocp_registration.session when it went out
 *
 * Brings back what the delivery changed, unless somebody has enabled or
 * disabled the registration since; the caller queues it again.
 */
void sockiocp_registration_undeliver(struct sockiocp_registration *reg, u32 events,
				     u32 session)
{
	lockdep_assert_held(&reg->port->lock);

	if (reg->session != session)
		return;
	if (!reg->enabled) {
		set_enabled(reg, true);
		/* What rose meanwhile was not noticed: look at all of it. */
		reg->edges |= reg->filter;
	}
	reg->edges |= events & (SOCKIOCP_EVENT_IN | SOCKIOCP_EVENT_OUT | SOCKIOCP_EVENT_ERR);
	reg->seen &= ~(events & (SOCKIOCP_EVENT_HANGUP | SOCKIOCP_EVENT_ERR));
}

/* ------------------------------------------------------------------ arming */

/* The socket's registration, or NULL: its wait queue is the index. */
static struct sockiocp_registration *find(struct socket *socket)
{
	wait_queue_entry_t *wait;

	lockdep_assert_held(&socket->wq.wait.lock);

	list_for_each_entry(wait, &socket->wq.wait.head, entry) {
		if (wait->func == sockiocp_wake)
			return container_of(wait, struct sockiocp_registration, wait);
	}
	return NULL;
}

/* Hook a new, disabled registration into its socket and its port. */
static void hook(struct sockiocp_registration *reg)
{
	struct sockiocp_port *port = reg->port;
	bool first;

	lockdep_assert_held(&reg->socket->wq.wait.lock);

	__add_wait_queue(&reg->socket->wq.wait, &reg->wait);
	spin_lock(&port->lock);
	list_add_tail(&reg->port_node, &port->registrations);
	first = !port->nr_registrations;
	/* Read without the lock by those who reap. */
	WRITE_ONCE(port->nr_registrations, port->nr_registrations + 1);
	spin_unlock(&port->lock);
	if (first)
		queue_delayed_work(system_unbound_wq, &port->reaper, REAPER_INTERVAL);
}

/* May this user have one more registration?  Closed sockets do not count. */
static bool charge(struct sockiocp_account *account, struct sockiocp_call *call)
{
	if (likely(sockiocp_account_charge(&account->registrations,
					   &sockiocp_max_user_registrations)))
		return true;
	/* Once a call: a sweep is as long as the user has registrations. */
	if (call->swept)
		return false;
	call->swept = true;
	sockiocp_account_sweep(account);
	return sockiocp_account_charge(&account->registrations,
				       &sockiocp_max_user_registrations);
}

static u32 create(struct sockiocp_port *port, struct sockiocp_call *call,
		  struct socket *socket, u8 kind, u64 key,
		  struct sockiocp_registration **result)
{
	struct sockiocp_registration *reg;

	sockiocp_registration_reap(port, REAP_LOOKS);
	if (!charge(port->account, call))
		return SOCKIOCP_RESULT_LIMIT;
	reg = kmem_cache_zalloc(registration_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!reg) {
		atomic_long_dec(&port->account->registrations);
		return SOCKIOCP_RESULT_NO_MEMORY;
	}
	init_waitqueue_func_entry(&reg->wait, sockiocp_wake);
	INIT_LIST_HEAD(&reg->packet.node);
	reg->packet.type = SOCKIOCP_PACKET_REGISTRATION;
	reg->port = port;
	reg->socket = socket;
	reg->key = key;
	reg->kind = kind;
	reg->state = SOCKIOCP_LIVE;
	reg->seen = SOCKIOCP_UNSEEN;
	refcount_set(&reg->refs, 1);
	ihold(SOCK_INODE(socket));
	*result = reg;
	return SOCKIOCP_RESULT_SUCCESS;
}

/*
 * Let a registration report what @entry asks for, as if by its model in the
 * specification: what EDGE has seen rise and not delivered yet stays, what
 * holds when EDGE begins has no edge, and a LEVEL packet that is queued becomes
 * the first edge.
 *
 * Returns the bits of the filter that were not there before.
 */
static u8 set_interest(struct sockiocp_registration *reg,
		       const struct sockiocp_registration_entry *entry)
{
	bool was_enabled = reg->enabled, was_edge = is_edge(reg);
	u8 added = entry->event_filter & ~reg->filter;
	u8 old_filter = reg->filter;

	lockdep_assert_held(&reg->socket->wq.wait.lock);
	lockdep_assert_held(&reg->port->lock);

	/* Read without a lock by sockiocp_registration_read() and arm(). */
	WRITE_ONCE(reg->filter, entry->event_filter);
	reg->trigger = entry->trigger_flags;
	set_enabled(reg, true);
	/* Pairs with skwq_has_sleeper(): see sockiocp_wake(). */
	smp_mb();
	if (!is_edge(reg))
		return added;

	if (was_enabled && was_edge) {
		reg->edges &= reg->filter | SOCKIOCP_EVENT_ERR;
		if (!(added & SOCKIOCP_REGISTER_IN))
			return added;
	} else if (was_enabled && reg->queued) {
		reg->edges = (old_filter & reg->filter) | SOCKIOCP_EVENT_ERR;
		reg->seen &= SOCKIOCP_CONNECTED | SOCKIOCP_FAILED;
	} else {
		reg->seen |= SOCKIOCP_UNSEEN;
	}
	reg->rcv_nxt = sockiocp_readiness_position(reg->socket, reg->kind);
	return added;
}

/* Look at the socket after set_interest(), and report what it asks for. */
static void arm(struct sockiocp_registration *reg, struct file *file, u8 added)
{
	struct sockiocp_port *port = reg->port;
	u32 now = sockiocp_readiness_read(reg->socket, file, reg->kind,
					  READ_ONCE(reg->filter));

	spin_lock_irq(&port->lock);
	if (is_edge(reg) && !(reg->seen & SOCKIOCP_UNSEEN)) {
		/* What held when the filter began to ask has no edge. */
		if (added & SOCKIOCP_REGISTER_OUT)
			reg->seen |= now & SOCKIOCP_CONNECTED;
		reg->seen |= now & added & SOCKIOCP_EVENT_HANGUP;
	} else if (sockiocp_registration_events(reg, now, 0)) {
		queue_registration(reg);
	}
	spin_unlock_irq(&port->lock);
	sockiocp_port_wake_pollers(port);
}

static u32 enable_or_disable(struct sockiocp_port *port, struct sockiocp_call *call,
			     struct file *file, struct socket *socket, u8 kind,
			     const struct sockiocp_registration_entry *entry)
{
	struct sockiocp_registration *reg, *armed = NULL, *new = NULL;
	u32 result = SOCKIOCP_RESULT_SUCCESS;
	u8 added = 0;

again:
	spin_lock_irq(&socket->wq.wait.lock);
	reg = find(socket);
	if (!reg && !new) {
		spin_unlock_irq(&socket->wq.wait.lock);
		result = create(port, call, socket, kind, entry->completion_key, &new);
		if (result)
			return result;
		goto again;
	}
	if (!reg) {
		reg = new;
		new = NULL;
		hook(reg);
	}
	if (reg->port != port) {
		result = SOCKIOCP_RESULT_OTHER_PORT;
	} else {
		spin_lock(&port->lock);
		if (entry->operation == SOCKIOCP_OP_DISABLE) {
			set_enabled(reg, false);
			unqueue_registration(reg);
		} else {
			added = set_interest(reg, entry);
			if (call->harvests && !is_edge(reg)) {
				queue_unread(reg);
			} else {
				refcount_inc(&reg->refs);
				armed = reg;
			}
		}
		spin_unlock(&port->lock);
	}
	spin_unlock_irq(&socket->wq.wait.lock);

	/* Another thread registered the socket while ours was being made. */
	if (unlikely(new))
		sockiocp_registration_put(new);
	if (armed) {
		arm(armed, file, added);
		sockiocp_registration_put(armed);
	}
	return result;
}

static u32 remove(struct sockiocp_port *port, struct socket *socket)
{
	struct sockiocp_registration *reg;
	u32 result = SOCKIOCP_RESULT_SUCCESS;

	spin_lock_irq(&socket->wq.wait.lock);
	reg = find(socket);
	if (!reg)
		result = SOCKIOCP_RESULT_NOT_FOUND;
	else if (reg->port != port)
		result = SOCKIOCP_RESULT_OTHER_PORT;
	else
		unhook(reg, SOCKIOCP_REMOVED);
	spin_unlock_irq(&socket->wq.wait.lock);
	sockiocp_port_wake_pollers(port);
	return result;
}

static bool is_valid(const struct sockiocp_registration_entry *entry)
{
	u8 trigger = entry->trigger_flags;
	u8 often = trigger & (SOCKIOCP_TRIGGER_ONESHOT | SOCKIOCP_TRIGGER_PERSISTENT);
	u8 when = trigger & (SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_EDGE);

	switch (entry->operation) {
	case SOCKIOCP_OP_NONE:
	case SOCKIOCP_OP_DISABLE:
	case SOCKIOCP_OP_REMOVE:
		return true;
	case SOCKIOCP_OP_ENABLE:
		return !(entry->event_filter & ~SOCKIOCP_REGISTER_ALL) &&
		       !(trigger & ~SOCKIOCP_TRIGGER_ALL) &&
		       hweight8(when) == 1 && hweight8(often) <= 1;
	default:
		return false;
	}
}

/**
 * sockiocp_registration_apply - do what one entry of a batch says
 * @port: the port
 * @call: what the entries of one call share
 * @entry: the entry, in kernel memory
 *
 * Return: SOCKIOCP_RESULT_*.  Unless it is SUCCESS nothing has changed.
 */
u32 sockiocp_registration_apply(struct sockiocp_port *port, struct sockiocp_call *call,
				const struct sockiocp_registration_entry *entry)
{
	struct socket *socket;
	struct fd f;
	u32 result;
	int kind;

	if (!is_valid(entry))
		return SOCKIOCP_RESULT_INVALID;
	if (entry->operation == SOCKIOCP_OP_NONE)
		return SOCKIOCP_RESULT_SUCCESS;
	if (entry->socket > INT_MAX)
		return SOCKIOCP_RESULT_NOT_SOCKET;

	f = fdget(entry->socket);
	if (!fd_file(f))
		return SOCKIOCP_RESULT_NOT_SOCKET;
	socket = sock_from_file(fd_file(f));
	if (!socket) {
		result = SOCKIOCP_RESULT_NOT_SOCKET;
		goto out;
	}
	kind = sockiocp_readiness_kind(socket);
	if (kind < 0)
		result = SOCKIOCP_RESULT_NOT_SUPPORTED;
	else if (entry->operation == SOCKIOCP_OP_REMOVE)
		result = remove(port, socket);
	else
		result = enable_or_disable(port, call, fd_file(f), socket, kind, entry);
out:
	fdput(f);
	return result;
}

int __init sockiocp_registration_init(void)
{
	/* Two cache lines: it is what each socket costs. */
	BUILD_BUG_ON(sizeof(struct sockiocp_registration) > 128);

	registration_cache = kmem_cache_create("sockiocp_registration",
					       sizeof(struct sockiocp_registration),
					       0, SLAB_ACCOUNT, NULL);
	return registration_cache ? 0 : -ENOMEM;
}

void sockiocp_registration_exit(void)
{
	kmem_cache_destroy(registration_cache);
}
