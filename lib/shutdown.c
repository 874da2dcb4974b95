// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Ending a direction of a connection.
 *
 * On Windows the end of what is sent stands behind all overlapped sends that pend.  Linux would
 * put it behind what is in the socket's buffer, and refuse the rest.  So if sends may pend, it
 * is done when they have gone, by the library's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"
#include "posix.h"
#include "ready.h"
#include "winsock.h"

/* An operation of the library's own, with an OVERLAPPED that nobody looks at. */
struct ending {
	struct sockiocp_ready ready;
	OVERLAPPED overlapped;
	bool done;
};

static int ending_step(struct sockiocp_ready *ready)
{
	((struct ending *)ready)->done = true;
	libc_shutdown(ready->fd, SD_SEND);
	return 0;
}

/* If all that pended was cancelled it still has to be done. */
static void ending_release(struct sockiocp_ready *ready)
{
	if (!((struct ending *)ready)->done && ready->fd >= 0)
		libc_shutdown(ready->fd, SD_SEND);
}

/* Returns 0 or an errno value; EAGAIN if it has to be done at once. */
static int shut_down_later(int fd)
{
	struct sockiocp_submit submit;
	struct ending *ending;
	int err;

	if (!sockiocp_sends_have_pended(fd))
		return EAGAIN;
	if (sockiocp_is_shutting_down(fd))
		return 0;
	if (!sockiocp_has_peer(fd))
		return EAGAIN;
	ending = calloc(1, sizeof(*ending));
	if (!ending)
		return ENOMEM;
	sockiocp_begin_without_event(&submit, fd, &ending->overlapped);
	submit.flags = SOCKIOCP_SUBMIT_TO_HOME;
	ending->ready = (struct sockiocp_ready) {
		.overlapped = &ending->overlapped,
		.operation = SOCKIOCP_SUBMIT_POLL_OUT,
		.into = -1,
		.shuts_down = true,
		.step = ending_step,
		.release = ending_release,
	};
	err = sockiocp_ready_start(&ending->ready, &submit);
	return err == EINPROGRESS ? 0 : err;
}

/**
 * shutdown - end one or both directions of a connection
 * @s: the socket
 * @how: SD_RECEIVE, SD_SEND or SD_BOTH
 *
 * The peer sees the end of what is sent behind all that was sent before, also by overlapped
 * sends that pend.  Receives that pend go on, and data may still come for them.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAENOTCONN	not connected
 *   WSAEINVAL		@how is none of these
 *
 * Windows: "shutdown function (winsock2.h)".
 */
int WSAAPI shutdown(SOCKET s, int how)
{
	int fd = sockiocp_socket_fd(s), err = EAGAIN;

	if (how == SD_SEND || how == SD_BOTH)
		err = shut_down_later(fd);
	if (!err) {
		if (how == SD_SEND)
			return 0;
		how = SD_RECEIVE;
	}
	if (libc_shutdown(fd, how))
		return sockiocp_wsa_fail(errno);
	if (how != SD_SEND)
		sockiocp_note_end(fd, ESHUTDOWN);
	return 0;
}
