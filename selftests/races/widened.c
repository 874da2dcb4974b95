// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A registration is asked for more while a harvest, in another thread, looks at its
 * socket: what the harvest finds, and was not asked for when it took the packet, has its
 * edge yet to come.
 */
#include <pthread.h>

#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/port.h"
#include "lib/random.h"

enum {
	/* As many as a harvest looks at at a time: the socket is the last of them. */
	CHUNK = 32,
	/* Others that always have a packet, so that it takes its time. */
	OTHERS = 2 * CHUNK - 1,
	MILLISECONDS = 500,
};

static HANDLE port;
static int others[OTHERS];
/* The key of the registration that was made last, and what has been reported of it. */
static uint32_t last, mask_of_last;
static int stop;

static void *harvest(void *arg)
{
	OVERLAPPED_ENTRY got[CHUNK];
	ULONG n, i;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (!GetQueuedCompletionStatusEx(port, got, CHUNK, &n, 0, FALSE))
			continue;
		for (i = 0; i < n; i++)
			if (got[i].lpCompletionKey == __atomic_load_n(&last, __ATOMIC_ACQUIRE))
				__atomic_or_fetch(&mask_of_last,
						  got[i].dwNumberOfBytesTransferred,
						  __ATOMIC_ACQ_REL);
	}
	return NULL;
}

/* Is there this event of the registration that was made last? */
static int comes(uint32_t event)
{
	int64_t end = now_ms() + COMES;

	while (!(__atomic_load_n(&mask_of_last, __ATOMIC_ACQUIRE) & event)) {
		if (now_ms() > end)
			return 0;
	}
	return 1;
}

static void spin(int64_t ns)
{
	int64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

/* So many sockets with room to send, which is a packet whenever they are asked. */
static int others_open(void)
{
	int i, number;

	for (i = 0; i < OTHERS; i++) {
		others[i] = udp_bound(FAM_INET, &number);
		if (others[i] < 0 || enable(port, others[i], 0, EV_OUT, T_LEVEL))
			return -1;
	}
	return 0;
}

static void others_close(void)
{
	int i;

	for (i = 0; i < OTHERS; i++)
		fd_close(others[i]);
}

/* A socket that has something to report at first, and something more afterwards. */
struct story {
	uint16_t filter;
	int (*open)(int fd[2]);
	int (*first)(int fd[2]);
	int (*then)(int fd[2]);
};

/* Once: is what comes then reported?  Negative errno. */
static int tell(const struct story *story, struct random *r, int fd[2])
{
	ULONG_PTR key = last + 1;
	int error;

	__atomic_store_n(&mask_of_last, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&last, key, __ATOMIC_RELEASE);
	error = enable(port, fd[0], key, EV_IN, T_EDGE) ? -1 : story->first(fd);
	/* The harvest that takes it may be at any place by then. */
	spin(random_below(r, 50000));
	if (!error && enable(port, fd[0], key, EV_IN | story->filter, T_EDGE))
		error = -1;
	if (!error)
		error = story->then(fd);
	return error ? error : comes(story->filter);
}

/* "", or how the story failed. */
static const char *tell_often(const struct story *story)
{
	struct random r = random_start(random_seed(0));
	int64_t end = now_ms() + MILLISECONDS;
	static char text[64];
	unsigned int tries;
	int fd[2], ret = 1;

	for (tries = 0; ret == 1 && now_ms() < end; tries++) {
		if (story->open(fd))
			return "no sockets";
		ret = tell(story, &r, fd);
		fd_close(fd[0]);
		fd_close(fd[1]);
	}
	snprintf(text, sizeof(text), "try %u returned %d", tries, ret);
	return ret == 1 ? "" : text;
}

FIXTURE(widened) {
	pthread_t thread;
};

FIXTURE_SETUP(widened)
{
	port = port_open();
	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, others_open());
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, harvest, NULL));
}

FIXTURE_TEARDOWN(widened)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, pthread_join(self->thread, NULL));
	others_close();
	EXPECT_TRUE(CloseHandle(port));
}

static int open_stream(int fd[2])
{
	return unix_pair(TYPE_STREAM, fd);
}

static int send_some(int fd[2])
{
	return sock_send(fd[1], "x", 1) == 1 ? 0 : -1;
}

static int end_stream(int fd[2])
{
	return sock_shutdown(fd[1], 'w');
}

TEST_F(widened, end_of_a_stream_that_is_asked_for_during_a_harvest_is_not_lost)
{
	const struct story story = { EV_HANGUP, open_stream, send_some, end_stream };

	EXPECT_STREQ("", tell_often(&story));
}

static int connect_to;

/* The second is the listener, for connect_socket() to find. */
static int open_unconnected(int fd[2])
{
	fd[0] = kind_socket(KIND_TCP4);
	fd[1] = tcp_listen(FAM_INET, 1, &connect_to);
	return fd[0] < 0 || fd[1] < 0 ? -1 : 0;
}

/* Wakes a socket that is not connected, too. */
static int disconnect(int fd[2])
{
	return tcp_disconnect(fd[0]);
}

static int connect_socket(int fd[2])
{
	return kind_connect(KIND_TCP4, fd[0], connect_to);
}

TEST_F(widened, new_connection_that_is_asked_for_during_a_harvest_is_not_lost)
{
	const struct story story = {
		EV_OUT, open_unconnected, disconnect, connect_socket,
	};

	EXPECT_STREQ("", tell_often(&story));
}

TEST_HARNESS_MAIN
