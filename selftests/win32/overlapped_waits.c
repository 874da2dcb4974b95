// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The ways to learn that an overlapped operation has ended, besides its packet: events, the
 * functions that ask for a result, and completion routines.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_waits"

static HANDLE new_event(BOOL set)
{
	return CreateEventA(NULL, TRUE, set, NULL);
}

static BOOL is_set(HANDLE event)
{
	return WaitForSingleObject(event, 0) == WAIT_OBJECT_0;
}

static HANDLE with_low_bit(HANDLE event)
{
	return (HANDLE)((ULONG_PTR)event | 1);
}

static int receive_with_event(SOCKET s, struct op *op, DWORD size, HANDLE event)
{
	prepare(op, size);
	op->overlapped.hEvent = event;
	return outcome(WSARecv(s, &op->buffer, 1, &op->bytes, &op->flags, &op->overlapped,
			       NULL));
}

/* What another thread sends a moment later. */
static DWORD WINAPI send_soon(LPVOID arg)
{
	Sleep(NO_PACKET);
	return (DWORD)send(*(SOCKET *)arg, "soon", 4, 0);
}

static HANDLE sender(SOCKET *s)
{
	return CreateThread(NULL, 0, send_soon, s, 0, NULL);
}

static void finish(HANDLE thread)
{
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
}

static void event_is_reset_by_the_call_and_set_at_the_end(void)
{
	HANDLE event = new_event(TRUE);
	SOCKET pair[2];
	static struct op op;

	ASSERT(event && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	EXPECT(!is_set(event));
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(3, op.overlapped.InternalHigh);
	EXPECT(!memcmp(op.data, "abc", 3));
	EXPECT(is_set(event));
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static void event_is_set_at_once_with_success(void)
{
	HANDLE event = new_event(FALSE);
	SOCKET pair[2];
	static struct op op;

	ASSERT(event && tcp_pair(pair));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ASSERT(readable(pair[0]));
	ASSERT_EQ(0, receive_with_event(pair[0], &op, 32, event));
	EXPECT(is_set(event));
	EXPECT_EQ(3, op.bytes);
	EXPECT_STATUS(0, &op);
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static void event_is_not_set_by_a_call_that_fails(void)
{
	HANDLE event = new_event(TRUE);
	static struct op op;
	SOCKET s = tcp();

	ASSERT(event);
	EXPECT_EQ(WSAENOTCONN, receive_with_event(s, &op, 32, event));
	Sleep(NO_PACKET);
	EXPECT(!is_set(event));
	EXPECT(CloseHandle(event));
	EXPECT_EQ(0, closesocket(s));
}

static void event_and_packet_both_come(void)
{
	HANDLE event = new_event(FALSE);
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(event && port);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_STATUS(0, &op);
	EXPECT_PACKET(port, &op, 3);
	/* The other way round, and at once. */
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	EXPECT_EQ(3, send(pair[1], "def", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(3, send(pair[1], "ghi", 3, 0));
	ASSERT(readable(pair[0]));
	EXPECT_EQ(0, receive_with_event(pair[0], &op, 32, event));
	EXPECT(is_set(event));
	EXPECT_PACKET(port, &op, 3);
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(event));
	close_all(pair, port);
}

static void low_bit_of_an_event_is_for_no_packet(void)
{
	HANDLE event = new_event(FALSE);
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	DWORD bytes = 0;

	ASSERT(event && port);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, with_low_bit(event)));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(op.overlapped.hEvent, COMES));
	EXPECT_STATUS(0, &op);
	EXPECT(GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, TRUE));
	EXPECT_EQ(3, bytes);
	EXPECT_NO_PACKET(port);
	/* At once. */
	EXPECT_EQ(3, send(pair[1], "def", 3, 0));
	ASSERT(readable(pair[0]));
	ASSERT_EQ(0, receive_with_event(pair[0], &op, 32, with_low_bit(event)));
	EXPECT(is_set(event));
	EXPECT_NO_PACKET(port);
	/* And a failure. */
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, with_low_bit(event)));
	EXPECT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(event));
	close_all(pair, port);
}

static void events_of_several_can_be_waited_for(void)
{
	HANDLE events[2] = { new_event(FALSE), new_event(FALSE) };
	SOCKET pair[2], other[2];
	static struct op op[2];

	ASSERT(events[0] && events[1] && tcp_pair(pair) && tcp_pair(other));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op[0], 32, events[0]));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(other[0], &op[1], 32, events[1]));
	EXPECT_EQ(1, send(other[1], "b", 1, 0));
	EXPECT_EQ(WAIT_OBJECT_0 + 1, WaitForMultipleObjects(2, events, FALSE, COMES));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(2, events, TRUE, COMES));
	EXPECT_EQ('a', op[0].data[0]);
	EXPECT_EQ('b', op[1].data[0]);
	EXPECT(CloseHandle(events[0]));
	EXPECT(CloseHandle(events[1]));
	close_pair(pair);
	close_pair(other);
}

static void event_that_resets_itself_ends_one_wait(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	SOCKET pair[2];
	static struct op op;

	ASSERT(event && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_STATUS(0, &op);
	EXPECT(!is_set(event));
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static void result_of_what_pends_is_incomplete(void)
{
	HANDLE event = new_event(FALSE);
	SOCKET pair[2];
	static struct op op;
	DWORD bytes = 0, flags = 0;

	ASSERT(event && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	EXPECT_ERROR(ERROR_IO_INCOMPLETE,
		     GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, FALSE));
	EXPECT_ERROR(WSA_IO_INCOMPLETE, WSAGetOverlappedResult(pair[0], &op.overlapped, &bytes,
							       FALSE, &flags));
	EXPECT_ERROR(ERROR_IO_INCOMPLETE,
		     GetOverlappedResultEx((HANDLE)pair[0], &op.overlapped, &bytes, 0, FALSE));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	flags = 0xff;
	EXPECT(GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, FALSE));
	EXPECT_EQ(3, bytes);
	bytes = 0;
	EXPECT(WSAGetOverlappedResult(pair[0], &op.overlapped, &bytes, FALSE, &flags));
	EXPECT_EQ(3, bytes);
	EXPECT_EQ(0, flags);
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static void result_is_waited_for_by_its_event(void)
{
	HANDLE event = new_event(FALSE), thread;
	SOCKET pair[2];
	static struct op op;
	DWORD bytes = 0, flags;

	ASSERT(event && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	thread = sender(&pair[1]);
	EXPECT(GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, TRUE));
	EXPECT_EQ(4, bytes);
	EXPECT(!memcmp(op.data, "soon", 4));
	finish(thread);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	thread = sender(&pair[1]);
	bytes = 0;
	EXPECT(WSAGetOverlappedResult(pair[0], &op.overlapped, &bytes, TRUE, &flags));
	EXPECT_EQ(4, bytes);
	finish(thread);
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

/* The socket is what is waited for then. */
static void result_is_waited_for_without_an_event(void)
{
	SOCKET pair[2];
	static struct op op;
	DWORD bytes = 0;
	HANDLE thread;

	ASSERT(tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	thread = sender(&pair[1]);
	EXPECT(GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, TRUE));
	EXPECT_EQ(4, bytes);
	EXPECT(!memcmp(op.data, "soon", 4));
	finish(thread);
	close_pair(pair);
}

static void result_is_waited_for_though_nobody_takes_its_packet(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair), thread;
	static struct op op;
	DWORD bytes = 0;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	thread = sender(&pair[1]);
	EXPECT(GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, TRUE));
	EXPECT_EQ(4, bytes);
	finish(thread);
	EXPECT_PACKET(port, &op, 4);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void result_of_a_failure_is_its_error(void)
{
	DWORD bytes = 7, flags = 0;
	SOCKET pair[2];
	static struct op op;

	ASSERT(tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	reset(pair[1]);
	EXPECT_ERROR(ERROR_NETNAME_DELETED,
		     GetOverlappedResult((HANDLE)pair[0], &op.overlapped, &bytes, TRUE));
	EXPECT_EQ(0, bytes);
	bytes = 7;
	EXPECT_ERROR(WSAECONNRESET, WSAGetOverlappedResult(pair[0], &op.overlapped, &bytes,
							   FALSE, &flags));
	EXPECT_EQ(0, bytes);
	EXPECT_EQ(0, closesocket(pair[0]));
}

static void result_has_a_time_out(void)
{
	HANDLE event = new_event(FALSE), thread;
	SOCKET pair[2];
	static struct op op;
	ULONGLONG began;
	DWORD bytes = 0;

	ASSERT(event && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	began = milliseconds();
	EXPECT_ERROR(WAIT_TIMEOUT, GetOverlappedResultEx((HANDLE)pair[0], &op.overlapped,
							 &bytes, 50, FALSE));
	EXPECT(milliseconds() - began >= 50 - 16);
	thread = sender(&pair[1]);
	EXPECT(GetOverlappedResultEx((HANDLE)pair[0], &op.overlapped, &bytes, COMES, FALSE));
	EXPECT_EQ(4, bytes);
	finish(thread);
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static int calls;

static void CALLBACK count_call(ULONG_PTR arg)
{
	calls += (int)arg;
}

static void result_is_waited_for_until_a_routine_has_run(void)
{
	HANDLE event = new_event(FALSE);
	SOCKET pair[2];
	static struct op op;
	DWORD bytes = 0;

	ASSERT(event && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_event(pair[0], &op, 32, event));
	calls = 0;
	EXPECT(QueueUserAPC(count_call, GetCurrentThread(), 1));
	EXPECT_ERROR(WAIT_TIMEOUT, GetOverlappedResultEx((HANDLE)pair[0], &op.overlapped,
							 &bytes, NO_PACKET, FALSE));
	EXPECT_EQ(0, calls);
	EXPECT_ERROR(WAIT_IO_COMPLETION, GetOverlappedResultEx((HANDLE)pair[0], &op.overlapped,
							       &bytes, COMES, TRUE));
	EXPECT_EQ(1, calls);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT(GetOverlappedResultEx((HANDLE)pair[0], &op.overlapped, &bytes, COMES, TRUE));
	EXPECT_EQ(3, bytes);
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

/* What a state is to GetOverlappedResult(), and what to WSAGetOverlappedResult(). */
static const struct {
	int status;
	DWORD error, wsa_error;
} states[] = {
	{ STATUS_PENDING, ERROR_IO_INCOMPLETE, WSA_IO_INCOMPLETE },
	{ STATUS_BUFFER_OVERFLOW, ERROR_MORE_DATA, WSAEMSGSIZE },
	{ STATUS_CANCELLED, ERROR_OPERATION_ABORTED, WSA_OPERATION_ABORTED },
	{ STATUS_CONNECTION_RESET, ERROR_NETNAME_DELETED, WSAECONNRESET },
	{ STATUS_CONNECTION_ABORTED, ERROR_CONNECTION_ABORTED, WSAECONNABORTED },
	{ STATUS_CONNECTION_REFUSED, ERROR_CONNECTION_REFUSED, WSAECONNREFUSED },
	{ STATUS_PORT_UNREACHABLE, ERROR_PORT_UNREACHABLE, WSAECONNRESET },
	{ STATUS_IO_TIMEOUT, ERROR_SEM_TIMEOUT, WSAETIMEDOUT },
	{ STATUS_NETWORK_UNREACHABLE, ERROR_NETWORK_UNREACHABLE, WSAENETUNREACH },
	{ STATUS_HOST_UNREACHABLE, ERROR_HOST_UNREACHABLE, WSAEHOSTUNREACH },
	{ STATUS_PIPE_DISCONNECTED, ERROR_PIPE_NOT_CONNECTED, WSAESHUTDOWN },
	{ STATUS_ACCESS_VIOLATION, ERROR_NOACCESS, WSAEFAULT },
	{ STATUS_INSUFFICIENT_RESOURCES, ERROR_NO_SYSTEM_RESOURCES, WSAENOBUFS },
	{ STATUS_BUFFER_TOO_SMALL, ERROR_INSUFFICIENT_BUFFER, WSAEFAULT },
};

/* Whatever the handle, and whoever wrote the OVERLAPPED. */
static void result_is_what_the_overlapped_says(void)
{
	OVERLAPPED overlapped;
	DWORD bytes, flags;
	SOCKET s = tcp();
	unsigned int i;

	memset(&overlapped, 0, sizeof(overlapped));
	overlapped.InternalHigh = 77;
	EXPECT(GetOverlappedResult(NULL, &overlapped, &bytes, FALSE));
	EXPECT_EQ(77, bytes);
	EXPECT(WSAGetOverlappedResult(s, &overlapped, &bytes, FALSE, &flags));
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		overlapped.Internal = (DWORD)states[i].status;
		EXPECT_ERROR(states[i].error,
			     GetOverlappedResult(NULL, &overlapped, &bytes, FALSE));
		EXPECT_ERROR(states[i].wsa_error,
			     WSAGetOverlappedResult(s, &overlapped, &bytes, FALSE, &flags));
	}
	EXPECT_EQ(0, closesocket(s));
	EXPECT_ERROR(WSAENOTSOCK, WSAGetOverlappedResult(s, &overlapped, &bytes, FALSE, &flags));
}

static void waiting_ends_with_the_event_whatever_the_state(void)
{
	OVERLAPPED overlapped;
	DWORD bytes, flags;
	SOCKET s = tcp();

	memset(&overlapped, 0, sizeof(overlapped));
	overlapped.Internal = (DWORD)STATUS_PENDING;
	overlapped.InternalHigh = 77;
	overlapped.hEvent = new_event(TRUE);
	ASSERT(overlapped.hEvent);
	EXPECT(WSAGetOverlappedResult(s, &overlapped, &bytes, TRUE, &flags));
	EXPECT_EQ(77, bytes);
	EXPECT(CloseHandle(overlapped.hEvent));
	EXPECT_EQ(0, closesocket(s));
}

/* What a completion routine was told, and when. */
static struct {
	int count, depth, deepest;
	DWORD error, bytes, flags, thread;
	LPWSAOVERLAPPED order[4];
	SOCKET next_socket;
	struct op *next;
} told;

static void CALLBACK routine(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
	if (++told.depth > told.deepest)
		told.deepest = told.depth;
	told.error = error;
	told.bytes = bytes;
	told.flags = flags;
	told.thread = GetCurrentThreadId();
	told.order[told.count++ % 4] = overlapped;
	if (told.next) {
		struct op *op = told.next;

		told.next = NULL;
		prepare(op, 1);
		EXPECT_EQ(0, WSARecv(told.next_socket, &op->buffer, 1, &op->bytes, &op->flags,
				     &op->overlapped, routine));
	}
	told.depth--;
}

static int receive_with_routine(SOCKET s, struct op *op, DWORD size)
{
	prepare(op, size);
	/* It is the program's own. */
	op->overlapped.hEvent = (HANDLE)(ULONG_PTR)0x77777777;
	return outcome(WSARecv(s, &op->buffer, 1, &op->bytes, &op->flags, &op->overlapped,
			       routine));
}

/* SleepEx() until routines have run, however long they take. */
static int routine_runs(void)
{
	return SleepEx(COMES, TRUE) == WAIT_IO_COMPLETION;
}

static void routine_runs_in_an_alertable_wait_only(void)
{
	HANDLE event = new_event(FALSE);
	SOCKET pair[2];
	static struct op op;

	ASSERT(event && tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(0, SleepEx(NO_PACKET, TRUE));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	Sleep(NO_PACKET);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, NO_PACKET));
	EXPECT_EQ(0, told.count);
	ASSERT(routine_runs());
	EXPECT_EQ(1, told.count);
	EXPECT_EQ(0, told.error);
	EXPECT_EQ(3, told.bytes);
	EXPECT_EQ(0, told.flags);
	EXPECT_EQ(&op.overlapped, told.order[0]);
	EXPECT_EQ(GetCurrentThreadId(), told.thread);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(3, op.overlapped.InternalHigh);
	EXPECT(!memcmp(op.data, "abc", 3));
	EXPECT_EQ(0x77777777, op.overlapped.hEvent);
	EXPECT_EQ(0, SleepEx(0, TRUE));
	EXPECT(CloseHandle(event));
	close_pair(pair);
}

static void routine_runs_for_success_at_once_too(void)
{
	SOCKET pair[2];
	static struct op op;

	ASSERT(tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ASSERT(readable(pair[0]));
	ASSERT_EQ(0, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(3, op.bytes);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(0, told.count);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(COMES, TRUE));
	EXPECT_EQ(1, told.count);
	EXPECT_EQ(3, told.bytes);
	/* A send. */
	prepare(&op, 2);
	EXPECT_EQ(0, WSASend(pair[0], &op.buffer, 1, &op.bytes, 0, &op.overlapped, routine));
	EXPECT_EQ(1, told.count);
	ASSERT(routine_runs());
	EXPECT_EQ(2, told.count);
	EXPECT_EQ(2, told.bytes);
	close_pair(pair);
}

static void all_routines_run_before_the_wait_returns(void)
{
	SOCKET pair[2];
	static struct op op[3];
	int i;

	ASSERT(tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op[i], 1));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	for (i = 0; i < 3; i++)
		EXPECT(has_ended(&op[i]));
	Sleep(NO_PACKET);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(COMES, TRUE));
	EXPECT_EQ(3, told.count);
	EXPECT_EQ(1, told.deepest);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(&op[i].overlapped, told.order[i]);
	close_pair(pair);
}

static void routine_runs_in_each_kind_of_alertable_wait(void)
{
	HANDLE event = new_event(FALSE), port = new_port();
	OVERLAPPED_ENTRY entry;
	SOCKET pair[2];
	static struct op op;
	ULONG n;

	ASSERT(event && port && tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForSingleObjectEx(event, COMES, TRUE));
	EXPECT_EQ(1, told.count);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_EQ(WAIT_IO_COMPLETION, WaitForMultipleObjectsEx(1, &event, FALSE, COMES, TRUE));
	EXPECT_EQ(2, told.count);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_ERROR(WAIT_IO_COMPLETION,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, COMES, TRUE));
	EXPECT_EQ(3, told.count);
	EXPECT(CloseHandle(event));
	close_all(pair, port);
}

static void routine_is_told_of_failures(void)
{
	struct sockaddr_in address;
	SOCKET pair[2], s = udp();
	static struct op op;

	ASSERT(tcp_pair(pair) && bind_anywhere(s, &address));
	memset(&told, 0, sizeof(told));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	EXPECT(CancelIoEx((HANDLE)pair[0], &op.overlapped));
	ASSERT(routine_runs());
	EXPECT_EQ(WSA_OPERATION_ABORTED, told.error);
	EXPECT_EQ(0, told.bytes);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	reset(pair[1]);
	ASSERT(routine_runs());
	EXPECT_EQ(WSAECONNRESET, told.error);
	EXPECT_EQ(0, told.bytes);
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(s, &op, 4));
	EXPECT_EQ(0, connect_to(s, &address));
	EXPECT_EQ(5, send(s, "hello", 5, 0));
	ASSERT(routine_runs());
	EXPECT_EQ(WSAEMSGSIZE, told.error);
	EXPECT_EQ(4, told.bytes);
	EXPECT_EQ(3, told.count);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(pair[0]));
}

static void routine_is_told_of_its_socket_end(void)
{
	SOCKET pair[2];
	static struct op op;

	ASSERT(tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	ASSERT_EQ(WSA_IO_PENDING, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, told.count);
	ASSERT(routine_runs());
	EXPECT_EQ(1, told.count);
	EXPECT(told.error);
	EXPECT_EQ(&op.overlapped, told.order[0]);
	EXPECT_EQ(0, SleepEx(0, TRUE));
	EXPECT_EQ(0, closesocket(pair[1]));
}

/* It starts another one that succeeds at once. */
static void routines_are_not_nested(void)
{
	SOCKET pair[2];
	static struct op op[2];

	ASSERT(tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	told.next_socket = pair[0];
	told.next = &op[1];
	EXPECT_EQ(2, send(pair[1], "ab", 2, 0));
	ASSERT(readable(pair[0]));
	EXPECT_EQ(0, receive_with_routine(pair[0], &op[0], 1));
	ASSERT(routine_runs());
	while (told.count < 2 && routine_runs())
		;
	EXPECT_EQ(2, told.count);
	EXPECT_EQ(1, told.deepest);
	EXPECT(op[0].data[0] == 'a' && op[1].data[0] == 'b');
	close_pair(pair);
}

static struct op others_op;
static HANDLE others_start;

static DWORD WINAPI receive_and_wait(LPVOID arg)
{
	int error = receive_with_routine(*(SOCKET *)arg, &others_op, 32);

	SetEvent(others_start);
	return error == WSA_IO_PENDING && routine_runs() ? GetCurrentThreadId() : 0;
}

static void routine_runs_in_the_thread_of_the_call(void)
{
	HANDLE thread;
	SOCKET pair[2];
	DWORD ran = 0;

	ASSERT(tcp_pair(pair));
	memset(&told, 0, sizeof(told));
	others_start = new_event(FALSE);
	thread = CreateThread(NULL, 0, receive_and_wait, &pair[0], 0, NULL);
	ASSERT(others_start && thread);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObjectEx(others_start, COMES, TRUE));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(0, SleepEx(NO_PACKET, TRUE));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &ran) && ran);
	EXPECT_EQ(ran, told.thread);
	EXPECT_EQ(1, told.count);
	EXPECT(CloseHandle(others_start));
	EXPECT(CloseHandle(thread));
	close_pair(pair);
}

static void routine_and_port_exclude_each_other(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	memset(&told, 0, sizeof(told));
	EXPECT_EQ(WSAEINVAL, receive_with_routine(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(0, SleepEx(NO_PACKET, TRUE));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, told.count);
	close_all(pair, port);
}

static void asking_for_a_mode_can_be_overlapped(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	u_long on = 1;

	ASSERT(port);
	prepare(&op, 0);
	EXPECT_EQ(0, WSAIoctl(pair[0], FIONBIO, &on, sizeof(on), NULL, 0, &op.bytes,
			      &op.overlapped, NULL));
	EXPECT_PACKET(port, &op, 0);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(event_is_reset_by_the_call_and_set_at_the_end);
	RUN(event_is_set_at_once_with_success);
	RUN(event_is_not_set_by_a_call_that_fails);
	RUN(event_and_packet_both_come);
	RUN(low_bit_of_an_event_is_for_no_packet);
	RUN(events_of_several_can_be_waited_for);
	RUN(event_that_resets_itself_ends_one_wait);
	RUN(result_of_what_pends_is_incomplete);
	RUN(result_is_waited_for_by_its_event);
	RUN(result_is_waited_for_without_an_event);
	RUN(result_is_waited_for_though_nobody_takes_its_packet);
	RUN(result_of_a_failure_is_its_error);
	RUN(result_has_a_time_out);
	RUN(result_is_waited_for_until_a_routine_has_run);
	RUN(result_is_what_the_overlapped_says);
	RUN(waiting_ends_with_the_event_whatever_the_state);
	RUN(routine_runs_in_an_alertable_wait_only);
	RUN(routine_runs_for_success_at_once_too);
	RUN(all_routines_run_before_the_wait_returns);
	RUN(routine_runs_in_each_kind_of_alertable_wait);
	RUN(routine_is_told_of_failures);
	RUN(routine_is_told_of_its_socket_end);
	RUN(routines_are_not_nested);
	RUN(routine_runs_in_the_thread_of_the_call);
	RUN(routine_and_port_exclude_each_other);
	RUN(asking_for_a_mode_can_be_overlapped);
	WSACleanup();
	return tap_end();
}
