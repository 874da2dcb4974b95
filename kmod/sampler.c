// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Workers that nobody tells of: where the kernel has no preempt notifiers, or the
 * parameter "sample" says so, port->sampler looks at the threads at every timer tick
 * while a packet and a worker wait for a slot.
 */
#include "sockiocp.h"

#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

/* How often dead threads are looked for, whose memory a worker pins. */
#define SAMPLE_DEAD_INTERVAL	HZ

static bool sample;
module_param(sample, bool, 0644);
MODULE_PARM_DESC(sample,
		 "Look at every tick whether new workers block, instead of being told");

/*
 * The sampled workers, by thread.  A worker is put in by its thread and taken out
 * under the lock of the port that it pins: by its thread, by whoever finds the
 * thread dead, or when the port ends.  sampled_lock, inside a port's lock, guards
 * the table; it is read under RCU.
 *
 * So a thread in a call on the port that its worker pins keeps the worker; of any
 * other port it has to look again once it has that port's lock.
 */
static DEFINE_SPINLOCK(sampled_lock);
static DEFINE_HASHTABLE(sampled_workers, 8);
static atomic_t nr_sampled_workers = ATOMIC_INIT(0);

/* Under RCU; a spinlock, with interrupts off, does too. */
static struct sockiocp_worker *sampler_find_own(void)
{
	struct sockiocp_worker *worker;

	hash_for_each_possible_rcu(sampled_workers, worker, hash, (unsigned long)current,
				   true) {
		if (worker->task == current)
			return worker;
	}
	return NULL;
}

/* The worker of the calling thread, which is in a call on @port, if it is sampled. */
struct sockiocp_worker *sockiocp_sampler_find(struct sockiocp_port *port)
{
	struct sockiocp_worker *worker;

	/* Only the thread itself adds its worker. */
	if (likely(!atomic_read(&nr_sampled_workers)))
		return NULL;
	rcu_read_lock();
	worker = sampler_find_own();
	if (worker && READ_ONCE(worker->port) != port)
		worker = NULL;
	rcu_read_unlock();
	return worker;
}

void sockiocp_sampler_watch(struct sockiocp_worker *worker)
{
	worker->sampled = true;
	get_task_struct(worker->task);
	atomic_inc(&nr_sampled_workers);
}

void sockiocp_sampler_add(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->pinned->lock);

	spin_lock(&sampled_lock);
	hash_add_rcu(sampled_workers, &worker->hash, (unsigned long)worker->task);
	spin_unlock(&sampled_lock);
	/* To find out when its thread has exited; it may come sooner already. */
	queue_delayed_work(sockiocp_wq, &worker->pinned->sampler, SAMPLE_DEAD_INTERVAL);
}

/* End a sampled worker, and its reference to the port, which is never the last. */
void sockiocp_sampler_end(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->pinned->lock);

	sockiocp_association_unlink(worker);
	spin_lock(&sampled_lock);
	hash_del_rcu(&worker->hash);
	spin_unlock(&sampled_lock);
	atomic_dec(&nr_sampled_workers);
	sockiocp_port_put(worker->pinned);
	put_task_struct(worker->task);
	put_pid(worker->pid);
	kfree_rcu(worker, rcu);
}

/* The calling thread, which is in the middle of no call, has no sampled worker any more. */
void sockiocp_sampler_leave(void)
{
	struct sockiocp_port *port = NULL;
	struct sockiocp_worker *worker;

	if (likely(!atomic_read(&nr_sampled_workers)))
		return;
	spin_lock_irq(&sampled_lock);
	worker = sampler_find_own();
	/* As long as it is in the table its own reference is there. */
	if (worker) {
		port = worker->pinned;
		sockiocp_port_get(port);
	}
	spin_unlock_irq(&sampled_lock);
	if (!port)
		return;

	spin_lock_irq(&port->lock);
	/* It may have gone with the port. */
	worker = sampler_find_own();
	if (worker)
		sockiocp_sampler_end(worker);
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_SLOT);
	spin_unlock_irq(&port->lock);
	sockiocp_port_put(port);
}

/* Does a worker block, or go on?  If its thread has exited it ends. */
static void sampler_look_at_worker(struct sockiocp_worker *worker, const void *unused)
{
	lockdep_assert_held(&worker->pinned->lock);

	/* Only of those that are sampled is the thread pinned. */
	if (!worker->sampled)
		return;
	if (READ_ONCE(worker->task->exit_state))
		sockiocp_sampler_end(worker);
	else if (!sockiocp_task_is_running(worker->task))
		sockiocp_slot_lend(worker);
	else if (READ_ONCE(worker->slot) == SOCKIOCP_SLOT_LENT)
		sockiocp_slot_take_back(worker);
}

/*
 * Look for free slots, and release waiters to them.
 *
 * Comes back soon if there are a packet, a waiter and no slot, and later as long as
 * there are threads that may be found dead.
 */
static void sampler_work(struct work_struct *work)
{
	struct sockiocp_port *port =
		container_of(to_delayed_work(work), struct sockiocp_port, sampler);

	spin_lock_irq(&port->lock);
	port->sample_soon = false;
	spin_unlock_irq(&port->lock);

	sockiocp_association_look_at_all(port, sampler_look_at_worker, NULL);

	spin_lock_irq(&port->lock);
	if (port->nr_sampled && !port->sample_soon)
		queue_delayed_work(sockiocp_wq, &port->sampler, SAMPLE_DEAD_INTERVAL);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_sampler_init_port - a port begins
 * @port: the port
 */
void sockiocp_sampler_init_port(struct sockiocp_port *port)
{
	INIT_DELAYED_WORK(&port->sampler, sampler_work);
}

/**
 * sockiocp_sampler_serves_new_workers - is nobody going to tell of those that come?
 */
bool sockiocp_sampler_serves_new_workers(void)
{
	return READ_ONCE(sample) || !IS_ENABLED(CONFIG_PREEMPT_NOTIFIERS);
}
