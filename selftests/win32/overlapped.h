/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Operations, and their packets, for the tests of overlapped I/O. */
#ifndef SELFTESTS_WIN32_OVERLAPPED_H
#define SELFTESTS_WIN32_OVERLAPPED_H

#define WIN32_NO_STATUS
#include "net.h"
#undef WIN32_NO_STATUS
#include <ntstatus.h>

#include <stdlib.h>

/* How long to look for a packet that must not come, in ms. */
#define NO_PACKET	20
#define KEY		0x1234
/* What is in memory that a call must not write. */
#define UNTOUCHED	0xdeadbeef

/*
 * An operation, with room for its data.  Those of tests are static: one that still pends
 * when its test has failed is written when its socket is closed.
 */
struct op {
	WSAOVERLAPPED overlapped;
	WSABUF buffer;
	DWORD bytes, flags;
	char data[64];
};

/* All that a call of GetQueuedCompletionStatus() can change. */
struct packet {
	BOOL ret;
	DWORD error, bytes;
	ULONG_PTR key;
	LPOVERLAPPED overlapped;
};

/*
 * Packets of others that came before the one that was looked for: operations end in their
 * order, but where several threads carry them out their packets may change places.
 */
static struct packet early[16];
static unsigned int nr_early;

static __inline HANDLE new_port(void)
{
	nr_early = 0;
	return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
}

static __inline void associate(SOCKET s, HANDLE port, ULONG_PTR key)
{
	EXPECT_EQ(port, CreateIoCompletionPort((HANDLE)s, port, key, 0));
}

/* A connected pair, and a port that the first of the two is associated with. */
static __inline HANDLE pair_and_port(SOCKET pair[2])
{
	HANDLE port = new_port();

	if (!port || !tcp_pair(pair))
		return NULL;
	associate(pair[0], port, KEY);
	return port;
}

static __inline void close_all(SOCKET pair[2], HANDLE port)
{
	close_pair(pair);
	EXPECT(CloseHandle(port));
}

/* Two UDP sockets that are connected to each other. */
static __inline int udp_pair(SOCKET pair[2])
{
	struct sockaddr_in address[2];

	pair[0] = udp();
	pair[1] = udp();
	return bind_anywhere(pair[0], &address[0]) && bind_anywhere(pair[1], &address[1]) &&
	       !connect_to(pair[0], &address[1]) && !connect_to(pair[1], &address[0]);
}

/* An associated UDP socket, and another one that sends to it. */
static __inline HANDLE datagrams_and_port(SOCKET pair[2], struct sockaddr_in address[2])
{
	HANDLE port = new_port();

	pair[0] = udp();
	pair[1] = udp();
	if (!port || !bind_anywhere(pair[0], &address[0]) ||
	    !bind_anywhere(pair[1], &address[1]))
		return NULL;
	associate(pair[0], port, KEY);
	return port;
}

static __inline void send_to(SOCKET s, const struct sockaddr_in *address, const char *text)
{
	int size = (int)strlen(text);

	EXPECT_EQ(size, sendto(s, text, size, 0, (struct sockaddr *)address, sizeof(*address)));
}

/* What an overlapped call has come to: 0, WSA_IO_PENDING, or an error. */
static __inline int outcome(int ret)
{
	return ret ? WSAGetLastError() : 0;
}

static __inline void prepare(struct op *op, DWORD size)
{
	memset(op, 0, sizeof(*op));
	op->overlapped.Internal = 0x77;
	op->overlapped.InternalHigh = UNTOUCHED;
	op->bytes = UNTOUCHED;
	op->buffer.len = size;
	op->buffer.buf = op->data;
	WSASetLastError(0);
}

static __inline int start_receive(SOCKET s, struct op *op, DWORD size)
{
	prepare(op, size);
	return outcome(WSARecv(s, &op->buffer, 1, &op->bytes, &op->flags, &op->overlapped,
			       NULL));
}

static __inline int start_send(SOCKET s, struct op *op, const void *data, DWORD size)
{
	prepare(op, size);
	op->buffer.buf = (char *)data;
	return outcome(WSASend(s, &op->buffer, 1, &op->bytes, 0, &op->overlapped, NULL));
}

/* The state of an operation: STATUS_PENDING, or how it ended. */
static __inline DWORD status_of(const struct op *op)
{
	return (DWORD)*(volatile ULONG_PTR *)&op->overlapped.Internal;
}

#define EXPECT_STATUS(status, op)	EXPECT_EQ((DWORD)(status), status_of(op))

static __inline struct packet take(HANDLE port, DWORD ms)
{
	struct packet p = { FALSE, 0, 0xcccc, 0xdddd, (LPOVERLAPPED)(ULONG_PTR)0xeeee };

	SetLastError(UNTOUCHED);
	p.ret = GetQueuedCompletionStatus(port, &p.bytes, &p.key, &p.overlapped, ms);
	p.error = GetLastError();
	return p;
}

/* That of @op. */
static __inline struct packet take_of(HANDLE port, const struct op *op)
{
	struct packet p;
	unsigned int i;

	for (i = 0; i < nr_early; i++) {
		if (early[i].overlapped == &op->overlapped) {
			p = early[i];
			early[i] = early[--nr_early];
			return p;
		}
	}
	for (;;) {
		p = take(port, COMES);
		if (!p.overlapped || p.overlapped == &op->overlapped || nr_early == 16)
			return p;
		early[nr_early++] = p;
	}
}

/* What was taken is of @op, which succeeded. */
static __inline int is_of(struct packet p, const struct op *op, DWORD bytes, int line)
{
	return tap_same(TRUE, (DWORD)p.ret, "what the port says", line) &
	       tap_same(UNTOUCHED, p.error, "the last error", line) &
	       tap_same(KEY, p.key, "the key", line) &
	       tap_same(TAP_NUMBER(&op->overlapped), TAP_NUMBER(p.overlapped), "the OVERLAPPED",
			line) &
	       tap_same(bytes, p.bytes, "the packet's count", line) &
	       tap_same(0, status_of(op), "Internal", line) &
	       tap_same(bytes, op->overlapped.InternalHigh, "InternalHigh", line);
}

#define EXPECT_PACKET(port, op, bytes)	is_of(take_of(port, op), op, bytes, __LINE__)

/* A packet is of @op, which failed. */
static __inline int packet_failed(HANDLE port, const struct op *op, DWORD error, int status,
				  DWORD bytes, int line)
{
	struct packet p = take_of(port, op);

	return tap_same(FALSE, (DWORD)p.ret, "what the port says", line) &
	       tap_same(error, p.error, "the last error", line) &
	       tap_same(KEY, p.key, "the key", line) &
	       tap_same(TAP_NUMBER(&op->overlapped), TAP_NUMBER(p.overlapped), "the OVERLAPPED",
			line) &
	       tap_same(bytes, p.bytes, "the packet's count", line) &
	       tap_same((DWORD)status, status_of(op), "Internal", line) &
	       tap_same(bytes, op->overlapped.InternalHigh, "InternalHigh", line);
}

#define EXPECT_FAILED(port, op, error, status)					\
	packet_failed(port, op, error, status, 0, __LINE__)

/* The next packets are of all @count operations, in any order, which failed. */
static __inline int packets_failed(HANDLE port, const struct op *op, int count, DWORD error,
				   int status, int line)
{
	unsigned int seen = 0;
	int i, j, ok = 1;

	for (i = 0; i < count; i++) {
		struct packet p = take(port, COMES);

		ok &= tap_same(FALSE, (DWORD)p.ret, "what the port says", line) &
		      tap_same(error, p.error, "the last error", line) &
		      tap_same(KEY, p.key, "the key", line) &
		      tap_same(0, p.bytes, "the packet's count", line);
		for (j = 0; j < count; j++)
			if (p.overlapped == &op[j].overlapped)
				seen |= 1u << j;
	}
	for (i = 0; i < count; i++)
		ok &= tap_same((DWORD)status, status_of(&op[i]), "Internal", line) &
		      tap_same(0, op[i].overlapped.InternalHigh, "InternalHigh", line);
	return ok & tap_same((1u << count) - 1, seen, "which packets came", line);
}

#define EXPECT_ALL_FAILED(port, op, count, error, status)			\
	packets_failed(port, op, count, error, status, __LINE__)

static __inline int no_packet(HANDLE port, int line)
{
	struct packet p = nr_early ? early[--nr_early] : take(port, NO_PACKET);

	return tap_same(FALSE, (DWORD)p.ret, "what the port says", line) &
	       tap_same(WAIT_TIMEOUT, p.error, "the last error", line) &
	       tap_same(0, TAP_NUMBER(p.overlapped), "the OVERLAPPED", line);
}

#define EXPECT_NO_PACKET(port)	no_packet(port, __LINE__)

/* The operation has ended, whoever is to be told. */
static __inline int has_ended(const struct op *op)
{
	ULONGLONG until = GetTickCount64() + COMES;

	while (status_of(op) == (DWORD)STATUS_PENDING) {
		if (GetTickCount64() > until)
			return 0;
		Sleep(1);
	}
	return 1;
}

/* There is something to read, or the end. */
static __inline int readable(SOCKET s)
{
	struct timeval patience = { COMES / 1000, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(s, &set);
	return select(0, &set, NULL, NULL, &patience) == 1;
}

/* Ends the connection so that the other side gets a reset. */
static __inline void reset(SOCKET s)
{
	struct linger none = { 1, 0 };

	EXPECT_EQ(0, setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&none, sizeof(none)));
	EXPECT_EQ(0, closesocket(s));
}

/* A function that is found by its number only. */
static __inline void *extension(SOCKET s, GUID id)
{
	void *function = NULL;
	DWORD bytes = 0;

	EXPECT_EQ(0, WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id), &function,
			      sizeof(function), &bytes, NULL, NULL));
	EXPECT_EQ(sizeof(function), bytes);
	return function;
}

/* Another descriptor of the same socket.  Kernels before 5.15 cannot make one. */
static __inline SOCKET duplicate(SOCKET s)
{
	WSAPROTOCOL_INFOW info;

	if (WSADuplicateSocketW(s, GetCurrentProcessId(), &info)) {
		EXPECT_EQ(WSAEOPNOTSUPP, WSAGetLastError());
		return INVALID_SOCKET;
	}
	s = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
		       WSA_FLAG_OVERLAPPED);
	EXPECT(s != INVALID_SOCKET);
	return s;
}

/* Reads all of @size bytes; whether they came. */
static __inline int read_all(SOCKET s, char *data, int size)
{
	DWORD patience = 2 * COMES;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&patience, sizeof(patience));
	while (size > 0) {
		int n = recv(s, data, size, 0);

		if (n <= 0)
			return 0;
		data += n;
		size -= n;
	}
	return 1;
}

#endif /* SELFTESTS_WIN32_OVERLAPPED_H */
