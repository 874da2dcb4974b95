/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Names that stand for a function of char, or of wchar_t if _UNICODE is defined.
 */
#ifndef _SOCKIOCP_TCHAR_H
#define _SOCKIOCP_TCHAR_H

#include <stdio.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "windows.h"

#ifdef _UNICODE
#define __T(literal)	L##literal
#define _TCHAR		wchar_t
#define _TINT		wint_t
#define _TUCHAR		wchar_t
#define _TEOF		WEOF
#define _tmain		wmain
#define _tprintf	wprintf
#define _ftprintf	fwprintf
#define _vtprintf	vwprintf
#define _vftprintf	vfwprintf
#define _stprintf_s	swprintf_s
#define _sntprintf	_snwprintf
#define _sntprintf_s	_snwprintf_s
#define _tprintf_s	wprintf_s
#define _ftprintf_s	fwprintf_s
#define _fgetts		fgetws
#define _fputts		fputws
#define _puttchar	putwchar
#define _tfopen		_wfopen
#define _tfopen_s	_wfopen_s
#define _tcslen		wcslen
#define _tcsnlen	wcsnlen
#define _tcscpy		wcscpy
#define _tcscpy_s	wcscpy_s
#define _tcsncpy	wcsncpy
#define _tcsncpy_s	wcsncpy_s
#define _tcscat		wcscat
#define _tcscat_s	wcscat_s
#define _tcscmp		wcscmp
#define _tcsncmp	wcsncmp
#define _tcsicmp	_wcsicmp
#define _tcsnicmp	_wcsnicmp
#define _tcschr		wcschr
#define _tcsrchr	wcsrchr
#define _tcsstr		wcsstr
#define _tcstok_s	wcstok_s
#define _tcstol		wcstol
#define _tcstoul	wcstoul
#define _tcsdup		_wcsdup
#define _tstoi		_wtoi
#define _ttoi		_wtoi
#define _istdigit	iswdigit
#define _istspace	iswspace
#define _istalpha	iswalpha
#define _totupper	towupper
#define _totlower	towlower
#else
#define __T(literal)	literal
#define _TCHAR		char
#define _TINT		int
#define _TUCHAR		unsigned char
#define _TEOF		EOF
#define _tmain		main
#define _tprintf	printf
#define _ftprintf	fprintf
#define _vtprintf	vprintf
#define _vftprintf	vfprintf
#define _stprintf	sprintf
#define _stprintf_s	sprintf_s
#define _sntprintf	_snprintf
#define _sntprintf_s	_snprintf_s
#define _tprintf_s	printf_s
#define _ftprintf_s	fprintf_s
#define _fgetts		fgets
#define _fputts		fputs
#define _puttchar	putchar
#define _tfopen		fopen
#define _tfopen_s	fopen_s
#define _tcslen		strlen
#define _tcsnlen	strnlen
#define _tcscpy		strcpy
#define _tcscpy_s	strcpy_s
#define _tcsncpy	strncpy
#define _tcsncpy_s	strncpy_s
#define _tcscat		strcat
#define _tcscat_s	strcat_s
#define _tcscmp		strcmp
#define _tcsncmp	strncmp
#define _tcsicmp	_stricmp
#define _tcsnicmp	_strnicmp
#define _tcschr		strchr
#define _tcsrchr	strrchr
#define _tcsstr		strstr
#define _tcstok_s	strtok_s
#define _tcstol		strtol
#define _tcstoul	strtoul
#define _tcsdup		_strdup
#define _tstoi		atoi
#define _ttoi		atoi
#define _istdigit	isdigit
#define _istspace	isspace
#define _istalpha	isalpha
#define _totupper	toupper
#define _totlower	tolower
#endif

#define _T(literal)	__T(literal)
#define _TEXT(literal)	__T(literal)

#endif /* _SOCKIOCP_TCHAR_H */
