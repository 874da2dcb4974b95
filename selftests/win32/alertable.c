// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Winsock's calls that wait do so alertably: functions that are queued to their thread are
 * called, and they go on waiting.
 */
#include "net.h"
#include "threads.h"

#define PROGRAM	"alertable"

/* What the thread waits for, and what is to be sent to it. */
static SOCKET waited_for, pair[2];
static struct sockaddr_in address;
static volatile LONG begun, called;

/* ------------------------------------------------------------- calls that wait */

/* Each returns the error that it ends with. */
static int accepts(void)
{
	SOCKET s = accept(waited_for, NULL, NULL);

	return s == INVALID_SOCKET ? WSAGetLastError() : closesocket(s);
}

static int receives(void)
{
	char c;

	return recv(waited_for, &c, 1, 0) == 1 ? 0 : WSAGetLastError();
}

static int receives_from(void)
{
	char c;

	return recvfrom(waited_for, &c, 1, 0, NULL, NULL) == 1 ? 0 : WSAGetLastError();
}

static int receives_into_buffers(void)
{
	DWORD bytes, flags = 0;
	char c;
	WSABUF buffer = { 1, &c };

	return WSARecv(waited_for, &buffer, 1, &bytes, &flags, NULL, NULL) ? WSAGetLastError() :
		       0;
}

static char much[1 << 20];

static int sends(void)
{
	return send(waited_for, much, sizeof(much), 0) == sizeof(much) ? 0 : WSAGetLastError();
}

static int connects(void)
{
	return connect_to(waited_for, &address) ? WSAGetLastError() : 0;
}

static int selects(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(waited_for, &set);
	return select(0, &set, NULL, NULL, NULL) == 1 ? 0 : WSAGetLastError();
}

static int polls(void)
{
	WSAPOLLFD poll_fd = { waited_for, POLLIN, 0 };

	return WSAPoll(&poll_fd, 1, -1) == 1 ? 0 : WSAGetLastError();
}

/* ------------------------------------------------------------------------ the thread */

static DWORD WINAPI thread_main(LPVOID call)
{
	begun = 1;
	return (DWORD)(*(int (**)(void))call)();
}

static HANDLE begin(int (**call)(void))
{
	HANDLE thread;

	begun = 0;
	called = 0;
	thread = start(thread_main, call);
	while (!begun)
		Sleep(1);
	/* Time for the call to have begun to wait. */
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS / 2));
	return thread;
}

static void CALLBACK note(ULONG_PTR value)
{
	called += (LONG)value;
}

static int are_called(LONG sum)
{
	int i;

	for (i = 0; called != sum && i < COMES; i += 5)
		Sleep(5);
	return called == sum;
}

/* Functions are called while the call waits, again and again, and it goes on. */
static HANDLE waits_alertably(int (**call)(void))
{
	HANDLE thread = begin(call);

	EXPECT(QueueUserAPC(note, thread, 1));
	EXPECT(are_called(1));
	EXPECT(QueueUserAPC(note, thread, 10));
	EXPECT(QueueUserAPC(note, thread, 100));
	EXPECT(are_called(111));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS / 2));
	return thread;
}

/* ------------------------------------------------------------------------ the tests */

static void accept_is(void)
{
	static int (*call)(void) = accepts;
	HANDLE thread;
	SOCKET s = tcp();

	waited_for = tcp_listener(&address);
	thread = waits_alertably(&call);
	EXPECT_EQ(0, connect_to(s, &address));
	EXPECT_EQ(0, end(thread));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(waited_for));
}

static void what_waits_for_data_is(void)
{
	static int (*calls[])(void) = { receives, receives_from, receives_into_buffers, selects,
					polls };
	HANDLE thread;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT(tcp_pair(pair));
		waited_for = pair[0];
		thread = waits_alertably(&calls[i]);
		EXPECT_EQ(1, send(pair[1], "a", 1, 0));
		EXPECT_EQ(0, end(thread));
		close_pair(pair);
	}
}

static void send_is(void)
{
	static int (*call)(void) = sends;
	static char data[65536];
	HANDLE thread;
	u_long off = 0;

	ASSERT(tcp_pair(pair));
	waited_for = pair[0];
	set_nonblocking(pair[0]);
	while (send(pair[0], much, sizeof(much), 0) > 0)
		;
	EXPECT_EQ(0, ioctlsocket(pair[0], FIONBIO, &off));
	thread = waits_alertably(&call);
	while (WaitForSingleObject(thread, 0) == WAIT_TIMEOUT &&
	       recv(pair[1], data, sizeof(data), 0) > 0)
		;
	EXPECT_EQ(0, end(thread));
	close_pair(pair);
}

/* To a listener that has taken all it takes, and does not answer. */
static void connect_is(void)
{
	static int (*call)(void) = connects;
	SOCKET listener = tcp(), queued[4];
	HANDLE thread;
	int i;

	ASSERT(bind_anywhere(listener, &address));
	EXPECT_EQ(0, listen(listener, 1));
	for (i = 0; i < 4; i++) {
		queued[i] = tcp();
		set_nonblocking(queued[i]);
		EXPECT_WSA(WSAEWOULDBLOCK, connect_to(queued[i], &address));
	}
	waited_for = tcp();
	thread = waits_alertably(&call);
	EXPECT_EQ(0, closesocket(waited_for));
	EXPECT(end(thread));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, closesocket(queued[i]));
	EXPECT_EQ(0, closesocket(listener));
}

static void what_was_queued_before_is_called(void)
{
	static int (*call)(void) = receives;
	HANDLE thread;

	ASSERT(tcp_pair(pair));
	waited_for = pair[0];
	called = 0;
	thread = CreateThread(NULL, 0, thread_main, &call, CREATE_SUSPENDED, NULL);
	EXPECT(QueueUserAPC(note, thread, 5));
	ResumeThread(thread);
	EXPECT(are_called(5));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_EQ(0, end(thread));
	close_pair(pair);
}

static void what_does_not_wait_calls_nothing(void)
{
	ASSERT(tcp_pair(pair));
	called = 0;
	EXPECT(QueueUserAPC(note, GetCurrentThread(), 7));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	waited_for = pair[0];
	EXPECT_EQ(0, selects());
	EXPECT_EQ(0, called);
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(0, TRUE));
	EXPECT_EQ(7, called);
	close_pair(pair);
}

static void CALLBACK close_it(ULONG_PTR s)
{
	EXPECT_EQ(0, closesocket((SOCKET)s));
	called = 1;
}

static void function_may_close_the_socket(void)
{
	static int (*calls[])(void) = { receives, selects };
	HANDLE thread;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT(tcp_pair(pair));
		waited_for = pair[0];
		thread = begin(&calls[i]);
		EXPECT(QueueUserAPC(close_it, thread, pair[0]));
		end(thread);
		EXPECT_EQ(1, called);
		EXPECT_EQ(0, closesocket(pair[1]));
	}
}

static void CALLBACK end_thread(ULONG_PTR code)
{
	ExitThread((DWORD)code);
}

/* Nobody waits for it any more. */
static void function_may_end_the_thread(void)
{
	static int (*calls[])(void) = { receives, selects };
	HANDLE thread;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT(tcp_pair(pair));
		waited_for = pair[0];
		thread = begin(&calls[i]);
		EXPECT(QueueUserAPC(end_thread, thread, 33));
		EXPECT_EQ(33, end(thread));
		close_pair(pair);
	}
}

static HANDLE is_closed;

static void CALLBACK wait_for_who_closes(ULONG_PTR unused)
{
	(void)unused;
	called = 1;
	called = WaitForSingleObject(is_closed, COMES) == WAIT_OBJECT_0 ? 2 : 3;
}

/* Who closes does not wait until the functions are over: they may wait for it. */
static void function_may_wait_for_who_closes(void)
{
	static int (*calls[])(void) = { receives, selects };
	HANDLE thread;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT(tcp_pair(pair));
		is_closed = CreateEventA(NULL, TRUE, FALSE, NULL);
		waited_for = pair[0];
		thread = begin(&calls[i]);
		EXPECT(QueueUserAPC(wait_for_who_closes, thread, 0));
		EXPECT(are_called(1));
		EXPECT_EQ(0, closesocket(pair[0]));
		EXPECT(SetEvent(is_closed));
		EXPECT(are_called(2));
		/* What it ends with, closing.c and closing_polls.c ask. */
		end(thread);
		EXPECT_EQ(0, closesocket(pair[1]));
		CloseHandle(is_closed);
	}
}

static int selects_several(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pair[0], &set);
	FD_SET(pair[1], &set);
	return select(0, &set, NULL, NULL, NULL) > 0 ? 0 : WSAGetLastError();
}

static SOCKET others[2];

static void CALLBACK wait_for_others(ULONG_PTR unused)
{
	struct timeval a_while = { 0, STAYS * 1000 };
	fd_set set;

	(void)unused;
	FD_ZERO(&set);
	FD_SET(others[0], &set);
	FD_SET(others[1], &set);
	called = 1;
	called = select(0, &set, NULL, NULL, &a_while) ? 3 : 2;
}

/* The wait that is interrupted is told when it goes on. */
static void function_may_wait_for_others_while_one_is_closed(void)
{
	static int (*call)(void) = selects_several;
	HANDLE thread;

	ASSERT(tcp_pair(pair));
	ASSERT(tcp_pair(others));
	thread = begin(&call);
	EXPECT(QueueUserAPC(wait_for_others, thread, 0));
	EXPECT(are_called(1));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT(are_called(2));
	end(thread);
	EXPECT_EQ(0, closesocket(pair[1]));
	close_pair(others);
}

int main(void)
{
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	RUN(function_may_wait_for_who_closes);
	RUN(function_may_wait_for_others_while_one_is_closed);
	RUN(accept_is);
	RUN(what_waits_for_data_is);
	RUN(send_is);
	RUN(connect_is);
	RUN(what_was_queued_before_is_called);
	RUN(what_does_not_wait_calls_nothing);
	RUN(function_may_close_the_socket);
	RUN(function_may_end_the_thread);
	WSACleanup();
	return tap_end();
}
