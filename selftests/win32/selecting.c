// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waiting for sockets with select() and with WSAPoll().
 */
#define FD_SETSIZE 128
#include "net.h"

#define PROGRAM "selecting"

enum { READ = 1, WRITE = 2, EXCEPT = 4 };

/* Which sets @s stays in, of those asked for; checks that the count is right. */
static int selected(SOCKET s, int sets, int ms)
{
	struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };
	fd_set r, w, e;
	int count, ready;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	if (sets & READ)
		FD_SET(s, &r);
	if (sets & WRITE)
		FD_SET(s, &w);
	if (sets & EXCEPT)
		FD_SET(s, &e);
	count = select(0, &r, &w, &e, &timeout);
	EXPECT_EQ(count, r.fd_count + w.fd_count + e.fd_count);
	ready = (FD_ISSET(s, &r) ? READ : 0) | (FD_ISSET(s, &w) ? WRITE : 0) |
		(FD_ISSET(s, &e) ? EXCEPT : 0);
	return ready;
}

#define ALL	(READ | WRITE | EXCEPT)

static SHORT polled(SOCKET s, SHORT events, int ms)
{
	WSAPOLLFD entry = { s, events, 0x7777 };
	int count = WSAPoll(&entry, 1, ms);

	EXPECT_EQ(entry.revents != 0, count);
	return entry.revents;
}

static void sets_hold_as_many_as_they_are_made_for(void)
{
	fd_set set;
	int i;

	FD_ZERO(&set);
	for (i = 0; i < FD_SETSIZE + 10; i++)
		FD_SET((SOCKET)(1000 + i), &set);
	EXPECT_EQ(128, set.fd_count);
	FD_SET((SOCKET)1000, &set);
	EXPECT_EQ(128, set.fd_count);
	EXPECT(FD_ISSET((SOCKET)1127, &set));
	EXPECT(!FD_ISSET((SOCKET)1128, &set));
	FD_CLR((SOCKET)1000, &set);
	EXPECT_EQ(127, set.fd_count);
	EXPECT(!FD_ISSET((SOCKET)1000, &set));
	EXPECT_EQ(1001, set.fd_array[0]);
	EXPECT(__WSAFDIsSet((SOCKET)1001, &set));
	EXPECT(!__WSAFDIsSet((SOCKET)1000, &set));
}

static void what_is_no_socket_is_refused(void)
{
	struct timeval now = { 0, 0 };
	SOCKET s = tcp();
	fd_set set;

	EXPECT_EQ(0, closesocket(s));
	FD_ZERO(&set);
	FD_SET(s, &set);
	EXPECT_WSA(WSAENOTSOCK, select(0, &set, NULL, NULL, &now));
	EXPECT_EQ(1, set.fd_count);
	EXPECT_WSA(WSAENOTSOCK, select(0, NULL, NULL, &set, &now));
	FD_ZERO(&set);
	FD_SET(INVALID_SOCKET, &set);
	EXPECT_WSA(WSAENOTSOCK, select(0, &set, NULL, NULL, &now));
	FD_ZERO(&set);
	EXPECT_WSA(WSAEINVAL, select(0, &set, &set, NULL, &now));
	EXPECT_WSA(WSAEINVAL, select(0, NULL, NULL, NULL, &now));
}

static void polling_what_is_no_socket_is_told_of_it(void)
{
	WSAPOLLFD entries[2] = { { INVALID_SOCKET, POLLIN, 0 }, { udp(), POLLOUT, 0 } };

	EXPECT_EQ(1, WSAPoll(entries, 2, 0));
	EXPECT_EQ(POLLNVAL, entries[0].revents);
	EXPECT(entries[1].revents & POLLWRNORM);
	EXPECT_EQ(0, closesocket(entries[1].fd));
	EXPECT_WSA(WSAENOTSOCK, WSAPoll(entries, 2, 0));
	EXPECT_EQ(POLLNVAL, entries[1].revents);
	EXPECT_WSA(WSAEINVAL, WSAPoll(entries, 0, 0));
	EXPECT_WSA(WSAEFAULT, WSAPoll(NULL, 1, 0));
}

static void unknown_events_are_refused(void)
{
	static const SHORT events[] = { POLLPRI, POLLERR, POLLHUP, POLLNVAL, POLLWRBAND };
	SOCKET s = udp();
	int i;

	for (i = 0; i < 5; i++) {
		WSAPOLLFD entry = { s, events[i], 0 };

		EXPECT_WSA(WSAEINVAL, WSAPoll(&entry, 1, 0));
	}
	EXPECT_EQ(0, closesocket(s));
}

static void unused_stream_is_not_ready(void)
{
	ULONGLONG start = milliseconds();
	SOCKET s = tcp();

	EXPECT_EQ(0, selected(s, ALL, STAYS));
	EXPECT_EQ(0, polled(s, POLLIN | POLLOUT, STAYS));
	EXPECT(milliseconds() - start >= 2 * STAYS - 30);
	EXPECT_EQ(0, closesocket(s));
}

static DWORD WINAPI connect_soon(LPVOID arg)
{
	struct sockaddr_in *address = arg;

	Sleep(STAYS);
	/* Behind the address is the socket. */
	return (DWORD)connect_to(*(SOCKET *)(address + 1), address);
}

/* It is connected by somebody else while it is waited for. */
static void unused_stream_is_noticed_when_it_is_used(void)
{
	struct {
		struct sockaddr_in address;
		SOCKET s;
	} arg;
	SOCKET listener = tcp_listener(&arg.address);
	HANDLE thread;

	arg.s = tcp();
	thread = CreateThread(NULL, 0, connect_soon, &arg, 0, NULL);
	ASSERT(thread);
	EXPECT_EQ(WRITE, selected(arg.s, ALL, COMES));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(arg.s));
	EXPECT_EQ(0, closesocket(listener));
}

static void connection_to_accept_is_something_to_read(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), client = tcp();

	EXPECT_EQ(0, selected(listener, ALL, 0));
	EXPECT_EQ(0, polled(listener, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, connect_to(client, &address));
	EXPECT_EQ(READ, selected(listener, ALL, COMES));
	EXPECT(polled(listener, POLLRDNORM, COMES) & POLLRDNORM);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void data_and_room_are_told(void)
{
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(WRITE, selected(pair[0], ALL, COMES));
	EXPECT_EQ(0, selected(pair[0], READ | EXCEPT, 0));
	EXPECT_EQ(1, send(pair[1], "x", 1, 0));
	EXPECT_EQ(READ, selected(pair[0], READ, COMES));
	EXPECT_EQ(READ | WRITE, selected(pair[0], ALL, COMES));
	EXPECT(polled(pair[0], POLLIN, COMES) & POLLRDNORM);
	EXPECT(polled(pair[0], POLLIN | POLLOUT, COMES) & POLLWRNORM);
	EXPECT_EQ(0, polled(pair[0], POLLRDBAND, 0));
	close_pair(pair);
}

static void urgent_data_is_an_exception(void)
{
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(1, send(pair[1], "!", 1, MSG_OOB));
	EXPECT_EQ(EXCEPT, selected(pair[0], READ | EXCEPT, COMES) & EXCEPT);
	EXPECT(polled(pair[0], POLLRDBAND, COMES) & POLLRDBAND);
	close_pair(pair);
}

static void end_of_a_stream_is_told(void)
{
	SOCKET pair[2];
	char c;

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(1, send(pair[1], "x", 1, 0));
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT(polled(pair[0], POLLIN, COMES) & POLLRDNORM);
	EXPECT_EQ(1, recv(pair[0], &c, 1, 0));
	EXPECT_EQ(READ | WRITE, selected(pair[0], READ | WRITE, COMES));
	EXPECT_EQ(READ, selected(pair[0], READ, COMES));
	EXPECT_EQ(POLLHUP, polled(pair[0], POLLRDNORM, COMES));
	EXPECT_EQ(0, recv(pair[0], &c, 1, 0));
	close_pair(pair);
}

static void reset_is_an_error_and_the_end(void)
{
	struct linger hard = { 1, 0 };
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, setsockopt(pair[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof(hard)));
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT_EQ(READ, selected(pair[0], READ, COMES));
	EXPECT_EQ(POLLERR | POLLHUP, polled(pair[0], POLLIN, COMES));
	EXPECT_EQ(0, closesocket(pair[0]));
}

static void refused_connection_is_an_exception(void)
{
	struct sockaddr_in address;
	SOCKET s = tcp(), taken = tcp();

	ASSERT(bind_anywhere(taken, &address));
	set_nonblocking(s);
	EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s, &address));
	EXPECT_EQ(EXCEPT, selected(s, EXCEPT, COMES));
	EXPECT_EQ(EXCEPT, selected(s, ALL, COMES));
	EXPECT_EQ(0, selected(s, READ | WRITE, STAYS));
	EXPECT(polled(s, POLLOUT, COMES) & POLLERR);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(taken));
}

static void connection_that_comes_to_be_is_room(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), s = tcp();
	fd_set w;

	set_nonblocking(s);
	EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s, &address));
	FD_ZERO(&w);
	FD_SET(s, &w);
	EXPECT_EQ(1, select(0, NULL, &w, NULL, NULL));
	EXPECT_EQ(WRITE, selected(s, ALL, COMES));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
}

static void time_passes_and_sets_are_empty(void)
{
	struct timeval timeout = { 0, STAYS * 1000 };
	ULONGLONG start = milliseconds();
	struct sockaddr_in address;
	SOCKET s = udp();
	fd_set r;

	ASSERT(bind_anywhere(s, &address));
	FD_ZERO(&r);
	FD_SET(s, &r);
	EXPECT_EQ(0, select(0, &r, NULL, NULL, &timeout));
	EXPECT_EQ(0, r.fd_count);
	EXPECT(milliseconds() - start >= STAYS - 20);
	EXPECT_EQ(0, polled(s, POLLIN, STAYS));
	EXPECT_EQ(0, closesocket(s));
}

/* Nothing is waited for, nor looked at. */
static void time_that_is_negative_is_refused(void)
{
	static const struct timeval times[] = { { -1, 0 }, { 0, -1 }, { -1, 500000 }, { 1, -1 } };
	SOCKET s = udp();
	struct timeval timeout;
	fd_set w;
	int i;

	for (i = 0; i < 4; i++) {
		timeout = times[i];
		FD_ZERO(&w);
		FD_SET(s, &w);
		EXPECT_WSA(WSAEINVAL, select(0, NULL, &w, NULL, &timeout));
		EXPECT_EQ(1, w.fd_count);
	}
	EXPECT_EQ(0, closesocket(s));
}

/* 100 pairs: numbers and counts do not run into each other. */
static void only_the_ready_ones_are_left(void)
{
	struct timeval now = { 0, 0 };
	struct sockaddr_in address[100];
	SOCKET s[100];
	fd_set r, w;
	int i;

	FD_ZERO(&r);
	FD_ZERO(&w);
	for (i = 0; i < 100; i++) {
		s[i] = udp();
		ASSERT(bind_anywhere(s[i], &address[i]));
		FD_SET(s[i], &r);
		if (i < 10)
			FD_SET(s[i], &w);
	}
	for (i = 3; i < 100; i += 50)
		EXPECT_EQ(1, sendto(s[0], "x", 1, 0, (struct sockaddr *)&address[i],
				    sizeof(address[i])));
	EXPECT_EQ(READ, selected(s[3], READ, COMES));
	EXPECT_EQ(READ, selected(s[53], READ, COMES));
	EXPECT_EQ(12, select(0, &r, &w, NULL, &now));
	EXPECT_EQ(2, r.fd_count);
	EXPECT_EQ(10, w.fd_count);
	EXPECT(FD_ISSET(s[3], &r) && FD_ISSET(s[53], &r));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, closesocket(s[i]));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(sets_hold_as_many_as_they_are_made_for);
	RUN(what_is_no_socket_is_refused);
	RUN(polling_what_is_no_socket_is_told_of_it);
	RUN(unknown_events_are_refused);
	RUN(unused_stream_is_not_ready);
	RUN(unused_stream_is_noticed_when_it_is_used);
	RUN(connection_to_accept_is_something_to_read);
	RUN(data_and_room_are_told);
	RUN(urgent_data_is_an_exception);
	RUN(end_of_a_stream_is_told);
	RUN(reset_is_an_error_and_the_end);
	RUN(refused_connection_is_an_exception);
	RUN(connection_that_comes_to_be_is_room);
	RUN(time_passes_and_sets_are_empty);
	RUN(time_that_is_negative_is_refused);
	RUN(only_the_ready_ones_are_left);
	WSACleanup();
	return tap_end();
}
