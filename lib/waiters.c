// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that wait for sockets, and closesocket(), which ends their waits.
 *
 * close(2) does not end what other threads wait for in the kernel, and shutdown(2) would
 * also reach those who have a duplicate of the socket.  So a thread that waits enters itself
 * in a list, and polls its sockets and a descriptor by which it can be woken.
 *
 * Whoever closes a socket tells the waiters that have it, wakes them, and closes the number
 * only when they have heard: none of them can come upon another socket that has got it.
 * One that has entered in between is told to look again, once the number is closed.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "uncancelled.h"
#include "waiters.h"

/*
 * Those that wait for one socket are spread over groups by its number; the last group has
 * those that wait for several.  Who waits is woken in vain when another socket is closed that
 * is waited for in its group; a descriptor for each waiting thread would be too many.
 */
#define GROUPS		17
#define SEVERAL		(GROUPS - 1)

struct group {
	/* Protects the following, and what waiters are told. */
	pthread_mutex_t lock;
	/* A waiter has heard, or all have. */
	pthread_cond_t heard;
	LIST_HEAD(, sockiocp_waiter) waiters;
	/* How many there are, for who closes and need not look then. */
	atomic_uint count;
	/* An eventfd that is readable while waiters are to hear something; -1: none yet. */
	int wake;
	/* How many threads wait for waiters to hear. */
	unsigned int tellers;
};

#define NEW_GROUP		\
	{ .lock = PTHREAD_MUTEX_INITIALIZER, .heard = PTHREAD_COND_INITIALIZER, .wake = -1 }
#define FOUR_GROUPS		NEW_GROUP, NEW_GROUP, NEW_GROUP, NEW_GROUP

static struct group groups[GROUPS] = {
	FOUR_GROUPS, FOUR_GROUPS, FOUR_GROUPS, FOUR_GROUPS, NEW_GROUP,
};

static struct group *group_of(const struct sockiocp_waiter *waiter)
{
	return &groups[waiter->count == 1 ? (unsigned int)waiter->numbers[0] % SEVERAL : SEVERAL];
}

/* Needs the group's lock. */
static void enlist(struct sockiocp_waiter *waiter)
{
	struct group *group = group_of(waiter);

	LIST_INSERT_HEAD(&group->waiters, waiter, list);
	atomic_fetch_add(&group->count, 1);
}

/* The innermost of this thread's waits; those around it run functions. */
static _Thread_local struct sockiocp_waiter *innermost;

/*
 * What wakes the parent's waiters becomes the child's own, of the same number.  Returns that;
 * -1 if there is none any more.
 */
static int renew(int fd)
{
	int own = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int renewed = own < 0 ? -1 : dup3(own, fd, O_CLOEXEC);

	if (renewed < 0)
		close(fd);
	if (own >= 0)
		close(own);
	return renewed;
}

/* The child's one thread goes on with the waits whose functions have forked, and no other. */
static void start_in_child(void)
{
	struct sockiocp_waiter *waiter;
	struct group *group;

	for (group = groups; group < groups + GROUPS; group++) {
		int wake = group->wake;

		*group = (struct group)NEW_GROUP;
		if (wake >= 0)
			group->wake = renew(wake);
	}
	for (waiter = innermost; waiter; waiter = waiter->outer)
		enlist(waiter);
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

/* How long a thread waits that nobody can wake, since no descriptor was left; in ns. */
#define UNWOKEN_NS	(20 * NSEC_PER_MSEC)

/* Until when such a thread waits before it looks again. */
unsigned long long sockiocp_unwoken_deadline(unsigned long long deadline)
{
	unsigned long long next = sockiocp_now_ns() + UNWOKEN_NS;

	return next < deadline ? next : deadline;
}

/*
 * From now on the thread is told when one of its sockets is closed, and is not cancelled but
 * where the caller lets it.  What the caller asks afterwards whether closing has begun is not
 * missed either: who closes says so before it looks for waiters.
 */
void sockiocp_waiter_enters(struct sockiocp_waiter *waiter)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct group *group = group_of(waiter);

	pthread_once(&once, prepare);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &waiter->cancelled);
	waiter->thread = pthread_self();
	atomic_init(&waiter->told, SOCKIOCP_TOLD_NOTHING);
	pthread_mutex_lock(&group->lock);
	if (group->wake < 0)
		group->wake = sockiocp_own_eventfd();
	waiter->wake = group->wake;
	waiter->is_away = false;
	enlist(waiter);
	pthread_mutex_unlock(&group->lock);
	waiter->outer = innermost;
	innermost = waiter;
}

/* The wait is over, or its thread is cancelled.  errno stays. */
void sockiocp_waiter_leaves(void *argument)
{
	struct sockiocp_waiter *waiter = argument;
	struct group *group = group_of(waiter);

	pthread_mutex_lock(&group->lock);
	LIST_REMOVE(waiter, list);
	atomic_fetch_sub(&group->count, 1);
	if (group->tellers)
		pthread_cond_broadcast(&group->heard);
	pthread_mutex_unlock(&group->lock);
	innermost = waiter->outer;
	pthread_setcancelstate(waiter->cancelled, &(int){ 0 });
}

/*
 * The thread is about to run functions of the program, which may take long, wait for who
 * closes, close sockets, and wait for others.  Nobody waits for it until it is back; what it
 * is told meanwhile it finds then.
 */
void sockiocp_waiter_goes_away(struct sockiocp_waiter *waiter)
{
	struct group *group = group_of(waiter);

	pthread_mutex_lock(&group->lock);
	waiter->is_away = true;
	if (group->tellers)
		pthread_cond_broadcast(&group->heard);
	pthread_mutex_unlock(&group->lock);
}

void sockiocp_waiter_is_back(struct sockiocp_waiter *waiter)
{
	struct group *group = group_of(waiter);

	pthread_mutex_lock(&group->lock);
	waiter->is_away = false;
	pthread_mutex_unlock(&group->lock);
}

/*
 * Somebody is to hear something.  Returns what this waiter is told; if it was not meant it
 * stays until all have heard, since poll(2) would return at once until then.
 */
unsigned int sockiocp_waiter_hears(struct sockiocp_waiter *waiter)
{
	struct group *group = group_of(waiter);
	unsigned int told;

	pthread_mutex_lock(&group->lock);
	while (!atomic_load(&waiter->told) && group->tellers)
		sockiocp_cond_wait(&group->heard, &group->lock);
	told = atomic_load(&waiter->told);
	if (told == SOCKIOCP_TOLD_LOOK) {
		atomic_store(&waiter->told, SOCKIOCP_TOLD_NOTHING);
		pthread_cond_broadcast(&group->heard);
	}
	pthread_mutex_unlock(&group->lock);
	return told;
}

/* Does it wait for a socket?  Notes that it is closed, if that is @what. */
static bool has(struct sockiocp_waiter *waiter, int fd, unsigned char what)
{
	bool found = false;
	size_t i;

	for (i = 0; i < waiter->count; i++) {
		if (waiter->numbers[i] != fd)
			continue;
		found = true;
		if (what == SOCKIOCP_TOLD_CLOSED && waiter->closed)
			waiter->closed[i] = true;
	}
	return found;
}

/*
 * Have waiters for a socket not heard yet?  A signal handler that closes what its own thread
 * waits for would wait for itself.
 */
static bool some_have_to_hear(struct group *group, int fd)
{
	struct sockiocp_waiter *waiter;

	LIST_FOREACH(waiter, &group->waiters, list)
		if (atomic_load(&waiter->told) && !waiter->is_away &&
		    !pthread_equal(waiter->thread, pthread_self()) &&
		    has(waiter, fd, SOCKIOCP_TOLD_NOTHING))
			return true;
	return false;
}

static void tell_group(struct group *group, int fd, unsigned char what)
{
	struct sockiocp_waiter *waiter;

	if (!atomic_load(&group->count))
		return;
	pthread_mutex_lock(&group->lock);
	LIST_FOREACH(waiter, &group->waiters, list)
		if (has(waiter, fd, what) && atomic_load(&waiter->told) != SOCKIOCP_TOLD_CLOSED)
			atomic_store(&waiter->told, what);
	if (some_have_to_hear(group, fd)) {
		group->tellers++;
		sockiocp_eventfd_write(group->wake, 1);
		pthread_cond_broadcast(&group->heard);
		while (some_have_to_hear(group, fd))
			sockiocp_cond_wait(&group->heard, &group->lock);
		if (!--group->tellers) {
			sockiocp_eventfd_read(group->wake, &(eventfd_t){ 0 });
			pthread_cond_broadcast(&group->heard);
		}
	}
	pthread_mutex_unlock(&group->lock);
}

/*
 * A descriptor is about to be closed, or was closed: those that wait for it are told.
 * Returns when they have heard; who is told that it is closed has left then.
 */
void sockiocp_tell_waiters_of(int fd, unsigned char what)
{
	if (fd < 0)
		return;
	tell_group(&groups[(unsigned int)fd % SEVERAL], fd, what);
	tell_group(&groups[SEVERAL], fd, what);
}
