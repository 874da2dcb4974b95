// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The directory: all ports that have a file, by number, and who has opened them.  Those who
 * listen are told which come and go.
 *
 * A number is not given again before all others have been.  So whoever goes through the
 * ports in the order of their numbers, and lets others work in between, meets each that is
 * there all the time, once.
 */
#include "sockiocp.h"

#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sockiocp_netlink.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

/* Ports, by &struct sockiocp_port.id; from 1 on. */
static DEFINE_XARRAY_ALLOC1(ports);
/* The next number; under the lock of the array. */
static u32 next_id;
/* No port that is there has a higher one; under that lock, too. */
static u32 highest_id;

/*
 * Network namespaces have numbers here, since to remember one must not keep it, and what
 * the kernel numbers them with is not for modules, or is given again.
 */
struct directory_network {
	u64 number;
};

static unsigned int directory_network_id;

/* Those that are there, by that number. */
static DEFINE_XARRAY(networks);

static int __net_init directory_number_network(struct net *net)
{
	static atomic64_t last;
	struct directory_network *network = net_generic(net, directory_network_id);

	network->number = atomic64_inc_return(&last);
	return xa_insert(&networks, network->number, net, GFP_KERNEL_ACCOUNT);
}

static void __net_exit directory_forget_network(struct net *net)
{
	xa_erase(&networks, sockiocp_directory_network(net));
}

static struct pernet_operations directory_networks = {
	.init = directory_number_network,
	.exit = directory_forget_network,
	.id = &directory_network_id,
	.size = sizeof(struct directory_network),
};

u64 sockiocp_directory_network(struct net *net)
{
	const struct directory_network *network = net_generic(net, directory_network_id);

	return network->number;
}

/* The network with that number, with a reference, unless it is gone or about to be. */
static struct net *directory_find_network(u64 number)
{
	struct net *net;

	xa_lock(&networks);
	/* It leaves the array before its memory goes. */
	net = xa_load(&networks, number);
	if (net)
		net = maybe_get_net(net);
	xa_unlock(&networks);
	return net;
}

/* That of the port, with a reference, unless it is the first one, or gone. */
static struct net *directory_other_network(const struct sockiocp_port *port)
{
	if (port->network == sockiocp_directory_network(&init_net))
		return NULL;
	return directory_find_network(port->network);
}

/* In the first network namespace, and in that of the port. */
static void directory_announce(const struct sockiocp_port *port, u8 cmd)
{
	struct net *net = directory_other_network(port);

	sockiocp_announce_port(port, cmd, &init_net);
	if (!net)
		return;
	sockiocp_announce_port(port, cmd, net);
	put_net(net);
}

/**
 * sockiocp_directory_tell_late - packets have stood in a queue for too long
 * @port: the port, whose file is not gone yet
 * @late: how many, and how long
 */
void sockiocp_directory_tell_late(const struct sockiocp_port *port,
				  const struct sockiocp_late_packets *late)
{
	struct net *net = directory_other_network(port);

	sockiocp_announce_late(port, late, &init_net);
	if (!net)
		return;
	sockiocp_announce_late(port, late, net);
	put_net(net);
}

/**
 * sockiocp_directory_add - a port begins
 * @port: the port, which sockiocp_directory_remove() ends; the caller has opened it
 *
 * Return: 0; -ENOMEM; -EBUSY if there are as many ports as numbers.
 */
int sockiocp_directory_add(struct sockiocp_port *port)
{
	int error;

	port->network = sockiocp_directory_network(current->nsproxy->net_ns);
	port->creator = get_pid(task_tgid(current));
	get_task_comm(port->comm, current);
	error = xa_alloc_cyclic(&ports, &port->id, port, XA_LIMIT(1, INT_MAX), &next_id,
				GFP_KERNEL_ACCOUNT);
	/* 1 says that the numbers begin anew. */
	if (error < 0)
		return error;
	xa_lock(&ports);
	highest_id = max(highest_id, port->id);
	xa_unlock(&ports);
	directory_announce(port, SOCKIOCP_CMD_PORT_CREATED);
	return 0;
}

/**
 * sockiocp_directory_remove - a port ends
 * @port: the port
 */
void sockiocp_directory_remove(struct sockiocp_port *port)
{
	xa_erase(&ports, port->id);
	directory_announce(port, SOCKIOCP_CMD_PORT_CLOSED);
}

/**
 * sockiocp_directory_next - find a port by its number
 * @id: the lowest number that will do
 *
 * Return: the port with that number or the next higher one, with a reference; or NULL.
 */
struct sockiocp_port *sockiocp_directory_next(unsigned long id)
{
	struct sockiocp_port *port;

	xa_lock(&ports);
	port = xa_find(&ports, &id, ULONG_MAX, XA_PRESENT);
	/* It has the reference of its file still. */
	if (port)
		sockiocp_port_get(port);
	xa_unlock(&ports);
	return port;
}

/**
 * sockiocp_directory_for_each - go through all ports
 * @visit: is called for each, with a reference and no lock
 *
 * Those that are opened meanwhile may be left out.
 */
void sockiocp_directory_for_each(void (*visit)(struct sockiocp_port *port))
{
	struct sockiocp_port *port;
	unsigned long id = 0;

	while ((port = sockiocp_directory_next(id))) {
		visit(port);
		id = port->id + 1;
		sockiocp_port_put(port);
		cond_resched();
	}
}

/**
 * sockiocp_directory_highest - where a walk through all ports that are there can end
 *
 * Those that are opened meanwhile are behind that, until numbers begin anew.
 */
u32 sockiocp_directory_highest(void)
{
	u32 id;

	xa_lock(&ports);
	id = highest_id;
	xa_unlock(&ports);
	return id;
}

int __init sockiocp_directory_init(void)
{
	return register_pernet_subsys(&directory_networks);
}

void sockiocp_directory_exit(void)
{
	unregister_pernet_subsys(&directory_networks);
	WARN_ON_ONCE(!xa_empty(&networks));
}
