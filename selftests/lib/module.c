// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The module itself: see module.h.  POSIX only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "module.h"
#include "sock.h"

/* Where the test guest has it. */
#define OBJECT		"/lib/modules/sockiocp.ko"
#define PROCESSORS	"/sys/devices/system/cpu/cpu[1-9]*/online"

const char *module_missing(void)
{
	if (geteuid())
		return "only root can load the module";
	if (access(OBJECT, R_OK))
		return "there is no " OBJECT ", which the test guest has";
	return NULL;
}

int module_load(void)
{
	int fd = open(OBJECT, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "sockiocp", O_NONBLOCK) ? -errno : 0;
}

int module_is_loaded(void)
{
	return !access("/sys/module/sockiocp", F_OK);
}

static int has_caches(void)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[512];
	int found = 0;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "sockiocp", 8);
	if (file)
		fclose(file);
	return found;
}

int module_is_gone(int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (module_is_loaded() || !access("/dev/sockiocp", F_OK) || has_caches()) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(10);
	}
	return 1;
}

static int processors(const char *on)
{
	int fd, ret = 0;
	glob_t found;
	size_t i;

	if (glob(PROCESSORS, 0, NULL, &found))
		return 0;
	for (i = 0; i < found.gl_pathc; i++) {
		fd = open(found.gl_pathv[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, on, 1) != 1)
			ret = -errno;
		if (fd >= 0)
			close(fd);
	}
	globfree(&found);
	return ret;
}

int processors_off(void)
{
	return processors("0");
}

int processors_on(void)
{
	return processors("1");
}
