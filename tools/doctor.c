// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl doctor: can programs of this machine use ports, and if not, what to do?
 *
 * It reads what the kernel and the file system tell, opens the device once, and changes
 * nothing.  It wants neither root nor the module; who is not root sees less.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "../kmod/kernels.h"
#include "sockiocpctl.h"

#define MODULE	"/sys/module/sockiocp"
#define DEVICE	"/dev/sockiocp"
/* What DKMS signs with, on Debian. */
#define KEY	"/var/lib/dkms/mok.pub"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

#define KERNELS								\
	"Linux " TEXT(SOCKIOCP_FIRST_MAJOR) "." TEXT(SOCKIOCP_FIRST_MINOR)	\
	" to " TEXT(SOCKIOCP_LAST_MAJOR) "." TEXT(SOCKIOCP_LAST_MINOR)

static int is_supported(unsigned int major, unsigned int minor)
{
	if (major == SOCKIOCP_FIRST_MAJOR)
		return minor >= SOCKIOCP_FIRST_MINOR;
	if (major == SOCKIOCP_LAST_MAJOR)
		return minor <= SOCKIOCP_LAST_MINOR;
	return major > SOCKIOCP_FIRST_MAJOR && major < SOCKIOCP_LAST_MAJOR;
}

enum verdict {
	/* As it should be. */
	GOOD,
	/* Good to know. */
	NOTE,
	/* It works now, but may not be for long, or not for all. */
	WARNING,
	/* Programs cannot use ports. */
	BAD,
};

static const char *const verdicts[] = { "good", "note", "warning", "failed" };

struct patient {
	json_t *findings;
	enum verdict worst;
	int is_loaded;
	const char *container;
	/* The device's, or 0. */
	dev_t number;
};

/* @advice may be NULL. */
__attribute__((format(printf, 5, 6)))
static void tell(struct patient *p, const char *check, enum verdict verdict,
		 const char *advice, const char *format, ...)
{
	json_t *finding = json_object();
	char what[512], *c;
	va_list list;

	va_start(list, format);
	vsnprintf(what, sizeof(what), format, list);
	va_end(list);
	/* Names of programs are in it, which may be of any bytes. */
	for (c = what; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	json_object_set_new(finding, "check", json_string(check));
	json_object_set_new(finding, "verdict", json_string(verdicts[verdict]));
	json_object_set_new(finding, "what", json_string(what));
	json_object_set_new(finding, "advice", advice ? json_string(advice) : json_null());
	json_array_append_new(p->findings, finding);
	if (verdict > p->worst)
		p->worst = verdict;
}

/* The first line of a file, or "" if it cannot be read. */
static const char *line_of(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		*line = 0;
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = 0;
	return line;
}

/* ----------------------------------------------------------------- kernel and module */

static void check_kernel(struct patient *p)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) == 2 && is_supported(major, minor))
		tell(p, "kernel", GOOD, NULL, "Linux %s is supported", name.release);
	else if (p->is_loaded)
		tell(p, "kernel", WARNING, "use one of " KERNELS,
		     "nobody has tested the module on Linux %s", name.release);
	else
		tell(p, "kernel", BAD, "use one of " KERNELS "; or try: "
		     "make kmod KCFLAGS=-DSOCKIOCP_ANY_KERNEL",
		     "Linux %s is not supported", name.release);
}

/* As container engines and systemd have agreed. */
static const char *container_of_this(void)
{
	static char name[64];

	if (!access("/run/.containerenv", F_OK))
		return "podman";
	if (!access("/.dockerenv", F_OK))
		return "docker";
	line_of("/run/systemd/container", name, sizeof(name));
	return *name ? name : NULL;
}

static void check_container(struct patient *p)
{
	if (p->container)
		tell(p, "container", NOTE, NULL,
		     "this is a container (%s): module, kernel and limits are the host's",
		     p->container);
	else
		tell(p, "container", GOOD, NULL, "this does not look like a container");
}

static int is_installed(void)
{
	char path[256], line[1024];
	struct utsname name;
	int found = 0;
	FILE *file;

	uname(&name);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name.release);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "/sockiocp.ko") != NULL;
	if (file)
		fclose(file);
	return found;
}

static void check_module(struct patient *p)
{
	char version[64];

	if (p->is_loaded) {
		line_of(MODULE "/version", version, sizeof(version));
		if (!strcmp(version, SOCKIOCP_VERSION))
			tell(p, "module", GOOD, NULL, "loaded, version %s", version);
		else
			tell(p, "module", WARNING, "install both from one source; to change the "
			     "module, end the programs that use it, and, as root: modprobe -r "
			     "sockiocp && modprobe sockiocp; in its source: make rmmod insmod",
			     "loaded, version %s, and this program is of %s", version,
			     SOCKIOCP_VERSION);
	} else if (access("/sys/module", F_OK)) {
		tell(p, "module", BAD, "mount -t sysfs sysfs /sys",
		     "there is no /sys/module, so nobody can tell whether it is loaded");
	} else if (p->container) {
		tell(p, "module", BAD, "on the host, as root: modprobe sockiocp",
		     "not loaded, and a container cannot load it");
	} else if (is_installed()) {
		tell(p, "module", BAD, "as root: modprobe sockiocp; for each boot: "
		     "echo sockiocp > /etc/modules-load.d/sockiocp.conf", "not loaded");
	} else {
		tell(p, "module", BAD, "as root, in the source of sockiocp: make insmod; "
		     "to keep it: make modules_install && modprobe sockiocp",
		     "not loaded, and not installed for this kernel");
	}
}

/* The value of a variable is behind four bytes of flags. */
static int secure_boot_is_on(void)
{
	int fd = open("/sys/firmware/efi/efivars/"
		      "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", O_RDONLY | O_CLOEXEC);
	unsigned char value[5] = { 0 };
	ssize_t got = 0;

	if (fd >= 0) {
		got = read(fd, value, sizeof(value));
		close(fd);
	}
	return got == sizeof(value) && value[4] == 1;
}

static void check_signatures(struct patient *p)
{
	char line[128], why[256] = "";

	if (secure_boot_is_on())
		strcat(why, ", Secure Boot is on");
	line_of("/sys/kernel/security/lockdown", line, sizeof(line));
	if (*line && !strstr(line, "[none]"))
		strcat(why, ", the kernel is locked down");
	line_of("/sys/module/module/parameters/sig_enforce", line, sizeof(line));
	if (*line == 'Y')
		strcat(why, ", module.sig_enforce is set");
	if (!*why)
		tell(p, "signature", GOOD, NULL, "modules need none here, as far as is known");
	else if (p->is_loaded)
		tell(p, "signature", NOTE, NULL, "the module was accepted%s", why);
	else if (!access(KEY, F_OK))
		tell(p, "signature", WARNING, "as root: mokutil --import " KEY ", which is "
		     "the key that DKMS signs with, and a reboot, which asks for it",
		     "only signed modules may be loaded%s", why);
	else
		tell(p, "signature", WARNING, "sign it with a key of yours (kmodsign, or "
		     "scripts/sign-file of the kernel), after: mokutil --import KEY.der, and "
		     "a reboot, which asks for it", "only signed modules may be loaded%s", why);
}

/* ----------------------------------------------------------------------- the device */

static dev_t number_of_device(void)
{
	unsigned int major, minor;
	char line[32];

	line_of("/sys/class/misc/sockiocp/dev", line, sizeof(line));
	return sscanf(line, "%u:%u", &major, &minor) == 2 ? makedev(major, minor) : 0;
}

static void device_is_missing(struct patient *p)
{
	char advice[128];

	snprintf(advice, sizeof(advice), "as root: mknod -m 666 " DEVICE " c %u %u",
		 major(p->number), minor(p->number));
	tell(p, "device", BAD, p->container ? "start the container with: --device " DEVICE :
	     advice, "there is no " DEVICE " here%s", p->container ? "" :
	     "; a unit of systemd's wants PrivateDevices=no");
}

static void device_does_not_open(struct patient *p, int error, const struct stat *st)
{
	if (error == EACCES && access(DEVICE, R_OK | W_OK))
		tell(p, "device", BAD, "as root: chmod 666 " DEVICE "; it is not meant to be "
		     "kept from anybody", DEVICE " has the mode %04o, and user %u may not open it",
		     st->st_mode & 07777, getuid());
	else if (error == EACCES || error == EPERM)
		tell(p, "device", BAD, "container: --device " DEVICE ", not -v; systemd: "
		     "DeviceAllow=" DEVICE, DEVICE " is there, but its file system is mounted "
		     "with nodev, or the control group has no access to it");
	else
		tell(p, "device", BAD, NULL, DEVICE " cannot be opened: %s", strerror(error));
}

static void check_device(struct patient *p)
{
	struct stat st;
	int fd, error;

	if (!p->is_loaded)
		return;
	if (stat(DEVICE, &st)) {
		device_is_missing(p);
		return;
	}
	if (!S_ISCHR(st.st_mode) || (p->number && st.st_rdev != p->number)) {
		tell(p, "device", BAD, "start the container anew, or, as root: "
		     "rm -r " DEVICE "; rmmod sockiocp; modprobe sockiocp",
		     DEVICE " is something else: %s", S_ISCHR(st.st_mode) ?
		     "the number of another device, or of another boot" : "no device");
		return;
	}
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		device_does_not_open(p, errno, &st);
		return;
	}
	/* No call has this number. */
	error = ioctl(fd, _IO(SOCKIOCP_IOC_MAGIC, 255)) ? errno : 0;
	close(fd);
	if (error == EPERM || error == ENOSYS)
		tell(p, "device", BAD, "allow ioctl; systemd: SystemCallFilter=ioctl",
		     "a seccomp filter refuses ioctl: %s", strerror(error));
	else if (~st.st_mode & 0666)
		tell(p, "device", WARNING, "as root: chmod 666 " DEVICE "; it is not meant to be "
		     "kept from anybody", DEVICE " has the mode %04o: user %u may open it, and "
		     "not everybody", st.st_mode & 07777, getuid());
	else
		tell(p, "device", GOOD, NULL, DEVICE " can be used, mode %04o",
		     st.st_mode & 07777);
}

/* ------------------------------------------------------------------------ the library */

/* What was installed with the library of that directory says its version; "" if nothing does. */
static void version_beside(const char *directory, int length, char *version, size_t size)
{
	char path[512], line[256];
	FILE *file;

	*version = 0;
	snprintf(path, sizeof(path), "%.*s/pkgconfig/sockiocp.pc", length, directory);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Version: ", 9)) {
			line[strcspn(line, "\n")] = 0;
			snprintf(version, size, "%.*s", (int)size - 1, line + 9);
		}
	if (file)
		fclose(file);
}

/* Where the loader would look; a number of directories, separated by colons. */
static int find_library(const char *directories, char *path, size_t size, char *version,
			size_t version_size)
{
	size_t length;

	for (; directories && *directories; directories += length + (directories[length] == ':')) {
		length = strcspn(directories, ":");
		snprintf(path, size, "%.*s/libsockiocp.so.1", (int)length, directories);
		if (!access(path, R_OK)) {
			version_beside(directories, length, version, version_size);
			return 1;
		}
	}
	return 0;
}

static void check_library(struct patient *p)
{
	char path[512], version[16];

	if (!find_library(getenv("LD_LIBRARY_PATH"), path, sizeof(path), version,
			  sizeof(version)) &&
	    !find_library("/usr/local/lib:/usr/lib/x86_64-linux-gnu:/usr/lib:/lib", path,
			  sizeof(path), version, sizeof(version)))
		tell(p, "library", NOTE, "make lib && make install && ldconfig; programs that are "
		     "linked statically have their own", "no libsockiocp.so.1 was found");
	else if (!*version)
		tell(p, "library", NOTE, NULL, "%s is there; nothing beside it tells its version",
		     path);
	else if (!strcmp(version, SOCKIOCP_VERSION))
		tell(p, "library", GOOD, NULL, "%s, version %s", path, version);
	else
		tell(p, "library", WARNING, "install all from one source: make install",
		     "%s is of version %s, and this program of %s", path, version,
		     SOCKIOCP_VERSION);
}

/* ---------------------------------------------------------------- who has how much */

/* Returns whether anything was to be told. */
static int check_limits_of(struct patient *p, const json_t *user)
{
	int uid = (int)json_integer_value(json_object_get(user, "uid"));
	json_int_t refusals = json_integer_value(json_object_get(user, "refusals"));
	const char *const *key;
	json_int_t held, may;
	int told = 0;

	if (refusals) {
		tell(p, "limits", WARNING, "see which limit it is: sockiocpctl users",
		     "user %d was refused %lld time%s: it held as much as it may", uid,
		     (long long)refusals, refusals == 1 ? "" : "s");
		told = 1;
	}
	for (key = limit_keys; *key; key++) {
		held = json_integer_value(json_object_get(user, *key));
		may = limit_of(user, *key);
		if (held * 10 < may * 9 || !held)
			continue;
		tell(p, "limits", WARNING, "as root: sockiocpctl limits set NAME=VALUE; "
		     "who holds them: sockiocpctl ports", "user %d holds %lld of %lld %s", uid,
		     (long long)held, (long long)may, *key);
		told = 1;
	}
	return told;
}

static void check_limits(struct patient *p)
{
	json_t *users, *user;
	int told = 0;
	size_t i;

	if (!p->is_loaded)
		return;
	users = ask(TOPIC_USERS, 0);
	if (!users) {
		tell(p, "limits", WARNING, "see what was said above",
		     "the module does not answer by netlink");
		return;
	}
	json_array_foreach(users, i, user)
		told |= check_limits_of(p, user);
	if (!told)
		tell(p, "limits", GOOD, NULL, "nobody is near a limit, as far as you can see");
	json_decref(users);
}

/* Has the process of this number the device open? */
static int has_device(const struct patient *p, const char *pid)
{
	struct dirent *entry;
	char path[64];
	struct stat st;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = !fstatat(dirfd(dir), entry->d_name, &st, 0) && S_ISCHR(st.st_mode) &&
			st.st_rdev == p->number;
	if (dir)
		closedir(dir);
	return found;
}

/* A thread that was a worker keeps the module, also without a descriptor. */
static int has_worker(const json_t *workers, const char *pid)
{
	const json_t *worker;
	size_t i;

	if (workers)
		json_array_foreach(workers, i, worker)
			if (json_integer_value(json_object_get(worker, "pid")) == atoi(pid))
				return 1;
	return 0;
}

static void find_users(const struct patient *p, char *names, size_t size)
{
	json_t *workers = ask(TOPIC_WORKERS, 0);
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[64], comm[32];
	size_t length = 0;

	*names = 0;
	while (proc && (entry = readdir(proc))) {
		if (atoi(entry->d_name) <= 0 ||
		    (!has_device(p, entry->d_name) && !has_worker(workers, entry->d_name)))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		line_of(path, comm, sizeof(comm));
		if (length + 64 < size)
			length += snprintf(names + length, size - length, "%s%s (%.20s)",
					   length ? ", " : "", comm, entry->d_name);
		else if (length + 4 < size)
			length = size, strcat(names, "...");
	}
	if (proc)
		closedir(proc);
	json_decref(workers);
}

static void check_use(struct patient *p)
{
	char count[32], names[384];

	if (!p->is_loaded)
		return;
	line_of(MODULE "/refcnt", count, sizeof(count));
	find_users(p, names, sizeof(names));
	if (atoi(count) <= 0 && !*names)
		tell(p, "use", GOOD, NULL, "no program uses the module: it can be unloaded");
	else if (*names)
		tell(p, "use", NOTE, "to unload it, end these programs", "in use by %s", names);
	else
		tell(p, "use", NOTE, "root can see who: sudo sockiocpctl doctor",
		     "in use (%s references) by programs that you cannot see", count);
}

/* -------------------------------------------------------------------- what is told */

static void show_findings(const json_t *findings)
{
	const char *check, *verdict, *what, *advice;
	int bold = has_colour(), is_bad;
	json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding) {
		verdict = json_string_value(json_object_get(finding, "verdict"));
		check = json_string_value(json_object_get(finding, "check"));
		what = json_string_value(json_object_get(finding, "what"));
		advice = json_string_value(json_object_get(finding, "advice"));
		is_bad = bold && (*verdict == 'w' || *verdict == 'f');
		printf("%s%-7s  %-9s  %s%s\n", is_bad ? "\033[1m" : "", verdict, check, what,
		       is_bad ? "\033[0m" : "");
		if (advice)
			printf("%20s-> %s\n", "", advice);
	}
}

int doctor(const struct options *options, int argc, char **argv)
{
	struct patient p = { .findings = json_array() };

	if (argc)
		return complain("doctor has no arguments", argv[0]);
	p.is_loaded = !access(MODULE "/version", F_OK);
	p.container = container_of_this();
	p.number = number_of_device();
	check_kernel(&p);
	check_module(&p);
	check_signatures(&p);
	check_container(&p);
	check_device(&p);
	check_library(&p);
	check_limits(&p);
	check_use(&p);
	if (options->json)
		show_json(p.findings, options->pretty);
	else
		show_findings(p.findings);
	json_decref(p.findings);
	return p.worst >= WARNING ? FAILED : 0;
}
