// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped operations that the library has something to do for at their end.
 *
 * What it needs for that stands in a table, by the address of the OVERLAPPED, until somebody
 * harvests the packet: the program, in a call that takes packets, or the library's own thread
 * (home.c).
 */
#include <pthread.h>
#include <string.h>

#include <ntstatus.h>

#include "overlapped.h"

static pthread_mutex_t pendings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sockiocp_pending *pendings[512];
atomic_bool sockiocp_pendings_used;

static struct sockiocp_pending **bucket_of(const OVERLAPPED *overlapped)
{
	uintptr_t value = (uintptr_t)overlapped;

	return &pendings[(value >> 4 ^ value >> 13) % ARRAY_LEN(pendings)];
}

void sockiocp_add_pending(struct sockiocp_pending *pending)
{
	struct sockiocp_pending **bucket = bucket_of(pending->overlapped);

	pthread_mutex_lock(&pendings_lock);
	pending->next = *bucket;
	*bucket = pending;
	atomic_store(&sockiocp_pendings_used, true);
	pthread_mutex_unlock(&pendings_lock);
}

/*
 * Takes one out of the table: the one with this address, or with NULL any of this
 * OVERLAPPED's that can be @forgotten.  Returns NULL if it is not there.
 */
static struct sockiocp_pending *take(const OVERLAPPED *overlapped, const void *address,
				     bool forgotten)
{
	struct sockiocp_pending **link, *pending;

	pthread_mutex_lock(&pendings_lock);
	for (link = bucket_of(overlapped); (pending = *link); link = &pending->next) {
		if (pending->overlapped == overlapped && (!address || pending == address) &&
		    (!forgotten || pending->forget)) {
			*link = pending->next;
			break;
		}
	}
	pthread_mutex_unlock(&pendings_lock);
	return pending;
}

/*
 * Takes the one with this cookie out of the table: it is the caller's then.  Returns NULL if it
 * is not there.
 */
struct sockiocp_pending *sockiocp_take_pending(const OVERLAPPED *overlapped, uintptr_t cookie)
{
	return cookie ? take(overlapped, (const void *)cookie, false) : NULL;
}

/*
 * What was cancelled may have had no packet for this process.  So whoever uses an OVERLAPPED
 * that is over, by what it says, has what is left of it forgotten.
 */
void sockiocp_forget_pendings(const OVERLAPPED *overlapped)
{
	struct sockiocp_pending *pending;

	if (!atomic_load(&sockiocp_pendings_used) || (ULONG)overlapped->Internal == STATUS_PENDING)
		return;
	while ((pending = take(overlapped, NULL, true)))
		pending->forget(pending);
}

/* The states that the module ends an operation with which it does not carry out. */
static bool was_ended(const struct sockiocp_packet_entry *packet)
{
	ULONG status = (ULONG)packet->internal;

	return packet->overlapped && (status == (ULONG)STATUS_CANCELLED ||
				      status == (ULONG)STATUS_CONNECTION_ABORTED);
}

/*
 * Calls the callback of a packet that the program has harvested.  Returns whether the program
 * gets it.
 */
static bool finish_packet(struct sockiocp_packet_entry *packet)
{
	const OVERLAPPED *overlapped = (const OVERLAPPED *)(uintptr_t)packet->overlapped;
	struct sockiocp_pending *pending = NULL;

	if (packet->reserved & SOCKIOCP_PACKET_READY) {
		pending = sockiocp_take_pending(overlapped, packet->internal);
		return pending && pending->harvested(pending, packet, false);
	}
	if (was_ended(packet))
		pending = take(overlapped, NULL, true);
	return !pending || pending->harvested(pending, packet, false);
}

/*
 * Calls the callbacks of what was harvested, and takes packets out that the program does not
 * get.  Returns how many are left.
 */
unsigned int sockiocp_finish_packets(struct sockiocp_packet_entry *packets, unsigned int count)
{
	unsigned int i, left = 0;

	for (i = 0; i < count; i++)
		if (finish_packet(&packets[i]))
			packets[left++] = packets[i];
	return left;
}

/* What pends is the parent's.  A thread may have held the lock. */
void sockiocp_forget_all_pendings(void)
{
	pthread_mutex_init(&pendings_lock, NULL);
	memset(pendings, 0, sizeof(pendings));
}
