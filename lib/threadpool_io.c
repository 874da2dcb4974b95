// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Callback objects of the thread pool that are told when operations on a socket are over.
 *
 * The socket is associated with the pool's port.  Its key is the object's number, not its
 * address: a packet that comes when the object is closed and freed, though it should not,
 * finds nothing.
 */
#include <errno.h>

#include "callback.h"

struct _TP_IO {
	struct sockiocp_callback callback;
	PTP_WIN32_IO_CALLBACK function;
	LIST_ENTRY(_TP_IO) known;
	ULONG_PTR number;
};

/* All objects, by their numbers, and the last one that was given out.  Under the lock. */
static LIST_HEAD(, _TP_IO) known_objects[256];
static ULONG_PTR numbers;

static void call_io(struct sockiocp_callback *callback, const struct sockiocp_pool_call *call)
{
	struct _TP_CALLBACK_INSTANCE instance = { callback };
	struct _TP_IO *io = (struct _TP_IO *)callback;

	io->function(&instance, callback->context, call->entry->lpOverlapped,
		     sockiocp_status_error(call->entry->Internal),
		     call->entry->dwNumberOfBytesTransferred, io);
}

static void io_is_gone(struct sockiocp_callback *callback)
{
	LIST_REMOVE((struct _TP_IO *)callback, known);
}

/* Of a packet of a socket. */
static void take_packet(const OVERLAPPED_ENTRY *entry)
{
	struct sockiocp_pool_call call = { .entry = entry };
	ULONG_PTR number = entry->lpCompletionKey & ~SOCKIOCP_POOL_OBJECT;
	struct _TP_IO *io;
	bool begins;

	sockiocp_lock_callbacks();
	LIST_FOREACH(io, &known_objects[number % ARRAY_LEN(known_objects)], known)
		if (io->number == number)
			break;
	begins = io && sockiocp_callback_begins(&io->callback, &call);
	sockiocp_unlock_callbacks();
	if (begins)
		sockiocp_make_call(&io->callback, &call);
}

static void make_known(struct _TP_IO *io)
{
	sockiocp_lock_callbacks();
	io->number = ++numbers;
	LIST_INSERT_HEAD(&known_objects[io->number % ARRAY_LEN(known_objects)], io, known);
	io->callback.gone = io_is_gone;
	sockiocp_unlock_callbacks();
}

/**
 * CreateThreadpoolIo - make an object that is told when operations on a socket are over
 * @fl: the socket, which is associated with the pool's port as for BindIoCompletionCallback()
 * @pfnio: the function; it is given the OVERLAPPED, the error (0 for none) and the number of
 *	bytes
 * @pv: its second argument
 * @pcbe: as for CreateThreadpoolWork()
 *
 * The caller passes it to CloseThreadpoolIo().
 *
 * Return: the object; NULL if it fails, and GetLastError() says why: as for
 * CreateThreadpoolWork() and BindIoCompletionCallback().
 *
 * Windows: "CreateThreadpoolIo function (threadpoolapiset.h)".
 */
PTP_IO WINAPI CreateThreadpoolIo(HANDLE fl, PTP_WIN32_IO_CALLBACK pfnio, PVOID pv,
				 PTP_CALLBACK_ENVIRON pcbe)
{
	struct _TP_IO *io = sockiocp_create_callback(sizeof(*io), call_io, pfnio, pv, pcbe);
	int err;

	if (!io)
		return NULL;
	io->function = pfnio;
	make_known(io);
	err = sockiocp_bind_to_object(fl, io->number, take_packet);
	if (!err)
		return io;
	sockiocp_close_callback(&io->callback);
	sockiocp_fail(err);
	return NULL;
}

/**
 * StartThreadpoolIo - say that an operation is about to be started
 * @pio: the object of its socket
 *
 * To be called before each operation that a packet will be queued for, which is what
 * WaitForThreadpoolIoCallbacks() waits for and what keeps the object.
 *
 * Windows: "StartThreadpoolIo function (threadpoolapiset.h)".
 */
void WINAPI StartThreadpoolIo(PTP_IO pio)
{
	sockiocp_lock_callbacks();
	sockiocp_count_call(&pio->callback);
	sockiocp_unlock_callbacks();
}

/**
 * CancelThreadpoolIo - say that no packet will be queued for an operation
 * @pio: the object that StartThreadpoolIo() was called for
 *
 * To be called if the operation could not be started, or if it was over at once and the socket
 * has FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
 *
 * Windows: "CancelThreadpoolIo function (threadpoolapiset.h)".
 */
void WINAPI CancelThreadpoolIo(PTP_IO pio)
{
	sockiocp_lock_callbacks();
	sockiocp_uncount_call(&pio->callback);
	sockiocp_unlock_callbacks();
}

/**
 * WaitForThreadpoolIoCallbacks - wait until all operations are over and told
 * @pio: the object
 * @fCancelPendingCallbacks: whether those whose call has not begun are not waited for, and the
 *	function is not called for them; the operations go on
 *
 * Windows: "WaitForThreadpoolIoCallbacks function (threadpoolapiset.h)".
 */
void WINAPI WaitForThreadpoolIoCallbacks(PTP_IO pio, BOOL fCancelPendingCallbacks)
{
	sockiocp_wait_for_calls(&pio->callback, fCancelPendingCallbacks);
}

/**
 * CloseThreadpoolIo - free an object that is told of operations
 * @pio: the object, which is there until the operations that StartThreadpoolIo() was called
 *	for are over; the function is called for these, and for no other.  The socket stays
 *	associated
 *
 * Windows: "CloseThreadpoolIo function (threadpoolapiset.h)".
 */
void WINAPI CloseThreadpoolIo(PTP_IO pio)
{
	sockiocp_close_callback(&pio->callback);
}
