// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Winsock's socket calls: thin functions around libc's.
 *
 * What they add: errors go to the thread's last error, in Winsock's numbers; no
 * call raises SIGPIPE; blocking calls go on when a signal handler has run.
 * Options are in sockopt.c.
 *
 * Every function here fails with WSAENOTSOCK if it is not given a socket,
 * WSAEFAULT if a pointer is bad, and WSAENOBUFS if there is no memory; the
 * comments name only what is particular to a call.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/tcp.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

/* Set for good by the first socket that gets a time-out for send or recv. */
/*
 * Set for good by the first socket of socket() that is no stream.  A program that
 * has only streams does not pay for looking whether a message was cut: with it
 * recv() takes about 500 instructions more.
 */
static atomic_bool messages_used;

/* How many calls of WSAStartup() still await their WSACleanup(). */
static atomic_int startups;

/**
 * WSAStartup - begin to use Winsock
 * @wVersionRequested: the highest version the caller can use: minor version in
 *	the high byte, major version in the low byte
 * @lpWSAData: receives the version to use, which is at most 2.2
 *
 * May be called more than once.  The other functions work without it.
 *
 * Return: 0, or an error code (the last error stays what it was):
 *   WSAVERNOTSUPPORTED	a version below 1.0 is requested
 *   WSAEFAULT		@lpWSAData is NULL
 *
 * Windows: "WSAStartup function (winsock2.h)".
 */
int WSAAPI WSAStartup(WORD wVersionRequested, LPWSADATA lpWSAData)
{
	BYTE major = LOBYTE(wVersionRequested);
	BYTE minor = HIBYTE(wVersionRequested);

	if (!lpWSAData)
		return WSAEFAULT;

	memset(lpWSAData, 0, sizeof(*lpWSAData));
	lpWSAData->wHighVersion = WINSOCK_VERSION;
	strcpy(lpWSAData->szDescription, "sockiocp");
	strcpy(lpWSAData->szSystemStatus, "Running");
	if (major < 1) {
		lpWSAData->wVersion = WINSOCK_VERSION;
		return WSAVERNOTSUPPORTED;
	}

	if (major == 1)
		lpWSAData->wVersion = MAKEWORD(1, minor > 1 ? 1 : minor);
	else if (major == 2 && minor < 2)
		lpWSAData->wVersion = wVersionRequested;
	else
		lpWSAData->wVersion = WINSOCK_VERSION;
	/* Version 1's fields: "no limit worth naming". */
	lpWSAData->iMaxSockets = 32767;
	lpWSAData->iMaxUdpDg = 65467;

	atomic_fetch_add(&startups, 1);
	return 0;
}

/**
 * WSACleanup - end one use of Winsock
 *
 * Sockets stay open and usable.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says
 * WSANOTINITIALISED: there were fewer calls of WSAStartup().
 *
 * Windows: "WSACleanup function (winsock2.h)".
 */
int WSAAPI WSACleanup(void)
{
	int count = atomic_load(&startups);

	do {
		if (!count) {
			WSASetLastError(WSANOTINITIALISED);
			return SOCKET_ERROR;
		}
	} while (!atomic_compare_exchange_weak(&startups, &count, count - 1));
	return 0;
}

static bool is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK);
}

/*
 * Fails with the error of a call that transfers data or connects.  EAGAIN means
 * a time-out if the socket blocks, which only a program can meet that has set
 * one: others do not pay for the question.
 */
static int transfer_fail(int fd, int err)
{
	if ((err == EAGAIN || err == EINPROGRESS) &&
	    atomic_load_explicit(&sockiocp_timeouts_used,
				 memory_order_relaxed) &&
	    !is_nonblocking(fd))
		err = ETIMEDOUT;
	return sockiocp_wsa_fail(err);
}

/**
 * socket - create a socket
 * @af: AF_INET, AF_INET6 or AF_UNIX
 * @type: SOCK_STREAM, SOCK_DGRAM, ...
 * @protocol: IPPROTO_TCP, ..., or 0 for the type's usual one
 *
 * The socket blocks.  It is a descriptor above 2 that is not inherited by
 * programs started with exec (on Windows it would be, if asked for).  Those of
 * AF_INET6 have IPV6_V6ONLY set, as on Windows.
 *
 * Return: the socket, which the caller passes to closesocket(); INVALID_SOCKET
 * if it fails, and WSAGetLastError() says why:
 *   WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, WSAESOCKTNOSUPPORT, WSAEINVAL
 *			no such family, protocol or type
 *   WSAEMFILE		no descriptor is left
 *   WSAEACCES		the user may not create such a socket
 *
 * Windows: "socket function (winsock2.h)".
 */
SOCKET WSAAPI socket(int af, int type, int protocol)
{
	int one = 1;
	int fd;

	fd = libc_socket(af, type | LIBC_SOCK_CLOEXEC, protocol);
	fd = sockiocp_fd_above_stdio(fd);
	if (fd < 0) {
		sockiocp_wsa_fail(errno);
		return INVALID_SOCKET;
	}
	if (type != SOCK_STREAM)
		atomic_store_explicit(&messages_used, true,
				      memory_order_relaxed);
	if (af == AF_INET6)
		libc_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
				sizeof(one));
	return (SOCKET)fd;
}

/**
 * closesocket - close a socket
 * @s: the socket; what is none stays open
 *
 * Its registration with a completion port goes silently: no REMOVE notification
 * follows, but a packet that is queued already may still come out.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says WSAENOTSOCK.
 *
 * Windows: "closesocket function (winsock2.h)".
 */
int WSAAPI closesocket(SOCKET s)
{
	int fd = sockiocp_socket_fd(s);
	unsigned int size = sizeof(int);
	int type;

	if (libc_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) &&
	    errno == ENOTSOCK)
		return sockiocp_wsa_fail(ENOTSOCK);
	/* Linux has closed it, whatever else close() complains of. */
	if (close(fd) && errno == EBADF)
		return sockiocp_wsa_fail(EBADF);
	return 0;
}

/*
 * On Windows connections in TIME_WAIT do not keep a server from binding its
 * port.  On Linux they do, unless both the old socket and the new one have
 * SO_REUSEADDR; which does not share a port that is listened on.  So listen()
 * sets it, for its connections to inherit, and bind() does if it has to.
 */
static int bind_reusing(int fd, const struct sockaddr *name, unsigned int len)
{
	int one = 1, zero = 0;
	int type, reuse;
	unsigned int size = sizeof(int);

	if (libc_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
	    libc_getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &size) ||
	    type != SOCK_STREAM || reuse ||
	    libc_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one))) {
		errno = EADDRINUSE;
		return -1;
	}
	if (!libc_bind(fd, name, len))
		return 0;

	libc_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof(zero));
	errno = EADDRINUSE;
	return -1;
}

/**
 * bind - give a socket its local address
 * @s: the socket
 * @name: the address
 * @namelen: its size in bytes
 *
 * Connections that are in TIME_WAIT do not stand in the way of a stream socket,
 * if those who had them used this library (or SO_REUSEADDR).
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEADDRINUSE	another socket has the address
 *   WSAEADDRNOTAVAIL	the address is not this machine's
 *   WSAEACCES		the user may not use this port
 *   WSAEINVAL		the socket is bound already, or @namelen is wrong
 *   WSAEAFNOSUPPORT	the address is of another family
 *
 * Windows: "bind function (winsock2.h)".
 */
int WSAAPI bind(SOCKET s, const struct sockaddr *name, int namelen)
{
	int fd = sockiocp_socket_fd(s);

	if (!libc_bind(fd, name, (unsigned int)namelen))
		return 0;
	if (errno == EADDRINUSE &&
	    !bind_reusing(fd, name, (unsigned int)namelen))
		return 0;
	return sockiocp_wsa_fail(errno);
}

/**
 * listen - make a socket accept connections
 * @s: the socket
 * @backlog: how many connections may wait to be accepted, at least one; SOMAXCONN
 *	and SOMAXCONN_HINT() mean as many as the system allows, and more are cut
 *	down to that
 *
 * SO_REUSEADDR is set afterwards (see bind()).
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEADDRINUSE	another socket listens on the address
 *   WSAEINVAL		the socket is connected
 *   WSAEOPNOTSUPP	not a stream socket
 *
 * Windows: "listen function (winsock2.h)".
 */
int WSAAPI listen(SOCKET s, int backlog)
{
	int fd = sockiocp_socket_fd(s);
	int one = 1;

	/* With 0 Linux takes just one, and drops the others without a word. */
	if (libc_listen(fd, backlog ? backlog : 1))
		return sockiocp_wsa_fail(errno);
	libc_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return 0;
}

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

/* Waits for a connection, or for a signal: the caller looks again. */
static void await_client(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	poll(&pollfd, 1, -1);
}

/* accept4() that neither a signal nor a time-out ends. */
static int accept_fd(int fd, struct sockaddr *addr, unsigned int *len,
		     int flags)
{
	unsigned int room = *len;
	int new_fd;

	for (;;) {
		*len = room;
		new_fd = libc_accept4(fd, addr, addr ? len : NULL, flags);
		if (new_fd >= 0)
			return new_fd;
		if (errno == EAGAIN && !(flags & LIBC_SOCK_NONBLOCK))
			await_client(fd);
		else if (errno != EINTR)
			return -1;
	}
}

/**
 * accept - take a connection that waits on a listening socket
 * @s: the listening socket
 * @addr: receives the peer's address; may be NULL
 * @addrlen: in: size of @addr in bytes; out: size of the address.  Ignored if
 *	@addr is NULL.
 *
 * SO_RCVTIMEO does not matter.  As on Windows, the new socket is non-blocking if
 * the listening one is.  Linux does not do that; the fcntl() needed is small beside
 * making a connection, and a program that waits in recv() where it would not on
 * Windows is a hung one.
 *
 * Return: the new socket, which the caller passes to closesocket();
 * INVALID_SOCKET if it fails, and WSAGetLastError() says why:
 *   WSAEWOULDBLOCK	non-blocking, and no connection waits
 *   WSAECONNRESET	the peer has given up in the meantime
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
	int flags = LIBC_SOCK_CLOEXEC;
	int new_fd;

	if (addr && (!addrlen || !peer_fits(fd, *addrlen))) {
		sockiocp_wsa_fail(EFAULT);
		return INVALID_SOCKET;
	}
	if (is_nonblocking(fd))
		flags |= LIBC_SOCK_NONBLOCK;
	new_fd = sockiocp_fd_above_stdio(accept_fd(fd, addr, &len, flags));
	if (new_fd < 0) {
		if (errno == ECONNABORTED)
			errno = ECONNRESET;
		sockiocp_wsa_fail(errno);
		return INVALID_SOCKET;
	}
	if (addr)
		*addrlen = (int)len;
	return (SOCKET)new_fd;
}

/*
 * connect() that a signal does not end: the next call goes on with the connection,
 * or begins anew where Linux gave up (AF_UNIX).  Returns 0 or an errno value.
 */
static int connect_once(int fd, const struct sockaddr *name, unsigned int len)
{
	while (libc_connect(fd, name, len))
		if (errno != EINTR)
			return errno;
	return 0;
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
	case EINPROGRESS:
	case EALREADY:
	case EISCONN:
	case EAGAIN:
		return false;
	case ETIMEDOUT:
	case EHOSTUNREACH:
		return is_nonblocking(fd);
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
	unsigned int size = sizeof(int);
	int protocol;

	return is_nonblocking(fd) &&
	       !libc_getsockopt(fd, SOL_SOCKET, LIBC_SO_PROTOCOL, &protocol,
				&size) &&
	       protocol == IPPROTO_TCP;
}

/**
 * connect - connect a socket, or set where a datagram socket sends to
 * @s: the socket
 * @name: the peer's address
 * @namelen: its size in bytes
 *
 * A socket whose connection failed can be connected again.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEWOULDBLOCK	non-blocking, and the connection is being made
 *   WSAEALREADY	it is still being made
 *   WSAEISCONN		it is made
 *   WSAECONNREFUSED	nobody listens there, or (AF_UNIX, non-blocking) the
 *			listener's backlog is full
 *   WSAETIMEDOUT	no answer
 *   WSAENETUNREACH, WSAEHOSTUNREACH	no way to get there
 *   WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT, WSAEINVAL	the address is wrong
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

	err = connect_once(fd, name, len);
	if (failed_before(fd, err))
		err = connect_once(fd, name, len);
	if (!err && was_connecting(fd))
		err = EISCONN;
	/* Nothing is under way then: no local port is left, or the backlog is full. */
	if (err == EAGAIN && name->sa_family != AF_UNIX)
		err = EADDRINUSE;
	else if (err == EAGAIN && is_nonblocking(fd))
		err = ECONNREFUSED;
	return err ? transfer_fail(fd, err) : 0;
}

/**
 * shutdown - end one or both directions of a connection
 * @s: the socket
 * @how: SD_RECEIVE, SD_SEND or SD_BOTH
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAENOTCONN	not connected
 *   WSAEINVAL		@how is none of these
 *
 * Windows: "shutdown function (winsock2.h)".
 */
int WSAAPI shutdown(SOCKET s, int how)
{
	if (libc_shutdown(sockiocp_socket_fd(s), how))
		return sockiocp_wsa_fail(errno);
	return 0;
}

/*
 * Has this TCP socket, which has no peer, never had one?  A connection that came to be
 * has measured how long its handshake took, if it was not too quick to be measured, or
 * has carried something.
 */
static bool was_never_connected(int fd)
{
	struct tcp_info info = { 0 };
	unsigned int len = sizeof(info);

	return !libc_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       !info.tcpi_rtt && !info.tcpi_bytes_acked &&
	       !info.tcpi_bytes_received;
}

/*
 * Fails with the error of send() or sendto().  EPIPE says that this side was
 * shut down, or that the connection was reset and that has been reported, or that
 * there never was one: in the last two cases there is no peer.
 */
static int send_fail(int fd, int err)
{
	struct sockaddr_storage peer;
	unsigned int len = sizeof(peer);

	if (err == EPIPE) {
		if (!libc_getpeername(fd, (struct sockaddr *)&peer, &len))
			err = ESHUTDOWN;
		else if (was_never_connected(fd))
			err = ENOTCONN;
	}
	return transfer_fail(fd, err);
}

/*
 * Windows ends a call that is to transfer all before it has done so only for an
 * error, Linux also for a signal, and then says how much it has done.  Whether to
 * go on is asked only if that was less than all.
 */
static bool goes_on(int fd)
{
	unsigned int size = sizeof(int);
	int type;

	return !is_nonblocking(fd) &&
	       !libc_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) &&
	       type == SOCK_STREAM;
}

/*
 * Sends what is left after the first @done bytes.  Returns as send() does; the
 * call before has kept its error for this one, which has to report it.
 */
static ssize_t send_rest(int fd, const char *buf, size_t done, size_t len,
			 int flags)
{
	ssize_t sent;

	while (done < len) {
		sent = libc_send(fd, buf + done, len - done, flags);
		if (sent > 0)
			done += (size_t)sent;
		else if (!sent || errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)done;
}

/* What send() and sendto() return after the first call has returned @sent. */
static int sent_so_far(int fd, const char *buf, ssize_t sent, int len,
		       int flags)
{
	if (sent >= 0 && sent < len && goes_on(fd))
		sent = send_rest(fd, buf, (size_t)sent, (size_t)len, flags);
	return sent < 0 ? send_fail(fd, errno) : (int)sent;
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
	ssize_t sent;

	if (len < 0)
		return sockiocp_wsa_fail(EFAULT);
	flags |= LIBC_MSG_NOSIGNAL;
	do {
		sent = libc_send(fd, buf, (size_t)len, flags);
	} while (sent < 0 && errno == EINTR);
	return sent == len ? len : sent_so_far(fd, buf, sent, len, flags);
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
 *   WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT, WSAEINVAL	the address is wrong
 *   WSAENETUNREACH, WSAEHOSTUNREACH	no way to get there
 *   WSAEACCES		not allowed, for instance to broadcast
 *
 * Windows: "sendto function (winsock2.h)".
 */
int WSAAPI sendto(SOCKET s, const char *buf, int len, int flags,
		  const struct sockaddr *to, int tolen)
{
	int fd = sockiocp_socket_fd(s);
	ssize_t sent;

	if (len < 0)
		return sockiocp_wsa_fail(EFAULT);
	flags |= LIBC_MSG_NOSIGNAL;
	do {
		sent = libc_sendto(fd, buf, (size_t)len, flags, to,
				   to ? (unsigned int)tolen : 0);
	} while (sent < 0 && errno == EINTR);
	return sent == len ? len : sent_so_far(fd, buf, sent, len, flags);
}

/*
 * What recv() and recvfrom() return after the first call has returned @received:
 * with MSG_WAITALL, more if more comes.
 */
static int received_so_far(int fd, char *buf, ssize_t received, int len,
			   int flags)
{
	ssize_t more;

	if (received <= 0 || (flags & (MSG_PEEK | MSG_OOB)) || !goes_on(fd))
		return (int)received;
	while (received < len) {
		more = libc_recv(fd, buf + received, (size_t)(len - received),
				 flags);
		if (more > 0)
			received += more;
		else if (!more || errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return -1;
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
 *   WSAECONNRESET	the peer has reset the connection
 *   WSAECONNREFUSED	the connection was refused, or the last datagram sent was
 *   WSAENOTCONN	not connected
 *   WSAEINVAL		MSG_OOB, and there is no such data
 *   WSAEMSGSIZE	the datagram does not fit; @buf is filled
 *   WSAEFAULT		@len is negative
 *
 * Windows: "recv function (winsock2.h)".
 */
int WSAAPI recv(SOCKET s, char *buf, int len, int flags)
{
	int fd = sockiocp_socket_fd(s);
	ssize_t received;

	if (atomic_load_explicit(&messages_used, memory_order_relaxed))
		return recvfrom(s, buf, len, flags, NULL, NULL);
	if (len < 0)
		return sockiocp_wsa_fail(EFAULT);
	do {
		received = libc_recv(fd, buf, (size_t)len, flags);
	} while (received < 0 && errno == EINTR);
	if ((flags & MSG_WAITALL) && received != len)
		received = received_so_far(fd, buf, received, len, flags);
	return received < 0 ? transfer_fail(fd, errno) : (int)received;
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
	ssize_t received;

	if (len < 0 || (from && (!fromlen || *fromlen < 0)))
		return sockiocp_wsa_fail(EFAULT);
	do {
		msg.msg_name = from;
		msg.msg_namelen = room;
		received = libc_recvmsg(fd, &msg, flags);
	} while (received < 0 && errno == EINTR);
	if ((flags & MSG_WAITALL) && received != len)
		received = received_so_far(fd, buf, received, len, flags);
	if (received < 0)
		return transfer_fail(fd, errno);

	if (msg.msg_namelen > room)
		return sockiocp_wsa_fail(EFAULT);
	if (from)
		*fromlen = (int)msg.msg_namelen;
	if (msg.msg_flags & LIBC_MSG_TRUNC)
		return sockiocp_wsa_fail(EMSGSIZE);
	return (int)received;
}

/*
 * What getsockname() and getpeername() return, after libc's has: Linux cuts an
 * address that does not fit in @room, and says how long it is.
 */
static int name_got(int failed, int room, int *namelen)
{
	if (failed && !(errno == EINVAL && room < 0))
		return sockiocp_wsa_fail(errno);
	if (!failed && *namelen <= room)
		return 0;
	*namelen = room;
	return sockiocp_wsa_fail(EFAULT);
}

/**
 * getsockname - the local address of a socket
 * @s: the socket
 * @name: receives the address
 * @namelen: in: size of @name in bytes; out: size of the address
 *
 * An unbound socket has address 0 and port 0 (Windows says WSAEINVAL).
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEFAULT		@name is too small; *@namelen stays
 *
 * Windows: "getsockname function (winsock2.h)".
 */
int WSAAPI getsockname(SOCKET s, struct sockaddr *name, int *namelen)
{
	int room = namelen ? *namelen : 0;
	int failed;

	failed = libc_getsockname(sockiocp_socket_fd(s), name,
				  (unsigned int *)namelen);
	return name_got(failed, room, namelen);
}

/**
 * getpeername - the address a socket is connected to
 * @s: the socket
 * @name: receives the address
 * @namelen: in: size of @name in bytes; out: size of the address
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAENOTCONN	not connected
 *   WSAEFAULT		@name is too small; *@namelen stays
 *
 * Windows: "getpeername function (winsock2.h)".
 */
int WSAAPI getpeername(SOCKET s, struct sockaddr *name, int *namelen)
{
	int room = namelen ? *namelen : 0;
	int failed;

	failed = libc_getpeername(sockiocp_socket_fd(s), name,
				  (unsigned int *)namelen);
	return name_got(failed, room, namelen);
}

/**
 * ioctlsocket - set or ask about the mode of a socket
 * @s: the socket
 * @cmd: FIONBIO: the socket is non-blocking from now on if the argument is not
 *	0; FIONREAD: how many bytes one recv() could return; SIOCATMARK: whether
 *	the next byte is at the out-of-band mark
 * @argp: the argument: 4 bytes, whatever it points at
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEOPNOTSUPP	another command, or not for this socket
 *
 * Windows: "ioctlsocket function (winsock2.h)".
 */
int WSAAPI ioctlsocket(SOCKET s, long cmd, void *argp)
{
	unsigned int size = sizeof(int);
	int fd = sockiocp_socket_fd(s);
	int type;

	/* Pipes and files know these commands too. */
	if (libc_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
		return sockiocp_wsa_fail(errno);
	switch (cmd) {
	case FIONBIO:
	case FIONREAD:
	case SIOCATMARK:
		break;
	default:
		return sockiocp_wsa_fail(EOPNOTSUPP);
	}
	if (ioctl(fd, (unsigned long)cmd, argp))
		return sockiocp_wsa_fail(errno);
	return 0;
}

/**
 * inet_addr - read an IPv4 address in dotted notation
 * @cp: the text, for instance "127.0.0.1"
 *
 * Return: the address in network order; INADDR_NONE if the text is not one
 * (or is "255.255.255.255").  The last error is set only if @cp is NULL.
 *
 * Windows: "inet_addr function (winsock2.h)".
 */
ULONG WSAAPI inet_addr(const char *cp)
{
	if (!cp) {
		sockiocp_wsa_fail(EFAULT);
		return INADDR_NONE;
	}
	return libc_inet_addr(cp);
}

/**
 * inet_pton - read an IP address
 * @Family: AF_INET or AF_INET6
 * @pszAddrString: the text
 * @pAddrBuf: receives a struct in_addr or a struct in6_addr
 *
 * Return: 1; 0 if the text is not an address of this family; -1 if it fails,
 * and WSAGetLastError() says why:
 *   WSAEAFNOSUPPORT	another family
 *
 * Windows: "inet_pton function (ws2tcpip.h)".
 */
int WSAAPI inet_pton(int Family, const char *pszAddrString, void *pAddrBuf)
{
	int result;

	if (!pszAddrString || !pAddrBuf)
		return sockiocp_wsa_fail(EFAULT);
	result = libc_inet_pton(Family, pszAddrString, pAddrBuf);
	return result < 0 ? sockiocp_wsa_fail(errno) : result;
}

/**
 * inet_ntop - write an IP address as text
 * @Family: AF_INET or AF_INET6
 * @pAddr: a struct in_addr or a struct in6_addr
 * @pStringBuf: receives the text
 * @StringBufSize: its size in bytes; INET6_ADDRSTRLEN is enough
 *
 * Return: @pStringBuf; NULL if it fails, and WSAGetLastError() says why:
 *   WSAEAFNOSUPPORT	another family
 *   WSAEINVAL		the text does not fit
 *
 * Windows: "inet_ntop function (ws2tcpip.h)".
 */
const char *WSAAPI inet_ntop(int Family, const void *pAddr, char *pStringBuf,
			     size_t StringBufSize)
{
	unsigned int size = StringBufSize > UINT_MAX ?
				UINT_MAX : (unsigned int)StringBufSize;

	if (!pAddr || !pStringBuf) {
		sockiocp_wsa_fail(EFAULT);
		return NULL;
	}
	if (libc_inet_ntop(Family, pAddr, pStringBuf, size))
		return pStringBuf;
	sockiocp_wsa_fail(errno == ENOSPC ? EINVAL : errno);
	return NULL;
}
