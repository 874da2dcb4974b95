/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What the fuzzer gives to the module: an input is a short program of operations on
 * eight slots, which hold descriptors.  As text, each operation is a line:
 *
 *	THREAD NAME ARGUMENT...
 *
 * Thread B begins an operation when A has ended those before it, and then both go
 * on at once.  input.c lists the operations.
 */
#ifndef SELFTESTS_FUZZ_INPUT_H
#define SELFTESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "random.h"

enum {
	SLOTS = 8,
	MAX_OPS = 24,
	MAX_ARGS = 7,
};

/* What an argument is, and so what it can be changed to. */
enum arg {
	ARG_NONE,
	ARG_SLOT,
	ARG_KIND,
	ARG_FILTER,
	ARG_OPERATION,
	ARG_TRIGGER,
	ARG_COUNT,
	ARG_MICROSECONDS,
	ARG_FLAGS,
	ARG_ADDRESS,
	ARG_SIZE,
	ARG_SMALL,
	ARG_CALL,
	ARG_COMMAND,
	ARG_LENGTH,
	ARG_SUBMIT,
	ARG_HOW,
	ARG_WHERE,
	ARGS,
};

enum opcode {
	OP_PORT, OP_SOCKET, OP_PAIR, OP_LISTEN, OP_CONNECT, OP_ACCEPT,
	OP_OTHER, OP_DUP, OP_DUP2, OP_CLOSE, OP_SEND, OP_RECV, OP_FILL,
	OP_DRAIN, OP_SHUTDOWN, OP_RESET, OP_DISCONNECT, OP_OPTION, OP_BLOCKING,
	OP_PASS, OP_REGISTER, OP_BATCH, OP_CROWD, OP_HARVEST, OP_BOTH, OP_RAW,
	OP_POST, OP_CONFIGURE, OP_ASSOCIATE, OP_MODES, OP_INFO, OP_IOCTL, OP_CLOSE_PORT, OP_POLL,
	OP_WATCH, OP_FDINFO, OP_SLEEP, OP_SIGNAL, OP_FORK, OP_LIMIT, OP_SAMPLE,
	OP_USER, OP_STALE, OP_CHMOD, OP_OFFER, OP_FETCH, OP_SUBMIT, OP_SUBMITS, OP_CANCEL,
	OP_CLOSE_SOCKET, OP_EXEC, OP_FAMILY, OP_ASK, OP_SWITCH, OP_MIRROR,
	OPS,
};

struct op {
	uint8_t code;
	uint8_t thread;
	uint32_t arg[MAX_ARGS];
};

struct input {
	unsigned int n;
	struct op op[MAX_OPS];
};

const char *kind_text(uint32_t kind);
unsigned int input_kinds(void);

/* Into one line, with "; " between operations, or into one for each. */
void input_format(const struct input *input, const char *separator, char *text,
		  size_t size);
/* 0, or the number of the line that is wrong. */
int input_parse(struct input *input, const char *text);

void input_generate(struct input *input, struct random *r);
void input_mutate(struct input *input, const struct input *other, struct random *r);
void input_remove(struct input *input, unsigned int i);

#endif /* SELFTESTS_FUZZ_INPUT_H */
