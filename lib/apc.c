// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Asynchronous procedure calls: functions that a thread is given to run when it
 * waits alertably, which ends the wait.
 *
 * Each thread has a queue of them.  Who queues one to a thread that is waiting
 * sends it a signal.  The signal may come just before the thread enters the
 * kernel and must not be lost then, so its handler sets the time-out that the
 * kernel is about to read to 0.  The handler runs in the thread itself, hence
 * never while the kernel reads or writes the time-out.
 *
 * The signal is a real-time one that the program has no handler for, chosen by
 * the first alertable wait.  Only threads in such a wait are sent it.
 *
 * A handle names a thread by the inode of its file (thread.c), so duplicates do,
 * and a number that has come to be another file's does not.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/time_types.h>

#include "internal.h"

struct apc {
	struct apc *next;
	PAPCFUNC function;
	ULONG_PTR data;
};

/*
 * A thread.  What others may look at is protected by threads_lock, except that
 * the thread itself looks at @first, and writes @timeout, without it: each side
 * writes its one before it reads the other's.
 */
static _Thread_local struct thread {
	struct thread *next;
	/* 0 if it has no handle. */
	pid_t id;
	dev_t device;
	ino_t inode;
	struct apc *_Atomic first;
	struct apc *last;
	/* Of the alertable wait that is under way, or NULL. */
	long long *_Atomic timeout;
	bool can_be_woken;
} self __attribute__((__tls_model__("initial-exec")));

/* Those that have a handle. */
static struct thread *threads;
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

/* 0, which tgkill() takes for no signal, if the program uses them all. */
static int wake_signal;

/* A late signal finds an empty queue: the wait goes on. */
static void end_wait(int signal)
{
	volatile long long *timeout = self.timeout;

	(void)signal;
	if (timeout && self.first)
		*timeout = 0;
}

static void choose_signal(void)
{
	struct sigaction action = { .sa_handler = end_wait }, old;
	int signal;

	action.sa_flags = SA_RESTART;
	for (signal = SIGRTMAX; signal >= SIGRTMIN; signal--) {
		if (!sigaction(signal, NULL, &old) &&
		    old.sa_handler == SIG_DFL &&
		    !sigaction(signal, &action, NULL)) {
			wake_signal = signal;
			return;
		}
	}
}

static void become_wakeable(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigset_t set;

	pthread_once(&once, choose_signal);
	sigemptyset(&set);
	if (wake_signal)
		sigaddset(&set, wake_signal);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	self.can_be_woken = true;
}

/*
 * Begins an alertable wait whose time-out the kernel reads at @timeout, where 0
 * means that it does not wait.  The caller ends it by sockiocp_alertable_end().
 * Returns whether something is queued already.
 */
bool sockiocp_alertable_begin(long long *timeout)
{
	if (!self.can_be_woken)
		become_wakeable();
	self.timeout = timeout;
	if (!self.first)
		return false;
	*timeout = 0;
	return true;
}

static struct apc *take_apc(void)
{
	struct apc *apc;

	if (!self.first)
		return NULL;
	pthread_mutex_lock(&threads_lock);
	apc = self.first;
	self.first = apc->next;
	pthread_mutex_unlock(&threads_lock);
	return apc;
}

static void drop_apcs(void)
{
	struct apc *apc;

	while ((apc = take_apc()))
		free(apc);
}

/*
 * Ends an alertable wait; if it came to nothing, runs what is queued.  Returns
 * whether there was something.
 */
bool sockiocp_alertable_end(bool in_vain)
{
	struct apc *apc;
	bool ran = false;

	self.timeout = NULL;
	while (in_vain && (apc = take_apc())) {
		PAPCFUNC function = apc->function;
		ULONG_PTR data = apc->data;

		free(apc);
		function(data);
		ran = true;
	}
	return ran;
}

/*
 * A new process has one thread, with another number, and handles of others that
 * it does not have.  What is queued is called by the process it was queued in.
 */
static void start_in_child(void)
{
	pthread_mutex_init(&threads_lock, NULL);
	drop_apcs();
	threads = NULL;
	if (self.id) {
		self.id = gettid();
		self.next = NULL;
		threads = &self;
	}
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

static void prepare_for_fork(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_fork_handler);
}

/* Makes this thread known as the one whose handle is @fd. */
void sockiocp_thread_begins(int fd)
{
	struct stat st;

	prepare_for_fork();
	if (fstat(fd, &st))
		return;
	self.id = gettid();
	self.device = st.st_dev;
	self.inode = st.st_ino;
	pthread_mutex_lock(&threads_lock);
	self.next = threads;
	threads = &self;
	pthread_mutex_unlock(&threads_lock);
}

/* Makes it unknown, and drops what is queued. */
void sockiocp_thread_ends(void)
{
	struct thread **link;

	pthread_mutex_lock(&threads_lock);
	for (link = &threads; *link; link = &(*link)->next) {
		if (*link == &self) {
			*link = self.next;
			break;
		}
	}
	pthread_mutex_unlock(&threads_lock);
	drop_apcs();
}

/* Returns a thread, or NULL with errno set.  Needs threads_lock. */
static struct thread *thread_of(HANDLE handle)
{
	const struct sockiocp_thread_file *file;
	int fd = sockiocp_handle_fd(handle);
	struct thread *thread;
	struct stat st;

	if (handle == THIS_THREAD)
		return &self;
	if (fstat(fd, &st))
		return NULL;
	for (thread = threads; thread; thread = thread->next)
		if (thread->inode == st.st_ino && thread->device == st.st_dev)
			return thread;
	errno = sockiocp_thread_file_map(fd, &file);
	if (!errno) {
		sockiocp_thread_file_unmap(file);
		errno = ESRCH;
	}
	return NULL;
}

static void queue_apc(struct thread *thread, struct apc *apc)
{
	if (thread->first)
		thread->last->next = apc;
	else
		thread->first = apc;
	thread->last = apc;
	if (thread->timeout)
		tgkill(getpid(), thread->id, wake_signal);
}

/**
 * QueueUserAPC - have a thread call a function when it waits alertably
 * @pfnAPC: the function
 * @hThread: a handle of CreateThread(), or GetCurrentThread()
 * @dwData: what the function is given
 *
 * Alertable waits are SleepEx() and GetQueuedCompletionStatusEx() that are asked
 * to be.  The functions are called in the order in which they were queued, all
 * of them, also those that are queued meanwhile.  A thread that never waits so
 * never calls them.
 *
 * Return: nonzero; 0 if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	no function
 *   ERROR_INVALID_HANDLE	not a thread's handle
 *   ERROR_GEN_FAILURE		the thread has ended, or is another process's
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "QueueUserAPC function (processthreadsapi.h)".
 */
DWORD WINAPI QueueUserAPC(PAPCFUNC pfnAPC, HANDLE hThread, ULONG_PTR dwData)
{
	struct thread *thread;
	struct apc *apc;
	int err = 0;

	if (!pfnAPC)
		return (DWORD)sockiocp_fail(EINVAL);
	apc = malloc(sizeof(*apc));
	if (!apc)
		return (DWORD)sockiocp_fail(ENOMEM);
	*apc = (struct apc) { .function = pfnAPC, .data = dwData };

	prepare_for_fork();
	pthread_mutex_lock(&threads_lock);
	thread = thread_of(hThread);
	if (thread)
		queue_apc(thread, apc);
	else
		err = errno;
	pthread_mutex_unlock(&threads_lock);
	if (!err)
		return 1;
	free(apc);
	return (DWORD)sockiocp_fail(err);
}

/**
 * SleepEx - let time pass, or functions be called
 * @dwMilliseconds: how long, in ms; 0 does not wait, INFINITE waits for ever
 * @bAlertable: whether functions of QueueUserAPC() are called, which end it
 *
 * Return: 0 when the time has passed; WAIT_IO_COMPLETION if functions were
 * called.
 *
 * Windows: "SleepEx function (synchapi.h)".
 */
DWORD WINAPI SleepEx(DWORD dwMilliseconds, BOOL bAlertable)
{
	struct __kernel_timespec until = { .tv_sec = LLONG_MAX };

	if (!bAlertable) {
		Sleep(dwMilliseconds);
		return 0;
	}
	if (dwMilliseconds != INFINITE) {
		unsigned long long ns = sockiocp_now_ns() +
					dwMilliseconds * NSEC_PER_MSEC;

		until.tv_sec = (long long)(ns / NSEC_PER_SEC);
		until.tv_nsec = (long long)(ns % NSEC_PER_SEC);
	}

	sockiocp_alertable_begin(&until.tv_sec);
	/* Not libc's: it need not read until.tv_sec at the last moment. */
	while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME,
		       &until, NULL) && errno == EINTR)
		;
	return sockiocp_alertable_end(true) ? WAIT_IO_COMPLETION : 0;
}
