// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads as Microsoft's C library starts them: it has nothing to prepare here.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* A thread of _beginthread(), which closes its own handle. */
struct own {
	_beginthread_proc_type routine;
	void *argument;
	HANDLE handle;
};

static _Thread_local HANDLE own_handle;

/* What CreateThread() has failed with, in terms of errno. */
static int start_error(void)
{
	switch (GetLastError()) {
	case ERROR_INVALID_PARAMETER:
		return EINVAL;
	case ERROR_NO_SYSTEM_RESOURCES:
		return EAGAIN;
	default:
		return EACCES;
	}
}

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

	if (!thread)
		errno = start_error();
	return (ULONG_PTR)thread;
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

static DWORD WINAPI run_own(LPVOID argument)
{
	struct own own = *(struct own *)argument;

	free(argument);
	own_handle = own.handle;
	own.routine(own.argument);
	_endthread();
}

/**
 * _beginthread - start a thread that closes its own handle
 * @start_address: the function it runs
 * @stack_size: as in CreateThread()
 * @arglist: what the function is given
 *
 * Return: the handle, which the caller must not close, and which is no handle of the thread
 * any more as soon as that has ended; (uintptr_t)-1 if it fails, and errno says why, as
 * after _beginthreadex().
 *
 * Microsoft: "_beginthread, _beginthreadex".
 */
ULONG_PTR __cdecl _beginthread(_beginthread_proc_type start_address, unsigned stack_size,
			       void *arglist)
{
	struct own *own = start_address ? malloc(sizeof(*own)) : NULL;
	HANDLE thread;

	if (!own) {
		errno = start_address ? EACCES : EINVAL;
		return (ULONG_PTR)-1;
	}
	thread = CreateThread(NULL, stack_size, run_own, own, CREATE_SUSPENDED, NULL);
	if (!thread) {
		errno = start_error();
		free(own);
		return (ULONG_PTR)-1;
	}
	*own = (struct own) {
		.routine = start_address, .argument = arglist, .handle = thread,
	};
	ResumeThread(thread);
	return (ULONG_PTR)thread;
}

/**
 * _endthread - end this thread
 *
 * The same as returning from the function of _beginthread(); the handle is closed.  In
 * another thread only that ends.
 *
 * Microsoft: "_endthread, _endthreadex".
 */
void __cdecl _endthread(void)
{
	if (own_handle)
		CloseHandle(own_handle);
	ExitThread(0);
}
