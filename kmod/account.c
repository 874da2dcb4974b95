// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a user holds, and how much of it a user may hold.
 *
 * A port charges the user who opened it, whoever uses it later: a descriptor
 * that is passed on does not carry its charges along.
 */
#include "sockiocp.h"
#include "trace.h"

#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/xarray.h>

unsigned long sockiocp_max_user_registrations;
module_param_named(max_user_registrations, sockiocp_max_user_registrations, ulong, 0644);
MODULE_PARM_DESC(max_user_registrations,
		 "Registrations that a user may hold (default: 4 % of memory)");

unsigned long sockiocp_max_user_operations;
module_param_named(max_user_operations, sockiocp_max_user_operations, ulong, 0644);
MODULE_PARM_DESC(max_user_operations,
		 "Operations that a user may have (default: 1 % of memory)");

unsigned long sockiocp_max_user_packets;
module_param_named(max_user_packets, sockiocp_max_user_packets, ulong, 0644);
MODULE_PARM_DESC(max_user_packets,
		 "Posted packets that a user may have queued (default: 1 % of memory)");

unsigned long sockiocp_max_user_offers = 1024;
module_param_named(max_user_offers, sockiocp_max_user_offers, ulong, 0644);
MODULE_PARM_DESC(max_user_offers,
		 "Sockets that a user may offer to processes that have not fetched them yet");

/* By user id.  Its lock guards &struct sockiocp_account.users, too. */
static DEFINE_XARRAY(accounts);

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
	if (!sockiocp_max_user_operations)
		sockiocp_max_user_operations =
			div_u64(memory / 100, sizeof(struct sockiocp_operation));
}

/**
 * sockiocp_account_set_limit - change a limit, for all users, as a write to its parameter does
 * @limit: &sockiocp_max_user_registrations, or another one of these
 * @value: what a user may hold from now on; what is held beyond it stays
 */
void sockiocp_account_set_limit(unsigned long *limit, unsigned long value)
{
	kernel_param_lock(THIS_MODULE);
	WRITE_ONCE(*limit, value);
	kernel_param_unlock(THIS_MODULE);
}

/**
 * sockiocp_account_get - open the calling user's account for a new port
 *
 * Return: the account, which sockiocp_account_put() gives back, or NULL when
 * there is no memory.
 */
struct sockiocp_account *sockiocp_account_get(void)
{
	unsigned long uid = __kuid_val(current_uid());
	struct sockiocp_account *account, *new;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->uid = uid;
	INIT_LIST_HEAD(&new->offer_ring);
	INIT_LIST_HEAD(&new->reaper_node);
	INIT_LIST_HEAD(&new->reaper_ports);

	xa_lock(&accounts);
	account = xa_load(&accounts, uid);
	if (!account) {
		/* Gives up the lock if it has to allocate. */
		account = __xa_cmpxchg(&accounts, uid, NULL, new, GFP_KERNEL_ACCOUNT);
		if (!account)
			swap(account, new);
	}
	if (xa_is_err(account))
		account = NULL;
	else
		account->users++;
	xa_unlock(&accounts);
	kfree(new);
	return account;
}

/**
 * sockiocp_account_hold - keep an account for something that outlives its port
 * @account: the account of a port that is there
 */
void sockiocp_account_hold(struct sockiocp_account *account)
{
	xa_lock(&accounts);
	account->users++;
	xa_unlock(&accounts);
}

/**
 * sockiocp_account_put - undo sockiocp_account_get(), or sockiocp_account_hold()
 * @account: the account, which the caller charges nothing any more
 */
void sockiocp_account_put(struct sockiocp_account *account)
{
	xa_lock(&accounts);
	if (--account->users) {
		xa_unlock(&accounts);
		return;
	}
	__xa_erase(&accounts, account->uid);
	xa_unlock(&accounts);
	WARN_ON_ONCE(atomic_long_read(&account->registrations));
	WARN_ON_ONCE(atomic_long_read(&account->endpoints));
	WARN_ON_ONCE(atomic_long_read(&account->packets));
	WARN_ON_ONCE(atomic_long_read(&account->operations));
	WARN_ON_ONCE(atomic_long_read(&account->offers));
	kfree(account);
}

/**
 * sockiocp_account_refuse - a user is told that it holds as many as it may
 * @account: the user's
 * @what: of what
 *
 * To be called once for each that is refused for good, and not where it is tried again.
 *
 * Return: -ENOBUFS.
 */
noinline
int sockiocp_account_refuse(struct sockiocp_account *account, enum sockiocp_refused what)
{
	atomic_long_inc(&account->refusals);
	trace_sockiocp_refuse(account->uid, what);
	sockiocp_announce_refusal(account->uid, what);
	return -ENOBUFS;
}

/**
 * sockiocp_account_next - what a user holds, and how often it was refused more
 * @uid: the lowest user id that will do
 * @view: where to
 *
 * Return: whether there is a user with that id, or a higher one, who has a port.
 */
bool sockiocp_account_next(unsigned long uid, struct sockiocp_account_view *view)
{
	struct sockiocp_account *account;

	xa_lock(&accounts);
	account = xa_find(&accounts, &uid, ULONG_MAX, XA_PRESENT);
	if (account)
		*view = (struct sockiocp_account_view) {
			.uid = account->uid,
			.registrations = atomic_long_read(&account->registrations),
			.endpoints = atomic_long_read(&account->endpoints),
			.operations = atomic_long_read(&account->operations),
			.packets = atomic_long_read(&account->packets),
			.offers = atomic_long_read(&account->offers),
			.refusals = atomic_long_read(&account->refusals),
		};
	xa_unlock(&accounts);
	return account;
}
