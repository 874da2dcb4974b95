/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
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
#else
/* <unistd.h> came before: a macro, as for u_long. */
typedef int __sockiocp_socklen_t;
#define socklen_t		__sockiocp_socklen_t
#endif

#define IP_TOS			1
#define IP_TTL			2
#define IP_HDRINCL		3
#define IP_OPTIONS		4
#define IP_PKTINFO		8
#define IP_ECN			13
#define IP_RECVECN		IP_ECN
#define IP_MULTICAST_IF		32
#define IP_MULTICAST_TTL	33
#define IP_MULTICAST_LOOP	34
#define IP_ADD_MEMBERSHIP	35
#define IP_DROP_MEMBERSHIP	36
#define IP_UNBLOCK_SOURCE	37
#define IP_BLOCK_SOURCE		38
#define IP_ADD_SOURCE_MEMBERSHIP	39
#define IP_DROP_SOURCE_MEMBERSHIP	40

#define IPV6_UNICAST_HOPS	16
#define IPV6_MULTICAST_IF	17
#define IPV6_MULTICAST_HOPS	18
#define IPV6_MULTICAST_LOOP	19
#define IPV6_JOIN_GROUP		20
#define IPV6_ADD_MEMBERSHIP	20
#define IPV6_LEAVE_GROUP	21
#define IPV6_DROP_MEMBERSHIP	21
#define IPV6_V6ONLY		26
#define IPV6_PKTINFO		49
#define IPV6_ECN		66
#define IPV6_RECVECN		IPV6_ECN

#define UDP_SEND_MSG_SIZE		103
#define UDP_RECV_MAX_COALESCED_SIZE	104
#define UDP_COALESCED_INFO		104

#define TCP_KEEPIDLE		4
#define TCP_KEEPINTVL		5
#define TCP_KEEPCNT		6
#define TCP_FASTOPEN		23

typedef struct ip_mreq {
	IN_ADDR imr_multiaddr;
	IN_ADDR imr_interface;
} IP_MREQ, *PIP_MREQ;

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

/* Control data of IP_PKTINFO and of IPV6_PKTINFO */
typedef struct in_pktinfo {
	IN_ADDR ipi_addr;
	ULONG ipi_ifindex;
} IN_PKTINFO, *PIN_PKTINFO;

typedef struct in6_pktinfo {
	IN6_ADDR ipi6_addr;
	ULONG ipi6_ifindex;
} IN6_PKTINFO, *PIN6_PKTINFO;

typedef struct sockaddr_in6 {
	ADDRESS_FAMILY sin6_family;
	USHORT sin6_port;
	ULONG sin6_flowinfo;
	IN6_ADDR sin6_addr;
	ULONG sin6_scope_id;
} SOCKADDR_IN6, *PSOCKADDR_IN6, *LPSOCKADDR_IN6;

typedef union sockaddr_gen {
	struct sockaddr Address;
	struct sockaddr_in AddressIn;
	struct sockaddr_in6 AddressIn6;
} sockaddr_gen;

typedef union _SOCKADDR_INET {
	SOCKADDR_IN Ipv4;
	SOCKADDR_IN6 Ipv6;
	ADDRESS_FAMILY si_family;
} SOCKADDR_INET, *PSOCKADDR_INET;

typedef struct ipv6_mreq {
	IN6_ADDR ipv6mr_multiaddr;
	ULONG ipv6mr_interface;
} IPV6_MREQ, *PIPV6_MREQ;

#define IN6ADDR_ANY_INIT \
	{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } } }
#define IN6ADDR_LOOPBACK_INIT \
	{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } } }

/* libc's own objects. */
extern const struct in6_addr in6addr_any;
extern const struct in6_addr in6addr_loopback;

static __inline__ int IN6_ADDR_EQUAL(const IN6_ADDR *one, const IN6_ADDR *other)
{
	return !memcmp(one, other, sizeof(*one));
}

static __inline__ int IN6_IS_ADDR_UNSPECIFIED(const IN6_ADDR *a)
{
	return IN6_ADDR_EQUAL(a, &in6addr_any);
}

static __inline__ int IN6_IS_ADDR_LOOPBACK(const IN6_ADDR *a)
{
	return IN6_ADDR_EQUAL(a, &in6addr_loopback);
}

static __inline__ int IN6_IS_ADDR_MULTICAST(const IN6_ADDR *a)
{
	return a->s6_addr[0] == 0xff;
}

static __inline__ int IN6_IS_ADDR_LINKLOCAL(const IN6_ADDR *a)
{
	return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0x80;
}

static __inline__ int IN6_IS_ADDR_SITELOCAL(const IN6_ADDR *a)
{
	return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0xc0;
}

static __inline__ int IN6_IS_ADDR_V4MAPPED(const IN6_ADDR *a)
{
	static const IN6_ADDR mapped =
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0 } } };

	return !memcmp(a, &mapped, 12);
}

static __inline__ int IN6_IS_ADDR_V4COMPAT(const IN6_ADDR *a)
{
	return !memcmp(a, &in6addr_any, 12) && !IN6_IS_ADDR_UNSPECIFIED(a) &&
		!IN6_IS_ADDR_LOOPBACK(a);
}

static __inline__ int IN6_IS_ADDR_MC_NODELOCAL(const IN6_ADDR *a)
{
	return IN6_IS_ADDR_MULTICAST(a) && (a->s6_addr[1] & 0xf) == 1;
}

static __inline__ int IN6_IS_ADDR_MC_LINKLOCAL(const IN6_ADDR *a)
{
	return IN6_IS_ADDR_MULTICAST(a) && (a->s6_addr[1] & 0xf) == 2;
}

static __inline__ int IN6_IS_ADDR_MC_SITELOCAL(const IN6_ADDR *a)
{
	return IN6_IS_ADDR_MULTICAST(a) && (a->s6_addr[1] & 0xf) == 5;
}

static __inline__ int IN6_IS_ADDR_MC_ORGLOCAL(const IN6_ADDR *a)
{
	return IN6_IS_ADDR_MULTICAST(a) && (a->s6_addr[1] & 0xf) == 8;
}

static __inline__ int IN6_IS_ADDR_MC_GLOBAL(const IN6_ADDR *a)
{
	return IN6_IS_ADDR_MULTICAST(a) && (a->s6_addr[1] & 0xf) == 0xe;
}

static __inline__ void IN6_SET_ADDR_UNSPECIFIED(PIN6_ADDR a)
{
	*a = in6addr_any;
}

static __inline__ void IN6_SET_ADDR_LOOPBACK(PIN6_ADDR a)
{
	*a = in6addr_loopback;
}

static __inline__ BOOLEAN IN6ADDR_ISANY(const SOCKADDR_IN6 *a)
{
	return a->sin6_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->sin6_addr);
}

static __inline__ BOOLEAN IN6ADDR_ISLOOPBACK(const SOCKADDR_IN6 *a)
{
	return a->sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->sin6_addr);
}

static __inline__ void IN6ADDR_SETANY(PSOCKADDR_IN6 a)
{
	memset(a, 0, sizeof(*a));
	a->sin6_family = AF_INET6;
}

static __inline__ void IN6ADDR_SETLOOPBACK(PSOCKADDR_IN6 a)
{
	IN6ADDR_SETANY(a);
	a->sin6_addr.s6_addr[15] = 1;
}

/* Names.  Linux' numbers, but for the errors. */
#define AI_PASSIVE		0x0001
#define AI_CANONNAME		0x0002
#define AI_NUMERICHOST		0x0004
#define AI_V4MAPPED		0x0008
#define AI_ALL			0x0010
#define AI_ADDRCONFIG		0x0020
#define AI_NUMERICSERV		0x0400

#define NI_NUMERICHOST		0x01
#define NI_NUMERICSERV		0x02
#define NI_NOFQDN		0x04
#define NI_NAMEREQD		0x08
#define NI_DGRAM		0x10
#define NI_MAXHOST		1025
#define NI_MAXSERV		32

#define EAI_AGAIN		WSATRY_AGAIN
#define EAI_BADFLAGS		WSAEINVAL
#define EAI_FAIL		WSANO_RECOVERY
#define EAI_FAMILY		WSAEAFNOSUPPORT
#define EAI_MEMORY		WSA_NOT_ENOUGH_MEMORY
#define EAI_NODATA		WSANO_DATA
#define EAI_NONAME		WSAHOST_NOT_FOUND
#define EAI_SERVICE		WSATYPE_NOT_FOUND
#define EAI_SOCKTYPE		WSAESOCKTNOSUPPORT

typedef struct addrinfo {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	size_t ai_addrlen;
	char *ai_canonname;
	struct sockaddr *ai_addr;
	struct addrinfo *ai_next;
} ADDRINFOA, *PADDRINFOA;

typedef struct addrinfoW {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	size_t ai_addrlen;
	PWSTR ai_canonname;
	struct sockaddr *ai_addr;
	struct addrinfoW *ai_next;
} ADDRINFOW, *PADDRINFOW;

#ifdef UNICODE
typedef ADDRINFOW ADDRINFOT, *PADDRINFOT;
#else
typedef ADDRINFOA ADDRINFOT, *PADDRINFOT;
#endif
typedef ADDRINFOA ADDRINFO, *LPADDRINFO;

int WSAAPI inet_pton(int Family, const char *pszAddrString, void *pAddrBuf)
	__SOCKIOCP_SYMBOL(inet_pton);
const char *WSAAPI inet_ntop(int Family, const void *pAddr,
			     char *pStringBuf, size_t StringBufSize)
	__SOCKIOCP_SYMBOL(inet_ntop);

INT WSAAPI InetPtonW(INT Family, PCWSTR pszAddrString, PVOID pAddrBuf);
PCWSTR WSAAPI InetNtopW(INT Family, const VOID *pAddr, PWSTR pStringBuf,
			size_t StringBufSize);
#define InetPtonA		inet_pton
#define InetNtopA		inet_ntop

INT WSAAPI getaddrinfo(PCSTR pNodeName, PCSTR pServiceName,
		       const ADDRINFOA *pHints, PADDRINFOA *ppResult)
	__SOCKIOCP_SYMBOL(getaddrinfo);
void WSAAPI freeaddrinfo(PADDRINFOA pAddrInfo) __SOCKIOCP_SYMBOL(freeaddrinfo);
INT WSAAPI getnameinfo(const SOCKADDR *pSockaddr, socklen_t SockaddrLength,
		       PCHAR pNodeBuffer, DWORD NodeBufferSize,
		       PCHAR pServiceBuffer, DWORD ServiceBufferSize,
		       INT Flags) __SOCKIOCP_SYMBOL(getnameinfo);
INT WSAAPI GetAddrInfoW(PCWSTR pNodeName, PCWSTR pServiceName,
			const ADDRINFOW *pHints, PADDRINFOW *ppResult);
void WSAAPI FreeAddrInfoW(PADDRINFOW pAddrInfo);
INT WSAAPI GetNameInfoW(const SOCKADDR *pSockaddr, socklen_t SockaddrLength,
			PWCHAR pNodeBuffer, DWORD NodeBufferSize,
			PWCHAR pServiceBuffer, DWORD ServiceBufferSize,
			INT Flags);
char *WSAAPI gai_strerrorA(int ecode);
WCHAR *WSAAPI gai_strerrorW(int ecode);
#define GetAddrInfoA		getaddrinfo
#define FreeAddrInfoA		freeaddrinfo
#define GetNameInfoA		getnameinfo

#ifdef UNICODE
#define InetPton		InetPtonW
#define InetNtop		InetNtopW
#define GetAddrInfo		GetAddrInfoW
#define FreeAddrInfo		FreeAddrInfoW
#define GetNameInfo		GetNameInfoW
#define gai_strerror		gai_strerrorW
#else
#define InetPton		InetPtonA
#define InetNtop		InetNtopA
#define GetAddrInfo		GetAddrInfoA
#define FreeAddrInfo		FreeAddrInfoA
#define GetNameInfo		GetNameInfoA
#define gai_strerror		gai_strerrorA
#endif

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_WS2TCPIP_H */
