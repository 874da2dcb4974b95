// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Slots: may one more thread of a port run?
 *
 * A worker that runs holds one of the port's slots; there are as many as the
 * concurrency value says.  It gives the slot up while it waits for a packet, and lends
 * it while it is blocked anywhere else in the kernel.  A worker that is no longer
 * blocked runs on, so that there may be more of them than slots for a while; then those
 * that come for more packets wait.
 *
 * Which threads wait, and which of them is woken when there is a packet and a slot, is
 * waiting.c's matter; how it becomes known that a worker has blocked, notifier.c's and
 * sampler.c's.
 */
#include "sockiocp.h"
#include "trace.h"

/* How soon the sampler looks for blocked threads, in jiffies. */
#define SAMPLE_INTERVAL		1

/* How many there are; no number of threads comes near INT_MAX. */
static int slot_count(struct sockiocp_port *port)
{
	return min_t(unsigned int, sockiocp_port_concurrency(port), INT_MAX);
}

static bool slot_seems_free(struct sockiocp_port *port)
{
	return atomic_read(&port->active) < slot_count(port);
}

/**
 * sockiocp_slot_is_free - may one more waiter of this port run?
 * @port: the port, locked; a packet was put into its queue before
 *
 * If not, whoever gives up a slot sees the packet.
 */
bool sockiocp_slot_is_free(struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	/* Pairs with atomic_dec_return() in sockiocp_slot_lend(). */
	smp_mb();
	if (slot_seems_free(port))
		return true;
	trace_sockiocp_throttle(port, atomic_read(&port->active), slot_count(port));
	/* Once for each run of the work: put off again and again, it would never run. */
	if (port->nr_sampled && !port->sample_soon) {
		port->sample_soon = true;
		mod_delayed_work(sockiocp_wq, &port->sampler, SAMPLE_INTERVAL);
	}
	return false;
}

/**
 * sockiocp_slot_may_harvest - may this thread take packets without waiting?
 * @worker: the calling thread, or NULL if there was no memory to count it
 */
bool sockiocp_slot_may_harvest(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port;
	int others;

	if (!worker)
		return true;
	port = worker->pinned;
	others = atomic_read(&port->active) - (READ_ONCE(worker->slot) == SOCKIOCP_SLOT_HELD);
	if (likely(others < slot_count(port)))
		return true;
	trace_sockiocp_throttle(port, others, slot_count(port));
	return false;
}

/* A worker whose association has ended has no use for one, unless that begins again. */
void sockiocp_slot_take(struct sockiocp_worker *worker, enum sockiocp_slot slot)
{
	lockdep_assert_held(&worker->pinned->lock);

	if (worker->slot != SOCKIOCP_SLOT_NONE || !worker->port)
		return;
	WRITE_ONCE(worker->slot, slot);
	atomic_inc(&worker->port->active);
}

/**
 * sockiocp_slot_take_for - let a waiter run, whether a slot is free or not
 * @worker: the worker, or NULL; under its port's lock
 */
void sockiocp_slot_take_for(struct sockiocp_worker *worker)
{
	if (worker)
		sockiocp_slot_take(worker, SOCKIOCP_SLOT_WOKEN);
}

void sockiocp_slot_give_up(struct sockiocp_worker *worker)
{
	unsigned int slot;

	lockdep_assert_held(&worker->pinned->lock);

	/* At once: if it is not its own thread's, that may block or go on now. */
	slot = xchg(&worker->slot, SOCKIOCP_SLOT_NONE);
	if (slot == SOCKIOCP_SLOT_WOKEN || slot == SOCKIOCP_SLOT_HELD)
		atomic_dec(&worker->pinned->active);
}

/**
 * sockiocp_slot_begin_wait - the calling thread will wait for a packet
 * @worker: the thread, or NULL; under its port's lock
 *
 * From now on, and until sockiocp_slot_end_wait(), whoever wakes it gives it a
 * slot.
 */
void sockiocp_slot_begin_wait(struct sockiocp_worker *worker)
{
	if (worker)
		sockiocp_slot_give_up(worker);
}

/**
 * sockiocp_slot_end_wait - the calling thread goes on
 * @worker: the thread, or NULL; under its port's lock
 */
void sockiocp_slot_end_wait(struct sockiocp_worker *worker)
{
	if (!worker)
		return;
	sockiocp_slot_take(worker, SOCKIOCP_SLOT_HELD);
	if (worker->slot == SOCKIOCP_SLOT_WOKEN)
		WRITE_ONCE(worker->slot, SOCKIOCP_SLOT_HELD);
}

/*
 * A worker has blocked: if it holds a slot that is lent.  Returns whether somebody
 * could use it.
 */
bool sockiocp_slot_lend(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	if (cmpxchg(&worker->slot, SOCKIOCP_SLOT_HELD, SOCKIOCP_SLOT_LENT) !=
	    SOCKIOCP_SLOT_HELD)
		return false;
	/* A full barrier: pairs with sockiocp_slot_is_free(). */
	return atomic_dec_return(&port->active) < slot_count(port) &&
	       /* A packet that comes later finds the slot. */
	       !sockiocp_seems_empty(&port->queue) && !sockiocp_seems_empty(&port->waiters);
}

/*
 * A worker goes on that had lent its slot.  It counts before it holds the slot:
 * the other way round, if the association ends in between, there would seem to be
 * one slot more than there are.
 */
void sockiocp_slot_take_back(struct sockiocp_worker *worker)
{
	struct sockiocp_port *port = worker->pinned;

	atomic_inc(&port->active);
	if (likely(cmpxchg(&worker->slot, SOCKIOCP_SLOT_LENT, SOCKIOCP_SLOT_HELD) ==
		   SOCKIOCP_SLOT_LENT))
		return;
	/* It ended, and somebody may have found no free slot meanwhile. */
	atomic_dec(&port->active);
	irq_work_queue(&port->slot_freed);
}
