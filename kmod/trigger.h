/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What a registration reports, and when: what must cost no call.  The rest is in
 * trigger.c.
 */
#ifndef _SOCKIOCP_TRIGGER_H
#define _SOCKIOCP_TRIGGER_H

#include "packet.h"

#include <linux/eventpoll.h>

#define SOCKIOCP_IN_WAKE	(EPOLLIN | EPOLLRDNORM)
#define SOCKIOCP_OUT_WAKE	(EPOLLOUT | EPOLLWRNORM)

void sockiocp_trigger_verify_held(struct sockiocp_delivery *d, struct file *file);
void sockiocp_trigger_remember(struct sockiocp_registration *reg, sockiocp_reading now,
			       const struct sockiocp_terms *terms);

/* The wake-ups that matter to a filter; ERR always does, a key of 0 too. */
static inline u16 sockiocp_trigger_interest(u8 filter)
{
#define INTEREST(mask)	((__force u16)(EPOLLERR | EPOLLHUP | (mask)))
	/* HANGUP, the third bit, changes nothing. */
	static const u16 interests[] = {
		INTEREST(0), INTEREST(SOCKIOCP_IN_WAKE), INTEREST(SOCKIOCP_OUT_WAKE),
		INTEREST(SOCKIOCP_IN_WAKE | SOCKIOCP_OUT_WAKE),
	};
#undef INTEREST

	BUILD_BUG_ON(SOCKIOCP_REGISTER_IN != 1 || SOCKIOCP_REGISTER_OUT != 2);

	return interests[filter & (SOCKIOCP_REGISTER_IN | SOCKIOCP_REGISTER_OUT)];
}

/**
 * sockiocp_trigger_set_enabled - a registration reports from now on, or not
 * @reg: the registration, under its port's lock
 * @enabled: whether it does
 */
static inline void sockiocp_trigger_set_enabled(struct sockiocp_registration *reg, bool enabled)
{
	lockdep_assert_held(&reg->hook.port->lock);

	if (!enabled || !reg->enabled) {
		WRITE_ONCE(reg->history, true);
		reg->terms.edges = 0;
		/* Before what follows: pairs with smp_rmb() in trigger_unless_history(). */
		smp_wmb();
	}
	/* Read without a lock by sockiocp_trigger_level_events(), sockiocp_registration_wake(). */
	WRITE_ONCE(reg->enabled, enabled);
	WRITE_ONCE(reg->hook.interest, enabled ? sockiocp_trigger_interest(reg->terms.filter) : 0);
}

/**
 * sockiocp_trigger_change_terms - let a registration report what an entry asks for
 * @reg: the registration, under the locks of its socket's wait queue and of its port
 * @entry: what is asked for
 *
 * As if by its model in the specification: what EDGE has seen rise and not delivered yet
 * stays, what holds when EDGE begins has no edge, and a LEVEL packet that is queued
 * becomes the first edge.
 *
 * Return: the bits of the filter that were not there before.
 */
static inline u8 sockiocp_trigger_change_terms(struct sockiocp_registration *reg,
					       const struct sockiocp_registration_entry *entry)
{
	struct sockiocp_terms before = reg->terms;
	bool was_enabled = reg->enabled;
	u8 added = entry->event_filter & ~before.filter;

	lockdep_assert_held(&sockiocp_registration_socket(reg)->wq.wait.lock);
	lockdep_assert_held(&reg->hook.port->lock);

	/* Read without a lock by sockiocp_trigger_arm(). */
	WRITE_ONCE(reg->terms.filter, entry->event_filter);
	WRITE_ONCE(reg->terms.trigger, entry->trigger_flags);
	sockiocp_trigger_set_enabled(reg, true);
	/* Pairs with skwq_has_sleeper(): see sockiocp_registration_wake(). */
	smp_mb();
	if (sockiocp_registration_is_edge(reg))
		sockiocp_trigger_begin_edges(reg, was_enabled, before);
	return added;
}

/*
 * What a LEVEL packet carries if this is what its socket is like; 0 if there is nothing
 * to report.  A failure that is remembered is added to @known.
 */
static inline u32 sockiocp_trigger_level_events(const struct sockiocp_registration *reg,
						sockiocp_reading *known, u8 filter)
{
	u32 allowed = filter | SOCKIOCP_EVENT_ERR;

	if (*known & (SOCKIOCP_GONE | SOCKIOCP_BUSY) || !READ_ONCE(reg->enabled))
		return 0;
	/* SO_ERROR clears an error in the socket; here it stays. */
	if (unlikely(sockiocp_registration_seen(reg) & SOCKIOCP_FAILED) &&
	    sockiocp_registration_is_stream(reg))
		*known |= SOCKIOCP_BROKEN;
	return sockiocp_reading_events(*known, allowed);
}

/**
 * sockiocp_trigger_arm - look at a socket after its terms have changed, and report
 * @reg: the registration, without a lock
 * @file: its socket's
 * @added: what sockiocp_trigger_change_terms() returned
 */
static inline void sockiocp_trigger_arm(struct sockiocp_registration *reg, struct file *file,
					u8 added)
{
	const struct sockiocp_terms armed = {
		.filter = READ_ONCE(reg->terms.filter),
		.trigger = READ_ONCE(reg->terms.trigger),
		.life = READ_ONCE(reg->terms.life),
	};
	sockiocp_reading now;

	/*
	 * A reader that sees this life sees what has ended the connection before: pairs
	 * with skwq_has_sleeper().
	 */
	smp_rmb();
	now = sockiocp_readiness_read(sockiocp_registration_socket(reg), file, reg->hook.kind,
				      armed.filter);

	/* No packet, and nothing to remember: that takes no lock. */
	if (!sockiocp_registration_is_edge(reg) && !(now & (SOCKIOCP_BUSY | SOCKIOCP_FAILED)) &&
	    !sockiocp_trigger_level_events(reg, &now, armed.filter))
		return;
	sockiocp_trigger_report_armed(reg, armed, now, added);
}

/*
 * Is there something to remember of a stream?  LEVEL is what holds, whatever was, but
 * SO_ERROR may clear an error that nobody was woken for: it is older than the
 * registration.
 */
static inline bool sockiocp_trigger_is_memorable(const struct sockiocp_registration *reg,
						 sockiocp_reading now)
{
	return sockiocp_registration_is_stream(reg) &&
	       (sockiocp_registration_is_edge(reg) || unlikely(now & SOCKIOCP_FAILED));
}

static inline bool sockiocp_trigger_asks_the_same(const struct sockiocp_terms *a,
						  const struct sockiocp_terms *b)
{
	return a->filter == b->filter && a->trigger == b->trigger;
}

/**
 * sockiocp_trigger_delivered - a harvest is done with a registration
 * @d: its packet, which is not history, under the port's lock
 *
 * Return: whether the registration reports again for as long as that holds.
 */
static inline bool sockiocp_trigger_delivered(const struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
	bool again = false;

	lockdep_assert_held(&reg->hook.port->lock);

	/* If it asks for something else by now, this packet was before that. */
	if (d->events && sockiocp_trigger_asks_the_same(&reg->terms, &d->taken)) {
		/* It is enabled: this is not history. */
		if (d->taken.trigger & SOCKIOCP_TRIGGER_ONESHOT)
			sockiocp_trigger_set_enabled(reg, false);
		else
			again = !(d->taken.trigger & SOCKIOCP_TRIGGER_EDGE);
	}
	if (sockiocp_trigger_is_memorable(reg, d->now))
		sockiocp_trigger_remember(reg, d->now, &d->taken);
	return again;
}

#endif /* _SOCKIOCP_TRIGGER_H */
