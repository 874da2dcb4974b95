// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Other programs: servers of selftests/demo, and what puts load on them.
 */
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* Beside this program, where it was built, or where programs are. */
static void find(char *path, size_t size, const char *name)
{
	static const char *const places[] = { "", "/../demo" };
	char self[PATH_MAX], *dir, *search, *next;
	ssize_t len;
	size_t i;

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	need(len > 0, "/proc/self/exe");
	self[len] = '\0';
	dir = dirname(self);
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, size, "%s%s/%s", dir, places[i], name);
		if (!access(path, X_OK))
			return;
	}
	next = search = strdup(getenv("PATH") ?: "/bin:/usr/bin");
	while ((dir = strsep(&next, ":"))) {
		snprintf(path, size, "%s/%s", dir, name);
		if (!access(path, X_OK))
			break;
		path[0] = '\0';
	}
	free(search);
}

bool have_program(const char *name)
{
	char path[PATH_MAX + 64];

	find(path, sizeof(path), name);
	return path[0];
}

/*
 * Starts a program, which ends with us.  Its output goes to @out, or nowhere if that
 * is 0.
 */
static pid_t start(char *const *args, int out)
{
	char path[PATH_MAX + 64];
	pid_t pid;

	find(path, sizeof(path), args[0]);
	if (!path[0])
		die("there is no %s; build it: make -C selftests demo", args[0]);
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!out)
			need(freopen("/dev/null", "w", stdout), "/dev/null");
		else
			dup2(out, STDOUT_FILENO);
		execv(path, args);
		_exit(127);
	}
	return pid;
}

pid_t start_server(char *const *args)
{
	return start(args, 0);
}

void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Runs a program to its end; what it prints is @text. */
void run_program(char *const *args, char *text, size_t size)
{
	int out[2], status;
	size_t len;
	pid_t pid;
	FILE *file;

	need(!pipe(out), "pipe");
	pid = start(args, out[1]);
	close(out[1]);
	file = fdopen(out[0], "r");
	need(file, "fdopen");
	len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	fclose(file);
	waitpid(pid, &status, 0);
	if (status)
		die("%s has failed: status %#x\n%s", args[0], status, text);
}

/* A TCP port for the next server; the last one's connections may linger. */
const char *next_tcp_port(void)
{
	static int number = 20000;
	static char text[16];

	snprintf(text, sizeof(text), "%d", number++);
	return text;
}
