// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Points in time, and what calendars and clocks show, in pure Win32.
 */
#include <windows.h>
#include <mmsystem.h>

#include "tap.h"

#define PROGRAM "system_time"
#define PER_SECOND	10000000ULL

static FILETIME units(ULONGLONG count)
{
	FILETIME time;

	time.dwLowDateTime = (DWORD)count;
	time.dwHighDateTime = (DWORD)(count >> 32);
	return time;
}

static ULONGLONG count_of(FILETIME time)
{
	return (ULONGLONG)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

static void expect_shown(ULONGLONG count, SYSTEMTIME expected)
{
	SYSTEMTIME shown;
	FILETIME time = units(count), back;

	ASSERT(FileTimeToSystemTime(&time, &shown));
	EXPECT_EQ(expected.wYear, shown.wYear);
	EXPECT_EQ(expected.wMonth, shown.wMonth);
	EXPECT_EQ(expected.wDay, shown.wDay);
	EXPECT_EQ(expected.wDayOfWeek, shown.wDayOfWeek);
	EXPECT_EQ(expected.wHour, shown.wHour);
	EXPECT_EQ(expected.wMinute, shown.wMinute);
	EXPECT_EQ(expected.wSecond, shown.wSecond);
	EXPECT_EQ(expected.wMilliseconds, shown.wMilliseconds);
	ASSERT(SystemTimeToFileTime(&shown, &back));
	EXPECT_EQ(count / 10000 * 10000, count_of(back));
}

/* Year, month, day of the week, day, hour, minute, second, ms. */
static void time_is_shown_and_read(void)
{
	const ULONGLONG to_1970 = 11644473600ULL * PER_SECOND;
	SYSTEMTIME first = { 1601, 1, 1, 1, 0, 0, 0, 0 };
	SYSTEMTIME unix_first = { 1970, 1, 4, 1, 0, 0, 0, 0 };
	SYSTEMTIME leap = { 2000, 2, 2, 29, 23, 59, 59, 999 };
	SYSTEMTIME none = { 1900, 3, 4, 1, 12, 30, 0, 5 };
	SYSTEMTIME last = { 30827, 12, 5, 31, 23, 59, 59, 999 };

	expect_shown(0, first);
	expect_shown(to_1970, unix_first);
	expect_shown(to_1970 + 951868799ULL * PER_SECOND + 9999999, leap);
	expect_shown(9440627400ULL * PER_SECOND + 50000, none);
	expect_shown(9223149887999990000ULL, last);
}

static void each_day_follows_the_one_before(void)
{
	SYSTEMTIME shown, before = { 1601, 1, 1, 1, 0, 0, 0, 0 };
	FILETIME time, back;
	ULONGLONG day;

	for (day = 1; day < 600 * 366; day++) {
		time = units(day * 86400 * PER_SECOND);
		ASSERT(FileTimeToSystemTime(&time, &shown));
		ASSERT_EQ((before.wDayOfWeek + 1) % 7, shown.wDayOfWeek);
		ASSERT(shown.wDay == before.wDay + 1 ||
		       (shown.wDay == 1 && before.wDay >= 28 &&
			(shown.wMonth == before.wMonth + 1 ||
			 (shown.wMonth == 1 && before.wMonth == 12 &&
			  shown.wYear == before.wYear + 1))));
		ASSERT(SystemTimeToFileTime(&shown, &back));
		ASSERT_EQ(count_of(time), count_of(back));
		before = shown;
	}
}

static void what_no_clock_shows_is_refused(void)
{
	static const SYSTEMTIME wrong[] = {
		{ 1600, 12, 0, 31, 0, 0, 0, 0 }, { 2000, 0, 0, 1, 0, 0, 0, 0 },
		{ 2000, 13, 0, 1, 0, 0, 0, 0 }, { 2000, 1, 0, 0, 0, 0, 0, 0 },
		{ 2000, 4, 0, 31, 0, 0, 0, 0 }, { 2000, 2, 0, 30, 0, 0, 0, 0 },
		{ 2000, 1, 0, 1, 24, 0, 0, 0 }, { 2000, 1, 0, 1, 0, 60, 0, 0 },
		{ 2000, 1, 0, 1, 0, 0, 60, 0 }, { 2000, 1, 0, 1, 0, 0, 0, 1000 },
	};
	SYSTEMTIME shown;
	FILETIME time = units(1ULL << 63);
	int i;

	for (i = 0; i < (int)(sizeof(wrong) / sizeof(wrong[0])); i++)
		EXPECT_ERROR(ERROR_INVALID_PARAMETER, SystemTimeToFileTime(&wrong[i], &time));
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, FileTimeToSystemTime(&time, &shown));
}

static void leap_day_of_another_year_is_refused(void)
{
	SYSTEMTIME wrong = { 2023, 2, 0, 29, 0, 0, 0, 0 };
	FILETIME time;

	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SystemTimeToFileTime(&wrong, &time));
	wrong.wYear = 1900;
	EXPECT_ERROR(ERROR_INVALID_PARAMETER, SystemTimeToFileTime(&wrong, &time));
	wrong.wYear = 2024;
	EXPECT(SystemTimeToFileTime(&wrong, &time));
}

static void now_is_the_same_everywhere(void)
{
	FILETIME now, shown, local, as_local;
	SYSTEMTIME utc, there;

	GetSystemTimeAsFileTime(&now);
	GetSystemTime(&utc);
	GetLocalTime(&there);
	ASSERT(SystemTimeToFileTime(&utc, &shown));
	ASSERT(SystemTimeToFileTime(&there, &local));
	EXPECT(count_of(shown) + 20 * 10000 >= count_of(now));
	EXPECT(count_of(shown) - count_of(now) + 20 * 10000 < COMES * 10000ULL);
	ASSERT(FileTimeToLocalFileTime(&now, &as_local));
	EXPECT(count_of(local) - count_of(as_local) + 20 * 10000 < COMES * 10000ULL);
	/* Zones differ by quarters of an hour. */
	EXPECT_EQ(0, (LONGLONG)(count_of(as_local) - count_of(now)) %
		     (LONGLONG)(900 * PER_SECOND));
}

static void times_are_compared_without_a_sign(void)
{
	FILETIME early = units(1), late = units(1ULL << 63), middle = units(1ULL << 32);

	EXPECT_EQ((ULONG_PTR)-1, (LONG_PTR)CompareFileTime(&early, &late));
	EXPECT_EQ((ULONG_PTR)-1, (LONG_PTR)CompareFileTime(&early, &middle));
	EXPECT_EQ(1, CompareFileTime(&late, &middle));
	EXPECT_EQ(0, CompareFileTime(&late, &late));
}

static void multimedia_clock_goes_on(void)
{
	DWORD began;

	EXPECT_EQ(TIMERR_NOERROR, timeBeginPeriod(1));
	EXPECT_EQ(TIMERR_NOCANDO, timeBeginPeriod(0));
	EXPECT_EQ(TIMERR_NOCANDO, timeEndPeriod(0));
	began = timeGetTime();
	Sleep(50);
	EXPECT(timeGetTime() - began >= 50 - 16);
	EXPECT(timeGetTime() - began < COMES);
	EXPECT_EQ(TIMERR_NOERROR, timeEndPeriod(1));
}

int main(void)
{
	RUN(time_is_shown_and_read);
	RUN(each_day_follows_the_one_before);
	RUN(what_no_clock_shows_is_refused);
	RUN(leap_day_of_another_year_is_refused);
	RUN(now_is_the_same_everywhere);
	RUN(times_are_compared_without_a_sign);
	RUN(multimedia_clock_goes_on);
	return tap_end();
}
