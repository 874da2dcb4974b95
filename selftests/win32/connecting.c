// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * ConnectEx() and DisconnectEx() in pure Win32: connections that are made, and ended, by
 * packets.
 */
#include "operation.h"

#define PROGRAM "connecting"

#define KEY	33

/* A listener, a socket that is bound and associated with a port, and an operation. */
struct connecting {
	HANDLE port;
	SOCKET listener, s;
	struct sockaddr_in address, own;
	OVERLAPPED overlapped;
	DWORD sent;
};

static int prepare(struct connecting *c)
{
	memset(c, 0, sizeof(*c));
	c->port = new_port();
	c->listener = tcp_listener(&c->address);
	c->s = tcp();
	c->sent = 0xdead;
	reset(&c->overlapped);
	return c->port && c->listener != INVALID_SOCKET && bind_anywhere(c->s, &c->own) &&
	       associate(c->s, c->port, KEY);
}

static void put_away(struct connecting *c)
{
	if (c->s != INVALID_SOCKET)
		EXPECT_EQ(0, closesocket(c->s));
	EXPECT_EQ(0, closesocket(c->listener));
	EXPECT(CloseHandle(c->port));
}

static BOOL start(struct connecting *c, void *data, DWORD size)
{
	return connect_ex(c->s, (struct sockaddr *)&c->address, sizeof(c->address), data, size,
			  &c->sent, &c->overlapped);
}

/* Nobody listens where the listener was. */
static void stop_listening(struct connecting *c)
{
	EXPECT_EQ(0, closesocket(c->listener));
	c->listener = tcp();
}

static int connect_pair(struct connecting *c, SOCKET *server)
{
	if (!prepare(c))
		return 0;
	EXPECT_PENDING(start(c, NULL, 0));
	*server = accept(c->listener, NULL, NULL);
	return EXPECT_PACKET(c->port, KEY, &c->overlapped, 0, 0) &&
	       *server != INVALID_SOCKET &&
	       !setsockopt(c->s, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
}

static void connection_is_told_by_a_packet(void)
{
	struct connecting c;
	char text[8] = "";
	SOCKET server;

	ASSERT(prepare(&c));
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0);
	EXPECT_EQ(0, c.overlapped.Internal);
	EXPECT_EMPTY(c.port);
	EXPECT_EQ(0, setsockopt(c.s, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0));
	server = accept(c.listener, NULL, NULL);
	EXPECT_EQ(2, send(c.s, "hi", 2, 0));
	EXPECT_EQ(2, recv(server, text, sizeof(text), 0));
	EXPECT_EQ(2, send(server, "ho", 2, 0));
	EXPECT_EQ(2, recv(c.s, text, sizeof(text), 0));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void number_of_bytes_sent_is_written_only_at_once(void)
{
	struct connecting c;

	ASSERT(prepare(&c));
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0);
	EXPECT_EQ(0xdead, c.sent);
	put_away(&c);
}

static void packet_comes_in_spite_of_the_skip_mode(void)
{
	struct connecting c;

	ASSERT(prepare(&c));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)c.s,
						  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0);
	put_away(&c);
}

static void refusal_is_told_by_a_packet(void)
{
	struct connecting c;

	ASSERT(prepare(&c));
	stop_listening(&c);
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, ERROR_CONNECTION_REFUSED, 0);
	EXPECT_EQ(0xc0000236, (DWORD)c.overlapped.Internal);
	EXPECT_EMPTY(c.port);
	put_away(&c);
}

static void refused_socket_can_be_connected_again(void)
{
	struct connecting c;
	SOCKET server;

	ASSERT(prepare(&c));
	stop_listening(&c);
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, ERROR_CONNECTION_REFUSED, 0);
	EXPECT_EQ(0, closesocket(c.listener));
	c.listener = tcp_listener(&c.address);
	reset(&c.overlapped);
	EXPECT_PENDING(start(&c, NULL, 0));
	ASSERT(EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0));
	server = accept(c.listener, NULL, NULL);
	EXPECT(server != INVALID_SOCKET);
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void data_is_sent_with_it(void)
{
	char data[5] = { 'h', 'e', 'l', 'l', 'o' }, text[8] = "";
	struct connecting c;
	SOCKET server;

	ASSERT(prepare(&c));
	EXPECT_PENDING(start(&c, data, sizeof(data)));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 5);
	EXPECT_EMPTY(c.port);
	server = accept(c.listener, NULL, NULL);
	EXPECT_EQ(5, recv(server, text, sizeof(text), 0));
	EXPECT(!memcmp(text, "hello", 5));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

#define MUCH	(8 << 20)

static DWORD WINAPI drain(void *argument)
{
	static char buffer[65536];
	SOCKET s = *(SOCKET *)argument;
	DWORD size = 0, i;
	int got;

	while ((got = recv(s, buffer, sizeof(buffer), 0)) > 0) {
		for (i = 0; i < (DWORD)got; i++)
			if (buffer[i] != (char)((size + i) % 251))
				return 0;
		size += (DWORD)got;
	}
	return size;
}

static void all_data_is_sent_before_it_completes(void)
{
	static char data[MUCH];
	struct connecting c;
	DWORD size = 0, i;
	HANDLE thread;
	SOCKET server;

	for (i = 0; i < MUCH; i++)
		data[i] = (char)(i % 251);
	ASSERT(prepare(&c));
	EXPECT_PENDING(start(&c, data, MUCH));
	EXPECT_NO_PACKET(c.port);
	server = accept(c.listener, NULL, NULL);
	thread = CreateThread(NULL, 0, drain, &server, 0, NULL);
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, MUCH);
	EXPECT_EQ(0, shutdown(c.s, SD_SEND));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &size));
	EXPECT_EQ(MUCH, size);
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void connecting_with_bad_arguments_is_refused(void)
{
	SOCKET not_bound = tcp(), pair[2];
	struct connecting c;

	ASSERT(prepare(&c) && tcp_pair(pair));
	EXPECT_FALSE_WSA(ERROR_INVALID_PARAMETER,
			 connect_ex(c.s, (struct sockaddr *)&c.address, sizeof(c.address), NULL,
				    0, &c.sent, NULL));
	EXPECT_FALSE_WSA(WSAENOTSOCK,
			 connect_ex(INVALID_SOCKET, (struct sockaddr *)&c.address,
				    sizeof(c.address), NULL, 0, &c.sent, &c.overlapped));
	EXPECT_EQ(PENDING, c.overlapped.Internal);
	reset(&c.overlapped);
	EXPECT_FALSE_WSA(WSAEINVAL,
			 connect_ex(not_bound, (struct sockaddr *)&c.address,
				    sizeof(c.address), NULL, 0, &c.sent, &c.overlapped));
	EXPECT_EQ(PENDING, c.overlapped.Internal);
	EXPECT_EQ(0xdead, c.overlapped.InternalHigh);
	reset(&c.overlapped);
	EXPECT_FALSE_WSA(WSAEISCONN,
			 connect_ex(pair[0], (struct sockaddr *)&c.address,
				    sizeof(c.address), NULL, 0, &c.sent, &c.overlapped));
	EXPECT_EQ(PENDING, c.overlapped.Internal);
	reset(&c.overlapped);
	EXPECT_FALSE_WSA(WSAEINVAL,
			 connect_ex(c.listener, (struct sockaddr *)&c.address,
				    sizeof(c.address), NULL, 0, &c.sent, &c.overlapped));
	EXPECT_EMPTY(c.port);
	EXPECT_EQ(0, closesocket(not_bound));
	close_pair(pair);
	put_away(&c);
}

/* Where nobody answers: the backlog of a listener that is full. */
static int fill_backlog(struct connecting *c, SOCKET *fillers, int count)
{
	int i;

	EXPECT_EQ(0, closesocket(c->listener));
	c->listener = tcp();
	if (!bind_anywhere(c->listener, &c->address) || listen(c->listener, 1))
		return 0;
	for (i = 0; i < count; i++) {
		fillers[i] = tcp();
		set_nonblocking(fillers[i]);
		connect_to(fillers[i], &c->address);
	}
	Sleep(STAYS);
	return 1;
}

static void while_it_connects_it_cannot_again(void)
{
	SOCKET fillers[4];
	struct connecting c;
	OVERLAPPED other;
	int i;

	ASSERT(prepare(&c) && fill_backlog(&c, fillers, 4));
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_NO_PACKET(c.port);
	reset(&other);
	EXPECT_FALSE_WSA(WSAEINVAL, connect_ex(c.s, (struct sockaddr *)&c.address,
					       sizeof(c.address), NULL, 0, &c.sent, &other));
	EXPECT_WSA(WSAEINVAL, connect_to(c.s, &c.address));
	EXPECT(CancelIoEx((HANDLE)c.s, &c.overlapped));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, ERROR_OPERATION_ABORTED, 0);
	EXPECT_EMPTY(c.port);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, closesocket(fillers[i]));
	put_away(&c);
}

static void closing_it_ends_the_attempt(void)
{
	OVERLAPPED *got = NULL;
	SOCKET fillers[4];
	struct connecting c;
	ULONG_PTR key = 0;
	DWORD bytes = 1;
	int i;

	ASSERT(prepare(&c) && fill_backlog(&c, fillers, 4));
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_EQ(0, closesocket(c.s));
	c.s = INVALID_SOCKET;
	EXPECT(!GetQueuedCompletionStatus(c.port, &bytes, &key, &got, COMES));
	EXPECT(GetLastError() == ERROR_OPERATION_ABORTED ||
	       GetLastError() == ERROR_CONNECTION_ABORTED);
	EXPECT_EQ(&c.overlapped, got);
	EXPECT_EQ(KEY, key);
	EXPECT_EQ(0, bytes);
	EXPECT_EMPTY(c.port);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, closesocket(fillers[i]));
	put_away(&c);
}

static void connected_is_connected(void)
{
	struct sockaddr_in peer;
	int size = sizeof(peer);
	struct connecting c;
	DWORD seconds = ~0u;
	SOCKET server;

	ASSERT(connect_pair(&c, &server));
	EXPECT_EQ(0, getpeername(c.s, (struct sockaddr *)&peer, (socklen_t *)&size));
	EXPECT_EQ(c.address.sin_port, peer.sin_port);
	size = sizeof(seconds);
	EXPECT_EQ(0, getsockopt(c.s, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds,
				(socklen_t *)&size));
	EXPECT(seconds < 60);
	EXPECT_FALSE_WSA(WSAEISCONN, start(&c, NULL, 0));
	EXPECT_EMPTY(c.port);
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void event_is_set_when_it_is_connected(void)
{
	HANDLE event = CreateEventW(NULL, TRUE, TRUE, NULL);
	struct connecting c;

	ASSERT(prepare(&c));
	c.overlapped.hEvent = event;
	EXPECT_PENDING(start(&c, NULL, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0, c.overlapped.Internal);
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0);
	EXPECT_EMPTY(c.port);
	put_away(&c);
	EXPECT(CloseHandle(event));
}

static void what_is_not_connected_cannot_be_disconnected(void)
{
	struct connecting c;
	SOCKET pair[2];

	ASSERT(prepare(&c) && tcp_pair(pair));
	EXPECT_FALSE_WSA(WSAENOTSOCK, disconnect_ex(INVALID_SOCKET, &c.overlapped, 0, 0));
	EXPECT_FALSE_WSA(WSAENOTCONN, disconnect_ex(c.s, &c.overlapped, 0, 0));
	EXPECT_FALSE_WSA(WSAEINVAL, disconnect_ex(pair[0], &c.overlapped, 0, 1));
	EXPECT_EMPTY(c.port);
	close_pair(pair);
	put_away(&c);
}

static void disconnecting_is_told_by_a_packet(void)
{
	struct connecting c;
	char text[8] = "";
	SOCKET server;

	ASSERT(connect_pair(&c, &server));
	EXPECT(SetFileCompletionNotificationModes((HANDLE)c.s,
						  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	reset(&c.overlapped);
	EXPECT_PENDING(disconnect_ex(c.s, &c.overlapped, 0, 0));
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0);
	EXPECT_EMPTY(c.port);
	/* The peer sees the end, and can still send. */
	EXPECT_EQ(0, recv(server, text, sizeof(text), 0));
	EXPECT_WSA(WSAESHUTDOWN, send(c.s, "x", 1, 0));
	EXPECT_EQ(2, send(server, "hi", 2, 0));
	EXPECT_EQ(2, recv(c.s, text, sizeof(text), 0));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void disconnecting_without_an_overlapped_is_done_at_once(void)
{
	struct connecting c;
	SOCKET server;
	char c1;

	ASSERT(connect_pair(&c, &server));
	EXPECT(disconnect_ex(c.s, NULL, 0, 0));
	EXPECT(disconnect_ex(c.s, NULL, 0, 0));
	EXPECT_EMPTY(c.port);
	EXPECT_EQ(0, recv(server, &c1, 1, 0));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void end_comes_behind_what_is_being_sent(void)
{
	static char data[MUCH];
	OVERLAPPED sending;
	struct connecting c;
	WSABUF buffer = { 0, NULL };
	OVERLAPPED *got;
	DWORD size = 0, i, bytes;
	ULONG_PTR key;
	HANDLE thread;
	SOCKET server;

	for (i = 0; i < MUCH; i++)
		data[i] = (char)(i % 251);
	ASSERT(connect_pair(&c, &server));
	buffer.buf = data;
	buffer.len = MUCH;
	reset(&sending);
	reset(&c.overlapped);
	EXPECT(!WSASend(c.s, &buffer, 1, NULL, 0, &sending, NULL) ||
	       WSAGetLastError() == WSA_IO_PENDING);
	EXPECT_PENDING(disconnect_ex(c.s, &c.overlapped, 0, 0));
	thread = CreateThread(NULL, 0, drain, &server, 0, NULL);
	for (i = 0; i < 2; i++) {
		EXPECT(GetQueuedCompletionStatus(c.port, &bytes, &key, &got, COMES));
		EXPECT(got == &sending || got == &c.overlapped);
	}
	EXPECT_EQ(0, (DWORD)sending.Internal);
	EXPECT_EQ(MUCH, sending.InternalHigh);
	EXPECT_EQ(0, (DWORD)c.overlapped.Internal);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &size));
	EXPECT_EQ(MUCH, size);
	EXPECT(CloseHandle(thread));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void reusing_a_socket_is_not_there(void)
{
	struct connecting c;
	SOCKET server;

	ASSERT(connect_pair(&c, &server));
	EXPECT_FALSE_WSA(WSAEOPNOTSUPP, disconnect_ex(c.s, NULL, TF_REUSE_SOCKET, 0));
	EXPECT_FALSE_WSA(WSAEOPNOTSUPP, transmit_file(c.s, NULL, 0, 0, NULL, NULL,
						      TF_DISCONNECT | TF_REUSE_SOCKET));
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

static void extensions_are_given_out(void)
{
	GUID unknown = { 1, 2, 3, { 4, 5, 6, 7, 8, 9, 10, 11 } };
	GUID ids[] = { WSAID_ACCEPTEX, WSAID_GETACCEPTEXSOCKADDRS, WSAID_CONNECTEX,
		       WSAID_DISCONNECTEX, WSAID_TRANSMITFILE, WSAID_WSARECVMSG,
		       WSAID_WSASENDMSG };
	SOCKET kinds[2];
	void *function;
	DWORD size, i;

	kinds[0] = tcp();
	kinds[1] = udp();
	for (i = 0; i < 2 * sizeof(ids) / sizeof(ids[0]); i++) {
		function = NULL;
		size = 0;
		EXPECT_EQ(0, WSAIoctl(kinds[i % 2], SIO_GET_EXTENSION_FUNCTION_POINTER,
				      &ids[i / 2], sizeof(GUID), &function, sizeof(function),
				      &size, NULL, NULL));
		EXPECT(function);
		EXPECT_EQ(sizeof(function), size);
	}
	EXPECT_WSA(WSAEINVAL, WSAIoctl(kinds[0], SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown,
				       sizeof(GUID), &function, sizeof(function), &size, NULL,
				       NULL));
	EXPECT_EQ(0, closesocket(kinds[0]));
	EXPECT_EQ(0, closesocket(kinds[1]));
}

static void command_with_an_overlapped_has_a_packet(void)
{
	u_long left = 0xdead;
	struct connecting c;
	DWORD size = 0;
	SOCKET server;

	ASSERT(connect_pair(&c, &server));
	reset(&c.overlapped);
	EXPECT_EQ(0, WSAIoctl(c.s, FIONREAD, NULL, 0, &left, sizeof(left), &size,
			      &c.overlapped, NULL));
	EXPECT_EQ(0, left);
	EXPECT_PACKET(c.port, KEY, &c.overlapped, 0, 0);
	EXPECT_EMPTY(c.port);
	EXPECT_EQ(0, closesocket(server));
	put_away(&c);
}

int main(void)
{
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	if (!get_extensions()) {
		printf("Bail out! no extensions\n");
		return 1;
	}
	RUN(connection_is_told_by_a_packet);
	RUN(number_of_bytes_sent_is_written_only_at_once);
	RUN(packet_comes_in_spite_of_the_skip_mode);
	RUN(refusal_is_told_by_a_packet);
	RUN(refused_socket_can_be_connected_again);
	RUN(data_is_sent_with_it);
	RUN(all_data_is_sent_before_it_completes);
	RUN(connecting_with_bad_arguments_is_refused);
	RUN(while_it_connects_it_cannot_again);
	RUN(closing_it_ends_the_attempt);
	RUN(connected_is_connected);
	RUN(event_is_set_when_it_is_connected);
	RUN(what_is_not_connected_cannot_be_disconnected);
	RUN(disconnecting_is_told_by_a_packet);
	RUN(disconnecting_without_an_overlapped_is_done_at_once);
	RUN(end_comes_behind_what_is_being_sent);
	RUN(reusing_a_socket_is_not_there);
	RUN(extensions_are_given_out);
	RUN(command_with_an_overlapped_has_a_packet);
	WSACleanup();
	return tap_end();
}
