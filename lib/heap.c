// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Heaps, on malloc(3).  What is in front of a block says how long it is, for HeapSize()
 * says what was asked for, and HeapReAlloc() sets what is new to 0; and which heap it is
 * of, as HeapDestroy() frees what a heap has left.  The heap of the process has no list
 * of its blocks and needs no lock.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct heap {
	struct heap *next;
	/* How much it may have, or 0; and has. */
	size_t limit, used;
	struct block *blocks;
};

struct block {
	struct block *next, **link;
	size_t size;
	/* As Windows aligns them, and malloc(3). */
	alignas(16) unsigned char memory[];
};

/* Their addresses are the handles, which are no descriptors. */
static struct heap process_heap;
/* The others, and all of theirs, are the lock's. */
static struct heap *heaps;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct block *block_of(const void *memory)
{
	return (struct block *)((uintptr_t)memory - sizeof(struct block));
}

/* Returns the heap, with the lock held if it is not that of the process; or NULL. */
static struct heap *get_heap(HANDLE handle)
{
	struct heap *heap;

	if (handle == &process_heap)
		return &process_heap;
	pthread_mutex_lock(&lock);
	for (heap = heaps; heap; heap = heap->next)
		if (heap == handle)
			return heap;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void put_heap(struct heap *heap)
{
	if (heap != &process_heap)
		pthread_mutex_unlock(&lock);
}

static void add_block(struct heap *heap, struct block *block)
{
	if (heap == &process_heap)
		return;
	heap->used += block->size;
	block->link = &heap->blocks;
	block->next = heap->blocks;
	if (block->next)
		block->next->link = &block->next;
	heap->blocks = block;
}

static void take_block(struct heap *heap, struct block *block)
{
	if (heap == &process_heap)
		return;
	heap->used -= block->size;
	*block->link = block->next;
	if (block->next)
		block->next->link = block->link;
}

/* Whether a block of @size fits, and how large it is in all. */
static bool fits(const struct heap *heap, size_t size, size_t *all)
{
	if (__builtin_add_overflow(sizeof(struct block), size, all))
		return false;
	return !heap->limit || size <= heap->limit - heap->used;
}

/**
 * HeapCreate - make a heap
 * @flOptions: HEAP_NO_SERIALIZE, HEAP_GENERATE_EXCEPTIONS and HEAP_CREATE_ENABLE_EXECUTE
 *	are ignored: a lock is taken always, and there are no exceptions
 * @dwInitialSize: ignored: memory is taken when it is needed
 * @dwMaximumSize: how much it may have, rounded up to pages; 0 for no limit.  One block
 *	may have all of it, where Windows has a limit of 1 MiB
 *
 * Return: the heap, for HeapDestroy(); NULL if there is no memory, and GetLastError() says
 * ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "HeapCreate function (heapapi.h)".
 */
HANDLE WINAPI HeapCreate(DWORD flOptions, SIZE_T dwInitialSize, SIZE_T dwMaximumSize)
{
	const size_t page = 4096;
	struct heap *heap;

	(void)flOptions;
	(void)dwInitialSize;
	heap = calloc(1, sizeof(*heap));
	if (!heap) {
		SetLastError(ERROR_NOT_ENOUGH_MEMORY);
		return NULL;
	}
	heap->limit = dwMaximumSize > SIZE_MAX - page ? dwMaximumSize :
		(dwMaximumSize + page - 1) / page * page;
	pthread_mutex_lock(&lock);
	heap->next = heaps;
	heaps = heap;
	pthread_mutex_unlock(&lock);
	return heap;
}

/**
 * HeapDestroy - end a heap
 * @hHeap: the heap, from HeapCreate(); all of its memory is freed
 *
 * Return: nonzero; FALSE for what is none or the heap of the process, and GetLastError()
 * says ERROR_INVALID_HANDLE.
 *
 * Windows: "HeapDestroy function (heapapi.h)".
 */
BOOL WINAPI HeapDestroy(HANDLE hHeap)
{
	struct heap *heap = get_heap(hHeap), **link;
	struct block *block;

	if (!heap || heap == &process_heap)
		return sockiocp_fail(EBADF);
	for (link = &heaps; *link != heap; )
		link = &(*link)->next;
	*link = heap->next;
	put_heap(heap);
	while ((block = heap->blocks)) {
		heap->blocks = block->next;
		free(block);
	}
	free(heap);
	return TRUE;
}

/**
 * GetProcessHeap - the heap of the process
 *
 * Return: its handle, which is not to be closed.
 *
 * Windows: "GetProcessHeap function (heapapi.h)".
 */
HANDLE WINAPI GetProcessHeap(void)
{
	return &process_heap;
}

/**
 * HeapAlloc - allocate memory
 * @hHeap: GetProcessHeap(), or from HeapCreate()
 * @dwFlags: HEAP_ZERO_MEMORY; others are ignored, as there are no exceptions
 * @dwBytes: how much; may be 0
 *
 * Return: the memory, for HeapFree(); NULL if there is none, or for another heap.  The last
 * error stays as it is.
 *
 * Windows: "HeapAlloc function (heapapi.h)".
 */
LPVOID WINAPI HeapAlloc(HANDLE hHeap, DWORD dwFlags, SIZE_T dwBytes)
{
	struct heap *heap = get_heap(hHeap);
	struct block *block = NULL;
	size_t all;

	if (!heap)
		return NULL;
	if (fits(heap, dwBytes, &all))
		block = dwFlags & HEAP_ZERO_MEMORY ? calloc(1, all) : malloc(all);
	if (block) {
		block->size = dwBytes;
		add_block(heap, block);
	}
	put_heap(heap);
	return block ? block->memory : NULL;
}

/**
 * HeapReAlloc - make memory larger or smaller
 * @hHeap: GetProcessHeap(), or from HeapCreate()
 * @dwFlags: HEAP_ZERO_MEMORY for what is new, HEAP_REALLOC_IN_PLACE_ONLY, both, or 0
 * @lpMem: the memory, from HeapAlloc() or HeapReAlloc()
 * @dwBytes: how large it is to be
 *
 * Return: the memory, which may have moved; NULL if that cannot be, and @lpMem is as it was.
 * The last error stays as it is.
 *
 * Windows: "HeapReAlloc function (heapapi.h)".
 */
LPVOID WINAPI HeapReAlloc(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem, SIZE_T dwBytes)
{
	struct heap *heap = lpMem ? get_heap(hHeap) : NULL;
	struct block *block, *other;
	size_t all, old;

	if (!heap)
		return NULL;
	other = block = block_of(lpMem);
	old = block->size;
	take_block(heap, block);
	if (!fits(heap, dwBytes, &all))
		other = NULL;
	else if (!(dwFlags & HEAP_REALLOC_IN_PLACE_ONLY))
		other = realloc(block, all);
	else if (all > malloc_usable_size(block))
		other = NULL;
	if (other) {
		if ((dwFlags & HEAP_ZERO_MEMORY) && dwBytes > old)
			memset(other->memory + old, 0, dwBytes - old);
		other->size = dwBytes;
	}
	add_block(heap, other ? other : block);
	put_heap(heap);
	return other ? other->memory : NULL;
}

/**
 * HeapFree - free memory
 * @hHeap: GetProcessHeap(), or from HeapCreate()
 * @dwFlags: ignored
 * @lpMem: the memory, or NULL
 *
 * Return: nonzero; FALSE for another heap, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "HeapFree function (heapapi.h)".
 */
BOOL WINAPI HeapFree(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem)
{
	struct heap *heap = get_heap(hHeap);

	(void)dwFlags;
	if (!heap)
		return sockiocp_fail(EBADF);
	if (lpMem) {
		take_block(heap, block_of(lpMem));
		free(block_of(lpMem));
	}
	put_heap(heap);
	return TRUE;
}

/**
 * HeapSize - how much was asked for
 * @hHeap: GetProcessHeap(), or from HeapCreate()
 * @dwFlags: ignored
 * @lpMem: the memory
 *
 * Return: the size in bytes; (SIZE_T)-1 for another heap or NULL.
 *
 * Windows: "HeapSize function (heapapi.h)".
 */
SIZE_T WINAPI HeapSize(HANDLE hHeap, DWORD dwFlags, LPCVOID lpMem)
{
	struct heap *heap = lpMem ? get_heap(hHeap) : NULL;
	SIZE_T size = (SIZE_T)-1;

	(void)dwFlags;
	if (heap) {
		size = block_of(lpMem)->size;
		put_heap(heap);
	}
	return size;
}

/* --------------------------------------------------- global and local memory */

static HGLOBAL allocate(UINT flags, SIZE_T size)
{
	void *memory;

	/* GMEM_ZEROINIT is LMEM_ZEROINIT. */
	memory = HeapAlloc(&process_heap, flags & GMEM_ZEROINIT ? HEAP_ZERO_MEMORY : 0, size);
	if (!memory)
		SetLastError(ERROR_NOT_ENOUGH_MEMORY);
	return memory;
}

static HGLOBAL reallocate(HGLOBAL memory, SIZE_T size, UINT flags)
{
	/* It changes what kind of memory it is, and here is one kind only. */
	if (memory && (flags & GMEM_MODIFY))
		return memory;
	memory = HeapReAlloc(&process_heap, flags & GMEM_ZEROINIT ? HEAP_ZERO_MEMORY : 0,
			     memory, size);
	if (!memory)
		SetLastError(ERROR_NOT_ENOUGH_MEMORY);
	return memory;
}

static BOOL unlock(void)
{
	SetLastError(ERROR_SUCCESS);
	return FALSE;
}

/**
 * GlobalAlloc - allocate memory
 * @uFlags: GMEM_ZEROINIT, or 0.  Memory that is GMEM_MOVEABLE does not move here, and its
 *	handle is its address
 * @dwBytes: how much; may be 0
 *
 * It is of the heap of the process: HeapFree() frees it, too.
 *
 * Return: the memory, for GlobalFree(); NULL if there is none, and GetLastError() says
 * ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "GlobalAlloc function (winbase.h)".
 */
HGLOBAL WINAPI GlobalAlloc(UINT uFlags, SIZE_T dwBytes)
{
	return allocate(uFlags, dwBytes);
}

/**
 * GlobalReAlloc - make memory larger or smaller
 * @hMem: the memory
 * @dwBytes: how large it is to be
 * @uFlags: GMEM_ZEROINIT for what is new; GMEM_MODIFY: it stays as it is
 *
 * Return: the memory, which may have moved, with GMEM_MOVEABLE or without; NULL if that cannot
 * be, and GetLastError() says ERROR_NOT_ENOUGH_MEMORY: @hMem is as it was.
 *
 * Windows: "GlobalReAlloc function (winbase.h)".
 */
HGLOBAL WINAPI GlobalReAlloc(HGLOBAL hMem, SIZE_T dwBytes, UINT uFlags)
{
	return reallocate(hMem, dwBytes, uFlags);
}

/**
 * GlobalFree - free memory
 * @hMem: the memory, or NULL
 *
 * Return: NULL.
 *
 * Windows: "GlobalFree function (winbase.h)".
 */
HGLOBAL WINAPI GlobalFree(HGLOBAL hMem)
{
	HeapFree(&process_heap, 0, hMem);
	return NULL;
}

/**
 * GlobalSize - how much was asked for
 * @hMem: the memory
 *
 * Return: the size in bytes; 0 for NULL.
 *
 * Windows: "GlobalSize function (winbase.h)".
 */
SIZE_T WINAPI GlobalSize(HGLOBAL hMem)
{
	return hMem ? HeapSize(&process_heap, 0, hMem) : 0;
}

/**
 * GlobalLock - the address of memory
 * @hMem: the memory, which does not move anyway
 *
 * Return: its address.
 *
 * Windows: "GlobalLock function (winbase.h)".
 */
LPVOID WINAPI GlobalLock(HGLOBAL hMem)
{
	return hMem;
}

/**
 * GlobalUnlock - say that memory may move
 * @hMem: the memory, which does not
 *
 * Return: FALSE, and GetLastError() says 0: it is not locked.
 *
 * Windows: "GlobalUnlock function (winbase.h)".
 */
BOOL WINAPI GlobalUnlock(HGLOBAL hMem)
{
	(void)hMem;
	return unlock();
}

/**
 * LocalAlloc - allocate memory
 * @uFlags: as for GlobalAlloc(), with LMEM_ for GMEM_
 * @uBytes: how much; may be 0
 *
 * Return: as GlobalAlloc(); the memory is for LocalFree().
 *
 * Windows: "LocalAlloc function (winbase.h)".
 */
HLOCAL WINAPI LocalAlloc(UINT uFlags, SIZE_T uBytes)
{
	return allocate(uFlags, uBytes);
}

/**
 * LocalReAlloc - make memory larger or smaller
 * @hMem: the memory
 * @uBytes: how large it is to be
 * @uFlags: as for GlobalReAlloc()
 *
 * Return: as GlobalReAlloc().
 *
 * Windows: "LocalReAlloc function (winbase.h)".
 */
HLOCAL WINAPI LocalReAlloc(HLOCAL hMem, SIZE_T uBytes, UINT uFlags)
{
	return reallocate(hMem, uBytes, uFlags);
}

/**
 * LocalFree - free memory
 * @hMem: memory of LocalAlloc(), a buffer of FormatMessageA() or FormatMessageW(), or NULL
 *
 * Return: NULL.
 *
 * Windows: "LocalFree function (winbase.h)".
 */
HLOCAL WINAPI LocalFree(HLOCAL hMem)
{
	return GlobalFree(hMem);
}

/**
 * LocalSize - how much was asked for
 * @hMem: the memory
 *
 * Return: as GlobalSize().
 *
 * Windows: "LocalSize function (winbase.h)".
 */
SIZE_T WINAPI LocalSize(HLOCAL hMem)
{
	return GlobalSize(hMem);
}

/**
 * LocalLock - the address of memory
 * @hMem: the memory, which does not move anyway
 *
 * Return: its address.
 *
 * Windows: "LocalLock function (winbase.h)".
 */
LPVOID WINAPI LocalLock(HLOCAL hMem)
{
	return hMem;
}

/**
 * LocalUnlock - say that memory may move
 * @hMem: the memory, which does not
 *
 * Return: as GlobalUnlock().
 *
 * Windows: "LocalUnlock function (winbase.h)".
 */
BOOL WINAPI LocalUnlock(HLOCAL hMem)
{
	(void)hMem;
	return unlock();
}
