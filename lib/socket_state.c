// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What Winsock's calls ask about a socket before they say how they have gone.
 */
#include <errno.h>
#include <fcntl.h>

#include <linux/tcp.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

atomic_bool sockiocp_messages_used;
atomic_bool sockiocp_timeouts_used;

/* Returns the type of a socket, SOCK_STREAM for instance; -1 of what is none. */
int sockiocp_socket_type(int fd)
{
	unsigned int size = sizeof(int);
	int type;

	if (libc_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
		return -1;
	return type;
}

bool sockiocp_is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK);
}

/*
 * Fails with the error of a call that transfers data or connects.  EAGAIN means
 * a time-out if the socket blocks, which only a program can meet that has set
 * one: others do not pay for the question.
 */
int sockiocp_transfer_fail(int fd, int err)
{
	if ((err == EAGAIN || err == EINPROGRESS) &&
	    atomic_load_explicit(&sockiocp_timeouts_used,
				 memory_order_relaxed) &&
	    !sockiocp_is_nonblocking(fd))
		err = ETIMEDOUT;
	return sockiocp_wsa_fail(err);
}

/*
 * Has this TCP socket, which has no peer, never had one?  A connection that came to be
 * has measured how long its handshake took, if it was not too quick to be measured, or
 * has carried something.
 */
bool sockiocp_was_never_connected(int fd)
{
	struct tcp_info info = { 0 };
	unsigned int len = sizeof(info);

	return !libc_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       !info.tcpi_rtt && !info.tcpi_bytes_acked &&
	       !info.tcpi_bytes_received;
}
