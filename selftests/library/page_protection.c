// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What can be done with pages of VirtualAlloc(): the kernel says so to who reads and writes
 * them by system calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define PAGE	4096

static bool can_read(char *memory)
{
	char byte;
	int fds[2];
	bool can;

	if (pipe(fds))
		return false;
	can = write(fds[1], memory, 1) == 1 && read(fds[0], &byte, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return can;
}

static bool can_write(char *memory)
{
	int fds[2];
	bool can;

	if (pipe(fds))
		return false;
	can = write(fds[1], "", 1) == 1 && read(fds[0], memory, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return can;
}

TEST(pages_can_be_used_as_they_were_committed)
{
	char *memory = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE, PAGE_READWRITE);

	ASSERT_NE(NULL, memory);
	EXPECT_FALSE(can_read(memory));
	EXPECT_EQ(memory, VirtualAlloc(memory, PAGE, MEM_COMMIT, PAGE_READWRITE));
	EXPECT_TRUE(can_read(memory) && can_write(memory));
	EXPECT_FALSE(can_read(memory + PAGE));
	memory[5] = 1;
	EXPECT_EQ(memory, VirtualAlloc(memory, 2 * PAGE, MEM_COMMIT, PAGE_READONLY));
	EXPECT_TRUE(can_read(memory) && can_read(memory + PAGE));
	EXPECT_FALSE(can_write(memory) || can_write(memory + PAGE));
	EXPECT_EQ(1, memory[5]);
	EXPECT_EQ(memory, VirtualAlloc(memory, PAGE, MEM_COMMIT, PAGE_NOACCESS));
	EXPECT_FALSE(can_read(memory));
	EXPECT_TRUE(VirtualFree(memory + PAGE, PAGE, MEM_DECOMMIT));
	EXPECT_FALSE(can_read(memory + PAGE));
	EXPECT_TRUE(VirtualFree(memory, 0, MEM_RELEASE));
}

TEST(code_in_pages_runs)
{
	/* On x86-64: mov $77, %eax; ret. */
	static const unsigned char code[] = { 0xb8, 77, 0, 0, 0, 0xc3 };
	char *memory = VirtualAlloc(NULL, PAGE, MEM_COMMIT, PAGE_EXECUTE_READWRITE);

	ASSERT_NE(NULL, memory);
	memcpy(memory, code, sizeof(code));
#if defined(__x86_64__)
	EXPECT_EQ(77, ((int (*)(void))(uintptr_t)memory)());
#endif
	EXPECT_TRUE(VirtualFree(memory, 0, MEM_RELEASE));
}

/* Windows has these, and this library has not. */
TEST(pages_of_other_kinds_are_not_there)
{
	static const DWORD types[] = { MEM_LARGE_PAGES, MEM_WRITE_WATCH, MEM_PHYSICAL, MEM_RESET };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		SetLastError(0);
		EXPECT_EQ(NULL, VirtualAlloc(NULL, PAGE, MEM_RESERVE | types[i], PAGE_READWRITE));
		EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
	}
	SetLastError(0);
	EXPECT_EQ(NULL, VirtualAlloc(NULL, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD));
	EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
}

TEST_HARNESS_MAIN
