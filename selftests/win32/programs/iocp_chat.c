// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A chat server on a completion port.  A line that begins with a slash is a command
 * (/nick NAME, /who, /quit), any other line goes to everybody else.  With no arguments it
 * tests itself: clients talk to each other, and each counts what it hears of each other one.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE	256
#define NUM_WORKERS	4
#define NUM_CLIENTS	8
#define NUM_MESSAGES	25

typedef enum { OP_READ, OP_WRITE } OPERATION;

typedef struct {
	OVERLAPPED ov;
	OPERATION op;
	WSABUF wsabuf;
	char data[MAX_LINE + 64];
} IO_DATA, *PIO_DATA;

typedef struct _CLIENT {
	SOCKET sock;
	volatile LONG refs;	/* one for the list, one for each I/O that is under way */
	char nick[32];
	char line[MAX_LINE];
	size_t used;
	IO_DATA read;
	struct _CLIENT *next;
} CLIENT, *PCLIENT;

static HANDLE g_iocp;
static SOCKET g_listen = INVALID_SOCKET;
static CRITICAL_SECTION g_cs;
static PCLIENT g_clients;
static volatile LONG g_alive;

static void release_client(PCLIENT c)
{
	if (InterlockedDecrement(&c->refs) == 0) {
		closesocket(c->sock);
		HeapFree(GetProcessHeap(), 0, c);
		InterlockedDecrement(&g_alive);
	}
}

/* Called with g_cs held, so that everybody hears everything in the same order. */
static void send_to(PCLIENT c, const char *text)
{
	PIO_DATA io = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(*io));
	DWORD sent;

	if (io == NULL)
		return;
	io->op = OP_WRITE;
	strncpy(io->data, text, sizeof(io->data) - 1);
	io->wsabuf.buf = io->data;
	io->wsabuf.len = (ULONG)strlen(io->data);
	InterlockedIncrement(&c->refs);
	if (WSASend(c->sock, &io->wsabuf, 1, &sent, 0, &io->ov, NULL) == SOCKET_ERROR &&
	    WSAGetLastError() != WSA_IO_PENDING) {
		HeapFree(GetProcessHeap(), 0, io);
		release_client(c);
	}
}

static void broadcast(PCLIENT from, const char *text)
{
	PCLIENT c;

	EnterCriticalSection(&g_cs);
	for (c = g_clients; c != NULL; c = c->next)
		if (c != from)
			send_to(c, text);
	LeaveCriticalSection(&g_cs);
}

static BOOL post_read(PCLIENT c)
{
	DWORD flags = 0;

	ZeroMemory(&c->read.ov, sizeof(c->read.ov));
	c->read.op = OP_READ;
	c->read.wsabuf.buf = c->read.data;
	c->read.wsabuf.len = sizeof(c->read.data);
	return WSARecv(c->sock, &c->read.wsabuf, 1, NULL, &flags, &c->read.ov, NULL) == 0 ||
	       WSAGetLastError() == WSA_IO_PENDING;
}

static void leave(PCLIENT c)
{
	char text[MAX_LINE + 64];
	PCLIENT *p;

	EnterCriticalSection(&g_cs);
	for (p = &g_clients; *p != NULL && *p != c; p = &(*p)->next)
		;
	if (*p != NULL)
		*p = c->next;
	LeaveCriticalSection(&g_cs);
	_snprintf(text, sizeof(text), "* %s has left\r\n", c->nick);
	broadcast(c, text);
	shutdown(c->sock, SD_BOTH);
	release_client(c);	/* that of the list */
	release_client(c);	/* that of reading */
}

/* Returns FALSE if the client wants to go. */
static BOOL handle_line(PCLIENT c)
{
	char text[MAX_LINE + 64];
	int count = 0;
	PCLIENT other;

	if (_strnicmp(c->line, "/nick ", 6) == 0) {
		lstrcpynA(c->nick, c->line + 6, sizeof(c->nick));
		sprintf_s(text, sizeof(text), "* you are %s\r\n", c->nick);
	} else if (_stricmp(c->line, "/who") == 0) {
		EnterCriticalSection(&g_cs);
		for (other = g_clients; other != NULL; other = other->next)
			count++;
		LeaveCriticalSection(&g_cs);
		sprintf_s(text, sizeof(text), "* %d users\r\n", count);
	} else if (_stricmp(c->line, "/quit") == 0) {
		return FALSE;
	} else {
		_snprintf(text, sizeof(text), "<%s> %s\r\n", c->nick, c->line);
		broadcast(c, text);
		return TRUE;
	}
	EnterCriticalSection(&g_cs);
	send_to(c, text);
	LeaveCriticalSection(&g_cs);
	return TRUE;
}

static BOOL handle_data(PCLIENT c, DWORD bytes)
{
	DWORD i;

	for (i = 0; i < bytes; i++) {
		char ch = c->read.data[i];

		if (ch == '\n') {
			c->line[c->used] = '\0';
			c->used = 0;
			if (!handle_line(c))
				return FALSE;
		} else if (ch != '\r' && c->used < MAX_LINE - 1) {
			c->line[c->used++] = ch;
		}
	}
	return TRUE;
}

static unsigned __stdcall worker_thread(void *arg)
{
	DWORD bytes;
	ULONG_PTR key;
	LPOVERLAPPED ov;

	(void)arg;
	for (;;) {
		BOOL ok = GetQueuedCompletionStatus(g_iocp, &bytes, &key, &ov, INFINITE);
		PCLIENT c = (PCLIENT)key;
		PIO_DATA io;

		if (ov == NULL)
			break;
		io = CONTAINING_RECORD(ov, IO_DATA, ov);
		if (io->op == OP_WRITE) {
			HeapFree(GetProcessHeap(), 0, io);
			release_client(c);
		} else if (!ok || bytes == 0 || !handle_data(c, bytes) || !post_read(c)) {
			leave(c);
		}
	}
	return 0;
}

static unsigned __stdcall accept_thread(void *arg)
{
	SOCKET s;

	(void)arg;
	while ((s = WSAAccept(g_listen, NULL, NULL, NULL, 0)) != INVALID_SOCKET) {
		PCLIENT c = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(*c));

		if (c == NULL || !CreateIoCompletionPort((HANDLE)s, g_iocp, (ULONG_PTR)c, 0)) {
			closesocket(s);
			continue;
		}
		c->sock = s;
		c->refs = 2;
		strcpy(c->nick, "anonymous");
		InterlockedIncrement(&g_alive);
		EnterCriticalSection(&g_cs);
		c->next = g_clients;
		g_clients = c;
		LeaveCriticalSection(&g_cs);
		if (!post_read(c))
			leave(c);
	}
	return 0;
}

/* ---- The self-test ---- */

static struct sockaddr_in g_addr;
static volatile LONG g_ready;
static HANDLE g_all_ready;

typedef struct {
	SOCKET s;
	char data[512];
	int have, at;
} READER;

static BOOL read_line(READER *r, char *line, int size)
{
	int n = 0;

	for (;;) {
		if (r->at == r->have) {
			r->at = 0;
			r->have = recv(r->s, r->data, sizeof(r->data), 0);
			if (r->have <= 0)
				return FALSE;
		}
		line[n] = r->data[r->at++];
		if (line[n] == '\n')
			break;
		if (n < size - 1)
			n++;
	}
	line[n > 0 ? n - 1 : 0] = '\0';
	return TRUE;
}

static void say(SOCKET s, const char *format, int a, int b)
{
	char text[MAX_LINE];

	sprintf(text, format, a, b);
	send(s, text, (int)strlen(text), 0);
}

/* Says its own, and hears everybody else's, each in order. */
static unsigned __stdcall client_thread(void *arg)
{
	int me = (int)(INT_PTR)arg, next[NUM_CLIENTS] = { 0 }, i, from, number;
	int expected = (NUM_CLIENTS - 1) * NUM_MESSAGES, heard = 0;
	READER r = { 0 };
	char line[MAX_LINE];

	r.s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (connect(r.s, (struct sockaddr *)&g_addr, sizeof(g_addr)) == SOCKET_ERROR)
		return 1;
	say(r.s, "/nick user%d\r\n", me, 0);
	if (!read_line(&r, line, sizeof(line)) || strncmp(line, "* you are user", 14) != 0)
		return 2;
	if (InterlockedIncrement(&g_ready) == NUM_CLIENTS)
		SetEvent(g_all_ready);
	if (WaitForSingleObject(g_all_ready, 10000) != WAIT_OBJECT_0)
		return 3;
	for (i = 0; i < NUM_MESSAGES; i++)
		say(r.s, "message %d of %d\r\n", i, NUM_MESSAGES);
	while (heard < expected && read_line(&r, line, sizeof(line))) {
		if (sscanf(line, "<user%d> message %d", &from, &number) != 2 || from == me ||
		    from < 0 || from >= NUM_CLIENTS || next[from]++ != number)
			return 4;
		heard++;
	}
	if (heard != expected)
		return 5;
	/* Nobody leaves while others listen for messages only. */
	if (InterlockedDecrement(&g_ready) == 0)
		ResetEvent(g_all_ready);
	while (g_ready != 0)
		Sleep(1);
	say(r.s, "/quit\r\n", 0, 0);
	while (read_line(&r, line, sizeof(line)))
		if (strstr(line, "has left") == NULL)
			return 6;
	closesocket(r.s);
	return 0;
}

static int self_test(void)
{
	HANDLE threads[NUM_CLIENTS];
	int i, failures = 0;
	DWORD code;

	g_all_ready = CreateEvent(NULL, TRUE, FALSE, NULL);
	for (i = 0; i < NUM_CLIENTS; i++)
		threads[i] = (HANDLE)_beginthreadex(NULL, 0, client_thread,
						    (void *)(INT_PTR)i, 0, NULL);
	if (WaitForMultipleObjects(NUM_CLIENTS, threads, TRUE, 30000) == WAIT_TIMEOUT)
		failures++;
	for (i = 0; i < NUM_CLIENTS; i++) {
		if (!GetExitCodeThread(threads[i], &code) || code != 0) {
			printf("# client %d: failed at %d\n", i, (int)code);
			failures++;
		}
		CloseHandle(threads[i]);
	}
	for (i = 0; i < 5000 && g_alive != 0; i++)
		Sleep(1);
	if (g_alive != 0 || g_clients != NULL) {
		printf("# %d clients are left\n", (int)g_alive);
		failures++;
	}
	CloseHandle(g_all_ready);
	return failures;
}

int main(int argc, char **argv)
{
	HANDLE workers[NUM_WORKERS], acceptor;
	int len = sizeof(g_addr), i, failures;
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa) != 0)
		return 1;
	InitializeCriticalSection(&g_cs);
	g_iocp = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	g_listen = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	g_addr.sin_family = AF_INET;
	g_addr.sin_port = htons((u_short)(argc > 1 ? atoi(argv[1]) : 0));
	g_addr.sin_addr.s_addr = htonl(argc > 1 ? INADDR_ANY : INADDR_LOOPBACK);
	if (bind(g_listen, (SOCKADDR *)&g_addr, sizeof(g_addr)) == SOCKET_ERROR ||
	    listen(g_listen, SOMAXCONN) == SOCKET_ERROR ||
	    getsockname(g_listen, (SOCKADDR *)&g_addr, &len) == SOCKET_ERROR) {
		fprintf(stderr, "cannot listen: %d\n", WSAGetLastError());
		return 1;
	}
	for (i = 0; i < NUM_WORKERS; i++)
		workers[i] = (HANDLE)_beginthreadex(NULL, 0, worker_thread, NULL, 0, NULL);
	acceptor = (HANDLE)_beginthreadex(NULL, 0, accept_thread, NULL, 0, NULL);
	if (argc > 1)
		WaitForSingleObject(acceptor, INFINITE);
	failures = self_test();
	closesocket(g_listen);	/* ends the accept thread */
	if (WaitForSingleObject(acceptor, 5000) != WAIT_OBJECT_0) {
		printf("# the accept thread goes on\n");
		failures++;
	}
	for (i = 0; i < NUM_WORKERS; i++)
		PostQueuedCompletionStatus(g_iocp, 0, 0, NULL);
	if (WaitForMultipleObjects(NUM_WORKERS, workers, TRUE, 5000) != WAIT_OBJECT_0)
		failures++;
	CloseHandle(g_iocp);
	DeleteCriticalSection(&g_cs);
	WSACleanup();
	printf("%s 1 iocp_chat.everybody_hears_everybody\n1..1\n", failures ? "not ok" : "ok");
	return failures != 0;
}
