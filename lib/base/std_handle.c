// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Handles of the standard streams.
 *
 * NULL is no handle, and programs take it for none: so the handle of a standard stream is a
 * duplicate of its descriptor, made when it is first asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base.h"

#define STREAMS		3

/* What GetStdHandle() returns; 0 if nobody has asked yet, or NULL was set. */
static atomic_uintptr_t handles[STREAMS];
static atomic_bool was_set[STREAMS];

/* Returns 0, 1, 2, or another number. */
static DWORD stream_of(DWORD which)
{
	return STD_INPUT_HANDLE - which;
}

/**
 * GetStdHandle - a handle of a standard stream
 * @nStdHandle: STD_INPUT_HANDLE, STD_OUTPUT_HANDLE or STD_ERROR_HANDLE
 *
 * Return: the handle, the same each time; NULL if the program was started without the stream,
 * or no descriptor is left; INVALID_HANDLE_VALUE for another number, and GetLastError() says
 * ERROR_INVALID_HANDLE.
 *
 * Windows: "GetStdHandle function".
 */
HANDLE WINAPI GetStdHandle(DWORD nStdHandle)
{
	DWORD stream = stream_of(nStdHandle);
	uintptr_t handle = 0;
	int fd;

	if (stream >= STREAMS) {
		sockiocp_fail(EBADF);
		return INVALID_HANDLE_VALUE;
	}
	if (atomic_load(&was_set[stream]) || atomic_load(&handles[stream]))
		return (HANDLE)atomic_load(&handles[stream]);
	fd = sockiocp_fd_above_stdio(fcntl((int)stream, F_DUPFD_CLOEXEC, SOCKIOCP_FIRST_FD));
	if (fd < 0)
		return NULL;
	/* Another thread may have been first. */
	if (atomic_compare_exchange_strong(&handles[stream], &handle, (uintptr_t)fd))
		return (HANDLE)(uintptr_t)fd;
	close(fd);
	return (HANDLE)handle;
}

/**
 * SetStdHandle - say what GetStdHandle() is to return
 * @nStdHandle: as for GetStdHandle()
 * @hHandle: the handle; the standard stream itself, which printf() writes to, stays
 *
 * Return: nonzero; FALSE for another number, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "SetStdHandle function".
 */
BOOL WINAPI SetStdHandle(DWORD nStdHandle, HANDLE hHandle)
{
	DWORD stream = stream_of(nStdHandle);

	if (stream >= STREAMS)
		return sockiocp_fail(EBADF);
	atomic_store(&handles[stream], (uintptr_t)hHandle);
	atomic_store(&was_set[stream], true);
	return TRUE;
}
