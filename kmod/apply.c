// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the entries of a batch say is applied: registrations are made, changed and
 * removed, and closed sockets looked for where a user is at its limit.
 */
#include "chunk.h"
#include "hook.h"
#include "registration.h"

#include <linux/file.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <net/sock.h>

/**
 * struct sockiocp_call - what the registrations of one call share
 * @chunk: what is taken as it is armed
 * @spare: memory for registrations
 * @harvests: the call goes on to harvest
 * @made: how many were made
 * @created: how many of them since closed sockets were last looked for
 * @left: how many entries there are, from the first one of those that were read last
 * @first: one of them was the only one of the port
 * @swept: the user's closed sockets were looked for already
 */
struct sockiocp_call {
	struct sockiocp_chunk *chunk;
	struct sockiocp_memories *spare;
	bool harvests;
	unsigned int made;
	unsigned int created;
	unsigned int left;
	bool first;
	bool swept;
};

/* The socket's registration, or NULL. */
static struct sockiocp_registration *apply_find_registration(struct socket *socket)
{
	struct sockiocp_hook *hook = sockiocp_hook_find(socket, sockiocp_registration_wake);

	return hook ? container_of(hook, struct sockiocp_registration, hook) : NULL;
}

/*
 * May sleep for memory: what was taken is in the queue meanwhile, where others find it who look.
 * They are told at the end of the call, as of all that it arms.
 */
static u32 apply_create(struct sockiocp_port *port, struct sockiocp_call *call,
			struct socket *socket, u64 key, struct sockiocp_registration **new)
{
	u32 result;

	sockiocp_chunk_give_back(call->chunk);
	/* Who has made so many may make as many more. */
	result = sockiocp_registration_create(port, socket, key, call->spare,
					      min(call->made, call->left - call->created), new);
	if (!result) {
		call->created++;
		call->made++;
	}
	return result;
}

/*
 * What this call has taken already has come to an entry about the same socket: as if it
 * stood in the queue, what holds is what the last one says.  It may be another call's.
 */
static bool apply_is_taken(const struct sockiocp_call *call,
			   const struct sockiocp_registration *reg)
{
	return call->chunk->nr && sockiocp_packet_is_taken(reg);
}

/* How a socket has to be looked at that an entry has armed. */
struct apply_look {
	/* If it has to be reported, with a reference. */
	struct sockiocp_registration *armed;
	/* The bits of its filter that were not there before. */
	u8 added;
	/* If it was taken at once. */
	struct sockiocp_delivery *taken;
};

/* Let a registration report what @entry asks for, or nothing. */
static __always_inline void apply_change(struct sockiocp_registration *reg, bool is_new,
					 struct sockiocp_call *call,
					 const struct sockiocp_registration_entry *entry,
					 struct apply_look *look)
{
	struct sockiocp_port *port = reg->hook.port;

	lockdep_assert_held(&sockiocp_registration_socket(reg)->wq.wait.lock);

	spin_lock(&port->lock);
	if (is_new) {
		sockiocp_hook_add(&reg->hook);
		call->first |= port->nr_hooks == 1;
	}
	if (entry->operation == SOCKIOCP_OP_DISABLE) {
		sockiocp_trigger_set_enabled(reg, false);
		sockiocp_packet_unqueue(reg);
		trace_sockiocp_disable(reg);
	} else {
		look->added = sockiocp_trigger_change_terms(reg, entry);
		if (trace_sockiocp_arm_enabled())
			sockiocp_trace_arm(reg);
		if (call->harvests && !sockiocp_registration_is_edge(reg)) {
			look->taken = sockiocp_chunk_take_at_once(call->chunk, reg);
			if (!look->taken)
				sockiocp_packet_queue_unread(reg);
		} else {
			refcount_inc(&reg->hook.refs);
			look->armed = reg;
		}
	}
	spin_unlock(&port->lock);
}

static u32 apply_enable_or_disable(struct sockiocp_port *port, struct sockiocp_call *call,
				   struct file *file, struct socket *socket,
				   const struct sockiocp_registration_entry *entry)
{
	struct apply_look look = { .armed = NULL };
	struct sockiocp_registration *reg, *new = NULL;
	u32 result = SOCKIOCP_RESULT_SUCCESS;
	bool is_new;

	/* Nobody waits for this socket, most likely: so it has none. */
	if (!waitqueue_active(&socket->wq.wait)) {
		result = apply_create(port, call, socket, entry->completion_key, &new);
		if (result)
			return result;
	}
again:
	spin_lock_irq(&socket->wq.wait.lock);
	reg = apply_find_registration(socket);
	if (!reg && !new) {
		spin_unlock_irq(&socket->wq.wait.lock);
		result = apply_create(port, call, socket, entry->completion_key, &new);
		if (result)
			return result;
		goto again;
	}
	if (reg && unlikely(apply_is_taken(call, reg))) {
		spin_unlock_irq(&socket->wq.wait.lock);
		sockiocp_chunk_give_back(call->chunk);
		goto again;
	}
	is_new = !reg;
	if (is_new)
		swap(reg, new);
	if (likely(reg->hook.port == port))
		apply_change(reg, is_new, call, entry, &look);
	else
		result = SOCKIOCP_RESULT_OTHER_PORT;
	spin_unlock_irq(&socket->wq.wait.lock);

	/* Another thread registered the socket while ours was being made. */
	if (unlikely(new))
		sockiocp_registration_put(new);
	if (look.taken) {
		sockiocp_trigger_verify_held(look.taken, file);
	} else if (look.armed) {
		sockiocp_trigger_arm(look.armed, file, look.added);
		sockiocp_registration_put(look.armed);
	}
	return result;
}

static u32 apply_remove(struct sockiocp_port *port, struct sockiocp_call *call,
			struct socket *socket)
{
	struct sockiocp_registration *reg;
	u32 result = SOCKIOCP_RESULT_SUCCESS;

	/* It may be one that was taken. */
	sockiocp_chunk_give_back(call->chunk);
	spin_lock_irq(&socket->wq.wait.lock);
	reg = apply_find_registration(socket);
	if (!reg)
		result = sockiocp_readiness_kind(socket) < 0 ?
			SOCKIOCP_RESULT_NOT_SUPPORTED : SOCKIOCP_RESULT_NOT_FOUND;
	else if (reg->hook.port != port)
		result = SOCKIOCP_RESULT_OTHER_PORT;
	else
		sockiocp_registration_unhook(reg, SOCKIOCP_REMOVED);
	spin_unlock_irq(&socket->wq.wait.lock);
	sockiocp_pollers_wake(port);
	return result;
}

/* LEVEL or EDGE, and ONESHOT, PERSISTENT or neither. */
#define OFTEN(when)		(BIT(when) | BIT((when) | SOCKIOCP_TRIGGER_ONESHOT) | \
				 BIT((when) | SOCKIOCP_TRIGGER_PERSISTENT))
#define VALID_TRIGGERS		(OFTEN(SOCKIOCP_TRIGGER_LEVEL) | OFTEN(SOCKIOCP_TRIGGER_EDGE))

static bool apply_entry_is_valid(const struct sockiocp_registration_entry *entry)
{
	u8 trigger = entry->trigger_flags;

	BUILD_BUG_ON(SOCKIOCP_TRIGGER_ALL >= BITS_PER_LONG);

	switch (entry->operation) {
	case SOCKIOCP_OP_NONE:
	case SOCKIOCP_OP_DISABLE:
	case SOCKIOCP_OP_REMOVE:
		return true;
	case SOCKIOCP_OP_ENABLE:
		return !(entry->event_filter & ~SOCKIOCP_REGISTER_ALL) &&
		       !(trigger & ~SOCKIOCP_TRIGGER_ALL) &&
		       BIT(trigger) & VALID_TRIGGERS;
	default:
		return false;
	}
}

static u32 apply_entry(struct sockiocp_port *port, struct sockiocp_call *call,
		       const struct sockiocp_registration_entry *entry)
{
	struct socket *socket;
	struct fd f;
	u32 result;

	if (!apply_entry_is_valid(entry))
		return SOCKIOCP_RESULT_INVALID;
	if (entry->operation == SOCKIOCP_OP_NONE)
		return SOCKIOCP_RESULT_SUCCESS;
	if (entry->socket > INT_MAX)
		return SOCKIOCP_RESULT_NOT_SOCKET;

	f = fdget(entry->socket);
	if (!fd_file(f))
		return SOCKIOCP_RESULT_NOT_SOCKET;
	socket = sock_from_file(fd_file(f));
	if (!socket) {
		result = SOCKIOCP_RESULT_NOT_SOCKET;
		goto out;
	}
	if (entry->operation == SOCKIOCP_OP_REMOVE)
		result = apply_remove(port, call, socket);
	else
		result = apply_enable_or_disable(port, call, fd_file(f), socket, entry);
out:
	fdput(f);
	return result;
}

/*
 * The user has too many registrations: are some of them of closed sockets?  Once a call.
 * If not, the entry is refused.
 */
static noinline bool apply_make_room(struct sockiocp_port *port, struct sockiocp_call *call)
{
	if (!call->swept) {
		call->swept = true;
		sockiocp_chunk_give_back(call->chunk);
		if (sockiocp_reaper_sweep(port->account))
			return true;
	}
	sockiocp_account_refuse(port->account, SOCKIOCP_REFUSED_REGISTRATION);
	return false;
}

/* Inline, and apply_entry() in it: it is what each entry costs. */
static __always_inline u32 apply_entry_within_limit(struct sockiocp_port *port,
						    struct sockiocp_call *call,
					      const struct sockiocp_registration_entry *entry)
{
	u32 result;

	do {
		result = apply_entry(port, call, entry);
	} while (unlikely(result == SOCKIOCP_RESULT_LIMIT) && apply_make_room(port, call));
	return result;
}

static void apply_look_for_closed(struct sockiocp_port *port, struct sockiocp_call *call)
{
	if (call->first)
		sockiocp_reaper_watch(port);
	sockiocp_reaper_pass(port, call->created);
	call->first = false;
	call->created = 0;
}

/* Word by word: copy_from_user() of the chunk takes 12 instructions more an entry (P1, P3). */
static int apply_read_entries(struct sockiocp_registration_entry *entries,
			      const struct sockiocp_registration_entry __user *uentries,
			      unsigned int nr)
{
	const struct sockiocp_registration_entry *end = entries + nr;

	if (!user_read_access_begin(uentries, nr * sizeof(*uentries)))
		return -EFAULT;
	for (; entries < end; entries++, uentries++) {
		unsafe_get_user(entries->socket, &uentries->socket, fault);
		unsafe_get_user(entries->completion_key, &uentries->completion_key, fault);
		unsafe_get_user(entries->event_filter, &uentries->event_filter, fault);
		unsafe_get_user(entries->operation, &uentries->operation, fault);
		unsafe_get_user(entries->trigger_flags, &uentries->trigger_flags, fault);
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int apply_write_results(struct sockiocp_registration_entry __user *uentries,
			       const struct sockiocp_registration_entry *entries,
			 unsigned int nr)
{
	const struct sockiocp_registration_entry *end = entries + nr;

	if (!user_write_access_begin(uentries, nr * sizeof(*uentries)))
		return -EFAULT;
	for (; entries < end; entries++, uentries++)
		unsafe_put_user(entries->registration_result,
				&uentries->registration_result, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * How many of a call's registrations may be taken as they are armed: none of a long call,
 * which others would wait for, and none while somebody wants to know of the queue.
 */
static unsigned int apply_room(const struct sockiocp_process *args)
{
	if (!sockiocp_goes(SOCKIOCP_ONE_PASS) ||
	    args->registration_count > 2 * SOCKIOCP_CHUNK || sockiocp_histogram_is_on() ||
	    trace_sockiocp_queue_enabled() || trace_sockiocp_take_enabled())
		return 0;
	return min(args->entry_count, SOCKIOCP_CHUNK);
}

static __always_inline int apply_all(struct sockiocp_port *port, struct sockiocp_call *call,
				     const struct sockiocp_process *args)
{
	struct sockiocp_registration_entry entries[SOCKIOCP_CHUNK] __uninitialized;
	struct sockiocp_registration_entry __user *uentries =
		u64_to_user_ptr(args->registrations);
	unsigned int i, nr;
	u32 left;

	for (left = args->registration_count; left; left -= nr, uentries += nr) {
		nr = min_t(u32, left, SOCKIOCP_CHUNK);
		if (apply_read_entries(entries, uentries, nr))
			return -EFAULT;
		call->left = left;
		for (i = 0; i < nr; i++)
			entries[i].registration_result =
				apply_entry_within_limit(port, call, &entries[i]);
		if (call->created)
			apply_look_for_closed(port, call);
		if (apply_write_results(uentries, entries, nr))
			return -EFAULT;
		if (nr == SOCKIOCP_CHUNK) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

/**
 * sockiocp_apply_entries - do what the entries of a batch say, in order
 * @chunk: of the call: what is taken as it is armed goes there, for the harvest
 * @args: the call: where the entries are, and how many
 *
 * Each result is written into its entry.  Unless it is SUCCESS the entry has
 * changed nothing.
 *
 * Return: 0, -EFAULT, or -EINTR for a fatal signal.
 */
noinline_for_stack
int sockiocp_apply_entries(struct sockiocp_chunk *chunk, const struct sockiocp_process *args)
{
	struct sockiocp_memories spare __uninitialized;
	struct sockiocp_call call = {
		.chunk = chunk, .spare = &spare, .harvests = args->entry_count,
	};
	int error;

	spare.nr = 0;

	chunk->at_once = true;
	chunk->settled = false;
	chunk->drops = false;
	chunk->room = apply_room(args);
	error = apply_all(chunk->port, &call, args);
	sockiocp_registration_free_memories(&spare);
	chunk->room = 0;
	if (unlikely(error))
		sockiocp_chunk_give_back(chunk);
	return error;
}
