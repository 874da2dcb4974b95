// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * closesocket() ends what other threads wait for in calls of Winsock on that socket.
 */
#include "net.h"

#define PROGRAM	"closing"

/* What the threads wait for. */
static SOCKET waited_for;
static SOCKET pair[2];

/* ------------------------------------------------------------- calls that wait */

/* Each returns the error that it ends with. */
static int accepts(void)
{
	return accept(waited_for, NULL, NULL) == INVALID_SOCKET ? WSAGetLastError() : 0;
}

static int receives(void)
{
	char data[10];

	return recv(waited_for, data, sizeof(data), 0) < 0 ? WSAGetLastError() : 0;
}

static int receives_all(void)
{
	char data[10];

	return recv(waited_for, data, sizeof(data), MSG_WAITALL) < 0 ? WSAGetLastError() : 0;
}

static int receives_a_datagram(void)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char data[10];

	return recvfrom(waited_for, data, sizeof(data), 0, (struct sockaddr *)&from, &size) < 0 ?
		       WSAGetLastError() : 0;
}

static int receives_into_buffers(void)
{
	DWORD bytes, flags = 0;
	char data[10];
	WSABUF buffer = { sizeof(data), data };

	return WSARecv(waited_for, &buffer, 1, &bytes, &flags, NULL, NULL) ? WSAGetLastError() : 0;
}

static char much[1 << 20];

static int sends(void)
{
	return send(waited_for, much, sizeof(much), 0) < 0 ? WSAGetLastError() : 0;
}

static int sends_from_buffers(void)
{
	WSABUF buffer = { sizeof(much), much };
	DWORD bytes;

	return WSASend(waited_for, &buffer, 1, &bytes, 0, NULL, NULL) ? WSAGetLastError() : 0;
}

static int reads(void)
{
	DWORD bytes;
	char data[10];

	return ReadFile((HANDLE)waited_for, data, sizeof(data), &bytes, NULL) ? 0 :
		       (int)GetLastError();
}

/* ------------------------------------------------------------------- those who wait */

/* A thread that waits, and what its call has ended with. */
struct waiter {
	int (*call)(void);
	HANDLE thread;
	volatile LONG begun;
	int error;
};

static DWORD WINAPI waiter_main(void *argument)
{
	struct waiter *waiter = argument;

	waiter->begun = 1;
	waiter->error = waiter->call();
	return 0;
}

static void start(struct waiter *waiter, int (*call)(void))
{
	waiter->call = call;
	waiter->begun = 0;
	waiter->error = -1;
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

/* Time for a call to have begun to wait. */
#define BEGINS	10

static int errors[32], nr_errors;

static void ends(SOCKET s, int (*call)(void))
{
	struct waiter waiter;

	waited_for = s;
	start(&waiter, call);
	Sleep(BEGINS);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(waiter.thread, 0));
	EXPECT_EQ(0, closesocket(s));
	ASSERT(is_over(&waiter));
	EXPECT(waiter.error > 0);
	errors[nr_errors++] = waiter.error;
}

static void accept_ends(void)
{
	struct sockaddr_in address;

	ends(tcp_listener(&address), accepts);
}

static void receive_ends(void)
{
	ASSERT(tcp_pair(pair));
	ends(pair[0], receives);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void receive_of_all_ends_when_some_is_there(void)
{
	ASSERT(tcp_pair(pair));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	ends(pair[0], receives_all);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void receive_into_buffers_ends(void)
{
	ASSERT(tcp_pair(pair));
	ends(pair[0], receives_into_buffers);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void receive_of_datagrams_ends(void)
{
	struct sockaddr_in address;
	SOCKET s = udp();

	ASSERT(bind_anywhere(s, &address));
	ends(s, receives_a_datagram);
}

/* So that the next one waits. */
static void fill(SOCKET s)
{
	u_long off = 0;

	set_nonblocking(s);
	while (send(s, much, sizeof(much), 0) > 0)
		;
	EXPECT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
	EXPECT_EQ(0, ioctlsocket(s, FIONBIO, &off));
}

static void send_ends(void)
{
	ASSERT(tcp_pair(pair));
	fill(pair[0]);
	ends(pair[0], sends);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void send_from_buffers_ends(void)
{
	ASSERT(tcp_pair(pair));
	fill(pair[0]);
	ends(pair[0], sends_from_buffers);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static struct sockaddr_in full;

static int connects(void)
{
	return connect_to(waited_for, &full) ? WSAGetLastError() : 0;
}

/* A listener that has taken all it takes, and does not answer. */
static SOCKET full_listener(SOCKET queued[4])
{
	struct timeval now = { 0, 0 };
	SOCKET listener = tcp();
	fd_set connected;
	int i;

	EXPECT(bind_anywhere(listener, &full));
	EXPECT_EQ(0, listen(listener, 1));
	for (i = 0; i < 4; i++) {
		queued[i] = tcp();
		set_nonblocking(queued[i]);
		EXPECT_WSA(WSAEWOULDBLOCK, connect_to(queued[i], &full));
	}
	FD_ZERO(&connected);
	FD_SET(queued[3], &connected);
	EXPECT_EQ(0, select(0, NULL, &connected, NULL, &now));
	return listener;
}

static void put_away(SOCKET listener, SOCKET queued[4])
{
	int i;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, closesocket(queued[i]));
	EXPECT_EQ(0, closesocket(listener));
}

static void connect_ends(void)
{
	SOCKET queued[4], listener = full_listener(queued);

	ends(tcp(), connects);
	put_away(listener, queued);
}

static void file_function_ends(void)
{
	ASSERT(tcp_pair(pair));
	ends(pair[0], reads);
	EXPECT_EQ(ERROR_OPERATION_ABORTED, errors[--nr_errors]);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void close_handle_ends_it_too(void)
{
	struct waiter waiter;

	ASSERT(tcp_pair(pair));
	waited_for = pair[0];
	start(&waiter, receives);
	Sleep(BEGINS);
	EXPECT(CloseHandle((HANDLE)pair[0]));
	ASSERT(is_over(&waiter));
	EXPECT_EQ(WSAEINTR, waiter.error);
	EXPECT_EQ(0, closesocket(pair[1]));
}

/* All that has ended above. */
static void error_is_an_interrupted_call(void)
{
	int i;

	EXPECT_EQ(8, nr_errors);
	for (i = 0; i < nr_errors; i++)
		EXPECT_EQ(WSAEINTR, errors[i]);
}

/* ------------------------------------------------------------------ what goes on */

#define WAITERS	5

static void all_threads_hear_of_it(void)
{
	struct waiter waiters[WAITERS];
	struct sockaddr_in address;
	int i;

	waited_for = tcp_listener(&address);
	for (i = 0; i < WAITERS; i++)
		start(&waiters[i], accepts);
	Sleep(BEGINS);
	EXPECT_EQ(0, closesocket(waited_for));
	for (i = 0; i < WAITERS; i++) {
		ASSERT(is_over(&waiters[i]));
		EXPECT(waiters[i].error > 0);
	}
}

static SOCKET others[20][2];
static volatile LONG next_other;

static int receives_of_its_own(void)
{
	LONG i = InterlockedIncrement(&next_other) - 1;
	char c = 0;

	return recv(others[i][1], &c, 1, 0) == 1 && c == 'x' ? 0 : WSAGetLastError();
}

/* As many as share whatever the library has for several sockets. */
static void waits_for_other_sockets_go_on(void)
{
	struct waiter waiters[20], waiter;
	int i;

	next_other = 0;
	for (i = 0; i < 20; i++) {
		ASSERT(tcp_pair(others[i]));
		start(&waiters[i], receives_of_its_own);
	}
	ASSERT(tcp_pair(pair));
	waited_for = pair[1];
	start(&waiter, receives);
	Sleep(BEGINS);
	close_pair(pair);
	ASSERT(is_over(&waiter));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(1, send(others[i][0], "x", 1, 0));
	for (i = 0; i < 20; i++) {
		ASSERT(is_over(&waiters[i]));
		EXPECT_EQ(0, waiters[i].error);
		close_pair(others[i]);
	}
}

/* The number is another socket's at once: what comes to that one is its own. */
static void wait_does_not_go_over_to_the_next_socket(void)
{
	struct sockaddr_in address;
	struct waiter waiter;
	SOCKET s, sender = udp();
	int i, ended = 0;
	char data[10];

	for (i = 0; i < 20; i++) {
		waited_for = udp();
		ASSERT(bind_anywhere(waited_for, &address));
		start(&waiter, receives);
		if (i % 2)
			Sleep(BEGINS);
		EXPECT_EQ(0, closesocket(waited_for));
		s = udp();
		ASSERT(bind_anywhere(s, &address));
		EXPECT_EQ(3, sendto(sender, "abc", 3, 0, (struct sockaddr *)&address,
				    sizeof(address)));
		ASSERT(is_over(&waiter));
		/* Else its call has begun when the number was the next socket's. */
		if (waiter.error) {
			EXPECT_EQ(3, recv(s, data, sizeof(data), 0));
			ended++;
		}
		EXPECT_EQ(0, closesocket(s));
	}
	EXPECT(ended);
	EXPECT_EQ(0, closesocket(sender));
}

/* What a duplicate is good for: the connection is as it was. */
static void duplicate_is_not_touched(void)
{
	struct waiter waiter;
	HANDLE duplicate;
	char c = 0;

	ASSERT(tcp_pair(pair));
	ASSERT(DuplicateHandle(GetCurrentProcess(), (HANDLE)pair[0], GetCurrentProcess(),
			       &duplicate, 0, FALSE, DUPLICATE_SAME_ACCESS));
	waited_for = pair[0];
	start(&waiter, receives);
	Sleep(BEGINS);
	EXPECT_EQ(0, closesocket(pair[0]));
	ASSERT(is_over(&waiter));
	EXPECT(waiter.error > 0);
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_EQ(1, recv((SOCKET)duplicate, &c, 1, 0));
	EXPECT_EQ(1, send((SOCKET)duplicate, "b", 1, 0));
	EXPECT_EQ(1, recv(pair[1], &c, 1, 0));
	EXPECT_EQ('b', c);
	EXPECT_EQ(0, closesocket((SOCKET)duplicate));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static int receives_in_time(void)
{
	DWORD ms = 30, before = GetTickCount();
	char c;

	EXPECT_EQ(0, setsockopt(waited_for, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof(ms)));
	if (recv(waited_for, &c, 1, 0) >= 0)
		return 0;
	EXPECT(GetTickCount() - before >= 10);
	return WSAGetLastError();
}

/* From now on calls that wait look for time-outs. */
static void time_out_ends_it_too(void)
{
	struct waiter waiter;

	ASSERT(tcp_pair(pair));
	waited_for = pair[0];
	start(&waiter, receives_in_time);
	ASSERT(is_over(&waiter));
	EXPECT_EQ(WSAETIMEDOUT, waiter.error);
	close_pair(pair);
	receive_ends();
}

/* That of the sends is not one of connections. */
static void connect_has_no_time_out(void)
{
	SOCKET queued[4], listener = full_listener(queued);
	struct waiter waiter;
	DWORD ms = 30;

	waited_for = tcp();
	EXPECT_EQ(0, setsockopt(waited_for, SOL_SOCKET, SO_SNDTIMEO, (char *)&ms, sizeof(ms)));
	start(&waiter, connects);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(waiter.thread, STAYS));
	EXPECT_EQ(0, closesocket(waited_for));
	ASSERT(is_over(&waiter));
	EXPECT(waiter.error > 0);
	put_away(listener, queued);
}

int main(void)
{
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	RUN(accept_ends);
	RUN(receive_ends);
	RUN(receive_of_all_ends_when_some_is_there);
	RUN(receive_into_buffers_ends);
	RUN(receive_of_datagrams_ends);
	RUN_UNLESS_WINE(send_ends, "Wine's sends go on without their socket");
	RUN_UNLESS_WINE(send_from_buffers_ends, "as send_ends");
	RUN(connect_ends);
	RUN_UNLESS_WINE(file_function_ends, "Wine's ReadFile() goes on for ever");
	RUN(error_is_an_interrupted_call);
	RUN_UNLESS_WINE(close_handle_ends_it_too, "Wine's server dies of it now and then");
	RUN(all_threads_hear_of_it);
	RUN(waits_for_other_sockets_go_on);
	RUN(wait_does_not_go_over_to_the_next_socket);
	RUN_UNLESS_WINE(duplicate_is_not_touched, "Wine waits for the last one to be closed");
	RUN(time_out_ends_it_too);
	RUN(connect_has_no_time_out);
	WSACleanup();
	return tap_end();
}
