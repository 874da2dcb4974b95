// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Events of sockets: WSAEventSelect() and what belongs to it.
 *
 * A socket that was selected is registered with the home port, for what it may be told of:
 * level-triggered, once.  The home thread records what has happened, sets the program's
 * event, and registers for the rest.  What was told is not told again until the call that
 * enables it, as recv() does FD_READ; such calls come here by a hook, as they stand below.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>

#include <linux/sockiocp.h>

#include "overlapped.h"
#include "posix.h"
#include "blocked.h"
#include "winsock.h"

/* What may happen to a socket again and again, if calls enable it. */
#define KNOWN_EVENTS	(FD_READ | FD_WRITE | FD_ACCEPT | FD_CONNECT | FD_CLOSE)

/* A socket that was selected. */
struct selection {
	LIST_ENTRY(selection) list;
	int fd;
	/* Of its packets: those of an earlier socket of this number have others. */
	unsigned int serial;
	/* The program's event, and what sockiocp_close_count() said of it. */
	HANDLE event;
	unsigned char count;
	/* FD_*: what is wanted, what of it may be told next, what was. */
	long wanted, enabled, recorded;
	int errors[FD_MAX_EVENTS];
	/* It listens; a connection is awaited; the end was seen; nothing comes any more. */
	bool listens, connects, ended, dead;
	/* There is data to be read before the end is told. */
	bool end_waits;
	/* How many threads are in connect(). */
	unsigned int connecting;
};

static LIST_HEAD(, selection) selections = LIST_HEAD_INITIALIZER(selections);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int serials;

/* The registrations are the parent's. */
static void start_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
	LIST_INIT(&selections);
}

static struct selection *find(int fd)
{
	struct selection *selection;

	LIST_FOREACH(selection, &selections, list)
		if (selection->fd == fd)
			return selection;
	return NULL;
}

static unsigned short filter_of(const struct selection *selection)
{
	/* One that is not connected may come to listen. */
	long in = selection->listens ? FD_ACCEPT :
		  selection->connects ? FD_ACCEPT | FD_READ : FD_READ;
	unsigned short filter = 0;

	if (selection->dead)
		return 0;
	if ((selection->enabled & in) && !selection->ended)
		filter |= SOCKIOCP_REGISTER_IN;
	if (selection->listens)
		return filter;
	if ((selection->enabled & FD_WRITE) ||
	    (selection->connects && (selection->enabled & FD_CONNECT)))
		filter |= SOCKIOCP_REGISTER_OUT;
	if ((selection->enabled & FD_CLOSE) && !selection->end_waits)
		filter |= SOCKIOCP_REGISTER_HANGUP;
	return filter;
}

/* Registers a socket for what is enabled.  Returns 0 or an errno value. */
static int arm(const struct selection *selection)
{
	struct sockiocp_registration_entry entry = {
		.socket = (__u64)selection->fd,
		.completion_key = (__u64)selection->serial << 32 | (unsigned int)selection->fd,
		.event_filter = filter_of(selection),
		.operation = SOCKIOCP_OP_ENABLE,
		.trigger_flags = SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT,
	};
	struct sockiocp_process process = {
		.registrations = (uintptr_t)&entry, .registration_count = 1,
	};
	unsigned int seen;
	int port = sockiocp_home(&seen), err;

	if (!entry.event_filter)
		entry.operation = SOCKIOCP_OP_DISABLE;
	if (port < 0)
		return errno;
	process.handle = (__u32)port;
	err = ioctl(port, SOCKIOCP_PROCESS, &process) ? errno : 0;
	if (err && sockiocp_home_is_lost(port, err)) {
		port = sockiocp_home_again(seen);
		if (port < 0)
			return errno;
		process.handle = (__u32)port;
		err = ioctl(port, SOCKIOCP_PROCESS, &process) ? errno : 0;
	}
	return err;
}

/*
 * Why a connection could not be made.  The kernel tells that once: the program is to hear of
 * it from select() and SO_ERROR, too, until it has, and so are later selections.
 */
static int connection_error(int fd)
{
	int err = 0;

	if (!sockiocp_get_int(fd, SO_ERROR, &err) && err)
		sockiocp_keep_error(fd, err);
	else
		err = sockiocp_kept_error(fd);
	/* The program has read it. */
	return err ? err : ECONNREFUSED;
}

/* A connection was made, or could not be. */
static long see_connection(struct selection *selection, unsigned int events)
{
	int err = 0;

	if (!selection->connects)
		return 0;
	if (!sockiocp_has_peer(selection->fd)) {
		if (!(events & (SOCKIOCP_EVENT_ERR | SOCKIOCP_EVENT_HANGUP)))
			return 0;
		err = connection_error(selection->fd);
		/* The next connect() makes it live again. */
		selection->dead = true;
	}
	selection->connects = false;
	selection->errors[FD_CONNECT_BIT] = sockiocp_wsa_error(err);
	return FD_CONNECT;
}

/* What is told of a stream that has, or had, a peer. */
static long see_stream(struct selection *selection, unsigned int events)
{
	long seen = events & SOCKIOCP_EVENT_OUT ? FD_WRITE : 0;
	ssize_t there;
	char byte;

	if (events & SOCKIOCP_EVENT_ERR) {
		selection->dead = true;
		selection->errors[FD_CLOSE_BIT] = WSAECONNRESET;
		return FD_CLOSE;
	}
	if (!(events & (SOCKIOCP_EVENT_IN | SOCKIOCP_EVENT_HANGUP)))
		return seen;
	there = libc_recv(selection->fd, &byte, 1, MSG_PEEK | LIBC_MSG_DONTWAIT);
	if (there > 0) {
		selection->end_waits = events & SOCKIOCP_EVENT_HANGUP;
		return seen | FD_READ;
	}
	if (!there) {
		selection->ended = true;
		selection->end_waits = false;
		selection->errors[FD_CLOSE_BIT] = 0;
		return seen | FD_CLOSE;
	}
	if (errno != EAGAIN && errno != EINTR) {
		/* It was reset meanwhile, which the kernel says once: recv() is to hear it. */
		sockiocp_keep_error(selection->fd, errno);
		selection->dead = true;
		selection->errors[FD_CLOSE_BIT] = sockiocp_wsa_error(errno);
		return FD_CLOSE;
	}
	return seen;
}

static bool listens(int fd)
{
	int value;

	return !sockiocp_get_int(fd, SO_ACCEPTCONN, &value) && value;
}

/* Another thread may have taken what there was meanwhile. */
static bool has_something(int fd)
{
	struct libc_pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return libc_poll(&poll_fd, 1, 0) > 0;
}

static long see(struct selection *selection, unsigned int events)
{
	long seen = 0;

	if (sockiocp_socket_type(selection->fd) == SOCK_DGRAM) {
		if (has_something(selection->fd))
			seen |= FD_READ;
		return seen | (events & SOCKIOCP_EVENT_OUT ? FD_WRITE : 0);
	}
	selection->listens = listens(selection->fd);
	if (selection->listens)
		return has_something(selection->fd) ? FD_ACCEPT : 0;
	seen = see_connection(selection, events);
	if (selection->dead || selection->connects)
		return seen;
	return seen | see_stream(selection, events);
}

/*
 * The home thread has a notification.  Of a connection that connect() has yet to return from
 * it comes once more, since that call arms again: told now it would be told twice.
 */
static void notified(const struct sockiocp_packet_entry *packet)
{
	struct selection *selection;
	long seen;

	pthread_mutex_lock(&lock);
	selection = find((int)(unsigned int)packet->completion_key);
	if (selection && selection->serial == packet->completion_key >> 32 &&
	    !selection->connecting) {
		seen = see(selection, packet->bytes_transferred) & selection->enabled;
		selection->enabled &= ~seen;
		selection->recorded |= seen;
		if (seen && sockiocp_close_count(sockiocp_handle_fd(selection->event)) ==
				    selection->count)
			SetEvent(selection->event);
		if (selection->enabled && filter_of(selection))
			arm(selection);
	}
	pthread_mutex_unlock(&lock);
}

/* Needs the lock.  Makes a selection anew.  Returns 0 or an errno value. */
static int start(int fd, HANDLE event, long wanted)
{
	struct selection *selection = find(fd);

	if (!selection) {
		selection = malloc(sizeof(*selection));
		if (!selection)
			return ENOMEM;
		*selection = (struct selection) { .fd = fd, .serial = ++serials };
		LIST_INSERT_HEAD(&selections, selection, list);
	}
	selection->event = event;
	selection->count = sockiocp_close_count(sockiocp_handle_fd(event));
	selection->wanted = wanted;
	selection->enabled = wanted;
	selection->recorded = 0;
	selection->ended = false;
	selection->dead = false;
	selection->end_waits = false;
	selection->listens = listens(fd);
	selection->connects = sockiocp_socket_type(fd) != SOCK_DGRAM && !sockiocp_has_peer(fd);
	memset(selection->errors, 0, sizeof(selection->errors));
	return arm(selection);
}

/* Needs the lock. */
static void forget(struct selection *selection)
{
	if (!selection)
		return;
	LIST_REMOVE(selection, list);
	free(selection);
}

/* Needs the lock.  What a call does that enables events. */
static void enable(struct selection *selection, long event, int accepted)
{
	if (event == FD_CONNECT) {
		/* It may have been selected since. */
		if (selection->connecting)
			selection->connecting--;
		selection->connects = true;
		selection->dead = false;
		event |= FD_WRITE;
	}
	if (event == FD_READ)
		selection->end_waits = false;
	if (event == FD_ACCEPT && accepted >= 0 && selection->wanted)
		start(accepted, selection->event, selection->wanted);
	selection->enabled |= event & selection->wanted;
	/* Others may have what this one gets: it looks again. */
	if (selection->wanted)
		arm(selection);
}

/*
 * A call has enabled an event of a socket; of a connection that it has accepted the
 * selection is that of the listening socket.  Or a socket is about to be closed.
 */
static void hook(int fd, long event, int accepted)
{
	struct selection *selection;
	int err = errno;

	pthread_mutex_lock(&lock);
	if (accepted >= 0)
		forget(find(accepted));
	selection = find(fd);
	if (!event) {
		forget(selection);
		sockiocp_keep_error(fd, 0);
	}
	if (selection && event == SOCKIOCP_CONNECT_BEGINS)
		selection->connecting++;
	else if (selection && event)
		enable(selection, event, accepted);
	pthread_mutex_unlock(&lock);
	errno = err;
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
	atomic_store(&sockiocp_notified, notified);
	atomic_store(&sockiocp_event_hook, hook);
}

/* Returns 0 or an errno value. */
static int check(int fd, HANDLE event, long events)
{
	int handle = sockiocp_handle_fd(event);

	if (!sockiocp_is_socket(fd))
		return errno;
	if (!events)
		return 0;
	if (!event || (events & ~FD_ALL_EVENTS))
		return EINVAL;
	return sockiocp_kind(handle) & SOCKIOCP_EVENT ? 0 : EBADFD;
}

/**
 * WSAEventSelect - have an event set when something happens to a socket
 * @s: the socket, which does not block from now on
 * @hEventObject: the event
 * @lNetworkEvents: FD_READ, FD_WRITE, FD_ACCEPT, FD_CONNECT, FD_CLOSE, several of them, or
 *	0 for none any more; others are ignored
 *
 * It replaces what was selected before, also what was not asked for yet.  What is so already
 * is told.  FD_READ is told again after recv() or a call like it, FD_ACCEPT after accept(),
 * FD_WRITE after a send() that would have to wait, or a connect().  FD_CLOSE comes when all
 * data was read, once.  A connection that is accepted is selected as the listening socket.
 *
 * The socket can be made to block again by ioctlsocket(), after a call with 0.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSA_INVALID_HANDLE	@hEventObject is no event
 *   WSAEINVAL		it is NULL, or there are no such events
 *   WSAENETDOWN	the module is not loaded
 *
 * Windows: "WSAEventSelect function (winsock2.h)".
 */
int WSAAPI WSAEventSelect(SOCKET s, WSAEVENT hEventObject, LONG lNetworkEvents)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int fd = sockiocp_socket_fd(s), err;
	struct selection *selection;

	if (!sockiocp_started())
		return SOCKET_ERROR;
	err = check(fd, hEventObject, lNetworkEvents);
	if (err)
		return sockiocp_wsa_fail(err);
	sockiocp_set_nonblocking(fd, &(int){ 1 });

	pthread_once(&once, prepare);
	pthread_mutex_lock(&lock);
	selection = find(fd);
	lNetworkEvents &= KNOWN_EVENTS;
	if (lNetworkEvents || selection)
		err = start(fd, hEventObject, lNetworkEvents);
	pthread_mutex_unlock(&lock);
	if (err == ENOENT || err == ENXIO)
		err = ENODEV;
	return err ? sockiocp_wsa_fail(err) : 0;
}

/* Is a socket selected, so that it cannot be made to block? */
bool sockiocp_is_selected(int fd)
{
	struct selection *selection;
	bool is;

	pthread_mutex_lock(&lock);
	selection = find(fd);
	is = selection && selection->wanted;
	pthread_mutex_unlock(&lock);
	return is;
}

/**
 * WSAEnumNetworkEvents - what has happened to a socket
 * @s: the socket of WSAEventSelect()
 * @hEventObject: an event that is reset by the same step; or NULL
 * @lpNetworkEvents: receives what has happened since the last such call, and for each FD_*
 *	in iErrorCode whether it failed
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSA_INVALID_HANDLE	@hEventObject is no event
 *
 * Windows: "WSAEnumNetworkEvents function (winsock2.h)".
 */
int WSAAPI WSAEnumNetworkEvents(SOCKET s, WSAEVENT hEventObject,
				LPWSANETWORKEVENTS lpNetworkEvents)
{
	int fd = sockiocp_socket_fd(s), bit;
	struct selection *selection;

	if (!sockiocp_started())
		return SOCKET_ERROR;
	if (!sockiocp_is_socket(fd))
		return sockiocp_wsa_fail(errno);
	if (!lpNetworkEvents)
		return sockiocp_wsa_fail(EFAULT);
	pthread_mutex_lock(&lock);
	if (hEventObject && !ResetEvent(hEventObject)) {
		pthread_mutex_unlock(&lock);
		return sockiocp_wsa_fail(EBADFD);
	}
	selection = find(fd);
	lpNetworkEvents->lNetworkEvents = selection ? (LONG)selection->recorded : 0;
	if (selection)
		selection->recorded = 0;
	for (bit = 0; bit < FD_MAX_EVENTS; bit++)
		if (lpNetworkEvents->lNetworkEvents & (1 << bit))
			lpNetworkEvents->iErrorCode[bit] = selection->errors[bit];
	pthread_mutex_unlock(&lock);
	return 0;
}

/**
 * WSACreateEvent - make an event that stays set, and is not
 *
 * Return: as CreateEventA(); WSA_INVALID_EVENT if it fails.
 *
 * Windows: "WSACreateEvent function (winsock2.h)".
 */
WSAEVENT WSAAPI WSACreateEvent(void)
{
	return CreateEventA(NULL, TRUE, FALSE, NULL);
}

/**
 * WSACloseEvent - as CloseHandle()
 * @hEvent: the event
 *
 * Return: nonzero; FALSE if it fails, and WSAGetLastError() says WSA_INVALID_HANDLE.
 *
 * Windows: "WSACloseEvent function (winsock2.h)".
 */
BOOL WSAAPI WSACloseEvent(WSAEVENT hEvent)
{
	return CloseHandle(hEvent);
}

/**
 * WSASetEvent - as SetEvent()
 * @hEvent: the event
 *
 * Return: nonzero; FALSE if it fails, and WSAGetLastError() says WSA_INVALID_HANDLE.
 *
 * Windows: "WSASetEvent function (winsock2.h)".
 */
BOOL WSAAPI WSASetEvent(WSAEVENT hEvent)
{
	return SetEvent(hEvent);
}

/**
 * WSAResetEvent - as ResetEvent()
 * @hEvent: the event
 *
 * Return: nonzero; FALSE if it fails, and WSAGetLastError() says WSA_INVALID_HANDLE.
 *
 * Windows: "WSAResetEvent function (winsock2.h)".
 */
BOOL WSAAPI WSAResetEvent(WSAEVENT hEvent)
{
	return ResetEvent(hEvent);
}

/**
 * WSAWaitForMultipleEvents - as WaitForMultipleObjectsEx()
 * @cEvents: how many there are: 1 to WSA_MAXIMUM_WAIT_EVENTS
 * @lphEvents: the events
 * @fWaitAll: whether all of them must be set
 * @dwTimeout: how long to wait, in ms; WSA_INFINITE waits for ever
 * @fAlertable: whether functions of threads, and completion routines, are called
 *
 * Return: as WaitForMultipleObjectsEx(), whose results have names with WSA_ here.
 *
 * Windows: "WSAWaitForMultipleEvents function (winsock2.h)".
 */
DWORD WSAAPI WSAWaitForMultipleEvents(DWORD cEvents, const WSAEVENT *lphEvents,
				      BOOL fWaitAll, DWORD dwTimeout, BOOL fAlertable)
{
	return WaitForMultipleObjectsEx(cEvents, lphEvents, fWaitAll, dwTimeout, fAlertable);
}
