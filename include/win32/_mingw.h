/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What a program that takes this for mingw-w64 (__MINGW32__ is defined) asks for:
 * Boost, for instance.
 */
#ifndef _SOCKIOCP_MINGW_H
#define _SOCKIOCP_MINGW_H

#define __MINGW64_VERSION_MAJOR	10
#define __MINGW64_VERSION_MINOR	0
#define __MINGW32_MAJOR_VERSION	3
#define __MINGW32_MINOR_VERSION	11

#endif /* _SOCKIOCP_MINGW_H */
