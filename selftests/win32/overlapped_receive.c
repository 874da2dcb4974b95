// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped receives: what a call says, what comes later, and in which order; streams and
 * datagrams.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_receive"

static void receive_pends_and_its_packet_comes(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT(!HasOverlappedIoCompleted(&op.overlapped));
	EXPECT_EQ(UNTOUCHED, op.overlapped.InternalHigh);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(12, send(pair[1], "hello, world", 12, 0));
	EXPECT_PACKET(port, &op, 12);
	EXPECT(HasOverlappedIoCompleted(&op.overlapped));
	EXPECT(!memcmp(op.data, "hello, world", 12));
	/* These are for calls that succeed at once. */
	EXPECT_EQ(UNTOUCHED, op.bytes);
	EXPECT_EQ(0, op.flags);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void data_that_is_there_comes_at_once_and_a_packet_too(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT_EQ(5, send(pair[1], "hello", 5, 0));
	ASSERT(readable(pair[0]));
	ASSERT_EQ(0, start_receive(pair[0], &op, 32));
	EXPECT_EQ(5, op.bytes);
	EXPECT_EQ(0, op.flags);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(5, op.overlapped.InternalHigh);
	EXPECT(!memcmp(op.data, "hello", 5));
	EXPECT_PACKET(port, &op, 5);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

/* Nobody takes packets. */
static void end_is_seen_without_a_call(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ASSERT(has_ended(&op));
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(3, op.overlapped.InternalHigh);
	EXPECT(!memcmp(op.data, "abc", 3));
	EXPECT_PACKET(port, &op, 3);
	close_all(pair, port);
}

static void reset_is_a_packet_to_what_pends(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	reset(pair[1]);
	EXPECT_FAILED(port, &op, ERROR_NETNAME_DELETED, STATUS_CONNECTION_RESET);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

static void reset_is_said_at_once_to_what_comes_later(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	int i;

	ASSERT(port);
	reset(pair[1]);
	ASSERT(readable(pair[0]));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(WSAECONNRESET, start_receive(pair[0], &op, 32));
		EXPECT_NO_PACKET(port);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(WSAECONNRESET, start_send(pair[0], &op, "x", 1));
		EXPECT_NO_PACKET(port);
	}
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT(CloseHandle(port));
}

static void after_the_packet_of_a_reset_it_is_said_at_once(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	reset(pair[1]);
	EXPECT_FAILED(port, &op, ERROR_NETNAME_DELETED, STATUS_CONNECTION_RESET);
	EXPECT_EQ(WSAECONNRESET, start_receive(pair[0], &op, 32));
	EXPECT_EQ(WSAECONNRESET, start_send(pair[0], &op, "x", 1));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT(CloseHandle(port));
}

/* The peer has gone in peace; what is sent to it then is answered by a reset. */
static void reset_that_a_send_has_brought_is_an_abort(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	int error;

	ASSERT(port);
	EXPECT_EQ(0, closesocket(pair[1]));
	ASSERT(readable(pair[0]));
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_PACKET(port, &op, 1);
	Sleep(NO_PACKET);
	error = start_receive(pair[0], &op, 32);
	if (error == WSA_IO_PENDING)
		EXPECT_FAILED(port, &op, ERROR_CONNECTION_ABORTED, STATUS_CONNECTION_ABORTED);
	else
		EXPECT_EQ(WSAECONNABORTED, error);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT(CloseHandle(port));
}

static void end_of_a_stream_is_no_bytes_each_time(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2];
	int i;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 32));
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_PACKET(port, &op[0], 0);
	EXPECT_PACKET(port, &op[1], 0);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, start_receive(pair[0], &op[0], 32));
		EXPECT_EQ(0, op[0].bytes);
		EXPECT_PACKET(port, &op[0], 0);
	}
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void one_arrival_fills_several_receives(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2];

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 16));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 16));
	EXPECT_EQ(32, send(pair[1], "0123456789abcdefghijklmnopqrstuv", 32, 0));
	EXPECT_PACKET(port, &op[0], 16);
	EXPECT_PACKET(port, &op[1], 16);
	EXPECT(!memcmp(op[0].data, "0123456789abcdef", 16));
	EXPECT(!memcmp(op[1].data, "ghijklmnopqrstuv", 16));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

#define MANY	64

/* Data comes while receives are started: the first is always the first to be filled. */
static void receives_are_filled_in_the_order_of_their_calls(void)
{
	static struct op op[MANY];
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	int i, started = 0, wrong = 0;

	ASSERT(port);
	for (i = 0; i < MANY; i++) {
		int n;

		/* Some of them pend when the data comes, and others do not. */
		for (n = i % 4; n > 0 && started < MANY; n--, started++) {
			int error = start_receive(pair[0], &op[started], 1);

			EXPECT(!error || error == WSA_IO_PENDING);
		}
		EXPECT_EQ(1, send(pair[1], (char *)&i, 1, 0));
	}
	for (; started < MANY; started++)
		start_receive(pair[0], &op[started], 1);
	for (i = 0; i < MANY; i++) {
		struct packet p = take(port, COMES);

		ASSERT(p.ret);
		EXPECT_EQ(1, p.bytes);
	}
	for (i = 0; i < MANY; i++)
		wrong += op[i].data[0] != i;
	EXPECT_EQ(0, wrong);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void second_receive_does_not_overtake_the_first(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2];

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 16));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 16));
	EXPECT_EQ(4, send(pair[1], "abcd", 4, 0));
	EXPECT_PACKET(port, &op[0], 4);
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op[1]);
	EXPECT_EQ(4, send(pair[1], "efgh", 4, 0));
	EXPECT_PACKET(port, &op[1], 4);
	EXPECT(!memcmp(op[0].data, "abcd", 4) && !memcmp(op[1].data, "efgh", 4));
	close_all(pair, port);
}

static void receive_of_no_bytes_tells_of_data(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	int i;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 0));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(5, send(pair[1], "hello", 5, 0));
	EXPECT_PACKET(port, &op, 0);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, start_receive(pair[0], &op, 0));
		EXPECT_EQ(0, op.bytes);
		EXPECT_PACKET(port, &op, 0);
	}
	EXPECT_EQ(0, start_receive(pair[0], &op, 32));
	EXPECT_EQ(5, op.bytes);
	EXPECT(!memcmp(op.data, "hello", 5));
	EXPECT_PACKET(port, &op, 5);
	/* There is nothing any more. */
	EXPECT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 0));
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_PACKET(port, &op, 0);
	close_all(pair, port);
}

static void receive_of_no_bytes_tells_of_a_reset(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 0));
	reset(pair[1]);
	EXPECT_FAILED(port, &op, ERROR_NETNAME_DELETED, STATUS_CONNECTION_RESET);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT(CloseHandle(port));
}

static void receive_of_no_bytes_is_served_before_who_comes_later(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2];

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 0));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op[0], 0);
	EXPECT_PACKET(port, &op[1], 3);
	close_all(pair, port);
}

static void buffers_are_filled_one_after_the_other(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static char a[2], b[4], c[8];
	WSABUF buffers[4] = { { sizeof(a), a }, { 0, NULL }, { sizeof(b), b }, { sizeof(c), c } };
	static struct op op;

	ASSERT(port);
	prepare(&op, 0);
	memset(c, '-', sizeof(c));
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSARecv(pair[0], buffers, 4, &op.bytes, &op.flags,
						  &op.overlapped, NULL)));
	EXPECT_EQ(8, send(pair[1], "abcdefgh", 8, 0));
	EXPECT_PACKET(port, &op, 8);
	EXPECT(!memcmp(a, "ab", 2) && !memcmp(b, "cdef", 4) && !memcmp(c, "gh------", 8));
	close_all(pair, port);
}

static void array_of_buffers_may_be_gone_after_the_call(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static char a[2], b[2], c[2], d[2], wrong[] = "..";
	WSABUF buffers[4] = { { 2, a }, { 2, b }, { 2, c }, { 2, d } };
	static struct op op;
	int i;

	ASSERT(port);
	prepare(&op, 0);
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSARecv(pair[0], buffers, 4, &op.bytes, &op.flags,
						  &op.overlapped, NULL)));
	for (i = 0; i < 4; i++) {
		buffers[i].buf = wrong;
		buffers[i].len = 1;
	}
	EXPECT_EQ(8, send(pair[1], "abcdefgh", 8, 0));
	EXPECT_PACKET(port, &op, 8);
	EXPECT(!memcmp(a, "ab", 2) && !memcmp(b, "cd", 2) && !memcmp(c, "ef", 2));
	EXPECT(!memcmp(d, "gh", 2) && !memcmp(wrong, "..", 2));
	close_all(pair, port);
}

static void socket_that_does_not_block_pends_all_the_same(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	set_nonblocking(pair[0]);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	close_all(pair, port);
}

static void time_out_is_not_for_what_pends(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	DWORD ms = 50;
	static struct op op;

	ASSERT(port);
	EXPECT_EQ(0, setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof(ms)));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	Sleep(120);
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	close_all(pair, port);
}

static void receives_that_cannot_be_are_refused_without_a_packet(void)
{
	SOCKET pair[2], s = tcp(), none = tcp();
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	associate(s, port, KEY);
	EXPECT_EQ(0, closesocket(none));
	EXPECT_EQ(WSAENOTSOCK, start_receive(none, &op, 32));
	EXPECT_EQ(WSAENOTSOCK, start_receive(INVALID_SOCKET, &op, 32));
	EXPECT_EQ(WSAENOTCONN, start_receive(s, &op, 32));
	EXPECT_EQ(0, shutdown(pair[0], SD_RECEIVE));
	EXPECT_EQ(WSAESHUTDOWN, start_receive(pair[0], &op, 32));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(s));
	close_all(pair, port);
}

static void receive_needs_a_buffer(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 32);
	EXPECT_WSA(WSAEINVAL, WSARecv(pair[0], &op.buffer, 0, &op.bytes, &op.flags,
				      &op.overlapped, NULL));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void datagrams_come_to_sockets_with_a_name_only(void)
{
	HANDLE port = new_port();
	static struct op op;
	SOCKET s = udp();

	ASSERT(port);
	associate(s, port, KEY);
	EXPECT_EQ(WSAEINVAL, start_receive(s, &op, 32));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

static void shutting_down_lets_what_pends_go_on(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(0, shutdown(pair[0], SD_RECEIVE));
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT_EQ(5, send(pair[1], "hello", 5, 0));
	EXPECT_PACKET(port, &op, 5);
	EXPECT(!memcmp(op.data, "hello", 5));
	close_all(pair, port);
}

/* Both sides have nothing more to say, but not all was read. */
static void what_was_sent_before_the_end_is_received(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[3];

	ASSERT(port);
	EXPECT_EQ(0, shutdown(pair[0], SD_SEND));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 4));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[2], 32));
	EXPECT_EQ(8, send(pair[1], "abcdefgh", 8, 0));
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_PACKET(port, &op[0], 4);
	EXPECT_PACKET(port, &op[1], 4);
	EXPECT_PACKET(port, &op[2], 0);
	EXPECT(!memcmp(op[0].data, "abcd", 4) && !memcmp(op[1].data, "efgh", 4));
	close_all(pair, port);
}

/* One that pends looks, and takes nothing. */
static void peeking_pends_and_takes_nothing(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 32);
	op.flags = MSG_PEEK;
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
						  &op.overlapped, NULL)));
	EXPECT_EQ(5, send(pair[1], "hello", 5, 0));
	EXPECT_PACKET(port, &op, 5);
	EXPECT(!memcmp(op.data, "hello", 5));
	EXPECT_EQ(0, start_receive(pair[0], &op, 32));
	EXPECT_EQ(5, op.bytes);
	EXPECT_PACKET(port, &op, 5);
	close_all(pair, port);
}

static int start_receive_all(SOCKET s, struct op *op, DWORD size)
{
	prepare(op, size);
	op->flags = MSG_WAITALL;
	return outcome(WSARecv(s, &op->buffer, 1, &op->bytes, &op->flags, &op->overlapped,
			       NULL));
}

static void waiting_for_all_ends_when_it_is_full_or_at_the_end(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive_all(pair[0], &op, 8));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT_EQ(9, send(pair[1], "defghijkl", 9, 0));
	EXPECT_PACKET(port, &op, 8);
	EXPECT(!memcmp(op.data, "abcdefgh", 8));
	/* Half of it is there. */
	ASSERT_EQ(WSA_IO_PENDING, start_receive_all(pair[0], &op, 8));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_PACKET(port, &op, 4);
	EXPECT(!memcmp(op.data, "ijkl", 4));
	close_all(pair, port);
}

static void waiting_for_all_goes_with_no_other_flag(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 32);
	op.flags = MSG_WAITALL | MSG_PEEK;
	EXPECT_WSA(WSAEOPNOTSUPP, WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
					  &op.overlapped, NULL));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void name_of_the_sender_is_written_at_the_end(void)
{
	struct sockaddr_in address[2];
	static struct sockaddr_in from;
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	static INT size = sizeof(from);
	static struct op op;

	ASSERT(port);
	prepare(&op, 32);
	memset(&from, 0, sizeof(from));
	ASSERT_EQ(WSA_IO_PENDING,
		  outcome(WSARecvFrom(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
				      (struct sockaddr *)&from, &size, &op.overlapped, NULL)));
	EXPECT_EQ(0, from.sin_port);
	/* What it says when the datagram comes counts. */
	send_to(pair[1], &address[0], "hello");
	EXPECT_PACKET(port, &op, 5);
	EXPECT(!memcmp(op.data, "hello", 5));
	EXPECT_EQ(sizeof(from), size);
	EXPECT_EQ(AF_INET, from.sin_family);
	EXPECT_EQ(address[1].sin_port, from.sin_port);
	EXPECT_EQ(address[1].sin_addr.s_addr, from.sin_addr.s_addr);
	/* The same at once. */
	send_to(pair[1], &address[0], "again");
	ASSERT(readable(pair[0]));
	prepare(&op, 32);
	memset(&from, 0, sizeof(from));
	EXPECT_EQ(0, WSARecvFrom(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
				 (struct sockaddr *)&from, &size, &op.overlapped, NULL));
	EXPECT_EQ(address[1].sin_port, from.sin_port);
	EXPECT_PACKET(port, &op, 5);
	close_all(pair, port);
}

static void names_of_other_families_are_written_too(void)
{
	SOCKET s = socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
	static struct sockaddr_in6 from;
	static INT size = sizeof(from);
	struct sockaddr_in6 address;
	HANDLE port = new_port();
	static struct op op;

	memset(&address, 0, sizeof(address));
	address.sin6_family = AF_INET6;
	address.sin6_addr = in6addr_loopback;
	/* Not every machine has it. */
	if (s == INVALID_SOCKET || bind(s, (struct sockaddr *)&address, sizeof(address)))
		return;
	EXPECT_EQ(0, getsockname(s, (struct sockaddr *)&address, (socklen_t *)&size));
	associate(s, port, KEY);
	prepare(&op, 32);
	ASSERT_EQ(WSA_IO_PENDING,
		  outcome(WSARecvFrom(s, &op.buffer, 1, &op.bytes, &op.flags,
				      (struct sockaddr *)&from, &size, &op.overlapped, NULL)));
	EXPECT_EQ(5, sendto(s, "hello", 5, 0, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_PACKET(port, &op, 5);
	EXPECT_EQ(sizeof(from), size);
	EXPECT_EQ(AF_INET6, from.sin6_family);
	EXPECT_EQ(address.sin6_port, from.sin6_port);
	EXPECT(!memcmp(&in6addr_loopback, &from.sin6_addr, sizeof(from.sin6_addr)));
	EXPECT_EQ(0, closesocket(s));
	EXPECT(CloseHandle(port));
}

static void stream_takes_room_for_a_name(void)
{
	static struct sockaddr_in from;
	static INT size = sizeof(from);
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 32);
	ASSERT_EQ(WSA_IO_PENDING,
		  outcome(WSARecvFrom(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
				      (struct sockaddr *)&from, &size, &op.overlapped, NULL)));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	close_all(pair, port);
}

static void datagrams_are_received_one_by_one(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	static struct op op[3];

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[2], 32));
	send_to(pair[1], &address[0], "one");
	send_to(pair[1], &address[0], "");
	send_to(pair[1], &address[0], "three");
	EXPECT_PACKET(port, &op[0], 3);
	EXPECT_PACKET(port, &op[1], 0);
	EXPECT_PACKET(port, &op[2], 5);
	EXPECT(!memcmp(op[0].data, "one", 3) && !memcmp(op[2].data, "three", 5));
	close_all(pair, port);
}

static void datagram_that_does_not_fit_is_cut(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	OVERLAPPED_ENTRY entry;
	static struct op op;
	ULONG n = 0;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 6));
	send_to(pair[1], &address[0], "longer than six");
	packet_failed(port, &op, ERROR_MORE_DATA, STATUS_BUFFER_OVERFLOW, 6, __LINE__);
	EXPECT(!memcmp(op.data, "longer\0", 7));
	/* The other way to take packets does not fail. */
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 6));
	send_to(pair[1], &address[0], "longer than six");
	ASSERT(GetQueuedCompletionStatusEx(port, &entry, 1, &n, COMES, FALSE));
	EXPECT_EQ(1, n);
	EXPECT_EQ(&op.overlapped, entry.lpOverlapped);
	EXPECT_EQ(6, entry.dwNumberOfBytesTransferred);
	EXPECT_EQ((DWORD)STATUS_BUFFER_OVERFLOW, (DWORD)entry.Internal);
	/* The rest is lost. */
	EXPECT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 6));
	send_to(pair[1], &address[0], "short");
	EXPECT_PACKET(port, &op, 5);
	close_all(pair, port);
}

static void datagram_that_is_cut_at_once_has_a_packet_too(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	static struct op op;

	ASSERT(port);
	send_to(pair[1], &address[0], "longer than six");
	ASSERT(readable(pair[0]));
	EXPECT_EQ(WSAEMSGSIZE, start_receive(pair[0], &op, 6));
	packet_failed(port, &op, ERROR_MORE_DATA, STATUS_BUFFER_OVERFLOW, 6, __LINE__);
	EXPECT(!memcmp(op.data, "longer\0", 7));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void receive_of_no_bytes_takes_the_datagram(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 0));
	send_to(pair[1], &address[0], "lost");
	packet_failed(port, &op, ERROR_MORE_DATA, STATUS_BUFFER_OVERFLOW, 0, __LINE__);
	send_to(pair[1], &address[0], "next");
	ASSERT(readable(pair[0]));
	EXPECT_EQ(0, start_receive(pair[0], &op, 32));
	EXPECT(!memcmp(op.data, "next", 4));
	EXPECT_PACKET(port, &op, 4);
	close_all(pair, port);
}

/* Nobody is there. */
static void unreachable_port_is_told_to_the_oldest(void)
{
	struct sockaddr_in address;
	HANDLE port = new_port();
	SOCKET s = udp(), gone = udp();
	static struct op op[2];

	ASSERT(port && bind_anywhere(gone, &address));
	EXPECT_EQ(0, closesocket(gone));
	EXPECT_EQ(0, connect_to(s, &address));
	associate(s, port, KEY);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(s, &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(s, &op[1], 32));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_FAILED(port, &op[0], ERROR_PORT_UNREACHABLE, STATUS_PORT_UNREACHABLE);
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op[1]);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_FAILED(port, &op[1], ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	EXPECT(CloseHandle(port));
}

/* As if SIO_UDP_CONNRESET were FALSE: Linux tells connected sockets only. */
static void unconnected_socket_is_not_told_of_an_unreachable_port(void)
{
	struct sockaddr_in address, mine;
	HANDLE port = new_port();
	SOCKET s = udp(), gone = udp();
	static struct op op;

	ASSERT(port && bind_anywhere(gone, &address) && bind_anywhere(s, &mine));
	EXPECT_EQ(0, closesocket(gone));
	associate(s, port, KEY);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(s, &op, 32));
	send_to(s, &address, "x");
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op);
	send_to(s, &mine, "me");
	EXPECT_PACKET(port, &op, 2);
	EXPECT_EQ(0, closesocket(s));
	EXPECT(CloseHandle(port));
}

static void file_functions_receive(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 0);
	SetLastError(0);
	EXPECT_EQ(FALSE, ReadFile((HANDLE)pair[0], op.data, 32, NULL, &op.overlapped));
	ASSERT_EQ(ERROR_IO_PENDING, GetLastError());
	EXPECT_EQ(5, send(pair[1], "hello", 5, 0));
	EXPECT_PACKET(port, &op, 5);
	EXPECT(!memcmp(op.data, "hello", 5));
	EXPECT_EQ(5, send(pair[1], "again", 5, 0));
	ASSERT(readable(pair[0]));
	prepare(&op, 0);
	EXPECT(ReadFile((HANDLE)pair[0], op.data, 32, &op.bytes, &op.overlapped));
	EXPECT_EQ(5, op.bytes);
	EXPECT_PACKET(port, &op, 5);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(receive_pends_and_its_packet_comes);
	RUN(data_that_is_there_comes_at_once_and_a_packet_too);
	RUN(end_is_seen_without_a_call);
	RUN(reset_is_a_packet_to_what_pends);
	RUN(reset_is_said_at_once_to_what_comes_later);
	RUN(after_the_packet_of_a_reset_it_is_said_at_once);
	RUN(reset_that_a_send_has_brought_is_an_abort);
	RUN(end_of_a_stream_is_no_bytes_each_time);
	RUN(one_arrival_fills_several_receives);
	RUN(receives_are_filled_in_the_order_of_their_calls);
	RUN(second_receive_does_not_overtake_the_first);
	RUN(receive_of_no_bytes_tells_of_data);
	RUN(receive_of_no_bytes_tells_of_a_reset);
	RUN(receive_of_no_bytes_is_served_before_who_comes_later);
	RUN(buffers_are_filled_one_after_the_other);
	RUN(array_of_buffers_may_be_gone_after_the_call);
	RUN(socket_that_does_not_block_pends_all_the_same);
	RUN(time_out_is_not_for_what_pends);
	RUN(receives_that_cannot_be_are_refused_without_a_packet);
	RUN(receive_needs_a_buffer);
	RUN(datagrams_come_to_sockets_with_a_name_only);
	RUN(shutting_down_lets_what_pends_go_on);
	RUN(what_was_sent_before_the_end_is_received);
	RUN(peeking_pends_and_takes_nothing);
	RUN(waiting_for_all_ends_when_it_is_full_or_at_the_end);
	RUN(waiting_for_all_goes_with_no_other_flag);
	RUN(name_of_the_sender_is_written_at_the_end);
	RUN(names_of_other_families_are_written_too);
	RUN(stream_takes_room_for_a_name);
	RUN(datagrams_are_received_one_by_one);
	RUN(datagram_that_does_not_fit_is_cut);
	RUN(datagram_that_is_cut_at_once_has_a_packet_too);
	RUN(receive_of_no_bytes_takes_the_datagram);
	RUN(unreachable_port_is_told_to_the_oldest);
	RUN_UNLESS_WINE(unconnected_socket_is_not_told_of_an_unreachable_port,
			"Windows tells it");
	RUN(file_functions_receive);
	WSACleanup();
	return tap_end();
}
