// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Control groups: see cgroup.h.  POSIX only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "sock.h"

#define ROOT		"/sys/fs/cgroup"
/* The kernel adds up what the processors have counted every 2 s, or sooner. */
#define COUNTED		(10000 * patience())

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int write_to(const struct cgroup *group, const char *file, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	return write_file(path, text);
}

/* Is this one of the words of the file? */
static int has_word(const char *path, const char *want)
{
	FILE *file = fopen(path, "re");
	char word[64];
	int found = 0;

	if (!file)
		return 0;
	while (!found && fscanf(file, "%63s", word) == 1)
		found = !strcmp(word, want);
	fclose(file);
	return found;
}

const char *cgroup_missing(void)
{
	if (access(ROOT "/cgroup.controllers", R_OK))
		return "no cgroup2 is mounted at " ROOT;
	if (!has_word(ROOT "/cgroup.controllers", "memory"))
		return "this kernel has no memory controller, or cgroup v1 has it";
	if (geteuid())
		return "only root can make control groups";
	if (write_file(ROOT "/cgroup.subtree_control", "+memory"))
		return "the memory controller cannot be enabled";
	return NULL;
}

int cgroup_create(struct cgroup *group, const char *name)
{
	char path[192];

	snprintf(group->path, sizeof(group->path), ROOT "/sockiocp-%d-%s", getpid(), name);
	if (mkdir(group->path, 0755))
		return -errno;
	snprintf(path, sizeof(path), "%s/memory.max", group->path);
	group->limit = open(path, O_WRONLY | O_CLOEXEC);
	return group->limit < 0 ? -errno : 0;
}

int cgroup_remove(const struct cgroup *group)
{
	int64_t end = now_ms() + COMES;

	close(group->limit);
	while (rmdir(group->path)) {
		if (errno != EBUSY || now_ms() >= end)
			return -errno;
		sleep_ms(1);
	}
	return 0;
}

int cgroup_enter(const struct cgroup *group)
{
	return write_to(group, "cgroup.procs", "0");
}

int cgroup_leave(void)
{
	return write_file(ROOT "/cgroup.procs", "0");
}

long long cgroup_stat(const struct cgroup *group, const char *file, const char *name)
{
	char path[192], line[256];
	size_t len = strlen(name);
	long long value = -ENOENT;
	FILE *stat;

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	stat = fopen(path, "re");
	if (!stat)
		return -errno;
	while (value < 0 && fgets(line, sizeof(line), stat)) {
		if (!len)
			value = strtoll(line, NULL, 10);
		else if (!strncmp(line, name, len) && line[len] == ' ')
			value = strtoll(line + len, NULL, 10);
	}
	fclose(stat);
	return value;
}

long long cgroup_value(const struct cgroup *group, const char *file)
{
	return cgroup_stat(group, file, "");
}

int cgroup_limit(const struct cgroup *group, long long bytes)
{
	char text[32] = "max";

	if (bytes >= 0)
		snprintf(text, sizeof(text), "%lld", bytes);
	return pwrite(group->limit, text, strlen(text), 0) < 0 ? -errno : 0;
}

long long cgroup_slab(const struct cgroup *group)
{
	return cgroup_stat(group, "memory.stat", "slab");
}

/* What it is when for twice as long as it may lag behind nothing has been added. */
long long cgroup_slab_in_the_end(const struct cgroup *group)
{
	int64_t end = now_ms() + COUNTED;
	long long before, now = -1;

	do {
		before = now;
		sleep_ms(4000);
		now = cgroup_slab(group);
	} while (now != before && now_ms() < end);
	return now;
}

static int slab_becomes(const struct cgroup *group, long long least, long long most)
{
	int64_t end = now_ms() + COUNTED;
	long long now;

	while (now = cgroup_slab(group), now < least || now > most) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(20);
	}
	return 1;
}

int cgroup_slab_reaches(const struct cgroup *group, long long bytes)
{
	return slab_becomes(group, bytes, LLONG_MAX);
}

int cgroup_slab_falls_to(const struct cgroup *group, long long bytes)
{
	return slab_becomes(group, LLONG_MIN, bytes);
}

int never_killed_for_memory(void)
{
	return write_file("/proc/self/oom_score_adj", "-1000");
}

int have_all_memory(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}
