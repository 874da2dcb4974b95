// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A chat server of one thread: what one says all others hear.  Registrations are persistent
 * and level-triggered; room to send is asked for only while something is to be sent.
 */
#include "net.h"

#include <stdlib.h>

#define PROGRAM		"chat_server"
#define GUESTS		6
#define MOST		32
#define KEY_LISTENER	((ULONG_PTR)1)
#define KEY_END		((ULONG_PTR)2)

typedef struct {
	SOCKET s;
	BOOL leaves;
	char *out;
	size_t length, room;
} GUEST;

static HANDLE port;
static SOCKET listener;
static struct sockaddr_in address;
static GUEST *guests[MOST];
static int guest_count, most_waiting;

static DWORD change(SOCKET s, PVOID key, UINT8 operation, UINT16 filter)
{
	SOCK_NOTIFY_REGISTRATION reg;
	DWORD error;

	ZeroMemory(&reg, sizeof(reg));
	reg.socket = s;
	reg.completionKey = key;
	reg.operation = operation;
	reg.eventFilter = filter;
	reg.triggerFlags = SOCK_NOTIFY_TRIGGER_PERSISTENT | SOCK_NOTIFY_TRIGGER_LEVEL;
	error = ProcessSocketNotifications(port, 1, &reg, 0, 0, NULL, NULL);
	return error != ERROR_SUCCESS ? error : reg.registrationResult;
}

static DWORD listen_to(GUEST *guest)
{
	UINT16 filter = SOCK_NOTIFY_REGISTER_EVENT_IN | SOCK_NOTIFY_REGISTER_EVENT_HANGUP;

	if (guest->length)
		filter |= SOCK_NOTIFY_REGISTER_EVENT_OUT;
	return change(guest->s, guest, SOCK_NOTIFY_OP_ENABLE, filter);
}

/* It goes when its last packet has come. */
static void goodbye(GUEST *guest)
{
	if (!guest->leaves)
		change(guest->s, NULL, SOCK_NOTIFY_OP_REMOVE, 0);
	guest->leaves = TRUE;
}

static void forget(GUEST *guest)
{
	int i;

	for (i = 0; guests[i] != guest; i++)
		;
	guests[i] = guests[--guest_count];
	closesocket(guest->s);
	free(guest->out);
	free(guest);
}

static void flush(GUEST *guest)
{
	int n = 0;

	while (guest->length && n != SOCKET_ERROR) {
		n = send(guest->s, guest->out, (int)guest->length, 0);
		if (n > 0)
			memmove(guest->out, guest->out + n, guest->length -= n);
		else if (WSAGetLastError() != WSAEWOULDBLOCK)
			goodbye(guest);
	}
}

static void tell(GUEST *guest, const char *text, size_t length)
{
	BOOL waited = guest->length != 0;

	if (guest->leaves)
		return;
	while (guest->length + length > guest->room) {
		guest->room = guest->room ? guest->room * 2 : 4096;
		guest->out = realloc(guest->out, guest->room);
	}
	memcpy(guest->out + guest->length, text, length);
	guest->length += length;
	if (waited)
		return;
	flush(guest);
	if (guest->length && !guest->leaves) {
		most_waiting++;
		listen_to(guest);
	}
}

static void hear(GUEST *guest)
{
	char text[4096];
	int i, n = recv(guest->s, text, sizeof(text), 0);

	if (n > 0) {
		for (i = 0; i < guest_count; i++)
			if (guests[i] != guest)
				tell(guests[i], text, n);
	} else if (n == 0 || WSAGetLastError() != WSAEWOULDBLOCK) {
		goodbye(guest);
	}
}

static void welcome(void)
{
	SOCKET s = accept(listener, NULL, NULL);
	int small = 16 * 1024;
	GUEST *guest;

	if (s == INVALID_SOCKET)
		return;
	guest = guest_count < MOST ? calloc(1, sizeof(*guest)) : NULL;
	if (guest == NULL) {
		closesocket(s);
		return;
	}
	guest->s = s;
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, (char *)&small, sizeof(small));
	set_nonblocking(s);
	guests[guest_count++] = guest;
	if (listen_to(guest) != ERROR_SUCCESS)
		forget(guest);
	else
		tell(guest, "hello\n", 6);
}

static DWORD WINAPI serve(LPVOID unused)
{
	OVERLAPPED_ENTRY entries[8];
	ULONG count, i;

	(void)unused;
	for (;;) {
		if (!GetQueuedCompletionStatusEx(port, entries, ARRAYSIZE(entries), &count,
						 INFINITE, FALSE))
			return GetLastError();
		for (i = 0; i < count; i++) {
			GUEST *guest = (GUEST *)entries[i].lpCompletionKey;
			UINT32 events = SocketNotificationRetrieveEvents(&entries[i]);

			if (entries[i].lpCompletionKey == KEY_END)
				return ERROR_SUCCESS;
			if (entries[i].lpCompletionKey == KEY_LISTENER) {
				welcome();
				continue;
			}
			if (events & SOCK_NOTIFY_EVENT_REMOVE) {
				forget(guest);
				continue;
			}
			if ((events & SOCK_NOTIFY_EVENT_OUT) && guest->length) {
				flush(guest);
				if (!guest->length && !guest->leaves)
					listen_to(guest);
			}
			if (events & SOCK_NOTIFY_EVENT_IN)
				hear(guest);
			else if (events & (SOCK_NOTIFY_EVENT_ERR | SOCK_NOTIFY_EVENT_HANGUP))
				goodbye(guest);
		}
	}
}

static SOCKET mouths[GUESTS];
static HANDLE server;

static int hears(SOCKET s, const char *text)
{
	char heard[64];
	int length = (int)strlen(text);

	return recv(s, heard, length, MSG_WAITALL) == length && !memcmp(heard, text, length);
}

static void guests_come(void)
{
	DWORD timeout = COMES;
	int i, small = 16 * 1024;

	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	listener = tcp_listener(&address);
	ASSERT(port != NULL && listener != INVALID_SOCKET);
	set_nonblocking(listener);
	ASSERT_EQ(ERROR_SUCCESS, change(listener, (PVOID)KEY_LISTENER, SOCK_NOTIFY_OP_ENABLE,
					SOCK_NOTIFY_REGISTER_EVENT_IN));
	server = CreateThread(NULL, 0, serve, NULL, 0, NULL);
	ASSERT(server != NULL);
	for (i = 0; i < GUESTS; i++) {
		mouths[i] = tcp();
		setsockopt(mouths[i], SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout,
			   sizeof(timeout));
		setsockopt(mouths[i], SOL_SOCKET, SO_RCVBUF, (char *)&small, sizeof(small));
		ASSERT_EQ(0, connect_to(mouths[i], &address));
		EXPECT(hears(mouths[i], "hello\n"));
	}
}

static void all_others_hear_what_one_says(void)
{
	char text[32];
	int i, j;

	for (i = 0; i < GUESTS; i++) {
		sprintf(text, "I am guest %d\n", i);
		EXPECT_EQ(strlen(text), send(mouths[i], text, (int)strlen(text), 0));
		for (j = 0; j < GUESTS; j++)
			if (j != i)
				EXPECT(hears(mouths[j], text));
	}
}

/* More than fits into what the system keeps for those who do not listen. */
static void who_does_not_listen_is_waited_for(void)
{
	static char text[256 * 1024];
	int i, round, heard = 0, n = 1;

	memset(text, 'x', sizeof(text));
	for (round = 0; round < 4; round++) {
		EXPECT_EQ(sizeof(text), send(mouths[0], text, sizeof(text), 0));
		for (i = 2; i < GUESTS; i++)
			EXPECT_EQ(sizeof(text), recv(mouths[i], text, sizeof(text), MSG_WAITALL));
	}
	while (heard < 4 * (int)sizeof(text) && n > 0) {
		n = recv(mouths[1], text, sizeof(text), 0);
		heard += n;
	}
	EXPECT_EQ(4 * sizeof(text), heard);
	EXPECT(most_waiting > 0);
}

static void guests_leave(void)
{
	int i;

	for (i = 1; i < GUESTS; i++)
		EXPECT_EQ(0, closesocket(mouths[i]));
	for (i = 0; i < COMES && *(volatile int *)&guest_count > 1; i += 10)
		Sleep(10);
	EXPECT_EQ(1, guest_count);
	EXPECT_EQ(4, send(mouths[0], "bye\n", 4, 0));
	EXPECT(PostQueuedCompletionStatus(port, 0, KEY_END, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(server, COMES));
	forget(guests[0]);
	EXPECT_EQ(0, closesocket(mouths[0]));
	EXPECT_EQ(0, closesocket(listener));
	EXPECT(CloseHandle(server));
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa))
		return 2;
	RUN(guests_come);
	RUN(all_others_hear_what_one_says);
	RUN(who_does_not_listen_is_waited_for);
	RUN(guests_leave);
	WSACleanup();
	return tap_end();
}
