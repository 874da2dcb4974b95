// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * How overlapped operations end that are not carried out: cancelled, with their socket, with
 * their thread, or with Winsock.  Each has its packet, and memory is the program's after it.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_end"

#define LARGE	(4 * 1024 * 1024)

static char large[LARGE];

static void cancelling_all_ends_all(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[3], sending;
	int i;

	ASSERT(port);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[i], 32));
	ASSERT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_ALL_FAILED(port, op, 3, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	/* Both directions. */
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &sending, large, LARGE));
	ASSERT(CancelIoEx((HANDLE)pair[0], NULL));
	for (i = 0; i < 2; i++) {
		struct packet p = take(port, COMES);

		EXPECT_EQ(FALSE, p.ret);
		EXPECT_EQ(ERROR_OPERATION_ABORTED, p.error);
	}
	EXPECT_STATUS(STATUS_CANCELLED, &op[0]);
	EXPECT_STATUS(STATUS_CANCELLED, &sending);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void cancelling_one_lets_others_go_on(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[3];
	int i;

	ASSERT(port);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[i], 4));
	ASSERT(CancelIoEx((HANDLE)pair[0], &op[1].overlapped));
	EXPECT_FAILED(port, &op[1], ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[0], &op[1].overlapped));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(8, send(pair[1], "abcdefgh", 8, 0));
	EXPECT_PACKET(port, &op[0], 4);
	EXPECT_PACKET(port, &op[2], 4);
	EXPECT(!memcmp(op[0].data, "abcd", 4) && !memcmp(op[2].data, "efgh", 4));
	close_all(pair, port);
}

static void what_is_not_there_is_not_cancelled(void)
{
	SOCKET pair[2], other[2];
	HANDLE port = pair_and_port(pair);
	static struct op op, never;

	ASSERT(port && tcp_pair(other));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[0], &never.overlapped));
	/* It pends on another socket. */
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)other[0], &op.overlapped));
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op);
	close_pair(other);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CancelIoEx((HANDLE)other[0], NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CancelIo((HANDLE)other[0]));
	EXPECT(CancelIoEx((HANDLE)pair[0], &op.overlapped));
	EXPECT_FAILED(port, &op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	close_all(pair, port);
}

static void cancelling_all_of_none_finds_none(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[0], NULL));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[1], NULL));
	EXPECT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_FAILED(port, &op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[0], NULL));
	close_all(pair, port);
}

static void packet_that_is_queued_is_not_recalled(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ASSERT(has_ended(&op));
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[0], &op.overlapped));
	EXPECT_PACKET(port, &op, 3);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

/* An operation of another thread's, and what it was told. */
struct starter {
	SOCKET s;
	struct op op;
	HANDLE started, go_on, event;
	int error;
	BOOL cancelled;
};

static DWORD WINAPI start_and_stay(LPVOID arg)
{
	struct starter *starter = arg;

	starter->error = start_receive(starter->s, &starter->op, 32);
	SetEvent(starter->started);
	WaitForSingleObject(starter->go_on, COMES);
	starter->cancelled = CancelIo((HANDLE)starter->s);
	return 0;
}

static HANDLE start_elsewhere(struct starter *starter, SOCKET s)
{
	HANDLE thread;

	starter->s = s;
	starter->started = CreateEventA(NULL, TRUE, FALSE, NULL);
	starter->go_on = CreateEventA(NULL, TRUE, FALSE, NULL);
	thread = CreateThread(NULL, 0, start_and_stay, starter, 0, NULL);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(starter->started, COMES));
	EXPECT_EQ(WSA_IO_PENDING, starter->error);
	return thread;
}

static void end_elsewhere(struct starter *starter, HANDLE thread)
{
	EXPECT(SetEvent(starter->go_on));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT(CloseHandle(starter->started));
	EXPECT(CloseHandle(starter->go_on));
}

static void thread_cancels_its_own_only(void)
{
	static struct starter starter;
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), thread;
	static struct op op;

	ASSERT(port);
	EXPECT(CancelIo((HANDLE)pair[0]));
	thread = start_elsewhere(&starter, pair[0]);
	ASSERT(thread);
	EXPECT(CancelIo((HANDLE)pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &starter.op);
	EXPECT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT(CancelIo((HANDLE)pair[0]));
	EXPECT_FAILED(port, &op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	EXPECT_NO_PACKET(port);
	end_elsewhere(&starter, thread);
	EXPECT(starter.cancelled);
	EXPECT_FAILED(port, &starter.op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	close_all(pair, port);
}

static void thread_can_cancel_what_others_have_started(void)
{
	static struct starter starter;
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), thread;

	ASSERT(port);
	thread = start_elsewhere(&starter, pair[0]);
	ASSERT(thread);
	EXPECT(CancelIoEx((HANDLE)pair[0], &starter.op.overlapped));
	EXPECT_FAILED(port, &starter.op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	end_elsewhere(&starter, thread);
	EXPECT(starter.cancelled);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void what_is_cancelled_signals_its_event(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	SOCKET pair[2];
	static struct op op;

	ASSERT(event && tcp_pair(pair));
	prepare(&op, 32);
	op.overlapped.hEvent = event;
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
						  &op.overlapped, NULL)));
	EXPECT(CancelIoEx((HANDLE)pair[0], &op.overlapped));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_STATUS(STATUS_CANCELLED, &op);
	EXPECT_EQ(0, op.overlapped.InternalHigh);
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static void socket_can_be_used_after_a_cancel(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	ASSERT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_FAILED(port, &op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	close_all(pair, port);
}

#define RACE	200

static DWORD WINAPI send_bytes(LPVOID arg)
{
	SOCKET s = *(SOCKET *)arg;
	int i;

	for (i = 0; i < RACE; i++) {
		char c = (char)i;

		if (send(s, &c, 1, 0) != 1)
			return 1;
		if (i % 8 == 0)
			Sleep(0);
	}
	return 0;
}

/* Each is either cancelled or has its byte, and no byte is lost. */
static void cancel_and_data_race_for_one_packet(void)
{
	int got = 0, wrong = 0, tries;
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), thread;
	static struct op op;

	ASSERT(port);
	thread = CreateThread(NULL, 0, send_bytes, &pair[1], 0, NULL);
	ASSERT(thread);
	for (tries = 0; got < RACE && tries < 100000; tries++) {
		int error = start_receive(pair[0], &op, 1);
		struct packet p;

		ASSERT(!error || error == WSA_IO_PENDING);
		if (!CancelIoEx((HANDLE)pair[0], &op.overlapped))
			wrong += GetLastError() != ERROR_NOT_FOUND;
		p = take(port, COMES);
		ASSERT_EQ(&op.overlapped, p.overlapped);
		if (p.ret) {
			wrong += p.bytes != 1 || op.data[0] != (char)got;
			got++;
		} else {
			wrong += p.error != ERROR_OPERATION_ABORTED || p.bytes != 0;
		}
	}
	EXPECT_EQ(RACE, got);
	EXPECT_EQ(0, wrong);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	close_all(pair, port);
}

static void closing_a_stream_aborts_what_pends(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[3];
	int i;

	ASSERT(port);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[i], 32));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_ALL_FAILED(port, op, 3, ERROR_CONNECTION_ABORTED, STATUS_CONNECTION_ABORTED);
	EXPECT_NO_PACKET(port);
	/* The peer sees the end. */
	EXPECT(readable(pair[1]));
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(port));
}

static void closing_completes_sends_too(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op[2];
	int i;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[0], large, LARGE));
	ASSERT_EQ(WSA_IO_PENDING, start_send(pair[0], &op[1], "next", 4));
	EXPECT_EQ(0, closesocket(pair[0]));
	for (i = 0; i < 2; i++) {
		struct packet p = take(port, COMES);

		EXPECT_EQ(FALSE, p.ret);
		EXPECT_EQ(KEY, p.key);
		EXPECT(p.overlapped == &op[i].overlapped || p.overlapped == &op[!i].overlapped);
	}
	EXPECT(status_of(&op[0]) & status_of(&op[1]) & 0x80000000);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(port));
}

static void closing_datagrams_cancels_what_pends(void)
{
	struct sockaddr_in address;
	HANDLE port = new_port();
	static struct op op[2];
	SOCKET s = udp();

	ASSERT(port && bind_anywhere(s, &address));
	associate(s, port, KEY);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(s, &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(s, &op[1], 32));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_ALL_FAILED(port, op, 2, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

static void closing_without_anything_pending_is_silent(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT_EQ(0, start_send(pair[0], &op, "abc", 3));
	EXPECT_PACKET(port, &op, 3);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(port));
}

static void closing_signals_events(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	SOCKET pair[2];
	static struct op op;

	ASSERT(event && tcp_pair(pair));
	prepare(&op, 32);
	op.overlapped.hEvent = event;
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
						  &op.overlapped, NULL)));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_STATUS(STATUS_CONNECTION_ABORTED, &op);
	EXPECT_EQ(0, op.overlapped.InternalHigh);
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(event));
}

static DWORD WINAPI take_failures(LPVOID arg)
{
	int count = 0;

	while (count < 2) {
		struct packet p = take((HANDLE)arg, COMES);

		if (p.ret || !p.overlapped)
			return 0;
		count++;
	}
	return 1;
}

static void closing_wakes_who_waits_for_packets(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), thread;
	static struct op op[2];
	DWORD came = 0;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 32));
	thread = CreateThread(NULL, 0, take_failures, port, 0, NULL);
	ASSERT(thread);
	Sleep(NO_PACKET);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &came) && came);
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(port));
}

#define ROUNDS	60

/* What was given back is overwritten, and stays as it is then. */
static void memory_is_free_after_the_packet(void)
{
	static struct op op[ROUNDS];
	HANDLE port = new_port();
	int i, j, wrong = 0;

	ASSERT(port);
	for (i = 0; i < ROUNDS; i++) {
		SOCKET pair[2];
		struct packet p;

		ASSERT(tcp_pair(pair));
		associate(pair[0], port, KEY);
		ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[i], 32));
		if (i % 3 == 0)
			EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
		if (i % 3 == 1)
			EXPECT_EQ(0, closesocket(pair[1]));
		EXPECT_EQ(0, closesocket(pair[0]));
		p = take(port, COMES);
		ASSERT_EQ(&op[i].overlapped, p.overlapped);
		memset(&op[i], 0xa5, sizeof(op[i]));
		if (i % 3 != 1)
			EXPECT_EQ(0, closesocket(pair[1]));
	}
	EXPECT_NO_PACKET(port);
	for (i = 0; i < ROUNDS; i++)
		for (j = 0; j < (int)sizeof(op[i]); j++)
			wrong += ((unsigned char *)&op[i])[j] != 0xa5;
	EXPECT_EQ(0, wrong);
	EXPECT(CloseHandle(port));
}

static void operations_live_as_long_as_a_duplicate(void)
{
	SOCKET pair[2], other;
	HANDLE port = pair_and_port(pair);
	static struct op op[2];

	ASSERT(port);
	other = duplicate(pair[0]);
	if (other == INVALID_SOCKET)
		return;
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(other, &op[1], 32));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &op[0]);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op[0], 3);
	EXPECT_EQ(0, closesocket(other));
	EXPECT_FAILED(port, &op[1], ERROR_CONNECTION_ABORTED, STATUS_CONNECTION_ABORTED);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(port));
}

static DWORD WINAPI start_and_go(LPVOID arg)
{
	struct starter *starter = arg;
	struct op *op = &starter->op;

	prepare(op, 32);
	op->overlapped.hEvent = starter->event;
	starter->error = outcome(WSARecv(starter->s, &op->buffer, 1, &op->bytes, &op->flags,
					 &op->overlapped, NULL));
	return 0;
}

static void start_in_a_thread_that_ends(struct starter *starter)
{
	HANDLE thread = CreateThread(NULL, 0, start_and_go, starter, 0, NULL);

	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(WSA_IO_PENDING, starter->error);
}

static void operations_with_a_port_outlive_their_thread(void)
{
	static struct starter starter;
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);

	ASSERT(port);
	starter.s = pair[0];
	start_in_a_thread_that_ends(&starter);
	EXPECT_NO_PACKET(port);
	EXPECT_STATUS(STATUS_PENDING, &starter.op);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &starter.op, 3);
	close_all(pair, port);
}

static void operations_without_a_port_end_with_their_thread(void)
{
	static struct starter starter;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	starter.s = pair[0];
	starter.event = CreateEventA(NULL, TRUE, FALSE, NULL);
	ASSERT(starter.event);
	start_in_a_thread_that_ends(&starter);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(starter.event, COMES));
	EXPECT_STATUS(STATUS_CANCELLED, &starter.op);
	EXPECT(CloseHandle(starter.event));
	close_pair(pair);
}

/* An AcceptEx() of a thread that goes, and a receive without event and port. */
static DWORD WINAPI accept_and_go(LPVOID arg)
{
	SOCKET *s = arg;
	static struct op receiving;
	static OVERLAPPED accepting;
	static char addresses[64];
	LPFN_ACCEPTEX accept_ex;
	DWORD bytes;

	memset(&accepting, 0, sizeof(accepting));
	accept_ex = (LPFN_ACCEPTEX)extension(s[0], (GUID)WSAID_ACCEPTEX);
	if (!accept_ex)
		return 3;
	if (accept_ex(s[0], s[1], addresses, 0, 32, 32, &bytes, &accepting) ||
	    WSAGetLastError() != WSA_IO_PENDING)
		return 1;
	if (start_receive(s[2], &receiving, 32) != WSA_IO_PENDING)
		return 2;
	s[3] = (SOCKET)(ULONG_PTR)&accepting;
	s[4] = (SOCKET)(ULONG_PTR)&receiving.overlapped;
	return 0;
}

static int is_cancelled(SOCKET overlapped)
{
	volatile OVERLAPPED *o = (volatile OVERLAPPED *)(ULONG_PTR)overlapped;
	ULONGLONG until = GetTickCount64() + COMES;

	while ((DWORD)o->Internal == (DWORD)STATUS_PENDING && GetTickCount64() < until)
		Sleep(1);
	return (DWORD)o->Internal == (DWORD)STATUS_CANCELLED;
}

static void operations_without_event_and_port_end_with_their_thread(void)
{
	struct sockaddr_in address;
	SOCKET pair[2], s[5];
	HANDLE thread;
	DWORD code = 77;

	ASSERT(tcp_pair(pair));
	s[0] = tcp();
	s[1] = tcp();
	s[2] = pair[0];
	ASSERT(bind_anywhere(s[0], &address) && !listen(s[0], 5));
	thread = CreateThread(NULL, 0, accept_and_go, s, 0, NULL);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	ASSERT_EQ(0, code);
	EXPECT(CloseHandle(thread));
	EXPECT(is_cancelled(s[3]));
	EXPECT(is_cancelled(s[4]));
	EXPECT_EQ(0, closesocket(s[0]));
	EXPECT_EQ(0, closesocket(s[1]));
	close_pair(pair);
}

/* More than could be remembered one by one. */
#define MANY	900

static struct op many[MANY];

static DWORD WINAPI start_many_and_go(LPVOID arg)
{
	struct starter *starter = arg;
	int i;

	for (i = 0; i < MANY; i++) {
		prepare(&many[i], 32);
		many[i].overlapped.hEvent = starter->event;
		if (outcome(WSARecv(starter->s, &many[i].buffer, 1, NULL, &many[i].flags,
				    &many[i].overlapped, NULL)) != WSA_IO_PENDING)
			break;
	}
	starter->error = i;
	return 0;
}

static void all_of_many_operations_end_with_their_thread(void)
{
	static struct starter starter;
	HANDLE port, thread;
	SOCKET pair[2];
	int i, left = 0;

	port = pair_and_port(pair);
	ASSERT(port);
	starter.s = pair[0];
	starter.event = CreateEventA(NULL, TRUE, FALSE, NULL);
	thread = CreateThread(NULL, 0, start_many_and_go, &starter, 0, NULL);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(MANY, starter.error);
	for (i = 0; i < MANY; i++)
		left += !has_ended(&many[i]) || status_of(&many[i]) != (DWORD)STATUS_CANCELLED;
	EXPECT_EQ(0, left);
	EXPECT(CloseHandle(starter.event));
	close_all(pair, port);
}

static void operations_outlive_their_port(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT(CloseHandle(port));
	Sleep(NO_PACKET);
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT(has_ended(&op));
	EXPECT_STATUS(0, &op);
	EXPECT(!memcmp(op.data, "abc", 3));
	close_pair(pair);
}

/* The last test: there is no Winsock after it. */
static void end_of_winsock_cancels_what_pends(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	struct packet p;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(0, WSACleanup());
	p = take(port, COMES);
	EXPECT_EQ(FALSE, p.ret);
	EXPECT_EQ(KEY, p.key);
	EXPECT_EQ(&op.overlapped, p.overlapped);
	EXPECT(status_of(&op) & 0x80000000);
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(cancelling_all_ends_all);
	RUN(cancelling_one_lets_others_go_on);
	RUN(what_is_not_there_is_not_cancelled);
	RUN(cancelling_all_of_none_finds_none);
	RUN(packet_that_is_queued_is_not_recalled);
	RUN(thread_cancels_its_own_only);
	RUN(thread_can_cancel_what_others_have_started);
	RUN(what_is_cancelled_signals_its_event);
	RUN(socket_can_be_used_after_a_cancel);
	RUN(cancel_and_data_race_for_one_packet);
	RUN(closing_a_stream_aborts_what_pends);
	RUN(closing_completes_sends_too);
	RUN(closing_datagrams_cancels_what_pends);
	RUN(closing_without_anything_pending_is_silent);
	RUN(closing_signals_events);
	RUN(closing_wakes_who_waits_for_packets);
	RUN(memory_is_free_after_the_packet);
	RUN(operations_live_as_long_as_a_duplicate);
	RUN(operations_with_a_port_outlive_their_thread);
	RUN(operations_without_a_port_end_with_their_thread);
	RUN(operations_without_event_and_port_end_with_their_thread);
	RUN(all_of_many_operations_end_with_their_thread);
	RUN(operations_outlive_their_port);
	RUN(end_of_winsock_cancels_what_pends);
	return tap_end();
}
