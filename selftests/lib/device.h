/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The ioctls of /dev/sockiocp, without the library.  Conventions as in sock.h; here
 * that is ioctl(2)'s errno.
 */
#ifndef SELFTESTS_LIB_DEVICE_H
#define SELFTESTS_LIB_DEVICE_H

#include <linux/sockiocp.h>

#include <pthread.h>

/* What results are before the call. */
#define POISON32	0xccccccccU

int device_open(void);
int device_call(int port, unsigned long cmd, const void *arg);

/* Arguments. */
struct sockiocp_registration_entry device_entry(int fd, __u64 key, __u16 filter, __u8 op,
						__u8 trigger);
struct sockiocp_process device_process(int port, const void *reg, __u32 reg_count,
				       const void *got, __u32 got_count,
				       const void *received, __u64 timeout_ns);

/* SOCKIOCP_PROCESS, to its end. */
int device_wait(int port, struct sockiocp_process *p);
/* One registration; its result, or the error of the call. */
int device_apply(int port, int fd, __u64 key, __u16 filter, __u8 op, __u8 trigger);
int device_post(int port, __u64 key);
/* The keys of all packets of one harvest, 8 at the most; how many. */
int device_harvest(int port, __u64 timeout_ns, __u64 *key, int max);

/* A call in another thread, which blocks. */
struct blocked {
	int port;
	/* SOCKIOCP_PROCESS, if it is 0. */
	unsigned long cmd;
	struct sockiocp_process p;
	int ret;
	int tid;
	pthread_t thread;
};

/* 1 when it does. */
int blocked_start(struct blocked *b);

#endif /* SELFTESTS_LIB_DEVICE_H */
