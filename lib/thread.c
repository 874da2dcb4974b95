// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Threads.
 *
 * A thread's handle is a file in memory, which says whether the thread has ended
 * and with which code; the thread has no descriptor of it, only its memory.  So the
 * handle can be closed at any time, by close(2) like every other one, and what is
 * left of the thread is in every duplicate.  How one waits for it: wait.c.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* Linux 6.3 and later: the file is not to be executed. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	8U
#endif

/* "sockiocp": no file of another kind begins so and has the same size. */
#define THREAD_FILE_MAGIC	0x706f636f696b636fULL

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

/*
 * Makes the file of a thread, and gives it to @start.  Returns 0 or an errno value.
 */
static int create_thread_file(struct thread_start *start)
{
	struct sockiocp_thread_file file = {
		.magic = THREAD_FILE_MAGIC, .process = getpid(),
	};
	int err, fd;

	fd = memfd_create("thread", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("thread", MFD_CLOEXEC);
	fd = sockiocp_fd_above_stdio(fd);
	if (fd < 0)
		return errno;
	start->fd = fd;
	if (write(fd, &file, sizeof(file)) == sizeof(file)) {
		start->file = mmap(NULL, sizeof(file), PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
		if (start->file != MAP_FAILED)
			return 0;
	}
	err = errno;
	close(fd);
	return err;
}

/*
 * Finds a thread by a descriptor.  Returns 0 or an errno value: EBADF if it is none.
 * The caller unmaps what it gets, which stays although the descriptor is closed.
 */
int sockiocp_thread_file_map(int fd, const struct sockiocp_thread_file **file)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != sizeof(**file))
		return EBADF;
	map = mmap(NULL, sizeof(**file), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno == ENOMEM ? ENOMEM : EBADF;
	*file = map;
	if ((*file)->magic == THREAD_FILE_MAGIC)
		return 0;
	sockiocp_thread_file_unmap(*file);
	*file = NULL;
	return EBADF;
}

void sockiocp_thread_file_unmap(const struct sockiocp_thread_file *file)
{
	munmap((void *)(uintptr_t)file, sizeof(*file));
}

/* A process that was forked has the file too, but its threads are its own. */
static void thread_ended(void *argument)
{
	struct sockiocp_thread_file *file = argument;

	sockiocp_thread_ends();
	if (file->process == getpid()) {
		file->exit_code = exit_code;
		atomic_store(&file->ended, 1);
		sockiocp_disturb_waits();
	}
	sockiocp_thread_file_unmap(file);
}

static void *thread_main(void *argument)
{
	struct thread_start *shared = argument;
	struct thread_start start;

	start.routine = shared->routine;
	start.parameter = shared->parameter;
	start.file = shared->file;
	shared->id = GetCurrentThreadId();
	sockiocp_thread_begins(shared->fd);
	sem_post(&shared->copied);

	pthread_cleanup_push(thread_ended, start.file);
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
 * @dwCreationFlags: 0 or STACK_SIZE_PARAM_IS_A_RESERVATION
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
	    (dwCreationFlags & ~STACK_SIZE_PARAM_IS_A_RESERVATION)) {
		sockiocp_fail(EINVAL);
		return NULL;
	}

	err = create_thread_file(&start);
	if (err) {
		sockiocp_fail(err);
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

	if (hThread == GetCurrentThread()) {
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
 * QueueUserAPC() takes it.  It need not be closed, and cannot be waited for.
 *
 * Windows: "GetCurrentThread function (processthreadsapi.h)".
 */
HANDLE WINAPI GetCurrentThread(void)
{
	return (HANDLE)(LONG_PTR)-2;
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

unsigned long long sockiocp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long long)ts.tv_sec * NSEC_PER_SEC +
	       (unsigned long long)ts.tv_nsec;
}

struct timespec sockiocp_timespec(unsigned long long ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};

	return ts;
}

/**
 * Sleep - let time pass
 * @dwMilliseconds: how long, in ms; 0 only lets other threads run, INFINITE
 *	never returns
 *
 * Windows: "Sleep function (synchapi.h)".
 */
void WINAPI Sleep(DWORD dwMilliseconds)
{
	struct timespec until;

	if (!dwMilliseconds) {
		sched_yield();
		return;
	}
	if (dwMilliseconds == INFINITE)
		for (;;)
			pause();

	until = sockiocp_timespec(sockiocp_now_ns() + dwMilliseconds * NSEC_PER_MSEC);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		;
}
