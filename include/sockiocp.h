/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What Windows does not have: overlapped operations in batches.  Everything else is in
 * <winsock2.h>.  A program that is to be compiled for Windows, too, does without this header.
 */
#ifndef _SOCKIOCP_H
#define _SOCKIOCP_H

#include <winsock2.h>
#include <windows.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SOCKIOCP_OPERATION.operation: what WSARecvFrom() and WSASendTo() do with an OVERLAPPED */
#define SOCKIOCP_RECEIVE	0
#define SOCKIOCP_SEND		1

/* How many operations a call takes. */
#define SOCKIOCP_MAX_OPERATIONS	65536

typedef struct SOCKIOCP_OPERATION {
	SOCKET socket;
	/* Its hEvent is an event or NULL; the low bit says that there is no packet. */
	LPWSAOVERLAPPED overlapped;
	/* They may be changed when the call has returned; what they point to may not. */
	LPWSABUF buffers;
	DWORD bufferCount;
	DWORD operation;
	/* From whom or to whom, and how long that is; or NULL.  A receive writes both. */
	struct sockaddr *name;
	INT *nameLength;
	/* MSG_* as for the function; of a receive that is over also those that came. */
	DWORD flags;
	/* Written: how many, if it is over. */
	DWORD bytesTransferred;
	/* Written: 0, WSA_IO_PENDING or the error, as the function says. */
	DWORD operationResult;
	/* 0 */
	DWORD reserved;
} SOCKIOCP_OPERATION;

/*
 * Starts operations, then does what ProcessSocketNotifications() does, in one system call.
 */
DWORD WSAAPI SockiocpProcess(HANDLE completionPort, UINT32 operationCount,
			     SOCKIOCP_OPERATION *operations, UINT32 registrationCount,
			     SOCK_NOTIFY_REGISTRATION *registrationInfos, UINT32 timeoutMs,
			     ULONG completionCount, OVERLAPPED_ENTRY *completionPortEntries,
			     UINT32 *receivedEntryCount);

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_H */
