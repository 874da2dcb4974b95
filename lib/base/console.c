// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The console, which is the terminal: what is said and read there, in UTF-8.
 *
 * A handle of a terminal that can only be read is of the console's input, and so is the one
 * of the standard input, which terminals open for both; any other one is of its output.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base.h"

/* What terminals do anyway. */
#define OUTPUT_MODE	(ENABLE_PROCESSED_OUTPUT | ENABLE_WRAP_AT_EOL_OUTPUT | \
			 ENABLE_VIRTUAL_TERMINAL_PROCESSING)
#define KNOWN_OUTPUT	(OUTPUT_MODE | DISABLE_NEWLINE_AUTO_RETURN | ENABLE_LVB_GRID_WORLDWIDE)
#define KNOWN_INPUT	0x3ff

static const struct {
	DWORD mode;
	tcflag_t flag;
} input_modes[] = {
	{ ENABLE_PROCESSED_INPUT, ISIG },
	{ ENABLE_LINE_INPUT, ICANON },
	{ ENABLE_ECHO_INPUT, ECHO },
};

/* Returns the descriptor of a terminal, or -1. */
static int console_fd(HANDLE handle)
{
	int fd = sockiocp_handle_fd(handle);

	return isatty(fd) ? fd : -1;
}

static bool is_input(HANDLE handle, int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY ||
	       handle == GetStdHandle(STD_INPUT_HANDLE);
}

/**
 * GetConsoleMode - what the terminal does with what is typed or written
 * @hConsoleHandle: a handle of a terminal
 * @lpMode: receives ENABLE_* flags: of the input whether Ctrl+C is a signal, whether lines
 *	are read, and whether they are echoed; of the output always the same
 *
 * Return: nonzero; FALSE if it is no terminal, and GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "GetConsoleMode function".
 */
BOOL WINAPI GetConsoleMode(HANDLE hConsoleHandle, LPDWORD lpMode)
{
	int fd = console_fd(hConsoleHandle);
	struct termios termios;
	DWORD mode = 0;
	size_t i;

	if (fd < 0 || tcgetattr(fd, &termios))
		return sockiocp_fail(EBADF);
	for (i = 0; i < ARRAY_LEN(input_modes); i++)
		if (termios.c_lflag & input_modes[i].flag)
			mode |= input_modes[i].mode;
	*lpMode = is_input(hConsoleHandle, fd) ? mode : OUTPUT_MODE;
	return TRUE;
}

/**
 * SetConsoleMode - say what the terminal is to do
 * @hConsoleHandle: a handle of a terminal
 * @dwMode: as in GetConsoleMode(); Windows' other flags are ignored, as the terminal decides
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	no terminal
 *   ERROR_INVALID_PARAMETER	an unknown flag, or echo without lines
 *
 * Windows: "SetConsoleMode function".
 */
BOOL WINAPI SetConsoleMode(HANDLE hConsoleHandle, DWORD dwMode)
{
	int fd = console_fd(hConsoleHandle);
	struct termios termios;
	size_t i;

	if (fd < 0 || tcgetattr(fd, &termios))
		return sockiocp_fail(EBADF);
	if (!is_input(hConsoleHandle, fd))
		return dwMode & ~KNOWN_OUTPUT ? sockiocp_fail(EINVAL) : TRUE;
	if ((dwMode & ~KNOWN_INPUT) ||
	    ((dwMode & ENABLE_ECHO_INPUT) && !(dwMode & ENABLE_LINE_INPUT)))
		return sockiocp_fail(EINVAL);
	for (i = 0; i < ARRAY_LEN(input_modes); i++) {
		if (dwMode & input_modes[i].mode)
			termios.c_lflag |= input_modes[i].flag;
		else
			termios.c_lflag &= ~input_modes[i].flag;
	}
	return tcsetattr(fd, TCSANOW, &termios) ? sockiocp_fail(errno) : TRUE;
}

static bool write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
	return true;
}

/**
 * WriteConsoleA - write to the terminal
 * @hConsoleOutput: a handle of a terminal; what is no terminal takes WriteFile()
 * @lpBuffer: the text
 * @nNumberOfCharsToWrite: its length in bytes
 * @lpNumberOfCharsWritten: receives the same; may be NULL
 * @lpReserved: NULL
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	no terminal, or it cannot be written to
 *
 * Windows: "WriteConsole function".
 */
BOOL WINAPI WriteConsoleA(HANDLE hConsoleOutput, const VOID *lpBuffer,
			  DWORD nNumberOfCharsToWrite, LPDWORD lpNumberOfCharsWritten,
			  LPVOID lpReserved)
{
	int fd = console_fd(hConsoleOutput);

	(void)lpReserved;
	if (lpNumberOfCharsWritten)
		*lpNumberOfCharsWritten = 0;
	if (fd < 0)
		return sockiocp_fail(EBADF);
	if (!write_all(fd, lpBuffer, nNumberOfCharsToWrite))
		return sockiocp_fail(errno);
	if (lpNumberOfCharsWritten)
		*lpNumberOfCharsWritten = nNumberOfCharsToWrite;
	return TRUE;
}

/**
 * WriteConsoleW - the same, in wide characters
 * @hConsoleOutput: as for WriteConsoleA()
 * @lpBuffer: the text
 * @nNumberOfCharsToWrite: its length in characters
 * @lpNumberOfCharsWritten: receives the same; may be NULL
 * @lpReserved: NULL
 *
 * Return: as WriteConsoleA(), or ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "WriteConsole function".
 */
BOOL WINAPI WriteConsoleW(HANDLE hConsoleOutput, const VOID *lpBuffer,
			  DWORD nNumberOfCharsToWrite, LPDWORD lpNumberOfCharsWritten,
			  LPVOID lpReserved)
{
	const WCHAR *from = lpBuffer, *end = from + nNumberOfCharsToWrite;
	char *utf8 = malloc((size_t)nNumberOfCharsToWrite * UTF8_MAX + 1);
	char *to = utf8;
	bool valid, ok;
	DWORD bytes;

	if (lpNumberOfCharsWritten)
		*lpNumberOfCharsWritten = 0;
	if (!utf8)
		return sockiocp_fail(ENOMEM);
	while (from != end)
		to += sockiocp_utf8_put(to, sockiocp_wide_get(&from, end, &valid));
	ok = WriteConsoleA(hConsoleOutput, utf8, (DWORD)(to - utf8), &bytes, lpReserved);
	free(utf8);
	if (ok && lpNumberOfCharsWritten)
		*lpNumberOfCharsWritten = nNumberOfCharsToWrite;
	return ok;
}

/* How many bytes of a character are missing behind the last of these. */
static size_t missing(const char *text, size_t length)
{
	size_t back, whole;

	for (back = 1; back <= length && back < UTF8_MAX; back++) {
		unsigned char c = (unsigned char)text[length - back];

		if ((c & 0xc0) == 0x80)
			continue;
		whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return whole > back ? whole - back : 0;
	}
	return 0;
}

/*
 * Reads a line of at most @size bytes, and the rest of the last character, for which there
 * is room behind them.  The end of a line is CR LF, as Windows' consoles have it, if there
 * is room for both.  Returns the length, or -1 with errno set.
 */
static ssize_t read_line(int fd, char *to, size_t size, bool whole_characters)
{
	ssize_t length, more;

	do {
		length = read(fd, to, size > 1 ? size - 1 : size);
	} while (length < 0 && errno == EINTR);
	while (length > 0 && whole_characters) {
		size_t rest = missing(to, (size_t)length);

		more = rest ? read(fd, to + length, rest) : 0;
		if (more <= 0)
			break;
		length += more;
	}
	if (length > 0 && size > 1 && to[length - 1] == '\n') {
		to[length - 1] = '\r';
		to[length++] = '\n';
	}
	return length;
}

/**
 * ReadConsoleA - read what was typed
 * @hConsoleInput: a handle of a terminal; what is no terminal takes ReadFile()
 * @lpBuffer: receives it: a line, or as much of it as there is room for.  It ends with CR LF
 * @nNumberOfCharsToRead: size of the buffer in bytes
 * @lpNumberOfCharsRead: receives how many there are; 0 at the end (Ctrl+D)
 * @pInputControl: ignored
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	no terminal
 *
 * Windows: "ReadConsole function".
 */
BOOL WINAPI ReadConsoleA(HANDLE hConsoleInput, LPVOID lpBuffer, DWORD nNumberOfCharsToRead,
			 LPDWORD lpNumberOfCharsRead, LPVOID pInputControl)
{
	int fd = console_fd(hConsoleInput);
	ssize_t length = 0;

	(void)pInputControl;
	*lpNumberOfCharsRead = 0;
	if (fd < 0)
		return sockiocp_fail(EBADF);
	if (nNumberOfCharsToRead)
		length = read_line(fd, lpBuffer, nNumberOfCharsToRead, false);
	if (length < 0)
		return sockiocp_fail(errno);
	*lpNumberOfCharsRead = (DWORD)length;
	return TRUE;
}

/**
 * ReadConsoleW - the same, in wide characters
 * @hConsoleInput: as for ReadConsoleA()
 * @lpBuffer: receives the text
 * @nNumberOfCharsToRead: size of the buffer in characters
 * @lpNumberOfCharsRead: receives how many there are
 * @pInputControl: ignored
 *
 * Return: as ReadConsoleA(), or ERROR_NOT_ENOUGH_MEMORY.
 *
 * Windows: "ReadConsole function".
 */
BOOL WINAPI ReadConsoleW(HANDLE hConsoleInput, LPVOID lpBuffer, DWORD nNumberOfCharsToRead,
			 LPDWORD lpNumberOfCharsRead, LPVOID pInputControl)
{
	int fd = console_fd(hConsoleInput);
	const char *from, *end;
	WCHAR *to = lpBuffer;
	ssize_t length = 0;
	char *text;
	bool valid;

	(void)pInputControl;
	*lpNumberOfCharsRead = 0;
	if (fd < 0)
		return sockiocp_fail(EBADF);
	text = malloc((size_t)nNumberOfCharsToRead + UTF8_MAX);
	if (!text)
		return sockiocp_fail(ENOMEM);
	if (nNumberOfCharsToRead)
		length = read_line(fd, text, nNumberOfCharsToRead, true);
	if (length < 0) {
		free(text);
		return sockiocp_fail(errno);
	}
	for (from = text, end = text + length; from != end; )
		*to++ = (WCHAR)sockiocp_utf8_get(&from, end, &valid);
	free(text);
	*lpNumberOfCharsRead = (DWORD)(to - (WCHAR *)lpBuffer);
	return TRUE;
}

/**
 * SetConsoleTitleA - have the terminal show a title
 * @lpConsoleTitle: the title, which is written as an escape sequence
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	the standard output is no terminal
 *   ERROR_NOT_ENOUGH_MEMORY	no memory
 *
 * Windows: "SetConsoleTitle function".
 */
BOOL WINAPI SetConsoleTitleA(LPCSTR lpConsoleTitle)
{
	char *sequence;
	int length;

	if (!isatty(STDOUT_FILENO))
		return sockiocp_fail(EBADF);
	length = asprintf(&sequence, "\033]0;%s\007", lpConsoleTitle);
	if (length < 0)
		return sockiocp_fail(ENOMEM);
	write_all(STDOUT_FILENO, sequence, (size_t)length);
	free(sequence);
	return TRUE;
}

/**
 * SetConsoleTitleW - the same, in wide characters
 * @lpConsoleTitle: the title
 *
 * Return: as SetConsoleTitleA().
 *
 * Windows: "SetConsoleTitle function".
 */
BOOL WINAPI SetConsoleTitleW(LPCWSTR lpConsoleTitle)
{
	char *utf8 = sockiocp_to_utf8(lpConsoleTitle);
	BOOL done;

	if (!utf8)
		return sockiocp_fail(ENOMEM);
	done = SetConsoleTitleA(utf8);
	free(utf8);
	return done;
}

/**
 * GetConsoleCP - the encoding of what is read
 *
 * Return: CP_UTF8.
 *
 * Windows: "GetConsoleCP function".
 */
UINT WINAPI GetConsoleCP(void)
{
	return CP_UTF8;
}

/**
 * GetConsoleOutputCP - the encoding of what is written
 *
 * Return: CP_UTF8.
 *
 * Windows: "GetConsoleOutputCP function".
 */
UINT WINAPI GetConsoleOutputCP(void)
{
	return CP_UTF8;
}

/**
 * SetConsoleCP - say what the encoding of what is read is
 * @wCodePageID: CP_UTF8
 *
 * Return: nonzero; FALSE for another one, and GetLastError() says ERROR_INVALID_PARAMETER.
 *
 * Windows: "SetConsoleCP function".
 */
BOOL WINAPI SetConsoleCP(UINT wCodePageID)
{
	return wCodePageID == CP_UTF8 ? TRUE : sockiocp_fail(EINVAL);
}

/**
 * SetConsoleOutputCP - say what the encoding of what is written is
 * @wCodePageID: CP_UTF8
 *
 * Return: as SetConsoleCP().
 *
 * Windows: "SetConsoleOutputCP function".
 */
BOOL WINAPI SetConsoleOutputCP(UINT wCodePageID)
{
	return wCodePageID == CP_UTF8 ? TRUE : sockiocp_fail(EINVAL);
}
