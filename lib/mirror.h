/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Words of this process by which the kernel says whether the queue of a port is empty.
 */
#ifndef _SOCKIOCP_MIRROR_H
#define _SOCKIOCP_MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>

#include <linux/sockiocp.h>

#define SOCKIOCP_MIRROR_PAGE	4096

/* A port's mirror, as a thread has found it. */
struct sockiocp_found_mirror {
	/* NULL if it has found none. */
	const atomic_ullong *word;
	/* What that is while nothing is queued, and the number is the same port's. */
	unsigned long long empty;
	/* Of the process: it has no such word in any other. */
	unsigned long long epoch;
};

/* As many ports have a ring at a time. */
#define SOCKIOCP_RINGS		32

/* Whose a ring is, or was: the number of the port, and its close count. */
struct sockiocp_ring_owner {
	/* 0 if it was nobody's; each owner of a ring has another one. */
	atomic_uint generation;
	atomic_int fd;
	atomic_uchar count;
};

/* What is all 0 in a child, whoever has made that. */
struct sockiocp_mirrors {
	atomic_ullong epoch;
	struct sockiocp_mirror_word *_Atomic words;
	/* What an empty queue was last, so that no value comes twice. */
	atomic_ullong last;
	/* Of the rings, which are behind the words. */
	struct sockiocp_ring_owner rings[SOCKIOCP_RINGS];
};

/* There since the first mirror was found. */
extern struct sockiocp_mirrors *_Atomic sockiocp_mirrors;

/* Where the memory of this process is that the kernel writes to; NULL if there is none. */
struct sockiocp_mirrors *sockiocp_get_mirrors(void);
bool sockiocp_find_mirror(int fd, struct sockiocp_found_mirror *found);
/* Makes the SET_MIRROR ioctl; returns 0 or an errno value. */
int sockiocp_set_mirror(int fd, struct sockiocp_mirror *mirror);

/* Is it one of this process, which may be a child of the one that has found it? */
static inline bool sockiocp_has_mirror(const struct sockiocp_found_mirror *found)
{
	return found->word &&
	       atomic_load_explicit(&atomic_load_explicit(&sockiocp_mirrors,
							  memory_order_relaxed)->epoch,
				    memory_order_relaxed) == found->epoch;
}

/*
 * Does it say that nothing is queued?  To look is a full barrier, as the call is that is not
 * made: whoever says that he is about to sleep, and looks, is either seen to say so by who
 * queues something and then looks whether anybody sleeps, or sees that.
 */
static inline bool sockiocp_mirror_is_empty(const struct sockiocp_found_mirror *found)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(found->word, memory_order_acquire) == found->empty;
}

#endif /* _SOCKIOCP_MIRROR_H */
