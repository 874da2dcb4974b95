/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Completion ports for the tests: registrations in one line, and harvests that
 * are compared in full.  Includes the Win32 headers; POSIX is in sock.h.
 *
 * EXPECT_PACKETS(port, { key, mask }, ...) harvests once and demands exactly
 * these packets in this order, with every field, every output that should not
 * be written and both ways of saying the result compared.
 */
#ifndef SELFTESTS_LIB_PORT_H
#define SELFTESTS_LIB_PORT_H

#include <winsock2.h>
#include <windows.h>

#include <pthread.h>

#include "sock.h"

/* Masks: the same values in a filter and in a packet. */
enum {
	EV_NONE = 0,
	EV_IN = 0x01,
	EV_OUT = 0x02,
	EV_HANGUP = 0x04,
	EV_ALL = 0x07,
	EV_ERR = 0x40,
	EV_REMOVE = 0x80,
};

enum {
	T_ONESHOT = 1,
	T_PERSISTENT = 2,
	T_LEVEL = 4,
	T_EDGE = 8,
};

enum {
	OP_NONE = 0,
	OP_ENABLE = 1,
	OP_DISABLE = 2,
	OP_REMOVE = 4,
};

/* What output buffers are filled with so that "not written" is seen. */
#define POISON_BYTE	0xcc
#define POISON32	0xccccccccU
#define POISON64	0xccccccccccccccccULL

/* A registration's result that says: the whole call failed. */
#define CALL_FAILED	0x80000000U

/* The largest number of packets one EXPECT_PACKETS can compare. */
#define HARVEST_MAX	64

/* { key, mask } is a notification: the rest is 0, and meant to be. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
struct packet {
	ULONG_PTR key;
	DWORD mask;
	void *overlapped;
	ULONG_PTR internal;
};

/*
 * From its first sleep on a thread has a descriptor by which it is woken: who counts them
 * sleeps before, since whether a wait has to sleep is chance.
 */
void sleep_once(void);

HANDLE port_open(void);
int port_fd(HANDLE port);
/* What its fdinfo says; and does it say so within the time? */
long long port_told(HANDLE port, const char *name);
int port_becomes(HANDLE port, const char *name, long long value, int timeout_ms);

SOCK_NOTIFY_REGISTRATION entry(int fd, ULONG_PTR key, UINT16 filter, UINT8 op,
			       UINT8 trigger);
DWORD apply(HANDLE port, int fd, ULONG_PTR key, UINT16 filter, UINT8 op,
	    UINT8 trigger);
DWORD enable(HANDLE port, int fd, ULONG_PTR key, UINT16 filter, UINT8 trigger);
DWORD disable(HANDLE port, int fd);
DWORD deregister(HANDLE port, int fd);

/*
 * Harvest once, waiting up to timeout_ms, and compare with want[n].  n == 0
 * demands WAIT_TIMEOUT.  Returns "" or a description of the difference.
 */
const char *packets_differ(HANDLE port, DWORD timeout_ms,
			   const struct packet *want, size_t n);

/* The same through registrations and harvest in one call. */
const char *call_differs(HANDLE port, SOCK_NOTIFY_REGISTRATION *reg,
			 UINT32 count, DWORD timeout_ms,
			 const struct packet *want, size_t n);

#define PACKETS(...)							\
	((const struct packet[]){ __VA_ARGS__ }),			\
	(sizeof((const struct packet[]){ __VA_ARGS__ }) /		\
	 sizeof(struct packet))

#define EXPECT_PACKETS(port, ...)					\
	EXPECT_STREQ("", packets_differ(port, COMES, PACKETS(__VA_ARGS__)))
#define ASSERT_PACKETS(port, ...)					\
	ASSERT_STREQ("", packets_differ(port, COMES, PACKETS(__VA_ARGS__)))
/* Packets that are in the queue already: nothing is waited for. */
#define EXPECT_PACKETS_NOW(port, ...)					\
	EXPECT_STREQ("", packets_differ(port, 0, PACKETS(__VA_ARGS__)))
#define EXPECT_NOTHING(port)						\
	EXPECT_STREQ("", packets_differ(port, COMES_NOT, NULL, 0))
#define EXPECT_NOTHING_NOW(port)					\
	EXPECT_STREQ("", packets_differ(port, 0, NULL, 0))
#define EXPECT_CALL(port, reg, count, ms, ...)				\
	EXPECT_STREQ("", call_differs(port, reg, count, ms,		\
				      PACKETS(__VA_ARGS__)))
#define EXPECT_CALL_TIMES_OUT(port, reg, count, ms)			\
	EXPECT_STREQ("", call_differs(port, reg, count, ms, NULL, 0))

/* How a thread waits. */
enum how {
	BY_PSN,
	BY_GQCS,
	BY_GQCSEX,
	BY_ALL,
};

/*
 * Threads that have waited stay, and neither block nor end, until they may: either would
 * wake the next one, too.
 */
struct stay {
	int there;
	int may_end;
};

/* Do so many come?  From then on they may end. */
int stay_over(struct stay *stay, int count, int timeout_ms);

/*
 * A thread that waits once.  The test fills in the first part; the rest is
 * valid after waiter_join() returned 0.
 */
struct waiter {
	HANDLE port;
	enum how how;
	DWORD timeout;
	/* NULL if it ends at once. */
	struct stay *stay;
	SOCK_NOTIFY_REGISTRATION *reg;
	UINT32 reg_count;

	/* 0, or the error in the function's own way of saying it. */
	DWORD code;
	struct packet packet;
	int64_t elapsed_ns;

	pthread_t thread;
	int tid;
};

int waiter_start(struct waiter *w);
int waiter_blocked(struct waiter *w);
int waiter_join(struct waiter *w, int timeout_ms);

#define START_WAITER(w)							\
	do {								\
		ASSERT_EQ(0, waiter_start(w));				\
		ASSERT_TRUE(waiter_blocked(w));				\
	} while (0)

/* A fixture for each of the functions that can wait; it has a port. */
#define FIXTURE_WAITS(fixture)						\
	FIXTURE_VARIANT(fixture) { enum how how; };			\
	FIXTURE_VARIANT_ADD(fixture, psn) { .how = BY_PSN, };		\
	FIXTURE_VARIANT_ADD(fixture, gqcs) { .how = BY_GQCS, };		\
	FIXTURE_VARIANT_ADD(fixture, gqcsex) { .how = BY_GQCSEX, }
#define WAITER(ms)							\
	{ .port = self->port, .how = variant->how, .timeout = ms }

#endif /* SELFTESTS_LIB_PORT_H */
