// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Completion ports: creating them, posting to them, taking packets out.
 *
 * A port is an open file of /dev/sockiocp, its handle is the descriptor, and
 * the kernel fills in the program's own array of packets.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "internal.h"
#include "mirror.h"
#include "overlapped.h"
#include "ring.h"

/*
 * The port that this thread is associated with: the last one that it asked for packets.  An
 * alertable wait wants to know, and who looks in vain.
 */
static _Thread_local struct {
	int fd;
	unsigned char count;
	/* So often in a row it has looked in vain, and with which arguments last. */
	unsigned int in_vain;
	unsigned int entry_count;
	__u64 entries;
	__u64 received;
	struct sockiocp_found_mirror mirror;
	/* After so many it looks for a mirror. */
	unsigned int patience;
	/* So often it was given packets by the kernel since it has looked for the ring. */
	unsigned int given;
	int ring;
} associated __attribute__((__tls_model__("initial-exec"))) = { .ring = -1 };

/* The port that this thread posts to: what it knows of it, a signal handler may change. */
static _Thread_local struct {
	int fd;
	/* So often the kernel has done it; after so many it looks for a ring. */
	unsigned int posts;
	unsigned int patience;
	int ring;
} posting __attribute__((__tls_model__("initial-exec"))) = { .ring = -1 };

/* If it finds no mirror, it looks for one half as often from then on. */
#define FIRST_PATIENCE		8
/* An array on a stack has not more; the kernel refuses what has far more. */
#define MANY			4096
/* So much of a stack is likely to be there, around what is in this frame. */
#define FRAME			4096
#define STACK			(64 * 1024)

static bool is_associated(int fd)
{
	return associated.fd == fd && associated.count == sockiocp_close_count(fd);
}

/*
 * A signal handler has asked another port for packets.  Which of the two calls was the last, and
 * so which port the thread is associated with, only the kernel knows.
 */
static __attribute__((__noinline__)) void forget_port(void)
{
	associated.fd = -1;
}

/*
 * Makes the PROCESS ioctl, or one that begins with its structure.  Returns 0 if the call
 * is done, or an errno value: EINTR also if there is no packet, and the call is to be made
 * again.  What packets are there may have something to be finished; the program does not
 * get all of these.
 */
static __inline__ __attribute__((__always_inline__)) int
process_once(int fd, unsigned long call, struct sockiocp_process *process)
{
	UINT32 *received = (UINT32 *)(uintptr_t)process->received;
	int err = ioctl(fd, call, process) ? errno : 0;

	if (!process->entry_count)
		return err;
	if (__builtin_expect(associated.fd != fd, 0))
		forget_port();
	if (err)
		return err;
	if (*received && atomic_load_explicit(&sockiocp_pendings_used, memory_order_relaxed))
		*received = sockiocp_finish_packets(
			(struct sockiocp_packet_entry *)(uintptr_t)process->entries, *received);
	return *received ? 0 : EINTR;
}

/*
 * The kernel says when the time-out is over only if there was no packet.  So if a packet may
 * be taken out it has to be said before.
 */
static void set_deadline(struct sockiocp_process *process)
{
	if (process->timeout_ns && process->timeout_ns != SOCKIOCP_INFINITE &&
	    atomic_load_explicit(&sockiocp_pendings_used, memory_order_relaxed))
		process->deadline_ns = sockiocp_now_ns() + process->timeout_ns;
}

/*
 * What says how many packets there are has to be written to, and so it has to be there still:
 * on the stack, like @process, in its frame or one that has called it.
 */
static __inline__ __attribute__((__always_inline__)) bool
is_on_stack(const struct sockiocp_process *process, __u64 address)
{
	return address + FRAME - (uintptr_t)process < STACK;
}

/* A look at the port has found nothing, without waiting; so all arguments were good. */
static __attribute__((__noinline__)) void note_in_vain(int fd,
						       const struct sockiocp_process *process)
{
	associated.entries = process->entries;
	associated.entry_count = process->entry_count;
	associated.received = process->received;
	if (++associated.in_vain < associated.patience || fd >= SOCKIOCP_COUNTED_FDS ||
	    !is_on_stack(process, process->received))
		return;
	associated.in_vain = 0;
	/* It may be right to have asked: somebody else has taken what was there. */
	if (sockiocp_has_mirror(&associated.mirror) &&
	    sockiocp_mirror_is_empty(&associated.mirror))
		return;
	if (sockiocp_find_mirror(fd, &associated.mirror))
		return;
	/* A port that has a ring has no mirror beside it. */
	associated.ring = sockiocp_find_ring(fd, associated.count);
	if (associated.patience < 1U << 20)
		associated.patience *= 2;
}

static void begin_to_ask(int fd, unsigned char count)
{
	if (fd == associated.fd && count == associated.count)
		return;
	associated.mirror.word = NULL;
	associated.ring = -1;
	associated.given = 0;
	associated.in_vain = 0;
	associated.patience = FIRST_PATIENCE;
	associated.fd = fd;
	associated.count = count;
}

/*
 * Would the call find nothing, if it was made?  The mirror says so as long as @fd is the
 * same port's, and CloseHandle() has counted before that ends.  The kernel would look at the
 * arguments before: they are those with which it has found nothing last.
 */
static __inline__ __attribute__((__always_inline__)) bool
finds_nothing(int fd, unsigned char count, unsigned long call,
	      const struct sockiocp_process *process)
{
	return call == SOCKIOCP_PROCESS && sockiocp_has_mirror(&associated.mirror) &&
	       fd == associated.fd && count == associated.count &&
	       !(process->timeout_ns | process->registrations | process->registration_count) &&
	       process->entries == associated.entries &&
	       process->entry_count == associated.entry_count &&
	       process->received == associated.received &&
	       is_on_stack(process, process->received) &&
	       sockiocp_mirror_is_empty(&associated.mirror);
}

/*
 * Takes packets that this process has posted to itself.  Returns SOCKIOCP_RING_SHUT if the kernel
 * has to be asked: also if there is none and the call would wait.
 */
static __inline__ __attribute__((__always_inline__)) int
take_own(int fd, unsigned char count, unsigned long call, const struct sockiocp_process *process)
{
	struct sockiocp_found_ring found;
	int n;

	if (!sockiocp_get_ring(associated.ring, fd, count, &found) || call != SOCKIOCP_PROCESS ||
	    fd != associated.fd || count != associated.count ||
	    process->registrations | process->registration_count || !process->entry_count ||
	    process->entry_count > MANY ||
	    !is_on_stack(process, process->received) || !is_on_stack(process, process->entries))
		return SOCKIOCP_RING_SHUT;
	n = sockiocp_ring_take(&found,
			       (struct sockiocp_packet_entry *)(uintptr_t)process->entries,
			       process->entry_count);
	return n || !process->timeout_ns ? n : SOCKIOCP_RING_SHUT;
}

/* The kernel has given packets to this thread: are there any that it need not give? */
static __attribute__((__noinline__)) void look_for_ring(int fd, unsigned char count)
{
	if (++associated.given < FIRST_PATIENCE)
		return;
	associated.given = 0;
	associated.ring = sockiocp_find_ring(fd, count);
}

/*
 * What becomes of a call whose first ioctl has ended with @err.  As long as it has ended early,
 * by a signal, or because what was ready no longer is, PROCESS is made again without the
 * registrations.  The kernel has written then when the time-out is over.
 *
 * Returns 0 or an errno value.  ESHUTDOWN says that the port was closed during
 * the call.  It is told apart from a handle that was bad from the beginning
 * (EBADF) by whether the call could wait: the kernel says ESHUTDOWN for both,
 * but without SOCKIOCP_CLOSE, which this library never asks for, a closed port
 * has no descriptor, and the only calls that see it are those that were under
 * way.
 *
 * Between two ioctls of one call the descriptor may be closed by another
 * thread, and its number may come to be another port's.  The kernel cannot know
 * that we meant the first one, hence the count.  What remains is a close and a
 * creation within the few instructions between the look at the count and the
 * ioctl, the same that a program risks which closes a handle while it calls.
 */
static __attribute__((__noinline__)) int
go_on(int fd, unsigned char count, bool waits, struct sockiocp_process *process, int err)
{
	if (err == ETIME && !waits)
		note_in_vain(fd, process);
	if (err == ESHUTDOWN)
		return waits ? ESHUTDOWN : EBADF;
	if (err != EINTR)
		return sockiocp_port_error(fd, err);

	process->registrations = 0;
	process->registration_count = 0;
	do {
		if (sockiocp_close_count(fd) != count)
			return ESHUTDOWN;
		err = process_once(fd, SOCKIOCP_PROCESS, process);
	} while (err == EINTR);
	if (!err)
		return 0;
	err = sockiocp_port_error(fd, err);
	return err == EBADF ? ESHUTDOWN : err;
}

/*
 * Makes @call, which is the PROCESS ioctl or begins with it, to its end.  @port is looked at by
 * the kernel only.  Returns 0 or an errno value.
 */
static __inline__ __attribute__((__always_inline__)) int
process_with(HANDLE port, unsigned long call, struct sockiocp_process *process)
{
	int fd = sockiocp_handle_fd(port);
	unsigned char count = sockiocp_close_count(fd);
	bool waits = process->timeout_ns;
	int err, own = take_own(fd, count, call, process);

	if (own >= 0) {
		*(UINT32 *)(uintptr_t)process->received = (UINT32)own;
		return own ? 0 : ETIME;
	}
	if (finds_nothing(fd, count, call, process)) {
		*(UINT32 *)(uintptr_t)process->received = 0;
		return ETIME;
	}
	process->handle = (UINT32)fd;
	if (process->entry_count)
		begin_to_ask(fd, count);
	set_deadline(process);
	err = process_once(fd, call, process);
	if (__builtin_expect(err, 0))
		return go_on(fd, count, waits, process, err);
	associated.in_vain = 0;
	if (__builtin_expect(atomic_load_explicit(&sockiocp_rings_made, memory_order_relaxed), 0))
		look_for_ring(fd, count);
	return 0;
}

int sockiocp_process(HANDLE port, struct sockiocp_process *process)
{
	return process_with(port, SOCKIOCP_PROCESS, process);
}

/* The same with operations, which are submitted by the home port @batch->home. */
int sockiocp_process_batch(HANDLE port, struct sockiocp_batch *batch)
{
	return process_with(port, SOCKIOCP_BATCH, &batch->process);
}

/*
 * Waits for up to @count packets, alertably if asked for.  Returns 0 or an errno
 * value: ECANCELED if functions were called instead.  As on Windows, packets go
 * before functions only for a thread that is associated with the port, and to call
 * functions does not associate it.
 */
static int harvest(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG count,
		   ULONG *received, DWORD ms, BOOL alertable)
{
	struct sockiocp_process process = {
		.entries = (uintptr_t)entries,
		.received = (uintptr_t)received,
		.timeout_ns = ms == INFINITE ? SOCKIOCP_INFINITE :
					       ms * NSEC_PER_MSEC,
		.entry_count = count,
	};
	unsigned long long end = ULLONG_MAX, wake, now;
	int fd = sockiocp_handle_fd(port);
	bool queued;
	int err;

	if (!alertable)
		return sockiocp_process(port, &process);

	now = sockiocp_now_ns();
	if (ms != INFINITE)
		end = now + ms * NSEC_PER_MSEC;
	do {
		wake = sockiocp_alertable_deadline(end);
		process.timeout_ns = wake == ULLONG_MAX ? SOCKIOCP_INFINITE :
				     wake > now ? wake - now : 0;
		process.deadline_ns = 0;
		queued = sockiocp_alertable_begin((long long *)&process.timeout_ns, 1);
		if (queued && entries && received && !is_associated(fd) &&
		    !sockiocp_check_port(fd)) {
			*received = 0;
			err = ETIME;
		} else {
			err = sockiocp_process(port, &process);
		}
		if (sockiocp_alertable_end(err == ETIME))
			return ECANCELED;
		now = sockiocp_now_ns();
		/* A timer may have been cancelled while this slept. */
	} while (err == ETIME && wake < end);
	return err;
}

/**
 * CreateIoCompletionPort - create a completion port, or associate a socket
 * @FileHandle: a socket to associate with the port, or INVALID_HANDLE_VALUE
 * @ExistingCompletionPort: the port; NULL to create one
 * @CompletionKey: what packets of the socket's operations carry
 * @NumberOfConcurrentThreads: how many of the threads that take packets from
 *	the new port should run at the same time; 0 means one per processor.
 *	Ignored if there is a port already
 *
 * The caller owns the handle and passes it to CloseHandle().  It is a file
 * descriptor above 2 that is not inherited by programs started with exec, and
 * it can be given to poll(2) and the like: it is readable while there are
 * packets.
 *
 * A socket can be associated once, with any port, until it is closed: until the
 * last of its descriptors is, in all processes; closing the port does not end that.
 * Packets of its overlapped operations go to the port then, also of those that pend.
 * ProcessSocketNotifications() neither needs it nor minds.
 *
 * Return: the handle, which is @ExistingCompletionPort if that is not NULL; NULL
 * if it fails, and GetLastError() says why:
 *   ERROR_FILE_NOT_FOUND	the kernel module is not loaded, or its device is
 *				not here (the text, from FormatMessageA(), says
 *				which, and what to do)
 *   ERROR_ACCESS_DENIED	/dev/sockiocp may not be opened by this user, or a
 *				seccomp filter refuses ioctl() with EPERM or EACCES
 *   ERROR_CALL_NOT_IMPLEMENTED	a seccomp filter refuses ioctl() with ENOSYS
 *   ERROR_INVALID_PARAMETER	there is a port but no socket; what is to be
 *				associated is not a socket, or is associated
 *   ERROR_INVALID_HANDLE	one of the handles is not open, or the port is not
 *				a port
 *   ERROR_TOO_MANY_OPEN_FILES	the process or the system has no descriptor left
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *   ERROR_NO_SYSTEM_RESOURCES	the user has as many sockets associated as it may have
 *				registered
 *   ERROR_NOT_SUPPORTED		a file; a socket of AF_SMC that has fallen back to TCP; the
 *				kernel module is older than this library
 *
 * Windows: "CreateIoCompletionPort function (ioapiset.h)".
 */
HANDLE WINAPI CreateIoCompletionPort(HANDLE FileHandle,
				     HANDLE ExistingCompletionPort,
				     ULONG_PTR CompletionKey,
				     DWORD NumberOfConcurrentThreads)
{
	bool associates = FileHandle != INVALID_HANDLE_VALUE;
	HANDLE port = ExistingCompletionPort;
	int err = 0;

	if (associates)
		err = sockiocp_check_socket(FileHandle);
	else if (port)
		err = EINVAL;
	if (!err && !port)
		err = sockiocp_create_port(NumberOfConcurrentThreads, &port);
	if (!err && associates) {
		err = sockiocp_associate(FileHandle, port, CompletionKey);
		if (err && !ExistingCompletionPort)
			close(sockiocp_handle_fd(port));
	}
	if (err) {
		sockiocp_fail(err);
		return NULL;
	}
	return port;
}

/**
 * GetQueuedCompletionStatus - take one packet from a completion port
 * @CompletionPort: the port
 * @lpNumberOfBytesTransferred: receives the packet's number of bytes: the
 *	events of a socket state notification; what an overlapped operation has
 *	transferred
 * @lpCompletionKey: receives the packet's key
 * @lpOverlapped: receives the packet's pointer, which is NULL for a socket
 *	state notification, the operation's for an overlapped operation, and
 *	whatever was posted otherwise; receives NULL if there is no packet
 * @dwMilliseconds: how long to wait, in ms of CLOCK_MONOTONIC; 0 does not wait,
 *	INFINITE waits for ever
 *
 * Return: TRUE with a packet; FALSE otherwise, and GetLastError() says why:
 *   WAIT_TIMEOUT		no packet came in time
 *   ERROR_ABANDONED_WAIT_0	the port was closed during the wait
 *   ERROR_INVALID_HANDLE	not a completion port
 *   ERROR_INVALID_PARAMETER	a pointer is NULL
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 * If *@lpOverlapped is not NULL then, there was a packet, of an operation that
 * failed, and the last error says why: the NTSTATUS of the packet as Windows
 * translates it:
 *   ERROR_NETNAME_DELETED	the peer has reset the connection
 *   ERROR_CONNECTION_ABORTED	the socket was closed, and was connected
 *   ERROR_OPERATION_ABORTED	the operation was cancelled, or the socket closed
 *   ERROR_MORE_DATA		there was more of the datagram
 *   ERROR_CONNECTION_REFUSED, ERROR_PORT_UNREACHABLE, ERROR_SEM_TIMEOUT,
 *   ERROR_NETWORK_UNREACHABLE, ERROR_HOST_UNREACHABLE, ERROR_NOACCESS, and others;
 *   ERROR_MR_MID_NOT_FOUND if the status is none that operations on sockets end in
 *
 * Windows: "GetQueuedCompletionStatus function (ioapiset.h)".
 */
BOOL WINAPI GetQueuedCompletionStatus(HANDLE CompletionPort,
				      LPDWORD lpNumberOfBytesTransferred,
				      PULONG_PTR lpCompletionKey,
				      LPOVERLAPPED *lpOverlapped,
				      DWORD dwMilliseconds)
{
	OVERLAPPED_ENTRY entry;
	ULONG received;
	DWORD error;
	int err;

	if (!lpNumberOfBytesTransferred || !lpCompletionKey || !lpOverlapped)
		return sockiocp_fail(EINVAL);

	*lpOverlapped = NULL;
	err = harvest(CompletionPort, &entry, 1, &received, dwMilliseconds,
		      FALSE);
	if (err)
		return sockiocp_fail(err);

	*lpNumberOfBytesTransferred = entry.dwNumberOfBytesTransferred;
	*lpCompletionKey = entry.lpCompletionKey;
	*lpOverlapped = entry.lpOverlapped;
	error = sockiocp_status_error(entry.Internal);
	if (error) {
		SetLastError(error);
		return FALSE;
	}
	return TRUE;
}

/**
 * GetQueuedCompletionStatusEx - take several packets from a completion port
 * @CompletionPort: the port
 * @lpCompletionPortEntries: receives the packets
 * @ulCount: how many there is room for, at least 1
 * @ulNumEntriesRemoved: receives how many there are, 0 if none came; not touched if
 *	an argument is wrong
 * @dwMilliseconds: how long to wait for the first one, in ms of
 *	CLOCK_MONOTONIC; 0 does not wait, INFINITE waits for ever
 * @fAlertable: whether functions of QueueUserAPC() are called, which end the
 *	wait; not while there are packets, unless it was not this port that the
 *	thread has asked for packets last
 *
 * Return: TRUE with one packet or more; FALSE otherwise, and GetLastError()
 * says why:
 *   WAIT_TIMEOUT		no packet came in time
 *   WAIT_IO_COMPLETION		functions of QueueUserAPC() were called
 *   ERROR_ABANDONED_WAIT_0	the port was closed during the wait
 *   ERROR_INVALID_HANDLE	not a completion port
 *   ERROR_INVALID_PARAMETER	@ulCount is 0 or above the kernel's limit
 *   ERROR_NOACCESS		a pointer is NULL or bad
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "GetQueuedCompletionStatusEx function (ioapiset.h)".
 */
BOOL WINAPI GetQueuedCompletionStatusEx(HANDLE CompletionPort,
					LPOVERLAPPED_ENTRY lpCompletionPortEntries,
					ULONG ulCount,
					PULONG ulNumEntriesRemoved,
					DWORD dwMilliseconds, BOOL fAlertable)
{
	int err;

	/* To the kernel, 0 would mean not to harvest. */
	if (!ulCount)
		return sockiocp_fail(EINVAL);

	err = harvest(CompletionPort, lpCompletionPortEntries, ulCount,
		      ulNumEntriesRemoved, dwMilliseconds, fAlertable);
	if (err)
		return sockiocp_fail(err);
	return TRUE;
}

_Static_assert(sizeof(struct sockiocp_packet_entry) == sizeof(struct sockiocp_post) &&
	       offsetof(struct sockiocp_packet_entry, overlapped) ==
		       offsetof(struct sockiocp_post, overlapped) &&
	       offsetof(struct sockiocp_packet_entry, bytes_transferred) ==
		       offsetof(struct sockiocp_post, bytes_transferred) &&
	       offsetof(struct sockiocp_packet_entry, reserved) ==
		       offsetof(struct sockiocp_post, flags),
	       "a packet is posted as it comes");

/* Puts it into the ring, if this thread has found one. */
static __inline__ __attribute__((__always_inline__)) bool
post_own(int fd, const struct sockiocp_packet_entry *entry)
{
	struct sockiocp_found_ring found;

	return sockiocp_get_ring(posting.ring, fd, sockiocp_close_count(fd), &found) &&
	       sockiocp_ring_put(&found, entry);
}

/*
 * The kernel has to do it, again.  If all that it has was taken since, and nobody waits, it need
 * not do so any more: then this thread has a ring.  Returns whether it has.
 */
static __attribute__((__noinline__)) bool look_for_ring_to_post(int fd)
{
	if (fd != posting.fd || !posting.patience) {
		posting.fd = fd;
		posting.posts = 1;
		posting.patience = FIRST_PATIENCE;
	}
	if (posting.posts <= posting.patience || (unsigned int)fd >= SOCKIOCP_COUNTED_FDS)
		return false;
	posting.posts = 0;
	posting.ring = sockiocp_make_ring(fd, sockiocp_close_count(fd));
	if (posting.ring >= 0)
		posting.patience = FIRST_PATIENCE;
	else if (posting.patience < 1U << 20)
		posting.patience *= 2;
	return posting.ring >= 0;
}

/* Is it time to look whether there can be a ring? */
static __inline__ __attribute__((__always_inline__)) bool wants_ring_to_post(int fd)
{
	return fd != posting.fd || ++posting.posts > posting.patience;
}

/**
 * PostQueuedCompletionStatus - put a packet into a completion port's queue
 * @CompletionPort: the port
 * @dwNumberOfBytesTransferred: any value
 * @dwCompletionKey: any value
 * @lpOverlapped: any value; never used as a pointer
 *
 * The three values come out as they are, behind all packets that are queued.
 *
 * Return: TRUE; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a completion port
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *   ERROR_NO_SYSTEM_RESOURCES	the limit of posted packets of the user who
 *				created the port is reached
 *
 * Windows: "PostQueuedCompletionStatus function (ioapiset.h)".
 */
BOOL WINAPI PostQueuedCompletionStatus(HANDLE CompletionPort,
				       DWORD dwNumberOfBytesTransferred,
				       ULONG_PTR dwCompletionKey,
				       LPOVERLAPPED lpOverlapped)
{
	struct sockiocp_packet_entry entry = {
		.completion_key = dwCompletionKey,
		.overlapped = (uintptr_t)lpOverlapped,
		.bytes_transferred = dwNumberOfBytesTransferred,
	};
	int fd = sockiocp_handle_fd(CompletionPort);
	int err;

	if (post_own(fd, &entry))
		return TRUE;
	if (wants_ring_to_post(fd) && look_for_ring_to_post(fd) && post_own(fd, &entry))
		return TRUE;
	/* It is a struct sockiocp_post, too. */
	if (!ioctl(fd, SOCKIOCP_POST, &entry))
		return TRUE;
	err = sockiocp_port_error(fd, errno);
	return sockiocp_fail(err == ESHUTDOWN ? EBADF : err);
}
