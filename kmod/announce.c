// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Events: what the netlink family tells without being asked, to two groups of those who
 * listen.
 *
 *   ports	a port was created, or is gone, or had a packet for too long (histogram.c)
 *   limits	a user was refused what he asked for, since he holds as much as he may
 *
 * Who listens
 * ===========
 *
 * It takes CAP_NET_ADMIN in the network namespace of the socket to join a group.  There one
 * hears of the ports that were opened in it, and in the first network namespace of all ports
 * and users: as much as the same reader would find by asking.  A message is for all who listen
 * in a namespace, and so it has users as the owner of that namespace sees them, and processes
 * only in the first one, as the machine numbers them.
 *
 * How an event holds up nobody
 * ============================
 *
 * While nobody on the machine listens it is a look at a bit; the kernel has one for all network
 * namespaces.  A port comes and goes in its own time; while it comes, its file is being opened,
 * and misc_open() has the lock of all misc devices, so that listeners are not waited for.
 * Whoever is refused may hold locks: that is only noted, and told by a work a second after the
 * first that it tells of.
 * So by being refused a user causes one event per second, whatever he does; and one that slows
 * him only, since nobody else takes that lock but who is refused, too.
 *
 * An event that finds no memory is lost, as one for which a listener has no room: the next
 * that the listener reads is ENOBUFS.
 */
#include "sockiocp.h"

#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sockiocp_netlink.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

/* So many users have an event of their own in a second; for the others there is one together. */
#define USERS	64

/**
 * struct announce_refused - what a user was refused, and was not told yet
 * @uid: the user
 * @count: how often
 * @limits: of what, SOCKIOCP_LIMIT_* bits
 */
struct announce_refused {
	unsigned long uid;
	u32 count;
	u32 limits;
};

/**
 * struct announce_list - all of them
 * @nr: for how many there is one
 * @users: theirs
 * @others: those for whom there was no room
 */
struct announce_list {
	unsigned int nr;
	struct announce_refused users[USERS];
	struct announce_refused others;
};

static const struct genl_family *announce_family;

static DEFINE_SPINLOCK(announce_lock);
/* Under that lock. */
static struct announce_list announce_noted;

static bool announce_is_heard(struct net *net, enum sockiocp_group group)
{
	return genl_has_listeners(announce_family, net, group);
}

static struct sk_buff *announce_begin(u8 cmd, void **message)
{
	struct sk_buff *skb = genlmsg_new(4 * nla_total_size(TASK_COMM_LEN), GFP_KERNEL);

	*message = skb ? genlmsg_put(skb, 0, 0, announce_family, 0, cmd) : NULL;
	return skb;
}

/* To all who listen; @error says that there was no room in it. */
static void announce_end(struct net *net, enum sockiocp_group group, struct sk_buff *skb,
			 void *message, bool error)
{
	if (!message || error) {
		WARN_ON_ONCE(message);
		nlmsg_free(skb);
		genl_set_err(announce_family, net, 0, group, -ENOBUFS);
		return;
	}
	genlmsg_end(skb, message);
	/* Who has no room for it is told so; with these flags nobody gives way to listeners. */
	genlmsg_multicast_netns(announce_family, net, skb, 0, group, GFP_NOWAIT);
}

static bool announce_put_uid(struct sk_buff *skb, int attr, struct net *net, unsigned long uid)
{
	return nla_put_u32(skb, attr, from_kuid_munged(net->user_ns, KUIDT_INIT(uid)));
}

/**
 * sockiocp_announce_port - a port was created, or is gone
 * @port: the port
 * @cmd: SOCKIOCP_CMD_PORT_CREATED, or SOCKIOCP_CMD_PORT_CLOSED
 * @net: to those who listen here
 */
void sockiocp_announce_port(const struct sockiocp_port *port, u8 cmd, struct net *net)
{
	struct sk_buff *skb;
	void *message;
	bool error;

	if (!announce_is_heard(net, SOCKIOCP_GROUP_PORTS))
		return;
	skb = announce_begin(cmd, &message);
	error = message &&
		(nla_put_u32(skb, SOCKIOCP_A_PORT_ID, port->id) ||
		 announce_put_uid(skb, SOCKIOCP_A_PORT_UID, net, port->account->uid) ||
		 (net_eq(net, &init_net) &&
		  nla_put_u32(skb, SOCKIOCP_A_PORT_PID, pid_nr(port->creator))) ||
		 nla_put_string(skb, SOCKIOCP_A_PORT_COMM, port->comm));
	announce_end(net, SOCKIOCP_GROUP_PORTS, skb, message, error);
}

/**
 * sockiocp_announce_late - packets have stood in a queue for too long
 * @port: the port
 * @late: how many, and how long
 * @net: to those who listen here
 */
void sockiocp_announce_late(const struct sockiocp_port *port,
			    const struct sockiocp_late_packets *late, struct net *net)
{
	struct sk_buff *skb;
	void *message;
	bool error;

	if (!announce_is_heard(net, SOCKIOCP_GROUP_PORTS))
		return;
	skb = announce_begin(SOCKIOCP_CMD_PACKET_LATE, &message);
	error = message && (nla_put_u32(skb, SOCKIOCP_A_LATE_PORT, port->id) ||
			    nla_put_u32(skb, SOCKIOCP_A_LATE_COUNT, late->nr) ||
			    nla_put_u32(skb, SOCKIOCP_A_LATE_LONGEST, late->longest_ms));
	announce_end(net, SOCKIOCP_GROUP_PORTS, skb, message, error);
}

static void announce_refused(const struct announce_refused *refused, bool has_uid)
{
	struct sk_buff *skb;
	void *message;
	bool error;

	if (!refused->count)
		return;
	skb = announce_begin(SOCKIOCP_CMD_USER_REFUSED, &message);
	error = message &&
		((has_uid && announce_put_uid(skb, SOCKIOCP_A_REFUSED_UID, &init_net,
					      refused->uid)) ||
		 nla_put_u32(skb, SOCKIOCP_A_REFUSED_COUNT, refused->count) ||
		 nla_put_u32(skb, SOCKIOCP_A_REFUSED_LIMITS, refused->limits));
	announce_end(&init_net, SOCKIOCP_GROUP_LIMITS, skb, message, error);
}

static void announce_work(struct work_struct *work)
{
	/* It does not run twice at a time. */
	static struct announce_list list;
	unsigned int i;

	spin_lock_irq(&announce_lock);
	list = announce_noted;
	announce_noted.nr = 0;
	memset(&announce_noted.others, 0, sizeof(announce_noted.others));
	spin_unlock_irq(&announce_lock);

	if (!announce_is_heard(&init_net, SOCKIOCP_GROUP_LIMITS))
		return;
	for (i = 0; i < list.nr; i++) {
		announce_refused(&list.users[i], true);
		cond_resched();
	}
	announce_refused(&list.others, false);
}

static DECLARE_DELAYED_WORK(announce_later, announce_work);

/* Where to note what that user is refused. */
static struct announce_refused *announce_find(unsigned long uid)
{
	struct announce_refused *user;
	unsigned int i;

	lockdep_assert_held(&announce_lock);
	for (i = 0; i < announce_noted.nr; i++)
		if (announce_noted.users[i].uid == uid)
			return &announce_noted.users[i];
	if (announce_noted.nr == USERS)
		return &announce_noted.others;
	user = &announce_noted.users[announce_noted.nr++];
	*user = (struct announce_refused) { .uid = uid };
	return user;
}

/**
 * sockiocp_announce_refusal - a user is refused something
 * @uid: the user
 * @what: of what he holds as many as he may
 *
 * With any locks held.
 */
void sockiocp_announce_refusal(unsigned long uid, enum sockiocp_refused what)
{
	struct announce_refused *user;
	unsigned long flags;

	BUILD_BUG_ON(1 << SOCKIOCP_REFUSED_OFFER != SOCKIOCP_LIMIT_OFFERS);

	/* Users are the machine's. */
	if (!announce_is_heard(&init_net, SOCKIOCP_GROUP_LIMITS))
		return;
	spin_lock_irqsave(&announce_lock, flags);
	user = announce_find(uid);
	user->count++;
	user->limits |= 1U << what;
	spin_unlock_irqrestore(&announce_lock, flags);
	/* If it is on its way already it stays so. */
	queue_delayed_work(sockiocp_wq, &announce_later, HZ);
}

/**
 * sockiocp_announce_init - from here on events can be told
 * @family: the family, which is about to be registered, with a group for each
 *	    &enum sockiocp_group
 */
void __init sockiocp_announce_init(const struct genl_family *family)
{
	announce_family = family;
}

/* Nobody opens or uses a port any more; before the family is gone. */
void sockiocp_announce_exit(void)
{
	cancel_delayed_work_sync(&announce_later);
}
