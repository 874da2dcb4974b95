// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What sockiocpctl shows, for people and for programs, and what it says to nonsense.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/sock.h"
#include "lib/task.h"

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

/* In the guest, and where make builds it. */
static const char *program(void)
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

FIXTURE_SETUP(tool)
{
	self->port = device_open();
	ASSERT_LE(0, self->port);
	self->id = fdinfo_value(self->port, "id");
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
	ASSERT_EQ(0, access(program(), X_OK));
}

FIXTURE_TEARDOWN(tool)
{
	close(self->port);
}

/* Runs it; its exit status.  What it says goes to @said, also what goes to stderr. */
__attribute__((format(printf, 3, 4)))
static int run(char *said, size_t size, const char *arguments, ...)
{
	char command[1024];
	size_t length;
	va_list list;
	FILE *pipe;
	int n;

	n = snprintf(command, sizeof(command), "%s ", program());
	va_start(list, arguments);
	vsnprintf(command + n, sizeof(command) - n, arguments, list);
	va_end(list);
	strncat(command, " 2>&1", sizeof(command) - strlen(command) - 1);
	pipe = popen(command, "r");
	length = fread(said, 1, size - 1, pipe);
	said[length] = 0;
	return WEXITSTATUS(pclose(pipe));
}

#define RUN(...) run(self->said, sizeof(self->said), __VA_ARGS__)

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
	EXPECT_EQ(0, strncmp(self->said, "PORT", 4));
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

TEST_F(tool, limits_are_shown_and_set)
{
	long long packets = param_get("max_user_packets");
	char want[128];

	EXPECT_EQ(0, RUN("-j limits"));
	snprintf(want, sizeof(want), "\"packets\":%lld,", packets);
	EXPECT_SAID(want);
	if (geteuid())
		SKIP(return, "only root can set a limit");
	EXPECT_EQ(0, RUN("limits set packets 12345"));
	EXPECT_EQ(12345, param_get("max_user_packets"));
	EXPECT_EQ(0, param_set("max_user_packets", packets));
}

static void set_limit_as_user(void *said)
{
	char *text = said;

	if (setresuid(USER, USER, USER))
		_exit(100);
	_exit(run(text, 4096, "limits set packets 1"));
}

TEST_F(tool, who_has_no_rights_sets_no_limit)
{
	long long packets = param_get("max_user_packets");
	char *said = shared_memory(4096);

	if (geteuid())
		SKIP(return, "only root can become somebody else");
	EXPECT_EQ(1, child_status(process_start(set_limit_as_user, said), COMES));
	EXPECT_NE(NULL, strstr(said, "Permission denied")) {
		TH_LOG("%s", said);
	}
	EXPECT_EQ(packets, param_get("max_user_packets"));
}

TEST_F(tool, nonsense_is_refused)
{
	static const char * const wrong[] = {
		"nothing", "ports x", "ports 0", "ports -1", "ports 99999999999", "ports 1 2",
		"users 1", "stats 1", "limits 1", "limits set", "limits set nothing 1",
		"limits set packets", "limits set packets -1", "limits set packets x", "-x",
		"stats -w", "stats -w x", "stats -w 0", "stats -n 1", "stats -w 1 -n 0",
		"ports -w 1", "ports ''",
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

TEST_HARNESS_MAIN
