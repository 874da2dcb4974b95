// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A port's mirror: a word in the memory of a process that says whether the queue is empty,
 * so that a thread which looks in vain, again and again, makes no system call.
 *
 * The word is the program's own memory, whose page is pinned: no mapping of ours has to be
 * kept apart from fork(), exec or rmmod, and the page that a thread of another process
 * writes to is there as long as the port may write to it.  Nothing that is read from it is
 * believed.
 *
 * The word says "filled" from the moment a packet is in the queue, and "empty" only after a
 * call that did not wait has found it so.  Whoever takes packets out leaves the word alone:
 * a word that is filled for too long costs a call, one that is empty for too long an event.
 *
 * It ends when any descriptor of the port is closed, in any process.  So whoever came by a
 * descriptor and has not seen the end knows that the number still is the same port's.
 */
#include "mirror.h"

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#define MIRROR_WORD_BITS	(SOCKIOCP_MIRROR_FILLED | SOCKIOCP_MIRROR_ENDED)

/* As <rdma/ib_umem.h> counts what it pins: /proc/PID/status has it as VmPin. */
static bool mirror_charge(struct mm_struct *mm)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic64_inc_return(&mm->pinned_vm) <= limit || capable(CAP_IPC_LOCK))
		return true;
	atomic64_dec(&mm->pinned_vm);
	return false;
}

static void mirror_release(const struct sockiocp_mirror_word *mirror)
{
	unpin_user_page(mirror->page);
	atomic64_dec(&mirror->mm->pinned_vm);
	mmdrop(mirror->mm);
}

/*
 * Pins the page that a word is in.  Its memory has to be shared: of a private page the
 * process may have a copy before it notices.  A part of a larger one would pin all of that.
 */
static int mirror_pin(struct sockiocp_mirror_word *mirror, const struct sockiocp_mirror *args)
{
	int nr;

	nr = pin_user_pages_fast(args->word & PAGE_MASK, 1, FOLL_WRITE | FOLL_LONGTERM,
				 &mirror->page);
	if (nr != 1)
		return nr == -ENOMEM || nr == -EINTR ? nr : -EFAULT;
	if (PageAnon(mirror->page) || PageCompound(mirror->page)) {
		unpin_user_page(mirror->page);
		return -EINVAL;
	}
	if (!mirror_charge(current->mm)) {
		unpin_user_page(mirror->page);
		return -ENOBUFS;
	}
	mmgrab(current->mm);
	mirror->mm = current->mm;
	mirror->word = page_address(mirror->page) + offset_in_page(args->word);
	mirror->address = args->word;
	mirror->empty = args->empty;
	return 0;
}

/* Says which one there is, or begins @mirror.  Returns 0, or why there is none. */
static int mirror_begin(struct sockiocp_port *port, struct sockiocp_mirror *args,
			const struct sockiocp_mirror_word *mirror)
{
	int error = 0;

	spin_lock_irq(&port->lock);
	if (port->closed) {
		error = -ESHUTDOWN;
	} else if (!port->mirror.word) {
		port->mirror = *mirror;
		WRITE_ONCE(*mirror->word, mirror->empty | SOCKIOCP_MIRROR_FILLED);
	} else if (port->mirror.mm != current->mm) {
		error = -EBUSY;
	} else {
		args->word = port->mirror.address;
		args->empty = port->mirror.empty;
		error = -EEXIST;
	}
	spin_unlock_irq(&port->lock);
	return error;
}

/* Is this descriptor, in the caller's table, the port's? */
static bool mirror_is_port_of(struct file *file, unsigned int fd)
{
	struct fd f = fdget(fd);
	bool same = fd_file(f) == file;

	if (fd_file(f))
		fdput(f);
	return same;
}

/**
 * sockiocp_mirror_set - SOCKIOCP_SET_MIRROR
 * @file: the port's file
 * @args: which word to use; gets the one that is in use
 *
 * Return: as <linux/sockiocp.h> says.
 */
int sockiocp_mirror_set(struct file *file, struct sockiocp_mirror *args)
{
	struct sockiocp_port *port = file->private_data;
	struct sockiocp_mirror_word mirror;
	int error;

	if (!IS_ENABLED(CONFIG_64BIT))
		return -EOPNOTSUPP;
	if (!args->word || args->word % sizeof(u64) || args->empty & MIRROR_WORD_BITS ||
	    args->reserved)
		return -EINVAL;
	error = mirror_pin(&mirror, args);
	if (error)
		return error;
	error = mirror_begin(port, args, &mirror);
	if (error)
		mirror_release(&mirror);
	if (error && error != -EEXIST)
		return error;
	/*
	 * Whoever closes the descriptor takes it out of the table before he looks for a mirror:
	 * either he finds this one, or the descriptor is gone here.  Pairs with
	 * sockiocp_mirror_end().
	 */
	smp_mb();
	if (mirror_is_port_of(file, args->handle))
		return 0;
	sockiocp_mirror_end(port);
	return -EBADF;
}

/**
 * sockiocp_mirror_end - from now on it is for the kernel to say whether the queue is empty
 * @port: the port, which was closed, or one of its descriptors
 */
void sockiocp_mirror_end(struct sockiocp_port *port)
{
	struct sockiocp_mirror_word ended;

	/* Pairs with sockiocp_mirror_set(). */
	smp_mb();
	if (likely(!READ_ONCE(port->mirror.word)))
		return;
	spin_lock_irq(&port->lock);
	ended = port->mirror;
	WRITE_ONCE(port->mirror.word, NULL);
	if (ended.word)
		WRITE_ONCE(*ended.word, ended.empty | SOCKIOCP_MIRROR_ENDED);
	spin_unlock_irq(&port->lock);
	if (ended.word)
		mirror_release(&ended);
}

/* What sockiocp_mirror_nothing() does if there is one. */
void sockiocp_mirror_empty(struct sockiocp_port *port)
{
	spin_lock_irq(&port->lock);
	if (port->mirror.word && list_empty(&port->queue))
		WRITE_ONCE(*port->mirror.word, port->mirror.empty);
	spin_unlock_irq(&port->lock);
}
