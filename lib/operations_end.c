// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which operations end with the thread that has started them, and with the last WSACleanup().
 *
 * The module cancels what pends on a socket, so it has to be remembered on which ones something
 * may.  A thread's are those that have an event or a completion routine.
 */
#include <pthread.h>
#include <stdlib.h>

#include "overlapped.h"

/* How many operations of a thread are remembered: of those with one hash the last. */
#define OF_THREAD	256

struct of_thread {
	struct {
		__u64 socket, overlapped;
	} operations[OF_THREAD];
};

static _Thread_local struct of_thread *of_thread
	__attribute__((__tls_model__("initial-exec")));
static pthread_key_t end_key;
static bool has_end_key;

/* A bit for each descriptor, and the highest that is set. */
static atomic_uchar pended[SOCKIOCP_COUNTED_FDS / 8];
static atomic_int highest = -1;

static void cancel(__u64 socket, __u64 overlapped, unsigned int flags)
{
	struct sockiocp_cancel args = {
		.socket = socket, .overlapped = overlapped, .flags = flags,
	};

	sockiocp_home_ioctl(SOCKIOCP_CANCEL, &args);
}

static void end_of_thread(void *argument)
{
	struct of_thread *table = argument;
	size_t i;

	of_thread = NULL;
	for (i = 0; sockiocp_has_submitted() && i < OF_THREAD; i++)
		if (table->operations[i].overlapped)
			cancel(table->operations[i].socket, table->operations[i].overlapped,
			       SOCKIOCP_CANCEL_OF_THREAD);
	free(table);
}

static void create_end_key(void)
{
	has_end_key = !pthread_key_create(&end_key, end_of_thread);
}

/* An operation is about to pend that ends with the calling thread. */
void sockiocp_ends_with_thread(const struct sockiocp_submit *submit)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t slot = (submit->overlapped >> 4 ^ submit->overlapped >> 12 ^ submit->socket) %
		      OF_THREAD;

	if (!of_thread) {
		pthread_once(&once, create_end_key);
		of_thread = has_end_key ? calloc(1, sizeof(*of_thread)) : NULL;
		if (!of_thread)
			return;
		pthread_setspecific(end_key, of_thread);
	}
	of_thread->operations[slot].socket = submit->socket;
	of_thread->operations[slot].overlapped = submit->overlapped;
}

/* Something pends on a socket. */
void sockiocp_note_pending(__u64 socket)
{
	atomic_uchar *byte;
	unsigned char bit;

	if (socket >= SOCKIOCP_COUNTED_FDS)
		return;
	byte = &pended[socket / 8];
	bit = (unsigned char)(1 << socket % 8);
	if (atomic_load_explicit(byte, memory_order_relaxed) & bit)
		return;
	atomic_fetch_or(byte, bit);
	if ((int)socket > atomic_load(&highest))
		atomic_store(&highest, (int)socket);
}

/* Cancels all that pends. */
void sockiocp_cancel_all(void)
{
	int i, bit, end = atomic_load(&highest) / 8;
	unsigned char byte;

	if (!sockiocp_has_submitted())
		return;
	for (i = 0; i <= end; i++) {
		byte = atomic_exchange(&pended[i], 0);
		for (bit = 0; bit < 8; bit++)
			if (byte & 1 << bit)
				cancel((__u64)i * 8 + (__u64)bit, 0, 0);
	}
}
