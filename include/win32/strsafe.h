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

HRESULT WINAPI StringCchCopyA(char *to, size_t size, const char *from);
HRESULT WINAPI StringCchCopyNA(char *to, size_t size, const char *from, size_t length);
HRESULT WINAPI StringCchCatA(char *to, size_t size, const char *from);
HRESULT WINAPI StringCchCatNA(char *to, size_t size, const char *from, size_t length);
HRESULT WINAPI StringCchLengthA(const char *text, size_t size, size_t *length);
HRESULT WINAPI StringCchVPrintfA(char *to, size_t size, const char *format, va_list arguments);
HRESULT WINAPIV StringCchPrintfA(char *to, size_t size, const char *format, ...);
HRESULT WINAPI StringCbCopyA(char *to, size_t size, const char *from);
HRESULT WINAPI StringCbCopyNA(char *to, size_t size, const char *from, size_t length);
HRESULT WINAPI StringCbCatA(char *to, size_t size, const char *from);
HRESULT WINAPI StringCbLengthA(const char *text, size_t size, size_t *length);
HRESULT WINAPI StringCbVPrintfA(char *to, size_t size, const char *format, va_list arguments);
HRESULT WINAPIV StringCbPrintfA(char *to, size_t size, const char *format, ...);
HRESULT WINAPI StringCchCopyW(wchar_t *to, size_t size, const wchar_t *from);
HRESULT WINAPI StringCchCopyNW(wchar_t *to, size_t size, const wchar_t *from, size_t length);
HRESULT WINAPI StringCchCatW(wchar_t *to, size_t size, const wchar_t *from);
HRESULT WINAPI StringCchCatNW(wchar_t *to, size_t size, const wchar_t *from, size_t length);
HRESULT WINAPI StringCchLengthW(const wchar_t *text, size_t size, size_t *length);
HRESULT WINAPI StringCchVPrintfW(wchar_t *to, size_t size, const wchar_t *format,
				 va_list arguments);
HRESULT WINAPIV StringCchPrintfW(wchar_t *to, size_t size, const wchar_t *format, ...);
HRESULT WINAPI StringCbCopyW(wchar_t *to, size_t size, const wchar_t *from);
HRESULT WINAPI StringCbCopyNW(wchar_t *to, size_t size, const wchar_t *from, size_t length);
HRESULT WINAPI StringCbCatW(wchar_t *to, size_t size, const wchar_t *from);
HRESULT WINAPI StringCbLengthW(const wchar_t *text, size_t size, size_t *length);
HRESULT WINAPI StringCbVPrintfW(wchar_t *to, size_t size, const wchar_t *format,
				va_list arguments);
HRESULT WINAPIV StringCbPrintfW(wchar_t *to, size_t size, const wchar_t *format, ...);
#ifdef UNICODE
#define StringCchCopy		StringCchCopyW
#define StringCchCopyN		StringCchCopyNW
#define StringCchCat		StringCchCatW
#define StringCchCatN		StringCchCatNW
#define StringCchLength		StringCchLengthW
#define StringCchVPrintf	StringCchVPrintfW
#define StringCchPrintf		StringCchPrintfW
#define StringCbCopy		StringCbCopyW
#define StringCbCopyN		StringCbCopyNW
#define StringCbCat		StringCbCatW
#define StringCbLength		StringCbLengthW
#define StringCbVPrintf		StringCbVPrintfW
#define StringCbPrintf		StringCbPrintfW
#else
#define StringCchCopy		StringCchCopyA
#define StringCchCopyN		StringCchCopyNA
#define StringCchCat		StringCchCatA
#define StringCchCatN		StringCchCatNA
#define StringCchLength		StringCchLengthA
#define StringCchVPrintf	StringCchVPrintfA
#define StringCchPrintf		StringCchPrintfA
#define StringCbCopy		StringCbCopyA
#define StringCbCopyN		StringCbCopyNA
#define StringCbCat		StringCbCatA
#define StringCbLength		StringCbLengthA
#define StringCbVPrintf		StringCbVPrintfA
#define StringCbPrintf		StringCbPrintfA
#endif

#include "absent/strsafe.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_STRSAFE_H */
