/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Random numbers; nothing else of <bcrypt.h> is there.
 */
#ifndef _SOCKIOCP_BCRYPT_H
#define _SOCKIOCP_BCRYPT_H

#include "windows.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef PVOID BCRYPT_HANDLE;
typedef PVOID BCRYPT_ALG_HANDLE;

#define BCRYPT_RNG_USE_ENTROPY_IN_BUFFER	0x00000001
#define BCRYPT_USE_SYSTEM_PREFERRED_RNG		0x00000002

NTSTATUS WINAPI BCryptGenRandom(BCRYPT_ALG_HANDLE hAlgorithm, PUCHAR pbBuffer,
				ULONG cbBuffer, ULONG dwFlags);

/* What is not there */
#include "absent/bcrypt.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_BCRYPT_H */
