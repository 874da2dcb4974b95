// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waits for several sockets, and closesocket(), which ends those that have its socket.
 *
 * As blocked.c does for calls on one socket: such a wait is in a list, and polls a descriptor
 * by which it can be woken beside its sockets.  Who closes a socket tells the waits that have
 * it, and closes the number when they have left.  One that begins in between finds out when
 * it is told to look again.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "polled.h"

enum { NOTHING, CLOSED, LOOK };

/* Protects the list, and what waits are told. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* A wait has heard, or all have. */
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(, sockiocp_poll) polls = LIST_HEAD_INITIALIZER(polls);
/* How many there are, for who closes and has no time to look. */
static atomic_uint nr_polls;
/* An eventfd that is readable while waits are to hear something; -1: none yet. */
static int wake = -1;
/* How many threads wait for waits to hear. */
static unsigned int tellers;

/* The child's one thread does not wait, and wakes nobody of the parent's. */
static void start_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&heard, NULL);
	LIST_INIT(&polls);
	atomic_store(&nr_polls, 0);
	if (wake >= 0)
		close(wake);
	wake = -1;
	tellers = 0;
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

/* From now on closing one of its sockets ends it.  Returns what to poll beside them, or -1. */
int sockiocp_poll_begins(struct sockiocp_poll *poll)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int fd;

	pthread_once(&once, prepare);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &poll->cancelled);
	poll->thread = pthread_self();
	atomic_init(&poll->told, NOTHING);
	pthread_mutex_lock(&lock);
	if (wake < 0)
		wake = sockiocp_own_eventfd();
	fd = wake;
	LIST_INSERT_HEAD(&polls, poll, list);
	atomic_fetch_add(&nr_polls, 1);
	pthread_mutex_unlock(&lock);
	return fd;
}

/* It is over, or its thread is cancelled.  errno stays. */
void sockiocp_poll_ends(void *argument)
{
	struct sockiocp_poll *poll = argument;

	pthread_mutex_lock(&lock);
	LIST_REMOVE(poll, list);
	atomic_fetch_sub(&nr_polls, 1);
	if (tellers)
		pthread_cond_broadcast(&heard);
	pthread_mutex_unlock(&lock);
	pthread_setcancelstate(poll->cancelled, &(int){ 0 });
}

/*
 * Somebody may be told something.  Returns whether one of its sockets is about to be closed.
 * One that was not meant stays until all have heard: poll(2) would return at once until then.
 */
bool sockiocp_poll_hears(struct sockiocp_poll *poll)
{
	unsigned int told;

	pthread_mutex_lock(&lock);
	while (!atomic_load(&poll->told) && tellers)
		pthread_cond_wait(&heard, &lock);
	told = atomic_load(&poll->told);
	if (told == LOOK) {
		atomic_store(&poll->told, NOTHING);
		pthread_cond_broadcast(&heard);
	}
	pthread_mutex_unlock(&lock);
	return told == CLOSED;
}

/* Does a wait have a socket?  Notes that it is closed, if that is @what.  Needs the lock. */
static bool has(struct sockiocp_poll *poll, int fd, unsigned char what)
{
	bool found = false;
	size_t i;

	for (i = 0; i < poll->count; i++) {
		if (poll->numbers[i] != fd)
			continue;
		found = true;
		if (what == CLOSED)
			poll->closed[i] = true;
	}
	return found;
}

/* A signal handler that closes what its thread waits for would wait for itself. */
static bool some_have_to_hear(int fd)
{
	struct sockiocp_poll *poll;

	LIST_FOREACH(poll, &polls, list)
		if (atomic_load(&poll->told) && !pthread_equal(poll->thread, pthread_self()) &&
		    has(poll, fd, NOTHING))
			return true;
	return false;
}

static void tell(int fd, unsigned char what)
{
	struct sockiocp_poll *poll;

	if (fd < 0 || !atomic_load(&nr_polls))
		return;
	pthread_mutex_lock(&lock);
	LIST_FOREACH(poll, &polls, list)
		if (has(poll, fd, what) && atomic_load(&poll->told) != CLOSED)
			atomic_store(&poll->told, what);
	if (some_have_to_hear(fd)) {
		tellers++;
		eventfd_write(wake, 1);
		pthread_cond_broadcast(&heard);
		while (some_have_to_hear(fd))
			pthread_cond_wait(&heard, &lock);
		if (!--tellers) {
			eventfd_read(wake, &(eventfd_t){ 0 });
			pthread_cond_broadcast(&heard);
		}
	}
	pthread_mutex_unlock(&lock);
}

/* A descriptor is about to be closed: ends the waits that have it. */
void sockiocp_end_polls(int fd)
{
	tell(fd, CLOSED);
}

/* It is closed: waits that have begun in between are to look what the number is. */
void sockiocp_polled_was_closed(int fd)
{
	tell(fd, LOOK);
}
