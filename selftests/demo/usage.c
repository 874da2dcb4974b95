// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What the threads of a process have done so far: see usage.h.
 */
#define _GNU_SOURCE
#include "usage.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static void add_switches(struct usage *usage, const char *task)
{
	char path[512], line[256];
	long long value;
	FILE *file;

	snprintf(path, sizeof(path), "%s/status", task);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "voluntary_ctxt_switches: %lld", &value) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %lld", &value) == 1)
			usage->switches += value;
	}
	fclose(file);
}

static void add_time(struct usage *usage, const char *task)
{
	char path[512];
	long long value;
	FILE *file;

	snprintf(path, sizeof(path), "%s/schedstat", task);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%lld", &value) == 1)
		usage->ns += value;
	fclose(file);
}

int usage_of(pid_t pid, struct usage *usage)
{
	struct dirent *entry;
	char path[64], task[400];
	DIR *dir;

	memset(usage, 0, sizeof(*usage));
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(task, sizeof(task), "%s/%s", path, entry->d_name);
		add_switches(usage, task);
		add_time(usage, task);
	}
	closedir(dir);
	return 0;
}
