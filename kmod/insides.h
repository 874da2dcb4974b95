/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What this module knows of the insides of other subsystems, because they offer no
 * function for it: each in one place, with its reason and what it would be if its owner
 * exported it.  What is known of protocols is in the readiness files.
 */
#ifndef _SOCKIOCP_INSIDES_H
#define _SOCKIOCP_INSIDES_H

#include "compat.h"

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <net/sock.h>

/**
 * sockiocp_socket_is_closed - has the last reference to a socket's file been dropped?
 * @socket: a socket whose inode the caller pins
 *
 * Exact when it says yes.  It may say no for a moment after: the file's memory may serve
 * another file already (SLAB_TYPESAFE_BY_RCU), but then sock->file has been cleared, and
 * the next look sees that.  The caller is in a read-side critical section of RCU.
 *
 * sockfs could tell: a flag of the socket that its ->release sets, or a notifier.
 */
static inline bool sockiocp_socket_is_closed(const struct socket *socket)
{
	struct file *file = READ_ONCE(socket->file);

	return !file || !file_count(file);
}

/**
 * sockiocp_socket_get_file - take a reference to a socket's file, unless it is closed
 * @socket: a socket whose inode the caller pins, and is that of its file
 *
 * A file that nobody has any more is not taken: its count is raised only if it is not 0.
 * The memory read for that is a file's, as sock->file is cleared, by ->release, before
 * the file is freed, and that takes a grace period of RCU.  On kernels that use it
 * anew at once (SLAB_TYPESAFE_BY_RCU) it may be another file's by then, so that
 * get_file_active() looks at sock->file again when it has the reference: that is still
 * there only if this is the file.  AF_SMC is the exception, which points one file at two
 * sockets; but only one of them has the file's inode.
 *
 * sockfs could offer it: sockfd_lookup() with a socket in place of a descriptor.
 *
 * Return: the file, for fput(), or NULL.
 */
static inline struct file *sockiocp_socket_get_file(struct socket *socket)
{
	return get_file_active(&socket->file);
}

/**
 * sockiocp_socket_try_hold - keep a socket from being released, without its file
 * @socket: a socket whose inode the caller pins
 *
 * There is no reference to the file, so that the last close() sends its FIN at once.
 * What keeps the socket from being released meanwhile is the lock of its inode: the end
 * of its file takes it, calls ->release and clears sock->sk under it, and the file is
 * freed only after that.  So while it is held shared and sock->sk is there, sock->ops
 * and sock->file are too.  AF_SMC releases the TCP sockets that it has in files by
 * itself, but those are not registered: see sockiocp_readiness_kind(), and SECURITY.md
 * for some older kernels.
 *
 * The lock is only tried: a close() may hold it for as long as SO_LINGER says.
 *
 * sockfs could offer the two as sock_hold_open() and sock_let_go().
 *
 * Return: whether it is held, until sockiocp_socket_let_go().
 */
static inline bool sockiocp_socket_try_hold(struct socket *socket)
{
	return inode_trylock_shared(SOCK_INODE(socket));
}

static inline void sockiocp_socket_let_go(struct socket *socket)
{
	inode_unlock_shared(SOCK_INODE(socket));
}

/**
 * sockiocp_socket_is_lent - does the file of a socket belong to another one?
 * @socket: a socket whose file the caller has
 *
 * AF_SMC lends its file a TCP socket, which it releases by itself, without the lock of
 * that socket's inode.
 *
 * AF_SMC could tell.
 */
static inline bool sockiocp_socket_is_lent(const struct socket *socket)
{
	return !socket->file || file_inode(socket->file) != SOCK_INODE((struct socket *)socket);
}

/**
 * sockiocp_socket_moves_waits - may others move what stands on a socket's wait queue?
 * @socket: a socket whose file the caller has
 *
 * When AF_SMC falls back to TCP, some kernels (5.10 and 5.15 of the stable ones, 5.16) move
 * it to the wait queue of the TCP socket, which has another lock, and ends earlier.
 *
 * AF_SMC could wake both instead, as it does from 5.17 on.
 */
static inline bool sockiocp_socket_moves_waits(const struct socket *socket)
{
	return socket->sk->sk_family == AF_SMC;
}

/**
 * sockiocp_find_descriptor - find a descriptor of a file in the caller's table
 * @file: the file
 * @fd: where to begin; where it was found, or where the search has ended
 * @end: where to end; not more than the size of the table afterwards
 * @looks: how many to look at
 *
 * The table is not locked, and the slots are compared, not taken: no file is touched.
 *
 * iterate_fd() would do it under the lock of the table, and cannot be left and taken up
 * again; and it is not exported.
 *
 * Return: whether it was found.
 */
static inline bool sockiocp_find_descriptor(const struct file *file, unsigned int *fd,
					    unsigned int *end, unsigned int looks)
{
	struct fdtable *table;
	unsigned int stop;

	rcu_read_lock();
	table = rcu_dereference(current->files->fdt);
	*end = min(*end, table->max_fds);
	stop = *fd < *end ? *fd + min(*end - *fd, looks) : *fd;
	while (*fd < stop && rcu_access_pointer(table->fd[*fd]) != file)
		(*fd)++;
	rcu_read_unlock();
	return *fd < stop;
}

#endif /* _SOCKIOCP_INSIDES_H */
