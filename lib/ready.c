// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations that the library carries out itself: to accept and to connect, for which the
 * kernel would skip what a security module has to say; to send a file, to transfer messages.
 *
 * The module lets such an operation pend as any other, and cancels it as any other.  When
 * the socket is ready, the thread that harvests it goes on with it: the program's, before it
 * gets its packets, or the library's own, if the operation has an event or no port.  If it
 * is not over then it pends again, in front of all others.
 *
 * A connection that AcceptEx() has accepted may have to wait for its first data.  Nothing
 * pends on the listener then; what does, on the connection, is the library's own.  So whoever
 * cancels or closes either of them has to tell the result himself.
 *
 * All operations stand in a list, since those who close a socket must not come between: its
 * number could be another file's by then.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "ready.h"
#include "winsock.h"
#include "uncancelled.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Somebody is not busy any more. */
static pthread_cond_t rested = PTHREAD_COND_INITIALIZER;
static struct sockiocp_ready *all;
atomic_int sockiocp_nr_shutting_down;

/* Its value says that a thread has started operations. */
static pthread_key_t end_key;
static bool has_end_key;

/* How many are of a socket or go into it, for those who have no time to look. */
static atomic_ushort counts[SOCKIOCP_COUNTED_FDS];

static void count(int fd, int by)
{
	if (fd >= 0 && fd < SOCKIOCP_COUNTED_FDS)
		atomic_fetch_add(&counts[fd], (unsigned short)by);
}

/* Whether a socket has operations, or is to become a connection. */
bool sockiocp_has_ready(int fd)
{
	return fd >= 0 && (fd >= SOCKIOCP_COUNTED_FDS || atomic_load(&counts[fd]));
}

/* What pends is the parent's.  A thread may have held the lock. */
static void start_in_child(void)
{
	struct sockiocp_ready *ready;

	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&rested, NULL);
	for (ready = all; ready; ready = ready->next) {
		count(ready->fd, -1);
		count(ready->into, -1);
	}
	all = NULL;
	atomic_store(&sockiocp_nr_shutting_down, 0);
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

/* ------------------------------------------------------------------- the list */

static void add(struct sockiocp_ready *ready)
{
	ready->previous = NULL;
	ready->next = all;
	if (all)
		all->previous = ready;
	all = ready;
	count(ready->fd, 1);
	count(ready->into, 1);
	atomic_fetch_add(&sockiocp_nr_shutting_down, ready->shuts_down);
}

static void drop(struct sockiocp_ready *ready)
{
	if (ready->next)
		ready->next->previous = ready->previous;
	if (ready->previous)
		ready->previous->next = ready->next;
	else
		all = ready->next;
	count(ready->fd, -1);
	count(ready->into, -1);
	atomic_fetch_sub(&sockiocp_nr_shutting_down, ready->shuts_down);
}

/* It has ended, though not everybody knows. */
static bool is_over(const struct sockiocp_ready *ready)
{
	return (ready->cancelled || ready->fd < 0) && !ready->busy;
}

/* Needs the lock.  The operation by which a socket is being connected, or NULL. */
static struct sockiocp_ready *connecting(int fd)
{
	struct sockiocp_ready *ready;

	for (ready = all; ready; ready = ready->next)
		if ((ready->into == fd || (ready->connects && ready->fd == fd)) &&
		    !is_over(ready))
			break;
	return ready;
}

/* Is a socket being connected, by ConnectEx() or by AcceptEx()? */
bool sockiocp_is_connecting(int fd)
{
	bool is;

	if (!sockiocp_has_ready(fd))
		return false;
	pthread_mutex_lock(&lock);
	is = connecting(fd);
	pthread_mutex_unlock(&lock);
	return is;
}

bool sockiocp_find_shutting_down(int fd)
{
	struct sockiocp_ready *ready;

	if (!sockiocp_has_ready(fd))
		return false;
	pthread_mutex_lock(&lock);
	for (ready = all; ready; ready = ready->next)
		if (ready->fd == fd && ready->shuts_down)
			break;
	pthread_mutex_unlock(&lock);
	return ready;
}

static void release(struct sockiocp_ready *ready)
{
	free(ready->routine);
	if (ready->release)
		ready->release(ready);
	free(ready);
}

/* ----------------------------------------------------------------- the result */

/* Lets the others of the socket go on. */
static void let_others_go(struct sockiocp_ready *ready)
{
	struct sockiocp_submit submit = {
		.socket = (__u64)ready->fd,
		.operation = SOCKIOCP_SUBMIT_NEXT,
	};

	if (ready->keeps_others && ready->fd >= 0)
		sockiocp_submit(&submit);
	ready->keeps_others = false;
}

/* Has the completion routine called, if there is one. */
static void tell_routine(struct sockiocp_ready *ready, ULONG status, DWORD bytes)
{
	struct sockiocp_routine *routine = ready->routine;

	ready->routine = NULL;
	if (routine)
		sockiocp_queue_routine(routine, status, bytes);
}

/*
 * Tells how an operation has ended that does not pend: its OVERLAPPED, its event, a packet.
 * If the module cannot, because there are too many operations, it is told as well as can be.
 */
static void tell(struct sockiocp_ready *ready)
{
	struct sockiocp_submit submit = {
		.socket = (__u64)ready->fd,
		.overlapped = (uintptr_t)ready->overlapped,
		.operation = SOCKIOCP_SUBMIT_RESULT,
		.flags = ready->flags,
		.event = ready->event,
		.status = sockiocp_ntstatus(ready->error),
		.bytes = ready->bytes,
	};

	if (ready->fd >= 0 && sockiocp_submit(&submit) >= 0)
		return;
	sockiocp_complete(ready->overlapped, submit.status, submit.bytes);
	if (ready->flags & SOCKIOCP_SUBMIT_EVENT)
		SetEvent((HANDLE)(uintptr_t)ready->event);
	if (!(ready->flags & (SOCKIOCP_SUBMIT_NO_PACKET | SOCKIOCP_SUBMIT_TO_HOME)))
		sockiocp_post_result(ready->fd, ready->overlapped, submit.status, submit.bytes);
}

/* Needs the lock: an operation that waits for data, of nothing that pends, ends. */
static void end_receiving(struct sockiocp_ready *ready)
{
	if (ready->told)
		return;
	ready->error = ECANCELED;
	ready->bytes = 0;
	ready->told = true;
	tell(ready);
}

/* ------------------------------------------------------------- the end of a thread */

/* Asks the module to end what pends. */
static void cancel_pending(int fd, const OVERLAPPED *overlapped)
{
	struct sockiocp_cancel args = {
		.socket = (__u64)fd,
		.overlapped = (uintptr_t)overlapped,
	};

	sockiocp_home_ioctl(SOCKIOCP_CANCEL, &args);
}

/* Needs the lock.  If it pends, and it is not for the caller to say so to the module, @asks. */
static void cancel(struct sockiocp_ready *ready, bool asks)
{
	ready->cancelled = true;
	if (ready->receives) {
		end_receiving(ready);
		cancel_pending(ready->into, &ready->data);
	} else if (asks) {
		/* To the module it may be another thread's by now, which went on. */
		cancel_pending(ready->fd, ready->overlapped);
	}
}

/* Has it a packet for the port of its socket, and nothing else?  Then it goes on. */
static bool ends_with_thread(const struct sockiocp_ready *ready)
{
	/* That is the library's own. */
	if (ready->shuts_down)
		return false;
	return ready->flags || !sockiocp_is_associated(ready->fd);
}

static void end_of_thread(void *argument)
{
	struct sockiocp_ready *ready;

	(void)argument;
	pthread_mutex_lock(&lock);
	for (ready = all; ready; ready = ready->next)
		if (ready->thread == (unsigned int)gettid() && ready->fd >= 0 &&
		    !ready->cancelled && ends_with_thread(ready))
			cancel(ready, true);
	pthread_mutex_unlock(&lock);
}

static void create_end_key(void)
{
	has_end_key = !pthread_key_create(&end_key, end_of_thread);
}

/* What this thread starts may end with it. */
static void watch_thread(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, create_end_key);
	/* Any value but NULL. */
	if (has_end_key)
		pthread_setspecific(end_key, &end_key);
}

/* --------------------------------------------------------------------- going on */

/* Needs the lock.  Waits for data of a connection: as sockiocp_submit_pending(). */
static int await_data(struct sockiocp_ready *ready)
{
	static char nothing;
	struct sockiocp_buffer buffer = { .address = (uintptr_t)&nothing };
	struct sockiocp_submit submit;
	int result;

	sockiocp_begin_without_event(&submit, ready->into, &ready->data);
	submit.buffers = (uintptr_t)&buffer;
	submit.buffer_count = 1;
	submit.flags = SOCKIOCP_SUBMIT_TO_HOME;
	ready->receives = true;
	result = sockiocp_submit_pending(&submit, &ready->pending);
	if (result <= 0)
		ready->receives = false;
	return result;
}

/* Needs the lock.  Waits again, in front of the others. */
static int wait_again(struct sockiocp_ready *ready)
{
	struct sockiocp_submit submit = {
		.socket = (__u64)ready->fd,
		.overlapped = (uintptr_t)ready->overlapped,
		.operation = ready->operation,
		.flags = ready->flags | SOCKIOCP_SUBMIT_FIRST,
		.event = ready->event,
	};

	ready->keeps_others = false;
	return sockiocp_submit_pending(&submit, &ready->pending);
}

/*
 * Needs the lock, and lets go of it in between.  Goes on until it is over, and returns true; or
 * until it pends again: then it is not the caller's any more.
 */
static bool go_on(struct sockiocp_ready *ready)
{
	int wait, result;

	for (;;) {
		if (ready->cancelled || ready->fd < 0) {
			ready->error = ECANCELED;
			ready->bytes = 0;
			return true;
		}
		ready->busy = true;
		pthread_mutex_unlock(&lock);
		wait = ready->step(ready);
		pthread_mutex_lock(&lock);
		ready->busy = false;
		pthread_cond_broadcast(&rested);
		if (!wait)
			return true;
		if (ready->cancelled || ready->fd < 0)
			continue;
		if (wait == EINPROGRESS)
			let_others_go(ready);
		result = wait == EINPROGRESS ? await_data(ready) : wait_again(ready);
		if (result > 0)
			return false;
		if (result < 0) {
			ready->error = errno;
			ready->bytes = 0;
			return true;
		}
	}
}

/* Needs the lock.  It is over: the program is told, by @packet if this is not home. */
static void finish(struct sockiocp_ready *ready, struct sockiocp_packet_entry *packet,
		   bool at_home)
{
	let_others_go(ready);
	/* Whoever closes the socket has to wait for this too. */
	ready->busy = true;
	pthread_mutex_unlock(&lock);
	if (at_home) {
		tell(ready);
	} else {
		packet->internal = sockiocp_ntstatus(ready->error);
		packet->bytes_transferred = ready->bytes;
		packet->reserved = 0;
		sockiocp_complete(ready->overlapped, (ULONG)packet->internal, ready->bytes);
	}
	tell_routine(ready, sockiocp_ntstatus(ready->error), ready->bytes);
	pthread_mutex_lock(&lock);
	drop(ready);
	pthread_cond_broadcast(&rested);
}

/* The packet of an operation was harvested.  Returns whether it is the program's. */
static bool harvested(struct sockiocp_pending *pending, struct sockiocp_packet_entry *packet,
		      bool at_home)
{
	struct sockiocp_ready *ready = (struct sockiocp_ready *)pending;
	bool over = true, ready_now = packet->reserved & SOCKIOCP_PACKET_READY;
	bool is_programs = !ready->receives;

	pthread_mutex_lock(&lock);
	if (ready->receives ? ready->told : !ready_now) {
		/* The program knows, or gets to know by this packet. */
		drop(ready);
		tell_routine(ready, (ULONG)packet->internal, packet->bytes_transferred);
	} else {
		ready->receives = false;
		ready->keeps_others = ready_now;
		over = go_on(ready);
		if (over)
			finish(ready, packet, at_home);
	}
	pthread_mutex_unlock(&lock);
	if (over)
		release(ready);
	return over && is_programs;
}

/* Its OVERLAPPED is used again, so that it is over. */
static void forget(struct sockiocp_pending *pending)
{
	struct sockiocp_ready *ready = (struct sockiocp_ready *)pending;

	pthread_mutex_lock(&lock);
	drop(ready);
	pthread_mutex_unlock(&lock);
	release(ready);
}

/*
 * What a socket without the overlapped attribute does: it waits.  Nobody closes one of its
 * numbers during a step.
 */
static int go_on_blocking(struct sockiocp_ready *ready)
{
	struct sockiocp_call call;
	int result = EAGAIN;

	sockiocp_call_begins_that_waits(&call, ready->fd, ready->operation ==
					SOCKIOCP_SUBMIT_POLL_IN ? POLLIN : POLLOUT);
	sockiocp_call_is_also_of(&call, ready->into);
	while (result) {
		errno = EAGAIN;
		if (!sockiocp_try_again(&call)) {
			/* EINTR: one of them was closed. */
			ready->error = errno == EINTR ? ECANCELED : errno;
			break;
		}
		result = ready->step(ready);
		if (result == EINPROGRESS)
			/* It stays among those who wait for both. */
			call.fd = ready->into;
	}
	sockiocp_call_ends(&call);
	sockiocp_complete(ready->overlapped, sockiocp_ntstatus(ready->error), ready->bytes);
	if (ready->flags & SOCKIOCP_SUBMIT_EVENT)
		SetEvent((HANDLE)(uintptr_t)ready->event);
	tell_routine(ready, sockiocp_ntstatus(ready->error), ready->bytes);
	return ready->error;
}

/*
 * Before an operation is started: when it is over the calling thread calls @function.  Only
 * the library hears of it then.  Returns 0 or an errno value.
 */
int sockiocp_ready_with_routine(struct sockiocp_ready *ready, struct sockiocp_submit *submit,
				LPWSAOVERLAPPED_COMPLETION_ROUTINE function)
{
	ready->routine = malloc(sizeof(*ready->routine));
	if (!ready->routine)
		return ENOMEM;
	submit->flags = SOCKIOCP_SUBMIT_TO_HOME;
	return sockiocp_begin_routine(ready->routine, ready->overlapped, function);
}

/*
 * Starts an operation, of which what is to be set was set, and @submit was begun.  Returns
 * EINPROGRESS if it pends: then it is not the caller's any more; 0 or another errno value if
 * it is over: then it is freed.
 */
int sockiocp_ready_start(struct sockiocp_ready *ready, struct sockiocp_submit *submit)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = EINPROGRESS;

	pthread_once(&once, register_fork_handler);
	ready->pending.harvested = harvested;
	/* A routine is called whatever becomes of the OVERLAPPED. */
	ready->pending.forget = ready->routine ? NULL : forget;
	ready->fd = (int)submit->socket;
	ready->flags = submit->flags;
	ready->event = submit->event;
	ready->thread = (unsigned int)gettid();
	submit->operation = ready->operation;
	watch_thread();

	pthread_mutex_lock(&lock);
	if (ready->into >= 0 && connecting(ready->into)) {
		err = EINVAL;
	} else {
		add(ready);
		if (sockiocp_submit_pending(submit, &ready->pending) < 0) {
			err = errno;
			drop(ready);
		}
	}
	pthread_mutex_unlock(&lock);
	if (err == EINPROGRESS)
		return err;
	if (err == ENOTBLK)
		err = go_on_blocking(ready);
	release(ready);
	return err;
}

/* Fails with what sockiocp_ready_start() has returned. */
BOOL sockiocp_ready_fail(int err)
{
	if (err == EINPROGRESS)
		WSASetLastError(WSA_IO_PENDING);
	else if (err == ECANCELED)
		WSASetLastError(WSA_OPERATION_ABORTED);
	else
		sockiocp_wsa_fail(err);
	return FALSE;
}

/*
 * For a step: sends what is left behind the first *@done bytes.  Returns 0 if that is all,
 * EAGAIN if there is no room, or another errno value.
 */
int sockiocp_ready_send(int fd, const char *data, size_t size, size_t *done)
{
	ssize_t sent;

	while (*done < size) {
		sent = libc_send(fd, data + *done, size - *done,
				 LIBC_MSG_DONTWAIT | LIBC_MSG_NOSIGNAL);
		if (sent >= 0)
			*done += (size_t)sent;
		else if (errno == EPIPE)
			return sockiocp_has_peer(fd) ? ESHUTDOWN : ECONNRESET;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* ------------------------------------------------------------- cancel and close */

/*
 * Operations of a socket are to end, those with an OVERLAPPED or all, those of the calling
 * thread or of any.  What pends is the caller's to cancel, after this.  Returns how many
 * there are.
 */
unsigned int sockiocp_cancel_ready(int fd, const OVERLAPPED *overlapped, bool of_thread)
{
	struct sockiocp_ready *ready;
	unsigned int nr = 0;

	if (!sockiocp_has_ready(fd))
		return 0;
	pthread_mutex_lock(&lock);
	for (ready = all; ready; ready = ready->next) {
		if (ready->fd != fd || (overlapped && ready->overlapped != overlapped) ||
		    (of_thread && ready->thread != (unsigned int)gettid()) || ready->cancelled)
			continue;
		cancel(ready, of_thread);
		nr++;
	}
	pthread_mutex_unlock(&lock);
	return nr;
}

/* Needs the lock: @fd, which an operation was to go into, is closed. */
static void leave(struct sockiocp_ready *ready)
{
	count(ready->into, -1);
	ready->into = -1;
	ready->cancelled = true;
	if (ready->receives)
		end_receiving(ready);
	else if (ready->fd >= 0)
		cancel_pending(ready->fd, ready->overlapped);
}

/*
 * A socket is about to be closed.  From now on nobody uses its number; what pends on it the
 * module ends, if that was its last descriptor.
 */
void sockiocp_close_ready(int fd)
{
	struct sockiocp_ready *ready;

	if (!sockiocp_has_ready(fd))
		return;
	pthread_mutex_lock(&lock);
again:
	for (ready = all; ready; ready = ready->next) {
		if (ready->fd != fd && ready->into != fd)
			continue;
		if (ready->busy) {
			sockiocp_cond_wait(&rested, &lock);
			goto again;
		}
		if (ready->into == fd)
			leave(ready);
		if (ready->fd != fd)
			continue;
		if (ready->receives) {
			end_receiving(ready);
			cancel_pending(ready->into, &ready->data);
		}
		count(fd, -1);
		ready->fd = -1;
	}
	pthread_mutex_unlock(&lock);
}
