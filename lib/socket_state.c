// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What Winsock's calls ask about a socket before they say how they have gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/tcp.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "winsock.h"

atomic_bool sockiocp_messages_used;
atomic_bool sockiocp_timeouts_used;
void (*_Atomic sockiocp_event_hook)(int fd, long event, int accepted);

/*
 * Errors that the library has read of sockets to tell of them, though the program has not:
 * the kernel gives each once.  errno values.
 */
static atomic_uchar kept_errors[SOCKIOCP_COUNTED_FDS];

/* With 0 there is none any more. */
void sockiocp_keep_error(int fd, int err)
{
	if ((unsigned int)fd < SOCKIOCP_COUNTED_FDS && sockiocp_kept_error(fd) != err)
		atomic_store(&kept_errors[fd], (unsigned char)err);
}

int sockiocp_kept_error(int fd)
{
	return (unsigned int)fd < SOCKIOCP_COUNTED_FDS ? atomic_load(&kept_errors[fd]) : 0;
}

/* The program gets it. */
int sockiocp_take_kept_error(int fd)
{
	return sockiocp_kept_error(fd) ? atomic_exchange(&kept_errors[fd], 0) : 0;
}

/*
 * Why nothing more is received of a stream, where Linux only says that it has ended: the
 * kernel tells a reset once, and takes what was shut down here for the peer's end.  The
 * errno value, or 0.
 */
static atomic_uchar ends[SOCKIOCP_COUNTED_FDS];

/* With 0 it is a new socket's number, about to be closed, or to be connected anew. */
void sockiocp_note_end(int fd, int err)
{
	if ((unsigned int)fd < SOCKIOCP_COUNTED_FDS && atomic_load(&ends[fd]) != err)
		atomic_store(&ends[fd], (unsigned char)err);
}

/* The program is told of an error of a socket: those that stay are noted. */
void sockiocp_note_told(int fd, int err)
{
	if ((err == ECONNRESET || err == ECONNABORTED) && sockiocp_socket_type(fd) == SOCK_STREAM)
		sockiocp_note_end(fd, err);
}

/* What a call returns that has received 0 bytes: that, or -1 with errno set. */
ssize_t sockiocp_received_none(int fd)
{
	int err = sockiocp_take_kept_error(fd);

	if (!err && (unsigned int)fd < SOCKIOCP_COUNTED_FDS)
		err = atomic_load(&ends[fd]);
	if (!err)
		return 0;
	errno = err;
	return -1;
}

/* Reads an option of the level SOL_SOCKET.  Returns as getsockopt(2) does. */
int sockiocp_get_int(int fd, int name, int *value)
{
	unsigned int size = sizeof(*value);

	return libc_getsockopt(fd, SOL_SOCKET, name, value, &size);
}

/* Returns as setsockopt(2) does. */
int sockiocp_set_int(int fd, int level, int name, int value)
{
	return libc_setsockopt(fd, level, name, &value, sizeof(value));
}

/* Returns the type of a socket, SOCK_STREAM for instance; -1 of what is none. */
int sockiocp_socket_type(int fd)
{
	int type;

	return sockiocp_get_int(fd, SO_TYPE, &type) ? -1 : type;
}

/*
 * Is it a socket?  If not, errno says why; if so, it is as before.  To send no message is the
 * least that a socket can be asked for: what is none says so, and neither the protocol nor a
 * security module is asked.  It costs half of what an option does, and nothing can wait there.
 */
bool sockiocp_is_socket(int fd)
{
	int err = errno;

	/* Not by the C library: there it could be a thread's end (pthread_cancel(3)). */
	if (!syscall(SYS_sendmmsg, fd, NULL, 0, 0))
		return true;
	/* A filter of system calls (seccomp(2)) may not know this one. */
	if (errno == ENOTSOCK || errno == EBADF || sockiocp_socket_type(fd) < 0)
		return false;
	errno = err;
	return true;
}

/* Is it the address of a socket that is bound? */
bool sockiocp_is_bound_name(const struct sockaddr_storage *name, unsigned int size)
{
	switch (name->ss_family) {
	case AF_INET:
	case AF_INET6:
		/* The port is at the same place in both. */
		return ((const struct sockaddr_in *)name)->sin_port;
	default:
		return size > sizeof(name->ss_family);
	}
}

/* Is it the address that stands for all of a machine's own, where nobody can be? */
bool sockiocp_is_nowhere(const struct sockaddr *name, int size)
{
	static const struct in6_addr any6;

	if (size >= (int)sizeof(struct sockaddr_in) && name->sa_family == AF_INET)
		return !((const struct sockaddr_in *)name)->sin_addr.s_addr;
	return size >= (int)sizeof(struct sockaddr_in6) && name->sa_family == AF_INET6 &&
	       !memcmp(&((const struct sockaddr_in6 *)name)->sin6_addr, &any6, sizeof(any6));
}

/* Is it of a family in which who is not bound has port 0, and not bound? */
bool sockiocp_is_unbound(int fd)
{
	struct sockaddr_storage name;
	unsigned int size = sizeof(name);

	return !libc_getsockname(fd, (struct sockaddr *)&name, &size) &&
	       (name.ss_family == AF_INET || name.ss_family == AF_INET6) &&
	       !sockiocp_is_bound_name(&name, size);
}

/*
 * What Winsock says of an address with which the kernel has refused a call for @err: that it
 * is another family's, or else that it is too short; both are EINVAL in much of Linux.
 * Returns @err, or the errno value that says so.
 */
int sockiocp_address_error(int fd, int err, const struct sockaddr *name, int size)
{
	int family, least;

	/* Others have nothing to do with that; EFAULT is a pointer that nobody can read. */
	if ((err != EINVAL && err != EAFNOSUPPORT) ||
	    sockiocp_get_int(fd, LIBC_SO_DOMAIN, &family) ||
	    (family != AF_INET && family != AF_INET6))
		return err;
	if (!name || size < (int)sizeof(name->sa_family))
		return EFAULT;
	if (name->sa_family != family)
		return EAFNOSUPPORT;
	least = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	return size < least ? EFAULT : err;
}

bool sockiocp_has_peer(int fd)
{
	struct sockaddr_storage peer;
	unsigned int len = sizeof(peer);

	return !libc_getpeername(fd, (struct sockaddr *)&peer, &len);
}

/* As the program sees it. */
bool sockiocp_is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK) && !(flags & SOCKIOCP_SEEMS_TO_BLOCK);
}

/*
 * Fails with the error of a call that transfers data or connects.  EAGAIN means
 * a time-out if the socket blocks, which only a program can meet that has set
 * one: others do not pay for the question.
 */
int sockiocp_transfer_fail(int fd, int err)
{
	sockiocp_note_told(fd, err);
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

/*
 * Windows ends a call that is to transfer all before it has done so only for an
 * error, Linux also for a signal, and then says how much it has done.  Whether to
 * go on is asked only if that was less than all.
 */
bool sockiocp_transfers_all(int fd)
{
	return !sockiocp_is_nonblocking(fd) &&
	       sockiocp_socket_type(fd) == SOCK_STREAM;
}

/*
 * What an error means to a datagram socket: there is no connection that could be
 * refused, and Winsock calls it a reset that an earlier datagram found nobody.
 */
int sockiocp_datagram_error(int fd, int err)
{
	if (err == ECONNREFUSED && sockiocp_socket_type(fd) == SOCK_DGRAM)
		err = ECONNRESET;
	return err;
}

/*
 * Fails with the error of send() or sendto().  EPIPE says that this side was
 * shut down, or that the connection was reset and that has been reported, or that
 * there never was one: in the last two cases there is no peer.
 */
int sockiocp_send_fail(int fd, int err)
{
	if (err == EAGAIN)
		sockiocp_enable_event(fd, FD_WRITE, -1);
	if (err == EPIPE) {
		if (sockiocp_has_peer(fd))
			err = ESHUTDOWN;
		else if (sockiocp_was_never_connected(fd))
			err = ENOTCONN;
	}
	return sockiocp_transfer_fail(fd, sockiocp_datagram_error(fd, err));
}

/*
 * Has this stream, which poll(2) says has hung up, never had a peer?  To Linux a new
 * one has hung up, and so has one whose connection could not be made.
 */
bool sockiocp_is_unused_stream(int fd)
{
	int protocol;

	if (sockiocp_socket_type(fd) != SOCK_STREAM || sockiocp_has_peer(fd))
		return false;
	if (sockiocp_get_int(fd, LIBC_SO_PROTOCOL, &protocol))
		return false;
	return protocol != IPPROTO_TCP || sockiocp_was_never_connected(fd);
}

/* Fails with the error of a call that receives. */
int sockiocp_receive_fail(int fd, int err)
{
	return sockiocp_transfer_fail(fd, sockiocp_datagram_error(fd, err));
}
