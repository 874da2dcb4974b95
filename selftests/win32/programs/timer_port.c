// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A server in one thread that waits for a completion port alertably: packets are its sockets'
 * operations, APCs are commands of other threads and what its waitable timers call.  A session
 * ticks while it lives, and one that says nothing for too long is closed by its own timer.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES	16
#define IDLE_MS		1200
#define HEARTBEAT_MS	20
#define CHATTY_CLIENTS	4
#define SILENT_CLIENTS	3
#define ROUNDS		12

typedef struct {
	WSAOVERLAPPED ov;
	BOOL sending;
	SOCKET s;
	HANDLE timer;
	char data[64];
	DWORD length;
	int pending;
	BOOL dead;
} SESSION;

typedef struct {
	SOCKET s;
	HANDLE done;
} NEW_SESSION;

static HANDLE g_port, g_heartbeat;
static DWORD g_thread_id;
static int g_heartbeats, g_sessions, g_expired, g_wrong_thread, g_early;
static BOOL g_stop;
static SOCKADDR_IN g_address;

static void check_thread(void)
{
	if (GetCurrentThreadId() != g_thread_id)
		g_wrong_thread++;
}

static void free_if_dead(SESSION *session)
{
	if (!session->dead || session->pending)
		return;
	CancelWaitableTimer(session->timer);
	CloseHandle(session->timer);
	free(session);
	g_sessions--;
}

static void kill_session(SESSION *session)
{
	if (!session->dead)
		closesocket(session->s);
	session->dead = TRUE;
}

static VOID CALLBACK on_idle(LPVOID arg, DWORD low, DWORD high)
{
	SESSION *session = (SESSION *)arg;
	ULARGE_INTEGER due, now;
	FILETIME time;

	check_thread();
	GetSystemTimeAsFileTime(&time);
	due.LowPart = low;
	due.HighPart = high;
	now.LowPart = time.dwLowDateTime;
	now.HighPart = time.dwHighDateTime;
	/* One tick of the clock is granted. */
	if (now.QuadPart + 160000 < due.QuadPart)
		g_early++;
	g_expired++;
	kill_session(session);
	free_if_dead(session);
}

static void restart_idle_timer(SESSION *session)
{
	LARGE_INTEGER due;

	due.QuadPart = -IDLE_MS * 10000LL;
	if (!SetWaitableTimer(session->timer, &due, 0, on_idle, session, FALSE))
		fprintf(stderr, "SetWaitableTimer: %d\n", (int)GetLastError());
}

static void start_io(SESSION *session, BOOL sending)
{
	DWORD flags = 0;
	WSABUF buf;
	int result;

	buf.buf = session->data;
	buf.len = sending ? session->length : sizeof(session->data);
	session->sending = sending;
	memset(&session->ov, 0, sizeof(session->ov));
	result = sending ? WSASend(session->s, &buf, 1, NULL, 0, &session->ov, NULL) :
			   WSARecv(session->s, &buf, 1, NULL, &flags, &session->ov, NULL);
	if (result == 0 || WSAGetLastError() == WSA_IO_PENDING)
		session->pending++;
	else
		kill_session(session);
}

/* APCs that other threads queue. */
static VOID CALLBACK add_session(ULONG_PTR arg)
{
	NEW_SESSION *wanted = (NEW_SESSION *)arg;
	SESSION *session = (SESSION *)calloc(1, sizeof(SESSION));

	check_thread();
	session->s = wanted->s;
	session->timer = CreateWaitableTimer(NULL, FALSE, NULL);
	CreateIoCompletionPort((HANDLE)session->s, g_port, (ULONG_PTR)session, 0);
	g_sessions++;
	restart_idle_timer(session);
	start_io(session, FALSE);
	free_if_dead(session);
	SetEvent(wanted->done);
}

static VOID CALLBACK stop_server(ULONG_PTR arg)
{
	(void)arg;
	check_thread();
	g_stop = TRUE;
}

static VOID CALLBACK on_heartbeat(LPVOID arg, DWORD low, DWORD high)
{
	(void)low;
	(void)high;
	check_thread();
	++*(int *)arg;
}

static void on_packet(SESSION *session, const OVERLAPPED_ENTRY *entry)
{
	DWORD bytes, flags;
	BOOL ok = WSAGetOverlappedResult(session->s, entry->lpOverlapped, &bytes, FALSE, &flags);

	session->pending--;
	if (!session->dead) {
		if (!ok || (!session->sending && bytes == 0)) {
			kill_session(session);
		} else if (session->sending) {
			start_io(session, FALSE);
		} else {
			session->length = entry->dwNumberOfBytesTransferred;
			restart_idle_timer(session);
			start_io(session, TRUE);
		}
	}
	free_if_dead(session);
}

static DWORD WINAPI server(LPVOID arg)
{
	OVERLAPPED_ENTRY entries[MAX_ENTRIES];
	LARGE_INTEGER due;
	ULONG count, i;

	g_thread_id = GetCurrentThreadId();
	g_heartbeat = CreateWaitableTimer(NULL, FALSE, NULL);
	due.QuadPart = -HEARTBEAT_MS * 10000LL;
	SetWaitableTimer(g_heartbeat, &due, HEARTBEAT_MS, on_heartbeat, &g_heartbeats, FALSE);
	SetEvent((HANDLE)arg);
	while (!g_stop || g_sessions > 0) {
		if (!GetQueuedCompletionStatusEx(g_port, entries, MAX_ENTRIES, &count, 5000, TRUE)) {
			if (GetLastError() == WAIT_IO_COMPLETION)
				continue;
			fprintf(stderr, "GetQueuedCompletionStatusEx: %d\n", (int)GetLastError());
			return 1;
		}
		for (i = 0; i < count; i++)
			on_packet((SESSION *)entries[i].lpCompletionKey, &entries[i]);
	}
	CancelWaitableTimer(g_heartbeat);
	CloseHandle(g_heartbeat);
	return 0;
}

/* ---- The self-test ---- */

/* Talks more often than the idle time, and for longer. */
static DWORD WINAPI chatty_client(LPVOID arg)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	char text[32], answer[32];
	int i;

	if (connect(s, (SOCKADDR *)&g_address, sizeof(g_address)))
		return 1;
	for (i = 0; i < ROUNDS; i++) {
		int length = sprintf(text, "client %d, round %d", (int)(INT_PTR)arg, i), got = 0, n;

		send(s, text, length, 0);
		while (got < length && (n = recv(s, answer + got, length - got, 0)) > 0)
			got += n;
		if (got != length || memcmp(text, answer, (size_t)length) != 0)
			return 2;
		Sleep(HEARTBEAT_MS);
	}
	closesocket(s);
	return 0;
}

/* Is closed, and not before its time. */
static DWORD WINAPI silent_client(LPVOID arg)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	ULONGLONG began = GetTickCount64();
	DWORD timeout = 5000;
	char c;

	(void)arg;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout));
	if (connect(s, (SOCKADDR *)&g_address, sizeof(g_address)))
		return 1;
	if (recv(s, &c, 1, 0) > 0 || WSAGetLastError() == WSAETIMEDOUT)
		return 2;
	if (GetTickCount64() - began + 16 < IDLE_MS)
		return 3;
	closesocket(s);
	return 0;
}

static int run_clients(SOCKET listener, HANDLE server_thread)
{
	HANDLE threads[CHATTY_CLIENTS + SILENT_CLIENTS];
	int i, failures = 0, count = CHATTY_CLIENTS + SILENT_CLIENTS;
	NEW_SESSION wanted;
	DWORD code;

	for (i = 0; i < count; i++)
		threads[i] = CreateThread(NULL, 0, i < CHATTY_CLIENTS ? chatty_client : silent_client,
					  (LPVOID)(INT_PTR)i, 0, NULL);
	wanted.done = CreateEvent(NULL, FALSE, FALSE, NULL);
	for (i = 0; i < count; i++) {
		wanted.s = accept(listener, NULL, NULL);
		if (!QueueUserAPC(add_session, server_thread, (ULONG_PTR)&wanted) ||
		    WaitForSingleObject(wanted.done, 5000) != WAIT_OBJECT_0)
			failures++;
	}
	CloseHandle(wanted.done);
	WaitForMultipleObjects((DWORD)count, threads, TRUE, 10000);
	for (i = 0; i < count; i++) {
		if (!GetExitCodeThread(threads[i], &code) || code != 0) {
			printf("# client %d: %d\n", i, (int)code);
			failures++;
		}
		CloseHandle(threads[i]);
	}
	return failures;
}

int main(void)
{
	HANDLE thread, started = CreateEvent(NULL, TRUE, FALSE, NULL);
	int len = sizeof(g_address), failures;
	SOCKET listener;
	DWORD code = 99;
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	g_port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	g_address.sin_family = AF_INET;
	g_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (SOCKADDR *)&g_address, len) || listen(listener, SOMAXCONN) ||
	    getsockname(listener, (SOCKADDR *)&g_address, &len))
		return 1;
	thread = CreateThread(NULL, 0, server, started, 0, NULL);
	WaitForSingleObject(started, INFINITE);
	failures = run_clients(listener, thread);
	QueueUserAPC(stop_server, thread, 0);
	if (WaitForSingleObject(thread, 5000) != WAIT_OBJECT_0 ||
	    !GetExitCodeThread(thread, &code) || code != 0)
		failures++;
	if (failures || g_sessions || g_expired < SILENT_CLIENTS || g_heartbeats < 3 ||
	    g_wrong_thread) {
		printf("# server: %d, %d sessions, %d expired, %d heartbeats, %d astray\n",
		       (int)code, g_sessions, g_expired, g_heartbeats, g_wrong_thread);
		failures++;
	}
	closesocket(listener);
	CloseHandle(g_port);
	CloseHandle(started);
	WSACleanup();
	printf("%s 1 timer_port.silent_sessions_expire\n", failures ? "not ok" : "ok");
	printf("%s 2 timer_port.timers_are_not_early\n1..2\n", g_early ? "not ok" : "ok");
	return failures || g_early;
}
