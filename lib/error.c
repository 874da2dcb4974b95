// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Errors: the last one of each thread, the one table that turns errno values
 * into Windows' codes, and the texts of the codes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

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
	{ EBADF,	ERROR_INVALID_HANDLE,		WSAENOTSOCK },
	{ ENOMEM,	ERROR_NOT_ENOUGH_MEMORY,	WSAENOBUFS },
	{ EACCES,	ERROR_ACCESS_DENIED,		WSAEACCES },
	{ EFAULT,	ERROR_NOACCESS,			WSAEFAULT },
	{ EBUSY,	ERROR_BUSY,			WSAEADDRINUSE },
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

/*
 * What the NTSTATUS of a failed operation means.  No operation of this library
 * fails by a packet: these are the ones that a program might post itself, with
 * SOCKIOCP_POST, to stand for a failed one.
 */
static const struct {
	ULONG status;
	DWORD win32;
} statuses[] = {
	{ 0x80000005, ERROR_MORE_DATA },	/* STATUS_BUFFER_OVERFLOW */
	{ 0xc0000001, ERROR_GEN_FAILURE },	/* STATUS_UNSUCCESSFUL */
	{ 0xc0000005, ERROR_NOACCESS },		/* STATUS_ACCESS_VIOLATION */
	{ 0xc0000008, ERROR_INVALID_HANDLE },	/* STATUS_INVALID_HANDLE */
	{ 0xc000000d, ERROR_INVALID_PARAMETER },/* STATUS_INVALID_PARAMETER */
	{ 0xc0000011, ERROR_HANDLE_EOF },	/* STATUS_END_OF_FILE */
	{ 0xc0000017, ERROR_NOT_ENOUGH_MEMORY },/* STATUS_NO_MEMORY */
	{ 0xc0000022, ERROR_ACCESS_DENIED },	/* STATUS_ACCESS_DENIED */
	{ 0xc0000023, ERROR_INSUFFICIENT_BUFFER },/* STATUS_BUFFER_TOO_SMALL */
	/* STATUS_INSUFFICIENT_RESOURCES */
	{ 0xc000009a, ERROR_NO_SYSTEM_RESOURCES },
	{ 0xc00000b5, ERROR_SEM_TIMEOUT },	/* STATUS_IO_TIMEOUT */
	{ 0xc00000bb, ERROR_NOT_SUPPORTED },	/* STATUS_NOT_SUPPORTED */
	{ 0xc0000120, ERROR_OPERATION_ABORTED },/* STATUS_CANCELLED */
	{ 0xc000013b, ERROR_NETNAME_DELETED },	/* STATUS_LOCAL_DISCONNECT */
	{ 0xc000013c, ERROR_NETNAME_DELETED },	/* STATUS_REMOTE_DISCONNECT */
	{ 0xc000014b, ERROR_BROKEN_PIPE },	/* STATUS_PIPE_BROKEN */
	/* STATUS_CONNECTION_DISCONNECTED */
	{ 0xc000020c, ERROR_NETNAME_DELETED },
	{ 0xc000020d, ERROR_NETNAME_DELETED },	/* STATUS_CONNECTION_RESET */
	/* STATUS_CONNECTION_REFUSED */
	{ 0xc0000236, ERROR_CONNECTION_REFUSED },
	/* STATUS_NETWORK_UNREACHABLE */
	{ 0xc000023c, ERROR_NETWORK_UNREACHABLE },
	{ 0xc000023d, ERROR_HOST_UNREACHABLE },	/* STATUS_HOST_UNREACHABLE */
	{ 0xc000023f, ERROR_PORT_UNREACHABLE },	/* STATUS_PORT_UNREACHABLE */
	/* STATUS_CONNECTION_ABORTED */
	{ 0xc0000241, ERROR_CONNECTION_ABORTED },
};

/* A status that is a Win32 code (the low 16 bits): NTSTATUS_FROM_WIN32(). */
#define STATUS_FACILITY_WIN32	0xc0070000

static const struct {
	DWORD code;
	const char *text;
} texts[] = {
	{ ERROR_SUCCESS, "The operation completed successfully." },
	{ ERROR_INVALID_FUNCTION, "Incorrect function." },
	{ ERROR_TOO_MANY_OPEN_FILES,
	  "Too many files are open (see ulimit -n)." },
	{ ERROR_ACCESS_DENIED,
	  "Access is denied.  If it is to /dev/sockiocp: look at its mode; in a "
	  "container at --device, in a systemd unit at DeviceAllow=; and whether a "
	  "seccomp filter refuses ioctl." },
	{ ERROR_INVALID_HANDLE, "The handle is invalid." },
	{ ERROR_NOT_ENOUGH_MEMORY, "Not enough memory is available." },
	{ ERROR_OUTOFMEMORY, "Not enough memory is available." },
	{ ERROR_GEN_FAILURE, "The operation failed." },
	{ ERROR_HANDLE_EOF, "The end of the file was reached." },
	{ ERROR_NOT_SUPPORTED, "The request is not supported." },
	{ ERROR_NETNAME_DELETED, "The connection is no longer there." },
	{ ERROR_INVALID_PARAMETER, "A parameter is incorrect." },
	{ ERROR_BROKEN_PIPE, "The pipe has been ended." },
	{ ERROR_CALL_NOT_IMPLEMENTED,
	  "This function is not implemented, or a seccomp filter refuses its system "
	  "call (ports need ioctl)." },
	{ ERROR_SEM_TIMEOUT, "The operation timed out." },
	{ ERROR_INSUFFICIENT_BUFFER, "The buffer is too small." },
	{ ERROR_BUSY, "The resource is in use." },
	{ ERROR_ALREADY_EXISTS, "It exists already." },
	{ WAIT_IO_COMPLETION, "The wait was ended by a completion routine." },
	{ ERROR_MORE_DATA, "More data is available." },
	{ WAIT_TIMEOUT, "The wait timed out." },
	{ ERROR_MR_MID_NOT_FOUND, "There is no text for this number." },
	{ ERROR_ABANDONED_WAIT_0,
	  "The completion port was closed while it was waited on." },
	{ ERROR_OPERATION_ABORTED, "The operation was aborted." },
	{ ERROR_IO_PENDING, "The operation is in progress." },
	{ ERROR_NOACCESS, "An address cannot be read or written." },
	{ ERROR_NOT_FOUND, "There is no such registration." },
	{ ERROR_CONNECTION_REFUSED, "The remote system refused the connection." },
	{ ERROR_NETWORK_UNREACHABLE, "The network cannot be reached." },
	{ ERROR_HOST_UNREACHABLE, "The host cannot be reached." },
	{ ERROR_PORT_UNREACHABLE, "Nobody listens on the port." },
	{ ERROR_CONNECTION_ABORTED, "The local system ended the connection." },
	{ ERROR_UNIDENTIFIED_ERROR, "An error that has no number occurred." },
	{ ERROR_NO_SYSTEM_RESOURCES,
	  "A limit of the system's or of the user's was reached." },
	{ ERROR_TIMEOUT, "The operation timed out." },
	{ WSAEINTR, "A blocking call was interrupted." },
	{ WSAEBADF, "The file handle is not valid." },
	{ WSAEACCES, "The socket may not be used in this way." },
	{ WSAEFAULT, "A pointer is invalid or a buffer is too small." },
	{ WSAEINVAL, "An argument is invalid." },
	{ WSAEMFILE, "Too many sockets are open (see ulimit -n)." },
	{ WSAEWOULDBLOCK, "The operation could not be completed at once." },
	{ WSAEINPROGRESS, "A blocking operation is in progress." },
	{ WSAEALREADY, "The operation is in progress already." },
	{ WSAENOTSOCK, "This is not a socket." },
	{ WSAEDESTADDRREQ, "An address is required." },
	{ WSAEMSGSIZE, "The message is larger than the buffer or a limit." },
	{ WSAEPROTOTYPE, "The protocol does not suit the type of socket." },
	{ WSAENOPROTOOPT, "The option or the level is unknown." },
	{ WSAEPROTONOSUPPORT, "The protocol is not supported." },
	{ WSAESOCKTNOSUPPORT, "The type of socket is not supported." },
	{ WSAEOPNOTSUPP, "The socket does not support this operation." },
	{ WSAEPFNOSUPPORT, "The protocol family is not supported." },
	{ WSAEAFNOSUPPORT,
	  "The address family is not supported or not the socket's." },
	{ WSAEADDRINUSE, "The address is in use." },
	{ WSAEADDRNOTAVAIL, "The address is not valid here." },
	{ WSAENETDOWN, "The network is down." },
	{ WSAENETUNREACH, "The network cannot be reached." },
	{ WSAENETRESET, "The network broke the connection." },
	{ WSAECONNABORTED, "The local system aborted the connection." },
	{ WSAECONNRESET, "The peer reset the connection." },
	{ WSAENOBUFS, "A limit was reached, or memory is short." },
	{ WSAEISCONN, "The socket is connected already." },
	{ WSAENOTCONN, "The socket is not connected." },
	{ WSAESHUTDOWN, "The socket was shut down in this direction." },
	{ WSAETOOMANYREFS, "Too many references." },
	{ WSAETIMEDOUT, "The peer, or the connection, did not answer in time." },
	{ WSAECONNREFUSED, "The peer refused the connection." },
	{ WSAELOOP, "The name cannot be translated." },
	{ WSAENAMETOOLONG, "The name is too long." },
	{ WSAEHOSTDOWN, "The host is down." },
	{ WSAEHOSTUNREACH, "The host cannot be reached." },
	{ WSAVERNOTSUPPORTED, "This version of Winsock is not supported." },
	{ WSANOTINITIALISED, "WSAStartup has not been called." },
};

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

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

/* Translates Internal of a packet: 0 for a success, else Windows' own codes. */
DWORD sockiocp_status_error(ULONG_PTR internal)
{
	ULONG status = (ULONG)internal;
	size_t i;

	if ((NTSTATUS)status >= 0)
		return 0;
	for (i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].win32;
	if ((status & 0xffff0000) == STATUS_FACILITY_WIN32)
		return status & 0xffff;
	/* Windows' code for a status that it has no code for. */
	return ERROR_MR_MID_NOT_FOUND;
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

/* Returns the text of a code without the end of the line, or NULL. */
static const char *message_text(DWORD flags, DWORD code)
{
	size_t i;

	if (!(flags & FORMAT_MESSAGE_FROM_SYSTEM) ||
	    (flags & (FORMAT_MESSAGE_FROM_STRING |
		      FORMAT_MESSAGE_FROM_HMODULE))) {
		SetLastError(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	/* The only file that the library opens is the device. */
	if (code == ERROR_FILE_NOT_FOUND)
		return sockiocp_device_text();
	for (i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].code == code)
			return texts[i].text;
	SetLastError(ERROR_MR_MID_NOT_FOUND);
	return NULL;
}

/*
 * Returns where to put a text of @length characters and its terminating 0, each
 * of @width bytes; NULL if it does not fit or there is no memory.
 */
static void *message_buffer(DWORD flags, void *buffer, DWORD size,
			    size_t length, size_t width)
{
	void *allocated;
	size_t count;

	if (!buffer) {
		SetLastError(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	if (!(flags & FORMAT_MESSAGE_ALLOCATE_BUFFER)) {
		if (size > length)
			return buffer;
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		return NULL;
	}

	count = size > length ? size : length + 1;
	allocated = calloc(count, width);
	/* The caller passes the address of a pointer in the buffer's place. */
	memcpy(buffer, &allocated, sizeof(allocated));
	if (!allocated)
		SetLastError(ERROR_NOT_ENOUGH_MEMORY);
	return allocated;
}

/* Returns what a text ends in: nothing if the caller wants no line breaks. */
static const char *message_end(DWORD flags)
{
	return (flags & FORMAT_MESSAGE_MAX_WIDTH_MASK) ==
	       FORMAT_MESSAGE_MAX_WIDTH_MASK ? " " : "\r\n";
}

/* FormatMessageA() and FormatMessageW(): a character has @width bytes. */
static DWORD format_message(DWORD flags, DWORD code, void *buffer, DWORD size,
			    size_t width)
{
	const char *text = message_text(flags, code);
	const char *end = message_end(flags);
	size_t i, length;
	void *to;
	char c;

	if (!text)
		return 0;
	length = strlen(text) + strlen(end);
	to = message_buffer(flags, buffer, size, length, width);
	if (!to)
		return 0;
	for (i = 0; i <= length; i++) {
		c = i < strlen(text) ? text[i] : end[i - strlen(text)];
		if (width == sizeof(WCHAR))
			((WCHAR *)to)[i] = (WCHAR)c;
		else
			((CHAR *)to)[i] = c;
	}
	return (DWORD)length;
}

/**
 * FormatMessageA - the text of an error code
 * @dwFlags: FORMAT_MESSAGE_FROM_SYSTEM, and any of
 *	FORMAT_MESSAGE_ALLOCATE_BUFFER, FORMAT_MESSAGE_IGNORE_INSERTS,
 *	FORMAT_MESSAGE_ARGUMENT_ARRAY and FORMAT_MESSAGE_MAX_WIDTH_MASK (a space
 *	takes the place of the line break).  Other widths are ignored.
 * @lpSource: ignored
 * @dwMessageId: a code of <winerror.h>
 * @dwLanguageId: ignored: texts are English
 * @lpBuffer: where the text goes; with FORMAT_MESSAGE_ALLOCATE_BUFFER the
 *	address of a pointer (cast to LPSTR), which receives a buffer that the
 *	caller owns and passes to LocalFree()
 * @nSize: size of the buffer in characters; the least to allocate
 * @Arguments: ignored: no text has inserts
 *
 * The text ends in CR LF and a 0.
 *
 * Return: length of the text in characters, without the 0; 0 if it fails, and
 * GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	another source of texts is asked for, or there
 *				is no buffer
 *   ERROR_MR_MID_NOT_FOUND	the library has no text for the code
 *   ERROR_INSUFFICIENT_BUFFER	the text does not fit
 *   ERROR_NOT_ENOUGH_MEMORY	no buffer could be allocated
 *
 * Windows: "FormatMessageA function (winbase.h)".
 */
DWORD WINAPI FormatMessageA(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId,
			    DWORD dwLanguageId, LPSTR lpBuffer, DWORD nSize,
			    va_list *Arguments)
{
	(void)lpSource;
	(void)dwLanguageId;
	(void)Arguments;
	return format_message(dwFlags, dwMessageId, lpBuffer, nSize, sizeof(*lpBuffer));
}

/**
 * FormatMessageW - the text of an error code, in wide characters
 * @dwFlags: as in FormatMessageA()
 * @lpSource: ignored
 * @dwMessageId: a code of <winerror.h>
 * @dwLanguageId: ignored
 * @lpBuffer: as in FormatMessageA()
 * @nSize: size of the buffer in characters, not bytes
 * @Arguments: ignored
 *
 * Return: as FormatMessageA().
 *
 * Windows: "FormatMessageW function (winbase.h)".
 */
DWORD WINAPI FormatMessageW(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId,
			    DWORD dwLanguageId, LPWSTR lpBuffer, DWORD nSize,
			    va_list *Arguments)
{
	(void)lpSource;
	(void)dwLanguageId;
	(void)Arguments;
	return format_message(dwFlags, dwMessageId, lpBuffer, nSize, sizeof(*lpBuffer));
}

/**
 * LocalFree - free what a function allocated for the caller
 * @hMem: a buffer of FormatMessageA() or FormatMessageW(), or NULL
 *
 * Return: NULL.
 *
 * Windows: "LocalFree function (winbase.h)".
 */
HLOCAL WINAPI LocalFree(HLOCAL hMem)
{
	free(hMem);
	return NULL;
}
