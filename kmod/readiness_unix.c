// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the state of an AF_UNIX socket means in Windows' terms: see readiness.c.
 */
#include "readiness.h"

/* Of @poll only EPOLLOUT counts and, for a listener, EPOLLIN. */
static sockiocp_reading readiness_unix_read_stream(struct sock *sk, __poll_t poll, int state)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	bool shut = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
	bool error = READ_ONCE(sk->sk_err);
	sockiocp_reading now = SOCKIOCP_CONNECTED;

	if (state == TCP_LISTEN)
		return readiness_of_listener(poll);
	if (state != TCP_ESTABLISHED)
		return 0;

	/* The end before the data: see the head of readiness.c. */
	smp_rmb();
	sockiocp_race_window();
	/* A sockmap has a queue of its own. */
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	    unlikely(prot->sock_is_readable && prot->sock_is_readable(sk)))
		now |= SOCKIOCP_NOW_IN;
	sockiocp_race_window();
	if (poll & EPOLLOUT)
		now |= SOCKIOCP_NOW_OUT;
	/* The peer's shutdown(SHUT_WR) and our SHUT_RD leave the same state. */
	if (shut)
		now |= SOCKIOCP_NOW_HANGUP;
	if (error)
		now |= SOCKIOCP_BROKEN;
	return now;
}

static sockiocp_reading readiness_unix_read_dgram(const struct sock *sk, __poll_t poll)
{
	/* After a local shutdown ->poll says readable whatever is queued. */
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		poll &= ~EPOLLIN;
	return readiness_of_datagrams(sk, poll);
}

noinline sockiocp_reading
sockiocp_readiness_unix_stream_poll(struct socket *socket, struct file *file, u8 filter)
{
	int state = readiness_state(socket->sk);

	return readiness_unix_read_stream(socket->sk, readiness_ask_poll(socket, file, filter),
					  state);
}

noinline sockiocp_reading
sockiocp_readiness_unix_dgram_poll(struct socket *socket, struct file *file, u8 filter)
{
	return readiness_unix_read_dgram(socket->sk, readiness_ask_poll(socket, file, filter));
}

/* The part of ->poll's answer that needs no ->poll. */
static __poll_t readiness_unix_poll_queue(const struct sock *sk)
{
	return skb_queue_empty_lockless(&sk->sk_receive_queue) ? 0 : EPOLLIN;
}

sockiocp_reading
sockiocp_readiness_unix_stream_read(struct socket *socket, struct file *file, u8 filter)
{
	struct sock *sk = socket->sk;
	int state;

	/* Whether a peer has room is known to AF_UNIX alone. */
	if (filter & SOCKIOCP_REGISTER_OUT)
		return sockiocp_readiness_unix_stream_poll(socket, file, filter);
	state = readiness_state(sk);
	return readiness_unix_read_stream(sk, readiness_unix_poll_queue(sk), state);
}

sockiocp_reading
sockiocp_readiness_unix_dgram_read(struct socket *socket, struct file *file, u8 filter)
{
	struct sock *sk = socket->sk;

	/* Whether a peer has room is known to AF_UNIX alone. */
	if (filter & SOCKIOCP_REGISTER_OUT)
		return sockiocp_readiness_unix_dgram_poll(socket, file, filter);
	return readiness_unix_read_dgram(sk, readiness_unix_poll_queue(sk));
}
