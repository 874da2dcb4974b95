/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Operations by SOCKIOCP_SUBMIT, without the library.  Conventions as in sock.h: here a
 * result is what ioctl(2) returns, or its errno.
 */
#ifndef SELFTESTS_LIB_OPERATION_H
#define SELFTESTS_LIB_OPERATION_H

#include <pthread.h>

#include "device.h"

/* NTSTATUS, as an OVERLAPPED and a packet have them. */
enum {
	STATUS_OF_SUCCESS = 0,
	STATUS_IS_PENDING = 0x103,
};

#define STATUS_IS_OVERFLOW	0x80000005u
#define STATUS_IS_FAULT		0xc0000005u
#define STATUS_IS_CANCELLED	0xc0000120u
#define STATUS_IS_RESET		0xc000020du
#define STATUS_IS_TOO_LONG	0xc0000206u
#define STATUS_IS_ABORTED	0xc0000241u
#define STATUS_IS_SHUT		0xc00000b0u
#define STATUS_IS_UNREACHABLE	0xc000023fu

/* What the second word of an OVERLAPPED is before anybody has written it. */
#define NO_BYTES	0xdeadbeefdeadbeefULL

/* The two words of an OVERLAPPED that the kernel writes. */
struct overlapped {
	__u64 state;
	__u64 bytes;
};

#define PENDING_OVERLAPPED	{ STATUS_IS_PENDING, NO_BYTES }

int operation_associate(int port, int fd, __u64 key);
int operation_set_modes(int port, int fd, __u32 modes);

/* Arguments; the OVERLAPPED is pending from here on, as the library has it. */
struct sockiocp_submit operation_args(int fd, struct overlapped *o, unsigned int operation);
/* The same, with one buffer, which is copied by the call. */
struct sockiocp_submit operation_with_buffer(int fd, struct overlapped *o,
					     unsigned int operation,
					     struct sockiocp_buffer *buffer,
					     const void *data, size_t len);
/* 1 if it pends, 0 if it has completed. */
int operation_submit(int home, struct sockiocp_submit *args);
int operation_receive(int home, int fd, struct overlapped *o, void *data, size_t len);
int operation_send(int home, int fd, struct overlapped *o, const void *data, size_t len);
/* POLL_IN, POLL_OUT, NEXT: what has no buffer. */
int operation_simple(int home, int fd, struct overlapped *o, unsigned int operation,
		     __u64 cookie, __u32 flags);
/* How many. */
int operation_cancel(int home, int fd, const struct overlapped *o, __u32 flags);

/* One harvest, of up to max packets; how many came. */
int operation_harvest(int port, struct sockiocp_packet_entry *got, int max, int timeout_ms);
/* A thread that harvests a home port until it is closed, as the library has one. */
int home_thread_start(int home);
/* Harvests until the OVERLAPPED is not pending; takes a port's packets, and drops them. */
int operation_ends(int port, const struct overlapped *o, int timeout_ms);
/* So many bytes have arrived for it; or it has taken them, since its home port has a thread. */
int operation_has_data(const struct overlapped *o, int fd, int bytes, int timeout_ms);

/* A connection of TCP whose first end has small buffers, and the other end too. */
int small_pair(int fd[2]);
/* Fills with a pattern that tells where in a stream a byte belongs; and looks at one. */
void pattern_fill(void *data, size_t len, size_t begins);
/* The first byte that is wrong, or -1. */
long pattern_differs(const void *data, size_t len, size_t begins);

/* All that has come within a time, up to len. */
long receive_all(int fd, void *data, size_t len, int timeout_ms);

/* A thread that does that, while another one sends; got is what it returned. */
struct reader {
	int fd;
	char *to;
	size_t want;
	int timeout_ms;
	long got;
	pthread_t thread;
};

/* Starts it; returns 0 or an error number, as pthread_create(). */
int reader_start(struct reader *reader);

#endif /* SELFTESTS_LIB_OPERATION_H */
