// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which sockets are associated with a completion port, and how they tell that an operation
 * has completed.
 *
 * Windows keeps this in the file object, which all duplicates of a handle share.  Here the
 * kernel module keeps it with the socket: a table of descriptors would know nothing of
 * dup(), fork() and close().
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "internal.h"
#include "winsock.h"

/*
 * Returns 0 for a socket, EBADF for what is not open, EOPNOTSUPP for a file, which Windows
 * would take, EINVAL for others.
 */
int sockiocp_check_socket(HANDLE file)
{
	int fd = sockiocp_handle_fd(file);
	struct stat status;

	if (sockiocp_socket_type(fd) >= 0)
		return 0;
	if (errno != ENOTSOCK)
		return errno;
	return !fstat(fd, &status) && S_ISREG(status.st_mode) ? EOPNOTSUPP : EINVAL;
}

/* An older module does not know the call. */
static int refused(int fd, int err)
{
	err = sockiocp_port_error(fd, err);
	return err == ENOTTY ? EOPNOTSUPP : err;
}

/*
 * Associates a socket with a port, once.  Returns 0 or an errno value: EBADF if it
 * is not a port, EINVAL if the socket is associated.
 */
int sockiocp_associate(HANDLE socket, HANDLE port, ULONG_PTR key)
{
	struct sockiocp_association association = {
		.socket = sockiocp_handle_fd(socket),
		.completion_key = key,
	};
	int fd = sockiocp_handle_fd(port), err;

	if (!ioctl(fd, SOCKIOCP_ASSOCIATE, &association))
		return 0;
	err = refused(fd, errno);
	return err == ESHUTDOWN ? EBADF : err;
}

/*
 * A port of the library's own, by which modes are set: any will do.  It is opened again if
 * the program has closed it, as daemons do.  Returns its descriptor, or -1 with errno.
 */
static int own_port(bool again)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int fd = -1;
	HANDLE port;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (fd < 0 || (again && sockiocp_check_port(fd))) {
		fd = -1;
		err = sockiocp_create_port(0, &port);
		if (!err)
			fd = sockiocp_handle_fd(port);
	}
	pthread_mutex_unlock(&lock);
	errno = err;
	return fd;
}

static int set_modes(int socket, UCHAR modes)
{
	struct sockiocp_modes args = { .socket = socket, .modes = modes };
	int fd, again;

	for (again = 0; again < 2; again++) {
		fd = own_port(again);
		if (fd < 0)
			return errno;
		if (!ioctl(fd, SOCKIOCP_SET_MODES, &args))
			return 0;
		if (sockiocp_check_port(fd) != EBADF)
			break;
	}
	return refused(fd, errno);
}

/**
 * SetFileCompletionNotificationModes - how a socket tells that an operation has completed
 * @FileHandle: the socket
 * @Flags: FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: an operation that succeeds at once queues
 *	no packet.  FILE_SKIP_SET_EVENT_ON_HANDLE: has no effect here, since a socket
 *	cannot be waited for.  What was set stays, for all duplicates of the socket, until
 *	the last of them is closed
 *
 * Before or after the socket is associated with a port, as on Windows.
 *
 * Return: TRUE; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not open
 *   ERROR_INVALID_PARAMETER	not a socket; other flags
 *   ERROR_NOT_SUPPORTED	a file; the kernel module is older than this function
 *   ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_TOO_MANY_OPEN_FILES,
 *   ERROR_NOT_ENOUGH_MEMORY	as CreateIoCompletionPort()
 *   ERROR_NO_SYSTEM_RESOURCES	as CreateIoCompletionPort()
 *
 * Windows: "SetFileCompletionNotificationModes function (winbase.h)".
 */
BOOL WINAPI SetFileCompletionNotificationModes(HANDLE FileHandle, UCHAR Flags)
{
	int err = sockiocp_check_socket(FileHandle);

	if (!err && Flags & ~(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
			      FILE_SKIP_SET_EVENT_ON_HANDLE))
		err = EINVAL;
	if (!err)
		err = set_modes(sockiocp_handle_fd(FileHandle), Flags);
	return err ? sockiocp_fail(err) : TRUE;
}
