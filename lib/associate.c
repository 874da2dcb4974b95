// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which sockets are associated with a completion port, and how they tell that an operation
 * has completed.
 *
 * Windows keeps this in the file object, which all duplicates of a handle share.  Here the
 * kernel module keeps it with the socket: a table of descriptors would know nothing of
 * dup(), fork() and close().
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "internal.h"
#include "overlapped.h"
#include "winsock.h"

/*
 * Returns 0 for a socket, EBADF for what is not open, EOPNOTSUPP for a file, which Windows
 * would take, EINVAL for others.
 */
int sockiocp_check_socket(HANDLE file)
{
	int fd = sockiocp_handle_fd(file);
	struct stat status;

	if (sockiocp_is_socket(fd))
		return 0;
	if (errno != ENOTSOCK)
		return errno;
	return !fstat(fd, &status) && S_ISREG(status.st_mode) ? EOPNOTSUPP : EINVAL;
}

/*
 * What this process has associated which sockets with, and their modes.  Only AcceptEx() wants
 * to know, for another socket that gets the same number; else the module is asked.
 */
struct association {
	ULONG_PTR key;
	/* The port, and what sockiocp_close_count() said of it; 0 if there is none. */
	int port;
	unsigned char count;
	unsigned char modes;
};

/* One for each number; those of numbers that are not used take no memory. */
static struct association *_Atomic associations;

static bool make_associations(void)
{
	const size_t size = SOCKIOCP_COUNTED_FDS * sizeof(*associations);
	struct association *none = NULL, *all;

	all = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return false;
	/* Another thread may have been first. */
	if (!atomic_compare_exchange_strong(&associations, &none, all))
		munmap(all, size);
	return true;
}

/* NULL if it cannot be known. */
static struct association *association_of(int fd)
{
	if (fd < 0 || fd >= SOCKIOCP_COUNTED_FDS)
		return NULL;
	return associations || make_associations() ? &associations[fd] : NULL;
}

/* The number is a new socket's. */
void sockiocp_forget_association(int fd)
{
	sockiocp_note_end(fd, 0);
	if (associations && fd < SOCKIOCP_COUNTED_FDS &&
	    (associations[fd].port || associations[fd].modes))
		associations[fd] = (struct association){ 0 };
}

/* The number is a duplicate of another one, which shares all of that. */
void sockiocp_copy_association(int from, int to)
{
	sockiocp_forget_association(to);
	if (associations && from < SOCKIOCP_COUNTED_FDS && to < SOCKIOCP_COUNTED_FDS &&
	    (associations[from].port || associations[from].modes))
		associations[to] = associations[from];
}

/*
 * Associates a socket with a port, once.  Returns 0 or an errno value: EBADF if it
 * is not a port, EINVAL if the socket is associated.
 */
int sockiocp_associate(HANDLE socket, HANDLE port, ULONG_PTR key)
{
	struct sockiocp_association association = {
		.socket = sockiocp_handle_fd(socket),
		.completion_key = key,
	};
	struct association *known = association_of(sockiocp_handle_fd(socket));
	int fd = sockiocp_handle_fd(port), err;

	if (!ioctl(fd, SOCKIOCP_ASSOCIATE, &association)) {
		if (known) {
			known->key = key;
			known->count = sockiocp_close_count(fd);
			known->port = fd;
		}
		return 0;
	}
	err = sockiocp_port_error(fd, errno);
	if (err == ESHUTDOWN)
		return EBADF;
	/* An older module does not know the call. */
	return err == ENOTTY ? EOPNOTSUPP : err;
}

/* Sets SOCKIOCP_MODE_* bits of a socket.  Returns 0 or an errno value. */
int sockiocp_set_modes(int socket, unsigned int modes)
{
	struct sockiocp_modes args = { .socket = (__u64)socket, .modes = modes };
	struct association *known = association_of(socket);

	if (!sockiocp_home_ioctl(SOCKIOCP_SET_MODES, &args)) {
		if (known)
			known->modes |= modes;
		return 0;
	}
	/* An older module does not know the call. */
	return errno == ENOTTY ? EOPNOTSUPP : errno;
}

/* Takes the overlapped attribute from a new socket. */
void sockiocp_make_synchronous(int socket)
{
	/* If that cannot be there are no overlapped operations either. */
	if (!sockiocp_set_modes(socket, SOCKIOCP_MODE_SYNCHRONOUS))
		sockiocp_set_kind(socket, SOCKIOCP_SYNCHRONOUS);
}

/* Has this process associated the socket with a port? */
bool sockiocp_is_associated(int fd)
{
	struct association *known = associations ? association_of(fd) : NULL;

	return known && known->port;
}

/* Has this process set that operations that succeed at once have no packet? */
bool sockiocp_skips_packets(int fd)
{
	struct association *known = associations ? association_of(fd) : NULL;

	return known && known->modes & SOCKIOCP_MODE_SKIP_PACKET;
}

/*
 * Queues the packet of an operation that the module cannot tell the result of, where this
 * process has associated the socket.
 */
void sockiocp_post_result(int fd, LPOVERLAPPED overlapped, ULONG status, DWORD bytes)
{
	struct association *known = associations ? association_of(fd) : NULL;
	struct sockiocp_post post = {
		.overlapped = (uintptr_t)overlapped,
		.internal = status,
		.bytes_transferred = bytes,
	};

	if (!known || !known->port || known->count != sockiocp_close_count(known->port))
		return;
	post.completion_key = known->key;
	ioctl(known->port, SOCKIOCP_POST, &post);
}

/* Another socket has got the number: it is associated as the one before, with its modes. */
void sockiocp_associate_again(int fd)
{
	struct association *known = association_of(fd);

	if (!known)
		return;
	if (known->port && known->count == sockiocp_close_count(known->port))
		sockiocp_associate((HANDLE)(intptr_t)fd, (HANDLE)(intptr_t)known->port,
				   known->key);
	if (known->modes)
		sockiocp_set_modes(fd, known->modes);
}

/**
 * SetFileCompletionNotificationModes - how a socket tells that an operation has completed
 * @FileHandle: the socket
 * @Flags: FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: an operation that succeeds at once queues
 *	no packet.  FILE_SKIP_SET_EVENT_ON_HANDLE: has no effect here, since a socket
 *	cannot be waited for.  What was set stays, for all duplicates of the socket, until
 *	the last of them is closed
 *
 * Before or after the socket is associated with a port, as on Windows.
 *
 * Return: TRUE; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not open
 *   ERROR_INVALID_PARAMETER	not a socket; other flags
 *   ERROR_NOT_SUPPORTED	a file; the kernel module is older than this function
 *   ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_TOO_MANY_OPEN_FILES,
 *   ERROR_NOT_ENOUGH_MEMORY	as CreateIoCompletionPort()
 *   ERROR_NO_SYSTEM_RESOURCES	as CreateIoCompletionPort()
 *
 * Windows: "SetFileCompletionNotificationModes function (winbase.h)".
 */
BOOL WINAPI SetFileCompletionNotificationModes(HANDLE FileHandle, UCHAR Flags)
{
	int err = sockiocp_check_socket(FileHandle);

	if (!err && Flags & ~(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
			      FILE_SKIP_SET_EVENT_ON_HANDLE))
		err = EINVAL;
	if (!err)
		err = sockiocp_set_modes(sockiocp_handle_fd(FileHandle), Flags);
	return err ? sockiocp_fail(err) : TRUE;
}
