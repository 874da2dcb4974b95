// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets in pure Winsock: their errors, what options read back as, and what a server
 * relies on.
 */
#include "net.h"

#define PROGRAM "sockets"

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

/* How a program may hear of a reset first. */
static void hear_by_recv(SOCKET s)
{
	char c;

	EXPECT_WSA(WSAECONNRESET, recv(s, &c, 1, 0));
}

static void hear_by_peeking(SOCKET s)
{
	char c;

	EXPECT_WSA(WSAECONNRESET, recv(s, &c, 1, MSG_PEEK));
}

static void hear_by_wsarecv(SOCKET s)
{
	DWORD bytes, flags = 0;
	char c;
	WSABUF buffer = { 1, &c };

	EXPECT_WSA(WSAECONNRESET, WSARecv(s, &buffer, 1, &bytes, &flags, NULL, NULL));
}

static void hear_by_send(SOCKET s)
{
	EXPECT_EQ(SOCKET_ERROR, send(s, "x", 1, 0));
}

static void hear_by_so_error(SOCKET s)
{
	int error = 0, size = sizeof(error);

	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, (socklen_t *)&size));
	EXPECT_EQ(WSAECONNRESET, error);
}

static WSAEVENT event;

static void hear_by_event(SOCKET s)
{
	WSANETWORKEVENTS events;

	EXPECT_EQ(WSA_WAIT_EVENT_0, WSAWaitForMultipleEvents(1, &event, TRUE, 5000, FALSE));
	EXPECT_EQ(0, WSAEnumNetworkEvents(s, event, &events));
	EXPECT(events.lNetworkEvents & FD_CLOSE);
	EXPECT_EQ(WSAECONNRESET, events.iErrorCode[FD_CLOSE_BIT]);
	EXPECT_EQ(0, WSAEventSelect(s, event, 0));
}

static void reset_stays_however_it_was_heard_of(void)
{
	void (*const hear[])(SOCKET s) = {
		hear_by_recv, hear_by_peeking, hear_by_wsarecv, hear_by_send, hear_by_so_error,
		hear_by_event,
	};
	struct linger hard = { 1, 0 };
	SOCKET pair[2];
	int i, again;
	char c;

	event = WSACreateEvent();
	for (i = 0; i < (int)(sizeof(hear) / sizeof(*hear)); i++) {
		ASSERT(tcp_pair(pair));
		if (hear[i] == hear_by_event)
			EXPECT_EQ(0, WSAEventSelect(pair[0], event, FD_CLOSE));
		EXPECT_EQ(0, setsockopt(pair[1], SOL_SOCKET, SO_LINGER, (char *)&hard,
					sizeof(hard)));
		EXPECT_EQ(0, closesocket(pair[1]));
		Sleep(50);
		hear[i](pair[0]);
		for (again = 0; again < 2; again++) {
			EXPECT_EQ(SOCKET_ERROR, recv(pair[0], &c, 1, 0));
			EXPECT(WSAGetLastError() == WSAECONNRESET ||
			       WSAGetLastError() == WSAECONNABORTED);
		}
		EXPECT_EQ(0, closesocket(pair[0]));
		/* The next one, of the same number, has no past. */
		ASSERT(tcp_pair(pair));
		EXPECT_EQ(0, closesocket(pair[1]));
		EXPECT_EQ(0, recv(pair[0], &c, 1, 0));
		EXPECT_EQ(0, closesocket(pair[0]));
	}
	EXPECT(WSACloseEvent(event));
}

static void receiving_after_shutdown_is_said(void)
{
	DWORD bytes, flags = 0;
	SOCKET pair[2];
	char c;
	WSABUF buffer = { 1, &c };

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, shutdown(pair[0], SD_RECEIVE));
	EXPECT_WSA(WSAESHUTDOWN, recv(pair[0], &c, 1, 0));
	EXPECT_WSA(WSAESHUTDOWN, WSARecv(pair[0], &buffer, 1, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(1, send(pair[0], "x", 1, 0));
	EXPECT_EQ(1, recv(pair[1], &c, 1, 0));
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void not_bound_is_said(void)
{
	SOCKET s = tcp(), datagrams = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	DWORD bytes, flags = 0, timeout = 2000;
	struct sockaddr_in address;
	int size = sizeof(address);
	char c;
	WSABUF buffer = { 1, &c };

	EXPECT_WSA(WSAEINVAL, listen(s, 1));
	EXPECT_WSA(WSAEINVAL, getsockname(s, (struct sockaddr *)&address, (socklen_t *)&size));
	EXPECT_WSA(WSAEINVAL,
		   getsockname(datagrams, (struct sockaddr *)&address, (socklen_t *)&size));
	/* Or they would wait for ever. */
	EXPECT_EQ(0, setsockopt(datagrams, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout,
				sizeof(timeout)));
	EXPECT_WSA(WSAEINVAL, recv(datagrams, &c, 1, 0));
	EXPECT_WSA(WSAEINVAL, recvfrom(datagrams, &c, 1, 0, NULL, NULL));
	EXPECT_WSA(WSAEINVAL, WSARecvFrom(datagrams, &buffer, 1, &bytes, &flags, NULL, NULL,
					  NULL, NULL));
	/* Bound, each of it is what it ever was. */
	ASSERT(bind_anywhere(s, &address));
	EXPECT_EQ(0, listen(s, 1));
	ASSERT(bind_anywhere(datagrams, &address));
	EXPECT_EQ(1, sendto(datagrams, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_EQ(1, recv(datagrams, &c, 1, 0));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(datagrams));
}

static void nobody_is_at_the_address_of_all(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp(), s = tcp();

	ASSERT(bind_anywhere(listener, &address) && !listen(listener, 1));
	address.sin_addr.s_addr = htonl(INADDR_ANY);
	EXPECT_WSA(WSAEADDRNOTAVAIL, connect_to(s, &address));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT_EQ(0, connect_to(s, &address));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(listener));
}

/* What each call that takes an address says of one. */
static void expect_address_refused(int error, int family, const void *name, int size)
{
	SOCKET s = socket(family, SOCK_STREAM, IPPROTO_TCP);
	SOCKET datagrams = socket(family, SOCK_DGRAM, IPPROTO_UDP);
	WSABUF buffer = { 1, (char *)"x" };
	WSAOVERLAPPED overlapped = { 0 };
	DWORD sent;

	EXPECT_WSA(error, bind(s, name, size));
	EXPECT_WSA(error, bind(datagrams, name, size));
	EXPECT_WSA(error, connect(s, name, size));
	EXPECT_WSA(error, connect(datagrams, name, size));
	EXPECT_WSA(error, sendto(datagrams, "x", 1, 0, name, size));
	EXPECT_WSA(error, WSASendTo(datagrams, &buffer, 1, &sent, 0, name, size, NULL, NULL));
	EXPECT_WSA(error,
		   WSASendTo(datagrams, &buffer, 1, &sent, 0, name, size, &overlapped, NULL));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(datagrams));
}

static struct sockaddr_in v4_address(void)
{
	struct sockaddr_in address = { 0 };

	address.sin_family = AF_INET;
	address.sin_port = htons(9);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static struct sockaddr_in6 v6_address(void)
{
	struct sockaddr_in6 address = { 0 };

	address.sin6_family = AF_INET6;
	address.sin6_port = htons(9);
	address.sin6_addr.s6_addr[15] = 1;
	return address;
}

static void short_addresses_are_refused(void)
{
	struct sockaddr_in v4 = v4_address();
	struct sockaddr_in6 v6 = v6_address();

	expect_address_refused(WSAEFAULT, AF_INET, &v4, sizeof(v4) - 1);
	expect_address_refused(WSAEFAULT, AF_INET, &v4, 1);
	expect_address_refused(WSAEFAULT, AF_INET6, &v6, sizeof(v4));
	expect_address_refused(WSAEFAULT, AF_INET6, &v6, 2);
}

static void addresses_of_another_family_are_refused(void)
{
	struct sockaddr_in v4 = v4_address();
	struct sockaddr_in6 v6 = v6_address();

	expect_address_refused(WSAEAFNOSUPPORT, AF_INET, &v6, sizeof(v6));
	v4.sin_family = 77;
	expect_address_refused(WSAEAFNOSUPPORT, AF_INET, &v4, sizeof(v4));
	/* Too short for the socket as well. */
	expect_address_refused(WSAEAFNOSUPPORT, AF_INET6, &v4, sizeof(v4));
}

static void options_are_refused_for_what_is_wrong_with_them(void)
{
	static const int number[] = { SO_RCVBUF, SO_SNDBUF, SO_RCVTIMEO, SO_SNDTIMEO };
	SOCKET s = tcp();
	int value = 1, size = sizeof(value);
	char byte = 1;
	size_t i;

	EXPECT_WSA(WSAEINVAL, setsockopt(s, 12345, 1, (char *)&value, sizeof(value)));
	EXPECT_WSA(WSAEINVAL, getsockopt(s, 12345, 1, (char *)&value, (socklen_t *)&size));
	EXPECT_WSA(WSAENOPROTOOPT, setsockopt(s, IPPROTO_TCP, 12345, (char *)&value,
					      sizeof(value)));
	/* A byte, or two, is enough for a BOOL. */
	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &byte, 1));
	EXPECT_EQ(0, setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (char *)&value, 2));
	for (i = 0; i < sizeof(number) / sizeof(number[0]); i++) {
		EXPECT_WSA(WSAEFAULT, setsockopt(s, SOL_SOCKET, number[i], (char *)&value, 2));
		EXPECT_WSA(WSAEFAULT, setsockopt(s, SOL_SOCKET, number[i], &byte, 1));
	}
	EXPECT_EQ(0, closesocket(s));
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

static void before_startup_there_are_no_sockets(void)
{
	ADDRINFOA *list = NULL;
	WSAPOLLFD entry = { 0, 0, 0 };
	char name[256];
	fd_set set;

	EXPECT_NO_SOCKET(WSANOTINITIALISED, socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_NO_SOCKET(WSANOTINITIALISED,
			 WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, 0));
	EXPECT_WSA(WSANOTINITIALISED, gethostname(name, sizeof(name)));
	EXPECT_EQ(WSANOTINITIALISED, getaddrinfo("127.0.0.1", NULL, NULL, &list));
	EXPECT_EQ(NULL, gethostbyname("127.0.0.1"));
	FD_ZERO(&set);
	FD_SET(1, &set);
	EXPECT_EQ(SOCKET_ERROR, select(0, &set, NULL, NULL, NULL));
	EXPECT_EQ(SOCKET_ERROR, WSAPoll(&entry, 1, 0));
	EXPECT_WSA(WSANOTINITIALISED, WSACleanup());
}

/* What a program leaves open the system fills in, as far as it can. */
static void system_completes_what_kind_of_socket(void)
{
	static const struct {
		int family, type, protocol;
		int made;
	} kinds[] = {
		{ AF_UNSPEC, SOCK_STREAM, IPPROTO_TCP, SOCK_STREAM },
		{ AF_UNSPEC, SOCK_DGRAM, IPPROTO_UDP, SOCK_DGRAM },
		{ AF_INET, 0, 0, SOCK_STREAM },
		{ AF_INET, 0, IPPROTO_TCP, SOCK_STREAM },
		{ AF_INET, 0, IPPROTO_UDP, SOCK_DGRAM },
		{ AF_INET, SOCK_DGRAM, 0, SOCK_DGRAM },
	};
	int i, type, size;
	SOCKET s;

	for (i = 0; i < (int)(sizeof(kinds) / sizeof(kinds[0])); i++) {
		s = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
		ASSERT(s != INVALID_SOCKET);
		size = sizeof(type);
		EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_TYPE, (char *)&type,
					(socklen_t *)&size));
		EXPECT_EQ(kinds[i].made, type);
		EXPECT_EQ(0, closesocket(s));
	}
	EXPECT_NO_SOCKET(WSAEINVAL, socket(AF_UNSPEC, 0, 0));
	EXPECT_NO_SOCKET(WSAEINVAL, socket(AF_UNSPEC, SOCK_STREAM, 0));
	EXPECT_NO_SOCKET(WSAEPROTONOSUPPORT, socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	EXPECT_NO_SOCKET(WSAESOCKTNOSUPPORT, socket(AF_INET, 7, 0));
	EXPECT_NO_SOCKET(WSAEAFNOSUPPORT, socket(99, SOCK_STREAM, 0));
}

static void description_of_a_socket_makes_another(void)
{
	WSAPROTOCOL_INFOA narrow;
	WSAPROTOCOL_INFOW wide;
	int size = sizeof(narrow), type = 0;
	SOCKET s = udp(), other;

	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOA, (char *)&narrow,
				(socklen_t *)&size));
	EXPECT_EQ(sizeof(narrow), size);
	EXPECT_EQ(AF_INET, narrow.iAddressFamily);
	EXPECT_EQ(SOCK_DGRAM, narrow.iSocketType);
	EXPECT_EQ(IPPROTO_UDP, narrow.iProtocol);
	EXPECT_EQ(sizeof(struct sockaddr_in), narrow.iMaxSockAddr);
	EXPECT_EQ(0x20609, narrow.dwServiceFlags1);
	EXPECT_EQ(0, strcmp("UDP/IP", narrow.szProtocol));
	other = WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
			   &narrow, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
	ASSERT(other != INVALID_SOCKET);
	size = sizeof(type);
	EXPECT_EQ(0, getsockopt(other, SOL_SOCKET, SO_TYPE, (char *)&type,
				(socklen_t *)&size));
	EXPECT_EQ(SOCK_DGRAM, type);
	EXPECT_EQ(0, closesocket(other));
	size = sizeof(wide);
	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&wide,
				(socklen_t *)&size));
	EXPECT_EQ(0, wcscmp(L"UDP/IP", wide.szProtocol));
	EXPECT_EQ(narrow.dwCatalogEntryId, wide.dwCatalogEntryId);
	other = WSASocketW(0, 0, 0, &wide, 0, 0);
	EXPECT(other != INVALID_SOCKET);
	EXPECT_EQ(0, closesocket(other));
	size = sizeof(narrow) / 2;
	EXPECT_WSA(WSAEFAULT, getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOA, (char *)&narrow,
					 (socklen_t *)&size));
	EXPECT_EQ(sizeof(narrow), size);
	EXPECT_WSA(WSAENOTSOCK, getsockopt(INVALID_SOCKET, SOL_SOCKET, SO_PROTOCOL_INFOA,
					   NULL, NULL));
	EXPECT_EQ(0, closesocket(s));
}

/* The other process may be the same one.  (There is more in library/duplicates.c.) */
static void socket_is_duplicated(void)
{
	WSAPROTOCOL_INFOA info;
	SOCKET pair[2], other;
	char c;

	ASSERT(tcp_pair(pair));
	if (WSADuplicateSocketA(pair[0], GetCurrentProcessId(), &info)) {
		/* Kernels before 5.15 cannot. */
		EXPECT_EQ(WSAEOPNOTSUPP, WSAGetLastError());
		return;
	}
	EXPECT_EQ(AF_INET, info.iAddressFamily);
	EXPECT_EQ(SOCK_STREAM, info.iSocketType);
	other = WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
			   &info, 0, WSA_FLAG_OVERLAPPED);
	ASSERT(other != INVALID_SOCKET);
	EXPECT(other != pair[0]);
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(1, send(other, "x", 1, 0));
	EXPECT_EQ(1, recv(pair[1], &c, 1, 0));
	EXPECT_NO_SOCKET(WSAEINVAL, WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
					       FROM_PROTOCOL_INFO, &info, 0,
					       WSA_FLAG_OVERLAPPED));
	EXPECT_EQ(0, closesocket(other));
	EXPECT_EQ(0, recv(pair[1], &c, 1, 0));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static DWORD connect_time(SOCKET s)
{
	DWORD seconds = 0xdead;
	int size = sizeof(seconds);

	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds,
				(socklen_t *)&size));
	return seconds;
}

static void connect_time_is_told(void)
{
	SOCKET pair[2], s = tcp();

	EXPECT_EQ(0xffffffff, connect_time(s));
	EXPECT_EQ(0, closesocket(s));
	ASSERT(tcp_pair(pair));
	EXPECT(connect_time(pair[0]) < 2);
	/* What has come does not hide it, as long as nothing went the other way. */
	Sleep(1100);
	EXPECT_EQ(1, send(pair[1], "x", 1, 0));
	Sleep(STAYS);
	EXPECT(connect_time(pair[0]) >= 1);
	EXPECT(connect_time(pair[0]) < 60);
	close_pair(pair);
}

static void contexts_are_updated(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), client = tcp(), s;

	EXPECT_WSA(WSAENOTCONN, setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT,
					   NULL, 0));
	ASSERT(!connect_to(client, &address));
	s = accept(listener, NULL, NULL);
	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(0, setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0));
	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener,
				sizeof(listener)));
	EXPECT_WSA(WSAEFAULT, setsockopt(s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
					 (char *)&listener, 1));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void options_of_windows_alone_are_there(void)
{
	DWORD value = 0;
	int size = sizeof(value);
	SOCKET s = udp();

	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_MAX_MSG_SIZE, (char *)&value,
				(socklen_t *)&size));
	EXPECT_EQ(65507, value);
	EXPECT_WSA(WSAENOPROTOOPT, getsockopt(s, SOL_SOCKET, 0x6fff, (char *)&value,
					      (socklen_t *)&size));
	EXPECT_EQ(0, closesocket(s));
}

/* Two servers with SO_EXCLUSIVEADDRUSE cannot have one address. */
static void exclusive_address_is_so(void)
{
	struct sockaddr_in address;
	SOCKET one = udp(), other = udp();
	int on = 1, size = sizeof(on);

	EXPECT_EQ(0, setsockopt(one, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char *)&on,
				sizeof(on)));
	on = 0;
	EXPECT_EQ(0, getsockopt(one, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char *)&on,
				(socklen_t *)&size));
	EXPECT_EQ(1, on);
	ASSERT(bind_anywhere(one, &address));
	EXPECT_EQ(SOCKET_ERROR, bind(other, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_EQ(0, closesocket(one));
	EXPECT_EQ(0, closesocket(other));
}

static void time_outs_are_ms(void)
{
	ULONGLONG start;
	SOCKET s = udp();
	struct sockaddr_in address;
	DWORD ms = 200;
	int size = sizeof(ms);
	char c;

	ASSERT(bind_anywhere(s, &address));
	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof(ms)));
	ms = 0;
	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, (socklen_t *)&size));
	EXPECT_EQ(200, ms);
	start = milliseconds();
	EXPECT_WSA(WSAETIMEDOUT, recv(s, &c, 1, 0));
	EXPECT(milliseconds() - start >= 190);
	EXPECT_EQ(0, closesocket(s));
}

static void handle_is_inherited_if_that_is_said(void)
{
	HANDLE handles[2] = { (HANDLE)tcp(), CreateEventA(NULL, TRUE, FALSE, NULL) };
	DWORD flags, i;

	for (i = 0; i < 2; i++) {
		EXPECT(SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT, 0));
		flags = 77;
		EXPECT(GetHandleInformation(handles[i], &flags));
		EXPECT_EQ(0, flags);
		EXPECT(SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT,
					    HANDLE_FLAG_INHERIT));
		EXPECT(GetHandleInformation(handles[i], &flags));
		EXPECT_EQ(HANDLE_FLAG_INHERIT, flags);
		EXPECT(SetHandleInformation(handles[i], 0, 0));
		EXPECT(GetHandleInformation(handles[i], &flags));
		EXPECT_EQ(HANDLE_FLAG_INHERIT, flags);
	}
	EXPECT_EQ(0, closesocket((SOCKET)handles[0]));
	EXPECT(CloseHandle(handles[1]));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetHandleInformation(handles[1], &flags));
	EXPECT_ERROR(ERROR_INVALID_HANDLE,
		     SetHandleInformation(handles[1], HANDLE_FLAG_INHERIT, 0));
}

int main(void)
{
	WSADATA data;

	RUN(before_startup_there_are_no_sockets);
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
	RUN(reset_stays_however_it_was_heard_of);
	RUN(receiving_after_shutdown_is_said);
	RUN(not_bound_is_said);
	RUN(nobody_is_at_the_address_of_all);
	RUN(short_addresses_are_refused);
	RUN(addresses_of_another_family_are_refused);
	RUN(options_are_refused_for_what_is_wrong_with_them);
	RUN(connecting_twice_is_refused);
	RUN(address_in_use_is_said);
	RUN(buffer_sizes_read_back_as_they_were_set);
	RUN(backlog_of_0_takes_a_connection);
	RUN(datagram_that_does_not_fit_is_said);
	RUN(socket_is_associated_once);
	RUN(system_completes_what_kind_of_socket);
	RUN(description_of_a_socket_makes_another);
	RUN(socket_is_duplicated);
	RUN(connect_time_is_told);
	RUN(contexts_are_updated);
	RUN(options_of_windows_alone_are_there);
	RUN(exclusive_address_is_so);
	RUN(time_outs_are_ms);
	RUN(handle_is_inherited_if_that_is_said);
	WSACleanup();
	return tap_end();
}
