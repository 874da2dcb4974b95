// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Events.
 *
 * An event is an eventfd, set while its counter is not 0.  What resets itself is read by
 * who waits for it (wait.c), or handed over to who sleeps (lockable.c); the flag of the open
 * file tells such from the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wchar.h>

#include "lockable.h"
#include "uncancelled.h"

static HANDLE create_event(BOOL manual, BOOL set)
{
	int fd = sockiocp_fd_even(eventfd(!!set, EFD_CLOEXEC | EFD_NONBLOCK));
	int err;

	if (fd >= 0 && manual && fcntl(fd, F_SETFL, O_NONBLOCK | SOCKIOCP_MANUAL_FLAG)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	if (fd < 0) {
		sockiocp_fail(errno);
		return NULL;
	}
	sockiocp_set_kind(fd, SOCKIOCP_EVENT | (manual ? SOCKIOCP_MANUAL : 0));
	SetLastError(ERROR_SUCCESS);
	return (HANDLE)(intptr_t)fd;
}

/* Makes one that resets itself, for the library.  Returns NULL if no descriptor is left. */
HANDLE sockiocp_create_own_event(void)
{
	int fd = sockiocp_own_eventfd();

	if (fd < 0)
		return NULL;
	sockiocp_set_kind(fd, SOCKIOCP_EVENT);
	return (HANDLE)(intptr_t)fd;
}

/**
 * CreateEventA - make an event
 * @lpEventAttributes: ignored: the handle is not inherited
 * @bManualReset: whether it stays set until ResetEvent(); otherwise each wait that ends
 *	with it resets it
 * @bInitialState: whether it is set
 * @lpName: NULL or "": events of a name are not supported
 *
 * The caller owns the handle and passes it to CloseHandle().  It is a file descriptor, an
 * even number above 2, which is not inherited by programs started with exec, and poll(2)
 * says that it is readable while the event is set.
 *
 * Return: the handle; NULL if it fails, and GetLastError() says why:
 *   ERROR_NOT_SUPPORTED	there is a name
 *   ERROR_FILENAME_EXCED_RANGE	it has MAX_PATH characters or more
 *   ERROR_TOO_MANY_OPEN_FILES	no descriptor is left
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "CreateEventA function (synchapi.h)".
 */
HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
			   BOOL bInitialState, LPCSTR lpName)
{
	(void)lpEventAttributes;
	if (sockiocp_refuse_name(lpName ? strlen(lpName) : 0))
		return NULL;
	return create_event(bManualReset, bInitialState);
}

/**
 * CreateEventW - the same
 * @lpEventAttributes: as in CreateEventA()
 * @bManualReset: as in CreateEventA()
 * @bInitialState: as in CreateEventA()
 * @lpName: as in CreateEventA()
 *
 * Return: as CreateEventA().
 *
 * Windows: "CreateEventW function (synchapi.h)".
 */
HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
			   BOOL bInitialState, LPCWSTR lpName)
{
	(void)lpEventAttributes;
	if (sockiocp_refuse_name(lpName ? wcslen(lpName) : 0))
		return NULL;
	return create_event(bManualReset, bInitialState);
}

/* There are no flags but these, and the rights are ignored. */
static HANDLE create_event_ex(DWORD flags)
{
	if (flags & ~(CREATE_EVENT_MANUAL_RESET | CREATE_EVENT_INITIAL_SET)) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	return create_event(flags & CREATE_EVENT_MANUAL_RESET,
			    flags & CREATE_EVENT_INITIAL_SET);
}

/**
 * CreateEventExA - make an event
 * @lpEventAttributes: as in CreateEventA()
 * @lpName: as in CreateEventA()
 * @dwFlags: CREATE_EVENT_MANUAL_RESET, CREATE_EVENT_INITIAL_SET, both, or 0
 * @dwDesiredAccess: ignored: the handle is good for everything
 *
 * Return: as CreateEventA(), or NULL and ERROR_INVALID_PARAMETER: another flag.
 *
 * Windows: "CreateEventExA function (synchapi.h)".
 */
HANDLE WINAPI CreateEventExA(LPSECURITY_ATTRIBUTES lpEventAttributes, LPCSTR lpName,
			     DWORD dwFlags, DWORD dwDesiredAccess)
{
	(void)lpEventAttributes;
	(void)dwDesiredAccess;
	if (sockiocp_refuse_name(lpName ? strlen(lpName) : 0))
		return NULL;
	return create_event_ex(dwFlags);
}

/**
 * CreateEventExW - the same
 * @lpEventAttributes: as in CreateEventA()
 * @lpName: as in CreateEventA()
 * @dwFlags: as in CreateEventExA()
 * @dwDesiredAccess: ignored
 *
 * Return: as CreateEventExA().
 *
 * Windows: "CreateEventExW function (synchapi.h)".
 */
HANDLE WINAPI CreateEventExW(LPSECURITY_ATTRIBUTES lpEventAttributes, LPCWSTR lpName,
			     DWORD dwFlags, DWORD dwDesiredAccess)
{
	(void)lpEventAttributes;
	(void)dwDesiredAccess;
	if (sockiocp_refuse_name(lpName ? wcslen(lpName) : 0))
		return NULL;
	return create_event_ex(dwFlags);
}

/* Returns the descriptor of an event, or -1. */
static int event_fd(HANDLE handle, unsigned int *kind)
{
	int fd = sockiocp_handle_fd(handle);

	*kind = sockiocp_kind(fd);
	/* As in an OVERLAPPED: the low bit is not a part of the handle. */
	if (!*kind && fd % 2 > 0)
		*kind = sockiocp_kind(--fd);
	return *kind & SOCKIOCP_EVENT ? fd : -1;
}

/**
 * SetEvent - set an event
 * @hEvent: the event
 *
 * Who waits for one that resets itself is released, one thread by each call; all are by
 * one that does not.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "SetEvent function (synchapi.h)".
 */
BOOL WINAPI SetEvent(HANDLE hEvent)
{
	unsigned int kind;
	int fd = event_fd(hEvent, &kind);

	/* Who does not sleep yet finds it set. */
	if (sockiocp_sleepers(fd))
		sockiocp_release_by_event(fd, kind & SOCKIOCP_MANUAL);
	/* If there is no room for more it is set. */
	else if (fd < 0 || (sockiocp_eventfd_write(fd, 1) && errno != EAGAIN))
		return sockiocp_fail(EBADF);
	return TRUE;
}

/**
 * ResetEvent - reset an event
 * @hEvent: the event
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "ResetEvent function (synchapi.h)".
 */
BOOL WINAPI ResetEvent(HANDLE hEvent)
{
	unsigned int kind;
	int fd = event_fd(hEvent, &kind);
	eventfd_t value;

	if (fd < 0)
		return sockiocp_fail(EBADF);
	do {
		if (!sockiocp_eventfd_read(fd, &value))
			return TRUE;
		/* If there is nothing to read it is not set, or a wait for all is trying it. */
	} while (errno == EAGAIN && sockiocp_was_put_back());
	return errno == EAGAIN ? TRUE : sockiocp_fail(EBADF);
}
