// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Overlapped operations in batches: SockiocpProcess().
 */
#include <errno.h>
#include <stdlib.h>

#include "overlapped.h"
#include "winsock.h"

#pragma GCC visibility push(default)
#include <sockiocp.h>
#pragma GCC visibility pop

/* Of an operation that the library refuses: the module does, too. */
#define REFUSED		(~0U)

/* Operations of a batch as the module has them, in memory for few, or of malloc(). */
struct submits {
	struct sockiocp_submit *all;
	struct sockiocp_submit few[16];
};

/* Returns 0 or an errno value. */
static int prepare(SOCKIOCP_OPERATION *op, struct sockiocp_submit *submit)
{
	struct sockiocp_transfer transfer = {
		.fd = sockiocp_socket_fd(op->socket),
		.operation = op->operation,
		.buffers = op->buffers,
		.count = op->bufferCount,
		.flags = op->flags,
		.name = op->name,
		.overlapped = op->overlapped,
	};

	if (!op->overlapped || op->reserved)
		return EINVAL;
	switch (op->operation) {
	case SOCKIOCP_RECEIVE:
		transfer.from_length = op->nameLength;
		break;
	case SOCKIOCP_SEND:
		if (op->name && !op->nameLength)
			return EFAULT;
		transfer.name_length = op->name ? *op->nameLength : 0;
		break;
	default:
		return EINVAL;
	}
	return sockiocp_prepare_transfer(&transfer, submit);
}

/*
 * What another thread asks is remembered before the call, which may wait: that something may
 * pend.
 */
static void prepare_all(SOCKIOCP_OPERATION *operations, UINT32 count, struct sockiocp_submit *all)
{
	struct sockiocp_submit *submit;
	UINT32 i;
	int err;

	for (i = 0; i < count; i++) {
		submit = &all[i];
		err = prepare(&operations[i], submit);
		if (err) {
			*submit = (struct sockiocp_submit) { .operation = REFUSED,
							     .status = (__u32)err };
			continue;
		}
		sockiocp_note_pending(submit->socket);
		if (submit->operation == SOCKIOCP_SUBMIT_SEND)
			sockiocp_note_pending_send((int)submit->socket);
	}
}

/* Returns what WSARecvFrom() or WSASendTo() says, by its errno value. */
static DWORD error_of(const SOCKIOCP_OPERATION *op, int err)
{
	int fd = sockiocp_socket_fd(op->socket);

	if (op->operation == SOCKIOCP_SEND)
		sockiocp_send_fail(fd, err);
	else
		sockiocp_receive_fail(fd, err);
	return (DWORD)WSAGetLastError();
}

static void tell(SOCKIOCP_OPERATION *op, const struct sockiocp_submit *submit)
{
	int err;

	if (submit->operation == REFUSED) {
		op->operationResult = error_of(op, (int)submit->status);
		return;
	}
	if (submit->result > 0) {
		op->operationResult = WSA_IO_PENDING;
		return;
	}
	err = submit->result ? sockiocp_submit_error(-submit->result) : 0;
	/* The socket would have the call wait. */
	if (err == ENOTBLK)
		err = EOPNOTSUPP;
	if (!err || (err == EMSGSIZE && op->operation == SOCKIOCP_RECEIVE)) {
		op->bytesTransferred = submit->bytes;
		if (op->operation == SOCKIOCP_RECEIVE)
			op->flags = err ? MSG_PARTIAL : 0;
	}
	op->operationResult = err ? error_of(op, err) : 0;
}

/* Writes the results of those that were submitted.  Returns whether all of them pend. */
static bool tell_all(SOCKIOCP_OPERATION *operations, UINT32 count,
		     const struct sockiocp_submit *all)
{
	bool all_pend = true;
	UINT32 i;

	for (i = 0; i < count; i++) {
		tell(&operations[i], &all[i]);
		all_pend &= operations[i].operationResult == WSA_IO_PENDING;
	}
	return all_pend;
}

/* SOCKIOCP_BATCH, once more if the home port was lost.  Returns 0 or an errno value. */
static int process_batch(HANDLE port, struct sockiocp_batch *batch)
{
	UINT32 count = batch->operation_count;
	unsigned int seen;
	int home, err;

	home = sockiocp_home(&seen);
	if (home < 0)
		return sockiocp_submit_error(errno);
	batch->home = (__u32)home;
	err = sockiocp_process_batch(port, batch);
	if (!err || batch->operation_count < count || !sockiocp_home_is_lost(home, err))
		return err;
	home = sockiocp_home_again(seen);
	if (home < 0)
		return sockiocp_submit_error(errno);
	batch->home = (__u32)home;
	return sockiocp_process_batch(port, batch);
}

/**
 * SockiocpProcess - start operations, register sockets and take packets in one call
 * @completionPort: a port of CreateIoCompletionPort()
 * @operationCount: how many elements @operations has, at most SOCKIOCP_MAX_OPERATIONS
 * @operations: receives and sends, which are started in this order.  Each is what
 *	WSARecvFrom() or WSASendTo() with its OVERLAPPED is, and has its own operationResult:
 *	what the function would say.  NULL if and only if @operationCount is 0.
 * @registrationCount: as for ProcessSocketNotifications(), and so are the others
 * @registrationInfos: likewise
 * @timeoutMs: likewise; but the call waits only if all operations pend
 * @completionCount: likewise
 * @completionPortEntries: likewise
 * @receivedEntryCount: likewise
 *
 * Not Windows'.  The packets are those of @completionPort; an operation's packet goes to the
 * port that its socket is associated with, which may be another one.
 *
 * An operation that is over when the call returns has its result in its element; whether it
 * has a packet as well is as for the function.  So the call does not wait then, nor if an
 * operation has failed: it takes the packets that there are.
 *
 * There are no completion routines, and a socket without the overlapped attribute is refused.
 *
 * Return: as ProcessSocketNotifications(), with WSAENETDOWN and WSAEOPNOTSUPP if the kernel
 * module is not loaded or older than batches.  ERROR_SUCCESS without a packet says that an
 * operation is over or has failed.  With WSAEINVAL, WSAEFAULT, WSAENOBUFS, WSAEOPNOTSUPP and
 * ERROR_INVALID_HANDLE nothing was started, and no result is written.  An operationResult is
 * 0, WSA_IO_PENDING, WSAEINVAL (no OVERLAPPED, no such operation), WSAEOPNOTSUPP (the socket
 * has no overlapped attribute), or what WSARecvFrom() or WSASendTo() says.
 */
DWORD WSAAPI SockiocpProcess(HANDLE completionPort, UINT32 operationCount,
			     SOCKIOCP_OPERATION *operations, UINT32 registrationCount,
			     SOCK_NOTIFY_REGISTRATION *registrationInfos, UINT32 timeoutMs,
			     ULONG completionCount, OVERLAPPED_ENTRY *completionPortEntries,
			     UINT32 *receivedEntryCount)
{
	struct sockiocp_batch batch = {
		.process = sockiocp_process_of(registrationCount, registrationInfos, timeoutMs,
					       completionCount, completionPortEntries,
					       receivedEntryCount),
		.operation_count = operationCount,
		.operation_size = sizeof(struct sockiocp_submit),
	};
	struct submits submits;
	int err;

	if (!operationCount && !operations)
		return ProcessSocketNotifications(completionPort, registrationCount,
						  registrationInfos, timeoutMs, completionCount,
						  completionPortEntries, receivedEntryCount);
	if (!operationCount || !operations || operationCount > SOCKIOCP_MAX_OPERATIONS)
		return sockiocp_notifications_code(EINVAL);
	submits.all = submits.few;
	if (operationCount > ARRAY_LEN(submits.few))
		submits.all = malloc(operationCount * sizeof(*submits.all));
	if (!submits.all)
		return sockiocp_notifications_code(ENOMEM);

	prepare_all(operations, operationCount, submits.all);
	batch.operations = (uintptr_t)submits.all;
	err = process_batch(completionPort, &batch);
	if (!tell_all(operations, operationCount - batch.operation_count, submits.all) &&
	    err == ETIME)
		err = 0;
	if (submits.all != submits.few)
		free(submits.all);
	/* The module is older. */
	return sockiocp_notifications_code(err == ENOTTY ? EOPNOTSUPP : err);
}
