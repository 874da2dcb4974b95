// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads: starting and ending them.  What their handles are: thread_file.c; how one
 * waits for them: wait.c.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/*
 * What a new thread is to do.  It lies on its creator's stack, until the thread
 * has copied it and says so.
 */
struct thread_start {
	LPTHREAD_START_ROUTINE routine;
	LPVOID parameter;
	/* The handle, which may be closed as soon as the thread has begun. */
	int fd;
	struct sockiocp_thread_file *file;
	DWORD id;
	sem_t copied;
};

static _Thread_local DWORD exit_code;

/* A process that was forked has the file too, but its threads are its own. */
static void thread_ended(void *argument)
{
	struct sockiocp_thread_file *file = argument;

	sockiocp_end_fls();
	sockiocp_thread_ends();
	/* Who waits for this thread sees that already. */
	sockiocp_abandon_mutexes();
	sockiocp_this_thread_ends(exit_code);
	if (file->process == getpid()) {
		file->exit_code = exit_code;
		atomic_store(&file->ended, 1);
		sockiocp_disturb_waits();
	}
	sockiocp_thread_file_unmap(file);
}

/* What was queued to a thread before it is resumed is called first. */
static void wait_until_resumed(struct sockiocp_thread_file *file)
{
	unsigned int suspended = atomic_load(&file->suspended);

	if (!suspended)
		return;
	do {
		syscall(SYS_futex, &file->suspended, FUTEX_WAIT, suspended, NULL, NULL, 0);
	} while (atomic_load(&file->suspended));
	sockiocp_alertable_end(true);
}

static void *thread_main(void *argument)
{
	struct thread_start *shared = argument;
	struct thread_start start;

	start.routine = shared->routine;
	start.parameter = shared->parameter;
	start.file = shared->file;
	start.file->id = GetCurrentThreadId();
	shared->id = start.file->id;
	sockiocp_thread_begins(shared->fd);
	sem_post(&shared->copied);

	pthread_cleanup_push(thread_ended, start.file);
	wait_until_resumed(start.file);
	exit_code = start.routine(start.parameter);
	pthread_cleanup_pop(1);
	return NULL;
}

/*
 * Gives a thread a stack of so many bytes.  Unless they are its @reservation, they
 * are what Windows commits at first: Linux does that by itself, and the stack is
 * not to be smaller than usual.
 */
static void set_stack_size(pthread_attr_t *attr, SIZE_T stack, bool reservation)
{
	SIZE_T least = (SIZE_T)sysconf(_SC_THREAD_STACK_MIN);
	SIZE_T page = (SIZE_T)sysconf(_SC_PAGESIZE);
	size_t usual;

	pthread_attr_getstacksize(attr, &usual);
	if (!stack || (!reservation && stack <= usual))
		return;
	if (stack < least)
		stack = least;
	if (stack < SIZE_MAX - page)
		stack = (stack + page - 1) / page * page;
	pthread_attr_setstacksize(attr, stack);
}

/* Starts a detached thread and waits until it runs.  Returns an errno value. */
static int start_thread(struct thread_start *start, SIZE_T stack,
			bool reservation)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	set_stack_size(&attr, stack, reservation);

	sem_init(&start->copied, 0, 0);
	err = pthread_create(&thread, &attr, thread_main, start);
	pthread_attr_destroy(&attr);
	if (!err)
		while (sem_wait(&start->copied))
			;
	sem_destroy(&start->copied);
	return err;
}

/**
 * CreateThread - start a thread
 * @lpThreadAttributes: ignored: the handle is not inherited
 * @dwStackSize: size of its stack in bytes, if the system's usual one is smaller
 *	or STACK_SIZE_PARAM_IS_A_RESERVATION is given; 0 for the usual one
 * @lpStartAddress: the function it runs, which returns the thread's exit code
 * @lpParameter: what the function is given
 * @dwCreationFlags: CREATE_SUSPENDED: it waits for ResumeThread() first;
 *	STACK_SIZE_PARAM_IS_A_RESERVATION; both, or 0
 * @lpThreadId: receives the thread's number; may be NULL
 *
 * The caller owns the handle and passes it to CloseHandle(), before or after
 * the thread ends.  WaitForSingleObject() waits for that.
 *
 * Return: the handle; NULL if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	no function, or another flag
 *   ERROR_TOO_MANY_OPEN_FILES	no descriptor is left (the handle is one)
 *   ERROR_NO_SYSTEM_RESOURCES	the limit of threads is reached
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "CreateThread function (processthreadsapi.h)".
 */
HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES lpThreadAttributes,
			   SIZE_T dwStackSize,
			   LPTHREAD_START_ROUTINE lpStartAddress,
			   LPVOID lpParameter, DWORD dwCreationFlags,
			   LPDWORD lpThreadId)
{
	struct thread_start start = {
		.routine = lpStartAddress,
		.parameter = lpParameter,
	};
	int err;

	(void)lpThreadAttributes;
	if (!lpStartAddress ||
	    (dwCreationFlags & ~(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION))) {
		sockiocp_fail(EINVAL);
		return NULL;
	}

	start.fd = sockiocp_thread_file_create(dwCreationFlags & CREATE_SUSPENDED, &start.file);
	if (start.fd < 0) {
		sockiocp_fail(errno);
		return NULL;
	}
	err = start_thread(&start, dwStackSize,
			   dwCreationFlags & STACK_SIZE_PARAM_IS_A_RESERVATION);
	if (err) {
		sockiocp_thread_file_unmap(start.file);
		close(start.fd);
		sockiocp_fail(err);
		return NULL;
	}
	if (lpThreadId)
		*lpThreadId = start.id;
	return (HANDLE)(intptr_t)start.fd;
}

/**
 * ExitThread - end this thread
 * @dwExitCode: its exit code
 *
 * The same as returning from the function that it was started with.  Unlike on
 * Windows, destructors of C++ objects on its stack run.
 *
 * Windows: "ExitThread function (processthreadsapi.h)".
 */
void WINAPI ExitThread(DWORD dwExitCode)
{
	exit_code = dwExitCode;
	pthread_exit(NULL);
}

/**
 * GetExitCodeThread - what a thread has returned
 * @hThread: a handle of CreateThread(), or GetCurrentThread()
 * @lpExitCode: receives what its function returned or ExitThread() was given;
 *	STILL_ACTIVE if the thread has not ended
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a thread's handle
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "GetExitCodeThread function (processthreadsapi.h)".
 */
BOOL WINAPI GetExitCodeThread(HANDLE hThread, LPDWORD lpExitCode)
{
	const struct sockiocp_thread_file *file;
	int err;

	if (hThread == THIS_THREAD) {
		*lpExitCode = STILL_ACTIVE;
		return TRUE;
	}
	err = sockiocp_thread_file_map(sockiocp_handle_fd(hThread), &file);
	if (err)
		return sockiocp_fail(err);
	*lpExitCode = atomic_load(&file->ended) ? file->exit_code : STILL_ACTIVE;
	sockiocp_thread_file_unmap(file);
	return TRUE;
}

/**
 * GetCurrentThread - a handle that means the thread that uses it
 *
 * QueueUserAPC() takes it.  It need not be closed, and cannot be waited for; DuplicateHandle()
 * makes a handle of it that can, and that others can use.
 *
 * Windows: "GetCurrentThread function (processthreadsapi.h)".
 */
HANDLE WINAPI GetCurrentThread(void)
{
	return THIS_THREAD;
}

/**
 * GetCurrentThreadId - the number of this thread
 *
 * Return: the number that ps(1) and debuggers show.
 *
 * Windows: "GetCurrentThreadId function (processthreadsapi.h)".
 */
DWORD WINAPI GetCurrentThreadId(void)
{
	return (DWORD)gettid();
}

/**
 * GetThreadId - the number of a thread
 * @Thread: a handle of CreateThread(), or GetCurrentThread()
 *
 * Return: what GetCurrentThreadId() returns in that thread, also when it has ended; 0 if it
 * fails, and GetLastError() says why, as for GetExitCodeThread().
 *
 * Windows: "GetThreadId function (processthreadsapi.h)".
 */
DWORD WINAPI GetThreadId(HANDLE Thread)
{
	const struct sockiocp_thread_file *file;
	DWORD id;
	int err;

	if (Thread == THIS_THREAD)
		return GetCurrentThreadId();
	err = sockiocp_thread_file_map(sockiocp_handle_fd(Thread), &file);
	if (err)
		return (DWORD)sockiocp_fail(err);
	id = file->id;
	sockiocp_thread_file_unmap(file);
	return id;
}

/**
 * ResumeThread - let a thread go that was created with CREATE_SUSPENDED
 * @hThread: its handle
 *
 * What QueueUserAPC() has queued to it is called before its own function.
 *
 * Return: 1 if it has waited for that; 0 if not, which is the same for each later call;
 * (DWORD)-1 if it fails, and GetLastError() says why, as for GetExitCodeThread().
 *
 * Windows: "ResumeThread function (processthreadsapi.h)".
 */
DWORD WINAPI ResumeThread(HANDLE hThread)
{
	DWORD count;

	if (hThread == THIS_THREAD)
		return 0;
	count = sockiocp_thread_file_resume(sockiocp_handle_fd(hThread));
	if (count == (DWORD)-1)
		sockiocp_fail(errno);
	return count;
}
