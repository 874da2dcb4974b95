// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A UDP server that is told of edges: several sockets, each of them drained whenever it has
 * become readable, by one thread.  A posted packet ends it.
 */
#include "net.h"

#define PROGRAM		"edge_udp_server"
#define SERVICES	8
#define DATAGRAMS	50
#define KEY_END		((ULONG_PTR)-1)

typedef struct {
	SOCKET s;
	SOCKADDR_IN address;
	LONG volatile answered;
} SERVICE;

static HANDLE port;
static SERVICE services[SERVICES];
static HANDLE server;

static void answer_all(SERVICE *service)
{
	for (;;) {
		char data[256];
		SOCKADDR_STORAGE from;
		socklen_t size = sizeof(from);
		int n = recvfrom(service->s, data, sizeof(data), 0, (SOCKADDR *)&from, &size);

		if (n == SOCKET_ERROR) {
			/* Somebody did not wait for an answer. */
			if (WSAGetLastError() == WSAECONNRESET)
				continue;
			return;
		}
		/* Datagrams may be lost: who cares asks again. */
		if (sendto(service->s, data, n, 0, (SOCKADDR *)&from, size) == n)
			InterlockedIncrement(&service->answered);
	}
}

static DWORD WINAPI serve(LPVOID unused)
{
	OVERLAPPED_ENTRY entries[SERVICES];
	UINT32 received, i;
	DWORD error;

	UNREFERENCED_PARAMETER(unused);
	for (;;) {
		error = ProcessSocketNotifications(port, 0, NULL, INFINITE, SERVICES, entries,
						   &received);
		if (error != ERROR_SUCCESS)
			return error;
		for (i = 0; i < received; i++) {
			if (entries[i].lpCompletionKey == KEY_END)
				return ERROR_SUCCESS;
			if (SocketNotificationRetrieveEvents(&entries[i]) & SOCK_NOTIFY_EVENT_IN)
				answer_all((SERVICE *)entries[i].lpCompletionKey);
		}
	}
}

static void server_starts(void)
{
	SOCK_NOTIFY_REGISTRATION regs[SERVICES];
	int i;

	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	ASSERT(port != NULL);
	ZeroMemory(regs, sizeof(regs));
	for (i = 0; i < SERVICES; i++) {
		services[i].s = udp();
		ASSERT(bind_anywhere(services[i].s, &services[i].address));
		set_nonblocking(services[i].s);
		regs[i].socket = services[i].s;
		regs[i].completionKey = &services[i];
		regs[i].eventFilter = SOCK_NOTIFY_REGISTER_EVENT_IN;
		regs[i].operation = SOCK_NOTIFY_OP_ENABLE;
		regs[i].triggerFlags = SOCK_NOTIFY_TRIGGER_EDGE |
				       SOCK_NOTIFY_TRIGGER_PERSISTENT;
	}
	ASSERT_EQ(ERROR_SUCCESS, ProcessSocketNotifications(port, SERVICES, regs, 0, 0, NULL,
							    NULL));
	for (i = 0; i < SERVICES; i++)
		EXPECT_EQ(ERROR_SUCCESS, regs[i].registrationResult);
	server = CreateThread(NULL, 0, serve, NULL, 0, NULL);
	ASSERT(server != NULL);
}

/* Asks until the answer comes; returns whether it did. */
static int ask(SOCKET s, const SERVICE *service, int number)
{
	int tries, answer;

	for (tries = 0; tries < 5; tries++) {
		if (sendto(s, (char *)&number, sizeof(number), 0, (SOCKADDR *)&service->address,
			   sizeof(service->address)) != sizeof(number))
			return 0;
		while (recv(s, (char *)&answer, sizeof(answer), 0) == sizeof(answer))
			if (answer == number)
				return 1;
	}
	return 0;
}

static void every_socket_is_served(void)
{
	DWORD timeout = COMES / 5;
	SOCKET s = udp();
	int i, j, right = 0;

	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout)));
	for (i = 0; i < DATAGRAMS; i++)
		for (j = 0; j < SERVICES; j++)
			right += ask(s, &services[j], i * SERVICES + j);
	EXPECT_EQ(DATAGRAMS * SERVICES, right);
	EXPECT_EQ(0, closesocket(s));
}

/* As many as come while the server sleeps are one edge, or a few. */
static void bursts_are_drained(void)
{
	LONG before = services[0].answered;
	SOCKET s = udp();
	int i, waited;

	for (i = 0; i < DATAGRAMS; i++)
		EXPECT_EQ(sizeof(i), sendto(s, (char *)&i, sizeof(i), 0,
					    (SOCKADDR *)&services[0].address,
					    sizeof(services[0].address)));
	for (waited = 0; waited < COMES && services[0].answered - before < DATAGRAMS; waited += 10)
		Sleep(10);
	EXPECT_EQ(DATAGRAMS, services[0].answered - before);
	EXPECT_EQ(0, closesocket(s));
}

static void posted_packet_ends_it(void)
{
	DWORD code = 0xdead;
	int i;

	EXPECT(PostQueuedCompletionStatus(port, 0, KEY_END, NULL));
	ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(server, COMES));
	EXPECT(GetExitCodeThread(server, &code));
	EXPECT_EQ(ERROR_SUCCESS, code);
	EXPECT(CloseHandle(server));
	for (i = 0; i < SERVICES; i++)
		EXPECT_EQ(0, closesocket(services[i].s));
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa))
		return 2;
	RUN(server_starts);
	RUN(every_socket_is_served);
	RUN(bursts_are_drained);
	RUN(posted_packet_ends_it);
	WSACleanup();
	return tap_end();
}
