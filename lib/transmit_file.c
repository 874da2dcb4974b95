// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sending files: what is read is sent, as much as there is room for, and again when there
 * is more room.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"

/* How much is read at once, and how much is sent before others get their turn. */
#define CHUNK		65536
#define TURN		(16 * CHUNK)

/* Windows sends no more in a call. */
#define MOST		0x7ffffffeULL

struct transmitting {
	struct sockiocp_ready ready;
	TRANSMIT_FILE_BUFFERS around;
	size_t head_sent, tail_sent;
	/* The file, -1 if there is none; where its rest begins, and how long that is. */
	int file;
	off_t offset;
	unsigned long long left;
	unsigned long long file_sent;
	bool disconnects;
};

static void release(struct sockiocp_ready *ready)
{
	struct transmitting *transmitting = (struct transmitting *)ready;

	if (transmitting->file >= 0)
		close(transmitting->file);
}

/* Sends of the file what there is room for.  Returns as sockiocp_ready_send(). */
static int send_file(struct transmitting *transmitting, char *chunk)
{
	size_t turn = 0, sent;
	ssize_t size;
	int err = 0;

	while (transmitting->left && !err) {
		if (turn >= TURN)
			return EAGAIN;
		size = pread(transmitting->file, chunk,
			     transmitting->left < CHUNK ? transmitting->left : CHUNK,
			     transmitting->offset);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno;
		/* It is shorter than the program has thought. */
		if (!size)
			break;
		sent = 0;
		err = sockiocp_ready_send(transmitting->ready.fd, chunk, (size_t)size, &sent);
		transmitting->offset += (off_t)sent;
		transmitting->left -= sent;
		transmitting->file_sent += sent;
		turn += sent;
	}
	return err;
}

/* Returns 0 if all is sent, EAGAIN if there is no room, or another errno value. */
static int send_some(struct transmitting *transmitting)
{
	const TRANSMIT_FILE_BUFFERS *around = &transmitting->around;
	int fd = transmitting->ready.fd, err;
	char *chunk;

	err = sockiocp_ready_send(fd, around->Head, around->HeadLength,
				  &transmitting->head_sent);
	if (!err && transmitting->file >= 0) {
		chunk = malloc(CHUNK);
		err = chunk ? send_file(transmitting, chunk) : ENOMEM;
		free(chunk);
	}
	if (!err)
		err = sockiocp_ready_send(fd, around->Tail, around->TailLength,
					  &transmitting->tail_sent);
	if (!err && transmitting->disconnects && libc_shutdown(fd, SD_SEND))
		err = errno;
	return err;
}

static int transmit_step(struct sockiocp_ready *ready)
{
	struct transmitting *transmitting = (struct transmitting *)ready;

	ready->error = send_some(transmitting);
	if (ready->error == EAGAIN)
		return EAGAIN;
	ready->bytes = ready->error ? 0 : (DWORD)(transmitting->head_sent +
						  transmitting->file_sent +
						  transmitting->tail_sent);
	return 0;
}

/* Returns 0 or an errno value. */
static int check(const struct transmitting *transmitting, int fd, DWORD flags)
{
	const TRANSMIT_FILE_BUFFERS *around = &transmitting->around;
	int type = sockiocp_socket_type(fd);

	if (type < 0)
		return ENOTSOCK;
	if (type == SOCK_DGRAM || type == SOCK_RAW)
		return EINVAL;
	if (type != SOCK_STREAM || !sockiocp_has_peer(fd))
		return ENOTCONN;
	if (flags & TF_REUSE_SOCKET)
		return flags & TF_DISCONNECT ? EOPNOTSUPP : EINVAL;
	if ((around->HeadLength && !around->Head) || (around->TailLength && !around->Tail))
		return EFAULT;
	if ((unsigned long long)around->HeadLength + around->TailLength > MOST)
		return EINVAL;
	return 0;
}

/* Gets a descriptor of the file of our own: the program may close its one. */
static int take_file(struct transmitting *transmitting, HANDLE handle)
{
	transmitting->file = fcntl(sockiocp_handle_fd(handle), F_DUPFD_CLOEXEC, SOCKIOCP_FIRST_FD);
	if (transmitting->file < 0)
		return errno == EBADF ? EBADFD : errno;
	return 0;
}

/* Does an operation begin behind the end of its file? */
static bool begins_outside(const struct transmitting *transmitting, const struct stat *status)
{
	return transmitting->ready.overlapped && S_ISREG(status->st_mode) &&
	       transmitting->offset > status->st_size;
}

/* How much is to be sent, if @size of the file is?  Returns 0 or an errno value. */
static int measure(struct transmitting *transmitting, DWORD size)
{
	struct stat status;

	transmitting->left = size;
	if (transmitting->file >= 0) {
		if (fstat(transmitting->file, &status))
			return errno;
		if (begins_outside(transmitting, &status))
			return EINVAL;
		if (!size)
			transmitting->left = status.st_size > transmitting->offset ?
				(unsigned long long)(status.st_size - transmitting->offset) : 0;
	}
	return transmitting->left + transmitting->around.HeadLength +
	       transmitting->around.TailLength > MOST ? EINVAL : 0;
}

/*
 * Goes on until all is sent.  It is among those who wait from the beginning: so the number
 * is the socket's at each step.  Returns 0 or an errno value.
 */
static int send_all(struct transmitting *transmitting)
{
	struct sockiocp_call call;
	int err = 0;

	sockiocp_call_begins_that_waits(&call, transmitting->ready.fd, POLLOUT);
	do {
		errno = EAGAIN;
		if (!sockiocp_try_again(&call))
			err = errno;
	} while (!err && transmit_step(&transmitting->ready) == EAGAIN);
	sockiocp_call_ends(&call);
	/* It was closed. */
	if (err == EINTR)
		err = ECANCELED;
	return err ? err : transmitting->ready.error;
}

/* Without an OVERLAPPED: from where the file is, which moves, and until all is sent. */
static int transmit_now(struct transmitting *transmitting, HANDLE handle, DWORD size)
{
	int err = 0;

	if (handle)
		err = take_file(transmitting, handle);
	if (!err && handle) {
		transmitting->offset = lseek(transmitting->file, 0, SEEK_CUR);
		if (transmitting->offset < 0)
			err = errno;
	}
	if (!err)
		err = measure(transmitting, size);
	if (!err)
		err = send_all(transmitting);
	if (transmitting->file >= 0)
		lseek(transmitting->file, transmitting->offset, SEEK_SET);
	release(&transmitting->ready);
	return err;
}

/* Returns an errno value, EINPROGRESS if it has begun. */
static int transmit_later(struct transmitting *transmitting, struct sockiocp_submit *submit,
			  HANDLE handle, DWORD size)
{
	LPOVERLAPPED overlapped = transmitting->ready.overlapped;
	int err = 0;

	transmitting->offset = (off_t)((unsigned long long)overlapped->OffsetHigh << 32 |
				       overlapped->Offset);
	if (transmitting->offset < 0)
		err = EINVAL;
	else if (handle)
		err = take_file(transmitting, handle);
	if (!err)
		err = measure(transmitting, size);
	if (!err)
		return sockiocp_ready_start(&transmitting->ready, submit);
	release(&transmitting->ready);
	free(transmitting);
	return err;
}

/**
 * TransmitFile - send a file, with data before and behind it
 * @hSocket: a connected stream socket
 * @hFile: the file; NULL: only the data is sent
 * @nNumberOfBytesToWrite: how much of the file; 0: all, from where it begins
 * @nNumberOfBytesPerSend: ignored
 * @lpOverlapped: the operation, with the place in the file where to begin; NULL: at its
 *	current place, which is behind what was sent when the call returns
 * @lpTransmitBuffers: what to send before and behind the file; it is read while the
 *	operation goes on; may be NULL
 * @dwReserved: TF_DISCONNECT: as shutdown() with SD_SEND when all is sent.  TF_REUSE_SOCKET
 *	is not there; others are ignored
 *
 * WSAIoctl() gives a pointer to it, too: WSAID_TRANSMITFILE.
 *
 * The file is read by the threads that take packets from the port that the socket is
 * associated with, 64 KiB at a time, and they wait for the disk.  What other operations send
 * on the socket before this one is over may come between its parts.
 *
 * Return: TRUE if all was sent; FALSE otherwise, and WSAGetLastError() says why:
 *   WSA_IO_PENDING	the operation has begun: its result follows
 *   WSA_OPERATION_ABORTED	another thread has closed the socket
 *   WSAENOTCONN	not connected
 *   WSA_INVALID_HANDLE	@hFile is not open
 *   WSAEINVAL		more than 2147483646 bytes; the place in @lpOverlapped is behind the
 *			end of the file; datagrams; TF_REUSE_SOCKET without TF_DISCONNECT
 *   WSAEOPNOTSUPP	TF_REUSE_SOCKET
 *   WSAENOBUFS		too many operations
 *   others		as send()
 *
 * Windows: "TransmitFile function (mswsock.h)".
 */
BOOL WINAPI TransmitFile(SOCKET hSocket, HANDLE hFile, DWORD nNumberOfBytesToWrite,
			 DWORD nNumberOfBytesPerSend, LPOVERLAPPED lpOverlapped,
			 LPTRANSMIT_FILE_BUFFERS lpTransmitBuffers, DWORD dwReserved)
{
	int fd = sockiocp_socket_fd(hSocket), err = 0;
	struct transmitting values = {
		.ready = {
			.overlapped = lpOverlapped,
			.operation = SOCKIOCP_SUBMIT_POLL_OUT,
			.into = -1,
			.fd = fd,
			.step = transmit_step,
			.release = release,
		},
		.file = -1,
		.disconnects = dwReserved & TF_DISCONNECT,
	};
	struct transmitting *transmitting;
	struct sockiocp_submit submit;

	(void)nNumberOfBytesPerSend;
	if (lpTransmitBuffers)
		values.around = *lpTransmitBuffers;
	if (lpOverlapped)
		err = sockiocp_begin_submit(&submit, fd, lpOverlapped);
	if (!err)
		err = check(&values, fd, dwReserved);
	if (!err && !lpOverlapped) {
		err = transmit_now(&values, hFile, nNumberOfBytesToWrite);
	} else if (!err) {
		transmitting = malloc(sizeof(*transmitting));
		if (!transmitting)
			return sockiocp_ready_fail(ENOMEM);
		*transmitting = values;
		err = transmit_later(transmitting, &submit, hFile, nNumberOfBytesToWrite);
	}
	return err ? sockiocp_ready_fail(err) : TRUE;
}
