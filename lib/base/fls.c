// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Values that each thread has for itself, and functions that are called for those that are
 * left when the thread ends or the index is given back.
 *
 * A thread has an array of them from its first FlsSetValue() until it ends.  Who calls a
 * function for a value has taken it from there, so that there is one call for each.
 *
 * FlsFree() waits for calls that other threads make: a module that is unloaded after it has
 * nothing that runs.  A call may free its own index, and is not waited for then.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "internal.h"

#define INDEXES		FLS_MAXIMUM_AVAILABLE

/* Those of a thread, who alone sets them; who gives an index back takes them. */
struct values {
	LIST_ENTRY(values) all;
	_Atomic(void *) value[INDEXES];
};

static struct {
	enum { FREE, USED, BEING_FREED } state;
	PFLS_CALLBACK_FUNCTION function;
	/* How many threads call it. */
	unsigned int calls;
} indexes[INDEXES] = {
	/* As on Windows, nobody gets 0. */
	[0] = { .state = BEING_FREED },
};

/* Protects all of that. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* A call is over. */
static pthread_cond_t call_over = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(, values) all_values = LIST_HEAD_INITIALIZER(all_values);

/* The calls that this thread is inside. */
struct call {
	struct call *outer;
	DWORD index;
};

static _Thread_local struct call *own_calls;
static _Thread_local struct values *own_values;
static pthread_key_t key;
static int key_error;

/* How many calls of a function this thread is inside. */
static unsigned int own_calls_of(DWORD index)
{
	const struct call *call;
	unsigned int count = 0;

	for (call = own_calls; call; call = call->outer)
		count += call->index == index;
	return count;
}

/* Needs the lock, and lets go of it meanwhile.  Takes the value, and calls the function. */
static void call_for(struct values *values, DWORD index)
{
	void *value = atomic_exchange(&values->value[index], NULL);
	PFLS_CALLBACK_FUNCTION function = indexes[index].function;
	struct call call = { .outer = own_calls, .index = index };

	if (!value || !function || indexes[index].state == FREE)
		return;
	indexes[index].calls++;
	pthread_mutex_unlock(&lock);
	own_calls = &call;
	function(value);
	own_calls = call.outer;
	pthread_mutex_lock(&lock);
	indexes[index].calls--;
	pthread_cond_broadcast(&call_over);
}

/* This thread ends.  What a function sets of a higher index is seen. */
void sockiocp_end_fls(void)
{
	struct values *values = own_values;
	DWORD i;

	if (!values)
		return;
	pthread_mutex_lock(&lock);
	for (i = 0; i < INDEXES; i++)
		call_for(values, i);
	LIST_REMOVE(values, all);
	pthread_mutex_unlock(&lock);
	own_values = NULL;
	pthread_setspecific(key, NULL);
	free(values);
}

static void thread_ends(void *unused)
{
	(void)unused;
	sockiocp_end_fls();
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

/* Values of other threads, and their calls, are the parent's. */
static void start_in_child(void)
{
	struct values *values, *next;
	DWORD i;

	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&call_over, NULL);
	for (values = LIST_FIRST(&all_values); values; values = next) {
		next = LIST_NEXT(values, all);
		if (values == own_values)
			continue;
		LIST_REMOVE(values, all);
		free(values);
	}
	for (i = 1; i < INDEXES; i++) {
		indexes[i].calls = own_calls_of(i);
		if (indexes[i].state == BEING_FREED && !indexes[i].calls)
			indexes[i].state = FREE;
	}
}

/* The thread that ends the process ends, too. */
static void prepare(void)
{
	key_error = pthread_key_create(&key, thread_ends);
	pthread_atfork(lock_all, unlock_all, start_in_child);
	atexit(sockiocp_end_fls);
}

/* ---------------------------------------------------------------- what programs call */

/**
 * FlsAlloc - get a number for values of threads
 * @lpCallback: a function that is called for each value but NULL that a thread has when it
 *	ends, by that thread, or when the index is given back; or NULL
 *
 * A thread's handle is not signalled before that.  The end of the process is the end of the
 * thread that ends it, and of no other.
 *
 * Return: an index for FlsSetValue() and FlsGetValue(), which the caller passes to FlsFree(),
 * and whose value is NULL in each thread; FLS_OUT_OF_INDEXES if all are in use (there are
 * FLS_MAXIMUM_AVAILABLE less one), and GetLastError() says ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "FlsAlloc function (fibersapi.h)".
 */
DWORD WINAPI FlsAlloc(PFLS_CALLBACK_FUNCTION lpCallback)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct values *values;
	DWORD i;

	pthread_once(&once, prepare);
	pthread_mutex_lock(&lock);
	for (i = 1; i < INDEXES && indexes[i].state != FREE; i++)
		;
	if (i < INDEXES) {
		indexes[i].state = USED;
		indexes[i].function = lpCallback;
		LIST_FOREACH(values, &all_values, all)
			atomic_store(&values->value[i], NULL);
	}
	pthread_mutex_unlock(&lock);
	if (i < INDEXES)
		return i;
	sockiocp_fail(ENOMEM);
	return FLS_OUT_OF_INDEXES;
}

/**
 * FlsFree - give a number back
 * @dwFlsIndex: the index, whose function this thread calls for the values of all threads
 *
 * It returns when no other thread calls the function any more.
 *
 * Return: nonzero; FALSE if it is not in use, and GetLastError() says
 * ERROR_INVALID_PARAMETER.
 *
 * Windows: "FlsFree function (fibersapi.h)".
 */
BOOL WINAPI FlsFree(DWORD dwFlsIndex)
{
	struct values *values;

	if (dwFlsIndex >= INDEXES)
		return sockiocp_fail(EINVAL);
	pthread_mutex_lock(&lock);
	if (indexes[dwFlsIndex].state != USED) {
		pthread_mutex_unlock(&lock);
		return sockiocp_fail(EINVAL);
	}
	indexes[dwFlsIndex].state = BEING_FREED;
	/* The list may be another one after each call. */
	do {
		LIST_FOREACH(values, &all_values, all)
			if (atomic_load(&values->value[dwFlsIndex]))
				break;
		if (values)
			call_for(values, dwFlsIndex);
	} while (values);
	while (indexes[dwFlsIndex].calls > own_calls_of(dwFlsIndex))
		pthread_cond_wait(&call_over, &lock);
	indexes[dwFlsIndex].state = FREE;
	pthread_mutex_unlock(&lock);
	return TRUE;
}

/**
 * FlsGetValue - the value of this thread
 * @dwFlsIndex: the index
 *
 * Return: what FlsSetValue() has set in this thread, NULL if it has not, and GetLastError()
 * says ERROR_SUCCESS then; NULL for a number that cannot be an index, and GetLastError()
 * says ERROR_INVALID_PARAMETER.
 *
 * Windows: "FlsGetValue function (fibersapi.h)".
 */
PVOID WINAPI FlsGetValue(DWORD dwFlsIndex)
{
	if (!dwFlsIndex || dwFlsIndex >= INDEXES) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	SetLastError(ERROR_SUCCESS);
	return own_values ? atomic_load(&own_values->value[dwFlsIndex]) : NULL;
}

/* Returns false if there is no memory. */
static bool make_values(void)
{
	struct values *values = key_error ? NULL : calloc(1, sizeof(*values));

	if (!values || pthread_setspecific(key, values)) {
		free(values);
		return false;
	}
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&all_values, values, all);
	pthread_mutex_unlock(&lock);
	own_values = values;
	return true;
}

/**
 * FlsSetValue - set the value of this thread
 * @dwFlsIndex: the index
 * @lpFlsData: any value
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	a number that cannot be an index
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "FlsSetValue function (fibersapi.h)".
 */
BOOL WINAPI FlsSetValue(DWORD dwFlsIndex, PVOID lpFlsData)
{
	if (!dwFlsIndex || dwFlsIndex >= INDEXES)
		return sockiocp_fail(EINVAL);
	if (!own_values && !make_values())
		return sockiocp_fail(ENOMEM);
	atomic_store(&own_values->value[dwFlsIndex], lpFlsData);
	return TRUE;
}
