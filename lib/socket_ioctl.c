// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Commands to sockets.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "overlapped.h"
#include "posix.h"
#include "blocked.h"
#include "winsock.h"

#include <mstcpip.h>
#include <mswsock.h>

/* As ioctl(2).  A socket with WSAEventSelect() stays non-blocking. */
static int ioctl_of_program(int fd, unsigned long command, void *argument)
{
	int value;

	if (command == FIONBIO && sockiocp_is_selected(fd)) {
		memcpy(&value, argument, sizeof(value));
		if (!value) {
			errno = EINVAL;
			return -1;
		}
	}
	if (command == FIONBIO)
		return sockiocp_set_nonblocking(fd, argument);
	return ioctl(fd, command, argument);
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
	int fd = sockiocp_socket_fd(s);

	/* Pipes and files know these commands too. */
	if (!sockiocp_is_socket(fd))
		return sockiocp_wsa_fail(errno);
	switch (cmd) {
	case FIONBIO:
	case FIONREAD:
	case SIOCATMARK:
		break;
	default:
		return sockiocp_wsa_fail(EOPNOTSUPP);
	}
	if (ioctl_of_program(fd, (unsigned long)cmd, argp))
		return sockiocp_wsa_fail(errno);
	return 0;
}

/* A command of WSAIoctl() to a socket. */
struct command {
	int fd;
	const void *in;
	DWORD in_size;
	void *out;
	DWORD out_size;
	/* How much of @out is filled, when it is done. */
	DWORD returned;
};

/* What has a command in ioctl(2) too.  They return 0 or an errno value. */
static int pass_on(struct command *command, unsigned long code)
{
	int value = 0;

	if (code == FIONBIO) {
		if (!command->in || command->in_size < sizeof(value))
			return EFAULT;
		memcpy(&value, command->in, sizeof(value));
	} else if (!command->out || command->out_size < sizeof(value)) {
		return EFAULT;
	}
	if (ioctl_of_program(command->fd, code, &value))
		return errno;
	if (code != FIONBIO) {
		memcpy(command->out, &value, sizeof(value));
		command->returned = sizeof(value);
	}
	return 0;
}

/* Functions of Winsock's that are not called by name. */
static int extension_pointer(struct command *command)
{
	static const struct {
		GUID id;
		void (*function)(void);
	} extensions[] = {
		{ WSAID_ACCEPTEX, (void (*)(void))AcceptEx },
		{ WSAID_CONNECTEX, (void (*)(void))sockiocp_connect_ex },
		{ WSAID_DISCONNECTEX, (void (*)(void))sockiocp_disconnect_ex },
		{ WSAID_GETACCEPTEXSOCKADDRS, (void (*)(void))GetAcceptExSockaddrs },
		{ WSAID_TRANSMITFILE, (void (*)(void))TransmitFile },
		{ WSAID_WSAPOLL, (void (*)(void))WSAPoll },
		{ WSAID_WSARECVMSG, (void (*)(void))sockiocp_receive_message },
		{ WSAID_WSASENDMSG, (void (*)(void))WSASendMsg },
	};
	size_t i;

	if (!command->in || command->in_size < sizeof(GUID) ||
	    !command->out || command->out_size < sizeof(void *))
		return EFAULT;
	for (i = 0; i < ARRAY_LEN(extensions); i++) {
		if (memcmp(command->in, &extensions[i].id, sizeof(GUID)))
			continue;
		memcpy(command->out, &extensions[i].function, sizeof(void *));
		command->returned = sizeof(void *);
		return 0;
	}
	return EINVAL;
}

/* Milliseconds as whole seconds that Linux takes: 1 to 32767. */
static int keepalive_seconds(ULONG ms)
{
	ULONG seconds = ms / 1000 + (ms % 1000 != 0);

	return seconds < 1 ? 1 : seconds > 32767 ? 32767 : (int)seconds;
}

static int set_keepalive(struct command *command)
{
	struct tcp_keepalive values;

	if (!command->in || command->in_size < sizeof(values))
		return EFAULT;
	memcpy(&values, command->in, sizeof(values));
	if (sockiocp_socket_type(command->fd) != SOCK_STREAM)
		return EINVAL;
	if (values.onoff &&
	    (sockiocp_set_int(command->fd, IPPROTO_TCP, TCP_KEEPIDLE,
		     keepalive_seconds(values.keepalivetime)) ||
	     sockiocp_set_int(command->fd, IPPROTO_TCP, TCP_KEEPINTVL,
		     keepalive_seconds(values.keepaliveinterval))))
		return errno;
	return sockiocp_set_int(command->fd, SOL_SOCKET, SO_KEEPALIVE, !!values.onoff) ?
		       errno : 0;
}

/* There are no layers between the program and its socket. */
static int base_handle(struct command *command)
{
	SOCKET s = (SOCKET)command->fd;

	if (!command->out || command->out_size < sizeof(s))
		return EFAULT;
	memcpy(command->out, &s, sizeof(s));
	command->returned = sizeof(s);
	return 0;
}

/*
 * Linux tells only who has connected the socket that a datagram found nobody, which
 * is what a program that says FALSE wants.
 */
static int report_unreachable(struct command *command)
{
	if (!command->in || !command->in_size)
		return EFAULT;
	return *(const char *)command->in ? EOPNOTSUPP : 0;
}

/* Returns 0 or an errno value. */
static int carry_out(struct command *command, DWORD code)
{
	switch (code) {
	case FIONBIO:
	case FIONREAD:
	case SIOCATMARK:
		return pass_on(command, code);
	case SIO_GET_EXTENSION_FUNCTION_POINTER:
		return extension_pointer(command);
	case SIO_KEEPALIVE_VALS:
		return set_keepalive(command);
	case SIO_BASE_HANDLE:
	case SIO_BSP_HANDLE:
	case SIO_BSP_HANDLE_SELECT:
	case SIO_BSP_HANDLE_POLL:
		return base_handle(command);
	case SIO_UDP_CONNRESET:
	case SIO_UDP_NETRESET:
		return report_unreachable(command);
	default:
		return EOPNOTSUPP;
	}
}

/* An overlapped command has succeeded. */
static void tell_of_end(struct sockiocp_submit *submit, LPOVERLAPPED overlapped,
			LPWSAOVERLAPPED_COMPLETION_ROUTINE function)
{
	if (function) {
		sockiocp_complete(overlapped, 0, 0);
		sockiocp_tell_routine(function, overlapped, 0, 0);
		return;
	}
	submit->operation = SOCKIOCP_SUBMIT_RESULT;
	if (sockiocp_skips_packets((int)submit->socket))
		submit->flags |= SOCKIOCP_SUBMIT_NO_PACKET;
	/* Without the module there are no packets. */
	if (sockiocp_submit(submit) < 0) {
		sockiocp_complete(overlapped, 0, 0);
		if (submit->event)
			SetEvent((HANDLE)(uintptr_t)submit->event);
	}
}

/**
 * WSAIoctl - set or ask about the mode of a socket
 * @s: the socket
 * @dwIoControlCode: the command
 * @lpvInBuffer: what it is given
 * @cbInBuffer: its size in bytes
 * @lpvOutBuffer: receives what it says
 * @cbOutBuffer: its size in bytes
 * @lpcbBytesReturned: receives how many bytes it has said
 * @lpOverlapped: NULL; or an operation that is over when the call returns, as WSARecv()
 *	takes one: there is a packet of 0 bytes, unless this process has set
 *	FILE_SKIP_COMPLETION_PORT_ON_SUCCESS
 * @lpCompletionRoutine: with @lpOverlapped as for WSARecv()
 *
 * The commands are
 *   FIONBIO, FIONREAD, SIOCATMARK	as for ioctlsocket()
 *   SIO_GET_EXTENSION_FUNCTION_POINTER	AcceptEx(), ConnectEx(), DisconnectEx(),
 *					GetAcceptExSockaddrs(), TransmitFile(), WSAPoll(),
 *					WSARecvMsg() and WSASendMsg(), on any socket
 *   SIO_KEEPALIVE_VALS			struct tcp_keepalive; ms are rounded up to
 *					seconds
 *   SIO_BASE_HANDLE and SIO_BSP_HANDLE*	the socket itself
 *   SIO_UDP_CONNRESET, SIO_UDP_NETRESET	only FALSE, and it is so anyway
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEOPNOTSUPP	another command, or @lpOverlapped is not NULL
 *   WSAEINVAL		no such extension; not for this kind of socket
 *   WSAEFAULT		a buffer is NULL or too small, or @lpcbBytesReturned NULL
 *
 * Windows: "WSAIoctl function (winsock2.h)", "Winsock IOCTLs".
 */
int WSAAPI WSAIoctl(SOCKET s, DWORD dwIoControlCode, LPVOID lpvInBuffer,
		    DWORD cbInBuffer, LPVOID lpvOutBuffer, DWORD cbOutBuffer,
		    LPDWORD lpcbBytesReturned, LPWSAOVERLAPPED lpOverlapped,
		    LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
	struct command command = {
		.fd = sockiocp_socket_fd(s),
		.in = lpvInBuffer,
		.in_size = cbInBuffer,
		.out = lpvOutBuffer,
		.out_size = cbOutBuffer,
	};
	struct sockiocp_submit submit;
	int err = 0;

	if (!sockiocp_is_socket(command.fd))
		return sockiocp_wsa_fail(errno);
	if (lpOverlapped && lpCompletionRoutine) {
		sockiocp_begin_without_event(&submit, command.fd, lpOverlapped);
		err = sockiocp_is_associated(command.fd) ? EINVAL : 0;
	} else if (lpOverlapped) {
		err = sockiocp_begin_submit(&submit, command.fd, lpOverlapped);
	} else if (!lpcbBytesReturned) {
		err = EFAULT;
	}
	if (!err)
		err = carry_out(&command, dwIoControlCode);
	if (err)
		return sockiocp_wsa_fail(err);
	if (lpcbBytesReturned)
		*lpcbBytesReturned = command.returned;
	if (lpOverlapped)
		tell_of_end(&submit, lpOverlapped, lpCompletionRoutine);
	return 0;
}
