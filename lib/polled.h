/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Waits for several sockets, which closesocket() of one of them ends. */
#ifndef _SOCKIOCP_LIB_POLLED_H
#define _SOCKIOCP_LIB_POLLED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

/* On the stack of the thread that waits. */
struct sockiocp_poll {
	LIST_ENTRY(sockiocp_poll) list;
	/* The sockets, of which each may be closed.  The caller sets these. */
	const int *numbers;
	bool *closed;
	size_t count;
	/* What closing a socket tells it. */
	atomic_uchar told;
	pthread_t thread;
	/* Whether the thread may be cancelled, as pthread_setcancelstate(3) has it. */
	int cancelled;
};

int sockiocp_poll_begins(struct sockiocp_poll *poll);
bool sockiocp_poll_hears(struct sockiocp_poll *poll);
void sockiocp_poll_ends(void *poll);
void sockiocp_end_polls(int fd);
void sockiocp_polled_was_closed(int fd);

#endif /* _SOCKIOCP_LIB_POLLED_H */
