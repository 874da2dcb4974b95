/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Clients that drive a server of these tests, and compare what comes back by its hash. */
#ifndef SELFTESTS_WIN32_DRIVE_H
#define SELFTESTS_WIN32_DRIVE_H

#include "net.h"

#define HASH_OF_NOTHING	14695981039346656037ull

/* FNV-1a, of data that comes in pieces. */
static __inline unsigned long long hash_of(unsigned long long hash, const void *data,
					   DWORD size)
{
	const unsigned char *bytes = data;

	while (size--)
		hash = (hash ^ *bytes++) * 1099511628211ull;
	return hash;
}

static __inline void fill(char *data, DWORD size, DWORD seed)
{
	DWORD i;

	for (i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		data[i] = (char)(seed >> 24);
	}
}

/* A client that sends all of @request, then the end, and reads until the server ends. */
struct exchange {
	const struct sockaddr_in *server;
	const char *request;
	DWORD size;
	SOCKET s;
	DWORD received;
	unsigned long long hash;
	char answer[32];
};

static DWORD WINAPI send_request(LPVOID arg)
{
	struct exchange *e = arg;
	DWORD sent = 0;

	while (sent < e->size) {
		int n = send(e->s, e->request + sent, (int)(e->size - sent), 0);

		if (n <= 0)
			return 1;
		sent += (DWORD)n;
	}
	return (DWORD)shutdown(e->s, SD_SEND);
}

static DWORD WINAPI run_exchange(LPVOID arg)
{
	struct exchange *e = arg;
	DWORD patience = 2 * COMES;
	char data[8192];
	HANDLE sender;
	int n;

	e->received = 0;
	e->hash = HASH_OF_NOTHING;
	e->s = tcp();
	if (setsockopt(e->s, SOL_SOCKET, SO_RCVTIMEO, (char *)&patience, sizeof(patience)) ||
	    connect_to(e->s, e->server))
		return 1;
	sender = CreateThread(NULL, 0, send_request, e, 0, NULL);
	if (!sender)
		return 1;
	while ((n = recv(e->s, data, sizeof(data), 0)) > 0) {
		if (e->received < sizeof(e->answer) - 1)
			memcpy(e->answer, data, n < (int)sizeof(e->answer) ? (size_t)n :
							sizeof(e->answer) - 1);
		e->received += (DWORD)n;
		e->hash = hash_of(e->hash, data, (DWORD)n);
	}
	WaitForSingleObject(sender, COMES);
	CloseHandle(sender);
	return n < 0 || closesocket(e->s);
}

#define MOST_EXCHANGES	32

/* Runs several at once; how many of them failed. */
static __inline int run_exchanges(struct exchange *e, int count)
{
	HANDLE threads[MOST_EXCHANGES];
	int i, failed = 0;
	DWORD code;

	for (i = 0; i < count; i++)
		threads[i] = CreateThread(NULL, 0, run_exchange, &e[i], 0, NULL);
	for (i = 0; i < count; i++) {
		if (WaitForSingleObject(threads[i], 4 * COMES) != WAIT_OBJECT_0 ||
		    !GetExitCodeThread(threads[i], &code) || code)
			failed++;
		CloseHandle(threads[i]);
	}
	return failed;
}

/* One that goes without a word. */
static __inline void connect_and_reset(const struct sockaddr_in *server, const char *text)
{
	struct linger none = { 1, 0 };
	SOCKET s = tcp();

	EXPECT_EQ(0, connect_to(s, server));
	send(s, text, (int)strlen(text), 0);
	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&none, sizeof(none)));
	EXPECT_EQ(0, closesocket(s));
}

#endif /* SELFTESTS_WIN32_DRIVE_H */
