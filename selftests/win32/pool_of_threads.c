// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A thread pool: work items with an OVERLAPPED inside are posted to a completion port, and
 * as many threads as there are processors, twice over, take them.  It ends with one packet
 * for each thread.
 */
#include <windows.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#define PROGRAM "pool_of_threads"
#define ITEMS	4000
/* How often an item posts itself. */
#define TURNS	400
#define KEY_WORK	((ULONG_PTR)1)
#define KEY_EXIT	((ULONG_PTR)2)

typedef struct _WORK_ITEM WORK_ITEM, *PWORK_ITEM;
typedef VOID (CALLBACK *PWORK_FUNCTION)(PWORK_ITEM Item);

struct _WORK_ITEM {
	PWORK_FUNCTION Function;
	OVERLAPPED Overlapped;
	DWORD Number;
};

typedef struct _POOL {
	HANDLE Port;
	HANDLE Idle;
	HANDLE Threads[MAXIMUM_WAIT_OBJECTS];
	DWORD Count;
	LONG volatile Pending;
	LONG volatile Ran[MAXIMUM_WAIT_OBJECTS];
	CRITICAL_SECTION Lock;
	ULONGLONG Sum;
} POOL, *PPOOL;

static POOL Pool;

static unsigned __stdcall PoolThread(void *Context)
{
	DWORD Index = PtrToUlong(Context);

	for (;;) {
		DWORD Bytes;
		ULONG_PTR Key;
		LPOVERLAPPED Overlapped;
		PWORK_ITEM Item;

		if (!GetQueuedCompletionStatus(Pool.Port, &Bytes, &Key, &Overlapped, INFINITE))
			return GetLastError();
		if (Key == KEY_EXIT)
			return 0;
		Item = CONTAINING_RECORD(Overlapped, WORK_ITEM, Overlapped);
		Item->Function(Item);
		InterlockedIncrement(&Pool.Ran[Index]);
		if (InterlockedDecrement(&Pool.Pending) == 0)
			SetEvent(Pool.Idle);
	}
}

static BOOL PoolOpen(void)
{
	SYSTEM_INFO Info;
	DWORD i;

	GetSystemInfo(&Info);
	Pool.Count = min(Info.dwNumberOfProcessors * 2, MAXIMUM_WAIT_OBJECTS);
	if (!InitializeCriticalSectionAndSpinCount(&Pool.Lock, 4000))
		return FALSE;
	Pool.Port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	Pool.Idle = CreateEventW(NULL, TRUE, FALSE, NULL);
	if (Pool.Port == NULL || Pool.Idle == NULL)
		return FALSE;
	for (i = 0; i < Pool.Count; i++) {
		Pool.Threads[i] = (HANDLE)_beginthreadex(NULL, 0, PoolThread, UlongToPtr(i),
							 0, NULL);
		if (Pool.Threads[i] == 0)
			return FALSE;
	}
	return TRUE;
}

static VOID CALLBACK AddNumber(PWORK_ITEM Item)
{
	EnterCriticalSection(&Pool.Lock);
	Pool.Sum += Item->Number;
	LeaveCriticalSection(&Pool.Lock);
}

/* Does its part by posting itself again, one less, until nothing is left. */
static VOID CALLBACK CountDown(PWORK_ITEM Item)
{
	AddNumber(Item);
	if (--Item->Number) {
		InterlockedIncrement(&Pool.Pending);
		PostQueuedCompletionStatus(Pool.Port, 0, KEY_WORK, &Item->Overlapped);
	}
}

static BOOL PoolPost(PWORK_ITEM Item, PWORK_FUNCTION Function, DWORD Number)
{
	ZeroMemory(Item, sizeof(*Item));
	Item->Function = Function;
	Item->Number = Number;
	return PostQueuedCompletionStatus(Pool.Port, 0, KEY_WORK, &Item->Overlapped);
}

static void every_item_runs_once(void)
{
	PWORK_ITEM Items = (PWORK_ITEM)HeapAlloc(GetProcessHeap(), 0, ITEMS * sizeof(*Items));
	DWORD i;

	ASSERT(Items != NULL);
	Pool.Sum = 0;
	Pool.Pending = ITEMS;
	ResetEvent(Pool.Idle);
	for (i = 0; i < ITEMS; i++)
		ASSERT(PoolPost(&Items[i], AddNumber, i));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(Pool.Idle, COMES));
	EXPECT_EQ((ULONGLONG)ITEMS * (ITEMS - 1) / 2, Pool.Sum);
	HeapFree(GetProcessHeap(), 0, Items);
}

static void items_post_items(void)
{
	WORK_ITEM Item[4];
	DWORD i;

	Pool.Sum = 0;
	Pool.Pending = 4;
	ResetEvent(Pool.Idle);
	for (i = 0; i < 4; i++)
		ASSERT(PoolPost(&Item[i], CountDown, TURNS));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(Pool.Idle, COMES));
	EXPECT_EQ(4ULL * TURNS * (TURNS + 1) / 2, Pool.Sum);
}

static void one_packet_ends_one_thread(void)
{
	LONG Ran = 0;
	DWORD i, Code;

	for (i = 0; i < Pool.Count; i++)
		EXPECT(PostQueuedCompletionStatus(Pool.Port, 0, KEY_EXIT, NULL));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(Pool.Count, Pool.Threads, TRUE, COMES));
	for (i = 0; i < Pool.Count; i++) {
		EXPECT(GetExitCodeThread(Pool.Threads[i], &Code));
		EXPECT_EQ(0, Code);
		EXPECT(CloseHandle(Pool.Threads[i]));
		Ran += Pool.Ran[i];
	}
	EXPECT_EQ(ITEMS + 4 * TURNS, Ran);
	EXPECT(CloseHandle(Pool.Port));
	EXPECT(CloseHandle(Pool.Idle));
	DeleteCriticalSection(&Pool.Lock);
}

int main(void)
{
	if (!PoolOpen())
		return 2;
	RUN(every_item_runs_once);
	RUN(items_post_items);
	RUN(one_packet_ends_one_thread);
	return tap_end();
}
