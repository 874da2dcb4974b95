/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What describe.c offers to control.c: the messages of the netlink family.
 */
#ifndef _SOCKIOCP_DESCRIBE_H
#define _SOCKIOCP_DESCRIBE_H

#include "hook.h"

#include <linux/skbuff.h>
#include <linux/uidgid.h>

struct genl_family;

/* The longest message about a registration or a worker; make check would see a longer one. */
#define SOCKIOCP_MESSAGE_SIZE	256

/* Who reads, and what it may see: as of the beginning of a dump. */
struct sockiocp_reader {
	kuid_t uid;
	u64 network;
	bool is_admin_of_network;
	bool is_admin;
};

/* To which request a message is the answer. */
struct sockiocp_answer {
	const struct genl_family *family;
	u32 portid;
	u32 seq;
	int flags;
	u8 cmd;
};

/* All return 0, or -EMSGSIZE if there is no room: then nothing was added. */
int sockiocp_describe_port(struct sk_buff *skb, const struct sockiocp_answer *answer,
			   struct sockiocp_port *port);
int sockiocp_describe_registration(struct sk_buff *skb, const struct sockiocp_answer *answer,
				   const struct sockiocp_reader *reader, u32 port,
				   const struct sockiocp_view_registration *view);
int sockiocp_describe_worker(struct sk_buff *skb, const struct sockiocp_answer *answer,
			     u32 port, const struct sockiocp_association_view *view);
int sockiocp_describe_user(struct sk_buff *skb, const struct sockiocp_answer *answer,
			   const struct sockiocp_account_view *user);
int sockiocp_describe_limits(struct sk_buff *skb, const struct sockiocp_answer *answer);

#endif /* _SOCKIOCP_DESCRIBE_H */
