// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What Microsoft's C library does when it is called with an invalid parameter: it calls
 * the handler that the program has set.  Where there is none Windows ends the process;
 * here the function returns, as it does after a handler.
 */
#include <errno.h>
#include <stdatomic.h>

#include "base.h"

static _Atomic(_invalid_parameter_handler) handler;

_invalid_parameter_handler __cdecl
_set_invalid_parameter_handler(_invalid_parameter_handler pNew)
{
	return atomic_exchange(&handler, pNew);
}

_invalid_parameter_handler __cdecl _get_invalid_parameter_handler(void)
{
	return atomic_load(&handler);
}

/* Sets errno, too.  A handler is told nothing more by Windows, but with _DEBUG. */
errno_t sockiocp_invalid(errno_t err)
{
	_invalid_parameter_handler call = atomic_load(&handler);

	errno = err;
	if (call)
		call(NULL, NULL, NULL, 0, 0);
	errno = err;
	return err;
}
