/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * For tests of how many threads of a port run: a port for one, a crew that serves it, and
 * jobs that all processes of a test see.
 *
 * Each test runs in both of the ways that the module has to learn that a thread blocks:
 * the scheduler tells it, or it samples.  Which one it is is decided when a thread asks a
 * port for the first time.
 */
#ifndef SELFTESTS_LIB_STAGE_H
#define SELFTESTS_LIB_STAGE_H

#include "crew.h"

#define MS		1000000LL
/* For what must come, on a slow machine that is busy. */
#define SOON		(2 * COMES)

/* What the threads of all processes of a test share. */
struct stage {
	struct tally tally;
	struct job job[64];
	/* The other process' first worker waits; its number. */
	int ready;
	/* How many of its descriptors of the port the other process is to close, and has. */
	int close;
	int closed;
};

extern struct stage *stage;
extern struct crew crew;

/* Other programs, for run_again(): one computes until it is killed, one ends at once. */
#define COMPUTES	"STAGE_COMPUTES"
#define ENDS		"STAGE_ENDS"

/* How the machine was before the tests, which come back to it. */
void stage_look_around(void);
void stage_restore(void);
/* An empty stage; why threads cannot be watched in this way, or NULL. */
const char *stage_set(int sample);

HANDLE port_with(DWORD concurrency);
/* One of the stage's, whose tally counts it. */
struct job *new_job(int i);
/* How many run, and ran at most. */
int running(void);
int most(void);
/* Adds atomically. */
int add(int *value, int n);

/*
 * A fixture with a port for one thread.  Its variant says as "sample" how threads are
 * watched.  Whoever still serves the port at the end is told that there is none any more.
 */
#define FIXTURE_ON_STAGE(fixture)					\
	FIXTURE(fixture) { HANDLE port; };				\
	FIXTURE_SETUP(fixture)						\
	{								\
		const char *missing = stage_set(variant->sample);	\
									\
		if (missing)						\
			SKIP(_exit(255), "%s", missing);		\
		ASSERT_NE(NULL, stage);					\
		self->port = port_with(1);				\
		ASSERT_NE(NULL, self->port);				\
	}								\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		if (self->port) {					\
			EXPECT_TRUE(CloseHandle(self->port));		\
		}							\
		EXPECT_TRUE(crew_join(&crew, ERROR_ABANDONED_WAIT_0));	\
	}

#define START(count)							\
	do {								\
		ASSERT_EQ(0, crew_start(&crew, self->port, count));	\
		ASSERT_TRUE(crew_ask_all(&crew));			\
	} while (0)

#define POST(job)	ASSERT_TRUE(job_post(self->port, job))
#define EXPECT_RUNS(job) EXPECT_TRUE(job_gets(job, JOB_RUNS, SOON))
#define ASSERT_RUNS(job) ASSERT_TRUE(job_gets(job, JOB_RUNS, SOON))
#define EXPECT_QUEUED(job) EXPECT_FALSE(job_gets(job, JOB_RUNS, COMES_NOT))
#define EXPECT_DONE(job) EXPECT_TRUE(job_gets(job, JOB_DONE, SOON))

/* All threads wait, so that nobody runs. */
#define EXPECT_REST(port)						\
	do {								\
		EXPECT_TRUE(crew_waits(&crew, SOON));			\
		EXPECT_EQ(0, port_told(port, "active"));		\
		EXPECT_EQ(0, port_told(port, "packets"));		\
	} while (0)

/* Some have exited, and the others wait.  Sampled threads are looked at once a second. */
#define EXPECT_LEFT(port, count)					\
	do {								\
		EXPECT_TRUE(crew_waits(&crew, SOON));			\
		EXPECT_TRUE(port_becomes(port, "workers", count, SOON));\
		EXPECT_TRUE(port_becomes(port, "active", 0, SOON));	\
	} while (0)

/* In the place of TEST_HARNESS_MAIN. */
#define STAGE_HARNESS_MAIN						\
	static __attribute__((constructor)) void before_all(void)	\
	{								\
		stage_look_around();					\
	}								\
	static __attribute__((destructor)) void after_all(void)		\
	{								\
		stage_restore();					\
	}								\
	TEST_HARNESS_MAIN

#endif /* SELFTESTS_LIB_STAGE_H */
