/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * A port's mirror, as whoever changes the queue sees it.  The rest is in mirror.c.
 */
#ifndef _SOCKIOCP_MIRROR_H
#define _SOCKIOCP_MIRROR_H

#include "sockiocp.h"

/*
 * A word is written to by its address in the kernel: in one step, and so that the process sees
 * it at its own address, which these have caches against.
 */
#define SOCKIOCP_CAN_MIRROR						\
	(sockiocp_goes(SOCKIOCP_MIRRORS) && IS_ENABLED(CONFIG_64BIT) &&		\
	 !IS_ENABLED(CONFIG_MIPS) && !IS_ENABLED(CONFIG_PARISC) && !IS_ENABLED(CONFIG_SPARC))

/*
 * What a program writes to all the time is changed in one step: on other processors the kernel
 * would try until it succeeds, with interrupts off.
 */
#define SOCKIOCP_CAN_RING						\
	(SOCKIOCP_CAN_MIRROR && sockiocp_goes(SOCKIOCP_RINGS) &&			\
	 (IS_ENABLED(CONFIG_X86_64) || IS_ENABLED(CONFIG_S390)))

int sockiocp_mirror_set(struct file *file, struct sockiocp_mirror *args);
void sockiocp_mirror_end(struct sockiocp_port *port);
void sockiocp_mirror_say_empty(struct sockiocp_port *port);
void sockiocp_mirror_say_filled(struct sockiocp_port *port);

/**
 * sockiocp_mirror_fill - a packet was put into the queue
 * @port: the port, locked
 */
static __always_inline void sockiocp_mirror_fill(struct sockiocp_port *port)
{
	lockdep_assert_held(&port->lock);

	if (unlikely(port->mirror.word))
		sockiocp_mirror_say_filled(port);
}

/**
 * sockiocp_mirror_look - packets may have been put into the queue
 * @port: the port, locked
 */
static inline void sockiocp_mirror_look(struct sockiocp_port *port)
{
	if (unlikely(port->mirror.word) && !list_empty(&port->queue))
		sockiocp_mirror_fill(port);
}

/**
 * sockiocp_mirror_nothing - a call has found the queue empty
 * @port: the port
 */
static inline void sockiocp_mirror_nothing(struct sockiocp_port *port)
{
	if (unlikely(READ_ONCE(port->mirror.word)))
		sockiocp_mirror_say_empty(port);
}

#endif /* _SOCKIOCP_MIRROR_H */
