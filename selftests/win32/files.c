// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Files without overlapped I/O, in pure Win32.  They are made in the directory that the
 * program is started in.
 */
#include <windows.h>

#include "tap.h"

#define PROGRAM "files"
#define NAME	"sockiocp-test.tmp"
#define WIDE	L"sockiocp-test.tmp"
#define BOTH	(GENERIC_READ | GENERIC_WRITE)

static HANDLE open_it(DWORD access, DWORD disposition)
{
	return CreateFileA(NAME, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, disposition,
			   FILE_ATTRIBUTE_NORMAL, NULL);
}

/* Opens it, and expects a last error. */
static HANDLE opens(DWORD access, DWORD disposition, DWORD error)
{
	HANDLE file;

	SetLastError(0xdead);
	file = open_it(access, disposition);
	EXPECT(file != INVALID_HANDLE_VALUE);
	EXPECT_EQ(error, GetLastError());
	return file;
}

#define EXPECT_NOT_OPEN(error, call)						\
	do {									\
		SetLastError(0xdead);						\
		EXPECT_EQ(INVALID_HANDLE_VALUE, call);				\
		EXPECT_EQ(error, GetLastError());				\
	} while (0)

static DWORD size_of(HANDLE file)
{
	return GetFileSize(file, NULL);
}

static void writes(HANDLE file, const char *text, DWORD length)
{
	DWORD n = 77;

	EXPECT(WriteFile(file, text, length, &n, NULL));
	EXPECT_EQ(length, n);
}

static void disposition_says_what_may_be_there(void)
{
	HANDLE file;

	DeleteFileA(NAME);
	EXPECT_NOT_OPEN(ERROR_FILE_NOT_FOUND, open_it(BOTH, OPEN_EXISTING));
	EXPECT_NOT_OPEN(ERROR_FILE_NOT_FOUND, open_it(BOTH, TRUNCATE_EXISTING));
	file = opens(BOTH, CREATE_NEW, ERROR_SUCCESS);
	writes(file, "hello", 5);
	EXPECT_NOT_OPEN(ERROR_FILE_EXISTS, open_it(BOTH, CREATE_NEW));
	EXPECT(CloseHandle(file));
	file = open_it(BOTH, OPEN_EXISTING);
	EXPECT_EQ(5, size_of(file));
	EXPECT(CloseHandle(file));
	file = opens(BOTH, OPEN_ALWAYS, ERROR_ALREADY_EXISTS);
	EXPECT_EQ(5, size_of(file));
	EXPECT(CloseHandle(file));
	file = open_it(BOTH, TRUNCATE_EXISTING);
	EXPECT_EQ(0, size_of(file));
	writes(file, "hello", 5);
	EXPECT(CloseHandle(file));
	file = opens(BOTH, CREATE_ALWAYS, ERROR_ALREADY_EXISTS);
	EXPECT_EQ(0, size_of(file));
	EXPECT(CloseHandle(file));
	EXPECT(DeleteFileA(NAME));
	EXPECT(CloseHandle(opens(BOTH, CREATE_ALWAYS, ERROR_SUCCESS)));
	EXPECT(DeleteFileA(NAME));
	EXPECT(CloseHandle(opens(BOTH, OPEN_ALWAYS, ERROR_SUCCESS)));
	EXPECT(DeleteFileA(NAME));
	EXPECT_ERROR(ERROR_FILE_NOT_FOUND, DeleteFileA(NAME));
}

static void what_cannot_be_is_refused(void)
{
	EXPECT_NOT_OPEN(ERROR_INVALID_PARAMETER, open_it(BOTH, 0));
	EXPECT_NOT_OPEN(ERROR_INVALID_PARAMETER, open_it(BOTH, 6));
	EXPECT_NOT_OPEN(ERROR_PATH_NOT_FOUND,
			CreateFileA("", BOTH, 0, NULL, CREATE_ALWAYS, 0, NULL));
	EXPECT_NOT_OPEN(ERROR_PATH_NOT_FOUND,
			CreateFileA("no-such\\" NAME, BOTH, 0, NULL, CREATE_ALWAYS, 0, NULL));
	EXPECT_NOT_OPEN(ERROR_ACCESS_DENIED,
			CreateFileA(".", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL));
	EXPECT_ERROR(ERROR_PATH_NOT_FOUND, DeleteFileA("no-such\\" NAME));
	EXPECT_ERROR(ERROR_ACCESS_DENIED, DeleteFileA("."));
}

static void what_was_written_is_read(void)
{
	HANDLE file = open_it(BOTH, CREATE_ALWAYS);
	char text[16] = "";
	DWORD n = 77;

	ASSERT(file != INVALID_HANDLE_VALUE);
	writes(file, "hello, world", 12);
	EXPECT(ReadFile(file, text, sizeof(text), &n, NULL));
	EXPECT_EQ(0, n);
	EXPECT_EQ(7, SetFilePointer(file, 7, NULL, FILE_BEGIN));
	EXPECT(ReadFile(file, text, sizeof(text), &n, NULL));
	EXPECT_EQ(5, n);
	EXPECT_EQ(0, memcmp(text, "world", 5));
	EXPECT(FlushFileBuffers(file));
	EXPECT(CloseHandle(file));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReadFile(file, text, 1, &n, NULL));
	EXPECT_EQ(0, n);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, WriteFile(file, text, 1, &n, NULL));

	file = open_it(GENERIC_READ, OPEN_EXISTING);
	EXPECT_ERROR(ERROR_ACCESS_DENIED, WriteFile(file, text, 1, &n, NULL));
	EXPECT_ERROR(ERROR_ACCESS_DENIED, FlushFileBuffers(file));
	EXPECT(CloseHandle(file));
	file = open_it(GENERIC_WRITE, OPEN_EXISTING);
	EXPECT_ERROR(ERROR_ACCESS_DENIED, ReadFile(file, text, 1, &n, NULL));
	EXPECT(CloseHandle(file));
	file = open_it(FILE_APPEND_DATA, OPEN_EXISTING);
	writes(file, "!", 1);
	EXPECT(CloseHandle(file));
	file = open_it(0, OPEN_EXISTING);
	EXPECT_EQ(13, size_of(file));
	EXPECT_ERROR(ERROR_ACCESS_DENIED, ReadFile(file, text, 1, &n, NULL));
	EXPECT(CloseHandle(file));
	EXPECT(DeleteFileW(WIDE));
}

static void place_is_said(void)
{
	LARGE_INTEGER distance, place;
	LONG high = 1;
	HANDLE file;
	DWORD upper;

	file = CreateFileW(WIDE, BOTH, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
	ASSERT(file != INVALID_HANDLE_VALUE);
	writes(file, "0123456789", 10);
	EXPECT_EQ(10, SetFilePointer(file, 0, NULL, FILE_CURRENT));
	EXPECT_EQ(8, SetFilePointer(file, -2, NULL, FILE_END));
	EXPECT_EQ(5, SetFilePointer(file, -3, NULL, FILE_CURRENT));
	EXPECT(SetEndOfFile(file));
	EXPECT_EQ(5, size_of(file));
	SetLastError(0xdead);
	EXPECT_EQ(INVALID_SET_FILE_POINTER, SetFilePointer(file, -1, NULL, FILE_BEGIN));
	EXPECT_EQ(ERROR_NEGATIVE_SEEK, GetLastError());
	EXPECT_EQ(5, SetFilePointer(file, 0, NULL, FILE_CURRENT));
	EXPECT_EQ(2, SetFilePointer(file, 2, &high, FILE_BEGIN));
	EXPECT_EQ(1, high);
	distance.QuadPart = 0;
	EXPECT(SetFilePointerEx(file, distance, &place, FILE_CURRENT));
	EXPECT_EQ((1LL << 32) + 2, place.QuadPart);
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SetFilePointerEx(file, distance, &place, 3));
	/* A hole. */
	EXPECT(SetEndOfFile(file));
	EXPECT(GetFileSizeEx(file, &place));
	EXPECT_EQ((1LL << 32) + 2, place.QuadPart);
	EXPECT_EQ(2, GetFileSize(file, &upper));
	EXPECT_EQ(1, upper);
	high = 0;
	SetLastError(0xdead);
	EXPECT_EQ(0xffffffff, SetFilePointer(file, -1, &high, FILE_BEGIN));
	EXPECT_EQ(ERROR_SUCCESS, GetLastError());
	EXPECT_EQ(0, high);
	EXPECT(CloseHandle(file));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, SetFilePointerEx(file, distance, &place, FILE_END));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetFileSizeEx(file, &place));
	EXPECT(DeleteFileA(".\\" NAME));
}

static void place_beyond_one_half_needs_the_other(void)
{
	LARGE_INTEGER distance, place;
	HANDLE file = open_it(BOTH, CREATE_ALWAYS);

	ASSERT(file != INVALID_HANDLE_VALUE);
	distance.QuadPart = 0xffffffffLL;
	EXPECT(SetFilePointerEx(file, distance, NULL, FILE_BEGIN));
	SetLastError(0xdead);
	EXPECT_EQ(INVALID_SET_FILE_POINTER, SetFilePointer(file, 1, NULL, FILE_CURRENT));
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	distance.QuadPart = 0;
	EXPECT(SetFilePointerEx(file, distance, &place, FILE_CURRENT));
	EXPECT_EQ(0xffffffffLL, place.QuadPart);
	EXPECT(CloseHandle(file));
	EXPECT(DeleteFileA(NAME));
}

static void changing_the_length_needs_the_right_to_write(void)
{
	HANDLE file = open_it(BOTH, CREATE_ALWAYS);

	ASSERT(file != INVALID_HANDLE_VALUE);
	EXPECT(CloseHandle(file));
	SetLastError(0xdead);
	file = open_it(GENERIC_READ, TRUNCATE_EXISTING);
	EXPECT_EQ(ERROR_INVALID_PARAMETER, GetLastError());
	if (!EXPECT_EQ(INVALID_HANDLE_VALUE, file))
		EXPECT(CloseHandle(file));
	file = open_it(GENERIC_READ, OPEN_EXISTING);
	EXPECT_ERROR(ERROR_ACCESS_DENIED, SetEndOfFile(file));
	EXPECT(CloseHandle(file));
	EXPECT(DeleteFileA(NAME));
}

static void overlapped_says_the_place_and_is_done_at_once(void)
{
	HANDLE file = open_it(BOTH, CREATE_ALWAYS), event = CreateEventA(NULL, TRUE, FALSE, NULL);
	OVERLAPPED overlapped;
	char text[4] = "";
	DWORD n = 77;

	ASSERT(file != INVALID_HANDLE_VALUE && event);
	writes(file, "0123456789", 10);
	memset(&overlapped, 0, sizeof(overlapped));
	overlapped.Offset = 4;
	overlapped.hEvent = event;
	EXPECT(ReadFile(file, text, 3, &n, &overlapped));
	EXPECT_EQ(3, n);
	EXPECT_EQ(0, memcmp(text, "456", 3));
	EXPECT_EQ(3, overlapped.InternalHigh);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	EXPECT(WriteFile(file, "x", 1, &n, &overlapped));
	EXPECT_EQ(10, size_of(file));
	overlapped.Offset = 10;
	EXPECT_ERROR(ERROR_HANDLE_EOF, ReadFile(file, text, 3, &n, &overlapped));
	EXPECT_EQ(0, n);
	overlapped.Offset = overlapped.OffsetHigh = 0xffffffff;
	EXPECT(WriteFile(file, "y", 1, &n, &overlapped));
	EXPECT_EQ(11, size_of(file));
	EXPECT(CloseHandle(file));
	EXPECT(CloseHandle(event));
	EXPECT(DeleteFileA(NAME));
}

static void name_says_what_it_is_of(void)
{
	HANDLE file = open_it(BOTH, CREATE_ALWAYS), event = CreateEventA(NULL, TRUE, FALSE, NULL);
	DWORD attributes = GetFileAttributesA(NAME), n;
	char text[4];

	ASSERT(file != INVALID_HANDLE_VALUE && event);
	EXPECT(attributes != INVALID_FILE_ATTRIBUTES);
	EXPECT_EQ(0, attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_READONLY));
	EXPECT_EQ(attributes, GetFileAttributesW(WIDE));
	EXPECT(GetFileAttributesA(".") & FILE_ATTRIBUTE_DIRECTORY);
	EXPECT_EQ(FILE_TYPE_DISK, GetFileType(file));
	EXPECT(CloseHandle(file));
	EXPECT(DeleteFileA(NAME));
	SetLastError(0xdead);
	EXPECT_EQ(INVALID_FILE_ATTRIBUTES, GetFileAttributesA(NAME));
	EXPECT_EQ(ERROR_FILE_NOT_FOUND, GetLastError());
	SetLastError(0xdead);
	EXPECT_EQ(INVALID_FILE_ATTRIBUTES, GetFileAttributesA("no-such/" NAME));
	EXPECT_EQ(ERROR_PATH_NOT_FOUND, GetLastError());
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetFileType(file));

	file = CreateFileA("nul", BOTH, 0, NULL, OPEN_EXISTING, 0, NULL);
	EXPECT(file != INVALID_HANDLE_VALUE);
	EXPECT_EQ(FILE_TYPE_CHAR, GetFileType(file));
	writes(file, "x", 1);
	EXPECT(ReadFile(file, text, 1, &n, NULL));
	EXPECT_EQ(0, n);
	EXPECT(CloseHandle(file));
	/* What is no file. */
	EXPECT_ERROR(ERROR_INVALID_HANDLE, ReadFile(event, text, 1, &n, NULL));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, WriteFile(event, text, 1, &n, NULL));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(CloseHandle(event));
}

static void file_that_is_deleted_on_close_is_gone(void)
{
	HANDLE file = CreateFileA(NAME, BOTH, FILE_SHARE_DELETE, NULL, CREATE_ALWAYS,
				  FILE_FLAG_DELETE_ON_CLOSE, NULL);

	ASSERT(file != INVALID_HANDLE_VALUE);
	writes(file, "hello", 5);
	EXPECT_EQ(5, size_of(file));
	EXPECT(CloseHandle(file));
	EXPECT_EQ(INVALID_FILE_ATTRIBUTES, GetFileAttributesA(NAME));
}

int main(void)
{
	RUN(disposition_says_what_may_be_there);
	RUN(what_cannot_be_is_refused);
	RUN(what_was_written_is_read);
	RUN(place_is_said);
	RUN(place_beyond_one_half_needs_the_other);
	RUN(changing_the_length_needs_the_right_to_write);
	RUN(overlapped_says_the_place_and_is_done_at_once);
	RUN(name_says_what_it_is_of);
	RUN(file_that_is_deleted_on_close_is_gone);
	return tap_end();
}
