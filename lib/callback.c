// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What callback objects of the thread pool have in common: how often they are to be called,
 * waiting for that, and when they are freed.
 *
 * A call is a packet of the pool's port (pool.c), which cannot be taken back.  So the object
 * counts how often it is to be called, and a packet whose call was cancelled does nothing;
 * the object is there until its last packet was taken.
 */
#include <errno.h>
#include <stdlib.h>

#include "callback.h"
#include "uncancelled.h"

pthread_mutex_t sockiocp_callbacks_lock = PTHREAD_MUTEX_INITIALIZER;
/* An object has no calls left. */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;

static LIST_HEAD(, sockiocp_callback) callbacks = LIST_HEAD_INITIALIZER(callbacks);

/* The object whose function this thread calls. */
static _Thread_local struct sockiocp_callback *called;

/* Needs the lock. */
static void free_if_over(struct sockiocp_callback *callback)
{
	if (!callback->closed || callback->packets || callback->running)
		return;
	if (callback->gone)
		callback->gone(callback);
	LIST_REMOVE(callback, all);
	free(callback);
}

/* ---------------------------------------------------------------- a process that was forked */

/* The parent's packets are not the child's. */
static void start_in_child(void)
{
	struct sockiocp_callback *callback, *next;

	pthread_mutex_init(&sockiocp_callbacks_lock, NULL);
	pthread_cond_init(&idle, NULL);
	for (callback = LIST_FIRST(&callbacks); callback; callback = next) {
		next = LIST_NEXT(callback, all);
		callback->pending = 0;
		callback->packets = 0;
		callback->signalled = 0;
		callback->running = callback == called;
		free_if_over(callback);
	}
}

static void prepare(void)
{
	pthread_atfork(sockiocp_lock_callbacks, sockiocp_unlock_callbacks, start_in_child);
}

/* ---------------------------------------------------------------- calls */

static void call_ends(void *argument)
{
	struct sockiocp_callback *callback = argument;

	called = NULL;
	sockiocp_lock_callbacks();
	callback->running--;
	if (!callback->running && !callback->pending)
		pthread_cond_broadcast(&idle);
	free_if_over(callback);
	sockiocp_unlock_callbacks();
}

/*
 * A packet was taken.  Returns whether its call is to be made.  Those that were cancelled are
 * the oldest.  Needs the lock.
 */
bool sockiocp_callback_begins(struct sockiocp_callback *callback, struct sockiocp_pool_call *call)
{
	unsigned int packets = callback->packets;

	/* An operation that the program has not told of. */
	if (!packets) {
		callback->running++;
		return true;
	}
	callback->packets--;
	if (packets > callback->pending) {
		free_if_over(callback);
		return false;
	}
	callback->pending--;
	callback->running++;
	call->signalled = callback->signalled;
	callback->signalled -= call->signalled;
	return true;
}

/* Makes a call that has begun.  Without the lock.  The function may end its thread. */
void sockiocp_make_call(struct sockiocp_callback *callback, const struct sockiocp_pool_call *call)
{
	called = callback;
	pthread_cleanup_push(call_ends, callback);
	callback->call(callback, call);
	pthread_cleanup_pop(1);
}

/* Of a packet.  Takes the lock. */
static DWORD WINAPI take_call(LPVOID argument)
{
	struct sockiocp_callback *callback = argument;
	struct sockiocp_pool_call call = { 0 };
	bool begins;

	sockiocp_lock_callbacks();
	begins = sockiocp_callback_begins(callback, &call);
	sockiocp_unlock_callbacks();
	if (begins)
		sockiocp_make_call(callback, &call);
	return 0;
}

static void *take_call_alone(void *callback)
{
	take_call(callback);
	return NULL;
}

/* Counts a call that will have a packet.  Needs the lock. */
void sockiocp_count_call(struct sockiocp_callback *callback)
{
	callback->pending++;
	callback->packets++;
}

/* It will have none.  Needs the lock. */
void sockiocp_uncount_call(struct sockiocp_callback *callback)
{
	if (!callback->packets)
		return;
	/* Unless it was cancelled before. */
	if (callback->pending)
		callback->pending--;
	callback->packets--;
	if (!callback->running && !callback->pending)
		pthread_cond_broadcast(&idle);
	free_if_over(callback);
}

/*
 * Queues a packet for a call that is counted already.  Without the lock.  It cannot fail: if
 * the pool takes no more another thread is started, as soon as that can be.
 */
void sockiocp_queue_call(struct sockiocp_callback *callback)
{
	if (QueueUserWorkItem(take_call, callback, 0))
		return;
	while (sockiocp_start_detached(take_call_alone, callback))
		Sleep(1);
}

/*
 * Has an object called once and closes it.  Returns false, with the last error set, if that
 * cannot be.  Takes the lock.
 */
bool sockiocp_call_once(struct sockiocp_callback *callback)
{
	callback->closed = true;
	callback->pending = 1;
	callback->packets = 1;
	if (QueueUserWorkItem(take_call, callback, 0))
		return true;
	callback->packets = 0;
	sockiocp_lock_callbacks();
	free_if_over(callback);
	sockiocp_unlock_callbacks();
	return false;
}

/* Takes the lock. */
void sockiocp_wait_for_calls(struct sockiocp_callback *callback, bool cancels)
{
	sockiocp_lock_callbacks();
	if (cancels && callback->pending) {
		callback->pending = 0;
		callback->signalled = 0;
		pthread_cond_broadcast(&idle);
	}
	while (callback->pending || callback->running)
		sockiocp_cond_wait(&idle, &sockiocp_callbacks_lock);
	sockiocp_unlock_callbacks();
}

/* ---------------------------------------------------------------- objects */

/* Returns 0 or an errno value: there is one pool, and no groups. */
static int check_environment(PTP_CALLBACK_ENVIRON environment)
{
	if (!environment)
		return 0;
	if (environment->Version != 1 && environment->Version != 3)
		return EINVAL;
	return environment->Pool || environment->CleanupGroup ||
			       environment->FinalizationCallback ? EOPNOTSUPP : 0;
}

/* Makes an object of so many bytes.  Takes the lock.  Returns NULL with the last error set. */
void *sockiocp_create_callback(size_t size, sockiocp_callback_call *call, bool has_function,
			       void *context, PTP_CALLBACK_ENVIRON environment)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = has_function ? check_environment(environment) : EINVAL;
	struct sockiocp_callback *callback;

	if (err) {
		sockiocp_fail(err);
		return NULL;
	}
	pthread_once(&once, prepare);
	callback = calloc(1, size);
	if (!callback) {
		sockiocp_fail(ENOMEM);
		return NULL;
	}
	callback->call = call;
	callback->context = context;
	sockiocp_lock_callbacks();
	LIST_INSERT_HEAD(&callbacks, callback, all);
	sockiocp_unlock_callbacks();
	return callback;
}

/* It is freed when its last packet was taken.  Takes the lock. */
void sockiocp_close_callback(struct sockiocp_callback *callback)
{
	sockiocp_lock_callbacks();
	callback->closed = true;
	free_if_over(callback);
	sockiocp_unlock_callbacks();
}
