/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Tracepoints: what happens in a port, as it happens, for who looks from outside (ftrace,
 * perf, bpftrace).  Documentation/userspace-api/tracepoints.rst says what each one means.
 *
 * Each is a static key: while nobody looks it is an instruction that does nothing.  Those
 * of the shortest ways, and of inline functions, call something that is not inline, so that
 * no more than that instruction is there.
 *
 * What they read never changes, or is held still by whoever meets them; of a packet that a
 * harvest has taken its kind may change, which is not told exactly then.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sockiocp

#if !defined(_SOCKIOCP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SOCKIOCP_TRACE_H

#include "types.h"

#include <linux/ktime.h>
#include <linux/tracepoint.h>

#ifndef _SOCKIOCP_TRACE_ONCE
#define _SOCKIOCP_TRACE_ONCE

/* What stands in a queue. */
enum sockiocp_trace_kind {
	SOCKIOCP_TRACE_NOTIFICATION,
	SOCKIOCP_TRACE_REMOVE,
	SOCKIOCP_TRACE_POSTED,
	SOCKIOCP_TRACE_OPERATION,
};

/* Without a line at the place where it happens. */
void sockiocp_trace_queue(struct sockiocp_port *port, struct sockiocp_packet *packet);
void sockiocp_trace_post(struct sockiocp_port *port, struct sockiocp_packet *packet);
void sockiocp_trace_arm(struct sockiocp_registration *reg);
void sockiocp_trace_coalesce(struct sockiocp_registration *reg);

#endif

TRACE_DEFINE_ENUM(SOCKIOCP_TRACE_NOTIFICATION);
TRACE_DEFINE_ENUM(SOCKIOCP_TRACE_REMOVE);
TRACE_DEFINE_ENUM(SOCKIOCP_TRACE_POSTED);
TRACE_DEFINE_ENUM(SOCKIOCP_TRACE_OPERATION);
TRACE_DEFINE_ENUM(SOCKIOCP_WAKE_QUEUED);
TRACE_DEFINE_ENUM(SOCKIOCP_WAKE_SLOT);
TRACE_DEFINE_ENUM(SOCKIOCP_WAKE_LEFT);
TRACE_DEFINE_ENUM(SOCKIOCP_WAKE_CONCURRENCY);
TRACE_DEFINE_ENUM(SOCKIOCP_WAKE_CLOSED);
TRACE_DEFINE_ENUM(SOCKIOCP_REFUSED_REGISTRATION);
TRACE_DEFINE_ENUM(SOCKIOCP_REFUSED_ENDPOINT);
TRACE_DEFINE_ENUM(SOCKIOCP_REFUSED_OPERATION);
TRACE_DEFINE_ENUM(SOCKIOCP_REFUSED_PACKET);
TRACE_DEFINE_ENUM(SOCKIOCP_REFUSED_OFFER);

#define sockiocp_show_kind(kind) __print_symbolic(kind,			\
	{ SOCKIOCP_TRACE_NOTIFICATION, "notification" },		\
	{ SOCKIOCP_TRACE_REMOVE, "remove" },				\
	{ SOCKIOCP_TRACE_POSTED, "posted" },				\
	{ SOCKIOCP_TRACE_OPERATION, "operation" })

#define sockiocp_show_operation(operation) __print_symbolic(operation,	\
	{ SOCKIOCP_SUBMIT_RECEIVE, "receive" },				\
	{ SOCKIOCP_SUBMIT_SEND, "send" },				\
	{ SOCKIOCP_SUBMIT_POLL_IN, "poll_in" },				\
	{ SOCKIOCP_SUBMIT_POLL_OUT, "poll_out" },			\
	{ SOCKIOCP_SUBMIT_RESULT, "result" })

#define sockiocp_show_wake(reason) __print_symbolic(reason,		\
	{ SOCKIOCP_WAKE_QUEUED, "queued" },				\
	{ SOCKIOCP_WAKE_SLOT, "slot" },					\
	{ SOCKIOCP_WAKE_LEFT, "left" },					\
	{ SOCKIOCP_WAKE_CONCURRENCY, "concurrency" },			\
	{ SOCKIOCP_WAKE_CLOSED, "closed" })

#define sockiocp_show_refused(what) __print_symbolic(what,		\
	{ SOCKIOCP_REFUSED_REGISTRATION, "registration" },		\
	{ SOCKIOCP_REFUSED_ENDPOINT, "endpoint" },			\
	{ SOCKIOCP_REFUSED_OPERATION, "operation" },			\
	{ SOCKIOCP_REFUSED_PACKET, "packet" },				\
	{ SOCKIOCP_REFUSED_OFFER, "offer" })

/* ---------------------------------------------------------- registrations */

DECLARE_EVENT_CLASS(sockiocp_registration,
	TP_PROTO(struct sockiocp_registration *reg),
	TP_ARGS(reg),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u64, inode)
		__field(u64, key)
		__field(u32, filter)
		__field(u32, trigger)
	),
	TP_fast_assign(
		__entry->port = reg->hook.port->id;
		__entry->inode = trace_inode(&reg->hook);
		__entry->key = reg->hook.key;
		__entry->filter = reg->terms.filter;
		__entry->trigger = reg->terms.trigger;
	),
	TP_printk("port=%u inode=%llu key=%#llx filter=%#x trigger=%#x",
		  __entry->port, __entry->inode, __entry->key, __entry->filter,
		  __entry->trigger)
);

/* An entry has asked it to report. */
DEFINE_EVENT(sockiocp_registration, sockiocp_arm,
	TP_PROTO(struct sockiocp_registration *reg),
	TP_ARGS(reg)
);

/* Something has happened, and its packet is queued already, or about to be looked at. */
DEFINE_EVENT(sockiocp_registration, sockiocp_coalesce,
	TP_PROTO(struct sockiocp_registration *reg),
	TP_ARGS(reg)
);

/* An entry has asked it not to report. */
DEFINE_EVENT(sockiocp_registration, sockiocp_disable,
	TP_PROTO(struct sockiocp_registration *reg),
	TP_ARGS(reg)
);

/* It ends: an entry has asked for that, or the socket or the port is closed. */
TRACE_EVENT(sockiocp_remove,
	TP_PROTO(struct sockiocp_registration *reg, unsigned int state),
	TP_ARGS(reg, state),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u64, inode)
		__field(u64, key)
		__field(u32, closed)
	),
	TP_fast_assign(
		__entry->port = reg->hook.port->id;
		__entry->inode = trace_inode(&reg->hook);
		__entry->key = reg->hook.key;
		__entry->closed = state == SOCKIOCP_DEAD;
	),
	TP_printk("port=%u inode=%llu key=%#llx closed=%u", __entry->port, __entry->inode,
		  __entry->key, __entry->closed)
);

/* A search has found its socket closed; it may be an endpoint, too. */
TRACE_EVENT(sockiocp_reap,
	TP_PROTO(struct sockiocp_port *port, struct sockiocp_hook *hook),
	TP_ARGS(port, hook),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u64, inode)
	),
	TP_fast_assign(
		__entry->port = port->id;
		__entry->inode = trace_inode(hook);
	),
	TP_printk("port=%u inode=%llu", __entry->port, __entry->inode)
);

/* ---------------------------------------------------------------- packets */

DECLARE_EVENT_CLASS(sockiocp_packet,
	TP_PROTO(struct sockiocp_port *port, struct sockiocp_packet *packet),
	TP_ARGS(port, packet),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u32, kind)
		__field(const void *, packet)
		__field(u64, inode)
		__field(u64, key)
		__field(u64, overlapped)
	),
	TP_fast_assign(
		struct sockiocp_trace_packet told = trace_packet(packet);

		__entry->port = port->id;
		__entry->kind = told.kind;
		__entry->packet = packet;
		__entry->inode = told.inode;
		__entry->key = told.key;
		__entry->overlapped = told.overlapped;
	),
	TP_printk("port=%u packet=%p kind=%s inode=%llu key=%#llx overlapped=%#llx",
		  __entry->port, __entry->packet, sockiocp_show_kind(__entry->kind),
		  __entry->inode, __entry->key, __entry->overlapped)
);

/* It comes into the queue. */
DEFINE_EVENT(sockiocp_packet, sockiocp_queue,
	TP_PROTO(struct sockiocp_port *port, struct sockiocp_packet *packet),
	TP_ARGS(port, packet)
);

/* A program posts it; unless the port is closed, it comes into the queue. */
DEFINE_EVENT(sockiocp_packet, sockiocp_post,
	TP_PROTO(struct sockiocp_port *port, struct sockiocp_packet *packet),
	TP_ARGS(port, packet)
);

/* A thread has taken it off the queue, and looks what it carries, if anything. */
DEFINE_EVENT(sockiocp_packet, sockiocp_take,
	TP_PROTO(struct sockiocp_port *port, struct sockiocp_packet *packet),
	TP_ARGS(port, packet)
);

/* The program has it.  Of a notification: what it says, and which terms it has met. */
TRACE_EVENT(sockiocp_deliver,
	TP_PROTO(struct sockiocp_port *port, const struct sockiocp_delivery *d),
	TP_ARGS(port, d),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u32, kind)
		__field(const void *, packet)
		__field(u64, inode)
		__field(u64, key)
		__field(u64, overlapped)
		__field(u32, events)
		__field(u32, filter)
		__field(u32, trigger)
	),
	TP_fast_assign(
		struct sockiocp_trace_packet told = trace_packet(d->packet);

		__entry->port = port->id;
		__entry->kind = told.kind;
		__entry->packet = d->packet;
		__entry->inode = told.inode;
		__entry->key = told.key;
		__entry->overlapped = told.overlapped;
		__entry->events = d->is_notification ? d->events : 0;
		__entry->filter = d->is_notification ? d->taken.filter : 0;
		__entry->trigger = d->is_notification ? d->taken.trigger : 0;
	),
	TP_printk("port=%u packet=%p kind=%s inode=%llu key=%#llx overlapped=%#llx events=%#x filter=%#x trigger=%#x",
		  __entry->port, __entry->packet, sockiocp_show_kind(__entry->kind),
		  __entry->inode, __entry->key, __entry->overlapped, __entry->events,
		  __entry->filter, __entry->trigger)
);

/* ------------------------------------------------------------- operations */

/* A program has submitted it.  This and what follows name its home port. */
TRACE_EVENT(sockiocp_submit,
	TP_PROTO(struct sockiocp_operation *op),
	TP_ARGS(op),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u32, operation)
		__field(u64, inode)
		__field(u64, overlapped)
		__field(u64, length)
	),
	TP_fast_assign(
		__entry->port = op->home->id;
		__entry->operation = op->operation;
		__entry->inode = trace_inode(&op->endpoint->hook);
		__entry->overlapped = op->entry.overlapped;
		__entry->length = op->length;
	),
	TP_printk("port=%u operation=%s inode=%llu overlapped=%#llx length=%llu",
		  __entry->port, sockiocp_show_operation(__entry->operation),
		  __entry->inode, __entry->overlapped, __entry->length)
);

DECLARE_EVENT_CLASS(sockiocp_end,
	TP_PROTO(struct sockiocp_operation *op, int error),
	TP_ARGS(op, error),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u32, operation)
		__field(u64, inode)
		__field(u64, overlapped)
		__field(int, error)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->port = op->home->id;
		__entry->operation = op->operation;
		__entry->inode = trace_inode(&op->endpoint->hook);
		__entry->overlapped = op->entry.overlapped;
		__entry->error = error;
		__entry->bytes = op->progress;
	),
	TP_printk("port=%u operation=%s inode=%llu overlapped=%#llx error=%d bytes=%llu",
		  __entry->port, sockiocp_show_operation(__entry->operation),
		  __entry->inode, __entry->overlapped, __entry->error, __entry->bytes)
);

/* It is done: its process knows, and its packet, if it has one, is on its way. */
DEFINE_EVENT(sockiocp_end, sockiocp_complete,
	TP_PROTO(struct sockiocp_operation *op, int error),
	TP_ARGS(op, error)
);

/* It is to end before it was carried out; 0 if its process is gone and never hears of it. */
DEFINE_EVENT(sockiocp_end, sockiocp_cancel,
	TP_PROTO(struct sockiocp_operation *op, int error),
	TP_ARGS(op, error)
);

/* ---------------------------------------------------------------- threads */

/* The calling thread sleeps until a packet comes, or that time is over. */
TRACE_EVENT(sockiocp_wait_begin,
	TP_PROTO(struct sockiocp_port *port, const ktime_t *deadline),
	TP_ARGS(port, deadline),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u64, deadline)
	),
	TP_fast_assign(
		__entry->port = port->id;
		__entry->deadline = deadline ? ktime_to_ns(*deadline) : KTIME_MAX;
	),
	TP_printk("port=%u deadline=%llu", __entry->port, __entry->deadline)
);

/* It sleeps no more: for a packet, or for that error, or to look around. */
TRACE_EVENT(sockiocp_wait_end,
	TP_PROTO(struct sockiocp_port *port, u32 woken, int error),
	TP_ARGS(port, woken, error),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u32, woken)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->port = port->id;
		__entry->woken = woken;
		__entry->error = error;
	),
	TP_printk("port=%u woken=%u error=%d", __entry->port, __entry->woken, __entry->error)
);

/* A thread that sleeps is woken. */
TRACE_EVENT(sockiocp_wake,
	TP_PROTO(struct sockiocp_port *port, struct task_struct *task, enum sockiocp_wake reason),
	TP_ARGS(port, task, reason),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(pid_t, thread)
		__field(u32, reason)
	),
	TP_fast_assign(
		__entry->port = port->id;
		__entry->thread = task->pid;
		__entry->reason = reason;
	),
	TP_printk("port=%u thread=%d reason=%s", __entry->port, __entry->thread,
		  sockiocp_show_wake(__entry->reason))
);

/* A thread could have a packet, and all slots are taken. */
TRACE_EVENT(sockiocp_throttle,
	TP_PROTO(struct sockiocp_port *port, u32 active, u32 concurrency),
	TP_ARGS(port, active, concurrency),
	TP_STRUCT__entry(
		__field(u32, port)
		__field(u32, active)
		__field(u32, concurrency)
	),
	TP_fast_assign(
		__entry->port = port->id;
		__entry->active = active;
		__entry->concurrency = concurrency;
	),
	TP_printk("port=%u active=%u concurrency=%u", __entry->port, __entry->active,
		  __entry->concurrency)
);

/* ----------------------------------------------------------------- limits */

/* A user holds as many of something as it may. */
TRACE_EVENT(sockiocp_refuse,
	TP_PROTO(unsigned long uid, enum sockiocp_refused what),
	TP_ARGS(uid, what),
	TP_STRUCT__entry(
		__field(u32, uid)
		__field(u32, what)
	),
	TP_fast_assign(
		__entry->uid = uid;
		__entry->what = what;
	),
	TP_printk("uid=%u what=%s", __entry->uid, sockiocp_show_refused(__entry->what))
);

#endif /* _SOCKIOCP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
