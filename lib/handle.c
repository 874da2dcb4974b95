// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Handles of all kinds: closing them, and whether they are inherited.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
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
	if (fd >= 0 && fd < SOCKIOCP_COUNTED_FDS)
		atomic_fetch_add_explicit(&sockiocp_close_counts[fd], 1,
					  memory_order_acq_rel);
	if (sockiocp_known_kind(fd)) {
		sockiocp_time_apc(fd, 0, 0, NULL, NULL);
		sockiocp_set_kind(fd, 0);
	}
	sockiocp_enable_event(fd, 0, -1);
	sockiocp_close_ready(fd);
	err = sockiocp_close_socket(fd);
	/* Linux has closed it, whatever else close() complains of. */
	if (err == ENOTSOCK)
		err = close(fd) ? errno : 0;
	if (err == EBADF)
		return sockiocp_fail(EBADF);
	sockiocp_disturb_waits();
	return TRUE;
}

/**
 * GetHandleInformation - is a handle inherited?
 * @hObject: a handle that is a descriptor, of any kind
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

	if (flags < 0)
		return sockiocp_fail(errno);
	*lpdwFlags = flags & FD_CLOEXEC ? 0 : HANDLE_FLAG_INHERIT;
	return TRUE;
}

/**
 * SetHandleInformation - have a handle inherited, or not
 * @hObject: a handle that is a descriptor, of any kind
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

	if (dwMask & ~(DWORD)(HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE))
		return sockiocp_fail(EINVAL);
	if (flags < 0)
		return sockiocp_fail(errno);
	if (dwMask & dwFlags & HANDLE_FLAG_PROTECT_FROM_CLOSE)
		return sockiocp_fail(EOPNOTSUPP);
	if (!(dwMask & HANDLE_FLAG_INHERIT))
		return TRUE;
	flags = dwFlags & HANDLE_FLAG_INHERIT ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags) ? sockiocp_fail(errno) : TRUE;
}
