/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What the files of the library share.
 *
 * A HANDLE or a SOCKET is a file descriptor and nothing else, and nobody but the kernel
 * owns what is behind one; except for mutexes and semaphores, which are memory of the
 * process, and whose handles are higher numbers than descriptors have.
 *
 * From the lowest floor up; calls run downward only.  The files of base/ are what
 * programs need beside sockets and ports, which do not know them:
 *
 *   error.c    last error of the thread, the table of errors
 *   abi.c      compile-time checks only
 *   ntstatus.c  how operations end, in the terms of Win32 and of Winsock
 *
 *   descriptor.c  descriptors above 2, which ones were closed, which are events
 *   machine.c  the machine's processors and its clocks
 *   base/utf8.c  characters of 8 and of 32 bits
 *   base/fls.c  values of threads that somebody is told of when they end
 *   base/init_once.c  initialisation that happens once
 *   base/invalid.c  invalid parameters of the functions of Microsoft's C library
 *   base/lstr.c  lstrlen() and its kin
 *   base/process.c  the process itself
 *   base/slist.c  singly linked lists that threads share
 *   base/tls.c  values of threads
 *   base/virtual.c  pages of memory
 *
 *   base/aligned.c  memory at round addresses
 *   base/system_time.c  calendars and clocks
 *   base/debug.c  talking to a debugger, ending at once
 *   base/format.c  what printf() makes of its arguments, with Windows' rules
 *   base/scanf.c  scanf_s()
 *   base/secure.c  strcpy_s() and other functions on strings
 *   base/text.c  UTF-8 and wide characters, from one to the other
 *   heap.c     heaps
 *   lock.c     SRW locks, critical sections
 *   pending.c  operations that the library has a part in the end of
 *   socket_state.c  what Winsock's calls ask about a socket
 *   waiters.c  threads that wait for sockets, and hear when one is closed
 *
 *   base/crt.c  files, times and numbers of Microsoft's C library
 *   base/printf.c  printf_s(), wprintf() and their kin
 *   condition.c  condition variables
 *   event.c    events
 *   inet.c     addresses as text
 *   device.c   opening the device of the kernel module, and telling that it is one
 *   lockable.c  what is behind the handles of mutexes and semaphores; waits that sleep
 *   thread_file.c  what is behind the handle of a thread
 *   base/std_handle.c  handles of the standard streams
 *
 *   apc.c      functions that threads are given to run while they wait
 *   home.c     the port that operations are submitted by, and its thread
 *   message.c  the texts of errors
 *   mutex.c    mutexes and semaphores
 *   winsock_option.c  options of sockets that only Winsock has
 *   base/strsafe.c  the functions of <strsafe.h>
 *   base/console.c  the terminal
 *   base/environment.c  variables, the command line, the machine's name
 *   base/file.c  files: names, places, lengths
 *   base/ctrl_handler.c  functions that are called for Ctrl+C
 *
 *   blocked.c  calls that wait for a socket, which closesocket() ends
 *   operations_end.c  operations that end with their thread, or with Winsock
 *   thread_self.c  handles that a thread makes of itself
 *   wait.c     waiting for handles
 *
 *   overlapped.c  starting operations
 *   overlapped_result.c  how operations have ended, and waiting for that
 *   startup.c  WSAStartup, WSACleanup
 *
 *   associate.c  which sockets are associated with a port
 *   completion_routine.c  functions that are called when an operation is over
 *
 *   ready.c    operations that the library carries out when a socket is ready
 *
 *   cancel.c   cancelling operations
 *   duplicate.c  sockets for other processes
 *   handle.c   CloseHandle
 *   port.c     completion ports, and the one function that waits on them
 *   priority.c  priorities of threads
 *   sockopt.c  options of sockets
 *   thread.c   threads
 *   timer.c    waitable timers
 *
 *   accept_ex.c  accepting connections by overlapped operations
 *   event_select.c  events of sockets
 *   beginthread.c  threads as Microsoft's C library starts them
 *   buffers.c  sending and receiving with several buffers
 *   connect_ex.c  making and ending them by overlapped operations
 *   notify.c   ProcessSocketNotifications
 *   pool.c     the thread pool of the process
 *   resolve.c  names of hosts
 *   select.c   waiting for sockets
 *   shutdown.c  ending a direction of a connection
 *   socket.c   sockets, their names
 *   socket_message.c  messages with control data
 *   transfer.c  sending and receiving
 *   transmit_file.c  sending files
 *
 *   connect.c  taking and making connections
 *   batch.c    operations in batches
 *   callback.c  what callback objects of the thread pool have in common
 *   base/file_io.c  reading and writing
 *   registered_wait.c  waits whose end the thread pool is told of
 *   socket_ioctl.c  commands to sockets
 *
 *   threadpool.c  work objects and timers of the thread pool
 *   threadpool_io.c  its objects that are told of operations
 *   threadpool_wait.c  its objects that wait for handles
 *
 *   base/module.c  functions by their names
 */
#ifndef _SOCKIOCP_INTERNAL_H
#define _SOCKIOCP_INTERNAL_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* Everything is hidden but what the Win32 headers declare. */
#pragma GCC visibility push(default)
#include <process.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <mswsock.h>
#include <bcrypt.h>
#include <mmsystem.h>
#pragma GCC visibility pop

struct sockiocp_process;
struct sockiocp_batch;

#define ARRAY_LEN(array)	(sizeof(array) / sizeof((array)[0]))

/* What GetCurrentThread() returns. */
#define THIS_THREAD		((HANDLE)(LONG_PTR)-2)

/* ms of Win32's time-outs, and ns of the kernel's */
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_SEC	1000000000ULL
#define MSEC_PER_SEC	1000
/* ns of a unit of Win32's points in time */
#define NSEC_PER_UNIT	100ULL

/* error.c */
DWORD sockiocp_win32_error(int err);
int sockiocp_wsa_error(int err);
DWORD sockiocp_status_error(ULONG_PTR status);
BOOL sockiocp_fail(int err);
int sockiocp_wsa_fail(int err);
bool sockiocp_refuse_name(size_t length);

/* machine.c */
/* What addresses of reserved memory are multiples of. */
#define SOCKIOCP_GRANULARITY	65536u
#define SOCKIOCP_1601_TO_1970	11644473600ULL
#define SOCKIOCP_UNITS_PER_SEC	10000000ULL

unsigned long long sockiocp_now_ns(void);
int sockiocp_ms_until(unsigned long long end);
unsigned long long sockiocp_file_time(void);
struct timespec sockiocp_timespec(unsigned long long ns);
unsigned long long sockiocp_due_at(const FILETIME *time, unsigned long long now);

/* descriptor.c */
#define SOCKIOCP_FIRST_FD	3
/* Linux has no more in a process, unless fs.nr_open was raised. */
#define SOCKIOCP_COUNTED_FDS	1048576

extern atomic_uchar sockiocp_close_counts[SOCKIOCP_COUNTED_FDS];

/* What a descriptor can be. */
#define SOCKIOCP_EVENT		1u
#define SOCKIOCP_TIMER		2u
/* It stays signalled until it is reset. */
#define SOCKIOCP_MANUAL		4u
/* A socket: calls with an OVERLAPPED wait. */
#define SOCKIOCP_SYNCHRONOUS	8u
/* A socket: an overlapped send has pended, and may do so still. */
#define SOCKIOCP_SENDS_PENDED	16u

/* The flag of the open file that says the same, for duplicates of it. */
#define SOCKIOCP_MANUAL_FLAG	O_APPEND

int sockiocp_fd_above_stdio(int fd);
int sockiocp_fd_even(int fd);
int sockiocp_fd_own(int fd);
int sockiocp_own_eventfd(void);
void sockiocp_set_kind(int fd, unsigned int kind);
void sockiocp_copy_kind(int from, int to);
unsigned int sockiocp_known_kind(int fd);
unsigned int sockiocp_find_kind(int fd);
unsigned int sockiocp_kind(int fd);
bool sockiocp_is_synchronous(int fd);
bool sockiocp_sends_have_pended(int fd);
void sockiocp_note_pending_send(int fd);
void sockiocp_count_sleeper(int fd, int by);
unsigned int sockiocp_sleepers(int fd);
void sockiocp_forget_sleepers(void);

/* base/fls.c */
void sockiocp_end_fls(void);

/* pool.c */

/* What the key of a socket has that is bound to an object, and no address of a function has. */
#define SOCKIOCP_POOL_OBJECT	(1ULL << 63)

int sockiocp_start_detached(void *(*function)(void *), void *argument);
int sockiocp_bind_to_object(HANDLE socket, ULONG_PTR key,
			    void (*take)(const OVERLAPPED_ENTRY *entry));

/* registered_wait.c */
int sockiocp_register_wait(HANDLE *handle, HANDLE object, WAITORTIMERCALLBACK function,
			   void *context, unsigned long long end);

/* wait.c */
int sockiocp_check_waitable(HANDLE handle);

/* event.c */
HANDLE sockiocp_create_own_event(void);

/* device.c */
int sockiocp_create_port(DWORD concurrency, HANDLE *port);
int sockiocp_create_own_port(int *own);
void sockiocp_close_parents_port(int fd);
int sockiocp_check_port(int fd);
int sockiocp_port_error(int fd, int err);
const char *sockiocp_device_text(void);

/* port.c */
int sockiocp_process(HANDLE port, struct sockiocp_process *process);
int sockiocp_process_batch(HANDLE port, struct sockiocp_batch *batch);

/* notify.c */
struct sockiocp_process sockiocp_process_of(UINT32 registration_count,
					    SOCK_NOTIFY_REGISTRATION *registrations, UINT32 ms,
					    ULONG entry_count, OVERLAPPED_ENTRY *entries,
					    UINT32 *received);
DWORD sockiocp_notifications_code(int err);

/* associate.c */
int sockiocp_check_socket(HANDLE file);
int sockiocp_associate(HANDLE socket, HANDLE port, ULONG_PTR key);
bool sockiocp_is_associated(int fd);
void sockiocp_forget_association(int fd);
void sockiocp_copy_association(int from, int to);
void sockiocp_associate_again(int fd);
bool sockiocp_skips_packets(int fd);
void sockiocp_post_result(int fd, LPOVERLAPPED overlapped, ULONG status, DWORD bytes);
int sockiocp_set_modes(int socket, unsigned int modes);
void sockiocp_make_synchronous(int socket);

/* thread_file.c */

/* What the file holds that is a thread's handle. */
struct sockiocp_thread_file {
	unsigned long long magic;
	/* Of whom it is a thread, and its number. */
	int process;
	DWORD id;
	/* A futex: not 0 until ResumeThread(), if it was created so. */
	atomic_uint suspended;
	/* Not 0 if it has ended; the code is there then. */
	atomic_uint ended;
	DWORD exit_code;
};

int sockiocp_thread_file_create(bool suspended, struct sockiocp_thread_file **map);
int sockiocp_thread_file_map(int fd, const struct sockiocp_thread_file **file);
unsigned int sockiocp_thread_file_resume(int fd);
void sockiocp_thread_file_unmap(const struct sockiocp_thread_file *file);

/* thread_self.c */
int sockiocp_duplicate_this_thread(void);
void sockiocp_this_thread_ends(DWORD exit_code);

/* lockable.c; lockable.h has more. */

/* The first handle of a mutex or a semaphore, which no descriptor is as high as. */
#define SOCKIOCP_FIRST_LOCKABLE		0x40000000
/* As many handles as there can be of them, in steps of 4. */
#define SOCKIOCP_LOCKABLES		(1 << 18)

void sockiocp_disturb_waits(void);
bool sockiocp_close_lockable(HANDLE handle);
HANDLE sockiocp_duplicate_lockable(HANDLE handle, bool inherit);
atomic_bool *sockiocp_lockable_inherits(HANDLE handle);
void sockiocp_abandon_mutexes(void);

static inline bool sockiocp_is_lockable(HANDLE handle)
{
	return ((uintptr_t)handle - SOCKIOCP_FIRST_LOCKABLE) / 4 < SOCKIOCP_LOCKABLES;
}

/* apc.c */

/* A function that is queued to a thread: at the beginning of memory of malloc(). */
struct sockiocp_apc {
	struct sockiocp_apc *next;
	/* It frees @apc.  If the thread never calls it, the library does. */
	void (*call)(struct sockiocp_apc *apc);
};

unsigned long long sockiocp_thread_serial(void);
bool sockiocp_queue_apc(unsigned long long serial, struct sockiocp_apc *apc);
void sockiocp_thread_begins(int fd);
int sockiocp_thread_is_also(int fd);
void sockiocp_thread_ends(void);
bool sockiocp_alertable_begin(long long *timeout, unsigned int count);
bool sockiocp_alertable_end(bool in_vain);
unsigned long long sockiocp_alertable_deadline(unsigned long long deadline);
struct pollfd;
struct sockiocp_waiter;
int sockiocp_poll_alertably(struct pollfd *fds, unsigned long count,
			    unsigned long long deadline, struct sockiocp_waiter *waiter);
int sockiocp_time_apc(int fd, unsigned long long due, LONG period,
		      PTIMERAPCROUTINE function, void *argument);

/* Returns the descriptor of a handle; -1, which the kernel refuses, of others. */
static inline int sockiocp_handle_fd(HANDLE handle)
{
	uintptr_t value = (uintptr_t)handle;

	return value >= SOCKIOCP_FIRST_FD && value < SOCKIOCP_FIRST_LOCKABLE ? (int)value : -1;
}

/* Returns the descriptor of a socket; -1, which the kernel refuses, of others. */
static inline int sockiocp_socket_fd(SOCKET s)
{
	return s <= INT_MAX ? (int)s : -1;
}

/* Says that what had this number before is closed, or about to be. */
static inline void sockiocp_count_close(int fd)
{
	if ((unsigned int)fd < SOCKIOCP_COUNTED_FDS)
		atomic_fetch_add_explicit(&sockiocp_close_counts[fd], 1,
					  memory_order_acq_rel);
}

/*
 * Returns how often CloseHandle() has closed this number, modulo 256.  Numbers
 * that are too large to be counted are never seen to change.
 */
static inline unsigned char sockiocp_close_count(int fd)
{
	if ((unsigned int)fd >= SOCKIOCP_COUNTED_FDS)
		return 0;
	return atomic_load_explicit(&sockiocp_close_counts[fd],
				    memory_order_acquire);
}

#endif /* _SOCKIOCP_INTERNAL_H */
