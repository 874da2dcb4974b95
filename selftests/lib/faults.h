/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Makes a call fail at one place after the other, for tests that look at what it
 * leaves behind.  The n-th thing that can fail does:
 *
 *   FAULT_NO_ACCESS	The call is given memory of which it has one page at a
 *   FAULT_READ_ONLY	time.  Each change to another page counts, and the n-th
 *			time the page turns out to be out of reach, or to be
 *			read-only from then on.
 *   FAULT_IN_KERNEL	Each allocation counts, and each copy of user memory that
 *			the kernel's general routines do.  Needs a kernel with
 *			fault injection; fault_missing() says so.
 *
 * POSIX only; conventions as in sock.h.
 */
#ifndef SELFTESTS_LIB_FAULTS_H
#define SELFTESTS_LIB_FAULTS_H

#include <pthread.h>
#include <stddef.h>

enum fault {
	FAULT_NO_ACCESS,
	FAULT_READ_ONLY,
	FAULT_IN_KERNEL,
	FAULTS,
};

enum { FAULT_PAGES = 32 };

struct faults {
	/* What calls are given; the test itself keeps off it. */
	char *memory;
	/* What that holds, for the test to fill in and to read. */
	char *image;
	size_t page;

	/* Set by faults_disarm(): the n-th thing was reached, and has failed. */
	int injected;
	/* Its page had not been touched by this call before. */
	int first;

	enum fault how;
	int nth;
	int count;
	struct {
		char present;
		char touched;
		char gone;
	} state[FAULT_PAGES];
	pthread_mutex_t lock;
	int userfaultfd;
	int fail_nth;
	pthread_t thread;
};

/* What a kernel lacks for this kind of fault, or NULL. */
const char *fault_missing(enum fault how);

int faults_open(struct faults *f);
/* What the thread does between these two calls fails; 0 or a negative errno. */
int faults_arm(struct faults *f, enum fault how, int nth);
int faults_disarm(struct faults *f);
/* Nothing works in the memory any more that was left working there. */
void faults_rest(struct faults *f);
/* What the call has written to a place in the image, for its thread, meanwhile. */
void faults_read(struct faults *f, const void *image, void *to, size_t size);

#endif /* SELFTESTS_LIB_FAULTS_H */
