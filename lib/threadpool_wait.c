// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Callback objects of the thread pool that wait for a handle, once each time that they are
 * set.
 *
 * A wait thread waits (registered_wait.c), and has the call queued itself; so a wait that is
 * set anew or closed knows which calls there will be.
 */
#include <errno.h>

#include "callback.h"
#include "lockable.h"

struct _TP_WAIT {
	struct sockiocp_callback callback;
	PTP_WAIT_CALLBACK function;
	/* What is waited for, or was; NULL if it was not set.  Protected by the lock below. */
	HANDLE registered;
};

/* Held while a wait is set, before any other. */
static pthread_mutex_t setting = PTHREAD_MUTEX_INITIALIZER;

static void start_in_child(void)
{
	pthread_mutex_init(&setting, NULL);
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

static void call_wait(struct sockiocp_callback *callback, const struct sockiocp_pool_call *call)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };
	struct _TP_WAIT *wait = (struct _TP_WAIT *)callback;

	wait->function(&instance, callback->context, wait,
		       call->signalled ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
}

/* The wait thread calls it. */
static void CALLBACK has_come(PVOID context, BOOLEAN timed_out)
{
	struct _TP_WAIT *wait = context;

	sockiocp_lock_callbacks();
	sockiocp_count_call(&wait->callback);
	wait->callback.signalled += !timed_out;
	sockiocp_unlock_callbacks();
	sockiocp_queue_call(&wait->callback);
}

/* Needs the lock.  Nobody waits any more when it returns. */
static void stop_waiting(struct _TP_WAIT *wait)
{
	if (wait->registered)
		UnregisterWaitEx(wait->registered, INVALID_HANDLE_VALUE);
	wait->registered = NULL;
}

static bool is_mutex(HANDLE handle)
{
	struct sockiocp_lockable *lockable;
	bool is;

	sockiocp_get_lockables(&lockable, &handle, 1, false);
	is = lockable && lockable->is_mutex;
	sockiocp_put_lockables(&lockable, 1);
	return is;
}

/* Needs the lock.  Returns 0 or an errno value: it waits if only memory or a thread is missing. */
static int start_waiting(struct _TP_WAIT *wait, HANDLE handle, unsigned long long end)
{
	int err;

	if (is_mutex(handle))
		return EINVAL;
	for (;;) {
		err = sockiocp_register_wait(&wait->registered, handle, has_come, wait, end);
		if (err != ENOMEM && err != ENOBUFS && err != EMFILE && err != ENFILE)
			return err;
		Sleep(1);
	}
}

/**
 * CreateThreadpoolWait - make an object that has a function called when a handle is signalled
 * @pfnwa: the function; its last argument is WAIT_OBJECT_0, or WAIT_TIMEOUT if the time was over
 * @pv: its second argument
 * @pcbe: as for CreateThreadpoolWork()
 *
 * The caller passes it to CloseThreadpoolWait().
 *
 * Return: the object, which waits for nothing; NULL if it fails, and GetLastError() says why, as
 * for CreateThreadpoolWork().
 *
 * Windows: "CreateThreadpoolWait function (threadpoolapiset.h)".
 */
PTP_WAIT WINAPI CreateThreadpoolWait(PTP_WAIT_CALLBACK pfnwa, PVOID pv, PTP_CALLBACK_ENVIRON pcbe)
{
	struct _TP_WAIT *wait = sockiocp_create_callback(sizeof(*wait), call_wait, pfnwa, pv, pcbe);
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!wait)
		return NULL;
	pthread_once(&once, prepare);
	wait->function = pfnwa;
	return wait;
}

/**
 * SetThreadpoolWait - say what to wait for
 * @pwa: the object; what it waited for before it does not wait for any more, but a call that is
 *	queued is made
 * @h: a handle as for WaitForSingleObject(), but no mutex; the end of the wait changes the
 *	object as there.  NULL: nothing
 * @pftTimeout: until when, as for SetThreadpoolTimer(); NULL: for ever
 *
 * The function is called once, by a thread of the pool.  What is no such handle is not waited
 * for, and GetLastError() says ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER of a mutex.
 * (Windows raises an exception.)  It cannot fail otherwise: if there is no memory, no
 * descriptor or no thread it waits until there is.
 *
 * Windows: "SetThreadpoolWait function (threadpoolapiset.h)".
 */
void WINAPI SetThreadpoolWait(PTP_WAIT pwa, HANDLE h, PFILETIME pftTimeout)
{
	unsigned long long end = ULLONG_MAX;
	int err = 0;

	if (pftTimeout)
		end = sockiocp_due_at(pftTimeout, sockiocp_now_ns());
	pthread_mutex_lock(&setting);
	stop_waiting(pwa);
	if (h)
		err = start_waiting(pwa, h, end);
	pthread_mutex_unlock(&setting);
	if (err)
		sockiocp_fail(err);
}

/**
 * WaitForThreadpoolWaitCallbacks - wait until the function is not called any more
 * @pwa: the object, which stays set
 * @fCancelPendingCallbacks: whether calls that have not begun are not made
 *
 * Windows: "WaitForThreadpoolWaitCallbacks function (threadpoolapiset.h)".
 */
void WINAPI WaitForThreadpoolWaitCallbacks(PTP_WAIT pwa, BOOL fCancelPendingCallbacks)
{
	sockiocp_wait_for_calls(&pwa->callback, fCancelPendingCallbacks);
}

/**
 * CloseThreadpoolWait - free an object that waits for a handle
 * @pwa: the object, which waits for nothing any more; a call that is queued is made
 *
 * Windows: "CloseThreadpoolWait function (threadpoolapiset.h)".
 */
void WINAPI CloseThreadpoolWait(PTP_WAIT pwa)
{
	pthread_mutex_lock(&setting);
	stop_waiting(pwa);
	pthread_mutex_unlock(&setting);
	sockiocp_close_callback(&pwa->callback);
}
