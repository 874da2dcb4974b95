/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
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
 *   - u_long has 32 bits, and fd_set and select() are Winsock's, from here on,
 *     also if <stdlib.h> (by way of <sys/types.h>) has brought libc's before.
 *   - Do not include <sys/socket.h>, <netinet/in.h>, <arpa/inet.h> or <netdb.h>
 *     in the same source file: they declare the same names with other types.
 *   - <poll.h>, if a source file needs it too, comes before this header.
 */
#ifndef _SOCKIOCP_WINSOCK2_H
#define _SOCKIOCP_WINSOCK2_H

#if defined(_SYS_SOCKET_H) || defined(_NETINET_IN_H) || defined(_ARPA_INET_H)
#error "<winsock2.h> takes the place of <sys/socket.h>, <netinet/in.h> and <arpa/inet.h>"
#endif

#include <sys/types.h>

#include "windows.h"
#include "sockiocp_absent.h"

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
typedef unsigned int GROUP;
typedef int SERVICETYPE;

#define INVALID_SOCKET		((SOCKET)(~0))
#define SOCKET_ERROR		(-1)
#define FROM_PROTOCOL_INFO	(-1)

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
/* Winsock's own numbers: Linux has nothing like them. */
#define SO_CONDITIONAL_ACCEPT		0x3002
#define SO_PAUSE_ACCEPT			0x3003
#define SO_RANDOMIZE_PORT		0x3005
#define SO_PORT_SCALABILITY		0x3006
#define SO_REUSE_UNICASTPORT		0x3007
#define SO_BSP_STATE			0x1009
#define SO_GROUP_ID			0x2001
#define SO_GROUP_PRIORITY		0x2002
#define SO_MAX_MSG_SIZE			0x2003
#define SO_PROTOCOL_INFOA		0x2004
#define SO_PROTOCOL_INFOW		0x2005
#define SO_CONNDATA			0x7000
#define SO_CONNOPT			0x7001
#define SO_DISCDATA			0x7002
#define SO_DISCOPT			0x7003
#define SO_OPENTYPE			0x7008
#define SO_MAXDG			0x7009
#define SO_MAXPATHDG			0x700A
#define SO_UPDATE_ACCEPT_CONTEXT	0x700B
#define SO_CONNECT_TIME			0x700C
#define SO_UPDATE_CONNECT_CONTEXT	0x7010
#define SO_SYNCHRONOUS_ALERT		0x10
#define SO_SYNCHRONOUS_NONALERT		0x20
#ifdef UNICODE
#define SO_PROTOCOL_INFO		SO_PROTOCOL_INFOW
#else
#define SO_PROTOCOL_INFO		SO_PROTOCOL_INFOA
#endif

#define SO_DONTLINGER		((int)(~SO_LINGER))
#define SO_EXCLUSIVEADDRUSE	((int)(~SO_REUSEADDR))

#define TCP_NODELAY		1

/* Flags of send and recv */
#define MSG_OOB			0x01
#define MSG_PEEK		0x02
#define MSG_DONTROUTE		0x04
#define MSG_WAITALL		0x100
/* What WSARecvMsg() says of a message */
#define MSG_CTRUNC		0x08
#define MSG_TRUNC		0x20
/* Winsock's own number, as above. */
#define MSG_PARTIAL		0x8000

/* Commands of ioctlsocket */
#define FIONREAD		0x541B
#define FIONBIO			0x5421
#define SIOCATMARK		0x8905

/* Commands of WSAIoctl: Winsock's own numbers. */
#define IOCPARM_MASK		0x7f
#define IOC_VOID		0x20000000
/* <linux/ioctl.h> has these with other numbers. */
#undef IOC_OUT
#undef IOC_IN
#undef IOC_INOUT
#define IOC_OUT			0x40000000
#define IOC_IN			0x80000000u
#define IOC_INOUT		(IOC_IN | IOC_OUT)
#define IOC_UNIX		0x00000000
#define IOC_WS2			0x08000000
#define IOC_PROTOCOL		0x10000000
#define IOC_VENDOR		0x18000000
#define _WSAIO(group, number)	(IOC_VOID | (group) | (number))
#define _WSAIOR(group, number)	(0x40000000 | (group) | (number))
#define _WSAIOW(group, number)	(0x80000000u | (group) | (number))
#define _WSAIORW(group, number)	(0xc0000000u | (group) | (number))

#define SIO_ASSOCIATE_HANDLE		_WSAIOW(IOC_WS2, 1)
#define SIO_ENABLE_CIRCULAR_QUEUEING	_WSAIO(IOC_WS2, 2)
#define SIO_FIND_ROUTE			_WSAIOR(IOC_WS2, 3)
#define SIO_FLUSH			_WSAIO(IOC_WS2, 4)
#define SIO_GET_BROADCAST_ADDRESS	_WSAIOR(IOC_WS2, 5)
#define SIO_GET_EXTENSION_FUNCTION_POINTER	_WSAIORW(IOC_WS2, 6)
#define SIO_GET_QOS			_WSAIORW(IOC_WS2, 7)
#define SIO_MULTIPOINT_LOOPBACK		_WSAIOW(IOC_WS2, 9)
#define SIO_MULTICAST_SCOPE		_WSAIOW(IOC_WS2, 10)
#define SIO_SET_QOS			_WSAIOW(IOC_WS2, 11)
#define SIO_TRANSLATE_HANDLE		_WSAIORW(IOC_WS2, 13)
#define SIO_ROUTING_INTERFACE_QUERY	_WSAIORW(IOC_WS2, 20)
#define SIO_ROUTING_INTERFACE_CHANGE	_WSAIOW(IOC_WS2, 21)
#define SIO_ADDRESS_LIST_QUERY		_WSAIOR(IOC_WS2, 22)
#define SIO_ADDRESS_LIST_CHANGE		_WSAIO(IOC_WS2, 23)
#define SIO_QUERY_TARGET_PNP_HANDLE	_WSAIOR(IOC_WS2, 24)
#define SIO_NSP_NOTIFY_CHANGE		_WSAIOW(IOC_WS2, 25)

#define SD_RECEIVE		0
#define SD_SEND			1
#define SD_BOTH			2

#define SOMAXCONN		0x7fffffff
#define SOMAXCONN_HINT(backlog)	(-(backlog))

/* Addresses */
typedef USHORT ADDRESS_FAMILY;

#define IN_CLASSA(address)	(((LONG)(address) & 0x80000000u) == 0)
#define IN_CLASSB(address)	(((LONG)(address) & 0xc0000000u) == 0x80000000u)
#define IN_CLASSC(address)	(((LONG)(address) & 0xe0000000u) == 0xc0000000u)
#define IN_CLASSD(address)	(((LONG)(address) & 0xf0000000u) == 0xe0000000u)
#define IN_MULTICAST(address)	IN_CLASSD(address)

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

typedef struct _SOCKET_ADDRESS {
	LPSOCKADDR lpSockaddr;
	INT iSockaddrLength;
} SOCKET_ADDRESS, *PSOCKET_ADDRESS, *LPSOCKET_ADDRESS;

typedef struct _SOCKET_ADDRESS_LIST {
	INT iAddressCount;
	SOCKET_ADDRESS Address[1];
} SOCKET_ADDRESS_LIST, *PSOCKET_ADDRESS_LIST, *LPSOCKET_ADDRESS_LIST;

typedef struct hostent {
	char *h_name;
	char **h_aliases;
	short h_addrtype;
	short h_length;
	char **h_addr_list;
} HOSTENT, *PHOSTENT, *LPHOSTENT;

#define h_addr			h_addr_list[0]

typedef struct servent {
	char *s_name;
	char **s_aliases;
	char *s_proto;
	short s_port;
} SERVENT, *PSERVENT, *LPSERVENT;

typedef struct protoent {
	char *p_name;
	char **p_aliases;
	short p_proto;
} PROTOENT, *PPROTOENT, *LPPROTOENT;

/* What h_errno is elsewhere. */
#define h_errno			WSAGetLastError()
#define HOST_NOT_FOUND		WSAHOST_NOT_FOUND
#define TRY_AGAIN		WSATRY_AGAIN
#define NO_RECOVERY		WSANO_RECOVERY
#define NO_DATA			WSANO_DATA
#define NO_ADDRESS		WSANO_ADDRESS
#define WSANO_ADDRESS		WSANO_DATA

/* SO_LINGER.  Winsock's fields; the library converts from and to Linux'. */
typedef struct linger {
	u_short l_onoff;
	u_short l_linger;
} LINGER, *PLINGER, *LPLINGER;

/* Overlapped I/O, and what comes with the calls that can have it */
#define WSAEVENT			HANDLE
#define LPWSAEVENT			LPHANDLE
#define WSAOVERLAPPED			OVERLAPPED
typedef struct _OVERLAPPED *LPWSAOVERLAPPED;

#define WSA_IO_PENDING			ERROR_IO_PENDING
#define WSA_IO_INCOMPLETE		ERROR_IO_INCOMPLETE
#define WSA_INVALID_HANDLE		ERROR_INVALID_HANDLE
#define WSA_INVALID_PARAMETER		ERROR_INVALID_PARAMETER
#define WSA_NOT_ENOUGH_MEMORY		ERROR_NOT_ENOUGH_MEMORY
#define WSA_OPERATION_ABORTED		ERROR_OPERATION_ABORTED

#define WSA_INVALID_EVENT		((WSAEVENT)NULL)
#define WSA_MAXIMUM_WAIT_EVENTS		MAXIMUM_WAIT_OBJECTS
#define WSA_WAIT_FAILED			WAIT_FAILED
#define WSA_WAIT_EVENT_0		WAIT_OBJECT_0
#define WSA_WAIT_IO_COMPLETION		WAIT_IO_COMPLETION
#define WSA_WAIT_TIMEOUT		WAIT_TIMEOUT
#define WSA_INFINITE			INFINITE

#define WSA_FLAG_OVERLAPPED		0x01
#define WSA_FLAG_MULTIPOINT_C_ROOT	0x02
#define WSA_FLAG_MULTIPOINT_C_LEAF	0x04
#define WSA_FLAG_MULTIPOINT_D_ROOT	0x08
#define WSA_FLAG_MULTIPOINT_D_LEAF	0x10
#define WSA_FLAG_ACCESS_SYSTEM_SECURITY	0x40
#define WSA_FLAG_NO_HANDLE_INHERIT	0x80
#define WSA_FLAG_REGISTERED_IO		0x100

typedef struct _WSABUF {
	ULONG len;
	CHAR *buf;
} WSABUF, *LPWSABUF;

typedef struct _WSAMSG {
	LPSOCKADDR name;
	INT namelen;
	LPWSABUF lpBuffers;
	ULONG dwBufferCount;
	WSABUF Control;
	ULONG dwFlags;
} WSAMSG, *PWSAMSG, *LPWSAMSG;

typedef struct _FLOWSPEC {
	ULONG TokenRate;
	ULONG TokenBucketSize;
	ULONG PeakBandwidth;
	ULONG Latency;
	ULONG DelayVariation;
	ULONG ServiceType;
	ULONG MaxSduSize;
	ULONG MinimumPolicedSize;
} FLOWSPEC, *PFLOWSPEC, *LPFLOWSPEC;

typedef struct _QualityOfService {
	FLOWSPEC SendingFlowspec;
	FLOWSPEC ReceivingFlowspec;
	WSABUF ProviderSpecific;
} QOS, *LPQOS;

#define CF_ACCEPT			0x0000
#define CF_REJECT			0x0001
#define CF_DEFER			0x0002

typedef int (CALLBACK *LPCONDITIONPROC)(LPWSABUF lpCallerId,
					LPWSABUF lpCallerData,
					LPQOS lpSQOS, LPQOS lpGQOS,
					LPWSABUF lpCalleeId,
					LPWSABUF lpCalleeData, GROUP *g,
					DWORD_PTR dwCallbackData);
typedef void (CALLBACK *LPWSAOVERLAPPED_COMPLETION_ROUTINE)(DWORD dwError,
					DWORD cbTransferred,
					LPWSAOVERLAPPED lpOverlapped,
					DWORD dwFlags);

/* Protocols */
#define MAX_PROTOCOL_CHAIN		7
#define BASE_PROTOCOL			1
#define LAYERED_PROTOCOL		0
#define WSAPROTOCOL_LEN			255

#define XP1_CONNECTIONLESS		0x00000001
#define XP1_GUARANTEED_DELIVERY		0x00000002
#define XP1_GUARANTEED_ORDER		0x00000004
#define XP1_MESSAGE_ORIENTED		0x00000008
#define XP1_PSEUDO_STREAM		0x00000010
#define XP1_GRACEFUL_CLOSE		0x00000020
#define XP1_EXPEDITED_DATA		0x00000040
#define XP1_SUPPORT_BROADCAST		0x00000200
#define XP1_SUPPORT_MULTIPOINT		0x00000400
#define XP1_IFS_HANDLES			0x00020000
#define PFL_MATCHES_PROTOCOL_ZERO	0x00000008
#define BIGENDIAN			0x0000
#define LITTLEENDIAN			0x0001
#define SECURITY_PROTOCOL_NONE		0x0000

typedef struct _WSAPROTOCOLCHAIN {
	int ChainLen;
	DWORD ChainEntries[MAX_PROTOCOL_CHAIN];
} WSAPROTOCOLCHAIN, *LPWSAPROTOCOLCHAIN;

typedef struct _WSAPROTOCOL_INFOA {
	DWORD dwServiceFlags1;
	DWORD dwServiceFlags2;
	DWORD dwServiceFlags3;
	DWORD dwServiceFlags4;
	DWORD dwProviderFlags;
	GUID ProviderId;
	DWORD dwCatalogEntryId;
	WSAPROTOCOLCHAIN ProtocolChain;
	int iVersion;
	int iAddressFamily;
	int iMaxSockAddr;
	int iMinSockAddr;
	int iSocketType;
	int iProtocol;
	int iProtocolMaxOffset;
	int iNetworkByteOrder;
	int iSecurityScheme;
	DWORD dwMessageSize;
	DWORD dwProviderReserved;
	CHAR szProtocol[WSAPROTOCOL_LEN + 1];
} WSAPROTOCOL_INFOA, *LPWSAPROTOCOL_INFOA;

typedef struct _WSAPROTOCOL_INFOW {
	DWORD dwServiceFlags1;
	DWORD dwServiceFlags2;
	DWORD dwServiceFlags3;
	DWORD dwServiceFlags4;
	DWORD dwProviderFlags;
	GUID ProviderId;
	DWORD dwCatalogEntryId;
	WSAPROTOCOLCHAIN ProtocolChain;
	int iVersion;
	int iAddressFamily;
	int iMaxSockAddr;
	int iMinSockAddr;
	int iSocketType;
	int iProtocol;
	int iProtocolMaxOffset;
	int iNetworkByteOrder;
	int iSecurityScheme;
	DWORD dwMessageSize;
	DWORD dwProviderReserved;
	WCHAR szProtocol[WSAPROTOCOL_LEN + 1];
} WSAPROTOCOL_INFOW, *LPWSAPROTOCOL_INFOW;

#ifdef UNICODE
typedef WSAPROTOCOL_INFOW WSAPROTOCOL_INFO, *LPWSAPROTOCOL_INFO;
#else
typedef WSAPROTOCOL_INFOA WSAPROTOCOL_INFO, *LPWSAPROTOCOL_INFO;
#endif

/* Events of sockets */
#define FD_READ_BIT		0
#define FD_READ			(1 << FD_READ_BIT)
#define FD_WRITE_BIT		1
#define FD_WRITE		(1 << FD_WRITE_BIT)
#define FD_OOB_BIT		2
#define FD_OOB			(1 << FD_OOB_BIT)
#define FD_ACCEPT_BIT		3
#define FD_ACCEPT		(1 << FD_ACCEPT_BIT)
#define FD_CONNECT_BIT		4
#define FD_CONNECT		(1 << FD_CONNECT_BIT)
#define FD_CLOSE_BIT		5
#define FD_CLOSE		(1 << FD_CLOSE_BIT)
#define FD_QOS_BIT		6
#define FD_QOS			(1 << FD_QOS_BIT)
#define FD_GROUP_QOS_BIT	7
#define FD_GROUP_QOS		(1 << FD_GROUP_QOS_BIT)
#define FD_ROUTING_INTERFACE_CHANGE_BIT	8
#define FD_ROUTING_INTERFACE_CHANGE	(1 << FD_ROUTING_INTERFACE_CHANGE_BIT)
#define FD_ADDRESS_LIST_CHANGE_BIT	9
#define FD_ADDRESS_LIST_CHANGE	(1 << FD_ADDRESS_LIST_CHANGE_BIT)
#define FD_MAX_EVENTS		10
#define FD_ALL_EVENTS		((1 << FD_MAX_EVENTS) - 1)

typedef struct _WSANETWORKEVENTS {
	LONG lNetworkEvents;
	int iErrorCode[FD_MAX_EVENTS];
} WSANETWORKEVENTS, *LPWSANETWORKEVENTS;

int WSAAPI WSAEventSelect(SOCKET s, WSAEVENT hEventObject, LONG lNetworkEvents);
int WSAAPI WSAEnumNetworkEvents(SOCKET s, WSAEVENT hEventObject,
				LPWSANETWORKEVENTS lpNetworkEvents);
WSAEVENT WSAAPI WSACreateEvent(void);
BOOL WSAAPI WSACloseEvent(WSAEVENT hEvent);
BOOL WSAAPI WSASetEvent(WSAEVENT hEvent);
BOOL WSAAPI WSAResetEvent(WSAEVENT hEvent);
DWORD WSAAPI WSAWaitForMultipleEvents(DWORD cEvents, const WSAEVENT *lphEvents,
				      BOOL fWaitAll, DWORD dwTimeout, BOOL fAlertable);

/* select().  FD_SETSIZE is the program's own, or libc's: at least as on Windows. */
#ifndef FD_SETSIZE
#define FD_SETSIZE		64
#endif

typedef struct timeval TIMEVAL, *PTIMEVAL, *LPTIMEVAL;

/* A macro, since a typedef cannot be made again with another type. */
#define fd_set			__sockiocp_fd_set
typedef struct fd_set {
	u_int fd_count;
	SOCKET fd_array[FD_SETSIZE];
} fd_set, FD_SET, *PFD_SET, *LPFD_SET;

static __inline__ int __sockiocp_fd_isset(SOCKET s, const fd_set *set)
{
	u_int i;

	for (i = 0; i < set->fd_count; i++) {
		if (set->fd_array[i] == s)
			return 1;
	}
	return 0;
}

static __inline__ void __sockiocp_fd_set_add(SOCKET s, fd_set *set)
{
	if (set->fd_count < FD_SETSIZE && !__sockiocp_fd_isset(s, set))
		set->fd_array[set->fd_count++] = s;
}

static __inline__ void __sockiocp_fd_clr(SOCKET s, fd_set *set)
{
	u_int i;

	for (i = 0; i < set->fd_count && set->fd_array[i] != s; i++)
		;
	if (i == set->fd_count)
		return;
	for (set->fd_count--; i < set->fd_count; i++)
		set->fd_array[i] = set->fd_array[i + 1];
}

#undef FD_ZERO
#undef FD_SET
#undef FD_CLR
#undef FD_ISSET
#define FD_ZERO(set)		((void)((set)->fd_count = 0))
#define FD_SET(s, set)		__sockiocp_fd_set_add((SOCKET)(s), (set))
#define FD_CLR(s, set)		__sockiocp_fd_clr((SOCKET)(s), (set))
#define FD_ISSET(s, set)	__sockiocp_fd_isset((SOCKET)(s), (set))

#ifndef timerisset
#define timerisset(time)	((time)->tv_sec || (time)->tv_usec)
#define timercmp(one, other, compare) \
	((one)->tv_sec compare (other)->tv_sec || \
	 ((one)->tv_sec == (other)->tv_sec && \
	  (one)->tv_usec compare (other)->tv_usec))
#define timerclear(time)	((void)((time)->tv_sec = (time)->tv_usec = 0))
#endif

/* WSAPoll().  Linux' numbers, so that <poll.h> has the same. */
#ifndef _SYS_POLL_H
#define POLLIN			0x001
#define POLLPRI			0x002
#define POLLOUT			0x004
#define POLLERR			0x008
#define POLLHUP			0x010
#define POLLNVAL		0x020
#define POLLRDNORM		0x040
#define POLLRDBAND		0x080
#define POLLWRNORM		0x100
#define POLLWRBAND		0x200
#else
/* Then struct pollfd is libc's. */
#define pollfd			__sockiocp_pollfd
#endif

typedef struct pollfd {
	SOCKET fd;
	SHORT events;
	SHORT revents;
} WSAPOLLFD, *PWSAPOLLFD, *LPWSAPOLLFD;

#ifdef _SYS_POLL_H
#undef pollfd
#endif

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

/* What can be made of several buffers, or is asked for more */
SOCKET WSAAPI WSASocketA(int af, int type, int protocol,
			 LPWSAPROTOCOL_INFOA lpProtocolInfo, GROUP g,
			 DWORD dwFlags);
SOCKET WSAAPI WSASocketW(int af, int type, int protocol,
			 LPWSAPROTOCOL_INFOW lpProtocolInfo, GROUP g,
			 DWORD dwFlags);
int WSAAPI WSADuplicateSocketA(SOCKET s, DWORD dwProcessId,
			       LPWSAPROTOCOL_INFOA lpProtocolInfo);
int WSAAPI WSADuplicateSocketW(SOCKET s, DWORD dwProcessId,
			       LPWSAPROTOCOL_INFOW lpProtocolInfo);
SOCKET WSAAPI WSAAccept(SOCKET s, struct sockaddr *addr, LPINT addrlen,
			LPCONDITIONPROC lpfnCondition,
			DWORD_PTR dwCallbackData);
int WSAAPI WSAConnect(SOCKET s, const struct sockaddr *name, int namelen,
		      LPWSABUF lpCallerData, LPWSABUF lpCalleeData,
		      LPQOS lpSQOS, LPQOS lpGQOS);
int WSAAPI WSASend(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		   LPDWORD lpNumberOfBytesSent, DWORD dwFlags,
		   LPWSAOVERLAPPED lpOverlapped,
		   LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
int WSAAPI WSASendTo(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		     LPDWORD lpNumberOfBytesSent, DWORD dwFlags,
		     const struct sockaddr *lpTo, int iTolen,
		     LPWSAOVERLAPPED lpOverlapped,
		     LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
int WSAAPI WSASendMsg(SOCKET Handle, LPWSAMSG lpMsg, DWORD dwFlags,
		      LPDWORD lpNumberOfBytesSent, LPWSAOVERLAPPED lpOverlapped,
		      LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
int WSAAPI WSARecv(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		   LPDWORD lpNumberOfBytesRecvd, LPDWORD lpFlags,
		   LPWSAOVERLAPPED lpOverlapped,
		   LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
int WSAAPI WSARecvFrom(SOCKET s, LPWSABUF lpBuffers, DWORD dwBufferCount,
		       LPDWORD lpNumberOfBytesRecvd, LPDWORD lpFlags,
		       struct sockaddr *lpFrom, LPINT lpFromlen,
		       LPWSAOVERLAPPED lpOverlapped,
		       LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
int WSAAPI WSAIoctl(SOCKET s, DWORD dwIoControlCode, LPVOID lpvInBuffer,
		    DWORD cbInBuffer, LPVOID lpvOutBuffer, DWORD cbOutBuffer,
		    LPDWORD lpcbBytesReturned, LPWSAOVERLAPPED lpOverlapped,
		    LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
BOOL WSAAPI WSAGetOverlappedResult(SOCKET s, LPWSAOVERLAPPED lpOverlapped,
				   LPDWORD lpcbTransfer, BOOL fWait, LPDWORD lpdwFlags);
int WSAAPI WSAPoll(LPWSAPOLLFD fdArray, ULONG fds, INT timeout);
int WSAAPI __WSAFDIsSet(SOCKET fd, fd_set *set);

/* Names and addresses; more are in <ws2tcpip.h> */
ULONG WSAAPI inet_addr(const char *cp) __SOCKIOCP_SYMBOL(inet_addr);
char *WSAAPI inet_ntoa(struct in_addr in) __SOCKIOCP_SYMBOL(inet_ntoa);
struct hostent *WSAAPI gethostbyname(const char *name)
	__SOCKIOCP_SYMBOL(gethostbyname);
struct hostent *WSAAPI gethostbyaddr(const char *addr, int len, int type)
	__SOCKIOCP_SYMBOL(gethostbyaddr);
int WSAAPI GetHostNameW(PWSTR name, int namelen);
INT WSAAPI WSAAddressToStringA(LPSOCKADDR lpsaAddress, DWORD dwAddressLength,
			       LPWSAPROTOCOL_INFOA lpProtocolInfo,
			       LPSTR lpszAddressString,
			       LPDWORD lpdwAddressStringLength);
INT WSAAPI WSAAddressToStringW(LPSOCKADDR lpsaAddress, DWORD dwAddressLength,
			       LPWSAPROTOCOL_INFOW lpProtocolInfo,
			       LPWSTR lpszAddressString,
			       LPDWORD lpdwAddressStringLength);
INT WSAAPI WSAStringToAddressA(LPSTR AddressString, INT AddressFamily,
			       LPWSAPROTOCOL_INFOA lpProtocolInfo,
			       LPSOCKADDR lpAddress, LPINT lpAddressLength);
INT WSAAPI WSAStringToAddressW(LPWSTR AddressString, INT AddressFamily,
			       LPWSAPROTOCOL_INFOW lpProtocolInfo,
			       LPSOCKADDR lpAddress, LPINT lpAddressLength);

#ifdef UNICODE
#define WSADuplicateSocket	WSADuplicateSocketW
#define WSASocket		WSASocketW
#define WSAAddressToString	WSAAddressToStringW
#define WSAStringToAddress	WSAStringToAddressW
#else
#define WSADuplicateSocket	WSADuplicateSocketA
#define WSASocket		WSASocketA
#define WSAAddressToString	WSAAddressToStringA
#define WSAStringToAddress	WSAStringToAddressA
#endif

/* The network's order */
int WSAAPI WSAHtonl(SOCKET s, ULONG hostlong, ULONG *lpnetlong);
int WSAAPI WSAHtons(SOCKET s, USHORT hostshort, USHORT *lpnetshort);
int WSAAPI WSANtohl(SOCKET s, ULONG netlong, ULONG *lphostlong);
int WSAAPI WSANtohs(SOCKET s, USHORT netshort, USHORT *lphostshort);

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

/*
 * libc's headers may have declared these already, or do so later: the macro is
 * for the types that cannot be declared again.
 */
#ifdef __cplusplus
extern "C++" {
int WSAAPI select(int nfds, fd_set *readfds, fd_set *writefds,
		  fd_set *exceptfds, const struct timeval *timeout)
	__SOCKIOCP_SYMBOL(select);
}
#else
#define select			sockiocp_select
int WSAAPI select(int nfds, fd_set *readfds, fd_set *writefds,
		  fd_set *exceptfds, const struct timeval *timeout);
#endif

#define gethostname		sockiocp_gethostname
#ifdef __GLIBC__
int WSAAPI gethostname(char *name, size_t namelen) __THROW;
#else
int WSAAPI gethostname(char *name, size_t namelen);
#endif

/* What is not there */
#include "absent/ws2_32.list"

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
