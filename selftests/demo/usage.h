/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What the threads of a process have done so far, as /proc tells.
 */
#ifndef SELFTESTS_DEMO_USAGE_H
#define SELFTESTS_DEMO_USAGE_H

#include <sys/types.h>

struct usage {
	long long switches;
	/* Of CPU time: schedstat's first number. */
	long long ns;
};

/* Returns -1 and sets errno if there is no such process. */
int usage_of(pid_t pid, struct usage *usage);

#endif /* SELFTESTS_DEMO_USAGE_H */
