// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Memory at an address that is a multiple of some power of 2, as Microsoft's C library
 * gives it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

void *__cdecl _aligned_malloc(size_t size, size_t alignment)
{
	void *memory;
	int err;

	if (!size || !alignment || (alignment & (alignment - 1))) {
		sockiocp_invalid(EINVAL);
		return NULL;
	}
	err = posix_memalign(&memory, alignment < sizeof(memory) ? sizeof(memory) : alignment,
			     size);
	if (!err)
		return memory;
	errno = err;
	return NULL;
}

void __cdecl _aligned_free(void *memory)
{
	free(memory);
}

void *__cdecl _aligned_realloc(void *memory, size_t size, size_t alignment)
{
	size_t old;
	void *other;

	if (memory && !size) {
		free(memory);
		return NULL;
	}
	other = _aligned_malloc(size, alignment);
	if (memory && other) {
		old = malloc_usable_size(memory);
		memcpy(other, memory, old < size ? old : size);
		free(memory);
	}
	return other;
}
