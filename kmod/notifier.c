// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Workers whose preempt notifier tells that they block, and go on: the scheduler calls
 * it on the thread itself.  Where the kernel has no such notifiers, sampler.c serves.
 */
#include "sockiocp.h"

#include <linux/module.h>
#include <linux/slab.h>

#ifdef CONFIG_PREEMPT_NOTIFIERS

/*
 * Called with the lock of the run queue held, for the current thread: atomics and
 * irq_work only, and no lock that is ever held while a task is woken.
 */
static void notifier_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct sockiocp_worker *worker =
		container_of(notifier, struct sockiocp_worker, notifier);

	if (unlikely(sockiocp_task_is_dead(current))) {
		/* This CPU takes it up when the switch is done with the notifier. */
		irq_work_queue(&worker->died);
		return;
	}
	if (READ_ONCE(worker->slot) != SOCKIOCP_SLOT_HELD || task_is_runnable(current) ||
	    sockiocp_task_is_running(current))
		return;
	if (sockiocp_slot_lend(worker))
		irq_work_queue(&worker->pinned->slot_freed);
}

static void notifier_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct sockiocp_worker *worker =
		container_of(notifier, struct sockiocp_worker, notifier);

	if (READ_ONCE(worker->slot) == SOCKIOCP_SLOT_LENT)
		sockiocp_slot_take_back(worker);
}

struct preempt_ops sockiocp_notifier_ops = {
	.sched_in	= notifier_sched_in,
	.sched_out	= notifier_sched_out,
};

/* The thread leaves its port, if it has one.  Sleeps: the port's memory may go. */
void sockiocp_notifier_leave(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	if (!port)
		return;
	spin_lock_irq(&port->lock);
	sockiocp_association_unlink(worker);
	worker->pinned = NULL;
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_SLOT);
	spin_unlock_irq(&port->lock);
	sockiocp_port_put(port);
}

static void notifier_free_worker(struct work_struct *work)
{
	struct sockiocp_worker *worker = container_of(work, struct sockiocp_worker, free);

	/* Its handler, which queued this, may not have returned yet. */
	irq_work_sync(&worker->died);
	sockiocp_notifier_leave(worker);
	put_pid(worker->pid);
	kfree(worker);
	/* What follows runs in sockiocp_wq, which the module's exit waits for. */
	module_put(THIS_MODULE);
}

static void notifier_worker_died(struct irq_work *work)
{
	struct sockiocp_worker *worker = container_of(work, struct sockiocp_worker, died);

	queue_work(sockiocp_wq, &worker->free);
}

void sockiocp_notifier_watch(struct sockiocp_worker *worker)
{
	preempt_notifier_init(&worker->notifier, &sockiocp_notifier_ops);
	init_irq_work(&worker->died, notifier_worker_died);
	INIT_WORK(&worker->free, notifier_free_worker);
	/* The calls come until the thread is gone; notifier_free_worker() gives it back. */
	__module_get(THIS_MODULE);
	preempt_disable();
	preempt_notifier_register(&worker->notifier);
	preempt_enable();
}

/* The calling thread is no worker any more; in the middle of no call. */
void sockiocp_notifier_unwatch(struct sockiocp_worker *worker)
{
	preempt_disable();
	preempt_notifier_unregister(&worker->notifier);
	preempt_enable();
	sockiocp_notifier_leave(worker);
	put_pid(worker->pid);
	kfree(worker);
	/* The caller has a file of ours. */
	module_put(THIS_MODULE);
}

void sockiocp_notifier_init(void)
{
	/*
	 * For as long as the module is loaded: to switch a static key interrupts
	 * all processors, which nobody shall bring about by starting a thread.
	 */
	preempt_notifier_inc();
}

void sockiocp_notifier_exit(void)
{
	preempt_notifier_dec();
}

#endif /* CONFIG_PREEMPT_NOTIFIERS */
