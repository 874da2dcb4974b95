// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a registration reports, and when: its filter, and LEVEL, EDGE and ONESHOT.
 *
 * A reading of the socket (readiness.c) and what the registration remembers of earlier
 * readings and of wake-ups make the events of a packet.
 */
#include "insides.h"
#include "packet.h"

#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <net/sock.h>

#define IN_WAKE			(EPOLLIN | EPOLLRDNORM)
#define OUT_WAKE		(EPOLLOUT | EPOLLWRNORM)

/* These stay in a stream once they are there, so that they have one edge. */
#define STAYING		(SOCKIOCP_EVENT_HANGUP | SOCKIOCP_EVENT_ERR | SOCKIOCP_CONNECTED)

/* ------------------------------------------------------------- wake-ups */

/* The wake-ups that matter to a filter; ERR always does, a key of 0 too. */
static u16 trigger_interest(u8 filter)
{
	u16 interest = (__force u16)(EPOLLERR | EPOLLHUP);

	if (filter & SOCKIOCP_REGISTER_IN)
		interest |= (__force u16)IN_WAKE;
	if (filter & SOCKIOCP_REGISTER_OUT)
		interest |= (__force u16)OUT_WAKE;
	return interest;
}

void sockiocp_trigger_set_enabled(struct sockiocp_registration *reg, bool enabled)
{
	lockdep_assert_held(&reg->port->lock);

	if (!enabled || !reg->enabled) {
		WRITE_ONCE(reg->history, true);
		reg->terms.edges = 0;
		/* Before what follows: pairs with smp_rmb() in trigger_look(). */
		smp_wmb();
	}
	/* Read without a lock by trigger_look(), and interest by sockiocp_registration_wake(). */
	WRITE_ONCE(reg->enabled, enabled);
	WRITE_ONCE(reg->interest, enabled ? trigger_interest(reg->terms.filter) : 0);
}

/*
 * Which bits does a wake-up let rise?  HANGUP, and OUT for a new connection,
 * come with a key of 0 and are found by comparing states at the harvest.
 */
u8 sockiocp_trigger_wake_edges(struct sockiocp_registration *reg, __poll_t key)
{
	u8 edges = 0;

	if (key & IN_WAKE && reg->terms.filter & SOCKIOCP_REGISTER_IN &&
	    sockiocp_readiness_in_edge(sockiocp_registration_socket(reg), reg->kind, &reg->rcv_nxt))
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
void sockiocp_trigger_note_turn(struct sockiocp_registration *reg, __poll_t events)
{
	u8 seen = reg->seen;

	lockdep_assert_held(&reg->port->lock);

	switch (sockiocp_readiness_turn(sockiocp_registration_socket(reg), reg->kind, !!(events & EPOLLERR))) {
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

/* ----------------------------------------------------------------- readings */

/*
 * Read the state of a registered socket.
 *
 * Returns SOCKIOCP_EVENT_* bits and SOCKIOCP_CONNECTED, or SOCKIOCP_GONE, or
 * SOCKIOCP_BUSY: who closes it may do that for as long as SO_LINGER says.
 */
static inline u32 trigger_read_socket(struct sockiocp_registration *reg, u8 filter)
{
	struct socket *socket = sockiocp_registration_socket(reg);
	u32 now = SOCKIOCP_GONE;

	if (unlikely(!sockiocp_socket_try_hold(socket))) {
		rcu_read_lock();
		now = sockiocp_socket_is_closed(socket) ? SOCKIOCP_GONE : SOCKIOCP_BUSY;
		rcu_read_unlock();
		return now;
	}
	if (likely(socket->sk))
		now = sockiocp_readiness_read(socket, socket->file, reg->kind, filter);
	sockiocp_socket_let_go(socket);
	return now;
}

/*
 * What EDGE knows of a stream when it is read: a new connection has no past.  One that
 * has failed stays so.
 */
static u8 trigger_seen_before(const struct sockiocp_registration *reg, u32 now)
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
static inline u32 trigger_events(const struct sockiocp_registration *reg, u32 *known,
				const struct sockiocp_terms *taken)
{
	u32 now = *known;
	u32 allowed = taken->filter | SOCKIOCP_EVENT_ERR;
	bool sockiocp_registration_is_edge = taken->trigger & SOCKIOCP_TRIGGER_EDGE;
	u8 edges = taken->edges, seen, staying;

	if (now & (SOCKIOCP_GONE | SOCKIOCP_BUSY) || !READ_ONCE(reg->enabled))
		return 0;

	if (!sockiocp_registration_is_stream(reg))
		return now & allowed & (sockiocp_registration_is_edge ? edges : ~0);

	/* SO_ERROR clears an error in the socket; here it stays. */
	if (unlikely(READ_ONCE(reg->seen) & SOCKIOCP_FAILED)) {
		now |= SOCKIOCP_BROKEN;
		*known = now;
	}
	if (!sockiocp_registration_is_edge)
		return now & allowed;

	seen = trigger_seen_before(reg, now);
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
static inline u32 trigger_look(struct sockiocp_registration *reg, const struct sockiocp_terms *taken,
		       u32 *now)
{
	u32 events;

	*now = trigger_read_socket(reg, taken->filter);
	events = trigger_events(reg, now, taken);
	/* Disabled meanwhile, and perhaps enabled again: all this is history. */
	smp_rmb();
	return READ_ONCE(reg->history) ? 0 : events;
}

/**
 * sockiocp_trigger_verify - see what packets carry that were taken off the queue
 * @deliveries: the packets
 * @nr: how many
 */
void sockiocp_trigger_verify(struct sockiocp_delivery *deliveries, unsigned int nr)
{
	struct sockiocp_delivery *d;

	/*
	 * Between taking the packets and reading the sockets: pairs with
	 * skwq_has_sleeper(), see sockiocp_registration_wake().
	 */
	smp_mb();
	for (d = deliveries; d < deliveries + nr; d++) {
		if (d->is_notification)
			d->events = trigger_look(sockiocp_packet_registration(d->packet),
					 &d->taken, &d->now);
	}
}

/**
 * sockiocp_trigger_look - what a packet carries now
 * @reg: its registration, without a lock
 * @taken: its terms a moment ago
 * @now: where to what the socket is like goes: SOCKIOCP_EVENT_* bits and
 *	SOCKIOCP_CONNECTED, or SOCKIOCP_GONE, or SOCKIOCP_BUSY
 *
 * Return: SOCKIOCP_EVENT_* bits; 0 if there is nothing to report.
 */
u32 sockiocp_trigger_look(struct sockiocp_registration *reg,
			       const struct sockiocp_terms *taken, u32 *now)
{
	return trigger_look(reg, taken, now);
}

/*
 * Is there something to remember of a stream?  LEVEL is what holds, whatever was, but
 * SO_ERROR may clear an error that nobody was woken for: it is older than the
 * registration.
 */
static bool trigger_is_memorable(const struct sockiocp_registration *reg, u32 now)
{
	return sockiocp_registration_is_stream(reg) && (sockiocp_registration_is_edge(reg) || unlikely(now & SOCKIOCP_FAILED));
}

/*
 * Remember what has been read, if the connection is still the one that was there
 * before the reading.  sockiocp_trigger_arm() may have read it later: so it is added.
 */
static void trigger_remember(struct sockiocp_registration *reg, u32 now, u32 life)
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
	WRITE_ONCE(reg->seen, (trigger_seen_before(reg, now) | now) & (STAYING | SOCKIOCP_FAILED));
}

static bool trigger_asks_the_same(const struct sockiocp_terms *a, const struct sockiocp_terms *b)
{
	return a->filter == b->filter && a->trigger == b->trigger;
}

/**
 * sockiocp_trigger_delivered - a harvest is done with a registration
 * @d: its packet, which is not history, under the port's lock
 *
 * Return: whether the registration reports again for as long as that holds.
 */
bool sockiocp_trigger_delivered(const struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
	bool again = false;

	/* If it asks for something else by now, this packet was before that. */
	if (d->events && trigger_asks_the_same(&reg->terms, &d->taken)) {
		/* It is enabled: this is not history. */
		if (d->taken.trigger & SOCKIOCP_TRIGGER_ONESHOT)
			sockiocp_trigger_set_enabled(reg, false);
		else
			again = !(d->taken.trigger & SOCKIOCP_TRIGGER_EDGE);
	}
	if (trigger_is_memorable(reg, d->now))
		trigger_remember(reg, d->now, d->taken.life);
	return again;
}

/* ------------------------------------------------------------------ arming */

/*
 * A LEVEL packet that was queued under @filter, and asks for EDGE now, stands for an
 * edge of all that it could carry.
 */
static void trigger_level_becomes_edge(struct sockiocp_registration *reg, u8 filter)
{
	reg->terms.edges = (filter & reg->terms.filter) | SOCKIOCP_EVENT_ERR;
	WRITE_ONCE(reg->seen, reg->seen & (SOCKIOCP_CONNECTED | SOCKIOCP_FAILED));
}

/**
 * sockiocp_trigger_give_back - a packet that was taken goes back to the queue
 * @reg: its registration, of which it is not history, under its port's lock
 * @taken: its terms when it was taken
 */
void sockiocp_trigger_give_back(struct sockiocp_registration *reg,
				  const struct sockiocp_terms *taken)
{
	if (sockiocp_registration_is_edge(reg) && !(taken->trigger & SOCKIOCP_TRIGGER_EDGE))
		trigger_level_becomes_edge(reg, taken->filter);
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
u8 sockiocp_trigger_change_terms(struct sockiocp_registration *reg,
		       const struct sockiocp_registration_entry *entry)
{
	bool was_enabled = reg->enabled, was_edge = sockiocp_registration_is_edge(reg);
	u8 added = entry->event_filter & ~reg->terms.filter;
	u8 old_filter = reg->terms.filter;

	lockdep_assert_held(&sockiocp_registration_socket(reg)->wq.wait.lock);
	lockdep_assert_held(&reg->port->lock);

	/* Read without a lock by sockiocp_trigger_arm(). */
	WRITE_ONCE(reg->terms.filter, entry->event_filter);
	WRITE_ONCE(reg->terms.trigger, entry->trigger_flags);
	sockiocp_trigger_set_enabled(reg, true);
	/* Pairs with skwq_has_sleeper(): see sockiocp_registration_wake(). */
	smp_mb();
	if (!sockiocp_registration_is_edge(reg))
		return added;

	if (was_enabled && was_edge) {
		reg->terms.edges &= reg->terms.filter | SOCKIOCP_EVENT_ERR;
		if (!(added & SOCKIOCP_REGISTER_IN))
			return added;
	} else if (was_enabled && sockiocp_packet_will_be_read(reg)) {
		trigger_level_becomes_edge(reg, old_filter);
	} else {
		WRITE_ONCE(reg->seen, (reg->seen & SOCKIOCP_FAILED) | SOCKIOCP_UNSEEN);
	}
	reg->rcv_nxt = sockiocp_readiness_position(sockiocp_registration_socket(reg), reg->kind);
	return added;
}

/*
 * What held when the filter of EDGE began to ask for it has no edge; a connection that
 * is new has one, if it was asked for before.
 */
static void trigger_ask_for_more(struct sockiocp_registration *reg, u32 now, u8 added)
{
	u8 seen;

	if (reg->seen & SOCKIOCP_FAILED)
		now |= SOCKIOCP_BROKEN;
	seen = trigger_seen_before(reg, now);
	if (now & ~seen & SOCKIOCP_CONNECTED)
		reg->terms.edges |= reg->terms.filter & ~added & SOCKIOCP_EVENT_OUT;
	now &= SOCKIOCP_CONNECTED | (added & SOCKIOCP_EVENT_HANGUP);
	WRITE_ONCE(reg->seen, seen | now);
}

/* Look at the socket after sockiocp_trigger_change_terms(), and report what it asks for. */
void sockiocp_trigger_arm(struct sockiocp_registration *reg, struct file *file, u8 added)
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
	now = sockiocp_readiness_read(sockiocp_registration_socket(reg), file, reg->kind, armed.filter);

	/* No packet, and nothing to remember: that takes no lock. */
	if (!sockiocp_registration_is_edge(reg) && !(now & (SOCKIOCP_BUSY | SOCKIOCP_FAILED)) &&
	    !trigger_events(reg, &now, &armed))
		return;

	spin_lock_irq(&port->lock);
	if (unlikely(now & SOCKIOCP_BUSY)) {
		/* Unread: a harvest will read it. */
		if (reg->enabled)
			sockiocp_packet_queue(reg);
	} else if (sockiocp_registration_is_edge(reg) && !(reg->seen & SOCKIOCP_UNSEEN)) {
		if (likely(reg->terms.life == armed.life))
			trigger_ask_for_more(reg, now, added);
	} else {
		if (trigger_events(reg, &now, &armed))
			sockiocp_packet_queue(reg);
		if (trigger_is_memorable(reg, now))
			trigger_remember(reg, now, armed.life);
	}
	spin_unlock_irq(&port->lock);
	sockiocp_pollers_wake(port);
}
