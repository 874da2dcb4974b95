// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Text of char and of wchar_t, from one to the other.  The code pages of the system and of
 * the console are UTF-8, and there are no others.
 */
#include <errno.h>
#include <string.h>
#include <wchar.h>

#include "base.h"

static bool is_known(UINT page)
{
	return page == CP_UTF8 || page == CP_ACP || page == CP_OEMCP || page == CP_THREAD_ACP;
}

static int fail(DWORD error)
{
	SetLastError(error);
	return 0;
}

/**
 * MultiByteToWideChar - from UTF-8 to wide characters
 * @CodePage: CP_UTF8, or CP_ACP, CP_OEMCP, CP_THREAD_ACP, which are the same
 * @dwFlags: 0, or MB_ERR_INVALID_CHARS: fail for what is not UTF-8, which is U+FFFD
 *	otherwise; MB_PRECOMPOSED changes nothing, and is not for CP_UTF8
 * @lpMultiByteStr: the text
 * @cbMultiByte: its length in bytes, or -1: until its 0, which is converted too
 * @lpWideCharStr: receives the wide characters, which have 32 bits: one for each character
 * @cchWideChar: how many fit; 0 only asks for the length
 *
 * Return: how many wide characters there are; 0 if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	another code page, no text, a length of 0, both in one place
 *   ERROR_INVALID_FLAGS	another flag
 *   ERROR_INSUFFICIENT_BUFFER	they do not fit
 *   ERROR_NO_UNICODE_TRANSLATION	it is not UTF-8, and @dwFlags asks for that
 *
 * Windows: "MultiByteToWideChar function (stringapiset.h)".
 */
int WINAPI MultiByteToWideChar(UINT CodePage, DWORD dwFlags, LPCCH lpMultiByteStr,
			       int cbMultiByte, LPWSTR lpWideCharStr, int cchWideChar)
{
	const DWORD flags = MB_ERR_INVALID_CHARS | (CodePage == CP_UTF8 ? 0 : MB_PRECOMPOSED);
	const char *from = lpMultiByteStr, *end;
	bool valid = true;
	int n = 0;

	if (!is_known(CodePage) || !from || !cbMultiByte || cchWideChar < 0 ||
	    (cchWideChar && !lpWideCharStr) || (const void *)from == lpWideCharStr)
		return fail(ERROR_INVALID_PARAMETER);
	if (dwFlags & ~flags)
		return fail(ERROR_INVALID_FLAGS);
	end = from + (cbMultiByte < 0 ? strlen(from) + 1 : (size_t)cbMultiByte);
	for (; from != end; n++) {
		unsigned int c = sockiocp_utf8_get(&from, end, &valid);

		if (!valid && (dwFlags & MB_ERR_INVALID_CHARS))
			return fail(ERROR_NO_UNICODE_TRANSLATION);
		if (!cchWideChar)
			continue;
		if (n == cchWideChar)
			return fail(ERROR_INSUFFICIENT_BUFFER);
		lpWideCharStr[n] = (wchar_t)c;
	}
	return n;
}

/**
 * WideCharToMultiByte - from wide characters to UTF-8
 * @CodePage: as for MultiByteToWideChar()
 * @dwFlags: 0, or WC_ERR_INVALID_CHARS: fail for what is no character, which is U+FFFD
 *	otherwise; others that Windows has change nothing, and are not for CP_UTF8
 * @lpWideCharStr: the text; two surrogates are one character
 * @cchWideChar: how many it has, or -1: until its 0, which is converted too
 * @lpMultiByteStr: receives the bytes
 * @cbMultiByte: how many fit; 0 only asks for the length
 * @lpDefaultChar: NULL for CP_UTF8; it is not looked at, as UTF-8 has all characters
 * @lpUsedDefaultChar: NULL for CP_UTF8; receives whether something became U+FFFD
 *
 * Return: how many bytes there are; 0 if it fails, and GetLastError() says why, as for
 * MultiByteToWideChar().
 *
 * Windows: "WideCharToMultiByte function (stringapiset.h)".
 */
int WINAPI WideCharToMultiByte(UINT CodePage, DWORD dwFlags, LPCWCH lpWideCharStr,
			       int cchWideChar, LPSTR lpMultiByteStr, int cbMultiByte,
			       LPCCH lpDefaultChar, LPBOOL lpUsedDefaultChar)
{
	const DWORD flags = WC_ERR_INVALID_CHARS | (CodePage == CP_UTF8 ? 0 :
		WC_NO_BEST_FIT_CHARS | WC_COMPOSITECHECK | WC_DISCARDNS | WC_SEPCHARS |
		WC_DEFAULTCHAR);
	const wchar_t *from = lpWideCharStr, *end;
	char bytes[UTF8_MAX];
	bool valid = true;
	int n = 0;

	if (!is_known(CodePage) || !from || !cchWideChar || cbMultiByte < 0 ||
	    (cbMultiByte && !lpMultiByteStr) || (const void *)from == lpMultiByteStr ||
	    (CodePage == CP_UTF8 && (lpDefaultChar || lpUsedDefaultChar)))
		return fail(ERROR_INVALID_PARAMETER);
	if (dwFlags & ~flags)
		return fail(ERROR_INVALID_FLAGS);
	end = from + (cchWideChar < 0 ? wcslen(from) + 1 : (size_t)cchWideChar);
	while (from != end) {
		unsigned int c = sockiocp_wide_get(&from, end, &valid);
		int length = (int)sockiocp_utf8_put(bytes, c);

		if (!valid && (dwFlags & WC_ERR_INVALID_CHARS))
			return fail(ERROR_NO_UNICODE_TRANSLATION);
		if (cbMultiByte) {
			if (length > cbMultiByte - n)
				return fail(ERROR_INSUFFICIENT_BUFFER);
			memcpy(lpMultiByteStr + n, bytes, (size_t)length);
		}
		n += length;
	}
	if (lpUsedDefaultChar)
		*lpUsedDefaultChar = !valid;
	return n;
}

/* The same, as Microsoft's C library does it. */

errno_t mbstowcs_s(size_t *made, wchar_t *to, size_t size, const char *from, size_t count)
{
	size_t n = 0, needed = 0;
	const char *end;
	bool valid = true, cut = false;

	if (made)
		*made = 0;
	if (to && size)
		*to = 0;
	if (!from || (to && !size) || (!to && size))
		return sockiocp_invalid(EINVAL);
	for (end = from + strlen(from); from != end && (!to || needed < count); needed++) {
		unsigned int c = sockiocp_utf8_get(&from, end, &valid);

		if (!valid)
			break;
		if (to && needed + 1 < size)
			to[n++] = (wchar_t)c;
		else if (to)
			cut = true;
	}
	if (!valid || (cut && count != _TRUNCATE)) {
		if (to)
			*to = 0;
		return sockiocp_invalid(valid ? ERANGE : EILSEQ);
	}
	if (to)
		to[n] = 0;
	if (made)
		*made = (to ? n : needed) + 1;
	return cut ? STRUNCATE : 0;
}

errno_t wcstombs_s(size_t *made, char *to, size_t size, const wchar_t *from, size_t count)
{
	size_t n = 0, needed = 0;
	bool valid = true, cut = false;
	const wchar_t *end;
	char bytes[UTF8_MAX];

	if (made)
		*made = 0;
	if (to && size)
		*to = 0;
	if (!from || (to && !size) || (!to && size))
		return sockiocp_invalid(EINVAL);
	for (end = from + wcslen(from); from != end; ) {
		unsigned int c = sockiocp_wide_get(&from, end, &valid);
		unsigned int length = sockiocp_utf8_put(bytes, c);

		if (!valid || (to && needed + length > count))
			break;
		if (to && !cut && needed + length < size) {
			memcpy(to + n, bytes, length);
			n += length;
		} else if (to) {
			cut = true;
		}
		needed += length;
	}
	if (!valid || (cut && count != _TRUNCATE)) {
		if (to)
			*to = 0;
		return sockiocp_invalid(valid ? ERANGE : EILSEQ);
	}
	if (to)
		to[n] = 0;
	if (made)
		*made = (to ? n : needed) + 1;
	return cut ? STRUNCATE : 0;
}
