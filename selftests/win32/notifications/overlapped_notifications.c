// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped operations and notifications on the same socket: both are told, and what an
 * operation takes is not there for a notification.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_notifications"
#define NOTIFY_KEY 0x5678

static DWORD notify(HANDLE port, SOCKET s, UINT16 filter)
{
	SOCK_NOTIFY_REGISTRATION r = {
		.socket = s,
		.completionKey = (PVOID)(ULONG_PTR)NOTIFY_KEY,
		.eventFilter = filter,
		.operation = SOCK_NOTIFY_OP_ENABLE,
		.triggerFlags = SOCK_NOTIFY_TRIGGER_PERSISTENT | SOCK_NOTIFY_TRIGGER_LEVEL,
	};
	DWORD error = ProcessSocketNotifications(port, 1, &r, 0, 0, NULL, NULL);

	return error ? error : r.registrationResult;
}

/* A pair of which the first is both associated and registered. */
static HANDLE both(SOCKET pair[2], UINT16 filter)
{
	HANDLE port = pair_and_port(pair);

	if (!port || !EXPECT_EQ(0, notify(port, pair[0], filter)))
		return NULL;
	return port;
}

static int is_notification(HANDLE port, DWORD events, int line)
{
	struct packet p = take(port, COMES);

	return tap_same(TRUE, (DWORD)p.ret, "what the port says", line) &
	       tap_same(NOTIFY_KEY, p.key, "the key", line) &
	       tap_same(0, TAP_NUMBER(p.overlapped), "the OVERLAPPED", line) &
	       tap_same(events, p.bytes, "the events", line);
}

#define EXPECT_NOTIFICATION(port, events)	is_notification(port, events, __LINE__)

/*
 * The next packets, in any order, are one of the operation and a notification; more of
 * these, since what holds is told until it is seen to, if this thread stood still and
 * another of the library's has the operation meanwhile.
 */
static void expect_both(HANDLE port, struct op *op, DWORD bytes, DWORD events)
{
	int i, operations = 0, notifications = 0;

	for (i = 0; i < 100 && !(operations && notifications); i++) {
		struct packet p = take(port, COMES);

		ASSERT(p.ret);
		if (p.overlapped) {
			EXPECT_EQ(&op->overlapped, p.overlapped);
			EXPECT_EQ(KEY, p.key);
			EXPECT_EQ(bytes, p.bytes);
			operations++;
		} else {
			EXPECT_EQ(NOTIFY_KEY, p.key);
			EXPECT_EQ(events, p.bytes);
			notifications++;
		}
	}
	EXPECT_EQ(1, operations);
	EXPECT(notifications);
}

/* If this thread stands still for so long, a thread of the library's carries operations out. */
#define OTHERS_MS	10

/* Is the first packet that of the receive, if this thread has not stood still? */
static int receive_is_first(HANDLE port, SOCKET *pair, struct op *op)
{
	unsigned long long began = milliseconds();
	struct packet p;

	if (!EXPECT_EQ(WSA_IO_PENDING, start_receive(pair[0], op, 32)) ||
	    !EXPECT_EQ(3, send(pair[1], "abc", 3, 0)))
		return 0;
	p = take(port, COMES);
	if (!p.overlapped && milliseconds() - began >= OTHERS_MS)
		return 0;
	is_of(p, op, 3, __LINE__);
	return 1;
}

static void what_a_receive_takes_is_no_event(void)
{
	static struct op ops[20];
	int i, is_first = 0;
	SOCKET pair[2];
	HANDLE port;

	for (i = 0; i < 20 && !is_first; i++) {
		port = both(pair, SOCK_NOTIFY_REGISTER_EVENT_IN);
		ASSERT(port);
		is_first = receive_is_first(port, pair, &ops[i]);
		if (is_first)
			EXPECT_NO_PACKET(port);
		close_all(pair, port);
	}
	EXPECT(is_first);
}

static void what_a_receive_leaves_is_an_event(void)
{
	SOCKET pair[2];
	HANDLE port = both(pair, SOCK_NOTIFY_REGISTER_EVENT_IN);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 2));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	expect_both(port, &op, 2, SOCK_NOTIFY_EVENT_IN);
	close_all(pair, port);
}

static void receive_of_no_bytes_leaves_all(void)
{
	SOCKET pair[2];
	HANDLE port = both(pair, SOCK_NOTIFY_REGISTER_EVENT_IN);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 0));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	expect_both(port, &op, 0, SOCK_NOTIFY_EVENT_IN);
	close_all(pair, port);
}

static void end_of_the_stream_is_told_to_both(void)
{
	SOCKET pair[2];
	HANDLE port = both(pair, SOCK_NOTIFY_REGISTER_EVENT_HANGUP);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	expect_both(port, &op, 0, SOCK_NOTIFY_EVENT_HANGUP);
	close_all(pair, port);
}

static void room_is_told_beside_a_receive(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(0, notify(port, pair[0], SOCK_NOTIFY_REGISTER_EVENT_OUT));
	EXPECT_NOTIFICATION(port, SOCK_NOTIFY_EVENT_OUT);
	EXPECT_STATUS(STATUS_PENDING, &op);
	EXPECT(CancelIoEx((HANDLE)pair[0], &op.overlapped));
	close_all(pair, port);
}

static void association_and_registration_are_independent(void)
{
	HANDLE notified = new_port();
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(notified && port);
	EXPECT_EQ(0, notify(notified, pair[0], SOCK_NOTIFY_REGISTER_EVENT_IN));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 2));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 2);
	EXPECT_NOTIFICATION(notified, SOCK_NOTIFY_EVENT_IN);
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(notified));
	close_all(pair, port);
}

static void cancelling_does_not_touch_notifications(void)
{
	SOCKET pair[2];
	HANDLE port = both(pair, SOCK_NOTIFY_REGISTER_EVENT_IN);
	static struct op op;

	ASSERT(port);
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)pair[0], NULL));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_FAILED(port, &op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_NOTIFICATION(port, SOCK_NOTIFY_EVENT_IN);
	close_all(pair, port);
}

static void closing_reports_operations_and_no_events(void)
{
	SOCKET pair[2];
	HANDLE port = both(pair, SOCK_NOTIFY_REGISTER_EVENT_IN |
				 SOCK_NOTIFY_REGISTER_EVENT_HANGUP);
	static struct op op;

	ASSERT(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_FAILED(port, &op, ERROR_CONNECTION_ABORTED, STATUS_CONNECTION_ABORTED);
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(what_a_receive_takes_is_no_event);
	RUN(what_a_receive_leaves_is_an_event);
	RUN(receive_of_no_bytes_leaves_all);
	RUN(end_of_the_stream_is_told_to_both);
	RUN(room_is_told_beside_a_receive);
	RUN(association_and_registration_are_independent);
	RUN(cancelling_does_not_touch_notifications);
	RUN(closing_reports_operations_and_no_events);
	WSACleanup();
	return tap_end();
}
