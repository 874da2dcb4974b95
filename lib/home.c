// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The home port: all overlapped operations of a process are submitted by one port of its own.
 *
 * A thread of the library's harvests it.  In that call the module carries out what no other
 * thread of the process would, and what has to be done without a packet for the program comes
 * out of it.
 *
 * The home port is made by the first operation; by the first one of a child, which has no
 * thread either; and if the program has closed it, as daemons do.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "overlapped.h"
#include "winsock.h"

/* How many packets the home thread takes at once. */
#define HOME_PACKETS	64

static pthread_mutex_t home_lock = PTHREAD_MUTEX_INITIALIZER;
/* -1 if there is none. */
static atomic_int home = -1;
/* How many there have been: the same number may be another one. */
static atomic_uint homes;
/* It has a thread. */
static atomic_bool home_is_harvested;

/* A futex: how often the home thread has taken packets, and how many threads wait on it. */
static atomic_uint results;
static atomic_uint result_waiters;

/* -------------------------------------------------------------- the home thread */

/* Returns how often something has been completed at home. */
unsigned int sockiocp_results(void)
{
	return atomic_load(&results);
}

/* Waits until something more than @seen is, or @ns have passed, or a signal comes. */
void sockiocp_wait_result(unsigned int seen, unsigned long long ns)
{
	struct timespec time = sockiocp_timespec(ns);

	atomic_fetch_add(&result_waiters, 1);
	syscall(SYS_futex, &results, FUTEX_WAIT_PRIVATE, seen, &time, NULL, 0);
	atomic_fetch_sub(&result_waiters, 1);
}

static void tell_results(void)
{
	atomic_fetch_add(&results, 1);
	if (atomic_load(&result_waiters))
		syscall(SYS_futex, &results, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Who takes notifications, if anybody does. */
void (*_Atomic sockiocp_notified)(const struct sockiocp_packet_entry *packet);

static void take_home_packet(struct sockiocp_packet_entry *packet)
{
	void (*notified)(const struct sockiocp_packet_entry *) = atomic_load(&sockiocp_notified);
	bool ready = packet->reserved & SOCKIOCP_PACKET_READY;
	struct sockiocp_pending *pending =
		sockiocp_take_pending((void *)(uintptr_t)packet->overlapped,
				      ready ? packet->internal : packet->completion_key);

	if (pending)
		pending->harvested(pending, packet, true);
	else if (!packet->overlapped && notified)
		notified(packet);
}

static void *home_main(void *argument)
{
	int fd = (int)(intptr_t)argument;
	struct sockiocp_packet_entry packets[HOME_PACKETS];
	__u32 i, received = 0;
	struct sockiocp_process process = {
		.entries = (uintptr_t)packets,
		.received = (uintptr_t)&received,
		.timeout_ns = SOCKIOCP_INFINITE,
		.entry_count = HOME_PACKETS,
		.handle = (__u32)fd,
	};

	for (;;) {
		if (ioctl(fd, SOCKIOCP_PROCESS, &process)) {
			/* The program has closed it. */
			if (errno == ESHUTDOWN || errno == EBADF || errno == ENOTTY)
				return NULL;
			continue;
		}
		for (i = 0; i < received; i++)
			take_home_packet(&packets[i]);
		if (received)
			tell_results();
	}
}

/* Starts the thread, which takes no signals.  Returns an errno value. */
static int start_home_thread(int fd)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, home_main, (void *)(intptr_t)fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	/* Threads are what has run out. */
	return err == EAGAIN ? ENOBUFS : err;
}

/* ---------------------------------------------------------------- the home port */

/* The port is the parent's, and so is what pends.  A thread may have held the lock. */
static void start_in_child(void)
{
	pthread_mutex_init(&home_lock, NULL);
	sockiocp_close_parents_port(atomic_load(&home));
	atomic_store(&home, -1);
	atomic_store(&home_is_harvested, false);
	atomic_store(&result_waiters, 0);
	sockiocp_forget_all_pendings();
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

/* Needs home_lock.  Returns 0 or an errno value. */
static int make_home(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int fd, err;

	pthread_once(&once, register_fork_handler);
	err = sockiocp_create_own_port(&fd);
	if (err)
		return err;
	atomic_store(&home_is_harvested, false);
	atomic_store(&home, fd);
	atomic_fetch_add(&homes, 1);
	return 0;
}

/*
 * Returns the home port's descriptor, or -1 with errno.  If it is @lost, it is the @seen-th
 * that is so; @harvested says whether it has to have a thread.
 */
static int get_home(bool lost, unsigned int seen, bool harvested)
{
	int fd, err = 0;

	pthread_mutex_lock(&home_lock);
	fd = atomic_load(&home);
	if (fd < 0 || (lost && atomic_load(&homes) == seen))
		err = make_home();
	fd = atomic_load(&home);
	if (!err && harvested && !atomic_load(&home_is_harvested)) {
		err = start_home_thread(fd);
		if (!err)
			atomic_store(&home_is_harvested, true);
	}
	pthread_mutex_unlock(&home_lock);
	errno = err;
	return err ? -1 : fd;
}

/*
 * Did a call fail because this is not the home port (any more)?  The program may have closed
 * it; or the process was forked in a way that the C library knows nothing of.
 */
bool sockiocp_home_is_lost(int fd, int err)
{
	switch (err) {
	case EXDEV:
		return true;
	case EBADF:
	case ENOTTY:
	case EINVAL:
	case EOPNOTSUPP:
	case ESHUTDOWN:
		return sockiocp_check_port(fd);
	default:
		return false;
	}
}

/*
 * Returns the descriptor of the home port, which has a thread, or -1 with errno.  @seen is for
 * sockiocp_home_again().
 */
int sockiocp_home(unsigned int *seen)
{
	*seen = atomic_load(&homes);
	return atomic_load(&home_is_harvested) ? atomic_load(&home) : get_home(false, 0, true);
}

/* The same if that one was lost. */
int sockiocp_home_again(unsigned int seen)
{
	return get_home(true, seen, true);
}

/* Makes a call by the home port, with a thread if it is to be @harvested.  As ioctl(2). */
int sockiocp_call_home(unsigned long call, void *argument, bool harvested)
{
	unsigned int seen = atomic_load(&homes);
	int fd = atomic_load(&home), result, err;

	if (fd < 0 || (harvested && !atomic_load(&home_is_harvested)))
		fd = get_home(false, 0, harvested);
	if (fd < 0)
		return -1;
	result = ioctl(fd, call, argument);
	if (result >= 0)
		return result;
	err = errno;
	if (sockiocp_home_is_lost(fd, err)) {
		fd = get_home(true, seen, harvested);
		return fd < 0 ? -1 : ioctl(fd, call, argument);
	}
	errno = err;
	return result;
}

/* Whether an operation of this process may be under way. */
bool sockiocp_has_submitted(void)
{
	return atomic_load(&home_is_harvested);
}

/* Makes a call by a port of the library's own, any of which will do.  As ioctl(2). */
int sockiocp_home_ioctl(unsigned long call, void *argument)
{
	return sockiocp_call_home(call, argument, false);
}

/*
 * Closes a socket, and ends what pends on it.  Returns 0 or an errno value: ENOTSOCK if it is
 * none, and stays open.
 */
int sockiocp_close_socket(int fd)
{
	if (atomic_load(&home_is_harvested)) {
		if (!ioctl(atomic_load(&home), SOCKIOCP_CLOSE_SOCKET, (unsigned long)fd))
			return 0;
		if (errno == ENOTSOCK)
			return ENOTSOCK;
		/* The program has closed the home port: it is done without. */
	}
	/* What is open for its path only, too: CloseHandle() closes that. */
	if (!sockiocp_is_socket(fd))
		return ENOTSOCK;
	/* Linux has closed it, whatever else close() complains of. */
	return close(fd) && errno == EBADF ? EBADF : 0;
}
