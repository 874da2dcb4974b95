// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped operations: starting them.
 *
 * The kernel module carries receives and sends out, writes the OVERLAPPED, signals the event
 * and queues the packet.
 */
#include <errno.h>

#include <ntstatus.h>

#include "overlapped.h"

/*
 * Begins an overlapped operation on a socket, as Windows does before it looks at anything
 * else: Internal is STATUS_PENDING.  Fills in @socket and @overlapped, and sets everything
 * else to 0.
 */
void sockiocp_begin_without_event(struct sockiocp_submit *submit, int fd,
				  LPOVERLAPPED overlapped)
{
	*submit = (struct sockiocp_submit) {
		.socket = (__u64)fd,
		.overlapped = (uintptr_t)overlapped,
	};
	sockiocp_forget_pendings(overlapped);
	__atomic_store_n(&overlapped->Internal, (ULONG_PTR)STATUS_PENDING, __ATOMIC_RELAXED);
}

/*
 * The same for one that has an event if hEvent says so: it is reset, and @event and the flags
 * that come with it are filled in.  Returns 0 or an errno value: EBADFD if hEvent is none.
 */
int sockiocp_begin_submit(struct sockiocp_submit *submit, int fd, LPOVERLAPPED overlapped)
{
	uintptr_t event = (uintptr_t)overlapped->hEvent;

	sockiocp_begin_without_event(submit, fd, overlapped);
	if (event & 1)
		submit->flags = SOCKIOCP_SUBMIT_NO_PACKET;
	event &= ~(uintptr_t)1;
	if (!event)
		return 0;
	if (!ResetEvent((HANDLE)event))
		return EBADFD;
	submit->event = (__u32)event;
	submit->flags |= SOCKIOCP_SUBMIT_EVENT;
	return 0;
}

/* What the calls say of an errno value of the module's. */
int sockiocp_submit_error(int err)
{
	switch (err) {
	/* The module is older than operations. */
	case ENOTTY:
		return EOPNOTSUPP;
	/* To Winsock that is no reset. */
	case EPIPE:
		return ESHUTDOWN;
	/* It is not loaded. */
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return ENETDOWN;
	default:
		return err;
	}
}

/*
 * SOCKIOCP_SUBMIT.  Returns 1 if the operation pends, 0 if it has completed, -1 with errno if
 * it has failed.
 */
int sockiocp_submit(struct sockiocp_submit *submit)
{
	int result;

	result = sockiocp_call_home(SOCKIOCP_SUBMIT, submit, true);
	if (result > 0)
		sockiocp_note_pending(submit->socket);
	else if (result < 0)
		errno = sockiocp_submit_error(errno);
	return result;
}

/*
 * The same for an operation that has a callback: @cookie and @pending->overlapped are filled
 * in.  If it returns 1 the structure is not the caller's any more; otherwise it is, and the
 * callback will not be called.
 */
int sockiocp_submit_pending(struct sockiocp_submit *submit, struct sockiocp_pending *pending)
{
	int result, err;

	pending->overlapped = (LPOVERLAPPED)(uintptr_t)submit->overlapped;
	submit->cookie = (uintptr_t)pending;
	sockiocp_add_pending(pending);
	result = sockiocp_submit(submit);
	if (result > 0)
		return result;
	err = errno;
	sockiocp_take_pending(pending->overlapped, (uintptr_t)pending);
	errno = err;
	return result;
}

/* Writes how an operation has ended, as the module does: the state comes last. */
void sockiocp_complete(LPOVERLAPPED overlapped, ULONG status, ULONG_PTR bytes)
{
	__atomic_store_n(&overlapped->InternalHigh, bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&overlapped->Internal, (ULONG_PTR)status, __ATOMIC_RELEASE);
}
