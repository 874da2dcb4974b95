// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sending from several buffers, and receiving into them: at once, or as an overlapped
 * operation.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
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
	return sockiocp_wsa_fail(sockiocp_is_socket(fd) ? err : errno);
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
static ssize_t send_all(struct sockiocp_call *call, struct buffers *buffers, int flags,
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
		msg.msg_iovlen = at_once(call->fd, buffers);
		sent = libc_sendmsg(call->fd, &msg, flags | LIBC_MSG_NOSIGNAL | call->dont_wait);
		if (sent < 0 && sockiocp_try_again(call))
			continue;
		if (sent < 0)
			return done && errno == EAGAIN ? (ssize_t)done : -1;
		done += (size_t)sent;
		skip(buffers, (size_t)sent);
	} while (sent < 0 || (buffers->size && sockiocp_transfers_all(call->fd)));
	return (ssize_t)done;
}

/*
 * Receives once or, with MSG_WAITALL, until all is full.  Returns as recvmsg() does,
 * and leaves what it says of the message in @msg.
 */
static ssize_t receive_all(struct sockiocp_call *call, struct buffers *buffers, int flags,
			   struct libc_msghdr *msg)
{
	unsigned int room = msg->msg_namelen;
	bool again = (flags & MSG_WAITALL) && !(flags & (MSG_PEEK | MSG_OOB));
	size_t done = 0;
	ssize_t received;

	do {
		msg->msg_namelen = room;
		msg->msg_iov = buffers->iov;
		msg->msg_iovlen = at_once(call->fd, buffers);
		received = libc_recvmsg(call->fd, msg, flags | call->dont_wait);
		if (received < 0 && sockiocp_try_again(call))
			continue;
		if (received < 0)
			return done && errno == EAGAIN ? (ssize_t)done : -1;
		done += (size_t)received;
		skip(buffers, (size_t)received);
	} while (received < 0 || (received > 0 && again && buffers->size &&
				  sockiocp_transfers_all(call->fd)));
	return done ? (ssize_t)done : sockiocp_received_none(call->fd);
}

/* ------------------------------------------------------------ with an OVERLAPPED */

/* What a socket without the overlapped attribute does, even if it is non-blocking: it waits. */
static int send_blocking(struct sockiocp_transfer *transfer, struct buffers *buffers)
{
	size_t size = buffers->size;
	struct sockiocp_call call;
	int err = 0;

	sockiocp_call_begins_that_waits(&call, transfer->fd, POLLOUT);
	do {
		if (send_all(&call, buffers, (int)transfer->flags, transfer->name,
			     (unsigned int)transfer->name_length) < 0)
			err = errno;
	} while (!err && buffers->size);
	sockiocp_call_ends(&call);
	transfer->bytes = (DWORD)(size - buffers->size);
	return err;
}

static int receive_blocking(struct sockiocp_transfer *transfer, struct buffers *buffers)
{
	struct libc_msghdr msg = { .msg_name = (void *)transfer->name };
	struct sockiocp_call call;
	ssize_t received;
	int err;

	if (msg.msg_name)
		msg.msg_namelen = (unsigned int)*transfer->from_length;
	sockiocp_call_begins_that_waits(&call, transfer->fd, POLLIN);
	received = receive_all(&call, buffers, (int)transfer->flags, &msg);
	err = errno;
	sockiocp_call_ends(&call);
	if (received < 0)
		return err;
	if (msg.msg_name)
		*transfer->from_length = (INT)msg.msg_namelen;
	transfer->bytes = (DWORD)received;
	return msg.msg_flags & LIBC_MSG_TRUNC ? EMSGSIZE : 0;
}

/* Carries it out before it returns.  Returns 0 or an errno value. */
static int transfer_blocking(struct sockiocp_transfer *transfer)
{
	bool receives = transfer->operation == SOCKIOCP_SUBMIT_RECEIVE;
	HANDLE event = transfer->overlapped->hEvent;
	struct buffers buffers;
	int err;

	err = take(&buffers, transfer->buffers, transfer->count);
	if (err)
		return err;
	err = receives ? receive_blocking(transfer, &buffers) :
			 send_blocking(transfer, &buffers);
	free(buffers.many);
	if (err && !(err == EMSGSIZE && receives))
		return err;
	sockiocp_complete(transfer->overlapped, sockiocp_ntstatus(err), transfer->bytes);
	if (!transfer->routine) {
		if (event)
			SetEvent((HANDLE)((uintptr_t)event & ~(uintptr_t)1));
		return err;
	}
	sockiocp_tell_routine(transfer->routine, transfer->overlapped, sockiocp_ntstatus(err),
			      transfer->bytes);
	return err;
}

#define RECEIVE_FLAGS	(MSG_PEEK | MSG_OOB | MSG_WAITALL)

/* What is particular to a direction.  Returns 0 or an errno value. */
static int check_direction(struct sockiocp_transfer *transfer)
{
	if (transfer->operation == SOCKIOCP_SUBMIT_SEND) {
		if (transfer->flags & MSG_PARTIAL)
			return EOPNOTSUPP;
		return sockiocp_is_shutting_down(transfer->fd) ? ESHUTDOWN : 0;
	}
	if (transfer->name && (!transfer->from_length || *transfer->from_length < 0))
		return EFAULT;
	if (transfer->flags & MSG_WAITALL &&
	    (transfer->flags & (MSG_PEEK | MSG_OOB | MSG_PARTIAL) ||
	     sockiocp_is_nonblocking(transfer->fd)))
		return EOPNOTSUPP;
	transfer->flags &= RECEIVE_FLAGS;
	return 0;
}

/*
 * Begins an overlapped receive or send: @submit is what is to be submitted.  Returns 0 or an
 * errno value.
 */
int sockiocp_prepare_transfer(struct sockiocp_transfer *transfer, struct sockiocp_submit *submit)
{
	int err = 0;

	if (transfer->routine)
		sockiocp_begin_without_event(submit, transfer->fd, transfer->overlapped);
	else
		err = sockiocp_begin_submit(submit, transfer->fd, transfer->overlapped);
	if (!err && !transfer->buffers)
		err = EFAULT;
	if (!err && !transfer->count)
		err = EINVAL;
	if (!err && transfer->routine && sockiocp_is_associated(transfer->fd))
		err = EINVAL;
	if (!err)
		err = check_direction(transfer);
	if (err)
		return sockiocp_is_socket(transfer->fd) ? err : errno;

	submit->operation = transfer->operation;
	submit->buffers = (uintptr_t)transfer->buffers;
	submit->buffer_count = transfer->count;
	submit->message_flags = transfer->flags;
	submit->name = (uintptr_t)transfer->name;
	submit->name_length = transfer->operation == SOCKIOCP_SUBMIT_RECEIVE ?
				      (uintptr_t)transfer->from_length :
				      (__u64)transfer->name_length;
	sockiocp_ends_with_thread(submit);
	return 0;
}

/*
 * Starts an overlapped receive or send.  Returns 0 if it is over; EINPROGRESS if it pends;
 * EMSGSIZE, of a receive, if it is over and there was more; another errno value if it failed,
 * and then nothing follows.
 */
int sockiocp_transfer(struct sockiocp_transfer *transfer)
{
	struct sockiocp_submit submit;
	int err, result;

	err = sockiocp_prepare_transfer(transfer, &submit);
	if (err)
		return err;
	if (transfer->routine)
		result = sockiocp_submit_with_routine(&submit, transfer->routine);
	else
		result = sockiocp_submit(&submit);
	if (result > 0) {
		if (transfer->operation == SOCKIOCP_SUBMIT_SEND)
			sockiocp_note_pending_send(transfer->fd);
		return EINPROGRESS;
	}
	if (result < 0 && errno == ENOTBLK)
		return transfer_blocking(transfer);
	transfer->bytes = submit.bytes;
	if (result >= 0)
		return 0;
	/* That is what the module says of a local shutdown(), for either direction. */
	return errno == EPIPE ? ESHUTDOWN : errno;
}

/* What WSASendTo() returns for an overlapped send. */
static int send_overlapped(struct sockiocp_transfer *transfer, LPDWORD sent)
{
	int err;

	transfer->operation = SOCKIOCP_SUBMIT_SEND;
	if (!transfer->name)
		transfer->name_length = 0;
	err = sockiocp_transfer(transfer);
	if (err == EINPROGRESS) {
		WSASetLastError(WSA_IO_PENDING);
		return SOCKET_ERROR;
	}
	if (err && transfer->name)
		err = sockiocp_address_error(transfer->fd, err, transfer->name,
					     transfer->name_length);
	if (err)
		return sockiocp_send_fail(transfer->fd, err);
	if (sent)
		*sent = transfer->bytes;
	return 0;
}

/* What WSARecvFrom() returns for an overlapped receive. */
static int receive_overlapped(struct sockiocp_transfer *transfer, LPDWORD received,
			      LPDWORD flags)
{
	int err;

	if (!flags)
		return refuse(transfer->fd, EFAULT);
	transfer->operation = SOCKIOCP_SUBMIT_RECEIVE;
	transfer->flags = *flags;
	err = sockiocp_transfer(transfer);
	if (err == EINPROGRESS) {
		WSASetLastError(WSA_IO_PENDING);
		return SOCKET_ERROR;
	}
	if (err && err != EMSGSIZE)
		return sockiocp_receive_fail(transfer->fd, err);
	if (received)
		*received = transfer->bytes;
	*flags = err ? MSG_PARTIAL : 0;
	return err ? sockiocp_wsa_fail(err) : 0;
}

/* ------------------------------------------------------------- Winsock's functions */

/**
 * WSASendTo - send a datagram, from several buffers, to an address
 * @s: the socket
 * @lpBuffers: the buffers
 * @dwBufferCount: how many there are; more than 1024 only of a stream
 * @lpNumberOfBytesSent: receives how many bytes the system took; may be NULL with an
 *	OVERLAPPED
 * @dwFlags: 0, MSG_OOB or MSG_DONTROUTE
 * @lpTo: the address; NULL for that of connect()
 * @iTolen: its size in bytes
 * @lpOverlapped: NULL: the call waits as send() does.  Otherwise it does not wait, whether
 *	the socket is non-blocking or not: what does not fit into the socket's buffer is sent
 *	later, by a thread that takes packets from the port the socket is associated with, or
 *	by one of the library's; all of it, or it fails.  The caller keeps the OVERLAPPED and
 *	the memory of the buffers until then; not the array of them.  hEvent is an event to be
 *	set, or NULL; with its low bit set there is no packet
 * @lpCompletionRoutine: with @lpOverlapped, a function that this thread calls in an
 *	alertable wait when the operation is over; hEvent is not looked at then, and there is
 *	no packet.  NULL for none
 *
 * How an overlapped operation has ended is in the packet of the port, if the socket is
 * associated with one, and WSAGetOverlappedResult() tells.  Internal of an operation that
 * has failed at once stays STATUS_PENDING.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why: as for
 * sendto(), and
 *   WSAEOPNOTSUPP	MSG_PARTIAL, which neither TCP nor UDP knows; the kernel module is
 *			older than overlapped operations, or does not know this kind of
 *			socket
 *   WSAEFAULT		@lpBuffers or, without an OVERLAPPED, @lpNumberOfBytesSent is NULL
 * and with an OVERLAPPED
 *   WSA_IO_PENDING	it is under way.  Only this and success mean that a packet, an event
 *			or a call of the routine follows
 *   WSAEINVAL		no buffer, or more than 1024; 2 GiB or more; a routine, and the socket
 *			is associated with a port
 *   WSA_INVALID_HANDLE	hEvent is no event
 *   WSAENOBUFS		no memory, or a limit: of the user's operations, or of 1024 that pend
 *			on the socket
 *   WSAENETDOWN	the kernel module is not loaded, or its device is not here
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
	struct sockiocp_call call;
	struct buffers buffers;
	ssize_t sent;
	int err;

	if (lpOverlapped && !(dwFlags & MSG_PARTIAL)) {
		struct sockiocp_transfer transfer = {
			.fd = fd, .buffers = lpBuffers, .count = dwBufferCount,
			.flags = dwFlags, .name = lpTo, .name_length = iTolen,
			.overlapped = lpOverlapped, .routine = lpCompletionRoutine,
		};

		return send_overlapped(&transfer, lpNumberOfBytesSent);
	}
	if (dwFlags & MSG_PARTIAL)
		err = EOPNOTSUPP;
	else if (!lpNumberOfBytesSent)
		err = EFAULT;
	else
		err = take(&buffers, lpBuffers, dwBufferCount);
	if (!err && sockiocp_is_shutting_down(fd)) {
		free(buffers.many);
		err = ESHUTDOWN;
	}
	if (err)
		return refuse(fd, err);
	sockiocp_call_begins(&call, fd, POLLOUT);
	sent = send_all(&call, &buffers, (int)dwFlags, lpTo, (unsigned int)iTolen);
	err = errno;
	sockiocp_call_ends(&call);
	free(buffers.many);
	if (sent < 0 && lpTo)
		err = sockiocp_address_error(fd, err, lpTo, iTolen);
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
 * @lpNumberOfBytesRecvd: receives how many bytes came; may be NULL with an OVERLAPPED
 * @lpFlags: in: any of MSG_PEEK, MSG_OOB and MSG_WAITALL; out: MSG_PARTIAL is added
 *	if a datagram did not fit.  MSG_PARTIAL and MSG_PUSH_IMMEDIATE are ignored.
 * @lpFrom: receives the address; may be NULL
 * @lpFromlen: as for recvfrom()
 * @lpOverlapped: NULL: the call waits as recv() does.  Otherwise it does not wait, whether
 *	the socket is non-blocking or not, and SO_RCVTIMEO does not apply: if nothing is
 *	there, or an earlier receive pends, the data is received later, as for WSASendTo().
 *	@lpFrom and @lpFromlen are kept until then, too
 * @lpCompletionRoutine: as for WSASendTo()
 *
 * An overlapped receive of no bytes (one buffer, of length 0) from a stream is over as soon
 * as there is something, or the end, and takes nothing.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why: as for
 * recvfrom(), and
 *   WSAEFAULT		@lpBuffers, @lpFlags or, without an OVERLAPPED, @lpNumberOfBytesRecvd
 *			is NULL
 * and with an OVERLAPPED as for WSASendTo().  WSAEMSGSIZE means then that a packet, an event
 * or a call of the routine follows, as after success.  WSAEOPNOTSUPP also says MSG_WAITALL
 * together with another flag, or on a non-blocking socket.
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
	struct sockiocp_call call;
	struct buffers buffers;
	ssize_t received;
	int err;

	if (lpOverlapped) {
		struct sockiocp_transfer transfer = {
			.fd = fd, .buffers = lpBuffers, .count = dwBufferCount,
			.name = lpFrom, .from_length = lpFromlen,
			.overlapped = lpOverlapped, .routine = lpCompletionRoutine,
		};

		return receive_overlapped(&transfer, lpNumberOfBytesRecvd, lpFlags);
	}
	if (!lpNumberOfBytesRecvd || !lpFlags ||
		 (lpFrom && (!lpFromlen || *lpFromlen < 0)))
		err = EFAULT;
	else
		err = take(&buffers, lpBuffers, dwBufferCount);
	if (err)
		return refuse(fd, err);
	sockiocp_receive_begins(&call, fd, (int)*lpFlags);
	received = receive_all(&call, &buffers, *lpFlags & RECEIVE_FLAGS, &msg);
	err = errno;
	sockiocp_call_ends(&call);
	free(buffers.many);
	sockiocp_enable_event(fd, FD_READ, -1);
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
