// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * io_uring's side of operations: an echo server, each connection of which has a receive
 * that pends and is answered by a send.  Registered files, a registered ring, and no
 * completion of a send that succeeds; submitted one by one, or in batches.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

struct server {
	struct io_uring ring;
	bool one_by_one;
	int n;
	int *fds;
	char (*data)[REQUEST];
};

static void start(struct server *server)
{
	if (io_uring_submit(&server->ring) < 0)
		die("io_uring does not take an operation");
}

static void operate(struct server *server, int i, bool send)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);

	if (!sqe)
		die("io_uring's queue is full");
	if (send)
		io_uring_prep_send(sqe, i, server->data[i], REQUEST, MSG_NOSIGNAL);
	else
		io_uring_prep_recv(sqe, i, server->data[i], REQUEST, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | (send ? IOSQE_CQE_SKIP_SUCCESS : 0));
	io_uring_sqe_set_data64(sqe, i);
	if (server->one_by_one)
		start(server);
}

static void *open_server(const int *fds, int n, unsigned int flags, bool one_by_one)
{
	struct server *server = zalloc(sizeof(*server));
	int i, err;

	err = io_uring_queue_init(MAX_EVENTS, &server->ring, flags);
	if (!err)
		err = io_uring_register_files(&server->ring, fds, n);
	if (!err && io_uring_register_ring_fd(&server->ring) != 1)
		err = -EINVAL;
	if (err)
		die("io_uring: %d (kernel too old, or forbidden?)", err);
	server->n = n;
	server->one_by_one = one_by_one;
	server->data = zalloc(n * sizeof(*server->data));
	server->fds = zalloc(n * sizeof(*server->fds));
	for (i = 0; i < n; i++) {
		server->fds[i] = fds[i];
		operate(server, i, false);
	}
	start(server);
	return server;
}

static void uring_serve(void *ctx)
{
	struct server *server = ctx;
	struct io_uring_cqe *cqe;
	unsigned int head, count;
	int i, left = server->n;

	while (left > 0) {
		if (io_uring_submit_and_wait(&server->ring, 1) < 0)
			die("io_uring does not wait");
		count = 0;
		io_uring_for_each_cqe(&server->ring, head, cqe) {
			if (cqe->res != REQUEST)
				die("io_uring: an operation says %d", cqe->res);
			i = io_uring_cqe_get_data64(cqe);
			operate(server, i, true);
			operate(server, i, false);
			count++;
		}
		io_uring_cq_advance(&server->ring, count);
		left -= (int)count;
	}
	if (!server->one_by_one)
		start(server);
}

static void uring_close(void *ctx)
{
	struct server *server = ctx;
	int i;

	io_uring_queue_exit(&server->ring);
	for (i = 0; i < server->n; i++)
		close(server->fds[i]);
}

static void uring_free(void *ctx)
{
	struct server *server = ctx;

	free(server->data);
	free(server->fds);
	free(server);
}

#define SETUP_COOP	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN)
#define SETUP_DEFER	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

#define SERVER_SIDE(var, words, flags, one_by_one)			\
static void *var##_open(const int *fds, int n)				\
{									\
	return open_server(fds, n, flags, one_by_one);			\
}									\
									\
const struct side var = {						\
	.name = words,							\
	.open = var##_open,						\
	.serve = uring_serve,						\
	.close = uring_close,						\
	.free = uring_free,						\
}

SERVER_SIDE(uring_echo_plain_side, "io_uring", 0, true);
SERVER_SIDE(uring_echo_coop_side, "io_uring, COOP_TASKRUN", SETUP_COOP, true);
SERVER_SIDE(uring_echo_defer_side, "io_uring, DEFER_TASKRUN", SETUP_DEFER, true);
SERVER_SIDE(uring_batch_plain_side, "io_uring", 0, false);
SERVER_SIDE(uring_batch_coop_side, "io_uring, COOP_TASKRUN", SETUP_COOP, false);
SERVER_SIDE(uring_batch_defer_side, "io_uring, DEFER_TASKRUN", SETUP_DEFER, false);
