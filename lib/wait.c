// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waiting for handles: events, timers, threads, and ports that have packets.
 *
 * Events and timers are descriptors that poll(2) tells of.  A wait for such alone is one
 * ppoll(2); then whoever comes first takes the signal of one that resets itself, by
 * reading it, and the others sleep on.
 *
 * On Windows each SetEvent() of such an event releases one of the threads that wait,
 * also if the next one comes before that thread has run.  Here the first of them to run
 * finds both in the event's counter.  So it puts back what was meant for the others: as
 * many as SetEvent() was called while somebody slept, which counts in the upper half, but
 * not more than do sleep, and one more if something is left over, as the event would be
 * set then.
 *
 * The end of a thread is told to those who wait by the library (thread.c), and so
 * is that a port was closed (handle.c): poll(2), which says when a port has packets,
 * does not notice.  So each wait for these that sleeps stands in a list, and whoever ends
 * a thread or closes a handle wakes all of them to look again.
 *
 * Who waits for threads alone sleeps on a futex and needs no descriptor.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* How often a wait looks at its ports if there is no descriptor to wake it by. */
#define LOOK_NS		(100 * NSEC_PER_MSEC)

/* One of the things that are waited for. */
struct object {
	/* A thread's, or NULL. */
	const struct sockiocp_thread_file *thread;
	/* SOCKIOCP_* bits of an event or a timer; 0 if it is a thread or a port. */
	unsigned int kind;
	/* The descriptor, and what sockiocp_close_count() said of it. */
	int fd;
	unsigned char count;
	bool signalled;
};

/* What a thread waits for. */
struct request {
	struct object *objects;
	DWORD count;
	bool all, alertable;
	/* Threads, ports: the wait has to be in the list. */
	bool listed;
	/* Something that poll(2) tells of. */
	bool polls;
	/* It was not signalled a moment ago. */
	bool looked;
	/* What the kernel reads; here because signals may set it to 0 until the very end. */
	struct __kernel_timespec timeout;
};

/* A wait that sleeps.  On its thread's stack, and in the list if it has to be. */
struct wait {
	struct wait *next;
	struct request *request;
	/* To be woken by, if there is something to poll; or -1. */
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
	sockiocp_forget_sleepers();
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, forget_waits);
}

/* An event that resets itself: SetEvent() wants to know who sleeps. */
static bool is_counted(const struct object *object)
{
	return (object->kind & SOCKIOCP_EVENT) && !(object->kind & SOCKIOCP_MANUAL);
}

static void count_sleeper(const struct request *request, int by)
{
	DWORD i;

	for (i = 0; i < request->count; i++)
		if (is_counted(&request->objects[i]))
			sockiocp_count_sleeper(request->objects[i].fd, by);
}

static void begin_wait(struct wait *wait, struct request *request)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_fork_handler);
	wait->request = request;
	wait->event = -1;
	atomic_init(&wait->disturbed, 0);
	count_sleeper(request, 1);
	if (!request->listed)
		return;
	if (request->polls)
		wait->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
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

	count_sleeper(wait->request, -1);
	if (!wait->request->listed)
		return;
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

	*object = (struct object) {
		.fd = fd, .count = sockiocp_close_count(fd),
		.kind = sockiocp_known_kind(fd),
	};
	if (object->kind)
		return 0;
	err = sockiocp_thread_file_map(fd, &object->thread);
	if (err == EBADF) {
		if (sockiocp_check_port(fd) != EBADF)
			return 0;
		object->kind = sockiocp_find_kind(fd);
		if (object->kind)
			return 0;
		/* As in an OVERLAPPED: the low bit is not a part of the handle. */
		return fd % 2 > 0 ? get_object((HANDLE)(intptr_t)(fd - 1), object) : EBADF;
	}
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

static int get_objects(struct request *request, const HANDLE *handles)
{
	struct object *objects = request->objects;
	DWORD i, j;
	int err;

	for (i = 0; i < request->count; i++) {
		err = get_object(handles[i], &objects[i]);
		/* To have one twice at the same time cannot be. */
		for (j = 0; !err && request->all && j < i; j++) {
			if (handles[j] == handles[i]) {
				put_objects(&objects[i], 1);
				err = EINVAL;
			}
		}
		if (err) {
			put_objects(objects, i);
			return err;
		}
		request->polls |= !objects[i].thread;
		request->listed |= !objects[i].kind;
	}
	return 0;
}

/* What is closed is nothing any more; a wait that has begun goes on without it. */
static bool is_closed(const struct object *object)
{
	return sockiocp_close_count(object->fd) != object->count;
}

/*
 * Fills in what poll(2) is asked, which passes over negative numbers.  A wait for all asks
 * only for what is missing, if it is to sleep.
 */
static void fill_in(struct pollfd *fds, const struct request *request, bool missing)
{
	DWORD i;

	for (i = 0; i < request->count; i++) {
		const struct object *object = &request->objects[i];
		bool asks = !object->thread && !(missing && object->signalled) &&
			    !(object->kind && is_closed(object));

		fds[i] = (struct pollfd) {
			.fd = asks ? object->fd : -1, .events = POLLIN,
		};
	}
}

/* Gives back to an event what it holds for others than this thread, who has taken all. */
static void give_back(const struct object *object, unsigned long long taken)
{
	unsigned long long handed = taken >> 32, left = taken & 0xffffffff;
	unsigned long long sleepers = sockiocp_sleepers(object->fd);

	if (handed > sleepers) {
		handed = sleepers;
		left = 1;
	}
	if (handed)
		handed--;
	else
		left = 0;
	if (handed || left)
		eventfd_write(object->fd, handed * SOCKIOCP_SET_FOR_SLEEPER + !!left);
}

/* Takes the signal of what is signalled.  Returns false if somebody else has taken it. */
static bool take(const struct object *object)
{
	eventfd_t taken;

	/* A number that was closed may be another file's by now. */
	if (!object->kind || (object->kind & SOCKIOCP_MANUAL) || is_closed(object))
		return true;
	if (read(object->fd, &taken, sizeof(taken)) != sizeof(taken))
		return false;
	if (is_counted(object) && taken != 1)
		give_back(object, taken);
	return true;
}

/* Undoes take(). */
static void put_back(const struct object *object)
{
	struct itimerspec now, next;

	if (!object->kind || (object->kind & SOCKIOCP_MANUAL) || is_closed(object))
		return;
	if (object->kind & SOCKIOCP_EVENT) {
		eventfd_write(object->fd, 1);
		return;
	}
	/* To be due at once makes it signalled; a period begins anew. */
	if (timerfd_gettime(object->fd, &next))
		return;
	now.it_interval = next.it_interval;
	now.it_value = (struct timespec) { .tv_nsec = 1 };
	timerfd_settime(object->fd, 0, &now, NULL);
}

/* Takes all, or nothing. */
static bool take_all(const struct request *request)
{
	DWORD i;

	for (i = 0; i < request->count; i++) {
		if (take(&request->objects[i]))
			continue;
		while (i--)
			put_back(&request->objects[i]);
		return false;
	}
	return true;
}

/* Says which object it is that a wait for any ends with. */
static DWORD of(const struct request *request, DWORD first, DWORD i)
{
	return first + (request->all ? 0 : i);
}

/*
 * Looks at what poll(2) has said, and at the memory of threads.  Returns what the wait
 * returns, and WAIT_TIMEOUT if it is not over.
 */
static DWORD look(struct request *request, const struct pollfd *fds)
{
	bool missing = false;
	DWORD i;

	for (i = 0; i < request->count; i++) {
		struct object *object = &request->objects[i];
		bool port = !object->kind && !object->thread;
		bool gone = fds[i].revents & POLLNVAL;

		if (port && (gone || is_closed(object)))
			return of(request, WAIT_ABANDONED_0, i);
		/* By close(2); it may never have been open. */
		if (gone && !is_closed(object))
			return WAIT_FAILED;
		object->signalled = object->thread ? object->thread->ended :
						     fds[i].revents && !gone;
		if (object->signalled && !request->all && take(object))
			return WAIT_OBJECT_0 + i;
		missing |= !object->signalled;
	}
	if (request->all && !missing && take_all(request))
		return WAIT_OBJECT_0;
	return WAIT_TIMEOUT;
}

/* Looks without waiting. */
static DWORD look_at_once(struct request *request)
{
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS];

	fill_in(fds, request, false);
	if (request->polls)
		poll(fds, request->count, 0);
	return look(request, fds);
}

/*
 * Looks at one handle without waiting, and without all that the others take.  Returns
 * WAIT_TIMEOUT, too, if it is not known yet what it is; *looked says which.
 */
static DWORD look_at_one(HANDLE handle, bool *looked)
{
	const int fd = sockiocp_handle_fd(handle);
	const struct object object = {
		.fd = fd, .count = sockiocp_close_count(fd),
		.kind = sockiocp_known_kind(fd),
	};
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	*looked = object.kind;
	if (!object.kind)
		return WAIT_TIMEOUT;
	if (object.kind & SOCKIOCP_MANUAL) {
		if (poll(&poll_fd, 1, 0) <= 0)
			return WAIT_TIMEOUT;
		return poll_fd.revents & POLLNVAL ? WAIT_FAILED : WAIT_OBJECT_0;
	}
	/* Reading says whether there is something to read. */
	if (take(&object))
		return WAIT_OBJECT_0;
	return errno == EBADF ? WAIT_FAILED : WAIT_TIMEOUT;
}

/*
 * Sleeps until there may be something new, or for a signal.  Returns whether there are
 * functions to be called.
 */
static bool sleep_until(struct wait *wait, struct pollfd *fds, unsigned long long deadline)
{
	struct request *request = wait->request;
	struct __kernel_timespec *ts = &request->timeout;
	DWORD count = request->count;
	unsigned long long now;
	struct timespec plain;
	bool queued = false;

	fill_in(fds, request, request->all);
	if (request->polls && deadline != ULLONG_MAX) {
		now = sockiocp_now_ns();
		deadline = deadline > now ? deadline - now : 0;
	}
	if (request->polls && request->listed) {
		fds[count++] = (struct pollfd) { .fd = wait->event, .events = POLLIN };
		if (wait->event < 0 && deadline > LOOK_NS)
			deadline = LOOK_NS;
	}
	ts->tv_sec = (long long)(deadline / NSEC_PER_SEC);
	ts->tv_nsec = (long long)(deadline % NSEC_PER_SEC);
	plain = sockiocp_timespec(deadline);
	if (request->alertable)
		queued = sockiocp_alertable_begin((long long *)ts, 2);
	/*
	 * libc's ppoll() can be cancelled, but need not read the time-out at the last
	 * moment, as an alertable wait wants.
	 */
	if (request->polls && request->alertable)
		syscall(SYS_ppoll, fds, count, ts, NULL, _NSIG / 8);
	else if (request->polls)
		ppoll(fds, count, &plain, NULL);
	else
		syscall(SYS_futex, &wait->disturbed,
			FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, ts, NULL,
			FUTEX_BITSET_MATCH_ANY);
	return queued;
}

/*
 * Sleeps until the wait or the time is over, or functions are to be called.  Returns what
 * look() does.
 */
static DWORD sleep_and_look(struct wait *wait, unsigned long long end)
{
	struct request *request = wait->request;
	/* Otherwise what ppoll(2) says is all that there is. */
	bool looks = request->listed || request->all;
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS + 1];
	DWORD result = WAIT_TIMEOUT;
	eventfd_t times;
	bool queued;

	do {
		/* What comes after this ends the sleep below. */
		atomic_store(&wait->disturbed, 0);
		if (wait->event >= 0)
			eventfd_read(wait->event, &times);
		if (looks)
			result = look_at_once(request);
		if (result != WAIT_TIMEOUT)
			break;
		queued = sleep_until(wait, fds, end);
		result = looks ? look_at_once(request) : look(request, fds);
	} while (result == WAIT_TIMEOUT && !queued && sockiocp_now_ns() < end);
	return result;
}

static DWORD sleep_in_list(struct request *request, unsigned long long end)
{
	struct wait wait;
	DWORD result;

	begin_wait(&wait, request);
	/* Also if the thread ends meanwhile: a signal handler may call ExitThread(). */
	pthread_cleanup_push(end_wait, &wait);
	result = sleep_and_look(&wait, end);
	pthread_cleanup_pop(1);
	return result;
}

static DWORD wait_for(struct request *request, DWORD ms)
{
	/* A time-out that is to be waited for is one look. */
	bool first = !request->looked &&
		     (!ms || request->count == 1 || request->all || request->listed);
	unsigned long long end = ULLONG_MAX, wake;
	DWORD result = WAIT_TIMEOUT;

	if (ms != INFINITE)
		end = sockiocp_now_ns() + ms * NSEC_PER_MSEC;
	if (first)
		result = look_at_once(request);
	if (result != WAIT_TIMEOUT)
		return result;
	do {
		wake = request->alertable ? sockiocp_alertable_deadline(end) : end;
		if (ms)
			result = sleep_in_list(request, wake);
		if (request->alertable && sockiocp_alertable_end(result == WAIT_TIMEOUT))
			return WAIT_IO_COMPLETION;
		/* A timer may have been cancelled while this slept. */
	} while (result == WAIT_TIMEOUT && wake < end);
	return result;
}

/**
 * WaitForSingleObject - wait for a handle to be signalled
 * @hHandle: a handle of an event, a timer, a thread, or a completion port
 * @dwMilliseconds: how long to wait, in ms of CLOCK_MONOTONIC; 0 does not wait,
 *	INFINITE waits for ever
 *
 * An event that was set, and a timer that was due, are signalled; so is a thread that has
 * ended, and a port that has packets.  The end of the wait resets an event or a timer
 * that resets itself.
 *
 * Return: WAIT_OBJECT_0; WAIT_ABANDONED_0: the port was closed during the wait;
 * WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a handle of one of these
 *   ERROR_GEN_FAILURE		a thread of another process, which has not ended
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * A thread is waited for although its handle is closed meanwhile.
 *
 * Windows: "WaitForSingleObject function (synchapi.h)".
 */
DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds)
{
	return WaitForMultipleObjectsEx(1, &hHandle, FALSE, dwMilliseconds, FALSE);
}

/**
 * WaitForSingleObjectEx - the same, alertably
 * @hHandle: as for WaitForSingleObject()
 * @dwMilliseconds: as for WaitForSingleObject()
 * @bAlertable: as for WaitForMultipleObjectsEx()
 *
 * Return: as WaitForSingleObject(), or WAIT_IO_COMPLETION.
 *
 * Windows: "WaitForSingleObjectEx function (synchapi.h)".
 */
DWORD WINAPI WaitForSingleObjectEx(HANDLE hHandle, DWORD dwMilliseconds, BOOL bAlertable)
{
	return WaitForMultipleObjectsEx(1, &hHandle, FALSE, dwMilliseconds, bAlertable);
}

/**
 * WaitForMultipleObjects - wait for one of several handles, or for all of them
 * @nCount: how many there are: 1 to MAXIMUM_WAIT_OBJECTS
 * @lpHandles: handles as for WaitForSingleObject()
 * @bWaitAll: whether all of them must be signalled, at the same time
 * @dwMilliseconds: as for WaitForSingleObject()
 *
 * A wait for ports, or for threads and something else, takes a descriptor while it
 * sleeps; if none is left it looks ten times a second at threads, and at whether ports
 * were closed.
 *
 * Return: WAIT_OBJECT_0 with @bWaitAll, otherwise WAIT_OBJECT_0 and the index
 * of the first that is signalled; WAIT_ABANDONED_0, in the same way, if a port was
 * closed during the wait; WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	@nCount is out of range, or there is no array, or a handle
 *				is there twice and all are waited for
 *   ERROR_INVALID_HANDLE, ERROR_GEN_FAILURE, ERROR_NOT_ENOUGH_MEMORY
 *				as for WaitForSingleObject()
 *
 * Windows: "WaitForMultipleObjects function (synchapi.h)".
 */
DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles,
				    BOOL bWaitAll, DWORD dwMilliseconds)
{
	return WaitForMultipleObjectsEx(nCount, lpHandles, bWaitAll, dwMilliseconds, FALSE);
}

/**
 * WaitForMultipleObjectsEx - the same, alertably
 * @nCount: as for WaitForMultipleObjects()
 * @lpHandles: as for WaitForMultipleObjects()
 * @bWaitAll: as for WaitForMultipleObjects()
 * @dwMilliseconds: as for WaitForSingleObject()
 * @bAlertable: whether functions of QueueUserAPC() and of waitable timers are called,
 *	which end the wait; not if it is over at once
 *
 * Return: as WaitForMultipleObjects(), or WAIT_IO_COMPLETION: functions were called.
 *
 * Windows: "WaitForMultipleObjectsEx function (synchapi.h)".
 */
DWORD WINAPI WaitForMultipleObjectsEx(DWORD nCount, const HANDLE *lpHandles,
				      BOOL bWaitAll, DWORD dwMilliseconds, BOOL bAlertable)
{
	struct object objects[MAXIMUM_WAIT_OBJECTS];
	struct request request = {
		.objects = objects,
		.count = nCount,
		.all = bWaitAll && nCount > 1,
		.alertable = bAlertable,
	};
	DWORD result = WAIT_FAILED;
	int err = EINVAL;

	if (nCount == 1 && lpHandles) {
		result = look_at_one(*lpHandles, &request.looked);
		if (result == WAIT_OBJECT_0)
			return result;
		if (result == WAIT_FAILED)
			sockiocp_fail(EBADF);
		if (result == WAIT_FAILED || (request.looked && !dwMilliseconds && !bAlertable))
			return result;
		result = WAIT_FAILED;
	}
	if (nCount && nCount <= MAXIMUM_WAIT_OBJECTS && lpHandles)
		err = get_objects(&request, lpHandles);
	if (!err) {
		result = wait_for(&request, dwMilliseconds);
		put_objects(objects, nCount);
		err = EBADF;
	}
	if (result == WAIT_FAILED)
		sockiocp_fail(err);
	return result;
}
