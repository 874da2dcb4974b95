// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Addresses as text, given pointers that are NULL: refused, as by every other
 * function of Winsock's.
 */
#include "kselftest_harness.h"

#include <ws2tcpip.h>

#include "lib/port.h"

#define EXPECT_FAULT(call_fails)					\
	do {								\
		SetLastError(POISON32);					\
		EXPECT_TRUE(call_fails);				\
		EXPECT_EQ(WSAEFAULT, WSAGetLastError());		\
	} while (0)

TEST(null_is_no_address)
{
	struct in_addr addr = { { { 127, 0, 0, 1 } } };
	char text[INET6_ADDRSTRLEN];

	EXPECT_FAULT(inet_addr(NULL) == INADDR_NONE);
	EXPECT_FAULT(inet_pton(AF_INET, NULL, &addr) == SOCKET_ERROR);
	EXPECT_FAULT(inet_pton(AF_INET6, "::1", NULL) == SOCKET_ERROR);
	EXPECT_FAULT(!inet_ntop(AF_INET, NULL, text, sizeof(text)));
	EXPECT_FAULT(!inet_ntop(AF_INET, &addr, NULL, sizeof(text)));

	EXPECT_EQ(&text[0], inet_ntop(AF_INET, &addr, text, sizeof(text)));
	EXPECT_STREQ("127.0.0.1", text);
	EXPECT_EQ(htonl(0x7f000001), inet_addr("127.0.0.1"));
}

TEST_HARNESS_MAIN
