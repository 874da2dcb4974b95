// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Completion ports in pure Win32: what posting, taking, waiting and closing come to.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "ports"
#define OV(n)	((LPOVERLAPPED)(ULONG_PTR)(n))

static HANDLE new_port(DWORD threads)
{
	return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, threads);
}

/* All that a call of GetQueuedCompletionStatus() can change. */
struct outcome {
	BOOL ret;
	DWORD error;
	DWORD bytes;
	ULONG_PTR key;
	LPOVERLAPPED overlapped;
};

static struct outcome take(HANDLE port, DWORD ms)
{
	struct outcome o = { FALSE, 0, 0xcccc, 0xdddd, OV(0xeeee) };

	SetLastError(0xdead);
	o.ret = GetQueuedCompletionStatus(port, &o.bytes, &o.key, &o.overlapped, ms);
	o.error = GetLastError();
	return o;
}

static void expect_packet(struct outcome o, DWORD bytes, ULONG_PTR key,
			  LPOVERLAPPED overlapped)
{
	EXPECT_EQ(TRUE, o.ret);
	EXPECT_EQ(bytes, o.bytes);
	EXPECT_EQ(key, o.key);
	EXPECT_EQ(overlapped, o.overlapped);
}

/* Of the outputs only the pointer is written then. */
static void expect_none(struct outcome o, DWORD error)
{
	EXPECT_EQ(FALSE, o.ret);
	EXPECT_EQ(error, o.error);
	EXPECT_EQ(NULL, o.overlapped);
	EXPECT_EQ(0xcccc, o.bytes);
	EXPECT_EQ(0xdddd, o.key);
}

static void what_is_posted_comes_back_as_it_was(void)
{
	HANDLE port = new_port(0);

	ASSERT(port);
	EXPECT(PostQueuedCompletionStatus(port, 0, 0, NULL));
	EXPECT(PostQueuedCompletionStatus(port, 0xffffffff, (ULONG_PTR)-1, OV(-1)));
	expect_packet(take(port, 0), 0, 0, NULL);
	expect_packet(take(port, INFINITE), 0xffffffff, (ULONG_PTR)-1, OV(-1));
	EXPECT(CloseHandle(port));
}

static void packets_are_first_in_first_out(void)
{
	HANDLE port = new_port(0);
	DWORD i;

	ASSERT(port);
	for (i = 0; i < 100; i++)
		EXPECT(PostQueuedCompletionStatus(port, i, i + 1, OV(i + 2)));
	for (i = 0; i < 100; i++)
		expect_packet(take(port, 0), i, i + 1, OV(i + 2));
	expect_none(take(port, 0), WAIT_TIMEOUT);
	EXPECT(CloseHandle(port));
}

static void several_are_taken_at_once_in_their_order(void)
{
	HANDLE port = new_port(0);
	OVERLAPPED_ENTRY entry[8];
	ULONG n = 77;
	DWORD i;

	ASSERT(port);
	for (i = 0; i < 5; i++)
		EXPECT(PostQueuedCompletionStatus(port, i, i + 1, OV(i + 2)));
	ASSERT(GetQueuedCompletionStatusEx(port, entry, 3, &n, 0, FALSE));
	ASSERT_EQ(3, n);
	ASSERT(GetQueuedCompletionStatusEx(port, entry + 3, 5, &n, INFINITE, FALSE));
	ASSERT_EQ(2, n);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(i, entry[i].dwNumberOfBytesTransferred);
		EXPECT_EQ(i + 1, entry[i].lpCompletionKey);
		EXPECT_EQ(i + 2, entry[i].lpOverlapped);
	}
	EXPECT(CloseHandle(port));
}

static void time_out_is_wait_timeout_and_not_early(void)
{
	HANDLE port = new_port(0);
	OVERLAPPED_ENTRY entry;
	ULONGLONG began;
	ULONG n = 77;

	ASSERT(port);
	began = milliseconds();
	expect_none(take(port, 200), WAIT_TIMEOUT);
	/* The clock of time-outs goes in steps of up to 16 ms. */
	EXPECT(milliseconds() - began >= 200 - 16);
	EXPECT_ERROR(WAIT_TIMEOUT,
		     GetQueuedCompletionStatusEx(port, &entry, 1, &n, 0, FALSE));
	EXPECT_EQ(0, n);
	EXPECT(CloseHandle(port));
}

static void no_room_is_refused(void)
{
	HANDLE port = new_port(0);
	OVERLAPPED_ENTRY entry;
	ULONG n = 77;

	ASSERT(port);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     GetQueuedCompletionStatusEx(port, &entry, 0, &n, 0, FALSE));
	EXPECT(CloseHandle(port));
}

static void what_is_no_port_is_an_invalid_handle(void)
{
	HANDLE port = new_port(0);

	ASSERT(port);
	EXPECT(CloseHandle(port));
	expect_none(take(port, 0), ERROR_INVALID_HANDLE);
	expect_none(take(NULL, 0), ERROR_INVALID_HANDLE);
	expect_none(take(INVALID_HANDLE_VALUE, 0), ERROR_INVALID_HANDLE);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, PostQueuedCompletionStatus(port, 0, 0, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, CloseHandle(port));
}

static void new_port_takes_no_other_port(void)
{
	HANDLE port = new_port(0);

	ASSERT(port);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     CreateIoCompletionPort(INVALID_HANDLE_VALUE, port, 0, 0));
	EXPECT(CloseHandle(port));
}

/* Threads that each take one packet. */
struct taker {
	HANDLE port;
	HANDLE thread;
	volatile LONG at_it;
	struct outcome got;
};

static DWORD WINAPI take_one(LPVOID argument)
{
	struct taker *taker = argument;

	InterlockedExchange(&taker->at_it, 1);
	taker->got = take(taker->port, COMES);
	return 0;
}

/* Returns when it waits, as far as that can be told. */
static int start_taker(struct taker *taker, HANDLE port)
{
	taker->port = port;
	taker->at_it = 0;
	taker->thread = CreateThread(NULL, 0, take_one, taker, 0, NULL);
	while (taker->thread && !taker->at_it)
		Sleep(1);
	Sleep(STAYS);
	return taker->thread != NULL;
}

static void join_taker(struct taker *taker)
{
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(taker->thread, COMES));
	EXPECT(CloseHandle(taker->thread));
}

/* Wine's own tests say so of Windows. */
static void packet_is_handed_to_who_waits(void)
{
	HANDLE port = new_port(8);
	struct taker first, last;

	ASSERT(port);
	ASSERT(start_taker(&first, port));
	ASSERT(start_taker(&last, port));
	EXPECT(PostQueuedCompletionStatus(port, 0, 3, NULL));
	EXPECT(PostQueuedCompletionStatus(port, 0, 4, NULL));
	EXPECT(PostQueuedCompletionStatus(port, 0, 5, NULL));
	expect_packet(take(port, 0), 0, 5, NULL);
	join_taker(&first);
	join_taker(&last);
	expect_packet(last.got, 0, 3, NULL);
	expect_packet(first.got, 0, 4, NULL);
	EXPECT(CloseHandle(port));
}

static void last_to_wait_is_the_first_to_get_one(void)
{
	HANDLE port = new_port(8);
	struct taker taker[3];
	int i;

	ASSERT(port);
	for (i = 0; i < 3; i++)
		ASSERT(start_taker(&taker[i], port));
	for (i = 2; i >= 0; i--) {
		EXPECT(PostQueuedCompletionStatus(port, 0, i, NULL));
		join_taker(&taker[i]);
		expect_packet(taker[i].got, 0, i, NULL);
	}
	EXPECT(CloseHandle(port));
}

static void one_packet_each_ends_a_pool_whatever_is_drained(void)
{
	HANDLE port = new_port(64);
	struct taker taker[4];
	int i;

	ASSERT(port);
	for (i = 0; i < 4; i++)
		ASSERT(start_taker(&taker[i], port));
	for (i = 0; i < 4; i++)
		EXPECT(PostQueuedCompletionStatus(port, 0, 99, NULL));
	expect_none(take(port, 0), WAIT_TIMEOUT);
	for (i = 0; i < 4; i++) {
		join_taker(&taker[i]);
		expect_packet(taker[i].got, 0, 99, NULL);
	}
	EXPECT(CloseHandle(port));
}

static void closing_abandons_who_waits(void)
{
	HANDLE port = new_port(8);
	struct taker taker;

	ASSERT(port);
	ASSERT(start_taker(&taker, port));
	EXPECT(CloseHandle(port));
	join_taker(&taker);
	expect_none(taker.got, ERROR_ABANDONED_WAIT_0);
}

static DWORD WINAPI take_several(LPVOID argument)
{
	struct taker *taker = argument;
	OVERLAPPED_ENTRY entry;
	ULONG n = 77;

	InterlockedExchange(&taker->at_it, 1);
	SetLastError(0xdead);
	taker->got.ret = GetQueuedCompletionStatusEx(taker->port, &entry, 1, &n, COMES,
						     FALSE);
	taker->got.error = GetLastError();
	taker->got.bytes = n;
	return 0;
}

static void count_is_0_when_a_wait_is_abandoned(void)
{
	struct taker taker;

	taker.port = new_port(8);
	ASSERT(taker.port);
	taker.at_it = 0;
	taker.thread = CreateThread(NULL, 0, take_several, &taker, 0, NULL);
	ASSERT(taker.thread);
	while (!taker.at_it)
		Sleep(1);
	Sleep(STAYS);
	EXPECT(CloseHandle(taker.port));
	join_taker(&taker);
	EXPECT_EQ(FALSE, taker.got.ret);
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, taker.got.error);
	EXPECT_EQ(0, taker.got.bytes);
}

static DWORD WINAPI wait_for_port(LPVOID argument)
{
	struct taker *taker = argument;

	InterlockedExchange(&taker->at_it, 1);
	return WaitForSingleObject(taker->port, COMES);
}

static void port_is_signaled_while_a_packet_is_there(void)
{
	HANDLE port = new_port(0);

	ASSERT(port);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(port, 0));
	EXPECT(PostQueuedCompletionStatus(port, 1, 2, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(port, COMES));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(port, 0));
	expect_packet(take(port, 0), 1, 2, NULL);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(port, 0));
	EXPECT(CloseHandle(port));
}

static void wait_for_a_port_ends_with_its_packet(void)
{
	struct taker taker;
	DWORD code = 77;

	taker.port = new_port(0);
	taker.at_it = 0;
	ASSERT(taker.port);
	taker.thread = CreateThread(NULL, 0, wait_for_port, &taker, 0, NULL);
	ASSERT(taker.thread);
	while (!taker.at_it)
		Sleep(1);
	Sleep(STAYS);
	EXPECT(PostQueuedCompletionStatus(taker.port, 1, 2, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(taker.thread, COMES));
	EXPECT(GetExitCodeThread(taker.thread, &code));
	EXPECT_EQ(WAIT_OBJECT_0, code);
	expect_packet(take(taker.port, 0), 1, 2, NULL);
	EXPECT(CloseHandle(taker.thread));
	EXPECT(CloseHandle(taker.port));
}

int main(void)
{
	RUN(what_is_posted_comes_back_as_it_was);
	RUN(packets_are_first_in_first_out);
	RUN(several_are_taken_at_once_in_their_order);
	RUN(time_out_is_wait_timeout_and_not_early);
	RUN(no_room_is_refused);
	RUN(what_is_no_port_is_an_invalid_handle);
	RUN(new_port_takes_no_other_port);
	RUN(packet_is_handed_to_who_waits);
	RUN(last_to_wait_is_the_first_to_get_one);
	RUN(one_packet_each_ends_a_pool_whatever_is_drained);
	RUN(closing_abandons_who_waits);
	RUN(count_is_0_when_a_wait_is_abandoned);
	RUN(port_is_signaled_while_a_packet_is_there);
	RUN(wait_for_a_port_ends_with_its_packet);
	return tap_end();
}
