// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * ReadFile() and WriteFile() of what Linux has: pipes, sockets, threads, ports.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"

static HANDLE handle_of(int fd)
{
	return (HANDLE)(intptr_t)fd;
}

static volatile sig_atomic_t signals;

static void count(int signal)
{
	(void)signal;
	signals++;
}

TEST(pipe_ends_with_an_error_and_no_signal)
{
	char text[8];
	int pipe[2];
	DWORD n;

	signal(SIGPIPE, count);
	ASSERT_EQ(0, fd_pipe(pipe));
	EXPECT_EQ(FILE_TYPE_PIPE, GetFileType(handle_of(pipe[0])));
	EXPECT_TRUE(WriteFile(handle_of(pipe[1]), "hello", 5, &n, NULL));
	EXPECT_EQ(5, n);
	EXPECT_TRUE(ReadFile(handle_of(pipe[0]), text, sizeof(text), &n, NULL));
	EXPECT_EQ(5, n);
	EXPECT_FALSE(SetFilePointerEx(handle_of(pipe[0]), (LARGE_INTEGER){ .QuadPart = 0 }, NULL,
				      FILE_BEGIN));
	EXPECT_EQ(ERROR_SEEK, GetLastError());
	EXPECT_TRUE(CloseHandle(handle_of(pipe[1])));
	EXPECT_FALSE(ReadFile(handle_of(pipe[0]), text, sizeof(text), &n, NULL));
	EXPECT_EQ(ERROR_BROKEN_PIPE, GetLastError());
	EXPECT_TRUE(CloseHandle(handle_of(pipe[0])));

	ASSERT_EQ(0, fd_pipe(pipe));
	EXPECT_TRUE(CloseHandle(handle_of(pipe[0])));
	EXPECT_FALSE(WriteFile(handle_of(pipe[1]), "x", 1, &n, NULL));
	EXPECT_EQ(ERROR_NO_DATA, GetLastError());
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, signals);
	EXPECT_TRUE(CloseHandle(handle_of(pipe[1])));
}

TEST(socket_is_read_and_written)
{
	char text[8];
	int fd[2];
	DWORD n;

	signal(SIGPIPE, count);
	ASSERT_EQ(0, tcp_pair(FAM_INET, fd, 0));
	EXPECT_TRUE(WriteFile(handle_of(fd[0]), "hello", 5, &n, NULL));
	EXPECT_EQ(5, n);
	EXPECT_TRUE(ReadFile(handle_of(fd[1]), text, sizeof(text), &n, NULL));
	EXPECT_EQ(5, n);
	EXPECT_EQ(0, memcmp(text, "hello", 5));
	fd_close(fd[0]);
	EXPECT_TRUE(ReadFile(handle_of(fd[1]), text, sizeof(text), &n, NULL));
	EXPECT_EQ(0, n);
	/* The first one is answered by a reset. */
	EXPECT_TRUE(WriteFile(handle_of(fd[1]), "x", 1, &n, NULL));
	sleep_ms(50);
	EXPECT_FALSE(WriteFile(handle_of(fd[1]), "x", 1, &n, NULL));
	EXPECT_EQ(ERROR_NETNAME_DELETED, GetLastError());
	EXPECT_EQ(0, signals);
	fd_close(fd[1]);
}

static DWORD WINAPI do_nothing(LPVOID argument)
{
	(void)argument;
	return 0;
}

TEST(what_is_no_file_is_an_invalid_handle)
{
	HANDLE thread = CreateThread(NULL, 0, do_nothing, NULL, 0, NULL);
	DWORD n, code;
	char text[8];

	EXPECT_FALSE(ReadFile(thread, text, 1, &n, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0);
	EXPECT_FALSE(WriteFile(thread, text, 1, &n, NULL));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	SetLastError(0);
	EXPECT_EQ(FILE_TYPE_UNKNOWN, GetFileType(thread));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, 5000));
	EXPECT_TRUE(GetExitCodeThread(thread, &code));
	EXPECT_TRUE(CloseHandle(thread));
	EXPECT_FALSE(ReadFile(NULL, text, 1, &n, NULL));
	EXPECT_FALSE(ReadFile(thread, text, 1, NULL, NULL));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
}

TEST(names_are_of_linux)
{
	HANDLE file;

	file = CreateFileW(L"/tmp\\gr\u00fc\u00df", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0,
			   NULL);
	ASSERT_NE(INVALID_HANDLE_VALUE, file);
	EXPECT_EQ(0, access("/tmp/gr\xc3\xbc\xc3\x9f", F_OK));
	EXPECT_EQ(FD_CLOEXEC, fcntl((int)(intptr_t)file, F_GETFD));
	EXPECT_TRUE(CloseHandle(file));
	EXPECT_EQ(FILE_ATTRIBUTE_ARCHIVE, GetFileAttributesA("/tmp/gr\xc3\xbc\xc3\x9f"));
	EXPECT_TRUE(DeleteFileW(L"/tmp/gr\u00fc\u00df"));
	file = CreateFileA("\\\\.\\pipe\\x", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
	EXPECT_EQ(INVALID_HANDLE_VALUE, file);
	EXPECT_EQ(ERROR_NOT_SUPPORTED, GetLastError());
	file = CreateFileA("C:\\x", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
	EXPECT_EQ(INVALID_HANDLE_VALUE, file);
	EXPECT_EQ(ERROR_PATH_NOT_FOUND, GetLastError());
}

TEST_HARNESS_MAIN
