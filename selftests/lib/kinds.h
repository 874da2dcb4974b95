/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Sockets of every kind that can be registered, made and connected the same way
 * whatever they are, and what only one kind can do.  Conventions as in sock.h.
 */
#ifndef SELFTESTS_LIB_KINDS_H
#define SELFTESTS_LIB_KINDS_H

#include <stddef.h>

/* Streams, and what is like one. */
enum kind {
	KIND_TCP4,
	KIND_TCP6,
	KIND_MPTCP4,
	KIND_MPTCP6,
	/* TCP with TLS done by the kernel, in both directions. */
	KIND_TLS4,
	KIND_TLS6,
	KIND_UNIX,
	KIND_VSOCK,
	KIND_VSOCK_SEQPACKET,
};

/* What of a kind this kernel does not have, or NULL. */
const char *kind_missing(enum kind kind);

/* A port is a number that kind_connect() finds the listener by. */
int kind_socket(enum kind kind);
int kind_listen(enum kind kind, int *port, int bufsize);
int kind_refused_port(enum kind kind);
int kind_connect(enum kind kind, int fd, int port);
int kind_connect_wait(enum kind kind, int fd, int port);
int kind_pair(enum kind kind, int fd[2], int bufsize);
int kind_reset(enum kind kind, int fd);

int tcp_disconnect(int fd);
int tcp_timestamps(int fd);
int tcp_unreachable(int fd, int family);
/* Connected by a SYN with data; the answer is not heard before sock_hears(). */
int tcp_allow_fast_open(void);
int tcp_fast_open(int family, int port, const void *data, size_t len);
int sock_hears(int fd);

int udp_cork(int fd, int on);
int udp_sndbuf(int fd, int bytes);
int ip_recverr(int fd, int family);
int udp_sendto(int fd, int family, int port);
long udp_send_more(int fd, size_t len);

int unix_dgram_bound(const char *name);
int unix_dgram_connect(int fd, const char *name);

/* Types of TLS records. */
enum {
	TLS_ALERT = 21,
	TLS_DATA = 23,
};

int tls_receive(int fd);
int tls_send(int fd);
int tls_record(int seq, int type, const void *data, size_t len, void *record,
	       size_t size);
int tls_recv_type(int fd);

#endif /* SELFTESTS_LIB_KINDS_H */
