// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Looking for closed sockets: a registration does not keep its socket's file, and
 * nobody tells that the last descriptor was closed.  So registrations are looked at,
 *
 *   two for each new one		of the same port, by the call that registers
 *   up to SWEEP_LOOKS			of a user who is at the limit, by the call that
 *					would go beyond it
 *   REAPER_LOOKS now and then		of all users, by a work of the module's
 *
 * and those whose sockets are closed are ended.  All of this may go on at the same time:
 * nobody waits for another one here for longer than a chunk of a port, or a step in a
 * list.  What is looked at stays there by references, not by locks.
 *
 * In a port, the registrations are a ring, and a mark tells which come next.  The ports of
 * a user are a ring, too: the first one is looked at and goes to the end.  So are the users,
 * which makes it fair: a user with many ports, or a port with many registrations, waits
 * longer than others.
 */
#include "hook.h"
#include "insides.h"
#include "registration.h"
#include "trace.h"

#include <linux/minmax.h>
#include <linux/sched/signal.h>

/* How many registrations a new one looks at. */
#define PASSING_LOOKS		2
/* How many a call beyond the limit looks at. */
#define SWEEP_LOOKS		4096
/*
 * How many are looked at when nobody calls, and how often: less and less for as long as
 * nothing is found.
 */
#define REAPER_LOOKS		4096
#define INTERVAL_MIN		(2 * HZ)
#define INTERVAL_MAX		(64 * HZ)

/*
 * Guards the following and what accounts and ports have for the reaper.  Only ever held
 * for a step, with no other lock but those of work queues and timers inside.
 */
static DEFINE_SPINLOCK(reaper_lock);
/* Users with ports with registrations, through &struct sockiocp_account.reaper_node. */
static LIST_HEAD(users);
static unsigned int nr_users;
/* Until the next look; 0 if none will come, since there are no registrations. */
static unsigned long interval;

static void reaper_work(struct work_struct *work);
/* Deferrable: an idle machine is not woken for it. */
static DECLARE_DEFERRABLE_WORK(reaper, reaper_work);

/* ------------------------------------------------------------ looking at a port */

/* How many marks of others are gone past for each look. */
#define MARKS_PER_LOOK	64

/* Hooks whose sockets are closed, each with a reference; and marks that were gone past. */
struct closed {
	struct sockiocp_hook *hooks[SOCKIOCP_CHUNK];
	unsigned int nr;
	unsigned int marks;
};

/*
 * Look at the next registrations of the ring, not more than @looks nor those of a
 * chunk, and none twice.  Returns how many that were.  Marks of others are no look, or who
 * has many would keep the reaper from its work; but there are not more of these in a chunk,
 * so that the lock is not held for longer.  The port's own mark is not come to, since there
 * are not more looks than hooks.
 */
static unsigned int reaper_find_closed(struct sockiocp_port *port, unsigned int looks,
				       struct closed *closed)
{
	struct list_head *at = &port->reaper_mark.port_node;
	struct sockiocp_hook *hook;
	unsigned int looked = 0;

	closed->nr = 0;
	closed->marks = 0;
	spin_lock_irq(&port->lock);
	looks = min3(looks, port->nr_hooks, (unsigned int)SOCKIOCP_CHUNK);
	/* Inside the lock: with PREEMPT_RT that is waited for asleep, and RCU would wait, too. */
	rcu_read_lock();
	while (looked < looks && closed->marks < SOCKIOCP_CHUNK) {
		at = at->next;
		if (at == &port->hooks)
			continue;
		hook = list_entry(at, struct sockiocp_hook, port_node);
		if (unlikely(sockiocp_hook_is_mark(hook))) {
			closed->marks++;
			continue;
		}
		looked++;
		if (unlikely(sockiocp_socket_is_closed(sockiocp_hook_socket(hook)))) {
			refcount_inc(&hook->refs);
			closed->hooks[closed->nr++] = hook;
		}
	}
	if (looked || closed->marks)
		list_move(&port->reaper_mark.port_node, at);
	rcu_read_unlock();
	spin_unlock_irq(&port->lock);
	return looked;
}

/*
 * Look at so many registrations of a port, in turn, and end those whose sockets are
 * closed.  Ends early for a fatal signal.  Returns whether there were any.
 */
static noinline_for_stack
bool reaper_look_at_port(struct sockiocp_port *port, unsigned int looks)
{
	struct sockiocp_memories freed __uninitialized;
	struct closed closed __uninitialized;
	unsigned int looked, marks = 0, i;
	bool found = false;

	freed.nr = 0;

	while (looks && marks / MARKS_PER_LOOK <= looks) {
		looked = reaper_find_closed(port, looks, &closed);
		found |= closed.nr;
		for (i = 0; i < closed.nr; i++) {
			trace_sockiocp_reap(port, closed.hooks[i]);
			sockiocp_hook_end_many(closed.hooks[i], &freed);
		}
		if (!looked && !closed.marks)
			break;
		looks -= looked;
		marks += closed.marks;
		if (looked == SOCKIOCP_CHUNK || closed.marks) {
			if (fatal_signal_pending(current))
				break;
			cond_resched();
		}
	}
	sockiocp_registration_free_memories(&freed);
	return found;
}

/* --------------------------------------------------------- the lists, and when */

/* From now on the reaper looks soon, whether it has found anything lately or not. */
static void reaper_hurry(void)
{
	lockdep_assert_held(&reaper_lock);

	if (interval == INTERVAL_MIN)
		return;
	interval = INTERVAL_MIN;
	mod_delayed_work(sockiocp_wq, &reaper, interval);
}

static void reaper_list_port(struct sockiocp_port *port)
{
	struct sockiocp_account *account = port->account;

	lockdep_assert_held(&reaper_lock);

	if (!list_empty(&port->reaper_node))
		return;
	/* The list keeps its memory. */
	sockiocp_port_get(port);
	list_add_tail(&port->reaper_node, &account->reaper_ports);
	if (!account->nr_reaper_ports) {
		list_add_tail(&account->reaper_node, &users);
		WRITE_ONCE(nr_users, nr_users + 1);
	}
	WRITE_ONCE(account->nr_reaper_ports, account->nr_reaper_ports + 1);
	reaper_hurry();
}

/* Returns whether it was listed: then the reference of the list is the caller's. */
static bool reaper_unlist_port(struct sockiocp_port *port)
{
	struct sockiocp_account *account = port->account;

	lockdep_assert_held(&reaper_lock);

	if (list_empty(&port->reaper_node))
		return false;
	list_del_init(&port->reaper_node);
	WRITE_ONCE(account->nr_reaper_ports, account->nr_reaper_ports - 1);
	if (!account->nr_reaper_ports) {
		list_del_init(&account->reaper_node);
		WRITE_ONCE(nr_users, nr_users - 1);
	}
	return true;
}

/*
 * Whoever adds the first registration comes to sockiocp_reaper_watch() afterwards, which
 * takes the lock: so either it is seen here, or the port is put on the list again there.
 */
static void reaper_unlist_if_empty(struct sockiocp_port *port)
{
	bool was_listed;

	spin_lock(&reaper_lock);
	was_listed = !READ_ONCE(port->nr_hooks) && reaper_unlist_port(port);
	spin_unlock(&reaper_lock);
	if (was_listed)
		sockiocp_port_put(port);
}

/* The port of a user whose turn it is, or NULL.  With a reference. */
static struct sockiocp_port *reaper_next_port(struct sockiocp_account *account)
{
	struct sockiocp_port *port;

	spin_lock(&reaper_lock);
	port = list_first_entry_or_null(&account->reaper_ports, struct sockiocp_port,
					reaper_node);
	if (port) {
		list_move_tail(&port->reaper_node, &account->reaper_ports);
		sockiocp_port_get(port);
	}
	spin_unlock(&reaper_lock);
	return port;
}

/* Any port of the user whose turn it is, or NULL.  Its reference keeps the account, too. */
static struct sockiocp_port *reaper_next_user(void)
{
	struct sockiocp_account *account;
	struct sockiocp_port *port = NULL;

	spin_lock(&reaper_lock);
	account = list_first_entry_or_null(&users, struct sockiocp_account, reaper_node);
	if (account) {
		list_move_tail(&account->reaper_node, &users);
		port = list_first_entry(&account->reaper_ports, struct sockiocp_port,
					reaper_node);
		sockiocp_port_get(port);
	}
	spin_unlock(&reaper_lock);
	return port;
}

/*
 * Look at registrations of a user, at each once at most.  Returns how many of @looks are
 * left; a port without a registration costs one, too.
 */
static unsigned int reaper_look_at_user(struct sockiocp_account *account, unsigned int looks,
					bool *found)
{
	unsigned int ports = READ_ONCE(account->nr_reaper_ports), nr;
	struct sockiocp_port *port;

	while (looks && ports-- && !fatal_signal_pending(current)) {
		port = reaper_next_port(account);
		if (!port)
			break;
		nr = min(READ_ONCE(port->nr_hooks), looks);
		*found |= reaper_look_at_port(port, nr);
		if (!READ_ONCE(port->nr_hooks))
			reaper_unlist_if_empty(port);
		sockiocp_port_put(port);
		looks -= max(nr, 1U);
		cond_resched();
	}
	return looks;
}

/* The memory of closed sockets comes back even if nobody calls any more. */
static void reaper_work(struct work_struct *work)
{
	unsigned int looks = REAPER_LOOKS, n = READ_ONCE(nr_users);
	struct sockiocp_port *port;
	bool found = false;

	while (looks && n--) {
		port = reaper_next_user();
		if (!port)
			break;
		looks = reaper_look_at_user(port->account, looks, &found);
		sockiocp_port_put(port);
	}

	spin_lock(&reaper_lock);
	if (list_empty(&users))
		interval = 0;
	else if (found)
		interval = INTERVAL_MIN;
	else
		interval = min(2 * interval, (unsigned long)INTERVAL_MAX);
	if (interval)
		queue_delayed_work(sockiocp_wq, &reaper, interval);
	spin_unlock(&reaper_lock);
}

/* ------------------------------------------------------------------- the API */

/**
 * sockiocp_reaper_watch - a port has got its first registration
 * @port: the port, whose file the caller has
 */
void sockiocp_reaper_watch(struct sockiocp_port *port)
{
	spin_lock(&reaper_lock);
	reaper_list_port(port);
	spin_unlock(&reaper_lock);
}

/**
 * sockiocp_reaper_forget - the file of a port is about to go, or an endpoint has left it
 * @port: the port
 *
 * A port with endpoints is looked at as long as it has any.  And somebody may be looking
 * at it, and has a reference, to its memory and so to its account, for as long.
 */
void sockiocp_reaper_forget(struct sockiocp_port *port)
{
	reaper_unlist_if_empty(port);
}

/**
 * sockiocp_reaper_pass - look for closed sockets in passing
 * @port: the port
 * @created: how many registrations were made since
 *
 * So what closed sockets leave behind does not grow while a program opens others.
 */
void sockiocp_reaper_pass(struct sockiocp_port *port, unsigned int created)
{
	reaper_look_at_port(port, created * PASSING_LOOKS);
}

/**
 * sockiocp_reaper_sweep - a user is at the limit: look for what closed sockets hold
 * @account: the user; the caller has a port of it
 *
 * Return: whether there was anything.  If not, there may be something still, where the
 * user has more than SWEEP_LOOKS registrations or others look at the same time: the next
 * call goes on from here, and so does the reaper.
 */
bool sockiocp_reaper_sweep(struct sockiocp_account *account)
{
	bool found = false;

	reaper_look_at_user(account, SWEEP_LOOKS, &found);
	if (!found) {
		spin_lock(&reaper_lock);
		if (account->nr_reaper_ports)
			reaper_hurry();
		spin_unlock(&reaper_lock);
	}
	return found;
}

static void reaper_drop_endpoints(struct sockiocp_port *port)
{
	struct sockiocp_hook *hook;

	for (;;) {
		spin_lock_irq(&port->lock);
		/* Nobody goes through the ring any more: the reaper's is the only mark. */
		list_move_tail(&port->reaper_mark.port_node, &port->hooks);
		hook = list_first_entry(&port->hooks, struct sockiocp_hook, port_node);
		if (sockiocp_hook_is_mark(hook))
			hook = NULL;
		else
			refcount_inc(&hook->refs);
		spin_unlock_irq(&port->lock);
		if (!hook)
			return;
		sockiocp_hook_kill(hook);
		sockiocp_hook_put(hook);
		cond_resched();
	}
}

/*
 * The module goes: no port has a file any more.  Endpoints do not keep it, or a program
 * that has closed its port but not its sockets would.
 */
void sockiocp_reaper_exit(void)
{
	struct sockiocp_port *port;

	cancel_delayed_work_sync(&reaper);
	while ((port = reaper_next_user())) {
		reaper_drop_endpoints(port);
		reaper_unlist_if_empty(port);
		sockiocp_port_put(port);
	}
}
