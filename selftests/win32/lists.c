// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Lists that threads share, and what is done to one word at once, in pure Win32.
 */
#include <windows.h>
#include <intrin.h>

#include "tap.h"

#define PROGRAM "lists"

struct item {
	SLIST_ENTRY entry;
	LONG number;
};

static SLIST_HEADER list;

static void last_to_come_is_the_first_to_go(void)
{
	static struct item item[3];
	int i;

	EXPECT_EQ(0, (ULONG_PTR)&item[1] % MEMORY_ALLOCATION_ALIGNMENT);
	EXPECT_EQ(0, (ULONG_PTR)&list % MEMORY_ALLOCATION_ALIGNMENT);
	InitializeSListHead(&list);
	EXPECT_EQ(NULL, InterlockedPopEntrySList(&list));
	EXPECT_EQ(NULL, InterlockedFlushSList(&list));
	EXPECT_EQ(NULL, RtlFirstEntrySList(&list));
	EXPECT_EQ(0, QueryDepthSList(&list));
	EXPECT_EQ(NULL, InterlockedPushEntrySList(&list, &item[0].entry));
	EXPECT_EQ(&item[0], InterlockedPushEntrySList(&list, &item[1].entry));
	EXPECT_EQ(&item[1], InterlockedPushEntrySList(&list, &item[2].entry));
	EXPECT_EQ(3, QueryDepthSList(&list));
	EXPECT_EQ(&item[2], RtlFirstEntrySList(&list));
	for (i = 2; i >= 0; i--)
		EXPECT_EQ(&item[i], InterlockedPopEntrySList(&list));
	EXPECT_EQ(NULL, InterlockedPopEntrySList(&list));
	EXPECT_EQ(0, QueryDepthSList(&list));
}

static void all_are_taken_at_once(void)
{
	static struct item item[3];
	PSLIST_ENTRY entry;
	int i;

	InitializeSListHead(&list);
	for (i = 0; i < 3; i++)
		InterlockedPushEntrySList(&list, &item[i].entry);
	entry = InterlockedFlushSList(&list);
	EXPECT_EQ(0, QueryDepthSList(&list));
	EXPECT_EQ(NULL, InterlockedPopEntrySList(&list));
	for (i = 2; i >= 0; i--, entry = entry->Next)
		ASSERT_EQ(&item[i], entry);
	EXPECT_EQ(NULL, entry);
}

enum { THREADS = 4, ROUNDS = 20000, ITEMS = 8 };

/* Who takes an item has it alone, and frees it now and then. */
static DWORD WINAPI take_and_put_back(LPVOID argument)
{
	LONG round;

	(void)argument;
	for (round = 0; round < ROUNDS; round++) {
		struct item *item = (struct item *)InterlockedPopEntrySList(&list);

		if (!item)
			continue;
		if (InterlockedExchange(&item->number, 1))
			return 1;
		item->entry.Next = (PSLIST_ENTRY)16;
		if (round % 8 == 0) {
			HeapFree(GetProcessHeap(), 0, item);
			item = HeapAlloc(GetProcessHeap(), 0, sizeof(*item));
			if (!item)
				return 2;
			item->number = 1;
		}
		if (InterlockedExchange(&item->number, 0) != 1)
			return 3;
		InterlockedPushEntrySList(&list, &item->entry);
	}
	return 0;
}

static void threads_share_one(void)
{
	HANDLE thread[THREADS];
	DWORD code;
	int i;

	InitializeSListHead(&list);
	for (i = 0; i < ITEMS; i++)
		InterlockedPushEntrySList(&list, HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY,
							   sizeof(struct item)));
	for (i = 0; i < THREADS; i++)
		thread[i] = CreateThread(NULL, 0, take_and_put_back, NULL, 0, NULL);
	for (i = 0; i < THREADS; i++) {
		code = 77;
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread[i], 6 * COMES));
		EXPECT(GetExitCodeThread(thread[i], &code));
		EXPECT_EQ(0, code);
		EXPECT(CloseHandle(thread[i]));
	}
	EXPECT_EQ(ITEMS, QueryDepthSList(&list));
	for (i = 0; i < ITEMS; i++)
		EXPECT(HeapFree(GetProcessHeap(), 0, InterlockedPopEntrySList(&list)));
	EXPECT_EQ(NULL, InterlockedPopEntrySList(&list));
}

static void result_is_the_old_value_or_the_new_one(void)
{
	volatile LONG64 wide = 1;
	volatile SHORT small = 1;
	volatile LONG word = 1;
	volatile char tiny = 1;
	PVOID volatile pointer = NULL;
	int it, other;

	EXPECT_EQ(2, InterlockedIncrement(&word));
	EXPECT_EQ(1, InterlockedDecrement(&word));
	EXPECT_EQ(1, InterlockedExchangeAdd(&word, 4));
	EXPECT_EQ(5, InterlockedExchange(&word, 6));
	EXPECT_EQ(6, InterlockedCompareExchange(&word, 9, 7));
	EXPECT_EQ(6, InterlockedCompareExchange(&word, 9, 6));
	EXPECT_EQ(9, InterlockedAnd(&word, 8));
	EXPECT_EQ(8, InterlockedOr(&word, 3));
	EXPECT_EQ(11, InterlockedXor(&word, 1));
	EXPECT_EQ(10, word);
	EXPECT_EQ(11, InterlockedIncrementAcquire(&word));
	EXPECT_EQ(10, InterlockedDecrementRelease(&word));

	EXPECT_EQ(2, InterlockedIncrement64(&wide));
	EXPECT_EQ(1, InterlockedDecrement64(&wide));
	EXPECT_EQ(1, InterlockedExchangeAdd64(&wide, 1LL << 40));
	EXPECT_EQ((1LL << 40) + 1, InterlockedExchange64(&wide, 6));
	EXPECT_EQ(6, InterlockedCompareExchange64(&wide, 9, 6));
	EXPECT_EQ(9, InterlockedAnd64(&wide, 8));
	EXPECT_EQ(8, InterlockedOr64(&wide, 3));
	EXPECT_EQ(11, InterlockedXor64(&wide, 1));
	EXPECT_EQ(10, wide);

	EXPECT_EQ(2, InterlockedIncrement16(&small));
	EXPECT_EQ(1, InterlockedDecrement16(&small));
	EXPECT_EQ(1, InterlockedCompareExchange16(&small, 5, 1));
	EXPECT_EQ(5, small);
	EXPECT_EQ(1, tiny);
#ifndef __MINGW32__ /* which declares these and has not got them */
	EXPECT_EQ(5, _InterlockedOr16(&small, 2));
	EXPECT_EQ(7, small);
	EXPECT_EQ(1, _InterlockedOr8(&tiny, 2));
	EXPECT_EQ(3, _InterlockedAnd8(&tiny, 1));
	EXPECT_EQ(1, _InterlockedXor8(&tiny, 1));
	EXPECT_EQ(0, tiny);
#endif

	EXPECT_EQ(NULL, InterlockedExchangePointer(&pointer, &it));
	EXPECT_EQ(&it, InterlockedCompareExchangePointer(&pointer, NULL, &other));
	EXPECT_EQ(&it, InterlockedCompareExchangePointer(&pointer, NULL, &it));
	EXPECT_EQ(NULL, pointer);
}

static void bits_are_set_and_found(void)
{
	LONG64 volatile wide[2] = { 0 };
	LONG volatile word = 0;
	LONG mine = 4;
	DWORD index = 77;

	EXPECT_EQ(0, InterlockedBitTestAndSet(&word, 31));
	EXPECT_EQ(1, InterlockedBitTestAndSet(&word, 31));
	EXPECT_EQ(1, InterlockedBitTestAndReset(&word, 31));
	EXPECT_EQ(0, InterlockedBitTestAndReset(&word, 31));
	EXPECT_EQ(0, word);
	EXPECT_EQ(0, InterlockedBitTestAndSet64(wide, 63));
	EXPECT_EQ(1, InterlockedBitTestAndSet64(wide, 63));
	EXPECT_EQ(1LL << 63, wide[0]);
	EXPECT_EQ(1, InterlockedBitTestAndReset64(wide, 63));
	EXPECT_EQ(0, wide[0]);

	EXPECT_EQ(1, _bittest(&mine, 2));
	EXPECT_EQ(0, _bittestandset(&mine, 0));
	EXPECT_EQ(1, _bittestandreset(&mine, 2));
	EXPECT_EQ(0, _bittestandcomplement(&mine, 3));
	EXPECT_EQ(9, mine);

	EXPECT_EQ(0, _BitScanForward(&index, 0));
	EXPECT_EQ(1, _BitScanForward(&index, 0x50));
	EXPECT_EQ(4, index);
	EXPECT_EQ(1, _BitScanReverse(&index, 0x50));
	EXPECT_EQ(6, index);
	EXPECT_EQ(1, _BitScanForward64(&index, 0x5000000000ULL));
	EXPECT_EQ(36, index);
	EXPECT_EQ(1, _BitScanReverse64(&index, 0x5000000000ULL));
	EXPECT_EQ(38, index);
	MemoryBarrier();
	YieldProcessor();
}

int main(void)
{
	RUN(last_to_come_is_the_first_to_go);
	RUN(all_are_taken_at_once);
	RUN(threads_share_one);
	RUN(result_is_the_old_value_or_the_new_one);
	RUN(bits_are_set_and_found);
	return tap_end();
}
