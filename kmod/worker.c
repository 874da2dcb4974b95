// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Workers: how many of a port's threads run at once.
 *
 * A thread that asks a port for packets is one of its workers, until it asks
 * another port, exits, or its process has closed the port, by close(), exec or
 * exit.  A worker that runs holds one of
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
 */
#include "sockiocp.h"

#include <linux/cpuhotplug.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

/* How often blocked threads are looked for, without notifiers: in jiffies. */
#define SAMPLE_INTERVAL		1
/* And dead ones, whose memory a worker pins. */
#define SAMPLE_DEAD_INTERVAL	HZ

/* How many workers of a port are looked at before its lock is given back. */
#define LOOKS_AT_A_TIME		64

static bool sample;
module_param(sample, bool, 0644);
MODULE_PARM_DESC(sample,
		 "Look at every tick whether new workers block, instead of being told");

/* What a worker has to do with the slots of its port. */
enum slot {
	/* It holds none: it waits for a packet, or its association has ended. */
	SLOT_NONE,
	/* It holds one since it was woken, and may be on its way to sleep still. */
	SLOT_WOKEN,
	/* It holds one. */
	SLOT_HELD,
	/* It holds one, but is blocked: the slot is free until it goes on. */
	SLOT_LENT,
};

/**
 * struct sockiocp_worker - a thread that is associated with a port
 * @node: in the list of the port that it pins
 * @port: the port that it is associated with; NULL if that has ended
 * @pinned: the port whose memory this pins: @port, or the last one; NULL between
 *	two ports, and in a cursor of look_at_workers()
 * @files: the thread's table of descriptors, which is its process
 * @task: the thread; pinned only if it is sampled
 * @slot: &enum slot
 * @sampled: nobody tells of this thread
 * @hash: in the table of sampled workers, by thread
 * @rcu: frees a sampled worker
 * @notifier: tells that it blocks and goes on
 * @died: the thread has exited
 * @free: ends the worker, where that may sleep
 */
struct sockiocp_worker {
	struct list_head node;
	struct sockiocp_port *port;
	struct sockiocp_port *pinned;
	fl_owner_t files;
	struct task_struct *task;
	unsigned int slot;
	bool sampled;
	struct hlist_node hash;
	struct rcu_head rcu;
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
	/* Once for each time that it comes: whoever puts it off again and again stops it. */
	if (port->nr_sampled && !port->sample_soon) {
		port->sample_soon = true;
		mod_delayed_work(sockiocp_wq, &port->sampler, SAMPLE_INTERVAL);
	}
	return false;
}

/**
 * sockiocp_worker_may_harvest - may this thread take packets without waiting?
 * @worker: the calling thread, or NULL if there was no memory to count it
 */
bool sockiocp_worker_may_harvest(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port;
	int others;

	if (!worker)
		return true;
	port = worker->pinned;
	others = atomic_read(&port->active) - (READ_ONCE(worker->slot) == SLOT_HELD);
	return others < nr_slots(port);
}

/* A worker whose association has ended has no use for one, unless that begins again. */
static void take_slot(struct sockiocp_worker *worker, enum slot slot)
{
	lockdep_assert_held(&worker->pinned->lock);

	if (worker->slot != SLOT_NONE || !worker->port)
		return;
	WRITE_ONCE(worker->slot, slot);
	atomic_inc(&worker->port->active);
}

/**
 * sockiocp_worker_take_slot - let a waiter run, whether a slot is free or not
 * @worker: the worker, or NULL; under its port's lock
 */
void sockiocp_worker_take_slot(struct sockiocp_worker *worker)
{
	if (worker)
		take_slot(worker, SLOT_WOKEN);
}

static void give_up_slot(struct sockiocp_worker *worker)
{
	unsigned int slot;

	lockdep_assert_held(&worker->pinned->lock);

	/* At once: if it is not its own thread's, that may block or go on now. */
	slot = xchg(&worker->slot, SLOT_NONE);
	if (slot == SLOT_WOKEN || slot == SLOT_HELD)
		atomic_dec(&worker->pinned->active);
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
	if (worker)
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
	take_slot(worker, SLOT_HELD);
	if (worker->slot == SLOT_WOKEN)
		WRITE_ONCE(worker->slot, SLOT_HELD);
}

/*
 * A worker has blocked: if it holds a slot that is lent.  Returns whether somebody
 * could use it.
 */
static bool lend_slot(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	if (cmpxchg(&worker->slot, SLOT_HELD, SLOT_LENT) != SLOT_HELD)
		return false;
	/* A full barrier: pairs with sockiocp_worker_slot_is_free(). */
	return atomic_dec_return(&port->active) < nr_slots(port) &&
	       /* A packet that comes later finds the slot. */
	       !sockiocp_seems_empty(&port->queue) && !sockiocp_seems_empty(&port->waiters);
}

/*
 * A worker goes on that had lent its slot.  It counts before it holds the slot:
 * the other way round, if the association ends in between, there would seem to be
 * one slot more than there are.
 */
static void take_slot_back(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	atomic_inc(&port->active);
	if (likely(cmpxchg(&worker->slot, SLOT_LENT, SLOT_HELD) == SLOT_LENT))
		return;
	/* It ended, and somebody may have found no free slot meanwhile. */
	atomic_dec(&port->active);
	irq_work_queue(&port->slot_freed);
}

/* ------------------------------------------------------- joining and leaving */

static void join(struct sockiocp_worker *worker, struct sockiocp_port *port)
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
	take_slot(worker, SLOT_HELD);
}

/* The worker stays in the list, since its thread may be in the middle of a call. */
static void end_association(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	lockdep_assert_held(&port->lock);

	if (!worker->port)
		return;
	give_up_slot(worker);
	WRITE_ONCE(worker->port, NULL);
	port->nr_workers--;
}

static void unlink_worker(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->pinned->lock);

	end_association(worker);
	list_del_init(&worker->node);
	worker->pinned->nr_sampled -= worker->sampled;
}

/*
 * Do something with each worker of a port, a few at a time.  What comes meanwhile
 * may be left out, and what moves to the end be met twice.
 */
static void look_at_workers(struct sockiocp_port *port,
			    void (*act)(struct sockiocp_worker *worker, const void *arg),
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
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);
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
	if (READ_ONCE(worker->slot) != SLOT_HELD || task_is_runnable(current) ||
	    sockiocp_task_is_running(current))
		return;
	if (lend_slot(worker))
		irq_work_queue(&worker->pinned->slot_freed);
}

static void worker_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct sockiocp_worker *worker =
		container_of(notifier, struct sockiocp_worker, notifier);

	if (READ_ONCE(worker->slot) == SLOT_LENT)
		take_slot_back(worker);
}

static struct preempt_ops worker_ops = {
	.sched_in	= worker_sched_in,
	.sched_out	= worker_sched_out,
};

/* The thread leaves its port, if it has one.  Sleeps: the port's memory may go. */
static void leave(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	if (!port)
		return;
	spin_lock_irq(&port->lock);
	unlink_worker(worker);
	worker->pinned = NULL;
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);
	sockiocp_port_put(port);
}

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

/* The calling thread is no worker any more; in the middle of no call. */
static void unwatch_by_notifier(struct sockiocp_worker *worker)
{
	preempt_disable();
	preempt_notifier_unregister(&worker->notifier);
	preempt_enable();
	leave(worker);
	kfree(worker);
	/* The caller has a file of ours. */
	module_put(THIS_MODULE);
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
static void leave(struct sockiocp_worker *worker) {}
static void watch_by_notifier(struct sockiocp_worker *worker) {}
static void unwatch_by_notifier(struct sockiocp_worker *worker) {}
static void notifiers_init(void) {}
static void notifiers_exit(void) {}

#endif /* CONFIG_PREEMPT_NOTIFIERS */

/* ----------------------------------------------------------------- sampling */

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
static struct sockiocp_worker *find_sampled(void)
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
static struct sockiocp_worker *find_sampled_of(struct sockiocp_port *port)
{
	struct sockiocp_worker *worker;

	/* Only the thread itself adds its worker. */
	if (likely(!atomic_read(&nr_sampled_workers)))
		return NULL;
	rcu_read_lock();
	worker = find_sampled();
	if (worker && READ_ONCE(worker->port) != port)
		worker = NULL;
	rcu_read_unlock();
	return worker;
}

static void watch_by_sampling(struct sockiocp_worker *worker)
{
	worker->sampled = true;
	get_task_struct(worker->task);
	atomic_inc(&nr_sampled_workers);
}

static void add_sampled(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->pinned->lock);

	spin_lock(&sampled_lock);
	hash_add_rcu(sampled_workers, &worker->hash, (unsigned long)worker->task);
	spin_unlock(&sampled_lock);
}

/* End a sampled worker, and its reference to the port, which is never the last. */
static void end_sampled(struct sockiocp_worker *worker)
{
	lockdep_assert_held(&worker->pinned->lock);

	unlink_worker(worker);
	spin_lock(&sampled_lock);
	hash_del_rcu(&worker->hash);
	spin_unlock(&sampled_lock);
	atomic_dec(&nr_sampled_workers);
	sockiocp_port_put(worker->pinned);
	put_task_struct(worker->task);
	kfree_rcu(worker, rcu);
}

/* The calling thread, which is in the middle of no call, has no sampled worker any more. */
static void leave_sampled(void)
{
	struct sockiocp_port *port = NULL;
	struct sockiocp_worker *worker;

	if (likely(!atomic_read(&nr_sampled_workers)))
		return;
	spin_lock_irq(&sampled_lock);
	worker = find_sampled();
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
	worker = find_sampled();
	if (worker)
		end_sampled(worker);
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);
	sockiocp_port_put(port);
}

/* Does a worker block, or go on?  If its thread has exited it ends. */
static void look_at_sampled(struct sockiocp_worker *worker, const void *unused)
{
	/* Only of those that are sampled is the thread pinned. */
	if (!worker->sampled)
		return;
	if (READ_ONCE(worker->task->exit_state))
		end_sampled(worker);
	else if (!sockiocp_task_is_running(worker->task))
		lend_slot(worker);
	else if (READ_ONCE(worker->slot) == SLOT_LENT)
		take_slot_back(worker);
}

/**
 * sockiocp_worker_sampler - look for free slots, and release waiters to them
 * @work: &struct sockiocp_port.sampler
 *
 * Comes back soon if there are a packet, a waiter and no slot, and later as long as
 * there are threads that may be found dead.
 */
void sockiocp_worker_sampler(struct work_struct *work)
{
	struct sockiocp_port *port =
		container_of(to_delayed_work(work), struct sockiocp_port, sampler);

	spin_lock_irq(&port->lock);
	port->sample_soon = false;
	spin_unlock_irq(&port->lock);

	look_at_workers(port, look_at_sampled, NULL);

	spin_lock_irq(&port->lock);
	if (port->nr_sampled && !port->sample_soon)
		queue_delayed_work(sockiocp_wq, &port->sampler, SAMPLE_DEAD_INTERVAL);
	spin_unlock_irq(&port->lock);
}

/* ----------------------------------------------- a processor that comes online */

/* All ports, and how many. */
static DEFINE_SPINLOCK(ports_lock);
static LIST_HEAD(ports);
static unsigned int nr_ports;

/* The first port, which goes behind all others and is the caller's to put; or NULL. */
static struct sockiocp_port *next_port(void)
{
	struct sockiocp_port *port;

	spin_lock(&ports_lock);
	port = list_first_entry_or_null(&ports, struct sockiocp_port, all_ports);
	if (port) {
		list_move_tail(&port->all_ports, &ports);
		sockiocp_port_get(port);
	}
	spin_unlock(&ports_lock);
	return port;
}

/*
 * A port that may use all processors has one slot more.  One that is opened or closed
 * meanwhile does no harm: the first comes behind those that were there, and the second
 * leaves one of them to be looked at twice.
 */
static void release_waiters_of_all(struct work_struct *work)
{
	unsigned int looks = READ_ONCE(nr_ports);
	struct sockiocp_port *port;

	while (looks-- && (port = next_port())) {
		spin_lock_irq(&port->lock);
		sockiocp_port_release_waiters(port);
		spin_unlock_irq(&port->lock);
		sockiocp_port_put(port);
		cond_resched();
	}
}

static DECLARE_WORK(processor_work, release_waiters_of_all);
static enum cpuhp_state processor_state;

/* Others wait for this: a port for each of a lot of users is looked at elsewhere. */
static int processor_is_online(unsigned int cpu)
{
	queue_work(sockiocp_wq, &processor_work);
	return 0;
}

static int processors_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "sockiocp:online",
					      processor_is_online, NULL);

	if (state < 0)
		return state;
	processor_state = state;
	return 0;
}

static void processors_exit(void)
{
	cpuhp_remove_state_nocalls(processor_state);
	cancel_work_sync(&processor_work);
}

/* ------------------------------------------------------------------- the API */

/**
 * sockiocp_worker_add_port - a port begins
 * @port: the port, which sockiocp_worker_forget() ends
 */
void sockiocp_worker_add_port(struct sockiocp_port *port)
{
	spin_lock(&ports_lock);
	list_add_tail(&port->all_ports, &ports);
	WRITE_ONCE(nr_ports, nr_ports + 1);
	spin_unlock(&ports_lock);
}

static struct sockiocp_worker *create(void)
{
	struct sockiocp_worker *worker = kzalloc(sizeof(*worker),
						 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!worker)
		return NULL;
	INIT_LIST_HEAD(&worker->node);
	worker->task = current;
	if (READ_ONCE(sample) || !IS_ENABLED(CONFIG_PREEMPT_NOTIFIERS))
		watch_by_sampling(worker);
	else
		watch_by_notifier(worker);
	return worker;
}

/*
 * The association begins.  Whoever closes the process's last descriptor takes it out
 * of the table first and then takes the port's lock, to end the association of all
 * who are in the list: who comes into the list after that finds the descriptor gone.
 */
static void begin_association(struct sockiocp_worker *worker, struct file *file,
			      unsigned int fd)
{
	struct sockiocp_port *port = file->private_data;

	sockiocp_port_get(port);
	spin_lock_irq(&port->lock);
	join(worker, port);
	if (worker->sampled) {
		add_sampled(worker);
		/* To find out when its thread has exited; it may come sooner already. */
		queue_delayed_work(sockiocp_wq, &port->sampler, SAMPLE_DEAD_INTERVAL);
	}
	spin_unlock_irq(&port->lock);

	if (likely(sockiocp_port_is_open_here(file, fd)))
		return;
	spin_lock_irq(&port->lock);
	end_association(worker);
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);
}

/* Apart, since most threads go on asking the same port. */
static noinline struct sockiocp_worker *enter(struct file *file, unsigned int fd,
					      struct sockiocp_worker *worker)
{
	struct sockiocp_worker *sampled = find_sampled_of(file->private_data);

	if (sampled) {
		/* The sampler saw it blocked, and has not looked since. */
		if (READ_ONCE(sampled->slot) == SLOT_LENT)
			take_slot_back(sampled);
		return sampled;
	}
	if (worker)
		leave(worker);
	else
		leave_sampled();
	if (!worker)
		worker = create();
	if (worker)
		begin_association(worker, file, fd);
	return worker;
}

/**
 * sockiocp_worker_enter - the calling thread asks a port for packets
 * @file: the port's file
 * @fd: what the thread says is its descriptor of it
 *
 * Return: the thread's worker, which stays until the call ends; or NULL if there is
 * no memory for it.
 */
struct sockiocp_worker *sockiocp_worker_enter(struct file *file, unsigned int fd)
{
	struct sockiocp_worker *worker = find_by_notifier();

	if (likely(worker && READ_ONCE(worker->port) == file->private_data))
		return worker;
	return enter(file, fd, worker);
}

/* Of which process, and which of its threads has closed the port. */
struct closer {
	fl_owner_t files;
	struct task_struct *task;
};

static void end_if_of_closer(struct sockiocp_worker *worker, const void *arg)
{
	const struct closer *closer = arg;

	/* exec may have given the thread a table of its own. */
	if (worker->files == closer->files || worker->task == closer->task)
		end_association(worker);
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

	look_at_workers(port, end_if_of_closer, &closer);
	worker = find_by_notifier();
	if (worker && !READ_ONCE(worker->port))
		unwatch_by_notifier(worker);
}

static void end_with_port(struct sockiocp_worker *worker, const void *unused)
{
	if (worker->sampled)
		end_sampled(worker);
	else
		end_association(worker);
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
	spin_lock(&ports_lock);
	list_del(&port->all_ports);
	WRITE_ONCE(nr_ports, nr_ports - 1);
	spin_unlock(&ports_lock);

	cancel_delayed_work_sync(&port->sampler);
	look_at_workers(port, end_with_port, NULL);
}

int __init sockiocp_worker_init(void)
{
	int error = processors_init();

	if (!error)
		notifiers_init();
	return error;
}

void sockiocp_worker_exit(void)
{
	processors_exit();
	notifiers_exit();
}
