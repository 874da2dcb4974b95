/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Operations that the library carries out itself, when the module says that their socket is
 * ready for it.
 */
#ifndef _SOCKIOCP_LIB_READY_H
#define _SOCKIOCP_LIB_READY_H

#include "overlapped.h"

/*
 * An operation: at the beginning of what its kind needs, in memory of malloc().  What is not
 * set by who starts it is ready.c's, and protected by a lock there.
 */
struct sockiocp_ready {
	struct sockiocp_pending pending;
	struct sockiocp_ready *next, *previous;

	/* Set by who starts it. */
	LPOVERLAPPED overlapped;
	/* SOCKIOCP_SUBMIT_POLL_IN or _OUT: what it waits for. */
	unsigned int operation;
	/* The number that is to become the connection; -1 if there is none. */
	int into;
	/* The socket is being connected; or what it sends is to end. */
	bool connects, shuts_down;
	/*
	 * Goes on as far as it can without waiting, on the socket @fd.  Returns 0 if it is
	 * over, and @error and @bytes say how; EAGAIN if it has to wait again, EINPROGRESS if
	 * for data of @into.  Nobody closes @fd or @into meanwhile, nor is it called twice.
	 */
	int (*step)(struct sockiocp_ready *ready);
	/* Frees it; NULL: free() will do. */
	void (*release)(struct sockiocp_ready *ready);
	/* The completion routine, or NULL. */
	struct sockiocp_routine *routine;

	/* How it has ended: 0 or an errno value. */
	int error;
	DWORD bytes;

	/* The socket that it is an operation of; -1 if that was closed. */
	int fd;
	/* Of the program's event, for who tells the result. */
	unsigned int flags, event;
	/* Who has started it. */
	unsigned int thread;
	/* Somebody is in step(). */
	bool busy;
	/* It is to end; it is told that it has, and only the memory is left. */
	bool cancelled, told;
	/* Others of the socket wait until it has gone on. */
	bool keeps_others;
	/* It waits for data of @into, with an OVERLAPPED of its own. */
	bool receives;
	OVERLAPPED data;
};

int sockiocp_ready_with_routine(struct sockiocp_ready *ready, struct sockiocp_submit *submit,
				LPWSAOVERLAPPED_COMPLETION_ROUTINE function);
int sockiocp_ready_start(struct sockiocp_ready *ready, struct sockiocp_submit *submit);
BOOL sockiocp_ready_fail(int err);
int sockiocp_ready_send(int fd, const char *data, size_t size, size_t *done);
bool sockiocp_has_ready(int fd);
bool sockiocp_is_connecting(int fd);

/* How many sockets are waiting to be shut down, for those who have no time to look. */
extern atomic_int sockiocp_nr_shutting_down;

bool sockiocp_find_shutting_down(int fd);

/* Has shutdown() been called, though what was sent before is still being sent? */
static inline bool sockiocp_is_shutting_down(int fd)
{
	return atomic_load_explicit(&sockiocp_nr_shutting_down, memory_order_relaxed) &&
	       sockiocp_find_shutting_down(fd);
}

unsigned int sockiocp_cancel_ready(int fd, const OVERLAPPED *overlapped, bool of_thread);
void sockiocp_close_ready(int fd);

#endif /* _SOCKIOCP_LIB_READY_H */
