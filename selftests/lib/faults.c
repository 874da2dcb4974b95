// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Faults in user memory and in the kernel: see faults.h.
 *
 * The memory is missing, in the sense of userfaultfd(2), whenever a call comes to
 * it; a thread brings the page, and takes away all others, whose content it keeps
 * in the image.  The call stands still meanwhile, so nothing is written in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* So many faults in one call are no progress: something lies across two pages. */
#define TOO_MANY	10000

/* ------------------------------------------------------------- user memory */

static char *page_of(const struct faults *f, size_t i)
{
	return f->memory + i * f->page;
}

static void take_page(struct faults *f, size_t i)
{
	if (!f->state[i].present)
		return;
	memcpy(f->image + i * f->page, page_of(f, i), f->page);
	madvise(page_of(f, i), f->page, MADV_DONTNEED);
	f->state[i].present = 0;
}

static int bring_page(struct faults *f, size_t i)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page_of(f, i),
		.src = (uintptr_t)(f->image + i * f->page),
		.len = f->page,
	};

	f->state[i].present = 1;
	return ioctl(f->userfaultfd, UFFDIO_COPY, &copy);
}

static int wake(struct faults *f, size_t i)
{
	struct uffdio_range range = {
		.start = (uintptr_t)page_of(f, i),
		.len = f->page,
	};

	return ioctl(f->userfaultfd, UFFDIO_WAKE, &range);
}

static int serve_fault(struct faults *f, size_t i)
{
	size_t other;

	/* With a signal pending, a fault is reported more than once. */
	if (f->state[i].present || f->state[i].gone)
		return wake(f, i);
	if (f->how != FAULT_IN_KERNEL) {
		for (other = 0; other < FAULT_PAGES; other++)
			if (other != i)
				take_page(f, other);
		if (f->count > TOO_MANY)
			return -1;
		if (++f->count == f->nth) {
			f->injected = 1;
			f->first = !f->state[i].touched;
			if (mprotect(page_of(f, i), f->page,
				     f->how == FAULT_READ_ONLY ? PROT_READ :
								 PROT_NONE))
				return -1;
			if (f->how == FAULT_NO_ACCESS) {
				f->state[i].gone = 1;
				return wake(f, i);
			}
		}
	}
	f->state[i].touched = 1;
	return bring_page(f, i);
}

/* Read and served under the lock: who has it knows that none is in hand. */
static void serve_next(struct faults *f)
{
	struct uffd_msg msg;
	size_t at;

	pthread_mutex_lock(&f->lock);
	if (read(f->userfaultfd, &msg, sizeof(msg)) == sizeof(msg)) {
		at = msg.arg.pagefault.address - (uintptr_t)f->memory;
		if (msg.event != UFFD_EVENT_PAGEFAULT || serve_fault(f, at / f->page))
			abort();
	}
	pthread_mutex_unlock(&f->lock);
}

static void *serve(void *arg)
{
	struct faults *f = arg;
	struct pollfd pfd = { .fd = f->userfaultfd, .events = POLLIN };

	for (;;) {
		poll(&pfd, 1, -1);
		serve_next(f);
	}
	return NULL;
}

static int memory_open(struct faults *f)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	const size_t size = FAULT_PAGES * f->page;

	f->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	f->image = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (f->memory == MAP_FAILED || f->image == MAP_FAILED)
		return -ENOMEM;
	/* A huge page could not be taken away in parts. */
	madvise(f->memory, size, MADV_NOHUGEPAGE);
	f->userfaultfd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (f->userfaultfd < 0 || ioctl(f->userfaultfd, UFFDIO_API, &api))
		return -errno;
	range.range.start = (uintptr_t)f->memory;
	range.range.len = size;
	if (ioctl(f->userfaultfd, UFFDIO_REGISTER, &range))
		return -errno;
	return -pthread_create(&f->thread, NULL, serve, f);
}

static void memory_disarm(struct faults *f)
{
	size_t i;

	pthread_mutex_lock(&f->lock);
	mprotect(f->memory, FAULT_PAGES * f->page, PROT_READ | PROT_WRITE);
	for (i = 0; i < FAULT_PAGES; i++) {
		take_page(f, i);
		f->state[i].gone = 0;
	}
	/* What was left working in it goes on without. */
	f->nth = 0;
	pthread_mutex_unlock(&f->lock);
}

/* -------------------------------------------------------------- the kernel */

static int set(const char *name, const char *value)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = result(write(fd, value, strlen(value)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* Allocations that may sleep shall fail too, and without a word in the log. */
static int kernel_setup(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	size_t i;
	int ret;

	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		ret = set(settings[i][0], settings[i][1]);
		if (ret)
			return ret;
	}
	return 0;
}

static int kernel_arm(struct faults *f, int nth)
{
	char text[16];
	int len;

	f->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (f->fail_nth < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%d", nth);
	return result(pwrite(f->fail_nth, text, len, 0)) == len ? 0 : -EIO;
}

/*
 * What is left of the count: 0 if it was reached.  The read is a copy that counts
 * itself, so it may be what fails; and so is the write, which then has to be done
 * again.
 */
static void kernel_disarm(struct faults *f)
{
	char text[16] = "";

	f->injected = pread(f->fail_nth, text, sizeof(text) - 1, 0) > 0 &&
		!atoi(text);
	while (pwrite(f->fail_nth, "0", 1, 0) != 1 && errno == EFAULT)
		;
	close(f->fail_nth);
}

/* ------------------------------------------------------------------- both */

const char *fault_missing(enum fault how)
{
	if (how != FAULT_IN_KERNEL)
		return NULL;
	return access(FAIL_NTH, W_OK) ?
		"this kernel has no fault injection; make check-debug builds one" :
		NULL;
}

int faults_open(struct faults *f)
{
	int ret;

	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
	f->page = sysconf(_SC_PAGESIZE);
	ret = memory_open(f);
	if (!ret && !fault_missing(FAULT_IN_KERNEL))
		ret = kernel_setup();
	return ret;
}

int faults_arm(struct faults *f, enum fault how, int nth)
{
	f->how = how;
	f->nth = nth;
	f->count = 0;
	f->injected = 0;
	f->first = 0;
	memset(f->state, 0, sizeof(f->state));
	return how == FAULT_IN_KERNEL ? kernel_arm(f, nth) : 0;
}

void faults_rest(struct faults *f)
{
	memory_disarm(f);
}

int faults_disarm(struct faults *f)
{
	if (f->how == FAULT_IN_KERNEL)
		kernel_disarm(f);
	memory_disarm(f);
	return f->injected;
}

void faults_read(struct faults *f, const void *image, void *to, size_t size)
{
	size_t offset = (const char *)image - f->image, n;
	char *at = to;

	pthread_mutex_lock(&f->lock);
	for (; size; size -= n, at += n, offset += n) {
		n = f->page - offset % f->page;
		n = n < size ? n : size;
		memcpy(at, (f->state[offset / f->page].present ? f->memory : f->image) + offset,
		       n);
	}
	pthread_mutex_unlock(&f->lock);
}
