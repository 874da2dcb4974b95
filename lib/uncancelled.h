/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What libc makes cancellation points and Windows does not: a thread that is cancelled there
 * would keep a lock, or take with it what it was handed.  syscall(2) is none.
 */
#ifndef _SOCKIOCP_LIB_UNCANCELLED_H
#define _SOCKIOCP_LIB_UNCANCELLED_H

#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As eventfd_read(3) and eventfd_write(3). */
static inline int sockiocp_eventfd_read(int fd, uint64_t *value)
{
	return syscall(SYS_read, fd, value, sizeof(*value)) == sizeof(*value) ? 0 : -1;
}

static inline int sockiocp_eventfd_write(int fd, uint64_t value)
{
	return syscall(SYS_write, fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}

static inline void sockiocp_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	pthread_cond_wait(cond, lock);
	pthread_setcancelstate(before, &(int){ 0 });
}

#endif /* _SOCKIOCP_LIB_UNCANCELLED_H */
