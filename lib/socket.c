// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Winsock's sockets: making and closing them, and their names.  Thin functions
 * around libc's.
 *
 * What Winsock's calls add to libc's: errors go to the thread's last error, in
 * Winsock's numbers; no call raises SIGPIPE; blocking calls go on when a signal
 * handler has run.
 *
 * Every function of Winsock fails with WSAENOTSOCK if it is not given a socket,
 * WSAEFAULT if a pointer is bad, and WSAENOBUFS if there is no memory; the
 * comments name only what is particular to a call.
 */
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "internal.h"
#include "overlapped.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

/*
 * Fills in what a program has left to the system: the protocol names a family and a
 * type, and AF_INET means TCP if nothing is said.  Linux wants to know the type.
 */
static void complete(int *af, int *type, int *protocol)
{
	if (*af == AF_UNSPEC &&
	    (*protocol == IPPROTO_TCP || *protocol == IPPROTO_UDP))
		*af = AF_INET;
	if (!*type && (*af == AF_INET || *af == AF_INET6))
		*type = *protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
}

/* Returns a new socket, or INVALID_SOCKET with the last error set. */
static SOCKET new_socket(int af, int type, int protocol)
{
	int one = 1;
	int fd;

	if (!sockiocp_started())
		return INVALID_SOCKET;
	complete(&af, &type, &protocol);
	if (af == AF_UNSPEC) {
		sockiocp_wsa_fail(EINVAL);
		return INVALID_SOCKET;
	}
	fd = libc_socket(af, type | LIBC_SOCK_CLOEXEC, protocol);
	fd = sockiocp_fd_above_stdio(fd);
	if (fd < 0) {
		/* Linux' word for a number that no type has. */
		sockiocp_wsa_fail(errno == EINVAL ? ESOCKTNOSUPPORT : errno);
		return INVALID_SOCKET;
	}
	sockiocp_forget_association(fd);
	if (type != SOCK_STREAM)
		atomic_store_explicit(&sockiocp_messages_used, true,
				      memory_order_relaxed);
	if (af == AF_INET6)
		libc_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
				sizeof(one));
	return (SOCKET)fd;
}

/**
 * socket - create a socket
 * @af: AF_INET, AF_INET6 or AF_UNIX; AF_UNSPEC if the protocol is TCP or UDP
 * @type: SOCK_STREAM, SOCK_DGRAM, ..., or 0 for the protocol's usual one
 * @protocol: IPPROTO_TCP, ..., or 0 for the type's usual one
 *
 * The socket blocks.  It is a descriptor above 2 that is not inherited by
 * programs started with exec (on Windows it would be, if asked for).  Those of
 * AF_INET6 have IPV6_V6ONLY set, as on Windows.
 *
 * Return: the socket, which the caller passes to closesocket(); INVALID_SOCKET
 * if it fails, and WSAGetLastError() says why:
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, WSAESOCKTNOSUPPORT
 *			no such family, protocol or type
 *   WSAEINVAL		AF_UNSPEC, and no protocol that says more
 *   WSAEMFILE		no descriptor is left
 *   WSAEACCES		the user may not create such a socket
 *
 * Windows: "socket function (winsock2.h)".
 */
SOCKET WSAAPI socket(int af, int type, int protocol)
{
	return new_socket(af, type, protocol);
}

/* Those that mean something here, or nothing anywhere but for other protocols. */
#define KNOWN_FLAGS							\
	(WSA_FLAG_OVERLAPPED | WSA_FLAG_MULTIPOINT_C_ROOT |		\
	 WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_ROOT |	\
	 WSA_FLAG_MULTIPOINT_D_LEAF | WSA_FLAG_NO_HANDLE_INHERIT)

/* Returns the socket that was offered to this process, as new_socket() does. */
static SOCKET offered_socket(const WSAPROTOCOL_INFOW *info)
{
	int fd;

	if (!sockiocp_started())
		return INVALID_SOCKET;
	fd = sockiocp_fetch_socket(info);
	if (fd < 0) {
		sockiocp_wsa_fail(errno);
		return INVALID_SOCKET;
	}
	return (SOCKET)fd;
}

/**
 * WSASocketW - create a socket
 * @af: as for socket(); FROM_PROTOCOL_INFO or 0 for that of @lpProtocolInfo
 * @type: likewise
 * @protocol: likewise
 * @lpProtocolInfo: what getsockopt() gives for SO_PROTOCOL_INFO; or what
 *	WSADuplicateSocketW() has given for this process, which then gets a descriptor of
 *	that socket, whatever comes before; or NULL
 * @g: ignored: there are no groups of sockets
 * @dwFlags: WSA_FLAG_OVERLAPPED, without which calls with an OVERLAPPED wait (all sockets
 *	of socket() have it); WSA_FLAG_NO_HANDLE_INHERIT and those of multipoint sessions
 *	change nothing; others are refused
 *
 * Return: as socket(); further errors:
 *   WSAEINVAL		@dwFlags has others
 *   WSAEOPNOTSUPP	WSA_FLAG_REGISTERED_IO: there is no registered I/O
 * and where it should be another one's socket:
 *   WSAEINVAL		it was for another process, or this one is another user's by now;
 *			or it was got already, all its descriptors have been closed, or 5
 *			minutes have passed
 *   WSAENETDOWN	the module is not loaded any more
 *
 * Windows: "WSASocketW function (winsock2.h)".
 */
SOCKET WSAAPI WSASocketW(int af, int type, int protocol,
			 LPWSAPROTOCOL_INFOW lpProtocolInfo, GROUP g,
			 DWORD dwFlags)
{
	SOCKET s;

	(void)g;
	if (dwFlags & ~KNOWN_FLAGS) {
		sockiocp_wsa_fail(dwFlags & WSA_FLAG_REGISTERED_IO ?
				  EOPNOTSUPP : EINVAL);
		return INVALID_SOCKET;
	}
	if (lpProtocolInfo) {
		if (sockiocp_is_offered(lpProtocolInfo))
			return offered_socket(lpProtocolInfo);
		if (af == FROM_PROTOCOL_INFO || !af)
			af = lpProtocolInfo->iAddressFamily;
		if (type == FROM_PROTOCOL_INFO || !type)
			type = lpProtocolInfo->iSocketType;
		if (protocol == FROM_PROTOCOL_INFO || !protocol)
			protocol = lpProtocolInfo->iProtocol;
	}
	s = new_socket(af, type, protocol);
	if (s != INVALID_SOCKET && !(dwFlags & WSA_FLAG_OVERLAPPED))
		sockiocp_make_synchronous((int)s);
	return s;
}

/* Both have the same numbers at the same places; the name comes last. */
_Static_assert(offsetof(WSAPROTOCOL_INFOA, szProtocol) ==
	       offsetof(WSAPROTOCOL_INFOW, szProtocol), "WSAPROTOCOL_INFO");

/**
 * WSASocketA - create a socket
 * @af: as for WSASocketW(), and so are all others
 * @type: likewise
 * @protocol: likewise
 * @lpProtocolInfo: likewise
 * @g: likewise
 * @dwFlags: likewise
 *
 * Return: as WSASocketW().
 *
 * Windows: "WSASocketA function (winsock2.h)".
 */
SOCKET WSAAPI WSASocketA(int af, int type, int protocol,
			 LPWSAPROTOCOL_INFOA lpProtocolInfo, GROUP g,
			 DWORD dwFlags)
{
	return WSASocketW(af, type, protocol,
			  (LPWSAPROTOCOL_INFOW)(void *)lpProtocolInfo, g,
			  dwFlags);
}

/**
 * closesocket - close a socket
 * @s: the socket; what is none stays open
 *
 * Overlapped operations that pend end, if this was the last descriptor of the socket, and
 * are told as others are: as STATUS_CONNECTION_ABORTED if it was connected, else
 * STATUS_CANCELLED.  Until then their memory is still in use.
 *
 * What other threads wait for on it in accept(), connect(), recv(), send() and their kin ends
 * with WSAEINTR before this returns; in select() and WSAPoll() they go on.  Nothing is shut
 * down: duplicates of the socket are what they were.  A signal handler may close what its own
 * thread waits for so.
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
	int fd = sockiocp_socket_fd(s), err;

	sockiocp_enable_event(fd, 0, -1);
	sockiocp_close_ready(fd);
	sockiocp_end_blocked(fd);
	err = sockiocp_close_socket(fd);
	sockiocp_number_was_closed(fd);
	return err ? sockiocp_wsa_fail(err) : 0;
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
	int reuse;
	unsigned int size = sizeof(int);

	if (sockiocp_socket_type(fd) != SOCK_STREAM ||
	    libc_getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &size) ||
	    reuse ||
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
 *   WSAEINVAL		the socket is bound already
 *   WSAEAFNOSUPPORT	the address is of another family
 *   WSAEFAULT		@namelen is too small
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
	return sockiocp_wsa_fail(sockiocp_address_error(fd, errno, name, namelen));
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
 *   WSAEINVAL		the socket is connected, or not bound
 *   WSAEOPNOTSUPP	not a stream socket
 *
 * Windows: "listen function (winsock2.h)".
 */
int WSAAPI listen(SOCKET s, int backlog)
{
	int fd = sockiocp_socket_fd(s);
	int one = 1;

	/* Linux would choose a port. */
	if (sockiocp_is_unbound(fd) && sockiocp_socket_type(fd) == SOCK_STREAM)
		return sockiocp_wsa_fail(EINVAL);
	/* With 0 Linux takes just one, and drops the others without a word. */
	if (libc_listen(fd, backlog ? backlog : 1))
		return sockiocp_wsa_fail(errno);
	libc_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return 0;
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
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEINVAL		the socket is neither bound nor connected
 *   WSAEFAULT		@name is too small; *@namelen stays
 *
 * Windows: "getsockname function (winsock2.h)".
 */
int WSAAPI getsockname(SOCKET s, struct sockaddr *name, int *namelen)
{
	int room = namelen ? *namelen : 0;
	int fd = sockiocp_socket_fd(s), failed;

	if (sockiocp_is_unbound(fd))
		return sockiocp_wsa_fail(EINVAL);
	failed = libc_getsockname(fd, name, (unsigned int *)namelen);
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
