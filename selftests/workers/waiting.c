// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waiting for packets: time-outs that are never early, who is woken, signals
 * during a wait, and ports that are closed under those who wait.
 *
 * Every test that has another thread runs for each of the three functions that
 * can wait.
 */
#include <pthread.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

#define KEY		0x4711
#define MS		1000000LL
/* How late a wait may end on a slow machine that is busy. */
#define LATE_MS		(1500 * patience())

FIXTURE(waiting) {
	HANDLE port;
	int fd[2];
};

FIXTURE_WAITS(waiting);

FIXTURE_SETUP(waiting)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
}

FIXTURE_TEARDOWN(waiting)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	if (self->port) {
		EXPECT_TRUE(CloseHandle(self->port));
	}
}

#define JOIN(w)								\
	ASSERT_EQ(0, waiter_join(w, COMES + LATE_MS))

#define EXPECT_GOT(w, want_key, want_mask)				\
	do {								\
		EXPECT_EQ(0, (w)->code);				\
		EXPECT_EQ(want_key, (w)->packet.key);			\
		EXPECT_EQ(want_mask, (w)->packet.mask);			\
		EXPECT_EQ(NULL, (w)->packet.overlapped);		\
		EXPECT_EQ(0, (w)->packet.internal);			\
	} while (0)

TEST_F(waiting, time_out_of_0_does_not_wait)
{
	struct waiter w = WAITER(0);

	ASSERT_EQ(0, waiter_start(&w));
	JOIN(&w);
	EXPECT_EQ(WAIT_TIMEOUT, w.code);
	EXPECT_GT(LATE_MS * MS, w.elapsed_ns);
}

TEST_F(waiting, time_out_is_never_early)
{
	const DWORD ms[] = { 1, 2, 10, 33, 100, 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		struct waiter w = WAITER(ms[i]);

		ASSERT_EQ(0, waiter_start(&w));
		JOIN(&w);
		EXPECT_EQ(WAIT_TIMEOUT, w.code);
		EXPECT_LE(ms[i] * MS, w.elapsed_ns);
		EXPECT_GT((ms[i] + LATE_MS) * MS, w.elapsed_ns);
	}
}

TEST_F(waiting, packet_that_is_there_is_not_waited_for)
{
	struct waiter w = WAITER(INFINITE);

	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	ASSERT_EQ(0, waiter_start(&w));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, 1);
}

TEST_F(waiting, post_ends_an_infinite_wait)
{
	struct waiter w = WAITER(INFINITE);

	START_WAITER(&w);
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, 1);
}

/* Longer than a signed 32-bit number of milliseconds, or of nanoseconds. */
TEST_F(waiting, long_time_outs_do_not_overflow)
{
	const DWORD ms[] = { 5000, 0x7fffffff, 0x80000000, 0xfffffffe };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		struct waiter w = WAITER(ms[i]);

		START_WAITER(&w);
		EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
		JOIN(&w);
		EXPECT_GOT(&w, KEY, 1);
	}
}

TEST_F(waiting, readiness_ends_a_wait)
{
	struct waiter w = WAITER(INFINITE);
	const UINT8 trigger[] = { T_LEVEL | T_ONESHOT, T_EDGE | T_ONESHOT };
	size_t i;
	char c;

	for (i = 0; i < ARRAY_SIZE(trigger); i++) {
		EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN,
				    trigger[i]));
		START_WAITER(&w);
		ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
		JOIN(&w);
		EXPECT_GOT(&w, KEY, EV_IN);
		ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	}
}

TEST_F(waiting, enable_by_another_thread_ends_a_wait)
{
	struct waiter w = WAITER(INFINITE);

	START_WAITER(&w);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, EV_OUT);
}

TEST_F(waiting, remove_by_another_thread_ends_a_wait)
{
	struct waiter w = WAITER(INFINITE);

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	START_WAITER(&w);
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, EV_REMOVE);
	EXPECT_NOTHING(self->port);
}

/* The end of our own shutdown() wakes the socket, and is no event. */
TEST_F(waiting, wake_up_for_nothing_does_not_end_a_wait)
{
	struct waiter w = WAITER(A_WHILE);
	int fd[3][2], i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, fd[i], 0));
		EXPECT_EQ(0, enable(self->port, fd[i][0], KEY,
				    EV_IN | EV_HANGUP, T_LEVEL));
	}
	START_WAITER(&w);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, sock_shutdown(fd[i][0], 'w'));
		sleep_ms(5);
	}
	JOIN(&w);
	EXPECT_EQ(WAIT_TIMEOUT, w.code);
	EXPECT_LE(A_WHILE * MS, w.elapsed_ns);
	for (i = 0; i < 3; i++) {
		fd_close(fd[i][0]);
		fd_close(fd[i][1]);
	}
}

/* spec 14.26 */
TEST_F(waiting, last_to_wait_is_the_first_to_be_woken)
{
	struct waiter w[4] = {
		WAITER(INFINITE), WAITER(INFINITE), WAITER(INFINITE),
		WAITER(INFINITE),
	};
	int i;

	for (i = 0; i < 4; i++)
		START_WAITER(&w[i]);
	for (i = 3; i >= 0; i--) {
		EXPECT_TRUE(PostQueuedCompletionStatus(self->port, i, KEY, NULL));
		JOIN(&w[i]);
		EXPECT_GOT(&w[i], KEY, (DWORD)i);
	}
}

TEST_F(waiting, every_packet_wakes_a_thread_of_its_own)
{
	struct waiter w[4] = {
		WAITER(INFINITE), WAITER(INFINITE), WAITER(INFINITE),
		WAITER(INFINITE),
	};
	unsigned int seen = 0;
	int i;

	for (i = 0; i < 4; i++)
		START_WAITER(&w[i]);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(PostQueuedCompletionStatus(self->port, i, KEY, NULL));
	for (i = 0; i < 4; i++) {
		JOIN(&w[i]);
		EXPECT_EQ(0, w[i].code);
		ASSERT_GT(4, w[i].packet.mask);
		seen |= 1 << w[i].packet.mask;
	}
	EXPECT_EQ(0xf, seen);
	EXPECT_NOTHING(self->port);
}

/* spec 14.27 */
TEST_F(waiting, close_handle_abandons_all_who_wait)
{
	struct waiter w[3] = { WAITER(INFINITE), WAITER(INFINITE), WAITER(60000) };
	HANDLE port = self->port;
	int i;

	for (i = 0; i < 3; i++)
		START_WAITER(&w[i]);
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	for (i = 0; i < 3; i++) {
		JOIN(&w[i]);
		EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w[i].code);
		if (variant->how == BY_GQCS) {
			EXPECT_EQ(NULL, w[i].packet.overlapped);
		}
	}
	SetLastError(POISON32);
	EXPECT_FALSE(PostQueuedCompletionStatus(port, 0, 0, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
}

/* spec 14.27 */
TEST_F(waiting, close_handle_abandons_who_waits_with_sockets_registered)
{
	struct waiter w = WAITER(INFINITE);
	HANDLE port = self->port;

	EXPECT_EQ(0, enable(port, self->fd[0], KEY, EV_IN, T_LEVEL));
	START_WAITER(&w);
	self->port = NULL;
	EXPECT_TRUE(CloseHandle(port));
	JOIN(&w);
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w.code);

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
}

/* close(2) is what CloseHandle() comes down to. */
TEST_F(waiting, plain_close_abandons_who_waits)
{
	struct waiter w = WAITER(INFINITE);

	START_WAITER(&w);
	fd_close(port_fd(self->port));
	self->port = NULL;
	JOIN(&w);
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w.code);
}

TEST_F(waiting, dup2_over_the_port_abandons_who_waits)
{
	struct waiter w = WAITER(INFINITE);
	int fd = port_fd(self->port);

	START_WAITER(&w);
	ASSERT_EQ(fd, fd_dup_to(self->fd[0], fd));
	self->port = NULL;
	JOIN(&w);
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w.code);
	fd_close(fd);
}

TEST_F(waiting, signal_does_not_end_a_wait)
{
	struct waiter w = WAITER(INFINITE);
	int i;

	ASSERT_EQ(0, count_signals(0));
	START_WAITER(&w);
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, signal_task(w.tid));
		while (signals_counted() < i)
			sleep_ms(1);
		ASSERT_TRUE(waiter_blocked(&w));
	}
	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 1, KEY, NULL));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, 1);
	EXPECT_EQ(3, signals_counted());
}

/* They come as long as it waits: a time-out that begins anew would not end. */
TEST_F(waiting, signals_do_not_change_the_time_out)
{
	struct waiter w = WAITER(A_WHILE);
	int restart, sent;

	for (restart = 0; restart < 2; restart++) {
		ASSERT_EQ(0, count_signals(restart));
		START_WAITER(&w);
		for (sent = 0; sent < (A_WHILE + LATE_MS) / 10; sent++) {
			if (signal_task(w.tid))
				break;
			sleep_ms(10);
		}
		JOIN(&w);
		EXPECT_EQ(WAIT_TIMEOUT, w.code);
		EXPECT_LE(A_WHILE * MS, w.elapsed_ns);
		EXPECT_GT((A_WHILE + LATE_MS) * MS, w.elapsed_ns);
		EXPECT_LT(1, sent);
	}
	EXPECT_LT(0, signals_counted());
}

static void handle_for_a_while(int signal)
{
	int64_t end = now_ns() + A_WHILE * MS;

	(void)signal;
	while (now_ns() < end)
		sleep_ms(1);
}

/*
 * Time in a handler counts: the time-out is over when it returns.
 *
 * spec 12.17
 */
TEST_F(waiting, time_goes_on_in_signal_handlers)
{
	struct sigaction action = { .sa_handler = handle_for_a_while };
	struct waiter w = WAITER(A_WHILE);

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	START_WAITER(&w);
	ASSERT_EQ(0, signal_task(w.tid));
	JOIN(&w);
	EXPECT_EQ(WAIT_TIMEOUT, w.code);
	EXPECT_LE(A_WHILE * MS, w.elapsed_ns);
	EXPECT_GT(A_WHILE * MS * 7 / 4, w.elapsed_ns);
}

/* What a process that will be stopped waits, and how long that took. */
struct stopped {
	HANDLE port;
	int64_t elapsed_ns;
};

static void wait_and_say_how_long(void *arg)
{
	struct stopped *s = arg;
	int64_t start = now_ns();
	OVERLAPPED_ENTRY entry;
	ULONG n;

	GetQueuedCompletionStatusEx(s->port, &entry, 1, &n, A_WHILE, FALSE);
	s->elapsed_ns = now_ns() - start;
}

/* spec 12.17 */
TEST(time_goes_on_while_a_process_is_stopped)
{
	struct stopped *s = shared_memory(sizeof(*s));
	int pid;

	ASSERT_NE(NULL, s);
	s->port = port_open();
	ASSERT_NE(NULL, s->port);
	pid = process_start(wait_and_say_how_long, s);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(task_blocked(pid, pid, COMES));
	ASSERT_EQ(0, process_stop(pid));
	sleep_ms(A_WHILE);
	ASSERT_EQ(0, process_continue(pid));
	EXPECT_EQ(0, child_status(pid, COMES + LATE_MS));
	EXPECT_LE(A_WHILE * MS, s->elapsed_ns);
	EXPECT_GT(A_WHILE * MS * 7 / 4, s->elapsed_ns);
	EXPECT_TRUE(CloseHandle(s->port));
}

/*
 * The registrations of a call are applied once, also if a signal interrupts its
 * wait: a second REMOVE would fail.
 */
TEST(signal_does_not_apply_the_registrations_again)
{
	SOCK_NOTIFY_REGISTRATION reg[2];
	struct waiter w = { .timeout = INFINITE, .how = BY_PSN };
	int fd[2];

	w.port = port_open();
	ASSERT_NE(NULL, w.port);
	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	ASSERT_EQ(0, count_signals(0));
	EXPECT_EQ(0, enable(w.port, fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_EQ(0, deregister(w.port, fd[0]));
	EXPECT_PACKETS(w.port, { KEY, EV_REMOVE });

	EXPECT_EQ(0, enable(w.port, fd[0], KEY, EV_IN, T_LEVEL));
	reg[0] = entry(fd[0], 0, 0, OP_DISABLE, 0);
	reg[1] = entry(fd[1], 0, 0, OP_REMOVE, 0);
	w.reg = reg;
	w.reg_count = 2;
	START_WAITER(&w);
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(ERROR_NOT_FOUND, reg[1].registrationResult);

	/* If the DISABLE were applied again this ENABLE would be undone. */
	EXPECT_EQ(0, enable(w.port, fd[0], KEY, EV_IN, T_LEVEL | T_ONESHOT));
	reg[0].registrationResult = POISON32;
	ASSERT_EQ(0, signal_task(w.tid));
	while (!signals_counted())
		sleep_ms(1);
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_EQ(POISON32, reg[0].registrationResult);
	ASSERT_EQ(1, sock_send(fd[1], "x", 1));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, EV_IN);
	EXPECT_TRUE(CloseHandle(w.port));
}

TEST(results_are_written_before_the_wait)
{
	SOCK_NOTIFY_REGISTRATION reg[2];
	struct waiter w = { .timeout = INFINITE, .how = BY_PSN };
	int fd[2];

	w.port = port_open();
	ASSERT_NE(NULL, w.port);
	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	reg[0] = entry(fd[0], KEY, EV_IN, OP_ENABLE, T_LEVEL);
	reg[1] = entry(-1, KEY, EV_IN, OP_ENABLE, T_LEVEL);
	w.reg = reg;
	w.reg_count = 2;
	START_WAITER(&w);
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(WSAENOTSOCK, reg[1].registrationResult);
	ASSERT_EQ(1, sock_send(fd[1], "x", 1));
	JOIN(&w);
	EXPECT_GOT(&w, KEY, EV_IN);
	EXPECT_TRUE(CloseHandle(w.port));
}

/* One socket, always ready, and threads that wait: each gets the packet. */
TEST_F(waiting, level_persistent_packet_is_for_every_thread)
{
	struct waiter w[3] = {
		WAITER(INFINITE), WAITER(INFINITE), WAITER(INFINITE),
	};
	int i;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	for (i = 0; i < 3; i++)
		START_WAITER(&w[i]);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	for (i = 0; i < 3; i++) {
		JOIN(&w[i]);
		EXPECT_GOT(&w[i], KEY, EV_IN);
	}
}

/* More threads than are woken, or looked at, in one go. */
enum { CROWD = 100 };

TEST_F(waiting, new_value_releases_a_crowd)
{
	int port = port_fd(self->port), i;
	struct stay stay = { .there = 0 };
	struct waiter w[CROWD];

	ASSERT_EQ(0, port_configure(port, 1));
	for (i = 0; i < CROWD; i++) {
		w[i] = (struct waiter) WAITER(INFINITE);
		w[i].stay = &stay;
		ASSERT_EQ(0, waiter_start(&w[i]));
	}
	ASSERT_TRUE(port_becomes(self->port, "waiters", CROWD, COMES + LATE_MS));
	for (i = 0; i < CROWD; i++)
		ASSERT_TRUE(PostQueuedCompletionStatus(self->port, i, KEY, NULL));
	ASSERT_EQ(0, port_configure(port, CROWD));
	EXPECT_TRUE(stay_over(&stay, CROWD, COMES + LATE_MS));
	for (i = 0; i < CROWD; i++) {
		JOIN(&w[i]);
		EXPECT_EQ(0, w[i].code);
	}
	EXPECT_EQ(0, fdinfo_value(port, "waiters"));
	EXPECT_EQ(0, fdinfo_value(port, "packets"));
}

TEST_F(waiting, close_handle_abandons_a_crowd)
{
	int other = fd_dup(port_fd(self->port)), i;
	struct waiter w[CROWD];

	ASSERT_LE(0, other);
	for (i = 0; i < CROWD; i++) {
		w[i] = (struct waiter) WAITER(INFINITE);
		ASSERT_EQ(0, waiter_start(&w[i]));
	}
	ASSERT_TRUE(port_becomes(self->port, "waiters", CROWD, COMES + LATE_MS));
	/* They look around, and wait on: there is a descriptor left. */
	fd_close(other);
	ASSERT_TRUE(port_becomes(self->port, "waiters", CROWD, COMES + LATE_MS));
	ASSERT_TRUE(CloseHandle(self->port));
	self->port = NULL;
	for (i = 0; i < CROWD; i++) {
		JOIN(&w[i]);
		EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w[i].code);
	}
}

TEST_F(waiting, oneshot_packet_is_for_one_thread)
{
	struct waiter w[3] = {
		WAITER(A_WHILE), WAITER(A_WHILE), WAITER(A_WHILE),
	};
	int i, got = 0;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	for (i = 0; i < 3; i++)
		START_WAITER(&w[i]);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	for (i = 0; i < 3; i++) {
		JOIN(&w[i]);
		if (w[i].code) {
			EXPECT_EQ(WAIT_TIMEOUT, w[i].code);
			EXPECT_LE(A_WHILE * MS, w[i].elapsed_ns);
			continue;
		}
		EXPECT_GOT(&w[i], KEY, EV_IN);
		got++;
	}
	EXPECT_EQ(1, got);
}

TEST_HARNESS_MAIN
