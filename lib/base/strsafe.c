// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The functions of <strsafe.h>: as much as fits is copied, with a 0 always, and what they
 * return says whether that was all.
 */
#include <string.h>
#include <wchar.h>

#include "base.h"

#pragma GCC visibility push(default)
#include <strsafe.h>
#pragma GCC visibility pop

static HRESULT bad_size(size_t size)
{
	return !size || size > STRSAFE_MAX_CCH ? STRSAFE_E_INVALID_PARAMETER : S_OK;
}

#define EACH(suffix, type, find, print)							\
	/* Behind the first @at characters, of which @from has @length at most. */	\
	static HRESULT add##suffix(type *to, size_t size, size_t at, const type *from,	\
				   size_t length)					\
	{										\
		size_t room = size - at - 1;						\
		size_t n = find(from, length <= room ? length : room + 1);		\
		HRESULT result = n > room ? STRSAFE_E_INSUFFICIENT_BUFFER : S_OK;	\
											\
		if (n > room)								\
			n = room;							\
		memcpy(to + at, from, n * sizeof(type));				\
		to[at + n] = 0;								\
		return result;								\
	}										\
											\
	HRESULT WINAPI StringCchCopyN##suffix(type *to, size_t size, const type *from,	\
					      size_t length)				\
	{										\
		if (bad_size(size))							\
			return bad_size(size);						\
		if (length > STRSAFE_MAX_CCH) {						\
			*to = 0;							\
			return STRSAFE_E_INVALID_PARAMETER;				\
		}									\
		return add##suffix(to, size, 0, from, length);				\
	}										\
											\
	HRESULT WINAPI StringCchCopy##suffix(type *to, size_t size, const type *from)	\
	{										\
		return StringCchCopyN##suffix(to, size, from, STRSAFE_MAX_CCH);		\
	}										\
											\
	HRESULT WINAPI StringCchCatN##suffix(type *to, size_t size, const type *from,	\
					     size_t length)				\
	{										\
		size_t at;								\
											\
		if (bad_size(size) || length > STRSAFE_MAX_CCH)				\
			return STRSAFE_E_INVALID_PARAMETER;				\
		at = find(to, size);							\
		return at == size ? STRSAFE_E_INVALID_PARAMETER :			\
			add##suffix(to, size, at, from, length);			\
	}										\
											\
	HRESULT WINAPI StringCchCat##suffix(type *to, size_t size, const type *from)	\
	{										\
		return StringCchCatN##suffix(to, size, from, STRSAFE_MAX_CCH);		\
	}										\
											\
	HRESULT WINAPI StringCchLength##suffix(const type *text, size_t size,		\
					       size_t *length)				\
	{										\
		size_t n = text && size <= STRSAFE_MAX_CCH ? find(text, size) : size;	\
											\
		if (length)								\
			*length = n < size ? n : 0;					\
		return n < size ? S_OK : STRSAFE_E_INVALID_PARAMETER;			\
	}										\
											\
	HRESULT WINAPI StringCchVPrintf##suffix(type *to, size_t size,			\
						const type *format, va_list arguments)	\
	{										\
		int n;									\
											\
		if (bad_size(size))							\
			return bad_size(size);						\
		n = print(to, size, format, arguments);					\
		if (n >= 0 && (size_t)n < size)						\
			return S_OK;							\
		to[size - 1] = 0;							\
		return STRSAFE_E_INSUFFICIENT_BUFFER;					\
	}										\
											\
	HRESULT WINAPIV StringCchPrintf##suffix(type *to, size_t size,			\
						const type *format, ...)		\
	{										\
		va_list arguments;							\
		HRESULT result;								\
											\
		va_start(arguments, format);						\
		result = StringCchVPrintf##suffix(to, size, format, arguments);		\
		va_end(arguments);							\
		return result;								\
	}										\
											\
	/* With sizes in bytes. */							\
	HRESULT WINAPI StringCbCopy##suffix(type *to, size_t size, const type *from)	\
	{										\
		return StringCchCopy##suffix(to, size / sizeof(type), from);		\
	}										\
											\
	HRESULT WINAPI StringCbCopyN##suffix(type *to, size_t size, const type *from,	\
					     size_t length)				\
	{										\
		return StringCchCopyN##suffix(to, size / sizeof(type), from,		\
					      length / sizeof(type));			\
	}										\
											\
	HRESULT WINAPI StringCbCat##suffix(type *to, size_t size, const type *from)	\
	{										\
		return StringCchCat##suffix(to, size / sizeof(type), from);		\
	}										\
											\
	HRESULT WINAPI StringCbLength##suffix(const type *text, size_t size,		\
					      size_t *length)				\
	{										\
		HRESULT result = StringCchLength##suffix(text, size / sizeof(type),	\
							 length);			\
											\
		if (length)								\
			*length *= sizeof(type);					\
		return result;								\
	}										\
											\
	HRESULT WINAPI StringCbVPrintf##suffix(type *to, size_t size,			\
					       const type *format, va_list arguments)	\
	{										\
		return StringCchVPrintf##suffix(to, size / sizeof(type), format,	\
						arguments);				\
	}										\
											\
	HRESULT WINAPIV StringCbPrintf##suffix(type *to, size_t size,			\
					       const type *format, ...)			\
	{										\
		va_list arguments;							\
		HRESULT result;								\
											\
		va_start(arguments, format);						\
		result = StringCbVPrintf##suffix(to, size, format, arguments);		\
		va_end(arguments);							\
		return result;								\
	}

EACH(A, char, strnlen, _vsnprintf)
EACH(W, wchar_t, wcsnlen, _vsnwprintf)
