// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which sockets are associated with a completion port.
 *
 * Windows keeps this in the file object, which all duplicates of a handle share,
 * so it has to be kept where Linux' open file is, and the library has no table:
 * a table of descriptors would know nothing of dup(), fork() and close().  An
 * open file has one number that a program can set and that means nothing to a
 * socket: the signal of F_SETSIG, 0 for "SIGIO".  An associated socket has SIGIO
 * there, which is the same for the kernel and can be told from 0.
 *
 * The mark lasts as long as the open file, in whichever process.  It says nothing
 * of the port and the key: there is no overlapped I/O that would ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "internal.h"
#include "winsock.h"

/* Returns 0 for a socket, EBADF for what is not open, EINVAL for others. */
int sockiocp_check_socket(HANDLE file)
{
	if (sockiocp_socket_type(sockiocp_handle_fd(file)) >= 0)
		return 0;
	return errno == ENOTSOCK ? EINVAL : errno;
}

/*
 * Sets the mark, unless there is one.  One thread of a process at a time: of two
 * that try it with one socket, one has to fail.
 */
static int mark(int fd)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int signal, err = 0;

	pthread_mutex_lock(&lock);
	signal = fcntl(fd, F_GETSIG);
	if (signal > 0)
		err = EINVAL;
	else if (signal < 0 || fcntl(fd, F_SETSIG, SIGIO))
		err = errno;
	pthread_mutex_unlock(&lock);
	return err;
}

/*
 * Associates a socket with a port, once.  Returns 0 or an errno value: EBADF if it
 * is not a port, EINVAL if the socket is associated.
 */
int sockiocp_associate(HANDLE socket, HANDLE port)
{
	if (sockiocp_check_port(sockiocp_handle_fd(port)))
		return EBADF;
	return mark(sockiocp_handle_fd(socket));
}
