/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Threads that wait for sockets in poll(2), and hear when one of these is closed. */
#ifndef _SOCKIOCP_LIB_WAITERS_H
#define _SOCKIOCP_LIB_WAITERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

/* What a waiter is told: its socket is closed; the number was, who has it now? */
enum { SOCKIOCP_TOLD_NOTHING, SOCKIOCP_TOLD_CLOSED, SOCKIOCP_TOLD_LOOK };

/* On the stack of the thread that waits. */
struct sockiocp_waiter {
	/* The sockets, and which of them is closed, if that is of interest: the caller's. */
	const int *numbers;
	bool *closed;
	size_t count;
	/* What closing a socket tells it. */
	atomic_uchar told;
	/* The thread runs functions that are queued to it: it has not to hear before it is back. */
	bool is_away;
	/* The waiter of the call whose functions these are, if this one is in one of them. */
	struct sockiocp_waiter *outer;
	/* To be polled beside the sockets: readable when it is to hear something; or -1. */
	int wake;
	pthread_t thread;
	/* Whether the thread may be cancelled, as pthread_setcancelstate(3) has it. */
	int cancelled;
	LIST_ENTRY(sockiocp_waiter) list;
};

unsigned long long sockiocp_unwoken_deadline(unsigned long long deadline);
void sockiocp_waiter_enters(struct sockiocp_waiter *waiter);
unsigned int sockiocp_waiter_hears(struct sockiocp_waiter *waiter);
void sockiocp_waiter_leaves(void *waiter);
void sockiocp_waiter_goes_away(struct sockiocp_waiter *waiter);
void sockiocp_waiter_is_back(struct sockiocp_waiter *waiter);
void sockiocp_tell_waiters_of(int fd, unsigned char what);

#endif /* _SOCKIOCP_LIB_WAITERS_H */
