// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Singly linked lists that threads share.
 *
 * Whoever takes the first entry of a list without a lock reads where it points to, and may
 * do so after another thread has taken it and freed its memory.  Windows' kernel knows
 * of that, and mends the fault; nobody does here.  So a list has a lock, for the length of
 * two or three instructions: a futex in its first word.  With it an entry that comes back
 * to the list meanwhile (ABA) does no harm either.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define UNLOCKED	0u
#define LOCKED		1u
/* Somebody sleeps, or may sleep. */
#define AWAITED		2u

/* How often to look at the lock before sleeping. */
#define SPINS		100

/* What an SLIST_HEADER holds; all of it 0 is an empty list. */
struct list {
	atomic_uint lock;
	_Atomic(USHORT) depth;
	PSLIST_ENTRY first;
};

_Static_assert(sizeof(struct list) == sizeof(SLIST_HEADER), "struct list");

static struct list *list_of(PSLIST_HEADER head)
{
	return (struct list *)(void *)head;
}

static bool try_to_lock(struct list *list)
{
	unsigned int expected = UNLOCKED;

	return atomic_compare_exchange_weak_explicit(&list->lock, &expected, LOCKED,
						     memory_order_acquire,
						     memory_order_relaxed);
}

static void lock(struct list *list)
{
	int i;

	for (i = 0; i < SPINS; i++) {
		if (try_to_lock(list))
			return;
		YieldProcessor();
	}
	while (atomic_exchange(&list->lock, AWAITED) != UNLOCKED)
		syscall(SYS_futex, &list->lock, FUTEX_WAIT_PRIVATE, AWAITED, NULL, NULL, 0);
}

static void unlock(struct list *list)
{
	if (atomic_exchange_explicit(&list->lock, UNLOCKED, memory_order_release) == AWAITED)
		syscall(SYS_futex, &list->lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Needs the lock. */
static void add_to_depth(struct list *list, ULONG count)
{
	USHORT depth = atomic_load_explicit(&list->depth, memory_order_relaxed);

	atomic_store_explicit(&list->depth, (USHORT)(depth + count), memory_order_relaxed);
}

/**
 * InitializeSListHead - make an empty list
 * @ListHead: what nobody uses yet
 *
 * Windows: "InitializeSListHead function (interlockedapi.h)".
 */
void WINAPI InitializeSListHead(PSLIST_HEADER ListHead)
{
	struct list *list = list_of(ListHead);

	atomic_init(&list->lock, UNLOCKED);
	atomic_init(&list->depth, 0);
	list->first = NULL;
}

/**
 * InterlockedPushListSListEx - put several entries in front of a list
 * @ListHead: the list
 * @List: the first of them; each points to the next one
 * @ListEnd: the last of them
 * @Count: how many there are
 *
 * Return: what was the first entry; NULL if the list was empty.
 *
 * Windows: "InterlockedPushListSListEx function (interlockedapi.h)".
 */
PSLIST_ENTRY WINAPI InterlockedPushListSListEx(PSLIST_HEADER ListHead, PSLIST_ENTRY List,
					       PSLIST_ENTRY ListEnd, ULONG Count)
{
	struct list *list = list_of(ListHead);
	PSLIST_ENTRY first;

	lock(list);
	first = list->first;
	ListEnd->Next = first;
	list->first = List;
	add_to_depth(list, Count);
	unlock(list);
	return first;
}

/**
 * InterlockedPushEntrySList - put an entry in front of a list
 * @ListHead: the list
 * @ListEntry: the entry, which the program embeds in what it lists
 *
 * Return: what was the first entry; NULL if the list was empty.
 *
 * Windows: "InterlockedPushEntrySList function (interlockedapi.h)".
 */
PSLIST_ENTRY WINAPI InterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
	return InterlockedPushListSListEx(ListHead, ListEntry, ListEntry, 1);
}

/**
 * InterlockedPopEntrySList - take the first entry of a list
 * @ListHead: the list
 *
 * Its memory is the caller's, who may free it at once.
 *
 * Return: the entry; NULL if there is none.
 *
 * Windows: "InterlockedPopEntrySList function (interlockedapi.h)".
 */
PSLIST_ENTRY WINAPI InterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
	struct list *list = list_of(ListHead);
	PSLIST_ENTRY first;

	lock(list);
	first = list->first;
	if (first) {
		list->first = first->Next;
		add_to_depth(list, (ULONG)-1);
	}
	unlock(list);
	return first;
}

/**
 * InterlockedFlushSList - take all entries of a list
 * @ListHead: the list, which is empty then
 *
 * Return: the first entry, which points to the next one; NULL if there is none.
 *
 * Windows: "InterlockedFlushSList function (interlockedapi.h)".
 */
PSLIST_ENTRY WINAPI InterlockedFlushSList(PSLIST_HEADER ListHead)
{
	struct list *list = list_of(ListHead);
	PSLIST_ENTRY first;

	lock(list);
	first = list->first;
	list->first = NULL;
	atomic_store_explicit(&list->depth, 0, memory_order_relaxed);
	unlock(list);
	return first;
}

/**
 * QueryDepthSList - how many entries a list has
 * @ListHead: the list, which others may change meanwhile
 *
 * Return: how many, modulo 65536.
 *
 * Windows: "QueryDepthSList function (interlockedapi.h)".
 */
USHORT WINAPI QueryDepthSList(PSLIST_HEADER ListHead)
{
	return atomic_load_explicit(&list_of(ListHead)->depth, memory_order_relaxed);
}

/**
 * RtlFirstEntrySList - the first entry of a list, which stays there
 * @ListHead: the list, from which others should not take entries meanwhile
 *
 * Return: the entry; NULL if there is none.
 *
 * Windows: "RtlFirstEntrySList function (winnt.h)".
 */
PSLIST_ENTRY NTAPI RtlFirstEntrySList(const SLIST_HEADER *ListHead)
{
	return __atomic_load_n(&((const struct list *)(const void *)ListHead)->first,
			       __ATOMIC_ACQUIRE);
}
