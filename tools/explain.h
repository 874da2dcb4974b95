/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What sockets.c offers to explain.c: what /proc tells of a process.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stddef.h>

#include "sockiocpctl.h"

/* A socket that something may be wrong with. */
struct suspect {
	unsigned long inode;
	/* Whether data, and the end of the stream, are asked for. */
	int wants_data, wants_end;
	/* How much there is to be read, or sent. */
	unsigned long bytes;
	char addresses[120];
	char what[64];
};

struct suspects {
	struct suspect *list;
	size_t count;
};

/* The next one, or NULL without memory. */
struct suspect *suspect(struct suspects *s, unsigned long inode);
/* All that the process has a descriptor of. */
void suspect_all_of(struct suspects *s, int pid);

/* Those that have something to be read, or something that the peer does not take. */
void keep_readable(struct suspects *s, int pid);
void keep_unsent(struct suspects *s, int pid);

/* @s has those that were there before, too, as they are now; all if @is_first.  Takes @now. */
void keep_both(struct suspects *s, struct suspects *now, int is_first);

/* What a thread does, and where: as far as one may know. */
void where_is(int pid, int tid, char *where, size_t size);

#endif /* EXPLAIN_H */
