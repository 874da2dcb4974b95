// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Mirrors of ports: words of this process by which the kernel says whether a queue is empty
 * (SOCKIOCP_SET_MIRROR), so that to look in vain is no system call.
 *
 * The words are in one mapping, made when the first one is wanted, and never unmapped, since
 * any thread may be reading.  It is shared memory, and so a child reads the same words.  That
 * does no harm: a word says what the port's queue is like, and the child has the same port,
 * until one of the two closes it.  But the value that says so must not come twice: what counts
 * them is in the mapping, too.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/sockiocp.h>

#include "internal.h"

/* Nobody waits for a line of the cache because of another port. */
#define WORD_SIZE	64
/* As many ports can have one at a time; memory is only taken for those that do. */
#define WORDS		1024

/* The two lowest bits are the kernel's, and this is none of its values. */
#define TAKEN		(SOCKIOCP_MIRROR_FILLED | SOCKIOCP_MIRROR_ENDED)

struct words {
	/* What was an empty queue last. */
	_Alignas(WORD_SIZE) atomic_ullong last;
	struct {
		_Alignas(WORD_SIZE) atomic_ullong value;
	} word[WORDS - 1];
};

static struct words *_Atomic all_words;
/* The kernel knows of no mirrors. */
static atomic_bool unknown;

/* Returns NULL if there is no memory. */
static struct words *get_words(void)
{
	struct words *words = atomic_load(&all_words), *others = NULL;

	if (words)
		return words;
	words = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (words == MAP_FAILED)
		return NULL;
	/* The kernel takes single pages only. */
	madvise(words, sizeof(*words), MADV_NOHUGEPAGE);
	if (atomic_compare_exchange_strong(&all_words, &others, words))
		return words;
	/* Nobody else has seen it. */
	munmap(words, sizeof(*words));
	return others;
}

/* Returns a word that is nobody's, or NULL, and what it shall be when its queue is empty. */
static atomic_ullong *take_word(struct words *words, unsigned long long *empty)
{
	unsigned long long value;
	unsigned int i;

	*empty = atomic_fetch_add(&words->last, TAKEN + 1) + TAKEN + 1;
	for (i = 0; i < WORDS - 1; i++) {
		value = atomic_load(&words->word[i].value);
		if ((!value || (value & TAKEN) == SOCKIOCP_MIRROR_ENDED) &&
		    atomic_compare_exchange_strong(&words->word[i].value, &value,
						   *empty | TAKEN))
			return &words->word[i].value;
	}
	return NULL;
}

/*
 * Finds the mirror of the port that is @fd, or makes it.  Returns the word, which is *@empty
 * as long as this number is that port's and its queue is empty, or NULL.
 */
const atomic_ullong *sockiocp_mirror(int fd, unsigned long long *empty)
{
	struct sockiocp_mirror mirror = { .handle = (__u32)fd };
	unsigned long long taken;
	struct words *words;
	atomic_ullong *word;
	bool failed;

	if (atomic_load_explicit(&unknown, memory_order_relaxed))
		return NULL;
	words = get_words();
	word = words ? take_word(words, empty) : NULL;
	if (!word)
		return NULL;
	mirror.word = (uintptr_t)word;
	mirror.empty = *empty;
	failed = ioctl(fd, SOCKIOCP_SET_MIRROR, &mirror);
	if (failed && (errno == ENOTTY || errno == EOPNOTSUPP || errno == EINVAL))
		atomic_store(&unknown, true);
	/* The kernel has not begun to use it: there is another one, or none. */
	taken = *empty | TAKEN;
	atomic_compare_exchange_strong(word, &taken, *empty | SOCKIOCP_MIRROR_ENDED);
	if (failed)
		return NULL;
	*empty = mirror.empty;
	return (const atomic_ullong *)(uintptr_t)mirror.word;
}
