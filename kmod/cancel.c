// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations that end before they are carried out: they are cancelled, their socket is
 * closed, or their process is gone.
 *
 * Nobody waits for an operation that is being carried out: it is marked, and ends when its
 * thread comes back.
 *
 * The lock of a socket's wait queue is held for a walk over what pends there, which is not
 * more than 2 * SOCKIOCP_MAX_PENDING, and for the end of a chunk of it.
 */
#include "hook.h"
#include "insides.h"
#include "packet.h"

#include <linux/sched/signal.h>

/* ------------------------------------------------------------------ with a result */

/*
 * Ends one that has not ended, with @error; and the home port may be gone.  Returns whether
 * somebody who polls was woken, which takes long.
 */
static bool cancel_one(struct sockiocp_operation *op, int error, struct list_head *gone)
{
	bool is_pending = op->phase == SOCKIOCP_PENDING, is_gone;

	trace_sockiocp_cancel(op, error);
	op->error = error;
	if (op->phase == SOCKIOCP_RUNNING) {
		op->cancelled = true;
		return false;
	}
	/*
	 * What is runnable is in a queue, or in the hands of a thread, that ends it.  Queued
	 * before it ends, since then the next one is woken.
	 */
	is_gone = is_pending && !sockiocp_endpoint_queue(op, false);
	sockiocp_endpoint_finish_operation(op, true);
	if (is_gone) {
		sockiocp_endpoint_remove_operation(op);
		list_add(&op->node, gone);
		return false;
	}
	/* Who takes it off the queue gets no further without the lock that the caller has. */
	return is_pending && waitqueue_active(&op->queue->poll_wait);
}

static void cancel_free_all(struct list_head *gone)
{
	struct sockiocp_operation *op, *next;

	list_for_each_entry_safe(op, next, gone, node)
		sockiocp_operation_free(op);
}

/* Does its thread take it along?  What has a packet for the port of its socket stays. */
static bool cancel_ends_with_thread(const struct sockiocp_operation *op)
{
	return op->flags & SOCKIOCP_SUBMIT_OF_THREAD && sockiocp_operation_is_for_home(op);
}

static bool cancel_is_meant(const struct sockiocp_operation *op,
			    const struct sockiocp_cancel *args)
{
	if (op->cancelled)
		return false;
	/* The socket is closed. */
	if (!args)
		return true;
	if (args->flags && op->thread != task_pid_nr(current))
		return false;
	if (args->flags & SOCKIOCP_CANCEL_END_OF_THREAD && !cancel_ends_with_thread(op))
		return false;
	return sockiocp_port_is_home_of_caller(op->home) &&
	       (!args->overlapped || args->overlapped == op->entry.overlapped);
}

/*
 * Of one that a thread is carrying out, how far it has come is that thread's, which looks
 * at it in the end.
 */
static int cancel_error(const struct sockiocp_operation *op)
{
	return op->phase == SOCKIOCP_RUNNING ? -ECANCELED :
					       sockiocp_operation_error_of_cancel(op);
}

/* Ends those of a list that are meant, as long as there is @room.  Returns how many. */
static unsigned int cancel_in_list(struct list_head *list, const struct sockiocp_cancel *args,
				   unsigned int *room, struct list_head *gone)
{
	struct sockiocp_operation *op, *next;
	unsigned int nr = 0;
	bool took_long;

	list_for_each_entry_safe(op, next, list, node) {
		if (!*room)
			break;
		if (!cancel_is_meant(op, args))
			continue;
		took_long = cancel_one(op, args ? cancel_error(op) :
						  sockiocp_operation_error_of_close(op), gone);
		*room = took_long ? 0 : *room - 1;
		nr++;
	}
	return nr;
}

/* Ends those of a chunk that are meant.  Returns how many. */
static unsigned int cancel_some(struct sockiocp_endpoint *endpoint,
				const struct sockiocp_cancel *args)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);
	unsigned int i, nr = 0, room = SOCKIOCP_CHUNK;
	LIST_HEAD(gone);

	spin_lock_irq(&socket->wq.wait.lock);
	for (i = 0; i < 2; i++)
		nr += cancel_in_list(&endpoint->directions[i].operations, args, &room, &gone);
	spin_unlock_irq(&socket->wq.wait.lock);
	cancel_free_all(&gone);
	return nr;
}

/**
 * sockiocp_cancel_operations - SOCKIOCP_CANCEL
 * @endpoint: the socket's
 * @args: which ones, of the calling process
 *
 * Others may submit meanwhile: it ends when it has ended as many as there can be.
 *
 * Return: how many.
 */
u32 sockiocp_cancel_operations(struct sockiocp_endpoint *endpoint,
			       const struct sockiocp_cancel *args)
{
	unsigned int nr;
	u32 total = 0;

	do {
		nr = cancel_some(endpoint, args);
		total += nr;
		cond_resched();
	} while (nr && total < 2 * SOCKIOCP_MAX_PENDING && !fatal_signal_pending(current));
	return total;
}

/**
 * sockiocp_cancel_closed - the socket of an endpoint is closed
 * @endpoint: the endpoint; nobody submits any more
 */
void sockiocp_cancel_closed(struct sockiocp_endpoint *endpoint)
{
	while (cancel_some(endpoint, NULL))
		cond_resched();
}

/* --------------------------------------------------------------- without a result */

/* Off the queue that it is in.  Returns false if it is in none: a thread has it. */
static bool cancel_unqueue(struct sockiocp_operation *op)
{
	struct sockiocp_port *port = op->queue;
	bool was_queued;

	if (!port)
		return false;
	spin_lock(&port->lock);
	was_queued = !list_empty(&op->packet.node);
	if (was_queued)
		sockiocp_queue_remove_undone(port, &op->packet);
	spin_unlock(&port->lock);
	return was_queued;
}

static void cancel_drop_one(struct sockiocp_operation *op, struct list_head *gone)
{
	bool is_nobodys = op->phase == SOCKIOCP_PENDING;

	trace_sockiocp_cancel(op, 0);
	op->dropped = true;
	/* So the search of its home port goes on with others. */
	sockiocp_endpoint_leave_home(op);
	if (op->phase == SOCKIOCP_RUNNING)
		return;
	if (!is_nobodys)
		is_nobodys = cancel_unqueue(op);
	/* The next one is woken when this is done with the chunk. */
	if (op->phase != SOCKIOCP_FINISHED)
		sockiocp_endpoint_finish_operation(op, false);
	sockiocp_endpoint_remove_operation(op);
	if (is_nobodys)
		list_add(&op->node, gone);
}

/* Drops those of a list that are of a home port, and fit into a chunk. */
static unsigned int cancel_drop_in_list(struct list_head *list, struct sockiocp_port *home,
					unsigned int max, struct list_head *gone)
{
	struct sockiocp_operation *op, *next;
	unsigned int nr = 0;

	list_for_each_entry_safe(op, next, list, node) {
		if (nr == max)
			break;
		if (op->home != home || op->dropped)
			continue;
		cancel_drop_one(op, gone);
		nr++;
	}
	return nr;
}

/* Drops those of a chunk that are of a home port.  Returns how many. */
static unsigned int cancel_drop_some(struct sockiocp_endpoint *endpoint,
				     struct sockiocp_port *home)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);
	struct sockiocp_direction *direction;
	unsigned int i, some, nr = 0;
	LIST_HEAD(gone);

	spin_lock_irq(&socket->wq.wait.lock);
	for (i = 0; i < 2; i++) {
		direction = &endpoint->directions[i];
		some = cancel_drop_in_list(&direction->operations, home, SOCKIOCP_CHUNK - nr,
					   &gone);
		if (some)
			sockiocp_endpoint_wake_first(direction);
		nr += some;
	}
	nr += cancel_drop_in_list(&endpoint->finished, home, SOCKIOCP_CHUNK - nr, &gone);
	spin_unlock_irq(&socket->wq.wait.lock);
	cancel_free_all(&gone);
	return nr;
}

/* The endpoint of the first operation in the ring, with a reference; or NULL. */
static struct sockiocp_endpoint *cancel_first_endpoint(struct sockiocp_port *home)
{
	struct sockiocp_endpoint *endpoint = NULL;
	struct sockiocp_operation *op;

	spin_lock_irq(&home->lock);
	op = list_first_entry_or_null(&home->operations, struct sockiocp_operation, home_node);
	if (op) {
		endpoint = op->endpoint;
		refcount_inc(&endpoint->hook.refs);
	}
	spin_unlock_irq(&home->lock);
	return endpoint;
}

/**
 * sockiocp_cancel_drop_all - the process of a home port is gone, or has closed it
 * @home: the port
 *
 * Its operations end without a word, whoever has their sockets and the ports that these
 * are associated with.
 */
void sockiocp_cancel_drop_all(struct sockiocp_port *home)
{
	struct sockiocp_endpoint *endpoint;

	while ((endpoint = cancel_first_endpoint(home))) {
		while (cancel_drop_some(endpoint, home))
			cond_resched();
		sockiocp_endpoint_put(endpoint);
		cond_resched();
	}
}
