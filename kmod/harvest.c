// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The harvest: packets on their way from the queue to the user.  Whoever polls the port
 * uses the same steps to see whether there are any.
 */
#include "packet.h"

#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/*
 * A packet on its way from the queue to the user.
 *
 *   harvest_detach()	takes packets off the queue: from here on a wake-up marks the
 *		registration to be queued again, so nothing that happens later is
 *		missed, and a registration that ends is the harvest's to drop
 *   sockiocp_trigger_verify()
 *		reads what the sockets are like now, and so what goes out
 *   harvest_hand_over() copies that to the user
 *   harvest_commit()	lets ONESHOT and LEVEL act, and queues again what has to be
 *   harvest_put_back()	instead, if it could not be copied: all of it, in its old place
 *   harvest_drop()	drops what has gone out or ended
 */
struct harvest {
	struct sockiocp_port *port;
	/* The packets of this chunk, in their order. */
	struct list_head chunk;
	/*
	 * Packets as young as this one, or younger, are left for the next: so are those that
	 * this one has queued again.
	 */
	u64 end_seq;
	/* The packet that the thread was woken for; NULL if it was not, or has taken it. */
	struct list_head *handed;
	/* A socket could not be looked at; its packet is queued still. */
	bool busy;
	/* Something in this chunk has to be dropped. */
	bool drops;
	/* As how many packets the histograms have this call.  All three are cleared at once. */
	u16 counted;
	/* To be carried out, before the next chunk; NULL if nothing is. */
	struct sockiocp_operation *operation;
	/* How many bytes operations have moved. */
	u64 moved;
};

/* After so many bytes the program hears of them before more are moved. */
#define HARVEST_MOVES	SZ_256K

/*
 * To the front of the queue with what the thread was woken for: there it is the first
 * that is taken, under the same lock, or it is for others.
 */
static void harvest_queue_handed(struct harvest *harvest)
{
	lockdep_assert_held(&harvest->port->lock);

	if (!harvest->handed)
		return;
	list_splice(harvest->handed, &harvest->port->queue);
	harvest->handed = NULL;
}

/* A packet is taken, under the port's lock; the caller moves it. */
static __always_inline void harvest_take(struct harvest *harvest, struct sockiocp_delivery *d,
					 struct sockiocp_packet *packet)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(packet);

	lockdep_assert_held(&harvest->port->lock);

	d->packet = packet;
	d->is_notification = !(packet->seq & SOCKIOCP_SEQ_KIND) &&
			     reg->hook.state != SOCKIOCP_REMOVED;
	if (d->is_notification) {
		sockiocp_packet_take(reg, &d->taken);
		d->ended = false;
	} else {
		d->events = SOCKIOCP_EVENT_REMOVE;
		harvest->drops = true;
	}
}

/*
 * An operation that is not done comes alone, and so does one that only its own process can
 * finish.
 */
static noinline bool harvest_has_to_run(struct sockiocp_packet *packet)
{
	struct sockiocp_operation *op = sockiocp_packet_operation(packet);

	return READ_ONCE(op->phase) != SOCKIOCP_DONE ||
	       (op->entry.reserved && !sockiocp_port_is_home_of_caller(op->home));
}

static noinline void harvest_take_operation(struct harvest *harvest, struct sockiocp_packet *packet)
{
	struct sockiocp_operation *op = sockiocp_packet_operation(packet);

	lockdep_assert_held(&harvest->port->lock);

	sockiocp_histogram_take(harvest->port, packet);
	if (READ_ONCE(op->phase) == SOCKIOCP_DONE)
		sockiocp_queue_remove(harvest->port, packet);
	else
		sockiocp_queue_remove_undone(harvest->port, packet);
	harvest->operation = op;
	trace_sockiocp_take(harvest->port, packet);
}

/*
 * Carries out what was taken for that.  If it is done then, and its packet is for this
 * port, that is the chunk.  Returns how many packets there are, 1 or 0.
 */
static noinline unsigned int harvest_run(struct harvest *harvest, struct sockiocp_delivery *d)
{
	struct sockiocp_operation *op = harvest->operation;

	harvest->operation = NULL;
	if (!sockiocp_operation_run(op, &harvest->moved, &harvest->busy))
		return 0;
	sockiocp_operation_tell(op);
	if (!sockiocp_operation_deliver(op, harvest->port))
		return 0;
	d->packet = &op->packet;
	d->is_notification = false;
	d->events = SOCKIOCP_EVENT_REMOVE;
	harvest->drops = true;
	INIT_LIST_HEAD(&harvest->chunk);
	list_add(&op->packet.node, &harvest->chunk);
	return 1;
}

static unsigned int harvest_detach(struct harvest *harvest,
				   struct sockiocp_delivery *deliveries, unsigned int max)
{
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_delivery *d = deliveries, *end = deliveries + max;
	struct sockiocp_packet *packet;

	spin_lock_irq(&port->lock);
	harvest_queue_handed(harvest);
	harvest->drops = false;
	/* It has become another process' home port since the call began. */
	if (unlikely(port->home_of) && !sockiocp_port_is_home_of_caller(port)) {
		spin_unlock_irq(&port->lock);
		return 0;
	}
	if (!harvest->end_seq)
		harvest->end_seq = port->next_seq;
	list_for_each_entry(packet, &port->queue, node) {
		if (d == end || packet->seq >= harvest->end_seq)
			break;
		if (unlikely(sockiocp_packet_is_operation(packet)) &&
		    harvest_has_to_run(packet)) {
			if (d == deliveries)
				harvest_take_operation(harvest, packet);
			break;
		}
		harvest_take(harvest, d++, packet);
	}
	if (d > deliveries) {
		list_cut_position(&harvest->chunk, &port->queue, &d[-1].packet->node);
		port->nr_packets -= d - deliveries;
	}
	spin_unlock_irq(&port->lock);
	return d - deliveries;
}

/*
 * Copy what goes out, and the number of packets with it.  Returns whether that
 * worked.
 *
 * Word by word: an array on the stack and copy_to_user() take 36 instructions more a
 * packet (P3).
 */
static bool harvest_hand_over(const struct sockiocp_delivery *deliveries, unsigned int nr,
			      struct sockiocp_packet_entry __user *uentries,
			      u32 __user *ureceived, u32 *received)
{
	struct sockiocp_packet_entry __user *to = uentries + *received;
	const struct sockiocp_delivery *d;
	unsigned int n = 0;

	if (!user_write_access_begin(to, nr * sizeof(*to)))
		return false;
	for (d = deliveries; d < deliveries + nr; d++) {
		struct sockiocp_packet_entry entry;

		if (!d->events)
			continue;
		if (sockiocp_packet_is_posted(d->packet))
			entry = sockiocp_packet_posted(d->packet)->entry;
		else if (unlikely(sockiocp_packet_is_operation(d->packet)))
			entry = sockiocp_packet_operation(d->packet)->entry;
		else
			entry = (struct sockiocp_packet_entry) {
				.completion_key = sockiocp_packet_registration(d->packet)->hook.key,
				.bytes_transferred = d->events,
			};
		unsafe_put_user(entry.completion_key, &to->completion_key, fault);
		unsafe_put_user(entry.overlapped, &to->overlapped, fault);
		unsafe_put_user(entry.internal, &to->internal, fault);
		unsafe_put_user(entry.bytes_transferred, &to->bytes_transferred, fault);
		unsafe_put_user(entry.reserved, &to->reserved, fault);
		to++;
		n++;
	}
	user_write_access_end();
	if (n && put_user(*received + n, ureceived))
		return false;
	*received += n;
	return true;

fault:
	user_write_access_end();
	return false;
}

/*
 * The registration has ended, or was disabled and perhaps enabled again: what was
 * taken is history, and only what has happened since counts.
 *
 * This function and the next return whether it has to be queued again.
 */
static bool harvest_settle_history(struct harvest *harvest, struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	lockdep_assert_held(&harvest->port->lock);

	if (reg->hook.state != SOCKIOCP_DEAD)
		return reg->place == SOCKIOCP_TAKEN_AGAIN;
	d->ended = true;
	harvest->drops = true;
	return false;
}

static __always_inline bool harvest_settle(struct harvest *harvest, struct sockiocp_delivery *d,
					   bool handed_over)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	lockdep_assert_held(&harvest->port->lock);

	if (unlikely(reg->history))
		return harvest_settle_history(harvest, d);
	if (unlikely(d->now & SOCKIOCP_GONE))
		return false;
	if (!handed_over || unlikely(d->now & SOCKIOCP_BUSY)) {
		sockiocp_trigger_give_back(reg, &d->taken);
		harvest->busy = true;
		return true;
	}
	if (sockiocp_trigger_delivered(d))
		return true;
	return reg->place == SOCKIOCP_TAKEN_AGAIN && reg->enabled;
}

/* A run of packets that are queued again goes behind all others, at once. */
static void harvest_queue_run(struct sockiocp_port *port, struct list_head **first,
			      struct list_head *last)
{
	lockdep_assert_held(&port->lock);

	if (*first)
		list_bulk_move_tail(&port->queue, *first, last);
	*first = NULL;
}

/* For the histograms, before anything is queued again. */
static noinline void harvest_count(struct harvest *harvest,
				   const struct sockiocp_delivery *deliveries,
				   unsigned int nr, u32 delivered)
{
	struct sockiocp_port *port = harvest->port;
	const struct sockiocp_delivery *d;

	/* Who polls brings nothing, and may hold locks that everybody needs. */
	if (delivered && !sockiocp_histogram_make(port))
		return;
	spin_lock_irq(&port->lock);
	for (d = deliveries; d < deliveries + nr; d++)
		sockiocp_histogram_end_sample(port, d->packet, d->events);
	if (delivered)
		harvest->counted = sockiocp_histogram_count_batch(port, harvest->counted, delivered);
	spin_unlock_irq(&port->lock);
}

/*
 * What is queued again goes behind all others, so that nobody starves.  (Nobody looks at
 * the links of what has left the queue.)  @delivered: how many of @nr were handed over,
 * and not stale.
 */
static void harvest_commit(struct harvest *harvest, struct sockiocp_delivery *deliveries,
			   unsigned int nr, u32 delivered)
{
	struct list_head *first = NULL, *last = NULL;
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_delivery *d;

	if (sockiocp_histogram_is_on())
		harvest_count(harvest, deliveries, nr, delivered);
	spin_lock_irq(&port->lock);
	for (d = deliveries; d < deliveries + nr; d++) {
		struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
		bool again = d->is_notification && harvest_settle(harvest, d, true);

		if (d->is_notification)
			sockiocp_packet_settle(reg, again);
		if (!again) {
			harvest_queue_run(port, &first, last);
			continue;
		}
		reg->packet.seq = port->next_seq;
		port->nr_packets++;
		last = &reg->packet.node;
		if (!first)
			first = last;
	}
	harvest_queue_run(port, &first, last);
	port->next_seq += SOCKIOCP_SEQ_STEP;
	port->delivered += delivered;
	spin_unlock_irq(&port->lock);
}

/* Nothing was handed over: back to the front, in the old order. */
static void harvest_put_back(struct harvest *harvest, struct sockiocp_delivery *deliveries,
			     unsigned int nr)
{
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_delivery *d;

	spin_lock_irq(&port->lock);
	for (d = deliveries; d < deliveries + nr; d++) {
		struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
		bool again = !d->is_notification || harvest_settle(harvest, d, false);

		if (d->is_notification)
			sockiocp_packet_settle(reg, again);
		if (again) {
			port->nr_packets++;
			continue;
		}
		sockiocp_histogram_remove(port, d->packet);
		list_del(&d->packet->node);
	}
	list_splice(&harvest->chunk, &port->queue);
	spin_unlock_irq(&port->lock);
}

/* Drop the packets that were handed over, and registrations that have ended. */
static void harvest_drop(struct harvest *harvest, struct sockiocp_delivery *deliveries,
			 unsigned int nr, bool handed_over)
{
	struct sockiocp_delivery *d;

	for (d = deliveries; d < deliveries + nr; d++) {
		if (d->is_notification ? !d->ended : !handed_over)
			continue;
		if (sockiocp_packet_is_posted(d->packet))
			sockiocp_packet_free(harvest->port, sockiocp_packet_posted(d->packet));
		else if (sockiocp_packet_is_operation(d->packet))
			sockiocp_operation_free(sockiocp_packet_operation(d->packet));
		else
			sockiocp_registration_put(sockiocp_packet_registration(d->packet));
	}
}

/* There seems to be a packet for them, see sockiocp_harvest_pass_on(). */
void sockiocp_harvest_wake_others(struct sockiocp_port *port)
{
	/* Whoever begins to wait now looks at the queue first: no lock to see that. */
	if (!sockiocp_seems_empty(&port->waiters)) {
		spin_lock_irq(&port->lock);
		sockiocp_waiting_release(port, SOCKIOCP_WAKE_LEFT);
		spin_unlock_irq(&port->lock);
	}
	if (unlikely(READ_ONCE(port->nr_undone)) && !sockiocp_port_is_home_of_caller(port)) {
		spin_lock_irq(&port->lock);
		sockiocp_queue_note_late(port);
		spin_unlock_irq(&port->lock);
	}
	sockiocp_pollers_wake(port);
}

static void harvest_begin(struct harvest *harvest, struct sockiocp_port *port,
			  struct list_head *handed)
{
	harvest->port = port;
	/* Set with the first packet. */
	harvest->end_seq = 0;
	harvest->handed = handed;
	harvest->busy = false;
	harvest->drops = false;
	harvest->counted = 0;
	harvest->operation = NULL;
	harvest->moved = 0;
}

/* What it has not come to take is for others. */
static void harvest_end(struct harvest *harvest)
{
	struct sockiocp_port *port = harvest->port;

	if (unlikely(harvest->handed)) {
		spin_lock_irq(&port->lock);
		harvest_queue_handed(harvest);
		spin_unlock_irq(&port->lock);
	}
	sockiocp_harvest_pass_on(port);
}

/*
 * What was taken, and what has gone out of that, is the harvest's until it commits, or puts
 * it back.
 */
static noinline void harvest_trace_taken(const struct harvest *harvest,
					 struct sockiocp_delivery *deliveries, unsigned int nr)
{
	struct sockiocp_delivery *d;

	for (d = deliveries; d < deliveries + nr; d++)
		trace_sockiocp_take(harvest->port, d->packet);
}

static noinline void harvest_trace_delivered(const struct harvest *harvest,
					     struct sockiocp_delivery *deliveries,
					     unsigned int nr)
{
	struct sockiocp_delivery *d;

	for (d = deliveries; d < deliveries + nr; d++) {
		if (d->events)
			trace_sockiocp_deliver(harvest->port, d);
	}
}

/**
 * sockiocp_harvest - take packets off the queue, without waiting
 * @port: the port
 * @uentries: where they go
 * @count: how many there is room for
 * @ureceived: where their number goes
 * @handed: what the calling thread was woken for; NULL if it was not
 * @busy: set if a packet has to be tried again soon
 *
 * Takes what was queued when it began, so it ends, and no socket's packet
 * appears twice.  Several threads may harvest at the same time.
 *
 * Return: 0 if packets were handed over; -ENOMSG if there was none, -EFAULT if there
 * was one and it could not be handed over, -EINTR for a fatal signal.
 */
int sockiocp_harvest(struct sockiocp_port *port,
		     struct sockiocp_packet_entry __user *uentries,
		     u32 count, u32 __user *ureceived,
		     struct list_head *handed, bool *busy)
{
	struct sockiocp_delivery deliveries[SOCKIOCP_CHUNK] __uninitialized;
	struct harvest harvest __uninitialized;
	unsigned int nr, looked_at = 0;
	u32 received = 0, before;
	int error = -ENOMSG;
	bool ok;

	harvest_begin(&harvest, port, handed);
	while (received < count) {
		/* A thread that is being killed leaves the packets to others. */
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			break;
		}
		nr = harvest_detach(&harvest, deliveries,
				    min_t(u32, count - received, SOCKIOCP_CHUNK));
		if (likely(nr)) {
			if (trace_sockiocp_take_enabled())
				harvest_trace_taken(&harvest, deliveries, nr);
			sockiocp_trigger_verify(deliveries, nr);
		} else {
			if (!harvest.operation)
				break;
			nr = harvest_run(&harvest, deliveries);
			cond_resched();
			if (harvest.moved >= HARVEST_MOVES)
				count = received + nr;
			if (!nr)
				continue;
		}
		before = received;
		ok = harvest_hand_over(deliveries, nr, uentries, ureceived, &received);
		if (ok && trace_sockiocp_deliver_enabled())
			harvest_trace_delivered(&harvest, deliveries, nr);
		if (ok)
			harvest_commit(&harvest, deliveries, nr, received - before);
		else
			harvest_put_back(&harvest, deliveries, nr);
		if (harvest.drops)
			harvest_drop(&harvest, deliveries, nr, ok);
		if (!ok) {
			error = -EFAULT;
			break;
		}
		looked_at += nr;
		if (looked_at >= SOCKIOCP_CHUNK) {
			looked_at = 0;
			cond_resched();
		}
	}
	harvest_end(&harvest);
	*busy = harvest.busy;
	return received ? 0 : error;
}

/* Would a harvest take it first?  A waiter may have been handed it meanwhile. */
static bool harvest_is_first(const struct sockiocp_port *port,
			     const struct sockiocp_packet *packet)
{
	lockdep_assert_held(&port->lock);

	return list_is_first(&packet->node, &port->queue);
}

/* The packet of a live registration, if it is the first one.  Returns whether it was. */
static bool harvest_detach_first(struct harvest *harvest, struct sockiocp_registration *reg,
				 struct sockiocp_delivery *d)
{
	struct sockiocp_port *port = harvest->port;
	bool first;

	spin_lock_irq(&port->lock);
	harvest->drops = false;
	first = harvest_is_first(port, &reg->packet) && reg->hook.state == SOCKIOCP_LIVE;
	if (first) {
		list_move(&reg->packet.node, &harvest->chunk);
		port->nr_packets--;
		harvest_take(harvest, d, &reg->packet);
	}
	spin_unlock_irq(&port->lock);
	return first;
}

/*
 * Take a registration off the front of the queue that was not ready; it goes back there
 * if it is now.  Returns whether it is queued.
 */
static bool harvest_drop_stale(struct sockiocp_registration *reg)
{
	struct harvest harvest __uninitialized;
	struct sockiocp_delivery d;
	bool queued;

	harvest_begin(&harvest, reg->hook.port, NULL);
	INIT_LIST_HEAD(&harvest.chunk);
	if (!harvest_detach_first(&harvest, reg, &d))
		return false;
	sockiocp_trigger_verify(&d, 1);
	if (d.events || d.now & SOCKIOCP_BUSY)
		harvest_put_back(&harvest, &d, 1);
	else
		harvest_commit(&harvest, &d, 1, 0);
	queued = sockiocp_packet_will_be_read(reg);
	harvest_drop(&harvest, &d, 1, false);
	if (queued)
		sockiocp_harvest_pass_on(reg->hook.port);
	return queued;
}

/**
 * sockiocp_harvest_has_packet - would a harvest get a packet now?
 * @port: the port
 *
 * Drops what has gone stale from the front of the queue.  If there is a lot of
 * that the answer may be a yes that turns out wrong.  What is not stale is only
 * looked at, so that a harvest at the same time misses nothing.
 *
 * The caller may hold locks that everybody needs (epoll has one for all of the system).
 * So a socket is not looked at if that could mean to sleep until another task lets go of
 * its lock: then the answer is yes, too.
 */
bool sockiocp_harvest_has_packet(struct sockiocp_port *port)
{
	unsigned int looks = SOCKIOCP_CHUNK;
	struct sockiocp_registration *reg;
	struct sockiocp_packet *packet;
	struct sockiocp_terms terms;
	sockiocp_reading now;
	u32 events;
	bool ready = false;

	while (!ready && looks--) {
		spin_lock_irq(&port->lock);
		packet = list_first_entry_or_null(&port->queue, struct sockiocp_packet, node);
		reg = packet && !(packet->seq & SOCKIOCP_SEQ_KIND) ?
			sockiocp_packet_registration(packet) : NULL;
		if (!reg || reg->hook.state == SOCKIOCP_REMOVED ||
		    sockiocp_readiness_sleeps(reg->hook.kind)) {
			spin_unlock_irq(&port->lock);
			return packet != NULL;
		}
		refcount_inc(&reg->hook.refs);
		sockiocp_packet_begin_look(reg, &terms);
		spin_unlock_irq(&port->lock);

		events = sockiocp_trigger_look(reg, &terms, &now);

		spin_lock_irq(&port->lock);
		ready = harvest_is_first(port, packet) &&
			(reg->hook.state != SOCKIOCP_LIVE || now & SOCKIOCP_BUSY || events);
		spin_unlock_irq(&port->lock);
		if (!ready)
			ready = harvest_drop_stale(reg);
		sockiocp_registration_put(reg);
	}
	return ready || !sockiocp_seems_empty(&port->queue);
}
