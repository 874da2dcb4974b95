// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Threads that block, and processes: see task.h.  POSIX only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/sockiocp.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sock.h"
#include "task.h"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---------------------------------------------------------------- blocking */

static int fault_init(struct block *block)
{
	const int page = sysconf(_SC_PAGESIZE);
	const int mode = block->in == BLOCK_FAULT ? UFFD_USER_MODE_ONLY : 0;
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	char *memory;
	int fd;

	memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	block->memory = memory + page;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | mode);
	/* Before 5.11 all faults came, those of the kernel too. */
	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	block->fd[0] = fd;
	if (ioctl(fd, UFFDIO_API, &api))
		return -errno;
	range.range.start = (uintptr_t)block->memory;
	range.range.len = page;
	return result(ioctl(fd, UFFDIO_REGISTER, &range));
}

static int fault_end(struct block *block)
{
	struct uffdio_zeropage zero = {
		.range.start = (uintptr_t)block->memory,
		.range.len = sysconf(_SC_PAGESIZE),
	};

	return result(ioctl(block->fd[0], UFFDIO_ZEROPAGE, &zero));
}

static int is_open(struct block *block)
{
	return __atomic_load_n(&block->word, __ATOMIC_ACQUIRE);
}

int block_init(struct block *block, enum block_in in)
{
	memset(block, 0, sizeof(*block));
	block->in = in;
	switch (in) {
	case BLOCK_PIPE:
		return result(pipe2(block->fd, O_CLOEXEC));
	case BLOCK_SLEEP:
		return count_signals(0);
	case BLOCK_FAULT:
	case BLOCK_FAULT_IN_KERNEL:
		return fault_init(block);
	default:
		return 0;
	}
}

void block_here(struct block *block)
{
	const struct timespec minute = { .tv_sec = 60 };
	char c;

	block->tid = thread_id();
	switch (block->in) {
	case BLOCK_FUTEX:
		while (!is_open(block))
			syscall(SYS_futex, &block->word, FUTEX_WAIT, 0, NULL);
		break;
	case BLOCK_PIPE:
		while (read(block->fd[0], &c, 1) < 0 && errno == EINTR)
			;
		break;
	case BLOCK_SLEEP:
		while (!is_open(block))
			nanosleep(&minute, NULL);
		break;
	case BLOCK_FAULT:
		*(volatile char *)block->memory;
		break;
	default:
		break;
	}
	__atomic_store_n(&block->tid, 0, __ATOMIC_RELEASE);
}

/* A signal that comes before the sleep does not end it. */
static int sleep_end(struct block *block)
{
	int tid;

	while ((tid = __atomic_load_n(&block->tid, __ATOMIC_ACQUIRE))) {
		signal_task(tid);
		sleep_ms(1);
	}
	return 0;
}

int block_end(struct block *block)
{
	__atomic_store_n(&block->word, 1, __ATOMIC_RELEASE);
	switch (block->in) {
	case BLOCK_FUTEX:
		return result(syscall(SYS_futex, &block->word, FUTEX_WAKE, 1));
	case BLOCK_PIPE:
		return write(block->fd[1], "x", 1) == 1 ? 0 : -errno;
	case BLOCK_SLEEP:
		return sleep_end(block);
	case BLOCK_FAULT:
	case BLOCK_FAULT_IN_KERNEL:
		return fault_end(block);
	default:
		return 0;
	}
}

int block_is_reached(struct block *block, int timeout_ms)
{
	return fd_sees(block->fd[0], timeout_ms) == SEE_IN;
}

int block_again(struct block *block)
{
	return result(madvise(block->memory, sysconf(_SC_PAGESIZE), MADV_DONTNEED));
}

int block_fail(struct block *block)
{
	struct uffdio_range range = {
		.start = (uintptr_t)block->memory,
		.len = sysconf(_SC_PAGESIZE),
	};

	if (munmap(block->memory, range.len))
		return -errno;
	return result(ioctl(block->fd[0], UFFDIO_WAKE, &range));
}

/* ------------------------------------------------------------------- tasks */

long long task_blocks(int tid)
{
	const char *name = "voluntary_ctxt_switches:";
	long long value = -ENOENT;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			value = strtoll(line + strlen(name), NULL, 10);
	}
	fclose(file);
	return value;
}

int processors(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* --------------------------------------------------------------- processes */

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int start(void)
{
	int pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return result(pid);
}

int process_start(void (*run)(void *arg), void *arg)
{
	int pid = start();

	if (!pid) {
		run(arg);
		_exit(0);
	}
	return pid;
}

/* Not start(): a raw clone, so nothing of libc's that fork() would have done. */
int process_start_sharing(void (*run)(void *arg), void *arg)
{
	int pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(arg);
		_exit(0);
	}
	return result(pid);
}

int process_stop(int pid)
{
	return result(kill(pid, SIGSTOP));
}

int process_continue(int pid)
{
	return result(kill(pid, SIGCONT));
}

/* Returns when it is gone, with all its threads. */
int process_kill(int pid)
{
	int ret = result(kill(pid, SIGKILL));

	waitpid(pid, NULL, 0);
	return ret;
}

void process_rest(void)
{
	for (;;)
		pause();
}

int run_again(const char *variable)
{
	if (!setenv(variable, "yes", 1))
		execl("/proc/self/exe", "again", NULL);
	return -errno;
}

static void stop_task(int tid, int tell)
{
	int error = 0;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0) || ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		error = -errno;
	else if (waitpid(tid, NULL, __WALL) != tid)
		error = -errno;
	if (write(tell, &error, sizeof(error)) == sizeof(error))
		process_rest();
	_exit(1);
}

int tracer_start(int tid)
{
	int fd[2], pid, error = -EIO;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	pid = start();
	if (!pid)
		stop_task(tid, fd[1]);
	close(fd[1]);
	if (pid > 0 && read(fd[0], &error, sizeof(error)) != sizeof(error))
		error = -EIO;
	close(fd[0]);
	if (pid < 0)
		return pid;
	if (error)
		process_kill(pid);
	return error ? error : pid;
}

/* A thread goes on when its tracer is gone. */
int tracer_end(int pid)
{
	return process_kill(pid);
}

/* -------------------------------------------------------------- networks */

int network_of_its_own(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, ret;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = result(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
	return ret;
}

#define NAMESPACES	"net_namespace"

/* Those whose memory is in use; what is free has to be given back to be told from it. */
/* Those that are free already, and only kept from being used anew, do not count. */
long long slab_objects(const char *cache)
{
	long long value = -ENOENT, n;
	char line[512], name[64];
	FILE *file;
	int fd;

	snprintf(line, sizeof(line), "/sys/kernel/slab/%s/shrink", cache);
	fd = open(line, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		value = -errno;
	if (fd < 0)
		return value;
	close(fd);
	file = fopen("/proc/slabinfo", "re");
	if (!file)
		return -errno;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %lld", name, &n) == 2 && !strcmp(name, cache))
			value = n;
	fclose(file);
	return value;
}

long long network_namespaces(void)
{
	return slab_objects(NAMESPACES);
}

static void end_a_network(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWNET))
		_exit(1);
}

int network_namespaces_end(long long want)
{
	int64_t end = now_ms() + 10 * COMES;

	/* The memory of the last ones goes when another one ends, which takes some time. */
	while (network_namespaces() > want + 2) {
		if (now_ms() >= end)
			return 0;
		child_status(process_start(end_a_network, NULL), COMES);
		sleep_ms(500);
	}
	return 1;
}

/* -------------------------------------------------------------- the kernel */

int kernel_exports(const char *name)
{
	char line[512], symbol[256];
	int found = 0;
	FILE *file = fopen("/proc/kallsyms", "re");

	if (!file)
		return -errno;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*s %255s", symbol) == 1 &&
			!strcmp(symbol, name);
	fclose(file);
	return found;
}

int param_is_on(const char *name)
{
	char path[128];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "/sys/module/sockiocp/parameters/%s", name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	c = fgetc(file);
	fclose(file);
	return c == 'Y';
}

int port_configure(int fd, unsigned int concurrency)
{
	struct sockiocp_config config = { .concurrency = concurrency };

	return result(ioctl(fd, SOCKIOCP_CONFIGURE, &config));
}

static int forbid(unsigned int call, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

int forbid_ioctl(int error)
{
	return forbid(SYS_ioctl, error);
}

int forbid_sendmmsg(int error)
{
	return forbid(SYS_sendmmsg, error);
}
