/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Sockets, descriptors, processes and signals for tests that include the Win32
 * headers and therefore cannot include the POSIX ones.  Everything is an int.
 *
 * Functions that can fail return a negative errno.  Every socket made here is
 * non-blocking.
 */
#ifndef SELFTESTS_LIB_SOCK_H
#define SELFTESTS_LIB_SOCK_H

#include <stddef.h>
#include <stdint.h>

/* Families and types, under names that no header defines. */
enum {
	FAM_UNIX = 1,
	FAM_INET = 2,
	FAM_INET6 = 10,
	FAM_NETLINK = 16,
	FAM_PACKET = 17,
	FAM_VSOCK = 40,
	FAM_SMC = 43,
};

enum {
	TYPE_STREAM = 1,
	TYPE_DGRAM = 2,
	TYPE_RAW = 3,
	TYPE_SEQPACKET = 5,
};

/* What poll(2) says about a socket: used to know that a change has arrived. */
enum {
	SEE_IN = 1,
	SEE_PRI = 2,
	SEE_OUT = 4,
	SEE_ERR = 8,
	SEE_HUP = 16,
	SEE_RDHUP = 32,
};

/*
 * What all limits of time are multiplied with, those of the harness too: 1, or
 * PATIENCE of the environment, where the kernel or the machine is slow.
 */
int patience(void);
/* Was the module built so that it does not go this way (SHORT_WAYS of selftests/vm/test)? */
int goes_not(const char *way);

/* Milliseconds to wait for what must come, and for what must not. */
#define COMES		(2000 * patience())
#define COMES_NOT	60
/* A time-out of somebody who is seen to wait before it is over. */
#define A_WHILE		(300 * patience())

int any_socket(int family, int type, int protocol);
int tcp_listen(int family, int backlog, int *port);
int tcp_connect(int family, int port);
int tcp_accept(int listener);
int tcp_refused_port(int family);
int tcp_pair(int family, int fd[2], int bufsize);
int udp_bound(int family, int *port);
int udp_connect(int fd, int family, int port);
int udp_pair(int family, int fd[2]);
int unix_pair(int type, int fd[2]);
int unix_listen(const char *name);
int unix_connect(const char *name);

long sock_send(int fd, const void *data, size_t len);
long sock_send_oob(int fd, char c);
long sock_recv(int fd, void *data, size_t len);
long sock_peek(int fd, void *data, size_t len);
long sock_fill(int fd);
long sock_drain(int fd);
long sock_drain_until(int fd, int writer, int see);
int sock_error(int fd);
int sock_shutdown(int fd, char which);
int sock_reset(int fd);
int sock_lowat(int fd, int bytes);
int sock_linger(int fd, int seconds);
int sock_fast_open(int fd);
int sock_sees(int fd);
int sock_becomes(int fd, int see, int timeout_ms);
int sock_queued(int fd, int bytes, int timeout_ms);

int fd_close(int fd);
int fd_dup(int fd);
int fd_dup_to(int fd, int to);
/* All from the first to the last. */
int fd_close_range(int first, int last);
int fd_open(const char *path, int o_path);
int fd_pipe(int fd[2]);
int fd_epoll(void);
int fd_is_cloexec(int fd);
int fd_sees(int fd, int timeout_ms);
int epoll_watch(int epfd, int fd, int edge);
int epoll_sees(int epfd, int timeout_ms);
int send_fd(int sock, int fd);
int recv_fd(int sock, int timeout_ms);
int raise_nofile(unsigned long want);
long long fdinfo_value(int fd, const char *name);
long long param_get(const char *name);
int param_set(const char *name, long long value);
long long module_users(void);
long long mem_available_kb(void);

int64_t now_ms(void);
int64_t now_ns(void);
void sleep_ms(int ms);
int thread_id(void);
int task_blocked(int pid, int tid, int timeout_ms);
int task_sleeps(int pid, int tid, int timeout_ms);
int task_rests(int pid, int tid, int timeout_ms);
int child_status(int pid, int timeout_ms);

/* One counting handler, for SIGUSR1; without SA_RESTART if restart is 0. */
int count_signals(int restart);
int signals_counted(void);
int signal_task(int tid);

#endif /* SELFTESTS_LIB_SOCK_H */
