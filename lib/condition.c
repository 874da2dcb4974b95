// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Condition variables, for critical sections and SRW locks.
 *
 * The lower half of the pointer counts wake-ups and is a futex; the upper half is how many
 * threads sleep, or are about to.  A thread notes the count before it gives the lock back,
 * and sleeps only as long as the count is that: what wakes it in between is not lost.
 * Zeros initialise it, and nothing has to be destroyed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define ONE_SLEEPER	((uintptr_t)1 << 32)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the futex is the lower half of the pointer"
#endif
_Static_assert(sizeof(uintptr_t) == 8, "a pointer has two halves of 32 bits");

static _Atomic(uintptr_t) *word_of(PCONDITION_VARIABLE variable)
{
	return (_Atomic(uintptr_t) *)(void *)&variable->Ptr;
}

/* Notes that this thread is about to sleep.  Returns the count of wake-ups. */
static unsigned int begin_sleep(PCONDITION_VARIABLE variable)
{
	return (unsigned int)atomic_fetch_add(word_of(variable), ONE_SLEEPER);
}

/* Sleeps until the count is not @count, or the time is over.  Returns 0 or ETIMEDOUT. */
static int sleep_while(PCONDITION_VARIABLE variable, unsigned int count, DWORD ms)
{
	_Atomic(uintptr_t) *word = word_of(variable);
	struct timespec until, *timeout = NULL;
	int err = 0;

	if (ms != INFINITE) {
		until = sockiocp_timespec(sockiocp_now_ns() + ms * NSEC_PER_MSEC);
		timeout = &until;
	}
	while (err != ETIMEDOUT && (unsigned int)atomic_load(word) == count) {
		err = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, count, timeout, NULL,
			      FUTEX_BITSET_MATCH_ANY) ? errno : 0;
		/*
		 * It began to sleep after the count had changed, and was woken before one that
		 * had not, since its priority is higher: that one is to be woken.
		 */
		if (!err && (unsigned int)atomic_load(word) == count)
			syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	atomic_fetch_sub(word, ONE_SLEEPER);
	return err == ETIMEDOUT ? err : 0;
}

static void wake(PCONDITION_VARIABLE variable, int threads)
{
	_Atomic(uintptr_t) *word = word_of(variable);
	uintptr_t value = atomic_load(word), next;

	do {
		if (value < ONE_SLEEPER)
			return;
		/* The count begins anew at its end. */
		next = (value & ~(ONE_SLEEPER - 1)) | (unsigned int)(value + 1);
	} while (!atomic_compare_exchange_weak(word, &value, next));
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

/**
 * InitializeConditionVariable - the same as CONDITION_VARIABLE_INIT
 * @ConditionVariable: what nobody uses yet; the caller owns it and never has to destroy it
 *
 * Windows: "InitializeConditionVariable function (synchapi.h)".
 */
void WINAPI InitializeConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
	ConditionVariable->Ptr = NULL;
}

/**
 * SleepConditionVariableCS - leave a critical section and sleep until somebody wakes it
 * @ConditionVariable: the variable
 * @CriticalSection: the section, which this thread is in, once
 * @dwMilliseconds: how long to sleep, in ms of CLOCK_MONOTONIC; INFINITE sleeps for ever
 *
 * The thread is in the section again when it returns.  It may return without having been woken.
 *
 * Return: nonzero if it was woken; FALSE if the time is over, and GetLastError() says
 * ERROR_TIMEOUT.
 *
 * Windows: "SleepConditionVariableCS function (synchapi.h)".
 */
BOOL WINAPI SleepConditionVariableCS(PCONDITION_VARIABLE ConditionVariable,
				     PCRITICAL_SECTION CriticalSection, DWORD dwMilliseconds)
{
	unsigned int count = begin_sleep(ConditionVariable);
	int err;

	LeaveCriticalSection(CriticalSection);
	err = sleep_while(ConditionVariable, count, dwMilliseconds);
	EnterCriticalSection(CriticalSection);
	if (!err)
		return TRUE;
	SetLastError(ERROR_TIMEOUT);
	return FALSE;
}

/**
 * SleepConditionVariableSRW - give an SRW lock back and sleep until somebody wakes this thread
 * @ConditionVariable: the variable
 * @SRWLock: the lock, which this thread holds
 * @dwMilliseconds: as for SleepConditionVariableCS()
 * @Flags: CONDITION_VARIABLE_LOCKMODE_SHARED if it holds the lock together with others;
 *	otherwise it holds it alone
 *
 * The thread holds the lock in the same way when it returns.
 *
 * Return: as SleepConditionVariableCS().
 *
 * Windows: "SleepConditionVariableSRW function (synchapi.h)".
 */
BOOL WINAPI SleepConditionVariableSRW(PCONDITION_VARIABLE ConditionVariable, PSRWLOCK SRWLock,
				      DWORD dwMilliseconds, ULONG Flags)
{
	unsigned int count = begin_sleep(ConditionVariable);
	bool shared = Flags & CONDITION_VARIABLE_LOCKMODE_SHARED;
	int err;

	if (shared)
		ReleaseSRWLockShared(SRWLock);
	else
		ReleaseSRWLockExclusive(SRWLock);
	err = sleep_while(ConditionVariable, count, dwMilliseconds);
	if (shared)
		AcquireSRWLockShared(SRWLock);
	else
		AcquireSRWLockExclusive(SRWLock);
	if (!err)
		return TRUE;
	SetLastError(ERROR_TIMEOUT);
	return FALSE;
}

/**
 * WakeConditionVariable - wake a thread that sleeps
 * @ConditionVariable: the variable; without a thread that sleeps there nothing happens
 *
 * The caller may hold the lock.  Another thread may return, too.
 *
 * Windows: "WakeConditionVariable function (synchapi.h)".
 */
void WINAPI WakeConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
	wake(ConditionVariable, 1);
}

/**
 * WakeAllConditionVariable - wake all threads that sleep
 * @ConditionVariable: the variable
 *
 * Windows: "WakeAllConditionVariable function (synchapi.h)".
 */
void WINAPI WakeAllConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
	wake(ConditionVariable, INT_MAX);
}
