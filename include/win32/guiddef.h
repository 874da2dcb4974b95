/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * GUIDs.  The source file that defines INITGUID before it includes this header
 * defines those of DEFINE_GUID; in others they are declared.
 */
#ifndef _SOCKIOCP_GUIDDEF_H
#define _SOCKIOCP_GUIDDEF_H

#include <stdint.h>
#include <string.h>

#ifndef GUID_DEFINED
#define GUID_DEFINED
typedef struct _GUID {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID;
#endif

typedef GUID *LPGUID;
typedef const GUID *LPCGUID;
typedef GUID IID, *LPIID;
typedef GUID CLSID, *LPCLSID;

#ifdef __cplusplus
#define EXTERN_C	extern "C"
#define __SOCKIOCP_EXTERN_C	extern "C"
#define REFGUID		const GUID &
#define REFIID		const IID &
#define REFCLSID	const CLSID &
#else
#define EXTERN_C	extern
#define __SOCKIOCP_EXTERN_C
#define REFGUID		const GUID *
#define REFIID		const IID *
#define REFCLSID	const CLSID *
#endif

#ifdef __cplusplus
static __inline__ int IsEqualGUID(REFGUID one, REFGUID other)
{
	return !memcmp(&one, &other, sizeof(GUID));
}

inline bool operator==(const GUID &one, const GUID &other)
{
	return IsEqualGUID(one, other);
}

inline bool operator!=(const GUID &one, const GUID &other)
{
	return !IsEqualGUID(one, other);
}
#else
#define IsEqualGUID(one, other)	(!memcmp((one), (other), sizeof(GUID)))
#endif
#define IsEqualIID(one, other)		IsEqualGUID(one, other)
#define IsEqualCLSID(one, other)	IsEqualGUID(one, other)

#endif /* _SOCKIOCP_GUIDDEF_H */

/* Outside the guard: a file may include this again with INITGUID. */
#undef DEFINE_GUID
#ifdef INITGUID
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
	EXTERN_C const GUID name __attribute__((__weak__)); \
	__SOCKIOCP_EXTERN_C const GUID name = \
		{ l, w1, w2, { b1, b2, b3, b4, b5, b6, b7, b8 } }
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
	EXTERN_C const GUID name
#endif
