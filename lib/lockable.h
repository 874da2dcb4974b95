/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Mutexes and semaphores, and the waits that sleep: what lockable.c offers to mutex.c,
 * which makes such objects, and to wait.c, which waits for everything.
 */
#ifndef _SOCKIOCP_LOCKABLE_H
#define _SOCKIOCP_LOCKABLE_H

#include <pthread.h>
#include <sys/queue.h>

#include "internal.h"

/* A mutex or a semaphore.  Its memory is never another thing's. */
struct sockiocp_lockable {
	/*
	 * A mutex: its owner's number, 0 if it is free.  A semaphore: its count.  With
	 * LOCKABLE_SLOW it changes under the lock only.
	 */
	atomic_uint state;
	bool is_mutex;
	/* How often the owner has it, who alone looks at this. */
	unsigned int recursion;
	unsigned int maximum;

	/* All that follows: under the lock.  Handles and waits hold references. */
	unsigned int references;
	unsigned int sleepers;
	bool seen;
	char *name;
	LIST_ENTRY(sockiocp_lockable) all;
};

/* One of the things that are waited for. */
struct sockiocp_object {
	/* A thread's, or NULL. */
	const struct sockiocp_thread_file *thread;
	/* A mutex or a semaphore, or NULL. */
	struct sockiocp_lockable *lockable;
	/* SOCKIOCP_* bits of an event or a timer; 0 if it is something else. */
	unsigned int kind;
	/* The descriptor, and what sockiocp_close_count() said of it. */
	int fd;
	unsigned char count;
	/* At the last look of a wait for all, by whoever has looked. */
	atomic_bool signalled;
};

/* A wait that sleeps.  On its thread's stack, and in the list if it has to be. */
struct sockiocp_wait {
	TAILQ_ENTRY(sockiocp_wait) list;
	const struct sockiocp_object *objects;
	DWORD nr_objects;
	/* What is waited for, NULL for what is not lockable; whose thread waits. */
	struct sockiocp_lockable **lockables;
	DWORD count;
	bool all;
	/* Looks for the thread, under the lock, and takes what is there; see look_at_once(). */
	DWORD (*look)(struct sockiocp_wait *wait);
	/* There is nothing else, so who releases can end the wait. */
	bool lockables_only;
	/* It looks at threads or ports, too. */
	bool hears;
	unsigned int thread;
	/* The thread's own, to be woken by, if there is something to poll; or -1. */
	int event;
	/* A futex: 1 if there may be something new. */
	atomic_uint disturbed;
	/* Under the lock: it has ended, and how: what it waited for is taken. */
	bool over;
	DWORD result;
};

void sockiocp_prepare_waits(void);
void sockiocp_lock_waits(void);
void sockiocp_unlock_waits(void);
void sockiocp_enlist_wait(struct sockiocp_wait *wait);
void sockiocp_delist_wait(struct sockiocp_wait *wait);
void sockiocp_undo_wait(struct sockiocp_wait *wait);
void sockiocp_release_by_event(int fd, bool manual);
int sockiocp_wake_fd(void);
void sockiocp_drop_wake_fd(bool is_open);

unsigned int sockiocp_this_thread(void);
bool sockiocp_get_lockables(struct sockiocp_lockable **lockables, const HANDLE *handles,
			    DWORD count, bool all);
void sockiocp_put_lockables(struct sockiocp_lockable **lockables, DWORD count);
DWORD sockiocp_try_lockable(HANDLE handle, bool *known);
void sockiocp_begin_look(struct sockiocp_lockable **lockables, DWORD count, bool all);
void sockiocp_end_look(struct sockiocp_lockable **lockables, DWORD count, bool all);
bool sockiocp_was_put_back(void);
bool sockiocp_can_take(const struct sockiocp_lockable *object, unsigned int thread);
bool sockiocp_take_lockable(struct sockiocp_lockable *object, unsigned int thread);

HANDLE sockiocp_create_lockable(const struct sockiocp_lockable *like, char *name);
BOOL sockiocp_release_mutex(HANDLE handle);
BOOL sockiocp_release_semaphore(HANDLE handle, LONG by, LONG *before);

#endif /* _SOCKIOCP_LOCKABLE_H */
