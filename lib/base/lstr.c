// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * lstrlen() and its kin, which take NULL.
 *
 * Windows compares as a dictionary of the user's language does; here case only decides
 * between words that are the same otherwise: a lower-case letter comes first.
 */
#include <string.h>
#include <wchar.h>

#include "base.h"

#define EACH(suffix, type, length, copy, find, compare, compare_caseless)		\
	int WINAPI lstrlen##suffix(const type *lpString)				\
	{										\
		return lpString ? (int)length(lpString) : 0;				\
	}										\
											\
	type *WINAPI lstrcpy##suffix(type *lpString1, const type *lpString2)		\
	{										\
		return lpString1 && lpString2 ? copy(lpString1, lpString2) : NULL;	\
	}										\
											\
	type *WINAPI lstrcat##suffix(type *lpString1, const type *lpString2)		\
	{										\
		if (!lpString1 || !lpString2)						\
			return NULL;							\
		copy(lpString1 + length(lpString1), lpString2);				\
		return lpString1;							\
	}										\
											\
	/* As many as fit, and a 0 always. */						\
	type *WINAPI lstrcpyn##suffix(type *lpString1, const type *lpString2,		\
				      int iMaxLength)					\
	{										\
		size_t n;								\
											\
		if (!lpString1 || !lpString2)						\
			return NULL;							\
		if (iMaxLength <= 0)							\
			return lpString1;						\
		n = find(lpString2, (size_t)iMaxLength - 1);				\
		memmove(lpString1, lpString2, n * sizeof(type));			\
		lpString1[n] = 0;							\
		return lpString1;							\
	}										\
											\
	int WINAPI lstrcmpi##suffix(const type *lpString1, const type *lpString2)	\
	{										\
		int order;								\
											\
		if (!lpString1 || !lpString2)						\
			return !!lpString1 - !!lpString2;				\
		order = compare_caseless(lpString1, lpString2);				\
		return (order > 0) - (order < 0);					\
	}										\
											\
	int WINAPI lstrcmp##suffix(const type *lpString1, const type *lpString2)	\
	{										\
		int order = lstrcmpi##suffix(lpString1, lpString2);			\
											\
		if (order || !lpString1)						\
			return order;							\
		order = compare(lpString2, lpString1);					\
		return (order > 0) - (order < 0);					\
	}

EACH(A, char, strlen, strcpy, strnlen, strcmp, strcasecmp)
EACH(W, wchar_t, wcslen, wcscpy, wcsnlen, wcscmp, wcscasecmp)
