/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Windows Sockets 2: TCP/IP's options and IPv6 addresses.
 */
#ifndef _SOCKIOCP_WS2TCPIP_H
#define _SOCKIOCP_WS2TCPIP_H

#include "winsock2.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __socklen_t_defined
typedef int socklen_t;
#define __socklen_t_defined
#endif

#define IP_TOS			1
#define IP_TTL			2

#define IPV6_UNICAST_HOPS	16
#define IPV6_V6ONLY		26

#define TCP_KEEPIDLE		4
#define TCP_KEEPINTVL		5
#define TCP_KEEPCNT		6

#define INET_ADDRSTRLEN		22
#define INET6_ADDRSTRLEN	65

typedef struct in6_addr {
	union {
		UCHAR Byte[16];
		USHORT Word[8];
	} u;
} IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;

#define s6_addr			u.Byte
#define s6_words		u.Word

typedef struct sockaddr_in6 {
	ADDRESS_FAMILY sin6_family;
	USHORT sin6_port;
	ULONG sin6_flowinfo;
	IN6_ADDR sin6_addr;
	ULONG sin6_scope_id;
} SOCKADDR_IN6, *PSOCKADDR_IN6, *LPSOCKADDR_IN6;

#define IN6ADDR_ANY_INIT \
	{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } } }
#define IN6ADDR_LOOPBACK_INIT \
	{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } } }

/* libc's own objects. */
extern const struct in6_addr in6addr_any;
extern const struct in6_addr in6addr_loopback;

int WSAAPI inet_pton(int Family, const char *pszAddrString, void *pAddrBuf)
	__SOCKIOCP_SYMBOL(inet_pton);
const char *WSAAPI inet_ntop(int Family, const void *pAddr,
			     char *pStringBuf, size_t StringBufSize)
	__SOCKIOCP_SYMBOL(inet_ntop);

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_WS2TCPIP_H */
