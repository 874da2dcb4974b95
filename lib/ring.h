/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Rings of ports: packets that this process posts to itself, without a system call.
 */
#ifndef _SOCKIOCP_RING_H
#define _SOCKIOCP_RING_H

#include <stdatomic.h>
#include <stdbool.h>

#include <linux/sockiocp.h>

#include "mirror.h"

/* What head and tail count in, below it what the kernel says. */
#define RING_STEP	4
#define RING_BITS	(SOCKIOCP_MIRROR_FILLED | SOCKIOCP_MIRROR_ENDED)
/* Above so many bits is what no other ring in this memory has had. */
#define RING_COUNT_BITS	42

/* struct sockiocp_ring, as threads of this process share it. */
struct sockiocp_shared_ring {
	atomic_ullong tail;
	atomic_ullong head;
	/* Held by who writes to a slot. */
	atomic_ullong lock;
	unsigned long long reserved[5];
	struct sockiocp_packet_entry entries[SOCKIOCP_RING_SLOTS];
};

/*
 * What a thread remembers of a ring, in one word: its place and its generation; or -1.  That the
 * number is this port's in the thread's own table of descriptors it has asked the kernel, and that
 * is so until the ring ends.  Whose the ring is says memory that all threads share, and a child
 * does not: so a signal handler that uses another port in the midst of a call, or a child forked
 * there, harms nobody.
 */
/* At so many places there has been one. */
extern atomic_int sockiocp_rings_made;
int sockiocp_find_ring(int fd, unsigned char count);
int sockiocp_make_ring(int fd, unsigned char count);

/* The ring at a place, as found to be a port's. */
struct sockiocp_found_ring {
	struct sockiocp_shared_ring *ring;
	unsigned int generation;
};

static inline struct sockiocp_shared_ring *sockiocp_ring_at(struct sockiocp_mirrors *mirrors,
							    int place)
{
	return (struct sockiocp_shared_ring *)
		((char *)atomic_load_explicit(&mirrors->words, memory_order_relaxed) +
		 (1 + place) * SOCKIOCP_MIRROR_PAGE);
}

/* Is the ring still that of the port that is @fd, with this close count? */
static inline bool sockiocp_get_ring(int ring, int fd, unsigned char count,
				     struct sockiocp_found_ring *found)
{
	unsigned int place = (unsigned int)ring % SOCKIOCP_RINGS;
	struct sockiocp_mirrors *mirrors;
	struct sockiocp_ring_owner *owner;

	if (ring < 0)
		return false;
	mirrors = atomic_load_explicit(&sockiocp_mirrors, memory_order_relaxed);
	owner = &mirrors->rings[place];
	found->generation = (unsigned int)ring / SOCKIOCP_RINGS;
	if (atomic_load_explicit(&owner->generation, memory_order_acquire) !=
		    found->generation ||
	    atomic_load_explicit(&owner->fd, memory_order_relaxed) != fd ||
	    atomic_load_explicit(&owner->count, memory_order_relaxed) != count)
		return false;
	found->ring = sockiocp_ring_at(mirrors, (int)place);
	return true;
}

/* Is it open, with this @tail, and still the same port's? */
static inline bool sockiocp_ring_is_open(const struct sockiocp_found_ring *found,
					 unsigned long long tail)
{
	return !(tail & RING_BITS) && tail >> RING_COUNT_BITS == found->generation;
}

/*
 * Puts a packet behind all others.  Returns false if the kernel has to do it: the ring is shut,
 * or full, or somebody else is about to do this, who may never go on.
 */
static inline bool sockiocp_ring_put(const struct sockiocp_found_ring *found,
				     const struct sockiocp_packet_entry *entry)
{
	struct sockiocp_shared_ring *ring = found->ring;
	unsigned long long tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	bool put = false;

	if (!sockiocp_ring_is_open(found, tail) ||
	    atomic_exchange_explicit(&ring->lock, 1, memory_order_acquire))
		return false;
	tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	/* The last number of a generation stays free, so that no other follows. */
	if (sockiocp_ring_is_open(found, tail) &&
	    tail - atomic_load_explicit(&ring->head, memory_order_acquire) <
		    SOCKIOCP_RING_SLOTS * RING_STEP &&
	    (tail + RING_STEP) >> RING_COUNT_BITS == found->generation) {
		ring->entries[tail / RING_STEP % SOCKIOCP_RING_SLOTS] = *entry;
		put = atomic_compare_exchange_strong(&ring->tail, &tail, tail + RING_STEP);
	}
	atomic_store_explicit(&ring->lock, 0, memory_order_release);
	/* As the call that is not made. */
	atomic_thread_fence(memory_order_seq_cst);
	return put;
}

/* What to say if the kernel has to be asked. */
#define SOCKIOCP_RING_SHUT	(-1)

/*
 * Takes up to @count packets.  Returns how many there were, or SOCKIOCP_RING_SHUT.  What is
 * copied is the caller's only once head has moved.
 */
static inline int sockiocp_ring_take(const struct sockiocp_found_ring *found,
				     struct sockiocp_packet_entry *entries, unsigned int count)
{
	struct sockiocp_shared_ring *ring = found->ring;
	unsigned long long tail, head;
	unsigned int i, n;

	head = atomic_load_explicit(&ring->head, memory_order_acquire);
	tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	if (!sockiocp_ring_is_open(found, tail))
		return SOCKIOCP_RING_SHUT;
	n = (unsigned int)((tail - head) / RING_STEP);
	if (!n) {
		/* As the call that is not made; see sockiocp_mirror_is_empty(). */
		atomic_thread_fence(memory_order_seq_cst);
		return atomic_load_explicit(&ring->tail, memory_order_acquire) == head ?
			0 : SOCKIOCP_RING_SHUT;
	}
	if (n > count)
		n = count;
	for (i = 0; i < n; i++)
		entries[i] = ring->entries[(head / RING_STEP + i) % SOCKIOCP_RING_SLOTS];
	if (!atomic_compare_exchange_strong(&ring->head, &head, head + n * RING_STEP))
		return SOCKIOCP_RING_SHUT;
	return (int)n;
}

#endif /* _SOCKIOCP_RING_H */
