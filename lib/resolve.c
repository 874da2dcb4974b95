// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Names of hosts and services: libc's resolver, with Winsock's structures and
 * errors.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

/* The longest name, and the longest service, that libc reads and writes. */
#define HOST_TEXT	1025
#define SERVICE_TEXT	32

/* What an error of libc's resolver is to Winsock's; 0 stays 0. */
static int wsa_of(int eai)
{
	switch (eai) {
	case 0:
		return 0;
	case LIBC_EAI_AGAIN:
		return WSATRY_AGAIN;
	case LIBC_EAI_BADFLAGS:
		return WSAEINVAL;
	case LIBC_EAI_FAMILY:
		return WSAEAFNOSUPPORT;
	case LIBC_EAI_MEMORY:
		return WSA_NOT_ENOUGH_MEMORY;
	case LIBC_EAI_NODATA:
	case LIBC_EAI_ADDRFAMILY:
		return WSANO_DATA;
	case LIBC_EAI_NONAME:
		return WSAHOST_NOT_FOUND;
	case LIBC_EAI_SERVICE:
		return WSATYPE_NOT_FOUND;
	case LIBC_EAI_SOCKTYPE:
		return WSAESOCKTNOSUPPORT;
	case LIBC_EAI_OVERFLOW:
		return WSAEFAULT;
	case LIBC_EAI_SYSTEM:
		return sockiocp_wsa_error(errno);
	default:
		return WSANO_RECOVERY;
	}
}

/* The functions of this file return their error, and leave it as the last one. */
static int failed(int error)
{
	if (error)
		WSASetLastError(error);
	return error;
}

/* One of a list, and what its pointers point at. */
struct node {
	ADDRINFOA info;
	struct sockaddr_storage address;
	/* CHAR, or WCHAR for GetAddrInfoW(). */
	WCHAR canonname[];
};

_Static_assert(sizeof(ADDRINFOA) == sizeof(ADDRINFOW), "one list for both");

/* The hints that libc gets: it gives each address for each type, without one. */
static struct libc_addrinfo libc_hints(const ADDRINFOA *hints)
{
	struct libc_addrinfo to = {
		.ai_flags = hints->ai_flags,
		.ai_family = hints->ai_family,
		.ai_socktype = hints->ai_socktype,
	};

	if (!to.ai_socktype)
		to.ai_socktype = hints->ai_protocol == IPPROTO_UDP ?
					 SOCK_DGRAM : SOCK_STREAM;
	return to;
}

/*
 * A node for one of libc's.  Type and protocol are those that were asked for, as on
 * Windows.  Returns NULL if there is no memory.
 */
static ADDRINFOA *new_node(const struct libc_addrinfo *from,
			   const ADDRINFOA *hints, bool wide)
{
	const char *name = from->ai_canonname;
	size_t room = name ? (strlen(name) + 1) * sizeof(WCHAR) : 0;
	struct node *node = calloc(1, sizeof(*node) + room);

	if (!node)
		return NULL;
	node->info.ai_flags = hints->ai_flags;
	node->info.ai_family = from->ai_family;
	node->info.ai_socktype = hints->ai_socktype;
	node->info.ai_protocol = hints->ai_protocol;
	node->info.ai_addrlen = from->ai_addrlen;
	node->info.ai_addr = (struct sockaddr *)&node->address;
	memcpy(&node->address, from->ai_addr, from->ai_addrlen);
	if (name)
		node->info.ai_canonname = (char *)node->canonname;
	if (name && wide)
		sockiocp_widen(name, node->canonname);
	else if (name)
		strcpy((char *)node->canonname, name);
	return &node->info;
}

/* Copies a list.  Returns 0 or an error of Winsock's. */
static int copy_list(const struct libc_addrinfo *from, const ADDRINFOA *hints,
		     bool wide, ADDRINFOA **to)
{
	ADDRINFOA *list = NULL, **end = &list;

	for (; from; from = from->ai_next) {
		if (from->ai_addrlen > sizeof(struct sockaddr_storage))
			continue;
		*end = new_node(from, hints, wide);
		if (!*end) {
			freeaddrinfo(list);
			return WSA_NOT_ENOUGH_MEMORY;
		}
		end = &(*end)->ai_next;
	}
	*to = list;
	return 0;
}

/* What getaddrinfo() returns.  An empty name is this machine's. */
static int find(const char *node, const char *service, const ADDRINFOA *hints,
		bool wide, ADDRINFOA **result)
{
	static const ADDRINFOA no_hints;
	char own[HOST_TEXT];
	struct libc_addrinfo to, *list;
	int error;

	if (!sockiocp_started())
		return WSANOTINITIALISED;
	if (!result)
		return WSAEFAULT;
	*result = NULL;
	if (!hints)
		hints = &no_hints;
	if (hints->ai_addrlen || hints->ai_canonname || hints->ai_addr ||
	    hints->ai_next)
		return WSANO_RECOVERY;
	if (node && !*node) {
		if (libc_gethostname(own, sizeof(own)))
			return sockiocp_wsa_error(errno);
		node = own;
	}
	/* Not a service, on Windows. */
	if (service && !*service)
		service = node ? NULL : "0";
	to = libc_hints(hints);
	error = wsa_of(libc_getaddrinfo(node, service, &to, &list));
	if (error)
		return error;
	error = copy_list(list, hints, wide, result);
	libc_freeaddrinfo(list);
	return error;
}

/**
 * getaddrinfo - the addresses of a host and a service
 * @pNodeName: a name or an address; "" for this machine; NULL for any address with
 *	AI_PASSIVE, for the loopback's without
 * @pServiceName: a name or a number; may be NULL
 * @pHints: which to look for, or NULL
 * @ppResult: receives a list that the caller passes to freeaddrinfo()
 *
 * Each address comes once, with the type and the protocol of @pHints, which may be
 * 0.  What there is to ask is up to this machine: nsswitch.conf(5).
 *
 * Return: 0, or an error, which is also what WSAGetLastError() says:
 *   WSAHOST_NOT_FOUND	no such host, or neither a name nor a service is given
 *   WSANO_DATA		it has no address of this family
 *   WSATYPE_NOT_FOUND	no such service
 *   WSATRY_AGAIN	nobody who knows has answered
 *   WSANO_RECOVERY	the resolver has failed, or @pHints has members set that are
 *			for the result
 *   WSAEAFNOSUPPORT, WSAESOCKTNOSUPPORT	no such family or type
 *   WSAEINVAL		the flags are wrong
 *   WSA_NOT_ENOUGH_MEMORY	there is no memory
 *   WSANOTINITIALISED	WSAStartup() was not called
 *   WSAEFAULT		@ppResult is NULL
 *
 * Windows: "getaddrinfo function (ws2tcpip.h)".
 */
INT WSAAPI getaddrinfo(PCSTR pNodeName, PCSTR pServiceName,
		       const ADDRINFOA *pHints, PADDRINFOA *ppResult)
{
	return failed(find(pNodeName, pServiceName, pHints, false, ppResult));
}

/**
 * freeaddrinfo - free what getaddrinfo() has given
 * @pAddrInfo: the list, or NULL
 *
 * Windows: "freeaddrinfo function (ws2tcpip.h)".
 */
void WSAAPI freeaddrinfo(PADDRINFOA pAddrInfo)
{
	PADDRINFOA next;

	for (; pAddrInfo; pAddrInfo = next) {
		next = pAddrInfo->ai_next;
		free(pAddrInfo);
	}
}

/**
 * GetAddrInfoW - the addresses of a host and a service, in wide characters
 * @pNodeName: as for getaddrinfo(), and so are all others; only of ASCII
 * @pServiceName: likewise
 * @pHints: likewise
 * @ppResult: receives a list that the caller passes to FreeAddrInfoW()
 *
 * Return: as getaddrinfo().
 *
 * Windows: "GetAddrInfoW function (ws2tcpip.h)".
 */
INT WSAAPI GetAddrInfoW(PCWSTR pNodeName, PCWSTR pServiceName,
			const ADDRINFOW *pHints, PADDRINFOW *ppResult)
{
	char node[HOST_TEXT], service[HOST_TEXT];

	if (pNodeName && !sockiocp_narrow(pNodeName, node, sizeof(node)))
		return failed(WSAHOST_NOT_FOUND);
	if (pServiceName &&
	    !sockiocp_narrow(pServiceName, service, sizeof(service)))
		return failed(WSATYPE_NOT_FOUND);
	return failed(find(pNodeName ? node : NULL,
			   pServiceName ? service : NULL,
			   (const ADDRINFOA *)pHints, true,
			   (ADDRINFOA **)ppResult));
}

/**
 * FreeAddrInfoW - free what GetAddrInfoW() has given
 * @pAddrInfo: the list, or NULL
 *
 * Windows: "FreeAddrInfoW function (ws2tcpip.h)".
 */
void WSAAPI FreeAddrInfoW(PADDRINFOW pAddrInfo)
{
	freeaddrinfo((PADDRINFOA)pAddrInfo);
}

/**
 * getnameinfo - the names of an address and a port
 * @pSockaddr: the address
 * @SockaddrLength: its size in bytes
 * @pNodeBuffer: receives the host's name; may be NULL
 * @NodeBufferSize: its size in bytes; NI_MAXHOST is enough
 * @pServiceBuffer: receives the service's name; may be NULL
 * @ServiceBufferSize: its size in bytes; NI_MAXSERV is enough
 * @Flags: any of NI_NUMERICHOST, NI_NUMERICSERV, NI_NAMEREQD, NI_NOFQDN and NI_DGRAM
 *
 * Return: 0, or an error, which is also what WSAGetLastError() says: as for
 * getaddrinfo(), and
 *   WSAEFAULT		@pSockaddr is NULL, or something is too small
 *
 * Windows: "getnameinfo function (ws2tcpip.h)".
 */
INT WSAAPI getnameinfo(const SOCKADDR *pSockaddr, socklen_t SockaddrLength,
		       PCHAR pNodeBuffer, DWORD NodeBufferSize,
		       PCHAR pServiceBuffer, DWORD ServiceBufferSize, INT Flags)
{
	int error;

	if (!sockiocp_started())
		return WSANOTINITIALISED;
	if (!pSockaddr || SockaddrLength < (socklen_t)sizeof(SOCKADDR))
		return failed(WSAEFAULT);
	error = libc_getnameinfo(pSockaddr, (unsigned int)SockaddrLength,
				 pNodeBuffer, pNodeBuffer ? NodeBufferSize : 0,
				 pServiceBuffer,
				 pServiceBuffer ? ServiceBufferSize : 0, Flags);
	/* The family was right, so what libc does not like is the size. */
	if (error == LIBC_EAI_FAMILY && (pSockaddr->sa_family == AF_INET ||
					 pSockaddr->sa_family == AF_INET6))
		return failed(WSAEFAULT);
	return failed(wsa_of(error));
}

/* Copies a name to where a program has room for @size.  Returns whether it fits. */
static bool give_wide(const char *name, PWCHAR to, DWORD size)
{
	if (!to || !size)
		return true;
	if (strlen(name) >= size)
		return false;
	sockiocp_widen(name, to);
	return true;
}

/**
 * GetNameInfoW - the names of an address and a port, in wide characters
 * @pSockaddr: as for getnameinfo(), and so are the others
 * @SockaddrLength: likewise
 * @pNodeBuffer: likewise
 * @NodeBufferSize: its size in characters
 * @pServiceBuffer: likewise
 * @ServiceBufferSize: its size in characters
 * @Flags: likewise
 *
 * Return: as getnameinfo().
 *
 * Windows: "GetNameInfoW function (ws2tcpip.h)".
 */
INT WSAAPI GetNameInfoW(const SOCKADDR *pSockaddr, socklen_t SockaddrLength,
			PWCHAR pNodeBuffer, DWORD NodeBufferSize,
			PWCHAR pServiceBuffer, DWORD ServiceBufferSize,
			INT Flags)
{
	char node[HOST_TEXT] = "", service[SERVICE_TEXT] = "";
	int error;

	error = getnameinfo(pSockaddr, SockaddrLength,
			    pNodeBuffer ? node : NULL, sizeof(node),
			    pServiceBuffer ? service : NULL, sizeof(service),
			    Flags);
	if (!error && !(give_wide(node, pNodeBuffer, NodeBufferSize) &&
			give_wide(service, pServiceBuffer, ServiceBufferSize)))
		error = failed(WSAEFAULT);
	return error;
}

/**
 * gai_strerrorA - the text of an error of getaddrinfo()
 * @ecode: the error
 *
 * Return: the text, which the next call in this thread overwrites.
 *
 * Windows: "gai_strerrorA function (ws2tcpip.h)".
 */
char *WSAAPI gai_strerrorA(int ecode)
{
	static _Thread_local char text[256];

	text[0] = 0;
	FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM |
		       FORMAT_MESSAGE_IGNORE_INSERTS |
		       FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL, (DWORD)ecode, 0,
		       text, sizeof(text), NULL);
	return text;
}

/**
 * gai_strerrorW - the text of an error of getaddrinfo(), in wide characters
 * @ecode: the error
 *
 * Return: the text, which the next call in this thread overwrites.
 *
 * Windows: "gai_strerrorW function (ws2tcpip.h)".
 */
WCHAR *WSAAPI gai_strerrorW(int ecode)
{
	static _Thread_local WCHAR text[256];

	sockiocp_widen(gai_strerrorA(ecode), text);
	return text;
}

/**
 * gethostname - the name of this machine
 * @name: receives it
 * @namelen: its size in bytes; 256 is enough
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAEFAULT		@name is too small or NULL
 *   WSANOTINITIALISED	WSAStartup() was not called
 *
 * Windows: "gethostname function (winsock2.h)".
 */
int WSAAPI sockiocp_gethostname(char *name, size_t namelen)
{
	/* Windows' number is an int. */
	int size = (int)namelen;

	if (!name || size <= 0)
		return sockiocp_wsa_fail(EFAULT);
	if (!sockiocp_started())
		return SOCKET_ERROR;
	if (libc_gethostname(name, (size_t)size) || !memchr(name, 0, (size_t)size))
		return sockiocp_wsa_fail(EFAULT);
	return 0;
}

/**
 * GetHostNameW - the name of this machine, in wide characters
 * @name: receives it
 * @namelen: its size in characters; 256 is enough
 *
 * Return: as gethostname().
 *
 * Windows: "GetHostNameW function (winsock2.h)".
 */
int WSAAPI GetHostNameW(PWSTR name, int namelen)
{
	char text[HOST_TEXT];

	if (!name)
		return sockiocp_wsa_fail(EFAULT);
	if (sockiocp_gethostname(text, sizeof(text)))
		return SOCKET_ERROR;
	if (namelen <= 0 || strlen(text) >= (size_t)namelen)
		return sockiocp_wsa_fail(EFAULT);
	sockiocp_widen(text, name);
	return 0;
}

/* How many addresses gethostbyname() says. */
#define MOST_ADDRESSES	32

/* What gethostbyname() and gethostbyaddr() of a thread point at. */
struct host {
	struct hostent entry;
	char name[HOST_TEXT];
	char *no_aliases[1];
	struct in6_addr addresses[MOST_ADDRESSES];
	char *list[MOST_ADDRESSES + 1];
};

static _Thread_local struct host host;

/* Begins with an answer: a name, and no addresses yet. */
static void begin_host(const char *name, short family)
{
	memset(&host, 0, sizeof(host));
	snprintf(host.name, sizeof(host.name), "%s", name);
	host.entry.h_name = host.name;
	host.entry.h_aliases = host.no_aliases;
	host.entry.h_addrtype = family;
	host.entry.h_length = family == AF_INET6 ? sizeof(struct in6_addr) :
						   sizeof(struct in_addr);
	host.entry.h_addr_list = host.list;
}

static void add_address(size_t i, const void *address)
{
	memcpy(&host.addresses[i], address, (size_t)host.entry.h_length);
	host.list[i] = (char *)&host.addresses[i];
}

/**
 * gethostbyname - the IPv4 addresses of a host
 * @name: a name or an address; "" or NULL for this machine
 *
 * It has no aliases, and not more than 32 addresses.
 *
 * Return: the addresses, which the next call in this thread overwrites; NULL if it
 * fails, and WSAGetLastError() says why, as for getaddrinfo().
 *
 * Windows: "gethostbyname function (winsock2.h)".
 */
struct hostent *WSAAPI gethostbyname(const char *name)
{
	ADDRINFOA hints = {
		.ai_flags = AI_CANONNAME,
		.ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
	};
	ADDRINFOA *list, *info;
	size_t i = 0;

	if (getaddrinfo(name ? name : "", NULL, &hints, &list))
		return NULL;
	begin_host(list->ai_canonname ? list->ai_canonname : "", AF_INET);
	for (info = list; info && i < MOST_ADDRESSES; info = info->ai_next)
		add_address(i++, &((struct sockaddr_in *)info->ai_addr)->sin_addr);
	freeaddrinfo(list);
	return &host.entry;
}

/**
 * gethostbyaddr - the name of a host
 * @addr: its struct in_addr or struct in6_addr
 * @len: the size of that in bytes
 * @type: AF_INET or AF_INET6
 *
 * Return: the name, which the next call in this thread overwrites; NULL if it fails,
 * and WSAGetLastError() says why: as for getnameinfo(), and
 *   WSAEFAULT		@addr is NULL or @len too small
 *   WSAEAFNOSUPPORT	another @type
 *
 * Windows: "gethostbyaddr function (winsock2.h)".
 */
struct hostent *WSAAPI gethostbyaddr(const char *addr, int len, int type)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	char name[HOST_TEXT];
	int error;

	if (type != AF_INET && type != AF_INET6) {
		sockiocp_wsa_fail(EAFNOSUPPORT);
		return NULL;
	}
	if (!addr || len < (int)(type == AF_INET ? sizeof(v4.sin_addr) :
						   sizeof(v6.sin6_addr))) {
		sockiocp_wsa_fail(EFAULT);
		return NULL;
	}
	if (type == AF_INET) {
		memcpy(&v4.sin_addr, addr, sizeof(v4.sin_addr));
		error = getnameinfo((struct sockaddr *)&v4, sizeof(v4), name,
				    sizeof(name), NULL, 0, NI_NAMEREQD);
	} else {
		memcpy(&v6.sin6_addr, addr, sizeof(v6.sin6_addr));
		error = getnameinfo((struct sockaddr *)&v6, sizeof(v6), name,
				    sizeof(name), NULL, 0, NI_NAMEREQD);
	}
	if (error)
		return NULL;
	begin_host(name, (short)type);
	add_address(0, addr);
	return &host.entry;
}
