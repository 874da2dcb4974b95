// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Registered waits: when a handle is signalled, or the time is over, a thread of the pool
 * calls a function.
 *
 * As on Windows a wait thread waits for up to 63 handles, by the function that programs
 * call for that (wait.c), so that whatever can be waited for can be registered.  One more
 * handle is an event of its own, which ends the wait when the handles have changed.  In
 * one round it is told of one handle, and has the function called (pool.c).
 *
 * While a call is in the pool's queue the handle is not waited for, so that one that stays
 * signalled does not fill the queue: the thread that begins the call has it waited for
 * again.
 *
 * UnregisterWait() lets the wait thread leave its wait first.  So no signal is taken by a
 * wait that is not registered any more.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "internal.h"
#include "lockable.h"
#include "uncancelled.h"

/* One is the thread's own event. */
#define MOST_WAITS	(MAXIMUM_WAIT_OBJECTS - 1)
/* How often a wait thread looks at its list if there is no descriptor for its event, in ms. */
#define LOOK_MS		100

/* A wait thread. */
struct waiter {
	LIST_ENTRY(waiter) all;
	/* The one that was signalled last comes last. */
	TAILQ_HEAD(, registered_wait) waits;
	unsigned int count;
	/* Set when there is something new; NULL if there is no event. */
	HANDLE wake;
};

/* What a wait handle is the address of. */
struct registered_wait {
	LIST_ENTRY(registered_wait) known;
	TAILQ_ENTRY(registered_wait) list;
	/* NULL in a process that was forked, which has no wait threads. */
	struct waiter *waiter;
	HANDLE handle;
	WAITORTIMERCALLBACK function;
	void *context;
	ULONG ms, flags;
	/* When the time is over; ULLONG_MAX: never. */
	unsigned long long end;
	/* The wait thread waits for it at this moment. */
	bool waited_for;
	/* It is not to be waited for: its call is queued, or there will be none any more. */
	bool rests;
	bool unregistered;
	/* How many calls are queued or under way. */
	unsigned int calls;
	/* UnregisterWait() is over: the last call frees it, and sets the event if there is one. */
	bool is_left;
	HANDLE event;
};

/* Protects all of that. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* A wait thread has left its wait, or the last call of a wait is over. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static LIST_HEAD(, waiter) waiters = LIST_HEAD_INITIALIZER(waiters);
/* All waits, by their addresses: a handle may be anything. */
static LIST_HEAD(, registered_wait) known_waits[256];

/* The wait thread that this one is, and the wait whose function it calls. */
static _Thread_local struct waiter *own_waiter;
static _Thread_local struct registered_wait *called;

static unsigned int bucket_of(const void *wait)
{
	return (unsigned int)((uintptr_t)wait >> 5) % ARRAY_LEN(known_waits);
}

/* Ends the wait of a wait thread, unless it is this one, which is inside a function. */
static void wake(struct waiter *waiter)
{
	if (waiter && waiter != own_waiter && waiter->wake)
		SetEvent(waiter->wake);
}

static void free_wait(struct registered_wait *wait)
{
	LIST_REMOVE(wait, known);
	free(wait);
}

/* ---------------------------------------------------------------- a process that was forked */

static void lock_all(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_all(void)
{
	pthread_mutex_unlock(&lock);
}

/* The child's one thread may be inside a function. */
static void forget_calls(void)
{
	struct registered_wait *wait, *next;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(known_waits); i++) {
		for (wait = LIST_FIRST(&known_waits[i]); wait; wait = next) {
			next = LIST_NEXT(wait, known);
			wait->waiter = NULL;
			wait->waited_for = false;
			wait->rests = true;
			wait->calls = wait == called;
			wait->is_left = wait->unregistered;
			/* That would be the parent's. */
			wait->event = NULL;
			if (wait->is_left && !wait->calls)
				free_wait(wait);
		}
	}
}

/* What is registered is the parent's; the child can unregister it. */
static void start_in_child(void)
{
	struct waiter *waiter;

	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&changed, NULL);
	own_waiter = NULL;
	forget_calls();
	while ((waiter = LIST_FIRST(&waiters))) {
		LIST_REMOVE(waiter, all);
		if (waiter->wake && !close(sockiocp_handle_fd(waiter->wake)))
			sockiocp_set_kind(sockiocp_handle_fd(waiter->wake), 0);
		free(waiter);
	}
}

static void prepare(void)
{
	pthread_atfork(lock_all, unlock_all, start_in_child);
}

/* ---------------------------------------------------------------- calls */

/* Has its handle waited for again. */
static void begin_call(struct registered_wait *wait)
{
	pthread_mutex_lock(&lock);
	if (!(wait->flags & WT_EXECUTEONLYONCE) && wait->waiter) {
		wait->rests = false;
		wake(wait->waiter);
	}
	pthread_mutex_unlock(&lock);
}

static void end_call(void *argument)
{
	struct registered_wait *wait = argument;

	called = NULL;
	pthread_mutex_lock(&lock);
	if (!--wait->calls && wait->is_left) {
		if (wait->event)
			SetEvent(wait->event);
		free_wait(wait);
	} else if (wait->unregistered) {
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
}

/* The function may end its thread. */
static DWORD call(struct registered_wait *wait, BOOLEAN timed_out)
{
	begin_call(wait);
	called = wait;
	pthread_cleanup_push(end_call, wait);
	wait->function(wait->context, timed_out);
	pthread_cleanup_pop(1);
	return 0;
}

static DWORD WINAPI call_signalled(LPVOID wait)
{
	return call(wait, FALSE);
}

static DWORD WINAPI call_timed_out(LPVOID wait)
{
	return call(wait, TRUE);
}

static unsigned long long end_of_time(const struct registered_wait *wait)
{
	return wait->ms == INFINITE ? ULLONG_MAX : sockiocp_now_ns() + wait->ms * NSEC_PER_MSEC;
}

/* Has the function called; by this thread if it is to be, or the pool takes no more. */
static void has_come(struct registered_wait *wait, bool timed_out)
{
	bool is_here = wait->flags & WT_EXECUTEINWAITTHREAD;

	wait->calls++;
	wait->rests = true;
	wait->end = end_of_time(wait);
	TAILQ_REMOVE(&wait->waiter->waits, wait, list);
	TAILQ_INSERT_TAIL(&wait->waiter->waits, wait, list);
	pthread_mutex_unlock(&lock);
	if (is_here ||
	    !QueueUserWorkItem(timed_out ? call_timed_out : call_signalled, wait, 0))
		call(wait, timed_out);
	pthread_mutex_lock(&lock);
}

/* ---------------------------------------------------------------- wait threads */

/* What a wait thread waits for in one round. */
struct round {
	HANDLE handles[MAXIMUM_WAIT_OBJECTS];
	struct registered_wait *waits[MAXIMUM_WAIT_OBJECTS];
	/* The last handle is the event, of which there is no wait. */
	DWORD wait_count, count;
	unsigned long long end;
};

static void begin_round(struct waiter *waiter, struct round *round)
{
	struct registered_wait *wait;

	round->wait_count = 0;
	round->end = ULLONG_MAX;
	TAILQ_FOREACH(wait, &waiter->waits, list) {
		if (wait->rests || wait->unregistered)
			continue;
		wait->waited_for = true;
		round->waits[round->wait_count] = wait;
		round->handles[round->wait_count++] = wait->handle;
		if (wait->end < round->end)
			round->end = wait->end;
	}
	round->count = round->wait_count;
	if (!waiter->wake)
		waiter->wake = sockiocp_create_own_event();
	if (waiter->wake)
		round->handles[round->count++] = waiter->wake;
}

/*
 * The program has closed a handle, or there is no memory for a moment.  Returns what
 * WaitForMultipleObjects() does; with WAIT_FAILED, *@bad is which handle is none.
 */
static DWORD look_at_each(const struct round *round, DWORD *bad)
{
	DWORD result;

	for (*bad = 0; *bad < round->count; ++*bad) {
		result = WaitForSingleObject(round->handles[*bad], 0);
		if (result == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE)
			return WAIT_FAILED;
		if (result != WAIT_FAILED && result != WAIT_TIMEOUT)
			return result + *bad;
	}
	Sleep(1);
	return WAIT_FAILED;
}

static DWORD sleep_until(const struct waiter *waiter, const struct round *round, DWORD *bad)
{
	/* For ever is -1 there, and INFINITE here: the same. */
	DWORD ms = (DWORD)sockiocp_ms_until(round->end), result;

	if (!waiter->wake && ms > LOOK_MS)
		ms = LOOK_MS;
	if (!round->count) {
		Sleep(ms);
		return WAIT_TIMEOUT;
	}
	result = WaitForMultipleObjects(round->count, round->handles, FALSE, ms);
	return result == WAIT_FAILED ? look_at_each(round, bad) : result;
}

/* None was signalled a moment ago; has the time of one been over before? */
static void look_at_time(struct waiter *waiter)
{
	unsigned long long now = sockiocp_now_ns();
	struct registered_wait *wait;

	TAILQ_FOREACH(wait, &waiter->waits, list) {
		if (!wait->rests && !wait->unregistered && wait->end <= now) {
			has_come(wait, true);
			return;
		}
	}
}

static void end_round(struct waiter *waiter, const struct round *round, DWORD result, DWORD bad)
{
	struct registered_wait *wait;
	bool abandoned;
	DWORD i;

	for (i = 0; i < round->wait_count; i++)
		round->waits[i]->waited_for = false;
	pthread_cond_broadcast(&changed);
	if (result == WAIT_TIMEOUT) {
		look_at_time(waiter);
		return;
	}
	if (result == WAIT_FAILED) {
		if (bad < round->wait_count)
			round->waits[bad]->rests = true;
		else if (bad < round->count)
			waiter->wake = NULL;
		return;
	}
	abandoned = result >= WAIT_ABANDONED_0;
	i = result - (abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0);
	if (i >= round->wait_count)
		return;
	wait = round->waits[i];
	/* A port that was closed; a mutex is this thread's now. */
	if (abandoned && !sockiocp_is_lockable(wait->handle))
		wait->rests = true;
	else
		has_come(wait, false);
}

/* One wait thread stays. */
static bool is_one_too_many(const struct waiter *waiter)
{
	return !waiter->count && LIST_NEXT(LIST_FIRST(&waiters), all);
}

static void *waiter_main(void *argument);

/* The function of a wait has ended the thread: another one does its work. */
static void thread_ended(void *argument)
{
	struct waiter *waiter = argument;

	if (own_waiter && sockiocp_start_detached(waiter_main, waiter))
		waiter_main(waiter);
}

/* A child that a function has forked has no wait threads. */
static void wait_in_rounds(struct waiter *waiter)
{
	HANDLE wake = NULL;
	struct round round;
	DWORD result, bad = 0;

	pthread_mutex_lock(&lock);
	while (own_waiter && !is_one_too_many(waiter)) {
		begin_round(waiter, &round);
		pthread_mutex_unlock(&lock);
		result = sleep_until(waiter, &round, &bad);
		pthread_mutex_lock(&lock);
		end_round(waiter, &round, result, bad);
	}
	if (own_waiter) {
		LIST_REMOVE(waiter, all);
		wake = waiter->wake;
		free(waiter);
	}
	pthread_mutex_unlock(&lock);
	/* That takes other locks, which fork(2) may have taken before this one. */
	if (wake)
		CloseHandle(wake);
}

static void *waiter_main(void *argument)
{
	own_waiter = argument;
	pthread_cleanup_push(thread_ended, argument);
	wait_in_rounds(argument);
	pthread_cleanup_pop(0);
	return NULL;
}

/* Returns a wait thread that can take one more, or NULL with errno set.  Needs the lock. */
static struct waiter *get_waiter(void)
{
	struct waiter *waiter;

	LIST_FOREACH(waiter, &waiters, all)
		if (waiter->count < MOST_WAITS)
			return waiter;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		return NULL;
	TAILQ_INIT(&waiter->waits);
	errno = sockiocp_start_detached(waiter_main, waiter);
	if (errno) {
		free(waiter);
		return NULL;
	}
	LIST_INSERT_HEAD(&waiters, waiter, all);
	return waiter;
}

/* ---------------------------------------------------------------- what programs call */

/* Puts it where a wait thread finds it.  Returns 0 or an errno value. */
static int add_wait(struct registered_wait *wait, HANDLE *handle)
{
	struct waiter *waiter;
	int err = 0;

	pthread_mutex_lock(&lock);
	waiter = get_waiter();
	if (waiter) {
		wait->waiter = waiter;
		TAILQ_INSERT_HEAD(&waiter->waits, wait, list);
		waiter->count++;
		LIST_INSERT_HEAD(&known_waits[bucket_of(wait)], wait, known);
		/* Before the function may be called, which may use it. */
		*handle = wait;
		wake(waiter);
	} else {
		err = errno;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

/* Returns 0 or an errno value. */
static int register_wait(HANDLE *handle, const struct registered_wait *like)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct registered_wait *wait;
	int err = sockiocp_check_waitable(like->handle);

	if (err)
		return err;
	/* Before this file: a fork takes its lock first then, as those do that set events here. */
	sockiocp_prepare_waits();
	pthread_once(&once, prepare);
	wait = malloc(sizeof(*wait));
	if (!wait)
		return ENOMEM;
	*wait = *like;
	err = add_wait(wait, handle);
	if (err)
		free(wait);
	return err;
}

/*
 * Has the wait thread itself call a function once, when a handle is signalled or the time is
 * @end, in ns of CLOCK_MONOTONIC.  Returns 0 or an errno value.
 */
int sockiocp_register_wait(HANDLE *handle, HANDLE object, WAITORTIMERCALLBACK function,
			   void *context, unsigned long long end)
{
	struct registered_wait wait = {
		.handle = object, .function = function, .context = context, .ms = INFINITE,
		.flags = WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD, .end = end,
	};

	return register_wait(handle, &wait);
}

/**
 * RegisterWaitForSingleObject - have a function called when a handle is signalled
 * @phNewWaitObject: receives a wait handle, which is for UnregisterWait() only
 * @hObject: a handle as for WaitForSingleObject(), which is not to be closed before
 *	UnregisterWait(); if it is, the function is not called any more
 * @Callback: the function; its second argument is TRUE if the time was over, otherwise
 *	FALSE: the end of the wait has changed the object as it does for WaitForSingleObject()
 * @Context: its first argument
 * @dwMilliseconds: how long to wait, in ms of CLOCK_MONOTONIC, and again after each call;
 *	INFINITE waits for ever
 * @dwFlags: WT_EXECUTEONLYONCE: there is one call only.  WT_EXECUTEINWAITTHREAD: the wait
 *	thread makes it, and all that it waits for waits for its return.  Others are hints to
 *	Windows, which are not needed here
 *
 * A thread of the pool calls the function (QueueUserWorkItem()).  The next call may begin
 * before it has returned, but not before it has begun: until then the handle is not waited
 * for.  A mutex belongs to the wait thread, so only WT_EXECUTEINWAITTHREAD can release it.
 * A wait thread waits for 63 handles, and has one descriptor.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	@hObject cannot be waited for
 *   ERROR_INVALID_PARAMETER	no function, or nowhere to put the wait handle
 *   ERROR_NO_SYSTEM_RESOURCES	no thread can be started
 *   ERROR_GEN_FAILURE, ERROR_NOT_ENOUGH_MEMORY	as WaitForSingleObject()
 *
 * Windows: "RegisterWaitForSingleObject function (winbase.h)".
 */
BOOL WINAPI RegisterWaitForSingleObject(PHANDLE phNewWaitObject, HANDLE hObject,
					WAITORTIMERCALLBACK Callback, PVOID Context,
					ULONG dwMilliseconds, ULONG dwFlags)
{
	struct registered_wait wait = {
		.handle = hObject, .function = Callback, .context = Context,
		.ms = dwMilliseconds, .flags = dwFlags,
	};
	int err = EINVAL;

	wait.end = end_of_time(&wait);
	if (phNewWaitObject && Callback)
		err = register_wait(phNewWaitObject, &wait);
	return err ? sockiocp_fail(err) : TRUE;
}

static struct registered_wait *find_wait(HANDLE handle)
{
	struct registered_wait *wait;

	LIST_FOREACH(wait, &known_waits[bucket_of(handle)], known)
		if (wait == handle && !wait->unregistered)
			return wait;
	return NULL;
}

/* Takes it from its wait thread, which leaves it alone first. */
static void remove_wait(struct registered_wait *wait)
{
	wait->unregistered = true;
	if (wait->waited_for)
		wake(wait->waiter);
	while (wait->waited_for)
		sockiocp_cond_wait(&changed, &lock);
	if (!wait->waiter)
		return;
	TAILQ_REMOVE(&wait->waiter->waits, wait, list);
	if (!--wait->waiter->count)
		wake(wait->waiter);
	wait->waiter = NULL;
}

/**
 * UnregisterWaitEx - have a function not be called any more
 * @WaitHandle: what RegisterWaitForSingleObject() has given out
 * @CompletionEvent: an event that is set when all calls are over; INVALID_HANDLE_VALUE:
 *	this waits for that; or NULL
 *
 * When it returns nobody waits for the handle, which may be closed.  Calls that are queued
 * are made.  A function that waits here for its own calls waits for itself.
 *
 * Return: nonzero: also, unless it has waited, that no call is queued or under way; FALSE
 * otherwise, and GetLastError() says why:
 *   ERROR_IO_PENDING		a call is queued or under way, the wait is unregistered
 *   ERROR_INVALID_HANDLE	no wait handle, or @CompletionEvent is no event; nothing has
 *				changed
 *
 * Windows: "UnregisterWaitEx function".
 */
BOOL WINAPI UnregisterWaitEx(HANDLE WaitHandle, HANDLE CompletionEvent)
{
	bool waits = CompletionEvent == INVALID_HANDLE_VALUE;
	struct registered_wait *wait;
	bool pends;

	if (CompletionEvent && !waits &&
	    !(sockiocp_kind(sockiocp_handle_fd(CompletionEvent)) & SOCKIOCP_EVENT))
		return sockiocp_fail(EBADF);
	pthread_mutex_lock(&lock);
	wait = find_wait(WaitHandle);
	if (!wait) {
		pthread_mutex_unlock(&lock);
		return sockiocp_fail(EBADF);
	}
	remove_wait(wait);
	while (waits && wait->calls)
		sockiocp_cond_wait(&changed, &lock);
	pends = wait->calls;
	if (pends) {
		wait->is_left = true;
		wait->event = CompletionEvent;
	} else {
		if (CompletionEvent && !waits)
			SetEvent(CompletionEvent);
		free_wait(wait);
	}
	pthread_mutex_unlock(&lock);
	if (pends)
		SetLastError(ERROR_IO_PENDING);
	return !pends;
}

/**
 * UnregisterWait - the same without an event
 * @WaitHandle: as for UnregisterWaitEx()
 *
 * Return: as UnregisterWaitEx().
 *
 * Windows: "UnregisterWait function (winbase.h)".
 */
BOOL WINAPI UnregisterWait(HANDLE WaitHandle)
{
	return UnregisterWaitEx(WaitHandle, NULL);
}
