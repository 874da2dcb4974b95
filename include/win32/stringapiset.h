/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * A part of <windows.h>: text from one encoding to another.  Each code page is UTF-8, and
 * wide characters have 32 bits.
 */
#ifndef _SOCKIOCP_STRINGAPISET_H
#define _SOCKIOCP_STRINGAPISET_H

#include "windef.h"

#ifdef __cplusplus
extern "C" {
#endif

int WINAPI MultiByteToWideChar(UINT CodePage, DWORD dwFlags, LPCCH lpMultiByteStr,
			       int cbMultiByte, LPWSTR lpWideCharStr, int cchWideChar);
int WINAPI WideCharToMultiByte(UINT CodePage, DWORD dwFlags, LPCWCH lpWideCharStr,
			       int cchWideChar, LPSTR lpMultiByteStr, int cbMultiByte,
			       LPCCH lpDefaultChar, LPBOOL lpUsedDefaultChar);

#ifdef __cplusplus
}
#endif

#include "windows.h"

#endif /* _SOCKIOCP_STRINGAPISET_H */
