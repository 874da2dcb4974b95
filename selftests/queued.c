// SPDX-License-Identifier: GPL-2.0
/*
 * A packet that stands in the queue: what is merged into it, what takes it back,
 * and where it is when the memory that it should go to is lost.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x3141

FIXTURE(queued) {
	HANDLE port;
	/* The one that is registered, and its peer: a stream with small buffers. */
	int fd;
	int peer;
};

FIXTURE_SETUP(queued)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 8192));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(queued)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define ARRIVE(bytes)							\
	do {								\
		static const char data[64];				\
		ASSERT_EQ(bytes, sock_send(self->peer, data, bytes));	\
		ASSERT_TRUE(sock_queued(self->fd, bytes, COMES));	\
	} while (0)

/* spec 12.5 */
TEST_F(queued, edge_that_rises_later_is_merged)
{
	ASSERT_LT(0, sock_fill(self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_OUT, T_EDGE));
	EXPECT_NOTHING(self->port);
	ARRIVE(4);
	ASSERT_LT(0, sock_drain_until(self->peer, self->fd, SEE_OUT));
	EXPECT_PACKETS(self->port, { KEY, EV_IN | EV_OUT });
	EXPECT_NOTHING(self->port);
}

/* spec 4.2.7 */
TEST_F(queued, edge_is_forgotten_by_disable)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	ARRIVE(4);
	EXPECT_EQ(0, disable(self->port, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_NOTHING(self->port);

	/* Nor does it come along with the next one. */
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

/* spec 5.6 */
TEST_F(queued, remove_packet_goes_to_the_end)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT, T_LEVEL));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, 2, NULL));
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_PACKETS_NOW(self->port, { 2, 1 }, { KEY, EV_REMOVE });
}

/* Room for packets that goes away while a thread waits for them. */
struct lost {
	HANDLE port;
	OVERLAPPED_ENTRY *got;
	UINT32 received;
	DWORD ret;
	int tid;
	pthread_t thread;
};

#define ROOM	4

static void *wait_in_vain(void *arg)
{
	struct lost *lost = arg;

	__atomic_store_n(&lost->tid, thread_id(), __ATOMIC_RELEASE);
	lost->ret = ProcessSocketNotifications(lost->port, 0, NULL, INFINITE, ROOM,
					       lost->got, &lost->received);
	return NULL;
}

/* 1 if a thread waits and has lost its memory. */
static int lost_start(struct lost *lost, HANDLE port)
{
	lost->port = port;
	lost->tid = 0;
	lost->got = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lost->got == MAP_FAILED ||
	    pthread_create(&lost->thread, NULL, wait_in_vain, lost))
		return 0;
	while (!__atomic_load_n(&lost->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return task_blocked(0, lost->tid, COMES) &&
	       !munmap(lost->got, getpagesize());
}

#define EXPECT_LOST(lost)						\
	do {								\
		ASSERT_EQ(0, pthread_join((lost)->thread, NULL));	\
		EXPECT_EQ(WSAEFAULT, (lost)->ret);			\
	} while (0)

TEST_F(queued, posted_packets_stay_when_the_memory_is_lost)
{
	struct lost lost;

	ASSERT_TRUE(lost_start(&lost, self->port));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 2, KEY, NULL));
	EXPECT_LOST(&lost);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 3, KEY, NULL));
	EXPECT_PACKETS_NOW(self->port, { KEY, 1 }, { KEY, 2 }, { KEY, 3 });
	EXPECT_NOTHING(self->port);
}

TEST_F(queued, remove_packet_stays_when_the_memory_is_lost)
{
	struct lost lost;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_LEVEL));
	ASSERT_TRUE(lost_start(&lost, self->port));
	EXPECT_EQ(0, deregister(self->port, self->fd));
	EXPECT_LOST(&lost);
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_REMOVE });
	EXPECT_NOTHING(self->port);
}

FIXTURE(queued_trigger) {
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_VARIANT(queued_trigger) {
	UINT8 trigger;
};

FIXTURE_VARIANT_ADD(queued_trigger, level) { .trigger = T_LEVEL, };
FIXTURE_VARIANT_ADD(queued_trigger, edge) { .trigger = T_EDGE, };

FIXTURE_SETUP(queued_trigger)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(queued_trigger)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

TEST_F(queued_trigger, notification_stays_when_the_memory_is_lost)
{
	struct lost lost;

	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN | EV_HANGUP,
			    variant->trigger | T_ONESHOT));
	ASSERT_TRUE(lost_start(&lost, self->port));
	ARRIVE(4);
	EXPECT_LOST(&lost);

	/* And its one shot is not used up: what comes now is merged into it. */
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN | EV_HANGUP });
	EXPECT_NOTHING(self->port);
}

TEST_HARNESS_MAIN
