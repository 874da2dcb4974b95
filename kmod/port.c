// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Ports: the object, its settings, and which process has a descriptor of it.
 */
#include "insides.h"
#include "sockiocp.h"

#include <linux/file.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/* How many descriptors are looked at before others may run. */
#define DESCRIPTORS_AT_A_TIME	1024U

/* ------------------------------------------------------ in whose hands it is */

/*
 * Has the calling process a descriptor of this file from @fd to before @end?  Its
 * table is not locked, and others may run.
 */
static bool port_has_descriptor_between(struct file *file, unsigned int fd, unsigned int end)
{
	struct sockiocp_port *port = file->private_data;

	do {
		if (sockiocp_find_descriptor(file, &fd, &end, DESCRIPTORS_AT_A_TIME)) {
			WRITE_ONCE(port->last_fd, fd);
			return true;
		}
		/*
		 * A thread that is killed need not know.  Its process, or another one with the same
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
bool sockiocp_port_has_descriptor(struct file *file)
{
	struct sockiocp_port *port = file->private_data;
	unsigned int first = READ_ONCE(port->last_fd);

	return port_has_descriptor_between(file, first, UINT_MAX) ||
	       port_has_descriptor_between(file, 0, first);
}

/**
 * sockiocp_port_has_number - is this number, in the calling process, the file's?
 * @file: the port's file
 * @fd: the number
 */
bool sockiocp_port_has_number(struct file *file, unsigned int fd)
{
	struct fd f = fdget(fd);
	bool same = fd_file(f) == file;

	if (fd_file(f))
		fdput(f);
	return same;
}

/**
 * sockiocp_port_is_open_here - has the calling process a descriptor of this file?
 * @file: the port's file
 * @fd: the descriptor that the thread came by; only if it is closed are all of them
 *	looked at
 *
 * Somebody who closes a descriptor takes it out of the table first and then
 * comes to sockiocp_lifetime_descriptor_closed(), which takes the port's lock.  A waiter, or
 * a worker, puts itself on its list under that lock first and then comes here.  So
 * either it is found on the list, or it finds the descriptor gone.
 */
bool sockiocp_port_is_open_here(struct file *file, unsigned int fd)
{
	return sockiocp_port_has_number(file, fd) || sockiocp_port_has_descriptor(file);
}

/* ------------------------------------------------------------------ settings */

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

/* ------------------------------------------------------------------- the queue */

/* So many of others' packets are passed: as many as 32 threads have in their hands. */
#define PORT_LOOKS	(SOCKIOCP_CHUNK * 32)

/*
 * What sockiocp_ring_queue_again() does to the queue: each packet before those that are younger.
 * Others may have done so with what was taken behind some of these, and before others.
 */
void sockiocp_port_queue_again(struct sockiocp_port *port, struct list_head *packets)
{
	struct list_head *place = &port->queue;
	struct sockiocp_packet *packet, *next;
	unsigned int looks = 0;

	lockdep_assert_held(&port->lock);

	list_for_each_entry_safe(packet, next, packets, node) {
		while (!list_is_last(place, &port->queue) && looks < PORT_LOOKS &&
		       list_entry(place->next, struct sockiocp_packet, node)->seq < packet->seq) {
			place = place->next;
			looks++;
		}
		list_move(&packet->node, place);
		place = &packet->node;
	}
}

/* ---------------------------------------------------------------- the object */

/**
 * sockiocp_port_create - make the port of a file that is being opened
 *
 * Return: the port, which sockiocp_lifetime_end() ends, or NULL.
 */
struct sockiocp_port *sockiocp_port_create(void)
{
	struct sockiocp_port *port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);

	if (!port)
		return NULL;
	spin_lock_init(&port->lock);
	INIT_LIST_HEAD(&port->queue);
	port->next_seq = SOCKIOCP_SEQ_STEP;
	INIT_LIST_HEAD(&port->hooks);
	list_add(&port->reaper_mark.port_node, &port->hooks);
	INIT_LIST_HEAD(&port->operations);
	INIT_LIST_HEAD(&port->workers);
	refcount_set(&port->refs, 1);
	INIT_LIST_HEAD(&port->reaper_node);
	mutex_init(&port->walking);
	port->account = sockiocp_account_get();
	if (!port->account) {
		kfree(port);
		return NULL;
	}
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
	put_pid(port->home_of);
	put_pid(port->creator);
	sockiocp_account_put(port->account);
	kfree(port->histogram);
	kfree(port);
}
