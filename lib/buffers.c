// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sending from several buffers, and receiving into them.
 *
 * There is no overlapped I/O yet: who asks for it gets WSAEOPNOTSUPP.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

/* The buffers of a call in Linux' form: those that are not done with. */
struct buffers {
	struct iovec *iov;
	size_t count;
	/* How many bytes they hold. */
	size_t size;
	/* To be freed, if there are many. */
	struct iovec *many;
	struct iovec few[16];
};

/* Returns 0, or an errno value. */
static int take(struct buffers *buffers, const WSABUF *from, DWORD count)
{
	size_t i;

	if (!from && count)
		return EFAULT;
	buffers->many = NULL;
	buffers->iov = buffers->few;
	if (count > ARRAY_LEN(buffers->few)) {
		buffers->many = malloc(count * sizeof(*buffers->many));
		if (!buffers->many)
			return ENOMEM;
		buffers->iov = buffers->many;
	}
	buffers->count = count;
	buffers->size = 0;
	for (i = 0; i < count; i++) {
		buffers->iov[i].iov_base = from[i].buf;
		buffers->iov[i].iov_len = from[i].len;
		buffers->size += from[i].len;
	}
	return 0;
}

/* Fails with an error of the arguments', if not with that of the socket. */
static int refuse(int fd, int err)
{
	return sockiocp_wsa_fail(sockiocp_socket_type(fd) < 0 ? errno : err);
}

/* Leaves out the first @done bytes. */
static void skip(struct buffers *buffers, size_t done)
{
	struct iovec *iov = buffers->iov;

	buffers->size -= done;
	while (buffers->count && done >= iov->iov_len) {
		done -= iov->iov_len;
		iov++;
		buffers->count--;
	}
	if (buffers->count) {
		iov->iov_base = (char *)iov->iov_base + done;
		iov->iov_len -= done;
	}
	buffers->iov = iov;
}

/*
 * How many of the buffers one call of Linux' can take.  A message goes as one
 * or, with EMSGSIZE, not at all.
 */
static size_t at_once(int fd, const struct buffers *buffers)
{
	if (buffers->count > IOV_MAX && sockiocp_socket_type(fd) == SOCK_STREAM)
		return IOV_MAX;
	return buffers->count;
}

/*
 * Sends all, or as much as a non-blocking socket takes.  Returns as sendmsg() does;
 * an error that comes after some bytes is reported, and they are not.
 */
static ssize_t send_all(int fd, struct buffers *buffers, int flags,
			const struct sockaddr *to, unsigned int tolen)
{
	struct libc_msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = to ? tolen : 0,
	};
	size_t done = 0;
	ssize_t sent;

	do {
		msg.msg_iov = buffers->iov;
		msg.msg_iovlen = at_once(fd, buffers);
		sent = libc_sendmsg(fd, &msg, flags | LIBC_MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return done && errno == EAGAIN ? (ssize_t)done : -1;
		done += (size_t)sent;
		skip(buffers, (size_t)sent);
	} while (sent < 0 || (buffers->size && sockiocp_transfers_all(fd)));
	return (ssize_t)done;
}

/**
 * WSASendTo - send a datagram, from several buffers, to an address
 * @s: the socket
 * @lpBuffers: the buffers
 * @dwBufferCount: how many there are; more than 1024 only of a stream
 * @lpNumberOfBytesSent: receives how many bytes the system took
 * @dwFlags: 0, MSG_OOB or MSG_DONTROUTE
 * @lpTo: the address; NULL for that of connect()
 * @iTolen: its size in bytes
 * @lpOverlapped: NULL: there is no overlapped I/O
 * @lpCompletionRoutine: ignored, as without @lpOverlapped on Windows
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why: as for
 * sendto(), and
 *   WSAEOPNOTSUPP	@lpOverlapped is not NULL, or MSG_PARTIAL, which neither
 *			TCP nor UDP knows
 *   WSAEFAULT		@lpBuffers or @lpNumberOfBytesSent is NULL
 *
 * Windows: "WSASendTo function (winsock2.h)".
 */
int WSAAPI WSASendTo(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		     LPDWORD lpNumberOfBytesSent, DWORD dwFlags,
		     const struct sockaddr *lpTo, int iTolen,
		     LPWSAOVERLAPPED lpOverlapped,
		     LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	int fd = sockiocp_socket_fd(s);
	struct buffers buffers;
	ssize_t sent;
	int err;

	(void)lpCompletionRoutine;
	if (lpOverlapped || (dwFlags & MSG_PARTIAL))
		err = EOPNOTSUPP;
	else if (!lpNumberOfBytesSent)
		err = EFAULT;
	else
		err = take(&buffers, lpBuffers, dwBufferCount);
	if (err)
		return refuse(fd, err);
	sent = send_all(fd, &buffers, (int)dwFlags, lpTo, (unsigned int)iTolen);
	err = errno;
	free(buffers.many);
	if (sent < 0)
		return sockiocp_send_fail(fd, err);
	*lpNumberOfBytesSent = (DWORD)sent;
	return 0;
}

/**
 * WSASend - send data, from several buffers, on a connected socket
 * @s: the socket
 * @lpBuffers: as for WSASendTo(), and so are the others
 * @dwBufferCount: likewise
 * @lpNumberOfBytesSent: likewise
 * @dwFlags: likewise
 * @lpOverlapped: likewise
 * @lpCompletionRoutine: likewise
 *
 * Return: as WSASendTo(); errors as for send().
 *
 * Windows: "WSASend function (winsock2.h)".
 */
int WSAAPI WSASend(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		   LPDWORD lpNumberOfBytesSent, DWORD dwFlags,
		   LPWSAOVERLAPPED lpOverlapped,
		   LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	return WSASendTo(s, lpBuffers, dwBufferCount, lpNumberOfBytesSent,
			 dwFlags, NULL, 0, lpOverlapped, lpCompletionRoutine);
}

/*
 * Receives once or, with MSG_WAITALL, until all is full.  Returns as recvmsg() does,
 * and leaves what it says of the message in @msg.
 */
static ssize_t receive_all(int fd, struct buffers *buffers, int flags,
			   struct libc_msghdr *msg)
{
	unsigned int room = msg->msg_namelen;
	bool again = (flags & MSG_WAITALL) && !(flags & (MSG_PEEK | MSG_OOB));
	size_t done = 0;
	ssize_t received;

	do {
		msg->msg_namelen = room;
		msg->msg_iov = buffers->iov;
		msg->msg_iovlen = at_once(fd, buffers);
		received = libc_recvmsg(fd, msg, flags);
		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0)
			return done && errno == EAGAIN ? (ssize_t)done : -1;
		done += (size_t)received;
		skip(buffers, (size_t)received);
	} while (received < 0 || (received > 0 && again && buffers->size &&
				  sockiocp_transfers_all(fd)));
	return (ssize_t)done;
}

/* What WSARecvFrom() says of a message: 0 or an errno value. */
static int address_got(const struct libc_msghdr *msg, unsigned int room,
		       LPINT len)
{
	if (msg->msg_namelen > room)
		return EFAULT;
	if (msg->msg_name)
		*len = (INT)msg->msg_namelen;
	return msg->msg_flags & LIBC_MSG_TRUNC ? EMSGSIZE : 0;
}

/**
 * WSARecvFrom - receive a datagram into several buffers, and its sender's address
 * @s: the socket
 * @lpBuffers: the buffers
 * @dwBufferCount: how many there are; more than 1024 only of a stream
 * @lpNumberOfBytesRecvd: receives how many bytes came
 * @lpFlags: in: any of MSG_PEEK, MSG_OOB and MSG_WAITALL; out: MSG_PARTIAL is added
 *	if a datagram did not fit.  MSG_PARTIAL and MSG_PUSH_IMMEDIATE are ignored.
 * @lpFrom: receives the address; may be NULL
 * @lpFromlen: as for recvfrom()
 * @lpOverlapped: NULL: there is no overlapped I/O
 * @lpCompletionRoutine: ignored, as without @lpOverlapped on Windows
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why: as for
 * recvfrom(), and
 *   WSAEOPNOTSUPP	@lpOverlapped is not NULL
 *   WSAEFAULT		@lpBuffers, @lpNumberOfBytesRecvd or @lpFlags is NULL
 *
 * Windows: "WSARecvFrom function (winsock2.h)".
 */
int WSAAPI WSARecvFrom(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		       LPDWORD lpNumberOfBytesRecvd, LPDWORD lpFlags,
		       struct sockaddr *lpFrom, LPINT lpFromlen,
		       LPWSAOVERLAPPED lpOverlapped,
		       LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	unsigned int room = lpFrom && lpFromlen ? (unsigned int)*lpFromlen : 0;
	struct libc_msghdr msg = { .msg_name = lpFrom, .msg_namelen = room };
	int fd = sockiocp_socket_fd(s);
	struct buffers buffers;
	ssize_t received;
	int err;

	(void)lpCompletionRoutine;
	if (lpOverlapped)
		err = EOPNOTSUPP;
	else if (!lpNumberOfBytesRecvd || !lpFlags ||
		 (lpFrom && (!lpFromlen || *lpFromlen < 0)))
		err = EFAULT;
	else
		err = take(&buffers, lpBuffers, dwBufferCount);
	if (err)
		return refuse(fd, err);
	received = receive_all(fd, &buffers,
			       *lpFlags & (MSG_PEEK | MSG_OOB | MSG_WAITALL),
			       &msg);
	err = errno;
	free(buffers.many);
	if (received < 0)
		return sockiocp_receive_fail(fd, err);
	*lpNumberOfBytesRecvd = (DWORD)received;
	err = address_got(&msg, room, lpFromlen);
	if (err == EMSGSIZE)
		*lpFlags |= MSG_PARTIAL;
	return err ? sockiocp_wsa_fail(err) : 0;
}

/**
 * WSARecv - receive data into several buffers
 * @s: the socket
 * @lpBuffers: as for WSARecvFrom(), and so are the others
 * @dwBufferCount: likewise
 * @lpNumberOfBytesRecvd: likewise; 0 when the peer has ended its direction
 * @lpFlags: likewise
 * @lpOverlapped: likewise
 * @lpCompletionRoutine: likewise
 *
 * Return: as WSARecvFrom(); errors as for recv().
 *
 * Windows: "WSARecv function (winsock2.h)".
 */
int WSAAPI WSARecv(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		   LPDWORD lpNumberOfBytesRecvd, LPDWORD lpFlags,
		   LPWSAOVERLAPPED lpOverlapped,
		   LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	return WSARecvFrom(s, lpBuffers, dwBufferCount, lpNumberOfBytesRecvd,
			   lpFlags, NULL, NULL, lpOverlapped,
			   lpCompletionRoutine);
}
