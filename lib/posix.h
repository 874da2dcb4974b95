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

#define LIBC_MSG_NOSIGNAL	0x4000
#define LIBC_MSG_TRUNC		0x20
#define LIBC_SO_PROTOCOL	38
#define LIBC_SOCK_CLOEXEC	02000000
#define LIBC_SOCK_NONBLOCK	04000

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

#endif /* _SOCKIOCP_POSIX_H */
