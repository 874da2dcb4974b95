/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The ABI of /dev/sockiocp: socket state notifications and completion ports.
 *
 * Each open file of the device is one completion port.  Programs normally use
 * the Win32 functions of libsockiocp; this header is for those who speak to
 * the kernel themselves.
 *
 * Rules that hold for every ioctl:
 *
 *   - Structures have a fixed size, no holes and the same layout for 32-bit and
 *     64-bit callers.  The size is part of the command (_IOC_SIZE): a caller
 *     with a larger structure than the module knows gets E2BIG unless the part
 *     that is not known is zero; a shorter one than the first version gets
 *     EINVAL.
 *   - Flags and reserved fields must be zero (EINVAL).
 *   - A pointer is a __u64.  EFAULT says that one cannot be read or written.
 *   - ENOTTY: not a sockiocp file, or a command that is not known.
 *   - ESHUTDOWN: the port was closed (SOCKIOCP_CLOSE, or the last descriptor
 *     of the calling process).
 *   - An error changes nothing, unless the ioctl says otherwise.
 */
#ifndef _UAPI_LINUX_SOCKIOCP_H
#define _UAPI_LINUX_SOCKIOCP_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The version of all that is sockiocp, and the only place that says it.  It is for
 * people: programs go by SOCKIOCP_ABI_VERSION and sockiocp_info.features.
 */
#define SOCKIOCP_VERSION	"1.0.0"

#define SOCKIOCP_ABI_VERSION	1

/**
 * struct sockiocp_registration_entry - one entry of a batch of registrations
 * @socket: in: descriptor of the socket, in the caller's table.
 * @completion_key: in: what packets of this registration carry.  Used when the
 *	registration is created and ignored afterwards (the old key stays).
 * @event_filter: in: SOCKIOCP_REGISTER_* bits.  Ignored by DISABLE and REMOVE.
 * @operation: in: one of SOCKIOCP_OP_*.
 * @trigger_flags: in: SOCKIOCP_TRIGGER_* bits: exactly one of LEVEL and EDGE,
 *	at most one of ONESHOT and PERSISTENT (none means PERSISTENT).  Ignored
 *	by DISABLE and REMOVE.
 * @registration_result: out: one of SOCKIOCP_RESULT_*, always written when the
 *	call returns 0 or fails with ETIME or EINTR.
 *
 * The layout is that of SOCK_NOTIFY_REGISTRATION on 64-bit Windows.
 */
struct sockiocp_registration_entry {
	__aligned_u64 socket;
	__aligned_u64 completion_key;
	__u16 event_filter;
	__u8 operation;
	__u8 trigger_flags;
	__u32 registration_result;
};

/* sockiocp_registration_entry.event_filter */
#define SOCKIOCP_REGISTER_NONE		0x00
#define SOCKIOCP_REGISTER_IN		0x01
#define SOCKIOCP_REGISTER_OUT		0x02
#define SOCKIOCP_REGISTER_HANGUP	0x04
#define SOCKIOCP_REGISTER_ALL		0x07

/* sockiocp_registration_entry.operation */
#define SOCKIOCP_OP_NONE		0
#define SOCKIOCP_OP_ENABLE		1
#define SOCKIOCP_OP_DISABLE		2
#define SOCKIOCP_OP_REMOVE		4

/* sockiocp_registration_entry.trigger_flags */
#define SOCKIOCP_TRIGGER_ONESHOT	0x01
#define SOCKIOCP_TRIGGER_PERSISTENT	0x02
#define SOCKIOCP_TRIGGER_LEVEL		0x04
#define SOCKIOCP_TRIGGER_EDGE		0x08
#define SOCKIOCP_TRIGGER_ALL		0x0f

/*
 * sockiocp_registration_entry.registration_result.  The numbers are those that
 * a Windows program knows, so that the library has nothing to translate.
 */
#define SOCKIOCP_RESULT_SUCCESS		0
/* Out of memory: ERROR_NOT_ENOUGH_MEMORY. */
#define SOCKIOCP_RESULT_NO_MEMORY	8
/* The socket is registered with another port: ERROR_INVALID_PARAMETER. */
#define SOCKIOCP_RESULT_OTHER_PORT	87
/* REMOVE of a socket that is not registered: ERROR_NOT_FOUND. */
#define SOCKIOCP_RESULT_NOT_FOUND	1168
/* Bad filter, operation or combination of triggers: WSAEINVAL. */
#define SOCKIOCP_RESULT_INVALID		10022
/* Not a descriptor of an open socket: WSAENOTSOCK. */
#define SOCKIOCP_RESULT_NOT_SOCKET	10038
/* A socket of a kind that cannot be registered: WSAEOPNOTSUPP. */
#define SOCKIOCP_RESULT_NOT_SUPPORTED	10045
/* Over the user's limit of registrations: WSAENOBUFS. */
#define SOCKIOCP_RESULT_LIMIT		10055

/**
 * struct sockiocp_packet_entry - one completion packet
 * @completion_key: the registration's key, or the one that was posted.
 * @overlapped: 0 for a notification; what was posted otherwise.
 * @internal: 0 for a notification; what was posted otherwise.
 * @bytes_transferred: for a notification SOCKIOCP_EVENT_* bits; what was posted
 *	otherwise.
 * @reserved: written as 0; SOCKIOCP_PACKET_READY for an operation that the harvester has to
 *	finish, see SOCKIOCP_SUBMIT_POLL_IN: then @internal is the operation's cookie.
 *
 * The layout is that of OVERLAPPED_ENTRY on 64-bit Windows.
 */
struct sockiocp_packet_entry {
	__aligned_u64 completion_key;
	__aligned_u64 overlapped;
	__aligned_u64 internal;
	__u32 bytes_transferred;
	__u32 reserved;
};

/* sockiocp_packet_entry.reserved */
#define SOCKIOCP_PACKET_READY		0x01

/* sockiocp_packet_entry.bytes_transferred of a notification */
#define SOCKIOCP_EVENT_IN		0x01
#define SOCKIOCP_EVENT_OUT		0x02
#define SOCKIOCP_EVENT_HANGUP		0x04
#define SOCKIOCP_EVENT_ERR		0x40
#define SOCKIOCP_EVENT_REMOVE		0x80

/**
 * struct sockiocp_info - what the module is and what this port is set to
 * @abi_version: out: SOCKIOCP_ABI_VERSION of the module.
 * @concurrency: out: the concurrency value in force: what was configured, or
 *	the number of processors.
 * @features: out: SOCKIOCP_FEATURE_* bits.
 * @max_batch: out: the largest registration_count and entry_count of a call.
 * @reserved: out: 0.
 * @max_user_registrations: out: how many registrations this port's owner may hold
 *	in all ports together.
 * @max_user_packets: out: how many posted packets of this port's owner may be
 *	queued in all ports together.
 * @user_registrations: out: how many registrations this port's owner holds.
 * @user_packets: out: how many posted packets of this port's owner are queued, or
 *	have room in rings.
 * @version: out: SOCKIOCP_VERSION of the module, for reports; ends with a 0.  Not there
 *	in the first version.
 */
struct sockiocp_info {
	__u32 abi_version;
	__u32 concurrency;
	__aligned_u64 features;
	__u32 max_batch;
	__u32 reserved;
	__aligned_u64 max_user_registrations;
	__aligned_u64 max_user_packets;
	__aligned_u64 user_registrations;
	__aligned_u64 user_packets;
	char version[16];
};

/* sockiocp_info.features: bits are added as features are. */
/* sockiocp_process.deadline_ns */
#define SOCKIOCP_FEATURE_DEADLINE	0x01
/* SOCKIOCP_OFFER and SOCKIOCP_FETCH: kernels from 5.15 on */
#define SOCKIOCP_FEATURE_DUPLICATE	0x100
/* SOCKIOCP_ASSOCIATE, SOCKIOCP_SET_MODES */
#define SOCKIOCP_FEATURE_ASSOCIATION	0x02
/* SOCKIOCP_SUBMIT, SOCKIOCP_BATCH, SOCKIOCP_CANCEL, SOCKIOCP_CLOSE_SOCKET */
#define SOCKIOCP_FEATURE_OPERATIONS	0x04
/* SOCKIOCP_SET_MIRROR: kernels of 64 bits */
#define SOCKIOCP_FEATURE_MIRROR		0x08

/**
 * struct sockiocp_config - what can be set on a port
 * @flags: in: must be 0.
 * @concurrency: in: how many threads of the port should run at once; 0 means
 *	the number of processors.  SOCKIOCP_INFO reports it.
 */
struct sockiocp_config {
	__u32 flags;
	__u32 concurrency;
};

/**
 * struct sockiocp_process - register a batch of sockets, harvest a batch of packets
 * @registrations: in: address of &struct sockiocp_registration_entry
 *	[@registration_count]; 0 if and only if the count is 0.
 * @entries: in: address of &struct sockiocp_packet_entry [@entry_count]; 0 if
 *	the count is 0.  Must not overlap @registrations.
 * @received: in: address of a __u32 that receives the number of packets; 0 if
 *	@entry_count is 0.  0 is written there after ETIME, EINTR and a wait that
 *	ended in ESHUTDOWN, and if the call is to be made again.
 * @timeout_ns: in: how long to wait for the first packet, in nanoseconds of
 *	CLOCK_MONOTONIC; 0 does not wait, SOCKIOCP_INFINITE waits for ever.  Must
 *	be 0 if @entry_count is 0.  out: what is left of it when the call returns
 *	early (0 packets, or EINTR); otherwise untouched.  But time goes on until
 *	the call is made again: see @deadline_ns.
 * @registration_count: in: at most sockiocp_info.max_batch.
 * @entry_count: in: at most sockiocp_info.max_batch; 0 means not to harvest.
 * @handle: in: the descriptor that the ioctl is made on.  A thread that waits
 *	is released when this descriptor is closed and no other one of its
 *	process refers to the port.
 * @flags: in: must be 0.
 * @deadline_ns: in: 0; or the time of CLOCK_MONOTONIC at which the wait ends, in place
 *	of what @timeout_ns says, if that is neither 0 nor SOCKIOCP_INFINITE.  out:
 *	that time, when the call returns early with a finite @timeout_ns, so that
 *	whoever makes the call again as it is loses no time.  It is the host's
 *	clock, also in a time namespace with another one.  Not there in the
 *	first version: a caller with the shorter structure has @timeout_ns only.
 */
struct sockiocp_process {
	__aligned_u64 registrations;
	__aligned_u64 entries;
	__aligned_u64 received;
	__aligned_u64 timeout_ns;
	__u32 registration_count;
	__u32 entry_count;
	__u32 handle;
	__u32 flags;
	__aligned_u64 deadline_ns;
};

#define SOCKIOCP_INFINITE	(~0ULL)

/**
 * struct sockiocp_post - put one packet of one's own into the queue
 * @completion_key: in: any value.
 * @overlapped: in: any value.
 * @internal: in: any value.
 * @bytes_transferred: in: any value.
 * @flags: in: must be 0.
 */
struct sockiocp_post {
	__aligned_u64 completion_key;
	__aligned_u64 overlapped;
	__aligned_u64 internal;
	__u32 bytes_transferred;
	__u32 flags;
};

#define SOCKIOCP_TOKEN_SIZE	16

/**
 * struct sockiocp_offer - a socket for another process
 * @socket: in: descriptor of the socket, in the caller's table.
 * @process: in: number of the process that may fetch it, as the caller sees it.
 * @flags: in: must be 0.
 * @token: out: what that process has to show: random bytes.
 */
struct sockiocp_offer {
	__aligned_u64 socket;
	__u32 process;
	__u32 flags;
	__u8 token[SOCKIOCP_TOKEN_SIZE];
};

/**
 * struct sockiocp_fetch - take a socket that was offered
 * @token: in: what SOCKIOCP_OFFER has given to the process that made the offer.
 * @flags: in: must be 0.
 * @reserved: in: must be 0.
 */
struct sockiocp_fetch {
	__u8 token[SOCKIOCP_TOKEN_SIZE];
	__u32 flags;
	__u32 reserved;
};

/**
 * struct sockiocp_association - associate a socket with a port
 * @socket: in: descriptor of the socket, in the caller's table.
 * @completion_key: in: what packets of the socket's operations carry.
 * @flags: in: must be 0.
 * @reserved: in: must be 0.
 */
struct sockiocp_association {
	__aligned_u64 socket;
	__aligned_u64 completion_key;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct sockiocp_modes - set modes of a socket
 * @socket: in: descriptor of the socket, in the caller's table.
 * @modes: in: SOCKIOCP_MODE_* bits that are set, for good.
 * @reserved: in: must be 0.
 */
struct sockiocp_modes {
	__aligned_u64 socket;
	__u32 modes;
	__u32 reserved;
};

/* sockiocp_modes.modes: the numbers are those of SetFileCompletionNotificationModes() */
#define SOCKIOCP_MODE_SKIP_PACKET	0x01
#define SOCKIOCP_MODE_SKIP_EVENT	0x02
/* Operations are carried out in the call: SOCKIOCP_SUBMIT says ENOTBLK. */
#define SOCKIOCP_MODE_SYNCHRONOUS	0x04
#define SOCKIOCP_MODE_ALL		0x07

/**
 * struct sockiocp_buffer - where data of an operation comes from or goes to
 * @length: in bytes.
 * @address: the memory.
 *
 * The layout is that of WSABUF on 64-bit Windows, so what is between the two is ignored.
 */
struct sockiocp_buffer {
	__u32 length;
	__u32 reserved;
	__aligned_u64 address;
};

/**
 * struct sockiocp_submit - an operation on a socket
 * @socket: in: descriptor of the socket, in the caller's table.
 * @overlapped: in: address of the caller's OVERLAPPED: of two __u64, which are written when
 *	the operation completes: its state (an NTSTATUS), and the number of bytes.  The
 *	second is written first.
 * @buffers: in: SOCKIOCP_SUBMIT_RECEIVE and SEND: address of &struct sockiocp_buffer
 *	[@buffer_count]; it is copied, while what it points to stays the module's until the
 *	operation has completed.
 * @name: in: SOCKIOCP_SUBMIT_SEND: address of the receiver's address, or 0; it is copied.
 *	SOCKIOCP_SUBMIT_RECEIVE: where the sender's address goes, or 0.
 * @name_length: in: SOCKIOCP_SUBMIT_SEND: the length at @name.
 *	SOCKIOCP_SUBMIT_RECEIVE: address of a __u32, with the length of what is at @name;
 *	it is overwritten by the length of the address.
 * @cookie: in: any value: what packets to the port of the call carry for a key.
 * @buffer_count: in: SOCKIOCP_SUBMIT_RECEIVE and SEND: 1 to 1024.  With other operations this,
 *	@buffers, @name and @name_length must be 0.
 * @operation: in: one of SOCKIOCP_SUBMIT_*.
 * @message_flags: in: MSG_* of Linux: MSG_PEEK or MSG_WAITALL (receive), MSG_OOB and
 *	MSG_DONTROUTE (send).
 *	out: those of what was received, if it completes at once.
 * @flags: in: SOCKIOCP_SUBMIT_TO_HOME and so on; 0 with SOCKIOCP_SUBMIT_NEXT.
 * @event: in: descriptor of an eventfd, with SOCKIOCP_SUBMIT_EVENT; otherwise 0.
 * @bytes: out: how many, if it completes at once.  in: SOCKIOCP_SUBMIT_RESULT.
 * @status: in: SOCKIOCP_SUBMIT_RESULT: an NTSTATUS; otherwise 0.
 * @result: in: must be 0.  out: SOCKIOCP_BATCH: what SOCKIOCP_SUBMIT would return, 1, 0 or a
 *	negative errno.
 *
 * It is written until the call returns, when another thread may have the packet already.
 */
struct sockiocp_submit {
	__aligned_u64 socket;
	__aligned_u64 overlapped;
	__aligned_u64 buffers;
	__aligned_u64 name;
	__aligned_u64 name_length;
	__aligned_u64 cookie;
	__u32 buffer_count;
	__u32 operation;
	__u32 message_flags;
	__u32 flags;
	__u32 event;
	__u32 bytes;
	__u32 status;
	__s32 result;
};

/* sockiocp_submit.operation */
#define SOCKIOCP_SUBMIT_RECEIVE		0
#define SOCKIOCP_SUBMIT_SEND		1
/*
 * Wait until a connection can be accepted, or an attempt at one is over: what is left to
 * do is the caller's, who gets a packet with SOCKIOCP_PACKET_READY for it, and writes the
 * OVERLAPPED.  One that was told so keeps those behind it in its direction waiting until
 * SOCKIOCP_SUBMIT_NEXT, or the socket's next wake-up.  They always pend.
 */
#define SOCKIOCP_SUBMIT_POLL_IN		2
#define SOCKIOCP_SUBMIT_POLL_OUT	3
/* What SOCKIOCP_PACKET_READY has told was done, or given up: the next ones may go on. */
#define SOCKIOCP_SUBMIT_NEXT		4
/*
 * Completes, with @status and @bytes: an event, and a packet if the socket is associated, and
 * neither TO_HOME nor NO_PACKET is set.
 */
#define SOCKIOCP_SUBMIT_RESULT		5

/* sockiocp_submit.flags */
/* Its packet goes to the port of the call, with @cookie for a key. */
#define SOCKIOCP_SUBMIT_TO_HOME		0x01
/* It has no packet but that of SOCKIOCP_PACKET_READY.  Not together with TO_HOME. */
#define SOCKIOCP_SUBMIT_NO_PACKET	0x02
/* @event is signalled when it completes, before its packet comes. */
#define SOCKIOCP_SUBMIT_EVENT		0x04
/* POLL_IN, POLL_OUT: it goes before others that pend. */
#define SOCKIOCP_SUBMIT_FIRST		0x08
/* It may end with its thread: SOCKIOCP_CANCEL_END_OF_THREAD. */
#define SOCKIOCP_SUBMIT_OF_THREAD	0x10
#define SOCKIOCP_SUBMIT_ALL_FLAGS	0x1f

/**
 * struct sockiocp_cancel - cancel operations that pend on a socket
 * @socket: in: descriptor of the socket, in the caller's table.
 * @overlapped: in: those with this address; 0 for all.
 * @flags: in: SOCKIOCP_CANCEL_OF_THREAD: those that the calling thread has submitted.
 *	SOCKIOCP_CANCEL_END_OF_THREAD, alone: the calling thread is about to end; then
 *	@socket and @overlapped must be 0.
 * @cancelled: out: how many were asked to end.
 */
struct sockiocp_cancel {
	__aligned_u64 socket;
	__aligned_u64 overlapped;
	__u32 flags;
	__u32 cancelled;
};

#define SOCKIOCP_CANCEL_OF_THREAD	0x01
/*
 * On all sockets, what the calling thread has submitted by the port of the call, its home port,
 * with SOCKIOCP_SUBMIT_OF_THREAD.  What has a packet for the port of its socket, and no event,
 * goes on.
 */
#define SOCKIOCP_CANCEL_END_OF_THREAD	0x02

/**
 * struct sockiocp_batch - submit operations, register sockets and harvest packets
 * @process: in, out: as for SOCKIOCP_PROCESS.  It keeps its size here, also if that of
 *	SOCKIOCP_PROCESS grows.
 * @operations: in: address of &struct sockiocp_submit [@operation_count], or 0.
 *	out: of the first that was not submitted.
 * @operation_count: in: how many; not more than sockiocp_info.max_batch.
 *	out: how many were not submitted.
 * @operation_size: in: the size of &struct sockiocp_submit, so that it can grow; not more than
 *	4096.  If a kernel that knows less finds anything but 0 in the rest of an operation, the
 *	result of that is -E2BIG.
 * @home: in: descriptor of the caller's home port, in its table; ignored without operations.
 * @reserved: in: must be 0.
 */
struct sockiocp_batch {
	struct sockiocp_process process;
	__aligned_u64 operations;
	__u32 operation_count;
	__u32 operation_size;
	__u32 home;
	__u32 reserved;
};

/**
 * struct sockiocp_mirror - a word of the program's that says whether a queue is empty
 * @word: in: address of a word of 64 bits, aligned, in memory that is mapped shared.
 *	out: of the one that is in use.
 * @empty: in: what the word shall be while the queue is empty: not 0, but the lowest two bits
 *	must be.  out: what the one in use is then.
 * @handle: in: the descriptor by which the call is made.
 * @flags: in: SOCKIOCP_MIRROR_RING or 0.  out: of the one that is in use.
 */
struct sockiocp_mirror {
	__aligned_u64 word;
	__aligned_u64 empty;
	__u32 handle;
	__u32 flags;
};

/* sockiocp_mirror.flags: the word is the first of a struct sockiocp_ring. */
#define SOCKIOCP_MIRROR_RING	0x01

/* The two lowest bits of a mirror's word. */
/* Something may be queued. */
#define SOCKIOCP_MIRROR_FILLED	0x01
/* The port does not write here any more. */
#define SOCKIOCP_MIRROR_ENDED	0x02

#define SOCKIOCP_RING_SLOTS	64

/**
 * struct sockiocp_ring - packets that a program has posted to itself, in one page of its memory
 * @tail: a mirror's word.  Four times the number of the next packet to be put in, and the two
 *	lowest bits: only while both are 0 packets may be put in.
 * @head: four times the number of the oldest packet that was not taken.
 * @lock: the program's own: the kernel does not look at it.
 * @reserved: the program's own, too.
 * @entries: packet number n is in element n modulo SOCKIOCP_RING_SLOTS.
 *
 * To put one in: write it to @entries, then compare-exchange @tail, with both bits 0, for four
 * more; not if @tail - @head is 4 * SOCKIOCP_RING_SLOTS.  Only one thread at a time may be at it.
 * To take some, oldest first: read @head, then @tail, copy them, then compare-exchange @head for
 * four times as many more; what was copied counts only if that succeeds.
 */
struct sockiocp_ring {
	__aligned_u64 tail;
	__aligned_u64 head;
	__aligned_u64 lock;
	__aligned_u64 reserved[5];
	struct sockiocp_packet_entry entries[SOCKIOCP_RING_SLOTS];
};

#define SOCKIOCP_IOC_MAGIC	0xBC

/*
 * SOCKIOCP_INFO: fill in a &struct sockiocp_info.  A caller with a shorter or a
 * longer structure gets the part that both know, and zeros behind it.
 */
#define SOCKIOCP_INFO		_IOR(SOCKIOCP_IOC_MAGIC, 0x00, struct sockiocp_info)

/* SOCKIOCP_CONFIGURE: set a &struct sockiocp_config. */
#define SOCKIOCP_CONFIGURE	_IOW(SOCKIOCP_IOC_MAGIC, 0x01, struct sockiocp_config)

/*
 * SOCKIOCP_PROCESS: apply the registrations in order, writing each one's result
 * in place, then harvest up to entry_count packets, waiting for the first.
 *
 * Returns 0 with at least one packet (or with entry_count 0); 0 with none, and
 * timeout_ns and deadline_ns updated, asks the caller to call again without
 * registrations.
 *
 *   EINVAL  bad combination of arguments, a count over max_batch, flags
 *   EFAULT  an address that cannot be read or written
 *   ETIME   the registrations were applied, no packet came in time
 *   EINTR   the registrations were applied, a signal came before any packet;
 *           timeout_ns is what is left, and deadline_ns when it is over: call
 *           again without registrations
 *   ESHUTDOWN  the port was closed, before the call or while it waited; in the
 *           second case the registrations were applied
 *   EXDEV   the port is another process' home port, or has become one while it waited;
 *           as before
 *
 * All arguments are looked at before the first registration is applied, so
 * EINVAL and EFAULT change nothing; only when memory that could be written
 * vanishes during the call does EFAULT come late.  No packet is lost even then.
 * Of the memory for packets that of the first 32 is looked at: if that behind it is
 * bad, a call takes no more packets than there is good memory for.
 */
#define SOCKIOCP_PROCESS	_IOWR(SOCKIOCP_IOC_MAGIC, 0x02, struct sockiocp_process)

/*
 * SOCKIOCP_POST: queue a &struct sockiocp_post behind what is there.
 *
 *   ENOMEM  out of memory
 *   ENOBUFS over the limit of posted packets of the user who opened the port
 */
#define SOCKIOCP_POST		_IOW(SOCKIOCP_IOC_MAGIC, 0x03, struct sockiocp_post)

/*
 * SOCKIOCP_CLOSE: close the port for everybody.  Whoever waits, in whichever
 * process, gets ESHUTDOWN, and so does every later call but this one.  Sockets
 * are free to be registered elsewhere when the last descriptor is closed.
 */
#define SOCKIOCP_CLOSE		_IO(SOCKIOCP_IOC_MAGIC, 0x04)

/*
 * SOCKIOCP_OFFER: offer a socket to a process of the same user, which fetches it with the
 * token, once.  How the token gets there is the caller's matter.
 *
 * The offer does not keep the socket open, except for one of AF_UNIX: it is of no use when
 * all descriptors are closed.  It is good for 5 minutes, also when the port is closed that
 * it was made on, or the process has ended that made it.  Which port that was, does not
 * matter; its owner is charged.
 *
 *   EBADF   not an open descriptor
 *   ENOTSOCK  not a socket
 *   EOPNOTSUPP  a socket that AF_SMC has taken over
 *   ESRCH   there is no such process (a thread is none)
 *   EPERM   the process' user ids are not all the caller's effective one
 *   ENOBUFS over the limit of offers of the user who opened the port
 *   ENOMEM  out of memory
 *   ENOTTY  SOCKIOCP_FEATURE_DUPLICATE is not there
 *
 * When it fails @token may have been written; there is no offer.
 */
#define SOCKIOCP_OFFER		_IOWR(SOCKIOCP_IOC_MAGIC, 0x08, struct sockiocp_offer)

/*
 * SOCKIOCP_FETCH: get a socket that was offered to the calling process, on any port.
 *
 * Returns a descriptor in the caller's table, with O_CLOEXEC: it and the one that was
 * offered are the same socket, as if it had been passed by SCM_RIGHTS.
 *
 *   ENOENT  no such offer: it was fetched, it is too old, or it never was; or another
 *           thread is fetching it
 *   EPERM   the offer is another process', or not all user ids of the caller are the
 *           offering one's
 *   ESTALE  the socket was closed meanwhile; the offer has ended
 *   EMFILE, ENFILE  no descriptor is left
 *   ENOMEM  out of memory
 *   ENOTTY  SOCKIOCP_FEATURE_DUPLICATE is not there
 *   others  a security module does not let this process have the socket
 *
 * After an error, except for ESTALE, the offer is what it was.
 */
#define SOCKIOCP_FETCH		_IOW(SOCKIOCP_IOC_MAGIC, 0x09, struct sockiocp_fetch)

/*
 * SOCKIOCP_ASSOCIATE: associate the socket of a &struct sockiocp_association with the
 * port: once, whichever of its descriptors and whichever process asks.  It lasts until the
 * last descriptor of the socket is closed, even if the port is closed before, or until the
 * module is unloaded.  It keeps neither of them open.
 *
 *   EINVAL      flags or reserved are not 0; the socket is associated, with this port or
 *               another one
 *   EBADF       not a descriptor
 *   ENOTSOCK    not of a socket
 *   EOPNOTSUPP  a socket of AF_SMC
 *   ENOBUFS     over the limit: the user who opened the port may have as many sockets
 *               associated, or with modes, as registrations
 *   ENOMEM      out of memory
 */
#define SOCKIOCP_ASSOCIATE	_IOW(SOCKIOCP_IOC_MAGIC, 0x05, struct sockiocp_association)

/*
 * SOCKIOCP_SET_MODES: set modes of the socket of a &struct sockiocp_modes, whether it is
 * associated or not.  They last as an association does.
 *
 *   EINVAL      modes that are not known, reserved is not 0
 *   EBADF, ENOTSOCK, EOPNOTSUPP, ENOBUFS, ENOMEM  as above
 */
#define SOCKIOCP_SET_MODES	_IOW(SOCKIOCP_IOC_MAGIC, 0x06, struct sockiocp_modes)

/*
 * SOCKIOCP_SUBMIT: start the operation of a &struct sockiocp_submit.  The port of the call
 * becomes the caller's home port: from then on only threads of its process submit by it, and
 * harvest it.
 *
 * A receive or send that cannot be done at once pends.  It is carried out by a thread of the
 * process that has submitted it: one that harvests the port that the socket is associated
 * with, or, if it is not, or there is an event, one that harvests the home port.  Its packet
 * goes to the port that the socket is associated with when it completes, with the key of the
 * association; if it is not associated to the home port, with @cookie.
 *
 * Returns 1 if it pends: then a packet comes, unless NO_PACKET is set.  Returns 0 if it has
 * completed: then one comes if the socket is associated, unless SOCKIOCP_MODE_SKIP_PACKET,
 * TO_HOME or NO_PACKET are set.  After an error nothing comes, but for EMSGSIZE of a receive,
 * which is a completion (the rest of a datagram is lost).  SOCKIOCP_SUBMIT_RESULT ignores
 * SOCKIOCP_MODE_SKIP_PACKET.
 *
 *   EXDEV   the port is another process' home port
 *   EINVAL  an argument is none of the above; the buffers have more than 2 GiB less a page
 *	together
 *   EFAULT, EBADF (also @event), ENOTSOCK, ENOMEM
 *   EOPNOTSUPP  a kind of socket that cannot be registered either; a name on AF_UNIX;
 *	MSG_WAITALL with MSG_PEEK, or on a socket that is no stream; a send on
 *	AF_VSOCK's SOCK_SEQPACKET
 *   ENOTBLK the socket has SOCKIOCP_MODE_SYNCHRONOUS
 *   EPIPE   this side of the socket was shut down for that direction
 *   ENOBUFS over the limit of operations of the user who opened the port; 1,024 operations
 *	pend in this direction of the socket
 *   others  as recvmsg(2) and sendmsg(2)
 */
#define SOCKIOCP_SUBMIT		_IOWR(SOCKIOCP_IOC_MAGIC, 0x07, struct sockiocp_submit)

/*
 * SOCKIOCP_CANCEL: a &struct sockiocp_cancel, of operations that the calling process has
 * submitted.  Each still completes: as cancelled, or if it was just being carried out with
 * its result.  A receive with MSG_WAITALL that has a part completes with that.
 *
 *   EXDEV   SOCKIOCP_CANCEL_END_OF_THREAD: the port is another process' home port
 *   EINVAL, EFAULT, EBADF, ENOTSOCK
 */
#define SOCKIOCP_CANCEL		_IOWR(SOCKIOCP_IOC_MAGIC, 0x0a, struct sockiocp_cancel)

/*
 * SOCKIOCP_CLOSE_SOCKET: close the descriptor of a socket, as close(2) does, and complete
 * what pends on the socket, if it was the last one.  The argument is the descriptor.
 *
 *   EBADF, ENOTSOCK: nothing was closed
 */
#define SOCKIOCP_CLOSE_SOCKET	_IO(SOCKIOCP_IOC_MAGIC, 0x0b)

/*
 * SOCKIOCP_BATCH: for each operation of a &struct sockiocp_batch, in their order, what
 * SOCKIOCP_SUBMIT does by the port @home; then what SOCKIOCP_PROCESS does.  Each operation has
 * its own result; one that fails keeps no other from being submitted.
 *
 * It waits only if all of them pend: process.timeout_ns becomes 0 otherwise, since there may be
 * no packet that tells of one that has completed, or failed.
 *
 * If the call fails after some were submitted (EFAULT, EINTR, ETIME) the structure says
 * which are left, so that the same call made again submits none twice.
 *
 *   EXDEV   one of the two ports is another process' home port: nothing was submitted; or
 *           the port of the call has become one meanwhile, which @operation_count tells
 *   EBADF   @home is no descriptor of a port
 *   EINVAL  too many operations, of another size
 *   EFAULT  an operation cannot be read, or its results cannot be written
 *   others  as SOCKIOCP_PROCESS
 */
#define SOCKIOCP_BATCH		_IOWR(SOCKIOCP_IOC_MAGIC, 0x0c, struct sockiocp_batch)

/*
 * SOCKIOCP_SET_MIRROR: say by the word of a &struct sockiocp_mirror whether the port's queue is
 * empty, or if it has a mirror of this process, which one that is.
 *
 * While the word is @empty, SOCKIOCP_PROCESS without registrations and with timeout_ns 0 would
 * return ETIME if it was called, good arguments provided.  The word becomes
 * @empty | SOCKIOCP_MIRROR_FILLED when something is queued, and @empty when such a call has found
 * nothing.  It becomes @empty | SOCKIOCP_MIRROR_ENDED, and is not written to again, when a
 * descriptor of the port is closed, whichever it is and by whom, or SOCKIOCP_CLOSE is called, or
 * the port becomes a home port.  So as long as that has not come, and no close() has begun, a
 * descriptor that the caller had is the same port (but in a table that was made without it, by
 * close_range() with CLOSE_RANGE_UNSHARE).  The program must not write to the word meanwhile, and
 * may use it anew with another @empty.
 *
 * To read the word is no barrier, as a call would be: who has to be seen by another thread before
 * he looks, puts one in front.  What such a call does besides, to associate the thread with the
 * port, is left to a call that is made.
 *
 * The page of the word is pinned until the mirror ends, and counts for RLIMIT_MEMLOCK.
 *
 * With SOCKIOCP_MIRROR_RING the word is the @tail of a &struct sockiocp_ring, whose numbers
 * begin with @empty.  What is put there is a posted packet: it is older than all that is queued
 * in the kernel while it is there, and who harvests, waits or polls takes the kernel to have it.
 * The port sets SOCKIOCP_MIRROR_FILLED when anything is queued, when a thread begins to wait or
 * to poll, and when more threads are associated with it than may run; it takes the bit back when
 * a call that has not waited, and has taken something from the queue or found nothing there,
 * leaves nothing behind, and none of these is so.  While it is not set
 * and @head is @tail, nothing is queued.  What is there when the mirror ends is queued in the
 * kernel, if @tail was changed by compare-exchange only.  It counts as SOCKIOCP_RING_SLOTS posted
 * packets of the user who opened the port, from the beginning to the end.  A mirror of the
 * process that has no ring ends, if there can be one with a ring.
 *
 *   EINVAL  no such word: not aligned, in private memory, in that of a file (but of tmpfs, or
 *           memfd_create()), or in a huge page; @empty; unknown flags; a ring that is not in one
 *           page
 *   EAGAIN  with SOCKIOCP_MIRROR_RING: something is queued, a thread waits or polls, more are
 *           associated than may run, or the module is being traced: there is no ring, or still
 *           none
 *   EFAULT  it cannot be written; from 6.5 on also for that of a file
 *   EBADF   @handle is not, or no longer, a descriptor of the port: there is no mirror then
 *   EBUSY   the port has a mirror in the memory of another process
 *   EXDEV   it is a home port
 *   ENOBUFS over RLIMIT_MEMLOCK; a ring, and the user has a quarter of what it may post
 *   ENOMEM  out of memory
 *   EOPNOTSUPP  a kernel of 32 bits, or of a processor whose caches go by virtual addresses; a
 *           ring, and neither x86-64 nor s390
 */
#define SOCKIOCP_SET_MIRROR	_IOWR(SOCKIOCP_IOC_MAGIC, 0x0d, struct sockiocp_mirror)

#ifdef __cplusplus
#define __SOCKIOCP_ASSERT(cond)	static_assert(cond, #cond)
#else
#define __SOCKIOCP_ASSERT(cond)	_Static_assert(cond, #cond)
#endif
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_registration_entry) == 24);
__SOCKIOCP_ASSERT(__builtin_offsetof(struct sockiocp_registration_entry, event_filter) == 16);
__SOCKIOCP_ASSERT(__builtin_offsetof(struct sockiocp_registration_entry, registration_result) == 20);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_packet_entry) == 32);
__SOCKIOCP_ASSERT(__builtin_offsetof(struct sockiocp_packet_entry, bytes_transferred) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_info) == 72);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_mirror) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_ring) == 2112);
__SOCKIOCP_ASSERT(__builtin_offsetof(struct sockiocp_ring, entries) == 64);
__SOCKIOCP_ASSERT(sizeof(SOCKIOCP_VERSION) <= 16);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_config) == 8);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_process) == 56);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_post) == 32);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_offer) == 32);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_fetch) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_association) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_modes) == 16);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_buffer) == 16);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_submit) == 80);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_cancel) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_batch) == 80);
#undef __SOCKIOCP_ASSERT

#endif /* _UAPI_LINUX_SOCKIOCP_H */
