// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * DuplicateHandle(), in pure Win32: of each kind of handle, and what the two share.
 */
#include <winsock2.h>
#include <windows.h>

#include "tap.h"

#define PROGRAM "duplicating"

static HANDLE duplicate(HANDLE handle, DWORD options)
{
	HANDLE other = NULL;

	EXPECT(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), &other, 0,
			       FALSE, options | DUPLICATE_SAME_ACCESS));
	/* What takes the place of another one may have its number. */
	EXPECT(other && (other != handle || options & DUPLICATE_CLOSE_SOURCE));
	return other;
}

/* Closes a handle, which leaves nothing behind. */
static void close(HANDLE handle)
{
	DWORD flags;

	EXPECT(CloseHandle(handle));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetHandleInformation(handle, &flags));
}

static void event_is_set_by_either(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), other = duplicate(event, 0);

	EXPECT(SetEvent(other));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(other, 0));
	close(event);
	EXPECT(SetEvent(other));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(other, 0));
	close(other);
}

static void manual_event_stays_one(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, TRUE, NULL), other = duplicate(event, 0);

	close(event);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	close(other);
}

static void timer_is_set_by_either(void)
{
	HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL), other = duplicate(timer, 0);
	LARGE_INTEGER due = { .QuadPart = -1 };

	EXPECT(SetWaitableTimer(other, &due, 0, NULL, NULL, FALSE));
	close(other);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(timer, COMES));
	close(timer);
}

static DWORD WINAPI try_mutex(LPVOID mutex)
{
	DWORD result = WaitForSingleObject(mutex, 0);

	if (result == WAIT_OBJECT_0)
		ReleaseMutex(mutex);
	return result;
}

static DWORD others_see(HANDLE mutex)
{
	HANDLE thread = CreateThread(NULL, 0, try_mutex, mutex, 0, NULL);
	DWORD result = 77;

	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &result));
	EXPECT(CloseHandle(thread));
	return result;
}

static void mutex_is_the_same_one(void)
{
	HANDLE mutex = CreateMutexA(NULL, TRUE, NULL), other = duplicate(mutex, 0);

	EXPECT_EQ(WAIT_TIMEOUT, others_see(other));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	close(mutex);
	EXPECT(ReleaseMutex(other));
	EXPECT_EQ(WAIT_TIMEOUT, others_see(other));
	EXPECT(ReleaseMutex(other));
	EXPECT_EQ(WAIT_OBJECT_0, others_see(other));
	EXPECT_ERROR(ERROR_NOT_OWNER, ReleaseMutex(other));
	close(other);
}

static void semaphore_is_the_same_one(void)
{
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 2, NULL), other = duplicate(semaphore, 0);
	LONG before = 77;

	EXPECT(ReleaseSemaphore(other, 2, &before));
	EXPECT_EQ(0, before);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(semaphore, 0));
	close(semaphore);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(other, 0));
	close(other);
}

static DWORD WINAPI return_it(LPVOID event)
{
	WaitForSingleObject(event, COMES);
	return 5;
}

static void thread_is_told_of_by_either(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
	HANDLE thread = CreateThread(NULL, 0, return_it, event, 0, NULL);
	HANDLE other = duplicate(thread, 0);
	DWORD code = 0;

	EXPECT_EQ(GetThreadId(thread), GetThreadId(other));
	close(thread);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(other, 0));
	EXPECT(SetEvent(event));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, COMES));
	EXPECT(GetExitCodeThread(other, &code));
	EXPECT_EQ(5, code);
	close(other);
	close(event);
}

static void port_lives_until_its_last_handle(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	HANDLE other = duplicate(port, 0);
	OVERLAPPED *overlapped;
	ULONG_PTR key = 0;
	DWORD bytes;

	EXPECT(PostQueuedCompletionStatus(port, 0, 7, NULL));
	close(port);
	EXPECT(GetQueuedCompletionStatus(other, &bytes, &key, &overlapped, COMES));
	EXPECT_EQ(7, key);
	close(other);
}

static void socket_shares_its_association(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1), other;
	SOCKET s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	SOCKET peer = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	struct sockaddr_in name = { .sin_family = AF_INET };
	OVERLAPPED overlapped = { 0 }, *done = NULL;
	int size = sizeof(name);
	ULONG_PTR key = 0;
	DWORD bytes = 0;
	char byte = 'x';

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT_EQ(0, bind(s, (struct sockaddr *)&name, sizeof(name)));
	EXPECT_EQ(0, getsockname(s, (struct sockaddr *)&name, &size));
	EXPECT_EQ(port, CreateIoCompletionPort((HANDLE)s, port, 9, 0));
	other = duplicate((HANDLE)s, 0);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(1, sendto(peer, &byte, 1, 0, (struct sockaddr *)&name, size));
	byte = 0;
	EXPECT(ReadFile(other, &byte, 1, NULL, &overlapped) ||
	       GetLastError() == ERROR_IO_PENDING);
	EXPECT(GetQueuedCompletionStatus(port, &bytes, &key, &done, COMES));
	EXPECT_EQ(9, key);
	EXPECT_EQ(1, bytes);
	EXPECT_EQ(&overlapped, done);
	EXPECT_EQ('x', byte);
	EXPECT_EQ(0, closesocket(peer));
	close(other);
	close(port);
}

static void file_shares_its_place(void)
{
	HANDLE file = CreateFileA("duplicating.tmp", GENERIC_READ | GENERIC_WRITE, 0, NULL,
				  CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
	HANDLE other = duplicate(file, 0);
	char text[4] = "";
	DWORD n = 0;

	EXPECT(WriteFile(file, "abcd", 4, &n, NULL));
	EXPECT_EQ(1, SetFilePointer(other, 1, NULL, FILE_BEGIN));
	EXPECT(ReadFile(file, text, 2, &n, NULL));
	EXPECT_EQ(2, n);
	EXPECT_EQ('b', text[0]);
	close(file);
	EXPECT(ReadFile(other, text, 2, &n, NULL));
	EXPECT_EQ(1, n);
	EXPECT_EQ('d', text[0]);
	close(other);
}

/* A thread that makes a handle of itself. */
struct self {
	HANDLE handles[2], ready, may_go;
	DWORD id;
	volatile LONG called;
};

static VOID CALLBACK count_call(ULONG_PTR self)
{
	((struct self *)self)->called++;
}

static DWORD WINAPI hand_out_itself(LPVOID argument)
{
	struct self *self = argument;

	self->id = GetCurrentThreadId();
	self->handles[0] = duplicate(GetCurrentThread(), 0);
	self->handles[1] = duplicate(GetCurrentThread(), 0);
	SetEvent(self->ready);
	WaitForSingleObjectEx(self->may_go, COMES, TRUE);
	WaitForSingleObject(self->may_go, COMES);
	return 6;
}

static void thread_hands_out_itself(void)
{
	struct self self = { .ready = CreateEventA(NULL, FALSE, FALSE, NULL),
			     .may_go = CreateEventA(NULL, TRUE, FALSE, NULL) };
	HANDLE thread = CreateThread(NULL, 0, hand_out_itself, &self, 0, NULL);
	DWORD code = 0;

	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(self.ready, COMES));
	EXPECT_EQ(self.id, GetThreadId(self.handles[0]));
	close(self.handles[0]);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(self.handles[1], 0));
	EXPECT(GetExitCodeThread(self.handles[1], &code));
	EXPECT_EQ(STILL_ACTIVE, code);
	EXPECT(QueueUserAPC(count_call, self.handles[1], (ULONG_PTR)&self));
	EXPECT(QueueUserAPC(count_call, thread, (ULONG_PTR)&self));
	EXPECT(SetEvent(self.may_go));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(self.handles[1], COMES));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(self.handles[1], &code));
	EXPECT_EQ(6, code);
	EXPECT_ERROR(ERROR_GEN_FAILURE, QueueUserAPC(count_call, self.handles[1], 0));
	close(self.handles[1]);
	close(self.ready);
	close(self.may_go);
	close(thread);
}

static VOID CALLBACK count_main(ULONG_PTR called)
{
	++*(LONG *)called;
}

static void first_thread_has_a_handle_too(void)
{
	HANDLE self = duplicate(GetCurrentThread(), 0), thread;
	DWORD result = 77;
	LONG called = 0;

	EXPECT_EQ(GetCurrentThreadId(), GetThreadId(self));
	EXPECT(QueueUserAPC(count_main, self, (ULONG_PTR)&called));
	EXPECT_EQ(WAIT_IO_COMPLETION, SleepEx(COMES, TRUE));
	EXPECT_EQ(1, called);
	/* Others can wait for it, too. */
	thread = CreateThread(NULL, 0, try_mutex, self, 0, NULL);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT(GetExitCodeThread(thread, &result));
	EXPECT_EQ(WAIT_TIMEOUT, result);
	close(thread);
	close(self);
}

static void source_is_closed_if_so_asked(void)
{
	HANDLE event = CreateEventA(NULL, TRUE, TRUE, NULL);
	HANDLE mutex = CreateMutexA(NULL, FALSE, NULL), other;
	DWORD flags;

	other = duplicate(event, DUPLICATE_CLOSE_SOURCE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	close(other);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetHandleInformation(event, &flags));
	other = duplicate(mutex, DUPLICATE_CLOSE_SOURCE);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(other, 0));
	EXPECT(ReleaseMutex(other));
	/* Without a target it is closed, and that is all; Wine says FALSE. */
	DuplicateHandle(GetCurrentProcess(), other, NULL, NULL, 0, FALSE,
			DUPLICATE_CLOSE_SOURCE);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetHandleInformation(mutex, &flags));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, GetHandleInformation(other, &flags));
}

static void inheritance_is_of_each_handle(void)
{
	HANDLE handles[3], other = NULL;
	DWORD flags = 77, i;

	handles[0] = CreateEventA(NULL, FALSE, FALSE, NULL);
	handles[1] = CreateMutexA(NULL, FALSE, NULL);
	handles[2] = CreateSemaphoreA(NULL, 0, 1, NULL);
	for (i = 0; i < 3; i++) {
		EXPECT(DuplicateHandle(GetCurrentProcess(), handles[i], GetCurrentProcess(),
				       &other, 0, TRUE, DUPLICATE_SAME_ACCESS));
		EXPECT(GetHandleInformation(other, &flags));
		EXPECT_EQ(HANDLE_FLAG_INHERIT, flags);
		EXPECT(GetHandleInformation(handles[i], &flags));
		EXPECT_EQ(0, flags);
		EXPECT(SetHandleInformation(other, HANDLE_FLAG_INHERIT, 0));
		EXPECT(GetHandleInformation(other, &flags));
		EXPECT_EQ(0, flags);
		EXPECT(SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT,
					    HANDLE_FLAG_INHERIT));
		EXPECT(GetHandleInformation(handles[i], &flags));
		EXPECT_EQ(HANDLE_FLAG_INHERIT, flags);
		close(other);
		close(handles[i]);
		EXPECT_ERROR(ERROR_INVALID_HANDLE,
			     SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT, 0));
	}
}

static void what_is_none_is_refused(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), other = NULL;
	HANDLE closed = duplicate(event, 0);
	HANDLE me = GetCurrentProcess();

	close(closed);
	EXPECT_ERROR(ERROR_INVALID_HANDLE, DuplicateHandle(me, closed, me, &other, 0, FALSE,
							   DUPLICATE_SAME_ACCESS));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, DuplicateHandle(me, NULL, me, &other, 0, FALSE,
							   DUPLICATE_SAME_ACCESS));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, DuplicateHandle(event, event, me, &other, 0, FALSE,
							   DUPLICATE_SAME_ACCESS));
	EXPECT_ERROR(ERROR_INVALID_HANDLE, DuplicateHandle(me, event, event, &other, 0, FALSE,
							   DUPLICATE_SAME_ACCESS));
	EXPECT_EQ(NULL, other);
	close(event);
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(event_is_set_by_either);
	RUN(manual_event_stays_one);
	RUN(timer_is_set_by_either);
	RUN(mutex_is_the_same_one);
	RUN(semaphore_is_the_same_one);
	RUN(thread_is_told_of_by_either);
	RUN(port_lives_until_its_last_handle);
	RUN(socket_shares_its_association);
	RUN(file_shares_its_place);
	RUN(thread_hands_out_itself);
	RUN(first_thread_has_a_handle_too);
	RUN(source_is_closed_if_so_asked);
	RUN(inheritance_is_of_each_handle);
	RUN(what_is_none_is_refused);
	return tap_end();
}
