// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that wait for a packet: which of them is woken, and what for.
 *
 * A packet wakes a waiting thread only if a slot is free (slot.c), and a slot that
 * becomes free wakes one if there is a packet.
 */
#include "mirror.h"
#include "ring.h"
#include "sockiocp.h"
#include "trace.h"

#include <linux/hrtimer.h>
#include <linux/sched/signal.h>

/* How long to leave a socket alone that is being changed by somebody else. */
#define BUSY_PAUSE_NS		NSEC_PER_MSEC

/**
 * struct sockiocp_waiter - a thread inside a wait, on its stack
 * @node: in the port's list; empty once it has been woken
 * @task: the thread; NULL in the mark of somebody who goes through the list
 * @files: its table of descriptors, which is its process
 * @worker: the same thread as a worker; NULL if the port does not count it
 * @handed: where the packet goes that it is woken for: a list of the thread's own
 * @woken: taken off the list by somebody else, who has handed it a packet
 * @disturbed: the port or a descriptor of it was closed: to be looked at
 */
struct sockiocp_waiter {
	struct list_head node;
	struct task_struct *task;
	fl_owner_t files;
	struct sockiocp_worker *worker;
	struct list_head *handed;
	bool woken;
	bool disturbed;
};

static bool waiting_is_mark(const struct sockiocp_waiter *waiter)
{
	return !waiter->task;
}

static void waiting_remove(struct sockiocp_port *port, struct sockiocp_waiter *waiter)
{
	lockdep_assert_held(&port->lock);

	list_del_init(&waiter->node);
	port->nr_waiters--;
}

/*
 * Wake it for the oldest packet, which is its own from now on: nobody else sees it in
 * the queue.  Yet it counts as queued, so that whoever ends or disables a registration
 * can take its packet back from here too.
 */
static void waiting_wake(struct sockiocp_port *port, struct sockiocp_waiter *waiter,
			 enum sockiocp_wake reason)
{
	lockdep_assert_held(&port->lock);

	list_move(port->queue.next, waiter->handed);
	waiting_remove(port, waiter);
	/* On its behalf, so that the next packet finds the slot taken. */
	sockiocp_slot_take_for(waiter->worker);
	trace_sockiocp_wake(port, waiter->task, reason);
	WRITE_ONCE(waiter->woken, true);
	wake_up_process(waiter->task);
}

/**
 * sockiocp_waiting_release - wake as many threads as have packets and slots
 * @port: the port, locked
 * @reason: what has happened
 *
 * The thread that has waited the shortest comes first: its cache is the warmest.
 * Each is handed a packet.
 *
 * Interrupts are off, so that no more are woken than those of a chunk.  If that is not
 * all, these go on with it when they have the lock, see sockiocp_wait_for_packet().
 */
void sockiocp_waiting_release(struct sockiocp_port *port, enum sockiocp_wake reason)
{
	struct sockiocp_waiter *waiter, *next;
	unsigned int woken = 0;

	lockdep_assert_held(&port->lock);

	list_for_each_entry_safe(waiter, next, &port->waiters, node) {
		if (list_empty(&port->queue) || woken == SOCKIOCP_CHUNK)
			return;
		if (unlikely(waiting_is_mark(waiter)))
			continue;
		if (waiter->worker && !sockiocp_slot_is_free(port))
			return;
		waiting_wake(port, waiter, reason);
		woken++;
	}
}

/* Wake it for no packet, and no slot: it will look around. */
static void waiting_disturb(struct sockiocp_port *port, struct sockiocp_waiter *waiter)
{
	lockdep_assert_held(&port->lock);

	waiting_remove(port, waiter);
	trace_sockiocp_wake(port, waiter->task, SOCKIOCP_WAKE_CLOSED);
	WRITE_ONCE(waiter->disturbed, true);
	wake_up_process(waiter->task);
}

/*
 * Disturb all threads that wait, or those of the process @files.  The lock is given back
 * after each chunk, with a mark left in the list; a thread that begins to wait meanwhile
 * stands before the mark, and looks for itself before it sleeps.
 */
void sockiocp_waiting_disturb(struct sockiocp_port *port, fl_owner_t files)
{
	struct sockiocp_waiter mark = { .task = NULL }, *waiter;
	unsigned int n = 0;

	spin_lock_irq(&port->lock);
	list_add(&mark.node, &port->waiters);
	while (!list_is_last(&mark.node, &port->waiters)) {
		waiter = list_next_entry(&mark, node);
		list_move(&mark.node, &waiter->node);
		if (!waiting_is_mark(waiter) && (!files || waiter->files == files))
			waiting_disturb(port, waiter);
		if (++n % SOCKIOCP_CHUNK)
			continue;
		spin_unlock_irq(&port->lock);
		cond_resched();
		spin_lock_irq(&port->lock);
	}
	list_del(&mark.node);
	spin_unlock_irq(&port->lock);
}

/* A worker has blocked: its slot is free. */
static void waiting_slot_freed(struct irq_work *work)
{
	struct sockiocp_port *port = container_of(work, struct sockiocp_port, slot_freed);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_SLOT);
	spin_unlock_irqrestore(&port->lock, flags);
}

/* Only threads of its process wait at a home port. */
static bool waiting_is_foreign(const struct sockiocp_port *port)
{
	return unlikely(port->home_of) && !sockiocp_port_is_home_of_caller(port);
}

/*
 * The thread is on the list from here on, and holds no slot.  Returns whether it has to
 * sleep: not if there is a packet and a slot for it, or if the port is closed.
 */
static bool waiting_begin(struct sockiocp_port *port, struct sockiocp_waiter *waiter)
{
	struct sockiocp_worker *worker = waiter->worker;

	lockdep_assert_held(&port->lock);

	sockiocp_slot_begin_wait(worker);
	sockiocp_port_has_somebody_of(port, waiter->files);
	list_add(&waiter->node, &port->waiters);
	port->nr_waiters++;
	sockiocp_ring_settle(port);
	/*
	 * Only then: a worker that blocks from here on finds the waiter, one that
	 * has blocked before has left a free slot.
	 */
	return !port->closed && !waiting_is_foreign(port) &&
	       (list_empty(&port->queue) || (worker && !sockiocp_slot_is_free(port)));
}

/* Returns as sockiocp_wait_for_packet(). */
static int waiting_sleep(struct sockiocp_waiter *waiter, struct file *file, unsigned int fd,
			 const ktime_t *deadline)
{
	ktime_t expires = deadline ? *deadline : 0;
	int error = 0;

	if (!sockiocp_port_is_open_here(file, fd))
		return -ESHUTDOWN;
	/*
	 * A file that was closed during this call, by another thread, is released when this
	 * thread returns, and its peer waits for the FIN.
	 */
	if (task_work_pending(current))
		return -EAGAIN;

	set_current_state(TASK_INTERRUPTIBLE);
	if (!READ_ONCE(waiter->woken) && !READ_ONCE(waiter->disturbed)) {
		if (signal_pending(current))
			error = -EINTR;
		else if (!schedule_hrtimeout_range(deadline ? &expires : NULL,
						   current->timer_slack_ns,
						   HRTIMER_MODE_ABS))
			error = -ETIME;
	}
	__set_current_state(TASK_RUNNING);
	/* A thread that is disturbed first is woken for no packet afterwards. */
	if (READ_ONCE(waiter->disturbed) && !sockiocp_port_is_open_here(file, fd))
		error = -ESHUTDOWN;
	return error;
}

/* The thread is off the list, and holds a slot again.  Returns what @error becomes. */
static int waiting_end(struct sockiocp_port *port, struct sockiocp_waiter *waiter, int error)
{
	lockdep_assert_held(&port->lock);

	if (!waiter->woken) {
		if (!list_empty(&waiter->node))
			waiting_remove(port, waiter);
		if (port->closed)
			error = -ESHUTDOWN;
		else if (waiting_is_foreign(port))
			error = -EXDEV;
	} else if (error != -ESHUTDOWN) {
		error = 0;
	} else {
		/* The caller passes it on. */
		sockiocp_ring_queue_again(port, waiter->handed);
	}
	/* What woke this thread may have left it to wake others. */
	if (waiter->woken && unlikely(!list_empty(&port->queue)))
		sockiocp_waiting_release(port, SOCKIOCP_WAKE_LEFT);
	sockiocp_slot_end_wait(waiter->worker);
	return error;
}

/**
 * sockiocp_wait_for_packet - wait until there may be a packet
 * @port: the port
 * @worker: the calling thread as a worker; NULL if the port does not count it
 * @file: the port's file
 * @fd: the descriptor that the thread came by
 * @deadline: when to give up; NULL for never
 * @handed: where the packet goes that the thread is woken for
 * @woken: set to whether it was woken for a packet
 *
 * Return: 0 if it is worth looking again; -ETIME, -EINTR, -ESHUTDOWN, -EXDEV; -EAGAIN if the
 * thread has to go back to user space first.  With 0 and @woken the packet is in
 * @handed, unless it was taken back, and nobody else looks after it.
 */
int sockiocp_wait_for_packet(struct sockiocp_port *port, struct sockiocp_worker *worker,
			     struct file *file, unsigned int fd, const ktime_t *deadline,
			     struct list_head *handed, bool *woken)
{
	struct sockiocp_waiter waiter = {
		.task = current,
		.files = current->files,
		.worker = worker,
		.handed = handed,
	};
	int error = 0;

	INIT_LIST_HEAD(handed);
	/* Since this thread has looked, another one may have opened the ring. */
	sockiocp_race_window();
	spin_lock_irq(&port->lock);
	if (waiting_begin(port, &waiter)) {
		spin_unlock_irq(&port->lock);
		trace_sockiocp_wait_begin(port, deadline);
		error = waiting_sleep(&waiter, file, fd, deadline);
		trace_sockiocp_wait_end(port, READ_ONCE(waiter.woken), error);
		spin_lock_irq(&port->lock);
	}
	error = waiting_end(port, &waiter, error);
	spin_unlock_irq(&port->lock);
	*woken = waiter.woken;
	return error;
}

/* A socket is being changed by somebody: let that happen. */
int sockiocp_wait_for_busy(struct file *file, unsigned int fd, const ktime_t *deadline)
{
	ktime_t expires = ktime_add_ns(ktime_get(), BUSY_PAUSE_NS);

	if (deadline && ktime_before(*deadline, expires))
		expires = *deadline;
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_hrtimeout(&expires, HRTIMER_MODE_ABS);
	if (!sockiocp_port_is_open_here(file, fd))
		return -ESHUTDOWN;
	return task_work_pending(current) ? -EAGAIN : 0;
}

/**
 * sockiocp_waiting_configure - SOCKIOCP_CONFIGURE
 * @port: the port
 * @config: what to set
 */
void sockiocp_waiting_configure(struct sockiocp_port *port,
				const struct sockiocp_config *config)
{
	spin_lock_irq(&port->lock);
	WRITE_ONCE(port->concurrency, config->concurrency);
	sockiocp_ring_settle(port);
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_CONCURRENCY);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_waiting_init - nobody waits yet
 * @port: a port that is being made
 */
void sockiocp_waiting_init(struct sockiocp_port *port)
{
	INIT_LIST_HEAD(&port->waiters);
	init_irq_work(&port->slot_freed, waiting_slot_freed);
}
