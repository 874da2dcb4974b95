// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A registration is asked for more while a harvest, in another thread, looks at its
 * socket: what the harvest finds, and was not asked for when it took the packet, has its
 * edge yet to come.
 */
#include <pthread.h>

#include "kselftest_harness.h"

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

TEST(end_of_a_stream_that_is_asked_for_during_a_harvest_is_not_lost)
{
	struct random r = random_start(random_seed(0));
	unsigned int tries = 0;
	pthread_t thread;
	int64_t end;
	int fd[2];

	port = port_open();
	ASSERT_NE(NULL, port);
	ASSERT_EQ(0, others_open());
	ASSERT_EQ(0, pthread_create(&thread, NULL, harvest, NULL));
	for (end = now_ms() + MILLISECONDS; now_ms() < end; tries++) {
		__atomic_store_n(&mask_of_last, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&last, tries + 1, __ATOMIC_RELEASE);
		ASSERT_EQ(0, unix_pair(TYPE_STREAM, fd));
		EXPECT_EQ(0, enable(port, fd[0], tries + 1, EV_IN, T_EDGE));
		ASSERT_EQ(1, sock_send(fd[1], "x", 1));
		/* The harvest that takes it may be at any place by then. */
		spin(random_below(&r, 50000));
		EXPECT_EQ(0, enable(port, fd[0], 0, EV_IN | EV_HANGUP, T_EDGE));
		ASSERT_EQ(0, sock_shutdown(fd[1], 'w'));
		EXPECT_TRUE(comes(EV_HANGUP)) {
			TH_LOG("at try %u", tries);
			break;
		}
		fd_close(fd[0]);
		fd_close(fd[1]);
	}
	TH_LOG("%u tries", tries);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	others_close();
	EXPECT_TRUE(CloseHandle(port));
}

TEST_HARNESS_MAIN
