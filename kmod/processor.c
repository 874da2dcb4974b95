// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Processors that come online: a port that may use all of them has one slot more.
 */
#include "sockiocp.h"

#include <linux/cpuhotplug.h>

static void processor_release_waiters(struct sockiocp_port *port)
{
	spin_lock_irq(&port->lock);
	sockiocp_waiting_release(port, SOCKIOCP_WAKE_CONCURRENCY);
	spin_unlock_irq(&port->lock);
}

/*
 * A port that may use all processors has one slot more.  One that is opened meanwhile
 * knows of the processor, or is met here: either will do.
 */
static void processor_tell_ports(struct work_struct *work)
{
	sockiocp_directory_for_each(processor_release_waiters);
}

static DECLARE_WORK(processor_work, processor_tell_ports);
static enum cpuhp_state processor_state;

/* Others wait for this: a port for each of a lot of users is looked at elsewhere. */
static int processor_is_online(unsigned int cpu)
{
	queue_work(sockiocp_wq, &processor_work);
	return 0;
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
