// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Which basic blocks of sockiocp.ko have run.
 *
 * KCOV tells a task what it did itself.  Half of what matters in sockiocp.ko is
 * done elsewhere: wake-ups in softirqs, notifiers in the scheduler, irq_work,
 * works.  So each block calls sockiocp_cover_hit() instead, which notes that it was
 * called from there, whoever did.  It works on any kernel.
 *
 * The debugfs file "sockiocp_cover" holds the addresses, their lower 32 bits, in the
 * order of their first appearance.  A number that is written to it is how many of
 * them to keep, from the beginning; the others are forgotten.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#define TABLE_BITS	14
#define TABLE_SIZE	(1U << TABLE_BITS)
/* A full table would be searched for ever. */
#define MAX_HITS	(TABLE_SIZE / 2)

static u32 table[TABLE_SIZE];
static u32 hits[MAX_HITS];
static atomic_t nr_hits;
static struct dentry *file;

/* Returns whether it was not there. */
static bool insert(u32 address)
{
	u32 i, found;

	for (i = hash_32(address, TABLE_BITS); ; i = (i + 1) % TABLE_SIZE) {
		found = READ_ONCE(table[i]);
		if (!found)
			found = cmpxchg(&table[i], 0, address);
		if (!found)
			return true;
		if (found == address)
			return false;
	}
}

/*
 * Called in any context, also with the scheduler's locks held and with access to
 * user memory open.  A hit may appear in the file as 0 for a moment.
 */
void notrace sockiocp_cover_hit(void);
void notrace sockiocp_cover_hit(void)
{
	u32 address = (u32)(unsigned long)__builtin_return_address(0);
	unsigned int n;

	if (atomic_read(&nr_hits) >= MAX_HITS || !insert(address))
		return;
	n = atomic_inc_return(&nr_hits) - 1;
	if (n < MAX_HITS)
		WRITE_ONCE(hits[n], address);
}
EXPORT_SYMBOL_GPL(sockiocp_cover_hit);

static unsigned int count_hits(void)
{
	return min(atomic_read(&nr_hits), (int)MAX_HITS);
}

static ssize_t cover_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	return simple_read_from_buffer(to, size, pos, hits,
				       count_hits() * sizeof(*hits));
}

/* A hit at this very moment may be forgotten too; it will come again. */
static ssize_t cover_write(struct file *file, const char __user *from, size_t size,
			   loff_t *pos)
{
	unsigned int keep, i;
	int error;

	error = kstrtouint_from_user(from, size, 10, &keep);
	if (error)
		return error;
	if (keep > count_hits())
		return -EINVAL;
	memset(table, 0, sizeof(table));
	for (i = 0; i < keep; i++)
		insert(hits[i]);
	memset(hits + keep, 0, sizeof(hits) - keep * sizeof(*hits));
	atomic_set(&nr_hits, keep);
	return size;
}

static const struct file_operations cover_fops = {
	.owner	= THIS_MODULE,
	.read	= cover_read,
	.write	= cover_write,
	.llseek	= default_llseek,
};

static int __init cover_init(void)
{
	file = debugfs_create_file("sockiocp_cover", 0600, NULL, NULL, &cover_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit cover_exit(void)
{
	debugfs_remove(file);
}

module_init(cover_init);
module_exit(cover_exit);

MODULE_DESCRIPTION("Which basic blocks of sockiocp.ko have run");
MODULE_LICENSE("GPL");
