// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads as Microsoft's C library starts them: it has nothing to prepare here.
 */
#include <errno.h>

#include "internal.h"

/**
 * _beginthreadex - start a thread
 * @security: ignored: the handle is not inherited
 * @stack_size: as in CreateThread()
 * @start_address: the function it runs, which returns the thread's exit code
 * @arglist: what the function is given
 * @initflag: as in CreateThread()
 * @thrdaddr: receives the thread's number; may be NULL
 *
 * Return: the handle, which the caller passes to CloseHandle(); 0 if it fails, GetLastError()
 * says why as after CreateThread(), and errno says
 *   EINVAL	no function, or another flag
 *   EAGAIN	the limit of threads is reached
 *   EACCES	no descriptor is left, or no memory
 *
 * Microsoft: "_beginthread, _beginthreadex".
 */
ULONG_PTR __cdecl _beginthreadex(void *security, unsigned stack_size,
				 _beginthreadex_proc_type start_address, void *arglist,
				 unsigned initflag, unsigned *thrdaddr)
{
	HANDLE thread = CreateThread(security, stack_size, start_address, arglist, initflag,
				     thrdaddr);

	if (thread)
		return (ULONG_PTR)thread;
	switch (GetLastError()) {
	case ERROR_INVALID_PARAMETER:
		errno = EINVAL;
		break;
	case ERROR_NO_SYSTEM_RESOURCES:
		errno = EAGAIN;
		break;
	default:
		errno = EACCES;
	}
	return 0;
}

/**
 * _endthreadex - end this thread
 * @retval: its exit code
 *
 * Its handle stays open.
 *
 * Microsoft: "_endthread, _endthreadex".
 */
void __cdecl _endthreadex(unsigned retval)
{
	ExitThread(retval);
}
