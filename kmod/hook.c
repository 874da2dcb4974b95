// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * How a hook ends, whichever it is: for those who find it in a port's ring.
 */
#include "hook.h"
#include "registration.h"

static void hook_kill_endpoint(struct sockiocp_endpoint *endpoint)
{
	sockiocp_cancel_closed(endpoint);
	sockiocp_endpoint_kill(endpoint);
}

/**
 * sockiocp_hook_kill - end a registration or an endpoint
 * @hook: the caller has a reference to it; it may have ended already
 */
void sockiocp_hook_kill(struct sockiocp_hook *hook)
{
	struct sockiocp_registration *reg = sockiocp_hook_registration(hook);

	if (reg)
		sockiocp_registration_kill(reg);
	else
		hook_kill_endpoint(container_of(hook, struct sockiocp_endpoint, hook));
}

/* Sleeps when it was the last reference: the socket's inode goes with it. */
void sockiocp_hook_put(struct sockiocp_hook *hook)
{
	struct sockiocp_registration *reg = sockiocp_hook_registration(hook);

	if (reg)
		sockiocp_registration_put(reg);
	else
		sockiocp_endpoint_put(container_of(hook, struct sockiocp_endpoint, hook));
}

/**
 * sockiocp_hook_end_many - end a registration or an endpoint, one of many
 * @hook: the caller gives back its reference to it; it may have ended already
 * @freed: gets the memory of a registration, as with sockiocp_registration_put_many()
 */
void sockiocp_hook_end_many(struct sockiocp_hook *hook, struct sockiocp_memories *freed)
{
	struct sockiocp_registration *reg = sockiocp_hook_registration(hook);

	if (reg) {
		sockiocp_registration_kill(reg);
		sockiocp_registration_put_many(reg, freed);
	} else {
		sockiocp_hook_kill(hook);
		sockiocp_hook_put(hook);
	}
}
