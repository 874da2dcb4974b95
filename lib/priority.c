// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Priorities of threads, which are nice values here.
 *
 * The normal one is that of the process when the first thread is asked for its priority or
 * is given one.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"

#define NICEST		19
#define LEAST_NICE	(-20)

/* From the normal one, from the highest on. */
static const struct {
	int priority;
	int nice;
} levels[] = {
	{ THREAD_PRIORITY_TIME_CRITICAL, -20 },
	{ THREAD_PRIORITY_HIGHEST, -10 },
	{ THREAD_PRIORITY_ABOVE_NORMAL, -5 },
	{ THREAD_PRIORITY_NORMAL, 0 },
	{ THREAD_PRIORITY_BELOW_NORMAL, 5 },
	{ THREAD_PRIORITY_LOWEST, 10 },
	{ THREAD_PRIORITY_IDLE, 19 },
};

/* Where the normal one is. */
#define NORMAL_LEVEL	3

static int normal;

static void find_normal(void)
{
	normal = getpriority(PRIO_PROCESS, (id_t)getpid());
}

static int nice_of(size_t level)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int nice;

	pthread_once(&once, find_normal);
	nice = normal + levels[level].nice;
	return nice > NICEST ? NICEST : nice < LEAST_NICE ? LEAST_NICE : nice;
}

/* Returns 0 or an errno value. */
static int number_of(HANDLE handle, id_t *id)
{
	const struct sockiocp_thread_file *file;
	int err;

	if (handle == THIS_THREAD) {
		*id = (id_t)gettid();
		return 0;
	}
	err = sockiocp_thread_file_map(sockiocp_handle_fd(handle), &file);
	if (err)
		return err;
	*id = (id_t)file->id;
	/* Its number may be another thread's by now. */
	if (atomic_load(&file->ended))
		err = ESRCH;
	sockiocp_thread_file_unmap(file);
	return err;
}

/**
 * SetThreadPriority - have a thread run before others, or after them
 * @hThread: a handle of CreateThread(), or GetCurrentThread()
 * @nPriority: THREAD_PRIORITY_NORMAL, which is the nice value of the process, or one of its
 *	relatives: 20, 10 or 5 less nice, 5, 10 or 19 nicer
 *
 * To become less nice takes CAP_SYS_NICE or RLIMIT_NICE, also on the way back to normal.  A
 * new thread is as nice as the one that starts it.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	no such priority
 *   ERROR_INVALID_HANDLE	not a thread's handle
 *   ERROR_ACCESS_DENIED	the user may not
 *   ERROR_GEN_FAILURE		the thread has ended
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "SetThreadPriority function (processthreadsapi.h)".
 */
BOOL WINAPI SetThreadPriority(HANDLE hThread, int nPriority)
{
	size_t i;
	id_t id;
	int err;

	for (i = 0; i < ARRAY_LEN(levels) && levels[i].priority != nPriority; i++)
		;
	if (i == ARRAY_LEN(levels))
		return sockiocp_fail(EINVAL);
	err = number_of(hThread, &id);
	if (err)
		return sockiocp_fail(err);
	if (setpriority(PRIO_PROCESS, id, nice_of(i)))
		return sockiocp_fail(errno);
	return TRUE;
}

/**
 * GetThreadPriority - the priority of a thread
 * @hThread: a handle of CreateThread(), or GetCurrentThread()
 *
 * Return: the highest one of SetThreadPriority()'s that is not higher than what its nice
 * value says; THREAD_PRIORITY_ERROR_RETURN if it fails, and GetLastError() says why, as for
 * SetThreadPriority().
 *
 * Windows: "GetThreadPriority function (processthreadsapi.h)".
 */
int WINAPI GetThreadPriority(HANDLE hThread)
{
	int err, nice;
	size_t i;
	id_t id;

	err = number_of(hThread, &id);
	if (!err) {
		/* It may be -1. */
		errno = 0;
		nice = getpriority(PRIO_PROCESS, id);
		err = errno;
	}
	if (err) {
		sockiocp_fail(err);
		return THREAD_PRIORITY_ERROR_RETURN;
	}
	/* The normal one is found first: the limits may make others the same. */
	if (nice == nice_of(NORMAL_LEVEL))
		return THREAD_PRIORITY_NORMAL;
	for (i = 0; i < ARRAY_LEN(levels) - 1 && nice_of(i) < nice; i++)
		;
	return levels[i].priority;
}
