/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Files by number, under the names that POSIX has too.
 */
#ifndef _SOCKIOCP_IO_H
#define _SOCKIOCP_IO_H

#include <fcntl.h>
#include <unistd.h>

#include "windows.h"

#endif /* _SOCKIOCP_IO_H */
