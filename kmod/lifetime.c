// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A port begins and ends: what open(), SOCKIOCP_CLOSE, the close of a descriptor and
 * the release of the file mean to all the parts of it, in order.
 */
#include "hook.h"
#include "packet.h"
#include "posted.h"
#include "registration.h"

/**
 * sockiocp_lifetime_close - SOCKIOCP_CLOSE: release all threads that wait, for good
 * @port: the port
 */
void sockiocp_lifetime_close(struct sockiocp_port *port)
{
	spin_lock_irq(&port->lock);
	WRITE_ONCE(port->closed, true);
	spin_unlock_irq(&port->lock);
	sockiocp_mirror_end(port);
	sockiocp_waiting_disturb(port, NULL);
	sockiocp_pollers_wake(port);
}

/*
 * Is there nobody of this process who waits or is associated?  A process that ends closes
 * each of its descriptors of the port, and looks at all threads of others for the first
 * one only: from then on nobody_of tells.  It is asked only for a table that ends, and so
 * is nobody's, because it may be the address of one that ended before.
 */
static bool lifetime_finds_nobody_of(struct sockiocp_port *port, fl_owner_t files)
{
	bool nobody;

	spin_lock_irq(&port->lock);
	nobody = (files != current->files && port->nobody_of == files) ||
		 (list_empty(&port->waiters) && list_empty(&port->workers));
	spin_unlock_irq(&port->lock);
	return nobody;
}

/* Whoever comes from here on says so: see sockiocp_port_has_somebody_of(). */
static void lifetime_note_nobody_of(struct sockiocp_port *port, fl_owner_t files)
{
	spin_lock_irq(&port->lock);
	port->nobody_of = files;
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_lifetime_descriptor_closed - a descriptor of the port was closed
 * @file: the port's file
 * @files: by this process
 *
 * If it was the last one of the process its threads wait no more, and are no longer
 * associated with the port.
 */
void sockiocp_lifetime_descriptor_closed(struct file *file, fl_owner_t files)
{
	struct sockiocp_port *port = file->private_data;

	sockiocp_mirror_end(port);
	sockiocp_home_leave(port);
	/* The kernel's own closing is of no process. */
	if (!files || lifetime_finds_nobody_of(port, files))
		return;
	/*
	 * Of two threads that close the last two descriptors at the same time, at least
	 * one sees both gone.  Pairs with itself.
	 */
	smp_mb();
	/* A table that is not the caller's own ends, and all that is in it. */
	if (files == current->files && sockiocp_port_has_descriptor(file))
		return;
	/*
	 * Those that wait look whether there is another descriptor left.  They get no
	 * packet: when their association ends the slots are for others.
	 */
	lifetime_note_nobody_of(port, files);
	sockiocp_waiting_disturb(port, files);
	sockiocp_worker_leave_process(port, files);
}

/**
 * sockiocp_lifetime_begin - make the port of a file that is being opened
 *
 * Return: the port, which sockiocp_lifetime_end() ends, or NULL.
 */
struct sockiocp_port *sockiocp_lifetime_begin(void)
{
	struct sockiocp_port *port = sockiocp_port_create();

	if (!port)
		return NULL;
	sockiocp_waiting_init(port);
	sockiocp_pollers_init(port);
	sockiocp_sampler_init_port(port);
	sockiocp_late_init(port);
	if (sockiocp_directory_add(port)) {
		sockiocp_port_put(port);
		return NULL;
	}
	return port;
}

/*
 * Those registrations that are among the first in the ring, a chunk of it, each with a
 * reference.  Returns how many they are.
 */
static unsigned int lifetime_first_registrations(struct sockiocp_port *port,
						 struct sockiocp_registration **regs)
{
	struct sockiocp_registration *reg;
	unsigned int looks = 0, nr = 0;
	struct sockiocp_hook *hook;

	spin_lock_irq(&port->lock);
	list_for_each_entry(hook, &port->hooks, port_node) {
		if (looks++ == SOCKIOCP_CHUNK)
			break;
		reg = sockiocp_hook_registration(hook);
		if (!reg)
			continue;
		refcount_inc(&hook->refs);
		regs[nr++] = reg;
	}
	spin_unlock_irq(&port->lock);
	return nr;
}

/*
 * Endpoints and marks that are first in the ring go to its end, those of a chunk.  Returns
 * whether there are any registrations.
 */
static bool lifetime_pass_endpoints(struct sockiocp_port *port)
{
	struct sockiocp_hook *hook, *next;
	unsigned int n = 0;
	bool any;

	spin_lock_irq(&port->lock);
	any = port->nr_hooks != port->nr_endpoints;
	list_for_each_entry_safe(hook, next, &port->hooks, port_node) {
		if (!any || n++ == SOCKIOCP_CHUNK || sockiocp_hook_registration(hook))
			break;
		list_move_tail(&hook->port_node, &port->hooks);
	}
	spin_unlock_irq(&port->lock);
	return any;
}

static void lifetime_drop_registrations(struct sockiocp_port *port)
{
	struct sockiocp_registration *regs[SOCKIOCP_CHUNK] __uninitialized;
	struct sockiocp_memories freed __uninitialized;
	unsigned int i, nr;

	freed.nr = 0;
	do {
		nr = lifetime_first_registrations(port, regs);
		for (i = 0; i < nr; i++) {
			sockiocp_registration_kill(regs[i]);
			sockiocp_registration_put_many(regs[i], &freed);
		}
		cond_resched();
	} while (nr || lifetime_pass_endpoints(port));
	sockiocp_registration_free_memories(&freed);
}

/* Nothing more comes into the queue, but others may take their operations from it. */
static struct sockiocp_packet *lifetime_next_packet(struct sockiocp_port *port)
{
	struct sockiocp_packet *packet;

	spin_lock_irq(&port->lock);
	packet = list_first_entry_or_null(&port->queue, struct sockiocp_packet, node);
	if (packet)
		sockiocp_queue_remove(port, packet);
	spin_unlock_irq(&port->lock);
	return packet;
}

static void lifetime_drop_operation(struct sockiocp_operation *op)
{
	if (READ_ONCE(op->phase) == SOCKIOCP_DONE)
		sockiocp_operation_free(op);
	else
		sockiocp_operation_pass_on(op);
}

/* No registration is left. */
static void lifetime_drop_packets(struct sockiocp_port *port)
{
	struct sockiocp_packet *packet;

	while ((packet = lifetime_next_packet(port))) {
		if (sockiocp_packet_is_posted(packet))
			sockiocp_packet_free(port, sockiocp_packet_posted(packet));
		else if (sockiocp_packet_is_operation(packet))
			lifetime_drop_operation(sockiocp_packet_operation(packet));
		else
			sockiocp_registration_put(sockiocp_packet_registration(packet));
		cond_resched();
	}
}

/* Operations of sockets that are associated with it have nowhere to put their packets. */
static void lifetime_note_end(struct sockiocp_port *port)
{
	spin_lock_irq(&port->lock);
	WRITE_ONCE(port->ended, true);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_lifetime_end - end a port whose file nobody has any more
 * @port: the port
 *
 * So no call is under way.  Wake-ups of registered sockets are, until each has
 * been unhooked; and the reaper, or a call of another port of the same user, may be
 * looking for closed sockets here.  They have a reference to the memory, and nobody
 * waits for them: what they unhook meanwhile is not found here.
 *
 * Endpoints stay, and with them the memory of the port, until their sockets are closed.
 */
void sockiocp_lifetime_end(struct sockiocp_port *port)
{
	lifetime_note_end(port);
	sockiocp_mirror_end(port);
	sockiocp_late_forget(port);
	sockiocp_histogram_forget(port);
	sockiocp_home_forget(port);
	sockiocp_directory_remove(port);
	sockiocp_worker_forget(port);
	lifetime_drop_registrations(port);
	sockiocp_reaper_forget(port);
	/* Nobody polls any more, so this is short if it runs, and no wake-up is left. */
	sockiocp_pollers_forget(port);
	lifetime_drop_packets(port);
	sockiocp_posted_forget(port);
	sockiocp_port_put(port);
}
