// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Endpoints: a socket as an end of overlapped I/O.  How one is made and ends, which port it
 * is associated with, and its modes.
 *
 * A socket has one endpoint at most, whichever of its descriptors and whichever process
 * asks: the wait queue of the socket is the index, as it is for registrations.  An
 * endpoint that is not associated stands in the ring of the port by which it was made.
 *
 * Like a registration an endpoint pins the inode of its socket, not the file.  Other than
 * a registration it outlives its port, since a socket is associated once and for all: it
 * has a reference to the port's memory, and ends when its socket is found closed, or when
 * the module goes.
 */
#include "hook.h"
#include "insides.h"

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <net/sock.h>

static struct kmem_cache *endpoint_cache;

/* Nothing pends, so no wake-up matters. */
int sockiocp_endpoint_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	return 0;
}

/* ------------------------------------------------------ its beginning and its end */

static struct sockiocp_endpoint *endpoint_create(struct sockiocp_port *port,
						 struct socket *socket)
{
	struct sockiocp_endpoint *endpoint;

	/* Any other kind of socket can be associated. */
	if (sockiocp_socket_is_lent(socket) || sockiocp_socket_moves_waits(socket))
		return ERR_PTR(-EOPNOTSUPP);
	if (!sockiocp_account_charge(&port->account->endpoints,
				     &sockiocp_max_user_registrations))
		return ERR_PTR(-ENOBUFS);
	endpoint = kmem_cache_zalloc(endpoint_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!endpoint) {
		atomic_long_dec(&port->account->endpoints);
		return ERR_PTR(-ENOMEM);
	}
	init_waitqueue_func_entry(&endpoint->hook.wait, sockiocp_endpoint_wake);
	endpoint->hook.wait.flags |= WQ_FLAG_PRIORITY;
	endpoint->hook.wait.private = socket;
	endpoint->hook.state = SOCKIOCP_LIVE;
	refcount_set(&endpoint->hook.refs, 1);
	sockiocp_port_get(port);
	endpoint->hook.port = port;
	ihold(SOCK_INODE(socket));
	return endpoint;
}

/**
 * sockiocp_endpoint_free - the last reference was given back
 * @endpoint: the endpoint
 */
void sockiocp_endpoint_free(struct sockiocp_endpoint *endpoint)
{
	struct sockiocp_port *port = endpoint->hook.port;

	atomic_long_dec(&port->account->endpoints);
	iput(SOCK_INODE(sockiocp_hook_socket(&endpoint->hook)));
	kmem_cache_free(endpoint_cache, endpoint);
	sockiocp_port_put(port);
}

static struct sockiocp_endpoint *endpoint_find(struct socket *socket)
{
	struct sockiocp_hook *hook = sockiocp_hook_find(socket, sockiocp_endpoint_wake);
	struct sockiocp_endpoint *endpoint;

	if (!hook)
		return NULL;
	endpoint = container_of(hook, struct sockiocp_endpoint, hook);
	refcount_inc(&hook->refs);
	return endpoint;
}

/* Into the ring of @port; the caller has the lock of the socket's wait queue. */
static bool endpoint_enter(struct sockiocp_endpoint *endpoint, struct sockiocp_port *port)
{
	bool first;

	lockdep_assert_held(&sockiocp_hook_socket(&endpoint->hook)->wq.wait.lock);

	spin_lock(&port->lock);
	sockiocp_hook_add(&endpoint->hook);
	port->nr_endpoints++;
	first = port->nr_hooks == 1;
	spin_unlock(&port->lock);
	return first;
}

static void endpoint_leave(struct sockiocp_endpoint *endpoint)
{
	struct sockiocp_port *port = endpoint->hook.port;

	lockdep_assert_held(&sockiocp_hook_socket(&endpoint->hook)->wq.wait.lock);

	spin_lock(&port->lock);
	sockiocp_hook_remove(&endpoint->hook);
	port->nr_endpoints--;
	spin_unlock(&port->lock);
}

/**
 * sockiocp_endpoint_get - the endpoint of a socket, made if there is none
 * @port: where a new one stands
 * @socket: the socket, whose file the caller holds
 * @is_first: set if it is new, and the first hook of the port
 *
 * Return: the endpoint, with a reference; or an error: -EOPNOTSUPP for a socket of
 * AF_SMC, -ENOBUFS over the user's limit, -ENOMEM.
 */
struct sockiocp_endpoint *sockiocp_endpoint_get(struct sockiocp_port *port,
						struct socket *socket, bool *is_first)
{
	struct sockiocp_endpoint *endpoint, *new;

	*is_first = false;
	spin_lock_irq(&socket->wq.wait.lock);
	endpoint = endpoint_find(socket);
	spin_unlock_irq(&socket->wq.wait.lock);
	if (endpoint)
		return endpoint;
	new = endpoint_create(port, socket);
	if (IS_ERR(new))
		return new;

	spin_lock_irq(&socket->wq.wait.lock);
	endpoint = endpoint_find(socket);
	if (!endpoint) {
		*is_first = endpoint_enter(new, port);
		refcount_inc(&new->hook.refs);
		swap(endpoint, new);
	}
	spin_unlock_irq(&socket->wq.wait.lock);
	/* Another thread was first. */
	if (unlikely(new))
		sockiocp_endpoint_put(new);
	return endpoint;
}

/**
 * sockiocp_endpoint_kill - end an endpoint: its socket was closed, or the module goes
 * @endpoint: the caller has a reference to it; it may have ended already
 */
void sockiocp_endpoint_kill(struct sockiocp_endpoint *endpoint)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);
	bool is_live;

	spin_lock_irq(&socket->wq.wait.lock);
	is_live = endpoint->hook.state == SOCKIOCP_LIVE;
	if (is_live) {
		endpoint_leave(endpoint);
		endpoint->hook.state = SOCKIOCP_DEAD;
	}
	spin_unlock_irq(&socket->wq.wait.lock);
	if (is_live)
		sockiocp_endpoint_put(endpoint);
}

/* -------------------------------------------------------- association and modes */

/* From the ring of the port by which it was made to that of @port, and on its account. */
static int endpoint_move(struct sockiocp_endpoint *endpoint, struct sockiocp_port *port,
			 bool *is_first, struct sockiocp_port **left)
{
	lockdep_assert_held(&sockiocp_hook_socket(&endpoint->hook)->wq.wait.lock);

	/* Its own user pays for it already, and may be at the limit. */
	if (endpoint->hook.port->account != port->account) {
		if (!sockiocp_account_charge(&port->account->endpoints,
					     &sockiocp_max_user_registrations))
			return -ENOBUFS;
		atomic_long_dec(&endpoint->hook.port->account->endpoints);
	}
	endpoint_leave(endpoint);
	*left = endpoint->hook.port;
	sockiocp_port_get(port);
	endpoint->hook.port = port;
	*is_first = endpoint_enter(endpoint, port);
	return 0;
}

/**
 * sockiocp_endpoint_associate - packets of a socket's operations go to a port from now on
 * @endpoint: the socket's endpoint
 * @port: the port
 * @key: what they carry
 * @is_first: set if it is the first hook of the port
 * @left: set to the port that it has left, if it has, with a reference
 *
 * The caller holds the socket's file, so the endpoint is live.
 *
 * Return: 0; -EINVAL if it is associated already, with this port or another; -ENOBUFS
 * over the limit of the user who opened the port.
 */
int sockiocp_endpoint_associate(struct sockiocp_endpoint *endpoint,
				struct sockiocp_port *port, u64 key, bool *is_first,
				struct sockiocp_port **left)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);
	int error = 0;

	spin_lock_irq(&socket->wq.wait.lock);
	if (endpoint->associated)
		error = -EINVAL;
	else if (endpoint->hook.port != port)
		error = endpoint_move(endpoint, port, is_first, left);
	if (!error) {
		endpoint->hook.key = key;
		endpoint->associated = true;
	}
	spin_unlock_irq(&socket->wq.wait.lock);
	return error;
}

/**
 * sockiocp_endpoint_add_modes - set modes of a socket, for good
 * @endpoint: the socket's endpoint
 * @modes: SOCKIOCP_MODE_* bits
 *
 * The caller holds the socket's file, so the endpoint is live.
 */
void sockiocp_endpoint_add_modes(struct sockiocp_endpoint *endpoint, u8 modes)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);

	spin_lock_irq(&socket->wq.wait.lock);
	endpoint->modes |= modes;
	spin_unlock_irq(&socket->wq.wait.lock);
}

int __init sockiocp_endpoint_init(void)
{
	endpoint_cache = kmem_cache_create("sockiocp_endpoint", sizeof(struct sockiocp_endpoint),
					   0, SLAB_ACCOUNT, NULL);
	return endpoint_cache ? 0 : -ENOMEM;
}

void sockiocp_endpoint_exit(void)
{
	kmem_cache_destroy(endpoint_cache);
}
