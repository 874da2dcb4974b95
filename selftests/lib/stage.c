// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A port for one thread, and who serves it: see stage.h.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stage.h"

struct stage *stage;
struct crew crew;

/* How it was before the tests. */
static int sampling;
/* Whether the kernel can tell that a thread blocks. */
static int tells;

void stage_look_around(void)
{
	if (getenv(ENDS))
		_exit(0);
	if (getenv(COMPUTES)) {
		for (;;)
			;
	}
	sampling = param_is_on("sample");
	tells = kernel_exports("preempt_notifier_register");
}

void stage_restore(void)
{
	if (sampling >= 0)
		param_set("sample", sampling);
}

const char *stage_set(int sample)
{
	if (!sample && !tells)
		return "this kernel has no preempt notifiers";
	if (param_set("sample", sample) && sample != sampling)
		return "the parameter \"sample\" cannot be set";
	stage = shared_memory(sizeof(*stage));
	/*
	 * All code is there before it runs, where the user may have that: a thread waits for a
	 * page that another one is bringing in, and somebody else may run meanwhile.
	 */
	mlockall(MCL_CURRENT);
	return NULL;
}

HANDLE port_with(DWORD concurrency)
{
	return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, concurrency);
}

struct job *new_job(int i)
{
	struct job *job = &stage->job[i];

	job->tally = &stage->tally;
	return job;
}

int running(void)
{
	return __atomic_load_n(&stage->tally.running, __ATOMIC_SEQ_CST);
}

int most(void)
{
	return __atomic_load_n(&stage->tally.most, __ATOMIC_SEQ_CST);
}

int add(int *value, int n)
{
	return __atomic_add_fetch(value, n, __ATOMIC_SEQ_CST);
}
