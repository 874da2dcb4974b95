// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Handles that a thread makes of itself: DuplicateHandle() of GetCurrentThread().
 *
 * A thread has no descriptor of its handle (thread_file.c), and one that this library has
 * not started, as the first one of a process, has no handle at all.  So a thread that asks
 * for a duplicate gets a file of the same kind, which says the same of it.  It keeps one
 * descriptor of that until it ends: however often it asks, there is one file.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "internal.h"

static _Thread_local struct {
	struct sockiocp_thread_file *file;
	int fd;
} self;

static pthread_key_t end_key;
static bool has_end_key;

static void forget(void)
{
	sockiocp_thread_file_unmap(self.file);
	close(self.fd);
	self.file = NULL;
}

/* This thread ends.  All that it has is given back already. */
void sockiocp_this_thread_ends(DWORD exit_code)
{
	if (!self.file)
		return;
	/* A process that was forked has the file too, but its threads are its own. */
	if (self.file->process == getpid()) {
		self.file->exit_code = exit_code;
		atomic_store(&self.file->ended, 1);
		sockiocp_disturb_waits();
	}
	forget();
	pthread_setspecific(end_key, NULL);
}

/* A thread that this library has not started ends; others are through with this. */
static void end_of_thread(void *unused)
{
	(void)unused;
	sockiocp_end_fls();
	sockiocp_thread_ends();
	sockiocp_abandon_mutexes();
	sockiocp_this_thread_ends(0);
}

static void create_end_key(void)
{
	has_end_key = !pthread_key_create(&end_key, end_of_thread);
}

/* Returns 0 or an errno value. */
static int make_file(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = EAGAIN;

	pthread_once(&once, create_end_key);
	self.fd = sockiocp_thread_file_create(false, &self.file);
	if (self.fd < 0)
		return errno;
	self.file->id = (DWORD)gettid();
	if (has_end_key && !pthread_setspecific(end_key, &self))
		err = sockiocp_thread_is_also(self.fd);
	if (err)
		forget();
	return err;
}

/* Returns a new descriptor that is a handle of this thread, or -1 with errno set. */
int sockiocp_duplicate_this_thread(void)
{
	int err = 0;

	if (self.file && self.file->process != getpid())
		forget();
	if (!self.file)
		err = make_file();
	if (err) {
		errno = err;
		return -1;
	}
	return sockiocp_fd_above_stdio(fcntl(self.fd, F_DUPFD_CLOEXEC, SOCKIOCP_FIRST_FD));
}
