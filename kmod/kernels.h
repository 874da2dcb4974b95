/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The kernels that the module supports: for compat.h, which refuses others, and for
 * sockiocpctl doctor.  To add one, see testing.rst.
 */
#ifndef _SOCKIOCP_KERNELS_H
#define _SOCKIOCP_KERNELS_H

#define SOCKIOCP_FIRST_MAJOR	5
#define SOCKIOCP_FIRST_MINOR	10
#define SOCKIOCP_LAST_MAJOR	7
#define SOCKIOCP_LAST_MINOR	2

#endif /* _SOCKIOCP_KERNELS_H */
