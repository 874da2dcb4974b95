// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The workqueue: what is done later, where it may sleep.  It begins before anything else of
 * the module and ends behind it, so that no work runs in code that is gone.
 */
#include "sockiocp.h"

struct workqueue_struct *sockiocp_wq;

int __init sockiocp_workqueue_init(void)
{
	sockiocp_wq = alloc_workqueue("sockiocp", WQ_UNBOUND, 0);
	return sockiocp_wq ? 0 : -ENOMEM;
}

void sockiocp_workqueue_exit(void)
{
	destroy_workqueue(sockiocp_wq);
}
