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
 *	first 64 at most), of those that are online; dwPageSize;
 *	dwAllocationGranularity, which VirtualAlloc() rounds addresses to;
 *	wProcessorArchitecture.  The rest is 0.
 *
 * Windows: "GetSystemInfo function (sysinfoapi.h)".
 */
void WINAPI GetSystemInfo(LPSYSTEM_INFO lpSystemInfo)
{
	SYSTEM_INFO info = { .wProcessorArchitecture = ARCHITECTURE };

	info.dwPageSize = (DWORD)sysconf(_SC_PAGESIZE);
	info.dwAllocationGranularity = SOCKIOCP_GRANULARITY;
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

/**
 * GetTickCount - the same, in 32 bits
 *
 * Return: ms since the machine was started, from 0 again after 49.7 days.
 *
 * Windows: "GetTickCount function (sysinfoapi.h)".
 */
DWORD WINAPI GetTickCount(void)
{
	return (DWORD)GetTickCount64();
}

/* The clock of all time-outs. */
unsigned long long sockiocp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long long)ts.tv_sec * NSEC_PER_SEC +
	       (unsigned long long)ts.tv_nsec;
}

/* How long poll(2) may take, in ms, until @end, in ns; -1 is for ever. */
int sockiocp_ms_until(unsigned long long end)
{
	unsigned long long now, ms;

	if (end == ULLONG_MAX)
		return -1;
	now = sockiocp_now_ns();
	if (now >= end)
		return 0;
	ms = (end - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* In units of 100 ns, since 1601. */
unsigned long long sockiocp_file_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((unsigned long long)ts.tv_sec + SOCKIOCP_1601_TO_1970) *
	       SOCKIOCP_UNITS_PER_SEC + (unsigned long long)ts.tv_nsec / NSEC_PER_UNIT;
}

static void to_file_time(LPFILETIME time, unsigned long long units)
{
	time->dwLowDateTime = (DWORD)units;
	time->dwHighDateTime = (DWORD)(units >> 32);
}

/**
 * timeGetTime - for how long the machine has run
 *
 * Return: as GetTickCount().
 *
 * Windows: "timeGetTime function (timeapi.h)".
 */
DWORD WINAPI timeGetTime(void)
{
	return GetTickCount();
}

/* How fine clocks and waits are asked to be, in ms, as on Windows. */
#define COARSEST_PERIOD	65535

/**
 * timeBeginPeriod - ask for a finer clock
 * @uPeriod: how fine, in ms; nothing changes: clocks and waits are as fine as they get
 *
 * Return: TIMERR_NOERROR; TIMERR_NOCANDO of 0 and of more than 65535.
 *
 * Windows: "timeBeginPeriod function (timeapi.h)".
 */
MMRESULT WINAPI timeBeginPeriod(UINT uPeriod)
{
	return uPeriod && uPeriod <= COARSEST_PERIOD ? TIMERR_NOERROR : TIMERR_NOCANDO;
}

/**
 * timeEndPeriod - take that back
 * @uPeriod: what timeBeginPeriod() was given
 *
 * Return: as timeBeginPeriod().
 *
 * Windows: "timeEndPeriod function (timeapi.h)".
 */
MMRESULT WINAPI timeEndPeriod(UINT uPeriod)
{
	return timeBeginPeriod(uPeriod);
}

/**
 * GetSystemTimeAsFileTime - the time of the day
 * @lpSystemTimeAsFileTime: receives it, in units of 100 ns since 1601, UTC
 *
 * Windows: "GetSystemTimeAsFileTime function (sysinfoapi.h)".
 */
void WINAPI GetSystemTimeAsFileTime(LPFILETIME lpSystemTimeAsFileTime)
{
	to_file_time(lpSystemTimeAsFileTime, sockiocp_file_time());
}

/**
 * GetSystemTimePreciseAsFileTime - the same
 * @lpSystemTimeAsFileTime: receives it, as precise as GetSystemTimeAsFileTime()'s
 *
 * Windows: "GetSystemTimePreciseAsFileTime function (sysinfoapi.h)".
 */
void WINAPI GetSystemTimePreciseAsFileTime(LPFILETIME lpSystemTimeAsFileTime)
{
	to_file_time(lpSystemTimeAsFileTime, sockiocp_file_time());
}

/**
 * QueryPerformanceCounter - a clock to measure with
 * @lpPerformanceCount: receives the time of CLOCK_MONOTONIC in units of 100 ns
 *
 * Return: nonzero; FALSE if @lpPerformanceCount is NULL, and GetLastError() says
 * ERROR_NOACCESS.
 *
 * Windows: "QueryPerformanceCounter function (profileapi.h)".
 */
BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER *lpPerformanceCount)
{
	if (!lpPerformanceCount)
		return sockiocp_fail(EFAULT);
	lpPerformanceCount->QuadPart = (LONGLONG)(sockiocp_now_ns() / NSEC_PER_UNIT);
	return TRUE;
}

/**
 * QueryPerformanceFrequency - how often that clock counts in a second
 * @lpFrequency: receives 10,000,000, which is what Windows has and programs multiply with
 *
 * Return: nonzero; FALSE if @lpFrequency is NULL, and GetLastError() says ERROR_NOACCESS.
 *
 * Windows: "QueryPerformanceFrequency function (profileapi.h)".
 */
BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER *lpFrequency)
{
	if (!lpFrequency)
		return sockiocp_fail(EFAULT);
	lpFrequency->QuadPart = SOCKIOCP_UNITS_PER_SEC;
	return TRUE;
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

/*
 * Returns when a point in time is, in ns of CLOCK_MONOTONIC, by the clock as it is @now; one
 * that is negative is from now on.  ULLONG_MAX: never.
 */
unsigned long long sockiocp_due_at(const FILETIME *time, unsigned long long now)
{
	LONGLONG at = (LONGLONG)((ULONGLONG)time->dwHighDateTime << 32 | time->dwLowDateTime);
	LONGLONG clock = (LONGLONG)sockiocp_file_time();
	unsigned long long units;

	if (at < 0)
		units = -(unsigned long long)at;
	else
		units = at > clock ? (unsigned long long)(at - clock) : 0;
	return units < (ULLONG_MAX - now) / NSEC_PER_UNIT ? now + units * NSEC_PER_UNIT :
							    ULLONG_MAX;
}
