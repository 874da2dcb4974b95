// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Callbacks of the thread pool: work objects, timers, and simple ones.  What they have in
 * common: callback.c.
 *
 * Timers that are set stand in a list, the one that is due first at its head.  One thread
 * waits for that, and queues it.
 */
#include "callback.h"

/* ---------------------------------------------------------------- simple callbacks */

/* A function and its argument: a work object that is queued once, and closed. */
struct simple {
	struct sockiocp_callback callback;
	PTP_SIMPLE_CALLBACK function;
};

static void call_simple(struct sockiocp_callback *callback, const struct sockiocp_pool_call *unused)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };

	(void)unused;
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
	struct simple *simple = sockiocp_create_callback(sizeof(*simple), call_simple, pfns, pv,
							 pcbe);

	if (!simple)
		return FALSE;
	simple->function = pfns;
	return sockiocp_call_once(&simple->callback);
}

/* ---------------------------------------------------------------- work objects */

struct _TP_WORK {
	struct sockiocp_callback callback;
	PTP_WORK_CALLBACK function;
};

static void call_work(struct sockiocp_callback *callback, const struct sockiocp_pool_call *unused)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };
	struct _TP_WORK *work = (struct _TP_WORK *)callback;

	(void)unused;
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
	struct _TP_WORK *work = sockiocp_create_callback(sizeof(*work), call_work, pfnwk, pv,
							 pcbe);

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
	sockiocp_lock_callbacks();
	sockiocp_count_call(&pwk->callback);
	sockiocp_unlock_callbacks();
	sockiocp_queue_call(&pwk->callback);
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
	sockiocp_wait_for_calls(&pwk->callback, fCancelPendingCallbacks);
}

/**
 * CloseThreadpoolWork - free a work object
 * @pwk: the object, which is there until calls that are queued are over; these are made
 *
 * Windows: "CloseThreadpoolWork function (threadpoolapiset.h)".
 */
void WINAPI CloseThreadpoolWork(PTP_WORK pwk)
{
	sockiocp_close_callback(&pwk->callback);
}

/* ---------------------------------------------------------------- timers */

struct _TP_TIMER {
	struct sockiocp_callback callback;
	PTP_TIMER_CALLBACK function;
	/* In the list of those that will be due, in ns of CLOCK_MONOTONIC. */
	TAILQ_ENTRY(_TP_TIMER) list;
	bool is_listed, is_set;
	unsigned long long due, period;
};

/* Protected by the callbacks' lock. */
static TAILQ_HEAD(timer_list, _TP_TIMER) timers = TAILQ_HEAD_INITIALIZER(timers);
static bool has_timer_thread;
/* Another timer is due first; its clock is CLOCK_MONOTONIC. */
static pthread_cond_t first_changed;

static void init_first_changed(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&first_changed, &attr);
	pthread_condattr_destroy(&attr);
}

/* The parent's threads are not the child's, and no timer is set. */
static void start_in_child(void)
{
	struct _TP_TIMER *timer;

	init_first_changed();
	has_timer_thread = false;
	while ((timer = TAILQ_FIRST(&timers))) {
		TAILQ_REMOVE(&timers, timer, list);
		timer->is_listed = false;
		timer->is_set = false;
	}
}

static void prepare(void)
{
	init_first_changed();
	pthread_atfork(NULL, NULL, start_in_child);
}

static void call_timer(struct sockiocp_callback *callback, const struct sockiocp_pool_call *unused)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };
	struct _TP_TIMER *timer = (struct _TP_TIMER *)callback;

	(void)unused;
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
	sockiocp_count_call(&timer->callback);
	sockiocp_unlock_callbacks();
	sockiocp_queue_call(&timer->callback);
	sockiocp_lock_callbacks();
}

static void *timer_main(void *unused)
{
	unsigned long long now;
	struct _TP_TIMER *first;
	struct timespec until;

	(void)unused;
	sockiocp_lock_callbacks();
	for (;;) {
		first = TAILQ_FIRST(&timers);
		now = sockiocp_now_ns();
		if (!first) {
			pthread_cond_wait(&first_changed, &sockiocp_callbacks_lock);
		} else if (first->due > now) {
			until = sockiocp_timespec(first->due);
			pthread_cond_timedwait(&first_changed, &sockiocp_callbacks_lock, &until);
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
	struct _TP_TIMER *timer = sockiocp_create_callback(sizeof(*timer), call_timer, pfnti, pv,
							   pcbe);
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err;

	if (!timer)
		return NULL;
	pthread_once(&once, prepare);
	timer->function = pfnti;
	sockiocp_lock_callbacks();
	err = start_timer_thread();
	sockiocp_unlock_callbacks();
	if (!err)
		return timer;
	sockiocp_close_callback(&timer->callback);
	sockiocp_fail(err);
	return NULL;
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
	sockiocp_lock_callbacks();
	/* It has been, but this may be a process that was forked. */
	while (pftDueTime && start_timer_thread()) {
		sockiocp_unlock_callbacks();
		Sleep(1);
		sockiocp_lock_callbacks();
	}
	unlist_timer(pti);
	pti->is_set = pftDueTime;
	if (pftDueTime) {
		pti->due = sockiocp_due_at(pftDueTime, now);
		pti->period = msPeriod * NSEC_PER_MSEC;
		list_timer(pti);
		if (TAILQ_FIRST(&timers) == pti)
			pthread_cond_signal(&first_changed);
		if (pti->due <= now)
			timer_is_due(pti, now);
	}
	sockiocp_unlock_callbacks();
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

	sockiocp_lock_callbacks();
	is_set = pti->is_set;
	sockiocp_unlock_callbacks();
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
	sockiocp_wait_for_calls(&pti->callback, fCancelPendingCallbacks);
}

/**
 * CloseThreadpoolTimer - free a timer
 * @pti: the timer, which is not due any more; a call that is queued is made
 *
 * Windows: "CloseThreadpoolTimer function (threadpoolapiset.h)".
 */
void WINAPI CloseThreadpoolTimer(PTP_TIMER pti)
{
	sockiocp_lock_callbacks();
	unlist_timer(pti);
	sockiocp_unlock_callbacks();
	sockiocp_close_callback(&pti->callback);
}
