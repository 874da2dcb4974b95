// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * One try to carry an operation out, without waiting, and what its process is told of the
 * result.
 *
 * Data goes to, and comes from, the memory of the calling thread, with the rights of whoever
 * has submitted the operation.  Nothing is held meanwhile but a reference to the socket's
 * file: a page of that memory may be long in coming.
 */
#include "sockiocp.h"

#include <linux/cred.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/tcp_states.h>

/* ------------------------------------------------------------------- results */

#define STATUS_BUFFER_OVERFLOW		0x80000005
#define STATUS_UNSUCCESSFUL		0xc0000001
#define STATUS_INSUFFICIENT_RESOURCES	0xc000009a
#define STATUS_INVALID_BUFFER_SIZE	0xc0000206
#define STATUS_PORT_UNREACHABLE		0xc000023f

/* NTSTATUS of how an operation has ended. */
static const struct transfer_status {
	s16 error;
	u32 status;
} transfer_statuses[] = {
	{ 0,			0 },		/* STATUS_SUCCESS */
	{ -EMSGSIZE,		STATUS_BUFFER_OVERFLOW },
	{ -ECANCELED,		0xc0000120 },	/* STATUS_CANCELLED */
	{ -ECONNRESET,		0xc000020d },	/* STATUS_CONNECTION_RESET */
	{ -ECONNABORTED,	0xc0000241 },	/* STATUS_CONNECTION_ABORTED */
	{ -ECONNREFUSED,	0xc0000236 },	/* STATUS_CONNECTION_REFUSED */
	{ -ETIMEDOUT,		0xc00000b5 },	/* STATUS_IO_TIMEOUT */
	{ -ENETUNREACH,		0xc000023c },	/* STATUS_NETWORK_UNREACHABLE */
	{ -EHOSTUNREACH,	0xc000023d },	/* STATUS_HOST_UNREACHABLE */
	{ -ENOTCONN,		0xc0000140 },	/* STATUS_INVALID_CONNECTION */
	{ -EPIPE,		0xc00000b0 },	/* STATUS_PIPE_DISCONNECTED */
	{ -EFAULT,		0xc0000005 },	/* STATUS_ACCESS_VIOLATION */
	{ -ENOMEM,		STATUS_INSUFFICIENT_RESOURCES },
	{ -ENOBUFS,		STATUS_INSUFFICIENT_RESOURCES },
};

static u32 transfer_status(const struct sockiocp_operation *op)
{
	unsigned int i;

	/* A datagram's sender hears of the port that is not there. */
	if (op->error == -ECONNREFUSED && op->endpoint->hook.kind >= SOCKIOCP_UDP)
		return STATUS_PORT_UNREACHABLE;
	/* Other than that of a receive it completes nothing. */
	if (op->error == -EMSGSIZE && op->operation != SOCKIOCP_SUBMIT_RECEIVE)
		return STATUS_INVALID_BUFFER_SIZE;
	for (i = 0; i < ARRAY_SIZE(transfer_statuses); i++) {
		if (transfer_statuses[i].error == op->error)
			return transfer_statuses[i].status;
	}
	return STATUS_UNSUCCESSFUL;
}

/**
 * sockiocp_transfer_write_result - an operation has ended: its process may know
 * @op: the operation, submitted by the process of the calling thread
 *
 * If its memory cannot be written that is the program's loss; its packet comes anyhow.
 */
void sockiocp_transfer_write_result(struct sockiocp_operation *op)
{
	u64 __user *overlapped = u64_to_user_ptr(op->entry.overlapped);

	if (op->operation != SOCKIOCP_SUBMIT_RESULT) {
		op->entry.internal = transfer_status(op);
		op->entry.bytes_transferred =
			sockiocp_operation_completes(op) ? op->progress : 0;
	}
	if (put_user((u64)op->entry.bytes_transferred, &overlapped[1]))
		return;
	/* Whoever sees the state sees the number, and the data. */
	smp_wmb();
	put_user(op->entry.internal, &overlapped[0]);
}

/* --------------------------------------------------------------- receive, send */

static void transfer_begin(struct sockiocp_operation *op, struct msghdr *message,
			   unsigned int direction)
{
	*message = (struct msghdr) { .msg_name = NULL };
	iov_iter_init(&message->msg_iter, direction, op->buffers, op->buffer_count,
		      op->length);
	iov_iter_advance(&message->msg_iter, op->progress);
}

/* As recvmsg() writes it: no more than there is room for. */
static int transfer_write_name(struct sockiocp_operation *op, u32 room,
			       const struct sockaddr_storage *name, u32 length)
{
	if (copy_to_user(u64_to_user_ptr(op->name), name, min(room, length)) ||
	    put_user(length, (u32 __user *)u64_to_user_ptr(op->name_length)))
		return -EFAULT;
	return 0;
}

/* So much is moved in one try: then others have their turn. */
#define TRANSFER_AT_A_TIME	SZ_256K

/* Goes on at once, behind others. */
static bool transfer_takes_a_break(const struct sockiocp_operation *op, u32 begun)
{
	return op->progress - begun >= TRANSFER_AT_A_TIME && op->progress < op->length;
}

/* Linux says once how a stream has ended, Windows each time. */
static void transfer_note_failure(struct sockiocp_endpoint *endpoint, int error)
{
	if (endpoint->hook.kind < SOCKIOCP_UDP && (error == -ECONNRESET || error == -ETIMEDOUT))
		WRITE_ONCE(endpoint->failure, error);
}

/*
 * With MSG_WAITALL it takes what is there, and has to come again if that is not all of it.
 * What was taken is a success, also if an error follows it.
 */
static int transfer_receive(struct sockiocp_operation *op, struct socket *socket,
			    struct file *file)
{
	int flags = MSG_DONTWAIT | (op->message_flags & ~MSG_WAITALL);
	struct sockaddr_storage name;
	struct msghdr message;
	u32 room = 0, begun = op->progress;
	int got;

	/* First: what is received then is not lost for that. */
	if (op->name && get_user(room, (u32 __user *)u64_to_user_ptr(op->name_length)))
		return -EFAULT;
	do {
		transfer_begin(op, &message, READ);
		if (op->name)
			message.msg_name = &name;
		got = sock_recvmsg(socket, &message, flags);
		if (got < 0 && op->progress && got != -EAGAIN) {
			/* Linux has told it once; the next one has to know. */
			transfer_note_failure(op->endpoint, got);
			return 0;
		}
		if (got < 0)
			return got;
		op->progress += got;
		if (op->message_flags & MSG_WAITALL && transfer_takes_a_break(op, begun))
			return -EINPROGRESS;
	} while (got && op->message_flags & MSG_WAITALL && op->progress < op->length);
	/* A local shutdown() looks like the end, and more may come. */
	if (!got && op->progress && READ_ONCE(socket->sk->sk_shutdown) & RCV_SHUTDOWN) {
		got = sockiocp_transfer_look(socket, file, op->endpoint->hook.kind,
					     op->operation);
		if (got)
			return got;
	}
	if (op->name && message.msg_namelen &&
	    transfer_write_name(op, room, &name, message.msg_namelen))
		return -EFAULT;
	op->message_flags = message.msg_flags;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : 0;
}

/*
 * There is something.  If the protocol has none to give all the same that may be for another
 * reason, of which no wake-up tells when it is over: a signal, at a byte out of band; another
 * thread that reads, with kernel TLS.
 */
static int transfer_receive_what_is_there(struct sockiocp_operation *op, struct socket *socket,
					  struct file *file)
{
	int error = transfer_receive(op, socket, file);

	if (error != -EAGAIN)
		return error;
	/* SO_PEEK_OFF may be at the end of what is there. */
	if (op->message_flags & MSG_PEEK)
		return signal_pending(current) ? -EBUSY : -EAGAIN;
	error = sockiocp_transfer_look(socket, file, op->endpoint->hook.kind, op->operation);
	return error ? error : -EBUSY;
}

/* A stream takes a part; the operation has not ended before all is sent. */
static int transfer_send(struct sockiocp_operation *op, struct socket *socket)
{
	struct sockaddr_storage to;
	struct msghdr message;
	u32 begun = op->progress;
	int sent;

	do {
		transfer_begin(op, &message, WRITE);
		if (op->to) {
			/* BPF programs may write another one there, each time. */
			memcpy(&to, op->to, sizeof(to));
			message.msg_name = &to;
			message.msg_namelen = op->name_length;
		}
		message.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | op->message_flags;
		sent = sock_sendmsg(socket, &message);
		if (sent < 0)
			return sent;
		op->progress += sent;
		if (!sent && op->progress < op->length)
			return -EBUSY;
		if (transfer_takes_a_break(op, begun) || fatal_signal_pending(current))
			return -EINPROGRESS;
	} while (op->progress < op->length);
	return 0;
}

/*
 * Before a send is tried: has this side ended the stream?  Not so if a reset has, which nobody
 * was told of.
 */
static bool transfer_is_shut_down(const struct sock *sk)
{
	return READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN && !READ_ONCE(sk->sk_err);
}

/* EPIPE: did this side end the stream?  @before: transfer_is_shut_down() */
static bool transfer_was_shut_down(const struct sock *sk, enum sockiocp_kind kind, bool before)
{
	int shut_down = READ_ONCE(sk->sk_shutdown);

	/* The peer's end sets both. */
	if (kind == SOCKIOCP_UNIX_STREAM)
		return shut_down == SEND_SHUTDOWN;
	if (READ_ONCE(sk->sk_state) != TCP_CLOSE)
		return shut_down & SEND_SHUTDOWN;
	/* Both sides have. */
	return before && sock_flag(sk, SOCK_DONE);
}

/* The peer had ended the stream, and what was sent to it then was answered by a reset. */
static bool transfer_was_aborted(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP && sock_flag(sk, SOCK_DONE) &&
	       READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

/*
 * A reset that another call was told of, which Linux forgets then.  A connection that is over
 * because both sides have ended it has SOCK_DONE, since the peer's end has come; one that is
 * over without was reset, or has timed out.
 */
static bool transfer_was_reset(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP && !sock_flag(sk, SOCK_DONE) &&
	       READ_ONCE(sk->sk_state) == TCP_CLOSE && READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/* EPIPE has four reasons. */
static int transfer_stream_error(struct sockiocp_operation *op, const struct socket *socket,
				 int error, bool was_shut_down)
{
	struct sockiocp_endpoint *endpoint = op->endpoint;
	const struct sock *sk = socket->sk;
	int failure = READ_ONCE(endpoint->failure);

	transfer_note_failure(endpoint, error);
	if (error == -EPIPE) {
		if (failure)
			return failure;
		if (transfer_was_shut_down(sk, endpoint->hook.kind, was_shut_down))
			return -EPIPE;
		if (transfer_was_aborted(sk)) {
			WRITE_ONCE(endpoint->failure, -ECONNABORTED);
			return -ECONNABORTED;
		}
		return READ_ONCE(sk->sk_shutdown) || endpoint->hook.kind == SOCKIOCP_VSOCK ?
		       -ECONNRESET : -ENOTCONN;
	}
	/* It was connected anew. */
	if (!error && failure && (op->operation == SOCKIOCP_SUBMIT_POLL_OUT ||
				  (op->operation == SOCKIOCP_SUBMIT_SEND && op->progress))) {
		WRITE_ONCE(endpoint->failure, 0);
		return 0;
	}
	/* The end of a stream that was reset before. */
	if (!error && op->operation == SOCKIOCP_SUBMIT_RECEIVE && op->length && !op->progress) {
		if (!failure && READ_ONCE(sk->sk_err) == EPIPE && transfer_was_aborted(sk)) {
			failure = -ECONNABORTED;
			WRITE_ONCE(endpoint->failure, failure);
		} else if (!failure && transfer_was_reset(sk)) {
			failure = -ECONNRESET;
			WRITE_ONCE(endpoint->failure, failure);
		}
		return failure;
	}
	return error;
}

/* As recvmsg() finds out that there is no connection, and has been none. */
static int transfer_ask_connection(const struct socket *socket, enum sockiocp_kind kind)
{
	const struct sock *sk = socket->sk;
	int state = READ_ONCE(sk->sk_state);

	if (kind == SOCKIOCP_UNIX_STREAM)
		return state == TCP_ESTABLISHED ? 0 : -EINVAL;
	if (state == TCP_LISTEN)
		return -ENOTCONN;
	if (state != TCP_CLOSE)
		return 0;
	if (kind == SOCKIOCP_VSOCK)
		return READ_ONCE(socket->state) == SS_UNCONNECTED ? -ENOTCONN : 0;
	return sock_flag(sk, SOCK_DONE) || READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ?
	       0 : -ENOTCONN;
}

/*
 * A receive of no bytes, which takes nothing of a stream, has something to end with: is it an
 * error?
 */
static int transfer_ask(struct sockiocp_operation *op, struct socket *socket)
{
	enum sockiocp_kind kind = op->endpoint->hook.kind;
	struct sock *sk = socket->sk;
	int error = 0;

	if (kind <= SOCKIOCP_MPTCP) {
		if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
			return 0;
		error = sock_error(sk) ?: READ_ONCE(op->endpoint->failure);
	}
	return error ?: transfer_ask_connection(socket, kind);
}

/* --------------------------------------------------------------------- a try */

/* Then recvmsg() says that there is nothing yet, and the end of that is a wake-up. */
static bool transfer_waits_for_connection(const struct sock *sk, enum sockiocp_kind kind)
{
	return kind <= SOCKIOCP_MPTCP &&
	       BIT(READ_ONCE(sk->sk_state)) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/* Is there something that a receive would end with? */
static bool transfer_has_something(const struct sock *sk, sockiocp_reading now,
				   enum sockiocp_kind kind)
{
	if (now & (SOCKIOCP_NOW_IN | SOCKIOCP_NOW_HANGUP | SOCKIOCP_NOW_ERR))
		return true;
	/* Not connected: recvmsg() says so. */
	return kind < SOCKIOCP_UDP && !(now & SOCKIOCP_CONNECTED) &&
	       !transfer_waits_for_connection(sk, kind);
}

/**
 * sockiocp_transfer_look - is it worth trying?
 * @socket: the socket
 * @file: its file, which the caller holds
 * @kind: what it is
 * @operation: one of SOCKIOCP_SUBMIT_*
 *
 * Something, for a receive, is data, an end or an error: a local shutdown() is not, though
 * recvmsg() would take it for the end, since data may still come.
 *
 * Return: 0, with which what only waits has ended; -EAGAIN if not, and then the socket's
 * wake-up tells when; -EBUSY if that cannot be told before somebody lets go of a lock.
 */
int sockiocp_transfer_look(struct socket *socket, struct file *file, enum sockiocp_kind kind,
			   unsigned int operation)
{
	sockiocp_reading now;

	if (operation & 1) {
		now = sockiocp_readiness_read(socket, file, kind, SOCKIOCP_REGISTER_OUT |
					      SOCKIOCP_REGISTER_HANGUP);
		if (now & SOCKIOCP_BUSY)
			return -EBUSY;
		return now & (SOCKIOCP_NOW_OUT | SOCKIOCP_BROKEN) ? 0 : -EAGAIN;
	}
	now = sockiocp_readiness_read(socket, file, kind,
				      SOCKIOCP_REGISTER_IN | SOCKIOCP_REGISTER_HANGUP);
	if (now & SOCKIOCP_BUSY)
		return -EBUSY;
	if (operation == SOCKIOCP_SUBMIT_POLL_IN)
		return now & (SOCKIOCP_NOW_IN | SOCKIOCP_NOW_ERR) ? 0 : -EAGAIN;
	return transfer_has_something(socket->sk, now, kind) ? 0 : -EAGAIN;
}

/**
 * sockiocp_transfer_refuse - will a new operation never end, though Linux would let it wait?
 * @socket: the socket
 * @kind: what it is
 * @operation: one of SOCKIOCP_SUBMIT_*
 *
 * Return: 0, or the error to refuse it with.
 */
int sockiocp_transfer_refuse(const struct socket *socket, enum sockiocp_kind kind,
			     unsigned int operation)
{
	const struct sock *sk = socket->sk;

	if (operation != SOCKIOCP_SUBMIT_RECEIVE)
		return 0;
	/* Nobody can send to it. */
	if (kind == SOCKIOCP_UDP)
		return READ_ONCE(inet_sk(sk)->inet_num) ? 0 : -EINVAL;
	/* By shutdown(), and not by the peer, or because the connection is over. */
	if (kind == SOCKIOCP_TCP && READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN &&
	    !sock_flag(sk, SOCK_DONE) && READ_ONCE(sk->sk_state) != TCP_CLOSE)
		return -EPIPE;
	return 0;
}

/* A question whether there is something, which takes nothing. */
static bool transfer_only_asks(const struct sockiocp_operation *op)
{
	return op->operation > SOCKIOCP_SUBMIT_SEND ||
	       (op->operation == SOCKIOCP_SUBMIT_RECEIVE && !op->length &&
		op->endpoint->hook.kind < SOCKIOCP_UDP);
}

static int transfer_do(struct sockiocp_operation *op, struct socket *socket,
		       struct file *file)
{
	enum sockiocp_kind kind = op->endpoint->hook.kind;
	bool was_shut_down = false;
	int error;

	if (op->operation == SOCKIOCP_SUBMIT_SEND) {
		was_shut_down = transfer_is_shut_down(socket->sk);
		error = transfer_send(op, socket);
		if (error == -EAGAIN) {
			/* So that the protocol tells of room. */
			error = sockiocp_transfer_look(socket, file, kind, op->operation);
			return error ? error : -EBUSY;
		}
	} else {
		error = sockiocp_transfer_look(socket, file, kind, op->operation);
		if (!error && !transfer_only_asks(op))
			error = transfer_receive_what_is_there(op, socket, file);
		else if (!error && op->operation == SOCKIOCP_SUBMIT_RECEIVE)
			error = transfer_ask(op, socket);
	}
	if (kind < SOCKIOCP_UDP && !sockiocp_transfer_goes_on(error))
		error = transfer_stream_error(op, socket, error, was_shut_down);
	return error;
}

/**
 * sockiocp_transfer_try - try to carry an operation out
 * @op: the operation, submitted by the process of the calling thread
 * @socket: its socket
 * @file: the socket's file, which the caller holds
 *
 * Return: 0 or an error: it has ended; -EAGAIN if it has to wait for a wake-up of the
 * socket, -EINPROGRESS if it goes on at once, -EBUSY if it has to be tried again soon.
 */
int sockiocp_transfer_try(struct sockiocp_operation *op, struct socket *socket,
			  struct file *file)
{
	const struct cred *cred;
	int error;

	if (op->cred == current_cred()) {
		error = transfer_do(op, socket, file);
	} else {
		cred = override_creds(op->cred);
		error = transfer_do(op, socket, file);
		revert_creds(cred);
	}
	/* A signal has ended a wait for a lock. */
	if (error == -EINTR || error == -ERESTARTSYS || error == -ERESTARTNOINTR)
		error = -EBUSY;
	return error;
}
