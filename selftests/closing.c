// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are closed when nobody calls any more: their memory comes back
 * within seconds.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"

#define TRACING	"/sys/kernel/tracing/"

#define KEY	0x1618
/* "Within seconds", on a machine that is idle. */
#define SECONDS	(20000 * patience())

static __u64 registrations(HANDLE port)
{
	struct sockiocp_info info;

	return ioctl(port_fd(port), SOCKIOCP_INFO, &info) ? ~0ULL :
	       info.user_registrations;
}

static int registrations_become(HANDLE port, __u64 want)
{
	int64_t end = now_ms() + SECONDS;

	while (registrations(port) != want) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(50);
	}
	return 1;
}

/* spec 7.6 */
TEST(closed_socket_is_given_back_though_nobody_calls)
{
	HANDLE port = port_open();
	int i, fd, stays;
	__u64 before;

	ASSERT_NE(NULL, port);
	stays = any_socket(FAM_INET, TYPE_DGRAM, 0);
	EXPECT_EQ(0, enable(port, stays, KEY, EV_IN, T_LEVEL));
	before = registrations(port);
	for (i = 0; i < 3; i++) {
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		EXPECT_EQ(0, enable(port, fd, KEY + 1, EV_IN, T_LEVEL));
		EXPECT_EQ(before + 1, registrations(port));
		fd_close(fd);
		ASSERT_TRUE(registrations_become(port, before));
	}
	EXPECT_EQ(0, deregister(port, stays));
	EXPECT_PACKETS_NOW(port, { KEY, EV_REMOVE });
	EXPECT_TRUE(CloseHandle(port));
}

/* More than are looked at in one go stand before it. */
TEST(closed_socket_is_found_behind_many_that_are_open)
{
	HANDLE port = port_open();
	int stay[200], i, fd;
	__u64 before;

	ASSERT_NE(NULL, port);
	for (i = 0; i < 200; i++) {
		stay[i] = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, enable(port, stay[i], KEY, EV_IN, T_LEVEL));
	}
	before = registrations(port);
	fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
	EXPECT_EQ(0, enable(port, fd, KEY + 1, EV_IN, T_LEVEL));
	EXPECT_EQ(before + 1, registrations(port));
	fd_close(fd);
	EXPECT_TRUE(registrations_become(port, before));
	EXPECT_TRUE(CloseHandle(port));
	for (i = 0; i < 200; i++)
		fd_close(stay[i]);
}

/* ------------------------------------------------------------- when it is looked */

static int write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY), ok;

	if (fd < 0)
		return -errno;
	ok = write(fd, text, strlen(text)) > 0;
	close(fd);
	return ok ? 0 : -EIO;
}

#define EXECUTIONS	TRACING "events/workqueue/workqueue_execute_start/enable"

/* When does the work begin that looks for closed sockets?  At most nr times, in us. */
static int reaper_times(int pipe, long long *us, int nr, int timeout_ms)
{
	static char text[1 << 16];
	size_t len = 0;
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = pipe, .events = POLLIN };
	int n = 0;

	while (n < nr && now_ms() < end && len < sizeof(text) - 1) {
		char *line, *next;
		ssize_t got;

		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(pipe, text + len, sizeof(text) - 1 - len);
		if (got <= 0)
			continue;
		len += got;
		text[len] = '\0';
		for (line = text; n < nr && (next = strchr(line, '\n')); line = next + 1) {
			long long s, f;
			char *at;

			*next = '\0';
			at = strstr(line, ": workqueue_execute_start");
			if (!at || !strstr(at, "[sockiocp]") || !strstr(at, "reap"))
				continue;
			while (at > line && at[-1] != ' ')
				at--;
			if (sscanf(at, "%lld.%lld", &s, &f) == 2)
				us[n++] = 1000000 * s + f;
		}
		len = strlen(line);
		memmove(text, line, len);
	}
	return n;
}

/* However many ports: one work looks at all, and less and less often. */
TEST(idle_ports_are_looked_at_less_and_less)
{
	enum { PORTS = 100, LOOKS = 2 };
	long long us[LOOKS + 1];
	HANDLE port[PORTS];
	int pipe, fd, i;

	if (write_file(EXECUTIONS, "1"))
		SKIP(return, "no tracing of works here");
	pipe = open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, pipe);
	for (i = 0; i < PORTS; i++) {
		port[i] = port_open();
		ASSERT_NE(NULL, port[i]);
		fd = any_socket(FAM_INET, TYPE_DGRAM, 0);
		ASSERT_EQ(0, enable(port[i], fd, KEY, EV_IN, T_LEVEL));
	}
	EXPECT_EQ(LOOKS, reaper_times(pipe, us, LOOKS, SECONDS));
	EXPECT_EQ(0, write_file(EXECUTIONS, "0"));
	close(pipe);
	/* After 2 s, and after 4 s; a slow machine may be late. */
	TH_LOG("%lld ms between the first two looks", (us[1] - us[0]) / 1000);
	EXPECT_LT(3000000, us[1] - us[0]);
	for (i = 0; i < PORTS; i++)
		EXPECT_TRUE(CloseHandle(port[i]));
}

TEST_HARNESS_MAIN
