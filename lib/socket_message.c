// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Datagrams with control data: from which address and by which interface, marks of
 * congestion, and several datagrams that the system cuts from, or makes of, one.
 *
 * Control data has the same form on both sides, a header and what it is about; what it is
 * about has not.  That of AF_UNIX is not here: descriptors, and who has sent it, would be
 * those of whoever carries the operation out.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

/* What a control message is about. */
struct kind {
	int level;
	/* The types, and how long it is. */
	int linux_type, winsock_type;
	size_t linux_size, winsock_size;
};

/* Linux' two forms of IP_TOS: of what was received, and of what is to be sent. */
static const struct kind received_kinds[] = {
	{ IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, sizeof(struct libc_in_pktinfo),
	  sizeof(IN_PKTINFO) },
	{ IPPROTO_IP, IP_TOS, IP_ECN, 1, sizeof(INT) },
	{ IPPROTO_IPV6, LIBC_IPV6_PKTINFO, IPV6_PKTINFO, sizeof(IN6_PKTINFO),
	  sizeof(IN6_PKTINFO) },
	{ IPPROTO_IPV6, LIBC_IPV6_TCLASS, IPV6_ECN, sizeof(int), sizeof(INT) },
	{ IPPROTO_UDP, UDP_COALESCED_INFO, UDP_COALESCED_INFO, sizeof(int), sizeof(DWORD) },
};

static const struct kind sent_kinds[] = {
	{ IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, sizeof(struct libc_in_pktinfo),
	  sizeof(IN_PKTINFO) },
	{ IPPROTO_IP, IP_TOS, IP_ECN, sizeof(int), sizeof(INT) },
	{ IPPROTO_IPV6, LIBC_IPV6_PKTINFO, IPV6_PKTINFO, sizeof(IN6_PKTINFO),
	  sizeof(IN6_PKTINFO) },
	{ IPPROTO_IPV6, LIBC_IPV6_TCLASS, IPV6_ECN, sizeof(int), sizeof(INT) },
	{ IPPROTO_UDP, UDP_SEND_MSG_SIZE, UDP_SEND_MSG_SIZE, 2, sizeof(DWORD) },
};

/* The bits of IP_TOS and IPV6_TCLASS that are about congestion. */
#define ECN_MASK	3

/* Room for one of each kind, with what is between them. */
#define LINUX_CONTROL	256

struct messaging {
	struct sockiocp_ready ready;
	LPWSAMSG message;
	int flags;
	/* To whom it is sent. */
	struct sockaddr_storage name;
	unsigned int name_size;
	/* Of what is sent. */
	size_t control_size;
	/* Header and data begin at a multiple of 8. */
	unsigned long long control[LINUX_CONTROL / sizeof(unsigned long long)];
	size_t count;
	struct iovec iov[];
};

static bool is_unix(int fd)
{
	int domain;

	return !sockiocp_get_int(fd, LIBC_SO_DOMAIN, &domain) && domain == AF_UNIX;
}

/* -------------------------------------------------------------------- control data */

/* What was received, in Winsock's form: returns how long it is there, 0 if it has none. */
static size_t convert_received(const WSACMSGHDR *from, WSACMSGHDR *header, void *to)
{
	const void *data = from + 1;
	struct libc_in_pktinfo info;
	const struct kind *kind;
	INT value = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(received_kinds); i++) {
		kind = &received_kinds[i];
		if (from->cmsg_level == kind->level && from->cmsg_type == kind->linux_type &&
		    from->cmsg_len >= sizeof(*from) + kind->linux_size)
			break;
	}
	if (i == ARRAY_LEN(received_kinds))
		return 0;
	header->cmsg_len = WSA_CMSG_LEN(kind->winsock_size);
	header->cmsg_level = kind->level;
	header->cmsg_type = kind->winsock_type;
	if (kind->linux_type == IP_PKTINFO && kind->level == IPPROTO_IP) {
		memcpy(&info, data, sizeof(info));
		*(IN_PKTINFO *)to = (IN_PKTINFO){
			.ipi_addr = { .S_un.S_addr = info.ipi_addr },
			.ipi_ifindex = (ULONG)info.ipi_ifindex,
		};
	} else if (kind->winsock_size == sizeof(value)) {
		memcpy(&value, data, kind->linux_size);
		if (kind->level != IPPROTO_UDP)
			value &= ECN_MASK;
		memcpy(to, &value, sizeof(value));
	} else {
		memcpy(to, data, kind->winsock_size);
	}
	return kind->winsock_size;
}

/* Writes control data as the program wants it.  Returns whether there was room for all. */
static bool write_control(const struct libc_msghdr *received, WSABUF *control)
{
	const char *next = received->msg_control, *end = next + received->msg_controllen;
	unsigned long long data[4];
	size_t room = control->len, used = 0, size;
	WSACMSGHDR from, header;
	bool fits = true;

	while ((size_t)(end - next) >= sizeof(from)) {
		memcpy(&from, next, sizeof(from));
		if (from.cmsg_len < sizeof(from) || from.cmsg_len > (size_t)(end - next))
			break;
		size = convert_received((const WSACMSGHDR *)(const void *)next, &header, data);
		if (size && header.cmsg_len > room - used) {
			fits = false;
		} else if (size) {
			memcpy(control->buf + used, &header, sizeof(header));
			memcpy(control->buf + used + sizeof(header), data, size);
			used += WSA_CMSG_SPACE(size);
			if (used > room)
				used = room;
		}
		size = WSA_CMSGHDR_ALIGN(from.cmsg_len);
		next = size > (size_t)(end - next) ? end : next + size;
	}
	control->len = (ULONG)used;
	return fits;
}

/* What is to be sent, in Linux' form.  Returns whether it is of a kind that is known. */
static bool convert_sent(struct messaging *messaging, const WSACMSGHDR *from, const char *data)
{
	char *to = (char *)messaging->control + messaging->control_size;
	struct libc_in_pktinfo info = { 0 };
	const struct kind *kind;
	IN_PKTINFO their_info;
	WSACMSGHDR header;
	size_t i;

	for (i = 0; i < ARRAY_LEN(sent_kinds); i++) {
		kind = &sent_kinds[i];
		if (from->cmsg_level == kind->level && from->cmsg_type == kind->winsock_type &&
		    from->cmsg_len >= WSA_CMSG_LEN(kind->winsock_size))
			break;
	}
	if (i == ARRAY_LEN(sent_kinds) ||
	    WSA_CMSG_SPACE(kind->linux_size) > LINUX_CONTROL - messaging->control_size)
		return false;
	header.cmsg_len = WSA_CMSG_LEN(kind->linux_size);
	header.cmsg_level = kind->level;
	header.cmsg_type = kind->linux_type;
	memcpy(to, &header, sizeof(header));
	if (kind->linux_type == IP_PKTINFO && kind->level == IPPROTO_IP) {
		memcpy(&their_info, data, sizeof(their_info));
		info.ipi_spec_dst = their_info.ipi_addr.s_addr;
		info.ipi_ifindex = (int)their_info.ipi_ifindex;
		data = (const char *)&info;
	}
	/* The lower part of a number comes first. */
	memcpy(to + sizeof(header), data, kind->linux_size);
	messaging->control_size += WSA_CMSG_SPACE(kind->linux_size);
	return true;
}

/* Returns 0 or an errno value. */
static int read_control(struct messaging *messaging, int fd, const WSABUF *control)
{
	size_t left = control->buf ? control->len : 0, size;
	const char *next = control->buf;
	WSACMSGHDR header;

	if (left && is_unix(fd))
		return EOPNOTSUPP;
	while (left >= sizeof(header)) {
		memcpy(&header, next, sizeof(header));
		if (header.cmsg_len < sizeof(header) || header.cmsg_len > left ||
		    !convert_sent(messaging, &header, next + sizeof(header)))
			return EINVAL;
		size = WSA_CMSGHDR_ALIGN(header.cmsg_len);
		if (size > left)
			size = left;
		next += size;
		left -= size;
	}
	return 0;
}

/* ------------------------------------------------------------------------ messages */

/*
 * Receives a message: @flags is 0 or LIBC_MSG_DONTWAIT.  Returns 0, EMSGSIZE if there was
 * more than there is room for, or another errno value.
 */
static int receive(struct messaging *messaging, int flags)
{
	struct sockiocp_call call;
	LPWSAMSG message = messaging->message;
	struct libc_msghdr msg = {
		.msg_name = message->name,
		.msg_namelen = message->name ? (unsigned int)message->namelen : 0,
		.msg_iov = messaging->iov,
		.msg_iovlen = messaging->count,
	};
	bool fits = true;
	ssize_t size;

	if (message->Control.buf && message->Control.len && !is_unix(messaging->ready.fd)) {
		msg.msg_control = messaging->control;
		msg.msg_controllen = sizeof(messaging->control);
	}
	sockiocp_call_begins(&call, messaging->ready.fd, POLLIN);
	if (flags)
		call.dont_wait = 0;
	do {
		size = libc_recvmsg(messaging->ready.fd, &msg,
				    messaging->flags | flags | call.dont_wait);
	} while (size < 0 && sockiocp_try_again(&call));
	sockiocp_call_ends(&call);
	if (size < 0)
		return errno;
	messaging->ready.bytes = (DWORD)size;
	if (message->name)
		message->namelen = (INT)msg.msg_namelen;
	if (msg.msg_control)
		fits = write_control(&msg, &message->Control);
	else
		message->Control.len = 0;
	message->dwFlags = (ULONG)msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	if (!fits)
		message->dwFlags |= MSG_CTRUNC;
	return msg.msg_flags & LIBC_MSG_TRUNC ? EMSGSIZE : 0;
}

static int send_message(struct messaging *messaging, int flags)
{
	struct libc_msghdr msg = {
		.msg_name = messaging->name_size ? &messaging->name : NULL,
		.msg_namelen = messaging->name_size,
		.msg_iov = messaging->iov,
		.msg_iovlen = messaging->count,
		.msg_control = messaging->control_size ? messaging->control : NULL,
		.msg_controllen = messaging->control_size,
	};
	struct sockiocp_call call;
	ssize_t size;

	sockiocp_call_begins(&call, messaging->ready.fd, POLLOUT);
	if (flags)
		call.dont_wait = 0;
	do {
		size = libc_sendmsg(messaging->ready.fd, &msg, messaging->flags | flags |
				    LIBC_MSG_NOSIGNAL | call.dont_wait);
	} while (size < 0 && sockiocp_try_again(&call));
	sockiocp_call_ends(&call);
	messaging->ready.bytes = size < 0 ? 0 : (DWORD)size;
	if (size >= 0)
		return 0;
	return msg.msg_name ? sockiocp_address_error(messaging->ready.fd, errno, msg.msg_name,
						     (int)msg.msg_namelen) : errno;
}

static int receive_step(struct sockiocp_ready *ready)
{
	ready->error = receive((struct messaging *)ready, LIBC_MSG_DONTWAIT);
	return ready->error == EAGAIN ? EAGAIN : 0;
}

static int send_step(struct sockiocp_ready *ready)
{
	ready->error = send_message((struct messaging *)ready, LIBC_MSG_DONTWAIT);
	return ready->error == EAGAIN ? EAGAIN : 0;
}

/* Copies what the program may change when the call has returned.  NULL: no memory. */
static struct messaging *take(int fd, LPWSAMSG message, DWORD flags)
{
	struct messaging *messaging;
	size_t i;

	messaging = calloc(1, sizeof(*messaging) + message->dwBufferCount *
			   sizeof(messaging->iov[0]));
	if (!messaging)
		return NULL;
	messaging->ready.fd = fd;
	messaging->ready.into = -1;
	messaging->message = message;
	messaging->flags = (int)flags;
	messaging->count = message->dwBufferCount;
	for (i = 0; i < messaging->count; i++) {
		messaging->iov[i].iov_base = message->lpBuffers[i].buf;
		messaging->iov[i].iov_len = message->lpBuffers[i].len;
	}
	return messaging;
}

/* Returns 0 or an errno value. */
static int check(int fd, const WSAMSG *message, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	int type = sockiocp_socket_type(fd);

	if (type < 0)
		return ENOTSOCK;
	if (!message || (message->dwBufferCount && !message->lpBuffers))
		return EFAULT;
	if (!message->dwBufferCount || message->dwBufferCount > IOV_MAX ||
	    message->namelen < 0)
		return EINVAL;
	if (routine && sockiocp_is_associated(fd))
		return EINVAL;
	return type == SOCK_STREAM ? EOPNOTSUPP : 0;
}

/* Begins an operation if there is an OVERLAPPED.  Returns 0 or an errno value. */
static int begin(struct sockiocp_submit *submit, int fd, LPWSAOVERLAPPED overlapped,
		 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	if (!overlapped)
		return 0;
	if (!routine)
		return sockiocp_begin_submit(submit, fd, overlapped);
	sockiocp_begin_without_event(submit, fd, overlapped);
	return 0;
}

/*
 * It is over at once, with @err.  The module is not asked whether a packet is wanted: that
 * this process has not set that there is none has to do.
 */
static int tell_at_once(struct messaging *messaging, struct sockiocp_submit *submit,
			int err)
{
	struct sockiocp_routine *routine = messaging->ready.routine;
	LPOVERLAPPED overlapped = messaging->ready.overlapped;

	submit->operation = SOCKIOCP_SUBMIT_RESULT;
	submit->status = sockiocp_ntstatus(err);
	submit->bytes = messaging->ready.bytes;
	if (routine) {
		messaging->ready.routine = NULL;
		sockiocp_complete(overlapped, submit->status, submit->bytes);
		sockiocp_queue_routine(routine, submit->status, submit->bytes);
		return err;
	}
	if (!sockiocp_skips_packets(messaging->ready.fd)) {
		if (sockiocp_submit(submit) >= 0)
			return err;
		/* The socket has not the overlapped attribute: nor has it packets. */
		if (errno != ENOTBLK)
			return errno;
	}
	sockiocp_complete(overlapped, submit->status, submit->bytes);
	if (submit->flags & SOCKIOCP_SUBMIT_EVENT)
		SetEvent((HANDLE)(uintptr_t)submit->event);
	return err;
}

/* Returns 0 or an errno value. */
static int with_routine(struct messaging *messaging, struct sockiocp_submit *submit,
			LPWSAOVERLAPPED_COMPLETION_ROUTINE function)
{
	return function ? sockiocp_ready_with_routine(&messaging->ready, submit, function) : 0;
}

static void drop(struct messaging *messaging)
{
	free(messaging->ready.routine);
	free(messaging);
}

/* What a function returns that has ended with @err. */
static int done(int fd, int err)
{
	if (err == EINPROGRESS) {
		sockiocp_ready_fail(err);
		return SOCKET_ERROR;
	}
	return err ? sockiocp_receive_fail(fd, err) : 0;
}

/* Receives with what was taken, which it frees.  Returns 0 or an errno value. */
static int receive_overlapped(struct messaging *messaging, struct sockiocp_submit *submit,
			      DWORD *bytes)
{
	int err = EAGAIN;

	/* Not before another one that waits. */
	if (!sockiocp_has_ready(messaging->ready.fd))
		err = receive(messaging, LIBC_MSG_DONTWAIT);
	if (err == EAGAIN)
		return sockiocp_ready_start(&messaging->ready, submit);
	*bytes = messaging->ready.bytes;
	if (!err || err == EMSGSIZE)
		err = tell_at_once(messaging, submit, err);
	drop(messaging);
	return err;
}

/**
 * WSARecvMsg - receive a datagram with control data
 * @s: the socket
 * @lpMsg: where it goes: the sender's address, the buffers, control data, and in dwFlags
 *	MSG_PEEK, or 0.  On return, or when the operation is over, the sizes are those of what
 *	came, and dwFlags has MSG_TRUNC or MSG_CTRUNC if there was more
 * @lpdwNumberOfBytesRecvd: receives how many bytes came, if the call succeeds; may be NULL
 *	with @lpOverlapped
 * @lpOverlapped: the operation, while which @lpMsg stays there; NULL: it is done when the
 *	call returns
 * @lpCompletionRoutine: with @lpOverlapped, a function that this thread calls in an
 *	alertable wait when the operation is over; NULL for none
 *
 * WSAIoctl() gives a pointer to it: WSAID_WSARECVMSG.
 *
 * Control data is of IP_PKTINFO, IP_ECN, IPV6_PKTINFO, IPV6_ECN and UDP_COALESCED_INFO, each
 * if it was asked for by setsockopt().  There is none on AF_UNIX: descriptors that come with
 * a message are closed.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSA_IO_PENDING	the operation has begun: its result follows
 *   WSAEMSGSIZE	there was more than the buffers hold; they are full
 *   WSAEOPNOTSUPP	a stream
 *   WSAEINVAL		no buffers, or more than 1024; a routine, and the socket is associated
 *			with a port
 *   others		as recvfrom()
 *
 * Windows: "LPFN_WSARECVMSG callback function (mswsock.h)".
 */
INT WINAPI sockiocp_receive_message(SOCKET s, LPWSAMSG lpMsg, LPDWORD lpdwNumberOfBytesRecvd,
				    LPWSAOVERLAPPED lpOverlapped,
				    LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	int fd = sockiocp_socket_fd(s), err;
	DWORD bytes = 0;
	struct messaging *messaging;
	struct sockiocp_submit submit;

	err = begin(&submit, fd, lpOverlapped, lpCompletionRoutine);
	if (!err)
		err = check(fd, lpMsg, lpCompletionRoutine);
	if (err)
		return sockiocp_wsa_fail(err);
	messaging = take(fd, lpMsg, lpMsg->dwFlags & MSG_PEEK);
	if (!messaging)
		return sockiocp_wsa_fail(ENOMEM);
	if (lpOverlapped) {
		messaging->ready.overlapped = lpOverlapped;
		messaging->ready.operation = SOCKIOCP_SUBMIT_POLL_IN;
		messaging->ready.step = receive_step;
		err = with_routine(messaging, &submit, lpCompletionRoutine);
		if (!err)
			err = receive_overlapped(messaging, &submit, &bytes);
	} else {
		err = receive(messaging, 0);
		bytes = messaging->ready.bytes;
		drop(messaging);
	}
	if (lpdwNumberOfBytesRecvd && (!err || err == EMSGSIZE))
		*lpdwNumberOfBytesRecvd = bytes;
	return done(fd, err);
}

/* Returns 0 or an errno value. */
static int take_name(struct messaging *messaging, const WSAMSG *message)
{
	if (!message->name || !message->namelen)
		return 0;
	if ((size_t)message->namelen > sizeof(messaging->name))
		return EINVAL;
	memcpy(&messaging->name, message->name, (size_t)message->namelen);
	messaging->name_size = (unsigned int)message->namelen;
	return 0;
}

/* Sends what was taken, which it frees.  Returns 0 or an errno value. */
static int send_overlapped(struct messaging *messaging, struct sockiocp_submit *submit,
			   DWORD *bytes)
{
	int err = send_message(messaging, LIBC_MSG_DONTWAIT);

	if (err == EAGAIN) {
		messaging->ready.operation = SOCKIOCP_SUBMIT_POLL_OUT;
		messaging->ready.step = send_step;
		return sockiocp_ready_start(&messaging->ready, submit);
	}
	*bytes = messaging->ready.bytes;
	if (!err)
		err = tell_at_once(messaging, submit, 0);
	drop(messaging);
	return err;
}

/**
 * WSASendMsg - send a datagram with control data
 * @Handle: the socket
 * @lpMsg: what is sent: to which address (NULL: that of connect()), the buffers, and control
 *	data; dwFlags does not matter
 * @dwFlags: 0 or MSG_DONTROUTE
 * @lpNumberOfBytesSent: receives how many bytes were sent, if the call succeeds; may be NULL
 *	with @lpOverlapped
 * @lpOverlapped: the operation; NULL: it is done when the call returns
 * @lpCompletionRoutine: as for WSARecvMsg()
 *
 * WSAIoctl() gives a pointer to it, too: WSAID_WSASENDMSG.
 *
 * Control data is of IP_PKTINFO, IP_ECN, IPV6_PKTINFO, IPV6_ECN and UDP_SEND_MSG_SIZE.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSA_IO_PENDING	the operation has begun: its result follows
 *   WSAEOPNOTSUPP	a stream; control data on AF_UNIX
 *   WSAEINVAL		no buffers, or more than 1024; other control data; a routine, and the
 *			socket is associated with a port
 *   others		as sendto()
 *
 * Windows: "WSASendMsg function (winsock2.h)".
 */
int WSAAPI WSASendMsg(SOCKET Handle, LPWSAMSG lpMsg, DWORD dwFlags, LPDWORD lpNumberOfBytesSent,
		      LPWSAOVERLAPPED lpOverlapped,
		      LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	int fd = sockiocp_socket_fd(Handle), err;
	DWORD bytes = 0;
	struct messaging *messaging;
	struct sockiocp_submit submit;

	err = begin(&submit, fd, lpOverlapped, lpCompletionRoutine);
	if (!err)
		err = check(fd, lpMsg, lpCompletionRoutine);
	if (!err && dwFlags & ~(DWORD)MSG_DONTROUTE)
		err = EOPNOTSUPP;
	if (err)
		return sockiocp_wsa_fail(err);
	messaging = take(fd, lpMsg, dwFlags);
	if (!messaging)
		return sockiocp_wsa_fail(ENOMEM);
	messaging->ready.overlapped = lpOverlapped;
	err = take_name(messaging, lpMsg);
	if (!err)
		err = read_control(messaging, fd, &lpMsg->Control);
	if (!err && lpOverlapped)
		err = with_routine(messaging, &submit, lpCompletionRoutine);
	if (!err && lpOverlapped) {
		err = send_overlapped(messaging, &submit, &bytes);
		if (!err && lpNumberOfBytesSent)
			*lpNumberOfBytesSent = bytes;
		return err == EINPROGRESS ? done(fd, err) : err ? sockiocp_send_fail(fd, err) : 0;
	}
	if (!err)
		err = send_message(messaging, 0);
	if (!err && lpNumberOfBytesSent)
		*lpNumberOfBytesSent = messaging->ready.bytes;
	drop(messaging);
	return err ? sockiocp_send_fail(fd, err) : 0;
}
