/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What a port's packets go through on behalf of histogram.c: as long as nobody counts, an
 * instruction that does nothing.  And what was counted.
 */
#ifndef _SOCKIOCP_HISTOGRAM_H
#define _SOCKIOCP_HISTOGRAM_H

#include "sockiocp.h"

#include <linux/jump_label.h>

/* 0, 1, 2 to 3, 4 to 7 and so on; the last one has all that is more. */
#define SOCKIOCP_BATCH_BUCKETS	17
#define SOCKIOCP_WAIT_BUCKETS	26

/* How many packets calls have brought, and for how many us packets were queued. */
struct sockiocp_histogram_counts {
	u64 batches[SOCKIOCP_BATCH_BUCKETS];
	u64 waits[SOCKIOCP_WAIT_BUCKETS];
};

DECLARE_STATIC_KEY_FALSE(sockiocp_histogram_key);

void sockiocp_histogram_begin_sample(struct sockiocp_port *port);
void sockiocp_histogram_end_sample(struct sockiocp_port *port,
				   const struct sockiocp_packet *packet, bool counts);
bool sockiocp_histogram_make(struct sockiocp_port *port);
bool sockiocp_histogram_read(struct sockiocp_port *port, struct sockiocp_histogram_counts *counts);
void sockiocp_histogram_forget(struct sockiocp_port *port);
void sockiocp_histogram_switch(bool counts, unsigned int late_ms);
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
 * sockiocp_histogram_take - a thread takes an operation off the queue, to carry it out or pass it on
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
