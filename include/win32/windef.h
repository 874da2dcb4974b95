/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The basic Win32 types, and the macros that every other header here needs.
 *
 * As on Windows, libc's headers of strings, characters, limits and the rest come
 * along.  ULONG_MAX and LONG_MAX of <limits.h> are those of the compiler's long,
 * which has 64 bits here; MAXDWORD is what fits into a DWORD or a ULONG.
 */
#ifndef _SOCKIOCP_WINDEF_H
#define _SOCKIOCP_WINDEF_H

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <wchar.h>

#include "basetsd.h"
#include "sal.h"

/* What Microsoft's compiler has in front of declarations. */
#ifndef __declspec
#define __declspec(attribute)		__SOCKIOCP_DECLSPEC_##attribute
#endif
#define __SOCKIOCP_DECLSPEC_align(n)	__attribute__((__aligned__(n)))
#define __SOCKIOCP_DECLSPEC_allocator
#define __SOCKIOCP_DECLSPEC_deprecated	__attribute__((__deprecated__))
#define __SOCKIOCP_DECLSPEC_dllexport	__attribute__((__visibility__("default")))
#define __SOCKIOCP_DECLSPEC_dllimport
#define __SOCKIOCP_DECLSPEC_empty_bases
#define __SOCKIOCP_DECLSPEC_noalias
#define __SOCKIOCP_DECLSPEC_noinline	__attribute__((__noinline__))
#define __SOCKIOCP_DECLSPEC_noreturn	__attribute__((__noreturn__))
#define __SOCKIOCP_DECLSPEC_nothrow	__attribute__((__nothrow__))
#define __SOCKIOCP_DECLSPEC_novtable
#define __SOCKIOCP_DECLSPEC_restrict
#define __SOCKIOCP_DECLSPEC_selectany	__attribute__((__weak__))
/* GCC's __thread has to be behind "static". */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define __SOCKIOCP_DECLSPEC_thread	thread_local
#elif !defined(__cplusplus)
#define __SOCKIOCP_DECLSPEC_thread	_Thread_local
#else
#define __SOCKIOCP_DECLSPEC_thread	__thread
#endif
#define __SOCKIOCP_DECLSPEC_uuid(text)

/* Exceptions of the system.  libstdc++ has a __try of its own. */
#define __SOCKIOCP_NO_EXCEPTIONS \
	_Pragma("GCC error \"sockiocp has no __try, __except and __finally; use signals, or exceptions of C++\"")
#ifndef __cplusplus
#define __try			__SOCKIOCP_NO_EXCEPTIONS
#endif
#define __except(filter)	__SOCKIOCP_NO_EXCEPTIONS
#define __finally		__SOCKIOCP_NO_EXCEPTIONS

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
#define DECLSPEC_ALIGN(n)	__attribute__((__aligned__(n)))
#define DECLSPEC_NOINLINE	__attribute__((__noinline__))
#define STDAPICALLTYPE
#define STDMETHODCALLTYPE
#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __fastcall
#define __fastcall
#endif
#ifndef __vectorcall
#define __vectorcall
#endif
#ifndef _cdecl
#define _cdecl
#endif
#ifndef _stdcall
#define _stdcall
#endif
#ifndef __forceinline
#define __forceinline		__inline__ __attribute__((__always_inline__))
#endif
#ifndef __int64
#define __int8			char
#define __int16			short
#define __int32			int
#define __int64			long long
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

typedef char CHAR, *PCHAR, *PCH, *LPCH, *PSTR, *LPSTR, *PSZ;
typedef const char *PCCH, *LPCCH, *PCSTR, *LPCSTR;
/* As wide as L"" is with this compiler: 32 bits, where Windows has 16. */
typedef wchar_t WCHAR, *PWCHAR, *PWCH, *LPWCH, *PWSTR, *LPWSTR;
typedef const wchar_t *PCWCH, *LPCWCH, *PCWSTR, *LPCWSTR;

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
typedef float FLOAT, *PFLOAT;
typedef int BOOL, *PBOOL, *LPBOOL;
typedef BYTE BOOLEAN, *PBOOLEAN;
typedef char CCHAR;
typedef double DOUBLE;
typedef WORD ATOM, LANGID;
typedef DWORD LCID, *PLCID;
typedef LONG HRESULT, SCODE;
typedef UINT_PTR WPARAM;
typedef LONG_PTR LPARAM, LRESULT;

typedef void *PVOID, *LPVOID;
typedef const void *PCVOID, *LPCVOID;
typedef void *HANDLE, **PHANDLE, **LPHANDLE;
typedef HANDLE HLOCAL, HGLOBAL;
typedef HANDLE HMODULE, HINSTANCE, HRSRC;
typedef HANDLE HWND, HKEY, *PHKEY;
typedef int HFILE;
typedef INT_PTR (WINAPI *FARPROC)(void);

typedef struct _FILETIME {
	DWORD dwLowDateTime;
	DWORD dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

typedef struct tagPOINT {
	LONG x;
	LONG y;
} POINT, *PPOINT, *LPPOINT;

#define MAX_PATH	260

/* In C++ there are std::min and std::max. */
#if defined(_WIN32) && !defined(NOMINMAX) && !defined(__cplusplus)
#ifndef min
#define min(one, other)	(((one) < (other)) ? (one) : (other))
#endif
#ifndef max
#define max(one, other)	(((one) > (other)) ? (one) : (other))
#endif
#endif

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

#define RTL_NUMBER_OF_V1(array)	(sizeof(array) / sizeof((array)[0]))
#define RTL_NUMBER_OF_V2(array)	RTL_NUMBER_OF_V1(array)
#define RTL_NUMBER_OF(array)	RTL_NUMBER_OF_V1(array)
#define ARRAYSIZE(array)	RTL_NUMBER_OF_V1(array)

#define UNREFERENCED_PARAMETER(parameter)	((void)(parameter))
#define UNREFERENCED_LOCAL_VARIABLE(variable)	((void)(variable))

#define DECLARE_HANDLE(name) \
	struct name##__ { \
		int unused; \
	}; \
	typedef struct name##__ *name

#endif /* _SOCKIOCP_WINDEF_H */
