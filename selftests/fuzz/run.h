/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Runs an input, in the calling process, all of whose descriptors but the standard
 * ones may be changed: see input.h.
 */
#ifndef SELFTESTS_FUZZ_RUN_H
#define SELFTESTS_FUZZ_RUN_H

#include "input.h"

/*
 * The calling thread's part of it is thread A; returns when both have ended.  Returns
 * whether the process may run another one.
 */
int input_run(const struct input *input);

#endif /* SELFTESTS_FUZZ_RUN_H */
