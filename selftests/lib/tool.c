// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl, as tests run it: see tool.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

/* In the guest, and where make builds it. */
const char *tool_program(void)
{
	static char path[512] = "/bin/sockiocpctl";
	ssize_t length;
	char *slash;

	if (!access(path, X_OK))
		return path;
	length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	path[length > 0 ? length : 0] = 0;
	slash = strrchr(path, '/');
	if (slash)
		strcpy(slash, "/../tools/sockiocpctl-static");
	return path;
}

int tool_run(char *said, size_t size, const char *arguments, ...)
{
	char command[1024];
	size_t length;
	va_list list;
	FILE *pipe;
	int n;

	n = snprintf(command, sizeof(command), "%s ", tool_program());
	va_start(list, arguments);
	vsnprintf(command + n, sizeof(command) - n, arguments, list);
	va_end(list);
	strncat(command, " 2>&1", sizeof(command) - strlen(command) - 1);
	pipe = popen(command, "r");
	length = fread(said, 1, size - 1, pipe);
	said[length] = 0;
	return WEXITSTATUS(pclose(pipe));
}
