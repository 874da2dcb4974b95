/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Extensions to Winsock that WSAIoctl() gives out.
 */
#ifndef _SOCKIOCP_MSWSOCK_H
#define _SOCKIOCP_MSWSOCK_H

#include "winsock2.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSAID_ACCEPTEX \
	{ 0xb5367df1, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }
#define WSAID_GETACCEPTEXSOCKADDRS \
	{ 0xb5367df2, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }
#define WSAID_TRANSMITFILE \
	{ 0xb5367df0, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }
#define WSAID_TRANSMITPACKETS \
	{ 0xd9689da0, 0x1f90, 0x11d3, \
	  { 0x99, 0x71, 0x00, 0xc0, 0x4f, 0x68, 0xc8, 0x76 } }
#define WSAID_CONNECTEX \
	{ 0x25a207b9, 0xddf3, 0x4660, \
	  { 0x8e, 0xe9, 0x76, 0xe5, 0x8c, 0x74, 0x06, 0x3e } }
#define WSAID_DISCONNECTEX \
	{ 0x7fda2e11, 0x8630, 0x436f, \
	  { 0xa0, 0x31, 0xf5, 0x36, 0xa6, 0xee, 0xc1, 0x57 } }
#define WSAID_WSARECVMSG \
	{ 0xf689d7c8, 0x6f1f, 0x436b, \
	  { 0x8a, 0x53, 0xe5, 0x4f, 0xe3, 0x51, 0xc3, 0x22 } }
#define WSAID_WSASENDMSG \
	{ 0xa441e712, 0x754f, 0x43ca, \
	  { 0x84, 0xa7, 0x0d, 0xee, 0x44, 0xcf, 0x60, 0x6d } }
#define WSAID_WSAPOLL \
	{ 0x18c76f85, 0xdc66, 0x4964, \
	  { 0x97, 0x2e, 0x23, 0xc2, 0x72, 0x38, 0x31, 0x2b } }

/* Control data of messages */
typedef struct _WSACMSGHDR {
	SIZE_T cmsg_len;
	INT cmsg_level;
	INT cmsg_type;
} WSACMSGHDR, *PWSACMSGHDR, *LPWSACMSGHDR;

#define WSA_CMSGHDR_ALIGN(length)	(((length) + 7) & ~(SIZE_T)7)
#define WSA_CMSGDATA_ALIGN(length)	(((length) + 7) & ~(SIZE_T)7)
#define WSA_CMSG_FIRSTHDR(msg) \
	((msg)->Control.len >= sizeof(WSACMSGHDR) ? \
	 (LPWSACMSGHDR)(void *)(msg)->Control.buf : (LPWSACMSGHDR)NULL)
#define WSA_CMSG_NXTHDR(msg, cmsg) \
	(!(cmsg) ? WSA_CMSG_FIRSTHDR(msg) : \
	 (char *)(cmsg) + WSA_CMSGHDR_ALIGN((cmsg)->cmsg_len) + sizeof(WSACMSGHDR) > \
	 (char *)(msg)->Control.buf + (msg)->Control.len ? (LPWSACMSGHDR)NULL : \
	 (LPWSACMSGHDR)(void *)((char *)(cmsg) + WSA_CMSGHDR_ALIGN((cmsg)->cmsg_len)))
#define WSA_CMSG_DATA(cmsg) \
	((u_char *)(cmsg) + WSA_CMSGDATA_ALIGN(sizeof(WSACMSGHDR)))
#define WSA_CMSG_SPACE(length) \
	WSA_CMSGDATA_ALIGN(sizeof(WSACMSGHDR) + WSA_CMSGHDR_ALIGN(length))
#define WSA_CMSG_LEN(length) \
	(WSA_CMSGDATA_ALIGN(sizeof(WSACMSGHDR)) + (length))

#define TF_DISCONNECT		0x01
#define TF_REUSE_SOCKET		0x02
#define TF_WRITE_BEHIND		0x04
#define TF_USE_DEFAULT_WORKER	0x00
#define TF_USE_SYSTEM_THREAD	0x10
#define TF_USE_KERNEL_APC	0x20

#define TP_ELEMENT_MEMORY	1
#define TP_ELEMENT_FILE		2
#define TP_ELEMENT_EOP		4
#define TP_DISCONNECT		TF_DISCONNECT
#define TP_REUSE_SOCKET		TF_REUSE_SOCKET

#define SIO_UDP_CONNRESET	_WSAIOW(IOC_VENDOR, 12)
#define SIO_SOCKET_CLOSE_NOTIFY	_WSAIOW(IOC_VENDOR, 13)
#define SIO_UDP_NETRESET	_WSAIOW(IOC_VENDOR, 15)
#define SIO_BSP_HANDLE		_WSAIOR(IOC_WS2, 27)
#define SIO_BSP_HANDLE_SELECT	_WSAIOR(IOC_WS2, 28)
#define SIO_BSP_HANDLE_POLL	_WSAIOR(IOC_WS2, 29)
#define SIO_EXT_SELECT		_WSAIORW(IOC_WS2, 30)
#define SIO_EXT_POLL		_WSAIORW(IOC_WS2, 31)
#define SIO_EXT_SENDMSG		_WSAIORW(IOC_WS2, 32)
#define SIO_BASE_HANDLE		_WSAIOR(IOC_WS2, 34)

typedef struct _TRANSMIT_FILE_BUFFERS {
	LPVOID Head;
	DWORD HeadLength;
	LPVOID Tail;
	DWORD TailLength;
} TRANSMIT_FILE_BUFFERS, *PTRANSMIT_FILE_BUFFERS, *LPTRANSMIT_FILE_BUFFERS;

typedef struct _TRANSMIT_PACKETS_ELEMENT {
	ULONG dwElFlags;
	ULONG cLength;
	__extension__ union {
		__extension__ struct {
			LARGE_INTEGER nFileOffset;
			HANDLE hFile;
		};
		PVOID pBuffer;
	};
} TRANSMIT_PACKETS_ELEMENT, *PTRANSMIT_PACKETS_ELEMENT, *LPTRANSMIT_PACKETS_ELEMENT;

typedef BOOL (WINAPI *LPFN_ACCEPTEX)(SOCKET sListenSocket, SOCKET sAcceptSocket,
				     PVOID lpOutputBuffer,
				     DWORD dwReceiveDataLength,
				     DWORD dwLocalAddressLength,
				     DWORD dwRemoteAddressLength,
				     LPDWORD lpdwBytesReceived,
				     LPOVERLAPPED lpOverlapped);
typedef BOOL (WINAPI *LPFN_CONNECTEX)(SOCKET s, const struct sockaddr *name,
				      int namelen, PVOID lpSendBuffer,
				      DWORD dwSendDataLength,
				      LPDWORD lpdwBytesSent,
				      LPOVERLAPPED lpOverlapped);
typedef BOOL (WINAPI *LPFN_DISCONNECTEX)(SOCKET s, LPOVERLAPPED lpOverlapped,
					 DWORD dwFlags, DWORD dwReserved);
typedef void (WINAPI *LPFN_GETACCEPTEXSOCKADDRS)(PVOID lpOutputBuffer,
						 DWORD dwReceiveDataLength,
						 DWORD dwLocalAddressLength,
						 DWORD dwRemoteAddressLength,
						 struct sockaddr **LocalSockaddr,
						 LPINT LocalSockaddrLength,
						 struct sockaddr **RemoteSockaddr,
						 LPINT RemoteSockaddrLength);
typedef BOOL (WINAPI *LPFN_TRANSMITFILE)(SOCKET hSocket, HANDLE hFile,
					 DWORD nNumberOfBytesToWrite,
					 DWORD nNumberOfBytesPerSend,
					 LPOVERLAPPED lpOverlapped,
					 LPTRANSMIT_FILE_BUFFERS lpTransmitBuffers,
					 DWORD dwReserved);
typedef BOOL (WINAPI *LPFN_TRANSMITPACKETS)(SOCKET hSocket,
					    LPTRANSMIT_PACKETS_ELEMENT lpPacketArray,
					    DWORD nElementCount, DWORD nSendSize,
					    LPOVERLAPPED lpOverlapped,
					    DWORD dwFlags);
typedef INT (WINAPI *LPFN_WSARECVMSG)(SOCKET s, LPWSAMSG lpMsg,
				      LPDWORD lpdwNumberOfBytesRecvd,
				      LPWSAOVERLAPPED lpOverlapped,
				      LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);
typedef INT (WINAPI *LPFN_WSASENDMSG)(SOCKET s, LPWSAMSG lpMsg, DWORD dwFlags,
				      LPDWORD lpNumberOfBytesSent,
				      LPWSAOVERLAPPED lpOverlapped,
				      LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);

BOOL WINAPI TransmitFile(SOCKET hSocket, HANDLE hFile, DWORD nNumberOfBytesToWrite,
			 DWORD nNumberOfBytesPerSend, LPOVERLAPPED lpOverlapped,
			 LPTRANSMIT_FILE_BUFFERS lpTransmitBuffers, DWORD dwReserved);
BOOL WINAPI AcceptEx(SOCKET sListenSocket, SOCKET sAcceptSocket, PVOID lpOutputBuffer,
		     DWORD dwReceiveDataLength, DWORD dwLocalAddressLength,
		     DWORD dwRemoteAddressLength, LPDWORD lpdwBytesReceived,
		     LPOVERLAPPED lpOverlapped);
void WINAPI GetAcceptExSockaddrs(PVOID lpOutputBuffer, DWORD dwReceiveDataLength,
				 DWORD dwLocalAddressLength, DWORD dwRemoteAddressLength,
				 struct sockaddr **LocalSockaddr,
				 LPINT LocalSockaddrLength,
				 struct sockaddr **RemoteSockaddr,
				 LPINT RemoteSockaddrLength);

/* What is not there */
#include "absent/mswsock.list"

#ifdef __cplusplus
}
#endif

#endif /* _SOCKIOCP_MSWSOCK_H */
