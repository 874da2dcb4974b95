/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Windows Sockets 2 as far as libsockiocp has it, socket state notifications
 * first of all.
 *
 *   - SOCKET and HANDLE hold file descriptors.
 *   - Numbers of address families, options, flags and commands are Linux'
 *     own: programs are recompiled, and nothing has to be translated.
 *   - Functions whose names POSIX has too are declared here with their Win32
 *     signature and under a symbol of libsockiocp's own.  libc's functions
 *     stay what they are for the rest of the process.
 *   - u_long has 32 bits, as on Windows, from here on, also if <sys/types.h>
 *     (which <stdlib.h> includes) has given it 64 before.
 *   - Do not include <sys/socket.h>, <netinet/in.h> or <arpa/inet.h> in the
 *     same source file: they declare the same names with other types.
 */
#ifndef _SOCKIOCP_WINSOCK2_H
#define _SOCKIOCP_WINSOCK2_H

#if defined(_SYS_SOCKET_H) || defined(_NETINET_IN_H) || defined(_ARPA_INET_H)
#error "<winsock2.h> takes the place of <sys/socket.h>, <netinet/in.h> and <arpa/inet.h>"
#endif

#include "windows.h"

/* The same if they come later: glibc's <sys/socket.h> begins with this type. */
#define __socket_type \
	_Pragma("GCC error \"<winsock2.h> takes the place of <sys/socket.h>, <netinet/in.h> and <arpa/inet.h>\"") \
	__socket_type

/* A function that POSIX has too: Win32 signature, symbol of our own. */
#define __SOCKIOCP_SYMBOL(name)	__asm__("sockiocp_" #name)

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __u_char_defined
#ifdef __GLIBC__
/* glibc's <sys/types.h> defines these behind the same guard as u_long. */
#include <bits/types.h>
typedef __quad_t quad_t;
typedef __u_quad_t u_quad_t;
typedef __fsid_t fsid_t;
#endif
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned int u_long;
#define __u_char_defined
#else
/* A macro: a typedef cannot be made again with another type. */
typedef unsigned int __sockiocp_u_long;
#define u_long __sockiocp_u_long
#endif

typedef UINT_PTR SOCKET;

#define INVALID_SOCKET		((SOCKET)(~0))
#define SOCKET_ERROR		(-1)

/* Address families, socket types, protocols */
#define AF_UNSPEC		0
#define AF_UNIX			1
#define AF_INET			2
#define AF_INET6		10

#define PF_UNSPEC		AF_UNSPEC
#define PF_UNIX			AF_UNIX
#define PF_INET			AF_INET
#define PF_INET6		AF_INET6

#define SOCK_STREAM		1
#define SOCK_DGRAM		2
#define SOCK_RAW		3
#define SOCK_RDM		4
#define SOCK_SEQPACKET		5

#define IPPROTO_IP		0
#define IPPROTO_ICMP		1
#define IPPROTO_TCP		6
#define IPPROTO_UDP		17
#define IPPROTO_IPV6		41
#define IPPROTO_ICMPV6		58
#define IPPROTO_RAW		255

/* Options */
#define SOL_SOCKET		1
#define SO_DEBUG		1
#define SO_REUSEADDR		2
#define SO_TYPE			3
#define SO_ERROR		4
#define SO_DONTROUTE		5
#define SO_BROADCAST		6
#define SO_SNDBUF		7
#define SO_RCVBUF		8
#define SO_KEEPALIVE		9
#define SO_OOBINLINE		10
#define SO_LINGER		13
#define SO_RCVLOWAT		18
#define SO_SNDLOWAT		19
#define SO_RCVTIMEO		20
#define SO_SNDTIMEO		21
#define SO_ACCEPTCONN		30
#define SO_DONTLINGER		((int)(~SO_LINGER))
#define SO_EXCLUSIVEADDRUSE	((int)(~SO_REUSEADDR))

#define TCP_NODELAY		1

/* Flags of send and recv */
#define MSG_OOB			0x01
#define MSG_PEEK		0x02
#define MSG_DONTROUTE		0x04
#define MSG_WAITALL		0x100

/* Commands of ioctlsocket */
#define FIONREAD		0x541B
#define FIONBIO			0x5421
#define SIOCATMARK		0x8905

#define SD_RECEIVE		0
#define SD_SEND			1
#define SD_BOTH			2

#define SOMAXCONN		0x7fffffff
#define SOMAXCONN_HINT(backlog)	(-(backlog))

/* Addresses */
typedef USHORT ADDRESS_FAMILY;

typedef struct in_addr {
	union {
		struct {
			UCHAR s_b1, s_b2, s_b3, s_b4;
		} S_un_b;
		struct {
			USHORT s_w1, s_w2;
		} S_un_w;
		ULONG S_addr;
	} S_un;
} IN_ADDR, *PIN_ADDR, *LPIN_ADDR;

#define s_addr			S_un.S_addr
#define s_net			S_un.S_un_b.s_b1
#define s_host			S_un.S_un_b.s_b2
#define s_lh			S_un.S_un_b.s_b3
#define s_impno			S_un.S_un_b.s_b4

#define INADDR_ANY		((ULONG)0x00000000)
#define INADDR_LOOPBACK		((ULONG)0x7f000001)
#define INADDR_BROADCAST	((ULONG)0xffffffff)
#define INADDR_NONE		((ULONG)0xffffffff)

typedef struct sockaddr {
	ADDRESS_FAMILY sa_family;
	CHAR sa_data[14];
} SOCKADDR, *PSOCKADDR, *LPSOCKADDR;

typedef struct sockaddr_in {
	ADDRESS_FAMILY sin_family;
	USHORT sin_port;
	IN_ADDR sin_addr;
	CHAR sin_zero[8];
} SOCKADDR_IN, *PSOCKADDR_IN, *LPSOCKADDR_IN;

typedef struct sockaddr_storage {
	ADDRESS_FAMILY ss_family;
	CHAR __ss_pad1[6];
	INT64 __ss_align;
	CHAR __ss_pad2[112];
} SOCKADDR_STORAGE, *PSOCKADDR_STORAGE, *LPSOCKADDR_STORAGE;

/* SO_LINGER.  Winsock's fields; the library converts from and to Linux'. */
typedef struct linger {
	u_short l_onoff;
	u_short l_linger;
} LINGER, *PLINGER, *LPLINGER;

/* Start and end */
#define WINSOCK_VERSION		MAKEWORD(2, 2)
#define WSADESCRIPTION_LEN	256
#define WSASYS_STATUS_LEN	128

typedef struct WSAData {
	WORD wVersion;
	WORD wHighVersion;
	unsigned short iMaxSockets;
	unsigned short iMaxUdpDg;
	char *lpVendorInfo;
	char szDescription[WSADESCRIPTION_LEN + 1];
	char szSystemStatus[WSASYS_STATUS_LEN + 1];
} WSADATA, *LPWSADATA;

int WSAAPI WSAStartup(WORD wVersionRequested, LPWSADATA lpWSAData);
int WSAAPI WSACleanup(void);
int WSAAPI WSAGetLastError(void);
void WSAAPI WSASetLastError(int iError);

/* Sockets */
SOCKET WSAAPI socket(int af, int type, int protocol) __SOCKIOCP_SYMBOL(socket);
int WSAAPI closesocket(SOCKET s);
int WSAAPI bind(SOCKET s, const struct sockaddr *name, int namelen)
	__SOCKIOCP_SYMBOL(bind);
int WSAAPI listen(SOCKET s, int backlog) __SOCKIOCP_SYMBOL(listen);
SOCKET WSAAPI accept(SOCKET s, struct sockaddr *addr, int *addrlen)
	__SOCKIOCP_SYMBOL(accept);
int WSAAPI connect(SOCKET s, const struct sockaddr *name, int namelen)
	__SOCKIOCP_SYMBOL(connect);
int WSAAPI shutdown(SOCKET s, int how) __SOCKIOCP_SYMBOL(shutdown);
int WSAAPI send(SOCKET s, const char *buf, int len, int flags)
	__SOCKIOCP_SYMBOL(send);
int WSAAPI sendto(SOCKET s, const char *buf, int len, int flags,
		  const struct sockaddr *to, int tolen)
	__SOCKIOCP_SYMBOL(sendto);
int WSAAPI recv(SOCKET s, char *buf, int len, int flags)
	__SOCKIOCP_SYMBOL(recv);
int WSAAPI recvfrom(SOCKET s, char *buf, int len, int flags,
		    struct sockaddr *from, int *fromlen)
	__SOCKIOCP_SYMBOL(recvfrom);
int WSAAPI getsockname(SOCKET s, struct sockaddr *name, int *namelen)
	__SOCKIOCP_SYMBOL(getsockname);
int WSAAPI getpeername(SOCKET s, struct sockaddr *name, int *namelen)
	__SOCKIOCP_SYMBOL(getpeername);
int WSAAPI getsockopt(SOCKET s, int level, int optname, char *optval,
		      int *optlen) __SOCKIOCP_SYMBOL(getsockopt);
int WSAAPI setsockopt(SOCKET s, int level, int optname, const char *optval,
		      int optlen) __SOCKIOCP_SYMBOL(setsockopt);
/* argp is u_long * on Windows: the four bytes it points at are used. */
int WSAAPI ioctlsocket(SOCKET s, long cmd, void *argp);

ULONG WSAAPI inet_addr(const char *cp) __SOCKIOCP_SYMBOL(inet_addr);

static __inline__ USHORT htons(USHORT hostshort)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap16(hostshort);
#else
	return hostshort;
#endif
}

static __inline__ ULONG htonl(ULONG hostlong)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap32(hostlong);
#else
	return hostlong;
#endif
}

static __inline__ USHORT ntohs(USHORT netshort)
{
	return htons(netshort);
}

static __inline__ ULONG ntohl(ULONG netlong)
{
	return htonl(netlong);
}

/* Socket state notifications */
#define SOCK_NOTIFY_REGISTER_EVENT_NONE		0x00
#define SOCK_NOTIFY_REGISTER_EVENT_IN		0x01
#define SOCK_NOTIFY_REGISTER_EVENT_OUT		0x02
#define SOCK_NOTIFY_REGISTER_EVENT_HANGUP	0x04
#define SOCK_NOTIFY_REGISTER_EVENTS_ALL \
	(SOCK_NOTIFY_REGISTER_EVENT_IN | SOCK_NOTIFY_REGISTER_EVENT_OUT | \
	 SOCK_NOTIFY_REGISTER_EVENT_HANGUP)

#define SOCK_NOTIFY_EVENT_IN			SOCK_NOTIFY_REGISTER_EVENT_IN
#define SOCK_NOTIFY_EVENT_OUT			SOCK_NOTIFY_REGISTER_EVENT_OUT
#define SOCK_NOTIFY_EVENT_HANGUP		SOCK_NOTIFY_REGISTER_EVENT_HANGUP
#define SOCK_NOTIFY_EVENT_ERR			0x40
#define SOCK_NOTIFY_EVENT_REMOVE		0x80
#define SOCK_NOTIFY_EVENTS_ALL \
	(SOCK_NOTIFY_REGISTER_EVENTS_ALL | SOCK_NOTIFY_EVENT_ERR | \
	 SOCK_NOTIFY_EVENT_REMOVE)

#define SOCK_NOTIFY_OP_NONE			0x00
#define SOCK_NOTIFY_OP_ENABLE			0x01
#define SOCK_NOTIFY_OP_DISABLE			0x02
#define SOCK_NOTIFY_OP_REMOVE			0x04

#define SOCK_NOTIFY_TRIGGER_ONESHOT		0x01
#define SOCK_NOTIFY_TRIGGER_PERSISTENT		0x02
#define SOCK_NOTIFY_TRIGGER_LEVEL		0x04
#define SOCK_NOTIFY_TRIGGER_EDGE		0x08
#define SOCK_NOTIFY_TRIGGER_ALL \
	(SOCK_NOTIFY_TRIGGER_ONESHOT | SOCK_NOTIFY_TRIGGER_PERSISTENT | \
	 SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_EDGE)

/* The kernel reads this structure: struct sockiocp_registration_entry. */
typedef struct SOCK_NOTIFY_REGISTRATION {
	SOCKET socket;
	PVOID completionKey;
	UINT16 eventFilter;
	UINT8 operation;
	UINT8 triggerFlags;
	DWORD registrationResult;
} SOCK_NOTIFY_REGISTRATION;

DWORD WSAAPI ProcessSocketNotifications(HANDLE completionPort,
					UINT32 registrationCount,
					SOCK_NOTIFY_REGISTRATION *registrationInfos,
					UINT32 timeoutMs,
					ULONG completionCount,
					OVERLAPPED_ENTRY *completionPortEntries,
					UINT32 *receivedEntryCount);

static FORCEINLINE UINT32
SocketNotificationRetrieveEvents(OVERLAPPED_ENTRY *notification)
{
	return notification->dwNumberOfBytesTransferred;
}

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_WINSOCK2_H */
