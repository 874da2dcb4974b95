// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Values that each thread has for itself, by number.
 *
 * A thread has an array of them from its first TlsSetValue() until it ends.  An index that
 * is given back must not show an old value to who gets it next, in any thread: so each
 * index has a count of its lives, and a value is of the life that it was set in.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"

/* As many as Windows has. */
#define INDEXES		1088

struct value {
	void *value;
	unsigned int life;
};

/* How often an index was taken or given back: it is in use while that is odd. */
static atomic_uint lives[INDEXES];

static _Thread_local struct value *values;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int key_error;

static void thread_ends(void *array)
{
	values = NULL;
	free(array);
}

static void make_key(void)
{
	key_error = pthread_key_create(&key, thread_ends);
}

/* Returns the array of this thread, or NULL if there is no memory. */
static struct value *make_values(void)
{
	struct value *array;

	pthread_once(&once, make_key);
	array = key_error ? NULL : calloc(INDEXES, sizeof(*array));
	if (!array || pthread_setspecific(key, array)) {
		free(array);
		return NULL;
	}
	values = array;
	return array;
}

/**
 * TlsAlloc - get a number for values of threads
 *
 * Return: an index for TlsSetValue() and TlsGetValue(), which the caller passes to
 * TlsFree(), and whose value is NULL in each thread; TLS_OUT_OF_INDEXES if all 1088 are in
 * use, and GetLastError() says ERROR_NO_MORE_ITEMS.
 *
 * Windows: "TlsAlloc function (processthreadsapi.h)".
 */
DWORD WINAPI TlsAlloc(void)
{
	DWORD i;

	for (i = 0; i < INDEXES; i++) {
		unsigned int life = atomic_load(&lives[i]);

		if (life % 2 == 0 && atomic_compare_exchange_strong(&lives[i], &life, life + 1))
			return i;
	}
	SetLastError(ERROR_NO_MORE_ITEMS);
	return TLS_OUT_OF_INDEXES;
}

/**
 * TlsFree - give a number back
 * @dwTlsIndex: the index, whose values are forgotten; what they point at is the caller's
 *
 * Return: nonzero; FALSE if it is not in use, and GetLastError() says
 * ERROR_INVALID_PARAMETER.
 *
 * Windows: "TlsFree function (processthreadsapi.h)".
 */
BOOL WINAPI TlsFree(DWORD dwTlsIndex)
{
	unsigned int life;

	if (dwTlsIndex >= INDEXES)
		return sockiocp_fail(EINVAL);
	life = atomic_load(&lives[dwTlsIndex]);
	if (life % 2 == 0 ||
	    !atomic_compare_exchange_strong(&lives[dwTlsIndex], &life, life + 1))
		return sockiocp_fail(EINVAL);
	return TRUE;
}

/**
 * TlsGetValue - the value of this thread
 * @dwTlsIndex: the index
 *
 * Return: what TlsSetValue() has set in this thread, NULL if it has not, and GetLastError()
 * says ERROR_SUCCESS then; NULL for a number that cannot be an index, and GetLastError()
 * says ERROR_INVALID_PARAMETER.
 *
 * Windows: "TlsGetValue function (processthreadsapi.h)".
 */
LPVOID WINAPI TlsGetValue(DWORD dwTlsIndex)
{
	const struct value *value;

	if (dwTlsIndex >= INDEXES) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	SetLastError(ERROR_SUCCESS);
	if (!values)
		return NULL;
	value = &values[dwTlsIndex];
	return value->life == atomic_load_explicit(&lives[dwTlsIndex], memory_order_relaxed) ?
		value->value : NULL;
}

/**
 * TlsSetValue - set the value of this thread
 * @dwTlsIndex: the index
 * @lpTlsValue: any value
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	a number that cannot be an index
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "TlsSetValue function (processthreadsapi.h)".
 */
BOOL WINAPI TlsSetValue(DWORD dwTlsIndex, LPVOID lpTlsValue)
{
	struct value *array;

	if (dwTlsIndex >= INDEXES)
		return sockiocp_fail(EINVAL);
	array = values ? values : make_values();
	if (!array)
		return sockiocp_fail(ENOMEM);
	array[dwTlsIndex] = (struct value) {
		.value = lpTlsValue,
		.life = atomic_load_explicit(&lives[dwTlsIndex], memory_order_relaxed),
	};
	return TRUE;
}
