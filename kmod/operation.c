// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations: what a process wants to be done to a socket, and to hear of when it is.
 *
 * An operation is carried out by a thread of the process that has submitted it: by
 * the call that submits it, if it can be done at once, otherwise by the harvest that
 * takes it off the queue, where the socket's wake-up has put it.  That thread has the memory
 * map, is awake anyway, and counts towards the concurrency value.  If it is another
 * process' thread that takes it, the operation goes on to the home port of its own.
 *
 * For each direction of a socket one operation at a time is carried out: the first.  It
 * ends when its result is known, which takes the lock of the socket's wait queue: cancelled,
 * carried out or closed, whichever comes first.  It is done when its process knows, and then
 * there is a packet left, or nothing.  One that was carried out holds those behind it until
 * it is done: so packets are queued in the order of the calls.  One that ends in its call, and
 * has no packet, stands among others no longer.
 */
#include "hook.h"
#include "insides.h"
#include "packet.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* How many descriptors are looked at before others may run. */
#define DESCRIPTORS_AT_A_TIME	1024U

static struct kmem_cache *operation_cache;

static struct socket *operation_socket(const struct sockiocp_operation *op)
{
	return sockiocp_hook_socket(&op->endpoint->hook);
}

/* ---------------------------------------------------- beginning and end of one */

/* References that a packet does not need. */
struct operation_references {
	const struct cred *cred;
	struct eventfd_ctx *event;
	struct sockiocp_endpoint *endpoint;
};

/* It is done: they are the caller's. */
static struct operation_references operation_detach(struct sockiocp_operation *op)
{
	struct operation_references references = {
		.cred = op->cred,
		.event = op->event,
		.endpoint = op->endpoint,
	};

	op->endpoint = NULL;
	return references;
}

/* Sleeps: the socket's inode may go with the endpoint. */
static void operation_put_references(const struct operation_references *references)
{
	if (!references->endpoint)
		return;
	put_cred(references->cred);
	if (references->event)
		eventfd_ctx_put(references->event);
	sockiocp_endpoint_put(references->endpoint);
}

/**
 * sockiocp_operation_free - an operation is over
 * @op: the operation, which stands in no queue and not among those of its socket
 */
void sockiocp_operation_free(struct sockiocp_operation *op)
{
	struct operation_references references = operation_detach(op);
	struct sockiocp_port *home = op->home;

	operation_put_references(&references);
	kfree(op->to);
	if (op->buffers != op->some)
		kvfree(op->buffers);
	atomic_long_sub(op->charged, &home->account->operations);
	kmem_cache_free(operation_cache, op);
	sockiocp_port_put(home);
}

/**
 * sockiocp_operation_alloc - an operation of which nothing is known yet
 * @home: the port by which it is submitted
 *
 * Return: the operation, or -ENOMEM, -ENOBUFS.
 */
struct sockiocp_operation *sockiocp_operation_alloc(struct sockiocp_port *home)
{
	struct sockiocp_operation *op;

	if (!sockiocp_account_charge(home->account, &home->account->operations, 1,
				     SOCKIOCP_MAX_OPERATIONS))
		return ERR_PTR(sockiocp_account_refuse(home->account,
						       SOCKIOCP_REFUSED_OPERATION));
	op = kmem_cache_zalloc(operation_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!op) {
		atomic_long_dec(&home->account->operations);
		return ERR_PTR(-ENOMEM);
	}
	sockiocp_port_get(home);
	op->home = home;
	op->charged = 1;
	op->buffers = op->some;
	op->packet.seq = SOCKIOCP_SEQ_OPERATION;
	INIT_LIST_HEAD(&op->packet.node);
	INIT_LIST_HEAD(&op->node);
	INIT_LIST_HEAD(&op->home_node);
	return op;
}

/* ------------------------------------------------------------- carrying one out */

/* What only waits, and has waited with success: the harvester does the rest. */
static bool operation_is_ready(const struct sockiocp_operation *op)
{
	return sockiocp_operation_polls(op) && !op->error;
}

/* It waits, or goes on. */
static void operation_pend(struct sockiocp_operation *op, int error)
{
	struct sockiocp_direction *direction = sockiocp_operation_direction(op);

	WRITE_ONCE(op->phase, SOCKIOCP_PENDING);
	if (!direction->again && error == -EAGAIN)
		return;
	direction->again = false;
	sockiocp_endpoint_wake_first(direction);
}

/**
 * sockiocp_operation_owes_packet - is there a packet, though it has ended in its call?
 * @op: the operation
 *
 * Return: whether there is.
 */
bool sockiocp_operation_owes_packet(const struct sockiocp_operation *op)
{
	const struct sockiocp_endpoint *endpoint = op->endpoint;

	if (!sockiocp_operation_completes(op) || !READ_ONCE(endpoint->associated) ||
	    op->flags & (SOCKIOCP_SUBMIT_TO_HOME | SOCKIOCP_SUBMIT_NO_PACKET))
		return false;
	return op->operation == SOCKIOCP_SUBMIT_RESULT ||
	       !(READ_ONCE(endpoint->modes) & SOCKIOCP_MODE_SKIP_PACKET);
}

/*
 * It has ended, and the calling thread is to tell its process.  If no packet follows none of
 * others has to wait for that.
 */
static void operation_end(struct sockiocp_operation *op, bool in_call)
{
	if (in_call && !sockiocp_operation_owes_packet(op)) {
		sockiocp_endpoint_remove_operation(op);
		return;
	}
	sockiocp_endpoint_hold(op);
	sockiocp_endpoint_finish_operation(op, !operation_is_ready(op));
}

/*
 * What became of a try; @in_call: the one in the call that submits it.  Returns whether it has
 * ended, and is the caller's.
 */
static bool operation_settle(struct sockiocp_operation *op, int error, bool in_call)
{
	struct socket *socket = operation_socket(op);
	bool goes_on = sockiocp_transfer_goes_on(error), is_dropped, has_ended = false;

	spin_lock_irq(&socket->wq.wait.lock);
	is_dropped = op->dropped;
	if (is_dropped) {
		sockiocp_endpoint_remove_operation(op);
	} else if (!goes_on) {
		op->error = error;
		has_ended = true;
		operation_end(op, in_call);
	} else if (!op->cancelled) {
		operation_pend(op, error);
	} else {
		/* Why it was, is in op->error; meanwhile it may have taken something. */
		if (op->error == -ECANCELED)
			op->error = sockiocp_operation_error_of_cancel(op);
		/* As one that pended, and has a packet. */
		has_ended = !(in_call && sockiocp_endpoint_queue(op, false));
		if (has_ended)
			operation_end(op, in_call);
		else
			sockiocp_endpoint_finish_operation(op, true);
	}
	spin_unlock_irq(&socket->wq.wait.lock);
	if (is_dropped)
		sockiocp_operation_free(op);
	return has_ended;
}

/* What an operation that polls waits for may be there already. */
static void operation_start_polling(struct sockiocp_endpoint *endpoint, struct socket *socket,
				    struct file *file, unsigned int operation)
{
	if (sockiocp_transfer_look(socket, file, endpoint->hook.kind, operation) == -EAGAIN)
		return;
	spin_lock_irq(&socket->wq.wait.lock);
	sockiocp_endpoint_wake_first(&endpoint->directions[operation & 1]);
	spin_unlock_irq(&socket->wq.wait.lock);
}

/**
 * sockiocp_operation_start - try a new operation, or let it pend
 * @op: the operation
 * @socket: its socket
 * @file: the socket's file, which the caller holds
 *
 * Return: 0 if it has ended, and @op->error says how: the caller has it; 1 if it pends, and
 * is not the caller's any more; -ENOBUFS if too many do.
 */
int sockiocp_operation_start(struct sockiocp_operation *op, struct socket *socket,
			     struct file *file)
{
	struct sockiocp_endpoint *endpoint = op->endpoint;
	unsigned int operation = op->operation;
	bool polls = sockiocp_operation_polls(op);
	int is_first;

	spin_lock_irq(&socket->wq.wait.lock);
	is_first = sockiocp_endpoint_add_operation(op);
	/* The packet of the one before it comes first: then it is woken. */
	if (is_first > 0 && sockiocp_operation_direction(op)->nr_told)
		is_first = 0;
	if (is_first >= 0) {
		op->phase = is_first && !polls ? SOCKIOCP_RUNNING : SOCKIOCP_PENDING;
		if (is_first)
			sockiocp_operation_direction(op)->again = false;
	}
	spin_unlock_irq(&socket->wq.wait.lock);
	if (is_first <= 0)
		return is_first ? is_first : 1;
	/* Pairs with skwq_has_sleeper(): either the wake-up sees it, or this the socket. */
	smp_mb();
	sockiocp_race_window();
	if (polls) {
		/* It may be over by now, so it is not touched. */
		operation_start_polling(endpoint, socket, file, operation);
		return 1;
	}
	return operation_settle(op, sockiocp_transfer_try(op, socket, file), true) ? 0 : 1;
}

/* It was taken off a queue by a thread of its process. */
enum operation_begun {
	OPERATION_IS_DROPPED,
	OPERATION_HAS_ENDED,
	OPERATION_RUNS,
};

static enum operation_begun operation_begin_run(struct sockiocp_operation *op)
{
	struct socket *socket = operation_socket(op);
	enum operation_begun begun = OPERATION_HAS_ENDED;

	spin_lock_irq(&socket->wq.wait.lock);
	if (op->dropped) {
		begun = OPERATION_IS_DROPPED;
	} else if (op->phase == SOCKIOCP_RUNNABLE) {
		begun = OPERATION_RUNS;
		WRITE_ONCE(op->phase, SOCKIOCP_RUNNING);
		sockiocp_operation_direction(op)->again = false;
	}
	spin_unlock_irq(&socket->wq.wait.lock);
	return begun;
}

/* The file of a socket by a descriptor of the calling process; NULL if that is another's. */
static struct file *operation_get_file_by(unsigned int fd, const struct socket *socket)
{
	struct file *file = fget(fd);

	if (file && sock_from_file(file) != socket) {
		fput(file);
		file = NULL;
	}
	return file;
}

/*
 * The same by any descriptor.  The one that it was submitted by is looked at first; it may
 * be closed, and a duplicate be there.
 */
static struct file *operation_get_own_file(struct sockiocp_operation *op,
					   const struct socket *socket)
{
	struct file *file = operation_get_file_by(op->fd, socket), *wanted;
	unsigned int fd = 0, end = UINT_MAX;

	while (!file && fd < end && !fatal_signal_pending(current)) {
		/* Compared, not touched; NULL when the last one is closed. */
		wanted = READ_ONCE(socket->file);
		if (!wanted)
			break;
		if (sockiocp_find_descriptor(wanted, &fd, &end, DESCRIPTORS_AT_A_TIME)) {
			file = operation_get_file_by(fd, socket);
			op->fd = fd++;
		}
		cond_resched();
	}
	return file;
}

/*
 * AF_UNIX has a garbage collector: it ends sockets that only messages have, and takes
 * messages away under whoever reads.  A reference from elsewhere is not expected there; so
 * such a file comes from a descriptor of the process, as in a system call.
 */
static struct file *operation_get_file(struct sockiocp_operation *op, struct socket *socket)
{
	if (op->endpoint->hook.kind == SOCKIOCP_UNIX_STREAM ||
	    op->endpoint->hook.kind == SOCKIOCP_UNIX_DGRAM)
		return operation_get_own_file(op, socket);
	return sockiocp_socket_get_file(socket);
}

/* One try.  The last close() may have come meanwhile: then this has the last reference. */
static int operation_try(struct sockiocp_operation *op)
{
	struct socket *socket = operation_socket(op);
	struct file *file;
	int error;

	/* As in sockiocp_operation_start(). */
	smp_mb();
	sockiocp_race_window();
	file = operation_get_file(op, socket);
	if (!file)
		return sockiocp_operation_error_of_close(op);
	error = sockiocp_transfer_try(op, socket, file);
	fput(file);
	/* If it was: who closed it ended nothing.  Each that pends ends when it is tried. */
	if (unlikely(sockiocp_hook_is_closed(&op->endpoint->hook)))
		sockiocp_endpoint_next(op->endpoint);
	return error;
}

/**
 * sockiocp_operation_run - carry out what was taken off a queue
 * @op: the operation, which stands in no queue
 * @moved: the number of bytes is added that it moves
 * @busy: set if it has to be tried again soon
 *
 * Return: whether it has ended, and is the caller's; if not it is somewhere else by now.
 */
bool sockiocp_operation_run(struct sockiocp_operation *op, u64 *moved, bool *busy)
{
	u32 progress;
	int error;

	if (!sockiocp_port_is_home_of_caller(op->home)) {
		sockiocp_operation_pass_on(op);
		return false;
	}
	switch (operation_begin_run(op)) {
	case OPERATION_IS_DROPPED:
		sockiocp_operation_free(op);
		return false;
	case OPERATION_HAS_ENDED:
		break;
	case OPERATION_RUNS:
		progress = op->progress;
		error = operation_try(op);
		*moved += op->progress - progress;
		*busy |= error == -EBUSY;
		if (!operation_settle(op, error, false))
			return false;
		break;
	}
	return true;
}

/* ---------------------------------------------------------------- what follows */

/* Where its packet goes, and with which key; NULL if it has none. */
static struct sockiocp_port *operation_target(struct sockiocp_operation *op,
					      struct sockiocp_port *harvested)
{
	const struct sockiocp_hook *hook = &op->endpoint->hook;
	bool associated = op->endpoint->associated && !(op->flags & SOCKIOCP_SUBMIT_TO_HOME);

	op->entry.completion_key = op->cookie;
	if (operation_is_ready(op)) {
		if (associated && hook->port == harvested)
			op->entry.completion_key = hook->key;
		op->entry.internal = op->cookie;
		op->entry.reserved = SOCKIOCP_PACKET_READY;
		return harvested;
	}
	if (op->flags & SOCKIOCP_SUBMIT_TO_HOME)
		return op->home;
	if (op->flags & SOCKIOCP_SUBMIT_NO_PACKET)
		return NULL;
	if (associated) {
		op->entry.completion_key = hook->key;
		return hook->port;
	}
	return op->event ? NULL : op->home;
}

/* Its packet goes to a port.  Returns false if that has ended. */
static bool operation_queue_done(struct sockiocp_operation *op, struct sockiocp_port *port)
{
	unsigned long flags;
	bool is_queued;

	spin_lock_irqsave(&port->lock, flags);
	is_queued = !port->ended;
	if (is_queued)
		sockiocp_queue_add_and_wake(port, &op->packet, SOCKIOCP_SEQ_OPERATION);
	spin_unlock_irqrestore(&port->lock, flags);
	if (is_queued)
		sockiocp_pollers_wake(port);
	return is_queued;
}

/**
 * sockiocp_operation_tell - tell its process how an operation has ended
 * @op: the operation, which has ended and stands in no queue, of the caller's process
 *
 * The result goes to its memory, and the event is signalled.
 */
void sockiocp_operation_tell(struct sockiocp_operation *op)
{
	if (operation_is_ready(op))
		return;
	sockiocp_race_window();
	sockiocp_transfer_write_result(op);
	if (op->event)
		eventfd_signal(op->event);
}

/**
 * sockiocp_operation_deliver - an operation is done: its packet goes where it belongs
 * @op: the operation, finished
 * @harvested: the port that is being harvested, or NULL
 *
 * Return: whether it is for @harvested: the caller hands it over.
 */
bool sockiocp_operation_deliver(struct sockiocp_operation *op, struct sockiocp_port *harvested)
{
	struct sockiocp_direction *direction = sockiocp_operation_direction(op);
	struct socket *socket = operation_socket(op);
	struct operation_references references;
	struct sockiocp_port *target = NULL;
	bool is_ready = operation_is_ready(op), is_for_others, is_nobodys, holds;

	spin_lock_irq(&socket->wq.wait.lock);
	if (!op->dropped)
		target = operation_target(op, harvested);
	is_for_others = target && target != harvested;
	if (is_for_others)
		sockiocp_port_get(target);
	trace_sockiocp_complete(op, op->error);
	if (is_ready)
		WRITE_ONCE(op->home->told_ready, true);
	holds = op->holds;
	sockiocp_endpoint_remove_operation(op);
	references = operation_detach(op);
	WRITE_ONCE(op->phase, SOCKIOCP_DONE);
	/* Queued it may go at once, and what it refers to with it. */
	is_nobodys = !target || (is_for_others && !operation_queue_done(op, target));
	if (holds)
		sockiocp_endpoint_let_go_on(direction);
	/* Nobody hears of it, so nobody would let the next one go on. */
	if (is_ready && !target)
		sockiocp_endpoint_wake_first(direction);
	spin_unlock_irq(&socket->wq.wait.lock);
	operation_put_references(&references);
	if (is_nobodys)
		sockiocp_operation_free(op);
	if (is_for_others)
		sockiocp_port_put(target);
	return target && !is_for_others;
}

/**
 * sockiocp_operation_forget - an operation has ended in the call that submits it
 * @op: the operation, which has no packet, and stands nowhere
 */
void sockiocp_operation_forget(struct sockiocp_operation *op)
{
	trace_sockiocp_complete(op, op->error);
	sockiocp_operation_free(op);
}

/**
 * sockiocp_operation_pass_on - an operation goes to the home port of its process
 * @op: the operation, which was taken off a queue, where no thread of its process comes
 */
void sockiocp_operation_pass_on(struct sockiocp_operation *op)
{
	struct sockiocp_port *home;
	struct socket *socket;
	bool is_queued;

	if (READ_ONCE(op->phase) == SOCKIOCP_DONE) {
		home = op->home;
		/* Once it is queued the operation may go, and with it the port. */
		sockiocp_port_get(home);
		op->entry.completion_key = op->cookie;
		if (!operation_queue_done(op, home))
			sockiocp_operation_free(op);
		sockiocp_port_put(home);
		return;
	}
	socket = operation_socket(op);
	spin_lock_irq(&socket->wq.wait.lock);
	is_queued = !op->dropped && sockiocp_endpoint_queue(op, true);
	if (!is_queued)
		sockiocp_endpoint_remove_operation(op);
	spin_unlock_irq(&socket->wq.wait.lock);
	if (!is_queued)
		sockiocp_operation_free(op);
}

int __init sockiocp_operation_init(void)
{
	BUILD_BUG_ON(sizeof(struct sockiocp_operation) > 256);

	operation_cache = kmem_cache_create("sockiocp_operation",
					    sizeof(struct sockiocp_operation), 0, SLAB_ACCOUNT,
					    NULL);
	return operation_cache ? 0 : -ENOMEM;
}

void sockiocp_operation_exit(void)
{
	kmem_cache_destroy(operation_cache);
}
