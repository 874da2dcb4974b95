/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Control groups (version 2) that memory is charged to, and that it can run out of.
 * Conventions as in sock.h.
 */
#ifndef SELFTESTS_LIB_CGROUP_H
#define SELFTESTS_LIB_CGROUP_H

struct cgroup {
	char path[128];
	/* memory.max, to be written where nothing more can be opened. */
	int limit;
};

/* What keeps this machine from having such groups, or NULL. */
const char *cgroup_missing(void);

int cgroup_create(struct cgroup *group, const char *name);
/* Waits until whoever was in it is gone; memory may still be charged to it. */
int cgroup_remove(const struct cgroup *group);
/* The calling process goes there; from now on it pays there. */
int cgroup_enter(const struct cgroup *group);
int cgroup_leave(void);

/* Of a file with one number, or with a name before each. */
long long cgroup_value(const struct cgroup *group, const char *file);
long long cgroup_stat(const struct cgroup *group, const char *file, const char *name);
/* memory.max, or -1 for as much as there is. */
int cgroup_limit(const struct cgroup *group, long long bytes);

/* The kernel's memory for small objects, in bytes; the count is behind by seconds. */
long long cgroup_slab(const struct cgroup *group);
long long cgroup_slab_in_the_end(const struct cgroup *group);
int cgroup_slab_reaches(const struct cgroup *group, long long bytes);
int cgroup_slab_falls_to(const struct cgroup *group, long long bytes);

/* In a group with a limit, someone dies when it is reached.  Not the caller. */
int never_killed_for_memory(void);
/* All memory that the caller has is there from now on, and paid. */
int have_all_memory(void);

#endif /* SELFTESTS_LIB_CGROUP_H */
