// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the state of a TCP socket means in Windows' terms: see readiness.c.
 */
#include "readiness.h"

#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

/* Is the next byte of the stream an out-of-band one, which recv() steps over? */
static bool readiness_tcp_next_is_urgent(const struct sock *sk, u32 copied)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return unlikely(READ_ONCE(tp->urg_data)) &&
	       READ_ONCE(tp->urg_seq) == copied && !sock_flag(sk, SOCK_URGINLINE);
}

/* How many bytes recv() could return, of a stream whose handshake is over. */
static s32 readiness_tcp_count_unread(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 copied = READ_ONCE(tp->copied_seq);
	s32 unread = READ_ONCE(tp->rcv_nxt) - copied;

	/* A FIN counts as one byte until it is read. */
	if (unread > 0 && sock_flag(sk, SOCK_DONE))
		unread--;
	if (unread > 0 && readiness_tcp_next_is_urgent(sk, copied))
		unread--;
	return unread;
}

/*
 * Could recv() return something that was sent?  kTLS takes whole records out of
 * the stream and may hold a decrypted one when nothing is left in it; a sockmap
 * has a queue beside the stream.  Both say so by sock_is_readable.
 */
static bool readiness_tcp_has_data(struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	if (unlikely(prot->sock_is_readable)) {
		if (prot->sock_is_readable(sk))
			return true;
		if (READ_ONCE(inet_csk(sk)->icsk_ulp_ops))
			return false;
	}
	return readiness_tcp_count_unread(sk) > 0;
}

/**
 * struct readiness_tcp_past - what a TCP socket in TCP_CLOSE has behind it
 * @tried: it has tried to connect, or is the child of a listener
 * @connected: it has been connected since it last began to try
 * @ended: the connection, or the attempt at one, came to an end
 * @error: SO_ERROR has something to tell
 *
 * snd_nxt is 0 until the first SYN is made and hardly ever again.  rcv_nxt is 0 from
 * then on until the peer's SYN has been taken (a peer that makes it 0 by its numbers
 * loses only events of its own connection).  sk_shutdown is 0 until a connection, or
 * the attempt at one, ends; shutdown() may set it too, but the port of a peer is there
 * only if there was a peer.  tcp_disconnect() clears the last two and leaves the first
 * two: it is called for connect(AF_UNSPEC), and by the connect() that tells of a failure.
 */
struct readiness_tcp_past {
	bool tried;
	bool connected;
	bool ended;
	bool error;
};

static struct readiness_tcp_past readiness_tcp_read_past(const struct sock *sk)
{
	return (struct readiness_tcp_past) {
		.tried = READ_ONCE(tcp_sk(sk)->snd_nxt),
		.connected = READ_ONCE(tcp_sk(sk)->rcv_nxt),
		.ended = READ_ONCE(sk->sk_shutdown) && READ_ONCE(inet_sk(sk)->inet_dport),
		.error = READ_ONCE(sk->sk_err),
	};
}

/* The same while the socket stands still.  Returns whether it does, and in TCP_CLOSE. */
static bool readiness_tcp_read_settled_past(struct sock *sk, struct readiness_tcp_past *past)
{
	bool settled;

	settled = readiness_hold_still(sk) && sk->sk_state == TCP_CLOSE;
	*past = readiness_tcp_read_past(sk);
	readiness_let_go(sk);
	return settled;
}

/* Of a socket in TCP_CLOSE.  SOCK_DONE is set by a FIN and nothing else. */
static sockiocp_reading readiness_tcp_read_closed(struct sock *sk, __poll_t poll)
{
	struct readiness_tcp_past past;
	sockiocp_reading now;

	sockiocp_race_window();
	past = readiness_tcp_read_past(sk);
	/*
	 * What was never to be connected, or was disconnected, has nothing to tell.  Nor
	 * is there a doubt about a connection that has ended.  All else may be the middle
	 * of tcp_done(), which sets the state first and sk_shutdown last.
	 */
	if (past.connected ? past.error && !past.ended : past.tried || past.error) {
		if (!readiness_tcp_read_settled_past(sk, &past))
			return SOCKIOCP_BUSY;
	}
	/* It failed to connect, whether or not SO_ERROR has told it. */
	if (!past.connected && past.tried)
		return SOCKIOCP_BROKEN;
	/* connect(AF_UNSPEC): an error is nothing but what recv() has to tell once. */
	if (!past.connected || !past.ended)
		return past.error ? SOCKIOCP_NOW_ERR : 0;

	now = SOCKIOCP_CONNECTED | SOCKIOCP_NOW_OUT | SOCKIOCP_NOW_HANGUP;
	if (past.error || !sock_flag(sk, SOCK_DONE))
		now |= SOCKIOCP_BROKEN;
	else if (poll & EPOLLIN && readiness_tcp_has_data(sk))
		now |= SOCKIOCP_NOW_IN;
	return now;
}

/*
 * Can it be that a connection lives on with this error?  These come by ICMP, and a
 * program that has asked for them (IP_RECVERR) is told by the next call, once.
 * All others, a broken record of kTLS among them, are the end.
 */
static bool readiness_tcp_may_survive(int error)
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
static noinline sockiocp_reading
readiness_tcp_judge_error(struct sock *sk, int error, sockiocp_reading now)
{
	bool busy, closed;

	if (!readiness_tcp_may_survive(error))
		return SOCKIOCP_BROKEN;
	/* What ends a connection sets its error first, and its state under this lock. */
	busy = !readiness_hold_still(sk);
	closed = sk->sk_state == TCP_CLOSE;
	readiness_let_go(sk);
	if (busy)
		return SOCKIOCP_BUSY;
	return closed ? SOCKIOCP_BROKEN : now | SOCKIOCP_NOW_ERR;
}

/* What tells of the end of a connection: HANGUP and ERR. */
static sockiocp_reading readiness_tcp_read_end(struct sock *sk, int state)
{
	int error = READ_ONCE(sk->sk_err);
	sockiocp_reading now = 0;

	/* Not by SOCK_DONE: that may be newer than what was read of the data. */
	if (BIT(state) & (TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING))
		now = SOCKIOCP_NOW_HANGUP;
	return unlikely(error) ? readiness_tcp_judge_error(sk, error, now) : now;
}

/*
 * A fast open connection that was accepted before its handshake is done.  ->poll is no
 * help: for a moment, while the handshake gets done, it says nothing.
 */
static sockiocp_reading readiness_tcp_read_fast_open(struct sock *sk, int state)
{
	sockiocp_reading now = SOCKIOCP_CONNECTED;

	if (readiness_tcp_count_unread(sk) >= sock_rcvlowat(sk, 0, INT_MAX))
		now |= SOCKIOCP_NOW_IN;
	if (__sk_stream_is_writeable(sk, 1))
		now |= SOCKIOCP_NOW_OUT;
	return now | readiness_tcp_read_end(sk, state);
}

noinline sockiocp_reading
sockiocp_readiness_tcp_poll(struct socket *socket, struct file *file, u8 filter)
{
	struct sock *sk = socket->sk;
	int state = readiness_state(sk);
	__poll_t poll = readiness_ask_poll(socket, file, filter);
	sockiocp_reading now = SOCKIOCP_CONNECTED;

	switch (state) {
	case TCP_LISTEN:
		return readiness_of_listener(poll);
	case TCP_CLOSE:
		return readiness_tcp_read_closed(sk, poll);
	case TCP_SYN_SENT:
		/* Fast open: writable, the first write connects it. */
		return poll & EPOLLOUT ? SOCKIOCP_NOW_OUT : 0;
	case TCP_SYN_RECV:
		/* Two that connect to each other at the same time are not yet connected. */
		return READ_ONCE(socket->state) == SS_CONNECTED ?
			readiness_tcp_read_fast_open(sk, state) : 0;
	}

	if (poll & EPOLLIN && readiness_tcp_has_data(sk))
		now |= SOCKIOCP_NOW_IN;
	if (poll & EPOLLOUT)
		now |= SOCKIOCP_NOW_OUT;
	return now | readiness_tcp_read_end(sk, state);
}

sockiocp_reading
sockiocp_readiness_tcp_read(struct socket *socket, struct file *file, u8 filter)
{
	struct sock *sk = socket->sk;
	int state = readiness_state(sk);
	sockiocp_reading now = SOCKIOCP_CONNECTED;
	s32 unread;

	/* Only a connection whose handshake is over. */
	if (!(BIT(state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
			    TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING)))
		goto poll;
	unread = readiness_tcp_count_unread(sk);
	sockiocp_race_window();
	if (unread > 0) {
		if (unread < sock_rcvlowat(sk, 0, INT_MAX))
			goto poll;
		now |= SOCKIOCP_NOW_IN;
	}
	if (filter & SOCKIOCP_REGISTER_OUT) {
		if (!(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) &&
		    !__sk_stream_is_writeable(sk, 1))
			goto poll;
		now |= SOCKIOCP_NOW_OUT;
	}
	return now | readiness_tcp_read_end(sk, state);
poll:
	return sockiocp_readiness_tcp_poll(socket, file, filter);
}

/* A socket that has no connection any more was woken for that. */
static enum sockiocp_turn readiness_tcp_closed_turn(const struct sock *sk)
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

enum sockiocp_turn sockiocp_readiness_tcp_turn(const struct sock *sk)
{
	int error = READ_ONCE(sk->sk_err);
	int state = READ_ONCE(sk->sk_state);

	if (state == TCP_CLOSE)
		return readiness_tcp_closed_turn(sk);
	/* A broken record of kTLS is the end. */
	if (state == TCP_SYN_SENT || readiness_tcp_may_survive(error))
		return SOCKIOCP_GOES_ON;
	return error ? SOCKIOCP_HAS_FAILED : SOCKIOCP_GOES_ON;
}

/*
 * Is this TCP as the kernel made it?  kTLS, sockmap and other upper-layer protocols move
 * copied_seq by rules of their own.  Each puts a struct proto of its own in the place of
 * TCP's.  Nothing in it says so, which is why this compares with TCP's two.  If TCP
 * exported a function for it, that would do the same.
 */
static bool readiness_tcp_is_plain(const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	if (READ_ONCE(inet_csk(sk)->icsk_ulp_ops))
		return false;
	if (IS_ENABLED(CONFIG_IPV6) && prot == &tcpv6_prot)
		return true;
	return prot == &tcp_prot;
}

/**
 * sockiocp_readiness_tcp_position - see sockiocp_readiness_position()
 * @socket: a TCP socket
 *
 * Return: what comes next in its stream, or would have come; 0 if it has no connection,
 *	and none that has ended.
 */
u32 sockiocp_readiness_tcp_position(struct socket *socket)
{
	const struct sock *sk = socket->sk;
	/* The state before the rest: what that is of is connected, or was. */
	int state = readiness_state(sk);

	/* Until its SYN is made a socket has the position of the connection before. */
	if (state == TCP_SYN_SENT)
		return 0;
	/* A connection that has ended leaves a shutdown, until it is disconnected. */
	if (state == TCP_CLOSE && !READ_ONCE(sk->sk_shutdown))
		return 0;
	return READ_ONCE(tcp_sk(sk)->rcv_nxt);
}

/**
 * sockiocp_readiness_tcp_in_edge - see sockiocp_readiness_in_edge()
 * @socket: a TCP socket
 * @rcv_nxt: how far the stream had come at the wake-up before; updated
 *
 * This is exact.  Data is queued, and data_ready called, under the socket lock, and
 * readers advance copied_seq only under it.  So copied_seq is here what it was before
 * the segment came, and if what had come until the last wake-up has not been read, IN
 * held already.  A FIN counts as one byte.
 *
 * A listener's wake-ups run without such a lock: any of them may be an edge.
 *
 * Return: false only if IN held before.
 */
bool sockiocp_readiness_tcp_in_edge(struct socket *socket, u32 *rcv_nxt)
{
	struct sock *sk = READ_ONCE(socket->sk);
	struct tcp_sock *tp;
	u32 copied, next;
	bool held, holds;
	s32 lowat;

	if (!sk || !readiness_tcp_is_plain(sk) || READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return true;

	tp = tcp_sk(sk);
	copied = READ_ONCE(tp->copied_seq);
	next = READ_ONCE(tp->rcv_nxt);
	lowat = max(READ_ONCE(sk->sk_rcvlowat), 1);
	if (readiness_tcp_next_is_urgent(sk, copied))
		copied++;
	/* 0: there was no connection yet, so nothing to compare with. */
	held = *rcv_nxt && (s32)(*rcv_nxt - copied) >= lowat;
	/* Nothing new, and the end of the stream was seen: SO_RCVLOWAT was set. */
	holds = next != *rcv_nxt && (s32)(next - copied) > 0;
	*rcv_nxt = next;
	return holds && !held;
}
