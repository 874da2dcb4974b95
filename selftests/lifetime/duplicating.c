// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets that are offered to another process, which fetches them: SOCKIOCP_OFFER and
 * SOCKIOCP_FETCH as <linux/sockiocp.h> promises them.  Who may fetch what, how often,
 * and that an offer keeps nothing open.
 *
 * Uses no library.  Many at once: races/handover.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/sock.h"
#include "lib/task.h"

#define USER	54322

#define LIMIT	"max_user_offers"
#define SECONDS	"offer_seconds"

/* ------------------------------------------------------- a process that fetches */

enum command {
	NOTHING,
	FETCH,
	FETCH_IN_A_THREAD,
	FETCH_IN_A_CHILD,
	/* The socket that was fetched. */
	SEND,
	IS_CLOEXEC,
	CLOSE,
	/* All three user ids, or the real one only. */
	BECOME,
	BECOME_REALLY,
	/* How many descriptors it may have; 0: as many as in the beginning. */
	ALLOW,
};

struct receiver {
	int pid;
	enum command command;
	struct sockiocp_fetch fetch;
	int value;
	int ret;

	int port;
	int fd;
};

static int fetch(int port, const struct sockiocp_fetch *args)
{
	int ret = ioctl(port, SOCKIOCP_FETCH, args);

	return ret < 0 ? -errno : ret;
}

static void *fetch_in_a_thread(void *arg)
{
	struct receiver *r = arg;

	r->fd = fetch(r->port, &r->fetch);
	return NULL;
}

static int fetch_in_a_child(struct receiver *r)
{
	int pid = fork();

	if (!pid)
		_exit(fetch(r->port, &r->fetch) == -EPERM);
	return child_status(pid, COMES) == 1 ? -EPERM : 0;
}

static int allow(int descriptors)
{
	static struct rlimit first;
	struct rlimit limit;

	if (!first.rlim_max)
		getrlimit(RLIMIT_NOFILE, &first);
	limit = first;
	if (descriptors)
		limit.rlim_cur = descriptors;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

static int carry_out(struct receiver *r)
{
	pthread_t thread;

	switch (r->command) {
	case FETCH:
		r->fd = fetch(r->port, &r->fetch);
		return r->fd < 0 ? r->fd : 0;
	case FETCH_IN_A_THREAD:
		if (pthread_create(&thread, NULL, fetch_in_a_thread, r) ||
		    pthread_join(thread, NULL))
			return -ENOMEM;
		return r->fd < 0 ? r->fd : 0;
	case FETCH_IN_A_CHILD:
		return fetch_in_a_child(r);
	case SEND:
		return sock_send(r->fd, "x", 1);
	case IS_CLOEXEC:
		return fd_is_cloexec(r->fd);
	case CLOSE:
		return fd_close(r->fd);
	case BECOME:
		return syscall(SYS_setresuid, r->value, r->value, r->value);
	case BECOME_REALLY:
		return syscall(SYS_setresuid, r->value, -1, -1);
	case ALLOW:
		return allow(r->value);
	default:
		return -ENOSYS;
	}
}

/* It has no descriptor of what its parent opens later. */
static void receive(void *arg)
{
	struct receiver *r = arg;

	r->port = device_open();
	for (;;) {
		while (!__atomic_load_n(&r->command, __ATOMIC_ACQUIRE))
			sleep_ms(1);
		r->ret = carry_out(r);
		__atomic_store_n(&r->command, NOTHING, __ATOMIC_RELEASE);
	}
}

static struct receiver *receiver_start(void)
{
	struct receiver *r = shared_memory(sizeof(*r));

	if (r)
		r->pid = process_start(receive, r);
	return r;
}

static int order(struct receiver *r, enum command command, int value)
{
	int64_t end = now_ms() + 2 * COMES;

	r->value = value;
	__atomic_store_n(&r->command, command, __ATOMIC_RELEASE);
	while (__atomic_load_n(&r->command, __ATOMIC_ACQUIRE)) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		sleep_ms(1);
	}
	return r->ret;
}

static int receiver_fetches(struct receiver *r, const __u8 *token)
{
	memcpy(r->fetch.token, token, sizeof(r->fetch.token));
	return order(r, FETCH, 0);
}

static int offer(int port, int fd, int pid, struct sockiocp_offer *args)
{
	*args = (struct sockiocp_offer) { .socket = fd, .process = pid };
	return device_call(port, SOCKIOCP_OFFER, args);
}

/* ----------------------------------------------------------------- the fixture */

FIXTURE(duplicating) {
	int port;
	struct receiver *receiver;
	/* A TCP connection, of which the receiver has nothing. */
	int fd;
	int peer;
	struct sockiocp_offer offer;
};

FIXTURE_SETUP(duplicating)
{
	struct sockiocp_info info;
	int pair[2];

	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	if (!(info.features & SOCKIOCP_FEATURE_DUPLICATE))
		SKIP(_exit(255), "this kernel lets no module give a process a descriptor");
	self->receiver = receiver_start();
	ASSERT_NE(NULL, self->receiver);
	ASSERT_EQ(0, tcp_pair(FAM_INET, pair, 0));
	self->fd = pair[0];
	self->peer = pair[1];
}

FIXTURE_TEARDOWN(duplicating)
{
	fd_close(self->fd);
	fd_close(self->peer);
	fd_close(self->port);
	if (self->receiver->pid > 0)
		process_kill(self->receiver->pid);
}

#define NEEDS_ROOT()							\
	do {								\
		if (geteuid())						\
			SKIP(return, "only root can be several users");	\
	} while (0)

#define OFFER()								\
	ASSERT_EQ(0, offer(self->port, self->fd, self->receiver->pid, &self->offer))
#define EXPECT_FETCHED(want)						\
	EXPECT_EQ(want, receiver_fetches(self->receiver, self->offer.token))
#define EXPECT_OFFER(want, fd, pid)					\
	EXPECT_EQ(want, offer(self->port, fd, pid, &self->offer))

#define EXPECT_FIN(fd)	EXPECT_TRUE(sock_becomes(fd, SEE_RDHUP, COMES))

#define CLOSE_FD(fd)							\
	do {								\
		EXPECT_EQ(0, fd_close(fd));				\
		fd = -1;						\
	} while (0)

/* ------------------------------------------------------------ what is promised */

TEST_F(duplicating, what_is_fetched_is_the_same_socket)
{
	char c;

	OFFER();
	EXPECT_FETCHED(0);
	EXPECT_EQ(1, order(self->receiver, IS_CLOEXEC, 0));
	EXPECT_EQ(1, order(self->receiver, SEND, 0));
	EXPECT_TRUE(sock_becomes(self->peer, SEE_IN, COMES));
	EXPECT_EQ(1, sock_recv(self->peer, &c, 1));
	EXPECT_EQ('x', c);

	/* Open until both have closed it. */
	CLOSE_FD(self->fd);
	EXPECT_FALSE(sock_becomes(self->peer, SEE_RDHUP, COMES_NOT));
	EXPECT_EQ(1, order(self->receiver, SEND, 0));
	EXPECT_TRUE(sock_becomes(self->peer, SEE_IN, COMES));
	EXPECT_EQ(1, sock_recv(self->peer, &c, 1));
	EXPECT_EQ(0, order(self->receiver, CLOSE, 0));
	EXPECT_FIN(self->peer);
}

TEST_F(duplicating, offer_holds_up_no_fin)
{
	OFFER();
	CLOSE_FD(self->fd);
	EXPECT_FIN(self->peer);
	EXPECT_FETCHED(-ESTALE);
	EXPECT_FETCHED(-ENOENT);
}

/*
 * An AF_UNIX socket that is in a message to itself only is garbage, unless it is offered:
 * its collector must not take what a fetch brings back.
 */
TEST_F(duplicating, offer_keeps_a_unix_socket_from_being_collected)
{
	struct sockiocp_fetch args = { 0 };
	int pair[2], other[2], fd;
	char c;

	ASSERT_EQ(0, unix_pair(TYPE_STREAM, pair));
	EXPECT_OFFER(0, pair[1], getpid());
	ASSERT_EQ(0, send_fd(pair[0], pair[1]));
	fd_close(pair[0]);
	fd_close(pair[1]);
	/* Any that is closed makes the collector run. */
	ASSERT_EQ(0, unix_pair(TYPE_STREAM, other));
	fd_close(other[0]);
	fd_close(other[1]);
	sleep_ms(COMES_NOT);

	memcpy(args.token, self->offer.token, sizeof(args.token));
	fd = fetch(self->port, &args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, sock_recv(fd, &c, 1));
	fd_close(fd);
}

TEST_F(duplicating, offer_is_fetched_once)
{
	OFFER();
	EXPECT_FETCHED(0);
	EXPECT_FETCHED(-ENOENT);

	/* A new one is another one, of the same socket. */
	OFFER();
	EXPECT_FETCHED(0);
}

TEST_F(duplicating, tokens_are_not_guessed)
{
	struct sockiocp_fetch args = { .flags = 0 };
	struct sockiocp_offer other;
	int bit;

	EXPECT_EQ(0, offer(self->port, self->fd, getpid(), &self->offer));
	EXPECT_EQ(0, offer(self->port, self->fd, getpid(), &other));
	EXPECT_NE(0, memcmp(other.token, self->offer.token, sizeof(other.token)));

	EXPECT_EQ(-ENOENT, fetch(self->port, &args));
	for (bit = 0; bit < SOCKIOCP_TOKEN_SIZE * 8; bit++) {
		memcpy(args.token, self->offer.token, sizeof(args.token));
		args.token[bit / 8] ^= 1 << bit % 8;
		EXPECT_EQ(-ENOENT, fetch(self->port, &args));
	}
	memcpy(args.token, self->offer.token, sizeof(args.token));
	EXPECT_LE(0, fetch(self->port, &args));
}

TEST_F(duplicating, offer_is_for_one_process)
{
	struct sockiocp_fetch args = { .flags = 0 };
	struct receiver *other = receiver_start();

	ASSERT_NE(NULL, other);
	OFFER();
	EXPECT_EQ(-EPERM, receiver_fetches(other, self->offer.token));
	memcpy(args.token, self->offer.token, sizeof(args.token));
	EXPECT_EQ(-EPERM, fetch(self->port, &args));
	memcpy(self->receiver->fetch.token, self->offer.token, sizeof(args.token));
	EXPECT_EQ(-EPERM, order(self->receiver, FETCH_IN_A_CHILD, 0));

	/* Whichever thread of it asks. */
	EXPECT_EQ(0, order(self->receiver, FETCH_IN_A_THREAD, 0));
	process_kill(other->pid);
}

static void *stay(void *tid)
{
	__atomic_store_n((int *)tid, thread_id(), __ATOMIC_RELEASE);
	pause();
	return NULL;
}

static void leave(void *arg)
{
	(void)arg;
}

TEST_F(duplicating, process_that_is_not_there_is_refused)
{
	pthread_t thread;
	int pid, tid = 0;

	EXPECT_OFFER(-ESRCH, self->fd, 0);
	EXPECT_OFFER(-ESRCH, self->fd, -1);
	EXPECT_OFFER(-ESRCH, self->fd, 0x7fffffff);
	pid = process_start(leave, NULL);
	ASSERT_LT(0, pid);
	ASSERT_LE(0, child_status(pid, COMES));
	EXPECT_OFFER(-ESRCH, self->fd, pid);

	ASSERT_EQ(0, pthread_create(&thread, NULL, stay, &tid));
	while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	EXPECT_OFFER(-ESRCH, self->fd, tid);
}

TEST_F(duplicating, process_of_another_user_is_refused)
{
	NEEDS_ROOT();
	EXPECT_EQ(0, order(self->receiver, BECOME_REALLY, USER));
	EXPECT_OFFER(-EPERM, self->fd, self->receiver->pid);
	EXPECT_EQ(0, order(self->receiver, BECOME_REALLY, 0));

	/* It is another one's when it comes. */
	OFFER();
	EXPECT_EQ(0, order(self->receiver, BECOME_REALLY, USER));
	EXPECT_FETCHED(-EPERM);
	EXPECT_EQ(0, order(self->receiver, BECOME, USER));
	EXPECT_FETCHED(-EPERM);
	EXPECT_OFFER(-EPERM, self->fd, self->receiver->pid);
}

/* The one who opened the port is charged, and does not matter otherwise. */
TEST_F(duplicating, users_are_those_of_the_processes)
{
	NEEDS_ROOT();
	EXPECT_EQ(0, order(self->receiver, BECOME, USER));
	EXPECT_OFFER(-EPERM, self->fd, self->receiver->pid);
	ASSERT_EQ(0, syscall(SYS_setresuid, 0, USER, 0));
	OFFER();
	EXPECT_FETCHED(0);
}

TEST_F(duplicating, offer_is_of_no_port)
{
	int port = device_open();

	ASSERT_LE(0, port);
	EXPECT_EQ(0, offer(port, self->fd, self->receiver->pid, &self->offer));
	EXPECT_EQ(0, fd_close(port));
	EXPECT_FETCHED(0);

	port = device_open();
	ASSERT_EQ(0, device_call(port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(-ESHUTDOWN, offer(port, self->fd, self->receiver->pid, &self->offer));
	EXPECT_EQ(-ESHUTDOWN, fetch(port, &self->receiver->fetch));
	fd_close(port);
}

TEST_F(duplicating, offer_stays_where_no_descriptor_is_left)
{
	OFFER();
	EXPECT_EQ(0, order(self->receiver, ALLOW, 1));
	EXPECT_FETCHED(-EMFILE);
	EXPECT_FETCHED(-EMFILE);
	EXPECT_EQ(0, order(self->receiver, ALLOW, 0));
	EXPECT_FETCHED(0);
	EXPECT_FETCHED(-ENOENT);
}

TEST_F(duplicating, offer_does_not_last_for_ever)
{
	long long before = param_get(SECONDS);

	NEEDS_ROOT();
	EXPECT_EQ(300, before);
	ASSERT_EQ(0, param_set(SECONDS, 1));
	OFFER();
	/* The kernel's count of ticks may be behind its clock. */
	sleep_ms(1500);
	EXPECT_FETCHED(-ENOENT);
	ASSERT_EQ(0, param_set(SECONDS, 0));
	OFFER();
	EXPECT_FETCHED(-ENOENT);
	EXPECT_EQ(0, param_set(SECONDS, before));
}

TEST_F(duplicating, user_has_so_many_offers)
{
	const int pid = self->receiver->pid;
	struct receiver *other = receiver_start();
	long long limit = param_get(LIMIT);
	int others[2], i;

	NEEDS_ROOT();
	ASSERT_NE(NULL, other);
	EXPECT_EQ(1024, limit);
	ASSERT_EQ(0, udp_pair(FAM_INET, others));
	/* A port of a user that no other test is. */
	fd_close(self->port);
	ASSERT_EQ(0, syscall(SYS_setresuid, USER, -1, -1));
	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, param_set(LIMIT, 4));

	for (i = 0; i < 3; i++)
		EXPECT_OFFER(0, others[0], pid);
	EXPECT_OFFER(0, self->fd, pid);
	EXPECT_OFFER(-ENOBUFS, self->fd, pid);
	EXPECT_OFFER(-ENOBUFS, self->fd, pid);
	EXPECT_EQ(0, param_set(LIMIT, 5));
	EXPECT_OFFER(0, self->fd, pid);
	EXPECT_OFFER(-ENOBUFS, self->fd, pid);

	/* Those that nobody can fetch do not count: of sockets that were closed, ... */
	CLOSE_FD(others[0]);
	for (i = 0; i < 3; i++)
		EXPECT_OFFER(0, self->fd, pid);
	EXPECT_OFFER(-ENOBUFS, self->fd, pid);
	/* ... and for processes that are gone; nor does one that was fetched. */
	process_kill(pid);
	self->receiver->pid = 0;
	for (i = 0; i < 5; i++)
		EXPECT_OFFER(0, self->fd, other->pid);
	EXPECT_EQ(0, receiver_fetches(other, self->offer.token));
	EXPECT_OFFER(0, self->fd, other->pid);
	EXPECT_OFFER(-ENOBUFS, self->fd, other->pid);
	EXPECT_EQ(0, param_set(LIMIT, limit));
	process_kill(other->pid);
	fd_close(others[1]);
}

/* ------------------------------------------------------------------- arguments */

TEST_F(duplicating, bad_arguments_are_refused)
{
	struct sockiocp_fetch args = { .flags = 0 };
	const int pid = self->receiver->pid;
	int pipe[2], bit;

	ASSERT_EQ(0, fd_pipe(pipe));
	EXPECT_OFFER(-EBADF, -1, pid);
	EXPECT_OFFER(-EBADF, 0x7fffffff, pid);
	EXPECT_OFFER(-ENOTSOCK, pipe[0], pid);
	EXPECT_OFFER(-ENOTSOCK, self->port, pid);
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_OFFER, NULL));
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_FETCH, NULL));

	OFFER();
	memcpy(args.token, self->offer.token, sizeof(args.token));
	for (bit = 0; bit < 32; bit++) {
		self->offer.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_OFFER, &self->offer));
		args.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, fetch(self->port, &args));
		args.flags = 0;
		args.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, fetch(self->port, &args));
		args.reserved = 0;
	}
	/* The number's upper half is not cut off. */
	self->offer.flags = 0;
	self->offer.socket = (1ULL << 32) | self->fd;
	EXPECT_EQ(-EBADF, device_call(self->port, SOCKIOCP_OFFER, &self->offer));
	fd_close(pipe[0]);
	fd_close(pipe[1]);
}

#define SIZED(cmd, size)	_IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size)

TEST_F(duplicating, other_sizes_are_as_for_all_structures)
{
	struct {
		struct sockiocp_offer known;
		__u64 rest;
	} larger = { .known = { .socket = self->fd, .process = getpid() } };

	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_OFFER, 31), &larger));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_FETCH, 23), &larger));
	EXPECT_EQ(0, device_call(self->port, SIZED(SOCKIOCP_OFFER, sizeof(larger)), &larger));
	larger.rest = 1;
	EXPECT_EQ(-E2BIG, device_call(self->port, SIZED(SOCKIOCP_OFFER, sizeof(larger)),
				      &larger));
}

/* All kinds, registered or not. */
TEST_F(duplicating, other_kinds_are_handed_over_as_well)
{
	const int family[] = { FAM_INET, FAM_INET6, FAM_UNIX, FAM_NETLINK };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(family); i++) {
		fd = any_socket(family[i], TYPE_DGRAM, 0);
		ASSERT_LE(0, fd);
		EXPECT_OFFER(0, fd, self->receiver->pid);
		EXPECT_FETCHED(0);
		EXPECT_EQ(0, order(self->receiver, CLOSE, 0));
		fd_close(fd);
	}
	EXPECT_EQ(0, device_apply(self->port, self->fd, 1, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_LEVEL));
	OFFER();
	EXPECT_FETCHED(0);
}

/* On kernels where there is nothing of this. */
TEST(commands_are_there_if_the_feature_is)
{
	struct sockiocp_fetch args = { .flags = 0 };
	int port = device_open(), there;
	struct sockiocp_offer offer;
	struct sockiocp_info info;

	ASSERT_LE(0, port);
	ASSERT_EQ(0, device_call(port, SOCKIOCP_INFO, &info));
	there = !!(info.features & SOCKIOCP_FEATURE_DUPLICATE);
	memset(&offer, 0, sizeof(offer));
	offer.socket = -1;
	EXPECT_EQ(there ? -EBADF : -ENOTTY, device_call(port, SOCKIOCP_OFFER, &offer));
	EXPECT_EQ(there ? -ENOENT : -ENOTTY, fetch(port, &args));
	fd_close(port);
}

TEST_HARNESS_MAIN
