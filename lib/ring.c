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
#include "internal.h"
#include "ring.h"

#define MAX_GENERATION	(1U << (64 - RING_COUNT_BITS))

static struct sockiocp_shared_ring *get_ring(struct sockiocp_mirrors *mirrors, unsigned int i)
{
	char *memory = (char *)atomic_load(&mirrors->words);

	return (struct sockiocp_shared_ring *)(memory + (1 + i) * SOCKIOCP_MIRROR_PAGE);
}

static void found_ring(struct sockiocp_mirrors *mirrors, unsigned int i, unsigned int generation,
		       struct sockiocp_found_ring *found)
{
	found->ring = get_ring(mirrors, i);
	found->generation = generation;
	found->epoch = atomic_load(&mirrors->epoch);
}

/* Has this process made a ring for the port that is @fd, with that close count? */
bool sockiocp_find_ring(int fd, unsigned char count, struct sockiocp_found_ring *found)
{
	struct sockiocp_mirrors *mirrors = atomic_load(&sockiocp_mirrors);
	unsigned int i, generation;

	found->ring = NULL;
	if (!mirrors || !atomic_load_explicit(&mirrors->last_ring, memory_order_relaxed))
		return false;
	for (i = 0; i < SOCKIOCP_RINGS; i++) {
		generation = atomic_load(&mirrors->rings[i].generation);
		if (!generation || atomic_load(&mirrors->rings[i].fd) != fd ||
		    atomic_load(&mirrors->rings[i].count) != count)
			continue;
		found_ring(mirrors, i, generation, found);
		/* It has ended, or another one took its place while this looked. */
		if (!sockiocp_ring_has_ended(found))
			return true;
		found->ring = NULL;
	}
	return false;
}

/*
 * Takes a ring that is nobody's: its lock is held, and nobody writes there who has taken it to be
 * another port's.  A thread that has died with the lock keeps it.
 */
static bool take_ring(struct sockiocp_mirrors *mirrors, unsigned int *which)
{
	struct sockiocp_shared_ring *ring;
	unsigned long long tail;
	unsigned int i;

	for (i = 0; i < SOCKIOCP_RINGS; i++) {
		ring = get_ring(mirrors, i);
		tail = atomic_load(&ring->tail);
		if ((tail && !(tail & SOCKIOCP_MIRROR_ENDED)) || atomic_exchange(&ring->lock, 1))
			continue;
		if (atomic_load(&ring->tail) == tail) {
			*which = i;
			return true;
		}
		atomic_store(&ring->lock, 0);
	}
	return false;
}

/* Makes a ring for the port that is @fd, if that is of use now.  Returns whether there is one. */
bool sockiocp_make_ring(int fd, unsigned char count, struct sockiocp_found_ring *found)
{
	struct sockiocp_mirrors *mirrors;
	struct sockiocp_mirror mirror = { .handle = (__u32)fd, .flags = SOCKIOCP_MIRROR_RING };
	struct sockiocp_shared_ring *ring;
	unsigned int which, generation;
	bool made;

	if (sockiocp_find_ring(fd, count, found))
		return true;
	mirrors = sockiocp_get_mirrors();
	if (!mirrors || !take_ring(mirrors, &which))
		return false;
	ring = get_ring(mirrors, which);
	generation = atomic_fetch_add(&mirrors->last_ring, 1) + 1;
	mirror.word = (uintptr_t)ring;
	mirror.empty = (unsigned long long)generation << RING_COUNT_BITS;
	made = generation < MAX_GENERATION && !sockiocp_set_mirror(fd, &mirror) &&
	       mirror.word == (uintptr_t)ring;
	if (made) {
		atomic_store(&mirrors->rings[which].generation, 0);
		atomic_store(&mirrors->rings[which].fd, fd);
		atomic_store(&mirrors->rings[which].count, count);
		atomic_store(&mirrors->rings[which].generation, generation);
		found_ring(mirrors, which, generation, found);
	}
	atomic_store(&ring->lock, 0);
	return made;
}
