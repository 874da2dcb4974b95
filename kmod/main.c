// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * /dev/sockiocp: socket state notifications, overlapped I/O and completion ports.
 *
 * Overview
 * ========
 *
 * Each open file is a completion port.  A call (SOCKIOCP_PROCESS) applies a
 * batch of registrations and harvests a batch of packets.  A registration sits
 * on the wait queue of its socket; when the socket is woken, sockiocp_registration_wake()
 * puts the registration into its port's queue and wakes the thread that began to
 * wait last.  What the packet carries is decided when it is harvested, from what
 * the socket is like then, so a LEVEL packet is never stale.  (A call that arms and
 * harvests takes what would be queued, and harvested, as it arms it: chunk.h.)  Posted
 * packets, and the packets that end a registration (REMOVE), stand in the same queue.
 *
 * An operation is a receive or a send that was submitted (SOCKIOCP_SUBMIT) and could not be
 * done at once.  It hangs on the endpoint of its socket, which stands on the wait queue as a
 * registration does.  A wake-up puts the first of its direction into the queue of the port
 * that the socket is associated with; the thread that takes it from there receives or
 * sends, just before the packet goes out.  So data is moved by a thread of the process that
 * has asked for it, when there is a thread that wants it; never by the kernel's own.
 *
 * Files
 * =====
 *
 * Each stands on a floor, and calls those of lower floors only; what is inline in a header
 * keeps to that, too.  selftests/vm/lint has the list and looks.  A function is named
 * after its file, and one of main.c after the module.  From the highest floor down:
 *
 *   main.c		the device: loading, open(), poll()
 *   ioctl.c		its calls: arguments in and out
 *   control.c		all ports, for who looks from outside
 *   describe.[ch]	the messages in which they are told of
 *   lifetime.c		a port begins and ends, and what closing does
 *   duplicate.c	a socket is offered to another process, which fetches it
 *   process.c		the call: arguments, then registrations, then packets
 *   harvest.c		packets go from the queue to the user
 *   apply.c		the entries of a batch: ENABLE, DISABLE, REMOVE
 *   chunk.[ch]		packets in the hands of a call, taken from the queue or past it
 *   socket.c		calls about one socket: association, operations, close
 *   reaper.c		looking for closed sockets
 *   home.c		by which port a process submits, and what it leaves behind
 *   view.c		what is told of a port to who looks from outside
 *   hook.[ch]		what registrations and endpoints have in common: their places on
 *			a socket's wait queue and in a port's ring
 *   late.c		operations that nobody takes from a queue
 *   cancel.c		operations that end before they are carried out
 *   submission.c	what a call asks for becomes an operation
 *   operation.c	operations: begin, are carried out, are done
 *   endpoint.c		a socket as an end of overlapped I/O: association, modes, the
 *			order of its operations, the wake-up
 *   registration.[ch]	a registration is made and ends; the wake-up
 *   trigger.[ch]	what a registration reports, and when: filter, LEVEL, EDGE,
 *			ONESHOT
 *   transfer.c		one try at an operation, and its result
 *   packet.[ch]	the queue, and where a registration's packet is: nobody else
 *			writes place
 *   worker.c		which threads a port counts
 *   notifier.c		the scheduler tells that a thread blocks
 *   sampler.c		the same, by looking
 *   association.c	the list of a port's workers
 *   processor.c	processors that come online
 *   pollers.c		those who poll a port's file
 *   waiting.c		threads that wait: which is woken, and what for
 *   switches.c		what the administrator switches on and off meanwhile
 *   mirror.[ch]	a word of the program's that says whether the queue is empty
 *   ring.[ch]		packets that a program has posted to itself
 *   histogram.[ch]	packets per call and times in the queue, if they are wanted
 *   directory.c	all ports, by number, and who has opened them
 *   slot.c		may one more thread run?
 *   port.c		the object, and who has a descriptor of it
 *   posted.[ch]	the memory of posted packets
 *   readiness.c	what a socket's state means in Windows' terms; below it a file for
 *			each protocol
 *   account.c		what a user holds, and may hold
 *   announce.c		events, for who listens
 *   workqueue.c		what is done later
 *   trace.[ch]		tracepoints
 *
 *   sockiocp.h		what each file offers to those above it
 *   types.h		the structures
 *   reading.h		what a socket is, and is like: kinds, readings, turns
 *   insides.h		what is known of the insides of other subsystems
 *   compat.h		differences between kernel versions
 *   kernels.h		which these are
 *
 * Where a change goes
 * ===================
 *
 *   a new kind of socket		enum sockiocp_kind (reading.h),
 *					sockiocp_readiness_kind() and a file beside
 *					readiness_tcp.c
 *   another limit			enum sockiocp_limit, account.c: its parameter, and who
 *					charges it; control.c and describe.c for netlink
 *   another rule for time-outs		process.c: process_deadline(), process_wait()
 *   a new ioctl			the uapi header, ioctl.c, and the file whose
 *					matter it is
 *   a third trigger			trigger.[ch], and apply_entry_is_valid()
 *   another answer to "may one
 *   more thread run?"			slot.c
 *   a new kind of packet		packet.[ch]; sockiocp_chunk_add(),
 *					sockiocp_chunk_drop() and harvest_hand_over()
 *   something else to trace		trace.h, tracepoints.rst, and selftests/control/trace.c
 *   a kernel version			compat.h; insides.h is what may have moved
 *   a new count in fdinfo		view.c, and for netlink its header, the YAML file,
 *					describe.c and tools/
 *   how closed sockets are found	reaper.c
 *   another operation			the uapi header, submission.c, and
 *					transfer_do()
 *   another status of an operation	transfer.c: transfer_statuses
 *
 * Objects and ownership
 * =====================
 *
 * A port belongs to its file and ends in the file's ->release, when no call is
 * under way.  Its memory stays until its last worker is gone.  It pins its
 * account, and the page of its mirror, and of its ring, until one of its descriptors is
 * closed.
 *
 * A registration belongs to its port while it is live, and to the queue while
 * its REMOVE packet stands there; either is one reference.  If it ends while a
 * harvest has taken its packet off the queue, that reference is left to the
 * harvest.  Any other task that works on it without a lock holds another one.  It
 * pins the *inode* of its socket, which is the memory of struct socket and of the
 * wait queue in it, and never the file: the last close() releases the socket, and
 * sends the FIN, as if nobody watched.  Such a socket is found closed later
 * (Removal paths, C).
 *
 * An endpoint belongs to the ring of its port, and pins the inode of its socket, as a
 * registration does.  But it has a reference to the memory of the port, and outlives it:
 * a socket is associated once and for all.  So it ends when its socket is found closed,
 * or when the module goes; neither it nor a port without a file keeps the module.
 *
 * An operation belongs, as long as it pends, to its endpoint; in a queue to the queue; and
 * once it was taken from there to the thread that has taken it, which carries it out, or
 * passes it on.  It ends once, under the lock of its socket's wait queue, and is done once,
 * under the same lock: then it is a packet like one that was posted.  One that was carried
 * out holds those behind it, of its direction, until that packet is queued, if there is one.
 * Until it is done it has a reference to its endpoint, and all the time one to the memory of
 * its home port, whose account it is charged to.  It never has the file of its socket but
 * while it is carried out, and pins nothing of its process but that one's number: whoever
 * takes it compares that number before anything of the program's is touched.
 *
 * If its process is gone an operation is dropped (cancel.c): it is freed where it pends or
 * stands in a queue; if a thread has it, that is marked, and the thread frees it.
 *
 * A posted packet belongs to the queue, and to the harvest that took it off until
 * it has been copied to the user.
 *
 * A waiter is on the stack of its thread.  Whatever wakes it, for a packet or because
 * something was closed, does that under the port's lock, takes it off the port's list,
 * and does not touch it afterwards.  A waiter that was not woken is taken off the list
 * by its thread.
 *
 * A packet that wakes a waiter is handed to it: moved from the queue to a list on the
 * thread's stack.  Only that thread harvests it.  In all other ways it counts as queued:
 * whoever ends or disables its registration takes it off that list, and the waiter
 * goes on to wait.  The thread gets the lock again whatever becomes of it, and puts the
 * packet back to the front of the queue: to take it from there under the same lock or,
 * if it is killed or its descriptor is closed, for others.  So nothing links to that
 * stack any longer when the thread goes on.
 *
 * A worker belongs to its thread, and pins the memory of the port it is, or was
 * last, associated with.  The scheduler calls it until its thread has exited or taken
 * the notifier off, and so it pins the module too.  Another task may end the
 * association.  That leaves the worker in its port's list, and to its thread, which may
 * be in the middle of a call.  A sampled worker, which the scheduler does not call,
 * belongs to the port: it ends with the port, when its thread is found dead, or when its
 * thread asks another port.
 *
 * The memory of a port belongs to its file, to its workers and endpoints, to the
 * operations whose home port it is, and to the reaper's list and that of home ports while
 * it is there.
 *
 * An account belongs to the ports that charge it, until the memory of the last one goes, to
 * the offers of its user, and to the limits that are that user's own, until they are taken
 * away or the module goes.  So a reference to a port, or to a registration while its
 * port is there, keeps the account, too.
 *
 * An offer belongs to the table of offers (duplicate.c), and while a task fetches it, to
 * that task; to no port.  It pins the inode of its socket, and not the file but for AF_UNIX
 * (duplicate.c says why), the number of its process (struct pid), and its account.  Those
 * that are left when the module goes end then.
 *
 * A search for closed sockets holds a reference to the memory of the port that it looks
 * at, and to each hook that it has found, which it gives back first.  Nothing
 * waits for a search, not even the end of the port.
 *
 * Locking
 * =======
 *
 * From outer to inner:
 *
 *   port->walking		mutex, by who walks through a home port's operations
 *   inode->i_rwsem		of a socket; only ever tried, and held shared
 *   (sk->sk_lock)		taken by what AF_VSOCK and MPTCP are asked; its
 *				spinlock, for a TCP socket that is being reset
 *   socket->wq.wait.lock	spinlock, interrupts off
 *   port->lock			spinlock, interrupts off
 *   (task->pi_lock, rq->lock)	of the scheduler, when a waiter is woken
 *   (pool->lock, base->lock)	of workqueues and timers, for the sampler, late.c and
 *				histogram.c; also inside a wait queue's lock, for the pollers
 *				and announce.c
 *
 * reaper_lock (spinlock, reaper.c) and the lock of the table of accounts are taken with
 * no other lock held; inside the first are those of workqueues and timers.  The lock of
 * port->poll_wait is taken with none held but that of the socket's wait queue, which a
 * wake-up comes with.
 * sampled_lock (spinlock, sampler.c) is taken inside port->lock; the lock of the directory
 * of ports (directory.c) and offers_lock (spinlock, duplicate.c) with no other lock held, and
 * no other one in them.  So are homes_lock (spinlock, home.c) and the lock of the networks
 * (directory.c).  announce_lock (spinlock, announce.c) is taken with any of these held, and
 * no other one in it.
 *
 * No lock is waited for in a read-side section of RCU of the module's own: with PREEMPT_RT to
 * wait is to sleep, and all that waits for a grace period, the end of a port included, would
 * wait for that lock, too.  (A socket's wake-up is in one of its waker's.)
 *
 * The notifiers of workers run under rq->lock and therefore take no lock at all:
 * they count with atomics and leave the rest to port->slot_freed, an irq_work.
 *
 * Rationale.  The wait queue's lock is the outer spinlock because a wake-up comes
 * with it.  The same lock makes the wait queue the index: to look for a socket's
 * registration and to insert one is one step, so that a socket has at most one,
 * whichever ports are asked at the same time.  The port's lock is held for a
 * chunk of packets at a time, or for a ring of them, or while what is put back finds its
 * place behind up to 1,024 that others have put back; and never over ->poll, an allocation or
 * user memory, but for its mirror and its ring, whose page is pinned.
 *
 * sockiocp_registration_wake() looks at interest and place before it takes the port's lock.
 * Why it loses nothing is said there.
 *
 * Field protection
 * ================
 *
 *   port		queue, waiters, closed,
 *			nr_hooks, mirror, ring		port->lock; but for the rest of
 *							mirror and ring also looked at
 *							without it, by threads
 *							that are woken later or
 *							look again
 *			next_seq, nr_packets, delivered, nr_waiters,
 *			hooks, nr_endpoints, workers,
 *			nr_workers, had_worker, nr_sampled,
 *			sample_soon, nobody_of,
 *			operations, nr_operations,
 *			nr_undone, late_seq		port->lock; had_worker also read
 *							with the last reference;
 *							nr_undone and nr_operations also
 *							without, as hints
 *			ended				written under port->lock; also
 *							read without, by those who look
 *							again under it
 *			home_of, home_exec_id		written once, under port->lock;
 *							read without, the first one first
 *			home_node			homes_lock
 *			told_ready			only ever set; no lock (look_again of
 *							home.c: set before the work is
 *							queued, cleared by it)
 *			counted, counted_until		port->lock
 *			histogram			written once, under port->lock;
 *							read without
 *			reaper_mark			port->lock
 *			concurrency			written under port->lock,
 *							read without
 *			active, refs			atomic
 *			last_fd				a hint: no lock
 *			spare				no lock: xchg()
 *			id, creator, comm, network	immutable
 *			account				immutable
 *			reaper_node			reaper_lock
 *   histogram		counts, seq, since,
 *			generation, late		port->lock
 *			port				immutable
 *   registration	hook.wait			wait.lock of the socket
 *			packet, hook.port_node,
 *			enabled, place, seen, history,
 *			terms.edges, terms.life,
 *			rcv_nxt, hook.interest		port->lock; interest and
 *							place are also read
 *							without it, as are
 *							enabled, seen, history and
 *							life by readings (trigger.c)
 *			terms.filter, terms.trigger,
 *			hook.state			written under both, read
 *							under either; the first
 *							two also without, by
 *							sockiocp_trigger_arm()
 *			port, key, kind of the hook	immutable
 *			hook.refs			atomic
 *   endpoint		associated, modes, directions,
 *			finished, and state, key, port,
 *			wait, interest of the hook	wait.lock of the socket; associated,
 *							modes and held of the directions
 *							also read without
 *			failure				no lock: whoever writes it last
 *			hook.port_node			lock of its port, inside that
 *			hook.refs			atomic
 *   operation		node, phase, cancelled, dropped,
 *			queue				wait.lock of the socket; phase also
 *							read under the lock of the queue
 *			packet				lock of the port in whose queue it
 *							is
 *			home_node			lock of its home port
 *			error, progress, buffers, entry,
 *			message_flags, endpoint, cred,
 *			event				whoever has it; error also under
 *							wait.lock, by who cancels it
 *			fd				its thread, while it is carried out
 *			all others, and overlapped
 *			in entry			immutable
 *   posted packet	packet				port->lock
 *			entry				immutable
 *   waiter		node, woken, disturbed,
 *			the list at handed		port->lock; woken and disturbed
 *							are also read by its thread
 *			task, files, worker, handed	immutable
 *   worker		node, files			lock of the port it pins
 *			port				the same lock; also read by
 *							its thread without
 *			slot				the same lock; between held
 *							and lent its thread's
 *							notifiers, and worker.c if
 *							it is sampled, change it
 *							without, by cmpxchg()
 *			pinned				written by its thread, or when
 *							that has exited, under that
 *							lock; immutable if it is
 *							sampled
 *			hash				sampled_lock; read under RCU
 *			task, pid, sampled		immutable
 *   account		registrations, endpoints,
 *			operations, packets, offers	atomic
 *			offer_ring			offers_lock
 *			reaper_node, reaper_ports	reaper_lock
 *			nr_reaper_ports			reaper_lock; also read
 *							without it
 *			users				the lock of the table
 *			limits				the same; read without it
 *			uid				immutable
 *   offer		hash, by_age, user_node, taken	offers_lock
 *			all others			immutable once it is linked
 *
 * Removal paths
 * =============
 *
 * A registration ends in one of these ways:
 *
 *   A  REMOVE		apply_remove(): taken off the wait queue and the ring, its
 *			REMOVE packet queued
 *   B  port closed	lifetime_drop_registrations(), from ->release
 *   C  socket closed	reaper_look_at_port(), from a later registration in the port,
 *			a call of the user beyond the limit, or the reaper
 *
 * All of them go through sockiocp_registration_unhook(), under the wait queue's lock and
 * the port's, which acts on a live registration only: whoever comes second finds it REMOVED
 * or DEAD and does nothing.  After it no wake-up can reach the registration,
 * since wake-ups run under the wait queue's lock.  B cannot meet A (A is part of
 * a call, which holds the file).  It can meet C, which found the port before
 * sockiocp_reaper_forget(), and has a reference to it.  An endpoint only ends by C, or in
 * sockiocp_reaper_exit().
 *
 * A harvest meets all of them.  It marks the packets that it takes off the queue
 * as taken, under the port's lock.  Unhooking sees that, under the same lock, and then
 * neither gives back the reference for being live nor queues the REMOVE packet: the
 * harvest does that when it has the lock again.  So what it has taken stays in memory
 * without a reference for each, and a REMOVE packet cannot overtake a notification that
 * is on its way.  When sockiocp_harvest_has_packet() takes a packet it does the same, by
 * the same steps; and so does a call that takes a registration as it arms it, past the
 * queue (sockiocp_chunk_take_at_once()).  Until it has handed that over, or given it back,
 * it waits for the program's memory, and if its thread is new to the port for the worker that
 * this one gets, and for the end of the port that it comes from.
 *
 * The memory goes with the last reference (sockiocp_registration_put()), in task
 * context, since iput() sleeps.
 *
 * An operation ends in one of these ways, all under the lock of its socket's wait queue:
 *
 *   carried out	operation_settle(), by the thread that has it
 *   cancelled		cancel_one(), by SOCKIOCP_CANCEL
 *   socket closed	the same, by SOCKIOCP_CLOSE_SOCKET, the reaper, or home.c
 *   dropped		cancel_drop_one(): its home port has ended, or its process is gone
 *
 * A thread has it alone between operation_begin_run() and operation_settle(); whoever else
 * comes meanwhile leaves a mark.
 */
#include "posted.h"

#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>

static int sockiocp_open(struct inode *inode, struct file *file)
{
	struct sockiocp_port *port = sockiocp_lifetime_begin();

	if (!port)
		return -ENOMEM;
	file->private_data = port;
	return nonseekable_open(inode, file);
}

static int sockiocp_release(struct inode *inode, struct file *file)
{
	sockiocp_lifetime_end(file->private_data);
	return 0;
}

/* One descriptor of the port was closed; others may be left. */
static int sockiocp_flush(struct file *file, fl_owner_t id)
{
	sockiocp_lifetime_descriptor_closed(file, id);
	return 0;
}

static __poll_t sockiocp_poll(struct file *file, struct poll_table_struct *wait)
{
	struct sockiocp_port *port = file->private_data;
	__poll_t events;

	poll_wait(file, &port->poll_wait, wait);
	events = sockiocp_harvest_has_packet(port) ? EPOLLIN | EPOLLRDNORM : 0;
	/*
	 * Only now: that took the lock that this is set under, after poll_wait() and before
	 * those in the queue are woken.
	 */
	if (READ_ONCE(port->closed))
		events = EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	return events;
}

static void sockiocp_show_fdinfo(struct seq_file *m, struct file *file)
{
	sockiocp_view_show(file->private_data, m);
}

static const struct file_operations sockiocp_fops = {
	.owner		= THIS_MODULE,
	.open		= sockiocp_open,
	.release	= sockiocp_release,
	.flush		= sockiocp_flush,
	.poll		= sockiocp_poll,
	.show_fdinfo	= sockiocp_show_fdinfo,
	.unlocked_ioctl	= sockiocp_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* A port gives no power over a socket that the caller has no descriptor of. */
static struct miscdevice sockiocp_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "sockiocp",
	.fops	= &sockiocp_fops,
	.mode	= 0666,
};

static int __init sockiocp_init(void)
{
	int error;

	sockiocp_account_init();
	error = sockiocp_workqueue_init();
	if (error)
		return error;
	error = sockiocp_registration_init();
	if (error)
		goto err_workqueue;
	error = sockiocp_endpoint_init();
	if (error)
		goto err_registration;
	error = sockiocp_operation_init();
	if (error)
		goto err_endpoint;
	error = sockiocp_posted_init();
	if (error)
		goto err_operation;
	error = sockiocp_processor_init();
	if (error)
		goto err_packet;
	error = sockiocp_directory_init();
	if (error)
		goto err_processor;
	sockiocp_notifier_init();
	error = sockiocp_control_init();
	if (error)
		goto err_directory;
	error = misc_register(&sockiocp_device);
	if (error)
		goto err_control;
	sockiocp_control_open();
	return 0;

err_control:
	sockiocp_control_exit();
err_directory:
	sockiocp_notifier_exit();
	sockiocp_directory_exit();
err_processor:
	sockiocp_processor_exit();
err_packet:
	sockiocp_posted_exit();
err_operation:
	sockiocp_operation_exit();
err_endpoint:
	sockiocp_endpoint_exit();
err_registration:
	sockiocp_registration_exit();
err_workqueue:
	sockiocp_workqueue_exit();
	sockiocp_account_exit();
	return error;
}

static void __exit sockiocp_exit(void)
{
	misc_deregister(&sockiocp_device);
	sockiocp_control_exit();
	sockiocp_duplicate_exit();
	sockiocp_home_exit();
	sockiocp_reaper_exit();
	sockiocp_notifier_exit();
	sockiocp_directory_exit();
	sockiocp_processor_exit();
	sockiocp_posted_exit();
	sockiocp_operation_exit();
	sockiocp_endpoint_exit();
	sockiocp_registration_exit();
	sockiocp_workqueue_exit();
	sockiocp_account_exit();
}

module_init(sockiocp_init);
module_exit(sockiocp_exit);

MODULE_DESCRIPTION("Socket state notifications and I/O completion ports");
MODULE_LICENSE("GPL");
MODULE_VERSION(SOCKIOCP_VERSION);
