// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * io_uring's side: one-shot polls, submitted and reaped in batches, with what makes
 * them cheap: registered files, a registered ring, one thread.  Which flags are the
 * cheapest depends on the kernel, so there are several sides; who is compared with
 * them is compared with the best.
 *
 * Unlike the other two, this keeps each socket's file open while it is armed.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

#include "bench.h"

struct uring {
	struct io_uring ring;
	/* Indexes of the registered files whose events came last. */
	int ready[MAX_EVENTS];
	int n;
};

static void *open_ring(const int *fds, int n, unsigned int flags)
{
	struct uring *uring = zalloc(sizeof(*uring));
	int err;

	err = io_uring_queue_init(MAX_EVENTS, &uring->ring, flags);
	if (err)
		die("io_uring: %d (kernel too old, or forbidden?)", err);
	uring->n = n;
	err = io_uring_register_files(&uring->ring, fds, n);
	if (!err && io_uring_register_ring_fd(&uring->ring) != 1)
		err = -EINVAL;
	if (err)
		die("io_uring: cannot register: %d", err);
	return uring;
}

static void *open_plain(const int *fds, int n)
{
	return open_ring(fds, n, 0);
}

static void *open_coop(const int *fds, int n)
{
	return open_ring(fds, n, IORING_SETUP_SINGLE_ISSUER |
				 IORING_SETUP_COOP_TASKRUN);
}

static void *open_defer(const int *fds, int n)
{
	return open_ring(fds, n, IORING_SETUP_SINGLE_ISSUER |
				 IORING_SETUP_DEFER_TASKRUN);
}

static void uring_cycle(void *ctx, int k)
{
	struct uring *uring = ctx;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	unsigned int head;
	int i;

	for (i = 0; i < k; i++) {
		sqe = io_uring_get_sqe(&uring->ring);
		io_uring_prep_poll_add(sqe, uring->ready[i], POLLIN);
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		io_uring_sqe_set_data64(sqe, uring->ready[i]);
	}
	if (io_uring_submit(&uring->ring) != k)
		die("io_uring does not take %d polls", k);

	i = 0;
	io_uring_for_each_cqe(&uring->ring, head, cqe) {
		if (cqe->res < 0 || !(cqe->res & POLLIN))
			die("io_uring: poll says %d", cqe->res);
		uring->ready[i++] = io_uring_cqe_get_data64(cqe);
	}
	if (i != k)
		die("%d completions instead of %d", i, k);
	io_uring_cq_advance(&uring->ring, i);
}

static void uring_cycle_begin(void *ctx, int k)
{
	struct uring *uring = ctx;
	int i;

	for (i = 0; i < k; i++)
		uring->ready[i] = i;
	uring_cycle(ctx, k);
}

static void uring_close(void *ctx)
{
	struct uring *uring = ctx;

	io_uring_queue_exit(&uring->ring);
}

static void uring_free(void *ctx)
{
	free(ctx);
}

#define URING_SIDE(words, open_it) {					\
	.name = words,							\
	.open = open_it,						\
	.cycle_begin = uring_cycle_begin,				\
	.cycle = uring_cycle,						\
	.close = uring_close,						\
	.free = uring_free,						\
}

const struct side uring_plain_side = URING_SIDE("io_uring", open_plain);
const struct side uring_coop_side = URING_SIDE("io_uring, COOP_TASKRUN", open_coop);
const struct side uring_defer_side = URING_SIDE("io_uring, DEFER_TASKRUN", open_defer);
