// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are closed when nobody calls any more: their memory comes back
 * within seconds.
 */
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"

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

TEST_HARNESS_MAIN
