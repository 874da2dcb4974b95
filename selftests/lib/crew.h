/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Threads that serve a port, and jobs for them, which come as packets.  A job
 * goes no further than the test lets it, and says how far it is:
 *
 *   JOB_QUEUED		nobody has taken it
 *   JOB_RUNS		somebody has, and spins until job_block() or job_finish()
 *   JOB_BLOCKS		blocks in job->block until job_unblock()
 *   JOB_RUNS_ON	is let go, and spins until job_finish()
 *   JOB_DONE		the thread asks for the next packet, or does what it was told
 */
#ifndef SELFTESTS_LIB_CREW_H
#define SELFTESTS_LIB_CREW_H

#include <semaphore.h>

#include "port.h"
#include "task.h"

enum job_at {
	JOB_QUEUED,
	JOB_RUNS,
	JOB_BLOCKS,
	JOB_RUNS_ON,
	JOB_DONE,
};

/* How many run at the moment, and how many ran at most. */
struct tally {
	int running;
	int most;
};

/* Lies in memory that all who serve share. */
struct job {
	struct tally *tally;
	struct block block;
	/* How far it may go; JOB_DONE from the start if nobody holds it. */
	enum job_at may;
	/* It spins at least so long. */
	int64_t spin_ns;
	/* Afterwards the thread exits, or asks another port. */
	int exits;
	HANDLE next;

	enum job_at at;
	int member;
	int tid;
};

enum { CREW_MAX = 8 };

/* A member's code: a job told it to. */
#define CREW_EXITED	CALL_FAILED

struct member {
	struct crew *crew;
	HANDLE port;
	int number;
	pthread_t thread;
	int tid;
	sem_t may_ask;
	/* Why it has ended. */
	DWORD code;
};

struct crew {
	int count;
	struct member member[CREW_MAX];
};

int crew_start(struct crew *crew, HANDLE port, int count);
int crew_ask(struct crew *crew, int number);
int crew_ask_all(struct crew *crew);
int crew_waits(struct crew *crew, int timeout_ms);
int crew_join(struct crew *crew, DWORD code);

int job_post(HANDLE port, struct job *job);
int job_gets(struct job *job, enum job_at at, int timeout_ms);
int job_block(struct job *job);
int job_unblock(struct job *job);
void job_finish(struct job *job);

#endif /* SELFTESTS_LIB_CREW_H */
