/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Strings in buffers of a known size, with an HRESULT for an answer.
 */
#ifndef _SOCKIOCP_STRSAFE_H
#define _SOCKIOCP_STRSAFE_H

#include <stdio.h>

#include "windows.h"

#define STRSAFE_MAX_CCH			2147483647
#define STRSAFE_E_INSUFFICIENT_BUFFER	((HRESULT)0x8007007Au)
#define STRSAFE_E_INVALID_PARAMETER	((HRESULT)0x80070057u)
#define STRSAFE_E_END_OF_FILE		((HRESULT)0x80070026u)

#ifdef __cplusplus
extern "C" {
#endif

#include "absent/strsafe.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_STRSAFE_H */
