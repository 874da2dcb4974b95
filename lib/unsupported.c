// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is there to be named only, so that asio and Boost's asio link: they have calls of
 * these in functions that a program need not come to.  Each fails and says so.
 */
#include <errno.h>

#include "internal.h"

static BOOL not_supported(void)
{
	SetLastError(ERROR_NOT_SUPPORTED);
	return FALSE;
}

/**
 * CreateMutexA - make a mutex: not there yet
 * @lpMutexAttributes: ignored, as is all else
 * @bInitialOwner: ignored
 * @lpName: ignored
 *
 * Critical sections and SRW locks are there.
 *
 * Return: NULL, and GetLastError() says ERROR_NOT_SUPPORTED.
 *
 * Windows: "CreateMutexA function (synchapi.h)".
 */
HANDLE WINAPI CreateMutexA(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
			   LPCSTR lpName)
{
	(void)lpMutexAttributes;
	(void)bInitialOwner;
	(void)lpName;
	not_supported();
	return NULL;
}

/**
 * CreateMutexW - make a mutex: not there yet
 * @lpMutexAttributes: ignored, as is all else
 * @bInitialOwner: ignored
 * @lpName: ignored
 *
 * Return: as CreateMutexA().
 *
 * Windows: "CreateMutexW function (synchapi.h)".
 */
HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
			   LPCWSTR lpName)
{
	(void)lpMutexAttributes;
	(void)bInitialOwner;
	(void)lpName;
	not_supported();
	return NULL;
}

/**
 * ReleaseMutex - give a mutex back: not there yet
 * @hMutex: ignored
 *
 * Return: FALSE, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "ReleaseMutex function (synchapi.h)".
 */
BOOL WINAPI ReleaseMutex(HANDLE hMutex)
{
	(void)hMutex;
	return sockiocp_fail(EBADF);
}

/**
 * TerminateThread - stop a thread wherever it is: not there yet
 * @hThread: ignored
 * @dwExitCode: ignored
 *
 * It would leave its locks held.  Ask it to end, with an APC or a packet.
 *
 * Return: FALSE, and GetLastError() says ERROR_NOT_SUPPORTED.
 *
 * Windows: "TerminateThread function (processthreadsapi.h)".
 */
BOOL WINAPI TerminateThread(HANDLE hThread, DWORD dwExitCode)
{
	(void)hThread;
	(void)dwExitCode;
	return not_supported();
}
