// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads, locks and the clock of Win32, as programs of Windows use them.  What a
 * thread does for others while it waits: apc.c.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/port.h"

#define KIB	1024
#define RESERVE	STACK_SIZE_PARAM_IS_A_RESERVATION

/* What a thread is to use of its stack, and how large that is. */
struct stack {
	size_t used;
	size_t size;
};

static DWORD WINAPI use_stack(LPVOID arg)
{
	struct stack *stack = arg;
	char room[stack->used];
	pthread_attr_t attr;

	memset(room, 1, stack->used);
	__asm__ volatile("" : : "r"(room) : "memory");
	if (!pthread_getattr_np(pthread_self(), &attr)) {
		pthread_attr_getstacksize(&attr, &stack->size);
		pthread_attr_destroy(&attr);
	}
	return 0;
}

/* The size in KiB of the stack of a thread that has used so much of it; or 0. */
static int stack_kib(SIZE_T size, DWORD flags, size_t used_kib)
{
	struct stack stack = { .used = used_kib * KIB };
	HANDLE thread = CreateThread(NULL, size, use_stack, &stack, flags, NULL);

	if (!thread || WaitForSingleObject(thread, COMES) || !CloseHandle(thread))
		return 0;
	return stack.size / KIB;
}

/* The size is what is committed at first, not all there is. */
TEST(small_stack_size_leaves_the_usual_stack)
{
	int usual = stack_kib(0, 0, 512);

	EXPECT_LE(1024, usual);
	EXPECT_EQ(usual, stack_kib(1, 0, 512));
	EXPECT_EQ(usual, stack_kib(4 * KIB, 0, 512));
}

TEST(large_stack_size_is_there)
{
	EXPECT_LE(32 * KIB - 64, stack_kib(32 * KIB * KIB, 0, 30 * KIB));
	EXPECT_LE(32 * KIB - 64, stack_kib(32 * KIB * KIB, RESERVE, 30 * KIB));
}

TEST(reserved_stack_may_be_smaller_than_usual)
{
	int kib = stack_kib(256 * KIB, RESERVE, 128);

	EXPECT_LE(256 - 64, kib);
	EXPECT_GE(256, kib);
}

enum how_to_end { BY_RETURN, BY_EXIT, BY_EXIT_DEEP_INSIDE };

struct ending {
	enum how_to_end how;
	DWORD code;
	int may_end;
	int went_on;
};

static __attribute__((__noinline__)) void exit_here(DWORD code)
{
	ExitThread(code);
}

static DWORD WINAPI end_with_code(LPVOID arg)
{
	struct ending *ending = arg;

	while (!__atomic_load_n(&ending->may_end, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	switch (ending->how) {
	case BY_EXIT:
		ExitThread(ending->code);
	case BY_EXIT_DEEP_INSIDE:
		exit_here(ending->code);
		ending->went_on = 1;
		break;
	case BY_RETURN:
		break;
	}
	return ending->code;
}

TEST(exit_code_of_a_thread_is_kept)
{
	static const enum how_to_end how[] = { BY_RETURN, BY_EXIT, BY_EXIT_DEEP_INSIDE };
	static const DWORD codes[] = { 7, 0, 0xfffffffeu };
	DWORD code;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		struct ending ending = { .how = how[i], .code = codes[i] };
		HANDLE thread = CreateThread(NULL, 0, end_with_code, &ending, 0, NULL);

		ASSERT_NE(NULL, thread);
		EXPECT_TRUE(GetExitCodeThread(thread, &code));
		EXPECT_EQ(STILL_ACTIVE, code);
		EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, 0));
		__atomic_store_n(&ending.may_end, 1, __ATOMIC_RELEASE);
		ASSERT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
		EXPECT_EQ(0, ending.went_on);

		/* As often as one likes, and the handle stays signalled. */
		code = POISON32;
		EXPECT_TRUE(GetExitCodeThread(thread, &code));
		EXPECT_EQ(codes[i], code);
		code = POISON32;
		EXPECT_TRUE(GetExitCodeThread(thread, &code));
		EXPECT_EQ(codes[i], code);
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, 0));
		EXPECT_TRUE(CloseHandle(thread));
	}
}

#define EXPECT_NO_EXIT_CODE(error, handle)				\
	do {								\
		DWORD code = POISON32;					\
		SetLastError(0);					\
		EXPECT_FALSE(GetExitCodeThread(handle, &code));		\
		EXPECT_EQ(error, GetLastError());			\
		EXPECT_EQ(POISON32, code);				\
	} while (0)

TEST(exit_code_needs_a_thread)
{
	int pipe[2], fd[2];
	DWORD code;

	EXPECT_TRUE(GetExitCodeThread(GetCurrentThread(), &code));
	EXPECT_EQ(STILL_ACTIVE, code);
	EXPECT_NO_EXIT_CODE(ERROR_INVALID_HANDLE, NULL);
	EXPECT_NO_EXIT_CODE(ERROR_INVALID_HANDLE, INVALID_HANDLE_VALUE);
	ASSERT_EQ(0, udp_pair(FAM_INET, fd));
	EXPECT_NO_EXIT_CODE(ERROR_INVALID_HANDLE, (HANDLE)(intptr_t)fd[0]);
	fd_close(fd[0]);
	EXPECT_NO_EXIT_CODE(ERROR_INVALID_HANDLE, (HANDLE)(intptr_t)fd[0]);

	ASSERT_EQ(0, fd_pipe(pipe));
	fd_close(pipe[1]);
	EXPECT_NO_EXIT_CODE(ERROR_INVALID_HANDLE, (HANDLE)(intptr_t)pipe[0]);
}

TEST(closing_the_current_thread_has_no_effect)
{
	HANDLE current = GetCurrentThread();

	EXPECT_TRUE(CloseHandle(current));
	EXPECT_TRUE(CloseHandle(current));
	SetLastError(0);
	EXPECT_FALSE(CloseHandle(INVALID_HANDLE_VALUE));
	EXPECT_EQ(ERROR_INVALID_HANDLE, GetLastError());
	EXPECT_FALSE(CloseHandle(NULL));
}

/* Threads that hold a lock together, each again before all have left it. */
struct readers {
	SRWLOCK lock;
	int stop;
	int inside;
	/* How often one has come in. */
	int entries;
	int writers;
};

static DWORD WINAPI read_on_and_on(LPVOID arg)
{
	struct readers *r = arg;
	int64_t end;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		AcquireSRWLockShared(&r->lock);
		__atomic_add_fetch(&r->inside, 1, __ATOMIC_ACQ_REL);
		__atomic_add_fetch(&r->entries, 1, __ATOMIC_ACQ_REL);
		/* Until another one is in; none is while a writer is waited for. */
		for (end = now_ms() + 20; now_ms() < end;) {
			if (__atomic_load_n(&r->inside, __ATOMIC_ACQUIRE) > 1)
				break;
			sleep_ms(1);
		}
		sleep_ms(1);
		__atomic_sub_fetch(&r->inside, 1, __ATOMIC_ACQ_REL);
		ReleaseSRWLockShared(&r->lock);
	}
	return 0;
}

static DWORD WINAPI write_once(LPVOID arg)
{
	struct readers *r = arg;

	AcquireSRWLockExclusive(&r->lock);
	__atomic_add_fetch(&r->writers, 1, __ATOMIC_ACQ_REL);
	ReleaseSRWLockExclusive(&r->lock);
	return 0;
}

/* Does a writer get the lock while there always is a reader? */
static int writer_gets_in(struct readers *r)
{
	HANDLE thread[5];
	DWORD waited;
	int i;

	for (i = 0; i < 4; i++)
		thread[i] = CreateThread(NULL, 0, read_on_and_on, r, 0, NULL);
	while (__atomic_load_n(&r->entries, __ATOMIC_ACQUIRE) < 20)
		sleep_ms(1);
	thread[4] = CreateThread(NULL, 0, write_once, r, 0, NULL);
	waited = WaitForSingleObject(thread[4], COMES);
	__atomic_store_n(&r->stop, 1, __ATOMIC_RELEASE);
	WaitForMultipleObjects(5, thread, TRUE, INFINITE);
	for (i = 0; i < 5; i++)
		CloseHandle(thread[i]);
	return waited == WAIT_OBJECT_0 && r->writers == 1;
}

TEST(writers_do_not_starve_with_initialize_srw_lock)
{
	struct readers readers = { .stop = 0 };

	memset(&readers.lock, 0xcc, sizeof(readers.lock));
	InitializeSRWLock(&readers.lock);
	EXPECT_TRUE(writer_gets_in(&readers));
}

TEST(writers_do_not_starve_with_srwlock_init)
{
	static struct readers readers = { .lock = SRWLOCK_INIT };

	EXPECT_TRUE(writer_gets_in(&readers));
}

/* As programs have it that never initialised theirs. */
TEST(zeros_are_a_lock_that_is_free)
{
	static SRWLOCK lock;

	AcquireSRWLockShared(&lock);
	AcquireSRWLockShared(&lock);
	ReleaseSRWLockShared(&lock);
	ReleaseSRWLockShared(&lock);
	AcquireSRWLockExclusive(&lock);
	ReleaseSRWLockExclusive(&lock);
}

/* Several threads add, in a critical section that each has entered twice. */
struct sum {
	CRITICAL_SECTION section;
	volatile long value;
	BOOL tried;
};

enum { ADDERS = 4, ADDITIONS = 20000 };

static DWORD WINAPI add(LPVOID arg)
{
	struct sum *sum = arg;
	int i;

	for (i = 0; i < ADDITIONS; i++) {
		EnterCriticalSection(&sum->section);
		EnterCriticalSection(&sum->section);
		sum->value = sum->value + 1;
		LeaveCriticalSection(&sum->section);
		sum->value = sum->value + 1;
		LeaveCriticalSection(&sum->section);
	}
	return 0;
}

static long sum_of_threads(struct sum *sum)
{
	HANDLE thread[ADDERS];
	int i;

	for (i = 0; i < ADDERS; i++)
		thread[i] = CreateThread(NULL, 0, add, sum, 0, NULL);
	if (WaitForMultipleObjects(ADDERS, thread, TRUE, 5 * COMES))
		return -1;
	for (i = 0; i < ADDERS; i++)
		CloseHandle(thread[i]);
	return sum->value;
}

TEST(one_thread_at_a_time_is_in_a_critical_section)
{
	struct sum sum = { .value = 0 }, spinning = { .value = 0 };

	memset(&sum.section, 0xcc, sizeof(sum.section));
	InitializeCriticalSection(&sum.section);
	EXPECT_EQ(2 * ADDERS * ADDITIONS, sum_of_threads(&sum));
	DeleteCriticalSection(&sum.section);

	EXPECT_TRUE(InitializeCriticalSectionAndSpinCount(&spinning.section, 4000));
	EXPECT_EQ(2 * ADDERS * ADDITIONS, sum_of_threads(&spinning));
	DeleteCriticalSection(&spinning.section);
}

static DWORD WINAPI try_to_enter(LPVOID arg)
{
	struct sum *sum = arg;

	sum->tried = TryEnterCriticalSection(&sum->section);
	if (sum->tried)
		LeaveCriticalSection(&sum->section);
	return 0;
}

/* What another thread is told that tries to enter. */
static BOOL other_thread_gets_in(struct sum *sum)
{
	HANDLE thread;

	sum->tried = -1;
	thread = CreateThread(NULL, 0, try_to_enter, sum, 0, NULL);
	WaitForSingleObject(thread, COMES);
	CloseHandle(thread);
	return sum->tried;
}

TEST(critical_section_is_left_as_often_as_it_was_entered)
{
	struct sum sum = { .value = 0 };

	InitializeCriticalSection(&sum.section);
	EXPECT_TRUE(other_thread_gets_in(&sum));
	EnterCriticalSection(&sum.section);
	EXPECT_TRUE(TryEnterCriticalSection(&sum.section));
	EXPECT_FALSE(other_thread_gets_in(&sum));
	LeaveCriticalSection(&sum.section);
	EXPECT_FALSE(other_thread_gets_in(&sum));
	LeaveCriticalSection(&sum.section);
	EXPECT_TRUE(other_thread_gets_in(&sum));
	DeleteCriticalSection(&sum.section);
}

static DWORD WINAPI exchange_add(LPVOID arg)
{
	int i;

	for (i = 0; i < ADDITIONS; i++)
		InterlockedExchangeAdd(arg, 3);
	return 0;
}

TEST(interlocked_exchange_add_returns_what_was_there)
{
	LONG value = 40;
	HANDLE thread;

	EXPECT_EQ(40, InterlockedExchangeAdd(&value, 2));
	EXPECT_EQ(42, InterlockedExchangeAdd(&value, -42));
	thread = CreateThread(NULL, 0, exchange_add, &value, 0, NULL);
	ASSERT_NE(NULL, thread);
	exchange_add(&value);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_TRUE(CloseHandle(thread));
	EXPECT_EQ(2 * 3 * ADDITIONS, value);
}

TEST(tick_count_is_the_time_since_the_start)
{
	ULONGLONG before = GetTickCount64(), after;
	FILE *file = fopen("/proc/uptime", "re");
	double uptime = 0;

	ASSERT_NE(NULL, file);
	EXPECT_EQ(1, fscanf(file, "%lf", &uptime));
	fclose(file);
	Sleep(50);
	after = GetTickCount64();
	EXPECT_LE(before + 50, after);
	/* It has two digits after the point. */
	EXPECT_LE(before, uptime * 1000 + 10);
	EXPECT_GE(after, uptime * 1000);
}

static int lines_with(const char *path, const char *start)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += !strncmp(line, start, strlen(start));
	if (file)
		fclose(file);
	return n;
}

TEST(system_info_knows_pages_and_processors)
{
	DWORD processors = lines_with("/proc/cpuinfo", "processor\t");
	SYSTEM_INFO info;

	memset(&info, 0xcc, sizeof(info));
	GetSystemInfo(&info);
	EXPECT_EQ(4096, info.dwPageSize);
	EXPECT_EQ(65536, info.dwAllocationGranularity);
	EXPECT_EQ(processors, info.dwNumberOfProcessors);
	EXPECT_EQ((1ULL << processors) - 1, info.dwActiveProcessorMask);
	EXPECT_EQ(PROCESSOR_ARCHITECTURE_AMD64, info.wProcessorArchitecture);
	EXPECT_EQ(0, info.wProcessorRevision);
	EXPECT_EQ(48, sizeof(info));
}

TEST_HARNESS_MAIN
