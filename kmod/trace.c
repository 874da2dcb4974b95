// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What tracepoints tell, and those that are behind a call.
 */
#include "insides.h"
#include "packet.h"

/* A socket, as ss(8) and /proc/PID/fd name it.  A hook pins its inode. */
static inline u64 trace_inode(const struct sockiocp_hook *hook)
{
	return SOCK_INODE(sockiocp_hook_socket(hook))->i_ino;
}

/* A packet that is in a queue, whose port is locked, or that whoever tells of it has taken. */
struct sockiocp_trace_packet {
	enum sockiocp_trace_kind kind;
	u64 inode;
	u64 key;
	u64 overlapped;
};

static inline struct sockiocp_trace_packet trace_packet(struct sockiocp_packet *packet)
{
	struct sockiocp_trace_packet told = { .kind = SOCKIOCP_TRACE_NOTIFICATION };

	if (sockiocp_packet_is_posted(packet)) {
		told.kind = SOCKIOCP_TRACE_POSTED;
		told.key = sockiocp_packet_posted(packet)->entry.completion_key;
		told.overlapped = sockiocp_packet_posted(packet)->entry.overlapped;
	} else if (sockiocp_packet_is_operation(packet)) {
		told.kind = SOCKIOCP_TRACE_OPERATION;
		told.key = sockiocp_packet_operation(packet)->entry.completion_key;
		told.overlapped = sockiocp_packet_operation(packet)->entry.overlapped;
	} else {
		struct sockiocp_registration *reg = sockiocp_packet_registration(packet);

		/* It may be removed just now, if it is taken. */
		if (data_race(reg->hook.state) == SOCKIOCP_REMOVED)
			told.kind = SOCKIOCP_TRACE_REMOVE;
		told.key = reg->hook.key;
		told.inode = trace_inode(&reg->hook);
	}
	return told;
}

#define CREATE_TRACE_POINTS
#include "trace.h"

void sockiocp_trace_queue(struct sockiocp_port *port, struct sockiocp_packet *packet)
{
	trace_sockiocp_queue(port, packet);
}

void sockiocp_trace_post(struct sockiocp_port *port, struct sockiocp_packet *packet)
{
	trace_sockiocp_post(port, packet);
}

void sockiocp_trace_arm(struct sockiocp_registration *reg)
{
	trace_sockiocp_arm(reg);
}

void sockiocp_trace_coalesce(struct sockiocp_registration *reg)
{
	trace_sockiocp_coalesce(reg);
}
