// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket's state means in Windows' terms: IN, OUT, HANGUP and ERR.
 *
 * The masks come from the state of the socket, not from the bits of its ->poll:
 * Linux reports a fresh TCP socket as writable and hung up, an end of stream as
 * readable, a local shutdown as both; Windows reports none of these.  Of ->poll
 * only two facts are used, that there is enough to read and that there is room
 * to write, and only where the state leaves them open.
 *
 *   socket					mask
 *   --------------------------------------------------------------------------
 *   TCP	created, connecting			-
 *		connecting failed			ERR HANGUP
 *		connected, or accepted by fast open	OUT
 *		  bytes to read				+ IN
 *		  only an out-of-band byte		(nothing)
 *		  FIN received				+ HANGUP
 *		  send buffer full			- OUT
 *		  shut down locally			(nothing)
 *		reset, timed out, aborted		ERR HANGUP OUT, no IN
 *		error that it lives on with (ICMP)	+ ERR
 *		listening, connection pending		IN
 *		listening				-
 *	with kTLS, as TCP, but
 *		  a whole record to read, of any type	+ IN
 *		  part of a record			(nothing)
 *		  record that recv() found broken	+ ERR HANGUP
 *   MPTCP	as TCP, but
 *		connecting failed, and error was read	ERR HANGUP OUT
 *		  all paths lost, not yet given up	(nothing)
 *   VSOCK	stream, seqpacket; as TCP, but
 *		  whole messages to read (seqpacket)	+ IN
 *		  shut down locally for reading		- IN
 *		  shut down locally, both ways		+ HANGUP
 *		  reset by the peer			+ HANGUP
 *		transport reset, receive queue overrun	ERR HANGUP OUT
 *   UDP	any					OUT
 *		  datagram to read			+ IN
 *		  error pending (ICMP)			+ ERR
 *		  something in the error queue		(nothing)
 *		  send buffer full			- OUT
 *		  shut down locally			(nothing)
 *   AF_UNIX	stream, not connected			-
 *		stream, connected (no wake-up)		OUT
 *		  bytes to read				+ IN
 *		  peer shut down or closed		+ HANGUP
 *		  peer closed without reading all	+ ERR
 *		  peer does not read, buffer full	- OUT
 *		  shut down locally for writing		(nothing)
 *		  shut down locally for reading		+ HANGUP
 *		stream, listening, connection pending	IN
 *		stream, listening			-
 *		datagram				OUT
 *		  datagram to read			+ IN
 *		  peer left without reading all		+ ERR
 *		  peer does not read, queue full	- OUT
 *		  peer closed, shut down locally	(nothing)
 *
 * A stream that has failed stays so, although SO_ERROR clears the error in the
 * socket.  Its state says so, but for these, which the registration has to remember
 * (SOCKIOCP_FAILED): an AF_UNIX stream whose peer left, a connection of TCP or MPTCP
 * that was reset behind the peer's FIN, and a broken record of kTLS.  An error that a
 * stream lives on with is there until it is read, as a datagram socket's is.
 */
/*
 * Readings without a lock
 * =======================
 *
 * Sockets are read while they change.  Who looks has said so before, behind a full
 * barrier (see sockiocp_wake()): what happens to a socket from then on wakes the
 * registration, and it is read again.  So no single reading can miss anything for
 * good.  But what is told by two fields needs an order, where one of them can
 * change without a wake-up, or where together they would tell what never was:
 *
 *   sk_receive_queue, then reader_queue (UDP)
 *	recv() takes all datagrams from the first to the second in one step, and wakes
 *	nobody: the other way round both are found empty.  udp_poll() has this order.
 *   what tells the end, then what tells of the data before it
 *	so that HANGUP never comes without IN while there is something to read:
 *	TCP, MPTCP	sk_state, behind whose change (a store-release) all is that
 *			came before; so SOCK_DONE, or sk_shutdown, is not asked
 *	AF_UNIX		sk_shutdown and sk_err, then the queue
 *	AF_VSOCK	peer_shutdown, then ->poll, or the transport under the lock
 *   sk_state, then sk_err
 *	what ends a connection sets the error first.  So a closed one has its error; but
 *	an error can belong to a state that is yet to come: then the state is read again,
 *	under the lock (tcp_error_read(), mptcp_error_read()).
 *   sk_state, then sk_shutdown (TCP, closed)
 *	tcp_done() sets them in this order; where it matters the second is read again,
 *	under the lock (tcp_closed_read()).
 *   copied_seq and rcv_nxt: any order
 *	both only grow, the first never beyond the second, and what makes the second
 *	grow wakes.  Unread bytes are never overlooked.
 *   rcv_nxt, then SOCK_DONE, urg_data and urg_seq
 *	to take a FIN or an out-of-band byte off the number of bytes.  A FIN is in
 *	rcv_nxt for a few instructions before SOCK_DONE is set, so IN may be told of it;
 *	recv() then returns 0, as it always would.
 *   sk_prot and icsk_ulp_ops, socket->state and the port of the peer
 *	only system calls on the socket itself change these.
 *
 * An order on one side needs one on the other.  Where the kernel has none (queues, flags)
 * the lock that a wake-up takes afterwards is what counts.
 *
 * sockiocp_race_window() marks these places: see there.
 */
#include "sockiocp.h"

#include <linux/net.h>
#include <linux/poll.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/uio.h>
#include <linux/un.h>
#include <net/af_vsock.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tcp_states.h>
#include <net/transp_v6.h>

/**
 * sockiocp_readiness_kind - which row of the table a socket belongs to
 * @socket: a socket whose file the caller holds
 *
 * Return: &enum sockiocp_kind, or -EOPNOTSUPP for all that is not in the table.
 */
int sockiocp_readiness_kind(struct socket *socket)
{
	const struct sock *sk = socket->sk;

	/* AF_SMC lends its file a TCP socket, which it releases by itself. */
	if (unlikely(!socket->file || file_inode(socket->file) != SOCK_INODE(socket)))
		return -EOPNOTSUPP;

	switch (sk->sk_family) {
	case AF_INET:
	case AF_INET6:
		if (sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP)
			return SOCKIOCP_TCP;
		if (sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_MPTCP)
			return SOCKIOCP_MPTCP;
		if (sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_UDP)
			return SOCKIOCP_UDP;
		return -EOPNOTSUPP;
	case AF_UNIX:
		if (sk->sk_type == SOCK_STREAM)
			return SOCKIOCP_UNIX_STREAM;
		if (sk->sk_type == SOCK_DGRAM)
			return SOCKIOCP_UNIX_DGRAM;
		return -EOPNOTSUPP;
	case AF_VSOCK:
		if (sk->sk_type == SOCK_STREAM || sk->sk_type == SOCK_SEQPACKET)
			return SOCKIOCP_VSOCK;
		return -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
}

static u32 listener_read(__poll_t poll)
{
	return poll & EPOLLIN ? SOCKIOCP_EVENT_IN : 0;
}

/* Is the next byte of the stream an out-of-band one, which recv() steps over? */
static bool tcp_next_is_urgent(const struct sock *sk, u32 copied)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return unlikely(READ_ONCE(tp->urg_data)) &&
	       READ_ONCE(tp->urg_seq) == copied && !sock_flag(sk, SOCK_URGINLINE);
}

/* How many bytes recv() could return, of a stream that the handshake is behind. */
static s32 tcp_unread(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 copied = READ_ONCE(tp->copied_seq);
	s32 unread = READ_ONCE(tp->rcv_nxt) - copied;

	/* A FIN counts as one byte until it is read. */
	if (unread > 0 && sock_flag(sk, SOCK_DONE))
		unread--;
	if (unread > 0 && tcp_next_is_urgent(sk, copied))
		unread--;
	return unread;
}

/*
 * Could recv() return something that was sent?  kTLS takes whole records out of
 * the stream and may hold a decrypted one when nothing is left in it; a sockmap
 * has a queue beside the stream.  Both say so by sock_is_readable.
 */
static bool tcp_has_data(struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	if (unlikely(prot->sock_is_readable)) {
		if (prot->sock_is_readable(sk))
			return true;
		if (READ_ONCE(inet_csk(sk)->icsk_ulp_ops))
			return false;
	}
	return tcp_unread(sk) > 0;
}

/**
 * struct tcp_past - what a TCP socket in TCP_CLOSE has behind it
 * @tried: it was to be connected, or is the child of a listener
 * @connected: and it was, or is to be once more
 * @ended: that came to an end
 * @error: SO_ERROR
 *
 * snd_nxt is 0 until the first SYN is made and hardly ever again.  rcv_nxt is 0 from
 * then on until the peer's SYN has been taken (a peer that makes it 0 by its numbers
 * loses only events of its own connection).  sk_shutdown is 0 until a connection, or
 * the attempt at one, ends; a program may set it too, but there is a port then only if
 * there was a peer.  tcp_disconnect() clears the last two and leaves the first two: it
 * is called for connect(AF_UNSPEC), and by the connect() that tells that one failed.
 */
struct tcp_past {
	bool tried;
	bool connected;
	bool ended;
	bool error;
};

static struct tcp_past tcp_past(const struct sock *sk)
{
	return (struct tcp_past) {
		.tried = READ_ONCE(tcp_sk(sk)->snd_nxt),
		.connected = READ_ONCE(tcp_sk(sk)->rcv_nxt),
		.ended = READ_ONCE(sk->sk_shutdown) && READ_ONCE(inet_sk(sk)->inet_dport),
		.error = READ_ONCE(sk->sk_err),
	};
}

/*
 * Whatever begins or ends a connection works under the socket's lock, and not all in
 * one step: tcp_done() sets the state first and sk_shutdown last.  Returns whether
 * nobody is at it.
 */
static bool tcp_past_is_settled(struct sock *sk, struct tcp_past *past)
{
	bool settled;

	spin_lock_bh(&sk->sk_lock.slock);
	settled = !sock_owned_by_user_nocheck(sk) && sk->sk_state == TCP_CLOSE;
	*past = tcp_past(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
	return settled;
}

/* SOCK_DONE is set by a FIN and nothing else. */
static u32 tcp_closed_read(struct sock *sk, __poll_t poll)
{
	struct tcp_past past = tcp_past(sk);
	u32 now;

	/* What was never to be connected, or was disconnected, has nothing to tell. */
	if (past.connected ? past.error && !past.ended : past.tried || past.error) {
		if (!tcp_past_is_settled(sk, &past))
			return SOCKIOCP_BUSY;
	}
	/* It failed to connect, whoever has been told by now. */
	if (!past.connected && past.tried)
		return SOCKIOCP_BROKEN;
	/* connect(AF_UNSPEC): it is nothing but what recv() has to say once. */
	if (!past.connected || !past.ended)
		return past.error ? SOCKIOCP_EVENT_ERR : 0;

	now = SOCKIOCP_CONNECTED | SOCKIOCP_EVENT_OUT | SOCKIOCP_EVENT_HANGUP;
	if (past.error || !sock_flag(sk, SOCK_DONE))
		now |= SOCKIOCP_BROKEN;
	else if (poll & EPOLLIN && tcp_has_data(sk))
		now |= SOCKIOCP_EVENT_IN;
	return now;
}

/*
 * Can it be that a connection lives on with this error?  These come by ICMP, and a
 * program that has asked for them (IP_RECVERR) is told by the next call, once.
 * Others than these, a broken record of kTLS among them, are the end.
 */
static bool may_be_survived(int error)
{
	switch (error) {
	case EACCES:
	case ECONNREFUSED:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EPROTO:
		return true;
	default:
		return false;
	}
}

/* A connection has an error: is that its end?  Otherwise it is as @now says. */
static noinline u32 tcp_error_read(struct sock *sk, int error, u32 now)
{
	bool busy, closed;

	if (!may_be_survived(error))
		return SOCKIOCP_BROKEN;
	/* What ends a connection sets its error first, and its state under this lock. */
	spin_lock_bh(&sk->sk_lock.slock);
	busy = sock_owned_by_user_nocheck(sk);
	closed = sk->sk_state == TCP_CLOSE;
	spin_unlock_bh(&sk->sk_lock.slock);
	if (busy)
		return SOCKIOCP_BUSY;
	return closed ? SOCKIOCP_BROKEN : now | SOCKIOCP_EVENT_ERR;
}

static u32 tcp_end(struct sock *sk, int state)
{
	int error = READ_ONCE(sk->sk_err);
	u32 now = 0;

	/* Not by SOCK_DONE: that may be newer than what was read of the data. */
	if (BIT(state) & (TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING))
		now = SOCKIOCP_EVENT_HANGUP;
	return unlikely(error) ? tcp_error_read(sk, error, now) : now;
}

/*
 * A fast open connection that was accepted before its handshake is done.  Not by
 * ->poll, which says nothing for the moment in which the handshake gets done.
 */
static u32 tcp_fast_open_read(struct sock *sk, int state)
{
	u32 now = SOCKIOCP_CONNECTED;

	if (tcp_unread(sk) >= sock_rcvlowat(sk, 0, INT_MAX))
		now |= SOCKIOCP_EVENT_IN;
	if (__sk_stream_is_writeable(sk, 1))
		now |= SOCKIOCP_EVENT_OUT;
	return now | tcp_end(sk, state);
}

static u32 tcp_read(struct socket *socket, __poll_t poll, int state)
{
	struct sock *sk = socket->sk;
	u32 now = SOCKIOCP_CONNECTED;

	switch (state) {
	case TCP_LISTEN:
		return listener_read(poll);
	case TCP_CLOSE:
		return tcp_closed_read(sk, poll);
	case TCP_SYN_SENT:
		/* Fast open: writable, the first write connects it. */
		return poll & EPOLLOUT ? SOCKIOCP_EVENT_OUT : 0;
	case TCP_SYN_RECV:
		/* What connects to each other, at the same time, is not yet connected. */
		return READ_ONCE(socket->state) == SS_CONNECTED ?
			tcp_fast_open_read(sk, state) : 0;
	}

	if (poll & EPOLLIN && tcp_has_data(sk))
		now |= SOCKIOCP_EVENT_IN;
	if (poll & EPOLLOUT)
		now |= SOCKIOCP_EVENT_OUT;
	return now | tcp_end(sk, state);
}

/*
 * After the end of an MPTCP stream, and after a local shutdown, ->poll says readable
 * whether or not there is something to read, and where that would be is MPTCP's own
 * and differs between kernels.  So ask recv() for it, as others in the kernel do.
 *
 * To go by ->poll would be less code, but then the end of a stream would be IN, and
 * stay IN under LEVEL after it was read, and so would a local shutdown.  A program
 * need not know that its TCP is MPTCP (mptcpize, Go's listeners): TCP's rules hold.
 *
 * The price: while a stream has ended and is not closed yet, a look at it takes the
 * socket's lock, as AF_VSOCK's ->poll does: see ask().  And recv() takes an error out
 * of the socket, which is why there must be none; one that comes at this very moment
 * is put back, unless there is another by then.
 */
static bool mptcp_has_data(struct socket *socket)
{
	struct msghdr msg = { .msg_flags = MSG_PEEK | MSG_DONTWAIT };
	struct sock *sk = socket->sk;
	u8 byte;
	struct kvec vec = { .iov_base = &byte, .iov_len = sizeof(byte) };
	int ret;

	/* Peeking would move it. */
	if (READ_ONCE(sk->sk_peek_off) >= 0)
		return true;
	iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, sizeof(byte));
	ret = READ_ONCE(socket->ops)->recvmsg(socket, &msg, sizeof(byte), msg.msg_flags);
	if (unlikely(ret < 0 && ret != -EAGAIN && ret != -ENOTCONN))
		cmpxchg(&sk->sk_err, 0, -ret);
	return ret > 0;
}

/* Is nobody at work on a socket in TCP_CLOSE, where it would leave that state? */
static bool is_settled(struct sock *sk)
{
	bool settled;

	spin_lock_bh(&sk->sk_lock.slock);
	settled = !sock_owned_by_user_nocheck(sk) && sk->sk_state == TCP_CLOSE;
	spin_unlock_bh(&sk->sk_lock.slock);
	return settled;
}

/* An attempt to connect cannot have these. */
static bool mptcp_error_is_of_connection(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

/*
 * An MPTCP socket in TCP_CLOSE was never connected, failed to connect, or has been
 * connected; this says whether it has been.  A connection that ends leaves a
 * shutdown.  One that is reset while it has fallen back to TCP leaves an error
 * that a failing one cannot have; one that was given up, all its paths being
 * lost, leaves neither.  The error comes after the state, under the lock.
 *
 * connect(AF_UNSPEC), and the connect() that tells that one failed, leave the same
 * trace: the socket's own state, and that there was a port.
 */
static bool mptcp_was_connected(const struct socket *socket, bool shut)
{
	struct sock *sk = socket->sk;
	int error;

	if (!READ_ONCE(inet_sk(sk)->inet_dport))
		return false;
	if (shut)
		return true;
	if (READ_ONCE(socket->state) == SS_UNCONNECTED)
		return false;
	lock_sock(sk);
	error = sk->sk_err;
	release_sock(sk);
	return !error || mptcp_error_is_of_connection(error);
}

/* What was not connected: nothing, or an attempt that failed, whoever has been told. */
static u32 mptcp_unconnected_read(struct sock *sk)
{
	if (!READ_ONCE(inet_sk(sk)->inet_dport))
		return READ_ONCE(sk->sk_err) ? SOCKIOCP_BROKEN : 0;
	return is_settled(sk) ? SOCKIOCP_BROKEN : SOCKIOCP_BUSY;
}

/*
 * A connection has an error: is that its end?  One that has fallen back to TCP survives
 * some; MPTCP hides those of its paths.  And whatever nobody has read of the connection
 * before is there still: MPTCP's connect() clears no error, and recv() will tell it.
 */
static u32 mptcp_error_read(struct sock *sk, __poll_t poll)
{
	bool closed;

	lock_sock(sk);
	closed = sk->sk_state == TCP_CLOSE;
	release_sock(sk);
	if (closed)
		return SOCKIOCP_BROKEN;
	if (poll & EPOLLIN && !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN))
		return SOCKIOCP_EVENT_ERR | SOCKIOCP_EVENT_IN;
	return SOCKIOCP_EVENT_ERR;
}

/* The state follows the connection as a whole, not a path of it. */
static u32 mptcp_read(struct socket *socket, __poll_t poll, int state)
{
	struct sock *sk = socket->sk;
	bool shut = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
	u32 now = SOCKIOCP_CONNECTED;

	switch (state) {
	case TCP_LISTEN:
		return listener_read(poll);
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		/* An accepted one never is, whatever the state of its first path. */
		return poll & EPOLLOUT ? SOCKIOCP_EVENT_OUT : 0;
	case TCP_CLOSE:
		if (!mptcp_was_connected(socket, shut))
			return mptcp_unconnected_read(sk);
		now |= SOCKIOCP_EVENT_OUT;
		if (!shut)
			now |= SOCKIOCP_BROKEN;
		fallthrough;
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
		now |= SOCKIOCP_EVENT_HANGUP;
		break;
	}

	if (poll & EPOLLOUT)
		now |= SOCKIOCP_EVENT_OUT;
	if (READ_ONCE(sk->sk_err))
		return now | mptcp_error_read(sk, poll);
	if (poll & EPOLLIN && (!shut || mptcp_has_data(socket)))
		now |= SOCKIOCP_EVENT_IN;
	return now;
}

/*
 * After the peer's end ->poll says readable whatever there is, and of a message
 * (SOCK_SEQPACKET) it counts the parts.  The transport knows.
 */
static bool vsock_has_data(struct sock *sk)
{
	struct vsock_sock *vsk = vsock_sk(sk);
	const struct vsock_transport *transport;
	bool data = false;

	lock_sock(sk);
	transport = vsk->transport;
	if (transport && transport->stream_is_active(vsk)) {
		if (sk->sk_type == SOCK_SEQPACKET)
			data = sockiocp_vsock_has_message(vsk);
		else
			data = transport->stream_has_data(vsk) > 0;
	}
	release_sock(sk);
	return data;
}

static bool vsock_was_connected(const struct socket *socket)
{
	socket_state state = READ_ONCE(socket->state);

	return state == SS_CONNECTED || state == SS_DISCONNECTING;
}

/*
 * A socket in TCP_CLOSE that was not connected: not yet, or in vain, whoever has been
 * told by now.  There is an address to connect to as soon as connect() begins, under
 * the socket's lock, and for ever.
 */
static u32 vsock_unconnected_read(struct sock *sk)
{
	if (READ_ONCE(vsock_sk(sk)->remote_addr.svm_port) == VMADDR_PORT_ANY)
		return READ_ONCE(sk->sk_err) ? SOCKIOCP_BROKEN : 0;
	return is_settled(sk) ? SOCKIOCP_BROKEN : SOCKIOCP_BUSY;
}

static u32 vsock_read(struct socket *socket, __poll_t poll, int state, bool peer_ended)
{
	struct sock *sk = socket->sk;
	u8 shut = READ_ONCE(sk->sk_shutdown);
	bool error = READ_ONCE(sk->sk_err);
	u32 now = SOCKIOCP_CONNECTED;

	switch (state) {
	case TCP_LISTEN:
		return listener_read(poll);
	case TCP_ESTABLISHED:
		if (!(shut & RCV_SHUTDOWN) && poll & EPOLLIN &&
		    ((sk->sk_type == SOCK_STREAM && !peer_ended) || vsock_has_data(sk)))
			now |= SOCKIOCP_EVENT_IN;
		if (poll & EPOLLOUT || shut & SEND_SHUTDOWN)
			now |= SOCKIOCP_EVENT_OUT;
		if (peer_ended)
			now |= SOCKIOCP_EVENT_HANGUP;
		break;
	case TCP_CLOSE:
		if (!vsock_was_connected(socket))
			return vsock_unconnected_read(sk);
		if (!sock_flag(sk, SOCK_DONE))
			error = true;
		fallthrough;
	case TCP_CLOSING:
		now |= SOCKIOCP_EVENT_OUT | SOCKIOCP_EVENT_HANGUP;
		break;
	default:
		return 0;
	}
	if (error)
		now |= SOCKIOCP_BROKEN;
	return now;
}

static u32 unix_stream_read(struct sock *sk, __poll_t poll, int state)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	bool shut = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
	bool error = READ_ONCE(sk->sk_err);
	u32 now = SOCKIOCP_CONNECTED;

	if (state == TCP_LISTEN)
		return listener_read(poll);
	if (state != TCP_ESTABLISHED)
		return 0;

	/* The end before the data: see the head of this file. */
	smp_rmb();
	sockiocp_race_window();
	/* A sockmap has a queue of its own. */
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	    unlikely(prot->sock_is_readable && prot->sock_is_readable(sk)))
		now |= SOCKIOCP_EVENT_IN;
	sockiocp_race_window();
	if (poll & EPOLLOUT)
		now |= SOCKIOCP_EVENT_OUT;
	/* The peer's shutdown(SHUT_WR) and our SHUT_RD leave the same state. */
	if (shut)
		now |= SOCKIOCP_EVENT_HANGUP;
	if (error)
		now |= SOCKIOCP_BROKEN;
	return now;
}

/* From the first recv() takes all datagrams to the second, in one step. */
static bool udp_has_datagram(const struct sock *sk)
{
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		return true;
	/* Where they come from before where they go. */
	smp_rmb();
	sockiocp_race_window();
	return !skb_queue_empty_lockless(&udp_sk(sk)->reader_queue);
}

static u32 datagram_read(const struct sock *sk, __poll_t poll, bool udp)
{
	bool shut = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
	u32 now = 0;

	/* After a local shutdown ->poll says readable whatever is queued. */
	if (poll & EPOLLIN &&
	    (!shut || (udp ? udp_has_datagram(sk) :
			     !skb_queue_empty_lockless(&sk->sk_receive_queue))))
		now |= SOCKIOCP_EVENT_IN;
	if (poll & EPOLLOUT)
		now |= SOCKIOCP_EVENT_OUT;
	if (READ_ONCE(sk->sk_err))
		now |= SOCKIOCP_EVENT_ERR;
	return now;
}

static bool lock_is_taken(const struct sock *sk)
{
	/* Who takes it a moment later is waited for: SECURITY.md says so. */
	return data_race(sock_owned_by_user_nocheck(sk));
}

/* Read the socket's state with ->poll's help. */
static noinline u32 ask(struct socket *socket, struct file *file,
			enum sockiocp_kind kind, int state, u8 filter)
{
	struct poll_table_struct table = {
		._key = EPOLLERR | EPOLLHUP | EPOLLRDHUP | EPOLLIN | EPOLLRDNORM,
	};
	struct sock *sk = socket->sk;
	bool peer_ended = false;
	__poll_t poll;

	/*
	 * These sleep for the socket's lock, and no signal ends that.  Somebody's
	 * send() may hold it while it waits for a page of its memory: so not then.
	 */
	if (sockiocp_readiness_sleeps(kind) && lock_is_taken(sk))
		return SOCKIOCP_BUSY;

	if (filter & SOCKIOCP_REGISTER_OUT)
		table._key |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (kind == SOCKIOCP_VSOCK)
		peer_ended = READ_ONCE(vsock_sk(sk)->peer_shutdown) & SEND_SHUTDOWN;
	/* What tells the end before what tells of the data: see the head of this file. */
	smp_rmb();
	sockiocp_race_window();
	poll = READ_ONCE(socket->ops)->poll(file, socket, &table);
	sockiocp_race_window();

	switch (kind) {
	case SOCKIOCP_TCP:
		return tcp_read(socket, poll, state);
	case SOCKIOCP_MPTCP:
		return mptcp_read(socket, poll, state);
	case SOCKIOCP_VSOCK:
		return vsock_read(socket, poll, state, peer_ended);
	case SOCKIOCP_UNIX_STREAM:
		return unix_stream_read(sk, poll, state);
	case SOCKIOCP_UDP:
	case SOCKIOCP_UNIX_DGRAM:
		return datagram_read(sk, poll, kind == SOCKIOCP_UDP);
	}
	return 0;
}

/*
 * ->poll costs more than all the rest of a delivery.  Where its answer is clear
 * these functions do without: not where a protocol has a say of its own (kTLS,
 * sockmap), where SO_RCVLOWAT or a checksum decide, or where there is no room, so
 * that the protocol has to remember that somebody waits for it (SOCK_NOSPACE).
 * They are kept apart so that the short ones stay short.
 */

static noinline u32 tcp_quick_read(struct socket *socket, struct file *file, int state,
				   u8 filter)
{
	struct sock *sk = socket->sk;
	u32 now = SOCKIOCP_CONNECTED;
	s32 unread;

	/* Not a connection that the handshake is behind. */
	if (!(BIT(state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
			    TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING)))
		goto ask;
	unread = tcp_unread(sk);
	sockiocp_race_window();
	if (unread > 0) {
		if (unread < sock_rcvlowat(sk, 0, INT_MAX))
			goto ask;
		now |= SOCKIOCP_EVENT_IN;
	}
	if (filter & SOCKIOCP_REGISTER_OUT) {
		if (!(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) &&
		    !__sk_stream_is_writeable(sk, 1))
			goto ask;
		now |= SOCKIOCP_EVENT_OUT;
	}
	return now | tcp_end(sk, state);
ask:
	return ask(socket, file, SOCKIOCP_TCP, state, filter);
}

static noinline u32 unix_quick_read(struct socket *socket, struct file *file,
				    enum sockiocp_kind kind, int state, u8 filter)
{
	struct sock *sk = socket->sk;
	__poll_t poll = skb_queue_empty_lockless(&sk->sk_receive_queue) ? 0 : EPOLLIN;

	/* Whether a peer has room is known to AF_UNIX alone. */
	if (filter & SOCKIOCP_REGISTER_OUT)
		return ask(socket, file, kind, state, filter);
	return kind == SOCKIOCP_UNIX_STREAM ? unix_stream_read(sk, poll, state) :
					      datagram_read(sk, poll, false);
}

static u32 udp_quick_read(struct socket *socket, struct file *file, int state, u8 filter)
{
	const struct sock *sk = socket->sk;
	u32 now = 0;

	if (udp_has_datagram(sk)) {
		if (!(READ_ONCE(file->f_flags) & O_NONBLOCK))
			goto ask;
		now |= SOCKIOCP_EVENT_IN;
	}
	if (filter & SOCKIOCP_REGISTER_OUT) {
		if (!sock_writeable(sk))
			goto ask;
		now |= SOCKIOCP_EVENT_OUT;
	}
	if (READ_ONCE(sk->sk_err))
		now |= SOCKIOCP_EVENT_ERR;
	return now;
ask:
	return ask(socket, file, SOCKIOCP_UDP, state, filter);
}

/**
 * sockiocp_readiness_read - what holds for a socket now
 * @socket: the socket, which the caller keeps from being released
 * @file: its file, for ->poll's sake
 * @kind: what sockiocp_readiness_kind() said
 * @filter: the SOCKIOCP_REGISTER_* bits that are asked for; asking for OUT makes
 *	the protocol tell when there is room again
 *
 * May sleep: the ->poll of some protocols does.
 *
 * Return: SOCKIOCP_EVENT_* bits and SOCKIOCP_CONNECTED, or SOCKIOCP_BUSY.
 */
u32 sockiocp_readiness_read(struct socket *socket, struct file *file,
			    enum sockiocp_kind kind, u8 filter)
{
	const struct sock *sk = socket->sk;
	/*
	 * The state is read before ->poll and sk_err, which a reset sets first:
	 * whoever sees the new state sees the reason.
	 */
	int state = smp_load_acquire(&sk->sk_state);

	if (unlikely(READ_ONCE(sk->sk_prot)->sock_is_readable))
		return ask(socket, file, kind, state, filter);

	switch (kind) {
	case SOCKIOCP_TCP:
		return tcp_quick_read(socket, file, state, filter);
	case SOCKIOCP_UDP:
		return udp_quick_read(socket, file, state, filter);
	case SOCKIOCP_UNIX_STREAM:
	case SOCKIOCP_UNIX_DGRAM:
		return unix_quick_read(socket, file, kind, state, filter);
	default:
		return ask(socket, file, kind, state, filter);
	}
}

/*
 * Is this TCP as the kernel made it?  kTLS, sockmap and other upper-layer
 * protocols move copied_seq by rules of their own.
 */
static bool tcp_is_plain(const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	if (READ_ONCE(inet_csk(sk)->icsk_ulp_ops))
		return false;
	if (IS_ENABLED(CONFIG_IPV6) && prot == &tcpv6_prot)
		return true;
	return prot == &tcp_prot;
}

/* A socket that has no connection any more was woken for that. */
static enum sockiocp_turn tcp_closed_turn(const struct sock *sk)
{
	bool was_connected = READ_ONCE(tcp_sk(sk)->rcv_nxt);

	if (!READ_ONCE(sk->sk_shutdown)) {
		if (was_connected)
			return SOCKIOCP_IS_NEW;
		/* connect(AF_UNSPEC) ends an attempt with this error, or leaves another. */
		return READ_ONCE(sk->sk_err) == ECONNRESET ? SOCKIOCP_WAS_IN_VAIN :
							     SOCKIOCP_IS_TOLD;
	}
	if (!was_connected)
		return SOCKIOCP_WAS_IN_VAIN;
	/* SO_ERROR may have fetched the error by now; or there was a message only. */
	return READ_ONCE(sk->sk_err) || skb_queue_empty_lockless(&sk->sk_error_queue) ?
		SOCKIOCP_HAS_FAILED : SOCKIOCP_GOES_ON;
}

/* mptcp_disconnect() leaves no trace of what was. */
static enum sockiocp_turn mptcp_closed_turn(const struct sock *sk)
{
	int error = READ_ONCE(sk->sk_err);

	if (READ_ONCE(sk->sk_shutdown))
		return SOCKIOCP_HAS_FAILED;
	if (!error)
		return SOCKIOCP_IS_NEW;
	return mptcp_error_is_of_connection(error) ? SOCKIOCP_IS_TOLD : SOCKIOCP_WAS_IN_VAIN;
}

/**
 * sockiocp_readiness_turn - what becomes of a stream's connection
 * @socket: the socket whose wait queue is being woken
 * @kind: what it is, a stream
 * @error: it is woken for an error, or for a message in its error queue
 *	(MSG_ZEROCOPY, time stamps), which is none; otherwise for a change of its state
 *
 * TCP and MPTCP call this under the socket's lock.
 *
 * Return: &enum sockiocp_turn.
 */
enum sockiocp_turn sockiocp_readiness_turn(const struct socket *socket,
					   enum sockiocp_kind kind, bool error)
{
	const struct sock *sk = READ_ONCE(socket->sk);
	int err, state;

	if (!sk)
		return SOCKIOCP_GOES_ON;
	err = READ_ONCE(sk->sk_err);
	switch (kind) {
	case SOCKIOCP_TCP:
	case SOCKIOCP_MPTCP:
		if (!error)
			return SOCKIOCP_GOES_ON;
		state = READ_ONCE(sk->sk_state);
		if (state == TCP_CLOSE)
			return kind == SOCKIOCP_TCP ? tcp_closed_turn(sk) :
						      mptcp_closed_turn(sk);
		/* See mptcp_error_read(); a broken record of kTLS is the end. */
		if (kind == SOCKIOCP_MPTCP || state == TCP_SYN_SENT || may_be_survived(err))
			return SOCKIOCP_GOES_ON;
		break;
	case SOCKIOCP_VSOCK:
		if (!vsock_was_connected(socket))
			return error ? SOCKIOCP_WAS_IN_VAIN : SOCKIOCP_GOES_ON;
		break;
	default:
		/* AF_UNIX tells of an error as of any change. */
		break;
	}
	return err ? SOCKIOCP_HAS_FAILED : SOCKIOCP_GOES_ON;
}

/**
 * sockiocp_readiness_position - where a TCP stream stands
 * @socket: the socket, which the caller keeps from being released
 * @kind: what it is
 *
 * The caller holds the lock of its wait queue: if a connection ends meanwhile, the
 * wake-up for that comes later (SOCKIOCP_IS_NEW).
 *
 * Return: the start value of *rcv_nxt for sockiocp_readiness_in_edge(); 0 if there is
 * no connection.
 */
u32 sockiocp_readiness_position(struct socket *socket, enum sockiocp_kind kind)
{
	const struct sock *sk = socket->sk;
	int state;

	if (kind != SOCKIOCP_TCP)
		return 0;
	/* The state before the position: what it is of is connected, or was. */
	state = smp_load_acquire(&sk->sk_state);
	/* Until its SYN is made a socket has the position of the connection before. */
	if (BIT(state) & (TCPF_CLOSE | TCPF_SYN_SENT))
		return 0;
	return READ_ONCE(tcp_sk(sk)->rcv_nxt);
}

/**
 * sockiocp_readiness_in_edge - does an IN wake-up mean that IN has just risen?
 * @socket: the socket whose wait queue is being woken
 * @kind: what it is
 * @rcv_nxt: how far the stream had come at the wake-up before; updated
 *
 * For TCP this is exact.  Data is queued, and data_ready called, under the
 * socket lock, and readers advance copied_seq only under it; so copied_seq is
 * here what it was before the segment came, and if what had come until the last
 * wake-up has not been read, IN held already.  A FIN counts as one byte.
 *
 * A listener's wake-ups, and those of all other sockets, run without such a
 * lock: any of them may be an edge.
 *
 * Return: false only if IN held before.
 */
bool sockiocp_readiness_in_edge(struct socket *socket, enum sockiocp_kind kind,
				u32 *rcv_nxt)
{
	struct sock *sk = READ_ONCE(socket->sk);
	struct tcp_sock *tp;
	u32 copied, next;
	bool held, holds;
	s32 lowat;

	if (!sk || kind != SOCKIOCP_TCP || !tcp_is_plain(sk) ||
	    READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return true;

	tp = tcp_sk(sk);
	copied = READ_ONCE(tp->copied_seq);
	next = READ_ONCE(tp->rcv_nxt);
	lowat = max(READ_ONCE(sk->sk_rcvlowat), 1);
	if (tcp_next_is_urgent(sk, copied))
		copied++;
	/* 0: there was no connection yet, so nothing to compare with. */
	held = *rcv_nxt && (s32)(*rcv_nxt - copied) >= lowat;
	/* Nothing new, and the end of the stream was seen: SO_RCVLOWAT was set. */
	holds = next != *rcv_nxt && (s32)(next - copied) > 0;
	*rcv_nxt = next;
	return holds && !held;
}
