// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is behind the handle of a thread.
 *
 * It is a file in memory, which says whether the thread has ended and with which code;
 * the thread has no descriptor of it, only its memory.  So the handle can be closed at
 * any time, by close(2) like every other one, and what is left of the thread is in
 * every duplicate.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* Linux 6.3 and later: the file is not to be executed. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	8U
#endif

/* "sockiocp": no file of another kind begins so and has the same size. */
#define THREAD_FILE_MAGIC	0x706f636f696b636fULL

/*
 * Makes the file of a thread of this process, and maps it.  Returns its descriptor, or
 * -1 with errno set.
 */
int sockiocp_thread_file_create(bool suspended, struct sockiocp_thread_file **map)
{
	struct sockiocp_thread_file file = {
		.magic = THREAD_FILE_MAGIC, .process = getpid(), .suspended = suspended,
	};
	int err, fd;

	fd = memfd_create("thread", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("thread", MFD_CLOEXEC);
	fd = sockiocp_fd_above_stdio(fd);
	if (fd < 0)
		return -1;
	if (write(fd, &file, sizeof(file)) == sizeof(file)) {
		*map = mmap(NULL, sizeof(file), PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);
		if (*map != MAP_FAILED)
			return fd;
	}
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/*
 * Maps the file of a thread that is found by a descriptor.  Returns 0 or an errno value:
 * EBADF if it is none.
 */
static int map_file(int fd, int protection, struct sockiocp_thread_file **file)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != sizeof(**file))
		return EBADF;
	map = mmap(NULL, sizeof(**file), protection, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno == ENOMEM ? ENOMEM : EBADF;
	*file = map;
	if ((*file)->magic == THREAD_FILE_MAGIC)
		return 0;
	sockiocp_thread_file_unmap(*file);
	*file = NULL;
	return EBADF;
}

/*
 * Finds a thread by a descriptor.  Returns 0 or an errno value: EBADF if it is none.
 * The caller unmaps what it gets, which stays although the descriptor is closed.
 */
int sockiocp_thread_file_map(int fd, const struct sockiocp_thread_file **file)
{
	struct sockiocp_thread_file *map = NULL;
	int err = map_file(fd, PROT_READ, &map);

	*file = map;
	return err;
}

/*
 * Lets a thread go that waits to be resumed.  Returns how often it was suspended, or -1
 * with errno set.
 */
unsigned int sockiocp_thread_file_resume(int fd)
{
	struct sockiocp_thread_file *file;
	unsigned int count;

	errno = map_file(fd, PROT_READ | PROT_WRITE, &file);
	if (errno)
		return (unsigned int)-1;
	count = atomic_exchange(&file->suspended, 0);
	/* Not a private futex: the thread has mapped the file elsewhere. */
	if (count)
		syscall(SYS_futex, &file->suspended, FUTEX_WAKE, 1, NULL, NULL, 0);
	sockiocp_thread_file_unmap(file);
	return count;
}

void sockiocp_thread_file_unmap(const struct sockiocp_thread_file *file)
{
	munmap((void *)(uintptr_t)file, sizeof(*file));
}
