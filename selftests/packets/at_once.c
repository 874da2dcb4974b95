// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A call that arms sockets and harvests: what comes is what would come if each socket were
 * queued as it is armed, and taken from the queue behind the last one, though some go past it.
 *
 * A long call goes through the queue: so a random sequence of calls is made at two ports with
 * sockets of the same kinds, by short arrays at one, and at the other by the same arrays with
 * entries that ask for nothing behind them.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/random.h"
#include "lib/task.h"

#define KEY	0x100

enum { SOCKETS = 6 };
/* As many entries as go past the queue, and one more. */
enum { AT_ONCE = 32, LONG_CALL = 2 * AT_ONCE + 1 };

FIXTURE(at_once) {
	HANDLE port;
	/* Each is registered, disabled, has something to read, and room. */
	int fd[SOCKETS][2];
};

static bool sockets_open(int fd[SOCKETS][2])
{
	int i, err = 0;

	for (i = 0; i < SOCKETS && !err; i++)
		err = i == 0 ? udp_pair(FAM_INET, fd[i]) :
		      i == 3 ? tcp_pair(FAM_INET, fd[i], 0) :
		      i % 3 == 1 ? unix_pair(TYPE_STREAM, fd[i]) : unix_pair(TYPE_DGRAM, fd[i]);
	return !err;
}

static void sockets_close(int fd[SOCKETS][2])
{
	int i;

	for (i = 0; i < SOCKETS; i++) {
		fd_close(fd[i][0]);
		fd_close(fd[i][1]);
	}
}

FIXTURE_SETUP(at_once)
{
	int i;

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_TRUE(sockets_open(self->fd));
	for (i = 0; i < SOCKETS; i++) {
		ASSERT_EQ(1, sock_send(self->fd[i][1], "x", 1));
		ASSERT_TRUE(sock_becomes(self->fd[i][0], SEE_IN, COMES));
		ASSERT_EQ(0, enable(self->port, self->fd[i][0], KEY + i, EV_IN, T_LEVEL));
		ASSERT_EQ(0, disable(self->port, self->fd[i][0]));
	}
}

FIXTURE_TEARDOWN(at_once)
{
	EXPECT_TRUE(CloseHandle(self->port));
	sockets_close(self->fd);
}

#define ENTRY(i, filter, op, trigger)	entry(self->fd[i][0], KEY + (i), filter, op, trigger)
#define ARM(i)				ENTRY(i, EV_IN, OP_ENABLE, T_LEVEL | T_ONESHOT)
#define KEEP(i)				ENTRY(i, EV_IN, OP_ENABLE, T_LEVEL | T_PERSISTENT)

TEST_F(at_once, order_is_that_of_the_array)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(3), ARM(0), ARM(5), ARM(1) };

	EXPECT_CALL(self->port, reg, 4, 0, { KEY + 3, EV_IN }, { KEY, EV_IN },
		    { KEY + 5, EV_IN }, { KEY + 1, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(at_once, last_entry_of_a_socket_holds)
{
	SOCK_NOTIFY_REGISTRATION reg[] = {
		ARM(0), ARM(1), ENTRY(0, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT), ARM(2),
	};

	EXPECT_CALL(self->port, reg, 4, 0, { KEY, EV_OUT }, { KEY + 1, EV_IN },
		    { KEY + 2, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(at_once, what_is_disabled_behind_does_not_come)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1), ENTRY(0, 0, OP_DISABLE, 0) };

	EXPECT_CALL(self->port, reg, 3, 0, { KEY + 1, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(at_once, what_is_removed_behind_comes_as_that)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1), ENTRY(0, 0, OP_REMOVE, 0), ARM(2) };

	EXPECT_CALL(self->port, reg, 4, 0, { KEY + 1, EV_IN }, { KEY, EV_REMOVE },
		    { KEY + 2, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(at_once, what_is_made_anew_between_keeps_its_place)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1), ARM(2), ARM(3) };

	EXPECT_EQ(0, deregister(self->port, self->fd[1][0]));
	EXPECT_PACKETS_NOW(self->port, { KEY + 1, EV_REMOVE });
	EXPECT_CALL(self->port, reg, 4, 0, { KEY, EV_IN }, { KEY + 1, EV_IN },
		    { KEY + 2, EV_IN }, { KEY + 3, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

/* Looking for room gives back what was taken. */
TEST_F(at_once, what_is_over_the_limit_changes_nothing_of_the_rest)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1), ARM(2), ARM(3) };
	long long limit = param_get("max_user_registrations");
	int closed[2];

	if (geteuid())
		SKIP(return, "only root can change the limits");
	ASSERT_EQ(0, udp_pair(FAM_INET, closed));
	EXPECT_EQ(0, deregister(self->port, self->fd[1][0]));
	EXPECT_PACKETS_NOW(self->port, { KEY + 1, EV_REMOVE });
	/* Nothing ends the test from here on before the limit is what it was. */
	EXPECT_EQ(0, param_set("max_user_registrations",
			       port_told(self->port, "registrations")));
	EXPECT_CALL(self->port, reg, 4, 0, { KEY, EV_IN }, { KEY + 2, EV_IN },
		    { KEY + 3, EV_IN });
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(WSAENOBUFS, reg[1].registrationResult);
	EXPECT_EQ(0, reg[3].registrationResult);
	EXPECT_NOTHING_NOW(self->port);

	/* There is room once a socket was closed. */
	EXPECT_EQ(0, param_set("max_user_registrations",
			       port_told(self->port, "registrations") + 1));
	EXPECT_EQ(0, enable(self->port, closed[0], KEY, EV_IN, T_LEVEL));
	fd_close(closed[0]);
	fd_close(closed[1]);
	EXPECT_CALL(self->port, reg, 4, 0, { KEY, EV_IN }, { KEY + 1, EV_IN },
		    { KEY + 2, EV_IN }, { KEY + 3, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_EQ(0, param_set("max_user_registrations", limit));
}

TEST_F(at_once, older_packets_come_first)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1) };
	OVERLAPPED_ENTRY got;
	UINT32 received;

	EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 7, 1, NULL));
	EXPECT_EQ(0, ProcessSocketNotifications(self->port, 2, reg, 0, 1, &got, &received));
	EXPECT_EQ(1, got.lpCompletionKey);
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN }, { KEY + 1, EV_IN });
}

TEST_F(at_once, what_has_no_room_stays)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1), ARM(2) };
	OVERLAPPED_ENTRY got;
	UINT32 received;

	EXPECT_EQ(0, ProcessSocketNotifications(self->port, 3, reg, 0, 1, &got, &received));
	EXPECT_EQ(KEY, got.lpCompletionKey);
	EXPECT_PACKETS_NOW(self->port, { KEY + 1, EV_IN }, { KEY + 2, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(at_once, what_reports_again_does_so_in_the_next_call)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { KEEP(0), KEEP(1) };

	EXPECT_CALL(self->port, reg, 2, 0, { KEY, EV_IN }, { KEY + 1, EV_IN });
	EXPECT_PACKETS_NOW(self->port, { KEY, EV_IN }, { KEY + 1, EV_IN });
	EXPECT_CALL(self->port, reg, 2, 0, { KEY, EV_IN }, { KEY + 1, EV_IN });
}

TEST_F(at_once, what_is_not_ready_comes_when_it_is)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0) };
	struct waiter w = {
		.port = self->port, .how = BY_PSN, .timeout = COMES, .reg = reg, .reg_count = 1,
	};
	char c;

	ASSERT_EQ(1, sock_recv(self->fd[0][0], &c, 1));
	START_WAITER(&w);
	ASSERT_EQ(1, sock_send(self->fd[0][1], "y", 1));
	ASSERT_EQ(0, waiter_join(&w, COMES));
	EXPECT_EQ(KEY, w.packet.key);
	EXPECT_EQ(EV_IN, w.packet.mask);
}

/* What a call may not take, because its port has as many threads as it may, is for others. */
TEST_F(at_once, who_may_not_take_leaves_it_to_others)
{
	SOCK_NOTIFY_REGISTRATION reg[] = { ARM(0), ARM(1) };
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	struct waiter w = {
		.port = port, .how = BY_PSN, .timeout = 300, .reg = reg, .reg_count = 2,
	};
	int i;

	EXPECT_TRUE(CloseHandle(self->port));
	self->port = port;
	ASSERT_EQ(0, enable(port, self->fd[0][0], KEY, EV_IN, T_LEVEL | T_ONESHOT));
	ASSERT_EQ(0, enable(port, self->fd[1][0], KEY + 1, EV_IN, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(port, { KEY, EV_IN }, { KEY + 1, EV_IN });
	ASSERT_EQ(0, waiter_start(&w));
	/* Without sleeping: this is the one that runs. */
	for (i = 0; i < 1000000 && port_told(port, "packets") != 2; i++)
		;
	EXPECT_PACKETS_NOW(port, { KEY, EV_IN }, { KEY + 1, EV_IN });
	ASSERT_EQ(0, waiter_join(&w, COMES));
	EXPECT_EQ(WAIT_TIMEOUT, w.code);
}

/* More than go past the queue, in a call that is not long. */
TEST_F(at_once, many_come_in_their_order)
{
	SOCK_NOTIFY_REGISTRATION reg[2 * AT_ONCE];
	OVERLAPPED_ENTRY got[2 * AT_ONCE];
	int fd[2 * AT_ONCE][2], i, round;
	UINT32 received;

	for (i = 0; i < 2 * AT_ONCE; i++) {
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd[i]));
		reg[i] = entry(fd[i][0], i, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT);
	}
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, ProcessSocketNotifications(self->port, 2 * AT_ONCE, reg, 0,
							2 * AT_ONCE, got, &received));
		ASSERT_EQ(2 * AT_ONCE, received);
		for (i = 0; i < 2 * AT_ONCE; i++)
			EXPECT_EQ(i, got[i].lpCompletionKey);
		EXPECT_NOTHING_NOW(self->port);
	}
	for (i = 0; i < 2 * AT_ONCE; i++) {
		fd_close(fd[i][0]);
		fd_close(fd[i][1]);
	}
}

/* ----------------------------------------------------------- stopped in the middle */

/*
 * A call that has armed, and taken, what one part of its array says, and cannot read the rest,
 * whose memory was taken away: for as long as the test likes.
 */
enum { IN_PART = AT_ONCE, IN_REST = 8 };

struct stopped {
	/* The memory of the array's rest, and that of the packets. */
	struct block rest, packets;
	HANDLE port;
	SOCK_NOTIFY_REGISTRATION *reg;
	OVERLAPPED_ENTRY *got;
	UINT32 count;
	DWORD code;
	pthread_t thread;
};

FIXTURE(stopped) {
	struct stopped call;
	HANDLE port;
	int fd[IN_PART][2];
};

FIXTURE_SETUP(stopped)
{
	int i;

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	if (goes_not("one-pass"))
		SKIP(_exit(255), "the module was built without one pass");
	NEED_FAULTS(&self->call.rest);
	NEED_FAULTS(&self->call.packets);
	self->call.port = self->port;
	self->call.reg = (SOCK_NOTIFY_REGISTRATION *)self->call.rest.memory - IN_PART;
	self->call.got = (OVERLAPPED_ENTRY *)self->call.packets.memory;
	for (i = 0; i < IN_PART; i++) {
		ASSERT_EQ(0, udp_pair(FAM_INET, self->fd[i]));
		ASSERT_EQ(1, sock_send(self->fd[i][1], "x", 1));
		ASSERT_TRUE(sock_becomes(self->fd[i][0], SEE_IN, COMES));
		/* What is new goes through the queue. */
		ASSERT_EQ(0, enable(self->port, self->fd[i][0], KEY + i, EV_IN, T_LEVEL));
		ASSERT_EQ(0, disable(self->port, self->fd[i][0]));
	}
}

FIXTURE_TEARDOWN(stopped)
{
	int i;

	for (i = 0; i < IN_PART; i++) {
		fd_close(self->fd[i][0]);
		fd_close(self->fd[i][1]);
	}
	EXPECT_TRUE(CloseHandle(self->port));
}

static void *call_and_stop(void *arg)
{
	struct stopped *call = arg;

	call->code = ProcessSocketNotifications(call->port, IN_PART + IN_REST, call->reg, 0,
						IN_PART + IN_REST, call->got, &call->count);
	return NULL;
}

/*
 * Before a call does anything it looks whether all of its memory is there, that of the packets
 * last: until that comes, the rest of the array can go.
 */
#define STOP()								\
	do {								\
		struct stopped *call_ = &self->call;			\
		int i_;							\
									\
		for (i_ = 0; i_ < IN_PART; i_++) {			\
			call_->reg[i_] = entry(self->fd[i_][0], KEY + i_, EV_IN, OP_ENABLE,	\
					       T_LEVEL | T_ONESHOT);	\
			call_->reg[i_].registrationResult = POISON32;	\
		}							\
		ASSERT_EQ(0, block_end(&call_->rest));			\
		ASSERT_EQ(0, pthread_create(&call_->thread, NULL, call_and_stop, call_));	\
		ASSERT_TRUE(block_is_reached(&call_->packets, COMES));	\
		ASSERT_EQ(0, block_again(&call_->rest));		\
		ASSERT_EQ(0, block_end(&call_->packets));		\
		ASSERT_TRUE(block_is_reached(&call_->rest, COMES));	\
		for (i_ = 0; i_ < IN_PART; i_++)			\
			ASSERT_EQ(0, call_->reg[i_].registrationResult);	\
	} while (0)

#define GO_ON()								\
	do {								\
		ASSERT_EQ(0, block_end(&self->call.rest));		\
		ASSERT_EQ(0, pthread_join(self->call.thread, NULL));	\
	} while (0)

/* What the stopped call brings: all that it has taken, as that was. */
#define EXPECT_ALL_TAKEN()						\
	do {								\
		int i_;							\
									\
		EXPECT_EQ(ERROR_SUCCESS, self->call.code);		\
		ASSERT_EQ(IN_PART, self->call.count);			\
		for (i_ = 0; i_ < IN_PART; i_++) {			\
			EXPECT_EQ((ULONG_PTR)KEY + i_,			\
				  self->call.got[i_].lpCompletionKey);	\
			EXPECT_EQ(EV_IN,				\
				  self->call.got[i_].dwNumberOfBytesTransferred);	\
		}							\
	} while (0)

TEST_F(stopped, nothing_is_there_for_others)
{
	STOP();
	EXPECT_NOTHING_NOW(self->port);
	EXPECT_EQ(0, fd_sees(port_fd(self->port), 0));
	GO_ON();
	EXPECT_ALL_TAKEN();
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(stopped, what_is_done_meanwhile_comes_behind)
{
	STOP();
	EXPECT_EQ(0, disable(self->port, self->fd[0][0]));
	EXPECT_EQ(0, enable(self->port, self->fd[1][0], KEY, EV_OUT, T_LEVEL | T_ONESHOT));
	EXPECT_EQ(0, deregister(self->port, self->fd[2][0]));
	EXPECT_EQ(0, disable(self->port, self->fd[3][0]));
	EXPECT_EQ(0, enable(self->port, self->fd[3][0], KEY, EV_IN, T_LEVEL | T_ONESHOT));
	fd_close(self->fd[4][0]);
	self->fd[4][0] = -1;
	GO_ON();
	EXPECT_ALL_TAKEN();
	/* One of each, and no other; REMOVE is not before what was taken. */
	EXPECT_PACKETS_NOW(self->port, { KEY + 1, EV_OUT }, { KEY + 2, EV_REMOVE },
			   { KEY + 3, EV_IN });
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(stopped, all_is_put_back_if_the_rest_cannot_be_read)
{
	ULONG n;
	OVERLAPPED_ENTRY got[2 * IN_PART];
	int i;

	STOP();
	EXPECT_EQ(0, disable(self->port, self->fd[0][0]));
	EXPECT_EQ(0, deregister(self->port, self->fd[2][0]));
	ASSERT_EQ(0, block_fail(&self->call.rest));
	ASSERT_EQ(0, pthread_join(self->call.thread, NULL));
	EXPECT_EQ(WSAEFAULT, self->call.code);
	ASSERT_TRUE(GetQueuedCompletionStatusEx(self->port, got, 2 * IN_PART, &n, 0, FALSE));
	/* Without the one that was disabled; and one of them is the end. */
	ASSERT_EQ(IN_PART - 1, n);
	for (i = 0; i < (int)n; i++) {
		EXPECT_NE((ULONG_PTR)KEY, got[i].lpCompletionKey);
		EXPECT_EQ(got[i].lpCompletionKey == KEY + 2 ? EV_REMOVE : EV_IN,
			  got[i].dwNumberOfBytesTransferred);
	}
	EXPECT_NOTHING_NOW(self->port);
}

/* What was taken has no time at which it was queued; what is posted meanwhile has. */
TEST_F(stopped, histograms_may_be_switched_on_meanwhile)
{
	int i;

	if (geteuid())
		SKIP(return, "only root can switch them on");
	STOP();
	EXPECT_EQ(0, param_set("histograms", 1));
	for (i = 0; i < IN_REST; i++)
		EXPECT_TRUE(PostQueuedCompletionStatus(self->port, 0, 1, NULL));
	GO_ON();
	EXPECT_EQ(0, param_set("histograms", 0));
	EXPECT_EQ(ERROR_SUCCESS, self->call.code);
	ASSERT_EQ(IN_PART + IN_REST, self->call.count);
	for (i = 0; i < IN_PART + IN_REST; i++)
		EXPECT_EQ((ULONG_PTR)(i < IN_PART ? KEY + i : 1),
			  self->call.got[i].lpCompletionKey);
	EXPECT_NOTHING_NOW(self->port);
}

TEST_F(stopped, port_that_is_closed_ends_it)
{
	STOP();
	EXPECT_TRUE(CloseHandle(self->port));
	GO_ON();
	EXPECT_ALL_TAKEN();
	self->port = port_open();
}

/* ------------------------------------------------- short calls and long ones are the same */

enum { MOST_ENTRIES = 9, MOST_PACKETS = 12, STEPS = 3000 };

/* A port, its sockets, and what the last call has said. */
struct side {
	HANDLE port;
	int fd[SOCKETS][2];
	bool is_long;
	DWORD code;
	DWORD result[MOST_ENTRIES];
	OVERLAPPED_ENTRY got[MOST_PACKETS];
	UINT32 received;
};

static SOCK_NOTIFY_REGISTRATION random_entry(struct random *dice, int *which)
{
	static const UINT8 triggers[] = {
		T_LEVEL, T_LEVEL | T_ONESHOT, T_LEVEL | T_PERSISTENT, T_LEVEL | T_ONESHOT,
		T_EDGE, T_EDGE | T_ONESHOT,
	};
	static const UINT8 ops[] = {
		OP_ENABLE, OP_ENABLE, OP_ENABLE, OP_ENABLE, OP_ENABLE, OP_DISABLE, OP_REMOVE,
		OP_NONE,
	};
	UINT8 op = ops[random_below(dice, sizeof(ops))];

	*which = (int)random_below(dice, SOCKETS);
	return entry(0, KEY + *which, (UINT16)random_below(dice, EV_ALL + 1), op,
		     op == OP_ENABLE ? triggers[random_below(dice, sizeof(triggers))] : 0);
}

static void make_call(struct side *side, const SOCK_NOTIFY_REGISTRATION *entries,
		      const int *which, int nr, UINT32 room)
{
	SOCK_NOTIFY_REGISTRATION reg[LONG_CALL] = { 0 };
	int i;

	for (i = 0; i < nr; i++) {
		reg[i] = entries[i];
		reg[i].socket = (SOCKET)side->fd[which[i]][0];
	}
	memset(side->got, POISON_BYTE, sizeof(side->got));
	side->received = 0;
	side->code = ProcessSocketNotifications(side->port,
						side->is_long ? LONG_CALL : (UINT32)nr,
						side->is_long || nr ? reg : NULL, 0, room,
						side->got, &side->received);
	for (i = 0; i < MOST_ENTRIES; i++)
		side->result[i] = i < nr ? reg[i].registrationResult : 0;
}

/* Something comes, or is taken, or is posted. */
static void change(struct side *side, unsigned int what, int which)
{
	char data[64];

	switch (what) {
	case 0:
	case 1:
		sock_send(side->fd[which][1], "x", 1);
		sock_becomes(side->fd[which][0], SEE_IN, COMES);
		break;
	case 2:
	case 3:
		sock_recv(side->fd[which][0], data, sizeof(data));
		break;
	default:
		PostQueuedCompletionStatus(side->port, 1, (ULONG_PTR)which, NULL);
	}
}

static bool sides_agree(const struct side *a, const struct side *b)
{
	return a->code == b->code && a->received == b->received &&
	       !memcmp(a->result, b->result, sizeof(a->result)) &&
	       !memcmp(a->got, b->got, sizeof(a->got));
}

TEST(at_once_is_as_by_the_queue)
{
	uint64_t seed = random_seed(0);
	struct random dice = random_start(seed);
	SOCK_NOTIFY_REGISTRATION entries[MOST_ENTRIES];
	struct side side[2] = { { .is_long = false }, { .is_long = true } };
	int which[MOST_ENTRIES], step, i, nr;
	unsigned int what;
	UINT32 room;

	/* What is sent there has come when it is sent. */
	ASSERT_EQ(0, one_processor());
	for (i = 0; i < 2; i++) {
		side[i].port = port_open();
		ASSERT_TRUE(sockets_open(side[i].fd));
	}
	for (step = 0; step < STEPS; step++) {
		what = random_below(&dice, 6);
		which[0] = (int)random_below(&dice, SOCKETS);
		if (what < 5) {
			change(&side[0], what, which[0]);
			change(&side[1], what, which[0]);
		}
		nr = (int)random_below(&dice, MOST_ENTRIES + 1);
		for (i = 0; i < nr; i++)
			entries[i] = random_entry(&dice, &which[i]);
		room = 1 + random_below(&dice, MOST_PACKETS);
		make_call(&side[0], entries, which, nr, room);
		make_call(&side[1], entries, which, nr, room);
		ASSERT_TRUE(sides_agree(&side[0], &side[1])) {
			TH_LOG("SEED=%llu, step %d: %u packets, and %u by the queue",
			       (unsigned long long)seed, step, side[0].received,
			       side[1].received);
		}
	}
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(CloseHandle(side[i].port));
		sockets_close(side[i].fd);
	}
}

TEST_HARNESS_MAIN
