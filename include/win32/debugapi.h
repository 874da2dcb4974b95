/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * A part of <windows.h>: talking to a debugger.
 */
#ifndef _SOCKIOCP_DEBUGAPI_H
#define _SOCKIOCP_DEBUGAPI_H

#include "windef.h"

#ifdef __cplusplus
extern "C" {
#endif

BOOL WINAPI IsDebuggerPresent(void);
void WINAPI DebugBreak(void);
void WINAPI OutputDebugStringA(LPCSTR lpOutputString);
void WINAPI OutputDebugStringW(LPCWSTR lpOutputString);
#ifdef UNICODE
#define OutputDebugString	OutputDebugStringW
#else
#define OutputDebugString	OutputDebugStringA
#endif

#ifdef __cplusplus
}
#endif

#include "windows.h"

#endif /* _SOCKIOCP_DEBUGAPI_H */
