// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the state of an AF_VSOCK socket means in Windows' terms: see readiness.c.
 */
#include "readiness.h"

#include <net/af_vsock.h>

/*
 * After the peer's end ->poll says readable whatever there is, and of a message
 * (SOCK_SEQPACKET) it counts the parts.  The transport knows.
 */
static bool readiness_vsock_ask_transport(struct sock *sk)
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

static bool readiness_vsock_was_connected(const struct socket *socket)
{
	socket_state state = READ_ONCE(socket->state);

	return state == SS_CONNECTED || state == SS_DISCONNECTING;
}

/*
 * A socket in TCP_CLOSE that was not connected: not yet, or an attempt has failed, and
 * that holds whether or not SO_ERROR has told it.  connect() sets the peer's address when
 * it begins, under the socket's lock, and nothing clears it.
 */
static sockiocp_reading readiness_vsock_read_unconnected(struct sock *sk)
{
	if (READ_ONCE(vsock_sk(sk)->remote_addr.svm_port) == VMADDR_PORT_ANY)
		return READ_ONCE(sk->sk_err) ? SOCKIOCP_BROKEN : 0;
	return readiness_stays_closed(sk) ? SOCKIOCP_BROKEN : SOCKIOCP_BUSY;
}

/* @peer_ended was read before @poll: see the head of readiness.c. */
static sockiocp_reading
readiness_vsock_read_state(struct socket *socket, __poll_t poll, int state, bool peer_ended)
{
	struct sock *sk = socket->sk;
	u8 shut = READ_ONCE(sk->sk_shutdown);
	bool error = READ_ONCE(sk->sk_err);
	sockiocp_reading now = SOCKIOCP_CONNECTED;

	switch (state) {
	case TCP_LISTEN:
		return readiness_of_listener(poll);
	case TCP_ESTABLISHED:
		if (!(shut & RCV_SHUTDOWN) && poll & EPOLLIN &&
		    ((sk->sk_type == SOCK_STREAM && !peer_ended) ||
		     readiness_vsock_ask_transport(sk)))
			now |= SOCKIOCP_NOW_IN;
		if (poll & EPOLLOUT || shut & SEND_SHUTDOWN)
			now |= SOCKIOCP_NOW_OUT;
		if (peer_ended)
			now |= SOCKIOCP_NOW_HANGUP;
		break;
	case TCP_CLOSE:
		if (!readiness_vsock_was_connected(socket))
			return readiness_vsock_read_unconnected(sk);
		if (!sock_flag(sk, SOCK_DONE))
			error = true;
		fallthrough;
	case TCP_CLOSING:
		now |= SOCKIOCP_NOW_OUT | SOCKIOCP_NOW_HANGUP;
		break;
	default:
		return 0;
	}
	if (error)
		now |= SOCKIOCP_BROKEN;
	return now;
}

sockiocp_reading
sockiocp_readiness_vsock_poll(struct socket *socket, struct file *file, u8 filter)
{
	struct sock *sk = socket->sk;
	int state = readiness_state(sk);
	bool peer_ended = READ_ONCE(vsock_sk(sk)->peer_shutdown) & SEND_SHUTDOWN;
	__poll_t poll = readiness_ask_poll(socket, file, filter);

	return readiness_vsock_read_state(socket, poll, state, peer_ended);
}

enum sockiocp_turn sockiocp_readiness_vsock_turn(const struct socket *socket,
						 const struct sock *sk, bool error)
{
	int err = READ_ONCE(sk->sk_err);

	if (!readiness_vsock_was_connected(socket))
		return error ? SOCKIOCP_WAS_IN_VAIN : SOCKIOCP_GOES_ON;
	return err ? SOCKIOCP_HAS_FAILED : SOCKIOCP_GOES_ON;
}
