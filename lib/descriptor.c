// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Descriptors: which numbers were closed, which are events and timers, and keeping them
 * above the standard streams.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

/*
 * How often CloseHandle() has closed each number.  A thread that is between two
 * system calls of one wait (a signal handler ran) is not a waiter the kernel
 * could release; it looks here to learn that its port has gone, even if the
 * number belongs to another port by now.  A MiB of zeros, of which only the
 * pages of numbers in use are ever touched.
 */
atomic_uchar sockiocp_close_counts[SOCKIOCP_COUNTED_FDS];

/*
 * Which numbers this library has made events or timers, so that nothing has to be asked
 * of the kernel before they are used.  What is not here may be one too: a duplicate.
 */
static atomic_uchar kinds[SOCKIOCP_COUNTED_FDS];

/* How many threads of this process sleep until an event that resets itself is set. */
static atomic_ushort sleepers[SOCKIOCP_COUNTED_FDS];
/* The highest number that any has slept for. */
static atomic_int highest;

/* The descriptors of the library's own are at least this. */
#define OWN_FD		128

static bool is_counted(int fd)
{
	return fd >= 0 && fd < SOCKIOCP_COUNTED_FDS;
}

/* Notes what a number is, or with 0 that it is nothing of this library any more. */
void sockiocp_set_kind(int fd, unsigned int kind)
{
	if (is_counted(fd))
		atomic_store_explicit(&kinds[fd], (unsigned char)kind,
				      memory_order_release);
}

static unsigned int noted(int fd)
{
	return is_counted(fd) ? atomic_load_explicit(&kinds[fd], memory_order_acquire) : 0;
}

/* Returns what a number is known to be, or 0. */
unsigned int sockiocp_known_kind(int fd)
{
	return noted(fd) & (SOCKIOCP_EVENT | SOCKIOCP_TIMER | SOCKIOCP_MANUAL);
}

/* Notes that a new number is what another one is. */
void sockiocp_copy_kind(int from, int to)
{
	sockiocp_set_kind(to, noted(from));
}

/* Is it a socket that was made without the overlapped attribute? */
bool sockiocp_is_synchronous(int fd)
{
	return noted(fd) & SOCKIOCP_SYNCHRONOUS;
}

/* Has an overlapped send of this socket pended? */
bool sockiocp_sends_have_pended(int fd)
{
	return noted(fd) & SOCKIOCP_SENDS_PENDED;
}

void sockiocp_note_pending_send(int fd)
{
	if (is_counted(fd) && !sockiocp_sends_have_pended(fd))
		atomic_fetch_or(&kinds[fd], SOCKIOCP_SENDS_PENDED);
}

/*
 * Asks the kernel: a file is an event or a timer in whichever process, and under
 * whichever number.  Returns SOCKIOCP_* bits, 0 for other files and for none.
 */
unsigned int sockiocp_find_kind(int fd)
{
	char path[sizeof("/proc/self/fd/2147483647")], name[32];
	int flags = fcntl(fd, F_GETFL);
	unsigned int kind;
	ssize_t length;

	if (flags < 0 || !(flags & O_NONBLOCK))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, name, sizeof(name) - 1);
	if (length < 0)
		return 0;
	name[length] = 0;
	if (!strcmp(name, "anon_inode:[eventfd]"))
		kind = SOCKIOCP_EVENT;
	else if (!strcmp(name, "anon_inode:[timerfd]"))
		kind = SOCKIOCP_TIMER;
	else
		return 0;
	return kind | (flags & SOCKIOCP_MANUAL_FLAG ? SOCKIOCP_MANUAL : 0);
}

/* Returns what a descriptor is. */
unsigned int sockiocp_kind(int fd)
{
	unsigned int kind = sockiocp_known_kind(fd);

	return kind ? kind : sockiocp_find_kind(fd);
}

/* A thread begins or ends (-1) to sleep until an event is set. */
void sockiocp_count_sleeper(int fd, int by)
{
	if (!is_counted(fd))
		return;
	if (fd > atomic_load_explicit(&highest, memory_order_relaxed))
		atomic_store_explicit(&highest, fd, memory_order_relaxed);
	atomic_fetch_add(&sleepers[fd], (unsigned short)by);
}

unsigned int sockiocp_sleepers(int fd)
{
	return is_counted(fd) ? atomic_load(&sleepers[fd]) : 0;
}

/* A new process has one thread, which does not sleep. */
void sockiocp_forget_sleepers(void)
{
	int fd;

	for (fd = 0; fd <= atomic_load(&highest); fd++)
		if (atomic_load(&sleepers[fd]))
			atomic_store(&sleepers[fd], 0);
}

/*
 * Moves a new descriptor to one that is @least or more.  Returns that, or -1 with errno
 * set; @fd is closed.
 */
static int move(int fd, int least)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, least);
	int err = errno;

	close(fd);
	/* @least is beyond RLIMIT_NOFILE: so there is none left. */
	errno = err == EINVAL ? EMFILE : err;
	return moved;
}

/*
 * Moves a new descriptor above the standard streams: programs hold 0 for "no
 * handle", and nobody should print into a socket.
 *
 * Returns the descriptor, or -1 with errno set and @fd closed.
 */
int sockiocp_fd_above_stdio(int fd)
{
	if (fd < 0)
		return fd;
	if (fd < SOCKIOCP_FIRST_FD)
		fd = move(fd, SOCKIOCP_FIRST_FD);
	sockiocp_set_kind(fd, 0);
	return fd;
}

/*
 * Moves a new descriptor to an even number above the standard streams: the low bit of
 * OVERLAPPED.hEvent means something else.
 *
 * Returns the descriptor, or -1 with errno set and @fd closed.
 */
int sockiocp_fd_even(int fd)
{
	fd = sockiocp_fd_above_stdio(fd);
	while (fd >= 0 && fd % 2)
		fd = move(fd, fd + 1);
	return fd;
}

/* Moves a new descriptor of the library's own out of the way of the program's, if it can. */
int sockiocp_fd_own(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OWN_FD);

	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

/*
 * Makes an eventfd for the library itself.  Even: a program's event with its low bit set would
 * be taken for it otherwise.  Returns -1 with errno set if no descriptor is left.
 */
int sockiocp_own_eventfd(void)
{
	return sockiocp_fd_even(sockiocp_fd_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}
