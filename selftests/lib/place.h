/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The places that a program may be in: containers, services, other roots.  For processes of
 * their own, which do not come back.  Only few tests need it, so there is no lib/place.c.
 */
#ifndef SELFTESTS_LIB_PLACE_H
#define SELFTESTS_LIB_PLACE_H

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "task.h"

#define PLACE_DEVICE	"/dev/sockiocp"

enum place {
	AS_IT_IS,
	NO_NODE,
	NO_NODE_NO_SYSFS,
	NO_SUCH_NUMBER,
	OTHER_DEVICE,
	DIRECTORY,
	MODE,
	MODE_AND_ROOT,
	NODEV,
	SECCOMP_EPERM,
	SECCOMP_ENOSYS,
	NODE_OF_ITS_OWN,
};

static inline dev_t place_device_number(void)
{
	unsigned int major = 0, minor = 0;
	FILE *file = fopen("/sys/class/misc/sockiocp/dev", "re");

	if (file) {
		if (fscanf(file, "%u:%u", &major, &minor) != 2)
			major = 0;
		fclose(file);
	}
	return makedev(major, minor);
}

static inline int place_own_dev(unsigned long flags)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/dev", "tmpfs", flags, "mode=755");
}

static inline int place_node(mode_t mode, dev_t number)
{
	return mknod(PLACE_DEVICE, S_IFCHR | mode, number) || chmod(PLACE_DEVICE, mode);
}

static inline int place_go(enum place place)
{
	dev_t number = place_device_number();

	switch (place) {
	case AS_IT_IS:
		return 0;
	case NO_NODE:
		return place_own_dev(0);
	case NO_NODE_NO_SYSFS:
		return place_own_dev(0) || mount("none", "/sys", "tmpfs", 0, NULL);
	case NO_SUCH_NUMBER:
		return place_own_dev(0) || place_node(0666, makedev(10, 250));
	case OTHER_DEVICE:
		return place_own_dev(0) || place_node(0666, makedev(1, 3));
	case DIRECTORY:
		return place_own_dev(0) || mkdir(PLACE_DEVICE, 0755);
	case MODE:
		return place_own_dev(0) || place_node(0600, number) ||
		       syscall(SYS_setresuid, 1000, 1000, 1000);
	case MODE_AND_ROOT:
		return place_own_dev(0) || place_node(0600, number);
	case NODEV:
		return place_own_dev(MS_NODEV) || place_node(0666, number);
	case SECCOMP_EPERM:
		return forbid_ioctl(EPERM);
	case SECCOMP_ENOSYS:
		return forbid_ioctl(ENOSYS);
	case NODE_OF_ITS_OWN:
		return place_own_dev(0) || place_node(0666, number);
	}
	return -1;
}

#endif /* SELFTESTS_LIB_PLACE_H */
