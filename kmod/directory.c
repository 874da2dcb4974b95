// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The directory: all ports that have a file, by number.
 *
 * A number is not given again before all others have been.  So whoever goes through the
 * ports in the order of their numbers, and lets others work in between, meets each that is
 * there all the time, once.
 */
#include "sockiocp.h"

#include <linux/xarray.h>

/* Ports, by &struct sockiocp_port.id; from 1 on. */
static DEFINE_XARRAY_ALLOC1(ports);
/* The next number; under the lock of the array. */
static u32 next_id;

/**
 * sockiocp_directory_add - a port begins
 * @port: the port, which sockiocp_directory_remove() ends
 *
 * Return: 0, or -ENOMEM.
 */
int sockiocp_directory_add(struct sockiocp_port *port)
{
	int error = xa_alloc_cyclic(&ports, &port->id, port, XA_LIMIT(1, INT_MAX), &next_id,
				    GFP_KERNEL_ACCOUNT);

	/* 1 says that the numbers begin anew. */
	return error < 0 ? error : 0;
}

/**
 * sockiocp_directory_remove - a port ends
 * @port: the port
 */
void sockiocp_directory_remove(struct sockiocp_port *port)
{
	xa_erase(&ports, port->id);
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
