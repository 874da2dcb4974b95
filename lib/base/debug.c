// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What a program says to a debugger, and how it ends when it finds itself broken.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

#ifndef STATUS_FAIL_FAST_EXCEPTION
#define STATUS_FAIL_FAST_EXCEPTION	0xC0000602u
#endif

/**
 * IsDebuggerPresent - is the process traced?
 *
 * Return: nonzero if a debugger is attached, or another program that uses ptrace(2).
 *
 * Windows: "IsDebuggerPresent function (debugapi.h)".
 */
BOOL WINAPI IsDebuggerPresent(void)
{
	static const char key[] = "TracerPid:\t";
	int fd, saved = errno;
	char text[1024];
	const char *at;
	ssize_t n;

	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	errno = saved;
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, key);
	return at && at[sizeof(key) - 1] != '0';
}

/**
 * OutputDebugStringA - say something to the debugger
 * @lpOutputString: the text; it goes to standard error.  Nothing happens if there is no
 *	debugger, as on Windows
 *
 * Windows: "OutputDebugStringA function (debugapi.h)".
 */
void WINAPI OutputDebugStringA(LPCSTR lpOutputString)
{
	int saved = errno;

	if (lpOutputString && IsDebuggerPresent())
		dprintf(STDERR_FILENO, "%s", lpOutputString);
	errno = saved;
}

/**
 * OutputDebugStringW - say something to the debugger
 * @lpOutputString: the text, which becomes UTF-8; see OutputDebugStringA()
 *
 * Windows: "OutputDebugStringW function (debugapi.h)".
 */
void WINAPI OutputDebugStringW(LPCWSTR lpOutputString)
{
	char *text = lpOutputString ? sockiocp_to_utf8(lpOutputString) : NULL;

	OutputDebugStringA(text);
	free(text);
}

/**
 * DebugBreak - stop here, for the debugger
 *
 * It is SIGTRAP, which ends a process that has no debugger and no handler.
 *
 * Windows: "DebugBreak function (debugapi.h)".
 */
void WINAPI DebugBreak(void)
{
	raise(SIGTRAP);
}

/**
 * RaiseFailFastException - end the process at once
 * @pExceptionRecord: why, or NULL; its code is said on standard error
 * @pContextRecord: not used
 * @dwFlags: not used
 *
 * It is SIGABRT, and a handler of that is not called.
 *
 * Windows: "RaiseFailFastException function (errhandlingapi.h)".
 */
void WINAPI RaiseFailFastException(PEXCEPTION_RECORD pExceptionRecord, PCONTEXT pContextRecord,
				   DWORD dwFlags)
{
	const DWORD code = pExceptionRecord ? pExceptionRecord->ExceptionCode :
		STATUS_FAIL_FAST_EXCEPTION;

	(void)pContextRecord;
	(void)dwFlags;
	dprintf(STDERR_FILENO, "fail fast exception 0x%08x\n", (unsigned int)code);
	signal(SIGABRT, SIG_DFL);
	abort();
}

static atomic_uint error_mode;

/**
 * GetErrorMode - what SetErrorMode() has set
 *
 * Return: the mode; 0 at first.
 *
 * Windows: "GetErrorMode function (errhandlingapi.h)".
 */
UINT WINAPI GetErrorMode(void)
{
	return atomic_load(&error_mode);
}

/**
 * SetErrorMode - say which boxes are not wanted
 * @uMode: SEM_ flags, which are only kept: no box is shown anyway
 *
 * Return: the mode before.
 *
 * Windows: "SetErrorMode function (errhandlingapi.h)".
 */
UINT WINAPI SetErrorMode(UINT uMode)
{
	return atomic_exchange(&error_mode, uMode);
}
