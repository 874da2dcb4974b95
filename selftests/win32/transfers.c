// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * WSASend(), WSARecv() and their kin without an OVERLAPPED, WSAAccept() and WSAConnect(),
 * and the commands of WSAIoctl().
 */
#include "net.h"

#define PROGRAM "transfers"

static void buffers_are_sent_and_filled_in_their_order(void)
{
	WSABUF out[3] = { { 3, (char *)"one" }, { 0, NULL }, { 4, (char *)"four" } };
	char a[2], b[16];
	WSABUF in[2] = { { sizeof(a), a }, { sizeof(b), b } };
	DWORD bytes = 0, flags = MSG_PEEK;
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSASend(pair[0], out, 3, &bytes, 0, NULL, NULL));
	EXPECT_EQ(7, bytes);
	Sleep(STAYS);
	EXPECT_EQ(0, WSARecv(pair[1], in, 2, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(7, bytes);
	flags = 0;
	memset(b, 0, sizeof(b));
	EXPECT_EQ(0, WSARecv(pair[1], in, 2, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(7, bytes);
	EXPECT_EQ(0, flags);
	EXPECT(!memcmp(a, "on", 2) && !memcmp(b, "efour", 5));
	EXPECT_EQ(0, shutdown(pair[0], SD_SEND));
	EXPECT_EQ(0, WSARecv(pair[1], in, 2, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(0, bytes);
	EXPECT_EQ(0, WSASend(pair[1], NULL, 0, &bytes, 0, NULL, NULL));
	EXPECT_EQ(0, bytes);
	close_pair(pair);
}

#define MANY	3000

static char many[MANY * 2];

/* More than Linux takes at once. */
static void many_buffers_are_one_stream(void)
{
	static WSABUF out[MANY], in[MANY];
	DWORD bytes = 0, flags = MSG_WAITALL;
	SOCKET pair[2];
	int i;

	ASSERT(tcp_pair(pair));
	for (i = 0; i < MANY; i++) {
		out[i].buf = (char *)"ab";
		out[i].len = 2;
		in[i].buf = many + 2 * i;
		in[i].len = 2;
	}
	ASSERT_EQ(0, WSASend(pair[0], out, MANY, &bytes, 0, NULL, NULL));
	EXPECT_EQ(2 * MANY, bytes);
	EXPECT_EQ(0, WSARecv(pair[1], in, MANY, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(2 * MANY, bytes);
	EXPECT(!memcmp(many, "ab", 2) && !memcmp(many + 2 * MANY - 2, "ab", 2));
	close_pair(pair);
}

static void datagrams_have_addresses(void)
{
	WSABUF out[2] = { { 3, (char *)"one" }, { 4, (char *)"four" } };
	struct sockaddr_in address, from;
	char a[4], b[4];
	WSABUF in[2] = { { sizeof(a), a }, { sizeof(b), b } };
	DWORD bytes = 0, flags = 0;
	SOCKET s = udp(), other = udp();
	int size = sizeof(from);

	ASSERT(bind_anywhere(s, &address) && bind_anywhere(other, &from));
	EXPECT_EQ(0, WSASendTo(other, out, 2, &bytes, 0, (struct sockaddr *)&address,
			       sizeof(address), NULL, NULL));
	EXPECT_EQ(7, bytes);
	address = from;
	EXPECT_EQ(0, WSARecvFrom(s, in, 2, &bytes, &flags, (struct sockaddr *)&from, &size,
				 NULL, NULL));
	EXPECT_EQ(7, bytes);
	EXPECT_EQ(sizeof(from), size);
	EXPECT_EQ(address.sin_port, from.sin_port);
	EXPECT(!memcmp(a, "onef", 4) && !memcmp(b, "our", 3));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(other));
}

static void datagram_that_does_not_fit_is_said(void)
{
	WSABUF out = { 5, (char *)"hello" };
	struct sockaddr_in address;
	char text[3];
	WSABUF in = { sizeof(text), text };
	DWORD bytes = 0, flags = 0;
	SOCKET s = udp();

	ASSERT(bind_anywhere(s, &address));
	EXPECT_EQ(0, WSASendTo(s, &out, 1, &bytes, 0, (struct sockaddr *)&address,
			       sizeof(address), NULL, NULL));
	EXPECT_WSA(WSAEMSGSIZE, WSARecv(s, &in, 1, &bytes, &flags, NULL, NULL));
	EXPECT(!memcmp(text, "hel", 3));
	EXPECT_EQ(0, closesocket(s));
}

/* Nobody is there, and the next call says so. */
static void datagram_to_nobody_is_a_reset(void)
{
	struct sockaddr_in address;
	SOCKET s = udp(), gone = udp();
	DWORD ms = COMES;
	char c;

	ASSERT(bind_anywhere(gone, &address));
	EXPECT_EQ(0, closesocket(gone));
	EXPECT_EQ(0, connect_to(s, &address));
	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof(ms)));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_WSA(WSAECONNRESET, recv(s, &c, 1, 0));
	EXPECT_EQ(0, closesocket(s));
}

static void bad_arguments_of_a_transfer_are_refused(void)
{
	char c = 'x';
	WSABUF buffer = { 1, &c };
	SOCKET pair[2], none = tcp();
	DWORD bytes, flags = 0;

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, closesocket(none));
	EXPECT_WSA(WSAENOTSOCK, WSASend(none, &buffer, 1, &bytes, 0, NULL, NULL));
	EXPECT_WSA(WSAENOTSOCK, WSARecv(none, &buffer, 1, &bytes, &flags, NULL, NULL));
	EXPECT_WSA(WSAENOTSOCK, WSASend(INVALID_SOCKET, &buffer, 1, &bytes, 0, NULL, NULL));
	EXPECT_WSA(WSAEFAULT, WSASend(pair[0], NULL, 1, &bytes, 0, NULL, NULL));
	EXPECT_WSA(WSAEFAULT, WSASend(pair[0], &buffer, 1, NULL, 0, NULL, NULL));
	EXPECT_WSA(WSAEFAULT, WSARecv(pair[0], NULL, 1, &bytes, &flags, NULL, NULL));
	EXPECT_WSA(WSAEFAULT, WSARecv(pair[0], &buffer, 1, &bytes, NULL, NULL, NULL));
	none = tcp();
	EXPECT_EQ(SOCKET_ERROR, WSASend(none, &buffer, 1, &bytes, 0, NULL, NULL));
	EXPECT_EQ(0, closesocket(none));
	set_nonblocking(pair[0]);
	EXPECT_WSA(WSAEWOULDBLOCK, WSARecv(pair[0], &buffer, 1, &bytes, &flags, NULL, NULL));
	close_pair(pair);
}

struct asked {
	int count;
	int says;
	struct sockaddr_in caller;
	int caller_fits;
	struct sockaddr_in callee;
};

static int CALLBACK condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos,
			      LPWSABUF callee, LPWSABUF callee_data, GROUP *group,
			      DWORD_PTR data)
{
	struct asked *asked = (struct asked *)data;

	(void)caller_data;
	(void)sqos;
	(void)gqos;
	(void)callee_data;
	(void)group;
	asked->count++;
	asked->caller_fits = caller->len == sizeof(asked->caller);
	memcpy(&asked->caller, caller->buf, sizeof(asked->caller));
	memcpy(&asked->callee, callee->buf, sizeof(asked->callee));
	return asked->says;
}

static void condition_is_asked_who_may_connect(void)
{
	struct sockaddr_in address, own, peer;
	SOCKET listener = tcp_listener(&address), client = tcp(), s;
	int own_size = sizeof(own), size = sizeof(peer);
	struct asked asked = { .says = CF_ACCEPT };

	ASSERT(bind_anywhere(client, &own));
	EXPECT_EQ(0, WSAConnect(client, (struct sockaddr *)&address, sizeof(address),
				NULL, NULL, NULL, NULL));
	EXPECT_EQ(0, getsockname(client, (struct sockaddr *)&own, (socklen_t *)&own_size));
	s = WSAAccept(listener, (struct sockaddr *)&peer, &size, condition,
		      (DWORD_PTR)&asked);
	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(1, asked.count);
	EXPECT(asked.caller_fits);
	EXPECT_EQ(own.sin_port, asked.caller.sin_port);
	EXPECT_EQ(address.sin_port, asked.callee.sin_port);
	EXPECT_EQ(own.sin_port, peer.sin_port);
	EXPECT_EQ(sizeof(peer), size);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void without_condition_all_may(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), client = tcp(), s;

	EXPECT_EQ(0, connect_to(client, &address));
	s = WSAAccept(listener, NULL, NULL, NULL, 0);
	EXPECT(s != INVALID_SOCKET);
	EXPECT_EQ(0, closesocket(s));
	set_nonblocking(listener);
	EXPECT_NO_SOCKET(WSAEWOULDBLOCK, WSAAccept(listener, NULL, NULL, NULL, 0));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void rejected_connection_is_reset(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), client = tcp();
	struct asked asked = { .says = CF_REJECT };
	char c;

	EXPECT_EQ(0, connect_to(client, &address));
	EXPECT_NO_SOCKET(WSAECONNREFUSED, WSAAccept(listener, NULL, NULL, condition,
						    (DWORD_PTR)&asked));
	EXPECT_WSA(WSAECONNRESET, recv(client, &c, 1, 0));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void deferring_is_not_there(void)
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address), client = tcp();
	struct asked asked = { .says = CF_DEFER };
	char c;

	EXPECT_EQ(0, connect_to(client, &address));
	EXPECT_NO_SOCKET(WSAEOPNOTSUPP, WSAAccept(listener, NULL, NULL, condition,
						  (DWORD_PTR)&asked));
	set_nonblocking(client);
	Sleep(STAYS);
	EXPECT_WSA(WSAECONNRESET, recv(client, &c, 1, 0));
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
}

static void accepting_on_what_cannot_is_refused(void)
{
	SOCKET datagrams = udp();

	EXPECT_NO_SOCKET(WSAEOPNOTSUPP, WSAAccept(datagrams, NULL, NULL, NULL, 0));
	EXPECT_NO_SOCKET(WSAENOTSOCK, WSAAccept(INVALID_SOCKET, NULL, NULL, condition, 0));
	EXPECT_WSA(WSAENOTSOCK, WSAConnect(INVALID_SOCKET, NULL, 0, NULL, NULL, NULL, NULL));
	EXPECT_EQ(0, closesocket(datagrams));
}

static void modes_are_set_and_asked(void)
{
	DWORD value = 1, bytes = 77;
	SOCKET pair[2];
	char c;

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, WSAIoctl(pair[0], FIONBIO, &value, sizeof(value), NULL, 0, &bytes, NULL,
			      NULL));
	EXPECT_EQ(0, bytes);
	EXPECT_WSA(WSAEWOULDBLOCK, recv(pair[0], &c, 1, 0));
	EXPECT_EQ(3, send(pair[1], "abc", 3, 0));
	Sleep(STAYS);
	EXPECT_EQ(0, WSAIoctl(pair[0], FIONREAD, NULL, 0, &value, sizeof(value), &bytes, NULL,
			      NULL));
	EXPECT_EQ(4, bytes);
	EXPECT_EQ(3, value);
	EXPECT_WSA(WSAEFAULT, WSAIoctl(pair[0], FIONREAD, NULL, 0, &value, 2, &bytes, NULL,
				       NULL));
	EXPECT_WSA(WSAEFAULT, WSAIoctl(pair[0], FIONBIO, NULL, 0, NULL, 0, &bytes, NULL, NULL));
	EXPECT_WSA(WSAEFAULT, WSAIoctl(pair[0], FIONBIO, &value, 4, NULL, 0, NULL, NULL, NULL));
	EXPECT_WSA(WSAEOPNOTSUPP, WSAIoctl(pair[0], 0x12345, NULL, 0, NULL, 0, &bytes, NULL,
					   NULL));
	EXPECT_WSA(WSAENOTSOCK, WSAIoctl(INVALID_SOCKET, FIONBIO, &value, 4, NULL, 0, &bytes,
					 NULL, NULL));
	close_pair(pair);
}

static void keepalive_is_set_in_ms(void)
{
	struct tcp_keepalive values = { 1, 10000, 2000 };
	int value = 0, size = sizeof(value);
	SOCKET s = tcp(), datagrams = udp();
	DWORD bytes;

	EXPECT_EQ(0, WSAIoctl(s, SIO_KEEPALIVE_VALS, &values, sizeof(values), NULL, 0, &bytes,
			      NULL, NULL));
	EXPECT_EQ(0, getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, (char *)&value,
				(socklen_t *)&size));
	EXPECT_EQ(1, value);
	EXPECT_WSA(WSAEFAULT, WSAIoctl(s, SIO_KEEPALIVE_VALS, &values, 4, NULL, 0, &bytes, NULL,
				       NULL));
	EXPECT_WSA(WSAEINVAL, WSAIoctl(datagrams, SIO_KEEPALIVE_VALS, &values, sizeof(values),
				       NULL, 0, &bytes, NULL, NULL));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(datagrams));
}

static void base_handle_is_the_socket(void)
{
	SOCKET s = tcp(), base = 0;
	DWORD bytes = 0;

	EXPECT_EQ(0, WSAIoctl(s, SIO_BASE_HANDLE, NULL, 0, &base, sizeof(base), &bytes, NULL,
			      NULL));
	EXPECT_EQ(s, base);
	EXPECT_EQ(sizeof(base), bytes);
	EXPECT_EQ(0, closesocket(s));
}

static void resets_of_datagrams_can_be_declined(void)
{
	BOOL no = FALSE;
	SOCKET s = udp();
	DWORD bytes;

	EXPECT_EQ(0, WSAIoctl(s, SIO_UDP_CONNRESET, &no, sizeof(no), NULL, 0, &bytes, NULL,
			      NULL));
	EXPECT_EQ(0, closesocket(s));
}

static void extensions_that_nobody_has_are_refused(void)
{
	GUID unknown = { 1, 2, 3, { 4 } };
	void *function = NULL;
	SOCKET s = tcp();
	DWORD bytes;

	EXPECT_WSA(WSAEINVAL, WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown,
				       sizeof(unknown), &function, sizeof(function), &bytes,
				       NULL, NULL));
	EXPECT_EQ(NULL, function);
	EXPECT_EQ(0, closesocket(s));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(buffers_are_sent_and_filled_in_their_order);
	RUN(many_buffers_are_one_stream);
	RUN(datagrams_have_addresses);
	RUN(datagram_that_does_not_fit_is_said);
	RUN(datagram_to_nobody_is_a_reset);
	RUN(bad_arguments_of_a_transfer_are_refused);
	RUN(condition_is_asked_who_may_connect);
	RUN(without_condition_all_may);
	RUN(rejected_connection_is_reset);
	RUN(deferring_is_not_there);
	RUN(accepting_on_what_cannot_is_refused);
	RUN(modes_are_set_and_asked);
	RUN(keepalive_is_set_in_ms);
	RUN(base_handle_is_the_socket);
	RUN(resets_of_datagrams_can_be_declined);
	RUN(extensions_that_nobody_has_are_refused);
	WSACleanup();
	return tap_end();
}
