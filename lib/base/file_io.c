// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Reading and writing: files, pipes, terminals, and sockets.
 *
 * A socket with an OVERLAPPED is WSARecv()'s and WSASend()'s.  A file with one is read or
 * written at the place that it says, before the call returns, as Windows does it with a file
 * that was not opened for overlapped I/O.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ntstatus.h>

#include "base.h"
#include "../overlapped.h"
#include "../posix.h"
#include "../blocked.h"

/* An errno value of read(2) or write(2), in Windows' terms. */
static BOOL fail(int fd, const struct stat *st, int err)
{
	/* It is open, but not for this. */
	if (err == EBADF && fcntl(fd, F_GETFL) >= 0)
		err = EACCES;
	/* A port, for instance. */
	if (err == EINVAL && S_ISCHR(st->st_mode))
		err = EBADF;
	if (err == EINTR)
		SetLastError(ERROR_OPERATION_ABORTED);
	else if (err == EAGAIN && S_ISSOCK(st->st_mode))
		SetLastError((DWORD)sockiocp_wsa_error(err));
	else if (err == EPIPE && S_ISSOCK(st->st_mode))
		sockiocp_fail(err);
	else
		SetLastError(sockiocp_file_error(err));
	return FALSE;
}

static off_t place_of(const OVERLAPPED *overlapped)
{
	return (off_t)((ULONGLONG)overlapped->OffsetHigh << 32 | overlapped->Offset);
}

/* What was done with an OVERLAPPED is over. */
static void complete(LPOVERLAPPED overlapped, ULONG status, DWORD count)
{
	if (!overlapped)
		return;
	overlapped->Internal = status;
	overlapped->InternalHigh = count;
	if (overlapped->hEvent)
		SetEvent((HANDLE)((ULONG_PTR)overlapped->hEvent & ~(ULONG_PTR)1));
}

/* A receive or a send of one buffer with an OVERLAPPED. */
static BOOL transfer(int fd, unsigned int operation, void *buffer, DWORD size, LPDWORD done,
		     LPOVERLAPPED overlapped)
{
	WSABUF wsabuf = { .len = size, .buf = buffer };
	struct sockiocp_transfer args = {
		.fd = fd, .operation = operation, .buffers = &wsabuf, .count = 1,
		.overlapped = overlapped,
	};
	int err = sockiocp_transfer(&args);

	if (err == EINPROGRESS) {
		SetLastError(ERROR_IO_PENDING);
		return FALSE;
	}
	if (done)
		*done = args.bytes;
	if (err)
		SetLastError(sockiocp_status_error(sockiocp_ntstatus(err)));
	return !err;
}

/* After an error.  What other files than sockets wait for goes on when they are closed. */
static bool may_try_again(const struct stat *st, struct sockiocp_call *call)
{
	return S_ISSOCK(st->st_mode) ? sockiocp_try_again(call) : errno == EINTR;
}

static ssize_t read_once(int fd, const struct stat *st, void *buffer, DWORD size,
			 const OVERLAPPED *overlapped)
{
	struct sockiocp_call call;
	ssize_t count;

	sockiocp_call_begins(&call, fd, POLLIN);
	do {
		if (overlapped && S_ISREG(st->st_mode))
			count = pread(fd, buffer, size, place_of(overlapped));
		else if (S_ISSOCK(st->st_mode))
			count = libc_recv(fd, buffer, size, call.dont_wait);
		else
			count = read(fd, buffer, size);
	} while (count < 0 && may_try_again(st, &call));
	sockiocp_call_ends(&call);
	return count;
}

/**
 * ReadFile - read from a file, a pipe, a terminal or a socket
 * @hFile: its handle
 * @lpBuffer: receives what was read
 * @nNumberOfBytesToRead: size of the buffer
 * @lpNumberOfBytesRead: receives how much it was; may be NULL with an OVERLAPPED
 * @lpOverlapped: NULL; for a file the place to read from, in Offset and OffsetHigh, and an
 *	event to set, or NULL, in hEvent; for a socket as for WSARecv()
 *
 * Return: nonzero, with 0 bytes at the end of a file or of a socket's stream; FALSE if it
 * fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	nothing that can be read
 *   ERROR_ACCESS_DENIED	not open for reading, or a directory
 *   ERROR_HANDLE_EOF		at the end of a file, with an OVERLAPPED
 *   ERROR_BROKEN_PIPE		a pipe that nobody writes to any more
 *   ERROR_INVALID_PARAMETER	neither a count nor an OVERLAPPED
 *   ERROR_NOACCESS		bad memory
 *   ERROR_IO_DEVICE
 * For sockets with an OVERLAPPED also ERROR_IO_PENDING (see WSARecv()), and how a packet would
 * say it; ERROR_NETNAME_DELETED is a reset.
 *
 * Windows: "ReadFile function (fileapi.h)".
 */
BOOL WINAPI ReadFile(HANDLE hFile, LPVOID lpBuffer, DWORD nNumberOfBytesToRead,
		     LPDWORD lpNumberOfBytesRead, LPOVERLAPPED lpOverlapped)
{
	int fd = sockiocp_handle_fd(hFile);
	struct stat st;
	ssize_t count;

	if (lpNumberOfBytesRead)
		*lpNumberOfBytesRead = 0;
	else if (!lpOverlapped)
		return sockiocp_fail(EINVAL);
	if (sockiocp_file_stat(hFile, &st))
		return sockiocp_fail(EBADF);
	if (S_ISSOCK(st.st_mode) && lpOverlapped)
		return transfer(fd, SOCKIOCP_SUBMIT_RECEIVE, lpBuffer, nNumberOfBytesToRead,
				lpNumberOfBytesRead, lpOverlapped);

	count = read_once(fd, &st, lpBuffer, nNumberOfBytesToRead, lpOverlapped);
	if (count < 0)
		return fail(fd, &st, errno);
	if (!count && nNumberOfBytesToRead && S_ISFIFO(st.st_mode)) {
		SetLastError(ERROR_BROKEN_PIPE);
		return FALSE;
	}
	if (!count && nNumberOfBytesToRead && lpOverlapped) {
		complete(lpOverlapped, (ULONG)STATUS_END_OF_FILE, 0);
		SetLastError(ERROR_HANDLE_EOF);
		return FALSE;
	}
	if (lpNumberOfBytesRead)
		*lpNumberOfBytesRead = (DWORD)count;
	complete(lpOverlapped, STATUS_SUCCESS, (DWORD)count);
	return TRUE;
}

/* A pipe that nobody reads is an error and no signal: it is taken back. */
static ssize_t write_without_signal(int fd, const void *buffer, size_t size)
{
	const struct timespec now = { 0 };
	sigset_t pipe, before, pending;
	ssize_t count;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	count = write(fd, buffer, size);
	err = errno;
	if (count < 0 && err == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return count;
}

static ssize_t write_once(struct sockiocp_call *call, const struct stat *st, const char *buffer,
			  size_t size, const OVERLAPPED *overlapped, size_t done)
{
	int fd = call->fd;

	if (S_ISSOCK(st->st_mode))
		return libc_send(fd, buffer, size, LIBC_MSG_NOSIGNAL | call->dont_wait);
	if (S_ISFIFO(st->st_mode))
		return write_without_signal(fd, buffer, size);
	/* All bits set mean the end of the file. */
	if (overlapped && S_ISREG(st->st_mode) && place_of(overlapped) != -1)
		return pwrite(fd, buffer, size, place_of(overlapped) + (off_t)done);
	if (overlapped && S_ISREG(st->st_mode))
		lseek(fd, 0, SEEK_END);
	return write(fd, buffer, size);
}

/* Writes all, unless it must not wait.  Returns an errno value, and how much was written. */
static int write_all(int fd, const struct stat *st, const char *buffer, size_t size,
		     const OVERLAPPED *overlapped, size_t *done)
{
	struct sockiocp_call call;
	int err = 0;

	*done = 0;
	sockiocp_call_begins(&call, fd, POLLOUT);
	do {
		ssize_t count = write_once(&call, st, buffer + *done, size - *done, overlapped,
					   *done);

		if (count >= 0)
			*done += (size_t)count;
		else if (!may_try_again(st, &call))
			err = errno;
	} while (*done < size && !err);
	sockiocp_call_ends(&call);
	return *done && err == EAGAIN ? 0 : err;
}

/**
 * WriteFile - write to a file, a pipe, a terminal or a socket
 * @hFile: its handle
 * @lpBuffer: what to write
 * @nNumberOfBytesToWrite: how much; 0 writes nothing
 * @lpNumberOfBytesWritten: receives how much it was, which is all, unless the descriptor is
 *	non-blocking; may be NULL with an OVERLAPPED
 * @lpOverlapped: NULL; for a file the place to write to, where all bits set mean its end, and
 *	an event to set, or NULL; for a socket as for WSASend()
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	nothing that can be written
 *   ERROR_ACCESS_DENIED	not open for writing
 *   ERROR_NO_DATA		a pipe that nobody reads any more
 *   ERROR_DISK_FULL, ERROR_FILE_TOO_LARGE, ERROR_IO_DEVICE
 *   ERROR_INVALID_PARAMETER	neither a count nor an OVERLAPPED
 *   ERROR_NOACCESS		bad memory
 * For sockets with an OVERLAPPED also ERROR_IO_PENDING (see WSASend()), and how a packet would
 * say it; ERROR_NETNAME_DELETED is a reset.
 *
 * Windows: "WriteFile function (fileapi.h)".
 */
BOOL WINAPI WriteFile(HANDLE hFile, LPCVOID lpBuffer, DWORD nNumberOfBytesToWrite,
		      LPDWORD lpNumberOfBytesWritten, LPOVERLAPPED lpOverlapped)
{
	int fd = sockiocp_handle_fd(hFile);
	struct stat st;
	size_t done;
	int err;

	if (lpNumberOfBytesWritten)
		*lpNumberOfBytesWritten = 0;
	else if (!lpOverlapped)
		return sockiocp_fail(EINVAL);
	if (sockiocp_file_stat(hFile, &st))
		return sockiocp_fail(EBADF);
	if (S_ISSOCK(st.st_mode) && lpOverlapped)
		return transfer(fd, SOCKIOCP_SUBMIT_SEND, (void *)(ULONG_PTR)lpBuffer,
				nNumberOfBytesToWrite, lpNumberOfBytesWritten, lpOverlapped);

	err = write_all(fd, &st, lpBuffer, nNumberOfBytesToWrite, lpOverlapped, &done);
	if (err)
		return fail(fd, &st, err);
	if (lpNumberOfBytesWritten)
		*lpNumberOfBytesWritten = (DWORD)done;
	complete(lpOverlapped, STATUS_SUCCESS, (DWORD)done);
	return TRUE;
}
