// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Many threads accept, connect, cancel and close at once: each AcceptEx() has one packet,
 * and each client that was accepted is served.
 */
#include "operation.h"

#define PROGRAM "accepting_crowd"

#define SLOTS		16
#define WORKERS		4
#define CLIENTS		2
#define RUN_FOR		1500
/* So often, until there was one of each. */
#define MOST_RUNS	8
#define REST		20
#define ROOM		(sizeof(struct sockaddr_in) + 16)
#define DATA		8

/* An AcceptEx(). */
struct slot {
	OVERLAPPED overlapped;
	/* The socket, or NULL if somebody else has closed it. */
	PVOID volatile s;
	LONG volatile pending;
	char buffer[DATA + 2 * ROOM];
};

static struct slot slots[SLOTS];
static SOCKET listener;
static HANDLE port;
static struct sockaddr_in address;
/* Nobody closes a socket between its being told and AcceptEx(). */
static CRITICAL_SECTION starting;
static LONG volatile stops, nr_pending, served, answered, ended, faults;

/* For who closes it, once. */
static SOCKET take_socket(struct slot *slot)
{
	return (SOCKET)InterlockedExchangePointer(&slot->s, NULL);
}

static void close_socket(struct slot *slot)
{
	SOCKET s = take_socket(slot);

	if (s && closesocket(s))
		InterlockedIncrement(&faults);
}

static void start(struct slot *slot)
{
	SOCKET s = tcp();
	DWORD received;
	int begun;

	memset(&slot->overlapped, 0, sizeof(slot->overlapped));
	InterlockedIncrement(&nr_pending);
	InterlockedExchange(&slot->pending, 1);
	EnterCriticalSection(&starting);
	/* Its packet may be served before this returns. */
	InterlockedExchangePointer(&slot->s, (PVOID)s);
	begun = accept_ex(listener, s, slot->buffer, slot - slots < SLOTS / 2 ? DATA : 0, ROOM,
			  ROOM, &received, &slot->overlapped) ||
		WSAGetLastError() == WSA_IO_PENDING;
	LeaveCriticalSection(&starting);
	if (begun)
		return;
	/* The listener is closed already. */
	InterlockedExchange(&slot->pending, 0);
	InterlockedDecrement(&nr_pending);
	close_socket(slot);
}

/* One packet of an operation that was under way. */
static void serve(struct slot *slot, int accepted)
{
	SOCKET s;
	char c;

	if (InterlockedExchange(&slot->pending, 0) != 1)
		InterlockedIncrement(&faults);
	s = take_socket(slot);
	if (!accepted) {
		InterlockedIncrement(&ended);
	} else if (s) {
		if (slot - slots >= SLOTS / 2)
			recv(s, &c, 1, 0);
		if (send(s, "y", 1, 0) == 1)
			InterlockedIncrement(&served);
	}
	if (s && closesocket(s))
		InterlockedIncrement(&faults);
	InterlockedDecrement(&nr_pending);
	if (!stops)
		start(slot);
}

static DWORD WINAPI work(void *argument)
{
	OVERLAPPED *overlapped;
	ULONG_PTR key;
	DWORD bytes;
	BOOL ok;

	while (!stops || nr_pending > 0) {
		overlapped = NULL;
		ok = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, STAYS);
		if (overlapped)
			serve((struct slot *)overlapped, ok);
		else if (GetLastError() != WAIT_TIMEOUT)
			InterlockedIncrement(&faults);
	}
	return argument != NULL;
}

static DWORD WINAPI be_client(void *argument)
{
	DWORD patience;
	unsigned int i;
	SOCKET s;
	char c;

	for (i = 0; !stops; i++) {
		s = tcp();
		/* On a slow kernel the first answer takes its time. */
		patience = answered ? STAYS : COMES / 2;
		setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&patience, sizeof(patience));
		/* Some leave without a word. */
		if (!connect_to(s, &address) && i % 5 && send(s, "x", 1, 0) == 1 &&
		    recv(s, &c, 1, 0) == 1)
			InterlockedIncrement(&answered);
		closesocket(s);
	}
	return argument != NULL;
}

static DWORD WINAPI disturb(void *argument)
{
	unsigned int i;

	for (i = 0; !stops; i++) {
		switch (i % 4) {
		case 0:
			EnterCriticalSection(&starting);
			close_socket(&slots[i / 4 % SLOTS]);
			LeaveCriticalSection(&starting);
			break;
		case 1:
			CancelIoEx((HANDLE)listener, &slots[i / 4 * 7 % SLOTS].overlapped);
			break;
		case 2:
			if (i % 64 == 2)
				CancelIoEx((HANDLE)listener, NULL);
			break;
		default:
			/* On a slow kernel nobody comes to be answered otherwise. */
			Sleep(answered ? 1 : REST);
		}
	}
	return argument != NULL;
}

static void each_accept_has_one_packet(void)
{
	HANDLE threads[WORKERS + CLIENTS + 1];
	int i, nr = 0, runs = 0;

	port = new_port();
	listener = tcp_listener(&address);
	ASSERT(port && listener != INVALID_SOCKET && !listen(listener, 64));
	ASSERT(associate(listener, port, 1));
	for (i = 0; i < SLOTS; i++)
		start(&slots[i]);
	for (i = 0; i < WORKERS; i++)
		threads[nr++] = CreateThread(NULL, 0, work, NULL, 0, NULL);
	for (i = 0; i < CLIENTS; i++)
		threads[nr++] = CreateThread(NULL, 0, be_client, NULL, 0, NULL);
	threads[nr++] = CreateThread(NULL, 0, disturb, NULL, 0, NULL);
	do {
		Sleep(RUN_FOR);
		runs++;
	} while (runs < MOST_RUNS && !(served > 0 && answered > 0 && ended > 0));
	InterlockedExchange(&stops, 1);
	/* Those that disturb and those that connect first: none of theirs comes later. */
	for (i = WORKERS; i < nr; i++)
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(threads[i], COMES));
	EXPECT_EQ(0, closesocket(listener));
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(threads[i], COMES));
		EXPECT(CloseHandle(threads[i]));
	}
	EXPECT_EQ(0, nr_pending);
	EXPECT_EQ(0, faults);
	EXPECT(served > 0 && answered > 0 && ended > 0);
	printf("# served %ld, answered %ld, ended %ld\n", (long)served, (long)answered,
	       (long)ended);
	EXPECT_EMPTY(port);
	EXPECT(CloseHandle(port));
}

int main(void)
{
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	InitializeCriticalSection(&starting);
	if (!get_extensions()) {
		printf("Bail out! no extensions\n");
		return 1;
	}
	RUN(each_accept_has_one_packet);
	WSACleanup();
	return tap_end();
}
