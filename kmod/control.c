// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The generic netlink family: ports, their registrations and workers, users and limits,
 * for who looks from outside.  It only reads.
 *
 * Who sees what
 * =============
 *
 *   a port, with its	who has opened a port, in the network namespace in which it was
 *   registrations	opened; who has CAP_NET_ADMIN there, all that were opened in it; who
 *   and workers	has it on the machine (in the first network namespace), all there are
 *   a user		oneself; who has CAP_NET_ADMIN on the machine, all
 *   the limits		everybody
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
#include "hook.h"
#include "insides.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sockiocp_netlink.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/sock.h>

/* The longest message about a registration or a worker; make check would see a longer one. */
#define MESSAGE_SIZE	256

static struct genl_family control_family;

/* -------------------------------------------------------------------- the reader */

/* Who reads, and what it may see: as of the beginning of a dump. */
struct reader {
	kuid_t uid;
	u64 network;
	bool is_admin_of_network;
	bool is_admin;
};

static void control_get_reader(struct reader *reader, const struct sk_buff *request)
{
	struct net *net = sock_net(request->sk);

	reader->uid = NETLINK_CREDS(request)->uid;
	reader->network = sockiocp_directory_network(net);
	reader->is_admin_of_network = netlink_ns_capable(request, net->user_ns, CAP_NET_ADMIN);
	reader->is_admin = net_eq(net, &init_net) && netlink_capable(request, CAP_NET_ADMIN);
}

static bool control_may_see(const struct reader *reader, const struct sockiocp_port *port)
{
	if (reader->is_admin)
		return true;
	return port->network == reader->network &&
	       (reader->is_admin_of_network || port->account->uid == __kuid_val(reader->uid));
}

/* The next port that the reader may see, from a number on: with a reference, or NULL. */
static struct sockiocp_port *control_next_port(const struct reader *reader, unsigned long id)
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
static struct sockiocp_port *control_find_port(const struct reader *reader,
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

/* ---------------------------------------------------------------------- messages */

/* To which request a message is the answer. */
struct answer {
	u32 portid;
	u32 seq;
	int flags;
	u8 cmd;
};

static void *control_begin(struct sk_buff *skb, const struct answer *answer)
{
	return genlmsg_put(skb, answer->portid, answer->seq, &control_family, answer->flags,
			   answer->cmd);
}

static int control_end(struct sk_buff *skb, void *message, int error)
{
	if (error)
		genlmsg_cancel(skb, message);
	else
		genlmsg_end(skb, message);
	return error ? -EMSGSIZE : 0;
}

/* A number of a process: 0, and left out, if the reader's namespace does not have it. */
static int control_put_pid(struct sk_buff *skb, int attr, struct pid *pid)
{
	pid_t nr = pid_vnr(pid);

	return nr ? nla_put_u32(skb, attr, nr) : 0;
}

static int control_put_uid(struct sk_buff *skb, int attr, unsigned long uid)
{
	return nla_put_u32(skb, attr, from_kuid_munged(current_user_ns(), KUIDT_INIT(uid)));
}

static int control_put_totals(struct sk_buff *skb, const struct sockiocp_view_totals *t)
{
	return (t->closed && nla_put_flag(skb, SOCKIOCP_A_PORT_CLOSED)) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_REGISTRATIONS, t->registrations) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_ARMED, t->armed) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_QUEUED, t->queued) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_DISABLED, t->disabled) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_ENDPOINTS, t->endpoints) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_OPERATIONS, t->operations) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_PACKETS, t->packets) ||
	       nla_put_u64_64bit(skb, SOCKIOCP_A_PORT_DELIVERED, t->delivered,
				 SOCKIOCP_A_PORT_PAD) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_WAITERS, t->waiters) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_WORKERS, t->workers) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_ACTIVE, t->active) ||
	       nla_put_u32(skb, SOCKIOCP_A_PORT_CONCURRENCY, t->concurrency);
}

static int control_put_port(struct sk_buff *skb, const struct answer *answer,
			    struct sockiocp_port *port)
{
	struct sockiocp_view_totals totals;
	int error = sockiocp_view_totals(port, &totals);
	void *message;

	if (error)
		return error;
	message = control_begin(skb, answer);
	if (!message)
		return -EMSGSIZE;
	error = nla_put_u32(skb, SOCKIOCP_A_PORT_ID, port->id) ||
		control_put_uid(skb, SOCKIOCP_A_PORT_UID, port->account->uid) ||
		control_put_pid(skb, SOCKIOCP_A_PORT_PID, port->creator) ||
		nla_put_string(skb, SOCKIOCP_A_PORT_COMM, port->comm) ||
		control_put_totals(skb, &totals);
	return control_end(skb, message, error);
}

static int control_put_addresses(struct sk_buff *skb, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	const void *local = &inet->inet_rcv_saddr, *remote = &inet->inet_daddr;
	int size = sizeof(__be32);

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		local = &sk->sk_v6_rcv_saddr;
		remote = &sk->sk_v6_daddr;
		size = sizeof(struct in6_addr);
	}
#endif
	/* They may change at the same time: then these are the old, the new, or both. */
	return data_race(nla_put(skb, SOCKIOCP_A_REGISTRATION_LOCAL_ADDRESS, size, local) ||
			 nla_put(skb, SOCKIOCP_A_REGISTRATION_REMOTE_ADDRESS, size, remote) ||
			 nla_put_u16(skb, SOCKIOCP_A_REGISTRATION_LOCAL_PORT,
				     ntohs(inet->inet_sport)) ||
			 nla_put_u16(skb, SOCKIOCP_A_REGISTRATION_REMOTE_PORT,
				     ntohs(inet->inet_dport)));
}

/* What the socket itself tells, which stays there meanwhile. */
static int control_put_held_socket(struct sk_buff *skb, const struct reader *reader,
				   const struct sock *sk)
{
	/* An IPv6 socket may become an IPv4 one, once. */
	u16 family = READ_ONCE(sk->sk_family);

	if (nla_put_u16(skb, SOCKIOCP_A_REGISTRATION_FAMILY, family) ||
	    nla_put_u16(skb, SOCKIOCP_A_REGISTRATION_TYPE, sk->sk_type) ||
	    nla_put_u16(skb, SOCKIOCP_A_REGISTRATION_PROTOCOL, sk->sk_protocol))
		return -EMSGSIZE;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (!reader->is_admin && sockiocp_directory_network(sock_net(sk)) != reader->network)
		return 0;
	return control_put_addresses(skb, sk);
}

static int control_put_socket(struct sk_buff *skb, const struct reader *reader,
			      struct socket *socket)
{
	int error = 0;

	/* Somebody is closing it, or has. */
	if (!sockiocp_socket_try_hold(socket))
		return 0;
	if (socket->sk)
		error = control_put_held_socket(skb, reader, socket->sk);
	else
		error = nla_put_flag(skb, SOCKIOCP_A_REGISTRATION_CLOSED);
	sockiocp_socket_let_go(socket);
	return error;
}

static int control_put_registration(struct sk_buff *skb, const struct answer *answer,
				    const struct reader *reader, u32 port,
				    const struct sockiocp_view_registration *view)
{
	struct socket *socket = sockiocp_registration_socket(view->reg);
	void *message = control_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_PORT, port) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_INODE, SOCK_INODE(socket)->i_ino) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_FILTER, view->filter) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_TRIGGER, view->trigger) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_STATE, view->state) ||
		control_put_socket(skb, reader, socket);
	return control_end(skb, message, error);
}

/* Its thread may be gone by now. */
static int control_put_thread(struct sk_buff *skb, struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	char comm[TASK_COMM_LEN];
	int error = 0;

	if (!task)
		return 0;
	if (pid_vnr(pid)) {
		get_task_comm(comm, task);
		error = nla_put_u32(skb, SOCKIOCP_A_WORKER_TID, pid_vnr(pid)) ||
			nla_put_u32(skb, SOCKIOCP_A_WORKER_PID, task_tgid_vnr(task)) ||
			nla_put_string(skb, SOCKIOCP_A_WORKER_COMM, comm);
	}
	put_task_struct(task);
	return error;
}

static int control_put_worker(struct sk_buff *skb, const struct answer *answer, u32 port,
			      const struct sockiocp_association_view *view)
{
	static const u8 states[] = {
		[SOCKIOCP_SLOT_NONE] = SOCKIOCP_WORKER_WAITING,
		[SOCKIOCP_SLOT_WOKEN] = SOCKIOCP_WORKER_RUNNING,
		[SOCKIOCP_SLOT_HELD] = SOCKIOCP_WORKER_RUNNING,
		[SOCKIOCP_SLOT_LENT] = SOCKIOCP_WORKER_BLOCKED,
	};
	void *message = control_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = nla_put_u32(skb, SOCKIOCP_A_WORKER_PORT, port) ||
		nla_put_u32(skb, SOCKIOCP_A_WORKER_STATE, states[view->slot]) ||
		control_put_thread(skb, view->pid);
	return control_end(skb, message, error);
}

static int control_put_number(struct sk_buff *skb, int attr, unsigned long number, int pad)
{
	return nla_put_u64_64bit(skb, attr, number, pad);
}

#define PUT_USER(name, number) \
	control_put_number(skb, SOCKIOCP_A_USER_##name, number, SOCKIOCP_A_USER_PAD)

static int control_put_user(struct sk_buff *skb, const struct answer *answer,
			    const struct sockiocp_account_view *user)
{
	void *message = control_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = control_put_uid(skb, SOCKIOCP_A_USER_UID, user->uid) ||
		PUT_USER(REGISTRATIONS, user->registrations) ||
		PUT_USER(ENDPOINTS, user->endpoints) ||
		PUT_USER(OPERATIONS, user->operations) ||
		PUT_USER(PACKETS, user->packets) ||
		PUT_USER(OFFERS, user->offers);
	return control_end(skb, message, error);
}

#define PUT_LIMIT(name, number) \
	control_put_number(skb, SOCKIOCP_A_LIMITS_##name, number, SOCKIOCP_A_LIMITS_PAD)

static int control_put_limits(struct sk_buff *skb, const struct answer *answer)
{
	void *message = control_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = PUT_LIMIT(REGISTRATIONS, READ_ONCE(sockiocp_max_user_registrations)) ||
		PUT_LIMIT(OPERATIONS, READ_ONCE(sockiocp_max_user_operations)) ||
		PUT_LIMIT(PACKETS, READ_ONCE(sockiocp_max_user_packets)) ||
		PUT_LIMIT(OFFERS, READ_ONCE(sockiocp_max_user_offers));
	return control_end(skb, message, error);
}

/* ----------------------------------------------------------------------- one thing */

static struct answer control_answer_to(const struct genl_info *info)
{
	return (struct answer) {
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
	struct answer answer = control_answer_to(info);
	struct sockiocp_port *port;
	struct sk_buff *reply;
	struct reader reader;
	int error;

	if (GENL_REQ_ATTR_CHECK(info, SOCKIOCP_A_PORT_ID))
		return -EINVAL;
	control_get_reader(&reader, skb);
	port = control_find_port(&reader, info->attrs[SOCKIOCP_A_PORT_ID], info->extack);
	if (IS_ERR(port))
		return PTR_ERR(port);
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	error = reply ? control_put_port(reply, &answer, port) : -ENOMEM;
	sockiocp_port_put(port);
	return reply ? control_reply(reply, info, error) : error;
}

static int control_get_limits(struct sk_buff *skb, struct genl_info *info)
{
	struct answer answer = control_answer_to(info);
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!reply)
		return -ENOMEM;
	return control_reply(reply, info, control_put_limits(reply, &answer));
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
 */
struct dump {
	struct reader reader;
	unsigned long next;
	unsigned long last;
	struct sockiocp_port *port;
	bool of_workers;
	struct sockiocp_view_mark mark;
	struct sockiocp_worker cursor;
};

static struct dump *control_dump_of(struct netlink_callback *cb)
{
	return (struct dump *)cb->args[0];
}

static struct answer control_part_for(struct netlink_callback *cb, u8 cmd)
{
	return (struct answer) {
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.cmd = cmd,
	};
}

static int control_dump_start(struct netlink_callback *cb)
{
	struct dump *dump = kzalloc(sizeof(*dump), GFP_KERNEL_ACCOUNT);

	if (!dump)
		return -ENOMEM;
	control_get_reader(&dump->reader, cb->skb);
	dump->last = ULONG_MAX;
	cb->args[0] = (long)dump;
	return 0;
}

/* The same, but of one port if that is asked for; the attribute is 1 wherever it is one. */
static int control_dump_start_of_port(struct netlink_callback *cb)
{
	const struct nlattr *attr = genl_info_dump(cb)->attrs[1];
	struct sockiocp_port *port;
	struct dump *dump;
	int error;

	BUILD_BUG_ON(SOCKIOCP_A_REGISTRATION_PORT != 1 || SOCKIOCP_A_WORKER_PORT != 1);

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
	struct answer answer = control_part_for(cb, SOCKIOCP_CMD_PORT_GET);
	struct dump *dump = control_dump_of(cb);
	struct sockiocp_port *port;
	int error = 0;

	while (!error && (port = control_dump_next_port(dump))) {
		if (IS_ERR(port)) {
			error = PTR_ERR(port);
			break;
		}
		error = control_put_port(skb, &answer, port);
		if (!error)
			dump->next = port->id + 1;
		sockiocp_port_put(port);
	}
	return control_dump_result(skb, error);
}

/* For how many messages there is room. */
static unsigned int control_room(const struct sk_buff *skb, unsigned int most)
{
	return min_t(unsigned int, skb_tailroom(skb) / MESSAGE_SIZE, most);
}

/* The next registrations of the port; -EMSGSIZE if there is no room for one more. */
static int control_dump_some_registrations(struct sk_buff *skb, struct netlink_callback *cb,
					   struct dump *dump)
{
	struct answer answer = control_part_for(cb, SOCKIOCP_CMD_REGISTRATION_GET);
	struct sockiocp_view_registration views[8];
	unsigned int nr = control_room(skb, ARRAY_SIZE(views)), i;
	int error = 0;

	if (!nr)
		return -EMSGSIZE;
	nr = sockiocp_view_next(dump->port, &dump->mark, views, nr);
	for (i = 0; i < nr; i++) {
		if (!error)
			error = control_put_registration(skb, &answer, &dump->reader,
							 dump->port->id, &views[i]);
		sockiocp_registration_put(views[i].reg);
	}
	WARN_ON_ONCE(error);
	return error;
}

static int control_dump_some_workers(struct sk_buff *skb, struct netlink_callback *cb,
				     struct dump *dump)
{
	struct answer answer = control_part_for(cb, SOCKIOCP_CMD_WORKER_GET);
	struct sockiocp_association_view views[8];
	unsigned int nr = control_room(skb, ARRAY_SIZE(views)), i;
	int error = 0;

	if (!nr)
		return -EMSGSIZE;
	nr = sockiocp_association_next(dump->port, &dump->cursor, views, nr);
	for (i = 0; i < nr; i++) {
		if (!error)
			error = control_put_worker(skb, &answer, dump->port->id, &views[i]);
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
	if (dump->of_workers)
		sockiocp_association_begin_look(port, &dump->cursor);
	else
		sockiocp_view_begin(port, &dump->mark);
	return 0;
}

static bool control_dump_is_through(struct dump *dump)
{
	return dump->of_workers ?
		sockiocp_association_is_through(dump->port, &dump->cursor) : !dump->mark.left;
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
	struct answer answer = control_part_for(cb, SOCKIOCP_CMD_USER_GET);
	struct dump *dump = control_dump_of(cb);
	struct reader *reader = &dump->reader;
	struct sockiocp_account_view user;
	int error = 0;

	/* A user id has 32 bits, so that the next number is there. */
	while (!error && sockiocp_account_next(dump->next, &user)) {
		if (reader->is_admin || user.uid == __kuid_val(reader->uid))
			error = control_put_user(skb, &answer, &user);
		if (!error)
			dump->next = user.uid + 1;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return control_dump_result(skb, error);
}

/* ---------------------------------------------------------------------- the family */

static const struct nla_policy control_port_policy[] = {
	[SOCKIOCP_A_PORT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy control_registration_policy[] = {
	[SOCKIOCP_A_REGISTRATION_PORT] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy control_worker_policy[] = {
	[SOCKIOCP_A_WORKER_PORT] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Nothing is asked for: any attribute is one too many. */
static const struct nla_policy control_no_policy[] = {
	[1] = { .type = NLA_REJECT },
};

static const struct genl_ops control_ops[] = {
	{
		.cmd = SOCKIOCP_CMD_PORT_GET,
		.doit = control_get_port,
		.start = control_dump_start,
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
		.policy = control_registration_policy,
		.maxattr = ARRAY_SIZE(control_registration_policy) - 1,
	},
	{
		.cmd = SOCKIOCP_CMD_WORKER_GET,
		.start = control_dump_start_of_port,
		.dumpit = control_dump_workers,
		.done = control_dump_done,
		.policy = control_worker_policy,
		.maxattr = ARRAY_SIZE(control_worker_policy) - 1,
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
};

int __init sockiocp_control_init(void)
{
	return genl_register_family(&control_family);
}

/* Waits until no request is under way. */
void sockiocp_control_exit(void)
{
	genl_unregister_family(&control_family);
}
