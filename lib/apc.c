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
 *
 * The functions of waitable timers are for the thread that has set the timer, and only
 * while it waits alertably.  So nobody has to queue them when they are due: the thread
 * itself sleeps no longer than until then.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/time_types.h>

#include "internal.h"
#include "waiters.h"

/* What QueueUserAPC() queues. */
struct user_apc {
	struct sockiocp_apc apc;
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
	/* 0 if it is not in the list.  Without a handle it is no file's. */
	pid_t id;
	dev_t device;
	ino_t inode;
	/* Of the file that duplicates of GetCurrentThread() are (thread_self.c). */
	dev_t own_device;
	ino_t own_inode;
	struct sockiocp_apc *_Atomic first;
	struct sockiocp_apc *last;
	/* Of the alertable wait that is under way, or NULL, and how many numbers it has. */
	long long *_Atomic timeout;
	unsigned int timeout_count;
	bool can_be_woken;
	/* A number that no other thread of the process ever has; 0 until it is needed. */
	unsigned long long serial;
} self __attribute__((__tls_model__("initial-exec")));

/* Those that have a handle, or are given completion routines. */
static struct thread *threads;
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

/* A function that a thread is to call when a timer is due. */
struct timed {
	struct timed *next;
	/* The timer's descriptor, and whose function it is. */
	int fd;
	unsigned long long serial;
	/* In ns of sockiocp_now_ns(). */
	unsigned long long due, period;
	PTIMERAPCROUTINE function;
	void *argument;
};

/* Protected by threads_lock. */
static struct timed *timed;
/* How many there are, for those who have no time to look. */
static atomic_int nr_timed;

/* 0, which tgkill() takes for no signal, if the program uses them all. */
static int wake_signal;

/* A late signal finds an empty queue: the wait goes on. */
static void end_wait(int signal)
{
	volatile long long *timeout = self.timeout;
	unsigned int i;

	(void)signal;
	if (timeout && self.first)
		for (i = 0; i < self.timeout_count; i++)
			timeout[i] = 0;
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
 * Begins an alertable wait whose time-out the kernel reads at @timeout, where @count
 * zeros mean that it does not wait.  The caller ends it by sockiocp_alertable_end(); it
 * may begin anew before.  Returns whether something is queued already.
 */
bool sockiocp_alertable_begin(long long *timeout, unsigned int count)
{
	unsigned int i;

	if (!self.can_be_woken)
		become_wakeable();
	self.timeout_count = count;
	self.timeout = timeout;
	if (!self.first)
		return false;
	for (i = 0; i < count; i++)
		timeout[i] = 0;
	return true;
}

static struct sockiocp_apc *take_apc(void)
{
	struct sockiocp_apc *apc;

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
	struct sockiocp_apc *apc;

	while ((apc = take_apc()))
		free(apc);
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

/* Returns until when an alertable wait of this thread may sleep at most. */
unsigned long long sockiocp_alertable_deadline(unsigned long long deadline)
{
	struct timed *entry;

	if (!atomic_load(&nr_timed) || !self.serial)
		return deadline;
	pthread_mutex_lock(&threads_lock);
	for (entry = timed; entry; entry = entry->next)
		if (entry->serial == self.serial && entry->due < deadline)
			deadline = entry->due;
	pthread_mutex_unlock(&threads_lock);
	return deadline;
}

static unsigned long long get_serial(void)
{
	static atomic_ullong serials;

	if (!self.serial)
		self.serial = atomic_fetch_add(&serials, 1) + 1;
	return self.serial;
}

/* Needs threads_lock. */
static void drop_timed(struct timed **link)
{
	struct timed *entry = *link;

	*link = entry->next;
	atomic_fetch_sub(&nr_timed, 1);
	free(entry);
}

/*
 * Has this thread call @function from @due on, and every @period ms after that, if it
 * waits alertably then; forgets what was told of the same timer before.  Without a
 * function there is nothing to call.  Returns 0 or an errno value.
 */
int sockiocp_time_apc(int fd, unsigned long long due, LONG period,
		      PTIMERAPCROUTINE function, void *argument)
{
	struct timed *entry = NULL;
	struct timed **link;

	if (!function && !atomic_load(&nr_timed))
		return 0;
	if (function) {
		entry = malloc(sizeof(*entry));
		if (!entry)
			return ENOMEM;
		get_serial();
		*entry = (struct timed) {
			.fd = fd, .serial = self.serial, .due = due,
			.period = (unsigned int)period * NSEC_PER_MSEC,
			.function = function, .argument = argument,
		};
	}

	prepare_for_fork();
	pthread_mutex_lock(&threads_lock);
	for (link = &timed; *link; link = &(*link)->next) {
		if ((*link)->fd == fd) {
			drop_timed(link);
			break;
		}
	}
	if (entry) {
		entry->next = timed;
		timed = entry;
		atomic_fetch_add(&nr_timed, 1);
	}
	pthread_mutex_unlock(&threads_lock);
	return 0;
}

/* Takes a function of this thread's that is due, as a copy.  Returns false if none is. */
static bool take_timed(struct timed *taken, unsigned long long now)
{
	struct timed **link;
	bool found = false;

	if (!atomic_load(&nr_timed) || !self.serial)
		return false;
	pthread_mutex_lock(&threads_lock);
	for (link = &timed; *link && !found; link = &(*link)->next) {
		struct timed *entry = *link;

		if (entry->serial != self.serial || entry->due > now)
			continue;
		found = true;
		*taken = *entry;
		if (!entry->period) {
			drop_timed(link);
			break;
		}
		/* However often it was due, it is called once. */
		entry->due += ((now - entry->due) / entry->period + 1) * entry->period;
	}
	pthread_mutex_unlock(&threads_lock);
	return found;
}

/* Calls the functions of timers that are due.  Returns whether there was one. */
static bool call_timed(void)
{
	unsigned long long now = sockiocp_now_ns();
	struct timed due;
	bool any = false;

	while (take_timed(&due, now)) {
		unsigned long long time = sockiocp_file_time() -
					  (now - due.due) / NSEC_PER_UNIT;

		due.function(due.argument, (DWORD)time, (DWORD)(time >> 32));
		any = true;
	}
	return any;
}

/*
 * Ends an alertable wait; if it came to nothing, runs what is queued.  Returns
 * whether there was something.
 */
bool sockiocp_alertable_end(bool in_vain)
{
	struct sockiocp_apc *apc;
	bool ran = false;

	self.timeout = NULL;
	if (in_vain)
		ran = call_timed();
	while (in_vain && (apc = take_apc())) {
		apc->call(apc);
		ran = true;
	}
	return ran;
}

static void wait_is_cancelled(void *unused)
{
	(void)unused;
	self.timeout = NULL;
}

/* As ppoll(2), and ends when something is queued.  Here the thread may be cancelled. */
static int poll_until(struct pollfd *fds, unsigned long count, unsigned long long deadline)
{
	unsigned long long now = sockiocp_now_ns(), left = ULLONG_MAX;
	struct __kernel_timespec timeout;
	int ready, type, unused;

	if (deadline != ULLONG_MAX)
		left = deadline > now ? deadline - now : 0;
	timeout.tv_sec = (long long)(left / NSEC_PER_SEC);
	timeout.tv_nsec = (long long)(left % NSEC_PER_SEC);
	pthread_cleanup_push(wait_is_cancelled, NULL);
	sockiocp_alertable_begin((long long *)&timeout, 2);
	/* Not libc's: it need not read @timeout at the last moment. */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ready = (int)syscall(SYS_ppoll, fds, count, &timeout, NULL, _NSIG / 8);
	pthread_setcanceltype(type, &unused);
	pthread_cleanup_pop(0);
	self.timeout = NULL;
	return ready;
}

/*
 * As poll(2) until @deadline, of a call that waits alertably and goes on after that: what is
 * queued is run if no descriptor is ready; then it returns 0, or -1 with errno EINTR.
 */
int sockiocp_poll_alertably(struct pollfd *fds, unsigned long count,
			    unsigned long long deadline, struct sockiocp_waiter *waiter)
{
	int ready = poll_until(fds, count, sockiocp_alertable_deadline(deadline)), err = errno;

	if (ready <= 0) {
		sockiocp_waiter_goes_away(waiter);
		sockiocp_alertable_end(true);
		sockiocp_waiter_is_back(waiter);
	}
	errno = err;
	return ready;
}

static void join_threads(void)
{
	self.id = gettid();
	pthread_mutex_lock(&threads_lock);
	self.next = threads;
	threads = &self;
	pthread_mutex_unlock(&threads_lock);
}

/* Makes this thread known as the one whose handle is @fd. */
void sockiocp_thread_begins(int fd)
{
	struct stat st;

	prepare_for_fork();
	if (fstat(fd, &st))
		return;
	self.device = st.st_dev;
	self.inode = st.st_ino;
	join_threads();
}

/* Makes it known as the one whose handle is @fd, too.  Returns 0 or an errno value. */
int sockiocp_thread_is_also(int fd)
{
	struct stat st;

	prepare_for_fork();
	if (fstat(fd, &st))
		return errno;
	pthread_mutex_lock(&threads_lock);
	self.own_device = st.st_dev;
	self.own_inode = st.st_ino;
	pthread_mutex_unlock(&threads_lock);
	if (!self.id)
		join_threads();
	return 0;
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

static pthread_key_t end_key;
static bool has_end_key;

static void end_of_thread(void *unused)
{
	(void)unused;
	sockiocp_thread_ends();
}

static void create_end_key(void)
{
	has_end_key = !pthread_key_create(&end_key, end_of_thread);
}

/*
 * Makes this thread known, if it is not, as one that functions can be queued to.  Returns the
 * number that sockiocp_queue_apc() knows it by, or 0 if that cannot be.
 */
unsigned long long sockiocp_thread_serial(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!self.id) {
		/* This library has not started it, and is to hear of its end. */
		prepare_for_fork();
		pthread_once(&once, create_end_key);
		if (!has_end_key || pthread_setspecific(end_key, &self))
			return 0;
		join_threads();
	}
	return get_serial();
}

static void queue_apc(struct thread *thread, struct sockiocp_apc *apc)
{
	apc->next = NULL;
	if (thread->first)
		thread->last->next = apc;
	else
		thread->first = apc;
	thread->last = apc;
	if (thread->timeout)
		tgkill(getpid(), thread->id, wake_signal);
}

/* Queues something to a thread of this process.  Returns false if that has ended. */
bool sockiocp_queue_apc(unsigned long long serial, struct sockiocp_apc *apc)
{
	struct thread *thread;

	pthread_mutex_lock(&threads_lock);
	for (thread = threads; thread; thread = thread->next)
		if (thread->serial == serial)
			break;
	if (thread)
		queue_apc(thread, apc);
	pthread_mutex_unlock(&threads_lock);
	return thread;
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
		if ((thread->inode == st.st_ino && thread->device == st.st_dev) ||
		    (thread->own_inode == st.st_ino && thread->own_device == st.st_dev))
			return thread;
	errno = sockiocp_thread_file_map(fd, &file);
	if (!errno) {
		sockiocp_thread_file_unmap(file);
		errno = ESRCH;
	}
	return NULL;
}

static void call_user_apc(struct sockiocp_apc *apc)
{
	struct user_apc copy = *(struct user_apc *)apc;

	free(apc);
	copy.function(copy.data);
}

/**
 * QueueUserAPC - have a thread call a function when it waits alertably
 * @pfnAPC: the function
 * @hThread: a handle of CreateThread() or DuplicateHandle(), or GetCurrentThread()
 * @dwData: what the function is given
 *
 * Alertable waits are SleepEx(), WaitForSingleObjectEx(), WaitForMultipleObjectsEx() and
 * GetQueuedCompletionStatusEx() that are asked to be; and Winsock's calls that wait: accept(),
 * connect(), recv(), send() and their kin, select() and WSAPoll(), which go on waiting
 * afterwards.  The functions are called in the order in which they were queued, all of them,
 * also those that are queued meanwhile.  A thread that never waits so never calls them.
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
	struct user_apc *apc;
	int err = 0;

	if (!pfnAPC)
		return (DWORD)sockiocp_fail(EINVAL);
	apc = malloc(sizeof(*apc));
	if (!apc)
		return (DWORD)sockiocp_fail(ENOMEM);
	*apc = (struct user_apc) {
		.apc.call = call_user_apc, .function = pfnAPC, .data = dwData,
	};

	prepare_for_fork();
	pthread_mutex_lock(&threads_lock);
	thread = thread_of(hThread);
	if (thread)
		queue_apc(thread, &apc->apc);
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
 * @bAlertable: whether functions of QueueUserAPC() and of waitable timers are called,
 *	which end it
 *
 * Return: 0 when the time has passed; WAIT_IO_COMPLETION if functions were
 * called.
 *
 * Windows: "SleepEx function (synchapi.h)".
 */
DWORD WINAPI SleepEx(DWORD dwMilliseconds, BOOL bAlertable)
{
	unsigned long long end = ULLONG_MAX, wake;
	struct __kernel_timespec until;

	if (!bAlertable) {
		Sleep(dwMilliseconds);
		return 0;
	}
	if (dwMilliseconds != INFINITE)
		end = sockiocp_now_ns() + dwMilliseconds * NSEC_PER_MSEC;

	do {
		wake = sockiocp_alertable_deadline(end);
		until.tv_sec = (long long)(wake / NSEC_PER_SEC);
		until.tv_nsec = (long long)(wake % NSEC_PER_SEC);
		sockiocp_alertable_begin(&until.tv_sec, 1);
		/* Not libc's: it need not read until.tv_sec at the last moment. */
		while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME,
			       &until, NULL) && errno == EINTR)
			;
		if (sockiocp_alertable_end(true))
			return WAIT_IO_COMPLETION;
		/* A timer may have been cancelled while this slept. */
	} while (wake < end);
	return 0;
}
