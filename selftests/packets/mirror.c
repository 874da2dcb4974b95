// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The mirror of a port, SOCKIOCP_SET_MIRROR: while the word says that nothing is queued that
 * is so, whatever puts a packet into the queue; and it ends before a descriptor can come to
 * be another port's.
 *
 * Uses no library.  What that makes of it: library/looking.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/random.h"
#include "lib/sock.h"
#include "lib/task.h"

#define USER		12345
#define EMPTY		(4 * 7ULL)
#define FILLED		(EMPTY | SOCKIOCP_MIRROR_FILLED)
#define ENDED		(EMPTY | SOCKIOCP_MIRROR_ENDED)
#define KEY		0x77

#define IN		SOCKIOCP_REGISTER_IN
#define LEVEL		SOCKIOCP_TRIGGER_LEVEL
#define EDGE		SOCKIOCP_TRIGGER_EDGE
#define ONESHOT		SOCKIOCP_TRIGGER_ONESHOT
#define PERSISTENT	SOCKIOCP_TRIGGER_PERSISTENT

#define load(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define PAGE		((size_t)sysconf(_SC_PAGESIZE))

static int set_mirror(int port, int handle, __u64 *word, __u64 empty)
{
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)word,
		.empty = empty,
		.handle = handle,
	};

	return device_call(port, SOCKIOCP_SET_MIRROR, &mirror);
}

/* A port, or -1 where ports have no mirrors. */
static int port_with_mirrors(void)
{
	struct sockiocp_info info = { 0 };
	int port = device_open();

	if (port < 0 || device_call(port, SOCKIOCP_INFO, &info) ||
	    info.features & SOCKIOCP_FEATURE_MIRROR)
		return port;
	fd_close(port);
	return -1;
}

#define NEED_MIRRORS(fd)						\
	do {								\
		if ((fd) < 0 && goes_not("mirrors"))			\
			SKIP(_exit(255), "the module was built without mirrors");	\
		ASSERT_LE(0, fd);					\
	} while (0)

static long long pinned_kb(void)
{
	char line[256];
	long long kb = -1;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %lld", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb;
}

static int look(int port)
{
	__u64 key;

	return device_harvest(port, 0, &key, 1);
}

FIXTURE(mirror) {
	int port;
	__u64 *word;
	int fd[2];
};

FIXTURE_SETUP(mirror)
{
	self->port = port_with_mirrors();
	NEED_MIRRORS(self->port);
	self->word = shared_memory(PAGE);
	ASSERT_NE(NULL, self->word);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
	ASSERT_EQ(0, set_mirror(self->port, self->port, self->word, EMPTY));
}

FIXTURE_TEARDOWN(mirror)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	munmap(self->word, PAGE);
}

/* A call has found nothing, and the word says so. */
#define ASSERT_EMPTY()							\
	do {								\
		ASSERT_EQ(-ETIME, look(self->port));			\
		ASSERT_EQ(EMPTY, load(self->word));			\
	} while (0)

/* ------------------------------------------------------------ what it says */

TEST_F(mirror, says_filled_until_a_call_has_found_nothing)
{
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EMPTY();
	ASSERT_EQ(0, device_post(self->port, KEY));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EQ(1, look(self->port));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EMPTY();
}

TEST_F(mirror, is_filled_by_an_event)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, IN, SOCKIOCP_OP_ENABLE,
				  LEVEL | ONESHOT));
	ASSERT_EMPTY();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EMPTY();
	/* Armed when it is ready, by a call that takes nothing. */
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, IN, SOCKIOCP_OP_ENABLE,
				  LEVEL | ONESHOT));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EMPTY();
}

TEST_F(mirror, is_filled_by_the_end_of_a_registration)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, IN, SOCKIOCP_OP_ENABLE,
				  LEVEL | PERSISTENT));
	ASSERT_EMPTY();
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0, 0, SOCKIOCP_OP_REMOVE, 0));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EMPTY();
}

/* A harvest that takes the packet and queues it again finds the word as another left it. */
TEST_F(mirror, is_filled_by_what_is_queued_again)
{
	char c;

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, IN, SOCKIOCP_OP_ENABLE,
				  LEVEL | PERSISTENT));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_EQ(1, look(self->port));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EQ(1, sock_recv(self->fd[0], &c, 1));
	ASSERT_EMPTY();
}

/* ---------------------------------------------------- while a packet is taken */

/* A thread that waits for one packet, in memory that is missing when that comes. */
struct taker {
	int port;
	struct block block;
	int ret;
	pthread_t thread;
};

static void *take(void *arg)
{
	struct taker *taker = arg;
	__u32 received = 0;
	struct sockiocp_process p = device_process(taker->port, NULL, 0, taker->block.memory, 1,
						   &received, SOCKIOCP_INFINITE);

	taker->ret = device_wait(taker->port, &p);
	return NULL;
}

FIXTURE(taken_away) {
	int port;
	__u64 *word;
	int fd[2];
	struct taker taker;
};

FIXTURE_SETUP(taken_away)
{
	self->port = port_with_mirrors();
	NEED_MIRRORS(self->port);
	self->word = shared_memory(PAGE);
	ASSERT_NE(NULL, self->word);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
	ASSERT_EQ(0, set_mirror(self->port, self->port, self->word, EMPTY));
	self->taker.port = self->port;
	NEED_FAULTS(&self->taker.block);
	ASSERT_EQ(0, block_end(&self->taker.block));
}

FIXTURE_TEARDOWN(taken_away)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
	munmap(self->word, PAGE);
}

static int port_becomes(int port, const char *name, long long value)
{
	int64_t end = now_ms() + COMES;

	while (fdinfo_value(port, name) != value && now_ms() < end)
		sleep_ms(1);
	return fdinfo_value(port, name) == value;
}

/* It has the packet, and another thread has found nothing meanwhile. */
#define TAKE_AWAY()							\
	do {								\
		struct taker *t = &self->taker;				\
									\
		ASSERT_EQ(0, pthread_create(&t->thread, NULL, take, t));\
		ASSERT_TRUE(port_becomes(self->port, "waiters", 1));	\
		ASSERT_EQ(0, block_again(&t->block));			\
		ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));		\
		ASSERT_TRUE(block_is_reached(&t->block, COMES));	\
		ASSERT_EMPTY();						\
	} while (0)

TEST_F(taken_away, comes_again)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, IN, SOCKIOCP_OP_ENABLE,
				  LEVEL | PERSISTENT));
	TAKE_AWAY();
	ASSERT_EQ(0, block_end(&self->taker.block));
	ASSERT_EQ(0, pthread_join(self->taker.thread, NULL));
	EXPECT_EQ(0, self->taker.ret);
	EXPECT_EQ(FILLED, load(self->word));
	EXPECT_EQ(1, look(self->port));
}

TEST_F(taken_away, is_put_back)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, IN, SOCKIOCP_OP_ENABLE,
				  LEVEL | ONESHOT));
	TAKE_AWAY();
	ASSERT_EQ(0, block_fail(&self->taker.block));
	ASSERT_EQ(0, pthread_join(self->taker.thread, NULL));
	EXPECT_EQ(-EFAULT, self->taker.ret);
	EXPECT_EQ(FILLED, load(self->word));
	EXPECT_EQ(1, look(self->port));
}

/* --------------------------------------------------------------- when it ends */

static void *close_descriptor(void *arg)
{
	fd_close((int)(intptr_t)arg);
	return NULL;
}

static void close_all(void *arg)
{
	fd_close((int)(intptr_t)arg);
	_exit(0);
}

TEST_F(mirror, ends_when_any_descriptor_is_closed)
{
	pthread_t thread;
	int i, other, child;

	for (i = 0; i < 5; i++) {
		other = fd_dup(self->port);
		ASSERT_LE(0, other);
		*self->word = 0;
		ASSERT_EQ(0, set_mirror(self->port, self->port, self->word, EMPTY));
		ASSERT_EMPTY();
		switch (i) {
		case 0:
			fd_close(other);
			break;
		case 1:
			ASSERT_EQ(other, fd_dup_to(self->fd[0], other));
			break;
		case 2:
			ASSERT_EQ(0, fd_close_range(other, other));
			break;
		case 3:
			ASSERT_EQ(0, pthread_create(&thread, NULL, close_descriptor,
						    (void *)(intptr_t)other));
			pthread_join(thread, NULL);
			break;
		case 4:
			child = process_start_sharing(close_all, (void *)(intptr_t)other);
			ASSERT_LT(0, child);
			ASSERT_EQ(0, child_status(child, COMES));
			break;
		}
		EXPECT_EQ(ENDED, load(self->word));
		if (i == 1)
			fd_close(other);
	}
}

TEST_F(mirror, ends_when_a_child_does)
{
	int child;

	ASSERT_EMPTY();
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(0);
	ASSERT_EQ(0, child_status(child, COMES));
	EXPECT_EQ(ENDED, load(self->word));
	/* And begins anew. */
	ASSERT_EQ(0, set_mirror(self->port, self->port, self->word, EMPTY));
	ASSERT_EMPTY();
}

TEST_F(mirror, ends_when_the_port_is_closed_for_all)
{
	ASSERT_EMPTY();
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(ENDED, load(self->word));
	EXPECT_EQ(-ESHUTDOWN, set_mirror(self->port, self->port, self->word, EMPTY));
}

TEST_F(mirror, is_not_written_to_when_it_has_ended)
{
	int other = fd_dup(self->port);

	ASSERT_LE(0, other);
	fd_close(other);
	ASSERT_EQ(ENDED, load(self->word));
	*self->word = EMPTY;
	ASSERT_EQ(0, device_post(self->port, KEY));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EQ(-ETIME, look(self->port));
	ASSERT_EQ(EMPTY, load(self->word));
}

TEST_F(mirror, ends_when_the_port_becomes_a_home_port)
{
	struct sockiocp_cancel end = { .flags = SOCKIOCP_CANCEL_END_OF_THREAD };
	struct sockiocp_buffer buffer = { 0 };
	struct sockiocp_submit submit = {
		.socket = self->fd[0],
		.buffers = (uintptr_t)&buffer,
		.buffer_count = 1,
		.operation = SOCKIOCP_SUBMIT_RECEIVE,
	};

	ASSERT_EMPTY();
	ioctl(self->port, SOCKIOCP_SUBMIT, &submit);
	EXPECT_EQ(ENDED, load(self->word));
	EXPECT_EQ(-EXDEV, set_mirror(self->port, self->port, self->word, EMPTY));
	ioctl(self->port, SOCKIOCP_CANCEL, &end);
}

/* -------------------------------------------------------------- whose it is */

/* exec: the memory of before is gone, and the port is there still. */
TEST(mirror_of_a_program_that_was_is_replaced)
{
	int port = port_with_mirrors(), child;
	__u64 *word;

	NEED_MIRRORS(port);
	fd_close(port);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		word = shared_memory(PAGE);
		port = open("/dev/sockiocp", O_RDWR);
		if (port < 0 || set_mirror(port, port, word, EMPTY))
			_exit(1);
		fd_dup_to(port, 201);
		fcntl(201, F_SETFD, 0);
		if (set_mirror(201, 201, word, EMPTY))
			_exit(2);
		run_again("MIRROR_PORT");
		_exit(3);
	}
	EXPECT_EQ(0, child_status(child, COMES));
}

static __attribute__((constructor)) void after_exec(void)
{
	__u64 *word;

	if (!getenv("MIRROR_PORT"))
		return;
	word = shared_memory(PAGE);
	_exit(set_mirror(201, 201, word, EMPTY) ? 4 :
	      look(201) != -ETIME || load(word) != EMPTY ? 5 : 0);
}

TEST_F(mirror, that_there_is_is_told)
{
	__u64 *other = shared_memory(PAGE);
	struct sockiocp_mirror mirror = {
		.word = (uintptr_t)other,
		.empty = 400,
		.handle = self->port,
	};

	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_SET_MIRROR, &mirror));
	EXPECT_EQ((uintptr_t)self->word, mirror.word);
	EXPECT_EQ(EMPTY, mirror.empty);
	EXPECT_EQ(0, *other);
	munmap(other, PAGE);
}

TEST_F(mirror, of_one_process_is_no_others)
{
	int child = fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(set_mirror(self->port, self->port, self->word, EMPTY) == -EBUSY ? 0 : 1);
	EXPECT_EQ(0, child_status(child, COMES));
}

TEST_F(mirror, memory_is_pinned_as_long_as_it_lasts)
{
	long long kb = PAGE / 1024;
	int other = fd_dup(self->port);

	ASSERT_LE(0, other);
	EXPECT_EQ(kb, pinned_kb());
	/* The program has unmapped it; the port goes on to write there. */
	munmap(self->word, PAGE);
	ASSERT_EQ(0, device_post(self->port, KEY));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EQ(-ETIME, look(self->port));
	EXPECT_EQ(kb, pinned_kb());
	fd_close(other);
	EXPECT_EQ(0, pinned_kb());
}

/* Of pages that are given back it would be seen to write into somebody else's. */
TEST_F(mirror, survives_what_becomes_of_its_memory)
{
	static const int advices[] = { MADV_DONTNEED, MADV_REMOVE, 21 /* MADV_PAGEOUT */ };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		madvise(self->word, PAGE, advices[i]);
		ASSERT_EQ(0, device_post(self->port, KEY));
		ASSERT_EQ(1, look(self->port));
		ASSERT_EQ(-ETIME, look(self->port));
	}
	mprotect(self->word, PAGE, PROT_NONE);
	ASSERT_EQ(0, device_post(self->port, KEY));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EQ(-ETIME, look(self->port));
}

/* Swapped out, or moved, it would no longer be what the process reads. */
TEST_F(mirror, is_what_the_process_reads_after_pageout)
{
	ASSERT_EMPTY();
	madvise(self->word, PAGE, MADV_DONTNEED);
	EXPECT_EQ(EMPTY, load(self->word));
	madvise(self->word, PAGE, 21 /* MADV_PAGEOUT */);
	EXPECT_EQ(EMPTY, load(self->word));
	ASSERT_EQ(0, device_post(self->port, KEY));
	EXPECT_EQ(FILLED, load(self->word));
	ASSERT_EQ(1, look(self->port));
	ASSERT_EMPTY();
}

/* Nobody but the kernel has written to the page: what it has written is kept all the same. */
TEST_F(mirror, end_is_told_by_a_page_that_was_clean)
{
	__u64 *word = shared_memory(PAGE);
	int port = device_open();

	ASSERT_NE(NULL, word);
	ASSERT_EQ(0, load(word));
	ASSERT_EQ(0, set_mirror(port, port, word, EMPTY));
	fd_close(port);
	ASSERT_EQ(ENDED, load(word));
	madvise(word, PAGE, 21 /* MADV_PAGEOUT */);
	EXPECT_EQ(ENDED, load(word));
	munmap(word, PAGE);
}

TEST_F(mirror, pins_no_more_than_the_limit)
{
	struct rlimit none = { 0, 0 };
	int child = fork(), other;

	ASSERT_LE(0, child);
	if (!child) {
		other = device_open();
		if (other < 0 || setrlimit(RLIMIT_MEMLOCK, &none) ||
		    setresuid(USER, USER, USER))
			_exit(1);
		_exit(set_mirror(other, other, self->word, EMPTY) == -ENOBUFS &&
		      pinned_kb() == 0 ? 0 : 2);
	}
	EXPECT_EQ(0, child_status(child, COMES));
}

/* ------------------------------------------------------------ bad arguments */

/* A word in a page of this file, which is closed. */
static int set_mirror_in(int file, int port)
{
	__u64 *word;
	int ret;

	if (file < 0 || ftruncate(file, PAGE))
		return -errno;
	word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	fd_close(file);
	if (word == MAP_FAILED)
		return -errno;
	ret = set_mirror(port, port, word, EMPTY);
	munmap(word, PAGE);
	return ret;
}

/* Of memory, too, but no tmpfs: pages like those of a disk. */
static int file_of_ramfs(void)
{
	static const char dir[] = "/tmp/mirror.ramfs";
	int fd = -1;

	mkdir("/tmp", 0777);
	mkdir(dir, 0700);
	if (!mount("none", dir, "ramfs", 0, NULL)) {
		fd = open("/tmp/mirror.ramfs/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return fd;
}

TEST_F(mirror, wants_good_arguments)
{
	__u64 *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 *unreadable = shared_memory(PAGE);
	__u64 *huge = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	struct sockiocp_mirror reserved = {
		.word = (uintptr_t)self->word, .empty = EMPTY, .flags = 2,
	};
	int other = device_open(), file = memfd_create("mirror", MFD_CLOEXEC), i;

	ASSERT_LE(0, other);
	ASSERT_NE(MAP_FAILED, private);
	*private = 1;
	ASSERT_NE(NULL, unreadable);
	ASSERT_EQ(0, mprotect(unreadable, PAGE, PROT_READ));
	reserved.handle = other;
	*self->word = 1;
	EXPECT_EQ(-EINVAL, set_mirror(other, other, NULL, EMPTY));
	EXPECT_EQ(-EINVAL, set_mirror(other, other, (__u64 *)((char *)self->word + 4), EMPTY));
	for (i = 1; i < 4; i++)
		EXPECT_EQ(-EINVAL, set_mirror(other, other, self->word, EMPTY | i));
	EXPECT_EQ(-EINVAL, set_mirror(other, other, self->word, 0));
	EXPECT_EQ(-EINVAL, set_mirror(other, other, private, EMPTY));
	EXPECT_EQ(-EINVAL, device_call(other, SOCKIOCP_SET_MIRROR, &reserved));
	EXPECT_EQ(-EFAULT, set_mirror(other, other, unreadable, EMPTY));
	EXPECT_EQ(-EFAULT, set_mirror(other, other, (__u64 *)8, EMPTY));
	EXPECT_EQ(-EFAULT, set_mirror(other, other, (__u64 *)(1ULL << 63), EMPTY));
	EXPECT_EQ(-EFAULT, set_mirror(other, other, (__u64 *)-8ULL, EMPTY));
	if (huge != MAP_FAILED) {
		EXPECT_EQ(-EINVAL, set_mirror(other, other, huge, EMPTY));
	}
	/* Of tmpfs it is good, and of no other filesystem. */
	EXPECT_EQ(0, set_mirror_in(file, other));
	fd_close(fd_dup(other));
	/* From 6.5 on the kernel itself refuses. */
	i = set_mirror_in(file_of_ramfs(), other);
	EXPECT_TRUE(i == -EINVAL || i == -EFAULT) {
		TH_LOG("%d", i);
	}
	EXPECT_EQ(1, *self->word);
	EXPECT_EQ(1, *private);
	/* By a number that is another port's, or nobody's: what there is ends. */
	EXPECT_EQ(-EBADF, set_mirror(other, self->port, self->word + 1, EMPTY));
	EXPECT_EQ(-EBADF, set_mirror(other, -1, self->word + 1, EMPTY));
	EXPECT_EQ(ENDED, self->word[1]);
	EXPECT_EQ(0, set_mirror(other, other, self->word + 1, EMPTY));
	fd_close(other);
	munmap(unreadable, PAGE);
	munmap(private, PAGE);
}

/* The word is the program's, which may write there what it likes. */
TEST_F(mirror, is_not_believed_by_the_kernel)
{
	struct random r = random_start(random_seed(0));
	int i;

	for (i = 0; i < 200; i++) {
		*self->word = random_next(&r);
		ASSERT_EQ(0, device_post(self->port, KEY));
		*self->word = random_next(&r);
		ASSERT_EQ(1, look(self->port));
		*self->word = EMPTY;
		ASSERT_EQ(-ETIME, look(self->port));
	}
}

/* -------------------------------------------------------------- at random */

/*
 * Whatever is done, in whatever order: while the word says that nothing is queued poll(2)
 * says so, too.
 */
TEST_F(mirror, is_right_after_anything)
{
	static const __u8 triggers[] = {
		LEVEL | ONESHOT, LEVEL | PERSISTENT, EDGE | ONESHOT, EDGE | PERSISTENT,
	};
	struct random r = random_start(random_seed(0));
	unsigned int empty = 0, filled = 0;
	__u64 keys[8];
	int other = -1, i, what;
	char c;

	history_clear();
	for (i = 0; i < 4000; i++) {
		what = random_below(&r, 9);
		history_add("%d", what);
		switch (what) {
		case 0:
			ASSERT_EQ(0, device_post(self->port, KEY));
			break;
		case 1:
			device_apply(self->port, self->fd[0], KEY,
				     1 + random_below(&r, 3), SOCKIOCP_OP_ENABLE,
				     triggers[random_below(&r, 4)]);
			break;
		case 2:
			device_apply(self->port, self->fd[0], 0, 0,
				     random_below(&r, 2) ? SOCKIOCP_OP_REMOVE :
				     SOCKIOCP_OP_DISABLE, 0);
			break;
		case 3:
			sock_send(self->fd[1], "x", 1);
			break;
		case 4:
			sock_recv(self->fd[0], &c, 1);
			break;
		case 5:
		case 6:
		case 7:
			device_harvest(self->port, 0, keys, 1 + random_below(&r, 8));
			break;
		case 8:
			if (other >= 0)
				fd_close(other);
			other = other >= 0 ? -1 : fd_dup(self->port);
			set_mirror(self->port, self->port, self->word, EMPTY);
			break;
		}
		if (load(self->word) == EMPTY) {
			empty++;
			ASSERT_EQ(0, fd_sees(self->port, 0)) {
				history_print();
			}
		} else {
			filled++;
		}
	}
	/* It was asked. */
	EXPECT_LT(100, empty);
	EXPECT_LT(100, filled);
	if (other >= 0)
		fd_close(other);
}

/* -------------------------------------------------------------- several at once */

#define POSTS		20000

struct race {
	int port;
	__u64 *word;
	int fd[2];
	int stop;
	unsigned int taken;
};

static void *post_all(void *arg)
{
	struct race *race = arg;
	int i;

	for (i = 0; i < POSTS; i++) {
		while (device_post(race->port, i + 1) == -ENOBUFS)
			sched_yield();
		/* The word has to be empty now and then. */
		if (i % 16 == 0)
			sched_yield();
	}
	return NULL;
}

/* Asks the kernel only if the word does not say that there is nothing. */
static void *take_all(void *arg)
{
	struct race *race = arg;
	__u64 keys[8];
	int i, n;

	while (!load(&race->stop)) {
		if (load(race->word) == EMPTY) {
			sched_yield();
			continue;
		}
		n = device_harvest(race->port, 0, keys, 8);
		for (i = 0; i < n; i++)
			__atomic_add_fetch(&race->taken, keys[i] <= POSTS, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Ends it, again and again, and lets it begin anew. */
static void *close_all_the_time(void *arg)
{
	struct race *race = arg;

	while (!load(&race->stop)) {
		fd_close(fd_dup(race->port));
		set_mirror(race->port, race->port, race->word, EMPTY);
	}
	return NULL;
}

static void *rearm_all_the_time(void *arg)
{
	struct race *race = arg;
	char c;

	while (!load(&race->stop)) {
		device_apply(race->port, race->fd[0], POSTS + 1, IN, SOCKIOCP_OP_ENABLE,
			     LEVEL | ONESHOT);
		sock_send(race->fd[1], "x", 1);
		sched_yield();
		sock_recv(race->fd[0], &c, 1);
	}
	return NULL;
}

static void race_of(struct __test_metadata *_metadata, struct race *race,
		    void *(*disturb)(void *))
{
	pthread_t posts, takes[2], disturbs;
	int64_t end;
	int i;

	ASSERT_EQ(0, pthread_create(&posts, NULL, post_all, race));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&takes[i], NULL, take_all, race));
	ASSERT_EQ(0, pthread_create(&disturbs, NULL, disturb, race));
	ASSERT_EQ(0, pthread_join(posts, NULL));
	end = now_ms() + COMES;
	while (load(&race->taken) < POSTS && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(POSTS, load(&race->taken));
	__atomic_store_n(&race->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		pthread_join(takes[i], NULL);
	pthread_join(disturbs, NULL);
}

TEST_F(mirror, hides_no_packet_from_who_only_looks_at_it)
{
	struct race race = {
		.port = self->port, .word = self->word,
		.fd = { self->fd[0], self->fd[1] },
	};

	race_of(_metadata, &race, rearm_all_the_time);
}

TEST_F(mirror, hides_no_packet_while_it_ends_and_begins)
{
	struct race race = { .port = self->port, .word = self->word };

	race_of(_metadata, &race, close_all_the_time);
}

/*
 * A number that is closed and comes to be another port's, while threads ask for the mirror
 * of that number: who gets one, and sees it go on, has the port that he meant, unless a close()
 * has begun.
 */
struct reuse {
	/* The number, and two words, of which each port has its own. */
	int number;
	__u64 *words;
	int stop;
	unsigned int wrong, right;
};

static void *ask_by_number(void *arg)
{
	struct reuse *reuse = arg;
	struct sockiocp_mirror mirror;
	struct sockiocp_packet_entry got;
	__u32 received;

	while (!load(&reuse->stop)) {
		mirror = (struct sockiocp_mirror) {
			.word = (uintptr_t)&reuse->words[8],
			.empty = EMPTY,
			.handle = reuse->number,
		};
		if (device_call(reuse->number, SOCKIOCP_SET_MIRROR, &mirror) ||
		    load((__u64 *)(uintptr_t)mirror.word) != mirror.empty)
			continue;
		/* It says that nothing is there: whose is the number? */
		struct sockiocp_process p = device_process(reuse->number, NULL, 0, &got, 1,
							   &received, 0);
		int ret = device_call(reuse->number, SOCKIOCP_PROCESS, &p);

		/* Then a close() of the number has begun, and comes to its end. */
		int64_t end = now_ms() + COMES;

		while (ret == 0 && received && now_ms() < end &&
		       load((__u64 *)(uintptr_t)mirror.word) == mirror.empty)
			sched_yield();
		if (ret == 0 && received &&
		    load((__u64 *)(uintptr_t)mirror.word) == mirror.empty)
			reuse->wrong++;
		else
			reuse->right++;
	}
	return NULL;
}

TEST(mirror_is_of_the_port_that_has_the_number)
{
	struct reuse reuse = { .words = shared_memory(PAGE) };
	int full = port_with_mirrors(), idle = device_open(), i;
	__u64 tag = 1000;
	pthread_t thread;

	NEED_MIRRORS(full);
	ASSERT_NE(NULL, reuse.words);
	ASSERT_EQ(0, device_post(full, KEY));
	reuse.number = fd_dup_to(idle, 200);
	ASSERT_EQ(200, reuse.number);
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_by_number, &reuse));
	for (i = 0; i < 3000; i++) {
		/* One that is empty, with a word that says so; then one that is not. */
		ASSERT_EQ(200, fd_dup_to(idle, 200));
		tag += 4;
		set_mirror(idle, idle, &reuse.words[0], tag);
		look(idle);
		ASSERT_EQ(200, fd_dup_to(full, 200));
		if (device_post(full, KEY))
			look(full);
	}
	__atomic_store_n(&reuse.stop, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, reuse.wrong);
	fd_close(200);
	fd_close(full);
	fd_close(idle);
}

TEST_HARNESS_MAIN
