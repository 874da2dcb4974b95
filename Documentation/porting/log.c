// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
// Lines with the time and the thread.
#include "log.h"
#include <stdarg.h>
#include <stdio.h>
#include <tchar.h>

static CRITICAL_SECTION lock;
static LARGE_INTEGER began, frequency;

void LogOpen(void)
{
	InitializeCriticalSection(&lock);
	QueryPerformanceFrequency(&frequency);
	QueryPerformanceCounter(&began);
}

void LogLine(const TCHAR *format, ...)
{
	LARGE_INTEGER now;
	va_list arguments;

	QueryPerformanceCounter(&now);
	now.QuadPart = (now.QuadPart - began.QuadPart) * 1000 / frequency.QuadPart;
	EnterCriticalSection(&lock);
	_tprintf(_T("%I64d ms [%lu] "), now.QuadPart, GetCurrentThreadId());
	va_start(arguments, format);
	_vtprintf(format, arguments);
	va_end(arguments);
	fflush(stdout);
	LeaveCriticalSection(&lock);
}
