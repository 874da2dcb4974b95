// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The heap of the process, on malloc(3).  What is in front of a block says how long it is,
 * for HeapSize() says what was asked for, and HeapReAlloc() sets what is new to 0.
 */
#include <errno.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct block {
	size_t size;
	/* As Windows aligns them, and malloc(3). */
	alignas(16) unsigned char memory[];
};

/* Its address is the heap's handle, which is no descriptor. */
static char process_heap;

static struct block *block_of(const void *memory)
{
	return (struct block *)((uintptr_t)memory - sizeof(struct block));
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
 * @hHeap: GetProcessHeap()
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
	struct block *block;
	size_t size;

	if (hHeap != &process_heap || __builtin_add_overflow(sizeof(*block), dwBytes, &size))
		return NULL;
	block = dwFlags & HEAP_ZERO_MEMORY ? calloc(1, size) : malloc(size);
	if (!block)
		return NULL;
	block->size = dwBytes;
	return block->memory;
}

/**
 * HeapReAlloc - make memory larger or smaller
 * @hHeap: GetProcessHeap()
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
	struct block *block;
	size_t size;

	if (hHeap != &process_heap || !lpMem ||
	    __builtin_add_overflow(sizeof(*block), dwBytes, &size))
		return NULL;
	block = block_of(lpMem);
	if (!(dwFlags & HEAP_REALLOC_IN_PLACE_ONLY))
		block = realloc(block, size);
	else if (size > malloc_usable_size(block))
		return NULL;
	if (!block)
		return NULL;
	if ((dwFlags & HEAP_ZERO_MEMORY) && dwBytes > block->size)
		memset(block->memory + block->size, 0, dwBytes - block->size);
	block->size = dwBytes;
	return block->memory;
}

/**
 * HeapFree - free memory
 * @hHeap: GetProcessHeap()
 * @dwFlags: ignored
 * @lpMem: the memory, or NULL
 *
 * Return: nonzero; FALSE for another heap, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "HeapFree function (heapapi.h)".
 */
BOOL WINAPI HeapFree(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem)
{
	(void)dwFlags;
	if (hHeap != &process_heap)
		return sockiocp_fail(EBADF);
	if (lpMem)
		free(block_of(lpMem));
	return TRUE;
}

/**
 * HeapSize - how much was asked for
 * @hHeap: GetProcessHeap()
 * @dwFlags: ignored
 * @lpMem: the memory
 *
 * Return: the size in bytes; (SIZE_T)-1 for another heap or NULL.
 *
 * Windows: "HeapSize function (heapapi.h)".
 */
SIZE_T WINAPI HeapSize(HANDLE hHeap, DWORD dwFlags, LPCVOID lpMem)
{
	(void)dwFlags;
	if (hHeap != &process_heap || !lpMem)
		return (SIZE_T)-1;
	return block_of(lpMem)->size;
}
