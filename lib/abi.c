// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * No code: compares the Win32 headers with libc's and with the kernel's, whose
 * numbers and layouts they repeat because they cannot include them.
 *
 * libc's headers come second here.  Their structures and functions are given
 * other names while they are read, and the numbers of the first are kept in
 * constants, WIN32_*, before the second ones take their names.
 */
#include <linux/sockiocp.h>

#include "internal.h"
#include "posix.h"

#define KEEP(name)	WIN32_##name = (int)(name)
enum {
	KEEP(AF_UNSPEC), KEEP(AF_UNIX), KEEP(AF_INET), KEEP(AF_INET6),
	KEEP(SOCK_STREAM), KEEP(SOCK_DGRAM), KEEP(SOCK_RAW), KEEP(SOCK_RDM),
	KEEP(SOCK_SEQPACKET),
	KEEP(IPPROTO_IP), KEEP(IPPROTO_ICMP), KEEP(IPPROTO_TCP),
	KEEP(IPPROTO_UDP), KEEP(IPPROTO_IPV6), KEEP(IPPROTO_ICMPV6),
	KEEP(IPPROTO_RAW),
	KEEP(SOL_SOCKET), KEEP(SO_DEBUG), KEEP(SO_REUSEADDR), KEEP(SO_TYPE),
	KEEP(SO_ERROR), KEEP(SO_DONTROUTE), KEEP(SO_BROADCAST),
	KEEP(SO_SNDBUF), KEEP(SO_RCVBUF), KEEP(SO_KEEPALIVE),
	KEEP(SO_OOBINLINE), KEEP(SO_LINGER), KEEP(SO_RCVLOWAT),
	KEEP(SO_SNDLOWAT), KEEP(SO_RCVTIMEO), KEEP(SO_SNDTIMEO),
	KEEP(SO_ACCEPTCONN),
	KEEP(TCP_NODELAY), KEEP(TCP_KEEPIDLE), KEEP(TCP_KEEPINTVL),
	KEEP(TCP_KEEPCNT),
	KEEP(IP_TOS), KEEP(IP_TTL), KEEP(IPV6_UNICAST_HOPS), KEEP(IPV6_V6ONLY),
	KEEP(MSG_OOB), KEEP(MSG_PEEK), KEEP(MSG_DONTROUTE), KEEP(MSG_WAITALL),
	KEEP(MSG_CTRUNC), KEEP(MSG_TRUNC),
	KEEP(IP_ECN), KEEP(IPV6_PKTINFO), KEEP(IPV6_ECN),
	KEEP(FIONREAD), KEEP(FIONBIO), KEEP(SIOCATMARK),
	KEEP(SD_RECEIVE), KEEP(SD_SEND), KEEP(SD_BOTH),
	KEEP(INADDR_LOOPBACK),
	KEEP(IP_HDRINCL), KEEP(IP_OPTIONS), KEEP(IP_PKTINFO),
	KEEP(IP_MULTICAST_IF), KEEP(IP_MULTICAST_TTL), KEEP(IP_MULTICAST_LOOP),
	KEEP(IP_ADD_MEMBERSHIP), KEEP(IP_DROP_MEMBERSHIP),
	KEEP(IP_UNBLOCK_SOURCE), KEEP(IP_BLOCK_SOURCE),
	KEEP(IP_ADD_SOURCE_MEMBERSHIP), KEEP(IP_DROP_SOURCE_MEMBERSHIP),
	KEEP(IPV6_MULTICAST_IF), KEEP(IPV6_MULTICAST_HOPS),
	KEEP(IPV6_MULTICAST_LOOP), KEEP(IPV6_JOIN_GROUP),
	KEEP(IPV6_LEAVE_GROUP), KEEP(TCP_FASTOPEN), KEEP(AI_PASSIVE),
	KEEP(AI_CANONNAME), KEEP(AI_NUMERICHOST), KEEP(AI_V4MAPPED),
	KEEP(AI_ALL), KEEP(AI_ADDRCONFIG), KEEP(AI_NUMERICSERV),
	KEEP(NI_NUMERICHOST), KEEP(NI_NUMERICSERV), KEEP(NI_NOFQDN),
	KEEP(NI_NAMEREQD), KEEP(NI_DGRAM), KEEP(NI_MAXHOST), KEEP(NI_MAXSERV),
	KEEP(POLLIN), KEEP(POLLPRI), KEEP(POLLOUT), KEEP(POLLERR),
	KEEP(POLLHUP), KEEP(POLLNVAL), KEEP(POLLRDNORM), KEEP(POLLRDBAND),
	KEEP(POLLWRNORM), KEEP(POLLWRBAND),
};

/* Macros that are names of enumeration constants in libc's headers. */
#undef SOCK_STREAM
#undef SOCK_DGRAM
#undef SOCK_RAW
#undef SOCK_RDM
#undef SOCK_SEQPACKET
#undef IPPROTO_IP
#undef IPPROTO_ICMP
#undef IPPROTO_TCP
#undef IPPROTO_UDP
#undef IPPROTO_IPV6
#undef IPPROTO_ICMPV6
#undef IPPROTO_RAW
#undef MSG_OOB
#undef MSG_PEEK
#undef MSG_DONTROUTE
#undef MSG_WAITALL
#undef MSG_CTRUNC
#undef MSG_TRUNC
#undef IPV6_PKTINFO
/* What tells others not to do this. */
#undef __socket_type
#undef h_errno
#undef gai_strerror
#undef h_addr
/* Errors, which are Windows'. */
#undef HOST_NOT_FOUND
#undef TRY_AGAIN
#undef NO_RECOVERY
#undef NO_DATA
#undef NO_ADDRESS
#undef EAI_AGAIN
#undef EAI_BADFLAGS
#undef EAI_FAIL
#undef EAI_FAMILY
#undef EAI_MEMORY
#undef EAI_NODATA
#undef EAI_NONAME
#undef EAI_SERVICE
#undef EAI_SOCKTYPE
/* And names of members. */
#undef s_addr
#undef s6_addr

#define sockaddr	theirs_sockaddr
#define sockaddr_storage theirs_sockaddr_storage
#define sockaddr_in	theirs_sockaddr_in
#define sockaddr_in6	theirs_sockaddr_in6
#define in_addr		theirs_in_addr
#define in6_addr	theirs_in6_addr
#define linger		theirs_linger
#define ip_mreq		theirs_ip_mreq
#define in_pktinfo	theirs_in_pktinfo
#define in6_pktinfo	theirs_in6_pktinfo
#define ipv6_mreq	theirs_ipv6_mreq
#define addrinfo	theirs_addrinfo
#define hostent		theirs_hostent
#define servent		theirs_servent
#define protoent	theirs_protoent
#define pollfd		theirs_pollfd
#define getaddrinfo	theirs_getaddrinfo
#define freeaddrinfo	theirs_freeaddrinfo
#define gai_strerror	theirs_gai_strerror
#define getnameinfo	theirs_getnameinfo
#define gethostbyname	theirs_gethostbyname
#define gethostbyaddr	theirs_gethostbyaddr
#define getservbyname	theirs_getservbyname
#define getservbyport	theirs_getservbyport
#define getprotobyname	theirs_getprotobyname
#define getprotobynumber theirs_getprotobynumber
#define socket		theirs_socket
#define bind		theirs_bind
#define listen		theirs_listen
#define accept		theirs_accept
#define connect		theirs_connect
#define shutdown	theirs_shutdown
#define send		theirs_send
#define sendto		theirs_sendto
#define recv		theirs_recv
#define recvfrom	theirs_recvfrom
#define getsockname	theirs_getsockname
#define getpeername	theirs_getpeername
#define getsockopt	theirs_getsockopt
#define setsockopt	theirs_setsockopt
#define in6addr_any	theirs_in6addr_any
#define in6addr_loopback theirs_in6addr_loopback
#define htonl		theirs_htonl
#define htons		theirs_htons
#define ntohl		theirs_ntohl
#define ntohs		theirs_ntohs
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#undef sockaddr
#undef sockaddr_storage
#undef sockaddr_in
#undef sockaddr_in6
#undef in_addr
#undef in6_addr
#undef linger
#undef ip_mreq
#undef in_pktinfo
#undef in6_pktinfo
#undef ipv6_mreq
#undef addrinfo
#undef hostent
#undef servent
#undef protoent
#undef pollfd
#undef getaddrinfo
#undef freeaddrinfo
#undef gai_strerror
#undef getnameinfo
#undef gethostbyname
#undef gethostbyaddr
#undef getservbyname
#undef getservbyport
#undef getprotobyname
#undef getprotobynumber
#undef socket

#define SAME(name)	_Static_assert(WIN32_##name == (int)(name), #name)
SAME(AF_UNSPEC);
SAME(AF_UNIX);
SAME(AF_INET);
SAME(AF_INET6);
SAME(SOCK_STREAM);
SAME(SOCK_DGRAM);
SAME(SOCK_RAW);
SAME(SOCK_RDM);
SAME(SOCK_SEQPACKET);
SAME(IPPROTO_IP);
SAME(IPPROTO_ICMP);
SAME(IPPROTO_TCP);
SAME(IPPROTO_UDP);
SAME(IPPROTO_IPV6);
SAME(IPPROTO_ICMPV6);
SAME(IPPROTO_RAW);
SAME(SOL_SOCKET);
SAME(SO_DEBUG);
SAME(SO_REUSEADDR);
SAME(SO_TYPE);
SAME(SO_ERROR);
SAME(SO_DONTROUTE);
SAME(SO_BROADCAST);
SAME(SO_SNDBUF);
SAME(SO_RCVBUF);
SAME(SO_KEEPALIVE);
SAME(SO_OOBINLINE);
SAME(SO_LINGER);
SAME(SO_RCVLOWAT);
SAME(SO_SNDLOWAT);
SAME(SO_RCVTIMEO);
SAME(SO_SNDTIMEO);
SAME(SO_ACCEPTCONN);
SAME(TCP_NODELAY);
SAME(TCP_KEEPIDLE);
SAME(TCP_KEEPINTVL);
SAME(TCP_KEEPCNT);
SAME(IP_TOS);
SAME(IP_TTL);
SAME(IPV6_UNICAST_HOPS);
SAME(IPV6_V6ONLY);
SAME(MSG_OOB);
SAME(MSG_PEEK);
SAME(MSG_DONTROUTE);
SAME(MSG_WAITALL);
SAME(MSG_CTRUNC);
SAME(MSG_TRUNC);
_Static_assert(WIN32_IP_ECN == (int)IP_RECVTOS, "IP_ECN");
_Static_assert(WIN32_IPV6_PKTINFO == (int)IPV6_RECVPKTINFO, "IPV6_PKTINFO");
_Static_assert(WIN32_IPV6_ECN == (int)IPV6_RECVTCLASS, "IPV6_ECN");
SAME(FIONREAD);
SAME(FIONBIO);
SAME(SIOCATMARK);
SAME(INADDR_LOOPBACK);
SAME(IP_HDRINCL);
SAME(IP_OPTIONS);
SAME(IP_PKTINFO);
SAME(IP_MULTICAST_IF);
SAME(IP_MULTICAST_TTL);
SAME(IP_MULTICAST_LOOP);
SAME(IP_ADD_MEMBERSHIP);
SAME(IP_DROP_MEMBERSHIP);
SAME(IP_UNBLOCK_SOURCE);
SAME(IP_BLOCK_SOURCE);
SAME(IP_ADD_SOURCE_MEMBERSHIP);
SAME(IP_DROP_SOURCE_MEMBERSHIP);
SAME(IPV6_MULTICAST_IF);
SAME(IPV6_MULTICAST_HOPS);
SAME(IPV6_MULTICAST_LOOP);
SAME(IPV6_JOIN_GROUP);
SAME(IPV6_LEAVE_GROUP);
SAME(TCP_FASTOPEN);
SAME(AI_PASSIVE);
SAME(AI_CANONNAME);
SAME(AI_NUMERICHOST);
SAME(AI_V4MAPPED);
SAME(AI_ALL);
SAME(AI_ADDRCONFIG);
SAME(AI_NUMERICSERV);
SAME(NI_NUMERICHOST);
SAME(NI_NUMERICSERV);
SAME(NI_NOFQDN);
SAME(NI_NAMEREQD);
SAME(NI_DGRAM);
SAME(NI_MAXHOST);
SAME(NI_MAXSERV);
SAME(POLLIN);
SAME(POLLPRI);
SAME(POLLOUT);
SAME(POLLERR);
SAME(POLLHUP);
SAME(POLLNVAL);
SAME(POLLRDNORM);
SAME(POLLRDBAND);
SAME(POLLWRNORM);
SAME(POLLWRBAND);
_Static_assert(WIN32_SD_RECEIVE == (int)SHUT_RD, "SD_RECEIVE");
_Static_assert(WIN32_SD_SEND == (int)SHUT_WR, "SD_SEND");
_Static_assert(WIN32_SD_BOTH == (int)SHUT_RDWR, "SD_BOTH");

/* posix.h */
_Static_assert(LIBC_MSG_NOSIGNAL == MSG_NOSIGNAL, "MSG_NOSIGNAL");
_Static_assert(LIBC_MSG_TRUNC == MSG_TRUNC, "MSG_TRUNC");
_Static_assert(LIBC_MSG_DONTWAIT == MSG_DONTWAIT, "MSG_DONTWAIT");
_Static_assert(LIBC_IPV6_PKTINFO == IPV6_PKTINFO, "IPV6_PKTINFO");
_Static_assert(LIBC_IPV6_TCLASS == IPV6_TCLASS, "IPV6_TCLASS");
_Static_assert(LIBC_TCP_SYN_SENT == TCP_SYN_SENT, "TCP_SYN_SENT");
_Static_assert(LIBC_TCP_SYN_RECV == TCP_SYN_RECV, "TCP_SYN_RECV");
_Static_assert(LIBC_SO_PROTOCOL == SO_PROTOCOL, "SO_PROTOCOL");
_Static_assert(LIBC_SO_DOMAIN == SO_DOMAIN, "SO_DOMAIN");
_Static_assert(LIBC_POLLRDHUP == POLLRDHUP, "POLLRDHUP");
_Static_assert(LIBC_EAI_BADFLAGS == EAI_BADFLAGS, "EAI_BADFLAGS");
_Static_assert(LIBC_EAI_NONAME == EAI_NONAME, "EAI_NONAME");
_Static_assert(LIBC_EAI_AGAIN == EAI_AGAIN, "EAI_AGAIN");
_Static_assert(LIBC_EAI_FAIL == EAI_FAIL, "EAI_FAIL");
_Static_assert(LIBC_EAI_NODATA == EAI_NODATA, "EAI_NODATA");
_Static_assert(LIBC_EAI_FAMILY == EAI_FAMILY, "EAI_FAMILY");
_Static_assert(LIBC_EAI_SOCKTYPE == EAI_SOCKTYPE, "EAI_SOCKTYPE");
_Static_assert(LIBC_EAI_SERVICE == EAI_SERVICE, "EAI_SERVICE");
_Static_assert(LIBC_EAI_ADDRFAMILY == EAI_ADDRFAMILY, "EAI_ADDRFAMILY");
_Static_assert(LIBC_EAI_MEMORY == EAI_MEMORY, "EAI_MEMORY");
_Static_assert(LIBC_EAI_SYSTEM == EAI_SYSTEM, "EAI_SYSTEM");
_Static_assert(LIBC_EAI_OVERFLOW == EAI_OVERFLOW, "EAI_OVERFLOW");
_Static_assert(LIBC_SOCK_CLOEXEC == SOCK_CLOEXEC, "SOCK_CLOEXEC");
_Static_assert(LIBC_SOCK_NONBLOCK == SOCK_NONBLOCK, "SOCK_NONBLOCK");

#define SAME_SIZE(ours, theirs) \
	_Static_assert(sizeof(ours) == sizeof(theirs), #ours)
#define SAME_MEMBER(ours, theirs, member) \
	_Static_assert(offsetof(ours, member) == offsetof(theirs, member) && \
		       sizeof(((ours *)0)->member) == \
		       sizeof(((theirs *)0)->member), #ours "." #member)
#define SAME_FIELD(ours, member, theirs, their_member) \
	_Static_assert(offsetof(ours, member) == \
		       offsetof(theirs, their_member) && \
		       sizeof(((ours *)0)->member) == \
		       sizeof(((theirs *)0)->their_member), \
		       #ours "." #member)

SAME_SIZE(struct in_addr, struct theirs_in_addr);
SAME_SIZE(struct in6_addr, struct theirs_in6_addr);
SAME_SIZE(struct sockaddr, struct theirs_sockaddr);
SAME_MEMBER(struct sockaddr, struct theirs_sockaddr, sa_family);
SAME_MEMBER(struct sockaddr, struct theirs_sockaddr, sa_data);
SAME_SIZE(struct sockaddr_in, struct theirs_sockaddr_in);
SAME_MEMBER(struct sockaddr_in, struct theirs_sockaddr_in, sin_family);
SAME_MEMBER(struct sockaddr_in, struct theirs_sockaddr_in, sin_port);
SAME_MEMBER(struct sockaddr_in, struct theirs_sockaddr_in, sin_addr);
SAME_SIZE(struct sockaddr_in6, struct theirs_sockaddr_in6);
SAME_MEMBER(struct sockaddr_in6, struct theirs_sockaddr_in6, sin6_family);
SAME_MEMBER(struct sockaddr_in6, struct theirs_sockaddr_in6, sin6_port);
SAME_MEMBER(struct sockaddr_in6, struct theirs_sockaddr_in6, sin6_flowinfo);
SAME_MEMBER(struct sockaddr_in6, struct theirs_sockaddr_in6, sin6_addr);
SAME_MEMBER(struct sockaddr_in6, struct theirs_sockaddr_in6, sin6_scope_id);
SAME_SIZE(struct sockaddr_storage, struct theirs_sockaddr_storage);
SAME_MEMBER(struct sockaddr_storage, struct theirs_sockaddr_storage, ss_family);
_Static_assert(_Alignof(struct sockaddr_storage) ==
	       _Alignof(struct theirs_sockaddr_storage), "sockaddr_storage");

SAME_SIZE(IP_MREQ, struct theirs_ip_mreq);
SAME_MEMBER(IP_MREQ, struct theirs_ip_mreq, imr_interface);
SAME_SIZE(IPV6_MREQ, struct theirs_ipv6_mreq);
SAME_MEMBER(IPV6_MREQ, struct theirs_ipv6_mreq, ipv6mr_interface);

SAME_SIZE(struct libc_pollfd, struct theirs_pollfd);
SAME_MEMBER(struct libc_pollfd, struct theirs_pollfd, fd);
SAME_MEMBER(struct libc_pollfd, struct theirs_pollfd, events);
SAME_MEMBER(struct libc_pollfd, struct theirs_pollfd, revents);
SAME_SIZE(struct libc_addrinfo, struct theirs_addrinfo);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_flags);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_family);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_socktype);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_protocol);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_addrlen);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_addr);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_canonname);
SAME_MEMBER(struct libc_addrinfo, struct theirs_addrinfo, ai_next);
SAME_SIZE(struct libc_linger, struct theirs_linger);
SAME_MEMBER(struct libc_linger, struct theirs_linger, l_onoff);
SAME_MEMBER(struct libc_linger, struct theirs_linger, l_linger);
SAME_SIZE(struct libc_msghdr, struct msghdr);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_name);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_namelen);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_iov);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_iovlen);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_control);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_controllen);
SAME_MEMBER(struct libc_msghdr, struct msghdr, msg_flags);

/* The arrays of a program are the kernel's. */
SAME_SIZE(SOCK_NOTIFY_REGISTRATION, struct sockiocp_registration_entry);
#define SAME_REGISTRATION(ours, theirs) \
	SAME_FIELD(SOCK_NOTIFY_REGISTRATION, ours, \
		   struct sockiocp_registration_entry, theirs)
SAME_REGISTRATION(socket, socket);
SAME_REGISTRATION(completionKey, completion_key);
SAME_REGISTRATION(eventFilter, event_filter);
SAME_REGISTRATION(operation, operation);
SAME_REGISTRATION(triggerFlags, trigger_flags);
SAME_REGISTRATION(registrationResult, registration_result);

SAME_SIZE(OVERLAPPED_ENTRY, struct sockiocp_packet_entry);
#define SAME_PACKET(ours, theirs) \
	SAME_FIELD(OVERLAPPED_ENTRY, ours, struct sockiocp_packet_entry, theirs)
SAME_PACKET(lpCompletionKey, completion_key);
SAME_PACKET(lpOverlapped, overlapped);
SAME_PACKET(Internal, internal);
SAME_PACKET(dwNumberOfBytesTransferred, bytes_transferred);

/* So are its buffers, and the first words of its OVERLAPPED. */
SAME_SIZE(WSABUF, struct sockiocp_buffer);
SAME_FIELD(WSABUF, len, struct sockiocp_buffer, length);
SAME_FIELD(WSABUF, buf, struct sockiocp_buffer, address);
_Static_assert(offsetof(OVERLAPPED, Internal) == 0 && sizeof(ULONG_PTR) == 8 &&
	       offsetof(OVERLAPPED, InternalHigh) == 8, "OVERLAPPED");

#define SAME_NUMBER(ours, theirs) _Static_assert((ours) == (theirs), #ours)
SAME_NUMBER(SOCK_NOTIFY_REGISTER_EVENT_NONE, SOCKIOCP_REGISTER_NONE);
SAME_NUMBER(SOCK_NOTIFY_REGISTER_EVENT_IN, SOCKIOCP_REGISTER_IN);
SAME_NUMBER(SOCK_NOTIFY_REGISTER_EVENT_OUT, SOCKIOCP_REGISTER_OUT);
SAME_NUMBER(SOCK_NOTIFY_REGISTER_EVENT_HANGUP, SOCKIOCP_REGISTER_HANGUP);
SAME_NUMBER(SOCK_NOTIFY_REGISTER_EVENTS_ALL, SOCKIOCP_REGISTER_ALL);
SAME_NUMBER(SOCK_NOTIFY_EVENT_IN, SOCKIOCP_EVENT_IN);
SAME_NUMBER(SOCK_NOTIFY_EVENT_OUT, SOCKIOCP_EVENT_OUT);
SAME_NUMBER(SOCK_NOTIFY_EVENT_HANGUP, SOCKIOCP_EVENT_HANGUP);
SAME_NUMBER(SOCK_NOTIFY_EVENT_ERR, SOCKIOCP_EVENT_ERR);
SAME_NUMBER(SOCK_NOTIFY_EVENT_REMOVE, SOCKIOCP_EVENT_REMOVE);
SAME_NUMBER(SOCK_NOTIFY_OP_NONE, SOCKIOCP_OP_NONE);
SAME_NUMBER(SOCK_NOTIFY_OP_ENABLE, SOCKIOCP_OP_ENABLE);
SAME_NUMBER(SOCK_NOTIFY_OP_DISABLE, SOCKIOCP_OP_DISABLE);
SAME_NUMBER(SOCK_NOTIFY_OP_REMOVE, SOCKIOCP_OP_REMOVE);
SAME_NUMBER(SOCK_NOTIFY_TRIGGER_ONESHOT, SOCKIOCP_TRIGGER_ONESHOT);
SAME_NUMBER(SOCK_NOTIFY_TRIGGER_PERSISTENT, SOCKIOCP_TRIGGER_PERSISTENT);
SAME_NUMBER(SOCK_NOTIFY_TRIGGER_LEVEL, SOCKIOCP_TRIGGER_LEVEL);
SAME_NUMBER(SOCK_NOTIFY_TRIGGER_EDGE, SOCKIOCP_TRIGGER_EDGE);
SAME_NUMBER(SOCK_NOTIFY_TRIGGER_ALL, SOCKIOCP_TRIGGER_ALL);
SAME_NUMBER(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, SOCKIOCP_MODE_SKIP_PACKET);
SAME_NUMBER(FILE_SKIP_SET_EVENT_ON_HANDLE, SOCKIOCP_MODE_SKIP_EVENT);
SAME_NUMBER(ERROR_SUCCESS, SOCKIOCP_RESULT_SUCCESS);
SAME_NUMBER(ERROR_NOT_ENOUGH_MEMORY, SOCKIOCP_RESULT_NO_MEMORY);
SAME_NUMBER(ERROR_INVALID_PARAMETER, SOCKIOCP_RESULT_OTHER_PORT);
SAME_NUMBER(ERROR_NOT_FOUND, SOCKIOCP_RESULT_NOT_FOUND);
SAME_NUMBER(WSAEINVAL, SOCKIOCP_RESULT_INVALID);
SAME_NUMBER(WSAENOTSOCK, SOCKIOCP_RESULT_NOT_SOCKET);
SAME_NUMBER(WSAEOPNOTSUPP, SOCKIOCP_RESULT_NOT_SUPPORTED);
SAME_NUMBER(WSAENOBUFS, SOCKIOCP_RESULT_LIMIT);
