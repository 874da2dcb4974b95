/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Sockets for the tests in pure Winsock. */
#ifndef SELFTESTS_WIN32_NET_H
#define SELFTESTS_WIN32_NET_H

#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <mstcpip.h>
#include <windows.h>

#include <string.h>

#include "tap.h"

/* A call that returns SOCKET_ERROR, and the error that it leaves. */
#define EXPECT_WSA(error, call)							\
	do {									\
		WSASetLastError(0);						\
		EXPECT_EQ(SOCKET_ERROR, call);					\
		EXPECT_EQ(error, WSAGetLastError());				\
	} while (0)

/* The same of one that returns a socket. */
#define EXPECT_NO_SOCKET(error, call)						\
	do {									\
		WSASetLastError(0);						\
		EXPECT_EQ(INVALID_SOCKET, call);				\
		EXPECT_EQ(error, WSAGetLastError());				\
	} while (0)

static __inline struct sockaddr_in loopback(unsigned short port)
{
	struct sockaddr_in address;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* Binds it to a free port of the loopback, which it returns in @address. */
static __inline int bind_anywhere(SOCKET s, struct sockaddr_in *address)
{
	int size = sizeof(*address);

	*address = loopback(0);
	return !bind(s, (struct sockaddr *)address, sizeof(*address)) &&
	       !getsockname(s, (struct sockaddr *)address, (socklen_t *)&size);
}

static __inline int connect_to(SOCKET s, const struct sockaddr_in *address)
{
	return connect(s, (const struct sockaddr *)address, sizeof(*address));
}

static __inline SOCKET tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
}

static __inline SOCKET udp(void)
{
	return socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
}

static __inline SOCKET tcp_listener(struct sockaddr_in *address)
{
	SOCKET listener = tcp();

	if (!bind_anywhere(listener, address) || listen(listener, 5))
		return INVALID_SOCKET;
	return listener;
}

static __inline int tcp_pair(SOCKET pair[2])
{
	struct sockaddr_in address;
	SOCKET listener = tcp_listener(&address);

	pair[0] = tcp();
	if (connect_to(pair[0], &address))
		return 0;
	pair[1] = accept(listener, NULL, NULL);
	closesocket(listener);
	return pair[1] != INVALID_SOCKET;
}

static __inline void close_pair(SOCKET pair[2])
{
	EXPECT_EQ(0, closesocket(pair[0]));
	EXPECT_EQ(0, closesocket(pair[1]));
}

static __inline void set_nonblocking(SOCKET s)
{
	u_long on = 1;

	EXPECT_EQ(0, ioctlsocket(s, FIONBIO, &on));
}

#endif /* SELFTESTS_WIN32_NET_H */
