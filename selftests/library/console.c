// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The console: which signals are which events, and what a terminal is given.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define KILLED_BY(signal)	(256 + (signal))

/* What a child does: returns its exit status, or a signal ends it. */
typedef int child_main(void);

static int status_of(child_main *run)
{
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (!pid) {
		/* What is sent to the group is sent to nobody else. */
		setpgid(0, 0);
		alarm(20);
		_exit(run());
	}
	return child_status(pid, 20000);
}

static LONG events[8], nr_events;
static pid_t main_thread;
static HANDLE came;

static BOOL note_it(DWORD event, BOOL handled)
{
	if (gettid() == main_thread)
		_exit(90);
	events[InterlockedIncrement(&nr_events) - 1] = (LONG)event;
	SetEvent(came);
	return handled;
}

static BOOL WINAPI take(DWORD event)
{
	return note_it(event, TRUE);
}

static BOOL WINAPI pass_on(DWORD event)
{
	return note_it(event, FALSE);
}

/* Returns whether so many events have come. */
static int have_come(LONG count)
{
	while (nr_events < count)
		if (WaitForSingleObject(came, 5000))
			return 0;
	return nr_events == count;
}

static void begin(void)
{
	main_thread = gettid();
	came = CreateEventA(NULL, FALSE, FALSE, NULL);
}

static int interrupt_and_quit(void)
{
	begin();
	if (!SetConsoleCtrlHandler(take, TRUE))
		return 1;
	kill(getpid(), SIGINT);
	if (!have_come(1) || events[0] != CTRL_C_EVENT)
		return 2;
	kill(getpid(), SIGQUIT);
	if (!have_come(2) || events[1] != CTRL_BREAK_EVENT)
		return 3;
	if (!GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) || !have_come(3) ||
	    events[2] != CTRL_C_EVENT)
		return 4;
	return 0;
}

TEST(signals_are_events)
{
	EXPECT_EQ(0, status_of(interrupt_and_quit));
}

static BOOL WINAPI end_it(DWORD event)
{
	_exit(event == CTRL_CLOSE_EVENT ? 77 : 78);
}

static int terminate(void)
{
	begin();
	SetConsoleCtrlHandler(end_it, TRUE);
	kill(getpid(), SIGTERM);
	Sleep(5000);
	return 1;
}

static int hang_up(void)
{
	begin();
	SetConsoleCtrlHandler(end_it, TRUE);
	kill(getpid(), SIGHUP);
	Sleep(5000);
	return 1;
}

static int terminate_and_return(void)
{
	begin();
	SetConsoleCtrlHandler(take, TRUE);
	kill(getpid(), SIGTERM);
	Sleep(5000);
	return 1;
}

TEST(closing_ends_the_process)
{
	EXPECT_EQ(77, status_of(terminate));
	EXPECT_EQ(77, status_of(hang_up));
	EXPECT_EQ(KILLED_BY(SIGTERM), status_of(terminate_and_return));
}

static int pass_to_the_first(void)
{
	begin();
	SetConsoleCtrlHandler(take, TRUE);
	SetConsoleCtrlHandler(pass_on, TRUE);
	kill(getpid(), SIGINT);
	if (!have_come(2))
		return 1;
	if (!SetConsoleCtrlHandler(pass_on, FALSE))
		return 2;
	kill(getpid(), SIGINT);
	if (!have_come(3))
		return 3;
	SetLastError(0);
	if (SetConsoleCtrlHandler(pass_on, FALSE) || GetLastError() != ERROR_INVALID_PARAMETER)
		return 4;
	/* Whoever returns TRUE is the last one to be asked. */
	SetConsoleCtrlHandler(take, TRUE);
	kill(getpid(), SIGINT);
	if (!have_come(4))
		return 5;
	Sleep(50);
	return nr_events == 4 ? 0 : 6;
}

static int pass_to_nobody(void)
{
	begin();
	SetConsoleCtrlHandler(pass_on, TRUE);
	kill(getpid(), SIGINT);
	Sleep(5000);
	return 1;
}

static int take_all_away(void)
{
	begin();
	SetConsoleCtrlHandler(take, TRUE);
	SetConsoleCtrlHandler(take, FALSE);
	kill(getpid(), SIGQUIT);
	/* Another thread may be the one that is told. */
	Sleep(5000);
	return 1;
}

TEST(last_one_is_asked_first_and_none_means_the_end)
{
	EXPECT_EQ(0, status_of(pass_to_the_first));
	EXPECT_EQ(KILLED_BY(SIGINT), status_of(pass_to_nobody));
	EXPECT_EQ(KILLED_BY(SIGQUIT), status_of(take_all_away));
}

static BOOL WINAPI wait_for_the_next(DWORD event)
{
	LONG mine = InterlockedIncrement(&nr_events);

	(void)event;
	while (mine == 1 && nr_events < 2)
		Sleep(1);
	SetEvent(came);
	return TRUE;
}

static int two_at_once(void)
{
	begin();
	SetConsoleCtrlHandler(wait_for_the_next, TRUE);
	kill(getpid(), SIGINT);
	while (!nr_events)
		Sleep(1);
	kill(getpid(), SIGINT);
	return WaitForSingleObject(came, 5000) ? 1 : 0;
}

TEST(second_one_comes_while_the_first_is_handled)
{
	EXPECT_EQ(0, status_of(two_at_once));
}

static int ignore(void)
{
	begin();
	SetConsoleCtrlHandler(take, TRUE);
	SetConsoleCtrlHandler(NULL, TRUE);
	kill(getpid(), SIGINT);
	Sleep(50);
	if (nr_events)
		return 1;
	SetConsoleCtrlHandler(NULL, FALSE);
	kill(getpid(), SIGINT);
	return have_come(1) ? 0 : 2;
}

static int do_nothing(void)
{
	kill(getpid(), SIGINT);
	Sleep(5000);
	return 1;
}

static int fork_another(void)
{
	begin();
	SetConsoleCtrlHandler(take, TRUE);
	return status_of(do_nothing) == KILLED_BY(SIGINT) ? 0 : 1;
}

static int stay_ignored(void)
{
	begin();
	signal(SIGHUP, SIG_IGN);
	SetConsoleCtrlHandler(take, TRUE);
	kill(getpid(), SIGHUP);
	Sleep(50);
	return nr_events ? 1 : 0;
}

TEST(ctrl_c_is_ignored_and_others_inherit_no_functions)
{
	EXPECT_EQ(0, status_of(ignore));
	EXPECT_EQ(0, status_of(fork_another));
	EXPECT_EQ(0, status_of(stay_ignored));
}

/* A terminal in the place of the standard streams: returns the other end. */
static int become_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	if (master < 0 || grantpt(master) || unlockpt(master))
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		return -1;
	dup2(slave, STDIN_FILENO);
	dup2(slave, STDOUT_FILENO);
	return master;
}

#define NO_TERMINAL	99

static int talk_to_a_terminal(void)
{
	static const WCHAR wide[] = L"gr\u00fc\u00df";
	static const char narrow[] = "gr\xc3\xbc\xc3\x9f";
	int master = become_terminal();
	HANDLE in = GetStdHandle(STD_INPUT_HANDLE), out = GetStdHandle(STD_OUTPUT_HANDLE);
	WCHAR said[16];
	char text[64];
	DWORD n, mode;

	if (master < 0)
		return NO_TERMINAL;
	if (!GetConsoleMode(in, &mode) || mode != (ENABLE_PROCESSED_INPUT | ENABLE_LINE_INPUT |
						   ENABLE_ECHO_INPUT))
		return 1;
	if (!SetConsoleMode(in, ENABLE_LINE_INPUT) || !GetConsoleMode(in, &mode) ||
	    mode != ENABLE_LINE_INPUT)
		return 2;
	if (SetConsoleMode(in, ENABLE_ECHO_INPUT) || GetLastError() != ERROR_INVALID_PARAMETER)
		return 3;
	if (!GetConsoleMode(out, &mode) || !(mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING))
		return 4;
	n = 77;
	if (!WriteConsoleW(out, wide, 4, &n, NULL) || n != 4 ||
	    read(master, text, sizeof(text)) != 6 || memcmp(text, narrow, 6))
		return 5;
	if (!WriteConsoleA(out, "hello", 5, &n, NULL) || n != 5 ||
	    read(master, text, sizeof(text)) != 5 || memcmp(text, "hello", 5))
		return 6;
	if (write(master, "quit\n", 5) != 5 || !ReadConsoleA(in, text, sizeof(text), &n, NULL) ||
	    n != 6 || memcmp(text, "quit\r\n", 6))
		return 7;
	/* The second character is cut, and completed. */
	if (write(master, "\xc3\xbc\xc3\x9f\n", 5) != 5 ||
	    !ReadConsoleW(in, said, 4, &n, NULL) || n != 2 || wmemcmp(said, L"\u00fc\u00df", 2) ||
	    !ReadConsoleW(in, said, 16, &n, NULL) || n != 2 || wmemcmp(said, L"\r\n", 2))
		return 8;
	if (!SetConsoleTitleW(L"me") || read(master, text, sizeof(text)) != 7 ||
	    memcmp(text, "\033]0;me\007", 7))
		return 9;
	return 0;
}

TEST(terminal_is_a_console)
{
	int status = status_of(talk_to_a_terminal);

	if (status == NO_TERMINAL)
		SKIP(return, "there is no /dev/pts");
	EXPECT_EQ(0, status);
}

TEST(pipe_is_no_console)
{
	HANDLE handle;
	int pipe[2];
	DWORD n;

	ASSERT_EQ(0, fd_pipe(pipe));
	handle = (HANDLE)(intptr_t)pipe[1];
	EXPECT_FALSE(GetConsoleMode(handle, &n));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0);
	EXPECT_FALSE(WriteConsoleA(handle, "x", 1, &n, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_EQ(0, n);
}

TEST(encoding_is_utf_8)
{
	EXPECT_EQ(CP_UTF8, GetConsoleCP());
	EXPECT_EQ(CP_UTF8, GetConsoleOutputCP());
	EXPECT_TRUE(SetConsoleCP(CP_UTF8));
	EXPECT_TRUE(SetConsoleOutputCP(CP_UTF8));
	EXPECT_FALSE(SetConsoleOutputCP(437));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	SetLastError(0);
	EXPECT_FALSE(GenerateConsoleCtrlEvent(CTRL_CLOSE_EVENT, 0));
	/* To kill(2) that is everybody. */
	EXPECT_FALSE(GenerateConsoleCtrlEvent(CTRL_C_EVENT, 1));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
}

TEST_HARNESS_MAIN
