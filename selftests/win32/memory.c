// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Heaps, in pure Win32.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "memory"

enum { SMALL = 5, LARGE = 100000 };

static int is_zero(const unsigned char *memory, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++)
		if (memory[i])
			return 0;
	return 1;
}

static void memory_has_the_size_that_was_asked_for(void)
{
	HANDLE heap = GetProcessHeap();
	size_t size;
	void *memory;

	for (size = 0; size < 100; size++) {
		memory = HeapAlloc(heap, 0, size);
		ASSERT(memory);
		EXPECT_EQ(0, (ULONG_PTR)memory % 16);
		EXPECT_EQ(size, HeapSize(heap, 0, memory));
		EXPECT(HeapFree(heap, 0, memory));
	}
	EXPECT(HeapFree(heap, 0, NULL));
}

static void memory_is_zero_if_that_was_asked_for(void)
{
	HANDLE heap = GetProcessHeap();
	unsigned char *memory = HeapAlloc(heap, 0, LARGE);

	ASSERT(memory);
	memset(memory, 0xaa, LARGE);
	EXPECT(HeapFree(heap, 0, memory));
	memory = HeapAlloc(heap, HEAP_ZERO_MEMORY, LARGE);
	ASSERT(memory);
	EXPECT(is_zero(memory, 0, LARGE));
	EXPECT(HeapFree(heap, 0, memory));
}

static void what_is_new_is_zero_and_the_rest_stays(void)
{
	HANDLE heap = GetProcessHeap();
	unsigned char *memory = HeapAlloc(heap, 0, LARGE);

	ASSERT(memory);
	memset(memory, 0xaa, LARGE);
	memory = HeapReAlloc(heap, 0, memory, SMALL);
	ASSERT(memory);
	EXPECT_EQ(SMALL, HeapSize(heap, 0, memory));
	memory = HeapReAlloc(heap, HEAP_ZERO_MEMORY, memory, 2 * LARGE);
	ASSERT(memory);
	EXPECT_EQ(2 * LARGE, HeapSize(heap, 0, memory));
	EXPECT_EQ(0xaa, memory[0]);
	EXPECT_EQ(0xaa, memory[SMALL - 1]);
	EXPECT(is_zero(memory, SMALL, 2 * LARGE));
	EXPECT(HeapFree(heap, 0, memory));
}

static void in_place_it_does_not_move(void)
{
	HANDLE heap = GetProcessHeap();
	void *memory = HeapAlloc(heap, 0, LARGE);

	ASSERT(memory);
	EXPECT(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, memory, SMALL) == memory);
	EXPECT_EQ(SMALL, HeapSize(heap, 0, memory));
	EXPECT(!HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, memory, (SIZE_T)1 << 40));
	EXPECT_EQ(SMALL, HeapSize(heap, 0, memory));
	EXPECT(HeapFree(heap, 0, memory));
}

static void too_much_is_null(void)
{
	HANDLE heap = GetProcessHeap();
	void *memory = HeapAlloc(heap, 0, SMALL);

	ASSERT(memory);
	EXPECT(!HeapAlloc(heap, 0, ~(SIZE_T)0));
	EXPECT(!HeapReAlloc(heap, 0, memory, ~(SIZE_T)0 - 7));
	EXPECT_EQ(SMALL, HeapSize(heap, 0, memory));
	EXPECT(HeapFree(heap, 0, memory));
}

static void heap_has_memory_of_its_own(void)
{
	HANDLE heap = HeapCreate(0, 0, 0);
	unsigned char *memory[100];
	int i;

	ASSERT(heap);
	EXPECT(heap != GetProcessHeap());
	for (i = 0; i < 100; i++) {
		memory[i] = HeapAlloc(heap, HEAP_ZERO_MEMORY, SMALL + i);
		ASSERT(memory[i]);
		EXPECT_EQ(SMALL + i, HeapSize(heap, 0, memory[i]));
		memset(memory[i], i, SMALL + i);
	}
	/* The first, the last two, and one between them. */
	EXPECT(HeapFree(heap, 0, memory[0]));
	EXPECT(HeapFree(heap, 0, memory[99]));
	EXPECT(HeapFree(heap, 0, memory[98]));
	EXPECT(HeapFree(heap, 0, memory[50]));
	memory[20] = HeapReAlloc(heap, 0, memory[20], LARGE);
	ASSERT(memory[20]);
	for (i = 1; i < 98; i++)
		if (i != 50)
			EXPECT_EQ(i, memory[i][SMALL]);
	/* With what is left in it. */
	EXPECT(HeapDestroy(heap));
}

static void heap_has_a_limit(void)
{
	HANDLE heap = HeapCreate(HEAP_NO_SERIALIZE, 0, 16 * LARGE);
	void *memory, *other;

	ASSERT(heap);
	memory = HeapAlloc(heap, 0, LARGE);
	ASSERT(memory);
	EXPECT(!HeapAlloc(heap, 0, 17 * LARGE));
	EXPECT(!HeapReAlloc(heap, 0, memory, 17 * LARGE));
	EXPECT_EQ(LARGE, HeapSize(heap, 0, memory));
	other = HeapAlloc(heap, 0, LARGE);
	EXPECT(other);
	EXPECT(HeapFree(heap, 0, memory));
	EXPECT(HeapFree(heap, 0, other));
	EXPECT(HeapDestroy(heap));
}

static void what_was_freed_can_be_had_again(void)
{
	HANDLE heap = HeapCreate(0, 0, 4 * LARGE);
	void *memory;
	int i;

	ASSERT(heap);
	for (i = 0; i < 20; i++) {
		memory = HeapAlloc(heap, 0, LARGE);
		ASSERT(memory);
		memory = HeapReAlloc(heap, 0, memory, 2 * LARGE);
		ASSERT(memory);
		EXPECT(HeapFree(heap, 0, memory));
	}
	EXPECT(HeapDestroy(heap));
}

static void heaps_come_and_go(void)
{
	HANDLE first = HeapCreate(0, 0, 0), second = HeapCreate(0, 0, 0), third;
	void *memory;

	EXPECT(HeapDestroy(second));
	third = HeapCreate(0, 0, 0);
	memory = HeapAlloc(first, 0, SMALL);
	EXPECT(memory);
	EXPECT(HeapDestroy(third));
	EXPECT(HeapFree(first, 0, memory));
	EXPECT(HeapDestroy(first));
}

static void heap_of_the_process_stays(void)
{
	EXPECT_ERROR(ERROR_INVALID_HANDLE, HeapDestroy(GetProcessHeap()));
}

static void global_and_local_memory_is_of_the_heap(void)
{
	unsigned char *memory = GlobalAlloc(GPTR, LARGE);

	ASSERT(memory);
	EXPECT(is_zero(memory, 0, LARGE));
	EXPECT_EQ(LARGE, GlobalSize(memory));
	memset(memory, 0xaa, LARGE);
	memory = GlobalReAlloc(memory, 2 * LARGE, GMEM_MOVEABLE | GMEM_ZEROINIT);
	ASSERT(memory);
	EXPECT_EQ(0xaa, memory[LARGE - 1]);
	EXPECT(is_zero(memory, LARGE, 2 * LARGE));
	EXPECT_EQ(NULL, GlobalFree(memory));

	memory = LocalAlloc(LPTR, SMALL);
	ASSERT(memory);
	EXPECT(is_zero(memory, 0, SMALL));
	EXPECT_EQ(SMALL, LocalSize(memory));
	memory = LocalReAlloc(memory, LARGE, LMEM_MOVEABLE | LMEM_ZEROINIT);
	ASSERT(memory);
	EXPECT(is_zero(memory, 0, LARGE));
	EXPECT_EQ(NULL, LocalFree(memory));
	EXPECT_EQ(NULL, GlobalFree(NULL));
	EXPECT_EQ(NULL, LocalFree(NULL));
}

static void movable_memory_has_its_address_when_it_is_locked(void)
{
	HGLOBAL handle = GlobalAlloc(GHND, SMALL);
	unsigned char *memory;

	ASSERT(handle);
	memory = GlobalLock(handle);
	ASSERT(memory);
	EXPECT(is_zero(memory, 0, SMALL));
	memset(memory, 0xaa, SMALL);
	EXPECT_ERROR(NO_ERROR, GlobalUnlock(handle));
	EXPECT_EQ(0xaa, *(unsigned char *)GlobalLock(handle));
	GlobalUnlock(handle);
	EXPECT_EQ(NULL, GlobalFree(handle));
}

static void too_much_global_memory_is_an_error(void)
{
	void *memory = LocalAlloc(LPTR, SMALL);

	EXPECT_ERROR(ERROR_NOT_ENOUGH_MEMORY, GlobalAlloc(GMEM_FIXED, (SIZE_T)-4096));
	EXPECT_ERROR(ERROR_NOT_ENOUGH_MEMORY,
		     LocalReAlloc(memory, (SIZE_T)-4096, LMEM_MOVEABLE));
	EXPECT_EQ(SMALL, LocalSize(memory));
	LocalFree(memory);
}

static void text_of_an_error_is_local_memory(void)
{
	char *text = NULL;
	DWORD length = FormatMessageA(FORMAT_MESSAGE_ALLOCATE_BUFFER |
				      FORMAT_MESSAGE_FROM_SYSTEM |
				      FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
				      ERROR_ACCESS_DENIED, 0, (LPSTR)(void *)&text, 0, NULL);

	ASSERT(length && text);
	EXPECT_EQ(length, strlen(text));
	EXPECT(LocalSize(text) > length);
	EXPECT_EQ(NULL, LocalFree(text));
}

int main(void)
{
	RUN(memory_has_the_size_that_was_asked_for);
	RUN(memory_is_zero_if_that_was_asked_for);
	RUN(what_is_new_is_zero_and_the_rest_stays);
	RUN(in_place_it_does_not_move);
	RUN(too_much_is_null);
	RUN(heap_has_memory_of_its_own);
	RUN(heap_has_a_limit);
	RUN(what_was_freed_can_be_had_again);
	RUN(heaps_come_and_go);
	RUN(heap_of_the_process_stays);
	RUN(global_and_local_memory_is_of_the_heap);
	RUN(movable_memory_has_its_address_when_it_is_locked);
	RUN(too_much_global_memory_is_an_error);
	RUN(text_of_an_error_is_local_memory);
	return tap_end();
}
