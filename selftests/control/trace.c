// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Tracepoints: each one is met where Documentation/userspace-api/tracepoints.rst says, and
 * tells of the port where it happens.
 *
 * They are switched on in a buffer of the test's own.  That patches the module's code,
 * which does not go well under QEMU with several processors (lib/module.h).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/module.h"
#include "lib/operation.h"
#include "lib/sock.h"
#include "lib/task.h"

#define TRACEFS	"/sys/kernel/tracing"
#define BUFFER	TRACEFS "/instances/sockiocp-selftest"
#define EVENTS	BUFFER "/events/sockiocp"

#define IN	SOCKIOCP_REGISTER_IN
#define ENABLE	SOCKIOCP_OP_ENABLE
#define ONCE	(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)
#define PACKETS	"max_user_packets"

static char text[1 << 18];

static int write_to(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int read_trace(void)
{
	int fd = open(BUFFER "/trace", O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = 0;
	close(fd);
	return n < sizeof(text) - 1 ? 0 : -E2BIG;
}

/* How many lines of the trace have this event, and say this of it, in these words. */
__attribute__((format(printf, 2, 3)))
static int told(const char *event, const char *format, ...)
{
	char line[512], name[64], words[128];
	const char *at, *end, *said;
	va_list args;
	int n = 0;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	strcat(words, " ");
	snprintf(name, sizeof(name), " %s: ", event);
	for (at = text; *at; at = end + !!*end) {
		end = strchrnul(at, '\n');
		snprintf(line, sizeof(line), "%.*s ", (int)(end - at), at);
		said = strstr(line, name);
		n += said && strstr(said, words);
	}
	return n;
}

/* Why there is nothing to be seen here, or NULL. */
static const char *missing(void)
{
	if (geteuid())
		return "only root can trace";
	if (access(TRACEFS "/instances", F_OK) && mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		return "there is no tracefs";
	if (access(TRACEFS "/events/sockiocp", F_OK))
		return "the kernel has no tracepoints";
	return NULL;
}

FIXTURE(trace) {
	const char *missing;
	long long packets;
	int port;
	unsigned int id;
	int fd[2];
	unsigned long inode;
};

FIXTURE_SETUP(trace)
{
	struct stat st;

	self->missing = missing();
	if (self->missing)
		return;
	self->packets = param_get(PACKETS);
	self->port = device_open();
	ASSERT_LE(0, self->port);
	self->id = fdinfo_value(self->port, "id");
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, fstat(self->fd[0], &st));
	self->inode = st.st_ino;
	ASSERT_EQ(0, processors_off());
	ASSERT_EQ(0, mkdir(BUFFER, 0700));
	ASSERT_EQ(0, write_to(EVENTS "/enable", "1"));
	/* One for each processor that runs, and at the time of the test that is one. */
	ASSERT_EQ(0, port_configure(self->port, 2));
}

FIXTURE_TEARDOWN(trace)
{
	if (self->missing)
		return;
	EXPECT_EQ(0, param_set(PACKETS, self->packets));
	EXPECT_EQ(0, write_to(EVENTS "/enable", "0"));
	EXPECT_EQ(0, rmdir(BUFFER));
	EXPECT_EQ(0, processors_on());
	close(self->port);
}

#define NEEDS_TRACEPOINTS()			\
	do {					\
		if (self->missing)		\
			SKIP(return, "%s", self->missing);	\
	} while (0)

/* ------------------------------------------------------------------ one of each */

static void registrations(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self)
{
	struct sockiocp_packet_entry got[2];
	__u64 key[8];

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0xabc, IN, ENABLE, ONCE));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 1, COMES));
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	ASSERT_TRUE(sock_queued(self->fd[0], 2, COMES));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0xabc, 0, SOCKIOCP_OP_DISABLE, 0));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 0xabc, 0, SOCKIOCP_OP_REMOVE, 0));
	ASSERT_EQ(1, operation_harvest(self->port, got, 2, 0));
	ASSERT_EQ(0, device_post(self->port, 0xdef));
	ASSERT_EQ(1, device_harvest(self->port, 0, key, 8));
}

static void operations(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self,
		       struct overlapped *o)
{
	struct sockiocp_packet_entry got[2];
	static char data[8];

	ASSERT_EQ(1, operation_receive(self->port, self->fd[1], o, data, sizeof(data)));
	ASSERT_EQ(1, operation_cancel(self->port, self->fd[1], o, 0));
	ASSERT_EQ(1, operation_harvest(self->port, got, 2, COMES));
}

/* Starts a thread that waits, and ends it by a packet, for which there is a slot or not. */
static void threads(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self,
		    struct blocked *b, unsigned int slots)
{
	struct sockiocp_packet_entry got;
	__u32 received;

	ASSERT_EQ(0, port_configure(self->port, slots));
	*b = (struct blocked) { .port = self->port };
	b->p = device_process(self->port, NULL, 0, &got, 1, &received, UINT64_MAX);
	ASSERT_EQ(1, blocked_start(b));
	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(0, pthread_join(b->thread, NULL));
	ASSERT_EQ(0, b->ret);
}

static void disturbed(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self,
		      struct blocked *b)
{
	struct sockiocp_packet_entry got;
	__u32 received;

	*b = (struct blocked) { .port = self->port };
	b->p = device_process(self->port, NULL, 0, &got, 1, &received, UINT64_MAX);
	ASSERT_EQ(1, blocked_start(b));
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	ASSERT_EQ(0, pthread_join(b->thread, NULL));
	ASSERT_EQ(-ESHUTDOWN, b->ret);
}

/* A socket is closed, and found by those that come later. */
static void limits(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self,
		   unsigned long *closed)
{
	struct stat st;
	int fd[4], i;

	for (i = 0; i < 4; i++) {
		fd[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, device_apply(self->port, fd[i], i, IN, ENABLE, ONCE));
		if (i)
			continue;
		ASSERT_EQ(0, fstat(fd[0], &st));
		*closed = st.st_ino;
		close(fd[0]);
	}
	ASSERT_EQ(0, param_set(PACKETS, 0));
	ASSERT_EQ(-ENOBUFS, device_post(self->port, 1));
}

/* An event that is not looked for above is one that nobody has seen to work. */
static void each_is_met(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self)
{
	DIR *events = opendir(EVENTS);
	struct dirent *event;
	int is_refuse, nr = 0;

	ASSERT_NE(NULL, events);
	while ((event = readdir(events))) {
		if (strncmp(event->d_name, "sockiocp_", 9))
			continue;
		nr++;
		/* That one is of a user, and not of a port. */
		is_refuse = !strcmp(event->d_name, "sockiocp_refuse");
		EXPECT_LT(0, told(event->d_name, is_refuse ? "uid=%u" : "port=%u",
				  is_refuse ? getuid() : self->id)) {
			TH_LOG("%s is not met", event->d_name);
		}
	}
	closedir(events);
	EXPECT_LE(16, nr);
}

TEST_F(trace, each_event_is_told_with_the_number_of_its_port)
{
	struct blocked queued, slot, closed;
	struct overlapped o;
	unsigned long gone = 0;

	NEEDS_TRACEPOINTS();
	registrations(_metadata, self);
	operations(_metadata, self, &o);
	threads(_metadata, self, &queued, 2);
	threads(_metadata, self, &slot, 1);
	limits(_metadata, self, &gone);
	disturbed(_metadata, self, &closed);
	ASSERT_EQ(0, read_trace());
	each_is_met(_metadata, self);

#define TOLD(event, words, ...) \
	told("sockiocp_" event, "port=%u " words, self->id, ##__VA_ARGS__)
	EXPECT_EQ(1, TOLD("arm", "inode=%lu key=0xabc filter=0x1 trigger=0x5", self->inode));
	EXPECT_EQ(1, TOLD("coalesce", "inode=%lu key=0xabc", self->inode));
	EXPECT_EQ(1, TOLD("disable", "inode=%lu key=0xabc", self->inode));
	EXPECT_EQ(1, TOLD("remove", "inode=%lu key=0xabc closed=0", self->inode));
	EXPECT_EQ(1, told("sockiocp_queue", "kind=notification inode=%lu", self->inode));
	EXPECT_EQ(1, told("sockiocp_take", "kind=notification inode=%lu", self->inode));
	EXPECT_EQ(1, told("sockiocp_deliver", "inode=%lu key=0xabc overlapped=0x0 "
			  "events=0x1 filter=0x1 trigger=0x5", self->inode));
	EXPECT_EQ(1, told("sockiocp_deliver", "kind=remove inode=%lu", self->inode));
	EXPECT_EQ(1, told("sockiocp_post", "kind=posted inode=0 key=0xdef"));
	EXPECT_EQ(1, told("sockiocp_deliver", "kind=posted inode=0 key=0xdef"));

	EXPECT_EQ(1, told("sockiocp_submit", "overlapped=%#lx length=8", (long)&o));
	EXPECT_EQ(1, told("sockiocp_cancel", "overlapped=%#lx error=-125", (long)&o));
	EXPECT_EQ(1, told("sockiocp_complete", "overlapped=%#lx error=-125 bytes=0", (long)&o));
	EXPECT_EQ(1, told("sockiocp_deliver", "kind=operation inode=0 key=0x0 overlapped=%#lx",
			  (long)&o));

	EXPECT_EQ(1, TOLD("wake", "thread=%d reason=queued", queued.tid));
	EXPECT_EQ(1, TOLD("wake", "thread=%d reason=slot", slot.tid));
	EXPECT_EQ(1, TOLD("wake", "thread=%d reason=closed", closed.tid));
	EXPECT_LE(1, TOLD("throttle", "active=1 concurrency=1"));
	EXPECT_LE(2, TOLD("wait_end", "woken=1 error=0"));

	EXPECT_EQ(1, TOLD("reap", "inode=%lu", gone));
	EXPECT_EQ(1, TOLD("remove", "inode=%lu key=0x0 closed=1", gone));
	EXPECT_EQ(1, told("sockiocp_refuse", "uid=%u what=packet", getuid()));
}

TEST_HARNESS_MAIN
