// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waiting for sockets: select() with Winsock's sets, and WSAPoll().
 *
 * Both are poll(2), which says other things of two kinds of streams: one that was
 * never connected has hung up, and one whose connection could not be made is ready
 * for everything.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "posix.h"
#include "waiters.h"
#include "winsock.h"

/*
 * poll(2) returns at once while one of its sockets has hung up, and a socket that
 * was never connected has.  Such ones are looked at only this often, in ns.
 */
#define LOOK_NS		(20 * NSEC_PER_MSEC)

/*
 * What is waited for, as poll(2) has it.  @translate makes what Winsock says of what
 * poll(2) says of a socket, 0 if nothing.
 */
struct wait {
	struct libc_pollfd *fds;
	size_t count;
	/* How many there is room for. */
	size_t most;
	short (*translate)(int fd, short events, short revents);
	bool some_left_out;
	/* While it sleeps: one more entry wakes it, if closing a socket is to end it. */
	struct sockiocp_waiter waiter;
	bool sleeps;
};

/*
 * As poll(2).  Here a thread that sleeps may be cancelled, or end itself in a function that
 * is queued to it.
 */
static int poll_asleep(struct wait *wait, const unsigned long long end)
{
	int ready, unused;

	pthread_cleanup_push(sockiocp_waiter_leaves, &wait->waiter);
	pthread_setcancelstate(wait->waiter.cancelled, &unused);
	ready = sockiocp_poll_alertably((struct pollfd *)wait->fds, wait->count + 1, end,
					&wait->waiter);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &unused);
	pthread_cleanup_pop(0);
	return ready;
}

static int poll_sockets(struct wait *wait, unsigned long long end)
{
	if (!wait->sleeps)
		return libc_poll(wait->fds, wait->count, 0);
	/* Nobody can wake one that has no descriptor for that. */
	if (wait->fds[wait->count].fd < 0)
		end = sockiocp_unwoken_deadline(end);
	return poll_asleep(wait, end);
}

/* If sockets of it are about to be closed, says that.  Returns how many these are. */
static int hear(struct wait *wait)
{
	int count = 0;
	size_t i;

	if (!wait->sleeps || (!atomic_load(&wait->waiter.told) &&
			      !wait->fds[wait->count].revents) ||
	    sockiocp_waiter_hears(&wait->waiter) != SOCKIOCP_TOLD_CLOSED)
		return 0;
	for (i = 0; i < wait->count; i++) {
		if (!wait->waiter.closed[i])
			continue;
		/* It was looked at, or left out. */
		count += !wait->fds[i].revents;
		wait->fds[i].revents = POLLNVAL;
	}
	return count;
}

/*
 * Returns how many sockets are ready, or -1 with errno set.  Those of which poll(2)
 * has something to say but Winsock nothing are left out of the next poll(2): their
 * numbers become less than -1, which stands for what is none.
 */
static int poll_once(struct wait *wait, unsigned long long end)
{
	int ready = 0, n = poll_sockets(wait, end);
	struct libc_pollfd *fd;

	if (n < 0 && errno != EINTR)
		return -1;
	/* It has written nothing. */
	for (fd = wait->fds; n < 0 && fd <= wait->fds + wait->count; fd++)
		fd->revents = 0;
	if (n < 0)
		return hear(wait);
	n -= wait->sleeps && wait->fds[wait->count].revents;
	for (fd = wait->fds; n && fd < wait->fds + wait->count; fd++) {
		if (!fd->revents)
			continue;
		n--;
		fd->revents = wait->translate(fd->fd, fd->events, fd->revents);
		if (fd->revents) {
			ready++;
		} else {
			fd->fd = -2 - fd->fd;
			wait->some_left_out = true;
		}
	}
	return ready + hear(wait);
}

/* Takes those back that poll_once() has left out. */
static void take_back(struct wait *wait)
{
	size_t i;

	for (i = 0; wait->some_left_out && i < wait->count; i++)
		if (wait->fds[i].fd < -1)
			wait->fds[i].fd = -2 - wait->fds[i].fd;
	wait->some_left_out = false;
}

/*
 * Makes room for so many sockets, what wakes the wait, their numbers, and whether they are
 * closed.  The caller frees wait->fds.  Returns whether there is memory.
 */
static bool make_room(struct wait *wait, size_t count)
{
	wait->most = count;
	wait->fds = calloc(count + 1, sizeof(*wait->fds) + sizeof(int) + sizeof(bool));
	return wait->fds;
}

/* Has closing one of its sockets end it. */
static void begin_to_sleep(struct wait *wait)
{
	int *numbers = (int *)(wait->fds + wait->most + 1);
	size_t i;

	for (i = 0; i < wait->count; i++)
		numbers[i] = wait->fds[i].fd;
	wait->waiter.numbers = numbers;
	wait->waiter.closed = (bool *)(numbers + wait->most);
	wait->waiter.count = wait->count;
	sockiocp_waiter_enters(&wait->waiter);
	wait->fds[wait->count] = (struct libc_pollfd) {
		.fd = wait->waiter.wake, .events = POLLIN,
	};
	wait->sleeps = true;
}

/*
 * Waits until sockets are ready, or @end.  Returns how many are, or -1 with errno
 * set.
 */
static int wait_until(struct wait *wait, unsigned long long end)
{
	unsigned long long next;
	int ready;

	if (sockiocp_ms_until(end))
		begin_to_sleep(wait);
	do {
		ready = poll_once(wait, end);
		if (!ready && wait->some_left_out) {
			next = sockiocp_now_ns() + LOOK_NS;
			ready = poll_once(wait, next < end ? next : end);
		}
		take_back(wait);
	} while (!ready && sockiocp_ms_until(end));
	if (wait->sleeps)
		sockiocp_waiter_leaves(&wait->waiter);
	return ready;
}

/* The sets of select(), in its arguments' order. */
enum { READ, WRITE, EXCEPT, SETS };

/* What poll(2) calls them. */
static const short set_events[SETS] = { POLLIN, POLLOUT, POLLPRI };

static short say_as_select(int fd, short events, short revents)
{
	if (revents & POLLNVAL)
		return POLLNVAL;
	if (revents & (POLLERR | POLLHUP)) {
		if (sockiocp_is_unused_stream(fd))
			revents = revents & POLLERR || sockiocp_kept_error(fd) ? POLLPRI : 0;
		else
			/* The next call says what it is. */
			revents |= POLLIN | (revents & POLLERR ? POLLOUT : 0);
	}
	return (short)(revents & events);
}

static int compare_fds(const void *a, const void *b)
{
	const struct libc_pollfd *one = a, *other = b;

	return (one->fd > other->fd) - (one->fd < other->fd);
}

/*
 * Puts the sockets of the sets into @wait, each once: poll(2) takes no more than the
 * process may have open.  Returns whether all of them are sockets.
 */
static bool add_sets(struct wait *wait, fd_set *const sets[SETS])
{
	struct libc_pollfd *fds = wait->fds;
	size_t i, n = 0;
	int set, fd;

	for (set = 0; set < SETS; set++) {
		for (i = 0; sets[set] && i < sets[set]->fd_count; i++) {
			fd = sockiocp_socket_fd(sets[set]->fd_array[i]);
			if (!sockiocp_is_socket(fd))
				return false;
			fds[n].fd = fd;
			fds[n++].events = set_events[set];
		}
	}
	qsort(fds, n, sizeof(*fds), compare_fds);
	for (i = 0; i < n; i++) {
		if (wait->count && fds[wait->count - 1].fd == fds[i].fd)
			fds[wait->count - 1].events |= fds[i].events;
		else
			fds[wait->count++] = fds[i];
	}
	return true;
}

/* Leaves in a set what is ready for it.  Returns how many that are. */
static int keep_ready(const struct wait *wait, fd_set *set, short event)
{
	struct libc_pollfd key, *fd;
	u_int i, kept = 0;

	for (i = 0; i < set->fd_count; i++) {
		key.fd = sockiocp_socket_fd(set->fd_array[i]);
		fd = bsearch(&key, wait->fds, wait->count, sizeof(key),
			     compare_fds);
		if (fd && (fd->revents & event))
			set->fd_array[kept++] = set->fd_array[i];
	}
	set->fd_count = kept;
	return (int)kept;
}

/*
 * One that was closed while it was waited for is ready to be read.  Returns whether one was
 * that is in other sets only.
 */
static bool some_closed(struct wait *wait)
{
	bool some = false;
	size_t i;

	for (i = 0; i < wait->count; i++) {
		if (!(wait->fds[i].revents & POLLNVAL))
			continue;
		wait->fds[i].revents = POLLIN;
		some |= !(wait->fds[i].events & POLLIN);
	}
	return some;
}

/* When a time-out ends, in ns. */
static unsigned long long end_of(const struct timeval *timeout)
{
	long long ns;

	if (!timeout)
		return ULLONG_MAX;
	if (timeout->tv_sec > (long long)(LLONG_MAX / 4 / NSEC_PER_SEC))
		return ULLONG_MAX;
	ns = timeout->tv_sec * (long long)NSEC_PER_SEC +
	     timeout->tv_usec * 1000LL;
	return sockiocp_now_ns() + (unsigned long long)ns;
}

/* select() after its arguments were looked at; @count sockets are in all sets. */
static int select_sets(fd_set *const sets[SETS], size_t count,
		       unsigned long long end)
{
	struct wait wait = { .translate = say_as_select };
	int set, ready, err = 0;

	if (!make_room(&wait, count))
		return sockiocp_wsa_fail(ENOMEM);
	if (!add_sets(&wait, sets))
		err = ENOTSOCK;
	else if (wait_until(&wait, end) < 0)
		err = errno;
	else if (some_closed(&wait))
		err = ENOTSOCK;
	ready = 0;
	for (set = 0; !err && set < SETS; set++)
		if (sets[set])
			ready += keep_ready(&wait, sets[set], set_events[set]);
	free(wait.fds);
	return err ? sockiocp_wsa_fail(err) : ready;
}

/**
 * select - wait until sockets are ready
 * @nfds: ignored
 * @readfds: in: sockets; out: those which data, a connection to accept, the end of
 *	the stream or an error waits at; may be NULL
 * @writefds: in: sockets; out: those that are connected and take data; may be NULL
 * @exceptfds: in: sockets; out: those that could not be connected, or have urgent
 *	data; may be NULL
 * @timeout: how long to wait; NULL: for ever
 *
 * A set is a count and an array, as on Windows, and holds as many sockets as
 * FD_SETSIZE says where it was compiled, whatever their numbers are.
 *
 * Functions that are queued to the thread meanwhile are called, and it goes on waiting.
 *
 * That a connection could not be made is told until getsockopt() has given its
 * error.  If another thread closes one of the sockets the wait ends, and it is among those of
 * @readfds.
 *
 * Return: how many sockets are left in all sets; 0 if the time has passed;
 * SOCKET_ERROR if it fails, and WSAGetLastError() says why (the sets stay):
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSAEINVAL		there is no socket in any set; @timeout is negative
 *   WSAENOTSOCK	what is in a set is no socket, or was closed meanwhile and is not in @readfds
 *
 * Windows: "select function (winsock2.h)".
 */
int WSAAPI select(int nfds, fd_set *readfds, fd_set *writefds,
		  fd_set *exceptfds, const struct timeval *timeout)
{
	fd_set *const sets[SETS] = { readfds, writefds, exceptfds };
	size_t count = 0;
	int set;

	(void)nfds;
	if (!sockiocp_started())
		return SOCKET_ERROR;
	for (set = 0; set < SETS; set++)
		if (sets[set])
			count += sets[set]->fd_count;
	if (!count || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)))
		return sockiocp_wsa_fail(EINVAL);
	return select_sets(sets, count, end_of(timeout));
}

/**
 * __WSAFDIsSet - is a socket in a set?
 * @fd: the socket
 * @set: the set
 *
 * What FD_ISSET() does.
 *
 * Return: nonzero if it is.
 *
 * Windows: "__WSAFDIsSet function (winsock2.h)".
 */
int WSAAPI __WSAFDIsSet(SOCKET fd, fd_set *set)
{
	u_int i;

	for (i = 0; i < set->fd_count; i++)
		if (set->fd_array[i] == fd)
			return 1;
	return 0;
}

/* What WSAPoll() can be asked for. */
#define READ_EVENTS	(POLLIN | POLLRDNORM)
#define WRITE_EVENTS	(POLLOUT | POLLWRNORM)

static bool has_data(int fd)
{
	int bytes = 0;

	return !ioctl(fd, FIONREAD, &bytes) && bytes;
}

/* Winsock has two names for each of Linux', and POLLIN has urgent data too. */
static short with_both_names(short revents)
{
	short said = (short)(revents & (POLLERR | POLLHUP | POLLNVAL));

	if (revents & POLLIN)
		said |= READ_EVENTS;
	if (revents & POLLPRI)
		said |= POLLRDBAND | POLLIN;
	if (revents & POLLOUT)
		said |= WRITE_EVENTS;
	return said;
}

static short say_as_wsapoll(int fd, short events, short revents)
{
	short said = (short)(revents & (POLLPRI | POLLOUT | POLLERR | POLLNVAL));

	if ((revents & (POLLERR | POLLHUP)) && sockiocp_is_unused_stream(fd))
		return revents & POLLERR || sockiocp_kept_error(fd) ?
			with_both_names(POLLERR | POLLHUP | (events & POLLOUT)) : 0;
	if (revents & (POLLHUP | LIBC_POLLRDHUP)) {
		said |= POLLHUP;
		if (!has_data(fd))
			revents &= (short)~POLLIN;
	}
	return with_both_names((short)(said | (revents & POLLIN)));
}

/* What to ask poll(2) for. */
static short asked(short events)
{
	/* The end is told in any case. */
	return (short)(LIBC_POLLRDHUP | (events & READ_EVENTS ? POLLIN : 0) |
		       (events & (POLLIN | POLLRDBAND) ? POLLPRI : 0) |
		       (events & WRITE_EVENTS ? POLLOUT : 0));
}

/* Puts the entries that are sockets in @wait.  Returns 0 or an errno value. */
static int add_entries(struct wait *wait, const WSAPOLLFD *entries, ULONG count)
{
	bool some = false;
	ULONG i;
	int fd;

	wait->count = count;
	for (i = 0; i < count; i++) {
		if (entries[i].events &
		    ~(READ_EVENTS | POLLRDBAND | WRITE_EVENTS))
			return EINVAL;
		fd = sockiocp_socket_fd(entries[i].fd);
		if (!sockiocp_is_socket(fd))
			fd = -1;
		wait->fds[i].fd = fd;
		wait->fds[i].events = asked(entries[i].events);
		some |= fd >= 0;
	}
	return some ? 0 : ENOTSOCK;
}

/**
 * WSAPoll - wait until sockets are ready
 * @fdArray: in: sockets, and what is asked of each: any of POLLIN, POLLRDNORM,
 *	POLLRDBAND, POLLOUT and POLLWRNORM; out: what is so, in revents
 * @fds: how many there are
 * @timeout: how long to wait, in ms; less than 0: for ever
 *
 * POLLIN and POLLRDNORM come together, and so do POLLOUT and POLLWRNORM.  POLLHUP is
 * the end of a stream, with POLLIN only while there is data before it; with POLLERR
 * it is a reset.  A connection that could not be made is POLLERR, POLLHUP and, if
 * asked for, POLLOUT, until getsockopt() has given its error.  What is no socket
 * has POLLNVAL and is not counted; what another thread closes meanwhile has it, ends the wait
 * and is counted.
 *
 * Return: how many sockets have something in revents; 0 if the time has passed;
 * SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSAEINVAL		@fds is 0, or something else is asked for, also POLLPRI
 *   WSAENOTSOCK	there is no socket in the array
 *   WSAEFAULT		@fdArray is NULL
 *
 * Windows: "WSAPoll function (winsock2.h)".
 */
int WSAAPI WSAPoll(LPWSAPOLLFD fdArray, ULONG fds, INT timeout)
{
	struct wait wait = { .translate = say_as_wsapoll };
	unsigned long long end = ULLONG_MAX;
	int ready = 0, err;
	ULONG i;

	if (!sockiocp_started())
		return SOCKET_ERROR;
	if (!fds || !fdArray)
		return sockiocp_wsa_fail(fds ? EFAULT : EINVAL);
	if (!make_room(&wait, fds))
		return sockiocp_wsa_fail(ENOMEM);
	if (timeout >= 0)
		end = sockiocp_now_ns() + (unsigned int)timeout * NSEC_PER_MSEC;
	err = add_entries(&wait, fdArray, fds);
	if (!err) {
		ready = wait_until(&wait, end);
		err = ready < 0 ? errno : 0;
	}
	for (i = 0; (!err || err == ENOTSOCK) && i < fds; i++)
		fdArray[i].revents = (SHORT)(wait.fds[i].fd < 0 ?
					     POLLNVAL : wait.fds[i].revents);
	free(wait.fds);
	return err ? sockiocp_wsa_fail(err) : ready;
}
