// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Those who poll a port's file, by poll(), epoll or aio: they are told of each packet,
 * whether or not threads wait for it.
 */
#include "sockiocp.h"

#include <linux/poll.h>

/* How many of those who poll are woken at a time, with interrupts off. */
#define POLLERS_AT_ONCE		64

static int pollers_pass_mark(wait_queue_entry_t *mark, unsigned int mode, int sync, void *key)
{
	return 0;
}

/*
 * As wake_up_interruptible_poll(), but for so many at a time: the first ones, or those
 * behind @mark.  Returns whether there are others; then @mark stands before them.
 */
static bool pollers_wake_some(struct sockiocp_port *port, wait_queue_entry_t *mark)
{
	__poll_t events = EPOLLIN | EPOLLRDNORM | (READ_ONCE(port->closed) ? EPOLLHUP : 0);
	struct wait_queue_head *head = &port->poll_wait;
	struct list_head *before = &head->head;
	unsigned int left = POLLERS_AT_ONCE;
	wait_queue_entry_t *poller, *next;
	unsigned long flags;
	bool others = false;
	int woken;

	spin_lock_irqsave(&head->lock, flags);
	if (mark && !list_empty(&mark->entry))
		before = &mark->entry;
	poller = list_first_entry(before, wait_queue_entry_t, entry);
	if (mark)
		list_del_init(&mark->entry);
	list_for_each_entry_safe_from(poller, next, &head->head, entry) {
		/* Before it is woken: it may be gone then (aio). */
		unsigned int exclusive = poller->flags & WQ_FLAG_EXCLUSIVE;

		if (!left--) {
			others = true;
			if (mark)
				list_add_tail(&mark->entry, &poller->entry);
			break;
		}
		woken = poller->func(poller, TASK_INTERRUPTIBLE, 0, poll_to_key(events));
		if (woken < 0 || (woken && exclusive))
			break;
	}
	spin_unlock_irqrestore(&head->lock, flags);
	return others;
}

/* All of them; a poller that was woken already is woken once more, which does no harm. */
static void pollers_wake_all(struct work_struct *work)
{
	struct sockiocp_port *port = container_of(work, struct sockiocp_port, poll_work);
	wait_queue_entry_t mark;

	init_waitqueue_func_entry(&mark, pollers_pass_mark);
	INIT_LIST_HEAD(&mark.entry);
	while (pollers_wake_some(port, &mark))
		cond_resched();
}

/**
 * sockiocp_pollers_wake_first - wake those who poll the file
 * @port: the port
 *
 * Mostly by a wake-up of a socket, with interrupts off and its wait queue locked: so the
 * first ones at once, and if there are others, later.  If that is to come already, it
 * has not begun, and finds all of them.
 */
void sockiocp_pollers_wake_first(struct sockiocp_port *port)
{
	if (unlikely(pollers_wake_some(port, NULL)))
		queue_work(sockiocp_wq, &port->poll_work);
}

/**
 * sockiocp_pollers_init - nobody polls yet
 * @port: a port that is being made
 */
void sockiocp_pollers_init(struct sockiocp_port *port)
{
	init_waitqueue_head(&port->poll_wait);
	INIT_WORK(&port->poll_work, pollers_wake_all);
}

/**
 * sockiocp_pollers_forget - nobody polls any more
 * @port: a port whose registrations have ended, so that no wake-up comes
 *
 * Waits for the work if it runs, which is short then.
 */
void sockiocp_pollers_forget(struct sockiocp_port *port)
{
	cancel_work_sync(&port->poll_work);
}
