// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Descriptors: which numbers were closed, and keeping them above the standard streams.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"

/*
 * How often CloseHandle() has closed each number.  A thread that is between two
 * system calls of one wait (a signal handler ran) is not a waiter the kernel
 * could release; it looks here to learn that its port has gone, even if the
 * number belongs to another port by now.  64 KiB of zeros, of which only the
 * pages of numbers in use are ever touched.
 */
atomic_uchar sockiocp_close_counts[SOCKIOCP_COUNTED_FDS];

/*
 * Moves a new descriptor above the standard streams: programs hold 0 for "no
 * handle", and nobody should print into a socket.
 *
 * Returns the descriptor, or -1 with errno set and @fd closed.
 */
int sockiocp_fd_above_stdio(int fd)
{
	int err, moved;

	if (fd < 0 || fd >= SOCKIOCP_FIRST_FD)
		return fd;

	moved = fcntl(fd, F_DUPFD_CLOEXEC, SOCKIOCP_FIRST_FD);
	err = errno;
	close(fd);
	errno = err;
	return moved;
}
