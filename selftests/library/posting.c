// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A thread that posts to a port at which nobody waits, and one that takes what was posted, make
 * no system call; and nobody can tell, but by the time that it takes: whatever becomes of the
 * port, its number, the threads and the processes, and wherever one of them stops.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/random.h"
#include "lib/task.h"

/* After so many neither is a system call. */
#define WARM	100
/* So many can be posted then, and not taken. */
#define SLOTS	64

static int post(HANDLE port, ULONG_PTR key)
{
	return PostQueuedCompletionStatus(port, (DWORD)~key, key, (LPOVERLAPPED)(key << 8));
}

/* The key of the next packet, in each way; or 0 and the error is in @code. */
static __attribute__((noipa)) ULONG_PTR take_by(HANDLE port, enum how how, DWORD *code)
{
	OVERLAPPED_ENTRY entry = { 0 };
	LPOVERLAPPED overlapped = NULL;
	UINT32 received = 0;
	ULONG_PTR key = 0;
	DWORD bytes = 0;
	ULONG n = 0;

	*code = 0;
	switch (how) {
	case BY_PSN:
		*code = ProcessSocketNotifications(port, 0, NULL, 0, 1, &entry, &received);
		break;
	case BY_GQCS:
		if (!GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0))
			*code = GetLastError();
		entry = (OVERLAPPED_ENTRY) {
			.lpCompletionKey = key, .lpOverlapped = overlapped,
			.dwNumberOfBytesTransferred = bytes,
		};
		break;
	default:
		if (!GetQueuedCompletionStatusEx(port, &entry, 1, &n, 0, FALSE))
			*code = GetLastError();
	}
	key = entry.lpCompletionKey;
	if (*code)
		return 0;
	if (entry.dwNumberOfBytesTransferred != (DWORD)~key || entry.Internal ||
	    entry.lpOverlapped != (LPOVERLAPPED)(key << 8))
		*code = CALL_FAILED;
	return key;
}

static ULONG_PTR take(HANDLE port)
{
	DWORD code;

	return take_by(port, BY_GQCS, &code);
}

/* Returns whether all came. */
static int warm(HANDLE port, enum how how)
{
	ULONG_PTR key;
	DWORD code;

	for (key = 1; key <= WARM; key++)
		if (!post(port, key) || take_by(port, how, &code) != key || code)
			return 0;
	return 1;
}

/* ------------------------------------------------------------------- it is so */

FIXTURE(no_call) {
	HANDLE port;
};

FIXTURE_WAITS(no_call);

FIXTURE_SETUP(no_call)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(no_call)
{
	CloseHandle(self->port);
}

struct user {
	HANDLE port;
	enum how how;
	int error;
	const char *wrong;
};

static const char *use_without_ioctl(struct user *user)
{
	ULONG_PTR key;
	DWORD code;
	int n;

	if (!warm(user->port, user->how))
		return "it does not even come by calls";
	user->error = forbid_ioctl(EACCES);
	if (user->error)
		return "";
	for (n = 1; n <= SLOTS; n++) {
		for (key = 1; key <= (ULONG_PTR)n; key++)
			if (!post(user->port, key))
				return "it cannot post";
		for (key = 1; key <= (ULONG_PTR)n; key++)
			if (take_by(user->port, user->how, &code) != key || code)
				return "it does not get what was posted";
		take_by(user->port, user->how, &code);
		if (code != WAIT_TIMEOUT)
			return "there is more than was posted";
	}
	for (key = 1; key <= SLOTS; key++)
		post(user->port, key);
	/* The filter is there. */
	return post(user->port, key) ? "more can be posted than there is room for" : "";
}

static void *be_user(void *arg)
{
	struct user *user = arg;

	user->wrong = use_without_ioctl(user);
	return NULL;
}

TEST_F(no_call, is_made_to_post_and_to_take)
{
	struct user user = { .port = self->port, .how = variant->how };
	pthread_t thread;
	ULONG_PTR key;
	DWORD code;

	if (goes_not("rings"))
		SKIP(return, "the module was built without rings");
	ASSERT_EQ(0, pthread_create(&thread, NULL, be_user, &user));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	if (user.error == -EINVAL || user.error == -ENOSYS)
		SKIP(return, "no seccomp here");
	ASSERT_EQ(0, user.error);
	EXPECT_STREQ("", user.wrong);
	/* What that has not taken is there for others. */
	for (key = 1; key <= SLOTS; key++)
		ASSERT_EQ(key, take_by(self->port, variant->how, &code));
	EXPECT_EQ(0, take_by(self->port, variant->how, &code));
}

TEST_F(no_call, who_waits_is_woken)
{
	struct waiter waiter = WAITER(COMES);

	ASSERT_TRUE(warm(self->port, variant->how));
	START_WAITER(&waiter);
	ASSERT_TRUE(post(self->port, 7));
	ASSERT_EQ(0, waiter_join(&waiter, COMES));
	EXPECT_EQ(0, waiter.code);
	EXPECT_EQ(7, waiter.packet.key);
	/* And from then on. */
	ASSERT_TRUE(warm(self->port, variant->how));
}

TEST_F(no_call, closed_port_is_told)
{
	DWORD code;

	ASSERT_TRUE(warm(self->port, variant->how));
	ASSERT_TRUE(post(self->port, 1));
	ASSERT_TRUE(CloseHandle(self->port));
	EXPECT_FALSE(post(self->port, 1));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	take_by(self->port, variant->how, &code);
	EXPECT_EQ(ERROR_INVALID_HANDLE, code);
}

FIXTURE(posting) {
	HANDLE port;
};

FIXTURE_SETUP(posting)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_TRUE(warm(self->port, BY_GQCS));
}

FIXTURE_TEARDOWN(posting)
{
	CloseHandle(self->port);
}

TEST_F(posting, several_are_taken_at_once_in_their_order)
{
	OVERLAPPED_ENTRY entries[SLOTS];
	ULONG_PTR key, next = 1, want = 1;
	struct random r = random_start(random_seed(0));
	ULONG i, n;
	int turn;

	for (turn = 0; turn < 200; turn++) {
		for (i = random_below(&r, 100); i; i--)
			ASSERT_TRUE(post(self->port, next++));
		while (want < next && random_below(&r, 4)) {
			ASSERT_TRUE(GetQueuedCompletionStatusEx(self->port, entries,
								1 + random_below(&r, SLOTS), &n,
								0, random_below(&r, 2)));
			for (i = 0; i < n; i++) {
				key = entries[i].lpCompletionKey;
				ASSERT_EQ(want, key);
				want++;
			}
		}
	}
	while (want < next)
		ASSERT_EQ(want++, take(self->port));
}

TEST_F(posting, bad_memory_is_refused_and_loses_nothing)
{
	OVERLAPPED_ENTRY entry;
	ULONG n;

	ASSERT_TRUE(post(self->port, 5));
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, NULL, 1, &n, 0, FALSE));
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &entry, 1, NULL, 0, FALSE));
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, (void *)8, 1, &n, 0, FALSE));
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &entry, 0, &n, 0, FALSE));
	EXPECT_EQ(5, take(self->port));
}

static int called;

static void CALLBACK note_call(ULONG_PTR times)
{
	called += (int)times;
}

TEST_F(posting, packets_go_before_functions)
{
	OVERLAPPED_ENTRY entry;
	ULONG n = 0;

	ASSERT_TRUE(post(self->port, 5));
	ASSERT_TRUE(QueueUserAPC(note_call, GetCurrentThread(), 1));
	EXPECT_TRUE(GetQueuedCompletionStatusEx(self->port, &entry, 1, &n, INFINITE, TRUE));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0, called);
	EXPECT_FALSE(GetQueuedCompletionStatusEx(self->port, &entry, 1, &n, INFINITE, TRUE));
	EXPECT_EQ(WAIT_IO_COMPLETION, GetLastError());
	EXPECT_EQ(1, called);
}

/* ------------------------------------------------------ another port, same number */

TEST_F(posting, number_is_another_ports_after_CloseHandle)
{
	HANDLE again;
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(post(self->port, 3));
		ASSERT_TRUE(CloseHandle(self->port));
		again = port_open();
		ASSERT_EQ(self->port, again);
		EXPECT_EQ(0, take(again));
		ASSERT_TRUE(post(again, 4));
		ASSERT_EQ(4, take(again));
		ASSERT_TRUE(warm(again, BY_GQCS));
	}
}

TEST_F(posting, number_is_another_ports_after_close)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(post(self->port, 3));
		fd_close(port_fd(self->port));
		ASSERT_EQ(self->port, port_open());
		EXPECT_EQ(0, take(self->port));
		ASSERT_TRUE(post(self->port, 4));
		ASSERT_EQ(4, take(self->port));
		ASSERT_TRUE(warm(self->port, BY_GQCS));
	}
}

TEST_F(posting, number_is_another_ports_after_dup2)
{
	HANDLE other = port_open();
	int keep = fd_dup(port_fd(self->port));

	ASSERT_TRUE(post(self->port, 3));
	ASSERT_EQ(port_fd(self->port), fd_dup_to(port_fd(other), port_fd(self->port)));
	ASSERT_TRUE(post(self->port, 4));
	EXPECT_EQ(4, take(other));
	EXPECT_EQ(0, take(self->port));
	EXPECT_EQ(3, take((HANDLE)(LONG_PTR)keep));
	fd_close(keep);
	CloseHandle(other);
}

TEST_F(posting, another_number_of_the_port_is_as_good)
{
	HANDLE other, self_ = GetCurrentProcess();
	int i;

	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(DuplicateHandle(self_, self->port, self_, &other, 0, FALSE,
					    DUPLICATE_SAME_ACCESS));
		ASSERT_TRUE(post(self->port, 1));
		ASSERT_TRUE(post(other, 2));
		ASSERT_EQ(1, take(other));
		ASSERT_EQ(2, take(self->port));
		ASSERT_TRUE(warm(other, BY_GQCS));
		ASSERT_TRUE(post(self->port, 1));
		ASSERT_TRUE(CloseHandle(other));
		ASSERT_EQ(1, take(self->port));
		ASSERT_TRUE(warm(self->port, BY_GQCS));
	}
}

TEST_F(posting, many_ports_are_as_good)
{
	HANDLE port[80];
	int i;

	for (i = 0; i < 80; i++) {
		port[i] = port_open();
		ASSERT_TRUE(warm(port[i], BY_GQCSEX));
		ASSERT_TRUE(post(port[i], 100 + i));
	}
	for (i = 0; i < 80; i++) {
		ASSERT_EQ(100 + i, take(port[i]));
		ASSERT_EQ(0, take(port[i]));
		CloseHandle(port[i]);
	}
}

/* ------------------------------------------------------------------- processes */

static int child_uses(HANDLE port)
{
	/* What its parent has posted, then what it posts itself. */
	return take(port) == 1 && post(port, 2) && take(port) == 2 && warm(port, BY_GQCS) &&
	       post(port, 3) ? 0 : 1;
}

TEST_F(posting, child_has_the_same_port)
{
	int raw, child, i;

	for (i = 0; i < 4; i++) {
		raw = i % 2;
		ASSERT_TRUE(post(self->port, 1));
		/* The C library does not know of this one. */
		child = raw ? (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
		ASSERT_LE(0, child);
		if (!child)
			_exit(child_uses(self->port));
		ASSERT_EQ(0, child_status(child, COMES));
		EXPECT_EQ(3, take(self->port));
		EXPECT_EQ(0, take(self->port));
		ASSERT_TRUE(warm(self->port, BY_GQCS));
	}
}

/* A process that is stopped after so many instructions: each of these, one after the other. */
#define STRIDE	9

struct stepped {
	HANDLE port;
	/* It posts, or takes. */
	int posts;
	pid_t child;
};

static void be_stepped(struct stepped *s)
{
	int good;

	if (!warm(s->port, BY_GQCS) || !post(s->port, 1) || !post(s->port, 2) ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	raise(SIGSTOP);
	good = s->posts ? post(s->port, 3) : take(s->port) == 1;
	_exit(good ? 0 : 1);
}

/* Returns 1 if it is stopped after so many, 0 if it has come to its end before, or an error. */
static int step(struct stepped *s, int steps)
{
	int status, i;

	s->child = fork();
	if (!s->child)
		be_stepped(s);
	if (s->child < 0 || waitpid(s->child, &status, 0) != s->child || !WIFSTOPPED(status))
		return -EIO;
	for (i = 0; i < steps; i++) {
		if (ptrace(PTRACE_SINGLESTEP, s->child, NULL, NULL) ||
		    waitpid(s->child, &status, 0) != s->child)
			return -EIO;
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -EINVAL : 0;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			return -EINTR;
	}
	return 1;
}

static int step_ends(struct stepped *s, int kills)
{
	int status;

	if (kills ? kill(s->child, SIGKILL) : (int)ptrace(PTRACE_DETACH, s->child, NULL, NULL))
		return -errno;
	if (waitpid(s->child, &status, 0) != s->child)
		return -EIO;
	if (kills)
		return 0;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EINVAL;
}

/* All that is there, behind @n others; how many these are then. */
static int take_all(HANDLE port, ULONG_PTR *keys, int n)
{
	while (n < 8 && (keys[n] = take(port)))
		n++;
	return n;
}

/*
 * 1 and 2 were posted first, then 3 by who was stopped, if it has come to that, and 4 by another
 * process meanwhile; who was stopped may have taken 1.
 */
static const char *judge(const ULONG_PTR *keys, int n, int posts, int kills)
{
	int times[5] = { 0 }, i;

	for (i = 0; i < n; i++) {
		if (keys[i] < 1 || keys[i] > 4 || times[keys[i]]++)
			return "nobody has posted that";
		if (i && keys[i] < keys[i - 1] && keys[i] != 3)
			return "they are not in their order";
	}
	if (!times[2] || !times[4] || (posts && !times[1]) || (posts && !kills && !times[3]))
		return "a packet is lost";
	if ((!posts && times[3]) || (!posts && !kills && times[1]))
		return "there is one that was taken, or that nobody has posted";
	return "";
}

FIXTURE(stopped_at_any_instruction) {
	struct stepped s;
};

FIXTURE_VARIANT(stopped_at_any_instruction) {
	int posts, kills;
};

FIXTURE_VARIANT_ADD(stopped_at_any_instruction, posting_and_killed) { .posts = 1, .kills = 1 };
FIXTURE_VARIANT_ADD(stopped_at_any_instruction, posting_and_goes_on) { .posts = 1 };
FIXTURE_VARIANT_ADD(stopped_at_any_instruction, taking_and_killed) { .kills = 1 };
FIXTURE_VARIANT_ADD(stopped_at_any_instruction, taking_and_goes_on) { };

FIXTURE_SETUP(stopped_at_any_instruction)
{
	self->s.port = port_open();
	self->s.posts = variant->posts;
	ASSERT_NE(NULL, self->s.port);
}

FIXTURE_TEARDOWN(stopped_at_any_instruction)
{
	CloseHandle(self->s.port);
}

TEST_F(stopped_at_any_instruction, nothing_is_lost)
{
	struct random r = random_start(random_seed(0));
	int at = 1 + (int)random_below(&r, STRIDE), n, stopped, seen = 0;
	ULONG_PTR keys[8];

	for (;; at += STRIDE) {
		stopped = step(&self->s, at);
		ASSERT_LE(0, stopped);
		if (!stopped)
			break;
		seen++;
		ASSERT_TRUE(post(self->s.port, 4));
		/* Some before it has ended, or goes on; of who takes and goes on, nothing. */
		n = at % 2 && (variant->posts || variant->kills) ?
			take_all(self->s.port, keys, 0) : 0;
		ASSERT_EQ(0, step_ends(&self->s, variant->kills));
		n = take_all(self->s.port, keys, n);
		ASSERT_STREQ("", judge(keys, n, variant->posts, variant->kills)) {
			TH_LOG("after %d instructions", at);
		}
	}
	ASSERT_LT(10, seen);
	/* It has ended by itself. */
	take_all(self->s.port, keys, 0);
}

/* -------------------------------------------------------------------- threads */

#define POSTERS		3
#define EACH		1500

struct crowd {
	HANDLE port;
	int number;
	int lost;
};

static void *post_many(void *arg)
{
	struct crowd *crowd = arg;
	int number = __atomic_add_fetch(&crowd->number, 1, __ATOMIC_RELAXED), i;

	for (i = 1; i <= EACH; i++) {
		if (!post(crowd->port, (ULONG_PTR)number << 32 | i))
			__atomic_fetch_add(&crowd->lost, 1, __ATOMIC_RELAXED);
		if (!(i % 50))
			sched_yield();
	}
	return NULL;
}

/* It waits where nothing is there: whoever posts then wakes it. */
TEST_F(posting, who_takes_what_several_post_gets_all_in_order)
{
	struct crowd crowd = { .port = self->port };
	int last[POSTERS + 1] = { 0 }, i, got;
	pthread_t thread[POSTERS];
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD bytes;

	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, post_many, &crowd));
	for (got = 0; got < POSTERS * EACH; got++) {
		ASSERT_TRUE(GetQueuedCompletionStatus(self->port, &bytes, &key, &overlapped,
						      got % 3 ? INFINITE : (DWORD)COMES)) {
			TH_LOG("after %d", got);
		}
		i = (int)(key >> 32);
		ASSERT_TRUE(i >= 1 && i <= POSTERS);
		ASSERT_EQ(++last[i], (int)(key & 0xffffffff));
	}
	for (i = 0; i < POSTERS; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, crowd.lost);
	EXPECT_EQ(0, take(self->port));
}

struct other_table {
	HANDLE port;
	const char *wrong;
	int step;
};

static void reach(struct other_table *other, int step)
{
	__atomic_store_n(&other->step, step, __ATOMIC_SEQ_CST);
}

static void wait_until(struct other_table *other, int step)
{
	while (__atomic_load_n(&other->step, __ATOMIC_SEQ_CST) < step)
		sched_yield();
}

/* Raw, as who has nothing to do with the library does: nobody counts it. */
static HANDLE open_raw(void)
{
	return (HANDLE)(LONG_PTR)open("/dev/sockiocp", O_RDWR | O_CLOEXEC);
}

static const char *use_another_table(struct other_table *other)
{
	ULONG_PTR key;
	HANDLE mine;

	if (!warm(other->port, BY_GQCS))
		return "it cannot use the port";
	if (unshare(CLONE_FILES))
		return "it cannot have a table of its own";
	fd_close(port_fd(other->port));
	mine = open_raw();
	reach(other, 1);
	if (mine != other->port)
		return "the number is not the same";
	/* The other thread has a ring for this number again. */
	wait_until(other, 2);
	for (key = 1; key <= WARM; key++)
		if (!post(mine, key) || take(mine) != key)
			return "its packets do not come";
	return take(mine) ? "it has one of the other port's" : "";
}

static void *be_in_another_table(void *arg)
{
	struct other_table *other = arg;

	other->wrong = use_another_table(other);
	reach(other, 3);
	return NULL;
}

/* One number is two ports, in the tables of two threads. */
TEST_F(posting, number_is_another_ports_in_another_table)
{
	struct other_table other = { .port = self->port };
	ULONG_PTR key = 1;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, be_in_another_table, &other));
	wait_until(&other, 1);
	ASSERT_TRUE(warm(self->port, BY_GQCS));
	ASSERT_TRUE(warm(self->port, BY_GQCS));
	reach(&other, 2);
	while (__atomic_load_n(&other.step, __ATOMIC_SEQ_CST) < 3) {
		ASSERT_TRUE(post(self->port, key));
		ASSERT_EQ(key, take(self->port));
		key++;
	}
	pthread_join(thread, NULL);
	EXPECT_STREQ("", other.wrong);
}

/* -------------------------------------------------------------------- signals */

/* What a handler uses, in the midst of whatever the thread does with another port. */
static HANDLE port_of_handler;
static int handled, handled_wrong;

static void use_port(int unused)
{
	ULONG_PTR key;
	int i;

	(void)unused;
	for (i = 0; i < 12; i++) {
		if (!post(port_of_handler, 500 + i))
			handled_wrong++;
		key = take(port_of_handler);
		if (key != 500 + (ULONG_PTR)i)
			handled_wrong++;
	}
	handled++;
}

struct signaller {
	int tid, stop;
};

static void *signal_often(void *arg)
{
	struct signaller *signaller = arg;

	while (!__atomic_load_n(&signaller->stop, __ATOMIC_RELAXED)) {
		syscall(SYS_tgkill, getpid(), signaller->tid, SIGUSR2);
		usleep(200);
	}
	return NULL;
}

TEST_F(posting, handler_may_use_another_port_at_any_time)
{
	struct signaller signaller = { .tid = thread_id() };
	struct sigaction action = { .sa_handler = use_port };
	ULONG_PTR key;
	pthread_t thread;

	port_of_handler = port_open();
	ASSERT_NE(NULL, port_of_handler);
	ASSERT_EQ(0, sigaction(SIGUSR2, &action, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_often, &signaller));
	for (key = 1; handled < 100; key++) {
		ASSERT_TRUE(post(self->port, key));
		ASSERT_EQ(key, take(self->port));
	}
	signaller.stop = 1;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, handled_wrong);
	EXPECT_EQ(0, take(self->port));
	EXPECT_EQ(0, take(port_of_handler));
	CloseHandle(port_of_handler);
}

TEST_HARNESS_MAIN
