// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a registration reports, and when: its filter, and LEVEL, EDGE and ONESHOT.
 *
 * A reading of the socket (readiness.c) and what the registration remembers of earlier
 * readings and of wake-ups make the events of a packet.
 */
#include "insides.h"
#include "trigger.h"

#include <linux/fs.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <net/sock.h>

/* These stay in a stream once they are there, so that they have one edge. */
#define STAYING		(SOCKIOCP_NOW_HANGUP | SOCKIOCP_NOW_ERR | SOCKIOCP_CONNECTED)

/* Looked at without a lock, too. */
static void trigger_set_seen(struct sockiocp_registration *reg, sockiocp_reading seen)
{
	lockdep_assert_held(&reg->hook.port->lock);

	WRITE_ONCE(reg->seen, (__force u8)seen);
}

/* ------------------------------------------------------------- wake-ups */

/*
 * Which bits does a wake-up let rise?  HANGUP, and OUT for a new connection,
 * come with a key of 0 and are found by comparing states at the harvest.
 */
u8 sockiocp_trigger_wake_edges(struct sockiocp_registration *reg, __poll_t key)
{
	struct socket *socket = sockiocp_registration_socket(reg);
	u8 edges = 0;

	lockdep_assert_held(&socket->wq.wait.lock);
	lockdep_assert_held(&reg->hook.port->lock);

	if (key & SOCKIOCP_IN_WAKE && reg->terms.filter & SOCKIOCP_REGISTER_IN &&
	    sockiocp_readiness_in_edge(socket, reg->hook.kind, &reg->rcv_nxt))
		edges |= SOCKIOCP_EVENT_IN;
	if (key & SOCKIOCP_OUT_WAKE && reg->terms.filter & SOCKIOCP_REGISTER_OUT)
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
	struct socket *socket = sockiocp_registration_socket(reg);
	bool is_error = !!(events & EPOLLERR);
	sockiocp_reading seen = sockiocp_registration_seen(reg);

	lockdep_assert_held(&reg->hook.port->lock);

	switch (sockiocp_readiness_turn(socket, reg->hook.kind, is_error)) {
	case SOCKIOCP_GOES_ON:
		return;
	case SOCKIOCP_HAS_FAILED:
		trigger_set_seen(reg, seen | SOCKIOCP_FAILED);
		return;
	case SOCKIOCP_IS_MADE:
		/* Another wake-up of the same one, or a harvest was here first. */
		if ((seen & (SOCKIOCP_CONNECTED | SOCKIOCP_OVER)) == SOCKIOCP_CONNECTED)
			return;
		fallthrough;
	case SOCKIOCP_WAS_IN_VAIN:
		seen &= SOCKIOCP_UNSEEN;
		break;
	case SOCKIOCP_IS_TOLD:
		seen &= ~SOCKIOCP_FAILED;
		seen |= SOCKIOCP_OVER;
		break;
	case SOCKIOCP_IS_NEW:
		seen = 0;
		break;
	}
	trigger_set_seen(reg, seen);
	WRITE_ONCE(reg->terms.life, reg->terms.life + 1);
	reg->rcv_nxt = 0;
}

/* ----------------------------------------------------------------- readings */

/*
 * Read the state of a registered socket.
 *
 * SOCKIOCP_BUSY stands for a close(), too, which may take as long as SO_LINGER says.
 */
static inline
sockiocp_reading trigger_read_socket(struct sockiocp_registration *reg, u8 filter)
{
	struct socket *socket = sockiocp_registration_socket(reg);
	sockiocp_reading now = SOCKIOCP_GONE;

	if (unlikely(!sockiocp_socket_try_hold(socket))) {
		rcu_read_lock();
		now = sockiocp_socket_is_closed(socket) ? SOCKIOCP_GONE : SOCKIOCP_BUSY;
		rcu_read_unlock();
		return now;
	}
	if (likely(socket->sk))
		now = sockiocp_readiness_read(socket, socket->file, reg->hook.kind, filter);
	sockiocp_socket_let_go(socket);
	return now;
}

/*
 * What EDGE knows of a stream when it is read: a new connection has no past.  One that
 * has failed stays so.
 */
static sockiocp_reading trigger_seen_before(const struct sockiocp_registration *reg,
					    sockiocp_reading now)
{
	sockiocp_reading seen = sockiocp_registration_seen(reg);

	if (unlikely((now ^ seen) & SOCKIOCP_CONNECTED ||
		     (seen & SOCKIOCP_NOW_ERR && !(now & SOCKIOCP_FAILED))))
		seen &= ~STAYING;
	return seen;
}

/*
 * EDGE: what has risen in a stream that is like this; @edges are those that were seen
 * before.
 */
static u8 trigger_stream_edges(const struct sockiocp_registration *reg, sockiocp_reading now,
			       u8 edges)
{
	sockiocp_reading seen = trigger_seen_before(reg, now);
	/* What stays has no edge but its first.  An error does if the stream has failed. */
	u8 staying = SOCKIOCP_EVENT_HANGUP;

	if (now & SOCKIOCP_FAILED)
		staying |= SOCKIOCP_EVENT_ERR;
	edges &= ~staying;
	/* The first reading of all is where edges start from. */
	if (!(seen & SOCKIOCP_UNSEEN)) {
		sockiocp_reading news = now & ~seen;

		edges |= sockiocp_reading_events(news, staying);
		if (news & SOCKIOCP_CONNECTED)
			edges |= SOCKIOCP_EVENT_OUT;
	}
	return edges;
}

/* As sockiocp_trigger_level_events(), whatever the trigger is. */
static inline u32 trigger_events(const struct sockiocp_registration *reg,
				 sockiocp_reading *known,
				 const struct sockiocp_terms *taken)
{
	u32 events = sockiocp_trigger_level_events(reg, known, taken->filter);

	if (!(taken->trigger & SOCKIOCP_TRIGGER_EDGE) || !events)
		return events;
	if (!sockiocp_registration_is_stream(reg))
		return events & taken->edges;
	return events & trigger_stream_edges(reg, *known, taken->edges);
}

/* Returns @events, which were read of a socket, or 0 if that is history. */
static inline u32 trigger_unless_history(const struct sockiocp_registration *reg, u32 events)
{
	/* Disabled meanwhile, and perhaps enabled again: see sockiocp_trigger_set_enabled(). */
	smp_rmb();
	return READ_ONCE(reg->history) ? 0 : events;
}

/* What a packet carries now. */
static inline u32 trigger_look(struct sockiocp_registration *reg,
			       const struct sockiocp_terms *taken, sockiocp_reading *now)
{
	*now = trigger_read_socket(reg, taken->filter);
	return trigger_unless_history(reg, trigger_events(reg, now, taken));
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
 * sockiocp_trigger_verify_held - see what a packet carries that was taken at once
 * @d: the packet, of LEVEL
 * @file: its socket's, which the caller holds
 *
 * The full barrier between taking it and reading the socket was that of
 * sockiocp_trigger_change_terms().  That it came before the place was written is no matter:
 * neither the old place nor the new one keeps a wake-up from taking the port's lock.
 */
void sockiocp_trigger_verify_held(struct sockiocp_delivery *d, struct file *file)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	d->now = sockiocp_readiness_read(sockiocp_registration_socket(reg), file, reg->hook.kind,
					 d->taken.filter);
	d->events = trigger_unless_history(reg, sockiocp_trigger_level_events(reg, &d->now,
									      d->taken.filter));
}

/**
 * sockiocp_trigger_look - what a packet carries now
 * @reg: its registration, without a lock
 * @taken: its terms a moment ago
 * @now: where to what the socket is like goes, or SOCKIOCP_GONE, or SOCKIOCP_BUSY
 *
 * Return: SOCKIOCP_EVENT_* bits; 0 if there is nothing to report.
 */
u32 sockiocp_trigger_look(struct sockiocp_registration *reg,
			  const struct sockiocp_terms *taken, sockiocp_reading *now)
{
	return trigger_look(reg, taken, now);
}

/*
 * What of a reading for these @terms does no packet tell, because the registration asks for
 * it only since then?  Its edge is yet to come.  That of a new connection is OUT.
 */
static sockiocp_reading trigger_untold(const struct sockiocp_registration *reg,
				       const struct sockiocp_terms *terms)
{
	u8 added = reg->terms.filter & ~terms->filter;
	sockiocp_reading untold = SOCKIOCP_NOW(added & SOCKIOCP_EVENT_HANGUP);

	if (added & SOCKIOCP_EVENT_OUT)
		untold |= SOCKIOCP_CONNECTED;
	return untold;
}

/*
 * Remember what has been read for these @terms, if the connection is still the one that
 * was there before the reading.  sockiocp_trigger_arm() may have read it later: so it is
 * added.
 */
void sockiocp_trigger_remember(struct sockiocp_registration *reg, sockiocp_reading now,
			       const struct sockiocp_terms *terms)
{
	sockiocp_reading seen;

	lockdep_assert_held(&reg->hook.port->lock);

	if (unlikely(reg->terms.life != terms->life))
		return;
	/* An error that the stream lives on with is nothing to remember. */
	if (!(now & SOCKIOCP_FAILED))
		now &= ~SOCKIOCP_NOW_ERR;
	/* Whether connecting has failed is told by the socket. */
	if (!(now & SOCKIOCP_CONNECTED))
		now &= ~SOCKIOCP_FAILED;
	seen = trigger_seen_before(reg, now) | (now & ~trigger_untold(reg, terms));
	trigger_set_seen(reg, seen & (STAYING | SOCKIOCP_FAILED));
}

/* ------------------------------------------------------------------ arming */

/*
 * A LEVEL packet that was queued under @filter, and asks for EDGE now, stands for an
 * edge of all that it could carry, beside what EDGE has found since.
 */
static void trigger_level_becomes_edge(struct sockiocp_registration *reg, u8 filter)
{
	sockiocp_reading seen = sockiocp_registration_seen(reg);
	u32 carried = filter | SOCKIOCP_EVENT_ERR;

	lockdep_assert_held(&reg->hook.port->lock);

	reg->terms.edges |= carried & (reg->terms.filter | SOCKIOCP_EVENT_ERR);
	trigger_set_seen(reg, seen & ~(SOCKIOCP_UNSEEN | SOCKIOCP_NOW(carried)));
}

/**
 * sockiocp_trigger_give_back - a packet that was taken goes back to the queue
 * @reg: its registration, of which it is not history, under its port's lock
 * @taken: its terms when it was taken
 */
void sockiocp_trigger_give_back(struct sockiocp_registration *reg,
				const struct sockiocp_terms *taken)
{
	lockdep_assert_held(&reg->hook.port->lock);

	if (sockiocp_registration_is_edge(reg) && !(taken->trigger & SOCKIOCP_TRIGGER_EDGE))
		trigger_level_becomes_edge(reg, taken->filter);
	else
		reg->terms.edges |= taken->edges & (reg->terms.filter | SOCKIOCP_EVENT_ERR);
}

/**
 * sockiocp_trigger_begin_edges - EDGE is asked for, first or again
 * @reg: the registration, which has its new terms, see sockiocp_trigger_change_terms()
 * @was_enabled: whether it was enabled
 * @before: its old terms
 */
void sockiocp_trigger_begin_edges(struct sockiocp_registration *reg, bool was_enabled,
				  struct sockiocp_terms before)
{
	struct socket *socket = sockiocp_registration_socket(reg);
	sockiocp_reading seen = sockiocp_registration_seen(reg);

	lockdep_assert_held(&socket->wq.wait.lock);
	lockdep_assert_held(&reg->hook.port->lock);

	if (was_enabled && before.trigger & SOCKIOCP_TRIGGER_EDGE) {
		reg->terms.edges &= reg->terms.filter | SOCKIOCP_EVENT_ERR;
		if (!(reg->terms.filter & ~before.filter & SOCKIOCP_REGISTER_IN))
			return;
	} else {
		/* There may be some of an EDGE before the LEVEL before. */
		reg->terms.edges = 0;
		if (was_enabled && sockiocp_packet_will_be_read(reg))
			trigger_level_becomes_edge(reg, before.filter);
		else
			trigger_set_seen(reg, (seen & SOCKIOCP_FAILED) | SOCKIOCP_UNSEEN);
	}
	reg->rcv_nxt = sockiocp_readiness_position(socket, reg->hook.kind);
}

/*
 * What held when the filter of EDGE began to ask for it has no edge; a connection that
 * is new has one, if it was asked for before.
 */
static void trigger_ask_for_more(struct sockiocp_registration *reg, sockiocp_reading now,
				 u8 added)
{
	sockiocp_reading seen;

	lockdep_assert_held(&reg->hook.port->lock);

	if (sockiocp_registration_seen(reg) & SOCKIOCP_FAILED)
		now |= SOCKIOCP_BROKEN;
	seen = trigger_seen_before(reg, now);
	if (now & ~seen & SOCKIOCP_CONNECTED)
		reg->terms.edges |= reg->terms.filter & ~added & SOCKIOCP_EVENT_OUT;
	now &= SOCKIOCP_CONNECTED | SOCKIOCP_NOW(added & SOCKIOCP_EVENT_HANGUP);
	trigger_set_seen(reg, seen | now);
}

/*
 * The socket could not be read, or what was read is of the connection before: a harvest
 * will read it.  EDGE begins with nothing seen then, because what the harvest finds may
 * have risen meanwhile.  So HANGUP and ERR are reported even if they held before ENABLE;
 * OUT is not, if the stream was connected before.
 */
static void trigger_begin_unread(struct sockiocp_registration *reg, sockiocp_reading now)
{
	sockiocp_reading seen = sockiocp_registration_seen(reg);

	lockdep_assert_held(&reg->hook.port->lock);

	if (seen & SOCKIOCP_UNSEEN) {
		seen &= ~SOCKIOCP_UNSEEN;
		if (now & SOCKIOCP_BUSY)
			seen |= now & SOCKIOCP_CONNECTED;
		trigger_set_seen(reg, seen);
	}
	if (reg->enabled)
		sockiocp_packet_queue(reg->hook.port, reg);
}

/**
 * sockiocp_trigger_report_armed - what a socket is like when its terms have changed
 * @reg: the registration, without a lock
 * @armed: its terms before the reading
 * @now: the reading
 * @added: the bits of the filter that were not there before
 */
void sockiocp_trigger_report_armed(struct sockiocp_registration *reg,
				   struct sockiocp_terms armed, sockiocp_reading now, u8 added)
{
	struct sockiocp_port *port = reg->hook.port;

	spin_lock_irq(&port->lock);
	if (unlikely(now & SOCKIOCP_BUSY || reg->terms.life != armed.life)) {
		trigger_begin_unread(reg, now);
	} else if (sockiocp_registration_is_edge(reg) &&
		   !(sockiocp_registration_seen(reg) & SOCKIOCP_UNSEEN)) {
		trigger_ask_for_more(reg, now, added);
	} else {
		if (trigger_events(reg, &now, &armed))
			sockiocp_packet_queue(port, reg);
		if (sockiocp_trigger_is_memorable(reg, now))
			sockiocp_trigger_remember(reg, now, &armed);
	}
	spin_unlock_irq(&port->lock);
	sockiocp_pollers_wake(port);
}
