// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Home ports: by which a process submits operations.  Whose a port is, and what becomes of
 * operations when that process is gone, or has closed a socket without a word.
 *
 * A process is known by its number (struct pid) and by how many times it has called exec:
 * that pins none of its memory, and a program does not inherit the operations of the one
 * before it.
 *
 * While any operations pend, a work looks at them every few seconds, home port by home
 * port: a process that is gone may have left a descriptor of its port to another one, and
 * close() tells nobody.
 */
#include "hook.h"
#include "insides.h"
#include "mirror.h"

#include <linux/pid.h>
#include <linux/sched/signal.h>

#define INTERVAL	(2 * HZ)
/* For how long who was told that something is ready holds others, if it does not go on. */
#define HELD		(HZ / 2)
/* Once a process is gone that was told.  That it was told before is two ticks of rounding. */
#define SOON		(HELD + 2)
/* How many operations are looked at each time, of all ports together. */
#define LOOKS		(1U << 16)

/* Guards the list of home ports. */
static DEFINE_SPINLOCK(homes_lock);
static LIST_HEAD(homes);
static unsigned int nr_homes;

static void home_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(look, home_work);
static DECLARE_DELAYED_WORK(look_soon, home_work);
/* A process has died since @look_soon was queued, perhaps: what it holds is too young then. */
static bool look_again;

/**
 * sockiocp_home_claim - a port is about to be submitted by
 * @port: the port, whose file the caller has
 *
 * Whoever begins to wait looks under the lock of the port, see waiting_begin(): so no
 * thread of another process waits at a home port.
 *
 * Return: 0 if it is the home port of the calling process, from now on if not before;
 * -EXDEV if it is that of another one, or of the program that this process ran before.
 */
int sockiocp_home_claim(struct sockiocp_port *port)
{
	bool is_new = false;

	if (likely(READ_ONCE(port->home_of)))
		return sockiocp_port_is_home_of_caller(port) ? 0 : -EXDEV;
	spin_lock_irq(&port->lock);
	if (!port->home_of) {
		port->home_exec_id = current->self_exec_id;
		/* Pairs with sockiocp_port_is_home_of_caller(). */
		smp_store_release(&port->home_of, get_pid(task_tgid(current)));
		is_new = true;
	}
	spin_unlock_irq(&port->lock);
	if (is_new) {
		/* The list keeps its memory. */
		sockiocp_port_get(port);
		spin_lock(&homes_lock);
		list_add_tail(&port->home_node, &homes);
		WRITE_ONCE(nr_homes, nr_homes + 1);
		spin_unlock(&homes_lock);
		/* Nothing that others may read tells them that. */
		sockiocp_mirror_end(port);
		/* Threads of others go away with -EXDEV. */
		sockiocp_waiting_disturb(port, NULL);
	}
	return sockiocp_port_is_home_of_caller(port) ? 0 : -EXDEV;
}

/* ------------------------------------------------------ walking through operations */

/**
 * struct walk - what to do with which operations
 * @concerns: whether something is to be done about the socket of an operation; not to sleep
 * @act: does it
 * @args: for @act
 */
struct walk {
	bool (*concerns)(const struct sockiocp_operation *op);
	void (*act)(struct sockiocp_endpoint *endpoint, struct sockiocp_cancel *args);
	struct sockiocp_cancel *args;
};

/* Endpoints that something has to be done about; each with a reference. */
struct found {
	struct sockiocp_endpoint *endpoints[SOCKIOCP_CHUNK];
	unsigned int nr;
};

/* Looks at the next operations of a port, those of a chunk.  Returns how many these are. */
static unsigned int home_find(struct sockiocp_port *port, const struct walk *walk,
			      struct found *found)
{
	struct sockiocp_operation *op;
	struct list_head *last = NULL;
	unsigned int looked = 0;

	found->nr = 0;
	spin_lock_irq(&port->lock);
	/* Inside the lock, as in reaper_find_closed(). */
	rcu_read_lock();
	list_for_each_entry(op, &port->operations, home_node) {
		if (looked == SOCKIOCP_CHUNK)
			break;
		looked++;
		last = &op->home_node;
		if (walk->concerns(op)) {
			refcount_inc(&op->endpoint->hook.refs);
			found->endpoints[found->nr++] = op->endpoint;
		}
	}
	if (last && !list_is_last(last, &port->operations))
		list_bulk_move_tail(&port->operations, port->operations.next, last);
	rcu_read_unlock();
	spin_unlock_irq(&port->lock);
	return looked;
}

/*
 * Needs port->walking, since those that were looked at go to the end of the ring: so each that
 * is there at the beginning is looked at once.  It ends early after so many looks, or if the
 * thread is killed.  Returns how many there were.
 */
static unsigned int home_walk(struct sockiocp_port *port, const struct walk *walk,
			      unsigned int looks)
{
	unsigned int left = min(READ_ONCE(port->nr_operations), looks), looked, i, total = 0;
	struct found found;

	while (total < left && !fatal_signal_pending(current)) {
		looked = home_find(port, walk, &found);
		for (i = 0; i < found.nr; i++) {
			walk->act(found.endpoints[i], walk->args);
			sockiocp_endpoint_put(found.endpoints[i]);
		}
		if (!looked)
			break;
		total += looked;
		cond_resched();
	}
	return total;
}

/* ------------------------------------------------- closed sockets, held listeners */

/*
 * Its socket is closed; or a POLL_IN has told a process that connections can be accepted, and
 * that has probably died since, while others wait for their turn.  One that is alive is given
 * the time to accept.
 */
static bool home_has_to_do(const struct sockiocp_operation *op)
{
	const struct sockiocp_endpoint *endpoint = op->endpoint;

	return sockiocp_socket_is_closed(sockiocp_hook_socket(&endpoint->hook)) ||
	       sockiocp_direction_is_held(&endpoint->directions[0], HELD) ||
	       sockiocp_direction_is_held(&endpoint->directions[1], HELD);
}

static void home_do(struct sockiocp_endpoint *endpoint, struct sockiocp_cancel *args)
{
	if (sockiocp_hook_is_closed(&endpoint->hook))
		sockiocp_hook_kill(&endpoint->hook);
	else
		sockiocp_endpoint_end_holds(endpoint, HELD);
}

/* Looks at so many operations of a port at most.  Returns how many these are. */
static unsigned int home_look(struct sockiocp_port *port, unsigned int looks)
{
	static const struct walk walk = { .concerns = home_has_to_do, .act = home_do };
	unsigned int looked;

	/* The next time, then: a port does not keep others waiting. */
	if (!mutex_trylock(&port->walking))
		return 0;
	looked = home_walk(port, &walk, looks);
	mutex_unlock(&port->walking);
	return looked;
}

/* ---------------------------------------------------------------- ending threads */

static bool home_is_of_thread(const struct sockiocp_operation *op)
{
	return op->thread == task_pid_nr(current) && op->flags & SOCKIOCP_SUBMIT_OF_THREAD;
}

static void home_cancel(struct sockiocp_endpoint *endpoint, struct sockiocp_cancel *args)
{
	args->cancelled += sockiocp_cancel_operations(endpoint, args);
}

/**
 * sockiocp_home_end_thread - SOCKIOCP_CANCEL_END_OF_THREAD
 * @port: the port of the call
 * @args: its arguments; cancelled is set
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_home_end_thread(struct sockiocp_port *port, struct sockiocp_cancel *args)
{
	const struct walk walk = {
		.concerns = home_is_of_thread, .act = home_cancel, .args = args,
	};

	if (args->socket || args->overlapped)
		return -EINVAL;
	if (!READ_ONCE(port->home_of))
		return 0;
	if (!sockiocp_port_is_home_of_caller(port))
		return -EXDEV;
	if (mutex_lock_killable(&port->walking))
		return -EINTR;
	home_walk(port, &walk, UINT_MAX);
	mutex_unlock(&port->walking);
	return 0;
}

/* ---------------------------------------------------------------- gone processes */

static bool home_is_gone(const struct sockiocp_port *port)
{
	const struct task_struct *task;
	bool is_gone;

	rcu_read_lock();
	task = pid_task(port->home_of, PIDTYPE_TGID);
	is_gone = !task || !atomic_read(&task->signal->live) ||
		  READ_ONCE(task->self_exec_id) != port->home_exec_id;
	rcu_read_unlock();
	return is_gone;
}

/* The port whose turn it is, with a reference, or NULL. */
static struct sockiocp_port *home_next(void)
{
	struct sockiocp_port *port;

	spin_lock(&homes_lock);
	port = list_first_entry_or_null(&homes, struct sockiocp_port, home_node);
	if (port) {
		list_move_tail(&port->home_node, &homes);
		sockiocp_port_get(port);
	}
	spin_unlock(&homes_lock);
	return port;
}

static void home_work(struct work_struct *work)
{
	unsigned int n = READ_ONCE(nr_homes), looks = LOOKS;
	/* None keeps those of others from being looked at. */
	unsigned int share = max_t(unsigned int, LOOKS / max(n, 1U), SOCKIOCP_CHUNK);
	struct sockiocp_port *port;
	bool any = false;

	/* The port whose turn it is when there are no looks left begins the next time. */
	while (n-- && looks && (port = home_next())) {
		if (home_is_gone(port))
			sockiocp_cancel_drop_all(port);
		else
			looks -= min(looks, home_look(port, min(looks, share)));
		any |= READ_ONCE(port->nr_operations);
		sockiocp_port_put(port);
		cond_resched();
	}
	if (any || !looks)
		queue_delayed_work(sockiocp_wq, &look, INTERVAL);
	if (to_delayed_work(work) == &look_soon && xchg(&look_again, false))
		queue_delayed_work(sockiocp_wq, &look_soon, SOON);
}

/**
 * sockiocp_home_watch - an operation pends
 *
 * Either the work has yet to begin, or it is queued once more.
 */
void sockiocp_home_watch(void)
{
	/* Pairs with the test-and-clear before the work runs: that sees it, or this is late. */
	smp_mb();
	if (unlikely(!delayed_work_pending(&look)))
		queue_delayed_work(sockiocp_wq, &look, INTERVAL);
}

/* Its operations end; and somebody looks for those of others that wait for it. */
static void home_drop(struct sockiocp_port *port)
{
	sockiocp_cancel_drop_all(port);
	if (!READ_ONCE(port->told_ready))
		return;
	/* Before it is known whether the work is queued already. */
	WRITE_ONCE(look_again, true);
	queue_delayed_work(sockiocp_wq, &look_soon, SOON);
}

/**
 * sockiocp_home_leave - a process closes a descriptor of a port
 * @port: the port
 *
 * If that is because it ends, its operations end at once: others may have the port.  No
 * thread of it runs any more, or has one in its hands.
 */
void sockiocp_home_leave(struct sockiocp_port *port)
{
	if (READ_ONCE(port->home_of) && !atomic_read(&current->signal->live) &&
	    sockiocp_port_is_home_of_caller(port))
		home_drop(port);
}

/**
 * sockiocp_home_forget - the file of a port is gone
 * @port: the port, which has ended
 */
void sockiocp_home_forget(struct sockiocp_port *port)
{
	if (!port->home_of)
		return;
	home_drop(port);
	spin_lock(&homes_lock);
	list_del(&port->home_node);
	WRITE_ONCE(nr_homes, nr_homes - 1);
	spin_unlock(&homes_lock);
	sockiocp_port_put(port);
}

/* No port has a file any more. */
void sockiocp_home_exit(void)
{
	cancel_delayed_work_sync(&look_soon);
	cancel_delayed_work_sync(&look);
}
