// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A client of a UDP service that loses requests: it asks again after a time-out, drops
 * answers to what it did not ask, and gives up in the end.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

#define PROGRAM "udp_client"
#define TRIES	5
#define PATIENCE	200	/* ms */

#pragma pack(push, 1)
typedef struct {
	UINT32 id;
	UINT16 kind;
	char text[32];
} MESSAGE;
#pragma pack(pop)

static SOCKADDR_IN server_address;
static SOCKET server = INVALID_SOCKET;

enum { KIND_ECHO, KIND_LOSE_ONCE, KIND_STALE_FIRST, KIND_NEVER, KIND_STOP };

/* Loses the first request of a kind, answers a wrong one first, or never. */
static DWORD WINAPI server_main(LPVOID context)
{
	UINT32 lost = 0;

	(void)context;
	for (;;) {
		MESSAGE message;
		SOCKADDR_STORAGE from;
		INT from_length = sizeof(from);
		int n = recvfrom(server, (char *)&message, sizeof(message), 0,
				 (LPSOCKADDR)&from, &from_length);

		if (n == SOCKET_ERROR) {
			/* An answer that found nobody. */
			if (WSAGetLastError() == WSAECONNRESET)
				continue;
			return WSAGetLastError();
		}
		switch (ntohs(message.kind)) {
		case KIND_STOP:
			return 0;
		case KIND_NEVER:
			continue;
		case KIND_LOSE_ONCE:
			if (lost != message.id) {
				lost = message.id;
				continue;
			}
			break;
		case KIND_STALE_FIRST:
			message.id = ~message.id;
			sendto(server, (const char *)&message, n, 0, (LPSOCKADDR)&from,
			       from_length);
			message.id = ~message.id;
			break;
		}
		_strupr(message.text);
		sendto(server, (const char *)&message, n, 0, (LPSOCKADDR)&from, from_length);
	}
}

/* How often it had to ask; 0 if there was no answer. */
static int query(SOCKET s, UINT16 kind, const char *text, MESSAGE *answer)
{
	static UINT32 next_id = 1000;
	MESSAGE request;
	int try;

	ZeroMemory(&request, sizeof(request));
	request.id = htonl(next_id++);
	request.kind = htons(kind);
	lstrcpynA(request.text, text, sizeof(request.text));
	for (try = 1; try <= TRIES; try++) {
		if (send(s, (const char *)&request, sizeof(request), 0) == SOCKET_ERROR)
			return 0;
		for (;;) {
			int n = recv(s, (char *)answer, sizeof(*answer), 0);

			if (n == SOCKET_ERROR) {
				if (WSAGetLastError() != WSAETIMEDOUT)
					return 0;
				break;
			}
			if (n == sizeof(*answer) && answer->id == request.id)
				return try;
		}
	}
	WSASetLastError(WSAETIMEDOUT);
	return 0;
}

static SOCKET client(void)
{
	SOCKET s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	DWORD timeout = PATIENCE;

	if (s == INVALID_SOCKET)
		return s;
	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&timeout, sizeof(timeout)) ||
	    connect(s, (LPSOCKADDR)&server_address, sizeof(server_address))) {
		closesocket(s);
		return INVALID_SOCKET;
	}
	return s;
}

static void answers_come(void)
{
	SOCKET s = client();
	MESSAGE answer;

	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(1, query(s, KIND_ECHO, "hello", &answer));
	EXPECT_EQ(0, strcmp("HELLO", answer.text));
	closesocket(s);
}

static void what_is_lost_is_asked_again(void)
{
	SOCKET s = client();
	ULONGLONG before = GetTickCount64();
	MESSAGE answer;

	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(2, query(s, KIND_LOSE_ONCE, "twice", &answer));
	EXPECT_EQ(0, _stricmp("twice", answer.text));
	EXPECT(GetTickCount64() - before + 20 >= PATIENCE);
	closesocket(s);
}

static void stale_answers_are_dropped(void)
{
	SOCKET s = client();
	MESSAGE answer;

	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(1, query(s, KIND_STALE_FIRST, "fresh", &answer));
	EXPECT_EQ(0, lstrcmpA("FRESH", answer.text));
	closesocket(s);
}

static void client_gives_up(void)
{
	SOCKET s = client();
	ULONGLONG before = GetTickCount64();
	MESSAGE answer;

	ASSERT(s != INVALID_SOCKET);
	EXPECT_EQ(0, query(s, KIND_NEVER, "anybody?", &answer));
	EXPECT_EQ(WSAETIMEDOUT, WSAGetLastError());
	EXPECT(GetTickCount64() - before + 100 >= TRIES * PATIENCE);
	closesocket(s);
}

int main(void)
{
	int length = sizeof(server_address);
	MESSAGE stop;
	HANDLE thread;
	WSADATA wsaData;
	SOCKET s;

	if (WSAStartup(MAKEWORD(2, 2), &wsaData))
		return 2;
	server = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_OVERLAPPED);
	ZeroMemory(&server_address, sizeof(server_address));
	server_address.sin_family = AF_INET;
	InetPtonA(AF_INET, "127.0.0.1", &server_address.sin_addr);
	if (bind(server, (LPSOCKADDR)&server_address, sizeof(server_address)) ||
	    getsockname(server, (LPSOCKADDR)&server_address, &length))
		return 2;
	thread = CreateThread(NULL, 64 * 1024, server_main, NULL, 0, NULL);
	if (!thread)
		return 2;
	RUN(answers_come);
	RUN(what_is_lost_is_asked_again);
	RUN(stale_answers_are_dropped);
	RUN(client_gives_up);

	ZeroMemory(&stop, sizeof(stop));
	stop.kind = htons(KIND_STOP);
	s = client();
	send(s, (const char *)&stop, sizeof(stop), 0);
	WaitForSingleObject(thread, COMES);
	CloseHandle(thread);
	closesocket(s);
	closesocket(server);
	WSACleanup();
	return tap_end();
}
