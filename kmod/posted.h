/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The memory of posted packets (posted.c).
 */
#ifndef _SOCKIOCP_POSTED_H
#define _SOCKIOCP_POSTED_H

#include "sockiocp.h"

struct sockiocp_posted *sockiocp_posted_make(struct sockiocp_port *port);
void sockiocp_posted_free(struct sockiocp_port *port, struct sockiocp_posted *posted);
void sockiocp_posted_forget(struct sockiocp_port *port);
int sockiocp_posted_init(void);
void sockiocp_posted_exit(void);

#endif /* _SOCKIOCP_POSTED_H */
