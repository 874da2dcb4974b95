// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Calls that wait, and closesocket(), which ends those of other threads.
 *
 * close(2) does not end what other threads wait for in the kernel, and shutdown(2) would
 * also reach those who have a duplicate of the socket.  So no call of Winsock waits in
 * recv(2) and its kin: if these would have to, the call enters itself in a list and waits in
 * poll(2), for its socket and for a descriptor by which it can be woken.
 *
 * Whoever closes the socket tells the calls in the list, wakes them, and closes the number
 * only when they have left: none of them can come upon another socket that has got it.
 * A call that had tried and was not in the list yet finds that the number's count has
 * changed.
 *
 * What is found at once costs nothing but a look at the number's state.  A call that is
 * known to be one on a non-blocking socket is left to the kernel altogether.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "internal.h"
#include "posix.h"
#include "blocked.h"
#include "polled.h"
#include "winsock.h"

/*
 * The sockets are spread over groups by their numbers.  Who waits for one of a group is
 * woken in vain when another one is closed that is waited for; a descriptor for each
 * waiting thread would be too many.
 */
#define GROUPS		16

/* How long a call waits that nobody can wake, since no descriptor was left; in ms. */
#define LOOK_MS		50

/* What a call is told: the socket is closed; the number was, who has it now? */
enum { NOTHING, CLOSED, LOOK };

struct group {
	pthread_mutex_t lock;
	/* A call has heard, or all have. */
	pthread_cond_t heard;
	LIST_HEAD(, sockiocp_call) calls;
	/* An eventfd that is readable while calls are to hear something; -1: none yet. */
	int wake;
	/* How many threads wait for calls to hear. */
	unsigned int tellers;
};

#define NEW_GROUP		\
	{ .lock = PTHREAD_MUTEX_INITIALIZER, .heard = PTHREAD_COND_INITIALIZER, .wake = -1 }
#define FOUR_GROUPS		NEW_GROUP, NEW_GROUP, NEW_GROUP, NEW_GROUP

static struct group groups[GROUPS] = { FOUR_GROUPS, FOUR_GROUPS, FOUR_GROUPS, FOUR_GROUPS };

atomic_uchar sockiocp_socket_states[SOCKIOCP_COUNTED_FDS];

static struct group *group_of(int fd)
{
	return &groups[(unsigned int)fd % GROUPS];
}

/* The child's one thread does not wait, and wakes nobody of the parent's. */
static void start_in_child(void)
{
	struct group *group;

	for (group = groups; group < groups + GROUPS; group++) {
		if (group->wake >= 0)
			close(group->wake);
		*group = (struct group)NEW_GROUP;
	}
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
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
	struct group *group = group_of(fd);
	int flags;

	pthread_mutex_lock(&group->lock);
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK | SOCKIOCP_SEEMS_TO_BLOCK);
	pthread_mutex_unlock(&group->lock);
	return blocks(flags);
}

/* Undoes it, unless the program has made the socket non-blocking meanwhile. */
void sockiocp_block_again(int fd)
{
	struct group *group = group_of(fd);
	int flags;

	pthread_mutex_lock(&group->lock);
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && flags & SOCKIOCP_SEEMS_TO_BLOCK)
		fcntl(fd, F_SETFL, flags & ~(O_NONBLOCK | SOCKIOCP_SEEMS_TO_BLOCK));
	pthread_mutex_unlock(&group->lock);
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
	struct group *group = group_of(fd);
	int flags, value, failed = 0;

	pthread_mutex_lock(&group->lock);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || !(flags & SOCKIOCP_SEEMS_TO_BLOCK))
		failed = ioctl(fd, FIONBIO, argument);
	if (!failed)
		memcpy(&value, argument, sizeof(value));
	if (!failed && value && flags & SOCKIOCP_SEEMS_TO_BLOCK)
		fcntl(fd, F_SETFL, flags & ~SOCKIOCP_SEEMS_TO_BLOCK);
	pthread_mutex_unlock(&group->lock);
	if (!failed && !value && (unsigned int)fd < SOCKIOCP_COUNTED_FDS)
		atomic_fetch_and(&sockiocp_socket_states[fd],
				 (unsigned char)~SOCKIOCP_NONBLOCKING);
	return failed;
}

/* -------------------------------------------------------------------------- waiting */

/* Has closing the number begun since the call did? */
static bool was_closed(const struct sockiocp_call *call)
{
	if ((unsigned int)call->fd >= SOCKIOCP_COUNTED_FDS)
		return false;
	return (atomic_load(&sockiocp_socket_states[call->fd]) ^ call->state) &
	       ~SOCKIOCP_NONBLOCKING;
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

/*
 * The socket has nothing for the call.  Returns 0 if it is to wait, by poll(2) or in the
 * kernel, or an errno value.
 */
static int block(struct sockiocp_call *call)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct group *group = group_of(call->fd);
	unsigned char state = call->state;

	/* The kernel was free to wait. */
	if (!call->dont_wait)
		return EAGAIN;
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
	call->thread = pthread_self();
	call->saw_error = false;
	atomic_init(&call->told, NOTHING);

	pthread_once(&once, prepare);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancelled);
	pthread_mutex_lock(&group->lock);
	if (group->wake < 0)
		group->wake = sockiocp_own_eventfd();
	call->wake = group->wake;
	call->blocked = !was_closed(call);
	if (call->blocked)
		LIST_INSERT_HEAD(&group->calls, call, list);
	pthread_mutex_unlock(&group->lock);
	if (call->blocked)
		return 0;
	pthread_setcancelstate(call->cancelled, &(int){ 0 });
	return EINTR;
}

/* The call is over, or has heard that its socket is closed.  errno stays. */
void sockiocp_unblock(struct sockiocp_call *call)
{
	struct group *group = group_of(call->fd);

	pthread_mutex_lock(&group->lock);
	LIST_REMOVE(call, list);
	if (group->tellers)
		pthread_cond_broadcast(&group->heard);
	pthread_mutex_unlock(&group->lock);
	call->blocked = false;
	pthread_setcancelstate(call->cancelled, &(int){ 0 });
}

/*
 * Somebody is to hear something.  Returns what the call is told; if it was not meant it
 * stays until all have heard, since poll(2) would return at once until then.
 */
static unsigned int hear(struct sockiocp_call *call)
{
	struct group *group = group_of(call->fd);
	unsigned int told;

	pthread_mutex_lock(&group->lock);
	while (!atomic_load(&call->told) && group->tellers)
		pthread_cond_wait(&group->heard, &group->lock);
	told = atomic_load(&call->told);
	if (told == LOOK) {
		atomic_store(&call->told, NOTHING);
		pthread_cond_broadcast(&group->heard);
	}
	pthread_mutex_unlock(&group->lock);
	return told;
}

static void thread_ends(void *call)
{
	sockiocp_unblock(call);
}

/* As poll(2).  Here a thread that waits may be cancelled. */
static int poll_once(struct sockiocp_call *call, struct libc_pollfd fds[2])
{
	int ms = sockiocp_ms_until(call->deadline), ready, unused;

	if (fds[1].fd < 0 && (ms < 0 || ms > LOOK_MS))
		ms = LOOK_MS;
	pthread_cleanup_push(thread_ends, call);
	pthread_setcancelstate(call->cancelled, &unused);
	ready = libc_poll(fds, 2, ms);
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
		{ .fd = call->wake, .events = POLLIN },
	};
	unsigned int told;
	int ready;

	do {
		ready = poll_once(call, fds);
		if (ready < 0 && errno != EINTR)
			return errno;
		/* The program has closed what was not its own. */
		if (ready > 0 && fds[1].revents & POLLNVAL)
			fds[1].fd = -1;
		told = atomic_load(&call->told);
		if (told == LOOK || (ready > 0 && fds[1].revents))
			told = hear(call);
		if (told == CLOSED)
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
 * Have calls of this number not heard yet?  A signal handler that closes what its own
 * thread waits for would wait for itself.  Needs the group's lock.
 */
static bool some_have_to_hear(struct group *group, int fd)
{
	struct sockiocp_call *call;

	LIST_FOREACH(call, &group->calls, list)
		if (call->fd == fd && atomic_load(&call->told) &&
		    !pthread_equal(call->thread, pthread_self()))
			return true;
	return false;
}

/* Tells all calls of a number, and waits until they have heard.  Needs the group's lock. */
static void tell(struct group *group, int fd, unsigned char what)
{
	struct sockiocp_call *call;

	LIST_FOREACH(call, &group->calls, list)
		if (call->fd == fd && atomic_load(&call->told) != CLOSED)
			atomic_store(&call->told, what);
	if (!some_have_to_hear(group, fd))
		return;
	group->tellers++;
	eventfd_write(group->wake, 1);
	pthread_cond_broadcast(&group->heard);
	while (some_have_to_hear(group, fd))
		pthread_cond_wait(&group->heard, &group->lock);
	if (--group->tellers)
		return;
	eventfd_read(group->wake, &(eventfd_t){ 0 });
	pthread_cond_broadcast(&group->heard);
}

/* A descriptor is about to be closed: ends the calls that wait for it. */
void sockiocp_end_blocked(int fd)
{
	struct group *group = group_of(fd);
	unsigned int state;

	pthread_mutex_lock(&group->lock);
	if ((unsigned int)fd < SOCKIOCP_COUNTED_FDS) {
		state = atomic_load(&sockiocp_socket_states[fd]) & ~SOCKIOCP_NONBLOCKING;
		atomic_store(&sockiocp_socket_states[fd],
			     (unsigned char)(state + SOCKIOCP_ONE_CLOSE));
	}
	tell(group, fd, CLOSED);
	pthread_mutex_unlock(&group->lock);
	sockiocp_end_polls(fd);
}

/*
 * It is closed.  A call that has begun in between waits for a socket that is gone, and has
 * to find that out; one for the socket that has the number by now goes on.
 */
void sockiocp_number_was_closed(int fd)
{
	struct group *group = group_of(fd);

	pthread_mutex_lock(&group->lock);
	tell(group, fd, LOOK);
	pthread_mutex_unlock(&group->lock);
	sockiocp_polled_was_closed(fd);
}
