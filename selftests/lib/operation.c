// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Operations, without the library: see operation.h.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "operation.h"
#include "sock.h"

#define MS	1000000ULL

int operation_associate(int port, int fd, __u64 key)
{
	struct sockiocp_association args = { .socket = fd, .completion_key = key };

	return device_call(port, SOCKIOCP_ASSOCIATE, &args);
}

int operation_set_modes(int port, int fd, __u32 modes)
{
	struct sockiocp_modes args = { .socket = fd, .modes = modes };

	return device_call(port, SOCKIOCP_SET_MODES, &args);
}

struct sockiocp_submit operation_args(int fd, struct overlapped *o, unsigned int operation)
{
	o->state = STATUS_IS_PENDING;
	o->bytes = NO_BYTES;
	return (struct sockiocp_submit) {
		.socket = fd,
		.overlapped = (uintptr_t)o,
		.operation = operation,
	};
}

struct sockiocp_submit operation_with_buffer(int fd, struct overlapped *o,
					     unsigned int operation,
					     struct sockiocp_buffer *buffer,
					     const void *data, size_t len)
{
	struct sockiocp_submit args = operation_args(fd, o, operation);

	*buffer = (struct sockiocp_buffer) { .length = len, .address = (uintptr_t)data };
	args.buffers = (uintptr_t)buffer;
	args.buffer_count = 1;
	return args;
}

int operation_submit(int home, struct sockiocp_submit *args)
{
	int ret = ioctl(home, SOCKIOCP_SUBMIT, args);

	return ret < 0 ? -errno : ret;
}

int operation_receive(int home, int fd, struct overlapped *o, void *data, size_t len)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args = operation_with_buffer(fd, o, SOCKIOCP_SUBMIT_RECEIVE,
							    &buffer, data, len);

	return operation_submit(home, &args);
}

int operation_send(int home, int fd, struct overlapped *o, const void *data, size_t len)
{
	struct sockiocp_buffer buffer;
	struct sockiocp_submit args = operation_with_buffer(fd, o, SOCKIOCP_SUBMIT_SEND,
							    &buffer, data, len);

	return operation_submit(home, &args);
}

int operation_simple(int home, int fd, struct overlapped *o, unsigned int operation,
		     __u64 cookie, __u32 flags)
{
	struct sockiocp_submit args = operation_args(fd, o, operation);

	args.cookie = cookie;
	args.flags = flags;
	return operation_submit(home, &args);
}

int operation_cancel(int home, int fd, const struct overlapped *o, __u32 flags)
{
	struct sockiocp_cancel args = {
		.socket = fd, .overlapped = (uintptr_t)o, .flags = flags,
	};
	int ret = device_call(home, SOCKIOCP_CANCEL, &args);

	return ret ?: (int)args.cancelled;
}

int operation_harvest(int port, struct sockiocp_packet_entry *got, int max, int timeout_ms)
{
	__u32 received = 0;
	struct sockiocp_process p = device_process(port, NULL, 0, got, max, &received,
						   timeout_ms * MS);
	int ret = device_wait(port, &p);

	return ret ?: (int)received;
}

static void *harvest_home(void *arg)
{
	int home = (intptr_t)arg, ret;
	struct sockiocp_packet_entry got[8];
	struct sockiocp_process p;
	__u32 received = 0;

	do {
		p = device_process(home, NULL, 0, got, 8, &received, SOCKIOCP_INFINITE);
		ret = device_wait(home, &p);
	} while (!ret || ret == -EINTR);
	return NULL;
}

int home_thread_start(int home)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, harvest_home, (void *)(intptr_t)home) ?:
	       -pthread_detach(thread);
}

int operation_ends(int port, const struct overlapped *o, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct sockiocp_packet_entry got[32];

	while (__atomic_load_n(&o->state, __ATOMIC_ACQUIRE) == STATUS_IS_PENDING) {
		if (now_ms() >= end)
			return 0;
		operation_harvest(port, got, 32, 10);
	}
	return 1;
}

int operation_has_data(const struct overlapped *o, int fd, int bytes, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (!sock_queued(fd, bytes, 0) &&
	       __atomic_load_n(&o->state, __ATOMIC_ACQUIRE) == STATUS_IS_PENDING) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

int small_pair(int fd[2])
{
	return tcp_pair(FAM_INET, fd, 4096);
}

static unsigned char pattern(size_t at)
{
	return at ^ at >> 8 ^ at >> 16;
}

void pattern_fill(void *data, size_t len, size_t begins)
{
	unsigned char *to = data;
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = pattern(begins + i);
}

long pattern_differs(const void *data, size_t len, size_t begins)
{
	const unsigned char *from = data;
	size_t i;

	for (i = 0; i < len; i++) {
		if (from[i] != pattern(begins + i))
			return i;
	}
	return -1;
}

long receive_all(int fd, void *data, size_t len, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	size_t done = 0;
	long got;

	while (done < len) {
		got = sock_recv(fd, (char *)data + done, len - done);
		if (got > 0)
			done += got;
		else if (!got || now_ms() >= end)
			break;
		else
			sock_becomes(fd, SEE_IN, 10);
	}
	return done;
}

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	reader->got = receive_all(reader->fd, reader->to, reader->want, reader->timeout_ms);
	return NULL;
}

int reader_start(struct reader *reader)
{
	return pthread_create(&reader->thread, NULL, reader_main, reader);
}
