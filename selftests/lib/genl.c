// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The generic netlink family of the module: see genl.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "genl.h"

#ifndef NLA_DATA
#define NLA_DATA(attr)	((const void *)((const char *)(attr) + NLA_HDRLEN))
#endif

static int send_request(struct genl *g, int family, int cmd, int flags, const void *attrs,
			size_t length)
{
	struct {
		struct nlmsghdr nl;
		struct genlmsghdr genl;
		char attrs[256];
	} request = {
		.nl = {
			.nlmsg_type = family,
			.nlmsg_flags = NLM_F_REQUEST | flags,
			.nlmsg_seq = ++g->seq,
			.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + length,
		},
		.genl = { .cmd = cmd, .version = 1 },
	};

	memcpy(request.attrs, attrs, length);
	g->length = 0;
	g->at = 0;
	g->said[0] = 0;
	g->offset = -1;
	return send(g->fd, &request, request.nl.nlmsg_len, 0) < 0 ? -errno : 0;
}

static void parse(const struct nlattr **attrs, const char *at, const char *end)
{
	const struct nlattr *attr;

	memset(attrs, 0, GENL_ATTRS * sizeof(*attrs));
	while (end - at >= NLA_HDRLEN) {
		attr = (const void *)at;
		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			return;
		if ((attr->nla_type & NLA_TYPE_MASK) < GENL_ATTRS)
			attrs[attr->nla_type & NLA_TYPE_MASK] = attr;
		at += NLA_ALIGN(attr->nla_len);
	}
}

/* What comes with an error, or with the end of a dump. */
static void note_said(struct genl *g, const char *at, const char *end)
{
	const struct nlattr *attrs[GENL_ATTRS];

	parse(attrs, at, end);
	if (attrs[NLMSGERR_ATTR_MSG])
		strncpy(g->said, NLA_DATA(attrs[NLMSGERR_ATTR_MSG]), sizeof(g->said) - 1);
	if (attrs[NLMSGERR_ATTR_OFFS])
		memcpy(&g->offset, NLA_DATA(attrs[NLMSGERR_ATTR_OFFS]), sizeof(g->offset));
}

static int note_error(struct genl *g, const struct nlmsghdr *nl)
{
	const struct nlmsgerr *error = NLMSG_DATA(nl);
	size_t skip = sizeof(*error);

	if (!(nl->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	if (nl->nlmsg_flags & NLM_F_ACK_TLVS)
		note_said(g, (const char *)error + NLMSG_ALIGN(skip),
			  (const char *)nl + nl->nlmsg_len);
	return error->error;
}

static int note_done(struct genl *g, const struct nlmsghdr *nl)
{
	int error = 0;

	if (nl->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(nl), sizeof(error));
	if (nl->nlmsg_flags & NLM_F_ACK_TLVS)
		note_said(g, (const char *)NLMSG_DATA(nl) + sizeof(error),
			  (const char *)nl + nl->nlmsg_len);
	return error;
}

int genl_next(struct genl *g)
{
	const struct nlmsghdr *nl;
	ssize_t got;

	if (g->at >= g->length) {
		got = recv(g->fd, g->buffer, sizeof(g->buffer), 0);
		if (got < 0)
			return -errno;
		g->length = got;
		g->at = 0;
	}
	nl = (const void *)(g->buffer + g->at);
	g->at += NLMSG_ALIGN(nl->nlmsg_len);
	if (nl->nlmsg_type == NLMSG_ERROR)
		return note_error(g, nl);
	if (nl->nlmsg_type == NLMSG_DONE)
		return note_done(g, nl);
	g->cmd = ((const struct genlmsghdr *)NLMSG_DATA(nl))->cmd;
	parse(g->attrs, (const char *)NLMSG_DATA(nl) + GENL_HDRLEN,
	      (const char *)nl + nl->nlmsg_len);
	return 1;
}

size_t genl_put(void *at, int type, const void *data, size_t length)
{
	struct nlattr attr = { .nla_type = type, .nla_len = NLA_HDRLEN + length };

	memset(at, 0, NLA_ALIGN(attr.nla_len));
	memcpy(at, &attr, sizeof(attr));
	memcpy((char *)at + NLA_HDRLEN, data, length);
	return NLA_ALIGN(attr.nla_len);
}

int genl_ask_all(struct genl *g, int cmd, int flags, const void *attrs, size_t length)
{
	return send_request(g, g->family, cmd, flags, attrs, length);
}

int genl_ask(struct genl *g, int cmd, int flags, int type, const void *data, size_t length)
{
	char attrs[256];

	return genl_ask_all(g, cmd, flags, attrs, type ? genl_put(attrs, type, data, length) : 0);
}

int genl_ask_u32(struct genl *g, int cmd, int flags, int type, uint32_t value)
{
	return genl_ask(g, cmd, flags, type, &value, sizeof(value));
}

int genl_set_own_limit(struct genl *g, uint32_t uid, int type, uint64_t value)
{
	char attrs[64];
	size_t length = genl_put(attrs, SOCKIOCP_A_LIMITS_UID, &uid, sizeof(uid));
	int ret;

	if (type)
		length += genl_put(attrs + length, type, &value, sizeof(value));
	ret = genl_ask_all(g, SOCKIOCP_CMD_LIMITS_SET, NLM_F_ACK, attrs, length);
	return ret ? ret : genl_next(g);
}

static int ask_for_family(struct genl *g)
{
	char attrs[64];

	return send_request(g, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, attrs,
			    genl_put(attrs, CTRL_ATTR_FAMILY_NAME, SOCKIOCP_FAMILY_NAME,
				     sizeof(SOCKIOCP_FAMILY_NAME)));
}

int genl_open(struct genl *g)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int yes = 1, ret;

	memset(g, 0, sizeof(*g));
	g->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (g->fd < 0)
		return -errno;
	setsockopt(g->fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes));
	setsockopt(g->fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes));
	if (connect(g->fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	ret = ask_for_family(g);
	if (!ret)
		ret = genl_next(g);
	if (ret < 0)
		return ret;
	g->family = genl_number(g, CTRL_ATTR_FAMILY_ID);
	return 0;
}

/* The number of a group, of what the last message has; or 0. */
static int group_number(const struct genl *g, const char *name)
{
	const struct nlattr *list = g->attrs[CTRL_ATTR_MCAST_GROUPS];
	const struct nlattr *attrs[GENL_ATTRS];
	const char *at, *end;
	int number = 0;

	if (!list)
		return 0;
	end = (const char *)list + list->nla_len;
	for (at = NLA_DATA(list); at < end; at += NLA_ALIGN(((struct nlattr *)at)->nla_len)) {
		parse(attrs, NLA_DATA(at), at + ((struct nlattr *)at)->nla_len);
		if (attrs[CTRL_ATTR_MCAST_GRP_NAME] && attrs[CTRL_ATTR_MCAST_GRP_ID] &&
		    !strcmp(NLA_DATA(attrs[CTRL_ATTR_MCAST_GRP_NAME]), name))
			memcpy(&number, NLA_DATA(attrs[CTRL_ATTR_MCAST_GRP_ID]), sizeof(number));
	}
	return number;
}

int genl_join(struct genl *g, const char *name)
{
	int ret = ask_for_family(g), number;

	if (!ret)
		ret = genl_next(g);
	if (ret < 0)
		return ret;
	number = group_number(g, name);
	if (!number)
		return -ENOENT;
	ret = setsockopt(g->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &number, sizeof(number));
	return ret ? -errno : 0;
}

int genl_event(struct genl *g, int timeout_ms)
{
	struct pollfd fd = { .fd = g->fd, .events = POLLIN };
	int ret;

	if (g->at >= g->length && poll(&fd, 1, timeout_ms) != 1)
		return 0;
	ret = genl_next(g);
	return ret == 1 ? g->cmd : ret;
}

void genl_close(struct genl *g)
{
	close(g->fd);
}

int genl_has(const struct genl *g, int type)
{
	return g->attrs[type] != NULL;
}

long long genl_number(const struct genl *g, int type)
{
	const struct nlattr *attr = g->attrs[type];
	uint64_t value = 0;

	if (!attr)
		return -1;
	memcpy(&value, NLA_DATA(attr), attr->nla_len - NLA_HDRLEN);
	return value;
}

const char *genl_string(const struct genl *g, int type)
{
	return g->attrs[type] ? NLA_DATA(g->attrs[type]) : "";
}
