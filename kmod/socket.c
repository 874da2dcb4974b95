// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The calls about one socket: SOCKIOCP_ASSOCIATE, SOCKIOCP_SET_MODES.
 */
#include "sockiocp.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/net.h>

/*
 * The endpoint of a socket, made if there is none.  At the limit, closed sockets are looked
 * for once, as for registrations.
 */
static struct sockiocp_endpoint *socket_endpoint(struct sockiocp_port *port,
						 struct socket *socket)
{
	struct sockiocp_endpoint *endpoint;
	bool is_first;

	endpoint = sockiocp_endpoint_get(port, socket, &is_first);
	if (unlikely(endpoint == ERR_PTR(-ENOBUFS)) && sockiocp_reaper_sweep(port->account))
		endpoint = sockiocp_endpoint_get(port, socket, &is_first);
	if (is_first)
		sockiocp_reaper_watch(port);
	return endpoint;
}

/* Do something with the endpoint of a descriptor's socket. */
static long socket_with_endpoint(struct sockiocp_port *port, u64 fd,
				 long (*act)(struct sockiocp_endpoint *endpoint,
					     struct sockiocp_port *port, const void *args),
				 const void *args)
{
	struct sockiocp_endpoint *endpoint;
	struct socket *socket;
	struct fd f;
	long error;

	if (fd > INT_MAX)
		return -EBADF;
	f = fdget(fd);
	if (!fd_file(f))
		return -EBADF;
	socket = sock_from_file(fd_file(f));
	endpoint = socket ? socket_endpoint(port, socket) : ERR_PTR(-ENOTSOCK);
	if (IS_ERR(endpoint)) {
		error = PTR_ERR(endpoint);
	} else {
		error = act(endpoint, port, args);
		sockiocp_endpoint_put(endpoint);
	}
	fdput(f);
	/* As many are looked at as new ones do. */
	if (!error)
		sockiocp_reaper_pass(port, 1);
	return error;
}

static long socket_do_associate(struct sockiocp_endpoint *endpoint,
				struct sockiocp_port *port, const void *args)
{
	const struct sockiocp_association *association = args;
	struct sockiocp_port *left = NULL;
	bool is_first = false;
	int error;

	error = sockiocp_endpoint_associate(endpoint, port, association->completion_key,
					    &is_first, &left);
	if (is_first)
		sockiocp_reaper_watch(port);
	if (left) {
		/* It may be closed, and this have been its last: then nothing else counts it. */
		sockiocp_reaper_forget(left);
		sockiocp_port_put(left);
	}
	return error;
}

/**
 * sockiocp_socket_associate - SOCKIOCP_ASSOCIATE
 * @port: the port
 * @args: its arguments
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_socket_associate(struct sockiocp_port *port,
			       const struct sockiocp_association *args)
{
	if (args->flags || args->reserved)
		return -EINVAL;
	return socket_with_endpoint(port, args->socket, socket_do_associate, args);
}

static long socket_do_set_modes(struct sockiocp_endpoint *endpoint,
				struct sockiocp_port *port, const void *args)
{
	const struct sockiocp_modes *modes = args;

	sockiocp_endpoint_add_modes(endpoint, modes->modes);
	return 0;
}

/**
 * sockiocp_socket_set_modes - SOCKIOCP_SET_MODES
 * @port: the port
 * @args: its arguments
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_socket_set_modes(struct sockiocp_port *port, const struct sockiocp_modes *args)
{
	if (args->reserved || args->modes & ~SOCKIOCP_MODE_ALL)
		return -EINVAL;
	return socket_with_endpoint(port, args->socket, socket_do_set_modes, args);
}
