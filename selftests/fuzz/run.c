// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the operations of an input do: see input.h.  Nothing is checked here but
 * that each comes to an end; the kernel's own checks are what is being listened to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "genl.h"
#include "kinds.h"
#include "run.h"
#include "sock.h"

#define MAX_CROWD	150
#define MAX_ENTRIES	200
/* Whatever blocks is interrupted after this time. */
#define ALARM_US	40000
#define JOIN_MS		150
#define USER		54321

/* Of the last so many operations. */
enum { OPERATIONS = 16, MAX_BUFFERS = 40, DATA = 65536 };

struct work {
	__u64 overlapped[OPERATIONS][2];
	struct sockiocp_submit args[OPERATIONS];
	struct sockiocp_buffer buffer[MAX_BUFFERS];
	__u32 name_length;
	struct sockaddr_storage name;
	char data[DATA];
};

struct state {
	const struct input *input;
	int fd[SLOTS];
	/* What connect looks for: the port of the last listener. */
	int port;
	/* Operations that thread A has ended. */
	unsigned int done;
	int tid[2];
	int forked;
	/* Where operations have what they work on: it stays. */
	struct work *work;
	unsigned int operations;
	/* A process of fork's. */
	int is_child;
	/* A page that is good, one that is read-only, and a hole. */
	char *memory;
	size_t page;
	/* The last process of ours; and what is offered, which that sees, too, and then a ring. */
	int process;
	__u8 *token;
};

/* -------------------------------------------------------------- descriptors */

static void put(struct state *s, uint32_t slot, int fd)
{
	int old;

	if (fd < 0)
		return;
	old = __atomic_exchange_n(&s->fd[slot % SLOTS], fd, __ATOMIC_RELAXED);
	if (old > 2)
		close(old);
}

static int get(struct state *s, uint32_t slot)
{
	return __atomic_load_n(&s->fd[slot % SLOTS], __ATOMIC_RELAXED);
}

static const struct {
	int family, type;
} plain[] = {
	{ AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_DGRAM }, { AF_UNIX, SOCK_DGRAM },
	{ AF_UNIX, SOCK_SEQPACKET }, { AF_NETLINK, SOCK_RAW },
	{ AF_PACKET, SOCK_RAW }, { AF_INET, SOCK_RAW },
};

/* The first kinds are those of lib/kinds.h. */
#define KINDS	(KIND_VSOCK_SEQPACKET + 1)

static int make_socket(uint32_t kind)
{
	kind %= input_kinds();
	if (kind < KINDS)
		return kind_socket(kind);
	kind -= KINDS;
	return any_socket(plain[kind].family, plain[kind].type,
			  plain[kind].family == AF_INET &&
			  plain[kind].type == SOCK_RAW ? IPPROTO_UDP : 0);
}

static int make_pair(uint32_t kind, int fd[2])
{
	kind %= input_kinds();
	if (kind < KINDS)
		return kind_pair(kind, fd, 0);
	kind -= KINDS;
	switch (plain[kind].family) {
	case AF_INET:
	case AF_INET6:
		return udp_pair(plain[kind].family, fd);
	case AF_UNIX:
		return unix_pair(plain[kind].type, fd);
	default:
		fd[0] = make_socket(kind + KINDS);
		fd[1] = make_socket(kind + KINDS);
		return 0;
	}
}

static int make_other(uint32_t what)
{
	int fd[2];

	switch (what % 6) {
	case 0:
		if (fd_pipe(fd))
			return -1;
		close(fd[1]);
		return fd[0];
	case 1:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case 2:
		return epoll_create1(EPOLL_CLOEXEC);
	case 3:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 4:
		return open("/dev/sockiocp", O_PATH | O_CLOEXEC);
	default:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
}

static void listen_on(struct state *s, uint32_t slot, uint32_t kind)
{
	kind %= KINDS;
	put(s, slot, kind_listen(kind, &s->port, 0));
}

static void connect_to(struct state *s, uint32_t slot, uint32_t kind, uint32_t how)
{
	int fd = get(s, slot);

	if (fd < 0 || how % 3) {
		put(s, slot, kind_socket(kind % KINDS));
		fd = get(s, slot);
	}
	kind_connect(kind % KINDS, fd, how % 2 ? s->port : 1);
}

static void set_option(int fd, uint32_t which, uint32_t value)
{
	static const struct {
		int level, name;
	} option[] = {
		{ SOL_SOCKET, SO_RCVLOWAT }, { SOL_SOCKET, SO_OOBINLINE },
		{ SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_RCVBUF },
		{ SOL_SOCKET, SO_ERROR }, { IPPROTO_IP, IP_RECVERR },
		{ SOL_SOCKET, SO_PEEK_OFF }, { IPPROTO_TCP, TCP_CORK },
		{ SOL_SOCKET, SO_NO_CHECK }, { IPPROTO_TCP, TCP_ULP },
	};
	socklen_t len = sizeof(int);
	int v = value;

	which %= sizeof(option) / sizeof(*option);
	if (option[which].name == SO_ERROR)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len);
	else if (option[which].name == TCP_ULP && option[which].level == IPPROTO_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3);
	else
		setsockopt(fd, option[which].level, option[which].name, &v, sizeof(v));
}

static const int message_flags[] = {
	0, MSG_OOB, MSG_MORE, MSG_PEEK, MSG_ERRQUEUE, MSG_TRUNC, MSG_DONTWAIT,
	MSG_WAITALL, MSG_EOR, MSG_FASTOPEN,
};

static int flags_of(uint32_t arg)
{
	return message_flags[arg % (sizeof(message_flags) / sizeof(int))] |
		MSG_NOSIGNAL | MSG_DONTWAIT;
}

/* Some sockets are never full. */
static void fill(int fd)
{
	static const char data[16384];
	int n = 300;

	while (n-- && send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
}

static void drain(int fd)
{
	char data[16384];
	int n = 300;

	while (n-- && recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

/* By SCM_RIGHTS, through a pair of AF_UNIX of its own. */
static void pass(struct state *s, uint32_t what, uint32_t to, uint32_t keep)
{
	int pair[2];

	if (unix_pair(TYPE_STREAM, pair))
		return;
	if (!send_fd(pair[0], get(s, what))) {
		/* On its way nobody has it, perhaps. */
		if (keep % 2)
			put(s, what, open("/dev/null", O_RDWR | O_CLOEXEC));
		if (keep % 3)
			put(s, to, recv_fd(pair[1], 0));
	}
	close(pair[0]);
	close(pair[1]);
}

/* --------------------------------------------------------------------- ports */

/* A ring in memory that all processes share; packets are put there, or rubbish. */
static void set_ring(struct state *s, const uint32_t *a)
{
	struct sockiocp_ring *ring = (void *)(s->token + s->page);
	uint32_t mixed = (a[2] ^ a[3]) * 2654435761U >> 8;
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)ring + (mixed & 0x70000 ? 0 : s->page - sizeof(*ring)),
		.empty = a[2] * 4ULL + 4,
		.handle = get(s, a[0]),
		.flags = SOCKIOCP_MIRROR_RING,
	};

	if (mixed & 1)
		ioctl(get(s, a[0]), SOCKIOCP_SET_MIRROR, &mirror);
	if (mixed & 6)
		__atomic_fetch_add(&ring->tail, 4 * (mixed >> 4 & 0x5f), __ATOMIC_SEQ_CST);
	else
		(&ring->tail)[mixed >> 4 & 1] = (__u64)mixed << (mixed >> 8 & 0x1f);
	if (mixed & 0x1000)
		__atomic_fetch_add(&ring->head, 4, __ATOMIC_SEQ_CST);
}

/* A word in memory that all processes share, that is bad, or that is gone at once. */
static void set_mirror(struct state *s, const uint32_t *a)
{
	__u64 *words = (__u64 *)(s->token + s->page / 2), *own = NULL;
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)&words[a[2] % 8],
		.empty = a[3] % 2 ? a[3] : a[2] * 4,
		.handle = a[2] % 5 ? get(s, a[0]) : get(s, a[1]),
	};

	switch (a[2] % 16) {
	case 12:
		own = mmap(NULL, s->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
		mirror.word = (uintptr_t)own;
		break;
	case 13:
	case 14:
	case 15:
		mirror.word = (uintptr_t)s->memory + (a[2] % 16 - 13) * s->page;
		break;
	}
	ioctl(get(s, a[0]), SOCKIOCP_SET_MIRROR, &mirror);
	if (own && own != MAP_FAILED)
		munmap(own, s->page);
	words[a[2] % 7] = a[3];
}

static uint64_t nanoseconds(uint32_t us)
{
	return us == 0xffffffff ? SOCKIOCP_INFINITE : us % 50000 * 1000ULL;
}

static void call(int port, uint32_t regs, struct sockiocp_registration_entry *reg,
		 uint32_t count, uint32_t us)
{
	struct sockiocp_packet_entry got[MAX_ENTRIES];
	uint32_t received = 0;
	struct sockiocp_process p = {
		.registrations = regs ? (uintptr_t)reg : 0,
		.registration_count = regs,
		.handle = port,
	};

	if (count > MAX_ENTRIES)
		count = MAX_ENTRIES;
	if (count) {
		p.entries = (uintptr_t)got;
		p.entry_count = count;
		p.received = (uintptr_t)&received;
		p.timeout_ns = nanoseconds(us);
	}
	ioctl(port, SOCKIOCP_PROCESS, &p);
}

static struct sockiocp_registration_entry registration(struct state *s, uint32_t slot,
						       uint32_t filter, uint32_t op,
						       uint32_t trigger)
{
	return (struct sockiocp_registration_entry) {
		.socket = (int64_t)get(s, slot),
		.completion_key = slot,
		.event_filter = filter,
		.operation = op,
		.trigger_flags = trigger,
	};
}

static void batch(struct state *s, const uint32_t *a)
{
	struct sockiocp_registration_entry reg[MAX_ENTRIES];
	uint32_t n = a[2] % MAX_ENTRIES, i;

	for (i = 0; i < n; i++)
		reg[i] = registration(s, a[1] + i, a[3], i % 7 == 6 ? 2 : a[4], a[5]);
	call(get(s, a[0]), n, reg, a[6] ? n : 0, a[6]);
}

/* Many sockets that nobody else has. */
static void crowd(struct state *s, const uint32_t *a)
{
	struct sockiocp_registration_entry reg[MAX_CROWD];
	uint32_t n = a[1] % MAX_CROWD, i;
	int fd[MAX_CROWD];

	for (i = 0; i < n; i++) {
		fd[i] = any_socket(AF_UNIX, SOCK_DGRAM, 0);
		reg[i] = (struct sockiocp_registration_entry) {
			.socket = fd[i],
			.completion_key = i,
			.event_filter = a[2],
			.operation = SOCKIOCP_OP_ENABLE,
			.trigger_flags = a[3],
		};
	}
	call(get(s, a[0]), n, reg, 0, 0);
	for (i = 0; i < n; i++)
		if (a[4] % 4 == 1 || (a[4] % 4 == 2 && i % 2))
			close(fd[i]);
}

/* Packets that are made and then have nothing to say. */
static void stale(struct state *s, const uint32_t *a)
{
	struct sockiocp_registration_entry reg = registration(s, a[1], 1, 1, 4);
	uint32_t n = a[3] % 50;
	char data[64];

	call(get(s, a[0]), 1, &reg, 0, 0);
	do {
		sock_send(get(s, a[2]), "x", 1);
		sock_recv(get(s, a[1]), data, sizeof(data));
	} while (n--);
}

/* Good, read-only, at the end of what is there, not there, out of all bounds... */
static uint64_t address(struct state *s, uint32_t how, uint64_t good, size_t size)
{
	switch (how) {
	case 0:
		return 0;
	case 2:
		return (uintptr_t)(s->memory + s->page);
	case 3:
		return (uintptr_t)(s->memory + 2 * s->page);
	case 4:
		return (uintptr_t)(s->memory + s->page - size / 2);
	case 5:
		return (uintptr_t)(s->memory + s->page - size);
	case 6:
		return ~0ULL - size / 2;
	case 7:
		return 0xffff888000000000;
	case 8:
		return good + 1;
	default:
		return good;
	}
}

static void raw(struct state *s, const uint32_t *a)
{
	struct sockiocp_registration_entry *reg = (void *)s->memory;
	struct sockiocp_packet_entry *got = (void *)(s->memory + 1024);
	struct sockiocp_process p;
	uint32_t i;

	for (i = 0; i < 40; i++)
		reg[i] = registration(s, i, 7, 1, 5);
	p = (struct sockiocp_process) {
		.registrations = address(s, a[1], (uintptr_t)reg, 24),
		.registration_count = a[2],
		.entries = address(s, a[3], (uintptr_t)got, 32),
		.entry_count = a[4],
		.received = address(s, a[5], (uintptr_t)s->memory + 3072, 4),
		.timeout_ns = nanoseconds(a[6]),
		.handle = get(s, a[0]),
	};
	ioctl(get(s, a[0]), SOCKIOCP_PROCESS, &p);
}

static void any_ioctl(struct state *s, const uint32_t *a)
{
	char *arg = s->memory + 3200;
	/* _IOC_READ is 2, _IOC_WRITE 1. */
	static const char dirs[] = { 2, 1, 3, 1, 0, 1, 1, 3, 3, 1, 3, 0, 3 };
	unsigned int dir = dirs[a[1] % sizeof(dirs)];

	/* SOCKIOCP_CLOSE_SOCKET's argument is no address, and 0 the fuzzer's own. */
	if (a[1] % sizeof(dirs) == 11)
		return;

	memset(arg, 0, 800);
	memcpy(arg, &a[4], sizeof(a[4]));
	memcpy(arg + 60, &a[4], sizeof(a[4]));
	ioctl(get(s, a[0]), _IOC(dir, SOCKIOCP_IOC_MAGIC, a[1] % 256, a[2] % 16384),
	      address(s, a[3], (uintptr_t)arg, a[2]));
}

static void offer(struct state *s, const uint32_t *a)
{
	const uint32_t process[] = { getpid(), s->process, getppid(), thread_id(), 0 };
	struct sockiocp_offer args = {
		.socket = get(s, a[1]),
		.process = process[a[2] % 5],
		.flags = a[3],
	};

	if (!ioctl(get(s, a[0]), SOCKIOCP_OFFER, &args))
		memcpy(s->token, args.token, sizeof(args.token));
}

static void fetch(struct state *s, const uint32_t *a)
{
	struct sockiocp_fetch args = { .flags = a[2] == 9 };

	memcpy(args.token, s->token, sizeof(args.token));
	args.token[0] ^= a[2] == 8;
	put(s, a[1], ioctl(get(s, a[0]), SOCKIOCP_FETCH, &args));
}

/* ------------------------------------------------------------------ operations */

/* What is where: buffers, data, OVERLAPPED, name. */
static uint64_t place(struct state *s, uint32_t where, uint32_t what, const void *good,
		      size_t size)
{
	return address(s, where / 16 % 4 == what ? where % 16 : 1, (uintptr_t)good, size);
}

static __u64 *next_overlapped(struct state *s)
{
	return s->work->overlapped[__atomic_fetch_add(&s->operations, 1, __ATOMIC_RELAXED) %
				   OPERATIONS];
}

static struct sockiocp_submit operation(struct state *s, const uint32_t *a, uint32_t count,
					uint32_t size, uint32_t how, uint32_t where)
{
	struct work *w = s->work;
	unsigned int operation = a[1] % 16, i;
	struct sockiocp_submit args = {
		.socket = get(s, a[0]),
		.overlapped = place(s, where, 2, next_overlapped(s), 16),
		.cookie = how,
		.operation = operation,
		.message_flags = message_flags[a[1] / 16 % (sizeof(message_flags) / sizeof(int))],
		.flags = how % 16,
		.event = how & SOCKIOCP_SUBMIT_EVENT ? get(s, how / 16) : 0,
	};

	if (operation > SOCKIOCP_SUBMIT_SEND)
		return args;
	args.buffers = place(s, where, 0, w->buffer, sizeof(w->buffer[0]) * MAX_BUFFERS);
	args.buffer_count = count > MAX_BUFFERS && count < 10000 ? MAX_BUFFERS : count;
	for (i = 0; i < MAX_BUFFERS; i++)
		w->buffer[i] = (struct sockiocp_buffer) {
			.length = i % 3 == 2 ? 0 : size,
			.address = place(s, where, 1, w->data, size),
		};
	if (where / 16 % 4 != 3)
		return args;
	args.name = place(s, where, 3, &w->name, sizeof(w->name));
	w->name = (struct sockaddr_storage) { .ss_family = size % 2 ? AF_INET : AF_UNIX };
	w->name_length = size;
	args.name_length = operation == SOCKIOCP_SUBMIT_SEND ? size :
			   (uintptr_t)&w->name_length;
	return args;
}

static void submit(struct state *s, const uint32_t *a)
{
	struct sockiocp_submit args = operation(s, a + 1, a[3], a[4], a[5], a[6]);

	ioctl(get(s, a[0]), SOCKIOCP_SUBMIT, &args);
}

/* The next slots' sockets by turns, and operations of more than one kind. */
static void submits(struct state *s, const uint32_t *a)
{
	struct sockiocp_packet_entry got[OPERATIONS];
	uint32_t received = 0, n = a[4] % OPERATIONS, i;
	struct sockiocp_batch batch = {
		.operations = (uintptr_t)s->work->args,
		.operation_count = a[4] > 64 ? a[4] : n,
		.operation_size = sizeof(s->work->args[0]),
		.home = get(s, a[0]),
	};

	for (i = 0; i < n; i++) {
		const uint32_t which[] = { a[2] + i % 2, a[3] ^ (i % 4 == 3) };

		s->work->args[i] = operation(s, which, 1, 1 << i, i % 5 ? 0 : a[3], 1);
	}
	/* The last one is none. */
	memset(&s->work->args[n], 0xff, sizeof(s->work->args[0]));
	if (a[5]) {
		batch.process.entries = (uintptr_t)got;
		batch.process.entry_count = a[5] % OPERATIONS;
		batch.process.received = (uintptr_t)&received;
		batch.process.timeout_ns = batch.process.entry_count ? nanoseconds(a[6]) : 0;
	}
	ioctl(get(s, a[1]), SOCKIOCP_BATCH, &batch);
}

static void cancel(struct state *s, const uint32_t *a)
{
	struct sockiocp_cancel args = { .socket = get(s, a[1]), .flags = a[3] };

	if (a[2])
		args.overlapped = (uintptr_t)s->work->overlapped[(s->operations - a[2]) %
								 OPERATIONS];
	ioctl(get(s, a[0]), SOCKIOCP_CANCEL, &args);
}

/* ------------------------------------------------------------------ the family */

static void open_family(struct state *s, uint32_t slot, uint32_t groups)
{
	struct genl g;

	if (genl_open(&g))
		return;
	if (groups & 1)
		genl_join(&g, SOCKIOCP_MCGRP_PORTS);
	if (groups & 2)
		genl_join(&g, SOCKIOCP_MCGRP_LIMITS);
	put(s, slot, g.fd);
}

/* The port's number stands for 1. */
static size_t put_attribute(char *at, struct state *s, uint32_t port, uint32_t type,
			    uint32_t number, uint32_t length)
{
	uint64_t value[4] = { number, number };

	if (!type)
		return 0;
	if (number == 1)
		value[0] = fdinfo_value(get(s, port), "id");
	return genl_put(at, type, value, length % sizeof(value));
}

static void read_answers(int fd)
{
	char data[4096];
	int i;

	for (i = 0; i < 8 && recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0; i++)
		;
}

static void ask(struct state *s, const uint32_t *a)
{
	int in_slot = get(s, a[1]), protocol = 0;
	char attrs[128];
	struct genl g;
	size_t length;

	if (genl_open(&g))
		return;
	length = put_attribute(attrs, s, a[0], a[3], a[4], a[5]);
	length += put_attribute(attrs + length, s, a[0], a[6], a[4], 8);
	getsockopt(in_slot, SOL_SOCKET, SO_PROTOCOL, &protocol, &(socklen_t){ sizeof(protocol) });
	if (protocol == NETLINK_GENERIC) {
		close(g.fd);
		g.fd = in_slot;
	}
	genl_ask_all(&g, a[2] % 16, (a[2] & 0x10 ? NLM_F_DUMP : 0) | (a[2] & 0x20 ? NLM_F_ACK : 0),
		     attrs, length);
	if (a[2] & 0x40)
		read_answers(g.fd);
	if (g.fd != in_slot)
		close(g.fd);
}

static void watch(struct state *s, uint32_t epoll, uint32_t what, uint32_t how)
{
	struct epoll_event event = {
		.events = how % 2 ? EPOLLIN | EPOLLET : EPOLLIN,
	};
	int fd = get(s, epoll);

	if (epoll_ctl(fd, EPOLL_CTL_ADD, get(s, what), &event) &&
	    (errno == EINVAL || errno == EBADF)) {
		put(s, epoll, epoll_create1(EPOLL_CLOEXEC));
		fd = get(s, epoll);
		epoll_ctl(fd, EPOLL_CTL_ADD, get(s, what), &event);
	}
	epoll_wait(fd, &event, 1, how % 3);
}

/* ---------------------------------------------------------------- operations */

static void execute(struct state *s, unsigned int i, int thread);

/* Threads and processes that shall run at the same time as others do. */
static void use_all_processors(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
}

/* The operations that follow, in a process of their own; returns how many. */
static unsigned int run_in_child(struct state *s, unsigned int i, uint32_t n)
{
	unsigned int last = i + 1 + n % 8;

	s->forked = 1;
	if (last > s->input->n)
		last = s->input->n;
	s->process = fork();
	if (!s->process) {
		struct itimerval alarm = { .it_value.tv_usec = ALARM_US,
					   .it_interval.tv_usec = ALARM_US };

		s->is_child = 1;
		use_all_processors();
		setitimer(ITIMER_REAL, &alarm, NULL);
		while (++i < last)
			execute(s, i, 0);
		_exit(0);
	}
	return last - i - 1;
}

/* Which inherits the ports, perhaps, and not what they have submitted. */
static void another_program(struct state *s, uint32_t which)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		fcntl(get(s, i), F_SETFD, which >> i % 3 & 1 ? 0 : FD_CLOEXEC);
	execl("/proc/self/exe", "fuzz", "-n", (char *)NULL);
}

static const char *limit_name(uint32_t which)
{
	static const char *const names[] = {
		"max_user_registrations", "max_user_packets", "max_user_operations",
	};

	return names[which % 3];
}

static void nap(uint32_t us)
{
	usleep(us % 20000);
}

static void execute(struct state *s, unsigned int i, int thread)
{
	const uint32_t *a = s->input->op[i].arg;
	struct sockiocp_registration_entry reg;
	struct sockiocp_association association;
	struct sockiocp_modes modes;
	struct sockiocp_config config;
	struct sockiocp_post packet;
	char data[4096];
	int fd[2];

	switch (s->input->op[i].code) {
	case OP_PORT:
		put(s, a[0], open("/dev/sockiocp", O_RDWR | O_CLOEXEC));
		break;
	case OP_SOCKET:
		put(s, a[0], make_socket(a[1]));
		break;
	case OP_PAIR:
		if (!make_pair(a[2], fd)) {
			put(s, a[0], fd[0]);
			put(s, a[1], fd[1]);
		}
		break;
	case OP_LISTEN:
		listen_on(s, a[0], a[1]);
		break;
	case OP_CONNECT:
		connect_to(s, a[0], a[1], a[2]);
		break;
	case OP_ACCEPT:
		put(s, a[1], accept4(get(s, a[0]), NULL, NULL,
				     SOCK_NONBLOCK | SOCK_CLOEXEC));
		break;
	case OP_OTHER:
		put(s, a[0], make_other(a[1]));
		break;
	case OP_DUP:
		put(s, a[1], fd_dup(get(s, a[0])));
		break;
	case OP_DUP2:
		if (get(s, a[0]) > 2 && get(s, a[1]) > 2)
			dup2(get(s, a[0]), get(s, a[1]));
		break;
	case OP_CLOSE:
		if (get(s, a[0]) > 2)
			close(get(s, a[0]));
		break;
	case OP_SEND:
		memset(data, 'x', sizeof(data));
		send(get(s, a[0]), data, a[1] % sizeof(data), flags_of(a[2]));
		break;
	case OP_RECV:
		recv(get(s, a[0]), data, a[1] % sizeof(data), flags_of(a[2]));
		break;
	case OP_FILL:
		fill(get(s, a[0]));
		break;
	case OP_DRAIN:
		drain(get(s, a[0]));
		break;
	case OP_SHUTDOWN:
		shutdown(get(s, a[0]), a[1] % 3);
		break;
	case OP_RESET:
		sock_reset(get(s, a[0]));
		break;
	case OP_DISCONNECT:
		connect(get(s, a[0]), &(struct sockaddr){ .sa_family = AF_UNSPEC },
			sizeof(struct sockaddr));
		break;
	case OP_OPTION:
		set_option(get(s, a[0]), a[1], a[2]);
		break;
	case OP_BLOCKING:
		fcntl(get(s, a[0]), F_SETFL, a[1] % 2 ? 0 : O_NONBLOCK);
		break;
	case OP_PASS:
		pass(s, a[0], a[1], a[2]);
		break;
	case OP_REGISTER:
		reg = registration(s, a[1], a[2], a[3], a[4]);
		call(get(s, a[0]), 1, &reg, 0, 0);
		break;
	case OP_BATCH:
		batch(s, a);
		break;
	case OP_CROWD:
		crowd(s, a);
		break;
	case OP_HARVEST:
		call(get(s, a[0]), 0, NULL, a[1], a[2]);
		break;
	case OP_BOTH:
		reg = registration(s, a[1], a[2], a[3], a[4]);
		call(get(s, a[0]), 1, &reg, a[5], a[6]);
		break;
	case OP_RAW:
		raw(s, a);
		break;
	case OP_POST:
		packet = (struct sockiocp_post) { .completion_key = a[1] };
		ioctl(get(s, a[0]), SOCKIOCP_POST, &packet);
		break;
	case OP_CONFIGURE:
		config = (struct sockiocp_config) {
			.concurrency = a[1],
			.flags = a[2],
		};
		ioctl(get(s, a[0]), SOCKIOCP_CONFIGURE, &config);
		break;
	case OP_ASSOCIATE:
		association = (struct sockiocp_association) {
			.socket = get(s, a[1]),
			.flags = a[2],
		};
		ioctl(get(s, a[0]), SOCKIOCP_ASSOCIATE, &association);
		break;
	case OP_MODES:
		modes = (struct sockiocp_modes) { .socket = get(s, a[1]), .modes = a[2] };
		ioctl(get(s, a[0]), SOCKIOCP_SET_MODES, &modes);
		break;
	case OP_INFO:
		ioctl(get(s, a[0]), _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 0,
					 a[1] % 16384),
		      address(s, a[2], (uintptr_t)data, a[1]));
		break;
	case OP_IOCTL:
		any_ioctl(s, a);
		break;
	case OP_OFFER:
		offer(s, a);
		break;
	case OP_FETCH:
		fetch(s, a);
		break;
	case OP_SUBMIT:
		submit(s, a);
		break;
	case OP_SUBMITS:
		submits(s, a);
		break;
	case OP_CANCEL:
		cancel(s, a);
		break;
	case OP_CLOSE_SOCKET:
		if (get(s, a[1]) > 2)
			ioctl(get(s, a[0]), SOCKIOCP_CLOSE_SOCKET, (long)get(s, a[1]));
		break;
	case OP_EXEC:
		if (s->is_child)
			another_program(s, a[0]);
		break;
	case OP_FAMILY:
		open_family(s, a[0], a[1]);
		break;
	case OP_ASK:
		ask(s, a);
		break;
	case OP_MIRROR:
		if (a[2] & 1)
			set_ring(s, a);
		else
			set_mirror(s, a);
		break;
	case OP_CLOSE_PORT:
		ioctl(get(s, a[0]), SOCKIOCP_CLOSE);
		break;
	case OP_POLL:
		fd_sees(get(s, a[0]), a[1] % 20000 / 1000);
		break;
	case OP_WATCH:
		watch(s, a[0], a[1], a[2]);
		break;
	case OP_FDINFO:
		fdinfo_value(get(s, a[0]), "packets");
		break;
	case OP_SLEEP:
		nap(a[0]);
		break;
	case OP_SIGNAL:
		signal_task(__atomic_load_n(&s->tid[!thread], __ATOMIC_RELAXED) ?: -1);
		break;
	case OP_FORK:
		break; /* run_thread() does it */
	case OP_LIMIT:
		param_set(limit_name(a[0]), a[1]);
		break;
	case OP_SAMPLE:
		param_set("sample", a[0] % 2);
		break;
	case OP_SWITCH:
		param_set(a[0] % 2 ? "histograms" : "late_packet_ms", a[1] % 2);
		break;
	case OP_USER:
		setresuid(a[0] % 2 ? USER : 0, -1, -1);
		break;
	case OP_CHMOD:
		for (i = 0; i < 200 * (a[1] % 20); i++)
			fchmod(get(s, a[0]), 0600);
		break;
	case OP_STALE:
		stale(s, a);
		break;
	}
}

static void run_thread(struct state *s, int thread)
{
	unsigned int i;
	int patience;

	s->tid[thread] = thread_id();
	for (i = 0; i < s->input->n; i++) {
		const struct op *op = &s->input->op[i];

		if (op->code == OP_FORK && op->thread == thread)
			i += run_in_child(s, i, op->arg[0]);
		else if (op->thread != thread)
			continue;
		for (patience = 20; thread && patience &&
		     __atomic_load_n(&s->done, __ATOMIC_ACQUIRE) < i; patience--)
			nap(200);
		if (op->code != OP_FORK)
			execute(s, i, thread);
		if (!thread)
			__atomic_store_n(&s->done, i + 1, __ATOMIC_RELEASE);
	}
	if (!thread)
		__atomic_store_n(&s->done, MAX_OPS, __ATOMIC_RELEASE);
}

static void *thread_b(void *state)
{
	use_all_processors();
	run_thread(state, 1);
	return NULL;
}

static int join_until(pthread_t thread, int ms)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += ms * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	return pthread_timedjoin_np(thread, NULL, &end);
}

static void interrupt(int sig)
{
	(void)sig;
}

static void state_init(struct state *s, const struct input *input)
{
	unsigned int i;

	s->input = input;
	s->port = 1;
	s->done = 0;
	s->tid[0] = 0;
	s->tid[1] = 0;
	s->forked = 0;
	s->process = 0;
	s->operations = 0;
	s->is_child = 0;
	for (i = 0; i < SLOTS; i++)
		s->fd[i] = -1;
	if (s->memory)
		return;
	s->page = sysconf(_SC_PAGESIZE);
	s->memory = mmap(NULL, 3 * s->page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(s->memory + s->page, s->page, PROT_READ);
	munmap(s->memory + 2 * s->page, s->page);
	s->work = calloc(1, sizeof(*s->work));
	s->token = mmap(NULL, 2 * s->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
}

static void signals_init(void)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct itimerval alarm = { .it_value.tv_usec = ALARM_US,
				   .it_interval.tv_usec = ALARM_US };

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	setitimer(ITIMER_REAL, &alarm, NULL);
}

int input_run(const struct input *input)
{
	static const struct itimerval off;
	static struct state s;
	pthread_t thread;
	int joined = 1;
	unsigned int i;

	state_init(&s, input);
	signals_init();
	for (i = 0; i < input->n && !input->op[i].thread; i++)
		;
	if (i == input->n || pthread_create(&thread, NULL, thread_b, &s)) {
		run_thread(&s, 0);
	} else {
		run_thread(&s, 0);
		/* If it does not end, it ends with the process. */
		joined = !join_until(thread, JOIN_MS);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	return joined && !s.forked && !setresuid(0, -1, -1);
}
