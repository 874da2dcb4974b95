// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The thread pool of the process: a completion port, and threads that take packets from it.
 *
 * A packet is a function and its argument, so that queueing allocates nothing here; or that of
 * an operation on a socket that is bound to a function, which is the key then, or to an object
 * of threadpool_io.c, which the key is a number of.  How many
 * threads run at a time is the port's to say: as many as there are processors, and one more
 * when one of them sleeps.  What is left to do here is that one thread always waits: who takes
 * a packet and leaves nobody waiting starts another thread first.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include <linux/sockiocp.h>

#include "internal.h"
#include "overlapped.h"

/* As on Windows. */
#define MOST_THREADS	512
/* How long a thread waits, in ns, before it ends if another one waits too. */
#define IDLE_NS		NSEC_PER_SEC

/* What a packet of QueueUserWorkItem() has where others have the status, of 32 bits. */
#define WORK_ITEM	(1ULL << 32)

/* Who takes packets of sockets that are bound to objects. */
static void (*_Atomic take_of_object)(const OVERLAPPED_ENTRY *entry);

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
/* -1 if there is none. */
static atomic_int pool = -1;
/* Threads, and how many of them wait or are about to.  Both grow under the lock only. */
static atomic_int threads, waiting;
/* This thread is one of them.  A child that a function has forked goes on without. */
static _Thread_local bool is_counted;

static void keep_one_waiting(void);

static void thread_ended(void *argument)
{
	(void)argument;
	if (is_counted)
		atomic_fetch_sub(&threads, 1);
}

/* Ends a wait that was in vain.  Returns whether the thread is to end. */
static bool is_one_too_many(void)
{
	int count = atomic_load(&waiting);

	/* What it has started may end with it. */
	if (sockiocp_has_operations())
		return false;
	while (count > 1)
		if (atomic_compare_exchange_weak(&waiting, &count, count - 1))
			return true;
	return false;
}

/* The program has closed the port @fd. */
static void port_is_lost(int fd)
{
	pthread_mutex_lock(&pool_lock);
	if (atomic_load(&pool) == fd && sockiocp_check_port(fd))
		atomic_store(&pool, -1);
	pthread_mutex_unlock(&pool_lock);
}

/* What failed has transferred nothing, as Microsoft's page on such functions has it. */
static void call(const OVERLAPPED_ENTRY *entry)
{
	DWORD error;

	if (entry->Internal == WORK_ITEM) {
		((LPTHREAD_START_ROUTINE)entry->lpCompletionKey)(entry->lpOverlapped);
		return;
	}
	if (entry->lpCompletionKey & SOCKIOCP_POOL_OBJECT) {
		atomic_load(&take_of_object)(entry);
		return;
	}
	error = sockiocp_status_error(entry->Internal);
	((LPOVERLAPPED_COMPLETION_ROUTINE)entry->lpCompletionKey)(
		error, error ? 0 : entry->dwNumberOfBytesTransferred, entry->lpOverlapped);
}

static void take_packets(int fd)
{
	OVERLAPPED_ENTRY entry;
	UINT32 received;
	int err;

	for (;;) {
		struct sockiocp_process process = {
			.entries = (uintptr_t)&entry,
			.received = (uintptr_t)&received,
			.timeout_ns = IDLE_NS,
			.entry_count = 1,
		};

		err = sockiocp_process((HANDLE)(intptr_t)fd, &process);
		if (err == ETIME && is_one_too_many())
			return;
		if (err == ESHUTDOWN || err == EBADF) {
			port_is_lost(fd);
			atomic_fetch_sub(&waiting, 1);
			keep_one_waiting();
			return;
		}
		if (err)
			continue;
		if (atomic_fetch_sub(&waiting, 1) == 1)
			keep_one_waiting();
		call(&entry);
		if (!is_counted)
			return;
		atomic_fetch_add(&waiting, 1);
	}
}

static void *pool_main(void *argument)
{
	is_counted = true;
	pthread_cleanup_push(thread_ended, NULL);
	take_packets((int)(intptr_t)argument);
	pthread_cleanup_pop(1);
	return NULL;
}

/* Starts a thread that nobody waits for.  Returns an errno value. */
int sockiocp_start_detached(void *(*function)(void *), void *argument)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, function, argument);
	pthread_attr_destroy(&attr);
	/* Threads are what has run out. */
	return err == EAGAIN ? ENOBUFS : err;
}

/* Needs the lock.  Returns an errno value. */
static int start_pool_thread(void)
{
	int err;

	atomic_fetch_add(&threads, 1);
	atomic_fetch_add(&waiting, 1);
	err = sockiocp_start_detached(pool_main, (void *)(intptr_t)atomic_load(&pool));
	if (err) {
		atomic_fetch_sub(&threads, 1);
		atomic_fetch_sub(&waiting, 1);
	}
	return err;
}

/*
 * If no thread can be started, one that is at work takes the next packet; the next one that is
 * queued tries again.
 */
static void keep_one_waiting(void)
{
	pthread_mutex_lock(&pool_lock);
	if (atomic_load(&pool) >= 0 && atomic_load(&waiting) <= 0 &&
	    atomic_load(&threads) < MOST_THREADS)
		start_pool_thread();
	pthread_mutex_unlock(&pool_lock);
}

/* The port is the parent's, and so is what is queued. */
static void start_in_child(void)
{
	pthread_mutex_init(&pool_lock, NULL);
	sockiocp_close_parents_port(atomic_load(&pool));
	atomic_store(&pool, -1);
	atomic_store(&threads, 0);
	atomic_store(&waiting, 0);
	is_counted = false;
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, start_in_child);
}

/* Needs the lock.  Returns 0 or an errno value. */
static int make_pool(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int fd, err;

	pthread_once(&once, register_fork_handler);
	err = sockiocp_create_own_port(&fd);
	if (err)
		return err;
	atomic_store(&pool, fd);
	return 0;
}

/* Returns the port, which a thread takes packets from, or -1 with errno. */
static int get_pool(void)
{
	int err = 0, fd;

	pthread_mutex_lock(&pool_lock);
	if (atomic_load(&pool) < 0)
		err = make_pool();
	if (!err && atomic_load(&threads) <= 0)
		err = start_pool_thread();
	fd = atomic_load(&pool);
	pthread_mutex_unlock(&pool_lock);
	errno = err;
	return err ? -1 : fd;
}

/* Returns 0 or an errno value: EBADF if the program has closed the port. */
static int post_item(int fd, LPTHREAD_START_ROUTINE function, void *context)
{
	struct sockiocp_post post = {
		.completion_key = (uintptr_t)function,
		.overlapped = (uintptr_t)context,
		.internal = WORK_ITEM,
	};
	int err;

	if (!ioctl(fd, SOCKIOCP_POST, &post))
		return 0;
	err = sockiocp_port_error(fd, errno);
	return err == ESHUTDOWN ? EBADF : err;
}

/**
 * QueueUserWorkItem - have a thread of the pool call a function
 * @Function: the function; what it returns is not used
 * @Context: what it is given
 * @Flags: hints to Windows, which are not needed here
 *
 * Threads take functions in the order in which they are queued, as many at a time as there
 * are processors, and more when some of them wait.  The pool has a descriptor, and no more than
 * 512 threads, which do not keep the process: what has not run when main() returns never does.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	no function
 *   ERROR_NO_SYSTEM_RESOURCES	no thread can be started, or the user's limit of posted
 *				packets is reached
 * or as for CreateIoCompletionPort(), if this is the first call.
 *
 * Windows: "QueueUserWorkItem function (threadpoollegacyapiset.h)".
 */
BOOL WINAPI QueueUserWorkItem(LPTHREAD_START_ROUTINE Function, PVOID Context, ULONG Flags)
{
	int fd = atomic_load(&pool), err;

	(void)Flags;
	if (!Function)
		return sockiocp_fail(EINVAL);
	if (fd < 0 || atomic_load(&threads) <= 0)
		fd = get_pool();
	if (fd < 0)
		return sockiocp_fail(errno);
	err = post_item(fd, Function, Context);
	if (err == EBADF) {
		port_is_lost(fd);
		fd = get_pool();
		err = fd < 0 ? errno : post_item(fd, Function, Context);
	}
	if (err)
		return sockiocp_fail(err);
	if (atomic_load(&waiting) <= 0)
		keep_one_waiting();
	return TRUE;
}

/* Associates a socket with the pool's port, by a key.  Returns 0 or an errno value. */
static int bind_socket(HANDLE socket, ULONG_PTR key)
{
	int err = sockiocp_check_socket(socket);
	int fd;

	if (err)
		return err;
	fd = get_pool();
	if (fd >= 0 && sockiocp_check_port(fd)) {
		port_is_lost(fd);
		fd = get_pool();
	}
	return fd < 0 ? errno : sockiocp_associate(socket, (HANDLE)(intptr_t)fd, key);
}

/*
 * Has a thread of the pool call @take for each packet of a socket; it is the same function each
 * time, and finds the object by the packet's key.  Returns 0 or an errno value.
 */
int sockiocp_bind_to_object(HANDLE socket, ULONG_PTR key,
			    void (*take)(const OVERLAPPED_ENTRY *entry))
{
	atomic_store(&take_of_object, take);
	return bind_socket(socket, key | SOCKIOCP_POOL_OBJECT);
}

/**
 * BindIoCompletionCallback - have the pool call a function when operations are over
 * @FileHandle: a socket, which is associated with the pool's port (CreateIoCompletionPort());
 *	what holds for that holds here
 * @Function: the function; it is given the error, as GetQueuedCompletionStatus() would
 *	leave it (0 for none), the number of bytes (0 if there is an error), and the OVERLAPPED
 * @Flags: 0
 *
 * The function is called for each overlapped operation on the socket that a packet would be
 * queued for, by threads as for QueueUserWorkItem(), several at a time.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why, in Win32's terms:
 *   ERROR_INVALID_PARAMETER	no function; a flag; neither a socket nor a file, or associated
 *   ERROR_INVALID_HANDLE	not open
 * or as for CreateIoCompletionPort() and QueueUserWorkItem().
 *
 * Windows: "BindIoCompletionCallback function (winbase.h)".
 */
BOOL WINAPI BindIoCompletionCallback(HANDLE FileHandle, LPOVERLAPPED_COMPLETION_ROUTINE Function,
				     ULONG Flags)
{
	int err = !Function || Flags ? EINVAL :
				       bind_socket(FileHandle, (ULONG_PTR)Function);

	return err ? sockiocp_fail(err) : TRUE;
}
