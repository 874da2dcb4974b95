// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl monitor: a line for each event, and one for those that were lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/genl.h"
#include "lib/module.h"
#include "lib/sock.h"
#include "lib/task.h"
#include "lib/tool.h"

#define USER	54321

FIXTURE(monitor) {
	FILE *pipe;
	int pid;
	char said[64 * 1024];
	char want[256];
};

FIXTURE_SETUP(monitor)
{
	ASSERT_EQ(0, access(tool_program(), X_OK));
}

FIXTURE_TEARDOWN(monitor)
{
	if (self->pid > 0)
		kill(self->pid, SIGKILL);
}

#define NEEDS_ROOT()							\
	do {								\
		if (geteuid())						\
			SKIP(return, "only root hears events");		\
	} while (0)

static int start(FILE **pipe_of, const char *option, const char *argument)
{
	int fd[2], pid;

	if (pipe(fd))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		close(fd[1]);
		execl(tool_program(), "sockiocpctl", "monitor", option, argument, NULL);
		_exit(100);
	}
	close(fd[1]);
	*pipe_of = fdopen(fd[0], "r");
	return pid;
}

static void open_again_and_again(void *arg)
{
	(void)arg;
	for (;;) {
		close(device_open());
		usleep(20000);
	}
}

/* Starts it; it listens as soon as it tells something: of a port of another process. */
static int listens(FILE **pipe_of, const char *option, const char *argument, char *line,
		   size_t size)
{
	int child, pid = start(pipe_of, option, argument);

	child = process_start(open_again_and_again, NULL);
	if (!fgets(line, size, *pipe_of))
		*line = 0;
	process_kill(child);
	return pid;
}

/* The next line with that in it; "" if there is none. */
static char *next_line(FILE *pipe, const char *with, char *line, size_t size)
{
	while (fgets(line, size, pipe))
		if (strstr(line, with))
			return line;
	*line = 0;
	return line;
}

#define NEXT_LINE(with) next_line(self->pipe, with, self->said, sizeof(self->said))

TEST_F(monitor, events_are_lines_for_people)
{
	long long packets = param_get("max_user_packets"), id;
	int port;

	NEEDS_ROOT();
	self->pid = listens(&self->pipe, NULL, NULL, self->said, sizeof(self->said));
	EXPECT_EQ(0, strncmp("port ", self->said, 5)) {
		TH_LOG("%s", self->said);
	}
	ASSERT_EQ(0, prctl(PR_SET_NAME, "a\033[31m", 0, 0, 0));
	port = device_open();
	id = fdinfo_value(port, "id");
	snprintf(self->want, sizeof(self->want), "port %lld created: a?[31m (%d) of user 0\n", id,
		 getpid());
	EXPECT_STREQ(self->want, NEXT_LINE("a?[31m"));
	EXPECT_EQ(0, param_set("max_user_packets", 0));
	device_post(port, 1);
	device_post(port, 1);
	EXPECT_EQ(0, param_set("max_user_packets", packets));
	EXPECT_STREQ("user 0 refused 2 times, at the limit of packets\n", NEXT_LINE("refused"));
	close(port);
	snprintf(self->want, sizeof(self->want), "port %lld closed: a?[31m (%d) of user 0\n", id,
		 getpid());
	EXPECT_STREQ(self->want, NEXT_LINE("a?[31m"));
	/* It ends when nobody reads. */
	fclose(self->pipe);
	close(device_open());
	EXPECT_NE(-ETIMEDOUT, child_status(self->pid, COMES));
	self->pid = 0;
}

TEST_F(monitor, events_are_objects_for_programs)
{
	long long packets = param_get("max_user_packets");
	int port;

	NEEDS_ROOT();
	self->pid = listens(&self->pipe, "-j", NULL, self->said, sizeof(self->said));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "chosen", 0, 0, 0));
	port = device_open();
	snprintf(self->want, sizeof(self->want), "{\"event\":\"port-created\",\"id\":%lld,"
		 "\"uid\":0,\"pid\":%d,\"comm\":\"chosen\"}\n", fdinfo_value(port, "id"), getpid());
	EXPECT_STREQ(self->want, NEXT_LINE("chosen"));
	EXPECT_EQ(0, param_set("max_user_packets", 0));
	device_post(port, 1);
	EXPECT_EQ(0, param_set("max_user_packets", packets));
	EXPECT_STREQ("{\"event\":\"user-refused\",\"uid\":0,\"count\":1,"
		     "\"limits\":[\"packets\"]}\n", NEXT_LINE("refused"));
	close(port);
	fclose(self->pipe);
}

/* What is late is found by code that is patched, see histogram.c. */
TEST_F(monitor, late_packets_are_told_of)
{
	long long ms = 0;
	__u64 key[8];
	int port, i;

	NEEDS_ROOT();
	ASSERT_EQ(0, processors_off());
	port = device_open();
	self->pid = listens(&self->pipe, NULL, NULL, self->said, sizeof(self->said));
	EXPECT_EQ(0, param_set("late_packet_ms", 30));
	for (i = 0; i < 3; i++) {
		device_post(port, 1);
		sleep_ms(i ? 50 : 0);
		EXPECT_EQ(1, device_harvest(port, 0, key, 8));
		if (i == 1)
			sleep_ms(2000);
	}
	snprintf(self->want, sizeof(self->want), "port %lld: a packet was queued for %%lld ms\n",
		 fdinfo_value(port, "id"));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, sscanf(NEXT_LINE("queued"), self->want, &ms)) {
			TH_LOG("%s", self->said);
		}
		EXPECT_LE(50, ms);
	}
	EXPECT_EQ(0, param_set("late_packet_ms", 0));
	EXPECT_EQ(0, processors_on());
	close(port);
	fclose(self->pipe);
}

TEST_F(monitor, so_many_events_are_enough)
{
	char line[256] = "";
	int lines = 1;

	NEEDS_ROOT();
	self->pid = listens(&self->pipe, "-n", "5", line, sizeof(line));
	while (lines < 100) {
		close(device_open());
		if (!fgets(line, sizeof(line), self->pipe))
			break;
		lines++;
	}
	EXPECT_EQ(5, lines);
	EXPECT_EQ(0, child_status(self->pid, COMES));
	self->pid = 0;
}

/* It is stopped, so that it does not read; and then told how many it has missed. */
TEST_F(monitor, what_was_lost_is_told)
{
	enum { COUNT = 5000 };
	long long heard = 0, lost = 0, n;
	int i;

	NEEDS_ROOT();
	self->pid = listens(&self->pipe, NULL, NULL, self->said, sizeof(self->said));
	snprintf(self->want, sizeof(self->want), "(%d)", getpid());
	ASSERT_EQ(0, process_stop(self->pid));
	for (i = 0; i < COUNT; i++)
		close(device_open());
	ASSERT_EQ(0, process_continue(self->pid));
	while (heard + lost < 2 * COUNT && fgets(self->said, sizeof(self->said), self->pipe)) {
		if (sscanf(self->said, "%lld events lost", &n) == 1)
			lost += n;
		else
			heard += strstr(self->said, self->want) != NULL;
	}
	EXPECT_LT(0, lost);
	EXPECT_LT(0, heard);
	EXPECT_EQ(2 * COUNT, heard + lost);
	fclose(self->pipe);
}

static void listen_as_user(void *said)
{
	if (setresuid(USER, USER, USER))
		_exit(100);
	_exit(tool_run(said, 4096, "monitor -n 1"));
}

TEST_F(monitor, who_may_not_hear_is_told_so)
{
	char *said = shared_memory(4096);

	NEEDS_ROOT();
	EXPECT_EQ(1, child_status(process_start(listen_as_user, said), COMES));
	EXPECT_NE(NULL, strstr(said, "events are told to CAP_NET_ADMIN only")) {
		TH_LOG("%s", said);
	}
}

TEST_HARNESS_MAIN
