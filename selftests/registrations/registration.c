// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What can be registered and how each entry of a batch is answered: operations,
 * results, order, keys, one port per socket.
 *
 * When a registration then notifies: level_edge.c.  Bad pointers and counts of
 * the call as a whole: abi.c.
 */
#include "kselftest_harness.h"

#include "lib/port.h"

#define KEY	0x77

FIXTURE(registration) {
	HANDLE port;
	/* Datagram sockets: always OUT, and IN when the peer sends. */
	int fd[2];
};

FIXTURE_SETUP(registration)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, udp_pair(FAM_INET, self->fd));
}

FIXTURE_TEARDOWN(registration)
{
	fd_close(self->fd[0]);
	fd_close(self->fd[1]);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define EXPECT_REGISTERED(fd, key)					\
	do {								\
		EXPECT_EQ(0, enable(self->port, fd, 0xdead, EV_OUT,	\
				    T_LEVEL | T_ONESHOT));		\
		EXPECT_PACKETS(self->port, { key, EV_OUT });		\
	} while (0)

#define EXPECT_NOT_REGISTERED(fd)					\
	EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, fd))

TEST_F(registration, none_does_nothing_and_succeeds)
{
	EXPECT_EQ(0, apply(self->port, self->fd[0], KEY, EV_ALL, OP_NONE,
			   T_LEVEL));
	EXPECT_NOTHING(self->port);
	EXPECT_NOT_REGISTERED(self->fd[0]);

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(0, apply(self->port, self->fd[0], KEY + 1, EV_IN, OP_NONE,
			   T_EDGE));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
}

TEST_F(registration, entry_is_not_changed_but_for_its_result)
{
	SOCK_NOTIFY_REGISTRATION reg, before;

	reg = entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL);
	before = reg;
	before.registrationResult = 0;
	EXPECT_EQ(0, ProcessSocketNotifications(self->port, 1, &reg, 0, 0, NULL,
						NULL));
	EXPECT_EQ(0, memcmp(&before, &reg, sizeof(reg)));
}

/* spec 14.8 */
TEST_F(registration, disable_of_an_unregistered_socket_succeeds)
{
	EXPECT_EQ(0, disable(self->port, self->fd[0]));
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	/* disable() gave the key 0, and that was the creation. */
	EXPECT_PACKETS(self->port, { 0, EV_OUT });
}

TEST_F(registration, disable_of_an_unregistered_socket_registers_its_key)
{
	EXPECT_EQ(0, apply(self->port, self->fd[0], KEY, EV_ALL, OP_DISABLE,
			   T_LEVEL));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_NOT_REGISTERED(self->fd[0]);
}

/* spec 14.9 */
TEST_F(registration, remove_and_harvest_in_one_call_gives_the_remove_packet)
{
	SOCK_NOTIFY_REGISTRATION reg;

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	reg = entry(self->fd[0], 0, 0, OP_REMOVE, 0);
	EXPECT_CALL(self->port, &reg, 1, 0, { KEY, EV_REMOVE });
	EXPECT_EQ(0, reg.registrationResult);
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, remove_of_a_disabled_registration_gives_its_packet)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_EQ(0, disable(self->port, self->fd[0]));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_NOTHING(self->port);
}

/* spec 14.10 */
TEST_F(registration, second_remove_fails_and_gives_no_packet)
{
	SOCK_NOTIFY_REGISTRATION reg[2];

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_ALL, T_LEVEL));
	reg[0] = entry(self->fd[0], 0, 0, OP_REMOVE, 0);
	reg[1] = reg[0];
	EXPECT_CALL(self->port, reg, 2, 0, { KEY, EV_REMOVE });
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(ERROR_NOT_FOUND, reg[1].registrationResult);

	EXPECT_CALL_TIMES_OUT(self->port, reg, 1, 0);
	EXPECT_EQ(ERROR_NOT_FOUND, reg[0].registrationResult);
	EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, self->fd[0]));
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, remove_of_an_unregistered_socket_is_not_found)
{
	EXPECT_EQ(ERROR_NOT_FOUND, deregister(self->port, self->fd[0]));
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, remove_and_disable_ignore_filter_and_trigger)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT, T_LEVEL));
	EXPECT_EQ(0, apply(self->port, self->fd[0], 0, 0xffff, OP_DISABLE, 0xff));
	EXPECT_NOTHING(self->port);
	EXPECT_EQ(0, apply(self->port, self->fd[0], 0, 0xffff, OP_REMOVE, 0xff));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
}

TEST_F(registration, socket_can_be_registered_again_with_another_key)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
}

TEST_F(registration, socket_can_be_registered_again_before_the_remove_packet)
{
	SOCK_NOTIFY_REGISTRATION reg[2];

	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	reg[0] = entry(self->fd[0], 0, 0, OP_REMOVE, 0);
	reg[1] = entry(self->fd[0], KEY + 1, EV_OUT, OP_ENABLE,
		       T_LEVEL | T_ONESHOT);
	EXPECT_CALL(self->port, reg, 2, 0,
		    { KEY, EV_REMOVE }, { KEY + 1, EV_OUT });
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(0, reg[1].registrationResult);
	EXPECT_NOTHING(self->port);
}

/* spec 14.12 */
TEST_F(registration, any_key_is_legal)
{
	const ULONG_PTR key[] = { 0, (ULONG_PTR)-1, 1ULL << 63, 1, 0x80000000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(key); i++) {
		EXPECT_EQ(0, enable(self->port, self->fd[0], key[i], EV_OUT,
				    T_LEVEL | T_ONESHOT));
		EXPECT_PACKETS(self->port, { key[i], EV_OUT });
		EXPECT_EQ(0, deregister(self->port, self->fd[0]));
		EXPECT_PACKETS(self->port, { key[i], EV_REMOVE });
	}
}

TEST_F(registration, two_sockets_may_have_the_same_key)
{
	SOCK_NOTIFY_REGISTRATION reg[2] = {
		entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT),
		entry(self->fd[1], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT),
	};

	EXPECT_CALL(self->port, reg, 2, 0, { KEY, EV_OUT }, { KEY, EV_OUT });
}

TEST_F(registration, key_is_the_one_of_the_creation)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY + 2, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_EQ(0, apply(self->port, self->fd[0], KEY + 3, 0, OP_REMOVE, 0));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
}

TEST_F(registration, later_entry_of_the_same_socket_wins)
{
	SOCK_NOTIFY_REGISTRATION reg[3] = {
		entry(self->fd[0], KEY, EV_IN, OP_ENABLE, T_EDGE),
		entry(self->fd[0], KEY, EV_ALL, OP_ENABLE, T_LEVEL),
		entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT),
	};

	EXPECT_CALL(self->port, reg, 3, 0, { KEY, EV_OUT });
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(0, reg[1].registrationResult);
	EXPECT_EQ(0, reg[2].registrationResult);
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, entries_are_applied_in_the_order_of_the_array)
{
	SOCK_NOTIFY_REGISTRATION reg[5] = {
		entry(self->fd[0], KEY, 0, OP_REMOVE, 0),
		entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL),
		entry(self->fd[0], KEY, 0, OP_REMOVE, 0),
		entry(self->fd[0], KEY, 0, OP_REMOVE, 0),
		entry(self->fd[0], KEY + 1, EV_OUT, OP_ENABLE,
		      T_LEVEL | T_ONESHOT),
	};
	const DWORD want[5] = { ERROR_NOT_FOUND, 0, 0, ERROR_NOT_FOUND, 0 };
	int i;

	EXPECT_CALL(self->port, reg, 5, 0,
		    { KEY, EV_REMOVE }, { KEY + 1, EV_OUT });
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(want[i], reg[i].registrationResult) {
			TH_LOG("entry %d", i);
		}
	}
}

/* spec 14.13 */
TEST_F(registration, second_port_is_refused)
{
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(ERROR_INVALID_PARAMETER,
		  enable(other, self->fd[0], KEY + 1, EV_ALL, T_LEVEL));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, disable(other, self->fd[0]));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, deregister(other, self->fd[0]));
	EXPECT_NOTHING(other);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_TRUE(CloseHandle(other));
}

/* spec 14.13 */
TEST_F(registration, refusal_by_a_second_port_is_of_that_entry_only)
{
	SOCK_NOTIFY_REGISTRATION reg[2];
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	reg[0] = entry(self->fd[0], KEY + 1, EV_OUT, OP_ENABLE, T_LEVEL);
	reg[1] = entry(self->fd[1], KEY + 2, EV_OUT, OP_ENABLE,
		       T_LEVEL | T_ONESHOT);
	EXPECT_CALL(other, reg, 2, 0, { KEY + 2, EV_OUT });
	EXPECT_EQ(ERROR_INVALID_PARAMETER, reg[0].registrationResult);
	EXPECT_EQ(0, reg[1].registrationResult);
	EXPECT_TRUE(CloseHandle(other));
}

TEST_F(registration, removed_socket_can_go_to_another_port)
{
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN, T_LEVEL));
	EXPECT_EQ(0, deregister(self->port, self->fd[0]));
	EXPECT_EQ(0, enable(other, self->fd[0], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_REMOVE });
	EXPECT_PACKETS(other, { KEY + 1, EV_OUT });
	EXPECT_TRUE(CloseHandle(other));
}

TEST_F(registration, socket_of_a_closed_port_can_go_to_another_port)
{
	HANDLE first = port_open();

	ASSERT_NE(NULL, first);
	EXPECT_EQ(0, enable(first, self->fd[0], KEY, EV_ALL, T_LEVEL));
	EXPECT_TRUE(CloseHandle(first));
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
}

/* spec 14.14 */
TEST_F(registration, bad_entry_in_the_middle_leaves_the_others_applied)
{
	SOCK_NOTIFY_REGISTRATION reg[3] = {
		entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT),
		entry(-1, KEY + 1, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT),
		entry(self->fd[1], KEY + 2, EV_OUT, OP_ENABLE,
		      T_LEVEL | T_ONESHOT),
	};

	EXPECT_CALL(self->port, reg, 3, 0,
		    { KEY, EV_OUT }, { KEY + 2, EV_OUT });
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(WSAENOTSOCK, reg[1].registrationResult);
	EXPECT_EQ(0, reg[2].registrationResult);
	EXPECT_NOTHING(self->port);
}

/* spec 14.15 */
TEST_F(registration, bad_port_fails_the_call_and_touches_nothing)
{
	SOCK_NOTIFY_REGISTRATION reg, before;
	OVERLAPPED_ENTRY got, poison;
	UINT32 received = POISON32;
	int closed = fd_dup(self->fd[0]);
	HANDLE bad[] = {
		(HANDLE)(intptr_t)closed,
		(HANDLE)(intptr_t)self->fd[1],
		INVALID_HANDLE_VALUE,
		NULL,
		(HANDLE)(intptr_t)0x7fffffff,
		(HANDLE)(((intptr_t)1 << 32) | (intptr_t)self->port),
	};
	size_t i;

	fd_close(closed);
	memset(&poison, POISON_BYTE, sizeof(poison));
	memset(&got, POISON_BYTE, sizeof(got));
	reg = entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT);
	before = reg;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		SetLastError(POISON32);
		EXPECT_EQ(ERROR_INVALID_HANDLE,
			  ProcessSocketNotifications(bad[i], 1, &reg, 0, 1,
						     &got, &received)) {
			TH_LOG("bad handle %zu", i);
		}
		EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
		EXPECT_EQ(ERROR_INVALID_HANDLE,
			  ProcessSocketNotifications(bad[i], 1, &reg, 0, 0,
						     NULL, NULL));
		EXPECT_EQ(0, memcmp(&before, &reg, sizeof(reg)));
		EXPECT_EQ(0, memcmp(&poison, &got, sizeof(got)));
		EXPECT_EQ(POISON32, received);
	}
	EXPECT_NOT_REGISTERED(self->fd[0]);
	EXPECT_NOTHING(self->port);
}

/* spec 14.16 */
TEST_F(registration, registrations_are_applied_though_the_wait_times_out)
{
	SOCK_NOTIFY_REGISTRATION reg[2] = {
		entry(self->fd[0], KEY, EV_IN, OP_ENABLE, T_LEVEL | T_ONESHOT),
		entry(-1, KEY, EV_IN, OP_ENABLE, T_LEVEL | T_ONESHOT),
	};

	EXPECT_CALL_TIMES_OUT(self->port, reg, 2, 10);
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(WSAENOTSOCK, reg[1].registrationResult);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

/* spec 14.17 */
TEST_F(registration, received_count_is_0_after_a_time_out)
{
	OVERLAPPED_ENTRY got, poison;
	UINT32 received = POISON32;

	memset(&poison, POISON_BYTE, sizeof(poison));
	memset(&got, POISON_BYTE, sizeof(got));
	EXPECT_EQ(WAIT_TIMEOUT, ProcessSocketNotifications(self->port, 0, NULL, 0,
							   1, &got, &received));
	EXPECT_EQ(0, received);
	EXPECT_EQ(0, memcmp(&poison, &got, sizeof(got)));

	received = POISON32;
	EXPECT_EQ(WAIT_TIMEOUT, ProcessSocketNotifications(self->port, 0, NULL, 10,
							   1, &got, &received));
	EXPECT_EQ(0, received);
	EXPECT_EQ(0, memcmp(&poison, &got, sizeof(got)));
}

TEST_F(registration, result_is_written_when_nothing_is_harvested)
{
	SOCK_NOTIFY_REGISTRATION reg[2] = {
		entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT),
		entry(self->fd[1], KEY, EV_OUT, OP_REMOVE, 0),
	};

	EXPECT_EQ(0, ProcessSocketNotifications(self->port, 2, reg, 0, 0, NULL,
						NULL));
	EXPECT_EQ(0, reg[0].registrationResult);
	EXPECT_EQ(ERROR_NOT_FOUND, reg[1].registrationResult);
	/* completionCount 0 takes nothing off the queue. */
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
}

TEST_F(registration, call_without_anything_to_do_succeeds)
{
	SetLastError(POISON32);
	EXPECT_EQ(0, ProcessSocketNotifications(self->port, 0, NULL, 0, 0, NULL,
						NULL));
}

TEST_F(registration, bad_combination_of_arguments_touches_nothing)
{
	SOCK_NOTIFY_REGISTRATION reg, before;
	OVERLAPPED_ENTRY got, poison;
	UINT32 received = POISON32;
	HANDLE port = self->port;
	DWORD inval = WSAEINVAL;

	memset(&poison, POISON_BYTE, sizeof(poison));
	memset(&got, POISON_BYTE, sizeof(got));
	reg = entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL);
	before = reg;

	/* registrationInfos is NULL if and only if registrationCount is 0. */
	EXPECT_EQ(inval, ProcessSocketNotifications(port, 0, &reg, 0, 1, &got,
						    &received));
	EXPECT_EQ(inval, ProcessSocketNotifications(port, 1, NULL, 0, 1, &got,
						    &received));
	/* Without a harvest its arguments are 0. */
	EXPECT_EQ(inval, ProcessSocketNotifications(port, 1, &reg, 0, 0, &got,
						    NULL));
	EXPECT_EQ(inval, ProcessSocketNotifications(port, 1, &reg, 0, 0, NULL,
						    &received));
	EXPECT_EQ(inval, ProcessSocketNotifications(port, 1, &reg, 1, 0, NULL,
						    NULL));
	EXPECT_EQ(inval, ProcessSocketNotifications(port, 1, &reg, INFINITE, 0,
						    NULL, NULL));
	/* With one they must be there. */
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(port, 1, &reg, 0, 1, NULL,
							&received));
	EXPECT_EQ(WSAEFAULT, ProcessSocketNotifications(port, 1, &reg, 0, 1, &got,
							NULL));

	EXPECT_EQ(0, memcmp(&before, &reg, sizeof(reg)));
	EXPECT_EQ(0, memcmp(&poison, &got, sizeof(got)));
	EXPECT_EQ(POISON32, received);
	EXPECT_NOT_REGISTERED(self->fd[0]);
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, failed_call_sets_the_last_error_too)
{
	SetLastError(POISON32);
	EXPECT_EQ(WSAEINVAL, ProcessSocketNotifications(self->port, 1, NULL, 0, 0,
							NULL, NULL));
	EXPECT_EQ(WSAEINVAL, GetLastError());
	EXPECT_EQ(WSAEINVAL, WSAGetLastError());
}

TEST_F(registration, bad_operation_is_refused)
{
	const UINT8 op[] = { 3, 5, 6, 7, 8, 0x10, 0x80, 0xff };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(op); i++) {
		EXPECT_EQ(WSAEINVAL, apply(self->port, self->fd[0], KEY, EV_OUT,
					   op[i], T_LEVEL)) {
			TH_LOG("operation %#x", op[i]);
		}
	}
	EXPECT_NOT_REGISTERED(self->fd[0]);
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, bad_filter_is_refused)
{
	const UINT16 filter[] = {
		0x08, 0x10, 0x20, 0x40, 0x80, 0x100, 0x8000, 0x47, 0xffff,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(filter); i++) {
		EXPECT_EQ(WSAEINVAL, enable(self->port, self->fd[0], KEY,
					    filter[i], T_LEVEL)) {
			TH_LOG("filter %#x", filter[i]);
		}
	}
	EXPECT_NOT_REGISTERED(self->fd[0]);
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, triggers_are_checked_as_documented)
{
	unsigned int trigger;

	for (trigger = 0; trigger <= 0xff; trigger++) {
		const unsigned int both = T_LEVEL | T_EDGE;
		const unsigned int often = T_ONESHOT | T_PERSISTENT;
		int good = trigger <= 0xf && (trigger & both) &&
			   (trigger & both) != both &&
			   (trigger & often) != often;

		EXPECT_EQ(good ? 0 : WSAEINVAL,
			  enable(self->port, self->fd[0], KEY, EV_IN, trigger)) {
			TH_LOG("trigger %#x", trigger);
		}
		EXPECT_EQ(good ? 0 : ERROR_NOT_FOUND,
			  deregister(self->port, self->fd[0])) {
			TH_LOG("trigger %#x", trigger);
		}
		if (good) {
			ASSERT_PACKETS(self->port, { KEY, EV_REMOVE });
		}
	}
	EXPECT_NOTHING(self->port);
}

TEST_F(registration, refused_enable_leaves_a_registration_as_it_was)
{
	EXPECT_EQ(0, enable(self->port, self->fd[0], KEY, EV_IN,
			    T_LEVEL | T_ONESHOT));
	EXPECT_EQ(WSAEINVAL, enable(self->port, self->fd[0], KEY, 0x47, T_LEVEL));
	EXPECT_EQ(WSAEINVAL, enable(self->port, self->fd[0], KEY, EV_OUT, 0));
	EXPECT_EQ(WSAEINVAL, apply(self->port, self->fd[0], KEY, EV_OUT,
				   OP_ENABLE | OP_REMOVE, T_LEVEL));
	EXPECT_NOTHING(self->port);
	ASSERT_EQ(1, sock_send(self->fd[1], "x", 1));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
}

#define EXPECT_REFUSED(result, fd)					\
	do {								\
		EXPECT_EQ(result, enable(self->port, fd, KEY, EV_ALL,	\
					 T_LEVEL));			\
		EXPECT_EQ(result, disable(self->port, fd));		\
		EXPECT_EQ(result, deregister(self->port, fd));		\
		EXPECT_NOTHING_NOW(self->port);				\
	} while (0)

TEST_F(registration, closed_descriptor_is_no_socket)
{
	int fd = fd_dup(self->fd[0]);

	ASSERT_LE(0, fd);
	fd_close(fd);
	EXPECT_REFUSED(WSAENOTSOCK, fd);
	EXPECT_REFUSED(WSAENOTSOCK, -1);
	EXPECT_REFUSED(WSAENOTSOCK, 0x7fffffff);
}

TEST_F(registration, descriptor_is_not_cut_to_32_bits)
{
	SOCK_NOTIFY_REGISTRATION reg;

	reg = entry(self->fd[0], KEY, EV_OUT, OP_ENABLE, T_LEVEL);
	reg.socket |= (SOCKET)1 << 32;
	EXPECT_CALL_TIMES_OUT(self->port, &reg, 1, 0);
	EXPECT_EQ(WSAENOTSOCK, reg.registrationResult);
	EXPECT_NOT_REGISTERED(self->fd[0]);
}

TEST_F(registration, file_that_is_no_socket_is_refused)
{
	int file = fd_open("/proc/self/exe", 1);
	int null = fd_open("/dev/null", 0);
	int epoll = fd_epoll();
	int pipe[2];

	ASSERT_EQ(0, fd_pipe(pipe));
	EXPECT_REFUSED(WSAENOTSOCK, file);
	EXPECT_REFUSED(WSAENOTSOCK, null);
	EXPECT_REFUSED(WSAENOTSOCK, epoll);
	EXPECT_REFUSED(WSAENOTSOCK, pipe[0]);
	EXPECT_REFUSED(WSAENOTSOCK, pipe[1]);
	fd_close(file);
	fd_close(null);
	fd_close(epoll);
	fd_close(pipe[0]);
	fd_close(pipe[1]);
}

TEST_F(registration, port_is_no_socket)
{
	HANDLE other = port_open();

	ASSERT_NE(NULL, other);
	EXPECT_REFUSED(WSAENOTSOCK, port_fd(self->port));
	EXPECT_REFUSED(WSAENOTSOCK, port_fd(other));
	EXPECT_TRUE(CloseHandle(other));
}

TEST_F(registration, netlink_socket_is_refused)
{
	int fd = any_socket(FAM_NETLINK, TYPE_RAW, 0);

	ASSERT_LE(0, fd);
	EXPECT_REFUSED(WSAEOPNOTSUPP, fd);
	fd_close(fd);
}

TEST_F(registration, packet_socket_is_refused)
{
	int fd = any_socket(FAM_PACKET, TYPE_RAW, 0);

	if (fd < 0)
		SKIP(return, "no AF_PACKET sockets here");
	EXPECT_REFUSED(WSAEOPNOTSUPP, fd);
	fd_close(fd);
}

TEST_F(registration, raw_socket_is_refused)
{
	int fd = any_socket(FAM_INET, TYPE_RAW, 1);

	if (fd < 0)
		SKIP(return, "no raw sockets here");
	EXPECT_REFUSED(WSAEOPNOTSUPP, fd);
	fd_close(fd);
}

TEST_F(registration, every_kind_of_supported_socket_is_accepted)
{
	static const struct {
		int family;
		int type;
	} kind[] = {
		{ FAM_INET, TYPE_STREAM }, { FAM_INET, TYPE_DGRAM },
		{ FAM_INET6, TYPE_STREAM }, { FAM_INET6, TYPE_DGRAM },
		{ FAM_UNIX, TYPE_STREAM }, { FAM_UNIX, TYPE_DGRAM },
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		fd = any_socket(kind[i].family, kind[i].type, 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, enable(self->port, fd, i, EV_NONE, T_LEVEL)) {
			TH_LOG("kind %zu", i);
		}
		EXPECT_EQ(0, deregister(self->port, fd));
		EXPECT_PACKETS(self->port, { i, EV_REMOVE });
		fd_close(fd);
	}
}

TEST_F(registration, descriptor_number_is_no_identity)
{
	int fd = fd_dup(self->fd[0]);
	int other[2];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, udp_pair(FAM_INET, other));
	EXPECT_EQ(0, enable(self->port, fd, KEY, EV_OUT, T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });

	/* The number now stands for another socket. */
	ASSERT_EQ(fd, fd_dup_to(other[0], fd));
	EXPECT_NOT_REGISTERED(fd);
	EXPECT_EQ(0, enable(self->port, fd, KEY + 1, EV_OUT,
			    T_LEVEL | T_ONESHOT));
	EXPECT_PACKETS(self->port, { KEY + 1, EV_OUT });
	EXPECT_REGISTERED(self->fd[0], KEY);
	fd_close(fd);
	fd_close(other[0]);
	fd_close(other[1]);
}

TEST_F(registration, thousand_sockets_in_one_call_have_a_result_each)
{
	enum { COUNT = 1000 };
	static SOCK_NOTIFY_REGISTRATION reg[COUNT];
	static OVERLAPPED_ENTRY got[COUNT + 1];
	static unsigned char seen[COUNT];
	UINT32 received;
	int fd[COUNT], i;

	if (raise_nofile(COUNT + 100))
		SKIP(return, "cannot have %d descriptors", COUNT);
	for (i = 0; i < COUNT; i++) {
		/* Every seventh is bad. */
		fd[i] = i % 7 == 6 ? -1 : any_socket(FAM_INET, TYPE_DGRAM, 0);
		reg[i] = entry(fd[i], i, EV_OUT, OP_ENABLE, T_LEVEL | T_ONESHOT);
	}
	memset(got, POISON_BYTE, sizeof(got));
	ASSERT_EQ(0, ProcessSocketNotifications(self->port, COUNT, reg, 0, COUNT + 1,
						got, &received));
	EXPECT_EQ(COUNT - COUNT / 7, received);
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(i % 7 == 6 ? WSAENOTSOCK : 0, reg[i].registrationResult);
	for (i = 0; i < (int)received; i++) {
		ASSERT_EQ(EV_OUT, got[i].dwNumberOfBytesTransferred);
		ASSERT_GT(COUNT, got[i].lpCompletionKey);
		ASSERT_EQ(0, seen[got[i].lpCompletionKey]++);
	}
	EXPECT_EQ(POISON64, got[received].lpCompletionKey);
	EXPECT_NOTHING(self->port);
	for (i = 0; i < COUNT; i++)
		fd_close(fd[i]);
}

TEST_HARNESS_MAIN
