/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The basic Win32 types, and the macros that every other header here needs.
 */
#ifndef _SOCKIOCP_WINDEF_H
#define _SOCKIOCP_WINDEF_H

#include "basetsd.h"
#include "sal.h"

#define WINAPI
#define WINAPIV
#define WSAAPI
#define APIENTRY
#define CALLBACK
#define NTAPI
#define PASCAL
#define FAR
#define NEAR
#define WINBASEAPI
#define WINSOCK_API_LINKAGE
#define DECLSPEC_IMPORT
#define DECLSPEC_NORETURN	__attribute__((__noreturn__))
#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif
#define FORCEINLINE		__inline__ __attribute__((__always_inline__))
#define CONST			const

#ifndef VOID
#define VOID			void
#endif
#ifndef FALSE
#define FALSE			0
#endif
#ifndef TRUE
#define TRUE			1
#endif

typedef char CHAR, *PCHAR, *LPCH, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
/* As wide as L"" is with this compiler: 32 bits, where Windows has 16. */
typedef wchar_t WCHAR, *PWCHAR, *LPWCH, *PWSTR, *LPWSTR;
typedef const wchar_t *PCWSTR, *LPCWSTR;

typedef unsigned char BYTE, *PBYTE, *LPBYTE;
typedef unsigned char UCHAR, *PUCHAR;
typedef short SHORT, *PSHORT;
typedef unsigned short USHORT, *PUSHORT;
typedef unsigned short WORD, *PWORD, *LPWORD;
typedef int INT, *PINT, *LPINT;
typedef unsigned int UINT, *PUINT;
typedef int LONG, *PLONG, *LPLONG;
typedef unsigned int ULONG, *PULONG;
typedef unsigned int DWORD, *PDWORD, *LPDWORD;
typedef long long LONGLONG, *PLONGLONG;
typedef unsigned long long ULONGLONG, *PULONGLONG;
typedef ULONGLONG DWORDLONG, *PDWORDLONG;
typedef float FLOAT;
typedef int BOOL, *PBOOL, *LPBOOL;
typedef BYTE BOOLEAN, *PBOOLEAN;

typedef void *PVOID, *LPVOID;
typedef const void *PCVOID, *LPCVOID;
typedef void *HANDLE, **PHANDLE, **LPHANDLE;
typedef HANDLE HLOCAL;
typedef HANDLE HMODULE, HINSTANCE;

#define MAKEWORD(low, high) \
	((WORD)(((BYTE)((DWORD_PTR)(low) & 0xff)) | \
		((WORD)((BYTE)((DWORD_PTR)(high) & 0xff))) << 8))
#define MAKELONG(low, high) \
	((LONG)(((WORD)((DWORD_PTR)(low) & 0xffff)) | \
		((DWORD)((WORD)((DWORD_PTR)(high) & 0xffff))) << 16))
#define LOWORD(value)	((WORD)((DWORD_PTR)(value) & 0xffff))
#define HIWORD(value)	((WORD)(((DWORD_PTR)(value) >> 16) & 0xffff))
#define LOBYTE(value)	((BYTE)((DWORD_PTR)(value) & 0xff))
#define HIBYTE(value)	((BYTE)(((DWORD_PTR)(value) >> 8) & 0xff))

#define RTL_NUMBER_OF(array)	(sizeof(array) / sizeof((array)[0]))
#define ARRAYSIZE(array)	RTL_NUMBER_OF(array)

#define UNREFERENCED_PARAMETER(parameter)	((void)(parameter))

#endif /* _SOCKIOCP_WINDEF_H */
