// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * closesocket() ends what other threads wait for in select() and WSAPoll() on that socket, in
 * pure Win32.
 */
#include "net.h"

#define PROGRAM	"closing_polls"
#define THREADS	4
#define ROUNDS	100
/* Time for a call to have begun to wait. */
#define BEGINS	30

/* A thread that waits for a socket, and maybe for another one, and what it is told. */
struct waiter {
	SOCKET s, other;
	int reads, writes, excepts, polls, ms;
	HANDLE thread;
	LONG volatile begun;
	int result, error, told, other_told;
};

static void select_it(struct waiter *waiter)
{
	struct timeval time = { waiter->ms / 1000, waiter->ms % 1000 * 1000 };
	fd_set read, write, except;

	FD_ZERO(&read);
	FD_ZERO(&write);
	FD_ZERO(&except);
	if (waiter->reads)
		FD_SET(waiter->s, &read);
	if (waiter->writes)
		FD_SET(waiter->s, &write);
	if (waiter->excepts)
		FD_SET(waiter->s, &except);
	if (waiter->other != INVALID_SOCKET)
		FD_SET(waiter->other, &read);
	waiter->result = select(0, &read, &write, &except, waiter->ms ? &time : NULL);
	waiter->error = waiter->result < 0 ? WSAGetLastError() : 0;
	waiter->told = FD_ISSET(waiter->s, &read);
	waiter->other_told = waiter->other != INVALID_SOCKET && FD_ISSET(waiter->other, &read);
}

static void poll_it(struct waiter *waiter)
{
	WSAPOLLFD fds[2];

	ZeroMemory(fds, sizeof(fds));
	fds[0].fd = waiter->s;
	fds[1].fd = waiter->other;
	fds[0].events = fds[1].events = POLLRDNORM;
	waiter->result = WSAPoll(fds, waiter->other == INVALID_SOCKET ? 1 : 2,
				 waiter->ms ? waiter->ms : -1);
	waiter->error = waiter->result < 0 ? WSAGetLastError() : 0;
	waiter->told = fds[0].revents;
	waiter->other_told = fds[1].revents;
}

static DWORD WINAPI waiter_main(LPVOID argument)
{
	struct waiter *waiter = (struct waiter *)argument;

	waiter->begun = 1;
	if (waiter->polls)
		poll_it(waiter);
	else
		select_it(waiter);
	return 0;
}

static SOCKET bound_udp(void)
{
	struct sockaddr_in address;
	SOCKET s = udp();

	EXPECT(bind_anywhere(s, &address));
	return s;
}

static void start(struct waiter *waiter)
{
	waiter->result = -2;
	waiter->begun = 0;
	waiter->thread = CreateThread(NULL, 0, waiter_main, waiter, 0, NULL);
	while (!waiter->begun)
		Sleep(0);
}

static int is_over(struct waiter *waiter)
{
	int over = WaitForSingleObject(waiter->thread, COMES) == WAIT_OBJECT_0;

	CloseHandle(waiter->thread);
	return over;
}

/* Closes the socket that it waits for. */
static void end_it(struct waiter *waiter)
{
	start(waiter);
	Sleep(BEGINS);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(waiter->thread, BEGINS));
	EXPECT_EQ(0, closesocket(waiter->s));
	EXPECT(is_over(waiter));
}

static void select_says_that_it_can_be_read(void)
{
	static struct waiter waiter;

	waiter.s = bound_udp();
	waiter.other = bound_udp();
	waiter.reads = 1;
	end_it(&waiter);
	EXPECT_EQ(1, waiter.result);
	EXPECT(waiter.told);
	EXPECT(!waiter.other_told);
	/* In other sets, too; and with a time-out. */
	waiter.s = bound_udp();
	waiter.excepts = 1;
	waiter.ms = 1000 * COMES;
	end_it(&waiter);
	EXPECT_EQ(1, waiter.result);
	EXPECT(waiter.told);
	EXPECT_EQ(0, closesocket(waiter.other));
}

static void select_for_something_else_fails(void)
{
	static struct waiter waiter;

	waiter.s = bound_udp();
	waiter.other = bound_udp();
	waiter.excepts = 1;
	end_it(&waiter);
	EXPECT_EQ(SOCKET_ERROR, waiter.result);
	EXPECT_EQ(WSAENOTSOCK, waiter.error);
	EXPECT_EQ(0, closesocket(waiter.other));
}

static void poll_says_that_it_is_none(void)
{
	static struct waiter waiter;

	waiter.polls = 1;
	waiter.s = bound_udp();
	waiter.other = INVALID_SOCKET;
	end_it(&waiter);
	EXPECT_EQ(1, waiter.result);
	EXPECT_EQ(POLLNVAL, waiter.told);
	waiter.s = bound_udp();
	waiter.other = bound_udp();
	waiter.ms = 1000 * COMES;
	end_it(&waiter);
	EXPECT_EQ(1, waiter.result);
	EXPECT_EQ(POLLNVAL, waiter.told);
	EXPECT_EQ(0, waiter.other_told);
	EXPECT_EQ(0, closesocket(waiter.other));
}

/* A stream that was never connected is looked at every now and then only. */
static void unused_stream_ends_it_too(void)
{
	static struct waiter waiter;

	waiter.s = tcp();
	waiter.other = INVALID_SOCKET;
	waiter.reads = 1;
	end_it(&waiter);
	EXPECT_EQ(1, waiter.result);
	waiter.s = tcp();
	waiter.polls = 1;
	end_it(&waiter);
	EXPECT_EQ(1, waiter.result);
	EXPECT_EQ(POLLNVAL, waiter.told);
}

static void all_threads_that_poll_hear_of_it(void)
{
	static struct waiter waiter[THREADS];
	SOCKET s = bound_udp(), other = bound_udp();
	int i;

	for (i = 0; i < THREADS; i++) {
		waiter[i].s = s;
		waiter[i].other = other;
		waiter[i].reads = 1;
		waiter[i].polls = i % 2;
		start(&waiter[i]);
	}
	Sleep(2 * BEGINS);
	EXPECT_EQ(0, closesocket(s));
	for (i = 0; i < THREADS; i++) {
		EXPECT(is_over(&waiter[i]));
		EXPECT_EQ(1, waiter[i].result);
		EXPECT(waiter[i].told);
	}
	EXPECT_EQ(0, closesocket(other));
}

static void polls_of_other_sockets_go_on(void)
{
	static struct waiter waiter;
	struct sockaddr_in address;
	SOCKET s = udp(), others[20];
	int i;

	ASSERT(bind_anywhere(s, &address));
	waiter.s = bound_udp();
	waiter.other = s;
	waiter.reads = 1;
	start(&waiter);
	Sleep(BEGINS);
	for (i = 0; i < 20; i++)
		others[i] = bound_udp();
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, closesocket(others[i]));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(waiter.thread, BEGINS));
	EXPECT_EQ(1, sendto(waiter.s, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
	EXPECT(is_over(&waiter));
	EXPECT_EQ(1, waiter.result);
	EXPECT(waiter.other_told);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(waiter.s));
}

/* Whenever it is closed, the wait does not go on, and is not one for the next socket. */
static void poll_ends_whenever_it_is_closed(void)
{
	static struct waiter waiter;
	int i;

	waiter.other = bound_udp();
	waiter.reads = 1;
	for (i = 0; i < ROUNDS; i++) {
		waiter.s = bound_udp();
		waiter.polls = i % 2;
		/* If it begins after that WSAPoll() waits for the other one. */
		waiter.ms = waiter.polls ? 1000 : 0;
		start(&waiter);
		if (i % 3)
			Sleep(i % 3 - 1);
		EXPECT_EQ(0, closesocket(waiter.s));
		ASSERT(is_over(&waiter));
		/* It may have begun after that. */
		ASSERT(waiter.result == 1 || waiter.error == WSAENOTSOCK ||
		       (waiter.polls && waiter.told == POLLNVAL));
	}
	EXPECT_EQ(0, closesocket(waiter.other));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	RUN(select_says_that_it_can_be_read);
	RUN(select_for_something_else_fails);
	RUN(poll_says_that_it_is_none);
	RUN(unused_stream_ends_it_too);
	RUN(all_threads_that_poll_hear_of_it);
	RUN(polls_of_other_sockets_go_on);
	RUN(poll_ends_whenever_it_is_closed);
	WSACleanup();
	return tap_end();
}
