/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The one place that knows kernel versions.  A wrapper here has the name and
 * the signature that the newest kernel gives it.
 */
#ifndef _SOCKIOCP_COMPAT_H
#define _SOCKIOCP_COMPAT_H

#include <linux/version.h>

#include "kernels.h"

/* Before all else: another kernel may lack the headers that follow. */
#if (LINUX_VERSION_CODE < KERNEL_VERSION(SOCKIOCP_FIRST_MAJOR, SOCKIOCP_FIRST_MINOR, 0) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(SOCKIOCP_LAST_MAJOR, SOCKIOCP_LAST_MINOR + 1, 0)) && \
	!defined(SOCKIOCP_ANY_KERNEL)
#error "sockiocp supports Linux 5.10 to 7.2; to try it on this kernel: make kmod KCFLAGS=-DSOCKIOCP_ANY_KERNEL"
#endif

#include <linux/compiler.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/task_work.h>
/* 5.10 expects that of those who include the next one. */
#include <net/sock.h>
#include <net/af_vsock.h>
#include <net/genetlink.h>

/* 5.11 dropped the second argument of sock_from_file(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
static inline struct socket *sockiocp_sock_from_file(struct file *file)
{
	int err;

	return sock_from_file(file, &err);
}
#define sock_from_file sockiocp_sock_from_file
#endif

/* 6.7 gave it this name, when it began to use the memory of files anew at once. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct file *get_file_active(struct file **f)
{
	struct file *file;

	rcu_read_lock();
	file = READ_ONCE(*f);
	if (file && !get_file_rcu(file))
		file = NULL;
	rcu_read_unlock();
	return file;
}
#endif

/* 5.15 lets modules give a process a descriptor; 6.8 added the second argument. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
#define SOCKIOCP_CAN_RECEIVE_FD	0
static inline int sockiocp_receive_fd(struct file *file, int __user *ufd, unsigned int flags)
{
	return -EOPNOTSUPP;
}
#define receive_fd sockiocp_receive_fd
#else
#define SOCKIOCP_CAN_RECEIVE_FD	1
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline int sockiocp_receive_fd(struct file *file, int __user *ufd, unsigned int flags)
{
	return receive_fd(file, flags);
}
#define receive_fd sockiocp_receive_fd
#endif
#endif

/* 6.12 packed struct fd into one word. */
#ifndef fd_file
#define fd_file(f) ((f).file)
#endif

/* 6.12 lets a task that has blocked stay on its run queue for a while. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static inline bool task_is_runnable(struct task_struct *task)
{
	return task->on_rq;
}
#endif

/* 5.14 gave AF_VSOCK messages. */
static inline bool sockiocp_vsock_has_message(struct vsock_sock *vsk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
	return false;
#else
	return vsk->transport->seqpacket_has_data(vsk) > 0;
#endif
}

/* 6.6 has the request of a dump in the same structure as any other. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define genl_info_dump(cb) genl_dumpit_info(cb)
#endif

/* 6.1 has this, which tells the caller what is missing, in a form for programs, too. */
#ifndef GENL_REQ_ATTR_CHECK
#define GENL_REQ_ATTR_CHECK(info, attr) ({				\
	const struct genl_info *info_ = (info);				\
	bool missing_ = !info_->attrs[attr];				\
	if (missing_)							\
		NL_SET_ERR_MSG(info_->extack, "an attribute is missing: " #attr);	\
	missing_;							\
})
#endif

/* 6.7 has a flag of its own for a group that not everybody may join, and so has a later 6.1. */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN GENL_UNS_ADMIN_PERM
#endif

/* 6.8 dropped the second argument. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline void sockiocp_eventfd_signal(struct eventfd_ctx *event)
{
	eventfd_signal(event, 1);
}
#define eventfd_signal sockiocp_eventfd_signal
#endif

/* 5.18 gave it a name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
static inline bool task_work_pending(struct task_struct *task)
{
	return READ_ONCE(task->task_works);
}
#endif

/* 5.14 renamed task->state. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
#define sockiocp_task_state(task) READ_ONCE((task)->state)
#else
#define sockiocp_task_state(task) READ_ONCE((task)->__state)
#endif

static inline bool sockiocp_task_is_dead(struct task_struct *task)
{
	return sockiocp_task_state(task) == TASK_DEAD;
}

/* Also while it waits for a spinlock, which sleeps with PREEMPT_RT: 5.15 named that. */
static inline bool sockiocp_task_is_running(struct task_struct *task)
{
	unsigned int state = sockiocp_task_state(task);

#ifdef TASK_RTLOCK_WAIT
	if (state == TASK_RTLOCK_WAIT)
		return true;
#endif
	return state == TASK_RUNNING;
}

/* 5.11 lets an entry of a wait queue stay in front of those that are added later. */
#ifndef WQ_FLAG_PRIORITY
#define WQ_FLAG_PRIORITY 0
#endif

/* 5.16 has folios, and later kernels ask them only. */
static inline bool page_is_swapbacked(struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)
	return PageSwapBacked(page);
#else
	return folio_test_swapbacked(page_folio(page));
#endif
}

/* A buffer that is written before it is read need not be zeroed first. */
#ifndef __uninitialized
#define __uninitialized
#endif

#endif /* _SOCKIOCP_COMPAT_H */
