// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The generic netlink family of the module: see genl.h.
 */
#include <errno.h>
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

int genl_open(struct genl *g)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	char attrs[64];
	int yes = 1, ret;

	memset(g, 0, sizeof(*g));
	g->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (g->fd < 0)
		return -errno;
	setsockopt(g->fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes));
	setsockopt(g->fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes));
	if (connect(g->fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	ret = send_request(g, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, attrs,
			   genl_put(attrs, CTRL_ATTR_FAMILY_NAME, SOCKIOCP_FAMILY_NAME,
				    sizeof(SOCKIOCP_FAMILY_NAME)));
	if (!ret)
		ret = genl_next(g);
	if (ret < 0)
		return ret;
	g->family = genl_number(g, CTRL_ATTR_FAMILY_ID);
	return 0;
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
