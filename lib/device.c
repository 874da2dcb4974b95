// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The device of the kernel module: opening it, why that cannot be, and whether a
 * descriptor is one of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "internal.h"

#define DEVICE		"/dev/sockiocp"
/* There while the module is loaded; containers have it, whatever is in their /dev. */
#define LOADED		"/sys/class/misc/sockiocp"
#define ALL_DEVICES	"/sys/class/misc"

/*
 * Makes a port.  The ioctl is made in any case: it shows whether what was opened is
 * the device at all, and whether a seccomp filter lets ioctls pass, before a program
 * relies on it.
 *
 * Returns 0 or an errno value: ENODEV if this is not the device.
 */
int sockiocp_create_port(DWORD concurrency, HANDLE *port)
{
	struct sockiocp_config config = { .concurrency = concurrency };
	int err, fd;

	fd = sockiocp_fd_above_stdio(open(DEVICE, O_RDWR | O_CLOEXEC));
	if (fd >= 0 && !ioctl(fd, SOCKIOCP_CONFIGURE, &config)) {
		/* close(2) of what had the number before need not have come to its end. */
		sockiocp_count_close(fd);
		*port = (HANDLE)(intptr_t)fd;
		return 0;
	}
	err = errno;
	if (fd >= 0)
		close(fd);
	/* A directory is what Docker's -v makes of a path that is not there. */
	return err == ENOTTY || err == EISDIR ? ENODEV : err;
}

/*
 * Makes a port that the library keeps for itself, out of the way of the program's
 * descriptors.  Returns 0 or an errno value.
 */
int sockiocp_create_own_port(int *own)
{
	HANDLE port;
	int err;

	err = sockiocp_create_port(0, &port);
	if (err)
		return err;
	*own = sockiocp_fd_own(sockiocp_handle_fd(port));
	sockiocp_set_kind(*own, 0);
	return 0;
}

/* Closes it in a child, unless the program had closed it and has something else there. */
void sockiocp_close_parents_port(int fd)
{
	if (fd >= 0 && !sockiocp_check_port(fd))
		close(fd);
}

/* Returns 0 for a port, ESHUTDOWN for one that was closed, EBADF for others. */
int sockiocp_check_port(int fd)
{
	struct sockiocp_info info = { .abi_version = 0 };

	if (ioctl(fd, SOCKIOCP_INFO, &info))
		return errno == ESHUTDOWN ? ESHUTDOWN : EBADF;
	return info.abi_version ? 0 : EBADF;
}

/*
 * Returns what an ioctl has failed with, or EBADF if that was because the descriptor
 * is no port: files of other kinds may say anything to what they do not know.
 */
int sockiocp_port_error(int fd, int err)
{
	switch (err) {
	/* The most frequent ones, which such files have no reason to say. */
	case ETIME:
	case EINTR:
	case ESHUTDOWN:
		return err;
	default:
		return sockiocp_check_port(fd) == EBADF ? EBADF : err;
	}
}

/* Is the node that of the module that is loaded? */
static bool has_right_number(const struct stat *node)
{
	unsigned int major, minor;
	FILE *file;
	int read;

	file = fopen(LOADED "/dev", "re");
	if (!file)
		return false;
	read = fscanf(file, "%u:%u", &major, &minor);
	fclose(file);
	return read == 2 && S_ISCHR(node->st_mode) &&
	       node->st_rdev == makedev(major, minor);
}

#define NOT_FOUND	"The file was not found."
#define IF_A_PORT_S	NOT_FOUND "  If it is a port's: "

/*
 * Returns what to do about a file that was not there, which may be the device, as things
 * are now.
 */
const char *sockiocp_device_text(void)
{
	struct stat node;

	if (access(ALL_DEVICES, F_OK))
		return IF_A_PORT_S "sockiocp module not loaded, or no /dev/sockiocp here: run "
		       "\"modprobe sockiocp\" as root, or \"make insmod\" in its "
		       "source; pass the device into the container "
		       "(--device /dev/sockiocp).";
	if (access(LOADED, F_OK))
		return IF_A_PORT_S "sockiocp module not loaded: run \"modprobe sockiocp\" as root, "
		       "or \"make insmod\" in its source; not in a container, but on "
		       "its host.";
	if (stat(DEVICE, &node))
		return IF_A_PORT_S "sockiocp module loaded, but no /dev/sockiocp here: pass it "
		       "into the container (--device /dev/sockiocp); in a systemd "
		       "unit, set PrivateDevices=no.";
	if (!has_right_number(&node))
		return IF_A_PORT_S "sockiocp module loaded, but /dev/sockiocp is not its device: "
		       "start the container anew, or make the node anew (mknod) "
		       "with the numbers in " LOADED "/dev.";
	return NOT_FOUND;
}
