// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Addresses as text.
 */
#include <errno.h>
#include <limits.h>

#include "internal.h"
#include "posix.h"

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
