/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The generic netlink family "sockiocp": what ports there are, and how they are.
 * Documentation/netlink/specs/sockiocp.yaml says the same; make lint compares them.
 */
#ifndef _LINUX_SOCKIOCP_NETLINK_H
#define _LINUX_SOCKIOCP_NETLINK_H

/* How a registration is. */
enum {
	SOCKIOCP_STATE_ARMED,
	SOCKIOCP_STATE_QUEUED,
	SOCKIOCP_STATE_DISABLED,
};

#endif /* _LINUX_SOCKIOCP_NETLINK_H */
