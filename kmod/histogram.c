// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Histograms of a port: how many packets a call brings, and how long a packet stands in the
 * queue.  And who listens is told of packets that have stood there for too long.
 *
 * Nobody counts unless the administrator says so (the parameters "histograms" and
 * "late_packet_ms"), so what it costs others is a static key.  A port's counts are made by
 * the first call that brings packets from it after that, and stay until the port goes.
 *
 * The sample
 * ==========
 *
 * A time in each packet would be memory in all registrations.  So one packet of a port is
 * looked at, at a time: if none is, the next that is queued.  It is known by its number,
 * which no other has that comes into the queue in this way.  When the program has it, or, if
 * it is an operation, when a thread has it to carry it out, the time is counted; when it
 * leaves in another way, or is stale, it is forgotten; either is done by whoever does so, under
 * the port's lock.  So what is sampled is the first packet after an idle moment, and of a burst
 * not more than one in the time that a packet stands: in a long queue few of many.
 *
 * What a harvest queues again (LEVEL) was not looked at since, and is no sample.
 *
 * While the key is switched some see it on and others off, so that a sample may be taken and
 * nobody tells.  When it is on for all a new generation begins, and samples of those before
 * are dropped.
 */
#include "histogram.h"

#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/**
 * struct sockiocp_histogram - what is counted of a port, under its lock
 * @counts: the histograms
 * @seq: the number of the packet that is the sample, without its kind; 0 if there is none
 * @since: when it was queued, in ns
 * @generation: to which the sample belongs
 * @late: what was late, and was not told yet
 * @port: the port
 * @tell: tells it
 */
struct sockiocp_histogram {
	struct sockiocp_histogram_counts counts;
	u64 seq;
	u64 since;
	unsigned int generation;
	struct sockiocp_late_packets late;
	struct sockiocp_port *port;
	struct delayed_work tell;
};

DEFINE_STATIC_KEY_FALSE(sockiocp_histogram_key);

static unsigned int histogram_generation;

static bool histogram_is_wanted;
/* 0 if nobody wants to know. */
static unsigned int histogram_late_ms;

/**
 * sockiocp_histogram_switch - count from now on, or no longer
 * @counts: are histograms wanted?
 * @late_ms: after how many ms a packet is late; 0: never
 *
 * One at a time.
 */
void sockiocp_histogram_switch(bool counts, unsigned int late_ms)
{
	if (counts == histogram_is_wanted && late_ms == histogram_late_ms)
		return;
	WRITE_ONCE(histogram_is_wanted, counts);
	WRITE_ONCE(histogram_late_ms, late_ms);
	if (!counts && !late_ms) {
		static_branch_disable(&sockiocp_histogram_key);
		return;
	}
	static_branch_enable(&sockiocp_histogram_key);
	WRITE_ONCE(histogram_generation, histogram_generation + 1);
}

/* ------------------------------------------------------------------ what was too long */

/* What there is, once; the work and the end of the port do not meet. */
static void histogram_tell(struct sockiocp_histogram *histogram)
{
	struct sockiocp_port *port = histogram->port;
	struct sockiocp_late_packets late;

	spin_lock_irq(&port->lock);
	late = histogram->late;
	memset(&histogram->late, 0, sizeof(histogram->late));
	spin_unlock_irq(&port->lock);
	if (late.nr)
		sockiocp_directory_tell_late(port, &late);
}

static void histogram_work(struct work_struct *work)
{
	histogram_tell(container_of(to_delayed_work(work), struct sockiocp_histogram, tell));
}

/* One event in a second, whatever comes. */
static void histogram_note_late(struct sockiocp_histogram *histogram, u64 ms)
{
	lockdep_assert_held(&histogram->port->lock);

	histogram->late.nr++;
	histogram->late.longest_ms = max_t(u64, histogram->late.longest_ms, min_t(u64, ms, U32_MAX));
	queue_delayed_work(sockiocp_wq, &histogram->tell, HZ);
}

/* ------------------------------------------------------------------------- the counts */

/* The next packet that is queued is the sample, if there is none. */
void sockiocp_histogram_begin_sample(struct sockiocp_port *port)
{
	struct sockiocp_histogram *histogram = port->histogram;
	unsigned int generation = READ_ONCE(histogram_generation);

	lockdep_assert_held(&port->lock);

	if (!histogram || (histogram->seq && histogram->generation == generation))
		return;
	histogram->seq = port->next_seq;
	histogram->since = ktime_get_ns();
	histogram->generation = generation;
}

/* A packet has left the queue; @counts: since a thread wanted it. */
void sockiocp_histogram_end_sample(struct sockiocp_port *port,
				   const struct sockiocp_packet *packet, bool counts)
{
	struct sockiocp_histogram *histogram = port->histogram;
	unsigned int late_ms = READ_ONCE(histogram_late_ms);
	u64 us;

	lockdep_assert_held(&port->lock);

	if (!histogram || !histogram->seq ||
	    (packet->seq & ~SOCKIOCP_SEQ_KIND) != histogram->seq)
		return;
	histogram->seq = 0;
	if (!counts)
		return;
	us = div_u64(ktime_get_ns() - histogram->since, NSEC_PER_USEC);
	if (READ_ONCE(histogram_is_wanted))
		histogram->counts.waits[min(fls64(us), SOCKIOCP_WAIT_BUCKETS - 1)]++;
	if (late_ms && us >= (u64)late_ms * USEC_PER_MSEC)
		histogram_note_late(histogram, div_u64(us, USEC_PER_MSEC));
}

/**
 * sockiocp_histogram_make - have something to count in
 * @port: the port, not locked; sleeps
 *
 * The first call that brings packets makes it.  If there is no memory the next one is the first.
 *
 * Return: whether it is there.
 */
bool sockiocp_histogram_make(struct sockiocp_port *port)
{
	struct sockiocp_histogram *histogram;

	if (READ_ONCE(port->histogram))
		return true;
	histogram = kzalloc(sizeof(*histogram), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!histogram)
		return false;
	histogram->port = port;
	INIT_DELAYED_WORK(&histogram->tell, histogram_work);
	spin_lock_irq(&port->lock);
	if (!port->histogram) {
		WRITE_ONCE(port->histogram, histogram);
		histogram = NULL;
	}
	spin_unlock_irq(&port->lock);
	kfree(histogram);
	return true;
}

/**
 * sockiocp_histogram_count_batch - a call has brought packets, and may bring more
 * @port: the port, locked, with a histogram
 * @counted: as how many the call was counted; 0 if it was not
 * @more: how many it has brought now
 *
 * Return: as how many it is counted now.
 */
u16 sockiocp_histogram_count_batch(struct sockiocp_port *port, u16 counted, u32 more)
{
	u64 *batches = port->histogram->counts.batches;
	u16 count = min_t(u64, (u64)counted + more, U16_MAX);

	lockdep_assert_held(&port->lock);
	BUILD_BUG_ON(ilog2(U16_MAX) + 2 != SOCKIOCP_BATCH_BUCKETS);

	if (!READ_ONCE(histogram_is_wanted))
		return counted;
	if (counted)
		batches[fls(counted)]--;
	batches[fls(count)]++;
	return count;
}

/**
 * sockiocp_histogram_read - what was counted of a port
 * @port: the port
 * @counts: where to
 *
 * Return: whether anything is counted, and was.
 */
bool sockiocp_histogram_read(struct sockiocp_port *port, struct sockiocp_histogram_counts *counts)
{
	struct sockiocp_histogram *histogram = READ_ONCE(port->histogram);

	if (!histogram || !READ_ONCE(histogram_is_wanted))
		return false;
	spin_lock_irq(&port->lock);
	*counts = histogram->counts;
	spin_unlock_irq(&port->lock);
	return true;
}

/**
 * sockiocp_histogram_forget - a port ends: what is left to be told is told now
 * @port: the port, from which nothing is taken any more
 */
void sockiocp_histogram_forget(struct sockiocp_port *port)
{
	if (port->histogram && cancel_delayed_work_sync(&port->histogram->tell))
		histogram_tell(port->histogram);
}
