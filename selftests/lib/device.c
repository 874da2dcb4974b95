// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * /dev/sockiocp, without the library: see device.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "device.h"
#include "sock.h"

int device_open(void)
{
	return open("/dev/sockiocp", O_RDWR | O_CLOEXEC);
}

int device_call(int port, unsigned long cmd, const void *arg)
{
	return ioctl(port, cmd, arg) < 0 ? -errno : 0;
}

struct sockiocp_registration_entry device_entry(int fd, __u64 key, __u16 filter, __u8 op,
						__u8 trigger)
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

struct sockiocp_process device_process(int port, const void *reg, __u32 reg_count,
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
int device_wait(int port, struct sockiocp_process *p)
{
	const __u32 *received = (void *)(uintptr_t)p->received;
	int ret;

	do
		ret = device_call(port, SOCKIOCP_PROCESS, p);
	while (!ret && !*received);
	return ret;
}

int device_apply(int port, int fd, __u64 key, __u16 filter, __u8 op, __u8 trigger)
{
	struct sockiocp_registration_entry reg = device_entry(fd, key, filter, op, trigger);
	struct sockiocp_process p = device_process(port, &reg, 1, NULL, 0, NULL, 0);
	int ret = device_call(port, SOCKIOCP_PROCESS, &p);

	return ret ? ret : (int)reg.registration_result;
}

int device_post(int port, __u64 key)
{
	struct sockiocp_post packet = { .completion_key = key };

	return device_call(port, SOCKIOCP_POST, &packet);
}

int device_harvest(int port, __u64 timeout_ns, __u64 *key, int max)
{
	struct sockiocp_packet_entry got[8];
	__u32 received = POISON32;
	struct sockiocp_process p;
	int ret, i;

	p = device_process(port, NULL, 0, got, max, &received, timeout_ns);
	ret = device_wait(port, &p);
	if (ret)
		return ret;
	for (i = 0; i < (int)received; i++)
		key[i] = got[i].completion_key;
	return received;
}

static void *block(void *arg)
{
	struct blocked *b = arg;

	__atomic_store_n(&b->tid, thread_id(), __ATOMIC_RELEASE);
	b->ret = b->cmd ? device_call(b->port, b->cmd, &b->p) : device_wait(b->port, &b->p);
	return NULL;
}

int blocked_start(struct blocked *b)
{
	b->tid = 0;
	if (pthread_create(&b->thread, NULL, block, b))
		return 0;
	while (!__atomic_load_n(&b->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return task_blocked(0, b->tid, COMES);
}
