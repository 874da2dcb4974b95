// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Workers: the threads that a port counts.
 *
 * A thread that asks a port for packets is one of its workers, until it asks another
 * port, exits, or its process has closed the port, by close(), exec or exit.
 *
 *   slot.c		how many of them may run at once
 *   waiting.c		those that wait for a packet
 *   association.c	the list of a port's workers
 *   notifier.c		how it becomes known that one blocks and goes on
 *   sampler.c		the same, where nobody tells
 */
#include "ring.h"

#include <linux/pid.h>
#include <linux/slab.h>

static struct sockiocp_worker *worker_create(void)
{
	struct sockiocp_worker *worker = kzalloc(sizeof(*worker),
						 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!worker)
		return NULL;
	INIT_LIST_HEAD(&worker->node);
	worker->task = current;
	worker->pid = get_task_pid(current, PIDTYPE_PID);
	if (sockiocp_sampler_serves_new_workers())
		sockiocp_sampler_watch(worker);
	else
		sockiocp_notifier_watch(worker);
	return worker;
}

/*
 * The association begins.  Whoever closes the process's last descriptor takes it out
 * of the table first and then takes the port's lock, to end the association of all
 * workers in the list: one that comes into the list after that finds the descriptor gone.
 */
static void worker_begin_association(struct sockiocp_worker *worker, struct file *file,
				     unsigned int fd)
{
	struct sockiocp_port *port = file->private_data;

	sockiocp_port_get(port);
	spin_lock_irq(&port->lock);
	sockiocp_association_begin(worker, port);
	/* It may be one too many to take packets from there. */
	sockiocp_ring_settle(port);
	if (worker->sampled)
		sockiocp_sampler_add(worker);
	spin_unlock_irq(&port->lock);

	if (likely(sockiocp_port_is_open_here(file, fd)))
		return;
	spin_lock_irq(&port->lock);
	sockiocp_association_end(worker);
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_SLOT);
	spin_unlock_irq(&port->lock);
}

/* Apart, since most threads go on asking the same port. */
noinline
struct sockiocp_worker *sockiocp_worker_enter_port(struct file *file, unsigned int fd,
						   struct sockiocp_worker *worker)
{
	struct sockiocp_worker *sampled = sockiocp_sampler_find(file->private_data);

	if (sampled) {
		/* The sampler saw it blocked, and has not looked since. */
		if (READ_ONCE(sampled->slot) == SOCKIOCP_SLOT_LENT)
			sockiocp_slot_take_back(sampled);
		return sampled;
	}
	if (worker)
		sockiocp_notifier_leave(worker);
	else
		sockiocp_sampler_leave();
	if (!worker)
		worker = worker_create();
	if (worker)
		worker_begin_association(worker, file, fd);
	return worker;
}

/* Of which process, and which of its threads has closed the port. */
struct closer {
	fl_owner_t files;
	struct task_struct *task;
};

static void worker_end_if_of_closer(struct sockiocp_worker *worker, const void *arg)
{
	const struct closer *closer = arg;

	lockdep_assert_held(&worker->pinned->lock);

	/* exec may have given the thread a table of its own. */
	if (worker->files == closer->files || worker->task == closer->task)
		sockiocp_association_end(worker);
}

/**
 * sockiocp_worker_leave_process - a process has closed its last descriptor of a port
 * @port: the port
 * @files: the process
 *
 * The association of its threads ends.  The memory of the port, and the module, are
 * let go of for the calling thread only: the notifier of any other one can be taken
 * off by that thread alone, and stays until it asks a port again or exits.
 */
void sockiocp_worker_leave_process(struct sockiocp_port *port, fl_owner_t files)
{
	struct closer closer = {
		.files = files,
		.task = current->files == files ? current : NULL,
	};
	struct sockiocp_worker *worker;

	sockiocp_association_look_at_all(port, worker_end_if_of_closer, &closer);
	worker = sockiocp_notifier_find();
	if (worker && !READ_ONCE(worker->port))
		sockiocp_notifier_unwatch(worker);
}

static void worker_end_with_port(struct sockiocp_worker *worker, const void *unused)
{
	lockdep_assert_held(&worker->pinned->lock);

	if (worker->sampled)
		sockiocp_sampler_end(worker);
	else
		sockiocp_association_end(worker);
}

/**
 * sockiocp_worker_forget - the port ends
 * @port: the port, which nobody calls any more
 *
 * Workers that are told of by notifiers go on to pin the memory of the port;
 * sampled ones end here.
 */
void sockiocp_worker_forget(struct sockiocp_port *port)
{
	cancel_delayed_work_sync(&port->sampler);
	sockiocp_association_look_at_all(port, worker_end_with_port, NULL);
}
