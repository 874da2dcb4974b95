// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Rings of ports: who has which (SOCKIOCP_SET_MIRROR with SOCKIOCP_MIRROR_RING).
 *
 * They are behind the words of mirror.c, in the same memory, which is never unmapped, and which
 * a child does not have.  A ring is found by the number of its port.  It is the same port's until
 * the kernel has said that it ended; its numbers begin with a generation, which no other ring in
 * its place has.
 */
#include <errno.h>

#include "internal.h"
#include "ring.h"

#define MAX_GENERATION	(1U << (64 - RING_COUNT_BITS))

atomic_int sockiocp_rings_made;
/* The kernel has no rings. */
static atomic_bool unknown;

/* In the first page of memory, where nothing can be. */
#define NOWHERE	64

static int remember(int place, unsigned int generation)
{
	return (int)(generation * SOCKIOCP_RINGS + (unsigned int)place);
}

/*
 * Is @fd, in the calling thread's table of descriptors, the port that has the ring at @place?  The
 * kernel tells which ring a port has, and can make none of this address.
 */
static bool is_ring_of(struct sockiocp_mirrors *mirrors, int place, int fd)
{
	struct sockiocp_mirror mirror = {
		.word = NOWHERE,
		.empty = RING_STEP,
		.handle = (__u32)fd,
		.flags = SOCKIOCP_MIRROR_RING,
	};

	return !sockiocp_set_mirror(fd, &mirror) &&
	       mirror.word == (uintptr_t)sockiocp_ring_at(mirrors, place);
}

/* Has this process made a ring for the port that is @fd, with that close count? */
int sockiocp_find_ring(int fd, unsigned char count)
{
	struct sockiocp_mirrors *mirrors = atomic_load(&sockiocp_mirrors);
	struct sockiocp_found_ring found;
	unsigned long long tail;
	unsigned int generation;
	int place;

	for (place = 0; place < atomic_load(&sockiocp_rings_made); place++) {
		generation = atomic_load(&mirrors->rings[place].generation);
		if (!generation ||
		    !sockiocp_get_ring(remember(place, generation), fd, count, &found))
			continue;
		tail = atomic_load(&found.ring->tail);
		if (!(tail & SOCKIOCP_MIRROR_ENDED) && tail >> RING_COUNT_BITS == generation &&
		    is_ring_of(mirrors, place, fd))
			return remember(place, generation);
	}
	return -1;
}

/*
 * Takes a ring that is nobody's: its lock is held, and nobody writes there who has taken it to be
 * another port's.  A thread that has died with the lock keeps it.  Returns its place, or -1.
 */
static int take_ring(struct sockiocp_mirrors *mirrors)
{
	struct sockiocp_shared_ring *ring;
	unsigned long long tail;
	int place;

	for (place = 0; place < SOCKIOCP_RINGS; place++) {
		ring = sockiocp_ring_at(mirrors, place);
		tail = atomic_load(&ring->tail);
		if ((tail && !(tail & SOCKIOCP_MIRROR_ENDED)) ||
		    (tail >> RING_COUNT_BITS) + 1 == MAX_GENERATION ||
		    atomic_exchange(&ring->lock, 1))
			continue;
		if (atomic_load(&ring->tail) == tail)
			return place;
		atomic_store(&ring->lock, 0);
	}
	return -1;
}

/* Returns what to remember if the port has the ring at @place from here on, or -1. */
static int set_ring(struct sockiocp_mirrors *mirrors, int place, int fd, unsigned char count)
{
	struct sockiocp_shared_ring *ring = sockiocp_ring_at(mirrors, place);
	struct sockiocp_ring_owner *owner = &mirrors->rings[place];
	unsigned int generation =
		(unsigned int)(atomic_load(&ring->tail) >> RING_COUNT_BITS) + 1;
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)ring,
		.empty = (unsigned long long)generation << RING_COUNT_BITS,
		.handle = (__u32)fd,
		.flags = SOCKIOCP_MIRROR_RING,
	};
	int err, made;

	err = sockiocp_set_mirror(fd, &mirror);
	if (err == EOPNOTSUPP)
		atomic_store(&unknown, true);
	if (err || mirror.word != (uintptr_t)ring)
		return -1;
	atomic_store(&owner->generation, 0);
	atomic_store(&owner->fd, fd);
	atomic_store(&owner->count, count);
	atomic_store(&owner->generation, generation);
	made = atomic_load(&sockiocp_rings_made);
	while (made <= place &&
	       !atomic_compare_exchange_weak(&sockiocp_rings_made, &made, place + 1))
		;
	return remember(place, generation);
}

/* Makes a ring for the port that is @fd, if that is of use now.  Returns -1 if not. */
int sockiocp_make_ring(int fd, unsigned char count)
{
	struct sockiocp_mirrors *mirrors;
	int ring = sockiocp_find_ring(fd, count), place;

	if (ring >= 0 || atomic_load_explicit(&unknown, memory_order_relaxed))
		return ring;
	mirrors = sockiocp_get_mirrors();
	place = mirrors ? take_ring(mirrors) : -1;
	if (place < 0)
		return -1;
	ring = set_ring(mirrors, place, fd, count);
	atomic_store(&sockiocp_ring_at(mirrors, place)->lock, 0);
	return ring;
}
