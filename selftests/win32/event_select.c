// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * WSAEventSelect() and WSAEnumNetworkEvents(), in pure Winsock: what is told, when, and how
 * often.
 */
#include "net.h"

#define PROGRAM "event_select"

#define ALL	(FD_READ | FD_WRITE | FD_ACCEPT | FD_CONNECT | FD_CLOSE)

static WSAEVENT event;

/* Waits for the event, and returns what has happened to the socket. */
static long happened(SOCKET s, WSANETWORKEVENTS *events)
{
	memset(events, 0xcc, sizeof(*events));
	if (WSAWaitForMultipleEvents(1, &event, FALSE, COMES, FALSE) != WSA_WAIT_EVENT_0)
		return -1;
	return WSAEnumNetworkEvents(s, event, events) ? -2 : events->lNetworkEvents;
}

/* Several may come one by one: waits until all of @expected have, and nothing else does. */
static void expect_events(SOCKET s, long expected, int line)
{
	WSANETWORKEVENTS events;
	long so_far = 0, got;

	while (so_far != expected && (got = happened(s, &events)) >= 0)
		so_far |= got;
	tap_same((unsigned long long)expected, (unsigned long long)so_far, "events", line);
}

#define EXPECT_EVENTS(s, expected)	expect_events(s, expected, __LINE__)

/* Nothing is told within a moment. */
static void expect_none(SOCKET s, int line)
{
	WSANETWORKEVENTS events;

	Sleep(STAYS);
	tap_same(0, (unsigned long long)WSAEnumNetworkEvents(s, event, &events), "none", line);
	tap_same(0, (unsigned long long)events.lNetworkEvents, "events", line);
}

#define EXPECT_NONE(s)	expect_none(s, __LINE__)

static void events_are_made_and_set(void)
{
	WSAEVENT two[2];

	two[0] = WSACreateEvent();
	two[1] = WSACreateEvent();
	ASSERT(two[0] && two[1]);
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WSAWaitForMultipleEvents(2, two, FALSE, 0, FALSE));
	EXPECT(WSASetEvent(two[1]));
	EXPECT_EQ(WSA_WAIT_EVENT_0 + 1, WSAWaitForMultipleEvents(2, two, FALSE, 0, FALSE));
	/* It stays set. */
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(two[1], 0));
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WSAWaitForMultipleEvents(2, two, TRUE, 0, FALSE));
	EXPECT(WSAResetEvent(two[1]));
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WSAWaitForMultipleEvents(2, two, FALSE, 0, FALSE));
	EXPECT(WSACloseEvent(two[0]) && WSACloseEvent(two[1]));
	EXPECT_ERROR(WSA_INVALID_HANDLE, WSASetEvent(two[0]));
}

static void read_is_told_again_after_a_receive(void)
{
	SOCKET pair[2];
	char data[10];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_READ));
	EXPECT_NONE(pair[0]);
	EXPECT_EQ(6, send(pair[1], "abcdef", 6, 0));
	EXPECT_EVENTS(pair[0], FD_READ);
	EXPECT_NONE(pair[0]);
	/* More data is nothing new. */
	EXPECT_EQ(2, send(pair[1], "gh", 2, 0));
	EXPECT_NONE(pair[0]);
	EXPECT_EQ(2, recv(pair[0], data, 2, 0));
	EXPECT_EVENTS(pair[0], FD_READ);
	EXPECT_EQ(6, recv(pair[0], data, sizeof(data), 0));
	EXPECT_NONE(pair[0]);
	EXPECT_EQ(1, send(pair[1], "i", 1, 0));
	EXPECT_EVENTS(pair[0], FD_READ);
	EXPECT_EQ(1, recv(pair[0], data, sizeof(data), 0));
	/* Also after one that has got nothing. */
	EXPECT_WSA(WSAEWOULDBLOCK, recv(pair[0], data, sizeof(data), 0));
	EXPECT_EQ(1, send(pair[1], "j", 1, 0));
	EXPECT_EVENTS(pair[0], FD_READ);
	close_pair(pair);
}

static void what_is_there_already_is_told(void)
{
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_READ | FD_WRITE | FD_CLOSE));
	EXPECT_EVENTS(pair[0], FD_READ | FD_WRITE);
	close_pair(pair);
}

static void write_is_told_again_after_a_send_in_vain(void)
{
	static char data[65536];
	u_long there = 1;
	SOCKET pair[2];
	int i;

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_WRITE));
	EXPECT_EVENTS(pair[0], FD_WRITE);
	EXPECT_EQ(1, send(pair[0], data, 1, 0));
	EXPECT_NONE(pair[0]);
	for (i = 0; i < 1000 && send(pair[0], data, sizeof(data), 0) > 0; i++)
		;
	EXPECT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
	EXPECT_NONE(pair[0]);
	for (i = 0; there && i < COMES / 10; i++) {
		recv(pair[1], data, sizeof(data), 0);
		Sleep(5);
		EXPECT_EQ(0, ioctlsocket(pair[1], FIONREAD, &there));
	}
	EXPECT_EVENTS(pair[0], FD_WRITE);
	EXPECT_NONE(pair[0]);
	close_pair(pair);
}

static void close_is_told_once_when_all_was_read(void)
{
	WSANETWORKEVENTS events;
	SOCKET pair[2];
	char data[10];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_READ | FD_CLOSE));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	EXPECT_EQ(0, shutdown(pair[1], SD_SEND));
	EXPECT_EVENTS(pair[0], FD_READ);
	EXPECT_NONE(pair[0]);
	EXPECT_EQ(1, recv(pair[0], data, 1, 0));
	EXPECT_EVENTS(pair[0], FD_READ);
	EXPECT_EQ(2, recv(pair[0], data, sizeof(data), 0));
	EXPECT_EQ(FD_CLOSE, happened(pair[0], &events));
	EXPECT_EQ(0, events.iErrorCode[FD_CLOSE_BIT]);
	EXPECT_EQ(0, recv(pair[0], data, sizeof(data), 0));
	EXPECT_NONE(pair[0]);
	close_pair(pair);
}

static void reset_is_told_as_a_close(void)
{
	struct linger abort_it = { 1, 0 };
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_READ | FD_CLOSE));
	EXPECT_EQ(0, setsockopt(pair[1], SOL_SOCKET, SO_LINGER, (char *)&abort_it,
				sizeof(abort_it)));
	EXPECT_EQ(0, closesocket(pair[1]));
	EXPECT_EVENTS(pair[0], FD_CLOSE);
	EXPECT_NONE(pair[0]);
	EXPECT_EQ(0, closesocket(pair[0]));
}

static void connection_is_told_and_can_be_written_to(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), s = tcp();

	EXPECT_EQ(0, WSAEventSelect(s, event, ALL));
	EXPECT_NONE(s);
	EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s, &address));
	EXPECT_EVENTS(s, FD_CONNECT | FD_WRITE);
	EXPECT_NONE(s);
	EXPECT_EQ(1, send(s, "a", 1, 0));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
}

static void refusal_is_told_with_its_error(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), s = tcp();
	WSANETWORKEVENTS events;

	EXPECT_EQ(0, closesocket(listener));
	EXPECT_EQ(0, WSAEventSelect(s, event, ALL));
	EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s, &address));
	EXPECT_EQ(FD_CONNECT, happened(s, &events));
	EXPECT_EQ(WSAECONNREFUSED, events.iErrorCode[FD_CONNECT_BIT]);
	EXPECT_NONE(s);
	EXPECT_EQ(0, closesocket(s));
}

static int so_error(SOCKET s)
{
	socklen_t size = sizeof(int);
	int error = -1;

	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &size));
	return error;
}

/* A connection that was refused, which was told, and which nobody selects any more. */
static SOCKET refused_and_deselected(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), s = tcp();

	EXPECT_EQ(0, closesocket(listener));
	EXPECT_EQ(0, WSAEventSelect(s, event, ALL));
	EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s, &address));
	EXPECT_EVENTS(s, FD_CONNECT);
	EXPECT_EQ(0, WSAEventSelect(s, NULL, 0));
	return s;
}

static int is_an_exception(SOCKET s)
{
	struct timeval moment = { 0, 50000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(s, &set);
	return select(0, NULL, NULL, &set, &moment);
}

/* As if nobody had selected it. */
static void error_that_was_told_is_there_for_select(void)
{
	SOCKET s = refused_and_deselected();

	EXPECT_EQ(1, is_an_exception(s));
	EXPECT_EQ(1, is_an_exception(s));
	EXPECT_EQ(WSAECONNREFUSED, so_error(s));
	EXPECT_EQ(0, closesocket(s));
}

static void error_that_was_told_is_there_for_wsapoll(void)
{
	SOCKET s = refused_and_deselected();
	WSAPOLLFD poll_fd = { s, POLLOUT, 0 };

	EXPECT_EQ(1, WSAPoll(&poll_fd, 1, COMES));
	EXPECT(poll_fd.revents & POLLERR);
	EXPECT_EQ(WSAECONNREFUSED, so_error(s));
	EXPECT_EQ(0, closesocket(s));
}

static void error_that_was_told_goes_with_the_next_attempt(void)
{
	SOCKET s = refused_and_deselected(), listener;
	struct sockaddr_in address;

	listener = tcp_listener(&address);
	EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s, &address));
	EXPECT_EQ(0, WSAEventSelect(s, event, FD_WRITE));
	EXPECT_EVENTS(s, FD_WRITE);
	EXPECT_EQ(0, so_error(s));
	EXPECT_EQ(0, is_an_exception(s));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
}

static void refusal_is_told_to_a_new_selection(void)
{
	SOCKET s = refused_and_deselected();
	WSANETWORKEVENTS events;

	EXPECT_EQ(0, WSAEventSelect(s, event, ALL));
	EXPECT_EQ(FD_CONNECT, happened(s, &events));
	EXPECT_EQ(WSAECONNREFUSED, events.iErrorCode[FD_CONNECT_BIT]);
	EXPECT_EQ(0, closesocket(s));
}

#define ATTEMPTS	50

/*
 * This thread may be held up between the connection and its return from connect(): the less
 * it has to say against others, the likelier.
 */
static void connections_are_told_once_however_fast(void)
{
	SOCKET s[ATTEMPTS], listener;
	struct sockaddr_in address;
	WSANETWORKEVENTS events;
	int i, twice = 0;

	listener = tcp_listener(&address);
	EXPECT(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_IDLE));
	for (i = 0; i < ATTEMPTS; i++) {
		s[i] = tcp();
		/* The others are refused. */
		if (i == ATTEMPTS / 2)
			EXPECT_EQ(0, closesocket(listener));
		EXPECT_EQ(0, WSAEventSelect(s[i], event, FD_CONNECT));
		EXPECT_WSA(WSAEWOULDBLOCK, connect_to(s[i], &address));
		EXPECT_EVENTS(s[i], FD_CONNECT);
		if (i < ATTEMPTS / 2)
			EXPECT_EQ(0, closesocket(accept(listener, NULL, NULL)));
	}
	EXPECT(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_NORMAL));
	Sleep(STAYS);
	for (i = 0; i < ATTEMPTS; i++) {
		EXPECT_EQ(0, WSAEnumNetworkEvents(s[i], NULL, &events));
		twice += events.lNetworkEvents != 0;
		EXPECT_EQ(0, closesocket(s[i]));
	}
	EXPECT_EQ(0, twice);
	WSAResetEvent(event);
}

static void accept_is_told_again_after_an_accept(void)
{
	SOCKET s[3], listener, accepted[2];
	struct sockaddr_in address;

	listener = tcp_listener(&address);
	EXPECT_EQ(0, WSAEventSelect(listener, event, FD_ACCEPT));
	EXPECT_NONE(listener);
	s[0] = tcp();
	EXPECT_EQ(0, connect_to(s[0], &address));
	EXPECT_EVENTS(listener, FD_ACCEPT);
	s[1] = tcp();
	EXPECT_EQ(0, connect_to(s[1], &address));
	EXPECT_NONE(listener);
	accepted[0] = accept(listener, NULL, NULL);
	EXPECT_EVENTS(listener, FD_ACCEPT);
	accepted[1] = accept(listener, NULL, NULL);
	EXPECT(accepted[0] != INVALID_SOCKET && accepted[1] != INVALID_SOCKET);
	EXPECT_NONE(listener);
	EXPECT_NO_SOCKET(WSAEWOULDBLOCK, accept(listener, NULL, NULL));
	s[2] = tcp();
	EXPECT_EQ(0, connect_to(s[2], &address));
	EXPECT_EVENTS(listener, FD_ACCEPT);
	EXPECT_EQ(0, closesocket(listener));
	close_pair(s);
	close_pair(accepted);
	EXPECT_EQ(0, closesocket(s[2]));
}

static void accepted_connection_is_selected_as_its_listener(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), pair[2];
	char data[10];

	EXPECT_EQ(0, WSAEventSelect(listener, event, FD_ACCEPT | FD_READ | FD_CLOSE));
	pair[0] = tcp();
	EXPECT_EQ(0, connect_to(pair[0], &address));
	EXPECT_EVENTS(listener, FD_ACCEPT);
	pair[1] = accept(listener, NULL, NULL);
	ASSERT(pair[1] != INVALID_SOCKET);
	EXPECT_NONE(pair[1]);
	EXPECT_WSA(WSAEWOULDBLOCK, recv(pair[1], data, sizeof(data), 0));
	EXPECT_EQ(1, send(pair[0], "a", 1, 0));
	EXPECT_EVENTS(pair[1], FD_READ);
	EXPECT_NONE(listener);
	close_pair(pair);
	EXPECT_EQ(0, closesocket(listener));
}

static void datagrams_are_told(void)
{
	struct sockaddr_in address;
	SOCKET s = udp();
	char data[10];
	int i;

	ASSERT(bind_anywhere(s, &address));
	EXPECT_EQ(0, WSAEventSelect(s, event, FD_READ | FD_WRITE));
	EXPECT_EVENTS(s, FD_WRITE);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(1, sendto(s, "a", 1, 0, (struct sockaddr *)&address,
				    sizeof(address)));
	for (i = 0; i < 2; i++) {
		EXPECT_EVENTS(s, FD_READ);
		EXPECT_EQ(1, recvfrom(s, data, sizeof(data), 0, NULL, NULL));
	}
	EXPECT_NONE(s);
	EXPECT_EQ(0, closesocket(s));
}

static void selected_socket_does_not_block(void)
{
	SOCKET pair[2];
	u_long no = 0;
	char data[10];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_READ));
	EXPECT_WSA(WSAEWOULDBLOCK, recv(pair[0], data, sizeof(data), 0));
	EXPECT_WSA(WSAEINVAL, ioctlsocket(pair[0], FIONBIO, &no));
	EXPECT_EQ(0, WSAEventSelect(pair[0], NULL, 0));
	/* Nothing is told any more; it still does not block. */
	EXPECT_EQ(1, send(pair[1], "a", 1, 0));
	EXPECT_NONE(pair[0]);
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WSAWaitForMultipleEvents(1, &event, FALSE, 0, FALSE));
	EXPECT_EQ(1, recv(pair[0], data, sizeof(data), 0));
	EXPECT_WSA(WSAEWOULDBLOCK, recv(pair[0], data, sizeof(data), 0));
	EXPECT_EQ(0, ioctlsocket(pair[0], FIONBIO, &no));
	close_pair(pair);
}

static void number_of_a_closed_socket_is_another_one(void)
{
	SOCKET pair[2], again;

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_READ | FD_CLOSE));
	close_pair(pair);
	WSAResetEvent(event);
	again = tcp();
	EXPECT_NONE(again);
	EXPECT_EQ(0, closesocket(again));
}

static void what_is_wrong_is_said(void)
{
	SOCKET s = tcp();

	EXPECT_WSA(WSAENOTSOCK, WSAEventSelect((SOCKET)event, event, FD_READ));
	EXPECT_WSA(WSAEINVAL, WSAEventSelect(s, NULL, FD_READ));
	EXPECT_EQ(0, closesocket(s));
}

int main(void)
{
	WSADATA data;

	WSAStartup(WINSOCK_VERSION, &data);
	event = WSACreateEvent();
	RUN(events_are_made_and_set);
	RUN(read_is_told_again_after_a_receive);
	RUN(what_is_there_already_is_told);
	RUN(write_is_told_again_after_a_send_in_vain);
	RUN(close_is_told_once_when_all_was_read);
	RUN(reset_is_told_as_a_close);
	RUN(connection_is_told_and_can_be_written_to);
	RUN(refusal_is_told_with_its_error);
	RUN(error_that_was_told_is_there_for_select);
	RUN(error_that_was_told_is_there_for_wsapoll);
	RUN(error_that_was_told_goes_with_the_next_attempt);
	RUN(refusal_is_told_to_a_new_selection);
	RUN(connections_are_told_once_however_fast);
	RUN(accept_is_told_again_after_an_accept);
	RUN(accepted_connection_is_selected_as_its_listener);
	RUN(datagrams_are_told);
	RUN(selected_socket_does_not_block);
	RUN(number_of_a_closed_socket_is_another_one);
	RUN(what_is_wrong_is_said);
	WSACloseEvent(event);
	WSACleanup();
	return tap_end();
}
