// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The calls about one socket: SOCKIOCP_ASSOCIATE, SOCKIOCP_SET_MODES, SOCKIOCP_SUBMIT,
 * SOCKIOCP_CANCEL, SOCKIOCP_CLOSE_SOCKET.
 */
#include "hook.h"
#include "insides.h"
#include "sockiocp.h"
#include "trace.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/net.h>

/* Closed sockets are looked for once, as for registrations. */
static noinline
struct sockiocp_endpoint *socket_endpoint_at_limit(struct sockiocp_port *port,
						   struct socket *socket, bool *is_first)
{
	struct sockiocp_endpoint *endpoint = ERR_PTR(-ENOBUFS);

	if (sockiocp_reaper_sweep(port->account))
		endpoint = sockiocp_endpoint_get(port, socket, is_first);
	if (endpoint == ERR_PTR(-ENOBUFS))
		sockiocp_account_refuse(port->account, SOCKIOCP_REFUSED_ENDPOINT);
	return endpoint;
}

/* The endpoint of a socket, made if there is none. */
static struct sockiocp_endpoint *socket_endpoint(struct sockiocp_port *port,
						 struct socket *socket)
{
	struct sockiocp_endpoint *endpoint;
	bool is_first;

	endpoint = sockiocp_endpoint_find(socket);
	if (endpoint)
		return endpoint;
	endpoint = sockiocp_endpoint_get(port, socket, &is_first);
	if (unlikely(endpoint == ERR_PTR(-ENOBUFS)))
		endpoint = socket_endpoint_at_limit(port, socket, &is_first);
	if (is_first)
		sockiocp_reaper_watch(port);
	/* Those who only submit come by no other way. */
	if (!IS_ERR(endpoint))
		sockiocp_reaper_pass(port, 1);
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
	/* As many are looked at as new ones do; the endpoint may have come from another port. */
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

/* ------------------------------------------------------------------ operations */

/* It has ended in the call.  Returns what the call does. */
static long socket_complete(struct sockiocp_operation *op, struct sockiocp_submit *args)
{
	int error = op->error;

	args->bytes = op->progress;
	args->message_flags = op->message_flags;
	if (sockiocp_operation_completes(op))
		sockiocp_operation_tell(op);
	/* What was decided when it ended holds; a result has not stood among others. */
	if (op->holds || (op->operation == SOCKIOCP_SUBMIT_RESULT &&
			  sockiocp_operation_owes_packet(op)))
		sockiocp_operation_deliver(op, NULL);
	else
		sockiocp_operation_forget(op);
	return error;
}

static long socket_do_submit(struct sockiocp_endpoint *endpoint, struct sockiocp_port *port,
			     struct socket *socket, struct file *file,
			     struct sockiocp_submit *args)
{
	struct sockiocp_operation *op;
	long error;

	if (args->operation == SOCKIOCP_SUBMIT_NEXT) {
		error = sockiocp_home_claim(port);
		if (!error)
			sockiocp_endpoint_next(endpoint);
		return error;
	}
	if (READ_ONCE(endpoint->modes) & SOCKIOCP_MODE_SYNCHRONOUS)
		return -ENOTBLK;
	error = sockiocp_transfer_refuse(socket, endpoint->hook.kind, args->operation);
	if (error)
		return error;
	op = sockiocp_submission_create(port, endpoint, args);
	if (IS_ERR(op))
		return PTR_ERR(op);
	/* Late: what fails before leaves the port to others. */
	error = sockiocp_home_claim(port);
	if (error) {
		sockiocp_operation_free(op);
		return error;
	}
	trace_sockiocp_submit(op);
	if (args->operation == SOCKIOCP_SUBMIT_RESULT)
		return socket_complete(op, args);
	error = sockiocp_operation_start(op, socket, file);
	if (error > 0)
		sockiocp_home_watch();
	else if (error)
		sockiocp_operation_free(op);
	else
		error = socket_complete(op, args);
	return error;
}

/* If the calling thread had the last reference to the file nobody else ends what pends. */
static void socket_end_if_closed(struct sockiocp_endpoint *endpoint)
{
	if (unlikely(sockiocp_hook_is_closed(&endpoint->hook)))
		sockiocp_hook_kill(&endpoint->hook);
}

/**
 * sockiocp_socket_submit - SOCKIOCP_SUBMIT
 * @port: the port
 * @args: its arguments; bytes and message_flags are set if it completes
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_socket_submit(struct sockiocp_port *port, struct sockiocp_submit *args)
{
	struct sockiocp_endpoint *endpoint;
	struct socket *socket;
	struct fd f;
	long error;

	if (!sockiocp_submission_is_valid(args))
		return -EINVAL;
	if (args->socket > INT_MAX)
		return -EBADF;
	f = fdget(args->socket);
	if (!fd_file(f))
		return -EBADF;
	socket = sock_from_file(fd_file(f));
	if (!socket)
		endpoint = ERR_PTR(-ENOTSOCK);
	else if (sockiocp_readiness_kind(socket) < 0)
		endpoint = ERR_PTR(-EOPNOTSUPP);
	else
		endpoint = socket_endpoint(port, socket);
	error = IS_ERR(endpoint) ? PTR_ERR(endpoint) :
				   socket_do_submit(endpoint, port, socket, fd_file(f), args);
	fdput(f);
	if (IS_ERR(endpoint))
		return error;
	socket_end_if_closed(endpoint);
	sockiocp_endpoint_put(endpoint);
	return error;
}

/* The endpoint of a descriptor's socket, NULL if it has none, or an error. */
static struct sockiocp_endpoint *socket_find_endpoint(u64 fd)
{
	struct sockiocp_endpoint *endpoint;
	struct socket *socket;
	struct fd f;

	if (fd > INT_MAX)
		return ERR_PTR(-EBADF);
	f = fdget(fd);
	if (!fd_file(f))
		return ERR_PTR(-EBADF);
	socket = sock_from_file(fd_file(f));
	endpoint = socket ? sockiocp_endpoint_find(socket) : ERR_PTR(-ENOTSOCK);
	fdput(f);
	return endpoint;
}

/**
 * sockiocp_socket_cancel - SOCKIOCP_CANCEL
 * @args: its arguments; cancelled is set
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_socket_cancel(struct sockiocp_cancel *args)
{
	struct sockiocp_endpoint *endpoint;

	if (args->flags & ~SOCKIOCP_CANCEL_OF_THREAD)
		return -EINVAL;
	endpoint = socket_find_endpoint(args->socket);
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	if (!endpoint)
		return 0;
	args->cancelled = sockiocp_cancel_operations(endpoint, args);
	sockiocp_endpoint_put(endpoint);
	return 0;
}

/**
 * sockiocp_socket_close - SOCKIOCP_CLOSE_SOCKET
 * @fd: the descriptor
 *
 * If a call of another thread uses the file at this moment, what pends is completed when
 * that is over, or when the socket is found closed.
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_socket_close(unsigned long fd)
{
	struct sockiocp_endpoint *endpoint = socket_find_endpoint(fd);
	long error;

	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	error = close_fd(fd);
	if (!endpoint)
		return error;
	socket_end_if_closed(endpoint);
	sockiocp_endpoint_put(endpoint);
	return error;
}
