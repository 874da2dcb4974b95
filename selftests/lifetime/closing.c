// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What is closed behind everybody's back: the memory of sockets that are closed when
 * nobody calls any more comes back within seconds; and those who wait do not slow down,
 * and do not miss, that a process ends which has descriptors of their port.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"
#include "lib/task.h"

#define TRACING	"/sys/kernel/tracing/"

#define KEY	0x1618
/* "Within seconds", on a machine that is idle. */
#define SECONDS	(20000 * patience())

static __u64 registrations(HANDLE port)
{
	struct sockiocp_info info;

	return ioctl(port_fd(port), SOCKIOCP_INFO, &info) ? ~0ULL :
	       info.user_registrations;
}

static int registrations_become(HANDLE port, __u64 want)
{
	int64_t end = now_ms() + SECONDS;

	while (registrations(port) != want) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(50);
	}
	return 1;
}

/* spec 7.6 */
TEST(closed_socket_is_given_back_though_nobody_calls)
{
	HANDLE port = port_open();
	int i, fd, stays;
	__u64 before;

	ASSERT_NE(NULL, port);
	stays = any_socket(FAM_INET, TYPE_DGRAM, 0);
	EXPECT_EQ(0, enable(port, stays, KEY, EV_IN, T_LEVEL));
	before = registrations(port);
	for (i = 0; i < 3; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		EXPECT_EQ(0, enable(port, fd, KEY + 1, EV_IN, T_LEVEL));
		EXPECT_EQ(before + 1, registrations(port));
		fd_close(fd);
		ASSERT_TRUE(registrations_become(port, before));
	}
	EXPECT_EQ(0, deregister(port, stays));
	EXPECT_PACKETS_NOW(port, { KEY, EV_REMOVE });
	EXPECT_TRUE(CloseHandle(port));
}

/* More than are looked at in one go stand before it. */
TEST(closed_socket_is_found_behind_many_that_are_open)
{
	HANDLE port = port_open();
	int stay[200], i, fd;
	__u64 before;

	ASSERT_NE(NULL, port);
	for (i = 0; i < 200; i++) {
		stay[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, enable(port, stay[i], KEY, EV_IN, T_LEVEL));
	}
	before = registrations(port);
	fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
	EXPECT_EQ(0, enable(port, fd, KEY + 1, EV_IN, T_LEVEL));
	EXPECT_EQ(before + 1, registrations(port));
	fd_close(fd);
	EXPECT_TRUE(registrations_become(port, before));
	EXPECT_TRUE(CloseHandle(port));
	for (i = 0; i < 200; i++)
		fd_close(stay[i]);
}

/* ------------------------------------------------------------- when it is looked */

static int write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY), ok;

	if (fd < 0)
		return -errno;
	ok = write(fd, text, strlen(text)) > 0;
	close(fd);
	return ok ? 0 : -EIO;
}

#define EXECUTIONS	TRACING "events/workqueue/workqueue_execute_start/enable"

/* When does the work begin that looks for closed sockets?  At most nr times, in us. */
static int reaper_times(int pipe, long long *us, int nr, int timeout_ms)
{
	static char text[1 << 16];
	size_t len = 0;
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = pipe, .events = POLLIN };
	int n = 0;

	while (n < nr && now_ms() < end && len < sizeof(text) - 1) {
		char *line, *next;
		ssize_t got;

		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(pipe, text + len, sizeof(text) - 1 - len);
		if (got <= 0)
			continue;
		len += got;
		text[len] = '\0';
		for (line = text; n < nr && (next = strchr(line, '\n')); line = next + 1) {
			long long s, f;
			char *at;

			*next = '\0';
			at = strstr(line, ": workqueue_execute_start");
			if (!at || !strstr(at, "[sockiocp]") || !strstr(at, "reap"))
				continue;
			while (at > line && at[-1] != ' ')
				at--;
			if (sscanf(at, "%lld.%lld", &s, &f) == 2)
				us[n++] = 1000000 * s + f;
		}
		len = strlen(line);
		memmove(text, line, len);
	}
	return n;
}

/* However many ports: one work looks at all, and less and less often. */
TEST(idle_ports_are_looked_at_less_and_less)
{
	enum { PORTS = 100, LOOKS = 2 };
	long long us[LOOKS + 1];
	HANDLE port[PORTS];
	int pipe, fd, i;

	if (write_file(EXECUTIONS, "0"))
		SKIP(return, "no tracing of works here");
	pipe = open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, pipe);
	for (i = 0; i < PORTS; i++) {
		port[i] = port_open();
		ASSERT_NE(NULL, port[i]);
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, enable(port[i], fd, KEY, EV_IN, T_LEVEL));
	}
	/* Not before: each new port brings the next look forward. */
	ASSERT_EQ(0, write_file(EXECUTIONS, "1"));
	EXPECT_EQ(LOOKS, reaper_times(pipe, us, LOOKS, SECONDS));
	EXPECT_EQ(0, write_file(EXECUTIONS, "0"));
	close(pipe);
	/* After 2 s, and after 4 s; a slow machine may be late. */
	TH_LOG("%lld ms between the first two looks", (us[1] - us[0]) / 1000);
	EXPECT_LT(3000000, us[1] - us[0]);
	for (i = 0; i < PORTS; i++)
		EXPECT_TRUE(CloseHandle(port[i]));
}

/* ----------------------------------------------------------- descriptors of a port */

enum { DESCRIPTORS = 4000, WAITERS = 200 };

struct holder {
	HANDLE port;
	/* In memory that is shared. */
	int *ready;
};

static void hold_many_descriptors(void *arg)
{
	struct holder *holder = arg;
	int i;

	for (i = 0; i < DESCRIPTORS; i++) {
		if (fd_dup(port_fd(holder->port)) < 0)
			_exit(1);
	}
	__atomic_store_n(holder->ready, 1, __ATOMIC_RELEASE);
	process_rest();
}

static int becomes_ready(const int *ready)
{
	int64_t end = now_ms() + SECONDS;

	while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE)) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

/* How long such a process takes to end: in ns, the best of some, as others may run. */
static int64_t end_takes(struct holder *holder)
{
	int64_t best = INT64_MAX, takes;
	int i, pid;

	for (i = 0; i < 5; i++) {
		*holder->ready = 0;
		pid = process_start(hold_many_descriptors, holder);
		if (pid < 0 || !becomes_ready(holder->ready))
			return -1;
		takes = now_ns();
		process_kill(pid);
		takes = now_ns() - takes;
		if (takes < best)
			best = takes;
	}
	return best;
}

static void *wait_for_ever(void *port)
{
	OVERLAPPED_ENTRY got;
	ULONG removed;

	GetQueuedCompletionStatusEx(port, &got, 1, &removed, INFINITE, FALSE);
	_exit(1);
}

static void wait_with_many_threads(void *port)
{
	pthread_attr_t small;
	pthread_t thread;
	int i;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (i = 0; i < WAITERS; i++) {
		if (pthread_create(&thread, &small, wait_for_ever, port))
			_exit(1);
	}
	process_rest();
}

/* It looks at the threads of others for one of its descriptors, not for each. */
TEST(process_with_many_descriptors_ends_while_others_wait)
{
	struct holder holder = { .port = port_open(), .ready = shared_memory(sizeof(int)) };
	int64_t alone, takes;
	int pid;

	ASSERT_NE(NULL, holder.port);
	ASSERT_NE(NULL, holder.ready);
	if (raise_nofile(DESCRIPTORS + 100))
		SKIP(return, "no permission for so many descriptors");
	alone = end_takes(&holder);
	ASSERT_LT(0, alone);
	pid = process_start(wait_with_many_threads, holder.port);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(port_becomes(holder.port, "waiters", WAITERS, SECONDS));
	takes = end_takes(&holder);
	ASSERT_LT(0, takes);
	TH_LOG("%lld us, and %lld us while %d threads wait", (long long)alone / 1000,
	       (long long)takes / 1000, WAITERS);
	EXPECT_GT(10 * alone, takes);
	EXPECT_EQ(WAITERS, port_told(holder.port, "waiters"));
	EXPECT_EQ(0, process_kill(pid));
	EXPECT_TRUE(port_becomes(holder.port, "waiters", 0, SECONDS));
	EXPECT_TRUE(CloseHandle(holder.port));
}

/* What a thread that closes a port tells, in memory that is shared. */
struct closer {
	int fd;
	/* It is killed so long after it begins; never if that is 0. */
	int64_t kill_after_ns;
	int64_t took_ns;
};

/* By a timer's interrupt, in the midst of a system call, however few processors there are. */
static void be_killed_after(int64_t ns)
{
	struct sigevent kill = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { ns / 1000000000, ns % 1000000000 } };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &kill, &timer) ||
	    timer_settime(timer, 0, &when, NULL))
		_exit(1);
}

static void close_last_descriptor(void *arg)
{
	struct closer *closer = arg;
	int64_t begin;

	if (closer->kill_after_ns)
		be_killed_after(closer->kill_after_ns);
	begin = now_ns();
	fd_close(closer->fd);
	closer->took_ns = now_ns() - begin;
}

/* So large a table of descriptors takes long to be searched for another one. */
enum { LARGE_TABLE = 1000000 };

/*
 * Another process with the same table closes the port, and is killed after so many ns,
 * if that is not 0.  Returns 1 if it had begun to close then, and not ended.
 */
static int close_by_another(struct __test_metadata *_metadata, struct closer *closer,
			    int64_t kill_after_ns)
{
	struct waiter w = { .port = port_open(), .how = BY_GQCSEX, .timeout = INFINITE };
	int pid, closed, status;

	ASSERT_NE(NULL, w.port);
	START_WAITER(&w);
	memset(closer, 0, sizeof(*closer));
	closer->fd = port_fd(w.port);
	closer->kill_after_ns = kill_after_ns;
	pid = process_start_sharing(close_last_descriptor, closer);
	ASSERT_LT(0, pid);
	status = child_status(pid, SECONDS);
	ASSERT_TRUE(!status || (kill_after_ns && status == 256 + SIGKILL));
	/* If it has not come to that, somebody has to. */
	closed = fd_close(closer->fd) == -EBADF;
	ASSERT_EQ(0, waiter_join(&w, COMES));
	EXPECT_EQ(ERROR_ABANDONED_WAIT_0, w.code);
	return closed && !closer->took_ns;
}

/* Those who share its table learn of what it closed. */
TEST(thread_is_killed_while_it_closes_the_port_of_others)
{
	struct closer *closer = shared_memory(sizeof(*closer));
	int64_t usual;
	int other, i, times = 0;

	ASSERT_NE(NULL, closer);
	if (raise_nofile(LARGE_TABLE + 1))
		SKIP(return, "no permission for so many descriptors");
	other = fd_open("/dev/null", 0);
	ASSERT_EQ(LARGE_TABLE, fd_dup_to(other, LARGE_TABLE));
	EXPECT_EQ(0, fd_close(LARGE_TABLE));
	close_by_another(_metadata, closer, 0);
	usual = closer->took_ns;
	ASSERT_LT(0, usual);
	for (i = 0; i < 20 && times < 5; i++) {
		times += close_by_another(_metadata, closer, usual * (1 + i % 3) / 4);
		/* Others ran meanwhile, the time before. */
		if (closer->took_ns && closer->took_ns < usual)
			usual = closer->took_ns;
	}
	TH_LOG("killed %d times in %d tries, within %lld us", times, i,
	       (long long)usual / 1000);
	EXPECT_LT(0, times);
	fd_close(other);
}

static void end_at_once(void *unused)
{
	(void)unused;
}

/* What a thread leaves that has taken a table of descriptors of its own, and closed it. */
struct leaver {
	HANDLE port;
	/* A descriptor that says how many workers the port has. */
	int fdinfo;
	int error;
	int workers;
};

static int workers_by(int fdinfo)
{
	char text[512] = "", *at;

	if (pread(fdinfo, text, sizeof(text) - 1, 0) <= 0)
		return -1;
	at = strstr(text, "workers:");
	return at ? atoi(at + strlen("workers:")) : -1;
}

static void *leave_with_own_table(void *arg)
{
	struct leaver *leaver = arg;
	OVERLAPPED_ENTRY entry;
	ULONG n;
	int pid;

	GetQueuedCompletionStatusEx(leaver->port, &entry, 1, &n, 0, FALSE);
	/* The table of this process may be where ours will be. */
	pid = process_start(end_at_once, NULL);
	leaver->error = pid < 0 || child_status(pid, SECONDS) || unshare(CLONE_FILES) ||
			fd_close(port_fd(leaver->port));
	leaver->workers = workers_by(leaver->fdinfo);
	return NULL;
}

/*
 * It is no worker any more, although nobody of a process is left that had its table at the
 * same address.
 */
TEST(table_that_comes_to_where_another_one_was_is_another_one)
{
	struct waiter w = { .port = port_open(), .how = BY_GQCSEX, .timeout = INFINITE };
	struct leaver leaver = { .port = w.port };
	char path[64];
	pthread_t thread;
	int i;

	ASSERT_NE(NULL, w.port);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", port_fd(w.port));
	leaver.fdinfo = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, leaver.fdinfo);
	START_WAITER(&w);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, leave_with_own_table, &leaver));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, leaver.error);
		EXPECT_EQ(1, leaver.workers);
	}
	close(leaver.fdinfo);
	EXPECT_TRUE(CloseHandle(w.port));
	ASSERT_EQ(0, waiter_join(&w, COMES));
}

TEST_HARNESS_MAIN
