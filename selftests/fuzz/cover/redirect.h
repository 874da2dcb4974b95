/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Included into each file of the module that is to be watched.  The compiler puts
 * a call of __sanitizer_cov_trace_pc() into each basic block; here it becomes one
 * of a name that the kernel itself does not have.
 */
asm(".set __sanitizer_cov_trace_pc, sockiocp_cover_hit");
