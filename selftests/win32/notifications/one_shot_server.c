// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An echo server of 16 threads on one port.  What has been reported is disabled until the
 * thread that got it has answered and enables it again, in the call that asks for more: so
 * no two threads have one client.  It is shut down in an orderly way: nobody new is let
 * in, who is there is served until they leave, then the threads end.
 */
#include "net.h"

#include <process.h>
#include <stdlib.h>

#define PROGRAM		"one_shot_server"
#define THREADS		16
#define CLIENTS		40
#define ROUNDS		25
#define KEY_LISTENER	((PVOID)1)
#define KEY_EXIT	((ULONG_PTR)2)

typedef struct _CONNECTION {
	SOCKET s;
	LONG volatile owners;
} CONNECTION;

static HANDLE port, threads[THREADS];
static SOCKET listener;
static struct sockaddr_in address;
static LONG volatile connections, shared, shutting_down;

static void fill_in(SOCK_NOTIFY_REGISTRATION *reg, SOCKET s, PVOID key, UINT8 operation)
{
	ZeroMemory(reg, sizeof(*reg));
	reg->socket = s;
	reg->completionKey = key;
	reg->operation = operation;
	reg->eventFilter = SOCK_NOTIFY_REGISTER_EVENT_IN | SOCK_NOTIFY_REGISTER_EVENT_HANGUP;
	reg->triggerFlags = SOCK_NOTIFY_TRIGGER_ONESHOT | SOCK_NOTIFY_TRIGGER_LEVEL;
}

static void end_threads(void)
{
	int i;

	for (i = 0; i < THREADS; i++)
		PostQueuedCompletionStatus(port, 0, KEY_EXIT, NULL);
}

/* What is to be registered next, if anything: returns how many. */
static UINT32 accept_one(SOCK_NOTIFY_REGISTRATION *regs)
{
	CONNECTION *c;
	SOCKET s;

	fill_in(&regs[0], listener, KEY_LISTENER, SOCK_NOTIFY_OP_ENABLE);
	s = accept(listener, NULL, NULL);
	if (s == INVALID_SOCKET)
		return 1;
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		closesocket(s);
		return 1;
	}
	c->s = s;
	InterlockedIncrement(&connections);
	fill_in(&regs[1], s, c, SOCK_NOTIFY_OP_ENABLE);
	return 2;
}

static UINT32 serve(CONNECTION *c, UINT32 events, SOCK_NOTIFY_REGISTRATION *reg)
{
	char data[512];
	int n = 0;

	if (events & SOCK_NOTIFY_EVENT_REMOVE) {
		closesocket(c->s);
		free(c);
		if (InterlockedDecrement(&connections) == 0 && shutting_down)
			end_threads();
		return 0;
	}
	if (InterlockedIncrement(&c->owners) != 1)
		InterlockedIncrement(&shared);
	/* Work. */
	Sleep(1);
	if (!(events & SOCK_NOTIFY_EVENT_ERR))
		n = recv(c->s, data, sizeof(data), 0);
	if (n > 0 && send(c->s, data, n, 0) == n)
		fill_in(reg, c->s, c, SOCK_NOTIFY_OP_ENABLE);
	else
		fill_in(reg, c->s, c, SOCK_NOTIFY_OP_REMOVE);
	InterlockedDecrement(&c->owners);
	return 1;
}

static unsigned __stdcall work(void *unused)
{
	SOCK_NOTIFY_REGISTRATION regs[2];
	UINT32 count = 0, received, i;
	OVERLAPPED_ENTRY entry;
	DWORD error;

	(void)unused;
	for (;;) {
		error = ProcessSocketNotifications(port, count, count ? regs : NULL, INFINITE, 1,
						   &entry, &received);
		if (error != ERROR_SUCCESS)
			return error;
		for (i = 0; i < count; i++)
			if (regs[i].registrationResult != ERROR_SUCCESS &&
			    regs[i].socket != listener)
				return regs[i].registrationResult;
		count = 0;
		if (entry.lpCompletionKey == KEY_EXIT)
			return ERROR_SUCCESS;
		if (entry.lpCompletionKey == (ULONG_PTR)KEY_LISTENER) {
			if (!shutting_down)
				count = accept_one(regs);
			continue;
		}
		count = serve((CONNECTION *)entry.lpCompletionKey,
			      SocketNotificationRetrieveEvents(&entry), regs);
	}
}

static void server_starts(void)
{
	SOCK_NOTIFY_REGISTRATION reg;
	int i;

	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	listener = tcp();
	ASSERT(port != NULL && bind_anywhere(listener, &address));
	ASSERT_EQ(0, listen(listener, SOMAXCONN));
	set_nonblocking(listener);
	fill_in(&reg, listener, KEY_LISTENER, SOCK_NOTIFY_OP_ENABLE);
	ASSERT_EQ(ERROR_SUCCESS, ProcessSocketNotifications(port, 1, &reg, 0, 0, NULL, NULL));
	for (i = 0; i < THREADS; i++) {
		threads[i] = (HANDLE)_beginthreadex(NULL, 0, work, NULL, 0, NULL);
		ASSERT(threads[i] != NULL);
	}
}

static SOCKET clients[CLIENTS];

static int all_are_answered(int round)
{
	int i, right = 0, answer;

	for (i = 0; i < CLIENTS; i++) {
		int question = round * CLIENTS + i;

		EXPECT_EQ(sizeof(int), send(clients[i], (char *)&question, sizeof(int), 0));
	}
	for (i = 0; i < CLIENTS; i++)
		right += recv(clients[i], (char *)&answer, sizeof(answer), MSG_WAITALL) ==
			 sizeof(answer) && answer == round * CLIENTS + i;
	return right;
}

static void clients_are_answered(void)
{
	DWORD timeout = COMES;
	int i;

	for (i = 0; i < CLIENTS; i++) {
		clients[i] = tcp();
		setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout,
			   sizeof(timeout));
		ASSERT_EQ(0, connect_to(clients[i], &address));
	}
	for (i = 0; i < ROUNDS; i++)
		ASSERT_EQ(CLIENTS, all_are_answered(i));
	EXPECT_EQ(CLIENTS, connections);
	EXPECT_EQ(0, shared);
}

static void shutdown_waits_for_clients(void)
{
	DWORD code;
	SOCKET late = tcp();
	int i;

	InterlockedExchange(&shutting_down, 1);
	EXPECT_EQ(0, closesocket(listener));
	EXPECT_EQ(SOCKET_ERROR, connect_to(late, &address));
	EXPECT_EQ(WSAECONNREFUSED, WSAGetLastError());
	EXPECT_EQ(0, closesocket(late));

	EXPECT_EQ(WAIT_TIMEOUT, WaitForMultipleObjects(THREADS, threads, FALSE, STAYS));
	EXPECT_EQ(CLIENTS, all_are_answered(ROUNDS));
	for (i = 0; i < CLIENTS; i++)
		EXPECT_EQ(0, closesocket(clients[i]));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(THREADS, threads, TRUE, COMES));
	for (i = 0; i < THREADS; i++) {
		EXPECT(GetExitCodeThread(threads[i], &code));
		EXPECT_EQ(ERROR_SUCCESS, code);
		EXPECT(CloseHandle(threads[i]));
	}
	EXPECT_EQ(0, connections);
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa))
		return 2;
	RUN(server_starts);
	RUN(clients_are_answered);
	RUN(shutdown_waits_for_clients);
	WSACleanup();
	return tap_end();
}
