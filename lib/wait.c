// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waiting for handles: threads, and ports that have packets.
 *
 * The end of a thread is told to those who wait by the library (thread.c), and so
 * is that a port was closed (handle.c): poll(2), which says when a port has packets,
 * does not notice.  So each wait that sleeps stands in a list, and whoever ends a
 * thread or closes a handle wakes all of them to look again.
 *
 * Who waits for threads alone sleeps on a futex and needs no descriptor.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* How often a wait looks at its ports if there is no descriptor to wake it by. */
#define LOOK_NS		(100 * NSEC_PER_MSEC)

/* One of the things that are waited for. */
struct object {
	/* A thread's, or NULL: it is a port. */
	const struct sockiocp_thread_file *thread;
	/* A port's descriptor, and what sockiocp_close_count() said of it. */
	int fd;
	unsigned char count;
	bool signalled;
};

/* A wait that sleeps.  On its thread's stack, and in the list. */
struct wait {
	struct wait *next;
	/* To be woken by, if there are ports; or -1. */
	int event;
	/* A futex: 1 if there may be something new. */
	atomic_uint disturbed;
};

static struct wait *waits;
static pthread_mutex_t waits_lock = PTHREAD_MUTEX_INITIALIZER;
/* How many are in the list, for those who have no time to look. */
static atomic_int nr_waits;

static long futex(atomic_uint *word, int op, unsigned int value,
		  const struct timespec *until)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, until, NULL,
		       FUTEX_BITSET_MATCH_ANY);
}

/* A thread has ended, or a handle was closed: whoever waits looks again. */
void sockiocp_disturb_waits(void)
{
	struct wait *wait;

	/* Who comes to the list later than this looks later, too. */
	if (!atomic_load(&nr_waits))
		return;
	pthread_mutex_lock(&waits_lock);
	for (wait = waits; wait; wait = wait->next) {
		atomic_store(&wait->disturbed, 1);
		if (wait->event >= 0)
			eventfd_write(wait->event, 1);
		else
			futex(&wait->disturbed, FUTEX_WAKE, INT_MAX, NULL);
	}
	pthread_mutex_unlock(&waits_lock);
}

/* A new process has one thread, which does not wait. */
static void forget_waits(void)
{
	pthread_mutex_init(&waits_lock, NULL);
	waits = NULL;
	atomic_store(&nr_waits, 0);
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, forget_waits);
}

static void begin_wait(struct wait *wait, bool polls)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_fork_handler);
	wait->event = polls ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	atomic_init(&wait->disturbed, 0);
	pthread_mutex_lock(&waits_lock);
	wait->next = waits;
	waits = wait;
	atomic_fetch_add(&nr_waits, 1);
	pthread_mutex_unlock(&waits_lock);
}

static void end_wait(void *argument)
{
	struct wait *wait = argument;
	struct wait **link;

	pthread_mutex_lock(&waits_lock);
	for (link = &waits; *link != wait; link = &(*link)->next)
		;
	*link = wait->next;
	atomic_fetch_sub(&nr_waits, 1);
	pthread_mutex_unlock(&waits_lock);
	if (wait->event >= 0)
		close(wait->event);
}

/* Returns 0 or an errno value: EBADF if it is nothing that can be waited for. */
static int get_object(HANDLE handle, struct object *object)
{
	int fd = sockiocp_handle_fd(handle);
	int err;

	*object = (struct object) { .fd = fd, .count = sockiocp_close_count(fd) };
	err = sockiocp_thread_file_map(fd, &object->thread);
	if (err == EBADF && sockiocp_check_port(fd) != EBADF)
		return 0;
	/* Nobody here is told when it ends. */
	if (!err && !object->thread->ended && object->thread->process != getpid()) {
		sockiocp_thread_file_unmap(object->thread);
		err = ESRCH;
	}
	return err;
}

static void put_objects(struct object *objects, DWORD count)
{
	DWORD i;

	for (i = 0; i < count; i++)
		if (objects[i].thread)
			sockiocp_thread_file_unmap(objects[i].thread);
}

/*
 * Fills in what poll(2) is asked; it passes over negative numbers.  Returns whether
 * there is something to ask.
 */
static bool fill_in(struct pollfd *fds, const struct object *objects, DWORD count)
{
	bool any = false;
	DWORD i;

	for (i = 0; i < count; i++) {
		bool polled = !objects[i].thread && !objects[i].signalled;

		fds[i] = (struct pollfd) {
			.fd = polled ? objects[i].fd : -1, .events = POLLIN,
		};
		any |= polled;
	}
	return any;
}

/*
 * Looks at all that has not been signalled yet.  Returns what the wait returns, and
 * WAIT_TIMEOUT if it is not over.
 */
static DWORD look(struct object *objects, DWORD count, bool all)
{
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS];
	bool missing = false;
	DWORD i;

	if (fill_in(fds, objects, count))
		poll(fds, count, 0);
	for (i = 0; i < count; i++) {
		struct object *object = &objects[i];

		if (!object->thread && !object->signalled &&
		    (sockiocp_close_count(object->fd) != object->count ||
		     (fds[i].revents & POLLNVAL)))
			return WAIT_ABANDONED_0 + (all ? 0 : i);
		if (fds[i].revents || (object->thread && object->thread->ended))
			object->signalled = true;
		if (object->signalled && !all)
			return WAIT_OBJECT_0 + i;
		missing |= !object->signalled;
	}
	return missing ? WAIT_TIMEOUT : WAIT_OBJECT_0;
}

static void poll_until(struct wait *wait, const struct object *objects, DWORD count,
		       const unsigned long long *deadline)
{
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS + 1];
	unsigned long long now = sockiocp_now_ns();
	unsigned long long left = deadline ? *deadline - now : ULLONG_MAX;
	struct timespec ts;

	if (deadline && *deadline < now)
		return;
	if (wait->event < 0 && left > LOOK_NS)
		left = LOOK_NS;
	fill_in(fds, objects, count);
	fds[count] = (struct pollfd) { .fd = wait->event, .events = POLLIN };
	ts = sockiocp_timespec(left);
	ppoll(fds, count + 1, left == ULLONG_MAX ? NULL : &ts, NULL);
}

/* Sleeps until there may be something new, or for a signal. */
static void sleep_until(struct wait *wait, const struct object *objects, DWORD count,
			bool polls, const unsigned long long *deadline)
{
	struct timespec until;

	if (polls) {
		poll_until(wait, objects, count, deadline);
		return;
	}
	if (deadline)
		until = sockiocp_timespec(*deadline);
	futex(&wait->disturbed, FUTEX_WAIT_BITSET, 0, deadline ? &until : NULL);
}

static DWORD wait_for(struct object *objects, DWORD count, bool all, bool polls,
		      const unsigned long long *deadline)
{
	eventfd_t times;
	struct wait wait;
	DWORD result;

	begin_wait(&wait, polls);
	/* Also if the thread ends meanwhile: a signal handler may call ExitThread(). */
	pthread_cleanup_push(end_wait, &wait);
	for (;;) {
		/* What comes after this ends the sleep below. */
		atomic_store(&wait.disturbed, 0);
		if (wait.event >= 0)
			eventfd_read(wait.event, &times);
		result = look(objects, count, all);
		if (result != WAIT_TIMEOUT ||
		    (deadline && sockiocp_now_ns() >= *deadline))
			break;
		sleep_until(&wait, objects, count, polls, deadline);
	}
	pthread_cleanup_pop(1);
	return result;
}

/**
 * WaitForSingleObject - wait for a thread to end, or for a port to have packets
 * @hHandle: a handle of CreateThread() or CreateIoCompletionPort()
 * @dwMilliseconds: how long to wait, in ms of CLOCK_MONOTONIC; 0 does not wait,
 *	INFINITE waits for ever
 *
 * Return: WAIT_OBJECT_0; WAIT_ABANDONED_0: the port was closed during the wait;
 * WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a handle of a thread or a port
 *   ERROR_GEN_FAILURE		a thread of another process, which has not ended
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * A thread is waited for although its handle is closed meanwhile.
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
 * A wait for ports takes a descriptor while it sleeps; if none is left it looks ten
 * times a second whether they were closed.
 *
 * Return: WAIT_OBJECT_0 with @bWaitAll, otherwise WAIT_OBJECT_0 and the index
 * of the first that is signalled; WAIT_ABANDONED_0, in the same way, if a port was
 * closed during the wait; WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	@nCount is out of range, or there is no array
 *   ERROR_INVALID_HANDLE, ERROR_GEN_FAILURE, ERROR_NOT_ENOUGH_MEMORY
 *				as for WaitForSingleObject()
 *
 * Windows: "WaitForMultipleObjects function (synchapi.h)".
 */
DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles,
				    BOOL bWaitAll, DWORD dwMilliseconds)
{
	struct object objects[MAXIMUM_WAIT_OBJECTS];
	unsigned long long deadline = 0;
	bool polls = false;
	DWORD i, result;
	int err;

	if (!nCount || nCount > MAXIMUM_WAIT_OBJECTS || !lpHandles) {
		sockiocp_fail(EINVAL);
		return WAIT_FAILED;
	}
	if (dwMilliseconds && dwMilliseconds != INFINITE)
		deadline = sockiocp_now_ns() + dwMilliseconds * NSEC_PER_MSEC;
	for (i = 0; i < nCount; i++) {
		err = get_object(lpHandles[i], &objects[i]);
		if (err) {
			put_objects(objects, i);
			sockiocp_fail(err);
			return WAIT_FAILED;
		}
		polls |= !objects[i].thread;
	}

	/* Most often it is over, or not to be waited for. */
	result = look(objects, nCount, bWaitAll);
	if (result == WAIT_TIMEOUT && dwMilliseconds)
		result = wait_for(objects, nCount, bWaitAll, polls,
				  dwMilliseconds == INFINITE ? NULL : &deadline);
	put_objects(objects, nCount);
	return result;
}
