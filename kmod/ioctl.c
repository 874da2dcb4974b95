// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The calls of the device: their arguments in and out, by versions of their structures.
 * What each does is the matter of the file that it goes to.
 */
#include "mirror.h"
#include "sockiocp.h"

#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

/* All features of this version. */
#define SOCKIOCP_FEATURES						\
	(SOCKIOCP_FEATURE_DEADLINE | SOCKIOCP_FEATURE_ASSOCIATION |	\
	 SOCKIOCP_FEATURE_OPERATIONS |					\
	 (SOCKIOCP_CAN_MIRROR ? SOCKIOCP_FEATURE_MIRROR : 0) |	\
	 (SOCKIOCP_CAN_RECEIVE_FD ? SOCKIOCP_FEATURE_DUPLICATE : 0))

/* The sizes that the structures had in the first version of the ABI. */
#define CONFIG_SIZE_VER0	8
#define PROCESS_SIZE_VER0	48
#define POST_SIZE_VER0		32
#define OFFER_SIZE_VER0		32
#define FETCH_SIZE_VER0		24
#define ASSOCIATION_SIZE_VER0	24
#define MODES_SIZE_VER0		16
#define SUBMIT_SIZE_VER0	80
#define CANCEL_SIZE_VER0	24
#define BATCH_SIZE_VER0		80
#define MIRROR_SIZE_VER0	24

/* Copy in a structure of @usize bytes, of which @min are as old as the ABI. */
static int ioctl_copy_arguments(void *to, size_t size, size_t min, void __user *from,
				   size_t usize)
{
	if (usize < min)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, usize);
}

static long ioctl_info(struct sockiocp_port *port, void __user *to, size_t usize)
{
	struct sockiocp_info info = {
		.abi_version = SOCKIOCP_ABI_VERSION,
		.concurrency = sockiocp_port_concurrency(port),
		.features = SOCKIOCP_FEATURES,
		.max_batch = SOCKIOCP_MAX_BATCH,
		.max_user_registrations = sockiocp_account_limit(port->account,
								 SOCKIOCP_MAX_REGISTRATIONS),
		.max_user_packets = sockiocp_account_limit(port->account, SOCKIOCP_MAX_PACKETS),
		.user_registrations = atomic_long_read(&port->account->registrations),
		.user_packets = atomic_long_read(&port->account->packets),
		.version = SOCKIOCP_VERSION,
	};
	size_t size = min(usize, sizeof(info));

	if (copy_to_user(to, &info, size) || clear_user(to + size, usize - size))
		return -EFAULT;
	return 0;
}

static long ioctl_configure(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_config config;
	int error;

	error = ioctl_copy_arguments(&config, sizeof(config), CONFIG_SIZE_VER0, from, usize);
	if (error)
		return error;
	if (config.flags)
		return -EINVAL;
	sockiocp_waiting_configure(port, &config);
	return 0;
}

/* Word by word: copy_from_user() takes 54 instructions more (P7). */
static __always_inline int ioctl_read_process(struct sockiocp_process *args,
					      const struct sockiocp_process __user *from)
{
	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(args->registrations, &from->registrations, fault);
	unsafe_get_user(args->entries, &from->entries, fault);
	unsafe_get_user(args->received, &from->received, fault);
	unsafe_get_user(args->timeout_ns, &from->timeout_ns, fault);
	unsafe_get_user(args->registration_count, &from->registration_count, fault);
	unsafe_get_user(args->entry_count, &from->entry_count, fault);
	unsafe_get_user(args->handle, &from->handle, fault);
	unsafe_get_user(args->flags, &from->flags, fault);
	unsafe_get_user(args->deadline_ns, &from->deadline_ns, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static long ioctl_process(struct file *file, void __user *from)
{
	struct sockiocp_process args __uninitialized;
	int error = ioctl_read_process(&args, from);

	return error ? error : sockiocp_process_call(file, from, sizeof(args), &args);
}

/* Of an older or a newer caller. */
static noinline long ioctl_process_of(struct file *file, void __user *from, size_t usize)
{
	struct sockiocp_process args;
	int error;

	error = ioctl_copy_arguments(&args, sizeof(args), PROCESS_SIZE_VER0, from, usize);
	return error ? error : sockiocp_process_call(file, from, usize, &args);
}

static int ioctl_read_post(struct sockiocp_post *args,
			      const struct sockiocp_post __user *from)
{
	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(args->completion_key, &from->completion_key, fault);
	unsafe_get_user(args->overlapped, &from->overlapped, fault);
	unsafe_get_user(args->internal, &from->internal, fault);
	unsafe_get_user(args->bytes_transferred, &from->bytes_transferred, fault);
	unsafe_get_user(args->flags, &from->flags, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static long ioctl_post(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_post args __uninitialized;
	int error;

	if (likely(usize == sizeof(args)))
		error = ioctl_read_post(&args, from);
	else
		error = ioctl_copy_arguments(&args, sizeof(args), POST_SIZE_VER0, from, usize);
	if (error)
		return error;
	return sockiocp_packet_post(port, &args);
}

static long ioctl_offer(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_offer args;
	int error;

	if (!SOCKIOCP_CAN_RECEIVE_FD)
		return -ENOTTY;
	error = ioctl_copy_arguments(&args, sizeof(args), OFFER_SIZE_VER0, from, usize);
	if (error)
		return error;
	return sockiocp_duplicate_offer(port->account, &args,
					from + offsetof(struct sockiocp_offer, token));
}

static long ioctl_fetch(void __user *from, size_t usize)
{
	struct sockiocp_fetch args;
	int error;

	if (!SOCKIOCP_CAN_RECEIVE_FD)
		return -ENOTTY;
	error = ioctl_copy_arguments(&args, sizeof(args), FETCH_SIZE_VER0, from, usize);
	if (error)
		return error;
	return sockiocp_duplicate_fetch(&args);
}

static long ioctl_associate(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_association args;
	int error;

	error = ioctl_copy_arguments(&args, sizeof(args), ASSOCIATION_SIZE_VER0, from, usize);
	return error ? error : sockiocp_socket_associate(port, &args);
}

static long ioctl_set_modes(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_modes args;
	int error;

	error = ioctl_copy_arguments(&args, sizeof(args), MODES_SIZE_VER0, from, usize);
	return error ? error : sockiocp_socket_set_modes(port, &args);
}

static int ioctl_write_submitted(struct sockiocp_submit __user *to,
				    const struct sockiocp_submit *args)
{
	if (!user_write_access_begin(to, SUBMIT_SIZE_VER0))
		return -EFAULT;
	unsafe_put_user(args->message_flags, &to->message_flags, fault);
	unsafe_put_user(args->bytes, &to->bytes, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * And can the results be written?  Afterwards nothing could be taken back.  Word by word:
 * copy_from_user() takes 140 instructions more (O2-skip).
 */
static int ioctl_read_submit(struct sockiocp_submit *args, struct sockiocp_submit __user *from)
{
	if (!user_access_begin(from, sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(args->socket, &from->socket, fault);
	unsafe_get_user(args->overlapped, &from->overlapped, fault);
	unsafe_get_user(args->buffers, &from->buffers, fault);
	unsafe_get_user(args->name, &from->name, fault);
	unsafe_get_user(args->name_length, &from->name_length, fault);
	unsafe_get_user(args->cookie, &from->cookie, fault);
	unsafe_get_user(args->buffer_count, &from->buffer_count, fault);
	unsafe_get_user(args->operation, &from->operation, fault);
	unsafe_get_user(args->message_flags, &from->message_flags, fault);
	unsafe_get_user(args->flags, &from->flags, fault);
	unsafe_get_user(args->event, &from->event, fault);
	unsafe_get_user(args->bytes, &from->bytes, fault);
	unsafe_get_user(args->status, &from->status, fault);
	unsafe_get_user(args->result, &from->result, fault);
	unsafe_put_user(args->message_flags, &from->message_flags, fault);
	unsafe_put_user(args->bytes, &from->bytes, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static noinline long ioctl_submit(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_submit args __uninitialized;
	long error;

	if (likely(usize == sizeof(args))) {
		error = ioctl_read_submit(&args, from);
	} else {
		error = ioctl_copy_arguments(&args, sizeof(args), SUBMIT_SIZE_VER0, from, usize);
		if (!error)
			error = ioctl_write_submitted(from, &args);
	}
	if (error)
		return error;
	error = sockiocp_socket_submit(port, &args);
	if (error <= 0)
		ioctl_write_submitted(from, &args);
	return error;
}

/* Does a newer caller ask for what is not known here?  Returns 0, -E2BIG or -EFAULT. */
static int ioctl_check_rest(const struct sockiocp_submit __user *from, size_t usize)
{
	int is_zero = 1;

	if (unlikely(usize > sizeof(*from)))
		is_zero = check_zeroed_user(from + 1, usize - sizeof(*from));
	return is_zero > 0 ? 0 : is_zero ? is_zero : -E2BIG;
}

/* The next operation of a batch.  Returns an error if its results could not be written. */
static int ioctl_submit_one(struct sockiocp_port *home, struct sockiocp_batch *batch)
{
	struct sockiocp_submit __user *from = u64_to_user_ptr(batch->operations);
	struct sockiocp_submit args __uninitialized;
	long result;

	result = ioctl_check_rest(from, batch->operation_size);
	if (result == -EFAULT || ioctl_read_submit(&args, from) ||
	    put_user(args.result, &from->result))
		return -EFAULT;
	if (!result)
		result = sockiocp_socket_submit(home, &args);
	put_user((s32)result, &from->result);
	if (result <= 0) {
		ioctl_write_submitted(from, &args);
		/* There may be no packet that tells of it. */
		batch->process.timeout_ns = 0;
	}
	return 0;
}

/* Submits all of a batch, which then says what is left of it. */
static long ioctl_submit_all(struct sockiocp_port *home, struct sockiocp_batch *args)
{
	long error = 0;

	while (args->operation_count && !error) {
		if (fatal_signal_pending(current))
			return -EINTR;
		error = ioctl_submit_one(home, args);
		if (!error) {
			args->operations += args->operation_size;
			args->operation_count--;
		}
		cond_resched();
	}
	return error;
}

/* Nothing is submitted of a call that has a bad argument. */
static long ioctl_check_batch(const struct sockiocp_port *port,
			      const struct sockiocp_batch *args, struct sockiocp_batch __user *to)
{
	if (sockiocp_port_is_home_of_another(port))
		return -EXDEV;
	if (args->operation_count > SOCKIOCP_MAX_BATCH || args->reserved ||
	    args->operation_size < sizeof(struct sockiocp_submit) ||
	    args->operation_size > PAGE_SIZE)
		return -EINVAL;
	/* It can be written: nothing is submitted that the structure does not tell of. */
	if (put_user(args->process.timeout_ns, &to->process.timeout_ns) ||
	    put_user(args->operations, &to->operations) ||
	    put_user(args->operation_count, &to->operation_count))
		return -EFAULT;
	return sockiocp_process_check(&args->process);
}

/* By the home port that the call names. */
static long ioctl_submit_batch(struct file *file, struct sockiocp_batch *args,
			       struct sockiocp_batch __user *to)
{
	struct fd f = fdget(args->home);
	struct sockiocp_port *home;
	long error;

	if (!fd_file(f))
		return -EBADF;
	home = fd_file(f)->private_data;
	if (fd_file(f)->f_op != file->f_op)
		error = -EBADF;
	else if (READ_ONCE(home->closed))
		error = -ESHUTDOWN;
	else if (sockiocp_port_is_home_of_another(home))
		error = -EXDEV;
	else
		error = ioctl_submit_all(home, args);
	fdput(f);
	put_user(args->process.timeout_ns, &to->process.timeout_ns);
	put_user(args->operations, &to->operations);
	put_user(args->operation_count, &to->operation_count);
	return error;
}

static noinline long ioctl_batch(struct file *file, void __user *from, size_t usize)
{
	struct sockiocp_batch args, __user *to = from;
	long error;

	error = ioctl_copy_arguments(&args, sizeof(args), BATCH_SIZE_VER0, from, usize);
	if (!error)
		error = ioctl_check_batch(file->private_data, &args, to);
	if (!error && args.operation_count)
		error = ioctl_submit_batch(file, &args, to);
	if (error)
		return error;
	return sockiocp_process_call(file, from, sizeof(args.process), &args.process);
}

static long ioctl_cancel(struct sockiocp_port *port, void __user *from, size_t usize)
{
	struct sockiocp_cancel args, __user *to = from;
	long error;

	error = ioctl_copy_arguments(&args, sizeof(args), CANCEL_SIZE_VER0, from, usize);
	if (!error && put_user(0, &to->cancelled))
		error = -EFAULT;
	args.cancelled = 0;
	if (!error)
		error = args.flags == SOCKIOCP_CANCEL_END_OF_THREAD ?
			sockiocp_home_end_thread(port, &args) : sockiocp_socket_cancel(&args);
	if (!error)
		put_user(args.cancelled, &to->cancelled);
	return error;
}

static long ioctl_set_mirror(struct file *file, struct sockiocp_mirror __user *from,
			     size_t usize)
{
	struct sockiocp_mirror args, asked;
	long error;

	error = ioctl_copy_arguments(&args, sizeof(args), MIRROR_SIZE_VER0, from, usize);
	if (error)
		return error;
	asked = args;
	error = sockiocp_mirror_set(file, &args);
	if (error || (args.word == asked.word && args.empty == asked.empty &&
		      args.flags == asked.flags))
		return error;
	return put_user(args.word, &from->word) || put_user(args.empty, &from->empty) ||
	       put_user(args.flags, &from->flags) ? -EFAULT : 0;
}

/* A command without its size, which tells the version of its structure. */
#define WITHOUT_SIZE(cmd)	((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

static noinline long ioctl_rare_call(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sockiocp_port *port = file->private_data;
	void __user *uarg = (void __user *)arg;
	size_t usize = _IOC_SIZE(cmd);

	switch (WITHOUT_SIZE(cmd)) {
	case WITHOUT_SIZE(SOCKIOCP_CONFIGURE):
		return ioctl_configure(port, uarg, usize);
	case WITHOUT_SIZE(SOCKIOCP_ASSOCIATE):
		return ioctl_associate(port, uarg, usize);
	case WITHOUT_SIZE(SOCKIOCP_SET_MODES):
		return ioctl_set_modes(port, uarg, usize);
	case WITHOUT_SIZE(SOCKIOCP_CANCEL):
		return ioctl_cancel(port, uarg, usize);
	case SOCKIOCP_CLOSE_SOCKET:
		return sockiocp_socket_close(arg);
	case WITHOUT_SIZE(SOCKIOCP_SET_MIRROR):
		return ioctl_set_mirror(file, uarg, usize);
	case WITHOUT_SIZE(SOCKIOCP_INFO):
		return ioctl_info(port, uarg, usize);
	case WITHOUT_SIZE(SOCKIOCP_OFFER):
		return ioctl_offer(port, uarg, usize);
	case WITHOUT_SIZE(SOCKIOCP_FETCH):
		return ioctl_fetch(uarg, usize);
	default:
		return -ENOTTY;
	}
}

/**
 * sockiocp_ioctl - a call of the device
 * @file: the port's file
 * @cmd: SOCKIOCP_*, with the size of its structure
 * @arg: its argument
 *
 * Return: as <linux/sockiocp.h> says.
 */
long sockiocp_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sockiocp_port *port = file->private_data;
	void __user *uarg = (void __user *)arg;
	size_t usize = _IOC_SIZE(cmd);

	/* First what is called for each packet. */
	if (likely(cmd == SOCKIOCP_PROCESS && !READ_ONCE(port->closed)))
		return ioctl_process(file, uarg);
	if (cmd == SOCKIOCP_CLOSE) {
		sockiocp_lifetime_close(port);
		return 0;
	}
	if (_IOC_TYPE(cmd) != SOCKIOCP_IOC_MAGIC)
		return -ENOTTY;
	if (READ_ONCE(port->closed))
		return -ESHUTDOWN;
	if (WITHOUT_SIZE(cmd) == WITHOUT_SIZE(SOCKIOCP_PROCESS))
		return ioctl_process_of(file, uarg, usize);
	if (WITHOUT_SIZE(cmd) == WITHOUT_SIZE(SOCKIOCP_POST))
		return ioctl_post(port, uarg, usize);
	if (WITHOUT_SIZE(cmd) == WITHOUT_SIZE(SOCKIOCP_SUBMIT))
		return ioctl_submit(port, uarg, usize);
	if (WITHOUT_SIZE(cmd) == WITHOUT_SIZE(SOCKIOCP_BATCH))
		return ioctl_batch(file, uarg, usize);
	return ioctl_rare_call(file, cmd, arg);
}
