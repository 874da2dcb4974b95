// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Mirrors of ports: words of this process by which the kernel says whether a queue is empty
 * (SOCKIOCP_SET_MIRROR), so that to look in vain is no system call.
 *
 * The words are in one page, made when the first one is wanted, and never unmapped, since any
 * thread may be reading.  The kernel wants it to be shared memory; but a child does not have
 * it, or it could tell its parent what is not so.  A thread knows by the epoch that it is in a
 * child, which the C library need not know of: that is in memory which is 0 there.
 *
 * A child of vfork() calls nothing of this library, as POSIX has it: it would say of itself
 * what its parent's thread then believes.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/sockiocp.h>

#include "internal.h"
#include "mirror.h"

#define PAGE		SOCKIOCP_MIRROR_PAGE
/* The words, and behind them the rings (ring.c). */
#define SIZE		((1 + SOCKIOCP_RINGS) * PAGE)
/* Nobody waits for a line of the cache because of another port. */
#define LINE		64
/* As many ports have one at a time: each counts for RLIMIT_MEMLOCK as a page. */
#define WORDS		(PAGE / LINE)

/* The two lowest bits are the kernel's, and this is none of its values. */
#define TAKEN		(SOCKIOCP_MIRROR_FILLED | SOCKIOCP_MIRROR_ENDED)

struct sockiocp_mirror_word {
	_Alignas(LINE) atomic_ullong value;
};

struct sockiocp_mirrors *_Atomic sockiocp_mirrors;
/* The kernel has no mirrors. */
static atomic_bool unknown;

static void *map(size_t size, int how, int advice)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (!madvise(memory, size, advice))
		return memory;
	munmap(memory, size);
	return NULL;
}

/* Where the words of this process were before a fork: a child has something else there. */
static void *_Atomic words_were;

static void prepare_fork(void)
{
	struct sockiocp_mirrors *mirrors = atomic_load(&sockiocp_mirrors);

	atomic_store(&words_were, mirrors ? (void *)atomic_load(&mirrors->words) : NULL);
}

/*
 * A thread that was forked by a signal handler may be about to read a word, or to write to a
 * ring.  It finds 0, which is no empty queue, and no ring that is open.
 */
static void start_in_child(void)
{
	void *words = atomic_load(&words_were);

	if (words)
		mmap(words, SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* When the library is loaded: a signal handler may be who makes the first mirror. */
static __attribute__((__constructor__)) void register_fork_handlers(void)
{
	pthread_atfork(prepare_fork, NULL, start_in_child);
}

static struct sockiocp_mirrors *get_mirrors(void)
{
	struct sockiocp_mirrors *mine, *mirrors = atomic_load(&sockiocp_mirrors);

	if (mirrors)
		return mirrors;
	mine = map(PAGE, MAP_PRIVATE, MADV_WIPEONFORK);
	if (!mine || atomic_compare_exchange_strong(&sockiocp_mirrors, &mirrors, mine))
		return mine;
	/* Another thread was faster. */
	munmap(mine, PAGE);
	return mirrors;
}

/* Of the process that this is now.  Returns NULL if there is no memory. */
static struct sockiocp_mirror_word *get_words(struct sockiocp_mirrors *mirrors)
{
	struct sockiocp_mirror_word *mine, *words = atomic_load(&mirrors->words);
	unsigned long long none = 0;

	if (!words) {
		mine = map(SIZE, MAP_SHARED | MAP_NORESERVE, MADV_DONTFORK);
		/* The kernel takes no part of a huge page. */
		if (mine)
			madvise(mine, SIZE, MADV_NOHUGEPAGE);
		if (!mine || atomic_compare_exchange_strong(&mirrors->words, &words, mine))
			words = mine;
		else
			munmap(mine, SIZE);
	}
	/* No two processes that have memory in common are forked in the same nanosecond. */
	atomic_compare_exchange_strong(&mirrors->epoch, &none, sockiocp_now_ns());
	return words;
}

struct sockiocp_mirrors *sockiocp_get_mirrors(void)
{
	struct sockiocp_mirrors *mirrors;

	if (atomic_load_explicit(&unknown, memory_order_relaxed))
		return NULL;
	mirrors = get_mirrors();
	return mirrors && get_words(mirrors) ? mirrors : NULL;
}

/* Takes a word that is nobody's, and says what an empty queue shall be. */
static atomic_ullong *take_word(struct sockiocp_mirrors *mirrors,
				struct sockiocp_mirror_word *words, unsigned long long *empty)
{
	unsigned long long value;
	unsigned int i;

	*empty = atomic_fetch_add(&mirrors->last, TAKEN + 1) + TAKEN + 1;
	for (i = 0; i < WORDS; i++) {
		value = atomic_load(&words[i].value);
		if ((!value || (value & TAKEN) == SOCKIOCP_MIRROR_ENDED) &&
		    atomic_compare_exchange_strong(&words[i].value, &value, *empty | TAKEN))
			return &words[i].value;
	}
	return NULL;
}

/* @fd was a port, and need not be any more. */
int sockiocp_set_mirror(int fd, struct sockiocp_mirror *mirror)
{
	int err = ioctl(fd, SOCKIOCP_SET_MIRROR, mirror) ? errno : 0;

	if ((err == EOPNOTSUPP || err == EINVAL || err == ENOTTY) && !sockiocp_check_port(fd)) {
		if (mirror->flags)
			return EOPNOTSUPP;
		atomic_store(&unknown, true);
	}
	return err;
}

/* Finds the mirror of the port that is @fd, or makes it.  Returns whether there is one. */
bool sockiocp_find_mirror(int fd, struct sockiocp_found_mirror *found)
{
	struct sockiocp_mirror mirror = { .handle = (__u32)fd };
	struct sockiocp_mirrors *mirrors;
	struct sockiocp_mirror_word *words;
	unsigned long long taken;
	atomic_ullong *word;
	uintptr_t first;
	int err;

	found->word = NULL;
	mirrors = sockiocp_get_mirrors();
	if (!mirrors)
		return false;
	words = atomic_load(&mirrors->words);
	word = take_word(mirrors, words, &found->empty);
	if (!word)
		return false;
	mirror.word = (uintptr_t)word;
	mirror.empty = found->empty;
	taken = found->empty | TAKEN;
	err = sockiocp_set_mirror(fd, &mirror);
	/* The kernel has not begun to use it: there is another one, or none. */
	atomic_compare_exchange_strong(word, &taken, found->empty | SOCKIOCP_MIRROR_ENDED);
	/* The program may have set one of its own, where ever; and a ring says it otherwise. */
	first = (uintptr_t)words;
	if (err || mirror.flags || mirror.word - first >= PAGE)
		return false;
	found->word = (const atomic_ullong *)(uintptr_t)mirror.word;
	found->empty = mirror.empty;
	found->epoch = atomic_load(&mirrors->epoch);
	return true;
}
