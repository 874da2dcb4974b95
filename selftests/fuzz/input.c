// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The text of inputs, and how they are made and changed: see input.h.  What the
 * operations do is in run.c.
 */
#include <stdlib.h>
#include <string.h>

#include "input.h"

/* ----------------------------------------------------------------- operations */

static const struct {
	const char *name;
	/* How often it is chosen, against the others. */
	unsigned int weight;
	uint8_t arg[MAX_ARGS];
} ops[OPS] = {
	/* slots are made */
	[OP_PORT] = { "port", 4, { ARG_SLOT } },
	[OP_SOCKET] = { "socket", 4, { ARG_SLOT, ARG_KIND } },
	[OP_PAIR] = { "pair", 10, { ARG_SLOT, ARG_SLOT, ARG_KIND } },
	[OP_LISTEN] = { "listen", 3, { ARG_SLOT, ARG_KIND } },
	[OP_CONNECT] = { "connect", 3, { ARG_SLOT, ARG_KIND, ARG_SMALL } },
	[OP_ACCEPT] = { "accept", 3, { ARG_SLOT, ARG_SLOT } },
	/* pipe, eventfd, epoll, file, O_PATH, directory */
	[OP_OTHER] = { "other", 1, { ARG_SLOT, ARG_SMALL } },
	[OP_DUP] = { "dup", 3, { ARG_SLOT, ARG_SLOT } },
	[OP_DUP2] = { "dup2", 3, { ARG_SLOT, ARG_SLOT } },
	[OP_CLOSE] = { "close", 5, { ARG_SLOT } },
	/* sockets */
	[OP_SEND] = { "send", 8, { ARG_SLOT, ARG_SIZE, ARG_SMALL } },
	[OP_RECV] = { "recv", 5, { ARG_SLOT, ARG_SIZE, ARG_SMALL } },
	[OP_FILL] = { "fill", 2, { ARG_SLOT } },
	[OP_DRAIN] = { "drain", 2, { ARG_SLOT } },
	[OP_SHUTDOWN] = { "shutdown", 4, { ARG_SLOT, ARG_SMALL } },
	[OP_RESET] = { "reset", 3, { ARG_SLOT } },
	[OP_DISCONNECT] = { "disconnect", 2, { ARG_SLOT } },
	[OP_OPTION] = { "option", 4, { ARG_SLOT, ARG_SMALL, ARG_SIZE } },
	[OP_BLOCKING] = { "blocking", 1, { ARG_SLOT, ARG_SMALL } },
	[OP_PASS] = { "pass", 2, { ARG_SLOT, ARG_SLOT, ARG_SLOT } },
	/* the port: which, then what */
	[OP_REGISTER] = { "register", 16, { ARG_SLOT, ARG_SLOT, ARG_FILTER,
			  ARG_OPERATION, ARG_TRIGGER } },
	[OP_BATCH] = { "batch", 6, { ARG_SLOT, ARG_SLOT, ARG_COUNT, ARG_FILTER,
		       ARG_OPERATION, ARG_TRIGGER, ARG_MICROSECONDS } },
	[OP_CROWD] = { "crowd", 2, { ARG_SLOT, ARG_COUNT, ARG_FILTER, ARG_TRIGGER,
		       ARG_SMALL } },
	[OP_HARVEST] = { "harvest", 12, { ARG_SLOT, ARG_COUNT, ARG_MICROSECONDS } },
	[OP_BOTH] = { "both", 8, { ARG_SLOT, ARG_SLOT, ARG_FILTER, ARG_OPERATION,
		      ARG_TRIGGER, ARG_COUNT, ARG_MICROSECONDS } },
	/* registrations, their count, packets, their count, number, time, flags */
	[OP_RAW] = { "raw", 6, { ARG_SLOT, ARG_ADDRESS, ARG_COUNT, ARG_ADDRESS,
		     ARG_COUNT, ARG_ADDRESS, ARG_MICROSECONDS } },
	[OP_POST] = { "post", 5, { ARG_SLOT, ARG_SMALL } },
	[OP_ASSOCIATE] = { "associate", 6, { ARG_SLOT, ARG_SLOT, ARG_FLAGS } },
	[OP_MODES] = { "modes", 3, { ARG_SLOT, ARG_SLOT, ARG_SMALL } },
	[OP_CONFIGURE] = { "configure", 4, { ARG_SLOT, ARG_COUNT, ARG_FLAGS } },
	[OP_INFO] = { "info", 1, { ARG_SLOT, ARG_SIZE, ARG_ADDRESS } },
	[OP_IOCTL] = { "ioctl", 3, { ARG_SLOT, ARG_CALL, ARG_SIZE, ARG_ADDRESS,
		       ARG_FLAGS } },
	/* a socket, to this process, the other one, or none; with which flags */
	[OP_OFFER] = { "offer", 4, { ARG_SLOT, ARG_SLOT, ARG_SMALL, ARG_FLAGS } },
	/* what was offered last, or nearly that, into a slot */
	[OP_FETCH] = { "fetch", 4, { ARG_SLOT, ARG_SLOT, ARG_SMALL } },
	/* home port, socket, operation, buffers, their size, flags, what is where */
	[OP_SUBMIT] = { "submit", 20, { ARG_SLOT, ARG_SLOT, ARG_SUBMIT, ARG_COUNT, ARG_SIZE,
			ARG_HOW, ARG_WHERE } },
	/* home port, port, socket, operation, how many, packets, time */
	[OP_SUBMITS] = { "submits", 6, { ARG_SLOT, ARG_SLOT, ARG_SLOT, ARG_SUBMIT, ARG_COUNT,
			 ARG_COUNT, ARG_MICROSECONDS } },
	/* which of the last ones, 0 for all */
	[OP_CANCEL] = { "cancel", 6, { ARG_SLOT, ARG_SLOT, ARG_SMALL, ARG_FLAGS } },
	[OP_CLOSE_SOCKET] = { "closesocket", 4, { ARG_SLOT, ARG_SLOT } },
	/* a socket of the netlink family, which hears of which groups */
	[OP_FAMILY] = { "family", 2, { ARG_SLOT, ARG_SMALL } },
	/* about a port, by such a socket or one of its own; command, and 16 times how;
	   an attribute, its value and size, another one */
	[OP_ASK] = { "ask", 10, { ARG_SLOT, ARG_SLOT, ARG_COMMAND, ARG_SMALL, ARG_COUNT,
		     ARG_LENGTH, ARG_SMALL } },
	/* by which descriptor, in what memory, with which value */
	[OP_MIRROR] = { "mirror", 5, { ARG_SLOT, ARG_SLOT, ARG_SMALL, ARG_FLAGS } },
	[OP_CLOSE_PORT] = { "closeport", 1, { ARG_SLOT } },
	[OP_POLL] = { "poll", 4, { ARG_SLOT, ARG_MICROSECONDS } },
	/* by epoll, in a slot of its own */
	[OP_WATCH] = { "watch", 3, { ARG_SLOT, ARG_SLOT, ARG_SMALL } },
	[OP_FDINFO] = { "fdinfo", 1, { ARG_SLOT } },
	/* everything else */
	[OP_SLEEP] = { "sleep", 2, { ARG_MICROSECONDS } },
	[OP_SIGNAL] = { "signal", 2, { ARG_SMALL } },
	/* the operations that follow, so many, in a new process */
	[OP_FORK] = { "fork", 3, { ARG_SMALL } },
	/* another program, in a process of fork's */
	[OP_EXEC] = { "exec", 1, { ARG_SMALL } },
	[OP_LIMIT] = { "limit", 1, { ARG_SMALL, ARG_COUNT } },
	[OP_SAMPLE] = { "sample", 1, { ARG_SMALL } },
	/* histograms, late_packet_ms */
	[OP_SWITCH] = { "switch", 1, { ARG_SMALL, ARG_SMALL } },
	[OP_USER] = { "user", 1, { ARG_SMALL } },
	/* a packet is left in the queue that says nothing any more */
	/* again and again: holds the lock that a harvest tries to take */
	[OP_CHMOD] = { "chmod", 2, { ARG_SLOT, ARG_SMALL } },
	[OP_STALE] = { "stale", 3, { ARG_SLOT, ARG_SLOT, ARG_SLOT, ARG_COUNT } },
};

static const char *const kinds[] = {
	"tcp4", "tcp6", "mptcp4", "mptcp6", "tls4", "tls6", "unix", "vsock",
	"vsockseq", "udp4", "udp6", "unixdgram", "unixseq", "netlink", "packet",
	"raw4",
};

#define NR(array)	(sizeof(array) / sizeof(*(array)))

const char *kind_text(uint32_t kind)
{
	return kinds[kind % NR(kinds)];
}

unsigned int input_kinds(void)
{
	return NR(kinds);
}

/* Values that have a meaning, or lie beside one. */
static const struct {
	unsigned int n;
	uint32_t value[16];
} values[ARGS] = {
	[ARG_FILTER] = { 12, { 1, 2, 4, 7, 3, 5, 6, 0, 1, 7, 8, 0xffff } },
	[ARG_OPERATION] = { 10, { 1, 1, 1, 1, 2, 4, 4, 0, 3, 5 } },
	[ARG_TRIGGER] = { 14, { 4, 5, 8, 9, 4, 5, 8, 9, 6, 10, 12, 0, 7, 0x14 } },
	[ARG_COUNT] = { 16, { 1, 2, 3, 4, 8, 31, 32, 33, 64, 100, 0, 1, 2, 1 << 24,
			      (1 << 24) + 1, 0xffffffff } },
	[ARG_MICROSECONDS] = { 8, { 0, 0, 0, 100, 1000, 3000, 20000, 0xffffffff } },
	[ARG_FLAGS] = { 4, { 0, 0, 1, 0x80000000 } },
	[ARG_ADDRESS] = { 12, { 1, 1, 1, 1, 0, 2, 3, 4, 5, 6, 7, 8 } },
	[ARG_SIZE] = { 16, { 1, 2, 8, 28, 31, 32, 40, 47, 48, 49, 56, 57, 100, 4096,
			     0, 65536 } },
	[ARG_SMALL] = { 10, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 } },
	[ARG_CALL] = { 14, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 } },
	/* SOCKIOCP_CMD_*, and 16 times a dump, with an answer, all of which is read */
	[ARG_COMMAND] = { 16, { 1, 5, 6, 0x11, 0x12, 0x13, 0x14, 0x51, 0x52, 0x53, 0x54, 0x41,
				0x62, 0x26, 0x45, 10 } },
	[ARG_LENGTH] = { 6, { 4, 4, 4, 8, 0, 3 } },
	/* SOCKIOCP_SUBMIT_*, and 16 times the number of message flags */
	[ARG_SUBMIT] = { 15, { 0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x30, 0x70 } },
	/* SOCKIOCP_SUBMIT_* flags, and 16 times the slot of an event */
	[ARG_HOW] = { 14, { 0, 0, 0, 0, 1, 2, 4, 8, 0x35, 0x46, 0x34, 0x0f, 0x10, 9 } },
	/* an address as above, and 16 times the number of what is there */
	[ARG_WHERE] = { 16, { 1, 1, 1, 1, 1, 1, 0x12, 0x13, 0x14, 0x02, 0x03, 0x07, 0x23, 0x24,
			      0x31, 0x34 } },
};

/* ----------------------------------------------------------------------- text */

void input_format(const struct input *input, const char *separator, char *text,
		  size_t size)
{
	size_t used = 0;
	unsigned int i, k;

	*text = 0;
	for (i = 0; i < input->n && used < size; i++) {
		const struct op *op = &input->op[i];

		used += snprintf(text + used, size - used, "%c %s",
				 op->thread ? 'B' : 'A', ops[op->code].name);
		for (k = 0; k < MAX_ARGS && ops[op->code].arg[k] && used < size; k++) {
			if (ops[op->code].arg[k] == ARG_KIND)
				used += snprintf(text + used, size - used, " %s",
						 kind_text(op->arg[k]));
			else
				used += snprintf(text + used, size - used, " %u",
						 op->arg[k]);
		}
		if (used < size)
			used += snprintf(text + used, size - used, "%s", separator);
	}
}

static int parse_kind(const char *word, uint32_t *value)
{
	unsigned int i;

	for (i = 0; i < NR(kinds); i++) {
		if (!strcmp(word, kinds[i])) {
			*value = i;
			return 0;
		}
	}
	return -1;
}

static int parse_op(struct op *op, char *line)
{
	char *word, *end, *save;
	unsigned int k;

	memset(op, 0, sizeof(*op));
	word = strtok_r(line, " ", &save);
	if (!word || (strcmp(word, "A") && strcmp(word, "B")))
		return -1;
	op->thread = *word == 'B';
	word = strtok_r(NULL, " ", &save);
	for (op->code = 0; op->code < OPS; op->code++)
		if (word && !strcmp(word, ops[op->code].name))
			break;
	if (op->code == OPS)
		return -1;
	for (k = 0; k < MAX_ARGS && ops[op->code].arg[k]; k++) {
		word = strtok_r(NULL, " ", &save);
		if (!word)
			return -1;
		if (ops[op->code].arg[k] == ARG_KIND) {
			if (parse_kind(word, &op->arg[k]))
				return -1;
			continue;
		}
		op->arg[k] = strtoul(word, &end, 0);
		if (*end)
			return -1;
	}
	return strtok_r(NULL, " ", &save) ? -1 : 0;
}

int input_parse(struct input *input, const char *text)
{
	char *copy = strdup(text), *line, *save;
	int number = 0;

	input->n = 0;
	for (line = strtok_r(copy, "\n;", &save); line;
	     line = strtok_r(NULL, "\n;", &save)) {
		number++;
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (input->n == MAX_OPS || parse_op(&input->op[input->n++], line)) {
			free(copy);
			return number;
		}
	}
	free(copy);
	return 0;
}

/* --------------------------------------------------------------------- chance */

static uint32_t random_arg(enum arg type, struct random *r)
{
	switch (type) {
	case ARG_SLOT:
		/* Few slots are used, so that operations meet. */
		return random_below(r, random_below(r, 4) ? 4 : SLOTS);
	case ARG_KIND:
		return random_below(r, NR(kinds));
	default:
		if (!random_below(r, 20))
			return random_next(r) >> random_below(r, 32);
		return values[type].value[random_below(r, values[type].n)];
	}
}

static struct op random_op(struct random *r)
{
	static unsigned int total;
	struct op op = { 0 };
	unsigned int at, k;

	if (!total)
		for (k = 0; k < OPS; k++)
			total += ops[k].weight;
	at = random_below(r, total);
	while (at >= ops[op.code].weight)
		at -= ops[op.code++].weight;
	op.thread = !random_below(r, 4);
	for (k = 0; k < MAX_ARGS; k++)
		op.arg[k] = ops[op.code].arg[k] ? random_arg(ops[op.code].arg[k], r) : 0;
	return op;
}

static void insert(struct input *input, unsigned int at, struct op op)
{
	if (input->n == MAX_OPS)
		input->n--;
	if (at > input->n)
		at = input->n;
	memmove(&input->op[at + 1], &input->op[at], (input->n - at) * sizeof(op));
	input->op[at] = op;
	input->n++;
}

void input_remove(struct input *input, unsigned int i)
{
	input->n--;
	memmove(&input->op[i], &input->op[i + 1], (input->n - i) * sizeof(input->op[0]));
}

/* Something that has a port and two sockets is soonest of interest. */
void input_generate(struct input *input, struct random *r)
{
	unsigned int n = 3 + random_below(r, 10);

	input->n = 2;
	input->op[0] = (struct op) { .code = OP_PORT };
	input->op[1] = (struct op) {
		.code = OP_PAIR,
		.arg = { 1, 2, random_below(r, NR(kinds)) },
	};
	while (input->n < n)
		insert(input, input->n, random_op(r));
}

static void tweak(struct input *input, struct random *r)
{
	struct op *op = &input->op[random_below(r, input->n)];
	unsigned int k = random_below(r, MAX_ARGS + 1);

	if (k == MAX_ARGS)
		op->thread = !op->thread;
	else if (ops[op->code].arg[k])
		op->arg[k] = random_arg(ops[op->code].arg[k], r);
}

/* The beginning of one, and then the end of the other. */
static void splice(struct input *input, const struct input *other, struct random *r)
{
	unsigned int keep = random_below(r, input->n + 1);
	unsigned int from = random_below(r, other->n);

	input->n = keep;
	while (from < other->n && input->n < MAX_OPS)
		input->op[input->n++] = other->op[from++];
}

void input_mutate(struct input *input, const struct input *other, struct random *r)
{
	unsigned int times = 1 + random_below(r, 4);

	while (times--) {
		unsigned int at = random_below(r, input->n + 1);

		switch (random_below(r, 10)) {
		case 0:
			splice(input, other, r);
			break;
		case 1:
			if (input->n > 1)
				input_remove(input, random_below(r, input->n));
			break;
		case 2:
			insert(input, at, input->op[random_below(r, input->n)]);
			break;
		case 3:
			insert(input, at, other->op[random_below(r, other->n)]);
			break;
		case 4:
		case 5:
		case 6:
			insert(input, at, random_op(r));
			break;
		default:
			tweak(input, r);
		}
		if (!input->n)
			insert(input, 0, random_op(r));
	}
}
