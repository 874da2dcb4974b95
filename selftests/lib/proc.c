// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Descriptors, processes, time and signals for the tests.  POSIX only: see
 * sock.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sock.h"

#define MODULE		"/sys/module/sockiocp/"
#define PARAMETERS	MODULE "parameters/"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

int fd_close(int fd)
{
	return result(close(fd));
}

int fd_dup(int fd)
{
	return result(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

int fd_dup_to(int fd, int to)
{
	return result(dup2(fd, to));
}

int fd_close_range(int first, int last)
{
	return result(syscall(SYS_close_range, first, last, 0));
}

int fd_open(const char *path, int o_path)
{
	return result(open(path, O_CLOEXEC | (o_path ? O_PATH : O_RDWR)));
}

int fd_pipe(int fd[2])
{
	return result(pipe2(fd, O_CLOEXEC | O_NONBLOCK));
}

int fd_epoll(void)
{
	return result(epoll_create1(EPOLL_CLOEXEC));
}

int fd_is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -errno : !!(flags & FD_CLOEXEC);
}

/* What poll(2) says about a descriptor when it is asked for everything. */
int fd_sees(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLPRI | POLLOUT };
	int revents;

	poll(&pfd, 1, timeout_ms);
	revents = pfd.revents;
	return (revents & POLLIN ? SEE_IN : 0) |
	       (revents & POLLPRI ? SEE_PRI : 0) |
	       (revents & POLLOUT ? SEE_OUT : 0) |
	       (revents & POLLERR ? SEE_ERR : 0) |
	       (revents & POLLHUP ? SEE_HUP : 0);
}

int epoll_watch(int epfd, int fd, int edge)
{
	struct epoll_event event = { .events = EPOLLIN | (edge ? EPOLLET : 0) };

	return result(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event));
}

/* 1: EPOLLIN and nothing else; 0: nothing in time. */
int epoll_sees(int epfd, int timeout_ms)
{
	struct epoll_event event;
	int n = epoll_wait(epfd, &event, 1, timeout_ms);

	if (n < 0)
		return -errno;
	if (n && event.events != EPOLLIN)
		return -EPROTO;
	return n;
}

int send_fd(int sock, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {
		.header = {
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		},
	};
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int recv_fd(int sock, int timeout_ms)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	char c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (poll(&pfd, 1, timeout_ms) != 1)
		return -ETIMEDOUT;
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -EIO;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

int raise_nofile(unsigned long want)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_cur >= want)
		return 0;
	limit.rlim_cur = want;
	if (limit.rlim_max < want)
		limit.rlim_max = want;
	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

static long long line_value(const char *path, const char *name)
{
	char line[256];
	size_t len = strlen(name);
	long long value = -ENOENT;
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, len) && line[len] == ':') {
			value = strtoll(line + len + 1, NULL, 10);
			break;
		}
	}
	fclose(file);
	return value;
}

long long fdinfo_value(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return line_value(path, name);
}

long long mem_available_kb(void)
{
	return line_value("/proc/meminfo", "MemAvailable");
}

static long long number_in(const char *path)
{
	long long value = -EIO;
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	if (fscanf(file, "%lld", &value) != 1)
		value = -EIO;
	fclose(file);
	return value;
}

long long param_get(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return number_in(path);
}

/* Who keeps the module loaded: ports and threads that are workers. */
long long module_users(void)
{
	return number_in(MODULE "refcnt");
}

int param_set(const char *name, long long value)
{
	char path[128], text[32];
	int len, fd, ret;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%lld", value);
	ret = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

int patience(void)
{
	static int factor;

	if (!factor) {
		const char *given = getenv("PATIENCE");

		factor = given && atoi(given) > 0 ? atoi(given) : 1;
	}
	return factor;
}

int goes_not(const char *way)
{
	const char *given = getenv("SHORT_WAYS");

	if (!given)
		return 0;
	/* Rings are mirrors. */
	return !strcmp(given, "no") ||
	       (!strncmp(given, "no-", 3) && !strcmp(given + 3, way)) ||
	       (!strcmp(given, "no-mirrors") && !strcmp(way, "rings"));
}

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t now_ms(void)
{
	return now_ns() / 1000000;
}

void sleep_ms(int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L,
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

int thread_id(void)
{
	return syscall(SYS_gettid);
}

static char task_state(int pid, int tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state;
}

static int sleeps(int pid, int tid)
{
	return task_state(pid, tid) == 'S';
}

static int rests(int pid, int tid)
{
	char state = task_state(pid, tid);

	return state && state != 'R';
}

static int sleeps_in_ioctl(int pid, int tid)
{
	char path[64];
	int nr = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%d", &nr) != 1)
		nr = -1;
	fclose(file);
	return nr == SYS_ioctl && sleeps(pid, tid);
}

static int becomes(int (*is)(int pid, int tid), int pid, int tid, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	if (!pid)
		pid = getpid();
	while (!is(pid, tid)) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

/* Does this thread sleep inside an ioctl within the time?  pid 0: ours. */
int task_blocked(int pid, int tid, int timeout_ms)
{
	return becomes(sleeps_in_ioctl, pid, tid, timeout_ms);
}

/* The same, but in whatever it sleeps. */
int task_sleeps(int pid, int tid, int timeout_ms)
{
	return becomes(sleeps, pid, tid, timeout_ms);
}

/* Is it off its processor, stopped or in an uninterruptible sleep too? */
int task_rests(int pid, int tid, int timeout_ms)
{
	return becomes(rests, pid, tid, timeout_ms);
}

/* Exit status of a child, 256 + n if signal n killed it. */
int child_status(int pid, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int status, ret;

	while (!(ret = waitpid(pid, &status, WNOHANG))) {
		if (now_ms() >= end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -ETIMEDOUT;
		}
		sleep_ms(1);
	}
	if (ret < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static volatile sig_atomic_t counted;

static void count(int sig)
{
	(void)sig;
	counted++;
}

int count_signals(int restart)
{
	struct sigaction action = {
		.sa_handler = count,
		.sa_flags = restart ? SA_RESTART : 0,
	};

	return result(sigaction(SIGUSR1, &action, NULL));
}

int signals_counted(void)
{
	return counted;
}

int signal_task(int tid)
{
	return result(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
}
