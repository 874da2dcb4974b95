// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What Microsoft's samples of socket notifications are made of beside sockets: wprintf_s(),
 * _ASSERT(), RaiseFailFastException().
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <crtdbg.h>
#include <stdio.h>

#define PROGRAM "samples"
#include "tap.h"

static HANDLE port;

static SOCK_NOTIFY_REGISTRATION registration_of(SOCKET s)
{
	SOCK_NOTIFY_REGISTRATION registration = { 0 };

	_ASSERT(s != INVALID_SOCKET);
	registration.completionKey = (PVOID)s;
	registration.eventFilter = SOCK_NOTIFY_REGISTER_EVENT_OUT | SOCK_NOTIFY_REGISTER_EVENT_IN;
	registration.operation = SOCK_NOTIFY_OP_ENABLE;
	registration.socket = s;
	registration.triggerFlags = SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_PERSISTENT;
	return registration;
}

/* What cannot be is the end of the program. */
static void must_be(BOOL so)
{
	if (!so)
		RaiseFailFastException(NULL, NULL, 0);
}

static void udp_socket_is_writable(void)
{
	SOCKET s = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_OVERLAPPED);
	SOCK_NOTIFY_REGISTRATION registration = registration_of(s);
	OVERLAPPED_ENTRY notification;
	UINT32 count = 0, events;
	DWORD error;

	error = ProcessSocketNotifications(port, 1, &registration, COMES, 1, &notification,
					   &count);
	must_be(error == ERROR_SUCCESS && registration.registrationResult == ERROR_SUCCESS);
	EXPECT_EQ(1, count);
	EXPECT_EQ(s, notification.lpCompletionKey);
	events = SocketNotificationRetrieveEvents(&notification);
	EXPECT_EQ(SOCK_NOTIFY_EVENT_OUT, events);
	EXPECT_EQ(0, closesocket(s));
}

static void wide_text_is_printed(void)
{
	EXPECT_EQ(20, wprintf_s(L"# %s: %d of %hs\n", L"wide", 1, "narrow"));
}

int main(void)
{
	WSADATA data;

	must_be(WSAStartup(WINSOCK_VERSION, &data) == 0);
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	must_be(port != NULL);
	RUN(udp_socket_is_writable);
	RUN(wide_text_is_printed);
	must_be(CloseHandle(port));
	WSACleanup();
	return tap_end();
}
