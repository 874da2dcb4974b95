/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Threads as Microsoft's C library starts them.
 */
#ifndef _SOCKIOCP_PROCESS_H
#define _SOCKIOCP_PROCESS_H

#include <unistd.h>

#include "windows.h"

typedef void (__cdecl *_beginthread_proc_type)(void *);
typedef unsigned (__stdcall *_beginthreadex_proc_type)(void *);

#ifdef __cplusplus
extern "C" {
#endif

ULONG_PTR __cdecl _beginthreadex(void *security, unsigned stack_size,
				 _beginthreadex_proc_type start_address, void *arglist,
				 unsigned initflag, unsigned *thrdaddr);
void __cdecl _endthreadex(unsigned retval) __attribute__((__noreturn__));
ULONG_PTR __cdecl _beginthread(_beginthread_proc_type start_address, unsigned stack_size,
			       void *arglist);
void __cdecl _endthread(void) __attribute__((__noreturn__));

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_PROCESS_H */
