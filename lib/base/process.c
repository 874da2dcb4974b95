// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The process itself, and the processors it runs on.
 */
#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"

/**
 * GetCurrentProcess - a handle that means the process that uses it
 *
 * It need not be closed, and cannot be waited for.
 *
 * Windows: "GetCurrentProcess function (processthreadsapi.h)".
 */
HANDLE WINAPI GetCurrentProcess(void)
{
	return (HANDLE)(LONG_PTR)-1;
}

/**
 * GetCurrentProcessId - the number of the process
 *
 * Return: the number that ps(1) and kill(1) have.
 *
 * Windows: "GetCurrentProcessId function (processthreadsapi.h)".
 */
DWORD WINAPI GetCurrentProcessId(void)
{
	return (DWORD)getpid();
}

/**
 * GetCurrentProcessorNumber - the processor that runs this thread
 *
 * Return: its number, from 0 on; the thread may be elsewhere by now.
 *
 * Windows: "GetCurrentProcessorNumber function (processthreadsapi.h)".
 */
DWORD WINAPI GetCurrentProcessorNumber(void)
{
	int processor = sched_getcpu();

	return processor < 0 ? 0 : (DWORD)processor;
}

static long switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nvcsw + usage.ru_nivcsw;
}

/**
 * SwitchToThread - let another thread run
 *
 * Return: nonzero if another one has run on this processor; FALSE if none wanted to.
 *
 * Windows: "SwitchToThread function (processthreadsapi.h)".
 */
BOOL WINAPI SwitchToThread(void)
{
	long before = switches();

	sched_yield();
	return switches() != before;
}
