// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Addresses as text, and numbers in the network's order.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

/**
 * inet_addr - read an IPv4 address in dotted notation
 * @cp: the text, for instance "127.0.0.1"
 *
 * Return: the address in network order; INADDR_NONE if the text is not one
 * (or is "255.255.255.255").  The last error is set only if @cp is NULL.
 *
 * Windows: "inet_addr function (winsock2.h)".
 */
ULONG WSAAPI inet_addr(const char *cp)
{
	if (!cp) {
		sockiocp_wsa_fail(EFAULT);
		return INADDR_NONE;
	}
	return libc_inet_addr(cp);
}

/**
 * inet_pton - read an IP address
 * @Family: AF_INET or AF_INET6
 * @pszAddrString: the text
 * @pAddrBuf: receives a struct in_addr or a struct in6_addr
 *
 * Return: 1; 0 if the text is not an address of this family; -1 if it fails,
 * and WSAGetLastError() says why:
 *   WSAEAFNOSUPPORT	another family
 *
 * Windows: "inet_pton function (ws2tcpip.h)".
 */
int WSAAPI inet_pton(int Family, const char *pszAddrString, void *pAddrBuf)
{
	int result;

	if (!pszAddrString || !pAddrBuf)
		return sockiocp_wsa_fail(EFAULT);
	result = libc_inet_pton(Family, pszAddrString, pAddrBuf);
	return result < 0 ? sockiocp_wsa_fail(errno) : result;
}

/**
 * inet_ntop - write an IP address as text
 * @Family: AF_INET or AF_INET6
 * @pAddr: a struct in_addr or a struct in6_addr
 * @pStringBuf: receives the text
 * @StringBufSize: its size in bytes; INET6_ADDRSTRLEN is enough
 *
 * Return: @pStringBuf; NULL if it fails, and WSAGetLastError() says why:
 *   WSAEAFNOSUPPORT	another family
 *   WSAEINVAL		the text does not fit
 *
 * Windows: "inet_ntop function (ws2tcpip.h)".
 */
const char *WSAAPI inet_ntop(int Family, const void *pAddr, char *pStringBuf,
			     size_t StringBufSize)
{
	unsigned int size = StringBufSize > UINT_MAX ?
				UINT_MAX : (unsigned int)StringBufSize;

	if (!pAddr || !pStringBuf) {
		sockiocp_wsa_fail(EFAULT);
		return NULL;
	}
	if (libc_inet_ntop(Family, pAddr, pStringBuf, size))
		return pStringBuf;
	sockiocp_wsa_fail(errno == ENOSPC ? EINVAL : errno);
	return NULL;
}

/**
 * inet_ntoa - write an IPv4 address in dotted notation
 * @in: the address
 *
 * Return: the text, which the next call in this thread overwrites.
 *
 * Windows: "inet_ntoa function (winsock2.h)".
 */
char *WSAAPI inet_ntoa(struct in_addr in)
{
	static _Thread_local char text[INET_ADDRSTRLEN];

	libc_inet_ntop(AF_INET, &in, text, sizeof(text));
	return text;
}

/*
 * Copies a text that is to be an address or a name, which has only ASCII in it.
 * Returns whether it is such a text, and fits.
 */
bool sockiocp_narrow(const WCHAR *from, char *to, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (from[i] < 0 || from[i] > 0x7f)
			return false;
		to[i] = (char)from[i];
		if (!to[i])
			return true;
	}
	return false;
}

/* Copies a text of ASCII to where it has room. */
void sockiocp_widen(const char *from, WCHAR *to)
{
	do {
		*to++ = (unsigned char)*from;
	} while (*from++);
}

/**
 * InetPtonW - read an IP address in wide characters
 * @Family: AF_INET or AF_INET6
 * @pszAddrString: the text
 * @pAddrBuf: receives a struct in_addr or a struct in6_addr
 *
 * Return: as inet_pton(); after a 0 the last error is WSAEINVAL.
 *
 * Windows: "InetPtonW function (ws2tcpip.h)".
 */
INT WSAAPI InetPtonW(INT Family, PCWSTR pszAddrString, PVOID pAddrBuf)
{
	char text[INET6_ADDRSTRLEN] = "";
	int result;

	if (!pszAddrString || !pAddrBuf)
		return sockiocp_wsa_fail(EFAULT);
	if (!sockiocp_narrow(pszAddrString, text, sizeof(text)))
		text[0] = 0;
	result = inet_pton(Family, text, pAddrBuf);
	if (!result)
		sockiocp_wsa_fail(EINVAL);
	return result;
}

/**
 * InetNtopW - write an IP address in wide characters
 * @Family: AF_INET or AF_INET6
 * @pAddr: a struct in_addr or a struct in6_addr
 * @pStringBuf: receives the text
 * @StringBufSize: its size in characters; INET6_ADDRSTRLEN is enough
 *
 * Return: as inet_ntop().
 *
 * Windows: "InetNtopW function (ws2tcpip.h)".
 */
PCWSTR WSAAPI InetNtopW(INT Family, const VOID *pAddr, PWSTR pStringBuf,
			size_t StringBufSize)
{
	char text[INET6_ADDRSTRLEN];

	if (!pStringBuf) {
		sockiocp_wsa_fail(EFAULT);
		return NULL;
	}
	if (!inet_ntop(Family, pAddr, text, StringBufSize < sizeof(text) ?
		       StringBufSize : sizeof(text)))
		return NULL;
	sockiocp_widen(text, pStringBuf);
	return pStringBuf;
}

/* Reads a whole number up to @max, in decimal, octal or hexadecimal. */
static bool read_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 0);
	return !*end && !errno && *number <= max;
}

/* Windows takes no port of 0 there. */
static bool read_port(const char *text, unsigned long *port)
{
	return read_number(text, USHRT_MAX, port) && *port;
}

/* Reads "1.2.3.4" or "1.2.3.4:80".  Returns whether it is one. */
static bool read_ipv4(char *text, struct sockaddr_in *address)
{
	char *colon = strchr(text, ':');
	unsigned long port = 0;

	if (colon) {
		*colon = 0;
		if (!read_port(colon + 1, &port))
			return false;
	}
	/* libc's ends at a space, and likes what follows. */
	if (strchr(text, ' ') || !libc_inet_aton(text, &address->sin_addr))
		return false;
	address->sin_family = AF_INET;
	address->sin_port = htons((USHORT)port);
	return true;
}

/* Reads "fe80::1", "fe80::1%2", "[fe80::1]" or "[fe80::1%2]:80". */
static bool read_ipv6(char *text, struct sockaddr_in6 *address)
{
	unsigned long port = 0, scope = 0;
	char *end, *percent;

	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end)
			return false;
		*end++ = 0;
		if (*end && (*end != ':' || !read_port(end + 1, &port)))
			return false;
	}
	percent = strchr(text, '%');
	if (percent) {
		*percent = 0;
		if (!read_number(percent + 1, UINT_MAX, &scope))
			return false;
	}
	if (libc_inet_pton(AF_INET6, text, &address->sin6_addr) != 1)
		return false;
	address->sin6_family = AF_INET6;
	address->sin6_port = htons((USHORT)port);
	address->sin6_scope_id = (ULONG)scope;
	return true;
}

/* Where a text with an address, a scope and a port has room. */
#define ADDRESS_TEXT	(INET6_ADDRSTRLEN + sizeof("[%4294967295]:65535"))

/* WSAStringToAddress() with a text that may be written to. */
static INT read_address(char *text, INT family, LPSOCKADDR to, LPINT len)
{
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { 0 };
	INT size;
	bool is_one;

	switch (family) {
	case AF_INET:
		size = sizeof(address.v4);
		break;
	case AF_INET6:
		size = sizeof(address.v6);
		break;
	default:
		return sockiocp_wsa_fail(EINVAL);
	}
	if (!to || !len)
		return sockiocp_wsa_fail(EFAULT);
	if (*len < size) {
		*len = size;
		return sockiocp_wsa_fail(EFAULT);
	}
	is_one = family == AF_INET ? read_ipv4(text, &address.v4) :
				     read_ipv6(text, &address.v6);
	if (!is_one)
		return sockiocp_wsa_fail(EINVAL);
	memcpy(to, &address, (size_t)size);
	*len = size;
	return 0;
}

/**
 * WSAStringToAddressA - read an IP address, with its port
 * @AddressString: the text, for instance "127.0.0.1:80" or "[fe80::1%2]:80"
 * @AddressFamily: AF_INET or AF_INET6
 * @lpProtocolInfo: ignored
 * @lpAddress: receives the address
 * @lpAddressLength: in: size of @lpAddress in bytes; out: size of the address, or
 *	what it should have been
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEINVAL		the text is not an address of this family, or NULL; another
 *			family
 *   WSAEFAULT		@lpAddress is too small or NULL
 *
 * Windows: "WSAStringToAddressA function (winsock2.h)".
 */
INT WSAAPI WSAStringToAddressA(LPSTR AddressString, INT AddressFamily,
			       LPWSAPROTOCOL_INFOA lpProtocolInfo,
			       LPSOCKADDR lpAddress, LPINT lpAddressLength)
{
	char text[ADDRESS_TEXT];

	(void)lpProtocolInfo;
	if (!AddressString)
		return sockiocp_wsa_fail(EINVAL);
	/* What is longer than any is none. */
	snprintf(text, sizeof(text), "%s", AddressString);
	if (strlen(AddressString) >= sizeof(text))
		text[0] = 0;
	return read_address(text, AddressFamily, lpAddress, lpAddressLength);
}

/**
 * WSAStringToAddressW - read an IP address, with its port, in wide characters
 * @AddressString: as for WSAStringToAddressA(), and so are all others
 * @AddressFamily: likewise
 * @lpProtocolInfo: likewise
 * @lpAddress: likewise
 * @lpAddressLength: likewise
 *
 * Return: as WSAStringToAddressA().
 *
 * Windows: "WSAStringToAddressW function (winsock2.h)".
 */
INT WSAAPI WSAStringToAddressW(LPWSTR AddressString, INT AddressFamily,
			       LPWSAPROTOCOL_INFOW lpProtocolInfo,
			       LPSOCKADDR lpAddress, LPINT lpAddressLength)
{
	char text[ADDRESS_TEXT];

	(void)lpProtocolInfo;
	if (!AddressString)
		return sockiocp_wsa_fail(EINVAL);
	if (!sockiocp_narrow(AddressString, text, sizeof(text)))
		text[0] = 0;
	return read_address(text, AddressFamily, lpAddress, lpAddressLength);
}

/* Writes "1.2.3.4" or "1.2.3.4:80". */
static void write_ipv4(const struct sockaddr_in *address, char *text, size_t size)
{
	char host[INET_ADDRSTRLEN];

	libc_inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
	if (address->sin_port)
		snprintf(text, size, "%s:%u", host, ntohs(address->sin_port));
	else
		snprintf(text, size, "%s", host);
}

/* Writes "fe80::1", "fe80::1%2", "[fe80::1]:80" or "[fe80::1%2]:80". */
static void write_ipv6(const struct sockaddr_in6 *address, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN], scope[sizeof("%4294967295")] = "";

	libc_inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof(host));
	if (address->sin6_scope_id)
		snprintf(scope, sizeof(scope), "%%%u", address->sin6_scope_id);
	if (address->sin6_port)
		snprintf(text, size, "[%s%s]:%u", host, scope,
			 ntohs(address->sin6_port));
	else
		snprintf(text, size, "%s%s", host, scope);
}

/*
 * WSAAddressToString(), into @text.  @len is how many characters the program has
 * room for, and becomes how many there are, with the 0.
 */
static INT write_address(const struct sockaddr *address, DWORD size,
			 const void *room, LPDWORD len, char text[ADDRESS_TEXT])
{
	DWORD needed;

	if (!address || !room || !len || size < sizeof(address->sa_family))
		return sockiocp_wsa_fail(EFAULT);
	switch (address->sa_family) {
	case AF_INET:
		if (size < sizeof(struct sockaddr_in))
			return sockiocp_wsa_fail(EFAULT);
		write_ipv4((const struct sockaddr_in *)address, text,
			   ADDRESS_TEXT);
		break;
	case AF_INET6:
		if (size < sizeof(struct sockaddr_in6))
			return sockiocp_wsa_fail(EFAULT);
		write_ipv6((const struct sockaddr_in6 *)address, text,
			   ADDRESS_TEXT);
		break;
	default:
		return sockiocp_wsa_fail(EINVAL);
	}
	needed = (DWORD)strlen(text) + 1;
	if (*len < needed) {
		*len = needed;
		return sockiocp_wsa_fail(EFAULT);
	}
	*len = needed;
	return 0;
}

/**
 * WSAAddressToStringA - write an IP address, with its port unless that is 0
 * @lpsaAddress: the address
 * @dwAddressLength: its size in bytes
 * @lpProtocolInfo: ignored
 * @lpszAddressString: receives the text
 * @lpdwAddressStringLength: in: how many characters it has room for; out: how many
 *	there are, or would be, with the 0
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEFAULT		a pointer is NULL, or something too small
 *   WSAEINVAL		neither AF_INET nor AF_INET6
 *
 * Windows: "WSAAddressToStringA function (winsock2.h)".
 */
INT WSAAPI WSAAddressToStringA(LPSOCKADDR lpsaAddress, DWORD dwAddressLength,
			       LPWSAPROTOCOL_INFOA lpProtocolInfo,
			       LPSTR lpszAddressString,
			       LPDWORD lpdwAddressStringLength)
{
	char text[ADDRESS_TEXT];

	(void)lpProtocolInfo;
	if (write_address(lpsaAddress, dwAddressLength, lpszAddressString,
			  lpdwAddressStringLength, text))
		return SOCKET_ERROR;
	memcpy(lpszAddressString, text, *lpdwAddressStringLength);
	return 0;
}

/**
 * WSAAddressToStringW - write an IP address, with its port, in wide characters
 * @lpsaAddress: as for WSAAddressToStringA(), and so are all others
 * @dwAddressLength: likewise
 * @lpProtocolInfo: likewise
 * @lpszAddressString: likewise
 * @lpdwAddressStringLength: likewise
 *
 * Return: as WSAAddressToStringA().
 *
 * Windows: "WSAAddressToStringW function (winsock2.h)".
 */
INT WSAAPI WSAAddressToStringW(LPSOCKADDR lpsaAddress, DWORD dwAddressLength,
			       LPWSAPROTOCOL_INFOW lpProtocolInfo,
			       LPWSTR lpszAddressString,
			       LPDWORD lpdwAddressStringLength)
{
	char text[ADDRESS_TEXT];

	(void)lpProtocolInfo;
	if (write_address(lpsaAddress, dwAddressLength, lpszAddressString,
			  lpdwAddressStringLength, text))
		return SOCKET_ERROR;
	sockiocp_widen(text, lpszAddressString);
	return 0;
}

/* Returns whether a conversion can be made for this socket. */
static bool may_convert(SOCKET s, const void *to)
{
	if (!sockiocp_is_socket(sockiocp_socket_fd(s)))
		sockiocp_wsa_fail(errno);
	else if (!to)
		sockiocp_wsa_fail(EFAULT);
	else
		return true;
	return false;
}

/**
 * WSAHtonl - a number in the order of a socket's network
 * @s: the socket; all networks have the same order
 * @hostlong: the number
 * @lpnetlong: receives what htonl() returns
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAENOTSOCK	not a socket
 *   WSAEFAULT		@lpnetlong is NULL
 *
 * Windows: "WSAHtonl function (winsock2.h)".
 */
int WSAAPI WSAHtonl(SOCKET s, ULONG hostlong, ULONG *lpnetlong)
{
	if (!may_convert(s, lpnetlong))
		return SOCKET_ERROR;
	*lpnetlong = htonl(hostlong);
	return 0;
}

/**
 * WSAHtons - a short number in the order of a socket's network
 * @s: as for WSAHtonl()
 * @hostshort: the number
 * @lpnetshort: receives what htons() returns
 *
 * Return: as WSAHtonl().
 *
 * Windows: "WSAHtons function (winsock2.h)".
 */
int WSAAPI WSAHtons(SOCKET s, USHORT hostshort, USHORT *lpnetshort)
{
	if (!may_convert(s, lpnetshort))
		return SOCKET_ERROR;
	*lpnetshort = htons(hostshort);
	return 0;
}

/**
 * WSANtohl - a number from the order of a socket's network
 * @s: as for WSAHtonl()
 * @netlong: the number
 * @lphostlong: receives what ntohl() returns
 *
 * Return: as WSAHtonl().
 *
 * Windows: "WSANtohl function (winsock2.h)".
 */
int WSAAPI WSANtohl(SOCKET s, ULONG netlong, ULONG *lphostlong)
{
	return WSAHtonl(s, netlong, lphostlong);
}

/**
 * WSANtohs - a short number from the order of a socket's network
 * @s: as for WSAHtonl()
 * @netshort: the number
 * @lphostshort: receives what ntohs() returns
 *
 * Return: as WSAHtonl().
 *
 * Windows: "WSANtohs function (winsock2.h)".
 */
int WSAAPI WSANtohs(SOCKET s, USHORT netshort, USHORT *lphostshort)
{
	return WSAHtons(s, netshort, lphostshort);
}
