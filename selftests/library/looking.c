// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A thread that looks at a port in vain, again and again, makes no system call; and nobody
 * can tell, but by the time that it takes: whatever becomes of the port, its number, the
 * arguments, the threads and the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/task.h"

/* After so many looks none is a system call. */
#define LOOKS	40
#define KEY	0x700c

/* One look, in each way; 0 with a packet, or the error. */
static __attribute__((noipa)) DWORD look_by(HANDLE port, enum how how)
{
	OVERLAPPED_ENTRY entry;
	LPOVERLAPPED overlapped;
	UINT32 received = 99;
	ULONG n = 99;
	ULONG_PTR key;
	DWORD bytes, code;

	switch (how) {
	case BY_PSN:
		code = ProcessSocketNotifications(port, 0, NULL, 0, 1, &entry, &received);
		return code == WAIT_TIMEOUT && received ? CALL_FAILED : code;
	case BY_GQCS:
		return GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0) ?
			0 : GetLastError();
	default:
		if (GetQueuedCompletionStatusEx(port, &entry, 1, &n, 0, FALSE))
			return 0;
		code = GetLastError();
		return code == WAIT_TIMEOUT && n ? CALL_FAILED : code;
	}
}

/* All looks of a function have their results in the same place. */
static __attribute__((noipa)) DWORD look_times(HANDLE port, enum how how, int times)
{
	DWORD code = 0;

	while (times--)
		code = look_by(port, how);
	return code;
}

#define look_long(port, how)	look_times(port, how, LOOKS)
#define look(port)		look_times(port, BY_PSN, 1)

static int post(HANDLE port)
{
	return PostQueuedCompletionStatus(port, 1, KEY, NULL);
}

FIXTURE(looking) {
	HANDLE port;
};

FIXTURE_SETUP(looking)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(looking)
{
	CloseHandle(self->port);
}

/* It looks as often as it takes, and finds nothing. */
#define LOOK_LONG()							\
	ASSERT_EQ(WAIT_TIMEOUT, look_long(self->port, BY_PSN))

/* ------------------------------------------------------------------- it is so */

struct looker {
	HANDLE port;
	enum how how;
	int error;
	DWORD before, after, of_another;
};

static void *look_without_ioctl(void *arg)
{
	struct looker *looker = arg;
	HANDLE other = port_open();

	looker->before = look_long(looker->port, looker->how);
	looker->error = forbid_ioctl(EACCES);
	looker->after = look_long(looker->port, looker->how);
	/* The filter is there. */
	looker->of_another = look_times(other, looker->how, 1);
	return NULL;
}

FIXTURE(in_vain) {
	HANDLE port;
};

FIXTURE_WAITS(in_vain);

FIXTURE_SETUP(in_vain)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(in_vain)
{
	CloseHandle(self->port);
}

TEST_F(in_vain, is_no_system_call)
{
	struct looker looker = { .port = self->port, .how = variant->how };
	pthread_t thread;

	if (goes_not("mirrors"))
		SKIP(return, "the module was built without mirrors");
	ASSERT_EQ(0, pthread_create(&thread, NULL, look_without_ioctl, &looker));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	if (looker.error == -EINVAL || looker.error == -ENOSYS)
		SKIP(return, "no seccomp here");
	ASSERT_EQ(0, looker.error);
	EXPECT_EQ(WAIT_TIMEOUT, looker.before);
	EXPECT_EQ(WAIT_TIMEOUT, looker.after);
	EXPECT_NE(WAIT_TIMEOUT, looker.of_another);
	EXPECT_NE(0, looker.of_another);
}

TEST_F(in_vain, ends_with_the_first_packet)
{
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(WAIT_TIMEOUT, look_long(self->port, variant->how));
		ASSERT_TRUE(post(self->port));
		ASSERT_EQ(0, look_times(self->port, variant->how, 1));
		ASSERT_EQ(WAIT_TIMEOUT, look_times(self->port, variant->how, 1));
	}
}

TEST_F(in_vain, is_told_of_a_closed_port)
{
	ASSERT_EQ(WAIT_TIMEOUT, look_long(self->port, variant->how));
	ASSERT_TRUE(CloseHandle(self->port));
	EXPECT_EQ(ERROR_INVALID_HANDLE, look_times(self->port, variant->how, 1));
}

/* ------------------------------------------------------ another port, same number */

TEST_F(looking, number_is_another_ports_after_CloseHandle)
{
	HANDLE again;
	int i;

	for (i = 0; i < 20; i++) {
		LOOK_LONG();
		ASSERT_TRUE(CloseHandle(self->port));
		again = port_open();
		ASSERT_EQ(self->port, again);
		ASSERT_TRUE(post(again));
		ASSERT_EQ(0, look(again));
	}
}

TEST_F(looking, number_is_another_ports_after_close)
{
	int i;

	for (i = 0; i < 20; i++) {
		LOOK_LONG();
		fd_close(port_fd(self->port));
		ASSERT_EQ(self->port, port_open());
		ASSERT_TRUE(post(self->port));
		ASSERT_EQ(0, look(self->port));
	}
}

struct closer {
	HANDLE port;
	int raw;
	int ready, go;
};

static void *close_when_told(void *arg)
{
	struct closer *closer = arg;

	__atomic_store_n(&closer->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&closer->go, __ATOMIC_SEQ_CST))
		sched_yield();
	if (closer->raw)
		fd_close(port_fd(closer->port));
	else
		CloseHandle(closer->port);
	return NULL;
}

/*
 * The number is free before close() has told anybody.  Who makes something else of it in that
 * moment, by a function of Windows', looks at that.
 */
TEST_F(looking, number_is_another_ports_while_that_is_closed)
{
	HANDLE full = port_open(), again, self_ = GetCurrentProcess();
	struct closer closer;
	pthread_t thread;
	int i, highest;

	for (i = 0; i < 200; i++) {
		closer = (struct closer) { .port = self->port, .raw = i % 2 };
		ASSERT_TRUE(post(full));
		LOOK_LONG();
		ASSERT_EQ(0, pthread_create(&thread, NULL, close_when_told, &closer));
		while (!__atomic_load_n(&closer.ready, __ATOMIC_SEQ_CST))
			sched_yield();
		__atomic_store_n(&closer.go, 1, __ATOMIC_SEQ_CST);
		/* What is closed here would hold up the other one's close(): not at once. */
		for (highest = 0; ; highest = port_fd(again)) {
			ASSERT_TRUE(DuplicateHandle(self_, full, self_, &again, 0, FALSE,
						    DUPLICATE_SAME_ACCESS));
			if (again == self->port)
				break;
			if (port_fd(again) > 900)
				fd_close_range(port_fd(full) + 1, port_fd(again));
			sched_yield();
		}
		ASSERT_EQ(0, look(again));
		pthread_join(thread, NULL);
		fd_close_range(port_fd(full) + 1, highest);
		ASSERT_TRUE(CloseHandle(again));
		ASSERT_EQ(self->port, port_open());
	}
	CloseHandle(full);
}

TEST_F(looking, number_is_another_ports_after_dup2)
{
	HANDLE other = port_open();

	LOOK_LONG();
	ASSERT_TRUE(post(other));
	ASSERT_EQ(port_fd(self->port), fd_dup_to(port_fd(other), port_fd(self->port)));
	EXPECT_EQ(0, look(self->port));
	CloseHandle(other);
}

TEST_F(looking, number_is_no_ports_any_more)
{
	LOOK_LONG();
	ASSERT_EQ(port_fd(self->port), fd_dup_to(0, port_fd(self->port)));
	EXPECT_EQ(ERROR_INVALID_HANDLE, look(self->port));
}

TEST_F(looking, high_number_is_as_good)
{
	int high;

	ASSERT_EQ(0, raise_nofile(200000));
	high = fd_dup_to(port_fd(self->port), 150001);
	ASSERT_EQ(150001, high);
	ASSERT_EQ(WAIT_TIMEOUT, look_long((HANDLE)(LONG_PTR)high, BY_PSN));
	ASSERT_TRUE(post(self->port));
	EXPECT_EQ(0, look((HANDLE)(LONG_PTR)high));
	ASSERT_EQ(WAIT_TIMEOUT, look_long((HANDLE)(LONG_PTR)high, BY_PSN));
	fd_close(high);
	EXPECT_EQ(ERROR_INVALID_HANDLE, look((HANDLE)(LONG_PTR)high));
}

/* ------------------------------------------------------- threads and processes */

struct other_table {
	HANDLE port;
	DWORD alone, packet, at_last;
};

/* Here the number comes to be another port's; for the other thread it stays. */
static void *look_in_another_table(void *arg)
{
	struct other_table *other = arg;
	HANDLE mine;

	look_long(other->port, BY_PSN);
	if (unshare(CLONE_FILES))
		return NULL;
	fd_close(port_fd(other->port));
	mine = port_open();
	other->alone = mine == other->port ? look_long(mine, BY_PSN) : CALL_FAILED;
	post(mine);
	other->packet = look(mine);
	other->at_last = look_long(mine, BY_PSN);
	return NULL;
}

TEST_F(looking, number_is_another_ports_in_another_table)
{
	struct other_table other = { .port = self->port };
	pthread_t thread;

	LOOK_LONG();
	ASSERT_EQ(0, pthread_create(&thread, NULL, look_in_another_table, &other));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(WAIT_TIMEOUT, other.alone);
	EXPECT_EQ(0, other.packet);
	EXPECT_EQ(WAIT_TIMEOUT, other.at_last);
	LOOK_LONG();
	ASSERT_TRUE(post(self->port));
	EXPECT_EQ(0, look(self->port));
}

/* @raw: as the C library does not know of. */
static int forked(int raw)
{
	return raw ? (int)syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0) : fork();
}

TEST_F(looking, child_sees_the_packets_of_the_port)
{
	int raw, pid, to[2], from[2];

	for (raw = 0; raw < 2; raw++) {
		ASSERT_EQ(0, fd_pipe(to));
		ASSERT_EQ(0, fd_pipe(from));
		LOOK_LONG();
		pid = forked(raw);
		ASSERT_LE(0, pid);
		if (!pid) {
			if (look_long(self->port, BY_PSN) != WAIT_TIMEOUT)
				_exit(1);
			if (write(from[1], "x", 1) != 1 || !fd_sees(to[0], COMES))
				_exit(2);
			if (look(self->port))
				_exit(3);
			/* Its own port is nobody else's. */
			fd_close(port_fd(self->port));
			if (port_open() != self->port || look_long(self->port, BY_PSN) != WAIT_TIMEOUT)
				_exit(4);
			post(self->port);
			_exit(look(self->port) ? 5 : 0);
		}
		ASSERT_TRUE(fd_sees(from[0], COMES));
		ASSERT_TRUE(post(self->port));
		ASSERT_EQ(1, write(to[1], "x", 1));
		EXPECT_EQ(0, child_status(pid, COMES));
		LOOK_LONG();
		fd_close(to[0]);
		fd_close(to[1]);
		fd_close(from[0]);
		fd_close(from[1]);
	}
}

/* One that looks in vain is associated with the port that it has asked last. */
TEST_F(looking, thread_is_associated_with_the_port_that_it_asks)
{
	HANDLE other = port_open();
	int i;

	for (i = 0; i < 3; i++) {
		LOOK_LONG();
		EXPECT_EQ(1, port_told(self->port, "workers"));
		EXPECT_EQ(0, port_told(other, "workers"));
		ASSERT_EQ(WAIT_TIMEOUT, look_long(other, BY_PSN));
		EXPECT_EQ(0, port_told(self->port, "workers"));
		EXPECT_EQ(1, port_told(other, "workers"));
	}
	CloseHandle(other);
}

/* As many ports as there are words for, and more. */
TEST(looking_at_many_ports_is_right)
{
	enum { PORTS = 1500 };
	static HANDLE ports[PORTS];
	int i;

	ASSERT_EQ(0, raise_nofile(PORTS + 100));
	for (i = 0; i < PORTS; i++) {
		ports[i] = port_open();
		ASSERT_NE(NULL, ports[i]);
		ASSERT_EQ(WAIT_TIMEOUT, look_long(ports[i], BY_PSN));
	}
	for (i = 0; i < PORTS; i++) {
		ASSERT_EQ(WAIT_TIMEOUT, look(ports[i]));
		ASSERT_TRUE(post(ports[i]));
		ASSERT_EQ(0, look(ports[i]));
	}
	for (i = 0; i < PORTS; i++)
		ASSERT_TRUE(CloseHandle(ports[i]));
}

#define POSTS	20000

static int taken;

static void *take_in_vain(void *arg)
{
	HANDLE port = arg;
	DWORD code;

	do {
		code = look(port);
		if (!code)
			__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
		else
			sched_yield();
	} while (code == 0 || code == WAIT_TIMEOUT);
	return (void *)(uintptr_t)code;
}

TEST_F(looking, several_threads_miss_nothing)
{
	pthread_t threads[3];
	int64_t end;
	void *code;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, take_in_vain, self->port));
	for (i = 0; i < POSTS; i++) {
		ASSERT_TRUE(post(self->port));
		if (i % 64 == 0)
			sched_yield();
	}
	end = now_ms() + COMES;
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < POSTS && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(POSTS, taken);
	ASSERT_TRUE(CloseHandle(self->port));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &code));
		EXPECT_EQ(ERROR_INVALID_HANDLE, (uintptr_t)code);
	}
}

/* ---------------------------------------------------------------- bad arguments */

TEST_F(looking, bad_arguments_are_told)
{
	OVERLAPPED_ENTRY entry[2];
	SOCK_NOTIFY_REGISTRATION reg = { 0 };
	UINT32 received;
	void *nowhere = (void *)8, *nothing;
	int i;

	nothing = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < LOOKS; i++)
		ASSERT_EQ(WAIT_TIMEOUT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1,
								   entry, &received));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, nowhere,
							&received));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, nothing,
							&received));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, entry,
							nowhere));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, entry,
							nothing));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, entry, NULL));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, NULL,
							&received));
	EXPECT_EQ(WSAEINVAL, ProcessSocketNotifications(self->port, 0, &reg, 0, 1, entry,
							&received));
	EXPECT_EQ(WSAEINVAL, ProcessSocketNotifications(self->port, 0, NULL, 0, 0xffffffff,
							entry, &received));
	EXPECT_EQ(WSAEINVAL, ProcessSocketNotifications(self->port, 0, NULL, 0, 0, entry,
							&received));
	EXPECT_EQ(WSAEINVAL, ProcessSocketNotifications(self->port, 1, NULL, 0, 1, entry,
							&received));
	EXPECT_EQ(WAIT_TIMEOUT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, entry,
							   &received));
	/* Where there is room for more than before is memory that nobody has looked at. */
	EXPECT_EQ(WAIT_TIMEOUT, ProcessSocketNotifications(self->port, 0, NULL, 0, 2, entry,
							   &received));
	munmap(nothing, 4096);
}

/* Nobody looks for a mirror again and again where there can be none, or it is of no use. */
static void *look_where_it_is_of_no_use(void *arg)
{
	struct looker *looker = arg;
	static OVERLAPPED_ENTRY entry;
	static UINT32 received;
	int i;

	looker->after = 0;
	for (i = 0; i < 10 * LOOKS; i++)
		looker->after |= ProcessSocketNotifications(looker->port, 0, NULL, 0, 1, &entry,
							    &received) != WAIT_TIMEOUT;
	return NULL;
}

TEST_F(looking, is_right_where_it_has_to_be_a_call)
{
	struct looker looker = { .port = self->port };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, look_where_it_is_of_no_use, &looker));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, looker.after);
}

/* What says how many there are may be taken away between two looks. */
TEST_F(looking, memory_that_is_gone_is_told)
{
	OVERLAPPED_ENTRY entry;
	UINT32 *received;
	int i;

	received = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)received);
	for (i = 0; i < LOOKS; i++) {
		*received = 99;
		ASSERT_EQ(WAIT_TIMEOUT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1,
								   &entry, received));
		ASSERT_EQ(0, *received);
	}
	munmap(received, 4096);
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(self->port, 0, NULL, 0, 1, &entry,
							received));
}

TEST_F(looking, registrations_are_applied)
{
	SOCK_NOTIFY_REGISTRATION reg;
	OVERLAPPED_ENTRY e;
	UINT32 received;
	int fd[2];

	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	LOOK_LONG();
	reg = entry(fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT);
	EXPECT_EQ(ERROR_SUCCESS, ProcessSocketNotifications(self->port, 1, &reg, 0, 1, &e,
							    &received));
	EXPECT_EQ(1, received);
	fd_close(fd[0]);
	fd_close(fd[1]);
}

static int called;

static void WINAPI call(ULONG_PTR argument)
{
	(void)argument;
	called++;
}

TEST_F(looking, alertable_look_calls_functions)
{
	OVERLAPPED_ENTRY entry;
	ULONG n;

	LOOK_LONG();
	ASSERT_NE(0, QueueUserAPC(call, GetCurrentThread(), 0));
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &entry, 1, &n, 0, TRUE));
	EXPECT_EQ(WAIT_IO_COMPLETION, GetLastError());
	EXPECT_EQ(1, called);
}

/*
 * Whoever says that he will sleep, and finds nothing, is told of a packet by who posts one and
 * then looks whether anybody sleeps: neither look is before what was said.
 */
struct sleepy {
	HANDLE port;
	int sleeps, seen, stop, missed;
};

/* A moment, but not for long where there is one processor. */
static void spin(void)
{
	static _Thread_local unsigned int times;

	if (++times % 256 == 0)
		sched_yield();
}

static void *post_and_look(void *arg)
{
	struct sleepy *s = arg;
	int round = 0;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		while (__atomic_load_n(&s->seen, __ATOMIC_ACQUIRE) != round &&
		       !__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
			spin();
		post(s->port);
		/* The other one sleeps, it seems, if this is not 0: he would be woken. */
		if (__atomic_load_n(&s->sleeps, __ATOMIC_RELAXED))
			__atomic_store_n(&s->sleeps, 0, __ATOMIC_RELEASE);
		round++;
		__atomic_store_n(&s->missed, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

TEST_F(looking, sleeper_is_seen_or_sees)
{
	struct sleepy s = { .port = self->port, .seen = -1 };
	pthread_t thread;
	int round;
	DWORD code;

	LOOK_LONG();
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_and_look, &s));
	for (round = 0; round < 1000; round++) {
		__atomic_store_n(&s.seen, round, __ATOMIC_RELEASE);
		__atomic_store_n(&s.sleeps, 1, __ATOMIC_RELAXED);
		code = look(self->port);
		while (__atomic_load_n(&s.missed, __ATOMIC_ACQUIRE) != round + 1)
			spin();
		if (code) {
			ASSERT_EQ(0, __atomic_load_n(&s.sleeps, __ATOMIC_ACQUIRE)) {
				TH_LOG("in round %d", round);
			}
			ASSERT_EQ(0, look(self->port));
		}
		/* Now there is nothing, and the word says so. */
		LOOK_LONG();
		__atomic_store_n(&s.sleeps, 0, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* A child that has the same memory must not tell its parent what is not so. */
static int words_are_mapped(void)
{
	char line[512];
	FILE *file = fopen("/proc/self/maps", "re");
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "/dev/zero"))
			found++;
	if (file)
		fclose(file);
	return found;
}

TEST_F(looking, child_does_not_have_the_words)
{
	int before = words_are_mapped(), raw, pid;

	if (goes_not("mirrors"))
		SKIP(return, "the module was built without mirrors");
	LOOK_LONG();
	for (raw = 0; raw < 2; raw++) {
		pid = forked(raw);
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(words_are_mapped() != before);
		EXPECT_EQ(0, child_status(pid, COMES));
	}
	EXPECT_EQ(before + 1, words_are_mapped());
}

/* A process that may pin nothing looks as before. */
TEST_F(looking, works_where_no_memory_may_be_pinned)
{
	struct rlimit none = { 0, 0 };
	int pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		HANDLE port = port_open();

		if (setrlimit(RLIMIT_MEMLOCK, &none) || setresuid(12345, 12345, 12345))
			_exit(1);
		if (look_long(port, BY_PSN) != WAIT_TIMEOUT)
			_exit(2);
		post(port);
		_exit(look(port) ? 3 : 0);
	}
	EXPECT_EQ(0, child_status(pid, COMES));
}

TEST_HARNESS_MAIN
