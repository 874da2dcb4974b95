/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * How the readiness files tell the others what a socket is, what it is like, and what
 * becomes of it.
 */
#ifndef _SOCKIOCP_READING_H
#define _SOCKIOCP_READING_H

#include <linux/sockiocp.h>
#include <linux/types.h>

/* What a socket is, as far as its readiness goes: streams first. */
enum sockiocp_kind {
	SOCKIOCP_TCP,
	SOCKIOCP_MPTCP,
	SOCKIOCP_VSOCK,
	SOCKIOCP_UNIX_STREAM,
	SOCKIOCP_UDP,
	SOCKIOCP_UNIX_DGRAM,
	/* None that can be looked at: an endpoint may have it. */
	SOCKIOCP_NO_KIND,
};

/*
 * What a socket is like, as read: the events that hold, and marks of ours, which no user
 * sees.  The type keeps both apart from what packets carry, SOCKIOCP_EVENT_* bits (make
 * lint, by sparse): sockiocp_reading_events() has those of them.
 */
typedef u32 __bitwise sockiocp_reading;

#define SOCKIOCP_NOW(bits)	((__force sockiocp_reading)(bits))
#define SOCKIOCP_NOW_IN		SOCKIOCP_NOW(SOCKIOCP_EVENT_IN)
#define SOCKIOCP_NOW_OUT	SOCKIOCP_NOW(SOCKIOCP_EVENT_OUT)
#define SOCKIOCP_NOW_HANGUP	SOCKIOCP_NOW(SOCKIOCP_EVENT_HANGUP)
#define SOCKIOCP_NOW_ERR	SOCKIOCP_NOW(SOCKIOCP_EVENT_ERR)
/* A stream that is, or was, connected. */
#define SOCKIOCP_CONNECTED	SOCKIOCP_NOW(0x08)
/* In sockiocp_registration.seen: nothing has been read yet. */
#define SOCKIOCP_UNSEEN		SOCKIOCP_NOW(0x10)
/*
 * A stream has failed, and stays so.  An error without this is one that the stream
 * lives on with, until it is read.  In sockiocp_registration.seen: of the connection
 * that the stream has, not of an attempt at one.
 */
#define SOCKIOCP_FAILED		SOCKIOCP_NOW(0x20)
#define SOCKIOCP_BROKEN		(SOCKIOCP_NOW_ERR | SOCKIOCP_NOW_HANGUP | SOCKIOCP_FAILED)
/* In sockiocp_registration.seen: since then the connection has ended, if it was one. */
#define SOCKIOCP_OVER		SOCKIOCP_NOW(0x80)
/* The socket is closed. */
#define SOCKIOCP_GONE		SOCKIOCP_NOW(0x100)
/* The socket cannot be looked at before somebody lets go of one of its locks. */
#define SOCKIOCP_BUSY		SOCKIOCP_NOW(0x200)

/* The events of a reading, among those of @mask, as a packet carries them. */
static inline u32 sockiocp_reading_events(sockiocp_reading now, u32 mask)
{
	return (__force u32)now & mask;
}

/* What a wake-up for an error, or a change of state, means to a stream's connection. */
enum sockiocp_turn {
	SOCKIOCP_GOES_ON,
	/* It has failed: that stays. */
	SOCKIOCP_HAS_FAILED,
	/* The attempt to connect has failed, once more perhaps. */
	SOCKIOCP_WAS_IN_VAIN,
	/* The same, and that was before: by now connect() has told it. */
	SOCKIOCP_IS_TOLD,
	/* It was disconnected: the next one has no past. */
	SOCKIOCP_IS_NEW,
	/* An attempt to connect has succeeded: what was before it is over. */
	SOCKIOCP_IS_MADE,
};

#endif /* _SOCKIOCP_READING_H */
