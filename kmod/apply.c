// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the entries of a batch say is applied: registrations are made, changed and
 * removed, and closed sockets looked for where a user is at its limit.
 */
#include "hook.h"
#include "trigger.h"

#include <linux/file.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <net/sock.h>

/**
 * struct sockiocp_call - what the registrations of one call share
 * @harvests: the call goes on to harvest
 * @created: how many were made since closed sockets were last looked for
 * @first: one of them was the only one of the port
 * @swept: the user's closed sockets were looked for already
 */
struct sockiocp_call {
	bool harvests;
	unsigned int created;
	bool first;
	bool swept;
};

/* The socket's registration, or NULL. */
static struct sockiocp_registration *apply_find_registration(struct socket *socket)
{
	struct sockiocp_hook *hook = sockiocp_hook_find(socket, sockiocp_registration_wake);

	return hook ? container_of(hook, struct sockiocp_registration, hook) : NULL;
}

static u32 apply_create(struct sockiocp_port *port, struct sockiocp_call *call,
			struct socket *socket, u64 key, struct sockiocp_registration **new)
{
	u32 result = sockiocp_registration_create(port, socket, key, new);

	if (!result)
		call->created++;
	return result;
}

/*
 * Let a registration report what @entry asks for, or nothing.  Returns it, with a
 * reference, if its socket has to be looked at now: @added then are the bits of the
 * filter that were not there before.
 */
static __always_inline struct sockiocp_registration *
apply_change(struct sockiocp_registration *reg, bool is_new, struct sockiocp_call *call,
	     const struct sockiocp_registration_entry *entry, u8 *added)
{
	struct sockiocp_registration *armed = NULL;
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
		*added = sockiocp_trigger_change_terms(reg, entry);
		if (trace_sockiocp_arm_enabled())
			sockiocp_trace_arm(reg);
		if (call->harvests && !sockiocp_registration_is_edge(reg)) {
			sockiocp_packet_queue_unread(reg);
		} else {
			refcount_inc(&reg->hook.refs);
			armed = reg;
		}
	}
	spin_unlock(&port->lock);
	return armed;
}

static u32 apply_enable_or_disable(struct sockiocp_port *port, struct sockiocp_call *call,
				   struct file *file, struct socket *socket,
				   const struct sockiocp_registration_entry *entry)
{
	struct sockiocp_registration *reg, *armed = NULL, *new = NULL;
	u32 result = SOCKIOCP_RESULT_SUCCESS;
	bool is_new;
	u8 added = 0;

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
	is_new = !reg;
	if (is_new)
		swap(reg, new);
	if (likely(reg->hook.port == port))
		armed = apply_change(reg, is_new, call, entry, &added);
	else
		result = SOCKIOCP_RESULT_OTHER_PORT;
	spin_unlock_irq(&socket->wq.wait.lock);

	/* Another thread registered the socket while ours was being made. */
	if (unlikely(new))
		sockiocp_registration_put(new);
	if (armed) {
		sockiocp_trigger_arm(armed, file, added);
		sockiocp_registration_put(armed);
	}
	return result;
}

static u32 apply_remove(struct sockiocp_port *port, struct socket *socket)
{
	struct sockiocp_registration *reg;
	u32 result = SOCKIOCP_RESULT_SUCCESS;

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
		result = apply_remove(port, socket);
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

/**
 * sockiocp_apply_entries - do what the entries of a batch say, in order
 * @port: the port
 * @args: the call: where the entries are, and how many
 *
 * Each result is written into its entry.  Unless it is SUCCESS the entry has
 * changed nothing.
 *
 * Return: 0, -EFAULT, or -EINTR for a fatal signal.
 */
noinline_for_stack
int sockiocp_apply_entries(struct sockiocp_port *port, const struct sockiocp_process *args)
{
	struct sockiocp_registration_entry entries[SOCKIOCP_CHUNK] __uninitialized;
	struct sockiocp_registration_entry __user *uentries =
		u64_to_user_ptr(args->registrations);
	struct sockiocp_call call = { .harvests = args->entry_count };
	unsigned int i, nr;
	u32 left;

	for (left = args->registration_count; left; left -= nr, uentries += nr) {
		nr = min_t(u32, left, SOCKIOCP_CHUNK);
		if (apply_read_entries(entries, uentries, nr))
			return -EFAULT;
		for (i = 0; i < nr; i++)
			entries[i].registration_result =
				apply_entry_within_limit(port, &call, &entries[i]);
		if (call.created)
			apply_look_for_closed(port, &call);
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
