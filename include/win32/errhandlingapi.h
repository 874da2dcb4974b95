/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * A part of <windows.h>: ending at once.  <windows.h> itself has the last error.
 */
#ifndef _SOCKIOCP_ERRHANDLINGAPI_H
#define _SOCKIOCP_ERRHANDLINGAPI_H

#include "winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FAIL_FAST_GENERATE_EXCEPTION_ADDRESS	0x1
#define FAIL_FAST_NO_HARD_ERROR_DLG		0x2

void WINAPI RaiseFailFastException(PEXCEPTION_RECORD pExceptionRecord,
				   PCONTEXT pContextRecord, DWORD dwFlags);

#define SEM_FAILCRITICALERRORS		0x0001
#define SEM_NOGPFAULTERRORBOX		0x0002
#define SEM_NOALIGNMENTFAULTEXCEPT	0x0004
#define SEM_NOOPENFILEERRORBOX		0x8000

UINT WINAPI GetErrorMode(void);
UINT WINAPI SetErrorMode(UINT uMode);

#ifdef __cplusplus
}
#endif

#include "windows.h"

#endif /* _SOCKIOCP_ERRHANDLINGAPI_H */
