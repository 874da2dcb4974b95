/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Memory and modules of a process.
 */
#ifndef _SOCKIOCP_PSAPI_H
#define _SOCKIOCP_PSAPI_H

#include "windows.h"

typedef struct _PROCESS_MEMORY_COUNTERS {
	DWORD cb;
	DWORD PageFaultCount;
	SIZE_T PeakWorkingSetSize;
	SIZE_T WorkingSetSize;
	SIZE_T QuotaPeakPagedPoolUsage;
	SIZE_T QuotaPagedPoolUsage;
	SIZE_T QuotaPeakNonPagedPoolUsage;
	SIZE_T QuotaNonPagedPoolUsage;
	SIZE_T PagefileUsage;
	SIZE_T PeakPagefileUsage;
} PROCESS_MEMORY_COUNTERS, *PPROCESS_MEMORY_COUNTERS;

#ifdef __cplusplus
extern "C" {
#endif

#include "absent/psapi.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_PSAPI_H */
