/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Calls of Winsock that may wait, which closesocket() ends. */
#ifndef _SOCKIOCP_LIB_BLOCKED_H
#define _SOCKIOCP_LIB_BLOCKED_H

#include <stdatomic.h>
#include <stdbool.h>

#include "waiters.h"

/* A file flag that means nothing to a socket: O_NONBLOCK is ours, not the program's. */
#define SOCKIOCP_SEEMS_TO_BLOCK	O_APPEND

/*
 * What is known of a descriptor number, in one byte: whether the socket was non-blocking
 * when that was looked at last, and how often closing the number has begun, modulo 128.
 */
#define SOCKIOCP_NONBLOCKING	1u
#define SOCKIOCP_ONE_CLOSE	2u

extern atomic_uchar sockiocp_socket_states[SOCKIOCP_COUNTED_FDS];

/*
 * A call that may wait.  What it tries has @dont_wait among its flags, as long as
 * sockiocp_try_again() returns true; then sockiocp_call_ends().
 */
struct sockiocp_call {
	int fd;
	/* Another number: closing it ends the call too; -1: none. */
	int also;
	int dont_wait;
	/* What it waits for, as poll(2) has it. */
	short events;
	unsigned char state, also_state;
	/* It waits even if the socket is non-blocking, and has no time-out. */
	bool always;
	/* It is among the waiters, and what is below is valid. */
	bool blocked;
	/* poll(2) has seen an error, and not what is waited for. */
	bool saw_error;
	unsigned long long deadline;
	/* @fd, as it was when the call began to wait, and @also. */
	int numbers[2];
	struct sockiocp_waiter waiter;
};

static inline unsigned int sockiocp_socket_state(int fd)
{
	if ((unsigned int)fd >= SOCKIOCP_COUNTED_FDS)
		return 0;
	return atomic_load_explicit(&sockiocp_socket_states[fd], memory_order_acquire);
}

/* Before anything is done with the socket.  What is not needed yet stays as it is. */
static inline void sockiocp_call_begins(struct sockiocp_call *call, int fd, short events)
{
	unsigned int state = sockiocp_socket_state(fd);

	call->fd = fd;
	call->also = -1;
	call->also_state = 0;
	call->dont_wait = state & SOCKIOCP_NONBLOCKING ? 0 : LIBC_MSG_DONTWAIT;
	call->events = events;
	call->state = (unsigned char)state;
	call->always = false;
	call->blocked = false;
}

/* The same of a call that waits whatever the socket is, and without an end. */
static inline void sockiocp_call_begins_that_waits(struct sockiocp_call *call, int fd,
						   short events)
{
	sockiocp_call_begins(call, fd, events);
	call->always = true;
	call->dont_wait = LIBC_MSG_DONTWAIT;
}

/* Closing @fd ends it, too. */
static inline void sockiocp_call_is_also_of(struct sockiocp_call *call, int fd)
{
	call->also = fd;
	call->also_state = (unsigned char)sockiocp_socket_state(fd);
}

/*
 * The same of a call that receives.  Two kinds are left to the kernel: poll(2) cannot wait
 * until all is there that is only to be looked at, and nobody waits for urgent data.
 */
static inline void sockiocp_receive_begins(struct sockiocp_call *call, int fd, int flags)
{
	sockiocp_call_begins(call, fd, POLLIN);
	if (flags & MSG_OOB || (flags & MSG_PEEK && flags & MSG_WAITALL))
		call->dont_wait = 0;
}

bool sockiocp_try_again(struct sockiocp_call *call);
void sockiocp_unblock(struct sockiocp_call *call);

static inline void sockiocp_call_ends(struct sockiocp_call *call)
{
	if (call->blocked)
		sockiocp_unblock(call);
}

void sockiocp_end_blocked(int fd);
void sockiocp_number_was_closed(int fd);
bool sockiocp_stop_blocking(int fd);
void sockiocp_block_again(int fd);
bool sockiocp_listener_blocks(int fd);
int sockiocp_set_nonblocking(int fd, void *argument);

#endif /* _SOCKIOCP_LIB_BLOCKED_H */
