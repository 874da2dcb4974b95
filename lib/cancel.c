// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Cancelling overlapped operations.
 */
#include <errno.h>
#include <fcntl.h>

#include "ready.h"

/*
 * Has operations on a handle end.  Returns an errno value: ENOENT if there are none, on what
 * is no socket, for instance.
 */
static int cancel(HANDLE handle, const OVERLAPPED *overlapped, unsigned int flags)
{
	int fd = sockiocp_handle_fd(handle);
	struct sockiocp_cancel args = {
		.socket = (__u64)fd,
		.overlapped = (uintptr_t)overlapped,
		.flags = flags,
	};
	unsigned int nr;

	if (fcntl(fd, F_GETFD) < 0)
		return EBADF;
	if (!sockiocp_has_submitted())
		return ENOENT;
	nr = sockiocp_cancel_ready(fd, overlapped, flags & SOCKIOCP_CANCEL_OF_THREAD);
	if (sockiocp_home_ioctl(SOCKIOCP_CANCEL, &args))
		return errno == ENOTSOCK || errno == ENOTTY ? ENOENT : errno;
	return nr || args.cancelled ? 0 : ENOENT;
}

/**
 * CancelIo - cancel what this thread has under way at a handle
 * @hFile: a socket, say
 *
 * As CancelIoEx(), for operations that the calling thread has started.
 *
 * Return: nonzero, also if there are none; FALSE if it fails, and GetLastError() says
 * ERROR_INVALID_HANDLE.
 *
 * Windows: "CancelIo function (ioapiset.h)".
 */
BOOL WINAPI CancelIo(HANDLE hFile)
{
	int err = cancel(hFile, NULL, SOCKIOCP_CANCEL_OF_THREAD);

	return err && err != ENOENT ? sockiocp_fail(err) : TRUE;
}

/**
 * CancelIoEx - cancel what the process has under way at a handle
 * @hFile: a socket, say
 * @lpOverlapped: the operation's; NULL for all
 *
 * Nothing is waited for.  Each operation still completes, with its packet, event or routine:
 * as STATUS_CANCELLED, or, if it was just being carried out, with its result.  A packet that
 * is queued already is not recalled.  Where the stream stands is not known then.
 *
 * Return: nonzero if there was an operation to cancel; FALSE if it fails, and GetLastError()
 * says why:
 *   ERROR_NOT_FOUND		there is none
 *   ERROR_INVALID_HANDLE	not a handle
 *
 * Windows: "CancelIoEx function (ioapiset.h)".
 */
BOOL WINAPI CancelIoEx(HANDLE hFile, LPOVERLAPPED lpOverlapped)
{
	int err = cancel(hFile, lpOverlapped, 0);

	if (err == ENOENT) {
		SetLastError(ERROR_NOT_FOUND);
		return FALSE;
	}
	return err ? sockiocp_fail(err) : TRUE;
}
