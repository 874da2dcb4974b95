// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Callbacks of the thread pool: work objects, timers, and simple ones.
 *
 * A callback object is queued as a packet of the pool's port (pool.c), which cannot be taken
 * back.  So the object counts how often it is to be called, and a packet whose call was
 * cancelled does nothing; the object is there until its last packet was taken.
 *
 * Timers that are set stand in a list, the one that is due first at its head.  One thread
 * waits for that, and queues it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "internal.h"

/* What work objects and timers have in common.  At their beginnings. */
struct callback {
	LIST_ENTRY(callback) all;
	/* Calls the program's function. */
	void (*call)(struct callback *callback);
	void *context;
	/* Calls that are queued, calls under way, and packets in the queue. */
	unsigned int pending, running, packets;
	bool closed;
};

struct _TP_WORK {
	struct callback callback;
	PTP_WORK_CALLBACK function;
};

struct _TP_TIMER {
	struct callback callback;
	PTP_TIMER_CALLBACK function;
	/* In the list of those that will be due, in ns of CLOCK_MONOTONIC. */
	TAILQ_ENTRY(_TP_TIMER) list;
	bool is_listed, is_set;
	unsigned long long due, period;
};

/* What functions get for what belongs to one call: there is nothing yet. */
struct _TP_CALLBACK_INSTANCE {
	struct callback *callback;
};

/* Protects all of that. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* An object has no calls left. */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
/* Another timer is due first; its clock is CLOCK_MONOTONIC. */
static pthread_cond_t first_changed;

static LIST_HEAD(, callback) callbacks = LIST_HEAD_INITIALIZER(callbacks);
static TAILQ_HEAD(timer_list, _TP_TIMER) timers = TAILQ_HEAD_INITIALIZER(timers);
static bool has_timer_thread;

/* The object whose function this thread calls. */
static _Thread_local struct callback *called;

/* Needs the lock, as all that follow unless they say so. */
static void free_if_over(struct callback *callback)
{
	if (!callback->closed || callback->packets || callback->running)
		return;
	LIST_REMOVE(callback, all);
	free(callback);
}

/* ---------------------------------------------------------------- a process that was forked */

static void init_first_changed(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&first_changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void lock_all(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_all(void)
{
	pthread_mutex_unlock(&lock);
}

/* The parent's packets and its threads are not the child's, and no timer is set. */
static void start_in_child(void)
{
	struct callback *callback, *next;
	struct _TP_TIMER *timer;

	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&idle, NULL);
	init_first_changed();
	has_timer_thread = false;
	while ((timer = TAILQ_FIRST(&timers))) {
		TAILQ_REMOVE(&timers, timer, list);
		timer->is_listed = false;
		timer->is_set = false;
	}
	for (callback = LIST_FIRST(&callbacks); callback; callback = next) {
		next = LIST_NEXT(callback, all);
		callback->pending = 0;
		callback->packets = 0;
		callback->running = callback == called;
		free_if_over(callback);
	}
}

static void prepare_once(void)
{
	init_first_changed();
	pthread_atfork(lock_all, unlock_all, start_in_child);
}

/* ---------------------------------------------------------------- calls */

/* Takes the lock. */
static void end_call(void *argument)
{
	struct callback *callback = argument;

	called = NULL;
	pthread_mutex_lock(&lock);
	callback->running--;
	if (!callback->running && !callback->pending)
		pthread_cond_broadcast(&idle);
	free_if_over(callback);
	pthread_mutex_unlock(&lock);
}

/* Of a packet.  Takes the lock.  The function may end its thread. */
static DWORD WINAPI take_call(LPVOID argument)
{
	struct callback *callback = argument;
	bool is_cancelled;

	pthread_mutex_lock(&lock);
	callback->packets--;
	is_cancelled = !callback->pending;
	if (is_cancelled) {
		free_if_over(callback);
	} else {
		callback->pending--;
		callback->running++;
	}
	pthread_mutex_unlock(&lock);
	if (is_cancelled)
		return 0;
	called = callback;
	pthread_cleanup_push(end_call, callback);
	callback->call(callback);
	pthread_cleanup_pop(1);
	return 0;
}

static void *take_call_alone(void *callback)
{
	take_call(callback);
	return NULL;
}

/*
 * Queues a packet for a call that is counted already.  Without the lock.  It cannot fail: if
 * the pool takes no more another thread is started, as soon as that can be.
 */
static void queue_packet(struct callback *callback)
{
	if (QueueUserWorkItem(take_call, callback, 0))
		return;
	while (sockiocp_start_detached(take_call_alone, callback))
		Sleep(1);
}

static void count_call(struct callback *callback)
{
	callback->pending++;
	callback->packets++;
}

/* Takes the lock. */
static void wait_for_calls(struct callback *callback, bool cancels)
{
	pthread_mutex_lock(&lock);
	if (cancels && callback->pending) {
		callback->pending = 0;
		pthread_cond_broadcast(&idle);
	}
	while (callback->pending || callback->running)
		pthread_cond_wait(&idle, &lock);
	pthread_mutex_unlock(&lock);
}

/* Takes the lock. */
static void close_callback(struct callback *callback)
{
	pthread_mutex_lock(&lock);
	callback->closed = true;
	free_if_over(callback);
	pthread_mutex_unlock(&lock);
}

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
static void *create_callback(size_t size, void (*call)(struct callback *), bool has_function,
			     void *context, PTP_CALLBACK_ENVIRON environment)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = has_function ? check_environment(environment) : EINVAL;
	struct callback *callback;

	if (err) {
		sockiocp_fail(err);
		return NULL;
	}
	pthread_once(&once, prepare_once);
	callback = calloc(1, size);
	if (!callback) {
		sockiocp_fail(ENOMEM);
		return NULL;
	}
	callback->call = call;
	callback->context = context;
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&callbacks, callback, all);
	pthread_mutex_unlock(&lock);
	return callback;
}

/* ---------------------------------------------------------------- simple callbacks */

/* A function and its argument: a work object that is queued once, and closed. */
struct simple {
	struct callback callback;
	PTP_SIMPLE_CALLBACK function;
};

static void call_simple(struct callback *callback)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };

	((struct simple *)callback)->function(&instance, callback->context);
}

/**
 * TrySubmitThreadpoolCallback - have a thread of the pool call a function
 * @pfns: the function
 * @pv: its argument
 * @pcbe: as for CreateThreadpoolWork()
 *
 * As QueueUserWorkItem(), but for the function's arguments.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why, as for
 * CreateThreadpoolWork() and QueueUserWorkItem().
 *
 * Windows: "TrySubmitThreadpoolCallback function (threadpoolapiset.h)".
 */
BOOL WINAPI TrySubmitThreadpoolCallback(PTP_SIMPLE_CALLBACK pfns, PVOID pv,
					PTP_CALLBACK_ENVIRON pcbe)
{
	struct simple *simple = create_callback(sizeof(*simple), call_simple, pfns, pv, pcbe);

	if (!simple)
		return FALSE;
	simple->function = pfns;
	simple->callback.closed = true;
	simple->callback.pending = 1;
	simple->callback.packets = 1;
	if (QueueUserWorkItem(take_call, simple, 0))
		return TRUE;
	simple->callback.packets = 0;
	pthread_mutex_lock(&lock);
	free_if_over(&simple->callback);
	pthread_mutex_unlock(&lock);
	return FALSE;
}

/* ---------------------------------------------------------------- work objects */

static void call_work(struct callback *callback)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };
	struct _TP_WORK *work = (struct _TP_WORK *)callback;

	work->function(&instance, callback->context, work);
}

/**
 * CreateThreadpoolWork - make an object that stands for a function of the pool
 * @pfnwk: the function
 * @pv: its second argument
 * @pcbe: NULL, or an environment as InitializeThreadpoolEnvironment() makes it
 *
 * The caller passes it to CloseThreadpoolWork().
 *
 * Return: the object; NULL if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	no function, or an environment of another version
 *   ERROR_NOT_SUPPORTED	an environment with a pool, a group or a last callback
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "CreateThreadpoolWork function (threadpoolapiset.h)".
 */
PTP_WORK WINAPI CreateThreadpoolWork(PTP_WORK_CALLBACK pfnwk, PVOID pv, PTP_CALLBACK_ENVIRON pcbe)
{
	struct _TP_WORK *work = create_callback(sizeof(*work), call_work, pfnwk, pv, pcbe);

	if (work)
		work->function = pfnwk;
	return work;
}

/**
 * SubmitThreadpoolWork - have a thread of the pool call the function of a work object
 * @pwk: the object; each call of this is one of the function
 *
 * As QueueUserWorkItem(), but it does not fail: if the pool takes no more another thread is
 * started, and if there can be none this waits until there can.
 *
 * Windows: "SubmitThreadpoolWork function (threadpoolapiset.h)".
 */
void WINAPI SubmitThreadpoolWork(PTP_WORK pwk)
{
	pthread_mutex_lock(&lock);
	count_call(&pwk->callback);
	pthread_mutex_unlock(&lock);
	queue_packet(&pwk->callback);
}

/**
 * WaitForThreadpoolWorkCallbacks - wait until the function is not called any more
 * @pwk: the object
 * @fCancelPendingCallbacks: whether calls that have not begun are not made
 *
 * A function that waits here for its own object waits for ever, as on Windows.
 *
 * Windows: "WaitForThreadpoolWorkCallbacks function (threadpoolapiset.h)".
 */
void WINAPI WaitForThreadpoolWorkCallbacks(PTP_WORK pwk, BOOL fCancelPendingCallbacks)
{
	wait_for_calls(&pwk->callback, fCancelPendingCallbacks);
}

/**
 * CloseThreadpoolWork - free a work object
 * @pwk: the object, which is there until calls that are queued are over; these are made
 *
 * Windows: "CloseThreadpoolWork function (threadpoolapiset.h)".
 */
void WINAPI CloseThreadpoolWork(PTP_WORK pwk)
{
	close_callback(&pwk->callback);
}

/* ---------------------------------------------------------------- timers */

static void call_timer(struct callback *callback)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };
	struct _TP_TIMER *timer = (struct _TP_TIMER *)callback;

	timer->function(&instance, callback->context, timer);
}

/* Most are due later than those that are there. */
static void list_timer(struct _TP_TIMER *timer)
{
	struct _TP_TIMER *before;

	TAILQ_FOREACH_REVERSE(before, &timers, timer_list, list)
		if (before->due <= timer->due)
			break;
	if (before)
		TAILQ_INSERT_AFTER(&timers, before, timer, list);
	else
		TAILQ_INSERT_HEAD(&timers, timer, list);
	timer->is_listed = true;
}

static void unlist_timer(struct _TP_TIMER *timer)
{
	if (timer->is_listed)
		TAILQ_REMOVE(&timers, timer, list);
	timer->is_listed = false;
}

/* Has it called, unless the call before has not begun.  Lets go of the lock meanwhile. */
static void timer_is_due(struct _TP_TIMER *timer, unsigned long long now)
{
	unlist_timer(timer);
	if (timer->period) {
		timer->due += timer->period;
		if (timer->due <= now)
			timer->due = now + timer->period;
		list_timer(timer);
	}
	if (timer->callback.pending)
		return;
	count_call(&timer->callback);
	pthread_mutex_unlock(&lock);
	queue_packet(&timer->callback);
	pthread_mutex_lock(&lock);
}

static void *timer_main(void *unused)
{
	unsigned long long now;
	struct _TP_TIMER *first;
	struct timespec until;

	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		first = TAILQ_FIRST(&timers);
		now = sockiocp_now_ns();
		if (!first) {
			pthread_cond_wait(&first_changed, &lock);
		} else if (first->due > now) {
			until = sockiocp_timespec(first->due);
			pthread_cond_timedwait(&first_changed, &lock, &until);
		} else {
			timer_is_due(first, now);
		}
	}
	return NULL;
}

/* Returns 0 or an errno value. */
static int start_timer_thread(void)
{
	int err = has_timer_thread ? 0 : sockiocp_start_detached(timer_main, NULL);

	has_timer_thread |= !err;
	return err;
}

/**
 * CreateThreadpoolTimer - make a timer that has a function of the pool called
 * @pfnti: the function
 * @pv: its second argument
 * @pcbe: as for CreateThreadpoolWork()
 *
 * The caller passes it to CloseThreadpoolTimer().  It takes no descriptor; there is one thread
 * for all timers.
 *
 * Return: the timer, which is not set; NULL if it fails, and GetLastError() says why:
 * as for CreateThreadpoolWork(), or ERROR_NO_SYSTEM_RESOURCES: no thread can be started.
 *
 * Windows: "CreateThreadpoolTimer function (threadpoolapiset.h)".
 */
PTP_TIMER WINAPI CreateThreadpoolTimer(PTP_TIMER_CALLBACK pfnti, PVOID pv,
				       PTP_CALLBACK_ENVIRON pcbe)
{
	struct _TP_TIMER *timer = create_callback(sizeof(*timer), call_timer, pfnti, pv, pcbe);
	int err;

	if (!timer)
		return NULL;
	timer->function = pfnti;
	pthread_mutex_lock(&lock);
	err = start_timer_thread();
	pthread_mutex_unlock(&lock);
	if (!err)
		return timer;
	close_callback(&timer->callback);
	sockiocp_fail(err);
	return NULL;
}

/* Returns when it is due, in ns of CLOCK_MONOTONIC, by the clock as it is @now. */
static unsigned long long due_at(const FILETIME *time, unsigned long long now)
{
	LONGLONG at = (LONGLONG)((ULONGLONG)time->dwHighDateTime << 32 | time->dwLowDateTime);
	LONGLONG clock = (LONGLONG)sockiocp_file_time();
	unsigned long long units;

	if (at < 0)
		units = -(unsigned long long)at;
	else
		units = at > clock ? (unsigned long long)(at - clock) : 0;
	return units < (ULLONG_MAX - now) / NSEC_PER_UNIT ? now + units * NSEC_PER_UNIT :
							    ULLONG_MAX;
}

/**
 * SetThreadpoolTimer - say when a timer is due
 * @pti: the timer; what was set before is forgotten, but a call that is queued is made
 * @pftDueTime: when, in units of 100 ns: since 1601 (UTC) or, if it is negative, from now on;
 *	NULL: never
 * @msPeriod: after how many ms again, and again; 0 for not
 * @msWindowLength: how much later the call may be, which it is not
 *
 * The function is called by a thread of the pool.  If a call has not begun when the timer is
 * due again, that is one call.  A clock that is set does not change when it is due.
 *
 * Windows: "SetThreadpoolTimer function (threadpoolapiset.h)".
 */
void WINAPI SetThreadpoolTimer(PTP_TIMER pti, PFILETIME pftDueTime, DWORD msPeriod,
			       DWORD msWindowLength)
{
	unsigned long long now = sockiocp_now_ns();

	(void)msWindowLength;
	pthread_mutex_lock(&lock);
	/* It has been, but this may be a process that was forked. */
	while (pftDueTime && start_timer_thread()) {
		pthread_mutex_unlock(&lock);
		Sleep(1);
		pthread_mutex_lock(&lock);
	}
	unlist_timer(pti);
	pti->is_set = pftDueTime;
	if (pftDueTime) {
		pti->due = due_at(pftDueTime, now);
		pti->period = msPeriod * NSEC_PER_MSEC;
		list_timer(pti);
		if (TAILQ_FIRST(&timers) == pti)
			pthread_cond_signal(&first_changed);
		if (pti->due <= now)
			timer_is_due(pti, now);
	}
	pthread_mutex_unlock(&lock);
}

/**
 * IsThreadpoolTimerSet - was a timer set?
 * @pti: the timer
 *
 * Return: nonzero if the last SetThreadpoolTimer() had a time, also when that is over, as on
 * Windows; otherwise FALSE.
 *
 * Windows: "IsThreadpoolTimerSet function (threadpoolapiset.h)".
 */
BOOL WINAPI IsThreadpoolTimerSet(PTP_TIMER pti)
{
	BOOL is_set;

	pthread_mutex_lock(&lock);
	is_set = pti->is_set;
	pthread_mutex_unlock(&lock);
	return is_set;
}

/**
 * WaitForThreadpoolTimerCallbacks - wait until the function is not called any more
 * @pti: the timer, which stays set
 * @fCancelPendingCallbacks: whether a call that has not begun is not made
 *
 * Windows: "WaitForThreadpoolTimerCallbacks function (threadpoolapiset.h)".
 */
void WINAPI WaitForThreadpoolTimerCallbacks(PTP_TIMER pti, BOOL fCancelPendingCallbacks)
{
	wait_for_calls(&pti->callback, fCancelPendingCallbacks);
}

/**
 * CloseThreadpoolTimer - free a timer
 * @pti: the timer, which is not due any more; a call that is queued is made
 *
 * Windows: "CloseThreadpoolTimer function (threadpoolapiset.h)".
 */
void WINAPI CloseThreadpoolTimer(PTP_TIMER pti)
{
	pthread_mutex_lock(&lock);
	unlist_timer(pti);
	pthread_mutex_unlock(&lock);
	close_callback(&pti->callback);
}
