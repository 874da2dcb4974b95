// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Socket state notifications: one function, and one system call behind it.
 */
#include <errno.h>

#include <linux/sockiocp.h>

#include "internal.h"

/* The arguments of a call as the kernel has them. */
struct sockiocp_process sockiocp_process_of(UINT32 registration_count,
					    SOCK_NOTIFY_REGISTRATION *registrations, UINT32 ms,
					    ULONG entry_count, OVERLAPPED_ENTRY *entries,
					    UINT32 *received)
{
	return (struct sockiocp_process) {
		.registrations = (uintptr_t)registrations,
		.entries = (uintptr_t)entries,
		.received = (uintptr_t)received,
		.timeout_ns = ms == INFINITE ? SOCKIOCP_INFINITE : ms * NSEC_PER_MSEC,
		.registration_count = registration_count,
		.entry_count = entry_count,
	};
}

/* Returns what a call says of an errno value, which becomes the last error, too. */
DWORD sockiocp_notifications_code(int err)
{
	DWORD code;

	switch (err) {
	case 0:
		code = ERROR_SUCCESS;
		break;
	/* What is wrong with the port, and time, have Win32's numbers ... */
	case EBADF:
	case ENOTTY:
	case ETIME:
	case ESHUTDOWN:
		code = sockiocp_win32_error(err);
		break;
	/* ... and the rest is Winsock's. */
	default:
		code = (DWORD)sockiocp_wsa_error(err);
		break;
	}
	SetLastError(code);
	return code;
}

/**
 * ProcessSocketNotifications - register sockets and take packets in one call
 * @completionPort: a port of CreateIoCompletionPort()
 * @registrationCount: how many elements @registrationInfos has
 * @registrationInfos: what to do, in this order; the caller's own array, in
 *	which the kernel writes each registrationResult.  NULL if and only if
 *	@registrationCount is 0.
 * @timeoutMs: how long to wait for the first packet, in ms of CLOCK_MONOTONIC;
 *	0 does not wait, INFINITE waits for ever.  Must be 0 if @completionCount
 *	is 0.
 * @completionCount: how many elements @completionPortEntries has; with 0 no
 *	packet is taken
 * @completionPortEntries: receives packets: of socket state notifications, for
 *	which SocketNotificationRetrieveEvents() says what happened, and posted
 *	ones.  Must not overlap @registrationInfos; NULL if @completionCount is
 *	0.
 * @receivedEntryCount: receives how many packets there are, 0 after a time-out;
 *	NULL if @completionCount is 0
 *
 * The registrations are applied whether or not a packet is there, and before
 * the wait, which therefore sees what they caused.
 *
 * Return: a code, which becomes the last error too:
 *   ERROR_SUCCESS		look at each registrationResult; there is a
 *				packet if @completionCount is not 0
 *   WAIT_TIMEOUT		look at each registrationResult; no packet came
 *   WSAEINVAL			the arguments contradict each other, or a count
 *				is above the kernel's limit; nothing was changed
 *   WSAEFAULT			a pointer is bad; nothing was changed
 *   ERROR_INVALID_HANDLE	not a completion port; nothing was changed
 *   WSAENOBUFS			no memory; nothing was changed
 *   ERROR_ABANDONED_WAIT_0	the port was closed during the wait, and its
 *				registrations with it
 * A registrationResult is ERROR_SUCCESS, WSAENOTSOCK, WSAEOPNOTSUPP (a kind of
 * socket that cannot be registered), WSAEINVAL (filter, operation or triggers),
 * ERROR_INVALID_PARAMETER (registered with another port), ERROR_NOT_FOUND
 * (nothing to remove), WSAENOBUFS (the user's limit) or
 * ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "ProcessSocketNotifications function (winsock2.h)" and
 * "SOCK_NOTIFY_REGISTRATION structure (winsock2.h)".
 */
DWORD WSAAPI ProcessSocketNotifications(HANDLE completionPort,
					UINT32 registrationCount,
					SOCK_NOTIFY_REGISTRATION *registrationInfos,
					UINT32 timeoutMs,
					ULONG completionCount,
					OVERLAPPED_ENTRY *completionPortEntries,
					UINT32 *receivedEntryCount)
{
	struct sockiocp_process process =
		sockiocp_process_of(registrationCount, registrationInfos, timeoutMs,
				    completionCount, completionPortEntries, receivedEntryCount);

	return sockiocp_notifications_code(sockiocp_process(completionPort, &process));
}
