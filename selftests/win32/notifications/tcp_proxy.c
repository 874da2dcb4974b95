// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A TCP proxy: two threads carry what comes from either side to the other.  Each socket is
 * registered for one thing at a time, and once: to be connected, to be read, or, if the
 * other side did not take all, the other side to be written.  So a slow reader slows its
 * writer, and the end of one direction leaves the other one open.
 */
#include "net.h"

#include <stdlib.h>

#define PROGRAM		"tcp_proxy"
#define WORKERS		2
#define PAIRS		8
#define MEGABYTE	(1024 * 1024)
#define KEY_LISTENER	((ULONG_PTR)1)
#define KEY_END		((ULONG_PTR)2)

typedef struct _PAIR PAIR;

/* From one socket to the other. */
typedef struct {
	PAIR *pair;
	SOCKET from, to;
	int length, sent;
	BOOL ended;
	char data[4096];
} DIRECTION;

struct _PAIR {
	CRITICAL_SECTION lock;
	SOCKET client, server;
	DIRECTION up, down;
	int open_directions, registered;
	BOOL connected;
	PAIR *next;
};

static HANDLE port;
static SOCKET listener;
static struct sockaddr_in address, upstream;
static LONG volatile pairs;
/* Another worker may have taken a packet of theirs before they were removed, and come late. */
static PAIR *volatile forgotten;

static DWORD once(SOCKET s, void *key, UINT8 operation, UINT16 filter)
{
	SOCK_NOTIFY_REGISTRATION reg;
	DWORD error;

	ZeroMemory(&reg, sizeof(reg));
	reg.socket = s;
	reg.completionKey = key;
	reg.operation = operation;
	reg.eventFilter = filter;
	reg.triggerFlags = SOCK_NOTIFY_TRIGGER_ONESHOT | SOCK_NOTIFY_TRIGGER_LEVEL;
	error = ProcessSocketNotifications(port, 1, &reg, 0, 0, NULL, NULL);
	return error != ERROR_SUCCESS ? error : reg.registrationResult;
}

/* The key of a socket is its pair; which of the two an event is of, its events tell. */
static void want(PAIR *pair, SOCKET s)
{
	DIRECTION *in = s == pair->client ? &pair->up : &pair->down;
	DIRECTION *out = s == pair->client ? &pair->down : &pair->up;
	UINT16 filter = 0;

	if (!in->ended && in->sent == in->length)
		filter |= SOCK_NOTIFY_REGISTER_EVENT_IN | SOCK_NOTIFY_REGISTER_EVENT_HANGUP;
	if (!out->ended && out->sent < out->length)
		filter |= SOCK_NOTIFY_REGISTER_EVENT_OUT;
	if (filter)
		once(s, pair, SOCK_NOTIFY_OP_ENABLE, filter);
}

static void end_of(DIRECTION *d)
{
	if (d->ended)
		return;
	d->ended = TRUE;
	d->pair->open_directions--;
	shutdown(d->to, SD_SEND);
}

static void end_both(PAIR *pair)
{
	end_of(&pair->up);
	end_of(&pair->down);
}

/* As much as there is and as the other side takes. */
static void carry(DIRECTION *d)
{
	int n;

	while (!d->ended) {
		if (d->sent == d->length) {
			d->sent = d->length = 0;
			n = recv(d->from, d->data, sizeof(d->data), 0);
			if (n == 0)
				end_of(d);
			else if (n > 0)
				d->length = n;
		} else {
			n = send(d->to, d->data + d->sent, d->length - d->sent, 0);
			if (n > 0)
				d->sent += n;
		}
		if (n == SOCKET_ERROR) {
			if (WSAGetLastError() != WSAEWOULDBLOCK)
				end_both(d->pair);
			return;
		}
	}
}

/* The lock is held; returns whether both have said that they are gone. */
static BOOL go_on(PAIR *pair, UINT32 events)
{
	if (events & SOCK_NOTIFY_EVENT_REMOVE)
		return --pair->registered == 0;
	if (pair->open_directions == 0)
		return FALSE;
	if (!pair->connected && (events & SOCK_NOTIFY_EVENT_ERR))
		end_both(pair);
	pair->connected = TRUE;
	carry(&pair->up);
	carry(&pair->down);
	if (pair->open_directions) {
		want(pair, pair->client);
		want(pair, pair->server);
	} else {
		once(pair->client, NULL, SOCK_NOTIFY_OP_REMOVE, 0);
		once(pair->server, NULL, SOCK_NOTIFY_OP_REMOVE, 0);
	}
	return FALSE;
}

static void forget(PAIR *pair)
{
	closesocket(pair->client);
	closesocket(pair->server);
	do {
		pair->next = forgotten;
	} while (InterlockedCompareExchangePointer((PVOID volatile *)&forgotten, pair,
						   pair->next) != pair->next);
	InterlockedDecrement(&pairs);
}

/* All workers have ended. */
static void free_forgotten(void)
{
	PAIR *pair;

	while ((pair = forgotten) != NULL) {
		forgotten = pair->next;
		DeleteCriticalSection(&pair->lock);
		free(pair);
	}
}

static void accept_client(void)
{
	SOCKET s = accept(listener, NULL, NULL);
	PAIR *pair = s == INVALID_SOCKET ? NULL : calloc(1, sizeof(*pair));

	if (pair == NULL)
		return;
	InitializeCriticalSection(&pair->lock);
	InterlockedIncrement(&pairs);
	pair->client = s;
	pair->server = tcp();
	pair->up.pair = pair->down.pair = pair;
	pair->up.from = pair->down.to = pair->client;
	pair->down.from = pair->up.to = pair->server;
	pair->open_directions = pair->registered = 2;
	set_nonblocking(pair->client);
	set_nonblocking(pair->server);
	if (connect_to(pair->server, &upstream) && WSAGetLastError() != WSAEWOULDBLOCK) {
		forget(pair);
		return;
	}
	EnterCriticalSection(&pair->lock);
	/* Of the client nothing is wanted until the server is there. */
	once(pair->client, pair, SOCK_NOTIFY_OP_ENABLE, SOCK_NOTIFY_REGISTER_EVENT_HANGUP);
	once(pair->server, pair, SOCK_NOTIFY_OP_ENABLE, SOCK_NOTIFY_REGISTER_EVENT_OUT);
	LeaveCriticalSection(&pair->lock);
}

static DWORD WINAPI work(LPVOID unused)
{
	OVERLAPPED_ENTRY entry;
	UINT32 received;
	DWORD error;
	PAIR *pair;
	BOOL gone;

	(void)unused;
	for (;;) {
		error = ProcessSocketNotifications(port, 0, NULL, INFINITE, 1, &entry, &received);
		if (error != ERROR_SUCCESS || entry.lpCompletionKey == KEY_END)
			return error;
		if (entry.lpCompletionKey == KEY_LISTENER) {
			accept_client();
			once(listener, (void *)KEY_LISTENER, SOCK_NOTIFY_OP_ENABLE,
			     SOCK_NOTIFY_REGISTER_EVENT_IN);
			continue;
		}
		pair = (PAIR *)entry.lpCompletionKey;
		EnterCriticalSection(&pair->lock);
		gone = go_on(pair, SocketNotificationRetrieveEvents(&entry));
		LeaveCriticalSection(&pair->lock);
		if (gone)
			forget(pair);
	}
}

/* What the proxy is in front of: sends back what comes, until its end. */
static DWORD WINAPI echo(LPVOID socket_of)
{
	SOCKET s = (SOCKET)socket_of;
	char data[16384];
	int n;

	while ((n = recv(s, data, sizeof(data), 0)) > 0)
		if (send(s, data, n, 0) != n)
			break;
	shutdown(s, SD_SEND);
	closesocket(s);
	return 0;
}

static HANDLE workers[WORKERS];
static SOCKET echo_listener;

static void proxy_starts(void)
{
	int i;

	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, WORKERS);
	listener = tcp_listener(&address);
	echo_listener = tcp_listener(&upstream);
	ASSERT(port != NULL && listener != INVALID_SOCKET && echo_listener != INVALID_SOCKET);
	set_nonblocking(listener);
	ASSERT_EQ(ERROR_SUCCESS, once(listener, (void *)KEY_LISTENER, SOCK_NOTIFY_OP_ENABLE,
				      SOCK_NOTIFY_REGISTER_EVENT_IN));
	for (i = 0; i < WORKERS; i++) {
		workers[i] = CreateThread(NULL, 0, work, NULL, 0, NULL);
		ASSERT(workers[i] != NULL);
	}
}

static SOCKET client_with_server(HANDLE *thread)
{
	DWORD timeout = COMES;
	SOCKET s = tcp(), peer;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout));
	if (connect_to(s, &address))
		return INVALID_SOCKET;
	peer = accept(echo_listener, NULL, NULL);
	*thread = CreateThread(NULL, 0, echo, (LPVOID)peer, 0, NULL);
	return s;
}

static void many_talk_at_once(void)
{
	HANDLE threads[PAIRS];
	SOCKET s[PAIRS];
	char data[32];
	int i, round;

	for (i = 0; i < PAIRS; i++)
		ASSERT((s[i] = client_with_server(&threads[i])) != INVALID_SOCKET);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < PAIRS; i++)
			EXPECT_EQ(16, send(s[i], "0123456789abcdef", 16, 0));
		for (i = 0; i < PAIRS; i++)
			EXPECT_EQ(16, recv(s[i], data, 16, MSG_WAITALL));
	}
	for (i = 0; i < PAIRS; i++) {
		EXPECT_EQ(0, shutdown(s[i], SD_SEND));
		EXPECT_EQ(0, recv(s[i], data, sizeof(data), 0));
		EXPECT_EQ(0, closesocket(s[i]));
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(threads[i], COMES));
		EXPECT(CloseHandle(threads[i]));
	}
}

static DWORD WINAPI send_megabyte(LPVOID socket_of)
{
	SOCKET s = (SOCKET)socket_of;
	static unsigned char data[MEGABYTE];
	int i;

	for (i = 0; i < MEGABYTE; i++)
		data[i] = (unsigned char)(i % 251);
	i = send(s, (char *)data, MEGABYTE, 0);
	shutdown(s, SD_SEND);
	return i == MEGABYTE ? 0 : 1;
}

static void all_comes_back_in_order_and_then_the_end(void)
{
	static unsigned char data[MEGABYTE];
	HANDLE server, sender;
	SOCKET s = client_with_server(&server);
	int i, n, have = 0, wrong = 0;

	ASSERT(s != INVALID_SOCKET);
	sender = CreateThread(NULL, 0, send_megabyte, (LPVOID)s, 0, NULL);
	ASSERT(sender != NULL);
	while ((n = recv(s, (char *)data + have, MEGABYTE - have, 0)) > 0)
		have += n;
	EXPECT_EQ(MEGABYTE, have);
	for (i = 0; i < have; i++)
		wrong += data[i] != i % 251;
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(sender, COMES));
	EXPECT_EQ(0, recv(s, (char *)data, 1, 0));
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(server, COMES));
	EXPECT(CloseHandle(sender));
	EXPECT(CloseHandle(server));
}

static void nobody_behind_it_is_an_end(void)
{
	SOCKET s = tcp();
	DWORD timeout = COMES;
	char byte;

	EXPECT_EQ(0, closesocket(echo_listener));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout));
	ASSERT_EQ(0, connect_to(s, &address));
	EXPECT_EQ(0, recv(s, &byte, 1, 0));
	EXPECT_EQ(0, closesocket(s));
}

static void nothing_is_left(void)
{
	int i;

	for (i = 0; i < COMES && pairs; i += 10)
		Sleep(10);
	EXPECT_EQ(0, pairs);
	for (i = 0; i < WORKERS; i++)
		EXPECT(PostQueuedCompletionStatus(port, 0, KEY_END, NULL));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(WORKERS, workers, TRUE, COMES));
	for (i = 0; i < WORKERS; i++)
		EXPECT(CloseHandle(workers[i]));
	free_forgotten();
	EXPECT_EQ(0, closesocket(listener));
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa))
		return 2;
	RUN(proxy_starts);
	RUN(many_talk_at_once);
	RUN(all_comes_back_in_order_and_then_the_end);
	RUN(nobody_behind_it_is_an_end);
	RUN(nothing_is_left);
	WSACleanup();
	return tap_end();
}
