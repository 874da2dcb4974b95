/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What a port's packets go through on behalf of histogram.c: as long as nobody counts, an
 * instruction that does nothing.
 */
#ifndef _SOCKIOCP_HISTOGRAM_H
#define _SOCKIOCP_HISTOGRAM_H

#include "sockiocp.h"

#include <linux/jump_label.h>

DECLARE_STATIC_KEY_FALSE(sockiocp_histogram_key);

void sockiocp_histogram_begin_sample(struct sockiocp_port *port);
void sockiocp_histogram_end_sample(struct sockiocp_port *port,
				   const struct sockiocp_packet *packet, bool counts);
bool sockiocp_histogram_make(struct sockiocp_port *port);
u16 sockiocp_histogram_count_batch(struct sockiocp_port *port, u16 counted, u32 more);

static inline bool sockiocp_histogram_is_on(void)
{
	return static_branch_unlikely(&sockiocp_histogram_key);
}

/**
 * sockiocp_histogram_queue - a packet is about to be queued, as the next one
 * @port: the port, locked
 */
static inline void sockiocp_histogram_queue(struct sockiocp_port *port)
{
	if (sockiocp_histogram_is_on())
		sockiocp_histogram_begin_sample(port);
}

/**
 * sockiocp_histogram_take - a thread takes an operation off the queue, to carry it out
 * @port: the port, locked
 * @packet: the packet
 */
static inline void sockiocp_histogram_take(struct sockiocp_port *port,
					   const struct sockiocp_packet *packet)
{
	if (sockiocp_histogram_is_on())
		sockiocp_histogram_end_sample(port, packet, true);
}

/**
 * sockiocp_histogram_remove - a packet leaves the queue in another way
 * @port: the port, locked
 * @packet: the packet
 */
static inline void sockiocp_histogram_remove(struct sockiocp_port *port,
					     const struct sockiocp_packet *packet)
{
	if (sockiocp_histogram_is_on())
		sockiocp_histogram_end_sample(port, packet, false);
}

#endif /* _SOCKIOCP_HISTOGRAM_H */
