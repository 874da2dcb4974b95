/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* What the files of Winsock's functions share. */
#ifndef _SOCKIOCP_LIB_WINSOCK_H
#define _SOCKIOCP_LIB_WINSOCK_H

#include <stdatomic.h>
#include <stdbool.h>

/* Whether any socket of the process ever had SO_RCVTIMEO or SO_SNDTIMEO. */
extern atomic_bool sockiocp_timeouts_used;

/*
 * Set for good by the first socket of socket() that is no stream.  A program that
 * has only streams does not pay for looking whether a message was cut: with it
 * recv() takes about 500 instructions more.
 */
extern atomic_bool sockiocp_messages_used;

/* socket_state.c */
int sockiocp_socket_type(int fd);
bool sockiocp_is_nonblocking(int fd);
bool sockiocp_was_never_connected(int fd);
int sockiocp_transfer_fail(int fd, int err);

#endif /* _SOCKIOCP_LIB_WINSOCK_H */
