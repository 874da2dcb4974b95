/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * sockiocpctl, as tests run it.
 */
#ifndef SELFTESTS_LIB_TOOL_H
#define SELFTESTS_LIB_TOOL_H

#include <stddef.h>

/* Where it is. */
const char *tool_program(void);

/* Runs it; its exit status.  What it says goes to @said, also what goes to stderr. */
__attribute__((format(printf, 3, 4)))
int tool_run(char *said, size_t size, const char *arguments, ...);

#endif /* SELFTESTS_LIB_TOOL_H */
