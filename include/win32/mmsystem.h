/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The multimedia clock.
 */
#ifndef _SOCKIOCP_MMSYSTEM_H
#define _SOCKIOCP_MMSYSTEM_H

#include "windows.h"

typedef UINT MMRESULT;

#define TIMERR_NOERROR	0
#define TIMERR_NOCANDO	97

#ifdef __cplusplus
extern "C" {
#endif

DWORD WINAPI timeGetTime(void);
MMRESULT WINAPI timeBeginPeriod(UINT uPeriod);
MMRESULT WINAPI timeEndPeriod(UINT uPeriod);

#include "absent/winmm.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_MMSYSTEM_H */
