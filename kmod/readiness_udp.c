// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the state of a UDP socket means in Windows' terms: see readiness.c.
 */
#include "readiness.h"

#include <linux/udp.h>

/* recv() moves all datagrams from the first queue to the second, in one step. */
static bool readiness_udp_has_datagram(const struct sock *sk)
{
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		return true;
	/* The queue that they come from before the one that they go to. */
	smp_rmb();
	sockiocp_race_window();
	return !skb_queue_empty_lockless(&udp_sk(sk)->reader_queue);
}

noinline sockiocp_reading
sockiocp_readiness_udp_poll(struct socket *socket, struct file *file, u8 filter)
{
	const struct sock *sk = socket->sk;
	__poll_t poll = readiness_ask_poll(socket, file, filter);

	/* After a local shutdown ->poll says readable whatever is queued. */
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN && !readiness_udp_has_datagram(sk))
		poll &= ~EPOLLIN;
	return readiness_of_datagrams(sk, poll);
}

sockiocp_reading
sockiocp_readiness_udp_read(struct socket *socket, struct file *file, u8 filter)
{
	const struct sock *sk = socket->sk;
	sockiocp_reading now = 0;

	if (readiness_udp_has_datagram(sk)) {
		/* With a wrong checksum recv() would block: ->poll drops such datagrams. */
		if (!(READ_ONCE(file->f_flags) & O_NONBLOCK))
			goto poll;
		now |= SOCKIOCP_NOW_IN;
	}
	if (filter & SOCKIOCP_REGISTER_OUT) {
		if (!sock_writeable(sk))
			goto poll;
		now |= SOCKIOCP_NOW_OUT;
	}
	if (READ_ONCE(sk->sk_err))
		now |= SOCKIOCP_NOW_ERR;
	return now;
poll:
	return sockiocp_readiness_udp_poll(socket, file, filter);
}
