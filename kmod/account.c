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

unsigned long sockiocp_limits[SOCKIOCP_NR_LIMITS] = {
	[SOCKIOCP_MAX_OFFERS] = 1024,
};

#define ACCOUNT_PARAMETER(name, which)	\
	module_param_named(name, sockiocp_limits[which], ulong, 0644)

ACCOUNT_PARAMETER(max_user_registrations, SOCKIOCP_MAX_REGISTRATIONS);
MODULE_PARM_DESC(max_user_registrations,
		 "Registrations that a user may hold (default: 4 % of memory)");

ACCOUNT_PARAMETER(max_user_operations, SOCKIOCP_MAX_OPERATIONS);
MODULE_PARM_DESC(max_user_operations,
		 "Operations that a user may have (default: 1 % of memory)");

ACCOUNT_PARAMETER(max_user_packets, SOCKIOCP_MAX_PACKETS);
MODULE_PARM_DESC(max_user_packets,
		 "Posted packets that a user may have queued (default: 1 % of memory)");

ACCOUNT_PARAMETER(max_user_offers, SOCKIOCP_MAX_OFFERS);
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

	if (!sockiocp_limits[SOCKIOCP_MAX_REGISTRATIONS])
		sockiocp_limits[SOCKIOCP_MAX_REGISTRATIONS] = div_u64(memory / 25, cost);
	if (!sockiocp_limits[SOCKIOCP_MAX_PACKETS])
		sockiocp_limits[SOCKIOCP_MAX_PACKETS] =
			div_u64(memory / 100, sizeof(struct sockiocp_posted));
	if (!sockiocp_limits[SOCKIOCP_MAX_OPERATIONS])
		sockiocp_limits[SOCKIOCP_MAX_OPERATIONS] =
			div_u64(memory / 100, sizeof(struct sockiocp_operation));
}

/**
 * sockiocp_account_set_limit - change a limit, as a write to its parameter does
 * @which: the limit
 * @value: what a user may hold from now on who has no such limit of its own; what is held
 *	beyond it stays
 */
void sockiocp_account_set_limit(enum sockiocp_limit which, unsigned long value)
{
	kernel_param_lock(THIS_MODULE);
	WRITE_ONCE(sockiocp_limits[which], value);
	kernel_param_unlock(THIS_MODULE);
}

static struct sockiocp_account *account_alloc(unsigned long uid)
{
	struct sockiocp_account *account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!account)
		return NULL;
	account->uid = uid;
	for (i = 0; i < SOCKIOCP_NR_LIMITS; i++)
		account->limits[i] = SOCKIOCP_LIMIT_OF_ALL;
	INIT_LIST_HEAD(&account->offer_ring);
	INIT_LIST_HEAD(&account->reaper_node);
	INIT_LIST_HEAD(&account->reaper_ports);
	return account;
}

/* The user's account, of which @new becomes NULL if it is that; NULL if there is no memory. */
static struct sockiocp_account *account_find(unsigned long uid, struct sockiocp_account **new)
{
	struct sockiocp_account *account;

	lockdep_assert_held(&accounts.xa_lock);
	account = xa_load(&accounts, uid);
	if (account)
		return account;
	/* Gives up the lock if it has to allocate. */
	account = __xa_cmpxchg(&accounts, uid, NULL, *new, GFP_KERNEL_ACCOUNT);
	if (!account)
		swap(account, *new);
	return xa_is_err(account) ? NULL : account;
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
	struct sockiocp_account *new = account_alloc(uid), *account;

	if (!new)
		return NULL;
	xa_lock(&accounts);
	account = account_find(uid, &new);
	if (account)
		account->users++;
	xa_unlock(&accounts);
	kfree(new);
	return account;
}

/* Needs the lock of the accounts. */
static bool account_has_own_limits(const struct sockiocp_account *account)
{
	unsigned int i;

	for (i = 0; i < SOCKIOCP_NR_LIMITS; i++)
		if (account->limits[i] != SOCKIOCP_LIMIT_OF_ALL)
			return true;
	return false;
}

/**
 * sockiocp_account_set_own_limits - give a user limits that others have not
 * @uid: the user, who need not have a port
 * @limits: one of each kind, SOCKIOCP_LIMIT_OF_ALL for those that stay as they are; or NULL:
 *	none are its own any more
 *
 * Return: 0, or -ENOMEM.
 */
int sockiocp_account_set_own_limits(unsigned long uid, const unsigned long *limits)
{
	struct sockiocp_account *new = account_alloc(uid), *account;
	bool had;
	unsigned int i;

	if (!new)
		return -ENOMEM;
	xa_lock(&accounts);
	account = account_find(uid, &new);
	if (!account) {
		xa_unlock(&accounts);
		kfree(new);
		return -ENOMEM;
	}
	had = account_has_own_limits(account);
	for (i = 0; i < SOCKIOCP_NR_LIMITS; i++) {
		if (!limits)
			WRITE_ONCE(account->limits[i], SOCKIOCP_LIMIT_OF_ALL);
		else if (limits[i] != SOCKIOCP_LIMIT_OF_ALL)
			WRITE_ONCE(account->limits[i], limits[i]);
	}
	/* This call's, which becomes that of the limits. */
	if (!had)
		account->users++;
	had = account_has_own_limits(account);
	xa_unlock(&accounts);
	kfree(new);
	if (!had)
		sockiocp_account_put(account);
	return 0;
}

/* What is left are users that have limits of their own, and no port. */
void sockiocp_account_exit(void)
{
	struct sockiocp_account *account;
	unsigned long uid;

	xa_for_each(&accounts, uid, account)
		sockiocp_account_put(account);
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
 * Return: whether there is a user with that id, or a higher one, who has a port, or limits
 * of its own.
 */
bool sockiocp_account_next(unsigned long uid, struct sockiocp_account_view *view)
{
	struct sockiocp_account *account;
	unsigned int i;

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
	for (i = 0; account && i < SOCKIOCP_NR_LIMITS; i++)
		view->limits[i] = sockiocp_account_limit(account, i);
	xa_unlock(&accounts);
	return account;
}
