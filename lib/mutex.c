// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Mutexes and semaphores, as programs call them.  What is behind them: lockable.c.
 */
#include <errno.h>
#include <string.h>
#include <wchar.h>

#include "base/base.h"
#include "lockable.h"

/* Checks a name.  Returns false if it is too long. */
static bool check_length(size_t length)
{
	if (length >= MAX_PATH)
		SetLastError(ERROR_FILENAME_EXCED_RANGE);
	return length < MAX_PATH;
}

static HANDLE create(const struct sockiocp_lockable *like, const char *name)
{
	char *copy = NULL;

	if (name && !check_length(strlen(name)))
		return NULL;
	if (name && *name) {
		copy = strdup(name);
		if (!copy) {
			sockiocp_fail(ENOMEM);
			return NULL;
		}
	}
	return sockiocp_create_lockable(like, copy);
}

static HANDLE create_wide(const struct sockiocp_lockable *like, const wchar_t *name)
{
	char *copy = NULL;

	if (name && !check_length(wcslen(name)))
		return NULL;
	if (name && *name) {
		copy = sockiocp_to_utf8(name);
		if (!copy) {
			sockiocp_fail(ENOMEM);
			return NULL;
		}
	}
	return sockiocp_create_lockable(like, copy);
}

static struct sockiocp_lockable mutex(bool owned)
{
	return (struct sockiocp_lockable) {
		.state = owned ? sockiocp_this_thread() : 0,
		.is_mutex = true, .recursion = 1,
	};
}

/**
 * CreateMutexA - make a mutex, or open the one of a name
 * @lpMutexAttributes: ignored: the handle is not inherited
 * @bInitialOwner: whether this thread owns it from the beginning; not if it exists
 * @lpName: its name, known in this process only; or NULL or ""
 *
 * Who waits for a mutex that is free owns it then, and may wait for it again; it gives
 * it back by calling ReleaseMutex() as often.  If a thread ends with it, the next wait for
 * it returns WAIT_ABANDONED_0.  Threads that wait get it in the order in which they came.
 *
 * The caller owns the handle and passes it to CloseHandle().  It is no descriptor.  A
 * process that was forked has mutexes of its own in the same state.
 *
 * Return: the handle, and GetLastError() says ERROR_ALREADY_EXISTS if it existed, and
 * ERROR_SUCCESS if not; NULL if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	a semaphore has that name
 *   ERROR_FILENAME_EXCED_RANGE	the name has MAX_PATH characters or more
 *   ERROR_NO_SYSTEM_RESOURCES	there are 262,144 handles of mutexes and semaphores
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "CreateMutexA function (synchapi.h)".
 */
HANDLE WINAPI CreateMutexA(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
			   LPCSTR lpName)
{
	struct sockiocp_lockable like = mutex(bInitialOwner);

	(void)lpMutexAttributes;
	return create(&like, lpName);
}

/**
 * CreateMutexW - the same
 * @lpMutexAttributes: as for CreateMutexA()
 * @bInitialOwner: as for CreateMutexA()
 * @lpName: as for CreateMutexA()
 *
 * Return: as CreateMutexA().
 *
 * Windows: "CreateMutexW function (synchapi.h)".
 */
HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
			   LPCWSTR lpName)
{
	struct sockiocp_lockable like = mutex(bInitialOwner);

	(void)lpMutexAttributes;
	return create_wide(&like, lpName);
}

/**
 * CreateMutexExA - make a mutex, or open the one of a name
 * @lpMutexAttributes: as for CreateMutexA()
 * @lpName: as for CreateMutexA()
 * @dwFlags: CREATE_MUTEX_INITIAL_OWNER or 0
 * @dwDesiredAccess: ignored: the handle is good for everything
 *
 * Return: as CreateMutexA(), or NULL and ERROR_INVALID_PARAMETER: another flag.
 *
 * Windows: "CreateMutexExA function (synchapi.h)".
 */
HANDLE WINAPI CreateMutexExA(LPSECURITY_ATTRIBUTES lpMutexAttributes, LPCSTR lpName,
			     DWORD dwFlags, DWORD dwDesiredAccess)
{
	(void)dwDesiredAccess;
	if (dwFlags & ~CREATE_MUTEX_INITIAL_OWNER) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	return CreateMutexA(lpMutexAttributes, dwFlags & CREATE_MUTEX_INITIAL_OWNER, lpName);
}

/**
 * CreateMutexExW - the same
 * @lpMutexAttributes: as for CreateMutexA()
 * @lpName: as for CreateMutexA()
 * @dwFlags: as for CreateMutexExA()
 * @dwDesiredAccess: ignored
 *
 * Return: as CreateMutexExA().
 *
 * Windows: "CreateMutexExW function (synchapi.h)".
 */
HANDLE WINAPI CreateMutexExW(LPSECURITY_ATTRIBUTES lpMutexAttributes, LPCWSTR lpName,
			     DWORD dwFlags, DWORD dwDesiredAccess)
{
	(void)dwDesiredAccess;
	if (dwFlags & ~CREATE_MUTEX_INITIAL_OWNER) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	return CreateMutexW(lpMutexAttributes, dwFlags & CREATE_MUTEX_INITIAL_OWNER, lpName);
}

/**
 * ReleaseMutex - give a mutex back
 * @hMutex: the mutex, which this thread owns
 *
 * Others may have it when this was called as often as the thread has got it.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a mutex' handle
 *   ERROR_NOT_OWNER		this thread does not own it
 *
 * Windows: "ReleaseMutex function (synchapi.h)".
 */
BOOL WINAPI ReleaseMutex(HANDLE hMutex)
{
	return sockiocp_release_mutex(hMutex);
}

/* Returns false if there cannot be one with such counts. */
static bool semaphore(struct sockiocp_lockable *like, LONG count, LONG maximum)
{
	if (count < 0 || maximum <= 0 || count > maximum)
		return sockiocp_fail(EINVAL);
	*like = (struct sockiocp_lockable) {
		.state = (unsigned int)count, .maximum = (unsigned int)maximum,
	};
	return true;
}

/**
 * CreateSemaphoreA - make a semaphore, or open the one of a name
 * @lpSemaphoreAttributes: ignored: the handle is not inherited
 * @lInitialCount: how many waits end at once; if it exists, its count stays as it is
 * @lMaximumCount: the highest count, above 0
 * @lpName: its name, known in this process only; or NULL or ""
 *
 * A wait for a semaphore ends when its count is above 0, and takes 1 off it.  The handle
 * is as that of CreateMutexA().
 *
 * Return: as CreateMutexA(), or NULL and ERROR_INVALID_PARAMETER: there cannot be such
 * counts.
 *
 * Windows: "CreateSemaphoreA function (winbase.h)".
 */
HANDLE WINAPI CreateSemaphoreA(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes,
			       LONG lInitialCount, LONG lMaximumCount, LPCSTR lpName)
{
	struct sockiocp_lockable like;

	(void)lpSemaphoreAttributes;
	return semaphore(&like, lInitialCount, lMaximumCount) ? create(&like, lpName) : NULL;
}

/**
 * CreateSemaphoreW - the same
 * @lpSemaphoreAttributes: as for CreateSemaphoreA()
 * @lInitialCount: as for CreateSemaphoreA()
 * @lMaximumCount: as for CreateSemaphoreA()
 * @lpName: as for CreateSemaphoreA()
 *
 * Return: as CreateSemaphoreA().
 *
 * Windows: "CreateSemaphoreW function (synchapi.h)".
 */
HANDLE WINAPI CreateSemaphoreW(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes,
			       LONG lInitialCount, LONG lMaximumCount, LPCWSTR lpName)
{
	struct sockiocp_lockable like;

	(void)lpSemaphoreAttributes;
	return semaphore(&like, lInitialCount, lMaximumCount) ? create_wide(&like, lpName) :
								NULL;
}

/**
 * CreateSemaphoreExA - make a semaphore, or open the one of a name
 * @lpSemaphoreAttributes: as for CreateSemaphoreA()
 * @lInitialCount: as for CreateSemaphoreA()
 * @lMaximumCount: as for CreateSemaphoreA()
 * @lpName: as for CreateSemaphoreA()
 * @dwFlags: 0
 * @dwDesiredAccess: ignored: the handle is good for everything
 *
 * Return: as CreateSemaphoreA(), also ERROR_INVALID_PARAMETER: there are flags.
 *
 * Windows: "CreateSemaphoreExA function (winbase.h)".
 */
HANDLE WINAPI CreateSemaphoreExA(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes,
				 LONG lInitialCount, LONG lMaximumCount, LPCSTR lpName,
				 DWORD dwFlags, DWORD dwDesiredAccess)
{
	(void)dwDesiredAccess;
	if (dwFlags) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	return CreateSemaphoreA(lpSemaphoreAttributes, lInitialCount, lMaximumCount, lpName);
}

/**
 * CreateSemaphoreExW - the same
 * @lpSemaphoreAttributes: as for CreateSemaphoreA()
 * @lInitialCount: as for CreateSemaphoreA()
 * @lMaximumCount: as for CreateSemaphoreA()
 * @lpName: as for CreateSemaphoreA()
 * @dwFlags: 0
 * @dwDesiredAccess: ignored
 *
 * Return: as CreateSemaphoreExA().
 *
 * Windows: "CreateSemaphoreExW function (synchapi.h)".
 */
HANDLE WINAPI CreateSemaphoreExW(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes,
				 LONG lInitialCount, LONG lMaximumCount, LPCWSTR lpName,
				 DWORD dwFlags, DWORD dwDesiredAccess)
{
	(void)dwDesiredAccess;
	if (dwFlags) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	return CreateSemaphoreW(lpSemaphoreAttributes, lInitialCount, lMaximumCount, lpName);
}

/**
 * ReleaseSemaphore - add to the count of a semaphore
 * @hSemaphore: the semaphore
 * @lReleaseCount: how much, above 0
 * @lpPreviousCount: receives what it was; may be NULL
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a semaphore's handle
 *   ERROR_INVALID_PARAMETER	@lReleaseCount is 0 or less
 *   ERROR_TOO_MANY_POSTS	it would be more than its maximum; it stays as it is
 *
 * Windows: "ReleaseSemaphore function (synchapi.h)".
 */
BOOL WINAPI ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount)
{
	return sockiocp_release_semaphore(hSemaphore, lReleaseCount, lpPreviousCount);
}
