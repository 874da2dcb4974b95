// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is there to be named only, so that asio and Boost's asio link: they have calls of
 * these in functions that a program need not come to.  Each fails and says so.
 */
#include <errno.h>
#include <fcntl.h>

#include "internal.h"

static BOOL not_supported(void)
{
	SetLastError(ERROR_NOT_SUPPORTED);
	return FALSE;
}

/**
 * AcceptEx - accept a connection without waiting for it: not there yet
 * @sListenSocket: ignored, as is all else
 * @sAcceptSocket: ignored
 * @lpOutputBuffer: ignored
 * @dwReceiveDataLength: ignored
 * @dwLocalAddressLength: ignored
 * @dwRemoteAddressLength: ignored
 * @lpdwBytesReceived: ignored
 * @lpOverlapped: ignored
 *
 * Return: FALSE, and WSAGetLastError() says WSAEOPNOTSUPP; no packet comes.
 *
 * Windows: "AcceptEx function (mswsock.h)".
 */
BOOL WINAPI AcceptEx(SOCKET sListenSocket, SOCKET sAcceptSocket, PVOID lpOutputBuffer,
		     DWORD dwReceiveDataLength, DWORD dwLocalAddressLength,
		     DWORD dwRemoteAddressLength, LPDWORD lpdwBytesReceived,
		     LPOVERLAPPED lpOverlapped)
{
	(void)sListenSocket;
	(void)sAcceptSocket;
	(void)lpOutputBuffer;
	(void)dwReceiveDataLength;
	(void)dwLocalAddressLength;
	(void)dwRemoteAddressLength;
	(void)lpdwBytesReceived;
	(void)lpOverlapped;
	WSASetLastError(WSAEOPNOTSUPP);
	return FALSE;
}

/**
 * GetAcceptExSockaddrs - where AcceptEx() has put addresses: not there yet
 * @lpOutputBuffer: ignored
 * @dwReceiveDataLength: ignored
 * @dwLocalAddressLength: ignored
 * @dwRemoteAddressLength: ignored
 * @LocalSockaddr: receives NULL
 * @LocalSockaddrLength: receives 0
 * @RemoteSockaddr: receives NULL
 * @RemoteSockaddrLength: receives 0
 *
 * Windows: "GetAcceptExSockaddrs function (mswsock.h)".
 */
void WINAPI GetAcceptExSockaddrs(PVOID lpOutputBuffer, DWORD dwReceiveDataLength,
				 DWORD dwLocalAddressLength, DWORD dwRemoteAddressLength,
				 struct sockaddr **LocalSockaddr,
				 LPINT LocalSockaddrLength,
				 struct sockaddr **RemoteSockaddr,
				 LPINT RemoteSockaddrLength)
{
	(void)lpOutputBuffer;
	(void)dwReceiveDataLength;
	(void)dwLocalAddressLength;
	(void)dwRemoteAddressLength;
	*LocalSockaddr = NULL;
	*LocalSockaddrLength = 0;
	*RemoteSockaddr = NULL;
	*RemoteSockaddrLength = 0;
}

/* Nothing is ever under way, but the handle has to be one. */
static bool is_open(HANDLE handle)
{
	int fd = sockiocp_handle_fd(handle);

	if (fd >= 0 && fcntl(fd, F_GETFD) >= 0)
		return true;
	sockiocp_fail(EBADF);
	return false;
}

/**
 * CancelIo - cancel what this thread has under way at a handle
 * @hFile: a socket, say
 *
 * Return: nonzero: nothing is; FALSE if it fails, and GetLastError() says
 * ERROR_INVALID_HANDLE.
 *
 * Windows: "CancelIo function (ioapiset.h)".
 */
BOOL WINAPI CancelIo(HANDLE hFile)
{
	return is_open(hFile);
}

/**
 * CancelIoEx - cancel what the process has under way at a handle
 * @hFile: a socket, say
 * @lpOverlapped: what, or NULL for all
 *
 * Return: FALSE, and GetLastError() says why:
 *   ERROR_NOT_FOUND		nothing is under way, since there is no overlapped I/O yet
 *   ERROR_INVALID_HANDLE	not a handle
 *
 * Windows: "CancelIoEx function (ioapiset.h)".
 */
BOOL WINAPI CancelIoEx(HANDLE hFile, LPOVERLAPPED lpOverlapped)
{
	(void)lpOverlapped;
	if (is_open(hFile))
		SetLastError(ERROR_NOT_FOUND);
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
