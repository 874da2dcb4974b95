// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * How an overlapped operation has ended, and waiting for that.
 *
 * All is in the OVERLAPPED: nothing else is looked at.
 */
#include <errno.h>

#include <ntstatus.h>

#include "overlapped.h"
#include "winsock.h"

/* How long a wait without an event sleeps before it looks again: more and more. */
#define FIRST_LOOK_NS	NSEC_PER_MSEC
#define LAST_LOOK_NS	(10 * NSEC_PER_MSEC)

/* Whoever sees the state sees the rest. */
static ULONG state_of(const OVERLAPPED *overlapped)
{
	return (ULONG)__atomic_load_n(&overlapped->Internal, __ATOMIC_ACQUIRE);
}

/*
 * Waits until an operation that has no event is over.  The library's thread tells of those
 * whose socket is not associated with a port; others are looked at from time to time.
 * Returns as WaitForSingleObjectEx().
 */
static DWORD wait_for_state(const OVERLAPPED *overlapped, DWORD ms, BOOL alertable)
{
	unsigned long long end = ULLONG_MAX, now, pause = FIRST_LOOK_NS;
	unsigned int seen;

	if (ms != INFINITE)
		end = sockiocp_now_ns() + ms * NSEC_PER_MSEC;
	for (;;) {
		seen = sockiocp_results();
		if (state_of(overlapped) != STATUS_PENDING)
			return WAIT_OBJECT_0;
		now = sockiocp_now_ns();
		if (now >= end)
			return WAIT_TIMEOUT;
		if (pause > end - now)
			pause = end - now;
		if (!alertable)
			sockiocp_wait_result(seen, pause);
		else if (SleepEx((DWORD)(pause / NSEC_PER_MSEC), TRUE) == WAIT_IO_COMPLETION)
			return WAIT_IO_COMPLETION;
		if (pause < LAST_LOOK_NS)
			pause += FIRST_LOOK_NS;
	}
}

static DWORD wait_until_over(const OVERLAPPED *overlapped, DWORD ms, BOOL alertable)
{
	uintptr_t event = (uintptr_t)overlapped->hEvent & ~(uintptr_t)1;

	if (event)
		return WaitForSingleObjectEx((HANDLE)event, ms, alertable);
	return wait_for_state(overlapped, ms, alertable);
}

/*
 * Looks how an operation has ended, and waits for it if it has not.  Returns 0 with its
 * state in @state; otherwise the error of Win32's.
 */
static DWORD get_state(const OVERLAPPED *overlapped, DWORD ms, BOOL alertable, ULONG *state)
{
	*state = state_of(overlapped);
	if (*state != STATUS_PENDING)
		return 0;
	if (!ms)
		return ERROR_IO_INCOMPLETE;
	switch (wait_until_over(overlapped, ms, alertable)) {
	case WAIT_OBJECT_0:
		*state = state_of(overlapped);
		/* Somebody else has set the event: Windows believes it. */
		if (*state == STATUS_PENDING)
			*state = STATUS_SUCCESS;
		return 0;
	case WAIT_TIMEOUT:
		return WAIT_TIMEOUT;
	case WAIT_IO_COMPLETION:
		return WAIT_IO_COMPLETION;
	default:
		return GetLastError();
	}
}

/**
 * GetOverlappedResultEx - how an overlapped operation has ended
 * @hFile: ignored
 * @lpOverlapped: the operation's
 * @lpNumberOfBytesTransferred: receives how many bytes were transferred, also if it has
 *	failed
 * @dwMilliseconds: how long to wait for its end, in ms: for the event in hEvent, which an event
 *	that resets itself is reset by.  0 does not wait, INFINITE waits for ever
 * @bAlertable: whether functions of QueueUserAPC() and completion routines are called, which
 *	end the wait
 *
 * Without an event the end is noticed at once if the socket is not associated with a port, and
 * no thread of the library's was kept from it; otherwise within 10 ms.
 *
 * Return: nonzero if the operation has succeeded; FALSE otherwise, and GetLastError() says
 * why:
 *   ERROR_IO_INCOMPLETE	it has not ended, and @dwMilliseconds is 0
 *   WAIT_TIMEOUT		it did not end in time
 *   WAIT_IO_COMPLETION		functions were called instead
 *   ERROR_INVALID_HANDLE	hEvent cannot be waited for
 * and if it has failed, what GetQueuedCompletionStatus() says of it.
 *
 * Windows: "GetOverlappedResultEx function (ioapiset.h)".
 */
BOOL WINAPI GetOverlappedResultEx(HANDLE hFile, LPOVERLAPPED lpOverlapped,
				  LPDWORD lpNumberOfBytesTransferred, DWORD dwMilliseconds,
				  BOOL bAlertable)
{
	DWORD error;
	ULONG state;

	(void)hFile;
	error = get_state(lpOverlapped, dwMilliseconds, bAlertable, &state);
	if (!error) {
		*lpNumberOfBytesTransferred = (DWORD)lpOverlapped->InternalHigh;
		error = sockiocp_status_error(state);
	}
	if (error)
		SetLastError(error);
	return !error;
}

/**
 * GetOverlappedResult - how an overlapped operation has ended
 * @hFile: ignored
 * @lpOverlapped: as for GetOverlappedResultEx()
 * @lpNumberOfBytesTransferred: likewise
 * @bWait: whether to wait for its end
 *
 * Return: as GetOverlappedResultEx().
 *
 * Windows: "GetOverlappedResult function (ioapiset.h)".
 */
BOOL WINAPI GetOverlappedResult(HANDLE hFile, LPOVERLAPPED lpOverlapped,
				LPDWORD lpNumberOfBytesTransferred, BOOL bWait)
{
	return GetOverlappedResultEx(hFile, lpOverlapped, lpNumberOfBytesTransferred,
				     bWait ? INFINITE : 0, FALSE);
}

/**
 * WSAGetOverlappedResult - how an overlapped operation on a socket has ended
 * @s: a socket
 * @lpOverlapped: the operation's
 * @lpcbTransfer: receives how many bytes were transferred, also if it has failed
 * @fWait: whether to wait for its end, as GetOverlappedResult()
 * @lpdwFlags: receives what a receive returns as flags: MSG_PARTIAL if there was more of the
 *	datagram, else 0
 *
 * Return: nonzero if the operation has succeeded; FALSE otherwise, and WSAGetLastError()
 * says why:
 *   WSAENOTSOCK		@s is no socket
 *   WSAEFAULT			a pointer is NULL
 *   WSA_IO_INCOMPLETE		it has not ended, and @fWait is FALSE
 *   WSA_INVALID_HANDLE		hEvent cannot be waited for
 * and if it has failed
 *   WSA_OPERATION_ABORTED	it was cancelled, or the socket was closed
 *   WSAECONNABORTED		the socket was closed, and was connected
 *   WSAECONNRESET		the peer has reset the connection; a datagram found nobody
 *   WSAEMSGSIZE		there was more of the datagram
 *   WSAECONNREFUSED, WSAETIMEDOUT, WSAENETUNREACH, WSAEHOSTUNREACH, WSAENOTCONN,
 *   WSAESHUTDOWN, WSAEFAULT, WSAENOBUFS
 *
 * Windows: "WSAGetOverlappedResult function (winsock2.h)".
 */
BOOL WSAAPI WSAGetOverlappedResult(SOCKET s, LPWSAOVERLAPPED lpOverlapped,
				   LPDWORD lpcbTransfer, BOOL fWait, LPDWORD lpdwFlags)
{
	DWORD error;
	ULONG state;

	if (!sockiocp_is_socket(sockiocp_socket_fd(s))) {
		sockiocp_wsa_fail(errno);
		return FALSE;
	}
	if (!lpOverlapped || !lpcbTransfer || !lpdwFlags) {
		sockiocp_wsa_fail(EFAULT);
		return FALSE;
	}
	error = get_state(lpOverlapped, fWait ? INFINITE : 0, FALSE, &state);
	if (!error) {
		*lpcbTransfer = (DWORD)lpOverlapped->InternalHigh;
		*lpdwFlags = state == (ULONG)STATUS_BUFFER_OVERFLOW ? MSG_PARTIAL : 0;
		error = (DWORD)sockiocp_status_wsa_error(state);
	}
	if (error)
		SetLastError(error);
	return !error;
}
