// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets in pure Winsock: their errors, what options read back as, and what a server
 * relies on.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <string.h>

#include "tap.h"

#define PROGRAM "sockets"

#define EXPECT_WSA(error, call)							\
	do {									\
		WSASetLastError(0);						\
		EXPECT_EQ(SOCKET_ERROR, call);					\
		EXPECT_EQ(error, WSAGetLastError());				\
	} while (0)

static struct sockaddr_in loopback(unsigned short port)
{
	struct sockaddr_in address;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* Binds it to a free port of the loopback, which it returns in @address. */
static int bind_anywhere(SOCKET s, struct sockaddr_in *address)
{
	int size = sizeof(*address);

	*address = loopback(0);
	return !bind(s, (struct sockaddr *)address, sizeof(*address)) &&
	       !getsockname(s, (struct sockaddr *)address, (socklen_t *)&size);
}

static int connect_to(SOCKET s, const struct sockaddr_in *address)
{
	return connect(s, (const struct sockaddr *)address, sizeof(*address));
}

static SOCKET tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
}

static int tcp_pair(SOCKET pair[2])
{
	struct sockaddr_in address;
	SOCKET listener = tcp();

	pair[0] = tcp();
	if (!bind_anywhere(listener, &address) || listen(listener, 1) ||
	    connect_to(pair[0], &address))
		return 0;
	pair[1] = accept(listener, NULL, NULL);
	closesocket(listener);
	return pair[1] != INVALID_SOCKET;
}

static void set_nonblocking(SOCKET s)
{
	u_long on = 1;

	EXPECT_EQ(0, ioctlsocket(s, FIONBIO, &on));
}

static void what_is_no_socket_is_refused(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	SOCKET s = tcp();
	char c;

	ASSERT(port && s != INVALID_SOCKET);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_WSA(WSAENOTSOCK, closesocket(s));
	EXPECT_WSA(WSAENOTSOCK, send(s, "x", 1, 0));
	EXPECT_WSA(WSAENOTSOCK, recv(s, &c, 1, 0));
	EXPECT_WSA(WSAENOTSOCK, closesocket(INVALID_SOCKET));
	EXPECT(CloseHandle(port));
}

static void not_connected_is_said(void)
{
	struct sockaddr_in address;
	int size = sizeof(address);
	SOCKET s = tcp();
	char c;

	EXPECT_WSA(WSAENOTCONN, send(s, "x", 1, 0));
	EXPECT_WSA(WSAENOTCONN, recv(s, &c, 1, 0));
	EXPECT_WSA(WSAENOTCONN,
		   getpeername(s, (struct sockaddr *)&address, (socklen_t *)&size));
	EXPECT_EQ(0, closesocket(s));
}

static void bytes_come_as_they_were_sent(void)
{
	SOCKET pair[2];
	char text[8] = "";

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(5, send(pair[0], "hello", 5, 0));
	EXPECT_EQ(5, recv(pair[1], text, sizeof(text), 0));
	EXPECT(!memcmp(text, "hello", 5));
	EXPECT_EQ(0, shutdown(pair[0], SD_SEND));
	EXPECT_EQ(0, recv(pair[1], text, sizeof(text), 0));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void nothing_to_read_would_block(void)
{
	SOCKET pair[2];
	char c;

	ASSERT(tcp_pair(pair));
	set_nonblocking(pair[1]);
	EXPECT_WSA(WSAEWOULDBLOCK, recv(pair[1], &c, 1, 0));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void refused_connection_is_said(void)
{
	struct sockaddr_in address;
	SOCKET s = tcp(), taken = tcp();

	/* Bound, but nobody listens. */
	ASSERT(bind_anywhere(taken, &address));
	EXPECT_WSA(WSAECONNREFUSED, connect_to(s, &address));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(taken));
}

static void send_after_a_refusal_is_not_connected(void)
{
	struct sockaddr_in address;
	SOCKET s = tcp(), taken = tcp();

	ASSERT(bind_anywhere(taken, &address));
	EXPECT_WSA(WSAECONNREFUSED, connect_to(s, &address));
	EXPECT_WSA(WSAENOTCONN, send(s, "x", 1, 0));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(taken));
}

static void send_after_shutdown_is_said(void)
{
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, shutdown(pair[0], SD_SEND));
	EXPECT_WSA(WSAESHUTDOWN, send(pair[0], "x", 1, 0));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, closesocket(pair[1]));
}

/* Either end, whether or not it has carried anything. */
static void reset_is_said_and_stays(void)
{
	struct linger hard = { 1, 0 };
	SOCKET pair[2];
	int end, used;
	char c;

	for (end = 0; end < 2; end++) {
		for (used = 0; used < 2; used++) {
			ASSERT(tcp_pair(pair));
			if (used) {
				EXPECT_EQ(1, send(pair[!end], "x", 1, 0));
				EXPECT_EQ(1, recv(pair[end], &c, 1, 0));
			}
			EXPECT_EQ(0, setsockopt(pair[!end], SOL_SOCKET, SO_LINGER,
						(char *)&hard, sizeof(hard)));
			EXPECT_EQ(0, closesocket(pair[!end]));
			EXPECT_WSA(WSAECONNRESET, recv(pair[end], &c, 1, 0));
			WSASetLastError(0);
			EXPECT_EQ(SOCKET_ERROR, send(pair[end], "x", 1, 0));
			/* Microsoft's page on send() has both. */
			EXPECT(WSAGetLastError() == WSAECONNRESET ||
			       WSAGetLastError() == WSAECONNABORTED);
			EXPECT_EQ(0, closesocket(pair[end]));
		}
	}
}

static void connecting_twice_is_refused(void)
{
	struct sockaddr_in address;
	SOCKET pair[2];
	int size = sizeof(address);

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, getpeername(pair[0], (struct sockaddr *)&address, (socklen_t *)&size));
	EXPECT_WSA(WSAEISCONN, connect_to(pair[0], &address));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void address_in_use_is_said(void)
{
	struct sockaddr_in address;
	SOCKET first = tcp(), second = tcp();

	ASSERT(bind_anywhere(first, &address));
	EXPECT_EQ(0, listen(first, 1));
	EXPECT_WSA(WSAEADDRINUSE,
		   bind(second, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_EQ(0, closesocket(first));
	EXPECT_EQ(0, closesocket(second));
}

static void buffer_sizes_read_back_as_they_were_set(void)
{
	SOCKET s = tcp();
	int option[2] = { SO_RCVBUF, SO_SNDBUF };
	int i, value, size;

	for (i = 0; i < 2; i++) {
		value = 65536;
		EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, option[i], (char *)&value,
					sizeof(value)));
		value = 0;
		size = sizeof(value);
		EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, option[i], (char *)&value,
					(socklen_t *)&size));
		EXPECT_EQ(65536, value);
		EXPECT_EQ(sizeof(value), size);
	}
	EXPECT_EQ(0, closesocket(s));
}

static void backlog_of_0_takes_a_connection(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp(), client = tcp(), s;

	ASSERT(bind_anywhere(listener, &address));
	EXPECT_EQ(0, listen(listener, 0));
	EXPECT_EQ(0, connect_to(client, &address));
	s = accept(listener, NULL, NULL);
	EXPECT(s != INVALID_SOCKET);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void datagram_that_does_not_fit_is_said(void)
{
	struct sockaddr_in address;
	SOCKET s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	char text[3];

	ASSERT(bind_anywhere(s, &address));
	EXPECT_EQ(5, sendto(s, "hello", 5, 0, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_WSA(WSAEMSGSIZE, recv(s, text, sizeof(text), 0));
	EXPECT(!memcmp(text, "hel", 3));
	EXPECT_EQ(0, closesocket(s));
}

static void socket_is_associated_once(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	SOCKET s = tcp();

	ASSERT(port && s != INVALID_SOCKET);
	EXPECT_EQ(port, CreateIoCompletionPort((HANDLE)s, port, 1, 0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     CreateIoCompletionPort((HANDLE)s, port, 1, 0));
	EXPECT_EQ(0, closesocket(s));
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(what_is_no_socket_is_refused);
	RUN(not_connected_is_said);
	RUN(bytes_come_as_they_were_sent);
	RUN(nothing_to_read_would_block);
	RUN(refused_connection_is_said);
	RUN(send_after_a_refusal_is_not_connected);
	RUN(send_after_shutdown_is_said);
	RUN(reset_is_said_and_stays);
	RUN(connecting_twice_is_refused);
	RUN(address_in_use_is_said);
	RUN(buffer_sizes_read_back_as_they_were_set);
	RUN(backlog_of_0_takes_a_connection);
	RUN(datagram_that_does_not_fit_is_said);
	RUN(socket_is_associated_once);
	WSACleanup();
	return tap_end();
}
