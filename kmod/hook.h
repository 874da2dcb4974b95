/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Hooks: what registrations and endpoints have in common, their places on a socket's wait
 * queue and in a port's ring.
 */
#ifndef _SOCKIOCP_HOOK_H
#define _SOCKIOCP_HOOK_H

#include "insides.h"
#include "sockiocp.h"

#include <linux/net.h>

/**
 * sockiocp_hook_find - find what stands on a socket's wait queue
 * @socket: the socket; under the lock of its wait queue, which is the index
 * @func: sockiocp_registration_wake() or sockiocp_endpoint_wake(): there is at most one of
 *	either
 *
 * They stand in front of others, however many there are; but see WQ_FLAG_PRIORITY in
 * compat.h.
 *
 * Return: the hook, or NULL.
 */
static inline struct sockiocp_hook *sockiocp_hook_find(struct socket *socket,
						       wait_queue_func_t func)
{
	wait_queue_entry_t *wait;

	lockdep_assert_held(&socket->wq.wait.lock);

	list_for_each_entry(wait, &socket->wq.wait.head, entry) {
		if (wait->func == func)
			return container_of(wait, struct sockiocp_hook, wait);
		if (WQ_FLAG_PRIORITY && !(wait->flags & WQ_FLAG_PRIORITY))
			break;
	}
	return NULL;
}

/* Is it no hook, but the mark of somebody who goes through a ring? */
static inline bool sockiocp_hook_is_mark(const struct sockiocp_hook *hook)
{
	return !sockiocp_hook_socket(hook);
}

static inline struct sockiocp_registration *
sockiocp_hook_registration(struct sockiocp_hook *hook)
{
	if (hook->wait.func != sockiocp_registration_wake)
		return NULL;
	return container_of(hook, struct sockiocp_registration, hook);
}

static inline bool sockiocp_hook_is_closed(const struct sockiocp_hook *hook)
{
	bool is_closed;

	rcu_read_lock();
	is_closed = sockiocp_socket_is_closed(sockiocp_hook_socket(hook));
	rcu_read_unlock();
	return is_closed;
}

/* Puts it on its socket's wait queue and into its port's ring. */
static inline void sockiocp_hook_add(struct sockiocp_hook *hook)
{
	struct sockiocp_port *port = hook->port;

	lockdep_assert_held(&sockiocp_hook_socket(hook)->wq.wait.lock);
	lockdep_assert_held(&port->lock);

	__add_wait_queue(&sockiocp_hook_socket(hook)->wq.wait, &hook->wait);
	list_add_tail(&hook->port_node, &port->hooks);
	/* Read without the lock by those who reap. */
	WRITE_ONCE(port->nr_hooks, port->nr_hooks + 1);
}

/* From here on no wake-up reaches it: they run under the first of the locks. */
static inline void sockiocp_hook_remove(struct sockiocp_hook *hook)
{
	struct sockiocp_port *port = hook->port;

	lockdep_assert_held(&sockiocp_hook_socket(hook)->wq.wait.lock);
	lockdep_assert_held(&port->lock);

	__remove_wait_queue(&sockiocp_hook_socket(hook)->wq.wait, &hook->wait);
	list_del(&hook->port_node);
	WRITE_ONCE(port->nr_hooks, port->nr_hooks - 1);
}

struct sockiocp_memories;

void sockiocp_hook_end_many(struct sockiocp_hook *hook, struct sockiocp_memories *freed);

#endif /* _SOCKIOCP_HOOK_H */
