// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A port's mirror: a word in the memory of a process that says whether the queue is empty,
 * so that a thread which looks in vain, again and again, makes no system call.
 *
 * The word is the program's own memory, and its page is pinned: there is no mapping of ours
 * that fork(), exec or the end of the module would have to know of, and whoever queues a
 * packet, in whichever process or interrupt, can write to it by its address in the kernel.
 * Nothing that is read from it is believed.
 *
 * It says "filled" from the moment a packet is in the queue, and "empty" only after a call
 * that did not wait has found that.  Whoever takes packets out leaves it alone: to say
 * "filled" for too long costs a call, to say "empty" for too long an event.
 *
 * It ends when any descriptor of the port is closed, in any process.  So whoever has got it
 * by a descriptor, and has not seen its end, knows that the number still is the same port's,
 * unless a close() of it has begun.
 */
#include "ring.h"
#include "mirror.h"

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#define MIRROR_WORD_BITS	(SOCKIOCP_MIRROR_FILLED | SOCKIOCP_MIRROR_ENDED)

/* As ib_umem_get() does: /proc/PID/status has it as VmPin. */
static bool mirror_charge(struct mm_struct *mm)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic64_inc_return(&mm->pinned_vm) <= limit || capable(CAP_IPC_LOCK))
		return true;
	atomic64_dec(&mm->pinned_vm);
	return false;
}

/*
 * A private page becomes another one for its process when that writes to it after fork(), or
 * perhaps when it comes back from swap.  A file's page may have to be written back, or must not
 * be changed behind its filesystem.  Of a huge page all would be pinned.
 */
static bool mirror_page_is_good(struct page *page)
{
	return page_is_swapbacked(page) && !PageAnon(page) && !PageCompound(page);
}

/* The page is dirty: nobody else need have written there. */
static void mirror_unpin(struct sockiocp_mirrored *mirror)
{
	unpin_user_pages_dirty_lock(&mirror->page, 1, true);
	atomic64_dec(&mirror->mm->pinned_vm);
	mmdrop(mirror->mm);
}

static int mirror_pin(struct sockiocp_mirrored *mirror, const struct sockiocp_mirror *args)
{
	int nr;

	if (!mirror_charge(current->mm))
		return -ENOBUFS;
	nr = pin_user_pages_fast(args->word & PAGE_MASK, 1, FOLL_WRITE | FOLL_LONGTERM,
				 &mirror->page);
	if (nr != 1) {
		atomic64_dec(&current->mm->pinned_vm);
		return nr == -ENOMEM || nr == -EINTR ? nr : -EFAULT;
	}
	mmgrab(current->mm);
	mirror->mm = current->mm;
	mirror->word = page_address(mirror->page) + offset_in_page(args->word);
	mirror->address = args->word;
	mirror->empty = args->empty;
	if (mirror_page_is_good(mirror->page))
		return 0;
	mirror_unpin(mirror);
	return -EINVAL;
}

/* It has become another program, by exec, and this descriptor has stayed open. */
static bool mirror_is_of_the_dead(const struct sockiocp_port *port)
{
	return !atomic_read(&port->mirror.mm->mm_users);
}

/*
 * Returns 0 if there is none, or one that has to make room; -EEXIST if there is one of the
 * caller's, or why none can be.
 */
static int mirror_find(struct sockiocp_port *port, struct sockiocp_mirror *args)
{
	bool ring = args->flags & SOCKIOCP_MIRROR_RING, own = port->mirror.mm == current->mm;

	lockdep_assert_held(&port->lock);

	if (port->closed)
		return -ESHUTDOWN;
	if (port->home_of)
		return -EXDEV;
	if (port->mirror.word && !own && !mirror_is_of_the_dead(port))
		return -EBUSY;
	if (port->mirror.word && own && (!ring || port->ring.memory)) {
		args->word = port->mirror.address;
		args->empty = port->mirror.empty;
		args->flags = port->ring.memory ? SOCKIOCP_MIRROR_RING : 0;
		return -EEXIST;
	}
	return ring && !sockiocp_ring_may_open(port) ? -EAGAIN : 0;
}

/*
 * What the port has is the caller's from here on, to be unpinned and freed without the lock.
 * There may be nothing.
 */
static void mirror_take_off(struct sockiocp_port *port, struct sockiocp_mirrored *ended,
			    struct list_head *room)
{
	lockdep_assert_held(&port->lock);

	*ended = port->mirror;
	if (!ended->word)
		return;
	if (port->ring.memory)
		atomic64_or(MIRROR_WORD_BITS, (atomic64_t *)ended->word);
	else
		WRITE_ONCE(*ended->word, ended->empty | SOCKIOCP_MIRROR_ENDED);
	sockiocp_ring_end(port, room);
	/* Pairs with smp_load_acquire() in sockiocp_mirror_end(). */
	smp_store_release(&port->mirror.word, NULL);
}

static void mirror_free(struct sockiocp_port *port, struct sockiocp_mirrored *ended,
			struct list_head *room)
{
	sockiocp_ring_free_room(port, room);
	if (ended->word)
		mirror_unpin(ended);
}

static void mirror_install(struct sockiocp_port *port, const struct sockiocp_mirrored *mirror,
			   struct list_head *room)
{
	lockdep_assert_held(&port->lock);

	WRITE_ONCE(*mirror->word, mirror->empty | SOCKIOCP_MIRROR_FILLED);
	port->mirror.empty = mirror->empty;
	port->mirror.page = mirror->page;
	port->mirror.mm = mirror->mm;
	port->mirror.address = mirror->address;
	WRITE_ONCE(port->mirror.word, mirror->word);
	if (!list_empty(room))
		sockiocp_ring_begin(port, room);
}

/* As mirror_find(), but that 0 says that there is one now. */
static int mirror_begin(struct sockiocp_port *port, struct sockiocp_mirror *args)
{
	struct sockiocp_mirrored mirror, ended = { .word = NULL };
	LIST_HEAD(ended_room);
	LIST_HEAD(room);
	int error;

	error = mirror_pin(&mirror, args);
	if (error)
		return error;
	error = args->flags & SOCKIOCP_MIRROR_RING ? sockiocp_ring_make_room(port, &room) : 0;
	if (error) {
		mirror_unpin(&mirror);
		return error;
	}
	spin_lock_irq(&port->lock);
	error = mirror_find(port, args);
	if (!error) {
		mirror_take_off(port, &ended, &ended_room);
		mirror_install(port, &mirror, &room);
	}
	spin_unlock_irq(&port->lock);
	if (error)
		mirror_free(port, &mirror, &room);
	mirror_free(port, &ended, &ended_room);
	return error;
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
	int error;

	if (!SOCKIOCP_CAN_MIRROR ||
	    (!SOCKIOCP_CAN_RING && args->flags & SOCKIOCP_MIRROR_RING))
		return -EOPNOTSUPP;
	/* Memory that is given back, by a hole in its file, is 0. */
	if (!args->word || args->word % sizeof(u64) || !args->empty ||
	    args->empty & MIRROR_WORD_BITS || args->flags & ~SOCKIOCP_MIRROR_RING)
		return -EINVAL;
	if (args->flags & SOCKIOCP_MIRROR_RING &&
	    offset_in_page(args->word) > PAGE_SIZE - sizeof(struct sockiocp_ring))
		return -EINVAL;
	spin_lock_irq(&port->lock);
	error = mirror_find(port, args);
	spin_unlock_irq(&port->lock);
	if (!error)
		error = mirror_begin(port, args);
	if (error && error != -EEXIST)
		return error;
	/*
	 * Whoever closes the descriptor takes it out of the table before he looks for a mirror:
	 * either he finds this one, or the descriptor is gone here.  Pairs with
	 * sockiocp_mirror_end().
	 */
	smp_mb();
	if (sockiocp_port_has_number(file, args->handle))
		return 0;
	sockiocp_mirror_end(port);
	return -EBADF;
}

/**
 * sockiocp_mirror_end - from now on only the kernel says whether the queue is empty
 * @port: the port, which was closed, or one of its descriptors, or has become a home port
 *
 * When it returns the word says so.  Sleeps, for the lock of the page, which nobody keeps.
 */
void sockiocp_mirror_end(struct sockiocp_port *port)
{
	struct sockiocp_mirrored ended;
	LIST_HEAD(room);

	/* The number is free, and may be another port's. */
	sockiocp_race_window();
	/* Pairs with sockiocp_mirror_set(). */
	smp_mb();
	/* Pairs with smp_store_release() in mirror_take_off(): if there is none the end was said. */
	if (likely(!smp_load_acquire(&port->mirror.word)))
		return;
	spin_lock_irq(&port->lock);
	mirror_take_off(port, &ended, &room);
	spin_unlock_irq(&port->lock);
	mirror_free(port, &ended, &room);
}

/**
 * sockiocp_mirror_say_filled - what sockiocp_mirror_fill() does if there is a mirror
 * @port: the port, locked
 */
void sockiocp_mirror_say_filled(struct sockiocp_port *port)
{
	u64 *word = port->mirror.word;

	lockdep_assert_held(&port->lock);

	if (port->ring.memory) {
		if (port->ring.open && !(READ_ONCE(*word) & SOCKIOCP_MIRROR_FILLED))
			atomic64_or(SOCKIOCP_MIRROR_FILLED, (atomic64_t *)word);
		return;
	}
	/*
	 * The program may write there meanwhile: data_race(), since nobody takes the queue to be
	 * empty then.
	 */
	if (data_race(*word) == port->mirror.empty)
		WRITE_ONCE(*word, port->mirror.empty | SOCKIOCP_MIRROR_FILLED);
}

/**
 * sockiocp_mirror_say_empty - say that the queue is empty, if it is; or open the ring
 * @port: the port, which seems to have a mirror
 */
void sockiocp_mirror_say_empty(struct sockiocp_port *port)
{
	u64 *word;

	spin_lock_irq(&port->lock);
	word = port->mirror.word;
	if (port->ring.memory) {
		sockiocp_ring_open(port);
	} else if (word && list_empty(&port->queue)) {
		/* data_race(): what the program writes there meanwhile is its own matter. */
		if (data_race(*word) != port->mirror.empty)
			WRITE_ONCE(*word, port->mirror.empty);
	}
	spin_unlock_irq(&port->lock);
}
