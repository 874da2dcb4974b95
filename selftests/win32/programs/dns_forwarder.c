// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A DNS forwarder: overlapped WSARecvFrom and WSASendTo on a completion port.  A query goes to
 * the upstream server under a number of our own, its answer back to who has asked; if there is
 * none in time the client is told so (SERVFAIL).  In the self-test the upstream server is a
 * thread that mixes up the order of what it answers, and loses some of it.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM_RECEIVES	8
#define NUM_THREADS	2
#define NUM_QUERIES	1024
#define PACKET_SIZE	512
#define TIMEOUT_MS	3000
#define LOOK_MS		50
#define NUM_CLIENTS	4
#define NAMES		24
#define LOST(name)	((name) % 8 == 3)

#ifndef SIO_UDP_CONNRESET
#define SIO_UDP_CONNRESET	_WSAIOW(IOC_VENDOR, 12)
#endif

typedef struct {
	OVERLAPPED ov;
	BOOL sending;
	SOCKET sock;
	SOCKADDR_IN from;
	INT fromlen;
	WSABUF wsabuf;
	CHAR data[PACKET_SIZE];
} PACKET;

typedef struct {
	BOOL used;
	USHORT client_id;
	SOCKADDR_IN client;
	ULONGLONG since;
	DWORD length;
	CHAR question[PACKET_SIZE];
} QUERY;

static HANDLE iocp;
static SOCKET server = INVALID_SOCKET, upstream = INVALID_SOCKET;
static SOCKADDR_IN server_addr, upstream_addr;
static CRITICAL_SECTION lock;
static QUERY queries[NUM_QUERIES];
static USHORT next_query;
static volatile LONG forwarded, answered, timed_out, pending, stopping;

static USHORT get16(const CHAR *p)
{
	return (USHORT)((UCHAR)p[0] << 8 | (UCHAR)p[1]);
}

static void put16(CHAR *p, USHORT value)
{
	p[0] = (CHAR)(value >> 8);
	p[1] = (CHAR)value;
}

static void start_receive(PACKET *packet)
{
	DWORD flags = 0;

	do {
		ZeroMemory(&packet->ov, sizeof(packet->ov));
		packet->sending = FALSE;
		packet->fromlen = sizeof(packet->from);
		packet->wsabuf.buf = packet->data;
		packet->wsabuf.len = PACKET_SIZE;
		InterlockedIncrement(&pending);
		if (WSARecvFrom(packet->sock, &packet->wsabuf, 1, NULL, &flags,
				(SOCKADDR *)&packet->from, &packet->fromlen, &packet->ov,
				NULL) == 0 || WSAGetLastError() == WSA_IO_PENDING)
			return;
		InterlockedDecrement(&pending);
		/* Somebody we have sent to is not there: no reason to stop. */
	} while (WSAGetLastError() == WSAECONNRESET && !stopping);
	free(packet);
}

static void send_packet(SOCKET sock, const CHAR *data, DWORD length, const SOCKADDR_IN *to)
{
	PACKET *packet = calloc(1, sizeof(*packet));

	packet->sending = TRUE;
	packet->sock = sock;
	memcpy(packet->data, data, length);
	packet->wsabuf.buf = packet->data;
	packet->wsabuf.len = length;
	InterlockedIncrement(&pending);
	if (WSASendTo(sock, &packet->wsabuf, 1, NULL, 0, (const SOCKADDR *)to, sizeof(*to),
		      &packet->ov, NULL) == SOCKET_ERROR && WSAGetLastError() != WSA_IO_PENDING) {
		InterlockedDecrement(&pending);
		free(packet);
	}
}

static void forward(PACKET *packet, DWORD length)
{
	QUERY *query;
	USHORT id;

	EnterCriticalSection(&lock);
	id = next_query++ % NUM_QUERIES;
	query = &queries[id];
	query->used = TRUE;
	query->client_id = get16(packet->data);
	query->client = packet->from;
	query->since = GetTickCount64();
	query->length = length;
	memcpy(query->question, packet->data, length);
	LeaveCriticalSection(&lock);
	put16(packet->data, id);
	/* Who has been answered may look at once: what is sent is counted before. */
	InterlockedIncrement(&forwarded);
	send_packet(upstream, packet->data, length, &upstream_addr);
}

static void answer(PACKET *packet, DWORD length)
{
	USHORT id = get16(packet->data);
	SOCKADDR_IN client;
	BOOL known = FALSE;

	if (id >= NUM_QUERIES || packet->from.sin_port != upstream_addr.sin_port)
		return;
	EnterCriticalSection(&lock);
	if (queries[id].used) {
		known = TRUE;
		queries[id].used = FALSE;
		put16(packet->data, queries[id].client_id);
		client = queries[id].client;
	}
	LeaveCriticalSection(&lock);
	if (known) {
		InterlockedIncrement(&answered);
		send_packet(server, packet->data, length, &client);
	}
}

/* What upstream has not answered is answered here. */
static void expire(void)
{
	ULONGLONG now;
	int i;

	EnterCriticalSection(&lock);
	now = GetTickCount64();
	for (i = 0; i < NUM_QUERIES; i++) {
		QUERY *query = &queries[i];

		if (!query->used || now - query->since < TIMEOUT_MS)
			continue;
		query->used = FALSE;
		query->question[2] |= (CHAR)0x80;
		query->question[3] = 2;	/* SERVFAIL */
		InterlockedIncrement(&timed_out);
		send_packet(server, query->question, query->length, &query->client);
	}
	LeaveCriticalSection(&lock);
}

static DWORD WINAPI worker(LPVOID arg)
{
	LPOVERLAPPED ov;
	ULONG_PTR key;
	DWORD length;

	(void)arg;
	while (!stopping || pending) {
		BOOL ok = GetQueuedCompletionStatus(iocp, &length, &key, &ov, LOOK_MS);
		PACKET *packet;

		expire();
		if (ov == NULL)
			continue;
		packet = CONTAINING_RECORD(ov, PACKET, ov);
		if (packet->sending || stopping) {
			free(packet);
			InterlockedDecrement(&pending);
			continue;
		}
		if (ok && length >= 12) {
			if (packet->sock == server)
				forward(packet, length);
			else
				answer(packet, length);
		}
		start_receive(packet);
		InterlockedDecrement(&pending);
	}
	return 0;
}

static SOCKET udp_socket(SOCKADDR_IN *addr)
{
	SOCKET s = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_OVERLAPPED);
	DWORD bytes, timeout = 15000;
	int len = sizeof(*addr);
	BOOL off = FALSE;

	WSAIoctl(s, SIO_UDP_CONNRESET, &off, sizeof(off), NULL, 0, &bytes, NULL, NULL);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&timeout, sizeof(timeout));
	addr->sin_family = AF_INET;
	addr->sin_port = 0;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (SOCKADDR *)addr, len) || getsockname(s, (SOCKADDR *)addr, &len))
		exit(1);
	return s;
}

static BOOL start_forwarder(void)
{
	SOCKADDR_IN any;
	int i;

	server = udp_socket(&server_addr);
	upstream = udp_socket(&any);
	if (!CreateIoCompletionPort((HANDLE)server, iocp, 1, 0) ||
	    !CreateIoCompletionPort((HANDLE)upstream, iocp, 2, 0))
		return FALSE;
	for (i = 0; i < 2 * NUM_RECEIVES; i++) {
		PACKET *packet = calloc(1, sizeof(*packet));

		packet->sock = i < NUM_RECEIVES ? server : upstream;
		start_receive(packet);
	}
	return TRUE;
}

/* ---- The self-test: a name is "nNNN.test", and its address 10.0.0.NNN. ---- */

static SOCKET fake_socket;

/* Answers two by two, the second before the first. */
static DWORD WINAPI fake_upstream(LPVOID arg)
{
	CHAR held[PACKET_SIZE], data[PACKET_SIZE];
	int held_length = 0, length, fromlen, name;
	SOCKADDR_IN from;

	(void)arg;
	for (;;) {
		fromlen = sizeof(from);
		length = recvfrom(fake_socket, data, PACKET_SIZE - 16, 0, (SOCKADDR *)&from, &fromlen);
		if (length < 18)
			return 0;
		name = atoi(data + 14);
		if (LOST(name))
			continue;
		data[2] |= (CHAR)0x80;
		put16(data + 6, 1);
		memcpy(data + length, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0", 15);
		data[length + 15] = (CHAR)name;
		length += 16;
		if (held_length == 0) {
			memcpy(held, data, length);
			held_length = length;
			continue;
		}
		sendto(fake_socket, data, length, 0, (SOCKADDR *)&from, fromlen);
		sendto(fake_socket, held, held_length, 0, (SOCKADDR *)&from, fromlen);
		held_length = 0;
	}
}

static int make_query(CHAR *data, USHORT id, int name)
{
	memset(data, 0, 12);
	put16(data, id);
	data[2] = 1;
	put16(data + 4, 1);
	sprintf(data + 12, "%cn%03d%ctest", 4, name, 4);
	memcpy(data + 22, "\0\0\1\0\1", 5);
	return 27;
}

/* All its queries at once, and then all answers. */
static DWORD WINAPI client(LPVOID arg)
{
	int me = (int)(INT_PTR)arg, i, length, got[NAMES] = { 0 };
	CHAR data[PACKET_SIZE];
	SOCKADDR_IN addr;
	SOCKET s = udp_socket(&addr);

	for (i = 0; i < NAMES; i++) {
		length = make_query(data, (USHORT)(me * 1000 + i), i);
		sendto(s, data, length, 0, (SOCKADDR *)&server_addr, sizeof(server_addr));
	}
	for (i = 0; i < NAMES; i++) {
		int name;

		length = recv(s, data, sizeof(data), 0);
		name = get16(data) - me * 1000;
		if (length < 27 || name < 0 || name >= NAMES || got[name]++)
			return 1;
		if (LOST(name) ? (data[3] & 15) != 2 || length != 27 :
		    length != 43 || data[length - 1] != (CHAR)name)
			return 2;
	}
	closesocket(s);
	return 0;
}

static int self_test(void)
{
	int answers = 0, lost = 0, failures = 0, i;
	HANDLE clients[NUM_CLIENTS];
	DWORD code;

	for (i = 0; i < NAMES; i++)
		LOST(i) ? (lost += NUM_CLIENTS) : (answers += NUM_CLIENTS);
	for (i = 0; i < NUM_CLIENTS; i++)
		clients[i] = CreateThread(NULL, 0, client, (LPVOID)(INT_PTR)(i + 1), 0, NULL);
	WaitForMultipleObjects(NUM_CLIENTS, clients, TRUE, 60000);
	for (i = 0; i < NUM_CLIENTS; i++) {
		if (!GetExitCodeThread(clients[i], &code) || code != 0) {
			printf("# client %d: %d\n", i, (int)code);
			failures++;
		}
		CloseHandle(clients[i]);
	}
	if (forwarded != answers + lost || answered != answers || timed_out != lost) {
		printf("# %d forwarded, %d answered, %d timed out\n", (int)forwarded, (int)answered,
		       (int)timed_out);
		failures++;
	}
	return failures;
}

int main(void)
{
	HANDLE threads[NUM_THREADS + 1];
	int i, failures;
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	InitializeCriticalSection(&lock);
	iocp = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	fake_socket = udp_socket(&upstream_addr);
	if (!start_forwarder())
		return 1;
	for (i = 0; i < NUM_THREADS; i++)
		threads[i] = CreateThread(NULL, 0, worker, NULL, 0, NULL);
	threads[i] = CreateThread(NULL, 0, fake_upstream, NULL, 0, NULL);
	failures = self_test();
	InterlockedExchange(&stopping, 1);
	closesocket(server);
	closesocket(upstream);
	sendto(fake_socket, "", 0, 0, (SOCKADDR *)&upstream_addr, sizeof(upstream_addr));
	if (WaitForMultipleObjects(NUM_THREADS + 1, threads, TRUE, 15000) == WAIT_TIMEOUT) {
		printf("# threads go on, %d operations pend\n", (int)pending);
		failures++;
	}
	closesocket(fake_socket);
	WSACleanup();
	printf("%s 1 dns_forwarder.each_gets_its_own_answer\n1..1\n", failures ? "not ok" : "ok");
	return failures != 0;
}
