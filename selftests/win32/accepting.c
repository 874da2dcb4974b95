// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * AcceptEx() in pure Win32: connections that are accepted by packets.
 */
#include "operation.h"

#define PROGRAM "accepting"

#define LISTENER_KEY	11
#define CLIENT_KEY	22
/* What each address needs at least. */
#define ROOM		(sizeof(struct sockaddr_in) + 16)

/* A listener that is associated with a port, a socket to accept into, and a buffer. */
struct accepting {
	HANDLE port;
	SOCKET listener, s;
	struct sockaddr_in address;
	OVERLAPPED overlapped;
	DWORD received;
	char buffer[512];
};

static int prepare(struct accepting *a)
{
	memset(a, 0, sizeof(*a));
	a->port = new_port();
	a->listener = tcp_listener(&a->address);
	a->s = tcp();
	a->received = 0xdead;
	reset(&a->overlapped);
	return a->port && a->s != INVALID_SOCKET && a->listener != INVALID_SOCKET &&
	       associate(a->listener, a->port, LISTENER_KEY);
}

static void put_away(struct accepting *a)
{
	if (a->listener != INVALID_SOCKET)
		EXPECT_EQ(0, closesocket(a->listener));
	if (a->s != INVALID_SOCKET)
		EXPECT_EQ(0, closesocket(a->s));
	EXPECT(CloseHandle(a->port));
}

/* Starts to accept, with room for @size bytes of data. */
static BOOL start(struct accepting *a, DWORD size)
{
	return accept_ex(a->listener, a->s, a->buffer, size, ROOM, ROOM, &a->received,
			 &a->overlapped);
}

static SOCKET client_of(const struct accepting *a)
{
	SOCKET s = tcp();

	EXPECT_EQ(0, connect_to(s, &a->address));
	return s;
}

static void echo(SOCKET from, SOCKET to)
{
	char text[8] = "";

	EXPECT_EQ(5, send(from, "hello", 5, 0));
	EXPECT_EQ(5, recv(to, text, sizeof(text), 0));
	EXPECT(!memcmp(text, "hello", 5));
}

static void connection_comes_by_a_packet(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	EXPECT_EQ(PENDING, a.overlapped.Internal);
	EXPECT_NO_PACKET(a.port);
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_EQ(0, a.overlapped.Internal);
	EXPECT_EMPTY(a.port);
	EXPECT_EQ(0, setsockopt(a.s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
				(char *)&a.listener, sizeof(a.listener)));
	echo(client, a.s);
	echo(a.s, client);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void number_of_bytes_received_is_written_only_at_once(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_EQ(0xdead, a.received);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void connection_that_waits_already_is_accepted(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	client = client_of(&a);
	/* Windows may say so at once. */
	EXPECT(start(&a, 0) || WSAGetLastError() == WSA_IO_PENDING);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_EMPTY(a.port);
	echo(client, a.s);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

/* On Linux it is a connection all the same, and receiving tells. */
static void connection_that_was_reset_before_is_accepted(void)
{
	struct linger none = { 1, 0 };
	WSABUF buffer = { 8, NULL };
	struct accepting a;
	OVERLAPPED receiving;
	DWORD flags = 0, bytes;
	char data[8];
	SOCKET client;

	ASSERT(prepare(&a));
	client = client_of(&a);
	EXPECT_EQ(0, setsockopt(client, SOL_SOCKET, SO_LINGER, (char *)&none, sizeof(none)));
	EXPECT_EQ(0, closesocket(client));
	Sleep(20);
	EXPECT(start(&a, 0) || WSAGetLastError() == WSA_IO_PENDING);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	memset(&receiving, 0, sizeof(receiving));
	buffer.buf = data;
	EXPECT_EQ(SOCKET_ERROR, WSARecv(a.s, &buffer, 1, &bytes, &flags, &receiving, NULL));
	EXPECT_EQ(WSAECONNRESET, WSAGetLastError());
	put_away(&a);
}

static void with_room_for_data_it_waits_for_data(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 100));
	client = client_of(&a);
	EXPECT_NO_PACKET(a.port);
	EXPECT_EQ(PENDING, a.overlapped.Internal);
	EXPECT_EQ(3, send(client, "abc", 3, 0));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 3);
	EXPECT(!memcmp(a.buffer, "abc", 3));
	EXPECT_EMPTY(a.port);
	echo(a.s, client);
	echo(client, a.s);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void data_that_came_with_it_fills_the_room(void)
{
	struct accepting a;
	char text[8] = "";
	SOCKET client;

	ASSERT(prepare(&a));
	client = client_of(&a);
	EXPECT_EQ(6, send(client, "abcdef", 6, 0));
	EXPECT(start(&a, 4) || WSAGetLastError() == WSA_IO_PENDING);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 4);
	EXPECT(!memcmp(a.buffer, "abcd", 4));
	EXPECT_EQ(2, recv(a.s, text, sizeof(text), 0));
	EXPECT(!memcmp(text, "ef", 2));
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void end_instead_of_data_is_a_success(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 100));
	client = client_of(&a);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	put_away(&a);
}

static void addresses_are_told(void)
{
	struct sockaddr *ours = NULL, *peers = NULL;
	int our_size = 0, peer_size = 0;
	struct sockaddr_in ours4, peers4, client4;
	int size = sizeof(client4);
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 1));
	client = client_of(&a);
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 1);
	get_addresses(a.buffer, 1, ROOM, ROOM, &ours, &our_size, &peers, &peer_size);
	ASSERT_EQ(sizeof(ours4), our_size);
	ASSERT_EQ(sizeof(peers4), peer_size);
	memcpy(&ours4, ours, sizeof(ours4));
	memcpy(&peers4, peers, sizeof(peers4));
	EXPECT_EQ(0, getsockname(client, (struct sockaddr *)&client4, (socklen_t *)&size));
	EXPECT_EQ(AF_INET, ours4.sin_family);
	EXPECT_EQ(AF_INET, peers4.sin_family);
	EXPECT_EQ(a.address.sin_port, ours4.sin_port);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), ours4.sin_addr.s_addr);
	EXPECT_EQ(client4.sin_port, peers4.sin_port);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), peers4.sin_addr.s_addr);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void addresses_of_ipv6_are_told(void)
{
	enum { ROOM6 = sizeof(struct sockaddr_in6) + 16 };
	struct sockaddr_in6 address, told;
	int size = sizeof(address), our_size = 0, peer_size = 0;
	struct sockaddr *ours = NULL, *peers = NULL;
	HANDLE port = new_port();
	SOCKET listener, s, client;
	OVERLAPPED overlapped;
	char buffer[2 * ROOM6];
	DWORD received;

	listener = socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	s = socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	client = socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	memset(&address, 0, sizeof(address));
	address.sin6_family = AF_INET6;
	address.sin6_addr.s6_addr[15] = 1;
	ASSERT(!bind(listener, (struct sockaddr *)&address, sizeof(address)));
	ASSERT(!getsockname(listener, (struct sockaddr *)&address, (socklen_t *)&size));
	ASSERT(!listen(listener, 5));
	ASSERT(associate(listener, port, LISTENER_KEY));
	reset(&overlapped);
	EXPECT_PENDING(accept_ex(listener, s, buffer, 0, ROOM6, ROOM6, &received, &overlapped));
	EXPECT_EQ(0, connect(client, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_PACKET(port, LISTENER_KEY, &overlapped, 0, 0);
	get_addresses(buffer, 0, ROOM6, ROOM6, &ours, &our_size, &peers, &peer_size);
	ASSERT_EQ(sizeof(told), our_size);
	ASSERT_EQ(sizeof(told), peer_size);
	memcpy(&told, ours, sizeof(told));
	EXPECT_EQ(AF_INET6, told.sin6_family);
	EXPECT_EQ(address.sin6_port, told.sin6_port);
	memcpy(&told, peers, sizeof(told));
	EXPECT_EQ(AF_INET6, told.sin6_family);
	EXPECT_EQ(1, told.sin6_addr.s6_addr[15]);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
	EXPECT(CloseHandle(port));
}

static void accepting_with_bad_arguments_is_refused(void)
{
	struct accepting a;

	ASSERT(prepare(&a));
	EXPECT_FALSE_WSA(ERROR_INVALID_PARAMETER,
			 accept_ex(a.listener, a.s, a.buffer, 0, ROOM, ROOM, &a.received, NULL));
	EXPECT_FALSE_WSA(WSAENOTSOCK,
			 accept_ex(INVALID_SOCKET, a.s, a.buffer, 0, ROOM, ROOM, &a.received,
				   &a.overlapped));
	EXPECT_FALSE_WSA(WSAENOTSOCK,
			 accept_ex(a.listener, INVALID_SOCKET, a.buffer, 0, ROOM, ROOM,
				   &a.received, &a.overlapped));
	EXPECT_EQ(PENDING, a.overlapped.Internal);
	EXPECT_FALSE_WSA(WSAEFAULT,
			 accept_ex(a.listener, a.s, a.buffer, 0, ROOM, 0, &a.received,
				   &a.overlapped));
	EXPECT_EQ(PENDING, a.overlapped.Internal);
	EXPECT_EMPTY(a.port);
	put_away(&a);
}

static void what_cannot_become_a_connection_is_refused(void)
{
	SOCKET bound = tcp(), datagrams = udp(), pair[2];
	struct sockaddr_in address;
	struct accepting a;

	ASSERT(prepare(&a));
	ASSERT(bind_anywhere(bound, &address) && tcp_pair(pair));
	EXPECT_FALSE_WSA(WSAEFAULT,
			 accept_ex(a.listener, a.s, NULL, 0, ROOM, ROOM, &a.received,
				   &a.overlapped));
	EXPECT_FALSE_WSA(WSAEINVAL,
			 accept_ex(bound, a.s, a.buffer, 0, ROOM, ROOM, &a.received,
				   &a.overlapped));
	EXPECT_FALSE_WSA(WSAEINVAL,
			 accept_ex(a.listener, bound, a.buffer, 0, ROOM, ROOM, &a.received,
				   &a.overlapped));
	EXPECT_FALSE_WSA(WSAEINVAL,
			 accept_ex(a.listener, datagrams, a.buffer, 0, ROOM, ROOM, &a.received,
				   &a.overlapped));
	EXPECT_FALSE_WSA(WSAEINVAL,
			 accept_ex(a.listener, pair[0], a.buffer, 0, ROOM, ROOM, &a.received,
				   &a.overlapped));
	EXPECT_EMPTY(a.port);
	close_pair(pair);
	EXPECT_EQ(0, closesocket(bound));
	EXPECT_EQ(0, closesocket(datagrams));
	put_away(&a);
}

static void socket_that_is_accepted_into_is_taken(void)
{
	OVERLAPPED other;
	struct accepting a;

	ASSERT(prepare(&a));
	reset(&other);
	EXPECT_PENDING(start(&a, 0));
	EXPECT_FALSE_WSA(WSAEINVAL, accept_ex(a.listener, a.s, a.buffer, 0, ROOM, ROOM,
					      &a.received, &other));
	EXPECT_WSA(WSAEINVAL, connect_to(a.s, &a.address));
	EXPECT_EMPTY(a.port);
	EXPECT_EQ(0, closesocket(a.listener));
	a.listener = INVALID_SOCKET;
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, ERROR_OPERATION_ABORTED, 0);
	put_away(&a);
}

static void too_little_room_fails_when_a_connection_comes(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(accept_ex(a.listener, a.s, a.buffer, 0, 3, ROOM, &a.received,
				 &a.overlapped));
	EXPECT_NO_PACKET(a.port);
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, ERROR_INSUFFICIENT_BUFFER, 0);
	/* The connection is there for the next one. */
	reset(&a.overlapped);
	EXPECT(start(&a, 0) || WSAGetLastError() == WSA_IO_PENDING);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	echo(client, a.s);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void local_address_may_be_left_out(void)
{
	struct sockaddr *ours = (struct sockaddr *)(ULONG_PTR)0xdead, *peers = NULL;
	int our_size = 0xdead, peer_size = 0;
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(accept_ex(a.listener, a.s, a.buffer, 0, 0, ROOM, &a.received,
				 &a.overlapped));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	get_addresses(a.buffer, 0, 0, ROOM, &ours, &our_size, &peers, &peer_size);
	EXPECT_EQ(sizeof(struct sockaddr_in), peer_size);
	EXPECT_EQ(0xdead, ours);
	EXPECT_EQ(0xdead, our_size);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

#define MANY	32

static void each_takes_one_connection(void)
{
	static struct {
		OVERLAPPED overlapped;
		SOCKET s;
		char buffer[2 * ROOM];
		int done;
	} all[MANY];
	SOCKET clients[MANY + 3], left;
	struct accepting a;
	DWORD bytes, i, nr;
	OVERLAPPED *got;
	ULONG_PTR key;

	ASSERT(prepare(&a));
	ASSERT(!listen(a.listener, 2 * MANY));
	for (i = 0; i < MANY; i++) {
		reset(&all[i].overlapped);
		all[i].s = tcp();
		EXPECT_PENDING(accept_ex(a.listener, all[i].s, all[i].buffer, 0, ROOM, ROOM,
					 &a.received, &all[i].overlapped));
	}
	for (i = 0; i < MANY + 3; i++)
		clients[i] = client_of(&a);
	for (nr = 0; nr < MANY; nr++) {
		ASSERT(GetQueuedCompletionStatus(a.port, &bytes, &key, &got, COMES));
		EXPECT_EQ(LISTENER_KEY, key);
		for (i = 0; i < MANY && got != &all[i].overlapped; i++)
			;
		ASSERT(i < MANY);
		EXPECT(!all[i].done);
		all[i].done = 1;
	}
	EXPECT_EMPTY(a.port);
	/* The others are in the backlog, and accept() takes them. */
	for (i = 0; i < 3; i++) {
		left = accept(a.listener, NULL, NULL);
		EXPECT(left != INVALID_SOCKET);
		EXPECT_EQ(0, closesocket(left));
	}
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(0, closesocket(all[i].s));
		memset(&all[i], 0, sizeof(all[i]));
	}
	for (i = 0; i < MANY + 3; i++)
		EXPECT_EQ(0, closesocket(clients[i]));
	put_away(&a);
}

static void closing_the_listener_cancels(void)
{
	struct accepting a;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	EXPECT_EQ(0, closesocket(a.listener));
	a.listener = INVALID_SOCKET;
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, ERROR_OPERATION_ABORTED, 0);
	EXPECT_EQ(0xc0000120, (DWORD)a.overlapped.Internal);
	EXPECT_EMPTY(a.port);
	put_away(&a);
}

static void closing_the_socket_to_accept_into_cancels(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	EXPECT_EQ(0, closesocket(a.s));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, ERROR_OPERATION_ABORTED, 0);
	/* The listener goes on. */
	a.s = tcp();
	reset(&a.overlapped);
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	echo(client, a.s);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

/* It has a client, which says nothing; closing @which of its sockets ends it. */
static void closing_ends_it(struct accepting *a, SOCKET *which)
{
	OVERLAPPED *got = NULL;
	ULONG_PTR key = 0;
	DWORD bytes = 1;
	SOCKET client;

	EXPECT_PENDING(start(a, 100));
	client = client_of(a);
	EXPECT_NO_PACKET(a->port);
	EXPECT_EQ(0, closesocket(*which));
	*which = INVALID_SOCKET;
	EXPECT(!GetQueuedCompletionStatus(a->port, &bytes, &key, &got, COMES));
	EXPECT(GetLastError() == ERROR_OPERATION_ABORTED ||
	       GetLastError() == ERROR_CONNECTION_ABORTED);
	EXPECT_EQ(&a->overlapped, got);
	EXPECT_EQ(LISTENER_KEY, key);
	EXPECT_EQ(0, bytes);
	EXPECT_EMPTY(a->port);
	EXPECT_EQ(0, closesocket(client));
}

static void closing_it_while_it_waits_for_data_ends_it(void)
{
	struct accepting a;

	ASSERT(prepare(&a));
	closing_ends_it(&a, &a.s);
	put_away(&a);
}

static void closing_the_listener_while_it_waits_for_data_ends_it(void)
{
	struct accepting a;

	ASSERT(prepare(&a));
	closing_ends_it(&a, &a.listener);
	put_away(&a);
}

static void cancelling_is_told_by_a_packet(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	EXPECT(CancelIoEx((HANDLE)a.listener, &a.overlapped));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, ERROR_OPERATION_ABORTED, 0);
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)a.listener, &a.overlapped));
	EXPECT_EMPTY(a.port);
	/* The socket is free again. */
	reset(&a.overlapped);
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	echo(client, a.s);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void cancelled_by_its_event_alone_it_can_begin_again(void)
{
	HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), s = tcp(), client = tcp();
	OVERLAPPED overlapped[2];
	char buffer[2 * ROOM];
	DWORD received;
	int i;

	for (i = 0; i < 2; i++) {
		reset(&overlapped[i]);
		overlapped[i].hEvent = event;
	}
	EXPECT_PENDING(accept_ex(listener, s, buffer, 0, ROOM, ROOM, &received,
				 &overlapped[0]));
	EXPECT(CancelIoEx((HANDLE)listener, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0xc0000120, (DWORD)overlapped[0].Internal);
	EXPECT_PENDING(accept_ex(listener, s, buffer, 0, ROOM, ROOM, &received,
				 &overlapped[1]));
	EXPECT_EQ(0, connect_to(client, &address));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0, overlapped[1].Internal);
	echo(client, s);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
	EXPECT(CloseHandle(event));
}

static void it_is_the_listeners_operation(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	EXPECT_ERROR(ERROR_NOT_FOUND, CancelIoEx((HANDLE)a.s, NULL));
	EXPECT(CancelIo((HANDLE)a.s));
	EXPECT_EMPTY(a.port);
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void cancelling_while_it_waits_for_data_ends_it(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 100));
	client = client_of(&a);
	EXPECT_NO_PACKET(a.port);
	EXPECT(CancelIoEx((HANDLE)a.listener, &a.overlapped));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, ERROR_OPERATION_ABORTED, 0);
	EXPECT_EMPTY(a.port);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void event_is_set_too(void)
{
	struct accepting a;
	SOCKET clients[2];
	HANDLE event = CreateEventW(NULL, TRUE, TRUE, NULL);

	ASSERT(prepare(&a));
	a.overlapped.hEvent = event;
	EXPECT_PENDING(start(&a, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	clients[0] = client_of(&a);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	echo(clients[0], a.s);
	EXPECT_EQ(0, closesocket(a.s));

	/* With the lowest bit there is no packet. */
	a.s = tcp();
	reset(&a.overlapped);
	a.overlapped.hEvent = (HANDLE)((ULONG_PTR)event | 1);
	EXPECT_PENDING(start(&a, 0));
	clients[1] = client_of(&a);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0, a.overlapped.Internal);
	EXPECT_NO_PACKET(a.port);
	echo(clients[1], a.s);
	EXPECT_EQ(0, closesocket(clients[0]));
	EXPECT_EQ(0, closesocket(clients[1]));
	put_away(&a);
	EXPECT(CloseHandle(event));
}

static void without_a_port_an_event_is_enough(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), s = tcp(), client = tcp();
	HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
	char buffer[10 + 2 * ROOM];
	OVERLAPPED overlapped;
	DWORD received = 0;

	reset(&overlapped);
	overlapped.hEvent = event;
	EXPECT_PENDING(accept_ex(listener, s, buffer, 10, ROOM, ROOM, &received, &overlapped));
	EXPECT_EQ(0, connect_to(client, &address));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, STAYS));
	EXPECT_EQ(2, send(client, "hi", 2, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0, overlapped.Internal);
	EXPECT_EQ(2, overlapped.InternalHigh);
	EXPECT(!memcmp(buffer, "hi", 2));
	echo(client, s);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
	EXPECT(CloseHandle(event));
}

static void accepted_socket_can_be_associated(void)
{
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT(associate(a.s, a.port, CLIENT_KEY));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, associate(a.s, a.port, CLIENT_KEY));
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void association_of_before_holds(void)
{
	WSABUF data = { 0, NULL };
	OVERLAPPED receiving;
	struct accepting a;
	DWORD flags = 0;
	SOCKET client;
	char text[8];

	ASSERT(prepare(&a));
	EXPECT(associate(a.s, a.port, CLIENT_KEY));
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_EQ(0, setsockopt(a.s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
				(char *)&a.listener, sizeof(a.listener)));
	reset(&receiving);
	data.buf = text;
	data.len = sizeof(text);
	EXPECT_EQ(SOCKET_ERROR, WSARecv(a.s, &data, 1, NULL, &flags, &receiving, NULL));
	EXPECT_EQ(WSA_IO_PENDING, WSAGetLastError());
	EXPECT_EQ(4, send(client, "data", 4, 0));
	EXPECT_PACKET(a.port, CLIENT_KEY, &receiving, 0, 4);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static void time_of_a_connection_is_told(void)
{
	DWORD seconds = 0;
	int size = sizeof(seconds);
	struct accepting a;
	SOCKET client;

	ASSERT(prepare(&a));
	EXPECT_EQ(0, getsockopt(a.s, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds,
				(socklen_t *)&size));
	EXPECT_EQ(0xffffffff, seconds);
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_EQ(0, getsockopt(a.s, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds,
				(socklen_t *)&size));
	EXPECT(seconds < 60);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

/* A harvest does not hang, and nothing is lost, if accept() was quicker. */
static void accept_beside_it_takes_connections(void)
{
	struct accepting a;
	SOCKET client, s;

	ASSERT(prepare(&a));
	set_nonblocking(a.listener);
	EXPECT_PENDING(start(&a, 0));
	EXPECT_NO_SOCKET(WSAEWOULDBLOCK, accept(a.listener, NULL, NULL));
	client = client_of(&a);
	s = accept(a.listener, NULL, NULL);
	if (s != INVALID_SOCKET) {
		/* Windows has given it to AcceptEx() before. */
		EXPECT_NO_PACKET(a.port);
		EXPECT_EQ(0, closesocket(s));
		EXPECT_EQ(0, closesocket(client));
		client = client_of(&a);
	}
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	echo(client, a.s);
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static DWORD WINAPI accept_blocking(void *argument)
{
	SOCKET s = accept(*(SOCKET *)argument, NULL, NULL);

	return s != INVALID_SOCKET && !closesocket(s);
}

/* A listener that blocks goes on to do so for accept(). */
static void accept_still_blocks(void)
{
	struct accepting a;
	SOCKET clients[2];
	HANDLE thread;
	DWORD took = 0;

	ASSERT(prepare(&a));
	EXPECT_PENDING(start(&a, 0));
	clients[0] = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	thread = CreateThread(NULL, 0, accept_blocking, &a.listener, 0, NULL);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	clients[1] = client_of(&a);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &took) && took == 1);
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(clients[0]));
	EXPECT_EQ(0, closesocket(clients[1]));
	put_away(&a);
}

static void socket_blocks_as_it_did(void)
{
	struct accepting a;
	SOCKET client;
	char c;

	ASSERT(prepare(&a));
	set_nonblocking(a.s);
	EXPECT_PENDING(start(&a, 0));
	client = client_of(&a);
	EXPECT_PACKET(a.port, LISTENER_KEY, &a.overlapped, 0, 0);
	EXPECT_WSA(WSAEWOULDBLOCK, recv(a.s, &c, 1, 0));
	EXPECT_EQ(0, closesocket(client));
	put_away(&a);
}

static DWORD WINAPI accept_and_wait(void *argument)
{
	struct accepting *a = argument;

	return start(a, sizeof(a->buffer) / 2) ? 0 : (DWORD)WSAGetLastError();
}

/* A listener without the overlapped attribute, and a thread that accepts by it. */
static HANDLE begin_to_wait(struct accepting *a)
{
	HANDLE thread;

	memset(a, 0, sizeof(*a));
	a->listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
	a->s = tcp();
	if (!bind_anywhere(a->listener, &a->address) || listen(a->listener, 5))
		return NULL;
	thread = CreateThread(NULL, 0, accept_and_wait, a, 0, NULL);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	return thread;
}

static void expect_cancelled(HANDLE thread)
{
	DWORD code = 0;

	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &code));
	EXPECT_EQ(WSA_OPERATION_ABORTED, code);
	EXPECT(CloseHandle(thread));
}

/* Nor does the connection become the file that has the number then. */
static void closing_what_one_that_waits_accepts_into_ends_it(void)
{
	struct accepting a;
	HANDLE thread = begin_to_wait(&a);
	SOCKET other, client;
	int type = 0;
	socklen_t size = sizeof(type);

	ASSERT(thread);
	EXPECT_EQ(0, closesocket(a.s));
	other = udp();
	client = client_of(&a);
	expect_cancelled(thread);
	EXPECT_EQ(0, getsockopt(other, SOL_SOCKET, SO_TYPE, (char *)&type, &size));
	EXPECT_EQ(SOCK_DGRAM, type);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(other));
	EXPECT_EQ(0, closesocket(a.listener));
}

/* The connection is there, and its data is waited for. */
static void closing_either_ends_one_that_waits_for_data(void)
{
	struct accepting a;
	SOCKET client;
	HANDLE thread;
	int i;

	for (i = 0; i < 2; i++) {
		thread = begin_to_wait(&a);
		ASSERT(thread);
		client = client_of(&a);
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
		EXPECT_EQ(0, closesocket(i ? a.listener : a.s));
		expect_cancelled(thread);
		EXPECT_EQ(0, closesocket(i ? a.s : a.listener));
		EXPECT_EQ(0, closesocket(client));
	}
}

int main(void)
{
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	if (!get_extensions()) {
		printf("Bail out! no extensions\n");
		return 1;
	}
	RUN(connection_comes_by_a_packet);
	RUN(number_of_bytes_received_is_written_only_at_once);
	RUN(connection_that_waits_already_is_accepted);
	RUN_UNLESS_WINE(connection_that_was_reset_before_is_accepted,
			"Windows says so to AcceptEx()");
	RUN(with_room_for_data_it_waits_for_data);
	RUN(data_that_came_with_it_fills_the_room);
	RUN(end_instead_of_data_is_a_success);
	RUN(addresses_are_told);
	RUN(addresses_of_ipv6_are_told);
	RUN(accepting_with_bad_arguments_is_refused);
	RUN(what_cannot_become_a_connection_is_refused);
	RUN(socket_that_is_accepted_into_is_taken);
	RUN_UNLESS_WINE(too_little_room_fails_when_a_connection_comes,
			"Wine 8's server dies of it");
	RUN(local_address_may_be_left_out);
	RUN(each_takes_one_connection);
	RUN(closing_the_listener_cancels);
	RUN(closing_the_socket_to_accept_into_cancels);
	RUN(closing_it_while_it_waits_for_data_ends_it);
	RUN(closing_the_listener_while_it_waits_for_data_ends_it);
	RUN(cancelling_is_told_by_a_packet);
	RUN(cancelled_by_its_event_alone_it_can_begin_again);
	RUN(it_is_the_listeners_operation);
	RUN(cancelling_while_it_waits_for_data_ends_it);
	RUN(event_is_set_too);
	RUN(without_a_port_an_event_is_enough);
	RUN(accepted_socket_can_be_associated);
	RUN(association_of_before_holds);
	RUN(time_of_a_connection_is_told);
	RUN(accept_beside_it_takes_connections);
	RUN(closing_what_one_that_waits_accepts_into_ends_it);
	RUN(closing_either_ends_one_that_waits_for_data);
	RUN(accept_still_blocks);
	RUN(socket_blocks_as_it_did);
	WSACleanup();
	return tap_end();
}
