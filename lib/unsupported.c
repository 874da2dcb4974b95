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
