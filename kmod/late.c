// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations that nobody comes for.  A program that computes, or waits for something else
 * than its port, expects its large sends to go on, and the state in its OVERLAPPED to
 * change.  So what has stood in the queue of a port for a while, without anybody taking
 * anything from that queue, goes to the home ports of its processes, whose threads have
 * nothing else to do.
 *
 * It does not matter why nobody takes anything: there may be no thread, or one that has no
 * slot.  An operation behind LOOKS packets of other kinds has to wait for these; whether it
 * still stands there is looked at seldom, since the user does not pay for it.
 */
#include "packet.h"

/* How many packets of a queue are looked at, and how many operations go on at a time. */
#define LOOKS	1024
#define MOVES	64
/* The next look, if the last one went through that many in vain. */
#define IN_VAIN	HZ

/*
 * The first operation that is not done, and not at home here, off the queue; or NULL, and
 * @is_through says whether the whole queue was looked at.
 */
static struct sockiocp_operation *late_take(struct sockiocp_port *port, bool *is_through)
{
	struct sockiocp_operation *op;
	struct sockiocp_packet *packet;
	unsigned int looks = LOOKS;

	lockdep_assert_held(&port->lock);

	*is_through = false;
	list_for_each_entry(packet, &port->queue, node) {
		if (!looks--)
			return NULL;
		if (!sockiocp_packet_is_operation(packet))
			continue;
		op = sockiocp_packet_operation(packet);
		if (READ_ONCE(op->phase) == SOCKIOCP_DONE || op->home == port)
			continue;
		sockiocp_queue_remove_undone(port, packet);
		return op;
	}
	*is_through = true;
	return NULL;
}

/* Has nothing been taken since the last look? */
static bool late_stands_still(const struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	return !list_empty(&port->queue) &&
	       list_first_entry(&port->queue, struct sockiocp_packet, node)->seq == port->late_seq;
}

static void late_work(struct work_struct *work)
{
	struct sockiocp_port *port =
		container_of(to_delayed_work(work), struct sockiocp_port, late);
	struct sockiocp_operation *op = NULL;
	bool is_through = true, in_vain;
	unsigned int moves = MOVES;

	spin_lock_irq(&port->lock);
	/* What stands here from before it was a home port goes in any case. */
	if (port->home_of || late_stands_still(port))
		op = late_take(port, &is_through);
	in_vain = !op && !is_through;
	while (op) {
		spin_unlock_irq(&port->lock);
		sockiocp_operation_pass_on(op);
		spin_lock_irq(&port->lock);
		op = moves-- ? late_take(port, &is_through) : NULL;
	}
	/* Once more, if there may be anything left; what is at home stays. */
	if (!port->home_of || !is_through)
		sockiocp_queue_note_late_after(port, in_vain ? IN_VAIN : SOCKIOCP_LATE);
	spin_unlock_irq(&port->lock);
}

/**
 * sockiocp_late_init - a port begins
 * @port: the port
 */
void sockiocp_late_init(struct sockiocp_port *port)
{
	INIT_DELAYED_WORK(&port->late, late_work);
}

/**
 * sockiocp_late_forget - a port has ended: nothing is queued there any more
 * @port: the port
 */
void sockiocp_late_forget(struct sockiocp_port *port)
{
	cancel_delayed_work_sync(&port->late);
}
