// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the state of an MPTCP socket means in Windows' terms: see readiness.c.
 */
#include "readiness.h"

#include <linux/uio.h>
#include <net/inet_sock.h>

/**
 * readiness_mptcp_peek - look for something to read, as recv() would find it
 * @socket: a socket without an error
 *
 * After the end of a stream, and after a local shutdown, ->poll says readable whether or
 * not there is something to read.  The queues where that would be are MPTCP's own and
 * differ between kernels.  So this asks by recv(MSG_PEEK), as others in the kernel do.
 * If MPTCP exported a function for it, that would do what its ioctl(SIOCINQ) begins
 * with: call __mptcp_move_skbs() under the lock, and see whether its queue is empty then.
 *
 * To believe ->poll would be less code, but then the end of a stream would be IN, and
 * stay IN under LEVEL after it was read, and so would a local shutdown.  A program
 * need not know that its TCP is MPTCP (mptcpize, Go's listeners): TCP's rules hold.
 *
 * The price: while a stream has ended and is not closed yet, each look at it takes the
 * socket's lock, as AF_VSOCK's ->poll does: see readiness_poll().  And recv() takes an
 * error out of the socket, which is why there must be none.  One that comes at this very
 * moment is put back, unless there is another by then.
 *
 * Return: whether there is.
 */
static bool readiness_mptcp_peek(struct socket *socket)
{
	struct msghdr msg = { .msg_flags = MSG_PEEK | MSG_DONTWAIT };
	struct sock *sk = socket->sk;
	u8 byte;
	struct kvec vec = { .iov_base = &byte, .iov_len = sizeof(byte) };
	int ret;

	/* SO_PEEK_OFF: peeking would move the offset. */
	if (READ_ONCE(sk->sk_peek_off) >= 0)
		return true;
	iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, sizeof(byte));
	ret = READ_ONCE(socket->ops)->recvmsg(socket, &msg, sizeof(byte), msg.msg_flags);
	if (unlikely(ret < 0 && ret != -EAGAIN && ret != -ENOTCONN))
		cmpxchg(&sk->sk_err, 0, -ret);
	return ret > 0;
}

/* An attempt to connect cannot have these. */
static bool readiness_mptcp_error_is_of_connection(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

/*
 * An MPTCP socket in TCP_CLOSE was never connected, failed to connect, or has been
 * connected; this says whether it has been.  A connection that ends leaves a
 * shutdown.  One that is reset while it has fallen back to TCP leaves an error
 * that a failed attempt cannot have.  One that was given up, because all its paths were
 * lost, leaves neither.  The error is set after the state, under the lock.
 *
 * connect(AF_UNSPEC) leaves the socket's own state unconnected, and a port.  So does the
 * connect() that tells that one failed.
 */
static bool readiness_mptcp_was_connected(const struct socket *socket, bool shut)
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
	return !error || readiness_mptcp_error_is_of_connection(error);
}

/*
 * A socket in TCP_CLOSE that was not connected: not yet, or an attempt has failed, and
 * that holds whether or not SO_ERROR has told it.
 */
static sockiocp_reading readiness_mptcp_read_unconnected(struct sock *sk)
{
	if (!READ_ONCE(inet_sk(sk)->inet_dport))
		return READ_ONCE(sk->sk_err) ? SOCKIOCP_BROKEN : 0;
	return readiness_stays_closed(sk) ? SOCKIOCP_BROKEN : SOCKIOCP_BUSY;
}

/*
 * A connection has an error: is that its end?  One that has fallen back to TCP survives
 * some errors; MPTCP hides those of its paths.  And an error of the connection before
 * that nobody has read is still there: MPTCP's connect() clears none, and recv() will
 * tell it.  At the end of a stream it has to be read before readiness_mptcp_peek() may
 * look for data in front of that end.  Until then IN says that there may be some.
 */
static sockiocp_reading readiness_mptcp_judge_error(struct sock *sk, __poll_t poll)
{
	bool closed;

	lock_sock(sk);
	closed = sk->sk_state == TCP_CLOSE;
	release_sock(sk);
	if (closed)
		return SOCKIOCP_BROKEN;
	return poll & EPOLLIN ? SOCKIOCP_NOW_ERR | SOCKIOCP_NOW_IN : SOCKIOCP_NOW_ERR;
}

/* The state follows the connection as a whole, not a path of it. */
sockiocp_reading
sockiocp_readiness_mptcp_poll(struct socket *socket, struct file *file, u8 filter)
{
	struct sock *sk = socket->sk;
	int state = readiness_state(sk);
	__poll_t poll = readiness_ask_poll(socket, file, filter);
	bool shut = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
	sockiocp_reading now = SOCKIOCP_CONNECTED;

	switch (state) {
	case TCP_LISTEN:
		return readiness_of_listener(poll);
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		/* An accepted one never is, whatever the state of its first path. */
		return poll & EPOLLOUT ? SOCKIOCP_NOW_OUT : 0;
	case TCP_CLOSE:
		if (!readiness_mptcp_was_connected(socket, shut))
			return readiness_mptcp_read_unconnected(sk);
		now |= SOCKIOCP_NOW_OUT;
		if (!shut)
			now |= SOCKIOCP_BROKEN;
		fallthrough;
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
		now |= SOCKIOCP_NOW_HANGUP;
		break;
	}

	if (poll & EPOLLOUT)
		now |= SOCKIOCP_NOW_OUT;
	sockiocp_race_window();
	if (READ_ONCE(sk->sk_err))
		return now | readiness_mptcp_judge_error(sk, poll);
	if (poll & EPOLLIN && (!shut || readiness_mptcp_peek(socket)))
		now |= SOCKIOCP_NOW_IN;
	return now;
}

/*
 * mptcp_disconnect() leaves no trace of what was: whether there was a connection has to
 * be noted when it is made.  An error that does not end the connection does not last:
 * see readiness_mptcp_judge_error().
 */
enum sockiocp_turn sockiocp_readiness_mptcp_turn(const struct sock *sk, bool is_error)
{
	int state = READ_ONCE(sk->sk_state);
	int error = READ_ONCE(sk->sk_err);

	if (!is_error)
		return state == TCP_ESTABLISHED ? SOCKIOCP_IS_MADE : SOCKIOCP_GOES_ON;
	if (state != TCP_CLOSE)
		return SOCKIOCP_GOES_ON;
	if (READ_ONCE(sk->sk_shutdown))
		return SOCKIOCP_HAS_FAILED;
	if (!error)
		return SOCKIOCP_IS_NEW;
	return readiness_mptcp_error_is_of_connection(error) ? SOCKIOCP_IS_TOLD :
							       SOCKIOCP_WAS_IN_VAIN;
}
