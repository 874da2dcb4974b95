/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The generic netlink family of the module, spoken byte by byte: so that a test can say
 * what no library would.  Conventions as in sock.h.
 */
#ifndef SELFTESTS_LIB_GENL_H
#define SELFTESTS_LIB_GENL_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/sockiocp_netlink.h>

#define GENL_ATTRS	32

struct genl {
	int fd;
	uint16_t family;
	uint32_t seq;
	/* What was received, and how far it was read. */
	char buffer[32 * 1024];
	size_t length, at;
	/* Of the last refusal: what the kernel said, and at which byte of the request. */
	char said[128];
	int offset;
	/* Of the last message. */
	int cmd;
	const struct nlattr *attrs[GENL_ATTRS];
};

/* The socket, and the family's number; genl_close() or exit end it. */
int genl_open(struct genl *g);
void genl_close(struct genl *g);

/* A request with an attribute of any content, or with none if @type is 0. */
int genl_ask(struct genl *g, int cmd, int flags, int type, const void *data, size_t length);
int genl_ask_u32(struct genl *g, int cmd, int flags, int type, uint32_t value);
/* With several attributes, which genl_put() has put one behind the other: how long each is. */
size_t genl_put(void *at, int type, const void *data, size_t length);
int genl_ask_all(struct genl *g, int cmd, int flags, const void *attrs, size_t length);
/* The next message of the answer: 1; 0 at the end; or an error, which is the end, too. */
int genl_next(struct genl *g);

/* Gives a user a limit of its own; or takes all away that it has, if @type is 0. */
int genl_set_own_limit(struct genl *g, uint32_t uid, int type, uint64_t value);

/* Events of the group come to the same socket from now on. */
int genl_join(struct genl *g, const char *group);
/* The command of the next event; 0 if none comes in that time; or an error. */
int genl_event(struct genl *g, int timeout_ms);

/* What the last message has; -1 if it has not. */
long long genl_number(const struct genl *g, int type);
const char *genl_string(const struct genl *g, int type);
int genl_has(const struct genl *g, int type);

#endif /* SELFTESTS_LIB_GENL_H */
