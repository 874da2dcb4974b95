// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The call, SOCKIOCP_PROCESS: its arguments are looked at, registrations applied, then
 * packets harvested or waited for.
 */
#include "chunk.h"

#include <linux/futex.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include <asm/futex.h>

/* ------------------------------------------------------------ the arguments */

/*
 * Can the page of this byte be written?  Adds 0 to the word around it, in one atomic
 * step, because another thread may store there meanwhile.  An aligned word is never in
 * two pages.
 */
static __always_inline bool process_byte_is_writable(u64 address)
{
	int old;

	return arch_futex_atomic_op_inuser(FUTEX_OP_ADD, 0, &old,
					   u64_to_user_ptr(ALIGN_DOWN(address, sizeof(u32))))
		!= -EFAULT;
}

/* All pages between two, judging by one byte in every @step. */
static noinline int process_probe_between(u64 byte, u64 last, unsigned int step)
{
	unsigned int n = 0;

	for (byte += step; byte < last; byte += step) {
		if (!process_byte_is_writable(byte))
			return -EFAULT;
		if (++n % 1024)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* What is in two pages, or more. */
static noinline int process_probe_pages(u64 first, u64 last, unsigned int step)
{
	if (!access_ok(u64_to_user_ptr(first), last - first + 1) ||
	    !process_byte_is_writable(last))
		return -EFAULT;
	return last - first <= step ? 0 : process_probe_between(first, last, step);
}

static __always_inline int process_probe_range(u64 first, u64 last, unsigned int step)
{
	if (!process_byte_is_writable(first))
		return -EFAULT;
	if (likely(!((first ^ last) & PAGE_MASK)))
		return 0;
	return process_probe_pages(first, last, step);
}

static __always_inline int process_probe_packets(u64 entries, u32 count)
{
	const size_t size = sizeof(struct sockiocp_packet_entry);

	BUILD_BUG_ON(SOCKIOCP_CHUNK * size > PAGE_SIZE);

	if (!access_ok(u64_to_user_ptr(entries), count * size))
		return -EFAULT;
	return process_probe_range(entries, entries + min(count, SOCKIOCP_CHUNK) * size - 1,
				   PAGE_SIZE);
}

/*
 * Look at all of a call's arguments: after this nothing fails as a whole, unless
 * another thread unmaps the memory.  Of the packets' memory only that of the first chunk
 * is looked at: there may be room for far more than will ever come, and to look at
 * memory is to allocate it.
 */
static __always_inline int process_check_arguments(const struct sockiocp_process *args)
{
	const u64 result = offsetof(struct sockiocp_registration_entry, registration_result);
	const size_t reg_size = sizeof(struct sockiocp_registration_entry);
	const size_t entry_size = sizeof(struct sockiocp_packet_entry);
	/* A step no longer than a page leaves none out. */
	const unsigned int reg_step = PAGE_SIZE - PAGE_SIZE % reg_size;
	u64 regs = args->registrations, entries = args->entries;
	u64 regs_len = (u64)args->registration_count * reg_size;
	u64 entries_len = (u64)args->entry_count * entry_size;
	u64 regs_end, entries_end;
	int error;

	if (args->flags)
		return -EINVAL;
	if (args->registration_count > SOCKIOCP_MAX_BATCH ||
	    args->entry_count > SOCKIOCP_MAX_BATCH)
		return -EINVAL;
	if (!args->registration_count != !regs)
		return -EINVAL;
	if (!args->entry_count && (entries || args->received || args->timeout_ns))
		return -EINVAL;
	if (check_add_overflow(regs, regs_len, &regs_end) ||
	    check_add_overflow(entries, entries_len, &entries_end))
		return -EFAULT;
	if (regs < entries_end && entries < regs_end && regs_len && entries_len)
		return -EINVAL;

	error = 0;
	/* The entries are read as a whole, and only their results are written. */
	if (regs_len)
		error = process_probe_range(regs + result, regs_end - 1, reg_step);
	if (!error && entries_len)
		error = process_probe_range(args->received, args->received + sizeof(u32) - 1,
					    PAGE_SIZE);
	if (!error && entries_len)
		error = process_probe_packets(entries, args->entry_count);
	return error;
}

/**
 * sockiocp_process_check - look at the arguments of SOCKIOCP_PROCESS
 * @args: the arguments
 *
 * Return: 0, -EINVAL or -EFAULT.
 */
int sockiocp_process_check(const struct sockiocp_process *args)
{
	return process_check_arguments(args);
}

static bool process_has_deadline(size_t usize)
{
	return usize >= offsetofend(struct sockiocp_process, deadline_ns);
}

/* If the wait is interrupted, it is written there what is left of it, and when it ends. */
static int process_probe_times(const struct sockiocp_process __user *uargs, size_t usize)
{
	size_t end = process_has_deadline(usize) ?
		     offsetofend(struct sockiocp_process, deadline_ns) :
		     offsetofend(struct sockiocp_process, timeout_ns);
	u64 first = (unsigned long)&uargs->timeout_ns;

	return process_probe_range(first, (unsigned long)uargs + end - 1, PAGE_SIZE);
}

/* Both or none, also if they are in two pages, and one was taken away meanwhile. */
static int process_write_times(struct sockiocp_process __user *uargs, size_t usize,
			       const struct sockiocp_process *args)
{
	u64 before;

	if (!process_has_deadline(usize))
		return put_user(args->timeout_ns, &uargs->timeout_ns);
	if (get_user(before, &uargs->deadline_ns) ||
	    put_user(args->deadline_ns, &uargs->deadline_ns))
		return -EFAULT;
	if (!put_user(args->timeout_ns, &uargs->timeout_ns))
		return 0;
	put_user(before, &uargs->deadline_ns);
	return -EFAULT;
}

/* ---------------------------------------------------------------- the call */

/* When a finite time-out is over. */
static ktime_t process_deadline(const struct sockiocp_process *args)
{
	/* Too far away to be told from for ever, but not negative. */
	if (args->deadline_ns)
		return min_t(u64, args->deadline_ns, KTIME_MAX);
	return ktime_add_safe(ktime_get(), min_t(u64, args->timeout_ns, KTIME_MAX));
}

/**
 * struct process_wait - how a call waits for its first packet
 * @deadline: when a finite time-out is over
 * @timer: @deadline, or NULL before the first wait, and if there is none
 * @handed: the packet that the thread was woken for, if @woken
 * @woken: the thread was woken for a packet, and holds a slot
 */
struct process_wait {
	ktime_t deadline;
	ktime_t *timer;
	struct list_head handed;
	bool woken;
};

/* Takes what there is; returns what sockiocp_harvest() does. */
static __always_inline int process_harvest(struct sockiocp_chunk *chunk,
					   const struct sockiocp_process *args,
					   struct process_wait *wait)
{
	/* Nothing: to see that takes no lock. */
	if (!wait->woken && !chunk->nr && !sockiocp_ring_is_there(chunk->port) &&
	    sockiocp_seems_empty(&chunk->port->queue))
		return -ENOMSG;
	return sockiocp_harvest(chunk, u64_to_user_ptr(args->entries), args->entry_count,
				u64_to_user_ptr(args->received),
				wait->woken ? &wait->handed : NULL);
}

/* Returns 0 if it is worth looking again, or an error that ends the call. */
static int process_wait(struct file *file, const struct sockiocp_process *args,
			struct sockiocp_chunk *chunk, struct sockiocp_worker *worker,
			struct process_wait *wait)
{
	struct sockiocp_port *port = chunk->port;

	if (!wait->timer && args->timeout_ns != SOCKIOCP_INFINITE) {
		wait->deadline = process_deadline(args);
		wait->timer = &wait->deadline;
	}
	wait->woken = false;
	/* Others may keep the queue full of packets that turn out stale. */
	if (READ_ONCE(port->closed))
		return -ESHUTDOWN;
	if (signal_pending(current))
		return -EINTR;
	if (wait->timer && !ktime_before(ktime_get(), wait->deadline))
		return -ETIME;
	/* The pass that follows may be one that does not harvest. */
	if (chunk->busy) {
		chunk->busy = false;
		return sockiocp_wait_for_busy(file, args->handle, wait->timer);
	}
	return sockiocp_wait_for_packet(port, worker, file, args->handle, wait->timer,
					&wait->handed, &wait->woken);
}

/* Harvest, and wait for the first packet as long as @args allow. */
static int process_harvest_or_wait(struct file *file, struct sockiocp_process *args,
				   struct sockiocp_chunk *chunk)
{
	struct sockiocp_port *port = chunk->port;
	struct sockiocp_worker *worker = sockiocp_worker_enter(file, args->handle);
	struct process_wait wait __uninitialized;
	int error;

	wait.timer = NULL;
	wait.woken = false;
	do {
		/* The thread that was woken has a slot; one that does not wait needs none. */
		if (wait.woken || !args->timeout_ns || sockiocp_slot_may_harvest(worker)) {
			error = process_harvest(chunk, args, &wait);
			if (error != -ENOMSG)
				return error;
		} else {
			/* What this call has armed is for others, then. */
			sockiocp_chunk_give_back(chunk);
			sockiocp_harvest_pass_on(port);
		}
		if (!args->timeout_ns) {
			sockiocp_mirror_nothing(port);
			return -ETIME;
		}
		error = process_wait(file, args, chunk, worker, &wait);
		cond_resched();
	} while (!error);

	if (error == -ETIME && sockiocp_slot_may_harvest(worker)) {
		/* One more look: it is never early, so it may be late. */
		error = process_harvest(chunk, args, &wait);
		return error == -ENOMSG ? -ETIME : error;
	}
	sockiocp_harvest_pass_on(port);
	if (wait.timer) {
		args->timeout_ns = max_t(s64, ktime_to_ns(ktime_sub(wait.deadline,
								    ktime_get())), 0);
		args->deadline_ns = wait.deadline;
	}
	return error;
}

/**
 * sockiocp_process_call - SOCKIOCP_PROCESS
 * @file: the port's file
 * @uargs: the user's arguments, for what is written back
 * @usize: how long the user's are
 * @args: their copy
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_process_call(struct file *file, struct sockiocp_process __user *uargs,
			   size_t usize, struct sockiocp_process *args)
{
	struct sockiocp_delivery deliveries[SOCKIOCP_CHUNK] __uninitialized;
	struct sockiocp_port *port = file->private_data;
	struct sockiocp_chunk chunk __uninitialized;
	long error;

	if (unlikely(READ_ONCE(port->home_of)) && !sockiocp_port_is_home_of_caller(port))
		return -EXDEV;
	error = process_check_arguments(args);
	if (error)
		return error;
	if (args->timeout_ns && args->timeout_ns != SOCKIOCP_INFINITE) {
		error = process_probe_times(uargs, usize);
		if (error)
			return error;
	}
	sockiocp_chunk_begin(&chunk, port, deliveries);
	if (args->registration_count) {
		error = sockiocp_apply_entries(&chunk, args);
		if (error) {
			sockiocp_harvest_pass_on(port);
			return error;
		}
	}
	if (!args->entry_count)
		return 0;

	error = process_harvest_or_wait(file, args, &chunk);
	switch (error) {
	case -ETIME:
	case -ESHUTDOWN:
	case -EXDEV:
		if (put_user(0, (u32 __user *)u64_to_user_ptr(args->received)))
			return -EFAULT;
		return error;
	case -EAGAIN:
	case -EINTR:
		if (put_user(0, (u32 __user *)u64_to_user_ptr(args->received)) ||
		    (args->timeout_ns != SOCKIOCP_INFINITE &&
		     process_write_times(uargs, usize, args)))
			return -EFAULT;
		return error == -EAGAIN ? 0 : error;
	default:
		return error;
	}
}
