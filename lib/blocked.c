// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Calls that wait for a socket, which closesocket() ends.
 *
 * No call of Winsock waits in recv(2) and its kin: if these would have to, the call waits in
 * poll(2), as one of the waiters of its socket (waiters.c).  One that had tried and was not
 * among these yet when the socket was closed finds that the number's count has changed.
 *
 * What is found at once costs nothing but a look at the number's state.  A call that is
 * known to be one on a non-blocking socket is left to the kernel altogether.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "winsock.h"

atomic_uchar sockiocp_socket_states[SOCKIOCP_COUNTED_FDS];

/* Who changes the flags of a file that it has read does so alone. */
static pthread_mutex_t flags_lock = PTHREAD_MUTEX_INITIALIZER;

static void start_in_child(void)
{
	pthread_mutex_init(&flags_lock, NULL);
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

static void lock_flags(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, prepare);
	pthread_mutex_lock(&flags_lock);
}

/* ------------------------------------------------------------- does a socket block? */

static bool blocks(int flags)
{
	return flags < 0 || !(flags & O_NONBLOCK) || flags & SOCKIOCP_SEEMS_TO_BLOCK;
}

/*
 * From now on the socket does not block, but seems to: neither accept(2) nor connect(2) has
 * a flag not to wait.  Others that share it see that in its open file.  Returns false if it
 * was non-blocking, and stays that.
 */
bool sockiocp_stop_blocking(int fd)
{
	int flags;

	lock_flags();
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK | SOCKIOCP_SEEMS_TO_BLOCK);
	pthread_mutex_unlock(&flags_lock);
	return blocks(flags);
}

/* Undoes it, unless the program has made the socket non-blocking meanwhile. */
void sockiocp_block_again(int fd)
{
	int flags;

	lock_flags();
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && flags & SOCKIOCP_SEEMS_TO_BLOCK)
		fcntl(fd, F_SETFL, flags & ~(O_NONBLOCK | SOCKIOCP_SEEMS_TO_BLOCK));
	pthread_mutex_unlock(&flags_lock);
}

/* Has accept() to wait?  What listens does not block from now on. */
bool sockiocp_listener_blocks(int fd)
{
	int flags = fcntl(fd, F_GETFL), listens = 0;

	if (flags >= 0 && !(flags & O_NONBLOCK) &&
	    !sockiocp_get_int(fd, SO_ACCEPTCONN, &listens) && listens)
		return sockiocp_stop_blocking(fd);
	return blocks(flags);
}

/* What ioctl(2) with FIONBIO is to the program.  Returns 0, or -1 with errno set. */
int sockiocp_set_nonblocking(int fd, void *argument)
{
	int flags, value, failed = 0;

	lock_flags();
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || !(flags & SOCKIOCP_SEEMS_TO_BLOCK))
		failed = ioctl(fd, FIONBIO, argument);
	if (!failed)
		memcpy(&value, argument, sizeof(value));
	if (!failed && value && flags & SOCKIOCP_SEEMS_TO_BLOCK)
		fcntl(fd, F_SETFL, flags & ~SOCKIOCP_SEEMS_TO_BLOCK);
	pthread_mutex_unlock(&flags_lock);
	if (!failed && !value && (unsigned int)fd < SOCKIOCP_COUNTED_FDS)
		atomic_fetch_and(&sockiocp_socket_states[fd],
				 (unsigned char)~SOCKIOCP_NONBLOCKING);
	return failed;
}

/* -------------------------------------------------------------------------- waiting */

static bool has_changed(int fd, unsigned char state)
{
	if ((unsigned int)fd >= SOCKIOCP_COUNTED_FDS)
		return false;
	return (atomic_load(&sockiocp_socket_states[fd]) ^ state) & ~SOCKIOCP_NONBLOCKING;
}

/* Has closing a number of it begun since the call did? */
static bool was_closed(const struct sockiocp_call *call)
{
	return has_changed(call->fd, call->state) ||
	       has_changed(call->also, call->also_state);
}

/* When SO_RCVTIMEO or SO_SNDTIMEO has passed, in ns. */
static unsigned long long deadline_of(const struct sockiocp_call *call)
{
	struct timeval timeout;
	unsigned int size = sizeof(timeout);
	int name = call->events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO;

	if (call->always || !atomic_load_explicit(&sockiocp_timeouts_used, memory_order_relaxed) ||
	    libc_getsockopt(call->fd, SOL_SOCKET, name, &timeout, &size) ||
	    (!timeout.tv_sec && !timeout.tv_usec))
		return ULLONG_MAX;
	return sockiocp_now_ns() + (unsigned long long)timeout.tv_sec * NSEC_PER_SEC +
	       (unsigned long long)timeout.tv_usec * 1000;
}

/* poll(2) does not say whether a datagram can go to who has no connection to us. */
static bool is_unix_send(const struct sockiocp_call *call)
{
	int domain;

	return call->events == POLLOUT &&
	       !sockiocp_get_int(call->fd, LIBC_SO_DOMAIN, &domain) && domain == AF_UNIX &&
	       sockiocp_socket_type(call->fd) != SOCK_STREAM;
}

/* Nobody can send to a datagram socket that has no address. */
static bool receives_nowhere(const struct sockiocp_call *call)
{
	return call->events == POLLIN && !call->always &&
	       atomic_load_explicit(&sockiocp_messages_used, memory_order_relaxed) &&
	       sockiocp_socket_type(call->fd) == SOCK_DGRAM && sockiocp_is_unbound(call->fd);
}

/*
 * The socket has nothing for the call.  Returns 0 if it is to wait, by poll(2) or in the
 * kernel, or an errno value.
 */
static int block(struct sockiocp_call *call)
{
	unsigned char state = call->state;

	/* The kernel was free to wait. */
	if (!call->dont_wait)
		return EAGAIN;
	if (receives_nowhere(call))
		return EINVAL;
	if (!call->always && sockiocp_is_nonblocking(call->fd)) {
		atomic_compare_exchange_strong(&sockiocp_socket_states[call->fd], &state,
					       state | SOCKIOCP_NONBLOCKING);
		return EAGAIN;
	}
	if (!call->always && is_unix_send(call)) {
		call->dont_wait = 0;
		return 0;
	}
	call->deadline = deadline_of(call);
	call->saw_error = false;
	call->numbers[0] = call->fd;
	call->numbers[1] = call->also;
	call->waiter.numbers = call->numbers;
	call->waiter.closed = NULL;
	call->waiter.count = call->also < 0 ? 1 : 2;
	sockiocp_waiter_enters(&call->waiter);
	call->blocked = true;
	if (!was_closed(call))
		return 0;
	sockiocp_unblock(call);
	return EINTR;
}

/* The call is over, or has heard that its socket is closed.  errno stays. */
void sockiocp_unblock(struct sockiocp_call *call)
{
	call->blocked = false;
	sockiocp_waiter_leaves(&call->waiter);
}

static void thread_ends(void *call)
{
	sockiocp_unblock(call);
}

/*
 * As poll(2).  Here a thread that waits may be cancelled, or end itself in a function that
 * is queued to it.
 */
static int poll_once(struct sockiocp_call *call, struct libc_pollfd fds[2],
		     const unsigned long long deadline)
{
	int ready, unused;

	pthread_cleanup_push(thread_ends, call);
	pthread_setcancelstate(call->waiter.cancelled, &unused);
	ready = sockiocp_poll_alertably((struct pollfd *)fds, 2, deadline, &call->waiter);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &unused);
	pthread_cleanup_pop(0);
	return ready;
}

/*
 * Waits until it is worth trying again.  Returns 0, EAGAIN if the time has passed, EINTR if
 * the socket is closed, or another errno value.
 */
static int wait_in_poll(struct sockiocp_call *call)
{
	struct libc_pollfd fds[] = {
		{ .fd = call->fd, .events = call->events },
		{ .fd = call->waiter.wake, .events = POLLIN },
	};
	unsigned int told;
	int ready;

	do {
		ready = poll_once(call, fds, fds[1].fd < 0 ?
					     sockiocp_unwoken_deadline(call->deadline) :
					     call->deadline);
		if (ready < 0 && errno != EINTR)
			return errno;
		/* The program has closed what was not its own. */
		if (ready > 0 && fds[1].revents & POLLNVAL)
			fds[1].fd = -1;
		told = atomic_load(&call->waiter.told);
		if (told == SOCKIOCP_TOLD_LOOK || (ready > 0 && fds[1].revents))
			told = sockiocp_waiter_hears(&call->waiter);
		if (told == SOCKIOCP_TOLD_CLOSED)
			return EINTR;
		if (ready <= 0 && !told && !sockiocp_ms_until(call->deadline))
			return EAGAIN;
	} while (!told && (ready <= 0 || !fds[0].revents));
	call->saw_error = ready > 0 && fds[0].revents && !(fds[0].revents & call->events);
	return 0;
}

/*
 * Linux tells who waits in the kernel why a stream has ended, and who comes back from
 * poll(2) only that it has.
 */
static int reason(const struct sockiocp_call *call, int err)
{
	int said = 0;

	return !sockiocp_get_int(call->fd, SO_ERROR, &said) && said ? said : err;
}

/*
 * What was tried has failed with errno.  Waits if that is what is to be done.  Returns
 * whether to try again; if not, errno says why: EINTR if the socket is closed.
 */
bool sockiocp_try_again(struct sockiocp_call *call)
{
	int err = errno;

	if (err == EAGAIN && call->blocked && call->saw_error && !call->always) {
		/* It would be found again and again: the kernel knows what to wait for. */
		sockiocp_unblock(call);
		call->dont_wait = 0;
		err = 0;
	} else if (err == EAGAIN) {
		err = call->blocked ? 0 : block(call);
		if (!err && call->blocked)
			err = wait_in_poll(call);
	} else if (err == EPIPE && call->blocked) {
		err = reason(call, err);
	} else if (was_closed(call)) {
		err = EINTR;
	} else if (err == EINTR) {
		err = 0;
	}
	errno = err;
	return !err;
}

/* -------------------------------------------------------------------------- closing */

/*
 * A descriptor is about to be closed: ends the calls that wait for it, and forgets how its
 * stream has ended.
 */
void sockiocp_end_blocked(int fd)
{
	sockiocp_note_end(fd, 0);
	/* First: who is not among the waiters yet looks at it. */
	if ((unsigned int)fd < SOCKIOCP_COUNTED_FDS) {
		atomic_fetch_add(&sockiocp_socket_states[fd], SOCKIOCP_ONE_CLOSE);
		atomic_fetch_and(&sockiocp_socket_states[fd],
				 (unsigned char)~SOCKIOCP_NONBLOCKING);
	}
	sockiocp_tell_waiters_of(fd, SOCKIOCP_TOLD_CLOSED);
}

/*
 * It is closed.  A call that has begun in between waits for a socket that is gone, and has
 * to find that out; one for the socket that has the number by now goes on.
 */
void sockiocp_number_was_closed(int fd)
{
	sockiocp_tell_waiters_of(fd, SOCKIOCP_TOLD_LOOK);
}
