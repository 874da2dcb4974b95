/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What each file of the module offers, from the lowest floor up.  What is inline here
 * calls nothing above its own section.
 */
#ifndef _SOCKIOCP_H
#define _SOCKIOCP_H

#include "compat.h"
#include "types.h"

#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sockiocp.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

/* The most registrations, or packets, that one call may name. */
#define SOCKIOCP_MAX_BATCH	(1U << 24)

/* How many of them are handled at a time: what fits on the stack. */
#define SOCKIOCP_CHUNK		32

/* For how long an operation waits for somebody who harvests, in jiffies. */
#define SOCKIOCP_LATE		(HZ / 100 ? HZ / 100 : 1)

/* What is done later, where it may sleep; there while anything else of the module is. */
extern struct workqueue_struct *sockiocp_wq;

int sockiocp_workqueue_init(void);
void sockiocp_workqueue_exit(void);

/*
 * Between two readings, without a lock, of what others change at any time.  Tests of
 * races may build the module so that it stays here for a while, some of the times
 * (selftests/vm/test, WIDE); otherwise this is nothing.
 */
#ifdef SOCKIOCP_WIDEN_RACES
#include <linux/delay.h>

static inline void sockiocp_race_window(void)
{
	static unsigned int times;

	/* More or less every other time. */
	if (data_race(times++) % 2)
		udelay(100);
}
#else
static inline void sockiocp_race_window(void)
{
}
#endif

/* -------------------------------------------------------------- announce */

/* The multicast groups of the netlink family. */
enum sockiocp_group {
	SOCKIOCP_GROUP_PORTS,
	SOCKIOCP_GROUP_LIMITS,
};

struct genl_family;

/* Of one port: how many packets were late, as far as is known, and the longest time. */
struct sockiocp_late_packets {
	u32 nr;
	u32 longest_ms;
};

void sockiocp_announce_init(const struct genl_family *family);
void sockiocp_announce_port(const struct sockiocp_port *port, u8 cmd, struct net *net);
void sockiocp_announce_late(const struct sockiocp_port *port,
			    const struct sockiocp_late_packets *late, struct net *net);
void sockiocp_announce_refusal(unsigned long uid, enum sockiocp_refused what);
void sockiocp_announce_exit(void);

/* --------------------------------------------------------------- account */

/* The limits of all users that have none of their own: what they say is no limit itself. */
extern unsigned long sockiocp_limits[SOCKIOCP_NR_LIMITS];
#define SOCKIOCP_LIMIT_OF_ALL	ULONG_MAX

void sockiocp_account_init(void);
void sockiocp_account_exit(void);
void sockiocp_account_set_limit(enum sockiocp_limit which, unsigned long value);
int sockiocp_account_set_own_limits(unsigned long uid, const unsigned long *limits);
struct sockiocp_account *sockiocp_account_get(void);
void sockiocp_account_hold(struct sockiocp_account *account);
void sockiocp_account_put(struct sockiocp_account *account);

/* What a user holds, as of now, may hold, and was refused. */
struct sockiocp_account_view {
	unsigned long uid;
	unsigned long registrations;
	unsigned long endpoints;
	unsigned long operations;
	unsigned long packets;
	unsigned long offers;
	unsigned long limits[SOCKIOCP_NR_LIMITS];
	unsigned long refusals;
};

bool sockiocp_account_next(unsigned long uid, struct sockiocp_account_view *view);
int sockiocp_account_refuse(struct sockiocp_account *account, enum sockiocp_refused what);

/* How many the user may hold. */
static inline unsigned long sockiocp_account_limit(const struct sockiocp_account *account,
						   enum sockiocp_limit which)
{
	unsigned long own = READ_ONCE(account->limits[which]);

	return likely(own == SOCKIOCP_LIMIT_OF_ALL) ? READ_ONCE(sockiocp_limits[which]) : own;
}

/**
 * sockiocp_account_charge - count so many more, unless that is too many
 * @account: the user's
 * @count: one of the account's counters
 * @nr: how many
 * @which: what limits it
 *
 * Return: whether they were counted.  Several tasks that charge at once may see
 * each other's attempt and fail together just below the limit; none gets past
 * it.
 */
static inline bool sockiocp_account_charge(const struct sockiocp_account *account,
					   atomic_long_t *count, unsigned int nr,
					   enum sockiocp_limit which)
{
	unsigned long charged = atomic_long_add_return(nr, count);

	if (likely(charged <= sockiocp_account_limit(account, which)))
		return true;
	atomic_long_sub(nr, count);
	return false;
}

/* ------------------------------------------------------------- readiness */

/* Does a look take a lock that others sleep with? */
static inline bool sockiocp_readiness_sleeps(enum sockiocp_kind kind)
{
	return kind == SOCKIOCP_MPTCP || kind == SOCKIOCP_VSOCK;
}

int sockiocp_readiness_kind(struct socket *socket);
sockiocp_reading sockiocp_readiness_read(struct socket *socket, struct file *file,
					 enum sockiocp_kind kind, u8 filter);
enum sockiocp_turn sockiocp_readiness_turn(const struct socket *socket,
					   enum sockiocp_kind kind, bool error);

u32 sockiocp_readiness_tcp_position(struct socket *socket);
bool sockiocp_readiness_tcp_in_edge(struct socket *socket, u32 *rcv_nxt);

/**
 * sockiocp_readiness_position - where a TCP stream stands
 * @socket: the socket, which the caller keeps from being released
 * @kind: what it is
 *
 * The caller holds the lock of its wait queue: if a connection ends meanwhile, the
 * wake-up for that comes later (SOCKIOCP_IS_NEW).
 *
 * Return: the start value of *rcv_nxt for sockiocp_readiness_in_edge(); 0 if there is no
 *	connection, and none that has ended, and for all but TCP.
 */
static inline u32 sockiocp_readiness_position(struct socket *socket, enum sockiocp_kind kind)
{
	return kind == SOCKIOCP_TCP ? sockiocp_readiness_tcp_position(socket) : 0;
}

/**
 * sockiocp_readiness_in_edge - does an IN wake-up mean that IN has just risen?
 * @socket: the socket whose wait queue is being woken
 * @kind: what it is
 * @rcv_nxt: TCP: how far the stream had come at the wake-up before; updated
 *
 * The wake-ups of all but TCP run without a lock that would keep data from being read
 * meanwhile: any of them may be an edge.
 *
 * Return: false only if IN held before.
 */
static inline bool sockiocp_readiness_in_edge(struct socket *socket, enum sockiocp_kind kind,
					      u32 *rcv_nxt)
{
	return kind != SOCKIOCP_TCP || sockiocp_readiness_tcp_in_edge(socket, rcv_nxt);
}

/* ------------------------------------------------------------------ port */

struct sockiocp_port *sockiocp_port_create(void);
void sockiocp_port_get(struct sockiocp_port *port);
void sockiocp_port_put(struct sockiocp_port *port);
unsigned int sockiocp_port_concurrency(struct sockiocp_port *port);
bool sockiocp_port_has_descriptor(struct file *file);
bool sockiocp_port_has_number(struct file *file, unsigned int fd);
void sockiocp_port_queue_again(struct sockiocp_port *port, struct list_head *packets);
bool sockiocp_port_is_open_here(struct file *file, unsigned int fd);

/*
 * Is a list of a port's empty?  Looked at without the lock, so that it may be wrong
 * at once: for those who are told, or look again under the lock, if it matters.
 */
static inline bool sockiocp_seems_empty(const struct list_head *list)
{
	/* An old answer is as good. */
	return data_race(list_empty_careful(list));
}

/**
 * sockiocp_port_has_somebody_of - a thread begins to wait, or its association begins
 * @port: the port, locked
 * @files: its process
 */
static inline void sockiocp_port_has_somebody_of(struct sockiocp_port *port, fl_owner_t files)
{
	lockdep_assert_held(&port->lock);

	if (unlikely(port->nobody_of == files))
		port->nobody_of = NULL;
}

/* Is it the home port of the program that the calling thread runs? */
static inline bool sockiocp_port_is_home_of_caller(const struct sockiocp_port *port)
{
	/* The number of the program is written before. */
	return smp_load_acquire(&port->home_of) == task_tgid(current) &&
	       port->home_exec_id == current->self_exec_id;
}

/* Is it the home port of another one? */
static inline bool sockiocp_port_is_home_of_another(const struct sockiocp_port *port)
{
	return unlikely(READ_ONCE(port->home_of)) && !sockiocp_port_is_home_of_caller(port);
}

/* ------------------------------------------------------------------ slot */

bool sockiocp_slot_is_free(struct sockiocp_port *port);
bool sockiocp_slot_may_harvest(struct sockiocp_worker *worker);
void sockiocp_slot_take(struct sockiocp_worker *worker, enum sockiocp_slot slot);
void sockiocp_slot_take_for(struct sockiocp_worker *worker);
void sockiocp_slot_give_up(struct sockiocp_worker *worker);
void sockiocp_slot_begin_wait(struct sockiocp_worker *worker);
void sockiocp_slot_end_wait(struct sockiocp_worker *worker);
bool sockiocp_slot_lend(struct sockiocp_worker *worker);
void sockiocp_slot_take_back(struct sockiocp_worker *worker);

/* --------------------------------------------------------------- waiting */

void sockiocp_waiting_init(struct sockiocp_port *port);
void sockiocp_waiting_release(struct sockiocp_port *port, enum sockiocp_wake reason);
void sockiocp_waiting_disturb(struct sockiocp_port *port, fl_owner_t files);
void sockiocp_waiting_configure(struct sockiocp_port *port,
				const struct sockiocp_config *config);
int sockiocp_wait_for_packet(struct sockiocp_port *port, struct sockiocp_worker *worker,
			     struct file *file, unsigned int fd, const ktime_t *deadline,
			     struct list_head *handed, bool *woken);
int sockiocp_wait_for_busy(struct file *file, unsigned int fd, const ktime_t *deadline);

/* --------------------------------------------------------------- pollers */

void sockiocp_pollers_init(struct sockiocp_port *port);
void sockiocp_pollers_forget(struct sockiocp_port *port);
void sockiocp_pollers_wake_first(struct sockiocp_port *port);

/**
 * sockiocp_pollers_wake - tell those who poll the file of a packet
 * @port: the port, not locked
 */
static inline void sockiocp_pollers_wake(struct sockiocp_port *port)
{
	if (wq_has_sleeper(&port->poll_wait))
		sockiocp_pollers_wake_first(port);
}

/* ------------------------------------------------------------- directory */

int sockiocp_directory_add(struct sockiocp_port *port);
u32 sockiocp_directory_highest(void);
void sockiocp_directory_remove(struct sockiocp_port *port);
struct sockiocp_port *sockiocp_directory_next(unsigned long id);
void sockiocp_directory_for_each(void (*visit)(struct sockiocp_port *port));
u64 sockiocp_directory_network(struct net *net);
void sockiocp_directory_tell_late(const struct sockiocp_port *port,
				  const struct sockiocp_late_packets *late);
int sockiocp_directory_init(void);
void sockiocp_directory_exit(void);

/* ------------------------------------------------------------- processor */

int sockiocp_processor_init(void);
void sockiocp_processor_exit(void);

/* ----------------------------------------------------------- association */

void sockiocp_association_begin(struct sockiocp_worker *worker, struct sockiocp_port *port);
void sockiocp_association_end(struct sockiocp_worker *worker);
void sockiocp_association_unlink(struct sockiocp_worker *worker);
void sockiocp_association_look_at_all(struct sockiocp_port *port,
				      void (*act)(struct sockiocp_worker *worker,
						  const void *arg),
				      const void *arg);

/* A thread that is associated: its number, a reference, and &enum sockiocp_slot. */
struct sockiocp_association_view {
	struct pid *pid;
	unsigned int slot;
};

void sockiocp_association_begin_look(struct sockiocp_port *port,
				     struct sockiocp_worker *cursor);
void sockiocp_association_end_look(struct sockiocp_port *port, struct sockiocp_worker *cursor);
unsigned int sockiocp_association_next(struct sockiocp_port *port,
				       struct sockiocp_worker *cursor,
				       struct sockiocp_association_view *views,
				       unsigned int most);
bool sockiocp_association_is_through(struct sockiocp_port *port,
				     struct sockiocp_worker *cursor);

/* -------------------------------------------------------------- notifier */

#ifdef CONFIG_PREEMPT_NOTIFIERS

extern struct preempt_ops sockiocp_notifier_ops;

/*
 * The worker of the calling thread, if it has a notifier.  The list is the thread's own:
 * nobody else changes it.
 */
static inline struct sockiocp_worker *sockiocp_notifier_find(void)
{
	struct preempt_notifier *notifier;

	hlist_for_each_entry(notifier, &current->preempt_notifiers, link) {
		if (notifier->ops == &sockiocp_notifier_ops)
			return container_of(notifier, struct sockiocp_worker, notifier);
	}
	return NULL;
}

void sockiocp_notifier_leave(struct sockiocp_worker *worker);
void sockiocp_notifier_watch(struct sockiocp_worker *worker);
void sockiocp_notifier_unwatch(struct sockiocp_worker *worker);
void sockiocp_notifier_init(void);
void sockiocp_notifier_exit(void);

#else

static inline struct sockiocp_worker *sockiocp_notifier_find(void) { return NULL; }
static inline void sockiocp_notifier_leave(struct sockiocp_worker *worker) {}
static inline void sockiocp_notifier_watch(struct sockiocp_worker *worker) {}
static inline void sockiocp_notifier_unwatch(struct sockiocp_worker *worker) {}
static inline void sockiocp_notifier_init(void) {}
static inline void sockiocp_notifier_exit(void) {}

#endif /* CONFIG_PREEMPT_NOTIFIERS */

/* --------------------------------------------------------------- sampler */

void sockiocp_sampler_init_port(struct sockiocp_port *port);
bool sockiocp_sampler_serves_new_workers(void);
struct sockiocp_worker *sockiocp_sampler_find(struct sockiocp_port *port);
void sockiocp_sampler_watch(struct sockiocp_worker *worker);
void sockiocp_sampler_add(struct sockiocp_worker *worker);
void sockiocp_sampler_end(struct sockiocp_worker *worker);
void sockiocp_sampler_leave(void);

/* ---------------------------------------------------------------- worker */

struct sockiocp_worker *sockiocp_worker_enter_port(struct file *file, unsigned int fd,
						   struct sockiocp_worker *worker);
void sockiocp_worker_leave_process(struct sockiocp_port *port, fl_owner_t files);
void sockiocp_worker_forget(struct sockiocp_port *port);

/**
 * sockiocp_worker_enter - the calling thread asks a port for packets
 * @file: the port's file
 * @fd: what the thread says is its descriptor of it
 *
 * Return: the thread's worker, which stays until the call ends; or NULL if there is
 * no memory for it.
 */
static inline struct sockiocp_worker *sockiocp_worker_enter(struct file *file,
							    unsigned int fd)
{
	struct sockiocp_worker *worker = sockiocp_notifier_find();

	if (likely(worker && READ_ONCE(worker->port) == file->private_data))
		return worker;
	return sockiocp_worker_enter_port(file, fd, worker);
}

/* ---------------------------------------------------------------- packet */

long sockiocp_packet_post(struct sockiocp_port *port, const struct sockiocp_post *args);
void sockiocp_packet_free(struct sockiocp_port *port, struct sockiocp_posted *posted);

/* --------------------------------------------------------------- trigger */

u8 sockiocp_trigger_wake_edges(struct sockiocp_registration *reg, __poll_t key);
void sockiocp_trigger_note_turn(struct sockiocp_registration *reg, __poll_t events);
void sockiocp_trigger_verify(struct sockiocp_delivery *deliveries, unsigned int nr);
u32 sockiocp_trigger_look(struct sockiocp_registration *reg,
			  const struct sockiocp_terms *taken, sockiocp_reading *now);
void sockiocp_trigger_give_back(struct sockiocp_registration *reg,
				const struct sockiocp_terms *taken);
void sockiocp_trigger_begin_edges(struct sockiocp_registration *reg, bool was_enabled,
				  struct sockiocp_terms before);
void sockiocp_trigger_report_armed(struct sockiocp_registration *reg,
				   struct sockiocp_terms armed, sockiocp_reading now,
				   u8 added);

/* ---------------------------------------------------------- registration */

int sockiocp_registration_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			       void *key);
bool sockiocp_registration_unhook(struct sockiocp_registration *reg,
				  enum sockiocp_state state);
void sockiocp_registration_kill(struct sockiocp_registration *reg);
void sockiocp_registration_free(struct sockiocp_registration *reg);
int sockiocp_registration_init(void);
void sockiocp_registration_exit(void);

/* Sleeps when it was the last reference: the socket's inode goes with it. */
static inline void sockiocp_registration_put(struct sockiocp_registration *reg)
{
	if (refcount_dec_and_test(&reg->hook.refs))
		sockiocp_registration_free(reg);
}

/* -------------------------------------------------------------- endpoint */

static inline bool sockiocp_operation_polls(const struct sockiocp_operation *op)
{
	return op->operation == SOCKIOCP_SUBMIT_POLL_IN ||
	       op->operation == SOCKIOCP_SUBMIT_POLL_OUT;
}

/* Do threads at its home port carry it out, and not those at the port of its socket? */
static inline bool sockiocp_operation_is_for_home(const struct sockiocp_operation *op)
{
	return !READ_ONCE(op->endpoint->associated) ||
	       op->flags & (SOCKIOCP_SUBMIT_TO_HOME | SOCKIOCP_SUBMIT_NO_PACKET |
			    SOCKIOCP_SUBMIT_EVENT);
}

static inline struct sockiocp_direction *
sockiocp_operation_direction(const struct sockiocp_operation *op)
{
	BUILD_BUG_ON(!(SOCKIOCP_SUBMIT_SEND & SOCKIOCP_SUBMIT_POLL_OUT & 1) ||
		     (SOCKIOCP_SUBMIT_RECEIVE | SOCKIOCP_SUBMIT_POLL_IN) & 1);

	return &op->endpoint->directions[op->operation & 1];
}

/* Has somebody who was told that a socket is ready held others for longer than @most jiffies? */
static inline bool sockiocp_direction_is_held(const struct sockiocp_direction *direction,
					      unsigned long most)
{
	unsigned long held = READ_ONCE(direction->held);

	return held && time_after(jiffies, held + most);
}

int sockiocp_endpoint_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key);
struct sockiocp_endpoint *sockiocp_endpoint_get(struct sockiocp_port *port,
						struct socket *socket, bool *is_first);
void sockiocp_endpoint_kill(struct sockiocp_endpoint *endpoint);
void sockiocp_endpoint_free(struct sockiocp_endpoint *endpoint);
int sockiocp_endpoint_associate(struct sockiocp_endpoint *endpoint,
				struct sockiocp_port *port, u64 key, bool *is_first,
				struct sockiocp_port **left);
void sockiocp_endpoint_add_modes(struct sockiocp_endpoint *endpoint, u8 modes);
struct sockiocp_endpoint *sockiocp_endpoint_find(struct socket *socket);
bool sockiocp_endpoint_queue(struct sockiocp_operation *op, bool at_home);
void sockiocp_endpoint_wake_first(struct sockiocp_direction *direction);
void sockiocp_endpoint_next(struct sockiocp_endpoint *endpoint);
void sockiocp_endpoint_end_holds(struct sockiocp_endpoint *endpoint, unsigned long most);
int sockiocp_endpoint_add_operation(struct sockiocp_operation *op);
void sockiocp_endpoint_leave_home(struct sockiocp_operation *op);
void sockiocp_endpoint_hold(struct sockiocp_operation *op);
void sockiocp_endpoint_let_go_on(struct sockiocp_direction *direction);
void sockiocp_endpoint_finish_operation(struct sockiocp_operation *op, bool wake);
void sockiocp_endpoint_remove_operation(struct sockiocp_operation *op);
int sockiocp_endpoint_init(void);
void sockiocp_endpoint_exit(void);

/* Sleeps when it was the last reference: the socket's inode goes with it. */
static inline void sockiocp_endpoint_put(struct sockiocp_endpoint *endpoint)
{
	if (refcount_dec_and_test(&endpoint->hook.refs))
		sockiocp_endpoint_free(endpoint);
}

/* -------------------------------------------------------------- transfer */

/* A datagram that is longer than the buffers completes a receive: they are filled. */
static inline bool sockiocp_operation_completes(const struct sockiocp_operation *op)
{
	return !op->error ||
	       (op->error == -EMSGSIZE && op->operation == SOCKIOCP_SUBMIT_RECEIVE);
}

/* Has an operation not ended with a try? */
static inline bool sockiocp_transfer_goes_on(int error)
{
	return error == -EAGAIN || error == -EINPROGRESS || error == -EBUSY;
}

int sockiocp_transfer_look(struct socket *socket, struct file *file, enum sockiocp_kind kind,
			   unsigned int operation);
int sockiocp_transfer_refuse(const struct socket *socket, enum sockiocp_kind kind,
			     unsigned int operation);
int sockiocp_transfer_try(struct sockiocp_operation *op, struct socket *socket,
			  struct file *file);
void sockiocp_transfer_write_result(struct sockiocp_operation *op);

/* ------------------------------------------------------------- operation */

/* What an operation ends with whose socket is closed. */
static inline int sockiocp_operation_error_of_close(const struct sockiocp_operation *op)
{
	return op->endpoint->hook.kind < SOCKIOCP_UDP && !sockiocp_operation_polls(op) ?
	       -ECONNABORTED : -ECANCELED;
}

/* What one ends with that is cancelled: what a receive has taken already is not lost. */
static inline int sockiocp_operation_error_of_cancel(const struct sockiocp_operation *op)
{
	return op->operation == SOCKIOCP_SUBMIT_RECEIVE && op->progress ? 0 : -ECANCELED;
}

struct sockiocp_operation *sockiocp_operation_alloc(struct sockiocp_port *home);
int sockiocp_operation_start(struct sockiocp_operation *op, struct socket *socket,
			     struct file *file);
bool sockiocp_operation_owes_packet(const struct sockiocp_operation *op);
bool sockiocp_operation_run(struct sockiocp_operation *op, u64 *moved, bool *busy);
void sockiocp_operation_tell(struct sockiocp_operation *op);
bool sockiocp_operation_deliver(struct sockiocp_operation *op,
				struct sockiocp_port *harvested);
void sockiocp_operation_forget(struct sockiocp_operation *op);
void sockiocp_operation_pass_on(struct sockiocp_operation *op);
void sockiocp_operation_free(struct sockiocp_operation *op);
int sockiocp_operation_init(void);
void sockiocp_operation_exit(void);

/* ------------------------------------------------------------ submission */

bool sockiocp_submission_is_valid(const struct sockiocp_submit *args);
struct sockiocp_operation *sockiocp_submission_create(struct sockiocp_port *home,
						      struct sockiocp_endpoint *endpoint,
						      const struct sockiocp_submit *args);

/* ---------------------------------------------------------------- cancel */

u32 sockiocp_cancel_operations(struct sockiocp_endpoint *endpoint,
			       const struct sockiocp_cancel *args);
void sockiocp_cancel_closed(struct sockiocp_endpoint *endpoint);
void sockiocp_cancel_drop_all(struct sockiocp_port *home);

/* ------------------------------------------------------------------ late */

void sockiocp_late_init(struct sockiocp_port *port);
void sockiocp_late_forget(struct sockiocp_port *port);

/* ------------------------------------------------------------------ hook */

void sockiocp_hook_kill(struct sockiocp_hook *hook);
void sockiocp_hook_put(struct sockiocp_hook *hook);

/* ------------------------------------------------------------------ view */

/* How far somebody has come who goes through the ring of a port. */
struct sockiocp_view_mark {
	struct sockiocp_hook hook;
	/* How many were there at the beginning, and have not been met. */
	unsigned int left;
};

/* A registration, with a reference, and how it is. */
struct sockiocp_view_registration {
	struct sockiocp_registration *reg;
	u64 key;
	u8 filter;
	u8 trigger;
	u8 state;
};

/* What a port holds, and who waits for it. */
struct sockiocp_view_totals {
	unsigned int registrations;
	unsigned int armed;
	unsigned int queued;
	unsigned int disabled;
	unsigned int endpoints;
	unsigned int operations;
	unsigned int packets;
	u64 delivered;
	unsigned int waiters;
	unsigned int workers;
	unsigned int active;
	unsigned int concurrency;
	bool closed;
};

int sockiocp_view_totals(struct sockiocp_port *port, struct sockiocp_view_totals *totals);
void sockiocp_view_begin(struct sockiocp_port *port, struct sockiocp_view_mark *mark);
void sockiocp_view_end(struct sockiocp_port *port, struct sockiocp_view_mark *mark);
unsigned int sockiocp_view_next(struct sockiocp_port *port, struct sockiocp_view_mark *mark,
				struct sockiocp_view_registration *views, unsigned int most);
void sockiocp_view_show(struct sockiocp_port *port, struct seq_file *m);

/* ------------------------------------------------------------------ home */

int sockiocp_home_claim(struct sockiocp_port *port);
void sockiocp_home_watch(void);
long sockiocp_home_end_thread(struct sockiocp_port *port, struct sockiocp_cancel *args);
void sockiocp_home_leave(struct sockiocp_port *port);
void sockiocp_home_forget(struct sockiocp_port *port);
void sockiocp_home_exit(void);

/* ---------------------------------------------------------------- reaper */

void sockiocp_reaper_watch(struct sockiocp_port *port);
void sockiocp_reaper_forget(struct sockiocp_port *port);
void sockiocp_reaper_pass(struct sockiocp_port *port, unsigned int created);
bool sockiocp_reaper_sweep(struct sockiocp_account *account);
void sockiocp_reaper_exit(void);

/* ----------------------------------------------------------------- apply */

struct sockiocp_chunk;
int sockiocp_apply_entries(struct sockiocp_chunk *chunk, const struct sockiocp_process *args);

/* --------------------------------------------------------------- harvest */

int sockiocp_harvest(struct sockiocp_chunk *chunk,
		     struct sockiocp_packet_entry __user *uentries, u32 count,
		     u32 __user *ureceived, struct list_head *handed);
void sockiocp_harvest_wake_others(struct sockiocp_port *port);
bool sockiocp_harvest_has_packet(struct sockiocp_port *port);

/*
 * If a packet is left, tell those who wait and those who poll: while it was in
 * the hands of this thread they saw none.  Whoever queues one later tells them.
 */
static inline void sockiocp_harvest_pass_on(struct sockiocp_port *port)
{
	if (!sockiocp_seems_empty(&port->queue))
		sockiocp_harvest_wake_others(port);
}

/* --------------------------------------------------------------- process */

int sockiocp_process_check(const struct sockiocp_process *args);
long sockiocp_process_call(struct file *file, struct sockiocp_process __user *uargs,
			   size_t usize, struct sockiocp_process *args);

/* ------------------------------------------------------------- duplicate */

long sockiocp_duplicate_offer(struct sockiocp_account *account,
			      const struct sockiocp_offer *args, void __user *to);
long sockiocp_duplicate_fetch(const struct sockiocp_fetch *args);
void sockiocp_duplicate_exit(void);

/* ---------------------------------------------------------------- socket */

long sockiocp_socket_associate(struct sockiocp_port *port,
			       const struct sockiocp_association *args);
long sockiocp_socket_set_modes(struct sockiocp_port *port, const struct sockiocp_modes *args);
long sockiocp_socket_submit(struct sockiocp_port *port, struct sockiocp_submit *args);
long sockiocp_socket_cancel(struct sockiocp_cancel *args);
long sockiocp_socket_close(unsigned long fd);

/* -------------------------------------------------------------- lifetime */

struct sockiocp_port *sockiocp_lifetime_begin(void);
void sockiocp_lifetime_close(struct sockiocp_port *port);
void sockiocp_lifetime_descriptor_closed(struct file *file, fl_owner_t files);
void sockiocp_lifetime_end(struct sockiocp_port *port);

/* ----------------------------------------------------------------- ioctl */

long sockiocp_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* --------------------------------------------------------------- control */

int sockiocp_control_init(void);
void sockiocp_control_open(void);
void sockiocp_control_exit(void);

#endif /* _SOCKIOCP_H */
