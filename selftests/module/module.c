// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The module is unloaded and loaded again, while others open the device, and with
 * no memory for it; and what programs are told that find no device.
 *
 * Only EXPECT_*: whatever happens, the module is there for the next test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/faults.h"
#include "lib/genl.h"
#include "lib/module.h"
#include "lib/place.h"
#include "lib/port.h"
#include "lib/random.h"
#include "lib/task.h"

#define RUN_MS		3000
#define OPENERS		2
#define PAUSE_MS	40
#define DEVICE		PLACE_DEVICE

FIXTURE(module) {
	const char *missing;
};

#define NEEDS_MODULE()							\
	do {								\
		if (self->missing)					\
			SKIP(return, "%s", self->missing);		\
	} while (0)

/* A thread that was a worker lets go of the module shortly after it has exited. */
static int unload_soon(void)
{
	int64_t end = now_ms() + COMES;
	int ret;

	do {
		ret = module_unload();
		if (ret != -EWOULDBLOCK)
			break;
		sleep_ms(10);
	} while (now_ms() < end);
	return ret;
}

FIXTURE_SETUP(module)
{
	self->missing = module_missing();
	if (!self->missing)
		EXPECT_EQ(0, processors_off());
}

FIXTURE_TEARDOWN(module)
{
	if (self->missing)
		return;
	if (!module_is_loaded())
		EXPECT_EQ(0, module_load());
	EXPECT_EQ(0, processors_on());
}

/* Opens a port and does a bit of everything with it; 0 or a negative errno. */
static int use_port(int rest)
{
	int fd = fd_open(DEVICE, 0), pair[2], ret = -EPROTO;
	HANDLE port = (HANDLE)(intptr_t)fd;

	if (fd < 0)
		return fd;
	if (unix_pair(TYPE_STREAM, pair))
		return -EMFILE;
	if (rest)
		sleep_ms(1);
	if (!enable(port, pair[0], 1, EV_OUT, T_LEVEL | T_ONESHOT) &&
	    PostQueuedCompletionStatus(port, 3, 2, NULL) &&
	    !*packets_differ(port, COMES, PACKETS({ 1, EV_OUT }, { 2, 3 })))
		ret = 0;
	fd_close(pair[0]);
	fd_close(pair[1]);
	fd_close(fd);
	return ret;
}

/* By a process of its own: a thread of a larger one is a worker, and keeps the module. */
static void use_port_and_exit(void *arg)
{
	(void)arg;
	_exit(!!use_port(0));
}

TEST_F(module, open_port_keeps_it)
{
	int fd, i;

	NEEDS_MODULE();
	fd = fd_open(DEVICE, 0);
	EXPECT_LE(0, fd);
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(0, use_port(0));
	fd_close(fd);

	EXPECT_EQ(0, unload_soon());
	EXPECT_TRUE(module_is_gone(COMES));
	EXPECT_EQ(-ENOENT, fd_open(DEVICE, 0));
	EXPECT_EQ(0, module_load());
	EXPECT_EQ(0, use_port(0));
}

/* Nobody has a port, but there are accounts: what is left of them leaks, and is seen. */
TEST_F(module, limits_of_users_do_not_keep_it_and_go_with_it)
{
	struct genl g;
	uint32_t uid;

	NEEDS_MODULE();
	EXPECT_EQ(0, genl_open(&g));
	for (uid = 54321; uid < 54331; uid++)
		EXPECT_EQ(0, genl_set_own_limit(&g, uid, SOCKIOCP_A_LIMITS_PACKETS, 1));
	genl_close(&g);
	EXPECT_EQ(0, unload_soon());
	EXPECT_TRUE(module_is_gone(COMES));
	EXPECT_EQ(0, module_load());
	EXPECT_EQ(0, genl_open(&g));
	EXPECT_EQ(0, genl_ask(&g, SOCKIOCP_CMD_USER_GET, NLM_F_DUMP, 0, NULL, 0));
	while (genl_next(&g) == 1)
		EXPECT_FALSE(genl_number(&g, SOCKIOCP_A_USER_UID) >= 54321 &&
			     genl_number(&g, SOCKIOCP_A_USER_UID) < 54331);
	genl_close(&g);
}

/* Who has closed the port, and goes on with the socket, does not keep it. */
TEST_F(module, associated_socket_does_not_keep_it)
{
	int fd = any_socket(FAM_INET, TYPE_STREAM, 0), i;
	HANDLE port;

	NEEDS_MODULE();
	EXPECT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		port = port_open();
		EXPECT_EQ(port, CreateIoCompletionPort((HANDLE)(intptr_t)fd, port, 0, 0));
		EXPECT_EQ(NULL, CreateIoCompletionPort((HANDLE)(intptr_t)fd, port, 0, 0));
		EXPECT_TRUE(CloseHandle(port));
		EXPECT_EQ(0, unload_soon());
		EXPECT_TRUE(module_is_gone(COMES));
		EXPECT_EQ(0, module_load());
	}
	fd_close(fd);
}

/* In memory that all processes share. */
struct counts {
	long used;
	long refused;
	/* The first error that is none of those that say that there is no module. */
	int error;
};

/*
 * It rests for any time, and for longer than a port's end waits for others, so that at times
 * nobody has one open: what rests for the same time again and again may never do so.
 */
static void open_all_the_time(void *arg)
{
	struct random random = random_start(getpid());
	struct counts *counts = arg;
	unsigned int n;

	for (n = 0;; n++) {
		int ret = use_port(n % 3 == 0);

		switch (ret) {
		case 0:
			__atomic_add_fetch(&counts->used, 1, __ATOMIC_RELAXED);
			break;
		case -ENOENT:
		case -ENODEV:
		case -ENXIO:
			__atomic_add_fetch(&counts->refused, 1, __ATOMIC_RELAXED);
			break;
		default:
			__atomic_store_n(&counts->error, ret, __ATOMIC_RELAXED);
		}
		if (n % 5 == 0)
			sleep_ms(random_size(&random, PAUSE_MS));
		else
			sched_yield();
	}
}

TEST_F_TIMEOUT(module, device_can_be_opened_while_it_comes_and_goes, 120)
{
	struct counts *counts = shared_memory(sizeof(*counts));
	long unloaded = 0, in_use = 0;
	int opener[OPENERS], i, ret;
	int64_t end = now_ms() + RUN_MS;

	NEEDS_MODULE();
	for (i = 0; i < OPENERS; i++) {
		opener[i] = process_start(open_all_the_time, counts);
		EXPECT_LT(0, opener[i]);
	}
	while (now_ms() < end) {
		ret = module_unload();
		if (!ret) {
			unloaded++;
			EXPECT_EQ(0, module_load());
			/* A burst. */
			sleep_ms(unloaded % 4);
		} else {
			EXPECT_EQ(-EWOULDBLOCK, ret);
			in_use++;
			sched_yield();
		}
	}
	for (i = 0; i < OPENERS; i++)
		process_kill(opener[i]);
	printf("# %ld times unloaded and loaded, %ld times in use; %ld ports, %ld times none\n",
	       unloaded, in_use, counts->used, counts->refused);
	fflush(stdout);
	EXPECT_LT(0, unloaded);
	EXPECT_LT(0, in_use);
	EXPECT_LT(0, counts->used);
	EXPECT_LT(0, counts->refused);
	EXPECT_EQ(0, counts->error);
	EXPECT_EQ(0, use_port(0));
}

/* Loads the module, whose memory fails at the @nth allocation.  Returns whether there is one. */
static int load_with_fault(struct faults *faults, unsigned int nth, int *ret)
{
	if (faults_arm(faults, FAULT_IN_KERNEL, nth))
		return -1;
	*ret = module_load();
	return faults_disarm(faults);
}

/* How many allocations loading the module takes, to within a few. */
static unsigned int count_allocations(struct faults *faults)
{
	unsigned int low = 1, high = 1 << 16, middle;
	int ret;

	while (high - low > 8) {
		middle = (low + high) / 2;
		if (load_with_fault(faults, middle, &ret) > 0)
			low = middle;
		else
			high = middle;
		if (!ret)
			unload_soon();
		module_is_gone(COMES);
	}
	return high;
}

/*
 * Whether the kernel panics when it warns: '0' or '1'.  It warns of a tracepoint whose fields
 * it has no memory for, and vm/init knows that warning.  Returns what it was, or 0.
 */
static char set_panic_on_warn(char value)
{
	int fd = open("/proc/sys/kernel/panic_on_warn", O_RDWR | O_CLOEXEC);
	char before = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &before, 1, 0) != 1 || pwrite(fd, &value, 1, 0) != 1)
		before = 0;
	close(fd);
	return before;
}

/* The last allocations are the module's own, and some of the kernel's. */
#define OWN_ALLOCATIONS	250

/*
 * Some of what the kernel does for a module may fail and be done without.  The first
 * faults are about the file, which takes much memory; the last ones are our own.
 */
TEST_F_TIMEOUT(module, load_without_memory_fails_and_leaves_nothing, 500)
{
	static struct faults faults;
	unsigned int nth, all, tried = 0, failed = 0;
	int ret = 0, injected;
	char panics;

	NEEDS_MODULE();
	if (fault_missing(FAULT_IN_KERNEL))
		SKIP(return, "%s", fault_missing(FAULT_IN_KERNEL));
	EXPECT_EQ(0, faults_open(&faults));
	EXPECT_EQ(0, unload_soon());
	panics = set_panic_on_warn('0');
	ASSERT_LT(0, panics);
	all = count_allocations(&faults);
	for (nth = 1, injected = 1; injected; tried++,
	     nth += nth + OWN_ALLOCATIONS < all ? 7 : 1) {
		injected = load_with_fault(&faults, nth, &ret);
		ASSERT_LE(0, injected);
		if (!ret) {
			EXPECT_EQ(0, child_status(process_start(use_port_and_exit, NULL),
						  COMES));
			EXPECT_EQ(0, unload_soon());
		} else {
			failed++;
			EXPECT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
				TH_LOG("fault %u: %d", nth, ret);
			}
		}
		if (!module_is_gone(COMES)) {
			EXPECT_EQ(0, nth);
			break;
		}
	}
	printf("# %u faults injected of %u, of which %u failed to load the module\n", tried - 1,
	       all, failed);
	fflush(stdout);
	EXPECT_EQ('0', set_panic_on_warn(panics));
	EXPECT_EQ(0, ret);
	EXPECT_LT(10, failed);
	EXPECT_EQ(0, module_load());
	EXPECT_EQ(0, child_status(process_start(use_port_and_exit, NULL), COMES));
}

/* What CreateIoCompletionPort() says there. */
struct answer {
	enum place place;
	DWORD concurrency;
	DWORD error;
	char text[256];
};

static void ask_for_port(void *arg)
{
	struct answer *answer = arg;
	HANDLE port;

	if (place_go(answer->place))
		_exit(1);
	SetLastError(POISON32);
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, answer->concurrency);
	answer->error = port ? 0 : GetLastError();
	FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, NULL, answer->error, 0, answer->text,
		       sizeof(answer->text), NULL);
	_exit(0);
}

/* "", or what is not as it should be.  A value to configure makes no difference. */
static const char *answer_differs(enum place place, DWORD error, const char *text)
{
	static char why[400];
	struct answer *answer = shared_memory(sizeof(*answer));

	for (answer->concurrency = 0; answer->concurrency < 2; answer->concurrency++) {
		answer->place = place;
		if (child_status(process_start(ask_for_port, answer), COMES))
			return "the place cannot be made";
		if (answer->error == error && strstr(answer->text, text))
			continue;
		snprintf(why, sizeof(why), "concurrency %u: error %u: %s",
			 answer->concurrency, answer->error, answer->text);
		return why;
	}
	return "";
}

#define EXPECT_ANSWER(place, error, text) \
	EXPECT_STREQ("", answer_differs(place, error, text))

TEST_F(module, who_finds_no_device_is_told_why)
{
	NEEDS_MODULE();
	EXPECT_ANSWER(AS_IT_IS, 0, "");
	EXPECT_ANSWER(NODE_OF_ITS_OWN, 0, "");
	EXPECT_ANSWER(NO_NODE, ERROR_FILE_NOT_FOUND,
		      "module loaded, but no /dev/sockiocp here");
	EXPECT_ANSWER(NO_NODE_NO_SYSFS, ERROR_FILE_NOT_FOUND,
		      "module not loaded, or no /dev/sockiocp here");
	EXPECT_ANSWER(NO_SUCH_NUMBER, ERROR_FILE_NOT_FOUND, "is not its device");
	EXPECT_ANSWER(OTHER_DEVICE, ERROR_FILE_NOT_FOUND, "is not its device");
	EXPECT_ANSWER(DIRECTORY, ERROR_FILE_NOT_FOUND, "is not its device");
	EXPECT_ANSWER(MODE, ERROR_ACCESS_DENIED, "its mode");
	EXPECT_ANSWER(NODEV, ERROR_ACCESS_DENIED, "--device");
	EXPECT_ANSWER(SECCOMP_EPERM, ERROR_ACCESS_DENIED, "seccomp");
	EXPECT_ANSWER(SECCOMP_ENOSYS, ERROR_CALL_NOT_IMPLEMENTED, "seccomp");

	EXPECT_EQ(0, unload_soon());
	EXPECT_ANSWER(AS_IT_IS, ERROR_FILE_NOT_FOUND, "module not loaded: ");
	EXPECT_ANSWER(NO_NODE, ERROR_FILE_NOT_FOUND, "module not loaded: ");
	EXPECT_ANSWER(NO_SUCH_NUMBER, ERROR_FILE_NOT_FOUND, "module not loaded: ");
	EXPECT_ANSWER(OTHER_DEVICE, ERROR_FILE_NOT_FOUND, "module not loaded: ");
	EXPECT_EQ(0, module_load());
}

TEST_HARNESS_MAIN
