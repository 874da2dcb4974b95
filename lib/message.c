// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The texts of Windows' error codes.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "internal.h"

static const struct {
	DWORD code;
	const char *text;
} texts[] = {
	{ ERROR_SUCCESS, "The operation completed successfully." },
	{ ERROR_INVALID_FUNCTION, "Incorrect function." },
	{ ERROR_PATH_NOT_FOUND, "The directory was not found." },
	{ ERROR_TOO_MANY_OPEN_FILES,
	  "Too many files are open (see ulimit -n)." },
	{ ERROR_ACCESS_DENIED,
	  "Access is denied (to /dev/sockiocp: look at its mode, --device of a container, "
	  "DeviceAllow= of a unit, a seccomp filter)." },
	{ ERROR_INVALID_HANDLE, "The handle is invalid." },
	{ ERROR_NOT_ENOUGH_MEMORY, "Not enough memory is available." },
	{ ERROR_OUTOFMEMORY, "Not enough memory is available." },
	{ ERROR_WRITE_PROTECT, "The file system is read-only." },
	{ ERROR_SEEK, "There is no position in this file (a pipe, a socket, a terminal)." },
	{ ERROR_GEN_FAILURE, "The operation failed." },
	{ ERROR_HANDLE_EOF, "The end of the file was reached." },
	{ ERROR_NOT_SUPPORTED, "The request is not supported." },
	{ ERROR_NETNAME_DELETED, "The connection is no longer there." },
	{ ERROR_FILE_EXISTS, "The file exists already." },
	{ ERROR_INVALID_PARAMETER, "A parameter is incorrect." },
	{ ERROR_BROKEN_PIPE, "The pipe has been ended." },
	{ ERROR_BUFFER_OVERFLOW, "The name is too long." },
	{ ERROR_DISK_FULL, "The disk, or the user's share of it, is full." },
	{ ERROR_CALL_NOT_IMPLEMENTED,
	  "This function is not implemented, or a seccomp filter refuses its system "
	  "call (ports need ioctl)." },
	{ ERROR_SEM_TIMEOUT, "The operation timed out." },
	{ ERROR_INSUFFICIENT_BUFFER, "The buffer is too small." },
	{ ERROR_MOD_NOT_FOUND,
	  "There is no such module (libraries of Linux: see dlopen)." },
	{ ERROR_PROC_NOT_FOUND, "sockiocp does not have this function." },
	{ ERROR_NEGATIVE_SEEK, "The position is before the start of the file." },
	{ ERROR_BAD_ARGUMENTS, "An argument is incorrect." },
	{ ERROR_BUSY, "The resource is in use." },
	{ ERROR_ALREADY_EXISTS, "It exists already." },
	{ ERROR_INVALID_ORDINAL, "No function has a number here: ask for its name." },
	{ ERROR_ENVVAR_NOT_FOUND, "There is no such environment variable." },
	{ ERROR_FILENAME_EXCED_RANGE, "The name is too long." },
	{ ERROR_FILE_TOO_LARGE, "The file is too large." },
	{ ERROR_NO_DATA, "The other end of the pipe is closed." },
	{ WAIT_IO_COMPLETION, "The wait was ended by a completion routine." },
	{ ERROR_MORE_DATA, "More data is available." },
	{ ERROR_NO_MORE_ITEMS, "There are no more of them." },
	{ WAIT_TIMEOUT, "The wait timed out." },
	{ ERROR_MR_MID_NOT_FOUND, "There is no text for this number." },
	{ ERROR_ABANDONED_WAIT_0,
	  "The completion port was closed while it was waited on." },
	{ ERROR_OPERATION_ABORTED, "The operation was aborted." },
	{ ERROR_IO_PENDING, "The operation is in progress." },
	{ ERROR_NOACCESS, "An address cannot be read or written." },
	{ ERROR_INVALID_FLAGS, "The flags are incorrect." },
	{ ERROR_NO_UNICODE_TRANSLATION, "The text is no valid UTF-8 or UTF-32." },
	{ ERROR_IO_DEVICE, "Reading or writing failed in the device." },
	{ ERROR_OLD_WIN_VERSION, "The version of Windows is another one." },
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
	{ ERROR_CANT_RESOLVE_FILENAME, "The name leads through too many symbolic links." },
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
	{ WSAENETDOWN, "The network is down, or the sockiocp module is not loaded." },
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
	{ WSATYPE_NOT_FOUND, "There is no such service." },
	{ WSAHOST_NOT_FOUND, "There is no such host." },
	{ WSATRY_AGAIN, "Nobody who knows the host has answered." },
	{ WSANO_RECOVERY, "The name could not be looked up." },
	{ WSANO_DATA, "The host has no address of this kind." },
};

/* Returns the text of a code without the end of the line, or NULL. */
static const char *message_text(DWORD flags, DWORD code)
{
	size_t i;

	if ((flags & FORMAT_MESSAGE_FROM_STRING) ||
	    !(flags & (FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_FROM_HMODULE))) {
		SetLastError(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	if (!(flags & FORMAT_MESSAGE_FROM_SYSTEM)) {
		SetLastError(ERROR_RESOURCE_TYPE_NOT_FOUND);
		return NULL;
	}
	/* Of a file of the program's, or of the device: nobody knows any more. */
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
	/* For LocalFree(). */
	allocated = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, count * width);
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
 *	takes the place of the line break).  Other widths are ignored, and so is
 *	FORMAT_MESSAGE_FROM_HMODULE beside the system: no module has texts.
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
 *   ERROR_INVALID_PARAMETER	no source of texts is asked for, or a string of the
 *				caller's, or there is no buffer
 *   ERROR_RESOURCE_TYPE_NOT_FOUND	a module's texts alone are asked for
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
