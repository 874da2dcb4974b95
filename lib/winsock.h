/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* What the files of Winsock's functions share. */
#ifndef _SOCKIOCP_LIB_WINSOCK_H
#define _SOCKIOCP_LIB_WINSOCK_H

#include <stdatomic.h>
#include <stdbool.h>

/* Whether any socket of the process ever had SO_RCVTIMEO or SO_SNDTIMEO. */
extern atomic_bool sockiocp_timeouts_used;

/*
 * Set for good by the first socket of socket() that is no stream.  A program that
 * has only streams does not pay for looking whether a message was cut: with it
 * recv() takes about 500 instructions more.
 */
extern atomic_bool sockiocp_messages_used;

/* A connect() begins; FD_CONNECT follows when it has returned. */
#define SOCKIOCP_CONNECT_BEGINS	(1L << 16)

/*
 * What calls tell event_select.c, if any socket was selected: which FD_* they enable, and a
 * connection that was accepted or -1; 0: the socket is about to be closed.
 */
extern void (*_Atomic sockiocp_event_hook)(int fd, long event, int accepted);

static inline void sockiocp_enable_event(int fd, long event, int accepted)
{
	void (*hook)(int, long, int) = atomic_load_explicit(&sockiocp_event_hook,
							    memory_order_relaxed);

	if (hook)
		hook(fd, event, accepted);
}

/* event_select.c */
bool sockiocp_is_selected(int fd);

/* inet.c */
bool sockiocp_narrow(const WCHAR *from, char *to, size_t size);
void sockiocp_widen(const char *from, WCHAR *to);

/* startup.c */
bool sockiocp_started(void);

/* socket_state.c */
int sockiocp_get_int(int fd, int name, int *value);
int sockiocp_set_int(int fd, int level, int name, int value);
int sockiocp_socket_type(int fd);
bool sockiocp_is_socket(int fd);
bool sockiocp_is_bound_name(const struct sockaddr_storage *name, unsigned int size);
bool sockiocp_is_nowhere(const struct sockaddr *name, int size);
bool sockiocp_is_unbound(int fd);
int sockiocp_address_error(int fd, int err, const struct sockaddr *name, int size);
bool sockiocp_has_peer(int fd);
void sockiocp_keep_error(int fd, int err);
int sockiocp_kept_error(int fd);
int sockiocp_take_kept_error(int fd);
void sockiocp_note_end(int fd, int err);
void sockiocp_note_told(int fd, int err);
ssize_t sockiocp_received_none(int fd);
bool sockiocp_is_nonblocking(int fd);
bool sockiocp_was_never_connected(int fd);
bool sockiocp_transfers_all(int fd);
int sockiocp_transfer_fail(int fd, int err);
bool sockiocp_is_unused_stream(int fd);
int sockiocp_datagram_error(int fd, int err);
int sockiocp_send_fail(int fd, int err);
int sockiocp_receive_fail(int fd, int err);

/* connect_ex.c, socket_message.c: what WSAIoctl() gives out and nothing else */
BOOL WINAPI sockiocp_connect_ex(SOCKET s, const struct sockaddr *name, int namelen,
				PVOID lpSendBuffer, DWORD dwSendDataLength,
				LPDWORD lpdwBytesSent, LPOVERLAPPED lpOverlapped);
BOOL WINAPI sockiocp_disconnect_ex(SOCKET s, LPOVERLAPPED lpOverlapped, DWORD dwFlags,
				   DWORD dwReserved);
INT WINAPI sockiocp_receive_message(SOCKET s, LPWSAMSG lpMsg, LPDWORD lpdwNumberOfBytesRecvd,
				    LPWSAOVERLAPPED lpOverlapped,
				    LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine);

/* duplicate.c */
bool sockiocp_is_offered(const WSAPROTOCOL_INFOW *info);
int sockiocp_fetch_socket(const WSAPROTOCOL_INFOW *info);

/* winsock_option.c */
bool sockiocp_is_winsock_option(int level, int optname);
int sockiocp_get_winsock_option(int fd, int optname, char *optval, int *optlen);
int sockiocp_set_winsock_option(int fd, int optname, const char *optval,
				int optlen);

#endif /* _SOCKIOCP_LIB_WINSOCK_H */
