// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The machine: its processors, its pages, and how long it has run.
 */
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#if defined(__x86_64__)
#define ARCHITECTURE	PROCESSOR_ARCHITECTURE_AMD64
#elif defined(__aarch64__)
#define ARCHITECTURE	PROCESSOR_ARCHITECTURE_ARM64
#else
#define ARCHITECTURE	PROCESSOR_ARCHITECTURE_UNKNOWN
#endif

#define MASK_BITS	(sizeof(DWORD_PTR) * CHAR_BIT)

/**
 * GetSystemInfo - how many processors there are, and how large a page is
 * @lpSystemInfo: receives dwNumberOfProcessors and dwActiveProcessorMask (the
 *	first 64 at most), of those that are online; dwPageSize, which is
 *	dwAllocationGranularity too; wProcessorArchitecture.  The rest is 0.
 *
 * Windows: "GetSystemInfo function (sysinfoapi.h)".
 */
void WINAPI GetSystemInfo(LPSYSTEM_INFO lpSystemInfo)
{
	SYSTEM_INFO info = { .wProcessorArchitecture = ARCHITECTURE };

	info.dwPageSize = (DWORD)sysconf(_SC_PAGESIZE);
	info.dwAllocationGranularity = info.dwPageSize;
	info.dwNumberOfProcessors = (DWORD)sysconf(_SC_NPROCESSORS_ONLN);
	info.dwActiveProcessorMask = info.dwNumberOfProcessors < MASK_BITS ?
		((DWORD_PTR)1 << info.dwNumberOfProcessors) - 1 : ~(DWORD_PTR)0;
	*lpSystemInfo = info;
}

/**
 * GetTickCount64 - for how long the machine has run
 *
 * Return: ms since it was started, those in which it slept included.
 *
 * Windows: "GetTickCount64 function (sysinfoapi.h)".
 */
ULONGLONG WINAPI GetTickCount64(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (ULONGLONG)ts.tv_sec * MSEC_PER_SEC +
	       (ULONGLONG)ts.tv_nsec / NSEC_PER_MSEC;
}
