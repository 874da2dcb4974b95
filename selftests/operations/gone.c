// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A process that is gone, by exit, exec or SIGKILL, leaves none of its operations behind,
 * whoever else has its sockets and its ports; and nothing is written into the memory of a
 * program that it runs afterwards.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/expect.h"
#include "lib/task.h"

#define KEY	0x90e
/* How long until it is noticed, whoever has what. */
#define NOTICED	(5000 * patience())

#define LIMIT	"max_user_operations"

/* A program that looks whether somebody writes into its memory. */
#define LOOKS	"GONE_LOOKS"
/* Where the operations' memory is, in both programs. */
#define MEMORY	((char *)0x10000000UL)
#define SIZE	(1 << 20)

/* What the processes of a test share. */
struct shared {
	int started;
	int submitted;
	int go;
	int looks;
	int differs;
	int count;
	int sockets;
};

FIXTURE(gone) {
	int port;
	int home;
	int fd[2];
	struct shared *shared;
};

FIXTURE_SETUP(gone)
{
	self->port = device_open();
	self->home = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, operation_associate(self->port, self->fd[0], KEY));
	self->shared = shared_memory(sizeof(*self->shared));
	ASSERT_NE(NULL, self->shared);
}

FIXTURE_TEARDOWN(gone)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	fd_close(self->home);
}

static int get(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static void set(int *value, int to)
{
	__atomic_store_n(value, to, __ATOMIC_RELEASE);
}

static int becomes(const int *value, int want, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (get(value) != want && now_ms() < end)
		sleep_ms(1);
	return get(value) == want;
}

static int operations_become(int home, long long want, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (fdinfo_value(home, "operations") != want && now_ms() < end)
		sleep_ms(10);
	return fdinfo_value(home, "operations") == want;
}

static int objects_become(long long want, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (slab_objects("sockiocp_operation") != want && now_ms() < end)
		sleep_ms(50);
	return slab_objects("sockiocp_operation") == want;
}

/* What the test and the process that goes have in common. */
static struct {
	struct shared *shared;
	int home;
	int *fd;
	int sockets;
	int each;
} job;

static char *memory_at(char *where)
{
	return mmap(where, SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void submit_all(void)
{
	char *memory = memory_at(MEMORY);
	int i, n = 0;

	if (memory != MEMORY)
		_exit(3);
	for (i = 0; i < job.sockets * job.each; i++) {
		struct overlapped *o = (void *)(memory + i % (SIZE / 64) * 64);

		n += operation_receive(job.home, job.fd[i % job.sockets], o, o + 1, 32) == 1;
	}
	set(&job.shared->submitted, n);
}

static void submit_and_rest(void *unused)
{
	(void)unused;
	submit_all();
	process_rest();
}

static void submit_and_exit(void *unused)
{
	(void)unused;
	submit_all();
	while (!get(&job.shared->go))
		sleep_ms(1);
}

/* --------------------------------------------------------------- SIGKILL, exit */

static int start_process(struct __test_metadata *_metadata,
			 FIXTURE_DATA(gone) *self, void (*run)(void *), int sockets, int each)
{
	int pid;

	job.shared = self->shared;
	job.home = self->home;
	job.sockets = sockets;
	job.each = each;
	pid = process_start(run, NULL);
	EXPECT_LT(0, pid);
	EXPECT_TRUE(becomes(&self->shared->submitted, sockets * each, 10 * COMES)) {
		TH_LOG("%d of %d", get(&self->shared->submitted), sockets * each);
	}
	return pid;
}

/* A process that goes with as much as this: all of it is the parent's too. */
enum { SOCKETS = 1000 };

static long long limit_before;

static int open_many(FIXTURE_DATA(gone) *self, int each)
{
	static int fd[SOCKETS];
	int i, number;

	limit_before = param_get(LIMIT);
	if (raise_nofile(SOCKETS + 64) || param_set(LIMIT, 2 * SOCKETS * each))
		return -1;
	for (i = 0; i < SOCKETS; i++) {
		fd[i] = udp_bound(FAM_INET, &number);
		if (fd[i] < 0 || operation_associate(self->port, fd[i], i))
			return -1;
	}
	job.fd = fd;
	return 0;
}

static void close_many(void)
{
	int i;

	param_set(LIMIT, limit_before);
	for (i = 0; i < SOCKETS; i++)
		fd_close(job.fd[i]);
}

/* From the moment when wait() has returned; the end of a process takes its time before. */
#define EXPECT_ALL_GONE(began)						\
	do {								\
		int64_t waited_ = now_ms();				\
		EXPECT_TRUE(operations_become(self->home, 0, NOTICED));	\
		TH_LOG("%d ms until wait() returned, gone %d ms after that",	\
		       (int)(waited_ - (began)), (int)(now_ms() - waited_));	\
		EXPECT_TRUE(objects_become(0, NOTICED));		\
		EXPECT_NO_PACKET(self->port);				\
		EXPECT_EQ(0, fdinfo_value(self->port, "packets"));	\
	} while (0)

/* As many, where that does not take minutes: kernels that look for mistakes have a tenth. */
static int many_each(void)
{
	return patience() > 4 ? 10 : 100;
}

TEST_F(gone, killed_process_leaves_none_of_100000)
{
	int pid, each = many_each();
	int64_t start;

	if (geteuid())
		SKIP(return, "only root can change the limits");
	ASSERT_EQ(0, open_many(self, each));
	pid = start_process(_metadata, self, submit_and_rest, SOCKETS, each);
	EXPECT_OPERATIONS(self->home, SOCKETS * each);
	start = now_ms();
	process_kill(pid);
	EXPECT_ALL_GONE(start);
	close_many();
}

TEST_F(gone, process_that_exits_leaves_none_of_100000)
{
	int pid, each = many_each();
	int64_t start;

	if (geteuid())
		SKIP(return, "only root can change the limits");
	ASSERT_EQ(0, open_many(self, each));
	pid = start_process(_metadata, self, submit_and_exit, SOCKETS, each);
	EXPECT_OPERATIONS(self->home, SOCKETS * each);
	start = now_ms();
	set(&self->shared->go, 1);
	EXPECT_EQ(0, child_status(pid, 10 * COMES));
	EXPECT_ALL_GONE(start);
	close_many();
}

TEST_F(gone, process_that_exits_leaves_none)
{
	int pid;

	job.fd = &self->fd[0];
	pid = start_process(_metadata, self, submit_and_exit, 1, 100);
	set(&self->shared->go, 1);
	EXPECT_EQ(0, child_status(pid, COMES));
	EXPECT_TRUE(operations_become(self->home, 0, NOTICED));
	/* What comes is for others. */
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_NO_PACKET(self->port);
	ASSERT_ARRIVES(self->fd[0], 3);
}

/* Data was there, and the operation queued, when it died. */
TEST_F(gone, killed_process_takes_nothing_along)
{
	int pid;

	job.fd = &self->fd[0];
	pid = start_process(_metadata, self, submit_and_rest, 1, 10);
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	process_kill(pid);
	EXPECT_TRUE(operations_become(self->home, 0, NOTICED));
	EXPECT_NO_PACKET(self->port);
	ASSERT_ARRIVES(self->fd[0], 3);
}

/* Off the queue of either port, by nobody but who asks. */
static int comes_at_once(int port, int own, struct sockiocp_packet_entry *got)
{
	int i, n = 0;

	for (i = 0; i < 10 && n <= 0; i++) {
		n = operation_harvest(port, got, 1, 0);
		if (n <= 0)
			n = operation_harvest(own, got, 1, 0);
	}
	return n == 1;
}

/* What is behind it is not left to be found. */
TEST_F(gone, killed_process_holds_nobody_up)
{
	struct sockiocp_packet_entry got = { 0 };
	int pid, own = device_open();
	struct overlapped o;
	char data[8] = "";

	job.fd = &self->fd[0];
	pid = start_process(_metadata, self, submit_and_rest, 1, 10);
	ASSERT_EQ(1, operation_receive(own, self->fd[0], &o, data, sizeof(data)));
	/* From here on the first of those ten is to be carried out. */
	EXPECT_SENT(self->fd[1], "abc");
	ASSERT_ARRIVES(self->fd[0], 3);
	process_kill(pid);
	EXPECT_TRUE(comes_at_once(self->port, own, &got));
	EXPECT_EQ((uintptr_t)&o, got.overlapped);
	EXPECT_EQ(3, o.bytes);
	fd_close(own);
}

static void rest(void *unused)
{
	(void)unused;
	process_rest();
}

/* Dead, and not waited for; and its table of descriptors is another one's. */
static void share_and_die(void *unused)
{
	static char data[8];
	static struct overlapped o;

	(void)unused;
	if (process_start_sharing(rest, NULL) < 0)
		_exit(4);
	set(&job.shared->submitted, operation_receive(job.home, job.fd[0], &o, data, 8) == 1);
}

TEST_F(gone, dead_process_that_nobody_waits_for_leaves_none)
{
	int pid, status;

	/* Who is left over dies with this one. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	job.fd = &self->fd[0];
	pid = start_process(_metadata, self, share_and_die, 1, 1);
	EXPECT_TRUE(operations_become(self->home, 0, NOTICED));
	EXPECT_EQ(pid, waitpid(pid, &status, WNOHANG));
}

/* A thread with a table of its own that exits is not the process. */
static void *exit_with_own_table(void *unused)
{
	unshare(CLONE_FILES);
	return unused;
}

TEST_F(gone, thread_that_exits_takes_nothing_along)
{
	struct overlapped o;
	pthread_t thread;
	char data[8] = "";

	ASSERT_EQ(0, home_thread_start(self->home));
	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, exit_with_own_table, NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	sleep_ms(COMES_NOT);
	EXPECT_OPERATIONS(self->home, 1);
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_PACKET(self->port, KEY, &o, 0, 3);
}

/* ------------------------------------------------------------------------ exec */

/* Runs instead of the tests in the new program. */
static __attribute__((constructor)) void look_at_memory(void)
{
	const char *fd = getenv(LOOKS);
	struct sockiocp_packet_entry got;
	struct overlapped o;
	char *memory, data[8];
	int i, home, bad = 0;

	if (!fd)
		return;
	if (!strchr(fd, ' '))
		_exit(0);
	memory = memory_at(MEMORY);
	if (memory != MEMORY)
		_exit(10);
	for (i = 0; i < SIZE; i++)
		memory[i] = 0x5a;
	home = atoi(fd);
	/* The other one sends from here on. */
	printf("# looks\n");
	fflush(stdout);
	if (write(atoi(strchr(fd, ' ')), "x", 1) != 1)
		_exit(11);
	/* The home port is not this program's. */
	if (operation_harvest(home, &got, 1, A_WHILE) != -EXDEV ||
	    operation_receive(home, home, &o, data, 8) != -ENOTSOCK)
		bad = 12;
	sleep_ms(A_WHILE);
	for (i = 0; i < SIZE; i++) {
		if (memory[i] != 0x5a)
			bad = 13;
	}
	_exit(bad);
}

static int tell[2];

static void submit_and_exec(void *unused)
{
	char fds[32];

	(void)unused;
	submit_all();
	/* The new program has them. */
	fcntl(job.home, F_SETFD, 0);
	fcntl(tell[1], F_SETFD, 0);
	fcntl(job.fd[0], F_SETFD, 0);
	snprintf(fds, sizeof(fds), "%d %d", job.home, tell[1]);
	setenv(LOOKS, fds, 1);
	execl("/proc/self/exe", "again", NULL);
	_exit(20);
}

TEST_F(gone, next_program_gets_nothing)
{
	char c;
	int pid;

	ASSERT_EQ(0, pipe2(tell, O_CLOEXEC));
	job.fd = &self->fd[0];
	pid = start_process(_metadata, self, submit_and_exec, 1, 100);
	ASSERT_EQ(1, read(tell[0], &c, 1));
	EXPECT_SENT(self->fd[1], "abc");
	/* This one harvests: it must not carry them out, either. */
	EXPECT_NO_PACKET(self->port);
	EXPECT_TRUE(operations_become(self->home, 0, NOTICED));
	EXPECT_EQ(0, child_status(pid, COMES + 2 * A_WHILE));
	ASSERT_ARRIVES(self->fd[0], 3);
}

/* The new program has the home port, and this process the rest. */
TEST_F(gone, next_program_has_none_of_100000)
{
	int pid, each = many_each();
	int64_t start;
	char c;

	if (geteuid())
		SKIP(return, "only root can change the limits");
	ASSERT_EQ(0, open_many(self, each));
	ASSERT_EQ(0, pipe2(tell, O_CLOEXEC));
	pid = start_process(_metadata, self, submit_and_exec, SOCKETS, each);
	start = now_ms();
	ASSERT_EQ(1, read(tell[0], &c, 1));
	EXPECT_ALL_GONE(start);
	process_kill(pid);
	close_many();
}

/* Closed by exec: at once. */
static void submit_and_exec_with_nothing(void *unused)
{
	(void)unused;
	submit_all();
	setenv(LOOKS, "none", 1);
	execl("/proc/self/exe", "again", NULL);
	_exit(20);
}

TEST_F(gone, exec_closes_the_home_port)
{
	int pid;

	job.fd = &self->fd[0];
	pid = start_process(_metadata, self, submit_and_exec_with_nothing, 1, 100);
	EXPECT_TRUE(operations_become(self->home, 0, NOTICED));
	child_status(pid, COMES);
	EXPECT_NO_PACKET(self->port);
}

/* ---------------------------------------------------------------- what it had */

/* Whoever has its sockets and ports, its memory is free when it is gone. */
TEST_F(gone, processes_leave_no_memory_map)
{
	enum { COUNT = 24 };
	long long before = slab_objects("mm_struct");
	int64_t end = now_ms() + NOTICED;
	int i, pid[COUNT], home[COUNT];

	if (before < 0)
		SKIP(return, "only root can look at the caches");
	job.fd = &self->fd[0];
	for (i = 0; i < COUNT; i++) {
		self->home = home[i] = device_open();
		set(&self->shared->go, 0);
		set(&self->shared->submitted, 0);
		pid[i] = start_process(_metadata, self, i % 2 ? submit_and_rest :
				       submit_and_exit, 1, 20);
		EXPECT_OPERATIONS(home[i], 20);
		set(&self->shared->go, 1);
		if (i % 2)
			process_kill(pid[i]);
		else
			EXPECT_EQ(0, child_status(pid[i], COMES));
	}
	while (slab_objects("mm_struct") > before + COUNT / 2 && now_ms() < end)
		sleep_ms(50);
	TH_LOG("%lld memory maps before, %lld after", before, slab_objects("mm_struct"));
	EXPECT_GE(before + COUNT / 2, slab_objects("mm_struct"));
	for (i = 0; i < COUNT; i++)
		fd_close(home[i]);
}

/* -------------------------------------------------------- what it was told of */

static void be_told_and_rest(void *unused)
{
	struct sockiocp_packet_entry got;
	struct overlapped o;

	(void)unused;
	set(&job.shared->submitted,
	    operation_simple(job.home, job.fd[0], &o, SOCKIOCP_SUBMIT_POLL_IN, KEY,
			     SOCKIOCP_SUBMIT_TO_HOME) == 1);
	set(&job.shared->go, operation_harvest(job.home, &got, 1, COMES) == 1);
	process_rest();
}

/* A process is told of a connection, and killed.  How long, in ms, until @home is told. */
static int told_after(int home, int listener, int number, struct shared *shared)
{
	struct sockiocp_packet_entry got = { 0 };
	int pid, fd, accepted;
	struct overlapped o;
	int64_t start;

	set(&shared->submitted, 0);
	set(&shared->go, 0);
	pid = process_start(be_told_and_rest, NULL);
	if (pid < 0 || !becomes(&shared->submitted, 1, COMES) ||
	    operation_simple(home, listener, &o, SOCKIOCP_SUBMIT_POLL_IN, KEY,
			     SOCKIOCP_SUBMIT_TO_HOME) != 1)
		return -1;
	fd = tcp_connect(FAM_INET, number);
	if (!becomes(&shared->go, 1, COMES))
		return -2;
	start = now_ms();
	process_kill(pid);
	if (operation_harvest(home, &got, 1, NOTICED) != 1 ||
	    got.reserved != SOCKIOCP_PACKET_READY)
		return -3;
	start = now_ms() - start;
	accepted = tcp_accept(listener);
	fd_close(fd);
	fd_close(accepted);
	return start;
}

/* Those that wait for it are looked for at once, and not when it is time anyway. */
TEST_F(gone, process_that_was_told_holds_others_for_a_moment)
{
	int i, number, took, least = COMES;
	int listener = tcp_listen(FAM_INET, 8, &number);

	ASSERT_LE(0, listener);
	job.fd = &listener;
	job.shared = self->shared;
	for (i = 0; i < 3; i++) {
		job.home = device_open();
		took = told_after(self->home, listener, number, self->shared);
		TH_LOG("after %d ms", took);
		ASSERT_LE(0, took);
		if (took < least)
			least = took;
		fd_close(job.home);
	}
	EXPECT_GT(1000, least);
	fd_close(listener);
}

/* -------------------------------------------------------------------- fork */

/* The child's memory is a copy: it gets nothing, and the parent does. */
TEST_F(gone, child_has_no_operations)
{
	struct overlapped o;
	char data[8] = "";
	int pid;

	ASSERT_EQ(1, operation_receive(self->home, self->fd[0], &o, data, sizeof(data)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct sockiocp_packet_entry got;

		operation_harvest(self->port, &got, 1, A_WHILE);
		_exit(o.state != STATUS_IS_PENDING || data[0]);
	}
	EXPECT_SENT(self->fd[1], "abc");
	EXPECT_TRUE(operation_ends(self->home, &o, COMES));
	EXPECT_EQ('a', data[0]);
	EXPECT_EQ(0, child_status(pid, COMES + A_WHILE));
}

TEST_HARNESS_MAIN
