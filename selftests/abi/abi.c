// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The ioctls of /dev/sockiocp as <linux/sockiocp.h> promises them: sizes, flags,
 * errors, and that a call with a bad argument changes nothing, whichever
 * argument it is.
 *
 * Uses no library.  Bad memory: bad_memory.c.  The same from a 32-bit program: compat32.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/sock.h"

#define KEY		0x1122334455667788ULL
#define POISON		0xcccccccccccccccc
#define MS		1000000ULL

#define LEVEL		SOCKIOCP_TRIGGER_LEVEL
#define LEVEL_ONESHOT	(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)

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
			  device_apply(self->port, self->fd[0], 0, 0,	\
				       SOCKIOCP_OP_REMOVE, 0));		\
		EXPECT_EQ(-ETIME, device_harvest(self->port, 0, &key_, 1)); \
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
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(SOCKIOCP_ABI_VERSION, info.abi_version);
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);
	EXPECT_EQ(SOCKIOCP_FEATURE_DEADLINE | SOCKIOCP_FEATURE_ASSOCIATION |
		  SOCKIOCP_FEATURE_OPERATIONS |
		  (goes_not("mirrors") ? 0 : SOCKIOCP_FEATURE_MIRROR),
		  info.features & ~(__u64)SOCKIOCP_FEATURE_DUPLICATE);
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
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
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

	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &before));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, LEVEL));
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(0, device_post(self->port, 2));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &after));
	EXPECT_EQ(before.user_registrations + 1, after.user_registrations);
	EXPECT_EQ(before.user_packets + 2, after.user_packets);

	ASSERT_EQ(2, device_harvest(self->port, 0, key, 8));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0, 0, SOCKIOCP_OP_REMOVE, 0));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &after));
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
	ASSERT_EQ(0, device_call(self->port,
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

	ASSERT_EQ(0, device_call(self->port, _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 0, 4),
				 version));
	EXPECT_EQ(SOCKIOCP_ABI_VERSION, version[0]);
	EXPECT_EQ(POISON32, version[1]);
}

TEST_F(abi, configure_stores_the_concurrency)
{
	struct sockiocp_config config = { .concurrency = 7 };
	struct sockiocp_info info;

	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(7, info.concurrency);
	config.concurrency = 0;
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);

	config.concurrency = 7;
	config.flags = 1;
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_CONFIGURE, &config));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
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
	struct {
		struct sockiocp_association known;
		__u64 rest;
	} association = { .known.socket = self->fd[1] };
	struct {
		struct sockiocp_modes known;
		__u64 rest;
	} modes = { .known.socket = self->fd[1] };
	struct sockiocp_info info;
	__u64 key;

	EXPECT_EQ(0, device_call(self->port, SIZED(SOCKIOCP_ASSOCIATE, sizeof(association)),
				 &association));
	EXPECT_EQ(0, device_call(self->port, SIZED(SOCKIOCP_SET_MODES, sizeof(modes)),
				 &modes));
	EXPECT_EQ(0, device_call(self->port, SIZED(SOCKIOCP_CONFIGURE, sizeof(config)),
				 &config));
	EXPECT_EQ(0, device_call(self->port, SIZED(SOCKIOCP_POST, sizeof(packet)),
				 &packet));
	EXPECT_EQ(0, device_call(self->port, SIZED(SOCKIOCP_PROCESS, sizeof(p)), &p));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(5, info.concurrency);
	ASSERT_EQ(1, device_harvest(self->port, 0, &key, 1));
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

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	p.known = device_process(self->port, &reg, 1, NULL, 0, NULL, 0);
	EXPECT_EQ(-E2BIG, device_call(self->port,
				      SIZED(SOCKIOCP_CONFIGURE, sizeof(config)), &config));
	EXPECT_EQ(-E2BIG, device_call(self->port,
				      SIZED(SOCKIOCP_POST, sizeof(packet)), &packet));
	EXPECT_EQ(-E2BIG, device_call(self->port,
				      SIZED(SOCKIOCP_PROCESS, sizeof(p)), &p));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ((__u32)sysconf(_SC_NPROCESSORS_ONLN), info.concurrency);
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_UNCHANGED();
}

TEST_F(abi, shorter_structure_is_refused)
{
	const struct sockiocp_config config = { .concurrency = 5 };
	const struct sockiocp_post packet = { .completion_key = KEY };
	const struct sockiocp_process p = { .handle = self->port };
	const struct sockiocp_association association = { .socket = self->fd[0] };
	const struct sockiocp_modes modes = { .socket = self->fd[0] };

	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_CONFIGURE, 4), &config));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_CONFIGURE, 0), &config));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_POST, 31), &packet));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_POST, 0), &packet));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_PROCESS, 47), &p));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_PROCESS, 0), &p));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_ASSOCIATE, 23), &association));
	EXPECT_EQ(-EINVAL, device_call(self->port, SIZED(SOCKIOCP_SET_MODES, 15), &modes));
	EXPECT_EQ(0, fdinfo_value(self->port, "endpoints"));
	EXPECT_UNCHANGED();
}

/* What a call has to read, and behind it what is known to a newer program only. */
struct versioned {
	const char *name;
	unsigned int cmd;
	/* Of the first version. */
	size_t first;
	union {
		struct sockiocp_config config;
		struct sockiocp_process process;
		struct sockiocp_post post;
		struct sockiocp_offer offer;
		struct sockiocp_fetch fetch;
		struct sockiocp_association association;
		struct sockiocp_modes modes;
		struct sockiocp_submit submit;
		struct sockiocp_cancel cancel;
		struct sockiocp_batch batch;
		char bytes[256];
	};
};

/* A copy, as calls write into it.  0 or more, or an error. */
static int call_with(int port, const struct versioned *v, size_t size, char last)
{
	struct versioned copy = *v;
	int ret;

	if (last)
		copy.bytes[size - 1] = last;
	ret = ioctl(port, SIZED(v->cmd, size), copy.bytes);
	return ret < 0 ? -errno : ret;
}

/*
 * An older library on this module, and what a newer one on an older module is told: each
 * call that reads a structure takes one that is longer, if what it does not know is 0.
 */
TEST_F(abi, each_call_takes_structures_of_other_versions)
{
	const struct versioned calls[] = {
		{ "CONFIGURE", SOCKIOCP_CONFIGURE, 8, .config.concurrency = 5 },
		{ "PROCESS", SOCKIOCP_PROCESS, 48, .process.handle = self->port },
		{ "POST", SOCKIOCP_POST, 32, .post.completion_key = KEY },
		/* Of no socket, or none that was offered: what is read is looked at. */
		{ "OFFER", SOCKIOCP_OFFER, 32, .offer.socket = ~0ULL },
		{ "FETCH", SOCKIOCP_FETCH, 24, .fetch.flags = 0 },
		{ "ASSOCIATE", SOCKIOCP_ASSOCIATE, 24, .association.socket = ~0ULL },
		{ "SET_MODES", SOCKIOCP_SET_MODES, 16, .modes.socket = self->fd[0] },
		{ "SUBMIT", SOCKIOCP_SUBMIT, 80, .submit.socket = ~0ULL,
		  .submit.operation = SOCKIOCP_SUBMIT_NEXT },
		{ "CANCEL", SOCKIOCP_CANCEL, 24, .cancel.socket = self->fd[0] },
		{ "BATCH", SOCKIOCP_BATCH, 80, .batch.process.handle = self->port,
		  .batch.operation_size = sizeof(struct sockiocp_submit) },
	};
	size_t i, known;
	int want;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct versioned *v = &calls[i];

		known = _IOC_SIZE(v->cmd);
		want = call_with(self->port, v, known, 0);
		/* Not in this kernel (SOCKIOCP_FEATURE_DUPLICATE). */
		if (want == -ENOTTY)
			continue;
		ASSERT_TRUE(want != -EINVAL && want != -E2BIG) {
			TH_LOG("%s: %d", v->name, want);
		}
		EXPECT_EQ(want, call_with(self->port, v, v->first, 0)) TH_LOG("%s", v->name);
		EXPECT_EQ(want, call_with(self->port, v, known + 8, 0)) TH_LOG("%s", v->name);
		EXPECT_EQ(want, call_with(self->port, v, 200, 0)) TH_LOG("%s", v->name);
		EXPECT_EQ(-E2BIG, call_with(self->port, v, known + 8, 1)) TH_LOG("%s", v->name);
		EXPECT_EQ(-E2BIG, call_with(self->port, v, known + 1, 1)) TH_LOG("%s", v->name);
		EXPECT_EQ(-EINVAL, call_with(self->port, v, v->first - 1, 0)) TH_LOG("%s", v->name);
		EXPECT_EQ(-EINVAL, call_with(self->port, v, 0, 0)) TH_LOG("%s", v->name);
	}
}

/* What comes behind a structure in another one does not move when that grows. */
_Static_assert(offsetof(struct sockiocp_batch, operations) == 56, "as in the first version");

/* Nothing is submitted of a call that says more than the module knows. */
TEST_F(abi, submit_of_a_newer_version_does_all_or_nothing)
{
	__u64 overlapped[2] = { 0x103, POISON };
	char data[8];
	struct sockiocp_buffer buffer = { sizeof(data), .address = (uintptr_t)data };
	const struct versioned v = {
		.cmd = SOCKIOCP_SUBMIT,
		.submit = {
			.socket = self->fd[0],
			.operation = SOCKIOCP_SUBMIT_RECEIVE,
			.overlapped = (uintptr_t)overlapped,
			.buffers = (uintptr_t)&buffer,
			.buffer_count = 1,
		},
	};

	EXPECT_EQ(-E2BIG, call_with(self->port, &v, sizeof(v.submit) + 8, 1));
	EXPECT_EQ(-EINVAL, call_with(self->port, &v, sizeof(v.submit) - 1, 0));
	EXPECT_EQ(0, fdinfo_value(self->port, "operations"));
	EXPECT_EQ(0, fdinfo_value(self->port, "endpoints"));
	EXPECT_EQ(1, call_with(self->port, &v, sizeof(v.submit) + 8, 0));
	EXPECT_EQ(1, fdinfo_value(self->port, "operations"));
	EXPECT_EQ(0x103, overlapped[0]);
	EXPECT_EQ(POISON, overlapped[1]);
}

static void swap_words(__u32 *a, __u32 *b)
{
	__u32 word = *a;

	*a = *b;
	*b = word;
}

TEST_F(abi, unknown_flags_are_refused)
{
	struct sockiocp_post packet = { .completion_key = KEY };
	struct sockiocp_association association = { .socket = self->fd[0] };
	struct sockiocp_modes modes = { .socket = self->fd[0] };
	struct sockiocp_registration_entry reg;
	struct sockiocp_process p;
	int bit;

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	p = device_process(self->port, &reg, 1, NULL, 0, NULL, 0);
	for (bit = 0; bit < 32; bit++) {
		p.flags = 1U << bit;
		packet.flags = 1U << bit;
		association.flags = 1U << bit;
		association.reserved = 0;
		modes.modes = bit < 3 ? 0 : 1U << bit;
		modes.reserved = bit < 3;
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_POST, &packet));
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_ASSOCIATE, &association));
		swap_words(&association.flags, &association.reserved);
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_ASSOCIATE, &association));
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_SET_MODES, &modes));
	}
	EXPECT_EQ(0, fdinfo_value(self->port, "endpoints"));
	EXPECT_EQ(POISON32, reg.registration_result);
	EXPECT_UNCHANGED();
}

TEST_F(abi, association_is_of_sockets_only)
{
	struct sockiocp_association association = { .completion_key = KEY };
	struct sockiocp_modes modes = { .modes = SOCKIOCP_MODE_ALL };
	const struct {
		__u64 socket;
		int error;
	} bad[] = {
		{ ~0ULL, -EBADF }, { 1ULL << 32 | self->fd[0], -EBADF },
		{ 1000000, -EBADF }, { self->port, -ENOTSOCK }, { 0, -ENOTSOCK },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		association.socket = modes.socket = bad[i].socket;
		EXPECT_EQ(bad[i].error, device_call(self->port, SOCKIOCP_ASSOCIATE,
						    &association));
		EXPECT_EQ(bad[i].error, device_call(self->port, SOCKIOCP_SET_MODES, &modes));
	}
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_ASSOCIATE, (void *)8));
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_SET_MODES, (void *)8));
	EXPECT_EQ(0, fdinfo_value(self->port, "endpoints"));

	/* Modes first, twice, then the association, once. */
	association.socket = modes.socket = self->fd[0];
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_SET_MODES, &modes));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_SET_MODES, &modes));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_ASSOCIATE, &association));
	EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_ASSOCIATE, &association));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_SET_MODES, &modes));
	EXPECT_EQ(1, fdinfo_value(self->port, "endpoints"));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	association.socket = modes.socket = self->fd[1];
	EXPECT_EQ(-ESHUTDOWN, device_call(self->port, SOCKIOCP_ASSOCIATE, &association));
	EXPECT_EQ(-ESHUTDOWN, device_call(self->port, SOCKIOCP_SET_MODES, &modes));
}

TEST_F(abi, unknown_command_is_enotty)
{
	char space[256] = { 0 };
	int nr;

	for (nr = 5; nr < 256; nr += 25)
		EXPECT_EQ(-ENOTTY, device_call(self->port,
					       _IOC(_IOC_READ | _IOC_WRITE,
						    SOCKIOCP_IOC_MAGIC, nr, 48), space));
	/* A known number of somebody else. */
	EXPECT_EQ(-ENOTTY, device_call(self->port, _IOWR('N', 2, struct sockiocp_process),
				       space));
	/* A known number with another direction. */
	EXPECT_EQ(-ENOTTY, device_call(self->port, _IOC(_IOC_READ, SOCKIOCP_IOC_MAGIC, 2,
							48), space));
	EXPECT_EQ(-ENOTTY, device_call(self->port, 0, space));
	EXPECT_EQ(-ENOTTY, device_call(self->port, ~0U, space));
	EXPECT_EQ(-ENOTTY, device_call(self->fd[0], SOCKIOCP_CLOSE, NULL));
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

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	memset(&got, 0xcc, sizeof(got));
	for (i = 0; i < ARRAY_SIZE(combination); i++) {
		p = device_process(self->port, combination[i].regs ? &reg : NULL,
				   combination[i].reg_count,
				   combination[i].got ? &got : NULL,
				   combination[i].got_count,
				   combination[i].received ? &received : NULL,
				   combination[i].timeout_ns);
		EXPECT_EQ(combination[i].ret,
			  device_call(self->port, SOCKIOCP_PROCESS, &p)) {
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

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	memset(&got, 0xcc, sizeof(got));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	for (i = 0; i <= ARRAY_SIZE(count); i++) {
		__u32 n = i < ARRAY_SIZE(count) ? count[i] : info.max_batch + 1;

		p = device_process(self->port, &reg, n, NULL, 0, NULL, 0);
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_PROCESS, &p));
		p = device_process(self->port, &reg, 1, &got, n, &received, 0);
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_PROCESS, &p));
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
	*reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			    LEVEL);
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_INFO, &info));
	p = device_process(self->port, reg, info.max_batch, NULL, 0, NULL, 0);
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
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
	*reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			    LEVEL);
	p = device_process(self->port, reg, size / sizeof(*reg), NULL, 0, NULL, 0);
	ASSERT_EQ(0, mprotect(last, page, PROT_NONE));
	EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
	EXPECT_EQ(POISON32, reg->registration_result);
	EXPECT_UNCHANGED();

	ASSERT_EQ(0, mprotect(last, page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
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

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	/* Two registrations, 48 bytes, against one packet of 32. */
	for (at = 0; at < 48; at += 47) {
		memset(&area, 0xcc, sizeof(area));
		area.reg[0] = reg;
		area.reg[1] = reg;
		p = device_process(self->port, area.reg, 2, area.bytes + at, 1, &received,
				   0);
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(POISON32, area.reg[0].registration_result);
		EXPECT_EQ(POISON32, received);
	}
	for (at = 0; at < 32; at += 31) {
		memset(&area, 0xcc, sizeof(area));
		memcpy(area.bytes + at, &reg, sizeof(reg));
		p = device_process(self->port, area.bytes + at, 1, area.bytes, 1, &received,
				   0);
		EXPECT_EQ(-EINVAL, device_call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(POISON32, received);
	}
	EXPECT_UNCHANGED();

	/* Side by side is no overlap. */
	memset(&area, 0xcc, sizeof(area));
	area.reg[0] = reg;
	p = device_process(self->port, area.reg, 1, area.bytes + sizeof(reg), 1, &received,
			   0);
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
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

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL);
	memset(&got, 0xcc, sizeof(got));
	for (i = 0; i < ARRAY_SIZE(address); i++) {
		p = device_process(self->port, NULL, 2, NULL, 0, NULL, 0);
		p.registrations = address[i];
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
		p = device_process(self->port, &reg, 1, NULL, 2, &received, 0);
		p.entries = address[i];
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
		p = device_process(self->port, &reg, 1, &got, 1, NULL, 0);
		p.received = address[i];
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS, &p));
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_PROCESS,
					       (void *)(uintptr_t)address[i]));
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_POST,
					       (void *)(uintptr_t)address[i]));
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_CONFIGURE,
					       (void *)(uintptr_t)address[i]));
		EXPECT_EQ(-EFAULT, device_call(self->port, SOCKIOCP_INFO,
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

	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL_ONESHOT);
	memcpy(space + 1, &reg, sizeof(reg));
	p = device_process(self->port, space + 1, 1, space + 65, 1, space + 131, 0);
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
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

	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_POST, &packet));
	reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_OUT, SOCKIOCP_OP_ENABLE,
			   LEVEL_ONESHOT);
	memset(got, 0xcc, sizeof(got));
	p = device_process(self->port, &reg, 1, got, 3, &received, 0);
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
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
		reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				   SOCKIOCP_OP_ENABLE, LEVEL);
		p = device_process(self->port, &reg, 1, &got, 1, &received, ns[i]);
		start = now_ns();
		do {
			before = p;
			ret = device_call(self->port, SOCKIOCP_PROCESS, &p);
		} while (!ret && !received);
		EXPECT_EQ(-ETIME, ret);
		EXPECT_LE((int64_t)ns[i], now_ns() - start);
		EXPECT_EQ(0, memcmp(&before, &p, sizeof(p)));
		EXPECT_EQ(0, reg.registration_result);
		EXPECT_EQ(0, received);
		EXPECT_EQ(POISON, got.completion_key);
	}
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
		reg = device_entry(self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				   SOCKIOCP_OP_ENABLE, LEVEL);
		b.p = device_process(self->port, &reg, 1, &got, 1, &received, 60000 * MS);
		ASSERT_TRUE(blocked_start(&b));
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
	b.p = device_process(self->port, NULL, 0, &got, 1, &received, SOCKIOCP_INFINITE);
	ASSERT_TRUE(blocked_start(&b));
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
	b.p = device_process(self->port, NULL, 0, &got, 1, &received, A_WHILE * MS);
	ASSERT_TRUE(blocked_start(&b));
	ASSERT_EQ(0, signal_task(b.tid));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	ASSERT_EQ(-EINTR, b.ret);
	EXPECT_LE(start + A_WHILE * MS, b.p.deadline_ns);
	EXPECT_GE(now_ns() + A_WHILE * MS, b.p.deadline_ns);
	sleep_ms(A_WHILE);
	/* It is over, though some time was left. */
	EXPECT_LT(0, b.p.timeout_ns);
	start = now_ns();
	EXPECT_EQ(-ETIME, device_wait(self->port, &b.p));
	EXPECT_GT((int64_t)(A_WHILE * MS / 2), now_ns() - start);
}

TEST_F(abi, deadline_counts_in_place_of_the_time_out)
{
	struct sockiocp_packet_entry got;
	struct sockiocp_process p;
	__u32 received = POISON32;
	int64_t start = now_ns();

	p = device_process(self->port, NULL, 0, &got, 1, &received, 3600000 * MS);
	p.deadline_ns = 1;
	EXPECT_EQ(-ETIME, device_wait(self->port, &p));
	p.deadline_ns = start + 100 * MS;
	EXPECT_EQ(-ETIME, device_wait(self->port, &p));
	EXPECT_LE(start + (int64_t)(100 * MS), now_ns());

	/* Later than the time-out, and than any time. */
	p.timeout_ns = 1;
	p.deadline_ns = now_ns() + 50 * MS;
	start = p.deadline_ns;
	EXPECT_EQ(-ETIME, device_wait(self->port, &p));
	EXPECT_LE(start, now_ns());
	EXPECT_EQ(0, device_post(self->port, KEY));
	p.deadline_ns = ~0ULL;
	EXPECT_EQ(0, device_wait(self->port, &p));

	/* Not to wait is not to wait. */
	p.timeout_ns = 0;
	EXPECT_EQ(-ETIME, device_wait(self->port, &p));
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
	b.p = device_process(self->port, NULL, 0, &got, 1, &received, 60000 * MS);
	b.p.deadline_ns = POISON;
	ASSERT_TRUE(blocked_start(&b));
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
		ret = device_call(self->port, cmd, &p);
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
		p = device_process(self->port, NULL, 0, &got, 1, &received, 5 * MS);
		p.handle = handle[i];
		EXPECT_EQ(-ETIME, device_wait(self->port, &p));
		ASSERT_EQ(0, device_post(self->port, i));
		EXPECT_EQ(0, device_call(self->port, SOCKIOCP_PROCESS, &p));
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

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
				  SOCKIOCP_OP_ENABLE, LEVEL));
	b.p = device_process(self->port, NULL, 0, &got, 1, &received, SOCKIOCP_INFINITE);
	ASSERT_TRUE(blocked_start(&b));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(-ESHUTDOWN, b.ret);

	EXPECT_EQ(-ESHUTDOWN, device_post(self->port, 1));
	EXPECT_EQ(-ESHUTDOWN, device_harvest(self->port, 0, &key, 1));
	EXPECT_EQ(-ESHUTDOWN, device_harvest(self->port, SOCKIOCP_INFINITE, &key, 1));
	EXPECT_EQ(-ESHUTDOWN, device_apply(self->port, self->fd[1], KEY,
					   SOCKIOCP_REGISTER_IN, SOCKIOCP_OP_ENABLE,
					   LEVEL));
	EXPECT_EQ(-ESHUTDOWN, device_call(self->port, SOCKIOCP_CONFIGURE, &config));
	EXPECT_EQ(-ESHUTDOWN, device_call(self->port, SOCKIOCP_INFO, &info));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_TRUE(pfd.revents & POLLHUP);

	/* Its sockets are free when the last descriptor is closed. */
	other = device_open();
	ASSERT_LE(0, other);
	fd_close(self->port);
	EXPECT_EQ(0, device_apply(other, self->fd[0], KEY, SOCKIOCP_REGISTER_IN,
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
		_exit(device_harvest(self->port, SOCKIOCP_INFINITE, &key, 1) !=
		      -ESHUTDOWN);
	}
	ASSERT_TRUE(sock_becomes(ready[0], SEE_IN, COMES));
	ASSERT_EQ(1, sock_recv(ready[0], &c, 1));
	ASSERT_TRUE(task_blocked(pid, pid, COMES));
	EXPECT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(0, child_status(pid, COMES));
	fd_close(ready[0]);
	fd_close(ready[1]);
}

TEST_HARNESS_MAIN
