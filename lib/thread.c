// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Threads, and waiting for handles.
 *
 * A thread's handle is the end of a pipe that becomes readable when the thread
 * ends, and stays so.  The thread writes its exit code to the other end, so the
 * handle can be closed at any time, by close(2) like every other one.  Waiting is
 * poll(2), and nobody reads: whoever wants the code makes a copy by tee(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/*
 * What a new thread is to do.  It lies on its creator's stack, until the thread
 * has copied it and says so.
 */
struct thread_start {
	LPTHREAD_START_ROUTINE routine;
	LPVOID parameter;
	/* The thread's end of the pipe. */
	int pipe;
	DWORD id;
	sem_t copied;
};

static _Thread_local DWORD exit_code;

/*
 * The code ends all waits, even if a process that was forked has the pipe too.
 * If nobody has the handle any more it raises SIGPIPE, which ends with the thread.
 */
static void thread_ended(void *argument)
{
	int pipe = (int)(intptr_t)argument;
	ssize_t written;
	sigset_t set;

	sockiocp_thread_ends();
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	written = write(pipe, &exit_code, sizeof(exit_code));
	(void)written;
	close(pipe);
}

static void *thread_main(void *argument)
{
	struct thread_start *shared = argument;
	struct thread_start start;

	start.routine = shared->routine;
	start.parameter = shared->parameter;
	start.pipe = shared->pipe;
	shared->id = GetCurrentThreadId();
	sockiocp_thread_begins(start.pipe);
	sem_post(&shared->copied);

	pthread_cleanup_push(thread_ended, (void *)(intptr_t)start.pipe);
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

/* Makes the pipe of a thread, above the standard streams: 0 or an errno value. */
static int thread_pipe(int fds[2])
{
	int err;

	if (pipe2(fds, O_CLOEXEC))
		return errno;
	fds[0] = sockiocp_fd_above_stdio(fds[0]);
	err = fds[0] < 0 ? errno : 0;
	fds[1] = sockiocp_fd_above_stdio(fds[1]);
	if (!err && fds[1] >= 0)
		return 0;
	if (!err)
		err = errno;
	close(fds[0]);
	close(fds[1]);
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
 *   ERROR_TOO_MANY_OPEN_FILES	no descriptor is left (a thread takes two)
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
	int fds[2];
	int err;

	(void)lpThreadAttributes;
	if (!lpStartAddress ||
	    (dwCreationFlags & ~STACK_SIZE_PARAM_IS_A_RESERVATION)) {
		sockiocp_fail(EINVAL);
		return NULL;
	}

	err = thread_pipe(fds);
	if (err) {
		sockiocp_fail(err);
		return NULL;
	}
	start.pipe = fds[1];
	err = start_thread(&start, dwStackSize,
			   dwCreationFlags & STACK_SIZE_PARAM_IS_A_RESERVATION);
	if (err) {
		close(fds[0]);
		close(fds[1]);
		sockiocp_fail(err);
		return NULL;
	}
	if (lpThreadId)
		*lpThreadId = start.id;
	return (HANDLE)(intptr_t)fds[0];
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

/*
 * Copies what the pipe of a thread has into another one and reads it there.
 * Returns 0 or an errno value: EAGAIN if there is nothing yet, ESRCH if nobody is
 * left who could write something.
 */
static int read_exit_code(int pipe, const int copy[2], DWORD *code)
{
	ssize_t copied = tee(pipe, copy[1], sizeof(*code), SPLICE_F_NONBLOCK);

	/* What is a descriptor but no pipe. */
	if (copied < 0)
		return errno == EINVAL ? EBADF : errno;
	if (copied != sizeof(*code) ||
	    read(copy[0], code, sizeof(*code)) != sizeof(*code))
		return ESRCH;
	return 0;
}

/**
 * GetExitCodeThread - what a thread has returned
 * @hThread: a handle of CreateThread(), or GetCurrentThread()
 * @lpExitCode: receives what its function returned or ExitThread() was given;
 *	STILL_ACTIVE if the thread has not ended
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a thread's handle
 *   ERROR_GEN_FAILURE		the thread was killed with its process
 *   ERROR_TOO_MANY_OPEN_FILES	no descriptor is left (it takes two)
 *
 * Windows: "GetExitCodeThread function (processthreadsapi.h)".
 */
BOOL WINAPI GetExitCodeThread(HANDLE hThread, LPDWORD lpExitCode)
{
	int copy[2];
	int err;

	if (hThread == GetCurrentThread()) {
		*lpExitCode = STILL_ACTIVE;
		return TRUE;
	}
	if (pipe2(copy, O_CLOEXEC))
		return sockiocp_fail(errno);
	err = read_exit_code(sockiocp_handle_fd(hThread), copy, lpExitCode);
	close(copy[0]);
	close(copy[1]);
	if (err == EAGAIN)
		*lpExitCode = STILL_ACTIVE;
	else if (err)
		return sockiocp_fail(err);
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

static struct timespec timespec_of(unsigned long long ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};

	return ts;
}

/*
 * Waits until one of @fds has something, at most until @deadline, which is NULL
 * if there is none.  Returns as poll(2) does, but never for a signal.
 */
static int poll_until(struct pollfd *fds, DWORD count,
		      const unsigned long long *deadline)
{
	struct timespec left;
	int ready;

	do {
		if (deadline) {
			unsigned long long now = sockiocp_now_ns();

			left = timespec_of(*deadline > now ? *deadline - now :
							     0);
		}
		ready = ppoll(fds, count, deadline ? &left : NULL, NULL);
	} while (ready < 0 && errno == EINTR);
	return ready;
}

/**
 * WaitForSingleObject - wait for a thread to end, or for a port to have packets
 * @hHandle: a handle of CreateThread() or CreateIoCompletionPort()
 * @dwMilliseconds: how long to wait, in ms of CLOCK_MONOTONIC; 0 does not wait,
 *	INFINITE waits for ever
 *
 * Return: WAIT_OBJECT_0; WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says
 * why:
 *   ERROR_INVALID_HANDLE	not a handle
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "WaitForSingleObject function (synchapi.h)".
 */
DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds)
{
	return WaitForMultipleObjects(1, &hHandle, FALSE, dwMilliseconds);
}

/**
 * WaitForMultipleObjects - wait for one of several handles, or for all of them
 * @nCount: how many there are: 1 to MAXIMUM_WAIT_OBJECTS
 * @lpHandles: handles as for WaitForSingleObject()
 * @bWaitAll: whether all of them must have been signalled
 * @dwMilliseconds: as for WaitForSingleObject()
 *
 * Return: WAIT_OBJECT_0 with @bWaitAll, otherwise WAIT_OBJECT_0 and the index
 * of the first that is signalled; WAIT_TIMEOUT; WAIT_FAILED, and GetLastError()
 * says why:
 *   ERROR_INVALID_PARAMETER	@nCount is out of range, or there is no array
 *   ERROR_INVALID_HANDLE	one is not a handle
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "WaitForMultipleObjects function (synchapi.h)".
 */
DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles,
				    BOOL bWaitAll, DWORD dwMilliseconds)
{
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS];
	unsigned long long deadline = 0;
	DWORD i, waiting = nCount;
	int ready;

	if (!nCount || nCount > MAXIMUM_WAIT_OBJECTS || !lpHandles) {
		sockiocp_fail(EINVAL);
		return WAIT_FAILED;
	}
	for (i = 0; i < nCount; i++) {
		fds[i].fd = sockiocp_handle_fd(lpHandles[i]);
		fds[i].events = POLLIN;
		if (fds[i].fd < 0) {
			sockiocp_fail(EBADF);
			return WAIT_FAILED;
		}
	}
	if (dwMilliseconds != INFINITE)
		deadline = sockiocp_now_ns() + dwMilliseconds * NSEC_PER_MSEC;

	while (waiting) {
		ready = poll_until(fds, nCount, dwMilliseconds == INFINITE ?
						NULL : &deadline);
		if (ready < 0) {
			sockiocp_fail(errno);
			return WAIT_FAILED;
		}
		if (!ready)
			return WAIT_TIMEOUT;
		for (i = 0; i < nCount; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			if (fds[i].revents & POLLNVAL) {
				sockiocp_fail(EBADF);
				return WAIT_FAILED;
			}
			if (!bWaitAll)
				return WAIT_OBJECT_0 + i;
			/* poll() passes over negative numbers. */
			fds[i].fd = -1;
			waiting--;
		}
	}
	return WAIT_OBJECT_0;
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

	until = timespec_of(sockiocp_now_ns() + dwMilliseconds * NSEC_PER_MSEC);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		;
}
