/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Win32's types that are more than a number, characters that depend on UNICODE,
 * and the numbers of rights, attributes and states.
 */
#ifndef _SOCKIOCP_WINNT_H
#define _SOCKIOCP_WINNT_H

#include "windef.h"
#include "guiddef.h"

/* Characters */
#ifdef UNICODE
typedef WCHAR TCHAR, *PTCHAR, TBYTE, *PTBYTE;
typedef LPWSTR LPTSTR, PTSTR, LPTCH, PTCH;
typedef LPCWSTR LPCTSTR, PCTSTR, LPCTCH, PCTCH;
#define __TEXT(literal)	L##literal
#else
typedef char TCHAR, *PTCHAR;
typedef unsigned char TBYTE, *PTBYTE;
typedef LPSTR LPTSTR, PTSTR, LPTCH, PTCH;
typedef LPCSTR LPCTSTR, PCTSTR, LPCTCH, PCTCH;
#define __TEXT(literal)	literal
#endif
#define TEXT(literal)	__TEXT(literal)
#define ANSI_NULL	((CHAR)0)
#define UNICODE_NULL	((WCHAR)0)

#define MINCHAR		0x80
#define MAXCHAR		0x7f
#define MINSHORT	0x8000
#define MAXSHORT	0x7fff
#define MINLONG		0x80000000u
#define MAXLONG		0x7fffffff
#define MAXLONGLONG	0x7fffffffffffffffLL
#define MAXBYTE		0xff
#define MAXWORD		0xffff
#define MAXDWORD	0xffffffffu
#define MAXUINT		(~(UINT)0)
#define MAXINT		((INT)(MAXUINT >> 1))
#define MININT		(~MAXINT)
#define MAXULONGLONG	(~(ULONGLONG)0)
#define MINLONGLONG	(~MAXLONGLONG)

typedef LONG NTSTATUS, *PNTSTATUS;

typedef union _LARGE_INTEGER {
	__extension__ struct {
		DWORD LowPart;
		LONG HighPart;
	};
	struct {
		DWORD LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
	__extension__ struct {
		DWORD LowPart;
		DWORD HighPart;
	};
	struct {
		DWORD LowPart;
		DWORD HighPart;
	} u;
	ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _LUID {
	DWORD LowPart;
	LONG HighPart;
} LUID, *PLUID;

/* Lists */
typedef struct _LIST_ENTRY {
	struct _LIST_ENTRY *Flink;
	struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
	struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

#define MEMORY_ALLOCATION_ALIGNMENT	16

/* The list itself is InterlockedPushEntrySList()'s. */
typedef struct _SLIST_ENTRY {
	struct _SLIST_ENTRY *Next;
} __attribute__((__aligned__(MEMORY_ALLOCATION_ALIGNMENT))) SLIST_ENTRY, *PSLIST_ENTRY;

typedef union _SLIST_HEADER {
	struct {
		ULONGLONG Alignment;
		ULONGLONG Region;
	} s;
	struct {
		ULONGLONG Depth : 16;
		ULONGLONG Sequence : 48;
		ULONGLONG Reserved : 4;
		ULONGLONG NextEntry : 60;
	} HeaderX64;
} __attribute__((__aligned__(MEMORY_ALLOCATION_ALIGNMENT))) SLIST_HEADER, *PSLIST_HEADER;

#define FIELD_OFFSET(type, field)	((LONG)offsetof(type, field))
#define RTL_FIELD_SIZE(type, field)	(sizeof(((type *)0)->field))
#define RTL_SIZEOF_THROUGH_FIELD(type, field) \
	(offsetof(type, field) + RTL_FIELD_SIZE(type, field))
#define CONTAINING_RECORD(address, type, field) \
	((type *)((char *)(address) - offsetof(type, field)))
#define RTL_CONTAINS_FIELD(structure, size, field) \
	((char *)(&(structure)->field + 1) <= (char *)(structure) + (size))
#define RTL_FIELD_TYPE(type, field)	(((type *)0)->field)
#define RTL_NUMBER_OF_FIELD(type, field)	RTL_NUMBER_OF(RTL_FIELD_TYPE(type, field))

/* An error of the compiler's if it does not hold. */
#ifdef __cplusplus
#define C_ASSERT(expression)	static_assert(expression, #expression)
#else
#define C_ASSERT(expression)	_Static_assert(expression, #expression)
#endif

#define DBG_UNREFERENCED_PARAMETER(parameter)		((void)(parameter))
#define DBG_UNREFERENCED_LOCAL_VARIABLE(variable)	((void)(variable))

#ifdef __cplusplus
#define DEFINE_ENUM_FLAG_OPERATORS(type) \
	extern "C++" { \
	inline constexpr type operator|(type one, type other) \
	{ \
		return type((int)one | (int)other); \
	} \
	inline constexpr type operator&(type one, type other) \
	{ \
		return type((int)one & (int)other); \
	} \
	inline constexpr type operator~(type one) \
	{ \
		return type(~(int)one); \
	} \
	inline type &operator|=(type &one, type other) \
	{ \
		return one = one | other; \
	} \
	inline type &operator&=(type &one, type other) \
	{ \
		return one = one & other; \
	} \
	}
#else
#define DEFINE_ENUM_FLAG_OPERATORS(type)
#endif

/* Barriers and the processor */
#define MemoryBarrier()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#if defined(__x86_64__)
#define YieldProcessor()	__builtin_ia32_pause()
#else
#define YieldProcessor()	__asm__ volatile("yield" ::: "memory")
#endif

/* Rights */
typedef DWORD ACCESS_MASK, *PACCESS_MASK;
typedef DWORD SECURITY_INFORMATION, *PSECURITY_INFORMATION;
typedef PVOID PSID, PSECURITY_DESCRIPTOR;

#define GENERIC_READ		0x80000000u
#define GENERIC_WRITE		0x40000000
#define GENERIC_EXECUTE		0x20000000
#define GENERIC_ALL		0x10000000
#define DELETE			0x00010000
#define READ_CONTROL		0x00020000
#define WRITE_DAC		0x00040000
#define WRITE_OWNER		0x00080000
#define SYNCHRONIZE		0x00100000
#define STANDARD_RIGHTS_REQUIRED	0x000f0000
#define STANDARD_RIGHTS_READ	READ_CONTROL
#define STANDARD_RIGHTS_WRITE	READ_CONTROL
#define STANDARD_RIGHTS_ALL	0x001f0000
#define MAXIMUM_ALLOWED		0x02000000

#define EVENT_MODIFY_STATE	0x0002
#define EVENT_ALL_ACCESS	0x001f0003
#define MUTANT_QUERY_STATE	0x0001
#define SEMAPHORE_MODIFY_STATE	0x0002
#define SEMAPHORE_ALL_ACCESS	0x001f0003
#define TIMER_QUERY_STATE	0x0001
#define TIMER_MODIFY_STATE	0x0002
#define TIMER_ALL_ACCESS	0x001f0003
#define THREAD_TERMINATE	0x0001
#define THREAD_SUSPEND_RESUME	0x0002
#define THREAD_SET_CONTEXT	0x0010
#define THREAD_QUERY_INFORMATION	0x0040
#define THREAD_ALL_ACCESS	0x001fffff
#define PROCESS_TERMINATE	0x0001
#define PROCESS_DUP_HANDLE	0x0040
#define PROCESS_QUERY_INFORMATION	0x0400
#define PROCESS_ALL_ACCESS	0x001fffff

#define DUPLICATE_CLOSE_SOURCE	0x00000001
#define DUPLICATE_SAME_ACCESS	0x00000002

/* Files */
#define FILE_READ_DATA		0x0001
#define FILE_LIST_DIRECTORY	0x0001
#define FILE_WRITE_DATA		0x0002
#define FILE_APPEND_DATA	0x0004
#define FILE_READ_ATTRIBUTES	0x0080
#define FILE_WRITE_ATTRIBUTES	0x0100
#define FILE_GENERIC_READ	0x00120089
#define FILE_GENERIC_WRITE	0x00120116
#define FILE_ALL_ACCESS		0x001f01ff

#define FILE_SHARE_READ		0x00000001
#define FILE_SHARE_WRITE	0x00000002
#define FILE_SHARE_DELETE	0x00000004

#define FILE_ATTRIBUTE_READONLY		0x00000001
#define FILE_ATTRIBUTE_HIDDEN		0x00000002
#define FILE_ATTRIBUTE_SYSTEM		0x00000004
#define FILE_ATTRIBUTE_DIRECTORY	0x00000010
#define FILE_ATTRIBUTE_ARCHIVE		0x00000020
#define FILE_ATTRIBUTE_NORMAL		0x00000080
#define FILE_ATTRIBUTE_DEVICE		0x00000040
#define FILE_ATTRIBUTE_TEMPORARY	0x00000100
#define FILE_ATTRIBUTE_SPARSE_FILE	0x00000200
#define FILE_ATTRIBUTE_REPARSE_POINT	0x00000400
#define FILE_ATTRIBUTE_COMPRESSED	0x00000800
#define FILE_ATTRIBUTE_OFFLINE		0x00001000
#define FILE_ATTRIBUTE_NOT_CONTENT_INDEXED	0x00002000
#define FILE_ATTRIBUTE_ENCRYPTED	0x00004000

#define UNICODE_STRING_MAX_BYTES	((WORD)65534)
#define UNICODE_STRING_MAX_CHARS	32767

/* Memory */
#define PAGE_NOACCESS		0x01
#define PAGE_READONLY		0x02
#define PAGE_READWRITE		0x04
#define PAGE_EXECUTE		0x10
#define PAGE_EXECUTE_READ	0x20
#define PAGE_EXECUTE_READWRITE	0x40
#define PAGE_GUARD		0x100
#define PAGE_NOCACHE		0x200
#define PAGE_WRITECOMBINE	0x400
#define MEM_COMMIT		0x00001000
#define MEM_RESERVE		0x00002000
#define MEM_DECOMMIT		0x00004000
#define MEM_RELEASE		0x00008000
#define MEM_RESET		0x00080000
#define MEM_TOP_DOWN		0x00100000
#define MEM_WRITE_WATCH		0x00200000
#define MEM_PHYSICAL		0x00400000
#define MEM_RESET_UNDO		0x01000000
#define MEM_LARGE_PAGES		0x20000000

#define HEAP_NO_SERIALIZE		0x00000001
#define HEAP_GROWABLE			0x00000002
#define HEAP_GENERATE_EXCEPTIONS	0x00000004
#define HEAP_ZERO_MEMORY		0x00000008
#define HEAP_REALLOC_IN_PLACE_ONLY	0x00000010

/* Versions of the system */
#define VER_EQUAL		1
#define VER_GREATER		2
#define VER_GREATER_EQUAL	3
#define VER_LESS		4
#define VER_LESS_EQUAL		5
#define VER_MINORVERSION	0x0000001
#define VER_MAJORVERSION	0x0000002
#define VER_BUILDNUMBER		0x0000004
#define VER_PLATFORMID		0x0000008
#define VER_SERVICEPACKMINOR	0x0000010
#define VER_SERVICEPACKMAJOR	0x0000020
#define VER_SUITENAME		0x0000040
#define VER_PRODUCT_TYPE	0x0000080
#define VER_AND			6
#define VER_OR			7
#define VER_PLATFORM_WIN32_NT	2
#define VER_NT_WORKSTATION	1
#define VER_NT_SERVER		3

typedef struct _OSVERSIONINFOA {
	DWORD dwOSVersionInfoSize;
	DWORD dwMajorVersion;
	DWORD dwMinorVersion;
	DWORD dwBuildNumber;
	DWORD dwPlatformId;
	CHAR szCSDVersion[128];
} OSVERSIONINFOA, *POSVERSIONINFOA, *LPOSVERSIONINFOA;

typedef struct _OSVERSIONINFOW {
	DWORD dwOSVersionInfoSize;
	DWORD dwMajorVersion;
	DWORD dwMinorVersion;
	DWORD dwBuildNumber;
	DWORD dwPlatformId;
	WCHAR szCSDVersion[128];
} OSVERSIONINFOW, *POSVERSIONINFOW, *LPOSVERSIONINFOW;

typedef struct _OSVERSIONINFOEXA {
	DWORD dwOSVersionInfoSize;
	DWORD dwMajorVersion;
	DWORD dwMinorVersion;
	DWORD dwBuildNumber;
	DWORD dwPlatformId;
	CHAR szCSDVersion[128];
	WORD wServicePackMajor;
	WORD wServicePackMinor;
	WORD wSuiteMask;
	BYTE wProductType;
	BYTE wReserved;
} OSVERSIONINFOEXA, *POSVERSIONINFOEXA, *LPOSVERSIONINFOEXA;

typedef struct _OSVERSIONINFOEXW {
	DWORD dwOSVersionInfoSize;
	DWORD dwMajorVersion;
	DWORD dwMinorVersion;
	DWORD dwBuildNumber;
	DWORD dwPlatformId;
	WCHAR szCSDVersion[128];
	WORD wServicePackMajor;
	WORD wServicePackMinor;
	WORD wSuiteMask;
	BYTE wProductType;
	BYTE wReserved;
} OSVERSIONINFOEXW, *POSVERSIONINFOEXW, *LPOSVERSIONINFOEXW;

#ifdef UNICODE
typedef OSVERSIONINFOW OSVERSIONINFO, *LPOSVERSIONINFO;
typedef OSVERSIONINFOEXW OSVERSIONINFOEX, *LPOSVERSIONINFOEX;
#else
typedef OSVERSIONINFOA OSVERSIONINFO, *LPOSVERSIONINFO;
typedef OSVERSIONINFOEXA OSVERSIONINFOEX, *LPOSVERSIONINFOEX;
#endif

/* What a DllMain() is called for: here, never */
#define DLL_PROCESS_DETACH	0
#define DLL_PROCESS_ATTACH	1
#define DLL_THREAD_ATTACH	2
#define DLL_THREAD_DETACH	3

/* States that an exception, or Internal of an OVERLAPPED, can hold; <ntstatus.h> has all */
#ifndef WIN32_NO_STATUS
#define STATUS_WAIT_0				0x00000000u
#define STATUS_ABANDONED_WAIT_0			0x00000080u
#define STATUS_USER_APC				0x000000C0u
#define STATUS_TIMEOUT				0x00000102u
#define STATUS_PENDING				0x00000103u
#define DBG_EXCEPTION_HANDLED			0x00010001u
#define DBG_CONTINUE				0x00010002u
#define STATUS_SEGMENT_NOTIFICATION		0x40000005u
#define STATUS_FATAL_APP_EXIT			0x40000015u
#define DBG_TERMINATE_THREAD			0x40010003u
#define DBG_TERMINATE_PROCESS			0x40010004u
#define DBG_CONTROL_C				0x40010005u
#define DBG_PRINTEXCEPTION_C			0x40010006u
#define DBG_RIPEXCEPTION			0x40010007u
#define DBG_CONTROL_BREAK			0x40010008u
#define DBG_COMMAND_EXCEPTION			0x40010009u
#define DBG_PRINTEXCEPTION_WIDE_C		0x4001000Au
#define STATUS_GUARD_PAGE_VIOLATION		0x80000001u
#define STATUS_DATATYPE_MISALIGNMENT		0x80000002u
#define STATUS_BREAKPOINT			0x80000003u
#define STATUS_SINGLE_STEP			0x80000004u
#define STATUS_LONGJUMP				0x80000026u
#define STATUS_UNWIND_CONSOLIDATE		0x80000029u
#define DBG_EXCEPTION_NOT_HANDLED		0x80010001u
#define STATUS_ACCESS_VIOLATION			0xC0000005u
#define STATUS_IN_PAGE_ERROR			0xC0000006u
#define STATUS_INVALID_HANDLE			0xC0000008u
#define STATUS_INVALID_PARAMETER		0xC000000Du
#define STATUS_NO_MEMORY			0xC0000017u
#define STATUS_ILLEGAL_INSTRUCTION		0xC000001Du
#define STATUS_NONCONTINUABLE_EXCEPTION		0xC0000025u
#define STATUS_INVALID_DISPOSITION		0xC0000026u
#define STATUS_ARRAY_BOUNDS_EXCEEDED		0xC000008Cu
#define STATUS_FLOAT_DENORMAL_OPERAND		0xC000008Du
#define STATUS_FLOAT_DIVIDE_BY_ZERO		0xC000008Eu
#define STATUS_FLOAT_INEXACT_RESULT		0xC000008Fu
#define STATUS_FLOAT_INVALID_OPERATION		0xC0000090u
#define STATUS_FLOAT_OVERFLOW			0xC0000091u
#define STATUS_FLOAT_STACK_CHECK		0xC0000092u
#define STATUS_FLOAT_UNDERFLOW			0xC0000093u
#define STATUS_INTEGER_DIVIDE_BY_ZERO		0xC0000094u
#define STATUS_INTEGER_OVERFLOW			0xC0000095u
#define STATUS_PRIVILEGED_INSTRUCTION		0xC0000096u
#define STATUS_STACK_OVERFLOW			0xC00000FDu
#define STATUS_DLL_NOT_FOUND			0xC0000135u
#define STATUS_ORDINAL_NOT_FOUND		0xC0000138u
#define STATUS_ENTRYPOINT_NOT_FOUND		0xC0000139u
#define STATUS_CONTROL_C_EXIT			0xC000013Au
#define STATUS_DLL_INIT_FAILED			0xC0000142u
#define STATUS_FLOAT_MULTIPLE_FAULTS		0xC00002B4u
#define STATUS_FLOAT_MULTIPLE_TRAPS		0xC00002B5u
#define STATUS_REG_NAT_CONSUMPTION		0xC00002C9u
#define STATUS_HEAP_CORRUPTION			0xC0000374u
#define STATUS_STACK_BUFFER_OVERRUN		0xC0000409u
#define STATUS_INVALID_CRUNTIME_PARAMETER	0xC0000417u
#define STATUS_ASSERTION_FAILURE		0xC0000420u
#define STATUS_SXS_EARLY_DEACTIVATION		0xC015000Fu
#define STATUS_SXS_INVALID_DEACTIVATION		0xC0150010u
#endif

/* What an exception says of itself.  There are none; RaiseFailFastException() takes it. */
#define EXCEPTION_MAXIMUM_PARAMETERS	15
#define EXCEPTION_NONCONTINUABLE	0x1

typedef struct _EXCEPTION_RECORD {
	DWORD ExceptionCode;
	DWORD ExceptionFlags;
	struct _EXCEPTION_RECORD *ExceptionRecord;
	PVOID ExceptionAddress;
	DWORD NumberParameters;
	ULONG_PTR ExceptionInformation[EXCEPTION_MAXIMUM_PARAMETERS];
} EXCEPTION_RECORD, *PEXCEPTION_RECORD;

/* The registers of a thread, which nobody shows. */
typedef struct _CONTEXT *PCONTEXT, *LPCONTEXT;

#endif /* _SOCKIOCP_WINNT_H */
