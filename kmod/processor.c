// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Processors that come online: a port that may use all of them has one slot more.
 */
#include "sockiocp.h"

#include <linux/cpuhotplug.h>

/* All ports, and how many. */
static DEFINE_SPINLOCK(ports_lock);
static LIST_HEAD(ports);
static unsigned int nr_ports;

/* The first port, which goes behind all others and is the caller's to put; or NULL. */
static struct sockiocp_port *processor_next_port(void)
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
static void processor_release_waiters(struct work_struct *work)
{
	unsigned int looks = READ_ONCE(nr_ports);
	struct sockiocp_port *port;

	while (looks-- && (port = processor_next_port())) {
		spin_lock_irq(&port->lock);
		sockiocp_waiting_release(port);
		spin_unlock_irq(&port->lock);
		sockiocp_port_put(port);
		cond_resched();
	}
}

static DECLARE_WORK(processor_work, processor_release_waiters);
static enum cpuhp_state processor_state;

/* Others wait for this: a port for each of a lot of users is looked at elsewhere. */
static int processor_is_online(unsigned int cpu)
{
	queue_work(sockiocp_wq, &processor_work);
	return 0;
}

/**
 * sockiocp_processor_add_port - a port begins
 * @port: the port, which sockiocp_processor_forget_port() ends
 */
void sockiocp_processor_add_port(struct sockiocp_port *port)
{
	spin_lock(&ports_lock);
	list_add_tail(&port->all_ports, &ports);
	WRITE_ONCE(nr_ports, nr_ports + 1);
	spin_unlock(&ports_lock);
}

/**
 * sockiocp_processor_forget_port - a port ends
 * @port: the port
 */
void sockiocp_processor_forget_port(struct sockiocp_port *port)
{
	spin_lock(&ports_lock);
	list_del(&port->all_ports);
	WRITE_ONCE(nr_ports, nr_ports - 1);
	spin_unlock(&ports_lock);
}

int sockiocp_processor_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "sockiocp:online",
					      processor_is_online, NULL);

	if (state < 0)
		return state;
	processor_state = state;
	return 0;
}

void sockiocp_processor_exit(void)
{
	cpuhp_remove_state_nocalls(processor_state);
	cancel_work_sync(&processor_work);
}
