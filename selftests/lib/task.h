/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Threads that block in the kernel until a test lets them go on, and other
 * processes.  Conventions as in sock.h.
 */
#ifndef SELFTESTS_LIB_TASK_H
#define SELFTESTS_LIB_TASK_H

#include <stddef.h>
#include <stdint.h>

/* In what a thread blocks. */
enum block_in {
	/* No block: nothing to be let go from. */
	BLOCK_NOWHERE,
	BLOCK_FUTEX,
	/* read(2) of an empty pipe. */
	BLOCK_PIPE,
	/* nanosleep(2), ended by a signal. */
	BLOCK_SLEEP,
	/* Memory whose content is somebody else's to bring: userfaultfd(2). */
	BLOCK_FAULT,
	/* The same, touched by the kernel on behalf of the thread. */
	BLOCK_FAULT_IN_KERNEL,
};

struct block {
	enum block_in in;
	uint32_t word;
	int fd[2];
	int tid;
	/* BLOCK_FAULT*: who touches these bytes blocks; the page before them is there. */
	char *memory;
};

/* -EPERM or -ENOSYS: this kind is not to be had here. */
int block_init(struct block *block, enum block_in in);
/* For the set-up of a fixture, BLOCK_FAULT_IN_KERNEL: without it there is no test. */
#define NEED_FAULTS(block)						\
	do {								\
		int error_ = block_init(block, BLOCK_FAULT_IN_KERNEL);	\
									\
		if (error_ == -EPERM || error_ == -ENOSYS)		\
			SKIP(_exit(255), "no userfaultfd here");	\
		ASSERT_EQ(0, error_);					\
	} while (0)
/* Blocks until block_end(); not for BLOCK_FAULT_IN_KERNEL. */
void block_here(struct block *block);
int block_end(struct block *block);
/* BLOCK_FAULT*: does somebody block? */
int block_is_reached(struct block *block, int timeout_ms);
/* BLOCK_FAULT*, after block_end(): the memory is missing again, ... */
int block_again(struct block *block);
/* ... or for good, which ends the block with a bad address. */
int block_fail(struct block *block);

/* How often this thread has blocked so far; ours. */
long long task_blocks(int tid);
int processors(void);

/* Memory that a process shares with those that it starts. */
void *shared_memory(size_t size);

/* A process that ends with this one at the latest; its number. */
int process_start(void (*run)(void *arg), void *arg);
/* The same, with the table of descriptors in common. */
int process_start_sharing(void (*run)(void *arg), void *arg);
int process_stop(int pid);
int process_continue(int pid);
int process_kill(int pid);
void process_rest(void);
/* The calling process becomes the same program again, with this in its environment. */
int run_again(const char *variable);

/*
 * Stops a thread of ours, and only that, by ptrace(2), until tracer_end().
 * Returns the process that does so.
 */
int tracer_start(int tid);
int tracer_end(int pid);

/* The calling process gets a network that nobody else has, with a loopback. */
int network_of_its_own(void);
/* How many networks there are, or an error; and whether about so many are left in time. */
long long network_namespaces(void);
int network_namespaces_end(long long want);

/* How many objects a slab cache of the kernel's has; root's to know. */
long long slab_objects(const char *cache);

/* Does the kernel have this function for modules? */
int kernel_exports(const char *name);
/* A parameter of the module that is a yes or a no: 1, 0, or an error. */
int param_is_on(const char *name);
int port_configure(int fd, unsigned int concurrency);
/* From now on the calling thread gets this error from such a system call. */
int forbid_ioctl(int error);
int forbid_sendmmsg(int error);

#endif /* SELFTESTS_LIB_TASK_H */
