// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The harvest: packets on their way from the queue to the user.  Whoever polls the port
 * uses the same steps to see whether there are any.
 */
#include "chunk.h"

#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/*
 * A packet on its way from the queue to the user.
 *
 *   harvest_detach()	takes packets off the queue: from here on a wake-up marks the
 *		registration to be queued again, so nothing that happens later is
 *		missed, and a registration that ends is the harvest's to drop.  The
 *		first may have been taken, and read, as they were armed
 *   sockiocp_trigger_verify()
 *		reads what the sockets are like now, and so what goes out
 *   harvest_hand_over() copies that to the user
 *   harvest_commit()	lets ONESHOT and LEVEL act, and queues again what has to be
 *   sockiocp_chunk_put_back()
 *		instead, if it could not be copied: all of it, in its old place
 *   sockiocp_chunk_drop()
 *		drops what has gone out or ended
 */
struct harvest {
	struct sockiocp_port *port;
	/* The packets that it has in its hands. */
	struct sockiocp_chunk *chunk;
	/* The packet that the thread was woken for; NULL if it was not, or has taken it. */
	struct list_head *handed;
	/* To be carried out, before the next chunk; NULL if nothing is. */
	struct sockiocp_operation *operation;
	/* How many bytes operations have moved. */
	u64 moved;
};

/* After so many bytes the program hears of them before more are moved. */
#define HARVEST_MOVES	SZ_256K

/*
 * Back to the queue with what the thread was woken for: there it is the first that is taken,
 * under the same lock, unless others have put back what is older, or it is for others.
 */
static void harvest_queue_handed(struct harvest *harvest)
{
	lockdep_assert_held(&harvest->port->lock);

	if (!harvest->handed)
		return;
	sockiocp_ring_queue_again(harvest->port, harvest->handed);
	harvest->handed = NULL;
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
static noinline unsigned int harvest_run(struct harvest *harvest)
{
	struct sockiocp_operation *op = harvest->operation;
	struct sockiocp_chunk *chunk = harvest->chunk;
	struct sockiocp_delivery *d = chunk->deliveries;

	harvest->operation = NULL;
	if (!sockiocp_operation_run(op, &harvest->moved, &chunk->busy))
		return 0;
	sockiocp_operation_tell(op);
	if (!sockiocp_operation_deliver(op, harvest->port))
		return 0;
	d->packet = &op->packet;
	d->is_notification = false;
	d->events = SOCKIOCP_EVENT_REMOVE;
	chunk->drops = true;
	chunk->settled = false;
	INIT_LIST_HEAD(&chunk->packets);
	list_add(&op->packet.node, &chunk->packets);
	return 1;
}

static unsigned int harvest_detach(struct harvest *harvest, unsigned int max)
{
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_chunk *chunk = harvest->chunk;
	struct sockiocp_delivery *deliveries = chunk->deliveries;
	struct sockiocp_delivery *d = deliveries, *end = deliveries + max;
	struct sockiocp_packet *packet;

	spin_lock_irq(&port->lock);
	sockiocp_ring_settle(port);
	harvest_queue_handed(harvest);
	chunk->drops = false;
	chunk->settled = true;
	/* It has become another process' home port since the call began. */
	if (unlikely(port->home_of) && !sockiocp_port_is_home_of_caller(port)) {
		spin_unlock_irq(&port->lock);
		return 0;
	}
	if (!chunk->end_seq)
		chunk->end_seq = port->next_seq;
	list_for_each_entry(packet, &port->queue, node) {
		if (d == end || packet->seq >= chunk->end_seq)
			break;
		if (unlikely(sockiocp_packet_is_operation(packet)) &&
		    harvest_has_to_run(packet)) {
			if (d == deliveries)
				harvest_take_operation(harvest, packet);
			break;
		}
		sockiocp_chunk_add(chunk, d++, packet);
	}
	if (d > deliveries) {
		list_cut_position(&chunk->packets, &port->queue, &d[-1].packet->node);
		port->nr_packets -= d - deliveries;
		if (chunk->settled)
			port->delivered += d - deliveries;
	}
	spin_unlock_irq(&port->lock);
	return d - deliveries;
}

/* Between user_write_access_begin() and ..._end(). */
#define harvest_put_entry(entry, to, fault)						\
	do {										\
		unsafe_put_user((entry).completion_key, &(to)->completion_key, fault);	\
		unsafe_put_user((entry).overlapped, &(to)->overlapped, fault);		\
		unsafe_put_user((entry).internal, &(to)->internal, fault);		\
		unsafe_put_user((entry).bytes_transferred, &(to)->bytes_transferred, fault);	\
		unsafe_put_user((entry).reserved, &(to)->reserved, fault);		\
	} while (0)

/*
 * Copy what goes out, and the number of packets with it.  Returns whether that
 * worked.
 *
 * Word by word: an array on the stack and copy_to_user() take 36 instructions more a
 * packet (P3).
 */
static __always_inline bool harvest_hand_over(const struct sockiocp_chunk *chunk, bool at_once,
					      struct sockiocp_packet_entry __user *uentries,
					      u32 __user *ureceived, u32 *received)
{
	struct sockiocp_packet_entry __user *to = uentries + *received;
	const struct sockiocp_delivery *d, *end = chunk->deliveries + chunk->nr;
	unsigned int n = 0;

	if (!user_write_access_begin(to, chunk->nr * sizeof(*to)))
		return false;
	for (d = chunk->deliveries; d < end; d++) {
		struct sockiocp_packet_entry entry;

		if (!d->events)
			continue;
		if (!at_once && sockiocp_packet_is_posted(d->packet))
			entry = sockiocp_packet_posted(d->packet)->entry;
		else if (!at_once && unlikely(sockiocp_packet_is_operation(d->packet)))
			entry = sockiocp_packet_operation(d->packet)->entry;
		else
			entry = (struct sockiocp_packet_entry) {
				.completion_key = sockiocp_packet_registration(d->packet)->hook.key,
				.bytes_transferred = d->events,
			};
		harvest_put_entry(entry, to, fault);
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
static noinline void harvest_count(struct sockiocp_chunk *chunk, u32 delivered)
{
	struct sockiocp_port *port = chunk->port;
	const struct sockiocp_delivery *d;

	/* Who polls brings nothing, and may hold locks that everybody needs. */
	if (delivered && !sockiocp_histogram_make(port))
		return;
	spin_lock_irq(&port->lock);
	for (d = chunk->deliveries; d < chunk->deliveries + chunk->nr; d++)
		sockiocp_histogram_end_sample(port, d->packet, d->events);
	if (delivered)
		chunk->counted = sockiocp_histogram_count_batch(port, chunk->counted, delivered);
	spin_unlock_irq(&port->lock);
}

/*
 * What is queued again goes behind all others, so that nobody starves.  (Nobody looks at
 * the links of what has left the queue.)  @delivered: how many were handed over, and not
 * stale.
 */
static __always_inline void harvest_commit(struct sockiocp_chunk *chunk, bool at_once,
					   u32 delivered)
{
	struct list_head *first = NULL, *last = NULL;
	struct sockiocp_port *port = chunk->port;
	struct sockiocp_delivery *d, *end = chunk->deliveries + chunk->nr;

	if (sockiocp_histogram_is_on())
		harvest_count(chunk, delivered);
	if (!at_once && chunk->settled)
		return;
	spin_lock_irq(&port->lock);
	if (!chunk->end_seq)
		chunk->end_seq = port->next_seq;
	for (d = chunk->deliveries; d < end; d++) {
		struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
		bool is_notification = at_once || d->is_notification;
		bool again = is_notification && sockiocp_chunk_settle(chunk, d, true);

		if (is_notification)
			sockiocp_packet_settle(reg, again);
		if (!again) {
			harvest_queue_run(port, &first, last);
			continue;
		}
		reg->packet.seq = port->next_seq;
		port->next_seq += SOCKIOCP_SEQ_STEP;
		port->nr_packets++;
		if (at_once) {
			list_add_tail(&reg->packet.node, &port->queue);
			continue;
		}
		last = &reg->packet.node;
		if (!first)
			first = last;
	}
	harvest_queue_run(port, &first, last);
	port->delivered += delivered;
	sockiocp_mirror_look(port);
	spin_unlock_irq(&port->lock);
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

static void harvest_begin(struct harvest *harvest, struct sockiocp_chunk *chunk,
			  struct list_head *handed)
{
	harvest->port = chunk->port;
	harvest->chunk = chunk;
	harvest->handed = handed;
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
static noinline void harvest_trace_taken(const struct sockiocp_chunk *chunk)
{
	struct sockiocp_delivery *d;

	for (d = chunk->deliveries; d < chunk->deliveries + chunk->nr; d++)
		trace_sockiocp_take(chunk->port, d->packet);
}

static noinline void harvest_trace_delivered(const struct sockiocp_chunk *chunk)
{
	struct sockiocp_delivery *d;

	for (d = chunk->deliveries; d < chunk->deliveries + chunk->nr; d++) {
		if (d->events)
			trace_sockiocp_deliver(chunk->port, d);
	}
}

/*
 * Fills an empty chunk from the queue, and looks at the sockets.  Returns false if there was
 * nothing; an operation that could not be done leaves the chunk empty, too.
 */
static __always_inline bool harvest_fill(struct harvest *harvest, u32 received, u32 *count)
{
	struct sockiocp_chunk *chunk = harvest->chunk;

	chunk->nr = harvest_detach(harvest, min_t(u32, *count - received, SOCKIOCP_CHUNK));
	if (likely(chunk->nr)) {
		if (trace_sockiocp_take_enabled())
			harvest_trace_taken(chunk);
		sockiocp_trigger_verify(chunk->deliveries, chunk->nr);
		return true;
	}
	if (!harvest->operation)
		return false;
	chunk->nr = harvest_run(harvest);
	cond_resched();
	/* Enough for one call, unless it would say then that there is nothing. */
	if (harvest->moved >= HARVEST_MOVES && received + chunk->nr)
		*count = received + chunk->nr;
	return true;
}

/* The chunk leaves the hands of the harvest.  Returns whether the user has it. */
static __always_inline bool harvest_deliver(struct sockiocp_chunk *chunk, bool at_once,
					    struct sockiocp_packet_entry __user *uentries,
					    u32 __user *ureceived, u32 *received)
{
	u32 before = *received;
	bool ok = harvest_hand_over(chunk, at_once, uentries, ureceived, received);

	if (ok && trace_sockiocp_deliver_enabled())
		harvest_trace_delivered(chunk);
	if (ok)
		harvest_commit(chunk, at_once, *received - before);
	else
		sockiocp_chunk_put_back(chunk);
	if (chunk->drops)
		sockiocp_chunk_drop(chunk, ok);
	return ok;
}

/* What stands in the queue.  Returns as sockiocp_harvest() does. */
static int harvest_queue(struct sockiocp_chunk *chunk,
			 struct sockiocp_packet_entry __user *uentries, u32 count,
			 u32 __user *ureceived, u32 received, struct list_head *handed)
{
	struct harvest harvest __uninitialized;
	unsigned int looked_at = 0;
	int error = -ENOMSG;
	bool ok;

	chunk->at_once = false;
	harvest_begin(&harvest, chunk, handed);
	while (received < count) {
		/* A thread that is being killed leaves the packets to others. */
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			break;
		}
		if (!harvest_fill(&harvest, received, &count))
			break;
		if (unlikely(!chunk->nr))
			continue;
		ok = harvest_deliver(chunk, false, uentries, ureceived, &received);
		looked_at += chunk->nr;
		chunk->nr = 0;
		if (!ok) {
			error = -EFAULT;
			break;
		}
		if (sockiocp_seems_empty(&chunk->port->queue))
			break;
		if (looked_at >= SOCKIOCP_CHUNK) {
			looked_at = 0;
			cond_resched();
		}
	}
	harvest_end(&harvest);
	if (received && !handed)
		sockiocp_ring_reopen(chunk->port);
	return received ? 0 : error;
}

/* What was taken at once, and then what stands in the queue. */
static int harvest_at_once(struct sockiocp_chunk *chunk,
			   struct sockiocp_packet_entry __user *uentries, u32 count,
			   u32 __user *ureceived)
{
	u32 received = 0;
	bool ok;

	/* It may have become another process' home port since the call began. */
	if (unlikely(fatal_signal_pending(current) ||
		     sockiocp_port_is_home_of_another(chunk->port))) {
		sockiocp_chunk_give_back(chunk);
		return harvest_queue(chunk, uentries, count, ureceived, 0, NULL);
	}
	ok = harvest_deliver(chunk, true, uentries, ureceived, &received);
	chunk->nr = 0;
	if (unlikely(!ok)) {
		sockiocp_harvest_pass_on(chunk->port);
		return -EFAULT;
	}
	/* A ring stays shut that was shut for it: to look for one here is 4 of all that arm (P5). */
	if (likely(sockiocp_seems_empty(&chunk->port->queue)))
		return received ? 0 : -ENOMSG;
	return harvest_queue(chunk, uentries, count, ureceived, received, NULL);
}

/* If all that is queued is one packet that was posted, that is taken. */
static __always_inline struct sockiocp_posted *harvest_take_posted(struct sockiocp_port *port)
{
	struct sockiocp_packet *packet;

	spin_lock_irq(&port->lock);
	sockiocp_ring_settle(port);
	packet = list_first_entry(&port->queue, struct sockiocp_packet, node);
	if (unlikely(!list_is_singular(&port->queue) || !sockiocp_packet_is_posted(packet) ||
		     port->home_of)) {
		packet = NULL;
	} else {
		INIT_LIST_HEAD(&port->queue);
		port->nr_packets--;
		port->delivered++;
	}
	spin_unlock_irq(&port->lock);
	return packet ? sockiocp_packet_posted(packet) : NULL;
}

/* It could not be handed over. */
static noinline void harvest_put_posted_back(struct sockiocp_chunk *chunk,
					     struct sockiocp_posted *posted)
{
	INIT_LIST_HEAD(&chunk->packets);
	list_add(&posted->packet.node, &chunk->packets);
	chunk->deliveries->packet = &posted->packet;
	chunk->deliveries->is_notification = false;
	chunk->settled = true;
	chunk->at_once = false;
	chunk->nr = 1;
	sockiocp_chunk_put_back(chunk);
	chunk->nr = 0;
}

/*
 * The way of one posted packet that is alone in the queue: a thread is woken by it, or told to
 * do something.  Returns as sockiocp_harvest() does, -ENOMSG if it is not so.
 */
static noinline int harvest_posted(struct sockiocp_chunk *chunk,
				   struct sockiocp_packet_entry __user *to, u32 __user *ureceived)
{
	struct sockiocp_port *port = chunk->port;
	struct sockiocp_posted *posted;

	if (unlikely(sockiocp_histogram_is_on() || trace_sockiocp_take_enabled() ||
		     trace_sockiocp_deliver_enabled() || fatal_signal_pending(current)))
		return -ENOMSG;
	posted = harvest_take_posted(port);
	if (unlikely(!posted)) {
		WRITE_ONCE(port->was_posted, false);
		return -ENOMSG;
	}
	if (!user_write_access_begin(to, sizeof(*to)))
		goto put_back;
	harvest_put_entry(posted->entry, to, fault);
	user_write_access_end();
	if (put_user(1, ureceived))
		goto put_back;
	sockiocp_packet_free(port, posted);
	sockiocp_harvest_pass_on(port);
	sockiocp_ring_reopen(port);
	return 0;

fault:
	user_write_access_end();
put_back:
	harvest_put_posted_back(chunk, posted);
	sockiocp_harvest_pass_on(port);
	return -EFAULT;
}

/**
 * sockiocp_harvest - take packets off the queue, without waiting
 * @chunk: whose hands they go through; what was taken at once is there already, and is
 *	handed over first.  Its member busy is set if a packet has to be tried again soon
 * @uentries: where they go
 * @count: how many there is room for, not 0
 * @ureceived: where their number goes
 * @handed: what the calling thread was woken for; NULL if it was not
 *
 * Takes what was queued when it began, so it ends, and no socket's packet
 * appears twice.  Several threads may harvest at the same time.
 *
 * Return: 0 if packets were handed over; -ENOMSG if there was none, -EFAULT if there
 * was one and it could not be handed over, -EINTR for a fatal signal.
 */
int sockiocp_harvest(struct sockiocp_chunk *chunk,
		     struct sockiocp_packet_entry __user *uentries,
		     u32 count, u32 __user *ureceived, struct list_head *handed)
{
	/* Set with the first packet. */
	chunk->end_seq = 0;
	chunk->counted = 0;
	chunk->busy = false;
	if (chunk->nr)
		return harvest_at_once(chunk, uentries, count, ureceived);
	if (sockiocp_goes(SOCKIOCP_ONE_POSTED) && READ_ONCE(chunk->port->was_posted) &&
	    !handed) {
		int error = harvest_posted(chunk, uentries, ureceived);

		if (error != -ENOMSG)
			return error;
	}
	return harvest_queue(chunk, uentries, count, ureceived, 0, handed);
}

/* Would a harvest take it first?  A waiter may have been handed it meanwhile. */
static bool harvest_is_first(const struct sockiocp_port *port,
			     const struct sockiocp_packet *packet)
{
	lockdep_assert_held(&port->lock);

	return list_is_first(&packet->node, &port->queue);
}

/* The packet of a live registration, if it is the first one.  Returns whether it was. */
static bool harvest_detach_first(struct sockiocp_chunk *chunk, struct sockiocp_registration *reg)
{
	struct sockiocp_port *port = chunk->port;
	bool first;

	spin_lock_irq(&port->lock);
	chunk->drops = false;
	chunk->settled = false;
	first = harvest_is_first(port, &reg->packet) && reg->hook.state == SOCKIOCP_LIVE;
	if (first) {
		list_move(&reg->packet.node, &chunk->packets);
		port->nr_packets--;
		sockiocp_chunk_add(chunk, chunk->deliveries, &reg->packet);
		chunk->nr = 1;
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
	struct sockiocp_chunk chunk __uninitialized;
	struct sockiocp_delivery d;
	bool queued;

	sockiocp_chunk_begin(&chunk, reg->hook.port, &d);
	chunk.end_seq = 0;
	chunk.counted = 0;
	INIT_LIST_HEAD(&chunk.packets);
	if (!harvest_detach_first(&chunk, reg))
		return false;
	sockiocp_trigger_verify(&d, 1);
	if (d.events || d.now & SOCKIOCP_BUSY)
		sockiocp_chunk_put_back(&chunk);
	else
		harvest_commit(&chunk, false, 0);
	queued = sockiocp_packet_will_be_read(reg);
	sockiocp_chunk_drop(&chunk, false);
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
		sockiocp_ring_settle(port);
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
