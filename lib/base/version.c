// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The version of Windows that programs are told: the first that has all of what is here,
 * Windows Server 2022.
 */
#include <string.h>

#include "internal.h"

#define MAJOR		10
#define MINOR		0
#define BUILD		20348

#define CONDITION_BITS	3
#define CONDITION_MASK	7

static const struct {
	DWORD type;
	DWORD value;
} system_has[] = {
	/* The version itself, the most significant part first. */
	{ VER_MAJORVERSION, MAJOR },
	{ VER_MINORVERSION, MINOR },
	{ VER_SERVICEPACKMAJOR, 0 },
	{ VER_SERVICEPACKMINOR, 0 },
	{ VER_BUILDNUMBER, BUILD },
	{ VER_PLATFORMID, VER_PLATFORM_WIN32_NT },
	{ VER_SUITENAME, 0 },
	{ VER_PRODUCT_TYPE, VER_NT_SERVER },
};

#define VERSION_PARTS	4

static unsigned int shift_of(DWORD type)
{
	return (unsigned int)__builtin_ctz(type) * CONDITION_BITS;
}

/**
 * VerSetConditionMask - say how a part of the version is to be compared
 * @ConditionMask: what was said before; 0 at first
 * @TypeMask: VER_MAJORVERSION and the like; the highest bit counts
 * @Condition: VER_EQUAL and the like, or for VER_SUITENAME VER_AND or VER_OR
 *
 * Return: what VerifyVersionInfo() is to be given.
 *
 * Windows: "VerSetConditionMask function (winnt.h)".
 */
ULONGLONG WINAPI VerSetConditionMask(ULONGLONG ConditionMask, DWORD TypeMask, BYTE Condition)
{
	TypeMask &= VER_PRODUCT_TYPE | (VER_PRODUCT_TYPE - 1);
	if (!TypeMask)
		return ConditionMask;
	TypeMask = 1u << (31 - __builtin_clz(TypeMask));
	return ConditionMask | (ULONGLONG)(Condition & CONDITION_MASK) << shift_of(TypeMask);
}

static DWORD value_in(const OSVERSIONINFOEXW *version, DWORD type)
{
	switch (type) {
	case VER_MAJORVERSION:
		return version->dwMajorVersion;
	case VER_MINORVERSION:
		return version->dwMinorVersion;
	case VER_SERVICEPACKMAJOR:
		return version->wServicePackMajor;
	case VER_SERVICEPACKMINOR:
		return version->wServicePackMinor;
	case VER_BUILDNUMBER:
		return version->dwBuildNumber;
	case VER_PLATFORMID:
		return version->dwPlatformId;
	case VER_SUITENAME:
		return version->wSuiteMask;
	default:
		return version->wProductType;
	}
}

static bool holds(DWORD ours, unsigned int condition, DWORD asked)
{
	switch (condition) {
	case VER_EQUAL:
		return ours == asked;
	case VER_GREATER:
		return ours > asked;
	case VER_GREATER_EQUAL:
		return ours >= asked;
	case VER_LESS:
		return ours < asked;
	case VER_LESS_EQUAL:
		return ours <= asked;
	case VER_AND:
		return (ours & asked) == asked;
	default:
		return !asked || (ours & asked);
	}
}

static unsigned int condition_of(ULONGLONG conditions, DWORD type)
{
	return (unsigned int)(conditions >> shift_of(type)) & CONDITION_MASK;
}

static DWORD verify(const OSVERSIONINFOEXW *version, DWORD types, ULONGLONG conditions)
{
	/* How ours compares with the version that is asked for: 0, 1 (the same) or 2. */
	DWORD order = 1;
	/* That of the most significant part holds for the version as a whole. */
	unsigned int of_version = 0;
	size_t i;

	if (!types)
		return ERROR_BAD_ARGUMENTS;
	for (i = 0; i < ARRAY_LEN(system_has); i++) {
		DWORD type = system_has[i].type, ours = system_has[i].value;
		unsigned int condition = condition_of(conditions, type);
		DWORD asked = value_in(version, type);

		if (!(types & type))
			continue;
		if (i < VERSION_PARTS && of_version)
			condition = of_version;
		if (!condition)
			return ERROR_BAD_ARGUMENTS;
		if (i >= VERSION_PARTS) {
			if (!holds(ours, condition, asked))
				return ERROR_OLD_WIN_VERSION;
			continue;
		}
		of_version = condition;
		if (order == 1)
			order = 1 + (ours > asked) - (ours < asked);
	}
	if (of_version && !holds(order, of_version, 1))
		return ERROR_OLD_WIN_VERSION;
	return ERROR_SUCCESS;
}

/**
 * VerifyVersionInfoW - is the system what a program asks for?
 * @lpVersionInformation: the version, of which some parts are looked at
 * @dwTypeMask: which: VER_MAJORVERSION and the like
 * @dwlConditionMask: what VerSetConditionMask() returned.  The condition of the most
 *	significant part is that of the whole version.
 *
 * The system is Windows Server 2022: 10.0, build 20348.
 *
 * Return: nonzero if it is; FALSE if it is not or the call fails, and GetLastError() says:
 *   ERROR_OLD_WIN_VERSION	it is not
 *   ERROR_BAD_ARGUMENTS	no part, or one without a condition
 *
 * Windows: "VerifyVersionInfoW function (winbase.h)".
 */
BOOL WINAPI VerifyVersionInfoW(LPOSVERSIONINFOEXW lpVersionInformation, DWORD dwTypeMask,
			       DWORDLONG dwlConditionMask)
{
	DWORD error = verify(lpVersionInformation, dwTypeMask, dwlConditionMask);

	if (!error)
		return TRUE;
	SetLastError(error);
	return FALSE;
}

/**
 * VerifyVersionInfoA - the same
 * @lpVersionInformation: as in VerifyVersionInfoW()
 * @dwTypeMask: as in VerifyVersionInfoW()
 * @dwlConditionMask: as in VerifyVersionInfoW()
 *
 * Return: as VerifyVersionInfoW().
 *
 * Windows: "VerifyVersionInfoA function (winbase.h)".
 */
BOOL WINAPI VerifyVersionInfoA(LPOSVERSIONINFOEXA lpVersionInformation, DWORD dwTypeMask,
			       DWORDLONG dwlConditionMask)
{
	OSVERSIONINFOEXW version = {
		.dwMajorVersion = lpVersionInformation->dwMajorVersion,
		.dwMinorVersion = lpVersionInformation->dwMinorVersion,
		.dwBuildNumber = lpVersionInformation->dwBuildNumber,
		.dwPlatformId = lpVersionInformation->dwPlatformId,
		.wServicePackMajor = lpVersionInformation->wServicePackMajor,
		.wServicePackMinor = lpVersionInformation->wServicePackMinor,
		.wSuiteMask = lpVersionInformation->wSuiteMask,
		.wProductType = lpVersionInformation->wProductType,
	};

	return VerifyVersionInfoW(&version, dwTypeMask, dwlConditionMask);
}

/**
 * GetVersionExW - which version of Windows this is like
 * @lpVersionInformation: an OSVERSIONINFOW or an OSVERSIONINFOEXW, which says its size; receives
 *	10.0, build 20348, and of the latter that it is a server's, whatever manifest a program
 *	of Windows would have
 *
 * Return: nonzero; FALSE for another size, and GetLastError() says ERROR_INSUFFICIENT_BUFFER.
 *
 * Windows: "GetVersionExW function (sysinfoapi.h)".
 */
BOOL WINAPI GetVersionExW(LPOSVERSIONINFOW lpVersionInformation)
{
	DWORD size = lpVersionInformation->dwOSVersionInfoSize;
	OSVERSIONINFOEXW version = {
		.dwOSVersionInfoSize = size,
		.dwMajorVersion = MAJOR,
		.dwMinorVersion = MINOR,
		.dwBuildNumber = BUILD,
		.dwPlatformId = VER_PLATFORM_WIN32_NT,
		.wProductType = VER_NT_SERVER,
	};

	if (size != sizeof(OSVERSIONINFOW) && size != sizeof(OSVERSIONINFOEXW)) {
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		return FALSE;
	}
	memcpy(lpVersionInformation, &version, size);
	return TRUE;
}

/**
 * GetVersionExA - the same
 * @lpVersionInformation: an OSVERSIONINFOA or an OSVERSIONINFOEXA
 *
 * Return: as GetVersionExW().
 *
 * Windows: "GetVersionExA function (sysinfoapi.h)".
 */
BOOL WINAPI GetVersionExA(LPOSVERSIONINFOA lpVersionInformation)
{
	DWORD size = lpVersionInformation->dwOSVersionInfoSize;
	OSVERSIONINFOEXA version = {
		.dwOSVersionInfoSize = size,
		.dwMajorVersion = MAJOR,
		.dwMinorVersion = MINOR,
		.dwBuildNumber = BUILD,
		.dwPlatformId = VER_PLATFORM_WIN32_NT,
		.wProductType = VER_NT_SERVER,
	};

	if (size != sizeof(OSVERSIONINFOA) && size != sizeof(OSVERSIONINFOEXA)) {
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		return FALSE;
	}
	memcpy(lpVersionInformation, &version, size);
	return TRUE;
}
