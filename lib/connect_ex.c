// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Making connections, and ending them, by overlapped operations.  WSAIoctl() gives these
 * functions out; Windows has no others by their names either.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <linux/tcp.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

struct connecting {
	struct sockiocp_ready ready;
	const char *data;
	size_t size, sent;
	bool connected;
};

/* An attempt is under way. */
static bool is_under_way(int fd)
{
	struct tcp_info info = { 0 };
	unsigned int len = sizeof(info);

	return !libc_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       (info.tcpi_state == LIBC_TCP_SYN_SENT || info.tcpi_state == LIBC_TCP_SYN_RECV);
}

/* Returns 0 if it is connected, EAGAIN if it will be known, or what has failed. */
static int connection_result(int fd)
{
	int err;

	if (sockiocp_get_int(fd, SO_ERROR, &err))
		return errno;
	if (err)
		return err;
	if (sockiocp_has_peer(fd))
		return 0;
	/* Else somebody has read the error. */
	return is_under_way(fd) ? EAGAIN : ECONNREFUSED;
}

static int connect_step(struct sockiocp_ready *ready)
{
	struct connecting *connecting = (struct connecting *)ready;

	ready->error = connecting->connected ? 0 : connection_result(ready->fd);
	if (!ready->error) {
		connecting->connected = true;
		ready->error = sockiocp_ready_send(ready->fd, connecting->data,
						   connecting->size, &connecting->sent);
	}
	if (ready->error == EAGAIN)
		return EAGAIN;
	ready->bytes = ready->error ? 0 : (DWORD)connecting->sent;
	return 0;
}

/* Returns 0 or an errno value. */
static int check(int fd, const struct sockaddr *name, int size)
{
	int listens = 0;

	if (!sockiocp_is_socket(fd))
		return ENOTSOCK;
	if (!name)
		return EFAULT;
	if (sockiocp_is_connecting(fd) ||
	    (!sockiocp_get_int(fd, SO_ACCEPTCONN, &listens) && listens))
		return EINVAL;
	if (sockiocp_has_peer(fd))
		return EISCONN;
	if (sockiocp_is_nowhere(name, size))
		return EADDRNOTAVAIL;
	/* Nobody binds those of other families before they connect. */
	return sockiocp_is_unbound(fd) ? EINVAL : 0;
}

/*
 * Begins to connect, without waiting.  After an attempt that failed Linux says so once more,
 * and is ready for another one then.  Returns 0 or an errno value.
 */
static int start(int fd, const struct sockaddr *name, int size)
{
	int flags = fcntl(fd, F_GETFL), tries, err = 0;

	sockiocp_keep_error(fd, 0);
	sockiocp_note_end(fd, 0);
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK | SOCKIOCP_SEEMS_TO_BLOCK);
	for (tries = 0; tries < 2; tries++) {
		err = libc_connect(fd, name, (unsigned int)size) ? errno : 0;
		if (err == EINPROGRESS)
			err = 0;
		if (!err || (err != ECONNABORTED && err != ECONNREFUSED && err != ETIMEDOUT &&
			     err != EHOSTUNREACH && err != ENETUNREACH))
			break;
	}
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags);
	return sockiocp_address_error(fd, err, name, size);
}

/* Returns an errno value, EINPROGRESS if it has begun. */
static int begin(int fd, const struct sockaddr *name, int size,
		 const struct connecting *values, LPOVERLAPPED overlapped)
{
	struct connecting *connecting;
	struct sockiocp_submit submit;
	int err;

	err = sockiocp_begin_submit(&submit, fd, overlapped);
	if (!err)
		err = check(fd, name, size);
	if (err)
		return err;
	connecting = malloc(sizeof(*connecting));
	if (!connecting)
		return ENOMEM;
	*connecting = *values;
	err = start(fd, name, size);
	if (!err)
		return sockiocp_ready_start(&connecting->ready, &submit);
	free(connecting);
	return err;
}

/**
 * ConnectEx - connect a socket by an overlapped operation, and send data
 * @s: a socket that is bound and not connected
 * @name: the peer's address
 * @namelen: its size in bytes
 * @lpSendBuffer: data to send on the connection, which stays there until the operation is
 *	over; NULL for none
 * @dwSendDataLength: its length in bytes
 * @lpdwBytesSent: receives how many were sent, if the call succeeds; may be NULL
 * @lpOverlapped: the operation
 *
 * WSAIoctl() gives a pointer to it: WSAID_CONNECTEX.  SO_UPDATE_CONNECT_CONTEXT is not needed.
 * A socket whose connection could not be made can be connected again.
 *
 * Return: FALSE, and WSAGetLastError() says WSA_IO_PENDING if it has begun: then the result
 * follows, also on the loopback and if FILE_SKIP_COMPLETION_PORT_ON_SUCCESS is set.  With a
 * socket that is not overlapped it waits, and returns TRUE if it is connected.  Errors, after
 * which nothing follows:
 *   ERROR_INVALID_PARAMETER	@lpOverlapped is NULL
 *   WSAEINVAL		not bound; it listens, or is being connected
 *   WSAEISCONN		connected
 *   WSAENOBUFS		too many operations
 *   others		as connect(), if it is known at once
 *
 * Windows: "LPFN_CONNECTEX callback function (mswsock.h)".
 */
BOOL WINAPI sockiocp_connect_ex(SOCKET s, const struct sockaddr *name, int namelen,
				PVOID lpSendBuffer, DWORD dwSendDataLength,
				LPDWORD lpdwBytesSent, LPOVERLAPPED lpOverlapped)
{
	struct connecting values = {
		.ready = {
			.overlapped = lpOverlapped,
			.operation = SOCKIOCP_SUBMIT_POLL_OUT,
			.into = -1,
			.connects = true,
			.step = connect_step,
		},
		.data = lpSendBuffer,
		.size = lpSendBuffer ? dwSendDataLength : 0,
	};
	int err;

	if (!lpOverlapped) {
		WSASetLastError(ERROR_INVALID_PARAMETER);
		return FALSE;
	}
	err = begin(sockiocp_socket_fd(s), name, namelen, &values, lpOverlapped);
	if (err)
		return sockiocp_ready_fail(err);
	if (lpdwBytesSent)
		*lpdwBytesSent = (DWORD)lpOverlapped->InternalHigh;
	return TRUE;
}

/* What was sent before has gone into the socket's buffer by now. */
static int disconnect_step(struct sockiocp_ready *ready)
{
	ready->error = libc_shutdown(ready->fd, SD_SEND) ? errno : 0;
	return 0;
}

static int begin_disconnecting(int fd, LPOVERLAPPED overlapped, DWORD flags, DWORD reserved)
{
	struct sockiocp_ready *ready;
	struct sockiocp_submit submit;
	int err = 0;

	if (overlapped)
		err = sockiocp_begin_submit(&submit, fd, overlapped);
	if (err)
		return err;
	if (!sockiocp_is_socket(fd))
		return ENOTSOCK;
	if (reserved || flags & ~(DWORD)TF_REUSE_SOCKET)
		return EINVAL;
	if (!sockiocp_has_peer(fd))
		return ENOTCONN;
	if (flags)
		return EOPNOTSUPP;
	if (!overlapped)
		return libc_shutdown(fd, SD_SEND) ? errno : 0;
	ready = malloc(sizeof(*ready));
	if (!ready)
		return ENOMEM;
	*ready = (struct sockiocp_ready){
		.overlapped = overlapped,
		.operation = SOCKIOCP_SUBMIT_POLL_OUT,
		.into = -1,
		.step = disconnect_step,
	};
	return sockiocp_ready_start(ready, &submit);
}

/**
 * DisconnectEx - end a connection by an overlapped operation
 * @s: the socket
 * @lpOverlapped: the operation; NULL: it is done when the call returns, and no packet follows
 * @dwFlags: 0; TF_REUSE_SOCKET is not there
 * @dwReserved: 0
 *
 * WSAIoctl() gives a pointer to it: WSAID_DISCONNECTEX.  It is what shutdown() with SD_SEND
 * is, behind all data that is being sent: what the peer sends can still be received, and to
 * connect the socket again is WSAEISCONN.  It does not wait for the peer.
 *
 * Return: TRUE; FALSE, and WSAGetLastError() says WSA_IO_PENDING if it has begun: then the
 * result follows, even if FILE_SKIP_COMPLETION_PORT_ON_SUCCESS is set.  Errors, after which
 * nothing follows:
 *   WSAENOTCONN	not connected
 *   WSAEINVAL		@dwReserved is not 0; unknown flags
 *   WSAEOPNOTSUPP	TF_REUSE_SOCKET
 *   WSAENOBUFS		too many operations
 *
 * Windows: "LPFN_DISCONNECTEX callback function (mswsock.h)".
 */
BOOL WINAPI sockiocp_disconnect_ex(SOCKET s, LPOVERLAPPED lpOverlapped, DWORD dwFlags,
				   DWORD dwReserved)
{
	int err = begin_disconnecting(sockiocp_socket_fd(s), lpOverlapped, dwFlags, dwReserved);

	return err ? sockiocp_ready_fail(err) : TRUE;
}
