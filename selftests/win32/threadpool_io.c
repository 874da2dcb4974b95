// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Objects of the thread pool that are told when operations are over, in pure Win32.
 */
#include "overlapped.h"

#define PROGRAM "threadpool_io"
#define ROUNDS	100

/* A socket's object, and what the function was told. */
struct side {
	SOCKET s;
	PTP_IO io;
	HANDLE told, go_on;
	PVOID overlapped;
	ULONG result;
	ULONG_PTR bytes;
	DWORD thread;
	LONG volatile calls, ended;
};

/* An operation. */
struct operation {
	OVERLAPPED overlapped;
	char data[16];
};

static void CALLBACK note(PTP_CALLBACK_INSTANCE instance, PVOID context, PVOID overlapped,
			  ULONG result, ULONG_PTR bytes, PTP_IO io)
{
	struct side *side = (struct side *)context;

	EXPECT(instance != NULL);
	EXPECT_EQ(side->io, io);
	side->overlapped = overlapped;
	side->result = result;
	side->bytes = bytes;
	side->thread = GetCurrentThreadId();
	InterlockedIncrement(&side->calls);
	ReleaseSemaphore(side->told, 1, NULL);
}

static void CALLBACK note_and_stay(PTP_CALLBACK_INSTANCE instance, PVOID context,
				   PVOID overlapped, ULONG result, ULONG_PTR bytes, PTP_IO io)
{
	struct side *side = (struct side *)context;

	note(instance, context, overlapped, result, bytes, io);
	WaitForSingleObject(side->go_on, COMES);
	InterlockedIncrement(&side->ended);
}

static int open_side(struct side *side, SOCKET s, PTP_WIN32_IO_CALLBACK function)
{
	ZeroMemory(side, sizeof(*side));
	side->s = s;
	side->told = CreateSemaphoreA(NULL, 0, 10000, NULL);
	side->go_on = CreateEventA(NULL, TRUE, FALSE, NULL);
	side->io = CreateThreadpoolIo((HANDLE)s, function, side, NULL);
	return side->io != NULL;
}

static void close_side(struct side *side)
{
	CloseThreadpoolIo(side->io);
	EXPECT(CloseHandle(side->told));
	EXPECT(CloseHandle(side->go_on));
}

static int comes(struct side *side)
{
	return WaitForSingleObject(side->told, COMES) == WAIT_OBJECT_0;
}

static int starts_receive(struct side *side, struct operation *operation)
{
	WSABUF buffer = { sizeof(operation->data), operation->data };
	DWORD flags = 0;

	ZeroMemory(&operation->overlapped, sizeof(operation->overlapped));
	StartThreadpoolIo(side->io);
	if (!WSARecv(side->s, &buffer, 1, NULL, &flags, &operation->overlapped, NULL) ||
	    WSAGetLastError() == WSA_IO_PENDING)
		return 1;
	CancelThreadpoolIo(side->io);
	return 0;
}

#define EXPECT_TOLD(side, operation, expected_result, expected_bytes)		\
	do {									\
		ASSERT(comes(side));						\
		EXPECT_EQ(&(operation)->overlapped, (side)->overlapped);	\
		EXPECT_EQ(expected_result, (side)->result);			\
		EXPECT_EQ(expected_bytes, (side)->bytes);			\
	} while (0)

static void each_operation_is_told_to_its_object(void)
{
	static struct operation operation[2];
	static struct side side[2];
	SOCKET pair[2];
	int i;

	ASSERT(tcp_pair(pair));
	for (i = 0; i < 2; i++)
		ASSERT(open_side(&side[i], pair[i], note));
	for (i = 0; i < ROUNDS; i++) {
		int to = i % 2;

		ASSERT(starts_receive(&side[to], &operation[to]));
		EXPECT_EQ(3, send(pair[!to], "abc", 3, 0));
		EXPECT_TOLD(&side[to], &operation[to], NO_ERROR, 3);
		EXPECT(side[to].thread != GetCurrentThreadId());
	}
	EXPECT_EQ(ROUNDS / 2, side[0].calls);
	EXPECT_EQ(ROUNDS / 2, side[1].calls);
	close_pair(pair);
	for (i = 0; i < 2; i++) {
		WaitForThreadpoolIoCallbacks(side[i].io, FALSE);
		close_side(&side[i]);
	}
}

static void error_is_that_of_win32_there(void)
{
	static struct operation operation;
	static struct side side;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	ASSERT(open_side(&side, pair[0], note));
	ASSERT(starts_receive(&side, &operation));
	EXPECT(CancelIoEx((HANDLE)pair[0], &operation.overlapped));
	EXPECT_TOLD(&side, &operation, ERROR_OPERATION_ABORTED, 0);
	close_pair(pair);
	WaitForThreadpoolIoCallbacks(side.io, FALSE);
	close_side(&side);
}

static DWORD WINAPI send_later(LPVOID s)
{
	Sleep(STAYS / 2);
	return send((SOCKET)s, "x", 1, 0) != 1;
}

/* Waiting is for operations that pend, too. */
static void waiting_is_for_all_that_was_started(void)
{
	static struct operation operation[2];
	static struct side side;
	HANDLE thread;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	ASSERT(open_side(&side, pair[0], note));
	ASSERT(starts_receive(&side, &operation[0]));
	thread = CreateThread(NULL, 0, send_later, (LPVOID)pair[1], 0, NULL);
	WaitForThreadpoolIoCallbacks(side.io, FALSE);
	EXPECT_EQ(1, side.calls);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));

	/* What was not started after all is none of them. */
	StartThreadpoolIo(side.io);
	CancelThreadpoolIo(side.io);
	WaitForThreadpoolIoCallbacks(side.io, FALSE);
	EXPECT_EQ(1, side.calls);
	close_pair(pair);
	close_side(&side);
}

/* The operation itself goes on, and its end is not told. */
static void what_is_cancelled_is_not_told(void)
{
	static struct operation operation;
	static struct side side;
	DWORD bytes, flags;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	ASSERT(open_side(&side, pair[0], note));
	ASSERT(starts_receive(&side, &operation));
	WaitForThreadpoolIoCallbacks(side.io, TRUE);
	EXPECT_EQ(2, send(pair[1], "ab", 2, 0));
	EXPECT(WSAGetOverlappedResult(pair[0], &operation.overlapped, &bytes, TRUE, &flags));
	EXPECT_EQ(2, bytes);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(side.told, STAYS));
	/* The next one is. */
	ASSERT(starts_receive(&side, &operation));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_TOLD(&side, &operation, NO_ERROR, 3);
	EXPECT_EQ(1, side.calls);
	close_pair(pair);
	WaitForThreadpoolIoCallbacks(side.io, FALSE);
	close_side(&side);
}

static DWORD WINAPI let_go(LPVOID event)
{
	Sleep(20);
	return SetEvent((HANDLE)event);
}

static void waiting_is_until_the_function_has_returned(void)
{
	static struct operation operation;
	static struct side side;
	HANDLE thread;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	ASSERT(open_side(&side, pair[0], note_and_stay));
	ASSERT(starts_receive(&side, &operation));
	EXPECT_EQ(1, send(pair[1], "x", 1, 0));
	ASSERT(comes(&side));
	thread = CreateThread(NULL, 0, let_go, side.go_on, 0, NULL);
	WaitForThreadpoolIoCallbacks(side.io, TRUE);
	EXPECT_EQ(1, side.ended);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	close_pair(pair);
	close_side(&side);
}

static void CALLBACK receive_again(PTP_CALLBACK_INSTANCE instance, PVOID context,
				   PVOID overlapped, ULONG result, ULONG_PTR bytes, PTP_IO io)
{
	struct side *side = (struct side *)context;
	struct operation *operation = CONTAINING_RECORD(overlapped, struct operation, overlapped);

	if (!result && bytes)
		starts_receive(side, operation);
	note(instance, context, overlapped, result, bytes, io);
}

/* An object that is closed is told of what was started before. */
static void closed_object_is_told_of_what_pends(void)
{
	static struct operation operation;
	static struct side side;
	SOCKET pair[2];
	int i;

	ASSERT(tcp_pair(pair));
	ASSERT(open_side(&side, pair[0], receive_again));
	ASSERT(starts_receive(&side, &operation));
	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(1, send(pair[1], "x", 1, 0));
		EXPECT_TOLD(&side, &operation, NO_ERROR, 1);
	}
	CloseThreadpoolIo(side.io);
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_TOLD(&side, &operation, NO_ERROR, 0);
	EXPECT_EQ(ROUNDS + 1, side.calls);
	/* It uses the objects until it returns. */
	Sleep(STAYS / 4);
	close_pair(pair);
	EXPECT(CloseHandle(side.told));
	EXPECT(CloseHandle(side.go_on));
}

static void what_skips_its_packet_is_cancelled(void)
{
	static struct operation operation;
	static struct side side;
	WSABUF buffer = { 5, operation.data };
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	ASSERT(open_side(&side, pair[0], note));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)pair[0],
						  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	StartThreadpoolIo(side.io);
	ASSERT(!WSASend(pair[0], &buffer, 1, NULL, 0, &operation.overlapped, NULL));
	CancelThreadpoolIo(side.io);
	WaitForThreadpoolIoCallbacks(side.io, FALSE);
	EXPECT_EQ(0, side.calls);
	close_pair(pair);
	close_side(&side);
}

static void object_needs_a_socket_without_a_port(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	static struct side side;
	SOCKET s = udp(), other = udp();

	ASSERT(open_side(&side, s, note));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateThreadpoolIo((HANDLE)s, note, &side, NULL));
	ASSERT(CreateIoCompletionPort((HANDLE)other, port, 0, 0) == port);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     CreateThreadpoolIo((HANDLE)other, note, &side, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE,
		     CreateThreadpoolIo(INVALID_HANDLE_VALUE, note, &side, NULL));
	close_side(&side);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(other));
	EXPECT(CloseHandle(port));
}

static void object_without_a_function_is_refused(void)
{
	SOCKET s = udp();

	EXPECT_ERROR(ERROR_INVALID_PARAMETER, CreateThreadpoolIo((HANDLE)s, NULL, NULL, NULL));
	EXPECT_EQ(0, closesocket(s));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	RUN(each_operation_is_told_to_its_object);
	RUN(error_is_that_of_win32_there);
	RUN(waiting_is_for_all_that_was_started);
	RUN(what_is_cancelled_is_not_told);
	RUN(waiting_is_until_the_function_has_returned);
	RUN(closed_object_is_told_of_what_pends);
	RUN(what_skips_its_packet_is_cancelled);
	RUN(object_needs_a_socket_without_a_port);
	RUN_UNLESS_WINE(object_without_a_function_is_refused, "Wine makes one");
	WSACleanup();
	return tap_end();
}
