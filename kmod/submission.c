// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Submissions: what a call asks for is looked at, and made an operation.
 */
#include "insides.h"
#include "sockiocp.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uaccess.h>

/**
 * sockiocp_submission_is_valid - does a call ask for something that there is?
 * @args: the call
 *
 * Return: whether it does; if not it is -EINVAL.
 */
bool sockiocp_submission_is_valid(const struct sockiocp_submit *args)
{
	static const u32 message_flags[] = {
		[SOCKIOCP_SUBMIT_RECEIVE] = MSG_PEEK | MSG_WAITALL,
		[SOCKIOCP_SUBMIT_SEND] = MSG_OOB | MSG_DONTROUTE,
		[SOCKIOCP_SUBMIT_RESULT] = 0,
	};
	const u32 both_ways = SOCKIOCP_SUBMIT_TO_HOME | SOCKIOCP_SUBMIT_NO_PACKET;
	bool polls = args->operation == SOCKIOCP_SUBMIT_POLL_IN ||
		     args->operation == SOCKIOCP_SUBMIT_POLL_OUT;

	if (args->operation > SOCKIOCP_SUBMIT_RESULT ||
	    args->message_flags & ~message_flags[args->operation] ||
	    args->flags & ~SOCKIOCP_SUBMIT_ALL_FLAGS || args->result ||
	    (args->event && !(args->flags & SOCKIOCP_SUBMIT_EVENT)) ||
	    (args->flags & SOCKIOCP_SUBMIT_FIRST && !polls) ||
	    (args->flags & both_ways) == both_ways)
		return false;
	if (args->operation != SOCKIOCP_SUBMIT_RESULT && args->status)
		return false;
	if (args->operation == SOCKIOCP_SUBMIT_NEXT && args->flags)
		return false;
	if (args->operation > SOCKIOCP_SUBMIT_SEND)
		return !args->buffers && !args->buffer_count && !args->name &&
		       !args->name_length;
	return args->buffer_count && args->buffer_count <= UIO_MAXIOV;
}

/* Memory beside its own is charged as further operations. */
static bool submission_charge(struct sockiocp_operation *op, size_t size)
{
	unsigned int nr = DIV_ROUND_UP(size, sizeof(*op));

	if (!sockiocp_account_charge(op->home->account, &op->home->account->operations, nr,
				     SOCKIOCP_MAX_OPERATIONS)) {
		sockiocp_account_refuse(op->home->account, SOCKIOCP_REFUSED_OPERATION);
		return false;
	}
	op->charged += nr;
	return true;
}

/* Word by word, as in ioctl.c. */
static int submission_read_buffers(struct sockiocp_operation *op,
				   const struct sockiocp_buffer __user *from, u32 count)
{
	u32 i, length;
	u64 address;

	if (!user_read_access_begin(from, count * sizeof(*from)))
		return -EFAULT;
	for (i = 0; i < count; i++) {
		unsafe_get_user(address, &from[i].address, fault);
		unsafe_get_user(length, &from[i].length, fault);
		op->buffers[i].iov_base = u64_to_user_ptr(address);
		op->buffers[i].iov_len = length;
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* Its buffers, which are copied: their array may be on the caller's stack. */
static int submission_copy_buffers(struct sockiocp_operation *op,
				   const struct sockiocp_submit *args)
{
	u64 length = 0;
	u32 i;

	if (args->buffer_count > ARRAY_SIZE(op->some)) {
		if (!submission_charge(op, args->buffer_count * sizeof(*op->buffers)))
			return -ENOBUFS;
		op->buffers = kvmalloc_array(args->buffer_count, sizeof(*op->buffers),
					     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!op->buffers) {
			op->buffers = op->some;
			return -ENOMEM;
		}
	}
	if (submission_read_buffers(op, u64_to_user_ptr(args->buffers), args->buffer_count))
		return -EFAULT;
	for (i = 0; i < args->buffer_count; i++) {
		if (!access_ok(op->buffers[i].iov_base, op->buffers[i].iov_len))
			return -EFAULT;
		length += op->buffers[i].iov_len;
	}
	/* What a system call moves at most. */
	if (length > MAX_RW_COUNT)
		return -EINVAL;
	op->buffer_count = args->buffer_count;
	op->length = length;
	return 0;
}

/* AF_UNIX would look for a name in the file system of whoever carries it out. */
static int submission_copy_name(struct sockiocp_operation *op,
				const struct sockiocp_submit *args)
{
	op->name_length = args->name_length;
	if (!args->name || args->operation == SOCKIOCP_SUBMIT_RECEIVE) {
		op->name = args->name;
		return 0;
	}
	if (op->endpoint->hook.kind == SOCKIOCP_UNIX_STREAM ||
	    op->endpoint->hook.kind == SOCKIOCP_UNIX_DGRAM)
		return -EOPNOTSUPP;
	if (args->name_length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	if (!submission_charge(op, sizeof(struct sockaddr_storage)))
		return -ENOBUFS;
	/* The protocols read what they need, whatever the length is. */
	op->to = kzalloc(sizeof(struct sockaddr_storage), GFP_KERNEL_ACCOUNT);
	if (!op->to)
		return -ENOMEM;
	if (copy_from_user(op->to, u64_to_user_ptr(args->name), args->name_length))
		return -EFAULT;
	return 0;
}

static int submission_get_event(struct sockiocp_operation *op,
				const struct sockiocp_submit *args)
{
	struct eventfd_ctx *event;

	if (!(args->flags & SOCKIOCP_SUBMIT_EVENT))
		return 0;
	event = eventfd_ctx_fdget(args->event);
	if (IS_ERR(event))
		return -EBADF;
	op->event = event;
	return 0;
}

static int submission_socket_type(const struct sockiocp_operation *op)
{
	return sockiocp_hook_socket(&op->endpoint->hook)->type;
}

/* To wait for all makes sense where bytes follow each other, and each is seen once. */
static bool submission_can_wait_for_all(const struct sockiocp_operation *op)
{
	return submission_socket_type(op) == SOCK_STREAM && !(op->message_flags & MSG_PEEK);
}

/* All that may fail, but for whether there are too many. */
static int submission_fill_in(struct sockiocp_operation *op, const struct sockiocp_submit *args)
{
	int error;

	if (op->message_flags & MSG_WAITALL && !submission_can_wait_for_all(op))
		return -EOPNOTSUPP;
	/* AF_VSOCK sends a part of a message, says EAGAIN, and sends all of it the next time. */
	if (op->operation == SOCKIOCP_SUBMIT_SEND &&
	    op->endpoint->hook.kind == SOCKIOCP_VSOCK &&
	    submission_socket_type(op) == SOCK_SEQPACKET)
		return -EOPNOTSUPP;
	error = submission_copy_buffers(op, args);
	if (!error)
		error = submission_copy_name(op, args);
	if (!error)
		error = submission_get_event(op, args);
	return error;
}

/**
 * sockiocp_submission_create - make an operation of what a call asks for
 * @home: the port of the call
 * @endpoint: the socket's
 * @args: the call, which is valid
 *
 * Return: the operation, or -EINVAL, -EFAULT, -EBADF, -EOPNOTSUPP, -ENOMEM, -ENOBUFS.
 */
struct sockiocp_operation *sockiocp_submission_create(struct sockiocp_port *home,
						     struct sockiocp_endpoint *endpoint,
						     const struct sockiocp_submit *args)
{
	struct sockiocp_operation *op;
	int error;

	op = sockiocp_operation_alloc(home);
	if (IS_ERR(op))
		return op;
	op->operation = args->operation;
	op->flags = args->flags;
	op->cookie = args->cookie;
	op->entry.overlapped = args->overlapped;
	op->entry.internal = args->status;
	op->entry.bytes_transferred = args->bytes;
	op->message_flags = args->message_flags;
	op->thread = task_pid_nr(current);
	op->fd = args->socket;
	op->phase = SOCKIOCP_FINISHED;
	refcount_inc(&endpoint->hook.refs);
	op->endpoint = endpoint;
	/* All that take a reference write the same there (non_rcu). */
	op->cred = data_race(get_current_cred());
	error = submission_fill_in(op, args);
	if (error) {
		sockiocp_operation_free(op);
		return ERR_PTR(error);
	}
	return op;
}
