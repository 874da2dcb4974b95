// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Options of SOL_SOCKET that only Winsock has.
 *
 *   SO_PROTOCOL_INFOA, SO_PROTOCOL_INFOW	what WSASocket() makes one like it of
 *   SO_CONNECT_TIME		how long a TCP connection is there, in seconds
 *   SO_MAX_MSG_SIZE		the longest datagram
 *   SO_UPDATE_ACCEPT_CONTEXT, SO_UPDATE_CONNECT_CONTEXT	what AcceptEx() and
 *				ConnectEx() want afterwards; connections are
 *				complete without
 *   SO_OPENTYPE		sockets are made for overlapped I/O: 0, whatever is set
 *
 * All others are WSAENOPROTOOPT.  Functions return 0, or -1 with errno set.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <linux/tcp.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

/* A kind of socket, as Windows describes it. */
static const struct {
	int family;
	int type;
	DWORD service_flags;
	DWORD provider_flags;
	DWORD message_size;
	DWORD catalog_entry;
	const char *name;
} protocols[] = {
#define STREAM_FLAGS	(XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER |	\
			 XP1_GRACEFUL_CLOSE | XP1_EXPEDITED_DATA | XP1_IFS_HANDLES)
#define DATAGRAM_FLAGS	(XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED |		\
			 XP1_SUPPORT_BROADCAST | XP1_SUPPORT_MULTIPOINT |	\
			 XP1_IFS_HANDLES)
	{ AF_INET, SOCK_STREAM, STREAM_FLAGS, PFL_MATCHES_PROTOCOL_ZERO, 0, 1001,
	  "TCP/IP" },
	{ AF_INET, SOCK_DGRAM, DATAGRAM_FLAGS, PFL_MATCHES_PROTOCOL_ZERO, 65467,
	  1002, "UDP/IP" },
	{ AF_INET, SOCK_RAW, DATAGRAM_FLAGS, PFL_MATCHES_PROTOCOL_ZERO, 32768,
	  1003, "RAW/IP" },
	{ AF_INET6, SOCK_STREAM, STREAM_FLAGS, PFL_MATCHES_PROTOCOL_ZERO, 0, 1004,
	  "TCP/IPv6" },
	{ AF_INET6, SOCK_DGRAM, DATAGRAM_FLAGS, PFL_MATCHES_PROTOCOL_ZERO, 65467,
	  1005, "UDP/IPv6" },
	{ AF_INET6, SOCK_RAW, DATAGRAM_FLAGS, PFL_MATCHES_PROTOCOL_ZERO, 32768,
	  1006, "RAW/IPv6" },
	{ AF_UNIX, SOCK_STREAM, STREAM_FLAGS & ~(DWORD)XP1_EXPEDITED_DATA,
	  PFL_MATCHES_PROTOCOL_ZERO, 0, 1007, "AF_UNIX" },
};

static int address_size(int family)
{
	switch (family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return sizeof(struct sockaddr_storage);
	}
}

/* Where it does not fit, *@optlen says how long it is. */
static int get_protocol_info(int fd, bool wide, char *optval, int *optlen)
{
	int size = wide ? sizeof(WSAPROTOCOL_INFOW) : sizeof(WSAPROTOCOL_INFOA);
	WSAPROTOCOL_INFOW info = {
		.dwProviderFlags = PFL_MATCHES_PROTOCOL_ZERO,
		.ProtocolChain = { .ChainLen = BASE_PROTOCOL },
		.iVersion = 2,
		.iNetworkByteOrder = BIGENDIAN,
	};
	const char *name = "";
	size_t i;

	if (sockiocp_get_int(fd, LIBC_SO_DOMAIN, &info.iAddressFamily) ||
	    sockiocp_get_int(fd, SO_TYPE, &info.iSocketType) ||
	    sockiocp_get_int(fd, LIBC_SO_PROTOCOL, &info.iProtocol))
		return -1;
	if (!optval || !optlen || *optlen < size) {
		if (optlen)
			*optlen = size;
		errno = EFAULT;
		return -1;
	}
	info.iMaxSockAddr = address_size(info.iAddressFamily);
	info.iMinSockAddr = info.iMaxSockAddr;
	for (i = 0; i < ARRAY_LEN(protocols); i++) {
		if (protocols[i].family != info.iAddressFamily ||
		    protocols[i].type != info.iSocketType)
			continue;
		info.dwServiceFlags1 = protocols[i].service_flags;
		info.dwProviderFlags = protocols[i].provider_flags;
		info.dwMessageSize = protocols[i].message_size;
		info.dwCatalogEntryId = protocols[i].catalog_entry;
		name = protocols[i].name;
	}
	if (wide) {
		sockiocp_widen(name, info.szProtocol);
		memcpy(optval, &info, (size_t)size);
	} else {
		memset(optval, 0, (size_t)size);
		memcpy(optval, &info, offsetof(WSAPROTOCOL_INFOW, szProtocol));
		strcpy(((WSAPROTOCOL_INFOA *)(void *)optval)->szProtocol, name);
	}
	return 0;
}

/*
 * TCP remembers when it has last sent data, and when it last got some: both are when
 * the connection was made, until there is data.
 */
static int get_connect_time(int fd, DWORD *seconds)
{
	struct tcp_info info = { 0 };
	unsigned int len = sizeof(info);
	DWORD ms;

	if (libc_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	ms = info.tcpi_last_data_sent > info.tcpi_last_data_recv ?
		     info.tcpi_last_data_sent : info.tcpi_last_data_recv;
	*seconds = sockiocp_has_peer(fd) ? ms / MSEC_PER_SEC : 0xffffffff;
	return 0;
}

/* What remains of 65535 bytes after the headers of UDP, and of IPv4. */
static int get_longest_datagram(int fd, DWORD *size)
{
	int domain;

	if (sockiocp_socket_type(fd) != SOCK_DGRAM) {
		errno = ENOPROTOOPT;
		return -1;
	}
	*size = !sockiocp_get_int(fd, LIBC_SO_DOMAIN, &domain) && domain == AF_INET6 ?
			65527 : 65507;
	return 0;
}

/* Is it an option that only Winsock has? */
bool sockiocp_is_winsock_option(int level, int optname)
{
	return level == SOL_SOCKET && optname >= 0x1000;
}

/* getsockopt() of an option that only Winsock has. */
int sockiocp_get_winsock_option(int fd, int optname, char *optval, int *optlen)
{
	DWORD value = 0;
	int err;

	switch (optname) {
	case SO_PROTOCOL_INFOA:
	case SO_PROTOCOL_INFOW:
		return get_protocol_info(fd, optname == SO_PROTOCOL_INFOW,
					 optval, optlen);
	case SO_CONNECT_TIME:
		err = get_connect_time(fd, &value);
		break;
	case SO_MAX_MSG_SIZE:
		err = get_longest_datagram(fd, &value);
		break;
	case SO_OPENTYPE:
		err = 0;
		break;
	default:
		errno = ENOPROTOOPT;
		return -1;
	}
	if (err)
		return -1;
	if (!optval || !optlen || *optlen < (int)sizeof(value)) {
		errno = EFAULT;
		return -1;
	}
	memcpy(optval, &value, sizeof(value));
	*optlen = sizeof(value);
	return 0;
}

/* The value is the socket that the connection was accepted on. */
static int check_listener(const char *optval, int optlen)
{
	int listens = 0;
	SOCKET s;

	if (!optval || optlen < (int)sizeof(s)) {
		errno = EFAULT;
		return -1;
	}
	memcpy(&s, optval, sizeof(s));
	if (sockiocp_get_int(sockiocp_socket_fd(s), SO_ACCEPTCONN, &listens))
		return -1;
	if (!listens) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* setsockopt() of an option that only Winsock has. */
int sockiocp_set_winsock_option(int fd, int optname, const char *optval, int optlen)
{
	switch (optname) {
	case SO_UPDATE_ACCEPT_CONTEXT:
		if (check_listener(optval, optlen))
			return -1;
		break;
	case SO_UPDATE_CONNECT_CONTEXT:
		break;
	case SO_OPENTYPE:
		return 0;
	default:
		errno = ENOPROTOOPT;
		return -1;
	}
	if (!sockiocp_has_peer(fd)) {
		errno = ENOTCONN;
		return -1;
	}
	return 0;
}
