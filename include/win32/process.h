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

#endif /* _SOCKIOCP_PROCESS_H */
