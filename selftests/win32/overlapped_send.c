// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped sends: all of it or an error, in the order of the calls, and the end of the
 * stream behind them.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_send"

/* More than a socket's buffers take. */
#define LARGE	(4 * 1024 * 1024)
#define HUGE_SEND	(16 * 1024 * 1024)
#define CHUNK	(64 * 1024)

static DWORD large[HUGE_SEND / sizeof(DWORD)];

/* A stream in which each place differs from all others. */
static void fill_large(void)
{
	DWORD i;

	for (i = 0; i < HUGE_SEND / sizeof(DWORD); i++)
		large[i] = i * 2654435761u;
}

/* Reads what must be the first @size bytes of the stream, a multiple of CHUNK. */
static int reads_large(SOCKET s, DWORD size)
{
	static DWORD chunk[CHUNK / sizeof(DWORD)];
	DWORD place;

	for (place = 0; place < size; place += CHUNK) {
		if (!read_all(s, (char *)chunk, CHUNK) ||
		    memcmp(chunk, (char *)large + place, CHUNK))
			return 0;
	}
	return 1;
}

static DWORD WINAPI read_huge(LPVOID arg)
{
	return (DWORD)reads_large(*(SOCKET *)arg, HUGE_SEND);
}

static void small_send_ends_at_once_and_has_a_packet(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	char text[5];

	ASSERT(port);
	ASSERT_EQ(0, start_send(pair[0], &op, "hello", 5));
	EXPECT_EQ(5, op.bytes);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(5, op.overlapped.InternalHigh);
	EXPECT_PACKET(port, &op, 5);
	EXPECT_NO_PACKET(port);
	EXPECT(read_all(pair[1], text, 5) && !memcmp(text, "hello", 5));
	close_all(pair, port);
}

static void huge_send_ends_with_all_of_it(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), reader;
	static struct op op[2];
	DWORD all_came = 0;
	char text[4];

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[0], large, HUGE_SEND));
	EXPECT_STATUS(STATUS_PENDING, &op[0]);
	EXPECT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[1], "next", 4));
	EXPECT_NO_PACKET(port);
	reader = CreateThread(NULL, 0, read_huge, &pair[1], 0, NULL);
	ASSERT(reader);
	EXPECT_PACKET(port, &op[0], HUGE_SEND);
	EXPECT_PACKET(port, &op[1], 4);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(reader, COMES));
	EXPECT(GetExitCodeThread(reader, &all_came) && all_came);
	EXPECT(read_all(pair[1], text, 4) && !memcmp(text, "next", 4));
	EXPECT_EQ(UNTOUCHED, op[0].bytes);
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(reader));
	close_all(pair, port);
}

/* Who should take packets reads first. */
static void send_goes_on_while_nobody_takes_packets(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op, large, LARGE));
	EXPECT(reads_large(pair[1], LARGE));
	EXPECT(has_ended(&op));
	EXPECT_PACKET(port, &op, LARGE);
	close_all(pair, port);
}

#define PENDING_SENDS	8

static void sends_go_out_in_the_order_of_their_calls(void)
{
	static char data[PENDING_SENDS][1000], got[PENDING_SENDS * 1000];
	static struct op first, op[PENDING_SENDS];
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	int i, wrong = 0;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &first, large, LARGE));
	for (i = 0; i < PENDING_SENDS; i++) {
		memset(data[i], 'a' + i, sizeof(data[i]));
		EXPECT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[i], data[i], 1000));
	}
	EXPECT(reads_large(pair[1], LARGE));
	EXPECT(read_all(pair[1], got, sizeof(got)));
	for (i = 0; i < (int)sizeof(got); i++)
		wrong += got[i] != 'a' + i / 1000;
	EXPECT_EQ(0, wrong);
	EXPECT_PACKET(port, &first, LARGE);
	for (i = 0; i < PENDING_SENDS; i++)
		EXPECT_PACKET(port, &op[i], 1000);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

#define SENDERS	2
#define SENDS	8
#define SIZE	(256 * 1024)

static struct sender {
	SOCKET s;
	struct op op[SENDS];
	char data[SIZE];
} senders[SENDERS];

static DWORD WINAPI send_several(LPVOID arg)
{
	struct sender *sender = arg;
	DWORD failed = 0;
	int i;

	for (i = 0; i < SENDS; i++) {
		int error = start_send(sender->s, &sender->op[i], sender->data, SIZE);

		failed += error && error != WSA_IO_PENDING;
	}
	return failed;
}

/* Sends of two threads mix, but no part of one comes in the middle of another. */
static void sends_of_several_threads_are_whole(void)
{
	static char got[SIZE];
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), threads[SENDERS];
	int i, packets = 0;
	DWORD failed;

	ASSERT(port);
	for (i = 0; i < SENDERS; i++) {
		senders[i].s = pair[0];
		memset(senders[i].data, 'a' + i, SIZE);
		threads[i] = CreateThread(NULL, 0, send_several, &senders[i], 0, NULL);
		ASSERT(threads[i]);
	}
	for (i = 0; i < SENDERS * SENDS; i++) {
		ASSERT(read_all(pair[1], got, SIZE));
		if (!EXPECT(!memcmp(got, senders[got[0] != 'a'].data, SIZE)))
			break;
		while (take(port, 0).ret)
			packets++;
	}
	for (i = 0; i < SENDERS; i++) {
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(threads[i], COMES));
		EXPECT(GetExitCodeThread(threads[i], &failed) && !failed);
		EXPECT(CloseHandle(threads[i]));
	}
	while (packets < SENDERS * SENDS && take(port, COMES).ret)
		packets++;
	EXPECT_EQ(SENDERS * SENDS, packets);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void buffers_go_out_one_after_the_other(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	WSABUF buffers[3] = { { 3, (char *)"one" }, { 0, NULL }, { 4, (char *)"four" } };
	static struct op op;
	char text[7];

	ASSERT(port);
	prepare(&op, 0);
	EXPECT_EQ(0, WSASend(pair[0], buffers, 3, &op.bytes, 0, &op.overlapped, NULL));
	EXPECT_EQ(7, op.bytes);
	EXPECT_PACKET(port, &op, 7);
	EXPECT(read_all(pair[1], text, 7) && !memcmp(text, "onefour", 7));
	close_all(pair, port);
}

static void array_of_buffers_may_be_gone_after_the_call(void)
{
	WSABUF buffers[4];
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	int i;

	ASSERT(port);
	for (i = 0; i < 4; i++) {
		buffers[i].len = LARGE / 4;
		buffers[i].buf = (char *)large + LARGE / 4 * i;
	}
	prepare(&op, 0);
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSASend(pair[0], buffers, 4, &op.bytes, 0,
						  &op.overlapped, NULL)));
	memset(buffers, 0, sizeof(buffers));
	EXPECT(reads_large(pair[1], LARGE));
	EXPECT_PACKET(port, &op, LARGE);
	close_all(pair, port);
}

static void buffer_is_free_when_the_packet_has_come(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	char data[5] = "first", text[5];

	ASSERT(port);
	EXPECT_EQ(0, start_send(pair[0], &op, data, 5));
	EXPECT_PACKET(port, &op, 5);
	memset(data, '-', 5);
	EXPECT(read_all(pair[1], text, 5) && !memcmp(text, "first", 5));
	close_all(pair, port);
}

static void neither_blocking_mode_nor_time_out_is_for_what_pends(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	DWORD ms = 50;

	ASSERT(port);
	set_nonblocking(pair[0]);
	EXPECT_EQ(0, setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, (char *)&ms, sizeof(ms)));
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op, large, LARGE));
	Sleep(120);
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT_NO_PACKET(port);
	EXPECT(reads_large(pair[1], LARGE));
	EXPECT_PACKET(port, &op, LARGE);
	close_all(pair, port);
}

static void end_of_the_stream_is_behind_what_pends(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2], late;
	char text[4];

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[0], large, LARGE));
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[1], "last", 4));
	EXPECT_EQ(0, shutdown(pair[0], SD_SEND));
	EXPECT_EQ(WSAESHUTDOWN, start_send(pair[0], &late, "late", 4));
	EXPECT(reads_large(pair[1], LARGE));
	EXPECT(read_all(pair[1], text, 4) && !memcmp(text, "last", 4));
	EXPECT_EQ(0, recv(pair[1], text, 4, 0));
	EXPECT_PACKET(port, &op[0], LARGE);
	EXPECT_PACKET(port, &op[1], 4);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

/* What is sent in pieces does not end with one of them. */
static void reset_ends_all_that_pend(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2];
	static char piece[CHUNK];
	int i;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[0], large, LARGE));
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[1], "next", 4));
	EXPECT(read_all(pair[1], piece, CHUNK));
	EXPECT_NO_PACKET(port);
	reset(pair[1]);
	for (i = 0; i < 2; i++) {
		struct packet p = take_of(port, &op[i]);

		EXPECT_EQ(FALSE, p.ret);
		EXPECT_EQ(ERROR_NETNAME_DELETED, p.error);
		EXPECT_EQ(KEY, p.key);
		EXPECT_EQ(&op[i].overlapped, p.overlapped);
		EXPECT_STATUS(STATUS_CONNECTION_RESET, &op[i]);
	}
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(WSAECONNRESET, start_send(pair[0], &op[0], "x", 1));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

static void sends_that_cannot_be_are_refused_without_a_packet(void)
{
	SOCKET pair[2], none = tcp();
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT_EQ(0, closesocket(none));
	EXPECT_EQ(WSAENOTSOCK, start_send(none, &op, "x", 1));
	EXPECT_EQ(WSAENOTSOCK, start_send(INVALID_SOCKET, &op, "x", 1));
	EXPECT_EQ(0, shutdown(pair[0], SD_SEND));
	EXPECT_EQ(WSAESHUTDOWN, start_send(pair[0], &op, "x", 1));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void send_without_a_connection_is_refused_without_a_packet(void)
{
	HANDLE port = new_port();
	static struct op op;
	SOCKET s = tcp();

	ASSERT(port);
	associate(s, port, KEY);
	EXPECT_EQ(WSAENOTCONN, start_send(s, &op, "x", 1));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(s));
	EXPECT(CloseHandle(port));
}

static void send_of_no_buffers_is_refused_or_nothing(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 0);
	if (outcome(WSASend(pair[0], &op.buffer, 0, &op.bytes, 0, &op.overlapped, NULL)))
		EXPECT_EQ(WSAEINVAL, WSAGetLastError());
	else
		EXPECT_PACKET(port, &op, 0);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void send_of_no_bytes_succeeds(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	char text[2];

	ASSERT(port);
	EXPECT_EQ(0, start_send(pair[0], &op, "", 0));
	EXPECT_EQ(0, op.bytes);
	EXPECT_PACKET(port, &op, 0);
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_PACKET(port, &op, 1);
	EXPECT_EQ(1, recv(pair[1], text, 2, 0));
	close_all(pair, port);
}

static void urgent_byte_is_sent(void)
{
	struct timeval patience = { COMES / 1000, 0 };
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	fd_set set;
	char c = 0;

	ASSERT(port);
	prepare(&op, 1);
	op.data[0] = '!';
	EXPECT_EQ(0, WSASend(pair[0], &op.buffer, 1, &op.bytes, MSG_OOB, &op.overlapped, NULL));
	EXPECT_PACKET(port, &op, 1);
	FD_ZERO(&set);
	FD_SET(pair[1], &set);
	EXPECT_EQ(1, select(0, NULL, NULL, &set, &patience));
	EXPECT_EQ(1, recv(pair[1], &c, 1, MSG_OOB));
	EXPECT_EQ('!', c);
	close_all(pair, port);
}

static void file_functions_send(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	char text[5];

	ASSERT(port);
	prepare(&op, 0);
	EXPECT(WriteFile((HANDLE)pair[0], "hello", 5, &op.bytes, &op.overlapped));
	EXPECT_EQ(5, op.bytes);
	EXPECT_PACKET(port, &op, 5);
	EXPECT(read_all(pair[1], text, 5) && !memcmp(text, "hello", 5));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void file_functions_send_what_is_huge(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), reader;
	static struct op op;
	DWORD all_came = 0;

	ASSERT(port);
	reader = CreateThread(NULL, 0, read_huge, &pair[1], 0, NULL);
	ASSERT(reader);
	prepare(&op, 0);
	SetLastError(0);
	if (!WriteFile((HANDLE)pair[0], large, HUGE_SEND, NULL, &op.overlapped))
		ASSERT_EQ(ERROR_IO_PENDING, GetLastError());
	EXPECT_PACKET(port, &op, HUGE_SEND);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(reader, COMES));
	EXPECT(GetExitCodeThread(reader, &all_came) && all_came);
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(reader));
	close_all(pair, port);
}

static int start_send_to(SOCKET s, struct op *op, const void *data, DWORD size,
			 const struct sockaddr_in *address)
{
	struct sockaddr_in to = *address;
	int ret;

	prepare(op, size);
	op->buffer.buf = (char *)data;
	ret = outcome(WSASendTo(s, &op->buffer, 1, &op->bytes, 0, (struct sockaddr *)&to,
				sizeof(to), &op->overlapped, NULL));
	memset(&to, 0, sizeof(to));
	return ret;
}

static void datagrams_are_sent_whole(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	static struct op op;
	static char got[8];

	ASSERT(port);
	EXPECT_EQ(0, start_send_to(pair[0], &op, "hello", 5, &address[1]));
	EXPECT_EQ(5, op.bytes);
	EXPECT_PACKET(port, &op, 5);
	EXPECT_EQ(5, recv(pair[1], got, sizeof(got), 0));
	EXPECT(!memcmp(got, "hello", 5));
	/* Nothing is a datagram too. */
	EXPECT_EQ(0, start_send_to(pair[0], &op, "", 0, &address[1]));
	EXPECT_PACKET(port, &op, 0);
	EXPECT_EQ(0, recv(pair[1], got, sizeof(got), 0));
	EXPECT_EQ(0, connect_to(pair[0], &address[1]));
	EXPECT_EQ(0, start_send(pair[0], &op, "again", 5));
	EXPECT_PACKET(port, &op, 5);
	EXPECT_EQ(5, recv(pair[1], got, sizeof(got), 0));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void datagram_that_is_too_large_is_refused_without_a_packet(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	static struct op op;

	ASSERT(port);
	EXPECT_EQ(WSAEMSGSIZE, start_send_to(pair[0], &op, large, 70000, &address[1]));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

/* All sockets are associated, and nothing is overlapped. */
static void ordinary_calls_have_no_packets(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), client = tcp(), s;
	HANDLE port = new_port();
	WSABUF buffer;
	DWORD bytes, flags = 0;
	char c = 'x';

	ASSERT(port);
	buffer.len = 1;
	buffer.buf = &c;
	associate(listener, port, KEY);
	associate(client, port, KEY);
	EXPECT_EQ(0, connect_to(client, &address));
	s = accept(listener, NULL, NULL);
	ASSERT(s != INVALID_SOCKET);
	associate(s, port, KEY);
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_EQ(0, WSASend(s, &buffer, 1, &bytes, 0, NULL, NULL));
	EXPECT_EQ(0, WSARecv(client, &buffer, 1, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(0, shutdown(client, SD_SEND));
	EXPECT_EQ(0, recv(s, &c, 1, 0));
	EXPECT_EQ(0, shutdown(s, SD_BOTH));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	fill_large();
	RUN(small_send_ends_at_once_and_has_a_packet);
	RUN(huge_send_ends_with_all_of_it);
	RUN(send_goes_on_while_nobody_takes_packets);
	RUN(sends_go_out_in_the_order_of_their_calls);
	RUN(sends_of_several_threads_are_whole);
	RUN(buffers_go_out_one_after_the_other);
	RUN(array_of_buffers_may_be_gone_after_the_call);
	RUN(buffer_is_free_when_the_packet_has_come);
	RUN(neither_blocking_mode_nor_time_out_is_for_what_pends);
	RUN(end_of_the_stream_is_behind_what_pends);
	RUN(reset_ends_all_that_pend);
	RUN(sends_that_cannot_be_are_refused_without_a_packet);
	RUN(send_without_a_connection_is_refused_without_a_packet);
	RUN(send_of_no_buffers_is_refused_or_nothing);
	RUN(send_of_no_bytes_succeeds);
	RUN(urgent_byte_is_sent);
	RUN(file_functions_send);
	RUN(file_functions_send_what_is_huge);
	RUN(datagrams_are_sent_whole);
	RUN(datagram_that_is_too_large_is_refused_without_a_packet);
	RUN(ordinary_calls_have_no_packets);
	WSACleanup();
	return tap_end();
}
