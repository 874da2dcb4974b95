// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Connections: taking and making them.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

/*
 * Returns whether a peer's address fits; where it does not, Linux would take the
 * connection and cut the address.  Most programs have room for any.
 */
static bool peer_fits(int fd, int room)
{
	struct sockaddr_storage name;
	unsigned int len = sizeof(name);

	if (room >= (int)sizeof(struct sockaddr_in6))
		return true;
	/* If this fails, so will accept(), and says why. */
	if (libc_getsockname(fd, (struct sockaddr *)&name, &len))
		return true;
	switch (name.ss_family) {
	case AF_INET:
		return room >= (int)sizeof(struct sockaddr_in);
	case AF_INET6:
		return false;
	default:
		return room >= 0;
	}
}

/* accept4() that neither a signal nor a time-out ends. */
static int accept_fd(int fd, struct sockaddr *addr, unsigned int *len)
{
	int flags = LIBC_SOCK_CLOEXEC, new_fd;
	struct sockiocp_call call;
	unsigned int room = *len;

	sockiocp_call_begins_that_waits(&call, fd, POLLIN);
	if (!sockiocp_listener_blocks(fd)) {
		flags |= LIBC_SOCK_NONBLOCK;
		call.dont_wait = 0;
	}
	do {
		*len = room;
		new_fd = libc_accept4(fd, addr, addr ? len : NULL, flags);
	} while (new_fd < 0 && sockiocp_try_again(&call));
	sockiocp_call_ends(&call);
	if (new_fd >= 0)
		sockiocp_note_end(new_fd, 0);
	return new_fd;
}

/**
 * accept - take a connection that waits on a listening socket
 * @s: the listening socket
 * @addr: receives the peer's address; may be NULL
 * @addrlen: in: size of @addr in bytes; out: size of the address.  Ignored if
 *	@addr is NULL.
 *
 * SO_RCVTIMEO does not matter.  As on Windows, the new socket is non-blocking if
 * the listening one is, and has the overlapped attribute (WSASocketW()) if that has
 * it.  Linux does not do that; the fcntl() needed is small beside making a
 * connection, and a program that waits in recv() where it would not on Windows is a
 * hung one.
 *
 * The listening socket's open file has O_NONBLOCK and O_APPEND from the first call on, which
 * together mean to this library that it blocks: so closesocket() can end the call.
 *
 * Return: the new socket, which the caller passes to closesocket();
 * INVALID_SOCKET if it fails, and WSAGetLastError() says why:
 *   WSAEWOULDBLOCK	non-blocking, and no connection waits
 *   WSAECONNRESET	the peer has given up in the meantime
 *   WSAEINTR		another thread has closed the socket
 *   WSAEINVAL		the socket does not listen
 *   WSAEMFILE		no descriptor is left
 *   WSAEOPNOTSUPP	not a stream socket
 *   WSAEFAULT		@addr is too small; the connection still waits
 *
 * Windows: "accept function (winsock2.h)".
 */
SOCKET WSAAPI accept(SOCKET s, struct sockaddr *addr, int *addrlen)
{
	unsigned int len = addrlen ? (unsigned int)*addrlen : 0;
	int fd = sockiocp_socket_fd(s);
	int new_fd;

	if (addr && (!addrlen || !peer_fits(fd, *addrlen))) {
		sockiocp_wsa_fail(EFAULT);
		return INVALID_SOCKET;
	}
	new_fd = sockiocp_fd_above_stdio(accept_fd(fd, addr, &len));
	sockiocp_enable_event(fd, FD_ACCEPT, new_fd);
	if (new_fd < 0) {
		if (errno == ECONNABORTED)
			errno = ECONNRESET;
		sockiocp_wsa_fail(errno);
		return INVALID_SOCKET;
	}
	if (sockiocp_is_synchronous(fd))
		sockiocp_make_synchronous(new_fd);
	if (addr)
		*addrlen = (int)len;
	return (SOCKET)new_fd;
}

/* Closes a connection so that its peer is told that nobody wanted it. */
static void turn_away(SOCKET s)
{
	struct libc_linger reset = { .l_onoff = 1 };

	libc_setsockopt((int)s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	closesocket(s);
}

/*
 * Asks the program whether it wants a connection.  Returns 0, or the error of
 * Winsock's that says what it wants instead.
 */
static int ask(SOCKET s, struct sockaddr *peer, int peer_len,
	       LPCONDITIONPROC condition, DWORD_PTR data)
{
	WSABUF caller = { .len = (ULONG)peer_len, .buf = (CHAR *)peer };
	WSABUF no_caller_data = { 0 }, no_callee_data = { 0 };
	struct sockaddr_storage name;
	WSABUF callee = { .buf = (CHAR *)&name };
	int len = sizeof(name);
	GROUP group = 0;

	if (!getsockname(s, (struct sockaddr *)&name, &len))
		callee.len = (ULONG)len;
	switch (condition(&caller, &no_caller_data, NULL, NULL, &callee,
			  &no_callee_data, &group, data)) {
	case CF_ACCEPT:
		return 0;
	case CF_REJECT:
		return WSAECONNREFUSED;
	case CF_DEFER:
		return WSAEOPNOTSUPP;
	default:
		return WSAEINVAL;
	}
}

/**
 * WSAAccept - take a connection, if the program wants it
 * @s: the listening socket
 * @addr: receives the peer's address; may be NULL
 * @addrlen: as for accept()
 * @lpfnCondition: is asked whether to take the connection; NULL: take it
 * @dwCallbackData: for @lpfnCondition
 *
 * The function is given the peer's address and the address that it has connected
 * to.  Nobody has sent data with a connection, and there is no quality of service
 * and no group.  Linux has made the connection before: what the function says no to
 * is reset, and gone, also if it is CF_DEFER.
 *
 * Return: as accept(); further errors:
 *   WSAECONNREFUSED	the function has returned CF_REJECT
 *   WSAEOPNOTSUPP	it has returned CF_DEFER
 *   WSAEINVAL		it has returned something else
 *
 * Windows: "WSAAccept function (winsock2.h)".
 */
SOCKET WSAAPI WSAAccept(SOCKET s, struct sockaddr *addr, LPINT addrlen,
			LPCONDITIONPROC lpfnCondition, DWORD_PTR dwCallbackData)
{
	struct sockaddr_storage peer = { 0 };
	int len = sizeof(peer);
	SOCKET client;
	int err;

	if (!lpfnCondition)
		return accept(s, addr, addrlen);
	if (addr && (!addrlen || !peer_fits(sockiocp_socket_fd(s), *addrlen))) {
		sockiocp_wsa_fail(EFAULT);
		return INVALID_SOCKET;
	}
	client = accept(s, (struct sockaddr *)&peer, &len);
	if (client == INVALID_SOCKET)
		return INVALID_SOCKET;
	err = ask(client, (struct sockaddr *)&peer, len, lpfnCondition,
		  dwCallbackData);
	if (err) {
		turn_away(client);
		WSASetLastError(err);
		return INVALID_SOCKET;
	}
	if (addr) {
		memcpy(addr, &peer, (size_t)(len < *addrlen ? len : *addrlen));
		*addrlen = len;
	}
	return client;
}

/* Is it a socket whose connection may take its time, so that poll(2) tells of it? */
static bool connects_slowly(int fd)
{
	int domain;

	return !sockiocp_get_int(fd, LIBC_SO_DOMAIN, &domain) &&
	       (domain == AF_INET || domain == AF_INET6) &&
	       sockiocp_socket_type(fd) == SOCK_STREAM;
}

/*
 * connect() that a signal does not end: the next call goes on with the connection,
 * or begins anew where Linux gave up (AF_UNIX).  Returns 0 or an errno value.
 */
static int connect_once(int fd, const struct sockaddr *name, unsigned int len)
{
	struct sockiocp_call call;
	bool waits, again;
	int err;

	sockiocp_call_begins(&call, fd, POLLOUT);
	waits = connects_slowly(fd) && sockiocp_stop_blocking(fd);
	if (waits) {
		call.dont_wait = LIBC_MSG_DONTWAIT;
		/* SO_SNDTIMEO is for those who send. */
		call.always = true;
	}
	do {
		err = libc_connect(fd, name, len) ? errno : 0;
		again = err == EINTR;
		if (waits && (err == EINPROGRESS || err == EALREADY)) {
			errno = EAGAIN;
			again = true;
		}
		if (again && !sockiocp_try_again(&call)) {
			err = errno;
			break;
		}
	} while (again);
	/* If it was closed before there was anything to wait for, another one may have it. */
	if (waits && (call.blocked || err != EINTR))
		sockiocp_block_again(fd);
	sockiocp_call_ends(&call);
	return err;
}

/*
 * Returns whether connect() may have failed for a connection before this one.
 * Linux tells of one that failed in the background again, whether or not the
 * program knows, and makes no attempt; from then on the socket is like a new one.
 * On Windows it is that at once.  An attempt too many does no harm, but a blocking
 * one that was waited for is not made twice.
 */
static bool failed_before(int fd, int err)
{
	switch (err) {
	case 0:
	case EINTR:
	case EINPROGRESS:
	case EALREADY:
	case EISCONN:
	case EAGAIN:
		return false;
	case ETIMEDOUT:
	case EHOSTUNREACH:
		return sockiocp_is_nonblocking(fd);
	default:
		return true;
	}
}

/*
 * Returns whether connect() succeeded because an earlier one has: Linux reports
 * that success once, and never succeeds at once with a non-blocking TCP socket.
 */
static bool was_connecting(int fd)
{
	int protocol;

	return sockiocp_is_nonblocking(fd) &&
	       !sockiocp_get_int(fd, LIBC_SO_PROTOCOL, &protocol) &&
	       protocol == IPPROTO_TCP;
}

/**
 * connect - connect a socket, or set where a datagram socket sends to
 * @s: the socket
 * @name: the peer's address
 * @namelen: its size in bytes
 *
 * A socket whose connection failed can be connected again.  SO_SNDTIMEO does not matter, but
 * for AF_UNIX: there it ends the wait for a listener whose backlog is full.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEWOULDBLOCK	non-blocking, and the connection is being made
 *   WSAEALREADY	it is still being made
 *   WSAEISCONN		it is made
 *   WSAEINVAL		ConnectEx() or AcceptEx() is about to connect it
 *   WSAECONNREFUSED	nobody listens there, or (AF_UNIX, non-blocking) the
 *			listener's backlog is full
 *   WSAETIMEDOUT	no answer
 *   WSAEINTR		another thread has closed the socket
 *   WSAENETUNREACH, WSAEHOSTUNREACH	no way to get there
 *   WSAEADDRNOTAVAIL	nobody can be at this address
 *   WSAEAFNOSUPPORT	it is of another family
 *   WSAEFAULT		@namelen is too small
 *   WSAEADDRINUSE	no local port is left
 *   WSAEACCES		not allowed, for instance to broadcast
 *
 * Windows: "connect function (winsock2.h)".
 */
int WSAAPI connect(SOCKET s, const struct sockaddr *name, int namelen)
{
	unsigned int len = (unsigned int)namelen;
	int fd = sockiocp_socket_fd(s);
	int err;

	if (sockiocp_is_connecting(fd))
		return sockiocp_wsa_fail(EINVAL);
	/* A datagram socket may be connected to this machine so. */
	if (name && sockiocp_is_nowhere(name, namelen) && sockiocp_socket_type(fd) == SOCK_STREAM)
		return sockiocp_wsa_fail(EADDRNOTAVAIL);
	sockiocp_keep_error(fd, 0);
	sockiocp_note_end(fd, 0);
	sockiocp_enable_event(fd, SOCKIOCP_CONNECT_BEGINS, -1);
	err = connect_once(fd, name, len);
	if (failed_before(fd, err))
		err = connect_once(fd, name, len);
	if (!err && was_connecting(fd))
		err = EISCONN;
	/* Nothing is under way then: no local port is left, or the backlog is full. */
	if (err == EAGAIN && name->sa_family != AF_UNIX)
		err = EADDRINUSE;
	else if (err == EAGAIN && sockiocp_is_nonblocking(fd))
		err = ECONNREFUSED;
	sockiocp_enable_event(fd, FD_CONNECT, -1);
	err = sockiocp_address_error(fd, err, name, namelen);
	return err ? sockiocp_transfer_fail(fd, err) : 0;
}

/**
 * WSAConnect - connect a socket
 * @s: the socket
 * @name: the peer's address
 * @namelen: its size in bytes
 * @lpCallerData: ignored: TCP cannot send data with a connection
 * @lpCalleeData: its length becomes 0; may be NULL
 * @lpSQOS: ignored: there is no quality of service
 * @lpGQOS: ignored
 *
 * Return: as connect().
 *
 * Windows: "WSAConnect function (winsock2.h)".
 */
int WSAAPI WSAConnect(SOCKET s, const struct sockaddr *name, int namelen,
		      LPWSABUF lpCallerData, LPWSABUF lpCalleeData,
		      LPQOS lpSQOS, LPQOS lpGQOS)
{
	(void)lpCallerData;
	(void)lpSQOS;
	(void)lpGQOS;
	if (lpCalleeData)
		lpCalleeData->len = 0;
	return connect(s, name, namelen);
}
