// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Completion routines: what a thread calls, in an alertable wait, for an overlapped operation
 * of its own that is over.
 */
#include <errno.h>
#include <stdlib.h>

#include <ntstatus.h>

#include "overlapped.h"

/* An operation that the module carries out. */
struct operation {
	struct sockiocp_routine routine;
	struct sockiocp_pending pending;
};

static void call_routine(struct sockiocp_apc *apc)
{
	struct sockiocp_routine copy = *(struct sockiocp_routine *)apc;

	free(apc);
	copy.function(copy.error, copy.bytes, copy.overlapped, copy.flags);
}

/* Makes it one of the calling thread.  Returns 0 or an errno value. */
int sockiocp_begin_routine(struct sockiocp_routine *routine, LPOVERLAPPED overlapped,
			   LPWSAOVERLAPPED_COMPLETION_ROUTINE function)
{
	*routine = (struct sockiocp_routine) {
		.apc.call = call_routine,
		.thread = sockiocp_thread_serial(),
		.function = function,
		.overlapped = overlapped,
	};
	return routine->thread ? 0 : ENOMEM;
}

/* Has its thread call it, with what became of the operation; or frees it. */
void sockiocp_queue_routine(struct sockiocp_routine *routine, ULONG status, DWORD bytes)
{
	routine->error = (DWORD)sockiocp_status_wsa_error(status);
	routine->bytes = bytes;
	/* There was more of the datagram. */
	routine->flags = status == (ULONG)STATUS_BUFFER_OVERFLOW ? MSG_PARTIAL : 0;
	if (!sockiocp_queue_apc(routine->thread, &routine->apc))
		free(routine);
}

/* The same for an operation of the calling thread that is over.  Without memory it is not told. */
void sockiocp_tell_routine(LPWSAOVERLAPPED_COMPLETION_ROUTINE function, LPOVERLAPPED overlapped,
			   ULONG status, DWORD bytes)
{
	struct sockiocp_routine *routine = malloc(sizeof(*routine));

	if (routine && !sockiocp_begin_routine(routine, overlapped, function))
		sockiocp_queue_routine(routine, status, bytes);
	else
		free(routine);
}

static bool operation_is_over(struct sockiocp_pending *pending,
			      struct sockiocp_packet_entry *packet, bool at_home)
{
	struct operation *operation =
		(struct operation *)((char *)pending - offsetof(struct operation, pending));

	(void)at_home;
	sockiocp_queue_routine(&operation->routine, (ULONG)packet->internal,
			       packet->bytes_transferred);
	return false;
}

/*
 * As sockiocp_submit(), of a receive or a send, when it is over the calling thread calls
 * @function.
 */
int sockiocp_submit_with_routine(struct sockiocp_submit *submit,
				 LPWSAOVERLAPPED_COMPLETION_ROUTINE function)
{
	LPOVERLAPPED overlapped = (LPOVERLAPPED)(uintptr_t)submit->overlapped;
	struct operation *operation = malloc(sizeof(*operation));
	int result = -1, err = ENOMEM;

	if (!operation)
		goto out;
	operation->pending.harvested = operation_is_over;
	operation->pending.forget = NULL;
	err = sockiocp_begin_routine(&operation->routine, overlapped, function);
	if (err)
		goto out;

	submit->flags |= SOCKIOCP_SUBMIT_TO_HOME;
	result = sockiocp_submit_pending(submit, &operation->pending);
	err = errno;
	if (!result) {
		sockiocp_queue_routine(&operation->routine, STATUS_SUCCESS, submit->bytes);
	} else if (result < 0 && err == EMSGSIZE &&
		   submit->operation == SOCKIOCP_SUBMIT_RECEIVE) {
		/* That is a completion too. */
		sockiocp_queue_routine(&operation->routine, (ULONG)STATUS_BUFFER_OVERFLOW,
				       submit->bytes);
	} else if (result < 0) {
		free(operation);
	}
	errno = err;
	return result;
out:
	free(operation);
	errno = err;
	return -1;
}
