// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Mutexes and semaphores, and the list of the waits that sleep.
 *
 * They live in the memory of the process, and cost no descriptor: their handles are
 * numbers that no descriptor has, and say where in a table the object is.  One that is
 * free is taken, and given back, by changing one word.
 *
 * If somebody sleeps, or looks at several at a time, the word has LOCKABLE_SLOW, which
 * makes everybody take the lock below.  Under it nothing that is looked at changes, so
 * several are taken all at once or not at all; and who gives one back hands it to the
 * oldest wait that it ends.  So nobody who comes later overtakes, as on Windows, and no
 * thread is woken in vain.
 *
 * Events are handed over in the same way: SetEvent() ends the waits that it releases, so that
 * nobody can take, or reset, what a thread was released by and has not run to see yet.
 *
 * The list also has those who wait for threads and ports: whoever ends a thread or
 * closes a handle wakes them to look again (wait.c).
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockable.h"
#include "uncancelled.h"

#define LOCKABLE_SLOW		0x80000000u
/* A mutex that is free because its owner has ended.  Threads have lower numbers. */
#define LOCKABLE_ABANDONED	0x40000000u

static struct sockiocp_lockable *_Atomic table[SOCKIOCP_LOCKABLES];
/* Of each handle: HANDLE_FLAG_INHERIT is set, which is for who asks only. */
static atomic_bool inherits[SOCKIOCP_LOCKABLES];
/* Below it no place is free.  Under the lock. */
static unsigned int lowest_free;

/* Those that exist, and those that may become another one. */
static LIST_HEAD(, sockiocp_lockable) objects = LIST_HEAD_INITIALIZER(objects);
static LIST_HEAD(, sockiocp_lockable) unused = LIST_HEAD_INITIALIZER(unused);

/* The oldest one first. */
static TAILQ_HEAD(, sockiocp_wait) waits = TAILQ_HEAD_INITIALIZER(waits);
/* How many of them hear of threads and ports, for those who have no time to look. */
static atomic_int nr_hearing;

/* A wait for all of several is about to take what it has seen, perhaps in vain. */
static atomic_int nr_taking_all;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The number of this thread once it may own mutexes, or wait for them; or 0. */
static _Thread_local unsigned int this_thread
	__attribute__((__tls_model__("initial-exec")));

static pthread_key_t end_key;

/* By which a thread is woken that sleeps in poll(2), from its first such sleep to its end. */
struct waker {
	int fd;
	LIST_ENTRY(waker) list;
};

/* This thread's, or NULL. */
static _Thread_local struct waker *waker;
/* Those of all threads, under the lock. */
static LIST_HEAD(, waker) wakers = LIST_HEAD_INITIALIZER(wakers);

/* The child's one thread owns what it did; the others are gone. */
static void start_in_child(void)
{
	unsigned int before = this_thread, state;
	struct sockiocp_lockable *object;
	struct waker *of_parent;

	pthread_mutex_init(&lock, NULL);
	TAILQ_INIT(&waits);
	/* The parent's threads are woken by these. */
	while ((of_parent = LIST_FIRST(&wakers))) {
		LIST_REMOVE(of_parent, list);
		close(of_parent->fd);
		free(of_parent);
	}
	waker = NULL;
	atomic_store(&nr_hearing, 0);
	atomic_store(&nr_taking_all, 0);
	if (before)
		this_thread = (unsigned int)gettid();
	LIST_FOREACH(object, &objects, all) {
		state = atomic_load(&object->state) & ~LOCKABLE_SLOW;
		if (object->is_mutex && state && !(state & LOCKABLE_ABANDONED))
			state = state == before ? this_thread : LOCKABLE_ABANDONED;
		object->sleepers = 0;
		atomic_store(&object->state, state);
	}
	sockiocp_forget_sleepers();
}

static void end_of_thread(void *unused_argument)
{
	(void)unused_argument;
	sockiocp_abandon_mutexes();
	sockiocp_drop_wake_fd(true);
}

static void prepare(void)
{
	/* Without a key a mutex is not abandoned by a thread that this library has not made. */
	pthread_key_create(&end_key, end_of_thread);
	pthread_atfork(sockiocp_lock_waits, sockiocp_unlock_waits, start_in_child);
}

/* Has a fork be told of; before anybody sleeps, or anything is made. */
void sockiocp_prepare_waits(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, prepare);
}

/* Returns the number by which this thread owns mutexes. */
unsigned int sockiocp_this_thread(void)
{
	if (!this_thread) {
		sockiocp_prepare_waits();
		this_thread = (unsigned int)gettid();
		pthread_setspecific(end_key, &this_thread);
	}
	return this_thread;
}

/* Returns what wakes this thread; -1 if no descriptor, or no memory, is left. */
int sockiocp_wake_fd(void)
{
	int cancelled;

	if (waker)
		return waker->fd;
	sockiocp_prepare_waits();
	waker = malloc(sizeof(*waker));
	if (!waker)
		return -1;
	/* Moving a descriptor closes one, where a thread may be cancelled. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelled);
	waker->fd = sockiocp_own_eventfd();
	pthread_setcancelstate(cancelled, &(int){ 0 });
	if (waker->fd < 0) {
		free(waker);
		waker = NULL;
		return -1;
	}
	sockiocp_lock_waits();
	LIST_INSERT_HEAD(&wakers, waker, list);
	sockiocp_unlock_waits();
	pthread_setspecific(end_key, waker);
	return waker->fd;
}

/* It is the thread's no more: that ends, or the program has closed what was not its own. */
void sockiocp_drop_wake_fd(bool is_open)
{
	if (!waker)
		return;
	sockiocp_lock_waits();
	LIST_REMOVE(waker, list);
	sockiocp_unlock_waits();
	if (is_open)
		close(waker->fd);
	free(waker);
	waker = NULL;
}

void sockiocp_lock_waits(void)
{
	pthread_mutex_lock(&lock);
}

void sockiocp_unlock_waits(void)
{
	pthread_mutex_unlock(&lock);
}

static void wake(struct sockiocp_wait *wait)
{
	atomic_store(&wait->disturbed, 1);
	if (wait->event >= 0)
		sockiocp_eventfd_write(wait->event, 1);
	else
		syscall(SYS_futex, &wait->disturbed, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* A thread has ended, or a handle was closed: who waits for such looks again. */
void sockiocp_disturb_waits(void)
{
	struct sockiocp_wait *wait;

	/* Who comes to the list later than this looks later, too. */
	if (!atomic_load(&nr_hearing))
		return;
	sockiocp_lock_waits();
	TAILQ_FOREACH(wait, &waits, list)
		if (wait->hears)
			wake(wait);
	sockiocp_unlock_waits();
}

/* Has its word change under the lock only.  Needs the lock, as all that follow. */
static void freeze(struct sockiocp_lockable *object)
{
	atomic_fetch_or(&object->state, LOCKABLE_SLOW);
}

static void thaw(struct sockiocp_lockable *object)
{
	if (!object->sleepers)
		atomic_fetch_and(&object->state, ~LOCKABLE_SLOW);
}

/* Of what is frozen: could @thread have it? */
bool sockiocp_can_take(const struct sockiocp_lockable *object, unsigned int thread)
{
	unsigned int state = atomic_load(&object->state) & ~LOCKABLE_SLOW;

	if (!object->is_mutex)
		return state;
	return !state || state == LOCKABLE_ABANDONED || state == thread;
}

/* Takes it.  Returns whether it is a mutex that was abandoned. */
bool sockiocp_take_lockable(struct sockiocp_lockable *object, unsigned int thread)
{
	unsigned int state = atomic_load(&object->state) & ~LOCKABLE_SLOW;

	if (!object->is_mutex) {
		atomic_store(&object->state, (state - 1) | LOCKABLE_SLOW);
		return false;
	}
	object->recursion = state == thread ? object->recursion + 1 : 1;
	atomic_store(&object->state, thread | LOCKABLE_SLOW);
	return state == LOCKABLE_ABANDONED;
}

static void end_by(struct sockiocp_wait *wait, DWORD result)
{
	wait->result = result;
	wait->over = true;
	wake(wait);
}

/* Ends a wait for all if they are there: one for mutexes and semaphores alone is cheaper. */
static void offer_to_all(struct sockiocp_wait *wait)
{
	bool abandoned = false;
	DWORD i, result;

	if (!wait->lockables_only) {
		atomic_fetch_add(&nr_taking_all, 1);
		result = wait->look(wait);
		atomic_fetch_sub(&nr_taking_all, 1);
		if (result != WAIT_TIMEOUT)
			end_by(wait, result);
		return;
	}
	for (i = 0; i < wait->count; i++)
		if (!sockiocp_can_take(wait->lockables[i], wait->thread))
			return;
	for (i = 0; i < wait->count; i++)
		abandoned |= sockiocp_take_lockable(wait->lockables[i], wait->thread);
	end_by(wait, abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0);
}

static void offer_to(struct sockiocp_wait *wait, struct sockiocp_lockable *object)
{
	DWORD i;

	for (i = 0; i < wait->count && wait->lockables[i] != object; i++)
		;
	if (i == wait->count || wait->over)
		return;
	if (wait->all)
		offer_to_all(wait);
	else
		end_by(wait, i + (sockiocp_take_lockable(object, wait->thread) ?
				  WAIT_ABANDONED_0 : WAIT_OBJECT_0));
}

/* Hands out what somebody has given back. */
static void hand_out(struct sockiocp_lockable *object)
{
	struct sockiocp_wait *wait;

	if (!object->sleepers)
		return;
	TAILQ_FOREACH(wait, &waits, list) {
		/* Nobody sleeps for what is his. */
		if (!sockiocp_can_take(object, 0))
			break;
		offer_to(wait, object);
	}
}

/* Which of a wait's objects an event is.  Returns their number if it is none. */
static DWORD place_of_event(const struct sockiocp_wait *wait, int fd)
{
	const struct sockiocp_object *object;
	DWORD i;

	for (i = 0; i < wait->nr_objects; i++) {
		object = &wait->objects[i];
		/* The number may have been another event's when the wait began. */
		if (object->fd == fd && object->kind & SOCKIOCP_EVENT &&
		    object->count == sockiocp_close_count(fd))
			break;
	}
	return i;
}

/*
 * A manual event ends all waits that it can end, and is set.  Another one ends the oldest; or
 * it is set, if there is none.  Who waits for all finds it set while it looks.
 */
static void hand_out_event(int fd, bool manual)
{
	struct sockiocp_wait *wait;
	bool is_set = manual;
	eventfd_t taken;
	DWORD i;

	if (manual)
		sockiocp_eventfd_write(fd, 1);
	TAILQ_FOREACH(wait, &waits, list) {
		i = wait->over ? wait->nr_objects : place_of_event(wait, fd);
		if (i == wait->nr_objects)
			continue;
		if (wait->all) {
			if (!is_set)
				sockiocp_eventfd_write(fd, 1);
			is_set = true;
			offer_to_all(wait);
		} else if (manual || !is_set || !sockiocp_eventfd_read(fd, &taken)) {
			end_by(wait, WAIT_OBJECT_0 + i);
		}
		/* If it is not set any more somebody who came by has taken it. */
		if (!manual && (wait->over || !wait->all))
			return;
	}
	if (!is_set)
		sockiocp_eventfd_write(fd, 1);
}

/* SetEvent(), if somebody sleeps until it. */
void sockiocp_release_by_event(int fd, bool manual)
{
	sockiocp_lock_waits();
	hand_out_event(fd, manual);
	sockiocp_unlock_waits();
}

/* From now on the wait is told, by those who give back or set, and of threads and ports. */
void sockiocp_enlist_wait(struct sockiocp_wait *wait)
{
	DWORD i;

	sockiocp_prepare_waits();
	wait->over = false;
	sockiocp_lock_waits();
	for (i = 0; i < wait->count; i++) {
		if (wait->lockables[i]) {
			wait->lockables[i]->sleepers++;
			freeze(wait->lockables[i]);
		}
	}
	TAILQ_INSERT_TAIL(&waits, wait, list);
	if (wait->hears)
		atomic_fetch_add(&nr_hearing, 1);
	sockiocp_unlock_waits();
}

void sockiocp_delist_wait(struct sockiocp_wait *wait)
{
	DWORD i;

	sockiocp_lock_waits();
	for (i = 0; i < wait->count; i++) {
		if (wait->lockables[i]) {
			wait->lockables[i]->sleepers--;
			thaw(wait->lockables[i]);
		}
	}
	TAILQ_REMOVE(&waits, wait, list);
	if (wait->hears)
		atomic_fetch_sub(&nr_hearing, 1);
	sockiocp_unlock_waits();
}

/*
 * Looking at what is waited for begins: until it ends, nobody else takes or gives back any
 * of these.
 */
void sockiocp_begin_look(struct sockiocp_lockable **lockables, DWORD count, bool all)
{
	DWORD i;

	sockiocp_lock_waits();
	for (i = 0; i < count; i++)
		if (lockables[i])
			freeze(lockables[i]);
	if (all)
		atomic_fetch_add(&nr_taking_all, 1);
}

void sockiocp_end_look(struct sockiocp_lockable **lockables, DWORD count, bool all)
{
	DWORD i;

	if (all)
		atomic_fetch_sub(&nr_taking_all, 1);
	for (i = 0; i < count; i++)
		if (lockables[i])
			thaw(lockables[i]);
	sockiocp_unlock_waits();
}

/*
 * Returns whether what was not there may be there now: a wait for all had taken it, and
 * has put it back.
 */
bool sockiocp_was_put_back(void)
{
	if (!atomic_load(&nr_taking_all))
		return false;
	sockiocp_lock_waits();
	sockiocp_unlock_waits();
	return true;
}

static void give_back(struct sockiocp_lockable *object, unsigned int count)
{
	freeze(object);
	atomic_fetch_add(&object->state, count);
	hand_out(object);
	thaw(object);
}

/* The thread ends during a wait that has ended: nobody has taken what it was given. */
void sockiocp_undo_wait(struct sockiocp_wait *wait)
{
	DWORD i;

	if (!wait->over)
		return;
	sockiocp_lock_waits();
	/* Its mutexes are abandoned. */
	for (i = 0; i < wait->count; i++)
		if (wait->lockables[i] && !wait->lockables[i]->is_mutex &&
		    (wait->all || wait->result == WAIT_OBJECT_0 + i))
			give_back(wait->lockables[i], 1);
	for (i = 0; i < wait->nr_objects; i++) {
		const struct sockiocp_object *object = &wait->objects[i];

		if (object->kind & SOCKIOCP_EVENT && !(object->kind & SOCKIOCP_MANUAL) &&
		    object->count == sockiocp_close_count(object->fd) &&
		    (wait->all || wait->result == WAIT_OBJECT_0 + i))
			hand_out_event(object->fd, false);
	}
	sockiocp_unlock_waits();
}

/* This thread ends: others get what it owns, and are told. */
void sockiocp_abandon_mutexes(void)
{
	struct sockiocp_lockable *object;

	if (!this_thread)
		return;
	sockiocp_lock_waits();
	LIST_FOREACH(object, &objects, all) {
		if (!object->is_mutex ||
		    (atomic_load(&object->state) & ~LOCKABLE_SLOW) != this_thread)
			continue;
		atomic_store(&object->state, LOCKABLE_ABANDONED | LOCKABLE_SLOW);
		hand_out(object);
		thaw(object);
	}
	sockiocp_unlock_waits();
	this_thread = 0;
}

/* Returns the place of a handle, or NULL if it is none of these. */
static struct sockiocp_lockable *_Atomic *place_of(HANDLE handle)
{
	/* The low bits are not a part of a handle. */
	return sockiocp_is_lockable(handle) ?
		       &table[((uintptr_t)handle - SOCKIOCP_FIRST_LOCKABLE) / 4] : NULL;
}

static struct sockiocp_lockable *find(HANDLE handle)
{
	struct sockiocp_lockable *_Atomic *place = place_of(handle);

	return place ? atomic_load_explicit(place, memory_order_acquire) : NULL;
}

/* Needs the lock. */
static void put(struct sockiocp_lockable *object)
{
	if (--object->references)
		return;
	free(object->name);
	LIST_REMOVE(object, all);
	LIST_INSERT_HEAD(&unused, object, all);
}

/*
 * Fills in what handles are of, with references; NULL for those of other things.  Returns
 * false, and has none, if one is there twice and all are waited for.
 */
bool sockiocp_get_lockables(struct sockiocp_lockable **lockables, const HANDLE *handles,
			    DWORD count, bool all)
{
	bool twice = false;
	DWORD i;

	sockiocp_lock_waits();
	for (i = 0; i < count; i++) {
		lockables[i] = find(handles[i]);
		if (!lockables[i])
			continue;
		lockables[i]->references++;
		twice |= lockables[i]->seen;
		lockables[i]->seen = all;
	}
	for (i = 0; i < count; i++) {
		if (!lockables[i])
			continue;
		lockables[i]->seen = false;
		if (twice)
			put(lockables[i]);
	}
	sockiocp_unlock_waits();
	return !twice;
}

void sockiocp_put_lockables(struct sockiocp_lockable **lockables, DWORD count)
{
	DWORD i;

	sockiocp_lock_waits();
	for (i = 0; i < count; i++)
		if (lockables[i])
			put(lockables[i]);
	sockiocp_unlock_waits();
}

/* Makes a handle, which has a reference.  Returns NULL if there are too many. */
static HANDLE add_handle(struct sockiocp_lockable *object, bool inherit)
{
	unsigned int i = lowest_free;

	while (i < SOCKIOCP_LOCKABLES && table[i])
		i++;
	lowest_free = i;
	if (i == SOCKIOCP_LOCKABLES)
		return NULL;
	object->references++;
	atomic_store(&inherits[i], inherit);
	atomic_store_explicit(&table[i], object, memory_order_release);
	return (HANDLE)(uintptr_t)(SOCKIOCP_FIRST_LOCKABLE + 4 * i);
}

/* Closes a handle.  Returns false if it is none of these. */
bool sockiocp_close_lockable(HANDLE handle)
{
	struct sockiocp_lockable *object;

	if (!place_of(handle))
		return false;
	sockiocp_lock_waits();
	object = atomic_exchange(place_of(handle), NULL);
	if (object) {
		if (lowest_free > (unsigned int)(place_of(handle) - table))
			lowest_free = (unsigned int)(place_of(handle) - table);
		put(object);
	}
	sockiocp_unlock_waits();
	return object;
}

static struct sockiocp_lockable *find_name(const char *name)
{
	struct sockiocp_lockable *object;

	LIST_FOREACH(object, &objects, all)
		if (object->name && !strcmp(object->name, name))
			return object;
	return NULL;
}

static struct sockiocp_lockable *make(const struct sockiocp_lockable *like, char *name)
{
	struct sockiocp_lockable *object = LIST_FIRST(&unused);

	if (object)
		LIST_REMOVE(object, all);
	else
		object = malloc(sizeof(*object));
	if (!object)
		return NULL;
	*object = *like;
	object->name = name;
	LIST_INSERT_HEAD(&objects, object, all);
	return object;
}

/*
 * Makes a mutex or a semaphore, or another handle of the one of this name, which is given
 * to the library.  Returns NULL if it fails, and the last error says why.
 */
HANDLE sockiocp_create_lockable(const struct sockiocp_lockable *like, char *name)
{
	struct sockiocp_lockable *object;
	DWORD error = ERROR_SUCCESS;
	HANDLE handle = NULL;

	sockiocp_prepare_waits();
	sockiocp_lock_waits();
	object = name ? find_name(name) : NULL;
	if (object) {
		error = ERROR_ALREADY_EXISTS;
		free(name);
	} else {
		object = make(like, name);
		if (!object)
			free(name);
	}
	if (!object) {
		error = ERROR_NOT_ENOUGH_MEMORY;
	} else if (object->is_mutex != like->is_mutex) {
		error = ERROR_INVALID_HANDLE;
	} else {
		/* If there is no handle it goes with this one. */
		object->references++;
		handle = add_handle(object, false);
		if (!handle)
			error = ERROR_NO_SYSTEM_RESOURCES;
		put(object);
	}
	sockiocp_unlock_waits();
	SetLastError(error);
	return handle;
}

/* Makes another handle of the same.  Returns NULL with errno set. */
HANDLE sockiocp_duplicate_lockable(HANDLE handle, bool inherit)
{
	struct sockiocp_lockable *object;
	HANDLE other = NULL;

	if (!place_of(handle)) {
		errno = EBADF;
		return NULL;
	}
	sockiocp_lock_waits();
	object = find(handle);
	errno = object ? EAGAIN : EBADF;
	if (object)
		other = add_handle(object, inherit);
	sockiocp_unlock_waits();
	return other;
}

/* Returns where it is noted whether a handle is inherited, or NULL if it is none of these. */
atomic_bool *sockiocp_lockable_inherits(HANDLE handle)
{
	return find(handle) ? &inherits[place_of(handle) - table] : NULL;
}

static bool try_mutex(struct sockiocp_lockable *mutex, unsigned int *state)
{
	unsigned int thread = sockiocp_this_thread();

	*state = 0;
	if (atomic_compare_exchange_strong(&mutex->state, state, thread)) {
		mutex->recursion = 1;
		return true;
	}
	*state &= ~LOCKABLE_SLOW;
	if (*state != thread)
		return false;
	mutex->recursion++;
	return true;
}

static bool try_semaphore(struct sockiocp_lockable *semaphore, unsigned int *state)
{
	*state = atomic_load(&semaphore->state);
	while (*state && !(*state & LOCKABLE_SLOW))
		if (atomic_compare_exchange_weak(&semaphore->state, state, *state - 1))
			return true;
	return false;
}

/*
 * Takes one thing if that can be done without the lock.  Returns WAIT_OBJECT_0;
 * WAIT_TIMEOUT, and whether it is known that it cannot be had now; WAIT_FAILED: it is
 * none of these.
 */
DWORD sockiocp_try_lockable(HANDLE handle, bool *known)
{
	struct sockiocp_lockable *object = find(handle);
	unsigned int state;

	*known = false;
	if (!object)
		return WAIT_FAILED;
	if (object->is_mutex ? try_mutex(object, &state) : try_semaphore(object, &state))
		return WAIT_OBJECT_0;
	*known = object->is_mutex ? state && state != LOCKABLE_ABANDONED :
				    !(state & ~LOCKABLE_SLOW);
	return WAIT_TIMEOUT;
}

BOOL sockiocp_release_mutex(HANDLE handle)
{
	struct sockiocp_lockable *mutex = find(handle);
	unsigned int thread = sockiocp_this_thread();
	unsigned int state = thread;

	if (!mutex || !mutex->is_mutex)
		return sockiocp_fail(EBADF);
	if ((atomic_load(&mutex->state) & ~LOCKABLE_SLOW) != thread) {
		SetLastError(ERROR_NOT_OWNER);
		return FALSE;
	}
	if (--mutex->recursion || atomic_compare_exchange_strong(&mutex->state, &state, 0))
		return TRUE;
	sockiocp_lock_waits();
	atomic_store(&mutex->state, LOCKABLE_SLOW);
	hand_out(mutex);
	thaw(mutex);
	sockiocp_unlock_waits();
	return TRUE;
}

static BOOL too_many_posts(void)
{
	SetLastError(ERROR_TOO_MANY_POSTS);
	return FALSE;
}

BOOL sockiocp_release_semaphore(HANDLE handle, LONG by, LONG *before)
{
	struct sockiocp_lockable *semaphore = find(handle);
	unsigned int count, state;

	if (!semaphore || semaphore->is_mutex)
		return sockiocp_fail(EBADF);
	if (by <= 0)
		return sockiocp_fail(EINVAL);
	state = atomic_load(&semaphore->state);
	while (!(state & LOCKABLE_SLOW)) {
		if (semaphore->maximum - state < (unsigned int)by)
			return too_many_posts();
		if (!atomic_compare_exchange_weak(&semaphore->state, &state,
						  state + (unsigned int)by))
			continue;
		if (before)
			*before = (LONG)state;
		return TRUE;
	}
	sockiocp_lock_waits();
	freeze(semaphore);
	count = atomic_load(&semaphore->state) & ~LOCKABLE_SLOW;
	if (semaphore->maximum - count >= (unsigned int)by) {
		give_back(semaphore, (unsigned int)by);
		sockiocp_unlock_waits();
		if (before)
			*before = (LONG)count;
		return TRUE;
	}
	thaw(semaphore);
	sockiocp_unlock_waits();
	return too_many_posts();
}
