// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * SRW locks: libc's reader-writer locks by another name.
 *
 * SRWLOCK has the size of a pthread_rwlock_t, and all zeros initialise both.
 */
#include <pthread.h>

#include "internal.h"

_Static_assert(sizeof(SRWLOCK) >= sizeof(pthread_rwlock_t),
	       "SRWLOCK has room for a pthread_rwlock_t");
_Static_assert(_Alignof(SRWLOCK) >= _Alignof(pthread_rwlock_t),
	       "SRWLOCK is aligned like a pthread_rwlock_t");

static pthread_rwlock_t *rwlock(PSRWLOCK lock)
{
	return (pthread_rwlock_t *)lock;
}

/**
 * InitializeSRWLock - make a lock that is free
 * @SRWLock: the lock, which the caller owns and never has to destroy
 *
 * SRWLOCK_INIT does the same for one in static memory.
 *
 * Windows: "InitializeSRWLock function (synchapi.h)".
 */
void WINAPI InitializeSRWLock(PSRWLOCK SRWLock)
{
	pthread_rwlock_init(rwlock(SRWLock), NULL);
}

/**
 * AcquireSRWLockExclusive - wait for a lock and hold it alone
 * @SRWLock: the lock, which this thread does not hold
 *
 * Windows: "AcquireSRWLockExclusive function (synchapi.h)".
 */
void WINAPI AcquireSRWLockExclusive(PSRWLOCK SRWLock)
{
	pthread_rwlock_wrlock(rwlock(SRWLock));
}

/**
 * ReleaseSRWLockExclusive - give back a lock that is held alone
 * @SRWLock: the lock
 *
 * Windows: "ReleaseSRWLockExclusive function (synchapi.h)".
 */
void WINAPI ReleaseSRWLockExclusive(PSRWLOCK SRWLock)
{
	pthread_rwlock_unlock(rwlock(SRWLock));
}

/**
 * AcquireSRWLockShared - wait for a lock and hold it together with others
 * @SRWLock: the lock, which this thread does not hold
 *
 * Windows: "AcquireSRWLockShared function (synchapi.h)".
 */
void WINAPI AcquireSRWLockShared(PSRWLOCK SRWLock)
{
	pthread_rwlock_rdlock(rwlock(SRWLock));
}

/**
 * ReleaseSRWLockShared - give back a lock that is held together with others
 * @SRWLock: the lock
 *
 * Windows: "ReleaseSRWLockShared function (synchapi.h)".
 */
void WINAPI ReleaseSRWLockShared(PSRWLOCK SRWLock)
{
	pthread_rwlock_unlock(rwlock(SRWLock));
}
