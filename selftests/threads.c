// SPDX-License-Identifier: GPL-2.0
/*
 * Threads and locks of Win32, as programs of Windows use them.  What a thread does
 * for others while it waits: apc.c.
 */
#define _GNU_SOURCE
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define KIB	1024
#define RESERVE	STACK_SIZE_PARAM_IS_A_RESERVATION

/* What a thread is to use of its stack, and how large that is. */
struct stack {
	size_t used;
	size_t size;
};

static DWORD WINAPI use_stack(LPVOID arg)
{
	struct stack *stack = arg;
	char room[stack->used];
	pthread_attr_t attr;

	memset(room, 1, stack->used);
	__asm__ volatile("" : : "r"(room) : "memory");
	if (!pthread_getattr_np(pthread_self(), &attr)) {
		pthread_attr_getstacksize(&attr, &stack->size);
		pthread_attr_destroy(&attr);
	}
	return 0;
}

/* The size in KiB of the stack of a thread that has used so much of it; or 0. */
static int stack_kib(SIZE_T size, DWORD flags, size_t used_kib)
{
	struct stack stack = { .used = used_kib * KIB };
	HANDLE thread = CreateThread(NULL, size, use_stack, &stack, flags, NULL);

	if (!thread || WaitForSingleObject(thread, COMES) || !CloseHandle(thread))
		return 0;
	return stack.size / KIB;
}

/* The size is what is committed at first, not all there is. */
TEST(small_stack_size_leaves_the_usual_stack)
{
	int usual = stack_kib(0, 0, 512);

	EXPECT_LE(1024, usual);
	EXPECT_EQ(usual, stack_kib(1, 0, 512));
	EXPECT_EQ(usual, stack_kib(4 * KIB, 0, 512));
}

TEST(large_stack_size_is_there)
{
	EXPECT_LE(32 * KIB - 64, stack_kib(32 * KIB * KIB, 0, 30 * KIB));
	EXPECT_LE(32 * KIB - 64, stack_kib(32 * KIB * KIB, RESERVE, 30 * KIB));
}

TEST(reserved_stack_may_be_smaller_than_usual)
{
	int kib = stack_kib(256 * KIB, RESERVE, 128);

	EXPECT_LE(256 - 64, kib);
	EXPECT_GE(256, kib);
}

TEST_HARNESS_MAIN
