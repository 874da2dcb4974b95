/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * libc's <sys/select.h>, which <stdlib.h> includes.  It leaves FD_SETSIZE alone
 * where a program has defined that for <winsock2.h>.
 */
#pragma GCC system_header

#ifdef FD_SETSIZE
#pragma push_macro("FD_SETSIZE")
#undef FD_SETSIZE
#include_next <sys/select.h>
#undef FD_SETSIZE
#pragma pop_macro("FD_SETSIZE")
#else
#include_next <sys/select.h>
#endif
