// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Sockets that change while a harvest reads them, field by field: what holds all the
 * time is seen, and what comes later is not seen without what came before it.
 *
 * These moments are short.  A module that is built for it (WIDE=yes, see vm/test) stays
 * longer in each of them; with any other these tests say little.
 */
#include <pthread.h>
#include <sched.h>

#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/port.h"

#define KEY	0x7047
#define RUN_MS	1500

/* What the thread that harvests without pause and the test tell each other. */
struct harvester {
	HANDLE port;
	pthread_t thread;
	/* The socket that is enabled by each harvest; none: -1. */
	int fd;
	int quit;
	/* Harvests that are done, and packets that they brought. */
	unsigned long harvests;
	unsigned long packets;
	/* Of the socket: how often HANGUP came, and came without IN. */
	unsigned long ends;
	unsigned long without_data;
};

#define GET(what)	__atomic_load_n(&(what), __ATOMIC_SEQ_CST)
#define SET(what, to)	__atomic_store_n(&(what), to, __ATOMIC_SEQ_CST)
#define ADD(what)	__atomic_fetch_add(&(what), 1, __ATOMIC_SEQ_CST)

static void *harvest(void *arg)
{
	struct harvester *h = arg;

	while (!GET(h->quit)) {
		int fd = GET(h->fd);
		SOCK_NOTIFY_REGISTRATION reg =
			entry(fd, KEY, EV_IN | EV_HANGUP, OP_ENABLE, T_LEVEL);
		UINT32 received = 0;
		OVERLAPPED_ENTRY packet;
		DWORD mask;

		ProcessSocketNotifications(h->port, fd >= 0, fd >= 0 ? &reg : NULL, 0, 1,
					   &packet, &received);
		if (received) {
			mask = SocketNotificationRetrieveEvents(&packet);
			if (mask & EV_HANGUP && !(mask & EV_IN))
				ADD(h->without_data);
			if (mask & EV_HANGUP)
				ADD(h->ends);
			ADD(h->packets);
		}
		ADD(h->harvests);
	}
	return NULL;
}

static int begin(struct harvester *h)
{
	h->port = port_open();
	h->fd = -1;
	return h->port ? -pthread_create(&h->thread, NULL, harvest, h) : -1;
}

static void end(struct harvester *h)
{
	SET(h->quit, 1);
	pthread_join(h->thread, NULL);
	CloseHandle(h->port);
}

/* Until there are @n more of them. */
static int more(unsigned long *what, unsigned long n)
{
	unsigned long want = GET(*what) + n;
	int64_t stop = now_ms() + COMES;

	while (GET(*what) < want) {
		if (now_ms() >= stop)
			return 0;
		sched_yield();
	}
	return 1;
}

FIXTURE(overlooked) {
	struct harvester h;
	int fd[2];
};

FIXTURE_VARIANT(overlooked) {
	int family;
};

FIXTURE_VARIANT_ADD(overlooked, v4) { FAM_INET };
FIXTURE_VARIANT_ADD(overlooked, v6) { FAM_INET6 };

FIXTURE_SETUP(overlooked)
{
	ASSERT_EQ(0, udp_pair(variant->family, self->fd));
	ASSERT_EQ(0, begin(&self->h));
}

FIXTURE_TEARDOWN(overlooked)
{
	end(&self->h);
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
}

/* The first recv() takes both of them from where they came in, and leaves one. */
TEST_F(overlooked, datagram_that_is_left_is_reported)
{
	int64_t stop = now_ms() + RUN_MS;
	int rounds = 0;
	char c;

	ASSERT_EQ(0, enable(self->h.port, self->fd[0], KEY, EV_IN, T_LEVEL));
	while (now_ms() < stop) {
		ASSERT_EQ(1, sock_send(self->fd[1], "a", 1));
		ASSERT_EQ(1, sock_send(self->fd[1], "b", 1));
		/* Both are there; poll() would move them, too. */
		ASSERT_TRUE(more(&self->h.packets, 2));
		ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
		/* The first may be of a look before that. */
		ASSERT_TRUE(more(&self->h.packets, 2)) TH_LOG("lost in round %d", rounds);
		ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
		rounds++;
	}
	TH_LOG("%d rounds, %lu harvests", rounds, GET(self->h.harvests));
}

FIXTURE(overtaken) {
	struct harvester h;
	const char *missing;
};

FIXTURE_VARIANT(overtaken) {
	enum kind kind;
};

FIXTURE_VARIANT_ADD(overtaken, tcp4) { KIND_TCP4 };
FIXTURE_VARIANT_ADD(overtaken, tcp6) { KIND_TCP6 };
FIXTURE_VARIANT_ADD(overtaken, mptcp4) { KIND_MPTCP4 };
FIXTURE_VARIANT_ADD(overtaken, local) { KIND_UNIX };
FIXTURE_VARIANT_ADD(overtaken, vsock) { KIND_VSOCK };
FIXTURE_VARIANT_ADD(overtaken, seqpacket) { KIND_VSOCK_SEQPACKET };

FIXTURE_SETUP(overtaken)
{
	self->missing = kind_missing(variant->kind);
	ASSERT_EQ(0, begin(&self->h));
}

FIXTURE_TEARDOWN(overtaken)
{
	end(&self->h);
}

/* Nobody reads: so HANGUP never comes alone.  TCP sends both in one segment. */
TEST_F(overtaken, end_comes_with_the_data_before_it)
{
	int is_tcp = variant->kind == KIND_TCP4 || variant->kind == KIND_TCP6;
	int64_t stop = now_ms() + RUN_MS;
	int pair[2], rounds = 0;

	if (self->missing)
		SKIP(return, "%s", self->missing);
	while (now_ms() < stop) {
		ASSERT_EQ(0, kind_pair(variant->kind, pair, 0));
		SET(self->h.ends, 0);
		SET(self->h.fd, pair[0]);
		ASSERT_TRUE(more(&self->h.harvests, 2));
		ASSERT_EQ(4, is_tcp ? udp_send_more(pair[1], 4) :
				      sock_send(pair[1], "data", 4));
		ASSERT_EQ(0, sock_shutdown(pair[1], 'w'));
		if (!GET(self->h.ends)) {
			ASSERT_TRUE(more(&self->h.ends, 1));
		}
		ASSERT_EQ(0, GET(self->h.without_data)) TH_LOG("in round %d", rounds);
		SET(self->h.fd, -1);
		ASSERT_TRUE(more(&self->h.harvests, 2));
		fd_close(pair[0]);
		fd_close(pair[1]);
		rounds++;
	}
	TH_LOG("%d rounds, %lu harvests", rounds, GET(self->h.harvests));
}

TEST_HARNESS_MAIN
