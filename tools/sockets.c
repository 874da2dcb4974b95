// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What /proc tells of the sockets and threads of a process, for explain.c.
 *
 * Sockets are those of the network namespace of the process, TCP and UDP: of others /proc
 * does not tell what is in them.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "explain.h"

/* States of TCP, as they are numbered there. */
#define CLOSE_WAIT	8
#define LISTENS		10

/* A timer that asks whether the peer has room again. */
#define PROBES		4

struct suspect *suspect(struct suspects *s, unsigned long inode)
{
	struct suspect *list = s->list;

	/* Room for twice as many, each time that all is used. */
	if (!(s->count & (s->count - 1)))
		list = realloc(list, (s->count ? 2 * s->count : 1) * sizeof(*list));
	if (!list)
		return NULL;
	s->list = list;
	memset(&list[s->count], 0, sizeof(*list));
	list[s->count].inode = inode;
	return &list[s->count++];
}

static int compare(const void *one, const void *other)
{
	const struct suspect *a = one, *b = other;

	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static struct suspect *find_suspect(const struct suspects *s, unsigned long inode)
{
	const struct suspect key = { .inode = inode };

	return s->count ? bsearch(&key, s->list, s->count, sizeof(key), compare) : NULL;
}

void suspect_all_of(struct suspects *s, int pid)
{
	char path[64], link[64];
	struct dirent *entry;
	unsigned long inode;
	ssize_t length;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		length = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		link[length > 0 ? length : 0] = 0;
		if (sscanf(link, "socket:[%lu]", &inode) == 1)
			suspect(s, inode);
	}
	if (dir)
		closedir(dir);
}

/* One line of /proc/net/tcp and its like. */
struct line {
	char local[33], remote[33];
	unsigned int local_port, remote_port, state, sends, receives, timer;
	unsigned long inode;
	int is_tcp;
};

static int parse(const char *text, struct line *line)
{
	return sscanf(text, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %x:%x %x:%*x %*x %*u %*d %lu",
		      line->local, &line->local_port, line->remote, &line->remote_port,
		      &line->state, &line->sends, &line->receives, &line->timer,
		      &line->inode) == 9;
}

/* Words of 32 bits, as the machine has them. */
static void address(const char *hex, unsigned int port, char *text, size_t size)
{
	char word[9] = "", as_text[INET6_ADDRSTRLEN] = "";
	uint32_t words[4] = { 0 };
	size_t i, count = strlen(hex) / 8;

	for (i = 0; i < count; i++) {
		memcpy(word, hex + 8 * i, 8);
		words[i] = strtoul(word, NULL, 16);
	}
	inet_ntop(count == 1 ? AF_INET : AF_INET6, words, as_text, sizeof(as_text));
	snprintf(text, size, count == 1 ? "%s:%u" : "[%s]:%u", as_text, port);
}

/*
 * What of the socket is to be read; whether that is anything it asks for.  The end of a stream
 * is told when all before it is read.
 */
static int note_readable(struct suspect *s, const struct line *line)
{
	int has_ended = line->is_tcp && line->state == CLOSE_WAIT;

	s->bytes = line->receives;
	if (!line->is_tcp)
		snprintf(s->what, sizeof(s->what), "datagrams, %u bytes of memory", line->receives);
	else if (line->state == LISTENS)
		snprintf(s->what, sizeof(s->what), "%u to be accepted", line->receives);
	else if (!has_ended)
		snprintf(s->what, sizeof(s->what), "%u bytes", line->receives);
	else if (line->receives == 1)
		snprintf(s->what, sizeof(s->what), "the peer has closed it");
	else
		snprintf(s->what, sizeof(s->what), "%u bytes, and the peer has closed it",
			 line->receives - 1);
	if (has_ended && line->receives == 1)
		return s->wants_end;
	return line->receives && s->wants_data;
}

/* What of the socket is not sent; whether anything is. */
static int note_unsent(struct suspect *s, const struct line *line)
{
	s->bytes = line->sends;
	snprintf(s->what, sizeof(s->what), "%u bytes are not taken%s", line->sends,
		 line->timer == PROBES ? ": the peer does not read" : "");
	return line->is_tcp && line->sends && line->state != LISTENS;
}

static void read_sockets(struct suspects *s, int pid, const char *protocol,
			 int (*note)(struct suspect *s, const struct line *line))
{
	struct line line = { .is_tcp = *protocol == 't' };
	char path[64], text[512], local[56], remote[56];
	struct suspect *one;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, protocol);
	file = fopen(path, "re");
	while (file && fgets(text, sizeof(text), file)) {
		one = parse(text, &line) ? find_suspect(s, line.inode) : NULL;
		if (!one || !note(one, &line))
			continue;
		address(line.local, line.local_port, local, sizeof(local));
		address(line.remote, line.remote_port, remote, sizeof(remote));
		snprintf(one->addresses, sizeof(one->addresses), "%s to %s", local, remote);
	}
	if (file)
		fclose(file);
}

static void keep(struct suspects *s, int pid,
		 int (*note)(struct suspect *s, const struct line *line))
{
	static const char *const protocols[] = { "tcp", "tcp6", "udp", "udp6" };
	size_t i, count = 0;

	if (!s->count)
		return;
	qsort(s->list, s->count, sizeof(*s->list), compare);
	for (i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		read_sockets(s, pid, protocols[i], note);
	for (i = 0; i < s->count; i++)
		if (*s->list[i].addresses)
			s->list[count++] = s->list[i];
	s->count = count;
}

void keep_readable(struct suspects *s, int pid)
{
	keep(s, pid, note_readable);
}

void keep_unsent(struct suspects *s, int pid)
{
	keep(s, pid, note_unsent);
}

void keep_both(struct suspects *s, struct suspects *now, int is_first)
{
	struct suspect *before;
	size_t i, count = 0;

	for (i = 0; i < now->count; i++) {
		before = is_first ? NULL : find_suspect(s, now->list[i].inode);
		if (is_first || (before && before->bytes == now->list[i].bytes))
			now->list[count++] = now->list[i];
	}
	now->count = count;
	free(s->list);
	*s = *now;
}

/* The first word of a file of the thread, or "". */
static void word_of_thread(int pid, int tid, const char *name, char *word, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	file = fopen(path, "re");
	if (!file || !fgets(word, size, file))
		*word = 0;
	if (file)
		fclose(file);
	word[strcspn(word, " \n")] = 0;
}

/* R, S, D, T, ...: behind the name, which may have anything in it. */
static char state_of_thread(int pid, int tid)
{
	char path[64], text[512] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	file = fopen(path, "re");
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = 0;
		fclose(file);
	}
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : '?';
}

void where_is(int pid, int tid, char *where, size_t size)
{
	char channel[64], state = state_of_thread(pid, tid);

	word_of_thread(pid, tid, "wchan", channel, sizeof(channel));
	if (state == '?')
		snprintf(where, size, "it is gone, or not yours to see");
	else if (state == 'R')
		snprintf(where, size, "it runs");
	else if (state == 'T' || state == 't')
		snprintf(where, size, "it is stopped");
	else if (*channel && strcmp(channel, "0"))
		snprintf(where, size, "it sleeps in %s()", channel);
	else
		snprintf(where, size, "it sleeps; where, the kernel does not tell you");
}
