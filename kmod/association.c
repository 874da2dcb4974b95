// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which threads are associated with a port: its list of workers.
 *
 * worker.c says when an association begins and ends.
 */
#include "sockiocp.h"

#include <linux/pid.h>

/* How many workers of a port are looked at before its lock is given back. */
#define LOOKS_AT_A_TIME		64

void sockiocp_association_begin(struct sockiocp_worker *worker, struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	worker->pinned = port;
	WRITE_ONCE(worker->port, port);
	worker->files = current->files;
	sockiocp_port_has_somebody_of(port, worker->files);
	list_add_tail(&worker->node, &port->workers);
	port->nr_workers++;
	port->had_worker = true;
	port->nr_sampled += worker->sampled;
	sockiocp_slot_take(worker, SOCKIOCP_SLOT_HELD);
}

/* The worker stays in the list, since its thread may be in the middle of a call. */
void sockiocp_association_end(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	lockdep_assert_held(&port->lock);

	if (!worker->port)
		return;
	sockiocp_slot_give_up(worker);
	WRITE_ONCE(worker->port, NULL);
	port->nr_workers--;
}

void sockiocp_association_unlink(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->pinned->lock);

	sockiocp_association_end(worker);
	list_del_init(&worker->node);
	worker->pinned->nr_sampled -= worker->sampled;
}

/*
 * Do something with each worker of a port, a few at a time.  What comes meanwhile
 * may be left out, and what moves to the end be met twice.
 */
void sockiocp_association_look_at_all(struct sockiocp_port *port,
				      void (*act)(struct sockiocp_worker *worker,
						  const void *arg),
				      const void *arg)
{
	struct sockiocp_worker cursor = { .pinned = NULL };
	struct sockiocp_worker *worker;
	unsigned int looks = 0;

	spin_lock_irq(&port->lock);
	list_add(&cursor.node, &port->workers);
	while (!list_is_last(&cursor.node, &port->workers)) {
		worker = list_next_entry(&cursor, node);
		list_move(&cursor.node, &worker->node);
		if (worker->pinned)
			act(worker, arg);
		if (++looks % LOOKS_AT_A_TIME)
			continue;
		spin_unlock_irq(&port->lock);
		cond_resched();
		spin_lock_irq(&port->lock);
	}
	list_del(&cursor.node);
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_SLOT);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_association_begin_look - go through the workers of a port, and let others work
 * @port: the port, whose memory the caller keeps
 * @cursor: the caller's, until sockiocp_association_end_look()
 */
void sockiocp_association_begin_look(struct sockiocp_port *port, struct sockiocp_worker *cursor)
{
	memset(cursor, 0, sizeof(*cursor));
	spin_lock_irq(&port->lock);
	list_add(&cursor->node, &port->workers);
	spin_unlock_irq(&port->lock);
}

void sockiocp_association_end_look(struct sockiocp_port *port, struct sockiocp_worker *cursor)
{
	spin_lock_irq(&port->lock);
	list_del(&cursor->node);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_association_next - the threads that come next
 * @port: the port
 * @cursor: how far the caller has come
 * @views: where they go, each with a reference to its number
 * @most: how many of them there may be
 *
 * Return: how many there are; fewer than @most does not mean the end.
 */
unsigned int sockiocp_association_next(struct sockiocp_port *port,
				       struct sockiocp_worker *cursor,
				       struct sockiocp_association_view *views,
				       unsigned int most)
{
	struct sockiocp_worker *worker;
	unsigned int nr = 0, looks = 0;

	spin_lock_irq(&port->lock);
	while (!list_is_last(&cursor->node, &port->workers) && nr < most &&
	       looks++ < LOOKS_AT_A_TIME) {
		worker = list_next_entry(cursor, node);
		list_move(&cursor->node, &worker->node);
		/* It is somebody's cursor, or its association has ended. */
		if (!worker->pinned || !worker->port)
			continue;
		views[nr++] = (struct sockiocp_association_view) {
			.pid = get_pid(worker->pid),
			.slot = READ_ONCE(worker->slot),
		};
	}
	spin_unlock_irq(&port->lock);
	return nr;
}

bool sockiocp_association_is_through(struct sockiocp_port *port,
				     struct sockiocp_worker *cursor)
{
	bool is_through;

	spin_lock_irq(&port->lock);
	is_through = list_is_last(&cursor->node, &port->workers);
	spin_unlock_irq(&port->lock);
	return is_through;
}
