/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Win32 integer types of a fixed size, and those of a pointer's size.
 *
 * Types have the sizes they have on 64-bit Windows, so LONG, ULONG and DWORD
 * are 32 bits wide although Linux' long has 64.
 */
#ifndef _SOCKIOCP_BASETSD_H
#define _SOCKIOCP_BASETSD_H

#include <stddef.h>
#include <stdint.h>

#ifndef __LP64__
#error "sockiocp's Win32 headers are for 64-bit programs only"
#endif

typedef int8_t INT8, *PINT8;
typedef int16_t INT16, *PINT16;
typedef int32_t INT32, *PINT32;
typedef int64_t INT64, *PINT64;
typedef uint8_t UINT8, *PUINT8;
typedef uint16_t UINT16, *PUINT16;
typedef uint32_t UINT32, *PUINT32;
typedef uint64_t UINT64, *PUINT64;

typedef int LONG32, *PLONG32;
typedef unsigned int ULONG32, *PULONG32;
typedef unsigned int DWORD32, *PDWORD32;
typedef long long LONG64, *PLONG64;
typedef unsigned long long ULONG64, *PULONG64;
typedef unsigned long long DWORD64, *PDWORD64;

typedef intptr_t INT_PTR, *PINT_PTR;
typedef uintptr_t UINT_PTR, *PUINT_PTR;
typedef intptr_t LONG_PTR, *PLONG_PTR;
typedef uintptr_t ULONG_PTR, *PULONG_PTR;
typedef ULONG_PTR DWORD_PTR, *PDWORD_PTR;
typedef ULONG_PTR SIZE_T, *PSIZE_T;
typedef LONG_PTR SSIZE_T, *PSSIZE_T;
typedef ULONG_PTR KAFFINITY, *PKAFFINITY;

#define MAXUINT8	((UINT8)~(UINT8)0)
#define MAXINT8	((INT8)(MAXUINT8 >> 1))
#define MININT8	((INT8)~MAXINT8)
#define MAXUINT16	((UINT16)~(UINT16)0)
#define MAXINT16	((INT16)(MAXUINT16 >> 1))
#define MININT16	((INT16)~MAXINT16)
#define MAXUINT32	((UINT32)~(UINT32)0)
#define MAXINT32	((INT32)(MAXUINT32 >> 1))
#define MININT32	((INT32)~MAXINT32)
#define MAXUINT64	((UINT64)~(UINT64)0)
#define MAXINT64	((INT64)(MAXUINT64 >> 1))
#define MININT64	((INT64)~MAXINT64)
#define MAXULONG32	(~(ULONG32)0)
#define MAXLONG32	((LONG32)(MAXULONG32 >> 1))
#define MINLONG32	(~MAXLONG32)
#define MAXULONG64	(~(ULONG64)0)
#define MAXLONG64	((LONG64)(MAXULONG64 >> 1))
#define MINLONG64	(~MAXLONG64)
#define MAXUINT_PTR	(~(UINT_PTR)0)
#define MAXINT_PTR	((INT_PTR)(MAXUINT_PTR >> 1))
#define MININT_PTR	(~MAXINT_PTR)
#define MAXULONG_PTR	(~(ULONG_PTR)0)
#define MAXLONG_PTR	((LONG_PTR)(MAXULONG_PTR >> 1))
#define MINLONG_PTR	(~MAXLONG_PTR)
#define MAXSIZE_T	(~(SIZE_T)0)
#define MAXSSIZE_T	((SSIZE_T)(MAXSIZE_T >> 1))
#define MINSSIZE_T	(~MAXSSIZE_T)
#define MAXDWORD32	(~(DWORD32)0)
#define MAXDWORD64	(~(DWORD64)0)

static __inline__ unsigned int HandleToULong(const void *handle)
{
	return (unsigned int)(ULONG_PTR)handle;
}

static __inline__ int HandleToLong(const void *handle)
{
	return (int)(LONG_PTR)handle;
}

static __inline__ unsigned int PtrToUlong(const void *pointer)
{
	return (unsigned int)(ULONG_PTR)pointer;
}

static __inline__ int PtrToLong(const void *pointer)
{
	return (int)(LONG_PTR)pointer;
}

static __inline__ unsigned int PtrToUint(const void *pointer)
{
	return (unsigned int)(UINT_PTR)pointer;
}

static __inline__ int PtrToInt(const void *pointer)
{
	return (int)(INT_PTR)pointer;
}

static __inline__ unsigned short PtrToUshort(const void *pointer)
{
	return (unsigned short)(ULONG_PTR)pointer;
}

static __inline__ short PtrToShort(const void *pointer)
{
	return (short)(LONG_PTR)pointer;
}

static __inline__ void *ULongToHandle(unsigned int value)
{
	return (void *)(ULONG_PTR)value;
}

static __inline__ void *LongToHandle(int value)
{
	return (void *)(LONG_PTR)value;
}

static __inline__ void *ULongToPtr(unsigned int value)
{
	return (void *)(ULONG_PTR)value;
}

static __inline__ void *LongToPtr(int value)
{
	return (void *)(LONG_PTR)value;
}

static __inline__ void *UIntToPtr(unsigned int value)
{
	return (void *)(UINT_PTR)value;
}

static __inline__ void *IntToPtr(int value)
{
	return (void *)(INT_PTR)value;
}

#define HandleToUlong(handle)	HandleToULong(handle)
#define UlongToHandle(value)	ULongToHandle(value)
#define UlongToPtr(value)	ULongToPtr(value)
#define UintToPtr(value)	UIntToPtr(value)

#endif /* _SOCKIOCP_BASETSD_H */
