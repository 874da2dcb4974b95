// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
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
#include <linux/uaccess.h>
#include <net/sock.h>

#define IN_WAKE			(EPOLLIN | EPOLLRDNORM)
#define OUT_WAKE		(EPOLLOUT | EPOLLWRNORM)

/* These stay in a stream once they are there, so that they have one edge. */
#define STAYING		(SOCKIOCP_EVENT_HANGUP | SOCKIOCP_EVENT_ERR | SOCKIOCP_CONNECTED)

static struct kmem_cache *registration_cache;

/**
 * struct sockiocp_call - what the registrations of one call share
 * @harvests: the call goes on to harvest
 * @created: how many were made since closed sockets were last looked for
 * @first: one of them was the only one of the port
 * @swept: the user's closed sockets were looked for already
 */
struct sockiocp_call {
	bool harvests;
	unsigned int created;
	bool first;
	bool swept;
};

/* ------------------------------------------------------- what a registration is */

static struct socket *socket_of(const struct sockiocp_registration *reg)
{
	return reg->wait.private;
}

static bool is_edge(const struct sockiocp_registration *reg)
{
	return READ_ONCE(reg->terms.trigger) & SOCKIOCP_TRIGGER_EDGE;
}

static bool is_stream(const struct sockiocp_registration *reg)
{
	return reg->kind < SOCKIOCP_UDP;
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
		WRITE_ONCE(reg->history, true);
		reg->terms.edges = 0;
		/* Before what follows: pairs with smp_rmb() in look(). */
		smp_wmb();
	}
	/* Read without a lock by look(), and interest by sockiocp_wake(). */
	WRITE_ONCE(reg->enabled, enabled);
	WRITE_ONCE(reg->interest, enabled ? filter_interest(reg->terms.filter) : 0);
}

/* Says so once, and marks it as queued; whoever has taken it does that himself. */
static bool must_be_queued(struct sockiocp_registration *reg)
{
	if (reg->place == SOCKIOCP_IDLE) {
		WRITE_ONCE(reg->place, SOCKIOCP_QUEUED);
		return true;
	}
	if (reg->place == SOCKIOCP_TAKEN)
		WRITE_ONCE(reg->place, SOCKIOCP_TAKEN_AGAIN);
	return false;
}

/* Inline, for the sake of the wake-ups. */
static __always_inline void queue_registration(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->port->lock);

	if (must_be_queued(reg))
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

	if (must_be_queued(reg))
		sockiocp_port_queue_quietly(reg->port, &reg->packet);
}

static void unqueue_registration(struct sockiocp_registration *reg)
{
	lockdep_assert_held(&reg->port->lock);

	if (reg->place == SOCKIOCP_QUEUED) {
		sockiocp_port_unqueue(reg->port, &reg->packet);
		WRITE_ONCE(reg->place, SOCKIOCP_IDLE);
	} else if (reg->place == SOCKIOCP_TAKEN_AGAIN) {
		WRITE_ONCE(reg->place, SOCKIOCP_TAKEN);
	}
}

static bool will_be_looked_at(const struct sockiocp_registration *reg)
{
	u8 place = READ_ONCE(reg->place);

	return place == SOCKIOCP_QUEUED || place == SOCKIOCP_TAKEN_AGAIN;
}

/*
 * Which bits does a wake-up let rise?  HANGUP, and OUT for a new connection,
 * come with a key of 0 and are found by comparing states at the harvest.
 */
static u8 wake_edges(struct sockiocp_registration *reg, __poll_t key)
{
	u8 edges = 0;

	if (key & IN_WAKE && reg->terms.filter & SOCKIOCP_REGISTER_IN &&
	    sockiocp_readiness_in_edge(socket_of(reg), reg->kind, &reg->rcv_nxt))
		edges |= SOCKIOCP_EVENT_IN;
	if (key & OUT_WAKE && reg->terms.filter & SOCKIOCP_REGISTER_OUT)
		edges |= SOCKIOCP_EVENT_OUT;
	if (key & EPOLLERR)
		edges |= SOCKIOCP_EVENT_ERR;
	return edges;
}

/*
 * What a registration remembers belongs to one connection, and ends with it.  Not all
 * of how a connection ends can be seen from its socket afterwards, but all of it comes
 * with a wake-up; so this is done whether or not the registration is enabled.
 *
 * What connect() tells is nothing new to EDGE: the wake-up for it was before.
 */
static noinline void note_turn(struct sockiocp_registration *reg, __poll_t events)
{
	u8 seen = reg->seen;

	lockdep_assert_held(&reg->port->lock);

	switch (sockiocp_readiness_turn(socket_of(reg), reg->kind, !!(events & EPOLLERR))) {
	case SOCKIOCP_GOES_ON:
		return;
	case SOCKIOCP_HAS_FAILED:
		WRITE_ONCE(reg->seen, seen | SOCKIOCP_FAILED);
		return;
	case SOCKIOCP_WAS_IN_VAIN:
		seen &= SOCKIOCP_UNSEEN;
		break;
	case SOCKIOCP_IS_TOLD:
		seen &= ~(SOCKIOCP_FAILED | SOCKIOCP_CONNECTED);
		break;
	case SOCKIOCP_IS_MADE:
		/* A harvest was here first, or it is another wake-up of the same one. */
		if (seen & SOCKIOCP_CONNECTED)
			return;
		seen &= SOCKIOCP_UNSEEN;
		break;
	case SOCKIOCP_IS_NEW:
		seen = 0;
		break;
	}
	WRITE_ONCE(reg->seen, seen);
	WRITE_ONCE(reg->terms.life, reg->terms.life + 1);
	reg->rcv_nxt = 0;
}

static __always_inline int report(struct sockiocp_registration *reg, __poll_t events,
				  bool is_turn)
{
	struct sockiocp_port *port = reg->port;
	bool queue = false;

	/* Who wakes a wait queue has interrupts off, where that matters. */
	spin_lock(&port->lock);
	if (is_turn && is_stream(reg))
		note_turn(reg, events);
	if (reg->enabled) {
		u8 edges = is_edge(reg) ? wake_edges(reg, events) : 0;

		reg->terms.edges |= edges;
		queue = !is_edge(reg) || edges || !events;
		if (queue)
			queue_registration(reg);
	}
	spin_unlock(&port->lock);
	if (queue)
		sockiocp_port_wake_pollers(port);
	return 0;
}

/* Wake-ups that matter, or did a moment ago.  Apart, so that others are cheap. */
static noinline int report_ready(struct sockiocp_registration *reg, __poll_t events)
{
	return report(reg, events, false);
}

/* For an error, or a change of state: whether or not the registration is enabled. */
static noinline int report_turn(struct sockiocp_registration *reg, __poll_t events)
{
	return report(reg, events, true);
}

/*
 * Called by the socket's wake-ups, under the lock of its wait queue, in any
 * context, also while it is being closed.
 *
 * Nothing is lost by looking at interest and place without the port's lock.
 * The waker has changed the socket before, and a full barrier stands between, in
 * skwq_has_sleeper() mostly.  Who sets interest, or takes a packet off the queue,
 * reads the socket afterwards, behind a full barrier of its own (set_interest(),
 * sockiocp_registration_verify(), drop_if_stale()).  So either the new value is
 * seen here, or the change of the socket is seen there.
 */
static int sockiocp_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct sockiocp_registration *reg =
		container_of(wait, struct sockiocp_registration, wait);
	__poll_t events = key_to_poll(key);
	u16 interest = READ_ONCE(reg->interest);

	if (unlikely(!events || events & EPOLLERR))
		return report_turn(reg, events);
	if (!(events & (__force __poll_t)interest))
		return 0;
	/* The trigger only changes under the lock that is held here. */
	if (!is_edge(reg) && will_be_looked_at(reg))
		return 0;
	return report_ready(reg, events);
}

/* ---------------------------------------------------- references and the end */

/**
 * sockiocp_registration_free - the last reference was given back
 * @reg: the registration
 */
void sockiocp_registration_free(struct sockiocp_registration *reg)
{
	atomic_long_dec(&reg->port->account->registrations);
	iput(SOCK_INODE(socket_of(reg)));
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
static bool unhook(struct sockiocp_registration *reg, enum sockiocp_state state)
{
	struct sockiocp_port *port = reg->port;
	bool is_ours;

	lockdep_assert_held(&socket_of(reg)->wq.wait.lock);

	if (reg->state != SOCKIOCP_LIVE)
		return false;
	__remove_wait_queue(&socket_of(reg)->wq.wait, &reg->wait);

	spin_lock(&port->lock);
	set_enabled(reg, false);
	unqueue_registration(reg);
	list_del(&reg->port_node);
	WRITE_ONCE(port->nr_registrations, port->nr_registrations - 1);
	reg->state = state;
	if (state == SOCKIOCP_REMOVED)
		queue_registration(reg);
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

	spin_lock_irq(&socket_of(reg)->wq.wait.lock);
	is_ours = unhook(reg, SOCKIOCP_DEAD);
	spin_unlock_irq(&socket_of(reg)->wq.wait.lock);
	if (is_ours)
		sockiocp_registration_put(reg);
}

/* ----------------------------------------------------------------- readings */

/*
 * Read the state of a registered socket.
 *
 * There is no reference to the file, so that the last close() sends its FIN at
 * once.  What keeps the socket from being released meanwhile is the lock of its
 * inode: the end of its file takes it, calls ->release and clears sock->sk under
 * it, and the file is freed only after that.  So while it is held shared and
 * sock->sk is there, sock->ops and sock->file are too.  AF_SMC releases the TCP
 * sockets that it has in files by itself, but those are not registered: see
 * sockiocp_readiness_kind(), and SECURITY.md for some older kernels.
 *
 * The lock is only tried: a close() may hold it for as long as SO_LINGER says.
 *
 * Returns SOCKIOCP_EVENT_* bits and SOCKIOCP_CONNECTED, or SOCKIOCP_GONE, or
 * SOCKIOCP_BUSY.
 */
static inline u32 read_socket(struct sockiocp_registration *reg, u8 filter)
{
	struct socket *socket = socket_of(reg);
	struct inode *inode = SOCK_INODE(socket);
	u32 now = SOCKIOCP_GONE;

	if (unlikely(!inode_trylock_shared(inode))) {
		rcu_read_lock();
		now = sockiocp_registration_is_closed(reg) ? SOCKIOCP_GONE : SOCKIOCP_BUSY;
		rcu_read_unlock();
		return now;
	}
	if (likely(socket->sk))
		now = sockiocp_readiness_read(socket, socket->file, reg->kind, filter);
	inode_unlock_shared(inode);
	return now;
}

/*
 * What EDGE knows of a stream when it is read: a new connection has no past.  One that
 * has failed stays so.
 */
static u8 seen_before(const struct sockiocp_registration *reg, u32 now)
{
	u8 seen = READ_ONCE(reg->seen);

	if (unlikely((now ^ seen) & SOCKIOCP_CONNECTED ||
		     (seen & SOCKIOCP_EVENT_ERR && !(now & SOCKIOCP_FAILED))))
		seen &= ~STAYING;
	return seen;
}

/*
 * What a packet of a registration carries if this is what its socket is like; 0 if
 * there is nothing to report.  A failure that is remembered is added to @known.
 */
static inline u32 packet_events(const struct sockiocp_registration *reg, u32 *known,
				const struct sockiocp_terms *taken)
{
	u32 now = *known;
	u32 allowed = taken->filter | SOCKIOCP_EVENT_ERR;
	bool is_edge = taken->trigger & SOCKIOCP_TRIGGER_EDGE;
	u8 edges = taken->edges, seen, staying;

	if (now & (SOCKIOCP_GONE | SOCKIOCP_BUSY) || !READ_ONCE(reg->enabled))
		return 0;

	if (!is_stream(reg))
		return now & allowed & (is_edge ? edges : ~0);

	/* SO_ERROR clears an error in the socket; here it stays. */
	if (unlikely(READ_ONCE(reg->seen) & SOCKIOCP_FAILED)) {
		now |= SOCKIOCP_BROKEN;
		*known = now;
	}
	if (!is_edge)
		return now & allowed;

	seen = seen_before(reg, now);
	/* What stays has no edge but its first.  An error does if the stream has failed. */
	staying = SOCKIOCP_EVENT_HANGUP;
	if (now & SOCKIOCP_FAILED)
		staying |= SOCKIOCP_EVENT_ERR;
	edges &= ~staying;
	/* The first reading of all is where edges start from. */
	if (!(seen & SOCKIOCP_UNSEEN)) {
		u8 news = now & ~seen;

		edges |= news & staying;
		if (news & SOCKIOCP_CONNECTED)
			edges |= SOCKIOCP_EVENT_OUT;
	}
	return now & allowed & edges;
}

/* What a packet carries now. */
static inline u32 look(struct sockiocp_registration *reg, const struct sockiocp_terms *taken,
		       u32 *now)
{
	u32 events;

	*now = read_socket(reg, taken->filter);
	events = packet_events(reg, now, taken);
	/* Disabled meanwhile, and perhaps enabled again: all this is history. */
	smp_rmb();
	return READ_ONCE(reg->history) ? 0 : events;
}

/**
 * sockiocp_registration_verify - see what packets carry that were taken off the queue
 * @deliveries: the packets
 * @nr: how many
 */
void sockiocp_registration_verify(struct sockiocp_delivery *deliveries, unsigned int nr)
{
	struct sockiocp_delivery *d;

	/*
	 * Between taking the packets and reading the sockets: pairs with
	 * skwq_has_sleeper(), see sockiocp_wake().
	 */
	smp_mb();
	for (d = deliveries; d < deliveries + nr; d++) {
		if (d->is_notification)
			d->events = look(sockiocp_packet_registration(d->packet),
					 &d->taken, &d->now);
	}
}

/**
 * sockiocp_registration_look - what a packet carries now
 * @reg: its registration, without a lock
 * @taken: its terms a moment ago
 * @now: where to what the socket is like goes: SOCKIOCP_EVENT_* bits and
 *	SOCKIOCP_CONNECTED, or SOCKIOCP_GONE, or SOCKIOCP_BUSY
 *
 * Return: SOCKIOCP_EVENT_* bits; 0 if there is nothing to report.
 */
u32 sockiocp_registration_look(struct sockiocp_registration *reg,
			       const struct sockiocp_terms *taken, u32 *now)
{
	return look(reg, taken, now);
}

/*
 * Is there something to remember of a stream?  LEVEL is what holds, whatever was, but
 * SO_ERROR may clear an error that nobody was woken for: it is older than the
 * registration.
 */
static bool is_memorable(const struct sockiocp_registration *reg, u32 now)
{
	return is_stream(reg) && (is_edge(reg) || unlikely(now & SOCKIOCP_FAILED));
}

/*
 * Remember what has been read, if the connection is still the one that was there
 * before the reading.  arm() may have read it later: so it is added.
 */
static void remember(struct sockiocp_registration *reg, u32 now, u32 life)
{
	lockdep_assert_held(&reg->port->lock);

	if (unlikely(reg->terms.life != life))
		return;
	/* An error that the stream lives on with is nothing to remember. */
	if (!(now & SOCKIOCP_FAILED))
		now &= ~SOCKIOCP_EVENT_ERR;
	/* Whether connecting has failed is told by the socket. */
	if (!(now & SOCKIOCP_CONNECTED))
		now &= ~SOCKIOCP_FAILED;
	WRITE_ONCE(reg->seen, (seen_before(reg, now) | now) & (STAYING | SOCKIOCP_FAILED));
}

static bool asks_the_same(const struct sockiocp_terms *a, const struct sockiocp_terms *b)
{
	return a->filter == b->filter && a->trigger == b->trigger;
}

/**
 * sockiocp_registration_looked_at - a harvest is done with a registration
 * @d: its packet, which is not history, under the port's lock
 *
 * Return: whether the registration reports again for as long as that holds.
 */
bool sockiocp_registration_looked_at(const struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
	bool again = false;

	/* If it asks for something else by now, this packet was before that. */
	if (d->events && asks_the_same(&reg->terms, &d->taken)) {
		/* It is enabled: this is not history. */
		if (d->taken.trigger & SOCKIOCP_TRIGGER_ONESHOT)
			set_enabled(reg, false);
		else
			again = !(d->taken.trigger & SOCKIOCP_TRIGGER_EDGE);
	}
	if (is_memorable(reg, d->now))
		remember(reg, d->now, d->taken.life);
	return again;
}

/* ------------------------------------------------------------------ arming */

/*
 * The socket's registration, or NULL: its wait queue is the index.  Registrations stand
 * in front of others, however many there are; but see WQ_FLAG_PRIORITY in compat.h.
 */
static struct sockiocp_registration *find(struct socket *socket)
{
	wait_queue_entry_t *wait;

	lockdep_assert_held(&socket->wq.wait.lock);

	list_for_each_entry(wait, &socket->wq.wait.head, entry) {
		if (wait->func == sockiocp_wake)
			return container_of(wait, struct sockiocp_registration, wait);
		if (WQ_FLAG_PRIORITY && !(wait->flags & WQ_FLAG_PRIORITY))
			break;
	}
	return NULL;
}

/*
 * Put a new, disabled registration on its socket's wait queue and into its port's
 * ring.  Returns whether it is the only one there.
 */
static bool hook(struct sockiocp_registration *reg)
{
	struct sockiocp_port *port = reg->port;

	lockdep_assert_held(&socket_of(reg)->wq.wait.lock);
	lockdep_assert_held(&port->lock);

	__add_wait_queue(&socket_of(reg)->wq.wait, &reg->wait);
	list_add_tail(&reg->port_node, &port->registrations);
	/* Read without the lock by those who reap. */
	WRITE_ONCE(port->nr_registrations, port->nr_registrations + 1);
	return port->nr_registrations == 1;
}

static u32 create(struct sockiocp_port *port, struct sockiocp_call *call,
		  struct socket *socket, u64 key,
		  struct sockiocp_registration **result)
{
	int kind = sockiocp_readiness_kind(socket);
	struct sockiocp_registration *reg;

	if (kind < 0)
		return SOCKIOCP_RESULT_NOT_SUPPORTED;
	if (!sockiocp_account_charge(&port->account->registrations,
				     &sockiocp_max_user_registrations))
		return SOCKIOCP_RESULT_LIMIT;
	reg = kmem_cache_alloc(registration_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!reg) {
		atomic_long_dec(&port->account->registrations);
		return SOCKIOCP_RESULT_NO_MEMORY;
	}
	/* All but what construct() has set, and the links, which are set by linking. */
	reg->wait.private = socket;
	reg->packet.seq = 0;
	reg->port = port;
	reg->key = key;
	refcount_set(&reg->refs, 1);
	reg->rcv_nxt = 0;
	reg->interest = 0;
	reg->kind = kind;
	reg->state = SOCKIOCP_LIVE;
	reg->enabled = false;
	reg->place = SOCKIOCP_IDLE;
	reg->history = false;
	reg->seen = SOCKIOCP_UNSEEN;
	reg->terms = (struct sockiocp_terms) { 0 };
	ihold(SOCK_INODE(socket));
	*result = reg;
	call->created++;
	return SOCKIOCP_RESULT_SUCCESS;
}

/*
 * A LEVEL packet that was queued under @filter, and asks for EDGE now, stands for an
 * edge of all that it could carry.
 */
static void level_becomes_edge(struct sockiocp_registration *reg, u8 filter)
{
	reg->terms.edges = (filter & reg->terms.filter) | SOCKIOCP_EVENT_ERR;
	WRITE_ONCE(reg->seen, reg->seen & (SOCKIOCP_CONNECTED | SOCKIOCP_FAILED));
}

/**
 * sockiocp_registration_untake - a packet that was taken goes back to the queue
 * @reg: its registration, of which it is not history, under its port's lock
 * @taken: its terms when it was taken
 */
void sockiocp_registration_untake(struct sockiocp_registration *reg,
				  const struct sockiocp_terms *taken)
{
	if (is_edge(reg) && !(taken->trigger & SOCKIOCP_TRIGGER_EDGE))
		level_becomes_edge(reg, taken->filter);
	else
		reg->terms.edges |= taken->edges & (reg->terms.filter | SOCKIOCP_EVENT_ERR);
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
	u8 added = entry->event_filter & ~reg->terms.filter;
	u8 old_filter = reg->terms.filter;

	lockdep_assert_held(&socket_of(reg)->wq.wait.lock);
	lockdep_assert_held(&reg->port->lock);

	/* Read without a lock by arm(). */
	WRITE_ONCE(reg->terms.filter, entry->event_filter);
	WRITE_ONCE(reg->terms.trigger, entry->trigger_flags);
	set_enabled(reg, true);
	/* Pairs with skwq_has_sleeper(): see sockiocp_wake(). */
	smp_mb();
	if (!is_edge(reg))
		return added;

	if (was_enabled && was_edge) {
		reg->terms.edges &= reg->terms.filter | SOCKIOCP_EVENT_ERR;
		if (!(added & SOCKIOCP_REGISTER_IN))
			return added;
	} else if (was_enabled && will_be_looked_at(reg)) {
		level_becomes_edge(reg, old_filter);
	} else {
		WRITE_ONCE(reg->seen, (reg->seen & SOCKIOCP_FAILED) | SOCKIOCP_UNSEEN);
	}
	reg->rcv_nxt = sockiocp_readiness_position(socket_of(reg), reg->kind);
	return added;
}

/*
 * What held when the filter of EDGE began to ask for it has no edge; a connection that
 * is new has one, if it was asked for before.
 */
static void ask_for_more(struct sockiocp_registration *reg, u32 now, u8 added)
{
	u8 seen;

	if (reg->seen & SOCKIOCP_FAILED)
		now |= SOCKIOCP_BROKEN;
	seen = seen_before(reg, now);
	if (now & ~seen & SOCKIOCP_CONNECTED)
		reg->terms.edges |= reg->terms.filter & ~added & SOCKIOCP_EVENT_OUT;
	now &= SOCKIOCP_CONNECTED | (added & SOCKIOCP_EVENT_HANGUP);
	WRITE_ONCE(reg->seen, seen | now);
}

/* Look at the socket after set_interest(), and report what it asks for. */
static void arm(struct sockiocp_registration *reg, struct file *file, u8 added)
{
	const struct sockiocp_terms armed = {
		.filter = READ_ONCE(reg->terms.filter),
		.trigger = READ_ONCE(reg->terms.trigger),
		.life = READ_ONCE(reg->terms.life),
	};
	struct sockiocp_port *port = reg->port;
	u32 now;

	/* Who sees that life sees what ended the one before: pairs with skwq_has_sleeper(). */
	smp_rmb();
	now = sockiocp_readiness_read(socket_of(reg), file, reg->kind, armed.filter);

	/* No packet, and nothing to remember: that takes no lock. */
	if (!is_edge(reg) && !(now & (SOCKIOCP_BUSY | SOCKIOCP_FAILED)) &&
	    !packet_events(reg, &now, &armed))
		return;

	spin_lock_irq(&port->lock);
	if (unlikely(now & SOCKIOCP_BUSY)) {
		/* Unread: a harvest will read it. */
		if (reg->enabled)
			queue_registration(reg);
	} else if (is_edge(reg) && !(reg->seen & SOCKIOCP_UNSEEN)) {
		if (likely(reg->terms.life == armed.life))
			ask_for_more(reg, now, added);
	} else {
		if (packet_events(reg, &now, &armed))
			queue_registration(reg);
		if (is_memorable(reg, now))
			remember(reg, now, armed.life);
	}
	spin_unlock_irq(&port->lock);
	sockiocp_port_wake_pollers(port);
}

static u32 enable_or_disable(struct sockiocp_port *port, struct sockiocp_call *call,
			     struct file *file, struct socket *socket,
			     const struct sockiocp_registration_entry *entry)
{
	struct sockiocp_registration *reg, *armed = NULL, *new = NULL;
	u32 result = SOCKIOCP_RESULT_SUCCESS;
	bool is_new = false;
	u8 added = 0;

	/* Nobody waits for this socket, most likely: so it has none. */
	if (!waitqueue_active(&socket->wq.wait)) {
		result = create(port, call, socket, entry->completion_key, &new);
		if (result)
			return result;
	}
again:
	spin_lock_irq(&socket->wq.wait.lock);
	reg = find(socket);
	if (!reg && !new) {
		spin_unlock_irq(&socket->wq.wait.lock);
		result = create(port, call, socket, entry->completion_key, &new);
		if (result)
			return result;
		goto again;
	}
	if (!reg) {
		reg = new;
		new = NULL;
		is_new = true;
	}
	if (reg->port != port) {
		result = SOCKIOCP_RESULT_OTHER_PORT;
	} else {
		spin_lock(&port->lock);
		if (is_new)
			call->first |= hook(reg);
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
		result = sockiocp_readiness_kind(socket) < 0 ?
			SOCKIOCP_RESULT_NOT_SUPPORTED : SOCKIOCP_RESULT_NOT_FOUND;
	else if (reg->port != port)
		result = SOCKIOCP_RESULT_OTHER_PORT;
	else
		unhook(reg, SOCKIOCP_REMOVED);
	spin_unlock_irq(&socket->wq.wait.lock);
	sockiocp_port_wake_pollers(port);
	return result;
}

/* LEVEL or EDGE, and ONESHOT, PERSISTENT or neither. */
#define OFTEN(when)		(BIT(when) | BIT((when) | SOCKIOCP_TRIGGER_ONESHOT) | \
				 BIT((when) | SOCKIOCP_TRIGGER_PERSISTENT))
#define VALID_TRIGGERS		(OFTEN(SOCKIOCP_TRIGGER_LEVEL) | OFTEN(SOCKIOCP_TRIGGER_EDGE))

static bool is_valid(const struct sockiocp_registration_entry *entry)
{
	u8 trigger = entry->trigger_flags;

	BUILD_BUG_ON(SOCKIOCP_TRIGGER_ALL >= BITS_PER_LONG);

	switch (entry->operation) {
	case SOCKIOCP_OP_NONE:
	case SOCKIOCP_OP_DISABLE:
	case SOCKIOCP_OP_REMOVE:
		return true;
	case SOCKIOCP_OP_ENABLE:
		return !(entry->event_filter & ~SOCKIOCP_REGISTER_ALL) &&
		       !(trigger & ~SOCKIOCP_TRIGGER_ALL) &&
		       BIT(trigger) & VALID_TRIGGERS;
	default:
		return false;
	}
}

static u32 apply(struct sockiocp_port *port, struct sockiocp_call *call,
		 const struct sockiocp_registration_entry *entry)
{
	struct socket *socket;
	struct fd f;
	u32 result;

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
	if (entry->operation == SOCKIOCP_OP_REMOVE)
		result = remove(port, socket);
	else
		result = enable_or_disable(port, call, fd_file(f), socket, entry);
out:
	fdput(f);
	return result;
}

/* The user has too many registrations: are some of them of closed sockets?  Once a call. */
static noinline bool is_there_room(struct sockiocp_port *port, struct sockiocp_call *call)
{
	if (call->swept)
		return false;
	call->swept = true;
	return sockiocp_reaper_sweep(port->account);
}

/* Inline, and apply() in it: it is what each entry costs. */
static __always_inline u32 apply_within_limit(struct sockiocp_port *port,
					      struct sockiocp_call *call,
					      const struct sockiocp_registration_entry *entry)
{
	u32 result;

	do {
		result = apply(port, call, entry);
	} while (unlikely(result == SOCKIOCP_RESULT_LIMIT) && is_there_room(port, call));
	return result;
}

static void look_for_closed_sockets(struct sockiocp_port *port, struct sockiocp_call *call)
{
	if (call->first)
		sockiocp_reaper_watch(port);
	sockiocp_reaper_pass(port, call->created);
	call->first = false;
	call->created = 0;
}

/* Word by word: a call of copy_from_user() for a chunk costs several times as much. */
static int read_registrations(struct sockiocp_registration_entry *entries,
			      const struct sockiocp_registration_entry __user *uentries,
			      unsigned int nr)
{
	const struct sockiocp_registration_entry *end = entries + nr;

	if (!user_read_access_begin(uentries, nr * sizeof(*uentries)))
		return -EFAULT;
	for (; entries < end; entries++, uentries++) {
		unsafe_get_user(entries->socket, &uentries->socket, fault);
		unsafe_get_user(entries->completion_key, &uentries->completion_key, fault);
		unsafe_get_user(entries->event_filter, &uentries->event_filter, fault);
		unsafe_get_user(entries->operation, &uentries->operation, fault);
		unsafe_get_user(entries->trigger_flags, &uentries->trigger_flags, fault);
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int write_results(struct sockiocp_registration_entry __user *uentries,
			 const struct sockiocp_registration_entry *entries,
			 unsigned int nr)
{
	const struct sockiocp_registration_entry *end = entries + nr;

	if (!user_write_access_begin(uentries, nr * sizeof(*uentries)))
		return -EFAULT;
	for (; entries < end; entries++, uentries++)
		unsafe_put_user(entries->registration_result,
				&uentries->registration_result, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * sockiocp_registration_apply - do what the entries of a batch say, in order
 * @port: the port
 * @args: the call: where the entries are, and how many
 *
 * Each result is written into its entry.  Unless it is SUCCESS the entry has
 * changed nothing.
 *
 * Return: 0, -EFAULT, or -EINTR for a fatal signal.
 */
noinline_for_stack
int sockiocp_registration_apply(struct sockiocp_port *port, const struct sockiocp_process *args)
{
	struct sockiocp_registration_entry entries[SOCKIOCP_CHUNK] __uninitialized;
	struct sockiocp_registration_entry __user *uentries =
		u64_to_user_ptr(args->registrations);
	struct sockiocp_call call = { .harvests = args->entry_count };
	unsigned int i, nr;
	u32 left;

	for (left = args->registration_count; left; left -= nr, uentries += nr) {
		nr = min_t(u32, left, SOCKIOCP_CHUNK);
		if (read_registrations(entries, uentries, nr))
			return -EFAULT;
		for (i = 0; i < nr; i++)
			entries[i].registration_result =
				apply_within_limit(port, &call, &entries[i]);
		if (call.created)
			look_for_closed_sockets(port, &call);
		if (write_results(uentries, entries, nr))
			return -EFAULT;
		if (nr == SOCKIOCP_CHUNK) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

/*
 * What is the same in all registrations, also while they are free.  A kernel with
 * INIT_ON_ALLOC clears the memory of those caches that have no constructor, each time.
 */
static void construct(void *memory)
{
	struct sockiocp_registration *reg = memory;

	init_waitqueue_func_entry(&reg->wait, sockiocp_wake);
	reg->wait.flags |= WQ_FLAG_PRIORITY;
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
					       0, SLAB_ACCOUNT, construct);
	return registration_cache ? 0 : -ENOMEM;
}

void sockiocp_registration_exit(void)
{
	kmem_cache_destroy(registration_cache);
}
