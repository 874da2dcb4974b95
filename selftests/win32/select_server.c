// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A server in one thread around select(), as it is in every book on Winsock, and clients
 * in threads: each line comes back in capitals, and "QUIT" ends the server.
 */
#define WIN32_LEAN_AND_MEAN
#define _WINSOCK_DEPRECATED_NO_WARNINGS

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>

#include "tap.h"

#ifdef _MSC_VER
#pragma comment(lib, "Ws2_32.lib")
#endif

#define PROGRAM "select_server"
#define CLIENTS	20
#define LINES	5

struct client {
	SOCKET s;
	char out[512];
	int length;
};

static SOCKET listen_socket = INVALID_SOCKET;
static char port[NI_MAXSERV];
static struct client clients[FD_SETSIZE];
static int client_count, most_clients, served;

static BOOL open_listener(void)
{
	struct addrinfo hints, *result = NULL;
	struct sockaddr_storage address;
	int size = sizeof(address);
	u_long nonblocking = 1;

	ZeroMemory(&hints, sizeof(hints));
	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_protocol = IPPROTO_TCP;
	hints.ai_flags = AI_PASSIVE;
	if (getaddrinfo("127.0.0.1", "0", &hints, &result) != 0) {
		printf("# getaddrinfo failed: %d\n", WSAGetLastError());
		return FALSE;
	}
	listen_socket = socket(result->ai_family, result->ai_socktype, result->ai_protocol);
	if (listen_socket == INVALID_SOCKET ||
	    bind(listen_socket, result->ai_addr, (int)result->ai_addrlen) == SOCKET_ERROR ||
	    listen(listen_socket, SOMAXCONN) == SOCKET_ERROR ||
	    ioctlsocket(listen_socket, FIONBIO, &nonblocking) == SOCKET_ERROR ||
	    getsockname(listen_socket, (struct sockaddr *)&address, &size) == SOCKET_ERROR ||
	    getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV) != 0) {
		printf("# no listener: %d\n", WSAGetLastError());
		freeaddrinfo(result);
		return FALSE;
	}
	freeaddrinfo(result);
	return TRUE;
}

static void drop(int i)
{
	closesocket(clients[i].s);
	clients[i] = clients[--client_count];
}

/* FALSE if the client is gone. */
static BOOL read_from(struct client *c, BOOL *quit)
{
	char buffer[128];
	int i, n = recv(c->s, buffer, sizeof(buffer), 0);

	if (n == SOCKET_ERROR)
		return WSAGetLastError() == WSAEWOULDBLOCK;
	if (n == 0)
		return FALSE;
	if (n >= 4 && memcmp(buffer, "QUIT", 4) == 0)
		*quit = TRUE;
	for (i = 0; i < n && c->length < (int)sizeof(c->out); i++)
		c->out[c->length++] = (char)toupper((unsigned char)buffer[i]);
	return TRUE;
}

static BOOL write_to(struct client *c)
{
	int n = send(c->s, c->out, c->length, 0);

	if (n == SOCKET_ERROR)
		return WSAGetLastError() == WSAEWOULDBLOCK;
	memmove(c->out, c->out + n, c->length - n);
	c->length -= n;
	served += n;
	return TRUE;
}

static DWORD WINAPI server_thread(LPVOID unused)
{
	BOOL quit = FALSE;

	UNREFERENCED_PARAMETER(unused);
	while (!quit || client_count) {
		struct timeval timeout = { 5, 0 };
		fd_set readable, writable;
		int i, n;

		FD_ZERO(&readable);
		FD_ZERO(&writable);
		FD_SET(listen_socket, &readable);
		for (i = 0; i < client_count; i++) {
			FD_SET(clients[i].s, &readable);
			if (clients[i].length)
				FD_SET(clients[i].s, &writable);
		}
		/* The first argument is ignored; it is there for Berkeley sockets. */
		n = select(0, &readable, &writable, NULL, &timeout);
		if (n <= 0)
			return n == 0 ? WAIT_TIMEOUT : (DWORD)WSAGetLastError();
		if ((u_int)n != readable.fd_count + writable.fd_count)
			return ERROR_INVALID_DATA;
		for (i = client_count - 1; i >= 0; i--) {
			struct client *c = &clients[i];

			if ((FD_ISSET(c->s, &readable) && !read_from(c, &quit)) ||
			    (FD_ISSET(c->s, &writable) && !write_to(c)))
				drop(i);
		}
		if (FD_ISSET(listen_socket, &readable)) {
			SOCKET s = accept(listen_socket, NULL, NULL);
			u_long nonblocking = 1;

			if (s == INVALID_SOCKET)
				continue;
			ioctlsocket(s, FIONBIO, &nonblocking);
			clients[client_count].s = s;
			clients[client_count].length = 0;
			if (++client_count > most_clients)
				most_clients = client_count;
		}
	}
	return 0;
}

static SOCKET connect_client(void)
{
	struct addrinfo hints, *result;
	SOCKET s;

	ZeroMemory(&hints, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo("127.0.0.1", port, &hints, &result) != 0)
		return INVALID_SOCKET;
	s = socket(result->ai_family, result->ai_socktype, result->ai_protocol);
	if (connect(s, result->ai_addr, (int)result->ai_addrlen) == SOCKET_ERROR) {
		closesocket(s);
		s = INVALID_SOCKET;
	}
	freeaddrinfo(result);
	return s;
}

/* Sends it and wants it back in capitals. */
static BOOL ask(SOCKET s, const char *line)
{
	int length = (int)strlen(line), have = 0, i;
	char answer[128];

	if (send(s, line, length, 0) != length)
		return FALSE;
	while (have < length) {
		int n = recv(s, answer + have, (int)sizeof(answer) - have, 0);

		if (n <= 0)
			return FALSE;
		have += n;
	}
	for (i = 0; i < length; i++)
		if (answer[i] != toupper((unsigned char)line[i]))
			return FALSE;
	return have == length;
}

static volatile LONG right_answers;
static HANDLE all_connected;

static DWORD WINAPI client_thread(LPVOID number)
{
	SOCKET s = connect_client();
	int i;

	if (s == INVALID_SOCKET)
		return 1;
	WaitForSingleObject(all_connected, INFINITE);
	for (i = 0; i < LINES; i++) {
		char line[64];

		sprintf(line, "client %d says %d\r\n", (int)(INT_PTR)number, i);
		if (ask(s, line))
			InterlockedIncrement(&right_answers);
	}
	shutdown(s, SD_SEND);
	closesocket(s);
	return 0;
}

static void all_clients_are_answered(void)
{
	HANDLE server, threads[CLIENTS];
	DWORD id, code = 0xdead;
	SOCKET quitter;
	int i;

	ASSERT(open_listener());
	all_connected = CreateEvent(NULL, TRUE, FALSE, NULL);
	ASSERT(all_connected != NULL);
	server = CreateThread(NULL, 0, server_thread, NULL, 0, &id);
	ASSERT(server != NULL);
	for (i = 0; i < CLIENTS; i++) {
		threads[i] = CreateThread(NULL, 0, client_thread, (LPVOID)(INT_PTR)i, 0, &id);
		ASSERT(threads[i] != NULL);
	}
	/* The quitter comes last but is a client of the crowd from the beginning. */
	quitter = connect_client();
	ASSERT(quitter != INVALID_SOCKET);
	SetEvent(all_connected);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForMultipleObjects(CLIENTS, threads, TRUE, COMES));
	for (i = 0; i < CLIENTS; i++)
		CloseHandle(threads[i]);
	EXPECT_EQ(CLIENTS * LINES, right_answers);

	EXPECT(ask(quitter, "QUIT\r\n"));
	closesocket(quitter);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(server, COMES));
	EXPECT(GetExitCodeThread(server, &code));
	EXPECT_EQ(0, code);
	CloseHandle(server);
	CloseHandle(all_connected);
	EXPECT(most_clients > 1);
	EXPECT(served > 0);
	EXPECT_EQ(0, closesocket(listen_socket));
}

int main(void)
{
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa) != 0)
		return 2;
	RUN(all_clients_are_answered);
	WSACleanup();
	return tap_end();
}
