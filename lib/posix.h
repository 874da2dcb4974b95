/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * libc's socket calls, under names that Win32 does not have.
 *
 * A source file can include either <winsock2.h> or <sys/socket.h>.  The
 * library implements the one with the other, so it declares here what it needs
 * of the other; abi.c compares the structures and numbers with libc's own.
 */
#ifndef _SOCKIOCP_POSIX_H
#define _SOCKIOCP_POSIX_H

#include <sys/types.h>
#include <sys/uio.h>

#define LIBC_MSG_DONTWAIT	0x40
#define LIBC_MSG_NOSIGNAL	0x4000
#define LIBC_MSG_TRUNC		0x20
#define LIBC_POLLRDHUP		0x2000
#define LIBC_IPV6_PKTINFO	50
#define LIBC_IPV6_TCLASS	67
#define LIBC_TCP_SYN_SENT	2
#define LIBC_TCP_SYN_RECV	3
#define LIBC_SO_PROTOCOL	38
#define LIBC_SO_DOMAIN		39
#define LIBC_SOCK_CLOEXEC	02000000
#define LIBC_SOCK_NONBLOCK	04000

/* Errors of getaddrinfo(). */
#define LIBC_EAI_BADFLAGS	(-1)
#define LIBC_EAI_NONAME		(-2)
#define LIBC_EAI_AGAIN		(-3)
#define LIBC_EAI_FAIL		(-4)
#define LIBC_EAI_NODATA		(-5)
#define LIBC_EAI_FAMILY		(-6)
#define LIBC_EAI_SOCKTYPE	(-7)
#define LIBC_EAI_SERVICE	(-8)
#define LIBC_EAI_ADDRFAMILY	(-9)
#define LIBC_EAI_MEMORY		(-10)
#define LIBC_EAI_SYSTEM		(-11)
#define LIBC_EAI_OVERFLOW	(-12)

struct libc_linger {
	int l_onoff;
	int l_linger;
};

struct libc_msghdr {
	void *msg_name;
	unsigned int msg_namelen;
	struct iovec *msg_iov;
	size_t msg_iovlen;
	void *msg_control;
	size_t msg_controllen;
	int msg_flags;
};

struct libc_in_pktinfo {
	int ipi_ifindex;
	unsigned int ipi_spec_dst;
	unsigned int ipi_addr;
};

struct libc_pollfd {
	int fd;
	short events;
	short revents;
};

struct libc_addrinfo {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	unsigned int ai_addrlen;
	struct sockaddr *ai_addr;
	char *ai_canonname;
	struct libc_addrinfo *ai_next;
};

int libc_socket(int domain, int type, int protocol) __asm__("socket");
int libc_bind(int fd, const struct sockaddr *addr, unsigned int len)
	__asm__("bind");
int libc_listen(int fd, int backlog) __asm__("listen");
int libc_accept4(int fd, struct sockaddr *addr, unsigned int *len, int flags)
	__asm__("accept4");
int libc_connect(int fd, const struct sockaddr *addr, unsigned int len)
	__asm__("connect");
int libc_shutdown(int fd, int how) __asm__("shutdown");
ssize_t libc_send(int fd, const void *buf, size_t len, int flags)
	__asm__("send");
ssize_t libc_sendto(int fd, const void *buf, size_t len, int flags,
		    const struct sockaddr *addr, unsigned int addrlen)
	__asm__("sendto");
ssize_t libc_recv(int fd, void *buf, size_t len, int flags) __asm__("recv");
ssize_t libc_recvmsg(int fd, struct libc_msghdr *msg, int flags)
	__asm__("recvmsg");
ssize_t libc_sendmsg(int fd, const struct libc_msghdr *msg, int flags)
	__asm__("sendmsg");
int libc_poll(struct libc_pollfd *fds, unsigned long count, int timeout)
	__asm__("poll");
int libc_getsockname(int fd, struct sockaddr *addr, unsigned int *len)
	__asm__("getsockname");
int libc_getpeername(int fd, struct sockaddr *addr, unsigned int *len)
	__asm__("getpeername");
int libc_getsockopt(int fd, int level, int name, void *value,
		    unsigned int *len) __asm__("getsockopt");
int libc_setsockopt(int fd, int level, int name, const void *value,
		    unsigned int len) __asm__("setsockopt");
unsigned int libc_inet_addr(const char *text) __asm__("inet_addr");
int libc_inet_pton(int family, const char *text, void *addr)
	__asm__("inet_pton");
const char *libc_inet_ntop(int family, const void *addr, char *text,
			   unsigned int size) __asm__("inet_ntop");

int libc_inet_aton(const char *text, struct in_addr *addr) __asm__("inet_aton");
int libc_gethostname(char *name, size_t len) __asm__("gethostname");
int libc_getaddrinfo(const char *node, const char *service,
		     const struct libc_addrinfo *hints,
		     struct libc_addrinfo **result) __asm__("getaddrinfo");
void libc_freeaddrinfo(struct libc_addrinfo *list) __asm__("freeaddrinfo");
int libc_getnameinfo(const struct sockaddr *addr, unsigned int len, char *host,
		     unsigned int hostlen, char *service,
		     unsigned int servicelen, int flags)
	__asm__("getnameinfo");

#endif /* _SOCKIOCP_POSIX_H */
