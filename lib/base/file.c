// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Files: opening and deleting them by name, where one reads, how long they are.  Reading and
 * writing: file_io.c.
 *
 * Names are Linux' own, in UTF-8, and a backslash in one is a slash.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

#define READS		(GENERIC_READ | GENERIC_ALL | FILE_READ_DATA)
#define WRITES		(GENERIC_WRITE | GENERIC_ALL | FILE_WRITE_DATA | FILE_APPEND_DATA)
#define NO_WRITE_BITS(mode)	(!((mode) & (S_IWUSR | S_IWGRP | S_IWOTH)))

/* What an errno value means to a function of files, if it means something else. */
DWORD sockiocp_file_error(int err)
{
	switch (err) {
	case EEXIST:
		return ERROR_FILE_EXISTS;
	case ENOTDIR:
		return ERROR_PATH_NOT_FOUND;
	case EISDIR:
	case ETXTBSY:
		return ERROR_ACCESS_DENIED;
	case EROFS:
		return ERROR_WRITE_PROTECT;
	case ENOSPC:
	case EDQUOT:
		return ERROR_DISK_FULL;
	case EFBIG:
		return ERROR_FILE_TOO_LARGE;
	case EIO:
		return ERROR_IO_DEVICE;
	case ENAMETOOLONG:
		return ERROR_FILENAME_EXCED_RANGE;
	case ELOOP:
		return ERROR_CANT_RESOLVE_FILENAME;
	case EPIPE:
		return ERROR_NO_DATA;
	default:
		return sockiocp_win32_error(err);
	}
}

static BOOL fail(int err)
{
	SetLastError(sockiocp_file_error(err));
	return FALSE;
}

/*
 * Returns what Linux calls a file, which the caller frees; NULL, and the last error says
 * why.
 */
static char *linux_name(const char *name)
{
	static const struct {
		const char *name, *path;
	} devices[] = {
		{ "NUL", "/dev/null" },
		{ "CON", "/dev/tty" },
		{ "CONIN$", "/dev/tty" },
		{ "CONOUT$", "/dev/tty" },
	};
	char *path, *p;
	size_t i;

	if (!name || !*name) {
		SetLastError(ERROR_PATH_NOT_FOUND);
		return NULL;
	}
	/* Pipes, devices, other machines. */
	if (!strncmp(name, "\\\\", 2)) {
		SetLastError(ERROR_NOT_SUPPORTED);
		return NULL;
	}
	for (i = 0; i < ARRAY_LEN(devices); i++)
		if (!strcasecmp(name, devices[i].name))
			name = devices[i].path;
	path = strdup(name);
	if (!path) {
		fail(ENOMEM);
		return NULL;
	}
	for (p = path; *p; p++)
		if (*p == '\\')
			*p = '/';
	return path;
}

/* Says of a file that is not there whether its directory is. */
static void say_what_is_missing(char *path)
{
	char *slash = strrchr(path, '/');
	struct stat st;

	SetLastError(ERROR_FILE_NOT_FOUND);
	if (!slash || slash == path)
		return;
	*slash = 0;
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		SetLastError(ERROR_PATH_NOT_FOUND);
	*slash = '/';
}

static void fail_with_name(int err, char *path)
{
	if (err == ENOENT)
		say_what_is_missing(path);
	else
		fail(err);
}

/* Returns what open(2) takes, or -1. */
static int open_flags(DWORD access, DWORD disposition, DWORD attributes)
{
	bool reads = access & READS, writes = access & WRITES;
	int flags = O_CLOEXEC | O_NOCTTY;

	if (writes)
		flags |= reads ? O_RDWR : O_WRONLY;
	else if (!reads && disposition == OPEN_EXISTING)
		flags |= O_PATH;
	if ((access & (WRITES & ~FILE_APPEND_DATA)) == 0 && (access & FILE_APPEND_DATA))
		flags |= O_APPEND;
	if (attributes & FILE_FLAG_WRITE_THROUGH)
		flags |= O_DSYNC;

	switch (disposition) {
	case CREATE_NEW:
	case CREATE_ALWAYS:
	case OPEN_ALWAYS:
		/* At first; see open_file(). */
		return flags | O_CREAT | O_EXCL;
	case OPEN_EXISTING:
		return flags;
	case TRUNCATE_EXISTING:
		return access & (GENERIC_WRITE | GENERIC_ALL | FILE_WRITE_DATA) ?
			flags | O_TRUNC : -1;
	default:
		return -1;
	}
}

/* Returns a descriptor, or -1 with errno set.  @existed: there was such a file already. */
static int open_file(const char *path, DWORD disposition, int flags, mode_t mode, bool *existed)
{
	int fd = open(path, flags, mode);

	*existed = false;
	if (fd >= 0 || errno != EEXIST || disposition == CREATE_NEW)
		return fd;
	*existed = true;
	flags &= ~O_EXCL;
	return open(path, disposition == CREATE_ALWAYS ? flags | O_TRUNC : flags, mode);
}

/* Opens directories only for who says that he knows. */
static int check_directory(int fd, DWORD attributes)
{
	struct stat st;

	if (fd < 0 || (attributes & FILE_FLAG_BACKUP_SEMANTICS) || fstat(fd, &st) ||
	    !S_ISDIR(st.st_mode))
		return fd;
	close(fd);
	errno = EISDIR;
	return -1;
}

/**
 * CreateFileA - open a file, or make one
 * @lpFileName: its name; a backslash is a slash.  "NUL", "CON", "CONIN$" and "CONOUT$" are
 *	/dev/null and the terminal
 * @dwDesiredAccess: GENERIC_READ, GENERIC_WRITE, GENERIC_ALL, or FILE_* bits; 0 for who
 *	only asks about the file
 * @dwShareMode: FILE_SHARE_* bits, which nobody enforces: others may open the file
 * @lpSecurityAttributes: ignored: the handle is not inherited
 * @dwCreationDisposition: CREATE_NEW, CREATE_ALWAYS, OPEN_EXISTING, OPEN_ALWAYS or
 *	TRUNCATE_EXISTING
 * @dwFlagsAndAttributes: FILE_ATTRIBUTE_READONLY: a new file cannot be written to by who
 *	opens it later; FILE_FLAG_WRITE_THROUGH; FILE_FLAG_BACKUP_SEMANTICS, for directories;
 *	FILE_FLAG_DELETE_ON_CLOSE: its name is gone at once; others are ignored, also
 *	FILE_FLAG_OVERLAPPED: files are read and written before the call returns
 * @hTemplateFile: ignored
 *
 * The caller owns the handle, which is a file descriptor, and passes it to CloseHandle().
 *
 * Return: the handle, and GetLastError() says ERROR_ALREADY_EXISTS if CREATE_ALWAYS or
 * OPEN_ALWAYS has found one, otherwise ERROR_SUCCESS; INVALID_HANDLE_VALUE if it fails, and
 * GetLastError() says why:
 *   ERROR_FILE_NOT_FOUND	no such file
 *   ERROR_PATH_NOT_FOUND	no such directory, or no name
 *   ERROR_FILE_EXISTS		CREATE_NEW, and there is one
 *   ERROR_ACCESS_DENIED	the user may not, or it is a directory
 *   ERROR_INVALID_PARAMETER	no such disposition or share mode, or TRUNCATE_EXISTING
 *				without GENERIC_WRITE
 *   ERROR_NOT_SUPPORTED	a name that begins with two backslashes
 *   ERROR_FILENAME_EXCED_RANGE, ERROR_WRITE_PROTECT, ERROR_DISK_FULL,
 *   ERROR_TOO_MANY_OPEN_FILES, ERROR_NOT_ENOUGH_MEMORY
 *
 * Windows: "CreateFileA function (fileapi.h)".
 */
HANDLE WINAPI CreateFileA(LPCSTR lpFileName, DWORD dwDesiredAccess, DWORD dwShareMode,
			  LPSECURITY_ATTRIBUTES lpSecurityAttributes,
			  DWORD dwCreationDisposition, DWORD dwFlagsAndAttributes,
			  HANDLE hTemplateFile)
{
	int flags = open_flags(dwDesiredAccess, dwCreationDisposition, dwFlagsAndAttributes);
	mode_t mode = dwFlagsAndAttributes & FILE_ATTRIBUTE_READONLY ? 0444 : 0666;
	bool existed;
	char *path;
	int fd;

	(void)lpSecurityAttributes;
	(void)hTemplateFile;
	path = linux_name(lpFileName);
	if (!path)
		return INVALID_HANDLE_VALUE;
	if (flags < 0 || (dwShareMode & ~(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE))) {
		free(path);
		fail(EINVAL);
		return INVALID_HANDLE_VALUE;
	}

	fd = open_file(path, dwCreationDisposition, flags, mode, &existed);
	fd = check_directory(sockiocp_fd_above_stdio(fd), dwFlagsAndAttributes);
	if (fd < 0) {
		fail_with_name(errno, path);
		free(path);
		return INVALID_HANDLE_VALUE;
	}
	if (dwFlagsAndAttributes & FILE_FLAG_DELETE_ON_CLOSE)
		unlink(path);
	free(path);
	SetLastError(existed ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
	return (HANDLE)(intptr_t)fd;
}

/* For functions with a name in wide characters.  The caller frees it. */
static char *narrow_name(LPCWSTR name)
{
	char *narrow = sockiocp_to_utf8(name ? name : L"");

	if (!narrow)
		fail(ENOMEM);
	return narrow;
}

/**
 * CreateFileW - the same, with a name in wide characters
 * @lpFileName: as in CreateFileA()
 * @dwDesiredAccess: as in CreateFileA()
 * @dwShareMode: as in CreateFileA()
 * @lpSecurityAttributes: ignored
 * @dwCreationDisposition: as in CreateFileA()
 * @dwFlagsAndAttributes: as in CreateFileA()
 * @hTemplateFile: ignored
 *
 * Return: as CreateFileA().
 *
 * Windows: "CreateFileW function (fileapi.h)".
 */
HANDLE WINAPI CreateFileW(LPCWSTR lpFileName, DWORD dwDesiredAccess, DWORD dwShareMode,
			  LPSECURITY_ATTRIBUTES lpSecurityAttributes,
			  DWORD dwCreationDisposition, DWORD dwFlagsAndAttributes,
			  HANDLE hTemplateFile)
{
	char *name = narrow_name(lpFileName);
	HANDLE file;

	if (!name)
		return INVALID_HANDLE_VALUE;
	file = CreateFileA(name, dwDesiredAccess, dwShareMode, lpSecurityAttributes,
			   dwCreationDisposition, dwFlagsAndAttributes, hTemplateFile);
	free(name);
	return file;
}

/**
 * DeleteFileA - delete a file
 * @lpFileName: its name; who has it open keeps it
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND
 *				no such file, no such directory
 *   ERROR_ACCESS_DENIED	the user may not, or it is a directory
 *
 * Windows: "DeleteFileA function (fileapi.h)".
 */
BOOL WINAPI DeleteFileA(LPCSTR lpFileName)
{
	char *path = linux_name(lpFileName);
	bool deleted;

	if (!path)
		return FALSE;
	deleted = !unlink(path);
	if (!deleted)
		fail_with_name(errno, path);
	free(path);
	return deleted;
}

/**
 * DeleteFileW - the same, with a name in wide characters
 * @lpFileName: its name
 *
 * Return: as DeleteFileA().
 *
 * Windows: "DeleteFileW function (fileapi.h)".
 */
BOOL WINAPI DeleteFileW(LPCWSTR lpFileName)
{
	char *name = narrow_name(lpFileName);
	BOOL deleted = name && DeleteFileA(name);

	free(name);
	return deleted;
}

/**
 * GetFileAttributesA - what kind of file a name is of
 * @lpFileName: the name; links are followed
 *
 * Return: FILE_ATTRIBUTE_DIRECTORY, or FILE_ATTRIBUTE_ARCHIVE of a file (DEVICE of what is
 * neither), with FILE_ATTRIBUTE_READONLY if nobody may write to it; INVALID_FILE_ATTRIBUTES
 * if it fails, and GetLastError() says why, as for DeleteFileA().
 *
 * Windows: "GetFileAttributesA function (fileapi.h)".
 */
DWORD WINAPI GetFileAttributesA(LPCSTR lpFileName)
{
	char *path = linux_name(lpFileName);
	DWORD attributes;
	struct stat st;

	if (!path)
		return INVALID_FILE_ATTRIBUTES;
	if (stat(path, &st)) {
		fail_with_name(errno, path);
		free(path);
		return INVALID_FILE_ATTRIBUTES;
	}
	free(path);
	attributes = S_ISDIR(st.st_mode) ? FILE_ATTRIBUTE_DIRECTORY :
		     S_ISREG(st.st_mode) ? FILE_ATTRIBUTE_ARCHIVE : FILE_ATTRIBUTE_DEVICE;
	return NO_WRITE_BITS(st.st_mode) ? attributes | FILE_ATTRIBUTE_READONLY : attributes;
}

/**
 * GetFileAttributesW - the same, with a name in wide characters
 * @lpFileName: the name
 *
 * Return: as GetFileAttributesA().
 *
 * Windows: "GetFileAttributesW function (fileapi.h)".
 */
DWORD WINAPI GetFileAttributesW(LPCWSTR lpFileName)
{
	char *name = narrow_name(lpFileName);
	DWORD attributes = name ? GetFileAttributesA(name) : INVALID_FILE_ATTRIBUTES;

	free(name);
	return attributes;
}

/*
 * Says what a handle is of.  Returns 0 or an errno value: EBADF for events, timers and
 * threads, which are no files to a program.
 */
int sockiocp_file_stat(HANDLE file, struct stat *st)
{
	const struct sockiocp_thread_file *thread;
	int fd = sockiocp_handle_fd(file);

	if (fstat(fd, st) || !(st->st_mode & S_IFMT))
		return EBADF;
	if (!S_ISREG(st->st_mode) || st->st_nlink || sockiocp_thread_file_map(fd, &thread))
		return 0;
	sockiocp_thread_file_unmap(thread);
	return EBADF;
}

/**
 * GetFileType - what a handle is of
 * @hFile: any handle
 *
 * Return: FILE_TYPE_DISK: a file or a directory; FILE_TYPE_CHAR: a terminal or another
 * device; FILE_TYPE_PIPE: a pipe or a socket; FILE_TYPE_UNKNOWN for others, and
 * GetLastError() says ERROR_INVALID_HANDLE.
 *
 * Windows: "GetFileType function (fileapi.h)".
 */
DWORD WINAPI GetFileType(HANDLE hFile)
{
	struct stat st;

	if (sockiocp_file_stat(hFile, &st)) {
		fail(EBADF);
		return FILE_TYPE_UNKNOWN;
	}
	if (S_ISCHR(st.st_mode))
		return FILE_TYPE_CHAR;
	return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ? FILE_TYPE_PIPE : FILE_TYPE_DISK;
}

/**
 * GetFileSizeEx - how long a file is
 * @hFile: the file
 * @lpFileSize: receives its length in bytes
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a file's handle
 *   ERROR_INVALID_FUNCTION	a device, a pipe or a socket
 *
 * Windows: "GetFileSizeEx function (fileapi.h)".
 */
BOOL WINAPI GetFileSizeEx(HANDLE hFile, PLARGE_INTEGER lpFileSize)
{
	struct stat st;

	if (sockiocp_file_stat(hFile, &st))
		return fail(EBADF);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		SetLastError(ERROR_INVALID_FUNCTION);
		return FALSE;
	}
	lpFileSize->QuadPart = st.st_size;
	return TRUE;
}

/**
 * GetFileSize - the same, in two halves
 * @hFile: the file
 * @lpFileSizeHigh: receives the upper half; may be NULL
 *
 * Return: the lower half, and the last error is ERROR_SUCCESS if that is
 * INVALID_FILE_SIZE; INVALID_FILE_SIZE if it fails, as GetFileSizeEx().
 *
 * Windows: "GetFileSize function (fileapi.h)".
 */
DWORD WINAPI GetFileSize(HANDLE hFile, LPDWORD lpFileSizeHigh)
{
	LARGE_INTEGER size;

	if (!GetFileSizeEx(hFile, &size))
		return INVALID_FILE_SIZE;
	if (lpFileSizeHigh)
		*lpFileSizeHigh = (DWORD)size.HighPart;
	if (size.LowPart == INVALID_FILE_SIZE)
		SetLastError(ERROR_SUCCESS);
	return size.LowPart;
}

/* Returns 0 or an error of Windows. */
static DWORD seek(HANDLE file, LONGLONG distance, DWORD method, LONGLONG *position)
{
	struct stat st;
	off_t now;

	if (method > FILE_END)
		return ERROR_INVALID_PARAMETER;
	if (sockiocp_file_stat(file, &st))
		return ERROR_INVALID_HANDLE;
	/* FILE_BEGIN, FILE_CURRENT and FILE_END have the numbers of SEEK_SET and so on. */
	now = lseek(sockiocp_handle_fd(file), distance, (int)method);
	*position = now;
	if (now >= 0)
		return 0;
	return errno == EINVAL ? ERROR_NEGATIVE_SEEK :
	       errno == ESPIPE ? ERROR_SEEK : sockiocp_file_error(errno);
}

/**
 * SetFilePointerEx - say where a file is read and written next
 * @hFile: the file
 * @liDistanceToMove: how many bytes from there
 * @lpNewFilePointer: receives the place, from the beginning; may be NULL
 * @dwMoveMethod: FILE_BEGIN, FILE_CURRENT or FILE_END
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a file's handle
 *   ERROR_INVALID_PARAMETER	no such method
 *   ERROR_NEGATIVE_SEEK	before the beginning
 *   ERROR_SEEK			a pipe or a socket
 *
 * Windows: "SetFilePointerEx function (fileapi.h)".
 */
BOOL WINAPI SetFilePointerEx(HANDLE hFile, LARGE_INTEGER liDistanceToMove,
			     PLARGE_INTEGER lpNewFilePointer, DWORD dwMoveMethod)
{
	LONGLONG position;
	DWORD error = seek(hFile, liDistanceToMove.QuadPart, dwMoveMethod, &position);

	if (error) {
		SetLastError(error);
		return FALSE;
	}
	if (lpNewFilePointer)
		lpNewFilePointer->QuadPart = position;
	return TRUE;
}

/**
 * SetFilePointer - the same, in two halves
 * @hFile: the file
 * @lDistanceToMove: the lower half of the distance; all of it, with its sign, if there is
 *	no upper half
 * @lpDistanceToMoveHigh: the upper half, and receives that of the place; or NULL
 * @dwMoveMethod: as for SetFilePointerEx()
 *
 * Return: the lower half of the place, and the last error is ERROR_SUCCESS if that is
 * INVALID_SET_FILE_POINTER; INVALID_SET_FILE_POINTER if it fails, as SetFilePointerEx(), or
 * with ERROR_INVALID_PARAMETER if the place needs an upper half: nothing has moved then.
 *
 * Windows: "SetFilePointer function (fileapi.h)".
 */
DWORD WINAPI SetFilePointer(HANDLE hFile, LONG lDistanceToMove, PLONG lpDistanceToMoveHigh,
			    DWORD dwMoveMethod)
{
	LONGLONG distance = lDistanceToMove, before = 0, position = 0;
	DWORD error;

	if (lpDistanceToMoveHigh)
		distance = (LONGLONG)((ULONGLONG)(DWORD)*lpDistanceToMoveHigh << 32 |
				      (DWORD)lDistanceToMove);
	error = seek(hFile, 0, FILE_CURRENT, &before);
	if (!error)
		error = seek(hFile, distance, dwMoveMethod, &position);
	if (!error && !lpDistanceToMoveHigh && position > 0xffffffffLL) {
		seek(hFile, before, FILE_BEGIN, &position);
		error = ERROR_INVALID_PARAMETER;
	}
	if (error) {
		SetLastError(error);
		return INVALID_SET_FILE_POINTER;
	}
	if (lpDistanceToMoveHigh)
		*lpDistanceToMoveHigh = (LONG)(position >> 32);
	if ((DWORD)position == INVALID_SET_FILE_POINTER)
		SetLastError(ERROR_SUCCESS);
	return (DWORD)position;
}

/* What is read only is no bad descriptor, and not a wrong parameter, either. */
static BOOL fail_to_write(HANDLE file, int err)
{
	int flags = fcntl(sockiocp_handle_fd(file), F_GETFL);

	if (flags >= 0 && ((flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY))
		err = EACCES;
	return fail(err);
}

/**
 * SetEndOfFile - have a file end where it would be read next
 * @hFile: the file, open for writing
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a file's handle
 *   ERROR_ACCESS_DENIED	not open for writing
 *   ERROR_SEEK			a pipe or a socket
 *   ERROR_DISK_FULL, ERROR_FILE_TOO_LARGE
 *
 * Windows: "SetEndOfFile function (fileapi.h)".
 */
BOOL WINAPI SetEndOfFile(HANDLE hFile)
{
	LONGLONG position;
	DWORD error = seek(hFile, 0, FILE_CURRENT, &position);

	if (error) {
		SetLastError(error);
		return FALSE;
	}
	return ftruncate(sockiocp_handle_fd(hFile), position) ? fail_to_write(hFile, errno) : TRUE;
}

/**
 * FlushFileBuffers - have what was written go to the disk
 * @hFile: the file, open for writing
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_HANDLE	not a file's handle, or a terminal's, a pipe's or a socket's
 *   ERROR_ACCESS_DENIED	not open for writing
 *   ERROR_IO_DEVICE, ERROR_DISK_FULL
 *
 * Windows: "FlushFileBuffers function (fileapi.h)".
 */
BOOL WINAPI FlushFileBuffers(HANDLE hFile)
{
	int fd = sockiocp_handle_fd(hFile);
	struct stat st;

	if (sockiocp_file_stat(hFile, &st))
		return fail(EBADF);
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return fail(EACCES);
	if (fsync(fd))
		return fail(errno == EINVAL ? EBADF : errno);
	return TRUE;
}
