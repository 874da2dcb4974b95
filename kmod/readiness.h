/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What readiness.c and the files of the protocols, readiness_*.c, share.  What the
 * events mean, and in which order a socket is read, is told at the head of readiness.c.
 */
#ifndef _SOCKIOCP_READINESS_H
#define _SOCKIOCP_READINESS_H

#include "sockiocp.h"

#include <linux/bottom_half.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <net/sock.h>
#include <net/tcp_states.h>

/*
 * A protocol has up to two functions that say what a socket is like, or SOCKIOCP_BUSY.
 *
 *   ..._poll()	asks the protocol's ->poll, which costs more than all the rest of a
 *		delivery
 *   ..._read()	does without where the answer is clear, and calls the first otherwise:
 *		where SO_RCVLOWAT or a checksum decide, or where there is no room, so
 *		that the protocol has to remember that somebody waits for it
 *		(SOCK_NOSPACE).  It is not called where a protocol has a say of its own
 *		(kTLS, sockmap)
 *
 * The first are kept out of line so that the second stay short.
 */
sockiocp_reading
sockiocp_readiness_tcp_read(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_tcp_poll(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_mptcp_poll(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_vsock_poll(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_unix_stream_read(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_unix_stream_poll(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_unix_dgram_read(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_unix_dgram_poll(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_udp_read(struct socket *socket, struct file *file, u8 filter);
sockiocp_reading
sockiocp_readiness_udp_poll(struct socket *socket, struct file *file, u8 filter);

/* The protocol's part of sockiocp_readiness_turn(). */
enum sockiocp_turn sockiocp_readiness_tcp_turn(const struct sock *sk);
enum sockiocp_turn sockiocp_readiness_mptcp_turn(const struct sock *sk, bool is_error);
enum sockiocp_turn sockiocp_readiness_vsock_turn(const struct socket *socket,
						 const struct sock *sk, bool error);

static inline int readiness_state(const struct sock *sk)
{
	/*
	 * Before anything else: before ->poll, and before sk_err, which a reset sets
	 * first.  Whoever sees the new state sees the reason.
	 */
	return smp_load_acquire(&sk->sk_state);
}

/* What ->poll says.  If @filter has OUT, the protocol tells when there is room again. */
static inline __poll_t readiness_ask_poll(struct socket *socket, struct file *file, u8 filter)
{
	struct poll_table_struct table = {
		._key = EPOLLERR | EPOLLHUP | EPOLLRDHUP | EPOLLIN | EPOLLRDNORM,
	};
	__poll_t poll;

	if (filter & SOCKIOCP_REGISTER_OUT)
		table._key |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	/* What tells the end, which the caller has read, before what tells of the data. */
	smp_rmb();
	sockiocp_race_window();
	poll = READ_ONCE(socket->ops)->poll(file, socket, &table);
	sockiocp_race_window();
	return poll;
}

/**
 * readiness_hold_still - keep a socket from changing, without sleeping
 * @sk: the socket
 *
 * What begins or ends a connection works under the socket's lock, and not all in one
 * step.  lock_sock() would show the result of all its steps, but it may sleep for long,
 * and no signal ends that.  So this takes the lock as softirqs do, which keeps them out,
 * and says whether a task has it, which may be in the middle of a change then.
 *
 * If net/sock.h had a trylock_sock(), this would be a call of that.
 *
 * Return: whether the socket stands still, until readiness_let_go(), which has to
 * follow in either case.
 */
static inline bool readiness_hold_still(struct sock *sk)
{
	local_bh_disable();
	bh_lock_sock(sk);
	return !sock_owned_by_user(sk);
}

static inline void readiness_let_go(struct sock *sk)
{
	bh_unlock_sock(sk);
	local_bh_enable();
}

/* Is a socket in TCP_CLOSE, and is nobody at work on it who would change that? */
static inline bool readiness_stays_closed(struct sock *sk)
{
	bool closed;

	closed = readiness_hold_still(sk) && sk->sk_state == TCP_CLOSE;
	readiness_let_go(sk);
	return closed;
}

static inline sockiocp_reading readiness_of_listener(__poll_t poll)
{
	return poll & EPOLLIN ? SOCKIOCP_NOW_IN : 0;
}

/* Of a datagram socket these two are told, and an error until it is read. */
static inline sockiocp_reading readiness_of_datagrams(const struct sock *sk, __poll_t poll)
{
	sockiocp_reading now = 0;

	if (poll & EPOLLIN)
		now |= SOCKIOCP_NOW_IN;
	if (poll & EPOLLOUT)
		now |= SOCKIOCP_NOW_OUT;
	if (READ_ONCE(sk->sk_err))
		now |= SOCKIOCP_NOW_ERR;
	return now;
}

#endif /* _SOCKIOCP_READINESS_H */
