// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A port's ring: packets that a program has posted to itself, in its own memory, so that
 * neither to post nor to take one is a system call as long as nobody waits.
 *
 * The ring is older than the queue: all that is in it was put there before anything that was
 * queued since it was opened.  Three rules keep that:
 *
 *   The program puts a packet in by a compare-exchange of @tail, which fails once the kernel
 *   has set SOCKIOCP_MIRROR_FILLED there: it shuts the ring.  It is shut when anything is put
 *   into the queue, before a thread waits, and when its mirror ends.
 *
 *   Whoever takes the oldest from the queue, puts something back there, or looks whether there
 *   is anything, settles first: he shuts the ring, and moves what is left in it to the front of
 *   the queue.  All of that is one step, under the lock of the port.
 *
 *   It is opened, under the lock, only if nothing is queued, nobody waits, by a call or by
 *   poll(), and no more threads are associated than may run.  So no packet in it could have
 *   woken anybody, and no thread that takes one would have had to wait for a slot.
 *
 * To move a packet is to copy it and then to compare-exchange @head, as the program takes one.
 * So whoever dies or stops in between has neither taken nor lost anything.  The memory that the
 * packets come to is made, and charged, with the ring: there is room for each.
 *
 * What a program does to its ring otherwise, it does to its own packets.  Nothing that is read
 * from it is believed but what the packets carry, and no more is read in one step than there
 * are slots.
 */
#include "packet.h"
#include "posted.h"
#include "ring.h"

#include <linux/err.h>

/* What @head and @tail count in. */
#define RING_STEP		(SOCKIOCP_MIRROR_FILLED + SOCKIOCP_MIRROR_ENDED + 1)
#define RING_BITS		(RING_STEP - 1)
/* Rings are made until a user has used such a part of its limit. */
#define RING_PART		4
/* A program would be at that for days. */
#define RING_MANY		(1ULL << 40)

static bool ring_is_allowed = true;

static atomic64_t *ring_tail(const struct sockiocp_port *port)
{
	return (atomic64_t *)port->mirror.word;
}

/* Only 32 bits have no such step, and no rings. */
static u64 ring_exchange(u64 *head, u64 old, u64 new)
{
	return cmpxchg((unsigned long *)head, (unsigned long)old, (unsigned long)new);
}

/*
 * What was put in and is still there, oldest first, each in memory from @room.  Each time that
 * the compare-exchange fails the program has taken one, if it is honest.
 */
static unsigned int ring_empty(struct sockiocp_port *port, u64 tail, struct list_head *packets)
{
	struct sockiocp_ring *ring = port->ring.memory;
	unsigned int i, n = 0;
	u64 head = READ_ONCE(ring->head), found, taken;

	lockdep_assert_held(&port->lock);

	for (i = 0; i < SOCKIOCP_RING_SLOTS; i++) {
		const struct sockiocp_packet_entry *slot =
			&ring->entries[head / RING_STEP % SOCKIOCP_RING_SLOTS];
		struct sockiocp_posted *posted;

		if (tail - head - 1 >= SOCKIOCP_RING_SLOTS * RING_STEP || list_empty(&port->ring.room))
			break;
		posted = list_first_entry(&port->ring.room, struct sockiocp_posted, packet.node);
		posted->entry = (struct sockiocp_packet_entry) {
			.completion_key = READ_ONCE(slot->completion_key),
			.overlapped = READ_ONCE(slot->overlapped),
			.internal = READ_ONCE(slot->internal),
			.bytes_transferred = READ_ONCE(slot->bytes_transferred),
		};
		/* The program may take it. */
		sockiocp_race_window();
		found = ring_exchange(&ring->head, head, head + RING_STEP);
		if (found == head) {
			posted->packet.seq = (port->ring.seq + n++ * SOCKIOCP_SEQ_STEP) |
					     SOCKIOCP_SEQ_POSTED;
			list_move_tail(&posted->packet.node, packets);
			found += RING_STEP;
		}
		head = found;
	}
	WRITE_ONCE(port->ring.nr_room, port->ring.nr_room - n);
	/* The program has taken the others; an honest one not so many. */
	taken = (head - port->ring.head) / RING_STEP - n;
	if (taken < RING_MANY)
		port->delivered += taken;
	port->ring.head = head;
	return n;
}

/* What sockiocp_ring_settle() does if it has to. */
void sockiocp_ring_shut(struct sockiocp_port *port)
{
	LIST_HEAD(packets);
	u64 tail;

	lockdep_assert_held(&port->lock);

	atomic64_or(SOCKIOCP_MIRROR_FILLED, ring_tail(port));
	/* From here on nothing is put in.  (To get the value in the same step takes x86 a loop.) */
	smp_mb__after_atomic();
	tail = atomic64_read(ring_tail(port));
	port->ring.open = false;
	port->nr_packets += ring_empty(port, tail & ~(u64)RING_BITS, &packets);
	/* What stands there was queued since the ring was opened. */
	list_splice(&packets, &port->queue);
}

/**
 * sockiocp_ring_may_open - could nobody tell packets in a ring from queued ones?
 * @port: the port, locked
 *
 * Whoever begins to wait, or to poll, settles under the lock, after it can be seen here that he
 * does: sockiocp_wait_for_packet(), and ->poll by sockiocp_harvest_has_packet().  (If a processor
 * goes offline that is not seen before the next call.)
 */
bool sockiocp_ring_may_open(struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	if (!list_empty(&port->queue) || !list_empty(&port->waiters) ||
	    /* No barrier is needed: see above. */
	    waitqueue_active(&port->poll_wait))
		return false;
	/* Who traces sees all packets, from the next call on; histograms: see switches.c. */
	if (trace_sockiocp_post_enabled() || trace_sockiocp_queue_enabled() ||
	    trace_sockiocp_take_enabled() || trace_sockiocp_deliver_enabled())
		return false;
	return READ_ONCE(ring_is_allowed) && !port->closed &&
	       port->nr_workers <= sockiocp_port_concurrency(port);
}

/**
 * sockiocp_ring_open - let the program post and take without a call, if that may be
 * @port: the port, locked
 */
void sockiocp_ring_open(struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	if (!port->ring.memory || port->ring.nr_room < SOCKIOCP_RING_SLOTS ||
	    !sockiocp_ring_may_open(port))
		return;
	if (!port->ring.open) {
		/* What will be put in is younger than all that is in the hands of calls. */
		port->ring.seq = port->next_seq;
		port->next_seq += SOCKIOCP_RING_SLOTS * SOCKIOCP_SEQ_STEP;
		port->ring.open = true;
	}
	if (atomic64_read(ring_tail(port)) & SOCKIOCP_MIRROR_FILLED)
		atomic64_andnot(SOCKIOCP_MIRROR_FILLED, ring_tail(port));
}

/**
 * sockiocp_ring_free_room - let go of the memory that a ring's packets come to
 * @port: the port
 * @room: what is left of it
 */
void sockiocp_ring_free_room(struct sockiocp_port *port, struct list_head *room)
{
	struct sockiocp_posted *posted, *next;

	list_for_each_entry_safe(posted, next, room, packet.node)
		sockiocp_posted_free(port, posted);
}

/**
 * sockiocp_ring_make_room - get the memory that a ring's packets come to
 * @port: the port
 * @room: an empty list, which it goes to
 *
 * Most of what a user may post is not for rings: only the port's own is lent to it.
 *
 * Return: 0, -ENOBUFS or -ENOMEM.
 */
int sockiocp_ring_make_room(struct sockiocp_port *port, struct list_head *room)
{
	unsigned int n;

	if (atomic_long_read(&port->account->packets) + SOCKIOCP_RING_SLOTS >
	    sockiocp_account_limit(port->account, SOCKIOCP_MAX_PACKETS) / RING_PART)
		return -ENOBUFS;
	for (n = 0; n < SOCKIOCP_RING_SLOTS; n++) {
		struct sockiocp_posted *posted = sockiocp_posted_make(port);

		if (IS_ERR(posted)) {
			sockiocp_ring_free_room(port, room);
			return PTR_ERR(posted);
		}
		list_add(&posted->packet.node, room);
	}
	return 0;
}

/**
 * sockiocp_ring_begin - a port gets a ring, with its mirror, which is set
 * @port: the port, locked
 * @room: of sockiocp_ring_make_room(), which is the ring's from here on
 */
void sockiocp_ring_begin(struct sockiocp_port *port, struct list_head *room)
{
	struct sockiocp_ring *ring = (struct sockiocp_ring *)port->mirror.word;

	lockdep_assert_held(&port->lock);

	port->ring.head = port->mirror.empty;
	WRITE_ONCE(ring->head, port->mirror.empty);
	INIT_LIST_HEAD(&port->ring.room);
	list_splice(room, &port->ring.room);
	WRITE_ONCE(port->ring.nr_room, SOCKIOCP_RING_SLOTS);
	WRITE_ONCE(port->ring.memory, ring);
	sockiocp_ring_open(port);
}

/**
 * sockiocp_ring_end - a port's mirror ends, and its ring, if it has one
 * @port: the port, locked
 * @room: gets what was left of its memory
 *
 * What is in it stands in the queue afterwards.
 */
void sockiocp_ring_end(struct sockiocp_port *port, struct list_head *room)
{
	lockdep_assert_held(&port->lock);

	if (!port->ring.memory)
		return;
	sockiocp_ring_settle(port);
	list_splice(&port->ring.room, room);
	WRITE_ONCE(port->ring.nr_room, 0);
	/* Pairs with sockiocp_ring_is_there(). */
	smp_store_release(&port->ring.memory, NULL);
}

/**
 * sockiocp_ring_lend - memory for a packet when the user may have no more of them
 * @port: the port
 *
 * So a user may post as many packets to a port that has a ring as without.
 *
 * Return: a packet, which is charged; NULL if there is no room.
 */
struct sockiocp_posted *sockiocp_ring_lend(struct sockiocp_port *port)
{
	struct sockiocp_posted *posted = NULL;

	if (!sockiocp_ring_is_there(port))
		return NULL;
	spin_lock_irq(&port->lock);
	sockiocp_ring_settle(port);
	if (port->ring.memory && port->ring.nr_room) {
		posted = list_first_entry(&port->ring.room, struct sockiocp_posted, packet.node);
		list_del(&posted->packet.node);
		WRITE_ONCE(port->ring.nr_room, port->ring.nr_room - 1);
	}
	spin_unlock_irq(&port->lock);
	return posted;
}

/* What sockiocp_ring_take_back() does if the ring has lent some. */
bool sockiocp_ring_get_room_back(struct sockiocp_port *port, struct sockiocp_posted *posted)
{
	bool wanted;

	spin_lock_irq(&port->lock);
	wanted = port->ring.memory && port->ring.nr_room < SOCKIOCP_RING_SLOTS;
	if (wanted) {
		list_add(&posted->packet.node, &port->ring.room);
		WRITE_ONCE(port->ring.nr_room, port->ring.nr_room + 1);
	}
	spin_unlock_irq(&port->lock);
	return wanted;
}

/* ------------------------------------------------------------------- the switch */

static void ring_settle_port(struct sockiocp_port *port)
{
	spin_lock_irq(&port->lock);
	sockiocp_ring_settle(port);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_ring_allow - may rings be open?
 * @allowed: if not, all that are open are shut
 *
 * One at a time.  A port that is opened meanwhile knows.
 */
void sockiocp_ring_allow(bool allowed)
{
	WRITE_ONCE(ring_is_allowed, allowed);
	if (!allowed)
		sockiocp_directory_for_each(ring_settle_port);
}
