// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Initialisation that happens once.
 *
 * The two low bits of the pointer are the state; the rest is the value, once it is there.
 * While one thread initialises and others wait for it, the bit above them is set, and who
 * waits sleeps on a futex: the lower half of the pointer.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define STATE		((uintptr_t)3)
#define FRESH		((uintptr_t)0)
#define BEGUN		((uintptr_t)1)
#define DONE		((uintptr_t)2)
/* Several may initialise at the same time; the first that completes it wins. */
#define BEGUN_BY_MANY	((uintptr_t)3)
#define HAS_WAITERS	((uintptr_t)4)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the futex is the lower half of the pointer"
#endif

static _Atomic(uintptr_t) *word_of(PINIT_ONCE once)
{
	return (_Atomic(uintptr_t) *)(void *)&once->Ptr;
}

static void sleep_on(_Atomic(uintptr_t) *word, uintptr_t value)
{
	if (!(value & HAS_WAITERS) &&
	    !atomic_compare_exchange_strong(word, &value, value | HAS_WAITERS))
		return;
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, (unsigned int)(value | HAS_WAITERS),
		NULL, NULL, 0);
}

/*
 * Returns 0 if it is done, and @context then; EINPROGRESS if the caller is to do it; or
 * another errno value.
 */
static int begin(PINIT_ONCE once, bool many, void **context)
{
	_Atomic(uintptr_t) *word = word_of(once);
	uintptr_t value = atomic_load(word);

	for (;;) {
		switch (value & STATE) {
		case FRESH:
			if (atomic_compare_exchange_strong(word, &value,
							   many ? BEGUN_BY_MANY : BEGUN))
				return EINPROGRESS;
			continue;
		case BEGUN:
			if (many)
				return EINVAL;
			sleep_on(word, value);
			value = atomic_load(word);
			continue;
		case BEGUN_BY_MANY:
			return many ? EINPROGRESS : EINVAL;
		default:
			if (context)
				*context = (void *)(value & ~STATE);
			return 0;
		}
	}
}

/* Puts @next in the place of what was begun.  Returns 0 or an errno value. */
static int complete(PINIT_ONCE once, bool many, uintptr_t next)
{
	_Atomic(uintptr_t) *word = word_of(once);
	uintptr_t value = atomic_load(word);

	do {
		if ((value & STATE) == FRESH || (value & STATE) == DONE)
			return ESRCH;
		if (many != ((value & STATE) == BEGUN_BY_MANY))
			return EINVAL;
	} while (!atomic_compare_exchange_weak(word, &value, next));
	if (value & HAS_WAITERS)
		syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	return 0;
}

/**
 * InitOnceInitialize - the same as INIT_ONCE_STATIC_INIT
 * @InitOnce: what nobody uses yet
 *
 * Windows: "InitOnceInitialize function (synchapi.h)".
 */
void WINAPI InitOnceInitialize(PINIT_ONCE InitOnce)
{
	InitOnce->Ptr = NULL;
}

/**
 * InitOnceExecuteOnce - have a function called once
 * @InitOnce: where it is noted
 * @InitFn: the function, which returns whether it has succeeded; if not, the next call
 *	calls it again.  It may store a value for @Context, whose two low bits are 0
 * @Parameter: what it is given
 * @Context: receives the value; may be NULL
 *
 * Threads that come meanwhile wait until it has returned.
 *
 * Return: nonzero if it has succeeded, now or before; FALSE if it has failed now: the last
 * error is what it has left, or ERROR_INVALID_PARAMETER: the value has one of the low
 * bits, or the initialisation was begun with INIT_ONCE_ASYNC.
 *
 * Windows: "InitOnceExecuteOnce function (synchapi.h)".
 */
BOOL WINAPI InitOnceExecuteOnce(PINIT_ONCE InitOnce, PINIT_ONCE_FN InitFn,
				PVOID Parameter, LPVOID *Context)
{
	void *value = NULL;
	int err = begin(InitOnce, false, Context);

	if (!err)
		return TRUE;
	if (err != EINPROGRESS)
		return sockiocp_fail(err);
	if (!InitFn(InitOnce, Parameter, &value)) {
		complete(InitOnce, false, FRESH);
		return FALSE;
	}
	if ((uintptr_t)value & STATE) {
		complete(InitOnce, false, FRESH);
		return sockiocp_fail(EINVAL);
	}
	complete(InitOnce, false, (uintptr_t)value | DONE);
	if (Context)
		*Context = value;
	return TRUE;
}

/**
 * InitOnceBeginInitialize - begin to initialise something once
 * @lpInitOnce: where it is noted
 * @dwFlags: 0: others wait until InitOnceComplete(); INIT_ONCE_ASYNC: others may do it at
 *	the same time; INIT_ONCE_CHECK_ONLY: nothing is begun
 * @fPending: receives whether the caller is to do it now
 * @lpContext: receives the value, if it is done; may be NULL
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_GEN_FAILURE		INIT_ONCE_CHECK_ONLY, and it is not done
 *   ERROR_INVALID_PARAMETER	another flag, both flags, or it was begun in the other way
 *
 * Windows: "InitOnceBeginInitialize function (synchapi.h)".
 */
BOOL WINAPI InitOnceBeginInitialize(LPINIT_ONCE lpInitOnce, DWORD dwFlags, PBOOL fPending,
				    LPVOID *lpContext)
{
	uintptr_t value;
	int err;

	if (dwFlags & INIT_ONCE_CHECK_ONLY) {
		if (dwFlags != INIT_ONCE_CHECK_ONLY)
			return sockiocp_fail(EINVAL);
		value = atomic_load(word_of(lpInitOnce));
		*fPending = (value & STATE) != DONE;
		if (*fPending)
			return sockiocp_fail(ESRCH);
		if (lpContext)
			*lpContext = (void *)(value & ~STATE);
		return TRUE;
	}
	if (dwFlags & ~INIT_ONCE_ASYNC)
		return sockiocp_fail(EINVAL);
	err = begin(lpInitOnce, dwFlags & INIT_ONCE_ASYNC, lpContext);
	if (err && err != EINPROGRESS)
		return sockiocp_fail(err);
	*fPending = err == EINPROGRESS;
	return TRUE;
}

/**
 * InitOnceComplete - end what InitOnceBeginInitialize() has begun
 * @lpInitOnce: where it is noted
 * @dwFlags: INIT_ONCE_ASYNC if it was begun with that; or INIT_ONCE_INIT_FAILED: it has
 *	failed, and another thread may begin; or 0
 * @lpContext: the value, whose two low bits are 0; NULL with INIT_ONCE_INIT_FAILED
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_GEN_FAILURE		it is done (with INIT_ONCE_ASYNC another thread was first),
 *				or was not begun
 *   ERROR_INVALID_PARAMETER	such flags or such a value cannot be, or it was begun in the
 *				other way
 *
 * Windows: "InitOnceComplete function (synchapi.h)".
 */
BOOL WINAPI InitOnceComplete(LPINIT_ONCE lpInitOnce, DWORD dwFlags, LPVOID lpContext)
{
	uintptr_t next = (uintptr_t)lpContext | DONE;
	int err;

	if ((dwFlags & ~(INIT_ONCE_ASYNC | INIT_ONCE_INIT_FAILED)) ||
	    ((uintptr_t)lpContext & STATE))
		return sockiocp_fail(EINVAL);
	if (dwFlags & INIT_ONCE_INIT_FAILED) {
		if (lpContext || (dwFlags & INIT_ONCE_ASYNC))
			return sockiocp_fail(EINVAL);
		next = FRESH;
	}
	err = complete(lpInitOnce, dwFlags & INIT_ONCE_ASYNC, next);
	return err ? sockiocp_fail(err) : TRUE;
}
