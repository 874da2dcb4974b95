// SPDX-License-Identifier: GPL-2.0
/*
 * What a user holds, and how much of it a user may hold.
 *
 * A port charges the user who opened it, whoever uses it later: a descriptor
 * that is passed on does not carry its charges along.
 */
#include "sockiocp.h"

#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

unsigned long sockiocp_max_user_registrations;
module_param_named(max_user_registrations, sockiocp_max_user_registrations, ulong, 0644);
MODULE_PARM_DESC(max_user_registrations,
		 "Registrations that a user may hold (default: 4 % of memory)");

unsigned long sockiocp_max_user_packets;
module_param_named(max_user_packets, sockiocp_max_user_packets, ulong, 0644);
MODULE_PARM_DESC(max_user_packets,
		 "Posted packets that a user may have queued (default: 1 % of memory)");

/* Guards the table and &struct sockiocp_account.users. */
static DEFINE_MUTEX(accounts_lock);
static DEFINE_HASHTABLE(accounts, 6);

/* Choose the limits that the administrator did not. */
void __init sockiocp_account_init(void)
{
	u64 memory = (u64)totalram_pages() << PAGE_SHIFT;
	/* A closed socket's inode, about 1 KiB, stays until it is reaped. */
	size_t cost = sizeof(struct sockiocp_registration) + SZ_1K;

	if (!sockiocp_max_user_registrations)
		sockiocp_max_user_registrations = div_u64(memory / 25, cost);
	if (!sockiocp_max_user_packets)
		sockiocp_max_user_packets =
			div_u64(memory / 100, sizeof(struct sockiocp_posted));
}

/**
 * sockiocp_account_get - open the calling user's account for a new port
 * @port: the port, not yet reachable by anybody else
 *
 * Return: the account, which sockiocp_account_put() gives back, or NULL when
 * there is no memory.
 */
struct sockiocp_account *sockiocp_account_get(struct sockiocp_port *port)
{
	struct sockiocp_account *account, *new;
	kuid_t uid = current_uid();

	/* Before the lock: one user's want of memory shall not stop others. */
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;

	mutex_lock(&accounts_lock);
	hash_for_each_possible(accounts, account, node, __kuid_val(uid)) {
		if (uid_eq(account->uid, uid))
			goto found;
	}
	account = new;
	new = NULL;
	account->uid = uid;
	INIT_LIST_HEAD(&account->ports);
	mutex_init(&account->ports_lock);
	hash_add(accounts, &account->node, __kuid_val(uid));
found:
	account->users++;
	mutex_unlock(&accounts_lock);
	kfree(new);

	/* Not under the table's lock: one user's sweep shall not stop others. */
	mutex_lock(&account->ports_lock);
	list_add(&port->account_node, &account->ports);
	mutex_unlock(&account->ports_lock);
	return account;
}

/**
 * sockiocp_account_put - undo sockiocp_account_get()
 * @port: a port that charges nothing any more
 */
void sockiocp_account_put(struct sockiocp_port *port)
{
	struct sockiocp_account *account = port->account;

	mutex_lock(&account->ports_lock);
	list_del(&port->account_node);
	mutex_unlock(&account->ports_lock);

	mutex_lock(&accounts_lock);
	if (!--account->users) {
		WARN_ON_ONCE(atomic_long_read(&account->registrations));
		WARN_ON_ONCE(atomic_long_read(&account->packets));
		hash_del(&account->node);
		kfree(account);
	}
	mutex_unlock(&accounts_lock);
}

/**
 * sockiocp_account_charge - count one more, unless that is one too many
 * @count: one of the account's counters
 * @limit: the parameter that limits it
 *
 * Return: whether it was counted.  Several tasks that charge at once may see
 * each other's attempt and fail together just below the limit; none gets past
 * it.
 */
bool sockiocp_account_charge(atomic_long_t *count, const unsigned long *limit)
{
	unsigned long charged = atomic_long_inc_return(count);

	if (likely(charged <= READ_ONCE(*limit)))
		return true;
	atomic_long_dec(count);
	return false;
}

/**
 * sockiocp_account_sweep - give back what closed sockets still hold
 * @account: the user
 *
 * Looks at every registration of every port of the user.  Sleeps; ends early
 * for a fatal signal.
 */
void sockiocp_account_sweep(struct sockiocp_account *account)
{
	struct sockiocp_port *port;

	/* On this list no port goes away: its release takes the lock first. */
	if (mutex_lock_killable(&account->ports_lock))
		return;
	list_for_each_entry(port, &account->ports, account_node) {
		if (fatal_signal_pending(current))
			break;
		sockiocp_registration_reap(port, READ_ONCE(port->nr_registrations));
	}
	mutex_unlock(&account->ports_lock);
}
