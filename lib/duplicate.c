// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets for other processes.  WSADuplicateSocket() offers one to a process by the kernel
 * module, and gives the token for it away in the description of the socket, from which
 * WSASocket() takes it.
 *
 * The device is open for as long as a call takes: an offer belongs to no port.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "internal.h"
#include "winsock.h"

/* What dwProviderReserved is where ProviderId is a token; 0 in others. */
#define IS_OFFERED	0x6f666672

_Static_assert(sizeof(GUID) == SOCKIOCP_TOKEN_SIZE, "a token is as long as a GUID");

/* Returns a port, or -1 with errno set, to something that Winsock's errors can say. */
static int open_device(void)
{
	HANDLE port;
	int err = sockiocp_create_port(0, &port);

	if (!err)
		return sockiocp_handle_fd(port);
	errno = err == ENOENT || err == ENXIO ? ENODEV : err;
	return -1;
}

/* Closes the port, and leaves errno alone. */
static int close_device(int port, int result)
{
	int err = errno;

	close(port);
	errno = err;
	return result;
}

static int offer(int fd, DWORD process, GUID *token)
{
	struct sockiocp_offer args = { .socket = (unsigned int)fd, .process = process };
	int port = open_device();

	if (port < 0)
		return -1;
	if (ioctl(port, SOCKIOCP_OFFER, &args))
		return close_device(port, -1);
	memcpy(token, args.token, sizeof(args.token));
	return close_device(port, 0);
}

/* Is this what WSADuplicateSocket() has filled in? */
bool sockiocp_is_offered(const WSAPROTOCOL_INFOW *info)
{
	return info->dwProviderReserved == IS_OFFERED;
}

/*
 * Takes the socket that was offered to this process.  Returns a descriptor, or -1 with
 * errno set: EINVAL whatever is wrong with the offer, as on Windows.
 */
int sockiocp_fetch_socket(const WSAPROTOCOL_INFOW *info)
{
	struct sockiocp_fetch args = { .flags = 0 };
	int port = open_device();
	int fd;

	if (port < 0)
		return -1;
	memcpy(args.token, &info->ProviderId, sizeof(args.token));
	fd = ioctl(port, SOCKIOCP_FETCH, &args);
	if (fd < 0 && (errno == ENOENT || errno == EPERM || errno == ESTALE))
		errno = EINVAL;
	fd = sockiocp_fd_above_stdio(close_device(port, fd));
	if (fd < 0)
		return -1;
	/* What others have set, or may set. */
	atomic_store(&sockiocp_timeouts_used, true);
	if (sockiocp_socket_type(fd) != SOCK_STREAM)
		atomic_store_explicit(&sockiocp_messages_used, true,
				      memory_order_relaxed);
	return fd;
}

/* Of both: their structures differ in the name only, which comes last (socket.c). */
static int duplicate(SOCKET s, DWORD process, int option, WSAPROTOCOL_INFOW *info, int size)
{
	int fd = sockiocp_socket_fd(s);

	if (!sockiocp_started())
		return SOCKET_ERROR;
	if (!sockiocp_is_socket(fd))
		return sockiocp_wsa_fail(errno);
	if (!info)
		return sockiocp_wsa_fail(EFAULT);
	if (sockiocp_get_winsock_option(fd, option, (char *)info, &size) ||
	    offer(fd, process, &info->ProviderId))
		return sockiocp_wsa_fail(errno);
	info->dwProviderReserved = IS_OFFERED;
	return 0;
}

/**
 * WSADuplicateSocketW - give another process a descriptor of a socket
 * @s: the socket
 * @dwProcessId: the process, which may be the calling one
 * @lpProtocolInfo: receives what that process passes to WSASocketW(), once, within
 *	5 minutes
 *
 * Both descriptors are the same socket, which is open until both are closed.  If all that
 * there are are closed before the other process has its own, there is nothing left to
 * get.  (On Windows the other process has a handle from the beginning.)
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSAEINVAL		there is no such process
 *   WSAEACCES		it is another user's; or this one may not open /dev/sockiocp
 *   WSAENOBUFS		1,024 sockets of this user have been given away and not been got
 *   WSAEMFILE		no descriptor is left
 *   WSAEOPNOTSUPP	the kernel is older than 5.15, or the module is too old
 *   WSAENETDOWN	the module is not loaded
 *
 * Windows: "WSADuplicateSocketW function (winsock2.h)".
 */
int WSAAPI WSADuplicateSocketW(SOCKET s, DWORD dwProcessId,
			       LPWSAPROTOCOL_INFOW lpProtocolInfo)
{
	return duplicate(s, dwProcessId, SO_PROTOCOL_INFOW, lpProtocolInfo,
			 sizeof(*lpProtocolInfo));
}

/**
 * WSADuplicateSocketA - give another process a descriptor of a socket
 * @s: as for WSADuplicateSocketW(), and so are all others
 * @dwProcessId: likewise
 * @lpProtocolInfo: likewise, for WSASocketA()
 *
 * Return: as WSADuplicateSocketW().
 *
 * Windows: "WSADuplicateSocketA function (winsock2.h)".
 */
int WSAAPI WSADuplicateSocketA(SOCKET s, DWORD dwProcessId,
			       LPWSAPROTOCOL_INFOA lpProtocolInfo)
{
	return duplicate(s, dwProcessId, SO_PROTOCOL_INFOA,
			 (LPWSAPROTOCOL_INFOW)(void *)lpProtocolInfo,
			 sizeof(*lpProtocolInfo));
}
