/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Types of Windows' native calls; there are no such calls.
 */
#ifndef _SOCKIOCP_WINTERNL_H
#define _SOCKIOCP_WINTERNL_H

#include "windows.h"

typedef struct _UNICODE_STRING {
	USHORT Length;
	USHORT MaximumLength;
	PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;

typedef struct _OBJECT_ATTRIBUTES {
	ULONG Length;
	HANDLE RootDirectory;
	PUNICODE_STRING ObjectName;
	ULONG Attributes;
	PVOID SecurityDescriptor;
	PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;

typedef struct _IO_STATUS_BLOCK {
	__extension__ union {
		NTSTATUS Status;
		PVOID Pointer;
	};
	ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;

typedef void (NTAPI *PIO_APC_ROUTINE)(PVOID ApcContext,
				      PIO_STATUS_BLOCK IoStatusBlock,
				      ULONG Reserved);

#define NT_SUCCESS(status)	((NTSTATUS)(status) >= 0)

#ifdef __cplusplus
extern "C" {
#endif

ULONG NTAPI RtlNtStatusToDosError(NTSTATUS Status);

#include "absent/ntdll.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_WINTERNL_H */
