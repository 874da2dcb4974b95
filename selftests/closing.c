// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are closed by one thread while another one is busy with them, or
 * when nobody calls any more: the peer hears of it at once, and the memory comes
 * back within seconds.
 */
#include <pthread.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include <linux/sockiocp.h>

#include "lib/port.h"

#define KEY	0x1618
/* A FIN that needs longer than this waited for something. */
#define AT_ONCE	1000
/* "Within seconds", on a slow machine that is idle. */
#define SECONDS	20000

/*
 * A call that has the socket in its hand when it is closed gets the last
 * reference.  It must not take that into its wait.
 */
/* spec 7.5 */
TEST(close_during_a_call_sends_the_fin_although_the_call_waits)
{
	enum { COUNT = 4000, TRIES = 10 };
	static SOCK_NOTIFY_REGISTRATION reg[COUNT];
	struct waiter w = {
		.port = port_open(),
		.timeout = 10000,
		.reg = reg,
		.reg_count = COUNT,
	};
	volatile DWORD *begun = &reg[COUNT / 8].registrationResult;
	int i, try, fd[2], during = 0;

	ASSERT_NE(NULL, w.port);
	for (try = 0; try < TRIES; try++) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
		for (i = 0; i < COUNT; i++)
			reg[i] = entry(fd[0], KEY, EV_IN, OP_ENABLE, T_LEVEL);
		ASSERT_EQ(0, waiter_start(&w));
		while (*begun == POISON32)
			;
		fd_close(fd[0]);
		EXPECT_TRUE(sock_becomes(fd[1], SEE_RDHUP, AT_ONCE));

		EXPECT_TRUE(PostQueuedCompletionStatus(w.port, 1, 2, NULL));
		ASSERT_EQ(0, waiter_join(&w, 2 * COMES));
		EXPECT_EQ(0, w.code);
		EXPECT_EQ(2, w.packet.key);
		during += reg[COUNT - 1].registrationResult == WSAENOTSOCK;
		fd_close(fd[1]);
	}
	EXPECT_LT(0, during) {
		TH_LOG("every call had done its registrations before the close");
	}
	EXPECT_TRUE(CloseHandle(w.port));
}

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

TEST_HARNESS_MAIN
