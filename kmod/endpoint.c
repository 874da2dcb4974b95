// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Endpoints: a socket as an end of overlapped I/O.  How one is made and ends, which port it
 * is associated with, its modes; and the order of its operations: which is the next, in
 * which port's queue, and the wake-up.
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
#include "packet.h"

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <net/sock.h>

static struct kmem_cache *endpoint_cache;

/* ------------------------------------------------------ its beginning and its end */

static struct sockiocp_endpoint *endpoint_create(struct sockiocp_port *port,
						 struct socket *socket)
{
	int kind = sockiocp_readiness_kind(socket);
	struct sockiocp_endpoint *endpoint;

	/* Any other kind of socket can be associated. */
	if (sockiocp_socket_is_lent(socket) || sockiocp_socket_moves_waits(socket))
		return ERR_PTR(-EOPNOTSUPP);
	if (!sockiocp_account_charge(port->account, &port->account->endpoints, 1,
				     SOCKIOCP_MAX_REGISTRATIONS))
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
	INIT_LIST_HEAD(&endpoint->directions[0].operations);
	INIT_LIST_HEAD(&endpoint->directions[1].operations);
	INIT_LIST_HEAD(&endpoint->finished);
	endpoint->hook.kind = kind < 0 ? SOCKIOCP_NO_KIND : kind;
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

/**
 * sockiocp_endpoint_find - the endpoint of a socket, if there is one
 * @socket: the socket, whose file the caller holds
 *
 * Return: the endpoint, with a reference, or NULL.
 */
struct sockiocp_endpoint *sockiocp_endpoint_find(struct socket *socket)
{
	struct sockiocp_endpoint *endpoint;

	spin_lock_irq(&socket->wq.wait.lock);
	endpoint = endpoint_find(socket);
	spin_unlock_irq(&socket->wq.wait.lock);
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
	endpoint = sockiocp_endpoint_find(socket);
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
		if (!sockiocp_account_charge(port->account, &port->account->endpoints, 1,
					     SOCKIOCP_MAX_REGISTRATIONS))
			return sockiocp_account_refuse(port->account,
						       SOCKIOCP_REFUSED_ENDPOINT);
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
 * The caller holds the socket's file, so the endpoint is live; unless AF_SMC has taken the
 * socket over meanwhile.
 *
 * Return: 0; -EINVAL if it is associated already, with this port or another; -ENOBUFS
 * over the limit of the user who opened the port; -ENOTSOCK if it has ended.
 */
int sockiocp_endpoint_associate(struct sockiocp_endpoint *endpoint,
				struct sockiocp_port *port, u64 key, bool *is_first,
				struct sockiocp_port **left)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);
	int error = 0;

	spin_lock_irq(&socket->wq.wait.lock);
	if (endpoint->hook.state != SOCKIOCP_LIVE)
		error = -ENOTSOCK;
	else if (endpoint->associated)
		error = -EINVAL;
	else if (endpoint->hook.port != port)
		error = endpoint_move(endpoint, port, is_first, left);
	if (!error) {
		endpoint->hook.key = key;
		WRITE_ONCE(endpoint->associated, true);
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
	WRITE_ONCE(endpoint->modes, endpoint->modes | modes);
	spin_unlock_irq(&socket->wq.wait.lock);
}

/* ------------------------------------------------------------- its operations */

static void endpoint_assert_locked(const struct sockiocp_endpoint *endpoint)
{
	lockdep_assert_held(&sockiocp_hook_socket(&endpoint->hook)->wq.wait.lock);
}

/**
 * sockiocp_endpoint_queue - queue an operation where a thread of its process takes it
 * @op: an operation that stands in no queue, under the lock of its socket's wait queue
 * @at_home: at its home port, and not at the one that the socket is associated with
 *
 * Return: whether it is queued.  If not, its home port has ended.
 */
bool sockiocp_endpoint_queue(struct sockiocp_operation *op, bool at_home)
{
	struct sockiocp_endpoint *endpoint = op->endpoint;
	struct sockiocp_port *port = endpoint->hook.port;
	bool is_queued;

	endpoint_assert_locked(endpoint);

	/* Another process may have made it its home port: then only that one comes there. */
	if (at_home || sockiocp_operation_is_for_home(op) || READ_ONCE(port->ended) ||
	    READ_ONCE(port->home_of))
		port = op->home;
	spin_lock(&port->lock);
	is_queued = !port->ended;
	if (is_queued) {
		op->queue = port;
		WRITE_ONCE(port->nr_undone, port->nr_undone + 1);
		sockiocp_queue_add_and_wake(port, &op->packet, SOCKIOCP_SEQ_OPERATION);
		if (port != op->home)
			sockiocp_queue_note_late(port);
	}
	spin_unlock(&port->lock);
	if (is_queued)
		sockiocp_pollers_wake(port);
	else if (port != op->home)
		return sockiocp_endpoint_queue(op, true);
	return is_queued;
}

/**
 * sockiocp_endpoint_wake_first - the first operation of a direction is to be carried out
 * @direction: the direction, under the lock of its socket's wait queue
 *
 * Nothing happens if it is under way already, or the one before it is in the hands of a
 * thread.
 */
void sockiocp_endpoint_wake_first(struct sockiocp_direction *direction)
{
	struct sockiocp_operation *op;

	WRITE_ONCE(direction->held, 0);
	/* That one's packet comes first. */
	if (direction->nr_told)
		return;
	op = list_first_entry_or_null(&direction->operations, struct sockiocp_operation, node);
	if (!op)
		return;
	if (op->phase == SOCKIOCP_RUNNING) {
		direction->again = true;
	} else if (op->phase == SOCKIOCP_PENDING) {
		/* First: a thread may take it at once.  It gets no further without the lock. */
		WRITE_ONCE(op->phase, SOCKIOCP_RUNNABLE);
		if (!sockiocp_endpoint_queue(op, false))
			WRITE_ONCE(op->phase, SOCKIOCP_PENDING);
	}
}

/**
 * sockiocp_endpoint_next - SOCKIOCP_SUBMIT_NEXT: the first of each direction may go on
 * @endpoint: the endpoint
 */
void sockiocp_endpoint_next(struct sockiocp_endpoint *endpoint)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);

	spin_lock_irq(&socket->wq.wait.lock);
	sockiocp_endpoint_wake_first(&endpoint->directions[0]);
	sockiocp_endpoint_wake_first(&endpoint->directions[1]);
	spin_unlock_irq(&socket->wq.wait.lock);
}

/**
 * sockiocp_endpoint_end_holds - who was told that a socket is ready has not gone on
 * @endpoint: the endpoint
 * @most: for how long it may hold those behind, in jiffies
 */
void sockiocp_endpoint_end_holds(struct sockiocp_endpoint *endpoint, unsigned long most)
{
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);
	unsigned int i;

	spin_lock_irq(&socket->wq.wait.lock);
	for (i = 0; i < ARRAY_SIZE(endpoint->directions); i++)
		if (sockiocp_direction_is_held(&endpoint->directions[i], most))
			sockiocp_endpoint_wake_first(&endpoint->directions[i]);
	spin_unlock_irq(&socket->wq.wait.lock);
}

/**
 * sockiocp_endpoint_wake - the socket of an endpoint is woken
 * @wait: the endpoint's
 * @mode: ignored
 * @sync: ignored
 * @key: what has happened
 *
 * Called under the lock of the socket's wait queue.  interest is set, behind a full
 * barrier, before a thread that carries an operation out looks at the socket.
 */
int sockiocp_endpoint_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct sockiocp_hook *hook = container_of(wait, struct sockiocp_hook, wait);
	struct sockiocp_endpoint *endpoint =
		container_of(hook, struct sockiocp_endpoint, hook);
	__poll_t events = key_to_poll(key);

	if (!hook->interest)
		return 0;
	if (!events || events & (EPOLLERR | EPOLLHUP | EPOLLIN | EPOLLRDNORM))
		sockiocp_endpoint_wake_first(&endpoint->directions[0]);
	if (!events || events & (EPOLLERR | EPOLLHUP | EPOLLOUT | EPOLLWRNORM))
		sockiocp_endpoint_wake_first(&endpoint->directions[1]);
	return 0;
}

static void endpoint_note_interest(struct sockiocp_endpoint *endpoint)
{
	endpoint->hook.interest = !list_empty(&endpoint->directions[0].operations) ||
				  !list_empty(&endpoint->directions[1].operations);
}

/* Into the ring of its home port: there it is found if its process is gone. */
static void endpoint_come_home(struct sockiocp_operation *op)
{
	struct sockiocp_port *home = op->home;

	spin_lock(&home->lock);
	list_add_tail(&op->home_node, &home->operations);
	WRITE_ONCE(home->nr_operations, home->nr_operations + 1);
	spin_unlock(&home->lock);
}

/**
 * sockiocp_endpoint_leave_home - an operation is not found by its home port any more
 * @op: the operation, under the lock of its socket's wait queue
 */
void sockiocp_endpoint_leave_home(struct sockiocp_operation *op)
{
	struct sockiocp_port *home = op->home;

	endpoint_assert_locked(op->endpoint);

	/* It comes and leaves under that lock; under its home port's its place may change. */
	if (list_empty(&op->home_node))
		return;
	spin_lock(&home->lock);
	list_del_init(&op->home_node);
	WRITE_ONCE(home->nr_operations, home->nr_operations - 1);
	spin_unlock(&home->lock);
}

/**
 * sockiocp_endpoint_add_operation - an operation comes to its direction
 * @op: the operation, under the lock of its socket's wait queue
 *
 * Return: whether it is the first one; -ENOBUFS if there are too many, -ENOTSOCK if the
 * endpoint has ended.
 */
int sockiocp_endpoint_add_operation(struct sockiocp_operation *op)
{
	struct sockiocp_endpoint *endpoint = op->endpoint;
	struct sockiocp_direction *direction = sockiocp_operation_direction(op);
	struct socket *socket = sockiocp_hook_socket(&endpoint->hook);

	endpoint_assert_locked(endpoint);

	/* Its socket was taken over (AF_SMC, see insides.h) while this was prepared. */
	if (endpoint->hook.state != SOCKIOCP_LIVE)
		return -ENOTSOCK;
	/* One that goes before another, which is under way, is carried out beside it. */
	if (direction->nr == SOCKIOCP_MAX_PENDING)
		return -ENOBUFS;
	direction->nr++;
	endpoint_come_home(op);
	if (op->flags & SOCKIOCP_SUBMIT_FIRST)
		list_add(&op->node, &direction->operations);
	else
		list_add_tail(&op->node, &direction->operations);
	/* In front of a registration: what an operation takes need not be told. */
	if (!endpoint->hook.interest &&
	    !list_is_first(&endpoint->hook.wait.entry, &socket->wq.wait.head))
		list_move(&endpoint->hook.wait.entry, &socket->wq.wait.head);
	endpoint->hook.interest = 1;
	return direction->operations.next == &op->node;
}

/**
 * sockiocp_endpoint_hold - those behind an operation wait until it is done
 * @op: the operation, which has ended; a thread that has it is about to tell its process
 *
 * So packets of a direction are queued in the order of the calls, also if the home port's
 * thread has carried one out while others harvest.
 */
void sockiocp_endpoint_hold(struct sockiocp_operation *op)
{
	endpoint_assert_locked(op->endpoint);

	op->holds = true;
	sockiocp_operation_direction(op)->nr_told++;
}

/**
 * sockiocp_endpoint_let_go_on - an operation that holds others is done
 * @direction: its direction, under the lock of its socket's wait queue
 */
void sockiocp_endpoint_let_go_on(struct sockiocp_direction *direction)
{
	direction->nr_told--;
	if (!direction->held)
		sockiocp_endpoint_wake_first(direction);
}

/* It has ended, and does not stand in its direction any more. */
static void endpoint_go_on_without(struct sockiocp_operation *op, bool wake)
{
	struct sockiocp_direction *direction = sockiocp_operation_direction(op);

	WRITE_ONCE(op->phase, SOCKIOCP_FINISHED);
	direction->again = false;
	endpoint_note_interest(op->endpoint);
	WRITE_ONCE(direction->held, wake ? 0 : jiffies | 1);
	if (wake)
		sockiocp_endpoint_wake_first(direction);
}

/**
 * sockiocp_endpoint_finish_operation - an operation has ended: others go on
 * @op: the operation, under the lock of its socket's wait queue
 * @wake: whether the next one is woken, or held until its process says so
 */
void sockiocp_endpoint_finish_operation(struct sockiocp_operation *op, bool wake)
{
	endpoint_assert_locked(op->endpoint);

	list_move_tail(&op->node, &op->endpoint->finished);
	endpoint_go_on_without(op, wake);
}

/**
 * sockiocp_endpoint_remove_operation - an operation is done, dropped, or has ended in its call
 * @op: the operation, under the lock of its socket's wait queue; it may stand nowhere
 */
void sockiocp_endpoint_remove_operation(struct sockiocp_operation *op)
{
	endpoint_assert_locked(op->endpoint);

	if (list_empty(&op->node))
		return;
	sockiocp_endpoint_leave_home(op);
	list_del_init(&op->node);
	sockiocp_operation_direction(op)->nr--;
	if (op->phase != SOCKIOCP_FINISHED)
		endpoint_go_on_without(op, true);
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
