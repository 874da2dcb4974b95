/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What winsock.c and sockopt.c share. */
#ifndef _SOCKIOCP_LIB_WINSOCK_H
#define _SOCKIOCP_LIB_WINSOCK_H

#include <stdatomic.h>

/* Whether any socket of the process ever had SO_RCVTIMEO or SO_SNDTIMEO. */
extern atomic_bool sockiocp_timeouts_used;

#endif /* _SOCKIOCP_LIB_WINSOCK_H */
