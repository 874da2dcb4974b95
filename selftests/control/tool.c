// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What sockiocpctl shows, for people and for programs, and what it says to nonsense.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/module.h"
#include "lib/place.h"
#include "lib/sock.h"
#include "lib/task.h"
#include "lib/tool.h"

#define IN	SOCKIOCP_REGISTER_IN
#define ENABLE	SOCKIOCP_OP_ENABLE
#define LEVEL	SOCKIOCP_TRIGGER_LEVEL
#define USER	54321

FIXTURE(tool) {
	int port;
	unsigned int id;
	int fd[2];
	char said[16 * 1024];
};

FIXTURE_SETUP(tool)
{
	self->port = device_open();
	ASSERT_LE(0, self->port);
	self->id = fdinfo_value(self->port, "id");
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, access(tool_program(), X_OK));
}

FIXTURE_TEARDOWN(tool)
{
	close(self->port);
}

#define RUN(...) tool_run(self->said, sizeof(self->said), __VA_ARGS__)

#define EXPECT_SAID(text)						\
	EXPECT_NE(NULL, strstr(self->said, text)) {			\
		TH_LOG("not there: %s", text);				\
		TH_LOG("%s", self->said);				\
	}

#define EXPECT_NOT_SAID(text)						\
	EXPECT_EQ(NULL, strstr(self->said, text)) {			\
		TH_LOG("%s", self->said);				\
	}

TEST_F(tool, ports_are_a_table_or_json)
{
	char want[256];

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, device_post(self->port, 1));
	EXPECT_EQ(0, RUN("ports"));
	EXPECT_EQ(0, strncmp(self->said + strspn(self->said, " "), "PORT", 4));
	EXPECT_SAID("DELIVERED");
	EXPECT_NOT_SAID("\033");
	snprintf(want, sizeof(want), "%d  ", getpid());
	EXPECT_SAID(want);
	EXPECT_EQ(0, RUN("-j ports %u", self->id));
	snprintf(want, sizeof(want),
		 "[{\"closed\":false,\"id\":%u,\"uid\":%d,\"pid\":%d,\"comm\":\"tool\","
		 "\"registrations\":1,\"armed\":1,\"queued\":0,\"disabled\":0,\"endpoints\":0,"
		 "\"operations\":0,\"packets\":1,\"delivered\":0,\"waiters\":0,\"workers\":0,"
		 "\"active\":0,\"concurrency\":%d}]\n", self->id, getuid(), getpid(),
		 processors());
	EXPECT_STREQ(want, self->said);
	EXPECT_EQ(0, RUN("--pretty ports %u", self->id));
	snprintf(want, sizeof(want), "\n    \"id\": %u,\n", self->id);
	EXPECT_SAID(want);
}

TEST_F(tool, registrations_workers_and_users_are_shown)
{
	char want[256];
	struct stat st;
	__u64 key;

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, fstat(self->fd[0], &st));
	EXPECT_EQ(0, RUN("registrations %u", self->id));
	EXPECT_SAID("armed");
	EXPECT_SAID("inet");
	EXPECT_SAID("127.0.0.1:");
	EXPECT_EQ(0, RUN("-j registrations %u", self->id));
	snprintf(want, sizeof(want),
		 "[{\"closed\":false,\"port\":%u,\"inode\":%lu,\"filter\":[\"in\"],"
		 "\"trigger\":[", self->id, (unsigned long)st.st_ino);
	EXPECT_EQ(0, strncmp(self->said, want, strlen(want))) {
		TH_LOG("%s", self->said);
	}
	EXPECT_SAID("\"state\":\"armed\",\"family\":\"inet\",\"type\":1,\"protocol\":\"tcp\",");
	EXPECT_SAID("\"local-address\":\"127.0.0.1\",");
	EXPECT_SAID("\"remote-port\":");

	EXPECT_EQ(0, RUN("-j workers %u", self->id));
	EXPECT_STREQ("[]\n", self->said);
	EXPECT_GT(0, device_harvest(self->port, 0, &key, 1));
	EXPECT_EQ(0, RUN("-j workers %u", self->id));
	EXPECT_SAID("\"comm\":\"tool\"");
	EXPECT_EQ(0, RUN("users"));
	EXPECT_SAID("REGISTRATIONS");
	EXPECT_EQ(0, RUN("-j users"));
	snprintf(want, sizeof(want), "{\"uid\":%d,\"registrations\":", getuid());
	EXPECT_SAID(want);
}

/* The columns are those of the manual page, where scripts count them. */
TEST_F(tool, dump_has_a_line_for_each)
{
	char want[256];
	struct stat st;
	__u64 key;

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, fstat(self->fd[0], &st));
	EXPECT_GT(0, device_harvest(self->port, 0, &key, 1));
	ASSERT_EQ(0, device_post(self->port, 1));
	EXPECT_EQ(0, RUN("dump"));
	snprintf(want, sizeof(want), "port\t%u\t%d\t%d\ttool\tno\t1\t1\t0\t0\t0\t0\t1\t0\t0\t1\t",
		 self->id, getuid(), getpid());
	EXPECT_SAID(want);
	snprintf(want, sizeof(want), "registration\t%u\t%lu\tarmed\tin\t", self->id,
		 (unsigned long)st.st_ino);
	EXPECT_SAID(want);
	EXPECT_SAID("\tno\tinet\t1\ttcp\t127.0.0.1\t");
	snprintf(want, sizeof(want), "worker\t%u\t%d\t%d\t", self->id, getpid(), thread_id());
	EXPECT_SAID(want);
	snprintf(want, sizeof(want), "user\t%d\t", getuid());
	EXPECT_SAID(want);
	EXPECT_SAID("limits\t");
	EXPECT_EQ(0, RUN("dump workers"));
	EXPECT_NOT_SAID("port\t");
	EXPECT_SAID("worker\t");
}

/* What a program calls itself does not write on a terminal, nor break JSON. */
TEST_F(tool, names_are_harmless)
{
	int port;

	ASSERT_EQ(0, prctl(PR_SET_NAME, "a\033[31m\"\xff\n", 0, 0, 0));
	port = device_open();
	EXPECT_EQ(0, RUN("ports"));
	EXPECT_NOT_SAID("\033");
	EXPECT_NOT_SAID("\xff");
	EXPECT_SAID("a?[31m\"??\n");
	EXPECT_EQ(0, RUN("dump ports"));
	EXPECT_SAID("\ta?[31m\"??\t");
	EXPECT_EQ(0, RUN("-j"));
	EXPECT_SAID("\"a\\u001B[31m\\\"?\\n\"");
	close(port);
}

TEST_F(tool, stats_have_rates)
{
	char want[64];
	__u64 key;

	ASSERT_EQ(0, device_post(self->port, 1));
	ASSERT_EQ(1, device_harvest(self->port, 0, &key, 1));
	EXPECT_EQ(0, RUN("-j stats"));
	EXPECT_SAID("\"delivered\":1,");
	EXPECT_NOT_SAID("per-second");
	EXPECT_EQ(0, RUN("stats -w 0.05 -n 3"));
	EXPECT_SAID("PER SECOND");
	EXPECT_EQ(0, RUN("-j stats -w 0.05 -n 1"));
	snprintf(want, sizeof(want), "\"delivered-per-second\":0.0}");
	EXPECT_SAID(want);
}

TEST_F(tool, top_has_the_busiest_first)
{
	char first[64], second[64], third[64];
	struct pollfd p = { .events = POLLIN };
	int busy, stalled, i;
	__u64 key[8];

	busy = device_open();
	stalled = device_open();
	ASSERT_EQ(0, device_post(stalled, 1));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, device_post(busy, i));
	/* Between two looks of the tool there is time for some packets. */
	snprintf(self->said, sizeof(self->said), "%s -j top -w 0.3 -n 1", tool_program());
	FILE *pipe = popen(self->said, "r");

	ASSERT_NE(NULL, pipe);
	/* Until the tool says something: it may begin late. */
	p.fd = fileno(pipe);
	for (i = 0; i < COMES / 10 && !poll(&p, 1, 10); i++) {
		ASSERT_EQ(0, device_post(busy, i));
		ASSERT_LT(0, device_harvest(busy, 0, key, 1));
	}
	self->said[fread(self->said, 1, sizeof(self->said) - 1, pipe)] = 0;
	EXPECT_EQ(0, WEXITSTATUS(pclose(pipe)));
	snprintf(first, sizeof(first), "\"id\":%lld,", fdinfo_value(busy, "id"));
	snprintf(second, sizeof(second), "\"id\":%lld,", fdinfo_value(stalled, "id"));
	snprintf(third, sizeof(third), "\"id\":%u,", self->id);
	EXPECT_SAID(first);
	EXPECT_SAID(second);
	EXPECT_SAID(third);
	EXPECT_LT(strstr(self->said, first), strstr(self->said, second));
	EXPECT_LT(strstr(self->said, second), strstr(self->said, third));
	EXPECT_SAID("\"pace\":\"busy\"");
	EXPECT_SAID("\"pace\":\"STALLED\"");
	EXPECT_SAID("\"pace\":\"idle\"");
	EXPECT_EQ(0, RUN("top -w 0.05 -n 2"));
	EXPECT_SAID("packets per second, ");
	EXPECT_SAID("PER SECOND");
	EXPECT_NOT_SAID("\033");
	close(busy);
	close(stalled);
}

/* On a terminal it goes on until it is told to end, and leaves the terminal as it was. */
TEST_F(tool, q_quits_top)
{
	struct termios before, after;
	char said[8192] = "";
	int master, child, length = 0, ret;

	child = forkpty(&master, NULL, NULL, NULL);
	ASSERT_LE(0, child);
	if (!child) {
		execl(tool_program(), "sockiocpctl", "top", "-w", "0.05", NULL);
		_exit(100);
	}
	ASSERT_EQ(0, tcgetattr(master, &before));
	while (!strstr(said, "per second") && length < (int)sizeof(said) - 1) {
		ret = read(master, said + length, sizeof(said) - 1 - length);
		ASSERT_LT(0, ret);
		length += ret;
		said[length] = 0;
	}
	EXPECT_NE(NULL, strstr(said, "\033[?1049h"));
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	ASSERT_EQ(1, write(master, "q", 1));
	while ((ret = read(master, said, sizeof(said))) > 0)
		;
	EXPECT_EQ(0, child_status(child, COMES));
	EXPECT_EQ(0, tcgetattr(master, &after));
	EXPECT_EQ(before.c_lflag, after.c_lflag);
	close(master);
}

TEST_F(tool, limits_are_shown_and_set)
{
	long long packets = param_get("max_user_packets"), offers = param_get("max_user_offers");
	char want[128];

	EXPECT_EQ(0, RUN("-j limits"));
	snprintf(want, sizeof(want), "\"packets\":%lld,", packets);
	EXPECT_SAID(want);
	if (geteuid())
		SKIP(return, "only root can set a limit");
	EXPECT_EQ(0, RUN("limits set packets=12345"));
	EXPECT_STREQ("", self->said);
	EXPECT_EQ(12345, param_get("max_user_packets"));
	EXPECT_EQ(0, RUN("limits set packets=%lld offers=%lld", packets, offers + 1));
	EXPECT_EQ(packets, param_get("max_user_packets"));
	EXPECT_EQ(offers + 1, param_get("max_user_offers"));
	EXPECT_EQ(0, RUN("limits set offers=%lld", offers));
	/* In the kernel's words; and none is set. */
	EXPECT_EQ(1, RUN("limits set packets=1 offers=9223372036854775808"));
	EXPECT_SAID("sockiocpctl: Numerical result out of range: integer out of range\n");
	EXPECT_EQ(packets, param_get("max_user_packets"));
	/* Of one user, who needs no port. */
	EXPECT_EQ(0, RUN("limits set uid=%d packets=12345 offers=3", USER));
	EXPECT_EQ(packets, param_get("max_user_packets"));
	EXPECT_EQ(0, RUN("-j users"));
	EXPECT_SAID("\"max-packets\":12345,\"max-offers\":3}");
	EXPECT_EQ(0, RUN("limits reset uid=%d", USER));
	EXPECT_EQ(0, RUN("-j users"));
	EXPECT_EQ(NULL, strstr(self->said, "\"max-packets\":12345"));
}

static void set_limit_as_user(void *said)
{
	char *text = said;

	if (setresuid(USER, USER, USER))
		_exit(100);
	_exit(tool_run(text, 4096, "limits set packets=1"));
}

TEST_F(tool, who_has_no_rights_sets_no_limit)
{
	long long packets = param_get("max_user_packets");
	char *said = shared_memory(4096);

	if (geteuid())
		SKIP(return, "only root can become somebody else");
	EXPECT_EQ(1, child_status(process_start(set_limit_as_user, said), COMES));
	EXPECT_NE(NULL, strstr(said, "not permitted: limits are the machine's")) {
		TH_LOG("%s", said);
	}
	EXPECT_EQ(packets, param_get("max_user_packets"));
}

TEST_F(tool, nonsense_is_refused)
{
	static const char * const wrong[] = {
		"nothing", "ports x", "ports 0", "ports -1", "ports 99999999999", "ports 1 2",
		"users 1", "stats 1", "limits 1", "limits set", "limits set nothing=1",
		"limits set packets", "limits set packets=-1", "limits set packets=x", "-x",
		"limits set packets=", "limits set packets 1", "limits set =1",
		"limits set uid=1", "limits set uid=x packets=1", "limits reset packets=1",
		"limits set uid=4294967295 packets=1", "limits reset", "limits reset uid=1 offers=1",
		"limits set packets=1 nothing=1", "limits set packets=99999999999999999999",
		"top 1", "top -n 0", "top -w x", "doctor 1", "doctor -w 1",
		"stats -w", "stats -w x", "stats -w 0", "stats -n 1", "stats -w 1 -n 0",
		"ports -w 1", "ports ''", "dump nothing", "dump ports 1", "-j dump",
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		EXPECT_EQ(2, RUN("%s", wrong[i])) {
			TH_LOG("%s", wrong[i]);
		}
		EXPECT_SAID("Try: sockiocpctl --help");
	}
	/* The kernel's own words. */
	EXPECT_EQ(1, RUN("ports 2147483647"));
	EXPECT_SAID("there is no such port, or it is not yours to see");
	EXPECT_EQ(1, RUN("> /dev/full"));
	EXPECT_EQ(0, RUN("--help"));
	EXPECT_SAID("Usage: sockiocpctl");
	EXPECT_EQ(0, RUN("--version"));
	EXPECT_SAID(SOCKIOCP_VERSION);
}

/* ------------------------------------------------------------------------ doctor */

FIXTURE(doctor) {
	char said[16 * 1024];
};

FIXTURE_SETUP(doctor)
{
	ASSERT_EQ(0, access(tool_program(), X_OK));
}

FIXTURE_TEARDOWN(doctor)
{
}

/* What the doctor is to say, and where; @go makes the place. */
struct visit {
	int (*go)(void *arg);
	void *arg;
	const char *arguments;
	char said[16 * 1024];
};

static void visit(void *arg)
{
	struct visit *v = arg;

	if (v->go(v->arg))
		_exit(100);
	_exit(tool_run(v->said, sizeof(v->said), "%s", v->arguments));
}

/* The exit status of a doctor who is called there, and what is said in @said. */
static int call_doctor(int (*go)(void *arg), void *arg, char *said)
{
	struct visit *v = shared_memory(sizeof(*v));
	int ret;

	*v = (struct visit){ .go = go, .arg = arg, .arguments = "doctor" };
	ret = child_status(process_start(visit, v), COMES);
	strcpy(said, v->said);
	munmap(v, sizeof(*v));
	return ret;
}

TEST_F(doctor, nothing_is_wrong_here)
{
	char want[64];
	int port;

	EXPECT_EQ(0, RUN("doctor"));
	EXPECT_SAID("good     kernel     Linux ");
	EXPECT_SAID("good     module     loaded, version " SOCKIOCP_VERSION "\n");
	EXPECT_SAID("good     device     /dev/sockiocp can be used, mode 0666\n");
	EXPECT_SAID("good     limits     nobody is near a limit");
	EXPECT_NOT_SAID("failed");
	EXPECT_NOT_SAID("warning");
	EXPECT_NOT_SAID("\033");
	port = device_open();
	EXPECT_EQ(0, RUN("-j doctor"));
	EXPECT_SAID("{\"check\":\"module\",\"verdict\":\"good\",\"what\":\"loaded, version "
		    SOCKIOCP_VERSION "\",\"advice\":null}");
	snprintf(want, sizeof(want), "tool (%d)", getpid());
	EXPECT_SAID(want);
	close(port);
}

static int go_to_place(void *arg)
{
	return place_go(*(enum place *)arg);
}

TEST_F(doctor, device_is_looked_at)
{
	static struct {
		enum place place;
		const char *what, *advice;
	} cases[] = {
		{ NO_NODE, "there is no /dev/sockiocp here", "mknod -m 666 /dev/sockiocp c 10 " },
		{ OTHER_DEVICE, "something else: the number of another", "rmmod sockiocp" },
		{ DIRECTORY, "something else: no device", "start the container anew" },
		{ MODE, "has the mode 0600, and user 1000 may not open it", "chmod 666" },
		{ NODEV, "mounted with nodev", "--device /dev/sockiocp, not -v" },
		{ SECCOMP_EPERM, "a seccomp filter refuses ioctl: Operation not", "SystemCallF" },
		{ SECCOMP_ENOSYS, "a seccomp filter refuses ioctl: Function not", "SystemCallF" },
	};
	size_t i;

	if (geteuid())
		SKIP(return, "only root can make such places");
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		EXPECT_EQ(1, call_doctor(go_to_place, &cases[i].place, self->said));
		EXPECT_SAID("failed   device     ");
		EXPECT_SAID(cases[i].what);
		EXPECT_SAID(cases[i].advice);
	}
}

/* Root itself is kept from nothing. */
TEST_F(doctor, root_is_told_that_others_are_kept_out)
{
	enum place place = MODE_AND_ROOT;

	if (geteuid())
		SKIP(return, "only root can make such places");
	EXPECT_EQ(1, call_doctor(go_to_place, &place, self->said));
	EXPECT_SAID("warning  device     /dev/sockiocp has the mode 0600: user 0 may open it, and "
		    "not everybody\n");
	EXPECT_SAID("chmod 666 /dev/sockiocp");
}

static int become_user(void *arg)
{
	(void)arg;
	return setresuid(USER, USER, USER);
}

TEST_F(doctor, another_user_is_told_as_much_as_he_may_know)
{
	int port;

	if (geteuid())
		SKIP(return, "only root can become somebody else");
	port = device_open();
	EXPECT_EQ(0, call_doctor(become_user, NULL, self->said));
	EXPECT_SAID("good     device     ");
	EXPECT_SAID("by programs that you cannot see");
	close(port);
}

TEST_F(doctor, limit_that_is_near_is_told)
{
	long long packets = param_get("max_user_packets");
	int port, i;

	if (geteuid())
		SKIP(return, "only root can set a limit");
	port = device_open();
	for (i = 0; i < 9; i++)
		EXPECT_EQ(0, device_post(port, i));
	EXPECT_EQ(0, param_set("max_user_packets", 11));
	EXPECT_EQ(0, RUN("doctor"));
	EXPECT_SAID("nobody is near a limit");
	EXPECT_EQ(0, param_set("max_user_packets", 10));
	EXPECT_EQ(1, RUN("doctor"));
	EXPECT_EQ(0, param_set("max_user_packets", packets));
	EXPECT_SAID("warning  limits     user 0 holds 9 of 10 packets\n");
	EXPECT_SAID("sockiocpctl limits set");
	close(port);
}

static void put_file(const char *path, const void *text, size_t size)
{
	FILE *file = fopen(path, "we");

	if (file) {
		fwrite(text, 1, size, file);
		fclose(file);
	}
}

static int have_library(void *arg)
{
	char text[64];
	int n;

	mkdir("/tmp/doctor", 0755);
	mkdir("/tmp/doctor/pkgconfig", 0755);
	put_file("/tmp/doctor/libsockiocp.so.1", "", 0);
	n = snprintf(text, sizeof(text), "Name: sockiocp\nVersion: %s\n",
		     arg ? (char *)arg : "");
	if (arg)
		put_file("/tmp/doctor/pkgconfig/sockiocp.pc", text, n);
	else
		unlink("/tmp/doctor/pkgconfig/sockiocp.pc");
	return setenv("LD_LIBRARY_PATH", "/nowhere::/tmp/doctor:/tmp", 1);
}

TEST_F(doctor, library_is_compared)
{
	EXPECT_EQ(0, call_doctor(have_library, SOCKIOCP_VERSION, self->said));
	EXPECT_SAID("good     library    /tmp/doctor/libsockiocp.so.1, version "
		    SOCKIOCP_VERSION "\n");
	EXPECT_EQ(1, call_doctor(have_library, "0.0.1", self->said));
	EXPECT_SAID("warning  library    /tmp/doctor/libsockiocp.so.1 is of version 0.0.1, ");
	EXPECT_EQ(0, call_doctor(have_library, NULL, self->said));
	EXPECT_SAID("note     library    /tmp/doctor/libsockiocp.so.1 is there; nothing beside");
	unlink("/tmp/doctor/libsockiocp.so.1");
	rmdir("/tmp/doctor/pkgconfig");
	rmdir("/tmp/doctor");
}

/* As firmware and kernel say it where only signed modules are loaded. */
static int want_signatures(void *arg)
{
	static const unsigned char on[] = { 6, 0, 0, 0, 1 };

	(void)arg;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/sys/firmware", "tmpfs", 0, NULL) ||
	    mkdir("/sys/firmware/efi", 0755) || mkdir("/sys/firmware/efi/efivars", 0755))
		return -1;
	put_file("/sys/firmware/efi/efivars/"
		 "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", on, sizeof(on));
	/* Not all kernels of ours have it. */
	if (access("/sys/kernel/security", F_OK))
		return 0;
	if (mount("none", "/sys/kernel/security", "tmpfs", 0, NULL))
		return -1;
	put_file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n", 33);
	return 0;
}

static int be_in_container(void *arg)
{
	(void)arg;
	put_file("/.dockerenv", "", 0);
	return 0;
}

TEST_F(doctor, signatures_and_containers_are_told)
{
	if (geteuid() || !access("/.dockerenv", F_OK))
		SKIP(return, "only root can make such places, and outside of them");
	EXPECT_EQ(0, RUN("doctor"));
	EXPECT_SAID("good     signature  ");
	EXPECT_SAID("good     container  ");
	EXPECT_EQ(0, call_doctor(want_signatures, NULL, self->said));
	EXPECT_SAID("note     signature  the module was accepted, Secure Boot is on");
	if (!access("/sys/kernel/security", F_OK))
		EXPECT_SAID("Secure Boot is on, the kernel is locked down\n");
	EXPECT_EQ(0, call_doctor(be_in_container, NULL, self->said));
	unlink("/.dockerenv");
	EXPECT_SAID("note     container  this is a container (docker)");
}

/* Only EXPECT_*: whatever happens, the module is there for the next test. */
TEST_F(doctor, module_that_is_not_there_is_told)
{
	int i, ret = -1;

	if (module_missing())
		SKIP(return, "%s", module_missing());
	EXPECT_EQ(0, processors_off());
	for (i = 0; i < 500 && ret; i++) {
		ret = module_unload();
		usleep(10000);
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(1, RUN("doctor"));
	EXPECT_SAID("failed   module     not loaded, and not installed for this kernel\n");
	EXPECT_SAID("make insmod");
	EXPECT_NOT_SAID("device  ");
	EXPECT_EQ(1, call_doctor(become_user, NULL, self->said));
	EXPECT_SAID("failed   module     not loaded");
	EXPECT_EQ(1, call_doctor(want_signatures, NULL, self->said));
	EXPECT_SAID("warning  signature  only signed modules may be loaded, Secure Boot is on");
	EXPECT_SAID("mokutil --import");
	EXPECT_EQ(1, call_doctor(be_in_container, NULL, self->said));
	unlink("/.dockerenv");
	EXPECT_SAID("on the host, as root: modprobe sockiocp");
	EXPECT_EQ(0, module_load());
	EXPECT_EQ(0, processors_on());
	EXPECT_EQ(0, RUN("doctor"));
}

/* Counting patches the module's code, see histogram.c. */
#define COUNTED()							\
	do {								\
		ASSERT_EQ(0, processors_off());				\
		ASSERT_EQ(0, param_set("histograms", 1));		\
		for (i = 0; i < 6; i++) {				\
			ASSERT_EQ(0, device_post(self->port, i));	\
			if (i == 0 || i == 5)				\
				ASSERT_LT(0, device_harvest(self->port, 0, key, 8));	\
		}							\
	} while (0)

#define NOT_COUNTED()							\
	do {								\
		EXPECT_EQ(0, param_set("histograms", 0));		\
		EXPECT_EQ(0, processors_on());				\
	} while (0)

TEST_F(tool, histograms_are_drawn)
{
	char want[64];
	__u64 key[8];
	int i;

	if (geteuid())
		SKIP(return, "only root may have packets counted");
	EXPECT_EQ(1, RUN("histograms"));
	EXPECT_STREQ("sockiocpctl: nothing is counted; as root: "
		     "echo 1 > /sys/module/sockiocp/parameters/histograms\n", self->said);
	COUNTED();
	EXPECT_EQ(0, RUN("histograms %u", self->id));
	snprintf(want, sizeof(want), "port %u of tool (%d)\n", self->id, getpid());
	EXPECT_SAID(want);
	EXPECT_SAID("     packets of a call       calls\n");
	EXPECT_SAID("                     1           1  ####");
	EXPECT_SAID("  2 to 3           0\n                4 to 7           1  ####");
	EXPECT_SAID(" us           1  ####");
	EXPECT_EQ(0, RUN("-j histograms %u", self->id));
	EXPECT_SAID("\"batches\":[0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0],\"waits\":[");
	EXPECT_EQ(0, RUN("-j ports %u", self->id));
	EXPECT_SAID("\"batches\":[0,1,0,1,0,");
	EXPECT_EQ(0, RUN("-j stats"));
	EXPECT_SAID("\"batches\":[0,1,0,1,0,");
	EXPECT_EQ(2, RUN("histograms x"));
	NOT_COUNTED();
}

TEST_F(tool, port_that_was_not_counted_says_so)
{
	if (geteuid())
		SKIP(return, "only root may have packets counted");
	ASSERT_EQ(0, processors_off());
	ASSERT_EQ(0, param_set("histograms", 1));
	EXPECT_EQ(0, RUN("histograms %u", self->id));
	EXPECT_SAID("): nothing was delivered since counting began\n");
	EXPECT_EQ(0, RUN("-j histograms %u", self->id));
	EXPECT_SAID("\"batches\":null,\"waits\":null}]");
	NOT_COUNTED();
}

TEST_HARNESS_MAIN
