// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Pages that are reserved and committed, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "virtual_memory"
#define PAGE	4096
#define KIB	1024
#define MIB	(1024 * KIB)

static void *reserve(void *at, SIZE_T size)
{
	return VirtualAlloc(at, size, MEM_RESERVE, PAGE_READWRITE);
}

static void *commit(void *at, SIZE_T size)
{
	return VirtualAlloc(at, size, MEM_COMMIT, PAGE_READWRITE);
}

static int is_zero(const char *memory, SIZE_T size)
{
	SIZE_T i;

	for (i = 0; i < size && !memory[i]; i++)
		;
	return i == size;
}

static void addresses_are_round(void)
{
	SYSTEM_INFO info;
	char *memory[20];
	int i;

	GetSystemInfo(&info);
	EXPECT_EQ(64 * KIB, info.dwAllocationGranularity);
	EXPECT_EQ(PAGE, info.dwPageSize);
	for (i = 0; i < 20; i++) {
		memory[i] = VirtualAlloc(NULL, 1 + i * 5000, MEM_RESERVE | MEM_COMMIT,
					 PAGE_READWRITE);
		ASSERT(memory[i]);
		EXPECT_EQ(0, (ULONG_PTR)memory[i] % (64 * KIB));
		EXPECT(is_zero(memory[i], 1 + i * 5000));
		/* Of the whole page. */
		FillMemory(memory[i], (1 + i * 5000 + PAGE - 1) / PAGE * PAGE, 0xa5);
	}
	for (i = 0; i < 20; i++)
		EXPECT(VirtualFree(memory[i], 0, MEM_RELEASE));
}

static void what_is_reserved_is_committed_in_parts(void)
{
	char *memory = reserve(NULL, 1024 * (SIZE_T)MIB);

	ASSERT(memory);
	EXPECT_EQ(memory + 512 * (SIZE_T)MIB, commit(memory + 512 * (SIZE_T)MIB, PAGE));
	memory[512 * (SIZE_T)MIB] = 1;
	/* Each page with a byte of it. */
	EXPECT_EQ(memory + PAGE, commit(memory + 2 * PAGE - 1, 2));
	FillMemory(memory + PAGE, 2 * PAGE, 1);
	/* What is there stays. */
	EXPECT_EQ(memory, commit(memory, 4 * PAGE));
	EXPECT_EQ(1, memory[2 * PAGE]);
	EXPECT(is_zero(memory, PAGE));
	EXPECT(is_zero(memory + 3 * PAGE, PAGE));
	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
}

static void committing_alone_reserves_too(void)
{
	char *memory = commit(NULL, 3 * PAGE);

	ASSERT(memory);
	EXPECT_EQ(0, (ULONG_PTR)memory % (64 * KIB));
	EXPECT(is_zero(memory, 3 * PAGE));
	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, commit(memory, PAGE));
}

static void what_is_decommitted_is_zero_again(void)
{
	char *memory = VirtualAlloc(NULL, 8 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

	ASSERT(memory);
	FillMemory(memory, 8 * PAGE, 1);
	EXPECT(VirtualFree(memory + PAGE, 2 * PAGE, MEM_DECOMMIT));
	/* It may be once more. */
	EXPECT(VirtualFree(memory + PAGE, 1, MEM_DECOMMIT));
	EXPECT_EQ(1, memory[0]);
	EXPECT_EQ(1, memory[3 * PAGE]);
	EXPECT_EQ(memory + PAGE, commit(memory + PAGE, 2 * PAGE));
	EXPECT(is_zero(memory + PAGE, 2 * PAGE));
	/* All of it, and the addresses stay reserved. */
	EXPECT(VirtualFree(memory, 0, MEM_DECOMMIT));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, reserve(memory, PAGE));
	EXPECT_EQ(memory, commit(memory, 8 * PAGE));
	EXPECT(is_zero(memory, 8 * PAGE));
	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
}

static void address_is_rounded_down_and_must_be_free(void)
{
	char *memory = reserve(NULL, 200 * KIB), *again;

	ASSERT(memory);
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, reserve(memory, PAGE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, reserve(memory + 64 * KIB, PAGE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS,
		     VirtualAlloc(memory, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
	again = VirtualAlloc(memory + PAGE + 100, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	EXPECT_EQ(memory, again);
	ASSERT(again);
	/* Up to the last byte. */
	FillMemory(again, 3 * PAGE, 1);
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, commit(again + 4 * PAGE, PAGE));
	EXPECT(VirtualFree(again, 0, MEM_RELEASE));
}

static void commit_is_of_one_reservation(void)
{
	char *memory = reserve(NULL, 49 * PAGE - 5);

	ASSERT(memory);
	EXPECT_EQ(memory + 48 * PAGE, commit(memory + 48 * PAGE, PAGE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, commit(memory + 48 * PAGE, PAGE + 1));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     VirtualFree(memory + 48 * PAGE, 2 * PAGE, MEM_DECOMMIT));
	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
}

static void release_is_of_all_that_was_reserved(void)
{
	char *memory = reserve(NULL, 200 * KIB);

	ASSERT(memory);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, VirtualFree(memory, PAGE, MEM_RELEASE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, VirtualFree(memory + PAGE, 0, MEM_RELEASE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, VirtualFree(memory + PAGE, 0, MEM_DECOMMIT));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, VirtualFree(memory, 0, 0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     VirtualFree(memory, 0, MEM_RELEASE | MEM_DECOMMIT));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, VirtualFree(NULL, 0, MEM_RELEASE));
	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
}

static void what_is_not_reserved_is_not_freed(void)
{
	char *memory = reserve(NULL, PAGE);

	EXPECT(VirtualFree(memory, 0, MEM_RELEASE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, VirtualFree(memory, 0, MEM_RELEASE));
	EXPECT_ERROR(ERROR_INVALID_ADDRESS, VirtualFree(memory, PAGE, MEM_DECOMMIT));
}

static void wrong_flags_and_sizes_are_refused(void)
{
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, reserve(NULL, 0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, reserve(NULL, (SIZE_T)-1));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, reserve((void *)(ULONG_PTR)PAGE, PAGE));
	EXPECT_ERROR(ERROR_NOT_ENOUGH_MEMORY,
		     VirtualAlloc(NULL, (SIZE_T)1 << 46, MEM_COMMIT, PAGE_READWRITE));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, VirtualAlloc(NULL, PAGE, 0, PAGE_READWRITE));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     VirtualAlloc(NULL, PAGE, MEM_COMMIT | 1, PAGE_READWRITE));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     VirtualAlloc(NULL, PAGE, MEM_DECOMMIT, PAGE_READWRITE));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, VirtualAlloc(NULL, PAGE, MEM_COMMIT, 0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, VirtualAlloc(NULL, PAGE, MEM_RESERVE, 0));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER,
		     VirtualAlloc(NULL, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_READONLY));
}

int main(void)
{
	RUN(addresses_are_round);
	RUN(what_is_reserved_is_committed_in_parts);
	RUN(committing_alone_reserves_too);
	RUN(what_is_decommitted_is_zero_again);
	RUN(address_is_rounded_down_and_must_be_free);
	RUN(commit_is_of_one_reservation);
	RUN(release_is_of_all_that_was_reserved);
	RUN(what_is_not_reserved_is_not_freed);
	RUN(wrong_flags_and_sizes_are_refused);
	return tap_end();
}
