// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets of every kind: see kinds.h.  POSIX only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <linux/tls.h>
#include <linux/vm_sockets.h>

#include "kinds.h"
#include "sock.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_vm vm;
};

static const struct {
	int family;
	int type;
	int protocol;
} kinds[] = {
	[KIND_TCP4] = { AF_INET, SOCK_STREAM, 0 },
	[KIND_TCP6] = { AF_INET6, SOCK_STREAM, 0 },
	[KIND_MPTCP4] = { AF_INET, SOCK_STREAM, IPPROTO_MPTCP },
	[KIND_MPTCP6] = { AF_INET6, SOCK_STREAM, IPPROTO_MPTCP },
	[KIND_TLS4] = { AF_INET, SOCK_STREAM, 0 },
	[KIND_TLS6] = { AF_INET6, SOCK_STREAM, 0 },
	[KIND_UNIX] = { AF_UNIX, SOCK_STREAM, 0 },
	[KIND_VSOCK] = { AF_VSOCK, SOCK_STREAM, 0 },
	[KIND_VSOCK_SEQPACKET] = { AF_VSOCK, SOCK_SEQPACKET, 0 },
};

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static socklen_t unix_address(union address *addr, const char *name)
{
	size_t len = strlen(name);

	memset(addr, 0, sizeof(*addr));
	addr->un.sun_family = AF_UNIX;
	memcpy(addr->un.sun_path + 1, name, len);
	return offsetof(struct sockaddr_un, sun_path) + 1 + len;
}

static socklen_t address(union address *addr, int family, int port)
{
	char name[32];

	memset(addr, 0, sizeof(*addr));
	addr->any.sa_family = family;
	switch (family) {
	case AF_INET6:
		addr->v6.sin6_addr = in6addr_loopback;
		addr->v6.sin6_port = htons(port);
		return sizeof(addr->v6);
	case AF_UNIX:
		snprintf(name, sizeof(name), "sockiocp-%d", port);
		return unix_address(addr, name);
	case AF_VSOCK:
		addr->vm.svm_cid = VMADDR_CID_LOCAL;
		addr->vm.svm_port = port ? (unsigned int)port : VMADDR_PORT_ANY;
		return sizeof(addr->vm);
	default:
		addr->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		addr->v4.sin_port = htons(port);
		return sizeof(addr->v4);
	}
}

int kind_socket(enum kind kind)
{
	return any_socket(kinds[kind].family, kinds[kind].type,
			  kinds[kind].protocol);
}

static int bound_port(int fd)
{
	union address addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.any, &len))
		return -errno;
	switch (addr.any.sa_family) {
	case AF_INET6:
		return ntohs(addr.v6.sin6_port);
	case AF_VSOCK:
		return addr.vm.svm_port;
	default:
		return ntohs(addr.v4.sin_port);
	}
}

/* vsock gives out any number, and a port has to be an int here. */
static int number_of_ones_own(int family)
{
	static int count;

	return family == AF_UNIX || family == AF_VSOCK ?
	       getpid() * 64 + ++count : 0;
}

int kind_listen(enum kind kind, int *port, int bufsize)
{
	int family = kinds[kind].family;
	int number = number_of_ones_own(family);
	int fd = kind_socket(kind);
	union address addr;
	socklen_t len = address(&addr, family, number);
	int err;

	if (fd < 0)
		return fd;
	if (bufsize)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bufsize, sizeof(bufsize));
	if (bind(fd, &addr.any, len) || listen(fd, 4)) {
		err = -errno;
		close(fd);
		return err;
	}
	*port = number ? number : bound_port(fd);
	return fd;
}

/* No others take the numbers of ones own. */
int kind_refused_port(enum kind kind)
{
	int family = kinds[kind].family;
	int port, fd;

	if (family == AF_INET || family == AF_INET6)
		return tcp_refused_port(family);
	fd = kind_listen(kind, &port, 0);
	if (fd < 0)
		return fd;
	close(fd);
	return port;
}

/* Begin to connect; the outcome is for the caller to wait for. */
int kind_connect(enum kind kind, int fd, int port)
{
	union address addr;
	socklen_t len = address(&addr, kinds[kind].family, port);

	if (connect(fd, &addr.any, len) && errno != EINPROGRESS &&
	    errno != ECONNREFUSED)
		return -errno;
	return 0;
}

/* As above, and the outcome is waited for: who is told has the error. */
int kind_connect_wait(enum kind kind, int fd, int port)
{
	union address addr;
	socklen_t len = address(&addr, kinds[kind].family, port);
	int flags = fcntl(fd, F_GETFL);
	int ret;

	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	ret = result(connect(fd, &addr.any, len));
	fcntl(fd, F_SETFL, flags);
	return ret;
}

static int with_tls(int fd[2])
{
	int i, ret;

	for (i = 0; i < 2; i++) {
		ret = tls_send(fd[i]);
		if (!ret)
			ret = tls_receive(fd[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/* fd[0] connected, fd[1] accepted; bufsize 0 leaves the buffers as they are. */
int kind_pair(enum kind kind, int fd[2], int bufsize)
{
	int port, listener, ret;

	listener = kind_listen(kind, &port, bufsize);
	if (listener < 0)
		return listener;
	fd[0] = kind_socket(kind);
	if (fd[0] < 0) {
		close(listener);
		return fd[0];
	}
	if (bufsize) {
		setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &bufsize, sizeof(bufsize));
		setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &bufsize, sizeof(bufsize));
	}
	ret = kind_connect(kind, fd[0], port);
	fd[1] = ret ? ret : tcp_accept(listener);
	close(listener);
	if (fd[1] < 0)
		return fd[1];
	if (!sock_becomes(fd[0], SEE_OUT, COMES) ||
	    !sock_becomes(fd[1], SEE_OUT, COMES))
		return -ETIMEDOUT;
	return kind == KIND_TLS4 || kind == KIND_TLS6 ? with_tls(fd) : 0;
}

const char *kind_missing(enum kind kind)
{
	int family = kinds[kind].family;
	int fd[2], ret;

	ret = kind_pair(kind, fd, 0);
	if (!ret) {
		close(fd[0]);
		close(fd[1]);
		return NULL;
	}
	if (family == AF_VSOCK && ret == -EAFNOSUPPORT)
		return "the kernel has no AF_VSOCK (module vsock)";
	if (family == AF_VSOCK && ret == -EADDRNOTAVAIL)
		return "AF_VSOCK has no loopback (module vsock_loopback)";
	if (kind == KIND_VSOCK_SEQPACKET && ret == -ESOCKTNOSUPPORT)
		return "AF_VSOCK has no SOCK_SEQPACKET before Linux 5.14";
	if (kinds[kind].protocol == IPPROTO_MPTCP &&
	    (ret == -EPROTONOSUPPORT || ret == -ENOPROTOOPT))
		return "the kernel has no MPTCP, or it is turned off";
	if ((kind == KIND_TLS4 || kind == KIND_TLS6) && ret == -ENOENT)
		return "the kernel has no TLS with AES-GCM (modules tls, gcm)";
	return NULL;
}

/* As if it had never been connected. */
int tcp_disconnect(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return result(connect(fd, &none, sizeof(none)));
}

/* When data has left, and when it was acknowledged, comes to the error queue. */
int tcp_timestamps(int fd)
{
	int what = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
		   SOF_TIMESTAMPING_SOFTWARE;

	return result(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &what,
				 sizeof(what)));
}

/* The number of the next byte that is sent: an ICMP error has to be about that. */
static int tcp_next_sequence(int fd, uint32_t *sequence)
{
	int on = 1, off = TCP_REPAIR_OFF_NO_WP, queue = TCP_SEND_QUEUE;
	socklen_t size = sizeof(*sequence);
	int ret;

	ret = result(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)));
	if (ret)
		return ret;
	ret = result(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)));
	if (!ret)
		ret = result(getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, sequence, &size));
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
	return ret;
}

static uint16_t checksum(const void *data, size_t size)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (; size; size -= 2)
		sum += *word++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* What a router would send who knows no way to @to, about a segment from @from. */
static int icmp_send(int family, const union address *from, const union address *to,
		     const struct tcphdr *tcp)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct tcphdr tcp;
	} v4 = {
		.icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH },
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(struct iphdr) + sizeof(*tcp)),
			.saddr = from->v4.sin_addr.s_addr, .daddr = to->v4.sin_addr.s_addr },
		.tcp = *tcp,
	};
	struct {
		struct icmp6_hdr icmp;
		struct ip6_hdr ip;
		struct tcphdr tcp;
	} v6 = {
		.icmp = { .icmp6_type = ICMP6_DST_UNREACH, .icmp6_code = ICMP6_DST_UNREACH_ADDR },
		.ip = { .ip6_vfc = 6 << 4, .ip6_plen = htons(sizeof(*tcp)),
			.ip6_nxt = IPPROTO_TCP, .ip6_hlim = 64,
			.ip6_src = from->v6.sin6_addr, .ip6_dst = to->v6.sin6_addr },
		.tcp = *tcp,
	};
	int is_v6 = family == AF_INET6;
	union address back = *from;
	int fd, ret;

	v4.icmp.checksum = checksum(&v4, sizeof(v4));
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (fd < 0)
		return -errno;
	if (is_v6)
		back.v6.sin6_port = 0;
	ret = result(sendto(fd, is_v6 ? (void *)&v6 : &v4, is_v6 ? sizeof(v6) : sizeof(v4), 0,
			    &back.any, is_v6 ? sizeof(back.v6) : sizeof(back.v4)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* "Host unreachable", about what this connection has sent; root only. */
int tcp_unreachable(int fd, int family)
{
	socklen_t size = sizeof(union address), peer_size = size;
	struct tcphdr tcp = { .doff = sizeof(tcp) / 4 };
	union address self, peer;
	uint32_t sequence;
	int ret;

	if (getsockname(fd, &self.any, &size) || getpeername(fd, &peer.any, &peer_size))
		return -errno;
	ret = tcp_next_sequence(fd, &sequence);
	if (ret)
		return ret;
	tcp.seq = htonl(sequence);
	/* Both families have it in the same place. */
	tcp.source = self.v4.sin_port;
	tcp.dest = peer.v4.sin_port;
	return icmp_send(family, &self, &peer, &tcp);
}

/* For the network namespace of the caller: client and server, without a cookie. */
int tcp_allow_fast_open(void)
{
	static const char all[] = "519";
	int fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = result(write(fd, all, strlen(all)));
	close(fd);
	return ret < 0 ? ret : 0;
}

int tcp_fast_open(int family, int port, const void *data, size_t len)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog deaf = { .len = 1, .filter = &nothing };
	union address addr = { .any.sa_family = family };
	socklen_t size = sizeof(addr.v4);
	int fd, ret;

	/* Both families have it in the same place. */
	addr.v4.sin_port = htons(port);
	if (family == AF_INET6) {
		addr.v6.sin6_addr = in6addr_loopback;
		size = sizeof(addr.v6);
	} else {
		addr.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &deaf, sizeof(deaf)));
	if (!ret)
		ret = result(sendto(fd, data, len, MSG_FASTOPEN, &addr.any, size));
	if (ret >= 0 || ret == -EINPROGRESS)
		return fd;
	close(fd);
	return ret;
}

int sock_hears(int fd)
{
	int unused = 0;

	return result(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)));
}

/* Close so that the peer sees more than an end, where the kind has that. */
int kind_reset(enum kind kind, int fd)
{
	int ret = 0;

	if (kinds[kind].protocol == IPPROTO_MPTCP)
		ret = tcp_disconnect(fd);
	return ret ?: sock_reset(fd);
}

int udp_cork(int fd, int on)
{
	return result(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)));
}

int udp_sndbuf(int fd, int bytes)
{
	return result(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes,
				 sizeof(bytes)));
}

/* Keep the messages of errors for MSG_ERRQUEUE. */
int ip_recverr(int fd, int family)
{
	int on = 1;

	if (family == AF_INET6)
		return result(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on,
					 sizeof(on)));
	return result(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
}

int udp_sendto(int fd, int family, int port)
{
	union address addr;
	socklen_t len = address(&addr, family, port);

	return result(sendto(fd, "x", 1, 0, &addr.any, len));
}

/* A part of a datagram, which keeps its place in the send buffer. */
long udp_send_more(int fd, size_t len)
{
	static const char data[32768];

	return result(send(fd, data, len < sizeof(data) ? len : sizeof(data),
			   MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL));
}

int unix_dgram_bound(const char *name)
{
	int fd = any_socket(AF_UNIX, SOCK_DGRAM, 0);
	union address addr;
	socklen_t len = unix_address(&addr, name);

	if (fd >= 0 && bind(fd, &addr.any, len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int unix_dgram_connect(int fd, const char *name)
{
	union address addr;
	socklen_t len = unix_address(&addr, name);

	return result(connect(fd, &addr.any, len));
}

/* One key, and each record's place in the stream, for everybody. */
static struct tls12_crypto_info_aes_gcm_128 tls_keys(int seq)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = {
			.version = TLS_1_2_VERSION,
			.cipher_type = TLS_CIPHER_AES_GCM_128,
		},
		.key = "sockiocp, a key",
		.salt = "sal",
		.iv = "iv",
	};

	keys.rec_seq[TLS_CIPHER_AES_GCM_128_REC_SEQ_SIZE - 1] = seq;
	return keys;
}

static int tls_on(int fd, int direction, int seq)
{
	struct tls12_crypto_info_aes_gcm_128 keys = tls_keys(seq);

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	    errno != EEXIST)
		return -errno;
	return result(setsockopt(fd, SOL_TLS, direction, &keys, sizeof(keys)));
}

int tls_receive(int fd)
{
	return tls_on(fd, TLS_RX, 0);
}

int tls_send(int fd)
{
	return tls_on(fd, TLS_TX, 0);
}

static long send_record(int fd, int type, const void *data, size_t len)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(1)];
	} control = { .header = {
		.cmsg_len = CMSG_LEN(1),
		.cmsg_level = SOL_TLS,
		.cmsg_type = TLS_SET_RECORD_TYPE,
	} };
	struct iovec vec = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	*CMSG_DATA(&control.header) = type;
	return result(sendmsg(fd, &msg, 0));
}

/*
 * The bytes of the record number seq, so that a test can send them as it likes:
 * the kernel makes them, and a socket that knows nothing of TLS reads them.
 */
int tls_record(int seq, int type, const void *data, size_t len, void *record,
	       size_t size)
{
	int fd[2];
	int ret = kind_pair(KIND_TCP4, fd, 0);

	if (ret)
		return ret;
	ret = tls_on(fd[0], TLS_TX, seq);
	if (!ret)
		ret = send_record(fd[0], type, data, len);
	if (ret >= 0)
		ret = sock_becomes(fd[1], SEE_IN, COMES) ? 0 : -ETIMEDOUT;
	if (!ret)
		ret = sock_recv(fd[1], record, size);
	close(fd[0]);
	close(fd[1]);
	return ret;
}

/* Receive a record, and say of which type it was. */
int tls_recv_type(int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(1)];
	} control;
	char data[64];
	struct iovec vec = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	long ret = result(recvmsg(fd, &msg, MSG_DONTWAIT));

	if (ret < 0)
		return ret;
	if (!msg.msg_controllen || control.header.cmsg_type != TLS_GET_RECORD_TYPE)
		return 0;
	return *CMSG_DATA(&control.header);
}
