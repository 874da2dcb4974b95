// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Addresses as text, and the names of hosts and services.  Hosts are numbers: there need
 * be no resolver where this runs.
 */
#include "net.h"

#define PROGRAM "names"

static void addresses_are_read_and_written(void)
{
	struct in6_addr v6;
	struct in_addr v4;
	char text[INET6_ADDRSTRLEN];
	WCHAR wide[INET6_ADDRSTRLEN];

	EXPECT_EQ(1, InetPtonA(AF_INET, "1.2.3.4", &v4));
	EXPECT_EQ(htonl(0x01020304), v4.s_addr);
	EXPECT_EQ(0, strcmp("1.2.3.4", inet_ntoa(v4)));
	EXPECT_EQ(v4.s_addr, inet_addr("1.2.3.4"));
	EXPECT_EQ(1, InetPtonW(AF_INET, L"4.3.2.1", &v4));
	EXPECT_EQ(htonl(0x04030201), v4.s_addr);
	EXPECT_EQ(0, InetPtonW(AF_INET, L"4.3.2", &v4));
	EXPECT_EQ(0, InetPtonW(AF_INET, L"\x4e01.3.2.1", &v4));
	EXPECT_WSA(WSAEFAULT, InetPtonW(AF_INET, NULL, &v4));
	EXPECT_WSA(WSAEAFNOSUPPORT, InetPtonW(99, L"1.2.3.4", &v4));
	EXPECT_EQ(1, InetPtonA(AF_INET6, "fe80::1:2", &v6));
	EXPECT(InetNtopA(AF_INET6, &v6, text, sizeof(text)));
	EXPECT_EQ(0, strcmp("fe80::1:2", text));
	EXPECT(InetNtopW(AF_INET6, &v6, wide, INET6_ADDRSTRLEN));
	EXPECT_EQ(0, wcscmp(L"fe80::1:2", wide));
	EXPECT(!InetNtopW(AF_INET6, &v6, wide, 5));
	EXPECT(!InetNtopW(99, &v6, wide, INET6_ADDRSTRLEN));
}

/* A text becomes an address and a text again; NULL: it is none. */
static const struct {
	int family;
	const char *text, *again;
} texts[] = {
	{ AF_INET, "127.0.0.1", "127.0.0.1" },
	{ AF_INET, "127.0.0.1:80", "127.0.0.1:80" },
	{ AF_INET, "127.0.0.1:65535", "127.0.0.1:65535" },
	{ AF_INET, "0x7f.1:0x50", "127.0.0.1:80" },
	{ AF_INET, "127.0.0.1:0", NULL },
	{ AF_INET, "127.0.0.1:65536", NULL },
	{ AF_INET, "127.0.0.1:", NULL },
	{ AF_INET, "127.0.0.1:8x", NULL },
	{ AF_INET, "1.2.3.4:080", NULL },
	{ AF_INET, "", NULL },
	{ AF_INET, "foo", NULL },
	{ AF_INET, "1.2.3.4 ", NULL },
	{ AF_INET6, "::1", "::1" },
	{ AF_INET6, "[::1]:80", "[::1]:80" },
	{ AF_INET6, "[::1]", "::1" },
	{ AF_INET6, "[::1%3]:80", "[::1%3]:80" },
	{ AF_INET6, "fe80::1%3", "fe80::1%3" },
	{ AF_INET6, "[::1]80", NULL },
	{ AF_INET6, "127.0.0.1", NULL },
	{ 99, "1.2.3.4", NULL },
};

static void addresses_have_ports(void)
{
	char text[100], again[100];
	WCHAR wide[100], wide_again[100];
	struct sockaddr_storage address;
	DWORD length;
	int i, j, size;

	for (i = 0; i < (int)(sizeof(texts) / sizeof(texts[0])); i++) {
		strcpy(text, texts[i].text);
		for (j = 0; j <= (int)strlen(text); j++)
			wide[j] = text[j];
		size = sizeof(address);
		if (!texts[i].again) {
			EXPECT_WSA(WSAEINVAL, WSAStringToAddressA(text, texts[i].family, NULL,
						(struct sockaddr *)&address, &size));
			EXPECT_WSA(WSAEINVAL, WSAStringToAddressW(wide, texts[i].family, NULL,
						(struct sockaddr *)&address, &size));
			continue;
		}
		EXPECT_EQ(0, WSAStringToAddressA(text, texts[i].family, NULL,
						 (struct sockaddr *)&address, &size));
		length = sizeof(again);
		EXPECT_EQ(0, WSAAddressToStringA((struct sockaddr *)&address, size, NULL, again,
						 &length));
		EXPECT_EQ(0, strcmp(texts[i].again, again));
		EXPECT_EQ(strlen(again) + 1, length);
		size = sizeof(address);
		EXPECT_EQ(0, WSAStringToAddressW(wide, texts[i].family, NULL,
						 (struct sockaddr *)&address, &size));
		length = 100;
		EXPECT_EQ(0, WSAAddressToStringW((struct sockaddr *)&address, size, NULL,
						 wide_again, &length));
		for (j = 0; j < (int)length; j++)
			EXPECT_EQ(texts[i].again[j], wide_again[j]);
	}
}

static void what_does_not_fit_is_said(void)
{
	struct sockaddr_in address = loopback(80);
	char text[30];
	DWORD length = 3;
	int size = 3;

	EXPECT_WSA(WSAEFAULT, WSAAddressToStringA((struct sockaddr *)&address, sizeof(address),
						  NULL, text, &length));
	EXPECT_EQ(sizeof("127.0.0.1:80"), length);
	EXPECT_WSA(WSAEFAULT, WSAStringToAddressA((char *)"1.2.3.4", AF_INET, NULL,
						  (struct sockaddr *)&address, &size));
	EXPECT_EQ(sizeof(address), size);
	EXPECT_WSA(WSAEINVAL, WSAStringToAddressA(NULL, AF_INET, NULL,
						  (struct sockaddr *)&address, &size));
	address.sin_family = 99;
	length = sizeof(text);
	EXPECT_WSA(WSAEINVAL, WSAAddressToStringA((struct sockaddr *)&address, sizeof(address),
						  NULL, text, &length));
}

/* Type and protocol are those that were asked for. */
static void each_address_comes_once(void)
{
	static const int asked[][2] = {
		{ 0, 0 }, { SOCK_STREAM, 0 }, { SOCK_STREAM, IPPROTO_TCP },
		{ SOCK_DGRAM, IPPROTO_UDP }, { 0, IPPROTO_UDP },
	};
	ADDRINFOA hints, *list;
	int i;

	for (i = 0; i < 5; i++) {
		memset(&hints, 0, sizeof(hints));
		hints.ai_socktype = asked[i][0];
		hints.ai_protocol = asked[i][1];
		list = NULL;
		EXPECT_EQ(0, getaddrinfo("127.0.0.1", "80", &hints, &list));
		ASSERT(list);
		EXPECT_EQ(NULL, list->ai_next);
		EXPECT_EQ(AF_INET, list->ai_family);
		EXPECT_EQ(asked[i][0], list->ai_socktype);
		EXPECT_EQ(asked[i][1], list->ai_protocol);
		EXPECT_EQ(sizeof(struct sockaddr_in), list->ai_addrlen);
		EXPECT_EQ(htons(80), ((struct sockaddr_in *)list->ai_addr)->sin_port);
		EXPECT_EQ(htonl(INADDR_LOOPBACK),
			  ((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr);
		freeaddrinfo(list);
	}
	list = NULL;
	EXPECT_EQ(0, getaddrinfo("127.0.0.1", NULL, NULL, &list));
	ASSERT(list);
	freeaddrinfo(list);
}

static void passive_address_is_any(void)
{
	ADDRINFOA hints, *list = NULL;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE;
	EXPECT_EQ(0, getaddrinfo(NULL, "80", &hints, &list));
	ASSERT(list);
	EXPECT_EQ(INADDR_ANY, ((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr);
	freeaddrinfo(list);
	hints.ai_flags = 0;
	EXPECT_EQ(0, getaddrinfo(NULL, "80", &hints, &list));
	EXPECT_EQ(htonl(INADDR_LOOPBACK), ((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr);
	freeaddrinfo(list);
}

static void wide_names_are_read(void)
{
	ADDRINFOW hints, *list = NULL;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_CANONNAME;
	hints.ai_socktype = SOCK_STREAM;
	EXPECT_EQ(0, GetAddrInfoW(L"127.0.0.1", L"80", &hints, &list));
	ASSERT(list && list->ai_canonname);
	EXPECT_EQ(0, wcscmp(L"127.0.0.1", list->ai_canonname));
	FreeAddrInfoW(list);
}

static int error_of(const char *node, const char *service, int flags, int family, int type)
{
	ADDRINFOA hints, *list = NULL;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = flags;
	hints.ai_family = family;
	hints.ai_socktype = type;
	WSASetLastError(0);
	error = getaddrinfo(node, service, &hints, &list);
	EXPECT_EQ(error, WSAGetLastError());
	if (!error)
		freeaddrinfo(list);
	return error;
}

static void what_is_not_found_is_said(void)
{
	EXPECT_EQ(WSAHOST_NOT_FOUND, error_of(NULL, NULL, 0, 0, SOCK_STREAM));
	EXPECT_EQ(WSAHOST_NOT_FOUND, error_of("foo", "80", AI_NUMERICHOST, 0, SOCK_STREAM));
	EXPECT_EQ(WSATYPE_NOT_FOUND, error_of("1.2.3.4", "nosuch", 0, 0, SOCK_STREAM));
	EXPECT_EQ(WSAEAFNOSUPPORT, error_of("1.2.3.4", "80", 0, 99, SOCK_STREAM));
	EXPECT_EQ(WSAESOCKTNOSUPPORT, error_of("1.2.3.4", "80", 0, AF_INET, 99));
	EXPECT_EQ(WSAEINVAL, error_of(NULL, "80", AI_CANONNAME, AF_INET, SOCK_STREAM));
	freeaddrinfo(NULL);
}

static void numbers_are_names(void)
{
	struct sockaddr_in address = loopback(80);
	char host[NI_MAXHOST], service[NI_MAXSERV];
	WCHAR wide[NI_MAXHOST];

	EXPECT_EQ(0, getnameinfo((struct sockaddr *)&address, sizeof(address), host, sizeof(host),
				 service, sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV));
	EXPECT_EQ(0, strcmp("127.0.0.1", host));
	EXPECT_EQ(0, strcmp("80", service));
	EXPECT_EQ(0, GetNameInfoW((struct sockaddr *)&address, sizeof(address), wide, NI_MAXHOST,
				  NULL, 0, NI_NUMERICHOST));
	EXPECT_EQ(0, wcscmp(L"127.0.0.1", wide));
	address.sin_family = 99;
	EXPECT_EQ(WSAEAFNOSUPPORT, getnameinfo((struct sockaddr *)&address, sizeof(address), host,
					       sizeof(host), NULL, 0, NI_NUMERICHOST));
}

static void too_little_room_for_a_name_is_a_fault(void)
{
	struct sockaddr_in address = loopback(80);
	char host[3];

	EXPECT_EQ(WSAEFAULT, getnameinfo((struct sockaddr *)&address, sizeof(address), host,
					 sizeof(host), NULL, 0, NI_NUMERICHOST));
	EXPECT_EQ(WSAEFAULT, getnameinfo((struct sockaddr *)&address, 3, host, sizeof(host), NULL,
					 0, NI_NUMERICHOST));
}

static void machine_has_a_name(void)
{
	struct hostent *host;
	char name[256] = "";

	EXPECT_EQ(0, gethostname(name, sizeof(name)));
	EXPECT(name[0]);
	EXPECT_WSA(WSAEFAULT, gethostname(name, 1));
	EXPECT_WSA(WSAEFAULT, gethostname(NULL, 10));
	host = gethostbyname("127.0.0.1");
	ASSERT(host);
	EXPECT_EQ(AF_INET, host->h_addrtype);
	EXPECT_EQ(4, host->h_length);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), *(ULONG *)(void *)host->h_addr_list[0]);
	EXPECT_EQ(NULL, host->h_addr_list[1]);
	EXPECT_EQ(NULL, host->h_aliases[0]);
}

static void networks_have_an_order(void)
{
	u_short (WSAAPI *function)(u_short) = htons;
	SOCKET s = udp();
	u_short small = 0;
	u_long large = 0;

	EXPECT_EQ(0x0102, ntohs(function(0x0102)));
	EXPECT_EQ(0, WSAHtons(s, 0x0102, &small));
	EXPECT_EQ(htons(0x0102), small);
	EXPECT_EQ(0, WSANtohl(s, htonl(0x01020304), &large));
	EXPECT_EQ(0x01020304, large);
	EXPECT_WSA(WSAEFAULT, WSAHtonl(s, 1, NULL));
	EXPECT_EQ(0, closesocket(s));
}

static void order_is_that_of_a_socket(void)
{
	u_short small;

	EXPECT_WSA(WSAENOTSOCK, WSANtohs(INVALID_SOCKET, 1, &small));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(addresses_are_read_and_written);
	RUN(addresses_have_ports);
	RUN(what_does_not_fit_is_said);
	RUN(each_address_comes_once);
	RUN(passive_address_is_any);
	RUN(wide_names_are_read);
	RUN(what_is_not_found_is_said);
	RUN(numbers_are_names);
	RUN(too_little_room_for_a_name_is_a_fault);
	RUN(machine_has_a_name);
	RUN(networks_have_an_order);
	RUN(order_is_that_of_a_socket);
	WSACleanup();
	return tap_end();
}
