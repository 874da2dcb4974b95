// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sending and receiving.
 */
#include <errno.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

/*
 * Sends what is left after the first @done bytes.  Returns as send() does; the
 * call before has kept its error for this one, which has to report it.
 */
static ssize_t send_rest(struct sockiocp_call *call, const char *buf, size_t done,
			 size_t len, int flags)
{
	ssize_t sent;

	while (done < len) {
		sent = libc_send(call->fd, buf + done, len - done, flags | call->dont_wait);
		if (sent > 0)
			done += (size_t)sent;
		else if (!sent)
			break;
		else if (!sockiocp_try_again(call))
			return errno == EAGAIN ? (ssize_t)done : -1;
	}
	return (ssize_t)done;
}

/* What send() and sendto() return after the first call has returned @sent. */
static int sent_so_far(struct sockiocp_call *call, const char *buf, ssize_t sent, int len,
		       int flags)
{
	if (sent >= 0 && sent < len && sockiocp_transfers_all(call->fd))
		sent = send_rest(call, buf, (size_t)sent, (size_t)len, flags);
	sockiocp_call_ends(call);
	return sent < 0 ? sockiocp_send_fail(call->fd, errno) : (int)sent;
}

/**
 * send - send data on a connected socket
 * @s: the socket
 * @buf: the data
 * @len: its length in bytes, not negative
 * @flags: 0, MSG_OOB or MSG_DONTROUTE
 *
 * Never raises SIGPIPE.
 *
 * Return: how many bytes the system took, which may be fewer than @len if the
 * socket is non-blocking, or if SO_SNDTIMEO has passed without room for more;
 * SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEWOULDBLOCK	non-blocking, and the send buffer is full
 *   WSAETIMEDOUT	SO_SNDTIMEO has passed, or the peer does not answer
 *   WSAEINTR		another thread has closed the socket
 *   WSAECONNRESET	the peer has reset the connection
 *   WSAESHUTDOWN	this direction was shut down
 *   WSAENOTCONN	not connected
 *   WSAEMSGSIZE	too large for a datagram
 *   WSAEFAULT		@len is negative
 *
 * Windows: "send function (winsock2.h)".
 */
int WSAAPI send(SOCKET s, const char *buf, int len, int flags)
{
	int fd = sockiocp_socket_fd(s);
	struct sockiocp_call call;
	ssize_t sent;

	if (len < 0)
		return sockiocp_wsa_fail(EFAULT);
	if (sockiocp_is_shutting_down(fd))
		return sockiocp_wsa_fail(ESHUTDOWN);
	flags |= LIBC_MSG_NOSIGNAL;
	sockiocp_call_begins(&call, fd, POLLOUT);
	do {
		sent = libc_send(fd, buf, (size_t)len, flags | call.dont_wait);
	} while (sent < 0 && sockiocp_try_again(&call));
	return sent == len && !call.blocked ? len : sent_so_far(&call, buf, sent, len, flags);
}

/**
 * sendto - send a datagram to an address
 * @s: the socket
 * @buf: the data
 * @len: its length in bytes, not negative
 * @flags: 0, MSG_OOB or MSG_DONTROUTE
 * @to: the address; NULL for that of connect()
 * @tolen: its size in bytes
 *
 * Return: as send(); further errors:
 *   WSAEADDRNOTAVAIL, WSAEINVAL	nothing can be sent to this address
 *   WSAEAFNOSUPPORT	it is of another family
 *   WSAEFAULT		@tolen is too small
 *   WSAENETUNREACH, WSAEHOSTUNREACH	no way to get there
 *   WSAEACCES		not allowed, for instance to broadcast
 *
 * Windows: "sendto function (winsock2.h)".
 */
int WSAAPI sendto(SOCKET s, const char *buf, int len, int flags,
		  const struct sockaddr *to, int tolen)
{
	int fd = sockiocp_socket_fd(s);
	struct sockiocp_call call;
	ssize_t sent;

	if (len < 0)
		return sockiocp_wsa_fail(EFAULT);
	if (sockiocp_is_shutting_down(fd))
		return sockiocp_wsa_fail(ESHUTDOWN);
	flags |= LIBC_MSG_NOSIGNAL;
	sockiocp_call_begins(&call, fd, POLLOUT);
	do {
		sent = libc_sendto(fd, buf, (size_t)len, flags | call.dont_wait, to,
				   to ? (unsigned int)tolen : 0);
	} while (sent < 0 && sockiocp_try_again(&call));
	if (sent < 0 && to)
		errno = sockiocp_address_error(fd, errno, to, tolen);
	return sent == len && !call.blocked ? len : sent_so_far(&call, buf, sent, len, flags);
}

/*
 * What recv() and recvfrom() return after the first call has returned @received:
 * with MSG_WAITALL, more if more comes.
 */
static int received_so_far(struct sockiocp_call *call, char *buf, ssize_t received, int len,
			   int flags)
{
	ssize_t more;

	if (received <= 0 || (flags & (MSG_PEEK | MSG_OOB)) ||
	    !sockiocp_transfers_all(call->fd))
		return (int)received;
	while (received < len) {
		more = libc_recv(call->fd, buf + received, (size_t)(len - received),
				 flags | call->dont_wait);
		if (more > 0)
			received += more;
		else if (!more)
			break;
		else if (!sockiocp_try_again(call))
			return errno == EAGAIN ? (int)received : -1;
	}
	return (int)received;
}

/**
 * recv - receive data
 * @s: the socket
 * @buf: receives the data
 * @len: its size in bytes, not negative
 * @flags: any of MSG_PEEK, MSG_OOB and MSG_WAITALL
 *
 * What does not fit of a datagram is lost.  If this process never made a socket
 * with socket() but for streams, so that its datagram sockets all come from
 * elsewhere, only recvfrom() reports that.
 *
 * Return: how many bytes were received, 0 when the peer has ended its
 * direction; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEWOULDBLOCK	non-blocking, and there is nothing
 *   WSAETIMEDOUT	SO_RCVTIMEO has passed, or the peer does not answer
 *   WSAEINTR		another thread has closed the socket
 *   WSAECONNRESET	the peer has reset the connection; so is each call after it
 *   WSAECONNREFUSED	the connection was refused, or the last datagram sent was
 *   WSAENOTCONN	not connected
 *   WSAESHUTDOWN	this direction was shut down, and all that had come is received
 *   WSAEINVAL		MSG_OOB, and there is no such data; or a datagram socket that blocks
 *			and is not bound
 *   WSAEMSGSIZE	the datagram does not fit; @buf is filled
 *   WSAEFAULT		@len is negative
 *
 * Windows: "recv function (winsock2.h)".
 */
int WSAAPI recv(SOCKET s, char *buf, int len, int flags)
{
	int fd = sockiocp_socket_fd(s);
	struct sockiocp_call call;
	ssize_t received;

	if (atomic_load_explicit(&sockiocp_messages_used, memory_order_relaxed))
		return recvfrom(s, buf, len, flags, NULL, NULL);
	if (len < 0)
		return sockiocp_wsa_fail(EFAULT);
	sockiocp_receive_begins(&call, fd, flags);
	do {
		received = libc_recv(fd, buf, (size_t)len, flags | call.dont_wait);
	} while (received < 0 && sockiocp_try_again(&call));
	if ((flags & MSG_WAITALL) && received != len)
		received = received_so_far(&call, buf, received, len, flags);
	if (!received)
		received = sockiocp_received_none(fd);
	sockiocp_call_ends(&call);
	sockiocp_enable_event(fd, FD_READ, -1);
	return received < 0 ? sockiocp_receive_fail(fd, errno) : (int)received;
}

/**
 * recvfrom - receive a datagram and its sender's address
 * @s: the socket
 * @buf: receives the data
 * @len: its size in bytes, not negative
 * @flags: any of MSG_PEEK, MSG_OOB and MSG_WAITALL
 * @from: receives the address; may be NULL
 * @fromlen: in: size of @from in bytes; out: size of the address.  Ignored if
 *	@from is NULL.
 *
 * Return: as recv(); with WSAEMSGSIZE @from is filled too.  WSAEFAULT also says
 * that @from is too small; the datagram is lost then.
 *
 * Windows: "recvfrom function (winsock2.h)".
 */
int WSAAPI recvfrom(SOCKET s, char *buf, int len, int flags,
		    struct sockaddr *from, int *fromlen)
{
	struct iovec iov = { .iov_base = buf, .iov_len = (size_t)len };
	struct libc_msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned int room = from && fromlen ? (unsigned int)*fromlen : 0;
	int fd = sockiocp_socket_fd(s);
	struct sockiocp_call call;
	ssize_t received;

	if (len < 0 || (from && (!fromlen || *fromlen < 0)))
		return sockiocp_wsa_fail(EFAULT);
	sockiocp_receive_begins(&call, fd, flags);
	do {
		msg.msg_name = from;
		msg.msg_namelen = room;
		received = libc_recvmsg(fd, &msg, flags | call.dont_wait);
	} while (received < 0 && sockiocp_try_again(&call));
	if ((flags & MSG_WAITALL) && received != len)
		received = received_so_far(&call, buf, received, len, flags);
	if (!received)
		received = sockiocp_received_none(fd);
	sockiocp_call_ends(&call);
	sockiocp_enable_event(fd, FD_READ, -1);
	if (received < 0)
		return sockiocp_receive_fail(fd, errno);

	if (msg.msg_namelen > room)
		return sockiocp_wsa_fail(EFAULT);
	if (from)
		*fromlen = (int)msg.msg_namelen;
	if (msg.msg_flags & LIBC_MSG_TRUNC)
		return sockiocp_wsa_fail(EMSGSIZE);
	return (int)received;
}
