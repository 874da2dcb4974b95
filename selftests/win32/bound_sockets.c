// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets that are bound to a function which the thread pool calls, in pure Win32.
 */
#include "overlapped.h"

#define PROGRAM "bound_sockets"
#define ROUNDS	100

/* An operation, and what the function was told of it. */
struct operation {
	OVERLAPPED overlapped;
	HANDLE over;
	SOCKET s;
	char data[16];
	DWORD error, bytes, thread;
	LONG volatile calls;
};

static void CALLBACK is_over(DWORD error, DWORD bytes, LPOVERLAPPED overlapped)
{
	struct operation *operation = CONTAINING_RECORD(overlapped, struct operation, overlapped);

	operation->error = error;
	operation->bytes = bytes;
	operation->thread = GetCurrentThreadId();
	InterlockedIncrement(&operation->calls);
	SetEvent(operation->over);
}

static int bind_to(SOCKET s, LPOVERLAPPED_COMPLETION_ROUTINE function)
{
	return BindIoCompletionCallback((HANDLE)s, function, 0);
}

static void open_operation(struct operation *operation, SOCKET s)
{
	memset(operation, 0, sizeof(*operation));
	operation->over = CreateEventA(NULL, FALSE, FALSE, NULL);
	operation->s = s;
}

static int starts_receive(struct operation *operation, DWORD length)
{
	WSABUF buffer = { length, operation->data };
	DWORD flags = 0;

	memset(&operation->overlapped, 0, sizeof(operation->overlapped));
	return !WSARecv(operation->s, &buffer, 1, NULL, &flags, &operation->overlapped, NULL) ||
	       WSAGetLastError() == WSA_IO_PENDING;
}

static int starts_send(struct operation *operation, DWORD length)
{
	WSABUF buffer = { length, operation->data };

	memset(&operation->overlapped, 0, sizeof(operation->overlapped));
	return !WSASend(operation->s, &buffer, 1, NULL, 0, &operation->overlapped, NULL) ||
	       WSAGetLastError() == WSA_IO_PENDING;
}

static int comes(struct operation *operation)
{
	return WaitForSingleObject(operation->over, COMES) == WAIT_OBJECT_0;
}

#define EXPECT_OVER(operation, expected_error, expected_bytes)			\
	do {									\
		ASSERT(comes(operation));					\
		EXPECT_EQ(expected_error, (operation)->error);			\
		EXPECT_EQ(expected_bytes, (operation)->bytes);			\
	} while (0)

static void function_is_told_of_each_operation(void)
{
	static struct operation receive, sending;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	open_operation(&receive, pair[0]);
	open_operation(&sending, pair[0]);
	ASSERT(bind_to(pair[0], is_over));

	ASSERT(starts_receive(&receive, sizeof(receive.data)));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_OVER(&receive, 0, 3);
	EXPECT(!memcmp(receive.data, "abc", 3));
	EXPECT(receive.thread != GetCurrentThreadId());

	/* What is over at once is told, too. */
	ASSERT(starts_send(&sending, 5));
	EXPECT_OVER(&sending, 0, 5);

	/* The end of the stream. */
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	ASSERT(starts_receive(&receive, sizeof(receive.data)));
	EXPECT_OVER(&receive, 0, 0);
	EXPECT_EQ(2, receive.calls);
	EXPECT_EQ(1, sending.calls);
	close_pair(pair);
	EXPECT(CloseHandle(receive.over));
	EXPECT(CloseHandle(sending.over));
}

static void errors_are_those_of_win32(void)
{
	struct linger reset_it = { 1, 0 };
	static struct operation receive;
	struct sockaddr_in address;
	SOCKET pair[2], s;

	ASSERT(tcp_pair(pair));
	open_operation(&receive, pair[0]);
	ASSERT(bind_to(pair[0], is_over));
	ASSERT(starts_receive(&receive, sizeof(receive.data)));
	EXPECT(CancelIoEx((HANDLE)pair[0], &receive.overlapped));
	EXPECT_OVER(&receive, ERROR_OPERATION_ABORTED, 0);
	close_pair(pair);

	ASSERT(tcp_pair(pair));
	receive.s = pair[0];
	ASSERT(bind_to(pair[0], is_over));
	ASSERT(starts_receive(&receive, sizeof(receive.data)));
	setsockopt(pair[1], SOL_SOCKET, SO_LINGER, (const char *)&reset_it, sizeof(reset_it));
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT_OVER(&receive, ERROR_NETNAME_DELETED, 0);
	EXPECT_EQ(0, closesocket(pair[0]));

	/* Of a datagram that did not fit there is something, but that is not told. */
	receive.s = udp();
	ASSERT(bind_anywhere(receive.s, &address) && bind_to(receive.s, is_over));
	ASSERT(starts_receive(&receive, 4));
	s = udp();
	EXPECT_EQ(6, sendto(s, "abcdef", 6, 0, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_OVER(&receive, ERROR_MORE_DATA, 0);
	EXPECT_EQ(4, receive.overlapped.InternalHigh);
	EXPECT(!memcmp(receive.data, "abcd", 4));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(receive.s));
	EXPECT(CloseHandle(receive.over));
}

static HANDLE all_over;

/* An echo: each operation starts the next one. */
static void CALLBACK pass_on(DWORD error, DWORD bytes, LPOVERLAPPED overlapped)
{
	struct operation *operation = CONTAINING_RECORD(overlapped, struct operation, overlapped);
	LONG calls = InterlockedIncrement(&operation->calls);

	EXPECT_EQ(0, error);
	if (bytes == 0) {
		SetEvent(all_over);
		return;
	}
	EXPECT_EQ(1, bytes);
	EXPECT(calls % 2 ? starts_send(operation, bytes) : starts_receive(operation, 1));
}

static void function_starts_operations(void)
{
	static struct operation receive;
	SOCKET pair[2];
	char byte;
	int i;

	all_over = CreateEventA(NULL, FALSE, FALSE, NULL);
	ASSERT(tcp_pair(pair));
	open_operation(&receive, pair[0]);
	ASSERT(bind_to(pair[0], pass_on));
	ASSERT(starts_receive(&receive, 1));
	for (i = 0; i < ROUNDS; i++) {
		byte = (char)i;
		EXPECT_EQ(1, send(pair[1], &byte, 1, 0));
		byte = 0;
		ASSERT_EQ(1, recv(pair[1], &byte, 1, 0));
		EXPECT_EQ((char)i, byte);
	}
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(all_over, COMES));
	EXPECT_EQ(2 * ROUNDS + 1, receive.calls);
	close_pair(pair);
	EXPECT(CloseHandle(all_over));
	EXPECT(CloseHandle(receive.over));
}

static DWORD WINAPI set_event(LPVOID event)
{
	return SetEvent((HANDLE)event);
}

static void CALLBACK is_over_elsewhere(DWORD error, DWORD bytes, LPOVERLAPPED overlapped)
{
	is_over(error, bytes + 1000, overlapped);
}

static void each_socket_has_its_function(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	static struct operation receive[2];
	SOCKET pair[2];
	int i;

	ASSERT(tcp_pair(pair));
	ASSERT(bind_to(pair[0], is_over) && bind_to(pair[1], is_over_elsewhere));
	for (i = 0; i < 2; i++) {
		open_operation(&receive[i], pair[i]);
		ASSERT(starts_receive(&receive[i], 4));
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(2, send(pair[!i], "ab", 2, 0));
	/* And other functions are called by the same threads. */
	ASSERT(QueueUserWorkItem(set_event, event, WT_EXECUTEDEFAULT));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_OVER(&receive[0], 0, 2);
	EXPECT_OVER(&receive[1], 0, 1002);
	close_pair(pair);
	for (i = 0; i < 2; i++)
		EXPECT(CloseHandle(receive[i].over));
	EXPECT(CloseHandle(event));
}

static void what_queues_no_packet_is_not_told(void)
{
	static struct operation sending;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	open_operation(&sending, pair[0]);
	ASSERT(bind_to(pair[0], is_over));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0],
						  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	ASSERT(starts_send(&sending, 5));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(sending.over, NO_PACKET));
	EXPECT_EQ(0, sending.calls);
	close_pair(pair);
	EXPECT(CloseHandle(sending.over));
}

static void socket_is_bound_once(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	SOCKET s = udp(), other = udp();

	ASSERT(bind_to(s, is_over));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, bind_to(s, is_over));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateIoCompletionPort((HANDLE)s, port, 0, 0));
	ASSERT(CreateIoCompletionPort((HANDLE)other, port, 0, 0) == port);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, bind_to(other, is_over));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(other));
	EXPECT(CloseHandle(port));
}

static void wrong_arguments_are_refused(void)
{
	SOCKET s = udp();

	EXPECT_ERROR(ERROR_INVALID_PARAMETER, bind_to(s, NULL));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, BindIoCompletionCallback((HANDLE)s, is_over, 1));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, bind_to(INVALID_SOCKET, is_over));
	/* None of these has bound it. */
	EXPECT(bind_to(s, is_over));
	EXPECT_EQ(0, closesocket(s));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	RUN(function_is_told_of_each_operation);
	RUN(errors_are_those_of_win32);
	RUN(function_starts_operations);
	RUN(each_socket_has_its_function);
	RUN(what_queues_no_packet_is_not_told);
	RUN(socket_is_bound_once);
	RUN(wrong_arguments_are_refused);
	WSACleanup();
	return tap_end();
}
