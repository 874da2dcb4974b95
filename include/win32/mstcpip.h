/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Keep-alive of TCP, set by WSAIoctl().
 */
#ifndef _SOCKIOCP_MSTCPIP_H
#define _SOCKIOCP_MSTCPIP_H

#include "ws2tcpip.h"

#define SIO_RCVALL		_WSAIOW(IOC_VENDOR, 1)
#define SIO_RCVALL_MCAST	_WSAIOW(IOC_VENDOR, 2)
#define SIO_RCVALL_IGMPMCAST	_WSAIOW(IOC_VENDOR, 3)
#define SIO_KEEPALIVE_VALS	_WSAIOW(IOC_VENDOR, 4)
#define SIO_LOOPBACK_FAST_PATH	_WSAIOW(IOC_VENDOR, 16)

#define RCVALL_OFF		0
#define RCVALL_ON		1

struct tcp_keepalive {
	ULONG onoff;
	ULONG keepalivetime;
	ULONG keepaliveinterval;
};

#endif /* _SOCKIOCP_MSTCPIP_H */
