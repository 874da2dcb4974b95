/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Callback objects of the thread pool, of whatever kind. */
#ifndef _SOCKIOCP_LIB_CALLBACK_H
#define _SOCKIOCP_LIB_CALLBACK_H

#include <pthread.h>
#include <sys/queue.h>

#include "internal.h"

/* What one call of a function is for, as far as its kind of object wants to know. */
struct sockiocp_pool_call {
	/* The operation that is over. */
	const OVERLAPPED_ENTRY *entry;
	/* The handle was signalled: it is no time-out. */
	bool signalled;
};

struct sockiocp_callback;

/* Calls the program's function. */
typedef void sockiocp_callback_call(struct sockiocp_callback *callback,
				    const struct sockiocp_pool_call *call);

/* At the beginning of objects of each kind. */
struct sockiocp_callback {
	LIST_ENTRY(sockiocp_callback) all;
	sockiocp_callback_call *call;
	/* It is about to be freed; may be NULL.  Under the lock. */
	void (*gone)(struct sockiocp_callback *callback);
	void *context;
	/* Calls that are queued, calls under way, and packets that have been or will be queued. */
	unsigned int pending, running, packets;
	/* How many of those that are queued are no time-outs. */
	unsigned int signalled;
	bool closed;
};

/* What functions get for what belongs to one call: there is nothing yet. */
struct _TP_CALLBACK_INSTANCE {
	struct sockiocp_callback *callback;
};

/* Protects all objects. */
extern pthread_mutex_t sockiocp_callbacks_lock;

static inline void sockiocp_lock_callbacks(void)
{
	pthread_mutex_lock(&sockiocp_callbacks_lock);
}

static inline void sockiocp_unlock_callbacks(void)
{
	pthread_mutex_unlock(&sockiocp_callbacks_lock);
}

void *sockiocp_create_callback(size_t size, sockiocp_callback_call *call, bool has_function,
			       void *context, PTP_CALLBACK_ENVIRON environment);
void sockiocp_close_callback(struct sockiocp_callback *callback);
void sockiocp_wait_for_calls(struct sockiocp_callback *callback, bool cancels);

void sockiocp_count_call(struct sockiocp_callback *callback);
void sockiocp_uncount_call(struct sockiocp_callback *callback);
void sockiocp_queue_call(struct sockiocp_callback *callback);
bool sockiocp_call_once(struct sockiocp_callback *callback);
bool sockiocp_callback_begins(struct sockiocp_callback *callback, struct sockiocp_pool_call *call);
void sockiocp_make_call(struct sockiocp_callback *callback, const struct sockiocp_pool_call *call);

#endif /* _SOCKIOCP_LIB_CALLBACK_H */
