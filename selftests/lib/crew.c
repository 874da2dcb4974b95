// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that serve a port: see crew.h.
 */
#define _GNU_SOURCE
#include "crew.h"

#include <string.h>
#include <time.h>

#define load(value)	__atomic_load_n(value, __ATOMIC_ACQUIRE)

static enum job_at may_get(const struct job *job)
{
	return __atomic_load_n(&job->may, __ATOMIC_ACQUIRE);
}

static void arrive(struct job *job, enum job_at at)
{
	__atomic_store_n(&job->at, at, __ATOMIC_RELEASE);
}

/* -------------------------------------------------------------- the threads */

static void begin_to_run(struct tally *tally)
{
	int now = __atomic_add_fetch(&tally->running, 1, __ATOMIC_SEQ_CST);
	int most = load(&tally->most);

	while (now > most &&
	       !__atomic_compare_exchange_n(&tally->most, &most, now, 0,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void cease_to_run(struct tally *tally)
{
	__atomic_sub_fetch(&tally->running, 1, __ATOMIC_SEQ_CST);
}

static void block(struct member *m, struct job *job)
{
	ULONG removed;

	cease_to_run(job->tally);
	arrive(job, JOB_BLOCKS);
	if (job->block.in == BLOCK_FAULT_IN_KERNEL)
		GetQueuedCompletionStatusEx(m->port,
					    (OVERLAPPED_ENTRY *)job->block.memory,
					    1, &removed, 0, FALSE);
	else
		block_here(&job->block);
	begin_to_run(job->tally);
	arrive(job, JOB_RUNS_ON);
}

static void do_job(struct member *m, struct job *job)
{
	int64_t end = now_ns() + job->spin_ns;

	begin_to_run(job->tally);
	job->member = m->number;
	job->tid = m->tid;
	arrive(job, JOB_RUNS);
	while (may_get(job) < JOB_BLOCKS || now_ns() < end)
		;
	if (job->block.in)
		block(m, job);
	while (may_get(job) < JOB_DONE)
		;
	cease_to_run(job->tally);
}

/* The functions that wait take turns. */
static struct job *next_job(struct member *m, int turn)
{
	OVERLAPPED_ENTRY got = { 0 };
	OVERLAPPED *overlapped;
	ULONG removed;
	DWORD bytes;

	m->code = 0;
	switch (turn % BY_ALL) {
	case BY_GQCS:
		if (!GetQueuedCompletionStatus(m->port, &bytes,
					       &got.lpCompletionKey, &overlapped,
					       INFINITE))
			m->code = GetLastError();
		break;
	case BY_GQCSEX:
		if (!GetQueuedCompletionStatusEx(m->port, &got, 1, &removed,
						 INFINITE, FALSE))
			m->code = GetLastError();
		break;
	default:
		m->code = ProcessSocketNotifications(m->port, 0, NULL, INFINITE,
						     1, &got, &removed);
	}
	return m->code ? NULL : (struct job *)got.lpCompletionKey;
}

static void *serve(void *arg)
{
	struct member *m = arg;
	int turn = m->number, exits = 0;
	struct job *job;

	__atomic_store_n(&m->tid, thread_id(), __ATOMIC_RELEASE);
	sem_wait(&m->may_ask);
	while (!exits && (job = next_job(m, turn++))) {
		do_job(m, job);
		if (job->next)
			m->port = job->next;
		exits = job->exits;
		if (exits)
			__atomic_store_n(&m->code, CREW_EXITED, __ATOMIC_RELEASE);
		arrive(job, JOB_DONE);
	}
	return NULL;
}

/* All threads are there before the first of them asks for a packet. */
int crew_start(struct crew *crew, HANDLE port, int count)
{
	struct member *m;
	int i, error;

	memset(crew, 0, sizeof(*crew));
	for (i = 0; i < count; i++) {
		m = &crew->member[i];
		m->crew = crew;
		m->port = port;
		m->number = i;
		sem_init(&m->may_ask, 0, 0);
		error = pthread_create(&m->thread, NULL, serve, m);
		if (error)
			return -error;
		crew->count++;
		while (!load(&m->tid))
			sleep_ms(1);
	}
	return 0;
}

/* 1 when the thread waits for its first packet. */
int crew_ask(struct crew *crew, int number)
{
	struct member *m = &crew->member[number];

	sem_post(&m->may_ask);
	return task_blocked(0, m->tid, 2 * COMES);
}

/* In this order: the last one is the first to be woken. */
int crew_ask_all(struct crew *crew)
{
	int i;

	for (i = 0; i < crew->count; i++) {
		if (!crew_ask(crew, i))
			return 0;
	}
	return 1;
}

/* Do all that have not exited wait for a packet within the time? */
int crew_waits(struct crew *crew, int timeout_ms)
{
	int i;

	for (i = 0; i < crew->count; i++) {
		if (load(&crew->member[i].code) == CREW_EXITED)
			continue;
		if (!task_blocked(0, crew->member[i].tid, timeout_ms))
			return 0;
	}
	return 1;
}

/* Have all ended within the time, for this reason or told to?  1 or 0. */
int crew_join(struct crew *crew, DWORD code)
{
	struct timespec end;
	int i, good = 1;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 2 * COMES / 1000;
	for (i = 0; i < crew->count; i++) {
		struct member *m = &crew->member[i];

		if (pthread_timedjoin_np(m->thread, NULL, &end))
			return 0;
		if (m->code != code && m->code != CREW_EXITED)
			good = 0;
	}
	crew->count = 0;
	return good;
}

/* --------------------------------------------------------------------- jobs */

int job_post(HANDLE port, struct job *job)
{
	return PostQueuedCompletionStatus(port, 0, (ULONG_PTR)job, NULL);
}

/* Is the job so far, or further, within the time? */
int job_gets(struct job *job, enum job_at at, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (__atomic_load_n(&job->at, __ATOMIC_ACQUIRE) < at) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

/* 1 when it blocks. */
int job_block(struct job *job)
{
	__atomic_store_n(&job->may, JOB_BLOCKS, __ATOMIC_RELEASE);
	return job_gets(job, JOB_BLOCKS, COMES) && task_rests(0, job->tid, COMES);
}

/* 1 when it runs again. */
int job_unblock(struct job *job)
{
	return block_end(&job->block) >= 0 && job_gets(job, JOB_RUNS_ON, COMES);
}

void job_finish(struct job *job)
{
	__atomic_store_n(&job->may, JOB_DONE, __ATOMIC_RELEASE);
}
