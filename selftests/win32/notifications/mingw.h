/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* What newer headers of Windows' declare and mingw-w64 10.0 does not; for check-wine only. */
#include <winsock2.h>
#include <windows.h>

#define SOCK_NOTIFY_REGISTER_EVENT_IN		0x01
#define SOCK_NOTIFY_REGISTER_EVENT_OUT		0x02
#define SOCK_NOTIFY_REGISTER_EVENT_HANGUP	0x04
#define SOCK_NOTIFY_EVENT_IN			0x01
#define SOCK_NOTIFY_EVENT_OUT			0x02
#define SOCK_NOTIFY_EVENT_HANGUP		0x04
#define SOCK_NOTIFY_EVENT_ERR			0x40
#define SOCK_NOTIFY_EVENT_REMOVE		0x80
#define SOCK_NOTIFY_OP_NONE			0x00
#define SOCK_NOTIFY_OP_ENABLE			0x01
#define SOCK_NOTIFY_OP_DISABLE			0x02
#define SOCK_NOTIFY_OP_REMOVE			0x04
#define SOCK_NOTIFY_TRIGGER_ONESHOT		0x01
#define SOCK_NOTIFY_TRIGGER_PERSISTENT		0x02
#define SOCK_NOTIFY_TRIGGER_LEVEL		0x04
#define SOCK_NOTIFY_TRIGGER_EDGE		0x08

typedef struct SOCK_NOTIFY_REGISTRATION {
	SOCKET socket;
	PVOID completionKey;
	UINT16 eventFilter;
	UINT8 operation;
	UINT8 triggerFlags;
	DWORD registrationResult;
} SOCK_NOTIFY_REGISTRATION;

DWORD WSAAPI ProcessSocketNotifications(HANDLE completionPort, UINT32 registrationCount,
					SOCK_NOTIFY_REGISTRATION *registrationInfos,
					UINT32 timeoutMs, ULONG completionCount,
					OVERLAPPED_ENTRY *completionPortEntries,
					UINT32 *receivedEntryCount);

static __inline UINT32 SocketNotificationRetrieveEvents(OVERLAPPED_ENTRY *notification)
{
	return notification->dwNumberOfBytesTransferred;
}
