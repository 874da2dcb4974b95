// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Ports: the queue of packets, the threads that wait for one, and the call that
 * registers a batch and harvests a batch.
 */
#include "sockiocp.h"

#include <linux/file.h>
#include <linux/fdtable.h>
#include <linux/futex.h>
#include <linux/hrtimer.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/futex.h>

/* How long to leave a socket alone that is being changed by somebody else. */
#define BUSY_PAUSE_NS		NSEC_PER_MSEC

/* How many descriptors are looked at before others may run. */
#define DESCRIPTORS_AT_A_TIME	1024U

static struct kmem_cache *posted_cache;

/* ---------------------------------------------------------------- waiters */

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

static bool is_mark(const struct sockiocp_waiter *waiter)
{
	return !waiter->task;
}

static void remove_waiter(struct sockiocp_port *port, struct sockiocp_waiter *waiter)
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
static void wake_waiter(struct sockiocp_port *port, struct sockiocp_waiter *waiter)
{
	lockdep_assert_held(&port->lock);

	list_move(port->queue.next, waiter->handed);
	remove_waiter(port, waiter);
	/* On its behalf, so that the next packet finds the slot taken. */
	sockiocp_worker_take_slot(waiter->worker);
	WRITE_ONCE(waiter->woken, true);
	wake_up_process(waiter->task);
}

/**
 * sockiocp_port_release_waiters - wake as many threads as have packets and slots
 * @port: the port, locked
 *
 * The thread that has waited the shortest comes first: its cache is the warmest.
 * Each is handed a packet.
 *
 * Interrupts are off, so that no more are woken than those of a chunk.  If that is not
 * all, these go on with it when they have the lock, see wait_for_packet().
 */
void sockiocp_port_release_waiters(struct sockiocp_port *port)
{
	struct sockiocp_waiter *waiter, *next;
	unsigned int woken = 0;

	lockdep_assert_held(&port->lock);

	list_for_each_entry_safe(waiter, next, &port->waiters, node) {
		if (list_empty(&port->queue) || woken == SOCKIOCP_CHUNK)
			return;
		if (unlikely(is_mark(waiter)))
			continue;
		if (waiter->worker && !sockiocp_worker_slot_is_free(port))
			return;
		wake_waiter(port, waiter);
		woken++;
	}
}

/* Wake it for no packet, and no slot: it will look around. */
static void disturb_waiter(struct sockiocp_port *port, struct sockiocp_waiter *waiter)
{
	remove_waiter(port, waiter);
	WRITE_ONCE(waiter->disturbed, true);
	wake_up_process(waiter->task);
}

/*
 * Disturb all who wait, or those of the process @files.  The lock is given back after
 * each chunk, with a mark left in the list; who begins to wait meanwhile stands before
 * it, and has looked around.
 */
static void disturb_waiters(struct sockiocp_port *port, fl_owner_t files)
{
	struct sockiocp_waiter mark = { .task = NULL }, *waiter;
	unsigned int n = 0;

	spin_lock_irq(&port->lock);
	list_add(&mark.node, &port->waiters);
	while (!list_is_last(&mark.node, &port->waiters)) {
		waiter = list_next_entry(&mark, node);
		list_move(&mark.node, &waiter->node);
		if (!is_mark(waiter) && (!files || waiter->files == files))
			disturb_waiter(port, waiter);
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
static void slot_freed(struct irq_work *work)
{
	struct sockiocp_port *port = container_of(work, struct sockiocp_port, slot_freed);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	sockiocp_port_release_waiters(port);
	spin_unlock_irqrestore(&port->lock, flags);
}

/* ---------------------------------------------------------------- pollers */

/* How many of those who poll are woken at a time, with interrupts off. */
#define POLLERS_AT_ONCE		64

static int is_no_poller(wait_queue_entry_t *mark, unsigned int mode, int sync, void *key)
{
	return 0;
}

/*
 * As wake_up_interruptible_poll(), but for so many at a time: the first ones, or those
 * behind @mark.  Returns whether there are others; then @mark stands before them.
 */
static bool wake_some_pollers(struct sockiocp_port *port, wait_queue_entry_t *mark)
{
	__poll_t events = EPOLLIN | EPOLLRDNORM | (READ_ONCE(port->closed) ? EPOLLHUP : 0);
	struct wait_queue_head *head = &port->poll_wait;
	struct list_head *before = &head->head;
	unsigned int left = POLLERS_AT_ONCE;
	wait_queue_entry_t *poller, *next;
	unsigned long flags;
	bool others = false;
	int woken;

	spin_lock_irqsave(&head->lock, flags);
	if (mark && !list_empty(&mark->entry))
		before = &mark->entry;
	poller = list_first_entry(before, wait_queue_entry_t, entry);
	if (mark)
		list_del_init(&mark->entry);
	list_for_each_entry_safe_from(poller, next, &head->head, entry) {
		/* Before it is woken: it may be gone then (aio). */
		unsigned int exclusive = poller->flags & WQ_FLAG_EXCLUSIVE;

		if (!left--) {
			others = true;
			if (mark)
				list_add_tail(&mark->entry, &poller->entry);
			break;
		}
		woken = poller->func(poller, TASK_INTERRUPTIBLE, 0, poll_to_key(events));
		if (woken < 0 || (woken && exclusive))
			break;
	}
	spin_unlock_irqrestore(&head->lock, flags);
	return others;
}

/* All of them; who was woken already is woken once more, which does no harm. */
static void wake_all_pollers(struct work_struct *work)
{
	struct sockiocp_port *port = container_of(work, struct sockiocp_port, poll_work);
	wait_queue_entry_t mark;

	init_waitqueue_func_entry(&mark, is_no_poller);
	INIT_LIST_HEAD(&mark.entry);
	while (wake_some_pollers(port, &mark))
		cond_resched();
}

/**
 * sockiocp_port_wake_first_pollers - wake those who poll the file
 * @port: the port
 *
 * Mostly by a wake-up of a socket, with interrupts off and its wait queue locked: so the
 * first ones at once, and if there are others, later.  If that is to come already, it
 * has not begun, and finds all of them.
 */
void sockiocp_port_wake_first_pollers(struct sockiocp_port *port)
{
	if (unlikely(wake_some_pollers(port, NULL)))
		queue_work(sockiocp_wq, &port->poll_work);
}

/* ------------------------------------------------------------------ queue */

/**
 * sockiocp_port_unqueue - take a packet back
 * @port: the port, locked
 * @packet: a packet in the queue, or handed to a waiter
 */
void sockiocp_port_unqueue(struct sockiocp_port *port, struct sockiocp_packet *packet)
{
	lockdep_assert_held(&port->lock);

	list_del_init(&packet->node);
	port->nr_packets--;
}

static bool is_posted(const struct sockiocp_packet *packet)
{
	return packet->seq & SOCKIOCP_SEQ_POSTED;
}

static struct sockiocp_posted *packet_posted(struct sockiocp_packet *packet)
{
	return container_of(packet, struct sockiocp_posted, packet);
}

static void free_posted(struct sockiocp_port *port, struct sockiocp_posted *posted)
{
	atomic_long_dec(&port->account->packets);
	kmem_cache_free(posted_cache, posted);
}

/* ---------------------------------------------------------------- harvest */

/*
 * A packet on its way from the queue to the user.
 *
 *   detach()	takes packets off the queue: from here on a wake-up marks the
 *		registration to be queued again, so nothing that happens later is
 *		missed, and whoever ends it leaves it to the harvest
 *   sockiocp_registration_verify()
 *		reads what the sockets are like now, and so what goes out
 *   hand_over() copies that to the user
 *   commit()	lets ONESHOT and LEVEL act, and queues again what has to be
 *   put_back()	instead, if it could not be copied: all of it, in its old place
 *   finish()	drops what has gone out or ended
 */
struct harvest {
	struct sockiocp_port *port;
	/* The packets of this chunk, in their order. */
	struct list_head chunk;
	/*
	 * Packets as young as this one, or younger, are left for the next: so are those that
	 * this one has queued again.
	 */
	u64 end_seq;
	/* The packet that the thread was woken for; NULL if it was not, or has taken it. */
	struct list_head *handed;
	/* A socket could not be looked at; its packet is queued still. */
	bool busy;
	/* Something in this chunk has to be dropped. */
	bool drops;
};

/*
 * To the front of the queue with what the thread was woken for: there it is the first
 * that is taken, under the same lock, or it is for others.
 */
static void queue_handed(struct harvest *harvest)
{
	lockdep_assert_held(&harvest->port->lock);

	if (!harvest->handed)
		return;
	list_splice(harvest->handed, &harvest->port->queue);
	harvest->handed = NULL;
}

static unsigned int detach(struct harvest *harvest, struct sockiocp_delivery *deliveries,
			   unsigned int max)
{
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_delivery *d = deliveries, *end = deliveries + max;
	struct sockiocp_registration *reg;
	struct sockiocp_packet *packet;

	spin_lock_irq(&port->lock);
	queue_handed(harvest);
	harvest->drops = false;
	if (!harvest->end_seq)
		harvest->end_seq = port->next_seq;
	list_for_each_entry(packet, &port->queue, node) {
		if (d == end || packet->seq >= harvest->end_seq)
			break;
		d->packet = packet;
		reg = sockiocp_packet_registration(packet);
		d->is_notification = !is_posted(packet) &&
				     reg->state != SOCKIOCP_REMOVED;
		if (d->is_notification) {
			sockiocp_registration_take(reg, &d->taken);
			d->ended = false;
		} else {
			d->events = SOCKIOCP_EVENT_REMOVE;
			harvest->drops = true;
		}
		d++;
	}
	if (d > deliveries) {
		list_cut_position(&harvest->chunk, &port->queue, &d[-1].packet->node);
		port->nr_packets -= d - deliveries;
	}
	spin_unlock_irq(&port->lock);
	return d - deliveries;
}

/*
 * Copy what goes out, and the number of packets with it.  Returns whether that
 * worked.
 *
 * Word by word: a call of copy_to_user() for a chunk costs several times as much.
 */
static bool hand_over(const struct sockiocp_delivery *deliveries, unsigned int nr,
		      struct sockiocp_packet_entry __user *uentries,
		      u32 __user *ureceived, u32 *received)
{
	struct sockiocp_packet_entry __user *to = uentries + *received;
	const struct sockiocp_delivery *d;
	unsigned int n = 0;

	if (!user_write_access_begin(to, nr * sizeof(*to)))
		return false;
	for (d = deliveries; d < deliveries + nr; d++) {
		struct sockiocp_packet_entry entry;

		if (!d->events)
			continue;
		if (is_posted(d->packet))
			entry = packet_posted(d->packet)->entry;
		else
			entry = (struct sockiocp_packet_entry) {
				.completion_key = sockiocp_packet_registration(d->packet)->key,
				.bytes_transferred = d->events,
			};
		unsafe_put_user(entry.completion_key, &to->completion_key, fault);
		unsafe_put_user(entry.overlapped, &to->overlapped, fault);
		unsafe_put_user(entry.internal, &to->internal, fault);
		unsafe_put_user(entry.bytes_transferred, &to->bytes_transferred, fault);
		unsafe_put_user(0, &to->reserved, fault);
		to++;
		n++;
	}
	user_write_access_end();
	if (n && put_user(*received + n, ureceived))
		return false;
	*received += n;
	return true;

fault:
	user_write_access_end();
	return false;
}

/*
 * The registration has ended, or was disabled and perhaps enabled again: what was
 * taken is history, and only what has happened since counts.
 *
 * This function and the next return whether it has to be queued again.
 */
static bool commit_history(struct harvest *harvest, struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	if (reg->state != SOCKIOCP_DEAD)
		return reg->place == SOCKIOCP_TAKEN_AGAIN;
	d->ended = true;
	harvest->drops = true;
	return false;
}

static bool commit_notification(struct harvest *harvest, struct sockiocp_delivery *d)
{
	struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

	if (unlikely(reg->history))
		return commit_history(harvest, d);
	if (unlikely(d->now & (SOCKIOCP_BUSY | SOCKIOCP_GONE))) {
		if (d->now & SOCKIOCP_GONE)
			return false;
		sockiocp_registration_untake(reg, &d->taken);
		harvest->busy = true;
		return true;
	}
	if (sockiocp_registration_looked_at(d))
		return true;
	return reg->place == SOCKIOCP_TAKEN_AGAIN && reg->enabled;
}

/*
 * What is queued again goes behind all others, so that nobody starves.  Runs of
 * such packets are moved at once; nobody looks at the links of what has left the
 * queue.
 */
static void commit(struct harvest *harvest, struct sockiocp_delivery *deliveries, unsigned int nr)
{
	struct list_head *first = NULL, *last = NULL;
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_delivery *d;

	spin_lock_irq(&port->lock);
	for (d = deliveries; d < deliveries + nr; d++) {
		struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);

		if (d->is_notification && commit_notification(harvest, d)) {
			WRITE_ONCE(reg->place, SOCKIOCP_QUEUED);
			reg->packet.seq = port->next_seq;
			port->nr_packets++;
			last = &reg->packet.node;
			if (!first)
				first = last;
			continue;
		}
		if (d->is_notification)
			WRITE_ONCE(reg->place, SOCKIOCP_IDLE);
		if (first)
			list_bulk_move_tail(&port->queue, first, last);
		first = NULL;
	}
	if (first)
		list_bulk_move_tail(&port->queue, first, last);
	port->next_seq += SOCKIOCP_SEQ_STEP;
	spin_unlock_irq(&port->lock);
}

/* Handing over has failed: back to the front, in the old order. */
static void put_back(struct harvest *harvest, struct sockiocp_delivery *deliveries, unsigned int nr)
{
	struct sockiocp_port *port = harvest->port;
	struct sockiocp_delivery *d;

	spin_lock_irq(&port->lock);
	for (d = deliveries; d < deliveries + nr; d++) {
		struct sockiocp_registration *reg = sockiocp_packet_registration(d->packet);
		bool again = true;

		if (d->is_notification) {
			if (reg->history)
				again = commit_history(harvest, d);
			else
				sockiocp_registration_untake(reg, &d->taken);
			WRITE_ONCE(reg->place, again ? SOCKIOCP_QUEUED : SOCKIOCP_IDLE);
		}
		if (again)
			port->nr_packets++;
		else
			list_del(&d->packet->node);
	}
	list_splice(&harvest->chunk, &port->queue);
	spin_unlock_irq(&port->lock);
}

/* Drop the packets that were handed over, and registrations that have ended. */
static void finish(struct harvest *harvest, struct sockiocp_delivery *deliveries,
		   unsigned int nr, bool handed_over)
{
	struct sockiocp_delivery *d;

	for (d = deliveries; d < deliveries + nr; d++) {
		if (d->is_notification ? !d->ended : !handed_over)
			continue;
		if (is_posted(d->packet))
			free_posted(harvest->port, packet_posted(d->packet));
		else
			sockiocp_registration_put(sockiocp_packet_registration(d->packet));
	}
}

/*
 * If a packet is left, tell those who wait and those who poll: while it was in
 * the hands of this thread they saw none.  Who queues one later tells them himself.
 */
static void pass_on(struct sockiocp_port *port)
{
	if (sockiocp_seems_empty(&port->queue))
		return;
	/* Who begins to wait now looks at the queue first: no lock to see that. */
	if (!sockiocp_seems_empty(&port->waiters)) {
		spin_lock_irq(&port->lock);
		sockiocp_port_release_waiters(port);
		spin_unlock_irq(&port->lock);
	}
	sockiocp_port_wake_pollers(port);
}

static void harvest_begin(struct harvest *harvest, struct sockiocp_port *port,
			  struct list_head *handed)
{
	harvest->port = port;
	/* Set with the first packet. */
	harvest->end_seq = 0;
	harvest->handed = handed;
	harvest->busy = false;
}

/* What it has not come to take is for others. */
static void harvest_end(struct harvest *harvest)
{
	struct sockiocp_port *port = harvest->port;

	if (unlikely(harvest->handed)) {
		spin_lock_irq(&port->lock);
		queue_handed(harvest);
		spin_unlock_irq(&port->lock);
	}
	pass_on(port);
}

/**
 * sockiocp_port_harvest - take packets off the queue, without waiting
 * @port: the port
 * @uentries: where they go
 * @count: how many there is room for
 * @ureceived: where their number goes
 * @handed: what the calling thread was woken for; NULL if it was not
 * @busy: set if a packet has to be tried again soon
 *
 * Takes what was queued when it began, so it ends, and no socket's packet
 * appears twice.  Several threads may harvest at the same time.
 *
 * Return: the number of packets, or -EFAULT if there was one and it could not be
 * handed over, or -EINTR for a fatal signal.
 */
static long sockiocp_port_harvest(struct sockiocp_port *port,
				  struct sockiocp_packet_entry __user *uentries,
				  u32 count, u32 __user *ureceived,
				  struct list_head *handed, bool *busy)
{
	struct sockiocp_delivery deliveries[SOCKIOCP_CHUNK] __uninitialized;
	struct harvest harvest;
	unsigned int nr, looked_at = 0;
	u32 received = 0;
	long error = 0;
	bool ok;

	harvest_begin(&harvest, port, handed);
	while (received < count) {
		/* A thread that is being killed leaves the packets to others. */
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			break;
		}
		nr = detach(&harvest, deliveries,
			    min_t(u32, count - received, SOCKIOCP_CHUNK));
		if (!nr)
			break;
		sockiocp_registration_verify(deliveries, nr);
		ok = hand_over(deliveries, nr, uentries, ureceived, &received);
		if (ok)
			commit(&harvest, deliveries, nr);
		else
			put_back(&harvest, deliveries, nr);
		if (harvest.drops)
			finish(&harvest, deliveries, nr, ok);
		if (!ok) {
			error = -EFAULT;
			break;
		}
		looked_at += nr;
		if (looked_at >= SOCKIOCP_CHUNK) {
			looked_at = 0;
			cond_resched();
		}
	}
	harvest_end(&harvest);
	*busy = harvest.busy;
	return received ? received : error;
}

/* Would a harvest take it first?  A waiter may have been handed it meanwhile. */
static bool is_first(const struct sockiocp_port *port, const struct sockiocp_packet *packet)
{
	lockdep_assert_held(&port->lock);

	return list_is_first(&packet->node, &port->queue);
}

/*
 * Take a registration off the front of the queue that was not ready; it stays queued
 * if it is now.  This is what a harvest does to it, in small.
 */
static bool drop_if_stale(struct sockiocp_registration *reg)
{
	struct sockiocp_port *port = reg->port;
	struct sockiocp_terms taken;
	bool ended, ready = false;
	u32 now, events;

	spin_lock_irq(&port->lock);
	if (!is_first(port, &reg->packet) || reg->state != SOCKIOCP_LIVE) {
		spin_unlock_irq(&port->lock);
		return false;
	}
	sockiocp_port_unqueue(port, &reg->packet);
	sockiocp_registration_take(reg, &taken);
	spin_unlock_irq(&port->lock);

	/* As in sockiocp_registration_verify(). */
	smp_mb();
	events = sockiocp_registration_look(reg, &taken, &now);

	spin_lock_irq(&port->lock);
	ended = reg->state == SOCKIOCP_DEAD;
	if (!ended) {
		ready = reg->place == SOCKIOCP_TAKEN_AGAIN;
		if (!reg->history && (now & SOCKIOCP_BUSY || events)) {
			sockiocp_registration_untake(reg, &taken);
			ready = true;
		}
	}
	WRITE_ONCE(reg->place, ready ? SOCKIOCP_QUEUED : SOCKIOCP_IDLE);
	if (ready)
		sockiocp_port_queue(port, &reg->packet);
	spin_unlock_irq(&port->lock);
	if (ended)
		sockiocp_registration_put(reg);
	if (ready)
		sockiocp_port_wake_pollers(port);
	return ready;
}

/**
 * sockiocp_port_has_packet - would a harvest get a packet now?
 * @port: the port
 *
 * Drops what has gone stale from the front of the queue.  If there is a lot of
 * that the answer may be a yes that turns out wrong.  What is not stale is only
 * looked at, so that a harvest at the same time misses nothing.
 *
 * Who polls may hold locks that everybody needs (epoll has one for all of the
 * system).  So no socket is looked at for which that would mean to sleep until somebody
 * else lets go of its lock: there the answer is yes, too.
 */
bool sockiocp_port_has_packet(struct sockiocp_port *port)
{
	unsigned int looks = SOCKIOCP_CHUNK;
	struct sockiocp_registration *reg;
	struct sockiocp_packet *packet;
	struct sockiocp_terms terms;
	u32 now, events;
	bool ready = false;

	while (!ready && looks--) {
		spin_lock_irq(&port->lock);
		packet = list_first_entry_or_null(&port->queue, struct sockiocp_packet, node);
		reg = packet && !is_posted(packet) ?
			sockiocp_packet_registration(packet) : NULL;
		if (!reg || reg->state == SOCKIOCP_REMOVED ||
		    sockiocp_readiness_sleeps(reg->kind)) {
			spin_unlock_irq(&port->lock);
			return packet != NULL;
		}
		refcount_inc(&reg->refs);
		sockiocp_registration_begin_look(reg, &terms);
		spin_unlock_irq(&port->lock);

		events = sockiocp_registration_look(reg, &terms, &now);

		spin_lock_irq(&port->lock);
		ready = is_first(port, packet) &&
			(reg->state != SOCKIOCP_LIVE || now & SOCKIOCP_BUSY || events);
		spin_unlock_irq(&port->lock);
		if (!ready)
			ready = drop_if_stale(reg);
		sockiocp_registration_put(reg);
	}
	return ready || !sockiocp_seems_empty(&port->queue);
}

/* ------------------------------------------------------------------- wait */

/*
 * Has the calling process a descriptor of this file from @fd to before @end?  Its
 * table is not locked, and others may run.
 */
static bool has_descriptor_between(struct file *file, unsigned int fd, unsigned int end)
{
	struct sockiocp_port *port = file->private_data;
	struct fdtable *table;
	unsigned int stop;

	do {
		rcu_read_lock();
		table = rcu_dereference(current->files->fdt);
		end = min(end, table->max_fds);
		stop = fd < end ? fd + min(end - fd, DESCRIPTORS_AT_A_TIME) : fd;
		while (fd < stop && rcu_access_pointer(table->fd[fd]) != file)
			fd++;
		rcu_read_unlock();
		if (fd < stop) {
			WRITE_ONCE(port->last_fd, fd);
			return true;
		}
		/*
		 * Who is killed need not know.  Its process, or another one with the same
		 * table, may go on: its waiters look for themselves when they are
		 * disturbed, and an association that ends begins again with the next call.
		 */
		if (fatal_signal_pending(current))
			return false;
		cond_resched();
	} while (fd < end);
	return false;
}

/*
 * The descriptor that was found last is looked at first, so that to close a lot of
 * them is not a search for each.  One that another thread moves meanwhile, by dup() to
 * a lower one and close(), may be overlooked.
 */
static bool has_descriptor(struct file *file)
{
	struct sockiocp_port *port = file->private_data;
	unsigned int first = READ_ONCE(port->last_fd);

	return has_descriptor_between(file, first, UINT_MAX) ||
	       has_descriptor_between(file, 0, first);
}

/**
 * sockiocp_port_is_open_here - has the calling process a descriptor of this file?
 * @file: the port's file
 * @fd: the descriptor that the thread came by; only if it is closed are all of them
 *	looked at
 *
 * Somebody who closes a descriptor takes it out of the table first and then
 * comes to sockiocp_port_closed_in(), which takes the port's lock.  A waiter, or
 * a worker, puts itself on its list under that lock first and then comes here.  So
 * either it is found on the list, or it finds the descriptor gone.
 */
bool sockiocp_port_is_open_here(struct file *file, unsigned int fd)
{
	struct fd f = fdget(fd);
	bool same = fd_file(f) == file;

	if (fd_file(f))
		fdput(f);
	return same || has_descriptor(file);
}

/*
 * Wait until there may be a packet.
 *
 * Returns 0 if it is worth looking again, -ETIME, -EINTR, -ESHUTDOWN; -EAGAIN if
 * the thread has to go back to user space first: a file that was closed during
 * this call, by another thread, is released only there, and its peer waits for the
 * FIN.  With 0, @woken says whether somebody woke the thread for a packet.  That is in
 * @handed then, unless it was taken back, and nobody else looks after it.
 */
static int wait_for_packet(struct sockiocp_port *port, struct sockiocp_worker *worker,
			   struct file *file, unsigned int fd, const ktime_t *deadline,
			   struct list_head *handed, bool *woken)
{
	struct sockiocp_waiter waiter = {
		.task = current,
		.files = current->files,
		.worker = worker,
		.handed = handed,
	};
	ktime_t expires = deadline ? *deadline : 0;
	int error = 0;

	INIT_LIST_HEAD(handed);
	spin_lock_irq(&port->lock);
	sockiocp_worker_begin_wait(worker);
	sockiocp_port_has_somebody_of(port, waiter.files);
	list_add(&waiter.node, &port->waiters);
	port->nr_waiters++;
	/*
	 * Only then: a worker that blocks from here on finds the waiter, one that
	 * has blocked before has left a free slot.
	 */
	if (port->closed ||
	    (!list_empty(&port->queue) && (!worker || sockiocp_worker_slot_is_free(port)))) {
		error = port->closed ? -ESHUTDOWN : 0;
		goto leave;
	}
	spin_unlock_irq(&port->lock);

	if (!sockiocp_port_is_open_here(file, fd)) {
		error = -ESHUTDOWN;
	} else if (READ_ONCE(current->task_works)) {
		error = -EAGAIN;
	} else {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!READ_ONCE(waiter.woken) && !READ_ONCE(waiter.disturbed)) {
			if (signal_pending(current))
				error = -EINTR;
			else if (!schedule_hrtimeout_range(deadline ? &expires : NULL,
							   current->timer_slack_ns,
							   HRTIMER_MODE_ABS))
				error = -ETIME;
		}
		__set_current_state(TASK_RUNNING);
		/* Who is disturbed first is woken for no packet afterwards. */
		if (READ_ONCE(waiter.disturbed) && !sockiocp_port_is_open_here(file, fd))
			error = -ESHUTDOWN;
	}

	spin_lock_irq(&port->lock);
leave:
	*woken = waiter.woken;
	if (!waiter.woken) {
		if (!list_empty(&waiter.node))
			remove_waiter(port, &waiter);
		if (port->closed)
			error = -ESHUTDOWN;
	} else if (error != -ESHUTDOWN) {
		error = 0;
	} else {
		/* The caller passes it on. */
		list_splice(handed, &port->queue);
	}
	/* Who woke this thread may have left it to wake others. */
	if (waiter.woken && unlikely(!list_empty(&port->queue)))
		sockiocp_port_release_waiters(port);
	sockiocp_worker_end_wait(worker);
	spin_unlock_irq(&port->lock);
	return error;
}

/* A socket is being changed by somebody: let that happen. */
static int pause_for_busy(struct file *file, unsigned int fd, const ktime_t *deadline)
{
	ktime_t expires = ktime_add_ns(ktime_get(), BUSY_PAUSE_NS);

	if (deadline && ktime_before(*deadline, expires))
		expires = *deadline;
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_hrtimeout(&expires, HRTIMER_MODE_ABS);
	if (!sockiocp_port_is_open_here(file, fd))
		return -ESHUTDOWN;
	return READ_ONCE(current->task_works) ? -EAGAIN : 0;
}

/* When a finite time-out is over. */
static ktime_t deadline_of(const struct sockiocp_process *args)
{
	/* Too far away to be told from for ever, but not negative. */
	if (args->deadline_ns)
		return min_t(u64, args->deadline_ns, KTIME_MAX);
	return ktime_add_safe(ktime_get(), min_t(u64, args->timeout_ns, KTIME_MAX));
}

/* Harvest, and wait for the first packet as long as @args allow. */
static long harvest_or_wait(struct file *file, struct sockiocp_process *args)
{
	struct sockiocp_packet_entry __user *uentries = u64_to_user_ptr(args->entries);
	u32 __user *ureceived = u64_to_user_ptr(args->received);
	struct sockiocp_port *port = file->private_data;
	struct sockiocp_worker *worker = sockiocp_worker_enter(file, args->handle);
	ktime_t deadline = 0, *timer = NULL;
	bool busy = false, waited = false, woken = false;
	struct list_head handed;
	long error;

	for (;;) {
		/* Who was woken has a slot; who does not wait takes what is there. */
		if (woken || !args->timeout_ns || sockiocp_worker_may_harvest(worker)) {
			/* Nothing: to see that takes no lock. */
			error = 0;
			busy = false;
			if (woken || !sockiocp_seems_empty(&port->queue))
				error = sockiocp_port_harvest(port, uentries, args->entry_count,
							      ureceived, woken ? &handed : NULL,
							      &busy);
			if (error)
				return min(error, 0L);
		} else {
			/* What this call has queued is for others, then. */
			pass_on(port);
		}
		if (!args->timeout_ns)
			return -ETIME;
		if (!waited && args->timeout_ns != SOCKIOCP_INFINITE) {
			deadline = deadline_of(args);
			timer = &deadline;
		}
		waited = true;
		woken = false;
		/* Somebody may keep the queue full of what turns out stale. */
		if (READ_ONCE(port->closed))
			error = -ESHUTDOWN;
		else if (signal_pending(current))
			error = -EINTR;
		else if (timer && !ktime_before(ktime_get(), deadline))
			error = -ETIME;
		else if (busy)
			error = pause_for_busy(file, args->handle, timer);
		else
			error = wait_for_packet(port, worker, file, args->handle, timer,
						&handed, &woken);
		if (error == -ETIME && sockiocp_worker_may_harvest(worker)) {
			/* One more look: it is never early, so it may be late. */
			error = sockiocp_port_harvest(port, uentries, args->entry_count,
						      ureceived, NULL, &busy);
			return error ? min(error, 0L) : -ETIME;
		}
		if (error)
			break;
		cond_resched();
	}
	pass_on(port);
	if (timer) {
		args->timeout_ns = max_t(s64, ktime_to_ns(ktime_sub(deadline, ktime_get())), 0);
		args->deadline_ns = deadline;
	}
	return error;
}

/* --------------------------------------------------------------- the call */

/*
 * Can the page of this byte be written?  Nothing is added to what it holds, in one
 * step: another thread may store there meanwhile.  The word around an address is never
 * in two pages.
 */
static __always_inline bool can_be_written(u64 address)
{
	int old;

	return arch_futex_atomic_op_inuser(FUTEX_OP_ADD, 0, &old,
					   u64_to_user_ptr(ALIGN_DOWN(address, sizeof(u32))))
		!= -EFAULT;
}

/* All pages between two, judging by one byte in every @step. */
static noinline int probe_between(u64 byte, u64 last, unsigned int step)
{
	unsigned int n = 0;

	for (byte += step; byte < last; byte += step) {
		if (!can_be_written(byte))
			return -EFAULT;
		if (++n % 1024)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int probe(u64 first, u64 last, unsigned int step)
{
	if (!can_be_written(first))
		return -EFAULT;
	if (!((first ^ last) & PAGE_MASK))
		return 0;
	if (!access_ok(u64_to_user_ptr(first), last - first + 1) || !can_be_written(last))
		return -EFAULT;
	return last - first <= step ? 0 : probe_between(first, last, step);
}

static int probe_packets(u64 entries, u32 count)
{
	const size_t size = sizeof(struct sockiocp_packet_entry);

	BUILD_BUG_ON(SOCKIOCP_CHUNK * size > PAGE_SIZE);

	if (!access_ok(u64_to_user_ptr(entries), count * size))
		return -EFAULT;
	return probe(entries, entries + min(count, SOCKIOCP_CHUNK) * size - 1, PAGE_SIZE);
}

/*
 * Look at all of a call's arguments: after this nothing fails as a whole, unless
 * another thread unmaps the memory.  Of the packets' memory only that of the first chunk
 * is looked at: there may be room for far more than will ever come, and to look at
 * memory is to allocate it.
 */
static int check_arguments(const struct sockiocp_process *args)
{
	const u64 result = offsetof(struct sockiocp_registration_entry, registration_result);
	const size_t reg_size = sizeof(struct sockiocp_registration_entry);
	const size_t entry_size = sizeof(struct sockiocp_packet_entry);
	/* A step no longer than a page leaves none out. */
	const unsigned int reg_step = PAGE_SIZE - PAGE_SIZE % reg_size;
	u64 regs = args->registrations, entries = args->entries;
	u64 regs_len = (u64)args->registration_count * reg_size;
	u64 entries_len = (u64)args->entry_count * entry_size;
	u64 regs_end, entries_end;
	int error;

	if (args->flags)
		return -EINVAL;
	if (args->registration_count > SOCKIOCP_MAX_BATCH ||
	    args->entry_count > SOCKIOCP_MAX_BATCH)
		return -EINVAL;
	if (!args->registration_count != !regs)
		return -EINVAL;
	if (!args->entry_count && (entries || args->received || args->timeout_ns))
		return -EINVAL;
	if (check_add_overflow(regs, regs_len, &regs_end) ||
	    check_add_overflow(entries, entries_len, &entries_end))
		return -EFAULT;
	if (regs < entries_end && entries < regs_end && regs_len && entries_len)
		return -EINVAL;

	error = 0;
	/* All is read, of what is written only the results. */
	if (regs_len)
		error = probe(regs + result, regs_end - 1, reg_step);
	if (!error && entries_len)
		error = probe(args->received, args->received + sizeof(u32) - 1, PAGE_SIZE);
	if (!error && entries_len)
		error = probe_packets(entries, args->entry_count);
	return error;
}

static bool has_deadline(size_t usize)
{
	return usize >= offsetofend(struct sockiocp_process, deadline_ns);
}

/* If the wait is interrupted, it is written there what is left of it, and when it ends. */
static int probe_times(const struct sockiocp_process __user *uargs, size_t usize)
{
	size_t end = has_deadline(usize) ? offsetofend(struct sockiocp_process, deadline_ns) :
		     offsetofend(struct sockiocp_process, timeout_ns);
	u64 first = (unsigned long)&uargs->timeout_ns;

	return probe(first, (unsigned long)uargs + end - 1, PAGE_SIZE);
}

static int write_times(struct sockiocp_process __user *uargs, size_t usize,
		       const struct sockiocp_process *args)
{
	if (put_user(args->timeout_ns, &uargs->timeout_ns))
		return -EFAULT;
	return has_deadline(usize) ? put_user(args->deadline_ns, &uargs->deadline_ns) : 0;
}

/**
 * sockiocp_port_process - SOCKIOCP_PROCESS
 * @file: the port's file
 * @uargs: the user's arguments, for what is written back
 * @usize: how long the user's are
 * @args: their copy
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_port_process(struct file *file, struct sockiocp_process __user *uargs,
			   size_t usize, struct sockiocp_process *args)
{
	struct sockiocp_port *port = file->private_data;
	long error;

	error = check_arguments(args);
	if (error)
		return error;
	if (args->timeout_ns && args->timeout_ns != SOCKIOCP_INFINITE) {
		error = probe_times(uargs, usize);
		if (error)
			return error;
	}
	if (args->registration_count) {
		error = sockiocp_registration_apply(port, args);
		if (error) {
			pass_on(port);
			return error;
		}
	}
	if (!args->entry_count)
		return 0;

	error = harvest_or_wait(file, args);
	switch (error) {
	case -ETIME:
	case -ESHUTDOWN:
		if (put_user(0, (u32 __user *)u64_to_user_ptr(args->received)))
			return -EFAULT;
		return error;
	case -EAGAIN:
	case -EINTR:
		if (put_user(0, (u32 __user *)u64_to_user_ptr(args->received)) ||
		    (args->timeout_ns != SOCKIOCP_INFINITE &&
		     write_times(uargs, usize, args)))
			return -EFAULT;
		return error == -EAGAIN ? 0 : error;
	default:
		return error;
	}
}

/**
 * sockiocp_port_post - SOCKIOCP_POST
 * @port: the port
 * @args: the packet
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_port_post(struct sockiocp_port *port, const struct sockiocp_post *args)
{
	struct sockiocp_posted *posted;
	long error = 0;

	if (args->flags)
		return -EINVAL;
	if (!sockiocp_account_charge(&port->account->packets, &sockiocp_max_user_packets))
		return -ENOBUFS;
	posted = kmem_cache_alloc(posted_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!posted) {
		atomic_long_dec(&port->account->packets);
		return -ENOMEM;
	}
	posted->entry = (struct sockiocp_packet_entry) {
		.completion_key = args->completion_key,
		.overlapped = args->overlapped,
		.internal = args->internal,
		.bytes_transferred = args->bytes_transferred,
	};

	spin_lock_irq(&port->lock);
	if (port->closed)
		error = -ESHUTDOWN;
	else
		sockiocp_port_queue(port, &posted->packet);
	spin_unlock_irq(&port->lock);
	if (error)
		free_posted(port, posted);
	else
		sockiocp_port_wake_pollers(port);
	return error;
}

/* -------------------------------------------------------- settings, closing */

/**
 * sockiocp_port_configure - SOCKIOCP_CONFIGURE
 * @port: the port
 * @config: what to set
 */
void sockiocp_port_configure(struct sockiocp_port *port,
			     const struct sockiocp_config *config)
{
	spin_lock_irq(&port->lock);
	WRITE_ONCE(port->concurrency, config->concurrency);
	sockiocp_port_release_waiters(port);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_port_concurrency - the concurrency value in force
 * @port: the port
 *
 * Return: what was configured, or the number of processors.
 */
unsigned int sockiocp_port_concurrency(struct sockiocp_port *port)
{
	unsigned int concurrency = READ_ONCE(port->concurrency);

	return concurrency ? concurrency : num_online_cpus();
}

/**
 * sockiocp_port_close - SOCKIOCP_CLOSE: release all who wait, for good
 * @port: the port
 */
void sockiocp_port_close(struct sockiocp_port *port)
{
	spin_lock_irq(&port->lock);
	WRITE_ONCE(port->closed, true);
	spin_unlock_irq(&port->lock);
	disturb_waiters(port, NULL);
	sockiocp_port_wake_pollers(port);
}

/*
 * Is there nobody of this process who waits or is associated?  A process that ends closes
 * each of its descriptors of the port, and looks at all threads of others for the first
 * one only: from then on nobody_of tells.  It is asked only for a table that ends, and so
 * is nobody's, because it may be the address of one that ended before.
 */
static bool serves_nobody_of(struct sockiocp_port *port, fl_owner_t files)
{
	bool nobody;

	spin_lock_irq(&port->lock);
	nobody = (files != current->files && port->nobody_of == files) ||
		 (list_empty(&port->waiters) && list_empty(&port->workers));
	spin_unlock_irq(&port->lock);
	return nobody;
}

/* Whoever comes from here on says so: see sockiocp_port_has_somebody_of(). */
static void note_nobody_of(struct sockiocp_port *port, fl_owner_t files)
{
	spin_lock_irq(&port->lock);
	port->nobody_of = files;
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_port_closed_in - a descriptor of the port was closed
 * @file: the port's file
 * @files: by this process
 *
 * If it was the last one of the process its threads wait no more, and are no longer
 * associated with the port.
 */
void sockiocp_port_closed_in(struct file *file, fl_owner_t files)
{
	struct sockiocp_port *port = file->private_data;

	/* The kernel's own closing is of no process. */
	if (!files || serves_nobody_of(port, files))
		return;
	/*
	 * Of two who close the last two descriptors at the same time, one at least
	 * sees both gone.  Pairs with itself.
	 */
	smp_mb();
	/* A table that is not the caller's own ends, and all that is in it. */
	if (files == current->files && has_descriptor(file))
		return;
	/*
	 * Those that wait look whether there is another descriptor left.  They get no
	 * packet: when their association ends the slots are for others.
	 */
	note_nobody_of(port, files);
	disturb_waiters(port, files);
	sockiocp_worker_leave_process(port, files);
}

/**
 * sockiocp_port_show - what /proc/PID/fdinfo/FD tells of a port
 * @port: the port
 * @m: where to
 */
void sockiocp_port_show(struct sockiocp_port *port, struct seq_file *m)
{
	unsigned int registrations, packets, workers, waiters;

	spin_lock_irq(&port->lock);
	registrations = port->nr_registrations;
	packets = port->nr_packets;
	workers = port->nr_workers;
	waiters = port->nr_waiters;
	spin_unlock_irq(&port->lock);

	seq_printf(m, "registrations:\t%u\n", registrations);
	seq_printf(m, "packets:\t%u\n", packets);
	seq_printf(m, "waiters:\t%u\n", waiters);
	seq_printf(m, "workers:\t%u\n", workers);
	seq_printf(m, "active:\t%d\n", atomic_read(&port->active));
	seq_printf(m, "concurrency:\t%u\n", sockiocp_port_concurrency(port));
}

/**
 * sockiocp_port_create - make the port of a file that is being opened
 *
 * Return: the port, which sockiocp_port_destroy() ends, or NULL.
 */
struct sockiocp_port *sockiocp_port_create(void)
{
	struct sockiocp_port *port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);

	if (!port)
		return NULL;
	spin_lock_init(&port->lock);
	INIT_LIST_HEAD(&port->queue);
	port->next_seq = SOCKIOCP_SEQ_STEP;
	INIT_LIST_HEAD(&port->waiters);
	INIT_LIST_HEAD(&port->registrations);
	INIT_LIST_HEAD(&port->workers);
	refcount_set(&port->refs, 1);
	init_irq_work(&port->slot_freed, slot_freed);
	INIT_DELAYED_WORK(&port->sampler, sockiocp_worker_sampler);
	init_waitqueue_head(&port->poll_wait);
	INIT_WORK(&port->poll_work, wake_all_pollers);
	INIT_LIST_HEAD(&port->reaper_node);
	port->account = sockiocp_account_get();
	if (!port->account) {
		kfree(port);
		return NULL;
	}
	sockiocp_worker_add_port(port);
	return port;
}

void sockiocp_port_get(struct sockiocp_port *port)
{
	refcount_inc(&port->refs);
}

/* Sleeps with the last reference. */
void sockiocp_port_put(struct sockiocp_port *port)
{
	if (!refcount_dec_and_test(&port->refs))
		return;
	/* With PREEMPT_RT this waits for a grace period: only if there was ever a worker. */
	if (port->had_worker)
		irq_work_sync(&port->slot_freed);
	sockiocp_account_put(port->account);
	kfree(port);
}

static void drop_registrations(struct sockiocp_port *port)
{
	struct sockiocp_registration *reg;

	for (;;) {
		spin_lock_irq(&port->lock);
		reg = list_first_entry_or_null(&port->registrations,
					       struct sockiocp_registration, port_node);
		if (reg)
			refcount_inc(&reg->refs);
		spin_unlock_irq(&port->lock);
		if (!reg)
			return;
		sockiocp_registration_kill(reg);
		sockiocp_registration_put(reg);
		cond_resched();
	}
}

/* No registration is left, so nobody else knows of the queue. */
static void drop_packets(struct sockiocp_port *port)
{
	struct sockiocp_packet *packet, *next;

	list_for_each_entry_safe(packet, next, &port->queue, node) {
		if (is_posted(packet))
			free_posted(port, packet_posted(packet));
		else
			sockiocp_registration_put(sockiocp_packet_registration(packet));
		cond_resched();
	}
}

/**
 * sockiocp_port_destroy - end a port whose file nobody has any more
 * @port: the port
 *
 * So no call is under way.  Wake-ups of registered sockets are, until each has
 * been unhooked; and the reaper, or a call of another port of the same user, may be
 * looking for closed sockets here.  They have a reference to the memory, and nobody
 * waits for them: what they unhook meanwhile is not found here.
 */
void sockiocp_port_destroy(struct sockiocp_port *port)
{
	sockiocp_reaper_forget(port);
	sockiocp_worker_forget(port);
	drop_registrations(port);
	/* Nobody polls any more, so this is short if it runs, and no wake-up is left. */
	cancel_work_sync(&port->poll_work);
	drop_packets(port);
	sockiocp_port_put(port);
}

/* For what a constructor is good, see that of registrations. */
static void construct(void *memory)
{
	struct sockiocp_posted *posted = memory;

	/* Queueing it leaves that bit alone. */
	posted->packet.seq = SOCKIOCP_SEQ_POSTED;
}

int __init sockiocp_packet_init(void)
{
	posted_cache = kmem_cache_create("sockiocp_packet", sizeof(struct sockiocp_posted),
					 0, SLAB_ACCOUNT, construct);
	return posted_cache ? 0 : -ENOMEM;
}

void sockiocp_packet_exit(void)
{
	kmem_cache_destroy(posted_cache);
}
