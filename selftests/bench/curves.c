// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Points of curves: the work of some bars over what it depends on.  Nothing is
 * demanded of them; vm/bench-plots draws them.
 */
#include "bench.h"

#define AGAINST_EPOLL(count)						\
	.ours = { &port_side, count },					\
	.peers = { { &epoll_side, count } },				\
	.sockets = count

#define AGAINST_ALL(count)						\
	.ours = { &port_side, count },					\
	.peers = { { &epoll_side, count }, { &uring_plain_side, count } }, \
	.sockets = count

#define REGISTER(n)	{ "register-" #n, "curves",			\
			  "register " #n " sockets, each",		\
			  register_all, AGAINST_EPOLL(n) }
#define CYCLE(k)	{ "cycle-" #k, "curves",			\
			  "re-arm " #k " one-shot and harvest, each",	\
			  oneshot_cycle, AGAINST_ALL(k) }
#define READY(k)	{ "harvest-" #k, "curves",			\
			  "harvest " #k ", level, each",		\
			  harvest_all, AGAINST_EPOLL(k) }
#define ECHO(t)		{ "echo-" #t, "thread-curves",			\
			  "TCP echo, threads: " #t,			\
			  echo_rate, AGAINST_EPOLL(t),			\
			  .unit = UNIT_PER_SECOND,			\
			  .larger_is_better = true, .anywhere = true }

const struct bar curve_bars[] = {
	REGISTER(1), REGISTER(4), REGISTER(16), REGISTER(64), REGISTER(256),
	REGISTER(1024), REGISTER(4096), REGISTER(16384), REGISTER(65536),
	CYCLE(1), CYCLE(2), CYCLE(4), CYCLE(8), CYCLE(16), CYCLE(32), CYCLE(64),
	CYCLE(128), CYCLE(256),
	READY(1), READY(2), READY(4), READY(8), READY(16), READY(32), READY(64),
	READY(128), READY(256),
	ECHO(1), ECHO(2), ECHO(4), ECHO(8), ECHO(16), ECHO(32),
	{ 0 }
};
