/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Operations and their packets, for the tests of Winsock's extensions. */
#ifndef SELFTESTS_WIN32_OPERATION_H
#define SELFTESTS_WIN32_OPERATION_H

#include "net.h"

/* What Internal holds while an operation is under way. */
#define PENDING		0x103

/* Wine's headers want one, and there is nothing else to ask. */
static __inline SOCKET any_socket(void)
{
	static SOCKET s = INVALID_SOCKET;

	if (s == INVALID_SOCKET)
		s = tcp();
	return s;
}

/* Gets a function that WSAIoctl() gives out; returns whether it is there. */
static __inline int get_extension(GUID id, void *function)
{
	DWORD size = 0;

	return !WSAIoctl(any_socket(), SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id),
			 function, sizeof(void *), &size, NULL, NULL) &&
	       size == sizeof(void *);
}

static LPFN_ACCEPTEX accept_ex;
static LPFN_GETACCEPTEXSOCKADDRS get_addresses;
static LPFN_CONNECTEX connect_ex;
static LPFN_DISCONNECTEX disconnect_ex;
static LPFN_TRANSMITFILE transmit_file;
static LPFN_WSARECVMSG receive_message;
static LPFN_WSASENDMSG send_message;

static __inline int get_extensions(void)
{
	GUID ids[] = { WSAID_ACCEPTEX, WSAID_GETACCEPTEXSOCKADDRS, WSAID_CONNECTEX,
		       WSAID_DISCONNECTEX, WSAID_TRANSMITFILE, WSAID_WSARECVMSG,
		       WSAID_WSASENDMSG };

	return get_extension(ids[0], &accept_ex) && get_extension(ids[1], &get_addresses) &&
	       get_extension(ids[2], &connect_ex) && get_extension(ids[3], &disconnect_ex) &&
	       get_extension(ids[4], &transmit_file) &&
	       get_extension(ids[5], &receive_message) && get_extension(ids[6], &send_message);
}

static __inline HANDLE new_port(void)
{
	return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
}

static __inline int associate(SOCKET s, HANDLE port, ULONG_PTR key)
{
	return CreateIoCompletionPort((HANDLE)s, port, key, 0) == port;
}

/* An OVERLAPPED as it is before an operation, but for what nobody has to look at. */
static __inline void reset(OVERLAPPED *overlapped)
{
	memset(overlapped, 0, sizeof(*overlapped));
	overlapped->Internal = 0xdead;
	overlapped->InternalHigh = 0xdead;
}

/* A call that starts an operation which completes later. */
#define EXPECT_PENDING(call)							\
	do {									\
		WSASetLastError(0xdead);					\
		EXPECT(!(call));						\
		EXPECT_EQ(WSA_IO_PENDING, WSAGetLastError());			\
	} while (0)

/* A call that returns a BOOL, and the error of Winsock's that it leaves. */
#define EXPECT_FALSE_WSA(error, call)						\
	do {									\
		WSASetLastError(0xdead);					\
		EXPECT(!(call));						\
		EXPECT_EQ(error, WSAGetLastError());				\
	} while (0)

/* The packet of @overlapped comes, with @error (0 for none) and @bytes. */
static __inline int packet_comes(HANDLE port, ULONG_PTR key, OVERLAPPED *overlapped,
				 DWORD error, DWORD bytes, int line)
{
	OVERLAPPED *got_overlapped = (OVERLAPPED *)(ULONG_PTR)0xdead;
	DWORD got_bytes = 0xdead, got_error;
	ULONG_PTR got_key = 0xdead;
	BOOL success;

	SetLastError(0xdead);
	success = GetQueuedCompletionStatus(port, &got_bytes, &got_key, &got_overlapped,
					    COMES);
	got_error = success ? 0 : GetLastError();
	return tap_same(TAP_NUMBER(overlapped), TAP_NUMBER(got_overlapped), "OVERLAPPED",
			line) &
	       tap_same(error, got_error, "error of the packet", line) &
	       tap_same(key, got_key, "key", line) &
	       tap_same(bytes, got_bytes, "bytes", line) &
	       (!overlapped || tap_same(bytes, overlapped->InternalHigh, "InternalHigh", line));
}
#define EXPECT_PACKET(port, key, overlapped, error, bytes)			\
	packet_comes(port, key, overlapped, error, bytes, __LINE__)

static __inline int no_packet(HANDLE port, DWORD ms, int line)
{
	OVERLAPPED *overlapped = NULL;
	ULONG_PTR key = 0;
	DWORD bytes = 0;
	BOOL success = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, ms);

	return tap_holds(!success && !overlapped, "no packet", line) &
	       tap_same(WAIT_TIMEOUT, success ? 0 : GetLastError(), "error of no packet", line);
}
#define EXPECT_NO_PACKET(port)	no_packet(port, STAYS, __LINE__)
#define EXPECT_EMPTY(port)	no_packet(port, 0, __LINE__)

#endif /* SELFTESTS_WIN32_OPERATION_H */
