// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is told of a port to who looks from outside: by fdinfo, and by netlink (control.c).
 *
 * A ring may be long.  Whoever goes through it leaves a mark there, and gives the port's
 * lock back after a chunk.  As a ring is in the order in which its hooks have come, each
 * hook that is there all the time is met, and once.
 */
#include "hook.h"
#include "ring.h"

#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sockiocp_netlink.h>
#include <net/sock.h>

/* How many registrations are looked at before the port's lock is given back. */
#define LOOKS_AT_A_TIME		64

/*
 * The registrations of a port that has more than this are counted once, and not again for so
 * many times as long as that took.
 */
#define COUNTED_ANEW		1024
#define REST			100
/* But not for longer: who counts may have been kept from its processor meanwhile. */
#define REST_MAX_NS		(10 * (u64)NSEC_PER_SEC)

/* For how many registrations fdinfo has a line. */
#define LINES			128

/**
 * sockiocp_view_begin - go through the registrations of a port
 * @port: the port
 * @mark: the caller's, until sockiocp_view_end()
 */
void sockiocp_view_begin(struct sockiocp_port *port, struct sockiocp_view_mark *mark)
{
	memset(mark, 0, sizeof(*mark));
	spin_lock_irq(&port->lock);
	/* Who asks again and again about many endpoints is not to go past them each time. */
	mark->left = port->nr_hooks == port->nr_endpoints ? 0 : port->nr_hooks;
	list_add(&mark->hook.port_node, &port->hooks);
	spin_unlock_irq(&port->lock);
}

void sockiocp_view_end(struct sockiocp_port *port, struct sockiocp_view_mark *mark)
{
	spin_lock_irq(&port->lock);
	list_del(&mark->hook.port_node);
	spin_unlock_irq(&port->lock);
}

/* Goes one on; returns the registration there, or NULL for anything else. */
static struct sockiocp_registration *view_step(struct sockiocp_view_mark *mark)
{
	struct sockiocp_hook *hook = list_next_entry(&mark->hook, port_node);

	list_move(&mark->hook.port_node, &hook->port_node);
	if (sockiocp_hook_is_mark(hook))
		return NULL;
	mark->left--;
	return sockiocp_hook_registration(hook);
}

static bool view_is_at_end(struct sockiocp_port *port, struct sockiocp_view_mark *mark)
{
	/* Those that have come since may go on coming. */
	if (list_is_last(&mark->hook.port_node, &port->hooks))
		mark->left = 0;
	return !mark->left;
}

static u8 view_state(const struct sockiocp_registration *reg)
{
	if (!reg->enabled)
		return SOCKIOCP_STATE_DISABLED;
	return reg->place == SOCKIOCP_IDLE ? SOCKIOCP_STATE_ARMED : SOCKIOCP_STATE_QUEUED;
}

/**
 * sockiocp_view_next - the registrations that come next
 * @port: the port
 * @mark: how far the caller has come; it is at the end if @mark->left is 0 afterwards
 * @views: where they go, each with a reference
 * @most: how many of them there may be
 *
 * Return: how many there are; fewer than @most does not mean the end.
 */
unsigned int sockiocp_view_next(struct sockiocp_port *port, struct sockiocp_view_mark *mark,
				struct sockiocp_view_registration *views, unsigned int most)
{
	struct sockiocp_registration *reg;
	unsigned int nr = 0, looks = 0;

	spin_lock_irq(&port->lock);
	while (!view_is_at_end(port, mark) && nr < most && looks++ < LOOKS_AT_A_TIME) {
		reg = view_step(mark);
		if (!reg)
			continue;
		refcount_inc(&reg->hook.refs);
		views[nr++] = (struct sockiocp_view_registration) {
			.reg = reg,
			.key = reg->hook.key,
			.filter = reg->terms.filter,
			.trigger = reg->terms.trigger,
			.state = view_state(reg),
		};
	}
	spin_unlock_irq(&port->lock);
	return nr;
}

/* Counts some registrations, as above. */
static void view_count(struct sockiocp_port *port, struct sockiocp_view_mark *mark,
		       unsigned int *states)
{
	struct sockiocp_registration *reg;
	unsigned int looks = 0;

	spin_lock_irq(&port->lock);
	while (!view_is_at_end(port, mark) && looks++ < LOOKS_AT_A_TIME) {
		reg = view_step(mark);
		if (reg)
			states[view_state(reg)]++;
	}
	spin_unlock_irq(&port->lock);
}

/* Has the port been counted a short time ago, so that this has to do? */
static bool view_recall(struct sockiocp_port *port, unsigned int *states)
{
	bool is_known;

	spin_lock_irq(&port->lock);
	is_known = port->nr_hooks > COUNTED_ANEW && ktime_get_ns() < port->counted_until;
	memcpy(states, port->counted, sizeof(port->counted));
	spin_unlock_irq(&port->lock);
	return is_known;
}

static void view_remember(struct sockiocp_port *port, const unsigned int *states, u64 began)
{
	u64 now = ktime_get_ns();

	spin_lock_irq(&port->lock);
	memcpy(port->counted, states, sizeof(port->counted));
	port->counted_until = now + min((now - began) * REST, REST_MAX_NS);
	spin_unlock_irq(&port->lock);
}

/* Returns 0, or -EINTR for a fatal signal. */
static int view_count_all(struct sockiocp_port *port, unsigned int *states)
{
	struct sockiocp_view_mark mark;
	u64 began = ktime_get_ns();

	BUILD_BUG_ON(ARRAY_SIZE(port->counted) != SOCKIOCP_STATE_DISABLED + 1);
	if (view_recall(port, states))
		return 0;
	memset(states, 0, sizeof(port->counted));
	sockiocp_view_begin(port, &mark);
	while (mark.left && !fatal_signal_pending(current)) {
		view_count(port, &mark, states);
		cond_resched();
	}
	sockiocp_view_end(port, &mark);
	if (mark.left)
		return -EINTR;
	view_remember(port, states, began);
	return 0;
}

/**
 * sockiocp_view_totals - what a port holds, and who waits for it
 * @port: the port
 * @totals: where to
 *
 * Registrations are counted one by one, since nothing that is done often counts them; so
 * how many are armed, queued and disabled is not of one moment.  If there are many it may
 * be what was told before: netlink answers under a lock of all its families, as many
 * questions in a row as a buffer has room for, and counting for them is not to take more
 * than a hundredth of the time.
 *
 * Return: 0, or -EINTR for a fatal signal.
 */
int sockiocp_view_totals(struct sockiocp_port *port, struct sockiocp_view_totals *totals)
{
	unsigned int states[SOCKIOCP_STATE_DISABLED + 1];
	int error = view_count_all(port, states);

	if (error)
		return error;
	totals->armed = states[SOCKIOCP_STATE_ARMED];
	totals->queued = states[SOCKIOCP_STATE_QUEUED];
	totals->disabled = states[SOCKIOCP_STATE_DISABLED];
	spin_lock_irq(&port->lock);
	sockiocp_ring_settle(port);
	totals->registrations = port->nr_hooks - port->nr_endpoints;
	totals->endpoints = port->nr_endpoints;
	totals->operations = port->nr_operations;
	totals->packets = port->nr_packets;
	totals->delivered = port->delivered;
	totals->workers = port->nr_workers;
	totals->waiters = port->nr_waiters;
	totals->closed = port->closed;
	spin_unlock_irq(&port->lock);
	totals->active = atomic_read(&port->active);
	totals->concurrency = sockiocp_port_concurrency(port);
	return 0;
}

static void view_show_registration(const struct sockiocp_view_registration *view,
				   struct seq_file *m)
{
	static const char * const kinds[] = {
		[SOCKIOCP_TCP] = "tcp",
		[SOCKIOCP_MPTCP] = "mptcp",
		[SOCKIOCP_VSOCK] = "vsock",
		[SOCKIOCP_UNIX_STREAM] = "unix-stream",
		[SOCKIOCP_UDP] = "udp",
		[SOCKIOCP_UNIX_DGRAM] = "unix-dgram",
	};
	static const char * const states[] = {
		[SOCKIOCP_STATE_ARMED] = "armed",
		[SOCKIOCP_STATE_QUEUED] = "queued",
		[SOCKIOCP_STATE_DISABLED] = "disabled",
	};

	seq_printf(m, "socket:\tino:%lu kind:%s key:%llx filter:%x trigger:%x state:%s\n",
		   (unsigned long)SOCK_INODE(sockiocp_registration_socket(view->reg))->i_ino,
		   kinds[view->reg->hook.kind], view->key, view->filter, view->trigger,
		   states[view->state]);
}

/* A line for each of the first registrations. */
static void view_show_registrations(struct sockiocp_port *port, struct seq_file *m)
{
	struct sockiocp_view_registration views[4];
	struct sockiocp_view_mark mark;
	unsigned int lines = 0, nr, i;

	sockiocp_view_begin(port, &mark);
	while (mark.left && lines < LINES && !seq_has_overflowed(m)) {
		nr = sockiocp_view_next(port, &mark, views, ARRAY_SIZE(views));
		for (i = 0; i < nr; i++) {
			view_show_registration(&views[i], m);
			sockiocp_registration_put(views[i].reg);
		}
		lines += nr;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	sockiocp_view_end(port, &mark);
}

/**
 * sockiocp_view_show - what /proc/PID/fdinfo/FD tells of a port
 * @port: the port
 * @m: where to
 */
void sockiocp_view_show(struct sockiocp_port *port, struct seq_file *m)
{
	struct sockiocp_view_totals totals;

	if (sockiocp_view_totals(port, &totals))
		return;
	seq_printf(m, "id:\t%u\n", port->id);
	seq_printf(m, "registrations:\t%u\n", totals.registrations);
	seq_printf(m, "armed:\t%u\n", totals.armed);
	seq_printf(m, "queued:\t%u\n", totals.queued);
	seq_printf(m, "disabled:\t%u\n", totals.disabled);
	seq_printf(m, "endpoints:\t%u\n", totals.endpoints);
	seq_printf(m, "operations:\t%u\n", totals.operations);
	seq_printf(m, "packets:\t%u\n", totals.packets);
	seq_printf(m, "delivered:\t%llu\n", totals.delivered);
	seq_printf(m, "waiters:\t%u\n", totals.waiters);
	seq_printf(m, "workers:\t%u\n", totals.workers);
	seq_printf(m, "active:\t%u\n", totals.active);
	seq_printf(m, "concurrency:\t%u\n", totals.concurrency);
	view_show_registrations(port, m);
}
