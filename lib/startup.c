// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The beginning and the end of Winsock's use.
 */
#include <string.h>

#include "internal.h"
#include "overlapped.h"
#include "winsock.h"

/* How many calls of WSAStartup() still await their WSACleanup(). */
static atomic_int startups;

/* Returns whether Winsock is in use; if not, that is the last error. */
bool sockiocp_started(void)
{
	if (atomic_load_explicit(&startups, memory_order_relaxed))
		return true;
	WSASetLastError(WSANOTINITIALISED);
	return false;
}

/**
 * WSAStartup - begin to use Winsock
 * @wVersionRequested: the highest version the caller can use: minor version in
 *	the high byte, major version in the low byte
 * @lpWSAData: receives the version to use, which is at most 2.2
 *
 * May be called more than once.  Functions that need no socket fail with
 * WSANOTINITIALISED without it, but for those that only convert.
 *
 * Return: 0, or an error code (the last error stays what it was):
 *   WSAVERNOTSUPPORTED	a version below 1.0 is requested
 *   WSAEFAULT		@lpWSAData is NULL
 *
 * Windows: "WSAStartup function (winsock2.h)".
 */
int WSAAPI WSAStartup(WORD wVersionRequested, LPWSADATA lpWSAData)
{
	BYTE major = LOBYTE(wVersionRequested);
	BYTE minor = HIBYTE(wVersionRequested);

	if (!lpWSAData)
		return WSAEFAULT;

	memset(lpWSAData, 0, sizeof(*lpWSAData));
	lpWSAData->wHighVersion = WINSOCK_VERSION;
	strcpy(lpWSAData->szDescription, "sockiocp");
	strcpy(lpWSAData->szSystemStatus, "Running");
	if (major < 1) {
		lpWSAData->wVersion = WINSOCK_VERSION;
		return WSAVERNOTSUPPORTED;
	}

	if (major == 1)
		lpWSAData->wVersion = MAKEWORD(1, minor > 1 ? 1 : minor);
	else if (major == 2 && minor < 2)
		lpWSAData->wVersion = wVersionRequested;
	else
		lpWSAData->wVersion = WINSOCK_VERSION;
	/* Version 1's fields: "no limit worth naming". */
	lpWSAData->iMaxSockets = 32767;
	lpWSAData->iMaxUdpDg = 65467;

	atomic_fetch_add(&startups, 1);
	return 0;
}

/**
 * WSACleanup - end one use of Winsock
 *
 * Sockets stay open and usable, also after the last one, which cancels what pends.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says
 * WSANOTINITIALISED: there were fewer calls of WSAStartup().
 *
 * Windows: "WSACleanup function (winsock2.h)".
 */
int WSAAPI WSACleanup(void)
{
	int count = atomic_load(&startups);

	do {
		if (!count) {
			WSASetLastError(WSANOTINITIALISED);
			return SOCKET_ERROR;
		}
	} while (!atomic_compare_exchange_weak(&startups, &count, count - 1));
	if (count == 1)
		sockiocp_cancel_all();
	return 0;
}
