// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A socket for another process: SOCKIOCP_OFFER gives a token for it, with which that
 * process, and no other, gets a descriptor of its own from SOCKIOCP_FETCH, once.
 *
 * An offer pins the inode of its socket and not the file, as a registration does, so
 * that the last close() sends the FIN as if there was no offer.  The file is looked for
 * when the socket is fetched.
 *
 * The exception is AF_UNIX, whose file an offer has.  Its sockets may be in messages only,
 * in a circle, and their garbage collector ends those that nobody can get hold of any more:
 * a file that has no other references than those of messages.  It takes for granted that
 * there will be none from elsewhere, and takes messages away under whoever reads.
 *
 * An offer ends when it is fetched, when it is too old, and with the module; one that
 * nobody can fetch any more, because the socket was closed or the process is gone, also
 * when its user makes further ones.
 */
#include "insides.h"
#include "sockiocp.h"

#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* How many of its user's a new offer looks at, and one beyond the limit. */
#define LOOKS			2
#define LOOKS_BEYOND_LIMIT	1024

static unsigned int offer_seconds = 300;
module_param(offer_seconds, uint, 0644);
MODULE_PARM_DESC(offer_seconds, "For how long a socket can be fetched that was offered");

/**
 * struct duplicate_offer - a socket that a process may fetch
 * @hash: in the table of all offers, by token
 * @by_age: in the list of all offers, the oldest first
 * @user_node: in the account's ring
 * @token: what it is asked for by
 * @socket: the socket, whose inode is pinned
 * @file: its file, for AF_UNIX; or NULL
 * @process: who may fetch it
 * @uid: the user of both processes
 * @account: whom it is charged to
 * @expires: when it is too old, in jiffies
 * @taken: its process is about to get it, so nobody else ends it
 */
struct duplicate_offer {
	struct hlist_node hash;
	struct list_head by_age;
	struct list_head user_node;
	u64 token[2];
	struct socket *socket;
	struct file *file;
	struct pid *process;
	kuid_t uid;
	struct sockiocp_account *account;
	unsigned long expires;
	bool taken;
};

/* Guards both, the rings of all accounts, and what offers have in them. */
static DEFINE_SPINLOCK(offers_lock);
static DEFINE_HASHTABLE(offers, 10);
static LIST_HEAD(offers_by_age);

static void duplicate_expire(struct work_struct *work);
static DECLARE_DELAYED_WORK(expiry, duplicate_expire);

/* -------------------------------------------------------- the end of an offer */

/* Sleeps: the socket's inode may go with it. */
static void duplicate_free(struct duplicate_offer *offer)
{
	if (offer->file)
		fput(offer->file);
	if (offer->socket)
		iput(SOCK_INODE(offer->socket));
	put_pid(offer->process);
	atomic_long_dec(&offer->account->offers);
	sockiocp_account_put(offer->account);
	kfree(offer);
}

static void duplicate_unlink(struct duplicate_offer *offer)
{
	lockdep_assert_held(&offers_lock);

	hash_del(&offer->hash);
	list_del(&offer->by_age);
	list_del(&offer->user_node);
}

static bool duplicate_is_too_old(const struct duplicate_offer *offer)
{
	return time_after_eq(jiffies, offer->expires);
}

static bool duplicate_is_in_vain(const struct duplicate_offer *offer)
{
	bool in_vain;

	rcu_read_lock();
	in_vain = sockiocp_socket_is_closed(offer->socket) ||
		  !pid_has_task(offer->process, PIDTYPE_TGID);
	rcu_read_unlock();
	return in_vain;
}

/* Looks at the next few offers of a user, and ends those that nobody can fetch. */
static void duplicate_sweep(struct sockiocp_account *account, unsigned int looks)
{
	struct duplicate_offer *offer, *next;
	LIST_HEAD(in_vain);

	spin_lock(&offers_lock);
	while (looks-- && !list_empty(&account->offer_ring)) {
		offer = list_first_entry(&account->offer_ring, struct duplicate_offer,
					 user_node);
		list_move_tail(&offer->user_node, &account->offer_ring);
		if (offer->taken || !duplicate_is_in_vain(offer))
			continue;
		duplicate_unlink(offer);
		list_add(&offer->user_node, &in_vain);
	}
	spin_unlock(&offers_lock);
	list_for_each_entry_safe(offer, next, &in_vain, user_node)
		duplicate_free(offer);
}

/* Takes out one that is too old, or with @any whichever there is; NULL if there is none. */
static struct duplicate_offer *duplicate_pull(bool any)
{
	struct duplicate_offer *offer;

	spin_lock(&offers_lock);
	list_for_each_entry(offer, &offers_by_age, by_age) {
		if (!any && !duplicate_is_too_old(offer))
			break;
		if (offer->taken)
			continue;
		duplicate_unlink(offer);
		spin_unlock(&offers_lock);
		return offer;
	}
	spin_unlock(&offers_lock);
	return NULL;
}

static void duplicate_drop(bool any)
{
	struct duplicate_offer *offer;

	while ((offer = duplicate_pull(any))) {
		duplicate_free(offer);
		cond_resched();
	}
}

static void duplicate_expire(struct work_struct *work)
{
	struct duplicate_offer *oldest;
	unsigned long delay = 0;

	duplicate_drop(false);
	spin_lock(&offers_lock);
	oldest = list_first_entry_or_null(&offers_by_age, struct duplicate_offer, by_age);
	if (oldest)
		delay = max_t(long, oldest->expires - jiffies, HZ);
	spin_unlock(&offers_lock);
	if (delay)
		queue_delayed_work(sockiocp_wq, &expiry, delay);
}

/* ---------------------------------------------------------------- an offer */

static bool duplicate_charge(struct sockiocp_account *account)
{
	unsigned int looks;

	duplicate_sweep(account, LOOKS);
	if (sockiocp_account_charge(account, &account->offers, 1, SOCKIOCP_MAX_OFFERS))
		return true;
	for (looks = 0; looks < LOOKS_BEYOND_LIMIT; looks += SOCKIOCP_CHUNK) {
		duplicate_sweep(account, SOCKIOCP_CHUNK);
		cond_resched();
	}
	if (sockiocp_account_charge(account, &account->offers, 1, SOCKIOCP_MAX_OFFERS))
		return true;
	sockiocp_account_refuse(account, SOCKIOCP_REFUSED_OFFER);
	return false;
}

/* A process that can become another user again is not wholly this one's. */
static bool duplicate_is_of_user(const struct cred *cred, kuid_t uid)
{
	return uid_eq(cred->uid, uid) && uid_eq(cred->euid, uid) && uid_eq(cred->suid, uid);
}

static int duplicate_set_process(struct duplicate_offer *offer, pid_t number)
{
	const struct task_struct *task;
	int error = 0;

	offer->uid = current_euid();
	offer->process = find_get_pid(number);
	rcu_read_lock();
	task = pid_task(offer->process, PIDTYPE_TGID);
	if (!task)
		error = -ESRCH;
	else if (!duplicate_is_of_user(__task_cred(task), offer->uid))
		error = -EPERM;
	rcu_read_unlock();
	return error;
}

static int duplicate_set_socket(struct duplicate_offer *offer, u64 number)
{
	struct socket *socket;
	struct fd f;
	int error = 0;

	if (number > INT_MAX)
		return -EBADF;
	f = fdget(number);
	if (!fd_file(f))
		return -EBADF;
	socket = sock_from_file(fd_file(f));
	if (!socket) {
		error = -ENOTSOCK;
	} else if (sockiocp_socket_is_lent(socket)) {
		/* AF_SMC has put it into its own file: see sockiocp_socket_get_file(). */
		error = -EOPNOTSUPP;
	} else {
		ihold(SOCK_INODE(socket));
		offer->socket = socket;
		if (socket->sk->sk_family == AF_UNIX)
			offer->file = get_file(fd_file(f));
	}
	fdput(f);
	return error;
}

static void duplicate_link(struct duplicate_offer *offer)
{
	unsigned long lasts = (unsigned long)READ_ONCE(offer_seconds) * HZ;

	spin_lock(&offers_lock);
	offer->expires = jiffies + lasts;
	hash_add(offers, &offer->hash, offer->token[0]);
	list_add_tail(&offer->by_age, &offers_by_age);
	list_add_tail(&offer->user_node, &offer->account->offer_ring);
	spin_unlock(&offers_lock);
	/* Nothing happens if it will run anyway: there are older ones. */
	queue_delayed_work(sockiocp_wq, &expiry, lasts);
}

/**
 * sockiocp_duplicate_offer - SOCKIOCP_OFFER: offer a socket to a process
 * @account: who is charged
 * @args: the arguments
 * @to: where the token goes, in the user's memory
 *
 * The user has the token before the offer is there: neither does an offer stay that
 * nobody knows of, nor does one have to be taken back.  The socket's file is not held
 * meanwhile, since to touch the user's memory may take for ever; but for AF_UNIX.
 *
 * Return: 0 or an error.
 */
long sockiocp_duplicate_offer(struct sockiocp_account *account,
			      const struct sockiocp_offer *args, void __user *to)
{
	struct duplicate_offer *offer;
	long error;

	if (args->flags)
		return -EINVAL;
	if (!duplicate_charge(account))
		return -ENOBUFS;
	offer = kzalloc(sizeof(*offer), GFP_KERNEL_ACCOUNT);
	if (!offer) {
		atomic_long_dec(&account->offers);
		return -ENOMEM;
	}
	sockiocp_account_hold(account);
	offer->account = account;
	get_random_bytes(offer->token, sizeof(offer->token));

	error = duplicate_set_socket(offer, args->socket);
	if (!error)
		error = duplicate_set_process(offer, args->process);
	if (!error && copy_to_user(to, offer->token, sizeof(offer->token)))
		error = -EFAULT;
	if (error)
		duplicate_free(offer);
	else
		duplicate_link(offer);
	return error;
}

/* ------------------------------------------------------------- and its answer */

static struct duplicate_offer *duplicate_find(const u64 token[2])
{
	struct duplicate_offer *offer;

	lockdep_assert_held(&offers_lock);

	hash_for_each_possible(offers, offer, hash, token[0]) {
		if (offer->token[0] == token[0] && offer->token[1] == token[1])
			return offer;
	}
	return NULL;
}

/* From here on it is the caller's, who ends it, or gives it back: not taken. */
static struct duplicate_offer *duplicate_take(const u64 token[2])
{
	struct duplicate_offer *offer;

	spin_lock(&offers_lock);
	offer = duplicate_find(token);
	if (!offer || offer->taken || duplicate_is_too_old(offer))
		offer = ERR_PTR(-ENOENT);
	else if (offer->process != task_tgid(current) ||
		 !duplicate_is_of_user(current_cred(), offer->uid))
		offer = ERR_PTR(-EPERM);
	else
		offer->taken = true;
	spin_unlock(&offers_lock);
	return offer;
}

static void duplicate_give_back(struct duplicate_offer *offer)
{
	spin_lock(&offers_lock);
	offer->taken = false;
	spin_unlock(&offers_lock);
}

static void duplicate_end(struct duplicate_offer *offer)
{
	spin_lock(&offers_lock);
	duplicate_unlink(offer);
	spin_unlock(&offers_lock);
	duplicate_free(offer);
}

/**
 * sockiocp_duplicate_fetch - SOCKIOCP_FETCH: take a socket that was offered
 * @args: the arguments
 *
 * Return: a descriptor of it in the caller's table, or an error.
 */
long sockiocp_duplicate_fetch(const struct sockiocp_fetch *args)
{
	struct duplicate_offer *offer;
	struct file *file;
	u64 token[2];
	int fd;

	if (args->flags || args->reserved)
		return -EINVAL;
	memcpy(token, args->token, sizeof(token));
	offer = duplicate_take(token);
	if (IS_ERR(offer))
		return PTR_ERR(offer);

	sockiocp_race_window();
	file = sockiocp_socket_get_file(offer->socket);
	if (!file) {
		duplicate_end(offer);
		return -ESTALE;
	}
	fd = receive_fd(file, NULL, O_CLOEXEC);
	if (fd < 0)
		duplicate_give_back(offer);
	else
		duplicate_end(offer);
	/* If all others have closed it meanwhile this is the last close(). */
	fput(file);
	return fd;
}

/* No file of the device is open, so nobody offers or fetches. */
void sockiocp_duplicate_exit(void)
{
	cancel_delayed_work_sync(&expiry);
	duplicate_drop(true);
}
