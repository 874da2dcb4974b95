// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
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
 * socket.  The socket's state says so, with three exceptions that the registration has
 * to remember (SOCKIOCP_FAILED): an AF_UNIX stream whose peer left, a connection of TCP
 * or MPTCP that was reset after the peer's FIN, and a broken record of kTLS.  An error
 * that a stream survives is there until it is read, as that of a datagram socket is.
 *
 *   readiness.h		what the protocols' files share
 *   readiness_tcp.c		TCP, with kTLS and sockmap
 *   readiness_mptcp.c		MPTCP
 *   readiness_vsock.c		AF_VSOCK
 *   readiness_unix.c		AF_UNIX
 *   readiness_udp.c		UDP
 *
 * This file calls those of the protocols, and none of them calls this one or another.
 */
/*
 * Readings without a lock
 * =======================
 *
 * Sockets are read while they change.  A reader has announced itself before, behind a
 * full barrier (see sockiocp_registration_wake()): whatever happens to the socket from
 * then on wakes the registration, and the socket is read again.  So no single reading can
 * miss anything for good.  But what is told by two fields needs an order, if one of them
 * can change without a wake-up, or if both together would tell what never was:
 *
 *   sk_receive_queue, then reader_queue (UDP)
 *	recv() moves all datagrams from the first to the second in one step, and wakes
 *	nobody.  In the other order both may be found empty.  udp_poll() has this order.
 *   what tells the end, then what tells of the data before it
 *	so that HANGUP never comes without IN while there is something to read:
 *	TCP, MPTCP	sk_state.  It is changed by a store-release, so whoever reads
 *			that a stream has ended reads all data that came before.
 *			SOCK_DONE and sk_shutdown lack that, and do not tell HANGUP
 *	AF_UNIX		sk_shutdown and sk_err, then the queue
 *	AF_VSOCK	peer_shutdown, then ->poll, or the transport under the lock
 *   sk_state, then sk_err
 *	What ends a connection sets the error first, so a closed one has its error.  But
 *	an error can belong to a state that is yet to come.  Then the state is read again,
 *	under the lock: readiness_tcp_judge_error(), readiness_mptcp_judge_error().
 *   sk_state, then sk_shutdown (TCP, closed)
 *	tcp_done() sets them in this order.  Where it matters the second is read again,
 *	under the lock: readiness_tcp_read_closed().
 *   copied_seq and rcv_nxt: any order
 *	Both only grow, and the first never passes the second.  What makes the second
 *	grow wakes.  Unread bytes are never overlooked.
 *   rcv_nxt, then SOCK_DONE, urg_data and urg_seq
 *	The latter take a FIN or an out-of-band byte off the number of bytes.  A FIN is in
 *	rcv_nxt for a few instructions before SOCK_DONE is set, so IN may be told of it;
 *	recv() then returns 0, as it always would.
 *   sk_prot and icsk_ulp_ops, socket->state and the port of the peer
 *	Only system calls on the socket itself change these.
 *
 * An order of the reads is worth nothing without one of the writes.  Where the kernel has
 * none (queues, flags), what counts is the lock that the wake-up takes after the writes.
 *
 * sockiocp_race_window() marks these places: see there.
 */
#include "insides.h"
#include "readiness.h"

#include <linux/net.h>
#include <net/sock.h>

/**
 * sockiocp_readiness_kind - which row of the table a socket belongs to
 * @socket: a socket whose file the caller holds
 *
 * Return: &enum sockiocp_kind, or -EOPNOTSUPP for all that is not in the table.
 */
int sockiocp_readiness_kind(struct socket *socket)
{
	const struct sock *sk = socket->sk;

	if (unlikely(sockiocp_socket_is_lent(socket)))
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

static bool readiness_lock_is_taken(const struct sock *sk)
{
	/* A task that takes it a moment later is waited for: SECURITY.md says so. */
	return data_race(sock_owned_by_user_nocheck(sk));
}

/* Read the socket's state with ->poll's help. */
static noinline sockiocp_reading readiness_poll(struct socket *socket, struct file *file,
						enum sockiocp_kind kind, u8 filter)
{
	/*
	 * These sleep for the socket's lock, and no signal ends that.  Somebody's
	 * send() may hold it while it waits for a page of its memory: so not then.
	 */
	if (sockiocp_readiness_sleeps(kind) && readiness_lock_is_taken(socket->sk))
		return readiness_state(socket->sk) == TCP_ESTABLISHED ?
			SOCKIOCP_BUSY | SOCKIOCP_CONNECTED : SOCKIOCP_BUSY;

	switch (kind) {
	case SOCKIOCP_TCP:
		return sockiocp_readiness_tcp_poll(socket, file, filter);
	case SOCKIOCP_MPTCP:
		return sockiocp_readiness_mptcp_poll(socket, file, filter);
	case SOCKIOCP_VSOCK:
		return sockiocp_readiness_vsock_poll(socket, file, filter);
	case SOCKIOCP_UNIX_STREAM:
		return sockiocp_readiness_unix_stream_poll(socket, file, filter);
	case SOCKIOCP_UDP:
		return sockiocp_readiness_udp_poll(socket, file, filter);
	case SOCKIOCP_UNIX_DGRAM:
		return sockiocp_readiness_unix_dgram_poll(socket, file, filter);
	case SOCKIOCP_NO_KIND:
		break;
	}
	return 0;
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
 * Return: SOCKIOCP_NOW_* bits and SOCKIOCP_CONNECTED or SOCKIOCP_BROKEN, or SOCKIOCP_BUSY.
 */
sockiocp_reading sockiocp_readiness_read(struct socket *socket, struct file *file,
					 enum sockiocp_kind kind, u8 filter)
{
	/* kTLS and sockmap know best what is readable. */
	if (unlikely(READ_ONCE(socket->sk->sk_prot)->sock_is_readable))
		return readiness_poll(socket, file, kind, filter);

	switch (kind) {
	case SOCKIOCP_TCP:
		return sockiocp_readiness_tcp_read(socket, file, filter);
	case SOCKIOCP_UDP:
		return sockiocp_readiness_udp_read(socket, file, filter);
	case SOCKIOCP_UNIX_STREAM:
		return sockiocp_readiness_unix_stream_read(socket, file, filter);
	case SOCKIOCP_UNIX_DGRAM:
		return sockiocp_readiness_unix_dgram_read(socket, file, filter);
	default:
		return readiness_poll(socket, file, kind, filter);
	}
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

	if (!sk)
		return SOCKIOCP_GOES_ON;
	switch (kind) {
	case SOCKIOCP_TCP:
		return error ? sockiocp_readiness_tcp_turn(sk) : SOCKIOCP_GOES_ON;
	case SOCKIOCP_MPTCP:
		return sockiocp_readiness_mptcp_turn(sk, error);
	case SOCKIOCP_VSOCK:
		return sockiocp_readiness_vsock_turn(socket, sk, error);
	default:
		/* AF_UNIX tells of an error as of any change. */
		return READ_ONCE(sk->sk_err) ? SOCKIOCP_HAS_FAILED : SOCKIOCP_GOES_ON;
	}
}
