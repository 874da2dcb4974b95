// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Waitable timers.
 *
 * A timer is a timerfd, signalled while it can be read.  What resets itself is read by
 * who waits for it (wait.c).  The functions that it calls: apc.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <wchar.h>

#include "internal.h"

static HANDLE create_timer(BOOL manual)
{
	/* Of this clock, times from now on are monotonic all the same. */
	int fd = sockiocp_fd_above_stdio(timerfd_create(CLOCK_REALTIME,
							TFD_CLOEXEC | TFD_NONBLOCK));
	int err;

	if (fd >= 0 && manual && fcntl(fd, F_SETFL, O_NONBLOCK | SOCKIOCP_MANUAL_FLAG)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	if (fd < 0) {
		sockiocp_fail(errno);
		return NULL;
	}
	sockiocp_set_kind(fd, SOCKIOCP_TIMER | (manual ? SOCKIOCP_MANUAL : 0));
	SetLastError(ERROR_SUCCESS);
	return (HANDLE)(intptr_t)fd;
}

/**
 * CreateWaitableTimerA - make a timer that can be waited for
 * @lpTimerAttributes: ignored: the handle is not inherited
 * @bManualReset: whether it stays signalled until SetWaitableTimer(); otherwise each wait
 *	that ends with it resets it
 * @lpTimerName: NULL or "": timers of a name are not supported
 *
 * The caller owns the handle and passes it to CloseHandle().  It is a file descriptor as
 * that of CreateEventA() is, except that it may be odd.
 *
 * Return: the handle; NULL if it fails, and GetLastError() says why, as for
 * CreateEventA().
 *
 * Windows: "CreateWaitableTimerA function (winbase.h)".
 */
HANDLE WINAPI CreateWaitableTimerA(LPSECURITY_ATTRIBUTES lpTimerAttributes,
				   BOOL bManualReset, LPCSTR lpTimerName)
{
	(void)lpTimerAttributes;
	if (sockiocp_refuse_name(lpTimerName ? strlen(lpTimerName) : 0))
		return NULL;
	return create_timer(bManualReset);
}

/**
 * CreateWaitableTimerW - the same
 * @lpTimerAttributes: as in CreateWaitableTimerA()
 * @bManualReset: as in CreateWaitableTimerA()
 * @lpTimerName: as in CreateWaitableTimerA()
 *
 * Return: as CreateWaitableTimerA().
 *
 * Windows: "CreateWaitableTimerW function (synchapi.h)".
 */
HANDLE WINAPI CreateWaitableTimerW(LPSECURITY_ATTRIBUTES lpTimerAttributes,
				   BOOL bManualReset, LPCWSTR lpTimerName)
{
	(void)lpTimerAttributes;
	if (sockiocp_refuse_name(lpTimerName ? wcslen(lpTimerName) : 0))
		return NULL;
	return create_timer(bManualReset);
}

/* The rights are ignored, and the resolution is high anyway. */
static HANDLE create_timer_ex(DWORD flags)
{
	if (flags & ~(CREATE_WAITABLE_TIMER_MANUAL_RESET |
		      CREATE_WAITABLE_TIMER_HIGH_RESOLUTION)) {
		sockiocp_fail(EINVAL);
		return NULL;
	}
	return create_timer(flags & CREATE_WAITABLE_TIMER_MANUAL_RESET);
}

/**
 * CreateWaitableTimerExA - make a timer that can be waited for
 * @lpTimerAttributes: as in CreateWaitableTimerA()
 * @lpTimerName: as in CreateWaitableTimerA()
 * @dwFlags: CREATE_WAITABLE_TIMER_MANUAL_RESET, and
 *	CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, which all are
 * @dwDesiredAccess: ignored: the handle is good for everything
 *
 * Return: as CreateWaitableTimerA(), or NULL and ERROR_INVALID_PARAMETER: another flag.
 *
 * Windows: "CreateWaitableTimerExA function (winbase.h)".
 */
HANDLE WINAPI CreateWaitableTimerExA(LPSECURITY_ATTRIBUTES lpTimerAttributes,
				     LPCSTR lpTimerName, DWORD dwFlags,
				     DWORD dwDesiredAccess)
{
	(void)lpTimerAttributes;
	(void)dwDesiredAccess;
	if (sockiocp_refuse_name(lpTimerName ? strlen(lpTimerName) : 0))
		return NULL;
	return create_timer_ex(dwFlags);
}

/**
 * CreateWaitableTimerExW - the same
 * @lpTimerAttributes: as in CreateWaitableTimerA()
 * @lpTimerName: as in CreateWaitableTimerA()
 * @dwFlags: as in CreateWaitableTimerExA()
 * @dwDesiredAccess: ignored
 *
 * Return: as CreateWaitableTimerExA().
 *
 * Windows: "CreateWaitableTimerExW function (synchapi.h)".
 */
HANDLE WINAPI CreateWaitableTimerExW(LPSECURITY_ATTRIBUTES lpTimerAttributes,
				     LPCWSTR lpTimerName, DWORD dwFlags,
				     DWORD dwDesiredAccess)
{
	(void)lpTimerAttributes;
	(void)dwDesiredAccess;
	if (sockiocp_refuse_name(lpTimerName ? wcslen(lpTimerName) : 0))
		return NULL;
	return create_timer_ex(dwFlags);
}

static struct timespec units(unsigned long long count)
{
	struct timespec ts = {
		.tv_sec = (time_t)(count / SOCKIOCP_UNITS_PER_SEC),
		.tv_nsec = (long)(count % SOCKIOCP_UNITS_PER_SEC * NSEC_PER_UNIT),
	};

	/* 0 would mean never. */
	if (!count)
		ts.tv_nsec = 1;
	return ts;
}

/* Returns in how many units of 100 ns it is due, and @flags for what @spec says of it. */
static unsigned long long due_in(LONGLONG due, struct timespec *spec, int *flags)
{
	const LONGLONG epoch = SOCKIOCP_1601_TO_1970 * SOCKIOCP_UNITS_PER_SEC;
	LONGLONG now;

	*flags = 0;
	if (due <= 0) {
		*spec = units(-(unsigned long long)due);
		return -(unsigned long long)due;
	}
	*flags = TFD_TIMER_ABSTIME;
	*spec = units(due > epoch ? (unsigned long long)(due - epoch) : 0);
	now = (LONGLONG)sockiocp_file_time();
	return due > now ? (unsigned long long)(due - now) : 0;
}

/**
 * SetWaitableTimer - say when a timer is due
 * @hTimer: the timer, which is not signalled any more; what was set before is forgotten
 * @lpDueTime: when, in units of 100 ns: since 1601 (UTC) or, if it is negative, from now
 *	on
 * @lPeriod: after how many ms again, and again; 0 for not
 * @pfnCompletionRoutine: a function for this thread to call, the next time that it waits
 *	alertably, at or after the time; or NULL
 * @lpArgToCompletionRoutine: what the function is given
 * @fResume: whether a machine that sleeps is to be woken, which is not supported: the
 *	call succeeds then and GetLastError() says ERROR_NOT_SUPPORTED
 *
 * The clock of a time since 1601 may be set; the timer follows it, the function is called
 * when it would have been due by the clock as it was.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a timer's handle
 *   ERROR_INVALID_PARAMETER	@lPeriod is negative
 *   ERROR_NOACCESS		@lpDueTime is NULL
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "SetWaitableTimer function (synchapi.h)".
 */
BOOL WINAPI SetWaitableTimer(HANDLE hTimer, const LARGE_INTEGER *lpDueTime, LONG lPeriod,
			     PTIMERAPCROUTINE pfnCompletionRoutine,
			     LPVOID lpArgToCompletionRoutine, BOOL fResume)
{
	int fd = sockiocp_handle_fd(hTimer);
	struct itimerspec spec;
	unsigned long long in;
	int err, flags;

	if (!lpDueTime)
		return sockiocp_fail(EFAULT);
	if (lPeriod < 0)
		return sockiocp_fail(EINVAL);
	if (!(sockiocp_kind(fd) & SOCKIOCP_TIMER))
		return sockiocp_fail(EBADF);

	in = due_in(lpDueTime->QuadPart, &spec.it_value, &flags);
	spec.it_interval = sockiocp_timespec((unsigned int)lPeriod * NSEC_PER_MSEC);
	err = sockiocp_time_apc(fd, sockiocp_now_ns() + in * NSEC_PER_UNIT, lPeriod,
				pfnCompletionRoutine, lpArgToCompletionRoutine);
	if (!err && timerfd_settime(fd, flags, &spec, NULL))
		err = errno;
	if (err)
		return sockiocp_fail(err);
	SetLastError(fResume ? ERROR_NOT_SUPPORTED : ERROR_SUCCESS);
	return TRUE;
}

/**
 * CancelWaitableTimer - have a timer not be due any more
 * @hTimer: the timer; if it is signalled it stays so
 *
 * Its function is not called any more, also if it has been due.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "CancelWaitableTimer function (synchapi.h)".
 */
BOOL WINAPI CancelWaitableTimer(HANDLE hTimer)
{
	int fd = sockiocp_handle_fd(hTimer);
	struct pollfd signalled = { .fd = fd, .events = POLLIN };
	struct itimerspec spec = { .it_value = { 0 } };

	if (!(sockiocp_kind(fd) & SOCKIOCP_TIMER))
		return sockiocp_fail(EBADF);
	sockiocp_time_apc(fd, 0, 0, NULL, NULL);
	/* To be due at once, and once, is to be signalled; it takes a moment. */
	if (poll(&signalled, 1, 0) == 1)
		spec.it_value.tv_nsec = 1;
	if (timerfd_settime(fd, 0, &spec, NULL))
		return sockiocp_fail(EBADF);
	if (spec.it_value.tv_nsec)
		poll(&signalled, 1, 1000);
	return TRUE;
}
