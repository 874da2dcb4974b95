// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The machine: its processors, its pages, its clocks.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
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

/* The clock of all time-outs. */
unsigned long long sockiocp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long long)ts.tv_sec * NSEC_PER_SEC +
	       (unsigned long long)ts.tv_nsec;
}

struct timespec sockiocp_timespec(unsigned long long ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};

	return ts;
}

/**
 * Sleep - let time pass
 * @dwMilliseconds: how long, in ms; 0 only lets other threads run, INFINITE
 *	never returns
 *
 * Windows: "Sleep function (synchapi.h)".
 */
void WINAPI Sleep(DWORD dwMilliseconds)
{
	struct timespec until;

	if (!dwMilliseconds) {
		sched_yield();
		return;
	}
	if (dwMilliseconds == INFINITE)
		for (;;)
			pause();

	until = sockiocp_timespec(sockiocp_now_ns() + dwMilliseconds * NSEC_PER_MSEC);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		;
}
