/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Interfaces and their addresses: none of it is there.
 */
#ifndef _SOCKIOCP_IPHLPAPI_H
#define _SOCKIOCP_IPHLPAPI_H

#include "ws2tcpip.h"

#ifdef __cplusplus
extern "C" {
#endif

#include "absent/iphlpapi.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_IPHLPAPI_H */
