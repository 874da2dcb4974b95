// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The memory that a call is given: wherever in an array it ends, and in whichever way, the
 * call changes nothing; what is taken away while the call waits costs no packet; and
 * looking at good memory changes nothing there.
 *
 * Uses no library.  Each access in turn: faults.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/sock.h"

#define KEY		0x1122334455667788ULL
#define MS		1000000ULL

#define LEVEL		SOCKIOCP_TRIGGER_LEVEL
#define LEVEL_ONESHOT	(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)

/* Memory that was good when the call began, and is taken away as it waits. */
FIXTURE(vanishing) {
	int port;
	int fd[2];
	char *page[2];
	struct blocked b;
};

FIXTURE_VARIANT(vanishing) {
	/* Which of the two outputs vanishes: the packets, or their number. */
	int which;
};

FIXTURE_VARIANT_ADD(vanishing, packets) { .which = 0, };
FIXTURE_VARIANT_ADD(vanishing, number) { .which = 1, };

FIXTURE_SETUP(vanishing)
{
	int i;

	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
	for (i = 0; i < 2; i++) {
		self->page[i] = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, self->page[i]);
	}
	self->b.port = self->port;
	self->b.p = device_process(self->port, NULL, 0, self->page[0], 4, self->page[1],
				   SOCKIOCP_INFINITE);
}

FIXTURE_TEARDOWN(vanishing)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
}

#define VANISH()							\
	do {								\
		ASSERT_TRUE(blocked_start(&self->b));			\
		ASSERT_EQ(0, mprotect(self->page[variant->which],	\
				      getpagesize(), PROT_NONE));	\
	} while (0)

#define EXPECT_LATE_EFAULT()						\
	do {								\
		ASSERT_EQ(0, pthread_join(self->b.thread, NULL));	\
		EXPECT_EQ(-EFAULT, self->b.ret);			\
	} while (0)

#define EXPECT_ONLY(key_expected)					\
	do {								\
		__u64 key_[4];						\
		EXPECT_EQ(1, device_harvest(self->port, 0, key_, 4));	\
		EXPECT_EQ(key_expected, key_[0]);			\
		EXPECT_EQ(-ETIME, device_harvest(self->port, 50 * MS, key_, 4)); \
	} while (0)

TEST_F(vanishing, posted_packet_is_not_lost)
{
	VANISH();
	ASSERT_EQ(0, device_post(self->port, KEY));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
}

TEST_F(vanishing, level_oneshot_is_not_lost)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, LEVEL_ONESHOT));
	VANISH();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
}

TEST_F(vanishing, edge_is_not_lost)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_EDGE));
	VANISH();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
}

TEST_F(vanishing, edge_of_the_end_of_a_stream_is_not_lost)
{
	int tcp[2];

	ASSERT_EQ(0, tcp_pair(FAM_INET, tcp, 0));
	ASSERT_EQ(0, device_apply(self->port, tcp[0], KEY, SOCKIOCP_REGISTER_ALL,
				  SOCKIOCP_OP_ENABLE, SOCKIOCP_TRIGGER_EDGE));
	VANISH();
	ASSERT_EQ(0, sock_shutdown(tcp[1], 'w'));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
	fd_close(tcp[0]);
	fd_close(tcp[1]);
}

TEST_F(vanishing, remove_packet_is_not_lost)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, LEVEL));
	VANISH();
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0, 0, SOCKIOCP_OP_REMOVE, 0));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
}

/*
 * Arrays that lie across the border between memory that is good and memory that
 * is not, in every way memory can be bad.
 */
FIXTURE(border) {
	int port;
	int fd[2];
	/* Two pages, a page that is bad, and a page that is good again. */
	char *area;
	/* Where the bad page begins, and where it ends. */
	char *bad;
	char *end;
};

enum badness {
	NO_ACCESS,
	UNMAPPED,
	READ_ONLY,
	BEYOND_FILE,
};

FIXTURE_VARIANT(border) {
	enum badness badness;
};

FIXTURE_VARIANT_ADD(border, no_access) { .badness = NO_ACCESS, };
FIXTURE_VARIANT_ADD(border, unmapped) { .badness = UNMAPPED, };
FIXTURE_VARIANT_ADD(border, read_only) { .badness = READ_ONLY, };
FIXTURE_VARIANT_ADD(border, beyond_file) { .badness = BEYOND_FILE, };

static int spoil(char *page, size_t size, enum badness badness)
{
	int fd;

	switch (badness) {
	case NO_ACCESS:
		return mprotect(page, size, PROT_NONE);
	case UNMAPPED:
		return munmap(page, size);
	case READ_ONLY:
		return mprotect(page, size, PROT_READ);
	case BEYOND_FILE:
		/* A file of no length: every access is a bus error. */
		fd = memfd_create("empty", 0);
		if (fd < 0)
			return -1;
		page = mmap(page, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, fd, 0);
		close(fd);
		return page == MAP_FAILED;
	}
	return -1;
}

/* One packet is queued, and has to be there at the end. */
FIXTURE_SETUP(border)
{
	size_t size = getpagesize();

	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
	ASSERT_EQ(0, device_post(self->port, KEY));
	self->area = mmap(NULL, 4 * size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->area);
	memset(self->area, 0xcc, 4 * size);
	self->bad = self->area + 2 * size;
	self->end = self->bad + size;
	ASSERT_EQ(0, spoil(self->bad, size, variant->badness));
}

FIXTURE_TEARDOWN(border)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
}

#define EXPECT_STILL_QUEUED()						\
	do {								\
		__u64 key_[8] = { 0 };					\
		EXPECT_EQ(SOCKIOCP_RESULT_NOT_FOUND,			\
			  device_apply(self->port, self->fd[0], 0, 0,	\
				       SOCKIOCP_OP_REMOVE, 0));		\
		EXPECT_EQ(1, device_harvest(self->port, 0, key_, 8));	\
		EXPECT_EQ(KEY, key_[0]);				\
		EXPECT_EQ(-ETIME, device_harvest(self->port, 0, key_, 8)); \
	} while (0)

static int poisoned(const char *from, const char *to)
{
	while (from < to)
		if (*from++ != (char)0xcc)
			return 0;
	return 1;
}

/* spec 14.30 */
TEST_F(border, tail_of_the_registrations)
{
	struct sockiocp_registration_entry *reg, first;
	struct sockiocp_process p;
	size_t room;

	/* The second entry is out entirely, or but for its first bytes. */
	for (room = sizeof(*reg); room < 2 * sizeof(*reg); room += 4) {
		reg = (void *)(self->bad - room);
		first = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT,
				     SOCKIOCP_OP_ENABLE, LEVEL);
		memcpy(reg, &first, sizeof(first));
		p = device_process(self->port, reg, 2, NULL, 0, NULL, 0);
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p)) {
			TH_LOG("%zu bytes are good", room);
		}
		EXPECT_EQ(0, memcmp(reg, &first, sizeof(first)));
	}
	EXPECT_STILL_QUEUED();
}

/* spec 14.30 */
TEST_F(border, tail_of_the_packets)
{
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry *got;
	__u32 received = POISON32;
	struct sockiocp_process p;
	size_t room;

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	for (room = sizeof(*got); room < 2 * sizeof(*got); room += 4) {
		got = (void *)(self->bad - room);
		p = device_process(self->port, &reg, 1, got, 2, &received, 0);
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p)) {
			TH_LOG("%zu bytes are good", room);
		}
		EXPECT_TRUE(poisoned((char *)got, self->bad));
		EXPECT_EQ(POISON32, reg.registration_result);
		EXPECT_EQ(POISON32, received);
	}
	EXPECT_STILL_QUEUED();
}

/* spec 14.30 */
TEST_F(border, tail_of_the_number)
{
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry got;
	struct sockiocp_process p;
	size_t room;

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	memset(&got, 0xcc, sizeof(got));
	for (room = 0; room < sizeof(__u32); room++) {
		p = device_process(self->port, &reg, 1, &got, 1, self->bad - room, 0);
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p)) {
			TH_LOG("%zu bytes are good", room);
		}
		EXPECT_TRUE(poisoned(self->bad - room, self->bad));
		EXPECT_TRUE(poisoned((char *)&got, (char *)(&got + 1)));
		EXPECT_EQ(POISON32, reg.registration_result);
	}
	EXPECT_STILL_QUEUED();
}

/* spec 14.30 */
TEST_F(border, hole_in_the_registrations)
{
	struct sockiocp_registration_entry *reg = (void *)self->area;
	size_t i, count = (self->end - self->area) / sizeof(*reg) + 1;
	size_t good = (self->bad - self->area) / sizeof(*reg);
	struct sockiocp_process p;

	for (i = 0; i < good; i++)
		reg[i] = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT,
				      SOCKIOCP_OP_ENABLE, LEVEL);
	p = device_process(self->port, reg, count, NULL, 0, NULL, 0);
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
	for (i = 0; i < good; i++)
		EXPECT_EQ(POISON32, reg[i].registration_result);
	EXPECT_STILL_QUEUED();
}

/* Where more packets would go than are handled at a time nobody looks before they come. */
TEST_F(border, hole_far_behind_in_the_packets)
{
	struct sockiocp_packet_entry *got = (void *)(self->bad - 64 * sizeof(*got));
	__u32 received = POISON32;
	struct sockiocp_process p;
	__u64 key[8] = { 0 };
	int i;

	p = device_process(self->port, NULL, 0, got, 128, &received, 0);
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, received);
	EXPECT_EQ(KEY, got->completion_key);

	/* As many chunks as there is memory for; what follows stays queued. */
	for (i = 0; i < 66; i++)
		ASSERT_EQ(0, device_post(self->port, i));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(64, received);
	EXPECT_EQ(63, got[63].completion_key);
	EXPECT_EQ(2, device_harvest(self->port, 0, key, 8));
	EXPECT_EQ(64, key[0]);
	EXPECT_EQ(65, key[1]);
}

TEST_F(border, arrays_that_end_where_the_good_memory_ends_are_good)
{
	struct sockiocp_registration_entry first, *reg = (void *)self->bad;
	struct sockiocp_packet_entry *got = (void *)self->bad;
	__u32 received = POISON32;
	struct sockiocp_process p;

	first = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			     LEVEL_ONESHOT);
	memcpy(--reg, &first, sizeof(first));
	p = device_process(self->port, reg, 1, NULL, 0, NULL, 0);
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(0, reg->registration_result);

	got -= 2;
	p = device_process(self->port, NULL, 0, got, 2, &received, 0);
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(2, received);
	EXPECT_EQ(KEY, got[1].completion_key);
	EXPECT_EQ(SOCKIOCP_EVENT_OUT, got[1].bytes_transferred);

	ASSERT_EQ(0, device_post(self->port, 1));
	p = device_process(self->port, NULL, 0, &first, 1, self->bad - sizeof(__u32), 0);
	p.entries = (uintptr_t)self->area;
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
}

TEST_F(border, arguments_themselves)
{
	struct sockiocp_registration_entry reg;
	struct sockiocp_process p;
	size_t room;

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	p = device_process(self->port, &reg, 1, NULL, 0, NULL, 0);
	for (room = 0; room < sizeof(p); room += 8) {
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_INFO,
					       self->bad - room));
		/* These are read, and read-only memory can be read. */
		if (variant->badness == READ_ONLY)
			continue;
		memcpy(self->bad - room, &p, room);
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS,
					       self->bad - room));
	}
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_STILL_QUEUED();
}

FIXTURE(good_memory) {
	int port;
};

FIXTURE_SETUP(good_memory)
{
	self->port = device_open();
	ASSERT_LE(0, self->port);
}

FIXTURE_TEARDOWN(good_memory)
{
	fd_close(self->port);
}

static int resident_pages(void *memory, int pages)
{
	unsigned char there[256];
	int i, n = 0;

	if (pages > 256 || mincore(memory, pages * getpagesize(), there))
		return -1;
	for (i = 0; i < pages; i++)
		n += there[i] & 1;
	return n;
}

TEST_F(good_memory, room_for_packets_takes_no_memory_before_they_come)
{
	size_t size = 256 * getpagesize();
	__u32 received = POISON32;
	struct sockiocp_process p;
	void *got;

	got = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, got);
	ASSERT_EQ(0, madvise(got, size, MADV_NOHUGEPAGE) && errno != EINVAL);
	p = device_process(self->port, NULL, 0, got, size / sizeof(struct sockiocp_packet_entry),
			   &received, 0);
	EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, resident_pages(got, 256));
	ASSERT_EQ(0, device_post(self->port, KEY));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, resident_pages(got, 256));
	ASSERT_EQ(0, munmap(got, size));
}

/* Another thread, which stores where a call looks whether it could. */
struct storing {
	unsigned char *byte[2];
	int round;
	int done;
};

static void *store(void *arg)
{
	struct storing *s = arg;
	int round, i;

	for (round = 1; ; round++) {
		while (__atomic_load_n(&s->round, __ATOMIC_ACQUIRE) < round)
			;
		if (__atomic_load_n(&s->round, __ATOMIC_ACQUIRE) == INT_MAX)
			return NULL;
		for (i = 0; i < 2; i++)
			__atomic_store_n(s->byte[i], 1, __ATOMIC_RELAXED);
		__atomic_store_n(&s->done, round, __ATOMIC_RELEASE);
	}
}

/* Each time the memory is new, so that a look at it takes long. */
TEST_F(good_memory, looking_at_memory_undoes_no_store)
{
	size_t page = getpagesize();
	struct storing s = { .round = 0 };
	struct sockiocp_process p;
	pthread_t thread;
	int round, lost = 0;
	unsigned char *area;

	area = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	p = device_process(self->port, NULL, 0, area + 2 * page - 512, 32, area, 0);
	s.byte[0] = area + 2 * page - 512;
	s.byte[1] = area + 2 * page + 511;
	ASSERT_EQ(0, pthread_create(&thread, NULL, store, &s));
	for (round = 1; round <= 1000; round++) {
		ASSERT_EQ(0, madvise(area, 3 * page, MADV_DONTNEED));
		__atomic_store_n(&s.round, round, __ATOMIC_RELEASE);
		EXPECT_EQ(-ETIME, device_call(self->port, SOCKIOCP_PROCESS, &p));
		while (__atomic_load_n(&s.done, __ATOMIC_ACQUIRE) < round)
			sched_yield();
		lost += !*s.byte[0] + !*s.byte[1];
	}
	__atomic_store_n(&s.round, INT_MAX, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, lost);
	ASSERT_EQ(0, munmap(area, 3 * page));
}

TEST_HARNESS_MAIN
