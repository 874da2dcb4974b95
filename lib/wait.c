// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waiting for handles: events, timers, mutexes, semaphores, threads, and ports that have
 * packets.
 *
 * Events and timers are descriptors that poll(2) tells of.  A wait for such alone is one
 * ppoll(2); then whoever comes first takes the signal of one that resets itself, by
 * reading it, and the others sleep on.
 *
 * Whoever sets an event hands it to the oldest wait that sleeps until then (lockable.c), and
 * the wait is over, though its thread has yet to run: so it cannot be robbed of it, and two
 * calls of SetEvent() release two threads.  What others set, such as the kernel module, is
 * found by poll(2).
 *
 * A wait for all looks under the lock of lockable.c, first whether everything is there.
 * If it gets no further, since somebody else has taken something meanwhile, it puts back
 * what it has taken; who finds nothing during that looks again.
 *
 * The end of a thread is told to those who wait by the library (thread.c), and so
 * is that a port was closed (handle.c): poll(2), which says when a port has packets,
 * does not notice.  Mutexes, semaphores and events are handed to who waits for them.  So each
 * wait for these that sleeps stands in a list (lockable.c).
 *
 * Who waits for threads, mutexes and semaphores alone sleeps on a futex and needs no
 * descriptor.
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

#include "lockable.h"
#include "uncancelled.h"

/* How often a wait looks if there is no descriptor to wake it by. */
#define LOOK_NS		(100 * NSEC_PER_MSEC)

/* What a thread waits for. */
struct request {
	struct sockiocp_object *objects;
	DWORD count;
	bool all, alertable;
	/* Threads, ports: the wait is woken for all that ends or is closed. */
	bool hears;
	/* Mutexes, semaphores; if so, all of them, NULL for other things; for this thread. */
	bool locks;
	struct sockiocp_lockable **lockables;
	unsigned int thread;
	/* Events: SetEvent() ends the wait. */
	bool handed;
	/* The wait is in the list. */
	struct sockiocp_wait *wait;
	/* Something that poll(2) tells of. */
	bool polls;
	/* It was not signalled a moment ago. */
	bool looked;
	/* What the kernel reads; here because signals may set it to 0 until the very end. */
	struct __kernel_timespec timeout;
};

/* A sleep and whose it is. */
struct sleeper {
	struct sockiocp_wait wait;
	struct request *request;
};

static void count_sleeper(const struct request *request, int by)
{
	DWORD i;

	for (i = 0; request->handed && i < request->count; i++)
		if (request->objects[i].kind & SOCKIOCP_EVENT)
			sockiocp_count_sleeper(request->objects[i].fd, by);
}

static DWORD look_for(struct sockiocp_wait *wait);

static void begin_wait(struct sockiocp_wait *wait, struct request *request)
{
	sockiocp_prepare_waits();
	*wait = (struct sockiocp_wait) {
		.objects = request->objects, .nr_objects = request->count,
		.lockables = request->lockables, .count = request->locks ? request->count : 0,
		.all = request->all, .look = look_for, .hears = request->hears,
		.lockables_only = !request->hears && !request->polls,
		.thread = request->thread, .event = -1,
	};
	request->wait = request->hears || request->locks || request->handed ? wait : NULL;
	if (!request->wait)
		return;
	if (request->polls)
		wait->event = sockiocp_wake_fd();
	count_sleeper(request, 1);
	sockiocp_enlist_wait(wait);
}

static void end_wait(struct sockiocp_wait *wait, struct request *request)
{
	eventfd_t times;

	if (!request->wait)
		return;
	count_sleeper(request, -1);
	sockiocp_delist_wait(wait);
	request->wait = NULL;
	/* The next wait is not to be woken by what was for this one. */
	if (wait->event >= 0 && atomic_load(&wait->disturbed))
		sockiocp_eventfd_read(wait->event, &times);
}

/* Finds what is not known by its number.  Returns 0 or an errno value: EBADF if nothing is. */
static int find_object(struct sockiocp_object *object)
{
	int err = sockiocp_thread_file_map(object->fd, &object->thread);

	if (err == EBADF) {
		if (sockiocp_check_port(object->fd) != EBADF)
			return 0;
		object->kind = sockiocp_find_kind(object->fd);
		if (object->kind)
			return 0;
		/* As in an OVERLAPPED: the low bit is not a part of the handle. */
		if (object->fd % 2 <= 0)
			return EBADF;
		object->count = sockiocp_close_count(--object->fd);
		object->kind = sockiocp_known_kind(object->fd);
		return object->kind ? 0 : find_object(object);
	}
	/* Nobody here is told when it ends. */
	if (!err && !object->thread->ended && object->thread->process != getpid()) {
		sockiocp_thread_file_unmap(object->thread);
		err = ESRCH;
	}
	return err;
}

/* All that are lockable are got when the first one is met. */
static int get_lockable(struct request *request, const HANDLE *handles, DWORD i)
{
	if (!request->locks &&
	    !sockiocp_get_lockables(request->lockables, handles, request->count, request->all))
		return EINVAL;
	request->locks = true;
	request->objects[i].lockable = request->lockables[i];
	return request->lockables[i] ? 0 : EBADF;
}

static int get_object(struct request *request, const HANDLE *handles, DWORD i)
{
	struct sockiocp_object *object = &request->objects[i];
	int fd = sockiocp_handle_fd(handles[i]);
	int err = 0;

	*object = (struct sockiocp_object) {
		.fd = fd, .count = sockiocp_close_count(fd),
		.kind = sockiocp_known_kind(fd),
	};
	if (!object->kind) {
		if (sockiocp_is_lockable(handles[i]))
			return get_lockable(request, handles, i);
		err = find_object(object);
		request->hears |= !object->kind;
	}
	request->handed |= object->kind & SOCKIOCP_EVENT;
	request->polls |= !object->thread;
	return err;
}

/* Gives back the first @count of what get_objects() has got. */
static void put_objects(const struct request *request, DWORD count)
{
	DWORD i;

	if (request->locks)
		sockiocp_put_lockables(request->lockables, request->count);
	if (!request->hears)
		return;
	for (i = 0; i < count; i++)
		if (request->objects[i].thread)
			sockiocp_thread_file_unmap(request->objects[i].thread);
}

/* To wait for a handle twice at the same time cannot be. */
static bool is_twice(const HANDLE *handles, DWORD i)
{
	DWORD j;

	for (j = 0; j < i; j++)
		if (handles[j] == handles[i])
			return true;
	return false;
}

static int get_objects(struct request *request, const HANDLE *handles)
{
	/* Some bits of the handles: those that are new here are not there twice. */
	unsigned long long bits = 0, bit;
	int err = 0;
	DWORD i;

	for (i = 0; i < request->count; i++) {
		bit = 1ULL << ((uintptr_t)handles[i] / 2 % 64);
		if (request->all && (bits & bit) && !sockiocp_is_lockable(handles[i]) &&
		    is_twice(handles, i))
			err = EINVAL;
		bits |= bit;
		if (!err)
			err = get_object(request, handles, i);
		if (err) {
			put_objects(request, i);
			return err;
		}
	}
	return 0;
}

/* Can it be waited for?  Returns 0 or an errno value, and takes nothing. */
int sockiocp_check_waitable(HANDLE handle)
{
	struct sockiocp_lockable *lockable;
	struct sockiocp_object object;
	struct request request = { .objects = &object, .lockables = &lockable, .count = 1 };
	int err = get_objects(&request, &handle);

	if (!err)
		put_objects(&request, 1);
	return err;
}

/* What is closed is nothing any more; a wait that has begun goes on without it. */
static bool is_closed(const struct sockiocp_object *object)
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
		const struct sockiocp_object *object = &request->objects[i];
		bool asks = (object->kind ? !is_closed(object) :
				    !object->thread && !object->lockable) &&
			    !(missing && atomic_load(&object->signalled));

		fds[i] = (struct pollfd) {
			.fd = asks ? object->fd : -1, .events = POLLIN,
		};
	}
}

/* Takes the signal of what is signalled.  Returns false if somebody else has taken it. */
static bool take(const struct sockiocp_object *object)
{
	eventfd_t taken;

	/* A number that was closed may be another file's by now. */
	if (!object->kind || (object->kind & SOCKIOCP_MANUAL) || is_closed(object))
		return true;
	return !sockiocp_eventfd_read(object->fd, &taken);
}

/* Undoes take(). */
static void put_back(const struct sockiocp_object *object)
{
	struct itimerspec now, next;

	if (!object->kind || (object->kind & SOCKIOCP_MANUAL) || is_closed(object))
		return;
	if (object->kind & SOCKIOCP_EVENT) {
		sockiocp_eventfd_write(object->fd, 1);
		return;
	}
	/* To be due at once makes it signalled; a period begins anew. */
	if (timerfd_gettime(object->fd, &next))
		return;
	now.it_interval = next.it_interval;
	now.it_value = (struct timespec) { .tv_nsec = 1 };
	timerfd_settime(object->fd, 0, &now, NULL);
}

/*
 * Takes all, and returns what the wait returns; or nothing, and WAIT_TIMEOUT.  Mutexes and
 * semaphores come last, as nobody else takes these meanwhile.
 */
static DWORD take_all(const struct request *request)
{
	bool abandoned = false;
	DWORD i;

	for (i = 0; i < request->count; i++) {
		if (request->objects[i].lockable || take(&request->objects[i]))
			continue;
		while (i--)
			put_back(&request->objects[i]);
		return WAIT_TIMEOUT;
	}
	for (i = 0; request->locks && i < request->count; i++)
		if (request->lockables[i])
			abandoned |= sockiocp_take_lockable(request->lockables[i],
							    request->thread);
	return abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0;
}

/* Says which object it is that a wait for any ends with. */
static DWORD of(const struct request *request, DWORD first, DWORD i)
{
	return first + (request->all ? 0 : i);
}

static bool is_signalled(const struct request *request, const struct sockiocp_object *object,
			 const struct pollfd *poll_fd)
{
	if (!object->kind && object->thread)
		return object->thread->ended;
	if (!object->kind && object->lockable)
		return sockiocp_can_take(object->lockable, request->thread);
	return poll_fd->revents && !(poll_fd->revents & POLLNVAL);
}

/*
 * Looks at what poll(2) has said, and at the memory of the others.  Returns what the wait
 * returns, and WAIT_TIMEOUT if it is not over.
 */
static DWORD look(struct request *request, const struct pollfd *fds)
{
	bool missing = false, signalled;
	DWORD i;

	for (i = 0; i < request->count; i++) {
		struct sockiocp_object *object = &request->objects[i];
		bool port = !object->kind && !object->thread && !object->lockable;
		bool gone = fds[i].revents & POLLNVAL;

		/* As most are that can be: the rest is for what poll(2) does not know. */
		if (object->kind && !fds[i].revents) {
			atomic_store(&object->signalled, false);
			missing = true;
			continue;
		}
		if (port && (gone || is_closed(object)))
			return of(request, WAIT_ABANDONED_0, i);
		/* By close(2); it may never have been open. */
		if (gone && !is_closed(object))
			return WAIT_FAILED;
		signalled = is_signalled(request, object, &fds[i]);
		atomic_store(&object->signalled, signalled);
		missing |= !signalled;
		if (!signalled || request->all)
			continue;
		if (object->lockable)
			return i + (sockiocp_take_lockable(object->lockable, request->thread) ?
					    WAIT_ABANDONED_0 : WAIT_OBJECT_0);
		if (take(object))
			return WAIT_OBJECT_0 + i;
	}
	return request->all && !missing ? take_all(request) : WAIT_TIMEOUT;
}

/* What poll(2) says of all there are, at once.  Who has a lock is not to be cancelled here. */
static void ask(const struct request *request, struct pollfd *fds)
{
	fill_in(fds, request, false);
	if (request->polls)
		syscall(SYS_poll, fds, request->count, 0);
}

/*
 * The same under the lock, where nobody else takes or gives back what is lockable.  A wait for
 * all asks here what poll(2) knows: what was set a moment ago may have been reset before the
 * others could be had.
 */
static DWORD look_locked(struct request *request, struct pollfd *fds)
{
	DWORD count = request->locks ? request->count : 0;
	struct sockiocp_wait *wait = request->wait;
	DWORD result;

	sockiocp_begin_look(request->lockables, count, request->all);
	if (request->all)
		ask(request, fds);
	/* Somebody may have handed over what this waits for. */
	result = wait && wait->over ? wait->result : look(request, fds);
	if (wait && result != WAIT_TIMEOUT) {
		wait->over = true;
		wait->result = result;
	}
	sockiocp_end_look(request->lockables, count, request->all);
	return result;
}

/* Looks on behalf of a wait for all, of which something was set or given back. */
static DWORD look_for(struct sockiocp_wait *wait)
{
	struct request *request = ((struct sleeper *)wait)->request;
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS];

	ask(request, fds);
	return look(request, fds);
}

/* Looks without waiting. */
static DWORD look_at_once(struct request *request)
{
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS];

	if (!request->all)
		ask(request, fds);
	return request->locks || request->all || request->wait ? look_locked(request, fds) :
								look(request, fds);
}

/*
 * Looks at one handle without waiting, and without all that the others take.  Returns
 * WAIT_TIMEOUT, too, if it is not known yet what it is; *looked says which.
 */
static DWORD look_at_one(HANDLE handle, bool *looked)
{
	const int fd = sockiocp_handle_fd(handle);
	const struct sockiocp_object object = {
		.fd = fd, .count = sockiocp_close_count(fd),
		.kind = sockiocp_known_kind(fd),
	};
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	*looked = object.kind;
	if (!object.kind)
		return sockiocp_is_lockable(handle) ? sockiocp_try_lockable(handle, looked) :
						      WAIT_TIMEOUT;
	if (object.kind & SOCKIOCP_MANUAL) {
		if (poll(&poll_fd, 1, 0) <= 0)
			return WAIT_TIMEOUT;
		return poll_fd.revents & POLLNVAL ? WAIT_FAILED : WAIT_OBJECT_0;
	}
	/* Reading says whether there is something to read. */
	do {
		if (take(&object))
			return WAIT_OBJECT_0;
	} while (errno != EBADF && sockiocp_was_put_back());
	return errno == EBADF ? WAIT_FAILED : WAIT_TIMEOUT;
}

/* The thread has slept in poll(2).  What woke it is used once; the look comes after that. */
static void note_wake_up(struct sockiocp_wait *wait, const struct pollfd *fd)
{
	eventfd_t times;

	if (fd->revents & POLLNVAL) {
		/* The program has closed what was not its own. */
		sockiocp_lock_waits();
		wait->event = -1;
		sockiocp_unlock_waits();
		sockiocp_drop_wake_fd(false);
	} else if (fd->revents) {
		sockiocp_eventfd_read(wait->event, &times);
	}
}

/*
 * Sleeps until there may be something new, or for a signal.  Returns whether there are
 * functions to be called.
 */
static bool sleep_until(struct sockiocp_wait *wait, struct request *request,
			struct pollfd *fds, unsigned long long deadline)
{
	struct __kernel_timespec *ts = &request->timeout;
	DWORD count = request->count;
	unsigned long long now;
	struct timespec plain;
	bool queued = false;

	fill_in(fds, request, request->all);
	fds[request->count].revents = 0;
	if (request->polls && deadline != ULLONG_MAX) {
		now = sockiocp_now_ns();
		deadline = deadline > now ? deadline - now : 0;
	}
	if (request->polls && request->wait) {
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
	if (count > request->count)
		note_wake_up(wait, &fds[request->count]);
	return queued;
}

/*
 * Sleeps until the wait or the time is over, or functions are to be called.  Returns what
 * look() does.
 */
static DWORD sleep_and_look(struct sockiocp_wait *wait, struct request *request,
			    unsigned long long end)
{
	/* Otherwise what ppoll(2) says, and who hands over, is all that there is. */
	bool looks = request->hears || request->locks || request->all;
	struct pollfd fds[MAXIMUM_WAIT_OBJECTS + 1];
	DWORD result = WAIT_TIMEOUT;
	bool queued;

	do {
		/* What comes after this ends the sleep below. */
		atomic_store(&wait->disturbed, 0);
		if (looks)
			result = look_at_once(request);
		if (result != WAIT_TIMEOUT)
			break;
		queued = sleep_until(wait, request, fds, end);
		if (looks)
			result = look_at_once(request);
		else
			result = request->wait ? look_locked(request, fds) : look(request, fds);
	} while (result == WAIT_TIMEOUT && !queued && sockiocp_now_ns() < end);
	return result;
}

/* A signal handler has called ExitThread(). */
static void thread_ends(void *argument)
{
	struct sleeper *sleeper = argument;
	bool listed = sleeper->request->wait;

	end_wait(&sleeper->wait, sleeper->request);
	if (listed)
		sockiocp_undo_wait(&sleeper->wait);
}

static DWORD sleep_in_list(struct request *request, unsigned long long end)
{
	struct sleeper sleeper = { .request = request };
	DWORD result;

	begin_wait(&sleeper.wait, request);
	pthread_cleanup_push(thread_ends, &sleeper);
	result = sleep_and_look(&sleeper.wait, request, end);
	pthread_cleanup_pop(0);
	end_wait(&sleeper.wait, request);
	/* What was handed over at the last moment counts. */
	return sleeper.wait.over ? sleeper.wait.result : result;
}

static DWORD wait_for(struct request *request, DWORD ms)
{
	/* A time-out that is to be waited for is one look. */
	bool first = !request->looked &&
		     (!ms || request->count == 1 || request->all || request->hears ||
		      request->locks);
	unsigned long long end = ULLONG_MAX, wake;
	DWORD result = WAIT_TIMEOUT;

	if (request->locks)
		request->thread = sockiocp_this_thread();
	if (ms != INFINITE)
		end = sockiocp_now_ns() + ms * NSEC_PER_MSEC;
	if (first)
		do {
			result = look_at_once(request);
		} while (result == WAIT_TIMEOUT && sockiocp_was_put_back());
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
 * @hHandle: a handle of an event, a timer, a mutex, a semaphore, a thread, or a
 *	completion port
 * @dwMilliseconds: how long to wait, in ms of CLOCK_MONOTONIC; 0 does not wait,
 *	INFINITE waits for ever
 *
 * An event that was set, and a timer that was due, are signalled; so is a thread that has
 * ended, and a port that has packets.  The end of the wait resets an event or a timer
 * that resets itself, makes this thread the owner of a mutex, and takes 1 off the count of
 * a semaphore.
 *
 * Return: WAIT_OBJECT_0; WAIT_ABANDONED_0: the thread that owned the mutex has ended
 * (this one owns it now), or the port was closed during the wait; WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says why:
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
 * A thread that sleeps in such a wait keeps a descriptor from then until it ends, unless it
 * waits for threads, mutexes and semaphores alone, or for timers; if none is left it looks ten
 * times a second.  A wait for all takes nothing before it can take everything.
 *
 * Return: WAIT_OBJECT_0 with @bWaitAll, otherwise WAIT_OBJECT_0 and the index
 * of the first that is signalled; WAIT_ABANDONED_0, in the same way, if a port was
 * closed during the wait, or a mutex was abandoned; WAIT_TIMEOUT; WAIT_FAILED, and GetLastError() says why:
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

/* Waits for what is not there at the first look, or is more than one. */
static DWORD wait_for_handles(const HANDLE *handles, struct request *request, DWORD ms)
{
	struct sockiocp_lockable *lockables[MAXIMUM_WAIT_OBJECTS];
	struct sockiocp_object objects[MAXIMUM_WAIT_OBJECTS];
	DWORD result = WAIT_FAILED;
	int err = EINVAL;

	request->objects = objects;
	request->lockables = lockables;
	if (request->count && request->count <= MAXIMUM_WAIT_OBJECTS && handles)
		err = get_objects(request, handles);
	if (!err) {
		result = wait_for(request, ms);
		put_objects(request, request->count);
		err = EBADF;
	}
	if (result == WAIT_FAILED)
		sockiocp_fail(err);
	return result;
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
	struct request request;
	bool looked = false;
	DWORD result;

	if (nCount == 1 && lpHandles) {
		result = look_at_one(*lpHandles, &looked);
		if (result == WAIT_OBJECT_0)
			return result;
		if (result == WAIT_FAILED)
			sockiocp_fail(EBADF);
		if (result == WAIT_FAILED || (looked && !dwMilliseconds && !bAlertable))
			return result;
	}
	request = (struct request) {
		.count = nCount, .all = bWaitAll && nCount > 1,
		.alertable = bAlertable, .looked = looked,
	};
	return wait_for_handles(lpHandles, &request, dwMilliseconds);
}
