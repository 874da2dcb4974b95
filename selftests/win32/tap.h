/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * A test harness in nothing but C and Win32, for programs that are compiled twice: with
 * libsockiocp, and by mingw-w64 for Wine.  It prints TAP.
 *
 *	static void thing_is_so(void) { EXPECT_EQ(1, f()); }
 *	int main(void) { RUN(thing_is_so); return tap_end(); }
 *
 * A check that fails says so and goes on; one that begins with ASSERT ends the test.
 */
#ifndef SELFTESTS_WIN32_TAP_H
#define SELFTESTS_WIN32_TAP_H

#include <stdio.h>

static int tap_failed, tap_count, tap_failures;

/* How long what must come may take, in ms: a machine may stand still for a while. */
#define COMES	5000
/* How long to look whether something comes that must not. */
#define STAYS	100

/* Of a clock that goes on whatever the machine is busy with: Wine's GetTickCount64() does not. */
static __inline unsigned long long milliseconds(void)
{
	LARGE_INTEGER now, second;

	QueryPerformanceCounter(&now);
	QueryPerformanceFrequency(&second);
	return (unsigned long long)(now.QuadPart / (second.QuadPart / 1000));
}

static __inline void tap_run(const char *program, const char *name, void (*test)(void))
{
	tap_failed = 0;
	test();
	tap_count++;
	tap_failures += tap_failed;
	printf("%s %d %s.%s\n", tap_failed ? "not ok" : "ok", tap_count, program, name);
	fflush(stdout);
}

static __inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures != 0;
}

/* The program defines PROGRAM, the name that its tests have in front of theirs. */
#define RUN(test)	tap_run(PROGRAM, #test, test)

/* A test that Wine does not survive: nothing after it would be run. */
#define RUN_UNLESS_WINE(test, why)						\
	do {									\
		HMODULE ntdll_ = GetModuleHandleA("ntdll.dll");			\
		if (ntdll_ && GetProcAddress(ntdll_, "wine_get_version"))	\
			printf("ok %d %s.%s # SKIP %s\n", ++tap_count, PROGRAM,	\
			       #test, why);					\
		else								\
			RUN(test);						\
	} while (0)

static __inline int tap_same(unsigned long long expected, unsigned long long got,
			     const char *what, int line)
{
	if (expected == got)
		return 1;
	printf("# line %d: %s is %llu (%#llx), and should be %llu (%#llx)\n", line, what,
	       got, got, expected, expected);
	tap_failed = 1;
	return 0;
}

static __inline int tap_holds(int holds, const char *what, int line)
{
	if (holds)
		return 1;
	printf("# line %d: this does not hold: %s\n", line, what);
	tap_failed = 1;
	return 0;
}

/* Numbers, handles and pointers alike. */
#define TAP_NUMBER(value)	((unsigned long long)(ULONG_PTR)(value))
#define EXPECT_EQ(expected, got)						\
	tap_same(TAP_NUMBER(expected), TAP_NUMBER(got), #got, __LINE__)
#define EXPECT(condition)	tap_holds(!!(condition), #condition, __LINE__)
#define ASSERT_EQ(expected, got)						\
	do { if (!EXPECT_EQ(expected, got)) return; } while (0)
#define ASSERT(condition)							\
	do { if (!EXPECT(condition)) return; } while (0)

/* A call that fails, and the last error that it leaves. */
#define EXPECT_ERROR(error, call)						\
	do {									\
		SetLastError(0xdead);						\
		EXPECT(!(call));						\
		EXPECT_EQ(error, GetLastError());				\
	} while (0)

#endif /* SELFTESTS_WIN32_TAP_H */
