// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * SRW locks: libc's reader-writer locks by another name.
 *
 * SRWLOCK has the size of a pthread_rwlock_t, and all zeros initialise both.  But
 * such a lock prefers readers: a writer waits as long as there is one, which may be
 * for ever.  SRWLOCK_INIT is what initialises one that does not let them overtake.
 */
#include <pthread.h>

#include "internal.h"

_Static_assert(sizeof(SRWLOCK) >= sizeof(pthread_rwlock_t),
	       "SRWLOCK has room for a pthread_rwlock_t");
_Static_assert(_Alignof(SRWLOCK) >= _Alignof(pthread_rwlock_t),
	       "SRWLOCK is aligned like a pthread_rwlock_t");

_Static_assert(offsetof(SRWLOCK, Reserved[6]) ==
	       offsetof(pthread_rwlock_t, __data.__flags) &&
	       PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP == 2 &&
	       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "SRWLOCK_INIT is PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP");

static pthread_rwlock_t *rwlock(PSRWLOCK lock)
{
	return (pthread_rwlock_t *)lock;
}

/**
 * InitializeSRWLock - make a lock that is free
 * @SRWLock: the lock, which the caller owns and never has to destroy
 *
 * SRWLOCK_INIT does the same for one in static memory.  Zeros will do too, but
 * then writers may have to wait for as long as there are readers.
 *
 * Windows: "InitializeSRWLock function (synchapi.h)".
 */
void WINAPI InitializeSRWLock(PSRWLOCK SRWLock)
{
	*SRWLock = (SRWLOCK)SRWLOCK_INIT;
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
 * @SRWLock: the lock, which this thread does not hold: as on Windows, a second
 *	time may never come if a writer waits
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
