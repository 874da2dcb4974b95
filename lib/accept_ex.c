// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Accepting connections by overlapped operations.
 *
 * Linux accepts into a new descriptor.  It takes the number of the socket that the program
 * has given, which goes: with it go the options that it had, but not its association with a
 * port, its modes, and whether it blocks.
 *
 * accept4() waits, if the listener blocks, for who has been quicker with the connection that
 * there was.  So the listener does not block from the first operation on, and the library
 * keeps in mind that to the program it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

#include <afunix.h>

/* What an address needs in the buffer beside itself. */
#define ADDRESS_EXTRA	16
/* Its length comes first, then there is room up to here. */
#define ADDRESS_OFFSET	8

struct accepting {
	struct sockiocp_ready ready;
	char *buffer;
	DWORD data_room, local_room, remote_room;
	/* The connection is there. */
	bool accepted;
};

static DWORD address_size(int family)
{
	switch (family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return sizeof(SOCKADDR_UN);
	default:
		return sizeof(struct sockaddr);
	}
}

static bool address_fits(const struct accepting *accepting)
{
	DWORD needed;
	int family;

	if (sockiocp_get_int(accepting->ready.fd, LIBC_SO_DOMAIN, &family))
		return true;
	needed = address_size(family) + ADDRESS_EXTRA;
	return accepting->remote_room >= needed &&
	       (!accepting->local_room || accepting->local_room >= needed);
}

/* There is no connection for us: another thread was quicker, or the peer has gone. */
static bool is_to_wait(int err)
{
	switch (err) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	/* What the network says of a connection that it has not made, says accept(2). */
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
		return true;
	default:
		return false;
	}
}

static void write_address(char *to, DWORD room, const struct sockaddr_storage *address,
			  unsigned int size)
{
	INT length;

	if (!room)
		return;
	if (size > room - ADDRESS_OFFSET)
		size = room - ADDRESS_OFFSET;
	length = (INT)size;
	memcpy(to, &length, sizeof(length));
	memcpy(to + ADDRESS_OFFSET, address, size);
}

/* Takes a connection, and gives it the number of the socket.  Returns an errno value. */
static int take_connection(struct accepting *accepting)
{
	char *addresses = accepting->buffer + accepting->data_room;
	struct sockiocp_ready *ready = &accepting->ready;
	struct sockaddr_storage local, remote;
	unsigned int local_size = sizeof(local), remote_size = sizeof(remote);
	int flags = LIBC_SOCK_CLOEXEC, fd;

	if (sockiocp_is_nonblocking(ready->into))
		flags |= LIBC_SOCK_NONBLOCK;
	fd = libc_accept4(ready->fd, (struct sockaddr *)&remote, &remote_size, flags);
	if (fd < 0)
		return errno;
	if (libc_getsockname(fd, (struct sockaddr *)&local, &local_size))
		local_size = 0;
	write_address(addresses, accepting->local_room, &local, local_size);
	write_address(addresses + accepting->local_room, accepting->remote_room, &remote,
		      remote_size);
	if (dup3(fd, ready->into, O_CLOEXEC) < 0) {
		close(fd);
		return ENOBUFS;
	}
	close(fd);
	sockiocp_associate_again(ready->into);
	return 0;
}

static int accept_step(struct sockiocp_ready *ready)
{
	struct accepting *accepting = (struct accepting *)ready;
	ssize_t size;

	if (!accepting->accepted) {
		/* The connection stays where it is. */
		ready->error = address_fits(accepting) ? take_connection(accepting) : ENOSPC;
		if (is_to_wait(ready->error))
			return EAGAIN;
		/* No descriptor is left. */
		if (ready->error == EMFILE || ready->error == ENFILE)
			ready->error = ENOBUFS;
		accepting->accepted = !ready->error;
		if (ready->error || !accepting->data_room)
			return 0;
	}
	size = libc_recv(ready->into, accepting->buffer, accepting->data_room,
			 LIBC_MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return EINPROGRESS;
	ready->error = size < 0 ? errno : 0;
	ready->bytes = size < 0 ? 0 : (DWORD)size;
	return 0;
}

/* Is it bound, or connected, or does it listen? */
static bool is_in_use(int fd)
{
	struct sockaddr_storage address;
	unsigned int size = sizeof(address);

	if (sockiocp_has_peer(fd) || libc_getsockname(fd, (struct sockaddr *)&address, &size))
		return true;
	return sockiocp_is_bound_name(&address, size);
}

/* Returns 0 or an errno value. */
static int check(const struct accepting *accepting, int listener, int into)
{
	int listens = 0, type = sockiocp_socket_type(into);

	if (sockiocp_get_int(listener, SO_ACCEPTCONN, &listens) || type < 0)
		return ENOTSOCK;
	if (!accepting->remote_room || !accepting->buffer)
		return EFAULT;
	if (!listens || type != sockiocp_socket_type(listener) || is_in_use(into))
		return EINVAL;
	return 0;
}

/* Returns an errno value, EINPROGRESS if it has begun. */
static int begin(int listener, int into, const struct accepting *values, DWORD *bytes,
		 LPOVERLAPPED overlapped)
{
	struct sockiocp_submit submit;
	struct accepting *accepting;
	int err;

	err = sockiocp_begin_submit(&submit, listener, overlapped);
	if (!err)
		err = check(values, listener, into);
	if (err)
		return err;
	accepting = malloc(sizeof(*accepting));
	if (!accepting)
		return ENOMEM;
	*accepting = *values;
	sockiocp_listener_blocks(listener);
	err = sockiocp_ready_start(&accepting->ready, &submit);
	/* A listener that is not overlapped: it has waited. */
	if (!err && bytes)
		*bytes = (DWORD)overlapped->InternalHigh;
	return err;
}

/**
 * AcceptEx - accept a connection by an overlapped operation
 * @sListenSocket: the listening socket
 * @sAcceptSocket: a socket that is neither bound nor connected, and of the same kind; it
 *	becomes the connection
 * @lpOutputBuffer: receives the first data, then the addresses, in a form that
 *	GetAcceptExSockaddrs() reads
 * @dwReceiveDataLength: how much room there is for data; if it is 0 none is waited for
 * @dwLocalAddressLength: the room for our address: 16 bytes more than it has at least, or 0
 *	for none
 * @dwRemoteAddressLength: the room for the peer's: likewise, but not 0
 * @lpdwBytesReceived: receives how much data came, if the call succeeds; may be NULL
 * @lpOverlapped: the operation, which is the listening socket's: its packet has that one's
 *	key
 *
 * Linux cannot make a connection of a socket that is there: the connection is a new one,
 * which takes the number over.  It keeps the port that @sAcceptSocket is associated with, if
 * this process has done that, its modes, and whether it blocks.  Other options that were
 * set before are lost, a registration for notifications ends, and descriptors that were
 * duplicated from it before stay what they were.  SO_UPDATE_ACCEPT_CONTEXT is
 * not needed.
 *
 * To accept() and ioctlsocket() the listening socket is what it was; its open file has
 * O_NONBLOCK and O_APPEND from the first call on, which together mean that it blocks.
 *
 * Closing @sAcceptSocket cancels the operation, and so does closing @sListenSocket, even if
 * there are duplicates of it.
 *
 * Return: FALSE, and WSAGetLastError() says WSA_IO_PENDING if the operation has begun.  With
 * a listening socket that is not overlapped it waits, and returns TRUE.  Errors, after which
 * nothing follows:
 *   ERROR_INVALID_PARAMETER	@lpOverlapped is NULL
 *   WSAEFAULT		@lpOutputBuffer is NULL, or @dwRemoteAddressLength 0
 *   WSAEINVAL		@sListenSocket does not listen; @sAcceptSocket is bound, connected,
 *			being connected or of another kind
 *   WSAENOBUFS		too many operations
 * A packet says ERROR_INSUFFICIENT_BUFFER if there is too little room for an address, and
 * ERROR_NO_SYSTEM_RESOURCES if no descriptor is left: the connection waits for the next call.
 *
 * Windows: "AcceptEx function (mswsock.h)".
 */
BOOL WINAPI AcceptEx(SOCKET sListenSocket, SOCKET sAcceptSocket, PVOID lpOutputBuffer,
		     DWORD dwReceiveDataLength, DWORD dwLocalAddressLength,
		     DWORD dwRemoteAddressLength, LPDWORD lpdwBytesReceived,
		     LPOVERLAPPED lpOverlapped)
{
	int into = sockiocp_socket_fd(sAcceptSocket);
	struct accepting values = {
		.ready = {
			.overlapped = lpOverlapped,
			.operation = SOCKIOCP_SUBMIT_POLL_IN,
			.into = into,
			.step = accept_step,
		},
		.buffer = lpOutputBuffer,
		.data_room = dwReceiveDataLength,
		.local_room = dwLocalAddressLength,
		.remote_room = dwRemoteAddressLength,
	};
	int err;

	if (!lpOverlapped) {
		WSASetLastError(ERROR_INVALID_PARAMETER);
		return FALSE;
	}
	err = begin(sockiocp_socket_fd(sListenSocket), into, &values, lpdwBytesReceived,
		    lpOverlapped);
	return err ? sockiocp_ready_fail(err) : TRUE;
}

/* Finds an address; what there was no room for is left alone. */
static void find_address(char *from, DWORD room, struct sockaddr **address, LPINT length)
{
	if (!room)
		return;
	memcpy(length, from, sizeof(*length));
	*address = (struct sockaddr *)(void *)(from + ADDRESS_OFFSET);
}

/**
 * GetAcceptExSockaddrs - where AcceptEx() has put addresses
 * @lpOutputBuffer: what AcceptEx() was given, and so are the next three
 * @dwReceiveDataLength: likewise
 * @dwLocalAddressLength: likewise
 * @dwRemoteAddressLength: likewise
 * @LocalSockaddr: receives where in the buffer our address is; left alone if there was no
 *	room for it
 * @LocalSockaddrLength: receives its size in bytes; likewise
 * @RemoteSockaddr: receives where the peer's address is
 * @RemoteSockaddrLength: receives its size in bytes
 *
 * Windows: "GetAcceptExSockaddrs function (mswsock.h)".
 */
void WINAPI GetAcceptExSockaddrs(PVOID lpOutputBuffer, DWORD dwReceiveDataLength,
				 DWORD dwLocalAddressLength, DWORD dwRemoteAddressLength,
				 struct sockaddr **LocalSockaddr,
				 LPINT LocalSockaddrLength,
				 struct sockaddr **RemoteSockaddr,
				 LPINT RemoteSockaddrLength)
{
	char *addresses = (char *)lpOutputBuffer + dwReceiveDataLength;

	find_address(addresses, dwLocalAddressLength, LocalSockaddr, LocalSockaddrLength);
	find_address(addresses + dwLocalAddressLength, dwRemoteAddressLength, RemoteSockaddr,
		     RemoteSockaddrLength);
}
