/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * For tests that do random things and compare with a model: numbers that a seed
 * repeats, a memory of what was done last, and a network without surprises.
 *
 * Like sock.h, this needs no header of POSIX.
 */
#ifndef SELFTESTS_LIB_RANDOM_H
#define SELFTESTS_LIB_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

/* The seed of the n-th run: what SEED in the environment says, or another each time. */
uint64_t random_seed(unsigned int n);
/* How many runs: one if SEED is set, what RUNS in the environment says, or so many. */
unsigned int random_runs(unsigned int n);
struct random random_start(uint64_t seed);
uint64_t random_next(struct random *r);
unsigned int random_below(struct random *r, unsigned int n);
/* Between 1 and max; small ones are frequent. */
unsigned int random_size(struct random *r, unsigned int max);

/* The last operations, one line each, and as TAP's comments. */
void history_clear(void);
void history_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
void history_print(void);

/*
 * Whatever is sent over the loopback on one processor is processed there, and
 * in order.  So with a thread that stays on one, what it sent has arrived, with
 * all wake-ups, when loopback_settle() returns; most often it had before.
 */
int one_processor(void);
int loopback_open(void);
int loopback_settle(void);
/* Has the peer acknowledged all of a TCP stream, the FIN too?  It may take its time. */
int tcp_acknowledged(int fd, int timeout_ms);

#endif /* SELFTESTS_LIB_RANDOM_H */
