// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Points in time: units of 100 ns since 1601, and what calendars and clocks show.
 */
#include <errno.h>
#include <time.h>

#include "base.h"

#define SECONDS_PER_DAY	86400ULL
#define FIRST_YEAR	1601
/* The last one that there is a whole of. */
#define LAST_YEAR	30827
#define UNITS_PER_MS	(SOCKIOCP_UNITS_PER_SEC / MSEC_PER_SEC)

static bool is_leap_year(unsigned int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned int days_of_month(unsigned int year, unsigned int month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap_year(year));
}

/* From the first of January of 1601 to that of another year. */
static unsigned long long days_before_year(unsigned int year)
{
	unsigned long long years = year - FIRST_YEAR;

	return years * 365 + years / 4 - years / 100 + years / 400;
}

static ULONGLONG units_of(const FILETIME *time)
{
	return (ULONGLONG)time->dwHighDateTime << 32 | time->dwLowDateTime;
}

static void put_units(FILETIME *time, ULONGLONG units)
{
	time->dwLowDateTime = (DWORD)units;
	time->dwHighDateTime = (DWORD)(units >> 32);
}

/**
 * FileTimeToSystemTime - what calendar and clock show
 * @lpFileTime: a point in time, in units of 100 ns since 1601
 * @lpSystemTime: receives the same, rounded down to ms, and the day of the week
 *
 * Return: nonzero; FALSE if the time is not below 2^63, and GetLastError() says
 * ERROR_INVALID_PARAMETER.
 *
 * Windows: "FileTimeToSystemTime function (timezoneapi.h)".
 */
BOOL WINAPI FileTimeToSystemTime(const FILETIME *lpFileTime, LPSYSTEMTIME lpSystemTime)
{
	ULONGLONG units = units_of(lpFileTime), seconds, days;
	unsigned int year, month = 1;

	if (units > MAXLONGLONG)
		return sockiocp_fail(EINVAL);
	seconds = units / SOCKIOCP_UNITS_PER_SEC;
	days = seconds / SECONDS_PER_DAY;
	/* Not too late: the next ones are counted. */
	year = FIRST_YEAR + (unsigned int)(days / 366);
	while (days_before_year(year + 1) <= days)
		year++;
	lpSystemTime->wDayOfWeek = (WORD)((days + 1) % 7);
	days -= days_before_year(year);
	while (days >= days_of_month(year, month))
		days -= days_of_month(year, month++);
	lpSystemTime->wYear = (WORD)year;
	lpSystemTime->wMonth = (WORD)month;
	lpSystemTime->wDay = (WORD)(days + 1);
	lpSystemTime->wHour = (WORD)(seconds / 3600 % 24);
	lpSystemTime->wMinute = (WORD)(seconds / 60 % 60);
	lpSystemTime->wSecond = (WORD)(seconds % 60);
	lpSystemTime->wMilliseconds = (WORD)(units / UNITS_PER_MS % MSEC_PER_SEC);
	return TRUE;
}

/**
 * SystemTimeToFileTime - the point in time that calendar and clock show
 * @lpSystemTime: what they show; the day of the week is not looked at
 * @lpFileTime: receives units of 100 ns since 1601
 *
 * Return: nonzero; FALSE if there is no such time, or its year is not from 1601 to 30827, and
 * GetLastError() says ERROR_INVALID_PARAMETER.
 *
 * Windows: "SystemTimeToFileTime function (timezoneapi.h)".
 */
BOOL WINAPI SystemTimeToFileTime(const SYSTEMTIME *lpSystemTime, LPFILETIME lpFileTime)
{
	const SYSTEMTIME *it = lpSystemTime;
	unsigned long long days, seconds;
	unsigned int month;

	if (it->wYear < FIRST_YEAR || it->wYear > LAST_YEAR || !it->wMonth || it->wMonth > 12 ||
	    !it->wDay || it->wDay > days_of_month(it->wYear, it->wMonth) || it->wHour > 23 ||
	    it->wMinute > 59 || it->wSecond > 59 || it->wMilliseconds > 999)
		return sockiocp_fail(EINVAL);
	days = days_before_year(it->wYear) + it->wDay - 1u;
	for (month = 1; month < it->wMonth; month++)
		days += days_of_month(it->wYear, month);
	seconds = days * SECONDS_PER_DAY + it->wHour * 3600u + it->wMinute * 60u + it->wSecond;
	put_units(lpFileTime, seconds * SOCKIOCP_UNITS_PER_SEC + it->wMilliseconds * UNITS_PER_MS);
	return TRUE;
}

/**
 * GetSystemTime - what calendar and clock show now, in UTC
 * @lpSystemTime: receives that
 *
 * Windows: "GetSystemTime function (sysinfoapi.h)".
 */
void WINAPI GetSystemTime(LPSYSTEMTIME lpSystemTime)
{
	FILETIME now;

	put_units(&now, sockiocp_file_time());
	FileTimeToSystemTime(&now, lpSystemTime);
}

/* By how many units the local clocks are ahead of UTC, at this time of the year. */
static LONGLONG ahead_of_utc(ULONGLONG units)
{
	time_t now = (time_t)(units / SOCKIOCP_UNITS_PER_SEC) - (time_t)SOCKIOCP_1601_TO_1970;
	struct tm local;

	tzset();
	if (!localtime_r(&now, &local))
		return 0;
	return (LONGLONG)local.tm_gmtoff * (LONGLONG)SOCKIOCP_UNITS_PER_SEC;
}

/**
 * GetLocalTime - what calendar and clock show now, in local time
 * @lpSystemTime: receives that
 *
 * The time zone is libc's: TZ, or the machine's.
 *
 * Windows: "GetLocalTime function (sysinfoapi.h)".
 */
void WINAPI GetLocalTime(LPSYSTEMTIME lpSystemTime)
{
	ULONGLONG units = sockiocp_file_time();
	FILETIME now;

	put_units(&now, units + (ULONGLONG)ahead_of_utc(units));
	FileTimeToSystemTime(&now, lpSystemTime);
}

/**
 * FileTimeToLocalFileTime - what local clocks show, by the rule of today
 * @lpFileTime: a point in time, in units of 100 ns since 1601
 * @lpLocalFileTime: receives the same in local time; whether summer time is added depends on
 *	now, not on @lpFileTime, as on Windows
 *
 * Return: nonzero; FALSE if there is no such time, and GetLastError() says
 * ERROR_INVALID_PARAMETER.
 *
 * Windows: "FileTimeToLocalFileTime function (fileapi.h)".
 */
BOOL WINAPI FileTimeToLocalFileTime(const FILETIME *lpFileTime, LPFILETIME lpLocalFileTime)
{
	ULONGLONG units = units_of(lpFileTime);
	LONGLONG ahead = ahead_of_utc(sockiocp_file_time());

	if (units > MAXLONGLONG || (ahead < 0 && units < (ULONGLONG)-ahead) ||
	    (ahead > 0 && units > MAXLONGLONG - (ULONGLONG)ahead))
		return sockiocp_fail(EINVAL);
	put_units(lpLocalFileTime, units + (ULONGLONG)ahead);
	return TRUE;
}

/**
 * CompareFileTime - which of two points in time is earlier
 * @lpFileTime1: one
 * @lpFileTime2: the other
 *
 * Return: -1 if it is the first, 1 if it is the second, 0 if they are the same.
 *
 * Windows: "CompareFileTime function (fileapi.h)".
 */
LONG WINAPI CompareFileTime(const FILETIME *lpFileTime1, const FILETIME *lpFileTime2)
{
	ULONGLONG one = units_of(lpFileTime1), other = units_of(lpFileTime2);

	return (one > other) - (one < other);
}
