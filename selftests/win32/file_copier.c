// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A file copier: one thread reads, another one writes, and buffers go to and fro between
 * them by way of two completion ports.  Files are made beside the program.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define PROGRAM		"file_copier"
#define BUFFERS		4
#define BUFFER_SIZE	(64 * 1024)
#define SIZE		(1024 * 1024 + 4321)

typedef struct {
	OVERLAPPED Overlapped;
	BYTE Data[BUFFER_SIZE];
} BUFFER;

typedef struct {
	HANDLE Source, Destination;
	/* Of buffers that are full, and of those that are empty. */
	HANDLE Full, Empty;
	BUFFER *Buffers;
	ULONGLONG Copied;
	DWORD Error;
} COPY;

static char source_name[MAX_PATH + 8], copy_name[MAX_PATH + 8];

/* An empty buffer is the end. */
static DWORD WINAPI ReadSource(LPVOID Context)
{
	COPY *Copy = (COPY *)Context;

	for (;;) {
		LPOVERLAPPED Overlapped;
		ULONG_PTR Key;
		DWORD Bytes;
		BUFFER *Buffer;

		if (!GetQueuedCompletionStatus(Copy->Empty, &Bytes, &Key, &Overlapped, INFINITE))
			return GetLastError();
		Buffer = CONTAINING_RECORD(Overlapped, BUFFER, Overlapped);
		if (!ReadFile(Copy->Source, Buffer->Data, BUFFER_SIZE, &Bytes, NULL)) {
			Copy->Error = GetLastError();
			Bytes = 0;
		}
		if (!PostQueuedCompletionStatus(Copy->Full, Bytes, 0, Overlapped))
			return GetLastError();
		if (Bytes == 0)
			return Copy->Error;
	}
}

static DWORD WriteDestination(COPY *Copy)
{
	for (;;) {
		LPOVERLAPPED Overlapped;
		ULONG_PTR Key;
		DWORD Bytes, Written;
		BUFFER *Buffer;

		if (!GetQueuedCompletionStatus(Copy->Full, &Bytes, &Key, &Overlapped, INFINITE))
			return GetLastError();
		if (Bytes == 0)
			return ERROR_SUCCESS;
		Buffer = CONTAINING_RECORD(Overlapped, BUFFER, Overlapped);
		if (!WriteFile(Copy->Destination, Buffer->Data, Bytes, &Written, NULL))
			return GetLastError();
		if (Written != Bytes)
			return ERROR_DISK_FULL;
		Copy->Copied += Written;
		if (!PostQueuedCompletionStatus(Copy->Empty, 0, 0, Overlapped))
			return GetLastError();
	}
}

static DWORD RunCopy(COPY *Copy)
{
	DWORD Error, Code;
	HANDLE Reader;
	int i;

	Copy->Full = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	Copy->Empty = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	Copy->Buffers = (BUFFER *)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY,
					    BUFFERS * sizeof(BUFFER));
	if (Copy->Full == NULL || Copy->Empty == NULL || Copy->Buffers == NULL)
		return ERROR_OUTOFMEMORY;
	for (i = 0; i < BUFFERS; i++)
		PostQueuedCompletionStatus(Copy->Empty, 0, 0, &Copy->Buffers[i].Overlapped);
	Reader = CreateThread(NULL, 0, ReadSource, Copy, 0, NULL);
	if (Reader == NULL)
		return GetLastError();
	Error = WriteDestination(Copy);
	WaitForSingleObject(Reader, INFINITE);
	GetExitCodeThread(Reader, &Code);
	CloseHandle(Reader);
	CloseHandle(Copy->Full);
	CloseHandle(Copy->Empty);
	HeapFree(GetProcessHeap(), 0, Copy->Buffers);
	return Error != ERROR_SUCCESS ? Error : Code;
}

/* As CopyFile() does: what is there already is not overwritten if that is not wanted. */
static DWORD CopyOneFile(LPCSTR From, LPCSTR To, BOOL FailIfExists, ULONGLONG *Copied)
{
	COPY Copy;
	DWORD Error;

	ZeroMemory(&Copy, sizeof(Copy));
	Copy.Source = CreateFileA(From, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
				  FILE_FLAG_SEQUENTIAL_SCAN, NULL);
	if (Copy.Source == INVALID_HANDLE_VALUE)
		return GetLastError();
	Copy.Destination = CreateFileA(To, GENERIC_WRITE, 0, NULL,
				       FailIfExists ? CREATE_NEW : CREATE_ALWAYS,
				       FILE_ATTRIBUTE_NORMAL, NULL);
	Error = Copy.Destination == INVALID_HANDLE_VALUE ? GetLastError() : RunCopy(&Copy);
	*Copied = Copy.Copied;
	if (Copy.Destination != INVALID_HANDLE_VALUE)
		CloseHandle(Copy.Destination);
	CloseHandle(Copy.Source);
	return Error;
}

static BYTE byte_at(DWORD i)
{
	return (BYTE)(i * 7 + i / 251);
}

static void source_is_written(void)
{
	HANDLE file = CreateFileA(source_name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
				  FILE_ATTRIBUTE_NORMAL, NULL);
	static BYTE data[SIZE];
	DWORD written = 0, i;

	ASSERT(file != INVALID_HANDLE_VALUE);
	for (i = 0; i < SIZE; i++)
		data[i] = byte_at(i);
	EXPECT(WriteFile(file, data, SIZE, &written, NULL));
	EXPECT_EQ(SIZE, written);
	EXPECT(CloseHandle(file));
}

static void all_is_copied(void)
{
	static BYTE data[SIZE];
	ULONGLONG copied = 0;
	LARGE_INTEGER size;
	DWORD got = 0, wrong = 0, i;
	HANDLE file;

	ASSERT_EQ(ERROR_SUCCESS, CopyOneFile(source_name, copy_name, FALSE, &copied));
	EXPECT_EQ(SIZE, copied);
	file = CreateFileA(copy_name, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	ASSERT(file != INVALID_HANDLE_VALUE);
	EXPECT(GetFileSizeEx(file, &size));
	EXPECT_EQ(SIZE, size.QuadPart);
	EXPECT(ReadFile(file, data, SIZE, &got, NULL));
	EXPECT_EQ(SIZE, got);
	for (i = 0; i < got; i++)
		wrong += data[i] != byte_at(i);
	EXPECT_EQ(0, wrong);
	EXPECT(ReadFile(file, data, 1, &got, NULL));
	EXPECT_EQ(0, got);
	EXPECT(CloseHandle(file));
}

static void copy_is_not_overwritten_unless_wanted(void)
{
	ULONGLONG copied = 1;

	EXPECT_EQ(ERROR_FILE_EXISTS, CopyOneFile(source_name, copy_name, TRUE, &copied));
	EXPECT_EQ(0, copied);
	EXPECT_EQ(ERROR_SUCCESS, CopyOneFile(source_name, copy_name, FALSE, &copied));
	EXPECT_EQ(SIZE, copied);
}

static void what_is_not_there_is_said(void)
{
	ULONGLONG copied;

	EXPECT(DeleteFileA(source_name));
	EXPECT_EQ(ERROR_FILE_NOT_FOUND, CopyOneFile(source_name, copy_name, FALSE, &copied));
	EXPECT(DeleteFileA(copy_name));
	EXPECT_ERROR(ERROR_FILE_NOT_FOUND, DeleteFileA(copy_name));
}

int main(void)
{
	char program[MAX_PATH];
	DWORD length = GetModuleFileNameA(NULL, program, sizeof(program));

	if (length == 0 || length == sizeof(program))
		return 2;
	sprintf(source_name, "%s.from", program);
	sprintf(copy_name, "%s.to", program);
	RUN(source_is_written);
	RUN(all_is_copied);
	RUN(copy_is_not_overwritten_unless_wanted);
	RUN(what_is_not_there_is_said);
	return tap_end();
}
