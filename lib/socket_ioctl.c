// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Commands to sockets.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

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
	int fd = sockiocp_socket_fd(s);

	/* Pipes and files know these commands too. */
	if (sockiocp_socket_type(fd) < 0)
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
