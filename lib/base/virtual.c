// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Pages of memory that are reserved, committed, decommitted and released.
 *
 * What is reserved is a mapping without access, at a round address; to commit pages is to
 * give access.  Decommitted pages are mapped anew, so that the next ones are zero.  Which
 * mappings there are stands in a tree, since only these are to be touched.
 */
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base.h"

/* What a process can have: 47 bits. */
#define MOST_BYTES	0x7fffffff0000ULL

/* What these flags ask for is not there. */
#define OTHER_TYPES	(MEM_RESET | MEM_RESET_UNDO | MEM_WRITE_WATCH | MEM_PHYSICAL | MEM_LARGE_PAGES)
#define OTHER_PROTECTIONS	(PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE)

struct region {
	uintptr_t begin, end;
};

/* Protects the tree, and that the mappings are what it says. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *regions;

/* Those that overlap are the same to the tree. */
static int compare(const void *one, const void *other)
{
	const struct region *a = one, *b = other;

	if (a->end <= b->begin)
		return -1;
	return a->begin >= b->end;
}

/* Needs the lock. */
static struct region *find_region(uintptr_t address)
{
	const struct region key = { .begin = address, .end = address + 1 };
	void *node = tfind(&key, &regions, compare);

	return node ? *(struct region **)node : NULL;
}

static uintptr_t page_size(void)
{
	return (uintptr_t)sysconf(_SC_PAGESIZE);
}

/* ---------------------------------------------------------------- a process that was forked */

static void lock_all(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_all(void)
{
	pthread_mutex_unlock(&lock);
}

static void start_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
}

static void prepare(void)
{
	pthread_atfork(lock_all, unlock_all, start_in_child);
}

/* ---------------------------------------------------------------- to get memory */

/* Returns what mprotect(2) is to be given, or -1 for what is none. */
static int access_of(DWORD protection)
{
	switch (protection) {
	case PAGE_NOACCESS:
		return PROT_NONE;
	case PAGE_READONLY:
		return PROT_READ;
	case PAGE_READWRITE:
		return PROT_READ | PROT_WRITE;
	case PAGE_EXECUTE:
		return PROT_EXEC;
	case PAGE_EXECUTE_READ:
		return PROT_EXEC | PROT_READ;
	case PAGE_EXECUTE_READWRITE:
		return PROT_EXEC | PROT_READ | PROT_WRITE;
	default:
		return -1;
	}
}

/* Returns an error of Win32's: 0 if there can be such memory. */
static DWORD check(uintptr_t address, SIZE_T size, DWORD type, DWORD protection)
{
	if (type & ~(MEM_COMMIT | MEM_RESERVE | MEM_TOP_DOWN | OTHER_TYPES) ||
	    access_of(protection & ~OTHER_PROTECTIONS) < 0)
		return ERROR_INVALID_PARAMETER;
	if (type & OTHER_TYPES || protection & OTHER_PROTECTIONS)
		return ERROR_NOT_SUPPORTED;
	if (!(type & (MEM_COMMIT | MEM_RESERVE)) || !size || size > MOST_BYTES ||
	    address > MOST_BYTES - size || (address && address < SOCKIOCP_GRANULARITY))
		return ERROR_INVALID_PARAMETER;
	return 0;
}

/* Maps so many bytes at a round address.  Returns an error of Win32's, 0 for none. */
static DWORD map_anywhere(struct region *region, SIZE_T size)
{
	char *map = mmap(NULL, size + SOCKIOCP_GRANULARITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	SIZE_T before;

	if (map == MAP_FAILED)
		return ERROR_NOT_ENOUGH_MEMORY;
	before = -(uintptr_t)map % SOCKIOCP_GRANULARITY;
	if (before)
		munmap(map, before);
	munmap(map + before + size, SOCKIOCP_GRANULARITY - before);
	region->begin = (uintptr_t)map + before;
	region->end = region->begin + size;
	return 0;
}

/* The same for what @region says. */
static DWORD map_there(const struct region *region)
{
	void *to = (void *)region->begin;
	void *map = mmap(to, region->end - region->begin, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (map == to)
		return 0;
	/* A kernel that does not know the flag. */
	if (map != MAP_FAILED)
		munmap(map, region->end - region->begin);
	return ERROR_INVALID_ADDRESS;
}

/* Needs the lock.  Puts where it is in @address.  Returns an error of Win32's, 0 for none. */
static DWORD reserve(uintptr_t *address, SIZE_T size)
{
	struct region *region = malloc(sizeof(*region));
	uintptr_t page = page_size();
	DWORD error;

	if (!region)
		return ERROR_NOT_ENOUGH_MEMORY;
	if (*address) {
		region->begin = *address & ~(uintptr_t)(SOCKIOCP_GRANULARITY - 1);
		region->end = (*address + size + page - 1) & ~(page - 1);
		error = map_there(region);
	} else {
		error = map_anywhere(region, (size + page - 1) & ~(page - 1));
	}
	if (!error && !tsearch(region, &regions, compare)) {
		munmap((void *)region->begin, region->end - region->begin);
		error = ERROR_NOT_ENOUGH_MEMORY;
	}
	if (error)
		free(region);
	else
		*address = region->begin;
	return error;
}

/* Needs the lock. */
static void release(struct region *region)
{
	munmap((void *)region->begin, region->end - region->begin);
	tdelete(region, &regions, compare);
	free(region);
}

/*
 * Finds the pages with a byte of so many at an address, if they are of one region.  Needs the
 * lock.
 */
static struct region *find_pages(uintptr_t address, SIZE_T size, struct region *pages)
{
	struct region *region = find_region(address);
	uintptr_t page = page_size();

	pages->begin = address & ~(page - 1);
	if (!region || size > region->end - address)
		return NULL;
	pages->end = (address + size + page - 1) & ~(page - 1);
	return region;
}

/* Needs the lock.  Puts where the first page is in @address.  Returns an error of Win32's. */
static DWORD commit(uintptr_t *address, SIZE_T size, int access)
{
	struct region pages;

	if (!find_pages(*address, size, &pages))
		return ERROR_INVALID_ADDRESS;
	if (mprotect((void *)pages.begin, pages.end - pages.begin, access))
		return errno == EACCES ? ERROR_ACCESS_DENIED : ERROR_NOT_ENOUGH_MEMORY;
	*address = pages.begin;
	return 0;
}

/* Takes the lock. */
static DWORD reserve_and_commit(uintptr_t *address, SIZE_T size, DWORD type, int access)
{
	bool reserves = type & MEM_RESERVE || !*address;
	uintptr_t wanted = *address;
	DWORD error = 0;

	pthread_mutex_lock(&lock);
	if (reserves)
		error = reserve(address, size);
	if (reserves && !error && type & MEM_COMMIT) {
		/* Up to where was asked for, from the beginning. */
		error = commit(address, wanted ? wanted - *address + size : size, access);
		if (error)
			release(find_region(*address));
	} else if (!reserves) {
		error = commit(address, size, access);
	}
	pthread_mutex_unlock(&lock);
	return error;
}

/**
 * VirtualAlloc - reserve addresses, or give pages of them memory
 * @lpAddress: where: to reserve, rounded down to dwAllocationGranularity (GetSystemInfo()), or
 *	NULL for anywhere; to commit only, inside one that is reserved
 * @dwSize: how many bytes, of which each page is meant that has one
 * @flAllocationType: MEM_RESERVE, MEM_COMMIT or both; to commit anywhere reserves, too.
 *	MEM_TOP_DOWN changes nothing
 * @flProtect: what can be done with what is committed: PAGE_NOACCESS, PAGE_READONLY,
 *	PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ or PAGE_EXECUTE_READWRITE
 *
 * Committed pages are zero, and stay as they are if they are committed again, but for what can
 * be done with them.  The caller passes the address to VirtualFree().
 *
 * Return: the address of the first page; NULL if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	such a size, address or flag cannot be
 *   ERROR_INVALID_ADDRESS	to reserve: something is there; to commit: it is not reserved
 *   ERROR_NOT_SUPPORTED	pages that are guarded, large, physical, watched, not cached or
 *				reset
 *   ERROR_NOT_ENOUGH_MEMORY	there is not so much
 *   ERROR_ACCESS_DENIED	the system lets nobody execute it
 *
 * Windows: "VirtualAlloc function (memoryapi.h)".
 */
LPVOID WINAPI VirtualAlloc(LPVOID lpAddress, SIZE_T dwSize, DWORD flAllocationType,
			   DWORD flProtect)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uintptr_t address = (uintptr_t)lpAddress;
	DWORD error = check(address, dwSize, flAllocationType, flProtect);

	pthread_once(&once, prepare);
	if (!error)
		error = reserve_and_commit(&address, dwSize, flAllocationType,
					   access_of(flProtect));
	if (!error)
		return (LPVOID)address;
	SetLastError(error);
	return NULL;
}

/* ---------------------------------------------------------------- to give it back */

/* Needs the lock.  Returns an error of Win32's, 0 for none. */
static DWORD decommit(uintptr_t address, SIZE_T size)
{
	struct region *region = find_region(address), pages;

	if (!region)
		return ERROR_INVALID_ADDRESS;
	if (!size) {
		if ((address & ~(page_size() - 1)) != region->begin)
			return ERROR_INVALID_ADDRESS;
		pages = *region;
	} else if (!find_pages(address, size, &pages)) {
		return ERROR_INVALID_PARAMETER;
	}
	if (mmap((void *)pages.begin, pages.end - pages.begin, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return ERROR_NOT_ENOUGH_MEMORY;
	return 0;
}

/* Needs the lock. */
static DWORD release_at(uintptr_t address)
{
	struct region *region = find_region(address);

	if (!region || (address & ~(page_size() - 1)) != region->begin)
		return ERROR_INVALID_ADDRESS;
	release(region);
	return 0;
}

/**
 * VirtualFree - give back memory of VirtualAlloc(), or its addresses
 * @lpAddress: where
 * @dwSize: how many bytes, of which each page is meant that has one; 0: all that was reserved
 *	together, at whose beginning @lpAddress is
 * @dwFreeType: MEM_DECOMMIT: the memory; MEM_RELEASE: the addresses too, with a @dwSize of 0
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	such an address, size or type cannot be, or more is meant than
 *				was reserved together
 *   ERROR_INVALID_ADDRESS	nothing is reserved there, or it does not begin there
 *   ERROR_NOT_ENOUGH_MEMORY	the process has too many mappings
 *
 * Windows: "VirtualFree function (memoryapi.h)".
 */
BOOL WINAPI VirtualFree(LPVOID lpAddress, SIZE_T dwSize, DWORD dwFreeType)
{
	uintptr_t address = (uintptr_t)lpAddress;
	DWORD error = ERROR_INVALID_PARAMETER;

	pthread_mutex_lock(&lock);
	if (lpAddress && dwFreeType == MEM_DECOMMIT)
		error = decommit(address, dwSize);
	else if (lpAddress && dwFreeType == MEM_RELEASE && !dwSize)
		error = release_at(address);
	pthread_mutex_unlock(&lock);
	if (error)
		SetLastError(error);
	return !error;
}
