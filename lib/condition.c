// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Condition variables, for critical sections and SRW locks.
 *
 * Who sleeps stands in a queue, of which each serves the variables of many addresses, and is
 * woken by a futex of its own.  So nobody touches the variable when it was woken: who has
 * woken all may free it.  What is in the variable only says whether threads sleep, which who
 * wakes has to look at first.
 *
 * A thread is in its queue before it gives the lock back: what wakes it in between is not lost.
 * Zeros initialise a variable, and nothing has to be destroyed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* On the stack of the thread. */
struct sleeper {
	TAILQ_ENTRY(sleeper) list;
	PCONDITION_VARIABLE variable;
	/* A futex: not 0 when it was woken; then nobody touches it any more. */
	atomic_uint woken;
};

TAILQ_HEAD(sleepers, sleeper);

#define QUEUES		61

static struct queue {
	pthread_mutex_t lock;
	struct sleepers sleepers;
} queues[QUEUES];

static void start_anew(void)
{
	int i;

	for (i = 0; i < QUEUES; i++) {
		pthread_mutex_init(&queues[i].lock, NULL);
		TAILQ_INIT(&queues[i].sleepers);
	}
}

/* A new process has one thread, which does not sleep. */
static void prepare(void)
{
	start_anew();
	pthread_atfork(NULL, NULL, start_anew);
}

static struct queue *lock_queue(PCONDITION_VARIABLE variable)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct queue *queue = &queues[((uintptr_t)variable >> 3) % QUEUES];

	pthread_once(&once, prepare);
	pthread_mutex_lock(&queue->lock);
	return queue;
}

static _Atomic(uintptr_t) *word_of(PCONDITION_VARIABLE variable)
{
	return (_Atomic(uintptr_t) *)(void *)&variable->Ptr;
}

static struct sleeper *first_of(struct queue *queue, PCONDITION_VARIABLE variable)
{
	struct sleeper *sleeper;

	TAILQ_FOREACH(sleeper, &queue->sleepers, list)
		if (sleeper->variable == variable)
			break;
	return sleeper;
}

/* Needs the queue's lock, and that the variable is there. */
static void leave(struct queue *queue, struct sleeper *sleeper)
{
	TAILQ_REMOVE(&queue->sleepers, sleeper, list);
	if (!first_of(queue, sleeper->variable))
		atomic_store(word_of(sleeper->variable), 0);
}

/* This thread is about to sleep: from now on it can be woken. */
static void begin_sleep(struct sleeper *sleeper, PCONDITION_VARIABLE variable)
{
	struct queue *queue = lock_queue(variable);

	sleeper->variable = variable;
	atomic_init(&sleeper->woken, 0);
	TAILQ_INSERT_TAIL(&queue->sleepers, sleeper, list);
	atomic_store(word_of(variable), 1);
	pthread_mutex_unlock(&queue->lock);
}

/* The time is over.  Returns whether nobody has woken it. */
static bool give_up(struct sleeper *sleeper)
{
	struct queue *queue = lock_queue(sleeper->variable);
	bool in_vain = !atomic_load(&sleeper->woken);

	if (in_vain)
		leave(queue, sleeper);
	pthread_mutex_unlock(&queue->lock);
	return in_vain;
}

/* Sleeps until it is woken, or the time is over.  Returns whether it was woken. */
static bool sleep_until_woken(struct sleeper *sleeper, DWORD ms)
{
	struct timespec until, *timeout = NULL;

	if (ms != INFINITE) {
		until = sockiocp_timespec(sockiocp_now_ns() + ms * NSEC_PER_MSEC);
		timeout = &until;
	}
	while (!atomic_load(&sleeper->woken))
		if (syscall(SYS_futex, &sleeper->woken, FUTEX_WAIT_BITSET_PRIVATE, 0, timeout,
			    NULL, FUTEX_BITSET_MATCH_ANY) && errno == ETIMEDOUT)
			return !give_up(sleeper);
	return true;
}

/*
 * Needs the queue's lock.  Its stack may be another thing's as soon as it is woken: that a
 * thread there is told of it in vain does no harm.
 */
static void wake_first(struct queue *queue, struct sleeper *sleeper)
{
	leave(queue, sleeper);
	atomic_store(&sleeper->woken, 1);
	syscall(SYS_futex, &sleeper->woken, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wake(PCONDITION_VARIABLE variable, bool all)
{
	struct sleeper *sleeper;
	struct queue *queue;

	if (!atomic_load(word_of(variable)))
		return;
	queue = lock_queue(variable);
	while ((sleeper = first_of(queue, variable))) {
		wake_first(queue, sleeper);
		if (!all)
			break;
	}
	pthread_mutex_unlock(&queue->lock);
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
 * The thread is in the section again when it returns.
 *
 * Return: nonzero if it was woken; FALSE if the time is over, and GetLastError() says
 * ERROR_TIMEOUT.
 *
 * Windows: "SleepConditionVariableCS function (synchapi.h)".
 */
BOOL WINAPI SleepConditionVariableCS(PCONDITION_VARIABLE ConditionVariable,
				     PCRITICAL_SECTION CriticalSection, DWORD dwMilliseconds)
{
	struct sleeper sleeper;
	bool woken;

	begin_sleep(&sleeper, ConditionVariable);
	LeaveCriticalSection(CriticalSection);
	woken = sleep_until_woken(&sleeper, dwMilliseconds);
	EnterCriticalSection(CriticalSection);
	if (woken)
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
	struct sleeper sleeper;
	bool shared = Flags & CONDITION_VARIABLE_LOCKMODE_SHARED, woken;

	begin_sleep(&sleeper, ConditionVariable);
	if (shared)
		ReleaseSRWLockShared(SRWLock);
	else
		ReleaseSRWLockExclusive(SRWLock);
	woken = sleep_until_woken(&sleeper, dwMilliseconds);
	if (shared)
		AcquireSRWLockShared(SRWLock);
	else
		AcquireSRWLockExclusive(SRWLock);
	if (woken)
		return TRUE;
	SetLastError(ERROR_TIMEOUT);
	return FALSE;
}

/**
 * WakeConditionVariable - wake a thread that sleeps
 * @ConditionVariable: the variable; without a thread that sleeps there nothing happens
 *
 * The caller may hold the lock.
 *
 * Windows: "WakeConditionVariable function (synchapi.h)".
 */
void WINAPI WakeConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
	wake(ConditionVariable, false);
}

/**
 * WakeAllConditionVariable - wake all threads that sleep
 * @ConditionVariable: the variable; those that are woken do not look at it any more
 *
 * Windows: "WakeAllConditionVariable function (synchapi.h)".
 */
void WINAPI WakeAllConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
	wake(ConditionVariable, true);
}
