// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/sockiocp as <linux/sockiocp.h> promises them: sizes, flags,
 * errors, and that a call with a bad argument changes nothing, whichever
 * argument it is and wherever in an array the memory ends.
 *
 * Uses no library.  The same from a 32-bit program: compat32.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/sock.h"

#define KEY		0x1122334455667788ULL
#define POISON		0xcccccccccccccccc
#define POISON32	0xccccccccU
#define MS		1000000ULL

#define LEVEL		SOCKIOCP_TRIGGER_LEVEL
#define LEVEL_ONESHOT	(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)

static int device_open(void)
{
	return open("/dev/sockiocp", O_RDWR | O_CLOEXEC);
}

/* An ioctl's result as a negative errno. */
static int call(int port, unsigned long cmd, const void *arg)
{
	return ioctl(port, cmd, arg) < 0 ? -errno : 0;
}

static struct sockiocp_registration_entry entry(int fd, __u64 key, __u16 filter,
						__u8 op, __u8 trigger)
{
	return (struct sockiocp_registration_entry) {
		.socket = fd,
		.completion_key = key,
		.event_filter = filter,
		.operation = op,
		.trigger_flags = trigger,
		.registration_result = POISON32,
	};
}

static struct sockiocp_process process(int port, const void *reg, __u32 reg_count,
				       const void *got, __u32 got_count,
				       const void *received, __u64 timeout_ns)
{
	return (struct sockiocp_process) {
		.registrations = (uintptr_t)reg,
		.registration_count = reg_count,
		.entries = (uintptr_t)got,
		.entry_count = got_count,
		.received = (uintptr_t)received,
		.timeout_ns = timeout_ns,
		.handle = port,
	};
}

/*
 * The call, and again if it asks for that: it does when its thread had to go back to
 * user space, for which the kernel has reasons of its own at any time.
 */
static int call_and_wait(int port, struct sockiocp_process *p)
{
	const __u32 *received = (void *)(uintptr_t)p->received;
	int ret;

	do
		ret = call(port, SOCKIOCP_PROCESS, p);
	while (!ret && !*received);
	return ret;
}

/* One registration; its result, or the negative errno of the call. */
static int apply(int port, int fd, __u64 key, __u16 filter, __u8 op, __u8 trigger)
{
	struct sockiocp_registration_entry reg = entry(fd, key, filter, op, trigger);
	struct sockiocp_process p = process(port, &reg, 1, NULL, 0, NULL, 0);
	int ret = call(port, SOCKIOCP_PROCESS, &p);

	return ret ? ret : (int)reg.registration_result;
}

static int post(int port, __u64 key)
{
	struct sockiocp_post packet = { .completion_key = key };

	return call(port, SOCKIOCP_POST, &packet);
}

/* The keys of all packets of one harvest; negative errno. */
static int harvest(int port, __u64 timeout_ns, __u64 *key, int max)
{
	struct sockiocp_packet_entry got[8];
	__u32 received = POISON32;
	struct sockiocp_process p;
	int ret, i;

	p = process(port, NULL, 0, got, max, &received, timeout_ns);
	ret = call_and_wait(port, &p);
	if (ret)
		return ret;
	for (i = 0; i < (int)received; i++)
		key[i] = got[i].completion_key;
	return received;
}

FIXTURE(abi) {
	int port;
	int fd[2];
};

FIXTURE_SETUP(abi)
{
	self->port = device_open();
	ASSERT_LE(0, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
}

FIXTURE_TEARDOWN(abi)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	fd_close(self->port);
}

/* Whether the fixture's first socket is unregistered, and the queue is empty. */
#define EXPECT_UNCHANGED()						\
	do {								\
		__u64 key_;						\
		EXPECT_EQ(SOCKIOCP_RESULT_NOT_FOUND,			\
			  apply(self->port, self->fd[0], 0, 0,		\
				SOCKIOCP_OP_REMOVE, 0));		\
		EXPECT_EQ(-ETIME, harvest(self->port, 0, &key_, 1));	\
	} while (0)

TEST_F(abi, device_is_for_everybody)
{
	struct stat st;

	ASSERT_EQ(0, stat("/dev/sockiocp", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0666, st.st_mode & 0777);
}

TEST_F(abi, info_tells_version_limits_and_use)
{
	struct sockiocp_info info;

	memset(&info, 0xcc, sizeof(info));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(SOCKIOCP_ABI_VERSION, info.abi_version);
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);
	EXPECT_EQ(SOCKIOCP_FEATURE_DEADLINE, info.features);
	EXPECT_LE(100000, info.max_batch);
	EXPECT_EQ(0, info.reserved);
	EXPECT_EQ(param_get("max_user_registrations"),
		  (long long)info.max_user_registrations);
	EXPECT_EQ(param_get("max_user_packets"), (long long)info.max_user_packets);
	EXPECT_LT(0, info.max_user_registrations);
	EXPECT_LT(0, info.max_user_packets);
}

/* The module's, in its own words and in sysfs, is that of the header. */
TEST_F(abi, info_and_sysfs_tell_the_version)
{
	FILE *file = fopen("/sys/module/sockiocp/version", "re");
	struct sockiocp_info info;
	char said[64] = "";

	memset(&info, 0xcc, sizeof(info));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(0, info.version[sizeof(info.version) - 1]);
	EXPECT_STREQ(SOCKIOCP_VERSION, info.version);

	ASSERT_NE(NULL, file);
	EXPECT_EQ(1, fscanf(file, "%63s", said));
	fclose(file);
	EXPECT_STREQ(SOCKIOCP_VERSION, said);
}

TEST_F(abi, info_counts_what_the_user_holds)
{
	struct sockiocp_info before, after;
	__u64 key[8];

	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &before));
	ASSERT_EQ(0, apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			   SOCKIOCP_OP_ENABLE, LEVEL));
	ASSERT_EQ(0, post(self->port, 1));
	ASSERT_EQ(0, post(self->port, 2));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &after));
	EXPECT_EQ(before.user_registrations + 1, after.user_registrations);
	EXPECT_EQ(before.user_packets + 2, after.user_packets);

	ASSERT_EQ(2, harvest(self->port, 0, key, 8));
	ASSERT_EQ(0, apply(self->port, self->fd[0], 0, 0, SOCKIOCP_OP_REMOVE, 0));
	ASSERT_EQ(1, harvest(self->port, 0, key, 8));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &after));
	EXPECT_EQ(before.user_registrations, after.user_registrations);
	EXPECT_EQ(before.user_packets, after.user_packets);
}

TEST_F(abi, info_fills_what_a_newer_caller_knows_more_with_0)
{
	struct {
		struct sockiocp_info info;
		__u64 newer[2];
		__u64 behind;
	} big;

	memset(&big, 0xcc, sizeof(big));
	ASSERT_EQ(0, call(self->port,
			  _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 0,
			       sizeof(big) - sizeof(big.behind)), &big));
	EXPECT_EQ(SOCKIOCP_ABI_VERSION, big.info.abi_version);
	EXPECT_EQ(0, big.newer[0]);
	EXPECT_EQ(0, big.newer[1]);
	EXPECT_EQ(POISON, big.behind);
}

TEST_F(abi, info_gives_an_older_caller_what_it_knows)
{
	__u32 version[2] = { POISON32, POISON32 };

	ASSERT_EQ(0, call(self->port, _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 0, 4),
			  version));
	EXPECT_EQ(SOCKIOCP_ABI_VERSION, version[0]);
	EXPECT_EQ(POISON32, version[1]);
}

TEST_F(abi, configure_stores_the_concurrency)
{
	struct sockiocp_config config = { .concurrency = 7 };
	struct sockiocp_info info;

	ASSERT_EQ(0, call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(7, info.concurrency);
	config.concurrency = 0;
	ASSERT_EQ(0, call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);

	config.concurrency = 7;
	config.flags = 1;
	EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);
}

/* The structure's size is in the command. */
#define SIZED(cmd, size)	_IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size)

TEST_F(abi, larger_structure_is_accepted_if_the_rest_is_0)
{
	struct {
		struct sockiocp_config known;
		__u64 rest;
	} config = { .known.concurrency = 5 };
	struct {
		struct sockiocp_post known;
		__u64 rest[100];
	} packet = { .known.completion_key = KEY };
	struct {
		struct sockiocp_process known;
		__u64 rest;
	} p = { .known.handle = self->port };
	struct sockiocp_info info;
	__u64 key;

	EXPECT_EQ(0, call(self->port, SIZED(SOCKIOCP_CONFIGURE, sizeof(config)),
			  &config));
	EXPECT_EQ(0, call(self->port, SIZED(SOCKIOCP_POST, sizeof(packet)),
			  &packet));
	EXPECT_EQ(0, call(self->port, SIZED(SOCKIOCP_PROCESS, sizeof(p)), &p));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(5, info.concurrency);
	ASSERT_EQ(1, harvest(self->port, 0, &key, 1));
	EXPECT_EQ(KEY, key);
}

TEST_F(abi, larger_structure_is_refused_if_the_rest_is_not_0)
{
	struct {
		struct sockiocp_config known;
		__u64 rest;
	} config = { .known.concurrency = 5, .rest = 1ULL << 63 };
	struct {
		struct sockiocp_post known;
		__u64 rest[100];
	} packet = { .known.completion_key = KEY, .rest[99] = 1 };
	struct sockiocp_registration_entry reg;
	struct {
		struct sockiocp_process known;
		__u8 rest;
	} __attribute__((packed)) p = { .rest = 1 };
	struct sockiocp_info info;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	p.known = process(self->port, &reg, 1, NULL, 0, NULL, 0);
	EXPECT_EQ(-E2BIG, call(self->port,
			       SIZED(SOCKIOCP_CONFIGURE, sizeof(config)), &config));
	EXPECT_EQ(-E2BIG, call(self->port,
			       SIZED(SOCKIOCP_POST, sizeof(packet)), &packet));
	EXPECT_EQ(-E2BIG, call(self->port,
			       SIZED(SOCKIOCP_PROCESS, sizeof(p)), &p));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_UNCHANGED();
}

TEST_F(abi, shorter_structure_is_refused)
{
	const struct sockiocp_config config = { .concurrency = 5 };
	const struct sockiocp_post packet = { .completion_key = KEY };
	const struct sockiocp_process p = { .handle = self->port };

	EXPECT_EQ(-EINVAL, call(self->port, SIZED(SOCKIOCP_CONFIGURE, 4), &config));
	EXPECT_EQ(-EINVAL, call(self->port, SIZED(SOCKIOCP_CONFIGURE, 0), &config));
	EXPECT_EQ(-EINVAL, call(self->port, SIZED(SOCKIOCP_POST, 31), &packet));
	EXPECT_EQ(-EINVAL, call(self->port, SIZED(SOCKIOCP_POST, 0), &packet));
	EXPECT_EQ(-EINVAL, call(self->port, SIZED(SOCKIOCP_PROCESS, 47), &p));
	EXPECT_EQ(-EINVAL, call(self->port, SIZED(SOCKIOCP_PROCESS, 0), &p));
	EXPECT_UNCHANGED();
}

TEST_F(abi, unknown_flags_are_refused)
{
	struct sockiocp_post packet = { .completion_key = KEY };
	struct sockiocp_registration_entry reg;
	struct sockiocp_process p;
	int bit;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	p = process(self->port, &reg, 1, NULL, 0, NULL, 0);
	for (bit = 0; bit < 32; bit++) {
		p.flags = 1U << bit;
		packet.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_POST, &packet));
	}
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_UNCHANGED();
}

TEST_F(abi, unknown_command_is_enotty)
{
	char space[256] = { 0 };
	int nr;

	for (nr = 5; nr < 256; nr += 25)
		EXPECT_EQ(-ENOTTY, call(self->port,
					_IOC(_IOC_READ | _IOC_WRITE,
					     SOCKIOCP_IOC_MAGIC, nr, 48), space));
	/* A known number of somebody else. */
	EXPECT_EQ(-ENOTTY, call(self->port, _IOWR('N', 2, struct sockiocp_process),
				space));
	/* A known number with another direction. */
	EXPECT_EQ(-ENOTTY, call(self->port, _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 2,
						 48), space));
	EXPECT_EQ(-ENOTTY, call(self->port, 0, space));
	EXPECT_EQ(-ENOTTY, call(self->port, ~0U, space));
	EXPECT_EQ(-ENOTTY, call(self->fd[0], SOCKIOCP_CLOSE, NULL));
	EXPECT_UNCHANGED();
}

TEST_F(abi, combinations_of_null_and_count_are_checked)
{
	struct sockiocp_packet_entry got;
	struct sockiocp_registration_entry reg;
	__u32 received = POISON32;
	struct sockiocp_process p;
	const struct {
		int regs, reg_count, got, got_count, received;
		__u64 timeout_ns;
		int ret;
	} combination[] = {
		{ 0, 0, 0, 0, 0, 0, 0 },
		{ 1, 0, 0, 0, 0, 0, -EINVAL },
		{ 0, 1, 0, 0, 0, 0, -EINVAL },
		{ 0, 0, 1, 0, 0, 0, -EINVAL },
		{ 0, 0, 0, 0, 1, 0, -EINVAL },
		{ 0, 0, 0, 0, 0, 1, -EINVAL },
		{ 0, 0, 0, 0, 0, SOCKIOCP_INFINITE, -EINVAL },
		{ 0, 0, 0, 1, 1, 0, -EFAULT },
		{ 0, 0, 1, 1, 0, 0, -EFAULT },
		{ 0, 0, 1, 1, 1, 0, -ETIME },
		{ 1, 1, 0, 1, 1, 0, -EFAULT },
		{ 1, 1, 1, 1, 0, 0, -EFAULT },
		{ 1, 1, 0, 0, 1, 0, -EINVAL },
		{ 1, 1, 1, 0, 0, 0, -EINVAL },
		{ 1, 1, 0, 0, 0, 1, -EINVAL },
		{ 1, 0, 1, 1, 1, 0, -EINVAL },
		{ 0, 1, 1, 1, 1, 0, -EINVAL },
	};
	size_t i;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	memset(&got, 0xcc, sizeof(got));
	for (i = 0; i < ARRAY_SIZE(combination); i++) {
		p = process(self->port, combination[i].regs ? &reg : NULL,
			    combination[i].reg_count,
			    combination[i].got ? &got : NULL,
			    combination[i].got_count,
			    combination[i].received ? &received : NULL,
			    combination[i].timeout_ns);
		EXPECT_EQ(combination[i].ret,
			  call(self->port, SOCKIOCP_PROCESS, &p)) {
			TH_LOG("combination %zu", i);
		}
		if (combination[i].ret == -ETIME) {
			EXPECT_EQ(0, received);
			received = POISON32;
		}
		EXPECT_EQ(POISON32, received);
		EXPECT_EQ(POISON, got.completion_key);
		EXPECT_EQ(POISON32, reg.registration_result);
		EXPECT_UNCHANGED();
	}
}

TEST_F(abi, count_over_the_limit_is_refused)
{
	static struct sockiocp_registration_entry reg;
	static struct sockiocp_packet_entry got;
	const __u32 count[] = { 0xffffffff, 0x80000000, 0x7fffffff };
	struct sockiocp_process p;
	struct sockiocp_info info;
	__u32 received = POISON32;
	size_t i;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	memset(&got, 0xcc, sizeof(got));
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	for (i = 0; i <= ARRAY_SIZE(count); i++) {
		__u32 n = i < ARRAY_SIZE(count) ? count[i] : info.max_batch + 1;

		p = process(self->port, &reg, n, NULL, 0, NULL, 0);
		EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_PROCESS, &p));
		p = process(self->port, &reg, 1, &got, n, &received, 0);
		EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(POISON32, reg.registration_result);
		EXPECT_EQ(POISON, got.completion_key);
		EXPECT_EQ(POISON32, received);
		EXPECT_UNCHANGED();
	}
}

/* The most that is allowed is far more than the memory that is there. */
TEST_F(abi, largest_count_without_the_memory_is_efault)
{
	struct sockiocp_registration_entry *reg;
	struct sockiocp_process p;
	struct sockiocp_info info;

	reg = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, reg);
	ASSERT_EQ(0, munmap((char *)reg + getpagesize(), getpagesize()));
	*reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		     LEVEL);
	ASSERT_EQ(0, call(self->port, SOCKIOCP_INFO, &info));
	p = process(self->port, reg, info.max_batch, NULL, 0, NULL, 0);
	EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(POISON32, reg->registration_result);
	EXPECT_UNCHANGED();
}

/* Memory is looked at some megabytes at a time. */
TEST_F(abi, end_of_a_very_large_array_is_looked_at_too)
{
	const size_t page = getpagesize(), size = 2500 * page;
	struct sockiocp_registration_entry *reg;
	struct sockiocp_process p;
	char *last;

	reg = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, reg);
	last = (char *)reg + size - page;
	*reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		     LEVEL);
	p = process(self->port, reg, size / sizeof(*reg), NULL, 0, NULL, 0);
	ASSERT_EQ(0, mprotect(last, page, PROT_NONE));
	EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(POISON32, reg->registration_result);
	EXPECT_UNCHANGED();

	ASSERT_EQ(0, mprotect(last, page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(0, reg->registration_result);
	ASSERT_EQ(0, munmap(reg, size));
}

TEST_F(abi, overlapping_arrays_are_refused)
{
	union {
		struct sockiocp_registration_entry reg[4];
		struct sockiocp_packet_entry got[4];
		char bytes[256];
	} area;
	struct sockiocp_registration_entry reg;
	__u32 received = POISON32;
	struct sockiocp_process p;
	int at;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	/* Two registrations, 48 bytes, against one packet of 32. */
	for (at = 0; at < 48; at += 47) {
		memset(&area, 0xcc, sizeof(area));
		area.reg[0] = reg;
		area.reg[1] = reg;
		p = process(self->port, area.reg, 2, area.bytes + at, 1, &received,
			    0);
		EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(POISON32, area.reg[0].registration_result);
		EXPECT_EQ(POISON32, received);
	}
	for (at = 0; at < 32; at += 31) {
		memset(&area, 0xcc, sizeof(area));
		memcpy(area.bytes + at, &reg, sizeof(reg));
		p = process(self->port, area.bytes + at, 1, area.bytes, 1, &received,
			    0);
		EXPECT_EQ(-EINVAL, call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(POISON32, received);
	}
	EXPECT_UNCHANGED();

	/* Side by side is no overlap. */
	memset(&area, 0xcc, sizeof(area));
	area.reg[0] = reg;
	p = process(self->port, area.reg, 1, area.bytes + sizeof(reg), 1, &received,
		    0);
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, received);
	EXPECT_EQ(0, area.reg[0].registration_result);
}

TEST_F(abi, array_that_wraps_around_is_refused)
{
	const __u64 address[] = {
		~0ULL - 23, ~0ULL - 7, 0x7ffffffffff0ULL, 0xffff800000000000ULL,
		0x8000000000000000ULL, 1, 0xffffffff00000000ULL,
	};
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry got;
	__u32 received = POISON32;
	struct sockiocp_process p;
	size_t i;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	memset(&got, 0xcc, sizeof(got));
	for (i = 0; i < ARRAY_SIZE(address); i++) {
		p = process(self->port, NULL, 2, NULL, 0, NULL, 0);
		p.registrations = address[i];
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
		p = process(self->port, &reg, 1, NULL, 2, &received, 0);
		p.entries = address[i];
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
		p = process(self->port, &reg, 1, &got, 1, NULL, 0);
		p.received = address[i];
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS,
					(void *)(uintptr_t)address[i]));
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_POST,
					(void *)(uintptr_t)address[i]));
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_CONFIGURE,
					(void *)(uintptr_t)address[i]));
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_INFO,
					(void *)(uintptr_t)address[i]));
	}
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_EQ(POISON32, received);
	EXPECT_EQ(POISON, got.completion_key);
	EXPECT_UNCHANGED();
}

TEST_F(abi, arrays_need_no_alignment)
{
	char space[256];
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry got;
	struct sockiocp_process p;
	__u32 received;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL_ONESHOT);
	memcpy(space + 1, &reg, sizeof(reg));
	p = process(self->port, space + 1, 1, space + 65, 1, space + 131, 0);
	ASSERT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	memcpy(&reg, space + 1, sizeof(reg));
	memcpy(&got, space + 65, sizeof(got));
	memcpy(&received, space + 131, sizeof(received));
	EXPECT_EQ(0, reg.registration_result);
	EXPECT_EQ(1, received);
	EXPECT_EQ(KEY, got.completion_key);
	EXPECT_EQ(SOCKIOCP_EVENT_OUT, got.bytes_transferred);
}

TEST_F(abi, every_field_of_a_packet_is_written)
{
	struct sockiocp_post packet = {
		.completion_key = ~0ULL,
		.overlapped = 0x8000000000000001,
		.internal = 0xc000000012345678,
		.bytes_transferred = 0xfedcba98,
	};
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry got[3];
	struct sockiocp_process p;
	__u32 received = POISON32;

	ASSERT_EQ(0, call(self->port, SOCKIOCP_POST, &packet));
	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL_ONESHOT);
	memset(got, 0xcc, sizeof(got));
	p = process(self->port, &reg, 1, got, 3, &received, 0);
	ASSERT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(2, received);
	EXPECT_EQ(packet.completion_key, got[0].completion_key);
	EXPECT_EQ(packet.overlapped, got[0].overlapped);
	EXPECT_EQ(packet.internal, got[0].internal);
	EXPECT_EQ(packet.bytes_transferred, got[0].bytes_transferred);
	EXPECT_EQ(0, got[0].reserved);
	EXPECT_EQ(KEY, got[1].completion_key);
	EXPECT_EQ(0, got[1].overlapped);
	EXPECT_EQ(0, got[1].internal);
	EXPECT_EQ(SOCKIOCP_EVENT_OUT, got[1].bytes_transferred);
	EXPECT_EQ(0, got[1].reserved);
	EXPECT_EQ(POISON, got[2].completion_key);
	EXPECT_EQ(POISON32, got[2].reserved);
}

TEST_F(abi, time_out_is_not_early_and_leaves_the_arguments)
{
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry got;
	const __u64 ns[] = { 1, 999999, 20 * MS };
	__u32 received = POISON32;
	struct sockiocp_process p, before;
	int64_t start;
	size_t i;
	int ret;

	memset(&got, 0xcc, sizeof(got));
	for (i = 0; i < ARRAY_SIZE(ns); i++) {
		reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			    SOCKIOCP_OP_ENABLE, LEVEL);
		p = process(self->port, &reg, 1, &got, 1, &received, ns[i]);
		start = now_ns();
		do {
			before = p;
			ret = call(self->port, SOCKIOCP_PROCESS, &p);
		} while (!ret && !received);
		EXPECT_EQ(-ETIME, ret);
		EXPECT_LE((int64_t)ns[i], now_ns() - start);
		EXPECT_EQ(0, memcmp(&before, &p, sizeof(p)));
		EXPECT_EQ(0, reg.registration_result);
		EXPECT_EQ(0, received);
		EXPECT_EQ(POISON, got.completion_key);
	}
}

struct blocked {
	int port;
	/* SOCKIOCP_PROCESS, if it is 0. */
	unsigned long cmd;
	struct sockiocp_process p;
	int ret;
	int tid;
	pthread_t thread;
};

static void *block(void *arg)
{
	struct blocked *b = arg;

	__atomic_store_n(&b->tid, thread_id(), __ATOMIC_RELEASE);
	b->ret = b->cmd ? call(b->port, b->cmd, &b->p) : call_and_wait(b->port, &b->p);
	return NULL;
}

static int block_start(struct blocked *b)
{
	b->tid = 0;
	if (pthread_create(&b->thread, NULL, block, b))
		return 0;
	while (!__atomic_load_n(&b->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return task_blocked(0, b->tid, COMES);
}

TEST_F(abi, signal_gives_eintr_and_what_is_left_of_the_time)
{
	struct sockiocp_registration_entry reg;
	struct sockiocp_packet_entry got;
	struct blocked b = { .port = self->port };
	__u32 received;
	int restart;

	memset(&got, 0xcc, sizeof(got));
	for (restart = 0; restart < 2; restart++) {
		ASSERT_EQ(0, count_signals(restart));
		received = POISON32;
		reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			    SOCKIOCP_OP_ENABLE, LEVEL);
		b.p = process(self->port, &reg, 1, &got, 1, &received, 60000 * MS);
		ASSERT_TRUE(block_start(&b));
		sleep_ms(20);
		ASSERT_EQ(0, signal_task(b.tid));
		ASSERT_EQ(0, pthread_join(b.thread, NULL));
		EXPECT_EQ(-EINTR, b.ret);
		EXPECT_GE((60000 - 20) * MS, b.p.timeout_ns);
		EXPECT_LT(20000 * MS, b.p.timeout_ns);
		EXPECT_EQ(0, reg.registration_result);
		EXPECT_EQ(0, received);
		EXPECT_EQ(POISON, got.completion_key);
	}
}

TEST_F(abi, signal_leaves_an_infinite_time_infinite)
{
	struct sockiocp_packet_entry got;
	struct blocked b = { .port = self->port };
	__u32 received = POISON32;

	ASSERT_EQ(0, count_signals(1));
	b.p = process(self->port, NULL, 0, &got, 1, &received, SOCKIOCP_INFINITE);
	ASSERT_TRUE(block_start(&b));
	ASSERT_EQ(0, signal_task(b.tid));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(-EINTR, b.ret);
	EXPECT_EQ(SOCKIOCP_INFINITE, b.p.timeout_ns);
	EXPECT_EQ(0, received);
}

/* What a call that ends early says of its end holds however late it is made again. */
TEST_F(abi, call_that_ends_early_says_when_the_time_is_over)
{
	struct sockiocp_packet_entry got;
	struct blocked b = { .port = self->port };
	__u32 received = POISON32;
	int64_t start;

	ASSERT_EQ(0, count_signals(0));
	start = now_ns();
	b.p = process(self->port, NULL, 0, &got, 1, &received, A_WHILE * MS);
	ASSERT_TRUE(block_start(&b));
	ASSERT_EQ(0, signal_task(b.tid));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	ASSERT_EQ(-EINTR, b.ret);
	EXPECT_LE(start + A_WHILE * MS, b.p.deadline_ns);
	EXPECT_GE(now_ns() + A_WHILE * MS, b.p.deadline_ns);
	sleep_ms(A_WHILE);
	/* It is over, though some time was left. */
	EXPECT_LT(0, b.p.timeout_ns);
	start = now_ns();
	EXPECT_EQ(-ETIME, call_and_wait(self->port, &b.p));
	EXPECT_GT((int64_t)(A_WHILE * MS / 2), now_ns() - start);
}

TEST_F(abi, deadline_counts_in_place_of_the_time_out)
{
	struct sockiocp_packet_entry got;
	struct sockiocp_process p;
	__u32 received = POISON32;
	int64_t start = now_ns();

	p = process(self->port, NULL, 0, &got, 1, &received, 3600000 * MS);
	p.deadline_ns = 1;
	EXPECT_EQ(-ETIME, call_and_wait(self->port, &p));
	p.deadline_ns = start + 100 * MS;
	EXPECT_EQ(-ETIME, call_and_wait(self->port, &p));
	EXPECT_LE(start + (int64_t)(100 * MS), now_ns());

	/* Later than the time-out, and than any time. */
	p.timeout_ns = 1;
	p.deadline_ns = now_ns() + 50 * MS;
	start = p.deadline_ns;
	EXPECT_EQ(-ETIME, call_and_wait(self->port, &p));
	EXPECT_LE(start, now_ns());
	EXPECT_EQ(0, post(self->port, KEY));
	p.deadline_ns = ~0ULL;
	EXPECT_EQ(0, call_and_wait(self->port, &p));

	/* Not to wait is not to wait. */
	p.timeout_ns = 0;
	EXPECT_EQ(-ETIME, call_and_wait(self->port, &p));
}

/* A program that was built when there was no deadline. */
TEST_F(abi, first_structure_is_good_for_ever)
{
	const unsigned long cmd = _IOC(_IOC_READ | _IOC_WRITE, SOCKIOCP_IOC_MAGIC, 2, 48);
	struct blocked b = { .port = self->port };
	struct sockiocp_packet_entry got;
	struct sockiocp_process p;
	__u32 received = POISON32;
	int ret;

	ASSERT_EQ(48, offsetof(struct sockiocp_process, deadline_ns));
	ASSERT_EQ(0, count_signals(0));
	b.cmd = cmd;
	b.p = process(self->port, NULL, 0, &got, 1, &received, 60000 * MS);
	b.p.deadline_ns = POISON;
	ASSERT_TRUE(block_start(&b));
	ASSERT_EQ(0, signal_task(b.tid));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(-EINTR, b.ret);
	EXPECT_GE(60000 * MS, b.p.timeout_ns);
	EXPECT_LT(20000 * MS, b.p.timeout_ns);
	EXPECT_EQ(POISON, b.p.deadline_ns);

	/* What lies behind is not looked at. */
	p = b.p;
	p.timeout_ns = MS;
	p.deadline_ns = now_ns() + 3600000 * MS;
	do
		ret = call(self->port, cmd, &p);
	while (!ret && !received);
	EXPECT_EQ(-ETIME, ret);
}

/* The field only serves to find out quickly that a descriptor was closed. */
TEST_F(abi, wrong_handle_does_no_harm)
{
	struct sockiocp_packet_entry got;
	__u32 received = POISON32;
	struct sockiocp_process p;
	const __u32 handle[] = { 0xffffffff, 0, 0x7fffffff, self->fd[0] };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handle); i++) {
		p = process(self->port, NULL, 0, &got, 1, &received, 5 * MS);
		p.handle = handle[i];
		EXPECT_EQ(-ETIME, call_and_wait(self->port, &p));
		ASSERT_EQ(0, post(self->port, i));
		EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(1, received);
		EXPECT_EQ(i, got.completion_key);
	}
}

TEST_F(abi, close_releases_who_waits_and_refuses_who_comes)
{
	struct sockiocp_config config = { .concurrency = 1 };
	struct sockiocp_packet_entry got;
	struct sockiocp_info info;
	struct blocked b = { .port = self->port };
	struct pollfd pfd = { .fd = self->port, .events = POLLIN };
	__u32 received = POISON32;
	__u64 key;
	int other;

	ASSERT_EQ(0, apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			   SOCKIOCP_OP_ENABLE, LEVEL));
	b.p = process(self->port, NULL, 0, &got, 1, &received, SOCKIOCP_INFINITE);
	ASSERT_TRUE(block_start(&b));
	EXPECT_EQ(0, call(self->port, SOCKIOCP_CLOSE, NULL));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(-ESHUTDOWN, b.ret);

	EXPECT_EQ(-ESHUTDOWN, post(self->port, 1));
	EXPECT_EQ(-ESHUTDOWN, harvest(self->port, 0, &key, 1));
	EXPECT_EQ(-ESHUTDOWN, harvest(self->port, SOCKIOCP_INFINITE, &key, 1));
	EXPECT_EQ(-ESHUTDOWN, apply(self->port, self->fd[1], KEY,
				    SOCKIOCP_REGISTER_IN, SOCKIOCP_OP_ENABLE,
				    LEVEL));
	EXPECT_EQ(-ESHUTDOWN, call(self->port, SOCKIOCP_CONFIGURE, &config));
	EXPECT_EQ(-ESHUTDOWN, call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(0, call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_TRUE(pfd.revents & POLLHUP);

	/* Its sockets are free when the last descriptor is closed. */
	other = device_open();
	ASSERT_LE(0, other);
	fd_close(self->port);
	EXPECT_EQ(0, apply(other, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			   SOCKIOCP_OP_ENABLE, LEVEL));
	self->port = other;
}

TEST_F(abi, close_releases_who_waits_in_another_process)
{
	int ready[2], pid;
	__u64 key;
	char c;

	ASSERT_EQ(0, unix_pair(TYPE_STREAM, ready));
	pid = fork();
	if (!pid) {
		sock_send(ready[1], "x", 1);
		_exit(harvest(self->port, SOCKIOCP_INFINITE, &key, 1) !=
		      -ESHUTDOWN);
	}
	ASSERT_TRUE(sock_becomes(ready[0], SEE_IN, COMES));
	ASSERT_EQ(1, sock_recv(ready[0], &c, 1));
	ASSERT_TRUE(task_blocked(pid, pid, COMES));
	EXPECT_EQ(0, call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(0, child_status(pid, COMES));
	fd_close(ready[0]);
	fd_close(ready[1]);
}

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
	self->b.p = process(self->port, NULL, 0, self->page[0], 4, self->page[1],
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
		ASSERT_TRUE(block_start(&self->b));			\
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
		EXPECT_EQ(1, harvest(self->port, 0, key_, 4));		\
		EXPECT_EQ(key_expected, key_[0]);			\
		EXPECT_EQ(-ETIME, harvest(self->port, 50 * MS, key_, 4));\
	} while (0)

TEST_F(vanishing, posted_packet_is_not_lost)
{
	VANISH();
	ASSERT_EQ(0, post(self->port, KEY));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
}

TEST_F(vanishing, level_oneshot_is_not_lost)
{
	ASSERT_EQ(0, apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			   SOCKIOCP_OP_ENABLE, LEVEL_ONESHOT));
	VANISH();
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_LATE_EFAULT();
	EXPECT_ONLY(KEY);
}

TEST_F(vanishing, edge_is_not_lost)
{
	ASSERT_EQ(0, apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
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
	ASSERT_EQ(0, apply(self->port, tcp[0], KEY, SOCKIOCP_REGISTER_ALL,
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
	ASSERT_EQ(0, apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
			   SOCKIOCP_OP_ENABLE, LEVEL));
	VANISH();
	ASSERT_EQ(0, apply(self->port, self->fd[0], 0, 0, SOCKIOCP_OP_REMOVE, 0));
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
	ASSERT_EQ(0, post(self->port, KEY));
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
			  apply(self->port, self->fd[0], 0, 0,		\
				SOCKIOCP_OP_REMOVE, 0));		\
		EXPECT_EQ(1, harvest(self->port, 0, key_, 8));		\
		EXPECT_EQ(KEY, key_[0]);				\
		EXPECT_EQ(-ETIME, harvest(self->port, 0, key_, 8));	\
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
		first = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT,
			      SOCKIOCP_OP_ENABLE, LEVEL);
		memcpy(reg, &first, sizeof(first));
		p = process(self->port, reg, 2, NULL, 0, NULL, 0);
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p)) {
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

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	for (room = sizeof(*got); room < 2 * sizeof(*got); room += 4) {
		got = (void *)(self->bad - room);
		p = process(self->port, &reg, 1, got, 2, &received, 0);
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p)) {
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

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	memset(&got, 0xcc, sizeof(got));
	for (room = 0; room < sizeof(__u32); room++) {
		p = process(self->port, &reg, 1, &got, 1, self->bad - room, 0);
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p)) {
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
		reg[i] = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT,
			       SOCKIOCP_OP_ENABLE, LEVEL);
	p = process(self->port, reg, count, NULL, 0, NULL, 0);
	EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS, &p));
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

	p = process(self->port, NULL, 0, got, 128, &received, 0);
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, received);
	EXPECT_EQ(KEY, got->completion_key);

	/* As many chunks as there is memory for; what follows stays queued. */
	for (i = 0; i < 66; i++)
		ASSERT_EQ(0, post(self->port, i));
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(64, received);
	EXPECT_EQ(63, got[63].completion_key);
	EXPECT_EQ(2, harvest(self->port, 0, key, 8));
	EXPECT_EQ(64, key[0]);
	EXPECT_EQ(65, key[1]);
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

TEST_F(abi, room_for_packets_takes_no_memory_before_they_come)
{
	size_t size = 256 * getpagesize();
	__u32 received = POISON32;
	struct sockiocp_process p;
	void *got;

	got = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, got);
	ASSERT_EQ(0, madvise(got, size, MADV_NOHUGEPAGE) && errno != EINVAL);
	p = process(self->port, NULL, 0, got, size / sizeof(struct sockiocp_packet_entry),
		    &received, 0);
	EXPECT_EQ(-ETIME, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(1, resident_pages(got, 256));
	ASSERT_EQ(0, post(self->port, KEY));
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
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
TEST_F(abi, looking_at_memory_undoes_no_store)
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
	p = process(self->port, NULL, 0, area + 2 * page - 512, 32, area, 0);
	s.byte[0] = area + 2 * page - 512;
	s.byte[1] = area + 2 * page + 511;
	ASSERT_EQ(0, pthread_create(&thread, NULL, store, &s));
	for (round = 1; round <= 1000; round++) {
		ASSERT_EQ(0, madvise(area, 3 * page, MADV_DONTNEED));
		__atomic_store_n(&s.round, round, __ATOMIC_RELEASE);
		EXPECT_EQ(-ETIME, call(self->port, SOCKIOCP_PROCESS, &p));
		while (__atomic_load_n(&s.done, __ATOMIC_ACQUIRE) < round)
			sched_yield();
		lost += !*s.byte[0] + !*s.byte[1];
	}
	__atomic_store_n(&s.round, INT_MAX, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, lost);
	ASSERT_EQ(0, munmap(area, 3 * page));
}

TEST_F(border, arrays_that_end_where_the_good_memory_ends_are_good)
{
	struct sockiocp_registration_entry first, *reg = (void *)self->bad;
	struct sockiocp_packet_entry *got = (void *)self->bad;
	__u32 received = POISON32;
	struct sockiocp_process p;

	first = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		      LEVEL_ONESHOT);
	memcpy(--reg, &first, sizeof(first));
	p = process(self->port, reg, 1, NULL, 0, NULL, 0);
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(0, reg->registration_result);

	got -= 2;
	p = process(self->port, NULL, 0, got, 2, &received, 0);
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(2, received);
	EXPECT_EQ(KEY, got[1].completion_key);
	EXPECT_EQ(SOCKIOCP_EVENT_OUT, got[1].bytes_transferred);

	ASSERT_EQ(0, post(self->port, 1));
	p = process(self->port, NULL, 0, &first, 1, self->bad - sizeof(__u32), 0);
	p.entries = (uintptr_t)self->area;
	EXPECT_EQ(0, call(self->port, SOCKIOCP_PROCESS, &p));
}

TEST_F(border, arguments_themselves)
{
	struct sockiocp_registration_entry reg;
	struct sockiocp_process p;
	size_t room;

	reg = entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
		    LEVEL);
	p = process(self->port, &reg, 1, NULL, 0, NULL, 0);
	for (room = 0; room < sizeof(p); room += 8) {
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_INFO,
					self->bad - room));
		/* These are read, and read-only memory can be read. */
		if (variant->badness == READ_ONLY)
			continue;
		memcpy(self->bad - room, &p, room);
		EXPECT_EQ(-EFAULT, call(self->port, SOCKIOCP_PROCESS,
					self->bad - room));
	}
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_STILL_QUEUED();
}

TEST_HARNESS_MAIN
