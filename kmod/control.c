// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The generic netlink family: ports, their registrations and workers, users and limits,
 * for who looks from outside.  It changes nothing but the limits.
 *
 * Who sees what
 * =============
 *
 *   a port, with its	who has opened a port, in the network namespace in which it was
 *   registrations	opened; who has CAP_NET_ADMIN there, all that were opened in it; who
 *   and workers	has it on the machine (in the first network namespace), all there are
 *   a user		oneself; who has CAP_NET_ADMIN on the machine, all
 *   the limits		everybody; who has CAP_NET_ADMIN and CAP_SYS_RESOURCE on the machine
 *			changes them, from its first network namespace
 *   events		see announce.c
 *
 * What a reader may not see is left out of a dump, and is not there when it is asked for.
 * A socket of another network namespace than the reader's is told of without its addresses,
 * except to CAP_NET_ADMIN on the machine.  Processes and users are told of by their numbers
 * in the reader's namespaces.  Keys are not told: they tend to be addresses.
 *
 * How a dump holds up nobody
 * ==========================
 *
 * It goes on when its reader has read: each time for one buffer.  In between it has a
 * reference to the memory of one port and a mark among its registrations, or workers, and
 * no lock; nobody waits for it.  What is told of was there when the dump came by; what is
 * there all the time is told once.  A reader that is killed is let go of after a chunk.
 */
#include "describe.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sockiocp_netlink.h>
#include <net/genetlink.h>
#include <net/sock.h>

static struct genl_family control_family;

/* -------------------------------------------------------------------- the reader */

/*
 * Whoever reads the answer has the socket, and may have had somebody else send: what is one
 * user's is told if that user has opened the socket, too.  (Capabilities are looked at in the
 * same way, by netlink_capable().)
 */
static kuid_t control_user_of(const struct sk_buff *request)
{
	const struct socket *opened = NETLINK_CB(request).sk->sk_socket;
	kuid_t uid = NETLINK_CREDS(request)->uid;

	return opened && opened->file && uid_eq(opened->file->f_cred->uid, uid) ? uid :
										  INVALID_UID;
}

static void control_get_reader(struct sockiocp_reader *reader, const struct sk_buff *request)
{
	struct net *net = sock_net(request->sk);

	reader->uid = control_user_of(request);
	reader->network = sockiocp_directory_network(net);
	reader->is_admin_of_network = netlink_ns_capable(request, net->user_ns, CAP_NET_ADMIN);
	reader->is_admin = net_eq(net, &init_net) && netlink_capable(request, CAP_NET_ADMIN);
}

static bool control_may_see(const struct sockiocp_reader *reader, const struct sockiocp_port *port)
{
	if (reader->is_admin)
		return true;
	return port->network == reader->network &&
	       (reader->is_admin_of_network || port->account->uid == __kuid_val(reader->uid));
}

/* The next port that the reader may see, from a number on: with a reference, or NULL. */
static struct sockiocp_port *control_next_port(const struct sockiocp_reader *reader, unsigned long id)
{
	struct sockiocp_port *port;

	while ((port = sockiocp_directory_next(id))) {
		if (control_may_see(reader, port))
			return port;
		id = port->id + 1;
		sockiocp_port_put(port);
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		cond_resched();
	}
	return NULL;
}

/* The port that an attribute names, with a reference; or an error. */
static struct sockiocp_port *control_find_port(const struct sockiocp_reader *reader,
					       const struct nlattr *attr,
					       struct netlink_ext_ack *extack)
{
	u32 id = nla_get_u32(attr);
	struct sockiocp_port *port = sockiocp_directory_next(id);

	if (port && port->id == id && control_may_see(reader, port))
		return port;
	if (port)
		sockiocp_port_put(port);
	NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such port, or it is not yours to see");
	return ERR_PTR(-ENOENT);
}

/* ----------------------------------------------------------------------- one thing */

static struct sockiocp_answer control_answer_to(const struct genl_info *info)
{
	return (struct sockiocp_answer) {
		.family = &control_family,
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.cmd = info->genlhdr->cmd,
	};
}

static int control_reply(struct sk_buff *reply, struct genl_info *info, int error)
{
	if (!error)
		return genlmsg_reply(reply, info);
	nlmsg_free(reply);
	return error;
}

static int control_get_port(struct sk_buff *skb, struct genl_info *info)
{
	struct sockiocp_answer answer = control_answer_to(info);
	struct sockiocp_port *port;
	struct sk_buff *reply;
	struct sockiocp_reader reader;
	int error;

	if (GENL_REQ_ATTR_CHECK(info, SOCKIOCP_A_PORT_ID))
		return -EINVAL;
	control_get_reader(&reader, skb);
	port = control_find_port(&reader, info->attrs[SOCKIOCP_A_PORT_ID], info->extack);
	if (IS_ERR(port))
		return PTR_ERR(port);
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	error = reply ? sockiocp_describe_port(reply, &answer, port) : -ENOMEM;
	sockiocp_port_put(port);
	return reply ? control_reply(reply, info, error) : error;
}

static int control_get_limits(struct sk_buff *skb, struct genl_info *info)
{
	struct sockiocp_answer answer = control_answer_to(info);
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!reply)
		return -ENOMEM;
	return control_reply(reply, info, sockiocp_describe_limits(reply, &answer));
}

/* Whether the limits are the sender's to change. */
static bool control_may_set_limits(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	struct sockiocp_reader reader;

	control_get_reader(&reader, skb);
	/* The capability is not enough: a container may have it, with a network of its own. */
	if (!reader.is_admin) {
		NL_SET_ERR_MSG(extack, "limits are set from the first network namespace");
		return false;
	}
	/* It is about the memory of the machine, and not about its network. */
	if (!netlink_capable(skb, CAP_SYS_RESOURCE)) {
		NL_SET_ERR_MSG(extack, "limits take CAP_SYS_RESOURCE, too");
		return false;
	}
	return true;
}

/* Returns how many are named, each in its place; what is not has no value. */
static unsigned int control_get_named_limits(struct nlattr **attrs, unsigned long *limits)
{
	static const u8 which[] = {
		[SOCKIOCP_A_LIMITS_REGISTRATIONS] = SOCKIOCP_MAX_REGISTRATIONS,
		[SOCKIOCP_A_LIMITS_OPERATIONS] = SOCKIOCP_MAX_OPERATIONS,
		[SOCKIOCP_A_LIMITS_PACKETS] = SOCKIOCP_MAX_PACKETS,
		[SOCKIOCP_A_LIMITS_OFFERS] = SOCKIOCP_MAX_OFFERS,
	};
	unsigned int i, nr = 0;

	for (i = 1; i < ARRAY_SIZE(which); i++) {
		limits[which[i]] = attrs[i] ? nla_get_u64(attrs[i]) : SOCKIOCP_LIMIT_OF_ALL;
		nr += !!attrs[i];
	}
	return nr;
}

/* All that are named, or none: their values were looked at before. */
static int control_set_limits(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *user = info->attrs[SOCKIOCP_A_LIMITS_UID];
	unsigned long limits[SOCKIOCP_NR_LIMITS];
	unsigned int i, nr;

	if (!control_may_set_limits(skb, info->extack))
		return -EPERM;
	nr = control_get_named_limits(info->attrs, limits);
	/* Who has that capability is in the first namespace of users. */
	if (user)
		return sockiocp_account_set_own_limits(nla_get_u32(user), nr ? limits : NULL);
	if (!nr) {
		NL_SET_ERR_MSG(info->extack, "no limit is named");
		return -EINVAL;
	}
	for (i = 0; i < SOCKIOCP_NR_LIMITS; i++)
		if (limits[i] != SOCKIOCP_LIMIT_OF_ALL)
			sockiocp_account_set_limit(i, limits[i]);
	return 0;
}

/* --------------------------------------------------------------------------- dumps */

/**
 * struct dump - how far a dump has come
 * @reader: who reads
 * @next: the number of the port, or of the user, that comes next
 * @last: the last one that is asked for
 * @port: whose registrations or workers are being told of, a reference; or NULL
 * @of_workers: it is workers
 * @mark: how far it has come among the registrations of @port
 * @cursor: the same, among its workers
 * @left: how many workers may be told of still: a thread that leaves the port and comes back
 *	stands behind the cursor once more
 */
struct dump {
	struct sockiocp_reader reader;
	unsigned long next;
	unsigned long last;
	struct sockiocp_port *port;
	bool of_workers;
	struct sockiocp_view_mark mark;
	struct sockiocp_worker cursor;
	unsigned int left;
};

/* What a dump refers to is there until the module goes; while it begins it may yet fail. */
static bool control_is_open;

static struct dump *control_dump_of(struct netlink_callback *cb)
{
	return (struct dump *)cb->args[0];
}

static struct sockiocp_answer control_part_for(struct netlink_callback *cb, u8 cmd)
{
	return (struct sockiocp_answer) {
		.family = &control_family,
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.cmd = cmd,
	};
}

static int control_dump_start(struct netlink_callback *cb)
{
	struct dump *dump;

	if (!READ_ONCE(control_is_open))
		return -EAGAIN;
	dump = kzalloc(sizeof(*dump), GFP_KERNEL_ACCOUNT);
	if (!dump)
		return -ENOMEM;
	control_get_reader(&dump->reader, cb->skb);
	/* So it comes to an end, however fast others open ports. */
	dump->last = sockiocp_directory_highest();
	cb->args[0] = (long)dump;
	return 0;
}

/* The same, but of one port if that is asked for, by the same attribute as a port. */
static int control_dump_start_of_port(struct netlink_callback *cb)
{
	const struct nlattr *attr = genl_info_dump(cb)->attrs[SOCKIOCP_A_PORT_ID];
	struct sockiocp_port *port;
	struct dump *dump;
	int error;

	BUILD_BUG_ON(SOCKIOCP_A_PORT_ID != 1 || SOCKIOCP_A_REGISTRATION_PORT != 1 ||
		     SOCKIOCP_A_WORKER_PORT != 1);

	error = control_dump_start(cb);
	if (error || !attr)
		return error;
	dump = control_dump_of(cb);
	port = control_find_port(&dump->reader, attr, cb->extack);
	if (IS_ERR(port)) {
		kfree(dump);
		return PTR_ERR(port);
	}
	dump->next = port->id;
	dump->last = port->id;
	sockiocp_port_put(port);
	return 0;
}

static void control_leave_port(struct dump *dump)
{
	if (dump->of_workers)
		sockiocp_association_end_look(dump->port, &dump->cursor);
	else
		sockiocp_view_end(dump->port, &dump->mark);
	sockiocp_port_put(dump->port);
	dump->port = NULL;
}

static int control_dump_done(struct netlink_callback *cb)
{
	struct dump *dump = control_dump_of(cb);

	if (dump->port)
		control_leave_port(dump);
	kfree(dump);
	return 0;
}

/* What a dump returns: 0 is the end. */
static int control_dump_result(const struct sk_buff *skb, int error)
{
	return error && error != -EMSGSIZE ? error : skb->len;
}

/* The next port, with a reference that is the caller's; NULL at the end, or an error. */
static struct sockiocp_port *control_dump_next_port(struct dump *dump)
{
	struct sockiocp_port *port;

	if (dump->next > dump->last)
		return NULL;
	port = control_next_port(&dump->reader, dump->next);
	if (!IS_ERR_OR_NULL(port) && port->id > dump->last) {
		sockiocp_port_put(port);
		port = NULL;
	}
	return port;
}

static int control_dump_ports(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sockiocp_answer answer = control_part_for(cb, SOCKIOCP_CMD_PORT_GET);
	struct dump *dump = control_dump_of(cb);
	struct sockiocp_port *port;
	int error = 0;

	while (!error && (port = control_dump_next_port(dump))) {
		if (IS_ERR(port)) {
			error = PTR_ERR(port);
			break;
		}
		error = sockiocp_describe_port(skb, &answer, port);
		if (!error)
			dump->next = port->id + 1;
		sockiocp_port_put(port);
	}
	return control_dump_result(skb, error);
}

/* For how many messages there is room. */
static unsigned int control_room(const struct sk_buff *skb, unsigned int most)
{
	return min_t(unsigned int, skb_tailroom(skb) / SOCKIOCP_MESSAGE_SIZE, most);
}

/* The next registrations of the port; -EMSGSIZE if there is no room for one more. */
static int control_dump_some_registrations(struct sk_buff *skb, struct netlink_callback *cb,
					   struct dump *dump)
{
	struct sockiocp_answer answer = control_part_for(cb, SOCKIOCP_CMD_REGISTRATION_GET);
	struct sockiocp_view_registration views[8];
	unsigned int nr = control_room(skb, ARRAY_SIZE(views)), i;
	int error = 0;

	if (!nr)
		return -EMSGSIZE;
	nr = sockiocp_view_next(dump->port, &dump->mark, views, nr);
	for (i = 0; i < nr; i++) {
		if (!error)
			error = sockiocp_describe_registration(skb, &answer, &dump->reader,
							 dump->port->id, &views[i]);
		sockiocp_registration_put(views[i].reg);
	}
	WARN_ON_ONCE(error);
	return error;
}

static int control_dump_some_workers(struct sk_buff *skb, struct netlink_callback *cb,
				     struct dump *dump)
{
	struct sockiocp_answer answer = control_part_for(cb, SOCKIOCP_CMD_WORKER_GET);
	struct sockiocp_association_view views[8];
	unsigned int nr = control_room(skb, ARRAY_SIZE(views)), i;
	int error = 0;

	if (!nr)
		return -EMSGSIZE;
	nr = sockiocp_association_next(dump->port, &dump->cursor, views, min(nr, dump->left));
	dump->left -= nr;
	for (i = 0; i < nr; i++) {
		if (!error)
			error = sockiocp_describe_worker(skb, &answer, dump->port->id, &views[i]);
		put_pid(views[i].pid);
	}
	WARN_ON_ONCE(error);
	return error;
}

/* Goes to the next port, if it is not at one.  Returns 1 at the end, or an error. */
static int control_dump_enter(struct dump *dump)
{
	struct sockiocp_port *port = dump->port;

	if (port)
		return 0;
	port = control_dump_next_port(dump);
	if (IS_ERR_OR_NULL(port))
		return port ? PTR_ERR(port) : 1;
	dump->next = port->id + 1;
	dump->port = port;
	if (dump->of_workers) {
		sockiocp_association_begin_look(port, &dump->cursor);
		dump->left = READ_ONCE(port->nr_workers);
	} else {
		sockiocp_view_begin(port, &dump->mark);
	}
	return 0;
}

static bool control_dump_is_through(struct dump *dump)
{
	return dump->of_workers ?
		!dump->left || sockiocp_association_is_through(dump->port, &dump->cursor) :
		!dump->mark.left;
}

static int control_dump_registrations_or_workers(struct sk_buff *skb,
						 struct netlink_callback *cb)
{
	struct dump *dump = control_dump_of(cb);
	int error;

	while (!(error = control_dump_enter(dump))) {
		error = dump->of_workers ? control_dump_some_workers(skb, cb, dump) :
					   control_dump_some_registrations(skb, cb, dump);
		if (error)
			break;
		if (control_dump_is_through(dump))
			control_leave_port(dump);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return control_dump_result(skb, error > 0 ? 0 : error);
}

static int control_dump_registrations(struct sk_buff *skb, struct netlink_callback *cb)
{
	return control_dump_registrations_or_workers(skb, cb);
}

static int control_dump_workers(struct sk_buff *skb, struct netlink_callback *cb)
{
	control_dump_of(cb)->of_workers = true;
	return control_dump_registrations_or_workers(skb, cb);
}

static int control_dump_users(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sockiocp_answer answer = control_part_for(cb, SOCKIOCP_CMD_USER_GET);
	struct dump *dump = control_dump_of(cb);
	struct sockiocp_reader *reader = &dump->reader;
	struct sockiocp_account_view user;
	int error = 0;

	/* A user id has 32 bits, so that the next number is there. */
	while (!error && sockiocp_account_next(dump->next, &user)) {
		if (reader->is_admin || user.uid == __kuid_val(reader->uid))
			error = sockiocp_describe_user(skb, &answer, &user);
		if (!error)
			dump->next = user.uid + 1;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return control_dump_result(skb, error);
}

/* ---------------------------------------------------------------------- the family */

/* The number of a port, which is attribute 1 of ports, registrations and workers. */
static const struct nla_policy control_port_policy[] = {
	[SOCKIOCP_A_PORT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Counters are of this type. */
static struct netlink_range_validation control_limit_range = {
	.max = LONG_MAX,
};

/* The last number is nobody's. */
static struct netlink_range_validation control_uid_range = {
	.max = U32_MAX - 1,
};

#define LIMIT NLA_POLICY_FULL_RANGE(NLA_U64, &control_limit_range)

static const struct nla_policy control_limits_policy[] = {
	[SOCKIOCP_A_LIMITS_REGISTRATIONS] = LIMIT,
	[SOCKIOCP_A_LIMITS_OPERATIONS] = LIMIT,
	[SOCKIOCP_A_LIMITS_PACKETS] = LIMIT,
	[SOCKIOCP_A_LIMITS_OFFERS] = LIMIT,
	[SOCKIOCP_A_LIMITS_UID] = NLA_POLICY_FULL_RANGE(NLA_U32, &control_uid_range),
};

/* Nothing is asked for: any attribute is one too many. */
static const struct nla_policy control_no_policy[] = {
	[1] = { .type = NLA_REJECT },
};

static const struct genl_ops control_ops[] = {
	{
		.cmd = SOCKIOCP_CMD_PORT_GET,
		.doit = control_get_port,
		.start = control_dump_start_of_port,
		.dumpit = control_dump_ports,
		.done = control_dump_done,
		.policy = control_port_policy,
		.maxattr = ARRAY_SIZE(control_port_policy) - 1,
	},
	{
		.cmd = SOCKIOCP_CMD_REGISTRATION_GET,
		.start = control_dump_start_of_port,
		.dumpit = control_dump_registrations,
		.done = control_dump_done,
		.policy = control_port_policy,
		.maxattr = ARRAY_SIZE(control_port_policy) - 1,
	},
	{
		.cmd = SOCKIOCP_CMD_WORKER_GET,
		.start = control_dump_start_of_port,
		.dumpit = control_dump_workers,
		.done = control_dump_done,
		.policy = control_port_policy,
		.maxattr = ARRAY_SIZE(control_port_policy) - 1,
	},
	{
		.cmd = SOCKIOCP_CMD_USER_GET,
		.start = control_dump_start,
		.dumpit = control_dump_users,
		.done = control_dump_done,
		.policy = control_no_policy,
		.maxattr = ARRAY_SIZE(control_no_policy) - 1,
	},
	{
		.cmd = SOCKIOCP_CMD_LIMITS_GET,
		.doit = control_get_limits,
		.policy = control_no_policy,
		.maxattr = ARRAY_SIZE(control_no_policy) - 1,
	},
	{
		.cmd = SOCKIOCP_CMD_LIMITS_SET,
		.doit = control_set_limits,
		.flags = GENL_ADMIN_PERM,
		.policy = control_limits_policy,
		.maxattr = ARRAY_SIZE(control_limits_policy) - 1,
	},
};

/* Who may hear what announce.c tells. */
static const struct genl_multicast_group control_groups[] = {
	[SOCKIOCP_GROUP_PORTS] = {
		.name = SOCKIOCP_MCGRP_PORTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[SOCKIOCP_GROUP_LIMITS] = {
		.name = SOCKIOCP_MCGRP_LIMITS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

/* Requests of different sockets do not wait for each other. */
static struct genl_family control_family __ro_after_init = {
	.name = SOCKIOCP_FAMILY_NAME,
	.version = SOCKIOCP_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = control_ops,
	.n_ops = ARRAY_SIZE(control_ops),
	.mcgrps = control_groups,
	.n_mcgrps = ARRAY_SIZE(control_groups),
};

int __init sockiocp_control_init(void)
{
	sockiocp_announce_init(&control_family);
	return genl_register_family(&control_family);
}

/* The module has begun: from here on there are dumps. */
void __init sockiocp_control_open(void)
{
	WRITE_ONCE(control_is_open, true);
}

/* Waits until no request is under way, and no event.  Who listens still hears nothing more. */
void sockiocp_control_exit(void)
{
	sockiocp_announce_exit();
	genl_unregister_family(&control_family);
}
