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
#define SOCKIOCP_VERSION	"0.1"

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
 * @reserved: written as 0.
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
 * @max_user_registrations: out: how many registrations a user may hold in all
 *	ports together.
 * @max_user_packets: out: how many posted packets of a user may be queued in
 *	all ports together.
 * @user_registrations: out: how many registrations this port's owner holds.
 * @user_packets: out: how many posted packets of this port's owner are queued.
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
#define SOCKIOCP_MODE_ALL		0x03

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
__SOCKIOCP_ASSERT(sizeof(SOCKIOCP_VERSION) <= 16);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_config) == 8);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_process) == 56);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_post) == 32);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_offer) == 32);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_fetch) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_association) == 24);
__SOCKIOCP_ASSERT(sizeof(struct sockiocp_modes) == 16);
#undef __SOCKIOCP_ASSERT

#endif /* _UAPI_LINUX_SOCKIOCP_H */
