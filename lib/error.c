// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Errors: the last one of each thread, and the one table that turns errno values
 * into Windows' codes.
 */
#include <errno.h>
#include <stddef.h>

#include "internal.h"

static _Thread_local DWORD last_error
	__attribute__((__tls_model__("initial-exec")));

/*
 * What an errno value means to a function of Win32, and to one of Winsock.
 * What is not there yet comes first: nothing else is asked for so often.
 */
static const struct {
	int err;
	DWORD win32;
	int wsa;
} errors[] = {
	{ EAGAIN,	ERROR_NO_SYSTEM_RESOURCES,	WSAEWOULDBLOCK },
	{ ETIME,	WAIT_TIMEOUT,			WSAETIMEDOUT },
	{ EPERM,	ERROR_ACCESS_DENIED,		WSAEACCES },
	{ ENOENT,	ERROR_FILE_NOT_FOUND,		WSAEADDRNOTAVAIL },
	{ ESRCH,	ERROR_GEN_FAILURE,		WSAEINVAL },
	{ EINTR,	ERROR_OPERATION_ABORTED,	WSAEINTR },
	{ ENXIO,	ERROR_FILE_NOT_FOUND,		WSAEADDRNOTAVAIL },
	/* A structure that an older module does not know all of. */
	{ E2BIG,	ERROR_NOT_SUPPORTED,		WSAEOPNOTSUPP },
	{ EBADF,	ERROR_INVALID_HANDLE,		WSAENOTSOCK },
	{ ENOMEM,	ERROR_NOT_ENOUGH_MEMORY,	WSAENOBUFS },
	{ EACCES,	ERROR_ACCESS_DENIED,		WSAEACCES },
	{ EFAULT,	ERROR_NOACCESS,			WSAEFAULT },
	{ EBUSY,	ERROR_BUSY,			WSAEADDRINUSE },
	/* hEvent of an OVERLAPPED is no event. */
	{ EBADFD,	ERROR_INVALID_HANDLE,		WSA_INVALID_HANDLE },
	{ ENODEV,	ERROR_FILE_NOT_FOUND,		WSAENETDOWN },
	{ EINVAL,	ERROR_INVALID_PARAMETER,	WSAEINVAL },
	{ ENFILE,	ERROR_TOO_MANY_OPEN_FILES,	WSAEMFILE },
	{ EMFILE,	ERROR_TOO_MANY_OPEN_FILES,	WSAEMFILE },
	{ ENOTTY,	ERROR_INVALID_HANDLE,		WSAEOPNOTSUPP },
	/* A reset after the peer's FIN; see send() for a local shutdown. */
	{ EPIPE,	ERROR_NETNAME_DELETED,		WSAECONNRESET },
	{ EPROTO,	ERROR_NETNAME_DELETED,		WSAECONNRESET },
	/* A seccomp filter, or an emulation of Linux. */
	{ ENOSYS,	ERROR_CALL_NOT_IMPLEMENTED,	WSAEOPNOTSUPP },
	{ ENOTSOCK,	ERROR_INVALID_HANDLE,		WSAENOTSOCK },
	{ EDESTADDRREQ,	ERROR_INVALID_PARAMETER,	WSAENOTCONN },
	{ EMSGSIZE,	ERROR_MORE_DATA,		WSAEMSGSIZE },
	{ EPROTOTYPE,	ERROR_NOT_SUPPORTED,		WSAEPROTOTYPE },
	{ ENOPROTOOPT,	ERROR_NOT_SUPPORTED,		WSAENOPROTOOPT },
	{ EPROTONOSUPPORT, ERROR_NOT_SUPPORTED,		WSAEPROTONOSUPPORT },
	{ ESOCKTNOSUPPORT, ERROR_NOT_SUPPORTED,		WSAESOCKTNOSUPPORT },
	{ EOPNOTSUPP,	ERROR_NOT_SUPPORTED,		WSAEOPNOTSUPP },
	{ EPFNOSUPPORT,	ERROR_NOT_SUPPORTED,		WSAEPFNOSUPPORT },
	{ EAFNOSUPPORT,	ERROR_NOT_SUPPORTED,		WSAEAFNOSUPPORT },
	{ EADDRINUSE,	ERROR_BUSY,			WSAEADDRINUSE },
	{ EADDRNOTAVAIL, ERROR_INVALID_PARAMETER,	WSAEADDRNOTAVAIL },
	{ ENETDOWN,	ERROR_GEN_FAILURE,		WSAENETDOWN },
	{ ENETUNREACH,	ERROR_GEN_FAILURE,		WSAENETUNREACH },
	{ ENETRESET,	ERROR_NETNAME_DELETED,		WSAENETRESET },
	{ ECONNABORTED,	ERROR_CONNECTION_ABORTED,	WSAECONNABORTED },
	{ ECONNRESET,	ERROR_NETNAME_DELETED,		WSAECONNRESET },
	{ ENOBUFS,	ERROR_NO_SYSTEM_RESOURCES,	WSAENOBUFS },
	{ EISCONN,	ERROR_ALREADY_EXISTS,		WSAEISCONN },
	{ ENOTCONN,	ERROR_NETNAME_DELETED,		WSAENOTCONN },
	{ ESHUTDOWN,	ERROR_ABANDONED_WAIT_0,		WSAESHUTDOWN },
	{ ETOOMANYREFS,	ERROR_NO_SYSTEM_RESOURCES,	WSAETOOMANYREFS },
	{ ETIMEDOUT,	ERROR_TIMEOUT,			WSAETIMEDOUT },
	{ ECONNREFUSED,	ERROR_CONNECTION_REFUSED,	WSAECONNREFUSED },
	{ ELOOP,	ERROR_GEN_FAILURE,		WSAELOOP },
	{ ENAMETOOLONG,	ERROR_INVALID_PARAMETER,	WSAENAMETOOLONG },
	{ EHOSTDOWN,	ERROR_GEN_FAILURE,		WSAEHOSTDOWN },
	{ EHOSTUNREACH,	ERROR_GEN_FAILURE,		WSAEHOSTUNREACH },
	{ EALREADY,	ERROR_BUSY,			WSAEALREADY },
	/* Only connect() has it, and Winsock's connect() says this. */
	{ EINPROGRESS,	ERROR_IO_PENDING,		WSAEWOULDBLOCK },
	/* An alertable wait that ended in functions of QueueUserAPC(). */
	{ ECANCELED,	WAIT_IO_COMPLETION,		WSAEINTR },
};

/* Translates an errno value for a function of Win32. */
DWORD sockiocp_win32_error(int err)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].err == err)
			return errors[i].win32;
	return ERROR_UNIDENTIFIED_ERROR;
}

/* Translates an errno value for a function of Winsock; 0 stays 0. */
int sockiocp_wsa_error(int err)
{
	size_t i;

	if (!err)
		return 0;
	for (i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].err == err)
			return errors[i].wsa;
	return WSAEINVAL;
}

/* Makes an errno value the thread's last error, and returns FALSE. */
BOOL sockiocp_fail(int err)
{
	SetLastError(sockiocp_win32_error(err));
	return FALSE;
}

/* Makes an errno value the thread's last error, and returns SOCKET_ERROR. */
int sockiocp_wsa_fail(int err)
{
	WSASetLastError(sockiocp_wsa_error(err));
	return SOCKET_ERROR;
}

/*
 * Objects have no names.  Returns whether one of so many characters is refused, which it
 * is with Windows' error if it were too long there.
 */
bool sockiocp_refuse_name(size_t length)
{
	if (length)
		SetLastError(length >= MAX_PATH ? ERROR_FILENAME_EXCED_RANGE :
						  ERROR_NOT_SUPPORTED);
	return length;
}

/**
 * GetLastError - the error of the last function that failed in this thread
 *
 * Win32's functions and Winsock's share one last error, so this is
 * WSAGetLastError() by another name.  Functions that succeed leave it alone,
 * except for ProcessSocketNotifications(), which always stores what it returns.
 *
 * Return: a code of <winerror.h>; 0 in a thread where nothing has failed.
 *
 * Windows: "GetLastError function (errhandlingapi.h)".
 */
DWORD WINAPI GetLastError(void)
{
	return last_error;
}

/**
 * SetLastError - set what GetLastError() returns in this thread
 * @dwErrCode: any value
 *
 * Windows: "SetLastError function (errhandlingapi.h)".
 */
void WINAPI SetLastError(DWORD dwErrCode)
{
	last_error = dwErrCode;
}

/**
 * WSAGetLastError - the error of the last function that failed in this thread
 *
 * Return: what GetLastError() returns.
 *
 * Windows: "WSAGetLastError function (winsock2.h)".
 */
int WSAAPI WSAGetLastError(void)
{
	return (int)last_error;
}

/**
 * WSASetLastError - set what WSAGetLastError() returns in this thread
 * @iError: any value
 *
 * Windows: "WSASetLastError function (winsock2.h)".
 */
void WSAAPI WSASetLastError(int iError)
{
	last_error = (DWORD)iError;
}
