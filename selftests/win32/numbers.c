// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Numbers, pointers and handles are made of each other as on 64-bit Windows; versions are
 * compared, random numbers made.
 */
#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <bcrypt.h>

#include <string.h>

#define PROGRAM	"numbers"
#include "tap.h"

static void signed_numbers_keep_their_sign(void)
{
	EXPECT(LongToHandle(-1) == INVALID_HANDLE_VALUE);
	EXPECT(LongToPtr(-2) == (void *)(LONG_PTR)-2);
	EXPECT(IntToPtr(-3) == (void *)(LONG_PTR)-3);
	EXPECT_EQ(-1, HandleToLong(INVALID_HANDLE_VALUE));
	EXPECT_EQ(-2, PtrToLong(LongToPtr(-2)));
	EXPECT_EQ(-3, PtrToInt(IntToPtr(-3)));
	EXPECT_EQ(-4, PtrToShort(IntToPtr(-4)));
}

static void others_have_none(void)
{
	EXPECT(ULongToHandle(MAXDWORD) == (HANDLE)(ULONG_PTR)MAXDWORD);
	EXPECT(UlongToHandle(MAXDWORD) != INVALID_HANDLE_VALUE);
	EXPECT(UlongToPtr(MAXDWORD) == ULongToPtr(MAXDWORD));
	EXPECT(UintToPtr(7) == UIntToPtr(7));
	EXPECT_EQ(MAXDWORD, HandleToUlong(INVALID_HANDLE_VALUE));
	EXPECT_EQ(MAXDWORD, HandleToULong(INVALID_HANDLE_VALUE));
	EXPECT_EQ(MAXDWORD, PtrToUlong(IntToPtr(-1)));
	EXPECT_EQ(MAXUINT, PtrToUint(IntToPtr(-1)));
	EXPECT_EQ(MAXWORD, PtrToUshort(IntToPtr(-1)));
}

static void limits_are_those_of_64_bits(void)
{
	EXPECT_EQ(8, sizeof(ULONG_PTR));
	EXPECT_EQ(-1, (LONG_PTR)MAXULONG_PTR);
	EXPECT(MAXLONG_PTR == MAXINT64 && MINLONG_PTR == MININT64);
	EXPECT(MAXINT == MAXLONG && (UINT)MININT == MINLONG);
}

static void words_are_taken_apart_and_joined(void)
{
	EXPECT_EQ(0x0202, MAKEWORD(2, 2));
	EXPECT_EQ(0x12345678, MAKELONG(0x5678, 0x1234));
	EXPECT_EQ(0x5678, LOWORD(0x12345678));
	EXPECT_EQ(0x1234, HIWORD(0x12345678));
	EXPECT_EQ(0x78, LOBYTE(0x5678));
	EXPECT_EQ(0x56, HIBYTE(0x5678));
}

static void results_are_made_of_errors(void)
{
	HRESULT result = HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED);

	EXPECT(result == E_ACCESSDENIED && FAILED(result) && IS_ERROR(result));
	EXPECT_EQ(ERROR_ACCESS_DENIED, HRESULT_CODE(result));
	EXPECT_EQ(FACILITY_WIN32, HRESULT_FACILITY(result));
	EXPECT(MAKE_HRESULT(SEVERITY_ERROR, FACILITY_WIN32, ERROR_OUTOFMEMORY) == E_OUTOFMEMORY);
	EXPECT(SUCCEEDED(HRESULT_FROM_WIN32(ERROR_SUCCESS)));
}

static void states_are_signed(void)
{
	NTSTATUS status = STATUS_CANCELLED;

	EXPECT(STATUS_CANCELLED < 0 && STATUS_SUCCESS == 0 && STATUS_PENDING > 0);
	EXPECT(status == STATUS_CANCELLED && STATUS_INVALID_HANDLE < 0);
}

static BOOL system_is(DWORD major, DWORD minor, BYTE condition)
{
	OSVERSIONINFOEXW version;
	ULONGLONG mask = 0;

	ZeroMemory(&version, sizeof(version));
	version.dwOSVersionInfoSize = sizeof(version);
	version.dwMajorVersion = major;
	version.dwMinorVersion = minor;
	VER_SET_CONDITION(mask, VER_MAJORVERSION, condition);
	VER_SET_CONDITION(mask, VER_MINORVERSION, condition);
	return VerifyVersionInfoW(&version, VER_MAJORVERSION | VER_MINORVERSION, mask);
}

static void versions_are_compared_as_a_whole(void)
{
	EXPECT(system_is(6, 0, VER_GREATER_EQUAL));
	EXPECT(system_is(5, 9, VER_GREATER));
	EXPECT(system_is(99, 0, VER_LESS));
	EXPECT_ERROR(ERROR_OLD_WIN_VERSION, system_is(99, 0, VER_GREATER_EQUAL));
	EXPECT_ERROR(ERROR_OLD_WIN_VERSION, system_is(6, 0, VER_LESS_EQUAL));
	EXPECT_ERROR(ERROR_OLD_WIN_VERSION, system_is(5, 1, VER_EQUAL));
	EXPECT_ERROR(ERROR_BAD_ARGUMENTS, system_is(6, 0, 0));
}

static void random_numbers_differ(void)
{
	UCHAR one[16] = { 0 }, other[16] = { 0 };

	EXPECT_EQ(STATUS_SUCCESS, BCryptGenRandom(NULL, one, sizeof(one),
						  BCRYPT_USE_SYSTEM_PREFERRED_RNG));
	EXPECT_EQ(STATUS_SUCCESS, BCryptGenRandom(NULL, other, sizeof(other),
						  BCRYPT_USE_SYSTEM_PREFERRED_RNG));
	EXPECT(memcmp(one, other, sizeof(one)));
	EXPECT(BCryptGenRandom(NULL, one, sizeof(one), 0) == STATUS_INVALID_HANDLE);
	EXPECT(BCryptGenRandom(NULL, NULL, 1, BCRYPT_USE_SYSTEM_PREFERRED_RNG) ==
	       STATUS_INVALID_PARAMETER);
}

int main(void)
{
	RUN(signed_numbers_keep_their_sign);
	RUN(others_have_none);
	RUN(limits_are_those_of_64_bits);
	RUN(words_are_taken_apart_and_joined);
	RUN(results_are_made_of_errors);
	RUN(states_are_signed);
	RUN(versions_are_compared_as_a_whole);
	RUN(random_numbers_differ);
	return tap_end();
}
