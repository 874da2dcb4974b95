/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Addresses of AF_UNIX.
 */
#ifndef _SOCKIOCP_AFUNIX_H
#define _SOCKIOCP_AFUNIX_H

#include "winsock2.h"

#define UNIX_PATH_MAX	108

typedef struct sockaddr_un {
	ADDRESS_FAMILY sun_family;
	char sun_path[UNIX_PATH_MAX];
} SOCKADDR_UN, *PSOCKADDR_UN;

#endif /* _SOCKIOCP_AFUNIX_H */
