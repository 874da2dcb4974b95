/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The module itself: loaded and unloaded.  Conventions as in sock.h.
 */
#ifndef SELFTESTS_LIB_MODULE_H
#define SELFTESTS_LIB_MODULE_H

/* What keeps a test from loading the module again once it is unloaded, or NULL. */
const char *module_missing(void);
int module_load(void);
/* Never waits: -EWOULDBLOCK if somebody uses it. */
int module_unload(void);
int module_is_loaded(void);
/* Has the kernel still something that has the module's name?  Some goes late. */
int module_is_gone(int timeout_ms);

/*
 * Loading and unloading switch static keys, which does not go well under QEMU with
 * several processors (vm/init says more).  So all but the first are turned off.
 */
int processors_off(void);
int processors_on(void);

#endif /* SELFTESTS_LIB_MODULE_H */
