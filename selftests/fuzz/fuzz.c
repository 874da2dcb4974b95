// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Fuzzes /dev/sockiocp, led by the basic blocks of the module that are reached.
 *
 *	fuzz [-t SECONDS] [-s SEED] CORPUS	try inputs
 *	fuzz -r FILE...				run these inputs only, once each
 *
 * Inputs are tried in a process of their own (run.c).  One that reaches a block for
 * the first time is made as short as it can be and kept: printed, between lines
 * that begin with "fuzz: ", for the host to put into the corpus.  Each input is
 * written to the kernel's log beforehand, so that it stands there before what the
 * kernel has to say about it.
 *
 * Coverage comes from sockiocp_cover.ko; without it there is nothing to be led by,
 * and inputs are only made by chance.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "input.h"
#include "run.h"
#include "sock.h"
#include "task.h"

#define COVER		"/sys/kernel/debug/sockiocp_cover"
#define MAX_CORPUS	4096
#define MAX_BLOCKS	8192
/* An input takes some milliseconds; a machine may be busy. */
#define PATIENCE_MS	3000
/* A killed process has to be gone by then. */
#define DEATH_MS	20000

struct blocks {
	unsigned int n;
	uint32_t at[MAX_BLOCKS];
};

static struct input corpus[MAX_CORPUS];
static unsigned int corpus_size;
/* Blocks reached by any input, and by the last one. */
static struct blocks reached, last;
static int cover = -1, kmsg = -1;
static unsigned long tried, killed;
/* What inputs may change, and how it was. */
static const char *const parameters[] = {
	"max_user_registrations", "max_user_packets", "max_user_operations", "max_user_offers",
	"sample", "histograms", "late_packet_ms",
};
#define PARAMETERS	(sizeof(parameters) / sizeof(*parameters))
static long long before[PARAMETERS];

/* ------------------------------------------------------------------ coverage */

static int contains(const struct blocks *blocks, uint32_t at)
{
	unsigned int i;

	for (i = 0; i < blocks->n; i++)
		if (blocks->at[i] == at)
			return 1;
	return 0;
}

static void forget_blocks(void)
{
	if (cover >= 0 && pwrite(cover, "0", 1, 0) != 1)
		perror(COVER);
}

static void read_blocks(void)
{
	ssize_t size = cover < 0 ? 0 : pread(cover, last.at, sizeof(last.at), 0);

	last.n = size > 0 ? size / sizeof(last.at[0]) : 0;
}

/* Looked up for each block of each input. */
static int is_new(uint32_t at)
{
	static uint32_t table[4 * MAX_BLOCKS];
	const unsigned int size = sizeof(table) / sizeof(*table);
	unsigned int i;

	for (i = at * 2654435761u % size; table[i]; i = (i + 1) % size)
		if (table[i] == at)
			return 0;
	table[i] = at;
	return 1;
}

/* Those of the last input that no other has reached; added to the others. */
static void add_blocks(struct blocks *new)
{
	unsigned int i;

	new->n = 0;
	for (i = 0; i < last.n; i++) {
		if (!last.at[i] || reached.n == MAX_BLOCKS || !is_new(last.at[i]))
			continue;
		reached.at[reached.n++] = last.at[i];
		new->at[new->n++] = last.at[i];
	}
}

/* ---------------------------------------------------------------- the kernel */

/* In pieces, since a record is not long; the end is where the next one begins. */
static void log_input(const struct input *input)
{
	static unsigned long number;
	char text[4096], record[960];
	size_t at, len;

	input_format(input, "; ", text, sizeof(text));
	number++;
	for (at = 0; text[at]; at += len) {
		int n = snprintf(record, sizeof(record), "<7>fuzz input %lu: %.850s",
				 number, text + at);

		len = strnlen(text + at, 850);
		if (write(kmsg, record, n) != n)
			break;
	}
}

/* What makes init's look at the log fail in the end, while it can be told apart. */
static int kernel_complains(void)
{
	static const char *const words[] = {
		"BUG:", "WARNING:", "KASAN:", "UBSAN:", "Oops", "INFO: possible",
		"INFO: suspicious", "INFO: task", "INFO: rcu", "INFO: trying",
	};
	char record[8192];
	size_t i;
	ssize_t n;

	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;
		record[n] = 0;
		if (strstr(record, ";fuzz input "))
			continue;
		for (i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (strstr(record, words[i]))
				return 1;
	}
	return 0;
}

static void kernel_open(void)
{
	unsigned int i;

	kmsg = open("/dev/kmsg", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0) {
		perror("/dev/kmsg");
		exit(1);
	}
	cover = open(COVER, O_RDWR | O_CLOEXEC);
	if (cover < 0)
		printf("# %s is not there: no coverage\n", COVER);
	for (i = 0; i < PARAMETERS; i++)
		before[i] = param_get(parameters[i]);
}

static void kernel_restore(const struct input *input)
{
	unsigned int i;
	int changes = 0;

	for (i = 0; i < input->n; i++)
		changes |= input->op[i].code == OP_LIMIT || input->op[i].code == OP_SAMPLE ||
			   input->op[i].code == OP_SWITCH || input->op[i].code == OP_ASK;
	for (i = 0; changes && i < PARAMETERS; i++)
		param_set(parameters[i], before[i]);
}

/* ------------------------------------------------------------------- running */

/* The process that runs inputs, and what it shares with this one. */
static struct runner {
	int pid;
	/* A byte comes when an input has ended: whether the process goes on. */
	int says;
	/* A byte goes when there is one in *input. */
	int told;
	struct input *input;
} runner;

/* Above all that inputs open, so that everything below can be closed. */
enum { TELL_FD = 4000, SAY_FD, COMMON_LIMIT = 4096 };

static void run_inputs(void)
{
	char c;

	setpgid(0, 0);
	while (read(TELL_FD, &c, 1) == 1) {
		c = input_run(runner.input);
		syscall(SYS_close_range, 3, TELL_FD - 1, 0);
		if (write(SAY_FD, &c, 1) != 1 || !c)
			break;
	}
	_exit(0);
}

static void runner_start(void)
{
	int tell[2], say[2];

	if (pipe(tell) || pipe(say)) {
		perror("pipe");
		exit(1);
	}
	runner.pid = fork();
	if (!runner.pid) {
		dup2(tell[0], TELL_FD);
		dup2(say[1], SAY_FD);
		syscall(SYS_close_range, 3, TELL_FD - 1, 0);
		run_inputs();
	}
	setpgid(runner.pid, runner.pid);
	close(tell[0]);
	close(say[1]);
	runner.told = tell[1];
	runner.says = say[0];
}

static int is_dead(int pid, int ms)
{
	int64_t end = now_ms() + ms;

	while (!waitpid(pid, NULL, WNOHANG)) {
		if (now_ms() > end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

/* With all that it has started; 0 if it does not die. */
static int runner_end(void)
{
	int dead;

	kill(-runner.pid, SIGKILL);
	dead = is_dead(runner.pid, DEATH_MS);
	/* Those that it has left behind are ours: see main(). */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	close(runner.told);
	close(runner.says);
	runner.pid = 0;
	return dead;
}

static void report(const struct input *input, const char *what)
{
	char text[4096];

	input_format(input, "\n", text, sizeof(text));
	printf("fuzz: %s\n%sfuzz: end\n", what, text);
	fflush(stdout);
}

/* It has to come to its end, or the process that runs it has to be killed. */
static void try_input(const struct input *input)
{
	struct pollfd pfd = { .events = POLLIN };
	char goes_on = 0;

	log_input(input);
	forget_blocks();
	if (!runner.pid)
		runner_start();
	*runner.input = *input;
	pfd.fd = runner.says;
	if (write(runner.told, "x", 1) != 1 || poll(&pfd, 1, PATIENCE_MS) != 1) {
		killed++;
		report(input, "takes too long");
	} else if (read(runner.says, &goes_on, 1) != 1) {
		goes_on = 0;
	}
	if (!goes_on && !runner_end()) {
		report(input, "cannot be killed");
		exit(1);
	}
	kernel_restore(input);
	read_blocks();
	tried++;
	if (kernel_complains()) {
		report(input, "the kernel complains");
		exit(1);
	}
}

static int still_reaches(const struct blocks *wanted)
{
	unsigned int i;

	for (i = 0; i < wanted->n; i++)
		if (!contains(&last, wanted->at[i]))
			return 0;
	return 1;
}

/* Without the operations that are not needed to reach these blocks. */
static void shorten(struct input *input, const struct blocks *wanted)
{
	struct input shorter;
	unsigned int i;

	for (i = input->n; i-- > 0 && input->n > 1; ) {
		shorter = *input;
		input_remove(&shorter, i);
		try_input(&shorter);
		if (still_reaches(wanted))
			*input = shorter;
	}
}

static void keep(struct input input, const struct blocks *new)
{
	static struct blocks wanted;
	char what[64];
	unsigned int i;

	/* What was reached by chance does not count. */
	try_input(&input);
	wanted.n = 0;
	for (i = 0; i < new->n; i++)
		if (contains(&last, new->at[i]))
			wanted.at[wanted.n++] = new->at[i];
	if (!wanted.n)
		return;
	shorten(&input, &wanted);
	if (corpus_size < MAX_CORPUS)
		corpus[corpus_size++] = input;
	snprintf(what, sizeof(what), "keep %u blocks", wanted.n);
	report(&input, what);
}

/* -------------------------------------------------------------------- corpus */

static int read_input(const char *path, struct input *input)
{
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC), line;
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0) {
		fprintf(stderr, "%s: %m\n", path);
		return -1;
	}
	text[n] = 0;
	line = input_parse(input, text);
	if (line || !input->n) {
		fprintf(stderr, "%s:%d: not an operation\n", path, line);
		return -1;
	}
	return 0;
}

static int read_corpus(const char *directory)
{
	struct dirent *entry;
	DIR *dir = opendir(directory);
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (corpus_size == MAX_CORPUS || read_input(path, &corpus[corpus_size]))
			return -1;
		corpus_size++;
	}
	if (dir)
		closedir(dir);
	return 0;
}

static void print_blocks(void)
{
	unsigned int i;

	for (i = 0; i < reached.n; i++)
		printf("%s%08x%s", i % 16 ? " " : "cover: hit ", reached.at[i],
		       i % 16 == 15 || i + 1 == reached.n ? "\n" : "");
}

static void summary(const char *what)
{
	printf("# fuzz: %s: %lu inputs tried, %u kept, %lu killed, %u blocks\n", what,
	       tried, corpus_size, killed, reached.n);
	fflush(stdout);
}

static void fuzz(int seconds, uint64_t seed)
{
	struct random r = random_start(seed);
	int64_t end = now_ms() + seconds * 1000LL, told = now_ms();
	static struct blocks new;
	struct input input;
	unsigned int i;

	for (i = 0; i < corpus_size; i++) {
		try_input(&corpus[i]);
		add_blocks(&new);
	}
	summary("corpus");
	while (now_ms() < end) {
		if (!corpus_size || !random_below(&r, 10)) {
			input_generate(&input, &r);
		} else {
			/* The younger half has more to find. */
			i = random_below(&r, corpus_size);
			if (random_below(&r, 2))
				i = corpus_size - 1 - random_below(&r, corpus_size / 2 + 1);
			input = corpus[i];
			input_mutate(&input, &corpus[random_below(&r, corpus_size)], &r);
		}
		try_input(&input);
		add_blocks(&new);
		if (new.n)
			keep(input, &new);
		if (now_ms() - told > 30000) {
			told = now_ms();
			summary("so far");
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = now_ns();
	int seconds = 60, repeat = 0, option;
	struct blocks new;

	while ((option = getopt(argc, argv, "t:s:rn")) != -1) {
		switch (option) {
		case 't':
			seconds = atoi(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			repeat = 1;
			break;
		case 'n':
			/* The other program, see run.c. */
			usleep(3000);
			return 0;
		default:
			return 2;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	raise_nofile(COMMON_LIMIT);
	/* Processes whose parents are gone shall not outlive the input. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* To wake another processor takes longer than most inputs. */
	one_processor();
	kernel_open();
	runner.input = shared_memory(sizeof(*runner.input));
	for (; repeat && optind < argc; optind++) {
		struct input input;

		if (read_input(argv[optind], &input))
			return 1;
		try_input(&input);
		add_blocks(&new);
		report(&input, "was run");
	}
	if (!repeat) {
		printf("# seed %llu\n", (unsigned long long)seed);
		if (optind < argc && read_corpus(argv[optind]))
			return 1;
		fuzz(seconds, seed);
	}
	summary("end");
	print_blocks();
	return 0;
}
