/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What tests of operations expect of packets.  For programs with kselftest_harness.h.
 */
#ifndef SELFTESTS_LIB_EXPECT_H
#define SELFTESTS_LIB_EXPECT_H

#include <stdint.h>
#include <string.h>

#include "operation.h"
#include "sock.h"

#define EXPECT_NO_PACKET(port)						\
	do {								\
		struct sockiocp_packet_entry got_;			\
		EXPECT_EQ(-ETIME, operation_harvest(port, &got_, 1, COMES_NOT));	\
	} while (0)

/* One packet, of this operation; and its OVERLAPPED says the same. */
#define EXPECT_PACKET(port, key, o, status, count)			\
	do {								\
		struct sockiocp_packet_entry got_ = { 0 };		\
		EXPECT_EQ(1, operation_harvest(port, &got_, 1, COMES));	\
		EXPECT_EQ(key, got_.completion_key);			\
		EXPECT_EQ((uintptr_t)(o), got_.overlapped);		\
		EXPECT_EQ(status, got_.internal);			\
		EXPECT_EQ(count, got_.bytes_transferred);		\
		EXPECT_EQ(0, got_.reserved);				\
		EXPECT_EQ(status, (o)->state);				\
		EXPECT_EQ(count, (o)->bytes);				\
	} while (0)

/* Which of these operations a packet is of, or -1. */
static inline int operation_index(const struct sockiocp_packet_entry *got,
				  const struct overlapped *o, int count)
{
	uintptr_t at = (got->overlapped - (uintptr_t)o) / sizeof(*o);

	return at < (uintptr_t)count && (uintptr_t)&o[at] == got->overlapped ? (int)at : -1;
}

/* One packet of each of these operations, in any order, and no other. */
#define EXPECT_ALL_END(port, o, count, status, moved)			\
	do {								\
		struct sockiocp_packet_entry got_[64];			\
		int n_ = 0, i_, ret_;					\
		static char seen_[count];				\
		memset(seen_, 0, sizeof(seen_));			\
		while (n_ < (count)) {					\
			ret_ = operation_harvest(port, got_, 64, COMES);\
			ASSERT_LT(0, ret_) {				\
				TH_LOG("after %d packets", n_);		\
			}						\
			n_ += ret_;					\
			while (ret_--) {				\
				i_ = operation_index(&got_[ret_], o, count);	\
				ASSERT_LE(0, i_);			\
				ASSERT_EQ(0, seen_[i_]++);		\
				ASSERT_EQ(status, got_[ret_].internal);	\
				ASSERT_EQ(status, (o)[i_].state);	\
				ASSERT_EQ(moved, (o)[i_].bytes);	\
			}						\
		}							\
		EXPECT_NO_PACKET(port);					\
	} while (0)

/* It pends, and nothing was written. */
#define EXPECT_PENDS(o)							\
	do {								\
		EXPECT_EQ(STATUS_IS_PENDING, (o)->state);		\
		EXPECT_EQ(NO_BYTES, (o)->bytes);			\
	} while (0)

#define EXPECT_SENT(fd, text)						\
	EXPECT_EQ((long)strlen(text), sock_send(fd, text, strlen(text)))

/* What was sent has arrived. */
#define ASSERT_ARRIVES(fd, bytes) ASSERT_TRUE(sock_queued(fd, bytes, COMES))

/* The same where one waits for it: if nobody comes for that it soon goes home, and takes it. */
#define ASSERT_ARRIVES_FOR(o, fd, bytes) ASSERT_TRUE(operation_has_data(o, fd, bytes, COMES))

/* How many operations of a home port are not done. */
#define EXPECT_OPERATIONS(home, count) EXPECT_EQ(count, fdinfo_value(home, "operations"))

/* All that a reader wants has come, and each byte is where it belongs. */
#define EXPECT_READ_ALL(reader)						\
	do {								\
		ASSERT_EQ(0, pthread_join((reader)->thread, NULL));	\
		EXPECT_EQ((long)(reader)->want, (reader)->got);		\
		EXPECT_EQ(-1, pattern_differs((reader)->to, (reader)->want, 0));	\
	} while (0)

#endif /* SELFTESTS_LIB_EXPECT_H */
