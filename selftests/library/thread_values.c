// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Values of FlsSetValue() in threads that are not the library's, and when a process ends or
 * is forked.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"

static DWORD fls;
static int volatile told;

static void WINAPI note(PVOID value)
{
	(void)value;
	__atomic_fetch_add(&told, 1, __ATOMIC_SEQ_CST);
}

static void WINAPI end_with_value(PVOID value)
{
	_exit((int)(intptr_t)value);
}

static void *set_in_thread(void *value)
{
	FlsSetValue(fls, value);
	return NULL;
}

TEST(value_is_told_whoever_has_made_the_thread)
{
	pthread_t thread;

	told = 0;
	fls = FlsAlloc(note);
	ASSERT_NE(FLS_OUT_OF_INDEXES, fls);
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_in_thread, &fls));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, told);
	EXPECT_TRUE(FlsFree(fls));
	EXPECT_EQ(1, told);
}

TEST(value_is_told_when_the_process_ends)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		fls = FlsAlloc(end_with_value);
		FlsSetValue(fls, (PVOID)77);
		exit(1);
	}
	EXPECT_EQ(77, child_status(pid, 10000));
}

struct both {
	pthread_barrier_t is_set, go_on;
};

static void *set_and_stay(void *argument)
{
	struct both *both = argument;

	FlsSetValue(fls, both);
	pthread_barrier_wait(&both->is_set);
	pthread_barrier_wait(&both->go_on);
	return NULL;
}

/* Of its own thread it has the value; what other threads had is the parent's. */
static int look_in_child(void)
{
	if (FlsGetValue(fls) != &fls)
		return 1;
	told = 0;
	if (!FlsFree(fls) || told != 1)
		return 2;
	fls = FlsAlloc(note);
	return fls == FLS_OUT_OF_INDEXES || FlsGetValue(fls) ? 3 : 0;
}

TEST(values_of_other_threads_are_the_parents)
{
	struct both both;
	pthread_t thread;
	pid_t pid;

	told = 0;
	fls = FlsAlloc(note);
	EXPECT_TRUE(FlsSetValue(fls, &fls));
	ASSERT_EQ(0, pthread_barrier_init(&both.is_set, NULL, 2));
	ASSERT_EQ(0, pthread_barrier_init(&both.go_on, NULL, 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_and_stay, &both));
	pthread_barrier_wait(&both.is_set);
	pid = fork();
	if (!pid)
		_exit(look_in_child());
	EXPECT_EQ(0, child_status(pid, 10000));
	EXPECT_EQ(0, told);
	pthread_barrier_wait(&both.go_on);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, told);
	EXPECT_TRUE(FlsFree(fls));
	EXPECT_EQ(2, told);
}

TEST_HARNESS_MAIN
