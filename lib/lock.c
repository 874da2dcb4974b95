// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * SRW locks and critical sections: libc's reader-writer locks and recursive
 * mutexes by other names.
 *
 * SRWLOCK has the size of a pthread_rwlock_t, and all zeros initialise both.  But
 * such a lock prefers readers: a writer waits as long as there is one, which may be
 * for ever.  SRWLOCK_INIT is what initialises one that does not let them overtake.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

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

/*
 * libc tells a thread that waits for itself, in place of having it wait.  Who went on would
 * be alone with what others read, and give the lock back twice.
 */
static void wait_if_for_itself(int err)
{
	while (err == EDEADLK)
		pause();
}

/**
 * AcquireSRWLockExclusive - wait for a lock and hold it alone
 * @SRWLock: the lock, which this thread does not hold, or it waits for ever
 *
 * Windows: "AcquireSRWLockExclusive function (synchapi.h)".
 */
void WINAPI AcquireSRWLockExclusive(PSRWLOCK SRWLock)
{
	wait_if_for_itself(pthread_rwlock_wrlock(rwlock(SRWLock)));
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
	wait_if_for_itself(pthread_rwlock_rdlock(rwlock(SRWLock)));
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

_Static_assert(sizeof(CRITICAL_SECTION) >= sizeof(pthread_mutex_t),
	       "CRITICAL_SECTION has room for a pthread_mutex_t");
_Static_assert(_Alignof(CRITICAL_SECTION) >= _Alignof(pthread_mutex_t),
	       "CRITICAL_SECTION is aligned like a pthread_mutex_t");

static pthread_mutex_t *mutex(LPCRITICAL_SECTION section)
{
	return (pthread_mutex_t *)section;
}

/**
 * InitializeCriticalSection - make a critical section that nobody is in
 * @lpCriticalSection: the section, which the caller owns and passes to
 *	DeleteCriticalSection()
 *
 * Windows: "InitializeCriticalSection function (synchapi.h)".
 */
void WINAPI InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(mutex(lpCriticalSection), &attr);
	pthread_mutexattr_destroy(&attr);
}

/**
 * InitializeCriticalSectionAndSpinCount - the same
 * @lpCriticalSection: the section
 * @dwSpinCount: ignored: who has to wait waits in the kernel
 *
 * Return: nonzero.
 *
 * Windows: "InitializeCriticalSectionAndSpinCount function (synchapi.h)".
 */
BOOL WINAPI
InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION lpCriticalSection,
				      DWORD dwSpinCount)
{
	(void)dwSpinCount;
	InitializeCriticalSection(lpCriticalSection);
	return TRUE;
}

/**
 * EnterCriticalSection - wait until nobody else is in a section, and enter it
 * @lpCriticalSection: the section; a thread that is in it enters once more
 *
 * Windows: "EnterCriticalSection function (synchapi.h)".
 */
void WINAPI EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
	pthread_mutex_lock(mutex(lpCriticalSection));
}

/**
 * TryEnterCriticalSection - enter a section unless somebody else is in it
 * @lpCriticalSection: the section
 *
 * Return: nonzero if this thread has entered it; FALSE if it has not.
 *
 * Windows: "TryEnterCriticalSection function (synchapi.h)".
 */
BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
	return !pthread_mutex_trylock(mutex(lpCriticalSection));
}

/**
 * LeaveCriticalSection - leave a section that this thread has entered
 * @lpCriticalSection: the section; others may enter it when this was called as
 *	often as it was entered
 *
 * Windows: "LeaveCriticalSection function (synchapi.h)".
 */
void WINAPI LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
	pthread_mutex_unlock(mutex(lpCriticalSection));
}

/**
 * DeleteCriticalSection - give back a section that nobody is in
 * @lpCriticalSection: the section; it can be initialised again
 *
 * Windows: "DeleteCriticalSection function (synchapi.h)".
 */
void WINAPI DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
	pthread_mutex_destroy(mutex(lpCriticalSection));
}
