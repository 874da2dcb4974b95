// SPDX-License-Identifier: GPL-2.0
/*
 * Workers: how many of a port's threads run at once.
 *
 * A thread that asks a port for packets is one of its workers, until it asks
 * another port, exits, or the port is closed.  A worker that runs holds one of
 * the port's slots; there are as many as the concurrency value says.  It gives
 * the slot up while it waits for a packet, and while it is blocked anywhere else
 * in the kernel.  A packet wakes a waiting worker only if a slot is free, and a
 * slot that becomes free wakes one if there is a packet.  A worker that is no
 * longer blocked runs on, so that there may be more of them than slots for a
 * while; then those that come for more packets wait.
 *
 * That a thread blocks, or goes on, is told by its preempt notifier, which calls
 * worker_sched_out() and worker_sched_in() on that thread.  Where the kernel has
 * no such notifiers, or the parameter "sample" says so, port->sampler looks at
 * the threads at every timer tick while a packet and a worker wait for a slot.
 *
 * A process that opened a port and has no more threads than the port has slots
 * cannot have too many running, and none of its threads is made a worker.
 */
#include "sockiocp.h"

#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

/* How often blocked threads are looked for, without notifiers: in jiffies. */
#define SAMPLE_INTERVAL		1

static bool sample;
module_param(sample, bool, 0644);
MODULE_PARM_DESC(sample,
		 "Look at every tick whether new workers block, instead of being told");

/**
 * struct sockiocp_worker - a thread that is associated with a port
 * @node: in the port's list; if it is sampled and has no port, in sampled_idle
 * @hash: in the table of workers, by thread
 * @port: the port, whose memory this pins; NULL between two ports
 * @task: the thread; pinned only if it is sampled
 * @sampled: nobody tells of this thread
 * @counted: holds a slot, or has lent it (@blocked)
 * @in_wait: waits for a packet, or changes its port: not to be judged
 * @blocked: is blocked elsewhere; its slot is free until it goes on
 * @notifier: tells that it blocks and goes on
 * @died: the thread has exited
 * @free: ends the worker, where that may sleep
 */
struct sockiocp_worker {
	struct list_head node;
	struct hlist_node hash;
	struct sockiocp_port *port;
	struct task_struct *task;
	bool sampled;
	bool counted;
	bool in_wait;
	bool blocked;
#ifdef CONFIG_PREEMPT_NOTIFIERS
	struct preempt_notifier notifier;
	struct irq_work died;
	struct work_struct free;
#endif
};

/* ------------------------------------------------------------------- slots */

/* How many there are; no number of threads comes near INT_MAX. */
static int nr_slots(struct sockiocp_port *port)
{
	return min_t(unsigned int, sockiocp_port_concurrency(port), INT_MAX);
}

static bool has_free_slot(struct sockiocp_port *port)
{
	return atomic_read(&port->active) < nr_slots(port);
}

/**
 * sockiocp_worker_slot_is_free - may one more waiter of this port run?
 * @port: the port, locked; a packet was put into its queue before
 *
 * If not, whoever gives up a slot sees the packet.
 */
bool sockiocp_worker_slot_is_free(struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	/* Pairs with atomic_dec_return() in lend_slot(). */
	smp_mb();
	if (has_free_slot(port))
		return true;
	if (port->nr_sampled)
		queue_delayed_work(sockiocp_wq, &port->sampler, SAMPLE_INTERVAL);
	return false;
}

/**
 * sockiocp_worker_may_harvest - may this thread take packets without waiting?
 * @worker: the thread, or NULL if it is no worker
 */
bool sockiocp_worker_may_harvest(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port;
	int others;

	if (!worker)
		return true;
	port = worker->port;
	others = atomic_read(&port->active) - worker->counted;
	return others < nr_slots(port);
}

/**
 * sockiocp_worker_take_slot - let a worker run, whether a slot is free or not
 * @worker: the worker, or NULL; under its port's lock
 */
void sockiocp_worker_take_slot(struct sockiocp_worker *worker)
{
	if (!worker || worker->counted)
		return;
	lockdep_assert_held(&worker->port->lock);
	worker->counted = true;
	atomic_inc(&worker->port->active);
}

static void give_up_slot(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->port->lock);

	if (worker->counted && !worker->blocked)
		atomic_dec(&worker->port->active);
	worker->counted = false;
	worker->blocked = false;
}

/**
 * sockiocp_worker_begin_wait - the calling thread will wait for a packet
 * @worker: the thread, or NULL; under its port's lock
 *
 * From now on, and until sockiocp_worker_end_wait(), whoever wakes it gives it a
 * slot.
 */
void sockiocp_worker_begin_wait(struct sockiocp_worker *worker)
{
	if (!worker)
		return;
	WRITE_ONCE(worker->in_wait, true);
	give_up_slot(worker);
}

/**
 * sockiocp_worker_end_wait - the calling thread goes on
 * @worker: the thread, or NULL; under its port's lock
 */
void sockiocp_worker_end_wait(struct sockiocp_worker *worker)
{
	if (!worker)
		return;
	sockiocp_worker_take_slot(worker);
	WRITE_ONCE(worker->in_wait, false);
}

/* A slot is lent when its worker blocks; returns whether somebody could use it. */
static bool lend_slot(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->port;

	worker->blocked = true;
	/* A full barrier: pairs with sockiocp_worker_slot_is_free(). */
	return atomic_dec_return(&port->active) < nr_slots(port) &&
	       /* A packet that comes later finds the slot. */
	       !sockiocp_seems_empty(&port->queue) && !sockiocp_seems_empty(&port->waiters);
}

static void take_slot_back(struct sockiocp_worker *worker)
{
	worker->blocked = false;
	atomic_inc(&worker->port->active);
}

/*
 * Guards the table of sampled workers, by thread, the list of those that have no
 * port, and which port they have.  Taken inside a port's lock, interrupts off.
 *
 * A sampled worker belongs to its thread while that lives; but nobody tells when
 * it ends.  So a port ends the worker when it finds the thread dead, and those
 * that have no port are looked through whenever one is made or loses its port.
 */
static DEFINE_SPINLOCK(sampled_lock);
static DEFINE_HASHTABLE(sampled_workers, 8);
static LIST_HEAD(sampled_idle);
static atomic_t nr_sampled_workers = ATOMIC_INIT(0);

/* ------------------------------------------------------- joining and leaving */

static void join(struct sockiocp_worker *worker, struct sockiocp_port *port)
{
	sockiocp_port_get(port);
	spin_lock_irq(&port->lock);
	if (worker->sampled) {
		/* It was among those without a port. */
		spin_lock(&sampled_lock);
		list_del(&worker->node);
		worker->port = port;
		spin_unlock(&sampled_lock);
	} else {
		worker->port = port;
	}
	list_add_tail(&worker->node, &port->workers);
	WRITE_ONCE(port->nr_workers, port->nr_workers + 1);
	port->nr_sampled += worker->sampled;
	sockiocp_worker_take_slot(worker);
	spin_unlock_irq(&port->lock);
}

static void unlink_worker(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->port;

	lockdep_assert_held(&port->lock);

	give_up_slot(worker);
	list_del_init(&worker->node);
	WRITE_ONCE(port->nr_workers, port->nr_workers - 1);
	port->nr_sampled -= worker->sampled;
}

/* Sleeps: the port's memory may go with its last worker. */
static void leave(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->port;

	if (!port)
		return;
	spin_lock_irq(&port->lock);
	unlink_worker(worker);
	worker->port = NULL;
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);
	sockiocp_port_put(port);
}

/* ---------------------------------------------------------------- notifiers */

#ifdef CONFIG_PREEMPT_NOTIFIERS

/*
 * Called with the lock of the run queue held, for the current thread: atomics and
 * irq_work only, and no lock that is ever held while a task is woken.
 */
static void worker_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct sockiocp_worker *worker =
		container_of(notifier, struct sockiocp_worker, notifier);

	if (unlikely(sockiocp_task_is_dead(current))) {
		/* This CPU takes it up when the switch is done with the notifier. */
		irq_work_queue(&worker->died);
		return;
	}
	if (worker->in_wait || !worker->counted || task_is_runnable(current) ||
	    sockiocp_task_is_running(current))
		return;
	if (lend_slot(worker))
		irq_work_queue(&worker->port->slot_freed);
}

static void worker_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct sockiocp_worker *worker =
		container_of(notifier, struct sockiocp_worker, notifier);

	if (worker->blocked)
		take_slot_back(worker);
}

static struct preempt_ops worker_ops = {
	.sched_in	= worker_sched_in,
	.sched_out	= worker_sched_out,
};

static void worker_free(struct work_struct *work)
{
	struct sockiocp_worker *worker = container_of(work, struct sockiocp_worker, free);

	/* Its handler, which queued this, may not have returned yet. */
	irq_work_sync(&worker->died);
	leave(worker);
	kfree(worker);
	/* What follows runs in sockiocp_wq, which the module's exit waits for. */
	module_put(THIS_MODULE);
}

static void worker_died(struct irq_work *work)
{
	struct sockiocp_worker *worker = container_of(work, struct sockiocp_worker, died);

	queue_work(sockiocp_wq, &worker->free);
}

/* The list is the thread's own: nobody else changes it. */
static struct sockiocp_worker *find_by_notifier(void)
{
	struct preempt_notifier *notifier;

	hlist_for_each_entry(notifier, &current->preempt_notifiers, link) {
		if (notifier->ops == &worker_ops)
			return container_of(notifier, struct sockiocp_worker, notifier);
	}
	return NULL;
}

static void watch_by_notifier(struct sockiocp_worker *worker)
{
	preempt_notifier_init(&worker->notifier, &worker_ops);
	init_irq_work(&worker->died, worker_died);
	INIT_WORK(&worker->free, worker_free);
	/* The calls come until the thread is gone; worker_free() gives it back. */
	__module_get(THIS_MODULE);
	preempt_disable();
	preempt_notifier_register(&worker->notifier);
	preempt_enable();
}

static void notifiers_init(void)
{
	/*
	 * For as long as the module is loaded: to switch a static key interrupts
	 * all processors, which nobody shall bring about by starting a thread.
	 */
	preempt_notifier_inc();
}

static void notifiers_exit(void)
{
	preempt_notifier_dec();
}

#else

static struct sockiocp_worker *find_by_notifier(void) { return NULL; }
static void watch_by_notifier(struct sockiocp_worker *worker) {}
static void notifiers_init(void) {}
static void notifiers_exit(void) {}

#endif /* CONFIG_PREEMPT_NOTIFIERS */

/* ----------------------------------------------------------------- sampling */

static struct sockiocp_worker *find_sampled(void)
{
	struct sockiocp_worker *worker;

	/* Only the thread itself adds its worker. */
	if (likely(!atomic_read(&nr_sampled_workers)))
		return NULL;
	spin_lock_irq(&sampled_lock);
	hash_for_each_possible(sampled_workers, worker, hash, (unsigned long)current) {
		if (worker->task == current)
			goto out;
	}
	worker = NULL;
out:
	spin_unlock_irq(&sampled_lock);
	return worker;
}

static void end_sampled(struct sockiocp_worker *worker)
{
	atomic_dec(&nr_sampled_workers);
	put_task_struct(worker->task);
	kfree(worker);
}

/* End those without a port whose threads are dead; at the module's exit, all. */
static void end_idle(bool all)
{
	struct sockiocp_worker *worker, *next;
	LIST_HEAD(dead);

	spin_lock_irq(&sampled_lock);
	list_for_each_entry_safe(worker, next, &sampled_idle, node) {
		if (all || READ_ONCE(worker->task->exit_state)) {
			hash_del(&worker->hash);
			list_move(&worker->node, &dead);
		}
	}
	spin_unlock_irq(&sampled_lock);
	list_for_each_entry_safe(worker, next, &dead, node)
		end_sampled(worker);
}

static void watch_by_sampling(struct sockiocp_worker *worker)
{
	end_idle(false);
	worker->sampled = true;
	get_task_struct(worker->task);
	atomic_inc(&nr_sampled_workers);
	spin_lock_irq(&sampled_lock);
	hash_add(sampled_workers, &worker->hash, (unsigned long)worker->task);
	list_add(&worker->node, &sampled_idle);
	spin_unlock_irq(&sampled_lock);
}

/* Take a sampled worker away from its port, whose lock is held. */
static void make_idle(struct sockiocp_worker *worker)
{
	unlink_worker(worker);
	spin_lock(&sampled_lock);
	worker->port = NULL;
	list_add(&worker->node, &sampled_idle);
	spin_unlock(&sampled_lock);
}

/*
 * The calling thread leaves the port that its sampled worker has, unless that
 * port is being closed and has let go of it.
 */
static void leave_sampled(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port;
	bool left = false;

	spin_lock_irq(&sampled_lock);
	port = worker->port;
	/* While it is there the worker's own reference is. */
	if (port)
		sockiocp_port_get(port);
	spin_unlock_irq(&sampled_lock);
	if (!port)
		return;

	spin_lock_irq(&port->lock);
	if (worker->port == port) {
		make_idle(worker);
		sockiocp_port_release_waiters(port);
		left = true;
	}
	spin_unlock_irq(&port->lock);
	if (left)
		sockiocp_port_put(port);
	sockiocp_port_put(port);
}

/*
 * Look which workers of a port block, and which go on.  Those whose threads have
 * exited lose the port.  Returns how many these are: so many references to the
 * port are the caller's.
 */
static unsigned int sample_workers(struct sockiocp_port *port)
{
	struct sockiocp_worker *worker, *next;
	unsigned int dead = 0;

	lockdep_assert_held(&port->lock);

	list_for_each_entry_safe(worker, next, &port->workers, node) {
		bool running;

		/* Only of those that are sampled is the thread pinned. */
		if (!worker->sampled)
			continue;
		if (READ_ONCE(worker->task->exit_state)) {
			make_idle(worker);
			dead++;
			continue;
		}
		if (worker->in_wait || !worker->counted)
			continue;
		running = sockiocp_task_is_running(worker->task);
		if (worker->blocked && running)
			take_slot_back(worker);
		else if (!worker->blocked && !running)
			lend_slot(worker);
	}
	return dead;
}

/**
 * sockiocp_worker_sampler - look for free slots, and release waiters to them
 * @work: &struct sockiocp_port.sampler
 */
void sockiocp_worker_sampler(struct work_struct *work)
{
	struct sockiocp_port *port =
		container_of(to_delayed_work(work), struct sockiocp_port, sampler);
	unsigned int dead;

	spin_lock_irq(&port->lock);
	dead = sample_workers(port);
	/* Comes back here if there is a packet, a waiter and no slot. */
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);

	/* Never the last: the file's is there until the sampler is cancelled. */
	while (dead--)
		sockiocp_port_put(port);
	end_idle(false);
}

/* ------------------------------------------------------------------- the API */

static bool is_needed(struct sockiocp_port *port)
{
	return READ_ONCE(port->nr_workers) || task_tgid(current) != port->opener ||
	       get_nr_threads(current) > sockiocp_port_concurrency(port);
}

static struct sockiocp_worker *create(void)
{
	struct sockiocp_worker *worker = kzalloc(sizeof(*worker),
						 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!worker)
		return NULL;
	INIT_LIST_HEAD(&worker->node);
	worker->task = current;
	worker->in_wait = true;
	if (READ_ONCE(sample) || !IS_ENABLED(CONFIG_PREEMPT_NOTIFIERS))
		watch_by_sampling(worker);
	else
		watch_by_notifier(worker);
	return worker;
}

/* The calling thread has to be counted, or was until now: apart, since most are not. */
static noinline struct sockiocp_worker *enter(struct sockiocp_port *port,
					      struct sockiocp_worker *worker)
{
	if (worker && READ_ONCE(worker->port) == port) {
		if (unlikely(READ_ONCE(worker->blocked))) {
			/* The sampler saw it blocked, and has not looked since. */
			spin_lock_irq(&port->lock);
			if (worker->blocked)
				take_slot_back(worker);
			spin_unlock_irq(&port->lock);
		}
		return worker;
	}
	if (worker) {
		WRITE_ONCE(worker->in_wait, true);
		if (worker->sampled)
			leave_sampled(worker);
		else
			leave(worker);
	}
	if (!is_needed(port))
		return NULL;
	if (!worker)
		worker = create();
	if (!worker)
		return NULL;
	join(worker, port);
	WRITE_ONCE(worker->in_wait, false);
	return worker;
}

/**
 * sockiocp_worker_enter - the calling thread asks a port for packets
 * @port: the port
 *
 * Return: the thread's worker, which belongs to the thread; or NULL if the port
 * need not count it, or there is no memory to do so.
 */
struct sockiocp_worker *sockiocp_worker_enter(struct sockiocp_port *port)
{
	struct sockiocp_worker *worker = find_by_notifier() ?: find_sampled();

	return worker || is_needed(port) ? enter(port, worker) : NULL;
}

/**
 * sockiocp_worker_forget - the port is closed
 * @port: the port, which nobody calls any more
 *
 * Workers that are told of by notifiers go on to pin the memory of the port;
 * sampled ones lose it here.
 */
void sockiocp_worker_forget(struct sockiocp_port *port)
{
	struct sockiocp_worker *worker, *next;
	unsigned int n = 0;

	cancel_delayed_work_sync(&port->sampler);
	spin_lock_irq(&port->lock);
	list_for_each_entry_safe(worker, next, &port->workers, node) {
		if (worker->sampled) {
			make_idle(worker);
			n++;
		}
	}
	spin_unlock_irq(&port->lock);
	/* Never the last: the caller's is there. */
	while (n--)
		sockiocp_port_put(port);
	end_idle(false);
}

void __init sockiocp_worker_init(void)
{
	notifiers_init();
}

void sockiocp_worker_exit(void)
{
	notifiers_exit();
	end_idle(true);
}
