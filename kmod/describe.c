// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The messages of the generic netlink family: a port, a registration, a worker, a user, the
 * limits.  Who may have them is control.c's matter; but for the addresses of a socket.
 */
#include "describe.h"
#include "histogram.h"
#include "insides.h"

#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sockiocp_netlink.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/sock.h>

static void *describe_begin(struct sk_buff *skb, const struct sockiocp_answer *answer)
{
	return genlmsg_put(skb, answer->portid, answer->seq, answer->family, answer->flags,
			   answer->cmd);
}

static int describe_end(struct sk_buff *skb, void *message, int error)
{
	if (error)
		genlmsg_cancel(skb, message);
	else
		genlmsg_end(skb, message);
	return error ? -EMSGSIZE : 0;
}

/* A number of a process: 0, and left out, if the reader's namespace does not have it. */
static int describe_put_pid(struct sk_buff *skb, int attr, struct pid *pid)
{
	pid_t nr = pid_vnr(pid);

	return nr ? nla_put_u32(skb, attr, nr) : 0;
}

static int describe_put_uid(struct sk_buff *skb, int attr, unsigned long uid)
{
	return nla_put_u32(skb, attr, from_kuid_munged(current_user_ns(), KUIDT_INIT(uid)));
}

static int describe_put_totals(struct sk_buff *skb, const struct sockiocp_view_totals *t)
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

static int describe_put_histograms(struct sk_buff *skb, struct sockiocp_port *port)
{
	struct sockiocp_histogram_counts counts;

	if (!sockiocp_histogram_read(port, &counts))
		return 0;
	return nla_put_64bit(skb, SOCKIOCP_A_PORT_BATCHES, sizeof(counts.batches),
			     counts.batches, SOCKIOCP_A_PORT_PAD) ||
	       nla_put_64bit(skb, SOCKIOCP_A_PORT_WAITS, sizeof(counts.waits),
			     counts.waits, SOCKIOCP_A_PORT_PAD);
}

int sockiocp_describe_port(struct sk_buff *skb, const struct sockiocp_answer *answer,
			    struct sockiocp_port *port)
{
	struct sockiocp_view_totals totals;
	int error = sockiocp_view_totals(port, &totals);
	void *message;

	if (error)
		return error;
	message = describe_begin(skb, answer);
	if (!message)
		return -EMSGSIZE;
	error = nla_put_u32(skb, SOCKIOCP_A_PORT_ID, port->id) ||
		describe_put_uid(skb, SOCKIOCP_A_PORT_UID, port->account->uid) ||
		describe_put_pid(skb, SOCKIOCP_A_PORT_PID, port->creator) ||
		nla_put_string(skb, SOCKIOCP_A_PORT_COMM, port->comm) ||
		describe_put_totals(skb, &totals) ||
		describe_put_histograms(skb, port);
	return describe_end(skb, message, error);
}

static int describe_put_addresses(struct sk_buff *skb, const struct sock *sk, u16 family)
{
	const struct inet_sock *inet = inet_sk(sk);
	const void *local = &inet->inet_rcv_saddr, *remote = &inet->inet_daddr;
	int size = sizeof(__be32);

#if IS_ENABLED(CONFIG_IPV6)
	if (family == AF_INET6) {
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
static int describe_put_held_socket(struct sk_buff *skb, const struct sockiocp_reader *reader,
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
	return describe_put_addresses(skb, sk, family);
}

static int describe_put_socket(struct sk_buff *skb, const struct sockiocp_reader *reader,
			      struct socket *socket)
{
	int error = 0;

	/* Somebody is closing it, or has. */
	if (!sockiocp_socket_try_hold(socket))
		return 0;
	if (socket->sk)
		error = describe_put_held_socket(skb, reader, socket->sk);
	else
		error = nla_put_flag(skb, SOCKIOCP_A_REGISTRATION_CLOSED);
	sockiocp_socket_let_go(socket);
	return error;
}

int sockiocp_describe_registration(struct sk_buff *skb, const struct sockiocp_answer *answer,
				    const struct sockiocp_reader *reader, u32 port,
				    const struct sockiocp_view_registration *view)
{
	struct socket *socket = sockiocp_registration_socket(view->reg);
	void *message = describe_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_PORT, port) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_INODE, SOCK_INODE(socket)->i_ino) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_FILTER, view->filter) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_TRIGGER, view->trigger) ||
		nla_put_u32(skb, SOCKIOCP_A_REGISTRATION_STATE, view->state) ||
		describe_put_socket(skb, reader, socket);
	return describe_end(skb, message, error);
}

/* Its thread may be gone by now. */
static int describe_put_thread(struct sk_buff *skb, struct pid *pid)
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

int sockiocp_describe_worker(struct sk_buff *skb, const struct sockiocp_answer *answer, u32 port,
			      const struct sockiocp_association_view *view)
{
	static const u8 states[] = {
		[SOCKIOCP_SLOT_NONE] = SOCKIOCP_WORKER_WAITING,
		[SOCKIOCP_SLOT_WOKEN] = SOCKIOCP_WORKER_RUNNING,
		[SOCKIOCP_SLOT_HELD] = SOCKIOCP_WORKER_RUNNING,
		[SOCKIOCP_SLOT_LENT] = SOCKIOCP_WORKER_BLOCKED,
	};
	void *message = describe_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = nla_put_u32(skb, SOCKIOCP_A_WORKER_PORT, port) ||
		nla_put_u32(skb, SOCKIOCP_A_WORKER_STATE, states[view->slot]) ||
		describe_put_thread(skb, view->pid);
	return describe_end(skb, message, error);
}

static int describe_put_number(struct sk_buff *skb, int attr, unsigned long number, int pad)
{
	return nla_put_u64_64bit(skb, attr, number, pad);
}

#define PUT_USER(name, number) \
	describe_put_number(skb, SOCKIOCP_A_USER_##name, number, SOCKIOCP_A_USER_PAD)

int sockiocp_describe_user(struct sk_buff *skb, const struct sockiocp_answer *answer,
			    const struct sockiocp_account_view *user)
{
	void *message = describe_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = describe_put_uid(skb, SOCKIOCP_A_USER_UID, user->uid) ||
		PUT_USER(REGISTRATIONS, user->registrations) ||
		PUT_USER(ENDPOINTS, user->endpoints) ||
		PUT_USER(OPERATIONS, user->operations) ||
		PUT_USER(PACKETS, user->packets) ||
		PUT_USER(OFFERS, user->offers) ||
		PUT_USER(REFUSALS, user->refusals) ||
		PUT_USER(MAX_REGISTRATIONS, user->limits[SOCKIOCP_MAX_REGISTRATIONS]) ||
		PUT_USER(MAX_OPERATIONS, user->limits[SOCKIOCP_MAX_OPERATIONS]) ||
		PUT_USER(MAX_PACKETS, user->limits[SOCKIOCP_MAX_PACKETS]) ||
		PUT_USER(MAX_OFFERS, user->limits[SOCKIOCP_MAX_OFFERS]);
	return describe_end(skb, message, error);
}

#define PUT_LIMIT(name, number) \
	describe_put_number(skb, SOCKIOCP_A_LIMITS_##name, number, SOCKIOCP_A_LIMITS_PAD)

int sockiocp_describe_limits(struct sk_buff *skb, const struct sockiocp_answer *answer)
{
	void *message = describe_begin(skb, answer);
	int error;

	if (!message)
		return -EMSGSIZE;
	error = PUT_LIMIT(REGISTRATIONS, READ_ONCE(sockiocp_limits[SOCKIOCP_MAX_REGISTRATIONS])) ||
		PUT_LIMIT(OPERATIONS, READ_ONCE(sockiocp_limits[SOCKIOCP_MAX_OPERATIONS])) ||
		PUT_LIMIT(PACKETS, READ_ONCE(sockiocp_limits[SOCKIOCP_MAX_PACKETS])) ||
		PUT_LIMIT(OFFERS, READ_ONCE(sockiocp_limits[SOCKIOCP_MAX_OFFERS]));
	return describe_end(skb, message, error);
}
