// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Handles of all kinds: closing and duplicating them, and whether they are inherited.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

/**
 * CloseHandle - close a handle of any kind
 * @hObject: a handle of a completion port, a thread, an event, a timer, a mutex, a
 *	semaphore or a file; a socket as closesocket()
 *
 * Whoever in this process waits on a port that is closed gets
 * ERROR_ABANDONED_WAIT_0 at once, unless the process has another descriptor of
 * it, or WAIT_ABANDONED_0 from WaitForSingleObject().  Its packets and registrations
 * go when the last descriptor in any process is closed.  A thread goes on when its
 * handle is closed, and so does a wait for an event, a mutex or a semaphore.  A timer is cancelled with its last
 * descriptor.  Closing what GetCurrentThread() returns has no effect.
 *
 * But for mutexes and semaphores the handle is a file descriptor, so close(2) does the same, except that a
 * thread which is between two system calls of one wait cannot notice it, nor
 * WaitForSingleObject().
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says
 * ERROR_INVALID_HANDLE.
 *
 * Windows: "CloseHandle function (handleapi.h)".
 */
BOOL WINAPI CloseHandle(HANDLE hObject)
{
	int fd = sockiocp_handle_fd(hObject);
	int err;

	if (hObject == THIS_THREAD || sockiocp_close_lockable(hObject))
		return TRUE;
	sockiocp_count_close(fd);
	if (sockiocp_known_kind(fd)) {
		sockiocp_time_apc(fd, 0, 0, NULL, NULL);
		sockiocp_set_kind(fd, 0);
	}
	sockiocp_enable_event(fd, 0, -1);
	sockiocp_close_ready(fd);
	sockiocp_end_blocked(fd);
	err = sockiocp_close_socket(fd);
	/* Linux has closed it, whatever else close() complains of. */
	if (err == ENOTSOCK)
		err = close(fd) ? errno : 0;
	sockiocp_number_was_closed(fd);
	if (err == EBADF)
		return sockiocp_fail(EBADF);
	sockiocp_disturb_waits();
	return TRUE;
}

/* The only process that handles are of: what GetCurrentProcess() returns. */
#define THIS_PROCESS	((HANDLE)(LONG_PTR)-1)

/* Returns a new descriptor of the same file, or -1 with errno set. */
static int duplicate_fd(int fd, bool inherit)
{
	int new = fcntl(fd, F_DUPFD_CLOEXEC, SOCKIOCP_FIRST_FD);

	if (sockiocp_kind(fd) & SOCKIOCP_EVENT)
		new = sockiocp_fd_even(new);
	if (new < 0)
		return -1;
	sockiocp_count_close(new);
	sockiocp_copy_kind(fd, new);
	sockiocp_copy_association(fd, new);
	if (inherit)
		fcntl(new, F_SETFD, 0);
	return new;
}

/* Returns another handle of the same, or NULL with errno set. */
static HANDLE duplicate(HANDLE handle, bool inherit)
{
	int fd;

	if (handle == THIS_PROCESS) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (sockiocp_is_lockable(handle))
		return sockiocp_duplicate_lockable(handle, inherit);
	if (handle == THIS_THREAD) {
		fd = sockiocp_duplicate_this_thread();
		if (fd >= 0 && inherit)
			fcntl(fd, F_SETFD, 0);
	} else {
		fd = duplicate_fd(sockiocp_handle_fd(handle), inherit);
	}
	return fd < 0 ? NULL : (HANDLE)(intptr_t)fd;
}

/**
 * DuplicateHandle - make another handle of the same
 * @hSourceProcessHandle: GetCurrentProcess()
 * @hSourceHandle: a handle of any kind, a socket, or GetCurrentThread()
 * @hTargetProcessHandle: GetCurrentProcess()
 * @lpTargetHandle: receives the new handle; NULL: none is made
 * @dwDesiredAccess: ignored: it is good for what the other one is good for
 * @bInheritHandle: whether programs that are started with exec have it; one of a mutex or a
 *	semaphore says so only
 * @dwOptions: DUPLICATE_SAME_ACCESS; DUPLICATE_CLOSE_SOURCE: @hSourceHandle is closed as by
 *	CloseHandle(), also if this fails for what comes after the process; both, or 0
 *
 * Both mean the same mutex, event, port, thread or file, which is there until the last one
 * is closed; each is closed alone.  A duplicate of a socket shares its association with a
 * port; closesocket() ends operations when the last one is closed.  A function that a timer
 * calls belongs to the handle by which SetWaitableTimer() was told of it.  Two calls of
 * SetEvent() release two threads if these wait by the handle that it is given; by another
 * one of the same event, as for dup(2), the second call may find the event still set.
 *
 * A thread that duplicates GetCurrentThread() keeps one descriptor until it ends.  There are
 * no handles of processes: sockets go to others by WSADuplicateSocket(), other handles by
 * fork(2), exec or SCM_RIGHTS, as descriptors do.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	no handle, or a process that is not this one
 *   ERROR_INVALID_PARAMETER	there are no such options
 *   ERROR_NOT_SUPPORTED	@hSourceHandle is GetCurrentProcess()
 *   ERROR_TOO_MANY_OPEN_FILES	no descriptor is left
 *   ERROR_NO_SYSTEM_RESOURCES	as for CreateMutexA()
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "DuplicateHandle function (handleapi.h)".
 */
BOOL WINAPI DuplicateHandle(HANDLE hSourceProcessHandle, HANDLE hSourceHandle,
			    HANDLE hTargetProcessHandle, LPHANDLE lpTargetHandle,
			    DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwOptions)
{
	bool closes = dwOptions & DUPLICATE_CLOSE_SOURCE;
	HANDLE handle = NULL;
	int err = 0;

	(void)dwDesiredAccess;
	if (hSourceProcessHandle != THIS_PROCESS)
		return sockiocp_fail(EBADF);
	if (dwOptions & ~(DWORD)(DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS))
		err = EINVAL;
	/* To name no other process is how to close a handle only. */
	else if (hTargetProcessHandle != THIS_PROCESS && (lpTargetHandle || !closes))
		err = EBADF;
	else if (lpTargetHandle && !(handle = duplicate(hSourceHandle, bInheritHandle)))
		err = errno;
	if (closes && !CloseHandle(hSourceHandle) && !err)
		err = EBADF;
	if (err)
		return sockiocp_fail(err);
	if (lpTargetHandle)
		*lpTargetHandle = handle;
	return TRUE;
}

/**
 * GetHandleInformation - is a handle inherited?
 * @hObject: a handle of any kind
 * @lpdwFlags: receives HANDLE_FLAG_INHERIT, or 0
 *
 * Return: nonzero; FALSE for what is no handle, and GetLastError() says
 * ERROR_INVALID_HANDLE.
 *
 * Windows: "GetHandleInformation function (handleapi.h)".
 */
BOOL WINAPI GetHandleInformation(HANDLE hObject, LPDWORD lpdwFlags)
{
	int flags = fcntl(sockiocp_handle_fd(hObject), F_GETFD);
	atomic_bool *inherits = sockiocp_lockable_inherits(hObject);

	if (inherits) {
		*lpdwFlags = atomic_load(inherits) ? HANDLE_FLAG_INHERIT : 0;
		return TRUE;
	}
	if (flags < 0)
		return sockiocp_fail(errno);
	*lpdwFlags = flags & FD_CLOEXEC ? 0 : HANDLE_FLAG_INHERIT;
	return TRUE;
}

/**
 * SetHandleInformation - have a handle inherited, or not
 * @hObject: a handle of any kind; of a mutex or a semaphore, which are memory of this
 *	process, GetHandleInformation() tells what was set, and nobody inherits it
 * @dwMask: what to set: HANDLE_FLAG_INHERIT, or 0
 * @dwFlags: HANDLE_FLAG_INHERIT: programs that are started with exec have it; or 0
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	no handle
 *   ERROR_NOT_SUPPORTED	HANDLE_FLAG_PROTECT_FROM_CLOSE is to be set
 *   ERROR_INVALID_PARAMETER	there are no such flags
 *
 * Windows: "SetHandleInformation function (handleapi.h)".
 */
BOOL WINAPI SetHandleInformation(HANDLE hObject, DWORD dwMask, DWORD dwFlags)
{
	int fd = sockiocp_handle_fd(hObject), flags = fcntl(fd, F_GETFD);
	atomic_bool *inherits = sockiocp_lockable_inherits(hObject);

	if (dwMask & ~(DWORD)(HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE))
		return sockiocp_fail(EINVAL);
	if (flags < 0 && !inherits)
		return sockiocp_fail(EBADF);
	if (dwMask & dwFlags & HANDLE_FLAG_PROTECT_FROM_CLOSE)
		return sockiocp_fail(EOPNOTSUPP);
	if (!(dwMask & HANDLE_FLAG_INHERIT))
		return TRUE;
	if (inherits) {
		atomic_store(inherits, dwFlags & HANDLE_FLAG_INHERIT);
		return TRUE;
	}
	flags = dwFlags & HANDLE_FLAG_INHERIT ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags) ? sockiocp_fail(errno) : TRUE;
}
