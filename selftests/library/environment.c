// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The command line, as a program of Windows would take it apart.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define CHILD	"SOCKIOCP_COMMAND_LINE"

static const char expected[] =
	"program plain \"two words\" \"say \\\"hi\\\"\" C:\\dir\\ \"C:\\a dir\\\\\" \"\\\\\\\"\" \"\"";

/* In the program that the test starts. */
static __attribute__((constructor)) void be_the_child(void)
{
	if (getenv(CHILD))
		_exit(GetCommandLineA() && !strcmp(GetCommandLineA(), expected) ? 77 : 1);
}

TEST(arguments_are_quoted)
{
	static char *const arguments[] = {
		"program", "plain", "two words", "say \"hi\"", "C:\\dir\\", "C:\\a dir\\",
		"\\\"", "", NULL,
	};
	static char *const environment[] = { CHILD "=1", NULL };
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		execve("/proc/self/exe", arguments, environment);
		_exit(2);
	}
	EXPECT_EQ(77, child_status(pid, 10000));
}

TEST_HARNESS_MAIN
