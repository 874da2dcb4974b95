// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which operations end with the thread that has started them, and with the last WSACleanup().
 *
 * What a thread has started the module knows.  For all of the process it cancels what pends on
 * a socket, so it has to be remembered on which ones something may.
 */
#include <pthread.h>

#include "overlapped.h"

/* This thread has submitted an operation that may end with it. */
static _Thread_local bool has_operations __attribute__((__tls_model__("initial-exec")));
static pthread_key_t end_key;
static bool has_end_key;

/* A bit for each descriptor, and the highest that is set. */
static atomic_uchar pended[SOCKIOCP_COUNTED_FDS / 8];
static atomic_int highest = -1;

static void cancel(__u64 socket, unsigned int flags)
{
	struct sockiocp_cancel args = { .socket = socket, .flags = flags };

	sockiocp_home_ioctl(SOCKIOCP_CANCEL, &args);
}

static void end_of_thread(void *argument)
{
	(void)argument;
	has_operations = false;
	if (sockiocp_has_submitted())
		cancel(0, SOCKIOCP_CANCEL_END_OF_THREAD);
}

static void create_end_key(void)
{
	has_end_key = !pthread_key_create(&end_key, end_of_thread);
}

/*
 * An operation of the program's is about to pend: it ends with the calling thread if it has an
 * event or a routine, or its socket no port.
 */
void sockiocp_ends_with_thread(struct sockiocp_submit *submit)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	submit->flags |= SOCKIOCP_SUBMIT_OF_THREAD;
	if (has_operations)
		return;
	pthread_once(&once, create_end_key);
	/* Any value but NULL. */
	has_operations = has_end_key && !pthread_setspecific(end_key, &end_key);
}

/* May an operation end with the calling thread? */
bool sockiocp_has_operations(void)
{
	return has_operations;
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
				cancel((__u64)i * 8 + (__u64)bit, 0);
	}
}
