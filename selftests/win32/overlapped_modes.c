// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which operations have a packet, and where it goes: notification modes, the association,
 * sockets without WSA_FLAG_OVERLAPPED, and packets that other threads take.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_modes"

#define SKIP_PACKET	FILE_SKIP_COMPLETION_PORT_ON_SUCCESS
#define SKIP_EVENT	FILE_SKIP_SET_EVENT_ON_HANDLE

static void success_at_once_can_be_without_a_packet(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ASSERT(readable(pair[0]));
	ASSERT_EQ(0, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, op.bytes);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(3, op.overlapped.InternalHigh);
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_EQ(1, op.bytes);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void what_has_pended_always_has_a_packet(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET | SKIP_EVENT));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_FAILED(port, &op, ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	reset(pair[1]);
	EXPECT_FAILED(port, &op, ERROR_NETNAME_DELETED, STATUS_CONNECTION_RESET);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

static void datagram_that_is_cut_at_once_is_a_success_to_the_mode(void)
{
	SOCKET pair[2];
	HANDLE port = new_port();
	static struct op op;

	ASSERT(port && udp_pair(pair));
	associate(pair[0], port, KEY);
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET));
	EXPECT_EQ(5, send(pair[1], "hello", 5, 0));
	ASSERT(readable(pair[0]));
	EXPECT_EQ(WSAEMSGSIZE, start_receive(pair[0], &op, 4));
	EXPECT_STATUS(STATUS_BUFFER_OVERFLOW, &op);
	EXPECT_EQ(4, op.overlapped.InternalHigh);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void modes_can_be_set_before_the_association(void)
{
	HANDLE port = new_port();
	static struct op op;
	SOCKET pair[2];

	ASSERT(port && tcp_pair(pair));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET));
	associate(pair[0], port, KEY);
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_NO_PACKET(port);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	close_all(pair, port);
}

static void modes_are_never_taken_back(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], 0));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_EVENT));
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void modes_are_those_of_duplicates_too(void)
{
	SOCKET pair[2], other;
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	other = duplicate(pair[0]);
	if (other == INVALID_SOCKET)
		return;
	EXPECT(SetFileCompletionNotificationModes((HANDLE)other, SKIP_PACKET));
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_EQ(0, start_send(other, &op, "x", 1));
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, closesocket(other));
	close_all(pair, port);
}

/* The number of a descriptor is used again, and the modes of its last owner are gone. */
static void modes_end_with_their_socket(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET));
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_NO_PACKET(port);
	close_pair(pair);
	ASSERT(tcp_pair(pair));
	associate(pair[0], port, KEY);
	associate(pair[1], port, KEY);
	EXPECT_EQ(0, start_send(pair[0], &op, "x", 1));
	EXPECT_PACKET(port, &op, 1);
	EXPECT_EQ(0, start_send(pair[1], &op, "x", 1));
	EXPECT_PACKET(port, &op, 1);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void event_of_an_operation_is_set_in_all_modes(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(event && port);
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0], SKIP_PACKET | SKIP_EVENT));
	prepare(&op, 32);
	op.overlapped.hEvent = event;
	ASSERT_EQ(WSA_IO_PENDING, outcome(WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags,
						  &op.overlapped, NULL)));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_PACKET(port, &op, 3);
	EXPECT(CloseHandle(event));
	close_all(pair, port);
}

static void association_is_looked_at_when_an_operation_ends(void)
{
	HANDLE port = new_port();
	static struct op op[2];
	SOCKET pair[2];

	ASSERT(port && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[0], 16));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[1], 16));
	associate(pair[0], port, KEY);
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op[0], 3);
	EXPECT_NO_PACKET(port);
	EXPECT(CancelIoEx((HANDLE)pair[0], NULL));
	EXPECT_FAILED(port, &op[1], ERROR_OPERATION_ABORTED, STATUS_CANCELLED);
	close_all(pair, port);
}

static void what_ended_before_the_association_has_no_packet(void)
{
	HANDLE port = new_port();
	static struct op op;
	SOCKET pair[2];

	ASSERT(port && tcp_pair(pair));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT(has_ended(&op));
	associate(pair[0], port, KEY);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void association_is_that_of_duplicates_too(void)
{
	SOCKET pair[2], other;
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	other = duplicate(pair[0]);
	if (other == INVALID_SOCKET)
		return;
	ASSERT_EQ(WSA_IO_PENDING, start_receive(other, &op, 32));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_PACKET(port, &op, 3);
	EXPECT_EQ(0, start_send(other, &op, "x", 1));
	EXPECT_PACKET(port, &op, 1);
	EXPECT_EQ(0, closesocket(other));
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

/* Takes one connection, and sends a moment later. */
static DWORD WINAPI accept_and_send(LPVOID arg)
{
	SOCKET s = accept((SOCKET)arg, NULL, NULL);
	char c;

	Sleep(NO_PACKET);
	if (send(s, "soon", 4, 0) != 4)
		return 1;
	/* Until the other side has closed. */
	recv(s, &c, 1, 0);
	return closesocket(s) || closesocket((SOCKET)arg);
}

static SOCKET connected_without_the_attribute(HANDLE *thread)
{
	SOCKET s = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address);

	*thread = CreateThread(NULL, 0, accept_and_send, (LPVOID)listener, 0, NULL);
	return *thread && !connect_to(s, &address) ? s : INVALID_SOCKET;
}

static void finish(SOCKET s, HANDLE thread)
{
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
}

static void socket_without_the_attribute_blocks(void)
{
	HANDLE thread = NULL;
	SOCKET s = connected_without_the_attribute(&thread);
	static struct op op;

	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(0, start_receive(s, &op, 32));
	EXPECT_EQ(4, op.bytes);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(4, op.overlapped.InternalHigh);
	EXPECT(!memcmp(op.data, "soon", 4));
	EXPECT_EQ(0, start_send(s, &op, "x", 1));
	EXPECT_EQ(1, op.bytes);
	EXPECT_STATUS(0, &op);
	finish(s, thread);
}

static void socket_without_the_attribute_blocks_even_if_it_is_not_to(void)
{
	HANDLE thread = NULL;
	SOCKET s = connected_without_the_attribute(&thread);
	static struct op op;

	ASSERT(s != INVALID_SOCKET);
	set_nonblocking(s);
	EXPECT_EQ(0, start_receive(s, &op, 32));
	EXPECT_EQ(4, op.bytes);
	EXPECT_STATUS(0, &op);
	finish(s, thread);
}

static DWORD WINAPI close_soon(LPVOID arg)
{
	Sleep(NO_PACKET);
	return (DWORD)closesocket((SOCKET)arg);
}

static void what_is_accepted_has_what_its_listener_has(void)
{
	SOCKET listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
	SOCKET client = tcp(), s;
	struct sockaddr_in address;
	static struct op op;
	HANDLE thread;

	ASSERT(bind_anywhere(listener, &address) && !listen(listener, 1));
	ASSERT_EQ(0, connect_to(client, &address));
	s = accept(listener, NULL, NULL);
	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(3, send(client, "abc", 3, 0));
	EXPECT_EQ(0, start_receive(s, &op, 32));
	EXPECT_EQ(3, op.bytes);
	thread = CreateThread(NULL, 0, close_soon, (LPVOID)client, 0, NULL);
	EXPECT_EQ(0, start_receive(s, &op, 32));
	EXPECT_EQ(0, op.bytes);
	EXPECT_STATUS(0, &op);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
}

/* It breaks a rule, and each call has its packet all the same. */
static void overlapped_that_is_used_twice_has_two_packets(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;
	char a = 0, b = 0;
	WSABUF buffers[2] = { { 1, &a }, { 1, &b } };
	int i;

	ASSERT(port);
	prepare(&op, 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(WSA_IO_PENDING,
			  outcome(WSARecv(pair[0], &buffers[i], 1, &op.bytes, &op.flags,
					  &op.overlapped, NULL)));
	EXPECT_EQ(2, send(pair[1], "ab", 2, 0));
	EXPECT_EQ(&op.overlapped, take(port, COMES).overlapped);
	EXPECT_EQ(&op.overlapped, take(port, COMES).overlapped);
	EXPECT(a == 'a' && b == 'b');
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void call_without_an_overlapped_is_an_ordinary_one(void)
{
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	static struct op op;

	ASSERT(port);
	prepare(&op, 32);
	set_nonblocking(pair[0]);
	EXPECT_WSA(WSAEWOULDBLOCK, WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags, NULL,
					   NULL));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ASSERT(readable(pair[0]));
	EXPECT_EQ(0, WSARecv(pair[0], &op.buffer, 1, &op.bytes, &op.flags, NULL, NULL));
	EXPECT_EQ(3, op.bytes);
	EXPECT_NO_PACKET(port);
	close_all(pair, port);
}

static void packets_are_taken_many_at_once(void)
{
	static struct op op[4];
	OVERLAPPED_ENTRY entries[8];
	SOCKET pair[2];
	HANDLE port = pair_and_port(pair);
	ULONG i, n, count = 0, seen = 0;

	ASSERT(port);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(WSA_IO_PENDING, start_receive(pair[0], &op[i], 1));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	reset(pair[1]);
	while (count < 4) {
		SetLastError(UNTOUCHED);
		ASSERT(GetQueuedCompletionStatusEx(port, entries + count, 8 - count, &n, COMES,
						   FALSE));
		count += n;
	}
	EXPECT_EQ(4, count);
	/* In any order: several threads may have carried them out. */
	for (i = 0; i < 4; i++) {
		const struct op *of = (const struct op *)entries[i].lpOverlapped;

		EXPECT_EQ(KEY, entries[i].lpCompletionKey);
		ASSERT(of >= op && of < op + 4);
		seen |= 1u << (of - op);
		EXPECT_EQ(status_of(of), (DWORD)entries[i].Internal);
		EXPECT_EQ(of->overlapped.InternalHigh, entries[i].dwNumberOfBytesTransferred);
	}
	EXPECT_EQ(15, seen);
	/* Of the others one may have come too late for its byte. */
	EXPECT_STATUS(STATUS_CONNECTION_RESET, &op[3]);
	EXPECT_EQ(0, op[3].overlapped.InternalHigh);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_NO_PACKET(port);
	EXPECT(CloseHandle(port));
}

static void operations_of_two_sockets_have_their_keys(void)
{
	HANDLE port = new_port();
	static struct op op[2];
	SOCKET a[2], b[2];
	struct packet p;

	ASSERT(port && tcp_pair(a) && tcp_pair(b));
	associate(a[0], port, 1);
	associate(b[0], port, 2);
	ASSERT_EQ(WSA_IO_PENDING, start_receive(a[0], &op[0], 32));
	ASSERT_EQ(WSA_IO_PENDING, start_receive(b[0], &op[1], 32));
	EXPECT_EQ(1, send(b[1], "b", 1, 0));
	p = take(port, COMES);
	EXPECT_EQ(2, p.key);
	EXPECT_EQ(&op[1].overlapped, p.overlapped);
	EXPECT_EQ(1, send(a[1], "a", 1, 0));
	p = take(port, COMES);
	EXPECT_EQ(1, p.key);
	EXPECT_EQ(&op[0].overlapped, p.overlapped);
	close_pair(a);
	close_all(b, port);
}

#define WORKERS		16
#define CONNECTIONS	4
#define DEPTH		4
#define STREAM		400

/* A connection, and receives that are started in the order of their places. */
static struct connection {
	SOCKET pair[2];
	CRITICAL_SECTION lock;
	struct op op[STREAM];
	int started, ended;
	LONG seen[STREAM];
} connections[CONNECTIONS];

static HANDLE workers_port;
static LONG workers_left, strange_packets;

static void start_next(struct connection *c)
{
	EnterCriticalSection(&c->lock);
	if (c->started < STREAM) {
		int error = start_receive(c->pair[0], &c->op[c->started++], 1);

		if (error && error != WSA_IO_PENDING)
			InterlockedIncrement(&strange_packets);
	}
	LeaveCriticalSection(&c->lock);
}

static DWORD WINAPI work(LPVOID arg)
{
	(void)arg;
	for (;;) {
		struct packet p = take(workers_port, INFINITE);
		struct connection *c = &connections[p.key];
		struct op *op = CONTAINING_RECORD(p.overlapped, struct op, overlapped);

		if (!p.overlapped)
			break;
		if (!p.ret || p.bytes != 1 || InterlockedIncrement(&c->seen[op - c->op]) != 1)
			InterlockedIncrement(&strange_packets);
		start_next(c);
		/* The last packet of all lets everybody go. */
		if (!InterlockedDecrement(&workers_left)) {
			int i;

			for (i = 0; i < WORKERS; i++)
				PostQueuedCompletionStatus(workers_port, 0, 0, NULL);
		}
	}
	return 0;
}

static void many_threads_take_each_packet_once_and_data_is_in_order(void)
{
	HANDLE threads[WORKERS];
	int i, j, wrong = 0, twice = 0;

	workers_port = new_port();
	workers_left = CONNECTIONS * STREAM;
	strange_packets = 0;
	ASSERT(workers_port);
	for (i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &connections[i];

		ASSERT(tcp_pair(c->pair));
		associate(c->pair[0], workers_port, (ULONG_PTR)i);
		InitializeCriticalSection(&c->lock);
	}
	for (i = 0; i < WORKERS; i++) {
		threads[i] = CreateThread(NULL, 0, work, NULL, 0, NULL);
		ASSERT(threads[i]);
	}
	for (i = 0; i < CONNECTIONS; i++)
		for (j = 0; j < DEPTH; j++)
			start_next(&connections[i]);
	for (j = 0; j < STREAM; j++) {
		char c = (char)(j % 128);

		for (i = 0; i < CONNECTIONS; i++)
			EXPECT_EQ(1, send(connections[i].pair[1], &c, 1, 0));
	}
	for (i = 0; i < WORKERS; i++) {
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(threads[i], 2 * COMES));
		EXPECT(CloseHandle(threads[i]));
	}
	EXPECT_EQ(0, workers_left);
	EXPECT_EQ(0, strange_packets);
	for (i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &connections[i];

		for (j = 0; j < STREAM; j++) {
			wrong += c->op[j].data[0] != j % 128;
			twice += c->seen[j] != 1;
		}
		close_pair(c->pair);
		DeleteCriticalSection(&c->lock);
	}
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, twice);
	EXPECT_NO_PACKET(workers_port);
	EXPECT(CloseHandle(workers_port));
}

#define EARLY	1000

static HANDLE early_port;

/* Takes each packet as soon as it comes, and writes over its operation. */
static DWORD WINAPI take_early(LPVOID arg)
{
	int *taken = arg;

	while (*taken < EARLY) {
		struct packet p = take(early_port, COMES);

		if (!p.overlapped)
			return 1;
		memset(CONTAINING_RECORD(p.overlapped, struct op, overlapped), 0xa5,
		       sizeof(struct op));
		++*taken;
	}
	return 0;
}

static int is_poisoned(const struct op *op)
{
	const unsigned char *p = (const unsigned char *)op;
	unsigned int i;

	for (i = 0; i < sizeof(*op); i++) {
		if (p[i] != 0xa5)
			return 0;
	}
	return 1;
}

/* A call may return after its packet was taken, and touches nothing of the program's then. */
static void packet_may_be_taken_before_the_call_returns(void)
{
	static struct op ops[EARLY];
	SOCKET pair[2];
	DWORD bytes, failed = 1;
	int taken = 0, wrong = 0, i;
	HANDLE thread;

	early_port = pair_and_port(pair);
	ASSERT(early_port);
	thread = CreateThread(NULL, 0, take_early, &taken, 0, NULL);
	ASSERT(thread);
	/* So that it runs as soon as there is a packet, if it may. */
	SetThreadPriority(thread, THREAD_PRIORITY_HIGHEST);
	for (i = 0; i < EARLY; i++) {
		struct op *op = &ops[i];
		WSABUF buffer = { 1, op->data };
		DWORD flags = 0;
		int ret;

		bytes = 77;
		if (i % 2 == 0) {
			wrong += send(pair[1], "x", 1, 0) != 1;
			ret = outcome(WSARecv(pair[0], &buffer, 1, &bytes, &flags,
					      &op->overlapped, NULL));
		} else {
			ret = outcome(WSASend(pair[0], &buffer, 1, &bytes, 0, &op->overlapped,
					      NULL));
		}
		wrong += ret && ret != WSA_IO_PENDING;
		/* A variable of the caller's own is right whoever has the OVERLAPPED by now. */
		wrong += bytes != (ret ? 77 : 1);
	}
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, 2 * COMES));
	EXPECT(GetExitCodeThread(thread, &failed) && !failed);
	EXPECT_EQ(0, wrong);
	for (wrong = 0, i = 0; i < EARLY; i++)
		wrong += !is_poisoned(&ops[i]);
	EXPECT_EQ(0, wrong);
	EXPECT_NO_PACKET(early_port);
	EXPECT(CloseHandle(thread));
	close_all(pair, early_port);
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(success_at_once_can_be_without_a_packet);
	RUN(what_has_pended_always_has_a_packet);
	RUN(datagram_that_is_cut_at_once_is_a_success_to_the_mode);
	RUN(modes_can_be_set_before_the_association);
	RUN(modes_are_never_taken_back);
	RUN(modes_are_those_of_duplicates_too);
	RUN(modes_end_with_their_socket);
	RUN(event_of_an_operation_is_set_in_all_modes);
	RUN(association_is_looked_at_when_an_operation_ends);
	RUN(what_ended_before_the_association_has_no_packet);
	RUN(association_is_that_of_duplicates_too);
	RUN(socket_without_the_attribute_blocks);
	RUN(socket_without_the_attribute_blocks_even_if_it_is_not_to);
	RUN(what_is_accepted_has_what_its_listener_has);
	RUN(overlapped_that_is_used_twice_has_two_packets);
	RUN(call_without_an_overlapped_is_an_ordinary_one);
	RUN(packets_are_taken_many_at_once);
	RUN(operations_of_two_sockets_have_their_keys);
	RUN(many_threads_take_each_packet_once_and_data_is_in_order);
	RUN(packet_may_be_taken_before_the_call_returns);
	WSACleanup();
	return tap_end();
}
