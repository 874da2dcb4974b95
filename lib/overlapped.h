/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* What the files share that have to do with overlapped operations. */
#ifndef _SOCKIOCP_LIB_OVERLAPPED_H
#define _SOCKIOCP_LIB_OVERLAPPED_H

#include <linux/sockiocp.h>

#include "internal.h"

/*
 * An operation that the library has something to do for when its packet comes: a member of
 * a structure that the caller allocates.
 */
struct sockiocp_pending {
	/* In the table of those that pend, while nobody has harvested its packet. */
	struct sockiocp_pending *next;
	LPOVERLAPPED overlapped;
	/*
	 * Called, with no lock held, by the thread that has harvested the packet: the program's,
	 * in a call that takes packets, or (@at_home) the library's own.  The structure is the
	 * callee's from then on, who frees it or submits it again.
	 *
	 * @packet->reserved is SOCKIOCP_PACKET_READY if there is something to be finished.  It
	 * is 0 if the operation is over, because it was cancelled or its socket closed, or
	 * because it is one that the module carries out: the OVERLAPPED is written.
	 *
	 * Returns whether the program gets the packet, which then has the result in @internal
	 * and @bytes_transferred, and 0 in @reserved.  If not it is taken out, and the wait
	 * goes on.  At home nobody gets it whatever this returns: what was READY there is
	 * completed by SOCKIOCP_SUBMIT_RESULT.
	 */
	bool (*harvested)(struct sockiocp_pending *pending,
			  struct sockiocp_packet_entry *packet, bool at_home);
	/*
	 * Called in place of it if the packet will never be seen: the OVERLAPPED is over and
	 * used again.  It frees.  NULL if that cannot be.
	 */
	void (*forget)(struct sockiocp_pending *pending);
};

/* pending.c */

/* Whether any operation of this process ever had a callback: what follows is needed. */
extern atomic_bool sockiocp_pendings_used;

void sockiocp_add_pending(struct sockiocp_pending *pending);
struct sockiocp_pending *sockiocp_take_pending(const OVERLAPPED *overlapped, uintptr_t cookie);
void sockiocp_forget_pendings(const OVERLAPPED *overlapped);
void sockiocp_forget_all_pendings(void);
unsigned int sockiocp_finish_packets(struct sockiocp_packet_entry *packets, unsigned int count);

/* home.c */
extern void (*_Atomic sockiocp_notified)(const struct sockiocp_packet_entry *packet);
int sockiocp_call_home(unsigned long call, void *argument, bool harvested);
int sockiocp_home_ioctl(unsigned long call, void *argument);
int sockiocp_home(unsigned int *seen);
int sockiocp_home_again(unsigned int seen);
bool sockiocp_home_is_lost(int fd, int err);
int sockiocp_close_socket(int fd);
bool sockiocp_has_submitted(void);
unsigned int sockiocp_results(void);
void sockiocp_wait_result(unsigned int seen, unsigned long long ns);

/* overlapped.c */
void sockiocp_begin_without_event(struct sockiocp_submit *submit, int fd,
				  LPOVERLAPPED overlapped);
int sockiocp_begin_submit(struct sockiocp_submit *submit, int fd, LPOVERLAPPED overlapped);
int sockiocp_submit_error(int err);
int sockiocp_submit(struct sockiocp_submit *submit);
int sockiocp_submit_pending(struct sockiocp_submit *submit, struct sockiocp_pending *pending);
void sockiocp_complete(LPOVERLAPPED overlapped, ULONG status, ULONG_PTR bytes);

/* completion_routine.c */

/* A completion routine that is to be called: at the beginning of memory of malloc(). */
struct sockiocp_routine {
	struct sockiocp_apc apc;
	/* Whose it is. */
	unsigned long long thread;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE function;
	LPOVERLAPPED overlapped;
	DWORD error, bytes, flags;
};

int sockiocp_begin_routine(struct sockiocp_routine *routine, LPOVERLAPPED overlapped,
			   LPWSAOVERLAPPED_COMPLETION_ROUTINE function);
void sockiocp_queue_routine(struct sockiocp_routine *routine, ULONG status, DWORD bytes);
void sockiocp_tell_routine(LPWSAOVERLAPPED_COMPLETION_ROUTINE function, LPOVERLAPPED overlapped,
			   ULONG status, DWORD bytes);
int sockiocp_submit_with_routine(struct sockiocp_submit *submit,
				 LPWSAOVERLAPPED_COMPLETION_ROUTINE function);

/* operations_end.c */
void sockiocp_ends_with_thread(struct sockiocp_submit *submit);
bool sockiocp_has_operations(void);
void sockiocp_note_pending(__u64 socket);
void sockiocp_cancel_all(void);

/* buffers.c */

/* A receive or a send with an OVERLAPPED. */
struct sockiocp_transfer {
	int fd;
	/* SOCKIOCP_SUBMIT_RECEIVE or SOCKIOCP_SUBMIT_SEND */
	unsigned int operation;
	WSABUF *buffers;
	DWORD count;
	/* MSG_* of Windows; those that Linux does not know are taken out before. */
	DWORD flags;
	/* To or from whom, or NULL; its length, or where that is. */
	const struct sockaddr *name;
	INT name_length;
	LPINT from_length;
	LPOVERLAPPED overlapped;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
	/* What was transferred, if it is over. */
	DWORD bytes;
};

int sockiocp_prepare_transfer(struct sockiocp_transfer *transfer,
			      struct sockiocp_submit *submit);
int sockiocp_transfer(struct sockiocp_transfer *transfer);

/* ntstatus.c */
ULONG sockiocp_ntstatus(int err);
int sockiocp_status_wsa_error(ULONG_PTR status);

#endif /* _SOCKIOCP_LIB_OVERLAPPED_H */
